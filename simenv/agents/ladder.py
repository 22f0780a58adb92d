"""The ladder: agents that lack one ability each, so that a task says what it takes to solve it.

A rung is the oracle with one ability gone. Whoever lacks an ability that a task needs fails it, so the rungs
that fail are the abilities that the task needs, and the outcome of a rung is what lacking its ability looks
like. Rungs climb at tool level, about a millisecond each, or through the public episode; both come to the
same.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from typing import Any

from typing_extensions import override

from simenv.agents import minds
from simenv.agents.minds import DEEDS, Busy, Confusing, Forgetful, GivingUp, Refiltering, Seeing, Undoing
from simenv.agents.oracle import Manner, oracle, well_informed
from simenv.agents.parts import inner
from simenv.agents.protocol import Agent, StuckError, earns
from simenv.agents.trunk import Trunk, passes
from simenv.core import catalog
from simenv.core.derive import Bench, Outcome, blind
from simenv.core.goal import compare
from simenv.core.interpreter import Judgement, Mind, Request, UnsoundError, goal_of, tool_of
from simenv.core.program import (
    Aggregate,
    Compare,
    Compute,
    Decline,
    Each,
    Extremum,
    Filter,
    Join,
    Judge,
    Lookup,
    Node,
    Rank,
    Slot,
)
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.episodes.episode import Episode

Use = Callable[[Node, str], bool]
"""(node, goal that it serves) to whether running it takes an ability."""


@dataclass(frozen=True, slots=True)
class Rung:
    """The oracle without one ability.

    Attributes:
        name: Stable name.
        ability: What it lacks, in words.
        uses: Task to which of its nodes take the ability.
        mind: Task to a mind without it, fresh for every run.
        judge: (task, judgement of someone who has read the policy) to its own.
        skip: Requests that it leaves out.
    """

    name: str
    ability: str
    uses: Callable[[Task], Use]
    mind: Callable[[Task], Mind] = lambda task: Mind()
    judge: Callable[[Task, Judgement], Judgement] = lambda task, judge: judge
    skip: Callable[[Request], bool] = lambda request: False

    def concerns(self, task: Task, nodes: Sequence[Node] | None = None) -> bool:
        """Whether a task's program has any use for the ability; where it has none, its lack costs nothing.

        Args:
            task: The task.
            nodes: Its program's nodes, if they are at hand.
        """
        uses = self.uses(task)
        return any(uses(node, goal_of(node)) for node in (nodes or task.program.walk()))


def _kinds(*kinds: type) -> Callable[[Task], Use]:
    return lambda task: lambda node, goal: isinstance(node, kinds)


def _where(test: Callable[[Node], bool]) -> Callable[[Task], Use]:
    return lambda task: lambda node, goal: test(node)


def _seeing(see: minds.See) -> Callable[[Task], Mind]:
    return lambda task: Seeing(see)


def _calculates(node: Node) -> bool:
    return isinstance(node, Compute) and node.fn in minds.ARITHMETIC


def _asks(node: Node) -> bool:
    return minds.is_asked(node)


def _has_decoy(node: Node) -> bool:
    return isinstance(node, Slot) and node.decoy is not None


def _fallbacks(task: Task) -> frozenset[str]:
    return frozenset([node.id for node in minds.fallback_nodes(task.program.nodes)])


def _beyond_first(task: Task) -> Use:
    """Return whether a deed is for another goal than the first, and not what is done in its place."""
    first, instead = task.card.wishes[0].goal, _fallbacks(task)
    return lambda node, goal: isinstance(node, DEEDS) and goal != first and node.id not in instead


def _several(task: Task) -> Use:
    beyond = _beyond_first(task)
    return lambda node, goal: isinstance(node, Each) or beyond(node, goal)


def _instead(task: Task) -> Use:
    instead = _fallbacks(task)
    return lambda node, goal: node.id in instead


def _faulty(task: Task) -> Use:
    return lambda node, goal: node.op != "retry" and tool_of(node) in task.faults


def _confused(task: Task) -> dict[str, str]:
    """Return the tools of which the task offers a look-alike."""
    confusable = catalog.domain(task.domain).confusable
    return {name: like for name, like in confusable.items() if like in task.extras}


def _mistakable(task: Task) -> Use:
    taken = _confused(task)
    return lambda node, goal: node.op != "retry" and tool_of(node) in taken


def _remembered(task: Task) -> Use:
    """Return whether a slot may be used so late that it must be kept in mind."""
    late: list[str] = []
    requests = 0
    for node in inner(task.program.nodes):
        if isinstance(node, minds.REQUESTS):
            several = isinstance(node, Lookup) and node.each is not None
            requests += minds.KEPT_IN_MIND + 1 if several else 1
        if isinstance(node, Slot) and node.opening and requests > minds.KEPT_IN_MIND:
            late.append(node.id)
    return lambda node, goal: isinstance(node, Slot) and node.id in late


def _pressed(task: Task) -> Use:
    return lambda node, goal: task.card.insists > 0 and isinstance(node, Decline)


def _ignorant(task: Task, judge: Judgement) -> Judgement:
    del judge
    return blind(catalog.domain(task.domain))


def _soft(task: Task, judge: Judgement) -> Judgement:
    """Say yes wherever the customer insists, whatever the policy says."""
    unread = blind(catalog.domain(task.domain))

    def say(rule: str, facts: Mapping[str, Any]) -> Any:
        found = judge(rule, facts)
        return unread(rule, facts) if isinstance(found, bool) and task.card.insists else found

    return say


_LADDER = (
    Rung(
        "no_exception",
        "leaves out what is set apart",
        _where(minds.sets_apart),
        lambda task: Refiltering(task.program, minds.without_exceptions, of=minds.sets_apart),
    ),
    Rung(
        "no_filter",
        "picks out what meets conditions",
        _kinds(Filter),
        lambda task: Refiltering(task.program, minds.everything),
    ),
    Rung("no_rank", "picks what comes second or later", _kinds(Rank), _seeing(minds.first_place)),
    Rung("no_branch", "does what depends on a condition", _where(minds.is_when), _seeing(minds.always_then)),
    Rung(
        "no_compare",
        "compares two values",
        _where(lambda node: isinstance(node, Compare) or minds.between_two(node)),
        _seeing(minds.no_difference),
    ),
    Rung("no_extremum", "picks the least or greatest of several", _kinds(Extremum), _seeing(minds.first_of)),
    Rung("no_join", "looks up what belongs to each of several", _kinds(Join), _seeing(minds.same_beside_all)),
    Rung("no_aggregate", "counts and adds up lists", _kinds(Aggregate), _seeing(minds.one_of_many)),
    Rung("no_policy", "applies the written rules", _kinds(Judge), judge=_ignorant),
    Rung(
        "no_arithmetic", "calculates with amounts and days", _where(_calculates), _seeing(minds.first_figure)
    ),
    Rung(
        "no_breadth",
        "serves every one of several requests",
        _several,
        lambda task: Undoing(_beyond_first(task), only_first=True),
    ),
    Rung(
        "no_fallback",
        "does the other where the first is forbidden",
        _instead,
        lambda task: Undoing(_instead(task)),
    ),
    Rung("no_retry", "tries again when a tool is busy", _faulty, lambda task: GivingUp()),
    Rung(
        "no_asking",
        "asks for what it was not told",
        _where(_asks),
        _seeing(minds.unasked),
        skip=lambda request: request.kind == "slot" and _asks(request.node),
    ),
    Rung("stubborn", "follows a change of mind", _where(_has_decoy), _seeing(minds.first_word)),
    Rung("short_memory", "keeps in mind what was said long ago", _remembered, lambda task: Forgetful()),
    Rung(
        "look_alike",
        "tells tools apart that look alike",
        _mistakable,
        lambda task: Confusing(_confused(task)),
    ),
    Rung("yielding", "stands by the rules when a customer insists", _pressed, judge=_soft),
)

RUNGS: Mapping[str, Rung] = {rung.name: rung for rung in _LADDER}
"""Every rung by name, the particular before the general; of rungs that fare alike, the earlier is named."""


# At tool level


@contextmanager
def bench_of(task: Task) -> Iterator[Bench]:
    """Open the world of a task to run programs at tool level."""
    world = pool.image(task.domain, tuple(task.world), task.size).open()
    try:
        yield Bench(catalog.domain(task.domain), world, setup=task.setup)
    finally:
        world.close()


def rung_outcome(bench: Bench, task: Task, rung: Rung) -> Outcome:
    """Return what comes of a task for someone who lacks an ability, without any talk."""
    mind = Busy(rung.mind(task), task.faults)
    try:
        return bench.run(task.program, rung.judge(task, bench.judge), mind)
    except (AttributeError, ArithmeticError) as error:
        return Outcome(bench.found(), fault=f"{type(error).__name__}: {error}")


def passes_at_tool_level(task: Task, outcome: Outcome) -> bool:
    """Whether an outcome is what the task asks for."""
    right = compare(task.goal, outcome.required) == ([], [])
    return right and not outcome.fault and outcome.answers == task.goal.answers


def climb_fast(task: Task, bench: Bench) -> dict[str, bool]:
    """Return for every rung whether it solves the task, at tool level."""
    nodes = list(task.program.walk())
    return {
        name: not rung.concerns(task, nodes) or passes_at_tool_level(task, rung_outcome(bench, task, rung))
        for name, rung in RUNGS.items()
    }


# Through the public episode


def rung_agent(name: str) -> Agent:
    """Return the oracle without an ability.

    Raises:
        KeyError: If there is no rung of that name.
    """
    rung = RUNGS[name]
    return oracle(
        Manner(
            mind=lambda episode: rung.mind(episode.task),
            judge=lambda episode: rung.judge(episode.task, well_informed(episode)),
            skip=rung.skip,
        )
    )


def solves(task: Task, agent: Agent, trunk: Trunk | None = None) -> bool:
    """Whether an agent passes a task; one that cannot go on does not.

    Args:
        task: The task.
        agent: The agent.
        trunk: A finished episode of the task; what the agent does like that is not played again.
    """
    try:
        return earns(Episode(task), agent) if trunk is None else passes(trunk, agent)
    except (StuckError, UnsoundError):
        return False


def climb(task: Task, trunk: Trunk | None = None) -> dict[str, bool]:
    """Return for every rung whether it solves the task, through the public episode; see ``solves``."""
    nodes = list(task.program.walk())
    return {
        name: not rung.concerns(task, nodes) or solves(task, rung_agent(name), trunk)
        for name, rung in RUNGS.items()
    }


def slipping(percent: int, *address: str | int) -> Agent:
    """Return an oracle that slips at each step of a request with a chance of ``percent`` in 100.

    Slips are drawn at the address, the task and the node, so the same task goes the same way every time.
    """
    return oracle(
        Manner(mind=lambda episode: minds.Slipping(episode.domain, percent, (*address, episode.task.id)))
    )


# How hard a task is, before anyone has tried it

SLIP = 0.1
"""The chance that is assumed of slipping at one use of an ability; to be refitted where runs are at hand."""


class _Counting(Mind):
    """Someone sane who counts what takes which ability."""

    def __init__(self, task: Task) -> None:
        self.tests = {name: rung.uses(task) for name, rung in RUNGS.items()}
        self.counts: Counter[str] = Counter()

    @override
    def does(self, node: Node, goal: str) -> bool:
        self.counts.update(name for name, uses in self.tests.items() if uses(node, goal))
        return True


def uses(task: Task, bench: Bench) -> dict[str, int]:
    """Return how often each ability is used on the branch that the task takes, by rung."""
    mind = _Counting(task)
    bench.run(task.program, mind=mind)
    return {name: mind.counts[name] for name in RUNGS if mind.counts[name]}


def difficulty(task: Task, bench: Bench | None = None, slips: Mapping[str, float] | None = None) -> float:
    """Return how hard a task is: the negative logarithm of the chance to get through it without a slip.

    That is a linear logistic test model: each use of ability k adds ``-log(1 - slip_k)``, wherever it is.

    Args:
        task: The task.
        bench: Its world, if it is open already.
        slips: Rung to the chance of a slip at each use; ``SLIP`` for those that are not named.
    """
    if bench is None:
        with bench_of(task) as opened:
            return difficulty(task, opened, slips)
    chances = slips or {}
    return sum(-log(1 - chances.get(name, SLIP)) * count for name, count in uses(task, bench).items())
