"""Laws and reference values of the statistics and of the score table."""

import json
from fractions import Fraction
from itertools import permutations, product
from math import comb, isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical
from simenv.core.errors import UsageError
from simenv.scoring.report import ScoreRow, score_table
from simenv.scoring.statistics import (
    changes,
    clustered_se,
    holm,
    mcnemar,
    mcnemar_mid_p,
    mean_over_tasks,
    paired_se,
    pass_at_k,
    pass_hat_k,
    regression_p,
    tasks_needed,
    upper_bound,
    wilson,
)

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
rates = st.floats(0, 1, allow_nan=False)
scores = st.sampled_from([0.0, 0.25, 1.0])


# Repeated trials


@pytest.mark.parametrize(
    ("n", "c", "k", "at", "hat"),
    [
        (10, 3, 1, 0.3, 0.3),
        (10, 3, 5, 0.9166666667, 0),
        (5, 4, 2, 1, 0.6),
        (4, 2, 4, 1, 0),
        (8, 8, 4, 1, 1),
        (200, 7, 100, 0.9929911172, 0),
    ],
)
def test_repeated_trials_have_the_reference_values(n: int, c: int, k: int, at: float, hat: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(at, abs=5e-11)
    assert pass_hat_k(n, c, k) == pytest.approx(hat, abs=5e-11)


@given(count=counts, k=st.integers(1, 70))
def test_all_k_pass_no_more_often_than_any_of_k(count: tuple[int, int], k: int) -> None:
    n, c = count
    any_of, all_of = pass_at_k(n, c, k), pass_hat_k(n, c, k)
    assert (any_of is None) == (all_of is None) == (n < k)
    if any_of is not None and all_of is not None:
        assert 0 <= all_of <= any_of <= 1
        assert k > 1 or any_of == all_of == c / n


@given(count=counts, k=st.integers(1, 60))
def test_any_of_k_fails_as_all_of_k_passes(count: tuple[int, int], k: int) -> None:
    n, c = count
    any_of, all_fail = pass_at_k(n, c, k), pass_hat_k(n, n - c, k)
    assert (any_of is None and all_fail is None) or isclose((any_of or 0) + (all_fail or 0), 1)


@given(count=counts, k=st.integers(1, 59))
def test_more_trials_to_pass_help_any_and_hurt_all(count: tuple[int, int], k: int) -> None:
    n, c = count
    if k < n:
        assert (pass_at_k(n, c, k) or 0) <= (pass_at_k(n, c, k + 1) or 0)
        assert (pass_hat_k(n, c, k) or 0) >= (pass_hat_k(n, c, k + 1) or 0)


@pytest.mark.parametrize(("n", "k"), [(4, 2), (6, 3), (5, 5)])
def test_the_estimators_are_unbiased(n: int, k: int) -> None:
    """Over every outcome of ``n`` trials that pass with 3/10, they average to the true chance."""
    for p, estimator, true in ((0.3, pass_hat_k, 0.3**k), (0.3, pass_at_k, 1 - 0.7**k)):
        mean = sum(comb(n, c) * p**c * (1 - p) ** (n - c) * (estimator(n, c, k) or 0) for c in range(n + 1))
        assert mean == pytest.approx(true)


def test_a_mean_over_tasks_is_undefined_where_a_task_is() -> None:
    assert mean_over_tasks(pass_hat_k, [(4, 4), (4, 2)], 2) == pytest.approx((1 + 1 / 6) / 2)
    assert mean_over_tasks(pass_hat_k, [(4, 4), (1, 1)], 2) is None
    assert mean_over_tasks(pass_at_k, [], 1) is None


@given(st.lists(counts, min_size=1, max_size=5))
def test_a_mean_over_tasks_does_not_depend_on_their_order(tasks: list[tuple[int, int]]) -> None:
    assert mean_over_tasks(pass_at_k, tasks, 1) == mean_over_tasks(pass_at_k, tasks[::-1], 1)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    for estimator in (pass_at_k, pass_hat_k):
        with pytest.raises(UsageError, match="needs 0 <= passed <= trials"):
            estimator(n, c, k)


# Intervals


@pytest.mark.parametrize(
    ("c", "n", "low", "high"),
    [
        (0, 50, 0, 0.07134760),
        (50, 50, 0.92865240, 1),
        (38, 100, 0.29097599, 0.47790245),
        (7, 10, 0.39677815, 0.89220873),
    ],
)
def test_wilson_has_the_reference_values(c: int, n: int, low: float, high: float) -> None:
    assert wilson(c, n) == pytest.approx((low, high), abs=5e-9)


@given(counts)
def test_wilson_holds_the_rate_and_mirrors(count: tuple[int, int]) -> None:
    n, c = count
    low, high = wilson(c, n)
    assert 0 <= low <= c / n <= high <= 1
    assert low < high
    assert (low == 0) == (c == 0)
    assert (high == 1) == (c == n)
    mirrored = wilson(n - c, n)
    assert mirrored == pytest.approx((1 - high, 1 - low))


@given(counts)
def test_wilson_grows_with_the_count_and_narrows_with_n(count: tuple[int, int]) -> None:
    n, c = count
    assert wilson(c, n) <= wilson(min(n, c + 1), n)
    low, high = wilson(c, n)
    narrow = wilson(10 * c, 10 * n)
    assert narrow.high - narrow.low < high - low


def test_nothing_tried_says_nothing() -> None:
    assert wilson(0, 0) == (0, 1)
    assert upper_bound(0, 0) == 1


@pytest.mark.parametrize(("c", "n"), [(2, 1), (-1, 1), (0, -1), (float("nan"), 1)])
def test_wilson_refuses_impossible_counts(c: float, n: float) -> None:
    with pytest.raises(UsageError, match="0 <= passed <= n"):
        wilson(c, n)


@pytest.mark.parametrize(
    ("c", "n", "bound"),
    [(0, 300, 0.00994), (0, 3000, 0.000998), (0, 1, 0.95), (3, 3, 1.0), (1, 2, sqrt(0.95))],
)
def test_the_upper_bound_has_the_reference_values(c: int, n: int, bound: float) -> None:
    """Two trials, one passed: the chance of at most one is ``1 - p*p``."""
    assert upper_bound(c, n) == pytest.approx(bound, rel=1e-3 if c == 0 else 1e-9)


def test_the_rule_for_none_agrees_with_the_search() -> None:
    for n in (1, 2, 50, 300, 3000):
        assert upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-9)


