"""Laws of the panel of a training, of what it is made from, and of the two sets of tasks."""

import json
import re
from collections.abc import Sequence
from math import exp, inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.audit import idle
from simenv.agents.oracle import oracle
from simenv.agents.runs import attempt
from simenv.core.canonical import canonical
from simenv.core.errors import UsageError
from simenv.core.pack import bundled
from simenv.episodes.actions import parse, show_arguments
from simenv.scoring.facts import Fact, Forced, Hits, TextLoss, accuracies, fact_of
from simenv.scoring.paired import paired
from simenv.scoring.panel import NOTHING, Line, Panel, Side, split_sets
from simenv.scoring.report import ScoreRow, score_table
from simenv.scoring.statistics import pass_at_k, pass_hat_k, wilson
from simenv.scoring.tokens import Spent

TASKS = ("a", "b", "c", "d")
outcomes = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=4, max_size=4)
counts = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    max_size=30,
)


def facts(passes: Sequence[Sequence[bool]], *, tokens: int | None = 10, characters: int = 50) -> list[Fact]:
    return [
        Fact(task, trial, passed, characters=characters, tokens=tokens, world=f"w{at // 2}")
        for at, (task, trials) in enumerate(zip(TASKS, passes, strict=True))
        for trial, passed in enumerate(trials)
    ]


def side(
    name: str, passes: Sequence[Sequence[bool]], *, tokens: int | None = 10, characters: int = 50
) -> Side:
    return Side(agent=name, facts=facts(passes, tokens=tokens, characters=characters))


NOBODY = [[False]] * 4
IDLE = side("idle", NOBODY, tokens=0, characters=0)


def panel_of(before: Sequence[Sequence[bool]], after: Sequence[Sequence[bool]]) -> Panel:
    return Panel(before=side("base", before), after=side("tuned", after), idle=IDLE)


def named(panel: Panel) -> dict[str, Line]:
    return {line.name: line for line in panel.lines()}


def read(action: str) -> list[tuple[str, str]]:
    found = parse(action)
    calls = [(call.name, show_arguments(call.arguments)) for call in found.calls]
    return calls or ([("?", found.error)] if found.error else [])


# What successes cost


def test_tokens_per_success_pay_for_failures_too() -> None:
    found = Spent("tokens", ((100, 1), (300, 1), (200, 0)))
    assert found.per_success == 300
    low, high = found.interval or (0, 0)
    error = (3 / 2 * (200**2 + 0 + 200**2)) ** 0.5 / 2
    assert log(high / low) == pytest.approx(2 * 1.959963985 * error / 300)
    assert low * high == pytest.approx(300**2)


def test_without_a_success_nothing_is_told() -> None:
    found = Spent("characters", ((100, 0), (0, 0)))
    assert found.per_success is None
    assert found.interval is None
    assert found.to_json()["amount"] == 100
    assert Spent("tokens", ((5, 1),)).interval is None
    assert Spent("tokens", ((0, 1), (0, 1))).interval is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 4)), min_size=2, max_size=9))
def test_the_interval_of_a_cost_holds_it(tasks: list[tuple[int, int]]) -> None:
    found = Spent("tokens", tuple(tasks))
    if found.interval is not None and found.per_success is not None:
        low, high = found.interval
        assert 0 <= low <= found.per_success * (1 + 1e-9)
        assert found.per_success <= high * (1 + 1e-9) <= inf


