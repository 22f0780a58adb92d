"""Any model as an agent: what a server does wrong changes no byte of a log; a model answers for its own."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.concurrent import run_concurrently
from simenv.agents.endpoint import PATIENCE_S, Endpoint, RemoteError
from simenv.agents.protocol import Agent, Play
from simenv.agents.remote import Model, RemoteAgent, RemotePlan, action_of, read_reply, wire
from simenv.agents.runs import Outcome
from simenv.cli import main
from simenv.core.errors import UsageError
from simenv.core.log import read_header, read_log
from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.episodes.replay import read_episodes, replay
from tests.scripted_server import (
    Answer,
    Asked,
    Script,
    ScriptedServer,
    completion,
    oracle_script,
)

KEY = "sk-0123456789-very-secret"


def tasks(count: int = 6) -> list[Task]:
    pack = bundled("airline", "train")
    return [pack.at(place) for place in range(count)]


TASKS = tasks()
ORACLE = oracle_script(TASKS)


def plan(model: Model = Model("m"), *, trials: int = 2) -> RemotePlan:  # noqa: B008  frozen
    return RemotePlan("openai:m", TASKS, trials=trials, split="train", model=model.header())


def played(
    script: Script,
    path: Path,
    *,
    workers: int = 1,
    retries: int = 5,
    timeout_s: float = 20.0,
    model: Model = Model("m"),  # noqa: B008  frozen
    waits: list[float] | None = None,
    trials: int = 2,
) -> Outcome:
    """Run the six tasks against a script into a log."""
    slept = [] if waits is None else waits
    with ScriptedServer(script) as server:
        endpoint = Endpoint(server.url, api_key=KEY, retries=retries, timeout_s=timeout_s, sleep=slept.append)
        remote = RemoteAgent(model, endpoint=endpoint)
        return run_concurrently(
            plan(model, trials=trials), remote.agent, path, workers=workers, stop=remote.stop
        )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of a run in which nothing went wrong, one episode at a time."""
    path = tmp_path_factory.mktemp("whole") / "run.jsonl"
    outcome = played(ORACLE, path)
    assert outcome.row.to_json()["passed"] == 12
    return path.read_bytes()


def jittered(script: Script) -> Script:
    """Return the script with answers that overtake each other."""
    return lambda asked: Answer(script(asked).body, wait_s=0.001 * (asked.number * 7 % 11))


