"""Estimates, intervals and tests for pass rates: what may be claimed from so many trials.

Counts go in and exact integer arithmetic is kept as long as possible, so a figure does not
depend on the order of tasks or on the machine. A *task* is one problem, a *trial* one attempt.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, comb, expm1, fsum, inf, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

from simenv.core.errors import UsageError

Z95 = 1.959963984540054
"""Half width of a two-sided 95 % interval, in standard errors."""

_BOUND_BITS = 32

Estimator = Callable[[int, int, int], float | None]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


class Difference(NamedTuple):
    """A mean difference over tasks and its standard error."""

    mean: float
    se: float


class Changes(NamedTuple):
    """Tasks of which two runs disagree."""

    regressions: int
    progressions: int


def pass_at_k(trials: int, passed: int, k: int) -> float | None:
    """Return the chance that at least one of ``k`` trials of a task passes.

    Unbiased over tasks, which ``1 - (1 - rate)**k`` is not. None where ``trials < k``, because
    then the trials do not determine it.

    Source:
        Chen et al. (2021), "Evaluating Large Language Models Trained on Code", equation 1.

    Example:
        >>> pass_at_k(5, 4, 2), pass_at_k(10, 3, 1), pass_at_k(1, 1, 2)
        (1.0, 0.3, None)
    """
    _check_trials(trials, passed, k)
    if trials < k:
        return None
    return (comb(trials, k) - comb(trials - passed, k)) / comb(trials, k)


def pass_hat_k(trials: int, passed: int, k: int) -> float | None:
    """Return the chance that all of ``k`` trials of a task pass: reliability, not luck.

    None where ``trials < k``.

    Source:
        Yao et al. (2024), "tau-bench", section 4 (pass^k).

    Example:
        >>> pass_hat_k(5, 4, 2), pass_hat_k(4, 2, 4)
        (0.6, 0.0)
    """
    _check_trials(trials, passed, k)
    if trials < k:
        return None
    return comb(passed, k) / comb(trials, k)


def mean_over_tasks(estimator: Estimator, counts: Iterable[tuple[int, int]], k: int) -> float | None:
    """Return the mean of ``pass_at_k`` or ``pass_hat_k`` over tasks.

    None if it is undefined for a task, or there is none: leaving out the tasks with few trials
    would change what is measured.

    Args:
        estimator: ``pass_at_k`` or ``pass_hat_k``.
        counts: ``(trials, passed)`` of each task.
        k: Number of trials drawn.

    Example:
        >>> mean_over_tasks(pass_hat_k, [(4, 4), (5, 4)], 2)
        0.8
    """
    values = [estimator(trials, passed, k) for trials, passed in counts]
    defined = [value for value in values if value is not None]
    return fsum(defined) / len(values) if values and len(defined) == len(values) else None


def wilson(passed: float, n: float, *, z: float = Z95) -> Interval:
    """Return the Wilson score interval of a rate; ``[0, 1]`` where ``n`` is 0.

    Unlike the normal interval it is right for none and for all. Counts may be fractions, for
    an effective sample size.

    Source:
        Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".

    Example:
        >>> [round(end, 8) for end in wilson(7, 10)]
        [0.39677815, 0.89220873]
    """
    if not 0 <= passed <= n < inf:
        raise UsageError(f"wilson() needs 0 <= passed <= n, got {passed} of {n}")
    if n == 0:
        return Interval(0.0, 1.0)
    rate, spread = passed / n, z * z / n
    centre = rate + spread / 2
    half = z * sqrt(rate * (1 - rate) / n + spread / (4 * n))
    # At the ends the formula gives 0 and 1 exactly; rounding does not.
    low = 0.0 if passed == 0 else max(0.0, (centre - half) / (1 + spread))
    high = 1.0 if passed == n else min(1.0, (centre + half) / (1 + spread))
    return Interval(low, high)


def upper_bound(passed: int, n: int, *, alpha: float = 0.05) -> float:
    """Return the one-sided Clopper-Pearson upper bound of a rate, exact for every ``n``.

    The chance to see ``passed`` or fewer is ``alpha`` at this rate. For none passed it is
    ``1 - alpha**(1/n)``; else it is the next multiple of 2**-32 above, found in exact integers.
    That is meant for few of many: 10 of 3,000 takes 0.02 s, but 1,500 of 3,000 takes 2 s.

    Source:
        Clopper and Pearson (1934), "The Use of Confidence or Fiducial Limits".

    Example:
        >>> round(upper_bound(0, 300), 5), round(upper_bound(0, 3000), 6), round(upper_bound(1, 300), 5)
        (0.00994, 0.000998, 0.01571)
    """
    if not 0 <= passed <= n:
        raise UsageError(f"upper_bound() needs 0 <= passed <= n, got {passed} of {n}")
    if not 0 < alpha < 1:
        raise UsageError(f"upper_bound() needs 0 < alpha < 1, got {alpha}")
    if passed == n:
        return 1.0
    if passed == 0:
        return -expm1(log(alpha) / n)
    low, high, level = 0, 1 << _BOUND_BITS, Fraction(alpha)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _is_tail_over(passed, n, middle, level) else (low, middle)
    return high / (1 << _BOUND_BITS)


def clustered_se(values: Sequence[float], clusters: Sequence[Hashable], *, corrected: bool = False) -> float:
    """Return the standard error of a mean whose values are alike within clusters.

    Trials of one task, or tasks of one world, are such clusters: taken as independent they
    make the error far too small.

    Args:
        values: One score per trial.
        clusters: The cluster of each value.
        corrected: Multiply the variance by G / (G - 1) for G clusters.

    Source:
        Miller (2024), "Adding Error Bars to Evals", arXiv 2411.00640, section 2.2.

    Example:
        >>> clustered_se([1, 1, 0, 0], "aabb")
        0.3535533905932738
    """
    if not values or len(values) != len(clusters):
        raise UsageError(f"clustered_se() needs a cluster per value, got {len(values)} and {len(clusters)}")
    mean = fsum(values) / len(values)
    groups: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(value - mean)
    if corrected and len(groups) < 2:
        raise UsageError("clustered_se() needs at least 2 clusters for the correction, got 1")
    factor = len(groups) / (len(groups) - 1) if corrected else 1.0
    return sqrt(factor * fsum(fsum(group) ** 2 for group in groups.values())) / len(values)


def paired_se(a: Mapping[str, float], b: Mapping[str, float]) -> Difference:
    """Return the mean of ``a - b`` over tasks and its standard error.

    Scores are joined by task id: two lists joined by position are wrong as soon as one run
    sorts otherwise.

    Source:
        Miller (2024), arXiv 2411.00640, section 4.2.

    Example:
        >>> paired_se({"x": 1, "y": 1}, {"y": 1, "x": 0})
        Difference(mean=0.5, se=0.5)
    """
    tasks = _same_tasks(a, b)
    if len(tasks) < 2:
        raise UsageError(f"paired_se() needs at least 2 tasks, got {len(tasks)}")
    differences = [a[task] - b[task] for task in tasks]
    mean = fsum(differences) / len(tasks)
    variance = fsum((difference - mean) ** 2 for difference in differences) / (len(tasks) - 1)
    return Difference(mean, sqrt(variance / len(tasks)))


def changes(before: Mapping[str, bool], after: Mapping[str, bool]) -> Changes:
    """Count the tasks that passed only before and those that pass only after.

    Example:
        >>> changes({"x": True, "y": False}, {"y": True, "x": True})
        Changes(regressions=0, progressions=1)
    """
    tasks = _same_tasks(before, after)
    return Changes(
        regressions=sum(before[task] and not after[task] for task in tasks),
        progressions=sum(after[task] and not before[task] for task in tasks),
    )


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p-value of ``b`` against ``c`` disagreements.

    Source:
        McNemar (1947); exact binomial form.

    Example:
        >>> mcnemar(1, 8), mcnemar(3, 3)
        (0.0390625, 1.0)
    """
    _check_disagreements(b, c)
    return min(1.0, 2 * _half_binomial(min(b, c), b + c) / (1 << (b + c)))


