"""Run folders as a trainer leaves them, made of draws: what the report is tested on, and looked at.

python -m tests.train.fake_runs /tmp/fakes      # writes folders sft, grpo, loop, stopped with their reports
"""

import json
import sys
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

from simenv.core.draws import Draws

FAMILIES = ("cancel", "change_flight", "refund_status", "baggage", "seat_upgrade", "book_trip")
DIGEST = "9f3c1a7be2d04c55"
_DRAWS = Draws("fake run")
_ABILITIES = {
    "tool_choice": "picks the tool that the step needs",
    "arguments": "copies ids and dates exactly",
    "policy": "looks up the rule before it refuses",
    "recovery": "goes on after a refused call",
    "confirmation": "asks before it writes",
    "arithmetic": "adds up fares and fees",
}


def noise(*address: str | int) -> float:
    """Return a number from -1 to 1 that depends on its address alone."""
    return _DRAWS.at(*address).between(-1000, 1000) / 1000


def grpo_rows(
    steps: int = 41, *, tasks: int = 32, first: float = 0.4, last: float = 0.72
) -> list[dict[str, Any]]:
    rows = []
    for step in range(steps):
        part = step / max(1, steps - 1)
        level = first + (last - first) * (1 - exp(-3 * part)) / (1 - exp(-3))
        success = round(min(1.0, max(0.0, level + 0.06 * noise("success", step))) * tasks) / tasks
        row: dict[str, Any] = {"step": step, "config": DIGEST, "tasks": tasks, "episodes": tasks * 8}
        row |= {"reward_mean": success, "reward_std": 0.45, "success": success}
        for at, family in enumerate(FAMILIES):
            rate = min(1.0, max(0.0, level + 0.1 * (2 - at) * part + 0.15 * noise(family, step)))
            row |= {f"success/{family}": round(rate * 12) / 12, f"tasks/{family}": 12}
        row |= {
            "zero_variance": 0.2 + 0.25 * part + 0.05 * noise("zero", step),
            "truncated/max_turns": max(0.0, 0.12 * (1 - part) + 0.02 * noise("turns cut", step)),
            "truncated/max_tokens": max(0.0, 0.05 * (1 - part) + 0.01 * noise("tokens cut", step)),
            "truncated/context": 0.0,
            "turns": 6.2 + 1.1 * part + 0.3 * noise("turns", step),
            "tool_errors": 0.5 * exp(-2 * part) + 0.05 * noise("errors", step),
            "invalid_calls": 0.2 * exp(-4 * part) + 0.02 * abs(noise("invalid", step)),
            "tokens_sampled": 61_000 + int(4000 * noise("sampled", step)),
            "length_passed": 210 + 20 * part + 8 * noise("passed", step),
            "length_failed": 330 - 40 * part + 14 * noise("failed", step),
            "kl_ref": 0.004 + 0.03 * part + 0.002 * noise("kl", step),
            "entropy": 0.62 * exp(-1.1 * part) + 0.02 * noise("entropy", step),
            "clip_low": 0.004 + 0.002 * noise("low", step),
            "clip_high": 0.011 + 0.004 * noise("high", step),
            "mismatch_mean": 0.002 + 0.0008 * noise("mismatch", step),
            "mismatch_max": 0.08 + 0.05 * noise("mismatch max", step),
            "mismatch_k3": 0.0001 + 0.00004 * noise("k3", step),
            "ess": 0.97 + 0.01 * noise("ess", step),
            "grad_norm": 0.6 + 0.2 * noise("grad", step) + (40 if step == 17 else 0),
            "update_ratio": 0.0011 + 0.0002 * noise("update", step),
            "adapter_digest": f"{step:032x}",
            "seconds/sample": 9.1 + 1.2 * noise("s", step),
            "seconds/score": 1.4 + 0.1 * noise("v", step),
            "seconds/train": 5.2 + 0.3 * noise("t", step),
            "tokens_per_s/sample": 6700 + 400 * noise("ps", step),
            "tokens_per_s/train": 21_500 + 800 * noise("pt", step),
        }
        rows.append(row)
    return rows


