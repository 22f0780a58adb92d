"""Runs: an agent over tasks and trials into a log that a kill cannot hurt and that resumes.

A run's log is the same to the byte whether the run was interrupted or not, and on every machine: the
header holds what decides the results, and nothing about the machine or the time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from simenv.agents.audit import idle
from simenv.agents.protocol import Agent, StuckError, play
from simenv.core import catalog
from simenv.core.canonical import canonical, digest
from simenv.core.errors import UsageError
from simenv.core.goal import Atom
from simenv.core.interpreter import UnsoundError
from simenv.core.log import LogWriter
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.episodes.replay import Recorded, read_episodes
from simenv.scoring.report import ScoreRow
from simenv.scoring.twins import Played, twin_score

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played.

    Attributes:
        agent: Name of the agent.
        tasks: Pairwise different tasks of one domain.
        trials: Attempts at each task.
        face: How things are shown to the agent.
        split: Of a bundled pack, or "".
        pack: File of any other pack, or "".
        simenv: Version of simenv, because another may bring an agent of that name with other manners.
        twins: Id of a near twin to the id of its original; for the score, not for the header.
    """

    agent: str
    tasks: Sequence[Task]
    trials: int = 1
    face: str = "full"
    split: str = ""
    pack: str = ""
    simenv: str = ""
    twins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise UsageError(f"a task is tried at least once, got {self.trials} trials")
        if len({task.domain for task in self.tasks}) != 1:
            raise UsageError("a run plays one or more tasks, all of one domain")
        if len({task.id for task in self.tasks}) != len(self.tasks):
            raise UsageError("a run plays each task once per trial; one is listed twice")

    @property
    def domain(self) -> str:
        """The domain of every task."""
        return self.tasks[0].domain

    @property
    def episodes(self) -> int:
        """How many episodes there will be."""
        return len(self.tasks) * self.trials

    def header(self) -> dict[str, Any]:
        """Return what identifies the run: everything that decides its results."""
        return {
            "agent": self.agent,
            "domain": self.domain,
            "env_version": catalog.domain(self.domain).version,
            "face": self.face,
            "pack": self.pack,
            "simenv": self.simenv,
            "split": self.split,
            "tasks": len(self.tasks),
            "tasks_digest": digest(canonical([task.id for task in self.tasks])),
            "trials": self.trials,
        }

    def __iter__(self) -> Iterator[tuple[Task, int]]:
        """Yield task and trial of every episode: all tasks once, then all a second time."""
        yield from ((task, trial) for trial in range(self.trials) for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished run came to.

    Attributes:
        row: The scores.
        episodes: How many the log holds.
        resumed: How many of them an earlier process had played.
        stuck: How many the agent gave up.
        digest: The chain over all records, which fixes every byte of the log.
    """

    row: ScoreRow
    episodes: int
    resumed: int
    stuck: int
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return self.row.to_json() | {"stuck": self.stuck, "episodes": self.episodes, "digest": self.digest}


def run(
    plan: Plan, agent: Agent, path: str | PathLike[str], *, progress: Progress = lambda count: None
) -> Outcome:
    """Play what ``plan`` lists and ``path`` does not hold yet, and score all of it.

    Args:
        plan: What is to be played.
        agent: Who plays; ``plan.agent`` is its name.
        path: The log, new or of an earlier process with the same plan.
        progress: Is told how many more episodes are in the log.

    Raises:
        UsageError: If the log is of another plan; the field that differs is named.
        LogError: If the log is damaged or cannot be written. What was committed is kept.
    """
    with LogWriter(path, plan.header()) as log:
        done = log.keys("task", "trial")
        progress(len(done))
        for task, trial in plan:
            if (task.id, trial) not in done:
                log.append({"task": task.id, "trial": trial} | attempt(task, agent, face=plan.face))
                progress(1)
        chain = log.tip
    return score(plan, read_episodes(path), resumed=len(done), chain=chain)


def attempt(task: Task, agent: Agent, *, face: str = "full") -> dict[str, Any]:
    """Return trajectory and verdict of one episode; an agent that gives up falls silent."""
    episode = Episode(task, face=face)
    stuck = {}
    try:
        play(episode, agent)
    except (StuckError, UnsoundError) as error:
        stuck["stuck"] = str(error)
        play(episode, idle)
    return {"trajectory": episode.trajectory().to_json(), "verdict": episode.verdict().to_json()} | stuck


def score(plan: Plan, episodes: Iterable[Recorded], *, resumed: int, chain: str) -> Outcome:
    """Score the episodes of a log in one pass."""
    counts: dict[str, tuple[int, int]] = {}
    paired = {*plan.twins, *plan.twins.values()}
    twins: list[Played] = []
    played = stuck = calls = errors = breaches = 0
    for episode in episodes:
        verdict, process = episode.verdict, episode.verdict.process
        trials, passed = counts.get(episode.task, (0, 0))
        counts[episode.task] = (trials + 1, passed + verdict.passed)
        played += 1
        stuck += bool(episode.stuck)
        calls += process.calls
        errors += sum(process.errors.values())
        breaches += sum(process.breaches.values())
        if episode.task in paired:
            twins.append(_played(episode))
    row = ScoreRow(
        agent=plan.agent,
        counts=tuple(counts.values()),
        calls=calls,
        errors=errors,
        breaches=breaches,
        twins=twin_score(plan.twins, {task.id: task.goal for task in plan.tasks}, twins) if twins else None,
    )
    return Outcome(row=row, episodes=played, resumed=resumed, stuck=stuck, digest=chain)


def _played(episode: Recorded) -> Played:
    missing, collateral = (_atoms(episode.claims.get(name)) for name in ("missing", "collateral"))
    return Played(episode.task, episode.trial, episode.verdict.passed, missing, collateral)


def _atoms(claimed: Any) -> list[Atom]:
    """Return the atoms of a claim; a forged one may hold anything."""
    listed = claimed if isinstance(claimed, list) else []
    return [
        atom
        for atom in listed
        if isinstance(atom, list) and len(atom) > 2 and atom[2] and isinstance(atom[2], list)
    ]
