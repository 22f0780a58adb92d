"""The airline's tools, one by one: what they return, what they refuse, where money and seats go."""

import re
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import ToolError, UsageError
from simenv.core.tools import by_name
from simenv.core.world import World
from simenv.domains.airline import ids
from simenv.domains.airline.arithmetic import ExpressionError, evaluate, two_decimals
from simenv.domains.airline.breaches import breaches
from simenv.domains.airline.money import refunds_of
from simenv.domains.airline.policy import RULES
from simenv.domains.airline.tools import TOOLS
from tests.domains.airline_world import (
    BY_NAME,
    IMAGE,
    NOW,
    RESERVATIONS,
    VALUES,
    call,
    dump,
    price_of,
    total_of,
)

ANN, BOB, CY = "ann_lee_1001", "bob_ray_1002", "cy_oh_1003"
EVE = {"first_name": "Eve", "last_name": "Oh", "dob": "2000-02-29"}
DIRECT = [{"flight_number": "SA008", "date": "2024-05-18"}]
DIRECT_PRICE = price_of("SA008", "2024-05-18", "economy")


@pytest.fixture
def world() -> World:
    return IMAGE.open()


def booking(**changes: Any) -> dict[str, Any]:
    """Return arguments that book Cy on a direct flight, with some of them changed."""
    return {
        "user_id": CY,
        "origin": "SFO",
        "destination": "JFK",
        "flight_type": "one_way",
        "cabin": "economy",
        "flights": DIRECT,
        "passengers": [EVE],
        "payment_methods": [{"payment_id": "credit_card_1000007", "amount": Decimal(DIRECT_PRICE) / 100}],
        "total_baggages": 1,
        "nonfree_baggages": 0,
        "insurance": "no",
    } | changes


def paid(*parts: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"payment_id": payment_id, "amount": Decimal(cents) / 100} for payment_id, cents in parts]


def flights(*days: tuple[str, int]) -> list[dict[str, str]]:
    return [{"flight_number": number, "date": f"2024-05-{day}"} for number, day in days]


def seats_left(world: World, number: str, day: int, cabin: str) -> Any:
    found = world.row(
        "SELECT seats_left FROM fares WHERE flight_number = ? AND date = ? AND cabin = ?",
        number,
        f"2024-05-{day}",
        cabin,
    )
    return found and found[0]


def balance(world: World, payment_id: str) -> Any:
    found = world.row("SELECT balance_cents FROM payment_methods WHERE payment_id = ?", payment_id)
    return found and found[0]


# Shapes


def test_the_tools_are_the_published_ones_and_decline_request() -> None:
    arguments = {each.name: list(each.parameters) for each in TOOLS}
    assert arguments == {
        "get_user_details": ["user_id"],
        "get_reservation_details": ["reservation_id"],
        "get_flight_status": ["flight_number", "date"],
        "list_all_airports": [],
        "search_direct_flight": ["origin", "destination", "date"],
        "search_onestop_flight": ["origin", "destination", "date"],
        "calculate": ["expression"],
        "book_reservation": list(booking()),
        "update_reservation_flights": ["reservation_id", "cabin", "flights", "payment_id"],
        "update_reservation_baggages": ["reservation_id", "total_baggages", "nonfree_baggages", "payment_id"],
        "update_reservation_passengers": ["reservation_id", "passengers"],
        "cancel_reservation": ["reservation_id"],
        "send_certificate": ["user_id", "amount"],
        "decline_request": ["reservation_id", "rule_id", "facts"],
        "transfer_to_human_agents": ["summary"],
    }
    assert {each.name for each in TOOLS if each.effect == "act"} == {
        "decline_request",
        "transfer_to_human_agents",
    }
    assert [each.name for each in TOOLS if each.ends] == ["transfer_to_human_agents"]


@pytest.mark.parametrize("name", sorted(by_name(TOOLS)))
def test_every_argument_has_a_manual(name: str) -> None:
    function = BY_NAME[name].schema["function"]
    assert all("description" in each for each in function["parameters"]["properties"].values())
    assert len(function["description"]) < 200


def test_a_user_has_the_published_keys(world: World) -> None:
    found = call(world, "get_user_details", user_id=ANN)
    assert set(found) == {
        *("user_id", "name", "address", "email", "dob", "payment_methods", "saved_passengers"),
        *("membership", "reservations"),
    }
    assert set(found["name"]) == {"first_name", "last_name"}
    assert set(found["address"]) == {"address1", "address2", "city", "country", "state", "zip"}
    assert found["payment_methods"]["credit_card_1000001"] == {
        "source": "credit_card",
        "brand": "visa",
        "last_four": "1111",
        "id": "credit_card_1000001",
    }
    assert found["payment_methods"]["gift_card_1000002"] == {
        "source": "gift_card",
        "amount": 300.5,
        "id": "gift_card_1000002",
    }
    assert found["saved_passengers"] == [{"first_name": "Ann", "last_name": "Lee", "dob": "1980-02-03"}]
    assert found["reservations"] == ["AAAAA1", "AAAAA2"]


