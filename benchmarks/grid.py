"""Success by depth and breadth: certified tasks for every cell, agents that lack one ability, a noisy oracle.

    python -m benchmarks.grid [--tasks 25] [--picture grid.svg] > benchmarks/results/grid.json

Prints one JSON object: for every agent and cell how many tasks were tried and solved, with a Wilson interval,
and on standard error a grid to read. The forge makes the tasks of each cell to its exact depth and breadth. A
rung plays every task while it is proved, so its results are those of the certificates; the noisy oracle
slips at 5 of 100 steps and plays each task once, as ``simenv run`` would.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import sqrt
from pathlib import Path
from time import process_time
from typing import Any

import simenv
from simenv.agents.ladder import RUNGS, solves
from simenv.agents.registry import agent
from simenv.cli.words import bar, count, say, seed
from simenv.core import catalog
from simenv.core.errors import DataError, UsageError
from simenv.core.task import Task
from simenv.scoring.statistics import wilson
from simenv.synth.forge import Forge
from simenv.synth.order import Order

DEPTHS, BREADTHS = (1, 2, 3, 4, 5), (1, 2, 3, 4)
NOISY, MEAN = "noisy:5", "mean of the rungs"
Cell = tuple[int, int]
Scores = dict[Cell, tuple[int, int]]
"""Cell to (solved, tried)."""


def tasks_of(domain: str, cell: Cell, number: int, start: int) -> list[tuple[Task, frozenset[str]]]:
    """Return certified tasks of exactly that depth and breadth, each with the rungs that fail it.

    Raises:
        UsageError: If the worlds give none.
    """
    depth, breadth = cell
    order = Order(
        domain, depth=(depth, depth), breadth=(breadth, breadth), count=number, seed=start, twins=False
    )
    forge = Forge(order)
    found = []
    for line in (json.loads(line) for made in forge.fill() for line in forge.take(made)):
        task = {key: value for key, value in line.items() if key not in ("id", "certificate")}
        found.append((Task.model_validate(task), frozenset(line["certificate"]["ladder"])))
    return found


def measure(domain: str, number: int, start: int) -> dict[str, Scores]:
    """Return the scores of every agent in every cell."""
    noisy = agent(NOISY, catalog.domain(domain))
    scores: dict[str, Scores] = {name: {} for name in (NOISY, *RUNGS)}
    cells = [(depth, breadth) for breadth in BREADTHS for depth in DEPTHS]
    with bar(len(cells), "cells") as progress:
        for cell in cells:
            made = tasks_of(domain, cell, number, start)
            scores[NOISY][cell] = (sum(solves(task, noisy) for task, _ in made), len(made))
            for name in RUNGS:
                scores[name][cell] = (sum(name not in failing for _, failing in made), len(made))
            progress.update(1)
    return scores


def mean_of_rungs(scores: Mapping[str, Scores]) -> Scores:
    """Return the scores of all rungs together."""
    cells = scores[NOISY]
    return {
        cell: (sum(scores[name][cell][0] for name in RUNGS), sum(scores[name][cell][1] for name in RUNGS))
        for cell in cells
    }


def marginal(scores: Scores, axis: int) -> list[dict[str, Any]]:
    """Return the success along depth (axis 0) or breadth (axis 1), over all of the other."""
    values = sorted({cell[axis] for cell in scores})
    sums = [
        [sum(each) for each in zip(*(scores[cell] for cell in scores if cell[axis] == value), strict=True)]
        for value in values
    ]
    return [{("depth", "breadth")[axis]: at} | rate(*of) for at, of in zip(values, sums, strict=True)]


def rate(solved: int, tried: int) -> dict[str, Any]:
    """Return a success rate with its 95 % Wilson interval."""
    low, high = wilson(solved, tried)
    return {"n": tried, "rate": round(solved / tried, 4), "wilson": [round(low, 4), round(high, 4)]}


def cells_json(scores: Scores) -> list[dict[str, Any]]:
    """Return every cell as JSON-ready data."""
    return [{"depth": cell[0], "breadth": cell[1]} | rate(*scores[cell]) for cell in sorted(scores)]


def trend(scores: Scores, axis: int) -> float:
    """Return z of the Cochran-Armitage test for a trend of success along an axis; below -1.96 it falls.

    The results of several rungs on one task are not independent, so for their mean z is too far from 0.

    Example:
        >>> trend({(1, 1): (18, 20), (2, 1): (15, 20), (3, 1): (8, 20)}, 0)
        -3.399
    """
    solved, tried = (sum(score[at] for score in scores.values()) for at in (0, 1))
    mean = solved / tried
    drift = sum(cell[axis] * (a - n * mean) for cell, (a, n) in scores.items())
    first, second = (sum(n * cell[axis] ** power for cell, (_, n) in scores.items()) for power in (1, 2))
    variance = mean * (1 - mean) * (second - first**2 / tried)
    return round(drift / sqrt(variance), 3) if variance else 0.0


def text_grid(name: str, scores: Scores) -> str:
    """Return the success rates of an agent as a table for people, depth across and breadth down."""
    lines = [f"{name}, per cent solved", f"{'breadth':>9}" + "".join(f"  depth {d}" for d in DEPTHS)]
    for breadth in BREADTHS:
        rates = [scores[depth, breadth] for depth in DEPTHS]
        lines.append(f"{breadth:>9}" + "".join(f"{100 * a / b:>9.0f}" for a, b in rates))
    return "\n".join(lines)


# The picture

_CELL, _TALL, _GAP, _COLUMNS = 46, 26, 26, 4
_LOW, _HIGH = (178, 58, 49), (236, 242, 248)
_SIDE, _TITLE, _HEAD, _FOOT = 34, 40, 62, 20


def picture(grids: Sequence[tuple[str, str, Scores]], number: int) -> str:
    """Return (title, subtitle, scores) of agents as one SVG of small heat maps."""
    wide, tall = _SIDE + _CELL * len(DEPTHS) + _GAP, _TITLE + _TALL * len(BREADTHS) + _FOOT + _GAP
    rows = -(-len(grids) // _COLUMNS)
    width, height = _GAP + _COLUMNS * wide, _HEAD + rows * tall
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="#ffffff"/>',
        _text(_GAP, 28, "Success by depth and breadth", size=18, weight="bold"),
        _text(
            _GAP, 48, f"per cent solved of {number} certified tasks in each cell; depth across, breadth down"
        ),
    ]
    for at, (name, ability, scores) in enumerate(grids):
        left, top = _GAP + at % _COLUMNS * wide, _HEAD + at // _COLUMNS * tall
        parts += _map(left, top, name, ability, scores)
    return "\n".join([*parts, "</svg>", ""])


def _map(left: int, top: int, name: str, ability: str, scores: Scores) -> Iterable[str]:
    yield _text(left, top + 16, name, size=13, weight="bold")
    yield _text(left, top + 31, ability, size=10, fill="#555555")
    for row, breadth in enumerate(BREADTHS):
        y = top + _TITLE + row * _TALL
        yield _text(left + _SIDE - 8, y + 17, str(breadth), anchor="end", fill="#555555")
        for column, depth in enumerate(DEPTHS):
            solved, tried = scores[depth, breadth]
            x, share = left + _SIDE + column * _CELL, solved / tried
            yield f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_TALL - 2}" fill="{_colour(share)}"/>'
            ink = "#ffffff" if share < 0.45 else "#222222"
            yield _text(x + _CELL // 2 - 1, y + 17, f"{100 * share:.0f}", anchor="middle", fill=ink)
    foot = top + _TITLE + len(BREADTHS) * _TALL + 12
    for column, depth in enumerate(DEPTHS):
        x = left + _SIDE + column * _CELL + _CELL // 2 - 1
        yield _text(x, foot, str(depth), anchor="middle", fill="#555555")


def _colour(share: float) -> str:
    parts = [round(low + (high - low) * share) for low, high in zip(_LOW, _HIGH, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _text(
    x: int,
    y: int,
    text: str,
    *,
    size: int = 12,
    weight: str = "normal",
    anchor: str = "start",
    fill: str = "#222222",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{fill}">{escape(text)}</text>'
    )


def draw(path: Path, scores: Mapping[str, Scores], number: int) -> None:
    """Draw one heat map per agent.

    Raises:
        UsageError: If the file is no SVG.
        DataError: If it cannot be written.
    """
    if path.suffix != ".svg":
        raise UsageError(f"the picture is an SVG, name it so: {path.with_suffix('.svg').name}")
    grids = [
        (NOISY, "slips at 5 of 100 steps", scores[NOISY]),
        (MEAN, "each lacks one ability", mean_of_rungs(scores)),
    ]
    grids += [(name, f"lacks: {rung.ability}", scores[name]) for name, rung in RUNGS.items()]
    try:
        path.write_text(picture(grids, number), "utf-8")
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise DataError(path, 0, problem, "Name a file in a folder") from None


def result(scores: Mapping[str, Scores], number: int, start: int) -> dict[str, Any]:
    """Return the JSON object of the benchmark."""
    agents = {NOISY: scores[NOISY], MEAN: mean_of_rungs(scores)} | {name: scores[name] for name in RUNGS}
    return {
        "benchmark": "grid",
        "simenv": simenv.__version__,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "tasks_per_cell": number,
        "seed": start,
        "trend_z": {
            name: {"depth": trend(agents[name], 0), "breadth": trend(agents[name], 1)}
            for name in (NOISY, MEAN)
        },
        "agents": {
            name: {"cells": cells_json(of), "by_depth": marginal(of, 0), "by_breadth": marginal(of, 1)}
            for name, of in agents.items()
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--tasks", type=count, default=25, metavar="N", help="tasks in each cell (default: 25)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of worlds and all choices (default: 0)")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="where to draw the heat maps")
    args = parser.parse_args(argv)
    began = process_time()
    scores = measure("airline", args.tasks, args.seed)
    found = result(scores, args.tasks, args.seed) | {"cpu_seconds": round(process_time() - began, 1)}
    json.dump(found, sys.stdout, indent=2)
    print()
    say(text_grid(NOISY, scores[NOISY]))
    say(text_grid(MEAN, mean_of_rungs(scores)))
    for axis, z in found["trend_z"][NOISY].items():
        verb = "falls" if z < -1.96 else "does not clearly fall"
        say(f"The noisy oracle's success {verb} with {axis} (z = {z:.1f}).")
    if args.picture:
        draw(args.picture, scores, args.tasks)
        say(f"The heat maps are in {args.picture}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
