"""Checkpoints that are whole or not there: safetensors and one ``state.json`` that vouches for them.

A checkpoint is written beside its place, every file synced, and moved there in one step; then ``LAST`` is
replaced. Whoever is killed, or runs out of disk, at any moment keeps the checkpoint before. Nothing is
pickled.

    checkpoints/
      LAST                     name of the last checkpoint that was finished
      step-000020/
        policy.safetensors     one file per group of tensors
        state.json             step, cursors, digests of config, environment version and every file
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor

import simenv
from simenv.core.canonical import canonical, digest, parse_trusted
from simenv.core.errors import DataError, UsageError

FORMAT, VERSION = "simenv-checkpoint", 1
REQUIRED = ("config_digest", "env_version")

_STEP = re.compile(r"step-(\d{6,12})")
_GROUP = re.compile(r"[a-z][a-z0-9_]{0,40}")
_FILE = re.compile(r"[a-z][a-z0-9_]{0,40}\.safetensors")


class CheckpointError(DataError):
    """A checkpoint is damaged, of another run, or could not be written; the last good one is named."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was read and held against its digests.

    Attributes:
        step: Steps that were done.
        path: Its folder.
        tensors: Groups of named tensors, on the CPU.
        state: What the run gave to :func:`save`.
        notes: What may make the resumed run differ in the last bits, such as another version of torch.
    """

    step: int
    path: Path
    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]
    notes: tuple[str, ...] = field(default=())


class Disk:
    """The writes that a checkpoint is made of, so that a test can let each of them fail."""

    def make(self, folder: Path) -> None:
        """Make a folder; its parents too."""
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file and return when the device holds it."""
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def settle(self, folder: Path) -> None:
        """Return when the device holds the names in a folder."""
        if sys.platform == "win32":
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def move(self, source: Path, target: Path) -> None:
        """Give a file or folder another name, in one step."""
        source.replace(target)

    def clear(self, folder: Path) -> None:
        """Remove a folder and what is in it."""
        shutil.rmtree(folder)


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    *,
    keep: int = 3,
    disk: Disk | None = None,
) -> Path:
    """Write a checkpoint, make it the last one, and remove the oldest beyond ``keep``.

    Args:
        folder: Folder of all checkpoints of a run; made if it does not exist.
        step: Steps that are done, at least 0. A checkpoint of the same step is replaced.
        tensors: Groups such as ``policy``, ``ref``, ``optimizer``, each a mapping of names to tensors.
        state: Plain JSON with at least ``config_digest`` and ``env_version``; cursors, counters, memories of
            guards and the chat family belong here.
        keep: How many to keep of those up to this step, at least 1.
        disk: Does the writing.

    Returns:
        The folder of the checkpoint.

    Raises:
        UsageError: If a group's name, the step or the state breaks a rule above.
        CheckpointError: If it cannot be written, as on a full disk; what was there before is still there.
    """
    if step < 0 or keep < 1:
        raise UsageError(f"step is at least 0 and keep at least 1, got step {step} and keep {keep}")
    if missing := [name for name in REQUIRED if not state.get(name)]:
        raise UsageError(
            f"the state of a checkpoint names {', '.join(REQUIRED)}; {', '.join(missing)} is missing"
        )
    for group in tensors:
        if not _GROUP.fullmatch(group):
            raise UsageError(f"a group of tensors is named in small letters, digits and _, got {group!r}")
    try:
        canonical(dict(state))
    except (TypeError, ValueError) as error:
        raise UsageError(f"the state of a checkpoint is plain JSON with finite numbers: {error}") from error
    disk = disk or Disk()
    target = folder / _name(step)
    part = folder / f"{target.name}.part"
    try:
        if not folder.exists():
            disk.make(folder)
            disk.settle(folder.parent)
        _tidy(folder, disk)
        _write(part, step, tensors, state, disk)
        _publish(part, target, disk)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(part)
        problem = f"the checkpoint of step {step} cannot be written ({error.strerror or error})"
        raise CheckpointError(target, 0, problem, f"Make room and resume. {_kept(folder)}") from error
    # What is written is safe; that an old one could not be removed is no reason to stop.
    with suppress(OSError):
        _prune(folder, step, keep, disk)
    return target