def test_a_reservation_has_the_published_keys(world: World) -> None:
    found = call(world, "get_reservation_details", reservation_id="AAAAA1")
    assert found == {
        "reservation_id": "AAAAA1",
        "user_id": ANN,
        "origin": "SFO",
        "destination": "JFK",
        "flight_type": "one_way",
        "cabin": "economy",
        "flights": [
            {
                "flight_number": number,
                "origin": origin,
                "destination": destination,
                "date": "2024-05-18",
                "price": price_of(number, "2024-05-18", "economy") / 100,
            }
            for number, origin, destination in (("SA001", "SFO", "DEN"), ("SA002", "DEN", "JFK"))
        ],
        "passengers": [
            {"first_name": "Pat1", "last_name": "Doe", "dob": "1990-01-01"},
            {"first_name": "Pat2", "last_name": "Doe", "dob": "1990-01-02"},
        ],
        "payment_history": [
            {"payment_id": "certificate_2000001", "amount": 100},
            {"payment_id": "gift_card_1000002", "amount": 50},
            {
                "payment_id": "credit_card_1000001",
                "amount": (total_of(RESERVATIONS["AAAAA1"]) - 150_00) / 100,
            },
        ],
        "created_at": "2024-05-01T10:00:00",
        "total_baggages": 2,
        "nonfree_baggages": 0,
        "insurance": "yes",
        "status": None,
    }


def test_airports_and_status(world: World) -> None:
    assert call(world, "list_all_airports")[0] == {"iata": "SFO", "city": "San Francisco"}
    assert call(world, "get_flight_status", flight_number="SA008", date="2024-05-16") == "delayed"


def test_a_direct_search_lists_what_can_be_booked(world: World) -> None:
    found = call(world, "search_direct_flight", origin="SFO", destination="JFK", date="2024-05-18")
    assert [each["flight_number"] for each in found] == ["SA005", "SA008"]
    assert found[0] == {
        "flight_number": "SA005",
        "origin": "SFO",
        "destination": "JFK",
        "scheduled_departure_time_est": "22:00:00",
        "scheduled_arrival_time_est": "05:30:00+1",
        "status": "available",
        "available_seats": {"basic_economy": 3, "economy": 5, "business": 2},
        "prices": {"basic_economy": 84.25, "economy": 168.5, "business": 252.75},
    }
    delayed = call(world, "search_direct_flight", origin="SFO", destination="JFK", date="2024-05-16")
    assert [each["flight_number"] for each in delayed] == ["SA005"]
    assert call(world, "search_direct_flight", origin="ORD", destination="JFK", date="2024-05-16") == []


def test_a_one_stop_search_wants_forty_minutes_and_crosses_midnight(world: World) -> None:
    found = call(world, "search_onestop_flight", origin="SFO", destination="JFK", date="2024-05-18")
    assert [[leg["flight_number"] for leg in trip] for trip in found] == [["SA001", "SA002"]]
    assert {leg["date"] for trip in found for leg in trip} == {"2024-05-18"}
    over_night = call(world, "search_onestop_flight", origin="SFO", destination="DEN", date="2024-05-18")
    assert [[(leg["flight_number"], leg["date"]) for leg in trip] for trip in over_night] == [
        [("SA005", "2024-05-18"), ("SA006", "2024-05-19")]
    ]
    assert set(found[0][0]) == {
        *("flight_number", "origin", "destination", "scheduled_departure_time_est"),
        *("scheduled_arrival_time_est", "status", "available_seats", "prices", "date"),
    }


@pytest.mark.parametrize("day", ["2024-02-29", "2024-12-31", "9999-12-31", "0001-01-01"])
def test_a_search_takes_every_date(world: World, day: str) -> None:
    assert call(world, "search_onestop_flight", origin="SFO", destination="JFK", date=day) == []


# Refusals


