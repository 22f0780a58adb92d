"""Whether usual choices make a policy collapse where the defaults do not: ``python -m benchmarks.collapse``.

A small decoder is trained from nothing on demonstrations, with too few of them to be good, and saved once.
From this one start every arm takes the same number of GRPO steps with the same number of rollouts, on the
same tasks, for several seeds. ``naive`` is what is often done: a composite reward that also pays for few
turns and for form, blame for episodes that were cut off, no KL, a reference that is never refreshed, and a
high learning rate. The other arms change one thing of the defaults, or take one thing of ``naive`` back.

Guards watch and say when they would have stopped a run; they do not stop it here. Finished runs are kept in
``--out`` and not made again. Prints one JSON object; the table, and with ``--steps-table`` every step, go to
stderr. Refills are off in all arms, or rollouts would not be equal.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any

import torch
from tqdm import tqdm

import simenv
from simenv.core.canonical import digest
from simenv.episodes.actions import parse
from simenv.scoring.statistics import wilson
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import family_of
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.config import GrpoConfig, SftConfig, checked
from simenv.train.demos import demonstrate, demos
from simenv.train.grpo import Grpo, Row
from simenv.train.guards import GuardConfig, Guards
from simenv.train.models.policy import Policy, load_policy, small
from simenv.train.rollouts.rollout import Job, Rollout, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.sft import train_sft
from simenv.train.tasks import source_of

HIGH = 4.0
"""How many times the default learning rate a high one is."""
NAIVE: Mapping[str, Any] = {"reward": "composite", "mask_reasons": (), "beta": 0.0, "refresh": 0, "lr": HIGH}
ARMS: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    "naive": NAIVE,
    "defaults, high rate": {"lr": HIGH},
    "defaults, composite reward": {"reward": "composite"},
    "naive, default rate": {**NAIVE, "lr": 1.0},
    "defaults, cut off is blamed": {"mask_reasons": ()},
    "defaults, no KL": {"beta": 0.0, "refresh": 0},
}
"""Arms by name; ``lr`` is a multiple of the study's."""
GUARDS = GuardConfig(repetition=0.9)
"""The guards' own limit is meant for policies that do not repeat themselves; this start does, at .6."""
SHOWN = (
    "success",
    "readable",
    "turns",
    "calls",
    "cut_off",
    "entropy",
    "length",
    "repetition",
    "reward_mean",
)
"""Figures of a step in the table."""


@dataclass(frozen=True, slots=True)
class Study:
    """How large the study is.

    Attributes:
        out: Where the start and finished runs are kept.
        tasks: What is trained on.
        size: Of the decoder.
        demos: Demonstrations of the start.
        sft_steps: Steps on them.
        steps: GRPO steps of a run.
        groups: Groups per step.
        group: Rollouts per group.
        lr: The learning rate that is not high.
        room: Longest episode, in tokens.
        held_out: Held-out tasks, each played once at temperature 1.
        seeds: How many.
    """

    out: Path
    tasks: str = "simple:cancel+change_passengers_denied"
    size: str = "1m"
    demos: int = 600
    sft_steps: int = 340
    steps: int = 10
    groups: int = 4
    group: int = 6
    lr: float = 2e-3
    room: int = 800
    held_out: int = 64
    seeds: int = 3

    def key(self, *more: str | int) -> str:
        """Return a name that changes with what decides a run's results."""
        told = [str(getattr(self, name)) for name in self.__slots__ if name not in ("out", "seeds")]
        return digest("|".join([*told, *map(str, more)]))[:16]

    def start(self) -> Path:
        """Return the folder of the start; it is trained once."""
        told = (self.tasks, self.size, self.demos, self.sft_steps, self.room)
        folder = self.out / f"start-{digest(repr(told))[:12]}"
        if not (folder / "shape.json").is_file():
            began = process_time()
            fitted(self).save(folder)
            (folder / "seconds.json").write_text(json.dumps(process_time() - began), encoding="utf-8")
        return folder


