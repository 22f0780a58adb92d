"""The command that tells whether one run lost what another could do: compare."""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simenv.agents.audit import idle
from simenv.agents.runs import attempt
from simenv.cli.runs import pack_of, planned
from simenv.cli.tables import table
from simenv.cli.words import Commands, bar, command, count, emit, say, wrapped
from simenv.core.errors import UsageError
from simenv.core.log import TornTailError, read_header
from simenv.core.pack import Pack
from simenv.episodes.replay import Recorded, read_episodes, replayed
from simenv.scoring.compare import KINDS, Change, Comparison, Group, capability_groups, compare
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
_OPENING = 70


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, played again.

    Attributes:
        log: Its file.
        agent: Who played.
        due: How many episodes the finished run has.
        facts: (task, trial) to what the episode came to.
        reasons: (task, trial) to why it was failed.
        torn: What is wrong with the last line, or "".
    """

    log: str
    agent: str
    due: int
    facts: dict[tuple[str, int], Fact] = field(default_factory=dict)
    reasons: dict[tuple[str, int], str] = field(default_factory=dict)
    torn: str = ""

    @property
    def passes(self) -> dict[tuple[str, int], bool]:
        """(task, trial) to whether it was solved."""
        return {key: fact.passed for key, fact in self.facts.items()}

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data about the log."""
        return {"run": self.log, "episodes": len(self.facts), "episodes_due": self.due, "torn": self.torn}


