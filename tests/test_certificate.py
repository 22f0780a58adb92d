"""Every obligation is broken by a task that breaks it, and every check that is put out of order is missed."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from simenv.agents.oracle import Manner, oracle
from simenv.agents.protocol import play
from simenv.core.goal import Goal
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Plan
from simenv.core.program import Compute, Extremum, Filter, Program
from simenv.core.task import Fact
from simenv.episodes.episode import Episode
from simenv.synth.case import Case
from simenv.synth.certificate import OBLIGATIONS, Unproved
from simenv.synth.measure import Seen
from tests.plans import AirlinePlans, number
from tests.proved import FINE, TABLES, case_of, checks, objections, plans, spoilt

Make = Callable[[], Case]


def sound(wanted: Callable[[AirlinePlans], Iterator[Plan]], test: Callable[[Case], Any]) -> Plan:
    """Return the first plan of anybody's whose task is as wanted, before it is spoilt."""
    for person in plans():
        for plan in wanted(person):
            try:
                if test(case_of(plan)):
                    return plan
            except (Unproved, UnsoundError):
                continue
    raise AssertionError("nobody here can want that")


def proves_all(case: Case) -> bool:
    return not objections(lambda: case_of(case.plan))


# Sound plans of the kinds that are spoilt


@cache
def bags() -> Plan:
    """One deed on a trip that is told by its number."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            yield person.plan(person.bags(trip, trip["total_baggages"] + 4))

    return sound(wanted, lambda case: proves_all(case) and case.task.goal.required)


@cache
def two() -> Plan:
    """Two deeds, each on a trip of its own."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for one, other in zip(person.trips, person.trips[1:], strict=False):
            more = [person.bags(trip, trip["total_baggages"] + 4) for trip in (one, other)]
            yield person.plan(*more, told=2)

    return sound(wanted, proves_all)


@cache
def paid() -> Plan:
    """A question, about the trip that cost most."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            yield person.plan(person.do("paid", trip))

    return sound(wanted, proves_all)


DEAREST = {"by": "extreme", "field": "price", "pick": "max", "place": 1, "where": []}


@cache
def dearest() -> Plan:
    """One deed on the trip that cost most."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            yield person.plan(person.bags(DEAREST, trip["total_baggages"] + 4))

    return sound(wanted, proves_all)


@cache
def told() -> Plan:
    """One deed on a trip that is told by where it goes."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            where = [["destination", "==", trip["destination"]]]
            yield person.plan(person.bags({"by": "clauses", "where": where}, trip["total_baggages"] + 4))

    return sound(wanted, proves_all)


# Spoiling them


def with_goal(plan: Plan, **changes: Any) -> Case:
    case = case_of(plan)
    return spoilt(case, goal=case.task.goal.model_copy(update=changes))


def with_opening(plan: Plan, more: str) -> Case:
    case = case_of(plan)
    return spoilt(case, card=case.task.card.model_copy(update={"opening": case.task.card.opening + more}))


def answer_of(plan: Plan) -> str:
    (value,) = case_of(plan).task.goal.answers.values()
    return f"${int(value) / 100:.2f}"


def about() -> str:
    """Return a word that stands in whatever answers the question."""
    question = case_of(paid()).task.card.wishes[0].question
    assert question is not None
    return question.about[0]


def of_second(case: Case) -> list[Any]:
    """Return what the second deed changes."""
    first = case.replay([(each.name, each.arguments) for each in case.deeds[:1]])
    return [atom for atom in case.outcome.required if atom not in first]


def seen_twice(plan: Plan, kind: type) -> Case:
    """The first selection of a kind was made from two that are equal."""
    case = case_of(plan)
    for at, seen in enumerate(case.seen):
        if isinstance(seen.node, kind) and not isinstance(seen.value, list):
            case.recorder.seen[at] = Seen(seen.node, seen.value, [*seen.source, dict(seen.value)])
            return case
    raise AssertionError("nothing is selected")


def found_elsewhere() -> Case:
    """The program is about the first trip, the words about the second."""
    case = case_of(two())
    one, other = case.plan.wants
    swapped = case.plan.model_copy(update={"wants": [one | {"at": other["at"]}, other | {"at": one["at"]}]})
    return spoilt(case, plan=swapped)


@cache
def order_matters() -> Plan:
    """What a trip brought back, asked for before or after it is cancelled."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            for reason in ("illness", "change of plan"):
                cancel = person.do("cancel", trip, reason=reason)
                yield person.plan(cancel, person.do("refunded", trip), told=2)

    return sound(wanted, lambda case: case.task.goal.required and any(case.task.goal.answers.values()))