@pytest.mark.parametrize(("unit", "tasks"), [("words", ()), ("tokens", ((-1, 0),)), ("tokens", ((1, -1),))])
def test_impossible_costs_are_refused(unit: str, tasks: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(UsageError, match=r"counted in|is negative"):
        Spent(unit, tasks)


def test_the_score_table_shows_costs_where_they_are_known() -> None:
    rows = [
        ScoreRow(agent="base", counts=((1, 1), (1, 0)), spent=Spent("tokens", ((900, 1), (1100, 0)))),
        ScoreRow(agent="idle", counts=((1, 0), (1, 0)), spent=Spent("tokens", ((0, 0), (0, 0)))),
        ScoreRow(agent="old", counts=((1, 1), (1, 1))),
    ]
    head, base, silent, old = score_table(rows).splitlines()
    assert head.endswith("breaches  tokens per success")
    assert base.endswith("  2,000")
    assert silent.endswith("  -")
    assert old.endswith("  -")
    assert rows[0].to_json()["spent"]["per_success"] == 2000
    assert "spent" not in rows[2].to_json()


# Facts


def test_a_fact_is_what_a_record_says() -> None:
    task = bundled("airline", "test").at(0)
    played = attempt(task, oracle())
    record = {"task": task.id, "trial": 0, **played}
    found = fact_of(record, tokens=7, world="w")
    steps = played["trajectory"]["steps"]
    assert (found.task, found.passed, found.tokens, found.world) == (task.id, True, 7, "w")
    assert found.characters == sum(len(step["action"]) for step in steps) > 100
    assert found.calls == sum(len(step.get("calls", ())) for step in steps)
    nothing = fact_of({"task": task.id, "trial": 0} | attempt(task, idle))
    assert (nothing.passed, nothing.characters, nothing.calls) == (False, 0, 0)


# Calls against the oracle's


def call(name: str, **arguments: object) -> str:
    return canonical({"name": name, "arguments": arguments})


def test_selection_and_arguments_are_judged_apart() -> None:
    steps = [
        (call("get", id="1"), call("get", id="1")),
        (call("get", id="1"), call("get", id="2")),
        (call("get", id="1"), call("put", id="1")),
        (call("get", id="1"), "Which one?"),
        ("Shall I?", "I will do it."),
        ("Shall I?", call("put", id="1")),
        (call("get", id="1"), '{"name":'),
        ("Shall I?", '{"name":'),
    ]
    tools, arguments = accuracies([Forced("t", steps)], read)
    assert tools == {"t": (8, 3)}
    assert arguments == {"t": (2, 1)}


def test_arguments_are_compared_by_value() -> None:
    given = '{"arguments": {"b": 2, "a": 1}, "name": "get"}'
    assert accuracies([Forced("t", [(call("get", a=1, b=2), given)])], read) == ({"t": (1, 1)}, {"t": (1, 1)})


def test_the_oracle_agrees_with_itself() -> None:
    task = bundled("airline", "test").at(3)
    actions = [step["action"] for step in attempt(task, oracle())["trajectory"]["steps"]]
    tools, arguments = accuracies([Forced(task.id, [(each, each) for each in actions])], read)
    assert tools[task.id] == (len(actions), len(actions))
    tries, hits = arguments[task.id]
    assert 0 < tries == hits < len(actions)


# The panel


@given(before=outcomes, after=outcomes)
@settings(max_examples=50)
def test_figures_are_those_of_their_estimators(before: list[list[bool]], after: list[list[bool]]) -> None:
    lines = named(panel_of(before, after))
    for name, estimator, k in (
        ("success", pass_at_k, 1),
        ("pass@3", pass_at_k, 3),
        ("pass^3", pass_hat_k, 3),
    ):
        want = [sum(estimator(3, sum(trials), k) or 0 for trials in run) / 4 for run in (before, after)]
        line = lines[name]
        assert [line.before.value, line.after.value] == pytest.approx(want)
        assert line.change.value == pytest.approx(want[1] - want[0])
        assert line.before.interval == pytest.approx(wilson(4 * want[0], 4))
        assert line.idle.value in (0, None)
        assert line.before.n == 4
    solved = [trials for trials, was in zip(after, before, strict=True) if all(was)]
    kept = lines["kept of what passed"].after
    assert kept.n == len(solved)
    assert kept.value == (sum(map(all, solved)) / len(solved) if solved else None)


@given(outcomes)
@settings(max_examples=25)
def test_nothing_changes_where_nothing_was_trained(run: list[list[bool]]) -> None:
    found = panel_of(run, run[:])
    for line in found.lines():
        assert line.before == line.after
        assert line.change.value in (0, None)
    assert named(found)["kept of what passed"].after.value in (1, None)


@given(before=outcomes, after=outcomes)
@settings(max_examples=25)
def test_the_order_of_facts_says_nothing(before: list[list[bool]], after: list[list[bool]]) -> None:
    turned = Panel(
        before=Side(agent="base", facts=facts(before)[::-1]),
        after=Side(agent="tuned", facts=facts(after)[::-1]),
        idle=IDLE,
    )
    assert turned.to_json() == panel_of(before, after).to_json()
    assert turned.table() == panel_of(before, after).table()


FULL = Panel(
    before=Side(
        agent="base",
        facts=facts([[True], [False], [False], [True]]),
        tools={"a": (10, 6), "b": (10, 9)},
        arguments={"a": (6, 3), "b": (9, 9)},
        validation=[TextLoss("v1", 20.0, 10), TextLoss("v2", 10.0, 10)],
        retention=[TextLoss("r1", 30.0, 10), TextLoss("r2", 30.0, 20)],
    ),
    after=Side(
        agent="tuned",
        facts=facts([[True], [True], [True], [False]]),
        tools={"a": (10, 9), "b": (10, 10)},
        arguments={"a": (9, 8), "b": (10, 10)},
        validation=[TextLoss("v1", 10.0, 10), TextLoss("v2", 4.0, 10)],
        retention=[TextLoss("r1", 31.0, 10), TextLoss("r2", 34.0, 20)],
    ),
    idle=IDLE,
)


def test_the_panel_reads_as_it_should() -> None:
    scores, _, measures = FULL.table().partition("\n\n")
    assert [line.split()[0] for line in scores.splitlines()] == ["agent", "base", "tuned", "idle"]
    assert "tokens per success" in scores
    split = [re.split(r" {2,}", line) for line in measures.splitlines()]
    rows = {name: cells for name, *cells in split}
    assert "idle" in measures.splitlines()[0]
    assert list(rows) == [
        "measure",
        "success",
        "kept of what passed",
        "tokens per success",
        "tool selection",
        "arguments",
        "validation loss",
        "retention loss",
    ]
    assert len({len(line) for line in measures.splitlines()}) == 1
    for name, row in rows.items():
        assert ("15, 19 steps of 2 tasks" in row) == (name == "arguments")
        if name != "measure":
            assert re.fullmatch(r"\d+(, \d+)? (tasks|texts|steps of 2 tasks)", row[0])
            assert len(row) == len(rows["measure"])
            assert sum(" to " in each for each in row) >= 2


def test_every_number_of_the_table_is_in_the_json() -> None:
    told = json.loads(json.dumps(FULL.to_json()))
    assert told == FULL.to_json()
    found = told["measures"]
    assert found["success"]["change"]["value"] == 0.25
    assert found["tool selection"]["before"] == found["tool selection"]["before"] | {"value": 0.75, "n": 20}
    assert found["tool selection"]["tasks"] == 2
    assert "tasks" not in found["success"]
    assert found["retention loss"]["before"]["value"] == 2.0
    assert found["retention loss"]["change"]["value"] == pytest.approx(5 / 30, abs=1e-4)
    assert found["validation loss"]["after"]["value"] == 0.7
    assert found["tokens per success"]["after"]["value"] == pytest.approx(40 / 3, abs=1e-3)
    assert found["tokens per success"]["idle"]["value"] is None
    assert told["idle"]["passed"] == 0


def test_a_loss_per_token_has_the_error_of_a_ratio() -> None:
    """Two texts of equal length: the error of a mean of two."""
    line = named(FULL)["validation loss"]
    low, high = line.before.interval or (0, 0)
    assert (low + high) / 2 == pytest.approx(1.5)
    assert (high - low) / 2 == pytest.approx(1.959964 * 0.5)
    assert exp(line.after.value or 0) < exp(line.before.value or 0)


def test_steps_of_one_task_are_not_independent() -> None:
    def ends(tools: dict[str, tuple[int, int]]) -> float:
        found = Panel(
            before=Side(agent="x", facts=FULL.before.facts, tools=tools), after=FULL.after, idle=IDLE
        )
        low, high = named(found)["tool selection"].before.interval or (0, 0)
        return high - low

    spread, lumped = {"a": (10, 5), "b": (10, 5)}, {"a": (10, 10), "b": (10, 0)}
    assert ends(lumped) > 2 * ends(spread)
    assert ends({"a": (10, 10), "b": (10, 10)}) == pytest.approx(1 - wilson(2, 2).low)


def hits_panel(before: Hits, after: Hits, *, arguments: tuple[Hits, Hits] = ({}, {})) -> Panel:
    one, other = (
        Side(agent=each.agent, facts=each.facts, tools=tools, arguments=given)
        for each, tools, given in zip((FULL.before, FULL.after), (before, after), arguments, strict=True)
    )
    return Panel(before=one, after=other, idle=IDLE)


tries = st.lists(
    st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))),
    min_size=1,
    max_size=12,
)