REFUSALS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("not_found", "get_user_details", {"user_id": "nobody"}),
    ("not_found", "get_reservation_details", {"reservation_id": "aaaaa1"}),
    ("not_found", "get_flight_status", {"flight_number": "SA999", "date": "2024-05-18"}),
    ("not_found", "get_flight_status", {"flight_number": "SA001", "date": "2025-05-18"}),
    ("not_found", "search_direct_flight", {"origin": "New York", "destination": "SFO", "date": "2024-05-18"}),
    ("bad_value", "search_direct_flight", {"origin": "JFK", "destination": "SFO", "date": "May 18"}),
    (
        "bad_value",
        "search_onestop_flight",
        {"origin": "JFK", "destination": "SFO", "date": "2024-05-1\u0668"},
    ),
    ("bad_value", "search_onestop_flight", {"origin": "JFK", "destination": "SFO", "date": "20240518"}),
    ("bad_value", "calculate", {"expression": "9**9"}),
    ("not_found", "book_reservation", booking(user_id="nobody")),
    ("not_found", "book_reservation", booking(flights=flights(("SA999", 18)))),
    ("not_found", "book_reservation", booking(flights=flights(("SA008", 30)))),
    ("not_found", "book_reservation", booking(payment_methods=paid(("credit_card_9", DIRECT_PRICE)))),
    ("bad_arguments", "book_reservation", booking(cabin="first")),
    ("bad_arguments", "book_reservation", booking(total_baggages=True)),
    ("bad_arguments", "book_reservation", booking(flights=[{**DIRECT[0], "price": 1}])),
    ("bad_value", "book_reservation", booking(flights=[])),
    ("bad_value", "book_reservation", booking(flights=DIRECT * 9)),
    ("bad_value", "book_reservation", booking(passengers=[])),
    ("bad_value", "book_reservation", booking(passengers=[EVE | {"first_name": " "}])),
    ("bad_value", "book_reservation", booking(passengers=[EVE | {"dob": "2001-02-29"}])),
    ("bad_value", "book_reservation", booking(passengers=[EVE | {"dob": "20000229"}])),
    ("bad_value", "book_reservation", booking(nonfree_baggages=2)),
    ("bad_value", "book_reservation", booking(nonfree_baggages=-100)),
    ("bad_value", "book_reservation", booking(total_baggages=21)),
    ("bad_value", "book_reservation", booking(payment_methods=paid(("credit_card_1000007", 0)))),
    (
        "bad_value",
        "book_reservation",
        booking(payment_methods=paid(("credit_card_1000007", DIRECT_PRICE + 5), ("credit_card_1000007", -5))),
    ),
    ("bad_value", "book_reservation", booking(payment_methods=paid(("credit_card_1000007", -DIRECT_PRICE)))),
    (
        "bad_value",
        "book_reservation",
        booking(payment_methods=paid(("credit_card_1000007", DIRECT_PRICE - 5), ("credit_card_1000007", 5))),
    ),
    ("too_many_passengers", "book_reservation", booking(passengers=[EVE] * 5)),
    ("no_seats", "book_reservation", booking(passengers=[EVE] * 4, cabin="business")),
    ("not_available", "book_reservation", booking(flights=flights(("SA008", 16)))),
    ("not_available", "book_reservation", booking(flights=flights(("SA008", 14)))),
    ("not_owner", "book_reservation", booking(payment_methods=paid(("credit_card_1000001", DIRECT_PRICE)))),
    (
        "insufficient_funds",
        "book_reservation",
        booking(user_id=BOB, payment_methods=paid(("gift_card_1000006", DIRECT_PRICE))),
    ),
    ("wrong_amount", "book_reservation", booking(payment_methods=paid(("credit_card_1000007", 5)))),
    ("wrong_amount", "book_reservation", booking(payment_methods=[])),
    ("wrong_amount", "book_reservation", booking(insurance="yes")),
    ("wrong_amount", "book_reservation", booking(nonfree_baggages=1)),
    ("bad_route", "book_reservation", booking(destination="SFO", flight_type="round_trip")),
    ("bad_route", "book_reservation", booking(flights=flights(("SA004", 18)))),
    ("bad_route", "book_reservation", booking(flights=flights(("SA001", 18)))),
    ("bad_route", "book_reservation", booking(flights=flights(("SA001", 18), ("SA008", 18)))),
    ("bad_route", "book_reservation", booking(flights=flights(("SA001", 18), ("SA003", 18)))),
    ("bad_route", "book_reservation", booking(flights=flights(("SA001", 19), ("SA002", 18)))),
    ("bad_route", "book_reservation", booking(flights=DIRECT * 2)),
    ("bad_route", "book_reservation", booking(flight_type="round_trip")),
    (
        "bad_route",
        "book_reservation",
        booking(flight_type="round_trip", flights=flights(("SA001", 18), ("SA007", 18))),
    ),
    ("not_found", "cancel_reservation", {"reservation_id": "AAAAA9"}),
    ("already_cancelled", "cancel_reservation", {"reservation_id": "BBBBB4"}),
    (
        "already_cancelled",
        "update_reservation_passengers",
        {"reservation_id": "BBBBB4", "passengers": [EVE]},
    ),
    ("bad_value", "update_reservation_passengers", {"reservation_id": "AAAAA1", "passengers": [EVE]}),
    (
        "bad_value",
        "update_reservation_passengers",
        {
            "reservation_id": "AAAAA2",
            "passengers": [{"first_name": "Pat1", "last_name": "Doe", "dob": "1990-01-01"}],
        },
    ),
    ("not_found", "send_certificate", {"user_id": "nobody", "amount": 5}),
    ("bad_value", "send_certificate", {"user_id": BOB, "amount": -500}),
    ("bad_value", "send_certificate", {"user_id": BOB, "amount": 0}),
    ("bad_arguments", "send_certificate", {"user_id": BOB, "amount": Decimal("0.001")}),
    (
        "not_found",
        "decline_request",
        {"reservation_id": "X", "rule_id": "cancel_ground", "facts": {}},
    ),
    ("unknown_rule", "decline_request", {"reservation_id": "AAAAA1", "rule_id": "bag_fee", "facts": {}}),
    ("bad_facts", "decline_request", {"reservation_id": "AAAAA1", "rule_id": "cancel_ground", "facts": {}}),
)


