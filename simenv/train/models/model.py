"""A small decoder of our own, trained from nothing, and its cache.

RMSNorm, rotary positions, grouped queries with normalised queries and keys, SwiGLU, tied embeddings: the
Qwen3 shape. Four things make it learn from hundreds of episodes what would else take many thousands; each is
off in shapes that are to equal ``Qwen3ForCausalLM``:

- *local taps*: before attention every channel adds a learned share of the last tokens' values;
- *smeared keys*: half of the heads mix each key with the key of the token before, so that one layer can look
  for what came after this token the last time;
- *copying from the start*: queries begin equal to keys, and what a head puts out begins as the transpose of
  what it takes in, so an untrained head already repeats what it has found. Codes are copied from the first
  hundred episodes on. A part of each head is left without rotary position, or distance would hide a match;
- *hearing*: every token is told who speaks and what the customer has said, and one head of the middle layer
  begins by looking at that; see ``hearing``.

Source:
    Olsson et al. (2022), "In-context Learning and Induction Heads", for smeared keys;
    Allen-Zhu (2025), "Physics of Language Models: Part 4.1", for local taps.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from simenv.core.errors import UnknownNameError
from simenv.train.models.fused import rms_norm, rotate, with_before
from simenv.train.models.hearing import USER, WORD, Hearing
from simenv.train.models.lanes import Cache, Chosen, Frame, Layer, Point, Reach, Stand, attend, sight

EPS = 1e-6
_TOKEN, _WORD = 0.02, 0.1
"""Size of the first weights of tokens and roles, and of the customer's words."""
_FIRST = {
    "embed_tokens.weight": _TOKEN,
    "hearing.roles.weight": _TOKEN,
    "hearing.words.weight": _WORD,
    "hearing.sense": WORD**-0.5,
}
_ASKING = 2.0
"""How far the head that listens prefers what the customer says."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a decoder.

    Attributes:
        width: Of the residual stream.
        layers: Number of blocks.
        heads: Query heads.
        groups: Key and value heads; ``heads`` is a multiple of it.
        head: Width of one head, even.
        hidden: Width of the SwiGLU layer.
        taps: How many tokens back the local taps reach, 0 for none.
        copying: Whether keys are smeared, heads begin as copiers and tokens know who says them.
        rotary: Leading channels of a head that turn with position, even; 0 means all.
        theta: Base of the rotary positions.
    """

    width: int
    layers: int
    heads: int
    groups: int
    head: int
    hidden: int
    taps: int = 3
    copying: bool = True
    rotary: int = 0
    theta: float = 10_000.0

    @property
    def turning(self) -> int:
        """How many channels of a head turn with position."""
        return self.rotary or self.head


SHAPES = {
    "0.3m": Shape(width=64, layers=3, heads=4, groups=2, head=16, hidden=176, rotary=8),
    "1m": Shape(width=128, layers=3, heads=2, groups=2, head=32, hidden=256, rotary=16),
    "1mb": Shape(width=128, layers=4, heads=4, groups=2, head=32, hidden=352, rotary=16),
    "5m": Shape(width=256, layers=6, heads=4, groups=2, head=64, hidden=704, rotary=32),
    "20m": Shape(width=512, layers=7, heads=8, groups=4, head=64, hidden=1408, rotary=32),
    "qwen3-0.6b": Shape(1024, 28, 16, 8, 128, 3072, taps=0, copying=False, theta=1_000_000.0),
}


