"""The closed loop: run, score, explain, synthesize for the weaknesses, train, test for regressions, again.

A round plays the policy on held-out tasks, attributes what failed, makes tasks by what is weak and can be
learned, trains on them, and plays the same held-out tasks again. The gate compares the two, paired, over all
tasks, over each intent and over the tasks that are known to work, all by Holm: a round that lost more than
chance explains is rejected, and the policy of the round before is kept.

The tasks that are known to work are told by a look of their own, drawn independently of the runs that are
compared: chosen by one of the two, they would seem to get worse by chance alone.

    OUT/
      config.json  loop.json  panel.json  skills.json  episodes.jsonl  metrics.jsonl  report.html
      rounds/00/   model/  screen.jsonl  run.jsonl  round.json
      rounds/01/   tasks.jsonl  model/  run.jsonl  round.json

Every file gets its name when it is whole, so the same command goes on where it was.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from simenv.core.canonical import canonical, nulled
from simenv.core.errors import DataError
from simenv.core.task import Task
from simenv.scoring.compare import Comparison, compare
from simenv.scoring.panel import Sets, split_sets
from simenv.train.evaluate import world_of
from simenv.train.folder import write
from simenv.train.loop.config import LoopConfig, kept_config
from simenv.train.loop.report import report
from simenv.train.loop.study import (
    Explainer,
    Played,
    Study,
    counts_of,
    passes_of,
    read_played,
    write_played,
)
from simenv.train.loop.tasks import Synthesizer, synthesizer_of
from simenv.train.loop.train import begin, fetch, play, train, trained_in
from simenv.train.tasks import source_of
from simenv.train.weighing import check_options

KEPT = "what worked"
"""The group of the tasks that are known to work."""

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to.

    Attributes:
        number: From 1; 0 is the beginning.
        policy: The round whose policy is kept now.
        rejected: Why the round's own policy was not kept, or "".
        told: Everything else, ready for JSON.
    """

    number: int
    policy: int
    rejected: str
    told: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {"number": self.number, "policy": self.policy, "rejected": self.rejected, "told": self.told}


