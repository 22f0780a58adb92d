"""Worker processes: the same bytes as in process, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import simenv.train.rollouts.workers
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.canonical import canonical, digest
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.train.rollouts.desk import decode, encode
from simenv.train.rollouts.workers import EnvPool, WorkerError
from tests.train import worker_traps

Disturb = Callable[[EnvPool[Any], int], None]
TRAPS = "tests.train.worker_traps:install"
READ = '{"name": "list_all_airports"}'


def tasks(count: int) -> list[Task]:
    """Return tasks of one world: every worker builds the worlds that it plays."""
    pack = bundled("airline", "train")
    places = [place for place, line in enumerate(pack.lines) if line["world"] == pack.lines[0]["world"]]
    return [pack.at(place) for place in places[:count]]


@pytest.fixture(scope="module")
def scripts() -> list[tuple[Task, list[str]]]:
    """Tasks with the oracle's actions, and one whose agent makes every mistake."""
    played = [(task, play(Episode(task, face="compact"), oracle())) for task in tasks(3)]
    made = [(task, [step.action for step in episode.steps]) for task, episode in played]
    mistakes = ["{", '{"name": "no_such_tool"}', "\ud83d\ude00", "\ud800", READ, *["..."] * 60]
    return [*made, (tasks(1)[0], mistakes)]


def run(
    pool: EnvPool[Any], scripts: list[tuple[Task, list[str]]], disturb: Disturb = lambda pool, number: None
) -> str:
    """Play two trials of every script in lockstep and return the digest of all that came of it."""
    jobs = {(trial, place): script for trial in range(2) for place, script in enumerate(scripts)}
    seen: list[Any] = [pool.open((key, task) for key, (task, _) in jobs.items())]
    live, number = {key: iter(actions) for key, (_, actions) in jobs.items()}, 0
    while live:
        disturb(pool, number)
        steps = pool.step({key: next(actions) for key, actions in live.items()})
        seen.append(steps)
        live = {key: actions for key, actions in live.items() if not steps[key].done}
        number += 1
    assert not len(pool)
    return digest(canonical([[(list(key), part) for key, part in each.items()] for each in seen]))


@pytest.fixture(scope="module")
def undisturbed(scripts: list[tuple[Task, list[str]]]) -> str:
    with EnvPool[Any](0) as pool:
        return run(pool, scripts)


def test_the_pool_gives_what_episodes_give(scripts: list[tuple[Task, list[str]]]) -> None:
    task, actions = scripts[1]
    episode = Episode(task, face="compact")
    with EnvPool[str](0) as pool:
        opening = pool.open([("only", task)])["only"]
        assert list(opening.chat) == episode.messages
        assert opening.tools == episode.tools
        step = None
        for action in ["\ud83d\ude00", *actions]:
            step, native = pool.step({"only": action})["only"], episode.act(action)
            assert (step.chat, step.reward, step.digest) == (native.chat, native.reward, native.digest)
            assert (step.terminated, step.truncated) == (native.terminated, native.truncated)
            assert step.calls == len(episode.steps[-1].calls)
        assert step
        assert step.verdict == decode(encode(episode.verdict().to_json()))
        assert step.why == "settled"


def test_results_do_not_depend_on_the_number_of_workers(
    scripts: list[tuple[Task, list[str]]], undisturbed: str
) -> None:
    with EnvPool[Any](2) as pool:
        assert run(pool, scripts) == undisturbed
        assert pool.restarts == 0


def test_workers_that_are_killed_or_hang_lose_nothing(
    scripts: list[tuple[Task, list[str]]], undisturbed: str
) -> None:
    sent = {1: (0, signal.SIGKILL), 4: (1, signal.SIGSTOP)}

    def disturb(pool: EnvPool[Any], number: int) -> None:
        if number in sent:
            place, what = sent[number]
            os.kill(pool.pids[place] or 0, what)
        if number == 6:
            # Its episodes sleep 20 ms or more together, so after 10 ms some have acted and some have not.
            threading.Timer(0.01, os.kill, (pool.pids[0], signal.SIGKILL)).start()

    with EnvPool[Any](2, timeout_s=0.5, latency_s=0.005) as pool:
        assert run(pool, scripts, disturb) == undisturbed
        assert pool.restarts == 3


def test_a_task_costs_at_most_four_workers() -> None:
    assert simenv.train.rollouts.workers.RESTARTS == 3


