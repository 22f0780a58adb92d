"""What a program does, step by step, leaving the doing to a driver.

``interpret`` is a generator: it yields *requests* (say a slot, call a tool, decline, report) and
is sent their results. One driver runs tools directly on a world to derive a task's goal; the
oracle is another, and speaks to the customer through the public episode. A ``Mind`` may see
values otherwise than they are: so the ladder's rungs, and the proof that every step matters, are
runs of the same program.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from simenv.core.canonical import dollars
from simenv.core.errors import UsageError
from simenv.core.program import (
    Act,
    Aggregate,
    Compare,
    Compute,
    Const,
    Decline,
    Each,
    Extremum,
    Filter,
    If,
    Join,
    Judge,
    Lookup,
    Node,
    Program,
    Rank,
    Report,
    Retry,
    Search,
    Slot,
    fill,
    follow,
    measure,
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
        goal: The goal that it serves, or "".
        retries: How often a call is made again if the tool is busy.
    """

    kind: str
    node: Node
    name: str = ""
    arguments: dict[str, Any] | None = None
    goal: str = ""
    retries: int = 0


Requests = Generator[Request, Any, None]
Judgement = Callable[[str, Mapping[str, Any]], Any]
"""(rule id, facts) to what the policy says."""


def goal_of(node: Node) -> str:
    """Return the goal of a node, "" where its kind has none."""
    # Asking pydantic for what a model does not have is slow, and every run asks of every node.
    found: str = node.__dict__.get("goal", "")
    return found


def tool_of(node: Node) -> str:
    """Return the tool that a node names, "" where its kind names none."""
    found: str = node.__dict__.get("tool", "")
    return found


class UnsoundError(UsageError):
    """The program has no single outcome in this world: a tie, or not exactly one match."""


class Mind:
    """How someone who runs a program sees it; this one sees it as it is."""

    def value(self, node: Node, value: Any, source: Any) -> Any:
        """Return what the value of ``node`` is taken to be.

        Args:
            node: Any node that has a value, or an ``if``, whose value is whether its test holds.
            value: What it is.
            source: The list or the arguments that it was chosen or worked out from; the facts of a rule.
        """
        del node, source
        return value

    def does(self, node: Node, goal: str) -> bool:
        """Whether a node is run at all; ``goal`` is the goal that it serves."""
        del node, goal
        return True

    def tool(self, name: str) -> str:
        """Return the tool that is called for the tool ``name``."""
        return name

    def retries(self, tool: str, times: int) -> int:
        """Return how often calls of a busy tool are made again."""
        del tool
        return times


SANE = Mind()


def interpret(program: Program, judge: Judgement, mind: Mind = SANE) -> Requests:
    """Run ``program``; ``judge(rule_id, facts)`` says what the policy says.

    Raises:
        UnsoundError: If a selection has no single outcome.
    """
    yield from _Run(judge, mind).run(program.nodes, {})


