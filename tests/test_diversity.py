"""Reference values and laws of the figures of diversity."""

import zlib
from collections import Counter
from math import exp, prod
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import UsageError
from simenv.synth.diversity import (
    distinct,
    masked_templates,
    self_bleu,
    summary,
    words,
    zlib_ratio,
)

sentences = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "."]), max_size=9).map(" ".join)
sets = st.lists(sentences, max_size=8)
texts_of_any_kind = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=6)


def naive_self_bleu(texts: list[str], n: int) -> float:
    """Self-BLEU by its definition, each text against each other text."""
    if len(texts) < 2:
        return 0.0
    return sum(naive_bleu(texts[i], texts[:i] + texts[i + 1 :], n) for i in range(len(texts))) / len(texts)


def naive_bleu(text: str, others: list[str], n: int) -> float:
    mine, theirs = words(text), [words(other) for other in others]
    precisions = []
    for order in range(1, n + 1):
        counts = grams(mine, order)
        tables = [grams(each, order) for each in theirs]
        matches = sum(min(c, max(table[gram] for table in tables)) for gram, c in counts.items())
        if order == 1 and not matches:
            return 0.0
        precisions.append((matches or 0.1) / max(1, sum(counts.values())))
    closest = min((abs(len(each) - len(mine)), len(each)) for each in theirs)[1]
    penalty = 1.0 if closest < len(mine) else exp(1 - closest / len(mine))
    return float(penalty * prod(precisions) ** (1 / n))


def grams(listed: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(listed[i : i + n]) for i in range(len(listed) - n + 1))


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Done.", ["done", "."]),
        ("It's 3:30 p.m., OK?", ["it's", "3:30", "p", ".", "m", ".", ",", "ok", "?"]),
        ("$1,234.50 - paid", ["$1,234.50", "-", "paid"]),
        ("yes,no.Then a:b", ["yes", ",", "no", ".", "then", "a", ":", "b"]),
        ("one-stop (IAD)", ["one-stop", "(", "iad", ")"]),
        ("Chloé's id: a_b_1", ["chloé's", "id", ":", "a_b_1"]),
    ],
)
def test_words_are_split_from_their_marks(text: str, expected: list[str]) -> None:
    assert words(text) == expected


# Distinct n-grams


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        ([], 1, 0.0),
        (["a"], 2, 0.0),
        (["a b c", "a b d"], 1, 4 / 6),
        (["a b c", "a b d"], 2, 3 / 4),
        (["a b c", "a b d"], 3, 1.0),
        (["A a", "a A"], 2, 1 / 2),
        (["a b", "c d"], 2, 1.0),  # nothing spans two texts
    ],
)
def test_distinct_has_the_values_counted_by_hand(texts: list[str], n: int, expected: float) -> None:
    assert distinct(texts, n) == expected


@given(texts=sets, n=st.integers(1, 5))
def test_distinct_is_a_share_that_no_order_changes_and_repetition_halves(texts: list[str], n: int) -> None:
    value = distinct(texts, n)
    assert 0 <= value <= 1
    assert distinct(texts[::-1], n) == value
    assert distinct(texts * 2, n) == value / 2


# Compression


def test_the_ratio_is_of_bytes() -> None:
    assert zlib_ratio(["é"] * 2) == 5 / len(zlib.compress("é\né".encode(), 9))
    assert zlib_ratio([]) == 0


def test_repeated_texts_compress_better() -> None:
    different = [f"{i * 7919 % 1009} bags to {i * i % 31}" for i in range(60)]
    assert zlib_ratio(different[:1] * 60) > 2 * zlib_ratio(different)


