"""A transformers checkpoint behind the interface of our own decoder: hidden states, head, lanes of a cache.

Only a local folder with safetensors is read: nothing is downloaded, unpickled, or run from the checkpoint.
Attention must reach back to the first token in every layer; models with windows are refused, because a mask
of our own is what lets lanes of different lengths share a pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel, Qwen3Config
from transformers.cache_utils import Cache as TransformersCache
from typing_extensions import override

from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.train.models.checks import refuse_wild
from simenv.train.models.hf_files import (
    AGAIN,
    KINDS,
    MISREAD,
    refuse_config,
    refuse_kind,
    refuse_torn,
    unreadable,
    weight_files,
)
from simenv.train.models.model import shape
from simenv.train.models.prepare import DTYPES, prepare, without_dropout


@dataclass(slots=True)
class Lanes:
    """What a batch of lanes has read.

    Attributes:
        keys: One tensor per layer, [lanes, groups, room, head].
        values: The same.
    """

    keys: list[Tensor]
    values: list[Tensor]

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        """Copy the first ``upto`` tokens of lanes ``source`` [n] to lanes ``target`` [n]."""
        for part in (*self.keys, *self.values):
            part[target, :, :upto] = part[source, :, :upto]

    def clear_lanes(self, lanes: Tensor) -> None:
        """Let lanes [n] be read into from the beginning; what they hold is written before it is seen."""


@dataclass(slots=True)
class _Reach:
    """Where the tokens of one pass stand.

    Attributes:
        lanes: Which lanes are read into, [n].
        rows: Row of each real token, [real].
        columns: Its column in the pass, [real].
        positions: Its position in the lane, [real].
        seen: How many tokens of a lane are looked at.
    """

    lanes: Tensor
    rows: Tensor
    columns: Tensor
    positions: Tensor
    seen: int


class _Window(TransformersCache):
    """What transformers sees of the lanes for the length of one pass."""

    def __init__(self, lanes: Lanes, reach: _Reach) -> None:
        super().__init__(layers=[])
        self._lanes, self._reach = lanes, reach
        self._into = reach.lanes[reach.rows]

    @override
    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write new keys and values [n, groups, tokens, head] to the lanes and return what is seen."""
        reach, seen = self._reach, []
        for store, new in (
            (self._lanes.keys[layer_idx], key_states),
            (self._lanes.values[layer_idx], value_states),
        ):
            store[self._into, :, reach.positions] = new[reach.rows, :, reach.columns]
            seen.append(store[reach.lanes, :, : reach.seen])
        return seen[0], seen[1]


