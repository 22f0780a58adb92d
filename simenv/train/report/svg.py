"""Charts as inline SVG: small, without scripts, coloured by the style sheet of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import log10

from simenv.train.report import words
from simenv.train.report.shapes import (
    Chart,
    Series,
    flat,
    has_log_axis,
    nice_ticks,
    stacked,
    steps_of,
    tick_label,
)
from simenv.train.report.words import Point

COLOURS = 8
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2", "1 4", "14 3 3 3")
_HOVERS = 48
_NEAR = 0.93
"""Lowest over highest value from which the axis does not begin at 0."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a chart lies in its picture, in units of the view box, and how values become places."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    first: float
    last: float
    low: float
    high: float
    is_log: bool = False

    def x(self, step: float) -> float:
        span = self.last - self.first
        part = (step - self.first) / span if span else 0.5
        return self.left + part * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(max(value, low))
        part = (at - low) / (high - low) if high > low else 0.5
        return self.height - self.bottom - part * (self.height - self.top - self.bottom)

    def ticks(self) -> list[float]:
        if not self.is_log:
            return [tick for tick in nice_ticks(self.low, self.high) if tick <= self.high]
        powers = [10.0**power for power in range(-12, 13)]
        return [power for power in powers if self.low <= power <= self.high]


def svg(chart: Chart) -> str:
    """Return a chart of lines or of a stack as an SVG element, its sentence as the words for a reader."""
    stack = stacked(chart.series) if chart.kind == "stack" else []
    frame = _frame(chart, 460, 230, [sum(values) for _, values in stack])
    parts = [*_axes(frame, chart), *(_areas(frame, stack) if stack else _lines(frame, chart.series))]
    if chart.line is not None and chart.line[0] <= frame.high:
        parts += _limit(frame, chart.line)
    return _element(frame, [*parts, *_hovers(frame, chart)], chart.reading)


def small_svg(chart: Chart, series: Series, colour: int) -> str:
    """Return one series of a chart of small ones, on the axes of all of them."""
    frame = _frame(chart, 200, 84, [], margins=(26, 6, 6, 16))
    y_ticks = [frame.low, frame.high]
    parts = [
        *(_rule(frame, tick, chart.form(tick)) for tick in y_ticks),
        *_step_labels(frame, [frame.first, frame.last]),
        *_line(frame, series, colour, dash=""),
    ]
    return _element(frame, parts, f"{series.name}, last {series.last}")


def _frame(
    chart: Chart,
    width: float,
    height: float,
    totals: Sequence[float],
    *,
    margins: tuple[float, float, float, float] = (50, 12, 10, 26),
) -> _Frame:
    left, right, top, bottom = margins
    values = totals or flat(chart)
    steps = steps_of(chart)
    is_log = has_log_axis(chart)
    low, high = (
        (0.0, max(values) * 1.06 or 1.0) if totals else _range(values, is_log=is_log, whole=chart.whole)
    )
    return _Frame(width, height, left, right, top, bottom, steps[0], steps[-1], low, high, is_log)


def _range(values: Sequence[float], *, is_log: bool, whole: bool) -> tuple[float, float]:
    """Return the ends of the value axis: 0 is shown unless values keep far from it."""
    if whole:
        return min(0.0, *values), max(1.0, *values)
    low, high = min(values), max(values)
    if is_log:
        return low / 1.3, high * 1.3
    if 0 <= low < _NEAR * high or low == high > 0:
        return 0.0, high * 1.06
    room = (high - low) * 0.08 or 1.0
    return low - room, high + room


def _axes(frame: _Frame, chart: Chart) -> Iterator[str]:
    ticks = frame.ticks()
    for tick in ticks:
        yield _rule(frame, tick, tick_label(chart, ticks, tick))
    steps = [tick for tick in nice_ticks(frame.first, frame.last, 5) if tick == int(tick)]
    yield from _step_labels(frame, steps)


def _rule(frame: _Frame, value: float, label: str) -> str:
    y = frame.y(value)
    return (
        f'<path class="g" d="M{frame.left} {y:.1f}H{frame.width - frame.right}"/>'
        f'<text class="t e" x="{frame.left - 5}" y="{y + 3.5:.1f}">{escape(label)}</text>'
    )


