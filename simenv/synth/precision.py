"""P9: near misses of a task do not reach its goal."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from simenv.core.goal import Atom
from simenv.core.interpreter import Request
from simenv.core.program import measure
from simenv.synth.case import Case
from simenv.synth.certificate import Proof, Unproved

_MOST_LIKE = 2
"""Other values of the same name that are tried in the place of one."""
Known = Mapping[str, list[str]]


def precise(case: Case) -> Proof:
    """P9: near misses do not reach the goal: other elements, values and numbers, parts, and one more write.

    What comes to the same, such as another card where nothing is to be paid, is no miss. What is refused is
    tried but not counted: it is no more than a deed left out.
    """
    deeds = [each for each in case.deeds if each.kind != "report"]
    calls = [(each.name, each.arguments) for each in deeds]
    known = known_words(case)
    checks = 0
    for at, request in enumerate(deeds):
        before, after = calls[:at], calls[at + 1 :]
        undone = case.replay([*before, *after])
        for mutant in mutants(case, request, known):
            found = case.replay([*before, (request.name, mutant), *after])
            same = found == case.outcome.required
            checks += not same and found != undone
            _refuse(case, found, "a near miss passes", f"{request.node.id}: {mutant}")
    for extra in _extras(case, deeds):
        found = case.replay([*calls, extra])
        checks += found != case.outcome.required
        _refuse(case, found, "an extra write passes", str(extra))
    for goal in {**case.task.goal.answers, **case.outcome.answers}:
        checks += 1
        if case.outcome.answers.get(goal) != case.task.goal.answers.get(goal):
            raise Unproved("P9", "the answer is not the program's", goal)
    if not case.reached(case.replay(calls)):
        raise Unproved("P9", "the goal is not the program's outcome", str(len(case.outcome.required)))
    return Proof(checks + 1, f"{checks} near misses")


def _refuse(case: Case, found: list[Atom], reason: str, witness: str) -> None:
    """Refuse a goal that something else than the right outcome reaches."""
    if found != case.outcome.required and case.reached(found):
        raise Unproved("P9", reason, witness)


def mutants(case: Case, request: Request, known: Known) -> Iterator[dict[str, Any]]:
    """Yield the arguments with one value exchanged for a near one."""
    arguments = request.arguments or {}
    tool = case.domain.toolbox.get(request.name)
    for name, value in arguments.items():
        kind = tool.parameters[name] if tool is not None else None
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        if name == case.words.key:
            others: Iterator[Any] = iter(_other_keys(case, value))
        elif name == case.words.user_slot:
            others = iter([_neighbour(case)])
        elif choices:
            others = iter([other for other in choices if other != value])
        else:
            others = _near(name, value, known)
        for other in others:
            yield arguments | {name: other}


def _near(name: str, value: Any, known: Known) -> Iterator[Any]:
    """Yield values that are nearly the same: one off, another of that name, a list that lacks its last."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1)
    elif isinstance(value, str):
        like = [other for other in known.get(name, ()) if other != value]
        yield from like[:_MOST_LIKE] or ["?"]
    elif isinstance(value, dict):
        for key, part in value.items():
            for other in _near(key, part, known):
                yield value | {key: other}
    elif isinstance(value, list) and value:
        yield value[:-1]
        for other in _near(name.removesuffix("s"), value[0], known):
            yield [other, *value[1:]]


def known_words(case: Case) -> Known:
    """Return every word that was read or that the customer's own tell, by its name: the runners-up first."""
    found: dict[str, dict[str, None]] = {}
    for seen in case.seen:
        if seen.node.op in ("lookup", "search"):
            _note("", seen.value, found)
    _note("", list(case.scope.elements), found)
    return {name: list(values) for name, values in found.items()}


def _note(name: str, part: Any, found: dict[str, dict[str, None]]) -> None:
    if isinstance(part, dict):
        for key, each in part.items():
            _note(key, each, found)
    elif isinstance(part, list):
        for each in part:
            _note(name.removesuffix("s"), each, found)
    elif isinstance(part, str):
        found.setdefault(name, {})[part] = None


def _other_keys(case: Case, own: Any) -> list[Any]:
    """Return the keys of another element of the customer's and of one of somebody else's."""
    key = case.words.key
    mine = [measure(key, each) for each in case.scope.elements if measure(key, each) != own]
    foreign = [measure(key, each) for each in case.stage.elements(_neighbour(case))]
    return mine[:1] + foreign[:1]


def _neighbour(case: Case) -> str:
    """Return another customer."""
    others = case.stage.customers
    return others[others.index(case.plan.customer) - 1]


def _extras(case: Case, deeds: list[Request]) -> Iterator[tuple[str, Any]]:
    """Yield writes that nobody asked for: the deed once more, and the same deed for something else."""
    for request in deeds:
        arguments = request.arguments or {}
        yield request.name, arguments
        if case.words.key in arguments:
            for other in _other_keys(case, arguments[case.words.key]):
                yield request.name, arguments | {case.words.key: other}
