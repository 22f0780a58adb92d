"""Chat messages: append-only, canonical bytes, who said it, whether the agent sampled it."""

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


def system(text: str) -> Message:
    """The policy."""
    return {"role": "system", "content": text, "sampled": False}


def user(text: str) -> Message:
    """Words of the customer."""
    return {"role": "user", "content": text, "sampled": False}


def environment(text: str) -> Message:
    """What the environment says of a malformed action; not shown to the customer."""
    return {"role": "user", "name": "environment", "content": text, "sampled": False}


def assistant(text: str, calls: Sequence[tuple[str, str, str]] = ()) -> Message:
    """What the agent did: words, or calls as (id, name, canonical arguments)."""
    message: Message = {"role": "assistant", "content": text, "sampled": True}
    if calls:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call_id, name, arguments in calls
        ]
    return message


def tool_result(call_id: str, name: str, text: str) -> Message:
    """The result of one call."""
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": text, "sampled": False}


def printable(text: str) -> str:
    """Return ``text`` with lone surrogates replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()