def _step_labels(frame: _Frame, ticks: Sequence[float]) -> Iterator[str]:
    for at, tick in enumerate(ticks):
        x = frame.x(tick)
        anchor = "e" if x > frame.width - frame.right - 8 else ("" if x < frame.left + 4 else "m")
        word = "step " if at == 0 else ""
        label = f"{word}{words.figure_of_step(tick)}"
        y = frame.height - frame.bottom + 15
        yield f'<text class="t {anchor}" x="{x:.1f}" y="{y:.1f}">{label}</text>'


def _limit(frame: _Frame, line: tuple[float, str]) -> Iterator[str]:
    y = frame.y(line[0])
    yield f'<path class="lim" d="M{frame.left} {y:.1f}H{frame.width - frame.right}"/>'
    yield f'<text class="t e lt" x="{frame.width - frame.right}" y="{y - 4:.1f}">{escape(line[1])}</text>'


def _lines(frame: _Frame, series: Sequence[Series]) -> Iterator[str]:
    for at, each in enumerate(series):
        yield from _line(frame, each, at % COLOURS, dash=DASHES[at % len(DASHES)])


def _line(frame: _Frame, series: Series, colour: int, *, dash: str) -> Iterator[str]:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    if series.band:
        edge = [(step, high) for step, _, high in series.band]
        edge += [(step, low) for step, low, _ in reversed(series.band)]
        yield f'<path class="band f{colour}" d="{_path(frame, edge)}Z"/>'
    raw = "raw" if series.smooth else "ln"
    for piece in series.drawn:
        yield f'<path class="{raw} s{colour}" d="{_path(frame, piece)}"{"" if series.smooth else dashes}/>'
    if series.smooth:
        yield f'<path class="ln s{colour}" d="{_path(frame, series.smooth)}"{dashes}/>'
    elif len(series.finite) <= 60:
        for step, value in series.finite:
            yield f'<circle class="f{colour}" cx="{frame.x(step):.1f}" cy="{frame.y(value):.1f}" r="2.2"/>'


def _areas(frame: _Frame, stack: Sequence[tuple[float, tuple[float, ...]]]) -> Iterator[str]:
    """Yield the areas of a stack from the bottom; one step alone is drawn as wide as the chart."""
    shown = stack[:: -(-len(stack) // 300)]
    number = len(shown[0][1])
    for at in range(number):
        lower = [(step, sum(values[:at])) for step, values in shown]
        upper = [(step, sum(values[: at + 1])) for step, values in shown]
        yield f'<path class="ar f{at % COLOURS}" d="{_path(frame, [*upper, *reversed(lower)])}Z"/>'
        if len(shown) == 1:
            top, low = frame.y(upper[0][1]), frame.y(lower[0][1])
            yield (
                f'<rect class="ar f{at % COLOURS}" x="{frame.left}" y="{top:.1f}" '
                f'width="{frame.width - frame.left - frame.right}" height="{low - top:.1f}"/>'
            )


def _path(frame: _Frame, points: Sequence[Point]) -> str:
    places = [f"{frame.x(step):.1f} {frame.y(value):.1f}" for step, value in points]
    return f"M{'L'.join(places)}"


def _hovers(frame: _Frame, chart: Chart) -> Iterator[str]:
    """Yield strips that show the figures of a step to a pointer that rests on them."""
    steps = steps_of(chart)
    steps = steps[:: -(-len(steps) // _HOVERS)]
    maps = [(each.name, dict(each.finite)) for each in chart.series]
    xs = [frame.x(step) for step in steps]
    edges = [frame.left, *((a + b) / 2 for a, b in pairwise(xs)), frame.width - frame.right]
    for at, step in enumerate(steps):
        told = [f"{name} {chart.form(known[step])}" for name, known in maps if step in known]
        text = escape("\n".join([f"step {words.figure_of_step(step)}", *told]))
        width = edges[at + 1] - edges[at]
        yield (
            f'<g class="h"><rect x="{edges[at]:.1f}" y="{frame.top}" width="{width:.1f}" '
            f'height="{frame.height - frame.top - frame.bottom}"><title>{text}</title></rect>'
            f'<path d="M{xs[at]:.1f} {frame.top}V{frame.height - frame.bottom}"/></g>'
        )


def _element(frame: _Frame, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {frame.width:g} {frame.height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
