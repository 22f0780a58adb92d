"""What a run folder holds, read for its report: every file but the metrics may be missing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from simenv.core.errors import DataError
from simenv.train.report.metrics import FILE, NOT_FINITE, Metrics, Row, read_metrics

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run folder as data.

    Attributes:
        name: Of the folder.
        rows: Metrics in order of their steps; of several rows of a step the last.
        columns: Metric to (step, value) where it was measured, None where it was not finite.
        config: ``config.json``, or empty.
        panel: ``panel.json``: lists of rows, and single values, by name.
        skills: ``skills.json``: skills ``before`` and ``after``.
        episodes: ``episodes.jsonl``.
        rounds: Of ``loop.json``.
        guards: Those that fired.
        notes: What is to be known about the run (``notes.json``) and is wrong with the files, in sentences.
    """

    name: str
    rows: tuple[Row, ...] = ()
    columns: dict[str, list[tuple[int, float | None]]]
    config: Record
    panel: Record
    skills: Record
    episodes: tuple[Record, ...] = ()
    rounds: tuple[Record, ...] = ()
    guards: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What was done: a loop, GRPO, SFT, or nothing that shows."""
        if self.rounds:
            return "Closed loop"
        if self.columns.keys() & {"reward_mean", "success"}:
            return "GRPO"
        return "SFT" if self.columns.keys() & {"loss", "val_loss"} else "Run"

    @property
    def digests(self) -> dict[str, int]:
        """Digests of the configs that rows were written under, with the first step of each."""
        found: dict[str, int] = {}
        for row in self.rows:
            if row.get("config"):
                found.setdefault(str(row["config"]), row["step"])
        return found

    def names(self, prefix: str) -> list[str]:
        """Return the metrics whose names begin with a prefix, sorted."""
        return sorted(name for name in self.columns if name.startswith(prefix))

    def series(self, name: str) -> list[tuple[int, float | None]]:
        """Return (step, value) where a metric was measured; None where it was not finite."""
        return self.columns.get(name, [])

    def not_finite(self) -> dict[str, list[int]]:
        """Return the steps at which metrics were not finite."""
        found: dict[str, list[int]] = {}
        for row in self.rows:
            for name in bad_names(row):
                found.setdefault(name, []).append(row["step"])
        return found


def number(record: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number of a record, or None.

    Example:
        >>> number({"n": 3, "rate": None, "passed": True}, "n"), number({"passed": True}, "passed")
        (3, None)
    """
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return value


def bad_names(row: Row) -> list[str]:
    """Return the metrics of a row that were not finite."""
    listed = row.get(NOT_FINITE)
    return [str(name) for name in listed] if isinstance(listed, list) else []


def records(value: object) -> list[Record]:
    """Return the records of a list, or nothing if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_run(folder: Path) -> Run:
    """Return what a run folder holds.

    Raises:
        DataError: If ``metrics.jsonl`` is missing, or a file is not what its name says.
    """
    metrics = read_metrics(folder / FILE)
    rows, notes = _in_order(metrics)
    episodes, torn = _lines(folder / "episodes.jsonl")
    config = _object(folder / "config.json")
    loop = _object(folder / "loop.json")
    told = [
        str(each["note"]) for each in records(_object(folder / "notes.json").get("notes")) if "note" in each
    ]
    if "rounds" in loop and not isinstance(loop["rounds"], list):
        raise _not(folder / "loop.json", 'an object with a list "rounds"')
    return Run(
        name=folder.resolve().name,
        rows=rows,
        columns=_columns(rows),
        config=config,
        panel=_object(folder / "panel.json"),
        skills=_object(folder / "skills.json"),
        episodes=episodes,
        rounds=tuple(records(loop.get("rounds"))),
        guards=_list(folder / "guards.json"),
        notes=(*told, *notes, *torn),
    )


def _in_order(metrics: Metrics) -> tuple[tuple[Row, ...], list[str]]:
    notes = []
    if metrics.torn_bytes:
        notes.append(
            f"The last line of metrics.jsonl was never finished ({metrics.torn_bytes} bytes); it is left out."
        )
    by_step = {row["step"]: row for row in metrics.rows}
    if len(by_step) < len(metrics.rows):
        again = len(metrics.rows) - len(by_step)
        notes.append(f"metrics.jsonl has {again} steps twice; the later row of each is shown.")
    return tuple(by_step[step] for step in sorted(by_step)), notes


def _columns(rows: Iterable[Row]) -> dict[str, list[tuple[int, float | None]]]:
    found: dict[str, list[tuple[int, float | None]]] = {}
    for row in rows:
        bad = bad_names(row)
        for name in row:
            value = number(row, name)
            if value is not None or name in bad:
                found.setdefault(name, []).append((row["step"], value))
    return found


def _json(path: Path, kind: type, words: str) -> Any:
    """Return the value of a JSON file, or an empty one of its kind if the file is not there."""
    if not path.exists():
        return kind()
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(path, 0, f"cannot be read ({error.strerror})", "Check its rights") from None
    except ValueError:
        raise _not(path, "JSON in UTF-8") from None
    if not isinstance(value, kind):
        raise _not(path, words)
    return value


def _object(path: Path) -> Record:
    found: Record = _json(path, dict, "a JSON object")
    return found


def _list(path: Path) -> tuple[Record, ...]:
    return tuple(_all_objects(path, enumerate(_json(path, list, "a JSON list"))))


def _lines(path: Path) -> tuple[tuple[Record, ...], list[str]]:
    """Return the objects of a file of JSON lines, and what is to be said of a last line that is torn."""
    if not path.exists():
        return (), []
    try:
        *whole, tail = path.read_text("utf-8", "replace").split("\n")
    except OSError as error:
        raise DataError(path, 0, f"cannot be read ({error.strerror})", "Check its rights") from None
    found = []
    for at, line in enumerate(whole, 1):
        try:
            found.append((at, json.loads(line)))
        except ValueError:
            raise _not(path, "a line of JSON", line=at) from None
    notes = [f"The last line of {path.name} was never finished; it is left out."] if tail else []
    return tuple(_all_objects(path, found)), notes


def _all_objects(path: Path, found: Iterable[tuple[int, object]]) -> list[Record]:
    objects = []
    for at, each in found:
        if not isinstance(each, dict):
            raise _not(path, "a JSON object for every entry", line=at)
        objects.append(each)
    return objects


def _not(path: Path, words: str, *, line: int = 0) -> DataError:
    return DataError(
        path, line, f"not {words}", "Get the file anew, or take it away: the report does without"
    )
