"""What plans of a domain are made of: the fields of its elements, and its verbs.

An *element* is one of the things a customer has several of and points at, such as a trip or a loan, as
the tools return it. Growth, compilation and proof know elements only through what stands here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from simenv.core.draws import Draws
from simenv.core.grammar import Grammar
from simenv.core.image import WorldImage
from simenv.core.plan import Plan
from simenv.core.program import Node, Template
from simenv.core.task import Fact, Question, Scalar
from simenv.core.world import World

Element = dict[str, Any]
Kind = Literal["word", "count", "money", "day", "moment", "names", "pair"]
Answer = Literal["yes", "no", ""]
"""Whether a deed is allowed, forbidden by a rule, or cannot be asked for at all."""


@dataclass(frozen=True, slots=True)
class Join:
    """A read that gives every element one more value.

    Attributes:
        tool: The tool.
        args: Its arguments; ``{"$": "item...."}`` is the element.
    """

    tool: str
    args: dict[str, Template]


@dataclass(frozen=True, slots=True)
class Field:
    """A property by which elements are told apart or compared.

    Attributes:
        name: In plans.
        by: Its measure, see ``program.measure``.
        kind: What values it has. ``count``, ``money``, ``day`` and ``moment`` can be compared.
        slot: The slot under which an agent asks a customer for it, or "".
        how: How a clause compares it.
        join: The read that gives it, where the element itself does not show it.
        ranks: Whether elements can be ordered by it in words.
        points: Whether a clause with it tells an element.
        asks: Whether its value can be talked of by itself ("as many bags as", "more than $300").
    """

    name: str
    by: str
    kind: Kind
    slot: str = ""
    how: Literal["==", "has"] = "=="
    join: Join | None = None
    ranks: bool = False
    points: bool = False
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Arg:
    """Something that a verb must be told.

    Attributes:
        name: In plans.
        slot: The slot under which an agent asks for it.
        kind: The mention kind by which a proposal is checked, or "".
        core: Whether the request itself says it; else it is a sentence of its own, or is said when asked.
        measures: Kind of field whose value of another element can stand for it, or "".
        colour: Whether it is only talk: what the customer takes to be so, and no tool or rule reads.
    """

    name: str
    slot: str
    kind: str = ""
    core: bool = False
    measures: str = ""
    colour: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a verb comes to.

    Attributes:
        nodes: The part of the program that does it, without what the customer says.
        words: Words that stand in any message about it.
        facts: What else can be asked of the customer about it; goals are filled in.
        tools: The writes that would fulfil it.
        expects: What a proposal must agree with, by mention kind.
        known: What a proposal may name besides.
        exact: Kinds of which a proposal may name no others.
        question: What must be answered.
        settle: Arguments of the write that comes of it, to more that proposals must agree with exactly.
    """

    nodes: tuple[Node, ...]
    words: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    tools: tuple[str, ...] = ()
    expects: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    known: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    exact: tuple[str, ...] = ()
    question: Question | None = None
    settle: Callable[[Mapping[str, Any]], Mapping[str, Sequence[Scalar]]] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What a verb is asked to draft.

    Attributes:
        stage: The world.
        customer: Who asks.
        goal: The goal that it serves.
        prefix: What the ids of its nodes begin with.
        at: The node that holds the element, or the list of elements for a verb over a set.
        targets: The elements themselves, none for a verb without target.
        args: Argument to what stands for it in templates.
        values: Argument to its value.
    """

    stage: "Stage"
    customer: str
    goal: str
    prefix: str
    at: str
    targets: Sequence[Element]
    args: Mapping[str, Template]
    values: Mapping[str, Any]

    def id(self, name: str) -> str:
        """Return the id of a node of this job."""
        return f"{self.prefix}_{name}"

    def ref(self, path: str) -> dict[str, str]:
        """Return a reference to a node of this job, or into one."""
        return {"$": f"{self.prefix}_{path}"}

    def target(self, path: str) -> dict[str, str]:
        """Return a reference into the element."""
        return {"$": f"{self.at}.{path}"}


@dataclass(frozen=True, slots=True)
class Verb:
    """One kind of request.

    Attributes:
        name: In plans.
        draft: What it comes to.
        propose: (stage, customer, element or None, draws) to argument sets that make sense, a few of them.
        answer: (stage, customer, element or None, arguments) to whether it is allowed.
        args: What it must be told.
        over: Whether it is about one element, a set of them, or none.
        question: Whether it asks for an amount instead of a deed.
        makes: Whether it makes a new element that a later want can point at.
        writes: Fields of the element that it changes.
        spreads: Whether it can be asked for several elements at once; its nodes are then the same for each.
        steps: How many steps deep it is where it is allowed, and where it is not; growth aims with it.
    """

    name: str
    draft: Callable[[Job], Draft]
    propose: Callable[["Stage", str, Element | None, Draws], Iterable[dict[str, Any]]]
    answer: Callable[["Stage", str, Element | None, Mapping[str, Any]], Answer]
    args: tuple[Arg, ...] = ()
    over: Literal["one", "set", "none"] = "one"
    question: bool = False
    makes: bool = False
    writes: tuple[str, ...] = ()
    spreads: bool = False
    steps: tuple[int, int] = (1, 2)

    def find_arg(self, name: str) -> Arg:
        """Return the argument of that name."""
        return next(each for each in self.args if each.name == name)


class Stage(Protocol):
    """One world, opened, as plans see it."""

    @property
    def image(self) -> WorldImage:
        """The world."""

    @property
    def world(self) -> World:
        """A connection of its own."""

    @property
    def reads(self) -> dict[str, Any]:
        """Results of reads of the untouched world, for ``derive.Bench``."""

    @property
    def customers(self) -> Sequence[str]:
        """Ids, in a fixed order."""

    def context(self, customer: str) -> Any:
        """Return what the grammar needs to read the names, cards and dates of a customer."""

    def elements(self, customer: str) -> Sequence[Element]:
        """Return what the customer has as the tools return it, joined values under their fields' names."""

    def elements_with(self, customer: str, setup: Sequence[Any]) -> Sequence[Element]:
        """Return the same in a world with some rows changed, see ``Task.setup``."""

    def user(self, customer: str) -> Mapping[str, Any]:
        """Return the customer's own record."""