@given(count=counts, alpha=st.sampled_from([0.01, 0.05, 0.5]))
def test_the_upper_bound_leaves_alpha_below(count: tuple[int, int], alpha: float) -> None:
    """At the bound the tail is at most alpha, and one step of the search lower it is more: exactly."""
    n, c = count
    p, step = Fraction(upper_bound(c, n, alpha=alpha)), Fraction(1, 2**32)

    def tail(rate: Fraction) -> Fraction:
        return sum((comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(c + 1)), Fraction(0))

    if c == 0:
        assert float(tail(p)) == pytest.approx(alpha)
    elif c < n:
        assert tail(p) <= alpha < tail(p - step)
    if c < n:
        assert p < upper_bound(c + 1, n, alpha=alpha)
        assert p > upper_bound(c, n + 1, alpha=alpha)
    assert c / n <= p <= 1 or alpha == 0.5


def test_the_upper_bound_needs_a_chance() -> None:
    for alpha in (0.0, 1.0):
        with pytest.raises(UsageError, match="alpha"):
            upper_bound(1, 2, alpha=alpha)
    with pytest.raises(UsageError, match="passed"):
        upper_bound(3, 2)


# Errors of means


def test_clustered_errors_have_the_reference_values() -> None:
    y, pairs = [1, 1, 0, 0, 1, 0, 1, 1], [0, 0, 1, 1, 2, 2, 3, 3]
    assert clustered_se(y, pairs) == pytest.approx(0.20728905, abs=5e-9)
    assert clustered_se(y, pairs, corrected=True) == pytest.approx(0.23935678, abs=5e-9)
    assert clustered_se(y, range(8), corrected=True) == pytest.approx(0.18298126, abs=5e-9)


@given(st.lists(st.tuples(scores, st.integers(0, 3)), min_size=1, max_size=12))
def test_clustered_errors_ignore_order_and_names(data: list[tuple[float, int]]) -> None:
    values, clusters = [y for y, _ in data], [g for _, g in data]
    error = clustered_se(values, clusters)
    assert error >= 0
    assert error == pytest.approx(clustered_se(values[::-1], [f"c{g}" for g in clusters[::-1]]))


@given(st.lists(scores, min_size=2, max_size=8))
def test_a_copied_trial_teaches_nothing(values: list[float]) -> None:
    """Each trial three times over: the clustered error stays, where the naive one would shrink."""
    clusters = list(range(len(values)))
    assert clustered_se(values * 3, clusters * 3) == pytest.approx(clustered_se(values, clusters))


