"""What is known of single episodes, calls and texts, for whoever puts measures together."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Fact:
    """What one episode came to.

    Attributes:
        task: Id of the task.
        trial: Which attempt at it.
        passed: Whether it was solved.
        characters: How much the agent wrote.
        tokens: The same in tokens of its model, or None where nobody counted.
        calls: Tool calls.
        errors: Of those, the refused ones.
        breaches: Of the policy.
        world: What its task shares with others, or "" for nothing.
    """

    task: str
    trial: int
    passed: bool
    characters: int = 0
    tokens: int | None = None
    calls: int = 0
    errors: int = 0
    breaches: int = 0
    world: str = ""


def fact_of(record: Mapping[str, Any], *, tokens: int | None = None, world: str = "") -> Fact:
    """Return the fact of a record of a run log, or of what ``attempt`` returns with task and trial added.

    Args:
        record: Task, trial, trajectory and verdict as JSON.
        tokens: How many tokens the agent wrote, if they were counted.
        world: What its task shares with others.
    """
    process = record["verdict"]["process"]
    steps = record["trajectory"]["steps"]
    return Fact(
        task=str(record["task"]),
        trial=int(record["trial"]),
        passed=bool(record["verdict"]["passed"]),
        characters=sum(len(step.get("action", step.get("action_escaped", ""))) for step in steps),
        tokens=tokens,
        calls=int(process["calls"]),
        errors=sum(process["errors"].values()),
        breaches=sum(process["breaches"].values()),
        world=world,
    )


class Forced(NamedTuple):
    """What an agent would do at each step of the oracle's path, the steps before being the oracle's.

    Attributes:
        task: Id of the task.
        steps: (the oracle's action, the agent's action) of each step.
    """

    task: str
    steps: Sequence[tuple[str, str]]


Read = Callable[[str], Sequence[tuple[str, Hashable]]]
"""What an action calls: (tool, arguments in one canonical form) of each call; empty for words."""


Hits = Mapping[str, tuple[int, int]]
"""How often something was right: task to (tries, hits)."""


def accuracies(forced: Iterable[Forced], read: Read) -> tuple[Hits, Hits]:
    """Return how often the agent selects the oracle's tools, and how often it then gives the same arguments.

    A step at which the oracle speaks is a selection too: no tool. Arguments are judged where a tool is
    due and the right ones were selected, so that one mistake is not counted twice.

    Args:
        forced: Steps of tasks; several of one task are taken together.
        read: What an action calls. An action that cannot be read calls a tool that the oracle never does.
    """
    tools: dict[str, tuple[int, int]] = {}
    arguments: dict[str, tuple[int, int]] = {}
    for task, steps in forced:
        for expected, given in steps:
            due, done = list(read(expected)), list(read(given))
            selected = [name for name, _ in due] == [name for name, _ in done]
            _count(tools, task, hit=selected)
            if due and selected:
                _count(arguments, task, hit=due == done)
    return tools, arguments


def _count(hits: dict[str, tuple[int, int]], task: str, *, hit: bool) -> None:
    tries, found = hits.get(task, (0, 0))
    hits[task] = (tries + 1, found + hit)


class TextLoss(NamedTuple):
    """How well a model predicts one text.

    Attributes:
        text: Its id.
        nats: Sum of the negative log-likelihoods of its tokens.
        tokens: How many there are.
    """

    text: str
    nats: float
    tokens: int
