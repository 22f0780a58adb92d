"""How customers of an airline ask for something to be done: verb phrases that fit after "please"."""

from typing import Any

from simenv.core.grammar import Rule
from simenv_generators.airline.wordings_clauses import LATER
from simenv_generators.airline.wordings_synonyms import spelled_out

_CANCEL = (
    "{VOID} {r:REF}",
    "{VOID} {r:REF} {WHOLLY}",
    "{VOID} {r:REF}",
    "{PROCESS} [the|a|a full|the complete] cancellation of {r:REF}",
    "[have|get] {r:REF} {VOIDED}[ {WHOLLY}|]",
    "[remove|delete|take|strike|erase|clear] {r:REF} {OFF}",
    "put [an end|a stop] to {r:REF}[ {WHOLLY}|]",
)
_BAGS = (
    "put {n:BAGS} in total on {r:REF}",
    "{SET} the {BAGGAGE} {WITHIN} {r:REF} to {n:BAGS} in total",
    "make it {n:BAGS} in total {WITHIN} {r:REF}",
    "{NOTE} {n:BAGS} in total {WITHIN} {r:REF}",
    "{ALTER} {r:REF} to {n:BAGS} in total",
    "[let me|allow me to|help me|permit me to] [take|check in|bring|carry] {n:BAGS} in total on {r:REF}",
    "{GIVE} me {n:BAGS} in total on {r:REF}",
    "add {CASES} to {r:REF}[, so that it's| to make it| to reach|, for] {n:BAGS} in total",
    "[put|mark] {r:REF} down for {n:BAGS} in total",
    "{NOTE} {EXTRA} {CASES} {WITHIN} {r:REF}, {n:BAGS} in total",
)
_BAGS_OPEN = (
    "add {CASES} to {r:REF}",
    "{NOTE} {EXTRA} {CASES} {WITHIN} {r:REF}",
    "{SET} the {BAGGAGE} {WITHIN} {r:REF}",
    "[let me|allow me to|help me] [take|bring|check in|carry] {EXTRA} {CASES} on {r:REF}",
    "{ALTER} {r:REF} to include {EXTRA} {CASES}",
    "{GIVE} me {EXTRA} {CASES} {WITHIN} {r:REF}",
)
_BAGS_EACH = (
    "put {k} checked {bag} for each passenger in total on {r:REF}",
    "[set|fix|update] the checked [bags|baggage] on {r:REF} to {k} for [each|every] passenger in total",
    "[bring|raise] the checked [bags|luggage] on {r:REF} to {k} per [passenger|traveller|head] in total",
    "make it {k} checked {bag} per [passenger|person|head] in total on {r:REF}",
    "[note|register|record] {k} checked {bag} [per|for every] passenger in total on {r:REF}",
    "[let|allow] every passenger [check in|bring|take] {k} checked {bag} in total on {r:REF}",
    "[give|get] [each|every] passenger {k} checked {bag} in total on {r:REF}",
    "[arrange|book] {k} checked {bag} [a head|a person|for everyone] in total for {r:REF}",
)
_BAGS_AS_ON = (
    "put [|exactly] as many checked bags as on {x:INNER} on {r:REF}",
    "[give|get] me as many checked bags on {r:REF} as on {x:INNER}",
    "[bring|set|change] the [number of checked bags|checked baggage] on {r:REF} to that of {x:INNER}",
    "put the same number of checked bags on {r:REF} as [there are on|I have on|on] {x:INNER}",
    "[match|copy] the number of checked bags of {x:INNER} on {r:REF}",
    "let me [take|bring] as many checked bags on {r:REF} as on {x:INNER}",
    "make the number of checked bags on {r:REF} the same as [that on|on] {x:INNER}",
    "[register|book|note] as many checked bags for {r:REF} as for {x:INNER}",
)
_BAGS_SUM = (
    "put as many checked bags as on {x:INNER} and {y:INNER} [together|combined] on {r:REF}",
    "[give|get] me as many checked bags on {r:REF} as on {x:INNER} and {y:INNER} [together|combined]",
    "[set|bring|change] the number of checked bags on {r:REF} to the sum of those on {x:INNER} and {y:INNER}",
    "let me [take|bring] as many checked bags on {r:REF} as on {x:INNER} and {y:INNER} [added up|together]",
    "[register|book|note] as many checked bags for {r:REF} as for {x:INNER} plus {y:INNER}",
    "add up the checked bags of {x:INNER} and {y:INNER} and put [that many|that number] on {r:REF}",
    "count the checked bags on {x:INNER} and {y:INNER} together and put [as many|that many] on {r:REF}",
    "make it as many checked bags on {r:REF} as {x:INNER} and {y:INNER} have [together|between them]",
)
_COUNTS = ((1, "[one|a single]", "bag"), (2, "[two|2]", "bags"), (3, "[three|3]", "bags"))
_CABIN = (
    "{SHIFT} {r:REF} to {c:CABIN}[ class|]",
    "{REDO} {r:REF} in {c:CABIN}[ class|]",
    "{SEAT} me in {c:CABIN} [class|] on {r:REF}",
    "[put|place|book] {r:REF} in the {c:CABIN} [cabin|class|section]",
    "{ALTER} the {CLASS} {WITHIN} {r:REF} to {c:CABIN}",
    "{GIVE} me {c:CABIN} [seats|tickets|places] {WITHIN} {r:REF}",
    "[let me|allow me to|help me] [fly|travel|sit in] {c:CABIN} on {r:REF}",
    "turn {r:REF} into [one|a booking|a reservation] in {c:CABIN}",
    "{CLAIMFOR} {c:CABIN} [seats|tickets|places] for {r:REF}",
    "[have|get] {r:REF} {MOVED} to {c:CABIN}[ class|]",
    "[exchange|trade|swap] the [seats|tickets] {WITHIN} {r:REF} for {c:CABIN} ones",
    "{ALTER} {r:REF} to {c:CABIN}[ class|]",
)
_CABIN_OPEN = (
    "{ALTER} the {CLASS} {WITHIN} {r:REF}",
    "{SHIFT} {r:REF} to {OTHER} {CLASS}",
    "{SEAT} me in {OTHER} {CLASS} on {r:REF}",
    "{REDO} {r:REF} in {OTHER} {CLASS}",
    "{GIVE} me [seats|tickets|places] in {OTHER} {CLASS} {WITHIN} {r:REF}",
    "[have|get] the {CLASS} {WITHIN} {r:REF} {ALTERED}",
    "{CLAIMFOR} a change of {CLASS} {WITHIN} {r:REF}",
)
_CABIN_AS = (
    "put {r:REF} in the same [cabin|class] as {x:INNER}",
    "[move|switch|change|transfer] {r:REF} to the [cabin|class] of {x:INNER}",
    "[rebook|reissue] {r:REF} in the same [cabin|class] as {x:INNER}",
    "[change|set|switch] the [cabin|class] of {r:REF} to that of {x:INNER}",
    "[seat|put] me in the same [cabin|class] on {r:REF} as on {x:INNER}",
    "let me fly in the same [cabin|class] on {r:REF} as on {x:INNER}",
    "[make|have] the [cabin|class] of {r:REF} [match|the same as] that of {x:INNER}",
    "[give|get|find] me seats on {r:REF} in the same cabin as on {x:INNER}",
)
_RENAME = (
    "{FIX} {NAMING} {WITHIN} {r:REF}",
    "{FIX} {NAMING} {WITHIN} {r:REF}",
    "[have|get] {NAMING} {WITHIN} {r:REF} {FIXED}",
    "{CLAIMFOR} a [name|spelling] [correction|change|fix|update] {WITHIN} {r:REF}",
    "{FIX} a [misspelled|wrong|misprinted] name [on|in] the [passenger|traveller] [list|details] of {r:REF}",
    "[spell|write|enter] a [passenger's|traveller's] name [correctly|properly|right] {WITHIN} {r:REF}",
    "[deal with|look after|attend to|look at|handle] {NAMING} {WITHIN} {r:REF}",
)
_MOVE = (
    "{RESCHEDULE} {r:REF} to {d:DATE}",
    "{REDO} {r:REF} for {d:DATE}",
    "{ALTER} the {THEDAY} of {r:REF} to {d:DATE}",
    "{SEAT} me on [a|another|a new] flight on {d:DATE} instead for {r:REF}",
    "[let|have] me [fly|travel|leave|depart|go] on {d:DATE} instead for {r:REF}",
    "[have|get] {r:REF} {MOVED} to {d:DATE}",
    "{ALTER} {r:REF} [so that I|so I|so I can|so I get to] [fly|travel|leave|depart|go] on {d:DATE}",
    "{GIVE} me [another|a different|a new|some other] flight on {d:DATE} for {r:REF}",
    "make {d:DATE} the [new|] {THEDAY} of {r:REF}",
    "[swap|exchange|trade] the flight {WITHIN} {r:REF} for one on {d:DATE}",
    "{CLAIMFOR} a [date change|change of date|new date], {d:DATE}, for {r:REF}",
    "take {r:REF} and [move|shift|change|switch|transfer] it to {d:DATE}",
)
_MOVE_OPEN = (
    "{RESCHEDULE} {r:REF} to {OTHER} {THEDAY}",
    "{ALTER} the {THEDAY} of {r:REF}",
    "{REDO} {r:REF} for {OTHER} {THEDAY}",
    "[have|get] {r:REF} {MOVED} to {OTHER} {THEDAY}",
    "[let|have] me [fly|travel|leave|depart] on {OTHER} {THEDAY} for {r:REF}",
    "{CLAIMFOR} a [date change|change of date|new date] for {r:REF}",
    "{GIVE} me a flight on {OTHER} {THEDAY} for {r:REF}",
)
_MOVE_BY = (
    "[move|shift|reschedule|change|rebook] {r:REF} {n:BYDAYS}",
    "[postpone|delay|put off|defer] {r:REF} by {n:MOREDAYS}",
    "make {r:REF} [start|leave|depart] earlier by {n:LESSDAYS}",
    "[let me fly|have me travel] {n:BYDAYS} [on|for] {r:REF}",
    "[make|have] {r:REF} [start|depart|leave] {n:BYDAYS}",
    "[have|get] {r:REF} [moved|shifted|rescheduled] {n:BYDAYS}",
    "[rebook|redo] {r:REF} for a day that's {n:BYDAYS}",
    "[change|set] the [date|departure date|travel date] of {r:REF} to {n:BYDAYS}",
)
_MOVE_BESIDE = (
    "[move|shift|reschedule|change] {r:REF} to {n:LATER} {x:INNER} [starts|begins|departs]",
    "[move|shift|reschedule] {r:REF} to {n:LATER} the [start|departure|first day] of {x:INNER}",
    "[rebook|redo] {r:REF} for {n:LATER} the [start|departure|first day] of {x:INNER}",
    "[change|set] the [date|departure date|day] of {r:REF} to {n:LATER} {x:INNER} [starts|departs]",
    "[let|have] me fly {n:LATER} {x:INNER} [starts|begins] for {r:REF}",
    "[make|have] {r:REF} [start|depart|leave] {n:LATER} {x:INNER} does",
    "[have|get] {r:REF} [moved|shifted] to {n:LATER} the [start|departure] of {x:INNER}",
    "[put|place] {r:REF} {n:LATER} the [start|departure|first day] of {x:INNER}",
)
_CLAIM = (
    "compensate me for my {adj} flight on {d:DATE}, {PARTOF} {r:REF}",
    "{GRANT} me {COMPENSATION} for the {adj} flight on {d:DATE}, {PARTOF} {r:REF}",
    "{CLAIMFOR} {COMPENSATION} for the {noun} of my {d:DATE} flight, {PARTOF} {r:REF}",
    "compensate me for the {noun} that [hit|befell|affected] my {d:DATE} flight, {PARTOF} {r:REF}",
    "{GRANT} me {COMPENSATION} for my flight on {d:DATE} that [was|had been|got] {adj}, {PARTOF} {r:REF}",
    "compensate me for the {noun} on {d:DATE} of [a|my|our] flight, {PARTOF} {r:REF}",
    "{CLAIMFOR} [a|my|our] compensation claim for [my|the] {adj} {d:DATE} flight, {PARTOF} {r:REF}",
    "compensate me [properly|fairly|duly|] for the {adj} {d:DATE} flight of {r:REF}",
    "{GRANT} me {COMPENSATION} [on account of|because of|over] the {adj} {d:DATE} flight of {r:REF}",
    "{GRANT} me {COMPENSATION} over the {noun} of my {d:DATE} flight, {PARTOF} {r:REF}",
)
_BOOK = (
    "{GETME} me a {NONSTOP} flight from {f:CITY} to {t:CITY} on {d:DATE}",
    "{MAKE} a [new|fresh|] [booking|reservation] for a {NONSTOP} flight on {d:DATE}, {f:CITY} to {t:CITY}",
    "{GETME} me {SEATON} on a {NONSTOP} {d:DATE} flight from {f:CITY} to {t:CITY}",
    "{GETME} me a {NONSTOP} flight [leaving|departing|that leaves] {f:CITY} for {t:CITY} on {d:DATE}",
    "{FLYME} me [directly|nonstop|straight|without a stop] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[set me up|sort me out|fix me up|provide me] with a {NONSTOP} {f:CITY} to {t:CITY} flight on {d:DATE}",
    "{FLYME} me to {t:CITY} from {f:CITY} on {d:DATE} [by|with|on] a {NONSTOP} flight",
    "{GETME} me a flight without [stops|any stops|a stop] out of {f:CITY} to {t:CITY}, leaving on {d:DATE}",
    "{MAKE} a [new|fresh|] reservation on {d:DATE} for a {NONSTOP} flight from {f:CITY} to {t:CITY}",
    "{GETME} me {SEATON} to {t:CITY} on {d:DATE}, flying {NONSTOP} from {f:CITY}",
)
_CONNECT = (
    "{GETME} me a connection with one stop from {f:CITY} to {t:CITY} on {d:DATE}",
    "{MAKE} a [new|] [booking|reservation] for a {ONESTOP} connection on {d:DATE}, {f:CITY} to {t:CITY}",
    "{GETME} me {SEATON} on a {ONESTOP} {d:DATE} connection from {f:CITY} to {t:CITY}",
    "{GETME} me a {ONESTOP} connection [leaving|departing|that leaves] {f:CITY} for {t:CITY} on {d:DATE}",
    "{FLYME} me [with one stop|with a single stop|with one change] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[set me up|sort me out|provide me] with a {ONESTOP} {f:CITY} to {t:CITY} connection on {d:DATE}",
    "{FLYME} me to {t:CITY} from {f:CITY} on {d:DATE} [by|with|on] a {ONESTOP} connection",
    "{GETME} me flights with [one|a single] stop out of {f:CITY} to {t:CITY}, leaving on {d:DATE}",
    "{MAKE} a [new|fresh|] reservation on {d:DATE} for a {ONESTOP} connection from {f:CITY} to {t:CITY}",
    "{GETME} me {SEATON} to {t:CITY} on {d:DATE}, flying from {f:CITY} with [one|a single] stop",
)
_BOOK_BESIDE = (
    "book me a direct flight from {f:CITY} to {t:CITY} for {n:LATER} {x:INNER} [starts|begins|departs]",
    "[get|find] me a [direct|nonstop] flight from {f:CITY} to {t:CITY} {n:LATER} {x:INNER} [starts|departs]",
    "book a [direct|nonstop] flight from {f:CITY} to {t:CITY}, {n:LATER} the [start|departure] of {x:INNER}",
    "[put|get] me on a direct flight from {f:CITY} to {t:CITY} {n:LATER} the [start|first day] of {x:INNER}",
    "[fly|take] me [directly|nonstop] from {f:CITY} to {t:CITY} {n:LATER} {x:INNER} [starts|begins|departs]",
    "make a [new|] booking for a direct flight from {f:CITY} to {t:CITY} {n:LATER} the start of {x:INNER}",
)


