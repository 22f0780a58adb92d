"""Sets drawn by what runs show: their shares, weights and edits, and that all of it can be proved again."""

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from simenv.cli import main
from simenv.core import catalog
from simenv.core.draws import Draws
from simenv.core.pack import Pack, read_pack
from simenv.synth.aim import Aim, Edit
from simenv.synth.attribute import Profile, Skill
from simenv.synth.focus import chosen_bases, focus_of, weights_of
from simenv.synth.grow import operators
from simenv.synth.order import EDITED, UNIFORM, Base, Focus, Order, agrees
from simenv.synth.recheck import Lie, recheck

GENERATOR = catalog.generator("airline")
KNOWN = operators(GENERATOR.vocabulary, GENERATOR.domain)
COUNT = 15
DRAWN = ["synth", "airline", "--count", str(COUNT), "--seed", "4", "--depth", "1:3", "--breadth", "1:2"]


def skill(rung: str, *, failures: int, learnability: float, weight: float) -> Skill:
    return Skill(rung, rung, 10, 10 - failures, failures, learnability, weight)


PROFILE = Profile(
    (
        skill("no_rank", failures=5, learnability=0.25, weight=0.6),
        skill("no_join", failures=3, learnability=0.2, weight=0.3),
        skill("no_policy", failures=1, learnability=0.1, weight=0.1),
        skill("no_retry", failures=0, learnability=0.0, weight=0.0),
    ),
    unknown=0,
)


@cache
def folder() -> Path:
    """Return a folder with a set, a run of it, and a set that is drawn by the run."""
    place = Path(mkdtemp())
    base, run, drawn = (str(place / name) for name in ("base.jsonl", "run.jsonl", "drawn.jsonl"))
    assert main(["synth", "airline", "--count", "16", "--seed", "3", "--depth", "1:3", "--out", base]) == 0
    assert main(["run", "airline", "--agent", "noisy:5", "--tasks", base, "--out", run]) == 0
    assert main(focused(run, drawn)) == 0
    return place


def focused(run: str, out: str) -> list[str]:
    return [*DRAWN, "--focus", run, "--out", out]


def drawn() -> Pack:
    return read_pack(folder() / "drawn.jsonl")


def changed(pack: Pack, index: int, **aim: Any) -> Pack:
    lines = json.loads(json.dumps(list(pack.lines)))
    lines[index]["certificate"]["aim"] |= aim
    return Pack(pack.place, pack.header, [lines[index]])


def first_lie(pack: Pack) -> Lie:
    return next(iter(recheck(pack)))


def place_of(pack: Pack, way: str) -> int:
    return next(at for at, line in enumerate(pack.lines) if line["certificate"]["aim"]["way"] == way)


# Weights


def test_operators_are_weighed_by_the_most_rewarding_of_their_abilities() -> None:
    weights = dict(weights_of(PROFILE, KNOWN))
    assert weights["rank"] == 24
    assert weights["join"] == 12
    assert "policy_gate" not in weights, "4 is what it has anyway"
    assert weights["faults"] == 1
    assert "chatter" not in weights, "an ability that was never needed stays where it was"


def test_nothing_is_preferred_where_nothing_can_be_learned() -> None:
    solved = Profile((skill("no_rank", failures=0, learnability=0.0, weight=1.0),), unknown=0)
    assert weights_of(solved, KNOWN) == ()
    focus, weights = focus_of(solved, [("run.jsonl", "d")], KNOWN)
    assert (weights, focus.pair, focus.paired) == ((), (), ())


def test_the_two_weakest_abilities_are_brought_together() -> None:
    focus, _ = focus_of(PROFILE, [], KNOWN)
    # No plan holds the operators of no_rank and no_join; rank with denials is kept for the test split.
    assert focus.pair == ("no_join", "no_policy")
    assert focus_of(PROFILE, [], KNOWN, "test")[0].pair == ("no_rank", "no_policy")
    favoured = {name for name, weight in focus.paired if weight > 1}
    assert {"join", "partly_infeasible"} <= favoured
    assert not {"rank", "superlative", "faults"} & favoured


def test_success_is_the_product_over_the_abilities_that_are_needed() -> None:
    focus, _ = focus_of(PROFILE, [], KNOWN)
    assert focus.success([]) == 1
    assert focus.success(["no_rank", "no_retry"]) == Fraction(1, 2) * (1 - Fraction(83, 1000))
    assert focus.success(["stubborn"]) == Fraction(1, 2), "never needed: the rule of succession says one half"
    assert focus.learnability(["no_rank"]) == Fraction(1, 4)


def test_the_easiest_solved_tasks_are_grown_on() -> None:
    focus, _ = focus_of(PROFILE, [], KNOWN)
    world = ("airline", "train", 3, 0)
    bases = [
        Base(world, (*world, "task", at), Aim(1, 1), ladder)
        for at, ladder in enumerate([("no_rank",), ("no_retry",), ("no_rank", "no_join")])
    ]
    assert [base.ladder for base in chosen_bases(bases, focus, 5)] == [("no_rank",), ("no_retry",)]
    assert chosen_bases(bases, focus, 4) == ()


