"""A world while it is played: one SQLite database, one journal, one running hash.

A ``Table`` says what a world's rows look like. A ``State`` is what an episode owns: the net
difference to the frozen image, the journal of every row version, and an additive hash of the
difference. A ``World`` is a borrowed connection through which one state is read and written.

Traps this file is built around, each with a test: ``INSERT OR REPLACE`` skips delete triggers
unless ``recursive_triggers`` is on; ``executescript`` destroys an open savepoint; a rollback
does not restore Python-side accumulators; an exception inside a trigger function surfaces as a
bare ``OperationalError``. Hence the trigger function only appends to a list, and the journal,
the hash and the net difference are folded in Python once a call has succeeded.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from simenv.core.canonical import INT64_MAX, INT64_MIN, canonical
from simenv.core.errors import UnknownNameError, UsageError

Value = str | int | None
Row = tuple[Value, ...]
Key = tuple[Value, ...]
Net = dict[tuple[str, Key], tuple[Row | None, Row | None]]
"""(table, key) to (row before or None, row now or None); equal pairs are absent."""

Setup = Sequence[Sequence[Any]]
"""Rows that differ from an image before play, each ``[table, old row or None, new row or None]``."""

_MASK = 2**128 - 1


@dataclass(frozen=True)
class Table:
    """What the rows of one table look like.

    Attributes:
        name: Table name.
        columns: Column name to SQLite type: ``"TEXT"`` or ``"INTEGER"``, with a trailing ``?``
            where NULL is allowed. The order is the order of a row's values.
        key: Natural primary key.
        ordinal: A key column that only numbers the rows of a list. Rows that differ in nothing
            else mean the same, so goals and differences ignore it.
        index: Columns to index beside the key, one index each.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    ordinal: str | None = None
    index: tuple[str, ...] = ()

    @cached_property
    def place(self) -> dict[str, int]:
        """Column name to its position in a row."""
        return {column: at for at, column in enumerate(self.columns)}


class Change(NamedTuple):
    """One version of one row: ``old`` is None for an insert, ``new`` is None for a delete."""

    table: str
    old: Row | None
    new: Row | None


@dataclass(slots=True)
class State:
    """What an episode owns of its world.

    Attributes:
        net: (table, key) to (row in the image or None, row now or None); equal pairs are absent.
        journal: Every row version in the order written, calls that were refused excepted.
        row_hash: Sum of the hashes of rows that came minus rows that went, mod 2**128; 0 means
            that the world is as the image.
    """

    net: Net = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)
    row_hash: int = 0

    def copy(self) -> "State":
        """Return an independent copy; rows are immutable and shared."""
        return State(dict(self.net), list(self.journal), self.row_hash)

    def since(self, base: "State") -> Net:
        """Return what differs between ``base`` and this state, two states of one image."""
        if not base.net:
            return self.net
        found: Net = {}
        for place, (first, _) in {**base.net, **self.net}.items():
            # A place that a state does not mention is there as it is in the image.
            was = base.net[place][1] if place in base.net else first
            now = self.net[place][1] if place in self.net else first
            if was != now:
                found[place] = (was, now)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON-ready data."""
        return {
            "journal": [[table, _listed(old), _listed(new)] for table, old, new in self.journal],
            "net": [
                [table, list(key), _listed(old), _listed(new)]
                for (table, key), (old, new) in sorted(self.net.items(), key=lambda item: canonical(item[0]))
            ],
            "row_hash": f"{self.row_hash:032x}",
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "State":
        """Return the state that ``to_json`` described."""
        return State(
            net={(table, tuple(key)): (_tupled(old), _tupled(new)) for table, key, old, new in data["net"]},
            journal=[Change(table, _tupled(old), _tupled(new)) for table, old, new in data["journal"]],
            row_hash=int(data["row_hash"], 16),
        )


def _listed(row: Row | None) -> list[Value] | None:
    return None if row is None else list(row)


def _tupled(row: Sequence[Value] | None) -> Row | None:
    return None if row is None else tuple(row)


def row_hash(table: str, row: Row) -> int:
    """Return the 128-bit hash of one row; a world's difference is the sum of these."""
    return int.from_bytes(blake2b(canonical((table, *row)).encode(), digest_size=16).digest(), "big")


