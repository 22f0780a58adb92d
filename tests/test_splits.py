"""Task sets of two splits share nothing, and a set is the same bytes however it is made."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from simenv.core.canonical import canonical
from simenv.core.errors import DataError, UsageError
from simenv.core.pack import Pack, bundled, parse_pack, read_pack
from simenv.synth.forge import Order
from simenv.synth.grow import held_out, operators
from simenv.synth.recheck import overlap, recheck
from simenv.synth.store import Produced, produce
from tests.proved import Line, copy, data_of, find, generator, pack_of, signed

# Disjoint or not


def test_operators_that_are_taken_out_of_certificates_are_found_by_growing_again() -> None:
    whole = bundled("airline", "test")
    pairs = [
        (line, pair)
        for line in whole.lines
        for pair in combinations(sorted(set(line["certificate"]["lineage"])), 2)
        if held_out(*pair)
    ]
    line, pair = copy(pairs[0][0]), "+".join(pairs[0][1])
    line["certificate"]["lineage"] = []
    head = whole.header | {"split": "train", "tasks": 1}
    forged = parse_pack("train", "".join(canonical(each) + "\n" for each in [head, line]).encode())
    found = {each.what: each.found for each in overlap(forged, pack_of("test"))}
    assert pair in found["pairs kept for the test split, in train"]


def test_tasks_that_do_not_grow_from_their_certificates_are_no_ground_for_a_proof() -> None:
    line = find(lambda line: "setup" not in line, "train")
    line["certificate"]["address"][-1] += 1
    found = overlap(of("train", line), pack_of("test"))
    assert any("do not grow" in each.what for each in found)


def of(split: str, *lines: Line) -> Pack:
    """Return a set of these lines with that split's head."""
    head = pack_of(split).header | {"tasks": len(lines)}
    return parse_pack(split, "".join(canonical(each) + "\n" for each in [head, *lines]).encode())


@pytest.mark.parametrize("other", ["test", "validation"])
def test_sets_of_two_splits_share_nothing(other: str) -> None:
    theirs = parse_pack(other, data_of(other, 25 if other == "test" else 6))
    assert overlap(pack_of("train"), theirs) == []
    assert overlap(theirs, pack_of("train")) == []


def test_a_set_shares_everything_with_itself() -> None:
    shared = {each.what: each.found for each in overlap(pack_of("test"), pack_of("test"))}
    assert set(shared) == {"worlds", "customers", "programs", "shapes"}
    assert all(1 <= len(found) <= 3 for found in shared.values())


def take_world(line: Line, from_: Line) -> None:
    line["world"] = from_["world"]


def take_customer(line: Line, from_: Line) -> None:
    line["plan"]["customer"] = from_["plan"]["customer"]


def take_program(line: Line, from_: Line) -> None:
    line["program"] = from_["program"]


def take_shape(line: Line, from_: Line) -> None:
    """Want the same of other things: the shape is all that is kept."""
    line["plan"] = copy(from_)["plan"] | {"customer": line["plan"]["customer"]}


TAKEN: dict[str, Callable[[Line, Line], None]] = {
    "worlds": take_world,
    "customers": take_customer,
    "programs": take_program,
    "shapes": take_shape,
}


@pytest.mark.parametrize("what", TAKEN)
def test_each_thing_that_two_sets_share_is_found_by_itself(what: str) -> None:
    theirs = find(lambda line: "setup" not in line, "test")
    line = find(lambda line: "setup" not in line, "train")
    assert overlap(of("train", line), of("test", theirs)) == []
    TAKEN[what](line, theirs)
    for found in (
        overlap(of("train", signed(line)), of("test", theirs)),
        overlap(of("test", theirs), of("train", signed(line))),
    ):
        assert [each.what for each in found if "no ground" not in each.what] == [what]


