"""The panel of a training: what was measured before and after it, with how much was seen and how sure it is.

Everything comes in as facts of episodes, of single calls and of texts, so that whoever plays and trains
stands elsewhere. The idle agent is always there: what it earns, nobody has to learn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any, NamedTuple

from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.scoring.facts import Fact, Hits, TextLoss
from simenv.scoring.paired import paired, pooled
from simenv.scoring.report import ScoreRow, aligned, score_table
from simenv.scoring.statistics import (
    Z95,
    Interval,
    clustered_se,
    mean_over_tasks,
    pass_at_k,
    pass_hat_k,
    wilson,
)
from simenv.scoring.tokens import Spent

_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What was measured of one agent.

    Attributes:
        agent: Its name.
        facts: Of its episodes.
        tools: How often it selects the oracle's tools; see ``accuracies``.
        arguments: How often it then gives the same arguments.
        validation: Losses of demonstrations of other tasks.
        retention: Losses of text that has nothing to do with the training.
    """

    agent: str
    facts: Sequence[Fact]
    tools: Hits = field(default_factory=dict)
    arguments: Hits = field(default_factory=dict)
    validation: Sequence[TextLoss] = ()
    retention: Sequence[TextLoss] = ()

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Task to (trials, passed), in the order of the ids."""
        found: dict[str, tuple[int, int]] = {}
        for fact in sorted(self.facts, key=lambda each: (each.task, each.trial)):
            trials, passed = found.get(fact.task, (0, 0))
            found[fact.task] = (trials + 1, passed + fact.passed)
        return found

    @property
    def counted(self) -> bool:
        """Whether the tokens of every episode are known."""
        return all(fact.tokens is not None for fact in self.facts)

    def row(self, unit: str) -> ScoreRow:
        """Return its row of a score table; ``unit`` is that of what it wrote."""
        written: dict[str, int] = {}
        for fact in self.facts:
            amount = fact.tokens or 0 if unit == "tokens" else fact.characters
            written[fact.task] = written.get(fact.task, 0) + amount
        counts = self.counts
        return ScoreRow(
            agent=self.agent,
            counts=tuple(counts.values()),
            calls=sum(fact.calls for fact in self.facts),
            errors=sum(fact.errors for fact in self.facts),
            breaches=sum(fact.breaches for fact in self.facts),
            spent=Spent(unit, tuple((written[task], passed) for task, (_, passed) in counts.items())),
        )


class Estimate(NamedTuple):
    """A figure, of how many it is and how sure: tasks, steps of calls or texts.

    Attributes:
        value: The figure, or None where nothing determines it.
        n: Of how many.
        interval: 95 % interval, or None where it cannot be told.
    """

    value: float | None
    n: int
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data, rounded to 4 decimals."""
        return {
            "value": None if self.value is None else round(self.value, 4),
            "n": self.n,
            "interval_95": None if self.interval is None else [round(end, 4) for end in self.interval],
        }


NOTHING = Estimate(None, 0, None)


