"""What customers of an airline state: who they are, which trip they mean, what they want of it."""

from simenv.core.grammar import Rule
from simenv_generators.airline.wordings_clauses import STATUSES
from simenv_generators.airline.wordings_wanted import WANTED, Facts

_USER = (
    "my {USERID} is {u:UID}.",
    "{FORTHIS}, my {USERID} is {u:UID}.",
    "{FORTHIS}, [I'm|I am] {u:UID}.",
    "[you'll find|you have|you know] me [under|as] {u:UID}.",
    "[you can|please|do|feel free to|you might] {FINDME} [as|under] {u:UID}.",
    "I'm {LISTED} [as|under] {u:UID}[ with you| in your system| on your site|].",
    "the {USERID} [on|of|for] my [account|profile] is {u:UID}.",
    "[this|it|my request] [is about|concerns|has to do with] the [account|profile] {u:UID}.",
    "[account|profile|user|customer]: {u:UID}.",
    "{USERID}: {u:UID}.",
    "[on your website|in your system|in your app|with you|in your files], I'm {u:UID}.",
    "{FORTHIS}, the {USERID} [you need|to use|to look for|on file] is {u:UID}.",
)
_POINTING = (
    "I don't have the [reservation|booking] number [at hand|with me|handy|here], I mean {r:REF}",
    "I [can't find|don't know|forgot|lost] the [reservation|booking] number, but it's {r:REF}",
    "no idea what the [reservation|booking] number is, [sorry|though], it's {r:REF}",
    "I [only|just] know that it's {r:REF}, the number I don't have",
    "[the one|what] I'm [talking|asking] about is {r:REF}, I don't have [its|the] number",
    "[you'd have to|could you] look the number up, it's {r:REF} that I mean",
    "the number isn't [in front of me|at hand], I'm [talking|asking] about {r:REF}",
    "without the number [at hand|in front of me], all I can say is that I mean {r:REF}",
)
_IDS: Facts = (
    ("user", "$u", ("my user ID is {u:UID}", "the user ID is {u:UID}", "[it's|that would be] {u:UID}")),
    (
        "number",
        "$i",
        (
            "the [reservation|booking] number is {i:RID}",
            "it's [reservation|booking] {i:RID}",
            "the [reservation|booking] in question is {i:RID}",
            "it has the number {i:RID}",
            "I mean [number|reservation|booking] {i:RID}",
        ),
    ),
    ("pointing", "$r", _POINTING),
)
_TRIP: Facts = (
    (
        "at.origin",
        "$o",
        (
            "the trip [starts|begins|departs] [in|from] {o:CITY}",
            "it [leaves|starts|departs] from {o:CITY}",
            "the [starting point|place of departure] is {o:CITY}",
            "{o:CITY} is where the trip starts",
        ),
    ),
    (
        "at.destination",
        "$o",
        (
            "the trip goes to {o:CITY}",
            "it [goes|takes me|is headed] to {o:CITY}",
            "the destination [is|of the trip is] {o:CITY}",
            "{o:CITY} is where the trip goes",
        ),
    ),
    (
        "at.start",
        "$o",
        (
            "the trip [starts|begins|leaves] on {o:DATE}",
            "it [starts|leaves|departs] on {o:DATE}",
            "the [departure|start] date is {o:DATE}",
            "the trip's first day is {o:DATE}",
        ),
    ),
    (
        "at.cabin",
        "$o",
        (
            "it's [booked|a booking] in {o:CABIN}",
            "the trip is in {o:CABIN}",
            "the seats are in {o:CABIN}",
            "its cabin is {o:CABIN}",
        ),
    ),
    (
        "at.insurance",
        "yes",
        (
            "it's insured",
            "the trip is insured",
            "it has travel insurance",
            "I took out insurance for that trip",
        ),
    ),
    (
        "at.insurance",
        "no",
        (
            "it's not insured",
            "the trip isn't insured",
            "it has no travel insurance",
            "I took out no insurance for that trip",
        ),
    ),
    (
        "at.kind",
        "one_way",
        (
            "it's [one way|a one-way trip]",
            "the trip goes one way only",
            "it has no return leg",
            "I booked it one way",
        ),
    ),
    (
        "at.kind",
        "round_trip",
        (
            "it's a round trip",
            "the trip goes there and back",
            "it has a return leg",
            "I booked it as a round trip",
        ),
    ),
    (
        "at.people",
        1,
        (
            "it's for [one|a single|only one] person",
            "the trip is for one [person|passenger]",
            "there's only one passenger on it",
            "it was booked for one person",
        ),
    ),
    (
        "at.people",
        "$n",
        (
            "it's for {n:NUM} people",
            "the trip is for {n:NUM} [people|passengers]",
            "there are {n:NUM} [passengers|of us] on it",
            "it was booked for {n:NUM} people",
        ),
    ),
    (
        "at.traveller",
        "$p",
        (
            "{p:PERSON} is [coming along|coming with me|on it too|one of the passengers]",
            "it's the one that {p:PERSON} is on",
            "one of the passengers is {p:PERSON}",
            "it has {p:PERSON} [on board|as a passenger]",
        ),
    ),
    *[
        (
            "at.first_status",
            status,
            (
                f"its first [flight|leg] {text}",
                f"the trip's first [flight|leg] {text}",
                f"the first flight of that trip {text}",
                f"it's the one whose first flight {text}",
            ),
        )
        for status, text in STATUSES
    ],
)
_WHO = "[my brother|my neighbour|my sister|my boss|a friend of mine|my cousin]"
_BTW = "[by the way, |incidentally, |]"
_ASIDES: Facts = (
    (
        "date",
        "$v",
        (
            f"{_BTW}{_WHO} is [flying|travelling|leaving] on {{v:DATE}}.",
            "[my parents|my in-laws] are [flying|leaving|travelling] on {v:DATE}[, by the way|].",
            f"{{v:DATE}} is when {_WHO} [is flying|flies|travels], [by the way|but that's another story].",
            f"{_WHO} [has|booked] a flight of their own on {{v:DATE}}, [by the way|but never mind that].",
        ),
    ),
    (
        "bags",
        "$v",
        (
            f"{_BTW}{_WHO} [always|usually|mostly|apparently] travels with {{v:BAGS}}.",
            "[my parents|my in-laws] [always|usually] travel with {v:BAGS}[, by the way|].",
            f"{_WHO} [took|brought|checked in] {{v:BAGS}} [last time|once], but that's another story.",
        ),
    ),
    (
        "cabin",
        "$v",
        (
            f"{_BTW}{_WHO} [always|usually|mostly|only] flies {{v:CABIN}}.",
            "[my parents|my in-laws] [always|usually] fly {v:CABIN}[, by the way|, lucky them|].",
            f"{_WHO} [swears by|is fond of|prefers] {{v:CABIN}}, [by the way|but that's another story].",
            f"{{v:CABIN}} is what {_WHO} [always|usually|mostly] flies, [by the way|as it happens].",
        ),
    ),
)


def facts() -> list[Rule]:
    """Return the rules of what is stated, of the customer's own matters and of others'."""
    return [
        Rule("USER", "$u", _USER, family="user"),
        *[
            Rule("FACT", {"fact": name, "value": value}, texts, family=f"fact_{name}")
            for name, value, texts in (*_IDS, *_TRIP, *WANTED)
        ],
        *[
            Rule("ASIDE", {"fact": name, "value": value}, texts, family="aside")
            for name, value, texts in _ASIDES
        ],
    ]
