"""Laws of the published airline benchmark: its data survives, its tools err as published, its rewards hold.

Most tests play on a world of two customers and five flights, made here. Those about the published data
skip where it is absent; ``SIMENV_DATA`` names the folder that holds ``tau_airline``.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import parse_strict
from simenv.core.errors import DataError, ToolError
from simenv.core.image import WorldImage
from simenv.core.tools import by_name
from simenv.core.world import State, World
from simenv.importers.tau.airline_records import (
    TABLES,
    json_text,
    read_reservation,
    read_user,
    save_reservation,
)
from simenv.importers.tau.airline_rows import Source, build
from simenv.importers.tau.airline_tools import TAU_TOOLS
from simenv.importers.tau.arithmetic import calculate_text
from simenv.importers.tau.pack import Pack, import_pack, load_pack
from simenv.importers.tau.published_tool import PublishedTool
from simenv.importers.tau.quirks import QUIRKS
from simenv.importers.tau.recorded import (
    end_state,
    gold_state,
    idle_passes,
    is_error,
    load_conversations,
    play_recorded,
    published_result,
)

Json = Any

# A small benchmark in the published format


def small_files() -> dict[str, Json]:
    """Return the four files: HAT003 lands the next day, HAT005 has a day of each status."""

    def day(price: int, seats: int = 5) -> Json:
        cabins = {"basic_economy": price - 20, "economy": price, "business": price + 300}
        return {"status": "available", "available_seats": dict.fromkeys(cabins, seats), "prices": cabins}

    def flight(number: str, route: str, departs: str, arrives: str, dates: Json) -> Json:
        return {
            "flight_number": number,
            "origin": route[:3],
            "destination": route[3:],
            "scheduled_departure_time_est": departs,
            "scheduled_arrival_time_est": arrives,
            "dates": dates,
        }

    plain = {"2024-05-08": day(100), "2024-05-09": day(110), "2024-05-20": day(120), "2024-05-21": day(130)}
    odd = {
        "2024-05-10": {
            "status": "landed",
            "actual_departure_time_est": "2024-05-10T08:00:00",
            "actual_arrival_time_est": "2024-05-10T10:00:00",
        },
        "2024-05-15": {
            "status": "flying",
            "actual_departure_time_est": "2024-05-15T14:00:00",
            "estimated_arrival_time_est": "2024-05-15T17:00:00",
        },
        "2024-05-16": {
            "status": "delayed",
            "estimated_departure_time_est": "2024-05-16T09:00:00",
            "estimated_arrival_time_est": "2024-05-16T11:00:00",
        },
        "2024-05-20": day(500, seats=1),
        "2024-05-22": {"status": "cancelled"},
    }
    flights = [
        flight("HAT001", "JFKATL", "08:00:00", "10:00:00", plain),
        flight("HAT002", "ATLSEA", "11:00:00", "13:00:00", plain),
        flight("HAT003", "JFKATL", "22:00:00", "01:00:00+1", plain),
        flight("HAT004", "ATLSEA", "05:00:00", "07:00:00", plain),
        flight("HAT005", "JFKSEA", "08:00:00", "10:00:00", odd),
    ]

    def user(first: str, last: str, methods: list[Json], reservations: list[str]) -> Json:
        return {
            "name": {"first_name": first, "last_name": last},
            "address": {
                "address1": "1 Elm St",
                "address2": "Suite 2",
                "city": "Austin",
                "country": "USA",
                "state": "TX",
                "zip": "78750",
            },
            "email": f"{first.lower()}@example.com",
            "dob": "1990-01-02",
            "payment_methods": {method["id"]: method for method in methods},
            "saved_passengers": [{"first_name": "Al", "last_name": last, "dob": "1957-03-21"}],
            "membership": "gold",
            "reservations": reservations,
        }

    def card(name: str) -> Json:
        return {"source": "credit_card", "brand": "visa", "last_four": "7447", "id": name}

    def worth(source: str, name: str, amount: int) -> Json:
        return {"source": source, "amount": amount, "id": name}

    def reservation(name: str, user_id: str, payment_id: str, number: str, price: int) -> Json:
        return {
            "reservation_id": name,
            "user_id": user_id,
            "origin": "JFK",
            "destination": "ATL",
            "flight_type": "one_way",
            "cabin": "economy",
            "flights": [
                {
                    "origin": "JFK",
                    "destination": "ATL",
                    "flight_number": number,
                    "date": "2024-05-20",
                    "price": price,
                }
            ],
            "passengers": [{"first_name": "Al", "last_name": "Lee", "dob": "1957-03-21"}],
            "payment_history": [{"payment_id": payment_id, "amount": price}],
            "created_at": "2024-05-02T03:10:19",
            "total_baggages": 1,
            "nonfree_baggages": 1,
            "insurance": "no",
        }

    ann = [
        worth("certificate", "certificate_1", 100),
        card("credit_card_1"),
        worth("gift_card", "gift_card_1", 200),
        worth("certificate", "certificate_2", 50),
    ]
    return {
        "flights": {each["flight_number"]: each for each in flights},
        "users": {
            "ann_lee_1": user("Ann", "Lee", ann, ["RES002", "RES001"]),
            "bob_ray_2": user("Bob", "Ray", [card("credit_card_2")], ["RES003"]),
        },
        "reservations": {
            "RES001": reservation("RES001", "ann_lee_1", "gift_card_1", "HAT001", 90),
            "RES002": reservation("RES002", "ann_lee_1", "certificate_1", "HAT005", 95),
            "RES003": reservation("RES003", "bob_ray_2", "credit_card_2", "HAT001", 100),
        },
        "tasks": [
            {"id": 0, "user_id": "ann_lee_1", "instruction": "Book.", "actions": [GOLD], "outputs": []},
            {"id": 1, "user_id": "ann_lee_1", "instruction": "Refuse me.", "actions": [], "outputs": []},
            {
                "id": 2,
                "user_id": "bob_ray_2",
                "instruction": "Ask.",
                "actions": [LOOK],
                "outputs": ["1200", "Al"],
            },
        ],
    }


BOOKING: dict[str, Json] = {
    "user_id": "ann_lee_1",
    "origin": "JFK",
    "destination": "ATL",
    "flight_type": "one_way",
    "cabin": "economy",
    "flights": [{"flight_number": "HAT001", "date": "2024-05-20"}],
    "passengers": [{"first_name": "Ann", "last_name": "Lee", "dob": "1990-01-02"}],
    "payment_methods": [{"payment_id": "credit_card_1", "amount": 120}],
    "total_baggages": 0,
    "nonfree_baggages": 0,
    "insurance": "no",
}
GOLD = {"name": "book_reservation", "kwargs": BOOKING}
LOOK = {"name": "get_user_details", "kwargs": {"user_id": "bob_ray_2"}}
CHANGE: dict[str, Json] = {
    "reservation_id": "RES001",
    "cabin": "economy",
    "flights": [{"flight_number": "HAT001", "date": "2024-05-21"}],
    "payment_id": "credit_card_1",
}
BAGS: dict[str, Json] = {
    "reservation_id": "RES001",
    "total_baggages": 3,
    "nonfree_baggages": 2,
    "payment_id": "credit_card_1",
}


def write_files(folder: Path, files: dict[str, Json]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


@pytest.fixture(scope="module")
def small_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder = write_files(tmp_path_factory.mktemp("small"), small_files())
    import_pack(folder, folder / "small.jsonl.gz")
    return load_pack(folder / "small.jsonl.gz")


@pytest.fixture(scope="module")
def small_image(small_pack: Pack) -> WorldImage:
    return small_pack.image


@pytest.fixture
def world(small_image: WorldImage) -> Iterator[World]:
    opened = small_image.open()
    yield opened
    opened.close()


def call(world: World, name: str, **arguments: Json) -> Json:
    """Return what a call gives, its JSON read."""
    result = published_result(world, name, arguments)
    return json.loads(result) if result and result[0] in "[{" else result


def balance(world: World, payment_id: str, user_id: str = "ann_lee_1") -> Json:
    return call(world, "get_user_details", user_id=user_id)["payment_methods"][payment_id]["amount"]


# Every refusal, with its words

REFUSALS: tuple[tuple[str, dict[str, Json], str], ...] = (
    ("get_user_details", {"user_id": "nobody"}, "user not found"),
    ("get_user_details", {"user_id": 7}, "user not found"),
    ("get_user_details", {"user_id": None}, "user not found"),
    ("get_user_details", {"user_id": "\ud800"}, "user not found"),
    ("get_user_details", {"user_id": []}, "unhashable type: 'list'"),
    ("get_user_details", {}, "GetUserDetails.invoke() missing 1 required positional argument: 'user_id'"),
    (
        "get_user_details",
        {"id": "ann_lee_1"},
        "GetUserDetails.invoke() got an unexpected keyword argument 'id'",
    ),
    (
        "send_certificate",
        {},
        "SendCertificate.invoke() missing 2 required positional arguments: 'user_id' and 'amount'",
    ),
    (
        "search_direct_flight",
        {},
        "SearchDirectFlight.invoke() missing 3 required positional arguments: "
        "'origin', 'destination', and 'date'",
    ),
    ("get_reservation_details", {"reservation_id": "NOPE"}, "user not found"),
    ("cancel_reservation", {"reservation_id": "NOPE"}, "reservation not found"),
    ("send_certificate", {"user_id": "nobody", "amount": 5}, "user not found"),
    ("calculate", {"expression": "2 + x"}, "invalid characters in expression"),
    ("calculate", {"expression": "2 +"}, "invalid syntax"),
    ("calculate", {"expression": ""}, "invalid syntax"),
    ("calculate", {"expression": "007"}, "invalid syntax"),
    ("calculate", {"expression": "2(3)"}, "not a number"),
    ("calculate", {"expression": "..."}, ""),
    ("calculate", {"expression": "1/0"}, "division by zero"),
    ("calculate", {"expression": "9**9**9"}, "number too large"),
    ("calculate", {"expression": "(-8)**.5"}, ""),
    ("calculate", {"expression": 5}, ""),
    ("calculate", {"expression": "(" * 500 + "1" + ")" * 500}, ""),
    ("search_direct_flight", {"origin": "JFK", "destination": "ATL", "date": ["2024-05-20"]}, ""),
    ("search_onestop_flight", {"origin": "JFK", "destination": "SEA", "date": "May"}, ""),
    ("search_onestop_flight", {"origin": "JFK", "destination": "SEA", "date": 20}, ""),
    ("book_reservation", {**BOOKING, "user_id": "nobody"}, "user not found"),
    (
        "book_reservation",
        {**BOOKING, "flights": [{"flight_number": "HAT999", "date": "2024-05-20"}]},
        "flight HAT999 not found",
    ),
    (
        "book_reservation",
        {**BOOKING, "flights": [{"flight_number": "HAT001", "date": "2024-06-01"}]},
        "flight HAT001 not found on date 2024-06-01",
    ),
    *(
        (
            "book_reservation",
            {**BOOKING, "flights": [{"flight_number": "HAT005", "date": date}]},
            f"flight HAT005 not available on date {date}",
        )
        for date in ("2024-05-10", "2024-05-15", "2024-05-16", "2024-05-22")
    ),
    (
        "book_reservation",
        {
            **BOOKING,
            "flights": [{"flight_number": "HAT005", "date": "2024-05-20"}],
            "passengers": BOOKING["passengers"] * 2,
        },
        "not enough seats on flight HAT005",
    ),
    ("book_reservation", {**BOOKING, "cabin": "first"}, "'first'"),
    ("book_reservation", {**BOOKING, "cabin": []}, ""),
    ("book_reservation", {**BOOKING, "flights": [{"date": "2024-05-20"}]}, "'flight_number'"),
    ("book_reservation", {**BOOKING, "flights": [{"flight_number": "HAT001"}]}, "'date'"),
    ("book_reservation", {**BOOKING, "flights": ["HAT001"]}, ""),
    ("book_reservation", {**BOOKING, "flights": None}, "'NoneType' object is not iterable"),
    ("book_reservation", {**BOOKING, "passengers": 1}, "object of type 'int' has no len()"),
    ("book_reservation", {**BOOKING, "nonfree_baggages": "0"}, ""),
    ("book_reservation", {**BOOKING, "nonfree_baggages": None}, ""),
    ("book_reservation", {**BOOKING, "payment_methods": [{"amount": 120}]}, "'payment_id'"),
    ("book_reservation", {**BOOKING, "payment_methods": [{"payment_id": "credit_card_1"}]}, "'amount'"),
    (
        "book_reservation",
        {**BOOKING, "payment_methods": [{"payment_id": "credit_card_1", "amount": "9"}]},
        "",
    ),
    (
        "book_reservation",
        {**BOOKING, "payment_methods": [{"payment_id": "credit_card_2", "amount": 120}]},
        "payment method credit_card_2 not found",
    ),
    (
        "book_reservation",
        {**BOOKING, "payment_methods": [{"payment_id": "certificate_1", "amount": 120}]},
        "not enough balance in payment method certificate_1",
    ),
    (
        "book_reservation",
        {**BOOKING, "payment_methods": [{"payment_id": "gift_card_1", "amount": 200.5}]},
        "not enough balance in payment method gift_card_1",
    ),
    (
        "book_reservation",
        {**BOOKING, "insurance": "yes", "nonfree_baggages": 1},
        "payment amount does not add up, total price is 200, but paid 120",
    ),
    ("book_reservation", {**BOOKING, "payment_methods": []}, ""),
    ("update_reservation_baggages", {**BAGS, "reservation_id": "NOPE"}, "reservation not found"),
    ("update_reservation_baggages", {**BAGS, "nonfree_baggages": "2"}, ""),
    ("update_reservation_baggages", {**BAGS, "payment_id": "credit_card_2"}, "payment method not found"),
    ("update_reservation_baggages", {**BAGS, "payment_id": {}}, ""),
    (
        "update_reservation_baggages",
        {**BAGS, "payment_id": "certificate_1"},
        "certificate cannot be used to update reservation",
    ),
    (
        "update_reservation_baggages",
        {**BAGS, "nonfree_baggages": 6, "payment_id": "gift_card_1"},
        "gift card balance is not enough",
    ),
    ("update_reservation_flights", {**CHANGE, "reservation_id": "NOPE"}, "reservation not found"),
    ("update_reservation_flights", {**CHANGE, "cabin": "first"}, "'first'"),
    ("update_reservation_flights", {**CHANGE, "payment_id": "gift_card_9"}, "payment method not found"),
    (
        "update_reservation_flights",
        {**CHANGE, "payment_id": "certificate_1"},
        "certificate cannot be used to update reservation",
    ),
    (
        "update_reservation_flights",
        {**CHANGE, "cabin": "business", "payment_id": "gift_card_1"},
        "gift card balance is not enough",
    ),
    (
        "update_reservation_flights",
        {**CHANGE, "flights": [{"flight_number": "HAT005", "date": "2024-05-22"}]},
        "flight HAT005 not available on date 2024-05-22",
    ),
    ("update_reservation_flights", {**CHANGE, "flights": [{"flight_number": "HAT001"}]}, "'date'"),
    ("update_reservation_passengers", {"reservation_id": "NOPE", "passengers": []}, "reservation not found"),
    (
        "update_reservation_passengers",
        {"reservation_id": "RES001", "passengers": []},
        "number of passengers does not match",
    ),
    ("update_reservation_passengers", {"reservation_id": "RES001", "passengers": None}, ""),
)
"""Tool, arguments, and the published words; "" where the words are Python's and may change with it."""