def test_a_pair_of_operators_that_is_kept_is_found_in_any_set_but_the_test_set() -> None:
    names = sorted(operators(generator().vocabulary, generator().domain))
    pair = next([one, other] for one in names for other in names if one < other and held_out(one, other))
    theirs = find(lambda line: True, "test")
    line = find(lambda line: True, "train")
    for lineage in (pair, pair[::-1], [pair[0], names[0], pair[1]]):
        line["certificate"]["lineage"] = lineage
        found = overlap(of("train", line), of("test", theirs))
        assert [each.what for each in found] == ["pairs kept for the test split, in train"]
        assert "+".join(pair) in found[0].found
    theirs["certificate"]["lineage"] = pair
    line["certificate"]["lineage"] = []
    assert overlap(of("train", line), of("test", theirs)) == []


# The same bytes


SMALL = Order("airline", split="train", depth=(1, 1), breadth=(1, 1), count=56, seed=3, twins=False)


class Interrupted(Exception):
    """Someone pressed Ctrl-C."""


def make(out: Path, order: Order = SMALL, **more: Any) -> Produced:
    return produce(order, out, command="made by a test", **more)


@cache
def whole() -> bytes:
    """Return the small set as one worker makes it without interruption."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "whole.jsonl"
        made = make(out)
        assert (made.forge.made, made.resumed) == (SMALL.count, 0)
        assert len(made.forge.worlds) > 1
        return out.read_bytes()


def test_two_workers_make_the_same_bytes_as_one(tmp_path: Path) -> None:
    make(tmp_path / "two.jsonl", workers=2)
    assert (tmp_path / "two.jsonl").read_bytes() == whole()


def interrupt(count: int) -> None:
    raise Interrupted(str(count))


def test_an_interrupted_set_is_continued_to_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"
    with pytest.raises(Interrupted):
        make(out, progress=interrupt)
    assert not out.exists()
    part = out.with_name("set.jsonl.part")
    recorded = part.read_bytes()
    assert recorded.count(b"\n") == 2
    # The machine went down while the next world was being written.
    part.write_bytes(recorded + recorded.splitlines()[1][:1000])
    assert make(out).resumed == 1
    assert out.read_bytes() == whole()
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".jsonl"] == []


def test_a_set_that_was_cut_off_within_its_first_line_begins_anew(tmp_path: Path) -> None:
    out, other = tmp_path / "set.jsonl", tmp_path / "other.jsonl"
    few = replace(SMALL, count=3)
    with pytest.raises(Interrupted):
        make(out, few, progress=interrupt)
    part = out.with_name("set.jsonl.part")
    head, first = part.read_bytes().splitlines(keepends=True)
    for left, resumed in ((head, 0), (head + first[:-1], 0), (head + first, 1)):
        part.write_bytes(left)
        assert make(out, few).resumed == resumed
        assert make(other, few).resumed == 0
        assert out.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("change", [{"seed": 4}, {"count": 57}, {"split": "test"}, {"depth": (1, 2)}])
def test_what_was_begun_for_another_order_is_not_continued(change: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"
    part = out.with_name("set.jsonl.part")
    part.write_bytes(canonical(SMALL.to_json()).encode() + b"\n")
    with pytest.raises(DataError, match="begun for another order") as fault:
        make(out, replace(SMALL, **change))
    assert "Finish that one, delete it, or choose another --out" in str(fault.value)
    assert part.read_bytes() == canonical(SMALL.to_json()).encode() + b"\n"


def test_packed_and_plain_sets_hold_the_same(tmp_path: Path) -> None:
    order = Order("airline", depth=(1, 1), breadth=(1, 1), count=3, seed=3)
    for name in ("one.jsonl", "one.jsonl.gz", "two.jsonl.gz"):
        make(tmp_path / name, order)
    one, packed = (read_pack(tmp_path / name) for name in ("one.jsonl", "one.jsonl.gz"))
    assert (one.header, one.lines) == (packed.header, packed.lines)
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert list(recheck(one)) == []


def test_an_order_that_worlds_cannot_meet_is_refused() -> None:
    for bad in ({"depth": (0, 1)}, {"depth": (3, 2)}, {"breadth": (1, 99)}, {"count": 0}, {"seed": -1}):
        with pytest.raises(UsageError):
            Order("airline", **bad).check()
