"""Commands about packs: pack makes one, tasks looks into one."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from simenv.cli.choose import ENV_HELP, add_split, domain_of, is_env, pack_in
from simenv.cli.transcript import atom
from simenv.cli.words import Commands, bar, command, count, emit, say, wrapped
from simenv.core import catalog
from simenv.core.canonical import canonical, digest, dollars_text
from simenv.core.errors import UsageError
from simenv.core.pack import SPLITS, Pack, bundled, write_pack
from simenv.core.program import Report
from simenv.core.task import Card, Task
from simenv.envs.registration import IDS
from simenv.synth.packs import header, make

_SIZES = ("S", "M", "L")


def make_pack(args: argparse.Namespace) -> int:
    """Make a pack: draw tasks, prove each by playing it, write those that hold.

    Says how many were turned away and why. The same command gives the same bytes everywhere.

    Example:
      simenv pack airline --split train --worlds 20 --tasks 1000 --out train.jsonl.gz
    """
    domain = domain_of(args.domain)
    if not args.split.isidentifier():
        raise UsageError(f"a split is named by one word, got {args.split!r}")
    out = Path(args.out)
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}; make it, or name another")
    with bar(args.tasks, "tasks") as progress:
        batch = make(
            domain,
            args.split,
            worlds=args.worlds,
            tasks=args.tasks,
            size=args.size,
            progress=progress.update,
        )
    size = "" if args.size == _SIZES[0] else f" --size {args.size}"
    made_by = f"simenv pack {domain} --split {args.split} --worlds {args.worlds} --tasks {args.tasks}{size}"
    write_pack(out, header(domain, args.split, batch, made_by), batch.tasks)
    rejected = dict(sorted(batch.rejected.items()))
    emit(
        {
            "pack": str(out),
            "tasks": len(batch.tasks),
            "worlds": args.worlds,
            "digest": digest(out.read_bytes()),
            "rejected": rejected,
        }
    )
    say(f"{len(batch.tasks)} tasks accepted, {sum(rejected.values())} turned away:")
    for reason, number in batch.rejected.most_common():
        say(f"  {number:6}  {reason}")
    return 0


def tasks(args: argparse.Namespace) -> int:
    """Say which tasks there are, or show one in full.

    Without an argument, lists the environments. A task is named by its id or by its place.

    Example:
      simenv tasks
      simenv tasks airline --split test
      simenv tasks airline --show 7
    """
    if args.subject is None:
        return _environments()
    if is_env(args.subject):
        pack = bundled(domain_of(args.subject), args.split)
    elif Path(args.subject).is_file():
        pack = pack_in(args.subject)
    else:
        # A mistyped name is likelier than a missing file, and this offers the nearest.
        domain_of(args.subject)
        return 2
    return _overview(pack) if args.show is None else _show(pack, args.show)


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
    policy = Counter(str(line.get("intent")) for line in pack.lines if line.get("policy"))
    worlds = len({str(line.get("world")) for line in pack.lines})
    emit(
        {"pack": pack.place, "domain": pack.domain, "tasks": len(pack), "worlds": worlds, "intents": intents}
    )
    width = max(map(len, intents))
    say(f"{'intent':<{width}}  tasks  of these need the policy")
    for intent, number in sorted(intents.items()):
        say(f"{intent:<{width}}  {number:5}  {policy[intent]:5}")
    say(f"{'all':<{width}}  {len(pack):5}  {policy.total():5}   in {worlds} worlds of {pack.place}")
    return 0


def _show(pack: Pack, name: str) -> int:
    if name.isdecimal() and int(name) >= len(pack):
        raise UsageError(f"{pack.place} has tasks 0 to {len(pack) - 1}, not {name}")
    task = pack.at(int(name)) if name.isdecimal() else pack.find(name)
    emit({"id": task.id} | task.to_json())
    needs = "needs" if task.policy else "does not need"
    say(f"{task.id}: {task.intent}, in world {'/'.join(map(str, task.world))} of size {task.size}")
    say(f"It {needs} the written policy and has a budget of {task.budget} steps.\n")
    _show_card(task.card)
    _show_goal(task)
    return 0


def _show_card(card: Card) -> None:
    say(wrapped("Customer: ", card.opening))
    say(f"\nManner of speaking: {card.persona}. Hangs up after {card.patience} messages without progress.")
    for wish in card.wishes:
        say(wrapped("  wants:  ", wish.says))
    for fact in card.facts:
        say(
            wrapped(
                "  knows:  ",
                f"{fact.slot.replace('_', ' ')}: {fact.said}" + (" (said at once)" * fact.opening),
            )
        )


def _show_goal(task: Task) -> None:
    say("\nIt is right if all of this has changed, and nothing else:")
    for change in task.goal.required:
        say(wrapped("  ", atom(change)))
    money = {node.goal for node in task.program.walk() if isinstance(node, Report) and node.money}
    for goal, value in task.goal.answers.items():
        say(f"  the customer was told {dollars_text(int(value)) if goal in money else value} ({goal})")
    if not task.goal.required and not task.goal.answers:
        say("  nothing")
    for change in task.goal.allowed:
        say(wrapped("  (may change too) ", atom(change)))
    say("\nIts program:")
    for node in task.program.walk():
        parts = node.model_dump(mode="json", exclude={"op", "id", "then", "orelse"}, exclude_defaults=True)
        told = ", ".join(f"{key} {_template(value)}" for key, value in parts.items())
        say(wrapped(f"  {node.id} = ", f"{node.op} {told}"))


def _template(value: Any) -> str:
    """Return a template as people write it: ``$me.reservations`` for a reference."""
    if isinstance(value, dict) and value.keys() == {"$"}:
        return f"${value['$']}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_template(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_template, value)) + "]"
    return canonical(value)


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    each = command(commands, "pack", make_pack)
    each.add_argument("domain", metavar="DOMAIN", help=ENV_HELP)
    each.add_argument("--split", default="train", help="train, test or a name of your own (default: train)")
    each.add_argument("--worlds", type=count, default=1, metavar="W", help="how many worlds (default: 1)")
    each.add_argument("--tasks", type=count, required=True, metavar="N", help="how many tasks")
    each.add_argument("--size", default=_SIZES[0], choices=_SIZES, help="of each world (default: S)")
    each.add_argument("--out", required=True, metavar="FILE", help="ends in .gz to be packed")

    each = command(commands, "tasks", tasks)
    each.add_argument("subject", nargs="?", metavar="PACK|ENV", help=f"a pack file, or {ENV_HELP}")
    each.add_argument("--show", metavar="ID", help="one task in full, by id or by place")
    add_split(each)
