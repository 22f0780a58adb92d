"""The optimizer window: which share of its loss each token carries.

All positions of a window that the model sampled lie in one flat axis of N tokens; ``row`` says of which
rollout each of them is. A loss is turned into a number by one weight per token, and the denominators in
those weights are counts of the *whole* window. So the losses of micro-batches (of whole rows) add up to
the window's loss, however it was cut; a mean per micro-batch would not do that.

Tokens that are masked (``keep`` False) have weight 0 and stand in no denominator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.train.maths.named import choose


@dataclass(frozen=True, slots=True)
class Window:
    """Counts over one optimizer step: all its micro-batches and all its processes.

    Attributes:
        tokens: Tokens that are kept.
        rows: Rows with at least one of them.
        limit: The most tokens that a rollout may have; only ``dr_grpo`` needs it.
    """

    tokens: int
    rows: int
    limit: int = 0


Aggregation = Callable[[Tensor, Tensor, Window], Tensor]


def window_of(row: Tensor, *, keep: Tensor | None = None, limit: int = 0) -> Window:
    """Return the counts of a window that lies in one piece.

    Args:
        row: Row of each token, int64 of shape (N,).
        keep: Which tokens count, bool of shape (N,); None keeps all.
        limit: See ``Window``.
    """
    kept = row if keep is None else row[keep]
    return Window(tokens=kept.numel(), rows=torch.unique(kept).numel(), limit=limit)


def row_sum(values: Tensor, row: Tensor, rows: int) -> Tensor:
    """Return the sum over the tokens of each row, shape (rows,); 0 for a row without tokens."""
    return torch.zeros(rows, dtype=values.dtype, device=values.device).index_add(0, row, values)


def row_mean(values: Tensor, row: Tensor, rows: int) -> Tensor:
    """Return the mean over the tokens of each row, shape (rows,); 0 for a row without tokens."""
    counts = row_sum(torch.ones_like(values), row, rows)
    return row_sum(values, row, rows) / counts.clamp(min=1)


def token_mean(row: Tensor, kept: Tensor, window: Window) -> Tensor:
    """Weigh every token alike: sum of m L over sum of m of the window.

    Source: DAPO and the default of TRL (``dapo``) and verl (``token-mean``). TRL's ``bnpo`` is the same
    per micro-batch, which is why its value depends on how the window was cut.
    """
    return kept / max(window.tokens, 1)


def seq_mean_token_mean(row: Tensor, kept: Tensor, window: Window) -> Tensor:
    """Weigh every row alike and the tokens within a row alike: mean over rows of (sum m L / sum m).

    Source: GRPO; TRL ``grpo``, verl ``seq-mean-token-mean``. A row that is masked altogether is not
    counted (verl); TRL counts it.
    """
    rows = int(row.max()) + 1 if row.numel() else 0
    counts = row_sum(kept, row, rows).clamp(min=1)
    return kept / counts[row] / max(window.rows, 1)


def seq_mean_token_sum(row: Tensor, kept: Tensor, window: Window) -> Tensor:
    """Sum the tokens of a row and take the mean over rows that are not masked altogether.

    Source: verl ``seq-mean-token-sum``.
    """
    return kept / max(window.rows, 1)


def dr_grpo(row: Tensor, kept: Tensor, window: Window) -> Tensor:
    """Divide by a constant, so that no length is favoured: sum of m L over (rows times limit).

    Source: Dr. GRPO; TRL ``dr_grpo``, whose rows count the masked ones too.

    Raises:
        UsageError: If the window has no limit.
    """
    if window.limit < 1:
        raise UsageError(
            f"the aggregation 'dr_grpo' divides by the longest rollout allowed, but the window's limit is "
            f"{window.limit}; give Window(limit=...) at least 1"
        )
    return kept / (max(window.rows, 1) * window.limit)


AGGREGATIONS: dict[str, Aggregation] = {
    "dr_grpo": dr_grpo,
    "seq_mean_token_mean": seq_mean_token_mean,
    "seq_mean_token_sum": seq_mean_token_sum,
    "token_mean": token_mean,
}
"""How a window's loss is made of its tokens', by name."""


def token_weights(
    name: str, row: Tensor, window: Window, *, keep: Tensor | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return the weight of each token of a micro-batch in the window's loss, shape (N,), >= 0.

    Args:
        name: A name of ``AGGREGATIONS``.
        row: Row of each token, int64 >= 0 of shape (N,). A row lies in one micro-batch as a whole.
        window: Counts of the whole window, not of this micro-batch.
        keep: Which tokens count, bool of shape (N,); None keeps all.
        dtype: Of the weights.

    Raises:
        UnknownNameError: If no aggregation has that name.
        UsageError: If ``keep`` has another shape than ``row``.
    """
    aggregate = choose("aggregation", AGGREGATIONS, name)
    if keep is not None and keep.shape != row.shape:
        raise UsageError(
            f"keep has shape {tuple(keep.shape)} and row {tuple(row.shape)}; both have one entry per token"
        )
    kept = torch.ones_like(row, dtype=dtype) if keep is None else keep.to(dtype)
    return aggregate(row, kept, window)
