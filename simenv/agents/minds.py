"""Minds that lack one ability each, and one that has all of them and slips.

A mind changes only how values are seen; the program that it runs, its tools and its customer stay the same.
What it sees wrongly may lead it to a call that is refused; then it is stuck, as an agent would be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from typing_extensions import override

from simenv.agents.parts import inner, references
from simenv.core.domain import Domain
from simenv.core.draws import Draws
from simenv.core.interpreter import COMPARE, Mind, UnsoundError
from simenv.core.program import (
    Act,
    Aggregate,
    Compare,
    Compute,
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
    Search,
    Slot,
    fill,
    measure,
)

See = Callable[[Node, Any, Any], Any]
"""(node, its value, what it was worked out from) to what it is taken to be; see ``Mind.value``."""

DEEDS = (Act, Decline, Report)
REQUESTS = (Slot, Lookup, Search, *DEEDS)
ARITHMETIC = frozenset({"sum", "sub", "mul", "above", "shift", "min"})
KEPT_IN_MIND = 6
"""Requests after which someone of short memory has forgotten what the opening said."""


class Seeing(Mind):
    """Someone who sees some values otherwise."""

    def __init__(self, see: See) -> None:
        self.see = see

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        return self.see(node, value, source)


class Refiltering(Mind):
    """Someone who does not filter as asked.

    What is done for every element of a filtered list is done for those that this one keeps.

    Args:
        program: What is run.
        keep: (filter, its list, the values so far) to what is kept of it.
        of: Which filters that is.
    """

    def __init__(
        self,
        program: Program,
        keep: Callable[[Filter, list[Any], dict[str, Any]], Any],
        of: Callable[[Node], bool] = lambda node: True,
    ) -> None:
        self.keep, self.of = keep, of
        self.values: dict[str, Any] = {}
        self.spread = {
            path for node in program.walk() if isinstance(node, Each) for path in references(node.of)
        }
        self.wide: dict[str, Any] = {}

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        if isinstance(node, Each):
            return next((self.wide[path] for path in references(node.of) if path in self.wide), value)
        if isinstance(node, Filter) and self.of(node):
            kept = self.keep(node, source, self.values)
            if node.id in self.spread:
                self.wide[node.id] = kept
            else:
                value = kept
        self.values[node.id] = value
        return value


def everything(node: Filter, items: list[Any], values: dict[str, Any]) -> Any:
    """Keep the first where one is wanted, else all."""
    del values
    return items[0] if node.one else items


def without_exceptions(node: Filter, items: list[Any], values: dict[str, Any]) -> Any:
    """Keep what meets every condition but those that set something apart."""
    tests = [(by, COMPARE[how], fill(wanted, values)) for by, how, wanted in node.where if how != "!="]
    kept = [item for item in items if all(test(measure(by, item), wanted) for by, test, wanted in tests)]
    return kept[0] if node.one else kept


def sets_apart(node: Node) -> bool:
    """Whether a filter leaves out one element that was pointed at: "all except that one"."""
    return isinstance(node, Filter) and any(how == "!=" and isinstance(to, dict) for _, how, to in node.where)


def between_two(node: Node) -> bool:
    """Whether a node takes the one of two elements that has less or more."""
    return isinstance(node, Extremum) and isinstance(node.of, list) and len(node.of) == 2


def is_when(node: Node) -> bool:
    """Whether a node is the branch that a customer asks for, and not one of the rules."""
    return isinstance(node, If) and node.test == {"$": f"{node.id}_holds"}


def is_asked(node: Node) -> bool:
    """Whether a fact is told only when asked for, or later."""
    return isinstance(node, Slot) and not node.opening


def first_of(node: Node, value: Any, source: Any) -> Any:
    """Take the first for the least or greatest."""
    return source[0] if isinstance(node, Extremum) else value


def first_place(node: Node, value: Any, source: Any) -> Any:
    """Take the least or greatest for the one in a later place."""
    if not isinstance(node, Rank):
        return value
    pick = max if node.pick == "max" else min
    return pick(source, key=lambda item: measure(node.by, item))


def same_beside_all(node: Node, value: Any, source: Any) -> Any:
    """Take what belongs to the first element to belong to each."""
    del source
    if not isinstance(node, Join) or not value:
        return value
    return [item | {node.name: value[0][node.name]} for item in value]


def no_difference(node: Node, value: Any, source: Any) -> Any:
    """Take every comparison to hold, and the first of two for the one with less or more."""
    if isinstance(node, Compare):
        return True
    return source[0] if between_two(node) else value


def one_of_many(node: Node, value: Any, source: Any) -> Any:
    """Count to one, and take the first for the sum, the least or the greatest."""
    if not isinstance(node, Aggregate):
        return value
    if node.fn == "count":
        return 1
    return (measure(node.by, source[0]) if node.by else source[0]) if source else value


def first_figure(node: Node, value: Any, source: Any) -> Any:
    """Take the first figure for the result."""
    if not isinstance(node, Compute) or node.fn not in ARITHMETIC:
        return value
    found = source[1] if node.fn == "sub" and source[0] == 0 else source[0]
    while isinstance(found, list) and found:
        found = found[0]
    return 0 if found == [] else found


def always_then(node: Node, value: Any, source: Any) -> Any:
    """Do what was asked for if something holds, whether it holds or not."""
    del source
    return True if is_when(node) else value


def unasked(node: Node, value: Any, source: Any) -> Any:
    """Guess what would have to be asked for."""
    del source
    return node.decoy if isinstance(node, Slot) and is_asked(node) else value


def first_word(node: Node, value: Any, source: Any) -> Any:
    """Hold on to the first word of a changed mind, or to a word about something else."""
    del source
    return node.decoy if isinstance(node, Slot) and node.decoy is not None else value


def fallback_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield what is done instead of something declined: all that stands behind a decline in its branch."""
    declined = False
    for node in nodes:
        if declined:
            yield from inner([node])
        elif isinstance(node, If):
            yield from fallback_nodes(node.then)
            yield from fallback_nodes(node.orelse)
        elif isinstance(node, Each):
            yield from fallback_nodes(node.nodes)
        declined = declined or isinstance(node, Decline)


