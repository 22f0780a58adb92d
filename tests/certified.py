"""A small certified task set and runs on it, made once for all tests."""

from functools import cache
from pathlib import Path

import pytest

from simenv.agents.registry import agent
from simenv.agents.runs import Plan, run
from simenv.core import catalog
from simenv.core.pack import Pack, read_pack
from simenv.synth.forge import Order
from simenv.synth.store import produce

ORDER = Order(domain="airline", split="train", depth=(1, 3), breadth=(1, 2), count=24, seed=1)


_MADE: list[Path] = []


def task_set(folders: pytest.TempPathFactory) -> Path:
    """Return a file of 24 tasks, near twins among them."""
    if not _MADE:
        path = folders.mktemp("certified") / "set.jsonl"
        produce(ORDER, path, command="made for tests")
        _MADE.append(path)
    return _MADE[0]


def pack_of(folders: pytest.TempPathFactory) -> Pack:
    """Return the tasks of that file."""
    return _read(task_set(folders))


_read = cache(read_pack)


def plan_of(folders: pytest.TempPathFactory, name: str, trials: int = 1) -> Plan:
    """Return the plan of a run of an agent over all of them, the twins named."""
    pack = pack_of(folders)
    proved = {str(line["id"]): line["certificate"] for line in pack.lines}
    twins = {each: found["twin"] for each, found in proved.items() if "twin" in found}
    tasks = [pack.at(at) for at in range(len(pack))]
    return Plan(agent=name, tasks=tasks, trials=trials, pack=str(task_set(folders)), twins=twins)


def run_of(folders: pytest.TempPathFactory, name: str, trials: int = 1) -> Path:
    """Return the log of that run."""
    path = task_set(folders).with_name(f"{name.replace(':', '-')}-{trials}.jsonl")
    plan = plan_of(folders, name, trials)
    # What is there is not played again.
    run(plan, agent(name, catalog.domain("airline"), plan.tasks), path)
    return path
