"""The score table that people read, and the same figures for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from simenv.core.errors import UsageError
from simenv.scoring.statistics import Interval, mean_over_tasks, pass_hat_k, wilson
from simenv.scoring.tokens import Spent
from simenv.scoring.twins import TwinScore

_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """What one agent did on a set of tasks.

    Attributes:
        agent: Its name.
        counts: ``(trials, passed)`` of each task.
        calls: Tool calls in all trials.
        errors: Tool calls that were refused, in all trials.
        breaches: Policy breaches in all trials.
        twins: What it did on pairs of near twins, if the tasks hold any.
        spent: What it wrote, if that was counted.

    Example:
        >>> ScoreRow(agent="oracle", counts=((2, 2), (2, 1)), calls=14, errors=2, breaches=0).rate
        0.75
    """

    agent: str
    counts: tuple[tuple[int, int], ...]
    calls: int = 0
    errors: int = 0
    breaches: int = 0
    twins: TwinScore | None = None
    spent: Spent | None = None

    def __post_init__(self) -> None:
        for trials, passed in self.counts:
            if not 0 <= passed <= trials:
                raise UsageError(f"{self.agent}: a task has {passed} passed of {trials} trials")
        if min(self.calls, self.errors, self.breaches) < 0:
            raise UsageError(f"{self.agent}: calls, errors and breaches are counts, none is negative")

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return len(self.counts)

    @property
    def trials(self) -> int:
        """Number of trials of all tasks."""
        return sum(trials for trials, _ in self.counts)

    @property
    def passed(self) -> int:
        """Number of trials that passed."""
        return sum(passed for _, passed in self.counts)

    @property
    def most_k(self) -> int:
        """The largest k for which pass^k is defined: the fewest trials of any task."""
        return min((trials for trials, _ in self.counts), default=0)

    @property
    def rate(self) -> float | None:
        """Passed trials per trial, or None without trials."""
        return self.passed / self.trials if self.trials else None

    @property
    def interval(self) -> Interval:
        """The 95 % Wilson interval of the rate.

        Trials of one task are not independent. So it is as wide as if each task had been
        tried once, which is never too narrow.
        """
        tried = sum(trials > 0 for trials, _ in self.counts)
        return wilson((self.rate or 0.0) * tried, tried)

    def pass_hat(self, k: int) -> float | None:
        """Return the mean over tasks of the chance that ``k`` trials all pass."""
        return mean_over_tasks(pass_hat_k, self.counts, k)

    def to_json(self) -> dict[str, Any]:
        """Return the figures of the table as plain JSON, rates rounded to 4 decimals.

        Example:
            >>> ScoreRow(agent="idle", counts=((1, 0),), calls=3).to_json()["interval_95"]
            [0.0, 0.7935]
        """
        return {
            "agent": self.agent,
            "tasks": self.tasks,
            "trials": self.trials,
            "passed": self.passed,
            "rate": _rounded(self.rate),
            "interval_95": [_rounded(end) for end in self.interval],
            "pass_hat": {str(k): _rounded(self.pass_hat(k)) for k in _shown_ks(self.most_k)},
            "mean_calls": _rounded(self._per_trial(self.calls)),
            "mean_errors": _rounded(self._per_trial(self.errors)),
            "breaches": self.breaches,
        } | self._more()

    def _more(self) -> dict[str, Any]:
        """Return what not every row has."""
        twins = {"twins": self.twins.to_json()} if self.twins else {}
        return twins | ({"spent": self.spent.to_json()} if self.spent else {})

    def cells(self, ks: Sequence[int], unit: str = "") -> list[str]:
        """Return the texts of this row of the table, with pass^k for each of ``ks``.

        Args:
            ks: Which pass^k are shown.
            unit: In which what was written per success is shown, or "" if it is not.
        """
        low, high = self.interval
        return [
            self.agent if self.agent.isprintable() else ascii(self.agent),
            str(self.tasks),
            str(self.trials),
            str(self.passed),
            _percent(self.rate),
            f"{_percent(low)} to {_percent(high)}" if self.trials else _NONE,
            *(_percent(self.pass_hat(k)) for k in ks),
            _decimal(self._per_trial(self.calls)),
            _decimal(self._per_trial(self.errors)),
            str(self.breaches),
            *([spent_text(self.spent, unit)] if unit else []),
        ]

    def twin_cells(self, ks: Sequence[int], unit: str = "") -> list[list[str]]:
        """Return the row below this one that counts pairs of twins solved together, if there are any."""
        if self.twins is None:
            return []
        low, high = self.twins.interval
        return [
            [
                "  twin pairs",
                str(self.twins.pairs),
                str(self.twins.tried),
                str(self.twins.together),
                _percent(self.twins.rate),
                f"{_percent(low)} to {_percent(high)}" if self.twins.tried else _NONE,
                *([_NONE] * (len(ks) + 3 + bool(unit))),
            ]
        ]

    def _per_trial(self, count: int) -> float | None:
        return count / self.trials if self.trials else None


def score_table(rows: Sequence[ScoreRow]) -> str:
    """Return the table of ``rows`` in the order given, each line ending in a newline.

    Rates are percentages, calls and errors means per trial, breaches a sum. The columns
    pass^1, pass^2, ... stand where a task was tried more than once. Where the tasks hold near twins, a row
    counts the pairs that were solved together, and a line below the table the wrong and the missing refusals.
    Where it was counted what agents wrote, the last column is that per success, failures included.

    Example:
        >>> print(score_table([ScoreRow(agent="oracle", counts=((1, 1),) * 50, calls=200)]), end="")
        agent   tasks  trials  passed    rate    95 % interval  calls  errors  breaches
        oracle     50      50      50  100.0%  92.9% to 100.0%   4.00    0.00         0
    """
    ks = _shown_ks(max((row.most_k for row in rows), default=0))
    head = ["agent", "tasks", "trials", "passed", "rate", "95 % interval"]
    head += [f"pass^{k}" for k in ks] + ["calls", "errors", "breaches"]
    unit = next((row.spent.unit for row in rows if row.spent), "")
    head += [f"{unit} per success"] if unit else []
    lines = [head, *(line for row in rows for line in (row.cells(ks, unit), *row.twin_cells(ks, unit)))]
    return "".join([aligned(lines), *map(_refusals, rows)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text, the first column to the left and all others to the right."""
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "".join(_line(cells, widths) for cells in lines)


