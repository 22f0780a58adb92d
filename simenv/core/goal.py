"""When a task is done: what must differ in the world, what may, and what must have been answered.

What an episode has changed since it was set up is written as *atoms*, each one thing that changed:

* ``["set", table, key, column, value]`` a column of a row has a new value
* ``["new", table, row]`` and ``["gone", table, key]`` a row came or went
* ``["came", table, row]`` and ``["went", table, row]`` the same in a list table, whose rows are
  compared without the column that only numbers them

An episode is right if its atoms are the required ones and perhaps allowed ones; every other atom
is collateral damage.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

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

    @cached_property
    def wanted(self) -> Counter[Hashable]:
        """The required atoms as countable values."""
        return Counter(map(_hashable, self.required))

    @cached_property
    def ordered(self) -> list[Atom]:
        """The required atoms in canonical order."""
        return in_order(self.required)

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; pydantic would copy the cached count too, which is not that of a changed goal."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("wanted", None)
        copied.__dict__.pop("ordered", None)
        return copied


def atoms(state: State, tables: Mapping[str, Table], base: State | None = None) -> list[Atom]:
    """Return what differs between ``state`` and its start, in no particular order.

    Args:
        state: A state of an image.
        tables: The image's tables by name.
        base: The state in which the episode started; None if that was the image itself.
    """
    listed: list[Atom] = []
    lists: dict[tuple[str, Row], int] = {}
    for (name, key), (old, new) in (state.since(base) if base else state.net).items():
        table = tables[name]
        if table.ordinal is None:
            listed.extend(_plain(table, list(key), old, new))
            continue
        at = table.place[table.ordinal]
        for row, sign in ((old, -1), (new, 1)):
            if row is not None:
                place = (name, row[:at] + row[at + 1 :])
                lists[place] = lists.get(place, 0) + sign
    for (name, bare), count in lists.items():
        kind = "came" if count > 0 else "went"
        listed.extend([kind, name, list(bare)] for _ in range(abs(count)))
    return listed


def _plain(table: Table, key: list[Any], old: Row | None, new: Row | None) -> Iterable[Atom]:
    if new is None:
        return [["gone", table.name, key]]
    if old is None:
        return [["new", table.name, list(new)]]
    columns = zip(table.columns, old, new, strict=True)
    return [["set", table.name, key, column, now] for column, was, now in columns if was != now]


def in_order(listed: Iterable[Atom]) -> list[Atom]:
    """Return atoms in canonical order."""
    return sorted(listed, key=canonical)


def compare(goal: Goal, found: Sequence[Atom]) -> tuple[list[Atom], list[Atom]]:
    """Return (required atoms that are missing, found atoms that are collateral damage)."""
    if not found:
        return list(goal.ordered), []
    have = Counter(map(_hashable, found))
    # Counts are positive, so this compares them as the slower comparison of counters would.
    if dict(have) == dict(goal.wanted):
        return [], []
    by_value = {_hashable(atom): atom for atom in [*goal.required, *found]}
    missing = [by_value[value] for value in (goal.wanted - have).elements()]
    spare = Counter(map(_hashable, goal.allowed))
    extra = [by_value[value] for value in (have - goal.wanted - spare).elements()]
    return in_order(missing), in_order(extra)


def reaches(goal: Goal, found: Sequence[Atom]) -> bool:
    """Whether nothing is missing in what was found, and nothing is collateral damage."""
    have = Counter(map(_hashable, found))
    if dict(have) == dict(goal.wanted):
        return True
    return not (goal.wanted - have) and not (have - goal.wanted - Counter(map(_hashable, goal.allowed)))


def _hashable(atom: Atom) -> Hashable:
    return tuple([tuple(part) if isinstance(part, list) else part for part in atom])
