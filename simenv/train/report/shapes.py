"""Charts as data, and the arithmetic of drawing them: ticks, gaps, stacks, thinning.

``report_svg`` draws a chart into the page and ``plots`` into a PNG file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from simenv.train.report import words
from simenv.train.report.words import Point

_STEEP = 25
MOST = 300
"""Points of a line, or pairs of lowest and highest, that are drawn."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart.

    Attributes:
        name: What it is called in the legend.
        points: (step, value) in order of the steps; None where a value was not finite.
        smooth: The same as means over neighbouring steps, or empty where there are few.
        band: (step, low, high) of a 95 % interval, or empty.
        last: What the legend tells: the value at the end.
    """

    name: str
    points: tuple[tuple[float, float | None], ...]
    smooth: tuple[Point, ...] = ()
    band: tuple[tuple[float, float, float], ...] = ()
    last: str = ""

    @property
    def finite(self) -> list[Point]:
        """The points with a value."""
        return [(step, value) for step, value in self.points if value is not None]

    @property
    def drawn(self) -> list[list[Point]]:
        """The points to be drawn, apart where a value between them was not finite."""
        return gaps_between(thinned(self.points))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    Attributes:
        key: Name of its anchor and its PNG.
        title: What it shows, with the unit.
        section: Where it stands.
        kind: ``"lines"``, ``"stack"`` (areas on top of each other) or ``"small"`` (one small chart a series).
        form: How values are written.
        whole: Whether values run from 0 to 1 and the axis with them.
        line: (value, words) of a limit to be drawn, or None.
        subject: How a sentence names a series, with ``{}`` for its own name.
        series: What is drawn.
        reading: The sentence.
    """

    key: str
    title: str
    section: str
    kind: str = "lines"
    form: words.Form = words.figure
    whole: bool = False
    line: tuple[float, str] | None = None
    subject: str = "{}"
    series: tuple[Series, ...] = ()
    reading: str = ""


def thinned(points: Sequence[tuple[float, float | None]]) -> tuple[tuple[float, float | None], ...]:
    """Return about 600 points at most: of every bunch the lowest and the highest, so no spike is lost."""
    stride = -(-len(points) // MOST)
    if stride <= 2:
        return tuple(points)
    kept: list[tuple[float, float | None]] = []
    for start in range(0, len(points), stride):
        bunch = points[start : start + stride]
        finite = [(step, value) for step, value in bunch if value is not None]
        if len(finite) < len(bunch):
            kept.append(next(point for point in bunch if point[1] is None))
        if finite:
            ends = {min(finite, key=lambda point: point[1]), max(finite, key=lambda point: point[1])}
            kept += sorted(ends)
    return tuple(sorted(kept, key=lambda point: point[0]))


def stacked(series: Sequence[Series]) -> list[tuple[float, tuple[float, ...]]]:
    """Return the values of all series at every step, 0 where one has none."""
    maps = [dict(each.finite) for each in series]
    steps = sorted({step for each in maps for step in each})
    return [(step, tuple(each.get(step, 0.0) for each in maps)) for step in steps]


def has_log_axis(chart: Chart) -> bool:
    """Whether the values of a chart of lines, all above 0, span so much that only a logarithm shows them."""
    values = flat(chart)
    steep = bool(values) and min(values) > 0 and max(values) > _STEEP * median(values)
    return steep and chart.kind == "lines" and not chart.whole


def tick_label(chart: Chart, ticks: Sequence[float], tick: float) -> str:
    """Return a tick with as many decimals as tell it from its neighbours."""
    if chart.form is not words.figure or has_log_axis(chart) or len(ticks) < 2:
        return chart.form(tick)
    size = ticks[1] - ticks[0]
    decimals = next((places for places in range(7) if round(size, places) == round(size, 9)), -1)
    return f"{tick:,.{decimals}f}" if decimals >= 0 else words.figure(tick)


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return about as many round numbers from ``low`` to ``high``.

    Example:
        >>> nice_ticks(0, 1), nice_ticks(0, 37)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 10.0, 20.0, 30.0])
    """
    if not high > low:
        return [low]
    rough = (high - low) / wanted
    size = float(f"1e{int(f'{rough:e}'.partition('e')[2])}")
    step = min((size * each for each in (1, 2, 5, 10)), key=lambda each: abs(each - rough))
    first = -(-low // step)
    ticks = []
    while first * step <= high * (1 + 1e-9):
        # Adding 0 turns -0.0 into 0.0.
        ticks.append(round(first * step, 12) + 0.0)
        first += 1
    return ticks


def flat(chart: Chart) -> list[float]:
    """Return every value that a chart of lines has to make room for."""
    values = [value for each in chart.series for _, value in each.finite]
    return values + [end for each in chart.series for _, *ends in each.band for end in ends]


def steps_of(chart: Chart) -> list[float]:
    """Return every step of a chart, in order."""
    return sorted({step for each in chart.series for step, _ in each.points})


def gaps_between(points: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """Return the runs of points between those that are not finite."""
    pieces: list[list[Point]] = [[]]
    for step, value in points:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((step, value))
    return [piece for piece in pieces if piece]
