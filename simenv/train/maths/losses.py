"""Policy losses: from log-probs of sampled tokens to one loss per token.

Pure functions of the flat tokens of one optimizer window (see ``window``). A ratio is exp(log p - log p_old),
with the difference cut to 20 in size as in verl: beyond that there is no gradient and no overflow. Each loss
also tells which tokens its bounds touched, for the clip shares in the metrics.

The gradient of every loss at ratio 1, weighed by ``token_mean``, is -A / N: they differ off policy only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.train.maths.named import choose
from simenv.train.maths.window import row_mean

_LOG_BOUND = 20.0
_GSPO_LOG_MAX = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Sampled tokens of whole rows, flat.

    Attributes:
        logp: Log-probs under the policy, with gradient, shape (N,).
        old: Under the policy at the start of the window's updates, shape (N,).
        advantage: Shape (N,).
        row: Rollout of each token, int64 in [0, rows), shape (N,).
        rows: Number of rollouts.
        mu: Log-probs recorded by the sampler, shape (N,); only some losses need them.

    Raises:
        UsageError: If a shape is not (N,): broadcasting would silently give a wrong loss.
    """

    logp: Tensor
    old: Tensor
    advantage: Tensor
    row: Tensor
    rows: int
    mu: Tensor | None = None

    def __post_init__(self) -> None:
        for name in ("logp", "old", "advantage", "row", "mu"):
            tensor = getattr(self, name)
            if tensor is not None and (tensor.ndim != 1 or tensor.shape != self.logp.shape):
                raise UsageError(
                    f"{name} has shape {tuple(tensor.shape)}, but there is one value per sampled token, and "
                    f"logp has shape {tuple(self.logp.shape)}"
                )


class PolicyLoss(NamedTuple):
    """A loss per token and what the bounds did.

    Attributes:
        loss: To be minimised, shape (N,).
        low: Tokens that the lower bound touched, bool of shape (N,).
        high: Tokens that an upper bound touched.
    """

    loss: Tensor
    low: Tensor
    high: Tensor


def ppo(tokens: Tokens, *, low: float = 0.2, high: float = 0.28, delta: float | None = None) -> PolicyLoss:
    """Return -min(ratio A, clip(ratio, 1 - low, 1 + high) A).

    With ``delta`` the first ratio is cut to delta too (two-sided): else a token with A < 0 whose ratio has
    grown has an unbounded loss. ``low`` and ``high`` in the result are the tokens left without gradient.

    Args:
        tokens: Of the window.
        low: In [0, 1].
        high: >= 0. 0.28 is DAPO's "clip higher"; TRL and verl take ``low`` unless told otherwise.
        delta: Above 1 + high, or None.

    Source: PPO (Schulman et al. 2017); DAPO for separate bounds; INTELLECT-2 and TRL ``delta``.
    """
    _check_bounds(low, high)
    if delta is not None and delta <= 1 + high:
        raise UsageError(f"delta is above 1 + high = {1 + high}, not {delta}; None leaves that side open")
    ratio = _ratio(tokens)
    free = ratio if delta is None else ratio.clamp(max=delta)
    loss, is_low, is_high = _clipped(ratio, free, tokens.advantage, low, high)
    if delta is not None:
        is_high = is_high | ((ratio > delta) & (tokens.advantage < 0))
    return PolicyLoss(loss, is_low, is_high)


def dual_clip(tokens: Tokens, *, low: float = 0.2, high: float = 0.28, c: float = 3.0) -> PolicyLoss:
    """Return PPO's loss, and for A < 0 at most -c A.

    Args:
        tokens: Of the window.
        low: In [0, 1].
        high: >= 0.
        c: Above 1 + high; verl takes 3.

    Source: dual-clip PPO (Ye et al. 2020); verl ``clip_ratio_c``.
    """
    _check_bounds(low, high)
    if c <= 1 + high:
        raise UsageError(f"c is above 1 + high = {1 + high}, not {c}; below that it would undo the clip")
    ratio, advantage = _ratio(tokens), tokens.advantage
    loss, is_low, is_high = _clipped(ratio, ratio, advantage, low, high)
    is_over = (advantage < 0) & (ratio > c)
    loss = torch.where(advantage < 0, torch.minimum(-c * advantage, loss), loss)
    return PolicyLoss(loss, is_low, is_high | is_over)


