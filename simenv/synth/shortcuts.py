"""P10 and P11: what an agent must find stands nowhere before it, and there is no shorter way to it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from simenv.agents.parts import references
from simenv.core.canonical import dollars_text
from simenv.core.errors import UsageError
from simenv.core.program import Each, Lookup, Node, Search, Slot, measure
from simenv.synth.case import Case
from simenv.synth.certificate import Proof, Unproved
from simenv.synth.measure import sources_of

_MOST_CALLS = 400
_SHORTEST_SECRET = 5
_MONEY = re.compile(r"\$ ?(\d[\d,]*(?:\.\d\d)?)")
_ID_ENDS = ("_id", "_number")
"""What the paths of ids end in; names and days may be known to the customer without having been looked up."""


def no_leak(case: Case) -> Proof:
    """P10: what has to be found stands neither in the policy nor in the manual nor in what is said."""
    said = _visible(case)
    secrets, amounts = secrets_of(case)
    if not secrets and not amounts:
        return Proof(0, "n/a: nothing has to be found that is written out")
    for place, text in said:
        found = leaked(text, secrets, amounts)
        if found:
            raise Unproved("P10", f"it leaks in the {place}", found)
    count = len(secrets) + len(amounts)
    return Proof(count * len(said), f"{count} secrets, {len(said)} texts")


def secrets_of(case: Case) -> tuple[list[str], list[int]]:
    """Return (texts, amounts in cents) that have to be found and may stand in nothing that is said."""
    return list(dict.fromkeys(_secrets(case))), _amounts(case)


def leaked(text: str, secrets: Sequence[str], amounts: Sequence[int]) -> str:
    """Return the first secret that a text says, or ""."""
    shown = {_cents(found) for found in _MONEY.findall(text)} if amounts else set()
    told = [secret for secret in secrets if secret in text]
    told += [dollars_text(amount) for amount in amounts if amount in shown]
    return told[0] if told else ""


def _visible(case: Case) -> list[tuple[str, str]]:
    card = case.task.card
    manual = "\n".join(f"{tool.name} {tool.schema}" for tool in case.domain.tools)
    words = [card.opening, *(wish.says for wish in card.wishes), *(fact.said for fact in card.facts)]
    return [("policy", case.played.policy), ("manual", manual), ("customer's words", "\n".join(words))]


def _secrets(case: Case) -> Iterator[str]:
    """Yield the ids of what is told otherwise than by its id, and the answers that are no amounts."""
    numbers = [each.value for each in case.seen if isinstance(each.node, Slot)]
    for seen in case.seen:
        if seen.node.id.endswith("_at") and isinstance(seen.value, dict):
            key = str(measure(case.words.key, seen.value))
            if key not in numbers:
                yield key
    selected = {each.node.id for each in case.seen if each.node.op in ("filter", "extremum", "rank")}
    for name, path, value in _taken(case):
        if name in selected and path.endswith(_ID_ENDS):
            yield value
    money = _money(case)
    told = [str(answer) for goal, answer in case.task.goal.answers.items() if goal not in money]
    yield from (answer for answer in told if len(answer) >= _SHORTEST_SECRET)


def _money(case: Case) -> set[str]:
    """Return the goals that are answered with an amount."""
    return {node.goal for node in case.task.program.walk() if node.op == "report" and node.money}


def _amounts(case: Case) -> list[int]:
    """Return the answers that are amounts, in cents: however they are written, they may stand nowhere."""
    money = _money(case)
    return [int(value) for goal, value in case.task.goal.answers.items() if goal in money]


def _cents(text: str) -> int:
    whole, _, part = text.replace(",", "").partition(".")
    return 100 * int(whole) + int(part or 0)


def no_shortcut(case: Case) -> Proof:
    """P11: the ids that deeds name are not settled by fewer reads, one after another, than the program takes.

    Breadth first over the program's own reads, from what the customer says. A value is settled by the first
    read after which it is the only one of its name.
    """
    deep = _levels_of_nodes(case)
    wanted = [(value, level) for value, level in _found_by_program(case, deep) if level]
    if not wanted:
        return Proof(0, "n/a: the customer says every id that the deeds name")
    reach = _levels(case, max(level for _, level in wanted))
    for value, level in wanted:
        for number, known in enumerate(reach, 1):
            if number < level and any(values == {value} for values in known.values()):
                raise Unproved("P11", "a shortcut", f"{value} is settled after {number} of {level} reads")
    return Proof(len(wanted), f"{max(level for _, level in wanted)} reads deep")


def _levels_of_nodes(case: Case) -> dict[str, int]:
    """Return how many reads, one after another, stand behind the value of each node that was run."""
    levels: dict[str, int] = {}
    done = case.done
    for node in case.task.program.walk():
        if node.id not in done:
            continue
        below = max((levels.get(name, 0) for name in sources_of(node)), default=0)
        if isinstance(node, Each):
            levels["item"] = below
        levels[node.id] = below + isinstance(node, Lookup | Search)
    return levels


def _found_by_program(case: Case, levels: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Yield (id, reads behind it) of what deeds name and the program takes from a read as it is."""
    for name, path, value in _taken(case):
        if path.endswith(_ID_ENDS):
            yield value, levels.get(name, 0)


