"""TRL's own trainer plays episodes of simenv: two steps each by environments and by a rollout function."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="TRL is not installed; make trl makes an environment that has it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

from simenv.adapters.trl import HOW, dataset_rows, environment_factory
from simenv.adapters.trl_rollout import episode_reward, rollout_func, rollout_rows
from simenv.agents.protocol import iter_nothing, play
from simenv.core.task import Task
from simenv.episodes.actions import parse, show_arguments
from simenv.episodes.episode import Episode
from tests.library_domain import DOMAIN
from tests.trl.conftest import MARKS, Tiny

pytestmark = pytest.mark.filterwarnings("ignore")  # those of TRL and of what it stands on

Maker = Callable[[Sequence[str]], Tiny]
GROUP, STEPS, HEAT = 4, 2, 0.9


def settings(folder: Path, **more: Any) -> Any:
    return GRPOConfig(
        output_dir=str(folder),
        max_steps=STEPS,
        per_device_train_batch_size=GROUP,
        num_generations=GROUP,
        max_completion_length=2500,
        generation_kwargs={"use_cache": False},  # the scripted model reads the whole row
        learning_rate=1e-3,
        temperature=HEAT,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        seed=7,
        **more,
    )


def verdict(task: Task, actions: Sequence[str]) -> float:
    """Return what an episode earns in which just this is done."""
    episode = Episode(task)
    for action in actions:
        episode.act(action)
    return play(episode, lambda episode: iter_nothing()).verdict().reward


def call_text(name: str, arguments: str) -> str:
    return f'\n{{"name": {json.dumps(name)}, "arguments": {arguments}}}\n'


def as_calls(script: Sequence[str]) -> list[str]:
    """Write actions as calls of TRL's tools, the customer among them."""
    texts = []
    for action in script:
        parsed = parse(action)
        named = [(call.name, show_arguments(call.arguments)) for call in parsed.calls]
        texts += [
            call_text(*each) for each in named or [("message_user", json.dumps({"message": parsed.words}))]
        ]
    return texts


def rewards_logged(trainer: Any) -> list[float]:
    return [row["reward"] for row in trainer.state.log_history if "reward" in row]


def check_masks(model: Any, rollouts: Sequence[tuple[list[int], list[int], list[int]]]) -> None:
    """Each run of mask 1 is one turn as it was sampled, given all before it; nothing else has mask 1."""
    left = list(model.sampled)
    for prompt, completion, mask in rollouts:
        whole, flags = [*prompt, *completion], [*[0] * len(prompt), *mask]
        edges = [at for at, flag in enumerate(flags) if flag and not flags[at - 1]]
        assert edges[0] == len(prompt)
        for start in edges:
            end = next((at for at in range(start, len(flags)) if not flags[at]), len(flags))
            found = next(
                turn
                for turn in left
                if turn[0] == tuple(whole[:start]) and turn[1][: end - start] == tuple(whole[start:end])
            )
            assert end - start == len(found[1]) or end == len(flags)
            left.remove(found)
    assert left == []


