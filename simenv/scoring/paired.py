"""Two runs over the same tasks: exact tests of their differences, an interval, and many tests at once.

A difference is that of one task, after minus before. Trials of one task are not independent: an agent
that does the same every time makes any number of them worth one. So a test may only take whole tasks
the other way round, never single trials.
"""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from math import fsum, gcd, sqrt
from typing import NamedTuple

from simenv.core.errors import UsageError
from simenv.scoring.statistics import Z95, Interval, clustered_se, regression_p

_HALVINGS = 60


class Paired(NamedTuple):
    """A mean difference over tasks.

    Attributes:
        mean: After minus before.
        se: Its standard error, or None from a single task.
        interval: 95 % interval.
        clusters: Groups of tasks that the error takes together.
    """

    mean: float
    se: float | None
    interval: Interval
    clusters: int


def loss_p(differences: Sequence[int]) -> float:
    """Return the exact one-sided p-value of a loss: the chance of so low a sum if each sign were drawn.

    If neither run is better, each task's difference is as likely to be the other way round. With one trial a
    task this is ``regression_p``, McNemar's test; with several it weighs a task by how much it changed.
    Exact whatever ties the trials of one task together; takes integers of as many bits as tasks changed.

    Args:
        differences: Passed trials after minus before, of tasks tried equally often in both runs.

    Source:
        Fisher (1935), "The Design of Experiments", section 21; all signs, none sampled.

    Example:
        >>> loss_p([-1] * 8 + [1]), loss_p([-3, -1, 1]), loss_p([])
        (0.01953125, 0.375, 1.0)
    """
    changed = [difference for difference in differences if difference]
    unit = gcd(*changed)
    sizes = [abs(difference) // unit for difference in changed]
    if all(size == 1 for size in sizes):
        worse = sum(difference < 0 for difference in changed)
        return regression_p(worse, len(changed) - worse)
    # Digit k of this number, to a base that no count reaches, counts the choices of signs that lose k in all.
    base, ways = len(sizes) + 1, 1
    for size in sizes:
        ways += ways << size * base
    lost = sum(size for size, difference in zip(sizes, changed, strict=True) if difference < 0)
    rest, count, digit = ways >> lost * base, 0, (1 << base) - 1
    while rest:
        count, rest = count + (rest & digit), rest >> base
    return count / (1 << len(sizes))


def paired(differences: Sequence[float], clusters: Sequence[Hashable]) -> Paired:
    """Return the mean difference over tasks with its clustered error and 95 % score interval.

    The interval is right for no change and for changes all one way, where mean and error say nothing. It
    takes the tasks as so many fewer as the clusters make the error larger than that of independent tasks.

    Args:
        differences: Of the success of each task, after minus before, from -1 to 1; at least one.
        clusters: What each task shares with others, such as its world. Where all share one, it says nothing,
            and each task stands for itself.

    Source:
        Tango (1998), "Equivalence Test and Confidence Interval for the Difference in Proportions for the
        Paired-Sample Design"; Miller (2024), arXiv 2411.00640, for the clusters; Kish (1965) for fewer tasks.

    Example:
        >>> found = paired([0] * 50, range(50))
        >>> found.mean, found.se, [round(end, 4) for end in found.interval]
        (0.0, 0.0, [-0.0713, 0.0713])
    """
    n = len(differences)
    if not n or len(clusters) != n or max(map(abs, differences)) > 1:
        raise UsageError(f"paired() needs 1 or more differences from -1 to 1 with a cluster each, got {n}")
    # A single cluster leaves nothing to estimate an error from.
    grouped: Sequence[Hashable] = clusters if len(set(clusters)) > 1 else range(n)
    mean, square = fsum(differences) / n, fsum(each * each for each in differences) / n
    se, fewer = None, 1.0
    if n > 1:
        alone = clustered_se(differences, range(n), corrected=True)
        se = clustered_se(differences, grouped, corrected=True)
        fewer = max(1.0, (se / alone) ** 2) if alone else 1.0
    gained, lost = (square + mean) / 2, (square - mean) / 2
    effective = n / fewer
    high = _score_limit(effective * gained, effective * lost, effective)
    low = -_score_limit(effective * lost, effective * gained, effective)
    return Paired(mean, se, Interval(low, high), len(set(grouped)))


def pooled(counts: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> Paired:
    """Return how the share of hits among the tries of all tasks changed, with the tasks as clusters.

    The mean is the difference of the two shares, so tasks with more tries weigh more. Its error takes each
    task's tries together, before and after; the interval is the score interval of as many tasks as such
    weights are worth. With equally many tries a task it is what ``paired`` says of the tasks' shares.

    Args:
        counts: ((tries, hits) before, (tries, hits) after) of each task; there are tries both times.

    Source:
        Cochran (1977), "Sampling Techniques", section 6.3, for the error of a ratio; Kish (1965) for weights.

    Example:
        >>> found = pooled([((10, 6), (10, 9)), ((30, 27), (30, 24))])
        >>> round(found.mean, 4), found.clusters
        (0.0, 2)
    """
    was, now = (sum(each[side][0] for each in counts) for side in (0, 1))
    if not was or not now:
        raise UsageError(f"pooled() needs tries before and after, got {was} and {now}")
    first, last = (sum(each[side][1] for each in counts) / tries for side, tries in ((0, was), (1, now)))
    mean, tasks = last - first, [each for each in counts if each[0][0] or each[1][0]]
    square = fsum(
        ((after[1] - last * after[0]) / now - (before[1] - first * before[0]) / was) ** 2
        for before, after in tasks
    )
    n, least = len(tasks), abs(mean)
    effective = 1 / fsum(((before[0] / was + after[0] / now) / 2) ** 2 for before, after in tasks)
    # Of so many tasks of equal weight, the mean square of the differences that has this error.
    spread = min(1.0, square * effective + mean * mean)
    if spread < least:
        # Steps that change one by one, spread over the tasks, tell more than tasks that change as a whole.
        effective = min(float(max(was, now)), (least - mean * mean) / square) if square else max(was, now)
        spread = least
    gained, lost = effective * (spread + mean) / 2, effective * (spread - mean) / 2
    high, low = _score_limit(gained, lost, effective), -_score_limit(lost, gained, effective)
    se = sqrt(square * n / (n - 1)) if n > 1 else None
    return Paired(mean, se, Interval(low, high), n)


def _score_limit(gained: float, lost: float, n: float) -> float:
    """Return the largest difference that a score test does not reject."""

    def rejected(at: float) -> bool:
        b = (2 * n - gained + lost) * at - gained - lost
        root = sqrt(max(0.0, b * b + 8 * n * lost * at * (1 - at)))
        variance = n * ((root - b) / (2 * n) + at * (1 - at))
        return bool((n * at - gained + lost) ** 2 >= Z95 * Z95 * variance)

    low, high = (gained - lost) / n, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rejected(middle) else (middle, high)
    return high


def weighted_holm(p_values: Sequence[float], weights: Sequence[int]) -> list[float]:
    """Return the p-values adjusted for their number, in the order given, where some matter more.

    Rejecting those at most 0.05 keeps the chance of any false rejection at 5 %, however they depend on
    each other. Equal weights give ``holm``.

    Args:
        p_values: From 0 to 1.
        weights: What share of the chance each may take; all above 0.

    Source:
        Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure", section 4.

    Example:
        >>> weighted_holm([0.04, 0.005], [4, 1])
        [0.04, 0.025]
    """
    if len(p_values) != len(weights) or not all(0 <= p <= 1 for p in p_values) or min(weights, default=1) < 1:
        raise UsageError("weighted_holm() needs p-values between 0 and 1 and a weight of at least 1 for each")
    adjusted, highest, left = [0.0] * len(p_values), 0.0, sum(weights)
    for index in sorted(range(len(p_values)), key=lambda i: p_values[i] / weights[i]):
        highest = max(highest, min(1.0, p_values[index] * left / weights[index]))
        adjusted[index] = highest
        left -= weights[index]
    return adjusted


def within_reach(disagreements: Sequence[int], alpha: float | Fraction) -> list[int]:
    """Return the places of the tests that could be significant by Bonferroni, by how many disagree in each.

    ``m`` disagreements have a p-value of at least ``2**-m``. Their number does not say which way they go, so
    leaving out hopeless tests before correcting for the number of tests costs nothing.

    Source:
        Tarone (1990), "A Modified Bonferroni Method for Discrete Data".

    Example:
        >>> within_reach([1, 9, 3, 12], 0.05)
        [1, 3]
    """
    for size in range(1, len(disagreements) + 1):
        able = [at for at, m in enumerate(disagreements) if Fraction(size, 2**m) <= Fraction(alpha)]
        if len(able) <= size:
            return able
    return []
