"""Lockstep sampling of many episodes at once, each keyed so that it does not depend on its batch.

Rollouts of one task are the same episode until they first say different things: the world answers alike to
like words. So they share one *lane*, of the cache and of the environment, and a lane is forked where its
rollouts draw different tokens. What token a rollout draws follows from (seed, step, task, rollout, position)
alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.episodes.chat import Message
from simenv.episodes.context import OpeningError
from simenv.train.chat.families import Family
from simenv.train.chat.transcript import Transcript
from simenv.train.guards import NotFiniteError
from simenv.train.models.graphs import graphs_of
from simenv.train.rollouts.batches import by_length
from simenv.train.rollouts.lane import Lane
from simenv.train.rollouts.rollout import Job, Rollout, Sampling
from simenv.train.rollouts.worlds import Heard, Worlds

BULK_TOKENS = 8192
"""Padded tokens of one forward pass over what episodes have heard."""
_AT_ONCE = 256
"""Rollouts whose cumulated probabilities are looked up together."""
_COMPANY = 4
"""With graphs, what is longer than a token waits until one lane in so many has some to read."""


class LaneCache(Protocol):
    """What a batch of lanes has read."""

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        """Copy the first ``upto`` tokens of lanes to others."""

    def clear_lanes(self, lanes: Tensor) -> None:
        """Let lanes be read into from the beginning."""


class Model(Protocol):
    """What a sampler asks of a model; see ``simenv.train.models.model.Decoder``."""

    room: int

    @property
    def head(self) -> Tensor:
        """The weight of the head, [vocab, width]."""

    def new_cache(self, lanes: int, room: int) -> Any:
        """Return an empty cache."""

    def extend(self, ids: Tensor, lengths: Tensor, starts: Tensor, lanes: Tensor, cache: Any) -> Tensor:
        """Read more tokens and return the last hidden state of each lane."""


def uniforms(*key: str | int) -> Iterator[float]:
    """Yield numbers on [0, 1) for the positions of one rollout, a function of the key alone.

    Example:
        >>> next(uniforms(0, 0, "task", 1)) == next(uniforms(0, 0, "task", 1))
        True
    """
    draws = Draws("sample", *key)
    while True:
        yield (draws.word() >> 11) / 2.0**53


class Sampler:
    """Samples rollouts of a model through a chat family.

    Args:
        model: Gives hidden states through a cache.
        family: Writes and reads turns.
        face: How things are shown.
        worlds: Where episodes are played; by default in this process.
    """

    def __init__(
        self, model: Model, family: Family, *, face: str = "compact", worlds: Worlds | None = None
    ) -> None:
        self.model, self.family = model, family
        self.worlds = worlds or Worlds(face=face)
        self.device = model.head.device
        self.graphs = graphs_of(model)
        self.forwarded = 0
        """Tokens that went through the model so far."""
        self.drawn = 0
        """Tokens that were drawn so far, for all rollouts."""

    def sample(self, jobs: Sequence[Job], how: Sampling) -> list[Rollout]:
        """Play every job to its end and return the rollouts in the order of the jobs.

        Raises:
            UsageError: If ``how.room`` is more than the model has.
            NotFiniteError: If the model gives no probabilities; the task is named.
        """
        if how.room > self.model.room:
            raise UsageError(f"the model has room for {self.model.room} tokens, not for {how.room}")
        with torch.no_grad():
            return _Game(self, jobs, how).play() if jobs else []


class _Game:
    """One call of ``Sampler.sample``."""

    def __init__(self, sampler: Sampler, jobs: Sequence[Job], how: Sampling) -> None:
        self.sampler, self.jobs, self.how = sampler, jobs, how
        self.family, self.worlds, self.device = sampler.family, sampler.worlds, sampler.device
        self.cache = (sampler.graphs.cache if sampler.graphs else sampler.model.new_cache)(
            len(jobs), how.room
        )
        self.free = list(range(len(jobs)))[::-1]
        self.done: dict[int, Rollout] = {}
        self.draw = [uniforms(how.seed, how.step, job.task.id, job.number) for job in jobs]

    def play(self) -> list[Rollout]:
        lanes = self._begin()
        while lanes:
            now, later = self._due(lanes)
            logits = self._read(now)
            now = self._say(now, torch.log_softmax(logits / (self.how.temperature or 1.0), -1))
            lanes = [*later, *self._answer(now)]
        return [self.done[at] for at in range(len(self.jobs))]

    def _begin(self) -> list[Lane]:
        """Open a lane for each group, or for each rollout where lanes are not shared."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for at, job in enumerate(self.jobs):
            key = (job.task.id, job.hint) if self.how.share else (job.task.id, job.hint, at)
            groups.setdefault(key, []).append(at)
        lanes = [self._open(members) for members in groups.values()]
        return [lane for lane in lanes if lane is not None and not self._too_long(lane)]

    def _open(self, members: list[int]) -> Lane | None:
        """Open a lane; None where a memory would have no room beside the opening."""
        job, slot, how = self.jobs[members[0]], self.free.pop(), self.how
        messages, tools = self.worlds.open(slot, job.task)
        told, budget = [*messages, *_hinted(job.hint)], how.room - how.turn_tokens
        try:
            begun = Transcript(self.family, told, tools, memory=how.memory, budget_tokens=budget)
        except OpeningError:
            self._finish(Lane(slot, members, Transcript(self.family, told, tools), []), "context")
            return None
        return Lane(slot, members, begun, begun.tokens.ids)

    def _due(self, lanes: list[Lane]) -> tuple[list[Lane], list[Lane]]:
        """Return which lanes are read now and which wait; what a lane draws does not depend on when."""
        later = [lane for lane in lanes if len(lane.pending) > 1] if self.sampler.graphs else []
        if len(later) == len(lanes) or len(later) * _COMPANY >= len(lanes):
            return lanes, []
        return [lane for lane in lanes if len(lane.pending) == 1] if later else lanes, later

    def _read(self, lanes: list[Lane]) -> Tensor:
        """Read what every lane has not read yet and return the logits after it, [lanes, vocab]."""
        single = [at for at, lane in enumerate(lanes) if len(lane.pending) == 1]
        bulk = [at for at, lane in enumerate(lanes) if len(lane.pending) > 1]
        pieces = by_length([len(lanes[at].pending) for at in bulk], BULK_TOKENS)
        order = [*([bulk[at] for at in piece] for piece in pieces), *([single] if single else [])]
        hidden = torch.cat([self._hidden([lanes[at] for at in places]) for places in order])
        back = torch.empty(len(lanes), dtype=torch.long)
        back[torch.tensor([at for places in order for at in places])] = torch.arange(len(lanes))
        return (hidden[back.to(self.device)] @ self.sampler.model.head.T).float()

    def _hidden(self, lanes: list[Lane]) -> Tensor:
        """Read what is pending, of all one token or not, and return the last hidden states."""
        lengths = [len(lane.pending) for lane in lanes]
        if self.sampler.graphs and max(lengths) == 1:
            tokens, slots = [lane.pending[0] for lane in lanes], [lane.slot for lane in lanes]
            hidden = self.sampler.graphs.step(tokens, slots, [lane.read for lane in lanes])
        else:
            hidden = self._extend(lanes, lengths)
        self.sampler.forwarded += sum(lengths)
        for lane, length in zip(lanes, lengths, strict=True):
            lane.read += length
            lane.pending = []
        return hidden

    def _extend(self, lanes: list[Lane], lengths: list[int]) -> Tensor:
        width = max(lengths)
        rows = [[*lane.pending, *[0] * (width - len(lane.pending))] for lane in lanes]
        starts = [lane.read for lane in lanes]

        def whole(numbers: list[int]) -> Tensor:
            return torch.tensor(numbers, device=self.device)

        ids = torch.tensor(rows, device=self.device)
        slots = whole([lane.slot for lane in lanes])
        return self.sampler.model.extend(ids, whole(lengths), whole(starts), slots, self.cache)

    def _say(self, lanes: list[Lane], scaled: Tensor) -> list[Lane]:
        """Draw the next token of every rollout; those of a lane that differ go on in lanes of their own.

        Args:
            lanes: All of them.
            scaled: Log-probabilities, [lanes, vocab].
        """
        members = [member for lane in lanes for member in lane.members]
        row_of = torch.tensor([at for at, lane in enumerate(lanes) for _ in lane.members], device=self.device)
        drawn = self._tokens(members, row_of, scaled)
        logps = scaled[row_of, drawn].tolist()
        if not math.isfinite(sum(logps)):
            self._refuse(members, logps)
        said = dict(zip(members, zip(drawn.tolist(), logps, strict=True), strict=True))
        self.sampler.drawn += len(members)
        return [each for lane in lanes for each in self._parted(lane, said)]

    def _refuse(self, members: list[int], logps: list[float]) -> None:
        """Say which rollout is the first whose token has no probability."""
        at, logp = next(each for each in zip(members, logps, strict=True) if not math.isfinite(each[1]))
        job = self.jobs[at]
        raise NotFiniteError(
            f"the weights gave no probabilities in the task {job.task.id}, rollout {job.number}: the "
            f"log-probability of the token that was drawn is {logp}. The weights, or what is computed from "
            "them, are NaN or infinite; lower the learning rate, compute in float32, or take an earlier "
            "checkpoint"
        )

    def _tokens(self, members: list[int], row_of: Tensor, scaled: Tensor) -> Tensor:
        """Return the next token of every rollout, [members]: the inverse of the cumulated probabilities."""
        if not self.how.temperature:
            return scaled.argmax(-1)[row_of]
        points = torch.tensor(
            [next(self.draw[member]) for member in members], dtype=torch.float64, device=self.device
        )
        mass = scaled.double().exp().cumsum(-1)
        found = [
            torch.searchsorted(mass[rows], (part * mass[rows, -1])[:, None], right=True)[:, 0]
            for rows, part in zip(torch.split(row_of, _AT_ONCE), torch.split(points, _AT_ONCE), strict=True)
        ]
        return torch.cat(found).clamp(max=scaled.shape[1] - 1)

    def _parted(self, lane: Lane, said: Mapping[int, tuple[int, float]]) -> list[Lane]:
        """Write down what was said and return the lane with those that were forked from it."""
        if len(lane.members) == 1:
            lane.say(*said[lane.members[0]])
            return [lane]
        groups: dict[tuple[int, float], list[int]] = {}
        for member in lane.members:
            groups.setdefault(said[member], []).append(member)
        first, *others = groups
        forks = [self._fork(lane, groups[each]) for each in others]
        lane.members = groups[first]
        for each, spoken in zip([lane, *forks], [first, *others], strict=True):
            each.say(*spoken)
        return [lane, *forks]

    def _fork(self, lane: Lane, members: list[int]) -> Lane:
        slot = self.free.pop()
        source, target = (torch.tensor([at], device=self.device) for at in (lane.slot, slot))
        self.cache.copy_lanes(source, target, lane.read)
        self.worlds.fork(lane.slot, slot)
        return lane.fork(slot, members)

    def _answer(self, lanes: list[Lane]) -> list[Lane]:
        """Let turns that have ended be answered; return the lanes that go on."""
        acting: dict[int, str] = {}
        for lane in lanes:
            if lane.turn[-1] in self.family.stops:
                self._act(lane, acting)
        steps = self.worlds.step(acting)
        return [lane for lane in lanes if self._goes_on(lane, steps.get(lane.slot))]

    def _act(self, lane: Lane, acting: dict[int, str]) -> None:
        """Carry a turn out: in the lane's memory now, or with those of the others in the world."""
        action = self.family.action(lane.end_turn().ids)
        lane.turns += 1
        recalled = lane.transcript.answer(action)
        if recalled is None:
            lane.actions.append(action)
            acting[lane.slot] = action
        else:
            self._hear(lane, recalled)

    def _goes_on(self, lane: Lane, step: Heard | None) -> bool:
        """Take in what the world has answered, if it was asked; whether the lane has more to say."""
        if step is not None:
            lane.calls += step.calls
            lane.refused += step.refused
            if step.done:
                self._finish(lane, "done" if step.terminated else "max_turns", step.reward)
                return False
            self._hear(lane, lane.transcript.hear(step.chat))
        elif len(lane.turn) >= self.how.turn_tokens:
            lane.end_turn()
            self._finish(lane, "max_tokens")
            return False
        return not self._too_long(lane)

    def _hear(self, lane: Lane, ids: Sequence[int]) -> None:
        if lane.hear(ids):
            self.cache.clear_lanes(torch.tensor([lane.slot], device=self.device))

    def _too_long(self, lane: Lane) -> bool:
        """Whether there is no room for the next token; the lane is finished then."""
        if lane.read + len(lane.pending) < self.how.room and not lane.transcript.full:
            return False
        if lane.turn:
            lane.end_turn()
        self._finish(lane, "context")
        return True

    def _finish(self, lane: Lane, reason: str, reward: float = 0.0) -> None:
        verdict, messages = self.worlds.close(lane.slot)
        *earlier, tokens = lane.transcript.spoken
        for at in lane.members:
            job = self.jobs[at]
            self.done[at] = Rollout(
                job.task, job.number, tokens, reward, reason, lane.turns, lane.calls, lane.refused, verdict,
                messages, tuple(lane.actions), earlier=tuple(earlier),
            )  # fmt: skip
        self.free.append(lane.slot)


def _hinted(hint: str) -> list[Message]:
    return [{"role": "user", "name": "environment", "content": hint, "sampled": False}] if hint else []


__all__ = ["Model", "Sampler", "uniforms"]
