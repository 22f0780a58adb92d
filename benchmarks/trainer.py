"""What training brings on a CPU, in full: ``python -m benchmarks.trainer [--size 5m] [--seeds 3]``.

For each seed a decoder is trained from nothing on the oracle's demonstrations until its validation loss has
not improved for a while, then by GRPO with rsLoRA for so many CPU minutes. Held-out tasks (worlds of the test
split, the talking customer) are played before and after, at temperature 1 and greedily. Every seed is kept
in ``--out`` with its model before and after, and not made again. Prints one JSON object; intervals are
Wilson's at 95 %, over tasks and seeds.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any, Literal

import torch
from tqdm import tqdm

import simenv
from simenv.scoring.statistics import wilson
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import family_of
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.config import GrpoConfig, SftConfig
from simenv.train.demos import demonstrate, demos
from simenv.train.grpo import Grpo, Row
from simenv.train.models.policy import Policy, chosen_device, load_policy, small
from simenv.train.rollouts.rollout import Job, Rollout, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.sft import train_sft
from simenv.train.tasks import source_of

INTENTS = "cancel+cancel_denied+change_passengers_denied+change_flights_denied+compensation_denied+price_paid"
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a policy is trained and judged.

    Attributes:
        tasks: What it is trained on and, in other worlds, judged on.
        size: Of the decoder.
        vocab: Of its tokenizer.
        demos: Demonstrations.
        sft_steps: Most steps on them.
        sft_lr: Learning rate of AdamW there.
        batch_tokens: Tokens of such a step, padding included.
        room: Longest episode, in tokens.
        turn_tokens: Longest turn.
        grpo_seconds: Time for GRPO.
        grpo_steps: Most steps of it.
        groups: Groups with a signal per step.
        group: Rollouts of a group.
        lr: Learning rate of the adapter.
        rank: Of the adapter.
        micro_tokens: Tokens of one pass of GRPO.
        held_out: Tasks, each played once per look.
        face: How things are shown.
        device: Where it all happens.
    """

    tasks: str = f"simple:{INTENTS}"
    size: str = "5m"
    vocab: int = 3000
    demos: int = 3000
    sft_steps: int = 2000
    sft_lr: float = 4e-3
    batch_tokens: int = 4096
    room: int = 1024
    turn_tokens: int = 160
    grpo_seconds: float = 3600.0
    grpo_steps: int = 10_000
    groups: int = 8
    group: int = 8
    lr: float = 1e-3
    rank: int = 16
    micro_tokens: int = 8192
    held_out: int = 200
    face: Literal["full", "compact"] = "compact"
    device: str = "cpu"


def bar(total: float, what: str) -> "tqdm[Any]":
    """Return a progress bar on stderr."""
    return tqdm(total=total, desc=what, file=sys.stderr, mininterval=1.0)


def codec_of(plan: Plan) -> Codec:
    """Return a tokenizer made from demonstrations."""
    source = source_of("airline", plan.tasks)
    count = min(200, 4 * plan.demos)
    played = [each for at in range(count) if (each := demonstrate(source.at(at), face=plan.face)) is not None]
    return Codec(make_tokenizer([text for each in played for text in texts_of(each)], plan.vocab, pairs=True))