def test_a_log_is_the_same_at_any_concurrency(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    played(jittered(ORACLE), path, workers=8)
    assert path.read_bytes() == whole


def failing(script: Script, faults: list[Answer]) -> Script:
    """Return the script of a server that fails two of three requests."""
    return lambda asked: script(asked) if asked.number % 3 == 2 else faults[asked.number % len(faults)]


FAULTS = [
    Answer({"error": {"message": "busy"}}, status=503),
    Answer({"error": "slow down"}, status=429, headers={"Retry-After": "7"}),
    Answer(cut=True),
    Answer(raw=b"<html>no JSON"),
    Answer({"choices": []}),
    Answer("oops", status=500),
    Answer({"error": {"message": "overloaded"}}),
]


def test_a_server_that_fails_two_of_three_requests_changes_no_byte(whole: bytes, tmp_path: Path) -> None:
    path, waits = tmp_path / "run.jsonl", list[float]()
    played(failing(ORACLE, FAULTS), path, waits=waits, retries=2)
    assert path.read_bytes() == whole
    assert 7.0 in waits
    assert all(0.25 <= wait <= 1.0 for wait in waits if wait != 7.0)


def test_nobody_waits_longer_than_patience(tmp_path: Path) -> None:
    asks = Answer("quota", status=429, headers={"Retry-After": str(int(PATIENCE_S) + 1)})
    with pytest.raises(RemoteError, match="asks to wait 601 s"):
        played(lambda asked: asks, tmp_path / "run.jsonl")


def test_a_server_that_hangs_is_asked_again(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def script(asked: Asked) -> Answer:
        return Answer(hang=True) if asked.number in (0, 5) else ORACLE(asked)

    played(script, path, timeout_s=0.3)
    assert path.read_bytes() == whole
    with pytest.raises(RemoteError, match=r"no answer in 0\.2 s.*tried 2 times"):
        played(lambda asked: Answer(hang=True), tmp_path / "never.jsonl", timeout_s=0.2, retries=1)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_server_that_dies_loses_nothing_that_was_committed(
    workers: int, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"

    def dying(asked: Asked) -> Answer:
        return ORACLE(asked) if asked.number < 90 else Answer(cut=True)

    with pytest.raises(RemoteError, match="run the same command again"):
        played(dying, path, workers=workers, retries=1)
    kept = path.read_bytes()
    assert whole.startswith(kept)
    assert len(list(read_log(path))) >= 2
    outcome = played(ORACLE, path, workers=workers)
    assert path.read_bytes() == whole
    assert outcome.resumed == len(kept.splitlines()) - 1


@pytest.mark.parametrize(
    ("status", "way_out"),
    [
        (400, "--temperature"),
        (401, "--api-key-env"),
        (403, "--api-key-env"),
        (404, "--base-url"),
        (307, "--base-url"),
    ],
)
def test_a_refusal_names_status_message_and_way_out(status: int, way_out: str, tmp_path: Path) -> None:
    refusal = Answer({"error": {"message": f"no model m for {KEY}."}}, status=status)
    with pytest.raises(UsageError, match=rf"status {status}: no model m for \[key\]\. .*{way_out}"):
        played(lambda asked: refusal, tmp_path / "run.jsonl")


def test_an_answer_that_stays_malformed_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"the answer is not JSON: <html>no JSON\. It was tried 3 times"):
        played(lambda asked: FAULTS[3], tmp_path / "run.jsonl", retries=2)
    with pytest.raises(RemoteError, match=r"no choices\[0\]\.message.*overloaded"):
        played(lambda asked: FAULTS[6], tmp_path / "run.jsonl", retries=2)


def test_a_conversation_that_is_too_long_ends_its_episode_and_not_the_run(tmp_path: Path) -> None:
    message = "This model's maximum context length is 4096 tokens."
    long = TASKS[1].card.opening

    def script(asked: Asked) -> Answer:
        messages = asked.body["messages"]
        is_long = messages[1]["content"] == long and len(messages) > 6
        return Answer({"error": {"message": message}}, status=400) if is_long else ORACLE(asked)

    path = tmp_path / "run.jsonl"
    outcome = played(script, path, workers=4)
    assert (outcome.stuck, outcome.episodes) == (2, 12)
    assert [each.task for each in read_episodes(path) if "4096" in each.stuck] == [TASKS[1].id] * 2


def test_another_model_cannot_go_on_with_a_log(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)
    for model, name in [
        (Model("other"), "model"),
        (Model("m", temperature=0.5), "temperature"),
        (Model("m", max_tokens=9), "max_tokens"),
        (Model("m", prompt="Be brief."), "prompt_digest"),
    ]:
        with pytest.raises(UsageError, match=f"started with {name} = "):
            played(ORACLE, path, model=model)
    assert path.read_bytes() == whole


def test_the_key_is_sent_and_never_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    seen: list[Asked] = []

    def echoing(asked: Asked) -> Answer:
        seen.append(asked)
        return completion({"content": f"Your key is {asked.headers['Authorization']}."})

    played(echoing, path, trials=1)
    assert {asked.headers["Authorization"] for asked in seen} == {f"Bearer {KEY}"}
    assert KEY.encode() not in path.read_bytes()


def test_requests_hold_what_servers_take(tmp_path: Path) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Answer:
        seen.append(asked)
        if len(asked.body["messages"]) == 2:
            return completion({"content": "{ broken"})
        return ORACLE(Asked(0, "", {}, {"messages": _without(asked.body["messages"])}))

    model = Model("m", temperature=1, max_tokens=50, prompt="Be brief.")
    outcome = played(script, tmp_path / "run.jsonl", model=model, trials=1)
    assert outcome.row.to_json()["passed"] == 6
    fields = {"system": {"content"}, "user": {"content"}, "tool": {"content", "tool_call_id"}}
    for asked in seen:
        assert asked.path == "/v1/chat/completions"
        assert asked.body.keys() == {"model", "messages", "tools", "temperature", "max_tokens"}
        assert asked.body["messages"][0]["content"].startswith("Be brief.\n\n# Airline policy")
        ids: list[str] = []
        for message in asked.body["messages"]:
            role = message["role"]
            assert message.keys() - {"role"} <= fields.get(role, {"content", "tool_calls"})
            if role == "assistant":
                assert (message["content"] is None) == ("tool_calls" in message)
                ids = [call["id"] for call in message.get("tool_calls", ())]
            if role == "tool":
                assert message["tool_call_id"] == ids.pop(0)
    told = next(asked.body["messages"][3] for asked in seen if len(asked.body["messages"]) > 3)
    assert told == {"role": "user", "content": "environment: error bad_json: The action is not valid JSON."}


def _without(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a conversation without its broken first exchange."""
    return messages[:2] + messages[4:]


def test_arguments_that_do_not_parse_reach_the_environment_as_they_are(tmp_path: Path) -> None:
    broken = {
        "id": "a",
        "type": "function",
        "function": {"name": "get_user_details", "arguments": '{"user_id":'},
    }

    def script(asked: Asked) -> Answer:
        return completion({"content": None, "tool_calls": [broken]}, finish="tool_calls")

    path = tmp_path / "run.jsonl"
    played(script, path, trials=1, workers=3)
    steps = [step for each in read_episodes(path) for step in each.trajectory.steps]
    assert {step["error"] for step in steps} == {"bad_json"}
    assert {json.loads(step["action"])["tool_calls"][0]["function"]["arguments"] for step in steps} == {
        '{"user_id":'
    }


def test_a_reply_that_was_cut_off_is_taken_as_it_is() -> None:
    reply = read_reply(completion({"content": "I am going to"}, finish="length").body)
    assert action_of(json.loads(reply["message"])) == "I am going to"
    assert (reply["finish"], reply["usage"]) == ("length", {"prompt_tokens": 7, "completion_tokens": 3})


def test_content_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "Good "}, {"type": "text", "text": "morning."}]
    assert action_of({"content": parts}) == "Good morning."
    assert action_of({"content": None}) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["get_user_details", "no such tool", "", "x" * 90, "\ud800"])
ARGUMENTS = st.sampled_from(["{", "", "[1]", "NaN", '{"user_id":"\\ud800"}', '{"a":1,"a":2}']) | JSON
CALL = (
    st.fixed_dictionaries({"function": st.fixed_dictionaries({"name": NAMES, "arguments": ARGUMENTS})}) | JSON
)
MESSAGES = st.fixed_dictionaries(
    {}, optional={"content": JSON, "tool_calls": JSON | st.lists(CALL, max_size=3)}
)


@given(messages=st.lists(MESSAGES, max_size=3))
@settings(max_examples=80)
def test_nothing_that_a_model_answers_raises(messages: list[dict[str, Any]]) -> None:
    episode = Episode(TASKS[0])
    for message in messages:
        body = json.loads(json.dumps(completion(message).body))
        reply = read_reply(body)
        episode.act(action_of(json.loads(reply["message"])))
        for sent in json.loads(json.dumps(wire(episode.messages))):
            assert sent["role"] in ("system", "user", "assistant", "tool")
            names = [call["function"]["name"] for call in sent.get("tool_calls", ())]
            assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", name) for name in names)


@pytest.mark.parametrize(
    ("name", "shown"), [("no such.tool", "no_such_tool"), ("", "unnamed"), ("é" * 90, "_" * 64)]
)
def test_a_name_that_no_server_takes_is_made_fit(name: str, shown: str) -> None:
    episode = Episode(TASKS[0])
    episode.act(action_of({"tool_calls": [{"id": "c7", "function": {"name": name, "arguments": "{}"}}]}))
    said, result = wire(episode.messages)[-2:]
    assert said["tool_calls"][0]["function"]["name"] == shown
    assert said["tool_calls"][0]["id"] == result["tool_call_id"] == "c7"


@given(answer=JSON)
@settings(max_examples=50)
def test_nothing_that_a_server_answers_is_more_than_malformed(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"choices\[0\]"):
        read_reply(answer)


def test_a_run_that_is_stopped_keeps_what_came_before(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    begun = threading.Event()

    def script(asked: Asked) -> Answer:
        if asked.number > 60:
            begun.set()
        return ORACLE(asked)

    with ScriptedServer(script) as server:
        remote = RemoteAgent(Model("m"), endpoint=Endpoint(server.url, timeout_s=60))

        def player(trial: int) -> Agent:
            own = remote.agent(trial)

            def start(episode: Episode) -> Play:
                if (episode.task.id, trial) == (TASKS[4].id, 0):
                    begun.wait(10)
                    raise KeyboardInterrupt
                return own(episode)

            return start

        with pytest.raises(KeyboardInterrupt):
            run_concurrently(plan(), player, path, workers=3, stop=remote.stop)
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:5])
    played(ORACLE, path, workers=3)
    assert path.read_bytes() == whole


def test_a_log_gives_back_episodes_to_learn_from(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole)
    by_id = {task.id: task for task in TASKS}
    for recorded in read_episodes(path):
        episode = replay(by_id[recorded.task], recorded)
        assert episode.verdict().passed
        said = [message for message in episode.messages if message["sampled"]]
        assert len(said) == len(episode.steps)


def test_the_command_runs_resumes_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "run.jsonl")
    begin = ["run", "airline", "--agent", "openai", "--tasks", "3", "--split", "train", "--out", out]
    monkeypatch.setenv("SOME_KEY", KEY)
    with ScriptedServer(ORACLE) as server:
        rest = ["--base-url", server.url, "--api-key-env", "SOME_KEY", "--concurrency", "3"]
        assert main([*begin, "--model", "m", *rest]) == 0
        assert json.loads(capsys.readouterr().out)["passed"] == 3
        assert main([*begin, "--model", "m", *rest]) == 0
        assert "3 of 3 episodes were there already" in capsys.readouterr().err
        assert main([*begin, "--model", "n", *rest]) == 2
        assert main([*begin, *rest]) == 2
        assert main([*begin, "--model", "m"]) == 2
        assert main([*begin, "--model", "m", *rest[:3], "NO_SUCH_KEY"]) == 2
    assert main(["replay", out]) == 0
    assert KEY not in capsys.readouterr().err
    header = read_header(out)
    assert (header["agent"], header["model"]) == ("openai:m", "m")
    assert main([*begin[:3], "idle", *begin[4:], "--model", "m"]) == 2
    assert "--model is of a model behind a server" in capsys.readouterr().err
    assert main([*begin[:3], "openia", *begin[4:]]) == 2
    assert "Did you mean 'openai'?" in capsys.readouterr().err
