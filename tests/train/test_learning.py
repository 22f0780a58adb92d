"""The whole course on a CPU: a decoder learns from nothing, GRPO adds to it, and two processes end alike."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
RISE = 0.15


def start(out: Path) -> subprocess.Popen[bytes]:
    paths = [str(ROOT / each) for each in ("", "corpora", "generators")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.learning", "--out", str(out)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("learning")
    running = {folder / f"{at}.json": start(folder / f"{at}.json") for at in range(2)}
    assert [process.wait(timeout=1200) for process in running.values()] == [0, 0]
    return [json.loads(out.read_text())["courses"][0] for out in running]


def test_two_processes_end_with_the_same_weights(courses: list[dict[str, Any]]) -> None:
    one, other = ({key: each[key] for key in each if key != "cpu_s"} for each in courses)
    assert one == other


def test_success_in_unseen_worlds_rises(courses: list[dict[str, Any]]) -> None:
    course = courses[0]
    assert course["rise"]["sampled"]["mean"] >= RISE, course
    assert course["before"]["sampled"]["rate"] > 0, "nothing was learned from demonstrations"
    assert course["parameters"] < 1_100_000


def test_fine_tuning_had_reached_its_plateau(courses: list[dict[str, Any]]) -> None:
    last = courses[0]["validation"]["looks"][-2:]
    assert last[0] - last[1] < 0.15 * last[0], last
