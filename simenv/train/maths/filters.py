"""What is kept from the loss: pure functions that mask rows, zero advantages or shorten what is too long.

A row that is masked keeps its place in the baseline of its group (its reward was really earned) and has
none in the loss: neither a gradient nor a place in the denominator.

A config reaches ``mask_truncated_negatives`` (``mask_reasons``) and ``negatives_only``. ``overlong_penalty``
is for callers with rewards of their own: no config adds it, as a reward that pays for short answers is no
longer the verdict.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from simenv.core.errors import UnknownNameError, UsageError

TRUNCATIONS = ("context", "env_error", "max_tokens", "max_turns", "timeout")
"""Why an episode may be cut off without its agent having ended it."""

REASONS = (*TRUNCATIONS, "done")
"""Why an episode may be over: ``"done"`` if the agent, the customer or the environment ended it."""


def mask_truncated_negatives(
    advantages: Tensor, reasons: Sequence[str], masked_reasons: Collection[str] = TRUNCATIONS
) -> Tensor:
    """Return which rows are kept: all but those that were cut off *and* did worse than their group.

    Being cut off says little about the tokens before it, so it is no ground for blame; a rollout that was
    cut off and still did better is praised as any other. Reasons, not the last token, decide.

    Args:
        advantages: Of each row, shape (rows,), with the rewards of all rows in their baselines.
        reasons: Why each row was over, each of ``REASONS``.
        masked_reasons: Those that mask, each of ``REASONS``.

    Returns:
        Bool of shape (rows,). For tokens: ``keep[row]``.

    Raises:
        UnknownNameError: If a reason is none of ``REASONS``.
        UsageError: If there is not one reason per row.

    Source: conservative negative filtering of the recipe for tool-using agents; rLLM's
        ``CompactFilteringConfig`` has one flag per reason, without the sign.
    """
    if len(reasons) != advantages.numel() or advantages.ndim != 1:
        raise UsageError(
            f"there are {len(reasons)} reasons for advantages of shape {tuple(advantages.shape)}; "
            f"give one of each per row"
        )
    for reason in (*masked_reasons, *reasons):
        if reason not in REASONS:
            raise UnknownNameError("termination reason", reason, REASONS)
    is_cut = torch.tensor([reason in masked_reasons for reason in reasons], dtype=torch.bool)
    return ~(is_cut.to(advantages.device) & (advantages < 0))


def negatives_only(advantages: Tensor) -> Tensor:
    """Return the advantages with the positive ones zeroed: only what did worse moves the policy.

    Source: negative sample reinforcement (Zhu et al. 2025).
    """
    return advantages.clamp(max=0)


def overlong_penalty(lengths: Tensor, limit: int, cushion: int, factor: float = 1.0) -> Tensor:
    """Return what to add to the rewards of long rollouts, in [-factor, 0], shaped as ``lengths``.

    0 up to ``limit - cushion`` tokens, then falling in a straight line to -factor at ``limit``.

    Args:
        lengths: Sampled tokens.
        limit: The most tokens that are allowed, L_max.
        cushion: Tokens before it in which the penalty grows, L_c, in [1, limit].
        factor: The penalty at the limit, >= 0.

    Raises:
        UsageError: If the cushion is not in [1, limit].

    Source: DAPO's soft overlong punishment; verl ``overlong_buffer``, which does not stop at -factor.
    """
    if not 1 <= cushion <= limit:
        raise UsageError(f"the cushion is in [1, limit], not {cushion} with a limit of {limit}")
    over = (lengths - (limit - cushion)) / cushion
    return -over.clamp(0, 1) * factor