class Loop:
    """A closed loop in a folder.

    Args:
        config: What it is told.
        out: The folder; a loop that was begun there goes on.
        say: Is told what happens, in words.
        synthesizer: What makes tasks; by default what the config names.

    Raises:
        UsageError: If the folder is of another loop, or the config cannot be met.
    """

    def __init__(
        self,
        config: LoopConfig,
        out: Path,
        *,
        say: Say = lambda words: None,
        synthesizer: Synthesizer | None = None,
    ) -> None:
        check_options(config)
        self.config, self.out, self.say = config, out, say
        self.synthesizer = synthesizer or synthesizer_of(config)
        kept_config(config, out)

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The held-out tasks, by id."""
        source = source_of(self.config.env, self.config.tested, split="test")
        return {task.id: task for task in map(source.at, range(self.config.held))}

    @cached_property
    def explainer(self) -> Explainer:
        """What explains failures on them."""
        return Explainer(self.tasks, self.config.face)

    def folder(self, number: int) -> Path:
        """Return the folder of a round."""
        return self.out / "rounds" / f"{number:02d}"

    def run(self, *, pictures: bool = True) -> list[Round]:
        """Go through all rounds that are not done, write the report, and return them all.

        Args:
            pictures: Whether the report's plots are written as PNG files too.
        """
        rounds = [self._round(0, self._begin)]
        while len(rounds) <= self.config.rounds:
            number = len(rounds)
            rounds.append(self._round(number, partial(self._advance, number, rounds[-1])))
            report(self, rounds, pictures=False)
        report(self, rounds, pictures=pictures)
        return rounds

    def _round(self, number: int, make: Callable[[], Round]) -> Round:
        """Return a round that was finished before, or make it and write it down."""
        path = self.folder(number) / "round.json"
        if not path.exists():
            found = make()
            write(path, canonical(nulled(found.to_json())) + "\n")
        return read_round(path)

    def _begin(self) -> Round:
        folder = self.folder(0)
        if not (folder / "model").exists():
            begin(self.config, folder / "model", self.say)
        self.played(0, "screen", draw=1)
        rate = _rate(self.played(0))
        self.say(f"The policy solves {100 * rate:.0f} % of {len(self.tasks)} held-out tasks.")
        return Round(0, 0, "", {"trained": trained_in(folder / "model").to_json()})

    def _advance(self, number: int, before: Round) -> Round:
        config, folder = self.config, self.folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        practice = self.synthesizer.choose(None if config.uniform else self.study(before.policy), number)
        self.say(f"Round {number} practises {_told(practice.weights)}.")
        if not (folder / "tasks.jsonl").exists():
            practice.write(folder / "tasks.jsonl")
        if not (folder / "model").exists():
            start = self.folder(before.policy) / "model"
            train(config, start, folder / "tasks.jsonl", number, folder / "model", self.say)
        found = self.gate(before.policy, number)
        rejected = why_rejected(found)
        self.say(_verdict(number, found, rejected))
        told = {
            "weights": dict(practice.weights),
            "trained": trained_in(folder / "model").to_json(),
            "gate": found.to_json(),
            "regressions": [each.task for each in found.regressions],
            "progressions": [each.task for each in found.progressions],
        }
        return Round(number, before.policy if rejected else number, rejected, told)

    def played(self, number: int, name: str = "run", *, draw: int = 0) -> list[Played]:
        """Return what the policy of a round did on the held-out tasks; it plays where it has not yet.

        Raises:
            DataError: If what it did is damaged, or of other tasks.
        """
        path = self.folder(number) / f"{name}.jsonl"
        if not path.exists():
            policy = fetch(self.config, self.folder(number) / "model")
            write_played(path, play(self.config, policy, list(self.tasks.values()), draw=draw))
        found = read_played(path)
        if [each.task for each in found] != list(self.tasks):
            problem = "it is of other tasks than this version of simenv makes"
            raise DataError(path, 0, problem, "Begin anew in another folder, or use the version that made it")
        return found

    @cached_property
    def sets(self) -> Sets:
        """The tasks to be won and those not to be lost, by an independent look at the first policy."""
        counts = counts_of(self.played(0, "screen", draw=1))
        return split_sets(counts, seed=self.config.seed, held_back=self.config.held_back)

    def study(self, number: int) -> Study:
        """Return what the policy of a round shows, but for the tasks that are held back."""
        self.played(number)
        held_back = {*self.sets.held_capability, *self.sets.held_regression}
        name = f"round-{number:02d}"
        return self.explainer.study(self.folder(number) / "run.jsonl", name, held_back)

    def gate(self, before: int, after: int) -> Comparison:
        """Compare the policies of two rounds."""
        groups: dict[str, list[str]] = {}
        for task in self.tasks.values():
            groups.setdefault(task.intent, []).append(task.id)
        groups[KEPT] = [*self.sets.regression, *self.sets.held_regression]
        return compare(
            passes_of(self.played(before)),
            passes_of(self.played(after)),
            worlds={name: world_of(task) for name, task in self.tasks.items()},
            groups=groups,
            alpha=self.config.false_alarm,
        )


def read_round(path: Path) -> Round:
    """Return a round that was written down.

    Raises:
        DataError: If it is damaged.
    """
    try:
        return Round(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        way_out = "Delete the file; the same command works the round out again"
        raise DataError(path, 0, f"not a round of a loop: {error}", way_out) from None


def why_rejected(found: Comparison) -> str:
    """Return why a round must be rejected, or ""."""
    if not found.regressed:
        return ""
    lost = [f"{each.name} ({100 * (each.after - each.before):+.0f} points)" for each in found.lost]
    parts = ["all tasks"] * (found.p_adjusted <= found.alpha) + lost
    return f"lost more than chance explains on {', '.join(parts)}"


def _rate(played: list[Played]) -> float:
    return sum(each.passed for each in played) / len(played)


def _told(weights: Mapping[str, int]) -> str:
    ranked = sorted(weights.items(), key=lambda each: -each[1])
    most = ", ".join(f"{name} {weight}" for name, weight in ranked[:6])
    return f"{most}{', ...' if len(ranked) > 6 else ''}"


def _verdict(number: int, found: Comparison, rejected: str) -> str:
    low, high = (100 * end for end in found.difference.interval)
    change = f"{100 * found.difference.mean:+.1f} points [{low:+.1f}, {high:+.1f}]"
    counts = f"{len(found.progressions)} tasks won, {len(found.regressions)} lost"
    if rejected:
        return f"ROUND {number} IS REJECTED: it {rejected}. {change}, {counts}. The policy before is kept."
    return f"Round {number} is kept: {change}, {counts}, p of a loss {found.p_adjusted:.3f}."
