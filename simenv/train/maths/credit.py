"""How the reward of a rollout is shared out over its turns.

``outcome``     every turn gets the reward.
``gamma_step``  turn i of T gets r g**(T - i): credit decays backwards inside a rollout that was right.
``gamma_total`` every turn gets r g**(T - 1): of two right rollouts the shorter is worth more.

Source: the last two are the two readings of the gamma decay of Kimi-Researcher, its formula and its prose.
They are different algorithms: the first leaves rollouts of any length equal at their end, the other does not.
Turns are counted from 1, T is the number of turns of the rollout and g is in (0, 1].
"""

from collections.abc import Callable

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.train.maths.named import choose

Share = Callable[[Tensor, Tensor, float], Tensor]


def outcome(turn: Tensor, turns: Tensor, gamma: float) -> Tensor:
    """Return 1 for every turn."""
    return torch.ones_like(turn * turns, dtype=torch.get_default_dtype())


def gamma_step(turn: Tensor, turns: Tensor, gamma: float) -> Tensor:
    """Return g**(T - i), in (0, 1]: 1 at the last turn."""
    return torch.pow(gamma, (turns - turn).to(torch.get_default_dtype()))


def gamma_total(turn: Tensor, turns: Tensor, gamma: float) -> Tensor:
    """Return g**(T - 1), in (0, 1], the same at every turn."""
    return torch.pow(gamma, (turns - 1 + 0 * turn).to(torch.get_default_dtype()))


CREDITS: dict[str, Share] = {"gamma_step": gamma_step, "gamma_total": gamma_total, "outcome": outcome}
"""Share of the reward that turn i of T gets, by name: ``(i, T, gamma) -> share``, as i and T broadcast."""


def step_rewards(name: str, rewards: Tensor, turns: Tensor, gamma: float = 0.9) -> Tensor:
    """Return what each turn of each rollout earns.

    Args:
        name: A name of ``CREDITS``.
        rewards: Of rollouts, shape (R,).
        turns: Their numbers of turns, int64 >= 1 of shape (R,).
        gamma: Decay per turn, in (0, 1].

    Returns:
        Shape (R, most turns); NaN where a rollout has no such turn.
    """
    share = _share(name, gamma)
    turn = torch.arange(1, int(turns.max()) + 1, device=turns.device)
    earned = rewards[:, None] * share(turn, turns[:, None], gamma)
    return torch.where(turn <= turns[:, None], earned, torch.nan)


def decayed_rewards(name: str, rewards: Tensor, turns: Tensor, gamma: float = 0.9) -> Tensor:
    """Return the rewards as the baseline of the group sees them, shaped as given.

    Only ``gamma_total`` changes them: r g**(T - 1). Do this before the advantages.

    Args:
        name: A name of ``CREDITS``.
        rewards: Any shape; NaN stays NaN.
        turns: Numbers of turns, int64 >= 1, the same shape.
        gamma: Decay per turn, in (0, 1].
    """
    _share(name, gamma)
    return rewards * gamma_total(turns, turns, gamma) if name == "gamma_total" else rewards


def token_advantages(
    name: str, advantage: Tensor, row: Tensor, turn: Tensor, turns: Tensor, gamma: float = 0.9
) -> Tensor:
    """Return the advantage of each token, shape (N,).

    ``gamma_step`` decays the advantage of a rollout that did better than its group; one that did worse
    is blamed in full at each turn, as its reward is 0 at each of them. The other two hand the advantage on.
    Do this after the advantages.

    Args:
        name: A name of ``CREDITS``.
        advantage: Of each row, shape (rows,).
        row: Row of each token, int64 of shape (N,).
        turn: Turn of each token within its row, counted from 1, shape (N,).
        turns: Number of turns of each row, shape (rows,).
        gamma: Decay per turn, in (0, 1].
    """
    _share(name, gamma)
    whole = advantage[row]
    if name != "gamma_step":
        return whole
    return torch.where(whole > 0, whole * gamma_step(turn, turns[row], gamma), whole)


def _share(name: str, gamma: float) -> Share:
    if not 0 < gamma <= 1:
        raise UsageError(f"gamma is in (0, 1], not {gamma}; 1 decays nothing")
    return choose("credit", CREDITS, name)