def bags(reservation_id: str, total: int, nonfree: int, payment_id: str) -> dict[str, Any]:
    return {
        "reservation_id": reservation_id,
        "total_baggages": total,
        "nonfree_baggages": nonfree,
        "payment_id": payment_id,
    }


def change(
    reservation_id: str, cabin: str, trip: list[dict[str, str]], payment_id: str = "credit_card_1000005"
) -> dict[str, Any]:
    return {"reservation_id": reservation_id, "cabin": cabin, "flights": trip, "payment_id": payment_id}


ANNS = flights(("SA008", 17), ("SA004", 19))
MORE_REFUSALS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("bad_value", "update_reservation_baggages", bags("AAAAA2", 2, 1, "credit_card_1000001")),
    ("bad_value", "update_reservation_baggages", bags("AAAAA2", 1, 1, "credit_card_1000001")),
    ("bad_value", "update_reservation_baggages", bags("AAAAA2", 3, 0, "credit_card_1000001")),
    ("bad_value", "update_reservation_baggages", bags("AAAAA2", 3, 4, "credit_card_1000001")),
    ("bad_payment_method", "update_reservation_baggages", bags("AAAAA2", 3, 1, "certificate_1000003")),
    ("not_owner", "update_reservation_baggages", bags("AAAAA2", 3, 1, "credit_card_1000005")),
    ("not_found", "update_reservation_baggages", bags("AAAAA2", 3, 1, "credit_card")),
    ("insufficient_funds", "update_reservation_baggages", bags("BBBBB1", 1, 1, "gift_card_1000006")),
    ("already_cancelled", "update_reservation_baggages", bags("BBBBB4", 1, 1, "gift_card_1000006")),
    ("bad_value", "update_reservation_flights", change("AAAAA2", "business", ANNS, "credit_card_1000001")),
    ("not_owner", "update_reservation_flights", change("AAAAA2", "economy", ANNS)),
    (
        "bad_payment_method",
        "update_reservation_flights",
        change("AAAAA2", "economy", ANNS, "certificate_1000003"),
    ),
    ("bad_route", "update_reservation_flights", change("AAAAA2", "economy", flights(("SA008", 17)))),
    (
        "bad_route",
        "update_reservation_flights",
        change("AAAAA2", "economy", flights(("SA004", 19), ("SA008", 20))),
    ),
    ("bad_value", "update_reservation_flights", change("AAAAA2", "economy", [])),
    ("not_found", "update_reservation_flights", change("AAAAA2", "economy", flights(("SA8", 17)))),
    ("already_cancelled", "update_reservation_flights", change("BBBBB4", "economy", flights(("SA001", 17)))),
    ("not_available", "update_reservation_flights", change("BBBBB1", "economy", flights(("SA008", 16)))),
    (
        "not_available",
        "update_reservation_flights",
        change("BBBBB2", "business", flights(("SA001", 14), ("SA007", 18))),
    ),
    (
        "not_available",
        "update_reservation_flights",
        change("BBBBB2", "economy", flights(("SA001", 16), ("SA007", 18))),
    ),
    (
        "insufficient_funds",
        "update_reservation_flights",
        change("BBBBB1", "business", DIRECT, "gift_card_1000006"),
    ),
)


@pytest.mark.parametrize(("code", "name", "arguments"), REFUSALS + MORE_REFUSALS)
def test_a_refusal_has_a_code_and_leaves_no_trace(
    world: World, code: str, name: str, arguments: dict[str, Any]
) -> None:
    before = dump(world)
    with pytest.raises(ToolError) as refused:
        call(world, name, **arguments)
    assert refused.value.code == code
    assert str(refused.value)[0].isupper() or code == "bad_arguments"
    assert str(refused.value).endswith(".")
    assert dump(world) == before
    assert world.state.journal == []


