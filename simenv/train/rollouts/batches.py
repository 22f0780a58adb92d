"""Token episodes to padded tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simenv.train.chat.tokens import TokenEpisode


@dataclass(slots=True)
class Batch:
    """Episodes side by side, padded on the right with token 0.

    Attributes:
        ids: [rows, tokens].
        mask: Whether the model said the token, [rows, tokens], boolean.
        weights: Weight in a demonstration's loss, [rows, tokens].
        mu: The sampler's log-probability, [rows, tokens], 0 where there is none.
        real: Whether it is a token of an episode, [rows, tokens], boolean.
        rows: Which episodes of the window these are.
    """

    ids: Tensor
    mask: Tensor
    weights: Tensor
    mu: Tensor
    real: Tensor
    rows: Tensor

    def flat(self, name: str) -> Tensor:
        """Return a field at the positions that the model said, in row order, [n]."""
        values: Tensor = getattr(self, name)[:, 1:]
        return values[self.mask[:, 1:]]

    @property
    def row_of(self) -> Tensor:
        """Episode of every token that the model said, [n]."""
        return self.rows[:, None].expand_as(self.ids)[:, 1:][self.mask[:, 1:]]


def batch(episodes: Sequence[TokenEpisode], rows: Sequence[int], device: torch.device | str = "cpu") -> Batch:
    """Return those episodes as one batch."""
    width = max(len(episodes[row]) for row in rows)

    def padded(values: list[list[float]] | list[list[int]], dtype: torch.dtype) -> Tensor:
        filled = [[*each, *[0] * (width - len(each))] for each in values]
        return torch.tensor(filled, dtype=dtype, device=device)

    chosen = [episodes[row] for row in rows]
    return Batch(
        ids=padded([each.ids for each in chosen], torch.long),
        mask=padded([each.mask for each in chosen], torch.bool),
        weights=padded([each.weights for each in chosen], torch.float32),
        mu=padded([each.logps for each in chosen], torch.float32),
        real=padded([[1] * len(each) for each in chosen], torch.bool),
        rows=torch.tensor(list(rows), device=device),
    )


def by_length(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Return places grouped so that a padded group holds at most ``most`` tokens, the shortest first.

    Example:
        >>> by_length([5, 1, 4, 2], 6)
        [[1, 3], [2], [0]]
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda each: (lengths[each], each)):
        if groups and (len(groups[-1]) + 1) * lengths[place] <= most:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def windows(groups: Sequence[list[int]], order: Sequence[int]) -> Iterator[list[int]]:
    """Yield groups in an order."""
    for at in order:
        yield groups[at]