def shape(name: str) -> Shape:
    """Return the shape of that name.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in SHAPES:
        raise UnknownNameError("size of the small decoder", name, SHAPES)
    return SHAPES[name]


class Norm(nn.Module):
    """Root mean square normalisation with a gain."""

    def __init__(self, width: int, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), gain))

    @override
    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, EPS)


class Attention(nn.Module):
    """Grouped-query attention with normalised queries and keys."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        gain = 1.5 if shape.copying else 1.0  # a match must stand out from the first step on
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head, bias=shape.copying)
        self.k_proj = nn.Linear(shape.width, shape.groups * shape.head, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.groups * shape.head, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head, shape.width, bias=False)
        self.q_norm, self.k_norm = Norm(shape.head, gain), Norm(shape.head, gain)
        if shape.taps:
            self.taps = nn.Parameter(torch.zeros(shape.taps, shape.width))
        if shape.copying:
            # Half of the heads start with mostly the key before, half with mostly their own.
            mix = torch.tensor([2.0 if at % 2 == 0 else -2.0 for at in range(shape.groups)])
            self.mix = nn.Parameter(mix[:, None, None])

    @override
    def forward(self, x: Tensor, frame: Frame, layer: Layer | None) -> Tensor:
        s, (batch, tokens, _) = self.shape, x.shape
        x = self._tapped(x, frame, layer)
        lead = x.shape[1] - tokens
        asking, (cos, sin) = (
            (x, (frame.cos, frame.sin)) if frame.last is None else frame.last.asking(x, frame)
        )
        q = self.q_proj(asking).view(batch, -1, s.heads, s.head)[:, lead:]
        v = self.v_proj(x).view(batch, -1, s.groups, s.head)[:, lead:].transpose(1, 2)
        k = self._smeared(self.k_proj(x).view(batch, -1, s.groups, s.head))[:, lead:]
        q = rotate(self.q_norm(q), cos, sin).transpose(1, 2)
        k = rotate(self.k_norm(k), frame.cos, frame.sin).transpose(1, 2)
        if layer is not None and frame.reach is not None:
            found = frame.reach.look(q, k, v, layer, frame.mask)
        else:
            found = attend(q, k, v, frame.mask)
        out: Tensor = self.o_proj(found.transpose(1, 2).flatten(2))
        return out

    def _tapped(self, x: Tensor, frame: Frame, layer: Layer | None) -> Tensor:
        """Add a share of the tokens before, channel by channel.

        Behind a cache one token more comes out, in front: the last one before, for its key.
        """
        s = self.shape
        reach = frame.reach if layer is not None and (s.taps or s.copying) else None
        if layer is not None and reach is not None:
            x = reach.behind(layer[2], x)
        if s.taps:
            x = with_before(x, None, self.taps)
        return x if reach is None else x[:, s.taps :].contiguous()

    def _smeared(self, k: Tensor) -> Tensor:
        """Mix every key [batch, tokens, groups, head] with the one before; the first of all has none."""
        if not self.shape.copying:
            return k
        share = torch.sigmoid(self.mix)[:, :, 0]
        return with_before(k, 1 - share, share[None])


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """Attention and SwiGLU, each behind a norm and beside the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm, self.self_attn = Norm(shape.width), Attention(shape)
        self.post_attention_layernorm, self.mlp = Norm(shape.width), Mlp(shape)

    @override
    def forward(self, x: Tensor, frame: Frame, layer: Layer | None) -> Tensor:
        found = self.self_attn(self.input_layernorm(x), frame, layer)
        x = (x if frame.last is None else frame.last.of(x)) + found
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Decoder(nn.Module):
    """The decoder: token ids to hidden states; the head is the embedding.

    Args:
        shape: Its size.
        vocab: Number of token ids.
        seed: Of the first weights.
        room: Longest episode, in tokens.
    """

    def __init__(self, shape: Shape, vocab: int, *, seed: int = 0, room: int = 4096) -> None:
        super().__init__()
        self.shape, self.vocab, self.room = shape, vocab, room
        self.embed_tokens = nn.Embedding(vocab, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)
        if shape.copying:
            self.hearing = Hearing(vocab, shape.width)
        rate = shape.theta ** (-torch.arange(0, shape.turning, 2).float() / shape.turning)
        angle = torch.arange(room).float()[:, None] * rate
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        with torch.no_grad():
            self._begin(torch.Generator().manual_seed(seed))

    def _begin(self, generator: torch.Generator) -> None:
        """Draw the first weights."""
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                weight.zero_()
            elif name.endswith("taps"):
                weight.uniform_(-0.3, 0.3, generator=generator)
            elif weight.dim() == 2:
                scale = _FIRST.get(name, 0.7 * weight.shape[1] ** -0.5)
                weight.normal_(std=scale, generator=generator)
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    weight.mul_(0.3)
        if self.shape.copying:
            for block in self.layers:
                _begin_copying(block.self_attn, self.shape)  # type: ignore[arg-type]
            middle: Attention = self.layers[(len(self.layers) - 1) // 2].self_attn  # type: ignore[assignment]
            _begin_listening(middle, self.shape, self.hearing.roles.weight[USER], generator)

    @property
    def head(self) -> Tensor:
        """The weight of the language-model head, [vocab, width]."""
        return self.embed_tokens.weight

    @override
    def forward(self, ids: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Return hidden states [batch, tokens, width] of token ids [batch, tokens], padded on the right.

        Args:
            ids: Of episodes.
            chosen: Which hidden states are wanted, boolean [batch, tokens]; then they come as [n, width], and
                in the last layer no other token looks back.
        """
        tokens = ids.shape[1]
        frame = Frame(self.cos[None, :tokens, None], self.sin[None, :tokens, None])
        heard = self.hearing.listen(ids, self.hearing.nothing(len(ids))) if self.shape.copying else None
        x = self._read(ids, heard)
        last = None if chosen is None else Chosen.of_mask(chosen, x.dtype)
        for at, block in enumerate(self.layers, 1):
            if last and at == len(self.layers):
                frame = Frame(frame.cos, frame.sin, last.mask, last=last)
            x = block(x, frame, None)
        out: Tensor = self.norm(x if last is None else x[last.real])
        return out

    def _read(self, ids: Tensor, heard: Tensor | None) -> Tensor:
        """Return what tokens [n, tokens] bring to the first layer, given what was heard up to each."""
        x: Tensor = self.embed_tokens(ids)
        return x if heard is None else x + self.hearing(heard)

    def new_cache(self, lanes: int, room: int) -> Cache:
        """Return an empty cache of so many lanes of so many tokens."""
        s, like = self.shape, self.embed_tokens.weight
        full, tail = (lanes, s.groups, room, s.head), (lanes, s.taps + 1, s.width)

        def empty(size: tuple[int, ...]) -> list[Tensor]:
            return [torch.zeros(size, device=like.device, dtype=like.dtype) for _ in range(s.layers)]

        # A graph has its rows baked in; without one it pays to keep those that are read together.
        rows = None if like.is_cuda else torch.arange(lanes)
        heard = self.hearing.nothing(lanes) if s.copying else None
        return Cache(empty(full), empty(full), empty(tail), heard, rows)

    @torch.no_grad()
    def extend(self, ids: Tensor, lengths: Tensor, starts: Tensor, lanes: Tensor, cache: Cache) -> Tensor:
        """Read more tokens into lanes of a cache and return the last hidden state of each, [n, width].

        Args:
            ids: [n, tokens], padded on the right.
            lengths: How many of each row are real, [n], at least 1.
            starts: How many tokens each lane holds already, [n].
            lanes: Which lanes, [n].
            cache: Is changed.
        """
        columns = torch.arange(ids.shape[1], device=ids.device)
        positions = (starts[:, None] + columns).clamp(max=self.room - 1)
        seen = int((starts + lengths).max())
        if ids.shape[1] == 1 and cache.rows is not None:
            cache.gather(lanes)
            at = cache.row_of(lanes)
            top = int(at.max()) + 1
            reach: Reach | Point = Point(at, positions[:, 0], top, seen)
            every = torch.zeros((top, 1), dtype=torch.long)
            every[at] = positions
            mask = sight(every, seen, self.head.dtype)
        else:
            rows, at = (columns < lengths[:, None]).nonzero(as_tuple=True)
            tail = lengths[:, None] + torch.arange(self.shape.taps + 1, device=ids.device)
            reach = Reach(cache.row_of(lanes), rows, at, positions[rows, at], tail, seen)
            mask = sight(positions, seen, self.head.dtype)
        frame = Frame(self.cos[positions][:, :, None], self.sin[positions][:, :, None], mask, reach)
        x = self._read(ids, self._heard(ids, lengths, cache.row_of(lanes), cache))
        for block, *layer in zip(self.layers, cache.keys, cache.values, cache.tails, strict=True):
            x = block(x, frame, tuple(layer))
        ends = x[torch.arange(len(x), device=ids.device), lengths - 1]
        out: Tensor = self.norm(ends)
        return out

    def _heard(self, ids: Tensor, lengths: Tensor, rows: Tensor, cache: Cache) -> Tensor | None:
        """Return what was heard up to each token, and remember it up to the last of each row."""
        if cache.heard is None:
            return None
        heard = self.hearing.listen(ids, cache.heard[rows])
        cache.heard[rows] = heard[torch.arange(len(ids), device=ids.device), lengths - 1]
        return heard

    @torch.no_grad()
    def step(self, tokens: Tensor, positions: Tensor, active: Tensor, cache: Cache, seen: int) -> Tensor:
        """Read one token into each of the first lanes of a cache; return their hidden states, [n, width].

        As ``extend`` does, but every shape is fixed by ``n`` and ``seen``, and nothing is looked at from
        outside, so that a CUDA graph can be made of it.

        Args:
            tokens: [n]; of a lane that is not active, any.
            positions: How many tokens each lane holds, [n], below the cache's room; of a lane that is not
                active, any that its next token will overwrite or that is never looked at.
            active: Which lanes read their token, [n], boolean. The hidden state of the others means nothing.
            cache: Is changed; what a lane that is not active has read stays. Lane n must be its row n.
            seen: How many tokens of a lane are looked at, more than any active position.
        """
        lanes = torch.arange(len(tokens), device=tokens.device)
        mask = sight(positions[:, None], seen, self.head.dtype)
        stand = Stand(lanes, positions, active[:, None, None], seen)
        turned = positions.clamp(max=self.room - 1)
        cos, sin = self.cos[turned][:, None, None], self.sin[turned][:, None, None]
        frame = Frame(cos, sin, mask, stand)
        heard = None
        if cache.heard is not None:
            old = cache.heard[: len(tokens)]
            heard = self.hearing.listen(tokens[:, None], old)
            old.copy_(torch.where(active[:, None], heard[:, 0], old))
        x = self._read(tokens[:, None], heard)
        for block, *layer in zip(self.layers, cache.keys, cache.values, cache.tails, strict=True):
            x = block(x, frame, tuple(layer))
        out: Tensor = self.norm(x[:, 0])
        return out


