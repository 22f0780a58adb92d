"""One task in full, as people read it: customer, plan, goal, program and certificate."""

from collections.abc import Iterator, Sequence
from typing import Any

from simenv.agents.ladder import RUNGS
from simenv.cli.tables import table
from simenv.cli.transcript import atom
from simenv.cli.words import say, wrapped
from simenv.core.canonical import canonical, dollars_text
from simenv.core.plan import Plan, goals_of
from simenv.core.program import Each, If, Node, Report
from simenv.core.task import Card, Task
from simenv.synth.certificate import OBLIGATIONS, Certificate

_PLACES = ("", "second ", "third ", "fourth ", "fifth ")
_BRANCHES = {"op", "id", "then", "orelse", "nodes", "step"}


def show(task: Task, proved: Certificate | None) -> None:
    """Say all there is about a task.

    Args:
        task: The task.
        proved: Its certificate, if it has one.
    """
    needs = "needs" if task.policy else "does not need"
    say(f"{task.id}: {task.intent}, in world {'/'.join(map(str, task.world))} of size {task.size}")
    say(f"It {needs} the written policy and has a budget of {task.budget} steps.")
    if proved is not None and proved.twin:
        say(f"It is the near twin of {proved.twin}: the same words, another outcome.")
    say()
    _show_card(task.card)
    if task.plan is not None:
        say("\nIts plan:")
        for line in plan_lines(task.plan):
            say(wrapped("  ", line))
    _show_goal(task)
    say("\nIts program:")
    for line in program_lines(task.program.nodes):
        indent = " " * (len(line) - len(line.lstrip()))
        say(wrapped(f"  {indent}", line.strip()))
    if proved is not None:
        _show_certificate(proved)


def _show_card(card: Card) -> None:
    say(wrapped("Customer: ", card.opening))
    say(f"\nManner of speaking: {card.persona}. Hangs up after {card.patience} messages without progress.")
    for wish in card.wishes:
        say(wrapped("  wants:  ", wish.says))
    for fact in card.facts:
        told = f"{fact.slot.replace('_', ' ')}: {fact.said}" + (" (said at once)" * fact.opening)
        say(wrapped("  knows:  ", told))


def _show_goal(task: Task) -> None:
    say("\nIt is right if all of this has changed, and nothing else:")
    for change in task.goal.required:
        say(wrapped("  ", atom(change)))
    money = {node.goal for node in task.program.walk() if isinstance(node, Report) and node.money}
    for goal, value in task.goal.answers.items():
        say(f"  the customer was told {dollars_text(int(value)) if goal in money else value} ({goal})")
    if not task.goal.required and not task.goal.answers:
        say("  nothing")
    for change in task.goal.allowed:
        say(wrapped("  (may change too) ", atom(change)))


def _show_certificate(proved: Certificate) -> None:
    grown = " + ".join(proved.lineage) or "nothing: one deed, as it is"
    say(f"\nIts certificate (version {proved.version}):")
    say(f"  depth {proved.depth}, breadth {proved.breadth}, difficulty {proved.difficulty / 100:.2f} logits")
    say(wrapped("  it grew by ", grown))
    say(f"  drawn at {'/'.join(map(str, proved.address))}")
    rows = [["", "obligation", "checks", "witness"]]
    for name, proof in sorted(proved.proofs.items(), key=lambda each: int(each[0][1:])):
        rows.append([name, OBLIGATIONS.get(name, name), str(proof.checks or "-"), proof.witness])
    for line in table(rows, left=(0, 1, 3)).split("\n"):
        say(f"  {line}")
    say("  Whoever lacks one of these abilities fails:")
    for rung in proved.ladder:
        say(f"    {rung:<13} {RUNGS[rung].ability if rung in RUNGS else ''}".rstrip())


