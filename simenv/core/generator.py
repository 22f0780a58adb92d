"""What a domain's generator offers: worlds from addresses, tasks from worlds."""

from collections.abc import Callable
from dataclasses import dataclass

from simenv.core.image import WorldImage
from simenv.core.task import Task

Address = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Generator:
    """How a domain's worlds and atomic tasks are made.

    Attributes:
        build: (address, size) to a world.
        intents: Kinds of atomic tasks.
        propose: (world, intent, address of the task, size) to a task, or None where there is none.
    """

    build: Callable[[Address, str], WorldImage]
    intents: tuple[str, ...]
    propose: Callable[[WorldImage, str, Address, str], Task | None]
