"""Obligations that are proved by running and replaying the program at tool level: P4 to P9."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from math import factorial
from typing import Any

from typing_extensions import override

from simenv.core.drafting import deeds_of
from simenv.core.interpreter import COMPARE, Mind
from simenv.core.plan import Want, refs_in
from simenv.core.program import Extremum, Filter, Node, Program, Rank, Slot, fill, measure
from simenv.core.selecting import resolve, resolve_all
from simenv.synth.case import Case
from simenv.synth.certificate import Proof, Unproved
from simenv.synth.measure import Seen, changes, sources_of

_MOST_ORDERS = 24
_POINTS = re.compile(r"_at|_among$|_of\d*$|_not$")
"""Ids of nodes that stand for a reference, or for one inside another."""


def unique(case: Case) -> Proof:
    """P4: every reference on the branch points at exactly one element, by a margin."""
    checks, margin = 0, ""
    # As they were when each was looked at: the elements of a for-each have the same nodes.
    values: dict[str, Any] = {}
    for seen in case.seen:
        if isinstance(seen.node, Extremum | Rank):
            checks += 1
            margin = _margin(seen, values)
        elif isinstance(seen.node, Filter) and seen.node.one:
            checks += 1
            margin = _only(seen, values)
        values[seen.node.id] = seen.value
    agreeing = _agreeing(case)
    if not checks + agreeing:
        return Proof(0, "n/a: nothing is pointed at")
    return Proof(checks + agreeing, margin or "the words and the program point at the same")


def _only(seen: Seen, values: dict[str, Any]) -> str:
    node: Any = seen.node
    if not _filled(node, values):
        return ""
    tests = [(by, how, fill(wanted, values)) for by, how, wanted in node.where]
    count = len(_kept(seen.source, tests))
    if count != 1:
        raise Unproved("P4", "not exactly one", f"{node.id}: {count} elements meet it")
    return f"{node.id}: 1 of {len(seen.source)}"


def _filled(node: Filter, values: dict[str, Any]) -> bool:
    """Whether what a filter compares with is known; inside a for-each it may be the element at hand."""
    wanted = [to["$"].partition(".")[0] for _, _, to in node.where if isinstance(to, dict) and "$" in to]
    return all(name in values for name in wanted)


def _margin(seen: Seen, values: dict[str, Any]) -> str:
    node: Any = seen.node
    by = fill(node.by, values)
    measured = [measure(by, item) for item in seen.source]
    own = measure(by, seen.value)
    if measured.count(own) != 1:
        raise Unproved("P4", "a tie", f"{node.id}: {measured.count(own)} elements have {own}")
    return f"{node.id}: {own} of {len(measured)}"


def _agreeing(case: Case) -> int:
    """Compare what references of the plan stand for with what the program selected; return how many."""
    values = case.values
    key, checks = case.words.key, 0
    for goal, prefix, deed in deeds_of(case.plan):
        at = deed.get("at", {"by": "none"})
        if at["by"] in ("none", "new", "it") or f"{prefix}_at" not in values:
            continue
        case.scope.own = ("", {})
        several = at["by"] == "all"
        meant = resolve_all(case.scope, at) if several else [resolve(case.scope, at)]
        found = values[f"{prefix}_at"] if several else [values[f"{prefix}_at"]]
        checks += 1
        ids = [[measure(key, each) for each in each_of] for each_of in (meant, found)]
        if ids[0] != ids[1]:
            raise Unproved("P4", "words and program disagree", f"{goal}: {ids[0]}, {ids[1]}")
    return checks


def confluent(case: Case) -> Proof:
    """P5: wants that do not build on each other may be met in any order."""
    program = case.task.program
    parts, head = wants_of(program, len(case.plan.wants))
    checks = 0
    for order in _orders(len(parts)):
        if not _keeps(order, case.plan.wants):
            continue
        again = Program(nodes=[*head, *(node for number in order for node in parts[number])])
        checks += 1
        if changes(case.bench.run(again, mind=Mind()), case.outcome):
            raise Unproved("P5", "the order matters", str(order))
    if not checks:
        return Proof(0, "n/a: there is one order only")
    return Proof(checks, f"{checks} orders")


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """Yield every other order of a few, and every swap of two among many."""
    same = tuple(range(count))
    if factorial(count) <= _MOST_ORDERS:
        yield from (order for order in permutations(same) if order != same)
        return
    for one, other in combinations(same, 2):
        swapped = {one: other, other: one}
        yield tuple(swapped.get(each, each) for each in same)


def wants_of(program: Program, count: int) -> tuple[list[list[Node]], list[Node]]:
    """Return (the nodes of each want, the nodes before them)."""
    parts: list[list[Node]] = [[] for _ in range(count)]
    head: list[Node] = []
    for node in program.nodes:
        number = _want_number(node.id, count)
        (parts[number] if number is not None else head).append(node)
    return parts, head


def _want_number(name: str, count: int) -> int | None:
    for number in range(count):
        rest = name.removeprefix(f"g{number + 1}")
        if rest != name and not rest[:1].isdecimal():
            return number
    return None


def _keeps(order: Sequence[int], wants: Sequence[Want]) -> bool:
    """Whether every want comes after those that it builds on."""
    for at, number in enumerate(order):
        for ref in refs_in(wants[number]):
            if ref["by"] in ("same", "new"):
                before = int("".join(filter(str.isdecimal, ref["goal"].split("x")[0]))) - 1
                if before not in order[:at]:
                    return False
    return True


def deeds_matter(case: Case) -> Proof:
    """P6: whoever leaves out one deed or answer does not reach the goal."""
    calls = [(each, (each.name, each.arguments)) for each in case.deeds if each.kind != "report"]
    for left_out, _ in calls:
        rest = [call for each, call in calls if each is not left_out]
        if case.reached(case.replay(rest)):
            raise Unproved("P6", "a deed is not needed", left_out.node.id)
    answers = [each for each in case.deeds if each.kind == "report"]
    for each in answers:
        if each.goal not in case.task.goal.answers:
            raise Unproved("P6", "an answer is not needed", each.node.id)
    return Proof(len(case.deeds), f"{len(calls)} calls, {len(answers)} answers")


class SaidOtherwise(Mind):
    """Takes one thing that the customer says for something else."""

    def __init__(self, node: str, value: Any) -> None:
        self.node, self.other = node, value

    @override
    def value(self, node: Node, value: Any, source: Any) -> Any:
        return self.other if node.id == self.node else value


def values_matter(case: Case) -> Proof:
    """P7: every value that the opening or a request says changes the outcome where it is another or is gone.

    What a deed is told that a rule forbids anyway is not on the branch.
    """
    done = case.done
    declined = [each.goal for each in case.deeds if each.kind == "decline"]
    used = frozenset(
        name for node in case.task.program.walk() if node.id in done for name in sources_of(node)
    )
    checks, last = 0, ""
    for node in case.task.program.walk():
        if isinstance(node, Slot) and node.id in done and (node.opening or _asked(case, node)):
            if node.id not in used and node.goal in declined:
                continue
            checks += 1
            last = node.id
            if not any(
                changes(case.bench.run(case.task.program, mind=SaidOtherwise(node.id, other)), case.outcome)
                for other in others_of(node.value)
            ):
                raise Unproved("P7", "a value does not matter", node.id)
    checks += _clauses_matter(case)
    return Proof(checks, last) if checks else Proof(0, "n/a: the customer says nothing but the request")


def _asked(case: Case, node: Slot) -> bool:
    manner = case.plan.manner
    return any(place.replace(".", "_") == node.id for place in (*manner.asked, *manner.late))


def others_of(value: Any) -> Iterator[Any]:
    """Yield other values of the same kind, the nearest first."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value * 100, -value)
    elif isinstance(value, list) and value:
        yield [*value[:-1], f"{value[-1]}x"]
    elif isinstance(value, str):
        yield from (f"{value}x", "")