# Plans


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan in words, line by line."""
    lines = [f"for {plan.customer}"]
    for number, want in enumerate(plan.wants, 1):
        lines += _want(number, want)
    manner = plan.manner.model_dump(mode="json", exclude_defaults=True)
    lines += [f"manner: {name.replace('_', ' ')} {_plain(value)}" for name, value in manner.items()]
    lines += [f"set up: {_changed(change)}" for change in plan.setup]
    return lines


def _want(number: int, want: dict[str, Any]) -> list[str]:
    deeds = [(goal, _deed(deed)) for goal, _, deed in goals_of(number, want)]
    if "when" in want:
        test, then = want["when"], len(want["then"])
        when = f"if {_value(test['left'])} {test['how']} {_value(test['right'])}"
        lead = [f"{when}:"] + ["and:"] * (then - 1) + ["else:"] * (len(deeds) - then)
        return [f"{goal}: {before} {deed}" for before, (goal, deed) in zip(lead, deeds, strict=True)]
    if "first" in want:
        return [f"{deeds[0][0]}: {deeds[0][1]}", f"{deeds[1][0]}: where a rule forbids it: {deeds[1][1]}"]
    return [f"{goal}: {deed}" for goal, deed in deeds]


def _deed(deed: dict[str, Any]) -> str:
    target = f" of {_ref(deed['at'])}" if "at" in deed else ""
    given = ", ".join(f"{name} = {_value(value)}" for name, value in deed["args"].items())
    return f"{deed['do']}{target}" + (f", with {given}" if given else "")


def _ref(ref: dict[str, Any]) -> str:
    match ref["by"]:
        case "number":
            return str(ref["id"])
        case "clauses":
            return f"the one with {_clauses(ref['where'])}"
        case "extreme":
            place = int(ref["place"])
            count = _PLACES[place - 1] if place <= len(_PLACES) else f"{place}th "
            among = f" among those with {_clauses(ref['where'])}" if ref["where"] else ""
            return f"the one with the {count}{_most(ref['pick'])} {ref['field']}{among}"
        case "either":
            one, other = map(_ref, ref["refs"])
            return f"({one}) or ({other}), whichever has the {_most(ref['pick'])} {ref['field']}"
        case "same":
            return f"the one of {ref['goal']}"
        case "new":
            return f"what {ref['goal']} made"
        case "all":
            besides = f", besides {_ref(ref['besides'])}" if ref["besides"] else ""
            return f"every one{' with ' * bool(ref['where'])}{_clauses(ref['where'])}{besides}"
        case "own":
            return "itself"
        case _:
            return "that one"


def _most(pick: str) -> str:
    return "least" if pick == "min" else "greatest"


def _clauses(where: Sequence[Sequence[Any]]) -> str:
    return " and ".join(f"{field} {how} {_value(value)}" for field, how, value in where)


def _value(value: Any) -> str:
    if isinstance(value, dict) and "sum" in value:
        return f"the sum of {value['sum']} of {' and '.join(map(_ref, value['refs']))}"
    if isinstance(value, dict) and "of" in value and "ref" in value:
        times = f"{value['times']} times the " if "times" in value else "the "
        shift = f", moved by {value['shift']:+d} days" if "shift" in value else ""
        return f"{times}{value['of']} of {_ref(value['ref'])}{shift}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else canonical(value)


def _changed(change: Sequence[Any]) -> str:
    table_name, old, new = change
    if old is None or new is None:
        return f"{table_name}: {'a new row' if old is None else 'without'} {_plain(new or old)}"
    parts = [f"{_plain(was)} becomes {_plain(now)}" for was, now in zip(old, new, strict=True) if was != now]
    return f"{table_name} {_plain(old[0])}: {', '.join(parts)}"


# Programs


def program_lines(nodes: Sequence[Node], depth: int = 0) -> Iterator[str]:
    """Yield a program line by line; what depends on a condition stands indented below it."""
    for node in nodes:
        yield f"{'  ' * depth}{node.id} = {' '.join([node.op, *parts_of(node)])}"
        if isinstance(node, If):
            yield from program_lines(node.then, depth + 1)
            if node.orelse:
                yield f"{'  ' * depth}else"
                yield from program_lines(node.orelse, depth + 1)
        elif isinstance(node, Each):
            yield from program_lines(node.nodes, depth + 1)


def parts_of(node: Node) -> list[str]:
    """Return what a node says beside its kind and its id, each as ``name value``."""
    parts = node.model_dump(mode="json", exclude=_BRANCHES, exclude_defaults=True)
    told = [f"{name} {template(value)}" for name, value in parts.items()]
    return [f"{part}," for part in told[:-1]] + told[-1:]


def template(value: Any) -> str:
    """Return a template as people write it: ``$me.reservations`` for a reference."""
    if isinstance(value, dict) and value.keys() == {"$"}:
        return f"${value['$']}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {template(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(template, value)) + "]"
    return canonical(value)
