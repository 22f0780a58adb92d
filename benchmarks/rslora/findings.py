"""The published claims beside what was seen.

Every verdict and sentence is put together from the data; another run may say the opposite.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from benchmarks.rslora.lanes import SCALINGS
from benchmarks.rslora.means import MEASURES, Row, edits, floor, grouped, kinds, mean, sweeps

STYLE, FACTS = "style", "facts"
_STYLE_RANK, _STYLE_SHARE = 4, 0.985  # what rounds to 99 %
_FACTS_RANK, _FACTS_SHARE, _FACTS_NEAR = 8, 0.28, 0.05
_CLEAR, _LARGE = 3, 0.05
"""A gain by rank counts beyond so many standard errors (the best of several ranks is picked, so two are too
few) and if it is at least this share of the loss at the lowest rank."""


def summary(found: Row) -> dict[str, Any]:
    """Return all means and claims."""
    means = {"edits": edits(found), "kinds": kinds(found), "floor": floor(found), "sweeps": sweeps(found)}
    return means | {"claims": claims(means, found["cuts"])}


def claims(means: Row, cuts: Sequence[int]) -> list[dict[str, Any]]:
    """Return each claim, the readings that bear on it, and a sentence."""
    found = [
        _captured(means, cuts, STYLE, _STYLE_RANK, "style is captured at rank 4 (99 %)"),
        _captured(means, cuts, FACTS, _FACTS_RANK, "facts are captured to 28 % at rank 8"),
        _contrast(means, cuts),
        _optimizers(means, cuts),
    ]
    for (edit,), rows in grouped(means["sweeps"], "edit").items():
        judged = [_norms(edit, rows), _fixed(edit, rows), _tuned(edit, rows), _best_rates(edit, rows)]
        if rows[0]["seeds"] == 1:
            for claim in judged:
                claim["sentence"] += " One seed: noise is not known, so none of this is evidence."
        found += judged
    return found


def _agrees(kind: str, value: float) -> bool:
    return value >= _STYLE_SHARE if kind == STYLE else abs(value - _FACTS_SHARE) <= _FACTS_NEAR


def _of(means: Row, kind: str) -> list[Row]:
    """Return the edits of a kind that were learned: of others nothing can be kept."""
    return [row for row in means["edits"] if row["edit"].startswith(kind) and row["learned"]]


def _captured(means: Row, cuts: Sequence[int], kind: str, rank: int, claim: str) -> dict[str, Any]:
    """Hold a published share at a rank against every measure, edit and optimizer."""
    at = list(cuts).index(rank)
    readings = [
        {
            "edit": row["edit"],
            "optimizer": row["optimizer"],
            "measure": measure,
            "seen": row["kept"][measure][at],
            "holds": _agrees(kind, row["kept"][measure][at]),
        }
        for measure in MEASURES
        for row in _of(means, kind)
    ]
    agreeing = [each for each in readings if each["holds"]]
    parts = []
    for measure, words in MEASURES.items():
        seen = [each["seen"] for each in readings if each["measure"] == measure]
        beside = f" (random matrices {_share(means['floor'][at])})" if measure == "energy" else ""
        parts.append(f"{words} {_range(seen)}{beside}")
    needed = [row["rank_99"] for row in _of(means, kind)]
    missed = [_who(row) for row in means["edits"] if row["edit"].startswith(kind) and not row["learned"]]
    left_out = f" Not learned and left out: {', '.join(missed)}." if missed else ""
    count = f"{len(agreeing)} of {len(readings)} readings"
    where = "; ".join(f"{_who(each)} by {MEASURES[each['measure']]}" for each in agreeing) or "nowhere"
    return {
        "claim": claim,
        "verdict": _verdict(len(agreeing), len(readings)),
        "readings": readings,
        "sentence": f"It holds in {count} ({where}). Kept at rank {rank}: "
        f"{', '.join(parts)}. 99 % of the accuracy took rank {_span(needed)}.{left_out}",
    }


def _contrast(means: Row, cuts: Sequence[int]) -> dict[str, Any]:
    """Ask whether every style keeps more at rank 8 than every set of facts, optimizer by optimizer."""
    at = list(cuts).index(_FACTS_RANK)
    readings, parts = [], []
    for measure, words in MEASURES.items():
        for (optimizer,), rows in grouped([*_of(means, STYLE), *_of(means, FACTS)], "optimizer").items():
            styles, facts = (
                [row["kept"][measure][at] for row in rows if row["edit"].startswith(kind)]
                for kind in (STYLE, FACTS)
            )
            if not styles or not facts:
                continue
            holds = min(styles) > max(facts)
            readings.append({"measure": measure, "optimizer": optimizer, "holds": holds})
            parts.append(
                f"{words}, {optimizer}: styles {_range(styles)}, facts {_range(facts)}"
                f"{'' if holds else ', so not apart'}"
            )
    holding = sum(bool(each["holds"]) for each in readings)
    return {
        "claim": "a style takes fewer ranks than facts",
        "verdict": _verdict(holding, len(readings)),
        "readings": readings,
        "sentence": f"At rank {_FACTS_RANK} every style keeps more than every set of facts in {holding} of "
        f"{len(readings)} comparisons. Kept: {'; '.join(parts)}.",
    }


def _optimizers(means: Row, cuts: Sequence[int]) -> dict[str, Any]:
    """Ask whether AdamW's updates spread over more ranks than those of SGD."""
    readings = []
    for measure, rank in (("energy", _STYLE_RANK), ("accuracy", _FACTS_RANK)):
        at = list(cuts).index(rank)
        for (edit,), rows in grouped([*_of(means, STYLE), *_of(means, FACTS)], "edit").items():
            kept = {row["optimizer"]: row["kept"][measure][at] for row in rows}
            if {"adamw", "sgd"} <= kept.keys():
                holds = kept["adamw"] < kept["sgd"]
                readings.append({"edit": edit, "measure": measure, "rank": rank, **kept, "holds": holds})
    parts = []
    for measure, rank in (("energy", _STYLE_RANK), ("accuracy", _FACTS_RANK)):
        same = [each for each in readings if each["measure"] == measure]
        holding = sum(bool(each["holds"]) for each in same)
        adamw, sgd = (_range([each[name] for each in same]) for name in ("adamw", "sgd"))
        parts.append(
            f"by {MEASURES[measure]} at rank {rank} in {holding} of {len(same)} edits "
            f"(AdamW {adamw}, SGD {sgd})"
        )
    return {
        "claim": "AdamW spreads an edit over more ranks than SGD",
        "verdict": _verdict(sum(bool(each["holds"]) for each in readings), len(readings)),
        "readings": readings,
        "sentence": f"SGD's first ranks hold more {', '.join(parts)}.",
    }