@pytest.mark.parametrize(("name", "arguments", "words"), REFUSALS)
def test_every_refusal_has_the_published_words_and_leaves_no_trace(
    world: World, name: str, arguments: dict[str, Json], words: str
) -> None:
    result = published_result(world, name, arguments)
    assert is_error(result)
    assert result == f"Error: {words}" or not words
    assert world.state == State()


@pytest.mark.parametrize("name", ["get_flight_status", "", "Think", "respond"])
def test_a_tool_that_was_never_published_is_an_error(world: World, name: str) -> None:
    assert published_result(world, name, {}) == f"Unknown action {name}"


@pytest.mark.parametrize("arguments", [None, [], "RES001", 5])
@pytest.mark.parametrize("tool", TAU_TOOLS, ids=lambda tool: tool.name)
def test_arguments_that_are_no_object_are_an_error(
    world: World, tool: PublishedTool, arguments: Json
) -> None:
    assert is_error(published_result(world, tool.name, arguments))


@pytest.mark.parametrize("tool", TAU_TOOLS, ids=lambda tool: tool.name)
def test_a_published_tool_describes_its_arguments(tool: PublishedTool) -> None:
    described = tool.schema["function"]
    assert described["description"]
    assert described["parameters"]["required"] == list(tool.parameters)
    assert "world" not in tool.parameters


