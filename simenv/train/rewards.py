"""What a rollout earns: the verdict, or a composite that is here to be studied and not to be used."""

from simenv.core.errors import UnknownNameError
from simenv.train.sampler import Rollout

REWARDS = ("binary", "composite")


def reward_of(name: str, rollout: Rollout) -> float:
    """Return the reward of a rollout.

    Args:
        name: ``"binary"``: the verdict's 0 or 1. ``"composite"``: 0.6 of it, and 0.1 each for a readable
            form of every action, for few turns, for calls that were not refused and for ending in words.
        rollout: What was played.

    Raises:
        UnknownNameError: If there is no such reward.
    """
    if name == "binary":
        return rollout.reward
    if name != "composite":
        raise UnknownNameError("reward", name, REWARDS)
    calls, turns = max(rollout.calls, 1), max(rollout.turns, 1)
    form = 1.0 - min(rollout.refused / turns, 1.0)
    short = 1.0 - min(turns / 20, 1.0)
    clean = 1.0 - min(rollout.refused / calls, 1.0)
    words = float(rollout.reason == "done")
    return 0.6 * rollout.reward + 0.1 * (form + short + clean + words)
