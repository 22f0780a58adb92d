"""A model in this process as an agent: the sampler's words, the same log twice, and why it cannot go on."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from torch import Tensor, nn  # noqa: E402

from simenv.agents.protocol import StuckError, act_out  # noqa: E402
from simenv.agents.runs import attempt  # noqa: E402
from simenv.cli import main  # noqa: E402
from simenv.core.errors import UsageError  # noqa: E402
from simenv.core.log import read_header  # noqa: E402
from simenv.core.pack import bundled  # noqa: E402
from simenv.core.task import Task  # noqa: E402
from simenv.episodes.episode import Episode  # noqa: E402
from simenv.episodes.replay import read_episodes  # noqa: E402
from simenv.train.chat.families import family_of  # noqa: E402
from simenv.train.models.hf import HfModel, from_config  # noqa: E402
from simenv.train.models.model import SHAPES, Decoder  # noqa: E402
from simenv.train.rollouts import agent as agent_module  # noqa: E402
from simenv.train.rollouts.agent import PIECE, Drawing, ModelAgent, hf_agent, load  # noqa: E402
from simenv.train.rollouts.rollout import Job, Sampling  # noqa: E402
from simenv.train.rollouts.sampler import Sampler  # noqa: E402
from tests.train import codecs  # noqa: E402

ROOM = 8192


def task(at: int = 0) -> Task:
    return bundled("airline", "train").at(at)


def tiny(room: int = ROOM, **changes: Any) -> HfModel:
    """Return a tiny Qwen3 that says little: its stop token is likely."""
    size: dict[str, Any] = {
        "vocab_size": codecs.qwen3().vocab_size + 7,  # as real ones, it has more ids than its tokenizer
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "max_position_embeddings": room,
        "tie_word_embeddings": False,
        "pad_token_id": None,
        "bos_token_id": None,
        "initializer_range": 0.1,
    }
    model = from_config(transformers.Qwen3Config(**size | changes))
    stop = codecs.qwen3().special("<|im_end|>")
    with torch.no_grad():
        # One channel is large wherever it stands, so the stop token is drawn about every second time.
        model.causal.model.embed_tokens.weight[:, 0] = 2.0
        model.head[stop] = 0.0
        model.head[stop, 0] = 1.9
    return model


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as it is downloaded: weights, config, tokenizer."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-qwen"
    tiny().causal.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(codecs.qwen3().tokenizer_json())
    return folder


def command(checkpoint: Path, out: Path, *more: str) -> list[str]:
    begin = ["run", "airline", "--agent", "hf", "--model", str(checkpoint), "--device", "cpu"]
    return [
        *begin,
        "--tasks",
        "2",
        "--split",
        "train",
        "--face",
        "compact",
        "--max-tokens",
        "12",
        "--out",
        str(out),
        *more,
    ]


def test_the_command_gives_the_same_log_twice_and_after_an_interruption(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, other = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "other"))
    assert main(command(checkpoint, one, "--trials", "2")) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 4
    lines = one.read_bytes().splitlines(keepends=True)
    two.write_bytes(b"".join(lines[:3]))  # the header and two episodes
    assert main(command(checkpoint, two, "--trials", "2")) == 0
    assert "2 of 4 episodes were there already" in capsys.readouterr().err
    assert one.read_bytes() == two.read_bytes()
    assert main(["replay", str(one)]) == 0
    played = [[step["action"] for step in each.trajectory.steps] for each in read_episodes(one)]
    assert played[0] != played[2]  # trials of one task
    assert main(command(checkpoint, other, "--seed", "1")) == 0
    header = read_header(other)
    assert (header["agent"], header["seed"], header["temperature"]) == ("hf:tiny-qwen", 1, "1.0")
    assert [[step["action"] for step in each.trajectory.steps] for each in read_episodes(other)] != played[:2]
    assert main(command(checkpoint, one, "--trials", "2", "--temperature", "0.5")) == 2


def test_the_likeliest_tokens_are_the_same_in_every_trial(checkpoint: Path) -> None:
    agent = hf_agent(checkpoint, temperature=0, max_tokens=8, device="cpu")
    first, second = (attempt(task(), agent.agent(trial)) for trial in (0, 1))
    assert first == second


def test_it_says_what_the_sampler_samples() -> None:
    """One key, one draw: the agent and the trainer's sampler see the same episode."""
    model, family = tiny(), family_of(codecs.qwen3())
    jobs = [Job(task(), number) for number in range(2)]
    how = Sampling(seed=3, room=ROOM, turn_tokens=60)
    agent = hf_agent(model, family, seed=3, max_tokens=60)
    for rollout in Sampler(model, family, face="compact").sample(jobs, how):
        episode = Episode(rollout.task, face="compact")
        act_out(episode, agent.agent(rollout.number))
        assert [step.action for step in episode.steps] == list(rollout.actions)
        assert len(rollout.actions) > 2