def test_numbers_read_strictly_are_the_numbers_that_were_published(world: World) -> None:
    """An episode's parser gives ``Decimal`` where the published one gives a float."""
    sent = by_name(TAU_TOOLS)["send_certificate"]
    said = sent.call(world, parse_strict('{"user_id": "ann_lee_1", "amount": 50.50}'))
    assert said.endswith("with amount 50.5.")
    assert balance(world, "certificate_3221322") == 50.5


# Every quirk

Shown = Callable[[World], None]
SHOWN: dict[str, Shown] = {}


def shows(function: Shown) -> Shown:
    SHOWN[function.__name__] = function
    return function


@shows
def loose_arguments(world: World) -> None:
    passenger = {"first_name": "Ann", "seat": ["4A", None]}
    paid = [{"payment_id": "credit_card_1", "amount": 120.0, "source": "credit_card"}]
    record = call(
        world, "book_reservation", **{**BOOKING, "passengers": [passenger], "payment_methods": paid}
    )
    assert record["passengers"] == [passenger]
    assert json_text(record["payment_history"]) == json_text(paid)
    assert json_text(call(world, "get_reservation_details", reservation_id="HATHAT")) == json_text(record)
    exact = end_state(world)
    world.play(State())
    call(
        world,
        "book_reservation",
        **{
            **BOOKING,
            "passengers": [passenger],
            "payment_methods": [{**paid[0], "amount": 120}],
        },
    )
    assert end_state(world) != exact, "the published digest tells 120 from 120.0"


