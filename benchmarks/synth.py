"""What a certified task costs: tasks per second of one process, what is turned away and where time goes.

    python -m benchmarks.synth [--seconds 20] [--memory] > benchmarks/results/synth.json

Prints one JSON object. Times are CPU times of one process that has made a world before. Phases are timed in
worlds of their own, since clocks cost; the first proof that asks for something that several look at, such as
the oracle's episode, pays for it. It asserts nothing.
"""

import argparse
import json
import platform
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from time import process_time_ns
from typing import Any
from unittest.mock import patch

import simenv
from simenv.core.assembly import Assembly
from simenv.core.canonical import parse_trusted
from simenv.synth import certify, plays
from simenv.synth.forge import Made, Order, Smith, make_world

CELLS: Mapping[str, Order] = {
    "depth 1:1, breadth 1:1": Order("airline", depth=(1, 1), breadth=(1, 1), twins=False),
    "depth 1:2, breadth 1:2": Order("airline", depth=(1, 2), breadth=(1, 2), twins=False),
    "depth 3:3, breadth 2:2": Order("airline", depth=(3, 3), breadth=(2, 2), twins=False),
    "depth 5:5, breadth 4:4": Order("airline", depth=(5, 5), breadth=(4, 4), twins=False),
    "default, with twins": Order("airline"),
}
PER_WORLD = 50
MEMORY_WORLDS, MEMORY_TASKS = 150, 4
"""More worlds than a process keeps, with a few tasks each: what is held grows with worlds, not with tasks."""


class Clock:
    """Nanoseconds and calls by phase; what a phase calls of another phase is the other's."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._inner: list[int] = []

    def timed(self, phase: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function, whose time counts for a phase."""

        def run(*args: Any, **named: Any) -> Any:
            self._inner.append(0)
            start = process_time_ns()
            try:
                return call(*args, **named)
            finally:
                whole = process_time_ns() - start
                self.spent[phase] += whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        return run


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """Time every phase of making tasks."""
    phases: list[tuple[str, Any, str]]
    phases = [("world", Smith, "__init__"), ("grow", Smith, "grow"), ("assemble", Assembly, "__init__")]
    phases += [("assemble", Assembly, "made"), ("ladder", plays, "ladder"), ("write", Smith, "_keep")]
    with ExitStack() as stack:
        for phase, holder, name in phases:
            stack.enter_context(patch.object(holder, name, clock.timed(phase, getattr(holder, name))))
        for proofs in (certify._TOOL_LEVEL, certify._PLAYED):
            timed = {name: clock.timed(name, prove) for name, prove in proofs.items()}
            stack.enter_context(patch.dict(proofs, timed))
        yield


def cell(order: Order, seconds: float) -> dict[str, Any]:
    """Make tasks of one order for about that many CPU seconds."""
    make_world(order, 0, PER_WORLD)
    made: list[Made] = []
    spent, number = 0, 1
    while spent < seconds * 1e9:
        start = process_time_ns()
        made.append(make_world(order, number, PER_WORLD))
        spent, number = spent + process_time_ns() - start, number + 1
    clock = Clock()
    with watched(clock):
        whole = process_time_ns()
        again = make_world(order, number, PER_WORLD)
        whole = process_time_ns() - whole
    count, drawn = sum(len(each.lines) for each in made), sum(each.drawn for each in made)
    rejected: Counter[str] = sum((each.rejected for each in made), Counter())
    policy = sum(parse_trusted(line)["policy"] for each in made for line in each.lines)
    phases = {phase: _ms(spent, again) for phase, spent in clock.spent.most_common()}
    return {
        "tasks": count,
        "worlds": len(made),
        "tasks_per_cpu_second": round(count / (spent / 1e9), 1),
        "ms_per_task": round(spent / 1e6 / max(count, 1), 2),
        "drawn": drawn,
        "accepted": round(count / max(drawn, 1), 3),
        "rejected": dict(rejected.most_common()),
        "needs_policy": round(policy / max(count, 1), 3),
        "phase_ms_per_task": phases | {"rest": _ms(whole - sum(clock.spent.values()), again)},
        "peak_rss_mb": _rss_mb(),
    }


def _ms(spent: int, made: Made) -> float:
    return round(spent / 1e6 / max(len(made.lines), 1), 3)


def _rss_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def memory() -> dict[str, Any]:
    """Go through more worlds than a process keeps and see what it holds after each tenth part."""
    order, rows = CELLS["depth 1:2, breadth 1:2"], []
    for number in range(MEMORY_WORLDS):
        make_world(order, number, MEMORY_TASKS)
        if (number + 1) % (MEMORY_WORLDS // 10) == 0:
            rows.append([number + 1, _rss_mb()])
    return {"worlds_and_peak_rss_mb": rows}


def main() -> int:
    """Run the benchmark and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="CPU time per cell")
    parser.add_argument("--memory", action="store_true", help="also go through more worlds than are kept")
    args = parser.parse_args()
    # Before the cells: a peak never goes down again.
    held = memory() if args.memory else {}
    result = {
        "benchmark": "synth",
        "simenv": simenv.__version__,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "cells": {name: cell(order, args.seconds) for name, order in CELLS.items()},
    }
    json.dump(result | ({"memory": held} if held else {}), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
