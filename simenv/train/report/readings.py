"""The sentence below every chart of a run report, computed from what the chart shows."""

from collections.abc import Sequence
from statistics import fmean, median

from simenv.train.report import words
from simenv.train.report.data import Run, number
from simenv.train.report.metrics import Row
from simenv.train.report.shapes import Chart, stacked
from simenv.train.report.words import Point

MISMATCH_LIMIT = 0.015
"""Mean difference of sampler and trainer, in nats per token, from which the guard stops a run."""

Rated = tuple[float, float, float]
"""A step, a rate and of how many it is."""


def rated(run: Run, name: str) -> list[Rated]:
    """Return (step, rate, n) of a rate; n is 0 where it was not written.

    Attempts at one task are not independent, so n is the number of tasks (``tasks``, ``tasks/<family>``), and
    only where that is missing the number of episodes.
    """
    found = []
    for row in run.rows:
        rate, n = number(row, name), row_n(row, name)
        if rate is not None:
            found.append((float(row["step"]), rate, n))
    return found


def row_n(row: Row, name: str) -> float:
    """Return of how many tasks, else episodes, a rate in a row is; 0 where neither stands there."""
    _, slash, family = name.partition("/")
    n = number(row, f"tasks{slash}{family}") or number(row, f"episodes{slash}{family}")
    return max(0.0, float(n or 0))


def gaps(chart: Chart) -> str:
    """Say at which steps a series was not finite."""
    gone = [(each.name, [step for step, value in each.points if value is None]) for each in chart.series]
    told = [
        f" {_capital(name)} was not finite at {words.counted(len(steps), 'step')}, "
        f"first at {words.figure_of_step(steps[0])}."
        for name, steps in gone
        if steps
    ]
    return "".join(told)


def trends(run: Run, chart: Chart) -> str:
    """Return a sentence for every series."""
    known = [each for each in chart.series if each.finite]
    return " ".join(
        words.trend(
            _capital(chart.subject.format(each.name)),
            each.finite,
            chart.form,
            extreme="highest",
            where=at == len(known) - 1 or len(each.finite) != len(known[-1].finite),
        )
        for at, each in enumerate(known)
    )


def success(run: Run, chart: Chart) -> str:
    """Say what success did, with its intervals."""
    return words.rate_trend("Success", rated(run, "success"))


def families(run: Run, chart: Chart) -> str:
    """Say how many families rose and fell, and which ended best and weakest."""
    results = [
        (each.name, *words.rate_ends(rated(run, f"success/{each.name}")))
        for each in chart.series
        if each.finite
    ]
    number_of = words.counted(len(results), "family", "families")
    rose, fell = (sum(change == sign for *_, change in results) for sign in (1, -1))
    best = max(results, key=lambda result: result[2].rate)
    worst = min(results, key=lambda result: result[2].rate)
    if len(results) == 1:
        return words.rate_trend(_capital(best[0]), rated(run, f"success/{best[0]}"))
    return (
        f"Of {number_of}, {rose} rose clearly and {fell} fell clearly; "
        f"{best[0]} ended best at {best[2]}, {worst[0]} weakest at {worst[2]}."
    )


def family_rewards(run: Run, chart: Chart) -> str:
    """Say which family earned most and least."""
    finals = {each.name: words.ends(each.finite)[1] for each in chart.series if each.finite}
    best, worst = max(finals, key=lambda name: finals[name]), min(finals, key=lambda name: finals[name])
    return (
        f"At the end {best} earned most ({words.share(finals[best])}) and {worst} least "
        f"({words.share(finals[worst])})."
    )


def losses(run: Run, chart: Chart) -> str:
    """Say how far the losses fell, and whether the validation loss turned."""
    told = []
    for each in chart.series:
        if each.finite and each.name != "validation":
            told.append(words.trend(f"The {each.name} loss", each.finite))
        elif each.finite:
            told.append(_validation(each.finite))
    return " ".join(told)


def _validation(points: Sequence[Point]) -> str:
    if len(points) == 1:
        return words.trend("The validation loss", points)
    step, lowest = min(points, key=lambda point: point[1])
    last = points[-1][1]
    told = f"The validation loss went from {words.figure(points[0][1])} to {words.figure(last)}"
    if last <= lowest:
        return f"{told} and is at its lowest."
    return f"{told}; it was lowest at step {words.figure_of_step(step)} with {words.figure(lowest)}."


def truncation(run: Run, chart: Chart) -> str:
    """Say how many episodes were cut off at both ends, and why most."""
    totals = [(step, sum(stack)) for step, stack in stacked(chart.series)]
    means = {each.name: fmean(value for _, value in each.finite) for each in chart.series if each.finite}
    most = max(means, key=lambda name: means[name])
    if not means[most]:
        return f"No episode was cut off {words.between(totals) if len(totals) > 1 else 'at the one step'}."
    return f"{words.trend('The share cut off', totals, words.per_cent)} The most frequent reason was {most}."


def mismatch(run: Run, chart: Chart) -> str:
    """Say how far sampler and trainer disagree, and on which side of the guard's limit."""
    mean = next((each.finite for each in chart.series if each.name == "mean" and each.finite), None)
    if not mean:
        return trends(run, chart)
    step, worst = max(mean, key=lambda point: point[1])
    side = "above" if worst > MISMATCH_LIMIT else "below"
    return (
        f"Sampler and trainer differed by {words.figure(fmean(value for _, value in mean))} nats a token in "
        f"the mean; the worst step was {words.figure_of_step(step)} with {words.figure(worst)}, {side} the "
        f"limit of {words.figure(MISMATCH_LIMIT)}."
    )


def seconds(run: Run, chart: Chart) -> str:
    """Say how long a step took and which phase took most of it."""
    totals = [sum(stack) for _, stack in stacked(chart.series)]
    sums = {each.name: sum(value for _, value in each.finite) for each in chart.series}
    most = max(sums, key=lambda name: sums[name])
    part = sums[most] / sum(sums.values()) if sum(sums.values()) else 0.0
    return (
        f"The median step took {words.figure(median(totals))} s; "
        f"{most} took {words.per_cent(part)} of all time."
    )


def throughput(run: Run, chart: Chart) -> str:
    """Say how many tokens a second every phase did."""
    told = [
        f"{each.name} {words.figure(median(value for _, value in each.finite))}"
        for each in chart.series
        if each.finite
    ]
    return f"Median tokens per second: {words.listed(told)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