def set_up(tables: Mapping[str, Table], setup: Setup) -> State:
    """Return the state in which an episode starts: the net difference of ``setup``, an empty journal.

    Raises:
        UsageError: If a table is unknown, a row is not one of its table, a row stays as it is, changes
            its key or is listed twice.
    """
    state = State()
    for change in setup:
        place, old, new = _read_change(tables, change)
        if place in state.net:
            raise UsageError(f"setup: row {list(place[1])} of {place[0]!r} is listed twice")
        state.net[place] = (old, new)
        for row, sign in ((old, -1), (new, 1)):
            if row is not None:
                state.row_hash = (state.row_hash + sign * row_hash(place[0], row)) & _MASK
    return state


def _read_change(
    tables: Mapping[str, Table], change: Sequence[Any]
) -> tuple[tuple[str, Key], Row | None, Row | None]:
    if len(change) != 3:
        raise UsageError(f"setup: a change is [table, old row, new row], got {len(change)} parts")
    name, *versions = change
    if not isinstance(name, str) or name not in tables:
        raise UnknownNameError("table", str(name), tables)
    table = tables[name]
    old, new = (_read_row(table, version) for version in versions)
    keys = [tuple(row[table.place[column]] for column in table.key) for row in (old, new) if row is not None]
    if old == new or keys[0] != keys[-1]:
        raise UsageError(f"setup: a change of {name!r} makes one row of one key another, got {old} and {new}")
    return (name, keys[0]), old, new


def _read_row(table: Table, row: Any) -> Row | None:
    if row is None:
        return None
    if not isinstance(row, list | tuple) or len(row) != len(table.columns):
        raise UsageError(f"setup: a row of {table.name!r} has {len(table.columns)} values, got {row!r}")
    for (column, kind), value in zip(table.columns.items(), row, strict=True):
        if not _fits(kind, value):
            raise UsageError(f"setup: column {column!r} of {table.name!r} is {kind}, got {value!r}")
    return tuple(row)


def _fits(kind: str, value: Any) -> bool:
    """Whether a STRICT column of that kind holds the value as it is; ``True`` would come back as 1."""
    if value is None:
        return kind.endswith("?")
    if kind.startswith("TEXT"):
        return isinstance(value, str)
    return type(value) is int and INT64_MIN <= value <= INT64_MAX