def _clauses_matter(case: Case) -> int:
    """Count the clauses on the branch of which each cuts a candidate off."""
    values = case.values
    checks = 0
    for seen in case.seen:
        node = seen.node
        if not isinstance(node, Filter) or not _POINTS.search(node.id) or not _filled(node, values):
            continue
        tests = [(by, how, fill(wanted, values)) for by, how, wanted in node.where]
        whole = _kept(seen.source, tests)
        for at in range(len(tests)):
            rest = tests[:at] + tests[at + 1 :]
            checks += 1
            if _kept(seen.source, rest) == whole:
                raise Unproved("P7", "a condition does not matter", f"{node.id}: {tests[at][0]}")
    return checks


def _kept(items: Sequence[Any], tests: Sequence[tuple[str, str, Any]]) -> list[int]:
    return [
        at
        for at, item in enumerate(items)
        if all(COMPARE[how](measure(by, item), wanted) for by, how, wanted in tests)
    ]


def steps_matter(case: Case) -> Proof:
    """P8: whoever does without one step comes to something else; a rule that allows is not a step."""
    rules = {node.step for node in case.task.program.walk() if node.op == "rule"}
    for step in case.measured.idle:
        if step not in rules:
            raise Unproved("P8", "a step does not matter", step)
    if not case.measured.necessary:
        raise Unproved("P8", "no step matters")
    return Proof(len(case.measured.necessary), " > ".join(case.measured.chain))
