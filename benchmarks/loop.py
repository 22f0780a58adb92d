"""Whether a loop that practises weaknesses does better than one that practises everything alike.

    python -m benchmarks.loop [--seeds 5] [--out build/loop] [--quick] > benchmarks/results/loop.json

Prints one JSON object, whatever it says. A small decoder learns from demonstrations once. From it, for each
seed, two loops begin that differ in one thing: one draws the tasks of a round by weakness times learnability,
the other uniformly. Both have the same rounds, rollouts, demonstrations and held-out tasks. A step of GRPO
takes as many rollouts as it needs to find groups that teach something, so what tasks are chosen decides how
many steps the rollouts buy. At the end both policies, and the one they began from, play tasks that neither
loop has seen, by the same random numbers.

The interval of the difference is Student's over the seeds, which is what another seed would show; the one
over tasks, clustered by world, is of these seeds only. The start is shared, so neither tells what another
start would bring. The folder is gone on with: an arm that is done is not done again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from pathlib import Path
from shutil import copytree
from time import process_time
from typing import Any

import torch

from simenv.core.task import Task
from simenv.scoring.paired import paired
from simenv.scoring.statistics import wilson
from simenv.train.evaluate import world_of
from simenv.train.loop.config import LoopConfig
from simenv.train.loop.rounds import Loop, Round
from simenv.train.loop.study import Played, read_played, write_played
from simenv.train.loop.train import begin, fetch, play
from simenv.train.tasks import source_of

INTENTS = "cancel+change_passengers_denied+price_paid+compensation_denied+refund_total"
FINAL_FROM = 10_000
"""The first task of the last test; loops are held out far before."""
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t for two-sided 95 %, for 1 degree of freedom and more."""

