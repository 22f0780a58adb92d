"""What only the airline grows by, and the rows that its twins are made of."""

from collections.abc import Iterator
from functools import cache

import pytest

from simenv.core.assembly import assemble
from simenv.core.draws import Draws
from simenv.core.growth import Scope
from simenv.core.plan import Plan
from simenv.core.task import Task
from simenv.core.world import check_setup
from simenv.episodes import pool
from simenv_generators.airline import GENERATOR
from simenv_generators.airline.operators import OPERATORS
from simenv_generators.airline.stage import AirlineStage, stage
from simenv_generators.airline.twins import changes

WORDS = GENERATOR.vocabulary
SEEDS = {"derived_write": "book_direct", "derived_answer": "cancel", "set_total": "price_paid"}
TRIES = 40


@cache
def opened(split: str) -> AirlineStage:
    return stage(pool.image("airline", ("airline", split, 0), "S"))


def children(name: str, split: str) -> Iterator[tuple[Plan, Plan]]:
    """Yield (plan, what it grew to) wherever the operator applies."""
    operator = WORDS.operators[name]
    for number in range(TRIES):
        draws = Draws("operators", name, number)
        plan = WORDS.intents[SEEDS.get(name, "change_cabin")](opened(split), draws)
        if plan is not None:
            child = operator.apply(Scope(GENERATOR.domain, WORDS, opened(split), plan), draws.at("child"))
            if child is not None:
                yield plan, child


def made(plan: Plan, split: str) -> Task:
    return assemble(GENERATOR.domain, WORDS, opened(split), plan, ("operators",), size="S")


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", [each.name for each in OPERATORS])
def test_every_operator_applies_in_every_world_and_is_sound(name: str, split: str) -> None:
    found = [child for _, child in children(name, split)][:4]
    assert found
    for child in found:
        task = made(child, split)
        assert task.goal.required or task.goal.answers


def test_an_operator_is_a_function_of_its_draws() -> None:
    for name in WORDS.operators:
        assert list(children(name, "train")) == list(children(name, "train"))


def test_a_derived_write_is_about_what_was_just_booked() -> None:
    _, child = next(children("derived_write", "train"))
    reservations = [
        atom for atom in made(child, "train").goal.required if atom[:2] == ["new", "reservations"]
    ]
    assert len(reservations) == 1
    assert child.wants[1]["args"]["cabin"] in reservations[0][2]
    assert child.wants[1]["args"]["cabin"] != child.wants[0]["args"]["cabin"]


def test_a_derived_answer_is_what_the_cancellation_brings() -> None:
    for _, child in children("derived_answer", "train"):
        task = made(child, "train")
        back = -sum(atom[2][-1] for atom in task.goal.required if atom[:2] == ["came", "payments"])
        assert task.goal.answers == {"g2": back}
        assert back > 0


def test_an_exception_hangs_on_the_insurance_and_the_reason() -> None:
    values = opened("test").values
    for _, child in children("rule_exception", "test"):
        task = made(child, "test")
        want = child.wants[0]
        assert task.policy
        assert values.get(f"cancel_covers_{want['args']['reason']}", 0) == 0
        assert any("cancel_ground" in str(atom) for atom in task.goal.required)


def test_conflicting_evidence_contradicts_what_the_customer_says() -> None:
    world = opened("train")
    owed = 0
    for _, child in children("conflicting_evidence", "train"):
        deed = child.wants[0]
        trip = Scope(GENERATOR.domain, WORDS, world, child).target(deed)
        assert trip is not None
        leg = next(each for each in trip["flights"] if each["date"] == deed["args"]["leg"])
        assert world.status(leg) != deed["args"]["what"]
        owed += world.status(leg) in ("cancelled", "delayed")
        assert made(child, "train").policy
    assert owed


def test_a_total_is_over_a_part_of_the_trips() -> None:
    for plan, child in children("set_total", "train"):
        trips = opened("train").elements(plan.customer)
        name, _, value = child.wants[0]["at"]["where"][0]
        met = [
            each
            for each in trips
            if Scope(GENERATOR.domain, WORDS, opened("train"), plan).value(name, each) == value
        ]
        assert 2 <= len(met) < len(trips)
        total = sum(round(100 * pay["amount"]) for each in met for pay in each["payment_history"])
        assert made(child, "train").goal.answers == {"g1": total}


@pytest.mark.parametrize("split", ["train", "test"])
def test_changes_are_single_rows_that_a_world_can_have(split: str) -> None:
    world = opened(split)
    seen: set[str] = set()
    for customer in world.customers:
        found = changes(world, customer, Draws("changes", customer))
        assert 1 <= len(found) <= 12
        assert found == changes(world, customer, Draws("changes", customer))
        for change in found:
            check_setup(world.world, [change])
            world.elements_with(customer, [change])
            table, old, new = change
            seen |= {
                f"{table} {at}" for at, (one, two) in enumerate(zip(old, new, strict=True)) if one != two
            }
            if table == "reservations":
                assert new[-1] <= world.now
            if table == "flight_days":
                assert (new[2] == "cancelled") == (new[3:] == [None] * 4)
    # Status, membership, cabin, insurance, moment of booking.
    assert {"flight_days 2", "users 11", "reservations 6", "reservations 9", "reservations 11"} <= seen


def test_a_change_turns_what_is_right() -> None:
    """One of the first changes makes a forbidden cancellation an allowed one."""
    world = opened("train")
    turned = 0
    for number in range(8):
        plan = WORDS.intents["cancel_denied"](world, Draws("turn", number))
        assert plan is not None
        before = made(plan, "train").goal
        turned += any(
            made(plan.model_copy(update={"setup": [change]}), "train").goal != before
            for change in changes(world, plan.customer, Draws("turn", number))
        )
    assert turned >= 4