def sft_rows(steps: int = 120) -> list[dict[str, Any]]:
    rows = []
    for step in range(steps):
        part = step / (steps - 1)
        row: dict[str, Any] = {"step": step, "config": DIGEST, "tokens": 16_384}
        row["loss"] = 0.18 + 2.3 * exp(-6 * part) + 0.05 * noise("loss", step)
        row |= {"lr": 2e-4 * min(1.0, step / 10) * (1 - part), "grad_norm": 0.9 + 0.3 * noise("norm", step)}
        if step % 20 == 0 or step == steps - 1:
            row["val_loss"] = 0.24 + 2.2 * exp(-6 * part) + 0.09 * part**2
            row |= {
                "tool_accuracy": 0.98 - 0.7 * exp(-5 * part),
                "argument_accuracy": 0.93 - 0.8 * exp(-4 * part),
            }
            row["retention_loss"] = 3.1 + 0.12 * part
        rows.append(row)
    return rows


def panel() -> dict[str, Any]:
    def line(name: str, which: str, n: int, passed: int, tokens: float | None) -> dict[str, Any]:
        row = {"name": name, "set": which, "n": n, "passed": passed, "tokens_per_success": tokens}
        return row | {"mean_calls": round(4 + 2 * passed / n, 2), "breaches": (n - passed) // 9}

    return {
        "rows": [
            line("before", "capability", 400, 164, 812.4),
            line("after", "capability", 400, 252, 505.2),
            line("before", "regression", 200, 188, 301.0),
            line("after", "regression", 200, 183, 312.8),
            line("oracle", "capability", 400, 400, 188.0),
            line("idle", "capability", 400, 0, None),
        ],
        "language": [
            {"measure": "validation loss", "before": 0.412, "after": 0.398},
            {"measure": "tool selection accuracy", "before": 0.91, "after": 0.96},
            {"measure": "argument accuracy", "before": 0.78, "after": 0.88},
            {"measure": "retention loss, held-out text", "before": 3.102, "after": 3.131},
        ],
        "split": "test",
        "trials": 1,
    }


def skills() -> dict[str, Any]:
    stages: dict[str, Any] = {"before": [], "after": []}
    for at, (rung, ability) in enumerate(_ABILITIES.items()):
        n = 40 + 17 * at
        for stage, lost in (("before", 0.5 - 0.05 * at), ("after", 0.12 + 0.03 * at)):
            stages[stage].append(
                {"rung": rung, "ability": ability, "exposures": n, "failures": int(lost * n)}
            )
    return stages


def episode(task: str, intent: str, stage: str, *, passed: bool, words: str = "") -> dict[str, Any]:
    call = {"name": "find_reservation", "arguments": '{"reservation_id":"KX7T2M","include_segments":true}'}
    result = '{"reservation_id":"KX7T2M","status":"confirmed","fare_cents":41250,"cabin":"economy"}'
    messages: list[dict[str, Any]] = [
        {
            "role": "system",
            "content": "You are the agent of an airline.\n" + "Rule. Ask before you write. " * 60,
        },
        {"role": "user", "content": "Hello, I would like to cancel my trip to Lisbon & get my money back."},
        {"role": "assistant", "content": "Certainly. What is your reservation number?"},
        {"role": "user", "content": "It is KX7T2M."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "find_reservation", "content": result},
    ]
    if passed:
        cancel = {
            "name": "cancel_reservation",
            "arguments": {"reservation_id": "KX7T2M", "reason": "personal"},
        }
        messages += [
            {"role": "assistant", "content": "I can cancel it and refund 412.50. Shall I?"},
            {"role": "user", "content": "Yes, please."},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "c2", "function": cancel}]},
            {
                "role": "tool",
                "tool_call_id": "c2",
                "name": "cancel_reservation",
                "content": '{"refund_cents":41250}',
            },
            {"role": "assistant", "content": words or "Done: 412.50 go back to your card."},
        ]
    else:
        messages += [
            {"role": "assistant", "content": '{"name": "cancel", "arguments": {"id": KX7T2M}}'},
            {"role": "user", "name": "environment", "content": "bad_json: not valid JSON"},
            {"role": "assistant", "content": words or "Your trip is cancelled."},
        ]
    why = "" if passed else "reservations KX7T2M status: expected cancelled, found confirmed"
    record = {
        "task": task,
        "intent": intent,
        "stage": stage,
        "passed": passed,
        "why": why,
        "messages": messages,
    }
    return record | {"tokens": 231 if passed else 402}


