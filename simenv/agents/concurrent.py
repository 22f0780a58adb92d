"""Many episodes at once, for agents that wait more than they work; the log is as if one played alone.

Each episode stays in one thread from its reset to its verdict, because connections belong to threads.
Records are appended in the order of the plan: one that is ready early waits in memory for its turn.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from os import PathLike
from typing import Any, TypeVar

from simenv.agents.protocol import Agent
from simenv.agents.runs import Outcome, Plan, Progress, attempt, score
from simenv.core.errors import UsageError
from simenv.core.log import LogWriter
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.episodes.replay import read_episodes

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 16
"""How many items, for each worker, may be begun behind the one whose turn it is."""


def run_concurrently(
    plan: Plan,
    player: Callable[[int], Agent],
    path: str | PathLike[str],
    *,
    workers: int = 8,
    stop: Callable[[], object] = lambda: None,
    progress: Progress = lambda count: None,
) -> Outcome:
    """Play what ``plan`` lists and ``path`` does not hold yet, and score all of it; see ``runs.run``.

    Args:
        plan: What is to be played.
        player: Returns the agent of a trial; it must not depend on what other episodes did.
        path: The log, new or of an earlier process with the same plan.
        workers: How many episodes are played at once.
        stop: Is called when the run breaks off, to wake agents that wait.
        progress: Is told how many more episodes are in the log.

    Raises:
        UsageError: If the log is of another plan; the field that differs is named.
        LogError: If the log is damaged or cannot be written. What was committed is kept.
    """

    def one(item: tuple[Task, int]) -> dict[str, Any]:
        task, trial = item
        return {"task": task.id, "trial": trial} | attempt(task, player(trial), face=plan.face)

    with LogWriter(path, plan.header()) as log:
        done = log.keys("task", "trial")
        progress(len(done))
        missing = [(task, trial) for task, trial in plan if (task.id, trial) not in done]
        with closing(in_order(one, missing, workers=workers, stop=stop)) as records:
            for record in records:
                log.append(record)
                progress(1)
        chain = log.tip
    return score(plan, read_episodes(path), resumed=len(done), chain=chain)


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
    stop: Callable[[], object] = lambda: None,
) -> Generator[R, None, None]:
    """Yield ``work(item)`` of every item in the order of the items, worked on by threads.

    An item that fails raises when its turn comes, so all before it have been yielded. Then, or when the
    iterator is closed early, ``stop`` is called, what has not begun is dropped, and what runs is waited for.

    Args:
        work: Is called once for each item, in a thread of its own choice; episodes may be played in it.
        items: In order; read as far ahead as is worked ahead.
        workers: Number of threads, at least 1.
        stop: Wakes what waits.

    Raises:
        UsageError: If there are no workers.
    """
    if workers < 1:
        raise UsageError(f"at least one episode is played at a time, got {workers}")
    return _in_order(work, items, workers, stop)


def _in_order(
    work: Callable[[T], R], items: Iterable[T], workers: int, stop: Callable[[], object]
) -> Generator[R, None, None]:
    def at_rest(item: T) -> R:
        try:
            return work(item)
        finally:
            pool.leave()

    ahead: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="simenv-episode") as threads:
        finished = False
        try:
            for item in items:
                ahead.append(threads.submit(at_rest, item))
                if len(ahead) > AHEAD * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
            finished = True
        finally:
            if not finished:
                for each in ahead:
                    each.cancel()
                stop()
