"""Recorded conversations, played again: every call, every result, every reward.

The published rule: a conversation that was not cut off earns 1 if its end state equals that of the
gold calls on a fresh world and each stated output occurs in what the agent said.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.errors import DataError, ToolError
from simenv.core.tools import by_name
from simenv.core.world import State, World
from simenv.importers.tau.airline_records import json_text
from simenv.importers.tau.airline_tools import TAU_TOOLS
from simenv.importers.tau.pack import Pack
from simenv.importers.tau.sources import Conversation, PublishedTask, parse, read_bytes
from simenv.scoring.statistics import mean_over_tasks, pass_hat_k

STOP = "###STOP###"
TRANSFER = "transfer_to_human_agents"
MOST_TRIALS = 4

_TOOLS = by_name(TAU_TOOLS)
_TODAY = {"province": "state"}
_UNORDERED = {"payment_methods": 2}
"""Table to the column that orders what is published as a JSON object, whose order says nothing."""


def load_conversations(path: str | Path) -> list[Conversation]:
    """Return the recorded conversations of a file.

    Raises:
        DataError: If it is missing, corrupt or foreign.
    """
    path = Path(path)
    conversations: list[Conversation] = parse(
        path, read_bytes(path, "a list of recorded conversations"), "conversations"
    )
    return conversations


def published_result(world: World, name: str, arguments: Any) -> str | None:
    """Carry out one call and return its result as the published text; a refused call leaves no trace."""
    tool = _TOOLS.get(name)
    if tool is None:
        return f"Unknown action {name}"
    world.begin()
    try:
        result = tool.call(world, arguments)
    except ToolError as error:
        world.undo()
        return f"Error: {error}"
    world.commit()
    return result if result is None or isinstance(result, str) else json.dumps(result)


def is_error(result: str | None) -> bool:
    """Return whether a published result says that the call failed."""
    return result is not None and result.startswith(("Error", "Unknown action"))


def end_state(world: World) -> str:
    """Return what is changed in a world, in a form that is equal for equal published data."""
    changes = []
    for (table, key), (old, new) in world.state.net.items():
        hidden = _UNORDERED.get(table)
        was, now = ([v for at, v in enumerate(row or ()) if at != hidden] for row in (old, new))
        if was != now:
            changes.append([table, list(key), now])
    return canonical(sorted(changes, key=canonical))


def gold_state(world: World, task: PublishedTask) -> str:
    """Return the end state of a task's gold calls on a fresh world; a call that fails is passed over."""
    world.play(State())
    for action in task["actions"]:
        published_result(world, action["name"], action["kwargs"])
    return end_state(world)


def idle_passes(pack: Pack) -> list[int]:
    """Return the ids of tasks that an agent passes by doing and saying nothing."""
    world = pack.image.open()
    unchanged = canonical([])
    passed = [
        task["id"] for task in pack.tasks if not task["outputs"] and gold_state(world, task) == unchanged
    ]
    world.close()
    return passed


def play_recorded(
    pack: Pack, conversations: Iterable[Conversation], *, report: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Play recorded conversations through the published tools.

    Args:
        pack: The benchmark.
        conversations: As ``load_conversations`` gives them.
        report: Receives one line for each call or reward that differs, and for each error whose text does.

    Returns:
        ``calls`` and ``rewards`` counted, ``calls_equal`` and ``rewards_equal``, and ``pass_hat``:
        pass^1, pass^2, ... up to 4 or the fewest trials of a task.

    Raises:
        DataError: If a conversation is about a task that the pack does not have.
    """
    report = report or _say_nothing
    world = pack.image.open()
    gold: dict[int, str] = {}
    counts = {"calls": 0, "calls_equal": 0, "rewards": 0, "rewards_equal": 0}
    rewards: dict[int, list[int]] = {}
    for at, conversation in enumerate(conversations):
        task_id = conversation["task_id"]
        if not 0 <= task_id < len(pack.tasks):
            raise DataError(
                f"conversation {at}", 0, f"is about task {task_id}", "Take the pack it was recorded on."
            )
        task = pack.tasks[task_id]
        if task_id not in gold:
            gold[task_id] = gold_state(world, task)
        world.play(State())
        place = f"conversation {at} (task {task_id})"
        for same in _play_calls(world, conversation, partial(_say, report, place)):
            counts["calls"] += 1
            counts["calls_equal"] += same
        state_is_gold = end_state(world) == gold[task_id]
        reward = int(_ended(conversation) and state_is_gold and _said(conversation, task["outputs"]))
        rewards.setdefault(task_id, []).append(reward)
        counts["rewards"] += 1
        counts["rewards_equal"] += reward == conversation["reward"]
        if reward != conversation["reward"]:
            report(f"{place}: recorded reward {conversation['reward']}, got {reward}")
    world.close()
    return {**counts, "pass_hat": _pass_hat(rewards)}


def _play_calls(world: World, conversation: Conversation, say: Callable[[str], None]) -> Iterator[bool]:
    """Carry out a conversation's calls and yield whether each recorded result is what came."""
    messages = conversation["traj"]
    for at, message in enumerate(messages):
        # A call without a result was never carried out.
        for call, recorded in zip(
            message.get("tool_calls") or (), _results(messages[at + 1 :]), strict=False
        ):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            got = published_result(world, name, _arguments(arguments))
            same = _is_same(recorded["content"], got)
            if not same or (is_error(got) and recorded["content"] != got):
                say(f"{name}({arguments}): recorded {recorded['content']!r}, got {got!r}")
            yield same


def _results(messages: list[Any]) -> Iterator[Any]:
    for message in messages:
        if message["role"] != "tool":
            return
        yield message


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_same(recorded: str | None, got: str | None) -> bool:
    if is_error(recorded) or is_error(got):
        return is_error(recorded) and is_error(got)
    return recorded == got or (_json(recorded) == _json(got) and None not in (recorded, got))


def _json(text: str | None) -> str | None:
    try:
        return json_text(_today(json.loads(text or "")))
    except (ValueError, RecursionError):
        return text


def _today(value: Any) -> Any:
    """Return a result with the one field that was renamed after the recordings under its present name."""
    if isinstance(value, dict) and isinstance(value.get("address"), dict) and "province" in value["address"]:
        address = {_TODAY.get(name, name): part for name, part in value["address"].items()}
        return {**value, "address": address}
    return value


def _ended(conversation: Conversation) -> bool:
    return any(
        (message["role"] == "user" and STOP in (message["content"] or ""))
        or any(call["function"]["name"] == TRANSFER for call in message.get("tool_calls") or ())
        for message in conversation["traj"]
    )


def _said(conversation: Conversation, outputs: list[str]) -> bool:
    said = [
        (message["content"] or "").lower().replace(",", "")
        for message in conversation["traj"]
        if message["role"] == "assistant" and not message.get("tool_calls")
    ]
    return all(any(output.lower() in text for text in said) for output in outputs)


def _pass_hat(rewards: Mapping[int, list[int]]) -> list[float]:
    counts = [(len(each), sum(each)) for each in rewards.values()]
    means = (mean_over_tasks(pass_hat_k, counts, k) for k in range(1, MOST_TRIALS + 1))
    return [mean for mean in means if mean is not None]


def _say(report: Callable[[str], None], place: str, text: str) -> None:
    report(f"{place}: {text}")


def _say_nothing(text: str) -> None:
    """Take a line and do nothing with it."""
