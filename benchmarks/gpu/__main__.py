"""What training costs and brings on a GPU: ``python -m benchmarks.gpu [--sections learn,large]``.

Sections, each timed by the wall clock:

- ``learn``: a decoder of about 20 M weights from nothing, by SFT and then GRPO, on airline tasks of depth 1
  to 2; held-out success before and after; tokens per episode through the compact and the full face.
- ``rollouts``: compact rollouts that it plays in ``--seconds`` in ``--processes`` processes, and what ten
  minutes would give.
- ``large``: the shape of Qwen3-0.6B with random weights in bfloat16: SFT tokens per second at 2,048 tokens,
  rows full and rows padded; a whole GRPO step on episodes of 8,192 tokens with its time and memory split.
- ``head``: peak memory of the loss at 32,000 and at 151,936 words, chunked and plain.

Prints one JSON object; with ``--out`` the model of ``learn`` is kept and ``rollouts`` plays it. Without a
GPU, or with ``--tiny``, everything is made so small that it takes seconds: such figures show that it runs,
and the JSON says so.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import simenv
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.heads import head
from benchmarks.gpu.large import large
from benchmarks.gpu.learning import learn, rollouts
from benchmarks.trainer import machine
from simenv.core.errors import UnknownNameError
from simenv.train.models.policy import chosen_device

SECTIONS = ("learn", "rollouts", "large", "head")


def bench_of(args: argparse.Namespace, folder: Path) -> Bench:
    """Return what the sections share; without a GPU everything is tiny."""
    device = chosen_device(args.device)
    return Bench(args.tiny or device == "cpu", device, args.seconds, args.processes, args.out or folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections and print their result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sections", default=",".join(SECTIONS), help="with , between them")
    parser.add_argument("--tiny", action="store_true", help="everything in seconds, to see that it runs")
    parser.add_argument("--device", default="", help="cpu or cuda; the one that is there by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which rollouts are counted")
    parser.add_argument("--processes", type=int, default=1, help="in which rollouts are played")
    parser.add_argument("--out", type=Path, default=None, help="folder for models; else a temporary one")
    args = parser.parse_args(arguments)
    wanted = args.sections.split(",")
    if unknown := sorted({*wanted} - {*SECTIONS}):
        raise UnknownNameError("section", unknown[0], SECTIONS)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    torch.set_num_threads(1)
    every: dict[str, Callable[[Bench], dict[str, Any]]] = {
        "learn": learn, "rollouts": rollouts, "large": large, "head": head
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_of(args, Path(folder))
        found: dict[str, Any] = {}
        for name in wanted:
            began = perf_counter()
            found[name] = every[name](bench)
            print(f"{name}: {perf_counter() - began:.1f} s", file=sys.stderr)
        result = {
            "benchmark": "gpu",
            "simenv": simenv.__version__,
            "device": bench.device,
            "machine": machine(bench.device),
            "figures_are": f"{bench.device.upper()} figures"
            + (" of tiny models: they show that it runs and say nothing of a GPU" if bench.tiny else ""),
            "sections": found,
        }
    json.dump(result, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
