"""What an episode owns: its world's difference, its talk, its record. As data, so it copies and travels."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.core.trajectory import StepRecord
from simenv.core.world import State
from simenv.episodes.chat import Message
from simenv.users.reply import Talk

FORMAT = "simenv-snapshot-1"


@dataclass(slots=True)
class Progress:
    """Everything about an episode that changes while it is played.

    Attributes:
        state: What differs in the world.
        talk: What the customer remembers.
        chain: The digest chain.
        messages: The chat so far.
        steps: The record so far.
        agreed: Goals to which the customer has said yes.
        told: Slot to what the customer said of it.
        why: Why the episode is over, or "".
        faults: Tool name to how many of its next calls are refused as ``unavailable``.
    """

    state: State
    talk: Talk
    chain: str
    messages: list[Message]
    steps: list[StepRecord] = field(default_factory=list)
    agreed: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)
    why: str = ""
    faults: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Progress":
        """Return an independent copy; steps, messages and rows are never changed, so they are shared."""
        return Progress(
            self.state.copy(),
            self.talk,
            self.chain,
            list(self.messages),
            list(self.steps),
            set(self.agreed),
            dict(self.told),
            self.why,
            dict(self.faults),
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        data = {
            "state": self.state.to_json(),
            "talk": self.talk.to_json(),
            "chain": self.chain,
            "messages": self.messages,
            "steps": [step.to_json() for step in self.steps],
            "agreed": sorted(self.agreed),
            "told": self.told,
            "why": self.why,
        }
        # Left out where there are none: an older snapshot has the same bytes.
        return data | {"faults": self.faults} if self.faults else data

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Progress":
        """Return the progress that ``to_json`` described."""
        return Progress(
            state=State.from_json(data["state"]),
            talk=Talk.from_json(data["talk"]),
            chain=data["chain"],
            messages=[dict(message) for message in data["messages"]],
            steps=[StepRecord.from_json(step) for step in data["steps"]],
            agreed=set(data["agreed"]),
            told=dict(data["told"]),
            why=data["why"],
            faults=dict(data.get("faults", {})),
        )


@dataclass(frozen=True)
class Snapshot:
    """An episode at rest: its task, its face and its progress.

    Attributes:
        task: What is played.
        face: Name of the face.
        progress: A copy that nobody else holds.
    """

    task: Task
    face: str
    progress: Progress

    @cached_property
    def text(self) -> str:
        """The snapshot as canonical JSON, for files and for other processes."""
        return canonical(
            {
                "format": FORMAT,
                "task": self.task.to_json(),
                "face": self.face,
                "progress": self.progress.to_json(),
            }
        )

    @staticmethod
    def read(text: str) -> "Snapshot":
        """Return the snapshot that ``text`` holds.

        Raises:
            UsageError: If it is not a snapshot of this version.
        """
        try:
            data = parse_trusted(text)
            if data["format"] != FORMAT:
                raise UsageError(f"a snapshot of format {data['format']!r}; this version reads {FORMAT!r}")
            return Snapshot(
                Task.model_validate(data["task"]), data["face"], Progress.from_json(data["progress"])
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError("not a snapshot; pass what Snapshot.text gave") from None
