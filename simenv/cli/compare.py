"""The command that tells whether one run lost what another could do: compare."""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simenv.agents.audit import idle
from simenv.agents.runs import attempt
from simenv.cli.compare_words import Run, tell_difference, tell_end, tell_groups, tell_joined, tell_tasks
from simenv.cli.runs import pack_of, planned
from simenv.cli.words import Commands, bar, command, count, emit, say
from simenv.core.errors import UsageError
from simenv.core.log import TornTailError, read_header
from simenv.core.pack import Pack
from simenv.episodes.replay import Recorded, read_episodes, replayed
from simenv.scoring.compare import KINDS, Change, Comparison, capability_groups, compare
from simenv.scoring.facts import Fact, fact_of
from simenv.scoring.panel import Side
from simenv.scoring.report import ScoreRow, score_table
from simenv.synth.attribute import Attribution

_SAME = {
    "domain": "in domain",
    "env_version": "in version",
    "simenv": "with simenv",
    "face": "with face",
}


def compare_runs(args: argparse.Namespace) -> int:
    """Say whether run B lost anything that run A could do.

    Runs are joined by task and trial; what only one of them has is counted and left out. Both are played
    again, so what is compared is what happens and not what the logs say. A task's success is the mean over
    the trials that both runs have.

    The test is exact: McNemar's with one trial a task, else a test that turns whole tasks the other way
    round, because trials of one task are not independent. The groups are the tasks that need the same
    capability. The whole has four fifths of the chance of a false alarm and the groups one fifth, by Holm's
    procedure, so that it is at most --alpha in all.

    A regression is a task that B solves less often than A. The last line says what was found. Exit code 1
    if the whole or a group lost more than chance explains, else 0.

    Example:
      simenv compare yesterday.jsonl today.jsonl --by operator
    """
    if not 0 < args.alpha < 1:
        raise UsageError(f"--alpha is a chance between 0 and 1, got {args.alpha:g}")
    headers = [read_header(log) for log in (args.before, args.after)]
    _check_same(args.before, args.after, headers)
    packs = [pack_of(log, args.pack) for log in (args.before, args.after)]
    _check_packs(args.before, args.after, packs)
    pack = packs[0]
    before, after = (
        _run(log, each, header)
        for log, each, header in zip((args.before, args.after), packs, headers, strict=True)
    )
    found = compare(
        before.passes,
        after.passes,
        worlds={str(line["id"]): (str(line["size"]), *line["world"]) for line in pack.lines},
        groups=capability_groups(pack.lines, args.by),
        alpha=args.alpha,
    )
    rows = _rows(before, after, found, pack)
    lost = _told(found.regressions, after, pack, args.limit)
    gained = _told(found.progressions, before, pack, args.limit)
    emit(
        {"before": before.to_json() | rows[0].to_json(), "after": after.to_json() | rows[1].to_json()}
        | {"idle": rows[2].to_json(), "by": args.by}
        | found.to_json()
        | {"regressions": len(lost), "progressions": len(gained), "lost": lost, "gained": gained}
    )
    tell_joined(before, after, found)
    say(
        score_table(
            [
                replace(rows[0], agent=f"A: {before.agent}"),
                replace(rows[1], agent=f"B: {after.agent}"),
                rows[2],
            ]
        )
    )
    tell_difference(found)
    tell_tasks("Regressions: B solves them less often than A. Why B fails them", lost, args.limit)
    tell_tasks("Progressions: B solves them more often than A. Why A failed them", gained, args.limit)
    tell_groups(found, args.by, args.limit)
    tell_end(found)
    return int(found.regressed)


def _check_same(one: str, other: str, headers: Sequence[Mapping[str, Any]]) -> None:
    """Refuse runs that were not played in the same way."""
    for log, header in zip((one, other), headers, strict=True):
        if "adaptive" in header:
            raise UsageError(
                f"{log} is adaptive: which tasks it asked depends on the answers, so a test over them says "
                "nothing. Run all tasks, or compare the abilities that the two runs print"
            )
    for name, how in _SAME.items():
        was, now = (header.get(name) for header in headers)
        if was != now:
            raise UsageError(
                f"{one} was played {how} {was!r} and {other} {how} {now!r}; only runs of the same {name} "
                "can be compared. Record one of them again"
            )


def _check_packs(one: str, other: str, packs: Sequence[Pack]) -> None:
    """Refuse runs of different tasks."""
    for log, pack in zip((one, other), packs, strict=True):
        planned(log, pack)
    if packs[0].ids() != packs[1].ids():
        sizes = [f"{pack.place} ({len(pack)} tasks)" for pack in packs]
        raise UsageError(
            f"{one} was played on {sizes[0]} and {other} on {sizes[1]}; "
            "only runs of the same pack can be compared"
        )


