"""Episodes of a run report: the same task before and after training, side by side, as a chat."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from simenv.train.report import words
from simenv.train.report.data import Record, number, records
from simenv.train.report.parts import text_of

SHOWN = 10
_LONG = 700
_MOST = 6000
_MESSAGES = 120
_WHO = {
    "system": "Policy",
    "user": "Customer",
    "assistant": "Agent",
    "tool": "Tool",
    "environment": "Environment",
}

Pair = tuple[Record | None, Record | None]


def pairs_of(episodes: Sequence[Record]) -> dict[str, Pair]:
    """Return the first episode before and after training of every task, in the order of the file."""
    found: dict[str, Pair] = {}
    for episode in episodes:
        before, after = found.get(str(episode.get("task")), (None, None))
        if episode.get("stage") == "before":
            before = before or episode
        else:
            after = after or episode
        found[str(episode.get("task"))] = (before, after)
    return found


def shown_pairs(episodes: Sequence[Record]) -> dict[str, Pair]:
    """Return the pairs that are shown: whole pairs first, else in the order of the file, ten at most."""
    found = pairs_of(episodes)
    order = sorted(found, key=lambda task: None in found[task])
    return {task: found[task] for task in order[:SHOWN]}


def outcomes(pairs: Mapping[str, Pair]) -> tuple[list[str], list[str], int]:
    """Return the tasks passed only after, those passed only before, and the number tried both times."""
    both = {
        task: (bool(before.get("passed")), bool(after.get("passed")))
        for task, (before, after) in pairs.items()
        if before is not None and after is not None
    }
    won = [task for task, passed in both.items() if passed == (False, True)]
    lost = [task for task, passed in both.items() if passed == (True, False)]
    return won, lost, len(both)


def section(episodes: Sequence[Record]) -> str:
    """Return the section of episodes, or nothing where there are none."""
    if not episodes:
        return ""
    pairs = pairs_of(episodes)
    shown = shown_pairs(episodes)
    won, lost, both = outcomes(pairs)
    told = f"{words.counted(len(shown), 'task')} of {len(pairs)}, in the order of the file. "
    if both:
        told += (
            f"Of {words.counted(both, 'task')} played both times {len(won)} passed only after training "
            f"and {len(lost)} only before."
        )
    buttons = '<button data-open="yes">Open all</button> <button data-open="no">Close all</button>'
    cards = "".join(_pair(task, pair, is_open=at == 0) for at, (task, pair) in enumerate(shown.items()))
    return f'<p class="lead">{told}</p><p>{buttons}</p>{cards}'


def _pair(task: str, pair: Pair, *, is_open: bool) -> str:
    intent = next((str(each["intent"]) for each in pair if each and each.get("intent")), "")
    chips = " → ".join(_chip(each) for each in pair if each is not None)
    sides = [
        _side(name, each) for name, each in zip(("Before", "After"), pair, strict=True) if each is not None
    ]
    alone = "" if len(sides) == 2 else ' style="grid-template-columns:1fr"'
    return (
        f'<details class="pair"{" open" if is_open else ""}><summary><b>{escape(intent or task)}</b> '
        f'<span class="soft">{escape(task) if intent else ""}</span> {chips}</summary>'
        f'<div class="two"{alone}>{"".join(sides)}</div></details>'
    )


def _chip(episode: Record) -> str:
    passed = bool(episode.get("passed"))
    return f'<span class="chip {"pass" if passed else "fail"}">{"passed" if passed else "failed"}</span>'


def _side(name: str, episode: Record) -> str:
    messages = records(episode.get("messages"))
    turns = sum(message.get("role") == "assistant" for message in messages)
    figures = [words.counted(turns, "turn")]
    tokens = number(episode, "tokens")
    if tokens is not None:
        figures.append(words.counted(tokens, "token"))
    why = f": {escape(str(episode['why']))}" if episode.get("why") else ""
    more = len(messages) - _MESSAGES
    rest = f'<p class="note">{words.counted(more, "more message")} in episodes.jsonl.</p>' if more > 0 else ""
    return (
        f'<section><h3>{name} {_chip(episode)}</h3><p class="soft">{", ".join(figures)}{why}</p>'
        f"{''.join(map(_message, messages[:_MESSAGES]))}{rest}</section>"
    )


def _message(message: Record) -> str:
    role = str(message.get("role", ""))
    # What the environment says of a malformed action comes in the customer's place.
    if message.get("name") == "environment":
        role = "environment"
    kind = role if role in _WHO else "environment"
    who = _WHO.get(role, role)
    if role == "tool" and message.get("name"):
        who = f"{who} {message['name']}"
    calls = "".join(map(_call, records(message.get("tool_calls"))))
    content = message.get("content")
    said = _folded(content if isinstance(content, str) else text_of(content), kind) if content else ""
    return f'<div class="say {kind}"><small>{escape(who)}</small>{said}{calls}</div>'


def _folded(text: str, kind: str) -> str:
    """Return text, folded away where it is long or the policy that every episode has."""
    cut = len(text) - _MOST
    shown = escape(text[:_MOST]) + (f" … {cut:,} more characters in episodes.jsonl" if cut > 0 else "")
    if kind != "system" and len(text) <= _LONG:
        return shown
    first = escape(text.strip().partition("\n")[0][:90])
    return f"<details><summary>{first} … ({len(text):,} characters)</summary>{shown}</details>"


def _call(call: Record) -> str:
    function = call.get("function")
    inner: Mapping[str, Any] = function if isinstance(function, dict) else call
    arguments = inner.get("arguments")
    if isinstance(arguments, str):
        arguments = _parsed(arguments)
    if isinstance(arguments, dict):
        told = "".join(f"\n  {escape(str(key))} = {escape(text_of(each))}" for key, each in arguments.items())
    else:
        told = f"\n  {escape(text_of(arguments))}" if arguments is not None else ""
    return f'<div class="call"><b>{escape(str(inner.get("name", "")))}</b>{told}</div>'


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