@dataclass(frozen=True)
class Vocabulary:
    """Everything that plans of a domain are made of.

    Attributes:
        key: The path of an element's id in its record.
        tool: The read that gives one element; its only argument is ``key``.
        key_slot: The slot under which an agent asks for an element's id.
        user_slot: The slot of the customer's id.
        user_tool: The read that gives the customer's record; its only argument is ``user_slot``.
        owned: The path of the ids of the elements in the customer's record, or of the elements themselves.
        inline: Whether ``owned`` holds whole elements, so that nothing need be looked up.
        live: Conditions that an element must meet to be talked of, as in a filter.
        fields: What elements are told apart by.
        verbs: What can be asked for.
        grammar: How plans are said.
        stage: How a world is opened.
        intents: Name of a simple kind of task to how its plan is drawn: (stage, draws) to a plan or None.
        operators: Name to a growth operator of this domain only, see ``core.growth``.
        own_facts: What else a customer can say about itself.
        changes: Single rows that, changed, may turn what is right for a customer, each as in ``Task.setup``.
    """

    key: str
    tool: str
    key_slot: str
    user_slot: str
    user_tool: str
    owned: str
    fields: tuple[Field, ...]
    verbs: tuple[Verb, ...]
    grammar: Callable[[], Grammar]
    stage: Callable[[WorldImage], Stage]
    intents: Mapping[str, Callable[[Stage, Draws], Plan | None]]
    operators: Mapping[str, Any] = field(default_factory=dict)
    live: tuple[tuple[str, str, Any], ...] = ()
    inline: bool = False
    own_facts: Callable[[Stage, str], tuple[Fact, ...]] = lambda stage, customer: ()
    changes: Callable[[Stage, str, Draws], Iterable[list[Any]]] = lambda stage, customer, draws: ()

    def find_field(self, name: str) -> Field:
        """Return the field of that name."""
        return self._fields[name]

    def find_verb(self, name: str) -> Verb:
        """Return the verb of that name."""
        return self._verbs[name]

    @cached_property
    def _fields(self) -> dict[str, Field]:
        return {each.name: each for each in self.fields}

    @cached_property
    def _verbs(self) -> dict[str, Verb]:
        return {each.name: each for each in self.verbs}
