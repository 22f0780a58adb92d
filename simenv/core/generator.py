"""What a domain's generator offers: worlds from addresses, tasks from worlds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from simenv.core.assembly import Address, assemble
from simenv.core.domain import Domain
from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.image import WorldImage
from simenv.core.interpreter import UnsoundError
from simenv.core.task import Task
from simenv.core.vocabulary import Vocabulary

__all__ = ["Address", "Generator"]


@dataclass(frozen=True)
class Generator:
    """How a domain's worlds and tasks are made.

    Attributes:
        domain: The domain.
        build: (address, size) to a world.
        vocabulary: What plans are made of.
    """

    domain: Domain
    build: Callable[[Address, str], WorldImage]
    vocabulary: Vocabulary

    @cached_property
    def intents(self) -> tuple[str, ...]:
        """The kinds of simple tasks."""
        return tuple(self.vocabulary.intents)

    def propose(self, image: WorldImage, intent: str, address: Address, size: str = "S") -> Task | None:
        """Return a simple task of that intent in that world, or None where the draw leads to none.

        Args:
            image: The world.
            intent: One of ``intents``.
            address: Where the task's choices are drawn.
            size: The world's size, which a task records beside the world's address.

        Raises:
            UnknownNameError: If there is no such intent.
        """
        if intent not in self.vocabulary.intents:
            raise UnknownNameError("intent", intent, self.vocabulary.intents)
        stage = self.vocabulary.stage(image)
        plan = self.vocabulary.intents[intent](stage, Draws(*address))
        if plan is None:
            return None
        try:
            return assemble(self.domain, self.vocabulary, stage, plan, address, size=size, intent=intent)
        except UnsoundError:
            return None
