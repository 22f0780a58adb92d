"""The files of a transformers checkpoint, looked at before anything is loaded from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, PreTrainedConfig
from transformers.activations import ACT2FN

from simenv.core.errors import DataError, UsageError

KINDS = ("llama", "mistral", "qwen2", "qwen3")
"""Types of models that are known to give the same numbers through the cache as without it."""
_FULL = "full_attention"
_GROWING = ("dynamic", "longrope")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_INDEX = "model.safetensors.index.json"
AGAIN = "Copy the checkpoint again."
_SIZES = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "max_position_embeddings", "num_key_value_heads", "head_dim",
)  # fmt: skip
_MAY_BE_NULL = ("num_key_value_heads", "head_dim")
MISREAD = (
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    StrictDataclassError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)
"""What transformers raises for a config.json that says what cannot be."""


def refuse_config(folder: Path) -> None:
    """Check that config.json says what can be loaded, before anything else is read.

    Raises:
        UsageError: If there is none, or the model is quantized or of a kind that is not known.
        DataError: If it is damaged.
    """
    if not folder.is_dir():
        raise UsageError(
            f"no folder {folder}; give the folder of a checkpoint on this machine: nothing is downloaded"
        )
    file = folder / "config.json"
    if not file.is_file():
        raise UsageError(f"no config.json in {folder}; save a model there with model.save_pretrained(FOLDER)")
    config = _json(file)
    if config.get("model_type") not in KINDS:
        raise UsageError(_unknown_kind(config.get("model_type")))
    if config.get("quantization_config"):
        raise UsageError(f"the checkpoint in {folder} is quantized; give the one that it was made from")
    _refuse_sizes(config, file)
    try:
        read = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except MISREAD as error:
        raise unreadable(file, error) from error
    refuse_kind(read)
    heads, groups = read.num_attention_heads, read.num_key_value_heads
    if heads % groups:
        problem = f"num_attention_heads is {heads}, not a multiple of num_key_value_heads, {groups}"
        raise DataError(file, 0, problem, AGAIN)


def unreadable(file: Path, error: Exception) -> DataError:
    """Return what tells that transformers cannot make a model of what a config.json says."""
    said = " ".join(str(error).split())[:200]
    problem = f"transformers makes no model of it ({type(error).__name__}: {said})"
    return DataError(file, 0, problem, AGAIN)


def _refuse_sizes(config: Mapping[str, Any], file: Path) -> None:
    """Check what transformers divides by or looks up before it looks whether it can."""
    for name in _SIZES:
        value = config.get(name, 1)
        if value is None and name in _MAY_BE_NULL:
            continue
        if type(value) is not int or value < 1:
            raise DataError(file, 0, f"{name} is a whole number of at least 1, got {value!r}", AGAIN)
    act = config.get("hidden_act", "silu")
    if not isinstance(act, str) or act not in ACT2FN:
        raise DataError(file, 0, f"transformers knows no hidden_act {act!r}", AGAIN)


def refuse_kind(config: PreTrainedConfig) -> None:
    """Refuse a model that cannot be read in lanes.

    Raises:
        UsageError: If it is of another type, or its attention or positions are not kept from token to token.
    """
    if config.model_type not in KINDS:
        raise UsageError(_unknown_kind(config.model_type))
    layers = {*(getattr(config, "layer_types", None) or [_FULL])}
    window = getattr(config, "sliding_window", None) if config.model_type == "mistral" else None
    if layers != {_FULL} or window:
        raise UsageError(
            "layers that look back through a window cannot be read in lanes; give a model with full "
            "attention, or set sliding_window to null in config.json if episodes stay shorter than it"
        )
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if rope in _GROWING:
        raise UsageError(
            f"rotary positions of type {rope!r} change with the length of a text, so nothing that was read "
            "before could be kept; use another rope_type, such as yarn"
        )


def _unknown_kind(kind: object) -> str:
    return (
        f"a checkpoint of type {kind!r} cannot be read in lanes here; known types: {', '.join(KINDS)}. "
        "To let another play, start a server with it and use --agent openai"
    )


def weight_files(folder: Path) -> list[Path]:
    """Return the files of weights, in the order in which transformers looks for them.

    Raises:
        UsageError: If there is none, or they are pickled.
        DataError: If the index is damaged.
    """
    whole, index = folder / "model.safetensors", folder / _INDEX
    if whole.is_file():
        return [whole]
    if not index.is_file():
        pickled = sorted(file.name for pattern in _PICKLED for file in folder.glob(pattern))
        if pickled:
            raise UsageError(
                f"{folder} holds only pickled weights ({pickled[0]}), which can run any code when they are "
                "loaded; save it anew where you trust it: model.save_pretrained(FOLDER) writes safetensors"
            )
        raise UsageError(f"no model.safetensors in {folder}; give the folder of a whole checkpoint")
    named = _json(index).get("weight_map")
    names = sorted({*named.values()}, key=str) if isinstance(named, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise DataError(index, 0, "it names no files of weights beside it", AGAIN)
    return [folder / name for name in names]


def refuse_torn(file: Path) -> None:
    """Refuse a file of weights that is not there or not whole.

    Raises:
        DataError: If so.
    """
    if not file.is_file():
        raise DataError(file, 0, f"it is named in {_INDEX} and not there", AGAIN)
    try:
        with safe_open(file, framework="pt"):
            pass
    except SafetensorError as error:
        raise DataError(file, 0, f"it is half-written or damaged ({error})", AGAIN) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(file, 0, "not JSON", AGAIN) from error
    if not isinstance(found, dict):
        raise DataError(file, 0, "not a JSON object", AGAIN)
    return found
