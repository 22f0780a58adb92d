"""The rank study: style edit against fact injection, alpha/r against alpha/sqrt(r).

    python -m benchmarks.rslora [--quick] [--size 0.3m] [--out build/rslora] [--picture benchmarks/rslora.png]

A small decoder of the Qwen3 shape learns a format; then it learns other closing words or random codes. Full
edits: the energy of each update's first singular values against random matrices, and what the model still
knows when the update is cut to a rank. Adapters: ranks, both scalings, learning rates and seeds. Prints one
JSON object, and on standard error tables with the published claims beside what was seen. Finished cells are
kept in ``--out``: a run that was stopped goes on where it was. A product BA never has more ranks than the
matrix it is added to, 64 in the smallest size; higher ranks are tried for what they do to learning.

About twelve CPU minutes; ``--quick`` takes about one.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import simenv
from benchmarks.rslora.cells import CUTS, QUICK, WHOLE, Plan, Store, cells, floors
from benchmarks.rslora.findings import summary
from benchmarks.rslora.picture import draw
from benchmarks.rslora.tables import claims_text, full_table, sweep_table
from simenv.cli.words import bar, say
from simenv.train.models.model import SHAPES


def study(plan: Plan, folder: Path) -> dict[str, Any]:
    """Run what is not yet finished and return every number."""
    store = Store(folder, plan)
    listed = cells(plan)
    with bar(len(listed) + 1, "cells") as progress:
        model = store.base()
        progress.update(1)
        for name, cell in listed.items():
            progress.set_postfix_str(name)
            store.run(name, cell, model)
            progress.update(1)
    rows = {name: store.done[name]["rows"] for name in listed}
    return {
        "plan": asdict(plan),
        "cuts": CUTS,
        "base": store.base_knows(model),
        "floors": floors(plan),
        "full": [row for name in rows if name.startswith("full/") for row in rows[name]],
        "adapters": [row for name in rows if name.startswith("adapters/") for row in rows[name]],
        "cpu_seconds": round(sum(store.done[name]["cpu_s"] for name in listed), 1),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=sorted(SHAPES), default=WHOLE.size, help="of the decoder")
    parser.add_argument("--quick", action="store_true", help="few cells, one seed, about a minute")
    parser.add_argument("--out", type=Path, default=Path("build/rslora"), help="folder of finished cells")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="where to draw the curves")
    args = parser.parse_args(argv)
    # Two threads would add sums in another order, and weights would differ from run to run.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # noqa: FBT003  torch takes it by place
    plan = replace(QUICK if args.quick else WHOLE, size=args.size)
    found = study(plan, args.out)
    machine = f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
    head = {"benchmark": "rslora", "simenv": simenv.__version__, "machine": machine}
    means = summary(found)
    json.dump(head | found | {"summary": means}, sys.stdout)
    print()
    say("\n\n".join((full_table(means, CUTS), sweep_table(means), claims_text(means))))
    if args.picture:
        draw(args.picture, means, CUTS)
        say(f"The curves are in {args.picture}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
