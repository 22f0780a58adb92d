"""Own losses and advantages against TRL's real trainers, on the same batch of a tiny random model.

Needs the trl package, which is not among simenv's dependencies; the tests skip where it is absent. TRL scores
a batch (advantages, old and reference log-probs, importance ratios) and computes its loss with its own code;
only its sampling is replaced by a fixed batch. Beside the loss the gradients of all weights are compared, so
that the chunked head is compared too.
"""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl", reason="compares with the real TRL, in an environment of its own")

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from torch.testing import assert_close
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from simenv.train.maths.advantages import advantages
from simenv.train.maths.corrections import correction, mismatch, off_policy_mask
from simenv.train.maths.head import token_scores
from simenv.train.maths.kl import k3, reweighed
from simenv.train.maths.losses import Tokens, objective, policy_loss
from simenv.train.maths.window import Window, token_weights, window_of

# Warnings of the packages compared with are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

GROUP = 4
PROMPT = [1, 2]
COMPLETIONS = [[5, 6, 7, 8, 9, 10], [11, 12, 13], [14, 15, 16, 17], [18, 19], [20, 21, 22, 23, 24], [25] * 3]
COMPLETIONS += [[30, 31, 32, 33], [34, 35, 36, 37, 38]]
SAMPLED = [[1] * len(ids) for ids in COMPLETIONS]
SAMPLED[0][2:4] = [0, 0]
SAMPLED[4][1] = 0
REWARDS: list[float | None] = [1.0, 0.0, 0.25, None, 0.5, -1.0, 2.0, 0.0]
LIMIT = 8

Config = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    shape = Qwen3Config(
        vocab_size=42, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, tie_word_embeddings=True, initializer_range=0.4,
    )  # fmt: skip
    Qwen3ForCausalLM(shape).save_pretrained(folder)
    return folder


def words() -> PreTrainedTokenizerFast:
    names = [f"w{number}" for number in range(40)] + ["<pad>", "<eos>"]
    plain = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="w0"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>"
    )


