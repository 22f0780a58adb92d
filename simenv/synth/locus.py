"""Where a failed run went wrong: the first node of the program that it shows no sign of.

The program is run by someone sane at tool level, and every request held against the calls and answers of the
run. A node is *confirmed* if something that comes of its value is among them. The locus is the first
unconfirmed node that the first missing request comes of, those first that take the missing ability.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from typing_extensions import override

from simenv.agents.parts import inner, references
from simenv.core.canonical import canonical, digest
from simenv.core.derive import Bench
from simenv.core.interpreter import Mind, Request, interpret
from simenv.core.program import Act, Decline, Each, If, Lookup, Node, Slot
from simenv.core.task import Task
from simenv.core.trajectory import Trajectory
from simenv.episodes.actions import Call, parse, show_arguments


@dataclass(slots=True)
class Visit:
    """One node as it was run.

    Attributes:
        node: The node.
        goal: The goal that it served.
        takes: The earlier visits that it comes of: of the nodes it refers to, and of the branch it is in.
        requests: What it asked for.
        held: For an ``if``, whether its test held.
    """

    node: Node
    goal: str
    takes: list[int]
    requests: list[Request] = field(default_factory=list)
    held: bool = False


class _Witness(Mind):
    """Someone sane who keeps a record."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.last: dict[str, int] = {}
        self.within: dict[int, int] = {}

    @override
    def does(self, node: Node, goal: str) -> bool:
        at = len(self.visits)
        takes = [self.last[name] for name in _roots(node) if name in self.last]
        if id(node) in self.within:
            takes.append(self.within[id(node)])
        self.visits.append(Visit(node, goal, takes))
        self.last[node.id] = at
        if isinstance(node, Each):
            self.last["item"] = at
            self.within |= dict.fromkeys(map(id, node.nodes), at)
        return True

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        if isinstance(node, If):
            at = len(self.visits) - 1
            self.visits[at].held = value
            self.within |= dict.fromkeys(map(id, node.then if value else node.orelse), at)
        return value


def _roots(node: Node) -> list[str]:
    """Return the nodes that a node refers to, without those that only what is inside it refers to."""
    own: Any = node.model_dump()
    if isinstance(node, If):
        own = node.test
    elif isinstance(node, Each):
        own = node.of
    return list(dict.fromkeys(path.partition(".")[0] for path in references(own)))


def visits_of(task: Task, bench: Bench) -> list[Visit]:
    """Return every node that someone sane runs, in order."""
    bench.fresh()
    witness = _Witness()
    steps = interpret(task.program, bench.judge, witness)
    result: Any = None
    while True:
        try:
            request = steps.send(result)
        except StopIteration:
            return witness.visits
        result = None
        if request.kind not in ("slot", "report"):
            result = bench.call(request.name, request.arguments)
        witness.visits[-1].requests.append(request)


