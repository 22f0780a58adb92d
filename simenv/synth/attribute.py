"""Attribution: which ability a failed run lacked, and where it went wrong.

Every rung of the ladder shows what a task comes to for someone who lacks one ability. A failed run is held
against them: the rung whose outcome it has, else the nearest, names the ability. Over many runs this gives a
profile of skills, and from it the weights by which tasks are made next.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from simenv.agents.ladder import RUNGS, Rung, bench_of, passes_at_tool_level, rung_agent, rung_outcome
from simenv.agents.protocol import StuckError, play
from simenv.core.canonical import canonical
from simenv.core.derive import Outcome
from simenv.core.goal import Atom
from simenv.core.interpreter import UnsoundError
from simenv.core.program import Node
from simenv.core.task import Task
from simenv.core.trajectory import Trajectory
from simenv.episodes.episode import Episode
from simenv.synth.locus import Evidence, Visit, locus, visits_of

UNKNOWN = "unknown"

Effect = Counter[str]
"""What a run came to: every atom and every answer, as canonical text."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run failed.

    Attributes:
        rung: The rung that it is most like, or ``unknown``.
        ability: The missing ability in words, or "".
        distance: In how many atoms and answers the two differ; 0 is exactly alike.
        node: The first node of the program of which the run shows no sign, or "".
        step: The step of the request that the node belongs to, or "".
        exposures: The abilities that the task needs, as rungs.
    """

    rung: str
    ability: str
    distance: int
    node: str
    step: str
    exposures: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "rung": self.rung,
            "ability": self.ability,
            "distance": self.distance,
            "node": self.node,
            "step": self.step,
            "exposures": list(self.exposures),
        }


@dataclass(frozen=True, slots=True)
class _Likeness:
    """What lacking one ability looks like: at tool level, in conversation, and in calls."""

    rung: Rung
    effects: tuple[Effect, Effect]
    keys: frozenset[str]


def effect_of(atoms: Iterable[Atom], answers: Mapping[str, Iterable[str | int]]) -> Effect:
    """Return an outcome as countable text."""
    told = [canonical(["answer", goal, value]) for goal, values in answers.items() for value in values]
    return Counter([*map(canonical, atoms), *told])


def effect_of_run(trajectory: Trajectory) -> Effect:
    """Return what a run came to; a correction takes the earlier answers to its question back."""
    told: dict[str, list[str | int]] = {}
    for event in trajectory.events:
        if event["type"] == "answered":
            kept = [] if event.get("correction") else told.get(event["goal"], [])
            told[event["goal"]] = list(dict.fromkeys([*kept, *event["values"]]))
    return effect_of(trajectory.net, told)


def effect_of_outcome(outcome: Outcome) -> Effect:
    """Return what a program came to."""
    return effect_of(outcome.required, {goal: [value] for goal, value in outcome.answers.items()})


def distance(one: Effect, other: Effect) -> int:
    """Return in how many atoms and answers two outcomes differ."""
    return (one - other).total() + (other - one).total()


class Attribution:
    """Attribution of the failed runs of one task."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @cached_property
    def exposures(self) -> tuple[str, ...]:
        """The abilities that the task needs: the rungs that fail it."""
        return tuple(self._outcomes)

    @cached_property
    def _outcomes(self) -> dict[str, Outcome]:
        task = self.task
        with bench_of(task) as bench:
            found = {
                name: rung_outcome(bench, task, rung) for name, rung in RUNGS.items() if rung.concerns(task)
            }
        return {name: outcome for name, outcome in found.items() if not passes_at_tool_level(task, outcome)}

    @cached_property
    def _likenesses(self) -> list[_Likeness]:
        found = []
        for name, outcome in self._outcomes.items():
            played = _played(self.task, name)
            effects = (effect_of_outcome(outcome), effect_of_run(played))
            found.append(_Likeness(RUNGS[name], effects, _keys(played)))
        return found

    @cached_property
    def _visits(self) -> list[Visit]:
        with bench_of(self.task) as bench:
            return visits_of(self.task, bench)

    def cause(self, trajectory: Trajectory) -> Cause:
        """Return why a run of the task failed.

        The rung is the one whose outcome differs least; of several the one whose calls differ least, then the
        first. It is unknown where the run is as near to doing nothing, or to all that is asked for, as to any
        rung, and where it shows nothing at all, neither calls nor answers.
        """
        run = effect_of_run(trajectory)
        goal = self.task.goal
        asked = effect_of(goal.required, {name: [value] for name, value in goal.answers.items()})
        to_goal, to_nothing = distance(run, asked), run.total()
        keys = _keys(trajectory)
        ranked = [
            (min(distance(run, effect) for effect in each.effects), len(keys ^ each.keys), at)
            for at, each in enumerate(self._likenesses)
        ]
        best, _, at = min(ranked, default=(to_goal, 0, -1))
        near = best == 0 or best < min(to_goal, to_nothing)
        alike = at >= 0 and near and bool(run or keys)
        rung = self._likenesses[at].rung if alike else None
        found = self._locus(trajectory, rung)
        return Cause(
            rung=rung.name if rung else UNKNOWN,
            ability=rung.ability if rung else "",
            distance=best,
            node=found.id if found else "",
            step=found.step if found else "",
            exposures=self.exposures,
        )

    def _locus(self, trajectory: Trajectory, rung: Rung | None) -> Node | None:
        uses = rung.uses(self.task) if rung else lambda node, goal: False
        return locus(self._visits, Evidence(trajectory), uses)