def _begin_copying(part: Attention, shape: Shape) -> None:
    """Let queries look for keys like themselves, and put out what was found there."""
    spread = shape.heads // shape.groups
    keys = part.k_proj.weight.view(shape.groups, shape.head, -1).repeat_interleave(spread, 0)
    values = part.v_proj.weight.view(shape.groups, shape.head, -1).repeat_interleave(spread, 0)
    part.q_proj.weight.copy_(keys.reshape_as(part.q_proj.weight))
    part.o_proj.weight.copy_(values.reshape(shape.heads * shape.head, -1).T)


def _begin_listening(part: Attention, shape: Shape, customer: Tensor, generator: torch.Generator) -> None:
    """Let the last head look at what the customer says, every token about alike, and put that out."""
    rows = slice((shape.heads - 1) * shape.head, shape.heads * shape.head)
    own = slice((shape.groups - 1) * shape.head, shape.groups * shape.head)
    scale = 0.35 * shape.width**-0.5
    part.q_proj.weight[rows].normal_(std=scale, generator=generator)
    part.k_proj.weight[own].normal_(std=scale, generator=generator)
    # One channel says who speaks: constant in what asks, high where the customer does in what is asked.
    part.q_proj.bias[rows.stop - 1] = _ASKING
    part.k_proj.weight[own.stop - 1] = customer * (_ASKING * _TOKEN * 2**0.5 / customer.norm() ** 2)


def from_qwen3(decoder: Decoder, weights: dict[str, Tensor]) -> None:
    """Load the weights of a ``Qwen3ForCausalLM`` of the same shape into a decoder that is not copying."""
    own = {name.removeprefix("model."): each for name, each in weights.items() if name != "lm_head.weight"}
    decoder.load_state_dict(own)


def parameters_total(model: nn.Module) -> int:
    """Return how many numbers a model holds."""
    return sum(weight.numel() for weight in model.parameters())
