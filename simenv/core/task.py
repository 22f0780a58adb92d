"""A task: a world, a program, and what follows from the two."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt
from typing_extensions import override

from simenv.core.canonical import canonical, digest
from simenv.core.goal import Goal
from simenv.core.plan import Plan
from simenv.core.program import Program

Scalar = str | int


class Fact(BaseModel):
    """Something the customer can say when asked, or unasked once it comes to its mind.

    Attributes:
        slot: A slot of the domain's lexicon.
        said: How the customer says it.
        value: What is meant, where that is a single value.
        kind: The mention kind by which proposals are checked against it, or "".
        goal: The wish it belongs to, or "" if it is about the customer.
        opening: Whether the opening says it already.
        turn: In which reply, counted from 1, the customer says it unasked if it is still to be said then; 0
            for never. A later fact of the same goal and slot replaces the earlier: a changed mind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    slot: str
    said: str
    value: Scalar = ""
    kind: str = ""
    goal: str = ""
    opening: bool = False
    turn: NonNegativeInt = 0


class Question(BaseModel):
    """Something the customer wants to be told.

    Attributes:
        kind: What kind of value the answer is, a mention kind of the domain's lexicon.
        about: Words of which one stands in a sentence that answers it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    about: list[str]


class Wish(BaseModel):
    """One thing the customer wants, as the customer sees it.

    Attributes:
        goal: Its id.
        says: How the customer asks for it.
        words: Words of which one stands in any message that is about it.
        tools: The writes that would fulfil it, whether allowed or not; empty for a question.
        expects: Mention kind to the values that a proposal must agree with.
        known: Mention kind to further values that a proposal may name, such as the present flights.
        exact: Kinds of which a proposal may name no other values than the expected and the known.
        question: What must be answered, if it is a question.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    goal: str
    says: str
    words: list[str]
    tools: list[str] = []
    expects: dict[str, list[Scalar]] = {}
    known: dict[str, list[Scalar]] = {}
    exact: list[str] = []
    question: Question | None = None


class Card(BaseModel):
    """All that the customer knows and is.

    Attributes:
        opening: The first message.
        wishes: In the order in which the customer brings them up.
        told: How many of the wishes the opening already states.
        facts: What can be asked of the customer.
        persona: Manner of speaking, one of ``simenv.users.personas.PERSONAS``.
        patience: Agent messages without progress before the customer hangs up.
        insists: How often the customer does not take no for an answer, at most 4 times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    opening: str
    wishes: list[Wish]
    told: int = 1
    facts: list[Fact]
    persona: str = "plain"
    patience: int = 8
    insists: int = Field(default=0, ge=0, le=4)


class Task(BaseModel):
    """What is to be done in which world, and how it is known to be done.

    Attributes:
        domain: Name of the domain.
        world: Address of the world.
        size: Size of the world.
        intent: Kind of request, for statistics.
        policy: Whether the right outcome needs the written policy.
        program: The one truth.
        card: The customer.
        goal: What a finished episode must show.
        budget: Steps before the episode is cut off.
        setup: Rows that differ from the world's image before the episode starts, each
            ``[table, old row or None, new row or None]``.
        faults: Tool name to how many of its first calls are refused as ``unavailable``.
        extras: Names of look-alike tools that are offered beside the domain's own.
        plan: What the customer wants as an expression, for tasks that were made from one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    domain: str
    world: list[str | int]
    size: str
    intent: str
    policy: bool
    program: Program
    card: Card
    goal: Goal
    budget: int = 40
    setup: list[list[Any]] = []
    faults: dict[str, PositiveInt] = {}
    extras: list[str] = []
    plan: Plan | None = None

    @cached_property
    def id(self) -> str:
        """A hash of the whole task, so equal ids mean equal tasks and ids tell nothing."""
        return f"{self.domain}/{digest(canonical(self.to_json()))[:16]}"

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; pydantic would copy the cached id too, which is not that of a changed task."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data without defaults."""
        data = self.model_dump(mode="json", exclude_defaults=True, exclude={"program", "plan"})
        data["program"] = self.program.to_json()
        return data | ({"plan": self.plan.to_json()} if self.plan is not None else {})
