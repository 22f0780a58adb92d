"""How customers of an airline point at their trips."""

from typing import Any, NamedTuple

from simenv.core.grammar import Rule

_T = "{TRIP}"


class _Rank(NamedTuple):
    """How the most or least of a field is worded.

    Attributes:
        adjectives: What stands before "trip": "my cheapest trip", "my second cheapest trip".
        clauses: What stands after it: "the trip of mine that cost the least".
        ranked: The same with a place: "with the {n:NTH} lowest price".
        counted: How places are counted: "the second of my trips ranked from the cheapest up".
        more: What is said of the one of two trips that is meant, or nothing.
        mores: The adjectives of the same.
    """

    field: str
    pick: str
    adjectives: tuple[str, ...]
    clauses: tuple[str, ...]
    ranked: tuple[str, ...]
    counted: tuple[str, ...]
    more: tuple[str, ...] = ()
    mores: tuple[str, ...] = ()


_RANKS = (
    _Rank(
        "price",
        "max",
        ("most expensive", "priciest", "costliest", "highest-priced"),
        (
            "that cost [me|] the most",
            "I paid the most for",
            "with the highest [total|] price",
            "that was dearest",
        ),
        ("with the {n:NTH} highest [total|] price", "that ranks {n:NTH} by price from the top"),
        ("ranked from the [most expensive|priciest|costliest] down",),
        ("cost [me|] more", "was [more expensive|dearer|pricier]", "had the higher price"),
        ("more expensive", "pricier", "costlier", "dearer"),
    ),
    _Rank(
        "price",
        "min",
        ("cheapest", "least expensive", "lowest-priced"),
        ("that cost [me|] the least", "I paid the least for", "with the lowest [total|] price"),
        ("with the {n:NTH} lowest [total|] price", "that ranks {n:NTH} by price from the bottom"),
        ("ranked from the [cheapest|least expensive] up",),
        ("cost [me|] less", "was [less expensive|cheaper]", "had the lower price"),
        ("cheaper", "less expensive", "lower-priced"),
    ),
    _Rank(
        "start",
        "min",
        ("earliest", "first-departing", "earliest-departing", "earliest-starting"),
        ("that [starts|departs|begins|leaves] [first|earliest]", "with the earliest [start|departure] date"),
        ("that [starts|departs|begins|leaves] {n:NTH}", "with the {n:NTH} earliest [start|departure] date"),
        ("by date of departure", "when the [earliest|first] departure comes first"),
        ("[starts|departs|leaves|begins] [first|earlier|sooner]", "has the earlier [start|departure] date"),
        ("earlier", "earlier-departing", "sooner"),
    ),
    _Rank(
        "start",
        "max",
        ("last-departing", "latest-departing", "latest-starting"),
        ("that [starts|departs|begins|leaves] [last|latest]", "with the latest [start|departure] date"),
        (
            "that [starts|departs|begins|leaves] {n:NTH} to last",
            "with the {n:NTH} latest [start|departure] date",
        ),
        (
            "in reverse order of departure",
            "when the one that [starts|departs] last comes first",
        ),
    ),
    _Rank(
        "booked",
        "max",
        ("most recently booked", "last-booked", "newest-booked"),
        (
            "I booked [last|most recently]",
            "that was booked [last|most recently]",
            "with the latest booking date",
        ),
        ("with the {n:NTH} latest booking date", "that I booked {n:NTH} to last"),
        ("when the one I booked [last|most recently] comes first",),
    ),
    _Rank(
        "booked",
        "min",
        ("longest-standing", "earliest-booked", "first-booked"),
        (
            "I booked [first|earliest|the longest ago]",
            "that was booked [first|earliest]",
            "with the oldest booking date",
        ),
        ("with the {n:NTH} oldest booking date", "that I booked {n:NTH}", "that was booked {n:NTH}"),
        ("when the one I booked [first|earliest] comes first", "in the order in which I booked them"),
    ),
    _Rank(
        "people",
        "max",
        (),
        (
            "with the most [passengers|travellers|people on it]",
            "that has the [most|highest number of] [passengers|travellers]",
            "with the [largest|biggest] [party|group|number of passengers]",
            "that the most people are on",
        ),
        (
            "with the {n:NTH} most [passengers|travellers]",
            "with the {n:NTH} [largest|biggest|highest] number of [passengers|travellers]",
            "that has the {n:NTH} [largest|biggest] [party|group]",
        ),
        ("ranked from the one with the most [passengers|travellers] down",),
    ),
    _Rank(
        "bags",
        "max",
        (),
        (
            "with the most checked [bags|baggage|luggage]",
            "that has the [most|highest number of] checked bags",
            "with the [largest|greatest|highest] number of checked bags",
            "that the most checked bags are registered for",
        ),
        (
            "with the {n:NTH} most checked [bags|baggage|luggage]",
            "with the {n:NTH} [largest|highest] number of checked bags",
            "that has the {n:NTH} most checked bags",
        ),
        ("ranked from the one with the most checked [bags|baggage] down",),
    ),
)