class HfModel(nn.Module):
    """A causal language model of transformers, read as :class:`simenv.train.models.model.Decoder` is.

    Args:
        causal: The model. It is not copied.

    Attributes:
        causal: The model.
        room: Longest episode, in tokens.

    Raises:
        UsageError: If it is not of a kind that can be read in lanes.
    """

    def __init__(self, causal: PreTrainedModel) -> None:
        super().__init__()
        refuse_kind(causal.config)
        self.causal = causal
        self.room: int = causal.config.max_position_embeddings

    @property
    def head(self) -> Tensor:
        """The weight of the language-model head, [vocab, width]; tied or not."""
        output = cast(nn.Linear, self.causal.get_output_embeddings())  # type: ignore[no-untyped-call]
        return output.weight

    @property
    def vocab(self) -> int:
        """Number of token ids; often more than the tokenizer has."""
        return self.head.shape[0]

    @override
    def forward(self, ids: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Return hidden states [batch, tokens, width] of token ids [batch, tokens], padded on the right.

        Args:
            ids: Of episodes.
            chosen: Which hidden states are wanted, boolean [batch, tokens]; then they come as [n, width].

        Raises:
            UsageError: If there are more tokens than the model has positions.
        """
        self._refuse_long(ids.shape[1])
        # Without a mask attention is causal, so no real token sees the padding after it.
        out: Tensor = self.causal.base_model(input_ids=ids, use_cache=False).last_hidden_state
        return out if chosen is None else out[chosen]

    def new_cache(self, lanes: int, room: int) -> Lanes:
        """Return an empty cache of so many lanes of so many tokens."""
        config, like = self.causal.config, self.head
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        full = (lanes, config.num_key_value_heads, room, head)

        def empty() -> list[Tensor]:
            layers = range(config.num_hidden_layers)
            return [torch.zeros(full, device=like.device, dtype=like.dtype) for _ in layers]

        return Lanes(empty(), empty())

    @torch.no_grad()
    def extend(self, ids: Tensor, lengths: Tensor, starts: Tensor, lanes: Tensor, cache: Lanes) -> Tensor:
        """Read more tokens into lanes of a cache and return the last hidden state of each, [n, width].

        Args:
            ids: [n, tokens], padded on the right.
            lengths: How many of each row are real, [n], at least 1.
            starts: How many tokens each lane holds already, [n].
            lanes: Which lanes, [n].
            cache: Is changed.

        Raises:
            UsageError: If a lane grows longer than the model has positions.
        """
        columns = torch.arange(ids.shape[1], device=ids.device)
        positions = (starts[:, None] + columns).clamp(max=self.room - 1)
        rows, at = (columns < lengths[:, None]).nonzero(as_tuple=True)
        seen = int((starts + lengths).max())
        self._refuse_long(seen)
        mask = torch.arange(seen, device=ids.device) <= positions[..., None]
        x = self.causal.base_model(
            input_ids=ids,
            attention_mask=mask[:, None],
            position_ids=positions,
            past_key_values=_Window(cache, _Reach(lanes, rows, at, positions[rows, at], seen)),
            use_cache=True,
        ).last_hidden_state
        ends: Tensor = x[torch.arange(len(x), device=ids.device), lengths - 1]
        return ends

    def _refuse_long(self, tokens: int) -> None:
        if tokens > self.room:
            raise UsageError(f"the model has {self.room} positions, got {tokens} tokens; cut the episode")

    @override
    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> Self:
        # Rates of the rotary positions are float32 in every dtype: rounded, late positions would be others.
        kept = [
            (part, name, rate)
            for part in self.modules()
            for name, rate in part.named_buffers(recurse=False)
            if name.endswith("inv_freq")
        ]
        super()._apply(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        for part, name, rate in kept:
            setattr(part, name, rate.to(getattr(part, name).device))
        return self


def load_hf(
    path: str | Path, *, dtype: str = "float32", device: str = "cpu", checkpointing: bool = False
) -> HfModel:
    """Load a transformers checkpoint from a folder; in evaluation mode, without adapters.

    Args:
        path: The folder, with config.json and safetensors.
        dtype: ``"float32"`` or ``"bfloat16"``.
        device: Such as ``"cpu"`` or ``"cuda"``.
        checkpointing: Keep only the input of each block while training: less memory, a third more time.

    Raises:
        UsageError: If there is no such checkpoint, it is pickled, quantized, or of a kind that is not known.
        DataError: If a file is damaged, or weights are missing or not finite.
    """
    if dtype not in DTYPES:
        raise UnknownNameError("dtype", dtype, DTYPES)
    folder = Path(path)
    refuse_config(folder)
    for file in weight_files(folder):
        refuse_torn(file)
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            attn_implementation="sdpa",
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are told below, with the file's name
            output_loading_info=True,
        )
    except MISREAD as error:
        raise unreadable(folder / "config.json", error) from error
    causal, found = cast(tuple[PreTrainedModel, dict[str, Any]], loaded)
    for word in ("missing", "mismatched"):
        if names := sorted(str(each) for each in found[f"{word}_keys"]):
            problem = f"{len(names)} weights are {word}, such as {names[0]}"
            raise DataError(folder, 0, problem, f"They would be random. {AGAIN}")
    refuse_wild(causal.state_dict().items(), folder)
    return _ready(causal, dtype, device, checkpointing=checkpointing)


def random_hf(
    name: str, dtype: str = "float32", device: str = "cpu", *, seed: int = 0, checkpointing: bool = False
) -> HfModel:
    """Return a Qwen3 model of a known size with random weights, for measurements.

    Args:
        name: Such as ``"qwen3-0.6b"``; see ``simenv.train.models.model.SHAPES``.
        dtype: ``"float32"`` or ``"bfloat16"``.
        device: Where the weights are made.
        seed: Of the weights; other devices draw others.
        checkpointing: As for :func:`load_hf`.

    Raises:
        UnknownNameError: If no size or dtype has that name.
    """
    size = shape(name)
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=size.width,
        intermediate_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.groups,
        head_dim=size.head,
        max_position_embeddings=40_960,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": size.theta},
    )
    return from_config(config, dtype, device, seed=seed, checkpointing=checkpointing)


def from_config(
    config: PreTrainedConfig,
    dtype: str = "float32",
    device: str = "cpu",
    *,
    seed: int = 0,
    checkpointing: bool = False,
) -> HfModel:
    """Return a model with random weights; see :func:`random_hf`.

    Raises:
        UnknownNameError: If no dtype has that name.
        UsageError: If the model cannot be read in lanes.
    """
    if dtype not in DTYPES:
        raise UnknownNameError("dtype", dtype, DTYPES)
    refuse_kind(config)
    place = torch.device(device)
    # transformers draws weights from torch's own generators; what others draw from them stays as it was.
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []), place:
        torch.manual_seed(seed)
        causal = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            config, dtype=DTYPES[dtype], attn_implementation="sdpa"
        )
    return _ready(causal.eval(), dtype, device, checkpointing=checkpointing)


def _ready(causal: PreTrainedModel, dtype: str, device: str, *, checkpointing: bool) -> HfModel:
    without_dropout(causal)
    model = HfModel(causal).to(device)
    # Not transformers' own switch: that one drops the cache of a model in training mode.
    prepare(model, dtype=dtype, checkpointing=checkpointing)
    return model


__all__ = ["KINDS", "HfModel", "Lanes", "from_config", "load_hf", "random_hf"]
