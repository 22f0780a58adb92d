"""Transformers models read in lanes: equal to themselves without a cache, and to nothing that is broken."""

import json
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from simenv.core.errors import DataError, SimenvError, UnknownNameError, UsageError  # noqa: E402
from simenv.train.models.hf import KINDS, HfModel, from_config, load_hf, random_hf  # noqa: E402
from simenv.train.models.lora import attach, proof_of  # noqa: E402
from simenv.train.models.model import SHAPES, Decoder, from_qwen3  # noqa: E402
from simenv.train.models.prepare import prepare, without_dropout  # noqa: E402

CONFIGS = {
    "llama": transformers.LlamaConfig,
    "mistral": transformers.MistralConfig,
    "qwen2": transformers.Qwen2Config,
    "qwen3": transformers.Qwen3Config,
}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}
EVERY = pytest.mark.parametrize("kind", KINDS)


def config(kind: str, **changes: Any) -> Any:
    """Return the config of a tiny model; its tokens are 0 to 59."""
    small: dict[str, Any] = {
        "vocab_size": 60,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 64,
        "tie_word_embeddings": kind != "llama",
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": 1,
        "initializer_range": 0.2,  # large enough that one token more or less shows
    }
    windows = {"sliding_window": None} if kind == "mistral" else {}
    return CONFIGS[kind](**small | windows | changes)


@lru_cache(maxsize=16)
def tiny(kind: str) -> HfModel:
    return from_config(config(kind))


def ids_of(rows: int, tokens: int, seed: int = 0) -> Any:
    return torch.randint(0, 60, (rows, tokens), generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25)
@given(
    kind=st.sampled_from(KINDS),
    cuts=st.lists(st.lists(st.integers(1, 7), min_size=4, max_size=4), min_size=1, max_size=5),
    seed=st.integers(0, 99),
)
def test_reading_in_pieces_is_reading_at_once(kind: str, cuts: list[list[int]], seed: int) -> None:
    """Four lanes of a used cache read pieces of differing lengths."""
    model = tiny(kind)
    ids, cache = ids_of(4, 40, seed), model.new_cache(4, 40)
    for part in (*cache.keys, *cache.values):
        part.fill_(3.0)  # what an episode before has left must not be seen
    starts = torch.zeros(4, dtype=torch.long)
    lanes = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        whole = model(ids)
    for cut in cuts:
        lengths = torch.tensor(cut)
        width = int(lengths.max())
        columns = (starts[:, None] + torch.arange(width)).clamp(max=39)
        piece = ids.gather(1, columns) * (torch.arange(width) < lengths[:, None])
        ends = model.extend(piece, lengths, starts, lanes, cache)
        starts += lengths
        assert torch.allclose(ends, whole[torch.arange(4), starts - 1], atol=1e-4)


@settings(max_examples=20)
@given(kind=st.sampled_from(KINDS), upto=st.integers(1, 20), more=st.integers(1, 10), seed=st.integers(0, 99))
def test_a_copied_lane_goes_on_like_its_source(kind: str, upto: int, more: int, seed: int) -> None:
    model = tiny(kind)
    ids, cache = ids_of(2, upto + more, seed), model.new_cache(3, 30)
    start = torch.tensor([upto, upto])
    model.extend(ids[:, :upto], start, torch.zeros(2, dtype=torch.long), torch.tensor([0, 2]), cache)
    cache.copy_lanes(torch.tensor([0]), torch.tensor([2]), upto)
    rest = ids[:1, upto:].expand(2, more)
    source, copy = model.extend(rest, torch.tensor([more, more]), start, torch.tensor([0, 2]), cache)
    assert torch.equal(source, copy)
    with torch.no_grad():
        assert torch.allclose(copy, model(ids[:1])[0, -1], atol=1e-4)


@settings(max_examples=20)
@given(
    kind=st.sampled_from(KINDS), tokens=st.integers(1, 20), padding=st.integers(1, 9), pad=st.integers(0, 59)
)
def test_padding_does_not_leak(kind: str, tokens: int, padding: int, pad: int) -> None:
    model, ids = tiny(kind), ids_of(1, tokens)
    padded = torch.cat((ids, torch.full((1, padding), pad)), 1)
    with torch.no_grad():
        assert torch.allclose(model(ids), model(padded)[:, :tokens], atol=1e-5)


@EVERY
def test_head_times_hidden_is_what_transformers_says(kind: str) -> None:
    model, ids = tiny(kind), ids_of(2, 9)
    assert (model.vocab, model.room) == (60, 64)
    with torch.no_grad():
        assert torch.allclose(model(ids) @ model.head.T, model.causal(input_ids=ids).logits, atol=1e-5)


def test_lanes_with_stretched_positions_are_equal_too() -> None:
    model = from_config(config("qwen3", rope_parameters=YARN))
    ids, cache, lane = ids_of(1, 40), model.new_cache(1, 40), torch.tensor([0])
    for start, end in ((0, 5), (5, 39), (39, 40)):
        place = torch.tensor([start])
        last = model.extend(ids[:, start:end], torch.tensor([end - start]), place, lane, cache)
        with torch.no_grad():
            assert torch.allclose(last, model(ids)[:, end - 1], atol=1e-4)