def fitted(study: Study) -> Policy:
    """Return a decoder that was trained from nothing on demonstrations."""
    source = source_of("airline", study.tasks)
    played = [
        episode
        for at in range(min(150, 2 * study.demos))
        if (episode := demonstrate(source.at(at))) is not None
    ]
    codec = Codec(make_tokenizer([text for each in played for text in texts_of(each)], 3000, pairs=True))
    family, room = family_of(codec), study.room - 160
    shown = demos(family, source, study.demos, {"plain": 1}, seed=0, face="compact", room=room)
    other = source_of("airline", study.tasks, split="test")
    kept = demos(family, other, 32, {"plain": 1}, seed=0, face="compact", room=room)
    policy = small(study.size, codec, seed=0, room=study.room + 64)
    every = max(20, study.sft_steps // 3)
    config = SftConfig(steps=study.sft_steps, room=room, lr=0.006, every=every)
    with tqdm(total=study.sft_steps, desc="start", file=sys.stderr) as bar:
        learned, watched = [each for _, each in shown], [each for _, each in kept]
        train_sft(policy, config, learned, watched, progress=bar.update)
    return policy


@dataclass(slots=True)
class Run:
    """One arm with one seed.

    Attributes:
        arm: Its name.
        seed: Its seed.
        rows: What every step showed, before its update.
        stops: The first step at which each guard would have stopped it.
        held_out: What held-out tasks showed after the last step.
        seconds: CPU time.
    """

    arm: str
    seed: int
    rows: list[dict[str, float]] = field(default_factory=list)
    stops: dict[str, int] = field(default_factory=dict)
    held_out: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def config_of(study: Study, arm: str, seed: int) -> GrpoConfig:
    """Return the config of a run."""
    given = dict(ARMS[arm])
    rate = study.lr * given.pop("lr", 1.0)
    told = {"tasks": study.tasks, "room": study.room, "groups": study.groups, "group": study.group}
    return checked(GrpoConfig, {**told, "refills": 1, "refresh": 10, "seed": seed, "lr": rate, **given})


def run(study: Study, arm: str, seed: int) -> Run:
    """Train one arm from the start and return what was seen."""
    began, policy = process_time(), load_policy(study.start())
    config = config_of(study, arm, seed)
    trainer = Grpo(policy, config, source_of("airline", study.tasks))
    trainer.task = 10_000 * (seed + 1)  # beyond the demonstrations, other tasks for every seed
    done, guards = Run(arm, seed), Guards(GUARDS, adapter_digest=trainer.adapters.digest())
    for step in range(study.steps):
        row, window = trainer.advance()
        done.rows.append(figures(row, window.sampled))
        stop = guards.check({"step": step, **row})
        if stop is not None:
            done.stops.setdefault(stop.guard, step)
    done.held_out = held_out(study, policy, seed)
    done.seconds = process_time() - began
    return done


def held_out(study: Study, policy: Policy, seed: int) -> dict[str, float]:
    """Play held-out tasks at temperature 1 and return what was seen."""
    source = source_of("airline", study.tasks, split="test")
    jobs = [Job(source.at(at), 0) for at in range(study.held_out)]
    with policy.fast():
        played = Sampler(policy.model, policy.family).sample(  # type: ignore[arg-type]
            jobs, Sampling(seed=seed, step=10**6, room=study.room)
        )
    return {"n": len(played)} | about(played)


def about(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Return success, share of readable actions, turns and share of rollouts that were cut off."""
    return {
        "success": fmean(each.reward > 0 for each in rollouts),
        "readable": readable(rollouts),
        "turns": fmean(each.turns for each in rollouts),
        "calls": fmean(each.calls for each in rollouts),
        "cut_off": fmean(each.reason != "done" for each in rollouts),
        "length": fmean(each.sampled for each in rollouts),
    }


def readable(rollouts: Sequence[Rollout]) -> float:
    """Return the share of turns that say something: words, or calls in the right form.

    A turn that never ended counts as one that is not readable; an empty one too.
    """
    good = total = 0
    for rollout in rollouts:
        read = [parse(action) for action in rollout.actions]
        good += sum(bool(each.calls or each.words.strip()) for each in read)
        total += len(read) + (rollout.reason == "max_tokens")
    return good / max(total, 1)


def figures(row: Row, rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Return what a step showed."""
    named = ("reward_mean", "entropy", "repetition", "grad_norm", "kl_ref", "zero_variance", "update_ratio")
    taken = {name: float(value) for name in named if isinstance(value := row.get(name), int | float)}
    return about(rollouts) | taken


def runs(study: Study, arms: Sequence[str]) -> Iterator[Run]:
    """Yield every run, those of an earlier call from their files."""
    study.start()
    with tqdm(total=len(arms) * study.seeds, desc="runs", file=sys.stderr) as bar:
        for seed in range(study.seeds):
            for arm in arms:
                file = study.out / f"run-{study.key(arm, repr(sorted(ARMS[arm].items())), seed)}.json"
                if file.is_file():
                    yield Run(**json.loads(file.read_text(encoding="utf-8")))
                else:
                    made = run(study, arm, seed)
                    data = {name: getattr(made, name) for name in Run.__slots__}
                    part = file.with_suffix(".part")
                    part.write_text(json.dumps(data), encoding="utf-8")
                    part.replace(file)
                    yield made
                bar.update(1)


def summary(made: Sequence[Run]) -> dict[str, Any]:
    """Return what the runs of one arm show together."""
    won = round(sum(each.held_out["success"] * each.held_out["n"] for each in made))
    n = round(sum(each.held_out["n"] for each in made))
    return {
        "held_out_success": {"share": won / n, "n": n, "interval": wilson(won, n)},
        "held_out_success_by_seed": [each.held_out["success"] for each in made],
        "held_out": {
            name: fmean(each.held_out[name] for each in made) for name in made[0].held_out if name != "n"
        },
        "collapsed_seeds": sum(map(collapsed, made)),
        "guards": [each.stops for each in made],
        "steps": [
            {name: fmean(each.rows[at].get(name, float("nan")) for each in made) for name in SHOWN}
            for at in range(len(made[0].rows))
        ],
        "cpu_seconds": sum(each.seconds for each in made),
    }


def collapsed(made: Run) -> bool:
    """Whether a run has lost half of its first success, its form, its turns or its calls.

    It has if, after the last step, held-out success is below half of the first two steps' mean, fewer than
    half of the turns are readable, or there are fewer than half of the turns or calls that there were.
    """
    first, last = made.rows[:2], made.held_out
    return (
        last["success"] < 0.5 * fmean(row["success"] for row in first)
        or last["readable"] < 0.5
        or any(last[name] < 0.5 * fmean(row[name] for row in first) for name in ("turns", "calls"))
    )


def table(found: Mapping[str, Mapping[str, Any]], *, each_step: bool) -> str:
    """Return the result as text."""
    lines = [f"{'arm':28} {'held-out success':>24} readable  turns  calls  cut off  collapsed  guards (step)"]
    for arm, each in found.items():
        low, high = each["held_out_success"]["interval"]
        last, stops = each["held_out"], each["guards"]
        told = "; ".join(", ".join(f"{name} {step}" for name, step in one.items()) or "-" for one in stops)
        lines.append(
            f"{arm:28} {each['held_out_success']['share']:8.3f} [{low:.3f}, {high:.3f}] "
            f"{last['readable']:8.3f} {last['turns']:6.2f} {last['calls']:6.2f} {last['cut_off']:8.3f} "
            f"{each['collapsed_seeds']:>5} of {len(stops)}  {told}"
        )
        if each_step:
            lines.append("  step " + "".join(f"{name:>15}" for name in SHOWN))
            for at, row in enumerate(each["steps"]):
                lines.append(f"  {at:4} " + "".join(f"{row[name]:15.3f}" for name in SHOWN))
    return "\n".join(lines)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/collapse"), help="where runs are kept")
    parser.add_argument("--arms", default=";".join(ARMS), help="names of arms, with ; between them")
    parser.add_argument("--steps-table", action="store_true", help="show every step, the mean of the seeds")
    for name in ("tasks", "size"):
        parser.add_argument(f"--{name}", default=Study.__dataclass_fields__[name].default)
    for name in ("demos", "sft_steps", "steps", "groups", "group", "room", "held_out", "seeds"):
        default = Study.__dataclass_fields__[name].default
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=Study.__dataclass_fields__["lr"].default)
    return parser.parse_args(arguments)


def study_of(arguments: Sequence[str] | None = None) -> tuple[Study, argparse.Namespace]:
    """Return the study that the settings describe, and the settings."""
    args = parsed(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    names = [name for name in Study.__slots__ if name in vars(args)]
    return Study(**{name: getattr(args, name) for name in names}), args


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and print its result."""
    study, args = study_of(arguments)
    torch.set_num_threads(1)
    began, arms = process_time(), args.arms.split(";")
    made = list(runs(study, arms))
    start = load_policy(study.start())
    found = {arm: summary([each for each in made if each.arm == arm]) for arm in arms}
    result = {
        "benchmark": "collapse",
        "simenv": simenv.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, CPU only, torch {torch.__version__}",
        "study": {name: str(getattr(study, name)) for name in Study.__slots__},
        "rollouts_per_run": study.steps * study.groups * study.group,
        "start": held_out(study, start, 0),
        "arms": found,
        "cpu_seconds": process_time() - began,
    }
    print(table(found, each_step=args.steps_table), file=sys.stderr)
    json.dump(result, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