def test_clustered_errors_need_clusters() -> None:
    clusters: list[int]
    for values, clusters in (([], []), ([1.0], [])):
        with pytest.raises(UsageError, match="a cluster per value"):
            clustered_se(values, clusters)
    with pytest.raises(UsageError, match="at least 2 clusters"):
        clustered_se([1, 0], [0, 0], corrected=True)


def test_a_paired_difference_has_the_reference_value() -> None:
    a = {str(i): int(y) for i, y in enumerate("1110101101")}
    b = {str(i): int(y) for i, y in reversed(list(enumerate("1010001100")))}
    assert paired_se(a, b) == pytest.approx((0.3, 0.15275252), abs=5e-9)


@given(st.lists(st.tuples(scores, scores), min_size=2, max_size=10))
def test_a_paired_difference_is_antisymmetric_and_joined_by_task(data: list[tuple[float, float]]) -> None:
    a = {str(i): x for i, (x, _) in enumerate(data)}
    b = {str(i): y for i, (_, y) in enumerate(data)}
    there, back = paired_se(a, b), paired_se(dict(reversed(b.items())), a)
    assert (there.mean, there.se) == (-back.mean, back.se)
    assert paired_se(a, a) == (0, 0)


def test_runs_over_different_tasks_are_not_compared() -> None:
    with pytest.raises(UsageError, match="1 are in one only, such as 'y'"):
        paired_se({"x": 1, "y": 0}, {"x": 1})
    with pytest.raises(UsageError, match="same tasks"):
        changes({"x": True}, {})
    with pytest.raises(UsageError, match="at least 2 tasks"):
        paired_se({"x": 1}, {"x": 1})


# Tests of changes


@pytest.mark.parametrize(
    ("b", "c", "exact"),
    [(1, 8, 0.0390625), (5, 15, 0.0413894653), (10, 25, 0.0166738478), (3, 3, 1), (0, 0, 1)],
)
def test_mcnemar_has_the_reference_values(b: int, c: int, exact: float) -> None:
    assert mcnemar(b, c) == pytest.approx(exact, abs=5e-11)


@pytest.mark.parametrize(("b", "c", "mid"), [(1, 8, 0.0214843750), (5, 15, 0.0266036987), (0, 0, 1)])
def test_mid_p_has_the_reference_values(b: int, c: int, mid: float) -> None:
    assert mcnemar_mid_p(b, c) == pytest.approx(mid, abs=5e-11)


@given(b=st.integers(0, 300), c=st.integers(0, 300))
def test_p_values_are_symmetric_and_ordered(b: int, c: int) -> None:
    assert mcnemar(b, c) == mcnemar(c, b)
    assert mcnemar_mid_p(b, c) == mcnemar_mid_p(c, b)
    assert 0 < mcnemar_mid_p(b, c) <= mcnemar(b, c) <= 1
    assert min(regression_p(b, c), regression_p(c, b)) <= mcnemar(b, c)
    assert regression_p(b, c) + regression_p(c + 1, b - 1) == pytest.approx(1) if b else True


@given(b=st.integers(0, 100), c=st.integers(0, 100))
def test_a_clearer_change_has_a_smaller_p(b: int, c: int) -> None:
    """Of as many changes, fewer on the rare side."""
    if 0 < b <= c:
        assert mcnemar(b - 1, c + 1) < mcnemar(b, c) or mcnemar(b, c) == 1
        assert mcnemar_mid_p(b - 1, c + 1) < mcnemar_mid_p(b, c)
    assert regression_p(b + 1, c) < regression_p(b, c) or regression_p(b + 1, c) == 1


def test_one_sided_p_is_the_sum_over_outcomes() -> None:
    for b, c in product(range(5), repeat=2):
        outcomes = list(product((0, 1), repeat=b + c))
        assert regression_p(b, c) == sum(sum(o) >= b for o in outcomes) / len(outcomes)


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.booleans(), st.booleans())))
def test_changes_count_each_side(runs: dict[str, tuple[bool, bool]]) -> None:
    before = {task: pair[0] for task, pair in runs.items()}
    after = {task: pair[1] for task, pair in reversed(runs.items())}
    found = changes(before, after)
    assert found.regressions - found.progressions == sum(before.values()) - sum(after.values())
    assert changes(after, before) == (found.progressions, found.regressions)


