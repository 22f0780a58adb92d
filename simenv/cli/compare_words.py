"""What `simenv compare` says to people: which run is which, what changed, how sure it is, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simenv.cli.tables import table
from simenv.cli.words import say, wrapped
from simenv.scoring.compare import Comparison, Group
from simenv.scoring.facts import Fact

_OPENING = 70


@dataclass(frozen=True, slots=True)
class Run:
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


def tell_joined(before: Run, after: Run, found: Comparison) -> None:
    """Say what A and B are and what of them is compared."""
    n = len(found.changes)
    times = "one trial" if found.trials == 1 else f"up to {found.trials} trials"
    say(f"A, the run before: {before.log}, played by {before.agent}.")
    say(f"B, the run after:  {after.log}, played by {after.agent}.")
    say(f"Compared are the {n} {_many(n, 'task')} that both runs played, {times} each.")
    for letter, run, only in (("A", before, found.only_before), ("B", after, found.only_after)):
        if run.torn:
            say(f"The last line of {letter} is torn; its {len(run.facts)} whole records are used. {run.torn}")
        if run.due > len(run.facts):
            say(f"{letter} is not finished: {run.due - len(run.facts)} of {run.due} episodes are missing.")
        if only:
            say(f"{len(only)} {_many(len(only), 'task')} only in {letter}: left out.")
    if found.episodes_dropped:
        say(f"{found.episodes_dropped} {_many(found.episodes_dropped, 'episode')} in one run only: left out.")
    say()


def tell_difference(found: Comparison) -> None:
    """Say how much the runs differ and how sure that is."""
    mean, se, (low, high), clusters = found.difference
    n = len(found.changes)
    was, now = (
        100 * sum(passed / each.trials for each, passed in pairs) / n
        for pairs in (
            [(each, each.before) for each in found.changes],
            [(each, each.after) for each in found.changes],
        )
    )
    how = f"{_points(abs(mean))} {'less' if mean < 0 else 'more'} than A" if mean else "as much as A"
    error = "" if se is None else f", standard error {100 * se:.1f}"
    say(f"B solves {how}: {now:.1f} % of {n} {_many(n, 'task')}, and A {was:.1f} %.")
    say(
        f"The change is {100 * mean:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}{error};"
        f" tasks of one world count as alike ({clusters} {_many(clusters, 'cluster')})."
    )
    lost, gained = len(found.regressions), len(found.progressions)
    say(
        f"{lost} {_many(lost, 'regression')} and {gained} {_many(gained, 'progression')}: tasks that B solves"
        f" less often than A, and more often; {n - lost - gained} as often."
    )
    test = "McNemar's exact test" if found.trials == 1 else "the exact test by signs of whole tasks"
    p, beside = (
        _p(found.p_regression),
        f", {_p(found.p_adjusted)} when the groups below are tested too" if found.groups else "",
    )
    say(
        f"If B were no worse, so large a loss would come by chance with p = {p}{beside}; "
        f"a change either way with p = {_p(found.p_two_sided)}. By {test}."
    )


def tell_tasks(title: str, told: Sequence[Mapping[str, Any]], limit: int) -> None:
    """Say which tasks changed; of the first ``limit`` also why they were failed."""
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


def tell_groups(found: Comparison, by: str, limit: int) -> None:
    """Say which groups of tasks changed."""
    changed = sorted(
        (each for each in found.groups if each.regressions or each.progressions),
        key=lambda each: (each.p, each.name),
    )
    same, total = len(found.groups) - len(changed), len(found.groups)
    if changed:
        say(f"\nGroups by {by}, the tasks that need the same; a task may be in several:")
        say(table([_head(by), *map(_cells, changed[:limit])]))
    if len(changed) > limit:
        say(f"... and {len(changed) - limit} more groups that changed, none with a smaller p")
    if changed:
        say("p adjusted is for testing all groups at once (Holm); with too few changed tasks nothing shows.")
    if found.groups:
        say(f"{same} of {total} groups by {by} did not change." if same else f"All {total} groups changed.")


def _head(by: str) -> list[str]:
    return [by, "tasks", "A", "B", "regressions", "progressions", "p of a loss", "p adjusted"]


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


def tell_end(found: Comparison) -> None:
    """Say what would have been seen, and what was found."""
    n, seen = len(found.changes), found.seen
    of = f"With {n} {_many(n, 'task')}"
    if seen is None:
        say(f"\n{of} no loss whatever would be seen with 80 % power; compare more tasks.")
    else:
        say(
            f"\n{of} a loss of {_points(seen)} would be seen with 80 % power (in 4 of 5 such comparisons), "
            f"where as many of them change as here, {100 * found.disagreement:.1f} %. A smaller one may hide."
        )
    if found.regressed:
        where = ["the whole"] if found.p_adjusted <= found.alpha else []
        where += [f"{each.name} ({each.tasks} {_many(each.tasks, 'task')})" for each in found.lost]
        say(
            f"Significant regression at alpha = {found.alpha:g}: B lost more than chance explains over "
            f"{', '.join(where)}. Exit code 1."
        )
    elif found.regressions:
        say(
            f"No significant regression at alpha = {found.alpha:g}: chance alone could explain such a loss. "
            "Exit code 0."
        )
    else:
        say("No significant regression: B solves every task at least as often as A. Exit code 0.")


def _many(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _points(rate: float) -> str:
    return f"{100 * rate:.1f} points"


def _p(value: float) -> str:
    return f"{value:.3g}" if value < 0.001 else f"{value:.4f}".rstrip("0").rstrip(".")