def test_every_code_of_the_manual_is_reached() -> None:
    """The list in the module's docstring is the contract that scorers read."""
    from simenv.domains.airline import tools

    listed = {line.split("``")[1] for line in (tools.__doc__ or "").splitlines() if line.startswith("* ``")}
    assert listed | {"bad_facts", "bad_arguments"} == {code for code, _, _ in REFUSALS + MORE_REFUSALS}


def test_a_world_without_a_counter_refuses(world: World) -> None:
    world.write("DELETE FROM counters")
    with pytest.raises(ToolError, match="at the moment"):
        call(world, "send_certificate", user_id=BOB, amount=5)


# Booking


def test_a_booking_moves_money_and_seats(world: World) -> None:
    total = (
        2 * (price_of("SA005", "2024-05-17", "economy") + price_of("SA006", "2024-05-18", "economy"))
        + 2 * (price_of("SA007", "2024-05-18", "economy"))
        + 2 * VALUES["insurance_fee_cents"]
        + VALUES["bag_fee_cents"]
    )
    parts = paid(
        ("certificate_1000003", 140_00),
        ("gift_card_1000002", 300_50),
        ("credit_card_1000001", total - 440_50),
    )
    found = call(
        world,
        "book_reservation",
        **booking(
            user_id=ANN,
            destination="DEN",
            flight_type="round_trip",
            flights=flights(("SA005", 17), ("SA006", 18), ("SA007", 18)),
            passengers=[EVE, EVE | {"first_name": "Abe"}],
            payment_methods=parts,
            total_baggages=3,
            nonfree_baggages=1,
            insurance="yes",
        ),
    )
    assert found == call(world, "get_reservation_details", reservation_id=ids.reservation_id(1))
    assert found["created_at"] == NOW
    assert [each["amount"] for each in found["payment_history"]] == [140, 300.5, (total - 440_50) / 100]
    assert call(world, "get_user_details", user_id=ANN)["reservations"][-1] == found["reservation_id"]
    assert balance(world, "gift_card_1000002") == 0
    assert balance(world, "certificate_1000003") is None
    assert seats_left(world, "SA005", 17, "economy") == 3
    back = call(world, "cancel_reservation", reservation_id=found["reservation_id"])
    assert sum(Fraction(str(each["amount"])) for each in back["payment_history"]) == Fraction("50.50")
    assert balance(world, "certificate_1000003") == 140_00 - 50_50
    assert balance(world, "gift_card_1000002") == 300_50
    assert seats_left(world, "SA005", 17, "economy") == 5


def test_the_last_seat_can_be_booked_once(world: World) -> None:
    arguments = booking(cabin="business", passengers=[EVE, EVE])
    arguments["payment_methods"] = paid(
        ("credit_card_1000007", 2 * price_of("SA008", "2024-05-18", "business"))
    )
    call(world, "book_reservation", **arguments)
    with pytest.raises(ToolError, match="0 seats left"):
        call(world, "book_reservation", **arguments)


