"""What customers of an airline say of what they want, in sentences of their own or when asked."""

from typing import Any

Facts = tuple[tuple[str, Any, tuple[str, ...]], ...]
"""Kinds of facts with their patterns and wordings."""

WANTED: Facts = (
    (
        "reason",
        "illness",
        (
            "I'm [ill|sick|unwell] and can't travel",
            "I've [fallen|been taken] ill",
            "I've come down with something",
            "it's [for health reasons|because of an illness|on account of illness]",
            "my doctor [says I can't fly|told me not to travel]",
            "I'm not well enough to [travel|fly]",
        ),
    ),
    (
        "reason",
        "weather",
        (
            "it's [because of|on account of|due to] the [bad weather|weather|storm]",
            "the weather [is too bad|looks terrible|won't allow it]",
            "the weather is the [reason|problem]",
            "there's [a storm|bad weather] [coming|forecast]",
            "the forecast is [awful|terrible|too bad to fly]",
        ),
    ),
    (
        "reason",
        "change of plan",
        (
            "my plans have [changed|fallen through]",
            "it's [simply|just|merely] a change of plan",
            "I've [made other plans|decided not to go]",
            "something else came up",
            "I [no longer need to go|don't need to travel any more]",
            "we've [changed our plans|decided to do something else]",
        ),
    ),
    (
        "total",
        "$n",
        (
            "I want {n:BAGS} in total",
            "I'd like [to have|to check in] {n:BAGS} in total",
            "it should be {n:BAGS} in total",
            "make it {n:BAGS} in total",
            "the total should be {n:BAGS}",
        ),
    ),
    (
        "card",
        "$c",
        (
            "please [use|charge] my {c:CARDNAME}",
            "I'd like to [pay with|use|pay by|put it on|charge] my {c:CARDNAME}",
            "I'll [pay with|be paying with|use|be using|pay by] my {c:CARDNAME}",
            "[any|the|all] [payment|charges|costs] should go on my {c:CARDNAME}",
            "[put|charge|bill] [it|any payment|any costs|everything] [to|on] my {c:CARDNAME}",
            "my {c:CARDNAME} [will do for payment|is for payment|can be charged|is the card to use]",
            "you can [charge|use|put it on] my {c:CARDNAME}",
            "the card to [use|charge] is my {c:CARDNAME}",
            "my {c:CARDNAME} is the one to [use|charge]",
        ),
    ),
    (
        "cabin",
        "$c",
        (
            "I'd like to [fly|travel|sit] in {c:CABIN}",
            "I want to [fly|travel] in {c:CABIN}",
            "I'd [prefer|like] {c:CABIN}",
            "{c:CABIN} [is what I want|it should be|is the cabin I want]",
            "the cabin should be {c:CABIN}",
            "please make it {c:CABIN}",
        ),
    ),
    (
        "name",
        ["$a", "$b"],
        (
            "{a:PERSON} should be spelled {b:PERSON}",
            "{a:PERSON} is [really|actually] spelled {b:PERSON}",
            "the name {a:PERSON} should [be|read] {b:PERSON}",
            "it says {a:PERSON} but [it should say|the right spelling is] {b:PERSON}",
            "instead of {a:PERSON} it [should|has to] be {b:PERSON}",
            "please change {a:PERSON} to {b:PERSON}",
        ),
    ),
    (
        "date",
        "$d",
        (
            "I want to [fly|travel|leave] on {d:DATE}",
            "I'd like to [fly|travel|leave] on {d:DATE}",
            "{d:DATE} [is when I want to fly|is the day I want|would be the day]",
            "the new date should be {d:DATE}",
            "please make it {d:DATE}",
            "I'm looking to fly on {d:DATE}",
        ),
    ),
    (
        "choice",
        "cheapest",
        (
            "I'd like the cheapest flight",
            "[please take|give me|I'll take] the cheapest flight",
            "the [cheapest|least expensive] flight [of that day|], please",
            "whichever flight is [cheapest|least expensive]",
            "price matters most, so the cheapest flight",
            "I want to pay as little as possible for the flight",
        ),
    ),
    (
        "choice",
        "earliest",
        (
            "I'd like the earliest departure",
            "[please take|give me|I'll take] the [earliest|first] flight of that day",
            "the flight that leaves first that day, please",
            "whichever flight departs [earliest|first]",
            "I want to leave as early that day as possible",
            "the first flight in the morning, the earliest there is",
        ),
    ),
    (
        "choice",
        "latest",
        (
            "I'd like the last flight of that day",
            "[please take|give me|I'll take] the [latest|last] flight of that day",
            "the flight that leaves last that day, please",
            "whichever flight departs [latest|last]",
            "I want to leave as late that day as possible",
            "the last departure of the day, the latest there is",
        ),
    ),
    (
        "leg",
        "$d",
        (
            "it's the flight on {d:DATE}",
            "I mean the [flight on {d:DATE}|{d:DATE} flight]",
            "the flight [in question|I mean] is the one on {d:DATE}",
            "it's about the {d:DATE} flight",
        ),
    ),
    *[
        (
            "what",
            what,
            (
                f"the flight was {what}",
                f"that flight [got|had been] {what}",
                f"what happened is that they {what} {it}",
                f"it was [a flight that was|one that got] {what}",
            ),
        )
        for what, it in (("delayed", "the flight"), ("cancelled", "the flight"))
    ],
    (
        "from",
        "$c",
        (
            "I want to [start in|leave from|depart from] {c:CITY}",
            "I'd like to [start in|leave from|fly out of] {c:CITY}",
            "I'm [flying out of|leaving from] {c:CITY}",
            "{c:CITY} is where I want to start",
        ),
    ),
    (
        "to",
        "$c",
        (
            "I want to [go|fly|get] to {c:CITY}",
            "I'd like to [go|fly|get] to {c:CITY}",
            "I'm [flying|heading] to {c:CITY}",
            "{c:CITY} is where I want to go",
        ),
    ),
    *[
        (
            "source",
            source,
            (
                f"I mean all of my {thing}",
                f"it's about [all|all of] my {thing}",
                f"I'm [talking|asking] about all my {thing}",
                f"all my {thing} are what I mean",
            ),
        )
        for source, thing in (("gift_card", "gift cards"), ("certificate", "travel certificates"))
    ],
    (
        "company",
        [],
        (
            "it's [just|only] me[, nobody else|, no one else|]",
            "I'm [the sole traveller|on my own this time|flying solo|travelling solo]",
            "I'm [travelling|flying|going] [alone|on my own|by myself]",
            "there is nobody [else coming|coming along|travelling with me]",
            "I'm the only passenger",
        ),
    ),
    (
        "company",
        [["$a", "$b"]],
        (
            "it's me and {a:PERSON}, born on {b:BORN}",
            "{a:PERSON}, born on {b:BORN}, is [coming with me|coming along|flying with me]",
            "I'm [travelling|flying|going] with {a:PERSON}, born on {b:BORN}",
            "there are two of us, {a:PERSON}, born on {b:BORN}, and me",
        ),
    ),
    (
        "company",
        [["$a", "$b"], ["$c", "$d"]],
        (
            "it's me and {a:PERSON}, born on {b:BORN}, and {c:PERSON}, born on {d:BORN}",
            "{a:PERSON}, born on {b:BORN}, and {c:PERSON}, born on {d:BORN}, are [coming along|with me]",
            "I'm [travelling|flying] with {a:PERSON}, born on {b:BORN}, and {c:PERSON}, born on {d:BORN}",
            "there are three of us, {a:PERSON}, born on {b:BORN}, {c:PERSON}, born on {d:BORN}, and me",
        ),
    ),
    (
        "bags",
        0,
        (
            "I have no checked bags",
            "there are no bags to check in",
            "I [won't check|won't be checking] any bags",
            "I'm travelling without checked [bags|luggage]",
        ),
    ),
    (
        "bags",
        "$n",
        (
            "I have {n:BAGS} in total",
            "I'll [have|bring|be bringing|check in] {n:BAGS} in total",
            "there'll be {n:BAGS} in total",
            "I'm [bringing|taking|travelling with] {n:BAGS} in total",
        ),
    ),
    (
        "insurance",
        "yes",
        (
            "I'd [like|love|prefer to have] travel insurance",
            "please [add|include|throw in|put in] travel insurance",
            "[with|including] travel insurance, please",
            "I [want|need] travel insurance [for it|with it|]",
            "travel insurance should be included",
            "yes to travel insurance",
        ),
    ),
    (
        "insurance",
        "no",
        (
            "I don't [want|wish to buy|care for] [any|] travel insurance",
            "please [leave out|skip|omit] travel insurance",
            "travel insurance [isn't necessary|can be left out|is not for me]",
            "I don't need [any|] travel insurance",
            "no travel insurance[, please| for me|]",
            "I can do without travel insurance",
        ),
    ),
)
"""What is wanted, in the customer's words."""
