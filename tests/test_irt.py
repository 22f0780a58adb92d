"""Reference values, laws and recovery of item response theory."""

from collections.abc import Callable
from functools import cache
from math import exp, inf, log, nan, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.scoring.irt import Fit, Floats, Model, ability, adaptive, fit, information, next_item, probability

A = [1, 1.5, 0.8, 2, 1.2]
B = [-1, 0, 1, 0.5, -0.5]
MIXED = [1, 1, 0, 0, 1]

difficulties = st.lists(st.floats(-5, 5), min_size=1, max_size=12)
discriminations = st.floats(0.05, 5)
answers = st.sampled_from([0.0, 1.0, nan])
grids = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(answers, min_size=n, max_size=n), min_size=1, max_size=8)
)


def uniforms(count: int, *address: str | int) -> Floats:
    return (np.array(Draws("irt", *address).column(2**32, count)) + 0.5) / 2**32


def normals(count: int, *address: str | int) -> Floats:
    return np.array([NormalDist().inv_cdf(u) for u in uniforms(count, *address)])


@cache
def simulated(respondents: int, items: int, spread_a: float) -> tuple[Floats, Floats, Floats]:
    """Return responses, a and b; abilities are standard normal, b is a little wider."""
    name = f"{respondents}x{items}"
    theta, b = normals(respondents, name, "theta"), 1.2 * normals(items, name, "b")
    a: Floats = np.exp(spread_a * normals(items, name, "a"))
    chance = probability(theta[:, None], a, b)
    passed = uniforms(chance.size, name, "x").reshape(chance.shape) < chance
    return passed.astype(np.float64), a, b


@cache
def fitted(respondents: int, items: int, spread_a: float) -> Fit:
    return fit(simulated(respondents, items, spread_a)[0])


# One ability


def test_chance_and_information_have_the_reference_values() -> None:
    assert float(probability(0.5, 1.2, -0.3)) == pytest.approx(0.7231218051, abs=5e-11)
    assert float(information(0.5, 1.2, -0.3)) == pytest.approx(0.2883119905, abs=5e-11)
    assert information(0, A, B) == pytest.approx(
        [0.19661193, 0.5625, 0.13690221, 0.78644773, 0.32944931], abs=5e-9
    )


@pytest.mark.parametrize(
    ("responses", "prior", "theta", "se"),
    [
        (MIXED, True, 0.2151232481758736, 0.5685221860133186),
        ([1] * 5, True, 1.2062204661221647, 0.6599413281756146),
        ([0] * 5, True, -1.2033557696403859, 0.7023186062077013),
        (MIXED, False, 0.3176141912935914, 0.6900587755034331),
        ([1] * 5, False, 4.0, 3.7506277702167),
        ([0] * 5, False, -4.0, 3.4609691469034),
    ],
)
def test_ability_is_the_root_found_in_40_digits(
    responses: list[int], prior: bool, theta: float, se: float
) -> None:
    """They agree with the published 0.215123248176, -1.2033557696, 0.3176141913 and 4.0."""
    found = ability(responses, A, B, prior=prior)
    assert found.theta == pytest.approx(theta, abs=2e-10)
    assert found.se == pytest.approx(se, abs=2e-10)


def test_published_values_of_a_looser_root_are_within_its_tolerance() -> None:
    """Fluid Benchmarking stops where the slope is below 1e-6: its roots are off by 3e-7.

    Hence 0.2151235690 with standard error 0.5685221809, and 1.2062202333 for all correct.
    """
    for responses, theta in ((MIXED, 0.2151235690), ([1] * 5, 1.2062202333)):
        slope = float((np.array(A) * (responses - probability(theta, A, B))).sum()) - theta
        assert 1e-7 < abs(slope) < 1e-6
        assert ability(responses, A, B).theta == pytest.approx(theta, abs=5e-7)
    told = float(information(0.2151235690, A, B).sum())
    assert 1 / sqrt(1 + told) == pytest.approx(0.5685221809, abs=5e-11)


def test_what_was_not_taken_does_not_count() -> None:
    assert ability([1, nan, 0, nan, 1], A, B) == ability([1, 0, 1], A[::2], B[::2])
    assert ability([nan] * 5, A, B) == (0, 1)


@given(theta=st.floats(-50, 50), a=discriminations, b=st.floats(-50, 50))
def test_chances_and_information_stay_in_range(theta: float, a: float, b: float) -> None:
    p, told = float(probability(theta, a, b)), float(information(theta, a, b))
    assert 0 <= p <= 1
    assert 0 <= told <= a * a / 4 * (1 + 1e-12)
    assert p + float(probability(b, a, theta)) == pytest.approx(1, abs=1e-12)


