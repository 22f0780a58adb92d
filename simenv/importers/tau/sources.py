"""Published files, read with suspicion: shape by shape, and every fault by file and place."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from simenv.core.canonical import INT64_MAX, INT64_MIN, StrictJsonError, text_problem
from simenv.core.errors import DataError

MAX_FILE_BYTES = 256 * 1024 * 1024

Number = int | float


class _Cabins(TypedDict):
    basic_economy: int
    economy: int
    business: int


class _Day(TypedDict):
    status: Literal["available", "on time", "delayed", "flying", "landed", "cancelled"]
    available_seats: NotRequired[_Cabins]
    prices: NotRequired[_Cabins]
    actual_departure_time_est: NotRequired[str]
    actual_arrival_time_est: NotRequired[str]
    estimated_departure_time_est: NotRequired[str]
    estimated_arrival_time_est: NotRequired[str]


class _Flight(TypedDict):
    flight_number: str
    origin: str
    destination: str
    scheduled_departure_time_est: str
    scheduled_arrival_time_est: str
    dates: dict[str, _Day]


class _Person(TypedDict):
    first_name: str
    last_name: str
    dob: str


class _Name(TypedDict):
    first_name: str
    last_name: str


class _Address(TypedDict):
    address1: str
    address2: NotRequired[str | None]
    city: str
    country: str
    state: str
    zip: str


class _Method(TypedDict):
    source: Literal["credit_card", "gift_card", "certificate"]
    id: str
    brand: NotRequired[str]
    last_four: NotRequired[str]
    amount: NotRequired[Number]


class _User(TypedDict):
    name: _Name
    address: _Address
    email: str
    dob: str
    payment_methods: dict[str, _Method]
    saved_passengers: list[_Person]
    membership: Literal["regular", "silver", "gold"]
    reservations: list[str]


class _Segment(TypedDict):
    origin: str
    destination: str
    flight_number: str
    date: str
    price: Number


class _Payment(TypedDict):
    payment_id: str
    amount: Number


class _Reservation(TypedDict):
    reservation_id: str
    user_id: str
    origin: str
    destination: str
    flight_type: Literal["one_way", "round_trip"]
    cabin: Literal["basic_economy", "economy", "business"]
    flights: list[_Segment]
    passengers: list[_Person]
    payment_history: list[_Payment]
    created_at: str
    total_baggages: int
    nonfree_baggages: int
    insurance: Literal["yes", "no"]
    status: NotRequired[str | None]


class _Action(TypedDict):
    name: str
    kwargs: dict[str, Any]


class PublishedTask(TypedDict):
    """A task as published; ``actions`` are the gold calls, ``outputs`` what must be said."""

    id: int
    user_id: str
    instruction: str
    actions: list[_Action]
    outputs: list[str]


class _Function(TypedDict):
    name: str
    arguments: str


class _Call(TypedDict):
    function: _Function
    id: NotRequired[str]


class _Message(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None
    tool_calls: NotRequired[list[_Call] | None]


class Conversation(TypedDict):
    """A recorded conversation as published."""

    task_id: int
    reward: Number
    traj: list[_Message]
    trial: NotRequired[int]


SHAPES: Mapping[str, tuple[Any, Literal["forbid", "ignore"]]] = {
    "flights": (dict[str, _Flight], "forbid"),
    "users": (dict[str, _User], "forbid"),
    "reservations": (dict[str, _Reservation], "forbid"),
    "tasks": (list[PublishedTask], "forbid"),
    "conversations": (list[Conversation], "ignore"),
}
"""Kind of file to its shape, and what is done with fields that the shape does not have."""


def read_bytes(path: Path, what: str) -> bytes:
    """Return a file's bytes.

    Raises:
        DataError: If it is missing, cannot be read or is larger than 256 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DataError(path, 0, f"cannot be read ({error.strerror})", f"It must be {what}.") from None
    if len(data) > MAX_FILE_BYTES:
        raise DataError(path, 0, "is larger than 256 MiB", f"It must be {what}.")
    return data


def parse(path: Path, data: bytes, kind: str) -> Any:
    """Return the checked value of a file.

    Args:
        path: Where the bytes came from, for messages.
        data: JSON in UTF-8.
        kind: A key of ``SHAPES``.

    Raises:
        DataError: If it is not JSON, or not of that kind.
    """
    way_out = f"It must be the published {kind}.json." if kind != "conversations" else _CONVERSATIONS
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise DataError(path, 0, f"is not UTF-8 at byte {error.start}", way_out) from None
    except json.JSONDecodeError as error:
        raise DataError(path, error.lineno, f"is not JSON at column {error.colno}", way_out) from None
    except StrictJsonError as error:
        raise DataError(path, 0, str(error), way_out) from None
    except (RecursionError, ValueError):
        raise DataError(path, 0, "is nested too deeply or has a number too long", way_out) from None
    check(path, 0, value, kind, way_out)
    return value


def check(path: Path, line: int, value: Any, kind: str, way_out: str) -> None:
    """Check that a value is of a kind and can be stored.

    Raises:
        DataError: With the place of the first fault.
    """
    try:
        _validator(kind).validate_python(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:40] for part in fault["loc"][:8]) or "the whole"
        raise DataError(path, line, f"{place} {_fault(fault['type'])}", way_out) from None
    # What was recorded is only compared, never stored.
    problem = "" if kind == "conversations" else next(_unstorable(value), "")
    if problem:
        raise DataError(path, line, problem, way_out)


_CONVERSATIONS = "It must be a list of recorded conversations, each with task_id, reward and traj."
_FAULTS = {"missing": "is missing", "extra_forbidden": "is not a published field"}


def _fault(kind: str) -> str:
    return _FAULTS.get(kind, "has a value that the published format does not allow")


@cache
def _validator(kind: str) -> TypeAdapter[Any]:
    shape, extra = SHAPES[kind]
    return TypeAdapter(_configured(shape, extra))


def _configured(shape: Any, extra: Literal["forbid", "ignore"]) -> Any:
    for each in _parts(shape):
        each.__pydantic_config__ = ConfigDict(strict=True, extra=extra)
    return shape


def _parts(shape: Any) -> Iterator[Any]:
    if hasattr(shape, "__total__"):
        yield shape
        for part in shape.__annotations__.values():
            yield from _parts(part)
    for part in getattr(shape, "__args__", ()):
        yield from _parts(part)


def _unstorable(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if problem := text_problem(item):
                yield f"has a text that {problem}"
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, int) and not INT64_MIN <= item <= INT64_MAX:
            yield "has an integer beyond 64 bits"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise StrictJsonError("has an object with the same key twice")
    return result


def _no_constant(name: str) -> Any:
    raise StrictJsonError(f"holds {name}, which is not JSON")