class _Run:
    """One run; ``goal`` is the goal of the element that a for-each is at."""

    def __init__(self, judge: Judgement, mind: Mind) -> None:
        self.judge, self.mind = judge, mind
        self.times: dict[str, int] = {}
        self.goal = ""

    def run(self, nodes: list[Node], values: dict[str, Any]) -> Requests:
        for node in nodes:
            goal = self.goal or goal_of(node)
            if not self.mind.does(node, goal):
                continue
            match node:
                case If():
                    taken = self.mind.value(node, bool(fill(node.test, values)), None)
                    yield from self.run(node.then if taken else node.orelse, values)
                case Each():
                    yield from self._each(node, values)
                case Retry():
                    self.times[node.tool] = self.mind.retries(node.tool, node.times)
                case Judge():
                    facts = fill(node.facts, values)
                    values[node.id] = self.mind.value(node, self.judge(node.rule, facts), facts)
                case Slot() | Lookup() | Search() | Act() | Decline() | Report():
                    values[node.id] = yield from self._ask(node, values, goal)
                case _:
                    value, source = _pure(node, values)
                    values[node.id] = self.mind.value(node, value, source)

    def _each(self, node: Each, values: dict[str, Any]) -> Requests:
        items = fill(node.of, values)
        seen = self.mind.value(node, items, None)
        if len(items) != len(node.goals):
            raise UnsoundError(f"node {node.id!r} is for {len(node.goals)} elements, there are {len(items)}")
        for number, item in enumerate(seen):
            # Whoever sees more elements than there are serves them all, the last goal's name has to do.
            self.goal = node.goals[min(number, len(node.goals) - 1)]
            yield from self.run(node.nodes, values | {"item": item})
        self.goal = ""

    def _ask(self, node: Node, values: dict[str, Any], goal: str) -> Generator[Request, Any, Any]:
        match node:
            case Slot():
                yield Request("slot", node, goal=goal)
                return self.mind.value(node, node.value, None)
            case Lookup() if node.each is not None:
                found = []
                for item in fill(node.each, values):
                    found.append((yield self._call("read", node, values | {"item": item}, goal)))
                return self.mind.value(node, found, None)
            case Lookup() | Search():
                return self.mind.value(node, (yield self._call("read", node, values, goal)), None)
            case Act():
                return (yield self._call("write", node, values, goal))
            case Decline():
                return (yield Request("decline", node, "decline_request", fill(node.args, values), goal))
            case Report():
                return (yield Request("report", node, "", {"value": fill(node.value, values)}, goal))
        raise UsageError(f"node {node.id!r} of kind {node.op!r} asks for nothing")

    def _call(self, kind: str, node: Lookup | Search | Act, values: dict[str, Any], goal: str) -> Request:
        name, times = self.mind.tool(node.tool), self.times.get(node.tool, 0)
        return Request(kind, node, name, fill(node.args, values), goal, times)


def _pure(node: Node, values: dict[str, Any]) -> tuple[Any, Any]:
    """Return (the value of a node that only works things out, what it was worked out from)."""
    match node:
        case Const():
            return node.value, None
        case Filter():
            items = fill(node.of, values)
            return _filter(node, items, values), items
        case Extremum() | Rank():
            items = fill(node.of, values)
            return _ranked(node, items, values), items
        case Join():
            left, right = fill(node.left, values), fill(node.right, values)
            return [item | {node.name: beside} for item, beside in zip(left, right, strict=True)], left
        case Aggregate():
            items = fill(node.of, values)
            measured = [measure(node.by, item) if node.by else item for item in items]
            return _AGGREGATE[node.fn](measured), items
        case Compare():
            left, right = fill(node.left, values), fill(node.right, values)
            return COMPARE[node.how](left, right), [left, right]
        case Compute():
            parts = fill(node.args, values)
            return _COMPUTE[node.fn](*parts), parts
    raise UsageError(f"node {node.id!r} of kind {node.op!r} cannot be worked out")


def _filter(node: Filter, items: list[Any], values: dict[str, Any]) -> Any:
    tests = [(by, COMPARE[how], fill(wanted, values)) for by, how, wanted in node.where]
    kept = [item for item in items if all(test(measure(by, item), wanted) for by, test, wanted in tests)]
    if not node.one:
        return kept
    if len(kept) != 1:
        raise UnsoundError(f"node {node.id!r} must match exactly one, it matches {len(kept)}")
    return kept[0]


def _ranked(node: Extremum | Rank, items: list[Any], values: dict[str, Any]) -> Any:
    place = node.place if isinstance(node, Rank) else 1
    if len(items) < place:
        raise UnsoundError(f"node {node.id!r} has {len(items)} to choose from and wants number {place}")
    by, pick = fill(node.by, values), fill(node.pick, values)
    ranks = [measure(by, item) for item in items]
    wanted = sorted(ranks, reverse=pick == "max")[place - 1]
    if ranks.count(wanted) != 1:
        raise UnsoundError(f"node {node.id!r} has {ranks.count(wanted)} equal choices")
    return items[ranks.index(wanted)]


def _add(*parts: Any) -> int:
    return sum(_add(*part) if isinstance(part, list) else int(part) for part in parts)


def _cents(amount: Any) -> Any:
    return [_cents(each) for each in amount] if isinstance(amount, list) else read_cents(amount)


def shift(day: str, days: int) -> str:
    """Return a day moved by a number of days."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "has": lambda a, b: b in a,
}

_AGGREGATE: dict[str, Callable[[list[Any]], int]] = {"count": len, "sum": sum, "min": min, "max": max}

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
    "shift": shift,
    "measure": lambda item, by: measure(by, item),
    "get": lambda table, key: table[key],
    "surname": lambda name: name.partition(" ")[2],
}
