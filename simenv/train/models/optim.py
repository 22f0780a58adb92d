"""Optimizers: AdamW, and Muon for the matrices of a decoder that is trained from nothing.

Muon makes every update of a matrix orthogonal, so that all of its directions move alike: from a few hundred
episodes a small decoder learns about twice as much.

Source:
    Jordan et al. (2024), "Muon: an optimizer for the hidden layers of neural networks".
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from typing_extensions import override

_STEPS, _A, _B, _C = 5, 3.4445, -4.7750, 2.0315
_MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Momentum, then the nearest orthogonal matrix by five steps of a quintic Newton-Schulz iteration.

    Args:
        matrices: Parameters of two dimensions.
        lr: Of a square matrix; a tall one moves by the root of its height over its width more.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(list(matrices), {"lr": lr})

    @override
    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[nn.Parameter]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    low, high = sorted(weight.shape)
                    alike.setdefault((low, high), []).append(weight)
            for weights in alike.values():
                updates = orthogonal(torch.stack([self._wanted(weight) for weight in weights]))
                for weight, update in zip(weights, updates, strict=True):
                    tall = weight.shape[0] > weight.shape[1]
                    share = max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5
                    weight.add_(update.T if tall else update, alpha=-group["lr"] * share)

    def _wanted(self, weight: nn.Parameter) -> Tensor:
        """Return what momentum makes of a gradient, lying on its longer side."""
        slope = cast(Tensor, weight.grad)
        momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        momentum.lerp_(slope, 1 - _MOMENTUM)
        wanted = slope.lerp(momentum, _MOMENTUM)
        return wanted.T if weight.shape[0] > weight.shape[1] else wanted


def orthogonal(matrices: Tensor) -> Tensor:
    """Return about the nearest matrices with singular values near 1, [n, low, high], low at most high."""
    x: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return x


class Optimizers:
    """One or two optimizers that step together, with one schedule.

    Args:
        parts: The optimizers, each with its own learning rate.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = list(parts)
        self.rates = [part.param_groups[0]["lr"] for part in self.parts]

    def step(self, share: float) -> None:
        """Take a step at a share of every learning rate, and forget the gradients."""
        for part, rate in zip(self.parts, self.rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * share
            part.step()
            part.zero_grad(set_to_none=True)


def from_nothing(model: nn.Module, *, lr: float, matrix_lr: float) -> Optimizers:
    """Return Muon for the matrices of the blocks and AdamW for embeddings, norms and the rest."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        is_matrix = weight.dim() == 2 and name.startswith("layers.") and name.endswith(".weight")
        (matrices if is_matrix else rest).append(weight)
    adam = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.95), weight_decay=0.0)
    return Optimizers([Muon(matrices, matrix_lr), adam] if matrices else [adam])


def adamw(weights: Iterable[nn.Parameter], *, lr: float) -> Optimizers:
    """Return AdamW without weight decay."""
    return Optimizers([torch.optim.AdamW(list(weights), lr=lr, betas=(0.9, 0.95), weight_decay=0.0)])


def trapezoid(step: int, steps: int, *, warm: int = 20, fall: float = 0.5) -> float:
    """Return the share of the learning rate at a step: up, level, and down over the last part.

    Example:
        >>> [round(trapezoid(step, 100), 2) for step in (0, 19, 49, 74, 99)]
        [0.05, 1.0, 1.0, 0.52, 0.02]
    """
    return min(1.0, (step + 1) / warm, (steps - step) / (fall * steps))
