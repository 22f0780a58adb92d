"""What the laws are tried on: a domain with some of its worlds, tasks and played episodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from simenv.agents.oracle import Manner, oracle
from simenv.agents.protocol import StuckError, play
from simenv.core import catalog
from simenv.core.canonical import canonical, digest
from simenv.core.derive import Outcome, derive
from simenv.core.domain import Domain
from simenv.core.errors import SimenvError, UsageError
from simenv.core.generator import Address, Generator
from simenv.core.image import WorldImage
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.core.world import State
from simenv.episodes import pool
from simenv.episodes.episode import Episode

SIZE = "S"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Broken:
    """One place where a law does not hold: the address it is found at, and what is wrong there."""

    address: Address
    witness: str


class LawError(SimenvError, AssertionError):
    """A domain breaks a law.

    Attributes:
        law: Name of the law, a function of ``simenv.testing``.
        broken: Where, and the witness.
    """

    def __init__(self, law: str, broken: Broken) -> None:
        self.law, self.broken = law, broken
        super().__init__(f"{law.replace('_', ' ')}: not so at {broken.address}: {broken.witness}")


@dataclass(frozen=True, eq=False)
class Trial:
    """A task, where it was drawn, and its world."""

    address: Address
    task: Task
    image: WorldImage

    @cached_property
    def run(self) -> Episode:
        """The oracle's finished episode.

        Raises:
            StuckError: If the oracle cannot go on.
            UsageError: If the program is unsound in this world.
        """
        return play(Episode(self.task), oracle())

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The oracle's actions."""
        return tuple(step.action for step in self.run.trajectory().steps)

    @cached_property
    def outcome(self) -> Outcome:
        """What the program comes to."""
        world = self.image.open()
        try:
            return derive(self.task.program, catalog.domain(self.task.domain), world, setup=self.task.setup)
        finally:
            world.close()

    @property
    def start(self) -> State:
        """The state in which its episode starts: its world, with what the task sets up."""
        return Episode(self.task).snapshot().progress.state.copy()

    def offering(self, lookalikes: Sequence[Tool]) -> Task:
        """Return the task with look-alike tools beside the domain's own."""
        return self.task.model_copy(update={"extras": [tool.name for tool in lookalikes]})

    def passes(self, manner: Manner) -> bool:
        """Whether an oracle of that manner passes; one that cannot go on does not."""
        try:
            return play(Episode(self.task), oracle(manner)).verdict().passed
        except (StuckError, UsageError):
            return False

    def played(self, actions: tuple[str, ...]) -> Episode:
        """Return a fresh episode after these actions, or after those that it took to end it."""
        episode = Episode(self.task)
        for action in actions:
            if not episode.done:
                episode.act(action)
        return episode


@dataclass(frozen=True, eq=False)
class Sample:
    """A domain and what of it is tried.

    Attributes:
        domain: The domain.
        generator: Its generator.
        images: Some of its worlds, at ``(name, "law", 0)`` and so on.
        trials: Some of its tasks, at the address of a world, then the intent and a number.
        shape: How many worlds and tasks of each intent were asked for.
    """

    domain: Domain
    generator: Generator
    images: tuple[WorldImage, ...]
    trials: tuple[Trial, ...]
    shape: tuple[int, int]

    @staticmethod
    def draw(name: str, *, worlds: int = 3, tasks_per_intent: int = 3) -> "Sample":
        """Draw worlds, and tasks of every intent over these worlds in turn."""
        generator: Generator = catalog.generator(name)
        images = tuple(pool.image(name, (name, "law", number), SIZE) for number in range(worlds))
        trials: list[Trial] = []
        for intent in generator.intents:
            found: list[Trial] = []
            for number in range(_TRIES * tasks_per_intent):
                if len(found) == tasks_per_intent:
                    break
                image = images[number % worlds]
                address = (*image.address, intent, number)
                if (task := generator.propose(image, intent, address, SIZE)) is not None:
                    found.append(Trial(address, task, image))
            trials.extend(found)
        return Sample(catalog.domain(name), generator, images, tuple(trials), (worlds, tasks_per_intent))

    def fingerprint(self) -> str:
        """Return one digest of all worlds, tasks and oracle episodes."""
        played = [[trial.task.id, trial.run.digest] for trial in self.trials]
        return digest(canonical([[image.digest for image in self.images], played]))