def gspo(tokens: Tokens, *, low: float = 3e-4, high: float = 4e-4) -> PolicyLoss:
    """Return PPO's loss with the ratio of the whole row, its gradient per token.

    log s = mean over the row of (log p - log p_old); at token t the ratio has the value s and the gradient
    of log p at t, so that tokens of one row may have different advantages. Cut at exp(10).

    Source: GSPO-token (Zheng et al. 2025) as verl has it. Made for ``seq_mean_token_mean``.
    """
    _check_bounds(low, high)
    mean = row_mean((tokens.logp - tokens.old).detach(), tokens.row, tokens.rows)[tokens.row]
    ratio = (tokens.logp - tokens.logp.detach() + mean).clamp(max=_GSPO_LOG_MAX).exp()
    return PolicyLoss(*_clipped(ratio, ratio, tokens.advantage, low, high))


def gspo_plain(tokens: Tokens, *, low: float = 3e-4, high: float = 4e-4) -> PolicyLoss:
    """Return PPO's loss with the ratio of the whole row, differentiated as it stands.

    The same as ``gspo`` in value; in gradient too where a row's tokens share one advantage and weight.

    Source: GSPO (Zheng et al. 2025); TRL ``importance_sampling_level="sequence"``.
    """
    _check_bounds(low, high)
    mean = row_mean(tokens.logp - tokens.old, tokens.row, tokens.rows)[tokens.row]
    ratio = mean.clamp(max=_GSPO_LOG_MAX).exp()
    return PolicyLoss(*_clipped(ratio, ratio, tokens.advantage, low, high))


def cispo_upper(tokens: Tokens, *, cap: float = 5.0) -> PolicyLoss:
    """Return -sg[min(ratio, cap)] A log p: every token keeps a gradient, large weights are cut.

    Source: CISPO as in ScaleRL and TRL, which call the cap ``epsilon_high``. Not verl's: ``cispo_both``.
    """
    if cap <= 0:
        raise UsageError(f"cap is a ratio above 0, not {cap}; ScaleRL takes 5")
    ratio = _ratio(tokens).detach()
    loss = -ratio.clamp(max=cap) * tokens.advantage * tokens.logp
    return PolicyLoss(loss, torch.zeros_like(ratio, dtype=torch.bool), ratio > cap)


def cispo_both(tokens: Tokens, *, low: float = 0.2, high: float = 0.28) -> PolicyLoss:
    """Return -sg[clip(ratio, 1 - low, 1 + high)] A log p: the weight is bounded on both sides.

    Source: CISPO as in MiniMax-M1 and verl. Not TRL's: ``cispo_upper``.
    """
    _check_bounds(low, high)
    ratio = _ratio(tokens).detach()
    loss = -ratio.clamp(1 - low, 1 + high) * tokens.advantage * tokens.logp
    return PolicyLoss(loss, ratio < 1 - low, ratio > 1 + high)


def reinforce(tokens: Tokens) -> PolicyLoss:
    """Return -A log p, whatever the ratio. Source: Williams (1992); nanochat."""
    untouched = torch.zeros_like(tokens.logp, dtype=torch.bool)
    return PolicyLoss(-tokens.advantage * tokens.logp, untouched, untouched)


def dppo_tv(tokens: Tokens, *, low: float = 0.2, high: float = 0.2, tau: float = 1e-3) -> PolicyLoss:
    """Return -ratio A for tokens whose probability moved little, plus tau (log p - mu)**2 for all.

    The ratio is to the sampler, exp(log p - mu). With p and q the probabilities themselves, a token is
    dropped where A > 0 and p - q > high, or A < 0 and p - q < -low. A bound on differences spares rare
    tokens, whose ratios are noisy, and binds likely ones.

    Args:
        tokens: Of the window, with ``mu``.
        low: In [0, 1].
        high: In [0, 1].
        tau: Weight of the pull to the sampler, >= 0.

    Raises:
        UsageError: If the sampler's log-probs are missing.

    Source: prime-rl's default loss (``dppo_mask_low``, ``dppo_mask_high``, ``kl_tau``).
    """
    if tokens.mu is None:
        raise UsageError("dppo_tv compares with the sampler's log-probs; give Tokens(mu=...)")
    log_ratio = tokens.logp - tokens.mu
    moved = (tokens.logp.exp() - tokens.mu.exp()).detach()
    is_high = (tokens.advantage > 0) & (moved > high)
    is_low = (tokens.advantage < 0) & (moved < -low)
    ratio = log_ratio.clamp(-_LOG_BOUND, _LOG_BOUND).exp()
    gain = torch.where(is_low | is_high, 0.0, ratio * tokens.advantage)
    return PolicyLoss(-gain + tau * log_ratio.square(), is_low, is_high)


