"""Training of the base model and of full edits, and what a model knows of an edit."""

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from benchmarks.rslora.data import WORDS, Lines, formatted
from simenv.core.draws import Draws
from simenv.train.models.model import Decoder, shape

WARM = range(5, 16)
"""Steps, counted from 1, over which gradient norms are averaged."""

_CHECK, _ROWS = 25, 256


@dataclass(frozen=True, slots=True)
class Known:
    """What a model knows of an edit.

    Attributes:
        loss: Mean negative log-probability of the edited tokens, in nats.
        accuracy: Share of the edited tokens that are most probable, each after the true ones before it.
        answer: The same share of all tokens of the answers.
    """

    loss: float
    accuracy: float
    answer: float


def generator(*address: str | int) -> torch.Generator:
    """Return torch's generator of an address."""
    return torch.Generator().manual_seed(Draws("rslora", *address).word() >> 1)


def new_decoder(size: str) -> Decoder:
    """Return an untrained decoder without the extras of our own: the Qwen3 shape."""
    plain = replace(shape(size), taps=0, copying=False, rotary=0)
    return Decoder(plain, len(WORDS), room=64)


def answered(model: Decoder, lines: Lines, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits [n, words] before the marked tokens, and the tokens [n]."""
    hidden = model(lines.ids[:, :-1])[mask]
    return hidden @ model.head.T, lines.ids[:, 1:][mask]


@torch.no_grad()
def known(model: Decoder, lines: Lines) -> Known:
    """Return what a model knows of lines."""
    sums = torch.zeros(3, dtype=torch.float64)
    for start in range(0, len(lines), _ROWS):
        some = lines.take(torch.arange(start, min(start + _ROWS, len(lines))))
        logits, targets = answered(model, some, some.answer)
        edited = some.edited[some.answer]
        losses = F.cross_entropy(logits, targets, reduction="none")
        hits = logits.argmax(-1) == targets
        sums += torch.stack([losses[edited].double().sum(), hits[edited].sum(), hits.sum()])
    loss, hit, all_hit = sums.tolist()
    total = int(lines.edited.sum())
    return Known(loss / total, hit / total, all_hit / int(lines.answer.sum()))


def matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of two dimensions by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.dim() == 2}


def batches(lines: Lines, size: int, steps: int, draws: torch.Generator) -> Iterable[Lines]:
    """Give batches of lines drawn without replacement, all of them before any comes again."""
    size, left = min(size, len(lines)), torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        if len(left) < size:
            left = torch.cat((left, torch.randperm(len(lines), generator=draws)))
        rows, left = left[:size], left[size:]
        yield lines.take(rows)


def base(size: str, steps: int, batch: int) -> Decoder:
    """Return a decoder trained on the format by AdamW, whose rate rises to 3e-3 and falls linearly."""
    model = new_decoder(size)
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, foreach=True)
    warm = max(1, steps // 20)
    rates = [3e-3 * min((at + 1) / warm, 0.02 + (steps - at) / steps) for at in range(steps)]
    pool = formatted(steps * batch, "train")
    descend(model, optimizer, batches(pool, batch, steps, generator("base")), rates=rates)
    return model


def descend(
    model: Decoder,
    optimizer: Optimizer,
    lines: Iterable[Lines],
    *,
    rates: Sequence[float] = (),
    until: Lines | None = None,
    enough: float = 0.0,
) -> int:
    """Train a model in place and return the number of steps.

    Args:
        model: The model.
        optimizer: Of what is trained.
        lines: A batch per step.
        rates: Learning rate of each step; none: that of the optimizer.
        until: Lines that are looked at every 25 steps.
        enough: Training ends once the loss of their edited tokens is at most this.
    """
    steps = 0
    for batch in lines:
        if rates:
            optimizer.param_groups[0]["lr"] = rates[steps]
        loss = F.cross_entropy(*answered(model, batch, batch.answer))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        steps += 1
        if not math.isfinite(float(loss.detach())):
            break
        if until is not None and steps % _CHECK == 0 and known(model, until).loss <= enough:
            break
    return steps


def edited_fully(
    model: Decoder, lines: Iterable[Lines], *, optimizer: str, rate: float, until: Lines, enough: float
) -> tuple[Decoder, int]:
    """Return a copy of a model after all of its matrices were trained on an edit, and the number of steps.

    Gains of norms stay as they are.

    Args:
        model: Where it starts.
        lines: A batch per step.
        optimizer: ``"adamw"`` or ``"sgd"`` (momentum .9), both without weight decay.
        rate: Learning rate.
        until: The lines that are to be known.
        enough: Loss on them at which training ends.
    """
    copy = deepcopy(model)
    copy.requires_grad_(False)  # noqa: FBT003  torch takes it by place
    weights = list(matrices(copy).values())
    for weight in weights:
        weight.requires_grad_(True)  # noqa: FBT003
    made: Optimizer = (
        AdamW(weights, lr=rate, weight_decay=0.0, foreach=True)
        if optimizer == "adamw"
        else SGD(weights, lr=rate, momentum=0.9, foreach=True)
    )
    return copy, descend(copy, made, lines, until=until, enough=enough)
