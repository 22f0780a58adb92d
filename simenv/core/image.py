"""A world at rest: rows drawn from an address, frozen as the bytes of a SQLite database."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.errors import UsageError
from simenv.core.world import Row, Table, World

Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True, eq=False)
class WorldImage:
    """A frozen world.

    Attributes:
        address: The path of names and integers that the rows were drawn from.
        data: The database file as bytes. Not a content hash: two builds of SQLite lay out equal
            rows differently.
        tables: What the rows look like.
        digest: Hash of every row in key order, the same on every machine.
        seats: Connections by thread, see ``simenv.episodes.pool``.
        reads: What read tools give on the untouched world, by tool and arguments; see there too.
        kept: What else was worked out of it and is forgotten with it; see there too.
    """

    address: tuple[str | int, ...]
    data: bytes
    tables: tuple[Table, ...]
    digest: str
    seats: "dict[int, list[World]]" = field(default_factory=dict, repr=False)
    reads: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    kept: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    def open(self) -> World:
        """Return a new connection to this world."""
        return World(self.data, self.tables)


def build_image(address: tuple[str | int, ...], tables: Iterable[Table], rows: Rows) -> WorldImage:
    """Freeze ``rows`` into an image.

    Args:
        address: Where the rows were drawn.
        tables: Their tables; every name in ``rows`` must be one of them.
        rows: Table name to rows, each with its values in column order.

    Raises:
        UsageError: If ``rows`` names an unknown table.
    """
    tables = tuple(tables)
    unknown = sorted(set(rows) - {table.name for table in tables})
    if unknown:
        raise UsageError(f"rows for unknown tables: {', '.join(unknown)}")
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.execute("BEGIN")
    _create(con, tables)
    for table in tables:
        marks = ", ".join("?" * len(table.columns))
        con.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', rows.get(table.name, ()))
    con.execute("COMMIT")
    digest = content_digest(con, tables)
    data = con.serialize()
    con.close()
    return WorldImage(tuple(address), data, tables, digest)


def content_digest(con: sqlite3.Connection, tables: Iterable[Table]) -> str:
    """Return the hash of every row of every table, in key order."""
    state = blake2b(digest_size=16)
    for table in sorted(tables, key=lambda table: table.name):
        order = ", ".join(f'"{column}"' for column in table.key)
        listed = con.execute(f'SELECT * FROM "{table.name}" ORDER BY {order}').fetchall()
        state.update(canonical([table.name, list(table.columns), listed]).encode())
    return state.hexdigest()


def _create(con: sqlite3.Connection, tables: tuple[Table, ...]) -> None:
    """Create the tables by sqlite-utils, once per schema; later worlds reuse its SQL."""
    names = canonical([[table.name, list(table.columns.items()), table.key, table.index] for table in tables])
    if names not in _SQL:
        _SQL[names] = _schema_sql(tables)
    for statement in _SQL[names]:
        con.execute(statement)


_SQL: dict[str, tuple[str, ...]] = {}


def _schema_sql(tables: tuple[Table, ...]) -> tuple[str, ...]:
    from sqlite_utils import Database  # heavy: kept out of every import of simenv

    database = Database(memory=True, use_counts_table=False)
    for table in tables:
        kinds = {"TEXT": str, "INTEGER": int}
        created = database.table(table.name).create(
            {column: kinds[kind.rstrip("?")] for column, kind in table.columns.items()},
            pk=table.key[0] if len(table.key) == 1 else table.key,
            not_null={column for column, kind in table.columns.items() if not kind.endswith("?")},
            strict=True,
        )
        for column in table.index:
            created.create_index([column])
    sql_of = "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    listed = database.conn.execute(sql_of).fetchall()
    database.conn.close()
    # Natural keys need no second tree: a third less to store, and a look-up walks one tree, not two.
    return tuple(f"{sql.rstrip()}, WITHOUT ROWID" if kind == "table" else sql for kind, sql in listed)
