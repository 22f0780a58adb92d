"""Laws of addressed chance."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.draws import Draws
from simenv.core.errors import UsageError

parts = st.one_of(st.text(max_size=6), st.integers(-(10**6), 10**6))
addresses = st.lists(parts, max_size=4).map(tuple)
GOLDEN_WORDS = [
    4604401510270580331,
    10057478611651513905,
    2321429430887481327,
    11143411401887321619,
    17034460905580630927,
    15143791282125760958,
    13286191886044589698,
    9684607516134784705,
    9653616830626577645,
    12697898931043241576,
]
GOLDEN_CHOICES = [3, 2, "b", "x", [5, 4, 1, 3, 0, 2], [6, 0, 8]]
GOLDEN_COLUMN = [388, 716, 143, 406, 248, 344, 551, 318, 169]


def words(*address: str | int, count: int = 4) -> list[int]:
    draws = Draws(*address)
    return [draws.word() for _ in range(count)]


def test_the_recorded_stream_never_moves() -> None:
    """Every world, task and persona ever published follows from these numbers."""
    assert words("airline", "train", 7, count=10) == GOLDEN_WORDS
    draws = Draws("golden")
    seen = [draws.below(10), draws.between(-5, 5), draws.choice("abc"), draws.weighted("xyz", (1, 0, 3))]
    assert [*seen, draws.shuffled(range(6)), draws.sample(range(9), 3)] == GOLDEN_CHOICES
    assert Draws("golden").column(1000, 9) == GOLDEN_COLUMN


@given(addresses, addresses)
def test_different_addresses_share_no_stream(
    one: tuple[str | int, ...], other: tuple[str | int, ...]
) -> None:
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (words(*one) == words(*other)) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1,), ("1",)),
        (("a", "b"), ("ab",)),
        (("a", "b"), ("a\x1fb",)),
        (("1:a",), ("1", "a")),
        ((), ("",)),
        (("a", "b"), ("asb",)),
        (("a", 1), ("ai1",)),
        (("a", "b"), ("as1:b",)),
        ((12,), (1, 2)),
    ],
)
def test_addresses_that_look_alike_do_not_meet(
    one: tuple[str | int, ...], other: tuple[str | int, ...]
) -> None:
    assert set(words(*one)).isdisjoint(words(*other))


def test_neighbours_share_no_word() -> None:
    seen = [
        word for seed in range(300) for part in ("", "a", "b", 0) for word in words("x", seed, part, count=9)
    ]
    assert len(set(seen)) == len(seen)


@given(addresses, st.integers(0, 20), parts)
def test_an_address_fixes_its_stream_whatever_was_drawn(
    address: tuple[str | int, ...], before: int, part: str | int
) -> None:
    draws = Draws(*address)
    for _ in range(before):
        draws.word()
    assert words(*address, part) == [draws.at(part).word(), *words(*address, part)[1:]]


@given(addresses, st.integers(1, 2**64))
def test_below_stays_below_and_rejects_exactly(address: tuple[str | int, ...], limit: int) -> None:
    stream = words(*address, count=64)
    kept = next(word for word in stream if word < 2**64 - 2**64 % limit)
    assert Draws(*address).below(limit) == kept % limit


@given(st.integers(1, 2**32), st.integers(0, 40), st.integers(0, 40))
def test_a_row_of_a_column_does_not_depend_on_the_rows_after_it(limit: int, few: int, more: int) -> None:
    long, short = Draws("c").column(limit, few + more), Draws("c").column(limit, few)
    assert long[:few] == short
    assert long == [word * limit >> 64 for word in words("c", count=few + more)]


@given(st.lists(st.integers(), max_size=20), st.integers(0, 99))
def test_shuffling_loses_and_doubles_nothing(items: list[int], seed: int) -> None:
    assert Counter(Draws(seed).shuffled(items)) == Counter(items)
    positions = Draws(seed).sample(range(len(items)), len(items) // 2)
    assert len(set(positions)) == len(items) // 2


def test_choices_are_uniform() -> None:
    """Chi-square of 6,000 throws with 5 degrees of freedom: 20.5 is passed once in a thousand."""
    draws = Draws("dice")
    for throws in ([draws.below(6) for _ in range(6000)], Draws("dice", "column").column(6, 6000)):
        counts = Counter(throws)
        assert sum((counts[face] - 1000) ** 2 / 1000 for face in range(6)) < 20.5
    orders = Counter(tuple(Draws("cards", seed).shuffled("abc")) for seed in range(6000))
    assert len(orders) == 6
    assert sum((count - 1000) ** 2 / 1000 for count in orders.values()) < 20.5


def test_weights_are_kept() -> None:
    draws = Draws("weights")
    counts = Counter(draws.weighted("abc", (1, 0, 3)) for _ in range(4000))
    assert counts["b"] == 0
    assert 900 < counts["a"] < 1100
    assert 900 < sum(draws.chance(25) for _ in range(4000)) < 1100


@pytest.mark.parametrize(
    "call",
    [
        lambda draws: draws.below(0),
        lambda draws: draws.below(2**64 + 1),
        lambda draws: draws.between(2, 1),
        lambda draws: draws.choice([]),
        lambda draws: draws.sample([1], 2),
        lambda draws: draws.column(0, 1),
        lambda draws: draws.column(2**32 + 1, 1),
        lambda draws: draws.weighted([1, 2], [3, -2]) and draws.weighted([1, 2], [0, 0]),
    ],
)
def test_a_choice_from_nothing_is_the_callers_fault(call: object) -> None:
    with pytest.raises(UsageError):
        call(Draws("x"))  # type: ignore[operator]