def episodes(number: int = 12) -> list[dict[str, Any]]:
    found = []
    for at in range(number):
        intent = FAMILIES[at % len(FAMILIES)]
        for stage, passed in (("before", at % 4 == 0), ("after", at % 5 != 3)):
            found.append(episode(f"airline-test-{at:04d}", intent, stage, passed=passed))
    return found


def rounds(number: int = 3) -> dict[str, Any]:
    found = []
    for at in range(number):
        rate = 0.42 + 0.11 * at
        found.append(
            {
                "round": at,
                "success": rate,
                "interval": [round(rate - 0.05, 3), round(rate + 0.05, 3)],
                "regressions": [f"airline-test-{17 * each + at:04d}" for each in range(2 + at)] if at else [],
                "progressions": [f"airline-test-{11 * each + 3:04d}" for each in range(9 * at)],
                "operators": {"ask_for": 0.31, "chain": 0.27, "refuse": 0.22, "rank": 0.2},
            }
        )
    return {"rounds": found}


CONFIG = {
    "job": "grpo",
    "seed": 7,
    "lora": {"rank": 32, "alpha": 16, "use_rslora": True, "target_modules": "all-linear"},
    "loss": {"kind": "token", "clip_low": 0.2, "clip_high": 0.28, "kl": 0.001},
    "sampling": {"temperature": 1.0, "group": 8, "max_turns": 16},
    "versions": {"simenv": "0.1.0.dev0", "torch": "2.13.0", "peft": "0.21.2"},
}
GUARDS = [
    {
        "step": 31,
        "guard": "mismatch",
        "reason": "mean 0.019 above 0.015 for 3 steps",
        "checkpoint": "step-000020",
    }
]


def write_run(folder: Path, rows: Sequence[dict[str, Any]], **files: object) -> Path:
    """Write a run folder: ``rows`` of metrics, and a file for every other name, episodes as lines."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for name, value in files.items():
        if name == "episodes" and isinstance(value, list):
            text = "".join(json.dumps(each) + "\n" for each in value)
            (folder / "episodes.jsonl").write_text(text, "utf-8")
        else:
            (folder / f"{name}.json").write_text(json.dumps(value), "utf-8")
    return folder


def write_full(folder: Path, *, steps: int = 41) -> Path:
    """Write a GRPO run with everything but guards and rounds, and SFT's losses in sparse rows."""
    rows = grpo_rows(steps)
    for row, other in zip(rows, sft_rows(max(2, steps)), strict=False):
        row |= {
            name: other[name]
            for name in ("loss", "val_loss", "tool_accuracy", "retention_loss")
            if name in other
        }
    return write_run(folder, rows, config=CONFIG, panel=panel(), skills=skills(), episodes=episodes())


def main() -> None:
    from simenv.train.report.write import write_report

    root = Path(sys.argv[1])
    stopped = grpo_rows(32, first=0.41, last=0.3)
    stopped[-1] |= {"kl_ref": None, "grad_norm": None, "not_finite": ["kl_ref", "grad_norm"]}
    runs = [
        write_full(root / "grpo"),
        write_run(root / "sft", sft_rows(), config=CONFIG | {"job": "sft"}, episodes=episodes()[1::2]),
        write_run(root / "loop", grpo_rows(90), config=CONFIG, panel=panel(), skills=skills(), loop=rounds()),
        write_run(root / "stopped", stopped, config=CONFIG, guards=GUARDS),
    ]
    for folder in runs:
        sys.stdout.write(f"{write_report(folder)}\n")


if __name__ == "__main__":
    main()
