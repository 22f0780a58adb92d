"""Supervised fine-tuning: predict what the oracle said, given what it had heard."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.train.batches import Batch, batch, by_length
from simenv.train.config import SftConfig
from simenv.train.head import token_logps
from simenv.train.metrics import MetricsWriter
from simenv.train.optim import Optimizers, adamw, from_nothing, trapezoid
from simenv.train.policy import Policy
from simenv.train.tokens import TokenEpisode, require_sampled

Progress = Callable[[int], object]


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
    require_sampled(demos)
    require_sampled(validation)
    optimizers = _optimizers(policy, config)
    best, best_weights, stale = float("inf"), policy.trained_state(), 0
    with MetricsWriter(folder, config=config.digest, tensorboard=False) if folder else _Silent() as metrics:
        for step, places in zip(range(config.steps), _order(demos, config), strict=False):
            share = trapezoid(step, config.steps)
            context = config.context_weight * max(0.0, 1 - 1.5 * step / config.steps)
            row = _step(policy, optimizers, batch(demos, places, policy.device), share, context)
            if (step + 1) % config.every == 0 or step + 1 == config.steps:
                fit = fit_of(policy.model, policy.device, validation)
                row |= {"val_loss": fit.loss, "token_accuracy": fit.tokens, "turn_accuracy": fit.turns}
                stale = 0 if fit.loss < best - 1e-3 else stale + 1
                if fit.loss < best:
                    best, best_weights = fit.loss, policy.trained_state()
            metrics.write(step, row)
            progress(1)
            if stale >= config.patience:
                break
    policy.load_trained(best_weights)
    return fit_of(policy.model, policy.device, validation)


class _Silent:
    """Stands where no metrics are wanted."""

    def __enter__(self) -> "_Silent":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def write(self, step: int, row: dict[str, float]) -> None:
        """Forget the row."""


def _optimizers(policy: Policy, config: SftConfig) -> Optimizers:
    if policy.adapters is not None:
        return adamw(policy.adapters.parameters(), lr=config.lr)
    if policy.is_small:
        return from_nothing(policy.model, lr=config.lr, matrix_lr=config.matrix_lr)
    return adamw(policy.model.parameters(), lr=config.lr)


def _order(demos: Sequence[TokenEpisode], config: SftConfig) -> Iterator[list[int]]:
    """Yield batches for ever, every demonstration once per pass, in an order that the seed draws."""
    groups = by_length([len(each) for each in demos], config.batch_tokens)
    if any(len(demos[place]) > config.batch_tokens for group in groups for place in group):
        longest = max(map(len, demos))
        raise UsageError(f"batch_tokens = {config.batch_tokens} holds no demonstration of {longest} tokens")
    turn = 0
    while True:
        order = Draws("sft order", config.seed, turn).shuffled(range(len(groups)))
        yield from (groups[at] for at in order)
        turn += 1


def _step(
    policy: Policy, optimizers: Optimizers, data: Batch, share: float, context: float
) -> dict[str, float]:
    """Take one step and return its row."""
    policy.model.train()
    loss = demo_loss(policy.model, data, context)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(policy.trained(), 1.0)
    optimizers.step(share)
    real = int(data.real.sum())
    return {"loss": loss.item(), "lr": share, "grad_norm": float(norm), "tokens": real}


def demo_loss(model: nn.Module, data: Batch, context: float = 0.0) -> Tensor:
    """Return the mean negative log-probability of what was said, by weight.

    Args:
        model: Ids to hidden states, with a ``head``.
        data: Demonstrations.
        context: Weight of tokens that were only heard. They are full of copies, which a model that is
            trained from nothing has to learn first.
    """
    weights = torch.where(data.mask, data.weights, context * data.real)[:, 1:]
    chosen = weights > 0
    hidden = model(data.ids[:, :-1])[chosen]
    logp = token_logps(hidden, model.head, data.ids[:, 1:][chosen])  # type: ignore[arg-type]
    return -(logp * weights[chosen]).sum() / weights.sum()


@torch.no_grad()
def fit_of(model: nn.Module, device: torch.device, episodes: Sequence[TokenEpisode]) -> Fit:
    """Return how well a model predicts demonstrations, given what was really said before."""
    model.eval()
    head: Tensor = model.head  # type: ignore[assignment]
    loss = right = said = 0.0
    turns = whole = total = 0
    for places in by_length([len(each) for each in episodes], 8192):
        data = batch(episodes, places, device)
        counted = data.mask[:, 1:]
        scores = model(data.ids[:, :-1])[counted] @ head.T
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
