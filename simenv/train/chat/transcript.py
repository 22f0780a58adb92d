"""An episode as the sequences of tokens that a model reads: one, or a new one after each cut of its context.

Without a memory an episode is one sequence that only grows. With one (``simenv.episodes.context``) what is
shown is rewritten now and then: older turns become a line each. What stays whole is written with the ids that
were sampled, but as something read: it was said, and is taught, in the sequence before.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from simenv.episodes.chat import Message
from simenv.episodes.context import RECALL, Context, Memory
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import Segment, TokenEpisode, said


class Transcript:
    """What a model has read and said so far.

    Args:
        family: Writes it.
        opening: The messages at reset, the policy first.
        tools: Schemas of the episode's tools.
        memory: What may be done to remember; None for one sequence that is never cut.
        budget_tokens: With a memory, what the model may be shown: its room less the longest turn.

    Attributes:
        tokens: The sequence that the model reads now.
        earlier: Those before it.

    Raises:
        OpeningError: If the opening leaves a memory no room.
    """

    __slots__ = ("_context", "_family", "_tools", "_turns", "earlier", "tokens")

    def __init__(
        self,
        family: Family,
        opening: Sequence[Message],
        tools: Sequence[dict[str, Any]],
        *,
        memory: Memory | None = None,
        budget_tokens: int = 0,
    ) -> None:
        self._family, self._tools = family, list(tools)
        self._turns: list[tuple[Segment, Sequence[Segment]]] = []
        self._context: Context | None = None
        self.earlier: tuple[TokenEpisode, ...] = ()
        if memory is not None:
            self._tools += memory.tools
            count = counter(family, opening, self._tools)
            self._context = Context(opening, budget_tokens, count, memory=memory)
            opening = self._context.view
        self.tokens = TokenEpisode(family.start(opening, self._tools))

    @property
    def sequences(self) -> tuple[TokenEpisode, ...]:
        """Every sequence, the present one last."""
        return (*self.earlier, self.tokens)

    @property
    def spoken(self) -> list[TokenEpisode]:
        """Sequences in which anything was said, up to the last sampled token; an empty one if none."""
        return [each for each in map(said, self.sequences) if each.sampled] or [TokenEpisode()]

    @property
    def full(self) -> bool:
        """Whether not even the last turn fits the budget of the memory."""
        return self._context is not None and self._context.full

    def fork(self) -> "Transcript":
        """Return an independent transcript that goes on from here."""
        other: Transcript = Transcript.__new__(Transcript)
        other._family, other._tools, other._turns = self._family, self._tools, list(self._turns)
        other._context = self._context.fork() if self._context else None
        other.earlier, other.tokens = self.earlier, self.tokens.fork()
        return other

    @property
    def can_recall(self) -> bool:
        """Whether one more recall would be answered."""
        return self._context is not None and self._context.used[RECALL] < self._context.memory.recalls

    def missing(self, values: Iterable[str]) -> dict[str, tuple[int, int] | None]:
        """Return which values do not stand in view, and step and part of the message that holds each, if any.

        Until something was cut nothing is missing: all that was heard is in view.
        """
        context = self._context
        if context is None or not context.epoch:
            return {}
        return {value: context.find(value) for value in values if not context.shows(value)}

    def say(self, segment: Segment) -> None:
        """Write a turn of the model down."""
        self.tokens.append(segment)

    def answer(self, action: str) -> Sequence[int] | None:
        """Answer the turn that was just said, if it is only about memory.

        Returns:
            The ids to be read next, as for ``hear``; None if the turn is for the environment.
        """
        if self._context is None:
            return None
        epoch, own = self._context.epoch, self.tokens.segments[-1]
        chat = self._context.answer(action, said=len(own.ids))
        return None if chat is None else self._go_on(own, chat, epoch)

    def hear(self, chat: Sequence[Message]) -> Sequence[int]:
        """Write down what the turn that was just said has brought.

        Args:
            chat: Messages, the model's own first.

        Returns:
            The ids to be read next: what is new, or all of them if ``restarted``.
        """
        own, epoch = self.tokens.segments[-1], 0
        if self._context is not None:
            epoch = self._context.epoch
            self._context.hear(chat, said=len(own.ids))
        return self._go_on(own, chat, epoch)

    @property
    def restarted(self) -> bool:
        """Whether nothing was said yet in the present sequence, and there are earlier ones."""
        return bool(self.earlier) and not self.tokens.sampled

    def _go_on(self, own: Segment, chat: Sequence[Message], epoch: int) -> Sequence[int]:
        heard = self._family.heard(chat[1:])
        if self._context is None:
            self.tokens.append(*heard)
            return TokenEpisode(heard).ids
        self._turns.append((own, heard))
        if self._context.epoch == epoch:
            self.tokens.append(*heard)
            return TokenEpisode(heard).ids
        self.earlier = (*self.earlier, self.tokens)
        self.tokens = TokenEpisode(self._shown(self._context))
        return self.tokens.ids

    def _shown(self, context: Context) -> Iterable[Segment]:
        """Yield the rewritten context; the turns that stand in it whole keep their ids."""
        yield from self._family.start(context.view[: context.head], self._tools)
        for at in context.whole:
            own, heard = self._turns[at]
            yield Segment(own.role, own.ids, sampled=False)
            yield from heard


def counter(
    family: Family, opening: Sequence[Message], tools: Sequence[dict[str, Any]]
) -> Callable[[Message], int]:
    """Return a count of the tokens of a message that is never below what a family takes for it.

    Exact for the opening and for a single message that is heard; of several that are heard at once each is
    counted with the header of the turn that follows. The model's own turns are known and need no count.
    """
    body = family.codec.body

    def heard(message: Message) -> int:
        return len(TokenEpisode(family.heard([message])))

    whole = len(TokenEpisode(family.start(opening, tools)))
    around = whole - len(body(opening[0]["content"])) - sum(map(heard, opening[1:]))

    def count(message: Message) -> int:
        return around + len(body(message["content"])) if message["role"] == "system" else heard(message)

    return count
