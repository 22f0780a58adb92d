"""The parts of a program, one for each want of its customer, and what they take from each other."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from simenv.core.program import Each, If, Node, Program

_WANT = re.compile(r"g\d+")
_PREFIX = re.compile(r"(g\d+)[be]*_")


def want_of(goal: str) -> str:
    """Return the want that a goal belongs to: ``g2`` for ``g2``, ``g2b`` and ``g2x1``.

    A goal that no plan made is a want of its own.
    """
    found = _WANT.match(goal)
    return found[0] if found else goal


def inner(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes and all that stands inside them."""
    for node in nodes:
        yield node
        if isinstance(node, If):
            yield from inner(node.then)
            yield from inner(node.orelse)
        elif isinstance(node, Each):
            yield from inner(node.nodes)


def references(template: Any) -> Iterator[str]:
    """Yield the path of every reference inside a template, or inside the fields of a node.

    Example:
        >>> list(references({"id": {"$": "trip.id"}, "day": "2030-05-01"}))
        ['trip.id']
    """
    if isinstance(template, dict):
        if len(template) == 1 and isinstance(template.get("$"), str):
            yield template["$"]
            return
        template = list(template.values())
    if isinstance(template, list | tuple):
        for part in template:
            yield from references(part)


def late_first(program: Program) -> Program:
    """Return the program with the parts of its wants in the opposite order.

    What stands before all parts stays there. Where a later part takes anything from an earlier one, the
    program is left as it is.
    """
    head, parts = _parts(program.nodes)
    if any(_needs(later, earlier) for at, later in enumerate(parts) for earlier in parts[:at]):
        return program
    return Program(nodes=[*head, *(node for part in reversed(parts) for node in part)])


def _parts(nodes: Sequence[Node]) -> tuple[list[Node], list[list[Node]]]:
    """Return (what belongs to no want, the part of each want); unnamed nodes go with those before them."""
    found: dict[str, list[Node]] = {"": []}
    owner = ""
    for node in nodes:
        owner = _owner(node) or owner
        found.setdefault(owner, []).append(node)
    return found.pop(""), list(found.values())


def _owner(node: Node) -> str:
    prefix = _PREFIX.match(node.id)
    if prefix:
        return prefix[1]
    return next((want_of(goal) for each in inner([node]) if (goal := getattr(each, "goal", ""))), "")


def _needs(later: Sequence[Node], earlier: Sequence[Node]) -> bool:
    made = {node.id for node in inner(earlier)}
    taken = {path.partition(".")[0] for node in later for path in references(node.model_dump())}
    return not made.isdisjoint(taken - {node.id for node in inner(later)})