@given(b=difficulties, a=discriminations, prior=st.booleans())
def test_under_rasch_more_correct_answers_never_mean_less_ability(
    b: list[float], a: float, prior: bool
) -> None:
    found = [
        ability([1] * k + [0] * (len(b) - k), [a] * len(b), b, prior=prior).theta for k in range(len(b) + 1)
    ]
    assert [-4, *found, 4] == sorted([-4, *found, 4])


@given(data=st.data(), b=difficulties)
def test_under_rasch_only_the_number_correct_counts(data: st.DataObject, b: list[float]) -> None:
    responses = data.draw(st.lists(st.integers(0, 1), min_size=len(b), max_size=len(b)))
    other = data.draw(st.permutations(responses))
    one = [1.0] * len(b)
    assert ability(responses, one, b).theta == pytest.approx(ability(other, one, b).theta, abs=1e-9)


@given(data=st.data(), b=difficulties, prior=st.booleans())
def test_ability_is_where_the_slope_is_zero(data: st.DataObject, b: list[float], prior: bool) -> None:
    a = data.draw(st.lists(discriminations, min_size=len(b), max_size=len(b)))
    responses = data.draw(st.lists(st.integers(0, 1), min_size=len(b), max_size=len(b)))
    theta = ability(responses, a, b, prior=prior).theta

    def slope(at: float) -> float:
        return sum(
            k * (x - 1 / (1 + exp(-k * (at - d)))) for k, x, d in zip(a, responses, b, strict=True)
        ) - (at if prior else 0)

    assert slope(theta - 1e-6) > -1e-9 or theta == -4
    assert slope(theta + 1e-6) < 1e-9 or theta == 4


# Adaptive tests


def test_the_next_item_is_the_first_of_the_most_telling() -> None:
    assert next_item(0.0, A, B, ()) == 3
    assert next_item(0.0, A, B, {3, 1}) == 4
    assert next_item(0.0, [1, 1, 1], [2, 1, -1], []) == 1
    assert next_item(0.0, [1, 1], [900, 800], {1}) == 0


def test_an_adaptive_test_has_the_reference_order() -> None:
    result = adaptive(lambda i: bool(MIXED[i]), A, B)
    assert result.order == (3, 1, 4, 0, 2)
    assert result.responses == (False, True, True, True, False)
    assert (result.theta, result.se) == pytest.approx(ability(MIXED, A, B), abs=1e-9)
    assert result.accuracy == pytest.approx(0.5525472854, abs=5e-11)


def test_an_adaptive_test_stops_when_it_knows_enough() -> None:
    a, b = [1.5] * 200, list(np.linspace(-3, 3, 200))
    result = adaptive(lambda i: b[i] < 0.7, a, b)
    assert result.se < 0.3
    assert adaptive(lambda i: b[i] < 0.7, a, b, most=len(result.order) - 1).se >= 0.3
    assert len(result.order) < 25
    assert result.theta == pytest.approx(0.7, abs=0.3)


@settings(max_examples=30)
@given(b=difficulties, most=st.integers(1, 15))
def test_an_adaptive_test_asks_no_item_twice(b: list[float], most: int) -> None:
    result = adaptive(lambda i: i % 2 == 0, [1.0] * len(b), b, stop_se=0, most=most)
    assert len(set(result.order)) == len(result.order) == min(most, len(b))
    assert 0 <= result.accuracy <= 1


# Fitting


def log_posterior(scores: Floats, a: Floats, b: Floats, centre: Floats, *, is_2pl: bool) -> float:
    """Return the value that ``fit`` climbs, computed in the plainest way."""
    nodes = [-4 + 0.2 * q for q in range(41)]
    weights = [exp(-t * t / 2) for t in nodes]
    total = 0.0
    for row in scores:
        likelihood = 0.0
        for t, weight in zip(nodes, weights, strict=True):
            for x, slope, place in zip(row, a, b, strict=True):
                p = 1 / (1 + exp(-slope * (t - place)))
                weight *= 1 if np.isnan(x) else p if x else 1 - p
            likelihood += weight
        total += log(likelihood / sum(weights))
    total -= float(((b - centre) ** 2).sum()) / 8
    return total - (float((np.log(a) ** 2).sum()) * 2 if is_2pl else 0)


def holed(scores: Floats) -> Floats:
    """Return the responses with every seventh not taken."""
    return np.where(np.arange(scores.size).reshape(scores.shape) % 7 == 3, nan, scores)