def _days(count: int) -> str:
    return f"{count} day{'s' * (count > 1)}"


def deeds() -> list[Rule]:
    """Return the rules of everything that can be asked to be done."""

    def deed(verb: str, args: Any, templates: tuple[str, ...], family: str = "") -> Rule:
        return Rule("DEED", {"do": verb, "at": "$r", "args": args}, templates, family=family or verb)

    own: dict[str, Any] = {"by": "own"}
    flight = {"from": "$f", "to": "$t", "date": "$d"}
    beside = {"shift": "$n", "of": "start", "ref": "$x"}
    return [
        deed("cancel", {}, spelled_out(_CANCEL, "VOID", "PROCESS")),
        deed("bags", {"total": "$n"}, spelled_out(_BAGS, "SET")),
        deed("bags", {}, _BAGS_OPEN),
        *[
            deed(
                "bags",
                {"total": {"times": count, "of": "people", "ref": own}},
                tuple(text.replace("{k}", words).replace("{bag}", bag) for text in _BAGS_EACH),
                "aggregate",
            )
            for count, words, bag in _COUNTS
        ],
        deed("bags", {"total": {"of": "bags", "ref": "$x"}}, _BAGS_AS_ON, "nested"),
        deed("bags", {"total": {"sum": "bags", "refs": ["$x", "$y"]}}, _BAGS_SUM, "aggregate"),
        Rule("BAGS", 1, ("[1|one|a single] checked bag", "[1|one] piece of checked luggage")),
        Rule(
            "BAGS",
            "$n",
            (
                "{n:NUM} [checked|hold] [bags|cases]",
                "{n:NUM} [pieces|items] of [checked|hold] [luggage|baggage]",
            ),
        ),
        deed("cabin", {"cabin": "$c"}, spelled_out(_CABIN, "SHIFT")),
        deed("cabin", {}, _CABIN_OPEN),
        deed("cabin", {"cabin": {"of": "cabin", "ref": "$x"}}, _CABIN_AS, "nested"),
        deed("rename", {}, spelled_out(_RENAME, "FIX")),
        deed("move", {"date": "$d"}, _MOVE),
        deed("move", {}, _MOVE_OPEN),
        deed("move", {"date": {"shift": "$n", "of": "start", "ref": own}}, _MOVE_BY, "temporal"),
        deed("move", {"date": beside}, _MOVE_BESIDE, "temporal"),
        *[
            Rule(
                "BYDAYS",
                n,
                (f"{_days(abs(n))} {'later' if n > 0 else 'earlier'} [|than planned|than booked]",),
            )
            for n in LATER
        ],
        *[Rule("MOREDAYS" if n > 0 else "LESSDAYS", n, (_days(abs(n)),)) for n in LATER],
        *[
            deed(
                "claim",
                {"leg": "$d", "what": what},
                tuple(text.replace("{adj}", what).replace("{noun}", noun) for text in _CLAIM),
            )
            for what, noun in (("delayed", "delay"), ("cancelled", "cancellation"))
        ],
        Rule("DEED", {"do": "book", "args": flight}, spelled_out(_BOOK, "GETME", "MAKE"), family="book"),
        Rule(
            "DEED",
            {"do": "connect", "args": flight},
            spelled_out(_CONNECT, "GETME", "MAKE"),
            family="connect",
        ),
        Rule("DEED", {"do": "book", "args": flight | {"date": beside}}, _BOOK_BESIDE, family="temporal"),
    ]