@pytest.mark.parametrize(
    ("action", "reason"),
    [(worker_traps.DIES, "ended with 7"), (worker_traps.HANGS, "0.2 s")],
)
def test_an_episode_that_ends_every_worker_is_named(
    action: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simenv.train.rollouts.workers, "RESTARTS", 1)
    first, second = tasks(2)
    with EnvPool[str](0) as pool:
        pool.open([("good", first)])
        expected = [pool.step({"good": READ})["good"] for _ in range(2)]
    with EnvPool[str](2, timeout_s=0.2, prepare=TRAPS) as pool:
        pool.open([("good", first), ("bad", second)])
        assert pool.step({"good": READ, "bad": READ})["good"] == expected[0]
        with pytest.raises(WorkerError) as caught:
            pool.step({"good": READ, "bad": action})
        for part in (second.id, "'bad'", "action 1", reason, "workers=0"):
            assert part in str(caught.value)
        assert first.id not in str(caught.value)
        assert pool.restarts == 2
        # The step has not happened, so the pool goes on from before it.
        after = pool.step({"good": READ, "bad": READ})
        assert after["good"] == expected[1]
        assert pool.drop(["good", "bad"])["bad"]["process"]["steps"] == 2


def test_a_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simenv.train.rollouts.workers, "RESTARTS", 1)
    with EnvPool[int](1, prepare="tests.train.worker_traps:no_such") as pool:
        with pytest.raises(WorkerError, match="before it played anything, 2 times in a row"):
            pool.open([(0, tasks(1)[0])])
        assert len(pool) == 0


def test_workers_load_no_torch() -> None:
    with EnvPool[int](1, prepare="tests.train.worker_traps:refuse_torch") as pool:
        pool.open([(0, tasks(1)[0])])
        assert pool.step({0: READ})[0].chat[0]["content"] == "Loaded: []"


def test_an_interrupt_in_the_middle_leaves_the_pool_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tasks(2)
    act, called = Episode.act, []

    def interrupted(episode: Episode, action: str) -> Any:
        called.append(action)
        if len(called) == 4:
            raise KeyboardInterrupt
        return act(episode, action)

    digests = []
    for broken in (False, True):
        with EnvPool[int](0) as pool:
            pool.open([(0, first), (1, second)])
            pool.step({0: READ, 1: READ})
            if broken:
                monkeypatch.setattr(Episode, "act", interrupted)
                called[:] = ["", ""]
                with pytest.raises(KeyboardInterrupt):
                    pool.step({0: "{}", 1: "{}"})
                monkeypatch.undo()
            digests.append([step.digest for step in pool.step({0: "Hello?", 1: "Hello?"}).values()])
    assert digests[0] == digests[1]


def _gone(pids: list[int]) -> bool:
    return not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _waits(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.perf_counter() + seconds
    while not condition() and time.perf_counter() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def busy() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A program that steps a pool, and its workers."""
    command = [sys.executable, "-m", "tests.train.worker_traps"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, process_group=0
    ) as program:
        assert program.stdout
        pids = [int(word) for word in program.stdout.readline().split()]
        assert len(pids) == 2
        yield program, pids
        program.kill()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_pool(
    sent: signal.Signals, busy: tuple[subprocess.Popen[str], list[int]]
) -> None:
    program, pids = busy
    assert not _gone(pids[:1])
    os.killpg(program.pid, sent)
    _, written = program.communicate(timeout=10)
    assert _waits(lambda: _gone(pids), 5)
    # Ctrl-C is one traceback, the program's own.
    assert written.count("Traceback") == (sent == signal.SIGINT)


def test_what_is_asked_wrongly_is_refused_before_anything_is_done() -> None:
    task = tasks(1)[0]
    with EnvPool[str](0) as pool:
        before = pool.open([("a", task)])["a"].digest
        for wrong, message in (
            ({"a": READ, "b": READ}, "no episode is open under 'b'"),
            ({"a": 7}, "an action is a string, got int for 'a'"),
        ):
            with pytest.raises(UsageError, match=message):
                pool.step(wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="'a' is given twice"):
            pool.open([("b", task), ("a", task)])
        with pytest.raises(UsageError, match="extra tool is named twice"):
            pool.open([("b", task.model_copy(update={"extras": ["quote_baggages", "quote_baggages"]}))])
        assert len(pool) == 1
        assert pool.open([("b", task)])["b"].digest == before
        assert pool.drop(["a", "b", "a"]).keys() == {"a", "b"}
    with pytest.raises(UsageError, match="pool is closed"):
        pool.open([("a", task)])
    with pytest.raises(UsageError, match="workers is an integer >= 0, got -1"):
        EnvPool[str](-1)
    with pytest.raises(UsageError, match="latency_s < timeout_s"):
        EnvPool[str](0, latency_s=2, timeout_s=1)
    with pytest.raises(UnknownNameError):
        EnvPool[str](0, face="compcat")


def test_workers_share_the_waiting() -> None:
    task = tasks(1)[0]
    spent = []
    for workers in (1, 2):
        with EnvPool[int](workers, latency_s=0.05) as pool:
            pool.open((number, task) for number in range(8))
            start = time.perf_counter()
            for _ in range(2):
                pool.step(dict.fromkeys(range(8), READ))
            spent.append(time.perf_counter() - start)
    assert spent[0] > 0.8
    assert spent[1] < spent[0] * 0.75
