"""Depth and breadth of a task, found by running its program, never declared.

*Depth* is the length of the longest chain of steps on the branch that is taken of which each, when it is cut,
changes the outcome. *Breadth* is the number of goals, of conditions beyond the first by which an element is
told, and of demands (to ask, to listen to the end, to try again, to keep to the right tool, to stand firm)
that can each be missed by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from simenv.core.derive import Bench, Outcome
from simenv.core.drafting import deeds_of
from simenv.core.interpreter import Mind
from simenv.core.plan import Plan, Ref, refs_in
from simenv.core.program import Each, If, Node, Program
from simenv.core.task import Task

_MOST_CANDIDATES = 6
_DEEDS = ("act", "decline", "report")


@dataclass(frozen=True, slots=True)
class Seen:
    """A node that was run: its value, what it was worked out from, and the steps that it stands on."""

    node: Node
    value: Any
    source: Any


class Recorder(Mind):
    """Sees everything as it is and remembers it.

    Attributes:
        seen: Every node that has a value, in the order run.
        done: Ids of every node that was run.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.done: list[str] = []

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        self.seen.append(Seen(node, value, source))
        return value

    @override
    def does(self, node: Node, goal: str) -> bool:
        self.done.append(node.id)
        return True


class Cut(Mind):
    """Does without one step: takes another candidate, does not work it out, leaves the deed undone.

    Args:
        step: The step.
        blind: Rule to what it seems to say to someone who has not read it.
        number: Which of the other candidates is taken.
    """

    def __init__(self, step: str, blind: Mapping[str, Any], number: int = 0) -> None:
        self.step, self.blind, self.number = step, blind, number
        self.more = False

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        if node.step != self.step:
            return value
        if node.op in ("extremum", "rank") or (node.op == "filter" and not isinstance(value, list)):
            others = [item for item in source if item is not value and item != value]
            self.more = self.more or self.number + 1 < len(others)
            return others[self.number] if self.number < len(others) else None
        return without(node, value, source, self.blind)

    @override
    def does(self, node: Node, goal: str) -> bool:
        return not (node.step == self.step and node.op in _DEEDS)


def without(node: Node, value: Any, source: Any, blind: Mapping[str, Any]) -> Any:
    """Return what someone takes for the value of a node who does without it."""
    match node.op:
        case "filter":
            return source
        case "join":
            return [item | {node.name: value[0][node.name]} for item in value]
        case "aggregate":
            first = source[0] if isinstance(source[0], int) else value + 1
            return first if first != value else value + 1
        case "compare":
            return not value
        case "compute":
            return _unworked(value, source)
        case "rule":
            return blind[node.rule]
        case "each":
            return value[:1]
        case "lookup":
            return ("on time" if value != "on time" else "cancelled") if isinstance(value, str) else {}
        case _:
            return value


def _unworked(value: Any, source: Any) -> Any:
    for part in source:
        if type(part) is type(value) and part != value:
            return part
    return value + 1 if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Measured:
    """What measuring found.

    Attributes:
        depth: See the module.
        breadth: See the module.
        necessary: Steps on the branch that change the outcome when cut, in order.
        idle: Steps on the branch that do not.
        chain: One longest chain of necessary steps.
    """

    depth: int
    breadth: int
    necessary: tuple[str, ...]
    idle: tuple[str, ...]
    chain: tuple[str, ...] = field(default=())


def measure_task(task: Task, bench: Bench, outcome: Outcome | None = None) -> Measured:
    """Return the depth and breadth of a task.

    Args:
        task: The task; without a plan its breadth is the number of its goals.
        bench: Where its program can be run.
        outcome: What it comes to, if that is known.
    """
    recorder = Recorder()
    found = bench.run(task.program, mind=recorder)
    outcome = outcome or found
    done = set(recorder.done)
    steps = steps_run(task.program, done)
    blind = {rule.id: rule.blind for rule in bench.domain.rules}
    needed = [step for step in steps if matters(task.program, bench, outcome, step, blind)]
    chain = longest(task.program, done, needed)
    goals = len({each.goal for each in outcome.requests if each.kind in ("write", "decline", "report")})
    idle = tuple(step for step in steps if step not in needed)
    wide = goals + (extras(task.plan) if task.plan is not None else 0)
    return Measured(len(chain), wide, tuple(needed), idle, tuple(chain))


def matters(program: Program, bench: Bench, outcome: Outcome, step: str, blind: Mapping[str, Any]) -> bool:
    """Whether doing without a step can change the outcome: by one of the other candidates, where it picks."""
    for number in range(_MOST_CANDIDATES):
        cut = Cut(step, blind, number)
        if changes(bench.run(program, mind=cut), outcome):
            return True
        if not cut.more:
            return False
    return False


def changes(other: Outcome, outcome: Outcome) -> bool:
    """Whether another run came to something else."""
    return bool(other.fault) or (other.required, other.answers) != (outcome.required, outcome.answers)


