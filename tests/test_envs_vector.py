"""Laws of spaces and vector environments: many episodes at once are the same episodes."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any, NoReturn

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_differing_spaces, batch_space
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.pack import bundled
from simenv.envs.service import ServiceEnv
from simenv.envs.spaces import ACTION_LENGTH, Unicode, action_space
from simenv.envs.vector import ServiceVectorEnv
from simenv.episodes.episode import Episode

ID = "simenv/airline-v0"
PACK = bundled("airline", "train")
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def native(num_envs: int, **kwargs: Any) -> ServiceVectorEnv:
    env = gymnasium.make_vec(ID, num_envs=num_envs, **kwargs)
    assert isinstance(env, ServiceVectorEnv)
    return env


def sync(num_envs: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> VectorEnv[Any, Any, Any]:
    vector_kwargs = {"autoreset_mode": mode}
    return gymnasium.make_vec(ID, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=vector_kwargs)


def script(seed: int) -> list[str]:
    """What the oracle does on task ``seed``."""
    episode = play(Episode(PACK.at(seed)), oracle())
    return [step.action for step in episode.trajectory().steps]


def batches(num_envs: int, *, seed: int, steps: int) -> Iterator[list[str]]:
    """The oracle's actions while there are some, then samples and silence, so that episodes end."""
    scripts = [iter(script(seed + place)) for place in range(num_envs)]
    space = action_space(catalog.domain("airline"))
    space.seed(seed)
    for number in range(steps):
        rest = space.sample() if number % 3 == 0 else ""
        yield [next(actions, rest) for actions in scripts]


# Spaces


class Unwalkable(str):
    """A string that fails whoever looks at its characters."""

    @override
    def __iter__(self) -> NoReturn:
        raise AssertionError

    @override
    def __getitem__(self, place: object) -> NoReturn:
        raise AssertionError


@given(st.text(st.characters(categories=None)))
def test_every_short_string_is_inside(text: str) -> None:
    assert text in Unicode(len(text), examples=[""])
    assert f"{text}x" not in Unicode(len(text), examples=[""])


def test_only_strings_are_inside_and_no_character_is_looked_at() -> None:
    space = Unicode(100)
    assert Unwalkable("Grüße" * 20) in space
    assert np.str_("“hello”") in space
    assert all(other not in space for other in (None, 1, b"hello", ["hello"], ("hello",)))


def test_spaces_are_equal_if_they_hold_the_same_strings() -> None:
    class Other(Unicode):
        pass

    assert Unicode(50) == Unicode(50, examples=["x"], seed=3)
    assert hash(Unicode(50)) == hash(Unicode(50, examples=["x"]))
    assert Unicode(50) != Unicode(51)
    assert Unicode(50) != Other(50)
    assert Other(50) != Unicode(50)
    assert len({Unicode(50), Unicode(50), Unicode(51), Other(50)}) == 3
    assert Unicode(50) != gymnasium.spaces.Text(50)
    assert repr(Unicode(50)) == "Unicode(50)"
    assert repr(Other(50)) == "Other(50)"


def test_a_space_travels() -> None:
    space = Unicode(50, seed=3)
    others = [pickle.loads(pickle.dumps(space)), copy.deepcopy(space)]
    drawn = [space.sample() for _ in range(20)]
    for other in others:
        assert other == space
        assert [other.sample() for _ in range(20)] == drawn
    samples = ["“a”", "b"]
    assert space.from_jsonable(space.to_jsonable(samples)) == samples


def test_samples_follow_the_seed_and_reach_every_example() -> None:
    space = Unicode(50)
    space.seed(7)
    first = [space.sample() for _ in range(200)]
    space.seed(7)
    assert [space.sample() for _ in range(200)] == first
    assert set(first) == set(space.examples)


def test_wrong_spaces_are_refused() -> None:
    for wrong in ({"max_length": -1}, {"max_length": 3}, {"max_length": 3, "examples": []}):
        with pytest.raises(UsageError):
            Unicode(**wrong)
    with pytest.raises(UsageError, match="mask"):
        Unicode(50).sample(mask=1)