def test_qwen3_and_our_own_decoder_are_one_model() -> None:
    size = SHAPES["qwen3-0.6b"]
    small = type(size)(32, 2, 4, 2, 8, 48, taps=0, copying=False, theta=1e6)
    rope = {"rope_type": "default", "rope_theta": 1e6}
    theirs = from_config(config("qwen3", rope_parameters=rope))
    ours = Decoder(small, 60, room=64)
    from_qwen3(ours, theirs.causal.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours(ids_of(2, 30)), theirs(ids_of(2, 30)), atol=1e-4)


def test_a_text_longer_than_the_model_is_refused() -> None:
    model, one = tiny("qwen3"), torch.tensor([1])
    with pytest.raises(UsageError, match="64 positions, got 65"):
        model(ids_of(1, 65))
    with pytest.raises(UsageError, match="64 positions, got 65"):
        model.extend(ids_of(1, 1), one, torch.tensor([64]), torch.tensor([0]), model.new_cache(1, 70))


def test_random_weights_are_drawn_from_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (from_config(config("llama"), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    names = ["causal.model.layers.0.mlp.up_proj"]
    assert proof_of(first, names) == proof_of(again, names) != proof_of(other, names)


def test_an_unknown_size_is_refused_before_anything_is_made() -> None:
    with pytest.raises(UnknownNameError, match=r"qwen3-0\.6b"):
        random_hf("qwen3-0.6")
    with pytest.raises(UnknownNameError, match="dtype"):
        from_config(config("llama"), "float16")


def read(model: HfModel, ids: Any) -> Any:
    """Return the last hidden states of two lanes, read in two pieces."""
    cache, lanes = model.new_cache(2, 20), torch.tensor([0, 1])
    begun, rest = ids.split([3, ids.shape[1] - 3], 1)
    model.extend(begun, torch.tensor([3, 3]), torch.tensor([0, 0]), lanes, cache)
    return model.extend(rest, torch.tensor([rest.shape[1]] * 2), torch.tensor([3, 3]), lanes, cache)


def moved(model: HfModel) -> Any:
    """Return adapters of a model that do something."""
    adapters = attach(model, rank=4, alpha=8)
    with torch.no_grad():
        for at, each in enumerate(adapters.parameters()):
            each.normal_(std=0.2, generator=torch.Generator().manual_seed(at))
    return adapters


@EVERY
def test_adapters_work_through_the_cache_and_without(kind: str) -> None:
    model, ids = from_config(config(kind)), ids_of(2, 8)
    base = read(model, ids)
    adapters = moved(model)
    assert len(adapters.names) == 14
    assert not any("head" in name for name in adapters.names)
    policy = read(model, ids)
    assert not torch.allclose(policy, base, atol=1e-2)
    assert torch.allclose(policy, model(ids)[:, -1], atol=1e-4)
    with adapters.reference():
        assert torch.allclose(read(model, ids), base, atol=1e-5)
    with adapters.merged():
        assert torch.allclose(read(model, ids), policy, atol=1e-4)
    assert adapters.merge_and_unload() is model
    assert torch.allclose(read(model, ids), policy, atol=1e-4)


@EVERY
def test_checkpointing_changes_no_gradient_and_no_cache(kind: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = from_config(config(kind), checkpointing=checkpointing).train()
        adapters = moved(model)
        model(ids_of(2, 8)).square().mean().backward()
        assert torch.allclose(read(model, ids_of(2, 8)), model(ids_of(2, 8))[:, -1], atol=1e-4)
        found.append([each.grad.clone() for each in adapters.parameters()])
    assert all(map(torch.equal, *found))


@EVERY
def test_bfloat16_trains_and_keeps_its_positions_exact(kind: str) -> None:
    model = from_config(config(kind), "bfloat16", checkpointing=True).train()
    rates = [each for name, each in model.named_buffers() if name.endswith(".inv_freq")]
    exact = [each for name, each in tiny(kind).named_buffers() if name.endswith(".inv_freq")]
    assert rates
    assert all(map(torch.equal, rates, exact))
    adapters = moved(model)
    hidden = model(ids_of(2, 8))
    assert (hidden.dtype, model.head.dtype) == (torch.bfloat16, torch.bfloat16)
    hidden.float().square().mean().backward()
    assert all(each.grad.isfinite().all() and each.grad.any() for each in adapters.parameters())
    assert torch.allclose(read(model, ids_of(2, 8)).float(), hidden[:, -1].float(), atol=0.15)


def test_a_model_that_is_cast_later_keeps_its_positions_exact() -> None:
    model = from_config(config("qwen3"))
    before = model.causal.model.rotary_emb.inv_freq.clone()
    prepare(model, dtype="bfloat16")
    assert model.head.dtype == torch.bfloat16
    assert torch.equal(model.causal.model.rotary_emb.inv_freq, before)


@EVERY
def test_nothing_is_dropped_out_of_a_checkpoint_in_training(kind: str, tmp_path: Path) -> None:
    from_config(config(kind)).causal.save_pretrained(tmp_path)
    rewrite(tmp_path / "config.json", attention_dropout=0.3, resid_pdrop=0.2)
    model = load_hf(tmp_path).train()
    assert torch.equal(model(ids_of(2, 9)), model(ids_of(2, 9)))
    with torch.no_grad():
        assert torch.equal(model(ids_of(2, 9)), tiny(kind)(ids_of(2, 9)))
    assert (model.causal.config.attention_dropout, model.causal.config.resid_pdrop) == (0, 0)


def test_every_kind_of_dropout_is_set_to_nothing() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Dropout1d(0.5), torch.nn.AlphaDropout(0.5))
    without_dropout(model)
    ones = torch.ones(2, 3)
    assert torch.equal(model.train()(ones), ones)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "saved"
    tiny("qwen3").causal.save_pretrained(folder)
    return folder


@EVERY
def test_what_was_saved_is_loaded_bit_for_bit(kind: str, tmp_path: Path) -> None:
    tiny(kind).causal.save_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(load_hf(tmp_path)(ids_of(2, 9)), tiny(kind)(ids_of(2, 9)))


def test_shards_are_loaded(tmp_path: Path) -> None:
    tiny("qwen3").causal.save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    with torch.no_grad():
        assert torch.equal(load_hf(tmp_path)(ids_of(2, 9)), tiny("qwen3")(ids_of(2, 9)))
    shards[0].unlink()
    with pytest.raises(DataError, match=f"{shards[0].name}.*not there"):
        load_hf(tmp_path)


def rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def unweighted(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def wayward(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"lm_head.weight": "../other/model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def forgetful(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def narrow(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(31)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def wild(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.input_layernorm.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def set_in_config(folder: Path, name: str, value: Any) -> None:
    rewrite(folder / "config.json", **{name: value})


DAMAGES: list[tuple[Callable[[Path], object], type[SimenvError], str]] = [
    (lambda folder: (folder / "config.json").unlink(), UsageError, "no config.json"),
    (lambda folder: (folder / "config.json").write_text("{"), DataError, "not JSON"),
    (lambda folder: (folder / "config.json").write_text("[]"), DataError, "not a JSON object"),
    (lambda folder: rewrite(folder / "config.json", model_type="gpt2"), UsageError, "'gpt2'.*llama, mistral"),
    (
        lambda folder: rewrite(folder / "config.json", quantization_config={"bits": 4}),
        UsageError,
        "quantized",
    ),
    (
        lambda folder: rewrite(folder / "config.json", layer_types=["full_attention", "sliding_attention"]),
        UsageError,
        "window",
    ),
    (
        lambda folder: rewrite(folder / "config.json", rope_parameters=YARN | {"rope_type": "dynamic"}),
        UsageError,
        "'dynamic'",
    ),
    *(
        (partial(set_in_config, name=name, value=value), DataError, words)
        for name, value, words in (
            ("num_attention_heads", 0, "num_attention_heads is a whole number of at least 1, got 0"),
            ("num_key_value_heads", 3, "num_attention_heads is 4, not a multiple of .*, 3"),
            ("vocab_size", "60", "vocab_size is a whole number of at least 1, got '60'"),
            ("max_position_embeddings", None, "max_position_embeddings is a whole number .* None"),
            ("hidden_act", "sillu", "knows no hidden_act 'sillu'"),
            ("hidden_act", ["silu"], "knows no hidden_act"),
            ("rms_norm_eps", "small", "makes no model of it"),
            ("rope_parameters", [], "makes no model of it"),
            ("initializer_range", {}, "makes no model of it"),
            ("dtype", "float99", "makes no model of it"),
        )
    ),
    (truncate, DataError, "half-written"),
    (empty, DataError, "half-written"),
    (pickle, UsageError, r"only pickled weights \(pytorch_model.bin\)"),
    (unweighted, UsageError, r"no model.safetensors"),
    (wayward, DataError, "no files of weights beside it"),
    (forgetful, DataError, r"1 weights are missing, such as model.layers.1.mlp.up_proj.weight"),
    (wild, DataError, r"layers.1.input_layernorm.weight is not finite .* in 1 of 32 places"),
    (narrow, DataError, r"1 weights are mismatched, such as .*model.norm.weight"),
]


@pytest.mark.parametrize(
    ("damage", "error", "words"), DAMAGES, ids=[f"{at} {each[2][:24]}" for at, each in enumerate(DAMAGES)]
)
def test_a_broken_checkpoint_is_refused(
    saved: Path, damage: Callable[[Path], object], error: type[SimenvError], words: str
) -> None:
    damage(saved)
    with pytest.raises(error, match=words):
        load_hf(saved)


def test_what_is_not_there_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is downloaded"):
        load_hf("Qwen/Qwen3-0.6B")
    with pytest.raises(UnknownNameError, match="dtype"):
        load_hf(tmp_path, dtype="half")


def test_a_model_with_a_window_is_refused() -> None:
    with pytest.raises(UsageError, match="window"):
        from_config(config("mistral", sliding_window=8))