class World:
    """A connection that plays one ``State`` at a time.

    Only tools and generators see it; an agent never does.

    Args:
        image: The database as bytes, as ``sqlite3.Connection.serialize`` gives them.
        tables: The tables of the image; every one gets triggers.
    """

    def __init__(self, image: bytes, tables: Iterable[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self.state = State()
        self._raw: list[tuple[Any, ...]] = []
        # The hash of the rows that the connection has, and whether a call was left open.
        self._at, self._open = 0, False
        # The pool keeps connections by thread; a new thread may take over the number of a dead one.
        self._con = sqlite3.connect(
            ":memory:", isolation_level=None, cached_statements=512, check_same_thread=False
        )
        self._con.deserialize(image)
        self._con.execute("PRAGMA recursive_triggers = ON")
        append = self._raw.append
        self._con.create_function("simenv_journal", -1, lambda *values: append(values))
        self._install_triggers()
        self._keys = {
            table.name: tuple(table.place[column] for column in table.key) for table in self.tables.values()
        }
        # One cursor for all statements: every result is fetched at once, and making a cursor costs.
        self._execute = self._con.cursor().execute
        self._inserts = {
            table.name: f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(table.columns))})'
            for table in self.tables.values()
        }
        self._execute("SAVEPOINT base")

    def _install_triggers(self) -> None:
        for table in self.tables.values():
            old = ", ".join(f'OLD."{column}"' for column in table.columns)
            new = ", ".join(f'NEW."{column}"' for column in table.columns)
            for event, values in (("INSERT", new), ("DELETE", old), ("UPDATE", f"{old}, {new}")):
                self._con.execute(
                    f'CREATE TEMP TRIGGER "simenv_{event}_{table.name}" AFTER {event} ON main."{table.name}" '
                    f"BEGIN SELECT simenv_journal('{event}', '{table.name}', {values}); END"
                )

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Return every row of a query; it must be ordered by a unique key."""
        return self._execute(sql, values).fetchall()

    def row(self, sql: str, *values: Value) -> Row | None:
        """Return the first row of a query, or None."""
        found: Row | None = self._execute(sql, values).fetchone()
        return found

    def write(self, sql: str, *values: Value) -> int:
        """Run one INSERT, UPDATE or DELETE and return how many rows it touched."""
        return self._execute(sql, values).rowcount

    def insert(self, table: str, *row: Value) -> None:
        """Insert one row, its values in the table's column order."""
        self._execute(self._inserts[table], row)

    def begin(self) -> None:
        """Open a call: everything until ``commit`` or ``undo`` is one unit."""
        self._open = True
        self._execute("SAVEPOINT call")

    def commit(self) -> int:
        """Close a call that succeeded and return how many row versions it wrote."""
        self._execute("RELEASE call")
        self._open = False
        return self.fold()

    def undo(self) -> None:
        """Close a call that was refused; nothing of it remains."""
        self._execute("ROLLBACK TO call")
        self._execute("RELEASE call")
        self._open = False
        self._raw.clear()

    def fold(self) -> int:
        """Move what the triggers saw into journal, net difference and hash."""
        raw = self._raw
        if not raw:
            return 0
        count = 0
        for change in map(_change, raw):
            if change.old != change.new:
                self._record(change)
                count += 1
        raw.clear()
        self._at = self.state.row_hash
        return count

    def _record(self, change: Change) -> None:
        state, (table, old, new) = self.state, change
        state.journal.append(change)
        positions = self._keys[table]
        if old is not None:
            self._net(table, tuple([old[at] for at in positions]), old, None)
            state.row_hash = (state.row_hash - row_hash(table, old)) & _MASK
        if new is not None:
            self._net(table, tuple([new[at] for at in positions]), None, new)
            state.row_hash = (state.row_hash + row_hash(table, new)) & _MASK

    def _net(self, table: str, key: Key, old: Row | None, new: Row | None) -> None:
        net, place = self.state.net, (table, key)
        first = net[place][0] if place in net else old
        if first == new:
            net.pop(place, None)
        else:
            net[place] = (first, new)

    def play(self, state: State) -> None:
        """Lend this connection to ``state``: back to the image, then its net difference."""
        as_it_is = state.row_hash == self._at and not self._open and not self._raw
        self.state, self._at = state, state.row_hash
        # Where the rows are those of the state already, going there would cost as much as some look-ups.
        if as_it_is:
            return
        self._execute("ROLLBACK TO base")
        self._open = False
        self._raw.clear()
        if not state.net:
            return
        for (table, key), (old, _) in state.net.items():
            if old is not None:
                self._execute(f'DELETE FROM "{table}" WHERE {_is_key(self.tables[table])}', key)
        for (table, _), (_, new) in state.net.items():
            if new is not None:
                self.insert(table, *new)
        # The triggers have seen rows that the state's journal already holds.
        self._raw.clear()

    def holds(self, state: State) -> bool:
        """Whether the connection's rows are those of ``state``, calls that are under way aside."""
        return self._at == state.row_hash

    def close(self) -> None:
        """Close the connection."""
        self._con.close()

    def __del__(self) -> None:
        """Close the connection of a world that nobody holds any more."""
        self._con.close()


def check_setup(world: World, setup: Setup) -> None:
    """Check that the rows which ``setup`` takes for the image's are the image's; ``world`` goes back to it.

    Raises:
        UsageError: If one is not, or ``setup`` is malformed.
    """
    world.play(State())
    for (name, key), (old, _) in set_up(world.tables, setup).net.items():
        found = world.row(f'SELECT * FROM "{name}" WHERE {_is_key(world.tables[name])}', *key)
        if found != old:
            raise UsageError(f"setup: row {list(key)} of {name!r} is {found} in the world, not {old}")


def _is_key(table: Table) -> str:
    return " AND ".join(f'"{column}" = ?' for column in table.key)


def _change(values: tuple[Any, ...]) -> Change:
    event, table, *row = values
    if event == "UPDATE":
        half = len(row) // 2
        return Change(table, tuple(row[:half]), tuple(row[half:]))
    return Change(table, None, tuple(row)) if event == "INSERT" else Change(table, tuple(row), None)
