"""What growth operators are, and what they see: one plan in its world.

An operator is a pure function (scope, draws) to a child plan or nothing. What it may use is found in the
world first, so that nearly all children are sound: the witness stands before the words that describe it.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from simenv.core.assembly import said_of
from simenv.core.canonical import canonical
from simenv.core.domain import Domain
from simenv.core.drafting import deeds_of
from simenv.core.draws import Draws
from simenv.core.grammar import Grammar
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Json, Manner, Plan, Ref, Want
from simenv.core.selecting import elements_of, resolve, value_in
from simenv.core.vocabulary import Answer, Element, Field, Stage, Verb, Vocabulary

T = TypeVar("T")
Path = tuple[str | int, ...]
Notes = dict[tuple[Hashable, ...], Any]


@dataclass(frozen=True, slots=True)
class Spot:
    """A reference inside a plan.

    Attributes:
        want: Number of its want, from 0.
        path: Where in the want it stands.
        ref: The reference.
        element: What it points at.
        inner: Whether it stands in the middle of a sentence, where only short references can.
    """

    want: int
    path: Path
    ref: Ref
    element: Element
    inner: bool


class Scope:
    """One plan in its world; see ``selecting.Sight``.

    Args:
        domain: The domain.
        words: Its vocabulary.
        stage: The world.
        plan: The plan.
        notes: What was found out about this world before, to be shared by the scopes of many plans.
    """

    def __init__(
        self, domain: Domain, words: Vocabulary, stage: Stage, plan: Plan, notes: Notes | None = None
    ) -> None:
        self.domain, self.words, self.stage, self.plan = domain, words, stage, plan
        self.context = stage.context(plan.customer)
        self.grammar: Grammar = words.grammar()
        self.own: tuple[str, Element] = ("", {})
        # A changed row may change what is true of an element, so plans with set-up note for themselves.
        self.notes: Notes = {} if notes is None or plan.setup else notes
        self._places: dict[str, tuple[str, Element]] | None = None

    def noted(self, make: Callable[[], T], *place: Hashable) -> T:
        """Return what is noted at a place for this customer; ``make`` finds it out where nothing is."""
        key = (self.plan.customer, *place)
        if key not in self.notes:
            self.notes[key] = make()
        found: T = self.notes[key]
        return found

    @cached_property
    def elements(self) -> Sequence[Element]:
        """The customer's live elements."""
        return elements_of(self.words, self.stage, self.plan)

    @property
    def places(self) -> Mapping[str, tuple[str, Element]]:
        """Goal to its target, for the references of later wants."""
        if self._places is None:
            self._places = {}
            for goal, _, deed in deeds_of(self.plan):
                if "at" in deed and deed["at"]["by"] not in ("all", "it", "new"):
                    self._places[goal] = ("", resolve(self, deed["at"]))
        return self._places

    def spots(self) -> list[Spot]:
        """Return every reference that can be put in other words, targets before what is nested in them."""
        found: list[Spot] = []
        for number, want in enumerate(self.plan.wants):
            for path, ref, inner in _refs(want, (), inner=False):
                if ref["by"] not in ("number", "clauses", "extreme"):
                    continue
                try:
                    found.append(Spot(number, path, ref, resolve(self, ref), inner))
                except UnsoundError:
                    continue
        return found

    def plain(self) -> list[Spot]:
        """Return the references that no operator has reworded yet: by number, or by one plain clause."""
        return [spot for spot in self.spots() if self.is_plain(spot.ref) and not self._minded(spot.want + 1)]

    def is_plain(self, ref: Ref) -> bool:
        """Whether a reference is by number or by one clause that says a value itself."""
        if ref["by"] == "number":
            return True
        if ref["by"] != "clauses" or len(ref["where"]) != 1:
            return False
        name, _, value = ref["where"][0]
        return not isinstance(value, dict) and self.words.find_field(name).join is None

    def untouched(self, number: int, want: Want) -> bool:
        """Whether no operator has grown a plain deed yet, so that it may be exchanged for another."""
        plain = not any(isinstance(value, dict) for value in want["args"].values())
        return plain and ("at" not in want or self.is_plain(want["at"])) and not self._minded(number + 1)

    def _minded(self, number: int) -> bool:
        """Whether the manner says anything of want ``number``, counted from 1, that must stay true."""
        manner = self.plan.manner
        places = [*manner.asked, *manner.late, *manner.first_said, *manner.mentioned]
        return any(place.startswith((f"g{number}.", f"g{number}e.", f"g{number}b.")) for place in places)

    def says(self, ref: Ref, *, inner: bool) -> bool:
        """Whether a reference can be said where it stands."""
        return self._matches("INNER" if inner else "REF", ref)

    def says_clause(self, clause: Sequence[Json]) -> bool:
        """Whether a clause can be said."""
        return self._matches("CLAUSE", list(clause))

    def _matches(self, symbol: str, value: Json) -> bool:
        return self.noted(
            lambda: self.grammar.matches(symbol, value, self.context), "says", symbol, canonical(value)
        )

    def says_plan(self, plan: Plan) -> bool:
        """Whether every want of a plan can be said."""
        numbers = range(1, len(plan.wants) + 1)
        return all(self._matches("SAY", said_of(self.words, plan, n)) for n in numbers)

    def sayable(self, plan: Plan) -> Plan | None:
        """Return a plan if every want of it can be said."""
        return plan if self.says_plan(plan) else None

    def meets(self, element: Element, clause: Sequence[Json]) -> bool:
        """Whether an element meets a clause; one whose value has to be worked out counts as met."""
        name, how, wanted = clause
        if isinstance(wanted, dict):
            return True
        value = self.value(name, element)
        return wanted in value if how == "has" else bool(value == wanted)

    def with_ref(self, spot: Spot, ref: Ref) -> Plan:
        """Return the plan with another reference in that place."""
        want = deepcopy(self.plan.wants[spot.want])
        holder: Any = want
        for step in spot.path[:-1]:
            holder = holder[step]
        holder[spot.path[-1]] = ref
        return self.plan.with_want(spot.want, want)

    def value(self, name: str, element: Element) -> Json:
        """Return the value of a field of an element."""
        return value_in(self.words.find_field(name), element)

    def fields(self, test: Callable[[Field], bool]) -> list[Field]:
        """Return the fields that meet a test."""
        return [each for each in self.words.fields if test(each)]

    def deeds(self) -> list[tuple[int, Want]]:
        """Return (number of the want, deed) of the wants that are one plain deed."""
        return [(number, want) for number, want in enumerate(self.plan.wants) if "do" in want]

    def target(self, deed: Want) -> Element | None:
        """Return the element of a deed, None if it has none or several."""
        if "at" not in deed or deed["at"]["by"] in ("all", "new"):
            return None
        return resolve(self, deed["at"])

    def options(
        self, wanted: Answer, draws: Draws, element: Element | None, verbs: Sequence[Verb]
    ) -> Iterator[tuple[Verb, dict[str, Any]]]:
        """Yield (verb, arguments) that get the answer wanted about an element, in a drawn order."""
        customer = self.plan.customer
        for verb in draws.at("verbs").shuffled(verbs):
            if (verb.over == "one") != (element is not None) or verb.over == "set":
                continue
            for args in verb.propose(self.stage, customer, element, draws.at("args", verb.name)):
                if verb.answer(self.stage, customer, element, args) == wanted:
                    yield verb, args

    def used(self) -> set[str]:
        """Return the names of the verbs that the plan has already."""
        return {deed["do"] for _, _, deed in deeds_of(self.plan)}


