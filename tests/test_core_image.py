"""Laws of a world at rest."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import UsageError
from simenv.core.image import Rows, build_image
from simenv.core.world import Row, Table
from tests.test_core_world import IMAGE, START, TABLES

rows = st.dictionaries(
    st.text("abcdef", min_size=1), st.tuples(st.integers(-9, 9), st.none() | st.just("n")), max_size=6
)


def digest(listed: list[Row]) -> str:
    return build_image(("x",), TABLES, {"things": listed}).digest


@given(rows, st.randoms(use_true_random=False))
def test_the_digest_is_of_the_rows_and_not_of_their_order(cells: dict[str, Row], order: object) -> None:
    listed: list[Row] = [(name, *rest) for name, rest in cells.items()]
    mixed = list(listed)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert digest(mixed) == digest(listed)


@given(rows, rows)
def test_different_rows_have_different_digests(one: dict[str, Row], other: dict[str, Row]) -> None:
    listed = [[(name, *rest) for name, rest in cells.items()] for cells in (one, other)]
    assert (digest(listed[0]) == digest(listed[1])) == (one == other)


def test_the_digest_knows_null_from_nothing_and_a_table_from_another() -> None:
    things, parts = START["things"], START["parts"]
    worlds: tuple[tuple[tuple[Table, ...], Rows], ...] = (
        (TABLES, START),
        (TABLES, {"things": [("a", 1, "")], "parts": parts}),
        (TABLES, {"things": [("a", 1, None)], "parts": parts}),
        (TABLES, {"things": things}),
        ((TABLES[0],), {"things": things}),
        ((Table("other", TABLES[0].columns, ("name",)),), {"other": things}),
    )
    seen = [build_image(("x",), tables, rows).digest for tables, rows in worlds]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("row", [("a", "text", None), ("a", None, None), (None, 1, None), ("a", 1.5, None)])
def test_a_value_of_the_wrong_type_is_no_row(row: Row) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        build_image(("x",), TABLES, {"things": [row]})


def test_two_rows_of_one_key_are_refused() -> None:
    with pytest.raises(sqlite3.IntegrityError):
        build_image(("x",), TABLES, {"things": [("a", 1, None), ("a", 2, None)]})


def test_rows_of_an_unknown_table_are_the_callers_fault() -> None:
    with pytest.raises(UsageError, match="rows for unknown tables: nothing, things2"):
        build_image(("x",), TABLES, {"things2": [], "nothing": []})


def test_worlds_of_one_image_do_not_see_each_other() -> None:
    one, other = IMAGE.open(), IMAGE.open()
    one.begin()
    one.write("DELETE FROM things")
    one.commit()
    assert other.row("SELECT count(*) FROM things") == (3,)
    one.close()
    other.close()


def test_columns_are_indexed_where_the_schema_says_so() -> None:
    table = Table("things", TABLES[0].columns, ("name",), index=("size",))
    world = build_image(("x",), (table,), {}).open()
    plan = world.rows("EXPLAIN QUERY PLAN SELECT name FROM things WHERE size = 1 ORDER BY name")
    assert "idx_things_size" in str(plan)
    world.close()