def steps_run(program: Program, done: set[str]) -> list[str]:
    """Return the steps that were run, in order."""
    return list(dict.fromkeys(node.step for node in program.walk() if node.step and node.id in done))


def longest(program: Program, done: set[str], needed: Sequence[str]) -> list[str]:
    """Return a longest chain of needed steps in which each depends on the one before."""
    chains: dict[str, tuple[str, ...]] = {}
    best: tuple[str, ...] = ()
    wanted = frozenset(needed)
    for node, above in _with_ancestors(program.nodes, ""):
        if node.id not in done:
            continue
        before = [chains[name] for name in (*sources_of(node), above) if name in chains]
        # Ties by name: the order in which a node names its sources may differ once it was stored.
        chain = max(before, key=lambda steps: (len(steps), steps), default=())
        if node.step in wanted and node.step not in chain:
            chain = (*chain, node.step)
        chains[node.id] = chain
        best = max(best, chain, key=len)
    return list(best)


def _with_ancestors(nodes: Sequence[Node], above: str) -> Iterator[tuple[Node, str]]:
    """Yield every node with the node that decides whether it is run."""
    for node in nodes:
        yield node, above
        if isinstance(node, If):
            yield from _with_ancestors(node.then, node.id)
            yield from _with_ancestors(node.orelse, node.id)
        elif isinstance(node, Each):
            yield from _with_ancestors(node.nodes, node.id)


def sources_of(node: Node) -> list[str]:
    """Return the ids of the nodes whose values a node uses."""
    found: dict[str, None] = {}
    for name, part in node.__dict__.items():
        if type(part) is not str and name not in ("then", "orelse", "nodes"):
            _collect(part, found)
    return list(found)


def _collect(part: Any, found: dict[str, None]) -> None:
    if isinstance(part, dict):
        if "$" in part:
            found[part["$"].partition(".")[0]] = None
        else:
            for each in part.values():
                _collect(each, found)
    elif isinstance(part, list | tuple):
        for each in part:
            _collect(each, found)


def extras(plan: Plan) -> int:
    """Return how many conditions and demands a plan has beside its goals."""
    manner = plan.manner
    demands = len(manner.asked) + len(manner.first_said) + len(manner.mentioned) + len(manner.faults)
    demands += bool(manner.extras) + (manner.insists > 1)
    return demands + sum(_conditions(ref) for want in plan.wants for ref in refs_in(want))


def _conditions(ref: Ref) -> int:
    match ref["by"]:
        case "clauses":
            return len(ref["where"]) - 1
        case "extreme":
            return len(ref["where"])
        case "all":
            return len(ref["where"]) + (ref["besides"] is not None)
        case _:
            return 0


def aimed_depth(plan: Plan, steps: Mapping[str, tuple[int, int]], denied: Sequence[str]) -> int:
    """Return about how deep a plan is, from its shape alone.

    Args:
        plan: The plan.
        steps: Verb to how many steps it takes where allowed and where not.
        denied: Prefixes of the deeds that a rule forbids.
    """
    deepest = 0
    base: dict[str, int] = {}
    made: dict[str, int] = {}
    for number, want in enumerate(plan.wants, 1):
        start = 0
        if "when" in want:
            start = 1 + _value_depth(want["when"]["left"], 0)
        for goal, prefix, deed in deeds_of(plan.model_copy(update={"wants": [want]})):
            mine = f"g{number}" + prefix[2:]
            at = deed.get("at", {"by": "none"})
            target = (
                base.get("it", 0) if at["by"] == "it" else _ref_depth(at, made if at["by"] == "new" else base)
            )
            base[f"g{number}" + goal[2:]] = base["it"] = target
            args = max((_value_depth(value, target) for value in deed["args"].values()), default=0)
            own = steps[deed["do"]][mine in denied]
            made[f"g{number}" + goal[2:]] = max(start, target, args) + own
            deepest = max(deepest, made[f"g{number}" + goal[2:]])
            if "first" in want:
                start = target + 1
    return deepest


def _value_depth(value: Any, own: int) -> int:
    if not isinstance(value, dict):
        return 0
    if "sum" in value:
        return 1 + max(_ref_depth(each, {}) for each in value["refs"])
    if "ref" not in value:
        return 0
    return 1 + (own if value["ref"]["by"] == "own" else _ref_depth(value["ref"], {}))


def _ref_depth(ref: Ref, base: Mapping[str, int]) -> int:
    inner = max((_value_depth(clause[2], 0) for clause in ref.get("where", ())), default=0)
    match ref["by"]:
        case "clauses":
            return 1 + inner
        case "extreme":
            return 1 + inner + bool(ref["where"])
        case "either":
            return 1 + max(_ref_depth(each, base) for each in ref["refs"])
        case "all":
            return 1 + max(inner, _ref_depth(ref["besides"], base) if ref["besides"] else 0)
        case "same" | "new":
            return base.get(ref["goal"], 0) + int(ref["by"] == "new")
        case _:
            return 0
