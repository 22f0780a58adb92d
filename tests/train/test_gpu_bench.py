"""The benchmarks of training run without a GPU, in small, and say so."""

import json
import math
from pathlib import Path

import pytest

pytest.importorskip("torch")

from benchmarks import trainer
from benchmarks.gpu.__main__ import main
from simenv.core.errors import UnknownNameError


def test_every_section_runs_without_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tiny", "--device", "cpu", "--seconds", "0.1", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["device"] == "cpu"
    assert "tiny" in found["figures_are"]
    learned, played, large, head = (
        found["sections"][name] for name in ("learn", "rollouts", "large", "head")
    )
    assert learned["before"]["greedy"]["n"] == learned["after"]["temperature_1"]["n"] == 2
    assert (
        learned["tokens_per_episode"]["full"]["tokens"] > learned["tokens_per_episode"]["compact"]["tokens"]
    )
    assert played["in_ten_minutes"] == pytest.approx(600 * played["rollouts_per_second"])
    assert played["model"] == "grpo", "what was trained is what is played"
    assert large["sft"]["packed"]["padding"] == 0 < large["sft"]["padded"]["padding"]
    step = large["grpo_step"]
    assert {*step["seconds"]} == {"sample", "score", "train"}
    assert step["tokens_per_episode"] == 640
    assert math.isfinite(step["grad_norm"])
    assert step["mismatch_mean"] < 1e-4, "what was sampled is what is trained"
    few, many = head["by_words"].values()
    assert many["chunked"]["peak"] <= few["chunked"]["peak"], "the same however many words there are"
    assert many["plain"]["peak"] > 4 * few["plain"]["peak"]


def test_a_section_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownNameError, match="heads"):
        main(["--tiny", "--sections", "heads"])


def test_a_seed_is_kept_and_not_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["--out", str(tmp_path), "--size", "0.3m", "--intents", "change_passengers_denied", "--seeds", "1"]
    told += ["--demos", "4", "--sft-steps", "2", "--steps", "1", "--groups", "1", "--held-out", "1"]
    assert trainer.main(told) == 0
    first = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(trainer, "taught", lambda *_: pytest.fail("a finished seed was trained again"))
    monkeypatch.setattr(trainer, "rewarded", lambda *_: pytest.fail("a finished seed was trained again"))
    assert trainer.main(told) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["success"]["after"]["greedy"]["n"] == 1
    with pytest.raises(pytest.fail.Exception):
        trainer.main([*told, "--held-out", "2"])
