"""Item response theory: how able a respondent is, how hard a task is, which task to ask next.

A *respondent* is an agent (or an ability mask of the ladder), an *item* a task. The two-parameter
logistic model says that a respondent of ability theta passes an item of discrimination a > 0 and
difficulty b with chance ``P = 1 / (1 + exp(-a (theta - b)))``. Abilities are standard normal in
the population of respondents, so theta and b are counted in its standard deviations, and a in its
inverse. Responses are 1 (passed), 0 (failed) and NaN (not taken).

Figures repeat bit by bit on one machine; between machines the last digits of numpy's ``exp`` and
sums may differ.

Source:
    Hofmann et al. (2025), "Fluid Language Model Benchmarking": MAP ability, next item by information.
    Bock and Aitkin (1981), "Marginal maximum likelihood estimation of item parameters": the fit.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simenv.core.errors import UsageError

Floats = NDArray[np.float64]
Answer = Callable[[int], bool]
Model = Literal["auto", "1pl", "2pl"]

BOUND = 4.0
"""Abilities lie in [-BOUND, BOUND]."""

TWO_PL_FROM = 100
"""Respondents from which ``fit(model="auto")`` lets discriminations differ."""

_TOLERANCE = 1e-10
_NEWTON_STEPS = 20
_NODES: Floats = np.linspace(-BOUND, BOUND, 41)
_LOG_WEIGHTS: Floats = -_NODES * _NODES / 2 - np.log(np.exp(-_NODES * _NODES / 2).sum())
_PRECISION_B = 1 / 2.0**2
_PRECISION_LOG_A = 1 / 0.5**2
_ROUNDS = 2000
_STILL = 1e-7
_HALVINGS = 40


class Ability(NamedTuple):
    """An estimated ability and its standard error, both in population standard deviations."""

    theta: float
    se: float


@dataclass(frozen=True, slots=True)
class Adaptive:
    """What an adaptive test found.

    Attributes:
        theta: MAP ability after the last answer, in [-4, 4].
        se: Its standard error, at most 1.
        order: Indices of the items asked, in the order asked.
        responses: Whether each of them was passed.
        accuracy: Expected share of the whole set that is passed: the mean P of all items.
    """

    theta: float
    se: float
    order: tuple[int, ...]
    responses: tuple[bool, ...]
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Parameters of the items, each array in the order of the columns given.

    Attributes:
        model: ``"1pl"`` or ``"2pl"``.
        a: Discriminations, all 1 under ``"1pl"``.
        b: Difficulties.
        se_b: Standard errors of ``b``, those of the other parameters counted in; at most the prior's 2.
        trace: Log likelihood plus log prior at the start and after each round; never falls.
        converged: Whether nothing moved by more than 1e-7 at last; False after 2,000 rounds.
    """

    model: Literal["1pl", "2pl"]
    a: Floats
    b: Floats
    se_b: Floats
    trace: Floats
    converged: bool


class _Data(NamedTuple):
    """Different rows of responses, sorted, so that the order of respondents cannot matter."""

    right: Floats
    taken: Floats
    times: Floats
    centre: Floats
    is_2pl: bool


class _State(NamedTuple):
    """A point ``(log a, b)`` of shape (2, items), its value and each row's ability posterior."""

    point: Floats
    value: float
    posterior: Floats