class Undoing(Mind):
    """Someone who leaves things out.

    Args:
        leaves: (node, goal) to whether it is left out.
        only_first: Whether only the first of several elements is served.
    """

    def __init__(self, leaves: Callable[[Node, str], bool], *, only_first: bool = False) -> None:
        self.leaves, self.only_first = leaves, only_first

    @override
    def does(self, node: Node, goal: str) -> bool:
        return not self.leaves(node, goal)

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        return value[:1] if self.only_first and isinstance(node, Each) else value


class Forgetful(Mind):
    """Someone who has forgotten what the opening said a few requests later."""

    def __init__(self) -> None:
        self.requests = 0

    @override
    def does(self, node: Node, goal: str) -> bool:
        self.requests += isinstance(node, Decline | Report)
        return True

    @override
    def tool(self, name: str) -> str:
        self.requests += 1
        return name

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        if not isinstance(node, Slot):
            return value
        self.requests += 1
        return None if node.opening and self.requests > KEPT_IN_MIND else value


class Confusing(Mind):
    """Someone who takes tools for others."""

    def __init__(self, taken: Mapping[str, str]) -> None:
        self.taken = taken

    @override
    def tool(self, name: str) -> str:
        return self.taken.get(name, name)


class GivingUp(Mind):
    """Someone who makes no call again."""

    @override
    def retries(self, tool: str, times: int) -> int:
        return 0


class Busy(Mind):
    """Someone's mind where some tools are out of order, for runs at tool level, where none is.

    Raises:
        UnsoundError: From ``tool``, where calls are not made again often enough.
    """

    def __init__(self, mind: Mind, faults: Mapping[str, int]) -> None:
        self.mind, self.faults = mind, dict(faults)
        self.times: dict[str, int] = {}

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        return self.mind.value(node, value, source)

    @override
    def does(self, node: Node, goal: str) -> bool:
        return self.mind.does(node, goal)

    @override
    def tool(self, name: str) -> str:
        meant = self.mind.tool(name)
        if self.faults.pop(meant, 0) > self.times.get(name, 0):
            raise UnsoundError(f"{meant} was refused: unavailable")
        return meant

    @override
    def retries(self, tool: str, times: int) -> int:
        self.times[tool] = self.mind.retries(tool, times)
        return self.times[tool]


class Slipping(Mind):
    """Someone who can do everything and slips at some of the steps of a request.

    Args:
        domain: Whose rules are misread.
        percent: The chance of a slip at each step.
        address: Where slips are drawn, each by its node and goal.
    """

    def __init__(self, domain: Domain, percent: int, address: tuple[str | int, ...]) -> None:
        self.domain, self.percent, self.address = domain, percent, address
        self.goal = ""

    def _draws(self, node: Node) -> Draws | None:
        """Return where a slip at ``node`` is drawn, or None if there is none."""
        draws = Draws(*self.address, node.id, self.goal)
        return draws if draws.at("slips").chance(self.percent) else None

    @override
    def does(self, node: Node, goal: str) -> bool:
        self.goal = goal
        return not (node.step and isinstance(node, DEEDS) and self._draws(node))

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        if not (node.step or isinstance(node, Slot)) or (draws := self._draws(node)) is None:
            return value
        return _slip(node, value, source, draws, self.domain)


def _slip(node: Node, value: Any, source: Any, draws: Draws, domain: Domain) -> Any:
    match node:
        case Filter(one=False):
            return source
        case Filter() | Extremum() | Rank():
            others = [item for item in source if item != value]
            return draws.choice(others) if others else value
        case Judge():
            return not value if isinstance(value, bool) else domain.rulebook[node.rule].blind
        case Compare():
            return not value
        case Each():
            return value[:-1]
        case Slot():
            return first_word(node, value, source)
        case _:
            return first_figure(node, one_of_many(node, same_beside_all(node, value, source), source), source)
