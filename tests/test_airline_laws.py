"""The airline keeps the laws that every domain keeps, with simple tasks and with grown ones."""

from functools import cache

import pytest

from simenv.core import catalog
from simenv.core.pack import bundled
from simenv.episodes import pool
from simenv.testing import (
    Law,
    LawError,
    Sample,
    a_state_plays_back,
    a_task_survives_json,
    check_domain,
    every_required_act_is_needed,
    honest_agents_earn_all,
    hostile_actions_are_answered,
    idle_earns_nothing,
    one_more_write_spoils_the_gold,
    queries_are_ordered,
    refused_calls_leave_no_trace,
    replay_is_equal,
    rest_changes_nothing,
    tasks_differ,
    the_customer_says_what_is_needed,
    the_gold_is_hidden,
    the_policy_tag_is_true,
)
from simenv.testing.sample import Trial

OF_TASKS: tuple[Law, ...] = (
    tasks_differ,
    a_task_survives_json,
    honest_agents_earn_all,
    idle_earns_nothing,
    every_required_act_is_needed,
    one_more_write_spoils_the_gold,
    the_policy_tag_is_true,
    the_customer_says_what_is_needed,
    the_gold_is_hidden,
    replay_is_equal,
    rest_changes_nothing,
    a_state_plays_back,
    queries_are_ordered,
    refused_calls_leave_no_trace,
    hostile_actions_are_answered,
)
"""The laws that are about tasks; the others are about worlds, tools and simple tasks being drawn."""


def test_the_airline_keeps_every_law() -> None:
    check_domain("airline")


@cache
def grown() -> Sample:
    """Return a task of every operator, in the first worlds of the test split, one with a set-up first."""
    pack, taken = bundled("airline", "test"), dict[str, None]()
    trials = []
    for at, line in enumerate(pack.lines):
        fresh = [name for name in line["certificate"]["lineage"] if name not in taken]
        if fresh or (line.get("setup") and "a twin" not in taken):
            taken.update(dict.fromkeys([*fresh, *["a twin"] * bool(line.get("setup"))]))
            task = pack.at(at)
            image = pool.image("airline", tuple(task.world), task.size)
            trials.append(Trial(tuple(line["certificate"]["address"]), task, image))
    trials.sort(key=lambda trial: not trial.task.setup)
    images = tuple({trial.image.digest: trial.image for trial in trials}.values())
    generator = catalog.generator("airline")
    return Sample(generator.domain, generator, images, tuple(trials), (len(images), 1))


def test_the_grown_tasks_are_of_every_make() -> None:
    tasks = [trial.task for trial in grown().trials]
    assert tasks[0].setup
    for field in ("setup", "faults", "extras"):
        assert any(getattr(task, field) for task in tasks), field
    assert any(fact.turn for task in tasks for fact in task.card.facts)
    assert len(grown().images) > 1


@pytest.mark.parametrize("law", OF_TASKS, ids=lambda law: law.__name__)
def test_grown_tasks_keep_every_law_of_tasks(law: Law) -> None:
    for broken in law(grown()):
        raise LawError(law.__name__, broken)
