"""Jobs so small that they take a second: what they learn is nothing, what they keep is everything."""

from pathlib import Path
from typing import Any

from simenv.train.config import GrpoConfig, SftConfig, checked
from simenv.train.report.metrics import read_metrics
from simenv.train.rollouts.rollout import Rollout

TASKS = "simple:compensation_denied"
SHARED: dict[str, Any] = {
    "tasks": TASKS,
    "held_out": TASKS,
    "size": "0.3m",
    "evaluations": 2,
    "validation": 1,
    "turn_tokens": 6,
    "device": "cpu",
}


def sft_config(**changes: Any) -> SftConfig:
    """Return the config of four steps on six demonstrations."""
    small = {"demos": 4, "steps": 4, "every": 2, "save_every": 3, "vocab": 900, "room": 1000}
    return checked(SftConfig, {**SHARED, **small, "batch_tokens": 2000, **changes})


def grpo_config(**changes: Any) -> GrpoConfig:
    """Return the config of four steps on two groups of two."""
    small = {"steps": 4, "groups": 2, "group": 2, "refills": 1, "rank": 4, "save_every": 3, "room": 1200}
    return checked(
        GrpoConfig, {**SHARED, **small, "mask_reasons": (), "lr": 0.01, "evaluate_every": 3, **changes}
    )


def some_reward(name: str, rollout: Rollout) -> float:
    """Return a reward that differs from rollout to rollout of a group, whatever is sampled."""
    return sum(rollout.tokens.ids) % 7 + rollout.number / 16


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a run without what clocks say."""
    return [
        {name: each for name, each in row.items() if not name.startswith(("seconds/", "tokens_per_s/"))}
        for row in read_metrics(folder / "metrics.jsonl").rows
    ]
