"""What a batch of lanes has read, and where the tokens of one more pass over them stand."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Layer = tuple[Tensor, Tensor, Tensor]
"""Keys, values and tail of one layer of a cache."""
_HOLES = 1.3
"""Rows that are looked at for each lane that is read, at most."""


@dataclass(slots=True)
class Cache:
    """What a batch of lanes has read.

    Attributes:
        keys: One tensor per layer, [rows, groups, room, head].
        values: The same.
        tails: One tensor per layer, [rows, taps + 1, width]: what the last tokens brought to the layer.
        heard: What was heard so far, [rows, heard], or None where nobody listens.
        rows: The row of each lane, [lanes], or None where lane n is row n and stays there.
    """

    keys: list[Tensor]
    values: list[Tensor]
    tails: list[Tensor]
    heard: Tensor | None = None
    rows: Tensor | None = None

    def row_of(self, lanes: Tensor) -> Tensor:
        """Return the rows of lanes [n]."""
        return lanes if self.rows is None else self.rows[lanes]

    @property
    def states(self) -> list[Tensor]:
        """What each row holds besides its tokens, [rows, ...] each; where nothing was read it is 0."""
        return self.tails if self.heard is None else [*self.tails, self.heard]

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        """Copy the first ``upto`` tokens of lanes ``source`` [n] to lanes ``target`` [n]."""
        source, target = self.row_of(source), self.row_of(target)
        for part in (*self.keys, *self.values):
            part[target, :, :upto] = part[source, :, :upto]
        for part in self.states:
            part[target] = part[source]

    def clear_lanes(self, lanes: Tensor) -> None:
        """Let lanes [n] be read into from the beginning: keys and values are written before they are seen."""
        for part in self.states:
            part[self.row_of(lanes)] = 0

    def gather(self, lanes: Tensor) -> None:
        """Let lanes [n] change places with others, if need be, so that they lie close."""
        if self.rows is None or int(self.rows[lanes].max()) < len(lanes) * _HOLES:
            return
        among = torch.zeros(len(self.rows), dtype=torch.bool)
        among[self.rows[lanes]] = True
        far = among[len(lanes) :].nonzero()[:, 0] + len(lanes)
        free = (~among[: len(lanes)]).nonzero()[:, 0]
        order = torch.arange(len(among))
        order[far], order[free] = free, far
        moved, away = torch.cat((far, free)), torch.cat((free, far))
        for part in (*self.keys, *self.values, *self.states):
            part[away] = part[moved]
        self.rows = order[self.rows]


@dataclass(slots=True)
class Reach:
    """Where the tokens of one cached pass stand.

    Attributes:
        lanes: Which rows of the cache are read into, [n].
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

    def look(self, q: Tensor, k: Tensor, v: Tensor, layer: Layer, mask: Tensor | None) -> Tensor:
        """Write new keys and values to a cache and return what queries find there."""
        seen = []
        for store, new in zip(layer, (k, v), strict=False):
            store[self.lanes[self.rows], :, self.positions] = new[self.rows, :, self.columns]
            seen.append(store[self.lanes, :, : self.seen])
        return attend(q, seen[0], seen[1], mask)


@dataclass(slots=True)
class Point:
    """Where one token of each of some lanes stands.

    Attributes:
        lanes: Which rows of the cache, [n].
        positions: Of the token in its lane, [n].
        top: One more than the last of the rows.
        seen: How many tokens of a lane are looked at.
    """

    lanes: Tensor
    positions: Tensor
    top: int
    seen: int

    def behind(self, tail: Tensor, x: Tensor) -> Tensor:
        """Put the old tails [lanes, taps + 1, width] before new tokens, and remember the new tails."""
        whole = torch.cat((tail[self.lanes], x), 1)
        tail[self.lanes] = whole[:, 1:]
        return whole

    def look(self, q: Tensor, k: Tensor, v: Tensor, layer: Layer, mask: Tensor | None) -> Tensor:
        """Write new keys and values to a cache and return what queries find there."""
        keys, values, _ = layer
        keys[self.lanes, :, self.positions] = k[:, :, 0]
        values[self.lanes, :, self.positions] = v[:, :, 0]
        # The cache is read in place: a copy costs more than the lanes between those that are read.
        every = q.new_zeros((self.top, *q.shape[1:]))
        every[self.lanes] = q
        found = attend(every, keys[: self.top, :, : self.seen], values[: self.top, :, : self.seen], mask)
        return found[self.lanes]


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

    def look(self, q: Tensor, k: Tensor, v: Tensor, layer: Layer, mask: Tensor | None) -> Tensor:
        """Write new keys and values to a cache and return what queries find there."""
        keys, values, _ = layer
        keys[self.lanes, :, self.positions] = k[:, :, 0]
        values[self.lanes, :, self.positions] = v[:, :, 0]
        return attend(q, keys[: len(q), :, : self.seen], values[: len(q), :, : self.seen], mask)


@dataclass(slots=True)
class Chosen:
    """The tokens whose hidden states are wanted: in the last layer no other has to look back.

    Attributes:
        columns: Where they are in each row, [batch, most], then any.
        real: Which of ``columns`` are wanted, boolean [batch, most].
        mask: What ``sight`` says of them.
    """

    columns: Tensor
    real: Tensor
    mask: Tensor

    @classmethod
    def of_mask(cls, chosen: Tensor, dtype: torch.dtype) -> "Chosen":
        """Return the tokens where a mask [batch, tokens] is true."""
        counts = chosen.sum(1)
        most = max(int(counts.max()), 1)
        columns = chosen.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
        real = torch.arange(most, device=chosen.device) < counts[:, None]
        return cls(columns, real, sight(columns, chosen.shape[1], dtype))

    def of(self, x: Tensor) -> Tensor:
        """Return them [batch, most, width] of all tokens [batch, tokens, width]."""
        return x.gather(1, self.columns[..., None].expand(-1, -1, x.shape[2]))

    def asking(self, x: Tensor, frame: "Frame") -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return them, and the cosines and sines of their positions."""
        return self.of(x), (frame.cos[0][self.columns], frame.sin[0][self.columns])


@dataclass(slots=True)
class Frame:
    """What all layers of one pass share.

    Attributes:
        cos: Cosines of the rotary positions, [batch or 1, tokens, 1, turning / 2].
        sin: Sines, the same.
        mask: What ``sight`` says that each token sees, or None for all to its left.
        reach: Where the tokens stand, if a cache is read.
        last: Which tokens look back, if not all do.
    """

    cos: Tensor
    sin: Tensor
    mask: Tensor | None = None
    reach: Reach | Point | Stand | None = None
    last: Chosen | None = None


def sight(positions: Tensor, seen: int, dtype: torch.dtype) -> Tensor:
    """Return what to add to scores, 0 or -inf, [n, 1, tokens, seen], of tokens at positions [n, tokens]."""
    hidden = torch.arange(seen, device=positions.device) > positions[..., None]
    found = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return found.masked_fill_(hidden, -torch.inf)[:, None]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Return what queries [n, heads, tokens, head] find among keys and values [n, groups, seen, head]."""
    spread = q.shape[1] // k.shape[1]
    if q.shape[2] == 1 and mask is not None:
        # The heads of a group look like tokens of one head, so that the cache is not copied for each.
        few = q.reshape(len(q), k.shape[1], spread, -1)
        seen = mask.expand(-1, -1, spread, -1)
        return F.scaled_dot_product_attention(few, k, v, attn_mask=seen).reshape(q.shape)
    if spread > 1:
        k, v = k.repeat_interleave(spread, 1), v.repeat_interleave(spread, 1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
