"""The step of static shapes: the same as reading one token, whoever takes part; graphs of it on CUDA."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.core.errors import UsageError
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer
from simenv.train.models import graphs
from simenv.train.models.graphs import Graphs
from simenv.train.models.model import SHAPES, Decoder
from simenv.train.models.policy import small
from simenv.train.rollouts.rollout import Job, Sampling
from simenv.train.rollouts.sampler import Sampler
from simenv.train.tasks import source_of

TINY = replace(SHAPES["0.3m"], layers=2)
LANES, ROOM = 5, 24

turns = st.lists(st.lists(st.booleans(), min_size=LANES, max_size=LANES).filter(any), min_size=1, max_size=6)


def decoder(*, copying: bool = True) -> Decoder:
    kind = TINY if copying else replace(TINY, taps=0, copying=False)
    return Decoder(kind, 60, room=ROOM).eval()


def tokens_of(seed: int) -> torch.Tensor:
    return torch.randint(0, 60, (LANES, ROOM), generator=torch.Generator().manual_seed(seed))


@settings(max_examples=30)
@given(turns=turns, copying=st.booleans(), first=st.lists(st.integers(1, 8), min_size=LANES, max_size=LANES))
def test_a_step_reads_one_token_as_extend_does(
    turns: list[list[bool]], copying: bool, first: list[int]
) -> None:
    """Lanes that hold differing numbers of tokens; of each step some lanes take part and others must not."""
    model, ids, lanes = decoder(copying=copying), tokens_of(0), torch.arange(LANES)
    one, other = model.new_cache(LANES, ROOM), model.new_cache(LANES, ROOM)
    reads = torch.tensor(first)
    for cache in (one, other):
        model.extend(ids[:, :8], reads, torch.zeros(LANES, dtype=torch.long), lanes, cache)
    for turn in turns:
        active = torch.tensor(turn)
        tokens, at = ids[lanes, reads], lanes[active]
        ends = model.extend(tokens[active][:, None], torch.ones_like(at), reads[active], at, one)
        found = model.step(tokens, reads, active, other, ROOM)[active]
        assert torch.allclose(found, ends, atol=1e-5)
        reads += active
    for kept, theirs in zip([*one.tails, *one.keys], [*other.tails, *other.keys], strict=True):
        mine = kept[one.row_of(lanes)]  # what is read token by token changes its place
        held = torch.arange(mine.shape[-2]) < reads[:, None] if mine.dim() == 4 else torch.ones(1, 1)
        shown = held[:, None, :, None] if mine.dim() == 4 else held[..., None]
        assert torch.allclose(mine * shown, theirs * shown, atol=1e-5)


@settings(max_examples=20)
@given(turns=turns)
def test_graphs_read_what_extend_reads(turns: list[list[bool]]) -> None:
    """Slots in any order, few of many lanes, buckets larger than asked for, and the cache used again."""
    model, ids, reader = decoder(), tokens_of(1), Graphs(decoder())
    for _ in range(2):
        plain, cache = model.new_cache(LANES, ROOM), reader.cache(LANES, ROOM)
        reads = torch.zeros(LANES, dtype=torch.long)
        for turn in turns:
            slots = [at for at in reversed(range(LANES)) if turn[at]]
            picked = torch.tensor(slots)
            tokens, before = ids[picked, reads[picked]], reads[picked]
            ends = model.extend(tokens[:, None], torch.ones_like(picked), before, picked, plain)
            found = reader.step(tokens.tolist(), slots, before.tolist())
            assert torch.allclose(found, ends, atol=1e-5)
            reads[picked] += 1
        assert len(cache.keys[0]) >= graphs.LANES


def test_a_lane_that_is_full_is_refused() -> None:
    reader = Graphs(decoder())
    with pytest.raises(UsageError, match="cache"):
        reader.step([1], [0], [0])
    reader.cache(2, 8)
    reader.step([1], [1], [7])
    with pytest.raises(UsageError, match="room for 8"):
        reader.step([1], [1], [8])


def test_a_cache_is_used_again_only_where_nothing_it_was_made_for_has_moved() -> None:
    model = decoder()
    reader = Graphs(model)
    first = reader.cache(20, 16)
    assert reader.cache(3, 16) is first, "fewer lanes fit"
    assert reader.cache(20, 20) is not first, "another room"
    second = reader.cache(3, 20)
    with torch.no_grad():
        model.norm.weight.mul_(2)
    assert reader.cache(3, 20) is second, "weights that change in place are read where they lie"
    model.norm.weight = torch.nn.Parameter(model.norm.weight.detach().clone())
    assert reader.cache(3, 20) is not second, "weights that have moved would be read where they no longer are"


def test_a_sampler_that_steps_plays_what_one_plays_that_extends() -> None:
    """The sampler takes the step for single tokens, lets longer reading wait, and draws the same tokens."""
    source = source_of("airline", "simple:change_passengers_denied")
    codec = Codec(make_tokenizer(["Hello, my id is a_b_1.", '{"user_id":"x"}'], 400))
    policy = small("0.3m", codec, seed=3, room=3000)
    jobs = [Job(source.at(at), number) for at in range(3) for number in range(2)]
    how = Sampling(seed=1, room=3000, turn_tokens=40)
    plain, stepping = (Sampler(policy.model, policy.family) for _ in range(2))  # type: ignore[arg-type]
    stepping.graphs = Graphs(policy.model)  # type: ignore[arg-type]
    one, other = plain.sample(jobs, how), stepping.sample(jobs, how)
    assert [each.tokens.ids for each in one] == [each.tokens.ids for each in other]
    assert [each.reason for each in one] == [each.reason for each in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.tokens.logps == pytest.approx(theirs.tokens.logps, abs=1e-3)
    assert stepping.drawn == plain.drawn > 200


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a graph is captured on CUDA only")
def test_replayed_graphs_give_what_the_step_gives() -> None:
    model = decoder().cuda()
    reader, plain = Graphs(model), Graphs(decoder())
    reader.cache(LANES, ROOM), plain.cache(LANES, ROOM)
    for at in range(8):
        slots = [2, 0, 4] if at % 2 else [1, 0]
        reads = [at if slot == 0 else at // 2 for slot in slots]
        tokens = [7 * at + slot for slot in slots]
        found, expected = reader.step(tokens, slots, reads), plain.step(tokens, slots, reads)
        assert torch.allclose(found.cpu(), expected, atol=1e-4)
    assert reader.captured == 1, "one number of lanes, one reach"
    assert reader.replayed == 8