@pytest.mark.parametrize("model", ["1pl", "2pl"])
def test_a_fit_is_the_summit_and_its_curvature_the_standard_error(model: Model) -> None:
    """Against differences of a likelihood that shares no code with the fit."""
    scores, centre = holed(simulated(30, 3, 0.4)[0]), np.array([0.5, -0.5, 0.0])
    found = fit(scores, centre, model=model)
    is_2pl = model == "2pl"
    at = np.concatenate([found.b, np.log(found.a)]) if is_2pl else found.b

    def value(point: Floats) -> float:
        a = np.exp(point[3:]) if is_2pl else np.ones(3)
        return log_posterior(scores, a, point[:3], centre, is_2pl=is_2pl)

    assert found.trace[-1] == pytest.approx(value(at), abs=1e-9)
    h, axes = 1e-3, np.eye(len(at))
    for axis in axes:
        assert abs(value(at + h * axis) - value(at - h * axis)) / (2 * h) < 1e-5

    def bend(i: Floats, j: Floats) -> float:
        return (value(at + i + j) + value(at - i - j) - value(at + i - j) - value(at - i + j)) / (4 * h * h)

    curve = [[-bend(h * i, h * j) for j in axes] for i in axes]
    assert found.se_b == pytest.approx(np.sqrt(np.diag(np.linalg.inv(curve))[:3]), rel=1e-4)


def test_auto_is_rasch_below_100_respondents() -> None:
    scores = simulated(100, 5, 0.3)[0]
    assert fit(scores).model == "2pl"
    few = fit(np.vstack([scores[:99], np.full((50, 5), nan)]))
    assert (few.model, set(few.a)) == ("1pl", {1.0})


@pytest.mark.parametrize(
    ("respondents", "items", "spread", "error_b", "error_a"),
    [(99, 40, 0.0, 0.25, 0.0), (1000, 40, 0.4, 0.2, 0.15), (500, 20, 0.4, 0.2, 0.2), (12, 80, 0.0, 0.75, 0)],
)
def test_known_parameters_are_recovered(
    respondents: int, items: int, spread: float, error_b: float, error_a: float
) -> None:
    _, a, b = simulated(respondents, items, spread)
    found = fitted(respondents, items, spread)
    assert found.converged
    assert sqrt(float(((found.b - b) ** 2).mean())) < error_b
    assert sqrt(float((np.log(found.a / a) ** 2).mean())) <= error_a
    # The errors are as large as the standard errors say.
    assert 0.7 < sqrt(float((((found.b - b) / found.se_b) ** 2).mean())) < 1.3


def test_recovery_survives_responses_not_taken() -> None:
    scores, _, b = simulated(1000, 40, 0.4)
    gaps = uniforms(scores.size, "gaps").reshape(scores.shape) < 0.5
    found = fit(np.where(gaps, nan, scores))
    assert sqrt(float(((found.b - b) ** 2).mean())) < 0.25
    assert (found.se_b > fitted(1000, 40, 0.4).se_b).all()


def test_abilities_estimated_from_a_fit_follow_the_true_ones() -> None:
    scores = simulated(1000, 40, 0.4)[0]
    found, theta = fitted(1000, 40, 0.4), normals(1000, "1000x40", "theta")
    mine = [ability(row, found.a, found.b).theta for row in scores[:200]]
    assert float(np.corrcoef(mine, theta[:200])[0, 1]) > 0.9


def same(one: Fit, other: Fit, order: ArrayLike, *, close: float) -> None:
    index = np.asarray(order)
    for name in ("a", "b", "se_b"):
        assert getattr(one, name)[index] == pytest.approx(getattr(other, name), abs=close)


@pytest.mark.parametrize("model", ["1pl", "2pl"])
def test_a_fit_does_not_depend_on_the_order(model: Model) -> None:
    scores = holed(simulated(99, 12, 0.3)[0])
    centre = np.linspace(-1, 1, 12)
    found = fit(scores, centre, model=model)
    rows = Draws("irt", "rows").shuffled(range(99))
    columns = Draws("irt", "columns").shuffled(range(12))
    same(found, fit(scores[rows], centre, model=model), range(12), close=0)  # Not by a bit.
    same(found, fit(scores[:, columns], centre[columns], model=model), columns, close=1e-5)


@pytest.mark.parametrize("model", ["1pl", "2pl"])
@pytest.mark.parametrize("respondents", [1, 3, 120])
def test_items_that_all_or_none_passed_stay_finite(model: Model, respondents: int) -> None:
    scores = np.tile([1.0, 0.0, nan], (respondents, 1))
    found = fit(scores, model=model)
    assert -8 < found.b[0] < 0 < found.b[1] < 8
    assert found.b[0] == pytest.approx(-found.b[1], abs=1e-5)
    assert ((found.a > 0.1) & (found.a < 10)).all()
    # Nobody took the third: the prior is all there is.
    assert (found.b[2], found.se_b[2]) == pytest.approx((0, 2), abs=1e-6)


