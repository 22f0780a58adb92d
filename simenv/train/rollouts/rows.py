"""The figures of a step that follow from its rollouts alone."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, pstdev

from simenv.train.guards import repetition
from simenv.train.rollouts.rollout import Rollout


def row_of(
    rollouts: Sequence[Rollout], rewards: Sequence[float], *, room: int
) -> dict[str, float | str | None]:
    """Return a metrics row.

    Args:
        rollouts: All that were sampled in the step; of those that a guide led, what was done without it.
        rewards: What each of them earned by the reward that is trained on; ``success`` is by the verdict.
        room: Longest sequence of tokens.
    """
    cuts = fmean(len(rollout.earlier) for rollout in rollouts) if rollouts else 0.0
    lengths = [rollout.sampled for rollout in rollouts]
    passed = [rollout.reward > 0 for rollout in rollouts]
    row: dict[str, float | str | None] = {
        "reward_mean": fmean(rewards) if rewards else 0.0,
        "reward_std": pstdev(rewards) if rewards else 0.0,
        "success": fmean(passed) if rollouts else 0.0,
        "episodes": len(rollouts),
        "cuts": cuts,
        "turns": fmean(rollout.turns for rollout in rollouts) if rollouts else 0.0,
        "tool_errors": _per_call(rollouts),
        "invalid_calls": fmean(rollout.refused > 0 for rollout in rollouts) if rollouts else 0.0,
        "tokens_sampled": sum(lengths),
        "length": fmean(lengths) if lengths else 0.0,
        # Each cut of a context begins a sequence anew, and a rollout may say something in every one.
        "length_cap": room * (1 + cuts),
        "length_passed": _mean([n for n, good in zip(lengths, passed, strict=True) if good]),
        "length_failed": _mean([n for n, good in zip(lengths, passed, strict=True) if not good]),
        "repetition": repetition([turn for rollout in rollouts for turn in _turns(rollout)]),
    }
    for intent in sorted({rollout.task.intent for rollout in rollouts}):
        mine = [good for rollout, good in zip(rollouts, passed, strict=True) if rollout.task.intent == intent]
        row[f"success/{intent}"], row[f"episodes/{intent}"] = fmean(mine), len(mine)
    for reason, count in sorted(Counter(rollout.reason for rollout in rollouts).items()):
        if reason != "done":
            row[f"truncated/{reason}"] = count / len(rollouts)
    return row


def _turns(rollout: Rollout) -> list[tuple[int, ...]]:
    # Turn by turn: calls alike in several turns, as ids that are copied make them, are in order.
    return [segment.ids for each in rollout.sequences for segment in each.segments if segment.sampled]


def _per_call(rollouts: Sequence[Rollout]) -> float:
    refused = sum(rollout.refused for rollout in rollouts)
    # An action that could not be read is refused and is no call; so there are at least as many attempts.
    attempts = max(sum(rollout.calls for rollout in rollouts), refused)
    return refused / max(attempts, 1)


def _mean(values: Sequence[int]) -> float | None:
    return fmean(values) if values else None
