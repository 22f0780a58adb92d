"""Cassettes: what was recorded plays without a network, to the same bytes, and says what it does not hold."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.cassette import Cassette, NotRecordedError, Place
from simenv.agents.concurrent import run_concurrently
from simenv.agents.endpoint import Endpoint
from simenv.agents.remote import Model, RemoteAgent, RemotePlan
from simenv.agents.runs import Outcome
from simenv.cli import main
from simenv.core.errors import DataError, LogError, UsageError
from simenv.core.log import LogWriter, read_log
from simenv.core.pack import bundled
from tests.scripted_server import Answer, Asked, Script, ScriptedServer, completion, oracle_script

KEY = "sk-0123456789-very-secret"
MODEL = Model("m", temperature=0.5)
TASKS = [bundled("airline", "train").at(place) for place in range(3)]
ORACLE = oracle_script(TASKS)
LONG = {"error": {"message": "maximum context length"}}


def recorded(script: Script, log: Path, cassette: Path, *, workers: int = 3, trials: int = 2) -> Outcome:
    """Run the three tasks against a script, with a cassette."""
    with ScriptedServer(script) as server, Cassette(cassette) as tape:
        endpoint = Endpoint(server.url, api_key=KEY, retries=0)
        remote = RemoteAgent(MODEL, endpoint=endpoint, cassette=tape)
        return run_concurrently(plan(trials), remote.agent, log, workers=workers, stop=remote.stop)


def offline(log: Path, cassette: Path, *, model: Model = MODEL, trials: int = 2, workers: int = 2) -> Outcome:
    """Run them from the cassette alone."""
    with Cassette(cassette, offline=True) as tape:
        remote = RemoteAgent(model, cassette=tape)
        return run_concurrently(plan(trials, model), remote.agent, log, workers=workers, stop=remote.stop)


def plan(trials: int, model: Model = MODEL) -> RemotePlan:
    return RemotePlan("openai:m", TASKS, trials=trials, split="train", model=model.header())


def moody(asked: Asked) -> Answer:
    """Answer the same request otherwise each time, one conversation being too long, with odd replies."""
    messages = asked.body["messages"]
    if messages[1]["content"] == TASKS[2].card.opening and len(messages) > 3:
        return Answer(LONG, status=400)
    if len(messages) == 2:
        return completion({"content": f"Number {asked.number}: \ud800 {asked.headers['Authorization']}"})
    return completion({"tool_calls": [{"function": {"name": "f", "arguments": float("nan")}}]})


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The log of a run, and its cassette."""
    folder = tmp_path_factory.mktemp("taped")
    recorded(ORACLE, folder / "run.jsonl", folder / "tape.jsonl", workers=1)
    return (folder / "run.jsonl").read_bytes(), (folder / "tape.jsonl").read_bytes()


@pytest.mark.parametrize("script", [ORACLE, moody])
def test_a_cassette_gives_the_bytes_of_the_run_that_it_recorded(script: Script, tmp_path: Path) -> None:
    first, again, tape = (tmp_path / name for name in ("first.jsonl", "again.jsonl", "tape.jsonl"))
    recorded(script, first, tape)
    kept = tape.read_bytes()
    offline(again, tape, workers=1)
    assert again.read_bytes() == first.read_bytes()
    assert tape.read_bytes() == kept
    assert KEY.encode() not in first.read_bytes() + kept


def test_what_is_on_the_cassette_is_not_asked_again(taped: tuple[bytes, bytes], tmp_path: Path) -> None:
    log, tape = tmp_path / "run.jsonl", tmp_path / "tape.jsonl"
    tape.write_bytes(taped[1])

    def never(asked: Asked) -> Answer:
        raise AssertionError

    recorded(never, log, tape)
    assert log.read_bytes() == taped[0]
    assert tape.read_bytes() == taped[1]


def test_each_trial_keeps_its_own_answers(tmp_path: Path) -> None:
    first, again, tape = (tmp_path / name for name in ("first.jsonl", "again.jsonl", "tape.jsonl"))
    recorded(moody, first, tape, trials=3)
    actions = [record["trajectory"]["steps"][0] for record in read_log(first)]
    assert len({str(step) for step in actions}) == 9
    offline(again, tape, trials=3)
    assert again.read_bytes() == first.read_bytes()