def taught(plan: Plan, seed: int, *, clock: Clock = process_time) -> tuple[Policy, dict[str, float]]:
    """Return a decoder that has learned demonstrations to its plateau, and what that took."""
    began, source = clock(), source_of("airline", plan.tasks)
    other = source_of("airline", plan.tasks, split="test")
    codec = codec_of(plan)
    policy = small(plan.size, codec, seed=seed, room=plan.room, device=plan.device)
    family, room = family_of(codec), min(plan.room, plan.batch_tokens)
    made = demos(family, source, plan.demos, {"plain": 1}, seed=seed, face=plan.face, room=room)
    learned = []
    with bar(plan.demos, "demonstrations") as shown:
        for _, each in made:
            learned.append(each)
            shown.update(1)
    # Behind those that success is measured on.
    watched = demos(family, other, 64, {"plain": 1}, seed=seed, face=plan.face, room=room, start=100_000)
    config = SftConfig(
        steps=plan.sft_steps, lr=plan.sft_lr, batch_tokens=plan.batch_tokens, room=plan.room, seed=seed,
        every=max(1, min(100, plan.sft_steps // 4)), patience=4,
    )  # fmt: skip
    ready = clock()
    with bar(plan.sft_steps, "sft") as shown:
        fit = train_sft(policy, config, learned, [each for _, each in watched], progress=shown.update)
        steps = shown.n
    tokens = fmean(map(len, learned))
    return policy, {
        "parameters": sum(each.numel() for each in policy.model.parameters()),
        "demonstrations": len(learned),
        "tokens_per_episode": tokens,
        "sampled_tokens_per_episode": fmean(each.sampled for each in learned),
        "steps": steps,
        "val_loss": fit.loss,
        "turn_accuracy": fit.turns,
        "seconds_data": ready - began,
        "seconds": clock() - ready,
    }


def rewarded(
    plan: Plan, policy: Policy, seed: int, *, clock: Clock = process_time
) -> tuple[dict[str, Any], Sampler]:
    """Train by GRPO until the time or the steps are spent and return what was seen."""
    config = GrpoConfig(
        tasks=plan.tasks, seed=seed, room=plan.room, turn_tokens=plan.turn_tokens, groups=plan.groups,
        group=plan.group, lr=plan.lr, rank=plan.rank, micro_tokens=plan.micro_tokens, face=plan.face,
    )  # fmt: skip
    sampler = Sampler(policy.model, policy.family, face=plan.face)  # type: ignore[arg-type]
    trainer = Grpo(policy, config, source_of("airline", plan.tasks), sampler=sampler)
    trainer.task = 1_000_000 * (seed + 1)  # other tasks than those of the demonstrations
    began = clock()
    rows: list[Row] = []
    with bar(plan.grpo_seconds, "grpo, seconds") as shown:
        while clock() - began < plan.grpo_seconds and len(rows) < plan.grpo_steps:
            row, _ = trainer.advance()
            rows.append(row)
            shown.set_postfix(step=len(rows), success=row["success"])
            shown.update(min(clock() - began, plan.grpo_seconds) - shown.n)
    named = ("success", "turns", "length", "entropy", "kl_ref", "seconds/sample", "seconds/train", "episodes")
    return {
        "steps": len(rows),
        "rollouts": sum(int(row["episodes"] or 0) for row in rows),
        "tokens_sampled": sum(int(row["tokens_sampled"] or 0) for row in rows),
        "seconds": clock() - began,
        "rows": [{name: row.get(name) for name in named} for row in rows],
    }, sampler


def judged(
    plan: Plan, policy: Policy, seed: int, *, temperature: float, sampler: Sampler | None = None
) -> dict[str, Any]:
    """Play held-out tasks and return what was seen."""
    source = source_of("airline", plan.tasks, split="test")
    jobs = [Job(source.at(at), 0) for at in range(plan.held_out)]
    how = Sampling(
        seed=seed, step=10**9, temperature=temperature, room=plan.room, turn_tokens=plan.turn_tokens
    )
    player = sampler or Sampler(policy.model, policy.family, face=plan.face)  # type: ignore[arg-type]
    with policy.fast():
        played = player.sample(jobs, how)
    return share([each.reward > 0 for each in played]) | about(played)


def about(played: Sequence[Rollout]) -> dict[str, float]:
    """Return turns, tokens, and the share that was cut off."""
    return {
        "turns": fmean(each.turns for each in played),
        "tokens_per_episode": fmean(len(each.tokens) for each in played),
        "sampled_tokens_per_episode": fmean(each.tokens.sampled for each in played),
        "cut_off": fmean(each.reason != "done" for each in played),
    }


def share(passed: Sequence[bool]) -> dict[str, Any]:
    """Return a rate with its number and interval."""
    low, high = wilson(sum(passed), len(passed))
    return {"success": sum(passed) / len(passed), "n": len(passed), "interval": [low, high]}


def looks(plan: Plan, policy: Policy, seed: int) -> dict[str, dict[str, Any]]:
    """Judge at temperature 1 and greedily."""
    return {
        "temperature_1": judged(plan, policy, seed, temperature=1.0),
        "greedy": judged(plan, policy, seed, temperature=0.0),
    }


def one(plan: Plan, seed: int, out: Path) -> dict[str, Any]:
    """Train and judge one seed; what an earlier call has finished is read."""
    folder = out / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    before = _kept(folder / "sft.json", plan, lambda: _first(plan, seed, folder))

    def then() -> dict[str, Any]:
        policy = load_policy(folder / "sft", device=plan.device)
        seen, _ = rewarded(plan, policy, seed)
        policy.save(folder / "grpo")
        return {"grpo": seen, "after": looks(plan, policy, seed)}

    return {"seed": seed, **before, **_kept(folder / "grpo.json", plan, then)}


def _first(plan: Plan, seed: int, folder: Path) -> dict[str, Any]:
    policy, seen = taught(plan, seed)
    policy.save(folder / "sft")
    return {"sft": seen, "before": looks(plan, policy, seed)}


def _kept(file: Path, plan: Plan, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a file holds, if it was made by this plan, or make it."""
    told = asdict(plan)
    if file.is_file():
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if kept["plan"] == told:
            return {name: each for name, each in kept.items() if name != "plan"}
    made = make()
    part = file.with_suffix(".part")
    part.write_text(json.dumps({"plan": told, **made}), encoding="utf-8")
    part.replace(file)
    return made


def pooled(done: Sequence[Mapping[str, Any]], when: str, how: str) -> dict[str, Any]:
    """Return the rate over all seeds."""
    looked = [each[when][how] for each in done]
    n = sum(each["n"] for each in looked)
    won = round(sum(each["success"] * each["n"] for each in looked))
    low, high = wilson(won, n)
    return {
        "success": won / n,
        "n": n,
        "interval": [low, high],
        "by_seed": [each["success"] for each in looked],
    }


def machine(device: str) -> str:
    """Return what figures were measured on."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    threads = f"{torch.get_num_threads()} thread(s) on {os.cpu_count()} cores"
    return f"CPU: {platform.machine()}, {threads}, torch {torch.__version__}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/trainer"), help="where seeds are kept")
    parser.add_argument("--size", default=Plan.__dataclass_fields__["size"].default)
    parser.add_argument("--intents", default=INTENTS, help="simple intents, with + between them")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60.0, help="CPU minutes of GRPO per seed")
    parser.add_argument("--demos", type=int, default=Plan.__dataclass_fields__["demos"].default)
    parser.add_argument("--sft-steps", type=int, default=Plan.__dataclass_fields__["sft_steps"].default)
    parser.add_argument("--held-out", type=int, default=Plan.__dataclass_fields__["held_out"].default)
    parser.add_argument("--steps", type=int, default=10_000, help="most GRPO steps per seed")
    parser.add_argument("--groups", type=int, default=8)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plan = replace(
        Plan(), tasks=f"simple:{args.intents}", size=args.size, demos=args.demos, sft_steps=args.sft_steps,
        held_out=args.held_out, grpo_seconds=60 * args.minutes, grpo_steps=args.steps, groups=args.groups,
        device=chosen_device("cpu"),
    )  # fmt: skip
    done = [one(plan, seed, args.out) for seed in range(args.seeds)]
    result = {
        "benchmark": "trainer",
        "simenv": simenv.__version__,
        "machine": machine(plan.device),
        "plan": asdict(plan),
        "success": {
            when: {how: pooled(done, when, how) for how in ("temperature_1", "greedy")}
            for when in ("before", "after")
        },
        "seeds": done,
    }
    for when, looked in result["success"].items():  # type: ignore[attr-defined]
        for how, each in looked.items():
            low, high = each["interval"]
            print(
                f"{when:7} {how:14} {each['success']:.3f} [{low:.3f}, {high:.3f}] n {each['n']}",
                file=sys.stderr,
            )
    json.dump(result, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
