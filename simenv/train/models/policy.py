"""A policy: a model, the family that it speaks, and the adapter that is trained; made, saved, loaded."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import DataError, UsageError
from simenv.train import checkpoint
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import Family, family_of
from simenv.train.checkpoint import Disk
from simenv.train.config import read_notes
from simenv.train.models import weights
from simenv.train.models.checks import refuse_vocabulary, refuse_wild
from simenv.train.models.hf import load_hf
from simenv.train.models.lora import Adapters, attach
from simenv.train.models.model import Decoder, Shape, shape

SHAPE, WEIGHTS, TOKENIZER = "shape.json", "model.safetensors", "tokenizer.json"
CONFIG, CHECKPOINTS, MODEL = "config.json", "checkpoints", "model"
"""Of a run folder."""


@dataclass(slots=True)
class Policy:
    """What is trained and sampled.

    Attributes:
        model: Ids to hidden states, with a ``head``.
        family: Writes and reads turns.
        adapters: The rsLoRA adapters, or None where every weight is trained.
        path: Where it was loaded from, or "".
    """

    model: nn.Module
    family: Family
    adapters: Adapters | None = None
    path: str = ""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.head.device  # type: ignore[return-value]

    @property
    def is_small(self) -> bool:
        """Whether it is a decoder of our own."""
        return isinstance(self.model, Decoder)

    def adapt(self, *, rank: int, alpha: float, seed: int) -> Adapters:
        """Put adapters on the model, once."""
        if self.adapters is None:
            self.adapters = attach(self.model, rank=rank, alpha=alpha, seed=seed)
        return self.adapters

    def trained(self) -> list[nn.Parameter]:
        """Return the weights that are trained."""
        if self.adapters is not None:
            return self.adapters.parameters()
        return [weight for weight in self.model.parameters() if weight.requires_grad]

    def trained_state(self) -> dict[str, Tensor]:
        """Return a copy of what is trained."""
        if self.adapters is not None:
            return self.adapters.state()
        return {name: each.detach().clone() for name, each in self.model.state_dict().items()}

    def load_trained(self, state: Mapping[str, Tensor]) -> None:
        """Take over what ``trained_state`` returned."""
        if self.adapters is not None:
            self.adapters.load(state, ref=self.adapters.state("ref"))
        else:
            self.model.load_state_dict(dict(state))

    @contextmanager
    def fast(self) -> Iterator[None]:
        """While it lasts, the adapter is part of the weights and nothing is dropped out."""
        training = self.model.training
        self.model.eval()
        try:
            if self.adapters is None:
                yield
            else:
                with self.adapters.merged():
                    yield
        finally:
            self.model.train(training)

    def digest(self) -> str:
        """Return the digest of every weight, the adapter merged."""
        with self.fast():
            return weights.digest(
                {
                    name.replace(".base_layer", ""): each
                    for name, each in self.model.state_dict().items()
                    if "lora_" not in name
                }
            )

    def save(self, folder: Path) -> None:
        """Write the model with its adapter merged, and its tokenizer, so that ``load_policy`` finds them.

        Either all of it is written and lasts, or the folder is as it was.

        Raises:
            UsageError: If the model is a transformers checkpoint; its adapter is in the run's checkpoints.
            DataError: If it cannot be written, as on a full disk.
        """
        if not isinstance(self.model, Decoder):
            raise UsageError("a transformers checkpoint is not copied; its adapter is in the checkpoints")
        with self.fast():
            state = {
                name.replace(".base_layer", ""): each.detach().cpu().contiguous().clone()
                for name, each in self.model.state_dict().items()
                if "lora_" not in name
            }
        data = {"shape": asdict(self.model.shape), "vocab": self.model.vocab, "room": self.model.room}
        files = {
            WEIGHTS: save_tensors(state),
            TOKENIZER: self.family.codec.tokenizer_json().encode(),
            SHAPE: canonical(data).encode(),
        }
        try:
            _write_whole(folder, files, Disk())
        except OSError as error:
            problem = f"the model cannot be written ({error.strerror or error})"
            raise DataError(folder, 0, problem, "Make room; the same command goes on") from error


def _write_whole(folder: Path, files: Mapping[str, bytes], disk: Disk) -> None:
    """Write files beside a folder, then give them their names; a disk that fills up fails before that."""
    part = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        disk.make(part)
        for name, data in files.items():
            disk.write(part / name, data)
        disk.settle(part)
        if not folder.exists():
            disk.move(part, folder)
            disk.settle(folder.parent)
            return
        for name in files:
            disk.move(part / name, folder / name)
        disk.settle(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Whether a folder has every file that ``Policy.save`` writes."""
    return all((folder / name).is_file() for name in (SHAPE, WEIGHTS, TOKENIZER))


def small(size: str, codec: Codec, *, seed: int, room: int, device: str = "cpu") -> Policy:
    """Return a small decoder with first weights."""
    model = Decoder(shape(size), codec.vocab_size, seed=seed, room=room).to(device)
    return Policy(model, family_of(codec))