@shows
def booking_ids(world: World) -> None:
    ids = [call(world, "book_reservation", **BOOKING)["reservation_id"] for _ in range(3)]
    assert ids == ["HATHAT", "HATHAU", "HATHAV"]
    bob = {
        **BOOKING,
        "user_id": "bob_ray_2",
        "payment_methods": [{"payment_id": "credit_card_2", "amount": 120}],
    }
    assert call(world, "book_reservation", **bob)["reservation_id"] == "HATHAV"
    assert call(world, "book_reservation", **bob)["reservation_id"] == "HATHAV"
    ann = call(world, "get_user_details", user_id="ann_lee_1")
    assert ann["reservations"] == ["RES002", "RES001", "HATHAT", "HATHAU", "HATHAV"]
    assert call(world, "get_user_details", user_id="bob_ray_2")["reservations"] == [
        "RES003",
        "HATHAV",
        "HATHAV",
    ]
    assert call(world, "get_reservation_details", reservation_id="HATHAV")["user_id"] == "bob_ray_2"


@shows
def booking_keeps_seats(world: World) -> None:
    before = call(world, "search_direct_flight", origin="JFK", destination="ATL", date="2024-05-20")
    call(world, "book_reservation", **BOOKING)
    assert call(world, "search_direct_flight", origin="JFK", destination="ATL", date="2024-05-20") == before


@shows
def certificate_spent_whole(world: World) -> None:
    paid = [{"payment_id": "certificate_1", "amount": 71}, {"payment_id": "certificate_2", "amount": 49}]
    call(world, "book_reservation", **{**BOOKING, "payment_methods": paid})
    methods = call(world, "get_user_details", user_id="ann_lee_1")["payment_methods"]
    assert list(methods) == ["credit_card_1", "gift_card_1"]


@shows
def certificate_named_twice(world: World) -> None:
    paid = [
        {"payment_id": "gift_card_1", "amount": 50},
        {"payment_id": "certificate_1", "amount": 35},
        {"payment_id": "certificate_1", "amount": 35},
    ]
    result = call(world, "book_reservation", **{**BOOKING, "payment_methods": paid})
    assert result == "Error: 'certificate_1'"
    user = call(world, "get_user_details", user_id="ann_lee_1")
    assert "certificate_1" not in user["payment_methods"]
    assert balance(world, "gift_card_1") == 150
    assert user["reservations"] == ["RES002", "RES001"]
    assert call(world, "get_reservation_details", reservation_id="HATHAT") == "Error: user not found"


@shows
def balance_checked_per_payment(world: World) -> None:
    paid = [{"payment_id": "gift_card_1", "amount": 180}, {"payment_id": "gift_card_1", "amount": 180}]
    booking = {**BOOKING, "passengers": BOOKING["passengers"] * 3, "payment_methods": paid}
    assert not is_error(published_result(world, "book_reservation", booking))
    assert balance(world, "gift_card_1") == -160


@shows
def negative_amounts(world: World) -> None:
    paid = [{"payment_id": "gift_card_1", "amount": -380}]
    booking = {**BOOKING, "nonfree_baggages": -10, "payment_methods": paid}
    assert not is_error(published_result(world, "book_reservation", booking))
    assert balance(world, "gift_card_1") == 580


@shows
def unchecked_words(world: World) -> None:
    booking = {**BOOKING, "flight_type": "loop", "insurance": "No", "origin": "Paris", "destination": 5}
    record = call(world, "book_reservation", **booking)
    assert [record[part] for part in ("flight_type", "insurance", "origin", "destination")] == [
        "loop",
        "No",
        "Paris",
        5,
    ]
    assert call(world, "get_reservation_details", reservation_id="HATHAT") == record


@shows
def cancel_repeats(world: World) -> None:
    call(world, "cancel_reservation", reservation_id="RES001")
    record = call(world, "cancel_reservation", reservation_id="RES001")
    assert [paid["amount"] for paid in record["payment_history"]] == [90, -90, -90, 90]
    assert record["status"] == "cancelled"


@shows
def cancel_pays_nobody(world: World) -> None:
    call(world, "cancel_reservation", reservation_id="RES001")
    assert balance(world, "gift_card_1") == 200
    assert {table for table, _ in world.state.net} == {"reservations", "payments"}


@shows
def cabin_not_stored(world: World) -> None:
    record = call(world, "update_reservation_flights", **{**CHANGE, "cabin": "business"})
    assert (record["cabin"], record["flights"][0]["price"]) == ("economy", 430)
    assert record["payment_history"][-1] == {"payment_id": "credit_card_1", "amount": 340}