def load(
    folder: Path, step: int | None = None, *, config_digest: str = "", env_version: str = ""
) -> Checkpoint:
    """Read a checkpoint and hold every byte against its digests.

    Args:
        folder: Folder of all checkpoints of a run.
        step: Which; by default the last that was finished.
        config_digest: Digest of the config that wants to go on; "" where only weights are wanted.
        env_version: Version of the environment that wants to go on, or "".

    Raises:
        CheckpointError: If there is none, it is half-written, damaged, of another format, config or
            environment version. The file, what was expected and found, and the last good one are named.
    """
    path = _chosen(folder, step)
    head = _head(path, folder)
    state = head["state"]
    for name, expected in (("config_digest", config_digest), ("env_version", env_version)):
        if expected and state[name] != expected:
            what = "config" if name == "config_digest" else "version of the environment"
            raise CheckpointError(
                path / "state.json", 0, f"it is of another {what}: expected {expected}, found {state[name]}",
                f"Resume with the {what} it was made with, or begin a run in another folder. {_kept(folder)}",
            )  # fmt: skip
    tensors = {
        name.removesuffix(".safetensors"): _unpacked(path / name, *sums, folder)
        for name, sums in _files(head)
    }
    notes = tuple(
        f"written with {name} {head[name]}, now {now}: the run goes on, perhaps not bit by bit"
        for name, now in (("simenv", simenv.__version__), ("torch", torch.__version__))
        if head[name] != now
    )
    return Checkpoint(head["step"], path, tensors, state, notes)


def last_good(folder: Path) -> Path | None:
    """Return the last checkpoint whose every byte is right, or None.

    That is the one which ``LAST`` names, or if it is damaged the highest step that is whole.
    """
    steps = steps_of(folder)
    named = _named(folder)
    order = ([named] if named in steps else []) + sorted(
        (each for each in steps if each != named), reverse=True
    )
    for step in order:
        with suppress(CheckpointError):
            path = steps[step]
            for name, sums in _files(_head(path, None)):
                _verified(path / name, *sums, None)
            return path
    return None


def _write(
    part: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any], disk: Disk
) -> None:
    disk.make(part)
    files = {}
    for group in sorted(tensors):
        data = pack(_apart(tensors[group]))
        disk.write(part / f"{group}.safetensors", data)
        files[f"{group}.safetensors"] = {"bytes": len(data), "digest": digest(data)}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "step": step,
        "simenv": simenv.__version__,
        "torch": torch.__version__,
        "files": files,
        "state": dict(state),
    }
    text = canonical(head | {"digest": digest(canonical(head))})
    disk.write(part / "state.json", text.encode() + b"\n")
    disk.settle(part)


def _publish(part: Path, target: Path, disk: Disk) -> None:
    folder, old = target.parent, target.with_name(f"{target.name}.old")
    if target.exists():
        # A folder cannot replace another in one step; until it does, the old one counts by its other name.
        disk.move(target, old)
    disk.move(part, target)
    disk.settle(folder)
    disk.write(folder / "LAST.part", f"{target.name}\n".encode())
    disk.move(folder / "LAST.part", folder / "LAST")
    disk.settle(folder)
    if old.exists():
        disk.clear(old)


def _tidy(folder: Path, disk: Disk) -> None:
    """Finish or remove what a killed writer left."""
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".old") and path.is_dir():
            place = path.with_suffix("")
            if place.exists():
                disk.clear(path)
            else:
                disk.move(path, place)
        elif path.name.endswith(".part") and path.is_dir():
            disk.clear(path)


