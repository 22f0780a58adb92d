"""What a memory is worth: long airline tasks in a small window, with and without each part of it.

    python -m benchmarks.context [--window 4096] [--tasks 20] [--calls 10 30 60]

Prints one JSON object, and on standard error a table. A scripted agent that reads only what it is shown plays
tasks that take so many tool calls: plain (the episode ends once the prompt outgrows the window), behind a
window without recall, without notes, without both, and with both. Per arm: how many were solved with a Wilson
interval, environment steps, prompts and their tokens. ``fresh_tokens`` are those that a cache of the last
prompt does not hold. Tokens are counted by a rule of thumb: four letters, or one sign.
"""

import argparse
import json
import platform
import re
import sys
from itertools import chain, islice
from typing import Any

from tqdm import tqdm

from benchmarks.long.reader import reader
from benchmarks.long.tasks import long_tasks
from simenv.agents.long import Prompts, in_prompt, in_window
from simenv.agents.protocol import act_out
from simenv.core.task import Task
from simenv.episodes.chat import Message
from simenv.episodes.context import Memory
from simenv.episodes.episode import Episode
from simenv.scoring.statistics import wilson

ARMS: dict[str, Memory | None] = {
    "plain": None,
    "window, neither": Memory(recalls=0, notes=0),
    "window without recall": Memory(recalls=0),
    "window without notes": Memory(notes=0),
    "window": Memory(),
}
_TOKEN = re.compile(r"\w{1,4}|[^\w\s]")


def count(message: Message) -> int:
    """Return about how many tokens a message takes in a prompt."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    said = "".join([message["content"], *(call["name"] + call["arguments"] for call in calls)])
    return 6 + len(_TOKEN.findall(said))


def outcome(task: Task, memory: Memory | None, window: int) -> tuple[bool, int, Prompts]:
    """Play a task and return whether it was solved, in how many steps, and what was read."""
    prompts = Prompts()
    if memory is None:
        agent = in_prompt(reader, window, count, prompts=prompts)
    else:
        agent = in_window(reader, window, count, memory=memory, prompts=prompts)
    episode = Episode(task, face="compact")
    act_out(episode, agent)
    return episode.verdict().passed, len(episode.steps), prompts


def measure(calls: int, number: int, window: int) -> list[dict[str, Any]]:
    """Return a row for each arm."""
    listed = list(islice(chain(long_tasks("test", calls), long_tasks("train", calls)), number))
    rows = []
    for name, memory in ARMS.items():
        played = [outcome(task, memory, window) for task in tqdm(listed, f"{calls} {name}", leave=False)]
        solved, tried = sum(passed for passed, _, _ in played), len(played)
        read = [prompts for _, _, prompts in played]
        rows.append(
            {
                "calls": calls,
                "arm": name,
                "solved": solved,
                "n": tried,
                "interval": [round(end, 3) for end in wilson(solved, tried)],
                "overflowed": sum(prompts.overflowed for prompts in read),
                "steps": round(sum(steps for _, steps, _ in played) / tried, 1),
                "prompts": round(sum(prompts.turns for prompts in read) / tried, 1),
                "longest_prompt": max(prompts.longest for prompts in read),
                "prompt_tokens": round(sum(prompts.tokens for prompts in read) / tried),
                "fresh_tokens": round(sum(prompts.fresh for prompts in read) / tried),
            }
        )
    return rows


def main() -> None:
    """Play every arm and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--window", type=int, default=4096, help="tokens of a prompt, at most")
    parser.add_argument("--tasks", type=int, default=20, help="tasks per number of calls")
    parser.add_argument("--calls", type=int, nargs="+", default=[10, 30, 60])
    asked = parser.parse_args()
    rows = [row for calls in asked.calls for row in measure(calls, asked.tasks, asked.window)]
    for row in rows:
        low, high = row["interval"]
        print(
            f"{row['calls']:3} calls  {row['arm']:22} {row['solved']:3}/{row['n']}  [{low:.2f}, {high:.2f}]  "
            f"{row['steps']:5} steps  {row['prompt_tokens']:7} tokens, {row['fresh_tokens']:6} fresh",
            file=sys.stderr,
        )
    machine = {"python": platform.python_version()}
    print(json.dumps({"benchmark": "context", **vars(asked), "machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