@given(tries)
def test_the_change_of_accuracy_is_the_difference_of_the_figures_beside_it(
    found: list[tuple[int, int, int]],
) -> None:
    before = {f"t{at}": (n, was) for at, (n, was, _) in enumerate(found)}
    after = {f"t{at}": (n, now) for at, (n, _, now) in enumerate(found)}
    line = named(hits_panel(before, after))["tool selection"]
    assert line.change.value == pytest.approx((line.after.value or 0) - (line.before.value or 0))
    low, high = line.change.interval or (9, -9)
    assert -1 <= low <= (line.change.value or 0) + 1e-9
    assert (line.change.value or 0) - 1e-9 <= high <= 1
    assert (line.change.n, line.tasks) == (line.before.n, len(found))
    back = named(hits_panel(after, before))["tool selection"].change
    assert back.interval == pytest.approx((-high, -low))


def test_a_task_with_more_steps_weighs_more_in_the_change() -> None:
    """Task by task nothing changed in the mean; of all steps it did."""
    line = named(hits_panel({"a": (10, 0), "b": (90, 90)}, {"a": (10, 10), "b": (90, 0)}))["tool selection"]
    assert (line.before.value, line.after.value) == (0.9, 0.1)
    assert line.change.value == pytest.approx(-0.8)