def _side(rows: Sequence[Row], scaling: str) -> list[Row]:
    return sorted((row for row in rows if row["scaling"] == scaling), key=lambda row: row["rank"])


def _norms(edit: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Compare gradient norms of the lowest and highest rank at the lowest rate, where least is unstable."""
    readings = []
    for scaling in SCALINGS:
        side = _side(rows, scaling)
        first, last = side[0]["grad_norm"][0], side[-1]["grad_norm"][0]
        readings.append({"scaling": scaling, "rank_low": first, "rank_high": last, "factor": last / first})
    falls, steady = readings[0]["factor"] <= 1 / 4, 1 / 2 <= readings[1]["factor"] <= 2
    ranks = sorted({row["rank"] for row in rows})
    told = " and ".join(f"{each['factor']:.3g} ({each['scaling']})" for each in readings)
    return {
        "claim": f"{edit}: with alpha/r the gradient norm falls with rank, with alpha/sqrt(r) it stays",
        "verdict": _verdict(falls + steady, 2),
        "readings": readings,
        "sentence": f"From rank {ranks[0]} to {ranks[-1]} the norm of steps 5 to 15 at rate "
        f"{rows[0]['rates'][0]:g} is multiplied by {told}: that the first falls (below 1/4) {_holds(falls)}, "
        f"that the second stays (1/2 to 2) {_holds(steady)}.",
    }


def _fixed(edit: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Compare the lowest with the best rank at each fixed rate."""
    readings = [
        reading
        for scaling in SCALINGS
        for at in range(len(rows[0]["rates"]))
        if (reading := _at_rate(_side(rows, scaling), at))
    ]
    parts, held = [], 0
    for scaling in SCALINGS:
        same = [each for each in readings if each["scaling"] == scaling]
        clear = sum(bool(each["clear"]) for each in same)
        held += clear if scaling == SCALINGS[1] else len(same) - clear
        told = ", ".join(
            f"{each['rate']:g}: {-each['gain']:+.2f} at rank {each['best_rank']}" for each in same
        )
        parts.append(f"{scaling} gains clearly at {clear} of {len(same)} rates ({told})")
    return {
        "claim": f"{edit}: at a fixed rate rank brings nothing with alpha/r, but does with alpha/sqrt(r)",
        "verdict": _verdict(held, len(readings)),
        "readings": readings,
        "sentence": f"Loss of the best rank less that of the lowest, rate by rate: {'; '.join(parts)}. "
        f"A gain is clear beyond {_CLEAR} standard errors and {_LARGE:.0%} of the loss at the lowest rank.",
    }


def _at_rate(side: Sequence[Row], at: int) -> dict[str, Any]:
    """Return the gain of the best rank over the lowest at a rate; nothing if the lowest diverged."""
    losses = {row["rank"]: row["loss"][at] for row in side if row["loss"][at] is not None}
    first = side[0]["rank"]
    if first not in losses:
        return {}
    best = min(losses, key=lambda rank: losses[rank])
    gain, noise = losses[first] - losses[best], _error(side, at)
    return {
        "scaling": side[0]["scaling"],
        "rate": side[0]["rates"][at],
        "gain": gain,
        "gain_of_highest": losses[first] - losses[max(losses)],
        "best_rank": best,
        "noise": noise,
        "clear": gain > _CLEAR * noise and gain >= _LARGE * losses[first],
    }


def _error(side: Sequence[Row], at: int) -> float:
    """Return the standard error of a difference of two means over seeds, from all ranks together."""
    variances = [row["loss_sd"][at] ** 2 for row in side if row["loss_sd"][at] is not None]
    return sqrt(2 * mean(variances) / side[0]["seeds"])


def _tuned(edit: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Compare both scalings at each rank, each at its own best rate."""
    plain, stable = (_side(rows, scaling) for scaling in SCALINGS)
    readings = []
    for one, other in zip(plain, stable, strict=True):
        if one["best_loss"] is None or other["best_loss"] is None:
            continue
        noise = sqrt((one["best_sd"] ** 2 + other["best_sd"] ** 2) / one["seeds"])
        gap = one["best_loss"] - other["best_loss"]
        readings.append({"rank": one["rank"], "gap": gap, "noise": noise, "holds": gap > 2 * noise})
    better = [str(each["rank"]) for each in readings if each["holds"]]
    worse = [str(each["rank"]) for each in readings if each["gap"] < -2 * each["noise"]]
    gaps = [each["gap"] for each in readings]
    return {
        "claim": f"{edit}: alpha/sqrt(r) still wins when each rank has its own best rate",
        "verdict": _verdict(len(better), len(readings)),
        "readings": readings,
        "sentence": f"With the best rate for each rank, alpha/sqrt(r) is better {_at(better)} and "
        f"worse {_at(worse)}, beyond two standard errors; the loss of alpha/r less its own is "
        f"{min(gaps):+.2f} to {max(gaps):+.2f}.",
    }


def _best_rates(edit: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Ask how far the best rate moves over the ranks."""
    readings, parts = [], []
    for scaling in SCALINGS:
        side = [row for row in _side(rows, scaling) if row["best_rate"] is not None]
        rates = [row["best_rate"] for row in side]
        edge = [str(row["rank"]) for row in side if row["best_at_edge"]]
        readings.append(
            {"scaling": scaling, "ranks": [row["rank"] for row in side], "best": rates, "at_edge": edge}
        )
        beyond = f", at the edge of what was tried at rank {', '.join(edge)}" if edge else ""
        parts.append(f"{scaling} {', '.join(f'{rate:g}' for rate in rates)}{beyond}")
    free = [str(each["scaling"]) for each in readings if len(set(each["best"])) == 1]
    return {
        "claim": f"{edit}: alpha/sqrt(r) makes the best learning rate independent of rank",
        "verdict": "holds" if SCALINGS[1] in free else "does not hold",
        "readings": readings,
        "sentence": f"Best rates from the lowest to the highest rank: {'; '.join(parts)}. "
        f"The same rate is best at every rank with: {_list(free)}.",
    }


# Words


def _verdict(holding: int, total: int) -> str:
    if not total:
        return "not tested"
    if holding == total:
        return "holds"
    return "holds in part" if holding else "does not hold"


def _holds(whether: bool) -> str:  # noqa: FBT001
    return "holds" if whether else "does not hold"


def _share(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1)


def _range(values: Sequence[float]) -> str:
    if not values:
        return "nothing"
    low, high = _share(min(values)), _share(max(values))
    return low if low == high else f"{low} to {high}"


def _span(ranks: Sequence[int | None]) -> str:
    known = [rank for rank in ranks if rank is not None]
    if not ranks:
        return "nothing that was learned"
    if not known:
        return "beyond the last cut"
    span = f"{min(known)} to {max(known)}" if min(known) < max(known) else f"{min(known)}"
    return span if len(known) == len(ranks) else f"{span} or more"


def _who(reading: Row) -> str:
    return f"{reading['edit']} by {reading['optimizer']}"


def _at(ranks: Sequence[str]) -> str:
    return f"at rank {', '.join(ranks)}" if ranks else "at no rank"


def _list(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
