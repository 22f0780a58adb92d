"""The small decoder: equal to Qwen3 without its extras, and equal to itself through the cache."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from dataclasses import replace  # noqa: E402

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import Tensor  # noqa: E402

from simenv.core.errors import UnknownNameError  # noqa: E402
from simenv.train.models.model import SHAPES, Decoder, from_qwen3, shape  # noqa: E402

TINY = replace(SHAPES["0.3m"], layers=2)


def ids_of(rows: int, tokens: int, seed: int = 0) -> Tensor:
    drawn: Tensor = torch.randint(0, 60, (rows, tokens), generator=torch.Generator().manual_seed(seed))
    return drawn


def test_without_its_extras_it_is_qwen3() -> None:
    plain = replace(TINY, taps=0, copying=False, rotary=0)
    config = transformers.Qwen3Config(
        vocab_size=60,
        hidden_size=plain.width,
        num_hidden_layers=plain.layers,
        num_attention_heads=plain.heads,
        num_key_value_heads=plain.groups,
        head_dim=plain.head,
        intermediate_size=plain.hidden,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    config.rope_parameters = {"rope_type": "default", "rope_theta": plain.theta}
    torch.manual_seed(0)
    theirs = transformers.Qwen3ForCausalLM(config).eval()
    ours = Decoder(plain, 60)
    from_qwen3(ours, theirs.state_dict())
    ids = ids_of(2, 33)
    with torch.no_grad():
        expected = theirs(input_ids=ids).logits
        assert torch.allclose(ours(ids) @ ours.head.T, expected, atol=2e-6)


@settings(max_examples=25)
@given(
    cuts=st.lists(st.lists(st.integers(1, 7), min_size=4, max_size=4), min_size=1, max_size=5),
    copying=st.booleans(),
)
def test_reading_in_pieces_is_reading_at_once(cuts: list[list[int]], copying: bool) -> None:
    """Four lanes read pieces of differing lengths; a lane that is copied goes on like its source."""
    kind = TINY if copying else replace(TINY, taps=0, copying=False)
    model = Decoder(kind, 60).eval()
    ids, cache = ids_of(4, 40), model.new_cache(4, 40)
    starts = torch.zeros(4, dtype=torch.long)
    lanes = torch.tensor([2, 0, 3, 1])
    for cut in cuts:
        lengths = torch.tensor(cut)
        width = int(lengths.max())
        columns = (starts[:, None] + torch.arange(width)).clamp(max=39)
        piece = ids.gather(1, columns) * (torch.arange(width) < lengths[:, None])
        ends = model.extend(piece, lengths, starts, lanes, cache)
        starts += lengths
        with torch.no_grad():
            whole = model(ids)
        assert torch.allclose(ends, whole[torch.arange(4), starts - 1], atol=1e-4)


@pytest.mark.parametrize("copying", [False, True])
def test_only_the_wanted_hidden_states(copying: bool) -> None:
    """They and their gradients are those of a pass that gives all; rows may want none."""
    model = Decoder(TINY if copying else replace(TINY, taps=0, copying=False), 60)
    ids, chosen = ids_of(3, 21), torch.rand(3, 21, generator=torch.Generator().manual_seed(1)) < 0.3
    chosen[1] = False
    found = []
    for some in (model(ids)[chosen], model(ids, chosen)):
        found.append((some, *torch.autograd.grad(some.square().sum(), list(model.parameters()))))
    assert all(torch.allclose(a, b, atol=2e-4) for a, b in zip(*found, strict=True))


def test_a_copied_lane_goes_on_like_its_source() -> None:
    model = Decoder(TINY, 60).eval()
    ids, cache = ids_of(1, 20), model.new_cache(3, 20)
    one, first = torch.tensor([1]), torch.tensor([0])
    model.extend(ids[:, :12], torch.tensor([12]), torch.zeros(1, dtype=torch.long), first, cache)
    cache.copy_lanes(first, torch.tensor([2]), 12)
    at = torch.tensor([12])
    ends = [model.extend(ids[:, 12:13], one, at, torch.tensor([lane]), cache) for lane in (0, 2)]
    assert torch.equal(*ends)


def test_padding_does_not_leak() -> None:
    model = Decoder(TINY, 60)
    ids = ids_of(1, 20)
    padded = torch.cat((ids, torch.full((1, 9), 7)), 1)
    assert torch.allclose(model(ids), model(padded)[:, :20], atol=1e-5)


def test_an_unknown_size_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="20m"):
        shape("2m")
