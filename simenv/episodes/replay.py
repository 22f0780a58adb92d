"""Replay: recorded episodes played again action by action, held against their record in every byte.

A record of a run log is ``{"task": ID, "trial": K, "trajectory": {...}, "verdict": {...}}``. What
it says is a claim until a fresh episode has given the same calls, events, states, digests and verdict.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from os import PathLike
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from simenv.core.canonical import canonical
from simenv.core.errors import DataError, ReplayError, UnknownNameError
from simenv.core.log import read_log
from simenv.core.pack import Pack
from simenv.core.task import Task
from simenv.core.trajectory import read_action
from simenv.episodes.episode import Episode

_WAY_OUT = "No simenv wrote this record; get the log anew"
# What tells a person most comes first; the chain differs whenever anything does.
_STEP = ("action", "action_escaped", "error", "calls", "events", "state", "chain")
_RESET = ("task", "start")
_END = ("terminated", "truncated", "why")
_SHOWN = 300


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class RecordedTrajectory(_Form):
    """A trajectory as it is written; see ``Trajectory``."""

    model_config = ConfigDict(extra="forbid")
    task: str
    start: str
    steps: list[dict[str, Any]]
    terminated: bool
    truncated: bool
    why: str


class RecordedProcess(_Form):
    """What a score table reads of a process; see ``Process``."""

    calls: int
    errors: dict[str, int]
    breaches: dict[str, int]


class RecordedVerdict(_Form):
    """What a score table reads of a verdict; see ``Verdict``."""

    passed: bool
    process: RecordedProcess


class _Record(_Form):
    model_config = ConfigDict(extra="forbid")
    task: str
    trial: int
    trajectory: RecordedTrajectory
    verdict: RecordedVerdict
    stuck: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record of a run log: of the right form, not yet of proven truth.

    Attributes:
        line: Its line in the log, counted from 1.
        task: Id of the task.
        trial: Which attempt at the task, from 0.
        trajectory: The trajectory that is claimed.
        verdict: What a score table reads of the verdict.
        claims: The whole verdict that is claimed, as it is written.
        stuck: Why the agent could not go on, or "".
    """

    line: int
    task: str
    trial: int
    trajectory: RecordedTrajectory
    verdict: RecordedVerdict
    claims: Mapping[str, Any]
    stuck: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others of its log."""
        return self.task, self.trial


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two trajectories differ.

    Attributes:
        step: Index of the step, from 0; -1 is the reset, the number of steps is the end.
        field: What differs in it.
        left: The value on the left, or None where it is missing.
        right: The value on the right.
    """

    step: int
    field: str
    left: Any
    right: Any


def read_episodes(path: str | PathLike[str]) -> Iterator[Recorded]:
    """Yield the episodes of a run log in order.

    Raises:
        DataError: If the log is damaged, a record is no episode, or one stands there twice.
    """
    seen: set[tuple[str, int]] = set()
    # The header is line 1.
    for line, record in enumerate(read_log(path), 2):
        episode = _recorded(path, line, record)
        if episode.key in seen:
            raise DataError(
                path, line, f"task {episode.task}, trial {episode.trial} stands there twice", _WAY_OUT
            )
        seen.add(episode.key)
        yield episode


def _recorded(path: object, line: int, record: Mapping[str, Any]) -> Recorded:
    try:
        form = _Record.model_validate(record)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"])) or "record"
        raise DataError(path, line, f"not an episode: {place}: {fault['msg']}", _WAY_OUT) from None
    return Recorded(line, form.task, form.trial, form.trajectory, form.verdict, record["verdict"], form.stuck)


def replay(task: Task, recorded: Recorded) -> Episode:
    """Play a record's actions in a fresh episode and return it.

    Raises:
        ReplayError: At the first thing that does not come out as it was recorded.
    """
    episode = Episode(task)
    claimed = recorded.trajectory
    _require(_difference(-1, _RESET, claimed.model_dump(include=set(_RESET)), episode.trajectory().to_json()))
    for number, step in enumerate(claimed.steps):
        if episode.done:
            why = episode.trajectory().why
            raise ReplayError(number, expected="one more step", got=f"the end of the episode ({why})")
        episode.act(_action(number, step))
        played = episode.trajectory().steps[-1].to_json()
        _require(_difference(number, _names(_STEP, step, played), step, played))
    end, verdict = len(claimed.steps), episode.verdict().to_json()
    _require(_difference(end, _END, claimed.model_dump(include=set(_END)), episode.trajectory().to_json()))
    _require(_difference(end, _names((), recorded.claims, verdict), recorded.claims, verdict))
    return episode


def replayed(log: str | PathLike[str], pack: Pack, recorded: Recorded) -> Episode:
    """Return a recorded episode, played again.

    Raises:
        DataError: If the pack does not hold its task.
        ReplayError: If it does not come out as it was recorded.
    """
    try:
        return replay(pack.find(recorded.task), recorded)
    except UnknownNameError:
        problem = f"task {recorded.task} is not in {pack.place}"
        raise DataError(log, recorded.line, problem, "Name the right pack with --pack") from None
    except ReplayError as error:
        error.add_note(f"in {log}:{recorded.line}, task {recorded.task}, trial {recorded.trial}")
        raise


def _action(number: int, step: Mapping[str, Any]) -> str:
    try:
        with warnings.catch_warnings():
            # A forged escape must differ from what is played, not warn.
            warnings.simplefilter("ignore")
            return read_action(dict(step))
    except (KeyError, ValueError):
        raise ReplayError(number, expected=shown(step), got="no action in it") from None


def _require(found: Difference | None) -> None:
    if found:
        expected, got = (f"{found.field} {shown(value)}" for value in (found.left, found.right))
        raise ReplayError(found.step, expected=expected, got=got)


def shown(value: Any) -> str:
    """Return a value as one line that a person can take in."""
    text = "nothing" if value is None else canonical(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _difference(
    step: int, names: Iterable[str], left: Mapping[str, Any], right: Mapping[str, Any]
) -> Difference | None:
    """Return the first of ``names`` under which the two differ as JSON: true is not 1."""
    for name in names:
        was, now = left.get(name), right.get(name)
        if canonical(was) != canonical(now):
            return Difference(step, name, was, now)
    return None


def _names(first: tuple[str, ...], left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """Return ``first``, then every other field of either."""
    return [*first, *sorted((left.keys() | right.keys()) - set(first))]


def first_difference(left: RecordedTrajectory, right: RecordedTrajectory) -> Difference | None:
    """Return the first thing in which two recorded trajectories differ, or None."""
    one, other = left.model_dump(), right.model_dump()
    if found := _difference(-1, _RESET, one, other):
        return found
    for number, (mine, yours) in enumerate(zip_longest(left.steps, right.steps)):
        if mine is None or yours is None:
            return Difference(number, "step", mine, yours)
        if found := _difference(number, _names(_STEP, mine, yours), mine, yours):
            return found
    return _difference(len(left.steps), _END, one, other)