def _taken(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield (node, path, value) of every word that a deed names and the customer does not say."""
    values = case.values
    said = {str(each.value) for each in case.seen if isinstance(each.node, Slot)}
    for request in case.deeds:
        for reference in references(getattr(request.node, "args", {})):
            name, _, path = reference.partition(".")
            if name not in values or not path:
                continue
            value = _follow(values[name], path)
            if isinstance(value, str) and len(value) >= _SHORTEST_SECRET and value not in said:
                yield name, path, value


def _follow(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _levels(case: Case, most: int) -> list[dict[str, set[str]]]:
    """Return, after one read, two, and so on, every value known by its name."""
    case.bench.fresh()
    tools = _reading(case)
    # What is said goes with every record that is read.
    said = {node.name: each.value for each in case.seen if isinstance(node := each.node, Slot)}
    records: list[dict[str, Any]] = [said]
    records += [{node.name: each.value} for each in case.seen if isinstance(node := each.node, Slot)]
    known: dict[str, set[str]] = {}
    called: set[str] = set()
    reach = []
    for _ in range(most):
        fresh: list[Any] = []
        for name, params in tools:
            for arguments in _calls(records, params):
                place = f"{name} {sorted(arguments.items())}"
                if place not in called and len(called) < _MOST_CALLS:
                    called.add(place)
                    fresh += _try(case, name, arguments)
        for result in fresh:
            records += [said | record for record in _records(result, known)]
        reach.append({key: set(values) for key, values in known.items()})
    return reach


def _reading(case: Case) -> list[tuple[str, tuple[str, ...]]]:
    """Return the program's reads and searches with the names of what they are asked for."""
    done = case.done
    asks = [node for node in case.task.program.walk() if isinstance(node, Lookup | Search)]
    names = [node.tool for node in asks if node.id in done]
    return [(name, tuple(case.domain.toolbox[name].parameters)) for name in dict.fromkeys(names)]


def _calls(records: Sequence[dict[str, Any]], params: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for record in records:
        if all(isinstance(record.get(name), str) for name in params):
            yield {name: record[name] for name in params}


def _try(case: Case, name: str, arguments: dict[str, Any]) -> list[Any]:
    try:
        return [case.bench.call(name, arguments)]
    except UsageError:
        return []


def _records(part: Any, known: dict[str, set[str]], key: str = "") -> list[dict[str, Any]]:
    """Note every value of a result under its name and return its records, one for each id of a list."""
    if isinstance(part, dict):
        own = {name: value for name, value in part.items() if not isinstance(value, dict | list)}
        found = [own]
        for name, value in part.items():
            found += _records(value, known, name)
        return found
    if isinstance(part, list):
        return [record for each in part for record in _records(each, known, key.removesuffix("s"))]
    known.setdefault(key, set()).add(str(part))
    return [{key: part, f"{key}_id": part}]


__all__ = ["Node", "no_leak", "no_shortcut"]
