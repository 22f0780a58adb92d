"""A plan means one thing: to its program, to whoever resolves it without one, and to an honest agent."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest

import tests.library_domain  # noqa: F401 -- registers the domain
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core import catalog
from simenv.core.assembly import opening_of, said_of
from simenv.core.canonical import canonical
from simenv.core.derive import Bench
from simenv.core.drafting import Drafter
from simenv.core.generator import Generator
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Plan, Ref, Want, skeleton, skeleton_digest
from simenv.core.selecting import resolve_all
from simenv.core.vocabulary import Stage
from simenv.episodes.episode import Episode
from simenv.synth.measure import Recorder
from tests.plans import EVERY, IT, NEW, SAME, AirlinePlans, Named, Seen, number, only, refs, task_of

DOMAINS = ("airline", "library")
ASKED = {"airline": "paid", "library": "fine"}
PER_FORM = 4
CHANCE = ("was refused", "is to several", "comes to nothing", "points at", "to choose from", "for elements")
"""What makes a plan of some form unsound in some world."""


@cache
def generator(name: str) -> Generator:
    found: Generator = catalog.generator(name)
    return found


@cache
def stage(name: str, number: int = 0) -> Any:
    return generator(name).vocabulary.stage(generator(name).build((name, "plans", number), "S"))


def sayable(name: str, plan: Plan) -> bool:
    words = generator(name).vocabulary
    context = stage(name).context(plan.customer)
    every = range(1, len(plan.wants) + 1)
    return all(words.grammar().matches("SAY", said_of(words, plan, n), context) for n in every)


@cache
def pointed(name: str) -> tuple[tuple[str, Plan, Any], ...]:
    """Return (form, plan that asks about a reference, what it points at), a few of each form."""
    found, count = [], Counter[str]()
    for customer in stage(name).customers:
        sight = Seen(generator(name).vocabulary, stage(name).elements(customer))
        for form, ref in refs(sight):
            target = only(sight, ref)
            plan = Plan(customer=customer, wants=[{"do": ASKED[name], "at": ref, "args": {}}])
            if count[form] < PER_FORM and target is not None and sayable(name, plan):
                count[form] += 1
                found.append((form, plan, target))
    return tuple(found)


@cache
def airline_plans() -> tuple[Named, ...]:
    """Return (form, sound plan), a few of each form."""
    found, faults, count = list[Named](), list[str](), Counter[str]()
    words, here = generator("airline").vocabulary, stage("airline")
    for customer in here.customers:
        for form, plan in AirlinePlans(words, here, customer).all() if here.cards(customer) else ():
            if count[form] >= PER_FORM:
                continue
            try:
                task_of(generator("airline"), here, plan)
            except UnsoundError as error:
                faults.append(str(error))
                continue
            count[form] += 1
            found.append((form, plan))
    assert [fault for fault in faults if not any(chance in fault for chance in CHANCE)] == []
    return tuple(found)


def plans(name: str) -> Iterator[tuple[str, Plan]]:
    yield from ((form, plan) for form, plan, _ in pointed(name))
    if name == "airline":
        yield from airline_plans()


def values(name: str, plan: Plan) -> dict[str, Any]:
    """Return what every node of a plan's program comes to."""
    task = task_of(generator(name), stage(name), plan)
    recorder = Recorder()
    bench = Bench(generator(name).domain, stage(name).world, setup=task.setup, reads=stage(name).reads)
    bench.run(task.program, mind=recorder)
    return {seen.node.id: seen.value for seen in recorder.seen}


@pytest.mark.parametrize("name", DOMAINS)
def test_a_program_finds_what_a_reference_points_at(name: str) -> None:
    """A read shows no joined values, so an element may have more than its node."""
    for form, plan, target in pointed(name):
        found = values(name, plan)["g1_at"]
        assert found[generator(name).vocabulary.key], form
        assert target == target | found, (form, plan)


@pytest.mark.parametrize("name", DOMAINS)
def test_every_form_of_reference_was_tried(name: str) -> None:
    tried = {form for form, _, _ in pointed(name)}
    words = generator(name).vocabulary
    assert tried >= {f"clause {each.name}" for each in words.fields if each.points and each.join is None}
    assert tried >= {f"extreme {each.name} max" for each in words.fields if each.ranks}
    assert tried >= {"number", "two clauses", "extreme among", "rank among", "day of another, moved"}
    assert {form.split()[0] for form in tried} >= {"rank", "either", "value"}


