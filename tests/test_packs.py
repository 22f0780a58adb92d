"""Laws of the packs that ship: what is in them, what they are worth, and that they can be made again."""

import re
from collections import Counter
from functools import cache
from importlib import resources
from typing import Any

import pytest

from simenv.core import catalog
from simenv.core.derive import Outcome, derive
from simenv.core.image import build_image
from simenv.core.interpreter import UnsoundError
from simenv.core.pack import Pack, bundled
from simenv.core.program import Program
from simenv.core.task import Task
from simenv.core.world import State, World
from simenv.episodes import pool
from simenv.synth import packs
from simenv_generators.airline.world import populate

SIZES = {"train": (20, 1000), "test": (6, 300)}
AIRLINE = catalog.domain("airline")


def pack(split: str) -> Pack:
    return bundled("airline", split)


def tasks(split: str) -> list[Task]:
    return [pack(split).at(at) for at in range(len(pack(split)))]


@pytest.mark.parametrize("split", SIZES)
def test_a_pack_has_the_promised_size(split: str) -> None:
    worlds, count = SIZES[split]
    assert len(pack(split)) == count
    assert len(pack(split).header["worlds"]) == worlds
    assert len({tuple(task.world) for task in tasks(split)}) == worlds


def test_the_packs_are_small() -> None:
    folder = resources.files("simenv_corpora") / "packs" / "airline"
    assert sum(len((folder / f"{split}.jsonl.gz").read_bytes()) for split in SIZES) <= 2_000_000


@pytest.mark.parametrize("split", SIZES)
def test_worlds_are_what_the_pack_says(split: str) -> None:
    for world in pack(split).header["worlds"]:
        image = pool.image("airline", tuple(world["address"]), world["size"])
        assert image.digest == world["digest"]


@pytest.mark.parametrize("split", SIZES)
def test_intents_are_many_and_none_is_favoured(split: str) -> None:
    counts = Counter(task.intent for task in tasks(split))
    assert len(counts) >= 14
    assert max(counts.values()) <= 0.15 * len(pack(split))


@pytest.mark.parametrize("split", SIZES)
def test_a_third_of_the_tasks_need_the_policy(split: str) -> None:
    assert sum(task.policy for task in tasks(split)) >= len(pack(split)) / 3


@pytest.mark.parametrize("split", SIZES)
def test_tasks_are_pairwise_different(split: str) -> None:
    assert len(set(pack(split).ids())) == len(pack(split))
    assert len({(*task.world, task.program.digest()) for task in tasks(split)}) == len(pack(split))


def entities(split: str) -> set[str]:
    """Return every user and reservation id of the split's worlds."""
    found: set[str] = set()
    for header in pack(split).header["worlds"]:
        world = fresh(tuple(header["address"]))
        for table, column in (("users", "user_id"), ("reservations", "reservation_id")):
            found |= {str(value) for (value,) in world.rows(f"SELECT {column} FROM {table} ORDER BY 1")}
    return found


def test_splits_share_no_world_entity_or_task() -> None:
    train, test = pack("train"), pack("test")
    assert {world["digest"] for world in train.header["worlds"]}.isdisjoint(
        world["digest"] for world in test.header["worlds"]
    )
    assert set(train.ids()).isdisjoint(test.ids())
    assert entities("train").isdisjoint(entities("test"))


def fresh(address: tuple[str | int, ...]) -> World:
    return pool.borrow(pool.image("airline", address, "S"), State())


def test_goals_and_cards_follow_from_the_programs() -> None:
    for task in tasks("test")[:150]:
        outcome = derive(task.program, AIRLINE, fresh(tuple(task.world)))
        assert outcome.goal() == task.goal
        for wish in task.card.wishes:
            flights = wish.expects.get("flight_number")
            if flights:
                assert flights == [leg["flight_number"] for leg in written(outcome, wish.goal)["flights"]]


def written(outcome: Outcome, goal: str) -> dict[str, Any]:
    """Return the arguments of the write that serves a goal."""
    (request,) = [r for r in outcome.requests if r.kind == "write" and getattr(r.node, "goal", "") == goal]
    return request.arguments or {}


@cache
def with_values_of(address: tuple[str | int, ...], other: int) -> World:
    """Return the world at ``address`` under the policy numbers of another world."""
    rows = dict(populate(address, "S"))
    rows["policy_values"] = populate(("airline", "train", other), "S")["policy_values"]
    return build_image(address, AIRLINE.tables, rows).open()


def decision(outcome: Outcome) -> tuple[object, ...]:
    """Return what was decided: what is done or declined, which bags are paid for, what is answered."""
    deeds = []
    for request in outcome.requests:
        if request.kind != "slot":
            given = request.arguments or {}
            deeds.append(
                (request.name, given.get("nonfree_baggages"), given.get("rule_id"), given.get("amount"))
            )
    return (tuple(deeds), tuple(sorted(outcome.answers.items())))


def flips(program: Program, address: tuple[str | int, ...], own: Outcome) -> bool:
    try:
        other = derive(program, AIRLINE, with_values_of(address, (int(address[2]) + 7) % 20))
    except UnsoundError:
        return True
    return decision(own) != decision(other)


def test_other_numbers_in_the_policy_flip_a_fifth_of_the_outcomes() -> None:
    """Otherwise a model could learn the numbers by heart."""
    some = tasks("train")[:200]
    changed = sum(
        flips(task.program, tuple(task.world), derive(task.program, AIRLINE, fresh(tuple(task.world))))
        for task in some
    )
    assert changed >= len(some) / 5


def test_a_task_that_is_only_a_question_has_an_answer_of_its_own() -> None:
    answers = [
        value for task in tasks("train") if not task.goal.required for value in task.goal.answers.values()
    ]
    assert len(answers) == len(set(answers)) >= 50


def test_nothing_of_the_gold_stands_in_the_first_message() -> None:
    for task in tasks("test"):
        said = task.card.opening
        for value in task.goal.answers.values():
            assert str(value) not in re.findall(r"[\w.]+", said)
        for atom in task.goal.required:
            if atom[1] == "decline_facts" and atom[2][2] in ("created_at", "first_flight_number"):
                assert str(atom[2][3]).strip('"') not in said


def test_the_packs_are_made_again_byte_by_byte() -> None:
    """The first two worlds of the test split; the whole is made again by ``simenv pack``."""
    batch = packs.make("airline", "test", worlds=6, tasks=300, only=2)
    again = {task.id for task in batch.tasks}
    recorded = {task.id for task in tasks("test") if int(task.world[2]) < 2}
    assert again == recorded
