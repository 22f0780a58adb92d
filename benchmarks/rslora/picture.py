"""The study as one picture: what survives a cut, and what rank and scaling do to learning."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.rslora.lanes import SCALINGS
from simenv.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
_COLOURS = ("#0072b2", "#3d9bd1", "#f0a35e", "#d55e00", "#8c2d04")
_OF_SCALING = {SCALINGS[0]: "#6b6f76", SCALINGS[1]: "#009e73"}
_STYLES = ("-", "--", "-.", ":")
_SOFT, _HAIR = "#5c6470", "#e4e5e1"


def draw(path: Path, means: Row, cuts: Sequence[int]) -> None:
    """Draw the study.

    Raises:
        UsageError: If the file is no PNG.
        DataError: If it cannot be written.
    """
    if path.suffix != ".png":
        raise UsageError(f"the picture is a PNG, name it so: {path.with_suffix('.png').name}")
    names = sorted({row["edit"] for row in means["sweeps"]}, reverse=True)
    figure = Figure(figsize=(11, 3.6 * (1 + len(names))), dpi=110, layout="constrained")
    grid = figure.subplots(1 + len(names), 2, squeeze=False)
    _cuts(grid[0][0], means, cuts, "energy", "Energy kept by the first singular values (AdamW)")
    _cuts(grid[0][1], means, cuts, "accuracy", "Gain in accuracy kept by the cut update (AdamW)")
    for at, name in enumerate(names, 1):
        rows = [row for row in means["sweeps"] if row["edit"] == name]
        _losses(grid[at][0], rows, f"{name}: final loss, a line for each learning rate")
        _norms(grid[at][1], rows, f"{name}: gradient norm of steps 5 to 15, lowest rate")
    # matplotlib names itself in every PNG; without that equal data are equal bytes.
    FigureCanvasAgg(figure)
    try:
        figure.savefig(path, format="png", metadata={"Software": None})
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise DataError(path, 0, problem, "Name a file in a folder") from None


def _cuts(axes: "Axes", means: Row, cuts: Sequence[int], measure: str, title: str) -> None:
    if measure == "energy":
        axes.plot(cuts, means["floor"], color="#9aa3af", linestyle=":", marker=".", label="random")
    shown = [row for row in means["edits"] if row["optimizer"] == "adamw"]
    for at, row in enumerate(shown):
        colour = _COLOURS[at % len(_COLOURS)]
        low, high = row["low"][measure], row["high"][measure]
        axes.fill_between(cuts, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(cuts, row["kept"][measure], color=colour, marker="o", markersize=3, label=row["edit"])
    axes.set_ylim(-0.05, 1.1)
    for rank, share in ((4, 0.99), (8, 0.28)):
        axes.plot([rank], [share], marker="x", color="#20242b", markersize=8, linestyle="")
        words = f"claimed: {'style' if rank == 4 else 'facts'}"
        axes.annotate(
            words, (rank, share), (0, 7), textcoords="offset points", ha="center", fontsize=7, color=_SOFT
        )
    _dress(axes, title, list(cuts))


def _losses(axes: "Axes", rows: Sequence[Row], title: str) -> None:
    for scaling, colour in _OF_SCALING.items():
        side = [row for row in rows if row["scaling"] == scaling]
        for at, rate in enumerate(side[0]["rates"]):
            points = [(row["rank"], row["loss"][at]) for row in side if row["loss"][at] is not None]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    color=colour,
                    linestyle=_STYLES[at % len(_STYLES)],
                    marker="o",
                    markersize=2.5,
                    linewidth=1.3,
                    label=f"{scaling}, {rate:g}",
                )
    # One lane that ran away must not flatten all others.
    first = min(row["rank"] for row in rows)
    starts = [loss for row in rows if row["rank"] == first for loss in row["loss"] if loss is not None]
    if starts:
        axes.set_ylim(top=1.15 * max(starts))
    _dress(axes, title, [row["rank"] for row in rows])
    axes.legend(frameon=False, fontsize=7, labelcolor=_SOFT, loc="center left", bbox_to_anchor=(1, 0.5))


def _norms(axes: "Axes", rows: Sequence[Row], title: str) -> None:
    for scaling, colour in _OF_SCALING.items():
        side = [row for row in rows if row["scaling"] == scaling and row["grad_norm"][0]]
        ranks, norms = [row["rank"] for row in side], [row["grad_norm"][0] for row in side]
        axes.plot(ranks, norms, color=colour, marker="o", markersize=3, label=scaling)
    axes.set_yscale("log")
    _dress(axes, title, [row["rank"] for row in rows])


def _dress(axes: "Axes", title: str, ranks: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    ticks = sorted(set(ranks))
    axes.set_xticks(ticks, [str(rank) for rank in ticks])
    axes.minorticks_off()
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color="#20242b")
    axes.set_xlabel("rank", fontsize=8, color=_SOFT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_HAIR)
    axes.grid(axis="y", color=_HAIR, linewidth=0.8)
    axes.tick_params(which="both", colors=_SOFT, labelsize=8, length=0)
    axes.legend(frameon=False, fontsize=7, labelcolor=_SOFT)
