"""What all chat families share: a turn is written so that reading it back gives the same action."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from simenv.episodes.actions import Action, parse
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec, Part
from simenv.train.chat.tokens import Segment


class Turns(ABC):
    """Turns of the assistant in one family.

    Args:
        codec: The codec of the checkpoint.
        end: The control token which ends a turn.

    Attributes:
        codec: The codec of the checkpoint.
        stops: Ids which end a turn of the assistant; they are part of what is sampled.
    """

    name: str
    needs: tuple[str, ...]
    """Control tokens by which a checkpoint of this family is known."""

    def __init__(self, codec: Codec, end: str) -> None:
        self.codec = codec
        self._end = codec.special(end)
        self.stops = frozenset({self._end})

    @abstractmethod
    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        """Return what the model reads before its first turn, the header of that turn last."""

    @abstractmethod
    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        """Return what a turn brought, from right after its stop token, and the header of the next turn."""

    @abstractmethod
    def _calls(self, parsed: Action) -> Sequence[Part] | None:
        """Return calls as this family writes them, or None where it has no form for them."""

    @abstractmethod
    def action(self, ids: Sequence[int]) -> str:
        """Return the action that sampled ids mean, with or without the stop token. Never raises."""

    def turn(self, action: str) -> Segment:
        """Return the turn of the assistant that an action string is: exactly what a model would sample.

        What the family has no form for, such as malformed JSON, is written as it stands.
        """
        parsed = parse(action)
        parts = self._calls(parsed) if parsed.calls else [action if parsed.error else parsed.words]
        ids = self.codec.compose([*(parts or [action]), self._end])
        if _meant(parse(self.action(ids))) != _meant(parsed):
            ids = self.codec.compose([action, self._end])
        return Segment("assistant", tuple(ids), sampled=True)

    def _spoken(self, ids: Sequence[int]) -> list[int]:
        """Return sampled ids without the stop token."""
        return list(ids[:-1] if ids and ids[-1] in self.stops else ids)


def _meant(parsed: Action) -> tuple[object, ...]:
    """Return all of an action but call ids, which no family writes."""
    return [call[:2] for call in parsed.calls], parsed.words, parsed.aside, parsed.error


def who(message: Message) -> str:
    """Return whose words a message holds: its role, or ``"environment"``."""
    return "environment" if message.get("name") == "environment" else str(message["role"])


def split(ids: Sequence[int], at: int) -> list[list[int]]:
    """Split ids at every occurrence of one.

    Example:
        >>> split([1, 0, 2, 3, 0], at=0)
        [[1], [2, 3], []]
    """
    pieces: list[list[int]] = [[]]
    for token in ids:
        if token == at:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces
