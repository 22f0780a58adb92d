"""The command: one line trains, one JSON line comes back, and what is wrong is said in one line."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from simenv.cli import main  # noqa: E402
from simenv.cli.train import without_signal  # noqa: E402
from simenv.core.log import read_header  # noqa: E402
from simenv.train import defaults, doctor, evaluate  # noqa: E402
from simenv.train.config import GrpoConfig, SftConfig, with_settings  # noqa: E402
from simenv.train.doctor import Check  # noqa: E402
from simenv.train.report.metrics import MetricsWriter  # noqa: E402
from tests.train import codecs  # noqa: E402
from tests.train.tiny import TASKS, some_reward  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TINY = ["demos=3", "vocab=900", "room=1000", "evaluations=1", "validation=1", "turn_tokens=6", "every=1"]


def settings(*more: str) -> list[str]:
    return [part for text in (*TINY, *more) for part in ("--set", text)]


def results(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    told = capsys.readouterr()
    return [json.loads(line) for line in told.out.splitlines()], told.err


def refused(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    assert main(list(line)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A log of the oracle and a run that learned from it."""
    folder = tmp_path_factory.mktemp("cli")
    log, out = str(folder / "oracle.jsonl"), str(folder / "a")
    assert main(["run", "airline", "--agent", "oracle", "--tasks", "2", "--out", log]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "FORCED", 0)
        line = ["train", "sft", "--out", out, "--tasks", TASKS, "--size", "0.3m", "--steps", "1"]
        wide = ["--set", "room=4000", "--set", "batch_tokens=9000", "--from-runs", log]
        assert main([*line, *settings(), *wide]) == 0
    return log, out


def test_two_commands_teach_and_improve_and_end_with_a_table(
    taught: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    monkeypatch.setattr(evaluate, "FORCED", 0)
    capsys.readouterr()
    out = str(tmp_path / "b")
    small = ["--set", "group=2", "--set", "groups=1", "--set", "turn_tokens=4", "--steps", "1"]
    assert main(["train", "grpo", "--from", taught[1], "--out", out, *small]) == 0
    (result,), words = results(capsys)
    assert result["job"] == "grpo"
    assert result["success"]["after"]["n"] == 1
    assert result["success"]["idle"]["value"] == 0
    assert Path(result["report"]).is_file()
    assert "Success is to be measured on 1 task of" in words
    for word in ("before", "after", "idle", "95 % interval", "tokens per success", "The report is"):
        assert word in words
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    kept = json.loads(Path(taught[1], "config.json").read_text())
    assert (config["start"], config["tasks"]) == (taught[1], TASKS)
    assert {config[name] for name in ("evaluations",)} == {kept["evaluations"]}
    assert kept["runs"] == [taught[0]]


def test_without_torch_it_is_said_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from simenv.cli import main; sys.exit(main())"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "corpora"), str(ROOT / "generators")])
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "sft", "--out", str(tmp_path / "a")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == (
        'simenv: training needs torch, which is not installed: pip install "simenv[train]"'
    )


def test_the_command_line_loads_no_torch() -> None:
    code = "import sys; from simenv.cli import parser; parser(); sys.exit('torch' in sys.modules)"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "corpora"), str(ROOT / "generators")])
    done = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("sft", "--set", "demoz=3"), "no setting of SftConfig is named 'demoz'. Did you mean 'demos'?"),
        (("sft", "--set", "lr"), "a setting is KEY=VALUE, got 'lr'"),
        (("sft", "--set", "lr=-1"), "lr = '-1': input should be greater than 0"),
        (("sft", "--set", "lr=inf"), "lr = 'inf': input should be a finite number"),
        (("sft", "--set", "alpha=nan"), "alpha = 'nan': input should be a finite number"),
        (("sft", "--env", "airlin"), "no environment is named 'airlin'"),
        (("sft", "--tasks", "simple:cancle"), "no intent is named 'cancle'. Did you mean 'cancel'?"),
        (("sft", "--model", "nowhere"), "nowhere"),
        (("sft", "--size", "1g"), "1g"),
        (("grpo",), "give --from RUN, or --model CHECKPOINT"),
        (("grpo", "--from", "a", "--model", "b"), "give one of them"),
        (("grpo", "--from", "nowhere"), "no folder nowhere"),
    ],
)
def test_what_is_misused_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, line: tuple[str, ...], told: str
) -> None:
    small = settings() if line[0] == "sft" and "--model" not in line else []
    job, *rest = line
    said = refused(capsys, "train", job, "--out", str(tmp_path / "x"), *small, *rest)
    assert told in said


def test_cuda_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    line = ["train", "sft", "--device", "cuda", "--out", str(tmp_path / "x"), "--tasks", TASKS]
    assert "no CUDA device is here" in refused(capsys, *line, *settings())


