"""What customers of an airline say of a trip to tell it from the others."""

from typing import Any

from simenv.core.grammar import Rule

_MOST_DAYS = 29
LATER = {
    1: "[the|one] day after",
    -1: "[the|one] day before",
    **{n: f"[|exactly] {n} days after" for n in range(2, _MOST_DAYS + 1)},
    **{-n: f"[|exactly] {n} days before" for n in range(2, _MOST_DAYS + 1)},
}
"""A number of days to the words for that long after, or before, a day."""

STATUSES = (
    ("cancelled", "[was|has been|got] cancelled"),
    ("delayed", "[is|has been|was] delayed"),
    ("landed", "has [already|] landed"),
    ("flying", "is [in the air|in the air right now|airborne]"),
    ("on time", "is [on time|running on time|on schedule]"),
)
"""A flight's status and how it is told."""

_PLAIN: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "origin",
        "$o",
        (
            "from {o:CITY}",
            "{DEPARTING} from {o:CITY}",
            "{DEPARTING} from {o:CITY}",
            "[starting|beginning|originating] in {o:CITY}",
            "out of {o:CITY}",
            "with {o:CITY} as the [starting point|place of departure|point of departure]",
        ),
    ),
    (
        "destination",
        "$o",
        (
            "to {o:CITY}",
            "{BOUND} {o:CITY}",
            "{BOUND} {o:CITY}",
            "with [{o:CITY} as the destination|destination {o:CITY}]",
        ),
    ),
    (
        "start",
        "$o",
        (
            "[beginning|due to start|due to leave] on {o:DATE}",
            "{DEPARTING} on {o:DATE}",
            "{DEPARTING} on {o:DATE}",
            "with its [start|departure] on {o:DATE}",
            "[starting|leaving|departing] {o:DATE}",
            "with {o:DATE} as the [start|departure] date",
            "for which {o:DATE} is the [first day|day of departure]",
        ),
    ),
    (
        "cabin",
        "$o",
        (
            "in {o:CABIN}",
            "that I have in {o:CABIN}",
            "in {o:CABIN} class",
            "in the {o:CABIN} cabin",
            "with [seats in {o:CABIN}|{o:CABIN} seats|{o:CABIN} tickets]",
            "on [{o:CABIN} tickets|{o:CABIN} fares]",
            "for which {o:CABIN} is the cabin",
        ),
    ),
    (
        "insurance",
        "yes",
        (
            "with [travel|] insurance",
            "[covered|protected] by travel insurance",
            "[including|sold with] travel insurance",
            "for which I [took out|bought|have] travel insurance",
            "that I insured",
            "with [travel insurance included|insurance cover]",
        ),
    ),
    (
        "insurance",
        "no",
        (
            "without [any|] [travel|] insurance",
            "not [covered|protected] by travel insurance",
            "sold without [any|] travel insurance",
            "with no [travel|] insurance",
            "for which I [took out|bought|have] no travel insurance",
            "that I didn't insure",
        ),
    ),
    (
        "kind",
        "one_way",
        (
            "going only one way",
            "going one way only",
            "[with no|without a] return [leg|flight|journey]",
            "on a one-way ticket",
            "with only the way out",
            "without a way back",
        ),
    ),
    (
        "kind",
        "round_trip",
        (
            "including the way back",
            "[with a|including the] return [leg|flight|journey]",
            "going there and back",
            "on a [round-trip|return] ticket",
            "going out and back",
            "with a way back",
        ),
    ),
    (
        "people",
        1,
        (
            "for [one|a single|just one|only one] [person|passenger|traveller]",
            "with [only one|a single|just one] [passenger|traveller|person] on it",
            "meant for [one|just one] [person|passenger]",
            "with a party of one",
            "for one person only",
            "with one passenger and no more",
        ),
    ),
    (
        "people",
        "$o",
        (
            "for {o:NUM} [people|passengers|travellers|persons]",
            "with {o:NUM} [people|passengers|travellers]",
            "meant for {o:NUM} [people|passengers]",
            "for a [party|group] of {o:NUM}",
            "with {o:NUM} of us on it",
            "with seats for {o:NUM} [people|passengers]",
        ),
    ),
)
_NESTED: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "origin",
        {"of": "destination", "ref": "$r"},
        (
            "[starting|departing|leaving] [from|] where {r:INNER} goes",
            "[starting|beginning] in the [city|place] that {r:INNER} goes to",
            "[departing|leaving|setting off] from the destination of {r:INNER}",
            "from the [city|place] that {r:INNER} takes me to",
            "[beginning|starting] at the destination of {r:INNER}",
            "for which I leave from the destination of {r:INNER}",
        ),
    ),
    (
        "destination",
        {"of": "origin", "ref": "$r"},
        (
            "[going|headed|heading|bound] to where {r:INNER} starts",
            "[headed|bound|heading] for the [city|place] that {r:INNER} starts from",
            "to the [city|place] [where|in which] {r:INNER} [starts|begins]",
            "[going|taking me] to the starting point of {r:INNER}",
            "with the starting point of {r:INNER} as the destination",
            "for which the destination is where {r:INNER} starts",
        ),
    ),
)
_COMING = (
    "that {o:PERSON} is [coming on|on|a passenger on]",
    "with {o:PERSON} [on board|among the passengers|as a passenger|on the passenger list]",
    "[including|listing] {o:PERSON} as a [passenger|traveller]",
    "[where|on which] {o:PERSON} is [one of the passengers|a passenger|coming along|travelling]",
    "that I [share with|am taking with|am sharing with] {o:PERSON}",
)
_SHIFTED = (
    "[starting|leaving|departing|setting off|beginning] {n:LATER} {r:INNER} [starts|begins|departs|leaves]",
    "[starting|leaving|departing|beginning] {n:LATER} the [start|departure|first day] of {r:INNER}",
    "with a start {n:LATER} [that|the start] of {r:INNER}",
    "whose first day is {n:LATER} {r:INNER} [starts|begins|departs]",
)
_ROUTES = (
    "[taking me|going|flying|travelling] from {o:CITY} to {d:CITY}",
    "on the [route from|way from|route] {o:CITY} to {d:CITY}",
    "[leaving|departing] {o:CITY} for {d:CITY}",
)
_ROUTE_DAYS = (
    "[taking me|going] from {o:CITY} to {d:CITY} [starting|leaving|departing|beginning] on {s:DATE}",
    "[leaving|departing] {o:CITY} for {d:CITY} on {s:DATE}",
    "[leaving|departing] {o:CITY} on {s:DATE} [for|bound for] {d:CITY}",
    "on the way from {o:CITY} to {d:CITY} [starting|leaving|departing] on {s:DATE}",
    "on the {o:CITY} to {d:CITY} route [starting|leaving|departing] on {s:DATE}",
)
_STATUS = (
    "whose first [flight|leg] {text}",
    "[where|on which] the first [flight|leg] {text}",
    "the first [flight|leg] of which {text}",
    "with a first flight that {text}",
)