@given(share=st.floats(0, 1))
@settings(max_examples=8)
def test_a_cassette_cut_off_at_any_byte_is_recorded_to_its_end(
    share: float, taped: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    log, tape = folder / "run.jsonl", folder / "tape.jsonl"
    tape.write_bytes(taped[1][: int(share * len(taped[1]))])
    recorded(ORACLE, log, tape, workers=1)
    assert (log.read_bytes(), tape.read_bytes()) == taped


def test_a_torn_tail_can_be_played_as_far_as_it_goes(taped: tuple[bytes, bytes], tmp_path: Path) -> None:
    log, tape = tmp_path / "run.jsonl", tmp_path / "tape.jsonl"
    tape.write_bytes(taped[1][:-9])
    with pytest.raises(NotRecordedError, match=r"does not hold request .* trial 1"):
        offline(log, tape)
    assert taped[0].startswith(log.read_bytes())
    assert tape.read_bytes() == taped[1][:-9]


def test_a_conversation_is_written_once(taped: tuple[bytes, bytes], tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(taped[1])
    parts = [name for record in read_log(tape) for name in record["parts"]]
    assert len(parts) == len(set(parts))
    assert taped[1].count(b"# Airline policy") == len({tuple(task.world) for task in TASKS})


def asked_for(tape: Path, place: Place, messages: list[dict[str, str]], **settings: object) -> str:
    with Cassette(tape, offline=True) as cassette, pytest.raises(NotRecordedError) as caught:
        cassette.find(place, {"model": "m", "messages": messages, **settings})
    return str(caught.value)


def test_a_miss_names_the_nearest_difference(tmp_path: Path) -> None:
    tape, here = tmp_path / "tape.jsonl", Place("a", 0, 1)
    said = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Good morning."}]
    with Cassette(tape) as cassette:
        cassette.keep(here, {"model": "m", "messages": said, "temperature": 0.5}, {"message": "{}"})
        cassette.keep(here, {"model": "m", "messages": said, "temperature": 0.5}, {"message": "other"})
        assert len(cassette) == 1
    other = [said[0], {"role": "user", "content": "Good night."}]
    told = asked_for(tape, here, other, temperature=0.5)
    assert 'message 1 is user "Good morning.", and user "Good night." is asked for' in told
    assert "does not hold request 1 of task a, trial 0. Recorded there: " in told
    assert told.endswith("Run without --offline to record it")
    assert "temperature = 0.5, and 1.0 is asked for" in asked_for(tape, here, said, temperature=1.0)
    assert "other tools" in asked_for(tape, here, said, temperature=0.5, tools=[{"type": "function"}])
    assert "message 2 is nothing, and user" in asked_for(tape, here, [*said, other[1]], temperature=0.5)
    assert "holds the same for trial 0, request 1" in asked_for(tape, Place("a", 1, 1), said, temperature=0.5)
    assert "at request 1 of trial 0: message 1" in asked_for(tape, Place("a", 1, 4), other, temperature=0.5)
    assert "nor any like it" in asked_for(tape, Place("b", 0, 1), said, temperature=0.5)


def test_another_model_finds_nothing(taped: tuple[bytes, bytes], tmp_path: Path) -> None:
    log, tape = tmp_path / "run.jsonl", tmp_path / "tape.jsonl"
    tape.write_bytes(taped[1])
    with pytest.raises(NotRecordedError, match='model = "m", and "n" is asked for'):
        offline(log, tape, model=Model("n", temperature=0.5))


def test_files_that_are_no_cassettes_are_refused(taped: tuple[bytes, bytes], tmp_path: Path) -> None:
    log, tape, odd = (tmp_path / name for name in ("run.jsonl", "tape.jsonl", "odd.jsonl"))
    log.write_bytes(taped[0])
    tape.write_bytes(taped[1])
    with pytest.raises(LogError, match="cannot be read"):
        Cassette(tmp_path / "missing.jsonl", offline=True)
    with pytest.raises(LogError, match="no cassette"):
        Cassette(log, offline=True)
    with pytest.raises(UsageError, match="was started with"):
        Cassette(log)
    assert log.read_bytes() == taped[0]
    with LogWriter(odd, {"cassette": 1}) as writer:
        writer.append({"task": "a"})
    for _ in range(2):  # the second time too: the first has let go of the file
        with pytest.raises(DataError, match="not a record of a cassette"):
            Cassette(odd)
    with Cassette(tape), pytest.raises(LogError, match="another writer"):
        Cassette(tape)


def test_the_command_records_and_plays_offline(
    taped: tuple[bytes, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again, tape = (str(tmp_path / name) for name in ("first.jsonl", "again.jsonl", "tape.jsonl"))
    begin = ["run", "airline", "--agent", "openai", "--model", "m", "--tasks", "2", "--split", "train"]
    with ScriptedServer(ORACLE) as server:
        assert main([*begin, "--out", first, "--base-url", server.url, "--cassette", tape]) == 0
    assert main([*begin, "--out", again, "--cassette", tape, "--offline"]) == 0
    assert Path(again).read_bytes() == Path(first).read_bytes()
    assert main([*begin, "--out", again, "--offline"]) == 2
    assert "add --cassette" in capsys.readouterr().err
    late = str(tmp_path / "late.jsonl")
    assert main([*begin, "--out", late, "--trials", "2", "--cassette", tape, "--offline"]) == 1
    assert "holds the same for trial 0" in capsys.readouterr().err
