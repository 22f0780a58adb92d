"""P12: what has to be asked for decides the outcome, and asking brings it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from simenv.core.drafting import deeds_of
from simenv.core.draws import Draws
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import refs_in
from simenv.core.program import Ask
from simenv.core.selecting import value_in
from simenv.synth.case import Case
from simenv.synth.certificate import Proof, Unproved
from simenv.synth.measure import changes
from simenv.synth.proofs import SaidOtherwise

_MOST_OTHERS = 6


def asked_for(case: Case) -> Proof:
    """P12: what has to be asked for decides the outcome, and asking brings it.

    It decides where the customer might have said something else that makes as much sense and comes to
    something else, so that nobody can tell without asking. What requests leave unsaid as a rule, such as a
    card, has to be asked for only where it decides.
    """
    manner, done = case.plan.manner, case.done
    demanded = {place.replace(".", "_"): place for place in (*manner.asked, *manner.late)}
    nodes = {node.id: node for node in case.task.program.walk() if isinstance(node, Ask) and node.id in done}
    for name, place in demanded.items():
        if name not in nodes:
            raise Unproved("P12", "what is hidden is never needed", place)
    heard = "\n".join(message["content"] for message in case.played.messages if message["role"] == "user")
    checks, last = 0, ""
    for name, node in nodes.items():
        if not _decides(case, node):
            if name in demanded:
                raise Unproved("P12", "what is hidden decides nothing", demanded[name])
            continue
        if node.said.lower() not in heard.lower():
            raise Unproved("P12", "asking does not bring it", name)
        checks, last = checks + 1, name
    return Proof(checks, last) if checks else Proof(0, "n/a: nothing has to be asked for")


def _decides(case: Case, node: Ask) -> bool:
    """Whether something else, said in its place, comes to another outcome.

    It must be a sound one, but where it is a condition: that each cuts somebody off is part of P7.
    """
    condition = "_at_" in node.id or "_of_" in node.id
    for other in islice(_others(case, node), _MOST_OTHERS):
        found = case.bench.run(case.task.program, mind=SaidOtherwise(node.id, other))
        if (condition or not found.fault) and changes(found, case.outcome):
            return True
    return False


def _others(case: Case, node: Ask) -> Iterator[Any]:
    """Yield what the customer might have said instead: of other elements, or with the same verb."""
    if node.id == "uid":
        yield from (each for each in case.stage.customers if each != node.value)
    seen = [node.value]
    for other in (*_of_elements(case, node.id), *_of_verb(case, node.id)):
        if other not in seen:
            seen.append(other)
            yield other


def _of_elements(case: Case, name: str) -> Iterator[Any]:
    """Yield the values that a hidden clause would have for the customer's other elements."""
    fields = {
        clause[0] for want in case.plan.wants for ref in refs_in(want) for clause in ref.get("where", ())
    }
    for field in sorted(fields):
        if f"_at_{field}" in name or f"_of_{field}" in name:
            found = case.words.find_field(field)
            for each in case.scope.elements:
                value = value_in(found, each)
                yield from value if found.how == "has" else [value]


def _of_verb(case: Case, name: str) -> Iterator[Any]:
    """Yield other values of an argument that its verb makes sense with."""
    for _, prefix, deed in deeds_of(case.plan):
        arg = name.removeprefix(f"{prefix}_")
        if arg == name or arg not in deed["args"]:
            continue
        try:
            element = case.scope.target(deed)
        except UnsoundError:
            element = None
        draws = Draws(*case.assembly.address, "others", name)
        verb = case.words.find_verb(deed["do"])
        if verb.over == "one" and element is None:
            element = next(iter(case.scope.elements), None)
        for args in verb.propose(case.stage, case.plan.customer, element, draws):
            if arg in args:
                yield args[arg]
