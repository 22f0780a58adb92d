"""The numbers of the study as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from simenv.cli.words import wrapped

Row = Mapping[str, Any]


def full_table(means: Row, cuts: Sequence[int]) -> str:
    """Return what is kept of each edit when its update is cut, per cent."""
    lines = [
        f"{'per cent kept at rank':<34}" + "".join(f"{cut:>8}" for cut in cuts),
        f"{'random matrices, energy':<34}" + _percent(means["floor"]),
    ]
    for row in means["edits"]:
        head = f"{row['edit']}, {row['optimizer']}, {row['steps']} steps"
        rest = "" if row["learned"] else f"  not learned: accuracy {row['accuracy']:.2f}"
        lines.append(head + rest)
        lines += [f"    {measure:<30}" + _percent(values) for measure, values in row["kept"].items()]
    return "\n".join(lines)


def sweep_table(means: Row) -> str:
    """Return losses by rank and rate, the best of a row marked, and the gradient norm of steps 5 to 15."""
    lines: list[str] = []
    for row in sorted(means["sweeps"], key=lambda row: (row["edit"], row["scaling"], row["rank"])):
        title = f"{row['edit']}, {row['scaling']}: loss at each learning rate, norm at the lowest"
        if title not in lines:
            lines += [
                title,
                f"{'rank':>6}{'scale':>9}{''.join(f'{rate:>9g}' for rate in row['rates'])}     norm",
            ]
        losses = "".join(
            f"{_loss(loss) + ('*' if rate == row['best_rate'] else ' '):>9}"
            for rate, loss in zip(row["rates"], row["loss"], strict=True)
        )
        norm = row["grad_norm"][0]
        lines.append(f"{row['rank']:>6}{row['scale']:>9.3g}{losses}{_loss(norm):>9}")
    return "\n".join(lines)


def claims_text(means: Row) -> str:
    """Return each claim with its verdict and what was seen."""
    return "\n".join(
        f"{claim['claim']}: {claim['verdict'].upper()}\n" + wrapped("    ", claim["sentence"])
        for claim in means["claims"]
    )


def _percent(shares: Sequence[float]) -> str:
    return "".join(f"{100 * share:>8.1f}" for share in shares)


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.3f}"
