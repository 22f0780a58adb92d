"""Proving a task: all fifteen obligations and the ladder, in an order that turns bad tasks away early."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simenv.core.assembly import Assembly, opening_of, said_of
from simenv.core.canonical import canonical
from simenv.core.domain import Domain
from simenv.core.growth import Operator
from simenv.core.task import Card, Task
from simenv.core.vocabulary import Stage, Vocabulary
from simenv.synth import hidden, plays, precision, proofs, shortcuts
from simenv.synth.case import Case
from simenv.synth.certificate import ALWAYS, OBLIGATIONS, Certificate, Proof, Unproved
from simenv.synth.grow import SPLITS, allowed, belongs
from simenv.synth.lockline import Line
from simenv.synth.wordlock import unworded


def as_planned(case: Case) -> Proof:
    """P14: made again from its plan it is the same task, and its words are read back as the plan."""
    original = case.assembly.made(case.task.size, "")
    again = unworded(original, case, case.phrases) if case.phrases else original
    for name in ("program", "goal", "card", "policy", "budget", "setup", "faults", "extras", "intent"):
        if getattr(again, name) != getattr(case.task, name):
            raise Unproved("P14", f"its {name} is not what the plan says", case.task.id)
    return Proof(1 + len(case.phrases) + _read_back(case, original.card), again.id)


def _read_back(case: Case, card: Card) -> int:
    """Read every text of the customer, as the grammar wrote it, compare it with the plan, return how many."""
    grammar, context, plan = case.words.grammar(), case.stage.context(case.plan.customer), case.plan
    texts = [("OPENING", card.opening, opening_of(case.words, plan))]
    spoken = list(dict.fromkeys(wish.says for wish in card.wishes))
    for number, text in enumerate(spoken, 1):
        texts.append(("SAY", text, said_of(case.words, plan, number)))
    for held in case.assembly.sketch.held:
        said = next((fact.said for fact in card.facts if fact.said and _is(fact, held)), "")
        if said:
            texts.append(_spoken(case, held, said))
    for symbol, text, meant in texts:
        found = grammar.read(symbol, text, context)
        if [canonical(each) for each in found] != [canonical(meant)]:
            raise Unproved("P14", f"{len(found)} readings of its words", f"{symbol}: {text[:160]}")
    return len(texts)


def _spoken(case: Case, held: Any, said: str) -> tuple[str, str, Any]:
    """Return (symbol, text, meaning) of a value that the customer holds."""
    if held.fact == "user":
        return "USER", f"{said}.", held.value
    symbol = "MIND" if held.place in case.plan.manner.first_said else "FACT"
    return symbol, said, {"fact": held.fact, "value": held.value}


def _is(fact: Any, held: Any) -> bool:
    same = fact.slot == held.slot and fact.kind == held.kind
    return same and (fact.value == held.value or not isinstance(held.value, str | int))


def new(case: Case, split: str, lineage: Sequence[str], seen: Callable[[Task], bool]) -> Proof:
    """P15: its shape, its world and its operators are its split's, and the program is not in the pack yet."""
    if not belongs(case.plan, split):
        raise Unproved("P15", "its shape belongs to another split", split)
    if not allowed(lineage, split):
        raise Unproved("P15", "a pair of its operators is kept for the test split", "+".join(lineage))
    world = case.task.world
    if split in SPLITS and (len(world) < 2 or world[1] != split):
        raise Unproved("P15", "its world belongs to another split", str(world))
    if seen(case.task):
        raise Unproved("P15", "its program is in the pack already", case.task.program.digest()[:16])
    return Proof(4, case.task.program.digest()[:16])


_TOOL_LEVEL: dict[str, Callable[[Case], Proof]] = {
    "P4": proofs.unique,
    "P6": proofs.deeds_matter,
    "P8": proofs.steps_matter,
    "P7": proofs.values_matter,
    "P5": proofs.confluent,
    "P9": precision.precise,
    "P11": shortcuts.no_shortcut,
}
_PLAYED: dict[str, Callable[[Case], Proof]] = {
    "P1": plays.solvable,
    "P10": shortcuts.no_leak,
    "P12": hidden.asked_for,
    "P13": plays.policy_kept,
    "P14": as_planned,
    "P2": plays.nothing_for_nothing,
    "P3": plays.nothing_for_cheats,
}


def refuse_empty(found: Mapping[str, Proof]) -> None:
    """Refuse proofs for which nothing was checked, unless they say why there was nothing to check.

    Raises:
        Unproved: If there is such a proof.
    """
    for name, proof in found.items():
        excused = name not in ALWAYS and proof.witness.startswith("n/a: ")
        if not proof.applies and not excused:
            raise Unproved(name, "nothing was checked", proof.witness)


def certify(
    domain: Domain,
    words: Vocabulary,
    stage: Stage,
    task: Task,
    assembly: Assembly,
    *,
    split: str,
    lineage: Sequence[str],
    aim: dict[str, Any],
    operators: dict[str, Operator],
    seen: Callable[[Task], bool] = lambda task: False,
    twin: str = "",
    phrases: tuple[Line, ...] = (),
) -> Certificate:
    """Prove a task and return its certificate.

    Args:
        domain: The task's domain.
        words: Its vocabulary.
        stage: Its world.
        task: The task.
        assembly: Its plan, put together anew.
        split: The split that it is for.
        lineage: Operators by which it grew.
        aim: What growth was told.
        operators: Every operator, by name.
        seen: Whether the pack has a task already.
        twin: Id of the task whose twin it is, or "".
        phrases: Lock lines of the requests that it says in other words.

    Raises:
        Unproved: At the first obligation that it does not meet.
    """
    case = Case(domain, words, stage, task, assembly, phrases)
    found = {"P15": new(case, split, lineage, seen)}
    if not case.outcome.required and not case.outcome.answers:
        raise Unproved("P2", "nothing is to be done")
    found |= dict(plays.each(_TOOL_LEVEL, case))
    found |= dict(plays.each(_PLAYED, case))
    refuse_empty(found)
    failing, difficulty = plays.ladder(case, lineage, operators)
    if not failing:
        raise Unproved("ladder", "no rung fails")
    return Certificate(
        proofs={name: found[name] for name in OBLIGATIONS},
        depth=case.measured.depth,
        breadth=case.measured.breadth,
        ladder=failing,
        difficulty=difficulty,
        lineage=tuple(lineage),
        aim=aim,
        address=assembly.address,
        twin=twin,
        phrases=phrases,
    )
