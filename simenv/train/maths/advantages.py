"""Advantages: by how much a rollout did better than the others of its group.

Pure functions of rewards of shape (groups, G), one row per prompt, to advantages of that shape. NaN is a
rollout that nobody could score: it is left out of every mean and its advantage is 0. An infinite reward is
an error. A group whose scored rewards are all equal gets exactly 0, without rounding dust from the mean.

The same name means different things in different trainers; where they differ, each has a name here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite, nan
from typing import NamedTuple

import torch
from torch import Tensor

from simenv.core.errors import UnknownNameError, UsageError
from simenv.train.maths.named import choose


class _Variant(NamedTuple):
    """How a trainer divides by the spread: degrees taken off, added to the std, what a lone rollout gets."""

    ddof: int
    eps: float
    is_lone_raw: bool


_VARIANTS = {
    "rllm": _Variant(ddof=0, eps=1e-6, is_lone_raw=True),
    "trl": _Variant(ddof=1, eps=1e-4, is_lone_raw=False),
    "verl": _Variant(ddof=1, eps=1e-6, is_lone_raw=True),
}


def reward_table(
    rewards: Sequence[Sequence[float | None]], names: Sequence[Sequence[str]] | None = None
) -> Tensor:
    """Return rewards as a tensor of shape (groups, G).

    Args:
        rewards: Groups of rewards; None where a rollout cannot be scored. A group that is shorter than
            the largest is filled up with NaN.
        names: What to call each rollout in an error; by default its group and place.

    Raises:
        UsageError: If a reward is not finite; it names the rollout.
    """
    width = max(map(len, rewards), default=0)
    table = []
    for g, group in enumerate(rewards):
        for i, reward in enumerate(group):
            if reward is not None and not isfinite(reward):
                name = names[g][i] if names else f"{i} of group {g}"
                raise _not_finite(reward, name)
        scored = [nan if reward is None else float(reward) for reward in group]
        table.append(scored + [nan] * (width - len(scored)))
    return torch.tensor(table, dtype=torch.float32).reshape(len(rewards), width)


def grpo(rewards: Tensor, *, variant: str = "trl") -> Tensor:
    """Return (r - mean) / (std + eps) of the group.

    Args:
        rewards: Shape (groups, G), NaN where unscorable.
        variant: ``"trl"`` std of a sample (ddof 1), eps 1e-4, a lone rollout gets 0; ``"verl"`` ddof 1,
            eps 1e-6, a lone rollout keeps its reward (mean 0, std 1); ``"rllm"`` std of numpy (ddof 0),
            eps 1e-6, a lone rollout as in verl.

    Source: trl grpo_trainer.py, verl core_algos.py, rllm rl_algo.py.
    """
    if variant not in _VARIANTS:
        raise UnknownNameError("GRPO variant", variant, _VARIANTS)
    ddof, eps, is_lone_raw = _VARIANTS[variant]
    rewards, count = _scored(rewards)
    advantages = _centred(rewards) / (_std(rewards, dim=1, ddof=ddof) + eps)
    if is_lone_raw:
        advantages = torch.where(count == 1, rewards / (1 + eps), advantages)
    return _zero_if_unscored(advantages)


def rloo(rewards: Tensor) -> Tensor:
    """Return the reward less the mean of the *other* rollouts: G / (G - 1) (r - mean). A lone one gets 0.

    Source: RLOO (Ahmadian et al. 2024); trl rloo_trainer.py, verl, rLLM.
    """
    rewards, count = _scored(rewards)
    return _zero_if_unscored(_centred(rewards) * count / (count - 1).clamp(min=1))


def dr_grpo(rewards: Tensor) -> Tensor:
    """Return r - mean of the group, not divided by its spread.

    Source: Dr. GRPO; prime-rl, nanochat; TRL ``scale_rewards="none"``.
    """
    return _zero_if_unscored(_centred(_scored(rewards)[0]))


def maxrl(rewards: Tensor) -> Tensor:
    """Return (r - mean) / mean, and 0 where the mean is not positive.

    Source: MaxRL; prime-rl algo/max_rl.py.
    """
    rewards, _ = _scored(rewards)
    mean = torch.nanmean(rewards, dim=1, keepdim=True)
    return _zero_if_unscored(torch.where(mean > 0, _centred(rewards) / mean, 0.0))


def reinforce(rewards: Tensor, *, baseline: float = 0.0) -> Tensor:
    """Return the reward less a constant. Source: Williams (1992); rLLM ``reinforce``."""
    return _zero_if_unscored(_scored(rewards)[0] - baseline)


def batch(rewards: Tensor) -> Tensor:
    """Return (r - mean of the group) / (std of all rewards + 1e-4), ddof 1.

    Source: TRL ``scale_rewards="batch"``.
    """
    rewards, _ = _scored(rewards)
    spread = _std(rewards.reshape(1, -1), dim=1, ddof=1)
    return _zero_if_unscored(_centred(rewards) / (spread + 1e-4))


ADVANTAGES: dict[str, Callable[..., Tensor]] = {
    "batch": batch,
    "dr_grpo": dr_grpo,
    "grpo": grpo,
    "grpo_rllm": partial(grpo, variant="rllm"),
    "grpo_verl": partial(grpo, variant="verl"),
    "maxrl": maxrl,
    "reinforce": reinforce,
    "rloo": rloo,
}
"""Advantages by name: ``(rewards [groups, G]) -> advantages [groups, G]``."""


def advantages(name: str, rewards: Tensor, **options: float) -> Tensor:
    """Return the advantages of that name.

    Raises:
        UnknownNameError: If there is none.
        UsageError: If it has no such option, or a reward is infinite.
    """
    return choose("advantage", ADVANTAGES, name, options)(rewards)


def zero_variance(rewards: Tensor) -> Tensor:
    """Return which groups cannot teach: their scored rewards are all equal, or fewer than two are scored.

    Args:
        rewards: Shape (groups, G), NaN where unscorable.

    Returns:
        Bool of shape (groups,).

    Source: DAPO's dynamic sampling (drop such groups and sample on); verl ``filter_groups``.
    """
    return _is_flat(_scored(rewards)[0])[:, 0]


def _not_finite(reward: float, name: str) -> UsageError:
    return UsageError(
        f"the reward of rollout {name} is {reward}, which is not finite; an environment that cannot score "
        f"a rollout gives None, which leaves it out of its group"
    )


def _scored(rewards: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rewards as floats and, of shape (groups, 1), how many of each group are scored."""
    if rewards.ndim != 2:
        raise UsageError(f"rewards have the shape (groups, G), not {tuple(rewards.shape)}")
    floats = rewards if rewards.is_floating_point() else rewards.to(torch.get_default_dtype())
    infinite = torch.isinf(floats).nonzero()
    if len(infinite):
        g, i = infinite[0].tolist()
        raise _not_finite(float(floats[g, i]), f"{i} of group {g}")
    return floats, (~torch.isnan(floats)).sum(dim=1, keepdim=True)


def _is_flat(rewards: Tensor) -> Tensor:
    unscored = torch.isnan(rewards)
    highest = rewards.masked_fill(unscored, -torch.inf).amax(dim=1, keepdim=True)
    lowest = rewards.masked_fill(unscored, torch.inf).amin(dim=1, keepdim=True)
    return highest <= lowest


def _centred(rewards: Tensor) -> Tensor:
    gap = rewards - torch.nanmean(rewards, dim=1, keepdim=True)
    return torch.where(_is_flat(rewards), 0.0, gap)


def _std(rewards: Tensor, *, dim: int, ddof: int) -> Tensor:
    """Return the spread of the scored rewards, 0 where too few are scored."""
    count = (~torch.isnan(rewards)).sum(dim=dim, keepdim=True)
    gap = rewards - torch.nanmean(rewards, dim=dim, keepdim=True)
    return (torch.nansum(gap.square(), dim=dim, keepdim=True) / (count - ddof).clamp(min=1)).sqrt()


def _zero_if_unscored(values: Tensor) -> Tensor:
    return torch.nan_to_num(values, nan=0.0)
