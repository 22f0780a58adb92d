"""Supervised fine-tuning: predict what the oracle said, given what it had heard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.train.chat.tokens import TokenEpisode, require_sampled
from simenv.train.config import SftConfig
from simenv.train.maths.head import token_logps
from simenv.train.models.optim import Optimizers, adamw, from_nothing, trapezoid
from simenv.train.models.policy import Policy
from simenv.train.models.weights import load_optimizer, optimizer_tensors
from simenv.train.report.metrics import MetricsWriter
from simenv.train.rollouts.batches import Batch, batch, by_length, in_order

Progress = Callable[[int], object]
Row = dict[str, float | str | None]
THIN = 5
"""Of tokens that were only heard, one in so many is predicted at a step, and weighs as many."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a model predicts demonstrations.

    Attributes:
        loss: Nats per token that the oracle said.
        tokens: Share of those tokens that the model thinks likeliest.
        turns: Share of turns of which it would say every token.
        whole: Share of episodes of which it would say every token.
    """

    loss: float
    tokens: float
    turns: float
    whole: float


def train_sft(
    policy: Policy,
    config: SftConfig,
    demos: Sequence[TokenEpisode],
    validation: Sequence[TokenEpisode],
    *,
    folder: Path | None = None,
    progress: Progress = lambda step: None,
) -> Fit:
    """Train until the validation loss has not improved for a while, and keep the best weights.

    Args:
        policy: Is trained in place: every weight, or its adapter where it has one.
        config: How.
        demos: What is learned.
        validation: What says when to stop.
        folder: Where metrics go.
        progress: Is told that a step is done.

    Raises:
        UsageError: If a demonstration teaches nothing.
    """
    sft = Sft(policy, config, demos, validation)
    with MetricsWriter(folder, config=config.digest, tensorboard=False) if folder else _Silent() as metrics:
        while not sft.over:
            metrics.write(sft.step, sft.advance())
            progress(1)
    return sft.finish()


class Sft:
    """A policy in supervised training.

    Args:
        policy: Is trained in place: every weight, or its adapter where it has one.
        config: How.
        demos: What is learned.
        validation: What says when to stop.

    Attributes:
        step: Steps that are done.
        best: The least validation loss so far.
        stale: Looks since then.

    Raises:
        UsageError: If a demonstration teaches nothing, or is longer than a batch.
    """

    def __init__(
        self,
        policy: Policy,
        config: SftConfig,
        demos: Sequence[TokenEpisode],
        validation: Sequence[TokenEpisode],
    ) -> None:
        require_sampled(demos)
        require_sampled(validation)
        if (longest := max(map(len, demos))) > config.batch_tokens:
            raise UsageError(
                f"batch_tokens = {config.batch_tokens} holds no demonstration of {longest} tokens"
            )
        self.policy, self.config, self.demos, self.validation = policy, config, demos, validation
        self.optimizers = _optimizers(policy, config)
        self.step = self.stale = 0
        self.best, self._kept = float("inf"), policy.trained_state()
        self._fit: Fit | None = None
        self._places = _order(demos, config)

    @property
    def over(self) -> bool:
        """Whether every step is done, or the validation loss has not improved for a while."""
        return self.step >= self.config.steps or self.stale >= self.config.patience

    def advance(self) -> Row:
        """Take one step and return its row."""
        policy, config, step = self.policy, self.config, self.step
        share = trapezoid(step, config.steps)
        context = config.context_weight * max(0.0, 1 - 1.5 * step / config.steps)
        data = batch(self.demos, next(self._places), policy.device)
        policy.model.train()
        loss = demo_loss(policy.model, data, context, step)
        row = _step(policy, self.optimizers, loss, share) | {"tokens": int(data.real.sum())}
        self.step += 1
        if self.step % config.every == 0 or self.step == config.steps:
            row |= self._look()
        return row

    def _look(self) -> Row:
        fit = fit_of(self.policy.model, self.policy.device, self.validation)
        self.stale = 0 if fit.loss < self.best - 1e-3 else self.stale + 1
        if fit.loss < self.best:
            self.best, self._kept, self._fit = fit.loss, self.policy.trained_state(), fit
        return {"val_loss": fit.loss, "token_accuracy": fit.tokens, "turn_accuracy": fit.turns}

    def finish(self) -> Fit:
        """Take the best weights and return how well they predict the validation."""
        self.policy.load_trained(self._kept)
        return self._fit or fit_of(self.policy.model, self.policy.device, self.validation)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return copies of all tensors that a checkpoint needs."""
        names = self._names()
        moments = [optimizer_tensors(part, names) for part in self.optimizers.parts]
        return {
            "policy": self.policy.trained_state(),
            "best": dict(self._kept),
            "optimizer": {name: each for part in moments for name, each in part.items()},
        }

    def load(
        self, tensors: Mapping[str, Mapping[str, Tensor]], *, step: int, best: float, stale: int
    ) -> None:
        """Go on from what ``tensors`` returned after that step."""
        names, device = self._names(), self.policy.device
        self.policy.load_trained({name: each.to(device) for name, each in tensors["policy"].items()})
        for part in self.optimizers.parts:
            mine = {id(weight) for group in part.param_groups for weight in group["params"]}
            state = {
                name: each
                for name, each in tensors["optimizer"].items()
                if id(names[name.rpartition("/")[0]]) in mine
            }
            load_optimizer(part, names, state)
        self._kept, self.best, self.stale, self.step = dict(tensors["best"]), best, stale, step
        self._fit = None
        self._places = islice(_order(self.demos, self.config), step, None)

    def _names(self) -> dict[str, nn.Parameter]:
        if self.policy.adapters is not None:
            return self.policy.adapters.named_parameters()
        return dict(self.policy.model.named_parameters())


