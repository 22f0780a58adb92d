"""Making packs of atomic tasks: drawn, proved by playing, shuffled, written.

A task enters a pack only if the oracle earns 1 on it without a breach and the idle agent earns
nothing. What is turned away is counted by reason.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simenv.agents.oracle import oracle
from simenv.agents.protocol import StuckError, play
from simenv.core import catalog
from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.episodes.episode import Episode

Progress = Callable[[int], object]


@dataclass(slots=True)
class Batch:
    """Tasks made and reasons why others were not.

    Attributes:
        tasks: In pack order.
        rejected: Reason to count.
    """

    tasks: list[Task] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    _programs: set[str] = field(default_factory=set)
    _answers: set[str | int] = field(default_factory=set)

    def repeats(self, task: Task) -> str:
        """Return what of ``task`` the batch has already, or ""; a task without that counts as seen.

        A task that is nothing but a question must have an answer of its own, or whoever gives the
        most frequent answer passes it.
        """
        answers = set() if task.goal.required else set(task.goal.answers.values())
        if task.program.digest() in self._programs:
            return "duplicate program"
        if not answers.isdisjoint(self._answers):
            return "duplicate answer"
        self._programs.add(task.program.digest())
        self._answers |= answers
        return ""


def make(
    domain: str,
    split: str,
    *,
    worlds: int,
    tasks: int,
    size: str = "S",
    only: int | None = None,
    progress: Progress = lambda count: None,
) -> Batch:
    """Make ``tasks`` tasks over ``worlds`` worlds, intents in turn, in a shuffled order.

    Args:
        domain: Name of the domain.
        split: First part of the worlds' addresses after the domain.
        worlds: How many worlds share the tasks.
        tasks: How many tasks in all.
        size: Size of the worlds.
        only: Make the tasks of the first worlds only, to check a pack quickly.
        progress: Called with 1 for every task made.

    Raises:
        UsageError: If a world gives no more tasks than the pack has; ask for more worlds.
    """
    batch = Batch()
    for number in range(worlds if only is None else only):
        share = tasks * (number + 1) // worlds - tasks * number // worlds
        _fill(batch, domain, (domain, split, number), size, share, progress)
    batch.tasks = Draws(domain, split, "order").shuffled(batch.tasks)
    return batch


def _fill(
    batch: Batch, domain: str, address: tuple[str | int, ...], size: str, share: int, progress: Progress
) -> None:
    """Add ``share`` proved tasks of one world."""
    made = 0
    for task in _proposals(batch, domain, address, size, 40 * share):
        if made == share:
            return
        reason = batch.repeats(task) or fault(task)
        if reason:
            batch.rejected[reason] += 1
            continue
        made += 1
        batch.tasks.append(task)
        progress(1)
    if made < share:
        raise UsageError(f"world {address} gives {made} of {share} tasks; ask for more worlds")


def _proposals(
    batch: Batch, domain: str, address: tuple[str | int, ...], size: str, limit: int
) -> Iterator[Task]:
    generator = catalog.generator(domain)
    image = pool.image(domain, address, size)
    # Each world starts its turn of intents elsewhere, so that no intent is favoured by the last round.
    intents = Draws(*address, "intents").shuffled(generator.intents)
    for number in range(limit):
        intent = intents[number % len(intents)]
        task = generator.propose(image, intent, (*address, "task", intent, number), size)
        if task is None:
            batch.rejected[f"no {intent} here"] += 1
        else:
            yield task


def fault(task: Task) -> str:
    """Return why a task must not be used, or "": it is played by the oracle and by the idle agent."""
    episode = Episode(task)
    try:
        verdict = play(episode, oracle()).verdict()
    except StuckError:
        return "oracle stuck"
    if not verdict.passed:
        return f"oracle fails: {verdict.reason.split(',')[0]}"
    if verdict.process.breaches:
        return f"oracle breaches {min(verdict.process.breaches)}"
    if play(Episode(task), lambda episode: iter_nothing()).verdict().passed:
        return "idle passes"
    return ""


def iter_nothing() -> Any:
    """Play nothing at all."""
    yield from ()


def header(domain: str, split: str, batch: Batch, command: str) -> dict[str, Any]:
    """Return the head of the pack: its worlds with digests, and the command that made it."""
    places = {canonical([task.size, task.world]): task for task in batch.tasks}
    worlds = [
        {
            "address": list(task.world),
            "size": task.size,
            "digest": pool.image(domain, tuple(task.world), task.size).digest,
        }
        for _, task in sorted(places.items())
    ]
    return {
        "domain": domain,
        "split": split,
        "env_version": catalog.domain(domain).version,
        "worlds": worlds,
        "command": command,
    }