@shows
def kept_flight_unchecked(world: World) -> None:
    world.write("UPDATE flight_days SET status = 'flying' WHERE flight_number = 'HAT001'")
    world.fold()
    flights = [{"flight_number": "HAT001", "date": "2024-05-20"}]
    record = call(world, "update_reservation_flights", **{**CHANGE, "flights": flights})
    assert record["flights"][0]["price"] == 90
    assert len(record["payment_history"]) == 1
    assert (
        is_error(published_result(world, "update_reservation_flights", {**CHANGE, "flights": flights * 2}))
        is False
    )
    assert is_error(
        published_result(
            world, "update_reservation_flights", {**CHANGE, "cabin": "business", "flights": flights}
        )
    )


@shows
def cheaper_flights_credit(world: World) -> None:
    cheap = {**CHANGE, "reservation_id": "RES002", "cabin": "basic_economy", "payment_id": "gift_card_1"}
    cheap["flights"] = [{"flight_number": "HAT001", "date": "2024-05-08"}]
    record = call(world, "update_reservation_flights", **cheap)
    assert record["payment_history"][-1] == {"payment_id": "gift_card_1", "amount": -15}
    assert balance(world, "gift_card_1") == 215
    assert "fares" not in {table for table, _ in world.state.net}


@shows
def payment_needed_for_nothing(world: World) -> None:
    free = {**BAGS, "nonfree_baggages": 1}
    assert is_error(published_result(world, "update_reservation_baggages", {**free, "payment_id": "none"}))
    assert is_error(
        published_result(world, "update_reservation_baggages", {**free, "payment_id": "certificate_1"})
    )
    assert len(call(world, "update_reservation_baggages", **free)["payment_history"]) == 1


@shows
def bags_go_down(world: World) -> None:
    record = call(
        world, "update_reservation_baggages", **{**BAGS, "total_baggages": 0, "nonfree_baggages": -1}
    )
    assert (record["nonfree_baggages"], len(record["payment_history"])) == (-1, 1)
    record = call(world, "update_reservation_baggages", **{**BAGS, "payment_id": "gift_card_1"})
    assert record["payment_history"][-1] == {"payment_id": "gift_card_1", "amount": 150}


@shows
def nobody_is_checked(world: World) -> None:
    record = call(world, "update_reservation_passengers", reservation_id="RES001", passengers=[{"name": "?"}])
    assert record["passengers"] == [{"name": "?"}]


@shows
def any_certificate(world: World) -> None:
    said = call(world, "send_certificate", user_id="ann_lee_1", amount=-500.0)
    assert said == "Certificate certificate_3221322 added to user ann_lee_1 with amount -500.0."
    call(world, "send_certificate", user_id="ann_lee_1", amount="lots")
    assert balance(world, "certificate_3221323") == "lots"
    call(world, "send_certificate", user_id="bob_ray_2", amount=7)
    assert balance(world, "certificate_3221322", "bob_ray_2") == 7


@shows
def fourth_certificate(world: World) -> None:
    for _ in range(3):
        call(world, "send_certificate", user_id="ann_lee_1", amount=5)
    before = end_state(world)
    assert published_result(world, "send_certificate", {"user_id": "ann_lee_1", "amount": 5}) is None
    assert end_state(world) == before


def overnight(world: World, date: str) -> list[Json]:
    found = call(world, "search_onestop_flight", origin="JFK", destination="SEA", date=date)
    return [pair for pair in found if pair[0]["flight_number"] == "HAT003"]


@shows
def overnight_date(world: World) -> None:
    assert [pair[1]["date"] for pair in overnight(world, "2024-05-20")] == ["2024-05-21", "2024-05-21"]
    assert overnight(world, "2024-05-08") == []


@shows
def overnight_fares(world: World) -> None:
    assert [pair[1]["prices"]["economy"] for pair in overnight(world, "2024-05-20")] == [120, 120]


@shows
def wrong_not_found(world: World) -> None:
    assert call(world, "get_reservation_details", reservation_id="NOPE") == "Error: user not found"


@shows
def airports_as_object(world: World) -> None:
    airports = call(world, "list_all_airports")
    assert (len(airports), airports["JFK"], airports["LGA"]) == (20, "New York", "LaGuardia")


@shows
def calculator_text(world: World) -> None:
    assert call(world, "calculate", expression="2 * (350 - 122)") == "456.0"
    assert call(world, "calculate", expression=" 2**0.5") == "1.41"
    assert is_error(call(world, "calculate", expression="9**9**9"))


@shows
def think(world: World) -> None:
    assert published_result(world, "think", {"thought": "hm"}) == ""
    assert world.state == State()


@shows
def transfer_leaves_no_row(world: World) -> None:
    assert call(world, "transfer_to_human_agents", summary="help") == "Transfer successful"
    assert world.state == State()


def test_every_quirk_is_shown_and_named_once() -> None:
    assert sorted(SHOWN) == sorted(quirk.id for quirk in QUIRKS)


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.id)
def test_the_published_tools_have_the_quirk(quirk: Any, world: World) -> None:
    assert quirk.tool == "*" or quirk.tool in by_name(TAU_TOOLS)
    SHOWN[quirk.id](world)


NATIVE_REFUSES: tuple[tuple[str, dict[str, Json]], ...] = (
    ("book_reservation", {**BOOKING, "flights": [{**BOOKING["flights"][0], "price": 1}]}),
    ("book_reservation", {**BOOKING, "insurance": "No"}),
    ("send_certificate", {"user_id": "ann_lee_1", "amount": -5}),
    ("update_reservation_baggages", {**BAGS, "nonfree_baggages": -1}),
    ("calculate", {"expression": "2**3"}),
)
"""Calls that the published tools carry out, wholly or to their arithmetic, and a native tool refuses."""


