"""What to do when a guard has stopped a run: the command that goes on, as it can be typed.

The command keeps every setting of the run and changes what the guard's reason calls for. It names another run
folder: a run whose settings change is another run.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from simenv.train import defaults
from simenv.train.config import GrpoConfig, SftConfig, checked, read_notes
from simenv.train.guards import Stop
from simenv.train.models.policy import CONFIG

Told = SftConfig | GrpoConfig

_DEFECTS = ("mask_zero", "stale_sampler", "adapter_unchanged", "mismatch")
"""Guards that see a defect, which no setting mends."""
_OPTIONS = {"env": "--env", "steps": "--steps", "device": "--device"}


class Remedy(NamedTuple):
    """What to do next.

    Attributes:
        said: In words.
        command: The command; "" where the one that was given is given again.
    """

    said: str
    command: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Both, one below the other."""
        return (self.said, f"  {self.command}") if self.command else (self.said,)


def remedy_of(stop: Stop, config: Told, out: Path, good: Path | None) -> Remedy:
    """Return what to do about a guard that stopped a run.

    Args:
        stop: Which guard and why.
        config: Of the run.
        out: Its folder.
        good: Its last good checkpoint, if there is one.
    """
    start = str(read_notes(out / CONFIG).get("start", "")) if (out / CONFIG).is_file() else ""
    if stop.guard == "reward_not_finite":
        return Remedy("Mend the reward, then give the same command again; it goes on from there.", "")
    has_two_precisions = stop.guard == "mismatch" and config.dtype == "bfloat16"
    if stop.guard in _DEFECTS and not has_two_precisions:
        model = f" --model {shlex.quote(start)}" if start else ""
        said = "No setting mends that. Look which part of the training fails; a minute on a small decoder:"
        return Remedy(said, f"simenv train doctor --env {shlex.quote(config.env)}{model}")
    changes, words = _changes(stop.guard, config)
    origin = _origin(config, start, good)
    where = f"To go on from {origin.name}" if good and origin == good else "To begin again"
    said = f"{where} with {words}, in another folder:"
    return Remedy(said, command_of(config, _beside(out), str(origin) if origin else "", changes))


def _changes(guard: str, config: Told) -> tuple[dict[str, Any], str]:
    """Return the settings to change and what that is in words."""
    if guard == "mismatch":
        return {"dtype": "float32"}, "float32, in which sampler and trainer agree more closely"
    if guard == "equal_groups" and isinstance(config, GrpoConfig):
        return {"group": 2 * config.group}, (
            "groups twice as large, which are less often all alike (or name other tasks with --tasks: easier "
            "ones where all fail, harder ones where all pass)"
        )
    changes: dict[str, Any] = {"lr": _half(config.lr)}
    words = "half the learning rate"
    if isinstance(config, SftConfig) and not config.model:
        changes["matrix_lr"] = _half(config.matrix_lr)
        words = "half the learning rates"
    if guard == "not_finite" and config.dtype == "bfloat16":
        return changes | {"dtype": "float32"}, f"{words}, in float32"
    return changes, words


def _half(rate: float) -> float:
    """Return half a rate in three digits, as people write it."""
    return float(f"{rate / 2:.3g}")


def _origin(config: Told, start: str, good: Path | None) -> Path | None:
    """Return what to begin from: the last good checkpoint, else what the run began from.

    A run that trains every weight has no adapter to merge into what it began from, so it begins anew.
    """
    if good is not None and config.rank:
        return good
    return Path(start) if start else None


def _beside(out: Path) -> Path:
    """Return a folder beside the run's that is not there yet."""
    number = 2
    while (found := out.with_name(f"{out.name}-{number}")).exists():
        number += 1
    return found


def command_of(config: Told, out: Path, origin: str, changes: Mapping[str, Any]) -> str:
    """Return the command of a run with the settings of ``config`` and some changes.

    Args:
        config: The settings.
        out: Its run folder.
        origin: What it begins from, or "" for nothing.
        changes: Settings that differ.
    """
    job = "sft" if isinstance(config, SftConfig) else "grpo"
    words = ["simenv", "train", job]
    wanted = config.model_dump() | dict(changes)
    if origin:
        words += ["--from" if job == "grpo" else "--model", origin]
        # Of the two jobs only one keeps in its config what it begins from.
        wanted["model"] = origin if job == "sft" else ""
    words += ["--out", str(out)]
    make: Callable[[str, str], dict[str, Any]] = defaults.for_sft if job == "sft" else defaults.for_grpo
    default_env = str(type(config).model_fields["env"].default)
    usual = checked(type(config), make(wanted["env"] if job == "sft" else default_env, origin)).model_dump()
    if job == "sft":
        usual["env"] = default_env
    other = {name: value for name, value in wanted.items() if value != usual[name] and name != "model"}
    if "tasks" in other or "held_out" in other:
        words += ["--tasks", wanted["tasks"], "--held-out", wanted["held_out"]]
    for name, value in other.items():
        words += _words(name, value, usual[name])
    return shlex.join(words)


def _words(name: str, value: Any, usual: Any) -> Iterator[str]:
    """Yield the words of one setting."""
    match name, value:
        case (("tasks" | "held_out"), _):
            return
        case "guards", _:
            for inner, limit in value.items():
                if limit != usual[inner]:
                    yield from ("--set", f"guards.{inner}={'none' if limit is None else limit}")
        case "runs", _:
            yield from ("--from-runs", *value) if value else ()
        case _, _ if name in _OPTIONS and value:
            yield from (_OPTIONS[name], str(value))
        case _, dict():
            yield from ("--set", f"{name}={','.join(f'{key}:{each}' for key, each in value.items())}")
        case _, tuple() | list():
            yield from ("--set", f"{name}={','.join(map(str, value))}")
        case _:
            yield from ("--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}")
