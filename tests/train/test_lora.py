"""rsLoRA adapters: scale, reference, proof, and the ways in which adapters used to do nothing."""

import math
import sys
import types
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from torch import Tensor, nn  # noqa: E402
from transformers import Qwen3Config, Qwen3ForCausalLM  # noqa: E402

from simenv.core.errors import UnknownNameError, UsageError  # noqa: E402
from simenv.train.models import prepare as prepare_module  # noqa: E402
from simenv.train.models import weights  # noqa: E402
from simenv.train.models.lora import Adapters, attach, proof_of, rate_note  # noqa: E402
from simenv.train.models.model import Decoder, Shape  # noqa: E402
from simenv.train.models.prepare import linear_names, prepare, quantize_4bit  # noqa: E402

IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])


@dataclass(frozen=True, slots=True)
class Config:
    """A config that is no transformers config, as own modules have."""

    width: int = 8


class Block(nn.Module):
    """Two linear layers beside a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8, bias=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.down(torch.tanh(self.up(x)))
        return out


class Toy(nn.Module):
    """A module with linear layers and nothing else that peft knows."""

    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self.embed = nn.Embedding(16, 8)
        self.blocks = nn.ModuleList([Block(), Block()])
        # One name is the end of another, and one layer is tied: both have misled lists of names.
        self.up, self.tied, self.head = nn.Linear(8, 8), nn.Linear(8, 16, bias=False), nn.Linear(8, 16)
        self.tied.weight = self.embed.weight

    @override
    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        x = self.up(x)
        out: Tensor = self.head(x) + self.tied(x)
        return out


def toy() -> Toy:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Toy()


def decoder() -> Decoder:
    return Decoder(Shape(width=16, layers=2, heads=2, groups=1, head=8, hidden=24), 32, seed=1, room=16)


def qwen(*, tied: bool = True) -> Any:
    config = Qwen3Config(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=32, tie_word_embeddings=tied,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Qwen3ForCausalLM(config).eval()  # type: ignore[no-untyped-call]


def outputs(model: nn.Module) -> Tensor:
    result = model(IDS)
    out: Tensor = result if isinstance(result, Tensor) else result.logits
    return out


MODELS: dict[str, Callable[[], nn.Module]] = {"toy": toy, "decoder": decoder, "qwen3": qwen}


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return MODELS[request.param]()


def move(adapters: Adapters, seed: int = 5, rate: float = 0.3) -> None:
    """Change the policy as steps of training do."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapters.parameters():
            parameter.add_(rate * torch.randn(parameter.shape, generator=generator))


def backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def gradients(adapters: Adapters) -> dict[str, Tensor]:
    return {name: each.grad for name, each in adapters.named_parameters().items() if each.grad is not None}


class Kept:
    """Counts what autograd keeps for the backward pass."""

    def __init__(self) -> None:
        self.numbers = 0

    def pack(self, tensor: Tensor) -> Tensor:
        self.numbers += tensor.numel()
        return tensor


def everything(model: nn.Module) -> str:
    return weights.digest(dict(model.state_dict()))


def flags(model: nn.Module) -> list[tuple[str, bool]]:
    return [(name, each.requires_grad) for name, each in model.named_parameters()]


def test_new_adapters_change_nothing_and_only_the_policy_is_trainable(model: nn.Module) -> None:
    before = outputs(model).detach()
    state = torch.get_rng_state()
    adapters = attach(model, rank=4, alpha=8)
    assert torch.get_rng_state().equal(state)
    assert outputs(model).equal(before)
    trainable = [each for each in model.parameters() if each.requires_grad]
    assert {id(each) for each in trainable} == {id(each) for each in adapters.parameters()}
    assert len(trainable) == 2 * len(adapters.names)
    assert list(adapters.named_parameters())[:2] == [f"{adapters.names[0]}.lora_{half}" for half in "AB"]


def test_all_linear_layers_but_the_head_are_adapted() -> None:
    assert attach(toy(), rank=2, alpha=2).names == [
        "blocks.0.down", "blocks.0.up", "blocks.1.down", "blocks.1.up", "up",
    ]  # fmt: skip
    projections = [f"self_attn.{part}_proj" for part in "qkvo"] + [
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    ]
    wanted = sorted(f"layers.{layer}.{name}" for layer in (0, 1) for name in projections)
    assert attach(decoder(), rank=2, alpha=2).names == wanted
    for tied in (True, False):
        names = attach(qwen(tied=tied), rank=2, alpha=2).names
        assert names == [f"model.{name}" for name in wanted]


