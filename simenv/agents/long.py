"""Agents in a window of tokens: plain, until the prompt outgrows it, or with a memory."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from simenv.agents.protocol import Agent, Play
from simenv.episodes.chat import Message
from simenv.episodes.context import Count, Memory
from simenv.episodes.episode import Episode, Step
from simenv.episodes.window import Window


class Shown(Protocol):
    """What an honest agent reads of an episode or a window."""

    @property
    def messages(self) -> Sequence[Message]:
        """The messages that the agent is shown now."""

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that it may call now."""


Reading = Callable[[Shown], Generator[str, Step, None]]
"""An agent that reads nothing but messages and tools, so that it can look through a window."""


@dataclass(slots=True)
class Prompts:
    """What an agent has read over an episode.

    Attributes:
        turns: How often it was shown a prompt.
        tokens: All tokens of all prompts.
        longest: Those of the longest prompt that it was shown.
        fresh: Tokens that were not in the prompt before: all of a prompt after a cut, else what was appended.
        overflowed: Whether a prompt would have been beyond the budget, which ends the run.
    """

    turns: int = 0
    tokens: int = 0
    longest: int = 0
    fresh: int = 0
    overflowed: bool = False

    def add(self, tokens: int, *, before: int) -> None:
        """Count one more prompt, of which the first ``before`` tokens are those of the last one."""
        self.turns += 1
        self.tokens += tokens
        self.longest = max(self.longest, tokens)
        self.fresh += tokens - before


def in_window(
    agent: Reading,
    budget_tokens: int,
    count: Count,
    *,
    memory: Memory | None = None,
    prompts: Prompts | None = None,
) -> Agent:
    """Return ``agent`` as it plays behind a ``Window``; calls of the memory are answered there.

    Args:
        agent: Reads messages and tools only.
        budget_tokens: What its prompt may take; see ``Window``.
        count: How many tokens a message takes.
        memory: What it may do to remember.
        prompts: Filled with what it has read, if given.
    """

    def run(episode: Episode) -> Play:
        window = Window(episode, budget_tokens, count, memory=memory)
        seen, inner = prompts or Prompts(), agent(window)
        step: Step | None = None
        epoch = before = 0
        while not window.full:
            seen.add(window.context.tokens, before=before if window.epoch == epoch else 0)
            epoch, before = window.epoch, window.context.tokens
            try:
                action = next(inner) if step is None else inner.send(step)
            except StopIteration:
                return
            step = window.remember(action)
            if step is None:
                step = yield action
                window.context.hear(step.chat)
        seen.overflowed = True

    return run


def in_prompt(agent: Reading, budget_tokens: int, count: Count, *, prompts: Prompts | None = None) -> Agent:
    """Return ``agent`` as it plays with every message in its prompt, until that outgrows the budget.

    Args:
        agent: Reads messages and tools only.
        budget_tokens: What its prompt may take.
        count: How many tokens a message takes.
        prompts: Filled with what it has read, if given.
    """

    def run(episode: Episode) -> Play:
        seen, inner = prompts or Prompts(), agent(episode)
        step: Step | None = None
        tokens, read = 0, 0
        while True:
            before = tokens
            tokens += sum(map(count, episode.messages[read:]))
            read = len(episode.messages)
            if tokens > budget_tokens:
                seen.overflowed = True
                return
            seen.add(tokens, before=before)
            try:
                action = next(inner) if step is None else inner.send(step)
            except StopIteration:
                return
            step = yield action

    return run
