"""Figures and sentences of a run report: what a series did, as far as its noise lets one say.

Every sentence is computed from the data. A rate with a number of tasks has its Wilson interval, and has risen
or fallen only where the interval of the difference says so; any other series only where its two ends differ
by more than twice the error of their means, taken from how much neighbouring steps differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, hypot, sqrt
from statistics import fmean

from typing_extensions import override

from simenv.scoring.statistics import wilson

Point = tuple[float, float]
Form = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate with its 95 % interval, where one is known.

    Example:
        >>> str(Estimate(0.41, 0.36, 0.46)), str(Estimate(1.0))
        ('.41 [.36, .46]', '1.00')
    """

    rate: float
    low: float | None = None
    high: float | None = None

    @override
    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return share(self.rate)
        return f"{share(self.rate)} [{share(self.low)}, {share(self.high)}]"


def of_counts(passed: float, n: float) -> Estimate:
    """Return the rate of so many passed of ``n`` with its Wilson interval."""
    return Estimate(passed / n, *wilson(min(passed, n), n)) if n > 0 else Estimate(0.0, 0.0, 1.0)


def share(value: float) -> str:
    """Return a share as statisticians write it.

    Example:
        >>> share(0.4149), share(-0.05), share(1.0)
        ('.41', '-.05', '1.00')
    """
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def figure(value: float) -> str:
    """Return a number in three significant digits, thousands apart.

    Example:
        >>> figure(0.00214), figure(12.0), figure(18234.4), figure(0.0000123)
        ('0.00214', '12', '18,234', '1.23e-05')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def per_cent(value: float) -> str:
    """Return a small share in per cent.

    Example:
        >>> per_cent(0.0312), per_cent(0.4)
        ('3.1 %', '40 %')
    """
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.2g} %"


def clear_change(before: Estimate, after: Estimate) -> int:
    """Return 1 or -1 where the 95 % interval of the difference of two rates is above or below 0, else 0.

    Rates without an interval have changed clearly never.

    Source:
        Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.

    Example:
        >>> clear_change(Estimate(0.41, 0.36, 0.46), Estimate(0.63, 0.58, 0.68))
        1
    """
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return 0
    difference = after.rate - before.rate
    if difference > hypot(after.rate - after.low, before.high - before.rate):
        return 1
    return -1 if -difference > hypot(after.high - after.rate, before.rate - before.low) else 0


def verb(change: int, *, said: tuple[str, str, str] = ("fell", "went", "rose")) -> str:
    """Return what a series did, for a change of -1, 0 or 1."""
    return said[change + 1]


def window(number: int) -> int:
    """Return how many points at either end of ``number`` are taken together: a tenth."""
    return max(1, number // 10)


def span(points: Sequence[Point]) -> str:
    """Return the steps that points cover.

    Example:
        >>> span([(0, 1.0)]), span([(36, 1.0), (39, 2.0)])
        ('0', '36 to 39')
    """
    first, last = figure_of_step(points[0][0]), figure_of_step(points[-1][0])
    return first if first == last else f"{first} to {last}"


def figure_of_step(step: float) -> str:
    """Return a step as a whole number."""
    return f"{step:,.0f}"


def between(points: Sequence[Point]) -> str:
    """Return between which steps the two ends of a series lie."""
    w = window(len(points))
    return f"between steps {span(points[:w])} and {span(points[-w:])}"


def ends(points: Sequence[Point]) -> tuple[float, float]:
    """Return the means of the first and the last tenth of a series."""
    w = window(len(points))
    return fmean(y for _, y in points[:w]), fmean(y for _, y in points[-w:])


def spread(points: Sequence[Point]) -> float:
    """Return the standard deviation of one step, as far as it is noise; 0 for fewer than 4.

    Source:
        von Neumann (1941): half the mean squared difference of neighbours is the variance of one.
    """
    if len(points) < 4:
        return 0.0
    return sqrt(fmean((b - a) ** 2 for (_, a), (_, b) in pairwise(points)) / 2)


def noticeable(points: Sequence[Point]) -> int:
    """Return 1 or -1 where a series ends above or below its beginning by more than its noise, else 0.

    Fewer than 4 points show no noise, and then any difference counts.
    """
    if len(points) < 2:
        return 0
    first, last = ends(points)
    if abs(last - first) <= 2 * spread(points) * sqrt(2 / window(len(points))):
        return 0
    return 1 if last > first else -1


def trend(
    label: str, points: Sequence[Point], form: Form = figure, *, extreme: str = "", where: bool = True
) -> str:
    """Return one sentence on what a series did.

    Args:
        label: The subject of the sentence.
        points: At least one (step, value).
        form: How values are written.
        extreme: ``"highest"`` or ``"lowest"``: that value is told too where it stands out from both ends.
        where: Whether the steps of both ends are named.

    Example:
        >>> trend("Entropy", [(0, 1.2), (20, 0.9), (40, 0.4)])
        'Entropy fell from 1.2 to 0.4 between steps 0 and 40.'
    """
    if len(points) == 1:
        return f"{label} was {form(points[0][1])} at step {figure_of_step(points[0][0])}, measured once."
    (first, last), change = ends(points), noticeable(points)
    place = f" {between(points)}" if where else ""
    if form(first) == form(last):
        told = f"{label} stayed at {form(last)}{place}"
    else:
        noise = "" if change else ", no more than its noise"
        told = f"{label} {verb(change)} from {form(first)} to {form(last)}{place}{noise}"
    return told + _peak(points, form, extreme, (first, last)) + "."


def _peak(points: Sequence[Point], form: Form, extreme: str, known: tuple[float, float]) -> str:
    if not extreme:
        return ""
    step, value = (max if extreme == "highest" else min)(points, key=lambda point: point[1])
    beyond = value - max(known) if extreme == "highest" else min(known) - value
    if beyond <= 3 * spread(points) or form(value) in map(form, known):
        return ""
    return f"; {extreme} {form(value)} at step {figure_of_step(step)}"


def pooled(points: Sequence[tuple[float, float, float]]) -> Estimate:
    """Return the rate of several (step, rate, n) together, without an interval where an n is 0."""
    total = fsum(n for _, _, n in points)
    if any(n <= 0 for _, _, n in points):
        return Estimate(fmean(rate for _, rate, _ in points))
    return of_counts(fsum(rate * n for _, rate, n in points), total)


def rate_ends(points: Sequence[tuple[float, float, float]]) -> tuple[Estimate, Estimate, int]:
    """Return both ends of a series of (step, rate, n), and whether it clearly rose or fell."""
    w = window(len(points))
    before, after = pooled(points[:w]), pooled(points[-w:])
    if before.low is None or after.low is None:
        return before, after, noticeable([(step, rate) for step, rate, _ in points])
    return before, after, clear_change(before, after)


def rate_trend(label: str, points: Sequence[tuple[float, float, float]]) -> str:
    """Return one sentence on what a rate did, with intervals where n is known.

    Example:
        >>> rate_trend("Success", [(0, 0.41, 400), (40, 0.63, 400)])
        'Success rose from .41 [.36, .46] to .63 [.58, .68] between steps 0 and 40.'
    """
    plain = [(step, rate) for step, rate, _ in points]
    if len(points) == 1:
        step = figure_of_step(points[0][0])
        return f"{label} was {pooled(points)} at step {step}, measured once."
    before, after, change = rate_ends(points)
    doubt = "" if change else ": no clear change"
    return f"{label} {verb(change)} from {before} to {after} {between(plain)}{doubt}."


def counted(number: float, one: str, many: str = "") -> str:
    """Return a count with its noun.

    Example:
        >>> counted(1, "task"), counted(1200, "task"), counted(2, "family", "families")
        ('1 task', '1,200 tasks', '2 families')
    """
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    Example:
        >>> listed(["a", "b", "c"]), listed(["a"])
        ('a, b and c', 'a')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
