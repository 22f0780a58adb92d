"""rsLoRA by peft: a policy that learns, a frozen reference beside it, and the proof of which one was used.

Any ``nn.Module`` with linear layers will do, with or without a transformers config. The scale of an adapter
is ``alpha / sqrt(rank)``, so gradients keep their size when the rank grows.

Source:
    Kalajdzievski (2023), "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv 2312.03732.
"""

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from simenv.core.errors import UnknownNameError, UsageError
from simenv.train.models import weights
from simenv.train.models.prepare import ALL_LINEAR, targets_of

POLICY, REF = "policy", "ref"
LOW_RATE = 2e-6


def attach(
    model: nn.Module,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: str | Sequence[str] = ALL_LINEAR,
    seed: int = 0,
) -> "Adapters":
    """Put the adapters ``policy`` and ``ref`` on a model, in place, and freeze everything else.

    Both begin equal and do nothing: B is zero. A is drawn from ``seed``, on the CPU, so that every device
    begins alike. Adapters are float32 whatever the model is.

    Args:
        model: Any module, already on its device and in its dtype (see ``simenv.train.models.prepare``).
        rank: At least 1.
        alpha: The scale is alpha / sqrt(rank). Above 0.
        dropout: Of the policy while the model is in training mode; 0 to below 1. It draws from torch's own
            generator, whose state then belongs in the checkpoint.
        targets: ``"all-linear"``, which leaves out the head, or the full names of linear layers.
        seed: Of the first A.

    Raises:
        UsageError: If a number is out of range, there is no linear layer, a target is none, or the model
            already carries adapters.
    """
    _refuse_numbers(rank, alpha, dropout)
    if any(isinstance(part, BaseTunerLayer) for part in model.modules()):
        raise UsageError(
            "the model already carries adapters; merge them first (merge_and_unload), or load their tensors "
            "with Adapters.load"
        )
    names = targets_of(model, targets)
    mode = model.training
    # peft draws first weights from torch's own generator; the draws below replace them.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")
        for adapter, share in ((POLICY, dropout), (REF, 0.0)):
            config = LoraConfig(
                r=rank,
                lora_alpha=alpha,  # type: ignore[arg-type]  # peft computes with it as a number
                lora_dropout=share,
                use_rslora=True,
                bias="none",
                # One pattern, which peft matches in full; a list would also match by the ends of names.
                target_modules="(?:" + "|".join(re.escape(name) for name in names) + ")",
            )
            inject_adapter_in_model(config, model, adapter_name=adapter)
    found = {name: part for name, part in model.named_modules() if isinstance(part, LoraLayer)}
    if sorted(found) != names:
        strays = sorted({*found} ^ {*names})
        raise UsageError(
            f"peft adapted other layers than it was told: {strays[:5]}; use another version of peft"
        )
    model.train(mode)
    adapters = Adapters(model, {name: found[name] for name in names}, rank=rank, alpha=alpha)
    adapters.begin(seed)
    return adapters


