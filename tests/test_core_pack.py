"""Laws of packs: whole, honest, the same bytes from the same tasks; anything else is a DataError."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.core.pack import bundled, parse_pack, read_pack, write_pack
from simenv.core.task import Task
from simenv.episodes.select import choose, pack_of
from simenv.testing import Sample

HEADER = {"domain": "library", "split": "train", "worlds": []}


@cache
def tasks() -> tuple[Task, ...]:
    import tests.library_domain  # noqa: F401  registers the domain

    return tuple(trial.task for trial in Sample.draw("library", worlds=1, tasks_per_intent=1).trials)


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack.jsonl", HEADER, tasks())
    return tmp_path / "pack.jsonl"


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_pack_gives_back_its_tasks_and_its_bytes(tmp_path: Path, name: str) -> None:
    write_pack(tmp_path / name, HEADER, tasks())
    pack = read_pack(tmp_path / name)
    assert [pack.at(at) for at in range(len(pack))] == list(tasks())
    assert pack.ids() == [task.id for task in tasks()]
    assert pack.at(len(pack) + 1) == tasks()[1]
    assert pack.find(tasks()[2].id) == tasks()[2]
    again = tmp_path / f"again-{name}"
    write_pack(again, HEADER, [pack.at(at) for at in range(len(pack))])
    assert again.read_bytes() == (tmp_path / name).read_bytes()


def _richer(lines: list[dict[str, Any]]) -> None:
    lines[1]["goal"]["required"] = []


FORGED: dict[str, tuple[Callable[[list[dict[str, Any]]], object], int]] = {
    "a goal that asks for nothing": (_richer, 2),
    "a larger budget": (lambda lines: lines[1].update(budget=99), 2),
    "another world": (lambda lines: lines[2].update(world=["library", "train", 99]), 3),
    "ids exchanged": (lambda lines: lines[1].update(id=lines[2]["id"]), 2),
    "an unknown field": (lambda lines: lines[1].update(bonus=1), 2),
    "a field of the wrong type": (lambda lines: lines[1].update(card=7), 2),
    "no program": (lambda lines: lines[3].pop("program"), 4),
}


@pytest.mark.parametrize(("change", "line"), FORGED.values(), ids=FORGED)
def test_a_forged_task_is_found_when_it_is_used(plain: Path, change: Any, line: int) -> None:
    lines = written(plain)
    change(lines)
    plain.write_text("".join(json.dumps(each) + "\n" for each in lines))
    pack = read_pack(plain)
    with pytest.raises(DataError) as caught:
        _ = [pack.at(at) for at in range(len(pack))]
    assert caught.value.line == line
    assert str(plain) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lines: lines.pop(), "3 of 4 tasks are there"),
        (lambda lines: lines.append(lines[1]), "5 of 4 tasks are there"),
        (lambda lines: lines[0].update(version=2), "pack version 2, not 1"),
        (lambda lines: lines[0].update(format="other"), "not a task pack"),
        (lambda lines: lines.pop(0), "not a task pack"),
        (lambda lines: lines.clear(), "not a task pack"),
        (lambda lines: lines[1].pop("id"), "a task without an id"),
        (lambda lines: lines.__setitem__(1, [1]), "not a JSON object"),
        (lambda lines: lines.__setitem__(slice(None), [{**lines[0], "tasks": 0}]), "0 of 0 tasks are there"),
    ],
)
def test_a_pack_that_is_not_whole_is_not_read(plain: Path, change: Any, problem: str) -> None:
    lines: list[Any] = written(plain)
    change(lines)
    plain.write_text("".join(json.dumps(each) + "\n" for each in lines))
    with pytest.raises(DataError, match=problem):
        read_pack(plain)


@given(st.data())
def test_no_damage_raises_anything_but_a_data_error(data: st.DataObject) -> None:
    whole = b"".join(json.dumps(line).encode() + b"\n" for line in [_head(), *_lines()])
    for kind in (whole, gzip.compress(whole, mtime=0)):
        at = data.draw(st.integers(0, len(kind) - 1))
        damaged = data.draw(
            st.sampled_from(
                [kind[:at], kind[:at] + bytes([kind[at] ^ 64]) + kind[at + 1 :], kind[at:], b"[" * 9999]
            )
        )
        with suppress(DataError):
            pack = parse_pack("place", damaged)
            assert [pack.at(number).id for number in range(len(pack))] == pack.ids()


def _head() -> dict[str, Any]:
    return {"format": "simenv-pack", "version": 1, "tasks": len(tasks()), **HEADER}


def _lines() -> list[dict[str, Any]]:
    return [{"id": task.id} | task.to_json() for task in tasks()]


def test_a_missing_file_or_name_says_what_to_do(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Check the path"):
        read_pack(tmp_path / "none.jsonl")
    with pytest.raises(UnknownNameError, match="no task is named"):
        read_pack(plain).find("library/0")
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        bundled("airline", "trian")
    with pytest.raises(UnknownNameError, match="no domain is named"):
        bundled("airlin", "train")
    with pytest.raises(UsageError, match="ships no packs"):
        bundled("library", "train")
    with pytest.raises(UsageError, match="of domain 'library', not of 'airline'"):
        pack_of("airline", tasks=plain)


def test_a_task_is_chosen_by_id_before_seed_and_never_by_a_negative_seed(plain: Path) -> None:
    with pytest.raises(UsageError, match="without a certificate"):
        pack_of("library", tasks=plain)
    pack = pack_of("library", tasks=plain, uncertified=True)
    assert choose(pack, seed=6) == tasks()[2]
    assert choose(pack, seed=0, task=tasks()[3].id) == tasks()[3]
    for seed in (-1, None):
        with pytest.raises(UsageError, match="a seed is an integer >= 0"):
            choose(pack, seed=seed)
