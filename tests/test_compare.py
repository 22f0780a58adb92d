"""Laws and reference values of comparing two runs, and the command that does it."""

import argparse
import json
from collections.abc import Mapping
from itertools import product
from math import comb, fsum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.agents.audit import idle
from simenv.agents.oracle import oracle
from simenv.agents.protocol import Play
from simenv.agents.runs import Plan, run
from simenv.cli import compare as command
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.core.log import LogWriter, read_header, read_log
from simenv.core.pack import bundled
from simenv.episodes.episode import Episode
from simenv.scoring.compare import KINDS, WHOLE_SHARE, Comparison, capability_groups, compare
from simenv.scoring.gate import tasks_for_gate
from simenv.scoring.statistics import mcnemar, regression_p
from tests.certified import run_of, task_set

runs = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), st.booleans(), min_size=1, max_size=24
)
GROUPS = {"vowels": ["a", "e"], "early": ["a", "b", "c", "d"], "nobody": ["z"]}


def flipped(run: Mapping[tuple[str, int], bool]) -> dict[tuple[str, int], bool]:
    return {key: not passed for key, passed in run.items()}


def changed(worse: int, better: int, same: int = 1, trials: int = 1) -> tuple[Any, Any]:
    """Return two runs that differ so."""
    signs = [-1] * worse + [1] * better + [0] * same
    keys = [(f"t{at:04}", trial, sign) for at, sign in enumerate(signs) for trial in range(trials)]
    before = {(task, trial): sign < 1 for task, trial, sign in keys}
    return before, {(task, trial): sign > -1 for task, trial, sign in keys}


# Two runs


def judged(before: Any, after: Any, **more: Any) -> Comparison:
    return compare(
        before, after, groups=GROUPS, worlds=dict.fromkeys("abc", 1) | dict.fromkeys("def", 2), **more
    )


@given(runs)
def test_a_run_compared_with_itself_has_lost_and_gained_nothing(one: dict[tuple[str, int], bool]) -> None:
    found = judged(one, one)
    assert not found.regressions
    assert not found.progressions
    assert not found.regressed
    assert found.difference.mean == 0
    assert found.p_two_sided == found.p_regression == found.p_adjusted == 1
    assert not found.only_before
    assert not found.episodes_dropped
    low, high = found.difference.interval
    assert low == -high < 0


@given(one=runs, other=runs)
def test_comparing_the_other_way_round_mirrors(
    one: dict[tuple[str, int], bool], other: dict[tuple[str, int], bool]
) -> None:
    if not one.keys() & other.keys():
        with pytest.raises(UsageError, match="nothing to compare"):
            judged(one, other)
        return
    there, back = judged(one, other), judged(other, one)
    assert there.difference.mean == -back.difference.mean
    assert there.difference.interval == (-back.difference.interval.high, -back.difference.interval.low)
    assert [each.task for each in there.regressions] == [each.task for each in back.progressions]
    assert there.p_regression == back.p_progression
    assert there.p_two_sided == back.p_two_sided
    assert (there.only_before, there.only_after) == (back.only_after, back.only_before)
    for mine, yours in zip(there.groups, back.groups, strict=True):
        assert (mine.regressions, mine.before) == (yours.progressions, yours.after)


@given(one=runs, other=runs)
def test_the_order_of_a_run_says_nothing(
    one: dict[tuple[str, int], bool], other: dict[tuple[str, int], bool]
) -> None:
    if one.keys() & other.keys():
        turned = compare(dict(reversed(one.items())), other, groups=dict(reversed(GROUPS.items())))
        assert turned == compare(one, dict(reversed(other.items())), groups=GROUPS)


def test_only_trials_of_both_runs_count() -> None:
    before = {("a", 0): True, ("a", 1): True, ("b", 0): True, ("c", 0): True}
    after = {("a", 1): False, ("b", 0): True, ("d", 0): True}
    found = compare(before, after)
    assert [(each.task, each.trials, each.difference) for each in found.changes] == [
        ("a", 1, -1),
        ("b", 1, 0),
    ]
    assert (found.only_before, found.only_after, found.episodes_dropped) == (("c",), ("d",), 3)


def test_one_task_has_no_error() -> None:
    found = compare({("a", 0): True}, {("a", 0): False})
    assert found.difference.se is None
    assert found.p_regression == 0.5
    assert found.seen is None
    assert json.loads(json.dumps(found.to_json()))["se"] is None


