"""The two jobs of the trainer, from a config to a run folder: supervised fine-tuning and GRPO.

OUT/
  config.json       the config, what the run began from, versions
  metrics.jsonl     one row per step
  checkpoints/      the last ones; the same command goes on from the last of them
  model/            the small decoder, its adapter merged, once the run is done
  panel.json        what was measured before and after; panel.txt is its table
  skills.json       which abilities held before and after, where tasks are certified
  episodes.jsonl    ten episodes before and after
  report.html       all of it to look at
  notes.json        what is to be known about the run, if anything
  finished.json     once all of it is done: the same command then does nothing
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from simenv.core import catalog
from simenv.core.canonical import digest
from simenv.core.errors import UsageError
from simenv.train import folder
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.config import Config, Cursor, GrpoConfig, SftConfig
from simenv.train.course import Course, Progress, Row, Tell, nobody, silent
from simenv.train.evaluate import Exam, first_tasks, is_certified, retention_texts
from simenv.train.grpo import Grpo
from simenv.train.guards import GuardConfig, Guards
from simenv.train.lessons import lessons_for, shown_for, texts_for
from simenv.train.measures import Measures
from simenv.train.models.policy import Policy, chosen_device, load_policy, small
from simenv.train.report.words import counted
from simenv.train.rollouts.sampler import Model, Sampler
from simenv.train.rollouts.workers import EnvPool
from simenv.train.rollouts.worlds import PooledWorlds, Worlds
from simenv.train.sft import Sft
from simenv.train.tasks import Source, source_of
from simenv.train.weighing import check_options

FRESH = 100_000
"""Where reinforcement begins to take tasks: endless sources then give others than those of demonstrations."""
SPARE = 1.25
"""What is sampled may be so much longer than what was shown."""
_TEXTS = 24


def run_sft(
    config: SftConfig,
    out: Path,
    *,
    resume: bool = True,
    step: int | None = None,
    progress: Progress = silent,
    tell: Tell = nobody,
    pictures: bool = True,
) -> Policy:
    """Teach a policy by demonstrations, and measure what it can do before and after.

    Without ``config.model`` a small decoder and its tokenizer are made from generated text.

    Args:
        config: How.
        out: The run folder; a run of the same config in it goes on, and one that is finished stays as it is.
        resume: Whether it may.
        step: From which checkpoint; by default the last.
        progress: Told what is being done.
        tell: Told what is to be known about the run; it stands in the report too.
        pictures: Whether the report's plots are written as PNG files too.

    Raises:
        UsageError: If the config asks for what cannot be, or the folder holds another run.
        DataError: If a file is damaged or cannot be written.
        TrainingStopped: If a guard stops the run.
        KeyboardInterrupt: If it is interrupted; nothing is lost.
    """
    if resume and step is None and folder.finished(out, "sft", config, start=config.model):
        return _loaded(config, str(out))
    goes_on = folder.begin(out, "sft", config, start=config.model, resume=resume)
    source, held = _sources(config)
    policy = _beginner(config, source, progress)
    lessons = lessons_for(policy.family, config, source, progress, partial(_note, out, tell))
    shown = shown_for(policy.family, config, held, progress)
    exam = _exam(policy, config, held, shown)
    _tell_few(out, config, exam, tell)
    identity = identity_of(config, policy) | {
        "data_digest": digest(" ".join([each.digest for each in (*lessons, *shown.values())]))
    }
    measures = Measures(out, exam, is_certified(held), progress)
    measures.before(policy)
    if config.rank:
        policy.adapt(rank=config.rank, alpha=config.alpha, seed=config.seed)
    job = _SftJob(Sft(policy, config, lessons, list(shown.values())))
    course = Course(out, config, job, identity, Guards(GuardConfig()))
    for note in course.begin(goes_on=goes_on, step=step):
        tell(note)
    course.run(progress)
    job.sft.finish()
    measures.after(policy, pictures=pictures)
    _mark(out, config, job.step, policy)
    return policy


def run_grpo(
    config: GrpoConfig,
    out: Path,
    *,
    start: str = "",
    resume: bool = True,
    step: int | None = None,
    progress: Progress = silent,
    tell: Tell = nobody,
    pictures: bool = True,
) -> Policy:
    """Improve a policy by its own rollouts, and measure what it can do before and after.

    Args:
        config: How.
        out: The run folder; a run of the same config and start in it goes on, and one that is finished stays
            as it is.
        start: A run folder, one of its checkpoints or a base model; by default ``config.model``.
        resume: Whether a run that is there may go on.
        step: From which checkpoint; by default the last.
        progress: Told what is being done.
        tell: Told what is to be known about the run; it stands in the report too.
        pictures: Whether the report's plots are written as PNG files too.

    Raises:
        UsageError: If the config asks for what cannot be, or the folder holds another run.
        DataError: If a file is damaged or cannot be written.
        TrainingStopped: If a guard stops the run.
        KeyboardInterrupt: If it is interrupted; nothing is lost.
    """
    check_options(config)
    start = start or config.model
    if not start:
        raise UsageError("reinforcement begins from something: --from RUN, or --model CHECKPOINT")
    if resume and step is None and folder.finished(out, "grpo", config, start=start):
        return _loaded(config, str(out))
    policy = _loaded(config, start)
    _refuse_room(config, policy)
    goes_on = folder.begin(out, "grpo", config, start=start, resume=resume)
    source, held = _sources(config)
    exam = _exam(policy, config, held, shown_for(policy.family, config, held, progress))
    _tell_few(out, config, exam, tell)
    identity = identity_of(config, policy) | {"rank": config.rank, "alpha": config.alpha}
    with _worlds(config) as worlds:
        measures = Measures(out, exam, is_certified(held), progress, worlds)
        measures.before(policy)
        sampler = Sampler(cast(Model, policy.model), policy.family, face=config.face, worlds=worlds)
        job = _GrpoJob(Grpo(policy, config, source, sampler=sampler), measures.success)
        course = Course(
            out, config, job, identity, Guards(config.guards, adapter_digest=job.grpo.adapters.digest())
        )
        for note in course.begin(goes_on=goes_on, step=step):
            tell(note)
        course.run(progress)
        measures.after(policy, pictures=pictures)
    _mark(out, config, job.step, policy)
    return policy


def _tell_few(out: Path, config: Config, exam: Exam, tell: Tell) -> None:
    """Say that success is measured on fewer tasks than were asked for."""
    if len(exam.tasks) == config.evaluations:
        return
    there, wanted = counted(len(exam.tasks), "task"), config.evaluations
    said = (
        f"Success is measured on {there}, not on {wanted} (evaluations = {wanted}): {config.held_out} has no "
        "more different ones."
    )
    _note(out, tell, said)


def _note(out: Path, tell: Tell, said: str) -> None:
    """Say what is to be known about a run, and keep it for its report."""
    folder.add_note(out, said)
    tell(said)


def _mark(out: Path, config: SftConfig | GrpoConfig, step: int, policy: Policy) -> None:
    folder.mark_finished(out, config, step=step, weights=policy.digest(), is_small=policy.is_small)


# What a run begins from


def _sources(config: Config) -> tuple[Source, Source]:
    """Return the tasks to train on and those to be held out, which share no world."""
    if config.tasks == config.held_out and ":" not in config.tasks:
        raise UsageError(f"tasks and held_out are both {config.tasks!r}; success is measured on other tasks")
    return source_of(config.env, config.tasks), source_of(config.env, config.held_out, split="test")


def _loaded(config: Config, path: str) -> Policy:
    return load_policy(
        path, device=chosen_device(config.device), dtype=config.dtype, checkpointing=config.checkpointing
    )


def _beginner(config: SftConfig, source: Source, progress: Progress) -> Policy:
    """Return the policy that demonstrations teach."""
    if config.model:
        policy = _loaded(config, config.model)
        if not config.rank and not policy.is_small:
            raise UsageError(
                f"rank = 0 would train every weight of {config.model}, and a transformers checkpoint is not "
                "copied; give a rank of at least 1, such as rank=16"
            )
        _refuse_room(config, policy)
        return policy
    tokenizer = make_tokenizer(texts_for(config, source, progress), config.vocab, pairs=True)
    return small(
        config.size,
        Codec(tokenizer),
        seed=config.seed,
        room=int(config.room * SPARE),
        device=chosen_device(config.device),
    )


def _refuse_room(config: Config, policy: Policy) -> None:
    room = cast(Model, policy.model).room
    if config.room > room:
        raise UsageError(f"room = {config.room}, and the model has room for {room} tokens; give room={room}")


def _exam(policy: Policy, config: Config, held: Source, shown: Mapping[str, TokenEpisode]) -> Exam:
    room = cast(Model, policy.model).room
    tasks = first_tasks(held, config.evaluations)
    return Exam(
        tasks=tasks,
        shown=shown,
        texts=retention_texts(policy.family, tasks[:_TEXTS], room=room),
        seed=config.seed,
        temperature=config.temperature,
        # A small decoder that is made here has some room to spare; a longer model keeps to the config, and
        # so does one whose context is cut, or it would be cut elsewhere than in what it learned from.
        room=room if isinstance(config, SftConfig) and not (config.model or config.memory) else config.room,
        turn_tokens=config.turn_tokens,
        face=config.face,
        memory=config.memory,
    )


def identity_of(config: Config, policy: Policy) -> dict[str, Any]:
    """Return what must be the same for a run to go on."""
    domain = source_of(config.env, "test").domain
    found: dict[str, Any] = {
        "env_version": f"{domain}-v{catalog.domain(domain).version}",
        "family": policy.family.name,
        "start_digest": policy.digest(),
        "tokenizer": digest(policy.family.codec.tokenizer_json()),
    }
    if isinstance(config, SftConfig):
        found |= {"rank": config.rank, "alpha": config.alpha}
    return found


@contextmanager
def _worlds(config: GrpoConfig) -> Iterator[Worlds]:
    """Yield where episodes are played."""
    if not config.workers:
        yield Worlds(face=config.face)
        return
    with EnvPool[int](config.workers, face=config.face) as pool:
        yield PooledWorlds(pool)


# The jobs, step by step


class _SftJob:
    """Supervised training as a job."""

    name = "steps"

    def __init__(self, sft: Sft) -> None:
        self.sft = sft
        self.steps, self.save_every = sft.config.steps, sft.config.save_every

    @property
    def step(self) -> int:
        return self.sft.step

    @property
    def over(self) -> bool:
        return self.sft.over

    def advance(self) -> Row:
        return self.sft.advance()

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        return self.sft.tensors()

    def memory(self) -> dict[str, Any]:
        best = self.sft.best
        return {"best": best if best < float("inf") else None, "stale": self.sft.stale}

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], step: int, memory: Mapping[str, Any]) -> None:
        best = float("inf") if memory["best"] is None else memory["best"]
        self.sft.load(tensors, step=step, best=best, stale=memory["stale"])


class _GrpoJob:
    """GRPO as a job; ``success`` looks at held-out tasks."""

    name = "steps"

    def __init__(self, grpo: Grpo, success: Callable[[Policy], float]) -> None:
        self.grpo, self._success = grpo, success
        self.grpo.task = FRESH
        self.steps, self.save_every = grpo.config.steps, grpo.config.save_every

    @property
    def step(self) -> int:
        return self.grpo.step

    @property
    def over(self) -> bool:
        return self.grpo.step >= self.steps

    def advance(self) -> Row:
        row, _ = self.grpo.advance()
        every = self.grpo.config.evaluate_every
        if every and self.grpo.step % every == 0:
            row["held_out_success"] = self._success(self.grpo.policy)
        return row

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        return self.grpo.tensors()

    def memory(self) -> dict[str, Any]:
        return Cursor(step=self.grpo.step, task=self.grpo.task).model_dump()

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], step: int, memory: Mapping[str, Any]) -> None:
        self.grpo.load(tensors, Cursor(**memory))


__all__ = ["FRESH", "run_grpo", "run_sft"]
