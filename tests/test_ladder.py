"""Laws of the ladder: a rung fails where its ability is needed and nowhere else, in talk as at tool level."""

from collections.abc import Callable, Sequence
from functools import cache
from math import isclose, log
from typing import Any

import pytest
from typing_extensions import override

import tests.library_domain  # noqa: F401 -- registers the domain
from simenv.agents.audit import HONEST
from simenv.agents.ladder import (
    RUNGS,
    SLIP,
    bench_of,
    climb,
    climb_fast,
    difficulty,
    rung_agent,
    slipping,
    solves,
    uses,
)
from simenv.agents.oracle import Manner, oracle
from simenv.agents.parts import late_first, references, want_of
from simenv.agents.protocol import StuckError, play
from simenv.agents.registry import agent
from simenv.core import catalog
from simenv.core.assembly import assemble
from simenv.core.errors import UsageError
from simenv.core.generator import Generator
from simenv.core.interpreter import Mind
from simenv.core.plan import Manner as Said
from simenv.core.plan import Plan, Want
from simenv.core.program import Act, Const, Lookup, Node, Program, Slot
from simenv.core.task import Task
from simenv.core.vocabulary import Element, Stage
from simenv.episodes import pool
from simenv.episodes.episode import Episode
from simenv.testing import Sample

Trips = Sequence[Element]
Shape = Callable[[Stage, str, Trips], Plan | None]

ORACLE = oracle()


# Tasks of every shape


@cache
def opened(number: int) -> tuple[Generator, Stage]:
    generator: Generator = catalog.generator("airline")
    return generator, generator.vocabulary.stage(pool.image("airline", ("airline", "ladder", number), "S"))


@cache
def simple_tasks() -> tuple[Task, ...]:
    generator, stage = opened(0)
    drawn = (generator.propose(stage.image, intent, ("simple", intent)) for intent in generator.intents)
    return tuple(task for task in drawn if task is not None)


def number(trip: Element) -> dict[str, Any]:
    return {"by": "number", "id": trip["reservation_id"]}


def do(verb: str, at: dict[str, Any], **args: Any) -> Want:
    return {"do": verb, "at": at, "args": args}


def extreme(place: int) -> dict[str, Any]:
    return {"by": "extreme", "field": "price", "pick": "max", "place": place, "where": []}


def all_but(trip: Element) -> dict[str, Any]:
    return {"by": "all", "where": [], "besides": number(trip)}


def bags(stage: Stage, customer: str, trip: Element, more: int) -> Want | None:
    methods = stage.user(customer)["payment_methods"]
    card = next((key for key, method in methods.items() if method["source"] == "credit_card"), "")
    total = trip["total_baggages"] + more
    return do("bags", number(trip), total=total, card=card) if card else None


def bag_plan(**manner: Any) -> Shape:
    def shape(stage: Stage, customer: str, trips: Trips) -> Plan | None:
        want = bags(stage, customer, trips[0], 3)
        return Plan(customer=customer, wants=[want], manner=Said(**manner)) if want else None

    return shape


def plan_of(make: Callable[[Trips], list[Want]], **manner: Any) -> Shape:
    return lambda stage, customer, trips: Plan(customer=customer, wants=make(trips), manner=Said(**manner))


def the_one_whose_first_flight_is(status: str) -> Shape:
    where = [["first_status", "==", status]]
    return plan_of(lambda trips: [do("paid", {"by": "clauses", "where": where})])


def when(trips: Trips) -> list[Want]:
    test = {"left": {"of": "price", "ref": number(trips[0])}, "how": ">", "right": 10**7}
    either = [[do("cancel", number(trip), reason="illness")] for trip in trips[:2]]
    return [{"when": test, "then": either[0], "else": either[1]}]


def fallback(stage: Stage, customer: str, trips: Trips) -> Plan | None:
    second = bags(stage, customer, trips[0], 3)
    first = do("cancel", number(trips[0]), reason="change of plan")
    return Plan(customer=customer, wants=[{"first": first, "instead": second}]) if second else None


def changed_mind(stage: Stage, customer: str, trips: Trips) -> Plan:
    del stage
    said = Said(first_said={"g1.at.number": trips[1]["reservation_id"]}, late={"g1.at": 1})
    return Plan(customer=customer, wants=[do("paid", number(trips[0]))], manner=said)


def two(trips: Trips) -> list[Want]:
    return [do("paid", number(trips[0])), do("cancel", number(trips[1]), reason="illness")]


