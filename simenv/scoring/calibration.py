"""Difficulties of tasks on the scale of abilities: guessed from the ladder, then refitted from real runs.

A *respondent* is one trial of one agent in one run, an *item* a task. Difficulties are counted so that 0 is
the task that an agent which slips at one of ten uses of an ability passes half the time; see ``prior_b``.
"""

import json
from collections.abc import Mapping, Sequence
from math import expm1, inf, isfinite, log, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.scoring.irt import Fit, fit

PRIOR_SE = 2.0
"""How uncertain a difficulty is that nobody has tried."""
_DIGITS = 6
_WAY_OUT = "Make it again with `simenv tasks FILE --calibrate RUN.jsonl --out FILE`"


class Item(NamedTuple):
    """How a task tells able from unable.

    Attributes:
        id: Id of the task.
        a: Discrimination, > 0.
        b: Difficulty.
        se: Standard error of ``b``.
    """

    id: str
    a: float
    b: float
    se: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data, numbers rounded to 6 decimals."""
        return {
            name: value if name == "id" else round(value, _DIGITS) for name, value in self._asdict().items()
        }


class Calibrated(NamedTuple):
    """An item that was refitted.

    Attributes:
        item: As it is now.
        prior: Its difficulty before anyone had tried it.
        taken: How many respondents tried it.
        passed: How many of them passed.
    """

    item: Item
    prior: float
    taken: int
    passed: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return self.item.to_json() | {
            "prior_b": round(self.prior, _DIGITS),
            "n": self.taken,
            "passed": self.passed,
        }


def prior_b(difficulty: int) -> float:
    """Return the difficulty on the scale of abilities that a certificate's difficulty stands for.

    A certificate counts d, in hundredths: minus the logarithm of the chance ``exp(-d)`` that an agent gets
    through without a slip if it slips at one of ten uses. That agent has ability 0, so under the Rasch model
    ``1 / (1 + exp(b)) = exp(-d)`` and ``b = log(exp(d) - 1)``, whatever else is in the set.

    Raises:
        UsageError: If the difficulty is not above 0: a task that takes no ability has no place on the scale.

    Example:
        >>> [round(prior_b(difficulty), 2) for difficulty in (11, 69, 211)]
        [-2.15, -0.01, 1.98]
    """
    if difficulty <= 0:
        raise UsageError(f"a difficulty is above 0 hundredths of a logit, got {difficulty}")
    return log(expm1(difficulty / 100))


def prior_items(difficulties: Mapping[str, int]) -> list[Item]:
    """Return the items of tasks that nobody has tried, from task id to certified difficulty."""
    return [Item(name, 1.0, prior_b(difficulty), PRIOR_SE) for name, difficulty in difficulties.items()]


def calibrate(
    priors: Mapping[str, float], respondents: Sequence[Mapping[str, bool]]
) -> tuple[Fit, list[Calibrated]]:
    """Refit the difficulties of the tasks that were played.

    Args:
        priors: Task id to prior difficulty.
        respondents: For each, task id to whether it passed.

    Raises:
        UsageError: If nobody played anything, or a task has no prior.
    """
    played = [name for name in priors if any(name in each for each in respondents)]
    strange = next((name for each in respondents for name in each if name not in priors), None)
    if strange is not None:
        raise UsageError(f"task {strange} was played and is not of the set; name the runs of this set")
    if not played:
        raise UsageError("the runs hold no episode yet; calibrate with runs that have begun")
    scores = np.array(
        [[float(each[name]) if name in each else nan for name in played] for each in respondents]
    )
    found = fit(scores, [priors[name] for name in played])
    taken, passed = (~np.isnan(scores)).sum(axis=0), np.nansum(scores, axis=0)
    columns = zip(played, found.a, found.b, found.se_b, taken, passed, strict=True)
    items = [
        Calibrated(Item(name, float(a), float(b), float(se)), priors[name], int(n), int(right))
        for name, a, b, se, n, right in columns
    ]
    return found, items


def write_items(path: Path, items: Sequence[Item]) -> None:
    """Write items as JSON lines ``{"id", "a", "b", "se"}``.

    Raises:
        DataError: If the file cannot be written.
    """
    text = "".join(json.dumps(item.to_json()) + "\n" for item in items)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(path, 0, f"cannot be written ({error.strerror})", "Name a file in a folder") from None


def read_items(path: Path, ids: Sequence[str]) -> dict[str, Item]:
    """Return the items of a calibration by task id.

    Args:
        path: The file.
        ids: The tasks that it may be about.

    Raises:
        DataError: If it is no calibration, or holds tasks of another set.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise DataError(path, 0, error.strerror or "cannot be read", "Check the path") from None
    except UnicodeDecodeError:
        raise DataError(path, 0, "not a calibration", _WAY_OUT) from None
    known = frozenset(ids)
    items: dict[str, Item] = {}
    for number, line in enumerate(lines, 1):
        item = _item(path, number, line)
        if item.id not in known:
            nearest = UnknownNameError("task of the set", item.id, ids)
            raise DataError(path, number, "a calibration of another task set", str(nearest))
        if item.id in items:
            raise DataError(path, number, f"task {item.id} stands there twice", _WAY_OUT)
        items[item.id] = item
    if not items:
        raise DataError(path, 0, "an empty calibration", _WAY_OUT)
    return items


def _item(path: Path, number: int, line: str) -> Item:
    try:
        data = json.loads(line)
        name, (a, b, se) = data["id"], (float(data[key]) for key in ("a", "b", "se"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(path, number, "not a line {id, a, b, se}", _WAY_OUT) from None
    if not (isinstance(name, str) and 0 < a < inf and isfinite(b) and 0 <= se < inf):
        problem = f"id is text, a > 0, b finite and se >= 0, got {line[:80]}"
        raise DataError(path, number, problem, _WAY_OUT)
    return Item(name, a, b, se)
