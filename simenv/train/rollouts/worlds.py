"""Where a sampler's episodes are played: in this process, forked as lanes fork, or in worker processes."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from typing_extensions import override

from simenv.core.task import Task
from simenv.episodes.chat import Message
from simenv.episodes.episode import Episode
from simenv.train.rollouts.workers import EnvPool


class Heard(NamedTuple):
    """What one action brought.

    Attributes:
        chat: Messages, the model's own first.
        reward: The verdict's, at the end.
        terminated: Whether the conversation is over.
        done: Whether the episode is.
        calls: Tool calls that were made.
        refused: How many were refused, or 1 for an action that could not be read.
    """

    chat: Sequence[Message]
    reward: float
    terminated: bool
    done: bool
    calls: int
    refused: int


class Worlds:
    """Episodes in this process, by lane. A fork costs microseconds.

    Args:
        face: How things are shown.
    """

    def __init__(self, *, face: str = "compact") -> None:
        self.face = face
        self._episodes: dict[int, Episode] = {}

    def open(self, lane: int, task: Task) -> tuple[Sequence[Message], list[dict[str, Any]]]:
        """Start an episode and return its first messages and its tools."""
        episode = self._episodes[lane] = Episode(task, face=self.face)
        return list(episode.messages), episode.tools

    def fork(self, lane: int, other: int) -> None:
        """Let another lane go on from where one stands."""
        self._episodes[other] = self._episodes[lane].fork()

    def step(self, actions: Mapping[int, str]) -> dict[int, Heard]:
        """Act in each of these lanes."""
        return {lane: self._act(self._episodes[lane], action) for lane, action in actions.items()}

    def _act(self, episode: Episode, action: str) -> Heard:
        step = episode.act(action)
        record = episode.steps[-1]
        refused = sum(bool(call.error) for call in record.calls) + (bool(step.error) and not record.calls)
        done = step.terminated or step.truncated
        return Heard(step.chat, step.reward, step.terminated, done, len(record.calls), refused)

    def close(self, lane: int) -> tuple[Mapping[str, Any], Sequence[Message]]:
        """Forget an episode and return its verdict as it stands and its chat."""
        episode = self._episodes.pop(lane)
        return episode.verdict().to_json(), list(episode.messages)


class PooledWorlds(Worlds):
    """Episodes in worker processes, stepped in batches: for worlds that wait.

    A lane that forks is played again from its beginning in its own place, as a lost worker's episodes are.

    Args:
        pool: The workers; closing it is up to whoever made it.
    """

    def __init__(self, pool: EnvPool[int]) -> None:
        super().__init__()
        self.pool = pool
        self._keys: dict[int, int] = {}
        self._tasks: dict[int, Task] = {}
        self._actions: dict[int, list[str]] = {}
        self._chats: dict[int, list[Message]] = {}
        self._verdicts: dict[int, Mapping[str, Any]] = {}
        self._numbers = count()

    @override
    def open(self, lane: int, task: Task) -> tuple[Sequence[Message], list[dict[str, Any]]]:
        """Start an episode in a worker."""
        key = self._keys[lane] = next(self._numbers)
        opening = self.pool.open([(key, task)])[key]
        self._tasks[lane], self._actions[lane] = task, []
        self._chats[lane] = list(opening.chat)
        return opening.chat, opening.tools

    @override
    def fork(self, lane: int, other: int) -> None:
        """Play the same actions in an episode of its own."""
        self.open(other, self._tasks[lane])
        for action in self._actions[lane]:
            self.step({other: action})

    @override
    def step(self, actions: Mapping[int, str]) -> dict[int, Heard]:
        """Act in each of these lanes, one message to each worker."""
        if not actions:
            return {}
        found = self.pool.step({self._keys[lane]: action for lane, action in actions.items()})
        heard = {}
        for lane, action in actions.items():
            step = found[self._keys[lane]]
            self._actions[lane].append(action)
            self._chats[lane] += step.chat
            if step.verdict is not None:
                self._verdicts[lane] = step.verdict
            heard[lane] = Heard(step.chat, step.reward, step.terminated, step.done, step.calls, step.refused)
        return heard

    @override
    def close(self, lane: int) -> tuple[Mapping[str, Any], Sequence[Message]]:
        """Close an episode in its worker."""
        key = self._keys.pop(lane)
        verdict = self._verdicts.pop(lane, None)
        if verdict is None:
            verdict = self.pool.drop([key])[key]
        return verdict, self._chats.pop(lane)
