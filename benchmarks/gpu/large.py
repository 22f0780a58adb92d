"""The shape of Qwen3-0.6B with random weights: SFT and a whole GRPO step."""

from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import torch

from benchmarks.gpu.bench import Bench, Meter
from benchmarks.trainer import codec_of
from simenv.core.draws import Draws
from simenv.train.chat.families import family_of
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.config import GrpoConfig
from simenv.train.grpo import Grpo, Window
from simenv.train.models.graphs import Graphs
from simenv.train.models.hf import random_hf
from simenv.train.models.model import Decoder
from simenv.train.models.optim import adamw
from simenv.train.models.policy import Policy
from simenv.train.models.prepare import prepare
from simenv.train.rollouts.batches import batch
from simenv.train.rollouts.rewards import reward_of
from simenv.train.rollouts.rollout import Job, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.sft import demo_loss
from simenv.train.tasks import source_of


def large(bench: Bench) -> dict[str, Any]:
    """Measure the shape of Qwen3-0.6B with random weights."""
    return {
        "shape": asdict(bench.shape),
        "words": bench.words,
        "dtype": dtype_of(bench),
        "sft": {kind: sft_rate(bench, kind) for kind in ("packed", "padded")},
        "sft_through_transformers": {} if bench.tiny else {"packed": sft_rate(bench, "packed", theirs=True)},
        "grpo_step": grpo_step(bench),
    }


def dtype_of(bench: Bench) -> str:
    """Return the dtype of weights and activations: bfloat16 where there is a GPU for it."""
    return "bfloat16" if bench.device == "cuda" else "float32"


def decoder(bench: Bench, room: int, *, checkpointing: bool) -> Decoder:
    """Return our own decoder of that shape: the same numbers as Qwen3's, and it has graphs."""
    model = Decoder(bench.shape, bench.words, room=room).to(bench.device)
    prepare(model, dtype=dtype_of(bench), checkpointing=checkpointing)
    return model


def made_up(bench: Bench, count: int, length: int, *, is_full: bool) -> list[TokenEpisode]:
    """Return episodes of random tokens, of which about a fifth was said by the model.

    Lengths are the same, or spread evenly from a quarter of ``length`` to all of it.
    """
    made = []
    for at in range(count):
        draws = Draws("benchmark", "episode", at)
        size = length if is_full else draws.between(length // 4, length)
        ids = tuple(draws.column(bench.words, size))
        cut = [*range(0, size, max(5, size // 8)), size]
        parts = pairwise(cut)
        made.append(TokenEpisode())
        for begin, end in parts:
            heard = begin + max(1, (end - begin) * 4 // 5)
            made[-1].append(Segment("tool", ids[begin:heard], sampled=False))
            made[-1].append(Segment("assistant", ids[heard:end], sampled=True))
    return made


def sft_rate(bench: Bench, kind: str, *, theirs: bool = False) -> dict[str, Any]:
    """Measure SFT of every weight on rows of 2,048 tokens.

    Packed rows are full, as episodes laid end to end would fill them; padded rows hold one episode each.
    """
    length, rows, steps = (64, 2, 2) if bench.tiny else (2048, 16, 12)
    made = made_up(bench, rows * 4, length, is_full=kind == "packed")
    if theirs:
        model: torch.nn.Module = random_hf("qwen3-0.6b", dtype_of(bench), bench.device, checkpointing=True)
    else:
        model = decoder(bench, length, checkpointing=True)
    model.train()
    optimizer, meter, real = adamw(model.parameters(), lr=1e-5), Meter(bench.device), 0
    places = [list(range(at, at + rows)) for at in range(0, len(made), rows)]
    data = [batch(made, each, bench.device) for each in places]

    def one(at: int) -> int:
        loss = demo_loss(model, data[at % len(data)])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(1.0)
        return int(data[at % len(data)].real.sum())

    one(0)
    with meter.part("sft"):
        for at in range(steps):
            real += one(at)
    seconds = meter.seconds["sft"]
    return {
        "tokens_per_row": length,
        "rows": rows,
        "real_tokens_per_second": real / seconds,
        "padding": 1 - real / (steps * sum(each.ids.numel() for each in data) / len(data)),
        "seconds_per_step": seconds / steps,
        "peak_gib": meter.peak_gib["sft"],
    }


def grpo_step(bench: Bench) -> dict[str, Any]:
    """Measure one whole step: sample, score, train, on episodes as long as there is room.

    Random weights never end a turn and never succeed, so every rollout fills the room with one long turn, and
    advantages are +1 and -1 in turn where the rewards, which are counted, would leave nothing to train on.
    """
    room, count = (640, 2) if bench.tiny else (8192, 8)
    device, plan, meter = bench.device, bench.plan, Meter(bench.device)
    policy = Policy(decoder(bench, room, checkpointing=True), family_of(codec_of(plan)))
    config = GrpoConfig(
        tasks=plan.tasks, room=room, turn_tokens=room, groups=1, group=count, face="compact", rank=16,
        micro_tokens=room * (1 if bench.tiny else 2), lr=1e-5,
    )  # fmt: skip
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    trainer = Grpo(policy, config, source_of("airline", plan.tasks), sampler=sampler)
    task = trainer.source.at(0)
    jobs = [Job(task, number) for number in range(count)]
    how = Sampling(room=room, turn_tokens=room, step=0)
    with policy.fast():
        if device == "cuda":  # graphs are captured once, not in every step
            sampler.sample(jobs, replace(how, turn_tokens=32))
        with meter.part("sample"):
            group = sampler.sample(jobs, how)
    with meter.part("score"):
        rewards = [reward_of("binary", each) for each in group]
        worth = torch.tensor([1.0, -1.0]).repeat(count)[:count]
        window = Window([group], rewards, worth, torch.ones(count, dtype=torch.bool), 1, 0, group, 1)
    with meter.part("train"):
        row = trainer._update(window)
    tokens = sum(len(each.tokens) for each in group)
    graphs: Graphs | None = sampler.graphs
    return {
        "episodes": count,
        "tokens_per_episode": tokens / count,
        "tokens_sampled": sum(each.tokens.sampled for each in group),
        "seconds": meter.seconds,
        "peak_gib": meter.peak_gib,
        "seconds_whole": sum(meter.seconds.values()),
        "sampled_tokens_per_second": sum(each.tokens.sampled for each in group) / meter.seconds["sample"],
        "update_tokens_per_second": tokens / meter.seconds["train"],
        "update_is": "log-probs before, log-probs of the reference, one pass forward and backward, AdamW",
        "graphs": graphs.captured if graphs else 0,
        "reasons": sorted({each.reason for each in group}),
        "rewards": rewards,
        "grad_norm": row["grad_norm"],
        "mismatch_mean": row["mismatch_mean"],
    }
