"""Which charts a run report shows, and how they are made of the rows of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from simenv.train.report import readings, words
from simenv.train.report.data import Run
from simenv.train.report.readings import MISMATCH_LIMIT, Rated, rated
from simenv.train.report.shapes import MOST, Chart, Series
from simenv.train.report.words import Point

SECTIONS = {
    "learning": "Learning",
    "behaviour": "Behaviour",
    "health": "Health of the optimisation",
    "speed": "Time and throughput",
}
_FEW = 30
"""Series with fewer points are drawn as they are."""

_RATES = ("success", "families")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A chart to be made: metric names (one that ends in ``/`` stands for all below it) and their labels."""

    chart: Chart
    metrics: dict[str, str]
    read: Callable[[Run, Chart], str] = readings.trends


def charts_of(run: Run) -> tuple[list[Chart], dict[str, list[str]]]:
    """Return the charts of a run, and by section the titles of those for which nothing was measured."""
    found: list[Chart] = []
    missing: dict[str, list[str]] = {}
    for plan in _PLANS:
        drawn = replace(plan.chart, series=tuple(each for each in _series(run, plan) if each.points))
        if any(each.finite for each in drawn.series):
            found.append(replace(drawn, reading=plan.read(run, drawn) + readings.gaps(drawn)))
        else:
            missing.setdefault(drawn.section, []).append(drawn.title.partition(",")[0])
    return found, missing


def _series(run: Run, plan: _Plan) -> list[Series]:
    return [
        _one(run, plan.chart, name, label or name.removeprefix(metric))
        for metric, label in plan.metrics.items()
        for name in (run.names(metric) if metric.endswith("/") else [metric])
    ]


def _one(run: Run, chart: Chart, name: str, label: str) -> Series:
    points = tuple((float(step), value) for step, value in run.series(name))
    finite = [(step, value) for step, value in points if value is not None]
    if not finite:
        return Series(label, points)
    is_rate = chart.key in _RATES
    triples = rated(run, name) if is_rate else [(step, value, 0.0) for step, value in finite]
    last = str(words.rate_ends(triples)[1]) if is_rate else chart.form(words.ends(finite)[1])
    return Series(label, points, *_smoothed(triples), last)


def _smoothed(triples: Sequence[Rated]) -> tuple[tuple[Point, ...], tuple[tuple[float, float, float], ...]]:
    """Return medians of neighbours; where n is known, their common rate with its interval."""
    reach = 0 if len(triples) < _FEW else max(1, len(triples) // 40)
    smooth, band = [], []
    for at in range(0, len(triples), -(-len(triples) // MOST)):
        near = min(reach, at, len(triples) - 1 - at)
        around = triples[at - near : at + near + 1]
        if any(n <= 0 for _, _, n in around):
            # One step far out moves a mean of few steps, but not their median.
            smooth.append((triples[at][0], median(value for _, value, _ in around)))
            continue
        estimate = words.pooled(around)
        smooth.append((triples[at][0], estimate.rate))
        if estimate.low is not None and estimate.high is not None:
            band.append((triples[at][0], estimate.low, estimate.high))
    return tuple(smooth) if reach else (), tuple(band) if len(band) == len(smooth) else ()


def _chart(key: str, title: str, section: str, **more: Any) -> Chart:
    return Chart(key=key, title=title, section=section, **more)


_S, _P = words.share, words.per_cent
_LEARNING = (
    _Plan(_chart("reward", "Reward, mean of a step", "learning", form=_S), {"reward_mean": "reward"}),
    _Plan(
        _chart("success", "Success, share of episodes", "learning", form=_S, whole=True),
        {"success": "success"},
        readings.success,
    ),
    _Plan(
        _chart("families", "Success by family", "learning", kind="small", form=_S, whole=True),
        {"success/": ""},
        readings.families,
    ),
    _Plan(
        _chart("reward-families", "Reward by family", "learning", kind="small", form=_S),
        {"reward/": ""},
        readings.family_rewards,
    ),
    _Plan(
        _chart("loss", "Loss, nats per token", "learning", subject="The {} loss"),
        {"loss": "training", "val_loss": "validation"},
        readings.losses,
    ),
    _Plan(
        _chart("accuracy", "Tool selection and arguments, share right", "learning", form=_S, whole=True),
        {"tool_accuracy": "tool selection", "argument_accuracy": "arguments"},
    ),
    _Plan(
        _chart("retention", "Retention: loss on held-out text", "learning"),
        {"retention_loss": "the retention loss"},
    ),
)
_BEHAVIOUR = (
    _Plan(
        _chart("lengths", "Length, sampled tokens", "behaviour", subject="The mean length of {} episodes"),
        {"length_passed": "passed", "length_failed": "failed"},
    ),
    _Plan(_chart("turns", "Turns per episode", "behaviour"), {"turns": "turns"}),
    _Plan(
        _chart("truncation", "Cut off by reason, share of episodes", "behaviour", kind="stack", form=_P),
        {"truncated/": ""},
        readings.truncation,
    ),
    _Plan(
        _chart("errors", "Refused and invalid calls", "behaviour"),
        {"tool_errors": "tool errors", "invalid_calls": "invalid calls"},
    ),
    _Plan(
        _chart("zero-variance", "Groups that teach nothing, share", "behaviour", form=_P),
        {"zero_variance": "the share of groups that teach nothing"},
    ),
)
_HEALTH = (
    _Plan(
        _chart("kl", "KL to the reference, nats per token", "health"),
        {"kl_ref": "the KL to the reference"},
    ),
    _Plan(_chart("entropy", "Entropy, nats per token", "health"), {"entropy": "entropy"}),
    _Plan(
        _chart("clip", "Clipped, share of tokens", "health", form=_P, subject="The share clipped {}"),
        {"clip_low": "low", "clip_high": "high"},
    ),
    _Plan(_chart("gradient", "Gradient norm", "health"), {"grad_norm": "the gradient norm"}),
    _Plan(
        _chart("update", "Size of an update, against the weights", "health"),
        {"update_ratio": "the update ratio"},
    ),
    _Plan(
        _chart(
            "mismatch",
            "Sampler against trainer, nats per token",
            "health",
            line=(MISMATCH_LIMIT, "limit of the mean"),
            subject="The mismatch ({})",
        ),
        {"mismatch_mean": "mean", "mismatch_k3": "k3", "mismatch_max": "largest"},
        readings.mismatch,
    ),
    _Plan(_chart("ess", "Effective sample size, share", "health"), {"ess": "the effective sample size"}),
    _Plan(_chart("lr", "Learning rate", "health"), {"lr": "the learning rate"}),
)
_SPEED = (
    _Plan(
        _chart("seconds", "Seconds of a step by phase", "speed", kind="stack"),
        {"seconds/": ""},
        readings.seconds,
    ),
    _Plan(
        _chart("throughput", "Tokens per second by phase", "speed"),
        {"tokens_per_s/": ""},
        readings.throughput,
    ),
    _Plan(
        _chart("tokens", "Tokens of a step", "speed", subject="Tokens {}"),
        {"tokens_sampled": "sampled", "tokens": "trained on"},
    ),
)
_PLANS = (*_LEARNING, *_BEHAVIOUR, *_HEALTH, *_SPEED)