def test_a_loss_of_one_group_is_seen_where_others_gain_as_much() -> None:
    before, after = changed(14, 14, 30)
    names = [task for task, _ in sorted(before)]
    found = compare(before, after, groups={"lost": names[:14], "won": names[14:28]})
    assert found.p_adjusted > 0.5
    assert [each.name for each in found.lost] == ["lost"]
    assert found.regressed
    assert not compare(before, after).regressed


def test_the_whole_leaves_a_fifth_of_the_chance_to_groups_that_can_be_significant() -> None:
    before, after = changed(20, 10, 5)
    names = [task for task, _ in sorted(before)]
    alone = compare(before, after)
    assert alone.p_adjusted == alone.p_regression
    found = compare(before, after, groups={"even": names[14:26], "few": names[:3]})
    assert found.p_adjusted == pytest.approx(alone.p_regression * 5 / 4)
    assert [each.adjusted is None for each in found.groups] == [False, True]
    assert compare(before, after, groups={"few": names[:3]}).p_adjusted == alone.p_regression


def test_trials_that_are_all_alike_teach_nothing() -> None:
    once, often = (compare(*changed(8, 1, 20, trials)) for trials in (1, 4))
    assert once.p_regression == often.p_regression == 0.01953125
    assert once.p_two_sided == often.p_two_sided == mcnemar(8, 1)
    assert once.difference == often.difference


def test_alpha_is_a_chance() -> None:
    with pytest.raises(UsageError, match="alpha = 1"):
        compare({}, {}, alpha=1)


def test_false_alarms_of_whole_and_groups_together_are_at_most_alpha() -> None:
    """Every way in which ten tasks can change, each as likely: counted, not drawn."""
    tasks = [f"t{at:02}" for at in range(10)]
    groups = {"first": tasks[:8], "last": tasks[4:], "even": tasks[::2], "few": tasks[:2], "most": tasks[1:]}
    for alpha in (0.05, 0.2):
        alarms = 0
        for signs in product((True, False), repeat=len(tasks)):
            before = {(task, 0): sign for task, sign in zip(tasks, signs, strict=True)}
            found = compare(before, flipped(before), groups=groups, alpha=alpha)
            alarms += found.regressed
        assert alarms <= alpha * 2 ** len(tasks)
        assert alarms > alpha * 2 ** len(tasks) / 5


@pytest.mark.parametrize("grouped", [False, True])
def test_the_gate_sees_five_points_with_the_power_that_was_asked_for(grouped: bool) -> None:
    """What ``compare`` decides at each number of disagreements, summed exactly, not drawn."""
    loss, discordance = 0.05, 0.14
    level = 0.05 * WHOLE_SHARE[0] / WHOLE_SHARE[1] if grouped else 0.05
    n = tasks_for_gate(loss, discordance, level)
    assert n == (404 if grouped else 373)
    worse = (1 + loss / discordance) / 2
    power = alarms = 0.0
    least = 0
    for m in range(15, 110):
        mass = comb(n, m) * discordance**m * (1 - discordance) ** (n - m)
        while least <= m and not _regressed(least, m - least, grouped):
            least += 1
        # One more disagreement never needs fewer regressions.
        assert least == m + 1 or not _regressed(least - 1, m - least + 1, grouped)
        tail = (comb(m, b) * worse**b * (1 - worse) ** (m - b) for b in range(least, m + 1))
        power += mass * fsum(tail)
        alarms += mass * sum(comb(m, b) for b in range(least, m + 1)) / 2**m
    assert power >= 0.8
    assert alarms <= 0.05


def _regressed(worse: int, better: int, grouped: bool) -> bool:
    before, after = changed(worse, better)
    groups: dict[str, list[str]] = {}
    for at, (task, _) in enumerate(before):
        groups.setdefault(f"g{at % 5}", []).append(task)
    return compare(before, after, groups=groups if grouped else None).regressed


# Groups of a pack


def test_groups_are_what_certificates_say() -> None:
    pack = bundled("airline", "test")
    found = {kind: capability_groups(pack.lines, kind) for kind in KINDS}
    line = next(
        each for each in pack.lines if "+" in each["intent"] and len(set(each["certificate"]["lineage"])) == 3
    )
    proved, name = line["certificate"], line["id"]
    has = {kind: {group for group, tasks in found[kind].items() if name in tasks} for kind in KINDS}
    assert has["intent"] == set(line["intent"].split("+"))
    assert has["operator"] == set(proved["lineage"])
    assert has["rung"] == set(proved["ladder"])
    one, two, three = sorted(set(proved["lineage"]))
    assert has["pair"] == {f"{one}+{two}", f"{one}+{three}", f"{two}+{three}"}


