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
        rows: Which rollout of the window each is of, [rows]; several where its context was cut.
        places: Which sequence of the window each is.
    """

    ids: Tensor
    mask: Tensor
    weights: Tensor
    mu: Tensor
    real: Tensor
    rows: Tensor
    places: Sequence[int]

    def flat(self, name: str) -> Tensor:
        """Return a field at the positions that the model said, in row order, [n]."""
        values: Tensor = getattr(self, name)[:, 1:]
        return values[self.mask[:, 1:]]

    @property
    def row_of(self) -> Tensor:
        """Rollout of every token that the model said, [n]."""
        return self.rows[:, None].expand_as(self.ids)[:, 1:][self.mask[:, 1:]]


def batch(
    episodes: Sequence[TokenEpisode],
    places: Sequence[int],
    device: torch.device | str = "cpu",
    *,
    owner: Sequence[int] | None = None,
) -> Batch:
    """Return the episodes at some places as one batch; ``owner`` says of which rollout each of all is."""
    width = max(len(episodes[place]) for place in places)
    rows = [place if owner is None else owner[place] for place in places]

    def padded(values: list[list[float]] | list[list[int]], dtype: torch.dtype) -> Tensor:
        filled = [[*each, *[0] * (width - len(each))] for each in values]
        return torch.tensor(filled, dtype=dtype, device=device)

    chosen = [episodes[place] for place in places]
    return Batch(
        ids=padded([each.ids for each in chosen], torch.long),
        mask=padded([each.mask for each in chosen], torch.bool),
        weights=padded([each.weights for each in chosen], torch.float32),
        mu=padded([each.logps for each in chosen], torch.float32),
        real=padded([[1] * len(each) for each in chosen], torch.bool),
        rows=torch.tensor(rows, device=device),
        places=tuple(places),
    )


def by_length(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Return places grouped so that a padded group holds at most ``most`` tokens, the shortest first.

    Example:
        >>> by_length([5, 1, 4, 2], 6)
        [[1, 3], [2], [0]]
    """
    return in_order(sorted(range(len(lengths)), key=lambda each: (lengths[each], each)), lengths, most)


def in_order(order: Sequence[int], lengths: Sequence[int], most: int) -> list[list[int]]:
    """Return places in groups, one after the other, so that a padded group holds at most ``most`` tokens.

    Example:
        >>> in_order([3, 0, 1, 2], [5, 1, 4, 2], 10)
        [[3, 0], [1, 2]]
    """
    groups: list[list[int]] = []
    widest = 0
    for place in order:
        widest = max(widest, lengths[place])
        if groups and (len(groups[-1]) + 1) * widest <= most:
            groups[-1].append(place)
        else:
            groups.append([place])
            widest = lengths[place]
    return groups


def by_owner(lengths: Sequence[int], owner: Sequence[int], most: int) -> list[list[int]]:
    """Return places as ``by_length`` does, but all of one owner in one group, however many tokens those are.

    Example:
        >>> by_owner([5, 1, 4, 2], [0, 1, 2, 1], 6)
        [[2], [0], [1, 3]]
    """
    alone = [place for place, at in enumerate(owner) if owner.count(at) == 1]
    groups = [[alone[at] for at in group] for group in by_length([lengths[each] for each in alone], most)]
    several = dict.fromkeys(at for at in owner if owner.count(at) > 1)
    return groups + [[place for place, each in enumerate(owner) if each == at] for at in several]


def windows(groups: Sequence[list[int]], order: Sequence[int]) -> Iterator[list[int]]:
    """Yield groups in an order."""
    for at in order:
        yield groups[at]
