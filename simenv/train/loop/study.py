"""What a policy did on held-out tasks, on disk, and what it shows: skills, intents, and why tasks failed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.scoring.compare import Passes
from simenv.scoring.facts import Fact
from simenv.synth.attribute import Attribution, Cause, Profile, Tally, learnability, weaknesses
from simenv.train.folder import write

Tasks = Mapping[str, Task]


@dataclass(frozen=True, slots=True)
class Played:
    """One episode of a policy.

    Attributes:
        task: Id of the task.
        trial: Which attempt at it.
        passed: Whether it was solved.
        reason: Why it was over.
        actions: What the policy did, as action strings.
        tokens: How many tokens it said.
        calls: Tool calls.
        refused: Those that were refused, and actions that could not be read.
        breaches: Of the policy of the domain.
    """

    task: str
    trial: int
    passed: bool
    reason: str
    actions: tuple[str, ...]
    tokens: int
    calls: int
    refused: int
    breaches: int

    def fact(self, world: str) -> Fact:
        """Return it as the panel takes it."""
        return Fact(
            task=self.task,
            trial=self.trial,
            passed=self.passed,
            characters=sum(map(len, self.actions)),
            tokens=self.tokens,
            calls=self.calls,
            errors=min(self.refused, self.calls),
            breaches=self.breaches,
            world=world,
        )


def write_played(path: Path, played: Sequence[Played]) -> None:
    """Write episodes as JSON lines, all or none."""
    write(path, "".join(canonical(asdict(each)) + "\n" for each in played))


def read_played(path: Path) -> list[Played]:
    """Return what ``write_played`` wrote.

    Raises:
        DataError: If it is damaged.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            data = json.loads(line)
            found.append(Played(**data | {"actions": tuple(data["actions"])}))
        except (ValueError, TypeError, KeyError) as error:
            way_out = "Delete the file; the same command plays these episodes again"
            raise DataError(path, number, f"not an episode of a loop: {error}", way_out) from None
    return found


def retraced(task: Task, actions: Sequence[str], face: str) -> Episode:
    """Return an episode in which these actions were done again."""
    episode = Episode(task, face=face)
    for action in actions:
        if episode.done:
            break
        episode.act(action)
    return episode


def passes_of(played: Sequence[Played]) -> Passes:
    """Return (task, trial) to whether it was solved."""
    return {(each.task, each.trial): each.passed for each in played}


def counts_of(played: Sequence[Played]) -> dict[str, tuple[int, int]]:
    """Return task to (trials, passed)."""
    found: dict[str, tuple[int, int]] = {}
    for each in played:
        trials, passed = found.get(each.task, (0, 0))
        found[each.task] = (trials + 1, passed + each.passed)
    return found


@dataclass(frozen=True, slots=True)
class Topic:
    """How a policy fares with one intent.

    Attributes:
        name: The intent.
        trials: Episodes.
        passes: How many of them passed.
        learnability: The variance of a trial.
    """

    name: str
    trials: int
    passes: int
    learnability: float

    @property
    def weakness(self) -> float:
        """How likely it fails, by the rule of succession."""
        return (self.trials - self.passes + 1) / (self.trials + 2)

    @property
    def worth(self) -> float:
        """Weakness times learnability: in what proportion it is practised."""
        return self.weakness * self.learnability

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "intent": self.name,
            "trials": self.trials,
            "passed": self.passes,
            "weakness": round(self.weakness, 4),
            "learnability": round(self.learnability, 4),
        }


@dataclass(frozen=True, slots=True)
class Study:
    """What the episodes of a policy show.

    Attributes:
        run: (name, digest) of the file of episodes.
        profile: Skills, by attribution of every failure to a rung.
        topics: Intents, in the order of their names.
        causes: (task, trial) to why it failed.
    """

    run: tuple[str, str]
    profile: Profile
    topics: tuple[Topic, ...]
    causes: Mapping[tuple[str, int], Cause] = field(default_factory=dict)


class Explainer:
    """Explains failures; what tasks come to without an ability is worked out once for each.

    Args:
        tasks: Every task that is played, by id.
        face: How things were shown.
    """

    def __init__(self, tasks: Tasks, face: str) -> None:
        self.tasks, self.face = tasks, face
        self._known: dict[str, Attribution] = {}

    def study(self, path: Path, name: str, leave_out: Collection[str] = ()) -> Study:
        """Return what a file of episodes shows.

        Args:
            path: The file.
            name: What it is called in what is made from it.
            leave_out: Tasks that may explain nothing.
        """
        played = [each for each in read_played(path) if each.task not in leave_out]
        causes = {(each.task, each.trial): self._cause(each) for each in played if not each.passed}
        tallies = {
            task: Tally(self._of(task).exposures, trials, passed)
            for task, (trials, passed) in counts_of(played).items()
        }
        intents = sorted({self.tasks[task].intent for task in tallies})
        return Study(
            run=(name, digest(path.read_bytes())),
            profile=weaknesses(causes.values(), list(tallies.values())),
            topics=tuple(self._topic(intent, tallies) for intent in intents),
            causes=causes,
        )

    def _of(self, task: str) -> Attribution:
        return self._known.setdefault(task, Attribution(self.tasks[task]))

    def _cause(self, played: Played) -> Cause:
        episode = retraced(self.tasks[played.task], played.actions, self.face)
        return self._of(played.task).cause(episode.trajectory())

    def _topic(self, intent: str, tallies: Mapping[str, Tally]) -> Topic:
        mine = [tally for task, tally in tallies.items() if self.tasks[task].intent == intent]
        trials, passes = sum(each.trials for each in mine), sum(each.passes for each in mine)
        return Topic(intent, trials, passes, learnability(mine))