def compare_runs(args: argparse.Namespace) -> int:
    """Say whether run B lost anything that run A could do.

    Runs are joined by task and trial; what only one of them has is counted and left out. Both are played
    again, so what is compared is what happens and not what the logs say. A task's success is the mean over
    the trials that both runs have.

    The test is exact: McNemar's with one trial a task, else a test that turns whole tasks the other way
    round, because trials of one task are not independent. The groups are the tasks that need the same
    capability. The whole has four fifths of the chance of a false alarm and the groups one fifth, by Holm's
    procedure, so that it is at most --alpha in all.

    Exit code 1 if the whole or a group lost more than chance explains.

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
    _tell_joined(before, after, found)
    say(
        score_table(
            [
                replace(rows[0], agent=f"A: {before.agent}"),
                replace(rows[1], agent=f"B: {after.agent}"),
                rows[2],
            ]
        )
    )
    _tell_difference(found)
    _tell_tasks("Regressions, tasks that pass less often in B", lost, args.limit)
    _tell_tasks("Progressions, tasks that pass more often in B", gained, args.limit)
    _tell_groups(found, args.by, args.limit)
    _tell_end(found)
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


def _run(log: str, pack: Pack, header: Mapping[str, Any]) -> _Run:
    """Play a run again. A torn last line, as a killed writer leaves it, ends it; other damage is an error.

    Raises:
        LogError: If the log is damaged elsewhere.
        ReplayError: If an episode does not come out as it was recorded.
    """
    due = int(header["tasks"]) * int(header["trials"])
    run = _Run(log, str(header.get("agent", "")), due)
    with bar(due, "episodes") as progress:
        try:
            for recorded in read_episodes(log):
                _add(run, pack, recorded)
                progress.update(1)
        except TornTailError as error:
            run = replace(run, torn=str(error))
    return run


def _add(run: _Run, pack: Pack, recorded: Recorded) -> None:
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


def _rows(before: _Run, after: _Run, found: Comparison, pack: Pack) -> tuple[ScoreRow, ScoreRow, ScoreRow]:
    """Return what both agents and the idle one did on the tasks and trials of both runs."""
    both = sorted(before.facts.keys() & after.facts.keys())
    tasks = {each.task: pack.find(each.task) for each in found.changes}
    nothing = [fact_of({"task": name, "trial": 0} | attempt(task, idle)) for name, task in tasks.items()]
    one, other = (Side(agent=run.agent, facts=[run.facts[key] for key in both]) for run in (before, after))
    return one.row("characters"), other.row("characters"), Side(agent="idle", facts=nothing).row("characters")


def _told(changes: Sequence[Change], failing: _Run, pack: Pack, limit: int) -> list[dict[str, Any]]:
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


def _explained(run: _Run, pack: Pack, tasks: Collection[str]) -> dict[str, dict[str, Any]]:
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


def _tell_joined(before: _Run, after: _Run, found: Comparison) -> None:
    times = "once" if found.trials == 1 else f"up to {found.trials} times"
    say(f"A is {before.log} by {before.agent}, B is {after.log} by {after.agent}.")
    say(f"{len(found.changes)} tasks are in both runs, tried {times}.")
    for letter, run, only in (("A", before, found.only_before), ("B", after, found.only_after)):
        if run.torn:
            say(f"The last line of {letter} is torn; its {len(run.facts)} whole records are used. {run.torn}")
        if run.due > len(run.facts):
            say(f"{letter} is not finished: {run.due - len(run.facts)} of {run.due} episodes are missing.")
        if only:
            say(f"{len(only)} tasks are only in {letter} and left out.")
    if found.episodes_dropped:
        say(f"{found.episodes_dropped} episodes are in one run only and left out.")
    say()


def _tell_difference(found: Comparison) -> None:
    mean, se, (low, high), clusters = found.difference
    verb = "loses" if mean < 0 else "gains"
    error = "" if se is None else f", standard error {100 * se:.1f}"
    say(
        f"B {verb} {_points(abs(mean))} (95 % interval {100 * low:+.1f} to {100 * high:+.1f}{error}; "
        f"tasks of one world count as alike, {clusters} {_many(clusters, 'group')})."
    )
    test = "McNemar's exact test" if found.trials == 1 else "the exact test by signs of whole tasks"
    lost, gained = len(found.regressions), len(found.progressions)
    say(f"{lost} {_many(lost, 'regression')} and {gained} {_many(gained, 'progression')}. By {test}")
    say(
        f"p = {_p(found.p_two_sided)} for a change, {_p(found.p_regression)} for a loss, "
        f"{_p(found.p_adjusted)} for a loss beside all groups."
    )


def _tell_tasks(title: str, told: Sequence[Mapping[str, Any]], limit: int) -> None:
    if not told:
        return
    say(f"\n{title}:")
    for each in told[:limit]:
        was, now, of = each["before"], each["after"], each["trials"]
        times = f" ({was} to {now} of {of} trials)" if of > 1 else ""
        opening = " ".join(each["opening"].split())
        begun = opening if len(opening) <= _OPENING else opening[:_OPENING].rsplit(" ", 1)[0] + " ..."
        say(f'  {each["task"]}{times}, {each["intent"]}: "{begun}"')
        lacks = f"; lacks {each['lacks']} ({each['ability']})" if each.get("ability") else ""
        place = f"; first wrong at {each['node']}" if each.get("node") else ""
        say(wrapped("    ", f"{each['reason']}{lacks}{place}"))
    if len(told) > limit:
        say(f"  ... and {len(told) - limit} more; --limit {len(told)} explains all of them")


def _tell_groups(found: Comparison, by: str, limit: int) -> None:
    changed = sorted(
        (each for each in found.groups if each.regressions or each.progressions),
        key=lambda each: (each.p, each.name),
    )
    same = len(found.groups) - len(changed)
    if changed:
        say()
        say(table([_head(by), *map(_cells, changed[:limit])]))
    if len(changed) > limit:
        say(f"... and {len(changed) - limit} more groups that changed, none with a smaller p")
    say(f"{same} of {len(found.groups)} groups by {by} did not change." if found.groups else "")


def _head(by: str) -> list[str]:
    return [by, "tasks", "A", "B", "regressions", "progressions", "p of a loss", "by Holm"]


def _cells(group: Group) -> list[str]:
    return [
        group.name,
        str(group.tasks),
        f"{100 * group.before:.1f}%",
        f"{100 * group.after:.1f}%",
        str(group.regressions),
        str(group.progressions),
        _p(group.p),
        "too few" if group.adjusted is None else _p(group.adjusted),
    ]


def _tell_end(found: Comparison) -> None:
    n, seen = len(found.changes), found.seen
    if seen is None:
        say(f"\nWith these {n} tasks no loss whatever would be seen with 80 % power.")
    else:
        say(
            f"\nWith these {n} tasks a loss of {_points(seen)} would be seen with 80 % power, if at least "
            f"{100 * found.disagreement:.1f} % of them change, as here."
        )
    if not found.regressed:
        say(f"No significant regression at alpha = {found.alpha:g}.")
        return
    where = ["the whole"] if found.p_adjusted <= found.alpha else []
    where += [each.name for each in found.lost]
    say(f"A significant regression at alpha = {found.alpha:g}: {', '.join(where)}.")


def _many(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _points(rate: float) -> str:
    return f"{100 * rate:.1f} points"


def _p(value: float) -> str:
    return f"{value:.3g}" if value < 0.001 else f"{value:.4f}".rstrip("0").rstrip(".")


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