BENCH: dict[str, Any] = {
    "tasks": f"simple:{INTENTS}", "size": "1m", "vocab": 3000, "room": 700, "turn_tokens": 100,
    "start_demos": 700, "start_steps": 400, "rounds": 3, "held": 100, "made": 60, "sft_steps": 0,
    "rollouts": 240, "steps": 60, "groups": 6, "group": 4, "refills": 6, "lr": 0.002,
}  # fmt: skip
QUICK: dict[str, Any] = BENCH | {
    "size": "0.3m", "vocab": 600, "room": 900, "turn_tokens": 12, "start_demos": 12, "start_steps": 2,
    "batch_tokens": 1200, "validation": 2, "rounds": 1, "held": 5, "made": 4, "steps": 1, "groups": 1,
    "group": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arm:
    """What one loop came to.

    Attributes:
        rounds: Its rounds.
        played: The last test.
        seconds: CPU seconds; 0 where it was done before.
    """

    rounds: Sequence[Round]
    played: Sequence[Played]
    seconds: float

    def to_json(self, intents: dict[str, str]) -> dict[str, Any]:
        """Return JSON-ready data; ``intents`` is of every task."""
        passed = [each for each in self.played if each.passed]
        by_intent = {name: sum(intents[each.task] == name for each in passed) for name in intents.values()}
        trained = [each.told["trained"] for each in self.rounds[1:]]
        return {
            "success": len(passed) / len(self.played),
            "interval_95": [round(end, 4) for end in wilson(len(passed), len(self.played))],
            "passed": dict(sorted(by_intent.items())),
            "rejected": [each.number for each in self.rounds if each.rejected],
            "stopped": [each["stopped"] for each in trained if each["stopped"]],
            "rollouts": sum(each["rollouts"] for each in trained),
            "demonstrations": sum(each["demos"] for each in trained),
            "steps": sum(each["steps"] for each in trained),
            "weights": [each.told["weights"] for each in self.rounds[1:]],
            "cpu_seconds": round(self.seconds, 1),
        }


def tell(words: str) -> None:
    """Print words for people."""
    print(words, file=sys.stderr, flush=True)


def last_test(config: LoopConfig, folder: Path, policy: Path, tasks: Sequence[Task]) -> list[Played]:
    """Play the tasks that no loop has seen, once."""
    path = folder / "last-test.jsonl"
    if not path.exists():
        write_played(path, play(config, fetch(config, policy), tasks))
    return read_played(path)


def arm(config: LoopConfig, folder: Path, tasks: Sequence[Task], last: LoopConfig) -> Arm:
    """Go through one loop and its last test."""
    began = process_time()
    rounds = Loop(config, folder, say=lambda words: tell(f"{folder}: {words}")).run(pictures=False)
    kept = folder / "rounds" / f"{rounds[-1].policy:02d}" / "model"
    return Arm(rounds, last_test(last, folder, kept, tasks), process_time() - began)


def student(differences: Sequence[float]) -> dict[str, Any]:
    """Return mean and 95 % interval over seeds.

    Example:
        >>> student([0.1, 0.3])["interval_95"]
        [-1.0706, 1.4706]
    """
    n, mean = len(differences), fsum(differences) / len(differences)
    found: dict[str, Any] = {"seeds": n, "mean": round(mean, 4), "interval_95": None}
    if n > 1:
        spread = sqrt(fsum((each - mean) ** 2 for each in differences) / (n - 1))
        half = T95[min(n - 2, len(T95) - 1)] * spread / sqrt(n)
        found |= {"sd": round(spread, 4), "interval_95": [round(mean - half, 4), round(mean + half, 4)]}
    return found | {"each": [round(each, 4) for each in differences]}


def over_tasks(pairs: Sequence[tuple[Arm, Arm]], worlds: dict[str, str]) -> dict[str, Any]:
    """Return the difference over the tasks of all seeds, clustered by world."""
    differences: dict[str, list[int]] = {}
    for weak, uniform in pairs:
        for one, other in zip(weak.played, uniform.played, strict=True):
            differences.setdefault(one.task, []).append(int(one.passed) - int(other.passed))
    means = [sum(each) / len(each) for each in differences.values()]
    found = paired(means, [worlds[task] for task in differences])
    return {"tasks": len(means), "interval_95": [round(end, 4) for end in found.interval]}


def measured(values: dict[str, Any], seeds: int, final: int, out: Path) -> dict[str, Any]:
    """Return everything that is printed."""
    first = LoopConfig(**values)
    start = out / "start"
    began = process_time()
    if not (start / "model").exists():
        begin(first, start / "model", tell)
    source = source_of(first.env, first.tested, split="test")
    tasks = [source.at(FINAL_FROM + at) for at in range(final)]
    before = Arm([], last_test(first, start, start / "model", tasks), process_time() - began)
    pairs: list[tuple[Arm, Arm]] = []
    for seed in range(1, seeds + 1):
        config = first.model_copy(update={"seed": seed, "model": str(start / "model")})
        folder = out / f"seed-{seed}"
        weak = arm(config, folder / "weak", tasks, first)
        # Both arms begin with the same episodes of the same policy.
        if not (folder / "uniform" / "rounds").exists():
            copytree(folder / "weak" / "rounds" / "00", folder / "uniform" / "rounds" / "00")
        uniform = arm(config.model_copy(update={"uniform": True}), folder / "uniform", tasks, first)
        pairs.append((weak, uniform))
        tell(f"seed {seed}: {_rate(before):.3f} before, weak {_rate(weak):.3f}, uniform {_rate(uniform):.3f}")
    intents = {task.id: task.intent for task in tasks}
    worlds = {task.id: world_of(task) for task in tasks}
    return {
        "config": values,
        "final_tasks": len(tasks),
        "start": before.to_json(intents),
        "weak": [weak.to_json(intents) for weak, _ in pairs],
        "uniform": [uniform.to_json(intents) for _, uniform in pairs],
        "weak_minus_uniform": student([_rate(weak) - _rate(uniform) for weak, uniform in pairs])
        | {"over_tasks": over_tasks(pairs, worlds)},
        "weak_minus_start": student([_rate(weak) - _rate(before) for weak, _ in pairs]),
        "uniform_minus_start": student([_rate(uniform) - _rate(before) for _, uniform in pairs]),
        "equal_rollouts": all(_rollouts(weak) == _rollouts(uniform) for weak, uniform in pairs),
    }


def _rate(each: Arm) -> float:
    return sum(one.passed for one in each.played) / len(each.played)


def _rollouts(each: Arm) -> list[int]:
    return [one.told["trained"]["rollouts"] for one in each.rounds[1:]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--final", type=int, default=200, help="tasks of the last test")
    parser.add_argument("--out", type=Path, default=Path("build/loop"), help="made, or gone on with")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")
    args = parser.parse_args(arguments)
    # Sums come in another order with more threads, and small matrices gain nothing by them.
    torch.set_num_threads(1)
    began = process_time()
    values, final = (QUICK, min(args.final, 6)) if args.quick else (BENCH, args.final)
    found = measured(values, args.seeds, final, args.out)
    print(json.dumps(found | {"cpu_seconds": round(process_time() - began, 1)}, indent=2))


if __name__ == "__main__":
    main()
