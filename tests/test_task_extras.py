"""Laws of what a task may add to its world: rows set up before, tools out of order, look-alike tools."""

import pickle
from contextlib import closing
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.derive import Bench, derive, needs_policy
from simenv.core.errors import ReplayError, ToolError, UnknownNameError, UsageError
from simenv.core.goal import Atom, Goal, atoms, compare, in_order
from simenv.core.image import WorldImage, build_image
from simenv.core.interpreter import UnsoundError
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.core.world import Row, Setup, State, World, check_setup, row_hash, set_up
from simenv.domains.airline import DOMAIN
from simenv.episodes import pool
from simenv.episodes.actions import Call, parse
from simenv.episodes.episode import Episode
from simenv.episodes.replay import Recorded, RecordedTrajectory, RecordedVerdict, replay
from simenv.testing import Sample, actions, arguments, words_of
from simenv.testing.sample import Trial
from tests.test_core_world import IMAGE, START, TABLES, calls, rows, run

BY_NAME = {table.name: table for table in TABLES}
A, B, C = START["things"]
PART = START["parts"][0]


# What is set up, in the world

_versions = st.none() | st.tuples(st.integers(5, 7), st.none() | st.just("set up"))


@st.composite
def setups(draw: st.DrawFn) -> list[list[Any]]:
    """Rows changed, gone and new, in any order."""
    listed: list[list[Any]] = []
    for table, start, there in (("things", START["things"], "de"), ("parts", START["parts"], "z")):
        for row in start:
            if draw(st.booleans()):
                new = draw(st.none() | st.just((*row[:2], "set up")))
                listed.append([table, list(row), None if new is None else list(new)])
        for name in there:
            if draw(st.booleans()):
                listed.append([table, None, [name, 1, "new"]])
    return draw(st.permutations(listed))


def as_an_image(setup: list[list[Any]]) -> WorldImage:
    """Return the set-up world as a world of its own."""
    now = {(table, row) for table, listed in START.items() for row in listed}
    now -= {(table, tuple(old)) for table, old, _ in setup if old}
    now |= {(table, tuple(new)) for table, _, new in setup if new}
    listed = {name: [row for table, row in sorted(now, key=canonical) if table == name] for name in START}
    return build_image(("as an image",), TABLES, listed)


def played(image: WorldImage, start: State, script: Any) -> tuple[State, set[tuple[str, Row]]]:
    with closing(image.open()) as world:
        state = start.copy()
        world.play(state)
        run(world, script)
        return state, rows(world)


@given(setups(), calls)
def test_a_set_up_world_is_as_an_image_of_its_rows(setup: list[list[Any]], script: Any) -> None:
    base = set_up(BY_NAME, setup)
    state, there = played(IMAGE, base, script)
    alone, expected = played(as_an_image(setup), State(), script)
    assert there == expected
    assert state.journal == alone.journal
    assert in_order(atoms(state, BY_NAME, base)) == in_order(atoms(alone, BY_NAME))
    assert state.since(base) == alone.net
    goal = Goal(required=atoms(alone, BY_NAME))
    assert compare(goal, atoms(state, BY_NAME, base)) == ([], [])


@given(setups(), calls)
def test_a_set_up_state_has_the_hash_of_its_rows_and_survives_json(
    setup: list[list[Any]], script: Any
) -> None:
    base = set_up(BY_NAME, setup)
    assert base.journal == []
    assert base == set_up(BY_NAME, parse_trusted(canonical(setup)))
    with closing(IMAGE.open()) as world:
        check_setup(world, setup)
        start = rows(world)
    state, there = played(IMAGE, base, script)
    come, gone = there - start, start - there
    total = sum(row_hash(*row) for row in come) - sum(row_hash(*row) for row in gone)
    assert state.row_hash == total % 2**128
    read = State.from_json(parse_trusted(canonical(state.to_json())))
    assert read == state
    assert played(IMAGE, read, []) == (state, there)


