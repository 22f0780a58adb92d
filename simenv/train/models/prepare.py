"""A model made ready for adapters: its dtype, its memory, and which of its layers take one."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, cast

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from typing_extensions import override

from simenv.core.errors import UnknownNameError, UsageError

ALL_LINEAR = "all-linear"
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}

_DROPS = re.compile("drop(out|$)")
_HEADS = ("lm_head", "head")


def linear_names(model: nn.Module) -> list[str]:
    """Return the names of all linear layers but the head, sorted.

    A head is what transformers calls the output embeddings, what shares its weight with an embedding, or a
    layer named ``lm_head`` or ``head``.
    """
    embeddings = [part.weight for part in model.modules() if isinstance(part, nn.Embedding)]
    output = getattr(model, "get_output_embeddings", None)
    head = output() if callable(output) else None
    return sorted(
        name
        for name, part in model.named_modules()
        if _linear(part)
        and part is not head
        and name.rpartition(".")[2] not in _HEADS
        and not any(part.weight is each for each in embeddings)
    )


def targets_of(model: nn.Module, targets: str | Sequence[str]) -> list[str]:
    """Return the sorted full names of the layers that ``targets`` means.

    Args:
        model: The model.
        targets: ``"all-linear"``, or a list of full names. A string is never read letter by letter.

    Raises:
        UsageError: If there is none, or one is not the name of a linear layer.
    """
    if isinstance(targets, str):
        if targets != ALL_LINEAR:
            raise UsageError(
                f"targets is {ALL_LINEAR!r} or a list of names of layers, got the string {targets!r}; "
                f"give [{targets!r}]"
            )
        names = linear_names(model)
    else:
        known = {name: part for name, part in model.named_modules() if _linear(part)}
        for name in targets:
            if name not in known:
                raise UnknownNameError("linear layer", name, known)
        names = sorted({*targets})
    names = [name for name in names if name]
    if not names:
        raise UsageError(
            f"{type(model).__name__} has no linear layer inside it to put an adapter on; give a model with "
            "nn.Linear layers besides its head"
        )
    return names


def prepare(model: nn.Module, *, dtype: str = "float32", checkpointing: bool = False) -> nn.Module:
    """Cast a model and make it recompute activations in the backward pass; before :func:`attach`.

    Args:
        model: Is changed in place.
        dtype: ``"float32"`` or ``"bfloat16"``. Adapters stay float32.
        checkpointing: Keep only the input of each block while training: less memory, a third more time.

    Raises:
        UsageError: If the model carries adapters, is quantized, or has no list of blocks.
    """
    if dtype not in DTYPES:
        raise UnknownNameError("dtype", dtype, DTYPES)
    if any(isinstance(part, BaseTunerLayer) for part in model.modules()):
        raise UsageError("prepare a model before adapters are attached; they would be cast too")
    if any(_linear(part) and not cast(Tensor, part.weight).is_floating_point() for part in model.modules()):
        raise UsageError("a quantized model has its dtype; pass compute_dtype to quantize_4bit instead")
    model.to(DTYPES[dtype])
    if checkpointing:
        _recompute(model)
    return model


def without_dropout(model: nn.Module) -> None:
    """Set every probability of dropout in a model and in its config to 0, in place.

    The sampler drops nothing out. A trainer that did would hold what was sampled against another policy, and
    the same pass would give other numbers each time. Dropout of the adapters is theirs; see :func:`attach`.
    """
    for part in (*model.modules(), getattr(model, "config", None)):
        if isinstance(part, nn.modules.dropout._DropoutNd):  # noqa: SLF001  the base of every kind
            part.p = 0.0
        for name, value in list(getattr(part, "__dict__", {}).items()):
            # Such as attention_dropout, resid_pdrop, layerdrop.
            if isinstance(value, int | float) and not isinstance(value, bool) and _DROPS.search(name):
                setattr(part, name, 0.0)


def quantize_4bit(path: str, *, compute_dtype: str = "bfloat16") -> nn.Module:
    """Load a local transformers checkpoint with weights of 4 bits (QLoRA), for :func:`attach`.

    Args:
        path: Folder of the checkpoint; nothing is downloaded.
        compute_dtype: ``"float32"`` or ``"bfloat16"``.

    Raises:
        UsageError: If bitsandbytes is not installed.
    """
    if compute_dtype not in DTYPES:
        raise UnknownNameError("dtype", compute_dtype, DTYPES)
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            "4-bit weights need bitsandbytes, which is not installed: pip install bitsandbytes, or load the "
            "model in bfloat16 without quantization"
        )
    # Heavy, and needed by nothing else here.
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPES[compute_dtype],
    )
    model: nn.Module = AutoModelForCausalLM.from_pretrained(
        path, quantization_config=config, dtype=DTYPES[compute_dtype], local_files_only=True
    )
    without_dropout(model)
    return model


class _Recomputed(nn.Module):
    """Put before a block's class: its forward pass is run again in the backward pass."""

    @override
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        plain = super().forward
        if not (self.training and torch.is_grad_enabled()):
            return plain(*args, **kwargs)
        return checkpoint(plain, *args, use_reentrant=False, **kwargs)


def _recompute(model: nn.Module) -> None:
    # transformers knows which of its models may not keep a cache meanwhile; its newer word comes first.
    for word in ("activation_checkpointing", "gradient_checkpointing"):
        enable = getattr(model, f"{word}_enable", None)
        if callable(enable):
            enable(**{f"{word}_kwargs": {"use_reentrant": False}})
            return
    lists = [part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part)]
    if not lists:
        raise UsageError("gradient checkpointing needs a list of blocks (nn.ModuleList); this model has none")
    for block in max(lists, key=len):
        kind = type(block)
        # A class, not a closure: a copy of the model must recompute with its own weights.
        block.__class__ = type(f"Recomputed{kind.__name__}", (_Recomputed, kind), {})


def _linear(part: nn.Module) -> bool:
    # torch's own attention reads the weight of this subclass past the module; an adapter there would be dead.
    return isinstance(part, nn.Linear) and not isinstance(
        part, nn.modules.linear.NonDynamicallyQuantizableLinear
    )
