"""How an episode is shown: in full, or compact for small models. Never what happens in it."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from typing_extensions import override

from simenv.core.canonical import parse_trusted_exact
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
    """Rule values and tools as short lines, records as lines and tables.

    White space is what separates: a space between name and value, a tab between cells. A record
    among records is a row; where all rows have the same fields, these stand once, above them. Rows
    of one list among lists bear its number. Null fields, and fields that repeat the name of their
    record, are left out; nothing else is.
    """

    name = "compact"

    @override
    def policy(self, domain: Domain, values: Values, now: str) -> str:
        """Return the values of the rules and one line for each tool."""
        rules = domain.compact(values, now).replace("=", " ")
        return "\n".join([rules, *map(_tool_line, domain.tools)])

    @override
    def message(self, message: Message) -> Message:
        """Return the message with a JSON result laid out in lines."""
        text = message["content"]
        if message["role"] != "tool" or text[:1] not in ("{", "["):
            return message
        return {**message, "content": "\n".join(_laid_out("", parse_trusted_exact(text)))}


def _tool_line(tool: Tool) -> str:
    return " ".join([tool.name, *tool.parameters])


def _laid_out(name: str, value: Any) -> Iterable[str]:
    """Yield the lines of a value."""
    if isinstance(value, dict):
        if not name:
            for key, part in value.items():
                yield from _laid_out(key, part)
        elif _all(dict, value.values()):
            yield from _table(name, [_named(key, part) for key, part in value.items()])
        else:
            yield "\t".join([name, *map(" ".join, _flat("", value))])
    elif isinstance(value, list):
        yield from _listed(name, value)
    elif value is not None:
        yield f"{name} {value}"


def _listed(name: str, value: list[Any]) -> Iterable[str]:
    if _all(dict, value):
        yield from _table(name, [list(_flat("", part)) for part in value])
    elif _all(list, value) and any(value):
        yield from _table(name, [_numbered(at, each) for at, part in enumerate(value, 1) for each in part])
    else:
        texts = [text for _, text in _flat("", value)]
        yield "\t".join([name, *(texts or ["none"])]).lstrip()


def _all(kind: type, parts: Collection[Any]) -> bool:
    """Whether there are parts and all of them are of a kind."""
    return bool(parts) and all(isinstance(part, kind) for part in parts)


def _named(name: str, record: dict[str, Any]) -> list[tuple[str, str]]:
    return [("", name), *(field for field in _flat("", record) if field[1] != name)]


def _numbered(number: int, record: Any) -> list[tuple[str, str]]:
    return [("nr", str(number)), *_flat("", record)]


def _flat(path: str, value: Any) -> Iterable[tuple[str, str]]:
    """Yield (dotted path, text) of every scalar in a record, lists by place."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(f"{path}.{key}" if path else str(key), part)
    elif value is not None:
        yield path, str(value)


def _table(name: str, rows: Sequence[Sequence[tuple[str, str]]]) -> Iterable[str]:
    if name:
        yield name
    fields = [field for field, _ in rows[0]]
    if all([field for field, _ in row] == fields for row in rows):
        yield "\t".join(fields)
        yield from ("\t".join([text for _, text in row]) for row in rows)
    else:
        yield from ("\t".join([f"{field} {text}".lstrip() for field, text in row]) for row in rows)


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
