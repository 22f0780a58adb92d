"""The metrics file: every row is kept as it is, what is not finite is seen, a torn tail is told."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import DataError, UsageError
from simenv.train.report.metrics import FILE, MetricsWriter, read_metrics

_NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name not in ("step", "config", "not_finite"))
_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)


def _written(folder: Path, steps: range, **more: Any) -> Path:
    with MetricsWriter(folder, config="c", tensorboard=False, **more) as metrics:
        for step in steps:
            metrics.write(step, {"loss": 1 / (step + 1)})
    return folder / FILE


@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=4), max_size=4))
def test_rows_read_back_as_they_were_returned(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    with MetricsWriter(folder, config="c0ffee", tensorboard=False) as metrics:
        stored = [metrics.write(step, row) for step, row in enumerate(rows)]
    found = read_metrics(folder / FILE)
    assert list(found.rows) == stored
    assert found.torn_bytes == 0
    for row, given_row in zip(stored, rows, strict=True):
        assert row["config"] == "c0ffee"
        bad = [name for name, value in given_row.items() if isinstance(value, float) and not isfinite(value)]
        assert row.get("not_finite", []) == bad
        assert all(row[name] is None for name in bad)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_what_is_not_finite_is_null_and_named(tmp_path: Path, value: float) -> None:
    with MetricsWriter(tmp_path, config="c", tensorboard=False) as metrics:
        metrics.write(3, {"loss": 0.5, "grad_norm": value})
    line = (tmp_path / FILE).read_text()
    assert json.loads(line) == {
        "step": 3, "config": "c", "loss": 0.5, "grad_norm": None, "not_finite": ["grad_norm"],
    }  # fmt: skip
    assert "NaN" not in line
    assert "Infinity" not in line


def test_numpy_numbers_are_numbers_and_other_things_are_refused(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path, config="c", tensorboard=False) as metrics:
        row = metrics.write(0, {"a": np.float64(0.5), "b": np.int64(3), "c": True, "d": Fraction(1, 4)})  # type: ignore[dict-item]
        assert row == {"step": 0, "config": "c", "a": 0.5, "b": 3, "c": True, "d": 0.25}
        with pytest.raises(UsageError, match=r"'loss' is a list; give a number"):
            metrics.write(1, {"loss": [0.5]})  # type: ignore[dict-item]
        with pytest.raises(UsageError, match="'step' is taken"):
            metrics.write(1, {"step": 4})
    assert len(read_metrics(tmp_path / FILE).rows) == 1


def test_a_row_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    metrics = MetricsWriter(tmp_path, config="c", tensorboard=False)
    metrics.write(0, {"loss": 1.0})
    assert [row["step"] for row in read_metrics(tmp_path / FILE).rows] == [0]
    metrics.close()
    metrics.close()
    with pytest.raises(UsageError, match="is closed"):
        metrics.write(1, {})


def test_steps_only_go_up(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path, config="c", tensorboard=False) as metrics:
        metrics.write(4, {})
        for step in (4, 3):
            with pytest.raises(UsageError, match="steps only go up"):
                metrics.write(step, {})


def test_every_torn_tail_is_left_out_and_told(tmp_path: Path) -> None:
    path = _written(tmp_path, range(3))
    whole = path.read_bytes()
    second = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for end in range(second, len(whole)):
        path.write_bytes(whole[:end])
        found = read_metrics(path)
        assert [row["step"] for row in found.rows] == [0, 1]
        assert found.torn_bytes == end - second


def test_damage_before_the_end_is_an_error_that_names_its_line(tmp_path: Path) -> None:
    path = _written(tmp_path, range(3))
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (b"{}\n", b"[1]\n", b'{"step":"2"}\n', b'{"step":true}\n', b"\xff\n", b"\n"):
        path.write_bytes(lines[0] + broken + lines[2])
        with pytest.raises(DataError, match=r"metrics.jsonl:2: not a metrics row"):
            read_metrics(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_metrics(tmp_path / "none.jsonl")


def test_resuming_cuts_later_rows_and_the_torn_tail(tmp_path: Path) -> None:
    straight = _written(tmp_path / "a", range(8)).read_bytes()
    path = _written(tmp_path / "b", range(6))
    with path.open("ab") as file:
        file.write(b'{"step": 6, "lo')
    with MetricsWriter(tmp_path / "b", config="c", resume_at=3, tensorboard=False) as metrics:
        assert metrics.cut_rows == 2
        assert [row["step"] for row in read_metrics(path).rows] == [0, 1, 2, 3]
        with pytest.raises(UsageError, match="step 3 comes after step 3"):
            metrics.write(3, {})
        for step in range(4, 8):
            metrics.write(step, {"loss": 1 / (step + 1)})
    assert path.read_bytes() == straight


def test_a_new_run_does_not_write_over_an_old_one(tmp_path: Path) -> None:
    path = _written(tmp_path, range(2))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="2 rows already, up to step 1; resume that run"):
        MetricsWriter(tmp_path, config="c")
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_a_full_disk_loses_no_row(tmp_path: Path) -> None:
    import resource

    metrics = MetricsWriter(tmp_path, config="c", tensorboard=False)
    metrics.write(0, {"loss": 1.0})
    before = metrics.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system takes ten bytes of the next row, then no more.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot be written \(no space left on device\)"):
            metrics.write(1, {"loss": 2.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert metrics.path.read_bytes() == before
    metrics.write(1, {"loss": 2.0})
    metrics.close()
    assert [row["step"] for row in read_metrics(metrics.path).rows] == [0, 1]


class _Board:
    """Stands in for TensorBoard's writer."""

    made: list["_Board"] = []  # noqa: RUF012

    def __init__(self, **settings: Any) -> None:
        self.settings, self.seen, self.closed = settings, list[tuple[str, float, int]](), False
        self.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.seen.append((name, value, step))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[_Board]]:
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = _Board  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    _Board.made = []
    yield _Board.made
    _Board.made = []


def test_tensorboard_gets_the_finite_numbers_where_it_is_present(tmp_path: Path, board: list[_Board]) -> None:
    with MetricsWriter(tmp_path, config="c", resume_at=4) as metrics:
        metrics.write(5, {"loss": 0.5, "turns": 3, "adapter_digest": "ab", "kl": float("nan"), "flag": True})
    assert board[0].settings == {"log_dir": str(tmp_path / "tensorboard"), "purge_step": 5}
    assert board[0].seen == [("loss", 0.5, 5), ("turns", 3, 5)]
    assert board[0].closed


def test_without_tensorboard_nothing_is_said_unless_it_is_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    _written(tmp_path, range(1))
    with MetricsWriter(tmp_path, config="c", resume_at=0) as metrics:
        metrics.write(1, {"loss": 0.1})
    with pytest.raises(UsageError, match="pip install tensorboard"):
        MetricsWriter(tmp_path / "other", config="c", tensorboard=True)