def _refusals(row: ScoreRow) -> str:
    """Return the line about refusals among near twins, or nothing."""
    twins = row.twins
    if twins is None:
        return ""
    over = f"declined wrongly in {twins.declined} of {twins.deeds} ({_percent(twins.over_refusal)})"
    under = (
        f"did what it had to decline in {twins.done} of {twins.refusals} ({_percent(twins.under_refusal)})"
    )
    return f"{row.cells(())[0]}, episodes of twin pairs: {over}, {under}\n"


def spent_text(spent: Spent | None, unit: str) -> str:
    """Return what was written per success as a cell of a column of that unit."""
    if spent is None or spent.unit != unit or spent.per_success is None:
        return _NONE
    return f"{spent.per_success:,.0f}"


def _shown_ks(most: int) -> list[int]:
    """Return 1 to ``most`` where that is at most 4, else 1, 2, 4, 8, ... and ``most``; none for 1."""
    if most <= 4:
        return list(range(1, most + 1)) if most > 1 else []
    return [1 << i for i in range(most.bit_length()) if 1 << i < most] + [most]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padding = [" " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
    numbers = [space + cell for cell, space in zip(cells[1:], padding[1:], strict=True)]
    return "  ".join([cells[0] + padding[0], *numbers]) + "\n"


def _width(text: str) -> int:
    """Return the columns that a terminal gives to ``text``: an ideograph takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _percent(rate: float | None) -> str:
    return _NONE if rate is None else f"{100 * rate:.1f}%"


def _decimal(mean: float | None) -> str:
    return _NONE if mean is None else f"{mean:.2f}"


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 4)
