"""The plain chat family, for small decoders trained from nothing: one token for each thing that is not text.

    <|system|> policy <|user|> opening <|assistant|>            what the model reads
    <|call|> get_user_details {"user_id":"..."} <|end|>         what it says
    <|tool|> result <|assistant|>                               what it hears

(without the blanks beside control tokens). Tools are not listed: the policy of the compact face names them.
"""

import re
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from simenv.core.canonical import canonical
from simenv.episodes.actions import Action
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec, Part
from simenv.train.chat.tokens import Segment
from simenv.train.chat.turns import Turns, split, who
from simenv.train.chat.writing import action_of, compact, is_json, refused

CONTROLS = (
    "<|pad|>",
    "<|end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|tool|>",
    "<|environment|>",
    "<|call|>",
)

_NAME = re.compile(r"[\w.-]+")


class Plain(Turns):
    """Renders and reads the plain family.

    Args:
        codec: A codec whose control tokens include ``CONTROLS``.

    Raises:
        UsageError: If it lacks one.
    """

    name = "plain"
    needs = CONTROLS

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec, "<|end|>")
        self._control = {token.strip("<|>"): codec.special(token) for token in CONTROLS}

    @override
    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        return self.heard(messages)

    @override
    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        return [*map(self._told, messages), Segment("header", (self._control["assistant"],), sampled=False)]

    def _told(self, message: Message) -> Segment:
        role = who(message)
        return Segment(role, (self._control[role], *self.codec.body(message["content"])), sampled=False)

    @override
    def _calls(self, parsed: Action) -> Sequence[Part] | None:
        if not all(_NAME.fullmatch(call.name) for call in parsed.calls):
            return None
        parts: list[Part] = [parsed.aside]
        for call in parsed.calls:
            parts += [self._control["call"], f"{call.name} {compact(call.arguments)}"]
        return parts

    @override
    def action(self, ids: Sequence[int]) -> str:
        spoken = self._spoken(ids)
        aside, *pieces = split(spoken, self._control["call"])
        if not pieces:
            return self.codec.text(aside)
        calls = [_json_call(self.codec.text(piece)) for piece in pieces]
        return action_of(self.codec.text(aside), calls) if all(calls) else refused(self.codec.text(spoken))


def _json_call(text: str) -> str:
    """Return ``NAME JSON`` as a call, or "" where the JSON is none."""
    name, _, arguments = text.partition(" ")
    return f'{{"arguments":{arguments},"name":{canonical(name)}}}' if is_json(arguments) else ""
