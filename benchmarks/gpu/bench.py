"""What the sections share: how large they are, where they run, and a meter of time and memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.trainer import Plan
from simenv.train.models.model import SHAPES, Shape

WORDS = 151_936
"""Of Qwen3's vocabulary."""
LEARN = Plan(
    tasks="synth:depth=1:2,breadth=1:1", size="20m", vocab=4000, demos=12_000, sft_steps=3000, sft_lr=2e-3,
    batch_tokens=32_768, room=1536, grpo_seconds=480.0, groups=64, group=16, lr=1e-3, rank=32,
    micro_tokens=131_072, held_out=300, device="cuda",
)  # fmt: skip
TINY = replace(
    LEARN, tasks="simple:change_passengers_denied", size="0.3m", vocab=2000, demos=12, sft_steps=3,
    batch_tokens=2000, room=1000, turn_tokens=12, grpo_seconds=4.0, grpo_steps=1, groups=2, group=2,
    micro_tokens=2048, held_out=2, device="cpu",
)  # fmt: skip
_SMALL_LARGE = Shape(32, 2, 4, 2, 8, 64, taps=0, copying=False)


@dataclass(slots=True)
class Bench:
    """What the sections share.

    Attributes:
        tiny: Whether everything is small.
        device: Where it runs.
        seconds: For which rollouts are counted.
        processes: In which rollouts are played.
        out: Where models are kept.
    """

    tiny: bool
    device: str
    seconds: float
    processes: int
    out: Path

    @property
    def plan(self) -> Plan:
        """What ``learn`` does."""
        return replace(TINY if self.tiny else LEARN, device=self.device)

    @property
    def shape(self) -> Shape:
        """The shape of ``large``."""
        return _SMALL_LARGE if self.tiny else SHAPES["qwen3-0.6b"]

    @property
    def words(self) -> int:
        """Vocabulary of ``large``."""
        return 2100 if self.tiny else WORDS


@dataclass(slots=True)
class Meter:
    """Wall seconds and peak memory of the parts of a step."""

    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    peak_gib: dict[str, float | None] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure one part."""
        if self.device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        began = perf_counter()
        yield
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.seconds[name] = perf_counter() - began
        is_known = self.device == "cuda"
        self.peak_gib[name] = torch.cuda.max_memory_allocated() / 2**30 if is_known else None
