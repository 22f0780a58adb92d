"""Cheats earn nothing and honest agents everything; an audit that cannot fail would prove neither."""

from collections import Counter
from functools import cache

import pytest

from simenv.agents.audit import Row, audit, auditors, episodes_of
from simenv.core import catalog
from simenv.core.goal import Goal
from simenv.core.pack import bundled
from simenv.core.task import Task

PER_KIND = 1


@cache
def some_tasks() -> tuple[Task, ...]:
    """Return a task of every operator, and one that grew by none."""
    pack = bundled("airline", "test")
    taken: Counter[str] = Counter()
    chosen = []
    for at, line in enumerate(pack.lines):
        kinds = set(line["certificate"]["lineage"]) or {"as it is"}
        if any(taken[kind] < PER_KIND for kind in kinds):
            taken.update(kinds)
            chosen.append(pack.at(at))
    return tuple(chosen)


@cache
def rows() -> dict[str, Row]:
    return {row.agent: row for row in audit(some_tasks())}


AUDITORS = [auditor.name for auditor in auditors(catalog.domain("airline"), [])]


@pytest.mark.parametrize("name", AUDITORS)
def test_the_audit_holds(name: str) -> None:
    row = rows()[name]
    assert row.tasks > 0
    assert row.holds, row.failures


def test_every_auditor_of_the_plan_is_there() -> None:
    cheats = {
        *("idle", "transfer", "echo", "spray", "frequent_answer", "random_calls", "empty_arguments"),
        *("gold_plus_write", "gold_minus_first", "gold_minus_last", "policy_blind", "never_confirms"),
        "vague_confirmation",
    }
    rules = {rule.id for rule in catalog.domain("airline").rules if rule.facts}
    declines = {f"{kind}:{rule}" for kind in ("decline", "decline_after_id") for rule in rules}
    honest = [name for name in AUDITORS if name.startswith("oracle")]
    assert set(AUDITORS) == cheats | declines | set(honest)
    assert len(honest) == 8


def with_goal(task: Task, goal: Goal) -> Task:
    return task.model_copy(update={"goal": goal})


def test_a_gift_is_found() -> None:
    """A task whose goal asks for nothing pays the idle agent, and the row says so."""
    question = next(task for task in some_tasks() if not task.goal.required)
    gift = with_goal(question, Goal(required=[], answers={}))
    found = {row.agent: row for row in audit([gift])}
    assert not found["idle"].holds
    assert found["idle"].failures[0][0] == gift.id


def test_an_unfair_task_is_found() -> None:
    """A goal that no honest agent reaches is held against the task, not the agent."""
    task = next(task for task in some_tasks() if task.goal.required)
    unfair = with_goal(task, Goal(required=[*task.goal.required, ["gone", "users", ["nobody"]]]))
    found = {row.agent: row for row in audit([unfair])}
    assert not found["oracle"].holds
    assert found["oracle"].passes == 0


def test_progress_is_counted_to_the_end() -> None:
    some = some_tasks()[:2]
    seen: list[int] = []
    list(audit(some, seen.append))
    assert sum(seen) == episodes_of(some)
