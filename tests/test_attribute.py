"""Laws of attribution: a run without an ability is known by it, and where it went wrong is named."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from simenv.agents.audit import gold_plus, idle, transfer
from simenv.agents.ladder import RUNGS, rung_agent
from simenv.agents.oracle import oracle
from simenv.agents.protocol import Agent, StuckError, play
from simenv.agents.registry import agent
from simenv.agents.runs import Plan, run
from simenv.cli import main
from simenv.core import catalog
from simenv.core.pack import write_pack
from simenv.core.task import Task
from simenv.core.trajectory import Trajectory
from simenv.episodes.episode import Episode
from simenv.synth.attribute import (
    UNKNOWN,
    Attribution,
    Cause,
    Tally,
    attribute,
    distance,
    effect_of,
    effect_of_run,
    learnability,
    weaknesses,
)
from tests.test_ladder import SHAPES, all_tasks, task_of


def played(task: Task, player: Agent) -> Trajectory:
    episode = Episode(task)
    try:
        play(episode, player)
    except StuckError:
        assert not episode.done
    return episode.trajectory()


@cache
def attributed() -> list[tuple[Task, str, Cause]]:
    """Return every task, every rung that it takes, and the cause that is found for a run of the rung."""
    found = []
    for task in all_tasks():
        attribution = Attribution(task)
        for rung in attribution.exposures:
            found.append((task, rung, attribution.cause(played(task, rung_agent(rung)))))
    return found


# Causes


def test_a_run_without_an_ability_is_attributed_to_it_or_to_one_with_the_same_outcome() -> None:
    exactly = 0
    for task, rung, cause in attributed():
        assert cause.distance == 0, (task.intent, rung)
        assert cause.rung in cause.exposures
        if cause.rung != rung:
            mine, other = (effect_of_run(played(task, rung_agent(each))) for each in (rung, cause.rung))
            assert mine == other, (task.intent, rung, cause.rung)
            assert list(RUNGS).index(cause.rung) < list(RUNGS).index(rung)
        exactly += cause.rung == rung
    assert exactly > 0.8 * len(attributed())


def test_every_rung_is_found_or_fares_like_an_earlier_one() -> None:
    found = {cause.rung for _, _, cause in attributed()}
    assert set(RUNGS) - found <= {"no_compare", "no_extremum", "yielding", "no_arithmetic"}


def test_a_locus_is_a_node_of_the_program_with_its_step() -> None:
    for task, rung, cause in attributed():
        places = {(node.id, node.step) for node in task.program.walk()}
        assert (cause.node, cause.step) in places, (task.intent, rung)


@pytest.mark.parametrize(
    ("shape", "rung", "node"),
    [
        ("second_dearest", "no_rank", "g1_at"),
        ("dearest", "no_extremum", "g1_at"),
        ("joined", "no_join", "first_status_known"),
        ("joined", "no_filter", "g1_at"),
        ("all_but_one", "no_exception", "g1_at"),
        ("all_but_one", "no_breadth", "g1_each"),
        ("sum_but_one", "no_aggregate", "g1_paid"),
        ("two_wants", "no_breadth", "g2_do"),
        ("when", "no_branch", "g1_if"),
        ("busy", "no_retry", "me"),
        ("look_alike", "look_alike", "g1_do"),
        ("mentioned", "stubborn", "g1_total"),
        ("changed_mind", "stubborn", "g1_at_number"),
        ("insisting", "no_policy", "g1_unflown"),
    ],
)
def test_the_locus_is_where_the_ability_was_needed(shape: str, rung: str, node: str) -> None:
    task = task_of(shape)
    cause = attribute(task, played(task, rung_agent(rung)))
    assert (cause.rung, cause.node, cause.ability) == (rung, node, RUNGS[rung].ability)


@pytest.mark.parametrize("shape", SHAPES)
def test_who_does_nothing_shows_no_cause(shape: str) -> None:
    cause = attribute(task_of(shape), played(task_of(shape), idle))
    assert (cause.rung, cause.ability) == (UNKNOWN, "")
    assert cause.node


def test_who_does_everything_and_more_lacks_no_ability() -> None:
    task = task_of("two_wants")
    cause = attribute(task, played(task, gold_plus))
    assert (cause.rung, cause.node) == (UNKNOWN, "")
    right = attribute(task, played(task, oracle()))
    assert (right.rung, right.node) == (UNKNOWN, "")


def test_who_hands_over_at_once_is_like_nobody() -> None:
    task = task_of("two_wants")
    assert attribute(task, played(task, transfer)).rung == UNKNOWN


@pytest.mark.parametrize("name", ["spray", "random_calls", "echo", "empty_arguments", "gold_minus_last"])
def test_a_cause_is_found_of_any_run(name: str) -> None:
    for task in all_tasks():
        cause = attribute(task, played(task, agent(name, catalog.domain("airline"))))
        assert cause.rung in (UNKNOWN, *cause.exposures)
        assert cause.node in ("", *(node.id for node in task.program.walk()))


def test_outcomes_differ_by_atoms_and_answers() -> None:
    one = effect_of([["gone", "trips", ["A"]]], {"g1": [5]})
    assert distance(one, one) == 0
    assert distance(one, effect_of([], {})) == 2
    assert distance(one, effect_of([["gone", "trips", ["A"]]] * 2, {"g1": [6]})) == 3


# Profiles


def cause_of(rung: str) -> Cause:
    return Cause(rung, "", 0, "", "", ())


def test_a_profile_is_what_the_rule_says() -> None:
    tallies = [Tally(("no_filter",), 4, 2), Tally(("no_filter", "no_rank"), 4, 1), Tally(("no_join",), 4, 4)]
    profile = weaknesses([cause_of("no_filter")] * 3 + [cause_of(UNKNOWN)], tallies)
    skills = {skill.rung: skill for skill in profile.skills}
    assert list(skills) == ["no_filter", "no_rank", "no_join"]
    filtering = skills["no_filter"]
    assert (filtering.exposures, filtering.passes, filtering.failures) == (8, 3, 3)
    assert filtering.weakness == pytest.approx(4 / 10)
    # Unbiased: 2 * 2 / (4 * 3) and 1 * 3 / (4 * 3), and their mean.
    assert filtering.learnability == pytest.approx((1 / 3 + 1 / 4) / 2)
    assert skills["no_rank"].weakness == pytest.approx(1 / 6)
    assert skills["no_join"].learnability == 0
    raw = [4 / 10 * 7 / 24, 1 / 6 * 1 / 4, 0]
    assert list(profile.weights().values()) == pytest.approx([each / sum(raw) for each in raw])
    assert profile.unknown == 1


def test_one_trial_each_is_learned_from_as_one_sample() -> None:
    assert learnability([Tally((), 1, 1), Tally((), 1, 0), Tally((), 1, 0), Tally((), 1, 0)]) == 3 / 16
    assert learnability([]) == 0


def test_where_nothing_is_learnable_no_ability_is_preferred() -> None:
    profile = weaknesses([], [Tally(("no_filter",), 1, 1), Tally(("no_rank",), 1, 1)])
    assert profile.weights() == {"no_filter": 0.5, "no_rank": 0.5}
    assert weaknesses([], []).weights() == {}


# The command

EXPLAINED = ("second_dearest", "insisting", "two_wants", "fallback")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "mine.jsonl"
    write_pack(path, {"domain": "airline"}, [task_of(shape) for shape in EXPLAINED])
    return path


def explained(
    pack: Path, name: str, capsys: pytest.CaptureFixture[str], *more: str, trials: int = 1
) -> tuple[list[dict[str, Any]], str]:
    """Return what is told of a run of an agent: results, and words."""
    log = pack.with_name(f"{name.replace(':', '-')}-{trials}.jsonl")
    tasks = [task_of(shape) for shape in EXPLAINED]
    plan = Plan(agent=name, tasks=tasks, trials=trials, pack=str(pack))
    run(plan, agent(name, catalog.domain("airline"), tasks), log)
    assert main(["explain", str(log), *more]) == 0
    told = capsys.readouterr()
    return [json.loads(line) for line in told.out.splitlines()], told.err


def test_a_run_is_explained(pack: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    drawing = tmp_path / "skills.svg"
    results, words = explained(pack, "rung:no_policy", capsys, "--picture", str(drawing), trials=2)
    failed = [each for each in results if "trial" in each]
    assert [each["rung"] for each in failed] == ["no_policy"] * 4
    assert [each["trial"] for each in failed] == [0, 0, 1, 1]
    assert all(each["reason"] and each["node"] and each["step"] for each in failed)
    skills = {each["skill"]: each for each in results if "skill" in each}
    assert skills["no_policy"]["exposures"] == skills["no_policy"]["failures"] == 4
    assert skills["no_rank"]["pass_rate"] == 1
    assert results[-1] == {
        "log": str(pack.with_name("rung-no_policy-2.jsonl")),
        "episodes": 8,
        "failed": 4,
        "unknown": 0,
    }
    assert "lacks no_policy (applies the written rules); first wrong at g1_unflown" in words
    assert "no_policy: applies the written rules" in words
    bars = list(ElementTree.parse(drawing).getroot().iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == 2 * len(skills)


def test_a_run_without_failures_has_a_profile_too(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, words = explained(pack, "oracle", capsys)
    assert results[-1]["failed"] == 0
    assert {each["failures"] for each in results if "skill" in each} == {0}
    assert "weight" in words


def test_what_nobody_can_explain_is_told(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, words = explained(pack, "idle", capsys)
    assert results[-1]["unknown"] == len(EXPLAINED)
    assert "lacks unknown" in words


def test_a_picture_in_no_folder_is_told(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = pack.with_name("oracle-1.jsonl")
    explained(pack, "oracle", capsys)
    assert main(["explain", str(log), "--picture", str(pack.parent / "missing" / "x.svg")]) == 2
    assert "cannot be written" in capsys.readouterr().err
