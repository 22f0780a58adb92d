"""What is in a certified task set: how many tasks of which kind, and one line for each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import quantiles
from typing import Any

from simenv.agents.ladder import RUNGS, Rung
from simenv.cli.tables import table
from simenv.cli.words import bar, emit, say
from simenv.core.pack import Pack
from simenv.synth.certificate import Certificate
from simenv.synth.recheck import certificate_of

_QUANTILES = ("least", "quarter", "half", "three quarters", "most")
_BAR = 24
_NEARLY_ALL = 0.9
_NOTHING = "-"
_NO_OPERATOR = "(none: one deed, as it is)"


@dataclass(frozen=True, eq=False)
class Entry:
    """A task of a certified set.

    Attributes:
        line: Its line of the file.
        proved: Its certificate.
    """

    line: dict[str, Any]
    proved: Certificate

    @property
    def operators(self) -> list[str]:
        """The operators by which it grew, each once."""
        return list(dict.fromkeys(self.proved.lineage))

    @cached_property
    def tools(self) -> list[str]:
        """The tools that its program may call on any branch, each once, in order."""
        nodes = _nodes(self.line["program"]["nodes"])
        return list(dict.fromkeys(node["tool"] for node in nodes if "tool" in node and node["op"] != "retry"))

    @property
    def difficulty(self) -> float:
        """As the ladder says, in logits."""
        return self.proved.difficulty / 100

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "id": self.line["id"],
            "depth": self.proved.depth,
            "breadth": self.proved.breadth,
            "operators": self.operators,
            "tools": self.tools,
            "difficulty": self.difficulty,
            "policy": bool(self.line.get("policy")),
        } | ({"twin": self.proved.twin} if self.proved.twin else {})


def _nodes(nodes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        for branch in ("then", "orelse", "nodes"):
            yield from _nodes(node.get(branch, ()))


def entries(pack: Pack) -> list[Entry]:
    """Return every task of a certified set.

    Raises:
        DataError: If a certificate is broken or of another version.
    """
    with bar(len(pack), "tasks") as progress:
        found = []
        for at, line in enumerate(pack.lines):
            found.append(Entry(line, certificate_of(pack, at)))
            progress.update(1)
    return found


def overview(pack: Pack) -> dict[str, Any]:
    """Say what is in a set, in tables, and return the same for programs."""
    found = entries(pack)
    cells = Counter((each.proved.depth, each.proved.breadth) for each in found)
    operators = Counter(name for each in found for name in each.operators)
    tools = Counter(name for each in found for name in each.tools)
    needed = Counter(rung for each in found for rung in each.proved.ladder)
    plain = sum(not each.operators for each in found)
    policy = sum(bool(each.line.get("policy")) for each in found)
    twins = sum(bool(each.proved.twin) for each in found)
    spread = spread_of([each.difficulty for each in found])
    worlds = len({str(each.line.get("world")) for each in found})
    say(f"{len(found)} certified tasks of {pack.domain} in {worlds} worlds of {pack.place}.")
    say(f"{_share(policy, found)} need the policy; {_share(twins, found)} are near twins of another.\n")
    say("Depth (steps that depend on each other) and breadth (goals, conditions, demands):\n")
    say(_cross(cells))
    say("\nDifficulty in logits:  " + ", ".join(f"{name} {value:.2f}" for name, value in spread.items()))
    say("\n" + shares("operator", operators + Counter({_NO_OPERATOR: plain}), len(found)))
    say("\n" + shares("tool", tools, len(found)))
    say("\n" + shares("ability that is needed", needed, len(found), RUNGS))
    return {
        "depth_breadth": [[depth, breadth, number] for (depth, breadth), number in sorted(cells.items())],
        "operators": _ordered(operators),
        "tools": _ordered(tools),
        "rungs": _ordered(needed),
        "policy": policy,
        "twins": twins,
        "difficulty": {name.replace(" ", "_"): round(value, 4) for name, value in spread.items()},
    }


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Return least, quartiles and most.

    Example:
        >>> spread_of([1, 2, 3, 4, 5])
        {'least': 1, 'quarter': 2.0, 'half': 3.0, 'three quarters': 4.0, 'most': 5}
    """
    middle = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return dict(zip(_QUANTILES, [min(values), *middle, max(values)], strict=True))


def _share(number: int, found: Sequence[Entry]) -> str:
    return f"{number} ({number / len(found):.0%})"


def _ordered(counted: Counter[str]) -> dict[str, int]:
    """Return counts, the most frequent first, equal ones by name."""
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def _cross(cells: Counter[tuple[int, int]]) -> str:
    depths, breadths = (sorted({cell[axis] for cell in cells}) for axis in (0, 1))
    rows = [["depth \\ breadth", *map(str, breadths), "all"]]
    for depth in depths:
        counts = [cells[depth, breadth] for breadth in breadths]
        rows.append([str(depth), *(str(count or _NOTHING) for count in counts), str(sum(counts))])
    totals = [sum(cells[depth, breadth] for depth in depths) for breadth in breadths]
    rows.append(["all", *map(str, totals), str(cells.total())])
    return table(rows, right_margin=4)


def shares(what: str, counted: Counter[str], of: int, rungs: Mapping[str, Rung] | None = None) -> str:
    """Return a table of how many of all tasks have something, with bars."""
    rows = [[what, "tasks", "share", ""]]
    for name, number in _ordered(counted).items():
        shown = f"{name} ({rungs[name].ability})" if rungs and name in rungs else name
        rows.append([shown, str(number), f"{number / of:.1%}", "#" * round(_BAR * number / of)])
    return table(rows, left=(0, 3))


def listing(pack: Pack) -> None:
    """Print every task of a set: a JSON line for programs, and a table for people."""
    found = entries(pack)
    for each in found:
        emit(each.to_json())
    shared = _common(found)
    rows = [["task", "depth", "breadth", "difficulty", "operators", "tools"]]
    for each in found:
        tools = [name for name in each.tools if name not in shared]
        rows.append(
            [
                str(each.line["id"]),
                str(each.proved.depth),
                str(each.proved.breadth),
                f"{each.difficulty:.2f}",
                "+".join(each.operators) or _NOTHING,
                ", ".join(tools) or _NOTHING,
            ]
        )
    say(table(rows, left=(0, 4, 5)))
    if shared:
        say(f"Nearly every task may also use {', '.join(shared)}.")


def _common(found: Sequence[Entry]) -> list[str]:
    """Return the tools that nine of ten tasks may use, if there are enough tasks to tell apart."""
    counted = Counter(name for each in found for name in each.tools)
    return [name for name, number in counted.items() if len(found) > 1 and number >= _NEARLY_ALL * len(found)]
