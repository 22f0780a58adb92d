"""Laws of the Gymnasium face: it shows the native episode, to the byte, and nothing else."""

import copy
import json
import pickle
import re
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import pytest
from gymnasium import wrappers
from gymnasium.envs.registration import EnvSpec, registry
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from simenv.agents.oracle import Manner, oracle
from simenv.agents.protocol import play
from simenv.agents.voice import TerseVoice
from simenv.core import catalog
from simenv.core.canonical import canonical
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.core.pack import bundled, write_pack
from simenv.core.plan import refs_in
from simenv.core.task import Task
from simenv.envs.registration import IDS, register_all
from simenv.envs.service import ServiceEnv
from simenv.episodes import faces, pool
from simenv.episodes.chat import tool_result
from simenv.episodes.episode import Episode

ID = "simenv/airline-v0"
ROOT = Path(__file__).resolve().parents[1]
PACK = bundled("airline", "train")
KINDS = [*sorted({name for line in PACK.lines for name in line["certificate"]["lineage"]}), "as it is"]
"""Every operator that tasks grew by, and those that grew by none."""
CURLY = "Grüß Gott – it’s “señor” Škoda’s café 😀!"  # noqa: RUF001  look-alikes of ASCII are the point


def tasks_of(kind: str, count: int) -> list[Task]:
    lineages = [line["certificate"]["lineage"] or ["as it is"] for line in PACK.lines]
    places = [at for at, lineage in enumerate(lineages) if kind in lineage]
    return [PACK.at(at) for at in places[:count]]


def accented(task: Task) -> Task:
    card = task.card.model_copy(update={"opening": f"{CURLY} {task.card.opening}"})
    return task.model_copy(update={"card": card})


def write(path: Path, tasks: list[Task]) -> str:
    file = path / "tasks.jsonl"
    write_pack(file, {"domain": "airline", "split": "train"}, tasks)
    return str(file)


@cache
def solved(task_id: str) -> Episode:
    """An episode of a bundled task that the oracle has played."""
    return play(Episode(PACK.find(task_id)), oracle())


def actions_of(episode: Episode) -> list[str]:
    return [step.action for step in episode.trajectory().steps]


def make(**kwargs: Any) -> ServiceEnv:
    env = gymnasium.make(ID, **kwargs).unwrapped
    assert isinstance(env, ServiceEnv)
    return env


def last_of(env: Any, actions: list[str]) -> Any:
    """What the last of the actions brought."""
    return [env.step(action) for action in actions][-1]


def run(program: str) -> str:
    paths = [str(path) for path in (ROOT, ROOT / "corpora", ROOT / "generators")]
    code = f"import sys; sys.path[:0] = {paths!r}\n{program}"
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Registration


def test_an_environment_can_be_made_without_importing_simenv_first() -> None:
    program = (
        "import gymnasium\n"
        "env = gymnasium.make('simenv:simenv/airline-v0')\n"
        "print(env.reset(seed=7)[1]['task_id'])"
    )
    assert run(program).strip() == PACK.at(7).id


def test_registering_again_changes_nothing() -> None:
    before = dict(registry)
    register_all()
    assert registry == before


def test_every_domain_has_an_environment_of_its_version() -> None:
    shipped = [name for name, entry in catalog.ENTRIES.items() if entry.packs]
    expected = {f"simenv/{name}-v{catalog.domain(name).version}": name for name in shipped}
    assert expected == IDS


def test_the_budget_is_the_tasks_own() -> None:
    assert all(gymnasium.spec(name).max_episode_steps is None for name in IDS)


def test_importing_simenv_loads_at_most_gymnasium() -> None:
    program = (
        "import gymnasium, typing_extensions\n"
        "before = set(sys.modules)\n"
        "import simenv\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert set(run(program).split()) == {
        "simenv",
        "simenv.core",
        "simenv.core.errors",
        "simenv.core.lazy",
        "simenv.envs",
        "simenv.envs.registration",
    }


def test_a_spec_is_json_and_makes_the_same_environment(tmp_path: Path) -> None:
    env = gymnasium.make(ID, uncertified=True, tasks=write(tmp_path, tasks_of("parallel", 2)), face="compact")
    assert env.spec is not None
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.reset(seed=1) == env.reset(seed=1)
    assert again.step("Hello?") == env.step("Hello?")


# The Gymnasium contract


