"""The numbers of a world's rules, each looked up when a judge reads it.

A judge reads two or three of some twenty-five, so this beats reading them all tenfold.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from simenv.core.rules import read_values
from simenv.core.world import World


class LiveValues(Mapping[str, int]):
    """A world's ``policy_values`` as they are now."""

    def __init__(self, world: World) -> None:
        self._world = world

    @override
    def __getitem__(self, name: str) -> int:
        found: Any = self._world.row("SELECT value FROM policy_values WHERE name = ?", name)
        if found is None:
            raise KeyError(name)
        return int(found[0])

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(read_values(self._world))

    @override
    def __len__(self) -> int:
        return len(read_values(self._world))