def test_named_layers_alone_are_adapted() -> None:
    # "up" is also the end of blocks.0.up.
    assert attach(toy(), rank=2, alpha=2, targets=["up"]).names == ["up"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'blocks\.0\.up'"):
        attach(toy(), rank=2, alpha=2, targets=["blocks.0.upp"])


def test_user_failure_6_a_string_is_not_read_letter_by_letter() -> None:
    assert attach(toy(), rank=2, alpha=2, targets="all-linear").names == linear_names(toy())
    with pytest.raises(UsageError, match=r"got the string 'up'; give \['up'\]"):
        attach(toy(), rank=2, alpha=2, targets="up")


@given(st.integers(1, 24), st.sampled_from([0.5, 1.0, 8.0, 16.0, 33.0]))
@settings(max_examples=20, deadline=None)
def test_the_scale_is_alpha_over_the_root_of_the_rank(rank: int, alpha: float) -> None:
    model = nn.Sequential(nn.Linear(5, 3, bias=False))
    base = next(model.parameters()).detach().clone()
    adapters = attach(model, rank=rank, alpha=alpha)
    assert adapters.scaling == alpha / math.sqrt(rank)
    a, b = adapters.parameters()
    assert a.shape == (rank, 5)
    assert b.shape == (3, rank)
    with torch.no_grad():
        b.normal_(generator=torch.Generator().manual_seed(rank))
        x = torch.eye(5)
        expected = base + alpha / rank**0.5 * (b @ a)
    torch.testing.assert_close(model(x).T, expected, rtol=1e-4, atol=1e-4)


def test_the_seed_fixes_the_first_weights_and_nothing_else_does() -> None:
    torch.manual_seed(1)
    first = attach(toy(), rank=2, alpha=2, seed=3).digest()
    torch.manual_seed(2)
    assert attach(toy(), rank=2, alpha=2, seed=3).digest() == first
    assert attach(toy(), rank=2, alpha=2, seed=4).digest() != first


def test_gradients_reach_every_half_of_the_policy_and_nothing_else(model: nn.Module) -> None:
    adapters = attach(model, rank=4, alpha=8)
    move(adapters)
    backward(outputs(model).square().mean())
    assert all(each.grad is not None and each.grad.any() for each in adapters.parameters())
    others = [each for each in model.parameters() if not each.requires_grad]
    assert all(each.grad is None for each in others)


def test_the_reference_is_used_inside_and_only_inside(model: nn.Module) -> None:
    base = outputs(model).detach()
    adapters = attach(model, rank=4, alpha=8)
    move(adapters)
    moved, before = outputs(model).detach(), flags(model)
    assert not torch.allclose(moved, base, atol=1e-3)
    with adapters.reference():
        inside = outputs(model)
        assert not inside.requires_grad
    assert inside.equal(base)
    assert outputs(model).equal(moved)
    assert flags(model) == before


def test_a_reference_between_forward_and_backward_keeps_the_gradients(model: nn.Module) -> None:
    adapters = attach(model, rank=4, alpha=8)
    move(adapters)
    grads = []
    for look in (False, True):
        loss = outputs(model).square().mean()
        if look:
            with adapters.reference():
                outputs(model)
        for each in adapters.parameters():
            each.grad = None
        backward(loss)
        grads.append(gradients(adapters))
    assert weights.digest(grads[0]) == weights.digest(grads[1])


def test_user_failure_4_the_reference_is_refreshed(model: nn.Module) -> None:
    adapters = attach(model, rank=4, alpha=8)
    for seed in (1, 2):
        move(adapters, seed)
        adapters.refresh_ref()
        expected = outputs(model).detach()
        assert adapters.digest("ref") == adapters.digest()
        move(adapters, seed + 10)
        with adapters.reference():
            assert outputs(model).equal(expected)
    with pytest.raises(UsageError, match="the mean of A and of B is not the mean of their product"):
        adapters.refresh_ref(0.6)


def test_user_failure_3_a_run_from_an_sft_adapter_is_held_to_it_and_not_to_the_base(model: nn.Module) -> None:
    base = outputs(model).detach()
    sft = attach(model, rank=4, alpha=8)
    move(sft)
    learned, saved = outputs(model).detach(), sft.state()
    fresh = MODELS["qwen3" if "Qwen3" in type(model).__name__ else type(model).__name__.lower()]()
    run = attach(fresh, rank=4, alpha=8, seed=9)
    run.load(saved)
    assert outputs(fresh).equal(learned)
    move(run, 7)
    with run.reference():
        assert outputs(fresh).equal(learned)
        assert not outputs(fresh).equal(base)
    # A resumed run has its own reference.
    policy, reference = run.state(), run.state("ref")
    assert weights.digest(reference) == weights.digest(saved)
    again = attach(MODELS["toy"](), rank=4, alpha=8) if isinstance(fresh, Toy) else run
    again.load(policy, ref=reference)
    assert (again.digest(), again.digest("ref")) == (run.digest(), run.digest("ref"))


def test_user_failure_2_frozen_parameters_are_refused() -> None:
    model = toy()
    adapters = attach(model, rank=2, alpha=2)
    for each in model.parameters():
        each.requires_grad_(False)
    with pytest.raises(UsageError, match="10 of 10 policy parameters are frozen, such as"):
        adapters.parameters()
    # Looking at the reference or sampling does not thaw them in silence.
    with adapters.reference(), pytest.raises(UsageError, match="mode 'ref'"):
        adapters.parameters()
    with adapters.merged():
        pass
    assert not any(flag for _, flag in flags(model))


def test_user_failure_2_loading_leaves_the_policy_trainable_and_a_step_shows_in_the_digest() -> None:
    source = attach(toy(), rank=2, alpha=2)
    move(source)
    model = toy()
    adapters = attach(model, rank=2, alpha=2)
    adapters.load(source.state())
    before, reference = adapters.digest(), adapters.digest("ref")
    optimizer = torch.optim.AdamW(adapters.parameters(), lr=1e-3)
    backward(outputs(model).square().mean())
    optimizer.step()
    assert adapters.digest() != before
    assert adapters.digest("ref") == reference


def test_user_failure_5_the_sampler_proves_that_it_used_the_adapter(model: nn.Module) -> None:
    adapters = attach(model, rank=4, alpha=8)
    untrained = adapters.proof()
    move(adapters)
    trainer = adapters.proof()
    assert trainer != untrained
    with adapters.merged():
        # Read from the weights as they are, not from what they should be.
        assert adapters.proof() == trainer
        assert proof_of_inside(model, adapters.names) == trainer
        with torch.no_grad():
            layer: Any = model.get_submodule(adapters.names[0])
            layer.get_base_layer().weight[0, 0] += 0.5
        assert adapters.proof() != trainer
    assert adapters.proof() == trainer
    with adapters.reference():
        assert adapters.proof() == untrained
    # A sampler with a model of its own, to which the adapter was never sent.
    name = type(model).__name__.lower()
    other = attach(MODELS["qwen3" if "qwen3" in name else name](), rank=4, alpha=8)
    assert other.proof() != trainer
    other.load(adapters.state())
    assert other.proof() == trainer
    whole = other.merge_and_unload()
    assert other.proof() == proof_of(whole, adapters.names) == trainer


def proof_of_inside(model: nn.Module, names: Sequence[str]) -> str:
    parts = [(name, model.get_submodule(name)) for name in names]
    return weights.proof((name, part.get_base_layer().weight) for name, part in parts)  # type: ignore[operator]


def test_merged_weights_answer_as_the_adapter_does_and_come_back_bit_by_bit(model: nn.Module) -> None:
    adapters = attach(model, rank=4, alpha=8)
    move(adapters)
    whole, before, moved = everything(model), flags(model), outputs(model).detach()
    places = [each.data_ptr() for each in model.parameters()]
    for _ in range(3):
        with adapters.merged():
            merged = outputs(model)
            assert not merged.requires_grad
            assert [each.data_ptr() for each in model.parameters()] == places
            torch.testing.assert_close(merged, moved, rtol=1e-4, atol=1e-4)
            assert everything(model) != whole
    assert (everything(model), flags(model)) == (whole, before)
    assert outputs(model).equal(moved)
    with pytest.raises(ZeroDivisionError), adapters.merged():
        raise ZeroDivisionError
    assert (everything(model), flags(model)) == (whole, before)


def test_merge_and_unload_leaves_a_plain_model(model: nn.Module) -> None:
    names = sorted(name for name, _ in model.named_parameters())
    adapters = attach(model, rank=4, alpha=8)
    move(adapters)
    with adapters.merged():
        expected = outputs(model)
    plain = adapters.merge_and_unload()
    assert plain is model
    assert outputs(plain).equal(expected)
    assert sorted(name for name, _ in plain.named_parameters()) == names
    with pytest.raises(UsageError, match="mode 'unloaded'"):
        adapters.parameters()
    assert attach(plain, rank=2, alpha=2).names == adapters.names


def test_contexts_do_not_nest() -> None:
    adapters = attach(toy(), rank=2, alpha=2)
    for outer, inner in ((adapters.merged, adapters.reference), (adapters.reference, adapters.merged)):
        with outer(), pytest.raises(UsageError, match="leave reference"), inner():
            pass
    with adapters.merged(), pytest.raises(UsageError, match="mode 'merged'"):
        adapters.load(adapters.state())
    assert adapters.parameters()


@pytest.mark.parametrize("rank", [0, -1, True, 2.0])
def test_user_failure_7_a_rank_that_trains_nothing_is_refused(rank: Any) -> None:
    model = toy()
    before = everything(model)
    with pytest.raises(UsageError, match=f"integer of at least 1, got {rank!r}"):
        attach(model, rank=rank, alpha=2)
    assert everything(model) == before


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"alpha": 0.0}, "alpha is above 0, got 0.0"),
        ({"alpha": math.nan}, "alpha is above 0, got nan"),
        ({"alpha": 1.0, "dropout": 1.0}, "below 1, got 1.0"),
    ],
)
def test_other_numbers_out_of_range_are_refused(numbers: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        attach(toy(), rank=2, **numbers)  # type: ignore[arg-type]


def test_a_model_without_linear_layers_is_refused() -> None:
    for model in (
        nn.Sequential(nn.Embedding(4, 4)),
        nn.Linear(3, 3),
        nn.ModuleDict({"lm_head": nn.Linear(2, 2)}),
    ):
        with pytest.raises(UsageError, match="has no linear layer inside it"):
            attach(model, rank=2, alpha=2)


def test_a_model_that_carries_adapters_is_refused() -> None:
    model = toy()
    attach(model, rank=2, alpha=2)
    with pytest.raises(UsageError, match="already carries adapters"):
        attach(model, rank=2, alpha=2)
    with pytest.raises(UsageError, match="before adapters are attached"):
        prepare(model)


def test_an_adapter_of_another_shape_rank_alpha_or_model_is_refused_and_nothing_changes() -> None:
    adapters = attach(toy(), rank=4, alpha=8)
    before = adapters.digest()
    good = attach(toy(), rank=4, alpha=8, seed=1).state()
    cases = [
        (attach(toy(), rank=2, alpha=8).state(), "another rank than 4"),
        (attach(toy(), rank=4, alpha=16).state(), "made with alpha 16, here it is 8"),
        (attach(decoder(), rank=4, alpha=8).state(), "the adapter is of other layers"),
        ({name: each for name, each in good.items() if name != "up.lora_B"}, "up.lora_B is missing in"),
        (good | {"up.lora_C": torch.zeros(1)}, "up.lora_C is only in"),
        (good | {"up.lora_A": torch.zeros(4, 9)}, r"has shape \(4, 9\), here it is \(4, 8\)"),
        ({name: each for name, each in good.items() if name != "alpha"}, "alpha is missing in"),
    ]
    for state, words in cases:
        with pytest.raises(UsageError, match=words):
            adapters.load(state)
        with pytest.raises(UsageError, match=words):
            adapters.load(good, ref=state)
        assert adapters.digest() == before
    with pytest.raises(UnknownNameError, match="no adapter is named 'polcy'"):
        adapters.state("polcy")


def test_user_failure_13_a_full_fine_tuning_rate_is_noted() -> None:
    assert "below 2e-06" in rate_note(1e-6)
    assert "5e-07" in rate_note(5e-7)
    assert rate_note(2e-6) == rate_note(1e-4) == ""


@pytest.mark.parametrize("make", [decoder, qwen])
def test_adapters_of_a_bfloat16_model_learn_in_float32(make: Callable[[], nn.Module]) -> None:
    model = prepare(make(), dtype="bfloat16")
    adapters = attach(model, rank=4, alpha=8)
    assert {each.dtype for each in adapters.parameters()} == {torch.float32}
    assert outputs(model).dtype == torch.bfloat16
    move(adapters)
    trainer, whole = adapters.proof(), everything(model)
    with adapters.merged():
        assert adapters.proof() == trainer
        assert outputs(model).dtype == torch.bfloat16
    assert everything(model) == whole
    backward(outputs(model).float().square().mean())
    before = adapters.digest()
    # A step that bfloat16 could not hold.
    torch.optim.AdamW(adapters.parameters(), lr=1e-5).step()
    assert adapters.digest() != before


@pytest.mark.parametrize("make", [toy, decoder, qwen])
def test_checkpointing_gives_the_same_gradients(make: Callable[[], nn.Module]) -> None:
    found = []
    for checkpointing in (False, True):
        model = prepare(make(), checkpointing=checkpointing).train()
        adapters = attach(model, rank=4, alpha=8)
        move(adapters)
        kept = Kept()
        with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
            loss = outputs(model).square().mean()
        with adapters.reference():
            outputs(model)
        backward(loss)
        found.append((weights.digest(gradients(adapters)), kept.numbers))
    assert found[0][0] == found[1][0]
    assert found[1][1] < 0.8 * found[0][1]


def test_a_copy_of_a_checkpointing_model_has_its_own_weights() -> None:
    model = prepare(toy(), checkpointing=True)
    twin = deepcopy(model)
    before = outputs(model).detach()
    with torch.no_grad():
        for each in model.parameters():
            each.zero_()
    assert outputs(twin).equal(before)


def test_what_cannot_be_prepared_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no dtype is named 'bfloat'\. Did you mean 'bfloat16'"):
        prepare(toy(), dtype="bfloat")
    with pytest.raises(UsageError, match="needs a list of blocks"):
        prepare(nn.Sequential(nn.Linear(2, 2)), checkpointing=True)


def test_four_bits_without_bitsandbytes_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install bitsandbytes, or load the model in bfloat16"):
        quantize_4bit("anything")


def test_four_bits_are_asked_of_transformers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    class Loader:
        @staticmethod
        def from_pretrained(path: str, **options: Any) -> nn.Module:
            seen.update(options, path=path)
            return toy()

    fake = types.SimpleNamespace(AutoModelForCausalLM=Loader, BitsAndBytesConfig=dict)
    monkeypatch.setattr(prepare_module, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "transformers", fake)
    assert isinstance(quantize_4bit(str(tmp_path)), Toy)
    assert seen["quantization_config"]["bnb_4bit_quant_type"] == "nf4"
    assert seen["quantization_config"]["bnb_4bit_compute_dtype"] == seen["dtype"] == torch.bfloat16
    assert seen["local_files_only"] is True


class Packed(nn.Linear):
    """Weights in one byte, as a quantized layer has them."""

    def __init__(self) -> None:
        super().__init__(6, 6, bias=False)
        self.weight = nn.Parameter(torch.arange(36, dtype=torch.uint8).view(6, 6), requires_grad=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight.float() / 36)


def test_quantized_weights_train_and_are_proved_but_not_merged() -> None:
    model = nn.Sequential(Packed(), nn.Tanh(), Packed())
    adapters = attach(model, rank=2, alpha=2)
    x, before, whole = torch.eye(6), adapters.proof(), flags(model)
    base = model(x)
    move(adapters)
    assert adapters.proof() != before
    assert not model(x).equal(base)
    with adapters.reference():
        assert adapters.proof() == before
        assert model(x).equal(base)
    for merge in (adapters.merge_and_unload, adapters.merged().__enter__):
        with pytest.raises(UsageError, match="quantized weights cannot take an adapter in"):
            merge()
    assert flags(model) == whole
    assert not model(x).equal(base)
    with pytest.raises(UsageError, match="pass compute_dtype to quantize_4bit"):
        prepare(nn.Sequential(Packed()))


def test_dropout_acts_on_the_policy_in_training_only() -> None:
    model = toy()
    adapters = attach(model, rank=4, alpha=8, dropout=0.5)
    move(adapters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not outputs(model).equal(outputs(model))
        with adapters.reference():
            assert outputs(model).equal(outputs(model))
        model.eval()
        assert outputs(model).equal(outputs(model))
