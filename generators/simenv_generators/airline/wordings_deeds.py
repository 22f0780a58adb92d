"""How customers of an airline ask for something to be done: verb phrases that fit after "please"."""

from typing import Any

from simenv.core.grammar import Rule
from simenv_generators.airline.wordings_clauses import LATER

_CANCEL = (
    "cancel {r:REF}",
    "call off {r:REF}",
    "[scrap|drop|void|annul|scratch] {r:REF}",
    "get rid of {r:REF}[ for me|]",
    "[process|put through|go through with|take care of|see to] the cancellation of {r:REF}",
    "[arrange|organise|start|initiate|carry out] a cancellation of {r:REF}",
    "[remove|delete|take|strike] {r:REF} from my [account|bookings|travel plans]",
    "have {r:REF} cancelled[ for me|]",
    "get {r:REF} cancelled[ for me|]",
    "cancel {r:REF} [for me|altogether|completely|entirely]",
    "[take|strike] {r:REF} off [the books|my account]",
    "[undo|withdraw|retract] {r:REF}",
    "[pull the plug on|put an end to|do away with] {r:REF}",
)
_BAGS = (
    "put {n:BAGS} in total on {r:REF}",
    "[set|fix|update|change] the [number of checked bags|checked baggage] on {r:REF} to {n:BAGS} in total",
    "[bring|raise|increase] the [checked luggage|checked baggage] on {r:REF} to {n:BAGS} in total",
    "[make|have] it {n:BAGS} in total on {r:REF}",
    "[note|register|record|enter] {n:BAGS} in total [on|for] {r:REF}",
    "[update|change|amend|edit] {r:REF} to {n:BAGS} in total",
    "[let me take|let me check in|let me bring|allow me to bring] {n:BAGS} in total on {r:REF}",
    "[give|get] me {n:BAGS} in total on {r:REF}",
    "add [bags|checked bags|luggage|baggage] to {r:REF}, so that it's {n:BAGS} in total",
    "add [as many checked bags as needed|enough checked bags] to {r:REF} to make {n:BAGS} in total",
    "[set|put] {r:REF} [up with|down for] {n:BAGS} in total",
    "[arrange|book|sort out] {n:BAGS} in total for {r:REF}",
)
_BAGS_OPEN = (
    "add checked [bags|baggage|luggage|suitcases] to {r:REF}",
    "[put|book|register] [more|additional|extra] checked bags on {r:REF}",
    "[increase|raise|change|update] the [number of checked bags|checked baggage|checked luggage] on {r:REF}",
    "let me [take|bring|check in] [more|additional|extra] [bags|luggage] on {r:REF}",
    "[update|amend|edit] {r:REF} with [more|additional|extra] checked bags",
    "[get|give] me [more|additional|extra] checked bags on {r:REF}",
    "[arrange|sort out|organise] [extra|more|additional] checked [baggage|luggage] for {r:REF}",
    "[fit|squeeze] [more|additional|extra] checked [bags|suitcases] into {r:REF}",
)
_BAGS_EACH = (
    "put {k} checked {bag} for each passenger in total on {r:REF}",
    "[set|fix|update] the checked [bags|baggage] on {r:REF} to {k} for [each|every] passenger in total",
    "[bring|raise] the checked [bags|luggage] on {r:REF} to {k} per [passenger|traveller|head] in total",
    "[make|have] it {k} checked {bag} per [passenger|person|head] in total on {r:REF}",
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
    "[make|have] the checked bags on {r:REF} as many as [those on|on] {x:INNER}",
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
    "[move|switch|change|transfer|shift] {r:REF} to {c:CABIN}[ class|]",
    "[rebook|reissue|redo] {r:REF} in {c:CABIN}[ class|]",
    "[put|seat|place] me in {c:CABIN} [class|] on {r:REF}",
    "[put|place] {r:REF} in the {c:CABIN} cabin",
    "[change|switch|set|alter] the [cabin|class|cabin class] of {r:REF} to {c:CABIN}",
    "[get|give|find|book] me {c:CABIN} seats on {r:REF}",
    "let me fly {c:CABIN} on {r:REF}",
    "turn {r:REF} into [one|a booking|a reservation] in {c:CABIN}",
    "[arrange|organise|sort out|see to] {c:CABIN} seats for {r:REF}",
    "[have|get] {r:REF} [changed|switched|moved] to {c:CABIN}[ class|]",
    "exchange the seats on {r:REF} for [|some] {c:CABIN} [ones|seats]",
    "[update|amend|edit] {r:REF} to {c:CABIN}[ class|]",
)
_CABIN_OPEN = (
    "[change|switch|update|swap] the [cabin|class|cabin class] of {r:REF}",
    "[move|switch|transfer] {r:REF} to [another|a different] [cabin|class|cabin class]",
    "[put|seat] me in [another|a different] [cabin|class] on {r:REF}",
    "[rebook|reissue] {r:REF} in [another|a different] cabin",
    "[get|give|find] me seats in [another|a different] cabin on {r:REF}",
    "[have|get] the [cabin|class] of {r:REF} [changed|switched]",
    "[arrange|organise|make] a change of [cabin|class] for {r:REF}",
    "let me fly in [another|a different] cabin on {r:REF}",
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
    "[correct|fix|change|amend|update] [a passenger's|a traveller's|one passenger's] name on {r:REF}",
    "[correct|fix|repair] [a|the] [typo|spelling mistake|misspelling|spelling error] in a name on {r:REF}",
    "[correct|fix|change|adjust] the [spelling of a name|spelling of a passenger's name] on {r:REF}",
    "[correct|fix|change|update] [a|one] [passenger name|name] on {r:REF}",
    "[have|get] [a passenger's|a traveller's|a] name on {r:REF} [corrected|fixed|put right]",
    "[put|set] [a|one] misspelled [name|passenger name] right on {r:REF}",
    "[make|process|see to] a name [correction|change] on {r:REF}",
    "[edit|update|amend] the passenger [list|details] of {r:REF}, where a name is [misspelled|wrong]",
    "[spell|write] a passenger's name [correctly|properly|the right way] on {r:REF}",
    "[deal with|take care of|look after] a misspelled passenger name on {r:REF}",
    "change how a passenger's name is [spelled|written] on {r:REF}",
    "[mend|rectify] [a mistake|an error|a slip] in a passenger's name on {r:REF}",
)
_MOVE = (
    "[move|shift|change|reschedule|transfer|switch] {r:REF} to {d:DATE}",
    "[rebook|redo|reissue] {r:REF} for {d:DATE}",
    "[change|set|alter|switch] the [date|departure date|travel date|day] of {r:REF} to {d:DATE}",
    "[put|get] me on a flight on {d:DATE} instead [for|on] {r:REF}",
    "[let|have] me fly on {d:DATE} instead [for|on] {r:REF}",
    "[have|get] {r:REF} [moved|rescheduled|changed|shifted] to {d:DATE}",
    "[update|amend|modify] {r:REF} [so that I fly|so I travel|so I can leave] on {d:DATE}",
    "[find|get|book] me [another flight|a different flight|a new flight] on {d:DATE} for {r:REF}",
    "make {d:DATE} the [new|] [date|day|travel date|departure date] of {r:REF}",
    "[swap|exchange] the flight of {r:REF} for one on {d:DATE}",
    "[arrange|organise|process] a [date change|change of date] to {d:DATE} for {r:REF}",
    "take {r:REF} and [move|shift] it to {d:DATE}",
)
_MOVE_OPEN = (
    "[move|shift|reschedule|transfer] {r:REF} to [another|a different|a new] [day|date]",
    "[change|alter|switch] the [date|departure date|travel date|day] of {r:REF}",
    "[rebook|redo] {r:REF} for [another|a different|a new] [day|date]",
    "[have|get] {r:REF} [moved|rescheduled|shifted] to [another|a different] [day|date]",
    "[let|have] me fly on [another|a different] [day|date] for {r:REF}",
    "[arrange|organise|process] a [date change|change of date] for {r:REF}",
    "[find|get] me a flight on [another|a different] day for {r:REF}",
    "[swap|exchange] the flight of {r:REF} for one on [another|a different] day",
)
_MOVE_BY = (
    "[move|shift|reschedule|change|rebook] {r:REF} {n:BYDAYS}",
    "[postpone|delay|put off|defer] {r:REF} by {n:MOREDAYS}",
    "[bring|move] {r:REF} forward by {n:LESSDAYS}",
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
_PART = "[part of|which is part of|which belongs to]"
_CLAIM = (
    f"compensate me for my {{adj}} flight on {{d:DATE}}, {_PART} {{r:REF}}",
    f"[give|pay|send|grant] me compensation for the {{adj}} flight on {{d:DATE}}, {_PART} {{r:REF}}",
    f"[arrange|process] compensation for the {{noun}} of my {{d:DATE}} flight, {_PART} {{r:REF}}",
    f"make up for the {{noun}} of my flight on {{d:DATE}}, {_PART} {{r:REF}}, by compensating me",
    f"[get|find] me compensation for my flight on {{d:DATE}} that was {{adj}}, {_PART} {{r:REF}}",
    f"compensate me for the {{noun}} on {{d:DATE}} of my flight, {_PART} {{r:REF}}",
    f"[take|process|file|handle] a compensation claim for my {{adj}} {{d:DATE}} flight, {_PART} {{r:REF}}",
    "compensate me for {r:REF}, where the flight on {d:DATE} was {adj}",
    "[give|send|pay] me compensation on account of {r:REF}, where my {d:DATE} flight was {adj}",
    f"let me have compensation for the flight on {{d:DATE}}, {_PART} {{r:REF}}, because it was {{adj}}",
)
_BOOK = (
    "book me a direct flight from {f:CITY} to {t:CITY} on {d:DATE}",
    "[get|find|reserve] me a [direct|nonstop|non-stop] [flight|seat] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[book|reserve] a [direct|nonstop|non-stop] flight [for me|] on {d:DATE} from {f:CITY} to {t:CITY}",
    "[put|get] me on a [direct|nonstop] flight [leaving|departing] {f:CITY} for {t:CITY} on {d:DATE}",
    "make a [new|fresh] [booking|reservation] for a direct flight on {d:DATE}, {f:CITY} to {t:CITY}",
    "[fly|take|bring] me [directly|nonstop|straight] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[set me up with|sort me out with|fix me up with] a direct {f:CITY} to {t:CITY} flight on {d:DATE}",
    "[reserve|book|secure] a [seat|place|spot] for me on a direct {d:DATE} flight from {f:CITY} to {t:CITY}",
    "[organise|arrange] [direct|nonstop] travel [for me|] to {t:CITY} from {f:CITY} on {d:DATE}",
    "[get|take] me to {t:CITY} from {f:CITY} on {d:DATE} [by|with|on] a [direct|nonstop] flight",
    "[book|get] me a flight without [stops|any stops|a stop] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[create|open|start] a [new|] reservation on {d:DATE} for a direct flight from {f:CITY} to {t:CITY}",
)
_CONNECT = (
    "book me a connection with one stop from {f:CITY} to {t:CITY} on {d:DATE}",
    "[get|find] me a [one-stop connection|connection with one stop] from {f:CITY} to {t:CITY} on {d:DATE}",
    "[book|reserve|arrange] a one-stop [flight|connection] [for me|] on {d:DATE} from {f:CITY} to {t:CITY}",
    "[book|put|get] me on a one-stop connection [leaving|departing] {f:CITY} for {t:CITY} on {d:DATE}",
    "make a [new|fresh] [booking|reservation] for a one-stop connection on {d:DATE}, {f:CITY} to {t:CITY}",
    "[fly|take|bring] me from {f:CITY} to {t:CITY} with [one stop|a single stop] on {d:DATE}",
    "[set me up with|sort me out with|fix me up with] a one-stop {f:CITY} to {t:CITY} connection on {d:DATE}",
    "[reserve|book|secure] [seats|places] for me on a one-stop {d:DATE} connection from {f:CITY} to {t:CITY}",
    "[organise|arrange] one-stop travel [for me|] to {t:CITY} from {f:CITY} on {d:DATE}",
    "[get|take] me to {t:CITY} from {f:CITY} on {d:DATE} with [one|a single|exactly one] stop on the way",
    "[book|get] me [flights|a connection] with [one|a single] change from {f:CITY} to {t:CITY} on {d:DATE}",
    "[open|start] a [new|] reservation on {d:DATE} for a one-stop connection from {f:CITY} to {t:CITY}",
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
        deed("cancel", {}, _CANCEL),
        deed("bags", {"total": "$n"}, _BAGS),
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
            "BAGS", "$n", ("{n:NUM} checked [bags|suitcases]", "{n:NUM} pieces of checked [luggage|baggage]")
        ),
        deed("cabin", {"cabin": "$c"}, _CABIN),
        deed("cabin", {}, _CABIN_OPEN),
        deed("cabin", {"cabin": {"of": "cabin", "ref": "$x"}}, _CABIN_AS, "nested"),
        deed("rename", {}, _RENAME),
        deed("move", {"date": "$d"}, _MOVE),
        deed("move", {}, _MOVE_OPEN),
        deed("move", {"date": {"shift": "$n", "of": "start", "ref": own}}, _MOVE_BY, "temporal"),
        deed("move", {"date": beside}, _MOVE_BESIDE, "temporal"),
        *[
            Rule(
                "BYDAYS", n, (f"{_days(abs(n))} {'later' if n > 0 else 'earlier'} [|than now|than planned]",)
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
        Rule("DEED", {"do": "book", "args": flight}, _BOOK, family="book"),
        Rule("DEED", {"do": "connect", "args": flight}, _CONNECT, family="connect"),
        Rule("DEED", {"do": "book", "args": flight | {"date": beside}}, _BOOK_BESIDE, family="temporal"),
    ]