def test_the_prior_rules_where_responses_do_not() -> None:
    ladder = [-2.0, 0.0, 3.0, 1.5]
    found = fit([[1, 1, 0, nan]], ladder)
    assert list(np.argsort(found.b)) == [0, 1, 3, 2]
    assert found.b[3] == pytest.approx(1.5)
    many, _, b = simulated(1000, 40, 0.4)
    assert fit(many, b + 2).b == pytest.approx(fit(many, b - 2).b, abs=0.35)


@settings(max_examples=40)
@given(grid=grids, model=st.sampled_from(["auto", "1pl", "2pl"]))
def test_a_fit_repeats_climbs_and_stays_finite(grid: list[list[float]], model: Model) -> None:
    if np.isnan(grid).all():
        with pytest.raises(UsageError, match="respondent"):
            fit(grid, model=model)
        return
    one, two = fit(grid, model=model), fit(grid, model=model)
    for name in ("a", "b", "se_b", "trace"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
        assert np.isfinite(getattr(one, name)).all()
    assert one.converged
    assert (np.diff(one.trace) >= 0).all()
    assert ((one.se_b > 0) & (one.se_b <= 2 + 1e-9)).all()


@pytest.mark.parametrize(
    "size", [(99, 40, 0.0), (1000, 40, 0.4), (500, 20, 0.4), (12, 80, 0.0)], ids="{0[0]}x{0[1]}".format
)
def test_the_trace_never_falls(size: tuple[int, int, float]) -> None:
    trace = fitted(*size).trace
    assert 5 < len(trace) < 200
    assert (np.diff(trace) >= 0).all()


# Refusals


@pytest.mark.parametrize(
    ("responses", "a", "b", "match"),
    [
        ([1, 0], A, B, "a response per item, got 2 for 5"),
        ([1], [1], [1, 2], "one number per item"),
        ([], [], [], "one number per item"),
        ([1], [0], [1], "above 0"),
        ([1], [nan], [1], "above 0"),
        ([1], [1], [inf], "b finite"),
        ([0.5], [1], [1], "0, 1 or NaN .*, got 0.5"),
        ([-1], [1], [1], "0, 1 or NaN"),
        ([[1]], [1], [1], "1 dimension"),
        (["yes"], [1], [1], "responses must be an array of numbers"),
    ],
)
def test_impossible_items_and_responses_are_refused(
    responses: ArrayLike, a: ArrayLike, b: ArrayLike, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        ability(responses, a, b)


def test_an_mle_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="without a prior"):
        ability([nan, nan], [1, 1], [0, 1], prior=False)


@pytest.mark.parametrize("function", [probability, information])
def test_shapes_that_do_not_fit_are_refused(function: Callable[..., Floats]) -> None:
    with pytest.raises(UsageError, match=r"fit together, got \(2,\), \(3,\), \(\)"):
        function([0, 1], [1, 1, 1], 0)


@pytest.mark.parametrize(
    ("used", "match"), [(range(5), "all 5 are used"), ([5], "0 and 4"), ([-1], "0 and 4")]
)
def test_impossible_used_items_are_refused(used: list[int], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        next_item(0.0, A, B, used)


@pytest.mark.parametrize(("stop_se", "most"), [(-1.0, None), (nan, None), (0.3, 0)])
def test_impossible_stops_are_refused(stop_se: float, most: int | None) -> None:
    with pytest.raises(UsageError, match="stop_se >= 0 and most >= 1"):
        adaptive(bool, A, B, stop_se=stop_se, most=most)


@pytest.mark.parametrize(
    ("responses", "start_b", "match"),
    [
        ([1, 0], None, "2 dimension"),
        ([[1, 0], [1]], None, "array of numbers"),
        ([[1, 2]], None, "0, 1 or NaN .*, got 2"),
        ([[1, inf]], None, "0, 1 or NaN"),
        (np.zeros((0, 3)), None, "needs a respondent"),
        (np.zeros((3, 0)), None, "needs a respondent"),
        ([[nan, nan]], None, "needs a respondent"),
        ([[1, 0]], [1], "start_b per item"),
        ([[1, 0]], [1, nan], "finite start_b"),
    ],
)
def test_impossible_grids_are_refused(responses: ArrayLike, start_b: ArrayLike | None, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        fit(responses, start_b)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UsageError, match="auto, 1pl or 2pl, got '3pl'"):
        fit([[1, 0]], model="3pl")  # type: ignore[arg-type]
