"""Laws of a world while it is played, and the traps that its module is built around."""

import ast
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.image import WorldImage, build_image
from simenv.core.world import Row, State, Table, World, row_hash

CORE = Path(__file__).resolve().parents[1] / "simenv"
TABLES = (
    Table("things", {"name": "TEXT", "size": "INTEGER", "note": "TEXT?"}, ("name",)),
    Table("parts", {"name": "TEXT", "seq": "INTEGER", "part": "TEXT"}, ("name", "seq"), ordinal="seq"),
)
START: dict[str, list[Row]] = {
    "things": [("a", 1, None), ("b", 2, "note"), ("c", 3, None)],
    "parts": [("a", 1, "x"), ("a", 2, "y")],
}
IMAGE: WorldImage = build_image(("world",), TABLES, START)

names = st.sampled_from("abcde")
sizes = st.integers(-2, 2) | st.sampled_from([2**63 - 1, -(2**63)])
notes = st.none() | st.sampled_from(["", "é", "note"])
operations = st.one_of(
    st.tuples(st.just("INSERT OR IGNORE INTO things VALUES (?, ?, ?)"), names, sizes, notes),
    st.tuples(st.just("INSERT OR REPLACE INTO things VALUES (?, ?, ?)"), names, sizes, notes),
    st.tuples(st.just("UPDATE things SET size = ?, note = ? WHERE name = ?"), sizes, notes, names),
    st.tuples(st.just("UPDATE OR REPLACE things SET name = ? WHERE name = ?"), names, names),
    st.tuples(st.just("DELETE FROM things WHERE name = ?"), names),
    st.tuples(st.just("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)"), names, st.integers(1, 3), names),
    st.tuples(st.just("DELETE FROM parts WHERE seq >= ?"), st.integers(1, 3)),
)
calls = st.lists(st.tuples(st.lists(operations, max_size=4), st.booleans()), max_size=6)


def rows(world: World) -> set[tuple[str, Row]]:
    found = set()
    for table in TABLES:
        order = ", ".join(table.key)
        found |= {(table.name, row) for row in world.rows(f"SELECT * FROM {table.name} ORDER BY {order}")}
    return found


def run(world: World, script: list[tuple[list[Any], bool]]) -> None:
    """Carry out calls, each kept or refused."""
    for statements, kept in script:
        world.begin()
        for sql, *values in statements:
            world.write(sql, *values)
        if kept:
            world.commit()
        else:
            world.undo()


@pytest.fixture
def world() -> Any:
    opened = IMAGE.open()
    yield opened
    opened.close()


@given(calls)
def test_the_running_hash_and_difference_are_those_of_a_full_scan(script: Any) -> None:
    world = IMAGE.open()
    before = rows(world)
    run(world, script)
    after = rows(world)
    came, went = after - before, before - after
    total = sum(row_hash(*row) for row in came) - sum(row_hash(*row) for row in went)
    assert world.state.row_hash == total % 2**128
    net = world.state.net
    assert {(name, new) for (name, _), (_, new) in net.items() if new is not None} == came
    assert {(name, old) for (name, _), (old, _) in net.items() if old is not None} == went
    assert all(old != new for old, new in net.values())
    world.close()


@given(calls)
def test_the_journal_replays_to_the_same_rows(script: Any) -> None:
    world = IMAGE.open()
    found = rows(world)
    run(world, script)
    for table, old, new in world.state.journal:
        assert old != new
        found = (found - {(table, old)} if old else found) | ({(table, new)} if new else set())
    assert found == rows(world)
    world.close()


@given(calls, calls)
def test_a_refused_call_leaves_no_trace(kept: Any, refused: Any) -> None:
    world = IMAGE.open()
    run(world, kept)
    before, seen = world.state.copy(), rows(world)
    run(world, [(statements, False) for statements, _ in refused])
    assert world.fold() == 0
    assert world.state == before
    assert rows(world) == seen
    world.close()


