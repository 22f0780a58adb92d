"""Adaptive runs: the next task is the one that tells most about the agent, until its ability is known.

The log is that of a run of one trial whose header says that it is adaptive: it holds the tasks that were
asked, in the order asked. Whoever resumes asks the same questions again and finds the answers in the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from simenv.agents.protocol import Agent
from simenv.agents.runs import Outcome, Plan, Progress, attempt, score
from simenv.core.canonical import digest
from simenv.core.errors import LogError, UsageError
from simenv.core.log import LogWriter
from simenv.episodes.replay import read_episodes
from simenv.scoring.calibration import Item
from simenv.scoring.irt import Adaptive, adaptive

STOP_SE = 0.3


@dataclass(frozen=True, slots=True)
class Measured:
    """What an adaptive run found.

    Attributes:
        outcome: The scores of the tasks that were played.
        ability: The ability, and the order of the tasks by their place in the set.
        tasks: Ids of the tasks played, in that order.
        size: How many tasks the set has.
    """

    outcome: Outcome
    ability: Adaptive
    tasks: tuple[str, ...]
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data: the outcome's, and under ``adaptive`` what is known of the ability."""
        return self.outcome.to_json() | {
            "adaptive": {
                "theta": round(self.ability.theta, 4),
                "se": round(self.ability.se, 4),
                "played": len(self.tasks),
                "of": self.size,
                "expected": round(self.ability.accuracy, 4),
                "order": list(self.tasks),
            }
        }


def header(plan: Plan, items: Sequence[Item], stop_se: float = STOP_SE) -> dict[str, Any]:
    """Return what identifies an adaptive run: a run's header, and what decides the order of its tasks."""
    told = "\n".join(f"{item.id} {item.a!r} {item.b!r}" for item in items)
    return plan.header() | {"adaptive": {"items": digest(told), "stop_se": repr(stop_se)}}


def run_adaptive(
    plan: Plan,
    agent: Agent,
    items: Sequence[Item],
    path: str | PathLike[str],
    *,
    stop_se: float = STOP_SE,
    progress: Progress = lambda count: None,
) -> Measured:
    """Play the tasks of ``plan`` that tell most, until the ability's standard error is small enough.

    Args:
        plan: The whole set, and who plays.
        agent: Who plays; ``plan.agent`` is its name.
        items: One for each task of the plan, in the same order.
        path: The log, new or of an earlier process with the same plan and items.
        stop_se: The standard error to be reached; all tasks are played if it never is.
        progress: Is told how many more episodes are in the log.

    Raises:
        UsageError: If items and tasks do not belong together, a task is to be tried more than once, or the
            log is of another plan or other items.
        LogError: If the log is damaged, or holds other tasks than would be asked here.
    """
    if plan.trials != 1:
        raise UsageError(
            f"an adaptive run tries each task once, got {plan.trials} trials; leave out --trials"
        )
    if [item.id for item in items] != [task.id for task in plan.tasks]:
        raise UsageError("an adaptive run needs one item for each task, in the order of the tasks")
    with LogWriter(path, header(plan, items, stop_se)) as log:
        known = [(each.task, each.verdict.passed) for each in read_episodes(path)]
        asked: list[str] = []

        def answer(index: int) -> bool:
            task = plan.tasks[index]
            number = len(asked)
            asked.append(task.id)
            progress(1)
            if number < len(known):
                _check_order(path, number, known[number][0], task.id)
                return known[number][1]
            record = attempt(task, agent, face=plan.face)
            log.append({"task": task.id, "trial": 0} | record)
            return bool(record["verdict"]["passed"])

        found = adaptive(answer, [item.a for item in items], [item.b for item in items], stop_se=stop_se)
        chain = log.tip
    if len(known) > len(asked):
        problem = f"{len(known)} tasks were played, and {len(asked)} are enough"
        raise LogError(path, len(asked) + 2, problem, "Record the run again")
    outcome = score(plan, read_episodes(path), resumed=len(known), chain=chain)
    return Measured(outcome, found, tuple(asked), len(plan.tasks))


def _check_order(path: str | PathLike[str], number: int, found: str, due: str) -> None:
    if found != due:
        # The header is line 1.
        problem = (
            f"task {found} was played where {due} is due: it was begun on a machine that rounds otherwise"
        )
        raise LogError(path, number + 2, problem, "Finish it there, or record the run again")
