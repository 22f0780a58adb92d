"""Many episodes at once: the same bytes as one by one, in order, each thread with its own connections."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.concurrent import in_order, run_concurrently
from simenv.agents.registry import agent
from simenv.agents.runs import Plan, run
from simenv.core import catalog
from simenv.core.errors import UsageError
from simenv.core.pack import bundled
from simenv.episodes import pool
from simenv.episodes.episode import Episode
from tests.scripted_server import oracle_actions

TASKS = [bundled("airline", "train").at(place) for place in range(6)]


def test_a_run_by_threads_is_the_run_by_one(tmp_path: Path) -> None:
    idle = agent("idle", catalog.domain("airline"))
    alone, together = tmp_path / "alone.jsonl", tmp_path / "together.jsonl"
    same = Plan(agent="idle", tasks=TASKS, trials=3)
    run(same, idle, alone)
    run_concurrently(same, lambda trial: idle, together, workers=5)
    assert alone.read_bytes() == together.read_bytes()


@given(count=st.integers(0, 40), bad=st.integers(0, 60), workers=st.integers(1, 4))
@settings(max_examples=20)
def test_items_come_in_order_up_to_the_first_that_fails(count: int, bad: int, workers: int) -> None:
    stops: list[int] = []

    def work(item: int) -> int:
        if item == bad:
            raise UsageError("bad")
        return item

    got: list[int] = []
    try:
        for item in in_order(work, range(count), workers=workers, stop=lambda: stops.append(1)):
            got.append(item)
    except UsageError:
        assert bad < count
    assert got == list(range(min(count, bad)))
    assert len(stops) == (bad < count)


def test_an_episode_that_changes_threads_sees_its_own_writes() -> None:
    """Each thread has its connection; one that was left behind must not be believed."""
    for task in TASKS:
        actions = oracle_actions(task)
        number = next((at for at, action in enumerate(actions) if '"name":"update_' in action), None)
        if number is None:
            continue
        write = json.loads(actions[number])
        where = {"reservation_id": write["arguments"]["reservation_id"]}
        look = json.dumps({"name": "get_reservation_details", "arguments": where})
        empty = json.dumps({"name": write["name"], "arguments": {}})
        alone, moving = Episode(task), Episode(task)
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
            for threads, action in [
                *[(one, action) for action in actions[:number]],
                (one, empty),
                (other, actions[number]),
                (one, look),
            ]:
                expected = alone.act(action)
                assert threads.submit(moving.act, action).result() == expected
        return
    raise AssertionError("no task of these writes")


def test_a_thread_that_leaves_holds_no_connection() -> None:
    with ThreadPoolExecutor(1) as threads:

        def held() -> list[int]:
            episode = Episode(TASKS[0])
            episode.world()
            image = pool.image(TASKS[0].domain, tuple(TASKS[0].world), TASKS[0].size)
            before = len(image.seats[threading.get_ident()])
            pool.leave()
            return [min(before, 1), len(image.seats.get(threading.get_ident(), ()))]

        assert threads.submit(held).result() == [1, 0]
