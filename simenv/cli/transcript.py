"""Episodes as people read them: who said what, which tool was called, what came back."""

from collections.abc import Iterable, Iterator
from typing import Any

from simenv.cli.words import WIDTH, wrapped
from simenv.core.canonical import canonical, parse_trusted_exact
from simenv.episodes.actions import show_arguments
from simenv.episodes.chat import Message


def lines(messages: Iterable[Message], *, shortened: bool) -> Iterator[str]:
    """Yield each message as readable text, the policy left out.

    Args:
        messages: Chat messages.
        shortened: Whether a tool's result is cut to one line instead of laid out.
    """
    for message in messages:
        match message["role"]:
            case "user":
                speaker = "System" if "name" in message else "Customer"
                yield wrapped(f"{speaker + ':':<10}", message["content"])
            case "assistant":
                yield from _agent(message)
            case "tool":
                yield _result(message["content"], shortened=shortened)


def _agent(message: Message) -> Iterator[str]:
    if message["content"] or not message.get("tool_calls"):
        yield wrapped(f"{'Agent:':<10}", message["content"])
    for call in message.get("tool_calls", ()):
        function = call["function"]
        yield wrapped(f"{'Agent:':<10}", f"{function['name']} {_arguments(function['arguments'])}".rstrip())


def _arguments(text: str) -> str:
    """Return arguments as ``key=value`` where they are an object."""
    given = parse_trusted_exact(text)
    if not isinstance(given, dict):
        return text
    return " ".join(
        f"{key}={value if isinstance(value, str) else show_arguments(value)}" for key, value in given.items()
    )


def _result(text: str, *, shortened: bool) -> str:
    indent = " " * 10
    if shortened:
        room = WIDTH - len(indent)
        return indent + (text if len(text) <= room else f"{text[: room - 4]} ...")
    if text[:1] not in ("{", "["):
        return wrapped(indent, text)
    return "\n".join(indent + line for line in layout(parse_trusted_exact(text), WIDTH - len(indent)))


def layout(value: Any, width: int) -> list[str]:
    """Return a JSON value in as few lines as fit: what fits on one line stays on one."""
    flat = _flat(value)
    if len(flat) <= width or not isinstance(value, dict | list) or not value:
        return [flat]
    parts = value.items() if isinstance(value, dict) else (("-", part) for part in value)
    found: list[str] = []
    for key, part in parts:
        label = f"{key} " if isinstance(value, list) else f"{key}: "
        inner = layout(part, width - len(label))
        if len(inner) == 1:
            found.append(label + inner[0])
        else:
            found += [label.rstrip(), *("  " + line for line in layout(part, width - 2))]
    return found


def _flat(value: Any) -> str:
    """Return a value on one line, with as few quotes and brackets as it takes."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inner(part)}" for key, part in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(_inner, value)) or "nothing"
    return value if isinstance(value, str) else "-" if value is None else show_arguments(value)


def _inner(value: Any) -> str:
    return f"({_flat(value)})" if isinstance(value, dict | list) and value else _flat(value)


def atom(change: list[Any]) -> str:
    """Return one change of the world in words; see ``simenv.core.goal``."""
    kind, table, *rest = change
    if kind == "set":
        key, column, value = rest
        return f"{table} {_key(key)}: {column} = {canonical(value)}"
    verb = {"new": "a new row", "came": "a new row", "gone": "removed", "went": "removed"}[kind]
    return f"{table}: {verb} {_key(rest[0])}"


def _key(parts: list[Any]) -> str:
    return ", ".join(str(part) for part in parts)