def probability(theta: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """Return the chance to pass, in [0, 1], shaped as the arguments broadcast."""
    return np.asarray(_chances(_logit(theta, a, b))[0])


def information(theta: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """Return the Fisher information ``a**2 P (1 - P)`` on ability, >= 0, as the arguments broadcast."""
    chance, log_miss = _chances(_logit(theta, a, b))
    return np.asarray(_floats(a, "a") ** 2 * chance * np.exp(log_miss))


def ability(responses: ArrayLike, a: ArrayLike, b: ArrayLike, *, prior: bool = True) -> Ability:
    """Return the ability that best explains the responses to some items.

    Args:
        responses: 0, 1 or NaN (ignored), one per item.
        a: Discriminations, > 0.
        b: Difficulties.
        prior: True for the posterior mode (MAP) under N(0, 1); its standard error is
            ``1 / sqrt(1 + sum I)``, and with no response it is ``(0, 1)``. False for maximum
            likelihood (MLE), which is a bound, -4 or 4, where all are failed or passed.

    Raises:
        UsageError: If shapes or values are wrong, or there is no response and no prior.

    Example:
        >>> theta, se = ability([1, 1, 0, 0, 1], [1, 1.5, 0.8, 2, 1.2], [-1, 0, 1, 0.5, -0.5])
        >>> round(theta, 10), round(se, 10)
        (0.2151232482, 0.568522186)
    """
    slopes, places = _items(a, b)
    scores = _responses(responses, 1)
    if scores.shape != slopes.shape:
        raise UsageError(f"ability() needs a response per item, got {scores.size} for {slopes.size}")
    taken = ~np.isnan(scores)
    if not prior and not taken.any():
        raise UsageError("ability() without a prior needs at least 1 response, got none")
    theta = _root(scores[taken], slopes[taken], places[taken], precision=float(prior))
    told = prior + float(information(theta, slopes[taken], places[taken]).sum())
    return Ability(theta, 1 / sqrt(told) if told > 0 else inf)


def next_item(theta: float, a: ArrayLike, b: ArrayLike, used: Collection[int]) -> int:
    """Return the unused item that tells most about abilities near ``theta``; of equals the first.

    Example:
        >>> next_item(0.0, [1, 1.5, 0.8, 2, 1.2], [-1, 0, 1, 0.5, -0.5], used=[3])
        1
    """
    told = information(theta, *_items(a, b))
    if not all(0 <= index < told.size for index in used):
        raise UsageError(f"next_item() needs used items between 0 and {told.size - 1}, got {sorted(used)}")
    told[list(used)] = -inf
    best = int(np.argmax(told))
    if told[best] == -inf:
        raise UsageError(f"next_item() needs an unused item; all {told.size} are used")
    return best


def adaptive(
    answer: Answer, a: ArrayLike, b: ArrayLike, *, stop_se: float = 0.3, most: int | None = None
) -> Adaptive:
    """Ask the most informative item, estimate, and repeat until the ability is known well enough.

    ``answer`` gives item ``i`` to the respondent and says whether it passed. It starts at ability
    0 and stops when the standard error is below ``stop_se``, after ``most`` items (at least 1;
    None: any number), or when none is left.

    Example:
        >>> adaptive([1, 1, 0, 0, 1].__getitem__, [1, 1.5, 0.8, 2, 1.2], [-1, 0, 1, 0.5, -0.5]).order
        (3, 1, 4, 0, 2)
    """
    slopes, places = _items(a, b)
    limit = slopes.size if most is None else min(most, slopes.size)
    if not stop_se >= 0 or limit < 1:
        raise UsageError(f"adaptive() needs stop_se >= 0 and most >= 1, got {stop_se} and {most}")
    order: list[int] = []
    responses: list[bool] = []
    theta, se = 0.0, 1.0
    while len(order) < limit and se >= stop_se:
        order.append(next_item(theta, slopes, places, order))
        responses.append(bool(answer(order[-1])))
        theta, se = ability(responses, slopes[order], places[order])
    accuracy = float(probability(theta, slopes, places).mean())
    return Adaptive(theta, se, tuple(order), tuple(responses), accuracy)


def fit(responses: ArrayLike, start_b: ArrayLike | None = None, *, model: Model = "auto") -> Fit:
    """Estimate the items' parameters from who passed what, whatever the abilities were.

    Marginal maximum likelihood by EM on 41 evenly spaced abilities in [-4, 4], with priors that
    only matter for items few have taken or all have answered alike: b ~ N(start_b, 2**2) and,
    for 2PL, log a ~ N(0, 0.5**2). An item that nobody took keeps its prior.

    The nodes are 0.2 apart, so abilities known to better than 0.1 (some 500 Rasch items each) are
    rounded to them. The Rasch model fixes a and the spread of abilities to 1; where respondents
    spread more widely, its b lie too close together. Time grows with the cube of the items.

    Args:
        responses: 0, 1 or NaN (not taken), one row per respondent and one column per item.
        start_b: Expected b of each item, such as the ladder's; zeros if None.
        model: ``"1pl"`` (Rasch: every a is 1), ``"2pl"``, or ``"auto"``: 2PL from 100
            respondents with a response; fewer cannot tell discriminations apart.

    Raises:
        UsageError: If shapes or values are wrong, or nobody has a response.
    """
    if model not in ("auto", "1pl", "2pl"):
        raise UsageError(f"fit() needs model auto, 1pl or 2pl, got {model!r}")
    scores = _responses(responses, 2)
    respondents = int((~np.isnan(scores)).any(axis=1).sum())
    if not respondents:
        raise UsageError(f"fit() needs a respondent with a response, got none in shape {scores.shape}")
    centre = np.zeros(scores.shape[1]) if start_b is None else _floats(start_b, "start_b")
    if centre.shape != scores.shape[1:] or not np.isfinite(centre).all():
        raise UsageError(f"fit() needs a finite start_b per item, got shape {centre.shape}")
    is_2pl = respondents >= TWO_PL_FROM if model == "auto" else model == "2pl"
    rows, count = np.unique(np.nan_to_num(scores, nan=-1), axis=0, return_counts=True)
    data = _Data(_floats(rows == 1), _floats(rows >= 0), _floats(count), centre, is_2pl)
    state, trace = _climb(data)
    (log_a, b), se_b = state.point, _standard_errors(data, state)
    return Fit("2pl" if is_2pl else "1pl", np.exp(log_a), b, se_b, np.array(trace), len(trace) <= _ROUNDS)


def _floats(values: ArrayLike, name: str = "") -> Floats:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} must be an array of numbers: {error}") from error


def _logit(theta: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    arrays = _floats(theta, "theta"), _floats(a, "a"), _floats(b, "b")
    try:
        return np.asarray(arrays[1] * (arrays[0] - arrays[2]))
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise UsageError(f"theta, a and b need shapes that fit together, got {shapes}") from error


def _items(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    slopes, places = _floats(a, "a"), _floats(b, "b")
    if slopes.ndim != 1 or slopes.shape != places.shape or not slopes.size:
        raise UsageError(f"a and b need one number per item, got shapes {slopes.shape} and {places.shape}")
    if not (np.isfinite(slopes) & np.isfinite(places) & (slopes > 0)).all():
        raise UsageError("a must be finite and above 0, b finite")
    return slopes, places


def _responses(responses: ArrayLike, dimensions: int) -> Floats:
    scores = _floats(responses, "responses")
    if scores.ndim != dimensions:
        raise UsageError(f"responses need {dimensions} dimension(s), got shape {scores.shape}")
    strange = scores[~(np.isnan(scores) | (scores == 0) | (scores == 1))]
    if strange.size:
        raise UsageError(f"a response is 0, 1 or NaN (not taken), got {strange[0]}")
    return scores


def _chances(logit: Floats) -> tuple[Floats, Floats]:
    """Return P and log (1 - P), precise far out on either side."""
    return np.exp(-np.logaddexp(0, -logit)), -np.logaddexp(0, logit)


def _root(scores: Floats, a: Floats, b: Floats, *, precision: float) -> float:
    """Return where the derivative of the log posterior, which only falls, is 0 in [-4, 4]."""

    def slope(theta: float) -> float:
        return float((a * (scores - probability(theta, a, b))).sum()) - precision * theta

    for end in (-BOUND, BOUND):
        if slope(end) * end >= 0:
            return end
    low, high, theta = -BOUND, BOUND, 0.0
    for step in range(_NEWTON_STEPS + 60):
        height = slope(theta)
        low, high = (theta, high) if height > 0 else (low, theta)
        curve = precision + float(information(theta, a, b).sum())
        moved = theta + height / curve if step < _NEWTON_STEPS and curve > 0 else inf
        if not low <= moved <= high:
            moved = (low + high) / 2
        if abs(moved - theta) <= _TOLERANCE:
            return moved
        theta = moved
    return theta


def _climb(data: _Data) -> tuple[_State, list[float]]:
    """Return the summit and the values on the way there."""
    taken, passed = data.taken.T @ data.times, data.right.T @ data.times
    guess = data.centre + np.log((taken - passed + 1) / (passed + 1))
    state = _expect(data, np.stack([np.zeros_like(guess), guess]))
    trace = [state.value]
    moved = inf
    while moved > _STILL and len(trace) <= _ROUNDS:
        higher = _expect(data, _maximise(data, state))
        if higher.value <= state.value:
            break  # Only rounding can get here: the summit is reached to the last digit.
        moved = float(np.abs(higher.point - state.point).max())
        state = higher
        trace.append(state.value)
    return state, trace


def _expect(data: _Data, point: Floats) -> _State:
    logits = _logits(point)
    joint = data.right @ logits + data.taken @ _chances(logits)[1] + _LOG_WEIGHTS
    top = joint.max(axis=1, keepdims=True)
    spread = np.exp(joint - top)
    total = spread.sum(axis=1, keepdims=True)
    value = float(data.times @ (top + np.log(total))[:, 0] + _log_prior(data, point).sum())
    return _State(point, value, spread / total)


def _maximise(data: _Data, state: _State) -> Floats:
    """Return a point that explains the expected counts at least as well, item by item.

    One step of Fisher scoring, halved for each item until that item's value does not fall.
    """
    point, (right, taken) = state.point, _counts(data, state)
    a, away = np.exp(point[0])[:, None], _NODES - point[1][:, None]
    chance, log_miss = _chances(a * away)
    off, told = a * (right - taken * chance), a * a * taken * chance * np.exp(log_miss)
    slope_b = (data.centre - point[1]) * _PRECISION_B - off.sum(axis=1)
    curve_b = told.sum(axis=1) + _PRECISION_B
    slope_a, curve_a, both = np.zeros_like(slope_b), np.ones_like(slope_b), np.zeros_like(slope_b)
    if data.is_2pl:
        slope_a = (off * away).sum(axis=1) - point[0] * _PRECISION_LOG_A
        curve_a = (told * away * away).sum(axis=1) + _PRECISION_LOG_A
        both = -(told * away).sum(axis=1)
    step: Floats = np.stack([slope_a * curve_b - slope_b * both, slope_b * curve_a - slope_a * both])
    step /= curve_a * curve_b - both * both
    # A discrimination moves at most e-fold a step, or exp() could overflow.
    step /= np.maximum(1, np.abs(step[0]))
    least = _expected_value(data, point, right, taken)
    for _ in range(_HALVINGS):
        falls = _expected_value(data, point + step, right, taken) < least
        step[:, falls] /= 2
        if not falls.any():
            return point + step
    return point


def _counts(data: _Data, state: _State) -> tuple[Floats, Floats]:
    """Return how many passed and took each item at each node, as far as one can tell."""
    weight = state.posterior * data.times[:, None]
    return data.right.T @ weight, data.taken.T @ weight


def _expected_value(data: _Data, point: Floats, right: Floats, taken: Floats) -> Floats:
    logits = _logits(point)
    return np.asarray((right * logits + taken * _chances(logits)[1]).sum(axis=1) + _log_prior(data, point))


def _logits(point: Floats) -> Floats:
    return np.asarray(np.exp(point[0])[:, None] * (_NODES - point[1][:, None]))


def _log_prior(data: _Data, point: Floats) -> Floats:
    penalty = (point[1] - data.centre) ** 2 * _PRECISION_B + point[0] ** 2 * _PRECISION_LOG_A
    return np.asarray(-penalty / 2)


def _standard_errors(data: _Data, state: _State) -> Floats:
    """Return the standard errors of b from the curvature of the value at the summit.

    By Louis's identity (1982) it is the expected curvature were abilities known, less the
    variance of the slope over each respondent's possible abilities.
    """
    items, (right, taken) = len(data.centre), _counts(data, state)
    logits, a = _logits(state.point), np.exp(state.point[0])[:, None]
    chance, log_miss = _chances(logits)
    off, told = right - taken * chance, taken * chance * np.exp(log_miss)
    curve, slopes = np.diag((a * a * told).sum(axis=1) + _PRECISION_B), [-a]
    if data.is_2pl:
        both = np.diag((a * (off - told * logits)).sum(axis=1))
        curve_a = np.diag((told * logits**2 - off * logits).sum(axis=1) + _PRECISION_LOG_A)
        curve, slopes = np.block([[curve, both], [both, curve_a]]), [-a, logits]
    for passes, takes, count, chances in zip(*data[:3], state.posterior, strict=True):
        missed = passes[:, None] - takes[:, None] * chance
        slope = np.concatenate([missed * factor for factor in slopes])
        slope -= (slope @ chances)[:, None]
        curve -= count * (slope * chances) @ slope.T
    heights, axes = np.linalg.eigh(curve)
    # No direction is flatter than the prior's; rounding abilities to nodes may make it seem so.
    variance = (axes * axes / np.maximum(heights, _PRECISION_B)).sum(axis=1)
    return np.asarray(np.sqrt(variance[:items]))
