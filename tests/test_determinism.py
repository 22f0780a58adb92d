"""The address fixes everything: another process, another locale, other episodes before or between."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.oracle import oracle
from simenv.agents.protocol import StuckError
from simenv.core.pack import bundled
from simenv.episodes import pool
from simenv.episodes.episode import Episode, Step

ROOT = Path(__file__).resolve().parents[1]
EPISODES = 200
MACHINES = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "PYTHONUTF8": "0"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8"},
)


def digests_on(machine: dict[str, str]) -> "subprocess.Popen[bytes]":
    paths = [str(ROOT), str(ROOT / "corpora"), str(ROOT / "generators")]
    return subprocess.Popen(
        [sys.executable, "-m", "simenv.cli", "digest", "airline", "--count", str(EPISODES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **machine},
    )


def test_processes_agree_under_other_hash_seeds_time_zones_and_locales() -> None:
    first, second = [process.communicate()[0] for process in map(digests_on, MACHINES)]
    lines = [json.loads(line) for line in first.splitlines()]
    assert len({line["digest"] for line in lines}) == EPISODES
    assert first == second


def turns(episode: Episode) -> Iterator[None]:
    """Let the oracle play, a step at a time; where it stops early the customer hears nothing more."""
    run = oracle()(episode)
    step: Step | None = None
    with suppress(StopIteration, StuckError):
        while not episode.done:
            step = episode.act(next(run) if step is None else run.send(step))
            yield
    run.close()
    while not episode.done:
        episode.act("")
        yield


def alone(place: int) -> str:
    episode = Episode(bundled("airline", "train").at(place))
    list(turns(episode))
    return episode.digest


@given(places=st.lists(st.integers(0, 60), min_size=10, max_size=10), data=st.data())
@settings(max_examples=5)
def test_episodes_that_take_turns_are_equal_to_episodes_alone(places: list[int], data: st.DataObject) -> None:
    """Ten episodes, some of one task or one world, stepped round robin in any order."""
    episodes = [Episode(bundled("airline", "train").at(place)) for place in places]
    active = [turns(episodes[at]) for at in data.draw(st.permutations(range(10)))]
    while active:
        active = [each for each in active if next(each, True) is None]
    assert [episode.digest for episode in episodes] == [alone(place) for place in places]


def test_other_episodes_before_change_nothing() -> None:
    fresh = [alone(place) for place in range(5)]
    pool.forget()
    backwards = [alone(place) for place in reversed(range(20))]
    assert [alone(place) for place in range(5)] == fresh == backwards[::-1][:5]
