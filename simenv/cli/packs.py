"""The command that looks into task sets: tasks."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from simenv.cli import sets
from simenv.cli.calibrate import calibrate_set
from simenv.cli.choose import ENV_HELP, add_split, domain_of, is_env, pack_in
from simenv.cli.graph import dot
from simenv.cli.showing import show
from simenv.cli.words import Commands, command, emit, say
from simenv.core import catalog
from simenv.core.errors import UsageError
from simenv.core.pack import SPLITS, Pack, bundled
from simenv.core.task import Task
from simenv.envs.registration import IDS
from simenv.synth.certificate import Certificate
from simenv.synth.recheck import certificate_of


def tasks(args: argparse.Namespace) -> int:
    """Say which tasks there are, show one in full, or refit how hard they are.

    Without an argument, lists the environments. A task is named by its id or by its place. With --dot, its
    program is printed for Graphviz; `dot -Tsvg` makes a picture of that. With --calibrate, difficulties are
    refitted from runs on the file.

    Example:
      simenv tasks airline --split test
      simenv tasks tasks.jsonl --list
      simenv tasks tasks.jsonl --show 7
      simenv tasks tasks.jsonl --show 7 --dot
      simenv tasks tasks.jsonl --calibrate one.jsonl two.jsonl --out tasks.calibration.json
    """
    _check(args)
    if args.subject is None:
        return _environments()
    pack = _pack(args.subject, args.split)
    if args.calibrate:
        return calibrate_set(args, pack)
    if args.show is not None:
        return _show(pack, args.show, as_dot=args.dot)
    return _list(pack) if args.list else _overview(pack)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: If they do not.
    """
    asked = [
        f"--{name}" for name in ("list", "show", "calibrate") if getattr(args, name) not in (None, False)
    ]
    if len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} are two questions; ask one at a time")
    if asked and args.subject is None:
        raise UsageError(f"{asked[0]} is about a task set; name its file, or an environment")
    if args.dot and args.show is None:
        raise UsageError("--dot draws one task; name it with --show ID")
    if args.out and not args.calibrate:
        raise UsageError("--out is where a calibration is written; name runs with --calibrate")


def _pack(subject: str, split: str) -> Pack:
    if is_env(subject):
        return bundled(domain_of(subject), split)
    if not Path(subject).is_file() and not ("/" in subject or ".jsonl" in subject):
        # A mistyped name is likelier than a missing file, and this offers the nearest.
        domain_of(subject)
    return pack_in(subject)


def _environments() -> int:
    for env, domain in IDS.items():
        splits = (
            {split: len(bundled(domain, split)) for split in SPLITS} if catalog.entry(domain).packs else {}
        )
        emit({"env": env, "domain": domain, "tasks": splits})
        say(f"{env}: " + ", ".join(f"{number} {split} tasks" for split, number in splits.items()))
    return 0


def _overview(pack: Pack) -> int:
    intents = Counter(str(line.get("intent")) for line in pack.lines)
    worlds = len({str(line.get("world")) for line in pack.lines})
    told: dict[str, Any] = {
        "pack": pack.place,
        "domain": pack.domain,
        "tasks": len(pack),
        "worlds": worlds,
        "intents": intents,
    }
    if pack.certified:
        emit(told | sets.overview(pack))
        return 0
    emit(told)
    policy = Counter(str(line.get("intent")) for line in pack.lines if line.get("policy"))
    width = max(map(len, intents))
    say(f"{'intent':<{width}}  tasks  of these need the policy")
    for intent, number in sorted(intents.items()):
        say(f"{intent:<{width}}  {number:5}  {policy[intent]:5}")
    say(f"{'all':<{width}}  {len(pack):5}  {policy.total():5}   in {worlds} worlds of {pack.place}")
    return 0


def _list(pack: Pack) -> int:
    if not pack.certified:
        raise UsageError(
            f"{pack.place} holds tasks without certificates, which say nothing of depth or difficulty; "
            "make certified ones with `simenv synth`, or look at one with --show"
        )
    sets.listing(pack)
    return 0


def _show(pack: Pack, name: str, *, as_dot: bool) -> int:
    if name.isdecimal() and int(name) >= len(pack):
        raise UsageError(f"{pack.place} has tasks 0 to {len(pack) - 1}, not {name}")
    task = pack.at(int(name)) if name.isdecimal() else pack.find(name)
    proved = _proved(pack, task)
    if as_dot:
        print(dot(task, proved), end="", flush=True)
        return 0
    emit({"id": task.id} | task.to_json() | ({"certificate": proved.to_json()} if proved else {}))
    show(task, proved)
    return 0


def _proved(pack: Pack, task: Task) -> Certificate | None:
    place = pack.ids().index(task.id)
    return certificate_of(pack, place) if "certificate" in pack.lines[place] else None


def add(commands: Commands) -> None:
    """Add the command."""
    each = command(commands, "tasks", tasks)
    each.add_argument("subject", nargs="?", metavar="FILE|ENV", help=f"a file of tasks, or {ENV_HELP}")
    each.add_argument("--list", action="store_true", help="one line for each task")
    each.add_argument("--show", metavar="ID", help="one task in full, by id or by place")
    each.add_argument("--dot", action="store_true", help="with --show: its program, for Graphviz")
    each.add_argument(
        "--calibrate", nargs="+", metavar="RUN.jsonl", help="refit difficulties from runs on this file"
    )
    each.add_argument("--out", metavar="FILE", help="with --calibrate: where to write what was fitted")
    add_split(each)
