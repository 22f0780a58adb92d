"""What a step costs: every row of the house's budget, beside a bare sqlite3 loop in the same run.

    python -m benchmarks.throughput [--seconds 0.3] > benchmarks/results/throughput.json

Prints one JSON object. Times are CPU microseconds: the least of several rounds, with the median
beside it, since noise only ever adds. Ratios compare figures of the same run. It asserts nothing.
"""

import argparse
import gc
import json
import platform
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from statistics import median
from time import process_time_ns
from typing import Any

import gymnasium

import simenv
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core import catalog
from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.episodes.episode import Episode
from simenv.users import hearing

Figures = dict[str, float]
ROUNDS = 7


def cost(
    action: Callable[[], object], *, seconds: float, prepare: Callable[[], object] | None = None
) -> Figures:
    """Return CPU microseconds of one ``action``: least and median over rounds.

    ``prepare`` runs before each action and its time is taken off.
    """
    action()
    count = 1
    while (spent := _round(action, prepare, count)) < seconds / ROUNDS / 2 and count < 100_000:
        count = max(count * 2, int(count * seconds / ROUNDS / max(spent, 1e-6) / 2))
    times = [_round(action, prepare, count) / count * 1e6 for _ in range(ROUNDS)]
    return {"us": round(min(times), 2), "median_us": round(median(times), 2)}


def _round(action: Callable[[], object], prepare: Callable[[], object] | None, count: int) -> float:
    gc.collect()
    gc.disable()
    spent = 0
    if prepare is None:
        start = process_time_ns()
        for _ in range(count):
            action()
        spent = process_time_ns() - start
    else:
        for _ in range(count):
            prepare()
            start = process_time_ns()
            action()
            spent += process_time_ns() - start
        spent -= _clock_ns() * count
    gc.enable()
    return spent / 1e9


@cache
def _clock_ns() -> int:
    """Return what reading the clock twice costs, which is not the action's."""

    def read() -> int:
        start = process_time_ns()
        return process_time_ns() - start

    return sorted(read() for _ in range(1001))[500]


def first(tasks: Sequence[Task], intent: str) -> Task:
    """Return the first task of that intent alone, in a world as it is and with every tool in order.

    Raises:
        StopIteration: If there is none.
    """
    plain = (task for task in tasks if not (task.setup or task.faults or task.extras))
    return next(task for task in plain if task.intent == intent and len(calls_of(task)) >= 3)


def calls_of(task: Task) -> list[str]:
    """Return the tool calls of the oracle on ``task``."""
    done = play(Episode(task), oracle())
    return [step.action for step in done.trajectory().steps if step.calls]


class Bench:
    """One task's episode and the actions that are timed on it."""

    def __init__(self, task: Task, seconds: float) -> None:
        self.task, self.seconds = task, seconds
        self.calls = calls_of(task)
        self.episode = Episode(task)

    def fresh(self) -> Episode:
        """Start the episode again, with its connection at hand."""
        self.episode = Episode(self.task)
        self.episode.world()
        return self.episode

    def unread(self) -> Episode:
        """Start the episode again where nothing has been read and the customer has heard nothing."""
        hearing.forget()
        pool.image(self.task.domain, tuple(self.task.world), self.task.size).reads.clear()
        return self.fresh()

    def time(self, action: Callable[[], object], *, fresh: bool = True, forget: bool = False) -> Figures:
        """Time an action on a fresh episode, or on the one at hand; ``forget`` what was read before."""
        prepare = (self.unread if forget else self.fresh) if fresh else None
        return cost(action, seconds=self.seconds, prepare=prepare)


def steps(task: Task, seconds: float) -> dict[str, Figures]:
    """Time single steps."""
    bench = Bench(task, seconds)
    reads = [call for call in bench.calls if "get_" in call]
    write = bench.calls[-1]
    versions = sum(call.versions for call in play(Episode(task), oracle()).trajectory().calls)

    rows = {"reset": bench.time(lambda: Episode(task), fresh=False)}
    rows["read_call_again"] = bench.time(lambda: bench.episode.act(reads[-1]))
    rows["read_call"] = bench.time(lambda: bench.episode.act(reads[-1]), forget=True)
    rows["read_user_call"] = bench.time(lambda: bench.episode.act(reads[0]), forget=True)
    rows["write_call"] = bench.time(lambda: bench.episode.act(write)) | {"rows_changed": versions}
    rows["write_call_bare_sqlite3"] = cost(bare_loop(task, [write]), seconds=seconds)
    rows["refused_call"] = bench.time(
        lambda: bench.episode.act('{"name":"cancel_reservation","arguments":{"reservation_id":"NOSUCH"}}')
    )
    rows["malformed_call"] = bench.time(lambda: bench.episode.act('{"name":"cancel_reservation",'))
    rows["customer_reply_600_chars"] = bench.time(lambda: bench.episode.act(MESSAGE), forget=True)
    rows["customer_reply_6000_chars"] = bench.time(lambda: bench.episode.act(MESSAGE * 10), forget=True)
    rows["customer_reply_600_chars_dense"] = bench.time(
        lambda: bench.episode.act((DENSE * 3)[:600]), forget=True
    )
    return rows


MESSAGE = """\
Thank you for your patience, Noah. I have found your reservation from Denver to Boston, and I can help you \
with the change that you asked for. Here is what I would do:

- **Reservation ID**: AB12CD
- **Cabin**: Economy, as it is now
- **Checked bags**: 3 in total, one of which is free with your silver membership
- **Price**: $82.50, charged to your Visa card ending in 4421

Please note that bags cannot be taken off again once they have been added to the reservation. The new total \
will be shown on your receipt, which is sent to you by e-mail. Would you like me to proceed with these \
changes (yes/no)?
"""[:600]

