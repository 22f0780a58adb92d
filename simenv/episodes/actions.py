"""What an agent's string means: tool calls, words for the customer, or a mistake.

An action whose first non-blank character is ``{`` or ``[`` is a call and nothing else; all else
is words. Nothing an agent sends raises.
"""

from typing import Any, NamedTuple

from simenv.core.canonical import StrictJsonError, canonical, parse_strict, text_problem

MAX_CALLS = 16


class Call(NamedTuple):
    """One tool call. ``id`` is the agent's own call id, or ""."""

    name: str
    arguments: Any
    id: str = ""


class Action(NamedTuple):
    """A parsed action; exactly one of calls, words and error is meant.

    Attributes:
        calls: Tool calls in order.
        words: A message to the customer.
        aside: Text beside tool calls; logged, not sent.
        error: Stable code of what is wrong, or "".
        problem: The same in words, for the agent.
    """

    calls: tuple[Call, ...] = ()
    words: str = ""
    aside: str = ""
    error: str = ""
    problem: str = ""


def parse(text: str) -> Action:
    """Return what ``text`` means."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        problem = text_problem(text)
        return (
            Action(error="bad_text", problem=f"The message {_verb(problem)}.")
            if problem
            else Action(words=text)
        )
    try:
        return _structured(parse_strict(text))
    except StrictJsonError as error:
        return Action(error="bad_json", problem=f"The action is {_grammar(str(error))}.")


def _verb(problem: str) -> str:
    return f"is {problem}" if problem.startswith("longer") else problem


def _grammar(problem: str) -> str:
    return problem if problem.startswith(("not", "longer", "nested")) else f"refused: {problem}"


def _structured(value: Any) -> Action:
    if isinstance(value, dict) and "role" in value:
        return _message(value)
    listed = value if isinstance(value, list) else [value]
    return _calls(listed, "")


def _message(message: dict[str, Any]) -> Action:
    """Read an OpenAI-style assistant message."""
    content = message.get("content")
    if message["role"] != "assistant" or not isinstance(content, str | None):
        return _bad("A message needs the role assistant and text or null as content.")
    calls = message.get("tool_calls")
    if calls is None or calls == []:
        return Action(words=content or "")
    if not isinstance(calls, list):
        return _bad("tool_calls must be a list.")
    return _calls(calls, content or "")


def _calls(listed: list[Any], aside: str) -> Action:
    if not 1 <= len(listed) <= MAX_CALLS:
        return _bad(f"A list must hold 1 to {MAX_CALLS} calls.")
    calls = []
    for item in listed:
        call = _call(item)
        if call is None:
            return _bad('A call is {"name": "...", "arguments": {...}}.')
        calls.append(call)
    return Action(calls=tuple(calls), aside=aside)


def _call(item: Any) -> Call | None:
    if not isinstance(item, dict):
        return None
    given = item.get("id", "")
    call = item.get("function", item)
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", {})
    if isinstance(arguments, str):
        arguments = parse_strict(arguments or "{}")
    return Call(call["name"], arguments, given if isinstance(given, str) and len(given) <= 100 else "")


def _bad(problem: str) -> Action:
    return Action(error="bad_call", problem=problem)


def show_arguments(arguments: Any) -> str:
    """Return arguments as canonical JSON; exact decimals keep their digits."""
    return canonical(_plain(arguments))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | int):
        return value
    # A decimal: its text may need more digits than a float has, so it is shown as text where it does.
    return float(value) if str(float(value)) == str(value) else str(value)
