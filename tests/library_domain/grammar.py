"""How members of a library say what they want: rules that write it and read it back."""

import re
from functools import cache
from typing import Any

from simenv.core.grammar import Grammar, Rule, Terminal
from simenv_generators.wordings import generic, terminals

_TIMES = {1: "once", 2: "twice", 3: "three times", 4: "four times"}
_LATER = {1: "the day after", -1: "the day before"} | {
    days: f"{abs(days)} days {'after' if days > 0 else 'before'}" for days in range(-15, 16) if abs(days) > 1
}


def _extreme(field: str, pick: str, name: str) -> list[Rule]:
    """Return the rules of "my highest-fined loan" and of its ranks, alone and among some."""
    bare: dict[str, Any] = {"by": "extreme", "field": field, "pick": pick, "where": []}
    rules = []
    for place, nth, family in ((1, "", "superlative"), ("$n", "{n:NTH} ", "rank")):
        form, text = bare | {"place": place}, f"my {nth}{name} loan"
        rules.append(Rule("INNER", form, (text,), family=family))
        rules.append(Rule("REF", form | {"where": "$w"}, (text + " {w:CLAUSES}",), family=family))
    return rules


def _references() -> list[Rule]:
    either = {"by": "either", "refs": ["$a", "$b"]}
    every: dict[str, Any] = {"by": "all", "where": [], "besides": None}
    return [
        Rule("REF", "$r", ("{r:INNER}",)),
        Rule("INNER", {"by": "number", "id": "$i"}, ("loan {i:LOAN}",)),
        Rule("INNER", {"by": "clauses", "where": [["title", "==", "$t"]]}, ("[my loan of|] {t:TITLE}",)),
        Rule("REF", {"by": "clauses", "where": "$w"}, ("[my|the] loan {w:CLAUSES}",)),
        *_extreme("fine", "max", "highest-fined"),
        *_extreme("fine", "min", "lowest-fined"),
        *_extreme("due", "min", "first-due"),
        *_extreme("due", "max", "last-due"),
        *_extreme("renewals", "max", "most-renewed"),
        *[
            Rule(
                "REF",
                either | {"field": field, "pick": pick},
                (f"whichever of {{a:INNER}} and {{b:INNER}} {text}",),
                family="comparison",
            )
            for field, pick, text in (
                ("fine", "max", "has the higher fine"),
                ("fine", "min", "has the lower fine"),
                ("due", "min", "is due first"),
                ("due", "max", "is due last"),
            )
        ],
        Rule("INNER", {"by": "same", "goal": "g1"}, ("the same loan",)),
        Rule("INNER", {"by": "same", "goal": "g2"}, ("the loan of my second request",)),
        Rule("REF", every, ("all my loans",), family="for_each"),
        Rule("REF", every | {"where": "$w"}, ("all my loans {w:CLAUSES}",), family="for_each"),
        Rule("REF", every | {"besides": "$b"}, ("all my loans except {b:INNER}",), family="all_except"),
        Rule(
            "REF",
            every | {"where": "$w", "besides": "$b"},
            ("all my loans {w:CLAUSES} except {b:INNER}",),
            family="all_except",
        ),
    ]


def _clauses() -> list[Rule]:
    def clause(field: str, value: Any, text: str, family: str = "clause") -> Rule:
        return Rule("CLAUSE", [field, "==", value], (text,), family=family)

    due = {"of": "due", "ref": "$r"}
    return [
        Rule("CLAUSES", ["$a"], ("{a:CLAUSE}",)),
        Rule("CLAUSES", ["$a", "$b"], ("{a:CLAUSE} {b:CLAUSE}",)),
        clause("title", "$t", "of {t:TITLE}"),
        clause("due", "$d", "[due|that is due] on {d:DAY}"),
        clause("due", due, "due on the same day as {r:INNER}", "nested"),
        clause("due", due | {"shift": "$n"}, "due {n:LATER} {r:INNER}", "temporal"),
        clause("renewals", 0, "that I never renewed"),
        *[clause("renewals", n, f"that I renewed {times}") for n, times in _TIMES.items()],
        *[Rule("LATER", days, (text,)) for days, text in _LATER.items()],
    ]


