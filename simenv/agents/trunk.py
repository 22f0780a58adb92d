"""Playing many agents that begin alike: what they have in common is played once.

An episode is deterministic, so an agent that does what another has done gets what the other got. A ``Branch``
answers from the record of the ``Trunk`` as long as its agent repeats it, and is a fork of the trunk's episode
from the first action that differs.
"""

from typing import Any

from typing_extensions import override

from simenv.agents.protocol import Agent, earns
from simenv.episodes.episode import Episode, Step


class Trunk(Episode):
    """An episode that remembers what it was before each of its actions.

    Args:
        start: An episode of the task that nobody has played; it stays as it is.
    """

    def __init__(self, start: Episode) -> None:
        self.__dict__.update(start.fork().__dict__)
        self.actions: list[str] = []
        self.results: list[Step] = []
        self.before: list[Episode] = []

    @override
    def act(self, action: str) -> Step:
        self.before.append(self.fork())
        step = super().act(action)
        self.actions.append(action)
        self.results.append(step)
        return step


class Branch:
    """An episode for an agent of which the beginning may be on record; see the module."""

    def __init__(self, trunk: Trunk) -> None:
        self._trunk, self._at = trunk, 0
        self._own: Episode | None = None

    @property
    def now(self) -> Episode:
        """The episode as it stands."""
        if self._own is not None:
            return self._own
        return self._trunk.before[self._at] if self._at < len(self._trunk.before) else self._trunk

    def act(self, action: str) -> Step:
        """Carry out one action; see ``Episode.act``."""
        trunk, at = self._trunk, self._at
        if self._own is None and at < len(trunk.actions) and trunk.actions[at] == action:
            self._at += 1
            return trunk.results[at]
        if self._own is None:
            self._own = self.now.fork()
        return self._own.act(action)

    def __getattr__(self, name: str) -> Any:
        """Show whatever else the episode shows."""
        return getattr(self.now, name)


def passes(trunk: Trunk, agent: Agent) -> bool:
    """Whether an agent passes the trunk's task."""
    branch: Any = Branch(trunk)
    return earns(branch, agent)