@pytest.mark.parametrize("face", ["full", "compact"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_check_env_accepts_the_bundled_packs(split: str, face: str) -> None:
    check_env(make(split=split, face=face))


@pytest.mark.parametrize("kind", KINDS)
def test_check_env_accepts_every_kind_of_task(kind: str, tmp_path: Path) -> None:
    check_env(make(uncertified=True, tasks=write(tmp_path, tasks_of(kind, 3))))


@pytest.mark.parametrize("face", ["full", "compact"])
def test_check_env_accepts_accents_and_curly_quotes(face: str, tmp_path: Path) -> None:
    task = accented(PACK.at(0))
    env = make(uncertified=True, tasks=write(tmp_path, [task]), face=face)
    assert CURLY in env.reset(seed=0)[0]
    check_env(env)
    env.reset(seed=0)
    assert env.step(CURLY)[4]["chat"][0]["content"] == CURLY


@pytest.mark.parametrize(
    "wrap",
    [
        wrappers.Autoreset,
        wrappers.NormalizeReward,
        wrappers.OrderEnforcing,
        wrappers.PassiveEnvChecker,
        wrappers.RecordEpisodeStatistics,
        lambda env: wrappers.TimeLimit(env, 1000),
        lambda env: wrappers.TransformAction(env, lambda action: action, env.action_space),
        lambda env: wrappers.TransformObservation(env, lambda text: text, env.observation_space),
        lambda env: wrappers.TransformReward(env, lambda reward: 2 * float(reward)),
    ],
)
def test_wrappers_do_not_change_an_episode(wrap: Any) -> None:
    episode = solved(PACK.at(3).id)
    env = wrap(gymnasium.make(ID))
    env.reset(seed=3)
    _, _, terminated, truncated, info = last_of(env, actions_of(episode))
    assert (terminated, truncated) == (True, False)
    assert info["digest"] == episode.digest
    assert env.unwrapped.episode.verdict() == episode.verdict()


def test_statistics_of_episodes_are_recorded() -> None:
    episode = solved(PACK.at(3).id)
    env = wrappers.RecordEpisodeStatistics(gymnasium.make(ID))
    env.reset(seed=3)
    info = last_of(env, actions_of(episode))[4]
    assert (info["episode"]["r"], info["episode"]["l"]) == (1.0, len(episode.trajectory().steps))


# Equality with the native episode


@pytest.mark.parametrize("kind", KINDS)
def test_the_oracle_earns_one_through_gymnasium_and_every_step_is_the_native_one(kind: str) -> None:
    task = tasks_of(kind, 1)[0]
    actions = actions_of(solved(task.id))
    native, env = Episode(task), gymnasium.make(ID)
    terminated = truncated = False
    observation, info = env.reset(options={"task": task.id})
    assert observation == native.observation
    assert (info["digest"], info["tools"], info["task_id"]) == (native.digest, native.tools, task.id)
    chat: list[Any] = list(info["chat"])
    reward: SupportsFloat = 0.0
    for number, action in enumerate(actions, 1):
        step = native.act(action)
        observation, reward, terminated, truncated, info = env.step(action)
        assert observation == step.observation
        assert (reward, terminated, truncated) == (step.reward, step.terminated, step.truncated)
        assert (info["digest"], info.get("error", "")) == (step.digest, step.error)
        assert ("verdict" in info) == (number == len(actions))
        chat += info["chat"]
        assert canonical(chat) == canonical(native.messages)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info["verdict"] == native.verdict().to_json()
    assert info["verdict"]["passed"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_agent_earns_nothing(kind: str) -> None:
    env = gymnasium.make(ID)
    env.reset(options={"task": tasks_of(kind, 1)[0].id})
    steps = [env.step("")]
    while not (steps[-1][2] or steps[-1][3]):
        steps.append(env.step(""))
    assert {reward for _, reward, *_ in steps} == {0.0}
    *_, terminated, truncated, info = steps[-1]
    assert (terminated, truncated, info["verdict"]["passed"]) == (True, False, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_episode_pays_nothing_and_says_so(kind: str, tmp_path: Path) -> None:
    """One step short of the end, when all that was due is done."""
    task = tasks_of(kind, 1)[0]
    actions = actions_of(solved(task.id))
    short = task.model_copy(update={"budget": len(actions) - 1})
    env = gymnasium.make(ID, uncertified=True, tasks=write(tmp_path, [short]))
    info = env.reset(seed=0)[1]
    for number, action in enumerate(actions[:-1], 1):
        _, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == (0.0, False, number == short.budget)
    assert (info["verdict"]["truncated"], info["verdict"]["passed"]) == (True, False)
    with pytest.raises(UsageError, match="over"):
        env.step(actions[-1])


def test_mistakes_are_answered_and_named() -> None:
    env = make()
    env.reset(seed=next(at for at in range(len(PACK)) if not PACK.at(at).faults))
    for action, error in {
        '{"name": ': "bad_json",
        '{"name": "no_such_tool", "arguments": {}}': "unknown_tool",
        '{"name": "get_user_details", "arguments": {}}': "bad_arguments",
        '{"name": "get_user_details", "arguments": {"user_id": "nobody"}}': "not_found",
        "[]": "bad_call",
        "a\ud800": "bad_text",
        "a\0": "bad_text",
    }.items():
        observation, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert info["error"] == error
        assert observation.startswith(f"error {error}: ")
    assert "error" not in env.step("Hello.")[4]


# What is played


def test_a_seed_plays_its_task_modulo_the_pack() -> None:
    env, count = make(), len(PACK)
    for seed in (0, 7, count - 1, count, 3 * count + 7, 2**70 + 1):
        assert env.reset(seed=seed)[1]["task_id"] == PACK.at(seed % count).id


def test_the_split_is_train_unless_told() -> None:
    assert make(split="test").reset(seed=0)[1]["task_id"] == bundled("airline", "test").at(0).id
    assert make().reset(seed=0)[1]["task_id"] == PACK.at(0).id


def test_a_task_beats_the_seed() -> None:
    task = PACK.at(11)
    assert make().reset(seed=3, options={"task": task.id})[1]["task_id"] == task.id


def test_a_seed_fixes_all_later_resets() -> None:
    def drawn(seed: int) -> list[str]:
        env = make()
        first = env.reset(seed=seed)[1]["task_id"]
        return [first, *(env.reset()[1]["task_id"] for _ in range(5))]

    assert drawn(4) == drawn(4)
    assert drawn(4)[1:] != drawn(5)[1:]
    assert len(set(drawn(4))) > 3


def test_a_named_task_does_not_move_the_draws() -> None:
    env = make()
    env.reset(seed=4)
    straight = env.reset()[1]["task_id"]
    env.reset(seed=4)
    env.reset(options={"task": PACK.at(0).id})
    assert env.reset()[1]["task_id"] == straight


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tasks": "x"}, "Did you mean 'task'"),
        ({"seed": 3}, "Known: task"),
        ({"task": 3}, "a task id, a string; got int"),
        ({"task": PACK.at(0).id[:-1]}, f"Did you mean '{PACK.at(0).id}'"),
        ("airline", "options is a dict"),
    ],
)
def test_wrong_options_are_refused_with_a_way_out(options: Any, says: str) -> None:
    env = make()
    env.reset(seed=1)
    before = env.episode
    with pytest.raises(UsageError, match=re.escape(says)):
        env.reset(options=options)
    assert env.episode is before


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [({"split": "tain"}, "train"), ({"face": "compct"}, "compact"), ({"domain": "airlines"}, "airline")],
)
def test_wrong_names_are_refused_when_it_is_made(kwargs: dict[str, Any], name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean '{name}'"):
        ServiceEnv(**({"domain": "airline"} | kwargs))


def test_a_broken_pack_is_refused_when_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        ServiceEnv("airline", tasks=str(tmp_path / "none.jsonl"))
    with pytest.raises(UsageError, match="render mode"):
        ServiceEnv("airline", render_mode="human")


def test_stepping_out_of_turn_is_refused() -> None:
    env = make()
    with pytest.raises(UsageError, match="reset"):
        env.step("Hello?")
    with pytest.raises(gymnasium.error.ResetNeeded):
        gymnasium.make(ID).step("Hello?")
    env.reset(seed=0)
    digest = env.episode.digest
    for wrong in (None, 3, b"Hello?", {"name": "calculate"}, ["Hello?"]):
        with pytest.raises(UsageError, match="an action is a string"):
            env.step(wrong)  # type: ignore[arg-type]
    assert env.episode.digest == digest


# Info


def test_info_is_ready_for_json_and_never_holds_an_episode() -> None:
    env = make()
    infos = [env.reset(seed=3)[1]]
    infos += [env.step(action)[4] for action in ["{", *actions_of(solved(PACK.at(3).id))]]
    for info in infos:
        assert json.loads(json.dumps(info)) == info
        assert "episode" not in info
        assert not any(key.startswith("_") for key in info)
    assert set(infos[0]) == {"chat", "tools", "task_id", "digest"}
    assert set(infos[1]) == {"chat", "digest", "error"}
    assert set(infos[-1]) == {"chat", "digest", "verdict"}


def test_policy_and_opening_are_messages_of_their_own() -> None:
    chat = make().reset(seed=3)[1]["chat"]
    assert [(message["role"], message["sampled"]) for message in chat] == [("system", False), ("user", False)]
    assert chat[1]["content"] == PACK.at(3).card.opening


def test_calls_and_results_are_joined_by_id_and_only_the_agents_words_are_sampled() -> None:
    env = make()
    env.reset(seed=3)
    call = '{"name": "calculate", "arguments": {"expression": "1 + 1"}}'
    for action in (call, f"[{call}, {call}]"):
        said, *results = env.step(action)[4]["chat"]
        assert said["role"] == "assistant"
        assert said["sampled"] is True
        assert [result["tool_call_id"] for result in results] == [each["id"] for each in said["tool_calls"]]
        assert {result["sampled"] for result in results} == {False}


def ruin(value: Any) -> None:
    """Change everything in ``value`` that can be changed."""
    parts = value.values() if isinstance(value, dict) else value
    for part in list(parts):
        if isinstance(part, dict | list):
            ruin(part)
    value.clear()


def test_what_callers_do_to_an_info_reaches_nobody_else() -> None:
    clean, env = make(), make()
    actions = actions_of(solved(PACK.at(3).id))
    for _ in range(2):
        assert ruined(env.reset(seed=3)) == copy.deepcopy(clean.reset(seed=3))
        for action in actions:
            assert ruined(env.step(action)) == copy.deepcopy(clean.step(action))
        assert env.episode.snapshot().text == clean.episode.snapshot().text
    assert {"tool_calls"} <= {key for message in env.episode.messages for key in message}


def ruined(returned: Any) -> Any:
    kept = copy.deepcopy(returned)
    returned[-1].pop("tools", None)  # one list for all resets of an environment, and for no other
    ruin(returned[-1])
    return kept


# Copies


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("again", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy])
def test_a_copy_goes_on_identically(again: Any, wrapped: bool, tmp_path: Path) -> None:
    tasks = [accented(PACK.at(3)), *tasks_of("faults", 5)]
    actions = actions_of(play(Episode(tasks[0]), oracle()))
    made = gymnasium.make(ID, uncertified=True, tasks=write(tmp_path, tasks))
    env: Any = made if wrapped else made.unwrapped
    fresh = again(env)
    assert fresh.reset(seed=0) == env.reset(seed=0)
    for action in actions:
        other = again(env)
        assert other.step(action) == env.step(action)
        assert other.unwrapped.episode.snapshot().text == env.unwrapped.episode.snapshot().text
        assert other.reset() == again(env).reset()
    assert env.unwrapped.episode.verdict().reward == 1.0


def test_asking_for_a_verdict_early_does_not_change_the_reward() -> None:
    episode, env = solved(PACK.at(3).id), make()
    env.reset(seed=3)
    assert not env.episode.verdict().passed
    assert last_of(env, actions_of(episode))[1] == 1.0


def test_a_pickle_holds_one_task_and_not_the_pack() -> None:
    env = make()
    env.reset(seed=3)
    assert len(pickle.dumps(env)) < 20_000


# Faces

AIRLINE = catalog.domain("airline")
SIGNS = re.compile(r"[ \t\n=,]+")


def scalars(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [text for part in parts for text in scalars(part)]
    return [] if value is None else [str(value)]


def needed(result: Any) -> Any:
    """The result without the fields that nobody needs."""
    if isinstance(result, dict):
        return {key: needed(part) for key, part in result.items() if key not in AIRLINE.spare}
    return [needed(part) for part in result] if isinstance(result, list) else result


def tokens(messages: list[dict[str, Any]]) -> int:
    """Words and signs in a whole chat: what is shown, what is said and what is called."""
    texts = [message["content"] for message in messages]
    calls = [call["function"] for message in messages for call in message.get("tool_calls", ())]
    texts += [f"{call['name']} {call['arguments']}" for call in calls]
    return len(re.findall(r"\w+|[^\w\s]", " ".join(texts)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_compact_face_shows_the_same_facts_and_changes_no_episode(kind: str) -> None:
    for task in tasks_of(kind, 2):
        env = make(face="compact")
        full, (observation, info) = solved(task.id), env.reset(options={"task": task.id})
        reward = 0.0
        assert observation != full.observation
        for step in full.trajectory().steps:
            observation, reward, *_, info = env.step(step.action)
            assert info["digest"] == step.chain
        assert (reward, info["verdict"]) == (1.0, full.verdict().to_json())
        shown, words = env.episode.messages, set[str]()
        for before, after in zip(full.messages[1:], shown[1:], strict=True):
            assert {**before, "content": ""} == {**after, "content": ""}
            if before["role"] == "tool" and before["content"][:1] in ("{", "["):
                assert after["content"] != before["content"]
                # What a write gives back is shown only where it is new, so words add up.
                words |= set(SIGNS.split(after["content"]))
                for text in scalars(needed(json.loads(before["content"], parse_float=str))):
                    assert set(SIGNS.split(text)) <= words
            else:
                assert after == before


JSON = st.recursive(
    st.none() | st.integers(-(2**70), 2**70) | st.from_regex(r"[a-z]{1,5}", fullmatch=True),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), JSON) | st.lists(JSON))
def test_the_compact_face_loses_no_value(value: Any) -> None:
    result = tool_result("call_0_0", "any", canonical(value))
    (shown,) = faces.face("compact").messages([result], [], domain=AIRLINE, wrote=False)
    assert set(scalars(value)) <= set(SIGNS.split(shown["content"]))


SIMPLE = {"balance_total": 300, "refund_total": 400, "add_bags": 470, "cancel": 470}
"""Median tokens of whole episodes, the agent's own included, that name their reservation."""


def lengths(tasks: list[Task]) -> tuple[list[int], list[int]]:
    """Tokens of whole episodes in the full and in the compact face, which are one episode."""
    long, short = [], []
    for task in tasks:
        brief = oracle(Manner(voice=TerseVoice()))
        full, compact = play(Episode(task), brief), play(Episode(task, face="compact"), brief)
        assert compact.digest == full.digest
        long.append(tokens(full.messages))
        short.append(tokens(compact.messages))
    return long, short


@pytest.mark.parametrize("kind", KINDS)
def test_the_compact_face_is_short(kind: str) -> None:
    """Every kind of task takes at most 60 % of the full face."""
    long, short = lengths(tasks_of(kind, 12))
    assert statistics.median(short) <= 0.6 * statistics.median(long)


@pytest.mark.parametrize("intent", SIMPLE)
def test_simple_requests_take_about_400_tokens_in_the_compact_face(intent: str) -> None:
    generator = catalog.generator("airline")
    world = pool.image("airline", ("airline", "train", 0, 0), "S")
    proposed = [generator.propose(world, intent, ("simple", at)) for at in range(40)]
    simple = [task for task in proposed if task is not None and named(task)][:12]
    assert len(simple) >= 5
    assert statistics.median(lengths(simple)[1]) <= SIMPLE[intent]


def named(task: Task) -> bool:
    """Whether the customer knows the reservation's number, so that none has to be searched for."""
    assert task.plan is not None
    return all(ref["by"] == "number" for want in task.plan.wants for ref in refs_in(want))


def test_tasks_without_certificates_need_a_word(tmp_path: Path) -> None:
    file = write(tmp_path, [PACK.at(0)])
    with pytest.raises(UsageError, match="without a certificate"):
        make(tasks=file)
    assert make(tasks=file, uncertified=True).reset(seed=0)[1]["task_id"] == PACK.at(0).id


def test_tasks_are_made_on_reset_the_same_everywhere() -> None:
    """A task of an endless set is a function of its seed; no file is read or written."""
    spec = "synth:depth=1:2,breadth=1:2,seed=5"
    one, other = make(tasks=spec), make(tasks=spec)
    drawn = [one.reset(seed=seed)[1]["task_id"] for seed in (0, 1, 60)]
    assert len(set(drawn)) == 3
    assert [other.reset(seed=seed)[1]["task_id"] for seed in (60, 1, 0)] == drawn[::-1]
    assert pickle.loads(pickle.dumps(one)).reset(seed=1) == one.reset(seed=1)
    with pytest.raises(UnknownNameError, match="Did you mean 'depth'"):
        make(tasks="synth:dept=3")
    with pytest.raises(UsageError, match="the most is 8"):
        make(tasks="synth:depth=9")