class Evidence:
    """What a run shows of itself: its calls, its answers, what it asked for."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.calls: list[Call] = [call for step in trajectory.steps for call in parse(step.action).calls]
        self.keys = frozenset([record.key for record in trajectory.calls if not record.error])
        events = trajectory.events
        told = [event for event in events if event["type"] == "answered"]
        self.answers = frozenset([canonical([e["goal"], value]) for e in told for value in e["values"]])
        self.asked = frozenset([event["slot"] for event in events if event["type"] == "asked"])

    def made(self, request: Request) -> bool:
        """Whether the run made a request with success, slots aside."""
        if request.kind == "slot":
            return True
        arguments = request.arguments or {}
        if request.kind == "report":
            return canonical([request.goal, arguments["value"]]) in self.answers
        return call_key(request.name, arguments) in self.keys

    def shows(self, name: str, value: Any, but: frozenset[str]) -> bool:
        """Whether an argument of that name had that value in any call but those."""
        shown = show_arguments(value)
        return any(
            isinstance(call.arguments, dict)
            and name in call.arguments
            and show_arguments(call.arguments[name]) == shown
            and call_key(call.name, call.arguments) not in but
            for call in self.calls
        )

    @cached_property
    def deeds(self) -> frozenset[tuple[str, str]]:
        """What kinds of deeds the run tried, whatever about."""
        named = [("act", call.name) for call in self.calls]
        rules = [call.arguments.get("rule_id") for call in self.calls if isinstance(call.arguments, dict)]
        return frozenset([*named, *(("decline", str(rule)) for rule in rules)])


def kind_of_deed(node: Node) -> tuple[str, str] | None:
    """Return what a deed looks like, whatever it is about."""
    if isinstance(node, Decline):
        return ("decline", node.rule)
    return ("act", node.tool) if isinstance(node, Act) else None


def call_key(name: str, arguments: Any) -> str:
    """Return the key under which an episode records a call."""
    return digest(f"{name} {show_arguments(arguments)}")


def locus(visits: Sequence[Visit], evidence: Evidence, uses: Callable[[Node, str], bool]) -> Node | None:
    """Return the first node of which a run shows no sign, or None if it made every request.

    Args:
        visits: The run of someone sane.
        evidence: What the run shows.
        uses: Whether a node takes the ability that is taken to be missing.
    """
    missing = [
        at for at, visit in enumerate(visits) if not all(evidence.made(each) for each in visit.requests)
    ]
    if not missing:
        return None
    first = missing[0]
    gate = _wrong_gate(visits, first, evidence)
    if gate is not None:
        return gate
    confirmed = _confirmed(visits, evidence)
    sources = sorted(_ancestors(visits, [first]))
    unconfirmed = [at for at in sources if at == first or at not in confirmed]
    suspects = [at for at in sources if _suspect(visits, at, first, evidence, confirmed)]
    # If nothing is suspect that takes the ability, what went wrong shows no sign either way.
    for group in (suspects, unconfirmed, sources, missing):
        able = [visits[at].node for at in group if _uses(visits[at], uses)]
        if able:
            return next((node for node in able if node.step), able[0])
    return visits[suspects[0]].node


def _uses(visit: Visit, uses: Callable[[Node, str], bool]) -> bool:
    return uses(visit.node, visit.goal)


def _suspect(
    visits: Sequence[Visit], at: int, first: int, evidence: Evidence, confirmed: Collection[int]
) -> bool:
    node = visits[at].node
    if at == first or isinstance(node, Each):
        return True
    if at in confirmed:
        return False
    if isinstance(node, Slot):
        unasked = not node.opening and node.name not in evidence.asked
        return unasked or at in visits[first].takes
    return bool(node.step)


def _ancestors(visits: Sequence[Visit], of: Sequence[int]) -> set[int]:
    """Return the visits that some are made from, these among them."""
    found: set[int] = set()
    waiting = list(of)
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(visits[at].takes)
    return found


def _confirmed(visits: Sequence[Visit], evidence: Evidence) -> set[int]:
    """Return the visits of whose value something that the run did is made."""
    sweeps = frozenset(_sweeps(visits))
    shown: list[int] = []
    for at, visit in enumerate(visits):
        asked = [each for each in visit.requests if each.kind != "slot"]
        if asked and all(evidence.made(each) for each in asked):
            shown.append(at)
            continue
        for request in asked:
            shown += [
                source
                for name, template in getattr(visit.node, "args", {}).items()
                if evidence.shows(name, (request.arguments or {}).get(name), sweeps)
                for source in _sources(visits, at, template)
            ]
    return _ancestors(visits, shown)


def _sources(visits: Sequence[Visit], at: int, template: Any) -> list[int]:
    names = [path.partition(".")[0] for path in references(template)]
    return [each for each in visits[at].takes if visits[each].node.id in names]


def _sweeps(visits: Sequence[Visit]) -> Iterator[str]:
    """Yield the calls that look at every element, which say nothing about any of them."""
    for visit in visits:
        if (
            isinstance(visit.node, Lookup)
            and visit.node.each is not None
            and not visit.node.id.startswith("g")
        ):
            yield from (call_key(each.name, each.arguments) for each in visit.requests)


def _wrong_gate(visits: Sequence[Visit], first: int, evidence: Evidence) -> Node | None:
    """Return what decided a branch in which the run missed a request while it did as in the other."""
    for visit in visits[:first]:
        node = visit.node
        if not isinstance(node, If):
            continue
        taken, other = (node.then, node.orelse) if visit.held else (node.orelse, node.then)
        inside = any(each is visits[first].node for each in inner(taken))
        if inside and _deeds(other) & evidence.deeds - _deeds(taken):
            tests = [visits[at].node for at in visit.takes]
            return tests[0] if tests else node
    return None


def _deeds(nodes: Sequence[Node]) -> frozenset[tuple[str, str]]:
    return frozenset([kind for node in inner(nodes) if (kind := kind_of_deed(node))])