def test_tasks_of_equally_many_steps_change_as_tasks_do() -> None:
    ends = [(3, 5), (2, 2), (5, 1), (0, 4), (4, 5), (1, 1)]
    before, after = ({f"t{at}": (5, each[side]) for at, each in enumerate(ends)} for side in (0, 1))
    change = named(hits_panel(before, after))["tool selection"].change
    found = paired([(now - was) / 5 for was, now in ends], range(len(ends)))
    assert change.value == pytest.approx(found.mean)
    assert change.interval == pytest.approx(found.interval)


def test_more_steps_of_the_same_tasks_make_a_change_no_surer() -> None:
    def width(n: int) -> float:
        ends = [(n, 0), (0, n), (n, n), (0, n)]
        before, after = ({f"t{at}": (n, each[side]) for at, each in enumerate(ends)} for side in (0, 1))
        low, high = named(hits_panel(before, after))["tool selection"].change.interval or (0, 0)
        return high - low

    assert width(50) == pytest.approx(width(1))


def test_arguments_of_a_task_that_got_its_first_right_tool_count() -> None:
    tools = {"a": (4, 0), "b": (4, 4)}
    arguments: tuple[Hits, Hits] = ({"b": (4, 2)}, {"a": (2, 2), "b": (4, 4)})
    line = named(hits_panel(tools, {"a": (4, 2), "b": (4, 4)}, arguments=arguments))["arguments"]
    assert line.change.value == pytest.approx(0.5)
    assert (line.change.n, line.tasks, line.counted) == (4, 2, "4, 6 steps of 2 tasks")
    other = named(hits_panel(tools, {"c": (4, 2), "b": (4, 4)}, arguments=arguments))
    assert other["arguments"].change == other["tool selection"].change == NOTHING


