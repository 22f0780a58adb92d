"""What a program does, step by step, leaving the doing to a driver.

``interpret`` is a generator: it yields *requests* (say a slot, call a tool, decline, report) and
is sent their results. One driver runs tools directly on a world to derive a task's goal; the
oracle is another, and speaks to the customer through the public episode.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from simenv.core.canonical import dollars
from simenv.core.errors import UsageError
from simenv.core.program import (
    Act,
    Compute,
    Decline,
    Extremum,
    Filter,
    If,
    Judge,
    Lookup,
    Node,
    Program,
    Report,
    Slot,
    fill,
    follow,
    read_cents,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the driver is to do.

    Attributes:
        kind: ``"slot"`` (learn a fact), ``"read"``, ``"write"``, ``"decline"`` (call a tool) or ``"report"``.
        node: The node that wants it.
        name: The tool, for calls.
        arguments: The tool's arguments, for calls; for a report ``{"value": ...}``.
    """

    kind: str
    node: Node
    name: str = ""
    arguments: dict[str, Any] | None = None


Requests = Generator[Request, Any, None]
Judgement = Callable[[str, Mapping[str, Any]], Any]
"""(rule id, facts) to what the policy says."""


class UnsoundError(UsageError):
    """The program has no single outcome in this world: a tie, or not exactly one match."""


def interpret(program: Program, judge: Judgement) -> Requests:
    """Run ``program``; ``judge(rule_id, facts)`` says what the policy says.

    Raises:
        UnsoundError: If a selection has no single outcome.
    """
    values: dict[str, Any] = {}
    yield from _run(program.nodes, values, judge)


def _run(nodes: list[Node], values: dict[str, Any], judge: Judgement) -> Requests:
    for node in nodes:
        match node:
            case If():
                branch = node.then if fill(node.test, values) else node.orelse
                yield from _run(branch, values, judge)
            case Judge():
                values[node.id] = judge(node.rule, fill(node.facts, values))
            case Filter() | Extremum() | Compute():
                values[node.id] = _pure(node, values)
            case _:
                values[node.id] = yield from _ask(node, values)


def _ask(node: Node, values: dict[str, Any]) -> Generator[Request, Any, Any]:
    match node:
        case Slot():
            yield Request("slot", node)
            return node.value
        case Lookup(each=None):
            return (yield Request("read", node, node.tool, fill(node.args, values)))
        case Lookup():
            found = []
            for item in fill(node.each, values):
                arguments = fill(node.args, values | {"item": item})
                found.append((yield Request("read", node, node.tool, arguments)))
            return found
        case Act():
            return (yield Request("write", node, node.tool, fill(node.args, values)))
        case Decline():
            return (yield Request("decline", node, "decline_request", fill(node.args, values)))
        case Report():
            return (yield Request("report", node, "", {"value": fill(node.value, values)}))
    raise UsageError(f"node {node.id!r} of kind {node.op!r} asks for nothing")


def _pure(node: Filter | Extremum | Compute, values: dict[str, Any]) -> Any:
    match node:
        case Filter():
            return _filter(node, values)
        case Extremum():
            return _extremum(node, values)
        case Compute():
            return _COMPUTE[node.fn](*fill(node.args, values))


def _filter(node: Filter, values: dict[str, Any]) -> Any:
    tests = [(path, _COMPARE[how], fill(wanted, values)) for path, how, wanted in node.where]
    kept = [
        item
        for item in fill(node.of, values)
        if all(compare(follow(path, item), wanted) for path, compare, wanted in tests)
    ]
    if not node.one:
        return kept
    if len(kept) != 1:
        raise UnsoundError(f"node {node.id!r} must match exactly one, it matches {len(kept)}")
    return kept[0]


def _extremum(node: Extremum, values: dict[str, Any]) -> Any:
    items = fill(node.of, values)
    if not items:
        raise UnsoundError(f"node {node.id!r} has nothing to choose from")
    paths = node.by.split("+")
    ranks = [
        sum(follow(path, item) for path in paths) if len(paths) > 1 else follow(node.by, item)
        for item in items
    ]
    top = max(ranks) if node.pick == "max" else min(ranks)
    best = [item for item, rank in zip(items, ranks, strict=True) if rank == top]
    if len(best) != 1:
        raise UnsoundError(f"node {node.id!r} has {len(best)} equal best choices")
    return best[0]


def _add(*parts: Any) -> int:
    return sum(_add(*part) if isinstance(part, list) else int(part) for part in parts)


def _cents(amount: Any) -> Any:
    return [_cents(each) for each in amount] if isinstance(amount, list) else read_cents(amount)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}

_COMPUTE: dict[str, Callable[..., Any]] = {
    "sum": _add,
    "sub": lambda a, b: int(a) - int(b),
    "mul": lambda a, b: int(a) * int(b),
    "above": lambda a, b: max(0, int(a) - int(b)),
    "min": lambda *parts: min(int(part) for part in parts),
    "len": lambda items: len(items),
    "cents": _cents,
    "dollars": lambda cents: dollars(int(cents)),
    "has": lambda items, value: value in items,
    "at": lambda items, path: [follow(path, item) for item in items],
    "pick": lambda items, keys: [{key: item[key] for key in keys} for item in items],
    "values": lambda record: [record[key] for key in sorted(record)],
}
