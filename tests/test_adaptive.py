"""Laws of adaptive runs: the most telling task next, equal bytes after an interruption, a log like others."""

import json
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.agents.adaptive import run_adaptive
from simenv.agents.protocol import Agent, Play
from simenv.agents.registry import agent
from simenv.agents.runs import Plan
from simenv.cli import main
from simenv.core import catalog
from simenv.core.errors import DataError, LogError, UsageError
from simenv.core.log import LogWriter, read_header, read_log
from simenv.core.pack import write_pack
from simenv.episodes.episode import Episode
from simenv.scoring.calibration import (
    PRIOR_SE,
    Item,
    calibrate,
    prior_b,
    prior_items,
    read_items,
    write_items,
)
from simenv.scoring.irt import next_item, probability
from simenv.synth.recheck import certificate_of
from tests.certified import pack_of, plan_of, task_set

AIRLINE = catalog.domain("airline")
NAME = "noisy:5"


def items(folders: pytest.TempPathFactory) -> list[Item]:
    pack = pack_of(folders)
    return prior_items({name: certificate_of(pack, at).difficulty for at, name in enumerate(pack.ids())})


def player(plan: Plan) -> Agent:
    return agent(plan.agent, AIRLINE, plan.tasks)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_of(tmp_path_factory, NAME)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    return items(tmp_path_factory)


