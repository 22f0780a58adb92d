"""Faults for workers, put in by ``prepare``: actions that end, block or slow down whoever plays them."""

import os
import time

from simenv.episodes.episode import Episode, Step
from simenv.train.rollouts.workers import EnvPool

DIES, HANGS = "die, worker", "hang, worker"


def install() -> None:
    """Let two sentences be fatal."""
    act = Episode.act

    def trapped(episode: Episode, action: str) -> Step:
        if action == DIES:
            os._exit(7)
        while action == HANGS:
            time.sleep(60)
        return act(episode, action)

    Episode.act = trapped  # type: ignore[method-assign,assignment]


def refuse_torch() -> None:
    """End the worker with an error if torch was loaded, now or by the first episode."""
    act = Episode.act

    def checked(episode: Episode, action: str) -> Step:
        import sys

        heavy = sorted({"torch", "transformers", "peft", "tokenizers"} & set(sys.modules))
        return act(episode, f"Loaded: {heavy}")

    Episode.act = checked  # type: ignore[method-assign,assignment]


def forever() -> None:
    """Print the workers' process ids and keep one busy until somebody stops it: for the test of Ctrl-C."""
    from simenv.core.pack import bundled

    task = bundled("airline", "train").at(0)
    with EnvPool[int](2, latency_s=0.2) as pool:
        pool.open([(number, task) for number in range(2)])
        print(*pool.pids, flush=True)  # noqa: T201  another process reads it
        while True:
            pool.step({0: '{"name": "list_all_airports"}'})


if __name__ == "__main__":
    forever()
