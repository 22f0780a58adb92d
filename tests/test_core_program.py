"""Laws of programs: templates, nodes, and what runs them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, dollars, parse_strict, parse_trusted
from simenv.core.errors import UsageError
from simenv.core.interpreter import Request, UnsoundError, interpret
from simenv.core.program import (
    Act,
    Aggregate,
    Compare,
    Compute,
    Decline,
    Each,
    Extremum,
    Filter,
    If,
    Join,
    Judge,
    Lookup,
    Node,
    Program,
    Rank,
    Report,
    Retry,
    Search,
    Slot,
    fill,
    follow,
    read_cents,
)
from tests.test_core_canonical import values

ITEMS = [{"n": 1, "k": "a"}, {"n": 5, "k": "b"}, {"n": 3, "k": "a"}]


def ref(path: str) -> dict[str, str]:
    return {"$": path}


def run(*nodes: Node, results: tuple[Any, ...] = (), says: Any = True) -> list[Request]:
    """Run nodes to the end; calls are answered by ``results`` in turn, and every rule says ``says``."""
    answers = list(results)
    asked: list[Request] = []
    steps = interpret(Program(nodes=list(nodes)), lambda rule, facts: says)
    result = None
    while True:
        try:
            request = steps.send(result)
        except StopIteration:
            return asked
        asked.append(request)
        result = answers.pop(0) if request.kind == "read" else None


def told(value: Any, *before: Node, **more: Any) -> Any:
    """Return what a report of ``value`` says after other nodes."""
    arguments = run(*before, Report(id="r", subject="s", value=value, goal="g1"), **more)[-1].arguments
    return (arguments or {})["value"]


def listed(*items: Any) -> Lookup:
    return Lookup(id="all", tool="list", args={})


@given(values)
def test_a_template_without_references_stands_for_itself(value: Any) -> None:
    if "$" not in canonical(value):
        assert fill(value, {}) == value


@given(values)
def test_a_reference_stands_for_its_value_at_any_depth(value: Any) -> None:
    template = {"a": [ref("node.deep.1")], "b": ref("node")}
    known = {"node": {"deep": [0, value]}}
    assert fill(template, known) == {"a": [value], "b": known["node"]}


@pytest.mark.parametrize("path", ["x", "node.y", "node.deep.2", "node.deep.x", "node.deep.0.z", ""])
def test_a_reference_that_leads_nowhere_says_where(path: str) -> None:
    with pytest.raises(UsageError, match="leads nowhere at"):
        follow(path, {"node": {"deep": [0, 1]}})


def test_a_lookup_over_a_list_asks_once_for_each_element() -> None:
    each = Lookup(id="all", tool="get", args={"id": ref("item"), "x": 1}, each=["p", "q"])
    asked = run(each, Report(id="r", subject="s", value=ref("all.1"), goal="g"), results=("one", "two"))
    assert [request.arguments for request in asked] == [
        {"id": "p", "x": 1},
        {"id": "q", "x": 1},
        {"value": "two"},
    ]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ([("k", "==", "a")], [1, 3]),
        ([("k", "!=", "a")], [5]),
        ([("n", ">", 1)], [5, 3]),
        ([("n", ">=", 3), ("k", "==", "a")], [3]),
        ([("n", "<", ref("all.1.n")), ("n", "<=", 1)], [1]),
    ],
)
def test_a_filter_keeps_what_meets_every_condition(where: Any, kept: list[int]) -> None:
    nodes = (
        listed(),
        Filter(id="f", of=ref("all"), where=where),
        Compute(id="n", fn="at", args=[ref("f"), "n"]),
    )
    assert told(ref("n"), *nodes, results=(ITEMS,)) == kept


@pytest.mark.parametrize(("wanted", "sound"), [("b", True), ("a", False), ("z", False)])
def test_the_only_match_must_be_the_only_one(wanted: str, sound: bool) -> None:
    nodes = (listed(), Filter(id="f", of=ref("all"), where=[("k", "==", wanted)], one=True))
    if sound:
        assert told(ref("f.n"), *nodes, results=(ITEMS,)) == 5
    else:
        with pytest.raises(UnsoundError, match="must match exactly one"):
            told(ref("f.n"), *nodes, results=(ITEMS,))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=5), st.sampled_from(["min", "max"]))
def test_an_extremum_is_the_only_best_or_unsound(numbers: list[int], pick: Any) -> None:
    items = [{"a": number, "b": 1} for number in numbers]
    best = (min if pick == "min" else max)(numbers)
    for by, value in (("a", best), ("a+b", best)):
        nodes = (listed(), Extremum(id="e", of=ref("all"), by=by, pick=pick))
        if numbers.count(best) == 1:
            assert told(ref("e.a"), *nodes, results=(items,)) == value
        else:
            with pytest.raises(UnsoundError, match="equal choices"):
                told(ref("e.a"), *nodes, results=(items,))


def test_nothing_to_choose_from_is_unsound() -> None:
    with pytest.raises(UnsoundError, match="has 0 to choose from"):
        run(listed(), Extremum(id="e", of=ref("all"), by="n", pick="min"), results=([],))


@given(st.lists(st.integers(-5, 5), max_size=6), st.sampled_from(["min", "max"]), st.integers(2, 4))
def test_a_rank_is_the_only_one_of_its_place_or_unsound(numbers: list[int], pick: Any, place: int) -> None:
    items = [{"n": number} for number in numbers]
    nodes = (listed(), Rank(id="e", of=ref("all"), by="n", pick=pick, place=place))
    ranked = sorted(numbers, reverse=pick == "max")[place - 1 : place]
    if ranked and numbers.count(ranked[0]) == 1:
        assert told(ref("e.n"), *nodes, results=(items,)) == ranked[0]
    else:
        with pytest.raises(UnsoundError, match="equal choices" if ranked else "to choose from and wants"):
            told(ref("e.n"), *nodes, results=(items,))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=6))
def test_lists_are_counted_added_up_and_joined(numbers: list[int]) -> None:
    items = [{"n": number} for number in numbers]
    values: dict[Any, int] = {
        "count": len(numbers),
        "sum": sum(numbers),
        "min": min(numbers),
        "max": max(numbers),
    }
    for fn, value in values.items():
        added = Aggregate(id="a", fn=fn, of=ref("all"), by="n")
        assert told(ref("a"), listed(), added, results=(items,)) == value
    beside = [number + 1 for number in numbers]
    nodes: list[Node] = [
        listed(),
        Search(id="more", tool="search", args={}),
        Join(id="j", left=ref("all"), right=ref("more"), name="m"),
        Filter(id="f", of=ref("j"), where=[("m", "==", beside[0])]),
    ]
    found = told(ref("f"), *nodes, results=(items, beside))
    assert found == [{"n": each, "m": each + 1} for each in numbers if each == numbers[0]]


@pytest.mark.parametrize(
    ("how", "right", "holds"),
    [("==", 3, True), ("!=", 3, False), ("<", 4, True), ("<=", 2, False), (">", 2, True), (">=", 4, False)],
)
def test_values_are_compared(how: Any, right: int, holds: bool) -> None:
    assert told(ref("c"), Compare(id="c", left=3, how=how, right=right)) is holds
    assert told(ref("c"), Compare(id="c", left=["a", "b"], how="has", right="b")) is True


def test_each_element_gets_the_same_nodes_with_a_goal_of_its_own() -> None:
    inner: list[Node] = [
        Compute(id="n", fn="mul", args=[ref("item.n"), 2]),
        Act(id="do", tool="write", args={"n": ref("n"), "k": ref("item.k")}, goal="g1"),
    ]
    goals = ["g1x1", "g1x2", "g1x3"]
    asked = run(listed(), Each(id="e", of=ref("all"), goals=goals, nodes=inner), results=(ITEMS,))
    assert [request.arguments for request in asked[1:]] == [
        {"n": 2, "k": "a"},
        {"n": 10, "k": "b"},
        {"n": 6, "k": "a"},
    ]
    assert [request.goal for request in asked[1:]] == goals
    with pytest.raises(UnsoundError, match="is for 1 elements, there are 3"):
        run(listed(), Each(id="e", of=ref("all"), goals=goals[:1], nodes=inner), results=(ITEMS,))


def test_a_busy_tool_is_named_with_how_often_it_is_tried_again() -> None:
    asked = run(Retry(id="r", tool="list", times=2), listed(), results=([],))
    assert [(request.kind, request.retries) for request in asked] == [("read", 2)]
    assert [request.retries for request in run(listed(), results=([],))] == [0]


@pytest.mark.parametrize(
    ("fn", "args", "value"),
    [
        ("shift", ["2030-02-27", 3], "2030-03-02"),
        ("shift", ["2030-01-01", -1], "2029-12-31"),
        ("measure", [{"a": [{"b": 2.5}, {"b": 3}]}, "sum:a.b"], 550),
        ("get", [{"gold": 2}, "gold"], 2),
        ("surname", ["Ana María Ruiz"], "María Ruiz"),
        ("sum", [1, [2, [3]], 4], 10),
        ("sub", [3, 5], -2),
        ("mul", [3, 5], 15),
        ("above", [5, 3], 2),
        ("above", [3, 5], 0),
        ("min", [4, 2, 3], 2),
        ("len", [ITEMS], 3),
        ("has", [["a", "b"], "b"], True),
        ("has", [["a", "b"], "c"], False),
        ("at", [ITEMS, "n"], [1, 5, 3]),
        ("pick", [ITEMS[:1], ["k"]], [{"k": "a"}]),
        ("values", [{"b": 2, "a": 1}], [1, 2]),
        ("dollars", [1234], 12.34),
        ("cents", [[12, 0.5]], [1200, 50]),
    ],
)
def test_arithmetic_is_what_it_says(fn: Any, args: list[Any], value: Any) -> None:
    assert told(ref("c"), Compute(id="c", fn=fn, args=args)) == value


@given(st.integers(-(10**13), 10**13))
def test_cents_and_dollars_are_inverse(cents: int) -> None:
    assert read_cents(dollars(cents)) == cents
    assert read_cents(parse_strict(canonical(dollars(cents)))) == cents


@pytest.mark.parametrize("allowed", [True, False])
def test_one_branch_runs_and_the_other_does_not(allowed: bool) -> None:
    nodes = (
        Slot(id="s", name="n", value=7, said="seven"),
        Judge(id="may", rule="rule", facts={"n": ref("s")}),
        If(
            id="if",
            test=ref("may"),
            then=[Act(id="do", tool="write", args={"n": ref("s")}, goal="g1")],
            orelse=[Decline(id="no", rule="rule", args={"n": ref("s")}, goal="g1")],
        ),
    )
    asked = run(*nodes, says=allowed)
    assert [request.kind for request in asked] == ["slot", "write" if allowed else "decline"]
    assert asked[1].arguments == {"n": 7}
    assert asked[1].name == ("write" if allowed else "decline_request")
    assert [node.id for node in Program(nodes=list(nodes)).walk()] == ["s", "may", "if", "do", "no"]


PROGRAM = Program(
    nodes=[
        Slot(id="s", name="n", value=7, said="seven", opening=True, goal="g1"),
        Lookup(id="l", tool="t", args={"a": ref("s")}),
        If(id="if", test=True, then=[If(id="in", test=False, then=[])], orelse=[]),
        Report(id="r", subject="x", value=ref("l"), goal="g1", money=True),
    ]
)


def test_a_program_survives_json() -> None:
    again = Program.model_validate(parse_trusted(canonical(PROGRAM.to_json())))
    assert again == PROGRAM
    assert again.digest() == PROGRAM.digest()


@pytest.mark.parametrize("at", range(4))
def test_every_node_is_in_the_digest(at: int) -> None:
    nodes = list(PROGRAM.nodes)
    assert Program(nodes=nodes[:at] + nodes[at + 1 :]).digest() != PROGRAM.digest()
    nodes[at] = nodes[at].model_copy(update={"id": "other"})
    assert Program(nodes=nodes).digest() != PROGRAM.digest()
