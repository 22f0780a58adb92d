"""What a small decoder hears: who speaks, and the customer's words, however the tokens come."""

from itertools import pairwise

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from simenv.train.chat.codec import Codec
from simenv.train.chat.family_plain import CONTROLS as FAMILY
from simenv.train.chat.tokenizer import make_tokenizer
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.config import SftConfig
from simenv.train.models.hearing import ASSISTANT, CONTROLS, USER, WORD, Hearing
from simenv.train.models.model import SHAPES, Decoder
from simenv.train.rollouts.batches import in_order
from simenv.train.sft import _order

VOCAB = 20


def test_it_knows_the_control_tokens_of_the_family() -> None:
    assert len(FAMILY) == CONTROLS
    assert (FAMILY.index("<|user|>"), FAMILY.index("<|assistant|>")) == (USER, ASSISTANT)


IDS = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=30)


def hearing() -> Hearing:
    made = Hearing(VOCAB, 8)
    with torch.no_grad():
        made.words.weight.copy_(torch.arange(VOCAB)[:, None] * torch.ones(WORD))
        made.sense.fill_(1 / WORD)
        made.roles.weight.zero_()
    return made


def by_hand(ids: list[int]) -> list[tuple[float, int, int]]:
    """The sum of the customer's tokens, their number and who speaks, after every token."""
    found, total, count, speaker = [], 0.0, 0, 0
    for token in ids:
        speaker = token if token < CONTROLS else speaker
        if speaker == USER:
            total, count = total + token, count + 1
        found.append((total, count, speaker))
    return found


@given(ids=IDS, cut=st.integers(0, 30))
def test_it_hears_what_is_said_in_one_piece_or_two(ids: list[int], cut: int) -> None:
    made, at = hearing(), min(cut, len(ids))
    memory, rows = made.nothing(1), []
    for piece in (ids[:at], ids[at:]):
        if piece:
            heard = made.listen(torch.tensor([piece]), memory)
            memory = heard[:, -1]
            rows += heard[0].tolist()
    assert [(row[0], int(row[-2]), int(row[-1])) for row in rows] == by_hand(ids)


@given(ids=IDS)
def test_only_the_agent_is_told_and_only_what_the_customer_said(ids: list[int]) -> None:
    made = hearing()
    with torch.no_grad():
        told = made(made.listen(torch.tensor([ids]), made.nothing(1)))[0, :, 0].tolist()
    for value, (total, count, speaker) in zip(told, by_hand(ids), strict=True):
        wanted = total / max(count, 1) ** 0.5 if speaker == ASSISTANT else 0.0
        assert value == pytest.approx(wanted, rel=1e-5)


def test_words_learn_only_from_customers_that_an_agent_answers() -> None:
    """Nothing that tools say pulls at the vectors of words, nor what is said after the agent's last token."""
    model = Decoder(SHAPES["0.3m"], 60, room=64)
    ids = torch.tensor([[2, 50, USER, 30, 31, 5, 40, ASSISTANT, 12, 13, USER, 32]])
    hidden = model(ids)[:, 7:9]
    torch.nn.functional.cross_entropy((hidden @ model.head.T)[0], ids[0, 8:10]).backward()  # type: ignore[no-untyped-call]
    pull = model.hearing.words.weight.grad
    assert pull is not None
    assert pull.abs().sum(1).nonzero()[:, 0].tolist() == [USER, 30, 31]


def test_a_customers_id_goes_in_pairs_of_letters_and_a_card_in_one() -> None:
    codec = Codec(make_tokenizer(["under samira_silva_2888, credit_card_7435036"] * 50, 400, pairs=True))
    shown = [codec.text([token]) for token in codec.body("samira_silva_2888")]
    assert shown == ["sa", "mi", "ra", "_s", "il", "va", "_", "28", "88"]
    assert "credit_card" in [codec.text([token]) for token in codec.body("credit_card_7435036")]


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30), draw=st.randoms())
def test_batches_take_everything_once_in_order_and_none_is_too_large(lengths: list[int], draw) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(lengths)))
    draw.shuffle(order)
    groups = in_order(order, lengths, 20)
    assert [place for group in groups for place in group] == order
    assert all(len(group) * max(lengths[place] for place in group) <= 20 for group in groups)
    for group, after in pairwise(groups):
        wider = [*group, after[0]]
        assert len(wider) * max(lengths[place] for place in wider) > 20


def test_steps_of_supervised_training_mix_lengths_and_miss_nothing() -> None:
    """Batches by length hold one kind of request each, and a step unlearns what the last one taught."""
    demos = [TokenEpisode([Segment("assistant", (1,) * (1 + at % 10), sampled=True)]) for at in range(100)]
    seen: list[int] = []
    steps, mixed = _order(demos, SftConfig(batch_tokens=64)), 0
    while len(seen) < len(demos):
        places = next(steps)
        seen += places
        mixed += len({len(demos[place]) for place in places}) > 2
    assert sorted(seen) == list(range(100))
    assert mixed > 10
