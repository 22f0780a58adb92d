"""The charts of a run report as PNG files, by matplotlib: Figure objects only, no state of pyplot."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simenv.core.errors import DataError
from simenv.train.report.data import Run
from simenv.train.report.parts import estimate_of, text_of
from simenv.train.report.shapes import Chart, Series, flat, has_log_axis, stacked
from simenv.train.report.skills import Ability, abilities_of
from simenv.train.report.words import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b8619a", "#c98a00", "#3d9bd1", "#6b6f76", "#7a5a1e")
_STYLES = ("-", "--", ":", "-.")
_SOFT, _HAIR, _WAS = "#5c6470", "#e4e5e1", "#9aa3af"
_DPI = 110
_COLUMNS = 3


def write_plots(folder: Path, run: Run, charts: Sequence[Chart]) -> list[Path]:
    """Write every chart, the skill profile and the rounds as PNG files and return their paths.

    Raises:
        DataError: If a file cannot be written.
    """
    figures = [(chart.key, _figure(chart)) for chart in charts]
    abilities = abilities_of(run)
    if abilities:
        figures.append(("skills", _skills(abilities)))
    rounds = [(text_of(each.get("round")), estimate_of(each, "success")) for each in run.rounds]
    known = [(name, estimate) for name, estimate in rounds if estimate is not None]
    if known:
        figures.append(("rounds", _rounds(known)))
    try:
        folder.mkdir(exist_ok=True)
        return [_saved(folder / f"{name}.png", figure) for name, figure in figures]
    except OSError as error:
        way_out = "Make room, then write the report again"
        raise DataError(folder, 0, f"plots cannot be written ({error.strerror})", way_out) from None


def _saved(path: Path, figure: Figure) -> Path:
    # matplotlib names itself in every PNG; without that equal data are equal bytes.
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", metadata={"Software": None})
    return path


def _figure(chart: Chart) -> Figure:
    if chart.kind == "small":
        return _smalls(chart)
    figure = Figure(figsize=(6.6, 3.7), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    if chart.kind == "stack":
        stack = stacked(chart.series)
        columns = list(zip(*(values for _, values in stack), strict=True))
        axes.stackplot(
            [step for step, _ in stack],
            *columns,
            colors=_colours(len(columns)),
            alpha=0.8,
            labels=_names(chart),
        )
    else:
        for at, series in enumerate(chart.series):
            _draw(axes, series, at)
        if has_log_axis(chart):
            axes.set_yscale("log")
    if chart.line is not None:
        axes.axhline(
            chart.line[0], color="#b3440a", linewidth=0.9, linestyle=(0, (4, 4)), label=chart.line[1]
        )
    if len(chart.series) > 1 or chart.kind == "stack":
        figure.legend(loc="outside lower left", ncols=4, frameon=False, fontsize=8, labelcolor=_SOFT)
    _dress(axes, chart, chart.title)
    return figure


def _colours(number: int) -> list[str]:
    return [_COLOURS[at % len(_COLOURS)] for at in range(number)]


def _names(chart: Chart) -> list[str]:
    return [series.name for series in chart.series]


def _draw(axes: "Axes", series: Series, at: int) -> None:
    colour, style = _COLOURS[at % len(_COLOURS)], _STYLES[at % len(_STYLES)]
    if series.band:
        steps, low, high = zip(*series.band, strict=True)
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    thin = bool(series.smooth)
    for number, piece in enumerate(series.drawn):
        axes.plot(
            *zip(*piece, strict=True),
            color=colour,
            linestyle="-" if thin else style,
            marker="" if thin or len(series.finite) > 60 else "o",
            markersize=3,
            linewidth=0.8 if thin else 1.7,
            alpha=0.35 if thin else 1.0,
            label=series.name if number == 0 and not thin else None,
        )
    if series.smooth:
        axes.plot(
            *zip(*series.smooth, strict=True), color=colour, linestyle=style, linewidth=1.9, label=series.name
        )


def _dress(axes: "Axes", chart: Chart, title: str, *, size: float = 10.5) -> None:
    """Take away what is not data."""
    axes.set_title(title, loc="left", fontsize=size, fontweight="bold", color="#20242b")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_HAIR)
    axes.grid(axis="y", color=_HAIR, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=_SOFT, labelsize=8, length=0)
    axes.set_xlabel("step", fontsize=8, color=_SOFT)
    if chart.whole:
        axes.set_ylim(min(0.0, *flat(chart)), max(1.0, *flat(chart)))


def _smalls(chart: Chart) -> Figure:
    shown = [series for series in chart.series if series.finite]
    rows = -(-len(shown) // _COLUMNS)
    figure = Figure(figsize=(8.4, 0.5 + 1.9 * rows), dpi=_DPI, layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for at, axes in enumerate(grid.flat):
        if at < len(shown):
            _draw(axes, shown[at], 0)
            _dress(axes, chart, f"{shown[at].name}  {shown[at].last}", size=8)
        else:
            axes.set_axis_off()
    figure.suptitle(chart.title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    return figure


def _skills(abilities: Sequence[Ability]) -> Figure:
    figure = Figure(figsize=(7.6, 0.9 + 0.5 * len(abilities)), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    before = [(at - 0.19, each.before) for at, each in enumerate(abilities) if each.before]
    after = [(at + 0.19, each.after) for at, each in enumerate(abilities) if each.after]
    for colour, name, bars in ((_WAS, "before", before), (_COLOURS[0], "after", after)):
        axes.barh([at for at, _ in bars], [each.rate for _, each in bars], 0.34, color=colour, label=name)
        for at, each in bars:
            _whisker(axes, each, at)
    axes.set_yticks(range(len(abilities)), [each.words for each in abilities])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title("Abilities that held", loc="left", fontsize=10.5, fontweight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=_SOFT, labelsize=8, length=0)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _whisker(axes: "Axes", estimate: Estimate, at: float) -> None:
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [at, at], color="#20242b", linewidth=1.1)


def _rounds(known: Sequence[tuple[str, Estimate]]) -> Figure:
    figure = Figure(figsize=(6.6, 3.4), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    for at, (_, estimate) in enumerate(known):
        if estimate.low is not None and estimate.high is not None:
            axes.plot([at, at], [estimate.low, estimate.high], color=_COLOURS[0], linewidth=1.6, alpha=0.6)
    axes.plot(range(len(known)), [estimate.rate for _, estimate in known], color=_COLOURS[0], marker="o")
    axes.set_xticks(range(len(known)), [f"round {name}" for name, _ in known])
    axes.set_ylim(0, 1)
    axes.set_title("Success by round", loc="left", fontsize=10.5, fontweight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=_HAIR, linewidth=0.8)
    axes.tick_params(colors=_SOFT, labelsize=8, length=0)
    return figure