# Self-BLEU


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        ([], 4, 0.0),
        (["a b c d"], 4, 0.0),
        (["a b c d", "a b c d"], 4, 1.0),
        (["a b", "c d"], 4, 0.0),
        (["", "a"], 4, 0.0),
        # Unigrams 1 of 2; lengths equal.
        (["a b", "a c"], 1, 0.5),
        # Each: 3/4, 2/3, 1/2, and 0.1 of 1.
        (["a b c d", "a b c e"], 4, (3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25),
        # "a a" meets one a in either other: 1/2. "a" twice has its a.
        (["a a", "a", "a"], 1, (0.5 + 1 + 1) / 3),
        # "a b" is two short of four words: exp(1 - 4/2); the other matches 2 of 4.
        (["a b", "a b c d"], 1, (exp(-1) + 0.5) / 2),
        # For three words, two are as close as four: the shorter one sets no penalty.
        (["a b c", "a b", "a b c d"], 1, (1 + exp(1 - 3 / 2) + 3 / 4) / 3),
    ],
)
def test_self_bleu_has_the_values_counted_by_hand(texts: list[str], n: int, expected: float) -> None:
    assert self_bleu(texts, n) == pytest.approx(expected, abs=1e-12)


@given(texts=sets, n=st.integers(1, 5))
def test_self_bleu_is_what_its_definition_says(texts: list[str], n: int) -> None:
    assert self_bleu(texts, n) == pytest.approx(naive_self_bleu(texts, n), abs=1e-12)


@given(texts=sets, data=st.data())
def test_self_bleu_is_a_share_that_no_order_changes(texts: list[str], data: st.DataObject) -> None:
    value = self_bleu(texts)
    assert 0 <= value <= 1
    assert self_bleu(data.draw(st.permutations(texts))) == value


@given(texts=sets.filter(bool))
def test_twins_raise_self_bleu(texts: list[str]) -> None:
    assert self_bleu(texts * 2) >= self_bleu(texts) - 1e-12
    long = [f"{text} w x y z" for text in texts]
    assert self_bleu(long * 2) == pytest.approx(1)


@given(texts=sets.filter(bool), sample=st.integers(1, 9))
def test_a_sample_scores_some_texts_against_all(texts: list[str], sample: int) -> None:
    assert 0 <= self_bleu(texts, sample=sample) <= 1
    if sample >= len(texts):
        assert self_bleu(texts, sample=sample) == self_bleu(texts)


def test_a_sample_is_evenly_spaced() -> None:
    texts = ["a b c d", "q r s t", "a b c d", "u v w x"]
    assert self_bleu(texts, sample=2) == 1
    assert self_bleu(texts) == 0.5


def test_a_thousand_texts_take_no_time() -> None:
    texts = [" ".join(f"w{(i * 31 + j * j) % 997}" for j in range(40)) for i in range(1000)]
    start = perf_counter()
    self_bleu(texts)
    assert perf_counter() - start < 3


@pytest.mark.parametrize("call", [lambda: distinct([], 0), lambda: self_bleu([], 0)])
def test_n_is_one_or_more(call: object) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match="one word or more"):
        call()


def test_a_sample_is_not_empty() -> None:
    with pytest.raises(UsageError, match="one text or more"):
        self_bleu(["a", "b"], sample=0)


# Templates


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My ID is a_b_12.", "My ID is chris_o_7."),
        ("I fly from Salt Lake City to Boston.", "I fly from Rome to New York."),
        ("It was $1,234.50 on May 3.", "It was $20 on December 24."),
        ("Cancel XTB5EU, please.", "Cancel 49OIOA, please."),
    ],
)
def test_texts_that_differ_in_values_have_one_template(one: str, other: str) -> None:
    assert masked_templates([one, other]) == 0.5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hi, cancel it.", "Hello, cancel it."),
        ("Then I pay.", "Then we pay."),
        ("Go. Stop Ann.", "Go. Call Ann."),
        ("Then I'm off to Rome.", "Then I've left Rome."),
    ],
)
def test_texts_that_differ_in_words_have_two(one: str, other: str) -> None:
    assert masked_templates([one, other]) == 1


@given(texts=texts_of_any_kind)
def test_templates_are_a_share(texts: list[str]) -> None:
    value = masked_templates(texts)
    assert 0 <= value <= 1
    assert masked_templates(texts[::-1]) == value
    assert masked_templates(texts * 2) == value / 2


# All together


@given(texts=texts_of_any_kind)
def test_the_summary_holds_every_figure(texts: list[str]) -> None:
    assert summary(texts) == {
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "distinct_3": distinct(texts, 3),
        "zlib": zlib_ratio(texts),
        "self_bleu4": self_bleu(texts, 4),
        "unique_templates": masked_templates(texts),
        "texts": len(texts),
    }
