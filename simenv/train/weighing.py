"""What a config weighs rollouts and tokens by: its names and options, looked up in the registries.

Options are checked before anything is loaded: a run in which no group has a signal never computes a loss, and
one that does would end in the middle of it.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.train.config import GrpoConfig
from simenv.train.maths.advantages import advantages, reward_table, zero_variance
from simenv.train.maths.corrections import CORRECTIONS, correction, off_policy_mask
from simenv.train.maths.credit import decayed_rewards
from simenv.train.maths.filters import mask_truncated_negatives, negatives_only
from simenv.train.maths.losses import POLICY_LOSSES, Tokens
from simenv.train.maths.named import choose
from simenv.train.rollouts.rollout import Rollout


def check_options(config: GrpoConfig) -> None:
    """Refuse options that the loss or the correction of a config does not take, or not in that size.

    Raises:
        UsageError: It names the field, what was given and what there is.
    """
    if config.advantage == "reinforce" and (config.negatives_only or config.off_policy_mask is not None):
        name = "negatives_only" if config.negatives_only else "off_policy_mask"
        raise UsageError(
            f"{name} is about rollouts that did worse than their group, and advantage=reinforce blames none; "
            "give advantage=rloo, or leave it out"
        )
    none, row = torch.zeros(1), torch.zeros(1, dtype=torch.int64)
    tokens = Tokens(none, none, none, row, 1, none)

    def loss() -> object:
        return choose("policy loss", POLICY_LOSSES, config.loss, config.options)(tokens)

    def trust() -> object:
        chosen = choose("correction", CORRECTIONS, config.correction, config.correction_options)
        return chosen(none, none, row, 1)

    _check("options", config.options, loss)
    _check("correction_options", config.correction_options, trust)


def _check(field: str, given: Mapping[str, float], tried: Callable[[], object]) -> None:
    """Try a function with its options on a single token."""
    try:
        tried()
    except UsageError as error:
        told = ",".join(f"{name}:{value:g}" for name, value in given.items())
        raise UsageError(f"{field} = {told}: {error}") from None


def teaching(config: GrpoConfig, rewards: Sequence[Sequence[float]]) -> list[bool]:
    """Return which groups have a signal: rewards that differ, or without a baseline one that is not 0."""
    table = reward_table(rewards)
    flat = zero_variance(table)
    if config.advantage == "reinforce":
        flat &= (advantages(config.advantage, table) == 0).all(1)
    return [not each for each in flat.tolist()]


def worth_of(
    config: GrpoConfig, groups: Sequence[Sequence[Rollout]], rewards: Sequence[Sequence[float]]
) -> tuple[Tensor, Tensor]:
    """Return the advantage of every rollout and whether it counts, each [rollouts].

    Args:
        config: How.
        groups: Rollouts of one task each.
        rewards: What each of them earned.
    """
    if not groups:
        return torch.zeros(0), torch.zeros(0, dtype=torch.bool)
    names = [[f"{rollout.task.id}, rollout {rollout.number}" for rollout in group] for group in groups]
    turns = torch.tensor([[max(rollout.turns, 1) for rollout in group] for group in groups])
    table = decayed_rewards(config.credit, reward_table(rewards, names), turns, config.gamma)
    worth = advantages(config.advantage, table).flatten()
    if config.negatives_only:
        worth = negatives_only(worth)
    reasons = [rollout.reason for group in groups for rollout in group]
    return worth, mask_truncated_negatives(worth, reasons, config.mask_reasons)


def trust_of(config: GrpoConfig, tokens: Tokens) -> Tensor:
    """Return the weight of every token's loss for what was sampled by another policy, [n].

    The correction is for the gap of sampler and trainer before the update, the mask for how far the policy
    has moved since; each is 1 for every token unless the config asks for it.
    """
    mu = tokens.old if tokens.mu is None else tokens.mu
    trust = correction(
        config.correction, tokens.old, mu, tokens.row, tokens.rows, **config.correction_options
    )
    if config.off_policy_mask is None:
        return trust
    return trust * off_policy_mask(
        tokens.logp, mu, tokens.advantage, tokens.row, tokens.rows, threshold=config.off_policy_mask
    )
