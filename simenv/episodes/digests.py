"""Old turns as single lines: what it was, and the call that shows it again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from simenv.core.canonical import canonical
from simenv.episodes.chat import Message

_ARGUMENTS, _RESULT, _WORDS = 120, 60, 240
"""Characters up to which arguments, a result and words are shown as they are."""


class Turn(NamedTuple):
    """An action and what it brought.

    Attributes:
        step: The environment's step, counted from 1; 0 for a call that was answered by the memory.
        messages: The agent's own message, then what was heard.
    """

    step: int
    messages: tuple[Message, ...]


def lines_of(turn: Turn, again: str) -> list[str]:
    """Return a turn of the environment as lines, one for each call, or one for an exchange of words.

    Args:
        turn: The turn.
        again: Name of the tool that shows things again, or "" if there is none.
    """
    own, heard = turn.messages[0], turn.messages[1:]
    calls = {call["id"]: call["function"] for call in own.get("tool_calls", ())}
    lines = [] if calls else [f"[step {turn.step}: you: {_words(own['content'], turn.step, 0, again)}]"]
    for part, message in enumerate(heard, 1):
        if message["role"] == "tool":
            lines.append(_call(calls.get(message["tool_call_id"]), message, turn.step, part, again))
        else:
            who = message.get("name", "customer")
            lines.append(f"[step {turn.step}: {who}: {_words(message['content'], turn.step, part, again)}]")
    return lines


def merged(turns: Sequence[Turn], again: str) -> str:
    """Return several turns of the environment as one line that counts what they were."""
    names = Counter(_names(turns))
    counted = [f"{name} {count}" for name, count in sorted(names.items())]
    first, last = turns[0].step, turns[-1].step
    what = f"[cut: steps {first} to {last}, with calls of {', '.join(counted) or 'no tool'}"
    return f'{what}; call {again} {{"step": {first}}} to see the first again]' if again else f"{what}]"


def _names(turns: Iterable[Turn]) -> list[str]:
    calls = [call for turn in turns for call in turn.messages[0].get("tool_calls", ())]
    return [call["function"]["name"] for call in calls]


def _call(call: dict[str, Any] | None, result: Message, step: int, part: int, again: str) -> str:
    given = _short(call["arguments"], _ARGUMENTS) if call else ""
    text = result["content"]
    what = f"{result['name']} {given}".rstrip()
    if len(text) <= _RESULT:
        return f"[step {step}: {what} gave {canonical(text)}]"
    return f"[cut: {what} gave {len(text)} characters{_way_back(step, part, again)}]"


def _words(text: str, step: int, part: int, again: str) -> str:
    if len(text) <= _WORDS:
        return canonical(text)
    return f"{canonical(text[:_WORDS])} and more, {len(text)} characters{_way_back(step, part, again)}"


def _way_back(step: int, part: int, again: str) -> str:
    if not again:
        return ""
    which = f'{{"part": {part}, "step": {step}}}' if part != 1 else f'{{"step": {step}}}'
    return f"; call {again} {which} to see it again"


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
