"""What a stopped run is told to do next: the command is one that exists, with every setting of the run."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from simenv.cli import main
from simenv.train import jobs
from simenv.train.config import Config, GrpoConfig, SftConfig, with_settings
from simenv.train.folder import write_guard
from simenv.train.guards import GuardConfig, Guards, Stop, TrainingStopped
from simenv.train.remedy import Remedy, command_of, remedy_of
from simenv.train.report.write import write_report
from tests.train import fake_runs as fakes


class _Begun(Exception):
    """A command has begun a run."""


def begun(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Config, Path, str]:
    """Return the config, folder and start of the run that a command would begin."""
    seen: list[tuple[Config, Path, str]] = []

    def record(config: Config, out: Path, *, start: str = "", **more: Any) -> None:
        seen.append((config, out, start))
        raise _Begun

    monkeypatch.setattr(jobs, "run_sft", record)
    monkeypatch.setattr(jobs, "run_grpo", record)
    name, *words = shlex.split(command)
    assert name == "simenv"
    with pytest.raises(_Begun):
        main(words)
    return seen[0]


def folder_of(path: Path, config: Config, start: str) -> Path:
    """Make a run folder as far as a command reads it; the run began from a small decoder."""
    job = "sft" if isinstance(config, SftConfig) else "grpo"
    fakes.write_run(path, [{"step": 1}], config={"job": job, "start": start} | config.model_dump(mode="json"))
    if start:
        (Path(start) / "model").mkdir(parents=True, exist_ok=True)
        (Path(start) / "model" / "shape.json").write_text(json.dumps({"room": 640}))
    checkpoint = path / "checkpoints" / "step-000020"
    checkpoint.mkdir(parents=True)
    return checkpoint


GRPO: tuple[dict[str, Any], ...] = (
    {},
    {"lr": 0.003, "group": 6, "options": {"low": 0.1}, "mask_reasons": ("context",), "guide": True},
    {"guards": GuardConfig(kl=None, mismatch=0.5), "tasks": "simple:cancel", "held_out": "simple:cancel"},
    {"env": "airline", "room": 500, "steps": 7, "device": "cpu", "evaluations": 3, "temperature": 0.7},
)


@pytest.mark.parametrize("changes", GRPO)
def test_the_command_of_grpo_keeps_every_setting_and_halves_the_rate(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, out = str(tmp_path / "a b"), tmp_path / "b"
    config = GrpoConfig(**changes)
    good = folder_of(out, config, start)
    found = remedy_of(Stop("kl", "kl_ref is 3", 21), config, out, good)
    assert found.said == "To go on from step-000020 with half the learning rate, in another folder:"
    told, place, origin = begun(found.command, monkeypatch)
    assert (origin, place) == (str(good), tmp_path / "b-2")
    assert told == config.model_copy(update={"lr": config.lr / 2})


@pytest.mark.parametrize(
    ("guard", "changes", "wanted"),
    [
        ("turns", {}, {"lr": 0.0005}),
        ("repetition", {}, {"lr": 0.0005}),
        ("length", {}, {"lr": 0.0005}),
        ("not_finite", {}, {"lr": 0.0005}),
        ("not_finite", {"dtype": "bfloat16"}, {"lr": 0.0005, "dtype": "float32"}),
        ("equal_groups", {"group": 6}, {"group": 12}),
        ("mismatch", {"dtype": "bfloat16"}, {"dtype": "float32"}),
    ],
)
def test_every_guard_changes_what_its_reason_calls_for(
    guard: str, changes: dict[str, Any], wanted: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = GrpoConfig(**changes)
    good = folder_of(tmp_path / "b", config, str(tmp_path / "a"))
    (tmp_path / "b-2").mkdir()
    found = remedy_of(Stop(guard, "why", 21), config, tmp_path / "b", good)
    told, place, _ = begun(found.command, monkeypatch)
    assert place == tmp_path / "b-3", "a folder that is there is another run's"
    assert told == config.model_copy(update=wanted)


@pytest.mark.parametrize("guard", ["mask_zero", "stale_sampler", "adapter_unchanged", "mismatch"])
def test_what_no_setting_mends_is_looked_into(guard: str, tmp_path: Path) -> None:
    good = folder_of(tmp_path / "b", GrpoConfig(), "runs/a")
    found = remedy_of(Stop(guard, "why", 21), GrpoConfig(), tmp_path / "b", good)
    assert found.command == "simenv train doctor --env simenv/airline-v0 --model runs/a"


def test_every_guard_has_an_answer(tmp_path: Path) -> None:
    good = folder_of(tmp_path / "b", GrpoConfig(), str(tmp_path / "a"))
    for name in Guards(GuardConfig()).names:
        found = remedy_of(Stop(name, "why", 21), GrpoConfig(), tmp_path / "b", good)
        assert bool(found.command) is (name != "reward_not_finite"), name
        assert found.said.endswith(":" if found.command else "."), name


@pytest.mark.parametrize(
    ("changes", "origin"),
    [({}, ""), ({"env": "airline", "size": "0.3m", "kinds": {"plain": 2, "refusal": 1}}, "")],
)
def test_a_decoder_that_is_trained_whole_begins_anew(
    changes: dict[str, Any], origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SftConfig(**changes, lr=0.006)
    good = folder_of(tmp_path / "a", config, "")
    found = remedy_of(Stop("not_finite", "loss is nan", 3), config, tmp_path / "a", good)
    assert found.said == "To begin again with half the learning rates, in another folder:"
    told, _, start = begun(found.command, monkeypatch)
    assert start == origin
    assert told == config.model_copy(update={"lr": 0.003, "matrix_lr": 0.01})


def test_supervised_training_of_an_adapter_goes_on_from_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SftConfig(rank=8, model=str(tmp_path / "a"), runs=("x.jsonl", "y.jsonl"))
    good = folder_of(tmp_path / "b", config, config.model)
    found = remedy_of(Stop("not_finite", "loss is nan", 3), config, tmp_path / "b", good)
    told, _, _ = begun(found.command, monkeypatch)
    assert told == config.model_copy(update={"lr": 0.0015, "model": str(good)})


def test_settings_are_written_as_they_are_read() -> None:
    config = GrpoConfig(guide=True, mask_reasons=(), guards=GuardConfig(turns_from=None))
    words = shlex.split(command_of(config, Path("runs/c"), "", {}))
    given = [text for at, text in enumerate(words) if words[at - 1] == "--set"]
    named = {
        name: words[words.index(option) + 1] for name, option in (("steps", "--steps"),) if option in words
    }
    named |= {"tasks": config.tasks, "held_out": config.held_out}
    assert with_settings(GrpoConfig, given, **named) == config


def test_the_error_and_the_report_name_the_command(tmp_path: Path) -> None:
    remedy = Remedy("To go on from step-000020 with <half> the rate:", "simenv train grpo --from runs/b")
    error = TrainingStopped(Stop("kl", "kl_ref is 3", 21), "runs/b/checkpoints/step-000020", remedy.lines)
    assert error.__notes__ == [remedy.said, f"  {remedy.command}"]
    out = fakes.write_run(tmp_path / "b", fakes.grpo_rows(3))
    write_guard(out, error.stop, Path("step-000020"), **remedy._asdict())
    page = write_report(out, pictures=False).read_text("utf-8")
    assert "To go on from step-000020 with &lt;half&gt; the rate:" in page
    assert "The guard kl fired at step 21; there is the command that goes on." in page
    assert "<pre><code>simenv train grpo --from runs/b</code></pre>" in page