@pytest.mark.parametrize(("name", "arguments"), NATIVE_REFUSES)
def test_a_native_tool_refuses_what_the_published_one_takes(
    world: World, name: str, arguments: dict[str, Json]
) -> None:
    native = by_name(pytest.importorskip("simenv.domains.airline").DOMAIN.tools)
    assert "think" not in native
    with pytest.raises(ToolError):
        native[name].call(world, arguments)


# What is stored comes back

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.just("\ud800\x00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LOOSE_FIELDS = (
    "origin",
    "destination",
    "flight_type",
    "cabin",
    "flights",
    "passengers",
    "payment_history",
    "total_baggages",
    "nonfree_baggages",
    "insurance",
    "status",
)


@given(st.lists(st.dictionaries(st.sampled_from(LOOSE_FIELDS), ANYTHING), min_size=1, max_size=3))
def test_whatever_json_a_reservation_holds_reads_back_the_same(
    small_image: WorldImage, changes: list[dict[str, Json]]
) -> None:
    world = small_image.open()
    for change in changes:
        record = {**(read_reservation(world, "RES001") or {}), **change}
        save_reservation(world, record)
        assert json_text(read_reservation(world, "RES001")) == json_text(record)
    save_reservation(world, small_files()["reservations"]["RES001"])
    world.fold()
    assert world.state.net == {}, "the same record has the same rows, whatever came between"
    world.close()


@given(st.floats(-1e6, 1e6) | st.integers(-(10**9), 10**9))
def test_the_calculator_writes_a_number_as_published(number: float) -> None:
    expression = f"{number:f}"
    assert calculate_text(expression) == str(round(float(expression), 2))


@given(st.text("0123456789+-*/(). ", max_size=30))
def test_the_calculator_always_ends_with_a_number_or_a_refusal(expression: str) -> None:
    try:
        float(calculate_text(expression))
    except (ValueError, ArithmeticError, TypeError):
        return


# Files


def test_equal_sources_make_equal_packs(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", small_files())
    for name in ("a", "b"):
        import_pack(folder, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_pack_holds_what_was_imported(small_pack: Pack, tmp_path: Path) -> None:
    source = Source(write_files(tmp_path / "in", small_files()))
    assert small_pack.image.digest == build(source.rows(), source.digests).digest
    assert small_pack.image.address[0] == "airline+tau"
    assert list(small_pack.tasks) == small_files()["tasks"]
    assert small_pack.header["counts"]["tasks"] == 3


def spoil(path: str, value: Json) -> Callable[[dict[str, Json]], None]:
    def change(files: dict[str, Json]) -> None:
        *way, last = path.split("/")
        part: Json = files
        for step in way:
            part = part[int(step) if isinstance(part, list) else step]
        part[last] = value

    return change


SPOILED = (
    "flights/HAT001/flight_number",
    "flights/HAT001/scheduled_arrival_time_est",
    "flights/HAT001/scheduled_departure_time_est",
    "flights/HAT001/dates/2024-05-20/status",
    "flights/HAT001/dates/2024-05-20/prices",
    "flights/HAT001/dates/2024-05-20/prices/economy",
    "flights/HAT001/unheard",
    "users/ann_lee_1/payment_methods/gift_card_1/id",
    "users/ann_lee_1/payment_methods/gift_card_1/amount",
    "users/ann_lee_1/payment_methods/gift_card_1/brand",
    "users/ann_lee_1/payment_methods/gift_card_1/source",
    "users/ann_lee_1/membership",
    "users/ann_lee_1/name",
    "users/ann_lee_1/reservations",
    "reservations/RES001/user_id",
    "reservations/RES001/reservation_id",
    "reservations/RES001/total_baggages",
    "reservations/RES001/cabin",
    "tasks/0/id",
    "tasks/0/instruction",
    "tasks/0/actions",
)


@pytest.mark.parametrize("path", SPOILED)
@pytest.mark.parametrize(
    "value", ["\ud800", 0.001, None, ["RES003"]], ids=["surrogate", "fraction", "null", "list"]
)
def test_a_foreign_value_is_named_with_its_file(path: str, value: Json, tmp_path: Path) -> None:
    files = small_files()
    spoil(path, value)(files)
    folder = write_files(tmp_path / "in", files)
    with pytest.raises(DataError) as caught:
        import_pack(folder, tmp_path / "out")
    assert caught.value.path.endswith(".json")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"\xff",
        b"NaN",
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"x": ' + b" " * 1_000_000,
    ],
    ids=lambda data: repr(data[:8]),
)
@pytest.mark.parametrize("name", ["flights", "reservations", "users", "tasks"])
def test_a_file_that_is_not_the_published_one_is_refused(name: str, data: bytes, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", small_files())
    (folder / f"{name}.json").write_bytes(data)
    with pytest.raises(DataError) as caught:
        import_pack(folder, tmp_path / "out")
    assert caught.value.path.endswith((f"{name}.json", "tasks.json", "users.json", "reservations.json"))


def test_a_missing_folder_file_or_target_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"flights\.json.*published"):
        import_pack(tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="cannot be read"):
        load_pack(tmp_path / "out")
    folder = write_files(tmp_path / "in", small_files())
    with pytest.raises(DataError, match="cannot be written"):
        import_pack(folder, tmp_path / "nowhere" / "out")


def repacked(lines: list[str]) -> bytes:
    return gzip.compress("\n".join(lines).encode())


def forged(lines: list[str], old: str, new: str) -> list[str]:
    assert any(old in line for line in lines)
    return [line.replace(old, new) for line in lines]