@pytest.fixture(scope="module")
def whole(plan: Plan, known: list[Item], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of an adaptive run that nothing interrupted, to a standard error of 0.6."""
    path = tmp_path_factory.mktemp("adaptive") / "run.jsonl"
    run_adaptive(plan, player(plan), known, path, stop_se=0.6)
    return path.read_bytes()


def asked(path: Path) -> list[tuple[str, bool]]:
    return [(record["task"], record["verdict"]["passed"]) for record in read_log(path)]


# Difficulties


@given(st.integers(1, 2000))
def test_a_prior_difficulty_is_the_chance_of_the_agent_it_is_counted_for(difficulty: int) -> None:
    chance = float(probability(0.0, 1.0, prior_b(difficulty)))
    assert chance == pytest.approx(exp(-difficulty / 100), rel=1e-9)


def test_prior_difficulties_rise_and_nought_has_none() -> None:
    assert all(prior_b(one) < prior_b(other) for one, other in pairwise(range(1, 400)))
    assert prior_b(round(100 * log(2))) == pytest.approx(0, abs=0.02)
    with pytest.raises(UsageError, match="above 0"):
        prior_b(0)


def test_a_calibration_follows_the_runs_and_leaves_out_what_nobody_played() -> None:
    priors = {"easy": 0.0, "hard": 0.0, "untouched": 0.0}
    fitted, found = calibrate(priors, [{"easy": True, "hard": False}] * 8 + [{"hard": True}])
    assert (fitted.model, [each.item.id for each in found]) == ("1pl", ["easy", "hard"])
    easy, hard = found
    assert easy.item.b < 0 < hard.item.b
    assert (easy.taken, easy.passed, hard.taken, hard.passed) == (8, 8, 9, 1)
    assert hard.item.se < PRIOR_SE


@pytest.mark.parametrize(
    ("respondents", "told"),
    [([{"elsewhere": True}], "task elsewhere was played"), ([], "no episode yet"), ([{}], "no episode yet")],
)
def test_a_calibration_of_nothing_is_refused(respondents: Sequence[dict[str, bool]], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        calibrate({"a": 0.0}, respondents)


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "set.calibration.json"
    written = [Item("a", 1.0, -0.25, 0.5), Item("b", 1.5, 2.0, 1.25)]
    write_items(path, written)
    assert read_items(path, ["a", "b", "c"]) == {"a": written[0], "b": written[1]}


GOOD = '{"id": "a", "a": 1, "b": 0, "se": 1}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty calibration"),
        ("{}", "not a line"),
        ("[]", "not a line"),
        ("nonsense", "not a line"),
        ('{"id": 7, "a": 1, "b": 0, "se": 1}', "id is text"),
        ('{"id": "a", "a": 0, "b": 0, "se": 1}', "a > 0"),
        ('{"id": "a", "a": 1, "b": NaN, "se": 1}', "b finite"),
        ('{"id": "a", "a": 1, "b": 0, "se": -1}', "se >= 0"),
        (f"{GOOD}\n{GOOD}", "stands there twice"),
        ('{"id": "aa", "a": 1, "b": 0, "se": 1}', "Did you mean 'a'?"),
    ],
)
def test_a_broken_calibration_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as failed:
        read_items(path, ["a", "b"])
    assert told in str(failed.value)


def test_a_calibration_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_items(tmp_path / "none.json", ["a"])
    with pytest.raises(DataError, match="cannot be written"):
        write_items(tmp_path / "none" / "c.json", [])


# Runs


def test_the_next_task_tells_most_and_the_run_stops_when_enough_is_known(
    plan: Plan, known: list[Item], tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    found = run_adaptive(plan, player(plan), known, path, stop_se=0.6)
    assert found.ability.se < 0.6
    assert 1 < len(found.tasks) < len(plan.tasks) == found.size
    assert [task for task, _ in asked(path)] == list(found.tasks)
    assert [passed for _, passed in asked(path)] == list(found.ability.responses)
    a, b = [item.a for item in known], [item.b for item in known]
    assert found.tasks[0] == plan.tasks[next_item(0.0, a, b, [])].id
    assert found.ability.accuracy == pytest.approx(float(probability(found.ability.theta, a, b).mean()))
    assert (found.outcome.episodes, found.outcome.row.tasks) == (len(found.tasks), len(found.tasks))


def test_where_nothing_is_enough_all_tasks_are_played_once(
    plan: Plan, known: list[Item], tmp_path: Path
) -> None:
    found = run_adaptive(plan, agent("idle", AIRLINE), known, tmp_path / "run.jsonl", stop_se=0.01)
    assert sorted(found.tasks) == sorted(task.id for task in plan.tasks)


def interrupting(inside: Agent, *, after: int) -> Agent:
    """Return an agent whose person presses Ctrl-C in the episode after so many."""
    played = iter(range(after))

    def start(episode: Episode) -> Play:
        if next(played, None) is None:
            raise KeyboardInterrupt
        return inside(episode)

    return start


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupted_adaptive_run_resumes_to_the_same_bytes(
    after: int, plan: Plan, known: list[Item], whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_adaptive(plan, interrupting(player(plan), after=after), known, path, stop_se=0.6)
    found = run_adaptive(plan, player(plan), known, path, stop_se=0.6)
    assert found.outcome.resumed == after
    assert path.read_bytes() == whole


def test_a_finished_adaptive_run_plays_nothing_again(
    plan: Plan, known: list[Item], whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)

    def never(episode: Episode) -> Play:
        raise AssertionError

    found = run_adaptive(plan, never, known, path, stop_se=0.6)
    assert found.outcome.resumed == len(found.tasks)
    assert path.read_bytes() == whole


def test_a_log_of_another_order_or_of_other_items_is_told(
    plan: Plan, known: list[Item], whole: bytes, tmp_path: Path
) -> None:
    path, turned = tmp_path / "run.jsonl", tmp_path / "turned.jsonl"
    path.write_bytes(whole)
    moved = [item._replace(b=item.b + 1) for item in known]
    with pytest.raises(UsageError, match="adaptive"):
        run_adaptive(plan, player(plan), moved, path, stop_se=0.6)
    with pytest.raises(UsageError, match="adaptive"):
        run_adaptive(plan, player(plan), known, path, stop_se=0.5)
    copied(path, turned, list(reversed(list(read_log(path)))))
    with pytest.raises(LogError, match="is due"):
        run_adaptive(plan, player(plan), known, turned, stop_se=0.6)


def copied(path: Path, to: Path, records: list[dict[str, Any]]) -> None:
    header = read_header(path)
    with LogWriter(to, {k: v for k, v in header.items() if k not in ("kind", "format", "version")}) as out:
        for record in records:
            out.append(record)


def test_a_log_with_more_than_enough_is_told(
    plan: Plan, known: list[Item], whole: bytes, tmp_path: Path
) -> None:
    path, longer = tmp_path / "run.jsonl", tmp_path / "longer.jsonl"
    path.write_bytes(whole)
    records = list(read_log(path))
    left = next(task.id for task in plan.tasks if task.id not in {record["task"] for record in records})
    copied(path, longer, [*records, records[0] | {"task": left}])
    with pytest.raises(LogError, match="are enough"):
        run_adaptive(plan, player(plan), known, longer, stop_se=0.6)


def test_items_and_tasks_belong_together(
    plan: Plan, known: list[Item], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="one item for each task"):
        run_adaptive(plan, player(plan), known[1:], tmp_path / "run.jsonl")
    twice = plan_of(tmp_path_factory, NAME, 2)
    with pytest.raises(UsageError, match="tries each task once"):
        run_adaptive(twice, player(twice), known, tmp_path / "run.jsonl")


# The command


def test_the_command_plays_reports_and_replays(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, out = str(task_set(tmp_path_factory)), str(tmp_path / "run.jsonl")
    command = ["run", "airline", "--agent", NAME, "--tasks", tasks, "--adaptive", "--out", out]
    assert main(command) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    found = result["adaptive"]
    assert found["played"] == result["episodes"] == len(found["order"]) <= found["of"]
    assert 0 < found["expected"] < 1
    assert "Ability" in told.err
    assert "On the whole set it would pass" in told.err
    assert main(["replay", out]) == 0
    replayed = capsys.readouterr()
    assert json.loads(replayed.out)["episodes"] == found["played"]
    assert "The run was adaptive" in replayed.err
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["adaptive"] == found
    assert main(["run", *command[1:6], "--out", out]) == 2


def test_the_command_takes_a_calibration_in_part_and_tells_misuse(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, known = str(task_set(tmp_path_factory)), items(tmp_path_factory)
    part = tmp_path / "part.json"
    write_items(part, known[:3])
    run = ["run", "airline", "--agent", "idle", "--tasks", tasks]
    assert main([*run, "--adaptive", "--calibration", str(part), "--out", str(tmp_path / "a.jsonl")]) == 0
    assert f"lacks {len(known) - 3} of {len(known)} tasks" in capsys.readouterr().err
    assert main([*run, "--calibration", str(part), "--out", str(tmp_path / "b.jsonl")]) == 2
    assert "add --adaptive" in capsys.readouterr().err
    assert main([*run, "--adaptive", "--trials", "2", "--out", str(tmp_path / "c.jsonl")]) == 2
    assert "leave out --trials" in capsys.readouterr().err
    plain = tmp_path / "plain.jsonl"
    pack = pack_of(tmp_path_factory)
    write_pack(plain, {key: pack.header[key] for key in ("domain", "split", "worlds")}, [pack.at(0)])
    uncertified = ["run", "airline", "--agent", "idle", "--tasks", str(plain), "--uncertified", "--adaptive"]
    assert main([*uncertified, "--out", str(tmp_path / "d.jsonl")]) == 2
    assert "carry no certificates" in capsys.readouterr().err
    only = tmp_path / "only.json"
    write_items(only, known[:1])
    assert main([*uncertified, "--calibration", str(only), "--out", str(tmp_path / "d.jsonl")]) == 0