def test_issued_ids_are_a_bijection_outside_of_what_generators_draw() -> None:
    reservations = [ids.reservation_id(number) for number in range(2000)]
    certificates = [ids.certificate_id(number) for number in range(2000)]
    for half in (36**5 // 2, 36**5 // 3):
        reservations += [ids.reservation_id(number + half) for number in range(2000)]
    for part in (10**6 // 2, 10**6 // 5):
        certificates += [ids.certificate_id(number + part) for number in range(2000)]
    assert len({*reservations, *certificates}) == 12_000
    assert all(
        len(each) == 6 and each[0] == "Z" and each.isalnum() and each.isupper() for each in reservations
    )
    assert all(len(each) == 19 and each.startswith("certificate_9") for each in certificates)


def test_a_world_that_holds_an_issued_id_is_refused_loudly(world: World) -> None:
    world.write(
        "UPDATE reservations SET reservation_id = ? WHERE reservation_id = 'BBBBB4'", ids.reservation_id(1)
    )
    world.insert("payment_methods", ids.certificate_id(1), BOB, 9, "certificate", None, None, 1)
    with pytest.raises(UsageError, match="start with"):
        BY_NAME["book_reservation"].call(world, booking())
    with pytest.raises(UsageError, match="start with"):
        BY_NAME["send_certificate"].call(world, {"user_id": BOB, "amount": 5})


# Changing


def test_a_kept_flight_keeps_its_seat_and_price(world: World) -> None:
    world.write("UPDATE fares SET price_cents = price_cents + 999")
    trip = flights(("SA001", 18), ("SA002", 19))
    found = call(
        world, "update_reservation_flights", **change("AAAAA1", "economy", trip, "gift_card_1000002")
    )
    old = price_of("SA002", "2024-05-18", "economy")
    new = price_of("SA002", "2024-05-19", "economy") + 999
    assert [each["price"] for each in found["flights"]] == [
        price_of("SA001", "2024-05-18", "economy") / 100,
        new / 100,
    ]
    assert found["payment_history"][-1] == {
        "payment_id": "gift_card_1000002",
        "amount": 2 * (new - old) / 100,
    }
    assert balance(world, "gift_card_1000002") == 300_50 - 2 * (new - old)
    assert [seats_left(world, "SA001", 18, "economy"), seats_left(world, "SA002", 18, "economy")] == [3, 5]
    assert seats_left(world, "SA002", 19, "economy") == 3


def test_a_cheaper_cabin_is_paid_back(world: World) -> None:
    found = call(
        world, "update_reservation_flights", **change("AAAAA2", "economy", ANNS, "gift_card_1000002")
    )
    less = sum(
        price_of(each["flight_number"], each["date"], "business")
        - price_of(each["flight_number"], each["date"], "economy")
        for each in ANNS
    )
    assert found["cabin"] == "economy"
    assert found["payment_history"][-1] == {"payment_id": "gift_card_1000002", "amount": -less / 100}
    assert balance(world, "gift_card_1000002") == 300_50 + less
    assert (seats_left(world, "SA008", 17, "business"), seats_left(world, "SA008", 17, "economy")) == (2, 4)


def test_a_flown_flight_stays_while_the_rest_changes(world: World) -> None:
    found = call(
        world,
        "update_reservation_flights",
        **change("BBBBB2", "economy", flights(("SA001", 14), ("SA007", 19))),
    )
    assert [each["date"] for each in found["flights"]] == ["2024-05-14", "2024-05-19"]


def test_a_delayed_flight_can_be_left_and_frees_no_fare(world: World) -> None:
    trip = flights(("SA001", 17), ("SA002", 17))
    found = call(world, "update_reservation_flights", **change("BBBBB1", "basic_economy", trip))
    assert len(found["flights"]) == 2
    assert seats_left(world, "SA008", 16, "basic_economy") is None
    assert seats_left(world, "SA002", 17, "basic_economy") == 2
    shorter = call(world, "update_reservation_flights", **change("BBBBB1", "basic_economy", DIRECT))
    assert [each["flight_number"] for each in shorter["flights"]] == ["SA008"]


def test_bags_are_paid_only_where_they_are_not_free(world: World) -> None:
    free = call(world, "update_reservation_baggages", **bags("AAAAA1", 3, 0, "gift_card_1000002"))
    assert (free["total_baggages"], len(free["payment_history"])) == (3, 3)
    for total, nonfree, amount in ((5, 2, 100), (6, 3, 50)):
        more = call(
            world, "update_reservation_baggages", **bags("AAAAA1", total, nonfree, "gift_card_1000002")
        )
        assert more["payment_history"][-1] == {"payment_id": "gift_card_1000002", "amount": amount}


def test_a_passenger_is_corrected_in_place(world: World) -> None:
    people = call(world, "get_reservation_details", reservation_id="AAAAA1")["passengers"]
    found = call(world, "update_reservation_passengers", reservation_id="AAAAA1", passengers=[people[0], EVE])
    assert found["passengers"] == [people[0], EVE]
    assert [change.table for change in world.state.journal] == ["passengers"]
    with pytest.raises(ToolError, match="Nothing would change"):
        call(world, "update_reservation_passengers", reservation_id="AAAAA1", passengers=[EVE, people[0]])


# Cancelling and compensation


def test_a_spent_certificate_is_issued_again_less_the_fee(world: World) -> None:
    found = call(world, "cancel_reservation", reservation_id="AAAAA1")
    fee = 2 * VALUES["cancel_fee_cents"]
    assert found["status"] == "cancelled"
    assert [each["amount"] for each in found["payment_history"][3:5]] == [-(100_00 - fee) / 100, -50]
    assert balance(world, "certificate_2000001") == 100_00 - fee
    assert balance(world, "gift_card_1000002") == 350_50
    methods = list(call(world, "get_user_details", user_id=ANN)["payment_methods"])
    assert methods[-1] == "certificate_2000001"
    assert seats_left(world, "SA001", 18, "economy") == 5
    with pytest.raises(ToolError, match="already cancelled"):
        call(world, "cancel_reservation", reservation_id="AAAAA1")


def test_a_flown_flight_gives_no_seat_back(world: World) -> None:
    world.insert("fares", "SA001", "2024-05-14", "economy", 5, 0, 1)
    world.fold()
    world.state.journal.clear()
    call(world, "cancel_reservation", reservation_id="BBBBB2")
    assert seats_left(world, "SA001", 14, "economy") == 0
    assert {change.table for change in world.state.journal} == {"reservations", "payments", "fares"}
    assert seats_left(world, "SA007", 18, "economy") == 5


PAYMENTS = st.lists(
    st.tuples(st.sampled_from(["card", "gift", "certificate"]), st.integers(-500, 500).filter(bool)),
    max_size=6,
)


@given(PAYMENTS, st.integers(0, 900))
def test_refunds_sum_to_the_payments_less_the_fee(payments: list[tuple[str, int]], most: int) -> None:
    total = sum(cents for _, cents in payments)
    fee = min(total, most)
    refunds = refunds_of(payments, fee)
    assert sum(cents for _, cents in refunds) == total - fee
    assert all(cents > 0 for _, cents in refunds)
    for payment_id, cents in refunds:
        assert cents <= sum(amount for other, amount in payments if other == payment_id and amount > 0)


def test_a_certificate_is_sent(world: World) -> None:
    payment_id = ids.certificate_id(1)
    text = call(world, "send_certificate", user_id=BOB, amount=Decimal("99.50"))
    assert text == f"Certificate {payment_id} added to user {BOB} with amount 99.5."
    assert balance(world, payment_id) == 99_50
    assert list(call(world, "get_user_details", user_id=BOB)["payment_methods"])[-1] == payment_id


def test_acts_are_rows(world: World) -> None:
    facts = {"created_at": "2024-05-01T10:00:00", "cabin": "economy", "insurance": "yes"}
    call(world, "decline_request", reservation_id="AAAAA1", rule_id="cancel_ground", facts=facts)
    assert call(world, "transfer_to_human_agents", summary="tired") == "Transfer successful"
    assert [change.table for change in world.state.journal] == [
        "declines",
        *["decline_facts"] * 3,
        "transfers",
    ]


# Calculating


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("155 + 100", "255.0"),
        ("25/2", "12.5"),
        ("12.345", "12.34"),
        ("12.355", "12.36"),
        ("0.1 + 0.2", "0.3"),
        ("-(2 - 5) * --2", "6.0"),
        ("2 - 3 - 4", "-5.0"),
        ("8 / 2 * 4", "16.0"),
        ("2 + 3 * 4 / 6 - 1", "3.0"),
        ("2*-3", "-6.0"),
        (" ( ( 1 ) ) ", "1.0"),
        ("5. + .5", "5.5"),
        ("-0.001", "0.0"),
        ("1/3", "0.33"),
        ("999999999999.99", "999999999999.99"),
        ("9999999999999 / 3 * 3 / 10", "999999999999.9"),
        ("(" * 90 + "1" + ")" * 90, "1.0"),
        ("1" + "+1" * 99, "100.0"),
    ],
)
def test_calculate_is_exact(world: World, expression: str, result: str) -> None:
    assert call(world, "calculate", expression=expression) == result


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "",
            " ",
            "()",
            "1 2",
            "1 +",
            "* 2",
            "2 ** 3",
            "2**3",
            "7 // 2",
            "(1",
            "1)",
            ")(",
            "1(2)",
            "(1)2",
            ".",
        ),
        *(
            "1..2",
            "1.2.3",
            "1e5",
            "0x1",
            "1_000",
            "1,000",
            "one",
            "1\n",
            "1\t+1",
            "\u0663",
            "\uff11",
            "1 % 2",
            "__import__",
        ),
        *(
            "9**9**9",
            "1/0",
            "1/(2-2)",
            "10 ** 100",
            "1000000000000",
            "9" * 200,
            "-" * 199,
            "9" * 99 + "*" + "9" * 99,
        ),
        *("1" * 201, "1" + "+1" * 100, "-" * 101 + "1", "(" * 200, "1/" * 99 + "1/0"),
    ],
)
def test_calculate_refuses_the_rest(world: World, expression: str) -> None:
    with pytest.raises(ToolError) as refused:
        call(world, "calculate", expression=expression)
    assert refused.value.code == "bad_value"


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """Draw an expression together with its value."""
    if depth == 0 or draw(st.booleans()):
        number = draw(st.decimals(0, 9999, places=2))
        return str(number), Fraction(number)
    (left, a), (right, b) = draw(expressions(depth=depth - 1)), draw(expressions(depth=depth - 1))
    operator = draw(st.sampled_from("+-*/" if b else "+-*"))
    value = {"+": a + b, "-": a - b, "*": a * b}.get(operator)
    return f"({left} {operator} {right})", a / b if value is None else value


