"""A domain from outside keeps every law, and each law can fail."""

import ast
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import simenv.testing as laws
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.errors import ToolError
from simenv.core.generator import Address
from simenv.core.goal import Goal
from simenv.core.image import WorldImage
from simenv.core.tools import tool
from simenv.core.world import Table, World
from simenv.episodes.actions import parse
from simenv.episodes.episode import Episode, Step
from simenv.testing import LAWS, Broken, Law, LawError, Sample, check_domain
from simenv.testing.sample import Trial
from tests.library_domain import DOMAIN
from tests.library_domain.generator import build

ROOT = Path(__file__).resolve().parents[1]
ABOVE = ("agents", "core", "envs", "episodes", "scoring", "synth", "testing", "users")
KNOWN = {"simenv/users/proposals.py"}
"""Pairs a flight with its day; a kind of the lexicon should say which mentions go in pairs."""


def test_the_library_keeps_every_law() -> None:
    check_domain("library")


def test_a_law_error_names_law_witness_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(sample: Sample) -> list[Broken]:
        return [Broken(sample.images[0].address, "a witness")]

    monkeypatch.setattr(laws, "LAWS", (never,))
    with pytest.raises(LawError, match=r"^never: not so at \('library', 'law', 0\): a witness$"):
        check_domain("library", worlds=1, tasks_per_intent=1)


def test_nothing_above_the_domains_names_a_thing_of_the_airline() -> None:
    """Its identifiers, that is: "airline" itself is a name that catalog and environments list."""
    things = re.compile(r"\w*(airport|reservation|flight_|cabin|user_id)\w*")
    files = [path for room in ABOVE for path in (ROOT / "simenv" / room).rglob("*.py")]
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}"
        for path in files
        if str(path.relative_to(ROOT)) not in KNOWN
        for tree in [ast.parse(path.read_text("utf-8"))]
        for docs in [{id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}]
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        if things.fullmatch(node.value)
    ]
    assert named == []


@pytest.mark.parametrize("insists", range(5))
def test_a_denied_member_accepts_the_reason(insists: int) -> None:
    denied = [trial.task for trial in sample().trials if trial.task.intent == "renew_denied"]
    assert denied
    for task in denied:
        card = task.card.model_copy(update={"insists": insists})
        episode = play(Episode(task.model_copy(update={"card": card})), oracle())
        assert episode.verdict().passed
        assert episode.trajectory().why == "settled"


def test_a_loan_looked_up_is_the_loan_of_the_member() -> None:
    with closing(sample().images[0].open()) as world:
        for (member,) in world.rows("SELECT member_id FROM members ORDER BY member_id"):
            loans = DOMAIN.toolbox["get_member"].call(world, {"member_id": member})["loans"]
            for loan in loans:
                assert DOMAIN.toolbox["get_loan"].call(world, {"loan_id": loan["loan_id"]}) == loan


@cache
def sample() -> Sample:
    return Sample.draw("library", worlds=2, tasks_per_intent=2)


def trials(change: Callable[[Trial], Trial]) -> Sample:
    return replace(sample(), trials=tuple(change(trial) for trial in sample().trials))


def with_task(**changes: object) -> Sample:
    return trials(lambda trial: Trial(trial.address, trial.task.model_copy(update=changes), trial.image))


def with_domain(**changes: Any) -> Sample:
    return replace(sample(), domain=replace(DOMAIN, **changes))


def with_opening_answers() -> Sample:
    def tell(trial: Trial) -> Trial:
        said = f" {dict(trial.outcome.answers)} ${trial.outcome.answers.get('g1', 0) / 100:,.2f}"  # type: ignore[operator]
        card = trial.task.card.model_copy(update={"opening": trial.task.card.opening + said})
        return Trial(trial.address, trial.task.model_copy(update={"card": card}), trial.image)

    return trials(tell)


def with_run_of_another() -> Sample:
    first, last = sample().trials[0], sample().trials[-1]
    forged = Trial(first.address, first.task, first.image)
    forged.__dict__["run"] = last.run
    return replace(sample(), trials=(forged,))


def with_a_forged_id() -> Sample:
    forged = with_task()
    for trial in forged.trials:
        trial.task.__dict__["id"] = "library/0"
    return forged