FORGERIES: dict[str, Callable[[list[str]], bytes]] = {
    "not gzip": lambda lines: "\n".join(lines).encode(),
    "empty": lambda lines: b"",
    "no text": lambda lines: gzip.compress(b""),
    "cut off": lambda lines: repacked(lines)[:-20],
    "a tail": lambda lines: repacked(lines) + b"x",
    "lines lost": lambda lines: repacked([*lines[:-2], ""]),
    "no header": lambda lines: repacked(lines[1:]),
    "only a header": lambda lines: repacked(lines[:1]),
    "another version": lambda lines: repacked(forged(lines, '"version":1', '"version":2')),
    "another format": lambda lines: repacked(forged(lines, "simenv-tau-pack", "simenv-pack")),
    "no digests": lambda lines: repacked(forged(lines, '"digests"', '"digest"')),
    "more tasks": lambda lines: repacked(forged(lines, '"tasks":3', '"tasks":4000000')),
    "a price": lambda lines: repacked(forged(lines, ",12000]", ",100]")),
    "a task": lambda lines: repacked(forged(lines, "Refuse me", "Pay me")),
    "a source": lambda lines: repacked(forged(lines, '"world":"', '"world":"0')),
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda name: name)
def test_a_forged_or_broken_pack_is_refused(forgery: str, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", small_files())
    import_pack(folder, tmp_path / "pack")
    lines = gzip.decompress((tmp_path / "pack").read_bytes()).decode().split("\n")
    (tmp_path / "pack").write_bytes(FORGERIES[forgery](lines))
    with pytest.raises(DataError) as caught:
        load_pack(tmp_path / "pack")
    assert "simenv import tau" in str(caught.value)


# Rewards


def talk(*messages: Json, task_id: int = 0, reward: float = 1.0) -> Json:
    return {"task_id": task_id, "reward": reward, "traj": list(messages), "info": {}, "trial": 0}


def acts(name: str, arguments: Json, result: str | None, content: str | None = None) -> list[Json]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return [
        {"role": "assistant", "content": content, "tool_calls": [{"id": "c", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "name": name, "content": result},
    ]


def says(text: str) -> Json:
    return {"role": "assistant", "content": text}


STOPS = {"role": "user", "content": "Thanks. ###STOP###"}
TRANSFERS = acts("transfer_to_human_agents", {"summary": ""}, "Transfer successful")


def rewarded(pack: Pack, *messages: Json, task_id: int = 0) -> bool:
    played = play_recorded(pack, [talk(*messages, task_id=task_id)])
    return bool(played["rewards_equal"] == 1)


def booked(world: World) -> list[Json]:
    result = published_result(world, "book_reservation", BOOKING)
    return acts("book_reservation", BOOKING, result)


def test_the_gold_state_earns_if_the_talk_ended(small_pack: Pack, world: World) -> None:
    calls = booked(world)
    assert rewarded(small_pack, *calls, STOPS)
    assert rewarded(small_pack, *calls, *TRANSFERS)
    assert not rewarded(small_pack, *calls)
    assert not rewarded(small_pack, *calls, says("###STOP###"))
    assert not rewarded(small_pack, STOPS)
    assert not rewarded(small_pack, *calls, *calls, STOPS)


def test_reads_and_refused_calls_cost_nothing(small_pack: Pack, world: World) -> None:
    look = acts("get_user_details", {"user_id": "x"}, "Error: user not found")
    assert rewarded(small_pack, *look, *booked(world), *look, STOPS)


def test_outputs_must_be_said_without_a_call(small_pack: Pack) -> None:
    with_call = acts("think", {"thought": "1200 al"}, "", "It is 1200, Al.")
    assert rewarded(small_pack, says("That is $1,200 in ALL."), STOPS, task_id=2)
    assert rewarded(small_pack, says("1200"), says("Pal"), STOPS, task_id=2)
    assert not rewarded(small_pack, says("1200"), STOPS, task_id=2)
    assert not rewarded(small_pack, *with_call, STOPS, task_id=2)


def test_a_result_differs_if_its_json_does(small_pack: Pack) -> None:
    def equal(name: str, arguments: Json, result: str | None) -> int:
        played = play_recorded(small_pack, [talk(*acts(name, arguments, result), STOPS)])
        return int(played["calls_equal"])

    bob = json.dumps(small_files()["users"]["bob_ray_2"])
    who = {"user_id": "bob_ray_2"}
    assert equal("get_user_details", who, bob) == 1
    assert equal("get_user_details", who, json.dumps(json.loads(bob), sort_keys=True, indent=1)) == 1
    assert equal("get_user_details", who, bob.replace('"state"', '"province"')) == 1
    assert equal("get_user_details", who, bob.replace("TX", "NY")) == 0
    assert equal("get_user_details", who, "Error: user not found") == 0
    assert equal("get_user_details", {}, "Error: some other words") == 1
    assert equal("get_flight_status", {}, "Unknown action get_flight_status") == 1
    assert equal("think", {"thought": ""}, "") == 1
    assert equal("think", {"thought": ""}, None) == 0


def test_differences_are_reported_with_the_conversation(small_pack: Pack) -> None:
    lines: list[str] = []
    play_recorded(
        small_pack, [talk(*acts("think", {"thought": ""}, "?"), reward=1, task_id=1)], report=lines.append
    )
    assert [line.split(":")[0] for line in lines] == ["conversation 0 (task 1)"] * 2


def test_pass_hat_is_the_mean_over_tasks(small_pack: Pack) -> None:
    talks = [talk(STOPS, task_id=task_id) for task_id in (0, 0, 1, 1)] + [talk(STOPS, task_id=1)]
    assert play_recorded(small_pack, talks)["pass_hat"] == [0.5, 0.5]
    assert play_recorded(small_pack, [])["pass_hat"] == []


def test_idle_passes_where_nothing_is_written_or_said(small_pack: Pack) -> None:
    assert idle_passes(small_pack) == [1]


def test_the_order_of_payment_methods_is_no_difference(small_pack: Pack, world: World) -> None:
    spend = {
        **BOOKING,
        "payment_methods": [
            {"payment_id": "certificate_2", "amount": 50},
            {"payment_id": "credit_card_1", "amount": 70},
        ],
    }
    orders = [("send_certificate", {"user_id": "ann_lee_1", "amount": 5}), ("book_reservation", spend)]
    states = []
    for order in (orders, orders[::-1]):
        world.play(State())
        for name, arguments in order:
            published_result(world, name, arguments)
        states.append(end_state(world))
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[5]",
        '[{"task_id": 0}]',
        '[{"task_id": "0", "reward": 1, "traj": []}]',
        "[",
        '[{"a": 1, "a": 2}]',
    ],
)
def test_foreign_conversations_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "talks.json").write_text(text)
    with pytest.raises(DataError, match="recorded conversations"):
        load_conversations(tmp_path / "talks.json")