@cache
def padded() -> Plan:
    """A trip that is told twice over."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            where = [["destination", "==", trip["destination"]], ["origin", "==", trip["origin"]]]
            yield person.plan(person.bags({"by": "clauses", "where": where}, trip["total_baggages"] + 4))

    return sound(wanted, lambda case: objections(lambda: case_of(case.plan)) == {"P7"})


@cache
def padded_inside() -> Plan:
    """The only trip, told inside a condition by where it goes."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips if len(person.trips) == 1 else ():
            ref = {"by": "clauses", "where": [["destination", "==", trip["destination"]]]}
            more = person.bags(trip, trip["total_baggages"] + 4)
            test = {"left": {"of": "price", "ref": ref}, "how": ">", "right": 10_000}
            yield person.plan({"when": test, "then": [more], "else": []})

    return sound(wanted, lambda case: case.task.goal.required)


@cache
def asked() -> Plan:
    """The request does not say how many bags."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            yield person.plan(person.bags(trip, trip["total_baggages"] + 4), asked=["g1.total"])

    return sound(wanted, proves_all)


def idle_step() -> Case:
    case = case_of(bags())
    nodes = [*case.task.program.nodes, Compute(id="g1_extra", step="g1_extra", fn="sum", args=[1, 2])]
    return spoilt(case, program=Program(nodes=nodes))


def extra_allowed() -> Case:
    """The goal lets the same deed pass for somebody else's trip."""
    case = case_of(bags())
    (deed,) = case.deeds
    arguments = deed.arguments or {}
    mine = (each["reservation_id"] for each in case.scope.elements)
    other = next(each for each in mine if each != arguments["reservation_id"])
    extra = case.replay([(deed.name, arguments), (deed.name, arguments | {"reservation_id": other})])
    allowed = [atom for atom in extra if atom not in case.outcome.required]
    return spoilt(case, goal=case.task.goal.model_copy(update={"allowed": allowed}))


def all_allowed() -> Case:
    """The goal is reached whether or not the deed is done as told: one bag less will do."""
    case = case_of(two())
    deed = case.deeds[1]
    arguments = deed.arguments or {}
    less = arguments | {"total_baggages": arguments["total_baggages"] - 1}
    first = (case.deeds[0].name, case.deeds[0].arguments)
    both = [*case.outcome.required, *case.replay([first, (deed.name, less)])]
    kept = case.replay([first])
    return spoilt(case, goal=Goal(required=kept, allowed=[atom for atom in both if atom not in kept]))


@cache
def only_trip() -> Plan:
    """The one trip that somebody has, told as the dearest."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        if len(person.trips) == 1:
            yield person.plan(person.bags(DEAREST, person.trips[0]["total_baggages"] + 4))

    return sound(wanted, lambda case: case.task.goal.required)


@cache
def needless() -> Plan:
    """A reason that is left unsaid and decides nothing."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            cancel = person.do("cancel", trip, reason="illness")
            yield person.plan(cancel, asked=["g1.reason"])

    return sound(wanted, lambda case: objections(lambda: case_of(case.plan)) == {"P12"})


@cache
def never_needed() -> Plan:
    """Something is left unsaid that only the branch that is not taken would need."""

    def wanted(person: AirlinePlans) -> Iterator[Plan]:
        for trip in person.trips:
            more = person.bags(trip, trip["total_baggages"] + 4)
            test = {
                "left": {"of": "price", "ref": number(person.words, trip)},
                "how": ">",
                "right": 2_000_000,
            }
            want = {"when": test, "then": [more], "else": [person.do("cancel", trip, reason="illness")]}
            yield person.plan(want, asked=["g1.total"])

    return sound(wanted, lambda case: case.done and True)


def unheard() -> Case:
    """The customer was never asked, as far as the record of the talk goes."""
    case = case_of(asked())
    case.__dict__["played"] = case_of(paid()).played
    return case


def unconfirmed() -> Case:
    """The oracle writes without a yes."""
    case = case_of(bags())
    case.__dict__["played"] = play(Episode(case.task), oracle(Manner(confirms=False)))
    return case


def tight() -> Case:
    case = case_of(bags())
    return spoilt(case, budget=2 * len(case.played.trajectory().steps) - 1)


def forgetful() -> Case:
    """Nobody tells which card."""
    case = case_of(bags())
    facts = [each for each in case.task.card.facts if "card" not in each.said]
    return spoilt(case, card=case.task.card.model_copy(update={"facts": facts}))


def said_otherwise() -> Case:
    """The customer knows one thing more than its plan."""
    case = case_of(bags())
    more = [*case.task.card.facts, Fact(slot="other", said="I like windows")]
    return spoilt(case, card=case.task.card.model_copy(update={"facts": more}))


