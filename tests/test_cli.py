"""The command: JSON lines on standard output, words on standard error, exit codes 0, 1 and 2."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.cli import main, parser
from simenv.cli.play import call
from simenv.cli.transcript import layout
from simenv.cli.words import WIDTH, wrapped
from simenv.core import catalog
from simenv.core.canonical import canonical, digest, parse_strict
from simenv.core.errors import UsageError
from simenv.core.log import LogWriter, read_header, read_log
from simenv.core.pack import bundled, read_pack, write_pack
from simenv.envs.registration import IDS
from simenv.episodes.episode import Episode

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = parser()[1]
MINE = ["--split", "mine", "--count", "3", "--depth", "1:2", "--breadth", "1:2"]
Result = tuple[int, list[dict[str, Any]], str]


@pytest.fixture
def simenv(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process: its exit code, its results, its words."""

    def run(*arguments: object) -> Result:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, [json.loads(line) for line in told.out.splitlines()], told.err

    return run


def process(*arguments: object) -> "subprocess.Popen[bytes]":
    paths = [str(ROOT), str(ROOT / "corpora"), str(ROOT / "generators")]
    return subprocess.Popen(
        [sys.executable, "-m", "simenv.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run logs of three agents on the same four tasks."""
    folder = tmp_path_factory.mktemp("logs")
    found = {}
    for name in ("oracle", "oracle:recovers", "idle"):
        found[name] = folder / f"{name.replace(':', '-')}.jsonl"
        assert main(["run", "airline", "--agent", name, "--tasks", "4", "--out", str(found[name])]) == 0
    return found


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certified pack of three tasks of one world."""
    path = tmp_path_factory.mktemp("pack") / "mine.jsonl"
    assert main(["synth", "airline", *MINE, "--out", str(path)]) == 0
    return path


# Help and misuse


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"example:\n  simenv {name}" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_in_the_help_is_a_command_line_that_parses(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    examples = capsys.readouterr().out.partition("example:\n")[2].partition("\n\n")[0]
    for line in examples.splitlines():
        parser()[0].parse_args(line.split()[1:])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rnu", "no command is named 'rnu'. Did you mean 'run'?"),
        ("run airlne --agent idle --tasks 1 --out x", "Did you mean 'airline'?"),
        ("run simenv/airline-v1 --agent idle --tasks 1 --out x", "Did you mean 'simenv/airline-v0'?"),
        ("run airline --agent orcale --tasks 1 --out x", "Did you mean 'oracle'?"),
        ("run airline --agent idle --tasks 0 --out x", "has 1 to 1000 tasks"),
        ("run airline --agent idle --tasks 1001 --out x", "has 1 to 1000 tasks"),
        ("run airline --agent idle --tasks -1 --out x", "has 1 to 1000 tasks to play, not -1"),
        ("run airline --agent idle --tasks 1 --trials 0 --out x", "at least 1"),
        ("run airline --agent idle --tasks 1 --trials x --out x", "invalid count value"),
        ("run airline --agent oracle --tasks 1 --face small --out x", "invalid choice: 'small'"),
        ("run airline --agent idle --tasks missing.gz --out x", "missing.gz: No such file"),
        ("run airline --agent idle --tasks 1 --out missing/x", "No such file"),
        ("run airline --agent idle --tasks 1 --out .", "directory"),
        ("run airline", "the following arguments are required"),
        ("replay missing.jsonl", "missing.jsonl: cannot be read"),
        ("replay .", "directory"),
        ("diff missing.jsonl missing.jsonl", "missing.jsonl: cannot be read"),
        ("digest airline --count 2000", "has 1 to 1000 tasks"),
        ("digest nowhere", "no environment is named 'nowhere'"),
        ("tasks airlin", "Did you mean 'airline'?"),
        ("tasks airline --show 1000", "has tasks 0 to 999"),
        ("tasks airline --show nothing", "no task is named"),
        ("play airline --seed -1", "at least 0"),
        ("play airline --task airline/0000000000000000", "no task is named"),
        ("pack airline --tasks 1 --out x", "no command is named 'pack'"),
        ("synth airlin --out x", "Did you mean 'airline'?"),
        ("synth airline --count 1 --out missing/x", "there is no folder missing"),
        ("synth airline --count 1 --out x --split a/b", "named by one word"),
        ("synth airline --count 500 --size Q --out x", "invalid choice"),
        ("synth airline --count 0 --out x", "at least 1"),
        ("synth airline --seed -1 --out x", "at least 0"),
        ("synth airline --depth 3:2 --out x", "3:2 is no range"),
        ("synth airline --depth 0:2 --out x", "the smallest is 1:1"),
        ("synth airline --depth 9 --out x", "the most is 8"),
        ("synth airline --breadth 1:9 --out x", "the most is 8"),
        ("synth airline --breadth wide --out x", "a range such as 1:4"),
        ("synth airline --operators rnak --out x", "Did you mean 'rank'?"),
        ("synth airline --focus missing.jsonl --out x", "missing.jsonl: cannot be read"),
        ("synth airline --paraphrases missing.json --out x", "missing.json"),
        ("verify missing.jsonl", "missing.jsonl: No such file"),
        ("audit airlin", "Did you mean 'airline'?"),
        ("import tua --domain airline --out x", "Did you mean 'tau'?"),
        ("import tau missing --domain airlin --out x", "Did you mean 'airline'?"),
        ("import tau missing --domain airline --out x", "missing"),
        ("recorded missing.gz missing.json", "missing.gz"),
    ],
)
def test_misuse_is_told_in_words_with_exit_code_2(
    line: str, told: str, simenv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, results, words = simenv(*line.split())
    assert (code, results) == (2, [])
    assert told in words
    assert list(tmp_path.iterdir()) == []


def test_import_without_a_folder_names_the_variable(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMENV_DATA", raising=False)
    code, _, words = simenv("import", "tau", "--domain", "airline", "--out", "x")
    assert code == 2
    assert "SIMENV_DATA" in words


# Runs


def test_a_run_gives_one_line_of_scores_and_a_table(simenv: Any, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    code, (score,), words = simenv(
        "run", "simenv/airline-v0", "--agent", "oracle", "--tasks", 3, "--trials", 2, "--out", out
    )
    assert code == 0
    assert (score["tasks"], score["trials"], score["passed"]) == (3, 6, 6)
    assert score["pass_hat"] == {"1": 1.0, "2": 1.0}
    assert "pass^2" in words
    assert "95 % interval" in words


def test_a_finished_run_tells_the_same_scores_again(simenv: Any, logs: dict[str, Path]) -> None:
    line = ("run", "airline", "--agent", "oracle", "--tasks", 4, "--out", logs["oracle"])
    first, second = simenv(*line), simenv(*line)
    assert first == second
    assert "4 of 4 episodes were there already" in first[2]


def test_a_log_tells_nothing_of_the_machine(logs: dict[str, Path]) -> None:
    header = read_header(logs["oracle"])
    assert {"agent", "domain", "env_version", "face", "split", "tasks_digest", "trials"} <= header.keys()
    assert not {"python", "sqlite", "machine", "time"} & header.keys()


@pytest.mark.parametrize("name", ["oracle", "oracle:recovers", "idle"])
def test_every_run_replays(name: str, simenv: Any, logs: dict[str, Path]) -> None:
    code, (result,), _ = simenv("replay", logs[name])
    assert code == 0
    assert (result["episodes"], result["equal"]) == (4, True)


def forged(log: Path, path: Path, number: int) -> Path:
    """Write a log with right chains in which one episode claims a confirmation that was never given."""
    header = {
        key: value for key, value in read_header(log).items() if key not in ("kind", "format", "version")
    }
    with LogWriter(path, header) as out:
        for at, record in enumerate(read_log(log)):
            if at == number:
                record["trajectory"]["steps"][1]["events"] = [{"type": "confirmed", "goal": "g1"}]
            out.append(record)
    return path


def test_a_claimed_event_fails_the_replay_with_its_place(
    simenv: Any, logs: dict[str, Path], tmp_path: Path
) -> None:
    path = forged(logs["oracle"], tmp_path / "forged.jsonl", 2)
    code, results, words = simenv("replay", path)
    assert (code, results) == (1, [])
    assert "replay diverged at step 1: recorded events" in words
    assert f"{path}:4, task airline/" in words


def test_an_unfinished_run_replays_and_says_so(simenv: Any, logs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "short.jsonl"
    path.write_bytes(b"".join(logs["oracle"].read_bytes().splitlines(keepends=True)[:3]))
    code, (result,), words = simenv("replay", path)
    assert (code, result["episodes"]) == (0, 2)
    assert "2 episodes are not in the log yet" in words


def test_diff_finds_the_first_step_that_differs(simenv: Any, logs: dict[str, Path], tmp_path: Path) -> None:
    path = forged(logs["oracle"], tmp_path / "forged.jsonl", 2)
    code, (result,), words = simenv("diff", logs["oracle"], path)
    task = list(read_log(path))[2]["task"]
    assert code == 1
    assert (result["task"], result["trial"], result["step"], result["field"]) == (task, 0, 1, "events")
    assert "the first difference is at step 1, in events" in words
    assert simenv("diff", path, path)[0] == 0


def test_a_face_changes_nothing_that_is_recorded(simenv: Any, logs: dict[str, Path], tmp_path: Path) -> None:
    compact = tmp_path / "compact.jsonl"
    line = ("run", "airline", "--agent", "oracle", "--tasks", 4, "--out", compact)
    assert simenv(*line, "--face", "compact")[0] == 0
    assert simenv("diff", compact, logs["oracle"])[0] == 0
    assert simenv(*line)[0] == 2


def test_diff_tells_which_log_lacks_an_episode(simenv: Any, logs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "short.jsonl"
    path.write_bytes(b"".join(logs["oracle"].read_bytes().splitlines(keepends=True)[:3]))
    code, (result,), _ = simenv("diff", path, logs["oracle"])
    assert (code, result["only_in"]) == (1, str(logs["oracle"]))


def test_digests_are_the_oracles(simenv: Any) -> None:
    code, results, _ = simenv("digest", "airline", "--count", 3)
    pack = bundled("airline", "train")
    wanted = [play(Episode(pack.at(place)), oracle()).digest for place in range(3)]
    assert (code, [line["digest"] for line in results]) == (0, wanted)


def test_control_c_ends_a_run_with_a_word_and_exit_code_130(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    running = process("run", "airline", "--agent", "oracle", "--tasks", 200, "--out", out)
    end = monotonic() + 60
    while monotonic() < end and not (out.exists() and out.stat().st_size > 5_000):
        sleep(0.005)
    running.send_signal(signal.SIGINT)
    told, words = running.communicate()
    assert running.returncode == 130
    assert told == b""
    assert b"simenv: stopped" in words
    assert b"Traceback" not in words
    assert list(read_log(out))


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    running = process("digest", "airline", "--count", 30)
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr is not None
    words = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 141
    assert words == b""


# Files that are not what they should be


def outcome_of(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(argv)
    return code, capsys.readouterr().err


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_log_is_told_by_its_name(
    data: st.DataObject, logs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = logs["idle"].read_bytes()
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(damaged(whole, data))
    code, words = outcome_of(["replay", str(path)], capsys)
    # Whole lines cut off the end leave a shorter run, which is no damage.
    assert code == 2 or whole.startswith(path.read_bytes())
    assert code == 0 or str(path) in words


@given(data=st.data(), packed=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_pack_is_told_by_its_name(
    data: st.DataObject, packed: bool, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = gzip.compress(pack.read_bytes(), mtime=0) if packed else pack.read_bytes()
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(damaged(whole, data))
    out = tmp_path / "run.jsonl"
    out.unlink(missing_ok=True)
    code, words = outcome_of(
        ["run", "airline", "--agent", "idle", "--tasks", str(path), "--out", str(out)], capsys
    )
    assert code in (0, 2)
    assert code == 0 or words.startswith("simenv: ")


def damaged(whole: bytes, data: st.DataObject) -> bytes:
    """Cut a file short, flip a byte of it, or drop a line."""
    at = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["cut", "flip", "drop"])):
        case "cut":
            return whole[:at]
        case "flip":
            return whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        case _:
            lines = whole.splitlines(keepends=True)
            del lines[at % len(lines)]
            return b"".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        {"domain": "nowhere"},
        {"domain": ["airline"]},
        {"domain": None},
        {"worlds": None},
        {"worlds": [1]},
        {"worlds": []},
        {"worlds": [{"size": "S", "address": [["x"]], "digest": "x"}]},
        {"version": 99},
        {"tasks": 1},
    ],
    ids=str,
)
def test_a_foreign_pack_header_is_told(
    change: dict[str, Any], pack: Path, simenv: Any, tmp_path: Path
) -> None:
    head, *tasks = pack.read_text().splitlines()
    path = tmp_path / "foreign.jsonl"
    path.write_text("\n".join([json.dumps(json.loads(head) | change), *tasks]) + "\n")
    code, results, words = simenv(
        "run", "airline", "--agent", "idle", "--tasks", path, "--out", tmp_path / "run.jsonl"
    )
    assert (code, results) == (2, [])
    assert words.startswith(f"simenv: {path}:")


def test_a_pack_of_another_world_is_refused(pack: Path, simenv: Any, tmp_path: Path) -> None:
    head, *tasks = pack.read_text().splitlines()
    header = json.loads(head)
    header["worlds"][0]["digest"] = "0" * 32
    path = tmp_path / "other.jsonl"
    path.write_text("\n".join([json.dumps(header), *tasks]) + "\n")
    code, _, words = simenv("tasks", path)
    assert code == 0
    code, _, words = simenv("audit", path)
    assert code == 2
    assert "is not the one its tasks were made for" in words


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"domain": "nowhere"}, "which is not here"),
        ({"domain": 7}, "which is not here"),
        ({"env_version": 9}, "was recorded on simenv/airline-v9"),
        ({"split": ""}, "names no pack"),
        ({"split": "tset"}, "Did you mean 'test'?"),
        ({"split": "test"}, "of other tasks than those of airline/test.jsonl.gz"),
        ({"face": "zz"}, "not one that simenv writes"),
        ({"tasks": "x"}, "not one that simenv writes"),
        ({"tasks": 99_999}, "not one that simenv writes"),
        ({"trials": 0}, "not one that simenv writes"),
        ({"tasks": 1}, "of other tasks"),
        ({"split": "", "pack": "gone.gz"}, "gone.gz: No such file"),
    ],
    ids=str,
)
def test_a_log_of_another_place_is_told(
    change: dict[str, Any], told: str, logs: dict[str, Path], simenv: Any, tmp_path: Path
) -> None:
    header = read_header(logs["idle"])
    header = {key: value for key, value in header.items() if key not in ("kind", "format", "version")}
    with LogWriter(tmp_path / "run.jsonl", header | change) as out:
        for record in read_log(logs["idle"]):
            out.append(record)
    code, results, words = simenv("replay", tmp_path / "run.jsonl")
    assert (code, results) == (2, [])
    assert told in words


def test_episodes_in_another_order_are_told(logs: dict[str, Path], simenv: Any, tmp_path: Path) -> None:
    header = read_header(logs["idle"])
    header = {key: value for key, value in header.items() if key not in ("kind", "format", "version")}
    with LogWriter(tmp_path / "run.jsonl", header) as out:
        for record in reversed(list(read_log(logs["idle"]))):
            out.append(record)
    code, results, words = simenv("replay", tmp_path / "run.jsonl")
    assert (code, results) == (2, [])
    assert "was due" in words


# Packs


def test_a_pack_is_made_the_same_again_and_plays(simenv: Any, pack: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    code, (made,), words = simenv("synth", "airline", *MINE, "--out", again)
    assert (code, made["tasks"]) == (0, 3)
    assert f"Of {made['drawn']} that were grown" in words
    assert again.read_bytes() == pack.read_bytes()
    assert made["digest"] == digest(pack.read_bytes())
    assert [path.name for path in tmp_path.iterdir()] == ["again.jsonl"], "nothing unfinished is left"
    out = tmp_path / "run.jsonl"
    code, (score,), _ = simenv("run", "airline", "--agent", "oracle", "--tasks", again, "--out", out)
    assert (code, score["passed"]) == (0, 3)
    assert simenv("replay", out)[0] == 0
    moved = tmp_path / "moved"
    moved.mkdir()
    out.rename(moved / "run.jsonl")
    again.rename(moved / "again.jsonl")
    assert simenv("replay", moved / "run.jsonl")[0] == 0
    assert simenv("replay", moved / "run.jsonl", "--pack", pack)[0] == 0


def test_the_command_in_the_head_makes_the_same_pack(simenv: Any, pack: Path, tmp_path: Path) -> None:
    command = json.loads(pack.read_text().splitlines()[0])["command"].split()
    assert command[0] == "simenv"
    assert simenv(*command[1:], "--workers", 2, "--out", tmp_path / "again.jsonl")[0] == 0
    assert (tmp_path / "again.jsonl").read_bytes() == pack.read_bytes()


def test_a_pack_is_proved_again_and_a_lie_is_told_by_its_task(
    simenv: Any, pack: Path, tmp_path: Path
) -> None:
    code, (told,), words = simenv("verify", pack)
    assert (code, told["holds"], told["tasks"]) == (0, True, 3)
    assert "All 3 tasks hold: 15 obligations each" in words
    head, *tasks = [json.loads(line) for line in pack.read_text().splitlines()]
    tasks[1]["certificate"]["breadth"] += 1
    path = tmp_path / "forged.jsonl"
    path.write_text("".join(canonical(line) + "\n" for line in [head, *tasks]))
    code, (told,), words = simenv("verify", path)
    assert (code, told["holds"], told["task"]) == (1, False, tasks[1]["id"])
    assert told["task"] in words
    assert "breadth" in told["witness"]
    assert simenv("verify", pack, "--against", pack)[0] == 1


def test_tasks_without_certificates_are_refused_unless_one_is_told(
    simenv: Any, pack: Path, tmp_path: Path
) -> None:
    whole, path, out = read_pack(pack), tmp_path / "bare.jsonl", tmp_path / "run.jsonl"
    write_pack(path, whole.header, [whole.at(place) for place in range(len(whole))])
    for line in (
        ("run", "airline", "--agent", "idle", "--tasks", path, "--out", out),
        ("audit", path),
        ("play", "airline", "--tasks", path, "--seed", "0"),
    ):
        code, results, words = simenv(*line)
        assert (code, results) == (2, [])
        assert "without a certificate" in words
        assert "--uncertified" in words
    assert not out.exists()
    run = ("run", "airline", "--agent", "idle", "--tasks", path, "--out", out)
    assert simenv(*run, "--uncertified")[0] == 0
    assert simenv("verify", path)[0] == 2


def test_tasks_lists_environments_intents_and_one_task(simenv: Any) -> None:
    assert {line["env"] for line in simenv("tasks")[1]} == set(IDS)
    code, (overview,), words = simenv("tasks", "airline", "--split", "test")
    assert (code, sum(overview["intents"].values())) == (0, overview["tasks"])
    assert all(operator in words for operator in overview["operators"])
    task = bundled("airline", "train").at(7)
    by_place, by_id = simenv("tasks", "airline", "--show", 7), simenv("tasks", "airline", "--show", task.id)
    assert by_place == by_id
    proved = bundled("airline", "train").lines[7]["certificate"]
    assert by_place[1][0] == {"id": task.id} | task.to_json() | {"certificate": proved}
    assert task.card.opening.split()[-1] in by_place[2]


def test_every_task_can_be_shown(simenv: Any) -> None:
    for place in range(40):
        assert simenv("tasks", "airline", "--show", place)[0] == 0


def test_an_audit_prints_a_line_per_agent_and_holds(simenv: Any, pack: Path) -> None:
    code, rows, _ = simenv("audit", "airline", "--tasks", 2)
    assert (code, {row["holds"] for row in rows}) == (0, {True})
    assert {"oracle", "idle", "echo"} <= {row["agent"] for row in rows}


# Playing by hand


def scripted(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_person_who_does_as_the_oracle_passes(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = 0
    for place in range(12):
        played = play(Episode(bundled("airline", "train").at(place)), oracle())
        actions = [step.action for step in played.trajectory().steps]
        # A line is one message, so what people type has no line breaks and is not empty.
        if any("\n" in action or not action for action in actions):
            continue
        typed += 1
        scripted(monkeypatch, *actions)
        code, (verdict,), words = simenv("play", "airline", "--seed", place)
        assert (code, verdict["passed"], verdict["digest"]) == (0, True, played.digest)
        assert "Passed: every goal was reached" in words
    assert typed


def test_undo_leaves_no_trace(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, ":quit")
    untouched = simenv("play", "airline", "--seed", 7)[1]
    scripted(monkeypatch, "What is your user ID?", "list_all_airports", ":undo", ":undo", ":undo", ":quit")
    code, undone, words = simenv("play", "airline", "--seed", 7)
    assert (code, undone) == (0, untouched)
    assert "nothing to take back" in words


def test_commands_and_mistyped_calls_spend_no_step(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [":help", ":tools", ":tools get_user_details", ":policy", ":hint", ":nonsense", ":", "", "  "]
    scripted(monkeypatch, *lines, "get_user_details name=x", 'get_user_details user_id="x')
    code, (verdict,), words = simenv("play", "airline", "--seed", 7)
    assert (code, verdict["process"]["steps"]) == (0, 0)
    assert "'name=x' is not an argument; type: get_user_details user_id=..." in words


def test_a_hint_tells_nothing_of_the_task(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the tools that are offered, which :tools does as well, and is otherwise the same for all."""
    told: dict[tuple[str, ...], set[str]] = {}
    for place in range(12):
        scripted(monkeypatch, ":hint")
        words = str(simenv("play", "airline", "--seed", place)[2])
        offered = [tool["function"]["name"] for tool in Episode(bundled("airline", "train").at(place)).tools]
        hint = words[words.index("- Steps are limited") : words.index("Not passed")]
        told.setdefault(tuple(offered), set()).add(hint)
        assert not any(letter.isdigit() for letter in hint)
    assert all(len(hints) == 1 for hints in told.values())
    assert len(told) < 12


def test_a_person_is_offered_the_look_alikes_too(simenv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = bundled("airline", "train")
    place = next(at for at in range(len(pack)) if pack.at(at).extras)
    (extra, *_), known = pack.at(place).extras, catalog.domain("airline").lookalike
    scripted(monkeypatch, ":tools", f":tools {extra}", f"{extra} nothing=1", f"{extra}")
    code, (verdict,), words = simenv("play", "airline", "--seed", place)
    assert (code, verdict["process"]["steps"]) == (0, 1)
    assert "".join(known[extra].summary.split()) in "".join(words.split())
    assert "'nothing=1' is not an argument" in words
    assert verdict["process"]["errors"] == {"bad_arguments": 1}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("get_user_details user_id=7", {"user_id": "7"}),
        ("calculate expression='2 + 2'", {"expression": "2 + 2"}),
        ("send_certificate user_id=a amount=50", {"user_id": "a", "amount": 50}),
        ('decline_request rule_id=x facts=\'{"a": "b"}\'', {"rule_id": "x", "facts": {"a": "b"}}),
        ("list_all_airports", {}),
        ("send_certificate amount=lots", {"amount": "lots"}),
    ],
)
def test_a_short_call_is_the_call_it_stands_for(text: str, arguments: dict[str, Any]) -> None:
    name, _, rest = text.partition(" ")
    tool = catalog.domain("airline").toolbox[name]
    assert parse_strict(call(tool, rest)) == {"name": name, "arguments": arguments}


@given(rest=st.text())
def test_a_short_call_is_a_call_or_a_usage_error(rest: str) -> None:
    tool = catalog.domain("airline").toolbox["get_user_details"]
    try:
        made = call(tool, rest)
    except UsageError:
        return
    assert made.startswith('{"arguments":')


@given(text=st.text(), label=st.text("abc: ", max_size=12))
def test_wrapping_keeps_every_letter_and_the_width(text: str, label: str) -> None:
    lines = wrapped(label, text).split("\n")
    assert "".join("".join(lines).split()) == "".join(f"{label}{text}".split())
    assert max(map(len, lines)) <= WIDTH


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_any_result_can_be_laid_out(value: Any) -> None:
    assert layout(value, 60)


# The demonstration and the published benchmark


def test_the_demonstration_is_short_friendly_and_checked(simenv: Any, tmp_path: Path) -> None:
    for _ in range(2):
        code, rows, words = simenv("demo", "--out", tmp_path)
        assert (code, [row["passed"] for row in rows], [row["equal"] for row in rows]) == (
            0,
            [20, 0],
            [True, True],
        )
        assert {path.name for path in tmp_path.iterdir()} == {"oracle.jsonl", "idle.jsonl"}
        for part in ("95 % interval", "every digest agrees", "Customer:", "What next:"):
            assert part in words


def test_the_published_benchmark_comes_in_replays_and_fails_the_audit(simenv: Any, tmp_path: Path) -> None:
    named = os.environ.get("SIMENV_DATA")
    data = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (data / "tau_airline").is_dir():
        pytest.skip(f"the published data is absent: {data}")
    pack = tmp_path / "tau.gz"
    code, (made,), _ = simenv("import", "tau", data, "--domain", "airline", "--out", pack)
    assert (code, made["counts"]["tasks"]) == (0, 50)
    code, results, _ = simenv("recorded", pack, data / "tau_airline" / "trajectories_dev.json")
    assert (code, results[-1]["calls_equal"]) == (0, results[-1]["calls"])
    code, (row,), words = simenv("audit", pack)
    assert (code, row["passes"] > 0, row["tasks"]) == (1, True, 50)
    assert "under the published rule" in words