def _refs(value: Json, path: Path, *, inner: bool) -> Iterator[tuple[Path, Ref, bool]]:
    """Yield (path, reference, whether it stands inside) of every reference, the outermost first."""
    if isinstance(value, dict):
        if "by" in value:
            yield path, value, inner
            inner = True
        for key, part in value.items():
            # A reference in an argument, or of two that are added up, stands in the middle of its sentence.
            deep = inner or key in ("args", "refs", "besides")
            yield from _refs(part, (*path, key), inner=deep)
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _refs(part, (*path, at), inner=inner)


def adopt(plan: Plan, **manner: Any) -> Plan:
    """Return the plan with a changed manner."""
    return plan.model_copy(update={"manner": plan.manner.model_copy(update=manner)})


Apply = Callable[[Scope, Draws], Plan | None]


@dataclass(frozen=True, slots=True)
class Operator:
    """One way in which tasks grow.

    Attributes:
        name: In lineages.
        axis: Whether it adds dependent steps or things to mind.
        apply: (scope, draws) to a child, or None where it cannot be applied.
        rungs: Abilities without which its child is failed; one of these rungs must fail because of it.
        weight: How often it is tried, against others of its axis.
    """

    name: str
    axis: Literal["depth", "breadth"]
    apply: Apply
    rungs: tuple[str, ...]
    weight: int = 4


@dataclass(frozen=True, slots=True)
class Grown:
    """A plan with how it came about.

    Attributes:
        plan: The plan.
        lineage: Names of the operators, in order.
    """

    plan: Plan
    lineage: tuple[str, ...] = field(default=())


__all__ = ["Apply", "Grown", "Manner", "Operator", "Scope", "Spot", "adopt"]
