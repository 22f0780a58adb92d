"""The family of Llama 3.1 to 3.3: role in header tokens, two line breaks, text, ``<|eot_id|>``.

A call is JSON text with ``parameters``, several are a list of these; a result is an ``ipython`` turn that
holds it as a JSON string. Blanks around words are stripped. All this as the checkpoints' own template has it.
"""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from simenv.core.canonical import StrictJsonError, canonical, parse_strict
from simenv.episodes.actions import Action
from simenv.episodes.chat import Message
from simenv.train.chat.codec import Codec, Part
from simenv.train.chat.opening import opening
from simenv.train.chat.tokens import Segment
from simenv.train.chat.turns import Turns, who
from simenv.train.chat.writing import action_of, compact, spaced

_TOOLS = """Environment: ipython

To call a function, answer with nothing but JSON, {"name": <name>, "parameters": <object>}, or with a list
of these. The functions:

"""
_ROLES = {"tool": "ipython", "environment": "user"}
_OTHER_STOPS = ("<|eom_id|>", "<|end_of_text|>")


class Llama3(Turns):
    """Renders and reads the family of Llama 3.1 to 3.3.

    Args:
        codec: A codec with the control tokens ``needs``. If it has a chat template, the policy, the tools
            and the opening are written as that writes them; else in words of our own.

    Raises:
        UsageError: If a control token is missing.
    """

    name = "llama3"
    needs = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec, "<|eot_id|>")
        self._first, self._begin, self._named = (codec.special(token) for token in self.needs[:3])
        self._tag = codec.controls.get("<|python_tag|>", -1)
        self.stops |= {codec.special(token) for token in _OTHER_STOPS if token in codec.controls}

    @override
    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        header = self._of("header", self._header("assistant"))
        if self.codec.template:
            return [*opening(self.codec, messages, tools, begin=self._begin), header]
        if tools:
            listed = "\n\n".join([spaced(tool) for tool in tools])
            first = messages[0]["content"] if messages and who(messages[0]) == "system" else ""
            policy = {"role": "system", "content": f"{_TOOLS}{listed}\n\n{first}"}
            messages = [policy, *(message for message in messages if who(message) != "system")]
        told = [self._told(message) for message in messages]
        return [self._of("header", [self._first]), *told, header]

    @override
    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        return [*map(self._told, messages), self._of("header", self._header("assistant"))]

    def _told(self, message: Message) -> Segment:
        role, text = who(message), message["content"]
        shown = canonical(text) if role == "tool" else text.strip()
        return self._of(role, [*self._header(_ROLES.get(role, role), shown), self._end])

    def _header(self, role: str, text: str = "") -> list[Part]:
        return [self._begin, role, self._named, f"\n\n{text}"]

    def _of(self, role: str, parts: Sequence[Part]) -> Segment:
        return Segment(role, tuple(self.codec.compose(parts)), sampled=False)

    @override
    def _calls(self, parsed: Action) -> Sequence[Part] | None:
        if parsed.aside:
            return None
        texts = [
            f'{{"name": {canonical(call.name)}, "parameters": {spaced(call.arguments)}}}'
            for call in parsed.calls
        ]
        return [texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"]

    @override
    def action(self, ids: Sequence[int]) -> str:
        spoken = self._spoken(ids)
        text = self.codec.text(spoken[1:] if spoken[:1] == [self._tag] else spoken)
        return _with_arguments(text) if text.lstrip()[:1] in ("{", "[") else text


def _with_arguments(text: str) -> str:
    """Return calls that have ``parameters`` as calls with ``arguments``; all else as it stands."""
    try:
        value = parse_strict(text)
    except StrictJsonError:
        return text
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(_is_call(item) for item in listed):
        return text
    calls = [
        f'{{"arguments":{compact(item["parameters"])},"name":{canonical(item["name"])}}}' for item in listed
    ]
    return action_of("", calls)


def _is_call(item: Any) -> bool:
    """Whether a value is a call as this family writes it, and not also as episodes read it."""
    if not isinstance(item, dict) or not {"role", "function", "arguments"}.isdisjoint(item):
        return False
    return isinstance(item.get("name"), str) and "parameters" in item
