"""What a batch of lanes has read, and where the tokens of one more pass over them stand."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(slots=True)
class Cache:
    """What a batch of lanes has read.

    Attributes:
        keys: One tensor per layer, [lanes, groups, room, head].
        values: The same.
        tails: One tensor per layer, [lanes, taps + 1, width]: what the last tokens brought to the layer.
    """

    keys: list[Tensor]
    values: list[Tensor]
    tails: list[Tensor]

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        """Copy the first ``upto`` tokens of lanes ``source`` [n] to lanes ``target`` [n]."""
        for keys, values, tail in zip(self.keys, self.values, self.tails, strict=True):
            keys[target, :, :upto] = keys[source, :, :upto]
            values[target, :, :upto] = values[source, :, :upto]
            tail[target] = tail[source]

    def clear_lanes(self, lanes: Tensor) -> None:
        """Let lanes [n] be read into from the beginning: keys and values are written before they are seen."""
        for tail in self.tails:
            tail[lanes] = 0


@dataclass(slots=True)
class Reach:
    """Where the tokens of one cached pass stand.

    Attributes:
        lanes: Which lanes are read into, [n].
        rows: Row of each real token, [real].
        columns: Its column in the pass, [real].
        positions: Its position in the lane, [real].
        tail: Columns, behind the old tail, of the new tail of each row, [n, taps + 1].
        seen: How many tokens of a lane are looked at.
    """

    lanes: Tensor
    rows: Tensor
    columns: Tensor
    positions: Tensor
    tail: Tensor
    seen: int

    def behind(self, tail: Tensor, x: Tensor) -> Tensor:
        """Put the old tails [lanes, taps + 1, width] before new tokens, and remember the new tails."""
        whole = torch.cat((tail[self.lanes], x), 1)
        tail[self.lanes] = whole.gather(1, self.tail[..., None].expand(-1, -1, x.shape[2]))
        return whole

    def through(self, store: Tensor, new: Tensor) -> Tensor:
        """Write new keys or values [n, groups, tokens, head] to a cache and return what is seen."""
        store[self.lanes[self.rows], :, self.positions] = new[self.rows, :, self.columns]
        return store[self.lanes, :, : self.seen]


@dataclass(slots=True)
class Stand:
    """Where one token of each of the first lanes stands; no shape depends on what is in it.

    Attributes:
        lanes: 0, 1, ... n - 1, [n].
        positions: Of the token in its lane, [n].
        active: Which lanes really read one, [n, 1, 1]. The others write where nobody looks.
        seen: How many tokens of a lane are looked at.
    """

    lanes: Tensor
    positions: Tensor
    active: Tensor
    seen: int

    def behind(self, tail: Tensor, x: Tensor) -> Tensor:
        """Put the old tails [lanes, taps + 1, width] before new tokens, and remember the new tails."""
        old = tail[: len(x)]
        whole = torch.cat((old, x), 1)
        old.copy_(torch.where(self.active, whole[:, 1:], old))
        return whole

    def through(self, store: Tensor, new: Tensor) -> Tensor:
        """Write new keys or values [n, groups, 1, head] to a cache and return what is seen."""
        store[self.lanes, :, self.positions] = new[:, :, 0]
        return store[: len(new), :, : self.seen]


@dataclass(slots=True)
class Frame:
    """What all layers of one pass share.

    Attributes:
        cos: Cosines of the rotary positions, [batch or 1, 1, tokens, turning / 2].
        sin: Sines, the same.
        mask: What each token sees, boolean [batch, 1, tokens, seen], or None for all to its left.
        reach: Where the tokens stand, if a cache is read.
    """

    cos: Tensor
    sin: Tensor
    mask: Tensor | None = None
    reach: Reach | Stand | None = None
