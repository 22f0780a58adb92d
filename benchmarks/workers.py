"""Steps per second of the environment pool: 0, 1, 2, 4 and 8 workers, with and without latency.

    python -m benchmarks.workers [--episodes 16] [--steps 12] [--latency-ms 50]

Prints one JSON object. Episodes of one world read in lockstep; starting workers is timed apart. Latency is
slept before every step in the worker, one step after the other, as a slow environment would make it wait.
``speedup`` compares with one worker of the same latency. It asserts nothing.
"""

import argparse
import json
import os
import platform
import sys
from time import perf_counter

from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.train.rollouts.workers import EnvPool

WORKERS = (0, 1, 2, 4, 8)
_READS = (
    '{"name": "list_all_airports"}',
    '{"name": "calculate", "arguments": {"expression": "2 * (155 + 30)"}}',
    "Could you please tell me your user ID?",
)


def measure(task: Task, workers: int, *, episodes: int, steps: int, latency_s: float) -> dict[str, float]:
    """Return seconds to open, seconds to step, and steps per second, of one pool."""
    with EnvPool[int](workers, latency_s=latency_s) as pool:
        start = perf_counter()
        pool.open((number, task) for number in range(episodes))
        opened = perf_counter()
        for number in range(steps):
            pool.step(dict.fromkeys(range(episodes), _READS[number % len(_READS)]))
        spent = perf_counter() - opened
    return {
        "open_s": round(opened - start, 3),
        "step_s": round(spent, 4),
        "steps_per_s": round(episodes * steps / spent, 1),
    }


def main() -> None:
    """Measure every number of workers and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--steps", type=int, default=12, help="steps of each episode")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    asked = parser.parse_args()
    task = bundled("airline", "train").at(0).model_copy(update={"budget": asked.steps + 1})
    rows = []
    for latency_ms in (0.0, asked.latency_ms):
        base = 0.0
        for workers in WORKERS:
            found = measure(
                task, workers, episodes=asked.episodes, steps=asked.steps, latency_s=latency_ms / 1000
            )
            base = found["steps_per_s"] if workers == 1 else base
            speedup = round(found["steps_per_s"] / base, 2) if base else None
            rows.append({"latency_ms": latency_ms, "workers": workers, **found, "speedup": speedup})
            print(f"latency {latency_ms:g} ms, {workers} workers: {found}", file=sys.stderr)
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"benchmark": "workers", **vars(asked), "machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
