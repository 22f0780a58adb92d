"""How a customer of any domain puts things: greetings, requests, conditions. A domain adds its own words.

Rules of a domain supply the symbols DEED (a verb phrase: "cancel my trip"), ASKED (a whole question), TEST (a
clause: "my trip cost more than $300"), FACT (a statement without its full stop) and USER.
"""

from itertools import product

from simenv.core.grammar import Rule, Terminal

HELLO = ("Hi!", "Hello.", "Good day.", "Hi there!", "Hello there.", "Hey.", "Good morning.")
CLOSE = ("[Thanks!|Thank you.|]",)
ALSO = ("There is [one|another] more thing.", "I also have another request.", "And there is something else.")

POLITE = (
    "[please|kindly] {d:DEED}.",
    "[could|can|would] you [please|] {d:DEED}?",
    "I'd like you to {d:DEED}[, please|].",
    "I [need|want] you to {d:DEED}.",
)
WHEN = (
    "if {c:TEST}, [please|] {t:DEED}; otherwise {e:DEED}.",
    "[please|] {t:DEED} if {c:TEST}, and if not, {e:DEED}.",
)
WHEN_ONLY = (
    "if {c:TEST}, [please|] {t:DEED}. [Otherwise leave everything as it is.|If not, change nothing.]",
)
WHEN_BOTH = ("if {c:TEST}, [please|] {t:DEED}, and also {u:DEED}.",)
FALLBACK = (
    "[please|] {a:DEED}; if that's not [possible|allowed], {b:DEED} instead.",
    "I'd like you to {a:DEED}. Should that not be [possible|allowed], {b:DEED} instead.",
)
MIND = (
    "[actually|wait], I've changed my mind: {f:FACT}",
    "on second thought, {f:FACT}",
)


def _openings() -> list[Rule]:
    """Return a rule for every number of wants, with and without the customer's id and an aside."""
    found = []
    for wants, user, aside in product(range(1, 6), (False, True), (False, True)):
        names = "abcde"[:wants]
        pattern: dict[str, object] = {"says": [f"${name}" for name in names]}
        text = "{HELLO} " + " {ALSO} ".join(f"{{{name}:SAY}}" for name in names)
        if aside:
            pattern["aside"] = "$x"
            text += " {x:ASIDE}"
        if user:
            pattern["user"] = "$u"
            text += " {u:USER}"
        found.append(Rule("OPENING", pattern, (text + " {CLOSE}",)))
    return found


def _says() -> list[Rule]:
    found = []
    for count in range(7):
        names = "abcdef"[:count]
        pattern = {"want": "$w", "facts": [f"${name}" for name in names]}
        text = "{w:GOAL}" + "".join(f" {{{name}:FACT}}." for name in names)
        found.append(Rule("SAY", pattern, (text,)))
    return found


def generic() -> list[Rule]:
    """Return the rules that every domain shares."""
    return [
        *_openings(),
        *_says(),
        Rule("HELLO", None, HELLO),
        Rule("CLOSE", None, CLOSE),
        Rule("ALSO", None, ALSO),
        Rule("GOAL", "$d", POLITE, family="request"),
        Rule("GOAL", "$q", ("{q:ASKED}",)),
        Rule("GOAL", {"when": "$c", "then": ["$t"], "else": ["$e"]}, WHEN, family="conditional"),
        Rule("GOAL", {"when": "$c", "then": ["$t"], "else": []}, WHEN_ONLY, family="conditional"),
        Rule("GOAL", {"when": "$c", "then": ["$t", "$u"], "else": []}, WHEN_BOTH, family="coupled"),
        Rule("GOAL", {"first": "$a", "instead": "$b"}, FALLBACK, family="fallback"),
        Rule("MIND", "$f", MIND, family="changed_mind"),
    ]


_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _place(value: object, context: object) -> str | None:
    del context
    return _PLACES[value - 1] if isinstance(value, int) and 2 <= value <= len(_PLACES) else None


def _number(value: object, context: object) -> str | None:
    del context
    return str(value) if type(value) is int and value >= 2 else None


def _dollars(value: object, context: object) -> str | None:
    del context
    return f"${value // 100}" if type(value) is int and value % 100 == 0 and value > 0 else None


def terminals() -> list[Terminal]:
    """Return the values that every domain shares: NTH, NUM (two or more), MONEY (whole dollars, as cents)."""
    return [
        Terminal("NTH", "|".join(_PLACES[1:]), _place, lambda text, _: _PLACES.index(text) + 1),
        Terminal("NUM", r"\d{1,4}(?!\d)", _number, lambda text, _: int(text) if int(text) >= 2 else None),
        Terminal("MONEY", r"\$\d{1,6}(?!\d)", _dollars, lambda text, _: int(text[1:]) * 100),
    ]