def _prune(folder: Path, step: int, keep: int, disk: Disk) -> None:
    # Later steps belong to a run that somebody went back from; they are replaced when they are reached again.
    steps = steps_of(folder)
    for each in sorted((at for at in steps if at <= step), reverse=True)[keep:]:
        doomed = steps[each].with_name(f"{steps[each].name}.part")
        disk.move(steps[each], doomed)
        disk.clear(doomed)


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors on the CPU of which no two share memory, which safetensors refuses."""
    result: dict[str, Tensor] = {}
    seen: list[int] = []
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        if place in seen:
            tensor = tensor.clone()
        seen.append(place)
        result[name] = tensor
    return result


def steps_of(folder: Path) -> dict[int, Path]:
    """Return the folders of checkpoints by step, whole or not."""
    found: dict[int, Path] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.iterdir(), reverse=True):
        match = _STEP.fullmatch(path.name.removesuffix(".old"))
        # In this order a name comes after the same with .old, and takes its place.
        if match and path.is_dir():
            found[int(match[1])] = path
    return found


def _named(folder: Path) -> int | None:
    with suppress(OSError, UnicodeDecodeError):
        if match := _STEP.fullmatch((folder / "LAST").read_text().strip()):
            return int(match[1])
    return None


def _chosen(folder: Path, step: int | None) -> Path:
    steps = steps_of(folder)
    known = ", ".join(str(each) for each in sorted(steps)) or "none"
    if step is None:
        step = _named(folder)
        if step is None and steps:
            raise CheckpointError(
                folder / "LAST",
                0,
                "no name of a checkpoint is in it",
                f"Give a step of: {known}. {_kept(folder)}",
            )
        if step is None:
            raise CheckpointError(folder, 0, "there is no checkpoint", "Begin the run in another folder")
    if step not in steps:
        raise CheckpointError(
            folder, 0, f"there is no checkpoint of step {step}", f"Steps there are: {known}. {_kept(folder)}"
        )
    return steps[step]


def _kept(folder: Path | None) -> str:
    """Say which checkpoint is whole; nothing where nobody asks."""
    if folder is None:
        return ""
    good = last_good(folder)
    return f"The last good checkpoint is {good}" if good else "There is no good checkpoint"


def _head(path: Path, folder: Path | None) -> dict[str, Any]:
    """Return the verified content of ``state.json``."""
    file = path / "state.json"
    try:
        head = parse_trusted(file.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            file, 0, "it is missing: the checkpoint is half-written", _kept(folder)
        ) from None
    except (OSError, ValueError) as error:
        problem = f"it cannot be read ({type(error).__name__}): the checkpoint is damaged"
        raise CheckpointError(file, 0, problem, _kept(folder)) from error
    if not isinstance(head, dict) or (head.get("format"), head.get("version")) != (FORMAT, VERSION):
        found = f"{head.get('format')} {head.get('version')}" if isinstance(head, dict) else "no object"
        problem = f"it is of another format: expected {FORMAT} {VERSION}, found {found}"
        raise CheckpointError(file, 0, problem, _kept(folder))
    claimed = head.pop("digest", None)
    if (found := digest(canonical(head))) != claimed:
        problem = f"it was changed after it was written: expected digest {claimed}, found {found}"
        raise CheckpointError(file, 0, problem, _kept(folder))
    if path.name.removesuffix(".old") != _name(head["step"]):
        problem = f"its folder was renamed: expected {_name(head['step'])}, found {path.name}"
        raise CheckpointError(file, 0, problem, _kept(folder))
    return head


def _name(step: int) -> str:
    return f"step-{step:06d}"


def _files(head: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, str]]]:
    for name, sums in sorted(head["files"].items()):
        # A name is joined to a path; nothing but what save() writes may be one.
        if not _FILE.fullmatch(name):
            raise CheckpointError(
                "state.json", 0, f"it names a file {name!r}", "No checkpoint has such a file"
            )
        yield name, (sums["bytes"], sums["digest"])


def _verified(file: Path, size: int, expected: str, folder: Path | None) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        problem = f"it cannot be read ({error.strerror}): the checkpoint is half-written or damaged"
        raise CheckpointError(file, 0, problem, _kept(folder)) from error
    if len(data) != size:
        problem = f"it is truncated or grown: expected {size} bytes, found {len(data)}"
        raise CheckpointError(file, 0, problem, _kept(folder))
    if (found := digest(data)) != expected:
        problem = f"it is damaged: expected digest {expected}, found {found}"
        raise CheckpointError(file, 0, problem, _kept(folder))
    return data


def _unpacked(file: Path, size: int, expected: str, folder: Path) -> dict[str, Tensor]:
    try:
        return unpack(_verified(file, size, expected, folder))
    except SafetensorError as error:
        raise CheckpointError(file, 0, f"it holds no tensors ({error})", _kept(folder)) from error
