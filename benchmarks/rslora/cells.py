"""What the study runs, cell by cell, and the file that keeps finished cells."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from time import process_time
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.rslora.data import Lines, facts, formatted, style
from benchmarks.rslora.lanes import SCALINGS, adapted, known_lanes, scale_of, train_lanes
from benchmarks.rslora.spectra import energies, floor, kind, updates, with_rank
from benchmarks.rslora.training import Known, base, batches, edited_fully, generator, known, new_decoder
from simenv.core.errors import DataError, UsageError
from simenv.train.models.model import Decoder

CUTS = (1, 2, 4, 8, 16, 32, 64)
"""Ranks that energies are summed to and updates cut to."""

_ENOUGH = 0.05
_MAKING = 1
"""Moves with every change after which finished cells no longer fit."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """Something to teach the base model.

    Attributes:
        kind: ``"style"`` or ``"facts"``.
        number: Of different closing sentences, or of facts.
        batch: Lines in a step.
        steps: At most.
    """

    kind: str
    number: int
    batch: int
    steps: int

    @property
    def name(self) -> str:
        """Kind and number, such as ``"facts-100"``."""
        return f"{self.kind}-{self.number}"

    def lines(self, seed: int) -> tuple[Lines, Lines]:
        """Return what is trained on and what is asked for: the facts, or other dialogues in the style."""
        if self.kind == "facts":
            both = facts(self.number, seed)
            return both, both
        train = style(self.batch * self.steps, self.number, "train", seed)
        return train, style(64, self.number, "test", seed)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole study.

    Attributes:
        size: Of the decoder, a name of :data:`simenv.train.models.model.SHAPES`.
        base_steps: Steps of 32 lines of the format.
        seeds: Each has its own facts or dialogues, order and first adapters. The base model is one.
        full: Edits by full fine-tuning.
        optimizers: Of full fine-tuning, each with its learning rate.
        ranks: Of adapters.
        rates: Learning rates of adapters.
        alpha: Of adapters.
        adapters: Edits by adapters.
    """

    size: str
    base_steps: int
    seeds: int
    full: tuple[Edit, ...]
    optimizers: tuple[tuple[str, float], ...]
    ranks: tuple[int, ...]
    rates: tuple[float, ...]
    alpha: float
    adapters: tuple[Edit, ...]

    @property
    def digest(self) -> str:
        """Names everything that a finished cell depends on but the processor."""
        facts_of = {**asdict(self), "making": _MAKING, "torch": torch.__version__}
        return blake2b(json.dumps(facts_of, sort_keys=True).encode(), digest_size=6).hexdigest()


WHOLE = Plan(
    size="0.3m",
    base_steps=600,
    seeds=3,
    full=(
        Edit("style", 1, 16, 300),
        Edit("style", 3, 16, 300),
        Edit("facts", 10, 10, 400),
        Edit("facts", 100, 50, 600),
        Edit("facts", 1000, 100, 800),
    ),
    optimizers=(("adamw", 1e-3), ("sgd", 0.02)),
    ranks=(4, 8, 16, 32, 64, 128, 256, 512),
    rates=(2e-4, 7e-4, 2e-3, 7e-3),
    alpha=16,
    adapters=(Edit("style", 1, 8, 80), Edit("facts", 32, 16, 120)),
)
QUICK = Plan(
    size="0.3m",
    base_steps=120,
    seeds=1,
    full=(Edit("style", 1, 16, 100), Edit("facts", 10, 10, 150)),
    optimizers=(("adamw", 1e-3), ("sgd", 0.02)),
    ranks=(4, 32, 512),
    rates=(7e-4, 2e-3, 7e-3),
    alpha=16,
    adapters=(Edit("style", 1, 8, 20), Edit("facts", 32, 16, 40)),
)


def cells(plan: Plan) -> dict[str, Callable[[Decoder], list[Row]]]:
    """Return every cell by name: what it does to the base model and returns."""
    found: dict[str, Callable[[Decoder], list[Row]]] = {}
    for edit in plan.full:
        for optimizer, rate in plan.optimizers:
            for seed in range(plan.seeds):
                found[f"full/{edit.name}/{optimizer}/{seed}"] = _full(edit, optimizer, rate, seed)
    for edit in plan.adapters:
        for rank in plan.ranks:
            for scaling in SCALINGS:
                found[f"adapters/{edit.name}/{scaling}/{rank}"] = _adapters(plan, edit, scaling, rank)
    return found


