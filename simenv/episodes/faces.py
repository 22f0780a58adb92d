"""How an episode is shown: in full, or compact for small models. Never what happens in it."""

from collections.abc import Iterable, Sequence
from typing import Any

from typing_extensions import override

from simenv.core.canonical import parse_strict
from simenv.core.domain import Domain
from simenv.core.errors import UnknownNameError
from simenv.core.rules import Values
from simenv.core.tools import Tool
from simenv.episodes.chat import Message


class Full:
    """Everything as it is: the policy in words, results as canonical JSON."""

    name = "full"

    def policy(self, domain: Domain, values: Values, now: str) -> str:
        """Return what the system message says."""
        return domain.policy(values, now)

    def message(self, message: Message) -> Message:
        """Return the message as the agent sees it."""
        return message

    def observation(self, heard: Iterable[Message]) -> str:
        """Return what was heard as one text."""
        return "\n".join([message["content"] for message in heard])


class Compact(Full):
    """Rule values as a table, tools as short lines, results as ``key=value``."""

    name = "compact"

    @override
    def policy(self, domain: Domain, values: Values, now: str) -> str:
        """Return the values of the rules and one line for each tool."""
        return "\n".join([domain.compact(values, now), *map(_tool_line, domain.tools)])

    @override
    def message(self, message: Message) -> Message:
        """Return the message with a JSON result flattened."""
        text = message["content"]
        if message["role"] != "tool" or text[:1] not in ("{", "["):
            return message
        return {**message, "content": " ".join(_flat("", parse_strict(text)))}


def _tool_line(tool: Tool) -> str:
    return " ".join([tool.name, *tool.parameters])


def _flat(path: str, value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{path}.{key}" if path else key, part)
    elif isinstance(value, list) and all(not isinstance(part, dict | list) for part in value):
        yield f"{path}={','.join(map(str, value))}"
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _flat(f"{path}.{at}" if path else str(at), part)
    elif value is not None:
        yield f"{path}={value}" if path else str(value)


FACES: Sequence[Full] = (Full(), Compact())


def face(name: str) -> Full:
    """Return the face of that name.

    Raises:
        UnknownNameError: If there is none.
    """
    for each in FACES:
        if each.name == name:
            return each
    raise UnknownNameError("face", name, [each.name for each in FACES])
