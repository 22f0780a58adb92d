"""Means over seeds: what is kept of each edit at each rank, and where adapters of each rank end."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

Row = Mapping[str, Any]
_WHOLE, _LEARNED = 0.99, 0.9

MEASURES = {"energy": "energy", "accuracy": "gain in accuracy", "loss": "fall in loss"}
"""What can be kept of an edit, and its words."""


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one number."""
    return sum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample; 0 for one number."""
    middle = mean(values)
    return sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1)) if values[1:] else 0.0


def _kept(row: Row, measure: str, at: int) -> float:
    """Return which share of an edit is left at cut number ``at``: 0 as the base model, 1 as the full edit."""
    if measure == "energy":
        return mean([matrix["energy"][at] for matrix in row["matrices"]])
    gain = row["after"][measure] - row["before"][measure]
    return float((row["truncated"][at][measure] - row["before"][measure]) / gain) if gain else 0.0


def grouped(rows: Sequence[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows by their values of those keys, in the order in which these come up."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def edits(found: Row) -> list[dict[str, Any]]:
    """Return one row for each edit and optimizer: what is kept at each cut, mean, lowest and highest seed."""
    rows = []
    for (edit, optimizer), group in grouped(found["full"], "edit", "optimizer").items():
        kept = {
            measure: [[_kept(row, measure, at) for row in group] for at in range(len(found["cuts"]))]
            for measure in MEASURES
        }
        accuracy = [mean(values) for values in kept["accuracy"]]
        enough = [cut for cut, share in zip(found["cuts"], accuracy, strict=True) if share >= _WHOLE]
        rows.append(
            {
                "edit": edit,
                "optimizer": optimizer,
                "seeds": len(group),
                "steps": round(mean([row["steps"] for row in group])),
                "accuracy": mean([row["after"]["accuracy"] for row in group]),
                "answer": mean([row["after"]["answer"] for row in group]),
                "kept": {name: [mean(values) for values in table] for name, table in kept.items()},
                "low": {name: [min(values) for values in table] for name, table in kept.items()},
                "high": {name: [max(values) for values in table] for name, table in kept.items()},
                "rank_99": min(enough, default=None),
                "learned": mean([row["after"]["accuracy"] for row in group]) >= _LEARNED,
            }
        )
    return rows


def kinds(found: Row) -> list[dict[str, Any]]:
    """Return the mean energy of each type of matrix for each edit and optimizer."""
    rows = []
    for (edit, optimizer), group in grouped(found["full"], "edit", "optimizer").items():
        matrices = [matrix for row in group for matrix in row["matrices"]]
        for (kind,), same in sorted(grouped(matrices, "kind").items()):
            columns = zip(*(matrix["energy"] for matrix in same), strict=True)
            rows.append(
                {
                    "edit": edit,
                    "optimizer": optimizer,
                    "kind": kind,
                    "energy": [mean(each) for each in columns],
                }
            )
    return rows


def floor(found: Row) -> list[float]:
    """Return the energy of random matrices, as a mean over the matrices of the model."""
    by_shape = {tuple(row["shape"]): row["energy"] for row in found["floors"]}
    each = [by_shape[tuple(matrix["shape"])] for matrix in found["full"][0]["matrices"]]
    return [mean(column) for column in zip(*each, strict=True)]


def sweeps(found: Row) -> list[dict[str, Any]]:
    """Return one row for each edit, scaling and rank: losses and norms by learning rate, and the best rate.

    A rate at which a seed diverged has no loss.
    """
    rows = []
    for (edit, scaling, rank), group in grouped(found["adapters"], "edit", "scaling", "rank").items():
        by_rate = {rate: same for (rate,), same in sorted(grouped(group, "rate").items())}
        losses = {rate: [row["loss"] for row in same] for rate, same in by_rate.items()}
        sound = {rate: values for rate, values in losses.items() if None not in values}
        best = min(sound, key=lambda rate: mean(sound[rate]), default=None)
        norms = {rate: [row["grad_norm"] for row in same] for rate, same in by_rate.items()}
        rows.append(
            {
                "edit": edit,
                "scaling": scaling,
                "rank": rank,
                "scale": group[0]["scale"],
                "rates": list(by_rate),
                "seeds": len(next(iter(by_rate.values()))),
                "loss": [mean(sound[rate]) if rate in sound else None for rate in by_rate],
                "loss_sd": [deviation(sound[rate]) if rate in sound else None for rate in by_rate],
                "accuracy": [mean([row["accuracy"] for row in same]) for same in by_rate.values()],
                "grad_norm": [None if None in norms[rate] else mean(norms[rate]) for rate in by_rate],
                "best_rate": best,
                "best_loss": mean(sound[best]) if best is not None else None,
                "best_sd": deviation(sound[best]) if best is not None else None,
                "best_at_edge": best in (min(by_rate), max(by_rate)),
            }
        )
    return rows
