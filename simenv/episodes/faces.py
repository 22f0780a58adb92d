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

    def messages(
        self, chat: Sequence[Message], earlier: Sequence[Message], *, domain: Domain, wrote: bool
    ) -> list[Message]:
        """Return the new messages as the agent sees them.

        Args:
            chat: What is new.
            earlier: What the agent has seen.
            domain: Whose results these are.
            wrote: Whether a call among the new messages has changed the world.
        """
        return list(chat)

    def observation(self, heard: Iterable[Message]) -> str:
        """Return what was heard as one text."""
        return "\n".join([message["content"] for message in heard])


class Compact(Full):
    """Rule values as a table, tools as short lines, records as ``key=value`` and tables.

    A tab stands between cells. A record among records is a row; where all rows have the same fields,
    these stand once, above them. Rows of one list among lists bear its number. Null fields, and
    fields that repeat the name of their record, are left out, and so is what the domain calls spare. Of
    what a write gives back, only lines that were not shown before are shown. Nothing else is left out.
    """

    name = "compact"

    @override
    def policy(self, domain: Domain, values: Values, now: str) -> str:
        """Return the values of the rules, how each declines, and one line for each tool."""
        declines = [" ".join([rule.id, *rule.facts]) for rule in domain.rules if rule.facts]
        return "\n".join([domain.compact(values, now), *declines, *map(_tool_line, domain.tools)])

    @override
    def messages(
        self, chat: Sequence[Message], earlier: Sequence[Message], *, domain: Domain, wrote: bool
    ) -> list[Message]:
        """Return the new messages with JSON results laid out in lines."""
        seen = _lines_of_results(earlier) if wrote else frozenset()
        return [_compact(message, seen, domain.spare) for message in chat]


def _lines_of_results(messages: Sequence[Message]) -> frozenset[str]:
    results = [message["content"] for message in messages if message["role"] == "tool"]
    return frozenset(line for text in results for line in text.split("\n"))


def _compact(message: Message, seen: frozenset[str], spare: frozenset[str]) -> Message:
    text = message["content"]
    if message["role"] != "tool" or text[:1] not in ("{", "["):
        return message
    value = _needed(parse_trusted_exact(text), spare)
    fresh = [line for line in _laid_out("", value) if line not in seen]
    return {**message, "content": "\n".join(fresh) or "done"}


def _needed(value: Any, spare: frozenset[str]) -> Any:
    """Return a result without the fields that nobody needs."""
    if isinstance(value, dict):
        return {key: _needed(part, spare) for key, part in value.items() if key not in spare}
    return [_needed(part, spare) for part in value] if isinstance(value, list) else value


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
            yield "\t".join([name, *map("=".join, _flat("", value))])
    elif isinstance(value, list):
        yield from _listed(name, value)
    elif value is not None:
        yield f"{name}={value}"


def _listed(name: str, value: list[Any]) -> Iterable[str]:
    if _all(dict, value):
        yield from _table(name, [list(_flat("", part)) for part in value])
    elif _all(list, value) and any(value):
        yield from _table(name, [_numbered(at, each) for at, part in enumerate(value, 1) for each in part])
    else:
        texts = [text for _, text in _flat("", value)]
        yield f"{name}={','.join(texts)}".lstrip("=")


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
        yield from ("\t".join([f"{field}={text}".lstrip("=") for field, text in row]) for row in rows)


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
