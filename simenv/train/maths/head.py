"""The last layer in chunks: log-probs and entropies of tokens without all their logits at once.

Logits are the largest tensor of training: N tokens times V words. Here they are made for a few tokens at a
time, reduced to two numbers per token and forgotten; the backward pass makes them again, chunk by chunk,
and turns each at once into gradients of the hidden states and, if it wants one, of the head. So never more
than ``chunk`` times V logits are alive, forward or backward, whatever N is. That costs one more product of
matrices than keeping them, so where one chunk holds all tokens its odds are kept.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from typing_extensions import override

from simenv.core.errors import UsageError

LOGITS = 2**23
"""About so many logits are alive at once by default, whatever the vocabulary."""


class Scores(NamedTuple):
    """What the policy thought of tokens.

    Attributes:
        logp: Natural log of each token's probability, <= 0, shape (N,).
        entropy: Of the distribution it was drawn from, in nats, >= 0, shape (N,).
    """

    logp: Tensor
    entropy: Tensor


def token_scores(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, chunk: int = 0, temperature: float = 1.0
) -> Scores:
    """Return log-probs and entropies of tokens, both with gradient.

    Args:
        hidden: Last hidden states at the positions *before* the tokens, shape (N, d).
        weight: Of the head, shape (V, d). With or without gradient.
        targets: The tokens, int64 in [0, V), shape (N,).
        chunk: At most ``chunk`` times V logits are alive at a time, >= 2; 0 for about ``LOGITS``.
        temperature: Logits are divided by it, above 0.

    Returns:
        In float32, or float64 where ``hidden`` is; products are made in the type of ``hidden``.

    Raises:
        UsageError: If shapes do not fit, or chunk or temperature is out of range.
    """
    chunk = chunk or max(2, LOGITS // weight.shape[0])
    _check(hidden, weight, targets, chunk, temperature)
    return _scores(hidden, weight, targets, _Plan(chunk, 1 / temperature, has_entropy=True))


def token_logps(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, chunk: int = 0, temperature: float = 1.0
) -> Tensor:
    """Return log-probs of tokens, shape (N,): ``token_scores`` without the entropies and cheaper."""
    chunk = chunk or max(2, LOGITS // weight.shape[0])
    _check(hidden, weight, targets, chunk, temperature)
    return _scores(hidden, weight, targets, _Plan(chunk, 1 / temperature, has_entropy=False)).logp


class _Plan(NamedTuple):
    chunk: int
    scale: float
    has_entropy: bool


def _scores(hidden: Tensor, weight: Tensor, targets: Tensor, plan: _Plan) -> Scores:
    return Scores(*_Head.apply(hidden, weight, targets, plan))  # type: ignore[no-untyped-call]


class _Head(torch.autograd.Function):
    """Log-probs and entropies from hidden states; saves three numbers per token, or one chunk."""

    @staticmethod
    @override
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, plan: _Plan
    ) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(hidden.dtype, torch.float32)
        highest, total, logp, entropy = hidden.new_zeros((4, len(hidden)), dtype=exact).unbind()
        rows = _rows(plan.chunk, buffers=2 if plan.has_entropy else 1)
        ctx.kept = None
        for part in _parts(len(hidden), rows):
            logits = _logits(hidden[part], weight, plan.scale)
            highest[part] = logits.amax(dim=1)
            logits.sub_(highest[part, None])
            logp[part] = logits.gather(1, targets[part, None])[:, 0]
            if plan.has_entropy:
                odds = logits.exp()
                total[part] = odds.sum(dim=1)
                entropy[part] = total[part].log() - odds.mul_(logits).sum(dim=1) / total[part]
                del odds
            else:
                total[part] = logits.exp_().sum(dim=1)
            logp[part] -= total[part].log()
            if len(hidden) <= rows and any(ctx.needs_input_grad):
                ctx.kept = _normal(logits, total, plan)
            del logits
        ctx.save_for_backward(hidden, weight, targets, highest, total, entropy)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        if not plan.has_entropy:
            ctx.mark_non_differentiable(entropy)
        return logp, entropy

    @staticmethod
    @override
    @once_differentiable
    def backward(ctx: Any, of_logp: Tensor | None, of_entropy: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, highest, total, entropy = ctx.saved_tensors
        plan: _Plan = ctx.plan
        of_hidden = torch.zeros_like(hidden) if ctx.needs_input_grad[0] else None
        of_weight = torch.zeros_like(weight, dtype=total.dtype) if ctx.needs_input_grad[1] else None
        rows = _rows(plan.chunk, buffers=1 if of_entropy is None else 2)
        for part in _parts(len(hidden), rows):
            pull = torch.zeros_like(total[part]) if of_logp is None else of_logp[part]
            slope, ctx.kept = ctx.kept, None
            if slope is None:
                slope = _logits(hidden[part], weight, plan.scale).sub_(highest[part, None])
                slope = _normal(slope if plan.has_entropy else slope.exp_(), total[part], plan)
            if plan.has_entropy:
                _to_slope(slope, pull, None if of_entropy is None else of_entropy[part], entropy[part])
            else:
                slope.mul_(-pull[:, None])
            slope.scatter_add_(1, targets[part, None], pull[:, None])
            slope = (slope if plan.scale == 1 else slope.mul_(plan.scale)).to(hidden.dtype)
            if of_hidden is not None:
                of_hidden[part] = slope @ weight.to(hidden.dtype)
            if of_weight is not None:
                of_weight += slope.t() @ hidden[part]
            del slope
        of_head = None if of_weight is None else of_weight.to(weight.dtype)
        return of_hidden, of_head, None, None


def _normal(values: Tensor, total: Tensor, plan: _Plan) -> Tensor:
    """Turn logits below their highest into log-probs, or their exponentials into odds, in place."""
    return values.sub_(total.log()[:, None]) if plan.has_entropy else values.div_(total[:, None])


def _to_slope(logps: Tensor, pull: Tensor, of_entropy: Tensor | None, entropy: Tensor) -> None:
    """Turn log-probs of all words in place into gradients of their logits, the target's own left out.

    d log p_t / d z_j = [t = j] - p_j and d H / d z_j = -p_j (log p_j + H).
    """
    if of_entropy is None:
        logps.exp_().mul_(-pull[:, None])
        return
    odds = logps.exp()
    logps.add_(entropy[:, None]).mul_(-of_entropy[:, None]).sub_(pull[:, None]).mul_(odds)


def _logits(hidden: Tensor, weight: Tensor, scale: float) -> Tensor:
    # Autocast would be on in the forward pass and off in the backward one: two different log-partitions.
    with torch.autocast(hidden.device.type, enabled=False):
        logits = hidden @ weight.to(hidden.dtype).t()
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).mul_(scale)


def _rows(chunk: int, *, buffers: int) -> int:
    return max(1, chunk // buffers)


def _parts(count: int, rows: int) -> Iterator[slice]:
    return (slice(start, start + rows) for start in range(0, count, rows))


def _check(hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int, temperature: float) -> None:
    fits = hidden.ndim == weight.ndim == 2 and hidden.shape[1] == weight.shape[1]
    if not fits or targets.shape != hidden.shape[:1]:
        raise UsageError(
            f"the head takes hidden (N, d), weight (V, d) and targets (N,), not {tuple(hidden.shape)}, "
            f"{tuple(weight.shape)} and {tuple(targets.shape)}"
        )
    if chunk < 2:
        raise UsageError(f"chunk is at least 2, not {chunk}: an entropy needs two numbers per logit")
    if temperature <= 0:
        raise UsageError(f"temperature is above 0, not {temperature}")
