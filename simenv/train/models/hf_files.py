"""The files of a transformers checkpoint, looked at before anything is loaded from them."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, PreTrainedConfig

from simenv.core.errors import DataError, UsageError

KINDS = ("llama", "mistral", "qwen2", "qwen3")
"""Types of models that are known to give the same numbers through the cache as without it."""
_FULL = "full_attention"
_GROWING = ("dynamic", "longrope")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_INDEX = "model.safetensors.index.json"
AGAIN = "Copy the checkpoint again."


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
    refuse_kind(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


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