SHAPES: dict[str, tuple[Shape, set[str]]] = {
    "second_dearest": (plan_of(lambda trips: [do("paid", extreme(2))]), {"no_rank"}),
    "dearest": (plan_of(lambda trips: [do("paid", extreme(1))]), {"no_extremum"}),
    "joined": (the_one_whose_first_flight_is("landed"), {"no_filter", "no_join"}),
    "cheaper_of_two": (
        plan_of(
            lambda trips: [
                do(
                    "paid",
                    {
                        "by": "either",
                        "field": "price",
                        "pick": "min",
                        "refs": [number(trips[0]), number(trips[1])],
                    },
                )
            ]
        ),
        {"no_compare", "no_extremum"},
    ),
    "all_but_one": (
        plan_of(lambda trips: [do("cancel", all_but(trips[1]), reason="illness")]),
        {"no_exception", "no_filter", "no_breadth"},
    ),
    "sum_but_one": (
        plan_of(lambda trips: [do("paid_all", all_but(trips[0]))]),
        {"no_exception", "no_filter", "no_aggregate"},
    ),
    "two_wants": (plan_of(two), {"no_breadth"}),
    "two_told": (plan_of(two, told=2), {"no_breadth"}),
    "when": (plan_of(when), {"no_branch", "no_compare"}),
    "fallback": (fallback, {"no_fallback", "no_policy"}),
    "busy": (bag_plan(faults={"update_reservation_baggages": 2, "get_user_details": 1}), {"no_retry"}),
    "look_alike": (bag_plan(extras=["quote_baggages"]), {"look_alike"}),
    "mentioned": (bag_plan(late={"g1.total": 1}, mentioned={"g1.total": 1}), {"stubborn"}),
    "left_out": (bag_plan(asked=["g1.total"]), {"no_asking"}),
    "changed_mind": (changed_mind, {"stubborn"}),
    "insisting": (
        plan_of(lambda trips: [do("cancel", number(trips[0]), reason="change of plan")], insists=2),
        {"no_policy", "yielding"},
    ),
    "bags": (bag_plan(), {"no_arithmetic"}),
}
"""Name to a plan for a customer, and the rungs that must fail it."""

NEEDED = {
    **{rung: name for name, (_, needed) in SHAPES.items() for rung in sorted(needed)},
    "short_memory": "joined",
}


def drafted(name: str) -> list[Task]:
    """Return the first tasks of a shape, over worlds and customers: sound ones that the oracle solves."""
    found: list[Task] = []
    for world in range(2):
        generator, stage = opened(world)
        for customer in stage.customers:
            trips = stage.elements(customer)
            plan = SHAPES[name][0](stage, customer, trips) if len(trips) >= 3 else None
            if plan is None or len(found) == 12:
                continue
            try:
                address = ("ladder", name, customer)
                task = assemble(
                    generator.domain, generator.vocabulary, stage, plan, address, size="S", intent=name
                )
            except UsageError:
                continue
            if solves(task, ORACLE):
                found.append(task)
    return found


@cache
def task_of(name: str) -> Task:
    """Return the first task of a shape that takes all that the shape is for."""
    for task in drafted(name):
        with bench_of(task) as bench:
            passed = climb_fast(task, bench)
        if not any(passed[rung] for rung in SHAPES[name][1]):
            return task
    raise AssertionError(f"no task of the shape {name} needs {SHAPES[name][1]}")


def all_tasks() -> list[Task]:
    return [*simple_tasks(), *(task_of(name) for name in SHAPES)]


# Rungs


def test_every_rung_is_needed_somewhere() -> None:
    assert set(NEEDED) == set(RUNGS)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_fails_where_its_ability_is_needed(rung: str) -> None:
    task = task_of(NEEDED[rung])
    assert RUNGS[rung].concerns(task)
    assert solves(task, ORACLE)
    assert not solves(task, rung_agent(rung))


def test_climbs_agree_at_tool_level_and_in_talk() -> None:
    for task in all_tasks():
        with bench_of(task) as bench:
            assert climb(task) == climb_fast(task, bench), task.intent


def test_climbs_agree_in_another_domain() -> None:
    tasks = [trial.task for trial in Sample.draw("library", worlds=1, tasks_per_intent=2).trials]
    assert tasks
    for task in tasks:
        with bench_of(task) as bench:
            assert climb(task) == climb_fast(task, bench), task.intent


def test_whoever_lacks_what_a_task_has_no_use_for_passes_it() -> None:
    for task in all_tasks():
        for name, rung in RUNGS.items():
            assert rung.concerns(task) or solves(task, rung_agent(name)), (task.intent, name)


def test_the_policy_is_needed_where_the_task_says_so() -> None:
    for task in all_tasks():
        with bench_of(task) as bench:
            assert climb_fast(task, bench)["no_policy"] == (not task.policy), task.intent


def test_a_climb_is_the_same_every_time() -> None:
    task = task_of("all_but_one")
    with bench_of(task) as bench:
        assert climb_fast(task, bench) == climb_fast(task, bench)
    played = [play_out(task, rung) for rung in RUNGS]
    assert played == [play_out(task, rung) for rung in RUNGS]


