"""What ``simenv train`` does where nothing else is asked: settings that take minutes on a CPU.

A small decoder learns simple requests of three intents, those whose episodes are short; a checkpoint of
somebody else's learns from the bundled certified tasks. Success is measured in worlds that no training saw.
"""

from pathlib import Path
from typing import Any

from simenv.core import catalog
from simenv.core.canonical import parse_trusted
from simenv.core.errors import UnknownNameError
from simenv.envs.registration import IDS
from simenv.synth.stream import PREFIX
from simenv.train.config import read_notes
from simenv.train.folder import kept_config
from simenv.train.models.policy import CHECKPOINTS, CONFIG, SHAPE
from simenv.train.tasks import SIMPLE

LESSONS = {"airline": ("cancel", "change_passengers_denied", "price_paid")}
"""Intents that a decoder of a million weights learns from some hundred demonstrations."""
_SMALL_SFT: dict[str, Any] = {
    "size": "1m",
    "vocab": 3000,
    "room": 640,
    "demos": 700,
    "turn_tokens": 48,
    "steps": 300,
    "batch_tokens": 2000,
    "lr": 0.015,
    "context_weight": 0.15,
    "every": 100,
}
# From some 1,500 rollouts it learned no less by what succeeded alone, and it draws what it knows to be
# unlikely. With another advantage it may be blamed for being cut off: it repeats itself, so none is masked.
_SMALL_GRPO: dict[str, Any] = {
    "steps": 16,
    "lr": 0.002,
    "groups": 24,
    "group": 4,
    "refills": 1,
    "mask_reasons": (),
    "advantage": "reinforce",
    "entropy": -0.3,
}
_LARGE: dict[str, Any] = {"rank": 16, "room": 8192, "turn_tokens": 1024, "checkpointing": True}
_LARGE_SFT: dict[str, Any] = {**_LARGE, "demos": 400, "lr": 2e-4, "batch_tokens": 16384}
_LARGE_GRPO: dict[str, Any] = {**_LARGE, "lr": 5e-5, "micro_tokens": 16384}
_SHARED = (
    "env", "tasks", "held_out", "face", "turn_tokens", "context", "recalls", "notes", "temperature", "seed",
    "evaluations",
)  # fmt: skip


def lessons_of(env: str) -> str:
    """Return the tasks that a small decoder begins with.

    Raises:
        UnknownNameError: If there is no such environment.
    """
    domain = IDS.get(env, env)
    if domain not in catalog.ENTRIES:
        raise UnknownNameError("environment", env, [*IDS, *catalog.ENTRIES])
    intents = LESSONS.get(domain) or tuple(catalog.generator(domain).intents)[:3]
    return SIMPLE + "+".join(intents)


def is_small(path: str) -> bool:
    """Whether a run folder or checkpoint holds a small decoder; "" is one that is yet to be made."""
    return not path or _shape_of(Path(path)) is not None


def _shape_of(folder: Path) -> dict[str, Any] | None:
    """Return what ``shape.json`` says of the small decoder in a folder, or that its run began from."""
    for place in (folder, folder / "model"):
        if (place / SHAPE).is_file():
            told: dict[str, Any] = parse_trusted((place / SHAPE).read_text(encoding="utf-8"))
            return told
    run = folder.parent.parent if folder.parent.name == CHECKPOINTS else folder
    start = str(read_notes(run / CONFIG).get("start", "")) if (run / CONFIG).is_file() else ""
    return _shape_of(Path(start)) if start else None


def for_sft(env: str, model: str) -> dict[str, Any]:
    """Return settings for fine-tuning a model, or a small decoder from nothing where it is ""."""
    if model and not is_small(model):
        return {"env": env, "model": model, "tasks": "train", "held_out": "test", **_LARGE_SFT}
    tasks = lessons_of(env)
    given = {"env": env, "model": model, "tasks": tasks, "held_out": tasks, **_SMALL_SFT}
    return given | ({"rank": 16, "lr": 0.002} if model else {})


def for_grpo(env: str, start: str) -> dict[str, Any]:
    """Return settings for reinforcement from a run, whose tasks and face it keeps, or from a model."""
    kept = {name: value for name, value in kept_config(Path(start)).items() if name in _SHARED}
    shape = _shape_of(Path(start))
    if shape is None:
        return {"env": env, "tasks": "train", "held_out": "test", **_LARGE_GRPO, **kept}
    tasks = lessons_of(kept.get("env", env))
    # A context is cut in reinforcement where it was cut in what was learned from.
    room = kept_config(Path(start))["room"] if kept.get("context") == "cut" else shape["room"]
    return {"env": env, "tasks": tasks, "held_out": tasks, **_SMALL_GRPO, **kept, "room": room}


def held_out_for(tasks: str) -> str:
    """Return what success is measured on for tasks: the same kind in other worlds, or the test pack."""
    return tasks if tasks.startswith((SIMPLE, PREFIX)) else "test"