def without_answers() -> Sample:
    return trials(
        lambda trial: Trial(
            trial.address,
            trial.task.model_copy(update={"card": trial.task.card.model_copy(update={"facts": []})}),
            trial.image,
        )
    )


def with_all_allowed() -> Sample:
    def allow(trial: Trial) -> Trial:
        spare = [atom for other in sample().trials for atom in other.task.goal.required] * 2
        goal = trial.task.goal.model_copy(update={"allowed": spare})
        return Trial(trial.address, trial.task.model_copy(update={"goal": goal}), trial.image)

    return trials(allow)


def with_wavering_builder() -> Sample:
    count = iter(range(100))

    def waver(address: Address, size: str) -> WorldImage:
        return build((*address, next(count)), size)

    return replace(sample(), generator=replace(sample().generator, build=waver))


@tool(effect="read")
def get_member(world: World, member_id: str) -> str:
    """Look up a member, leave a hold behind, and refuse."""
    world.insert("holds", "B0000", member_id, "never")
    raise ToolError("not_found", "There is none.")


@tool(effect="read")
def list_loans(world: World) -> list[object]:
    """List every loan, in no order."""
    return list(world.rows("SELECT due_date FROM loans"))


EMPTY = Goal(required=[])
BEYOND = Goal(required=[["new", "holds", ["B0000", "M00000", "2030-01-01"]]])
BROKEN: dict[Law, Callable[[], Sample]] = {
    laws.every_tool_has_a_manual: lambda: with_domain(tools=(get_member,)),
    laws.rows_are_strict: lambda: with_domain(tables=(Table("holds", {"until": "REAL"}, ("until",)),)),
    laws.rules_stand_in_the_text: lambda: with_domain(
        policy=lambda values, now: "renew_limit renew_days hold_days"
    ),
    laws.the_address_fixes_the_world: with_wavering_builder,
    laws.every_intent_gives_tasks: lambda: replace(sample(), trials=sample().trials[1:]),
    laws.tasks_differ: lambda: replace(sample(), trials=sample().trials + trials(replace).trials),
    laws.a_task_survives_json: with_a_forged_id,
    laws.honest_agents_earn_all: lambda: with_task(goal=BEYOND),
    laws.idle_earns_nothing: lambda: with_task(goal=EMPTY),
    laws.every_required_act_is_needed: lambda: with_task(goal=EMPTY),
    laws.one_more_write_spoils_the_gold: with_all_allowed,
    laws.the_policy_tag_is_true: lambda: with_task(policy=True),
    laws.the_customer_says_what_is_needed: without_answers,
    laws.the_gold_is_hidden: with_opening_answers,
    laws.replay_is_equal: with_run_of_another,
    laws.rest_changes_nothing: with_run_of_another,
    laws.a_state_plays_back: lambda: trials(
        lambda trial: Trial(
            trial.address, trial.task, next(each for each in sample().images if each is not trial.image)
        )
    ),
    laws.queries_are_ordered: lambda: with_domain(tools=(*DOMAIN.tools, list_loans)),
    laws.reads_change_nothing: lambda: with_domain(tools=(get_member,)),
    laws.another_process_agrees: lambda: replace(sample(), trials=()),
}


@pytest.mark.parametrize("law", BROKEN, ids=lambda law: law.__name__)
def test_each_law_finds_what_breaks_it_and_nothing_else(law: Law) -> None:
    assert list(law(BROKEN[law]()))
    assert not list(law(sample()))


def test_a_call_that_leaves_rows_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOMAIN.toolbox, "get_member", get_member)
    assert list(laws.refused_calls_leave_no_trace(sample()))


def test_a_customer_who_hears_malformed_calls_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    act = Episode.act

    def overheard(self: Episode, action: str) -> Step:
        if parse(action).error:
            self._speak("hello", [])
        return act(self, action)

    monkeypatch.setattr(Episode, "act", overheard)
    assert list(laws.hostile_actions_are_answered(sample()))


def test_every_law_is_broken_somewhere_above() -> None:
    tried = {*BROKEN, laws.refused_calls_leave_no_trace, laws.hostile_actions_are_answered}
    assert tried == set(LAWS)