SPOILT: Mapping[str, tuple[Make, set[str]]] = {
    "P1: more than half of the budget": (tight, {"P1", "P14"}),
    "P1: the customer does not know it": (forgetful, {"P1", "P10", "P12", "P13", "P14"}),
    "P2: there is nothing to do": (
        lambda: with_goal(bags(), required=[]),
        {"P1", "P2", "P3", "P6", "P9", "P14"},
    ),
    "P2: what is done need not be done": (
        lambda: with_goal(bags(), required=[], allowed=case_of(bags()).task.goal.required),
        {"P2", "P3", "P6", "P9", "P14"},
    ),
    "P3: the opening says the answer": (
        lambda: with_opening(paid(), f" I think the {about()} is {answer_of(paid())}."),
        {"P3", "P10", "P14"},
    ),
    "P3: the answer is nothing": (
        lambda: with_goal(paid(), answers=dict.fromkeys(case_of(paid()).task.goal.answers, 0)),
        {"P1", "P3", "P9", "P14"},
    ),
    "P4: two are the dearest": (lambda: seen_twice(dearest(), Extremum), {"P4"}),
    "P4: two go there": (lambda: seen_twice(told(), Filter), {"P4"}),
    "P4: words and program are about two trips": (found_elsewhere, {"P4", "P14"}),
    "P5: a refund before or after": (lambda: case_of(order_matters()), {"P5"}),
    "P6: a deed may be left out": (
        lambda: with_goal(
            two(),
            required=[
                atom for atom in case_of(two()).task.goal.required if atom not in of_second(case_of(two()))
            ],
            allowed=of_second(case_of(two())),
        ),
        {"P6", "P9", "P14"},
    ),
    "P6: an answer may be left out": (lambda: with_goal(paid(), answers={}), {"P2", "P3", "P6", "P9", "P14"}),
    "P7: a trip is told twice over": (lambda: case_of(padded()), {"P7"}),
    "P7: the only trip is told": (lambda: case_of(padded_inside()), {"P7"}),
    "P8: a step that nothing uses": (idle_step, {"P8", "P14"}),
    "P9: one more write is allowed": (extra_allowed, {"P9", "P14"}),
    "P9: one bag less is allowed": (all_allowed, {"P6", "P9", "P14"}),
    "P10: the amount is mentioned": (
        lambda: with_opening(paid(), f" My sister has {answer_of(paid())}, my brother has $7."),
        {"P10", "P14"},
    ),
    "P10: the trip is mentioned": (
        lambda: with_opening(told(), f" My sister has {case_of(told()).values['g1_at']['reservation_id']}."),
        {"P10", "P14"},
    ),
    "P11: there is one trip only": (lambda: case_of(only_trip()), {"P11"}),
    "P12: a reason that decides nothing": (lambda: case_of(needless()), {"P12"}),
    "P12: never needed": (lambda: case_of(never_needed()), {"P12"}),
    "P12: nobody asked": (unheard, {"P12"}),
    "P13: the wrong tag": (
        lambda: spoilt(case_of(bags()), policy=not case_of(bags()).task.policy),
        {"P13", "P14"},
    ),
    "P13: no yes was asked for": (unconfirmed, {"P1", "P13"}),
    "P14: the opening says more": (lambda: with_opening(bags(), " Thanks."), {"P14"}),
    "P14: one more fact": (said_otherwise, {"P14"}),
    "P14: another kind": (lambda: spoilt(case_of(bags()), intent="upgrade"), {"P14"}),
}


@cache
def found(name: str) -> frozenset[str]:
    return frozenset(objections(SPOILT[name][0]))


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_task_breaks_its_obligation_and_no_other_than_told(name: str) -> None:
    assert name.split(":")[0] in found(name)
    assert found(name) == SPOILT[name][1]


@pytest.mark.parametrize("plan", [bags, two, paid, dearest, told, asked])
def test_what_is_not_spoilt_meets_every_obligation(plan: Callable[[], Plan]) -> None:
    assert objections(lambda: case_of(plan())) == set()


@pytest.mark.parametrize("obligation", [name for name in OBLIGATIONS if name != "P15"])
def test_a_check_that_is_out_of_order_is_missed(obligation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the check replaced by one that always finds things fine, the test above would fail."""
    name = next(name for name in SPOILT if name.startswith(f"{obligation}:"))
    assert obligation in found(name)
    table = next(table for table in TABLES if obligation in table)
    monkeypatch.setitem(table, obligation, lambda case: FINE)
    assert objections(SPOILT[name][0]) == found(name) - {obligation}


def test_every_obligation_has_a_check_and_a_task_that_breaks_it() -> None:
    assert {*checks(), "P15"} == set(OBLIGATIONS)
    assert {name.split(":")[0] for name in SPOILT} == set(checks())
