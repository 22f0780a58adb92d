"""Does a small decoder learn airline tasks on a CPU, from nothing, and does GRPO add to what SFT taught?

    python -m benchmarks.learning --seeds 3 --evaluations 300 > learning.json

A decoder of .88 M parameters learns from clean demonstrations of the oracle (three intents, compact face),
then reinforcement with rsLoRA goes on from there; together about two CPU minutes. What succeeded is
made likelier and entropy is punished, instead of leave-one-out advantages; all that was tried stands in
benchmarks/RESULTS.md. Success is measured on tasks in other worlds,
with the talking customer, at temperature 1 and, with `--greedy`, with the likeliest token; intervals are
Wilson's at 95 %. The difference is paired by task. `weights` is the digest of every weight, the same in every
process on one kind of machine.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from simenv.core.task import Task
from simenv.scoring.statistics import paired_se, wilson
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.config import GrpoConfig, SftConfig
from simenv.train.demos import demonstrate, demos
from simenv.train.grpo import Grpo
from simenv.train.lessons import TOKENIZER_TASKS
from simenv.train.models.model import parameters_total
from simenv.train.models.policy import Policy, small
from simenv.train.rollouts.rollout import Job, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.sft import Sft
from simenv.train.tasks import source_of

TASKS = "simple:cancel+change_passengers_denied+price_paid"
SFT = SftConfig(
    tasks=TASKS, held_out=TASKS, demos=700, vocab=3000, room=640, steps=300, batch_tokens=2000, every=100,
    lr=0.015, context_weight=0.15,
)  # fmt: skip
GRPO = GrpoConfig(
    tasks=TASKS,
    held_out=TASKS,
    steps=16,
    groups=24,
    group=4,
    refills=1,
    lr=0.002,
    room=640,
    turn_tokens=24,
    advantage="reinforce",
    beta=0.0,
    entropy=-0.3,
    micro_tokens=4096,
    mask_reasons=(),
    save_every=1000,
)
ROOM, TURN_TOKENS = 640, 96
"""Limits when success is measured, before and after alike; training may be tighter, a right turn is short."""
SHORT = {"demos": 100, "validation": 16, "steps": 40, "every": 20}
"""What is left out of a short course."""
FIRST_NEW = 10_000
"""Tasks of GRPO are counted from here, so that none was demonstrated."""


def held_out(count: int) -> list[Task]:
    """Return tasks in worlds of the test split."""
    source = source_of(SFT.env, TASKS, split="test")
    return [source.at(at) for at in range(count)]


def success(policy: Policy, tasks: Sequence[Task], temperature: float) -> dict[str, float]:
    """Return the reward of each task, played once."""
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    how = Sampling(room=ROOM, turn_tokens=TURN_TOKENS, temperature=temperature)
    with policy.fast():
        rollouts = sampler.sample([Job(task, 0) for task in tasks], how)
    return {rollout.task.id: rollout.reward for rollout in rollouts}


def rate(rewards: dict[str, float], tasks: Sequence[Task]) -> dict[str, Any]:
    """Return a success rate with its interval, and the rate of each intent."""
    n, passed = len(rewards), sum(rewards.values())
    by: dict[str, list[float]] = {}
    for task in tasks:
        by.setdefault(str(task.intent), []).append(rewards[task.id])
    return {
        "n": n,
        "rate": round(passed / n, 4),
        "interval_95": [round(end, 4) for end in wilson(passed, n)],
        "by_intent": {intent: round(sum(each) / len(each), 4) for intent, each in sorted(by.items())},
    }


def begin(config: SftConfig) -> tuple[Policy, list[Any], list[Any]]:
    """Return a decoder that knows nothing, its lessons and those that say when to stop."""
    train = source_of(config.env, config.tasks)
    episodes = [demonstrate(train.at(at)) for at in range(TOKENIZER_TASKS)]
    texts = [text for episode in episodes if episode is not None for text in texts_of(episode)]
    codec = Codec(make_tokenizer(texts, config.vocab, pairs=True))
    policy = small(config.size, codec, seed=config.seed, room=1024)
    unseen = source_of(config.env, config.held_out, split="validation")

    def lessons(source: Any, count: int) -> list[Any]:
        found = demos(
            policy.family,
            source,
            count,
            config.kinds,
            seed=config.seed,
            face=config.face,
            room=config.room,
        )
        return [episode for _, episode in found]

    return policy, lessons(train, config.demos), lessons(unseen, config.validation)


def learn(
    *, seed: int = 0, evaluations: int = 150, greedy: bool = False, short: bool = False
) -> dict[str, Any]:
    """Run the whole course once, or the beginning of it, and return its figures."""
    clock = time.process_time
    start = clock()
    sft = SFT.model_copy(update={"seed": seed} | (SHORT if short else {}))
    grpo = GRPO.model_copy(update={"seed": seed} | ({"steps": 2, "groups": 4} if short else {}))
    manners = {"sampled": 1.0} | ({"greedy": 0.0} if greedy else {})
    policy, lessons, unseen = begin(sft)
    made = clock()
    parameters = parameters_total(policy.model)
    teacher, looks = Sft(policy, sft, lessons, unseen), []
    while not teacher.over:
        row = teacher.advance()
        looks += [round(float(row["val_loss"] or 0), 4)] if "val_loss" in row else []
    fit = teacher.finish()
    taught = clock()
    tasks = held_out(evaluations)
    before = {name: success(policy, tasks, at) for name, at in manners.items()}
    measured = clock()
    trainer = Grpo(policy, grpo, source_of(grpo.env, grpo.tasks))
    trainer.task = FIRST_NEW
    rows = []
    for _ in range(grpo.steps):
        rows.append(trainer.advance()[0])
        print(json.dumps({"step": trainer.step, "success": rows[-1]["success"]}), file=sys.stderr)
    trained = clock()
    after = {name: success(policy, tasks, at) for name, at in manners.items()}
    change = {name: paired_se(after[name], before[name]) for name in after}
    return {
        "parameters": parameters,
        "seed": seed,
        "tokens_per_episode": round(sum(map(len, lessons)) / len(lessons)),
        "validation": {
            "loss": fit.loss,
            "tokens": fit.tokens,
            "turns": fit.turns,
            "whole": fit.whole,
            "looks": looks,
        },
        "before": {name: rate(each, tasks) for name, each in before.items()},
        "after": {name: rate(each, tasks) for name, each in after.items()},
        "rise": {
            name: {"mean": round(each.mean, 4), "se": round(each.se or 0.0, 4)}
            for name, each in change.items()
        },
        "rollouts": sum(int(row["episodes"] or 0) for row in rows),
        "weights": policy.digest(),
        "cpu_s": {
            "data": round(made - start, 1),
            "sft": round(taught - made, 1),
            "grpo": round(trained - measured, 1),
            "evaluation": round(measured - taught + clock() - trained, 1),
        },
    }


def main() -> int:
    """Run the benchmark and print its result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="how many courses")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first")
    parser.add_argument("--evaluations", type=int, default=150, help="held-out tasks")
    parser.add_argument("--greedy", action="store_true", help="also measure with the likeliest token")
    parser.add_argument("--short", action="store_true", help="only the beginning of the course")
    parser.add_argument("--out", type=Path, default=None, help="also write the JSON here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # noqa: FBT003  torch takes it by place
    courses = []
    for seed in range(args.seed, args.seed + args.seeds):
        courses.append(learn(seed=seed, evaluations=args.evaluations, greedy=args.greedy, short=args.short))
        print(json.dumps(courses[-1]), file=sys.stderr)
    text = json.dumps({"benchmark": "learning", "torch": torch.__version__, "courses": courses}, indent=2)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