def _played(task: Task, name: str) -> Trajectory:
    """Return how far someone without an ability comes in conversation."""
    episode = Episode(task)
    with suppress(StuckError, UnsoundError):
        play(episode, rung_agent(name))
    return episode.trajectory()


def _keys(trajectory: Trajectory) -> frozenset[str]:
    return frozenset([call.key for call in trajectory.calls])


def attribute(task: Task, trajectory: Trajectory) -> Cause:
    """Return why a run of a task failed; several runs of one task share an ``Attribution``."""
    return Attribution(task).cause(trajectory)


# Over many runs


@dataclass(frozen=True, slots=True)
class Tally:
    """How one task went.

    Attributes:
        exposures: The abilities that it needs, as rungs.
        trials: How often it was tried.
        passes: How often it was solved.
    """

    exposures: tuple[str, ...]
    trials: int
    passes: int


@dataclass(frozen=True, slots=True)
class Skill:
    """How someone fares with one ability.

    Attributes:
        rung: The rung that lacks it.
        ability: The ability in words.
        exposures: Episodes of tasks that need it.
        passes: How many of them passed.
        failures: How many failures are attributed to it.
        learnability: The variance of a trial: nothing is learned from what always or never works.
        weight: Its share in the tasks to be made next.
    """

    rung: str
    ability: str
    exposures: int
    passes: int
    failures: int
    learnability: float
    weight: float = 0.0

    @property
    def weakness(self) -> float:
        """How likely the ability is what fails, by the rule of succession."""
        return (self.failures + 1) / (self.exposures + 2)

    @property
    def pass_rate(self) -> float:
        """The share of episodes that passed."""
        return self.passes / self.exposures if self.exposures else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "rung": self.rung,
            "ability": self.ability,
            "exposures": self.exposures,
            "failures": self.failures,
            "pass_rate": round(self.pass_rate, 4),
            "learnability": round(self.learnability, 4),
            "weakness": round(self.weakness, 4),
            "weight": round(self.weight, 4),
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """The skills of someone, in the order of the ladder.

    Attributes:
        skills: One for every ability that was needed.
        unknown: Failures that no rung explains.
    """

    skills: tuple[Skill, ...]
    unknown: int

    def weights(self) -> dict[str, float]:
        """Return the share of each ability in the tasks to be made next, by rung; they sum to 1."""
        return {skill.rung: skill.weight for skill in self.skills}


def weaknesses(causes: Iterable[Cause], tallies: Sequence[Tally]) -> Profile:
    """Return the profile of someone.

    Args:
        causes: Of every failed episode.
        tallies: Of every task, failed or not.
    """
    failures = Counter(cause.rung for cause in causes)
    skills = [
        _skill(name, [each for each in tallies if name in each.exposures], failures[name]) for name in RUNGS
    ]
    met = [skill for skill in skills if skill.exposures]
    raw = [skill.weakness * skill.learnability for skill in met]
    # Where nothing is learnable at present, no ability is preferred.
    shares = [each / sum(raw) for each in raw] if sum(raw) else [1 / len(met) for _ in met]
    weighed = [replace(skill, weight=share) for skill, share in zip(met, shares, strict=True)]
    return Profile(tuple(weighed), failures[UNKNOWN])


def _skill(name: str, tallies: Sequence[Tally], failures: int) -> Skill:
    trials, passes = sum(each.trials for each in tallies), sum(each.passes for each in tallies)
    return Skill(name, RUNGS[name].ability, trials, passes, failures, learnability(tallies))


def learnability(tallies: Sequence[Tally]) -> float:
    """Return the variance of a trial of these tasks.

    With several trials a task it is the mean of each task's unbiased estimate, ``p(1 - p) G / (G - 1)`` for
    ``G`` trials; with one each, the variance over the tasks.
    """
    repeated = [each for each in tallies if each.trials > 1]
    if repeated:
        return sum(
            each.passes * (each.trials - each.passes) / (each.trials * (each.trials - 1)) for each in repeated
        ) / len(repeated)
    trials, passes = sum(each.trials for each in tallies), sum(each.passes for each in tallies)
    return passes * (trials - passes) / trials**2 if trials else 0.0