def play_out(task: Task, rung: str) -> str:
    episode = Episode(task)
    try:
        play(episode, rung_agent(rung))
    except StuckError as error:
        return f"{episode.digest} {error}"
    return episode.digest


def test_rungs_and_the_noisy_oracle_are_known_by_name() -> None:
    task = task_of("dearest")
    for name in (*(f"rung:{rung}" for rung in RUNGS), "noisy:5"):
        assert callable(agent(name, catalog.domain("airline")))
    assert not solves(task, agent("rung:no_extremum", catalog.domain("airline")))


# The oracle


@pytest.mark.parametrize("name", SHAPES)
def test_every_honest_manner_passes(name: str) -> None:
    for manner, honest in HONEST.items():
        assert solves(task_of(name), honest), manner


def test_a_busy_tool_is_called_again_as_often_as_the_program_says() -> None:
    task = task_of("busy")
    once = play(Episode(task), ORACLE).trajectory()
    assert [call.error for call in once.calls].count("unavailable") == 3
    nodes: list[Node] = [node for node in task.program.nodes if node.op != "retry"]
    hasty = task.model_copy(update={"program": Program(nodes=nodes)})
    with pytest.raises(StuckError, match="unavailable"):
        play(Episode(hasty), ORACLE)


def test_a_mind_that_sees_nonsense_is_stuck() -> None:
    class Blank(Mind):
        @override
        def value(self, node: Node, value: Any, source: Any) -> Any:
            return None if node.op == "lookup" else value

    with pytest.raises(StuckError):
        play(Episode(task_of("dearest")), oracle(Manner(mind=lambda episode: Blank())))


def part(goal: str, **args: Any) -> list[Node]:
    slot = Slot(id=f"{goal}_at", name="id", value="A", said="it is A", opening=True, goal=goal)
    return [slot, Act(id=f"{goal}_do", tool="cancel", args=args or {"id": {"$": f"{goal}_at"}}, goal=goal)]


def test_parts_change_places_unless_one_builds_on_the_other() -> None:
    head: list[Node] = [Const(id="uid", value="U"), Lookup(id="me", tool="user", args={"id": {"$": "uid"}})]
    alone = Program(nodes=[*head, *part("g1"), *part("g2")])
    ids = [node.id for node in late_first(alone).nodes]
    assert ids == ["uid", "me", "g2_at", "g2_do", "g1_at", "g1_do"]
    bound = Program(nodes=[*head, *part("g1"), *part("g2", id={"$": "g1_do.id"})])
    assert late_first(bound) == bound


def test_references_and_wants_are_read() -> None:
    assert list(references([{"a": {"$": "x.y"}}, {"$": "z"}, "$"])) == ["x.y", "z"]
    assert [want_of(goal) for goal in ("g1", "g12b", "g1x2", "cancel")] == ["g1", "g12", "g1", "cancel"]


# The noisy oracle


def slipped(task: Task, percent: int, *address: str | int) -> str:
    episode = Episode(task)
    try:
        play(episode, slipping(percent, *address))
    except StuckError as error:
        return f"{episode.digest} {error}"
    return episode.digest


@pytest.mark.parametrize("name", SHAPES)
def test_slips_are_the_same_every_time_and_none_are_none(name: str) -> None:
    task = task_of(name)
    assert slipped(task, 0, "a") == play(Episode(task), ORACLE).digest
    assert slipped(task, 40, "a") == slipped(task, 40, "a")
    assert not solves(task, slipping(100, "a"))


def test_slips_elsewhere_are_others_and_more_of_them_fail_more() -> None:
    task = task_of("all_but_one")
    assert len({slipped(task, 30, "try", number) for number in range(12)}) > 3
    passed = [sum(solves(task, slipping(each, "try", at)) for at in range(20)) for each in (2, 20, 60)]
    assert passed[0] > passed[1] >= passed[2]


# Difficulty


def test_difficulty_adds_up_what_is_used() -> None:
    task = task_of("two_wants")
    with bench_of(task) as bench:
        used = uses(task, bench)
        assert set(used) <= set(RUNGS)
        assert isclose(difficulty(task, bench), -log(1 - SLIP) * sum(used.values()))
        assert isclose(
            difficulty(task, bench, {"no_breadth": 0.5}) - difficulty(task), log(2) + log(1 - SLIP)
        )


def test_more_is_harder() -> None:
    hard = {name: difficulty(task_of(name)) for name in SHAPES}
    assert hard["two_wants"] > hard["dearest"]
    assert hard["busy"] > hard["bags"]
    assert hard["all_but_one"] > hard["second_dearest"]
    assert all(each > 0 for each in hard.values())