class Adapters:
    """The adapters of one model; :func:`attach` makes it.

    Args:
        model: The model that carries them.
        layers: Its adapted layers by name, sorted.
        rank: Their rank.
        alpha: Their alpha.

    Attributes:
        model: The model.
        names: Names of the adapted layers, sorted.
        rank: Rank.
        alpha: Alpha.
        scaling: alpha / sqrt(rank).
    """

    def __init__(self, model: nn.Module, layers: Mapping[str, LoraLayer], *, rank: int, alpha: float) -> None:
        self.model = model
        self.names = list(layers)
        self.rank, self.alpha, self.scaling = rank, alpha, alpha / math.sqrt(rank)
        self._layers = dict(layers)
        self._mode = POLICY

    @torch.no_grad()
    def begin(self, seed: int) -> None:
        """Draw a new A from ``seed``, set B to zero, and make the reference equal."""
        generator = torch.Generator().manual_seed(seed)
        for name, layer in self._layers.items():
            if layer.scaling[POLICY] != self.scaling:
                raise UsageError(f"peft scales {name} by {layer.scaling[POLICY]} instead of {self.scaling}")
            layer.lora_A.float()
            layer.lora_B.float()
            a, b = _halves(layer, POLICY)
            a.copy_(nn.init.kaiming_uniform_(torch.empty(a.shape), a=math.sqrt(5), generator=generator))
            b.zero_()
        self._activate(POLICY)
        for parameter in self._tensors(REF).values():
            parameter.requires_grad_(False)  # noqa: FBT003  torch takes it by place
        self.refresh_ref()

    def named_parameters(self) -> dict[str, nn.Parameter]:
        """Return what the optimizer trains: A and B of the policy, under names that stay.

        Raises:
            UsageError: If one of them is frozen: training would go on with healthy curves and change nothing.
        """
        self._usable()
        named = self._tensors(POLICY)
        if frozen := [name for name, parameter in named.items() if not parameter.requires_grad]:
            raise UsageError(
                f"{len(frozen)} of {len(named)} policy parameters are frozen, such as {frozen[0]}; an "
                "optimizer would train nothing. Set requires_grad, or attach anew and load the tensors"
            )
        return named

    def parameters(self) -> list[nn.Parameter]:
        """Return the values of :meth:`named_parameters`."""
        return list(self.named_parameters().values())

    @contextmanager
    def reference(self) -> Iterator[None]:
        """While it lasts, a forward pass uses the reference; without gradients."""
        self._usable()
        flags = [
            (each, each.requires_grad) for which in (POLICY, REF) for each in self._tensors(which).values()
        ]
        try:
            self._activate(REF)
            with torch.no_grad():
                yield
        finally:
            self._activate(POLICY)
            for parameter, flag in flags:
                parameter.requires_grad_(flag)

    @torch.no_grad()
    def refresh_ref(self, mix: float = 1.0) -> None:
        """Make the reference what the policy is now.

        Args:
            mix: 1. A mean of two adapters is not an adapter of this rank.

        Raises:
            UsageError: If ``mix`` is not 1.
        """
        if mix != 1.0:
            raise UsageError(
                f"mix is 1, got {mix}: the mean of A and of B is not the mean of their product BA, so a "
                "blended reference would be neither policy nor reference; copy it every n steps instead"
            )
        self._usable()
        policy = self._tensors(POLICY)
        for name, parameter in self._tensors(REF).items():
            parameter.copy_(policy[name])

    @contextmanager
    def merged(self) -> Iterator[None]:
        """While it lasts, the policy is part of the weights, for fast sampling; without gradients.

        Weights keep their addresses, so a captured CUDA graph stays valid, and get back every bit
        afterwards. A copy of the adapted weights is held meanwhile.

        Raises:
            UsageError: If weights are quantized.
        """
        self._usable()
        kept: list[tuple[Tensor, Tensor]] = []
        flags = [(each, each.requires_grad) for each in self._tensors(POLICY).values()]
        try:
            with torch.no_grad():
                for layer in self._layers.values():
                    weight, merged = _base(layer), _effective(layer, POLICY)
                    kept.append((weight, weight.clone()))
                    weight.copy_(merged)
                    layer.enable_adapters(False)  # noqa: FBT003  peft takes it by place
                self._mode = "merged"
                yield
        finally:
            with torch.no_grad():
                for weight, before in kept:
                    weight.copy_(before)
            for layer in self._layers.values():
                layer.enable_adapters(True)  # noqa: FBT003
            self._activate(POLICY)
            for parameter in self._tensors(REF).values():
                parameter.requires_grad_(False)  # noqa: FBT003
            for parameter, flag in flags:
                parameter.requires_grad_(flag)

    @torch.no_grad()
    def merge_and_unload(self) -> nn.Module:
        """Write the policy into the weights for good, take the adapters off and return the model.

        Raises:
            UsageError: If weights are quantized.
        """
        self._usable()
        ready = {name: _effective(layer, POLICY) for name, layer in self._layers.items()}
        for name, layer in self._layers.items():
            _base(layer).copy_(ready.pop(name))
            parent, _, leaf = name.rpartition(".")
            setattr(self.model.get_submodule(parent), leaf, layer.get_base_layer())
        if hasattr(self.model, "peft_config"):
            del self.model.peft_config
        self._mode = "unloaded"
        return self.model

    def state(self, adapter: str = POLICY) -> dict[str, Tensor]:
        """Return copies of A and B of every layer on the CPU, and ``alpha``, which their scale depends on."""
        tensors = {name: each.detach().cpu().clone() for name, each in self._tensors(adapter).items()}
        return tensors | {"alpha": torch.tensor(self.alpha, dtype=torch.float64)}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor], *, ref: Mapping[str, Tensor] | None = None) -> None:
        """Take over an adapter that :meth:`state` returned.

        Args:
            state: The policy.
            ref: The reference of a resumed run. Without it the reference is ``state``: a run that starts
                from an SFT adapter is held to that adapter, not to the base model.

        Raises:
            UsageError: If layers, rank, shapes or alpha are others. Then nothing has changed.
        """
        self._usable()
        sources = {POLICY: state, REF: state if ref is None else ref}
        for adapter, source in sources.items():
            self._refuse(source, adapter)
        for adapter, source in sources.items():
            for name, parameter in self._tensors(adapter).items():
                parameter.copy_(source[name])

    def digest(self, adapter: str = POLICY) -> str:
        """Return the digest of an adapter: what must change with every step that had a gradient."""
        return weights.digest(self.state(adapter))

    @torch.no_grad()
    def proof(self) -> str:
        """Return the digest of the adapted weights that a forward pass would use now, base + scaling * BA.

        Inside :meth:`merged` the weights themselves are read. Sampler and trainer compare theirs: they
        are equal only if the sampler has the trainer's policy. A model without adapters gives
        :func:`proof_of`. Over quantized weights only A and B are read.
        """
        if self._mode == "unloaded":
            return proof_of(self.model, self.names)
        return weights.proof(part for name in self.names for part in self._used(name))

    def _used(self, name: str) -> Iterator[tuple[str, Tensor]]:
        layer = self._layers[name]
        weight = _base(layer, quantized=True)
        if self._mode == "merged":
            yield name, weight
        elif weight.is_floating_point():
            yield name, _effective(layer, self._mode)
        else:
            # bitsandbytes packs a frozen base anew where it runs, so its bytes say nothing.
            yield from zip((f"{name}.lora_A", f"{name}.lora_B"), _halves(layer, self._mode), strict=True)

    def _tensors(self, adapter: str) -> dict[str, nn.Parameter]:
        if adapter not in (POLICY, REF):
            raise UnknownNameError("adapter", adapter, (POLICY, REF))
        halves = {}
        for name, layer in self._layers.items():
            halves[f"{name}.lora_A"], halves[f"{name}.lora_B"] = _halves(layer, adapter)
        return halves

    def _activate(self, adapter: str) -> None:
        for layer in self._layers.values():
            layer.set_adapter([adapter])
        self._mode = adapter

    def _usable(self) -> None:
        if self._mode != POLICY:
            raise UsageError(
                f"the adapters are in mode {self._mode!r}; leave reference() or merged() first, and attach "
                "anew after merge_and_unload()"
            )

    def _refuse(self, state: Mapping[str, Tensor], adapter: str) -> None:
        mine: dict[str, Tensor] = {**self._tensors(adapter)}
        if strange := sorted({*state} ^ {*mine, "alpha"}):
            where = "missing in" if strange[0] in (*mine, "alpha") else "only in"
            raise UsageError(
                f"the adapter is of other layers: {strange[0]} is {where} the tensors that were given "
                f"({len(strange)} such names); attach to the same layers of the same model"
            )
        for name, parameter in mine.items():
            if state[name].shape != parameter.shape:
                raise UsageError(
                    f"{name} has shape {tuple(state[name].shape)}, here it is {tuple(parameter.shape)}; the "
                    f"adapter has another rank than {self.rank} or is of another model"
                )
        if (alpha := float(state["alpha"])) != self.alpha:
            raise UsageError(
                f"the adapter was made with alpha {alpha:g}, here it is {self.alpha:g}; use the same"
            )


