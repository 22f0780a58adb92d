"""An episode seen through a window: the same world and customer, a view that fits a budget of tokens."""

from collections.abc import Sequence
from typing import Any

from simenv.core.errors import UsageError
from simenv.core.trajectory import StepRecord, Trajectory
from simenv.episodes.chat import Message
from simenv.episodes.context import Context, Count, Memory
from simenv.episodes.episode import Episode, Step
from simenv.scoring.verify import Verdict


class Window:
    """An episode whose ``messages`` never take more than a budget; see ``Context``.

    It plays as an episode does. Calls of ``recall`` and ``note`` cost none of its steps and leave no trace in
    its digest chain, which is that of the episode alone for the same actions.

    Args:
        episode: A fresh episode.
        budget_tokens: What the messages may take, at most: the window less the longest answer.
        count: How many tokens a message takes in a prompt.
        memory: What the agent may do to remember.

    Raises:
        UsageError: If the episode has begun, its tools bear the names of memory tools, or the opening alone
            takes more than half of the budget.
    """

    def __init__(
        self, episode: Episode, budget_tokens: int, count: Count, *, memory: Memory | None = None
    ) -> None:
        if episode.steps:
            raise UsageError(f"a window opens on a fresh episode; this one has {len(episode.steps)} steps")
        self.episode = episode
        self.context = Context(episode.messages, budget_tokens, count, memory=memory)
        named = {schema["function"]["name"] for schema in episode.tools}
        for schema in self.context.tools:
            name = schema["function"]["name"]
            if name in named:
                raise UsageError(f"the domain has a tool {name!r} of its own; turn that of the memory off")

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the agent is shown now."""
        return self.context.view

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The episode's tool schemas and those of the memory."""
        return [*self.episode.tools, *self.context.tools]

    @property
    def epoch(self) -> int:
        """How often the messages were rewritten.

        While it stays the same, messages are only appended, and so are the tokens of a prompt. Each epoch is
        a sequence of its own for training: what it repeats of an earlier one is prompt there, not sampled.
        """
        return self.context.epoch

    @property
    def full(self) -> bool:
        """Whether not even the last turn fits; the agent can go no further."""
        return self.context.full

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.episode.done

    @property
    def steps(self) -> Sequence[StepRecord]:
        """The record of what was done in the environment."""
        return self.episode.steps

    @property
    def digest(self) -> str:
        """The episode's digest chain."""
        return self.episode.digest

    def act(self, action: str) -> Step:
        """Carry out one action, in the memory or in the environment.

        Raises:
            UsageError: If the episode is over, or ``action`` is not a string.
        """
        step = self.remember(action)
        if step is None:
            step = self.episode.act(action)
            self.context.hear(step.chat)
        return step

    def remember(self, action: str) -> Step | None:
        """Answer an action that is only about memory; None if it is for the environment.

        Raises:
            UsageError: If the episode is over, or ``action`` is not a string.
        """
        if self.done:
            raise UsageError("the episode is over; open another")
        if not isinstance(action, str):
            raise UsageError(f"an action is a string, got {type(action).__name__}")
        chat = self.context.answer(action)
        if chat is None:
            return None
        results = tuple(message["content"] for message in chat[1:])
        failed = next((text for text in results if text.startswith("error ")), "")
        code = failed.removeprefix("error ").partition(":")[0]
        return Step(
            observation="\n".join(results),
            chat=chat,
            reward=0.0,
            terminated=False,
            truncated=False,
            error=code,
            digest=self.digest,
            results=results,
        )

    def verdict(self) -> Verdict:
        """Return the verdict on the episode so far."""
        return self.episode.verdict()

    def trajectory(self) -> Trajectory:
        """Return the record of the episode so far; calls of the memory stand nowhere in it."""
        return self.episode.trajectory()