def test_samples_of_actions_run_real_tools() -> None:
    """Every sampled call passes the check of its arguments; looking up a made-up id may still fail."""
    space = action_space(catalog.domain("airline"))
    assert space.max_length == ACTION_LENGTH
    tasks = (PACK.at(at) for at in range(len(PACK)))
    episode = Episode(next(task for task in tasks if not task.faults))
    steps = [episode.act(example) for example in space.examples if example.startswith("{")]
    reads = [tool.name for tool in catalog.domain("airline").tools if tool.effect == "read"]
    assert [call.name for call in episode.trajectory().calls] == reads
    assert {step.error for step in steps} <= {"", "not_found"}
    assert any(not step.error for step in steps)


def test_spaces_are_batched() -> None:
    space = Unicode(50, seed=1)
    for batched in (batch_space(space, 3), batch_differing_spaces([space, Unicode(60), space])):
        assert ("a", "“b”", "") in batched
        assert ("a", "b") not in batched
        assert batched.sample() in batched


# Vector environments


def test_make_vec_takes_the_batched_class_and_says_how_it_resets() -> None:
    env = native(64)
    assert env.num_envs == 64
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert native(1, autoreset_mode="SameStep").metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert ServiceVectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.spec is not None
    assert gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()).kwargs["num_envs"] == 64
    observations, infos = env.reset(seed=3)
    assert observations in env.observation_space
    assert list(infos["task_id"]) == [PACK.at(3 + place).id for place in range(64)]
    assert env.step(env.action_space.sample())[0] in env.observation_space


@pytest.mark.parametrize("mode", MODES)
def test_the_batched_class_gives_what_a_sync_vector_env_gives(mode: AutoresetMode) -> None:
    ours, theirs = native(4, autoreset_mode=mode.value), sync(4, mode)
    assert isinstance(theirs, SyncVectorEnv)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert data_equivalence(ours.reset(seed=5), theirs.reset(seed=5), exact=True)
    ends = 0
    for actions in batches(4, seed=5, steps=60):
        got = ours.step(actions)
        assert data_equivalence(got, theirs.step(actions), exact=True)
        ends += int((got[2] | got[3]).sum())
    assert ends > 8
    assert data_equivalence(ours.reset(), theirs.reset(), exact=True)
    options = {"task": PACK.at(9).id}
    assert data_equivalence(ours.reset(options=options), theirs.reset(options=options), exact=True)
    seeds = [3, None, 8, 2**70]
    assert data_equivalence(ours.reset(seed=seeds), theirs.reset(seed=seeds), exact=True)


@pytest.mark.parametrize("face", ["full", "compact"])
def test_every_step_is_that_of_a_single_environment(face: str) -> None:
    count = 6
    env, singles = native(count, face=face), [gymnasium.make(ID, face=face) for _ in range(count)]
    observations, infos = env.reset(seed=2)
    opened = [single.reset(seed=2 + place) for place, single in enumerate(singles)]
    assert observations == tuple(observation for observation, _ in opened)
    scripts = [script(2 + place) for place in range(count)]
    for number in range(max(map(len, scripts))):
        actions = [actions[number] if number < len(actions) else "" for actions in scripts]
        observations, rewards, terminations, truncations, infos = env.step(actions)
        for place, single in enumerate(singles):
            if number < len(scripts[place]):
                observation, reward, terminated, truncated, info = single.step(actions[place])
                assert observations[place] == observation
                assert infos["digest"][place] == info["digest"]
                assert infos["chat"][place] == info["chat"]
                assert (rewards[place], terminations[place], truncations[place]) == (
                    reward,
                    terminated,
                    truncated,
                )
                assert reward == float(number == len(scripts[place]) - 1)


def test_an_async_vector_env_plays_the_same_episodes() -> None:
    vector_kwargs = {"shared_memory": False, "context": "spawn"}
    theirs = gymnasium.make_vec(ID, num_envs=2, vectorization_mode="async", vector_kwargs=vector_kwargs)
    ours = native(2)
    try:
        assert data_equivalence(ours.reset(seed=5), theirs.reset(seed=5), exact=True)
        for actions in batches(2, seed=5, steps=20):
            assert data_equivalence(ours.step(actions), theirs.step(actions), exact=True)
    finally:
        theirs.close()