@pytest.mark.parametrize("test", [mcnemar, mcnemar_mid_p, regression_p])
def test_negative_counts_are_refused(test: object) -> None:
    assert callable(test)
    with pytest.raises(UsageError, match="counts"):
        test(-1, 2)


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    with pytest.raises(UsageError, match="between 0 and 1"):
        holm([float("nan")])


@given(st.lists(rates, min_size=1, max_size=6))
def test_holm_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1, len(p_values) * p)
    assert min(adjusted) == min(1, len(p_values) * min(p_values))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


@given(st.lists(rates, min_size=1, max_size=4))
def test_holm_goes_with_its_values(p_values: list[float]) -> None:
    want = dict(zip(p_values, holm(p_values), strict=True))
    for shuffled in permutations(p_values):
        assert dict(zip(shuffled, holm(shuffled), strict=True)) == want


@pytest.mark.parametrize(
    ("delta", "trials", "needed"),
    [(0.05, 1, 1396), (0.05, 10, 454), (0.03, 1, 3876), (0.03, 10, 1260), (0.1, 1, 349), (0.1, 10, 114)],
)
def test_power_has_the_reference_values(delta: float, trials: int, needed: int) -> None:
    assert tasks_needed(delta, variance=1 / 9 + 2 / 6 / trials) == needed


def test_power_of_paired_passes_has_the_reference_values() -> None:
    assert tasks_needed(0.05, variance=0.2 - 0.05**2) == 621
    assert tasks_needed(0.1, variance=0.2 - 0.1**2) == 150
    with pytest.raises(UsageError, match="delta != 0"):
        tasks_needed(0, variance=1)


def test_fifty_tasks_see_seventeen_points_and_no_fewer() -> None:
    assert tasks_needed(0.17, variance=0.2 - 0.17**2) <= 50 < tasks_needed(0.16, variance=0.2 - 0.16**2)


# The table


def row(
    agent: str = "oracle", *, counts: tuple[tuple[int, int], ...] = ((2, 2), (2, 1)), calls: int = 14
) -> ScoreRow:
    return ScoreRow(agent=agent, counts=counts, calls=calls, errors=2, breaches=1)


def test_the_table_reads_as_it_should() -> None:
    rows = [row(), row("idle", counts=((2, 0), (2, 0)), calls=0), row("none yet", counts=())]
    assert score_table(rows) == (
        "agent     tasks  trials  passed   rate   95 % interval  pass^1  pass^2  calls  errors  breaches\n"
        "oracle        2       4       3  75.0%  19.8% to 97.3%   75.0%   50.0%   3.50    0.50         1\n"
        "idle          2       4       0   0.0%   0.0% to 65.8%    0.0%    0.0%   0.00    0.50         1\n"
        "none yet      0       0       0      -               -       -       -      -       -         1\n"
    )


def test_an_empty_table_has_a_head() -> None:
    head = "agent  tasks  trials  passed  rate  95 % interval  calls  errors  breaches\n"
    assert score_table([]) == head


@given(
    st.lists(
        st.builds(
            ScoreRow,
            agent=st.text(max_size=12),
            counts=st.lists(counts, max_size=4).map(tuple),
            calls=st.integers(0, 10**6),
        ),
        max_size=4,
    )
)
def test_every_row_is_one_line_and_plain_json(rows: list[ScoreRow]) -> None:
    lines = score_table(rows).splitlines()
    assert len(lines) == len(rows) + 1
    for each in rows:
        figures = each.to_json()
        assert json.loads(canonical(figures)) == figures


def test_lines_are_equally_wide() -> None:
    lines = score_table([row("a"), row("longer name"), row("x", counts=((100, 99),))]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "pass^1  pass^2  pass^4  pass^8  pass^16  pass^32  pass^64  pass^100" in " ".join(
        lines[0].split("   ")
    )


def test_wide_letters_take_two_columns() -> None:
    _, narrow, wide = score_table([row("abcd"), row("航空")]).splitlines()
    assert narrow.replace("abcd", "航空") == wide


def test_trials_of_one_task_do_not_narrow_the_interval() -> None:
    once = row(counts=((1, 1), (1, 0)))
    often = row(counts=((100, 100), (100, 0)))
    assert once.interval == often.interval == wilson(1, 2)


def test_a_row_of_impossible_counts_is_refused() -> None:
    with pytest.raises(UsageError, match="3 passed of 2"):
        row(counts=((2, 3),))
    with pytest.raises(UsageError, match="none is negative"):
        row(calls=-1)
