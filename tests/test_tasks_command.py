"""The command that looks into task sets: what it counts, shows, draws and refits."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from simenv.cli import main
from simenv.cli.graph import dot
from simenv.cli.showing import plan_lines
from simenv.core.pack import bundled, write_pack
from simenv.core.plan import Plan
from simenv.core.task import Task
from simenv.scoring.calibration import prior_b, read_items
from simenv.synth.certificate import OBLIGATIONS
from simenv.synth.recheck import certificate_of
from tests.certified import pack_of, run_of, task_set
from tests.test_ladder import SHAPES, task_of

Result = tuple[int, list[dict[str, Any]], str]


@pytest.fixture
def simenv(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process: its exit code, its results, its words."""

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, [json.loads(line) for line in told.out.splitlines()], told.err

    return run


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return task_set(tmp_path_factory)


@pytest.fixture
def proved(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return [line["certificate"] | {"id": line["id"]} for line in pack_of(tmp_path_factory).lines]


# What is in a set


def test_an_overview_counts_every_task(simenv: Any, path: Path, proved: list[dict[str, Any]]) -> None:
    code, (told,), words = simenv("tasks", path)
    assert (code, told["tasks"]) == (0, len(proved))
    cells = {(depth, breadth): number for depth, breadth, number in told["depth_breadth"]}
    assert sum(cells.values()) == len(proved)
    for depth, breadth in cells:
        same = [each for each in proved if (each["depth"], each["breadth"]) == (depth, breadth)]
        assert cells[depth, breadth] == len(same)
    for name, number in told["operators"].items():
        assert number == sum(name in each["lineage"] for each in proved)
        assert name in words
    assert told["twins"] == sum("twin" in each for each in proved) > 0
    spread = list(told["difficulty"].values())
    assert spread == sorted(spread)
    assert spread[0] == min(each["difficulty"] for each in proved) / 100
    assert "depth \\ breadth" in words
    assert "need the policy" in words


def test_a_list_has_one_line_for_each_task(simenv: Any, path: Path, proved: list[dict[str, Any]]) -> None:
    code, rows, words = simenv("tasks", path, "--list")
    assert (code, [row["id"] for row in rows]) == (0, [each["id"] for each in proved])
    lines = words.splitlines()
    assert len(lines) >= len(rows) + 1
    for row, line in zip(rows, lines[1:], strict=False):
        cells = re.split(r" {2,}", line)
        assert cells[:2] == [row["id"], str(row["depth"])]
        assert cells[4] == ("+".join(row["operators"]) or "-")
        assert row["tools"]


# One task


def test_a_certified_task_is_shown_with_all_that_is_proved(
    simenv: Any, path: Path, proved: list[dict[str, Any]]
) -> None:
    for place, each in enumerate(proved):
        code, (told,), words = simenv("tasks", path, "--show", place)
        assert (code, told["id"]) == (0, each["id"])
        assert told["certificate"] == {key: value for key, value in each.items() if key != "id"}
        for name, what in OBLIGATIONS.items():
            checks, witness = each["proofs"][name]
            line = next(line for line in words.splitlines() if re.match(rf"  {name} +{what}", line))
            assert witness in line
            assert re.search(rf" {checks or '-'}  ", line)
        assert all(rung in words for rung in each["ladder"])
        assert all(name in words for name in each["lineage"])
        assert ("near twin of" in words) == ("twin" in each)
        assert simenv("tasks", path, "--show", each["id"])[1] == [told]


def test_every_shape_of_a_plan_can_be_read() -> None:
    for shape in SHAPES:
        task = task_of(shape)
        if task.plan is not None:
            text = "\n".join(plan_lines(task.plan))
            assert "{" not in text
            assert "[" not in text


def test_a_plan_is_told_in_words() -> None:
    either = {
        "by": "either",
        "field": "price",
        "pick": "max",
        "refs": [{"by": "number", "id": "A"}, {"by": "it"}],
    }
    extreme = {
        "by": "extreme",
        "field": "booked",
        "pick": "min",
        "place": 2,
        "where": [["cabin", "==", "economy"]],
    }
    every = {"by": "all", "where": [], "besides": {"by": "same", "goal": "g1"}}
    cancel = {"do": "cancel", "at": either, "args": {}}
    bags = {
        "do": "bags",
        "at": extreme,
        "args": {"total": {"times": 3, "of": "people", "ref": {"by": "own"}}},
    }
    sums = {"sum": "price", "refs": [{"by": "new", "goal": "g1"}, {"by": "number", "id": "B"}]}
    when = {"left": sums, "how": ">", "right": {"of": "start", "ref": {"by": "it"}, "shift": 2}}
    plan = Plan(
        customer="jo",
        wants=[
            cancel,
            {"when": when, "then": [bags], "else": [cancel]},
            {"first": bags, "instead": cancel},
            {"do": "refund", "at": every, "args": {}},
        ],
        setup=[
            ["reservations", ["R", "business"], ["R", "economy"]],
            ["notes", None, ["n"]],
            ["notes", ["n"], None],
        ],
    ).with_manner(insists=2)
    told = plan_lines(plan)
    assert told == [
        "for jo",
        "g1: cancel of (A) or (that one), whichever has the greatest price",
        "g2: if the sum of price of what g1 made and B > the start of that one, moved by +2 days: "
        "bags of the one with the second least booked among those with cabin == economy, "
        "with total = 3 times the people of itself",
        "g2: else: cancel of (A) or (that one), whichever has the greatest price",
        "g3: bags of the one with the second least booked among those with cabin == economy, "
        "with total = 3 times the people of itself",
        "g3b: where a rule forbids it: cancel of (A) or (that one), whichever has the greatest price",
        "g4: refund of every one, besides the one of g1",
        "manner: insists 2",
        "set up: reservations R: business becomes economy",
        "set up: notes: a new row n",
        "set up: notes: without n",
    ]


# Its program as a picture


def test_a_picture_is_the_same_each_time_and_whole(
    capsys: pytest.CaptureFixture[str], path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pack = pack_of(tmp_path_factory)
    for place in range(len(pack)):
        assert main(["tasks", str(path), "--show", str(place), "--dot"]) == 0
        told = capsys.readouterr()
        assert (told.err, told.out) == ("", dot(pack.at(place), certificate_of(pack, place)))
        check_picture(told.out, pack.at(place))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_program_can_be_drawn(shape: str) -> None:
    check_picture(dot(task_of(shape)), task_of(shape))


def check_picture(text: str, task: Task) -> None:
    """Check that every node is drawn once, arrows join nodes, and what is taken is bold."""
    nodes = re.findall(r'^ +"([^"]+)" \[shape="', text, re.MULTILINE)
    assert len(nodes) == len(set(nodes)) == len(list(task.program.walk()))
    arrows = re.findall(r'^  "([^"]+)" -> "([^"]+)" \[', text, re.MULTILINE)
    assert {end for arrow in arrows for end in arrow} <= set(nodes)
    conditions = {node.id for node in task.program.walk() if node.op in ("if", "each")}
    deciding = re.findall(r'"([^"#]+)(?:#\d+)?" -> "[^"]+" \[style="dashed"', text)
    assert set(deciding) == conditions
    assert 'penwidth="2"' in text
    steps = {node.step for node in task.program.walk() if node.step}
    assert set(re.findall(r'subgraph "cluster_([^"]+)"', text)) == steps


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_reads_the_picture(path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pack = pack_of(tmp_path_factory)
    hardest = max(range(len(pack)), key=lambda at: certificate_of(pack, at).difficulty)
    done = subprocess.run(
        ["dot", "-Tsvg"], input=dot(pack.at(hardest)).encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b'class="node"') == len(list(pack.at(hardest).program.walk()))


# How hard the tasks are


def test_a_calibration_moves_difficulties_to_what_was_played(
    simenv: Any, path: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pack = pack_of(tmp_path_factory)
    logs = [run_of(tmp_path_factory, name) for name in ("idle", "rung:no_policy", "oracle")]
    out = tmp_path / "set.calibration.json"
    code, (*rows, last), words = simenv("tasks", path, "--calibrate", *logs, "--out", out)
    assert (code, last["respondents"], last["model"], last["converged"]) == (0, 3, "1pl", True)
    assert [row["id"] for row in rows] == pack.ids()
    for at, row in enumerate(rows):
        assert row["prior_b"] == pytest.approx(prior_b(certificate_of(pack, at).difficulty), abs=1e-6)
        assert (row["n"], row["a"]) == (3, 1.0)
        assert row["passed"] == 1 + ("no_policy" not in certificate_of(pack, at).ladder)
        assert row["id"] in words
    kept = read_items(out, pack.ids())
    assert {name: item.b for name, item in kept.items()} == {row["id"]: row["b"] for row in rows}
    assert {"id", "a", "b", "se"} == set(json.loads(out.read_text("utf-8").splitlines()[0]))


def test_trials_are_respondents_of_their_own(
    simenv: Any, path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code, results, _ = simenv("tasks", path, "--calibrate", run_of(tmp_path_factory, "idle", 2))
    assert (code, results[-1]["respondents"], "out" in results[-1]) == (0, 2, False)


def test_runs_of_other_tasks_are_told(
    simenv: Any, path: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other, log = tmp_path / "other.jsonl", run_of(tmp_path_factory, "idle")
    assert simenv("run", "airline", "--agent", "idle", "--tasks", 2, "--out", other)[0] == 0
    code, results, words = simenv("tasks", path, "--calibrate", log, other)
    assert (code, results) == (2, [])
    assert f"{other}:1: the run is of other tasks than those of {path}" in words
    assert "Name runs of this file" in words
    code, results, words = simenv("tasks", path, "--calibrate", log, log)
    assert (code, "named twice" in words) == (2, True)
    assert simenv("tasks", path, "--calibrate", tmp_path / "none.jsonl")[0] == 2


# What cannot be


def test_sets_without_certificates_work_as_before_and_say_what_they_lack(simenv: Any, tmp_path: Path) -> None:
    pack = bundled("airline", "train")
    plain = tmp_path / "plain.jsonl"
    write_pack(
        plain, {key: pack.header[key] for key in ("domain", "split", "worlds")}, [pack.at(0), pack.at(1)]
    )
    code, (told,), words = simenv("tasks", plain)
    assert (code, told["tasks"], "depth_breadth" in told) == (0, 2, False)
    assert "of these need the policy" in words
    code, (shown,), words = simenv("tasks", plain, "--show", 0)
    assert (code, shown["id"], "certificate" in shown) == (0, pack.at(0).id, False)
    assert "Its certificate" not in words
    for option in (["--list"], ["--calibrate", "run.jsonl"]):
        code, results, words = simenv("tasks", plain, *option)
        assert (code, results) == (2, [])
        assert "simenv synth" in words


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--list", "--show", "1"], "two questions"),
        (["--dot"], "name it with --show ID"),
        (["--out", "x.json"], "name runs with --calibrate"),
        (["--show", "999"], "has tasks 0 to 23, not 999"),
        (["--show", "airline/none"], "no task is named"),
    ],
)
def test_misuse_is_told_with_a_way_out(options: list[str], told: str, simenv: Any, path: Path) -> None:
    code, results, words = simenv("tasks", path, *options)
    assert (code, results) == (2, [])
    assert told in words


def test_a_question_needs_a_set_and_a_name_its_neighbour(simenv: Any) -> None:
    assert "name its file" in simenv("tasks", "--list")[2]
    assert "Did you mean 'airline'?" in simenv("tasks", "airlin")[2]
