"""Laws of goals: what counts as changed, and what as collateral damage."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simenv.core.goal import Atom, Goal, atoms, compare, in_order
from simenv.core.world import State
from tests.test_core_world import IMAGE, TABLES, calls, run

BY_NAME = {table.name: table for table in TABLES}
some_atoms = st.lists(
    st.sampled_from([["set", "t", ["a"], "x", 1], ["came", "p", ["a"]], ["gone", "t", ["b"]]])
)


def changed(*script: tuple[Any, ...]) -> list[Atom]:
    world = IMAGE.open()
    run(world, [([statement], True) for statement in script])
    state = world.state
    world.close()
    return in_order(atoms(state, BY_NAME))


def test_each_kind_of_change_has_its_atom() -> None:
    assert changed(("UPDATE things SET size = 9, note = 'n' WHERE name = 'a'",)) == [
        ["set", "things", ["a"], "note", "n"],
        ["set", "things", ["a"], "size", 9],
    ]
    assert changed(("INSERT INTO things VALUES ('d', 4, NULL)",)) == [["new", "things", ["d", 4, None]]]
    assert changed(("DELETE FROM things WHERE name = 'b'",)) == [["gone", "things", ["b"]]]
    assert changed(("INSERT INTO parts VALUES ('b', 7, 'z')",)) == [["came", "parts", ["b", "z"]]]
    assert changed(("DELETE FROM parts WHERE seq = 1",)) == [["went", "parts", ["a", "x"]]]


def test_a_change_that_is_undone_is_clean() -> None:
    assert changed(("UPDATE things SET size = 9",), ("UPDATE things SET size = 9 - 8 WHERE name = 'a'",)) == [
        ["set", "things", [name], "size", 9] for name in "bc"
    ]
    assert changed(("DELETE FROM parts",), ("INSERT INTO parts VALUES ('a', 1, 'x'), ('a', 2, 'y')",)) == []


def test_the_number_of_a_row_in_a_list_means_nothing() -> None:
    assert changed(("UPDATE parts SET seq = seq + 10",)) == []
    one = changed(("INSERT INTO parts VALUES ('c', 1, 'p'), ('c', 2, 'q')",))
    assert one == changed(("INSERT INTO parts VALUES ('c', 5, 'q'), ('c', 9, 'p')",))
    assert one == [["came", "parts", ["c", "p"]], ["came", "parts", ["c", "q"]]]


def test_equal_rows_of_a_list_count_as_often_as_they_are_there() -> None:
    twice = changed(("INSERT INTO parts VALUES ('c', 1, 'p'), ('c', 2, 'p')",))
    assert twice == [["came", "parts", ["c", "p"]]] * 2
    assert compare(Goal(required=twice[:1]), twice) == ([], twice[:1])
    assert compare(Goal(required=twice), twice[:1]) == (twice[:1], [])


@given(calls)
def test_atoms_depend_on_the_rows_alone(script: Any) -> None:
    world = IMAGE.open()
    run(world, script)
    state = world.state
    shuffled = State(dict(reversed(state.net.items())), [], state.row_hash)
    assert in_order(atoms(state, BY_NAME)) == in_order(atoms(shuffled, BY_NAME))
    assert (atoms(state, BY_NAME) == []) >= (state.net == {})
    goal = Goal(required=atoms(state, BY_NAME))
    assert compare(goal, atoms(state, BY_NAME)) == ([], [])
    world.close()


@given(some_atoms, some_atoms, some_atoms)
def test_what_is_missing_and_what_is_spare_add_up(
    want: list[Atom], may: list[Atom], have: list[Atom]
) -> None:
    missing, extra = compare(Goal(required=want, allowed=may), have)
    for atom in [*want, *may, *have]:
        wanted, allowed, found = want.count(atom), may.count(atom), have.count(atom)
        assert missing.count(atom) == max(0, wanted - found)
        assert extra.count(atom) == max(0, found - wanted - allowed)


def test_an_extra_row_is_damage_and_a_missing_row_is_missed() -> None:
    row, other = ["new", "things", ["d", 4, None]], ["new", "things", ["e", 5, None]]
    assert compare(Goal(required=[row]), [row, other]) == ([], [other])
    assert compare(Goal(required=[row]), []) == ([row], [])
    assert compare(Goal(required=[row], allowed=[other]), [other, row]) == ([], [])
    assert compare(Goal(required=[row], allowed=[other]), [row]) == ([], [])
    assert compare(Goal(required=[["set", "t", ["a"], "x", 1]]), [["set", "t", ["a"], "x", "1"]])[0]


def test_a_changed_copy_of_a_goal_asks_for_what_it_says() -> None:
    row = ["new", "things", ["d", 4, None]]
    goal = Goal(required=[row])
    assert compare(goal, [row]) == ([], [])
    assert compare(goal.model_copy(update={"required": []}), [row]) == ([], [row])
