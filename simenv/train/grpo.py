"""Group-relative policy optimization: sample groups, score them, move the adapter, repeat.

One step is one window: groups are sampled until enough of them have a signal, each rollout is held against
the others of its group, and the adapter takes ``updates`` steps on the window. A group has a signal if its
rewards differ; with the advantage ``reinforce``, which has no baseline, also if they are not 0.
The defaults: leave-one-out baseline, tokens weighed alike over the whole window, a small KL to a reference
that is refreshed, binary reward, and no blame for what was cut off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

import torch
from torch import Tensor

from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.config import Cursor, GrpoConfig
from simenv.train.demos import hint
from simenv.train.maths.corrections import effective_share, mismatch
from simenv.train.maths.credit import token_advantages
from simenv.train.maths.head import token_logps, token_scores
from simenv.train.maths.kl import k3, kl
from simenv.train.maths.losses import Tokens, objective, policy_loss
from simenv.train.maths.window import token_weights, window_of
from simenv.train.models.lora import Adapters
from simenv.train.models.optim import Optimizers, adamw
from simenv.train.models.policy import Policy
from simenv.train.models.weights import load_optimizer, optimizer_tensors
from simenv.train.rollouts.batches import Batch, batch, by_length, by_owner
from simenv.train.rollouts.rewards import reward_of
from simenv.train.rollouts.rollout import Job, Rollout, Sampling, turns_of, without_hint
from simenv.train.rollouts.rows import row_of
from simenv.train.rollouts.sampler import Sampler
from simenv.train.tasks import Source
from simenv.train.weighing import check_options, teaching, trust_of, worth_of

_BY_ROLLOUT = frozenset(
    ("geometric_mask", "gspo", "gspo_plain", "seq_mean_token_mean", "sequence_mask", "sequence_truncate")
)
"""What looks at a rollout as a whole: all of its sequences must lie in one micro-batch."""

Row = dict[str, float | str | None]


class Samples(Protocol):
    """Where rollouts come from: ``Sampler``, or a server (``simenv.train.rollouts.served``)."""

    def sample(self, jobs: Sequence[Job], how: Sampling) -> list[Rollout]:
        """Return a rollout for every job, in order."""


@dataclass(slots=True)
class Window:
    """What one step trains on.

    Attributes:
        groups: Groups of rollouts of one task each, those with a signal.
        rewards: Of every rollout, in order.
        advantages: Of every rollout, [rollouts].
        keep: Which rollouts count in the loss, [rollouts].
        tried: How many groups were sampled.
        flat: How many of them had no signal.
        sampled: All rollouts, for the figures of the row.
        tasks: How many tasks were drawn.
    """

    groups: list[list[Rollout]]
    rewards: list[float]
    advantages: Tensor
    keep: Tensor
    tried: int
    flat: int
    sampled: list[Rollout]
    tasks: int

    @property
    def rollouts(self) -> list[Rollout]:
        """The rollouts of every group."""
        return [each for group in self.groups for each in group]

    @property
    def sequences(self) -> list[TokenEpisode]:
        """The sequences of tokens of every rollout: one, and one more for each cut of its context."""
        return [each for rollout in self.rollouts for each in rollout.sequences]

    @property
    def owner(self) -> list[int]:
        """Which rollout each sequence is of."""
        return [at for at, each in enumerate(self.rollouts) for _ in each.sequences]


class Grpo:
    """A policy in training.

    Args:
        policy: Its adapter is trained; one is attached where there is none.
        config: How.
        source: Tasks by number.
        sampler: Where rollouts come from; by default the policy itself, in this process.

    Attributes:
        step: Steps that are done.
        task: Tasks that were drawn.
        left: Rollouts that may still be sampled, None for any number; a window that needs more ends early.

    Raises:
        UsageError: If the loss or the correction does not take its options.
    """

    def __init__(
        self, policy: Policy, config: GrpoConfig, source: Source, *, sampler: Samples | None = None
    ) -> None:
        check_options(config)
        self.policy, self.config, self.source = policy, config, source
        self.adapters: Adapters = policy.adapt(rank=config.rank, alpha=config.alpha, seed=config.seed)
        self.optimizer: Optimizers = adamw(self.adapters.parameters(), lr=config.lr)
        self.sampler: Samples = sampler or Sampler(policy.model, policy.family, face=config.face)  # type: ignore[arg-type]
        self.step = self.task = 0
        self.left: int | None = None

    @property
    def is_spent(self) -> bool:
        """Whether there are fewer rollouts left than a group has."""
        return self.left is not None and self.left < self.config.group

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return copies of all tensors that a checkpoint needs."""
        (optimizer,) = self.optimizer.parts
        return {
            "policy": self.adapters.state(),
            "ref": self.adapters.state("ref"),
            "optimizer": optimizer_tensors(optimizer, self.adapters.named_parameters()),
        }

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], cursor: Cursor) -> None:
        """Go on from what ``tensors`` returned when the run stood there."""
        (optimizer,) = self.optimizer.parts
        self.adapters.load(tensors["policy"], ref=tensors["ref"])
        load_optimizer(optimizer, self.adapters.named_parameters(), tensors["optimizer"])
        self.step, self.task = cursor.step, cursor.task

    def advance(self) -> tuple[Row, Window]:
        """Take one step and return its row and what it was trained on."""
        config, began = self.config, perf_counter()
        if config.refresh and self.step and self.step % config.refresh == 0:
            self.adapters.refresh_ref()
        with self.policy.fast():
            proof = self.adapters.proof()
            window = self._window()
        sampled_at = perf_counter()
        row = row_of(window.sampled, self._rewards(window.sampled), room=config.room) | {
            "groups": len(window.groups),
            "tasks": window.tried,
            "zero_variance": window.flat / max(window.tried, 1),
            "guided": sum(rollout.guided for rollout in window.rollouts) / max(len(window.rollouts), 1),
            "lr": config.lr,
            "proof_sampler": proof,
            "proof_trainer": self.adapters.proof(),
        }
        row |= self._update(window) if window.groups else {"grad_norm": 0.0, "mask_tokens": 0}
        self.step += 1
        self.task += window.tasks
        row |= {
            "adapter_digest": self.adapters.digest(),
            "seconds/sample": sampled_at - began,
            "seconds/train": perf_counter() - sampled_at,
            "tokens_per_s/sample": float(row["tokens_sampled"] or 0) / max(sampled_at - began, 1e-9),
        }
        return row, window

    def _window(self) -> Window:
        """Sample groups until enough of them have a signal, or the refills are spent."""
        config = self.config
        kept: list[list[Rollout]] = []
        sampled: list[Rollout] = []
        tried = flat = drawn = 0
        taken: set[str] = set()
        for refill in range(config.refills):
            wanted = config.groups - len(kept)
            if self.left is not None:
                wanted = min(wanted, self.left // config.group)
            if wanted <= 0:
                break
            tasks = [each for each in self._tasks(self.task + drawn, wanted) if each.id not in taken]
            drawn += wanted
            taken.update(task.id for task in tasks)
            if not tasks:
                continue
            groups = self._groups(tasks, refill)
            sampled += [rollout for group in groups for rollout in group]
            if config.guide:
                groups = self._guided(groups, refill)
            signal = teaching(config, [self._rewards(group) for group in groups])
            kept += [group for group, is_kept in zip(groups, signal, strict=True) if is_kept]
            tried, flat = tried + len(groups), flat + signal.count(False)
        rewards = [reward for group in kept for reward in self._rewards(group)]
        worth, keep = worth_of(config, kept, [self._rewards(group) for group in kept])
        return Window(kept, rewards, worth, keep, tried, flat, sampled, drawn)

    def _tasks(self, start: int, count: int) -> list[Task]:
        """Return the next tasks; one that comes twice among them is taken once."""
        found = {task.id: task for task in (self.source.at(start + at) for at in range(count))}
        return list(found.values())

    def _groups(
        self, tasks: Sequence[Task], refill: int, *, hints: Sequence[str] = ()
    ) -> list[list[Rollout]]:
        config, size = self.config, self.config.group
        told = hints or [""] * len(tasks)
        jobs = [Job(task, n, tip) for task, tip in zip(tasks, told, strict=True) for n in range(size)]
        how = Sampling(
            seed=config.seed,
            # A group that is sampled again, after a refill or with a hint, must be drawn anew.
            step=self.step * 100 + refill * 2 + bool(hints),
            temperature=config.temperature,
            room=config.room,
            turn_tokens=config.turn_tokens,
            memory=config.memory,
        )
        rollouts = self.sampler.sample(jobs, how)
        if self.left is not None:
            self.left -= len(jobs)
        return [rollouts[at : at + size] for at in range(0, len(rollouts), size)]

    def _guided(self, groups: list[list[Rollout]], refill: int) -> list[list[Rollout]]:
        """Sample groups that failed whole again with a hint; train on them as if there had been none.

        Source:
            Guide-GRPO (arXiv 2506.13923); the hint is the task's own program.
        """
        failed = [at for at, group in enumerate(groups) if not any(self._rewards(group))]
        tasks = [groups[at][0].task for at in failed]
        tips = [hint(Episode(task, face=self.config.face)) for task in tasks]
        if not failed:
            return groups
        again = self._groups(tasks, refill, hints=tips)
        for at, group in zip(failed, again, strict=True):
            # Where there is no room for the hint, or for the task itself, the group stays as it was.
            if all(rollout.sampled for rollout in (groups[at][0], *group)):
                plain = groups[at][0].sequences[0].segments
                groups[at] = [without_hint(rollout, plain) for rollout in group]
        return groups

    def _rewards(self, group: Sequence[Rollout]) -> list[float]:
        return [reward_of(self.config.reward, rollout) for rollout in group]

    def _update(self, window: Window) -> Row:
        """Move the adapter on a window and return what was seen."""
        config, batches = self.config, self._batches(window)
        before = self.adapters.state()
        self.policy.model.train()
        # A single pass meets the policy as it was; only a second one has to remember it.
        old = [self._logps(data) if config.updates > 1 else None for data in batches]
        with self.adapters.reference():
            ref = [self._logps(data) for data in batches] if config.beta else [None] * len(batches)
        seen, norm = _Seen(), torch.zeros(())
        for _ in range(config.updates):
            for data, was, held in zip(batches, old, ref, strict=True):
                seen.add(*self._backward(data, was, held, window))
            norm = torch.nn.utils.clip_grad_norm_(self.adapters.parameters(), config.clip_norm)
            self.optimizer.step(1.0)
        row = seen.row() | {"grad_norm": float(norm), "update_ratio": _moved(before, self.adapters.state())}
        # Guided tokens are held to what was sampled, so they would hide a mismatch.
        told = [~self._guided_rows(data, window) for data in batches]
        was = torch.cat([each[at] for each, at in zip(seen.old, told, strict=False)])
        mu = torch.cat([data.flat("mu")[at] for data, at in zip(batches, told, strict=True)])
        if not len(was):
            return row | {"mask_tokens": _counted(window, batches)}
        gap = mismatch(was, mu)
        return row | {
            "mismatch_mean": float(gap.mean),
            "mismatch_max": float(gap.max),
            "mismatch_k3": float(gap.k3),
            "mask_tokens": _counted(window, batches),
        }

    def _batches(self, window: Window) -> list[Batch]:
        """Return the micro-batches of a window."""
        episodes, owner, config = window.sequences, window.owner, self.config
        lengths = [len(each) for each in episodes]
        named = {config.loss, config.correction, config.aggregation}
        if named & _BY_ROLLOUT or config.off_policy_mask is not None:
            places = by_owner(lengths, owner, config.micro_tokens)
        else:
            places = by_length(lengths, config.micro_tokens)
        return [batch(episodes, each, self.policy.device, owner=owner) for each in places]

    def _was(self, logp: Tensor, data: Batch, window: Window) -> Tensor:
        """Return what the policy thought before the update; with the hint, where there was one."""
        return torch.where(self._guided_rows(data, window), data.flat("mu"), logp)

    def _guided_rows(self, data: Batch, window: Window) -> Tensor:
        """Return which tokens were sampled with a hint, [n]."""
        guided = torch.tensor([rollout.guided for rollout in window.rollouts], device=data.ids.device)
        return guided[data.row_of]

    def _hidden(self, data: Batch) -> Tensor:
        hidden: Tensor = self.policy.model(data.ids[:, :-1], data.mask[:, 1:])
        return hidden

    @torch.no_grad()
    def _logps(self, data: Batch) -> Tensor:
        head: Tensor = self.policy.model.head  # type: ignore[assignment]
        targets = data.flat("ids")
        return token_logps(self._hidden(data), head, targets, temperature=self.config.temperature)

    def _backward(
        self, data: Batch, before: Tensor | None, ref: Tensor | None, window: Window
    ) -> tuple[Tensor, ...]:
        """Add the gradient of a micro-batch; the parts add up to the window's."""
        config, device = self.config, data.ids.device
        head: Tensor = self.policy.model.head  # type: ignore[assignment]
        scores = token_scores(self._hidden(data), head, data.flat("ids"), temperature=config.temperature)
        rows = data.row_of
        old = self._was(scores.logp.detach() if before is None else before, data, window)
        every = torch.cat([torch.full((each.sampled,), at) for at, each in enumerate(window.rollouts)])
        counts = window_of(every, keep=window.keep[every], limit=config.room)
        keep, worth = window.keep.to(device)[rows], self._token_worth(data, window)
        tokens = Tokens(scores.logp, old, worth, rows, len(window.rollouts), data.flat("mu"))
        found = policy_loss(config.loss, tokens, **config.options)
        trust = trust_of(config, tokens)
        penalty = kl(config.kl)(scores.logp, ref) if ref is not None else None
        loss = objective(
            found.loss,
            token_weights(config.aggregation, rows, counts, keep=keep),
            correction=trust,
            kl=penalty,
            beta=config.beta,
            entropy=scores.entropy,
            entropy_coef=config.entropy,
        )
        loss.backward()  # type: ignore[no-untyped-call]
        away = k3(scores.logp, ref) if ref is not None else torch.full_like(old, torch.nan)
        return loss.detach(), scores.entropy.detach(), away.detach(), found.low, found.high, trust, old

    def _token_worth(self, data: Batch, window: Window) -> Tensor:
        """Return the advantage of every token that the model said, [n]."""
        device = data.ids.device
        turns = [each for rollout in window.rollouts for each in turns_of(rollout)]
        numbers = torch.tensor([n for place in data.places for n in turns[place]], device=device)
        said = [max((n for each in turns_of(one) for n in each), default=1) for one in window.rollouts]
        totals, worth = torch.tensor(said, device=device), window.advantages.to(device)
        return token_advantages(self.config.credit, worth, data.row_of, numbers, totals, self.config.gamma)


def _counted(window: Window, batches: Sequence[Batch]) -> int:
    """Return how many tokens count in the loss."""
    return sum(int(window.keep[data.row_of.cpu()].sum()) for data in batches)


def _moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> float:
    """Return the norm of the change over the norm of what is there."""
    change = sum(float((after[name] - before[name]).square().sum()) for name in before)
    size = sum(float(each.square().sum()) for name, each in after.items() if name != "alpha")
    return float((change / max(size, 1e-30)) ** 0.5)


@dataclass(slots=True)
class _Seen:
    """What the micro-batches of a window showed."""

    parts: list[tuple[Tensor, ...]] = field(default_factory=list)

    def add(self, *part: Tensor) -> None:
        self.parts.append(part)

    @property
    def old(self) -> list[Tensor]:
        """What the policy thought of each micro-batch before the update."""
        return [part[-1] for part in self.parts]

    def row(self) -> Row:
        loss, entropy, away, low, high, trust, _ = zip(*self.parts, strict=True)
        return {
            "loss": float(sum(loss)),
            "entropy": float(torch.cat(entropy).mean()),
            # Without a reference nothing was measured, and 0 would say that nothing had moved.
            "kl_ref": None if torch.cat(away).isnan().all() else float(torch.cat(away).mean()),
            "clip_low": float(torch.cat(low).float().mean()),
            "clip_high": float(torch.cat(high).float().mean()),
            "ess": effective_share(torch.cat(trust)),
        }