# Shares


def test_ways_are_drawn_from_the_address() -> None:
    focus, weights = focus_of(PROFILE, [], KNOWN)
    order = Order("airline", focus=focus, weights=weights)
    aims = [order.aim(Draws("somewhere", number)) for number in range(1000)]
    assert aims == [order.aim(Draws("somewhere", number)) for number in range(1000)]
    ways = Counter(aim.way for aim in aims)
    assert set(ways) == {"uniform", "weighted", "paired"}
    assert 220 <= ways["uniform"] <= 300
    assert all(aim.weights == () for aim in aims if aim.way == "uniform")
    assert all(aim.depth >= 3 and aim.breadth >= 2 for aim in aims if aim.way == "paired")
    assert Order("airline").aim(Draws("somewhere")).way == ""


def test_a_fifth_is_uniform_whatever_is_proved() -> None:
    order = Order("airline", count=11, focus=Focus((), ()))
    ways: dict[str, int] = {}
    for way in ["edited"] * 11 + ["weighted"] * 11 + ["uniform"] * 11:
        if sum(ways.values()) < order.count and order.room(way, ways):
            ways[way] = ways.get(way, 0) + 1
    assert ways == {"edited": 2, "weighted": 6, "uniform": 3}
    assert 100 * ways["uniform"] >= UNIFORM * order.count


def test_a_drawn_set_has_its_shares_and_says_so() -> None:
    pack = drawn()
    ways = Counter(line["certificate"]["aim"]["way"] for line in pack.lines)
    assert ways == pack.header["made"]["ways"]
    assert 100 * ways["uniform"] >= UNIFORM * COUNT
    assert 0 < 100 * ways["edited"] <= EDITED * COUNT
    assert ways["weighted"]
    focus = pack.header["focus"]
    assert [name for name, _ in focus["runs"]] == ["run.jsonl"]
    assert focus["weights"]
    assert focus["weakness"]


# Proof


def test_a_drawn_set_holds_without_the_runs() -> None:
    pack = drawn()
    assert list(recheck(pack)) == []


def test_edits_are_one_operator_away_and_have_more_to_learn_from() -> None:
    pack, solved = drawn(), read_pack(folder() / "base.jsonl")
    focus = Focus((), tuple(pack.header["focus"]["weakness"].items()))
    bases = {tuple(line["certificate"]["address"]): line["certificate"] for line in solved.lines}
    edited = [line["certificate"] for line in pack.lines if line["certificate"]["aim"]["way"] == "edited"]
    for each in edited:
        base = bases[tuple(each["aim"]["edit"]["address"])]
        assert each["lineage"] == [*base["lineage"], each["aim"]["edit"]["operator"]]
        assert focus.learnability(each["ladder"]) > focus.learnability(base["ladder"])


def test_the_command_in_the_head_makes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = drawn()
    monkeypatch.chdir(folder())
    command = pack.header["command"].split()[1:]
    assert main([*command, "--workers", "2", "--out", "again.jsonl"]) == 0
    assert (folder() / "again.jsonl").read_bytes() == (folder() / "drawn.jsonl").read_bytes()


def test_other_weights_than_those_of_the_set_are_a_lie() -> None:
    pack = drawn()
    lie = first_lie(changed(pack, place_of(pack, "weighted"), weights=[["rank", 99]]))
    assert lie.obligation == "P14"
    assert "weights" in lie.witness
    assert first_lie(changed(pack, place_of(pack, "weighted"), way="uniform")).obligation == "P14"


def test_an_edit_of_something_else_is_a_lie() -> None:
    pack = drawn()
    at = place_of(pack, "edited")
    edit = pack.lines[at]["certificate"]["aim"]["edit"]
    elsewhere = edit | {"address": [*edit["address"][:-1], 9999]}
    for other in (edit | {"operator": "no_such"}, elsewhere, {"operator": "rank"}):
        lie = first_lie(changed(pack, at, edit=other))
        assert lie.obligation == "P14"


def test_aims_survive_being_written() -> None:
    inner = Aim(2, 1, weights=(("rank", 9),), way="weighted")
    aim = Aim(3, 1, "test", ("rank",), way="edited", edit=Edit(("airline", 1), inner, "rank"))
    assert Aim.from_json(json.loads(json.dumps(aim.to_json()))) == aim
    assert Aim(1, 1).to_json() == {"depth": 1, "breadth": 1, "split": "train"}


def test_a_set_without_a_focus_has_no_ways() -> None:
    assert agrees({}, Aim(1, 1, weights=(("rank", 9),)))
    assert not agrees({}, Aim(1, 1, way="uniform"))
    assert not agrees({"focus": {}}, replace(Aim(1, 1), way="weighted"))


# Errors


def test_a_run_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(focused(str(tmp_path / "none.jsonl"), str(tmp_path / "out.jsonl"))) == 2
    assert "none.jsonl" in capsys.readouterr().err