class Line(NamedTuple):
    """One measure: before, after, and what changed between the two.

    Attributes:
        name: Of the measure.
        form: ``percent``, ``loss`` or ``count``.
        of: What n counts.
        before: Before.
        after: After.
        change: After minus before, the difference of the two; nothing where other tasks or texts were
            looked at. Its n is the smaller of both.
        idle: Of the idle agent.
        tasks: Of how many tasks the steps are, which the intervals take together; 0 where n counts no steps.
    """

    name: str
    form: str
    of: str
    before: Estimate
    after: Estimate
    change: Estimate
    idle: Estimate
    tasks: int = 0

    @property
    def counted(self) -> str:
        """Of how many it is, before and after where they differ, in words."""
        ns = dict.fromkeys(each.n for each in (self.before, self.after) if each.n)
        clusters = f" of {self.tasks} tasks" if self.tasks else ""
        return f"{', '.join(map(str, ns)) or 0} {self.of}{clusters}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What was measured before and after a training.

    Attributes:
        before: Before it.
        after: After it.
        idle: The idle agent on the same tasks.
        k: How many trials pass@k and pass^k are about; by default as many as every task has.

    Raises:
        UsageError: If the three did not play the same tasks, or one played a trial twice.
    """

    before: Side
    after: Side
    idle: Side
    k: int = 0

    def __post_init__(self) -> None:
        tasks = sorted(self.before.counts)
        if not tasks:
            raise UsageError("a panel is about one task or more; there is no fact before the training")
        for side in (self.before, self.after, self.idle):
            if len({(fact.task, fact.trial) for fact in side.facts}) != len(side.facts):
                raise UsageError(f"{side.agent} played a task and trial twice; give each fact once")
            if lone := sorted(set(tasks) ^ side.counts.keys()):
                raise UsageError(
                    f"a panel compares the same tasks; {len(lone)} were played by {self.before.agent} or "
                    f"{side.agent} only, such as {lone[0]}"
                )

    @property
    def unit(self) -> str:
        """In which what was written is counted: tokens if they are known of both, else characters."""
        return "tokens" if self.before.counted and self.after.counted else "characters"

    @property
    def rows(self) -> tuple[ScoreRow, ScoreRow, ScoreRow]:
        """Before, after and idle, as a score table has them."""
        return self.before.row(self.unit), self.after.row(self.unit), self.idle.row(self.unit)

    def lines(self) -> list[Line]:
        """Return every measure there is."""
        before, after, idle = self.rows
        most = self.k or min(row.most_k for row in (before, after))
        found = [self._success("success", pass_at_k, 1)]
        if most > 1:
            found += [self._success(f"pass@{most}", pass_at_k, most)]
            found += [self._success(f"pass^{most}", pass_hat_k, most)]
        found.append(self._kept())
        costs = [_cost(row.spent) for row in (before, after, idle)]
        found.append(
            Line(f"{self.unit} per success", "count", "tasks", costs[0], costs[1], NOTHING, costs[2])
        )
        same = self.before.tools.keys() == self.after.tools.keys()
        for name, of in (("tools", "tool selection"), ("arguments", "arguments")):
            found += _hits_line(of, getattr(self.before, name), getattr(self.after, name), same=same)
        for name in ("validation", "retention"):
            found += _loss_line(f"{name} loss", getattr(self.before, name), getattr(self.after, name))
        return found

    def _success(self, name: str, estimator: Callable[[int, int, int], float | None], k: int) -> Line:
        sides = [side.counts for side in (self.before, self.after, self.idle)]
        rates = [_rate([mean_over_tasks(estimator, [c], k) for c in counts.values()]) for counts in sides]
        worlds = {fact.task: fact.world for side in (self.before, self.after) for fact in side.facts}
        ends = [(estimator(*sides[0][task], k), estimator(*sides[1][task], k)) for task in sides[0]]
        known = [now - was for was, now in ends if was is not None and now is not None]
        change = NOTHING
        if len(known) == len(ends):
            found = paired(known, [worlds[task] or ("task", task) for task in sides[0]])
            change = Estimate(found.mean, len(known), found.interval)
        return Line(name, "percent", "tasks", rates[0], rates[1], change, rates[2])

    def _kept(self) -> Line:
        """Of the tasks that always passed before, the share that still does."""
        was, now, idle = self.before.counts, self.after.counts, self.idle.counts
        solved = [task for task, (trials, passed) in was.items() if trials == passed]
        ends = [_rate([float(side[t][0] == side[t][1]) for t in solved]) for side in (was, now, idle)]
        return Line("kept of what passed", "percent", "tasks", ends[0], ends[1], NOTHING, ends[2])

    def table(self) -> str:
        """Return the panel as people read it: the scores of all three, then every measure with its change."""
        lines = [
            ["measure", "n", "before", "95 % interval", "after", "95 % interval", "change", "95 % interval"]
        ]
        lines[0].append(self.idle.agent)
        for line in self.lines():
            cells = [line.name, line.counted]
            for each in (line.before, line.after, line.change):
                cells += [_shown(each.value, line.form), _ends(each.interval, line.form)]
            lines.append([*cells, _shown(line.idle.value, line.form)])
        return score_table(self.rows) + "\n" + aligned(lines)

    def to_json(self) -> dict[str, Any]:
        """Return every figure of the tables, and those that they leave out, as plain JSON."""
        names = ("before", "after", "idle")
        return {
            **{name: row.to_json() for name, row in zip(names, self.rows, strict=True)},
            "unit": self.unit,
            "measures": {
                line.name: {
                    "form": line.form,
                    "of": line.of,
                    **({"tasks": line.tasks} if line.tasks else {}),
                    "before": line.before.to_json(),
                    "after": line.after.to_json(),
                    "change": line.change.to_json(),
                    "idle": line.idle.to_json(),
                }
                for line in self.lines()
            },
        }


def _rate(values: Sequence[float | None]) -> Estimate:
    """Return a mean over tasks; its interval is as wide as if each task were one trial."""
    known = [value for value in values if value is not None]
    if not known or len(known) != len(values):
        return Estimate(None, len(values), None)
    mean = min(1.0, fsum(known) / len(known))
    return Estimate(mean, len(known), wilson(mean * len(known), len(known)))


def _cost(spent: Spent | None) -> Estimate:
    return Estimate(spent.per_success, len(spent.tasks), spent.interval) if spent else NOTHING


def _hits_line(name: str, before: Hits, after: Hits, *, same: bool) -> list[Line]:
    """Return the line of a share of steps; ``same`` says whether the same tasks were looked at."""
    if not before and not after:
        return []
    # Arguments are judged where the tool was right, so a task may have such steps on one side only.
    tasks = sorted(before.keys() | after.keys())
    counts = [(before.get(task, (0, 0)), after.get(task, (0, 0))) for task in tasks]
    was, now, change = _accuracy(before), _accuracy(after), NOTHING
    if same and was.n and now.n:
        found = pooled(counts)
        change = Estimate(found.mean, min(was.n, now.n), found.interval)
    return [Line(name, "percent", "steps", was, now, change, NOTHING, len(tasks))]


def _accuracy(hits: Hits) -> Estimate:
    """Return a share of steps; steps of one task are as many fewer as they are alike."""
    tasks = [(tries, found) for tries, found in hits.values() if tries]
    tries, found = sum(tries for tries, _ in tasks), sum(found for _, found in tasks)
    if not tries:
        return NOTHING
    mean, n = found / tries, float(tries)
    values = [1.0] * found + [0.0] * (tries - found)
    alone = clustered_se(values, range(tries))
    within = fsum((right - mean * of) ** 2 for of, right in tasks)
    if alone:
        n = min(n, max(1.0, n * alone**2 / (within / tries**2))) if within else n
    else:
        n = float(len(tasks))
    return Estimate(mean, tries, wilson(mean * n, n))


def _loss_line(name: str, before: Sequence[TextLoss], after: Sequence[TextLoss]) -> list[Line]:
    if not before and not after:
        return []
    was, now = ({each.text: each for each in side} for side in (before, after))
    change = NOTHING
    if was.keys() == now.keys() and all(was[t].tokens == now[t].tokens for t in was):
        change = _loss([TextLoss(t, now[t].nats - was[t].nats, was[t].tokens) for t in sorted(was)])
    return [Line(name, "loss", "texts", _loss(before), _loss(after), change, NOTHING)]


def _loss(texts: Sequence[TextLoss]) -> Estimate:
    """Return nats per token, with the error of a ratio of sums over texts."""
    tokens, n = sum(each.tokens for each in texts), len(texts)
    if not tokens:
        return NOTHING
    mean = fsum(each.nats for each in texts) / tokens
    if n < 2:
        return Estimate(mean, n, None)
    square = fsum((each.nats - mean * each.tokens) ** 2 for each in texts)
    half = Z95 * (square * n / (n - 1)) ** 0.5 / tokens
    return Estimate(mean, n, Interval(mean - half, mean + half))


def _shown(value: float | None, form: str) -> str:
    if value is None:
        return _NONE
    return {"percent": f"{100 * value:.1f}%", "loss": f"{value:.3f}", "count": f"{value:,.0f}"}[form]


def _ends(interval: Interval | None, form: str) -> str:
    return _NONE if interval is None else " to ".join(_shown(end, form) for end in interval)


# Two sets of tasks


@dataclass(frozen=True, slots=True)
class Sets:
    """Tasks by what a training is to do with them.

    Attributes:
        capability: Tasks that did not always pass before: what is to be won.
        regression: Tasks that always passed before: what must not be lost.
        held_capability: Of the first kind, those that no training may see.
        held_regression: Of the second kind, those that no training may see.
    """

    capability: tuple[str, ...]
    regression: tuple[str, ...]
    held_capability: tuple[str, ...]
    held_regression: tuple[str, ...]


def split_sets(before: Mapping[str, tuple[int, int]], *, seed: int = 0, held_back: int = 20) -> Sets:
    """Return the tasks to be won and the tasks not to be lost, each with a part that is held back.

    Whether a task is held back is drawn from the seed and its id alone, so no other task and no result moves
    it: what was held back once stays so in every round.

    Args:
        before: Task to (trials, passed).
        seed: Of the draw.
        held_back: Of 100 tasks, about how many are held back.

    Raises:
        UsageError: If a task was never tried, or the share is none.

    Example:
        >>> split_sets({"a": (2, 2), "b": (2, 1), "c": (1, 0)}, held_back=0)
        Sets(capability=('b', 'c'), regression=('a',), held_capability=(), held_regression=())
    """
    if not 0 <= held_back <= 100:
        raise UsageError(f"of 100 tasks 0 to 100 are held back, got {held_back}")
    for task, (trials, passed) in sorted(before.items()):
        if trials < 1 or not 0 <= passed <= trials:
            raise UsageError(f"{task} has {passed} passed of {trials} trials; play it before sets are made")
    held = {task for task in before if Draws("sets", seed, task).chance(held_back)}
    won = {task for task, (trials, passed) in before.items() if trials == passed}
    return Sets(
        capability=tuple(sorted(before.keys() - won - held)),
        regression=tuple(sorted(won - held)),
        held_capability=tuple(sorted(held - won)),
        held_regression=tuple(sorted(held & won)),
    )
