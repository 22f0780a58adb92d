"""Parts of a decoder whose gradients are written out: fewer passes over memory than autograd would make.

Values are those of the plain formulas up to rounding. On a CPU a small decoder spends as much time in such
parts as in products of matrices; on CUDA they matter less, but are right there too.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from typing_extensions import override


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Return x [..., width] over its root mean square, times a gain [width]."""
    if not x.requires_grad or x.is_cuda:
        return F.rms_norm(x, (x.shape[-1],), weight, eps)
    out: Tensor = _Norm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return out


def with_before(x: Tensor, own: Tensor | None, before: Tensor) -> Tensor:
    """Return ``own * x[t] + before[0] * x[t - 1] + before[1] * x[t - 2]`` and so on; there is 0 before x[0].

    Args:
        x: [batch, tokens, ...].
        own: What broadcasts to a token of x, or None for 1.
        before: [back, ...], where ``...`` broadcasts to a token of x.
    """
    if not torch.is_grad_enabled():
        return _mixed(x, own, before)
    out: Tensor = _WithBefore.apply(x, own, before)  # type: ignore[no-untyped-call]
    return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the leading channels of queries or keys [..., head] by angles [..., turning / 2]."""
    if not torch.is_grad_enabled():
        return _turned(x, cos, sin)
    out: Tensor = _Rotate.apply(x, cos, sin)  # type: ignore[no-untyped-call]
    return out


class _Norm(torch.autograd.Function):
    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return F.rms_norm(x, (x.shape[-1],), weight, eps)

    @staticmethod
    @override
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        width = x.shape[-1]
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(width).add_(ctx.eps).rsqrt_()
        pull = slope * weight
        along = (pull * x).sum(-1, keepdim=True).mul_(scale**3).div_(-width)
        of_x = pull.mul_(scale).addcmul_(x, along)
        of_weight = (slope * x).mul_(scale).view(-1, width).sum(0) if ctx.needs_input_grad[1] else None
        return of_x, of_weight, None


class _WithBefore(torch.autograd.Function):
    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, own: Tensor | None, before: Tensor) -> Tensor:
        ctx.save_for_backward(x, own, before)
        return _mixed(x, own, before)

    @staticmethod
    @override
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, own, before = ctx.saved_tensors
        of_x = slope.clone() if own is None else slope * own
        for back, share in enumerate(before, 1):
            of_x[:, :-back].addcmul_(share, slope[:, back:])
        of_own = (slope * x).sum_to_size(own.shape) if ctx.needs_input_grad[1] else None
        of_before = None
        if ctx.needs_input_grad[2]:
            shares = [
                (slope[:, back:] * x[:, :-back]).sum_to_size(share.shape)
                for back, share in enumerate(before, 1)
            ]
            of_before = torch.stack(shares)
        return of_x, of_own, of_before


class _Rotate(torch.autograd.Function):
    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    @override
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(slope, cos, -sin), None, None


def _mixed(x: Tensor, own: Tensor | None, before: Tensor) -> Tensor:
    out = x.clone() if own is None else x * own
    for back, share in enumerate(before, 1):
        out[:, back:].addcmul_(share, x[:, :-back])
    return out


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = cos.shape[-1]
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat(((a * cos).addcmul_(b, -sin), (b * cos).addcmul_(a, sin), rest), -1)