def test_our_own_decoder_plays_as_it_is_sampled() -> None:
    family = family_of(codecs.plain())
    model = Decoder(SHAPES["0.3m"], family.codec.vocab_size, room=2048)
    how = Sampling(seed=3, room=2048, turn_tokens=12)
    agent = hf_agent(model, family, seed=3, max_tokens=12)
    jobs = [Job(task(), number) for number in range(2)]
    for rollout in Sampler(model, family, face="compact").sample(jobs, how):
        said = next(segment.ids for segment in rollout.tokens.segments if segment.sampled)
        assert next(agent.agent(rollout.number)(Episode(task(), face="compact"))) == family.action(said)


@pytest.mark.parametrize("pieces", [[3, 1, 1, 1, 1, 2, 9, 1, 30, 1], [1] * 20, [50], [1, 49]])
def test_a_lane_that_outgrows_its_cache_reads_on(pieces: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "PIECE", 4)
    model = tiny(50)
    ids = torch.randint(0, 1000, (50,), generator=torch.Generator().manual_seed(0)).tolist()
    lane = agent_module._Lane(model)  # noqa: SLF001
    end = 0
    for piece in pieces:
        found = lane.read(ids[end : end + piece])
        end += piece
        with torch.no_grad():
            assert torch.allclose(found, model(torch.tensor([ids[:end]]))[0, -1], atol=1e-4)
    assert lane.ids == ids[:end]


class Spy(nn.Module):
    """A model that writes down what it reads, and draws from a script: a token for every read."""

    head: Tensor

    def __init__(self, script: Sequence[int], vocab: int, room: int) -> None:
        super().__init__()
        self.script, self.room = list(script), room
        self.register_buffer("head", torch.eye(vocab))
        self.read: list[int] = []
        self.passes: list[tuple[int, int]] = []

    def new_cache(self, lanes: int, room: int) -> None:
        assert (lanes, room <= self.room) == (1, True)

    def extend(self, ids: Any, lengths: Any, starts: Any, lanes: Any, cache: None) -> Any:
        self.read[int(starts[0]) :] = ids[0].tolist()
        self.passes.append((int(starts[0]), int(lengths[0])))
        return self.head[self.script.pop(0)][None] * 9.0


