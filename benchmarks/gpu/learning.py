"""A decoder of 20 M weights from nothing, and how fast it plays."""

import multiprocessing
from dataclasses import asdict
from statistics import fmean
from time import perf_counter
from typing import Any

import torch

from benchmarks.gpu.bench import Bench
from benchmarks.trainer import Plan, looks, rewarded, taught
from simenv.train.demos import demos
from simenv.train.models.policy import Policy, load_policy
from simenv.train.rollouts.rollout import Job, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.tasks import source_of

TEN_MINUTES = 600.0


def learn(bench: Bench) -> dict[str, Any]:
    """Train from nothing, judge, train by GRPO, judge again."""
    plan = bench.plan
    policy, sft = taught(plan, 0, clock=perf_counter)
    policy.save(bench.out / "sft")
    before = looks(plan, policy, 0)
    grpo, sampler = rewarded(plan, policy, 0, clock=perf_counter)
    after = looks(plan, policy, 0)
    policy.save(bench.out / "grpo")
    gained = after["temperature_1"]["success"] - before["temperature_1"]["success"]
    return {
        "plan": asdict(plan),
        "sft": sft,
        "before": before,
        "grpo": grpo,
        "after": after,
        "gained_at_temperature_1": gained,
        "rollouts_per_second_with_training": grpo["rollouts"] / max(grpo["seconds"], 1e-9),
        "graphs_captured": sampler.graphs.captured if sampler.graphs else 0,
        "tokens_per_episode": {face: tokens_of(plan, policy, face) for face in ("compact", "full")},
    }


def tokens_of(plan: Plan, policy: Policy, face: str) -> dict[str, float]:
    """Return the mean tokens of the oracle's episodes through a face, by this policy's tokenizer."""
    source = source_of("airline", plan.tasks, split="test")
    count = min(plan.held_out, 50)
    made = [
        each for _, each in demos(policy.family, source, count, {"plain": 1}, seed=0, face=face, room=10**6)
    ]
    return {"n": count, "tokens": fmean(map(len, made)), "sampled": fmean(each.sampled for each in made)}


def rollouts(bench: Bench) -> dict[str, Any]:
    """Count compact rollouts: sampled by the model, played by the world, scored."""
    found = bench.out / "grpo"
    if not (found / "shape.json").is_file():
        found = bench.out / "sft"
    if not (found / "shape.json").is_file():
        policy, _ = taught(bench.plan, 0, clock=perf_counter)
        policy.save(found)
    told = [(bench.plan, str(found), bench.seconds, number) for number in range(bench.processes)]
    if bench.processes == 1:
        parts = [played(*told[0])]
    else:
        # CUDA does not survive a fork.
        with multiprocessing.get_context("spawn").Pool(bench.processes) as pool:
            parts = pool.starmap(played, told)
    count = sum(each["rollouts"] for each in parts)
    rate = sum(each["rollouts"] / each["seconds"] for each in parts)
    return {
        "processes": bench.processes,
        "seconds": max(each["seconds"] for each in parts),
        "rollouts": count,
        "rollouts_per_second": rate,
        "in_ten_minutes": rate * TEN_MINUTES,
        "is_extrapolated": bench.seconds < TEN_MINUTES,
        "model": found.name,
        "success": sum(each["passed"] for each in parts) / count,
        "tokens_drawn_per_second": sum(each["drawn"] / each["seconds"] for each in parts),
        "tokens_per_episode": fmean(each["tokens"] for each in parts),
        "parts": parts,
    }


def played(plan: Plan, folder: str, seconds: float, number: int) -> dict[str, Any]:
    """Play rollouts for so many seconds in this process; warming up is not counted."""
    torch.set_num_threads(1)
    policy = load_policy(folder, device=plan.device)
    sampler = Sampler(policy.model, policy.family, face=plan.face)  # type: ignore[arg-type]
    source = source_of("airline", plan.tasks)
    policy.model.eval()
    count = passed = tokens = drawn = step = 0
    began = perf_counter()
    while count == 0 or perf_counter() - began < seconds:
        start = (number << 24) + step * plan.groups
        jobs = [Job(source.at(start + at), n) for at in range(plan.groups) for n in range(plan.group)]
        how = Sampling(seed=number, step=step, room=plan.room, turn_tokens=plan.turn_tokens)
        done = sampler.sample(jobs, how)
        step += 1
        if step == 1 and plan.device == "cuda":
            began, sampler.drawn = perf_counter(), 0  # graphs were captured and worlds were made
            continue
        count, passed = count + len(done), passed + sum(each.reward > 0 for each in done)
        tokens, drawn = tokens + sum(len(each.tokens) for each in done), sampler.drawn
    return {
        "rollouts": count,
        "passed": passed,
        "seconds": perf_counter() - began,
        "drawn": drawn,
        "tokens": tokens / count,
        "graphs": sampler.graphs.captured if sampler.graphs else 0,
        "replays": sampler.graphs.replayed if sampler.graphs else 0,
    }