def clauses() -> list[Rule]:
    """Return the rules of clauses, alone and several together."""
    route: list[Any] = [["origin", "==", "$o"], ["destination", "==", "$d"]]
    shifted = {"shift": "$n", "of": "start", "ref": "$r"}
    return [
        Rule("CLAUSES", ["$a"], ("{a:CLAUSE}",)),
        Rule("CLAUSES", ["$a", "$b"], ("{a:CLAUSE} {b:CLAUSE}",)),
        Rule("CLAUSES", ["$a", "$b", "$c"], ("{a:CLAUSE} {b:CLAUSE} {c:CLAUSE}",)),
        Rule("CLAUSES", route, _ROUTES, family="clause"),
        Rule("CLAUSES", [*route, ["start", "==", "$s"]], _ROUTE_DAYS, family="clause"),
        *[Rule("CLAUSE", [name, "==", value], texts, family="clause") for name, value, texts in _PLAIN],
        *[Rule("CLAUSE", [name, "==", value], texts, family="nested") for name, value, texts in _NESTED],
        Rule("CLAUSE", ["traveller", "has", "$o"], _COMING, family="nested"),
        *[
            Rule(
                "CLAUSE",
                ["first_status", "==", status],
                tuple(text.replace("{text}", said) for text in _STATUS),
                family="join_status",
            )
            for status, said in STATUSES
        ],
        Rule("CLAUSE", ["start", "==", shifted], _SHIFTED, family="temporal"),
        *[Rule("LATER", n, (words,)) for n, words in LATER.items()],
    ]
