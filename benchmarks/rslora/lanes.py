"""Many adapters of one rank trained at once on one frozen model: a lane for each seed and learning rate.

A small model spends most of its time between products of matrices, so nine adapters together cost about as
much as three alone. A lane's adapter is that of ``simenv.train.models.lora`` on every linear layer, with its
first weights and AdamW's steps. The product BA is added to the weight before the layer runs: the same
function, whose cost does not grow with rank times tokens.
"""

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from benchmarks.rslora.data import Lines, joined
from benchmarks.rslora.training import WARM, Known, answered
from simenv.train.models.model import Decoder
from simenv.train.models.prepare import linear_names

SCALINGS = ("alpha/r", "alpha/sqrt(r)")
_BETAS, _EPS = (0.9, 0.999), 1e-8


def scale_of(scaling: str, alpha: float, rank: int) -> float:
    """Return the factor of an adapter: alpha / rank or alpha / sqrt(rank).

    Example:
        >>> scale_of("alpha/r", 16, 64), scale_of("alpha/sqrt(r)", 16, 64)
        (0.25, 2.0)
    """
    return alpha / (rank if scaling == "alpha/r" else math.sqrt(rank))


class Adapted(nn.Module):
    """A frozen linear layer with an adapter for each lane.

    Args:
        layer: The layer; it is shared.
        scale: Factor of every adapter.
        down: A of each lane, [lanes, rank, inputs].
    """

    def __init__(self, layer: nn.Linear, scale: float, down: Tensor) -> None:
        super().__init__()
        self.frozen, self.scale = layer.weight.detach(), scale
        self.down = nn.Parameter(down)
        self.up = nn.Parameter(torch.zeros(len(down), layer.out_features, down.shape[1]))

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Return [lanes * rows, tokens, outputs] of [lanes * rows, tokens, inputs], lane by lane."""
        lanes = len(self.down)
        weight = self.frozen + self.scale * (self.up @ self.down)
        out = x.reshape(lanes, -1, x.shape[-1]) @ weight.transpose(1, 2)
        return out.reshape(*x.shape[:-1], -1)


def adapted(model: Decoder, *, rank: int, scale: float, seeds: Sequence[int]) -> Decoder:
    """Return a copy of a model with adapters on all linear layers, one lane for each seed of a first A."""
    copy = deepcopy(model)
    copy.requires_grad_(False)  # noqa: FBT003  torch takes it by place
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    for name in linear_names(copy):
        layer = cast(nn.Linear, copy.get_submodule(name))
        size = (rank, layer.in_features)
        downs = [
            nn.init.kaiming_uniform_(torch.empty(size), a=math.sqrt(5), generator=each) for each in draws
        ]
        parent, _, leaf = name.rpartition(".")
        setattr(copy.get_submodule(parent), leaf, Adapted(layer, scale, torch.stack(downs)))
    return copy


class Adam:
    """AdamW without weight decay, with a learning rate for each lane.

    Args:
        parameters: Each [lanes, ..., ...].
        rates: A learning rate for each lane.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rates: Sequence[float]) -> None:
        self.parameters, self.rates = parameters, torch.tensor(rates)[:, None, None]
        self._means = [torch.zeros_like(each) for each in parameters]
        self._squares = [torch.zeros_like(each) for each in parameters]
        self._steps = 0

    @torch.no_grad()
    def step(self, slopes: Sequence[Tensor]) -> None:
        """Change the parameters by their gradients."""
        self._steps += 1
        first, second = (1 - beta**self._steps for beta in _BETAS)
        for parameter, slope, mean, square in zip(
            self.parameters, slopes, self._means, self._squares, strict=True
        ):
            mean.lerp_(slope, 1 - _BETAS[0])
            square.mul_(_BETAS[1]).addcmul_(slope, slope, value=1 - _BETAS[1])
            parameter.sub_(self.rates / first * mean / (square.sqrt() / math.sqrt(second) + _EPS))


@dataclass(frozen=True, slots=True)
class Course:
    """How the training of one lane went.

    Attributes:
        losses: Of each step's batch, over all tokens of the answers.
        norms: Gradient norm of each step.
    """

    losses: list[float]
    norms: list[float]

    @property
    def warm_norm(self) -> float:
        """The mean gradient norm of steps 5 to 15, or of fewer in a shorter run."""
        norms = self.norms[WARM.start - 1 : WARM.stop - 1] or self.norms
        return sum(norms) / len(norms)


def train_lanes(model: Decoder, lanes: Sequence[Iterable[Lines]], rates: Sequence[float]) -> list[Course]:
    """Train the adapters of :func:`adapted` in place, each on its own batches, and say how it went.

    Args:
        model: With as many lanes as there are iterables.
        lanes: Batches of equal size for each lane.
        rates: Learning rate of each lane.
    """
    parameters = [each for each in model.parameters() if each.requires_grad]
    optimizer, losses, norms = Adam(parameters, rates), [], []
    for parts in zip(*lanes, strict=True):
        lines = joined(parts)
        each, owner, counts = _by_token(model, lines, len(rates))
        slopes = torch.autograd.grad((each / counts[owner]).sum(), parameters)
        losses.append(_sums(each.detach(), owner, len(rates)) / counts)
        norms.append(torch.stack([slope.square().sum((1, 2)) for slope in slopes]).sum(0).sqrt())
        optimizer.step(slopes)
    table = [torch.stack(rows, 1).tolist() for rows in (losses, norms)]
    return [Course(*each) for each in zip(*table, strict=True)]


def _by_token(model: Decoder, lines: Lines, lanes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of each token of the answers, its lane, and the number of such tokens in each lane."""
    logits, targets = answered(model, lines, lines.answer)
    owner = lines.answer.nonzero()[:, 0] // (len(lines) // lanes)
    counts = torch.bincount(owner, minlength=lanes)
    return F.cross_entropy(logits, targets, reduction="none"), owner, counts


def _sums(values: Tensor, owner: Tensor, lanes: int) -> Tensor:
    return torch.zeros(lanes, dtype=values.dtype).index_add_(0, owner, values)


@torch.no_grad()
def known_lanes(model: Decoder, lanes: Sequence[Lines]) -> list[Known]:
    """Return what each lane knows of its own lines, which are as many in every lane."""
    lines = joined(lanes)
    logits, targets = answered(model, lines, lines.answer)
    owner = lines.answer.nonzero()[:, 0] // (len(lines) // len(lanes))
    edited = lines.edited[lines.answer]
    losses = F.cross_entropy(logits, targets, reduction="none").double()
    hits = (logits.argmax(-1) == targets).double()
    found = []
    for lane in range(len(lanes)):
        mine = owner == lane
        changed = mine & edited
        found.append(Known(*(float(each.mean()) for each in (losses[changed], hits[changed], hits[mine]))))
    return found