def mcnemar_mid_p(b: int, c: int) -> float:
    """Return the two-sided mid-p value: less conservative than ``mcnemar``, still safe.

    Source:
        Fagerland, Lydersen and Laake (2013), "The McNemar test for binary matched-pairs data".

    Example:
        >>> mcnemar_mid_p(1, 8)
        0.021484375
    """
    _check_disagreements(b, c)
    n, fewer = b + c, min(b, c)
    return (2 * _half_binomial(fewer, n) - comb(n, fewer)) / (1 << n)


def regression_p(regressions: int, progressions: int) -> float:
    """Return the exact one-sided p-value of at least so many regressions among the changes.

    Example:
        >>> regression_p(8, 1), regression_p(1, 8)
        (0.01953125, 0.998046875)
    """
    _check_disagreements(regressions, progressions)
    n = regressions + progressions
    return _half_binomial(progressions, n) / (1 << n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number, in the order given.

    Rejecting those at most 0.05 keeps the chance of any false rejection at 5 %.

    Source:
        Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise UsageError("holm() needs p-values between 0 and 1")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def tasks_needed(delta: float, *, variance: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many tasks show a true difference of ``delta``.

    Args:
        delta: The difference in mean score.
        variance: Of one task's difference. For two runs with ``trials`` per task it is
            ``between + within_a / trials + within_b / trials``; for passes and fails that
            disagree at a rate, ``rate - delta**2``.
        alpha: Chance of a false alarm, two-sided.
        power: Chance to see the difference.

    Source:
        Miller (2024), arXiv 2411.00640, section 5.

    Example:
        >>> tasks_needed(0.05, variance=1 / 9 + 1 / 6 + 1 / 6)
        1396
    """
    if delta == 0 or variance < 0:
        raise UsageError(f"tasks_needed() needs delta != 0 and variance >= 0, got {delta} and {variance}")
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return ceil(z * z * variance / (delta * delta))


def _check_trials(trials: int, passed: int, k: int) -> None:
    if not 0 <= passed <= trials or k < 1:
        raise UsageError(f"needs 0 <= passed <= trials and k >= 1, got {passed} of {trials} and k = {k}")


def _check_disagreements(b: int, c: int) -> None:
    if b < 0 or c < 0:
        raise UsageError(f"disagreements are counts, got {b} and {c}")


def _same_tasks(a: Mapping[str, float], b: Mapping[str, float]) -> list[str]:
    if lone := sorted(a.keys() ^ b.keys()):
        raise UsageError(f"both runs need the same tasks; {len(lone)} are in one only, such as {lone[0]!r}")
    return sorted(a)


def _half_binomial(most: int, n: int) -> int:
    """Return how many of the ``2**n`` outcomes of ``n`` fair coins have at most ``most`` heads."""
    return sum(comb(n, i) for i in range(most + 1))


def _is_tail_over(passed: int, n: int, rate: int, level: Fraction) -> bool:
    """Whether ``passed`` or fewer of ``n`` have more than chance ``level`` at ``rate / 2**32``."""
    one = 1 << _BOUND_BITS
    if 2 * passed < n:
        tail = _tail(passed, n, rate, one - rate)
    else:
        tail = (1 << _BOUND_BITS * n) - _tail(n - passed - 1, n, one - rate, rate)
    return tail * level.denominator > level.numerator << _BOUND_BITS * n


def _tail(most: int, n: int, hit: int, miss: int) -> int:
    """Return the sum of ``comb(n, i) * hit**i * miss**(n - i)`` over ``i <= most``."""
    total = ways = power = 1
    for i in range(1, most + 1):
        ways = ways * (n - i + 1) // i
        power *= hit
        total = total * miss + ways * power
    return total * int(miss ** (n - most))
