"""The course of a run: step after step with metrics, guards and checkpoints, and where it can go on."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from torch import Tensor

from simenv.core.errors import DataError, SimenvError, UsageError
from simenv.train import checkpoint, folder
from simenv.train.checkpoint import last_good
from simenv.train.config import GrpoConfig, SftConfig
from simenv.train.guards import Guards, NotFiniteError, Stop, TrainingStopped
from simenv.train.models.checks import refuse_wild
from simenv.train.models.policy import CHECKPOINTS
from simenv.train.remedy import remedy_of
from simenv.train.report.metrics import FILE, MetricsWriter, read_metrics

Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is done, and how much there is."""
Tell = Callable[[str], object]
"""Told sentences for whoever looks on."""
Row = dict[str, float | str | None]

KEEP = 3
"""Checkpoints of a run that are kept."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def nobody(said: str) -> None:
    """Tell nobody."""


class Job(Protocol):
    """What can be trained in steps."""

    name: str
    steps: int
    save_every: int

    @property
    def step(self) -> int:
        """Steps that are done."""

    @property
    def over(self) -> bool:
        """Whether no step is left."""

    def advance(self) -> Row:
        """Take one step and return its row."""

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return copies of all tensors that a checkpoint needs."""

    def memory(self) -> dict[str, Any]:
        """Return all other state, as plain JSON."""

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], step: int, memory: Mapping[str, Any]) -> None:
        """Go on from what ``tensors`` and ``memory`` returned after that step."""


class Course:
    """One job in one run folder.

    Args:
        out: The run folder.
        config: How; its digest stands in every row and checkpoint.
        job: What is trained.
        identity: What must be the same to go on: ``env_version``, ``family``, ``start_digest`` and others,
            plain JSON.
        guards: Where it stops itself.
    """

    def __init__(
        self,
        out: Path,
        config: SftConfig | GrpoConfig,
        job: Job,
        identity: Mapping[str, Any],
        guards: Guards,
    ) -> None:
        self.out, self.config, self.job, self.guards = out, config, job, guards
        self.identity = {"config_digest": config.digest, **identity}
        self.checkpoints = out / CHECKPOINTS

    def begin(self, *, goes_on: bool, step: int | None = None) -> tuple[str, ...]:
        """Take up the run that is there, or write the checkpoint of step 0.

        Args:
            goes_on: Whether the folder belongs to this run already.
            step: From which checkpoint; by default the last.

        Returns:
            What may make the run differ in the last bits; it is kept in the folder for the report too.

        Raises:
            DataError: If the checkpoint is damaged, a weight in it is not finite, or it is of another run,
                environment or beginning.
        """
        has_rows = (self.out / FILE).exists() and bool(read_metrics(self.out / FILE).rows)
        is_begun = bool(checkpoint.steps_of(self.checkpoints)) or has_rows
        if not (goes_on and is_begun):
            if step is not None:
                raise UsageError(f"{self.out} holds no run to take up at step {step}; leave --at out")
            self.save()
            return ()
        found = checkpoint.load(
            self.checkpoints,
            step,
            config_digest=str(self.identity["config_digest"]),
            env_version=str(self.identity["env_version"]),
        )
        for name, value in self.identity.items():
            if found.state.get(name) != value:
                problem = (
                    f"its {name.replace('_', ' ')} is {found.state.get(name)}, and this run's is {value}"
                )
                way_out = "Give what it began with, or begin a run in another folder"
                raise DataError(found.path, 0, problem, way_out)
        refuse_wild(found.tensors["policy"].items(), found.path)
        (self.out / folder.GUARDS).unlink(missing_ok=True)
        self.job.load(found.tensors, found.step, found.state["memory"])
        self.guards.load(found.state["guards"])
        notes = tuple(f"The checkpoint of step {found.step} was {note}." for note in found.notes)
        for note in notes:
            folder.add_note(self.out, note, step=found.step)
        return notes

    def save(self) -> Path:
        """Write a checkpoint of where the job stands."""
        state = {**self.identity, "memory": self.job.memory(), "guards": self.guards.state()}
        return checkpoint.save(self.checkpoints, self.job.step, self.job.tensors(), state, keep=KEEP)

    def run(self, progress: Progress = silent) -> None:
        """Take every step that is left.

        An interrupt (Ctrl-C) lets the step come to its end and saves a checkpoint; a second one stops at
        once.

        Raises:
            TrainingStopped: If a guard stops it, or the policy gives no probabilities any more, which is the
                guard ``not_finite``; the last good checkpoint is named.
            KeyboardInterrupt: If it was interrupted; its note says how to go on.
        """
        job = self.job
        with (
            MetricsWriter(
                self.out, config=self.config.digest, resume_at=job.step, tensorboard=None
            ) as metrics,
            _asked_to_stop() as asked,
        ):
            progress(job.name, job.step, job.steps)
            while self._goes_on():
                row = self._row()
                metrics.write(job.step, row)
                self._watch(row)
                stops = _is_interrupted(progress, job) or asked.is_set()
                ends = not self._goes_on()
                if stops or ends or job.step % job.save_every == 0:
                    metrics.flush()
                    self.save()
                if stops and not ends:
                    raise self._interrupted()

    def _goes_on(self) -> bool:
        return not self.job.over

    def _row(self) -> Row:
        step = self.job.step + 1
        try:
            return self.job.advance()
        except NotFiniteError as error:
            raise self._stopped(Stop("not_finite", str(error), step)) from error
        except SimenvError as error:
            error.add_note(kept(self.checkpoints))
            raise

    def _watch(self, row: Row) -> None:
        """Stop if a guard says so."""
        stop = self.guards.check({"step": self.job.step} | row)
        if stop is not None:
            raise self._stopped(stop)

    def _stopped(self, stop: Stop) -> TrainingStopped:
        """Write down why the run stops, and return what tells it."""
        good = last_good(self.checkpoints)
        remedy = remedy_of(stop, self.config, self.out, good)
        folder.write_guard(self.out, stop, good, **remedy._asdict())
        return TrainingStopped(stop, good, remedy.lines)

    def _interrupted(self) -> KeyboardInterrupt:
        error = KeyboardInterrupt()
        error.add_note(f"Step {self.job.step} is done and saved; the same command goes on from there.")
        return error


def kept(checkpoints: Path) -> str:
    """Say which checkpoint of a run is whole."""
    good = last_good(checkpoints)
    return f"The last good checkpoint is {good}." if good else "There is no good checkpoint."


def _is_interrupted(progress: Progress, job: Job) -> bool:
    try:
        progress(job.name, job.step, job.steps)
    except KeyboardInterrupt:
        return True
    return False


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """While it lasts, the first interrupt is noted only."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    former = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, former)