def proof_of(model: nn.Module, names: Sequence[str]) -> str:
    """Return the digest of those layers' weights, as :meth:`Adapters.proof` does for the same weights."""
    return weights.proof((name, _weight(model.get_submodule(name))) for name in names)


def rate_note(rate: float) -> str:
    """Return a warning for the row of metrics where a learning rate is too low for LoRA, or ''.

    Rates of 1e-6 and below are usual for full fine-tuning; adapters want ten to a hundred times that.
    """
    if rate >= LOW_RATE:
        return ""
    return (
        f"learning rate {rate:g} is below {LOW_RATE:g}, which suits full fine-tuning; with LoRA hardly "
        "anything will be learned: use 1e-5 to 3e-4"
    )


def _weight(part: nn.Module) -> Tensor:
    weight = part.weight
    if not isinstance(weight, Tensor):
        raise UsageError(f"{type(part).__name__} has no weight")
    return weight.detach()


def _base(layer: LoraLayer, *, quantized: bool = False) -> Tensor:
    """Return the weight below an adapter, sharing its memory."""
    weight = _weight(layer.get_base_layer())
    if not (quantized or weight.is_floating_point()):
        raise UsageError(
            "quantized weights cannot take an adapter in: sample with the adapter beside them, or load the "
            "model in bfloat16 to merge"
        )
    return weight


def _effective(layer: LoraLayer, adapter: str) -> Tensor:
    """Return base + scaling * BA in the dtype of the base; the sum is rounded once."""
    weight, (a, b) = _base(layer), _halves(layer, adapter)
    total: Tensor = weight.float() + (b @ a) * layer.scaling[adapter]
    return total.to(weight.dtype)


def _halves(layer: LoraLayer, adapter: str) -> tuple[nn.Parameter, nn.Parameter]:
    """Return A [rank, in] and B [out, rank]."""
    return cast(nn.Parameter, layer.lora_A[adapter].weight), cast(nn.Parameter, layer.lora_B[adapter].weight)


def _refuse_numbers(rank: int, alpha: float, dropout: float) -> None:
    if type(rank) is not int or rank < 1:
        raise UsageError(
            f"the rank of an adapter is an integer of at least 1, got {rank!r}; rank 0 would train nothing. "
            "Give 8 or more, or train full weights without an adapter"
        )
    if not (math.isfinite(alpha) and alpha > 0):
        raise UsageError(f"alpha is above 0, got {alpha}; the scale of the adapter is alpha / sqrt(rank)")
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout is at least 0 and below 1, got {dropout}")
