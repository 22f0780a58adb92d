"""The verdict: a pure function of a task and a finished trajectory.

It reads rows and events, never prose. Everything but correctness is reported beside it and never
earns anything by itself.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simenv.core.goal import Atom, compare
from simenv.core.task import Task
from simenv.core.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Process:
    """How the agent went about it.

    Attributes:
        calls: Tool calls made.
        repeats: Calls that repeat an earlier one letter by letter.
        errors: Error code to how often.
        breaches: Rule id to how often a write broke it; ``confirm_first`` is a write without a yes.
        steps: Steps spent.
    """

    calls: int = 0
    repeats: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, int] = field(default_factory=dict)
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier found.

    Attributes:
        passed: Whether the goal was reached and nothing else was changed.
        reason: One sentence for the person who reads the log.
        missing: Required changes that are not there.
        collateral: Changes that nobody asked for.
        answers: Goal id to ``right``, ``wrong``, ``several`` or ``none``.
        truncated: Whether the budget cut the episode off; it then pays nothing.
        process: How the agent went about it.
    """

    passed: bool
    reason: str
    missing: tuple[Atom, ...] = ()
    collateral: tuple[Atom, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    truncated: bool = False
    process: Process = field(default_factory=Process)

    @property
    def reward(self) -> float:
        """1.0 if the episode passed, else 0.0."""
        return float(self.passed)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "missing": [list(atom) for atom in self.missing],
            "collateral": [list(atom) for atom in self.collateral],
            "answers": dict(self.answers),
            "truncated": self.truncated,
            "process": {
                "calls": self.process.calls,
                "repeats": self.process.repeats,
                "errors": dict(self.process.errors),
                "breaches": dict(self.process.breaches),
                "steps": self.process.steps,
            },
        }


def verify(task: Task, trajectory: Trajectory) -> Verdict:
    """Return the verdict on a trajectory; one that is not finished has not passed."""
    missing, collateral = compare(task.goal, trajectory.net)
    answers = _answers(task, trajectory)
    wrong = sorted(goal for goal, found in answers.items() if found != "right")
    reason = _reason(trajectory, missing, collateral, answers, wrong)
    return Verdict(
        passed=not reason,
        reason=reason or "every goal was reached and nothing else was changed",
        missing=tuple(missing),
        collateral=tuple(collateral),
        answers=answers,
        truncated=trajectory.truncated,
        process=process(trajectory),
    )


def _reason(
    trajectory: Trajectory,
    missing: list[Atom],
    collateral: list[Atom],
    answers: dict[str, str],
    wrong: list[str],
) -> str:
    if trajectory.truncated:
        return "the budget cut the episode off"
    if not trajectory.terminated:
        return "the conversation is not over"
    if missing:
        return f"{len(missing)} required changes are missing, first {missing[0]}"
    if collateral:
        return f"{len(collateral)} changes nobody asked for, first {collateral[0]}"
    if wrong:
        return f"the answer to {wrong[0]} is {answers[wrong[0]]}"
    return ""


def _answers(task: Task, trajectory: Trajectory) -> dict[str, str]:
    """Judge each question by the values that the customer was told after asking it."""
    told: dict[str, set[str | int]] = {goal: set() for goal in task.goal.answers}
    for event in trajectory.events:
        if event["type"] == "answered" and event["goal"] in told:
            if event.get("correction"):
                told[event["goal"]].clear()
            told[event["goal"]].update(event["values"])
    return {goal: _judge(values, task.goal.answers[goal]) for goal, values in told.items()}


def _judge(values: set[str | int], right: str | int) -> str:
    if not values:
        return "none"
    if len(values) > 1:
        return "several"
    return "right" if right in values else "wrong"


def process(trajectory: Trajectory) -> Process:
    """Count how the agent went about it."""
    calls = trajectory.calls
    errors = _counted([call.error for call in calls] + [step.error for step in trajectory.steps])
    breaches = _counted([rule for call in calls for rule in call.breaches])
    unconfirmed = [call for call in calls if call.effect == "write" and not call.confirmed and not call.error]
    if unconfirmed:
        breaches["confirm_first"] = len(unconfirmed)
    return Process(
        calls=len(calls),
        repeats=len(calls) - len({call.key for call in calls}),
        errors=errors,
        breaches=breaches,
        steps=len(trajectory.steps),
    )


def _counted(words: list[str]) -> dict[str, int]:
    """Count the words that are not empty, in the order of the words."""
    return dict(sorted(Counter(filter(None, words)).items())) if any(words) else {}