def test_a_conversation_about_an_unknown_task_is_refused(small_pack: Pack) -> None:
    with pytest.raises(DataError, match="task 7"):
        play_recorded(small_pack, [talk(STOPS, task_id=7)])


# The published data


def data_folder() -> Path:
    named = os.environ.get("SIMENV_DATA")
    root = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = root / "tau_airline"
    if not folder.is_dir():
        pytest.skip(f"the published data is absent: {folder}")
    return folder


@pytest.fixture(scope="module")
def published_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    path = tmp_path_factory.mktemp("published") / "airline.jsonl.gz"
    import_pack(data_folder(), path)
    return load_pack(path)


@pytest.fixture(scope="module")
def published_files(published_pack: Pack) -> dict[str, Json]:
    names = ("flights", "reservations", "users")
    return {name: json.loads((data_folder() / f"{name}.json").read_text()) for name in names}


@pytest.fixture(scope="module")
def published_world(published_pack: Pack) -> Iterator[World]:
    opened = published_pack.image.open()
    yield opened
    opened.close()


def test_every_published_record_survives(published_world: World, published_files: dict[str, Json]) -> None:
    users, reservations = published_files["users"], published_files["reservations"]
    assert {name: read_user(published_world, name) for name in users} == users
    assert {name: read_reservation(published_world, name) for name in reservations} == reservations
    first = next(iter(users))
    order = list(users[first]["payment_methods"])
    assert list((read_user(published_world, first) or {})["payment_methods"]) == order
    assert published_world.rows("SELECT * FROM verbatim") == []


def test_every_published_flight_day_survives(
    published_world: World, published_files: dict[str, Json]
) -> None:
    times = "departed_at, arrived_at, estimated_departure, estimated_arrival"
    sql = f"SELECT flight_number, date, status, {times} FROM flight_days"
    fields = [
        f"{kind}_{end}_time_est" for kind in ("actual", "estimated") for end in ("departure", "arrival")
    ]
    expected = [
        (number, date, day["status"], *map(day.get, fields))
        for number, flight in published_files["flights"].items()
        for date, day in flight["dates"].items()
    ]
    assert sorted(map(str, published_world.rows(sql))) == sorted(map(str, expected))


def test_every_direct_search_answers_as_published(
    published_world: World, published_files: dict[str, Json]
) -> None:
    flights = published_files["flights"].values()
    published_world.play(State())
    for origin, destination in sorted({(each["origin"], each["destination"]) for each in flights}):
        route = [each for each in flights if (each["origin"], each["destination"]) == (origin, destination)]
        for date in (f"2024-05-{day:02d}" for day in range(15, 32)):
            expected = [
                {**{part: each[part] for part in each if part != "dates"}, **each["dates"][date]}
                for each in route
                if each["dates"].get(date, {}).get("status") == "available"
            ]
            found = call(
                published_world, "search_direct_flight", origin=origin, destination=destination, date=date
            )
            assert found == expected


def test_the_recorded_conversations_play_out_as_recorded(published_pack: Pack) -> None:
    lines: list[str] = []
    conversations = load_conversations(data_folder() / "trajectories_dev.json")
    played = play_recorded(published_pack, conversations, report=lines.append)
    assert lines == []
    assert (played["calls"], played["calls_equal"]) == (274, 274)
    assert (played["rewards"], played["rewards_equal"]) == (40, 40)
    assert played["pass_hat"] == [0.125, 0.0, 0.0, 0.0]


def test_an_idle_agent_passes_19_of_the_50_published_tasks(published_pack: Pack) -> None:
    assert len(published_pack.tasks) == 50
    assert len(idle_passes(published_pack)) == 19


def hashable(value: Json) -> Json:
    if isinstance(value, dict):
        return tuple((name, hashable(part)) for name, part in sorted(value.items()))
    return tuple(map(hashable, value)) if isinstance(value, list) else value


def test_gold_states_have_the_digests_that_were_published(
    published_pack: Pack, published_world: World, published_files: dict[str, Json]
) -> None:
    recorded = json.loads((data_folder() / "trajectories_dev.json").read_text())
    infos = [(each["task_id"], (each["info"]["reward_info"] or {"info": {}})["info"]) for each in recorded]
    digests = {task_id: info["gt_data_hash"] for task_id, info in infos if "gt_data_hash" in info}
    assert len(digests) == 7
    for task_id, expected in digests.items():
        gold_state(published_world, published_pack.tasks[task_id])
        listed = published_world.rows("SELECT reservation_id FROM reservations ORDER BY 1")
        users: dict[str, Json] = {name: read_user(published_world, name) for name in published_files["users"]}
        for user in users.values():
            user["address"]["province"] = user["address"].pop("state")
        data = {
            "flights": published_files["flights"],
            "reservations": {name: read_reservation(published_world, name) for (name,) in listed},
            "users": users,
        }
        assert sha256(str(hashable(data)).encode()).hexdigest() == expected


def test_the_tables_are_the_airlines_and_one_more() -> None:
    schema = pytest.importorskip("simenv.domains.airline.schema")
    assert [table.name for table in TABLES[len(schema.TABLES) :]] == ["verbatim"]
