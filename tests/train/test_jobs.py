"""The jobs: what a run folder holds, exact resume, and what cannot go on."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

import simenv  # noqa: E402
from simenv.cli import main  # noqa: E402
from simenv.core.errors import DataError, UsageError  # noqa: E402
from simenv.scoring.facts import TextLoss  # noqa: E402
from simenv.train import checkpoint, evaluate, folder, forcing, jobs  # noqa: E402
from simenv.train.checkpoint import CheckpointError, Disk  # noqa: E402
from simenv.train.course import Progress  # noqa: E402
from simenv.train.demos import demos  # noqa: E402
from simenv.train.grpo import Grpo, Row, Window  # noqa: E402
from simenv.train.guards import TrainingStopped  # noqa: E402
from simenv.train.jobs import run_grpo, run_sft  # noqa: E402
from simenv.train.models.hf import from_config  # noqa: E402
from simenv.train.models.policy import load_policy  # noqa: E402
from simenv.train.report.data import read_run  # noqa: E402
from simenv.train.sft import fit_of  # noqa: E402
from simenv.train.tasks import source_of  # noqa: E402
from tests.train import codecs  # noqa: E402
from tests.train.tiny import TASKS, grpo_config, rows_of, sft_config, some_reward  # noqa: E402


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    monkeypatch.setattr(evaluate, "FORCED", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A supervised run without interruption, and the digest of its weights."""
    out = tmp_path_factory.mktemp("whole") / "a"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "FORCED", 1)
        return out, run_sft(sft_config(), out, pictures=False).digest()


