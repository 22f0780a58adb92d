"""What customers of an airline say, as rules that also read it back."""

from simenv.core.grammar import Rule

_R, _A = "$r", "$a"


def rules() -> list[Rule]:
    """Return every rule of the airline's words."""
    return [*_references(), *_clauses(), *_deeds(), *_questions(), *_facts(), *_tests()]


def _extreme(field: str, pick: str, one: tuple[str, ...], nth: tuple[str, ...]) -> list[Rule]:
    """Return the rules of a superlative and of its ranks, alone and among those that meet clauses.

    ``one`` and ``nth`` word the adjective: "most expensive", "{n:NTH} most expensive".
    """
    bare = {"by": "extreme", "field": field, "pick": pick, "place": 1, "where": []}
    ranked = bare | {"place": "$n"}
    return [
        Rule("INNER", bare, tuple(f"my {text} trip" for text in one), family="superlative"),
        Rule(
            "REF",
            bare | {"where": "$w"},
            tuple(f"my {text} trip {{w:CLAUSES}}" for text in one),
            family="superlative",
        ),
        Rule("INNER", ranked, tuple(f"my {text} trip" for text in nth), family="rank"),
        Rule(
            "REF",
            ranked | {"where": "$w"},
            tuple(f"my {text} trip {{w:CLAUSES}}" for text in nth),
            family="rank",
        ),
    ]


def _references() -> list[Rule]:
    return [
        Rule("REF", _R, ("{r:INNER}",)),
        Rule("INNER", {"by": "number", "id": "$i"}, ("reservation {i:RID}", "[my|the] booking {i:RID}")),
        Rule("REF", {"by": "clauses", "where": "$w"}, ("my trip {w:CLAUSES}", "the reservation {w:CLAUSES}")),
        Rule("INNER", {"by": "clauses", "where": [["destination", "==", "$d"]]}, ("my {d:CITY} trip",)),
        *_extreme("price", "max", ("most expensive",), ("{n:NTH} most expensive",)),
        *_extreme("price", "min", ("cheapest",), ("{n:NTH} cheapest",)),
        *_extreme("start", "min", ("earliest",), ("{n:NTH}",)),
        *_extreme("start", "max", ("last",), ("{n:NTH} to last",)),
        *_extreme("booked", "max", ("most recently booked",), ("{n:NTH} most recently booked",)),
        *_extreme("booked", "min", ("longest-standing",), ("{n:NTH} longest-standing",)),
        *_extreme("people", "max", ("fullest",), ("{n:NTH} fullest",)),
        *_extreme("bags", "max", ("most luggage-laden",), ("{n:NTH} most luggage-laden",)),
        Rule(
            "REF",
            {"by": "either", "field": "price", "pick": "max", "refs": ["$a", "$b"]},
            ("whichever of {a:INNER} and {b:INNER} cost more",),
            family="comparison",
        ),
        Rule(
            "REF",
            {"by": "either", "field": "price", "pick": "min", "refs": ["$a", "$b"]},
            ("whichever of {a:INNER} and {b:INNER} cost less",),
            family="comparison",
        ),
        Rule(
            "REF",
            {"by": "either", "field": "start", "pick": "min", "refs": ["$a", "$b"]},
            ("whichever of {a:INNER} and {b:INNER} starts first",),
            family="comparison",
        ),
        Rule("INNER", {"by": "same", "goal": "g1"}, ("the same trip",)),
        Rule("INNER", {"by": "same", "goal": "g2"}, ("the trip of my second request",)),
        Rule("INNER", {"by": "new", "goal": "g1"}, ("the new booking",)),
        Rule("REF", {"by": "all", "where": [], "besides": None}, ("all my trips",), family="for_each"),
        Rule(
            "REF",
            {"by": "all", "where": "$w", "besides": None},
            ("all my trips {w:CLAUSES}",),
            family="for_each",
        ),
        Rule(
            "REF",
            {"by": "all", "where": [], "besides": "$b"},
            ("all my trips except {b:INNER}",),
            family="all_except",
        ),
        Rule(
            "REF",
            {"by": "all", "where": "$w", "besides": "$b"},
            ("all my trips {w:CLAUSES} except {b:INNER}",),
            family="all_except",
        ),
    ]