def _noun(text: str) -> str:
    """Return what a trip is called beside words that may speak of booking it themselves."""
    return "trip" if "book" in text else _T


def _superlatives(rank: _Rank) -> list[Rule]:
    """Return the rules of a superlative, alone and among those that meet clauses."""
    bare = {"by": "extreme", "field": rank.field, "pick": rank.pick, "place": 1, "where": []}
    alone, among = list[str](), list[str]()
    for text in rank.adjectives:
        trip = _noun(text)
        alone += [
            f"my {text} {trip}",
            f"the {text} of [|all] my trips",
            f"the {text} {trip} [of mine|I have]",
        ]
        among += [
            f"my {text} {trip} {{w:CLAUSES}}",
            f"the {text} [of|one among] [|all] my trips {{w:CLAUSES}}",
        ]
    for text in rank.clauses:
        trip = _noun(text)
        alone += [
            f"the {trip} of mine {text}",
            f"the one of [|all] my trips {text}",
            f"the trip on my account {text}",
        ]
        among += [
            f"the one {text} [of|among|out of] [|all] my trips {{w:CLAUSES}}",
            f"the {trip} {text} among [those|the ones] of mine {{w:CLAUSES}}",
        ]
    return [
        Rule("INNER", bare, tuple(alone), family="superlative"),
        Rule("REF", bare | {"where": "$w"}, tuple(among), family="superlative"),
    ]


def _ranks(rank: _Rank) -> list[Rule]:
    """Return the rules of the second, the third and so on, alone and among those that meet clauses."""
    bare = {"by": "extreme", "field": rank.field, "pick": rank.pick, "place": "$n", "where": []}
    alone, among = list[str](), list[str]()
    for text in rank.adjectives:
        trip = _noun(text)
        alone += [f"my {{n:NTH}} {text} {trip}", f"the {{n:NTH}} {text} of [|all] my trips"]
        alone += [f"the {{n:NTH}} {text} {trip} [of mine|I have]"]
        among += [f"my {{n:NTH}} {text} {trip} {{w:CLAUSES}}"]
        among += [f"the {{n:NTH}} {text} [of|one among] [|all] my trips {{w:CLAUSES}}"]
    for text in rank.ranked:
        alone += [
            f"the {_noun(text)} of mine {text}",
            f"the one of my trips {text}",
            f"the trip on my account {text}",
        ]
        among += [f"the one {text} [of|among|out of] [|all] my trips {{w:CLAUSES}}"]
    for text in rank.counted:
        nouns = "trip" if "book" in text else "[trip|booking]"
        alone += [f"the {{n:NTH}} of my trips {text}", f"my {{n:NTH}} {nouns} {text}"]
        among += [f"the {{n:NTH}} of [|all] my trips {{w:CLAUSES}} {text}"]
    return [
        Rule("INNER", bare, tuple(alone), family="rank"),
        Rule("REF", bare | {"where": "$w"}, tuple(among), family="rank"),
    ]


def _comparisons(rank: _Rank) -> list[Rule]:
    """Return the rules of the one of two trips that has more or less."""
    pattern = {"by": "either", "field": rank.field, "pick": rank.pick, "refs": ["$a", "$b"]}
    texts = [f"the {text} [one|] [of|out of] {{a:INNER}} and {{b:INNER}}" for text in rank.mores]
    for text in rank.more:
        texts += [f"whichever of {{a:INNER}} and {{b:INNER}} {text}"]
        texts += [f"{{a:INNER}} or {{b:INNER}}, whichever [one|of them|] {text}"]
        texts += [f"the one that {text} out of {{a:INNER}} and {{b:INNER}}"]
    return [Rule("REF", pattern, tuple(texts), family="comparison")] if texts else []