def test_what_it_sampled_is_what_it_reads_again() -> None:
    """Ids that spell one word in two tokens would come back as one if they went through text."""
    family = family_of(codecs.qwen3())
    codec = family.codec
    split = [codec.body(letter)[0] for letter in "Hello, I was charged twice."]
    assert codec.body(codec.text(split)) != split
    turn = [*split, codec.special("<|im_end|>")]
    whole = [*turn, *turn]
    model = Spy([whole[0], *whole], codec.vocab_size, 60_000)
    # The first token is drawn after the last pass over the policy; passes before it draw nothing.
    episode = Episode(task())
    start = [token for part in family.start(episode.messages, episode.tools) for token in part.ids]
    model.script[:1] = [0] * (-(-len(start) // PIECE) - 1)
    run = ModelAgent(model, family, Drawing(temperature=0))(episode)
    action = next(run)
    assert action == "Hello, I was charged twice."
    step = episode.act(action)
    assert run.send(step) == action
    heard = [token for part in family.heard(step.chat[1:]) for token in part.ids]
    assert model.read == [*start, *turn, *heard, *split]
    assert max(length for _, length in model.passes) <= PIECE


def test_a_turn_that_is_cut_off_is_heard_and_closed() -> None:
    family = family_of(codecs.qwen3())
    codec = family.codec
    word = codec.body("a")[0]
    episode = Episode(task(), face="compact")
    start = [token for part in family.start(episode.messages, episode.tools) for token in part.ids]
    passes = -(-len(start) // PIECE)
    model = Spy([0] * (passes - 1) + [word] * 9, codec.vocab_size, 60_000)
    run = ModelAgent(model, family, Drawing(temperature=0, max_tokens=3))(episode)
    assert next(run) == "aaa"
    run.send(episode.act("aaa"))
    assert model.read[len(start) :][:4] == [word, word, word, codec.special("<|im_end|>")]


def test_a_conversation_that_outgrows_the_model_ends_in_words() -> None:
    family = family_of(codecs.qwen3())
    episode = Episode(task(), face="compact")
    start = sum(len(part.ids) for part in family.start(episode.messages, episode.tools))
    agent = hf_agent(tiny(start), family)
    record = attempt(task(), agent, face="compact")
    assert record["stuck"] == (
        f"the conversation has {start} tokens and the model reads at most {start}, so it stopped"
    )
    assert not record["verdict"]["passed"]
    # With room for three more tokens it stops in the middle of a turn; half a turn is not played.
    model = tiny(start + 3)
    with torch.no_grad():
        model.head[codecs.qwen3().special("<|im_end|>")] = -model.head[codecs.qwen3().special("<|im_end|>")]
    episode = Episode(task(), face="compact")
    with pytest.raises(StuckError, match=rf"has {start + 3} tokens"):
        next(hf_agent(model, family)(episode))
    assert not episode.steps


def test_a_run_that_is_stopped_gives_up_the_turn_it_is_in() -> None:
    family = family_of(codecs.qwen3())
    agent = hf_agent(tiny(), family)
    agent.stop()
    with pytest.raises(StuckError, match="stopped"):
        next(agent(Episode(task())))


def test_every_weight_is_in_the_header(checkpoint: Path) -> None:
    agent = hf_agent(checkpoint, device="cpu")
    before = agent.header()
    assert before == hf_agent(checkpoint, device="cpu").header()
    json.dumps(before)
    with torch.no_grad():
        agent.model.head[3, 3] += 1e-3
    assert agent.header()["weights"] != before["weights"]
    assert {name for name in before if before[name] != agent.header()[name]} == {"weights"}
    assert hf_agent(checkpoint, device="cpu", dtype="bfloat16").header()["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"temperature": float("nan")}, {"seed": -1}, {"max_tokens": 0}]
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="at least"):
        replace(Drawing(), **wrong)


def test_a_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(UsageError, match="not of the same checkpoint"):
        hf_agent(tiny(vocab_size=codecs.qwen3().vocab_size - 1), family_of(codecs.qwen3()))
    with pytest.raises(UsageError, match="needs a family"):
        hf_agent(tiny())


def test_a_training_run_is_loaded_by_its_own_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setitem(sys.modules, "simenv.train.models.policy", None)
    with pytest.raises(UsageError, match="folder of a training run"):
        load(tmp_path, device="cpu")
    model, family = tiny(), family_of(codecs.qwen3())
    asked: list[Any] = []

    def load_policy(folder: Path, **options: str) -> SimpleNamespace:
        asked.append((folder, options))
        return SimpleNamespace(model=model, family=family)

    loader = ModuleType("simenv.train.models.policy")
    loader.load_policy = load_policy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "simenv.train.models.policy", loader)
    assert load(tmp_path, device="cpu") == (model, family)
    assert asked == [(tmp_path, {"device": "cpu", "dtype": "float32"})]


def test_the_command_says_what_is_missing(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def complaint(*words: str) -> str:
        assert main([*words, "--tasks", "1", "--split", "train", "--out", str(tmp_path / "r.jsonl")]) == 2
        return capsys.readouterr().err

    run = ["run", "airline", "--agent"]
    assert "needs --model" in complaint(*run, "hf")
    assert "nothing is downloaded" in complaint(*run, "hf", "--model", "Qwen/Qwen3-0.6B")
    assert "--base-url is of a model behind a server; add --agent openai" in complaint(
        *run, "hf", "--model", "m", "--base-url", "http://127.0.0.1:1"
    )
    assert "--seed is of a model in a folder; add --agent hf" in complaint(*run, "openai", "--seed", "1")
    assert "add --agent openai or hf" in complaint(*run, "idle", "--temperature", "0")
    assert "Did you mean 'hf'?" in complaint(*run, "hff")
    assert "temperature" in complaint(*run, "hf", "--model", str(checkpoint), "--temperature", "-1")
    assert not (tmp_path / "r.jsonl").exists()
    monkeypatch.delitem(sys.modules, "simenv.train.rollouts.agent")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert 'needs torch, which is not installed: pip install "simenv[train]"' in complaint(
        *run, "hf", "--model", str(checkpoint)
    )