def _wants() -> list[Rule]:
    return [
        Rule("DEED", {"do": "renew", "at": "$r", "args": {}}, ("[renew|extend] {r:REF}",), family="renew"),
        Rule(
            "DEED",
            {"do": "reserve", "args": {"title": "$t"}},
            ("[reserve|put aside] {t:TITLE} for me",),
            family="reserve",
        ),
        Rule(
            "ASKED", {"do": "fine", "at": "$r", "args": {}}, ("what is the fine for {r:REF}?",), family="fine"
        ),
        Rule(
            "ASKED",
            {"do": "fine_total", "at": "$r", "args": {}},
            (
                "how much do I owe in fines for {r:REF} altogether?",
                "what do my fines for {r:REF} come to in total?",
            ),
            family="fine_total",
        ),
    ]


def _facts() -> list[Rule]:
    def fact(name: str, text: str, value: Any = "$v") -> Rule:
        return Rule("FACT", {"fact": name, "value": value}, (text,), family=f"fact_{name}")

    return [
        Rule("USER", "$u", ("I'm member {u:MEMBER}.",)),
        fact("user", "my member ID is {v:MEMBER}"),
        fact("number", "the loan number is {v:LOAN}"),
        fact("pointing", "I don't know the loan number, I mean {v:REF}"),
        fact("at.title", "it's {v:TITLE}"),
        fact("at.due", "it's due on {v:DAY}"),
        fact("at.renewals", "I never renewed it", 0),
        *[fact("at.renewals", f"I renewed it {times}", n) for n, times in _TIMES.items()],
        fact("title", "the book is {v:TITLE}"),
        Rule(
            "ASIDE", {"fact": "title", "value": "$v"}, ("[by the way, |]my sister loved {v:TITLE}.",), "aside"
        ),
    ]


def _tests() -> list[Rule]:
    def test(left: Any, how: str, right: Any, text: str) -> Rule:
        return Rule("TEST", {"left": left, "how": how, "right": right}, (text,))

    fine, renewals = ({"of": field, "ref": "$r"} for field in ("fine", "renewals"))
    both = {"sum": "fine", "refs": ["$a", "$b"]}
    return [
        test(fine, ">", "$m", "the fine for {r:REF} is more than {m:MONEY}"),
        test(fine, "<", "$m", "the fine for {r:REF} is less than {m:MONEY}"),
        test(both, ">", "$m", "the fines for {a:INNER} and {b:INNER} are more than {m:MONEY} together"),
        test(both, "<", "$m", "the fines for {a:INNER} and {b:INNER} are less than {m:MONEY} together"),
        *[test(renewals, ">", n, f"I renewed {{r:REF}} more than {times}") for n, times in _TIMES.items()],
    ]


def _like(regex: str, *, quoted: str = "") -> Any:
    """Return how a terminal writes the texts that match, between quotes if it does."""
    known = re.compile(regex)
    return lambda value, _: f"{quoted}{value}{quoted}" if known.fullmatch(str(value)) else None


_TITLE, _DAY = r"The [A-Z][a-z]{1,12} [A-Z][a-z]{1,12}", r"\d{4}-\d{2}-\d{2}"


@cache
def grammar() -> Grammar:
    """Return the library's grammar."""
    kinds = {"DAY": _DAY, "MEMBER": r"M\d{5}", "LOAN": r"L\d{6}"}
    values = [Terminal(name, regex, _like(regex), lambda text, _: text) for name, regex in kinds.items()]
    title = Terminal("TITLE", f'"{_TITLE}"', _like(_TITLE, quoted='"'), lambda text, _: text[1:-1])
    rules = [*generic(), *_references(), *_clauses(), *_wants(), *_facts(), *_tests()]
    return Grammar(rules, [*terminals(), *values, title])