def test_environments_of_trl_play_episodes(
    tmp_path: Path, pack: str, tasks: list[Task], script: list[str], tiny: Maker
) -> None:
    calls = as_calls(script)
    made = tiny(calls)
    opened, closed = MARKS
    ends = [made.tokenizer.convert_tokens_to_ids(token) for token in (opened, closed, "<|im_end|>")]
    model = made.model([[ends[0], made.whole[text], ends[1], ends[2]] for text in calls])
    played: list[tuple[str, list[str], float]] = []
    resets: list[dict[str, Any]] = []
    factory: Any = environment_factory("library", tasks=pack, uncertified=True)

    class Watched(factory):  # type: ignore[misc]
        """Notes what TRL does with an environment."""

        def reset(self, **row: Any) -> str | None:
            resets.append(row)
            opening: str | None = super().reset(**row)
            return opening

        def get_reward(self) -> float:
            actions = [step.action for step in self.episode.steps]
            reward: float = super().get_reward()
            played.append((self.episode.task.id, actions, reward))
            return reward

    masks: list[Any] = []

    class Trainer(GRPOTrainer):  # type: ignore[misc]
        """Notes the tokens of its batches."""

        def _generate(self, prompts: Any) -> Any:
            out = super()._generate(prompts)
            masks.extend(zip(*out[:3], strict=True))
            return out

    rows = dataset_rows("library", 1, tasks=pack, uncertified=True)
    trainer = Trainer(
        model=model,
        args=settings(tmp_path),
        train_dataset=Dataset.from_list(rows * 2),
        processing_class=made.tokenizer,
        environment_factory=Watched,
    )
    trainer.train()
    assert trainer.state.global_step == STEPS
    prompts = [made.tokenizer.decode(prompt) for prompt, _, _ in masks]
    assert len(prompts) == len(resets) == len(played) == STEPS * GROUP
    for prompt in prompts:
        for tool in [*(tool.name for tool in DOMAIN.tools), "message_user"]:
            assert f'"name": "{tool}"' in prompt
        assert HOW + Episode(tasks[0]).observation in prompt
    assert [row["index"] for row in resets] == [0] * len(resets)
    for name, actions, reward in played:
        assert name == tasks[0].id
        assert reward == verdict(tasks[0], actions)
    assert max(reward for _, _, reward in played) == 1.0
    assert max(len(actions) for _, actions, _ in played) >= len(script)
    means = [sum(reward for _, _, reward in played[at : at + GROUP]) / GROUP for at in (0, GROUP)]
    assert rewards_logged(trainer) == pytest.approx(means)
    check_masks(model, masks)


def test_a_rollout_function_plays_episodes(
    tmp_path: Path, pack: str, tasks: list[Task], script: list[str], tiny: Maker
) -> None:
    said = [action if not parse(action).calls else as_calls([action])[0] for action in script]
    made = tiny(said)
    begin, close, stop = (made.tokenizer.convert_tokens_to_ids(token) for token in (*MARKS, "<|im_end|>"))
    turns = [
        [begin, made.whole[text], close, stop] if parse(action).calls else [made.whole[text], stop]
        for action, text in zip(script, said, strict=True)
    ]
    model = made.model(turns)
    found: list[dict[str, Any]] = []
    function = rollout_func("library", tasks=pack, uncertified=True, turn_tokens=40)

    def watched(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        assert len(prompts) == GROUP
        found.append(function(prompts, trainer))
        return found[-1]

    trainer = GRPOTrainer(
        model=model,
        args=settings(tmp_path),
        train_dataset=Dataset.from_list(rollout_rows("library", 1, tasks=pack, uncertified=True) * 2),
        processing_class=made.tokenizer,
        rollout_func=watched,
        reward_funcs=episode_reward,
    )
    trainer.train()
    assert trainer.state.global_step == len(found) == STEPS
    for out in found:
        for name, actions, reward in zip(out["task"], out["actions"], out["reward"], strict=True):
            assert name == tasks[0].id
            assert reward == verdict(tasks[0], actions)
        for prompt in map(made.tokenizer.decode, out["prompt_ids"]):
            assert all(f'"name": "{tool.name}"' in prompt for tool in DOMAIN.tools)
            assert tasks[0].card.opening in prompt
            assert "task 0" not in prompt
    assert max(reward for out in found for reward in out["reward"]) == 1.0
    assert rewards_logged(trainer) == pytest.approx([sum(out["reward"]) / GROUP for out in found])
    batches = [zip(out["prompt_ids"], out["completion_ids"], out["env_mask"], strict=True) for out in found]
    check_masks(model, [row for batch in batches for row in batch])
    check_logprobs(made.model(turns), found[0])


def check_logprobs(untrained: Any, out: dict[str, Any]) -> None:
    """What was noted while the first step's rollouts were sampled is what the model gives them as a whole."""
    for prompt, completion, mask, noted in zip(
        *(out[key] for key in ("prompt_ids", "completion_ids", "env_mask", "logprobs")), strict=True
    ):
        given = torch.tensor([[*prompt, *completion]])
        with torch.no_grad():
            logits = untrained(input_ids=given).logits[0, len(prompt) - 1 : -1]
        logps = (logits / HEAT).log_softmax(-1)
        exact = logps.gather(-1, given[0, len(prompt) :, None])[:, 0].tolist()
        expected = [logp if flag else 0.0 for logp, flag in zip(exact, mask, strict=True)]
        assert noted == pytest.approx(expected, abs=1e-3)