@pytest.mark.parametrize(("name", "code"), [("llama3_1", None), ("qwen3", 1), ("marked", 0)])
def test_check_template_ends_with_one_for_a_template_that_changes_history(
    name: str, code: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = codecs.TEMPLATES / f"{name}.jinja"
    if not path.exists():
        pytest.skip(f"no template {name}")
    found = main(["train", "check-template", str(path)])
    lines, words = results(capsys)
    assert found == int(any(each["level"] == "fail" for each in lines))
    assert code in (None, found)
    verdict = words.splitlines()[-1]
    assert verdict.startswith("NOT FIT for training" if found else "FIT for training")


def again(taught: tuple[str, str], *more: str) -> list[str]:
    """Return the command that taught, again."""
    line = ["train", "sft", "--out", taught[1], "--tasks", TASKS, "--size", "0.3m", "--steps", "1"]
    wide = ["--set", "room=4000", "--set", "batch_tokens=9000", "--from-runs", taught[0]]
    return [*line, *settings(), *wide, *more]


def test_a_finished_run_says_so_at_once_and_how_to_train_on(
    taught: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simenv.train.jobs.run_sft", None)
    out = Path(taught[1])
    before = {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))}
    capsys.readouterr()
    assert main(again(taught)) == 0
    (result,), words = results(capsys)
    assert result["weights"] == json.loads((out / "finished.json").read_text())["weights"]
    assert f"{out} holds this very run, and it is finished (1 step); nothing was done." in words
    assert f"Its report is {out / 'report.html'}" in words
    assert f"To train on: simenv train grpo --from {out} --out {out}-grpo" in words
    assert {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))} == before
    (out / "report.html").unlink()
    assert main(again(taught)) == 0
    assert "The report was missing and has been written again" in results(capsys)[1]
    assert (out / "report.html").is_file()
    assert "another config: seed 0, not 3" in refused(capsys, *again(taught, "--set", "seed=3"))


def test_a_guard_that_stops_a_run_is_told_with_the_command_that_goes_on(
    taught: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    monkeypatch.setattr(evaluate, "FORCED", 0)
    capsys.readouterr()
    out = tmp_path / "b"
    small = ["--set", "group=2", "--set", "groups=1", "--set", "turn_tokens=4", "--steps", "2"]
    strict = ["--set", "guards.length_times=none", "--set", "guards.kl=1e-12", "--set", "lr=0.3"]
    assert main(["train", "grpo", "--from", taught[1], "--out", str(out), *small, *strict]) == 1
    *_, stopped, way, command = capsys.readouterr().err.splitlines()
    assert "training stopped at step" in stopped
    assert "by the guard 'kl'" in stopped
    good = out / "checkpoints" / "step-000000"
    assert f"The last good checkpoint is {good}." in stopped
    assert way.strip() == "To go on from step-000000 with half the learning rate, in another folder:"
    assert f"simenv train grpo --from {good} --out {tmp_path / 'b-2'} " in command
    loose = shlex.split(command.strip())[1:]
    assert main([*loose, "--set", "guards.kl=none", "--steps", "1"]) == 0
    config = json.loads((tmp_path / "b-2" / "config.json").read_text())
    assert (config["lr"], config["group"], config["guards"]["length_times"]) == (0.15, 2, None)


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_doctor_ends_with_one_if_a_check_failed(
    ok: bool, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [
        Check("mask", True, "3 of 9", picture="[[x]]"),
        Check("overfit", ok, "so much", figures={"n": 2}),
    ]
    monkeypatch.setattr(doctor, "examine", lambda env, **options: iter(checks))
    assert main(["train", "doctor"]) == code
    lines, words = results(capsys)
    assert [each["ok"] for each in lines] == [True, ok]
    assert lines[1]["n"] == 2
    assert "[[x]]" in words
    assert ("FAILED  overfit: so much" in words) is not ok


def test_defaults_are_settings_that_exist(taught: tuple[str, str], tmp_path: Path) -> None:
    small = with_settings(SftConfig, [], **defaults.for_sft("simenv/airline-v0", ""))
    assert small.tasks == small.held_out == defaults.lessons_of("airline")
    large = with_settings(SftConfig, [], **defaults.for_sft("airline", str(tmp_path)))
    assert (large.tasks, large.held_out, large.rank) == ("train", "test", 16)
    after = with_settings(GrpoConfig, [], **defaults.for_grpo("airline", taught[1]))
    assert (after.tasks, after.room) == (TASKS, 5000)
    pure = with_settings(GrpoConfig, [], **defaults.for_grpo("airline", str(tmp_path)))
    assert (pure.tasks, pure.held_out) == ("train", "test")
    assert defaults.held_out_for("synth:depth=1") == "synth:depth=1"
    assert defaults.held_out_for("mine.jsonl") == "test"


def test_a_run_that_learned_in_a_window_goes_on_and_plays_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(evaluate, "FORCED", 0)
    out, log = str(tmp_path / "cut"), str(tmp_path / "log.jsonl")
    line = ["train", "sft", "--out", out, "--tasks", TASKS, "--size", "0.3m", "--steps", "1"]
    cut = ["--set", "context=cut", "--set", "room=1300", "--set", "recalls=3", "--set", "demos=2"]
    assert main([*line, *settings(), *cut]) == 0
    kept = with_settings(GrpoConfig, [], **defaults.for_grpo("airline", out))
    assert (kept.context, kept.room, kept.recalls, kept.notes) == ("cut", 1300, 3, 60)
    play = ["run", "airline", "--agent", "hf", "--model", out, "--tasks", "1", "--face", "compact"]
    assert main([*play, "--out", log]) == 0
    header = read_header(log)
    assert (header["window"], header["recalls"], header["notes"]) == (1300, 3, 60)
    assert header["max_tokens"] == kept.turn_tokens


def test_settings_of_several_values_are_read() -> None:
    config = with_settings(
        GrpoConfig,
        ["mask_reasons=context,timeout", "guards.kl=none", "guards.mismatch=0.1", "options=low:0.1"],
    )
    assert config.mask_reasons == ("context", "timeout")
    assert config.guards.kl is None
    assert config.guards.mismatch == 0.1
    assert config.options == {"low": 0.1}


def test_a_run_in_which_no_group_had_a_signal_is_counted(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path, config="c", tensorboard=False) as metrics:
        for step, groups in enumerate((0, 3, 0), 1):
            metrics.write(step, {"groups": groups})
    assert without_signal(tmp_path) == {"steps": 3, "steps_without_signal": 2}
