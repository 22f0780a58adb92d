"""How many tasks a test for regressions needs: exact chances, summed and not approximated."""

from functools import lru_cache
from math import comb, exp, fsum, lgamma, log, log1p

from simenv.core.errors import UsageError


def gate_power(n: int, *, loss: float, discordance: float, alpha: float = 0.05) -> float:
    """Return the chance that ``regression_p`` of a run of ``n`` tasks is at most ``alpha``.

    Each task is a regression with chance ``(discordance + loss) / 2`` and a progression with
    ``(discordance - loss) / 2``; how many disagree is itself drawn. Takes O(n) terms.

    Args:
        n: Tasks that both runs tried once.
        loss: True loss of the pass rate, such as 0.05 for 5 points; 0 gives the chance of a false alarm.
        discordance: Share of the tasks of which the runs disagree, lost ones included.
        alpha: What the p-value must not exceed.

    Raises:
        UsageError: If a number is out of its range, or more is lost than disagrees.

    Source:
        Miettinen (1968), "The Matched Pairs Design in the Case of All-or-None Responses".

    Example:
        >>> gate_power(5, loss=1, discordance=1), round(gate_power(134, loss=0.05, discordance=0.05), 4)
        (1.0, 0.805)
    """
    _check_rates(loss, discordance, alpha)
    if n < 0:
        raise UsageError(f"gate_power() needs n >= 0, got {n}")
    worse = (1 + loss / discordance) / 2
    least = _least_regressions(n.bit_length(), alpha)
    # The chance of at least least[m] regressions among m goes from m to m + 1 by one term of its sum.
    tail, parts = 0.0, [0.0]
    for m in range(1, n + 1):
        tail += worse * _binomial(m - 1, least[m - 1] - 1, worse)
        if least[m] > least[m - 1]:
            tail -= _binomial(m, least[m - 1], worse)
        parts.append(tail * _binomial(n, m, discordance))
    return min(1.0, max(0.0, fsum(parts)))


def tasks_for_gate(loss: float, discordance: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many tasks show a loss to the exact one-sided test with that power.

    The test is discrete, so its power may fall a little where a task is added, the more the fewer tasks
    there are. The number returned has the power, and the one below it has not.

    Args:
        loss: True loss of the pass rate, such as 0.05 for 5 points.
        discordance: Share of the tasks of which the runs disagree, lost ones included.
        alpha: What ``regression_p`` must not exceed.
        power: Chance to see the loss.

    Raises:
        UsageError: If a number is out of its range, or more is lost than disagrees.

    Example:
        >>> tasks_for_gate(0.05, 0.05), tasks_for_gate(0.05, 0.2), tasks_for_gate(0.1, 0.2)
        (134, 527, 134)
    """
    _check_rates(loss, discordance, alpha)
    if loss <= 0 or not 0 < power < 1:
        raise UsageError(f"tasks_for_gate() needs loss > 0 and 0 < power < 1, got {loss} and {power}")
    low, high = 0, 8
    while gate_power(high, loss=loss, discordance=discordance, alpha=alpha) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        seen = gate_power(middle, loss=loss, discordance=discordance, alpha=alpha) >= power
        low, high = (low, middle) if seen else (middle, high)
    return high


def loss_seen(n: int, discordance: float, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return the smallest loss that ``n`` tasks show with that power, to a ten-thousandth; None if none.

    Args:
        n: Tasks that both runs tried once.
        discordance: Share of the tasks of which the runs disagree; where more is lost, all of that disagrees.
        alpha: What ``regression_p`` must not exceed.
        power: Chance to see the loss.

    Example:
        >>> loss_seen(50, 0.2), loss_seen(4, 0.2)
        (0.1632, None)
    """

    def seen(points: int) -> bool:
        loss = points / 10_000
        return gate_power(n, loss=loss, discordance=max(loss, discordance), alpha=alpha) >= power

    low, high = 0, 10_000
    if not seen(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high / 10_000


def _check_rates(loss: float, discordance: float, alpha: float) -> None:
    if not 0 <= loss <= discordance <= 1 or discordance == 0 or not 0 < alpha < 1:
        raise UsageError(
            "a gate needs 0 <= loss <= discordance <= 1, discordance > 0 and 0 < alpha < 1, "
            f"got {loss}, {discordance} and {alpha}"
        )


@lru_cache(maxsize=32)
def _least_regressions(bits: int, alpha: float) -> list[int]:
    """Return how many regressions are significant for each number of disagreements below ``2**bits``.

    It is one more than all where not even all are.
    """
    least, tail, ways = [1], 0, 1
    for m in range((1 << bits) - 1):
        # ``tail`` counts the outcomes of m coins with at least ``least[m]`` heads, and ``ways`` those with
        # one head fewer, in exact integers.
        most = least[m]
        tail, ways = 2 * tail + ways, ways + (ways * (most - 1) // (m - most + 2) if most > 1 else 0)
        if tail / (1 << (m + 1)) > alpha:
            ways = comb(m + 1, most)
            tail, most = tail - ways, most + 1
        least.append(most)
    return least


def _binomial(n: int, k: int, rate: float) -> float:
    """Return the chance of ``k`` of ``n``."""
    if not 0 <= k <= n:
        return 0.0
    if rate in (0.0, 1.0):
        return float(k == n * rate)
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(ways + k * log(rate) + (n - k) * log1p(-rate))
