"""What is practised next: two ways to turn weaknesses into tasks, and both without them, as a control.

*Grown* tasks are certified: a failure is attributed to the ability that was missing, and the operators that
call for weak and learnable abilities are tried more often (``simenv.synth.focus``). *Lessons* are ungrown
tasks of named intents for decoders that solve no grown task yet: the intents stand where the operators stand,
by the same rules, ``w p(1 - p)`` with one fifth uniform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from simenv.core import catalog
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.pack import write_pack
from simenv.core.task import Task
from simenv.envs.registration import IDS
from simenv.episodes import pool
from simenv.synth.focus import focus_of
from simenv.synth.grow import operators
from simenv.synth.order import UNIFORM, Order
from simenv.synth.store import produce
from simenv.synth.stream import PREFIX, read_spec
from simenv.train.loop.config import LoopConfig
from simenv.train.loop.study import Study
from simenv.train.tasks import SIMPLE, Simple

NEUTRAL, _MOST = 4, 24
_APART = 100_000
"""So many tasks lie between those of two rounds; the first of them are the beginning's."""


class Practice(Protocol):
    """What one round practises."""

    @property
    def weights(self) -> Mapping[str, int]:
        """What tasks are made by to how often it is tried; 4 is as ever."""

    def write(self, path: Path) -> None:
        """Write the tasks as a pack; a file that is there is whole."""


class Synthesizer(Protocol):
    """Turns what is known of a policy into the next round's practice."""

    def choose(self, study: Study | None, number: int) -> Practice:
        """Return the practice of a round; without a study, tasks are drawn uniformly."""


# Certified tasks, by ability


@dataclass(frozen=True, slots=True)
class GrownPractice:
    """An order of certified tasks."""

    order: Order
    number: int

    @property
    def weights(self) -> Mapping[str, int]:
        """Operator to weight."""
        generator = catalog.generator(self.order.domain)
        names = self.order.operators or operators(generator.vocabulary, generator.domain)
        return dict.fromkeys(names, NEUTRAL) | dict(self.order.weights)

    def write(self, path: Path) -> None:
        """Make and prove the tasks."""
        produce(self.order, path, command=f"simenv loop, round {self.number}")


class Grown:
    """Certified tasks, their operators chosen by the abilities that are weak and learnable.

    Args:
        order: What tasks are like: domain, depths, breadths, size.
        seed: Of the loop.
    """

    def __init__(self, order: Order, seed: int) -> None:
        self.order, self.seed = order, seed

    def choose(self, study: Study | None, number: int) -> GrownPractice:
        """Return an order with the weights that follow from the profile of skills."""
        order = replace(self.order, seed=(self.seed * 1000 + number) * 1000 + self.order.seed)
        if study is None:
            return GrownPractice(order, number)
        generator = catalog.generator(order.domain)
        known = operators(generator.vocabulary, generator.domain)
        focus, weights = focus_of(study.profile, [study.run], known, order.split)
        return GrownPractice(replace(order, focus=focus, weights=weights), number)


# Lessons, by intent


@dataclass(frozen=True, slots=True)
class LessonPractice:
    """Ungrown tasks of intents in a drawn order.

    Attributes:
        source: Where they come from.
        intents: Of each task.
        first: From which place on tasks are fresh.
        weights: Intent to weight.
    """

    source: Simple
    intents: Sequence[str]
    first: int
    weights: Mapping[str, int]

    def tasks(self) -> list[Task]:
        """Return the tasks, in worlds that no other round has."""
        names = list(self.weights)
        places = [(self.first + at) * len(names) + names.index(name) for at, name in enumerate(self.intents)]
        return [self.source.at(place) for place in places]

    def write(self, path: Path) -> None:
        """Make the tasks."""
        tasks = self.tasks()
        domain = self.source.domain
        addresses = list(dict.fromkeys((tuple(task.world), task.size) for task in tasks))
        worlds = [
            {"address": list(address), "size": size, "digest": pool.image(domain, address, size).digest}
            for address, size in addresses
        ]
        part = path.with_name(f"new-{path.name}")
        write_pack(part, {"domain": domain, "split": self.source.split, "worlds": worlds}, tasks)
        part.replace(path)


class Lessons:
    """Ungrown tasks of named intents, chosen by how weak and learnable each intent is.

    Args:
        domain: The domain.
        intents: Names of intents.
        count: Tasks of a round.
        seed: Of the loop.
    """

    def __init__(self, domain: str, intents: Sequence[str], count: int, seed: int) -> None:
        self.source = Simple(domain, intents, "train")
        self.count, self.seed = count, seed

    def choose(self, study: Study | None, number: int) -> LessonPractice:
        """Return a mix of intents: weighted, with one fifth uniform; all uniform without a study."""
        names = list(self.source.intents)
        weights = dict.fromkeys(names, NEUTRAL) | (lesson_weights(study) if study is not None else {})
        weights = {name: weights[name] for name in names}
        intents = []
        for at in range(self.count):
            draws = Draws("lesson", self.seed, number, at)
            if study is None or draws.at("way").below(100) < UNIFORM:
                # In turn, so that no intent is left out by chance.
                intents.append(names[at % len(names)])
            else:
                intents.append(draws.at("intent").weighted(names, list(weights.values())))
        first = (self.seed * 1000 + number) * _APART
        return LessonPractice(self.source, intents, first, weights)


def lesson_weights(study: Study) -> dict[str, int]:
    """Return how often each intent is drawn: in proportion to weakness times learnability.

    The most rewarding intent has 24; one that always or never works has 1. Where nothing is learnable at
    present, no intent is preferred.
    """
    most = max((topic.worth for topic in study.topics), default=0.0)
    if not most:
        return {}
    return {topic.name: max(1, int(_MOST * topic.worth / most + 0.5)) for topic in study.topics}


def synthesizer_of(config: LoopConfig) -> Synthesizer:
    """Return what makes the tasks that a config names.

    Raises:
        UsageError: If they cannot be made to measure.
        UnknownNameError: If there is no such environment, setting or intent.
    """
    domain = IDS.get(config.env, config.env)
    if config.tasks.startswith(SIMPLE):
        intents = config.tasks.removeprefix(SIMPLE).split("+")
        return Lessons(domain, intents, config.made, config.seed)
    if config.tasks.startswith(PREFIX):
        order = replace(read_spec(domain, config.tasks, "train"), count=config.made)
        return Grown(order, config.seed)
    raise UsageError(
        f"a loop makes its tasks: tasks is synth:KEY=VALUE,... or simple:INTENT+INTENT, got {config.tasks!r}"
    )
