"""Laws and reference values of paired tests, their intervals, and how many tasks they need."""

from itertools import product
from math import comb, fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.core.errors import UsageError
from simenv.scoring.gate import gate_power, loss_seen, tasks_for_gate
from simenv.scoring.paired import loss_p, paired, weighted_holm, within_reach
from simenv.scoring.statistics import holm, paired_se, regression_p

integers = st.lists(st.integers(-3, 3), max_size=9)
chances = st.floats(0, 1, allow_nan=False)


# Exact tests of whole tasks


@given(integers)
def test_a_loss_is_tested_by_every_choice_of_signs(differences: list[int]) -> None:
    sums = [
        sum(sign * each for sign, each in zip(signs, differences, strict=True))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    assert loss_p(differences) == sum(each <= sum(differences) for each in sums) / len(sums)


@given(worse=st.integers(0, 60), better=st.integers(0, 60), unit=st.integers(1, 4))
def test_with_one_trial_the_test_is_mcnemars(worse: int, better: int, unit: int) -> None:
    """However large the unit: an agent that does the same in every trial makes them worth one."""
    assert loss_p([-unit] * worse + [unit] * better) == regression_p(worse, better)


def test_many_trials_of_many_tasks_are_no_burden() -> None:
    assert 0.49 < loss_p([(-1) ** at * (1 + at // 2 % 4) for at in range(400)]) < 0.53


# The interval


def test_the_score_interval_has_the_published_values() -> None:
    """Airway reactivity of 21 children, Fagerland, Lydersen and Laake (2014), table IV: -0.517 to -0.026."""
    found = paired([-1] * 7 + [1] + [0] * 13, range(21))
    assert found.interval == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_the_error_is_that_of_a_paired_difference() -> None:
    a, b = "1010001100", "1110101101"
    found = paired([int(y) - int(x) for x, y in zip(a, b, strict=True)], range(10))
    assert (found.mean, found.se) == pytest.approx((0.3, 0.15275252), abs=5e-9)
    plain = paired_se({str(i): int(y) for i, y in enumerate(b)}, {str(i): int(y) for i, y in enumerate(a)})
    assert (found.mean, found.se) == pytest.approx(plain)


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=20))
def test_the_interval_holds_the_mean_and_mirrors(differences: list[float]) -> None:
    there = paired(differences, [at // 2 for at in range(len(differences))])
    back = paired([-each for each in differences], [at // 2 for at in range(len(differences))])
    low, high = there.interval
    assert -1 <= low <= there.mean <= high <= 1
    assert low < high
    assert (back.interval.low, back.interval.high) == (-high, -low)
    assert back.se == there.se


@given(b=st.integers(0, 12), c=st.integers(0, 12), rest=st.integers(0, 12))
@settings(max_examples=40)
def test_the_limits_solve_the_score_equation(b: int, c: int, rest: int) -> None:
    """The constrained likelihood is maximised by search, not by its formula."""
    n = b + c + rest
    if not n:
        return
    high = paired([1] * b + [-1] * c + [0] * rest, range(n)).interval.high
    if high > 1 - 1e-9:
        return

    def slope(q: float) -> float:
        return b / (q + high) + c / max(q, 1e-15) - 2 * rest / max(1e-15, 1 - 2 * q - high)

    bottom, top = max(0.0, -high), (1 - high) / 2
    for _ in range(80):
        middle = (bottom + top) / 2
        bottom, top = (middle, top) if slope(middle) > 0 else (bottom, middle)
    score = (n * high - b + c) / (n * (2 * bottom + high * (1 - high))) ** 0.5
    assert score == pytest.approx(1.959964, abs=1e-4)


def test_tasks_of_one_world_widen_the_interval() -> None:
    alike = [-1] * 5 + [0] * 20
    apart, together = paired(alike, range(25)), paired(alike, [at // 5 for at in range(25)])
    assert together.clusters == 5
    assert (together.se or 0) > 1.9 * (apart.se or 0)
    assert together.interval.low < apart.interval.low
    assert paired(alike, [0] * 25) == apart


def test_nothing_is_no_difference() -> None:
    for differences in ([], [1.5]):
        with pytest.raises(UsageError, match=r"paired\(\) needs"):
            paired(differences, [0] * len(differences))


# Many tests at once


@given(st.lists(chances, max_size=6))
def test_equal_weights_are_holms(p_values: list[float]) -> None:
    assert weighted_holm(p_values, [3] * len(p_values)) == pytest.approx(holm(p_values))


def test_weights_share_the_chance() -> None:
    """By hand: of 0.05 the first may take 0.04; once the second is rejected, all of it."""
    assert weighted_holm([0.04, 0.02], [4, 1]) == pytest.approx([0.05, 0.05])
    assert weighted_holm([0.041, 0.02], [4, 1])[0] > 0.05
    assert weighted_holm([0.05, 0.01], [4, 1]) == pytest.approx([0.05, 0.05])
    for p_values, weights in (([0.1], [0]), ([0.1], []), ([2.0], [1])):
        with pytest.raises(UsageError, match="weighted_holm"):
            weighted_holm(p_values, weights)


@given(st.lists(st.integers(0, 14), max_size=12))
@settings(max_examples=60)
def test_who_is_left_out_could_not_have_been_rejected(disagreements: list[int]) -> None:
    able = within_reach(disagreements, 0.05)
    least = [2.0**-each for each in disagreements]
    assert all(least[at] <= 0.05 / max(1, len(able)) for at in able)
    rejected = [at for at, p in enumerate(least) if p * len(least) <= 0.05]
    assert set(rejected) <= set(able)
    left_out = [p for at, p in enumerate(least) if at not in able]
    assert all(p * sum(each <= p for each in least) > 0.05 for p in left_out)


# The number of tasks


def brute(n: int, loss: float, discordance: float, alpha: float) -> float:
    worse, better = (discordance + loss) / 2, (discordance - loss) / 2
    return fsum(
        comb(n, b) * comb(n - b, c) * worse**b * better**c * (1 - discordance) ** (n - b - c)
        for b in range(n + 1)
        for c in range(n - b + 1)
        if regression_p(b, c) <= alpha
    )


@pytest.mark.parametrize("alpha", [0.01, 0.04, 0.05, 0.5])
@pytest.mark.parametrize(
    ("loss", "discordance"), [(0, 0.3), (0.1, 0.2), (0.25, 0.25), (0.5, 1), (0, 1), (1, 1)]
)
def test_power_is_the_sum_over_all_outcomes(loss: float, discordance: float, alpha: float) -> None:
    for n in (0, 1, 5, 24, 33):
        found = gate_power(n, loss=loss, discordance=discordance, alpha=alpha)
        assert found == pytest.approx(brute(n, loss, discordance, alpha), abs=1e-12)


@pytest.mark.parametrize(
    ("loss", "discordance", "alpha", "needed"),
    [
        (0.05, 0.05, 0.05, 134),
        (0.05, 0.14, 0.05, 373),
        (0.05, 0.14, 0.04, 404),
        (0.05, 0.2, 0.05, 527),
        (0.1, 0.2, 0.05, 134),
        (0.03, 0.2, 0.05, 1433),
        (0.2, 0.2, 0.05, 33),
    ],
)
def test_tasks_for_a_gate_have_the_reference_values(
    loss: float, discordance: float, alpha: float, needed: int
) -> None:
    """A few more than the normal approximation says: the exact test does not use up its chance."""
    assert tasks_for_gate(loss, discordance, alpha) == needed
    assert gate_power(needed, loss=loss, discordance=discordance, alpha=alpha) >= 0.8
    assert gate_power(needed - 1, loss=loss, discordance=discordance, alpha=alpha) < 0.8


def test_without_noise_five_lost_tasks_are_enough() -> None:
    """All that disagrees is lost, and 2**-5 is the first power below 0.05."""
    n = tasks_for_gate(0.05, 0.05)
    assert 1 - sum(comb(n, k) * 0.05**k * 0.95 ** (n - k) for k in range(5)) >= 0.8


@given(n=st.integers(1, 300), discordance=st.floats(0.01, 1), alpha=st.sampled_from([0.01, 0.04, 0.05]))
@settings(max_examples=30)
def test_false_alarms_never_exceed_alpha(n: int, discordance: float, alpha: float) -> None:
    assert gate_power(n, loss=0, discordance=discordance, alpha=alpha) <= alpha


def test_the_loss_that_is_seen_turns_the_number_of_tasks_round() -> None:
    assert (loss_seen(527, 0.2) or 1) <= 0.05 < (loss_seen(500, 0.2) or 0)
    assert loss_seen(4, 0.2) is None
    assert loss_seen(5, 0.0) == pytest.approx(0.8 ** (1 / 5), abs=1e-4)


def test_a_gate_needs_sound_rates() -> None:
    for loss, discordance, alpha in ((0.2, 0.1, 0.05), (0, 0, 0.05), (0.1, 0.2, 1), (-0.1, 0.2, 0.05)):
        with pytest.raises(UsageError, match="a gate needs"):
            gate_power(10, loss=loss, discordance=discordance, alpha=alpha)
    with pytest.raises(UsageError, match="loss > 0"):
        tasks_for_gate(0, 0.2)
    with pytest.raises(UsageError, match="n >= 0"):
        gate_power(-1, loss=0.1, discordance=0.2)