def _clauses() -> list[Rule]:
    return [
        Rule("CLAUSES", ["$a"], ("{a:CLAUSE}",)),
        Rule("CLAUSES", ["$a", "$b"], ("{a:CLAUSE} {b:CLAUSE}",)),
        Rule("CLAUSES", ["$a", "$b", "$c"], ("{a:CLAUSE} {b:CLAUSE} {c:CLAUSE}",)),
        Rule("CLAUSE", ["origin", "==", "$o"], ("from {o:CITY}",), family="clause"),
        Rule("CLAUSE", ["destination", "==", "$o"], ("to {o:CITY}",), family="clause"),
        Rule("CLAUSE", ["start", "==", "$o"], ("on {o:DATE}", "that starts on {o:DATE}"), family="clause"),
        Rule("CLAUSE", ["cabin", "==", "$o"], ("in {o:CABIN}",), family="clause"),
        Rule("CLAUSE", ["insurance", "==", "yes"], ("with travel insurance",), family="clause"),
        Rule("CLAUSE", ["insurance", "==", "no"], ("without travel insurance",), family="clause"),
        Rule("CLAUSE", ["kind", "==", "one_way"], ("that is one way",), family="clause"),
        Rule("CLAUSE", ["kind", "==", "round_trip"], ("that is a round trip",), family="clause"),
        Rule("CLAUSE", ["people", "==", 1], ("for one person",), family="clause"),
        Rule("CLAUSE", ["people", "==", "$o"], ("for {o:NUM} people",), family="clause"),
        Rule("CLAUSE", ["traveller", "has", "$o"], ("that {o:PERSON} is coming on",), family="nested"),
        *[
            Rule(
                "CLAUSE",
                ["first_status", "==", status],
                (f"whose first flight {words}",),
                family="join_status",
            )
            for status, words in (
                ("cancelled", "was cancelled"),
                ("delayed", "is delayed"),
                ("landed", "has landed"),
                ("flying", "is in the air"),
                ("on time", "is on time"),
            )
        ],
        Rule(
            "CLAUSE",
            ["origin", "==", {"of": "destination", "ref": "$r"}],
            ("that starts where {r:INNER} ends",),
            family="nested",
        ),
        Rule(
            "CLAUSE",
            ["destination", "==", {"of": "origin", "ref": "$r"}],
            ("that goes to where {r:INNER} starts",),
            family="nested",
        ),
        Rule(
            "CLAUSE",
            ["start", "==", {"shift": "$n", "of": "start", "ref": "$r"}],
            ("that starts {n:LATER} {r:INNER}",),
            family="temporal",
        ),
        *[Rule("LATER", n, (words,)) for n, words in _LATER.items()],
    ]


_LATER = {
    1: "the day after",
    -1: "the day before",
    **{n: f"{n} days after" for n in range(2, 30)},
    **{-n: f"{n} days before" for n in range(2, 30)},
}


