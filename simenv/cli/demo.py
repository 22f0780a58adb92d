"""The demonstration: two agents on 20 tasks, scored, logged, replayed, and one episode to read."""

import argparse
import os
import shutil
import sys
import textwrap
from pathlib import Path

import simenv
from simenv.agents.registry import agent
from simenv.agents.runs import Outcome, Plan, run
from simenv.cli.choose import choose
from simenv.cli.transcript import lines
from simenv.cli.words import Commands, bar, command, emit, say
from simenv.core import catalog
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.episodes.replay import read_episodes, replay
from simenv.scoring.report import score_table

_AGENTS = ("oracle", "idle")
_TASKS = 20
_NEXT = """\
What next:
  {simenv} play airline --seed 7            be the agent yourself
  {simenv} tasks airline --show 7           read a task, with what makes it right
  {simenv} audit airline --tasks 5          let cheats try
  {simenv} diff {out}/oracle.jsonl {out}/idle.jsonl
                                            see where two runs part
"""


def demo(args: argparse.Namespace) -> int:
    """Show in seconds what simenv does: 20 tasks, two agents, scores and a replay.

    Writes both run logs, replays them, and shows one episode as a conversation.

    Example:
      simenv demo --out build/demo
    """
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tasks = choose("airline", tasks=str(_TASKS), split="test").tasks
    say(f"Two agents play {_TASKS} tasks of simenv/airline-v{catalog.domain('airline').version} ...")
    outcomes = [_play(name, tasks, out / f"{name}.jsonl") for name in _AGENTS]
    say()
    say(score_table([outcome.row for outcome in outcomes]).rstrip())
    say("(The oracle runs each task's own program; idle says nothing until the customer hangs up.)")
    say("\nEvery episode is played again from its log ...")
    played = [_replayed(tasks, out / f"{name}.jsonl") for name in _AGENTS]
    say("\nOne of them, as the oracle played it:\n")
    _show(min(played[0], key=_length))
    say()
    for name, outcome in zip(_AGENTS, outcomes, strict=True):
        emit({"log": str(out / f"{name}.jsonl"), "equal": True} | outcome.to_json())
    say("\n" + _NEXT.format(out=out, simenv=_command()))
    return 0


def _command() -> str:
    """Return what to type for ``simenv`` here: its path if it is not where commands are looked for."""
    if shutil.which("simenv"):
        return "simenv"
    beside = Path(sys.executable).parent / "simenv"
    return os.path.relpath(beside) if beside.exists() else "python -m simenv.cli"


def _play(name: str, tasks: list[Task], path: Path) -> Outcome:
    """Play into a fresh log: a demonstration does not go on where an earlier one stopped."""
    path.unlink(missing_ok=True)
    plan = Plan(agent=name, tasks=tasks, split="test", simenv=simenv.__version__)
    with bar(plan.episodes, "episodes") as progress:
        return run(plan, agent(name, catalog.domain(plan.domain), tasks), path, progress=progress.update)


def _replayed(tasks: list[Task], path: Path) -> list[Episode]:
    by_id = {task.id: task for task in tasks}
    episodes = [replay(by_id[recorded.task], recorded) for recorded in read_episodes(path)]
    steps = sum(len(episode.trajectory().steps) for episode in episodes)
    say(f"  {path}: {len(episodes)} episodes, {steps} steps, every digest agrees.")
    return episodes


def _length(episode: Episode) -> tuple[bool, int]:
    """Rank short conversations first in which something is written for the customer."""
    calls = episode.trajectory().calls
    writes = any(call.effect == "write" for call in calls)
    return not writes, len(episode.messages)


def _show(episode: Episode) -> None:
    for text in lines(episode.messages, shortened=True):
        say(textwrap.indent(text, "  "))
    verdict = episode.verdict()
    say(f"\n  Reward {verdict.reward:.0f}: {verdict.reason}.")
    say(f"  Digest {episode.digest}, the same on every machine.")


def add(commands: Commands) -> None:
    """Add the command."""
    each = command(commands, "demo", demo)
    each.add_argument(
        "--out", default="simenv-demo", metavar="DIR", help="folder for the run logs (default: simenv-demo)"
    )