def load_policy(
    path: str | Path, *, device: str = "cpu", dtype: str = "float32", checkpointing: bool = False
) -> Policy:
    """Return a policy whose every adapter is merged.

    Args:
        path: A run folder, one of its checkpoints, a folder that ``Policy.save`` wrote, or a transformers
            checkpoint with its tokenizer.
        device: ``"cpu"`` or ``"cuda"``.
        dtype: Of a transformers checkpoint.
        checkpointing: Whether a transformers checkpoint computes activations again in the backward pass.

    Raises:
        UsageError: If there is none, or its tokenizer is of another model.
        DataError: If it is half-written, not what it says, or a weight is not finite.
    """
    policy = _read(path, device=device, dtype=dtype, checkpointing=checkpointing)
    # Here and not where an episode is read: torch would say no more than that an index is out of range.
    refuse_vocabulary(policy.family.codec, policy.model.head)  # type: ignore[arg-type]
    return policy


def _read(path: str | Path, *, device: str, dtype: str, checkpointing: bool) -> Policy:
    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; name a run of `simenv train`, or a transformers checkpoint")
    run = folder.parent.parent if folder.parent.name == CHECKPOINTS else folder
    # What an interrupted writer left of a model must not stand before checkpoints that are whole.
    if is_whole(folder / MODEL) or ((folder / MODEL / SHAPE).is_file() and not (run / CHECKPOINTS).is_dir()):
        folder = folder / MODEL
    if (folder / SHAPE).is_file():
        return _small(folder, device, str(path))
    if (run / CHECKPOINTS).is_dir() and (run / CONFIG).is_file():
        return _trained(run, folder, device=device, dtype=dtype, checkpointing=checkpointing)
    model = load_hf(folder, dtype=dtype, device=device, checkpointing=checkpointing)
    return Policy(model, family_of(Codec.load(folder)), path=str(path))


def _small(folder: Path, device: str, path: str) -> Policy:
    try:
        told = parse_trusted((folder / SHAPE).read_text(encoding="utf-8"))
        model = Decoder(Shape(**told["shape"]), told["vocab"], room=told["room"])
        weights = load_file(folder / WEIGHTS)
        _refuse_other_parts(model, weights, folder)
        model.load_state_dict(weights)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        problem = f"not a whole model: {str(error).splitlines()[0][:200]}"
        raise DataError(folder, 0, problem, "Train it again, or name an earlier run") from error
    refuse_wild(model.state_dict().items(), folder / WEIGHTS)
    codec = Codec.load(folder)
    return Policy(model.to(device), family_of(codec), path=path)


def _refuse_other_parts(model: Decoder, weights: dict[str, Tensor], folder: Path) -> None:
    own = model.state_dict().keys()
    if odd := sorted(own ^ weights.keys()):
        problem = f"its parts are not those of this version's decoder: {', '.join(odd[:3])}"
        raise DataError(folder, 0, problem, "Train it again, or load it with the version that wrote it")


def _trained(run: Path, folder: Path, *, device: str, dtype: str, checkpointing: bool) -> Policy:
    """Return what a run began from with the adapter of a checkpoint merged into it."""
    told = read_notes(run / CONFIG)
    step = None if folder == run else _step_of(folder)
    found = checkpoint.load(run / CHECKPOINTS, step)
    if not found.state.get("rank"):
        raise UsageError(
            f"{folder} is a run that trains every weight and has not finished; let the same command go on"
        )
    start = str(told.get("start") or told.get("model"))
    policy = load_policy(start, device=device, dtype=dtype, checkpointing=checkpointing)
    if policy.digest() != found.state.get("start_digest"):
        problem = f"it is an adapter of {start}, whose weights are no longer what they were"
        raise DataError(found.path, 0, problem, "Put the former weights back there, or train it again")
    adapters = policy.adapt(rank=found.state["rank"], alpha=found.state["alpha"], seed=0)
    trained = found.tensors["best" if "best" in found.tensors else "policy"]
    refuse_wild(trained.items(), found.path)
    adapters.load(trained)
    adapters.merge_and_unload()
    return Policy(policy.model, policy.family, path=str(folder))


def _step_of(folder: Path) -> int:
    name = folder.name.removeprefix("step-")
    if not name.isdecimal():
        raise UsageError(f"{folder} is no checkpoint; they are called step-000020")
    return int(name)


def chosen_device(wanted: str) -> str:
    """Return the device that was asked for, or the one that is there.

    Raises:
        UsageError: If it was asked for and is not there.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UsageError("no CUDA device is here; leave --device out, or give --device cpu")
    if wanted not in ("", "cpu", "cuda"):
        raise UsageError(f"a device is cpu or cuda, got {wanted!r}")
    return wanted or ("cuda" if there else "cpu")
