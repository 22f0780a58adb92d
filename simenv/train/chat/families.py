"""Chat families: how episodes are written for a kind of checkpoint.

A family appends turns and never renders what it has rendered before, so the model's own tokens stay as
they were sampled. What ends a turn belongs to who emits it: the stop token to the model, the line break
after it to whoever comes next.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from simenv.core.errors import UsageError
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec
from simenv.train.chat.family_llama3 import Llama3
from simenv.train.chat.family_plain import Plain
from simenv.train.chat.family_qwen3 import Qwen3
from simenv.train.chat.tokens import Segment


class Family(Protocol):
    """What trainers and samplers ask of a chat family."""

    name: str
    codec: Codec
    stops: frozenset[int]
    """Ids which end a turn of the assistant; they are part of what is sampled."""

    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        """Return what the model reads before its first turn, the header of that turn last."""

    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        """Return what a turn brought, from right after its stop token, and the header of the next turn."""

    def turn(self, action: str) -> Segment:
        """Return a demonstration's turn for an action string: exactly what a model would sample."""

    def action(self, ids: Sequence[int]) -> str:
        """Return the action that sampled ids mean, with or without the stop token. Never raises."""


FAMILIES: tuple[type[Plain] | type[Qwen3] | type[Llama3], ...] = (Plain, Qwen3, Llama3)


def family_of(codec: Codec, *, thinking: bool = True) -> Family:
    """Return the family of a checkpoint, known by its control tokens.

    Args:
        codec: The checkpoint's codec.
        thinking: Whether turns may begin with reasoning, where the family can do without.

    Raises:
        UsageError: If they are no family's; it names those that are known.
    """
    for kind in FAMILIES:
        if all(token in codec.controls for token in kind.needs):
            return Qwen3(codec, thinking=thinking) if kind is Qwen3 else kind(codec)
    known = "; ".join(f"{kind.name} ({' '.join(kind.needs)})" for kind in FAMILIES)
    found = " ".join(sorted(codec.controls)[:12]) or "none"
    raise UsageError(f"the control tokens are no chat family's. Known: {known}. The tokenizer has: {found}.")
