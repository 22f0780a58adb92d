"""Two runs over the same tasks: what was lost, what was gained, and whether chance alone does that.

Runs are joined by task and trial, so their order says nothing. A task's success is the mean over the
trials that both runs have. The whole and its groups share one chance of a false alarm: four fifths
are the whole's and one fifth is the groups', by Holm's procedure with these weights; who is rejected
leaves its share to the others.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

from simenv.core.errors import UnknownNameError, UsageError
from simenv.scoring.gate import loss_seen
from simenv.scoring.paired import Paired, loss_p, paired, weighted_holm, within_reach

KINDS = ("intent", "operator", "pair", "rung")
WHOLE_SHARE = 4, 5
"""What part of the chance of a false alarm is the whole's where there are groups."""
POWER = 0.8

Passes = Mapping[tuple[str, int], bool]
"""(task, trial) to whether it was solved."""


@dataclass(frozen=True, slots=True)
class Change:
    """A task that passes less often after than before, or more often.

    Attributes:
        task: Its id.
        trials: Trials that both runs have.
        before: How many of them passed before.
        after: How many pass after.
    """

    task: str
    trials: int
    before: int
    after: int

    @property
    def difference(self) -> int:
        """Passed trials, after minus before."""
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {"task": self.task, "trials": self.trials, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Group:
    """The tasks that need one capability.

    Attributes:
        name: Of the capability.
        tasks: How many tasks of both runs need it.
        before: Their mean success before.
        after: And after.
        regressions: Tasks that pass less often.
        progressions: Tasks that pass more often.
        p: One-sided p-value of a loss.
        adjusted: The same after Holm; None where too few tasks changed to be significant either way.
    """

    name: str
    tasks: int
    before: float
    after: float
    regressions: int
    progressions: int
    p: float
    adjusted: float | None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data, rates rounded to 4 decimals."""
        return {
            "group": self.name,
            "tasks": self.tasks,
            "before": round(self.before, 4),
            "after": round(self.after, 4),
            "regressions": self.regressions,
            "progressions": self.progressions,
            "p_regression": self.p,
            "p_adjusted": self.adjusted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of the tasks of one run in another.

    Attributes:
        alpha: The chance of a false alarm.
        changes: Every task of both runs, in the order of their ids.
        only_before: Tasks of the first run only.
        only_after: Tasks of the second run only.
        episodes_dropped: Episodes of one run only, those of such tasks included.
        difference: Of success, after minus before.
        p_regression: Exact one-sided p-value of a loss over the whole.
        p_progression: The same of a gain.
        p_adjusted: Of a loss over the whole, adjusted for the groups.
        groups: By name.
    """

    alpha: float
    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    episodes_dropped: int
    difference: Paired
    p_regression: float
    p_progression: float
    p_adjusted: float
    groups: tuple[Group, ...]

    @property
    def regressions(self) -> list[Change]:
        """The tasks that pass less often."""
        return [each for each in self.changes if each.difference < 0]

    @property
    def progressions(self) -> list[Change]:
        """The tasks that pass more often."""
        return [each for each in self.changes if each.difference > 0]

    @property
    def p_two_sided(self) -> float:
        """Exact two-sided p-value; with one trial a task McNemar's."""
        return min(1.0, 2 * min(self.p_regression, self.p_progression))

    @property
    def trials(self) -> int:
        """The most trials of a task that both runs have."""
        return max(each.trials for each in self.changes)

    @property
    def disagreement(self) -> float:
        """The share of tasks that changed."""
        return sum(each.difference != 0 for each in self.changes) / len(self.changes)

    @property
    def lost(self) -> list[Group]:
        """The groups that lost more than chance would explain."""
        return [each for each in self.groups if each.adjusted is not None and each.adjusted <= self.alpha]

    @property
    def regressed(self) -> bool:
        """Whether the whole or a group lost more than chance would explain."""
        return self.p_adjusted <= self.alpha or bool(self.lost)

    @property
    def seen(self) -> float | None:
        """The loss that so many tasks show over the whole with a power of 80 %, or None if not even all.

        With one trial a task it is exact, for runs that disagree as often as these. With several it is
        the normal approximation with their variance.
        """
        first, of = WHOLE_SHARE if self.groups else (1, 1)
        level, se = self.alpha * first / of, self.difference.se
        if self.trials == 1 or not se:
            return loss_seen(len(self.changes), self.disagreement, level, POWER)
        normal = NormalDist()
        loss = (normal.inv_cdf(1 - level) + normal.inv_cdf(POWER)) * se
        return loss if loss < 1 else None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data, rates rounded to 4 decimals, p-values as they are."""
        found, seen = self.difference, self.seen
        return {
            "alpha": self.alpha,
            "tasks": len(self.changes),
            "trials": self.trials,
            "only_before": len(self.only_before),
            "only_after": len(self.only_after),
            "episodes_dropped": self.episodes_dropped,
            "difference": round(found.mean, 4),
            "se": None if found.se is None else round(found.se, 4),
            "interval_95": [round(end, 4) for end in found.interval],
            "clusters": found.clusters,
            "disagreement": round(self.disagreement, 4),
            "p_two_sided": self.p_two_sided,
            "p_regression": self.p_regression,
            "p_progression": self.p_progression,
            "p_adjusted": self.p_adjusted,
            "loss_seen": None if seen is None else round(seen, 4),
            "power": POWER,
            "groups": [each.to_json() for each in self.groups],
            "groups_lost": [each.name for each in self.lost],
            "regressed": self.regressed,
        }


def compare(
    before: Passes,
    after: Passes,
    *,
    worlds: Mapping[str, Hashable] | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Return what became of the tasks of one run in another.

    Args:
        before: One run.
        after: The other; only trials of both are compared.
        worlds: Task to the world that it shares with others; one that is not named stands for itself.
        groups: Name of a capability to the tasks that need it; groups may overlap.
        alpha: The chance of a false alarm, one-sided, over the whole and all groups together.

    Raises:
        UsageError: If the runs have no trial in common, or ``alpha`` is no chance.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"the chance of a false alarm lies between 0 and 1, got alpha = {alpha}")
    joined = _joined(before, after)
    if not joined:
        raise UsageError("the two runs have no task and trial in common, so there is nothing to compare")
    known = {each.task: each for each in joined}
    shared = worlds or {}
    clusters = [shared.get(each.task, ("task", each.task)) for each in joined]
    differences = [each.difference for each in joined]
    p = loss_p(differences)
    p_adjusted, found = _groups(known, groups or {}, p, alpha)
    one, other = {task for task, _ in before}, {task for task, _ in after}
    return Comparison(
        alpha=alpha,
        changes=tuple(joined),
        only_before=tuple(sorted(one - other)),
        only_after=tuple(sorted(other - one)),
        episodes_dropped=len(before.keys() ^ after.keys()),
        difference=paired([each.difference / each.trials for each in joined], clusters),
        p_regression=p,
        p_progression=loss_p([-each for each in differences]),
        p_adjusted=p_adjusted,
        groups=found,
    )


def _joined(before: Passes, after: Passes) -> list[Change]:
    trials: dict[str, list[tuple[bool, bool]]] = {}
    for task, trial in sorted(before.keys() & after.keys()):
        trials.setdefault(task, []).append((before[task, trial], after[task, trial]))
    return [
        Change(task, len(each), sum(was for was, _ in each), sum(now for _, now in each))
        for task, each in trials.items()
    ]


def _groups(
    known: Mapping[str, Change], groups: Mapping[str, Collection[str]], whole: float, alpha: float
) -> tuple[float, tuple[Group, ...]]:
    """Return the adjusted p-value of the whole, and every group of which there are tasks."""
    members = {
        name: [known[task] for task in sorted(set(groups[name]) & known.keys())] for name in sorted(groups)
    }
    met = {name: each for name, each in members.items() if each}
    first, of = WHOLE_SHARE
    able = within_reach(
        [sum(c.difference != 0 for c in each) for each in met.values()], alpha * (of - first) / of
    )
    p_values = [loss_p([change.difference for change in each]) for each in met.values()]
    # Of so many parts, each group that can be significant has one; the whole has all if there is none.
    weights = [first * len(able) or 1] + [of - first] * len(able)
    adjusted = weighted_holm([whole, *(p_values[at] for at in able)], weights)
    by_place = dict(zip(able, adjusted[1:], strict=True))
    found = [
        _group(name, each, p_values[at], by_place.get(at)) for at, (name, each) in enumerate(met.items())
    ]
    return adjusted[0], tuple(found)


def _group(name: str, changes: list[Change], p: float, adjusted: float | None) -> Group:
    return Group(
        name=name,
        tasks=len(changes),
        before=sum(each.before / each.trials for each in changes) / len(changes),
        after=sum(each.after / each.trials for each in changes) / len(changes),
        regressions=sum(each.difference < 0 for each in changes),
        progressions=sum(each.difference > 0 for each in changes),
        p=p,
        adjusted=adjusted,
    )


def capability_groups(lines: Iterable[Mapping[str, Any]], kind: str) -> dict[str, list[str]]:
    """Return which tasks of a pack need which capability.

    Args:
        lines: Lines of a pack, each with its id.
        kind: ``intent`` (each part of a request), ``operator`` by which the task grew, ``pair`` of such
            operators, or ``rung`` of the ladder that fails it.

    Raises:
        UnknownNameError: If there is no such kind.
        UsageError: If it is read from certificates, and a task has none.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of group", kind, KINDS)
    found: dict[str, list[str]] = {}
    for line in lines:
        for name in _capabilities(line, kind):
            found.setdefault(name, []).append(str(line["id"]))
    return found


def _capabilities(line: Mapping[str, Any], kind: str) -> list[str]:
    if kind == "intent":
        return sorted(set(str(line["intent"]).split("+")))
    proved = line.get("certificate")
    if not isinstance(proved, Mapping):
        raise UsageError(
            f"task {line['id']} carries no certificate, so its {kind}s are not known; compare by intent, or "
            "make certified tasks with `simenv synth`"
        )
    if kind == "rung":
        return sorted(set(map(str, proved.get("ladder", ()))))
    operators = sorted(set(map(str, proved.get("lineage", ()))))
    return operators if kind == "operator" else [f"{a}+{b}" for a, b in combinations(operators, 2)]