_NUMBER = (
    "{TRIP} {i:RID}",
    "[my|the] {TRIP} {i:RID}",
    "[my|the|] [booking|reservation|trip] [number|code|reference] {i:RID}",
    "[my|the] {TRIP} {FILED} {i:RID}",
    "{i:RID}",
    "[my|the] {TRIP} ({i:RID})",
    "[my|the] {TRIP} ({CODE} {i:RID})",
    "what's [filed|listed|saved|booked|stored|recorded] under {i:RID}",
    "the {TRIP} [I have|on my account|in my name] {FILED} {i:RID}",
)
_CLAUSED = (
    "my {TRIP} {w:CLAUSES}",
    "the {TRIP} {w:CLAUSES}",
    "my {TRIP} {w:CLAUSES}",
    "the {TRIP} {IHAVE} {w:CLAUSES}",
    "the one {TRIP} {IHAVE} {w:CLAUSES}",
    "[that|this] {TRIP} of mine {w:CLAUSES}",
)
_TO_CITY = (
    "my {d:CITY} {TRIP}",
    "the {d:CITY} {TRIP} [{IHAVE}|]",
    "my {TRIP} to {d:CITY}",
    "the trip that [takes|brings|gets] me to {d:CITY}",
    "[my|the] {TRIP} [with|that has] {d:CITY} as its destination",
    "[my|the] trip [bound for|headed for|going to] {d:CITY}",
)
_ROUTE_DAY = (
    "my {TRIP} from {o:CITY} to {d:CITY} [starting|leaving|departing|beginning] on {s:DATE}",
    "the {TRIP} [{IHAVE}|] from {o:CITY} to {d:CITY} that [starts|leaves|departs|begins] on {s:DATE}",
    "my {o:CITY} to {d:CITY} {TRIP} [starting|starting on|leaving on|departing on] {s:DATE}",
    "the {o:CITY} to {d:CITY} {TRIP} [{IHAVE}|] [starting on|leaving on|departing on] {s:DATE}",
    "the {TRIP} [starting|departing] on {s:DATE} that [takes|brings|gets] me from {o:CITY} to {d:CITY}",
    "the trip that [leaves|departs|sets off from] {o:CITY} for {d:CITY} on {s:DATE}",
    "the [trip|journey] I'm [starting|beginning] on {s:DATE} from {o:CITY} to {d:CITY}",
    "my {TRIP} from {o:CITY} to {d:CITY} with its [start|departure] on {s:DATE}",
    "the {TRIP} I have with its [start|departure] on {s:DATE}, from {o:CITY} to {d:CITY}",
    "my {TRIP}, {o:CITY} to {d:CITY}, [starting|leaving|departing] {s:DATE}",
)
_ROUTE = (
    "my {o:CITY} to {d:CITY} {TRIP}",
    "the {o:CITY} to {d:CITY} {TRIP} [{IHAVE}|]",
    "the {TRIP} that [takes|brings|gets] me from {o:CITY} to {d:CITY}",
    "the trip that [leaves|departs] {o:CITY} for {d:CITY}",
)
_DAY = (
    "my {TRIP} [starting|leaving|departing|setting off] on {s:DATE}",
    "the {TRIP} {IHAVE} with its [start|departure] on {s:DATE}",
    "the {TRIP} I have that [starts|leaves|departs|begins|sets off] on {s:DATE}",
    "the [trip|journey] I'm [starting|beginning|leaving for] on {s:DATE}",
    "the [trip|journey] I [start|begin|leave for] on {s:DATE}",
)
_TO_DAY = (
    "my {TRIP} to {d:CITY} [starting|leaving|departing|setting off] on {s:DATE}",
    "my {d:CITY} {TRIP} [starting on|leaving on|departing on|that starts on] {s:DATE}",
    "the {d:CITY} trip [{IHAVE}|] that [starts|begins|leaves] on {s:DATE}",
    "the trip that [takes|brings|gets] me to {d:CITY}, [starting|leaving|departing] on {s:DATE}",
    "my {d:CITY} {TRIP} with its [start|departure] on {s:DATE}",
)
_TO_FROM = (
    "my {d:CITY} {TRIP} [from|out of|starting in|departing from] {o:CITY}",
    "the {d:CITY} trip {IHAVE} [from|out of|starting in] {o:CITY}",
    "the trip that [takes|brings|gets] me to {d:CITY} from {o:CITY}",
)
_DAY_FROM = (
    "my {TRIP} [starting|leaving|departing|setting off] on {s:DATE} [from|out of] {o:CITY}",
    "the trip {IHAVE} that [starts|begins] on {s:DATE} in {o:CITY}",
    "the {TRIP} with its [start|departure] on {s:DATE} from {o:CITY}",
)
_SAME_1 = (
    "[the same|that same|the very same] [trip|booking|reservation]",
    "the [trip|booking] [from|of|in] my first request",
    "the same [trip|booking] as [in|with] my first request",
    "the trip my first request [was about|is about|concerns]",
)
_SAME_2 = (
    "the [trip|booking|reservation] [from|of|in] my second request",
    "the same [trip|booking] as [in|with] my second request",
    "the trip my second request [was about|is about|concerns]",
)
_NEW_1 = (
    "the [new|brand-new|newly made|freshly made] [booking|trip|reservation]",
    "the [trip|journey] you've [just|newly] booked [for me|]",
    "my new [booking|trip|reservation]",
    "the [trip|journey] that was just booked",
)
_ALL = (
    "all my [trips|bookings|reservations|journeys]",
    "all of my [trips|bookings|reservations]",
    "all the [trips|bookings|reservations] [I have|of mine|on my account|in my name]",
    "[every|every single|each and every] [trip|booking|reservation] [of mine|I have|in my name]",
    "every one of my [trips|bookings|reservations]",
    "[any and all|the whole lot of] my [trips|bookings]",
)
_EXCEPT = (
    "[except|except for|apart from|other than|save for|but not|excluding|besides] {b:INNER}",
    "with the [sole|single|] exception of {b:INNER}",
)