@given(calls, calls)
def test_states_take_turns_on_one_connection(one: Any, other: Any) -> None:
    world, lone = IMAGE.open(), IMAGE.open()
    first, second = State(), State()
    for state, script in ((first, one[:2]), (second, other), (first, one[2:])):
        world.play(state)
        run(world, script)
    run(lone, one)
    assert first == lone.state
    assert rows(world) == rows(lone)
    world.play(second)
    world.play(State())
    assert rows(world) == {(name, row) for name, listed in START.items() for row in listed}
    assert world.fold() == 0
    world.close()
    lone.close()


@given(calls, calls)
def test_a_state_goes_on_after_json_and_a_copy_goes_its_own_way(script: Any, after: Any) -> None:
    world = IMAGE.open()
    run(world, script)
    state = world.state
    read = State.from_json(parse_trusted(canonical(state.to_json())))
    assert read == state
    copy, kept = state.copy(), canonical(state.to_json())
    world.play(copy)
    run(world, after)
    assert canonical(state.to_json()) == kept
    world.play(read)
    run(world, after)
    assert read == copy
    world.close()


@given(calls)
def test_playing_never_moves_the_image(script: Any) -> None:
    world = IMAGE.open()
    run(world, script)
    fresh = IMAGE.open()
    assert rows(fresh) == {(name, row) for name, listed in START.items() for row in listed}
    assert build_image(IMAGE.address, TABLES, START).digest == IMAGE.digest
    world.close()
    fresh.close()


def test_insert_or_replace_journals_the_row_that_it_removes(world: World) -> None:
    """Without recursive_triggers SQLite deletes the old row behind the triggers' back."""
    world.begin()
    world.write("INSERT OR REPLACE INTO things VALUES ('a', 9, NULL)")
    world.commit()
    assert ("things", ("a", 1, None), None) in world.state.journal
    assert world.state.net == {("things", ("a",)): (("a", 1, None), ("a", 9, None))}


def test_a_change_and_its_undoing_leave_a_journal_but_no_difference(world: World) -> None:
    world.begin()
    world.write("UPDATE things SET size = 9 WHERE name = 'a'")
    assert world.commit() == 1
    world.begin()
    world.write("UPDATE things SET size = 1 WHERE name = 'a'")
    world.write("UPDATE things SET size = size")
    assert world.commit() == 1
    assert world.state.net == {}
    assert world.state.row_hash == 0
    assert len(world.state.journal) == 2


def test_a_rollback_restores_what_python_has_seen(world: World) -> None:
    """Rows seen by the trigger function are no rows until the call is kept."""
    run(world, [([("DELETE FROM things",)], False), ([("DELETE FROM things WHERE name = ?", "a")], True)])
    assert [change.old for change in world.state.journal] == [("a", 1, None)]


def test_the_trigger_function_takes_every_value_without_an_error(world: World) -> None:
    """What it raised would surface as a bare OperationalError, so it only appends."""
    for at, size in enumerate((2**63 - 1, -(2**63), 0)):
        world.begin()
        world.insert("things", f"x{at}\u2028é😀", size, None)
        assert world.commit() == 1


def test_a_failing_statement_inside_a_call_can_be_undone(world: World) -> None:
    world.begin()
    world.write("UPDATE things SET size = 7")
    with pytest.raises(sqlite3.IntegrityError):
        world.insert("things", "a", 1, None)
    world.undo()
    assert world.state == State()
    assert world.rows("SELECT size FROM things ORDER BY name") == [(1,), (2,), (3,)]


def test_executescript_would_destroy_an_open_savepoint() -> None:
    """The trap itself, and that nothing in simenv can fall into it or its sisters."""
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.execute("CREATE TABLE t (x)")
    con.execute("SAVEPOINT call")
    con.executescript("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="no such savepoint"):
        con.execute("ROLLBACK TO call")
    con.close()
    called = {
        (path.name, node.func.attr)
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not [place for place in called if place[1] in ("executescript", "backup")]
    assert {name for name, method in called if method == "serialize"} <= {"image.py"}
    assert {name for name, method in called if method == "deserialize"} <= {"world.py"}
