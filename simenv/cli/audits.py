"""The audit command: can anything pass that must not, does anything fail that must pass?"""

import argparse
from pathlib import Path

from simenv.agents.audit import Row, audit, episodes_of
from simenv.cli.choose import ENV_HELP, add_split, add_uncertified, choose, domain_of, is_env, pack_in, proven
from simenv.cli.published import idle_report, is_published
from simenv.cli.words import Commands, bar, command, emit, say
from simenv.core.task import Task


def audit_tasks(args: argparse.Namespace) -> int:
    """Let cheats and honest agents play tasks: none and all must pass.

    Exit code 1 if it is not so. Prints a line per agent: how many tasks it passed, and the 95 %
    bound on the rate of what must not happen. Of a published benchmark, it counts the tasks that
    an agent passes by doing nothing.

    Example:
      simenv audit airline --tasks 20
      simenv audit tau-airline.gz
    """
    if not is_env(args.subject) and not Path(args.subject).is_file():
        domain_of(args.subject)
    if not is_env(args.subject) and is_published(args.subject):
        return idle_report(args.subject)
    tasks = _tasks(args)
    rows = []
    with bar(episodes_of(tasks), "episodes") as progress:
        for row in audit(tasks, progress.update):
            rows.append(row)
            progress.clear()
            emit(row.to_json())
    return _judge(rows)


def _tasks(args: argparse.Namespace) -> list[Task]:
    if is_env(args.subject):
        return choose(args.subject, tasks=args.tasks, split=args.split, uncertified=args.uncertified).tasks
    pack = pack_in(args.subject, uncertified=args.uncertified)
    return proven(pack, range(len(pack)))


def _judge(rows: list[Row]) -> int:
    """Say what does not hold and return the exit code."""
    wrong = [row for row in rows if not row.holds]
    for row in wrong:
        wanted = "all" if row.must_pass else "none"
        say(f"{row.agent} passes {row.passes} of {row.tasks} tasks and must pass {wanted}:")
        for task, reason in row.failures:
            say(f"  {task}: {reason}")
    if not wrong:
        say(f"All {len(rows)} agents earn what they must: the honest everything, the others nothing.")
    return 1 if wrong else 0


def add(commands: Commands) -> None:
    """Add the command."""
    each = command(commands, "audit", audit_tasks)
    each.add_argument("subject", metavar="ENV|PACK", help=f"{ENV_HELP}, or a pack file")
    each.add_argument(
        "--tasks", default="20", metavar="N|FILE", help="the first N tasks, or all of a pack (default: 20)"
    )
    add_split(each)
    add_uncertified(each)
