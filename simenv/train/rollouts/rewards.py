"""What a rollout earns: the verdict, or a composite that is here to be studied and not to be used."""

from simenv.core.errors import UnknownNameError
from simenv.train.rollouts.rollout import Rollout

REWARDS = ("binary", "composite")
_TURNS = 20
"""Turns at which the composite's efficiency is 0."""


def reward_of(name: str, rollout: Rollout) -> float:
    """Return the reward of a rollout.

    Args:
        name: ``"binary"``: the verdict's 0 or 1. ``"composite"``: the weighted sum that courses teach, .4
            correctness + .2 completeness + .15 efficiency + .25 process. Nothing in it is gated by
            correctness, so an agent that says goodbye at once earns about .39 on every task.
        rollout: What was played.

    Raises:
        UnknownNameError: If there is no such reward.
    """
    if name == "binary":
        return rollout.reward
    if name != "composite":
        raise UnknownNameError("reward", name, REWARDS)
    turns = max(rollout.turns, 1)
    efficiency = max(0.0, 1 - turns / _TURNS)
    process = max(0.0, 1 - rollout.refused / turns)
    return 0.4 * rollout.reward + 0.2 * completeness(rollout) + 0.15 * efficiency + 0.25 * process


def completeness(rollout: Rollout) -> float:
    """Return the share of the changes that the goal requires which are there, 0 to 1.

    Where nothing has to change it is the reward: an answer is given whole or not at all.
    """
    required = len(rollout.task.goal.required)
    if not required:
        return rollout.reward
    return 1 - len(rollout.verdict["missing"]) / required