class _Silent:
    """Stands where no metrics are wanted."""

    def __enter__(self) -> "_Silent":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def write(self, step: int, row: Row) -> None:
        """Forget the row."""


def _optimizers(policy: Policy, config: SftConfig) -> Optimizers:
    if policy.adapters is not None:
        return adamw(policy.adapters.parameters(), lr=config.lr)
    if policy.is_small:
        return from_nothing(policy.model, lr=config.lr, matrix_lr=config.matrix_lr)
    return adamw(policy.model.parameters(), lr=config.lr)


def _order(demos: Sequence[TokenEpisode], config: SftConfig) -> Iterator[list[int]]:
    """Yield batches for ever, every demonstration once per pass, in an order that the seed draws."""
    lengths, turn = [len(each) for each in demos], 0
    while True:
        # Not by length: what is as long asks for the same, and a step that sees one kind unlearns others.
        order = Draws("sft order", config.seed, turn).shuffled(range(len(lengths)))
        yield from in_order(order, lengths, config.batch_tokens)
        turn += 1


def _step(policy: Policy, optimizers: Optimizers, loss: Tensor, share: float) -> Row:
    """Take one step and return its row."""
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(policy.trained(), 1.0)
    optimizers.step(share)
    return {"loss": loss.item(), "lr": optimizers.rates[-1] * share, "grad_norm": float(norm)}


def demo_loss(model: nn.Module, data: Batch, context: float = 0.0, step: int = 0) -> Tensor:
    """Return the mean negative log-probability of what was said, by weight.

    Args:
        model: Ids to hidden states, with a ``head``.
        data: Demonstrations.
        context: Weight of tokens that were only heard. They are full of copies, which a model that is
            trained from nothing has to learn first.
        step: Says which of them stand for all: one in ``THIN``, others at every step.
    """
    heard = context * (data.real & ~data.mask)
    total = (data.mask * data.weights + heard)[:, 1:].sum()
    places = torch.arange(data.ids.shape[1], device=data.ids.device) + data.rows[:, None]
    thinned = heard * THIN * ((places + step) % THIN == 0)
    weights = (data.mask * data.weights + thinned)[:, 1:]
    chosen = weights > 0
    hidden = model(data.ids[:, :-1], chosen)
    logp = token_logps(hidden, model.head, data.ids[:, 1:][chosen])  # type: ignore[arg-type]
    return -(logp * weights[chosen]).sum() / total


@torch.no_grad()
def fit_of(model: nn.Module, device: torch.device, episodes: Sequence[TokenEpisode]) -> Fit:
    """Return how well a model predicts demonstrations, given what was really said before."""
    model.eval()
    head: Tensor = model.head  # type: ignore[assignment]
    loss = right = said = 0.0
    turns = whole = total = 0
    for places in by_length([len(each) for each in episodes], 4096):
        data = batch(episodes, places, device)
        counted = data.mask[:, 1:]
        scores = model(data.ids[:, :-1], counted) @ head.T
        targets = data.flat("ids")
        loss += float(torch.nn.functional.cross_entropy(scores.float(), targets, reduction="sum"))
        hits = scores.argmax(-1) == targets
        right, said = right + float(hits.sum()), said + len(hits)
        grid = torch.ones_like(counted)
        grid[counted] = hits
        for row, place in enumerate(places):
            good = _turns_right(episodes[place], grid[row].tolist())
            turns, total, whole = turns + sum(good), total + len(good), whole + all(good)
    model.train()
    return Fit(loss / said, right / said, turns / total, whole / len(episodes))


def _turns_right(episode: TokenEpisode, hits: list[bool]) -> list[bool]:
    """Return for each turn whether all of its tokens are right; ``hits`` begins at the second token."""
    found, at = [], -1
    for segment in episode.segments:
        if segment.sampled:
            found.append(all(hits[max(at, 0) : at + len(segment.ids)]))
        at += len(segment.ids)
    return found
