"""Commands that make and prove task sets: synth and verify."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from simenv.cli.choose import ENV_HELP, domain_of, pack_in
from simenv.cli.skills import focused
from simenv.cli.words import Commands, bar, command, count, emit, say, seed
from simenv.core.canonical import digest
from simenv.core.errors import UsageError
from simenv.core.pack import Pack, read_pack
from simenv.synth.certificate import OBLIGATIONS
from simenv.synth.diversity import summary
from simenv.synth.grow import SPLITS
from simenv.synth.order import Order
from simenv.synth.paraphrase import read_lock
from simenv.synth.recheck import overlap, recheck
from simenv.synth.store import Produced, produce
from simenv.synth.stream import span

_SIZES = ("S", "M", "L")
_SHOWN = 12


def synthesize(args: argparse.Namespace) -> int:
    """Make certified tasks: grow them, prove each, write those that hold.

    Depth is the number of steps that depend on each other, breadth that of goals, conditions and demands.
    Says how many tasks were turned away and why. The same command gives the same bytes everywhere, with any
    number of workers; one that was interrupted goes on where it was.

    With --focus, tasks are drawn by what the runs show: by weakness times learnability of each ability, some
    by the two weakest together, some as solved tasks with one more operator, and one fifth uniformly.
    With --paraphrases, a request is said in the words of a lockfile where all seven checks hold.

    Example:
      simenv synth simenv/airline-v0 --depth 1:4 --breadth 1:3 --count 1000 --seed 0 --out tasks.jsonl
      simenv synth airline --depth 3:4 --operators rank,conditional,faults --count 50 --out hard.jsonl.gz
      simenv synth airline --seed 1 --count 500 --out next.jsonl --focus run.jsonl
    """
    order = _order(args)
    order.check()
    out = Path(args.out)
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}; make it, or name another")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; name a file in it, such as {out / 'tasks.jsonl'}")
    if args.focus:
        order = focused(order, args.focus)
    try:
        with bar(order.count, "tasks") as progress:
            made = produce(
                order, out, command=command_of(order), workers=args.workers, progress=progress.update
            )
    except KeyboardInterrupt as stop:
        stop.add_note(f"What was made is in {out}.part; the same command goes on from there.")
        raise
    _tell(made, out)
    return 0


def _order(args: argparse.Namespace) -> Order:
    if not args.split.isidentifier():
        raise UsageError(
            f"a split is named by one word, got {args.split!r}; simenv knows {', '.join(SPLITS)}"
        )
    return Order(
        domain=domain_of(args.env),
        split=args.split,
        depth=span(args.depth, "--depth"),
        breadth=span(args.breadth, "--breadth"),
        count=args.count,
        seed=args.seed,
        size=args.size,
        operators=tuple(filter(None, args.operators.split(","))),
        twins=not args.no_twins,
        lock=_lock(args.paraphrases) if args.paraphrases else (),
    )


def _lock(path: str) -> tuple[str, ...]:
    """Return (path, digest) of a lockfile that can be read."""
    read_lock(Path(path))
    return path, digest(Path(path).read_bytes())


def command_of(order: Order) -> str:
    """Return the command that makes the same file."""
    parts = [
        f"simenv synth {order.domain} --split {order.split}",
        f"--depth {order.depth[0]}:{order.depth[1]} --breadth {order.breadth[0]}:{order.breadth[1]}",
        f"--count {order.count} --seed {order.seed}",
        f"--size {order.size}" * (order.size != _SIZES[0]),
        f"--operators {','.join(order.operators)}" * bool(order.operators),
        "--no-twins" * (not order.twins),
        f"--paraphrases {Path(order.lock[0]).name}" if order.lock else "",
        f"--focus {' '.join(name for name, _ in order.focus.runs)}" if order.focus else "",
    ]
    return " ".join(filter(None, parts))


def _tell(made: Produced, out: Path) -> None:
    forge, pack = made.forge, read_pack(out)
    proved = [line["certificate"] for line in pack.lines]
    result: dict[str, Any] = {
        "tasks": forge.made,
        "out": str(out),
        "digest": digest(out.read_bytes()),
        "worlds": len(forge.worlds),
        "drawn": forge.drawn,
        "accepted": round(forge.proved / max(1, forge.drawn), 3),
        "rejected": dict(sorted(forge.rejected.items())),
        "policy": sum(bool(line.get("policy")) for line in pack.lines),
        "twins": sum(bool(each.get("twin")) for each in proved),
        "text": summary(_said(pack)[:1000]),
    }
    if forge.order.focus:
        result["ways"] = dict(sorted(forge.ways.items()))
    if forge.order.lock:
        result["paraphrases"] = dict(sorted(forge.phrases.items()))
    emit(result)
    if made.resumed:
        say(f"{made.resumed} worlds were there already.")
    share = 100 * forge.proved / max(1, forge.drawn)
    say(f"{forge.made} tasks; {result['policy']} need the policy, {result['twins']} are twins.")
    say(f"Of {forge.drawn} that were grown {share:.0f} % hold. Turned away:")
    for reason, number in forge.rejected.most_common(_SHOWN):
        say(f"  {number:6}  {reason}")
    for way, number in sorted(forge.ways.items()):
        if way:
            say(f"  {100 * number / forge.made:5.1f} % of the tasks are {way}")
    for what, number in sorted(forge.phrases.items()):
        say(f"  {number:6}  {what}")
    _tell_shares(proved)


def _said(pack: Pack) -> list[str]:
    """Return every opening once; a twin has the words of its original."""
    return list(dict.fromkeys(line["card"]["opening"] for line in pack.lines))


def _tell_shares(proved: list[dict[str, Any]]) -> None:
    operators = Counter(name for each in proved for name in dict.fromkeys(each["lineage"]))
    say("Operators, by the share of tasks that grew by them:")
    for name, number in operators.most_common():
        say(f"  {100 * number / len(proved):5.1f} %  {name}")
    say("Obligations that do not apply, by the share of tasks:")
    for name, what in OBLIGATIONS.items():
        number = sum(each["proofs"][name][0] == 0 for each in proved)
        if number:
            say(f"  {100 * number / len(proved):5.1f} %  {name} {what}")


def verify_file(args: argparse.Namespace) -> int:
    """Prove a task set again: every plan is grown anew, every obligation recomputed.

    Stops with exit code 1 at the first thing that is not so, and names task, obligation and witness. With
    --against, proves that two sets share no world, customer, program or shape.

    Example:
      simenv verify tasks.jsonl
      simenv verify train.jsonl --against test.jsonl
    """
    pack = pack_in(args.file)
    if args.against:
        return _against(args)
    with bar(len(pack), "tasks") as progress:
        for lie in recheck(pack, progress.update):
            progress.clear()
            emit(
                {
                    "file": args.file,
                    "holds": False,
                    "task": lie.task,
                    "obligation": lie.obligation,
                    "witness": lie.witness,
                }
            )
            what = OBLIGATIONS.get(lie.obligation, "the certificate")
            say(f"{lie.task or args.file}: {lie.obligation} ({what}) does not hold.\n  {lie.witness}")
            return 1
    emit({"file": args.file, "holds": True, "tasks": len(pack), "obligations": len(OBLIGATIONS)})
    say(f"All {len(pack)} tasks hold: {len(OBLIGATIONS)} obligations each, recomputed from the plans.")
    return 0


def _against(args: argparse.Namespace) -> int:
    shared = overlap(pack_in(args.file), pack_in(args.against))
    emit({"file": args.file, "against": args.against, "disjoint": not shared,
          "shared": {each.what: list(each.found) for each in shared}})  # fmt: skip
    for each in shared:
        say(f"They share {each.what}, such as {each.found[0]}.")
    if not shared:
        say(
            "They share no world, customer, program or shape, and no pair of operators that is kept for test."
        )
    return 1 if shared else 0


def add(commands: Commands) -> None:
    """Add the commands."""
    each = command(commands, "synth", synthesize)
    each.add_argument("env", metavar="ENV", help=ENV_HELP)
    each.add_argument("--depth", default="1:5", metavar="A:B", help="dependent steps (default: 1:5)")
    each.add_argument(
        "--breadth", default="1:3", metavar="A:B", help="goals, conditions, demands (default: 1:3)"
    )
    each.add_argument("--count", type=count, default=100, metavar="N", help="how many tasks (default: 100)")
    each.add_argument("--seed", type=seed, default=0, help="of worlds and all choices (default: 0)")
    each.add_argument("--split", default="train", help="train, validation, test or a name of your own")
    each.add_argument("--size", default=_SIZES[0], choices=_SIZES, help="of each world (default: S)")
    each.add_argument("--operators", default="", metavar="A,B", help="grow by these only")
    each.add_argument("--no-twins", action="store_true", help="no near twin for every fifth task")
    each.add_argument("--focus", nargs="+", metavar="RUN", help="draw by what these run logs show")
    each.add_argument("--paraphrases", metavar="LOCK", help="a lockfile of paraphrases, see `simenv phrases`")
    each.add_argument("--workers", type=count, default=1, metavar="W", help="processes (default: 1)")
    each.add_argument("--out", required=True, metavar="FILE", help="ends in .gz to be packed")

    each = command(commands, "verify", verify_file)
    each.add_argument("file", metavar="FILE", help="a task set that `simenv synth` made")
    each.add_argument("--against", metavar="FILE", help="prove that it shares nothing with this one")
