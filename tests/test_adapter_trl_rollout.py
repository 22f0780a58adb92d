"""Laws of rollouts for TRL, with letters for tokens and a script for a model. TRL is not needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from simenv.adapters import trl_rollout
from simenv.adapters.trl_rollout import episode_reward, rollout_func, rollout_rows
from simenv.agents.protocol import iter_nothing, play
from simenv.core.errors import UsageError
from simenv.core.pack import write_pack
from simenv.episodes.chat import Message
from simenv.episodes.episode import Episode
from simenv.train.chat.tokens import Segment
from tests.test_adapter_trl import library_tasks, natively


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("trl") / "library.jsonl"
    write_pack(path, {"domain": "library"}, library_tasks())
    return str(path)


STOP, HEADER = 0, 1


@dataclass
class Letters:
    """A chat family whose tokens are letters."""

    name: str = "letters"
    codec: Any = None
    stops: frozenset[int] = frozenset({STOP})

    def start(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[Segment]:
        return self.heard(messages)

    def heard(self, messages: Sequence[Message]) -> list[Segment]:
        told = [Segment(each["role"], tuple(map(ord, each["content"])), sampled=False) for each in messages]
        return [*told, Segment("header", (HEADER,), sampled=False)]

    def turn(self, action: str) -> Segment:
        return Segment("assistant", (*map(ord, action), STOP), sampled=True)

    def action(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids[:-1]))


@dataclass
class Scripts:
    """Stands for sampling: turn k of the script of the row's task, told apart by the first messages."""

    of: dict[tuple[int, ...], list[str]]
    seen: list[tuple[list[int], tuple[int, ...]]] = field(default_factory=list)

    def sample(self, trainer: Any, rows: list[list[int]], stops: Any, most: int) -> list[Any]:
        turns = []
        for row in rows:
            prefix = next(start for start in self.of if tuple(row[: len(start)]) == start)
            turn = self.of[prefix][row[len(prefix) - 1 :].count(HEADER) - 1]
            ids = [*map(ord, turn), STOP][:most]
            self.seen.append((row, tuple(ids)))
            turns.append((ids, [-0.5] * len(ids)))
        return turns


@pytest.fixture
def played(library: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], Scripts]]:
    def run(scripts: dict[int, list[str]], room: int = 10**6, turn_tokens: int = 10**4) -> Any:
        tasks, letters = library_tasks(), Letters()
        starts = {
            index: tuple(i for part in letters.start(Episode(tasks[index]).messages, []) for i in part.ids)
            for index in scripts
        }
        model = Scripts({starts[index]: script for index, script in scripts.items()})
        monkeypatch.setattr(trl_rollout, "_sample", model.sample)
        trainer = SimpleNamespace(
            processing_class=None,
            args=SimpleNamespace(max_completion_length=room),
            model=SimpleNamespace(config=SimpleNamespace()),
        )
        function = rollout_func(
            "library",
            tasks=library,
            uncertified=True,
            turn_tokens=turn_tokens,
            family=lambda tokenizer: letters,
        )
        rows = rollout_rows("library", max(scripts) + 1, tasks=library, uncertified=True)
        return function([rows[index]["prompt"] for index in scripts], trainer), model

    return run


Played = Callable[..., tuple[dict[str, Any], Scripts]]


def test_a_rollout_is_the_episode_and_its_mask_says_what_was_sampled(played: Played) -> None:
    tasks = library_tasks()
    scripts = {index: [step.action for step in natively(task).steps] for index, task in enumerate(tasks)}
    scripts[1] = ["", "", *[""] * 20]
    out, model = played(scripts)
    assert {len(values) for values in out.values()} == {len(tasks)}
    for at, task in enumerate(tasks):
        prompt, completion, mask = out["prompt_ids"][at], out["completion_ids"][at], out["env_mask"][at]
        assert len(completion) == len(mask) == len(out["logprobs"][at])
        assert out["logprobs"][at] == [-0.5 if flag else 0.0 for flag in mask]
        replayed = Episode(task)
        for action in out["actions"][at]:
            replayed.act(action)
        assert (
            out["reward"][at]
            == play(replayed, lambda episode: iter_nothing()).verdict().reward
            == float(at != 1)
        )
        assert (out["digest"][at], out["task"][at]) == (replayed.digest, task.id)
        whole = prompt + completion
        runs = [place for place, flag in enumerate(mask) if flag and (place == 0 or not mask[place - 1])]
        turns = {len(row): ids for row, ids in model.seen if whole[: len(row)] == row}
        assert sorted(turns) == [len(prompt) + place for place in runs]
        for start, ids in turns.items():
            assert tuple(whole[start : start + len(ids)]) == ids
        assert sum(mask) == sum(map(len, turns.values()))


def test_no_rollout_outgrows_its_room_and_an_unfinished_turn_is_never_acted_on(played: Played) -> None:
    script = [step.action for step in natively(library_tasks()[0]).steps]
    whole, _ = played({0: script})
    full = len(whole["completion_ids"][0])
    for room in (1, 5, len(script[0]), len(script[0]) + 1, full // 2, full - 1, full):
        out, _ = played({0: script}, room=room)
        ids, mask = out["completion_ids"][0], out["env_mask"][0]
        assert 1 <= len(ids) <= room
        assert ids == whole["completion_ids"][0][: len(ids)]
        assert mask[-1] == 1
        assert len(out["actions"][0]) == [token for token, flag in zip(ids, mask, strict=True) if flag].count(
            STOP
        )
        replayed = Episode(library_tasks()[0])
        for action in out["actions"][0]:
            replayed.act(action)
        assert out["reward"][0] == play(replayed, lambda episode: iter_nothing()).verdict().reward
        assert out["reward"][0] == float(room > full * 0.9)
        assert out["ended"][0]


def test_a_turn_that_does_not_stop_ends_the_rollout(played: Played) -> None:
    out, _ = played({0: ["hello" * 50]}, turn_tokens=20)
    assert (len(out["completion_ids"][0]), out["actions"][0], out["reward"][0]) == (20, [], 0.0)


@pytest.mark.parametrize(
    "prompt", ["7", [], [{"role": "user", "content": "task x"}], [{"role": "user"}], None]
)
def test_a_prompt_that_names_no_task_is_refused(prompt: Any, library: str) -> None:
    trainer = SimpleNamespace(processing_class=None)
    function = rollout_func("library", tasks=library, uncertified=True, family=lambda tokenizer: Letters())
    with pytest.raises(UsageError, match="rollout_rows"):
        function([prompt], trainer)


def test_what_cannot_be_sampled_is_refused(library: str) -> None:
    function = rollout_func("library", tasks=library, uncertified=True, family=lambda tokenizer: Letters())
    with pytest.raises(UsageError, match="use_vllm"):
        function([], SimpleNamespace(use_vllm=True))
    small = SimpleNamespace(
        processing_class=None,
        args=SimpleNamespace(max_completion_length=10),
        model=SimpleNamespace(config=SimpleNamespace(max_position_embeddings=100)),
    )
    with pytest.raises(UsageError, match="compact"):
        function(["task 0"], small)
    with pytest.raises(UsageError, match="fast"):
        trl_rollout.family_for(object())


def test_the_reward_function_hands_on_what_the_rollouts_found() -> None:
    assert episode_reward(reward=[1.0, 0.0], prompts=[], completions=[], task=["a", "b"]) == [1.0, 0.0]
