"""Corrections for tokens that were not sampled by the policy that is trained.

``mu`` is the sampler's log-prob of a token, ``old`` the trainer's for the same weights. They differ where
their kernels differ. w = exp(old - mu) per token, or its product over a row, weighs the loss; a token or row
of weight 0 is dropped and keeps its place in the denominator, as in the trainers named. Where ``mu`` is NaN
(the sampler gave none) the token's w is 1 and it is left out of the figures. No gradient flows through any.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.train.maths.kl import k3
from simenv.train.maths.named import choose
from simenv.train.maths.window import row_mean, row_sum

_LOG_BOUND = 20.0


class Mismatch(NamedTuple):
    """How far sampler and trainer are apart on the tokens of a window.

    Attributes:
        mean: Mean of |old - mu|.
        max: Largest |old - mu|.
        k3: Estimate of KL(sampler, trainer), >= 0; a healthy run stays below 0.015 (prime-rl's bar).
    """

    mean: float
    max: float
    k3: float


def token_truncate(old: Tensor, mu: Tensor, row: Tensor, rows: int, *, cap: float = 2.0) -> Tensor:
    """Return min(w, cap) of each token.

    Source: truncated importance sampling (Yao et al. 2025), TIS; TRL ``token_truncate``; cap 2 in verl.
    """
    _check_cap(cap)
    return _exp(_gap(old, mu)).clamp(max=cap)


def sequence_truncate(old: Tensor, mu: Tensor, row: Tensor, rows: int, *, cap: float = 5.0) -> Tensor:
    """Return min(product of w over the row, cap), the same for all tokens of a row.

    Source: SkyRL (cap 5); TRL ``sequence_truncate``.
    """
    _check_cap(cap)
    return _exp(row_sum(_gap(old, mu), row, rows)).clamp(max=cap)[row]


def sequence_mask(old: Tensor, mu: Tensor, row: Tensor, rows: int, *, cap: float = 3.0) -> Tensor:
    """Return the product of w over the row, or 0 where it is above the cap.

    Source: TRL ``sequence_mask``, its default, cap 3.
    """
    _check_cap(cap)
    product = _exp(row_sum(_gap(old, mu), row, rows))
    return torch.where(product <= cap, product, 0.0)[row]


def icepop(old: Tensor, mu: Tensor, row: Tensor, rows: int, *, low: float = 0.5, high: float = 2.0) -> Tensor:
    """Return w of each token, or 0 where it is not in [low, high].

    Source: IcePop (Ring-1T); TRL ``token_mask``.
    """
    _check_bounds(low, high)
    ratio = _exp(_gap(old, mu))
    return torch.where((ratio >= low) & (ratio <= high), ratio, 0.0)


def geometric_mask(
    old: Tensor, mu: Tensor, row: Tensor, rows: int, *, low: float = 0.99, high: float = 1.01
) -> Tensor:
    """Return 1 where the row's geometric mean of w is in [low, high], else 0.

    Unlike the product it does not grow with the length of the row.
    Source: SkyRL's geometric sequence mask, its recommended start.
    """
    _check_bounds(low, high)
    ratio = _exp(row_mean(_gap(old, mu), row, rows))
    return ((ratio >= low) & (ratio <= high)).to(old.dtype)[row]


def none(old: Tensor, mu: Tensor, row: Tensor, rows: int) -> Tensor:
    """Return 1 for each token."""
    return torch.ones_like(old)


CORRECTIONS: dict[str, Callable[..., Tensor]] = {
    "geometric_mask": geometric_mask,
    "icepop": icepop,
    "none": none,
    "sequence_mask": sequence_mask,
    "sequence_truncate": sequence_truncate,
    "token_truncate": token_truncate,
}
"""Corrections by name: ``(old [N], mu [N], row [N], rows) -> weights [N]``, >= 0, without gradient."""


def correction(name: str, old: Tensor, mu: Tensor, row: Tensor, rows: int, **options: float) -> Tensor:
    """Return the weights of that correction, shape (N,).

    Args:
        name: A name of ``CORRECTIONS``.
        old: Trainer's log-probs at sampling time, shape (N,).
        mu: Sampler's log-probs, shape (N,).
        row: Row of each token, int64 of shape (N,).
        rows: Number of rows.
        **options: Bounds, see each correction.

    Raises:
        UnknownNameError: If there is no such correction.
        UsageError: If it has no such option, or a shape is not (N,).
    """
    function = choose("correction", CORRECTIONS, name, options)
    _check(old=old, mu=mu, row=row)
    return function(old.detach(), mu.detach(), row, rows)


def off_policy_mask(
    logp: Tensor, mu: Tensor, advantage: Tensor, row: Tensor, rows: int, *, threshold: float
) -> Tensor:
    """Return 0 for tokens of rows that the policy has left behind and that did worse, else 1, shape (N,).

    A row is dropped where A < 0 and the mean of mu - logp over its tokens is above the threshold.

    Source: DeepSeek-V3.2's off-policy sequence mask; TRL ``off_policy_mask_threshold`` (None by default).
    """
    _check(logp=logp, mu=mu, advantage=advantage, row=row)
    drift = row_mean(-_gap(logp.detach(), mu), row, rows)[row]
    return ((advantage >= 0) | (drift <= threshold)).to(logp.dtype)


def effective_share(weights: Tensor) -> float:
    """Return the effective sample size of weights as a share of their number, in [0, 1]; 1 if all are equal.

    (sum w)**2 / (n sum w**2); 0 where all are 0 or there are none. Source: Kish (1965).
    """
    total = float(weights.double().square().sum()) * weights.numel()
    return float(weights.double().sum()) ** 2 / total if total else 0.0


def mismatch(old: Tensor, mu: Tensor) -> Mismatch:
    """Return how far trainer and sampler are apart on tokens, all 0 where there are none.

    Args:
        old: Trainer's log-probs, shape (N,).
        mu: Sampler's, shape (N,); NaN is left out.
    """
    _check(old=old, mu=mu)
    known = ~torch.isnan(mu)
    old, mu = old.detach()[known].double(), mu.detach()[known].double()
    if not old.numel():
        return Mismatch(0.0, 0.0, 0.0)
    gap = (old - mu).abs()
    return Mismatch(float(gap.mean()), float(gap.max()), float(k3(mu, old).mean()))


def _gap(old: Tensor, mu: Tensor) -> Tensor:
    return torch.nan_to_num(old - mu, nan=0.0)


def _exp(log_ratio: Tensor) -> Tensor:
    """Return exp, cut so that neither it nor its square leaves the range of float32."""
    return log_ratio.clamp(-_LOG_BOUND, _LOG_BOUND).exp()


def _check_cap(cap: float) -> None:
    if not cap > 0:
        raise UsageError(f"cap is a ratio above 0, not {cap:g}; 2 and 5 are usual")


def _check_bounds(low: float, high: float) -> None:
    if not 0 <= low <= 1 <= high:
        raise UsageError(f"a ratio of 1 is kept: low is in [0, 1] and high at least 1, not {low:g}, {high:g}")


def _check(**tensors: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    first = next(iter(shapes.values()))
    if len(first) != 1 or any(shape != first for shape in shapes.values()):
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise UsageError(f"all have one value per sampled token, shape (N,), but there are {told}")
