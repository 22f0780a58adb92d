"""Singular values of an update: their energy, the floor that a random matrix gives, and truncation."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.rslora.training import generator, matrices
from simenv.train.models.model import Decoder


class Factors(NamedTuple):
    """The singular value decomposition of one matrix, in float64.

    Attributes:
        left: [rows, k].
        values: Descending, [k].
        right: [k, columns].
    """

    left: Tensor
    values: Tensor
    right: Tensor

    def truncated(self, rank: int) -> Tensor:
        """Return the nearest matrix of at most that rank, float64 [rows, columns]."""
        return (self.left[:, :rank] * self.values[:rank]) @ self.right[:rank]


@torch.no_grad()
def updates(before: Decoder, after: Decoder) -> dict[str, Factors]:
    """Return the decomposed change of every matrix by name."""
    old = matrices(before)
    return {
        name: Factors(*torch.linalg.svd(weight.double() - old[name].double(), full_matrices=False))
        for name, weight in matrices(after).items()
    }


def energies(values: Tensor, ranks: Sequence[int]) -> list[float]:
    """Return which share of the sum of squares the first r singular values hold, for each r.

    Args:
        values: Singular values, descending.
        ranks: Values of r; beyond the last singular value the share is 1.
    """
    squares = values.double().square()
    total = float(squares.sum())
    return [float(squares[:rank].sum()) / total if total else 1.0 for rank in ranks]


def floor(rows: int, columns: int, ranks: Sequence[int], *, matrices_drawn: int = 8) -> list[float]:
    """Return the mean :func:`energies` of Gaussian matrices of a shape: what says nothing about structure."""
    draws = generator("floor", rows, columns)
    found = torch.zeros(len(ranks), dtype=torch.float64)
    for _ in range(matrices_drawn):
        drawn = torch.randn(rows, columns, generator=draws, dtype=torch.float64)
        found += torch.tensor(energies(torch.linalg.svdvals(drawn), ranks), dtype=torch.float64)
    return [float(each) for each in found / matrices_drawn]


@torch.no_grad()
def with_rank(before: Decoder, factors: Mapping[str, Factors], rank: int) -> Decoder:
    """Return a model whose matrices have changed by their updates cut to a rank; 0 gives it unchanged."""
    model = deepcopy(before)
    for name, weight in matrices(model).items():
        weight.add_(factors[name].truncated(rank).to(weight.dtype))
    return model


def kind(name: str) -> str:
    """Return the type of a matrix, such as ``"q_proj"``, from its name."""
    return name.removesuffix(".weight").rpartition(".")[2]