def _deeds() -> list[Rule]:
    def deed(verb: str, args: object, *templates: str, family: str = "") -> Rule:
        return Rule("DEED", {"do": verb, "at": "$r", "args": args}, templates, family=family or verb)

    return [
        deed("cancel", {}, "cancel {r:REF}", "call off {r:REF}"),
        deed("bags", {"total": "$n"}, "put {n:BAGS} in total on {r:REF}"),
        deed("bags", {}, "add checked bags to {r:REF}"),
        *[
            deed(
                "bags",
                {"total": {"times": n, "of": "people", "ref": {"by": "own"}}},
                text + " on {r:REF}",
                family="aggregate",
            )
            for n, text in (
                (1, "put one checked bag for each passenger in total"),
                (2, "put two checked bags for each passenger in total"),
                (3, "put three checked bags for each passenger in total"),
            )
        ],
        deed(
            "bags",
            {"total": {"of": "bags", "ref": "$x"}},
            "put as many checked bags as on {x:INNER} on {r:REF}",
            family="nested",
        ),
        deed(
            "bags",
            {"total": {"sum": "bags", "refs": ["$x", "$y"]}},
            "put as many checked bags as on {x:INNER} and {y:INNER} together on {r:REF}",
            family="aggregate",
        ),
        Rule("BAGS", 1, ("1 checked bag",)),
        Rule("BAGS", "$n", ("{n:NUM} checked bags",)),
        deed("cabin", {"cabin": "$c"}, "move {r:REF} to {c:CABIN}", "switch {r:REF} to {c:CABIN} class"),
        deed("cabin", {}, "change the cabin of {r:REF}"),
        deed(
            "cabin",
            {"cabin": {"of": "cabin", "ref": "$x"}},
            "put {r:REF} in the same cabin as {x:INNER}",
            family="nested",
        ),
        deed("rename", {}, "correct a passenger's name on {r:REF}"),
        deed("move", {"date": "$d"}, "move {r:REF} to {d:DATE}"),
        deed("move", {}, "move {r:REF} to another day"),
        deed(
            "move",
            {"date": {"shift": "$n", "of": "start", "ref": {"by": "own"}}},
            "move {r:REF} {n:BYDAYS}",
            family="temporal",
        ),
        deed(
            "move",
            {"date": {"shift": "$n", "of": "start", "ref": "$x"}},
            "move {r:REF} to {n:LATER} {x:INNER}",
            family="temporal",
        ),
        *[
            Rule("BYDAYS", n, (f"{abs(n)} day{'s' * (abs(n) > 1)} {'later' if n > 0 else 'earlier'}",))
            for n in _LATER
        ],
        deed(
            "claim",
            {"leg": "$d", "what": "delayed"},
            "compensate me for my delayed flight on {d:DATE}, part of {r:REF}",
        ),
        deed(
            "claim",
            {"leg": "$d", "what": "cancelled"},
            "compensate me for my cancelled flight on {d:DATE}, part of {r:REF}",
        ),
        *[
            Rule("DEED", {"do": verb, "args": {"from": "$f", "to": "$t", "date": "$d"}}, texts, family=verb)
            for verb, texts in (
                ("book", ("book me a direct flight from {f:CITY} to {t:CITY} on {d:DATE}",)),
                ("connect", ("book me a connection with one stop from {f:CITY} to {t:CITY} on {d:DATE}",)),
            )
        ],
        Rule(
            "DEED",
            {
                "do": "book",
                "args": {"from": "$f", "to": "$t", "date": {"shift": "$n", "of": "start", "ref": "$x"}},
            },
            ("book me a direct flight from {f:CITY} to {t:CITY} for {n:LATER} {x:INNER}",),
            family="temporal",
        ),
    ]


def _questions() -> list[Rule]:
    def asked(verb: str, *templates: str, args: object = None) -> Rule:
        return Rule("ASKED", {"do": verb, "at": "$r", "args": args or {}}, templates, family=verb)

    return [
        asked("refund", "how much would I get back in total if I cancelled {r:REF}?"),
        asked("refunded", "how much has been refunded to me in total for {r:REF}?"),
        asked("paid", "what did I pay in total for {r:REF}?"),
        asked("paid_all", "what did {r:REF} cost me altogether?"),
        asked("status", "what is the status of my flight on {d:DATE}, part of {r:REF}?", args={"leg": "$d"}),
        Rule(
            "ASKED",
            {"do": "balance", "args": {"source": "gift_card"}},
            ("what is the total balance of all my gift cards?",),
            family="balance",
        ),
        Rule(
            "ASKED",
            {"do": "balance", "args": {"source": "certificate"}},
            ("what is the total balance of all my travel certificates?",),
            family="balance",
        ),
    ]


