"""Strict JSON in, canonical JSON out, and the digests of both.

Agents' text is hostile until proven otherwise: ``parse_strict`` accepts exactly the JSON
whose meaning does not depend on the reader. Everything that is hashed, logged or shown
is written by ``canonical``, so equal values have equal bytes.
"""

import json
import re
from decimal import Decimal
from hashlib import blake2b
from math import isfinite
from typing import Any, NoReturn

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

# A string that is never closed is read once: looking for its end from every quote would be quadratic.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff\x00]")
_MAX_DECIMAL_DIGITS = 40


class StrictJsonError(ValueError):
    """Text is not JSON in the strict sense; the message says which rule it broke."""


def parse_strict(text: str) -> Any:
    """Return the value of ``text``; numbers with a point or exponent become ``Decimal``.

    Raises:
        StrictJsonError: On duplicate keys, NaN or infinities, nesting deeper than 32,
            more than 64 KiB of UTF-8, integers beyond 64 bits, NUL or a lone surrogate
            anywhere, and on anything that is not JSON.
    """
    problem = text_problem(text)
    if problem:
        raise StrictJsonError(problem)
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise StrictJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = _DECODER.decode(text)
    except StrictJsonError:
        raise
    except ValueError:
        # Neither json's wording nor its position of an error is the same in every version of Python.
        raise StrictJsonError("not valid JSON") from None
    if "\\u" in text:
        _refuse_hidden(value)
    return value


def parse_trusted(text: str) -> Any:
    """Return the value of JSON that simenv wrote itself: no limits of size or depth, plain floats.

    Raises:
        ValueError: If it is not JSON.
    """
    return json.loads(text)


def parse_trusted_exact(text: str) -> Any:
    """Return the value of JSON that simenv wrote itself, numbers with a point as ``Decimal``."""
    return _EXACT.decode(text)


_EXACT = json.JSONDecoder(parse_float=Decimal)
"""Made once: ``json.loads`` would make one for every text."""


def text_problem(text: str) -> str:
    """Say which text rule ``text`` breaks (NUL, lone surrogate, 64 KiB), or return ''."""
    if len(text) > MAX_BYTES:
        return f"longer than {MAX_BYTES} bytes"
    if text.isascii():
        return "contains a NUL character" if "\x00" in text else ""
    found = _SURROGATE.search(text)
    if found:
        return "contains a NUL character" if found.group() == "\x00" else "contains a lone surrogate"
    return f"longer than {MAX_BYTES} bytes" if len(text.encode()) > MAX_BYTES else ""


def _depth(text: str) -> int:
    depth = deepest = 0
    for token in _BRACKETS.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _refuse_hidden(value: Any) -> None:
    """Refuse NUL and lone surrogates that were written as escapes."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if found := _SURROGATE.search(item):
                kind = "a NUL character" if found.group() == "\x00" else "a lone surrogate"
                raise StrictJsonError(f"contains {kind}")
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise StrictJsonError(f"duplicate key {quoted(key)}")
            seen.add(key)
    return result


def _int64(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else INT64_MAX + 1
    if not INT64_MIN <= value <= INT64_MAX:
        raise StrictJsonError("integer beyond 64 bits")
    return value


def _decimal(digits: str) -> Decimal:
    if len(digits) > _MAX_DECIMAL_DIGITS:
        raise StrictJsonError(f"number with more than {_MAX_DECIMAL_DIGITS} characters")
    value = Decimal(digits)
    # An exponent of a million would make the first comparison cost megabytes.
    if value and not -_MAX_DECIMAL_DIGITS <= value.adjusted() <= _MAX_DECIMAL_DIGITS:
        raise StrictJsonError("number too large or too small")
    return value


def _no_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_int64, parse_float=_decimal, parse_constant=_no_constant
)


def canonical(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN, UTF-8 unescaped.

    Floats appear only as ``dollars(cents)``: cents / 100 is correctly rounded and ``repr``
    gives its shortest form, so the two decimals are exact everywhere.

    Example:
        >>> canonical({"b": 1, "a": [True, None, "é"]})
        '{"a":[true,null,"é"],"b":1}'
    """
    return "".join(_chunks(value, 0))


def _no_default(value: Any) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


# JSONEncoder.encode() builds its C encoder anew for every value, which costs more than small values
# do; building it once is what json itself does for its default arguments.
_chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None,
    _no_default,
    json.encoder.encode_basestring,
    None,
    ":",
    ",",
    True,  # noqa: FBT003  sort_keys; the C constructor takes no keywords
    False,  # noqa: FBT003  skipkeys
    False,  # noqa: FBT003  allow_nan
)


def nulled(value: Any) -> Any:
    """Return plain JSON data in which every number is one of JSON's: NaN and infinities become None.

    Example:
        >>> nulled({"loss": float("nan"), "ends": (0.5, float("inf"))})
        {'loss': None, 'ends': [0.5, None]}
    """
    match value:
        case float():
            return value if isfinite(value) else None
        case dict():
            return {name: nulled(each) for name, each in value.items()}
        case list() | tuple():
            return [nulled(each) for each in value]
    return value


def quoted(word: str) -> str:
    """Return an agent's word as an error may repeat it: cut at 60 characters, controls escaped.

    Not ``repr``: what that escapes follows the Unicode tables of the Python at hand.
    """
    return canonical(word[:60])


def digest(data: bytes | str) -> str:
    """Return the 128-bit blake2b digest of ``data`` as 32 hex digits."""
    return blake2b(data.encode() if isinstance(data, str) else data, digest_size=16).hexdigest()


def dollars(cents: int) -> int | float:
    """Return an amount as the number that is shown: whole dollars are integers.

    Example:
        >>> dollars(12_00), dollars(12_34), dollars(-50)
        (12, 12.34, -0.5)
    """
    return cents // 100 if cents % 100 == 0 else cents / 100


def dollars_text(cents: int) -> str:
    """Return an amount as people write it.

    Example:
        >>> dollars_text(1_234_50), dollars_text(80_00), dollars_text(-5)
        ('$1,234.50', '$80', '-$0.05')
    """
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    whole = f"{cents // 100:,}"
    return f"{sign}${whole}" if cents % 100 == 0 else f"{sign}${whole}.{cents % 100:02d}"
