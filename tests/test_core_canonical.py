"""Laws of strict JSON in and canonical JSON out."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import (
    MAX_BYTES,
    MAX_DEPTH,
    StrictJsonError,
    canonical,
    digest,
    dollars,
    dollars_text,
    parse_strict,
    text_problem,
)
from simenv.core.program import read_cents

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), texts)
values = st.recursive(
    scalars, lambda part: st.lists(part, max_size=4) | st.dictionaries(texts, part, max_size=4), max_leaves=12
)


@given(values)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert parse_strict(canonical(value)) == value
    assert canonical(parse_strict(canonical(value))) == canonical(value)
    assert parse_strict(json.dumps(value, indent=1)) == value


@given(st.dictionaries(texts, scalars, min_size=2, max_size=5))
def test_equal_values_have_equal_bytes(value: dict[str, Any]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(backwards) == canonical(value)
    assert digest(canonical(backwards)) == digest(canonical(value).encode())


@given(
    st.text(st.characters(exclude_categories=()), max_size=40)
    | st.text('[]{}",:\\u0189de-+.NaIfy ', max_size=30)
)
def test_any_text_is_a_value_or_a_strict_json_error(text: str) -> None:
    try:
        value = parse_strict(text)
    except StrictJsonError:
        return
    assert json.loads(text, parse_float=Decimal) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1,"a":1}', 'duplicate key "a"'),
        ('[{"b":{"a":1,"a":2}}]', 'duplicate key "a"'),
        ('{"a":1,"\\u0061":2}', 'duplicate key "a"'),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        (str(2**63), "integer beyond 64 bits"),
        (str(-(2**63) - 1), "integer beyond 64 bits"),
        ("9" * 5000, "integer beyond 64 bits"),
        ("1e999999", "number too large or too small"),
        ("1e-999999", "number too large or too small"),
        ("0." + "1" * 60, "number with more than 40 characters"),
        ('"\x00"', "contains a NUL character"),
        ('"\\u0000"', "contains a NUL character"),
        ('"\ud800"', "contains a lone surrogate"),
        ('["\\ud800"]', "contains a lone surrogate"),
        ('{"\\udfff":1}', "contains a lone surrogate"),
        ("[1,]", "not valid JSON"),
        ("", "not valid JSON"),
        ("{} x", "not valid JSON"),
        ('"a\nb"', "not valid JSON"),
    ],
)
def test_what_depends_on_the_reader_is_refused(text: str, problem: str) -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_strict(text)
    assert str(caught.value) == problem


def test_the_limits_are_where_they_are_said_to_be() -> None:
    assert parse_strict("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    with pytest.raises(StrictJsonError, match="nested deeper"):
        parse_strict(deep)
    assert parse_strict(canonical(deep)) == deep
    assert parse_strict(canonical('\\"' + deep)) == '\\"' + deep
    assert parse_strict("[" + ",".join(["[]"] * 100) + "]")
    assert parse_strict('"' + "x" * (MAX_BYTES - 2) + '"')
    for long in ('"' + "x" * (MAX_BYTES - 1) + '"', '"' + "é" * (MAX_BYTES // 2) + '"'):
        with pytest.raises(StrictJsonError, match="longer than 65536 bytes"):
            parse_strict(long)


def test_the_edges_of_64_bits_and_surrogate_pairs_are_fine() -> None:
    assert parse_strict(f"[{2**63 - 1},{-(2**63)}]") == [2**63 - 1, -(2**63)]
    assert parse_strict('"\\ud83d\\ude00"') == "😀"
    assert text_problem("😀") == ""


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_decimals_keep_every_digit(number: Decimal) -> None:
    assert parse_strict(f"{number:f}") == number


@given(st.integers(-(10**13), 10**13))
def test_cents_survive_being_shown_as_dollars(cents: int) -> None:
    shown = canonical(dollars(cents))
    assert read_cents(parse_strict(shown)) == cents
    assert len(shown.partition(".")[2]) <= 2
    text = dollars_text(cents)
    assert Decimal(text.replace("$", "").replace(",", "")) * 100 == cents


def test_canonical_refuses_what_is_no_json() -> None:
    for value in (float("nan"), float("inf"), {1, 2}, b"x", object()):
        with pytest.raises((ValueError, TypeError)):
            canonical(value)