def _facts() -> list[Rule]:
    def fact(name: str, value: object, *templates: str) -> Rule:
        return Rule("FACT", {"fact": name, "value": value}, templates, family=f"fact_{name}")

    return [
        Rule("USER", "$u", ("my user ID is {u:UID}.",)),
        fact("user", "$u", "my user ID is {u:UID}"),
        fact("number", "$i", "the reservation number is {i:RID}"),
        fact("pointing", "$r", "I don't have the reservation number at hand, I mean {r:REF}"),
        fact("at.origin", "$o", "the trip starts in {o:CITY}"),
        fact("at.destination", "$o", "the trip goes to {o:CITY}"),
        fact("at.start", "$o", "the trip starts on {o:DATE}"),
        fact("at.cabin", "$o", "it's booked in {o:CABIN}"),
        fact("at.insurance", "yes", "it's insured"),
        fact("at.insurance", "no", "it's not insured"),
        fact("at.kind", "one_way", "it's one way"),
        fact("at.kind", "round_trip", "it's a round trip"),
        fact("at.people", 1, "it's for one person"),
        fact("at.people", "$n", "it's for {n:NUM} people"),
        fact("at.traveller", "$p", "{p:PERSON} is coming along"),
        *[
            fact("at.first_status", status, f"its first flight {words}")
            for status, words in (
                ("cancelled", "was cancelled"),
                ("delayed", "is delayed"),
                ("landed", "has landed"),
                ("flying", "is in the air"),
                ("on time", "is on time"),
            )
        ],
        fact("reason", "illness", "I'm ill and can't travel", "I've fallen ill"),
        fact("reason", "weather", "it's because of the weather"),
        fact("reason", "change of plan", "my plans have changed", "it's simply a change of plan"),
        fact("total", "$n", "I want {n:BAGS} in total"),
        fact("card", "$c", "please use my {c:CARDNAME}"),
        fact("cabin", "$c", "I'd like to fly in {c:CABIN}"),
        fact("name", ["$a", "$b"], "{a:PERSON} should be spelled {b:PERSON}"),
        fact("date", "$d", "I want to fly on {d:DATE}"),
        fact("choice", "cheapest", "I'd like the cheapest flight"),
        fact("choice", "earliest", "I'd like the earliest departure"),
        fact("choice", "latest", "I'd like the last flight of that day"),
        fact("leg", "$d", "it's the flight on {d:DATE}"),
        fact("what", "delayed", "the flight was delayed"),
        fact("what", "cancelled", "the flight was cancelled"),
        fact("from", "$c", "I want to start in {c:CITY}"),
        fact("to", "$c", "I want to go to {c:CITY}"),
        fact("source", "gift_card", "I mean all of my gift cards"),
        fact("source", "certificate", "I mean all of my travel certificates"),
        fact("company", [], "it's just me"),
        fact("company", [["$a", "$b"]], "it's me and {a:PERSON}, born on {b:BORN}"),
        fact(
            "company",
            [["$a", "$b"], ["$c", "$d"]],
            "it's me and {a:PERSON}, born on {b:BORN}, and {c:PERSON}, born on {d:BORN}",
        ),
        fact("bags", 0, "I have no checked bags"),
        fact("bags", "$n", "I have {n:BAGS} in total"),
        fact("insurance", "yes", "I'd like travel insurance"),
        fact("insurance", "no", "I don't want travel insurance"),
        *[
            Rule("ASIDE", {"fact": slot, "value": "$v"}, texts, family="aside")
            for slot, texts in (
                ("date", ("[by the way, |]my brother is flying on {v:DATE}.",)),
                ("bags", ("[by the way, |]my neighbour always travels with {v:BAGS}.",)),
                ("cabin", ("[by the way, |]my boss always flies {v:CABIN}.",)),
            )
        ],
    ]


def _tests() -> list[Rule]:
    return [
        Rule(
            "TEST",
            {"left": {"of": "price", "ref": "$r"}, "how": ">", "right": "$m"},
            ("{r:REF} cost more than {m:MONEY}", "I paid more than {m:MONEY} for {r:REF}"),
        ),
        Rule(
            "TEST",
            {"left": {"of": "price", "ref": "$r"}, "how": "<", "right": "$m"},
            ("{r:REF} cost less than {m:MONEY}",),
        ),
        Rule(
            "TEST",
            {"left": {"of": "people", "ref": "$r"}, "how": ">", "right": 1},
            ("there is more than one passenger on {r:REF}",),
        ),
        Rule(
            "TEST",
            {"left": {"of": "people", "ref": "$r"}, "how": ">", "right": "$n"},
            ("there are more than {n:NUM} passengers on {r:REF}",),
        ),
        Rule(
            "TEST",
            {"left": {"of": "bags", "ref": "$r"}, "how": "<", "right": "$n"},
            ("there are fewer than {n:NUM} bags on {r:REF}",),
        ),
        Rule(
            "TEST",
            {"left": {"sum": "price", "refs": ["$a", "$b"]}, "how": ">", "right": "$m"},
            ("{a:INNER} and {b:INNER} cost more than {m:MONEY} together",),
        ),
        Rule(
            "TEST",
            {"left": {"sum": "price", "refs": ["$a", "$b"]}, "how": "<", "right": "$m"},
            ("{a:INNER} and {b:INNER} cost less than {m:MONEY} together",),
        ),
    ]