@given(expressions())
def test_an_expression_has_its_exact_value(drawn: tuple[str, Fraction]) -> None:
    text, value = drawn
    assert evaluate(text) == value


@given(st.text("0123456789+-*/(). ", max_size=30))
def test_no_text_does_anything_but_answer_or_refuse(text: str) -> None:
    try:
        shown = two_decimals(evaluate(text))
    except ExpressionError:
        return
    assert re.fullmatch(r"-?[0-9]+\.[0-9]{1,2}", shown)


def test_small_results_print_as_python_prints_floats() -> None:
    for whole, cents in product((0, 7, 123456), range(100)):
        value = Fraction(100 * whole + cents, 100)
        assert two_decimals(value) == str(round(float(value), 2))


# Breaches


def judged(
    world: World, name: str, told: dict[str, Any] | None = None, /, **arguments: Any
) -> tuple[str, ...]:
    before = dump(world)
    found = breaches(world, name, BY_NAME[name].check(arguments), told or {})
    assert dump(world) == before
    assert set(found) <= {rule.id for rule in RULES if rule.enforced_by == "agent"}
    return found


@pytest.mark.parametrize(
    ("total", "nonfree", "broken"), [(1, 0, False), (2, 0, True), (2, 1, False), (1, 1, True)]
)
def test_a_booking_keeps_the_bag_allowance(world: World, total: int, nonfree: int, broken: bool) -> None:
    arguments = booking(total_baggages=total, nonfree_baggages=nonfree)
    assert judged(world, "book_reservation", **arguments) == (("bag_allowance",) if broken else ())