DENSE = (
    "Thank you for your patience, I have looked at your reservation. It is in economy and leaves on May 20. "
    "The total would be $312.50, paid with your card ending in 1234. Could you please tell me the reason for "
    "the change, and how many checked bags you need?\n- Flight: ABC123\n- Cabin: economy\n"
)


def state(task: Task, other: Task, seconds: float) -> dict[str, Figures]:
    """Time snapshot, fork and switching between parked episodes."""
    bench = Bench(task, seconds)
    for action in bench.calls:
        bench.episode.act(action)
    worn = bench.episode
    rows = {
        "snapshot": cost(worn.snapshot, seconds=seconds),
        "snapshot_text": cost(lambda: worn.snapshot().text, seconds=seconds),
        "fork": cost(worn.fork, seconds=seconds),
    }
    parked = [worn, worn.fork(), worn.fork(), worn.fork()]
    turn = iter(range(10**9))
    rows["switch_parked"] = cost(lambda: parked[next(turn) % 4].world(), seconds=seconds)
    rows["cold_world"] = cold_world(task, seconds)
    return rows


def cold_world(task: Task, seconds: float) -> Figures:
    """Time drawing and freezing a world that is not cached."""
    build = catalog.generator(task.domain).build
    numbers = iter(range(10**6))
    return cost(lambda: build(("bench", "train", next(numbers)), task.size), seconds=max(seconds, 1.0))


def whole_episode(task: Task, seconds: float) -> dict[str, Any]:
    """Time an episode of four calls with its verdict, natively, through Gymnasium and bare."""
    calls = calls_of(task)
    calls = [*calls[:-1]][:3] + calls[-1:]

    def native() -> object:
        episode = Episode(task)
        for call in calls:
            episode.act(call)
        return episode.verdict()

    env = gymnasium.make("simenv/airline-v0")
    env.reset(seed=0)

    def through_gym() -> object:
        env.reset(options={"task": task.id})
        for call in calls:
            env.step(call)
        return env.unwrapped.episode.verdict()  # type: ignore[attr-defined]

    reads = pool.image(task.domain, tuple(task.world), task.size).reads
    bare = bare_loop(task, calls)
    rows = {
        "native": cost(native, seconds=seconds * 2),
        "native_first_reads": cost(native, seconds=seconds * 2, prepare=reads.clear),
        "bare_sqlite3": cost(bare, seconds=seconds * 2),
        "gymnasium": cost(through_gym, seconds=seconds * 2),
    }
    result: dict[str, Any] = {"calls": len(calls), **rows}
    result["native_over_bare"] = round(rows["native"]["us"] / rows["bare_sqlite3"]["us"], 2)
    result["gymnasium_adds_us"] = round(rows["gymnasium"]["us"] - rows["native"]["us"], 2)
    return result


def bare_loop(task: Task, calls: Sequence[str]) -> Callable[[], object]:
    """Return a loop that runs the same SQL statements on a bare connection.

    The statements are recorded from one episode; strict parsing, validation, journal, hash, chain
    and verdict are what the bare loop does not do. It has the same savepoints.
    """
    log: list[tuple[str, tuple[Any, ...]]] = []
    pool.image(task.domain, tuple(task.world), task.size).reads.clear()
    episode = Episode(task)
    world = episode.world()
    execute = world._execute

    def spy(sql: str, values: Any = ()) -> sqlite3.Cursor:
        log.append((sql, tuple(values)))
        return execute(sql, values)

    world._execute = spy
    for call in calls:
        episode.act(call)
    world._execute = execute
    con = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
    con.deserialize(pool.image(task.domain, tuple(task.world), task.size).data)
    con.execute("SAVEPOINT base")

    def loop() -> object:
        con.execute("ROLLBACK TO base")
        for sql, values in log:
            con.execute(sql, values).fetchall()
        return None

    return loop


def parked_memory(task: Task, count: int) -> dict[str, float]:
    """Open many episodes, step them in lockstep, and see what each one takes."""
    pack = bundled(task.domain, "train")
    for at in range(len(pack)):
        Episode(pack.at(at))
    before = _rss_kb()
    episodes = [Episode(pack.at(at)) for at in range(count)]
    for episode in episodes:
        episode.act('{"name":"list_all_airports","arguments":{}}')
    after = _rss_kb()
    return {
        "episodes": count,
        "kb_each": round((after - before) / count, 2),
        "process_mb": round(after / 1024, 1),
    }


def _rss_kb() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def imports() -> dict[str, float]:
    """Time ``import simenv`` against ``import gymnasium``, in fresh interpreters."""
    times: dict[str, list[float]] = {"gymnasium": [], "simenv": []}
    for _ in range(7):
        for module in times:
            program = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
            times[module].append(float(done.stdout))
    least = {module: min(values) for module, values in times.items()}
    return {
        **{f"{module}_ms": round(value * 1000, 1) for module, value in least.items()},
        "ratio": round(least["simenv"] / least["gymnasium"], 3),
    }


def main() -> int:
    """Run the benchmark and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.4, help="CPU time per figure")
    parser.add_argument("--episodes", type=int, default=10_000, help="open episodes of the memory row")
    args = parser.parse_args()
    pack = bundled("airline", "train")
    tasks = [pack.at(at) for at in range(len(pack))]
    task, other = first(tasks, "bags"), first(tasks, "cancel")
    result = {
        "benchmark": "throughput",
        "simenv": simenv.__version__,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "steps": steps(task, args.seconds),
        "state": state(task, other, args.seconds),
        "episode": whole_episode(other, args.seconds),
        "imports": imports(),
        "memory": parked_memory(task, args.episodes),
    }
    json.dump(result, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
