"""What references and values of a plan stand for in a world, found without a program.

The same meaning as the nodes that ``drafting`` makes of them; every certificate compares the two.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from simenv.core.errors import UsageError
from simenv.core.interpreter import COMPARE, UnsoundError, shift
from simenv.core.plan import Json, Plan, Ref
from simenv.core.program import measure
from simenv.core.vocabulary import Element, Field, Stage, Vocabulary


class Sight(Protocol):
    """What is needed to resolve: the words, the customer's elements, and targets of earlier goals."""

    @property
    def words(self) -> Vocabulary:
        """The domain's vocabulary."""

    @property
    def elements(self) -> Sequence[Element]:
        """The customer's live elements."""

    @property
    def places(self) -> Mapping[str, tuple[str, Element]]:
        """Goal, or ``"it"``, to the node and the element that it is about."""

    @property
    def own(self) -> tuple[str, Element]:
        """The target of the deed at hand."""


def elements_of(vocabulary: Vocabulary, stage: Stage, plan: Plan) -> Sequence[Element]:
    """Return the live elements of a plan's customer, set-up rows included."""
    if plan.setup:
        return stage.elements_with(plan.customer, plan.setup)
    return stage.elements(plan.customer)


def value_in(field: Field, element: Element) -> Json:
    """Return the value of a field of an element."""
    if field.kind == "pair":
        return [measure(by, element) for by in field.by.split("+")]
    return measure(field.by, element)


def meets(words: Vocabulary, element: Element, clause: Sequence[Any], value: Json) -> bool:
    """Whether an element meets a clause whose value is ``value``."""
    field = words.find_field(clause[0])
    return COMPARE[clause[1]](value_in(field, element), value)


def among(sight: Sight, where: Sequence[Any]) -> list[Element]:
    """Return the elements that meet every clause."""
    wanted = [(clause, value_of(sight, clause[2])) for clause in where]
    return [
        each
        for each in sight.elements
        if all(meets(sight.words, each, clause, value) for clause, value in wanted)
    ]


def ordered(field: Field, elements: Sequence[Element], pick: str) -> list[Element]:
    """Return elements by a field, what is picked first."""
    return sorted(elements, key=lambda each: value_in(field, each), reverse=pick == "max")


def resolve(sight: Sight, form: Ref) -> Element:
    """Return the one element that a reference points at.

    Raises:
        UnsoundError: If there is not exactly one.
    """
    words = sight.words
    match form["by"]:
        case "number":
            return _only([each for each in sight.elements if measure(words.key, each) == form["id"]], form)
        case "clauses":
            return _only(among(sight, form["where"]), form)
        case "extreme":
            field = words.find_field(form["field"])
            return nth(field, among(sight, form["where"]), form["pick"], form["place"], form)
        case "either":
            field = words.find_field(form["field"])
            return nth(field, [resolve(sight, each) for each in form["refs"]], form["pick"], 1, form)
        case "same" if form["goal"] in sight.places:
            return sight.places[form["goal"]][1]
        case "it" if "it" in sight.places:
            return sight.places["it"][1]
        case "own":
            return sight.own[1]
        case "new":
            return {}
        case "same" | "it":
            raise UnsoundError(
                f"the reference {form!r} points at nothing that is sure to have been talked of"
            )
        case _:
            raise UsageError(f"the reference {form!r} points at nothing")


def resolve_all(sight: Sight, form: Ref) -> list[Element]:
    """Return every element that a reference to several points at.

    Raises:
        UnsoundError: If there are fewer than two.
    """
    found = among(sight, form["where"])
    if form["besides"] is not None:
        spared = resolve(sight, form["besides"])
        found = [each for each in found if each is not spared]
    if len(found) < 2:
        raise UnsoundError(f"the reference {form!r} is to several and finds {len(found)}")
    return found


def nth(field: Field, elements: Sequence[Element], pick: str, place: int, form: Ref) -> Element:
    """Return the element that comes ``place``-th; a tie with it is unsound."""
    if len(elements) < place:
        raise UnsoundError(f"the reference {form!r} has {len(elements)} to choose from")
    row = ordered(field, elements, pick)
    wanted = value_in(field, row[place - 1])
    return _only([each for each in elements if value_in(field, each) == wanted], form)


def value_of(sight: Sight, value: Json) -> Json:
    """Return what a value of a plan is."""
    if not isinstance(value, dict):
        return value
    words = sight.words
    if "sum" in value:
        field = words.find_field(value["sum"])
        return sum(value_in(field, resolve(sight, each)) for each in value["refs"])
    found = value_in(words.find_field(value["of"]), resolve(sight, value["ref"]))
    if "times" in value:
        return value["times"] * found
    return shift(found, value["shift"]) if "shift" in value else found


def _only(found: Sequence[Element], form: Ref) -> Element:
    if len(found) != 1:
        raise UnsoundError(f"the reference {form!r} points at {len(found)}")
    return found[0]
