"""What is asked of a sampler, and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.episodes.chat import Message
from simenv.episodes.context import Memory
from simenv.train.chat.tokens import Segment, TokenEpisode


@dataclass(frozen=True, slots=True)
class Job:
    """One rollout to be sampled.

    Attributes:
        task: What is played.
        number: Its number within the group of its task.
        hint: What a guide tells before the first turn, or "".
    """

    task: Task
    number: int
    hint: str = ""


@dataclass(slots=True)
class Rollout:
    """What was sampled.

    Attributes:
        task: What was played.
        number: Its number within the group.
        tokens: The episode as tokens, with the sampler's log-probabilities, up to the last one sampled.
        reward: The verdict's; 0 where the episode was cut off.
        reason: Why it was over: ``done``, ``max_turns``, ``max_tokens`` (a turn grew too long), ``context``.
        turns: How many turns the model took, those about memory among them.
        calls: Tool calls.
        refused: Calls that were refused, and actions that could not be read.
        verdict: The verdict, ready for JSON.
        messages: The chat, for people.
        actions: What the model did in the world, as action strings.
        guided: Whether it was told a hint that its tokens no longer show.
        earlier: Where its context was cut, the sequences of tokens before; ``tokens`` is the last one.
    """

    task: Task
    number: int
    tokens: TokenEpisode
    reward: float
    reason: str
    turns: int
    calls: int
    refused: int
    verdict: Mapping[str, Any]
    messages: Sequence[Message]
    actions: Sequence[str] = ()
    guided: bool = False
    earlier: Sequence[TokenEpisode] = ()

    @property
    def sequences(self) -> list[TokenEpisode]:
        """Every sequence of tokens that the model read, in order; mostly there is one."""
        return [*self.earlier, self.tokens]

    @property
    def sampled(self) -> int:
        """Number of tokens that the model emitted."""
        return sum(each.sampled for each in self.sequences)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        seed: Of the run.
        step: Of the run, so that a task that comes again is played anew.
        temperature: Logits are divided by it; 0 takes the likeliest token.
        room: Longest episode, in tokens.
        turn_tokens: Longest turn.
        share: Whether rollouts share a lane until they differ.
        memory: How an episode that outgrows the room goes on; None, and it is cut off.
    """

    seed: int = 0
    step: int = 0
    temperature: float = 1.0
    room: int = 1024
    turn_tokens: int = 160
    share: bool = True
    memory: Memory | None = None

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.room < 2 or self.turn_tokens < 1:
            raise UsageError(
                f"temperature is at least 0, room at least 2 and turn_tokens at least 1, got "
                f"{self.temperature}, {self.room} and {self.turn_tokens}"
            )


def without_hint(rollout: Rollout, plain: Sequence[Segment]) -> Rollout:
    """Return a rollout as it would read without its hint: the policy has to learn to do without."""
    # The hint is heard last before the header of the first turn.
    at = next(at for at, each in enumerate(plain) if each.sampled) - 1
    bare = [TokenEpisode([*each.segments[:at], *each.segments[at + 1 :]]) for each in rollout.sequences]
    rollout.earlier, rollout.tokens, rollout.guided = bare[:-1], bare[-1], True
    return rollout


def turns_of(rollout: Rollout) -> list[list[int]]:
    """Return the number of its turn, from 1, for every token that was said, sequence by sequence."""
    numbers = count(1)
    found = []
    for each in rollout.sequences:
        turns = [(next(numbers), segment) for segment in each.segments if segment.sampled]
        found.append([number for number, segment in turns for _ in segment.ids])
    return found