@pytest.mark.parametrize("name", DOMAINS)
def test_a_program_finds_all_that_a_reference_to_several_points_at(name: str) -> None:
    words, verb = generator(name).vocabulary, {"airline": "paid_all", "library": "fine_total"}[name]
    seen = 0
    for customer in stage(name).customers:
        sight = Seen(words, stage(name).elements(customer))
        for spared in (None, *(number(words, each) for each in sight.elements)):
            ref = EVERY | {"besides": spared}
            if len(sight.elements) - (spared is not None) >= 2:
                plan = Plan(customer=customer, wants=[{"do": verb, "at": ref, "args": {}}])
                found = values(name, plan)["g1_at"]
                expected = resolve_all(sight, ref)
                assert [one | two for one, two in zip(expected, found, strict=True)] == expected
                seen += 1
    assert seen > 20


@pytest.mark.parametrize("name", DOMAINS)
def test_rows_that_differ_are_seen_by_both(name: str) -> None:
    if name == "airline":
        rows = "SELECT * FROM reservations WHERE user_id = ? ORDER BY reservation_id"
        column, change = "total_baggages", 17
    else:
        rows, column, change = "SELECT * FROM loans WHERE member_id = ? ORDER BY loan_id", "renewals", 4
    here, words = stage(name), generator(name).vocabulary
    table = "reservations" if name == "airline" else "loans"
    field = "bags" if name == "airline" else "renewals"
    at = list(here.world.tables[table].columns).index(column)
    for customer in here.customers[:10]:
        live = {element[words.key] for element in here.elements(customer)}
        row = next((row for row in here.world.rows(rows, customer) if row[0] in live), None)
        if row is None:
            continue
        setup = [[table, list(row), [*row[:at], change, *row[at + 1 :]]]]
        ref = {"by": "extreme", "field": field, "pick": "max", "place": 1, "where": []}
        plan = Plan(customer=customer, wants=[{"do": ASKED[name], "at": ref, "args": {}}], setup=setup)
        assert values(name, plan)["g1_at"][words.key] == row[0]
        target = only(Seen(words, here.elements_with(customer, setup)), ref)
        assert target is not None
        assert target[words.key] == row[0]


@pytest.mark.parametrize("name", DOMAINS)
def test_a_plan_is_one_task_and_survives_json(name: str) -> None:
    for form, plan in plans(name):
        task = task_of(generator(name), stage(name), plan)
        read = Plan.model_validate_json(canonical(plan.to_json()))
        assert read == plan, form
        assert task_of(generator(name), stage(name), read).id == task.id, form


def test_a_stage_of_the_same_world_gives_the_same_task() -> None:
    for name in DOMAINS:
        words = generator(name).vocabulary
        again: Stage = type(stage(name))(generator(name).build((name, "plans", 0), "S"))
        for _, plan in islice(plans(name), 0, None, 7):
            task = task_of(generator(name), stage(name), plan)
            assert task_of(generator(name), again, plan).id == task.id
            sketch = Drafter(words, again, plan, lambda held: "").run()
            assert [node.id for node in sketch.nodes] == [node.id for node in task.program.nodes]


def test_every_form_of_a_plan_is_solved() -> None:
    tried = set()
    for form, plan in airline_plans():
        verdict = play(Episode(task_of(generator("airline"), stage("airline"), plan)), oracle()).verdict()
        assert verdict.passed, (form, verdict.reason, plan)
        tried.add(form)
    assert tried >= {
        *("times own", "sum", "value of another", "day of own, moved: yes", "day of another, moved: no"),
        *("same", "same, one by one", "instead: yes", "instead: no", "instead of it: no", "asked afterwards"),
        *("when: yes", "when: no", "when it: yes", "when it: no", "when only", "when both", "when sum"),
        *("all: cancel", "all besides: bags", "all among: times own", "all, then another"),
        *("book", "new: cancel", "new: paid", "new: bags"),
        *("opened", "asked", "late", "changed mind", "mentioned", "busy", "asked clause"),
    }


@pytest.mark.parametrize("name", DOMAINS)
def test_a_reference_of_any_form_is_solved(name: str) -> None:
    for form, plan, _ in pointed(name):
        verdict = play(Episode(task_of(generator(name), stage(name), plan)), oracle()).verdict()
        assert verdict.passed, (form, verdict.reason, plan)