def _run(log: str, pack: Pack, header: Mapping[str, Any]) -> Run:
    """Play a run again. A torn last line, as a killed writer leaves it, ends it; other damage is an error.

    Raises:
        LogError: If the log is damaged elsewhere.
        ReplayError: If an episode does not come out as it was recorded.
    """
    due = int(header["tasks"]) * int(header["trials"])
    run = Run(log, str(header.get("agent", "")), due)
    with bar(due, "episodes") as progress:
        try:
            for recorded in read_episodes(log):
                _add(run, pack, recorded)
                progress.update(1)
        except TornTailError as error:
            run = replace(run, torn=str(error))
    return run


def _add(run: Run, pack: Pack, recorded: Recorded) -> None:
    episode = replayed(run.log, pack, recorded)
    verdict, steps = episode.verdict(), episode.trajectory().steps
    process = verdict.process
    run.facts[recorded.key] = Fact(
        task=recorded.task,
        trial=recorded.trial,
        passed=verdict.passed,
        characters=sum(len(step.action) for step in steps),
        calls=process.calls,
        errors=sum(process.errors.values()),
        breaches=sum(process.breaches.values()),
    )
    if not verdict.passed:
        run.reasons[recorded.key] = recorded.stuck or verdict.reason


def _rows(before: Run, after: Run, found: Comparison, pack: Pack) -> tuple[ScoreRow, ScoreRow, ScoreRow]:
    """Return what both agents and the idle one did on the tasks and trials of both runs."""
    both = sorted(before.facts.keys() & after.facts.keys())
    tasks = {each.task: pack.find(each.task) for each in found.changes}
    nothing = [fact_of({"task": name, "trial": 0} | attempt(task, idle)) for name, task in tasks.items()]
    one, other = (Side(agent=run.agent, facts=[run.facts[key] for key in both]) for run in (before, after))
    return one.row("characters"), other.row("characters"), Side(agent="idle", facts=nothing).row("characters")


def _told(changes: Sequence[Change], failing: Run, pack: Pack, limit: int) -> list[dict[str, Any]]:
    """Return what is said of tasks that changed, in pack order; of the first ``limit`` also why they failed.

    Args:
        changes: The tasks.
        failing: The run that fails them.
        pack: What they are of.
        limit: How many are explained.
    """
    places = {name: at for at, name in enumerate(pack.ids())}
    ordered = sorted(changes, key=lambda each: places[each.task])
    explained = _explained(failing, pack, {each.task for each in ordered[:limit]})
    found = []
    for each in ordered:
        task = pack.find(each.task)
        told = {**each.to_json(), "intent": task.intent, "opening": task.card.opening}
        found.append(told | explained.get(each.task, {}))
    return found


def _explained(run: Run, pack: Pack, tasks: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return of each task why its first failed episode failed, which ability it lacked, and where."""
    first: dict[str, tuple[str, int]] = {}
    for key in sorted(run.reasons):
        if key[0] in tasks:
            first.setdefault(key[0], key)
    found: dict[str, dict[str, Any]] = {}
    for recorded in _whole(run.log) if first else ():
        if first.get(recorded.task) == recorded.key:
            episode = replayed(run.log, pack, recorded)
            cause = Attribution(episode.task).cause(episode.trajectory())
            why = {"trial": recorded.trial, "reason": run.reasons[recorded.key]}
            found[recorded.task] = why | {"lacks": cause.rung, "ability": cause.ability, "node": cause.node}
    return found


def _whole(log: str) -> Iterable[Recorded]:
    """Yield the episodes before a torn tail."""
    try:
        yield from read_episodes(log)
    except TornTailError:
        return


def add(commands: Commands) -> None:
    """Add the command of this group."""
    each = command(commands, "compare", compare_runs)
    each.add_argument("before", metavar="RUN_A.jsonl", help="a log that `simenv run` wrote")
    each.add_argument("after", metavar="RUN_B.jsonl", help="another, of the same tasks")
    each.add_argument(
        "--by",
        choices=KINDS,
        default=KINDS[0],
        help="what the groups of tasks have in common (default: intent)",
    )
    each.add_argument(
        "--alpha", type=float, default=0.05, metavar="P", help="chance of a false alarm (default: 0.05)"
    )
    each.add_argument(
        "--limit", type=count, default=20, metavar="N", help="how many tasks are explained (default: 20)"
    )
    each.add_argument("--pack", metavar="FILE", help="the pack both were played on, if it has moved")