def test_groups_of_tasks_without_certificates_are_intents_only() -> None:
    bare = [{"id": "x", "intent": "cancel"}]
    assert capability_groups(bare, "intent") == {"cancel": ["x"]}
    with pytest.raises(UsageError, match="x carries no certificate"):
        capability_groups(bare, "pair")
    with pytest.raises(UnknownNameError, match="Did you mean 'rung'"):
        capability_groups(bare, "rungs")


# The command


Told = tuple[int, dict[str, Any], str]


@pytest.fixture
def simenv(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command: its exit code, its result, its words."""

    def run(*arguments: object) -> Told:
        root = argparse.ArgumentParser()
        command.add(root.add_subparsers())
        args = root.parse_args(["compare", *map(str, arguments)])
        try:
            code = args.command(args)
        except (UsageError, DataError) as error:
            return 2, {}, str(error)
        told = capsys.readouterr()
        (line,) = told.out.splitlines()
        return code, json.loads(line), told.err

    return run


@pytest.fixture
def able(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory, "oracle")


@pytest.fixture
def careless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory, "rung:no_policy")


def written(path: Path, like: Path, records: list[dict[str, Any]], **header: Any) -> Path:
    """Write a log of these records with the header of another."""
    own = {
        name: value for name, value in read_header(like).items() if name not in ("kind", "format", "version")
    }
    with LogWriter(path, own | header) as log:
        for record in records:
            log.append(record)
    return path


def test_a_log_compared_with_itself_passes(simenv: Any, able: Path) -> None:
    code, told, words = simenv(able, able)
    assert code == 0
    assert (told["tasks"], told["difference"], told["regressions"], told["lost"]) == (24, 0, 0, [])
    assert told["p_two_sided"] == 1
    assert "0 regressions and 0 progressions" in words
    assert "A, the run before: " in words
    assert "Compared are the 24 tasks that both runs played, one trial each." in words
    assert "B solves as much as A: 100.0 % of 24 tasks, and A 100.0 %." in words
    last = words.splitlines()[-1]
    assert last == "No significant regression: B solves every task at least as often as A. Exit code 0."


def test_a_regression_is_told_task_by_task(simenv: Any, able: Path, careless: Path) -> None:
    code, told, words = simenv(able, careless, "--by", "rung", "--limit", 2)
    assert code == 1
    assert told["regressed"]
    assert told["regressions"] == len(told["lost"]) > 2
    assert told["p_regression"] == regression_p(told["regressions"], told["progressions"])
    assert told["difference"] == pytest.approx((told["progressions"] - told["regressions"]) / 24, abs=1e-4)
    first, _, third = told["lost"][:3]
    for part in (first["task"], first["intent"], first["reason"][:30], first["opening"][:30]):
        assert part in words
    assert "reason" not in third
    assert third["task"] not in words
    assert "no_policy" in {each.get("lacks") for each in told["lost"]}
    assert told["idle"]["passed"] == 0
    assert "idle" in words
    assert "characters per success" in words
    assert f"{told['before']['spent']['per_success']:,.0f}" in words
    assert f"{100 * told['loss_seen']:.1f} points would be seen" in words
    low, high = (100 * end for end in told["interval_95"])
    assert f"points less than A: {100 * told['after']['rate']:.1f} % of 24 tasks, and A 100.0 %." in words
    assert f"95 % interval {low:+.1f} to {high:+.1f}" in words
    assert f"so large a loss would come by chance with p = {told['p_regression']:.3g}" in words
    last = words.splitlines()[-1]
    assert last.startswith(
        "Significant regression at alpha = 0.05: B lost more than chance explains over the"
    )
    assert last.endswith("Exit code 1.")
    group = next(each for each in told["groups"] if each["group"] == "no_policy")
    assert group["regressions"] == told["regressions"]


def test_the_command_mirrors(simenv: Any, able: Path, careless: Path) -> None:
    _, there, _ = simenv(able, careless)
    code, back, words = simenv(careless, able)
    assert code == 0
    assert (back["difference"], back["regressions"]) == (-there["difference"], 0)
    assert back["interval_95"] == [-end for end in reversed(there["interval_95"])]
    assert [each["task"] for each in back["gained"]] == [each["task"] for each in there["lost"]]
    assert [each["reason"] for each in back["gained"]] == [each["reason"] for each in there["lost"]]
    assert "Progressions" in words


def test_the_order_of_lines_says_nothing(simenv: Any, able: Path, careless: Path, tmp_path: Path) -> None:
    turned = written(tmp_path / "turned.jsonl", careless, list(read_log(careless))[::-1])
    (_, one, _), (_, other, _) = (simenv(able, each) for each in (careless, turned))
    assert other["after"].pop("run") != one["after"].pop("run")
    assert one == other


def test_a_torn_tail_is_told_and_the_whole_records_are_used(
    simenv: Any, able: Path, careless: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(careless.read_bytes()[:-40])
    code, told, words = simenv(able, torn)
    assert code == 1
    assert (told["tasks"], told["only_before"], told["episodes_dropped"]) == (23, 1, 1)
    assert (told["after"]["episodes"], told["after"]["episodes_due"]) == (23, 24)
    assert "The last line of B is torn; its 23 whole records are used" in words
    assert "1 of 24 episodes are missing" in words
    assert "incomplete line" in told["after"]["torn"]


def test_damage_before_the_last_line_is_refused(
    simenv: Any, able: Path, careless: Path, tmp_path: Path
) -> None:
    lines = careless.read_bytes().split(b"\n")
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(b"\n".join([*lines[:3], *lines[4:]]))
    code, _, words = simenv(able, broken)
    assert code == 2
    assert "broken.jsonl:4" in words


@pytest.mark.parametrize(
    ("field", "value"), [("face", "compact"), ("simenv", "0.0.1"), ("env_version", 99), ("domain", "retail")]
)
def test_runs_that_were_played_otherwise_are_refused_with_both_values(
    field: str, value: Any, simenv: Any, able: Path, tmp_path: Path
) -> None:
    other = written(tmp_path / "other.jsonl", able, [], **{field: value})
    code, _, words = simenv(able, other)
    assert code == 2
    assert repr(value) in words
    assert repr(read_header(able)[field]) in words


def test_runs_of_other_packs_are_refused_with_both_names(simenv: Any, able: Path, tmp_path: Path) -> None:
    pack = bundled("airline", "train")
    log = tmp_path / "train.jsonl"
    run(Plan(agent="idle", tasks=[pack.at(0)], split="train"), idle, log)
    code, _, words = simenv(able, log)
    assert code == 2
    assert "airline/train.jsonl.gz (1000 tasks)" in words
    assert "set.jsonl (24 tasks)" in words


def test_an_adaptive_run_is_refused(simenv: Any, able: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.jsonl", able, [], adaptive={"items": "x"})
    code, _, words = simenv(able, other)
    assert code == 2
    assert "adaptive" in words


def test_tasks_of_one_run_only_are_counted(simenv: Any, tmp_path: Path) -> None:
    pack = bundled("airline", "train")
    logs = []
    for count in (3, 5):
        plan = Plan(agent="idle", tasks=[pack.at(at) for at in range(count)], split="train")
        logs.append(tmp_path / f"{count}.jsonl")
        run(plan, idle, logs[-1])
    code, told, words = simenv(*logs)
    assert code == 0
    assert (told["tasks"], told["only_after"], told["only_before"]) == (3, 2, 0)
    assert "2 tasks only in B: left out." in words


def test_several_trials_are_told_as_such(simenv: Any, tmp_path: Path) -> None:
    pack = bundled("airline", "train")
    tasks = [pack.at(at) for at in range(3)]
    played: list[str] = []

    def wavering(episode: Episode) -> Play:
        """Solve the tasks in every second trial."""
        played.append(episode.task.id)
        return oracle()(episode) if played.count(episode.task.id) % 2 else idle(episode)

    for name, who in (("a", oracle()), ("b", wavering)):
        run(Plan(agent=name, tasks=tasks, trials=2, split="train"), who, tmp_path / f"{name}.jsonl")
    code, told, words = simenv(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (code, told["trials"], told["difference"]) == (0, 2, -0.5)
    assert told["p_regression"] == 0.125
    assert "(2 to 1 of 2 trials)" in words
    assert "signs of whole tasks" in words


def test_alpha_outside_of_chances_is_misuse(simenv: Any, able: Path) -> None:
    code, _, words = simenv(able, able, "--alpha", 1.5)
    assert code == 2
    assert "1.5" in words


def test_a_pack_that_has_moved_can_be_named(
    simenv: Any, able: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code, told, _ = simenv(able, able, "--pack", task_set(tmp_path_factory))
    assert (code, told["tasks"]) == (0, 24)
