"""What a checkpoint reads before its first turn, in the words of its own chat template."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from simenv.core.errors import UsageError
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec
from simenv.train.chat.rendering import ChatTemplate, TemplateError
from simenv.train.chat.tokens import Segment
from simenv.train.chat.turns import who


class _Frame(NamedTuple):
    """What a template writes around messages: before each, and after the last; and whether it strips each."""

    around: tuple[str, ...]
    strips: tuple[bool, ...]


def opening(
    codec: Codec, messages: Sequence[Message], tools: Sequence[dict[str, Any]], *, begin: int
) -> list[Segment]:
    """Return the first messages as the codec's template writes them, one segment for each.

    The template writes around the messages, never what they hold, so that none can forge a control token.

    Args:
        codec: A codec with a template.
        messages: The policy and the opening.
        tools: Schemas of the tools.
        begin: The control token which begins a turn; segments are cut there.

    Raises:
        TemplateError: If the template refuses the messages or leaves one out.
        UsageError: If a tool's schema contains a control token.
    """
    listed = json.dumps(list(tools), ensure_ascii=False)
    forged = [token for token in codec.controls if token in listed]
    if forged:
        raise UsageError(
            f"the schema of a tool contains the control token {forged[0]!r}; describe the tool otherwise"
        )
    roles = tuple(message["role"] for message in messages)
    frame = _frame(codec.template, tuple(sorted(codec.variables.items())), roles, listed)
    segments = []
    parts = codec.parts(frame.around[0])
    for message, after, strips in zip(messages, frame.around[1:], frame.strips, strict=True):
        text = message["content"]
        follows = codec.parts(after)
        cut = follows.index(begin) if begin in follows else len(follows)
        parts += [text.strip() if strips else text, *follows[:cut]]
        segments.append(Segment(who(message), tuple(codec.compose(parts)), sampled=False))
        parts = follows[cut:]
    return segments


@lru_cache(maxsize=64)
def _frame(source: str, variables: tuple[tuple[str, str], ...], roles: tuple[str, ...], tools: str) -> _Frame:
    """Return what a template writes around messages of these roles."""
    template, listed = ChatTemplate(source, dict(variables)), json.loads(tools)
    signs = [f"\ue002{at}\ue002" for at in range(len(roles))]

    def render(padded: int = -1) -> str:
        texts = [f" {sign} " if at == padded else sign for at, sign in enumerate(signs)]
        stand_ins = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        return template.render(stand_ins, listed)

    rest = rendered = render()
    around = []
    for sign in signs:
        piece, found, rest = rest.partition(sign)
        if not found or sign in rest:
            raise TemplateError("the template does not write each message once, in order")
        around.append(piece)
    strips = [render(at) == rendered for at in range(len(roles))]
    return _Frame((*around, rest), tuple(strips))