def test_text_in_shared_memory_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="shared_memory=False"):
        gymnasium.make_vec(ID, num_envs=1, vectorization_mode="async")


@pytest.mark.parametrize("mode", MODES)
def test_vector_statistics_and_lists_of_infos_work(mode: AutoresetMode) -> None:
    env = DictInfoToList(RecordEpisodeStatistics(native(3, autoreset_mode=mode.value)))
    _, infos = env.reset(seed=5)
    assert [info["task_id"] for info in infos] == [PACK.at(5 + place).id for place in range(3)]
    finished: dict[int, Any] = {}
    for actions in batches(3, seed=5, steps=30):
        *_, infos = env.step(actions)
        for place, info in enumerate(infos):
            if "episode" in info:
                finished.setdefault(place, info)
    for place in range(3):
        info = finished[place]
        assert (info["episode"]["r"], info["episode"]["l"]) == (1.0, len(script(5 + place)))
        verdict = (info if mode is AutoresetMode.NEXT_STEP else info["final_info"])["verdict"]
        assert verdict["passed"]


@pytest.mark.parametrize("again", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy])
def test_a_copy_goes_on_identically(again: Any) -> None:
    env = native(3)
    env.reset(seed=5)
    for actions in batches(3, seed=5, steps=25):
        other = again(env)
        assert data_equivalence(other.step(actions), env.step(actions), exact=True)
    assert data_equivalence(again(env).reset(), env.reset(), exact=True)


def test_each_place_can_have_its_own_task_or_seed() -> None:
    env = native(3)
    ids = [PACK.at(at).id for at in (9, 0, 9)]
    assert list(env.reset(seed=1, options={"task": ids})[1]["task_id"]) == ids
    assert list(env.reset(options={"task": ids[1]})[1]["task_id"]) == [ids[1]] * 3
    assert list(env.reset(seed=[9, 0, 9])[1]["task_id"]) == ids
    first = env.reset()[1]["task_id"]
    env.reset(seed=[9, 0, 9])
    assert list(env.reset()[1]["task_id"]) == list(first)
    assert first[0] == first[2]


def test_actions_may_be_any_sequence_of_strings() -> None:
    said = ["Hello?", "“Grüße”"]
    seen = []
    listed: list[Any] = [said, tuple(said), np.array(said), np.array(said, dtype=object)]
    for actions in listed:
        env = native(2)
        env.reset(seed=1)
        seen.append(list(env.step(actions)[4]["digest"]))
    assert seen == [seen[0]] * 4


def test_wrong_batches_are_refused_before_anything_is_done() -> None:
    env = native(2)
    with pytest.raises(UsageError, match="reset"):
        env.step(["", ""])
    env.reset(seed=1)
    before = [episode.digest for episode in env.episodes]
    for wrong in ("ab", ["a"], ["a", "b", "c"], ["a", None], ["a", b"b"], np.zeros(2)):
        with pytest.raises(UsageError):
            env.step(wrong)  # type: ignore[arg-type]
    for seed in (-1, [1], [1, -2], [1, "2"], 1.5):
        with pytest.raises(UsageError, match="seed is"):
            env.reset(seed=seed)  # type: ignore[arg-type]
    for options in ({"tasks": 1}, {"task": ["x"]}, {"task": [1, 2]}, {"task": "airline/x"}):
        with pytest.raises(UsageError):
            env.reset(options=options)
    assert [episode.digest for episode in env.episodes] == before


def test_wrong_vector_environments_are_refused() -> None:
    with pytest.raises(UsageError, match="num_envs"):
        ServiceVectorEnv("airline", num_envs=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'NextStep'"):
        ServiceVectorEnv("airline", autoreset_mode="next_step")
    with pytest.raises(UsageError, match="render mode"):
        ServiceVectorEnv("airline", render_mode="human")


def test_no_place_shares_an_object_with_a_single_environment_or_a_later_call() -> None:
    env = native(2)
    single = ServiceEnv("airline")
    clean = single.reset(seed=4)
    _, infos = env.reset(seed=4)
    for messages in infos["chat"]:
        messages.clear()
    infos["tools"][0].clear()
    assert single.reset(seed=4) == clean
    assert env.reset(seed=4)[1]["tools"][0] == clean[1]["tools"]