def test_tasks_of_one_world_count_as_alike() -> None:
    before, after = [[True], [True], [True], [True]], [[False], [False], [True], [True]]
    alone = [Fact(each.task, each.trial, each.passed, 50, 10) for each in facts(after)]
    bare = [Fact(each.task, each.trial, each.passed, 50, 10) for each in facts(before)]
    apart = Panel(before=Side(agent="b", facts=bare), after=Side(agent="t", facts=alone), idle=IDLE)
    (low, _), (lower, _) = (
        named(each)["success"].change.interval or (0, 0) for each in (apart, panel_of(before, after))
    )
    assert lower < low


def test_characters_stand_in_where_tokens_are_unknown() -> None:
    run = [[True]] * 4
    found = Panel(before=side("base", run, tokens=None), after=side("tuned", run), idle=IDLE)
    assert found.unit == "characters"
    assert named(found)["characters per success"].before.value == 50
    assert panel_of(run, run).unit == "tokens"


def test_texts_that_were_cut_otherwise_are_not_paired() -> None:
    other = Side(agent="t", facts=FULL.after.facts, retention=[TextLoss("r1", 31.0, 11)])
    found = named(Panel(before=FULL.before, after=other, idle=IDLE))["retention loss"]
    assert found.change.value is None
    assert found.after.interval is None


def test_a_panel_needs_the_same_tasks_and_the_idle_agent() -> None:
    run = [[True]] * 4
    short = Side(agent="idle", facts=facts(NOBODY)[:3])
    with pytest.raises(UsageError, match="base or idle only, such as d"):
        Panel(before=side("base", run), after=side("tuned", run), idle=short)
    twice = Side(agent="tuned", facts=facts(run) * 2)
    with pytest.raises(UsageError, match="tuned played a task and trial twice"):
        Panel(before=side("base", run), after=twice, idle=IDLE)
    with pytest.raises(UsageError, match="no fact before"):
        Panel(before=Side(agent="base", facts=[]), after=twice, idle=IDLE)


# Two sets of tasks


@given(before=counts, seed=st.integers(0, 9), held_back=st.integers(0, 100))
def test_every_task_is_in_one_set(before: dict[str, tuple[int, int]], seed: int, held_back: int) -> None:
    sets = split_sets(before, seed=seed, held_back=held_back)
    parts = [sets.capability, sets.regression, sets.held_capability, sets.held_regression]
    assert sorted(task for part in parts for task in part) == sorted(before)
    for part, solved in zip(parts, (False, True, False, True), strict=True):
        assert all((before[task][0] == before[task][1]) == solved for task in part)


@given(before=counts, seed=st.integers(0, 9))
def test_who_is_held_back_depends_on_nothing_else(before: dict[str, tuple[int, int]], seed: int) -> None:
    """Neither on other tasks nor on what passed; a larger share keeps who was held back."""
    sets = split_sets(before, seed=seed)
    held = {*sets.held_capability, *sets.held_regression}
    for task in before:
        alone = split_sets({task: (1, 1)}, seed=seed)
        assert (task in alone.held_regression) == (task in held)
    more = split_sets(dict(reversed(before.items())), seed=seed, held_back=50)
    assert held <= {*more.held_capability, *more.held_regression}


def test_about_the_share_that_was_asked_for_is_held_back() -> None:
    before = {f"t{at}": (1, at % 2) for at in range(2000)}
    one, other = (split_sets(before, seed=seed) for seed in (1, 2))
    for sets in (one, other):
        assert 160 < len(sets.held_capability) < 240
        assert 160 < len(sets.held_regression) < 240
    assert one != other
    assert split_sets(before, held_back=0).held_capability == ()
    assert split_sets(before, held_back=100).capability == ()


def test_sets_need_tries() -> None:
    for before in ({"a": (0, 0)}, {"a": (1, 2)}):
        with pytest.raises(UsageError, match="a has"):
            split_sets(before)
    with pytest.raises(UsageError, match="0 to 100"):
        split_sets({}, held_back=101)
