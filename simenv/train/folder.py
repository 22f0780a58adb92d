"""A run folder: what a job writes into it besides metrics and checkpoints."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import simenv
from simenv.core.canonical import canonical, nulled
from simenv.core.errors import DataError, UsageError
from simenv.scoring.panel import Panel
from simenv.train.checkpoint import Disk, steps_of
from simenv.train.config import NOTES, Config, GrpoConfig, SftConfig, read_notes
from simenv.train.guards import Stop
from simenv.train.models.policy import CHECKPOINTS, CONFIG, MODEL, is_whole
from simenv.train.report.metrics import FILE, read_metrics
from simenv.train.report.write import write_report

PANEL, TABLE, EPISODES, SKILLS, GUARDS, NOTED, FINISHED = (
    "panel.json",
    "panel.txt",
    "episodes.jsonl",
    "skills.json",
    "guards.json",
    "notes.json",
    "finished.json",
)
_PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors")


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    found = {"simenv": simenv.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def begin(out: Path, job: str, config: Config, *, start: str, resume: bool) -> bool:
    """Make a run folder, or go on with the run of this very config in it.

    Args:
        out: The folder.
        job: ``"sft"`` or ``"grpo"``.
        config: How.
        start: What the run begins from, or "".
        resume: Whether a run that is there may go on.

    Returns:
        Whether there is a run to go on with.

    Raises:
        UsageError: If the folder holds another run, or one that may not go on.
        DataError: If it cannot be written.
    """
    told = _told(job, config, start)
    file = out / CONFIG
    has_rows = (out / FILE).exists() and bool(read_metrics(out / FILE).rows)
    # A run that failed before its first checkpoint leaves its place to another.
    goes_on = file.exists() and (has_rows or bool(steps_of(out / CHECKPOINTS)))
    if goes_on:
        if not resume:
            raise UsageError(f"{out} holds a run already; give another folder, or let it resume")
        _refuse_other(out, config, told, read_notes(file))
        # From here on it is no longer the run that its report shows.
        (out / FINISHED).unlink(missing_ok=True)
    elif has_rows:
        raise UsageError(f"{out} holds metrics of a run without its {CONFIG}; give another folder")
    write(file, canonical(told | {"versions": versions()}) + "\n")
    return goes_on


def _told(job: str, config: Config, start: str) -> dict[str, Any]:
    return {"job": job, "start": start} | config.model_dump(mode="json")


def _refuse_other(out: Path, config: Config, told: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    free = {"versions", *config.free()}
    other = [
        f"{name} {there.get(name)!r}, not {told.get(name)!r}"
        for name in sorted({*told, *there} - free)
        if there.get(name) != told.get(name)
    ]
    if other:
        raise UsageError(
            f"{out} holds a run of another config: {'; '.join(other)}. Give another folder, or the former "
            "settings to let it go on"
        )


def finished(out: Path, job: str, config: SftConfig | GrpoConfig, *, start: str) -> dict[str, Any]:
    """Return what is told of a run of this config that has taken all its steps and was measured, else {}.

    Returns:
        ``step`` at which it ended, ``steps`` that it was to take and the digest of its ``weights``.

    Raises:
        UsageError: If the folder holds a finished run of another config.
        DataError: If a file cannot be read.
    """
    needed = [out / name for name in (FINISHED, PANEL, TABLE, CONFIG, FILE)]
    if not all(path.is_file() for path in needed):
        return {}
    done = _marked(out / FINISHED)
    # A small decoder is kept whole; without it there is nothing that the report would be about.
    if done.get("small") and not is_whole(out / MODEL):
        return {}
    _refuse_other(out, config, _told(job, config, start), read_notes(out / CONFIG))
    is_over = config.steps == done.get("steps") or config.steps <= done.get("step", -1)
    return done if is_over and done.get("config") == config.digest else {}


def _marked(path: Path) -> dict[str, Any]:
    """Return what a mark says; nothing where it is torn, as it says no more than what can be done again."""
    try:
        done = read_notes(path)
    except DataError:
        return {}
    kinds = {"config": str, "steps": int, "step": int, "weights": str}
    return done if all(type(done.get(name)) is kind for name, kind in kinds.items()) else {}


def mark_finished(
    out: Path, config: SftConfig | GrpoConfig, *, step: int, weights: str, is_small: bool
) -> None:
    """Write down that a run has taken its steps and was measured."""
    told = {"config": config.digest, "steps": config.steps, "step": step, "weights": weights}
    write(out / FINISHED, canonical(told | {"small": is_small}) + "\n")


def add_note(out: Path, said: str, *, step: int = 0) -> None:
    """Keep a sentence about a run, once, for whoever reads its report."""
    path = out / NOTED
    there = read_notes(path).get("notes", []) if path.is_file() else []
    each = {"step": step, "note": said}
    if each not in there:
        write(path, json.dumps({"notes": [*there, each]}) + "\n")


def kept_config(run: Path) -> dict[str, Any]:
    """Return the config of a run folder, or of one that a checkpoint or model of it lies in, else {}."""
    for folder in (run, run.parent, run.parent.parent):
        if (folder / CONFIG).is_file() and (folder / FILE).is_file():
            told = read_notes(folder / CONFIG)
            return {name: each for name, each in told.items() if name not in NOTES}
    return {}


def write(path: Path, text: str) -> None:
    """Write a file so that it is whole or as it was before, and lasts when this returns.

    Raises:
        DataError: If it cannot be written.
    """
    part, disk = path.with_name(f"{path.name}.part"), Disk()
    try:
        disk.make(path.parent)
        disk.write(part, text.encode("utf-8", "replace"))
        disk.move(part, path)
        disk.settle(path.parent)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise DataError(
            path, 0, problem, "Make room or give another folder; the same command goes on"
        ) from None


def write_guard(out: Path, stop: Stop, good: Path | None, *, said: str, command: str) -> None:
    """Write down that a guard stopped the run, and in words and as a command what goes on; and the report."""
    told = {"step": stop.step, "guard": stop.guard, "reason": stop.reason}
    told |= {"checkpoint": good.name if good else "", "next": said, "command": command}
    write(out / GUARDS, json.dumps([told]) + "\n")
    write_report(out, pictures=False)


def finish(
    out: Path,
    panel: Panel,
    episodes: Sequence[Mapping[str, Any]],
    skills: Mapping[str, Any],
    *,
    pictures: bool,
) -> Path:
    """Write what was measured before and after a training, and the report; return the report's path."""
    write(out / EPISODES, "".join(json.dumps(nulled(each), ensure_ascii=False) + "\n" for each in episodes))
    if skills:
        write(out / SKILLS, json.dumps(nulled(skills)) + "\n")
    write(out / TABLE, panel.table())
    write(out / PANEL, json.dumps(nulled(panel.to_json())) + "\n")
    return write_report(out, pictures=pictures)
