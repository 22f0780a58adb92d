"""Estimates of KL(policy, reference) from one sampled token each: k1, k2, k3 and k3+.

With d = log p - log p_ref at a token that the policy sampled, all of them have the KL as their mean or
nearly so. As a *loss* they differ: the gradient of k2 is the gradient of the KL, those of k1 and k3 are not
(the mean gradient of k1 is 0). ``k3+`` therefore shows the value of k3, which is never negative and varies
little, and has the gradient of k2. Weighing k3 by the ratio (``reweighed``) is another way to that gradient.

Source:
    Schulman (2020), "Approximating KL divergence": k1, k2, k3.
    verl, ``kl_penalty``: ``k3+`` (its name for the straight-through form) and ``low_var_kl``.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from simenv.train.maths.named import choose

_IN = 20.0
_OUT = 10.0


def k1(logp: Tensor, ref: Tensor) -> Tensor:
    """Return log p - log p_ref, any sign, shaped as both. Source: TRL's RLOO (in the reward), verl ``kl``."""
    return logp - ref


def k2(logp: Tensor, ref: Tensor) -> Tensor:
    """Return half the squared difference, >= 0; its gradient is that of the KL. Source: verl ``mse``."""
    return (logp - ref).square() / 2


def k3(logp: Tensor, ref: Tensor) -> Tensor:
    """Return exp(ref - p) - (ref - p) - 1, >= 0.

    The difference is cut to 20 in size, where exp would leave the range of small floats.
    Source: TRL's GRPOTrainer (without that cut).
    """
    gap = (ref - logp).clamp(-_IN, _IN)
    return torch.expm1(gap) - gap


def k3_clamped(logp: Tensor, ref: Tensor) -> Tensor:
    """Return k3, at most 10: no gradient beyond that. Source: verl ``low_var_kl``."""
    return k3(logp, ref).clamp(-_OUT, _OUT)


def k3_plus(logp: Tensor, ref: Tensor) -> Tensor:
    """Return the value of k3 with the gradient of k2 (straight through). Source: verl ``k3+``."""
    half = k2(logp, ref)
    return half - half.detach() + k3(logp, ref).detach()


def reweighed(estimate: Tensor, logp: Tensor, old: Tensor) -> Tensor:
    """Return an estimate times the ratio of policy to old policy, gradient of the ratio included.

    The mean is then that under the policy though the tokens are from the old one, and at ratio 1 the
    gradient of k1 and of k3 becomes that of the KL. The log of the ratio is cut to 20 in size.

    For callers of their own: no config reaches it, since k3+ and k2 have that gradient already.

    Source: DeepSeek-V3.2's unbiased KL estimate; TRL ``use_bias_correction_kl``, on by default.
    """
    return estimate * (logp - old).clamp(-_IN, _IN).exp()


KLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "k1": k1,
    "k2": k2,
    "k3": k3,
    "k3+": k3_plus,
    "k3_clamped": k3_clamped,
}
"""Estimates by name: ``(logp [N], ref [N]) -> [N]``."""


def kl(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the estimate of that name.

    Raises:
        UnknownNameError: If there is none.
    """
    return choose("KL estimate", KLS, name)
