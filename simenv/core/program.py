"""A task as a typed program: one truth for oracle, goal, wish, demonstration and attribution.

A program is a list of nodes in the order they run. A node's inputs are *templates*: JSON in which
``{"$": "node.path"}`` stands for a value that an earlier node gave; everything else stands for
itself. Paths are keys and list positions joined by dots.

Node kinds: ``const``, ``slot`` (what the customer says), ``ask`` (what the customer says only when asked),
``lookup`` (a read, or one per element of a list), ``search`` (a read that lists what can be had),
``filter``, ``extremum``, ``rank``, ``join``, ``aggregate``, ``compare``, ``compute``, ``rule`` (a policy
judgement), ``if``, ``each`` (the same for every element of a list), ``act`` (a write), ``decline``,
``report`` (an answer to the customer), ``retry`` (a tool that may be busy).

A node may name the *step* of the request that it belongs to; nodes without one only fetch or convert.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from simenv.core.canonical import canonical, digest
from simenv.core.errors import UsageError

Template = Any


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    step: str = ""


class Const(_Node):
    """A value that the request itself fixes."""

    op: Literal["const"] = "const"
    value: Any


class Slot(_Node):
    """A fact that only the customer holds.

    Attributes:
        name: What it is, a slot of the domain's lexicon.
        value: The value that tools want.
        said: How the customer says it.
        opening: Whether the customer says it unasked, with the wish.
        goal: The goal it belongs to, or "" if it is about the customer.
        decoy: What someone takes it to be who listens badly: the first word of a changed mind, a value
            that was only mentioned.
    """

    op: Literal["slot"] = "slot"
    name: str
    value: Any
    said: str
    opening: bool = False
    goal: str = ""
    decoy: Any = None


class Ask(Slot):
    """A fact that the customer holds and says only when asked, or later of its own accord."""

    op: Literal["ask"] = "ask"  # type: ignore[assignment]


class Lookup(_Node):
    """The result of a read tool; with ``each``, a list with one result per element of a list.

    ``args`` may use ``{"$": "item"}`` for the element.
    """

    op: Literal["lookup"] = "lookup"
    tool: str
    args: dict[str, Template]
    each: Template = None


class Search(_Node):
    """What a search tool lists."""

    op: Literal["search"] = "search"
    tool: str
    args: dict[str, Template]


How = Literal["==", "!=", "<", "<=", ">", ">=", "has"]


class Filter(_Node):
    """The elements of a list that meet every condition ``[measure, comparison, template]``.

    With ``one`` the only such element; a task in which there is not exactly one is unsound.
    """

    op: Literal["filter"] = "filter"
    of: Template
    where: list[tuple[str, How, Template]]
    one: bool = False


class Extremum(_Node):
    """The element of a list with the least (``min``) or greatest (``max``) value; a tie is unsound.

    ``by`` is a measure, or several joined by ``+`` whose values are added.
    """

    op: Literal["extremum"] = "extremum"
    of: Template
    by: Template
    pick: Template


class Rank(_Node):
    """The element that comes ``place``-th from the least or greatest value; a tie with it is unsound."""

    op: Literal["rank"] = "rank"
    of: Template
    by: str
    pick: Literal["min", "max"]
    place: int = Field(ge=2)


class Join(_Node):
    """Every element of a list with the value beside it in another list, under the key ``name``."""

    op: Literal["join"] = "join"
    left: Template
    right: Template
    name: str


class Aggregate(_Node):
    """How many elements a list has, or what a measure of theirs comes to."""

    op: Literal["aggregate"] = "aggregate"
    fn: Literal["count", "sum", "min", "max"]
    of: Template
    by: str = ""


class Compare(_Node):
    """Whether one value stands in a relation to another."""

    op: Literal["compare"] = "compare"
    left: Template
    how: How
    right: Template


class Compute(_Node):
    """Arithmetic on integers and small work on lists.

    ``cents`` and ``dollars`` convert; ``sum`` also adds lists up; ``above`` is how much the first exceeds
    the second; ``has`` whether a list holds a value; ``at`` the values at a path of every element;
    ``pick`` every element with only some of its keys; ``values`` the values of an object; ``shift`` a day
    moved by a number of days; ``measure`` a measure of an element; ``get`` what a table has under a key;
    ``surname`` what follows the first word of a name.
    """

    op: Literal["compute"] = "compute"
    fn: Literal[
        "sum",
        "sub",
        "mul",
        "above",
        "min",
        "len",
        "cents",
        "dollars",
        "has",
        "at",
        "pick",
        "values",
        "shift",
        "measure",
        "get",
        "surname",
    ]
    args: list[Template]


class Judge(_Node):
    """What a rule of the policy says about facts: a yes or no, an allowance or an amount in cents."""

    op: Literal["rule"] = "rule"
    rule: str
    facts: dict[str, Template]


class If(_Node):
    """One branch or the other."""

    op: Literal["if"] = "if"
    test: Template
    then: list["Node"]
    orelse: list["Node"] = []


class Each(_Node):
    """The same nodes for every element of a list, each with a goal of its own.

    Inside, ``{"$": "item"}`` is the element and the goals of acts and declines are those of ``goals``.
    """

    op: Literal["each"] = "each"
    of: Template
    goals: list[str]
    nodes: list["Node"]


class Retry(_Node):
    """A tool that may be busy: its calls are made again up to ``times`` times."""

    op: Literal["retry"] = "retry"
    tool: str
    times: int = Field(ge=1)


class Act(_Node):
    """A write on the customer's behalf, after the customer's yes."""

    op: Literal["act"] = "act"
    tool: str
    args: dict[str, Template]
    goal: str


class Decline(_Node):
    """A typed no: the rule that forbids and the facts that it names."""

    op: Literal["decline"] = "decline"
    rule: str
    args: dict[str, Template]
    goal: str


class Report(_Node):
    """An answer to a question of the customer.

    Attributes:
        subject: What the value is, in words.
        money: Whether the value is cents.
    """

    op: Literal["report"] = "report"
    subject: str
    money: bool = False
    value: Template
    goal: str


Node = Annotated[
    Const
    | Slot
    | Ask
    | Lookup
    | Search
    | Filter
    | Extremum
    | Rank
    | Join
    | Aggregate
    | Compare
    | Compute
    | Judge
    | If
    | Each
    | Act
    | Decline
    | Report
    | Retry,
    Field(discriminator="op"),
]

If.model_rebuild()
Each.model_rebuild()


class Program(BaseModel):
    """The nodes of a task, in the order they run."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    nodes: list[Node]

    def walk(self) -> Iterator[Node]:
        """Yield every node of every branch."""
        stack = list(reversed(self.nodes))
        while stack:
            node = stack.pop()
            yield node
            if isinstance(node, If):
                stack.extend(reversed(node.orelse))
                stack.extend(reversed(node.then))
            elif isinstance(node, Each):
                stack.extend(reversed(node.nodes))

    def slots(self) -> list[Slot]:
        """Return what the customer holds, in order."""
        return [node for node in self.walk() if isinstance(node, Slot)]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data without defaults."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"nodes": [_dump(n) for n in self.nodes]}

    def digest(self) -> str:
        """Return the hash of the program's canonical text."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return digest(canonical(self.to_json()))

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; pydantic would copy the cached hash too, which is not that of a changed program."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_digest", None)
        return copied


def _dump(node: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"op": node.op} | node.model_dump(mode="json", exclude_defaults=True)
    if isinstance(node, If):
        data["then"] = [_dump(each) for each in node.then]
        if node.orelse:
            data["orelse"] = [_dump(each) for each in node.orelse]
    elif isinstance(node, Each):
        data["nodes"] = [_dump(each) for each in node.nodes]
    return data


def fill(template: Template, values: dict[str, Any]) -> Any:
    """Return ``template`` with every reference replaced by its value.

    Raises:
        UsageError: If a reference names no value.
    """
    if isinstance(template, dict):
        if len(template) == 1 and "$" in template:
            return follow(template["$"], values)
        return {key: fill(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [fill(part, values) for part in template]
    return template


def follow(path: str, value: Any) -> Any:
    """Return what ``path`` leads to inside ``value``.

    Example:
        >>> follow("flights.0.date", {"flights": [{"date": "2030-05-01"}]})
        '2030-05-01'
    """
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise UsageError(f"reference {path!r} leads nowhere at {part!r}") from None
    return value


def measure(by: str, item: Any) -> Any:
    """Return what an element measures: parts joined by ``+`` are added up.

    A part is a path, or one with a prefix: ``len:`` counts a list, ``cents:`` reads dollars,
    ``sum:LIST.PATH`` adds up dollars of every element as cents, ``words:LIST.A,B`` lists the words at some
    paths of every element.

    Example:
        >>> trip = {"flights": [{"price": 70}, {"price": 30}], "bags": 2}
        >>> measure("sum:flights.price", trip), measure("len:flights", trip), measure("bags", trip)
        (10000, 2, 2)
    """
    if "+" in by:
        return sum(measure(part, item) for part in by.split("+"))
    how, found, path = by.partition(":")
    if not found:
        return follow(by, item)
    if how in ("sum", "words"):
        place, _, inner = path.partition(".")
        if how == "words":
            return [" ".join(follow(each, one) for each in inner.split(",")) for one in follow(place, item)]
        return sum(read_cents(follow(inner, one)) for one in follow(place, item))
    value = follow(path, item)
    return len(value) if how == "len" else read_cents(value)


def read_cents(amount: int | Decimal | float) -> int:
    """Return an amount that a tool gave in dollars as integer cents."""
    return round(Decimal(str(amount)) * 100)
