"""Metrics of a run: one JSON line per step, appended at once; what is not finite stays visible.

A row is ``{"step": N, "config": DIGEST, name: number, ...}``, where a value may also be a text (a digest) or
null. NaN and infinities are no JSON: they are stored as null and their names listed under ``not_finite``, so
that a guard, or a reader, sees them. A line counts only with its newline: what a killed process left of the
last one is the torn tail, which reading leaves out and tells of, and which resuming cuts off.
"""

import importlib
import importlib.util
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from simenv.core.errors import DataError, UsageError

FILE = "metrics.jsonl"
NOT_FINITE = "not_finite"
Row = dict[str, Any]

_OWN = ("step", "config", NOT_FINITE)


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a metrics file holds.

    Attributes:
        rows: Its rows in order.
        ends: The byte behind each row.
        torn_bytes: Length of a last line that was never finished; it is in no row.
    """

    rows: tuple[Row, ...]
    ends: tuple[int, ...] = ()
    torn_bytes: int = 0


def read_metrics(path: str | os.PathLike[str]) -> Metrics:
    """Return the rows of a metrics file.

    Raises:
        DataError: If it cannot be read, or a whole line is no row.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(path, 0, f"cannot be read ({error.strerror})", "Name a run folder") from None
    rows, ends, end = [], [], 0
    for number, line in enumerate(lines[:-1], 1):
        rows.append(_row(path, number, line))
        end += len(line) + 1
        ends.append(end)
    return Metrics(tuple(rows), tuple(ends), len(lines[-1]))


def _row(path: str | os.PathLike[str], number: int, line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        way_out = "Every line is written whole; get the file anew or resume from an earlier checkpoint"
        raise DataError(path, number, 'not a metrics row: a JSON object with an integer "step"', way_out)
    return row


class MetricsWriter:
    """Appends the rows of one run to ``metrics.jsonl`` of its folder.

    When ``write`` returns, the operating system holds the row: killing the process loses nothing. When
    ``flush`` returns, the device holds it.

    Args:
        folder: The run folder; made if it is not there.
        config: Digest of the config, which goes into every row.
        resume_at: The step that the run goes on from: rows of later steps, and a torn tail, are cut off. None
            for a new run, which must not have any rows yet.
        tensorboard: Whether numbers are mirrored to ``folder/tensorboard``. None: where TensorBoard is
            installed. True demands it.

    Raises:
        UsageError: If a new run has rows already, or TensorBoard is demanded and missing.
        DataError: If the file is damaged or cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with MetricsWriter(folder, config="c0ffee", tensorboard=False) as metrics:
        ...         metrics.write(0, {"loss": 2.5, "grad_norm": float("inf")})
        {'step': 0, 'config': 'c0ffee', 'loss': 2.5, 'grad_norm': None, 'not_finite': ['grad_norm']}
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        config: str,
        resume_at: int | None = None,
        tensorboard: bool | None = None,
    ) -> None:
        self.path = Path(folder) / FILE
        self._config = config
        self._file: BinaryIO | None = None
        self._board = _board(self.path.parent, resume_at, demanded=tensorboard)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            self.cut_rows = self._prepare(resume_at)
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise self._failed(error) from None

    def _prepare(self, resume_at: int | None) -> int:
        """Cut off what does not belong to the run, note where it stands, and return how many rows went."""
        found = read_metrics(self.path)
        if resume_at is None and found.rows:
            raise UsageError(
                f"{self.path} has {len(found.rows)} rows already, up to step {found.rows[-1]['step']}; "
                "resume that run, or give another folder"
            )
        kept = 0
        while kept < len(found.rows) and found.rows[kept]["step"] <= (-1 if resume_at is None else resume_at):
            kept += 1
        self._end = found.ends[kept - 1] if kept else 0
        self._step = found.rows[kept - 1]["step"] if kept else -1
        os.truncate(self.path, self._end)
        return len(found.rows) - kept

    def write(self, step: int, values: Mapping[str, float | str | None]) -> Row:
        """Append the row of a step and return it as it is stored.

        Args:
            step: Greater than that of every row before.
            values: Finite numbers, texts and null stay as they are.

        Raises:
            UsageError: If the step goes back, or a name or value cannot stand in a row.
            DataError: If the file cannot be written; every row before it is kept.
        """
        if self._file is None:
            raise UsageError(f"{self.path} is closed; open it with a new MetricsWriter")
        if step <= self._step:
            raise UsageError(f"step {step} comes after step {self._step}; steps only go up")
        row = self._stored(step, values)
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            # A disk that fills up takes part of a line: without it the file ends as it did before.
            if self._file.write(line) != len(line):
                raise OSError(28, "no space left on device")
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, self._end)
            raise self._failed(error) from None
        self._end += len(line)
        self._step = step
        if self._board is not None:
            _mirror(self._board, row)
        return row

    def flush(self) -> None:
        """Make every row last through a power cut."""
        if self._file is not None:
            os.fsync(self._file.fileno())
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """Flush and close; closing twice is once."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None
        if self._board is not None:
            self._board.close()
            self._board = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stored(self, step: int, values: Mapping[str, float | str | None]) -> Row:
        row: Row = {"step": step, "config": self._config}
        bad = []
        for name, value in values.items():
            if name in _OWN:
                raise UsageError(f"the metric name {name!r} is taken: the writer gives {', '.join(_OWN)}")
            row[name] = _plain(name, value)
            if isinstance(row[name], float) and not isfinite(row[name]):
                row[name] = None
                bad.append(name)
        return row | ({NOT_FINITE: bad} if bad else {})

    def _failed(self, error: OSError) -> DataError:
        way_out = "Every row before it is kept; make room or give another folder, then resume"
        return DataError(self.path, 0, f"cannot be written ({error.strerror})", way_out)


def _plain(name: str, value: object) -> float | str | None:
    """Return a value as JSON has it; numpy's numbers are numbers too."""
    match value:
        case None | str() | bool():
            return value
        case Integral():
            return int(value)
        case Real():
            return float(value)
    raise UsageError(f"metric {name!r} is a {type(value).__name__}; give a number, such as tensor.item()")


def _board(folder: Path, resume_at: int | None, *, demanded: bool | None) -> Any:
    """Return a TensorBoard writer, or None where there is to be none."""
    if demanded is False:
        return None
    # torch.utils.tensorboard loads torch before it finds that TensorBoard is missing.
    if importlib.util.find_spec("tensorboard") is None:
        if demanded:
            raise UsageError("tensorboard is not installed; `pip install tensorboard`, or do not ask for it")
        return None
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
    purge = {} if resume_at is None else {"purge_step": resume_at + 1}
    return writer(log_dir=str(folder / "tensorboard"), **purge)


def _mirror(board: Any, row: Row) -> None:
    for name, value in row.items():
        if name not in _OWN and isinstance(value, int | float) and not isinstance(value, bool):
            board.add_scalar(name, value, row["step"])