def test_a_booking_keeps_the_certificate_limit(world: World) -> None:
    parts = paid(("certificate_1000003", 100_00), ("certificate_1000004", 10_00), ("certificate_9", 5))
    assert judged(world, "book_reservation", **booking(user_id=ANN, payment_methods=parts)) == (
        "certificate_limit",
    )
    assert judged(world, "book_reservation", **booking(user_id=ANN, payment_methods=parts[1:])) == ()


def test_added_bags_keep_the_allowance(world: World) -> None:
    assert judged(world, "update_reservation_baggages", **bags("AAAAA1", 3, 1, "x")) == ()
    assert judged(world, "update_reservation_baggages", **bags("AAAAA1", 3, 0, "x")) == ("bag_allowance",)
    assert judged(world, "update_reservation_baggages", **bags("AAAAA1", 4, 3, "x")) == ("bag_allowance",)


def test_bags_that_were_paid_stay_paid(world: World) -> None:
    world.write("UPDATE policy_values SET value = 9 WHERE name = 'free_bags_gold_business'")
    assert judged(world, "update_reservation_baggages", **bags("AAAAA2", 3, 1, "x")) == ()
    assert judged(world, "update_reservation_baggages", **bags("AAAAA2", 3, 2, "x")) == ("bag_allowance",)


@pytest.mark.parametrize(
    ("reservation_id", "reason", "broken"),
    [
        ("AAAAA1", "illness", ()),
        ("AAAAA1", "weather", ("cancel_ground",)),
        ("AAAAA1", None, ("cancel_ground",)),
        ("AAAAA2", None, ()),
        ("BBBBB1", None, ()),
        ("BBBBB2", "illness", ("cancel_flown", "cancel_ground")),
        ("BBBBB3", "change of plan", ()),
        ("BBBBB4", None, ()),
        ("AAAAA9", None, ()),
    ],
)
def test_cancelling_wants_a_ground(
    world: World, reservation_id: str, reason: str | None, broken: tuple[str, ...]
) -> None:
    told = {"cancel_reason": reason} if reason else {}
    assert judged(world, "cancel_reservation", told, reservation_id=reservation_id) == broken


def test_only_a_change_of_flights_is_limited(world: World) -> None:
    world.write("UPDATE policy_values SET value = 3 WHERE name = 'change_cabin_rank'")
    assert judged(world, "update_reservation_flights", **change("AAAAA2", "economy", ANNS)) == ()
    assert judged(world, "update_reservation_flights", **change("AAAAA2", "business", DIRECT)) == (
        "change_flights",
    )
    assert judged(world, "update_reservation_flights", **change("BBBBB1", "economy", DIRECT)) == ()


def test_passengers_are_edited_in_time(world: World) -> None:
    name = "update_reservation_passengers"
    assert judged(world, name, reservation_id="AAAAA2", passengers=[EVE]) == ()
    assert judged(world, name, reservation_id="BBBBB1", passengers=[EVE]) == ("passenger_edit",)


@pytest.mark.parametrize(
    ("user_id", "amount", "broken"),
    [
        (BOB, 200, ()),
        (BOB, 50, ("compensation_amount",)),
        (ANN, 100, ("compensation_due",)),
        (CY, 100, ("compensation_due",)),
        ("nobody", 100, ()),
    ],
)
def test_compensation_is_due_and_exact(
    world: World, user_id: str, amount: int, broken: tuple[str, ...]
) -> None:
    assert judged(world, "send_certificate", user_id=user_id, amount=amount) == broken


def test_reads_and_acts_break_nothing(world: World) -> None:
    assert judged(world, "get_user_details", user_id=ANN) == ()
    assert judged(world, "transfer_to_human_agents", summary="") == ()
