"""The family of Qwen2.5 and Qwen3: ``<|im_start|>role``, a line break, text, ``<|im_end|>``, a line break.

Results stand in ``<tool_response>`` inside a turn of the user, calls in ``<tool_call>`` as JSON. The line
break after ``<|im_end|>`` is never sampled, so it opens what is heard next; without it every later token
stands where the checkpoint has never read it.
"""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from simenv.core.canonical import canonical
from simenv.episodes.actions import Action
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec, Part
from simenv.train.chat.opening import opening
from simenv.train.chat.tokens import Segment
from simenv.train.chat.turns import Turns, split, who
from simenv.train.chat.writing import action_of, one_call, refused, spaced

_BEFORE_TOOLS = """

# Tools

These functions can be called. Each line between the tags is the schema of one:
<tools>
"""
_AFTER_TOOLS = """
</tools>

To call one, write its name and its arguments as one JSON object between these tags, once for each call:
<tool_call>
{"name": <name>, "arguments": <object>}
</tool_call>"""


class Qwen3(Turns):
    """Renders and reads the family of Qwen2.5 and Qwen3.

    Args:
        codec: A codec with the control tokens ``needs``. If it has a chat template, the policy, the tools
            and the opening are written as that writes them; else in words of our own.
        thinking: Whether a turn may begin with reasoning. If not, every header ends with an empty block
            of reasoning, as hybrid checkpoints expect, and keeps it.

    Raises:
        UsageError: If a control token is missing.
    """

    name = "qwen3"
    needs = ("<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")

    def __init__(self, codec: Codec, *, thinking: bool = True) -> None:
        super().__init__(codec, "<|im_end|>")
        self._begin = codec.special("<|im_start|>")
        self._open, self._close = codec.special("<tool_call>"), codec.special("</tool_call>")
        self._thinks, self._thought = codec.controls.get("<think>", -1), codec.controls.get("</think>", -1)
        self._result = codec.mark("<tool_response>"), codec.mark("</tool_response>")
        empty = [codec.mark("<think>"), "\n\n", codec.mark("</think>"), "\n\n"]
        self._header: list[Part] = [self._begin, "assistant\n", *([] if thinking else empty)]
        if "<|endoftext|>" in codec.controls:
            self.stops |= {codec.special("<|endoftext|>")}

    @override
    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        if self.codec.template:
            return [*opening(self.codec, messages, tools, begin=self._begin), self._next([])]
        told = [self._segment([], run) for run in runs(messages)]
        if tools:
            has_policy = bool(messages) and who(messages[0]) == "system"
            policy = messages[0]["content"] if has_policy else ""
            parts = [policy, *self._introduction(tools)]
            first = [self._begin, "system\n", *parts, self._end, "\n"]
            told = [self._of("system", first), *told[has_policy:]]
        return [*told, self._next([])]

    def _introduction(self, tools: Sequence[dict[str, Any]]) -> list[Part]:
        listed = "\n".join([spaced(tool) for tool in tools])
        return [*self.codec.parts(_BEFORE_TOOLS), listed, *self.codec.parts(_AFTER_TOOLS)]

    @override
    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        # The line break belongs to the turn that the model has just ended.
        breaks: list[list[Part]] = [["\n"], *([] for _ in messages)]
        told = [self._segment(before, run) for before, run in zip(breaks, runs(messages), strict=False)]
        return [*told, self._next(breaks[len(told)])]

    def _next(self, before: list[Part]) -> Segment:
        return self._of("header", [*before, *self._header])

    def _segment(self, before: list[Part], run: Sequence[Message]) -> Segment:
        """Return one turn: a message, or results in a row, which share a turn."""
        role = who(run[0])
        parts: list[Part] = [*before, self._begin, "system" if role == "system" else "user"]
        for message in run:
            parts.append("\n")
            text = message["content"]
            parts += [self._result[0], f"\n{text}\n", self._result[1]] if role == "tool" else [text]
        return self._of(role, [*parts, self._end, "\n"])

    def _of(self, role: str, parts: Sequence[Part]) -> Segment:
        return Segment(role, tuple(self.codec.compose(parts)), sampled=False)

    @override
    def _calls(self, parsed: Action) -> Sequence[Part] | None:
        parts: list[Part] = [parsed.aside]
        for call in parsed.calls:
            text = f'{{"name": {canonical(call.name)}, "arguments": {spaced(call.arguments)}}}'
            parts += ["\n" if parts != [""] else "", self._open, f"\n{text}\n", self._close]
        return parts

    @override
    def action(self, ids: Sequence[int]) -> str:
        spoken = self._spoken(ids)
        reasoned = self._thinks in spoken or self._thought in spoken
        if reasoned:
            if self._thought not in spoken:  # it never stopped reasoning; nobody is to hear that
                return refused(self.codec.text(spoken))
            spoken = split(spoken, self._thought)[-1]
        aside, *pieces = split(spoken, self._open)
        words = self.codec.text(aside)
        words = words.lstrip("\n") if reasoned else words
        if not pieces:
            return words
        calls = [self._read(piece) for piece in pieces]
        return action_of(words.removesuffix("\n"), calls) if all(calls) else refused(self.codec.text(spoken))

    def _read(self, piece: Sequence[int]) -> str:
        """Return the JSON of one call from its ids after the opening tag, or "" where it is none."""
        inner, *rest = split(piece, self._close)
        text = self.codec.text(inner).strip()
        closed = len(rest) == 1 and not self.codec.text(rest[0]).strip()
        return text if closed and one_call(text) else ""


def runs(messages: Sequence[Message]) -> list[list[Message]]:
    """Return messages one by one, but results in a row together."""
    found: list[list[Message]] = []
    for message in messages:
        if message["role"] == "tool" and found and found[-1][0]["role"] == "tool":
            found[-1].append(message)
        else:
            found.append([message])
    return found