def _full(edit: Edit, optimizer: str, rate: float, seed: int) -> Callable[[Decoder], list[Row]]:
    def run(model: Decoder) -> list[Row]:
        train, asked = edit.lines(seed)
        parts = batches(train, edit.batch, edit.steps, generator("full", edit.name, seed))
        after, steps = edited_fully(model, parts, optimizer=optimizer, rate=rate, until=asked, enough=_ENOUGH)
        end = known(after, asked)
        if not math.isfinite(end.loss):
            raise UsageError(
                f"{edit.name} by {optimizer} at rate {rate:g} diverged after {steps} steps; "
                "the plan for this size needs a lower rate"
            )
        factors = updates(model, after)
        cuts = {rank: known(with_rank(model, factors, rank), asked) for rank in CUTS}
        return [
            {
                "edit": edit.name,
                "optimizer": optimizer,
                "seed": seed,
                "rate": rate,
                "steps": steps,
                "before": _known(known(model, asked)),
                "after": _known(end),
                "truncated": [{"rank": rank, **_known(each)} for rank, each in cuts.items()],
                "matrices": [
                    {
                        "name": name,
                        "kind": kind(name),
                        "shape": [len(each.left), each.right.shape[1]],
                        "norm": short(float(each.values.square().sum().sqrt())),
                        "energy": [short(share) for share in energies(each.values, CUTS)],
                    }
                    for name, each in factors.items()
                ],
            }
        ]

    return run


def _adapters(plan: Plan, edit: Edit, scaling: str, rank: int) -> Callable[[Decoder], list[Row]]:
    def run(model: Decoder) -> list[Row]:
        scale = scale_of(scaling, plan.alpha, rank)
        lanes = [(seed, rate) for seed in range(plan.seeds) for rate in plan.rates]
        lines = [edit.lines(seed) for seed in range(plan.seeds)]
        learner = adapted(model, rank=rank, scale=scale, seeds=[seed for seed, _ in lanes])
        # Each lane has its own iterator, but lanes of one seed see the same batches.
        parts = [
            batches(lines[seed][0], edit.batch, edit.steps, generator("adapters", edit.name, seed))
            for seed, _ in lanes
        ]
        courses = train_lanes(learner, parts, [rate for _, rate in lanes])
        ends = known_lanes(learner, [lines[seed][1] for seed, _ in lanes])
        quarters = [edit.steps * quarter // 4 - 1 for quarter in (1, 2, 3, 4)]
        return [
            {
                "edit": edit.name,
                "scaling": scaling,
                "rank": rank,
                "rate": rate,
                "seed": seed,
                "scale": short(scale),
                **_known(end),
                "grad_norm": short(course.warm_norm),
                "curve": [short(course.losses[at]) for at in quarters],
            }
            for (seed, rate), course, end in zip(lanes, courses, ends, strict=True)
        ]

    return run


def floors(plan: Plan) -> list[Row]:
    """Return the energy of random matrices of every shape in the model."""
    model = new_decoder(plan.size)
    shapes = sorted({tuple(weight.shape) for weight in model.parameters() if weight.dim() == 2})
    return [
        {"shape": [rows, columns], "energy": [short(each) for each in floor(rows, columns, CUTS)]}
        for rows, columns in shapes
    ]


def short(value: float) -> float | None:
    """Return six significant digits, or None for what is not finite: JSON has no such number."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _known(what: Known) -> Row:
    return {name: short(value) for name, value in asdict(what).items()}


class Store:
    """A folder with the base model and the finished cells of one plan, one JSON line each.

    Args:
        folder: Is made if need be. Cells of other plans lie in other files.
        plan: The plan.

    Raises:
        DataError: If the folder or a file cannot be made or read.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan = plan
        self.path = folder / f"cells-{plan.digest}.jsonl"
        self._base = folder / f"base-{plan.digest}.safetensors"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.done = dict(self._read())
        except OSError as error:
            raise DataError(
                folder, 0, f"cannot be used ({error.strerror})", "Name another with --out"
            ) from None

    def _read(self) -> Iterator[tuple[str, Row]]:
        if not self.path.exists():
            return
        whole, end, torn = self.path.read_bytes().rpartition(b"\n")
        if torn:  # a run was stopped while it wrote; that cell is run again
            self.path.write_bytes(whole + end)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
                yield row["cell"], row
            except (ValueError, KeyError, TypeError):
                problem = "is no finished cell"
                raise DataError(
                    self.path, number, problem, "Delete the line; the cell is run again"
                ) from None

    def base(self) -> Decoder:
        """Return the base model, trained the first time."""
        if not self._base.exists():
            model = base(self.plan.size, self.plan.base_steps, 32)
            part = self._base.with_suffix(".part")
            save_file({name: each.detach() for name, each in model.named_parameters()}, part)
            part.replace(self._base)
        model = new_decoder(self.plan.size)
        model.load_state_dict(load_file(self._base))
        return model

    def base_knows(self, model: Decoder) -> Row:
        """Return what the base model knows of held-out lines of the format."""
        return _known(known(model, formatted(256, "held out")))

    def run(self, name: str, cell: Callable[[Decoder], list[Row]], model: Decoder) -> None:
        """Run a cell unless it is finished, and keep it."""
        if name in self.done:
            return
        began = process_time()
        row = {"cell": name, "rows": cell(model), "cpu_s": round(process_time() - began, 2)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.done[name] = row
