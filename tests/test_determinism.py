"""The address fixes everything: another process, another locale, other episodes before or between."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
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


def alone(place: int) -> str:
    return play(Episode(bundled("airline", "train").at(place)), oracle()).digest


@given(places=st.lists(st.integers(0, 60), min_size=10, max_size=10), order=st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_episodes_that_take_turns_are_equal_to_episodes_alone(places: list[int], order: st.DrawFn) -> None:
    """Ten episodes, some of one task or one world, stepped in any order."""
    episodes = [Episode(bundled("airline", "train").at(place)) for place in places]
    runs = [oracle()(episode) for episode in episodes]
    steps: list[Step | None] = [None] * len(runs)
    active = list(range(len(runs)))
    while active:
        at = order.choice(active)  # type: ignore[attr-defined]
        step = steps[at]
        action = next(runs[at]) if step is None else runs[at].send(step)
        steps[at] = episodes[at].act(action)
        if episodes[at].done:
            runs[at].close()
            active.remove(at)
    assert [episode.digest for episode in episodes] == [alone(place) for place in places]


def test_other_episodes_before_change_nothing() -> None:
    fresh = [alone(place) for place in range(5)]
    pool.forget()
    backwards = [alone(place) for place in reversed(range(20))]
    assert [alone(place) for place in range(5)] == fresh == backwards[::-1][:5]