def sapo(tokens: Tokens, *, tau_positive: float = 1.0, tau_negative: float = 1.05) -> PolicyLoss:
    """Return -A sigmoid(tau (ratio - 1)) 4 / tau: a soft gate in place of a clip, so no token is marked.

    Args:
        tokens: Of the window.
        tau_positive: Where A > 0, above 0.
        tau_negative: Elsewhere, above 0; larger forgets off-policy negatives faster.

    Source: SAPO (2025); TRL ``sapo``.
    """
    if min(tau_positive, tau_negative) <= 0:
        raise UsageError(f"temperatures are above 0, not {tau_positive} and {tau_negative}")
    ratio, advantage = _ratio(tokens), tokens.advantage
    tau = torch.where(advantage > 0, tau_positive, tau_negative).to(ratio.dtype)
    untouched = torch.zeros_like(ratio, dtype=torch.bool)
    return PolicyLoss(-torch.sigmoid(tau * (ratio - 1)) * 4 / tau * advantage, untouched, untouched)


POLICY_LOSSES: dict[str, Callable[..., PolicyLoss]] = {
    "cispo_both": cispo_both,
    "cispo_upper": cispo_upper,
    "dppo_tv": dppo_tv,
    "dual_clip": dual_clip,
    "gspo": gspo,
    "gspo_plain": gspo_plain,
    "ppo": ppo,
    "reinforce": reinforce,
    "sapo": sapo,
}
"""Policy losses by name: ``(tokens, **options) -> PolicyLoss``."""


def policy_loss(name: str, tokens: Tokens, **options: Any) -> PolicyLoss:
    """Return the loss of that name.

    Args:
        name: A name of ``POLICY_LOSSES``.
        tokens: Of the window, or of a micro-batch of whole rows.
        **options: Bounds, see each loss.

    Raises:
        UnknownNameError: If there is no such loss.
        UsageError: If it has no such option.
    """
    return choose("policy loss", POLICY_LOSSES, name, options)(tokens)


def objective(
    loss: Tensor,
    weights: Tensor,
    *,
    correction: Tensor | None = None,
    kl: Tensor | None = None,
    beta: float = 0.0,
    entropy: Tensor | None = None,
    entropy_coef: float = 0.0,
) -> Tensor:
    """Return the number to minimise: sum over tokens of weight (correction L + beta KL - c entropy).

    Args:
        loss: Policy loss per token, shape (N,).
        weights: From ``window.token_weights``, so that micro-batches add up to the window.
        correction: From ``corrections``, on the policy loss only, as in TRL.
        kl: From ``kl``, shape (N,).
        beta: Weight of the KL.
        entropy: Of each token's distribution in nats, with gradient, shape (N,).
        entropy_coef: Weight of the entropy that is rewarded; below 0 it is punished.
    """
    total = loss if correction is None else loss * correction
    if kl is not None and beta:
        total = total + beta * kl
    if entropy is not None and entropy_coef:
        total = total - entropy_coef * entropy
    # A masked token adds exactly nothing, even where its own term is not finite.
    return torch.where(weights > 0, total * weights, 0.0).sum()


def _ratio(tokens: Tokens) -> Tensor:
    return (tokens.logp - tokens.old).clamp(-_LOG_BOUND, _LOG_BOUND).exp()


def _clipped(
    ratio: Tensor, free: Tensor, advantage: Tensor, low: float, high: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return PPO's loss and the tokens that either bound left without gradient."""
    bound = ratio.clamp(1 - low, 1 + high)
    loss = -torch.minimum(free * advantage, bound * advantage)
    is_low = (ratio < 1 - low) & (advantage < 0)
    is_high = (ratio > 1 + high) & (advantage > 0)
    return loss, is_low.detach(), is_high.detach()


def _check_bounds(low: float, high: float) -> None:
    if not 0 <= low <= 1 or high < 0:
        raise UsageError(f"a ratio is clipped to [1 - low, 1 + high] with low in [0, 1], not {low}, {high}")
