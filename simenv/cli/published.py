"""Commands about published benchmarks: import, recorded, and their part of audit."""

import argparse
import os
import zlib
from pathlib import Path

from simenv.cli.words import Commands, command, emit, say
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.importers.tau.pack import FORMAT, import_pack, load_pack
from simenv.importers.tau.recorded import idle_passes, load_conversations, play_recorded
from simenv.scoring.statistics import wilson

DATA_VARIABLE = "SIMENV_DATA"
_DOMAINS = ("airline",)
_HEAD_BYTES = 4096


def import_tau(args: argparse.Namespace) -> int:
    """Make a pack of a published benchmark's files.

    Its tools and rewards are kept bug for bug. The folder is the argument, else what the environment
    variable SIMENV_DATA names; it holds the files, or a folder tau_<domain> with them.

    Example:
      simenv import tau data/tau_airline --domain airline --out tau-airline.gz
    """
    if args.benchmark != "tau":
        raise UnknownNameError("benchmark", args.benchmark, ["tau"])
    if args.domain not in _DOMAINS:
        raise UnknownNameError("published domain", args.domain, _DOMAINS)
    folder = args.folder or os.environ.get(DATA_VARIABLE)
    if not folder:
        raise UsageError(f"name the folder of the published files, or set {DATA_VARIABLE} to it")
    inside = Path(folder) / f"tau_{args.domain}"
    header = import_pack(inside if inside.is_dir() else folder, args.out)
    emit({"pack": args.out, **header})
    say(f"{header['counts']['tasks']} tasks, world {header['digests']['world']}, into {args.out}.")
    return 0


def recorded(args: argparse.Namespace) -> int:
    """Play a published benchmark's recorded conversations again.

    Every result and every reward must be what was recorded, else exit code 1.

    Example:
      simenv recorded tau-airline.gz data/tau_airline/trajectories_dev.json
    """
    pack, conversations = load_pack(args.pack), load_conversations(args.trajectories)
    if not conversations:
        raise UsageError(f"{args.trajectories} holds no conversation; give a file of recorded ones")
    result = play_recorded(pack, conversations, report=say)
    emit(result)
    say(
        f"{result['calls_equal']} of {result['calls']} results and "
        f"{result['rewards_equal']} of {result['rewards']} rewards are as recorded."
    )
    equal = result["calls_equal"] == result["calls"] and result["rewards_equal"] == result["rewards"]
    return 0 if equal else 1


def is_published(path: str) -> bool:
    """Whether a file says of itself that it is a published benchmark's pack.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(path, 0, error.strerror or "cannot be read", "Check the path") from None
    try:
        text = zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return False
    return f'"format":"{FORMAT}"'.encode() in text.split(b"\n")[0]


def idle_report(path: str) -> int:
    """Count the tasks that the published rule gives to an agent that does and says nothing."""
    pack = load_pack(path)
    passed, tasks = idle_passes(pack), len(pack.tasks)
    low, high = wilson(len(passed), tasks)
    emit(
        {
            "agent": "idle",
            "must": "none",
            "tasks": tasks,
            "passes": len(passed),
            "interval_95": [round(low, 4), round(high, 4)],
            "holds": not passed,
            "ids": passed,
        }
    )
    say(f"Doing and saying nothing passes {len(passed)} of {tasks} tasks under the published rule.")
    return 1 if passed else 0


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    each = command(commands, "import", import_tau)
    each.add_argument("benchmark", metavar="BENCHMARK", help="tau")
    each.add_argument(
        "folder", nargs="?", metavar="DIR", help=f"the published files (default: ${DATA_VARIABLE})"
    )
    each.add_argument("--domain", required=True, help="airline")
    each.add_argument("--out", required=True, metavar="PACK", help="the file to write")

    each = command(commands, "recorded", recorded)
    each.add_argument("pack", metavar="PACK", help="a pack that `simenv import` wrote")
    each.add_argument("trajectories", metavar="TRAJECTORIES.json", help="the recorded conversations")
