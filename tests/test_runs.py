"""Runs: whatever interrupts one, the log ends up the same to the byte."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.protocol import Agent, Play, StuckError
from simenv.agents.registry import agent
from simenv.agents.runs import Plan, run
from simenv.core import catalog
from simenv.core.errors import LogError, UnknownNameError, UsageError
from simenv.core.log import read_log
from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.episodes.episode import Episode

AIRLINE = catalog.domain("airline")
IDLE = agent("idle", AIRLINE)


def tasks(count: int) -> list[Task]:
    pack = bundled("airline", "train")
    return [pack.at(place) for place in range(count)]


def plan(count: int = 4, *, trials: int = 2, name: str = "idle") -> Plan:
    return Plan(agent=name, tasks=tasks(count), trials=trials, split="train")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of a run that nothing interrupted."""
    path = tmp_path_factory.mktemp("whole") / "run.jsonl"
    run(plan(), IDLE, path)
    return path.read_bytes()


@given(share=st.floats(0, 1))
@settings(max_examples=25)
def test_a_run_cut_off_at_any_byte_resumes_to_the_same_bytes(
    share: float, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    path.write_bytes(whole[: int(share * len(whole))])
    run(plan(), IDLE, path)
    assert path.read_bytes() == whole


def test_a_finished_run_plays_nothing_again(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)

    def never(episode: Episode) -> Play:
        raise AssertionError

    outcome = run(plan(), never, path)
    assert (outcome.resumed, outcome.episodes) == (8, 8)
    assert path.read_bytes() == whole


def interrupting(agent: Agent, *, after: int) -> Agent:
    """Return an agent whose person presses Ctrl-C in the episode after so many."""
    played = iter(range(after))

    def start(episode: Episode) -> Play:
        if next(played, None) is None:
            raise KeyboardInterrupt
        return agent(episode)

    return start


@pytest.mark.parametrize("after", [0, 1, 5, 7])
def test_an_interrupt_keeps_what_was_finished(after: int, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(plan(), interrupting(IDLE, after=after), path)
    assert len(list(read_log(path))) == after
    outcome = run(plan(), IDLE, path)
    assert outcome.resumed == after
    assert path.read_bytes() == whole


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    """Kill -9 at moments that the machine chooses: nothing committed is lost or doubled."""
    steady, killed = tmp_path / "steady.jsonl", tmp_path / "killed.jsonl"
    arguments = ["run", "airline", "--agent", "oracle", "--tasks", "24", "--out"]
    command = [sys.executable, "-m", "simenv.cli", *arguments]
    subprocess.run([*command, str(steady)], check=True, capture_output=True, env=environment())
    size = 0
    for _ in range(2):
        with subprocess.Popen(
            [*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        ) as process:
            wait_for(killed, size + 5_000, process)
            process.send_signal(signal.SIGKILL)
        kept = killed.read_bytes()
        size = len(kept)
        whole_lines = kept[: kept.rfind(b"\n") + 1]
        assert steady.read_bytes().startswith(whole_lines)
    subprocess.run([*command, str(killed)], check=True, capture_output=True, env=environment())
    assert killed.read_bytes() == steady.read_bytes()


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[1]
    paths = [str(root), str(root / "corpora"), str(root / "generators")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def wait_for(path: Path, size: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the log has grown to ``size`` or its writer is done."""
    end = monotonic() + 60
    while process.poll() is None and monotonic() < end:
        if path.exists() and path.stat().st_size >= size:
            return
        sleep(0.002)


def test_the_order_is_all_tasks_once_then_all_again(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)
    ids = [task.id for task in tasks(4)]
    assert [(r["task"], r["trial"]) for r in read_log(path)] == [(i, k) for k in (0, 1) for i in ids]


@pytest.mark.parametrize(
    ("other", "field"),
    [(plan(5), "tasks"), (plan(trials=3), "trials"), (plan(name="echo"), "agent")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_log_of_another_plan_is_refused_by_the_field_that_differs(
    other: Plan, field: str, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)
    with pytest.raises(UsageError, match=f"started with {field} ="):
        run(other, IDLE, path)
    assert path.read_bytes() == whole


def test_a_log_damaged_inside_is_refused_and_left_alone(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    damaged = whole.replace(b'"trial":0', b'"trial":7', 1)
    path.write_bytes(damaged)
    with pytest.raises(LogError):
        run(plan(), IDLE, path)
    assert path.read_bytes() == damaged


def test_an_agent_that_gives_up_is_recorded_and_scored(tmp_path: Path) -> None:
    def lost(episode: Episode) -> Play:
        yield "Hello, what is your user ID?"
        raise StuckError("no way on")

    outcome = run(plan(2, trials=1), lost, tmp_path / "run.jsonl")
    assert (outcome.stuck, outcome.row.passed, outcome.row.trials) == (2, 0, 2)
    assert {record["stuck"] for record in read_log(tmp_path / "run.jsonl")} == {"no way on"}


def test_scores_are_the_counts_of_the_log(tmp_path: Path) -> None:
    pack = bundled("airline", "train")
    faulty = next(task for task in map(pack.at, range(4, len(pack))) if task.faults)
    some = [*tasks(4), faulty]
    asked = Plan(agent="oracle", tasks=some, trials=2, split="train")
    oracle = run(asked, agent("oracle", AIRLINE), tmp_path / "oracle.jsonl")
    records = list(read_log(tmp_path / "oracle.jsonl"))
    assert oracle.row.counts == ((2, 2),) * 5
    assert oracle.row.calls == sum(record["verdict"]["process"]["calls"] for record in records)
    assert oracle.row.breaches == 0
    errors = [record["verdict"]["process"]["errors"] for record in records]
    assert {code for each in errors for code in each} <= {"unavailable"}, "it makes none of its own"
    met = sum(each.get("unavailable", 0) for each in errors)
    assert oracle.row.errors == met == 2 * sum(sum(task.faults.values()) for task in some) > 0


def test_progress_adds_up_to_the_episodes(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole[: len(whole) // 2])
    told: list[int] = []
    run(plan(), IDLE, path, progress=told.append)
    assert sum(told) == plan().episodes


def test_a_plan_plays_different_tasks_of_one_domain_at_least_once() -> None:
    for listed, trials in (([], 1), (tasks(1) * 2, 1), (tasks(1), 0)):
        with pytest.raises(UsageError):
            Plan(agent="idle", tasks=listed, trials=trials)


def test_a_mistyped_agent_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'oracle'"):
        agent("orcale", AIRLINE)
