"""The grammar: what it writes it reads, and nothing else."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.grammar import Grammar, Rule, Terminal

CABINS = {"economy": "economy", "business": "business class", "first": "first class"}
ORDINALS = {1: "first", 2: "second", 3: "third"}


def words(symbol: str, table: dict[Any, str]) -> Terminal:
    """A terminal of a closed set, the longest text first."""
    back = {text: value for value, text in table.items()}
    return Terminal(
        symbol,
        "|".join(re.escape(text) for text in sorted(back, key=len, reverse=True)),
        lambda value, _: table.get(value) if isinstance(value, str | int) else None,
        lambda text, _: back.get(text),
    )


def known_user(value: Any, users: Any) -> str | None:
    return value if isinstance(value, str) and value in users else None


TERMINALS = [
    words("CABIN", CABINS),
    words("NTH", ORDINALS),
    Terminal(
        "MONEY",
        r"\$\d{1,9}",
        lambda v, _: f"${v}" if type(v) is int and v >= 0 else None,
        lambda t, _: int(t[1:]),
    ),
    Terminal("ID", r"[A-Z0-9]{6}", lambda v, _: v if isinstance(v, str) else None, lambda t, _: t),
    Terminal(
        "USER", r"[a-z]{1,9}_[0-9]{1,4}", known_user, lambda t, users: t if users and t in users else None
    ),
    Terminal(
        "NOTE", r'"[^"]{0,80}"', lambda v, _: f'"{v}"' if isinstance(v, str) else None, lambda t, _: t[1:-1]
    ),
]

RULES = [
    Rule(
        "REF",
        {"by": "extreme", "field": "price", "pick": "max", "rank": 1, "where": "$w"},
        ("my [most expensive|priciest] trip{w:WHERE}", "the [trip|booking]{w:WHERE} that cost me the most"),
        "extreme",
    ),
    Rule(
        "REF",
        {"by": "extreme", "field": "price", "pick": "max", "rank": "$n", "where": "$w"},
        ("my {n:NTH} [most expensive|priciest] trip{w:WHERE}",),
        "extreme",
    ),
    Rule(
        "REF",
        {"by": "same", "field": "$f", "as": "$r"},
        ("the trip with the same {f:FIELD} as ({r:REF})", "a trip, {f:FIELD} like that of ({r:REF}),"),
        "nested",
    ),
    Rule("REF", {"by": "id", "id": "$i"}, ("reservation {i:ID}", "{i:ID}"), "id"),
    Rule("FIELD", "cabin", ("[cabin|class]",)),
    Rule("FIELD", "price", ("[price|cost]",)),
    Rule("WHERE", [], ("",)),
    Rule("WHERE", ["$a"], (" {a:CLAUSE}",)),
    Rule("WHERE", ["$a", "$b"], (" {a:CLAUSE} and {b:CLAUSE}", " {a:CLAUSE} that is also {b:CLAUSE}")),
    Rule("WHERE", ["$a", "$b", "$c"], (" {a:CLAUSE}, {b:CLAUSE} and {c:CLAUSE}",)),
    Rule("CLAUSE", ["cabin", "==", "$c"], ("in {c:CABIN}", "booked in {c:CABIN}"), "compare"),
    Rule("CLAUSE", ["cabin", "!=", "$c"], ("not in {c:CABIN}",), "compare"),
    Rule("CLAUSE", ["price", ">", "$p"], ("[over|above] {p:MONEY}", "{p:MONEY}+"), "compare"),
    Rule("CLAUSE", ["price", "between", "$p", "$p"], ("of exactly {p:MONEY}",), "compare"),
    Rule("CLAUSE", ["price", "between", "$p", "$q"], ("from {p:MONEY} to {q:MONEY}",), "compare"),
    Rule("CLAUSE", ["refundable", True], ("that is refundable",)),
    Rule("CLAUSE", ["refundable", 1], ("that is refundable once",)),
    Rule("PLEASE", None, ("[please|kindly|]", "if you would,")),
    Rule("HELLO", None, ("", "Hi there!", "good [morning|evening], {PLEASE} listen.")),
    Rule("ACT", {"do": "cancel", "ref": "$r"}, ("{PLEASE} cancel {r:REF}",), "act"),
    Rule(
        "ACT", {"do": "move", "ref": "$r", "to": "$c"}, ("[move|shift] {r:REF} to {c:CABIN} {PLEASE}",), "act"
    ),
    Rule("ACT", {"do": "note", "say": "$s"}, ("{s:NOTE} is what to {PLEASE} note down",), "act"),
    Rule("ACT", {"do": "upgrade", "to": "$c"}, ("{c:CABIN} is what {PLEASE} I want",), "act"),
    Rule("GOAL", {"goals": ["$a"], "user": "$u"}, ("{HELLO} I am {u:USER}. {a:ACT}. {HELLO}",)),
    Rule(
        "GOAL",
        {"goals": ["$a", "$b"], "user": "$u"},
        (
            "{HELLO} {u:USER} here. {a:ACT}. {b:ACT}!",
            "{HELLO}\n\nI need two things:\n{a:ACT}\n{b:ACT}\n{u:USER}",
        ),
    ),
]
TRIPS = Grammar(RULES, TERMINALS)
USERS = frozenset({"mia_1", "li_22", "omar_333"})


def a_dict(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


def a_list(*items: Any) -> st.SearchStrategy[list[Any]]:
    return st.tuples(*(item if isinstance(item, st.SearchStrategy) else st.just(item) for item in items)).map(
        list
    )


def is_(value: Any) -> st.SearchStrategy[Any]:
    return st.just(value)


MONEY = st.integers(0, 999)
CABIN = st.sampled_from(sorted(CABINS))
CLAUSE = st.one_of(
    a_list("cabin", st.sampled_from(["==", "!="]), CABIN),
    a_list("price", ">", MONEY),
    a_list("price", "between", MONEY, MONEY),
    a_list("refundable", st.sampled_from([True, 1])),
)
PLAIN_REF = st.one_of(
    a_dict(
        by=is_("extreme"),
        field=is_("price"),
        pick=is_("max"),
        rank=st.integers(1, 3),
        where=st.lists(CLAUSE, max_size=3),
    ),
    a_dict(by=is_("id"), id=st.from_regex(r"[A-Z0-9]{6}", fullmatch=True)),
)
REF = st.recursive(
    PLAIN_REF,
    lambda ref: a_dict(by=is_("same"), field=st.sampled_from(["cabin", "price"]), **{"as": ref}),
    max_leaves=4,
)
NOTE = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), max_size=30)
ACT = st.one_of(
    a_dict(do=is_("cancel"), ref=REF),
    a_dict(do=is_("move"), ref=REF, to=CABIN),
    a_dict(do=is_("note"), say=NOTE),
    a_dict(do=is_("upgrade"), to=CABIN),
)
GOAL = a_dict(user=st.sampled_from(sorted(USERS)), goals=st.lists(ACT, min_size=1, max_size=2))
BEST = {"by": "extreme", "field": "price", "pick": "max", "rank": 1, "where": []}


def by_key(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: by_key(value[key]) for key in sorted(value)}
    return [by_key(item) for item in value] if isinstance(value, list) else value


@given(GOAL, st.integers(0, 10**6))
def test_what_is_written_is_read(goal: dict[str, Any], seed: int) -> None:
    text = TRIPS.write("GOAL", goal, Draws("grammar", seed), USERS)
    found = TRIPS.read("GOAL", text, USERS)
    assert [repr(by_key(value)) for value in found] == [repr(by_key(goal))], text
    assert TRIPS.matches("GOAL", goal, USERS)
    assert text == TRIPS.write("GOAL", goal, Draws("grammar", seed), USERS)


@given(GOAL, st.integers(0, 10**6))
def test_spaces_and_capitals_are_in_order(goal: dict[str, Any], seed: int) -> None:
    text = TRIPS.write("GOAL", goal, Draws("grammar", seed), USERS)
    words_only = re.sub(r'"[^"]*"', '"note"', text)
    assert "  " not in words_only
    assert not re.search(r" [,.?!;\n]|\n ", words_only)
    assert not re.search(r"(?:^|[.!?] |\n)[a-z]+[ ,.]", words_only), text
    assert words_only == words_only.strip(" ")


@given(st.text(max_size=60), st.sampled_from(["GOAL", "REF", "CLAUSE", "HELLO"]))
def test_other_text_is_not_understood(text: str, symbol: str) -> None:
    for value in TRIPS.read(symbol, text, USERS):
        assert TRIPS.matches(symbol, value, USERS)


def test_every_template_is_reached() -> None:
    refs = {TRIPS.write("REF", BEST, Draws(seed), None) for seed in range(60)}
    assert refs == {
        "My most expensive trip",
        "My priciest trip",
        "The trip that cost me the most",
        "The booking that cost me the most",
        "My first most expensive trip",
        "My first priciest trip",
    }
    hellos = {TRIPS.write("HELLO", None, Draws(seed), None) for seed in range(150)}
    assert {"", "Hi there!", "Good morning, listen.", "Good evening, if you would, listen."} < hellos
    assert len(hellos) == 2 + 2 * 4


def test_each_choice_has_an_address_of_its_own() -> None:
    """Another clause leaves the choices of its neighbours as they were."""
    rules = [
        Rule("TOP", ["$a", "$b"], ("{a:ITEM}, {b:ITEM}",)),
        Rule("ITEM", "x", ("x1", "x2", "x3")),
        Rule("ITEM", "y", ("y1 {ADD}{ADD}{ADD}", "y2")),
        Rule("ADD", None, ("a", "b")),
    ]
    grammar = Grammar(rules, [])
    for seed in range(20):
        left, right = grammar.write("TOP", ["x", "x"], Draws(seed), None).split(", ")
        assert grammar.write("TOP", ["x", "y"], Draws(seed), None).split(", ")[0] == left
        assert grammar.write("TOP", ["y", "x"], Draws(seed), None).split(", ")[1] == right
    added = {grammar.write("ITEM", "y", Draws(seed), None) for seed in range(99)}
    assert {"Y1 aab", "Y1 aba", "Y1 baa", "Y1 bbb", "Y2"} < added


def test_values_are_told_apart_by_type() -> None:
    assert TRIPS.write("CLAUSE", ["refundable", True], Draws(1), None) == "That is refundable"
    assert TRIPS.write("CLAUSE", ["refundable", 1], Draws(1), None) == "That is refundable once"
    for value in (["refundable", 1.0], ["refundable"], {"refundable": 1}, ["refundable", [True]], None, "x"):
        assert not TRIPS.matches("CLAUSE", value)
    assert TRIPS.matches("CLAUSE", ["price", "between", 5, 5])
    assert not TRIPS.matches("CLAUSE", ["price", "between", 5, "5"])


def test_an_equal_value_may_be_read_by_two_rules_and_is_one_value() -> None:
    assert TRIPS.read("CLAUSE", "from $5 to $5", None) == [["price", "between", 5, 5]]
    assert TRIPS.read("CLAUSE", "of exactly $5", None) == [["price", "between", 5, 5]]


def test_a_hole_that_is_written_twice_is_one_value() -> None:
    grammar = Grammar([Rule("TWICE", ["$p"], ("{p:MONEY}, yes {p:MONEY}",))], TERMINALS)
    assert grammar.write("TWICE", [7], Draws(1), None) == "$7, yes $7"
    assert grammar.read("TWICE", "$7, yes $7", None) == [[7]]
    assert grammar.read("TWICE", "$7, yes $8", None) == []


def test_an_ambiguous_text_has_two_meanings() -> None:
    rules = [
        Rule("TOP", ["not", "$x"], ("not {x:TOP}",)),
        Rule("TOP", ["and", "$x", "$y"], ("both {x:TOP} and {y:TOP}",)),
        Rule("TOP", ["last", "$x"], ("both {x:TOP} finally",)),
        Rule("TOP", "a", ("a",)),
        Rule("TOP", "ab", ("a and a",)),
    ]
    grammar = Grammar(rules, [])
    found = grammar.read("TOP", "Both a and a and a", None)
    assert len(found) == 2
    assert all(value in (["and", "a", "ab"], ["and", "ab", "a"]) for value in found)
    assert len(grammar.read("TOP", "both a and a and a", None, most=1)) == 1
    assert grammar.read("TOP", "both a and a", None) == [["and", "a", "a"]]


def test_a_very_ambiguous_text_is_read_in_bounded_time() -> None:
    rules = [
        Rule("SUM", ["$x"], ("{x:PART}",)),
        Rule("SUM", ["$x", "$y"], ("{x:PART} {y:SUM}",)),
        Rule("PART", "a", ("a",)),
        Rule("PART", "c", ("a a",)),
    ]
    grammar = Grammar(rules, [])
    assert len(grammar.read("SUM", " ".join("a" * 45), None)) == 2
    assert grammar.read("SUM", " ".join("a" * 45) + " x", None) == []
    assert grammar.read("SUM", " ".join("a" * 5000), None) == []
    assert len(grammar.read("SUM", " ".join("a" * 8), None, most=100)) == 34


def test_deep_values_are_refused() -> None:
    rules = [Rule("TOP", ["$x"], ("not {x:TOP}",)), Rule("TOP", "a", ("a",))]
    grammar = Grammar(rules, [])
    value: Any = "a"
    for _ in range(49):
        value = [value]
    text = grammar.write("TOP", value, Draws(1), None)
    assert grammar.read("TOP", text, None) == [value]
    with pytest.raises(UsageError, match="no wording"):
        grammar.write("TOP", [value], Draws(1), None)
    assert grammar.read("TOP", "not " + text, None) == []


def test_capitals() -> None:
    people = {"Polish": "Polish", "polish": "polish", "red": "red", "émile": "émile", "x9": "x9"}
    rules = [Rule("TOP", ["$x"], ("{x:WORD}. {x:WORD} it is\nélan",))]
    grammar = Grammar(rules, [words("WORD", people)])
    texts = {value: grammar.write("TOP", [value], Draws(1), None) for value in people}
    assert texts == {
        "Polish": "Polish. Polish it is\nÉlan",
        "polish": "polish. polish it is\nÉlan",
        "red": "Red. Red it is\nÉlan",
        "émile": "Émile. Émile it is\nÉlan",
        "x9": "x9. x9 it is\nÉlan",
    }
    assert all(grammar.read("TOP", text, None) == [[value]] for value, text in texts.items())
    assert grammar.read("TOP", "RED. red it is\nélan", None) == []
    assert grammar.read("TOP", "red. red It IS\nélan", None) == [["red"]]


def test_words_may_touch_slots_and_share_beginnings() -> None:
    rules = [
        Rule("TOP", ["re", "$x"], ("re{x:VERB}ed it",)),
        Rule("TOP", ["un", "$x"], ("un{x:VERB}ed (it, {x:VERB}s) ...",)),
        Rule("TOP", "read", ("reading",)),
        Rule("TOP", "reader", ("readier", "read")),
        Rule("TOP", "rest", ("rest", "rested")),
        Rule("VERB", "do", ("book",)),
        Rule("VERB", "go", ("boo",)),
    ]
    grammar = Grammar(rules, [])
    for value in (["re", "do"], ["un", "go"], ["re", "go"], "read", "reader", "rest"):
        for seed in range(9):
            assert grammar.read("TOP", grammar.write("TOP", value, Draws(seed), None), None) == [value]
    assert grammar.write("TOP", ["un", "do"], Draws(1), None) == "Unbooked (it, books)..."


def test_a_terminal_sees_the_context_and_keeps_its_text() -> None:
    note = {"do": "note", "say": "  so  . ok ,\n\n  no"}
    text = TRIPS.write("ACT", note, Draws("note"), None)
    assert '"  so  . ok ,\n\n  no"' in text
    assert TRIPS.read("ACT", text, None) == [note]
    goal = {"user": "mia_1", "goals": [{"do": "cancel", "ref": {"by": "id", "id": "ABC123"}}]}
    text = TRIPS.write("GOAL", goal, Draws("context"), USERS)
    assert TRIPS.read("GOAL", text, {"mia_1"}) == [goal]
    assert TRIPS.read("GOAL", text, {"li_22"}) == []
    assert TRIPS.matches("GOAL", goal, ["mia_1"])
    assert not TRIPS.matches("GOAL", goal, [])


def test_terminals_are_symbols_too() -> None:
    assert TRIPS.write("CABIN", "first", Draws(1), None) == "First class"
    assert TRIPS.read("CABIN", "First class", None) == ["first"]
    assert TRIPS.read("CABIN", "first class ", None) == []


def test_wordings_are_counted_once() -> None:
    assert TRIPS.wordings() == {"act": 5, "compare": 8, "extreme": 6, "id": 2, "nested": 2}
    grammar = Grammar([Rule("A", "x", ("[a|b|a]", "b", " a "), "f"), Rule("B", "x", ("a",), "f")], [])
    assert grammar.wordings() == {"f": 3}


def rule(pattern: Any, *templates: str, symbol: str = "TOP") -> Rule:
    return Rule(symbol, pattern, templates)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([rule("x")], 'TOP "x" has no templates'),
        ([rule(["$x"], "a")], r"'a' lacks \['x'\], adds \[\]"),
        ([rule("x", "a {x:TOP}")], r"lacks \[\], adds \['x'\]"),
        ([rule(["$x"], "a [{x:TOP}|b]")], r"lacks \['x'\]"),
        ([rule("x", "a [b")], "close and do not nest"),
        ([rule("x", "a [b|[c|d]]")], "close and do not nest"),
        ([rule("x", "a {b")], "a slot is"),
        ([rule("x", "a {b}")], "a slot is"),
        ([rule("x", "a {x:[A|B]}")], "a slot is"),
        ([rule("x", "a {B}")], "TOP uses B, which has no rule"),
        ([rule(["$x"], "a {x:B}")], "TOP uses B, which has no rule"),
        ([rule("x", "a {B}"), rule("y", "b", symbol="B")], "TOP uses B as a filler"),
        ([rule("x", "a {CABIN}")], "TOP uses CABIN as a filler"),
        ([rule("x", "a", symbol="low")], "in capitals, got 'low'"),
        ([rule("x", "a", symbol="CABIN")], "got 'CABIN'"),
        ([rule({1, 2}, "a")], "a pattern is JSON"),
        ([rule(float("nan"), "a")], "a pattern is JSON"),
        ([rule("x", "[a|b][c|d]" * 8)], "at most 10000 expansions"),
        ([rule(["$x"], "{x:TOP} a")], "TOP is left-recursive"),
        ([rule(["$x"], " {FILL} {x:TOP}"), rule(None, "", "b", symbol="FILL")], "left-recursive"),
        ([rule(["$x"], "{x:B}."), rule(["$x"], "{x:TOP}!", symbol="B")], "left-recursive"),
        ([rule("$x", "not {x:TOP}")], "without a smaller value"),
        ([rule("$x", "not {x:B}"), rule("$x", "so {x:TOP}", symbol="B")], "without a smaller value"),
        ([rule(None, "ha {TOP}")], "without a smaller value"),
        ([rule("x", "[A|b] c"), rule("y", "d", "a C")], r"'\[A\|b\] c' and 'a C' both say 'a c'"),
        ([rule(["a", "$x"], "a {x:B}"), rule(["b", "$y"], "a {y:B}"), rule(1, "b", symbol="B")], "both say"),
        ([rule(["$x", "$y"], "{x:CABIN} {y:CABIN}", "{y:CABIN} {x:CABIN}")], "both say"),
    ],
)
def test_a_wrong_table_is_refused(rules: list[Rule], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Grammar(rules, TERMINALS)


def test_wrong_terminals_are_refused() -> None:
    bad = Terminal("BAD", "(", lambda *_: None, lambda *_: None)
    with pytest.raises(UsageError, match=r"BAD: '[(]' is no regular expression"):
        Grammar([], [bad])
    with pytest.raises(UsageError, match="got 'CABIN'"):
        Grammar([], [TERMINALS[0], TERMINALS[0]])


def test_what_has_no_wording_is_named() -> None:
    goal = {"user": "mia_1", "goals": [{"do": "cancel", "ref": {**BEST, "where": [["cabin", "==", "box"]]}}]}
    with pytest.raises(UsageError, match=r'no wording for CABIN "box", in GOAL \{"goals"'):
        TRIPS.write("GOAL", goal, Draws(1), USERS)
    for call in (lambda: TRIPS.write("REV", 1, Draws(1), None), lambda: TRIPS.read("REV", "", None)):
        with pytest.raises(UnknownNameError, match="REV"):
            call()
    with pytest.raises(UnknownNameError, match="REV"):
        TRIPS.matches("REV", 1)
    grammar = Grammar([rule("x", "a {FILL}"), rule("$y", "b {y:CABIN}", symbol="FILL")], TERMINALS)
    with pytest.raises(UsageError, match="no wording for the filler FILL"):
        grammar.write("TOP", "x", Draws(1), None)


def test_tuples_in_patterns_are_lists() -> None:
    grammar = Grammar([rule(("a", "$x"), "a {x:CABIN}")], TERMINALS)
    assert grammar.read("TOP", "a economy", None) == [["a", "economy"]]
    assert grammar.matches("TOP", ["a", "economy"])
