"""Where tasks come from: packs, endless certified tasks, and simple tasks of named intents."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.pack import SPLITS, bundled, read_pack
from simenv.core.task import Task
from simenv.envs.registration import IDS
from simenv.episodes import pool
from simenv.synth.stream import PREFIX, Endless, read_spec

SIMPLE = "simple:"
_PER_WORLD = 8


class Source(Protocol):
    """Tasks by number; the same number gives the same task everywhere."""

    @property
    def domain(self) -> str:
        """The domain of every task."""

    def at(self, index: int) -> Task:
        """Return task ``index``."""


class Simple:
    """Ungrown tasks of named intents, the intents in turn: for lessons, not for judging agents.

    They are proved solvable by the oracle that made them; no certificate says that cheats earn nothing.

    Args:
        domain: Name of the domain.
        intents: Names of simple intents.
        split: The worlds' split; splits share no world.
    """

    def __init__(self, domain: str, intents: Sequence[str], split: str) -> None:
        self.domain, self.intents, self.split = domain, tuple(intents), split
        self._generator = catalog.generator(domain)
        for intent in self.intents:
            if intent not in self._generator.intents:
                raise UnknownNameError("intent", intent, self._generator.intents)

    def at(self, index: int) -> Task:
        """Return task ``index``; a draw that leads to none is drawn again elsewhere in its world."""
        # Neighbours are of different worlds, so that no batch is of one world alone.
        block, within = divmod(index, _PER_WORLD * _PER_WORLD)
        place, world = divmod(within, _PER_WORLD)
        world += block * _PER_WORLD
        address = (self.domain, self.split, "simple", world)
        image = pool.image(self.domain, address, "S")
        intent = self.intents[index % len(self.intents)]
        for attempt in range(64):
            task: Task | None = self._generator.propose(image, intent, (*address, "task", place, attempt))
            if task is not None and (task.plan is None or _named(task)):
                return task
        raise UsageError(f"world {address} gives no simple task of intent {intent!r}; take another intent")


def _named(task: Task) -> bool:
    """Whether the customer names the reservation by its id, so that no search is needed."""
    opening = task.card.opening
    codes = [word.strip("().,?!:;'\"") for word in opening.split()]
    return task.intent == "balance_total" or any(
        len(code) == 6 and code.isalnum() and code.isupper() for code in codes
    )


def source_of(env: str, spec: str, *, split: str = "train") -> Source:
    """Return the tasks that a config names.

    Args:
        env: The environment, or its domain.
        spec: ``"train"``, ``"test"`` (bundled), a pack file, ``"synth:..."`` or ``"simple:A+B"``.
        split: The worlds of tasks that are made on demand.

    Raises:
        UnknownNameError: If there is no such environment or intent.
        UsageError: If the spec is malformed.
        DataError: If a file is no pack.
    """
    domain = IDS.get(env, env)
    if domain not in catalog.ENTRIES:
        raise UnknownNameError("environment", env, [*IDS, *catalog.ENTRIES])
    if spec.startswith(PREFIX):
        return Endless(read_spec(domain, spec, split))
    if spec.startswith(SIMPLE):
        return Simple(domain, spec.removeprefix(SIMPLE).split("+"), split)
    pack = bundled(domain, spec) if spec in SPLITS else read_pack(Path(spec))
    if pack.domain != domain:
        raise UsageError(f"{spec} holds tasks of domain {pack.domain!r}, not of {domain!r}")
    return pack
