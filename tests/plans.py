"""Plans made by hand, of every form that ``core.plan`` names, about whatever a world has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from simenv.core.assembly import assemble
from simenv.core.draws import Draws
from simenv.core.generator import Generator
from simenv.core.interpreter import Mind, UnsoundError
from simenv.core.plan import Plan, Ref, Want
from simenv.core.program import Node, measure
from simenv.core.selecting import resolve, value_in, value_of
from simenv.core.task import Task
from simenv.core.vocabulary import Element, Stage, Vocabulary

ALL: Ref = {"by": "all", "where": [], "besides": None}


@dataclass
class Seen:
    """A customer's elements as ``core.selecting`` wants them."""

    words: Vocabulary
    elements: Sequence[Element]
    places: Mapping[str, tuple[str, Element]] = field(default_factory=dict)
    own: tuple[str, Element] = ("", {})


class Recorder(Mind):
    """A sane mind that notes what every node came to."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def value(self, node: Node, value: Any, source: Any) -> Any:
        del source
        self.values[node.id] = value
        return value


def task_of(generator: Generator, stage: Stage, plan: Plan) -> Task:
    """Return the task of a plan, with words drawn from a fixed address."""
    return assemble(generator.domain, generator.vocabulary, stage, plan, ("plans", 0), size="S")


def found(sight: Seen, form: Ref) -> Element | None:
    """Return what a reference points at, None if that is not one element."""
    try:
        return resolve(sight, form)
    except UnsoundError:
        return None


def clauses(words: Vocabulary, element: Element) -> Iterator[list[Any]]:
    """Yield every clause with a plain value that an element meets."""
    for each in words.fields:
        if each.points:
            value = value_in(each, element)
            for one in value if each.how == "has" else [value]:
                yield [each.name, each.how, one]


def plain_refs(sight: Seen) -> Iterator[tuple[str, Ref]]:
    """Yield (form, reference) that needs no other reference; not all of them point at one element."""
    words = sight.words
    for each in sight.elements:
        yield "number", {"by": "number", "id": measure(words.key, each)}
        told = list(clauses(words, each))
        for one in told:
            yield f"clause {one[0]}", {"by": "clauses", "where": [one]}
        for pair in combinations(told, 2):
            yield "two clauses", {"by": "clauses", "where": list(pair)}
    for each in words.fields:
        for pick in ("min", "max") if each.ranks else ():
            bare = {"by": "extreme", "field": each.name, "pick": pick, "place": 1, "where": []}
            yield f"extreme {each.name}", bare
            for place in range(2, len(sight.elements) + 1):
                yield f"rank {each.name}", bare | {"place": place}
            for one in [one for element in sight.elements for one in clauses(words, element)]:
                yield "extreme among", bare | {"where": [one]}
                yield "rank among", bare | {"where": [one], "place": 2}


def nested_refs(sight: Seen) -> Iterator[tuple[str, Ref]]:
    """Yield (form, reference) that looks at other elements."""
    words = sight.words
    numbers: list[Ref] = [{"by": "number", "id": measure(words.key, each)} for each in sight.elements]
    for each in words.fields:
        if each.ranks:
            for pair in combinations(numbers, 2):
                for pick in ("min", "max"):
                    yield "either", {"by": "either", "field": each.name, "pick": pick, "refs": list(pair)}
        if each.points and each.asks:
            for other in numbers:
                value = {"of": each.name, "ref": other}
                yield "of", {"by": "clauses", "where": [[each.name, "==", value], *_not(sight, other)]}
                for days in range(-9, 10) if each.kind == "day" else ():
                    yield "shift", {"by": "clauses", "where": [[each.name, "==", value | {"shift": days}]]}


def _not(sight: Seen, other: Ref) -> list[list[Any]]:
    """Return a clause that leaves out an element that has one."""
    spared = clauses(sight.words, resolve(sight, other))
    first = next(iter(spared))
    for each in sight.elements:
        for one in clauses(sight.words, each):
            if one[0] == first[0] and one[2] != first[2]:
                return [one]
    return []
