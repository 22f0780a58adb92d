"""What is proved at tool level holds in public episodes: the same things go wrong for whoever plays them."""

from collections.abc import Iterator
from functools import cache

import pytest

from simenv.agents.audit import policy_blind
from simenv.agents.ladder import solves
from simenv.agents.oracle import Manner, oracle, plain_call
from simenv.agents.protocol import play
from simenv.core.canonical import canonical
from simenv.episodes.episode import Episode
from simenv.synth.case import Case
from simenv.synth.measure import Cut, changes
from simenv.synth.precision import known_words, mutants
from tests.proved import pack_of, stored

SPLITS = ("train", "test")
EACH = 20


@cache
def cases() -> tuple[Case, ...]:
    """Return forty tasks under proof."""
    return tuple(stored(at, split)[0] for split in SPLITS for at in range(EACH))


def test_there_are_tasks_of_every_kind() -> None:
    assert len(cases()) == 40
    assert all(len(pack_of(split)) >= EACH for split in SPLITS)
    assert {case.task.policy for case in cases()} == {True, False}
    assert {bool(case.task.goal.answers) for case in cases()} == {True, False}
    assert any(len(case.plan.wants) > 1 for case in cases())
    assert any(case.task.setup for case in cases())


def test_any_order_of_wants_passes() -> None:
    """P5."""
    for case in cases():
        assert solves(case.task, oracle(Manner(late_first=True))), case.task.id


def test_whoever_leaves_one_deed_out_fails() -> None:
    """P6."""
    count = 0
    for case in cases():
        for deed in case.deeds:
            key = (deed.node.id, deed.goal)
            leaves = Manner(skip=lambda request, key=key: (request.node.id, request.goal) == key)  # type: ignore[misc]
            assert not solves(case.task, oracle(leaves)), (case.task.id, key)
            count += 1
    assert count > len(cases())


def test_whoever_does_without_a_step_fails_just_where_the_outcome_changes() -> None:
    """P8: cut minds at tool level and in conversation."""
    count = 0
    for case in cases():
        blind = {rule.id: rule.blind for rule in case.domain.rules}
        for step in case.measured.necessary:
            same = not changes(case.bench.run(case.task.program, mind=Cut(step, blind)), case.outcome)
            cut = Manner(mind=lambda episode, step=step, blind=blind: Cut(step, blind))  # type: ignore[misc]
            assert solves(case.task, oracle(cut)) == same, (case.task.id, step)
            count += 1
    assert count > 2 * len(cases())


def near_misses(case: Case) -> Iterator[tuple[str, str]]:
    """Yield (call, near miss) of the first writes, as they are written in an episode."""
    writes = [each for each in case.deeds if each.kind == "write"]
    for deed in writes[:2]:
        right = canonical(deed.arguments)
        calls = [(each.name, each.arguments) for each in case.deeds if each.kind != "report"]
        at = calls.index((deed.name, deed.arguments))
        for mutant in list(mutants(case, deed, known_words(case)))[:4]:
            found = case.replay([*calls[:at], (deed.name, mutant), *calls[at + 1 :]])
            if found != case.outcome.required:
                yield right, canonical(mutant)


def test_near_misses_fail() -> None:
    """P9: the oracle says and gets a yes for the right thing, and then does another."""
    count = 0
    for case in cases():
        for right, wrong in near_misses(case):

            def call(name: str, arguments: str, right: str = right, wrong: str = wrong) -> str:
                return plain_call(name, wrong if arguments == right else arguments)

            assert not solves(case.task, oracle(Manner(call=call))), (case.task.id, wrong)
            count += 1
    assert count > len(cases())


def test_whoever_has_not_read_the_policy_fails_just_where_the_task_says_so() -> None:
    """P13."""
    for case in cases():
        assert solves(case.task, policy_blind) != case.task.policy, case.task.id


def test_the_oracle_breaches_no_rule() -> None:
    """P1 and P13, without what the proofs remember."""
    for case in cases():
        verdict = play(Episode(case.task), oracle()).verdict()
        assert verdict.passed, case.task.id
        assert not verdict.process.breaches
        assert 2 * verdict.process.steps <= case.task.budget


@pytest.mark.parametrize("split", SPLITS)
def test_what_is_measured_is_what_is_certified(split: str) -> None:
    for at in range(EACH):
        case, certificate = stored(at, split)
        assert (case.measured.depth, case.measured.breadth) == (certificate.depth, certificate.breadth)
        assert case.outcome.goal() == case.task.goal