@pytest.fixture(scope="module")
def improved(whole: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of GRPO from it without interruption, and the digest of its weights."""
    out = tmp_path_factory.mktemp("improved") / "b"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simenv.train.grpo.reward_of", some_reward)
        return out, run_grpo(grpo_config(), out, start=str(whole[0]), pictures=False).digest()


@pytest.fixture
def begun(improved: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the run of GRPO, to be damaged."""
    return Path(shutil.copytree(improved[0], tmp_path / "b"))


def stopping(at: int, how: Callable[[], object]) -> Progress:
    """Return what stops a run when that step is done."""

    def progress(what: str, done: int, total: int) -> None:
        if (what, done) == ("steps", at):
            how()

    return progress


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_run_folder_holds_all_that_a_report_shows(whole: tuple[Path, str]) -> None:
    out, weights = whole
    run = read_run(out)
    assert (run.kind, len(run.rows), run.notes) == ("SFT", 4, ())
    assert set(run.digests) == {sft_config().digest}
    assert run.config["versions"]["torch"] == torch.__version__
    measures = run.panel["measures"]
    assert {"success", "tool selection", "validation loss", "retention loss"} <= measures.keys()
    assert measures["success"]["before"]["n"] == 2
    assert measures["success"]["before"]["interval_95"]
    assert run.panel["idle"]["passed"] == 0
    assert measures["validation loss"]["after"]["value"] < measures["validation loss"]["before"]["value"]
    assert [each["stage"] for each in run.episodes] == ["before"] * 2 + ["after"] * 2
    assert (out / "report.html").is_file()
    assert "idle" in (out / "panel.txt").read_text()
    assert load_policy(out).digest() == weights


def test_skills_are_told_of_certified_tasks_only(whole: tuple[Path, str]) -> None:
    assert not (whole[0] / "skills.json").exists()
    tasks = source_of("airline", "test")
    policy = load_policy(whole[0])
    rollouts = evaluate.evaluate(policy, [tasks.at(0)], room=1200, turn_tokens=4)
    skills = evaluate.skills_of(rollouts, face="compact")
    assert {each["exposures"] for each in skills} == {1}


def test_sft_of_four_steps_is_two_and_two(whole: tuple[Path, str], tmp_path: Path) -> None:
    out, key = tmp_path / "a", lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stop:
        run_sft(sft_config(), out, progress=stopping(2, key), pictures=False)
    assert stop.value.__notes__ == ["Step 2 is done and saved; the same command goes on from there."]
    assert len(rows_of(out)) == 2
    assert not (out / "model").exists()
    policy = run_sft(sft_config(), out, pictures=False)
    assert policy.digest() == whole[1]
    assert rows_of(out) == rows_of(whole[0])


def test_user_failure_12_grpo_of_four_steps_is_two_and_two(
    whole: tuple[Path, str], improved: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "b"
    with pytest.raises(KeyboardInterrupt):
        run_grpo(grpo_config(), out, start=str(whole[0]), progress=stopping(2, interrupt), pictures=False)
    policy = run_grpo(grpo_config(), out, start=str(whole[0]), pictures=False)
    assert policy.digest() == improved[1] != whole[1]
    assert rows_of(out) == rows_of(improved[0])
    last, other = (run / "checkpoints" / "step-000004" for run in (out, improved[0]))
    for name in ("policy", "ref", "optimizer"):
        file = f"{name}.safetensors"
        assert (last / file).read_bytes() == (other / file).read_bytes()


def test_more_steps_are_the_same_run() -> None:
    assert grpo_config(steps=9, workers=2, save_every=1).digest == grpo_config().digest
    assert grpo_config(lr=0.02).digest != grpo_config().digest
    assert sft_config(steps=9).digest != sft_config().digest


def test_a_torn_row_and_rows_behind_the_checkpoint_are_written_again(
    begun: Path, whole: tuple[Path, str], improved: tuple[Path, str]
) -> None:
    with (begun / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "conf')
    policy = run_grpo(grpo_config(), begun, start=str(whole[0]), step=3, pictures=False)
    assert policy.digest() == improved[1]
    assert rows_of(begun) == rows_of(improved[0])


def test_a_checkpoint_is_something_to_begin_from(improved: tuple[Path, str]) -> None:
    assert load_policy(improved[0] / "checkpoints" / "step-000004").digest() == improved[1]
    assert load_policy(improved[0] / "checkpoints" / "step-000003").digest() != improved[1]
    assert load_policy(improved[0]).digest() == improved[1]


def test_rows_hold_what_guards_and_reports_read(improved: tuple[Path, str]) -> None:
    rows = rows_of(improved[0])
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert len({row["adapter_digest"] for row in rows}) == 4
    assert all(row["proof_sampler"] == row["proof_trainer"] for row in rows)
    assert [row["step"] for row in rows if "held_out_success" in row] == [3]
    assert read_run(improved[0]).kind == "GRPO"


def test_a_guard_stops_the_run_and_names_the_last_good_checkpoint(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    config = grpo_config(guards={"mismatch": 1e-12})
    with pytest.raises(TrainingStopped, match=r"'mismatch'.*step-000000") as stop:
        run_grpo(config, tmp_path / "b", start=str(whole[0]), pictures=False)
    (told,) = json.loads((tmp_path / "b" / "guards.json").read_text())
    assert told["guard"] == stop.value.stop.guard == "mismatch"
    assert told["checkpoint"] == "step-000000"
    assert told["command"] == f"simenv train doctor --env simenv/airline-v0 --model {whole[0]}"
    assert stop.value.__notes__ == [told["next"], f"  {told['command']}"]
    assert read_run(tmp_path / "b").guards
    assert (tmp_path / "b" / "report.html").is_file()


def test_a_reward_that_is_not_finite_stops_and_loses_nothing(
    begun: Path, whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simenv.train.grpo.reward_of", lambda name, rollout: float("nan"))
    with pytest.raises(UsageError, match="nan") as error:
        run_grpo(grpo_config(steps=6), begun, start=str(whole[0]), pictures=False)
    assert "step-000004" in error.value.__notes__[0]
    assert len(rows_of(begun)) == 4


# Weights that are no numbers


def poison(file: Path, name: str) -> None:
    """Make one number of a weight NaN."""
    state = load_file(file)
    state[name].view(-1)[0] = torch.nan
    save_file(state, file)


def test_a_mark_of_a_finished_run_that_is_torn_is_none(begun: Path, whole: tuple[Path, str]) -> None:
    mark = begun / "finished.json"
    told = json.loads(mark.read_text())
    torn = ["", "[]", mark.read_text()[:30], json.dumps(told | {"step": "abc"}), json.dumps({"step": 4})]
    for text in torn:
        mark.write_text(text)
        assert folder.finished(begun, "grpo", grpo_config(), start=str(whole[0])) == {}
    go_on(begun, whole[0])
    assert json.loads(mark.read_text()) == told


def test_a_tokenizer_larger_than_the_model_is_refused(whole: tuple[Path, str], tmp_path: Path) -> None:
    other = Path(shutil.copytree(whole[0], tmp_path / "other"))
    (other / "model" / "tokenizer.json").write_text(codecs.plain().tokenizer_json())
    with pytest.raises(UsageError, match=r"the tokenizer has \d+ ids and the model \d+; they are not of"):
        go_on(tmp_path / "b", other)


def test_a_policy_with_one_nan_is_refused_by_the_name_of_the_weight(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    other = Path(shutil.copytree(whole[0], tmp_path / "other"))
    file = other / "model" / "model.safetensors"
    name = next(name for name in load_file(file) if "norm" in name)
    poison(file, name)
    with pytest.raises(DataError, match=rf"weight {name} is not finite .* in 1 of .* earlier checkpoint"):
        go_on(tmp_path / "b", other)


def test_an_adapter_with_one_nan_is_refused(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checkpoint.load(begun / "checkpoints")
    name = next(iter(found.tensors["policy"]))
    found.tensors["policy"][name].view(-1)[0] = torch.inf
    monkeypatch.setattr(checkpoint, "load", lambda *at, **how: found)
    with pytest.raises(DataError, match=f"weight {name} is not finite"):
        load_policy(begun / "checkpoints" / "step-000004")
    start = json.loads((begun / "config.json").read_text())["start"]
    with pytest.raises(DataError, match=f"weight {name} is not finite"):
        go_on(begun, Path(start), steps=5)


def test_a_policy_that_falls_apart_is_stopped_like_by_a_guard(
    whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Grpo._update  # noqa: SLF001

    def breaking(grpo: Grpo, window: Window) -> Row:
        row = update(grpo, window)
        with torch.no_grad():
            grpo.adapters.parameters()[0].fill_(torch.nan)
        return row

    monkeypatch.setattr(Grpo, "_update", breaking)
    with pytest.raises(TrainingStopped, match=r"'not_finite'.*no probabilities.*step-000000") as stop:
        go_on(tmp_path / "b", whole[0])
    (told,) = json.loads((tmp_path / "b" / "guards.json").read_text())
    assert (told["guard"], told["step"], told["checkpoint"]) == ("not_finite", 2, "step-000000")
    assert "half the learning rate" in stop.value.__notes__[0]
    assert len(rows_of(tmp_path / "b")) == 1


def test_every_json_file_is_json_where_a_loss_is_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "text_losses", lambda *given: [TextLoss("a", float("nan"), 3)] * 2)
    run_sft(sft_config(steps=1, every=1, demos=2), tmp_path, pictures=False)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    for file in sorted(tmp_path.glob("*.json*")):
        for line in file.read_text().splitlines():
            json.loads(line, parse_constant=refuse)
    assert read_run(tmp_path).panel["measures"]["retention loss"]["after"]["value"] is None


# What cannot go on


def go_on(out: Path, start: Path, **changes: Any) -> None:
    run_grpo(grpo_config(**changes), out, start=str(start), pictures=False)


def test_a_half_written_checkpoint_names_the_last_good_one(begun: Path, whole: tuple[Path, str]) -> None:
    file = begun / "checkpoints" / "step-000004" / "policy.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"truncated.*The last good checkpoint is .*step-000003"):
        go_on(begun, whole[0], steps=5)


def test_another_config_is_refused_by_its_fields(begun: Path, whole: tuple[Path, str]) -> None:
    with pytest.raises(UsageError, match=r"another config: lr 0\.01, not 0\.02\."):
        go_on(begun, whole[0], lr=0.02)
    told = json.loads((begun / "config.json").read_text())
    (begun / "config.json").write_text(json.dumps(told | {"lr": 0.02}))
    with pytest.raises(CheckpointError, match="another config"):
        go_on(begun, whole[0], lr=0.02)


def test_another_version_of_the_environment_is_refused(
    begun: Path, whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = jobs.identity_of
    monkeypatch.setattr(jobs, "identity_of", lambda *given: identity(*given) | {"env_version": "airline-v9"})
    with pytest.raises(CheckpointError, match=r"another version of the environment: expected airline-v9"):
        go_on(begun, whole[0], steps=5)


def test_weights_that_were_changed_meanwhile_are_refused(
    begun: Path, whole: tuple[Path, str], tmp_path: Path
) -> None:
    other = Path(shutil.copytree(whole[0], tmp_path / "other"))
    policy = load_policy(other)
    with torch.no_grad():
        next(iter(policy.model.parameters())).mul_(1.01)
    policy.save(other / "model")
    config = json.loads((begun / "config.json").read_text())
    (begun / "config.json").write_text(json.dumps(config | {"start": str(other)}))
    with pytest.raises(DataError, match="start digest is"):
        go_on(begun, other, steps=5)
    with pytest.raises(DataError, match="no longer what they were"):
        load_policy(begun / "checkpoints" / "step-000004")


def test_what_cannot_begin_is_refused_before_anything_is_written(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "b"
    with pytest.raises(UsageError, match="no folder"):
        go_on(out, tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"rank = 0"):
        go_on(out, whole[0], rank=0)
    with pytest.raises(UsageError, match=r"the model has room for 1250 tokens; give room=1250"):
        go_on(out, whole[0], room=4000)
    with pytest.raises(UsageError, match="begins from something"):
        run_grpo(grpo_config(), out)
    with pytest.raises(UsageError, match="success is measured on other tasks"):
        run_sft(sft_config(tasks="test", held_out="test"), tmp_path / "a")
    assert not out.exists()


def test_a_finished_run_is_not_written_over(whole: tuple[Path, str]) -> None:
    with pytest.raises(UsageError, match="holds a run already"):
        run_sft(sft_config(), whole[0], resume=False, pictures=False)
    with pytest.raises(UsageError, match=r"job 'sft', not 'grpo'"):
        go_on(whole[0], whole[0])


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a folder with its bytes and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refuse_to_measure(*given: object, **more: object) -> None:
    raise AssertionError("a finished run is measured again")


def test_a_finished_run_that_is_given_again_does_nothing(
    whole: tuple[Path, str], begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate.Exam, "sit", refuse_to_measure)
    before = [seen(out) for out in (whole[0], begun)]
    assert run_sft(sft_config(), whole[0]).digest() == whole[1]
    for fewer in ({}, {"steps": 2}):
        policy = run_grpo(grpo_config(**fewer), begun, start=str(whole[0]))
        assert policy.digest() == load_policy(begun).digest()
    assert [seen(out) for out in (whole[0], begun)] == before
    told = json.loads((begun / "finished.json").read_text())
    assert (told["step"], told["weights"]) == (4, load_policy(begun).digest())


def test_more_steps_and_an_earlier_checkpoint_are_not_finished(begun: Path, whole: tuple[Path, str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_grpo(grpo_config(steps=6), begun, start=str(whole[0]), progress=stopping(5, interrupt))
    assert not (begun / "finished.json").exists(), "it would vouch for a report of other steps"
    run_grpo(grpo_config(steps=6), begun, start=str(whole[0]), pictures=False)
    assert len(rows_of(begun)) == 6
    run_grpo(grpo_config(steps=6), begun, start=str(whole[0]), step=5, pictures=False)
    assert json.loads((begun / "finished.json").read_text())["step"] == 6


def test_what_may_differ_when_a_run_is_taken_up_is_kept_and_told(
    begun: Path, whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = simenv.__version__
    monkeypatch.setattr(simenv, "__version__", "9.9")
    told: list[str] = []
    run_grpo(grpo_config(steps=5), begun, start=str(whole[0]), tell=told.append, pictures=False)
    (note,) = told
    assert note.startswith(f"The checkpoint of step 4 was written with simenv {now}, now 9.9")
    assert read_run(begun).notes == (note,)
    assert note in (begun / "report.html").read_text()


def test_a_pack_with_fewer_tasks_than_evaluations_is_told_with_both_numbers(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    pack = tmp_path / "few.jsonl"
    small = ["--depth", "1:1", "--breadth", "1:1", "--count", "1", "--split", "test"]
    assert main(["synth", "airline", *small, "--out", str(pack)]) == 0
    told: list[str] = []
    wide = {"room": 4000, "batch_tokens": 9000}
    config = sft_config(held_out=str(pack), evaluations=3, steps=1, every=1, demos=2, **wide)
    run_sft(config, tmp_path / "a", tell=told.append, pictures=False)
    (note,) = told
    assert note == (
        f"Success is measured on 1 task, not on 3 (evaluations = 3): {pack} has no more different ones."
    )
    assert read_run(tmp_path / "a").notes == (note,)
    assert read_run(tmp_path / "a").panel["measures"]["success"]["before"]["n"] == 1


def test_a_torn_log_is_told_and_stands_in_the_notes(tmp_path: Path) -> None:
    """Found by a reader: the last record of a log was dropped without a word."""
    log = tmp_path / "oracle.jsonl"
    assert main(["run", "airline", "--agent", "oracle", "--tasks", "2", "--out", str(log)]) == 0
    log.write_bytes(log.read_bytes()[:-40])
    told: list[str] = []
    config = sft_config(runs=(str(log),), steps=1, every=1, room=4000, batch_tokens=9000)
    run_sft(config, tmp_path / "a", tell=told.append, pictures=False)
    (note,) = told
    assert note.startswith(f"The last record of {log} (line 3) is torn and was left out")
    assert read_run(tmp_path / "a").notes == (note,)


def test_a_half_written_model_is_told(whole: tuple[Path, str], tmp_path: Path) -> None:
    other = Path(shutil.copytree(whole[0], tmp_path / "other"))
    file = other / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match="not a whole model"):
        go_on(tmp_path / "b", other)


def test_a_model_of_another_version_is_told_by_its_parts(whole: tuple[Path, str], tmp_path: Path) -> None:
    other = Path(shutil.copytree(whole[0], tmp_path / "other"))
    file = other / "model" / "model.safetensors"
    save_file({name: each for name, each in load_file(file).items() if "hearing" not in name}, file)
    with pytest.raises(DataError, match=r"parts are not those of this version's decoder: hearing\."):
        go_on(tmp_path / "b", other)


def full(disk: Disk, path: Path, data: bytes) -> None:
    """Stand for a disk on which no weights of a model have room."""
    room = 9 if path.name == "model.safetensors" else len(data)
    path.write_bytes(data[:room])
    if room < len(data):
        raise OSError(28, "No space left on device")


def test_a_full_disk_at_the_model_is_told_and_the_same_command_goes_on(
    whole: tuple[Path, str], improved: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b"
    monkeypatch.setattr(Disk, "write", full)
    with pytest.raises(DataError, match=r"the model cannot be written .No space left.*Make room") as error:
        go_on(out, whole[0])
    assert error.value.__notes__ == [f"The last good checkpoint is {out / 'checkpoints' / 'step-000004'}."]
    assert not [*out.glob("model*")]
    assert load_policy(out).digest() == improved[1], "the checkpoint is what was learned"
    monkeypatch.undo()
    run_grpo(grpo_config(), out, start=str(whole[0]), pictures=False)
    assert load_policy(out / "model").digest() == improved[1]


def test_a_full_disk_leaves_the_model_that_was_there(
    improved: tuple[Path, str], whole: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, folder = load_policy(improved[0]), tmp_path / "model"
    load_policy(whole[0]).save(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Disk, "write", full)
        with pytest.raises(DataError, match="cannot be written"):
            policy.save(folder)
    assert load_policy(folder).digest() == whole[1]
    policy.save(folder)
    assert load_policy(folder).digest() == improved[1]
    assert [*tmp_path.iterdir()] == [folder]


def test_half_a_model_does_not_stand_before_checkpoints(begun: Path, improved: tuple[Path, str]) -> None:
    weights = begun / "model" / "model.safetensors"
    weights.replace(weights.with_name("model.safetensors.part"))
    assert load_policy(begun).digest() == improved[1]
    shutil.rmtree(begun / "checkpoints")
    with pytest.raises(DataError, match="not a whole model"):
        load_policy(begun)


# A checkpoint of somebody else's


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3 with its tokenizer."""
    folder = tmp_path_factory.mktemp("foreign")
    config = transformers.Qwen3Config(
        vocab_size=codecs.qwen3().vocab_size, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=8192,
        pad_token_id=None, bos_token_id=None,
    )  # fmt: skip
    from_config(config).causal.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(codecs.qwen3().tokenizer_json())
    return folder


def test_a_transformers_checkpoint_is_taught_by_an_adapter_and_improved(
    foreign: Path, tmp_path: Path
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    room = {"room": 8000, "batch_tokens": 16000, "evaluations": 1, "demos": 2, "validation": 1, "steps": 2}
    taught = run_sft(sft_config(model=str(foreign), rank=4, **room), a, pictures=False)
    assert taught.digest() == load_policy(a).digest() != load_policy(foreign).digest()
    config = grpo_config(room=8000, evaluations=1, steps=1)
    improved = run_grpo(config, b, start=str(a), pictures=False)
    assert improved.digest() == load_policy(b).digest() != taught.digest()
    assert improved.adapters is not None
    assert improved.adapters.rank == 4


def test_every_weight_of_a_checkpoint_is_not_trained(foreign: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rank = 0 would train every weight"):
        run_sft(sft_config(model=str(foreign)), tmp_path / "a")


# What is measured


def test_user_failure_15_the_last_batch_may_be_short_and_each_rollout_has_its_own_world(
    whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = load_policy(whole[0])
    tasks = evaluate.first_tasks(source_of("airline", TASKS, split="test"), 3)
    at_once = evaluate.evaluate(policy, tasks, trials=2, room=1200, turn_tokens=8)
    monkeypatch.setattr(evaluate, "AT_ONCE", 4)
    in_parts = evaluate.evaluate(policy, tasks, trials=2, room=1200, turn_tokens=8)
    assert [each.tokens.ids for each in in_parts] == [each.tokens.ids for each in at_once]
    assert [(each.task.id, each.number) for each in at_once] == [(t.id, n) for t in tasks for n in range(2)]
    assert all(each.task.card.opening in each.messages[1]["content"] for each in at_once)
    assert len({each.tokens.digest for each in at_once}) == 6


def test_losses_and_forced_turns_do_not_depend_on_their_company(
    whole: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forcing, "_LONGER", 1)
    policy = load_policy(whole[0])
    made = demos(policy.family, source_of("airline", TASKS, split="test"), 2, {"plain": 1}, seed=0,
                 face="compact", room=1000)  # fmt: skip
    shown = {task.id: tokens for task, tokens in made}
    losses = forcing.text_losses(policy, shown)
    fit = fit_of(policy.model, policy.device, list(shown.values()))
    assert sum(each.nats for each in losses) / sum(each.tokens for each in losses) == pytest.approx(
        fit.loss, rel=1e-5
    )
    together = forcing.forced(policy, shown)
    alone = [forcing.forced(policy, {name: shown[name]})[0] for name in sorted(shown)]
    assert together == alone
    assert [len(each.steps) for each in together] == [
        sum(segment.sampled for segment in shown[name].segments) for name in sorted(shown)
    ]


def test_progress_is_told_of_every_part(tmp_path: Path) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    config = sft_config(steps=1, every=1, demos=2)
    run_sft(config, tmp_path, progress=lambda what, *at: told.setdefault(what, []).append(at), pictures=False)
    assert list(told) == [
        "texts", "demonstrations", "held-out demonstrations", "measuring before", "steps", "measuring after",
    ]  # fmt: skip
    assert all(seen[-1][0] == seen[-1][1] for seen in told.values())
    assert checkpoint.last_good(tmp_path / "checkpoints") == tmp_path / "checkpoints" / "step-000001"
