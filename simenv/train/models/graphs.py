"""CUDA graphs of the step in which every lane reads one token.

A small decoder's step is hundreds of kernels of microseconds each, and launching them takes longer than
running them. A graph launches all of them at once. One is captured per number of lanes and number of tokens
that are looked at, both rounded up, and replayed whenever they come again. Weights are read where they lie,
so what is written into them between steps counts. Without CUDA the same step is simply made.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simenv.core.errors import UsageError
from simenv.train.models.lanes import Cache
from simenv.train.models.model import Decoder

LANES = 16
"""The fewest lanes of a graph; more come in powers of two."""
SEEN = 128
"""Tokens that are looked at come in multiples of it."""
_WARM = 2
"""Steps before a capture: kernels are chosen and their memory is taken then."""


@dataclass(slots=True)
class _Captured:
    """A captured step: where it reads tokens, positions and who is active, and where it leaves its result."""

    graph: torch.cuda.CUDAGraph
    given: Tensor
    hidden: Tensor


class Graphs:
    """The single-token step of a decoder, captured where there is CUDA.

    Args:
        model: The decoder. Its weights may change, but only in place; where they are moved, or an adapter is
            switched on or off, graphs are captured anew with the next cache.

    Attributes:
        captured: How many graphs were captured so far.
        replayed: How many steps were replayed.
    """

    def __init__(self, model: Decoder) -> None:
        self.model = model
        self.captured = self.replayed = 0
        self._cache: Cache | None = None
        self._lanes = self._room = 0
        self._graphs: dict[tuple[int, int], _Captured] = {}
        self._weights: Hashable = None
        self._pool: Any = None

    def cache(self, lanes: int, room: int) -> Cache:
        """Return a cache with nothing in it; what the last one held is lost, since its memory is used again.

        Args:
            lanes: At least so many lanes.
            room: Of so many tokens.
        """
        weights = _place_of(self.model)
        if self._cache is None or lanes > self._lanes or room != self._room or weights != self._weights:
            # What was captured reads a cache or weights whose memory is another's by now.
            self._graphs, self._pool = {}, None
            self._weights, self._lanes, self._room = weights, _bucket(lanes), room
            # One token more than there is room for: where lanes write that do not take part.
            self._cache = self.model.new_cache(self._lanes, room + 1)
            self._cache.rows = None
        for part in self._cache.states:
            part.zero_()  # keys and values are written before they are seen, but the first token has a tail
        return self._cache

    def step(self, tokens: Sequence[int], slots: Sequence[int], reads: Sequence[int]) -> Tensor:
        """Read one token into each of some lanes of the last cache; the others stay as they are.

        Args:
            tokens: [n].
            slots: Which lanes, all different, [n].
            reads: How many tokens each holds already, less than the cache's room, [n].

        Returns:
            The hidden state of each, [n, width].

        Raises:
            UsageError: If there is no cache yet, or a lane is full.
        """
        cache = self._cache
        if cache is None or max(reads) >= self._room:
            raise UsageError(
                f"a step needs a cache from cache() and lanes with room for one more token than they hold; "
                f"got lanes of {max(reads)} tokens with room for {self._room}"
            )
        lanes = min(_bucket(max(slots) + 1), self._lanes)
        seen = min(-(-(max(reads) + 1) // SEEN) * SEEN, self._room)
        given = torch.zeros((3, lanes), dtype=torch.long)
        given[1] = self._room
        places = torch.tensor(slots)
        given[:, places] = torch.tensor([tokens, reads, [1] * len(slots)])
        device = self.model.head.device
        if device.type != "cuda":
            return self._made(given, seen, cache)[places]
        found = self._graphs.get((lanes, seen)) or self._capture(given.to(device), seen, cache)
        found.given.copy_(given.pin_memory(), non_blocking=True)
        found.graph.replay()
        self.replayed += 1
        return found.hidden[places.to(device)]

    def _made(self, given: Tensor, seen: int, cache: Cache) -> Tensor:
        return self.model.step(given[0], given[1], given[2] > 0, cache, seen)

    def _capture(self, given: Tensor, seen: int, cache: Cache) -> _Captured:
        """Record the step; while it warms up no lane takes part, so nothing is read twice."""
        given = given.clone()
        given[1], given[2] = self._room, 0
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM):
                self._made(given, seen, cache)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            hidden = self._made(given, seen, cache)
        # Graphs never run at the same time, so they share one pool of memory.
        self._pool = self._pool or graph.pool()
        found = self._graphs[given.shape[1], seen] = _Captured(graph, given, hidden)
        self.captured += 1
        return found


def graphs_of(model: object) -> Graphs | None:
    """Return graphs for a decoder of our own on CUDA; None where reading token by token needs none."""
    return Graphs(model) if isinstance(model, Decoder) and model.head.is_cuda else None


def _bucket(lanes: int) -> int:
    return max(LANES, 1 << (lanes - 1).bit_length())


def _place_of(model: nn.Module) -> Hashable:
    """Return where the weights lie and which adapters are on: what a captured graph has baked in."""
    places = tuple(each.data_ptr() for each in model.parameters())
    switches = tuple(each.disable_adapters for each in model.modules() if hasattr(each, "disable_adapters"))
    return (places, switches)
