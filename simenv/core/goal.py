"""When a task is done: what must differ in the world, what may, and what must have been answered.

The net difference of an episode is written as *atoms*, each one thing that changed:

* ``["set", table, key, column, value]`` a column of a row has a new value
* ``["new", table, row]`` and ``["gone", table, key]`` a row came or went
* ``["came", table, row]`` and ``["went", table, row]`` the same in a list table, whose rows are
  compared without the column that only numbers them

An episode is right if its atoms are the required ones and perhaps allowed ones; every other atom
is collateral damage.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from simenv.core.canonical import canonical
from simenv.core.world import Row, State, Table

Atom = list[Any]


class Goal(BaseModel):
    """What a finished episode must show.

    Attributes:
        required: Atoms that must be there, each as often as it is listed.
        allowed: Atoms that may be there.
        answers: Goal id to the value that the customer must have been told, in the customer's unit
            (cents for money).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    required: list[Atom]
    allowed: list[Atom] = []
    answers: dict[str, str | int] = {}


def atoms(state: State, tables: Mapping[str, Table]) -> list[Atom]:
    """Return what differs between ``state`` and its image, in canonical order."""
    listed: list[Atom] = []
    lists: dict[str, Counter[str]] = {}
    rows: dict[str, Row] = {}
    for (name, key), (old, new) in state.net.items():
        table = tables[name]
        if table.ordinal is None:
            listed.extend(_plain(table, list(key), old, new))
            continue
        at = list(table.columns).index(table.ordinal)
        for row, sign in ((old, -1), (new, 1)):
            if row is not None:
                bare = row[:at] + row[at + 1 :]
                rows[canonical(bare)] = bare
                lists.setdefault(name, Counter())[canonical(bare)] += sign
    for name, counts in lists.items():
        for text, count in counts.items():
            kind = "came" if count > 0 else "went"
            listed.extend([kind, name, list(rows[text])] for _ in range(abs(count)))
    return sorted(listed, key=canonical)


def _plain(table: Table, key: list[Any], old: Row | None, new: Row | None) -> Iterable[Atom]:
    if new is None:
        return [["gone", table.name, key]]
    if old is None:
        return [["new", table.name, list(new)]]
    columns = zip(table.columns, old, new, strict=True)
    return [["set", table.name, key, column, now] for column, was, now in columns if was != now]


def compare(goal: Goal, found: Iterable[Atom]) -> tuple[list[Atom], list[Atom]]:
    """Return (required atoms that are missing, found atoms that are collateral damage)."""
    have = Counter(canonical(atom) for atom in found)
    want = Counter(canonical(atom) for atom in goal.required)
    by_text = {canonical(atom): atom for atom in [*goal.required, *found]}
    missing = [by_text[text] for text in (want - have).elements()]
    spare = Counter(canonical(atom) for atom in goal.allowed)
    extra = [by_text[text] for text in (have - want - spare).elements()]
    return sorted(missing, key=canonical), sorted(extra, key=canonical)