def _several() -> list[Rule]:
    """Return the rules of all trips, all that meet clauses, and all but one of them."""
    every: dict[str, Any] = {"by": "all", "where": [], "besides": None}
    some = tuple(f"{text} {{w:CLAUSES}}" for text in _ALL)
    but = tuple(f"{text} {rest}" for text in _ALL for rest in _EXCEPT)
    some_but = tuple(f"{text} {rest}" for text in some[:3] for rest in _EXCEPT)
    return [
        Rule("REF", every, _ALL, family="for_each"),
        Rule("REF", every | {"where": "$w"}, some, family="for_each"),
        Rule("REF", every | {"besides": "$b"}, but, family="all_except"),
        Rule("REF", every | {"where": "$w", "besides": "$b"}, some_but, family="all_except"),
    ]


def references() -> list[Rule]:
    """Return the rules of references to trips."""
    route: list[list[str]] = [["origin", "==", "$o"], ["destination", "==", "$d"]]
    start = ["start", "==", "$s"]
    return [
        Rule("REF", "$r", ("{r:INNER}",)),
        Rule("INNER", {"by": "number", "id": "$i"}, _NUMBER, family="number"),
        Rule("INNER", {"by": "clauses", "where": route[1:]}, _TO_CITY, family="clause"),
        Rule("REF", {"by": "clauses", "where": "$w"}, _CLAUSED, family="clause"),
        Rule("REF", {"by": "clauses", "where": [*route, start]}, _ROUTE_DAY, family="clause"),
        Rule("REF", {"by": "clauses", "where": route}, _ROUTE, family="clause"),
        Rule("REF", {"by": "clauses", "where": [start]}, _DAY, family="clause"),
        Rule("REF", {"by": "clauses", "where": [route[1], start]}, _TO_DAY, family="clause"),
        Rule("REF", {"by": "clauses", "where": [route[1], route[0]]}, _TO_FROM, family="clause"),
        Rule("REF", {"by": "clauses", "where": [start, route[0]]}, _DAY_FROM, family="clause"),
        *[rule for rank in _RANKS for rule in (*_superlatives(rank), *_ranks(rank), *_comparisons(rank))],
        Rule("INNER", {"by": "same", "goal": "g1"}, _SAME_1, family="same"),
        Rule("INNER", {"by": "same", "goal": "g2"}, _SAME_2, family="same"),
        Rule("INNER", {"by": "new", "goal": "g1"}, _NEW_1, family="new"),
        *_several(),
    ]
