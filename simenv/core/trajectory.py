"""The record of one episode: what the agent did and what came of it, step by step."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simenv.core.goal import Atom

Event = dict[str, Any]
"""Something that happened in the conversation: asked, told, confirmed, answered, ended."""


class CallRecord(NamedTuple):
    """One tool call as it was carried out.

    Attributes:
        name: The tool that was named.
        effect: What the tool is: read, write, act, or "" if there is none of that name.
        key: Digest of name and arguments, to count repeats.
        error: Stable code of the refusal, or "".
        breaches: Ids of agent-kept rules that this write broke, judged before it ran.
        confirmed: For a write, whether the customer had said yes to it.
        versions: How many row versions it wrote.
    """

    name: str
    effect: str
    key: str
    error: str = ""
    breaches: tuple[str, ...] = ()
    confirmed: bool = False
    versions: int = 0


class StepRecord(NamedTuple):
    """One step.

    Attributes:
        action: The agent's string, as it was sent.
        calls: What it called.
        error: Code of a malformed action, or "".
        events: What happened in the conversation.
        state: Row hash of the world after the step.
        chain: The digest chain after the step.
    """

    action: str
    calls: tuple[CallRecord, ...]
    error: str
    events: tuple[Event, ...]
    state: str
    chain: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data without empty fields."""
        calls = [_call(call) for call in self.calls]
        data = {**_written(self.action), "chain": self.chain, "state": self.state}
        extra = {"calls": calls, "error": self.error, "events": list(self.events)}
        return data | {key: value for key, value in extra.items() if value}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "StepRecord":
        """Return the step that ``to_json`` described."""
        calls = (CallRecord(**{**call, "breaches": tuple(call.get("breaches", ()))}) for call in _named(data))
        return StepRecord(
            action=read_action(data),
            calls=tuple(calls),
            error=data.get("error", ""),
            events=tuple(data.get("events", ())),
            state=data["state"],
            chain=data["chain"],
        )


def _call(call: CallRecord) -> dict[str, Any]:
    written = {**call._asdict(), "breaches": list(call.breaches)}
    return {key: value for key, value in written.items() if value}


def _named(data: dict[str, Any]) -> list[dict[str, Any]]:
    # An unnamed call has an empty name, and empty fields are not written.
    return [{"name": "", "effect": "", "key": "", **call} for call in data.get("calls", ())]


def _written(action: str) -> dict[str, str]:
    """Return an action as a JSON field; one that is not valid Unicode is escaped."""
    try:
        action.encode()
    except UnicodeEncodeError:
        return {"action_escaped": action.encode("unicode_escape").decode("ascii")}
    return {"action": action}


def read_action(data: dict[str, Any]) -> str:
    """Return the action that a written step holds."""
    if "action_escaped" in data:
        return str(data["action_escaped"]).encode("ascii").decode("unicode_escape")
    return str(data["action"])


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One episode, whole or so far.

    Attributes:
        task: Id of the task.
        start: The digest chain at reset.
        steps: In order.
        net: What differs in the world now.
        terminated: Whether the conversation is over.
        truncated: Whether the budget cut it off.
        why: ``settled``, ``patience``, ``transfer``, ``budget`` or "" while it goes on.
    """

    task: str
    start: str
    steps: tuple[StepRecord, ...]
    net: tuple[Atom, ...] = field(default=())
    terminated: bool = False
    truncated: bool = False
    why: str = ""

    @property
    def digest(self) -> str:
        """The digest chain now; equal digests mean equal episodes to the byte."""
        return self.steps[-1].chain if self.steps else self.start

    @property
    def events(self) -> list[Event]:
        """Every event in order."""
        return [event for step in self.steps for event in step.events]

    @property
    def calls(self) -> list[CallRecord]:
        """Every call in order."""
        return [call for step in self.steps for call in step.calls]

    def to_json(self) -> dict[str, Any]:
        """Return what a run log holds; net difference and events are found again by replay."""
        return {
            "task": self.task,
            "start": self.start,
            "steps": [step.to_json() for step in self.steps],
            "terminated": self.terminated,
            "truncated": self.truncated,
            "why": self.why,
        }
