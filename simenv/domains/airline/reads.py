"""What an airline's agent can look up."""

# ruff: noqa: D417 -- a docstring is what the agent is told, and the world is not its argument.

from collections.abc import Iterable
from datetime import date as Date
from datetime import timedelta
from typing import Any

from simenv.core.canonical import dollars, quoted
from simenv.core.errors import ToolError
from simenv.core.tools import tool
from simenv.core.world import World
from simenv.domains.airline import arithmetic
from simenv.domains.airline.itinerary import MIN_CONNECTION_MINUTES, iso_date
from simenv.domains.airline.records import Record, reservation_record, user_record
from simenv.domains.airline.schema import CABINS

_LEG_COLUMNS = (
    "{0}.flight_number, {0}.origin, {0}.destination, {0}.departs, {0}.arrives, {0}.arrives_next_day"
)
_DIRECT = (
    f"SELECT {_LEG_COLUMNS.format('f')} FROM flights f "
    "JOIN flight_days d ON d.flight_number = f.flight_number AND d.date = ?3 AND d.status = 'available' "
    "WHERE f.origin = ?1 AND f.destination = ?2 ORDER BY f.position, f.flight_number"
)
_ONE_STOP = (
    f"SELECT {_LEG_COLUMNS.format('a')}, {_LEG_COLUMNS.format('b')} FROM flights a "
    "JOIN flights b ON b.origin = a.destination AND b.destination = ?2 "
    "JOIN flight_days c ON c.flight_number = a.flight_number AND c.date = ?3 AND c.status = 'available' "
    "JOIN flight_days d ON d.flight_number = b.flight_number "
    "AND d.date = iif(a.arrives_next_day, ?4, ?3) AND d.status = 'available' "
    "WHERE a.origin = ?1 ORDER BY a.position, a.flight_number, b.position, b.flight_number"
)
_FARES = (
    "SELECT cabin, seats_left, price_cents FROM fares WHERE flight_number = ? AND date = ? ORDER BY cabin"
)


@tool(effect="read")
def get_user_details(world: World, user_id: str) -> Record:
    """Look up a customer's profile: name, address, payment methods, saved passengers, reservations.

    Args:
        user_id: The customer's id, such as "sara_doe_496".
    """
    return user_record(world, user_id)


@tool(effect="read")
def get_reservation_details(world: World, reservation_id: str) -> Record:
    """Look up a reservation: flights, passengers, payments, bags, insurance and status.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
    """
    return reservation_record(world, reservation_id)


@tool(effect="read")
def get_flight_status(world: World, flight_number: str, date: str) -> str:
    """Look up the status of a flight on a day.

    Args:
        flight_number: The flight, such as "HAT001".
        date: The day, as YYYY-MM-DD.
    """
    found: Any = world.row(
        "SELECT status FROM flight_days WHERE flight_number = ? AND date = ?", flight_number, date
    )
    if found is None:
        if world.row("SELECT 1 FROM flights WHERE flight_number = ?", flight_number):
            raise ToolError("not_found", f"Flight {flight_number} does not fly on {quoted(date)}.")
        raise ToolError("not_found", f"There is no flight {quoted(flight_number)}.")
    return str(found[0])


@tool(effect="read")
def list_all_airports(world: World) -> list[Record]:
    """List every airport with its code and city."""
    found = world.rows("SELECT iata, city FROM airports ORDER BY position, iata")
    return [{"iata": iata, "city": city} for iata, city in found]


@tool(effect="read")
def search_direct_flight(world: World, origin: str, destination: str, date: str) -> list[Record]:
    """Search the flights between two airports on a day that can be booked.

    Args:
        origin: The airport of departure, such as "JFK".
        destination: The airport of arrival, such as "LAX".
        date: The day of departure, as YYYY-MM-DD.
    """
    _check_search(world, origin, destination, date)
    return [_offer(world, flight, date) for flight in world.rows(_DIRECT, origin, destination, date)]


@tool(effect="read")
def search_onestop_flight(world: World, origin: str, destination: str, date: str) -> list[list[Record]]:
    """Search the pairs of flights with one stop between two airports that can be booked.

    Args:
        origin: The airport of departure, such as "JFK".
        destination: The airport of arrival, such as "LAX".
        date: The day of departure of the first flight, as YYYY-MM-DD.
    """
    day = _check_search(world, origin, destination, date)
    tomorrow = (day + timedelta(days=1)).isoformat() if day < Date.max else ""
    found: list[Any] = world.rows(_ONE_STOP, origin, destination, date, tomorrow)
    trips = [(pair[:6], pair[6:]) for pair in found if _connects(pair[4], pair[9])]
    legs = [(first, date) for first, _ in trips]
    legs += [(second, tomorrow if first[5] else date) for first, second in trips]
    offers = _offers(world, legs)
    return [
        [dict(offers[first[0], date]), dict(offers[second[0], tomorrow if first[5] else date])]
        for first, second in trips
    ]


@tool(effect="read")
def calculate(world: World, expression: str) -> str:
    """Work out an arithmetic expression; the result is rounded to two decimals.

    Args:
        expression: Numbers, + - * / and brackets, such as "2 * (155 + 30)".
    """
    del world  # a calculation needs none of it
    try:
        return arithmetic.two_decimals(arithmetic.evaluate(expression))
    except arithmetic.ExpressionError as error:
        raise ToolError("bad_value", f"This expression cannot be worked out: {error}.") from None


def _check_search(world: World, origin: str, destination: str, date: str) -> Date:
    for airport in (origin, destination):
        if world.row("SELECT 1 FROM airports WHERE iata = ?", airport) is None:
            raise ToolError("not_found", f"There is no airport {quoted(airport)}.")
    day = iso_date(date)
    if day is None:
        raise ToolError("bad_value", f"The date {quoted(date)} is not one like 2024-05-20.")
    return day


def _connects(arrives: str, departs: str) -> bool:
    """Whether there is time to change planes; both times are of the same day."""
    return _minutes(departs) - _minutes(arrives) >= MIN_CONNECTION_MINUTES


def _minutes(time: str) -> float:
    return int(time[:2]) * 60 + int(time[3:5]) + int(time[6:8]) / 60


def _offers(world: World, legs: Iterable[tuple[Any, str]]) -> dict[tuple[str, str], Record]:
    """Return each flight on its day once, with the day: trips share flights."""
    return {
        (flight[0], date): {**_offer(world, flight, date), "date": date}
        for flight, date in {(leg[0], date): (leg, date) for leg, date in legs}.values()
    }


def _offer(world: World, flight: Any, date: str) -> Record:
    number, origin, destination, departs, arrives, nights = flight
    fares: dict[str, Any] = {cabin: rest for cabin, *rest in world.rows(_FARES, number, date)}  # type: ignore[misc]
    cabins = [cabin for cabin in CABINS if cabin in fares]
    return {
        "flight_number": number,
        "origin": origin,
        "destination": destination,
        "scheduled_departure_time_est": departs,
        "scheduled_arrival_time_est": f"{arrives}+1" if nights else arrives,
        "status": "available",
        "available_seats": {cabin: fares[cabin][0] for cabin in cabins},
        "prices": {cabin: dollars(fares[cabin][1]) for cabin in cabins},
    }