def changed(setup: Setup, *statements: str) -> list[Atom]:
    base = set_up(BY_NAME, setup)
    state, _ = played(IMAGE, base, [([(each,)], True) for each in statements])
    return in_order(atoms(state, BY_NAME, base))


def test_a_row_put_back_to_the_image_is_a_change_and_one_left_alone_is_none() -> None:
    setup: Setup = [["things", A, ["a", 9, None]], ["things", B, None], ["parts", None, ["b", 1, "z"]]]
    assert changed(setup) == []
    assert changed(setup, "UPDATE things SET size = 1 WHERE name = 'a'") == [
        ["set", "things", ["a"], "size", 1]
    ]
    assert changed(setup, "UPDATE things SET size = size + 0") == []
    assert changed(setup, "INSERT INTO things VALUES ('b', 2, 'note')") == [["new", "things", list(B)]]
    assert changed(setup, "DELETE FROM parts WHERE name = 'b'") == [["went", "parts", ["b", "z"]]]
    assert changed(setup, "UPDATE parts SET seq = 8 WHERE name = 'b'") == []
    assert changed(setup, "DELETE FROM things WHERE name = 'a'") == [["gone", "things", ["a"]]]
    twice = ("UPDATE things SET size = 1 WHERE name = 'a'", "UPDATE things SET size = 9 WHERE name = 'a'")
    assert changed(setup, *twice) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["thing", A, None], "Did you mean 'things'?"),
        ([["things"], A, None], "no table"),
        (["things", A], "got 2 parts"),
        (["things", None, None], "makes one row of one key another"),
        (["things", A, A], "makes one row of one key another"),
        (["things", A, ["z", 1, None]], "makes one row of one key another"),
        (["things", ["a", 1], None], "has 3 values"),
        (["things", "a1n", None], "has 3 values"),
        (["things", A, ["a", True, None]], "'size' of 'things' is INTEGER"),
        (["things", A, ["a", 2**63, None]], "'size' of 'things' is INTEGER"),
        (["things", A, ["a", None, None]], "'size' of 'things' is INTEGER"),
        (["things", A, ["a", 1, 7]], "'note' of 'things' is TEXT?"),
    ],
)
def test_a_malformed_setup_is_refused(change: list[Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_up(BY_NAME, [change])
    assert said in str(caught.value)


def test_a_row_is_set_up_once() -> None:
    with pytest.raises(UsageError, match="listed twice"):
        set_up(BY_NAME, [["things", A, None], ["things", None, A]])


@pytest.mark.parametrize(
    "change",
    [
        ["things", ["a", 2, None], None],
        ["things", ["z", 2, None], None],
        ["things", None, ["a", 7, None]],
        ["parts", [*PART[:2], "y"], [*PART[:2], "z"]],
    ],
)
def test_a_row_that_the_image_has_otherwise_is_refused(change: list[Any]) -> None:
    with closing(IMAGE.open()) as world, pytest.raises(UsageError, match="in the world, not"):
        check_setup(world, [["things", C, None], change])


# What is set up, in tasks and episodes


@cache
def trials() -> tuple[Trial, ...]:
    return Sample.draw("airline", worlds=1, tasks_per_intent=1).trials


def using(name: str, **wanted: Any) -> Trial:
    """Return a trial whose oracle calls that tool, whatever the generator calls its intents."""
    return next(
        each
        for each in trials()
        if any(f'"name":"{name}"' in action for action in each.actions)
        and all(getattr(each.task, field) == value for field, value in wanted.items())
    )


def rows_of(task: Task, sql: str) -> list[Row]:
    with closing(pool.image(task.domain, tuple(task.world), task.size).open()) as world:
        return world.rows(sql)


def with_fee(task: Task, name: str, more: int) -> list[list[Any]]:
    """Return a setup in which a number of the policy is another."""
    rules: dict[Any, Any] = dict(rows_of(task, "SELECT name, value FROM policy_values ORDER BY name"))  # type: ignore[arg-type]
    return [["policy_values", [name, rules[name]], [name, rules[name] + more]]]


def unrelated(task: Task) -> list[list[Any]]:
    """Return a setup that no task of the sample reads: the city of an airport, an earlier transfer."""
    iata, city, position = rows_of(task, "SELECT iata, city, position FROM airports ORDER BY iata")[0]
    moved = ["airports", [iata, city, position], [iata, f"New {city}", position]]
    return [moved, ["transfers", None, [1, "earlier"]]]


def with_setup(task: Task, setup: list[list[Any]], **more: Any) -> Task:
    """Return the task in the set-up world, with the goal that its program has there."""
    with closing(pool.image(task.domain, tuple(task.world), task.size).open()) as world:
        goal = derive(task.program, DOMAIN, world, setup=setup).goal()
    return task.model_copy(update={"setup": setup, "goal": goal, **more})


def call(name: str, **given_arguments: Any) -> str:
    return canonical({"name": name, "arguments": given_arguments})


@pytest.mark.parametrize("each", [*trials()], ids=lambda each: each.task.intent)
def test_what_is_set_up_is_asked_of_nobody(each: Trial) -> None:
    task = with_setup(each.task, unrelated(each.task))
    assert in_order(task.goal.required) == in_order(each.task.goal.required)
    episode = Episode(task)
    assert episode.trajectory().net == ()
    assert episode.journal() == ()
    assert episode.world().row("SELECT summary FROM transfers WHERE seq = 1") == ("earlier",)
    for action in each.actions:
        episode.act(action)
    assert episode.verdict().passed, episode.verdict().reason


def call_of(each: Trial, name: str) -> Call:
    """Return the oracle's first call of a tool."""
    return next(found for action in each.actions for found in parse(action).calls if found.name == name)


def test_undoing_what_is_set_up_is_collateral_damage() -> None:
    each = using("update_reservation_passengers")
    write = call_of(each, "update_reservation_passengers")
    done = [[table, old, new] for (table, _), (old, new) in each.run.snapshot().progress.state.net.items()]
    # What the customer wants is there already, so the goal is to change nothing.
    task = each.task.model_copy(update={"setup": done, "goal": Goal(required=[])})
    before = rows_of(
        task,
        "SELECT first_name, last_name, dob FROM passengers "
        f"WHERE reservation_id = '{write.arguments['reservation_id']}' ORDER BY seq",
    )
    people = [dict(zip(("first_name", "last_name", "dob"), row, strict=True)) for row in before]
    careful, undoing = Episode(task), Episode(task)
    assert careful.act(call(write.name, **write.arguments)).error == "bad_value", "nothing would change"
    assert careful.verdict().collateral == ()
    assert undoing.act(call(write.name, **{**write.arguments, "passengers": people})).error == ""
    assert set(undoing.trajectory().steps[-1].state) == {"0"}, "the world is as its image"
    assert undoing.verdict().collateral
    assert len(undoing.journal()) == undoing.trajectory().calls[0].versions


def test_a_program_runs_in_the_set_up_world() -> None:
    each = using("send_certificate")
    program, fees = each.task.program, ("compensation_cancelled_cents", "compensation_delayed_cents")
    setup = [change for name in fees for change in with_fee(each.task, name, 100_00)]
    with closing(each.image.open()) as world:
        plain, dear = derive(program, DOMAIN, world), derive(program, DOMAIN, world, setup=setup)
        assert plain.required == each.outcome.required != dear.required
        assert derive(program, DOMAIN, world) == plain, "nothing of a setup is left on the connection"
        with pytest.raises(UsageError) as caught:
            derive(program, DOMAIN, world, setup=[["policy_values", [fees[0], -1], None]])
    assert not isinstance(caught.value, UnsoundError), "a wrong setup is no property of the program"


def test_who_has_not_read_the_policy_is_judged_in_the_set_up_world() -> None:
    each = using("cancel_reservation", policy=False)
    program, setup = each.task.program, with_fee(each.task, "cancel_fee_cents", 1_00)
    with closing(each.image.open()) as world:
        dear = derive(program, DOMAIN, world, setup=setup)
        assert dear.required != each.outcome.required
        assert not needs_policy(program, Bench(DOMAIN, world), each.outcome)
        bench = Bench(DOMAIN, world, setup=setup)
        assert not needs_policy(program, bench, dear)
        assert needs_policy(program, bench, each.outcome)


@pytest.mark.parametrize("face", ["full", "compact"])
def test_the_policy_is_that_of_the_set_up_world(face: str) -> None:
    task = using("update_reservation_baggages").task
    dear = task.model_copy(update={"setup": with_fee(task, "bag_fee_cents", 7_00)})
    assert Episode(dear, face=face).policy != Episode(task, face=face).policy


def test_a_setup_of_another_world_is_refused_when_the_episode_opens() -> None:
    task = using("cancel_reservation").task
    for setup in ([["airports", ["???", "Nowhere", 1], None]], [["airport", None, ["???", "Nowhere", 1]]]):
        with pytest.raises(UsageError):
            Episode(task.model_copy(update={"setup": setup}))


def test_reads_of_a_set_up_world_are_not_those_of_the_image() -> None:
    task = using("cancel_reservation").task
    other = task.model_copy(update={"setup": unrelated(task)})
    listing = call("list_all_airports")
    first, new, again = (Episode(each).act(listing).results for each in (task, other, task))
    assert first == again != new
    assert "New " in new[0]


# Faults


def test_a_tool_out_of_order_is_refused_as_often_as_the_task_says() -> None:
    each = trials()[0]
    asked = next(parse(action).calls[0] for action in each.actions if parse(action).calls)
    read = call(asked.name, **asked.arguments)
    Episode(each.task).act(read)  # fills the image's memory of reads
    episode = Episode(each.task.model_copy(update={"faults": {asked.name: 2}}))
    assert episode.act(call(asked.name)).error == "bad_arguments", "which is not counted"
    for _ in range(2):
        step = episode.act(read)
        assert step.error == "unavailable"
        assert step.results == ("error unavailable: The system is busy. Nothing was changed; try again.",)
    step = episode.act(read)
    assert (step.error, step.results) == ("", Episode(each.task).act(read).results)
    assert episode.verdict().process.errors == {"bad_arguments": 1, "unavailable": 2}
    assert len(episode.trajectory().steps) == 4


def test_a_write_out_of_order_is_checked_first_too() -> None:
    each = using("cancel_reservation")
    write = call_of(each, "cancel_reservation")
    episode = Episode(each.task.model_copy(update={"faults": {write.name: 1}}))
    listed = [call(write.name), call(write.name, **write.arguments), call(write.name, **write.arguments)]
    assert [episode.act(action).error for action in listed] == ["bad_arguments", "unavailable", ""]
    assert [record.versions > 0 for record in episode.trajectory().calls] == [False, False, True]


@pytest.mark.parametrize("each", [*trials()], ids=lambda each: each.task.intent)
def test_who_tries_again_passes_and_a_refused_call_leaves_no_trace(each: Trial) -> None:
    used = {call.name for action in each.actions for call in parse(action).calls}
    task = each.task.model_copy(update={"faults": dict.fromkeys(sorted(used), 1), "budget": 80})
    episode = Episode(task)
    refused = 0
    for action in each.actions:
        before = episode.snapshot().progress
        while episode.act(action).error == "unavailable":
            refused += 1
            now = episode.snapshot().progress
            assert (now.state, now.talk, now.agreed) == (before.state, before.talk, before.agreed)
            assert set(rows_now(episode)) == set(rows_now(Episode.restore(episode.snapshot().text)))
    assert refused == len(used)
    assert episode.snapshot().progress.faults == {}
    assert episode.verdict().passed, episode.verdict().reason
    assert episode.verdict().process.breaches == each.run.verdict().process.breaches


def rows_now(episode: Episode) -> list[tuple[str, Row]]:
    world = episode.world()
    return [
        (table.name, row)
        for table in world.tables.values()
        for row in world.rows(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
    ]


def test_a_fault_is_of_a_tool_that_is_offered() -> None:
    task = using("cancel_reservation").task
    with pytest.raises(UnknownNameError, match="Did you mean 'cancel_reservation'"):
        Episode(task.model_copy(update={"faults": {"cancel_reservatoin": 1}}))
    with pytest.raises(UnknownNameError):
        Episode(task.model_copy(update={"faults": {"preview_cancellation": 1}}))
    extra = {"faults": {"preview_cancellation": 1}, "extras": ["preview_cancellation"]}
    Episode(task.model_copy(update=extra))
    with pytest.raises(ValueError, match="greater than 0"):
        Task.model_validate(task.to_json() | {"faults": {"cancel_reservation": 0}})


# Extras

EXTRAS = [tool.name for tool in DOMAIN.lookalikes]


def offered(episode: Episode) -> list[str]:
    return [schema["function"]["name"] for schema in episode.tools]


def test_extras_stand_among_the_tools_at_places_that_the_task_draws() -> None:
    places = set()
    for each in trials():
        task = each.task.model_copy(update={"extras": EXTRAS})
        names = offered(Episode(task))
        assert names == offered(Episode(Task.model_validate(task.to_json())))
        assert [name for name in names if name not in EXTRAS] == [tool.name for tool in DOMAIN.tools]
        assert sorted(name for name in names if name in EXTRAS) == sorted(EXTRAS)
        assert offered(Episode(each.task)) == [tool.name for tool in DOMAIN.tools]
        places.add(tuple(names))
    assert len(places) > len(trials()) // 2


def test_the_compact_face_lists_what_is_offered() -> None:
    task = using("cancel_reservation").task
    more = task.model_copy(update={"extras": ["preview_cancellation"]})
    plain, shown = (Episode(each, face="compact").policy.split("\n") for each in (task, more))
    assert sorted(shown) == sorted([*plain, "preview_cancellation reservation_id"])
    assert Episode(more).policy == Episode(task).policy


def test_an_extra_can_be_called_only_where_it_is_offered() -> None:
    task = using("cancel_reservation").task
    write = call_of(using("cancel_reservation"), "cancel_reservation")
    preview = call("preview_cancellation", **write.arguments)
    assert Episode(task).act(preview).error == "unknown_tool"
    episode = Episode(task.model_copy(update={"extras": ["preview_cancellation"]}))
    step = episode.act(preview)
    assert step.error == ""
    assert step.results[0].startswith("A cancellation would pay back $")
    assert episode.act(call("quote_baggages")).error == "unknown_tool"
    assert episode.trajectory().net == ()


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        (["preview_cancelation"], "Did you mean 'preview_cancellation'"),
        (["cancel_reservation"], "no look-alike tool is named 'cancel_reservation'"),
        (["quote_baggages"] * 2, "named twice"),
    ],
)
def test_an_extra_is_a_look_alike_and_named_once(extras: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Episode(using("cancel_reservation").task.model_copy(update={"extras": extras}))
    assert said in str(caught.value)


# Look-alikes


def some_arguments(lookalike: str) -> st.SearchStrategy[dict[str, Any]]:
    return arguments(DOMAIN.lookalike[lookalike], words=words_of(trials()[0].image))


def gave(world: World, tool: Tool, given_arguments: Any) -> str:
    """Return the refusal of a call, or what it gives; nothing of it stays."""
    world.begin()
    try:
        tool.call(world, given_arguments)
    except ToolError as error:
        return f"{error.code}: {error}"
    finally:
        world.undo()
    return ""


def test_every_look_alike_resembles_one_tool_and_only_reads() -> None:
    assert sorted(DOMAIN.confusable.values()) == sorted(DOMAIN.lookalike)
    assert not set(DOMAIN.lookalike) & set(DOMAIN.toolbox)
    for right, wrong in DOMAIN.confusable.items():
        real, other = DOMAIN.toolbox[right], DOMAIN.lookalike[wrong]
        assert real.parameters == other.parameters
        assert other.effect == "read"
        assert real.summary != other.summary
        properties = other.schema["function"]["parameters"]["properties"]
        assert all(each["description"] for each in properties.values())


@given(st.data())
def test_a_look_alike_refuses_what_its_tool_refuses_and_changes_nothing(data: st.DataObject) -> None:
    right = data.draw(st.sampled_from(sorted(DOMAIN.confusable)))
    real, other = DOMAIN.toolbox[right], DOMAIN.lookalike[DOMAIN.confusable[right]]
    given_arguments = data.draw(some_arguments(other.name))
    world = pool.borrow(trials()[0].image, State())
    refusal = gave(world, other, given_arguments)
    world.begin()
    if not refusal:
        other.call(world, given_arguments)
    assert world.commit() == 0
    assert world.state == State()
    assert refusal == gave(world, real, given_arguments)


WRITES = [right for right in sorted(DOMAIN.confusable) if DOMAIN.toolbox[right].effect == "write"]


@pytest.mark.parametrize("right", WRITES)
def test_who_takes_a_look_alike_for_a_write_does_not_pass(right: str) -> None:
    wrong, played_with = DOMAIN.confusable[right], 0
    for each in trials():
        confused = [action.replace(f'"name":"{right}"', f'"name":"{wrong}"') for action in each.actions]
        if confused == list(each.actions):
            continue
        played_with += 1
        episode = act_all(Episode(each.task.model_copy(update={"extras": EXTRAS})), confused)
        assert [record.error for record in episode.trajectory().calls if record.name == wrong] == [""]
        assert episode.verdict().missing
    assert played_with


def test_what_look_alikes_say() -> None:
    cancel, bags = using("cancel_reservation"), using("update_reservation_baggages")
    write = call_of(bags, "update_reservation_baggages")
    with closing(bags.image.open()) as world:
        said = DOMAIN.lookalike["quote_baggages"].call(world, write.arguments)
        assert said.startswith("These bags would cost ")
        assert said.endswith(" No bag was added.")
        late: Any = world.row(
            "SELECT flight_number, date FROM flight_days WHERE status = 'delayed' "
            "ORDER BY flight_number, date"
        )
        flight = {"flight_number": late[0], "date": late[1]}
        assert DOMAIN.lookalike["get_flight_schedule"].call(world, flight) == "on time"
        owner: Any = world.row(
            "SELECT user_id FROM reservations GROUP BY user_id HAVING count(*) > 1 ORDER BY user_id"
        )
        short, whole = (
            tool.call(world, {"user_id": owner[0]})
            for tool in (DOMAIN.lookalike["get_user_summary"], DOMAIN.toolbox["get_user_details"])
        )
        assert short["reservations"] == whole["reservations"][:1] != whole["reservations"]
        assert list(short["payment_methods"]) == list(whole["payment_methods"])[:1]
        assert short.keys() == whole.keys()
    assert cancel.image is bags.image


# All three at once


@cache
def laden(name: str) -> Task:
    task = using(name).task
    return with_setup(
        task,
        unrelated(task),
        faults={"get_user_details": 1, "quote_baggages": 2, "cancel_reservation": 1},
        extras=EXTRAS[:3],
    )


some_actions = st.deferred(
    lambda: st.lists(
        st.one_of(
            actions(DOMAIN, words=words_of(trials()[0].image)),
            st.sampled_from([action for each in trials() for action in each.actions]),
            st.sampled_from(EXTRAS).flatmap(
                lambda name: some_arguments(name).map(lambda given_arguments: call(name, **given_arguments))
            ),
        ),
        max_size=8,
    )
)
tools_used = st.sampled_from(
    ["cancel_reservation", "update_reservation_baggages", "update_reservation_passengers"]
)


def act_all(episode: Episode, listed: list[str]) -> Episode:
    for action in listed:
        if not episode.done:
            episode.act(action)
    return episode


@given(tools_used, some_actions, some_actions)
def test_a_copy_of_any_kind_goes_on_identically(name: str, before: list[str], after: list[str]) -> None:
    episode = act_all(Episode(laden(name)), before)
    digest = episode.digest
    copies = [
        episode.fork(),
        Episode.restore(episode.snapshot()),
        Episode.restore(episode.snapshot().text),
        pickle.loads(pickle.dumps(episode)),
    ]
    finished = [act_all(copy, after) for copy in copies]
    assert episode.digest == digest
    act_all(episode, after)
    for copy in finished:
        assert copy.digest == episode.digest
        assert copy.snapshot().text == episode.snapshot().text
        assert copy.trajectory() == episode.trajectory()
        assert offered(copy) == offered(episode)


@given(some_actions, some_actions)
def test_episodes_of_one_image_do_not_see_each_others_setups(mine: list[str], yours: list[str]) -> None:
    plain = using("cancel_reservation").task
    tasks = (
        laden("cancel_reservation"),
        plain,
        plain.model_copy(update={"setup": with_fee(plain, "bag_fee_cents", 1_00)}),
    )
    scripts = (mine, yours, mine)
    alone = [act_all(Episode(task), list(script)) for task, script in zip(tasks, scripts, strict=True)]
    together = [Episode(task) for task in tasks]
    for turn in range(8):
        for episode, script in zip(together, scripts, strict=True):
            act_all(episode, script[turn : turn + 1])
    for one, other in zip(alone, together, strict=True):
        assert one.snapshot().text == other.snapshot().text
    cities, fees, transfers = zip(*map(seen, together), strict=True)
    assert cities[0] != cities[1] == cities[2]
    assert fees[0] == fees[1] != fees[2]
    assert (1, "earlier") in transfers[0]
    assert not any((1, "earlier") in found for found in transfers[1:])


def seen(episode: Episode) -> list[list[Row]]:
    """Return the rows that the setups make differ."""
    tables = {"airports": "iata", "policy_values": "name", "transfers": "seq"}
    return [
        episode.world().rows(f"SELECT * FROM {table} ORDER BY {order}") for table, order in tables.items()
    ]


def recorded(episode: Episode) -> Recorded:
    verdict, trajectory = episode.verdict().to_json(), episode.trajectory().to_json()
    return Recorded(
        line=2,
        task=episode.task.id,
        trial=0,
        trajectory=RecordedTrajectory.model_validate(trajectory),
        verdict=RecordedVerdict.model_validate(verdict),
        claims=verdict,
    )


@given(tools_used, some_actions)
def test_a_replay_comes_out_again_and_in_no_other_task(name: str, script: list[str]) -> None:
    task = laden(name)
    record = recorded(act_all(Episode(task), script))
    assert replay(Task.model_validate(parse_trusted(canonical(task.to_json()))), record).digest
    others: list[dict[str, Any]] = [
        {"setup": task.setup[:1]},
        {"faults": {}},
        {"extras": task.extras[::-1]},
    ]
    for other in others:
        with pytest.raises(ReplayError):
            replay(task.model_copy(update=other), record)


def test_a_task_without_them_is_written_as_ever() -> None:
    task = using("cancel_reservation").task
    data = task.to_json()
    assert not {"setup", "faults", "extras"} & set(data)
    assert Task.model_validate(data | {"setup": [], "faults": {}, "extras": []}).id == task.id
    assert '"faults"' not in Episode(task).snapshot().text
    starts = {Episode(task).digest}
    for more in ({"setup": unrelated(task)}, {"faults": {"calculate": 1}}, {"extras": EXTRAS[:1]}):
        other = task.model_copy(update=more)
        assert Task.model_validate(parse_trusted(canonical(other.to_json()))) == other
        starts.add(Episode(other).digest)
    assert len(starts) == 4