def shaken(model: torch.nn.Module, size: float, seed: int) -> None:
    """Move all weights a little, as an update would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=size)


def reward(completions: list[Any], **_: Any) -> list[float | None]:
    return REWARDS


def trainer_of(tiny: Path, out: Path, **options: Any) -> GRPOTrainer:
    trainer = GRPOTrainer(
        model=str(tiny),
        reward_funcs=reward,
        args=GRPOConfig(output_dir=str(out), num_generations=GROUP, **common(), **options),
        train_dataset=Dataset.from_dict({"prompt": ["w1 w2"] * 8}),
        processing_class=words(),
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def common() -> Config:
    return {
        "per_device_train_batch_size": len(COMPLETIONS),
        "max_completion_length": LIMIT,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "disable_dropout": True,
        "model_init_kwargs": {"dtype": "float32"},
    }


def batch_of(trainer: Any, sampler: list[list[float]] | None = None) -> dict[str, Any]:
    """Return what the trainer itself makes of the fixed completions."""
    texts = [" ".join(f"w{token}" for token in ids) for ids in COMPLETIONS]
    trainer._generate = lambda _: (
        [PROMPT] * len(COMPLETIONS), COMPLETIONS, SAMPLED, texts, sampler, {}, None, [],
    )  # fmt: skip
    found: dict[str, Any] = trainer._generate_and_score_completions([{"prompt": "w1 w2"}] * len(COMPLETIONS))
    return found


def with_sampler(trainer: GRPOTrainer, mode: str, top: float, low: float | None = None) -> dict[str, Any]:
    """Return a batch of TRL as if another engine had sampled it, one a little off the trainer."""
    trainer.use_vllm = True
    trainer.vllm_importance_sampling_correction = True
    trainer.vllm_importance_sampling_mode = mode
    trainer.vllm_importance_sampling_clip_max = top
    trainer.vllm_importance_sampling_clip_min = low
    engine = copy.deepcopy(trainer.model)
    shaken(engine, 0.02, seed=7)
    plain = batch_of(trainer, [[0.0] * len(ids) for ids in COMPLETIONS])
    with torch.no_grad():
        every, _ = scored(engine, plain, torch.ones_like(plain["completion_ids"]))
    rows = every.reshape(plain["completion_ids"].shape)
    return batch_of(
        trainer, [list(map(float, row[: len(ids)])) for row, ids in zip(rows, COMPLETIONS, strict=True)]
    )


def scored(model: Any, batch: dict[str, Any], mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-probs and entropies at the positions of the mask by our own head."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    seen = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    hidden = model.model(input_ids=ids, attention_mask=seen).last_hidden_state
    before = hidden[:, batch["prompt_ids"].shape[1] - 1 : -1]
    places = mask.bool()
    scores = token_scores(before[places], model.lm_head.weight, batch["completion_ids"][places], chunk=5)
    return scores.logp, scores.entropy


def ours(trainer: GRPOTrainer, batch: dict[str, Any]) -> tuple[Tokens, Tensor, Callable[[str], Tensor]]:
    mask = batch["completion_mask"] * batch["tool_mask"]
    places = mask.bool()
    row = places.nonzero()[:, 0]
    logp, entropy = scored(trainer.model, batch, mask)
    sampler = batch.get("sampling_per_token_logps")
    tokens = Tokens(
        logp=logp,
        old=batch["old_per_token_logps"][places] if "old_per_token_logps" in batch else logp.detach(),
        advantage=batch["advantages"][row],
        row=row,
        rows=len(mask),
        mu=None if sampler is None else sampler[places],
    )
    return tokens, entropy, lambda name: batch[name][places]


def slopes(model: Any, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters())))


def assert_same(trainer: GRPOTrainer, batch: dict[str, Any], loss: Tensor) -> None:
    theirs = trainer._compute_loss(trainer.model, batch)
    assert_close(loss, theirs, atol=2e-6, rtol=2e-5)
    expected = slopes(trainer.model, theirs)
    assert max(slope.abs().max() for slope in expected) > 1e-3
    assert_close(slopes(trainer.model, loss), expected, atol=2e-6, rtol=2e-4)


def stale_batch(trainer: GRPOTrainer) -> dict[str, Any]:
    """Return a batch whose old log-probs are of weights before two small updates."""
    trainer.args.steps_per_generation = trainer.args.steps_per_generation * 2
    shaken(trainer.model, 0.02, seed=1)
    batch = batch_of(trainer)
    trainer.args.steps_per_generation //= 2
    shaken(trainer.model, 0.06, seed=2)
    assert "old_per_token_logps" in batch
    return batch


CASES: list[tuple[str, Config, str, Config, str]] = [
    ("grpo", {"loss_type": "grpo"}, "ppo", {"low": 0.2, "high": 0.2}, "seq_mean_token_mean"),
    ("bnpo", {"loss_type": "bnpo"}, "ppo", {"low": 0.2, "high": 0.2}, "token_mean"),
    ("dapo", {"loss_type": "dapo", "epsilon_high": 0.28}, "ppo", {"low": 0.2, "high": 0.28}, "token_mean"),
    ("dr_grpo", {"loss_type": "dr_grpo", "epsilon": 0.1}, "ppo", {"low": 0.1, "high": 0.1}, "dr_grpo"),
    ("two_sided", {"loss_type": "dapo", "delta": 1.3}, "ppo", {"high": 0.2, "delta": 1.3}, "token_mean"),
    ("cispo", {"loss_type": "cispo", "epsilon_high": 1.1}, "cispo_upper", {"cap": 1.1}, "token_mean"),
    ("sapo", {"loss_type": "sapo"}, "sapo", {}, "seq_mean_token_mean"),
    (
        "gspo",
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.02, "epsilon_high": 0.03},
        "gspo_plain",
        {"low": 0.02, "high": 0.03},
        "seq_mean_token_mean",
    ),
]


@pytest.mark.parametrize(
    ("theirs", "name", "bounds", "way"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_loss_and_gradient(
    tiny: Path, tmp_path: Path, theirs: Config, name: str, bounds: Config, way: str
) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, **theirs)
    batch = stale_batch(trainer)
    tokens, _, _ = ours(trainer, batch)
    window = window_of(tokens.row, limit=LIMIT)
    found = policy_loss(name, tokens, **bounds)
    if name != "sapo":
        assert bool((found.low | found.high).any()), "the batch should reach the bounds"
    assert_same(trainer, batch, objective(found.loss, token_weights(way, tokens.row, window)))


def test_gspo_with_token_gradients_has_the_same_gradient(tiny: Path, tmp_path: Path) -> None:
    bounds = {"epsilon": 0.02, "epsilon_high": 0.03, "importance_sampling_level": "sequence"}
    trainer = trainer_of(tiny, tmp_path, beta=0.0, loss_type="grpo", **bounds)
    batch = stale_batch(trainer)
    tokens, _, _ = ours(trainer, batch)
    found = policy_loss("gspo", tokens, low=0.02, high=0.03)
    weights = token_weights("seq_mean_token_mean", tokens.row, window_of(tokens.row))
    assert_same(trainer, batch, objective(found.loss, weights))


def test_clip_shares(tiny: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, loss_type="dapo", epsilon_high=0.28)
    batch = stale_batch(trainer)
    trainer._compute_loss(trainer.model, batch)
    tokens, _, _ = ours(trainer, batch)
    found = policy_loss("ppo", tokens)
    shares = trainer._metrics["train"]
    assert found.low.float().mean().item() == pytest.approx(shares["clip_ratio/low_mean"][-1])
    assert found.high.float().mean().item() == pytest.approx(shares["clip_ratio/high_mean"][-1])


@pytest.mark.parametrize("is_reweighed", [False, True])
def test_kl_to_the_reference_and_entropy(tiny: Path, tmp_path: Path, is_reweighed: bool) -> None:
    options = {"use_bias_correction_kl": is_reweighed, "entropy_coef": 0.05}
    trainer = trainer_of(tiny, tmp_path, beta=0.3, loss_type="dapo", **options)
    batch = stale_batch(trainer)
    tokens, entropy, field = ours(trainer, batch)
    weights = token_weights("token_mean", tokens.row, window_of(tokens.row))
    away = k3(tokens.logp, field("ref_per_token_logps"))
    assert away.mean() > 1e-3
    if is_reweighed:
        away = reweighed(away, tokens.logp, tokens.old)
    loss = objective(
        policy_loss("ppo", tokens, high=0.2).loss, weights,
        kl=away, beta=0.3, entropy=entropy, entropy_coef=0.05,
    )  # fmt: skip
    assert_same(trainer, batch, loss)
    assert entropy.mean().item() == pytest.approx(trainer._metrics["train"]["entropy"][-1], rel=1e-5)
    assert away.mean().item() == pytest.approx(trainer._metrics["train"]["kl"][-1], rel=1e-5)


@pytest.mark.parametrize(
    ("mode", "top", "low", "name", "bounds"),
    [
        ("token_truncate", 1.05, None, "token_truncate", {"cap": 1.05}),
        ("sequence_truncate", 1.02, None, "sequence_truncate", {"cap": 1.02}),
        ("sequence_mask", 1.02, None, "sequence_mask", {"cap": 1.02}),
        ("token_mask", 1.05, 0.95, "icepop", {"low": 0.95, "high": 1.05}),
    ],
)
def test_corrections_of_a_sampler_that_is_off(
    tiny: Path, tmp_path: Path, mode: str, top: float, low: float | None, name: str, bounds: Config
) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, loss_type="dapo")
    batch = with_sampler(trainer, mode, top, low)
    shaken(trainer.model, 0.06, seed=2)
    tokens, _, _ = ours(trainer, batch)
    assert tokens.mu is not None
    weights = correction(name, tokens.old, tokens.mu, tokens.row, tokens.rows, **bounds)
    places = (batch["completion_mask"] * batch["tool_mask"]).bool()
    theirs = batch["importance_sampling_ratio"].expand(places.shape)[places]
    assert_close(weights, theirs)
    assert (weights != (tokens.old - tokens.mu).exp()).any()
    loss = objective(
        policy_loss("ppo", tokens, high=0.2).loss,
        token_weights("token_mean", tokens.row, window_of(tokens.row)),
        correction=weights,
    )
    assert_same(trainer, batch, loss)
    found, seen = mismatch(tokens.old, tokens.mu), trainer._metrics["train"]
    assert found.mean == pytest.approx(seen["sampling/sampling_logp_difference/mean"][-1], rel=1e-4)
    assert found.max == pytest.approx(seen["sampling/sampling_logp_difference/max"][-1], rel=1e-4)


def test_off_policy_rows_are_dropped_alike(tiny: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, loss_type="grpo", off_policy_mask_threshold=0.01)
    batch = stale_batch(trainer)
    tokens, _, _ = ours(trainer, batch)
    keep = off_policy_mask(tokens.logp, tokens.old, tokens.advantage, tokens.row, tokens.rows, threshold=0.01)
    assert 0 < keep.mean() < 1
    weights = token_weights("seq_mean_token_mean", tokens.row, window_of(tokens.row))
    assert_same(trainer, batch, objective(policy_loss("ppo", tokens, high=0.2).loss * keep, weights))


def test_a_row_without_tokens_is_counted_by_trl_and_not_by_us(tiny: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, loss_type="grpo")
    batch = stale_batch(trainer)
    batch["tool_mask"][1] = 0
    tokens, _, _ = ours(trainer, batch)
    window = window_of(tokens.row)
    assert window.rows == len(COMPLETIONS) - 1
    loss = policy_loss("ppo", tokens, high=0.2).loss
    as_trl = Window(tokens=window.tokens, rows=len(COMPLETIONS))
    assert_same(trainer, batch, objective(loss, token_weights("seq_mean_token_mean", tokens.row, as_trl)))


@pytest.mark.parametrize(("scale", "name"), [("group", "grpo"), ("batch", "batch"), ("none", "dr_grpo")])
def test_advantages_of_grpo(tiny: Path, tmp_path: Path, scale: str, name: str) -> None:
    trainer = trainer_of(tiny, tmp_path, beta=0.0, scale_rewards=scale)
    rewards = torch.tensor([float("nan") if r is None else r for r in REWARDS]).reshape(-1, GROUP)
    assert_close(advantages(name, rewards).flatten(), batch_of(trainer)["advantages"])


def test_advantages_of_rloo(tiny: Path, tmp_path: Path) -> None:
    trainer = RLOOTrainer(
        model=str(tiny),
        reward_funcs=reward,
        args=RLOOConfig(output_dir=str(tmp_path), num_generations=GROUP, beta=0.0, **common()),
        train_dataset=Dataset.from_dict({"prompt": ["w1 w2"] * 8}),
        processing_class=words(),
    )
    trainer.model.train()
    texts = [" ".join(f"w{token}" for token in ids) for ids in COMPLETIONS]
    trainer._generate = lambda _: ([PROMPT] * len(COMPLETIONS), COMPLETIONS, texts)
    batch = trainer._generate_and_score_completions([{"prompt": "w1 w2"}] * len(COMPLETIONS))
    rewards = torch.tensor([float("nan") if r is None else r for r in REWARDS]).reshape(-1, GROUP)
    assert_close(advantages("rloo", rewards).flatten(), batch["advantages"])
