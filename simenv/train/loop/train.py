"""The policy of a loop: begun, taught on demonstrations, trained by GRPO, played, and kept on disk."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from simenv.core.canonical import canonical, nulled, parse_trusted
from simenv.core.errors import DataError
from simenv.core.task import Task
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import Family
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.checkpoint import Disk
from simenv.train.demos import demonstrate, demos
from simenv.train.evaluate import evaluate
from simenv.train.grpo import Grpo
from simenv.train.guards import Guards, NotFiniteError
from simenv.train.jobs import SPARE
from simenv.train.lessons import TOKENIZER_TASKS
from simenv.train.loop.config import LoopConfig
from simenv.train.loop.study import Played
from simenv.train.models.checks import refuse_wild
from simenv.train.models.policy import Policy, chosen_device, load_policy, small
from simenv.train.report.metrics import MetricsWriter
from simenv.train.rollouts.rollout import Rollout
from simenv.train.sft import Fit, train_sft
from simenv.train.tasks import Source, source_of

Say = Callable[[str], object]

_ADAPTER, _TOLD = "adapter.safetensors", "trained.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """What the training of a round came to.

    Attributes:
        demos: Demonstrations that were learned from.
        demo_tokens: Their tokens.
        rollouts: Rollouts that GRPO sampled.
        steps: Its steps.
        stopped: Why a guard ended it, or "".
        val_loss: Loss on demonstrations in other worlds after the demonstrations, or None.
    """

    demos: int = 0
    demo_tokens: int = 0
    rollouts: int = 0
    steps: int = 0
    stopped: str = ""
    val_loss: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; it gets its name when all of it is written."""
    part = folder.with_name(f"{folder.name}.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    yield part
    part.replace(folder)


def store(policy: Policy, folder: Path) -> None:
    """Write what was trained: a small decoder whole, of a transformers checkpoint the adapter.

    Raises:
        DataError: If it cannot be written, as on a full disk.
    """
    if policy.is_small:
        policy.save(folder)
    elif policy.adapters is not None:
        path = folder / _ADAPTER
        try:
            Disk().write(path, save_tensors(policy.adapters.state()))
        except OSError as error:
            problem = f"the adapter cannot be written ({error.strerror or error})"
            raise DataError(path, 0, problem, "Make room; the same command goes on") from error


def fetch(config: LoopConfig, folder: Path) -> Policy:
    """Return the policy that ``store`` wrote; a checkpoint's reference is where the round begins.

    Raises:
        DataError: If it is damaged.
    """
    device = chosen_device(config.device)
    if not (folder / _ADAPTER).exists() and any(folder.glob("shape.json")):
        return load_policy(folder, device=device, dtype=config.dtype)
    policy = load_policy(config.model, device=device, dtype=config.dtype)
    if (folder / _ADAPTER).exists():
        adapters = policy.adapt(rank=config.rank, alpha=config.alpha, seed=config.seed)
        adapters.load(_adapter(folder / _ADAPTER))
    return policy


def _adapter(path: Path) -> dict[str, Tensor]:
    """Return the weights of an adapter."""
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        way_out = "Delete its folder; the same command trains it again"
        raise DataError(path, 0, f"it is half-written or damaged ({error})", way_out) from error
    refuse_wild(found.items(), path)
    return found


def trained_in(folder: Path) -> Trained:
    """Return what is told of a training in its folder.

    Raises:
        DataError: If it is damaged.
    """
    path = folder / _TOLD
    try:
        return Trained(**parse_trusted(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        way_out = "Delete the folder; the same command trains it again"
        raise DataError(path, 0, f"cannot be read: {error}", way_out) from None


def begin(config: LoopConfig, folder: Path, say: Say) -> None:
    """Write the policy that a loop begins with: the model that is named, or a decoder from nothing."""
    with whole(folder) as part:
        if config.model:
            policy = load_policy(config.model, device=chosen_device(config.device), dtype=config.dtype)
            done = Trained()
        else:
            say(f"No model is named, so a decoder of size {config.size} learns from demonstrations first.")
            policy, done = _from_nothing(config, part)
        store(policy, part)
        (part / _TOLD).write_text(canonical(nulled(done.to_json())), encoding="utf-8")


def _from_nothing(config: LoopConfig, folder: Path) -> tuple[Policy, Trained]:
    source = source_of(config.env, config.tasks)
    played = [
        demonstrate(source.at(at), face=config.face) for at in range(min(TOKENIZER_TASKS, config.start_demos))
    ]
    texts = [text for episode in played if episode is not None for text in texts_of(episode)]
    codec = Codec(make_tokenizer(texts, config.vocab, pairs=True))
    device = chosen_device(config.device)
    # The last thing that is heard may reach over the room of an episode, and is read in training too.
    room = int(config.room * SPARE)
    policy = small(config.size, codec, seed=config.seed, room=room, device=device)
    shown = _demos(config, policy.family, source, config.start_demos, 0)
    fit = train_sft(policy, config.of_sft(0), shown, _validation(config, policy.family), folder=folder)
    return policy, Trained(len(shown), sum(map(len, shown)), val_loss=fit.loss)


def _demos(config: LoopConfig, family: Family, source: Source, count: int, number: int) -> list[TokenEpisode]:
    kinds = {"plain": 1}
    seed = config.seed * 1000 + number
    return [
        each
        for _, each in demos(
            family,
            source,
            count,
            kinds,
            seed=seed,
            face=config.face,
            room=config.room,
            memory=config.memory,
            turn_tokens=config.turn_tokens,
        )
    ]


def _validation(config: LoopConfig, family: Family) -> list[TokenEpisode]:
    """Return demonstrations in worlds that neither training nor the held-out tasks have."""
    source = source_of(config.env, config.tasks, split="validation")
    return _demos(config, family, source, config.validation, 0)


def teach(
    config: LoopConfig, policy: Policy, source: Source, number: int, folder: Path
) -> tuple[Fit, int, int]:
    """Let a policy learn from the oracle's demonstrations of the made tasks.

    Returns:
        How well it predicts others, how many they were, and their tokens.
    """
    if not policy.is_small:
        policy.adapt(rank=config.rank, alpha=config.alpha, seed=config.seed)
    shown = _demos(config, policy.family, source, config.made, number)
    fit = train_sft(policy, config.of_sft(number), shown, _validation(config, policy.family), folder=folder)
    return fit, len(shown), sum(map(len, shown))


def train(config: LoopConfig, start: Path, tasks: Path, number: int, folder: Path, say: Say) -> None:
    """Train the policy of a folder on the made tasks and write the candidate.

    Demonstrations come first, where they are asked for. A guard that fires ends the training of the round:
    what the demonstrations gave is kept, the steps of GRPO are not.
    """
    source = source_of(config.env, str(tasks))
    with whole(folder) as part:
        policy = fetch(config, start)
        done = Trained()
        if config.sft_steps:
            fit, count, tokens = teach(config, policy, source, number, part / "sft")
            done = Trained(demos=count, demo_tokens=tokens, val_loss=fit.loss)
        store(policy, part)
        if config.steps:
            # What is trained must be what a resumed round would find on the disk.
            policy = fetch(config, part if config.sft_steps else start)
            done = _reinforce(config, policy, source, number, part / "grpo", done, say)
            if not done.stopped:
                store(policy, part)
        (part / _TOLD).write_text(canonical(nulled(done.to_json())), encoding="utf-8")


def _reinforce(
    config: LoopConfig, policy: Policy, source: Source, number: int, folder: Path, done: Trained, say: Say
) -> Trained:
    told = config.of_grpo(number, Path(f"round-{number}"))
    job = Grpo(policy, told, source)
    job.left = config.rollouts or None
    guards = Guards(config.guards, adapter_digest=job.adapters.digest())
    rollouts, reason = 0, ""
    with MetricsWriter(folder, config=told.digest, tensorboard=False) as metrics:
        while job.step < config.steps and not job.is_spent:
            try:
                row, window = job.advance()
            except NotFiniteError as error:
                reason = f"not_finite: {error}"
                say(f"Round {number}: the guard 'not_finite' ended the training: {error}.")
                break
            rollouts += len(window.sampled)
            stop = guards.check(metrics.write(job.step - 1, row))
            success = float(row["success"] or 0)
            say(f"Round {number}, step {job.step} of {config.steps}: {100 * success:.0f} % solved.")
            if stop is not None:
                reason = f"{stop.guard}: {stop.reason}"
                say(f"Round {number}: the guard {stop.guard!r} ended the training: {stop.reason}.")
                break
    return Trained(done.demos, done.demo_tokens, rollouts, job.step, reason, done.val_loss)


def play(config: LoopConfig, policy: Policy, tasks: Sequence[Task], *, draw: int = 0) -> list[Played]:
    """Return what a policy does on tasks.

    Args:
        config: How it is sampled.
        policy: Who plays.
        tasks: What is played, each once.
        draw: 0 or 1. Two policies with the same number draw by the same random numbers, which makes
            their difference surer; the other number is an independent look.
    """
    rollouts = evaluate(
        policy,
        tasks,
        seed=config.seed * 2 + draw,
        temperature=config.temperature,
        room=config.room,
        turn_tokens=config.turn_tokens,
        memory=config.memory,
        face=config.face,
    )
    return [_played(rollout) for rollout in rollouts]


def _played(rollout: Rollout) -> Played:
    process = rollout.verdict["process"]
    return Played(
        task=rollout.task.id,
        trial=rollout.number,
        passed=rollout.reward > 0,
        reason=rollout.reason,
        actions=tuple(rollout.actions),
        tokens=rollout.sampled,
        calls=rollout.calls,
        refused=rollout.refused,
        breaches=sum(process["breaches"].values()),
    )