def test_what_a_member_says_reads_back_as_the_plan() -> None:
    words = generator("library").vocabulary
    for form, plan, _ in pointed("library"):
        for opened in ([], ["user"]):
            said = plan.with_manner(opened=opened)
            text = task_of(generator("library"), stage("library"), said).card.opening
            read = words.grammar().read("OPENING", text, None)
            assert [canonical(each) for each in read] == [canonical(opening_of(words, said))], (form, text)


def test_a_skeleton_is_the_form_without_the_values() -> None:
    for name in DOMAINS:
        shapes: dict[str, set[str]] = {}
        for form, plan, _ in pointed(name):
            if form.split()[0] in ("number", "clause", "extreme", "rank") and "among" not in form:
                shapes.setdefault(form, set()).add(skeleton_digest(plan))
        assert {form: len(found) for form, found in shapes.items()} == dict.fromkeys(shapes, 1)
        assert len(set.union(*shapes.values())) == len(shapes)


def test_a_skeleton_keeps_no_value_of_the_world() -> None:
    world = stage("airline")
    for form, plan in airline_plans():
        text = canonical(skeleton(plan))
        assert plan.customer not in text, form
        for trip in world.elements(plan.customer):
            assert trip["reservation_id"] not in text, form


def _unsound(one: Ref, two: Ref) -> dict[str, list[Want]]:
    """Return wants of which no world has a single outcome, by what is wrong with them."""

    def do(verb: str, at: Ref, **args: Any) -> Want:
        return {"do": verb, "at": at, "args": args}

    test = {"left": {"of": "fine", "ref": one}, "how": "<", "right": 500_000}
    last = {"by": "extreme", "field": "due", "pick": "max", "place": 1, "where": []}
    return {
        "about what .* made": [do("renew", one), do("fine", NEW)],
        "cannot be asked for several": [do("fine", EVERY)],
        "cannot be asked for one": [do("fine_total", one)],
        "nothing is done instead": [{"first": do("renew", EVERY), "instead": do("fine", one)}],
        "two deeds at most": [{"when": test, "then": [do("renew", one)] * 3, "else": []}],
        "looks at 'due'": [do("renew", one), do("fine", last)],
        "looks at 'renewals'": [
            do("renew", one),
            {
                "when": {"left": {"of": "renewals", "ref": two}, "how": ">", "right": 1},
                "then": [do("renew", two)],
                "else": [],
            },
        ],
        "'same'.* points at nothing": [
            {"when": test, "then": [do("renew", one)], "else": [do("renew", two)]},
            do("fine", SAME),
        ],
        "'it'.* points at nothing": [do("fine", one), do("fine", IT)],
    }


@pytest.mark.parametrize("fault", _unsound({}, {}))
def test_a_plan_without_a_single_outcome_is_refused(fault: str) -> None:
    words, here = generator("library").vocabulary, stage("library")
    member = here.customers[0]
    one, two = (number(words, each) for each in here.elements(member)[:2])
    with pytest.raises(UnsoundError, match=fault):
        task_of(generator("library"), here, Plan(customer=member, wants=_unsound(one, two)[fault]))


def test_a_choice_that_an_earlier_deed_may_change_is_refused() -> None:
    """Once the dearest trip is cancelled, another is the dearest."""
    words, here = generator("airline").vocabulary, stage("airline")
    dearest = {"by": "extreme", "field": "price", "pick": "max", "place": 1, "where": []}
    for customer in here.customers:
        trips = here.elements(customer)
        target = only(Seen(words, trips), dearest)
        cheapest = only(Seen(words, trips), dearest | {"pick": "min"})
        if target is None or cheapest is None or len(trips) < 3:
            continue
        for spoils, gone in ((True, target), (False, cheapest)):
            cancel = {"do": "cancel", "at": number(words, gone), "args": {"reason": "illness"}}
            plan = Plan(customer=customer, wants=[cancel, {"do": "paid", "at": dearest, "args": {}}])
            if spoils:
                with pytest.raises(UnsoundError, match="once earlier deeds are done"):
                    task_of(generator("airline"), here, plan)
            else:
                assert task_of(generator("airline"), here, plan).plan == plan
