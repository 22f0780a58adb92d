"""Flights in a row: whether they can be flown, what they cost, and who holds their seats."""

import re
from collections.abc import Sequence
from datetime import date as Date
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from typing_extensions import TypedDict

from simenv.core.canonical import quoted
from simenv.core.errors import ToolError
from simenv.core.world import World

MIN_CONNECTION_MINUTES = 40
MAX_FLIGHTS = 8


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class FlightOnDay(TypedDict):
    """One flight of a trip, as agents name it."""

    flight_number: str
    date: str


class Leg(NamedTuple):
    """One flight on one day; ``leaves`` and ``lands`` are moments."""

    flight_number: str
    date: str
    origin: str
    destination: str
    leaves: datetime
    lands: datetime
    status: str


_LEG = (
    "SELECT f.origin, f.destination, f.departs, f.arrives, f.arrives_next_day, d.status FROM flights f "
    "LEFT JOIN flight_days d ON d.flight_number = f.flight_number AND d.date = ? WHERE f.flight_number = ?"
)
_FARE = "SELECT seats_left, price_cents FROM fares WHERE flight_number = ? AND date = ? AND cabin = ?"
_TAKE = "UPDATE fares SET seats_left = seats_left - ? WHERE flight_number = ? AND date = ? AND cabin = ?"
_RELEASE = (
    "UPDATE fares SET seats_left = seats_left + ?1 WHERE flight_number = ?2 AND date = ?3 AND cabin = ?4 "
    "AND EXISTS (SELECT 1 FROM flight_days WHERE flight_number = ?2 AND date = ?3 AND status = 'available')"
)


def iso_date(text: str) -> Date | None:
    """Return the date that is written as ``YYYY-MM-DD``, and None for everything else."""
    if not _ISO_DATE.fullmatch(text):
        return None
    try:
        return Date.fromisoformat(text)
    except ValueError:
        return None


def find_legs(world: World, flights: Sequence[FlightOnDay]) -> list[Leg]:
    """Return the flights that an agent named.

    Raises:
        ToolError: ``not_found``, or ``bad_value`` for none or more than 8 of them.
    """
    if not 1 <= len(flights) <= MAX_FLIGHTS:
        raise ToolError("bad_value", f"A trip has 1 to {MAX_FLIGHTS} flights, not {len(flights)}.")
    return [_find_leg(world, each["flight_number"], each["date"]) for each in flights]


def _find_leg(world: World, number: str, date: str) -> Leg:
    found: Any = world.row(_LEG, date, number)
    if found is None:
        raise ToolError("not_found", f"There is no flight {quoted(number)}.")
    origin, destination, departs, arrives, nights, status = found
    if status is None:
        raise ToolError("not_found", f"Flight {number} does not fly on {quoted(date)}.")
    leaves = datetime.fromisoformat(f"{date}T{departs}")
    lands = datetime.fromisoformat(f"{date}T{arrives}") + timedelta(days=nights)
    return Leg(number, date, origin, destination, leaves, lands, status)


def check_route(legs: Sequence[Leg], *, origin: str, destination: str, flight_type: str) -> None:
    """Check that the flights lead one passenger from ``origin`` to ``destination``, and back if asked.

    No flight can be in a trip twice: each leaves after the one before has landed.

    Raises:
        ToolError: ``bad_route``.
    """
    if origin == destination:
        raise ToolError("bad_route", "Origin and destination are the same.")
    if legs[0].origin != origin:
        raise ToolError("bad_route", f"The first flight must leave from {quoted(origin)}.")
    for before, after in pairwise(legs):
        _check_connection(before, after)
    end = destination if flight_type == "one_way" else origin
    if legs[-1].destination != end:
        raise ToolError("bad_route", f"The last flight of this trip must arrive at {quoted(end)}.")
    if all(leg.destination != destination for leg in legs):
        raise ToolError("bad_route", f"No flight arrives at {quoted(destination)}.")


def _check_connection(before: Leg, after: Leg) -> None:
    if after.origin != before.destination:
        raise ToolError(
            "bad_route",
            f"Flight {after.flight_number} does not leave from {before.destination}, "
            f"where flight {before.flight_number} arrives.",
        )
    if after.leaves - before.lands < timedelta(minutes=MIN_CONNECTION_MINUTES):
        raise ToolError(
            "bad_route",
            f"Flight {after.flight_number} leaves less than {MIN_CONNECTION_MINUTES} minutes after "
            f"flight {before.flight_number} arrives.",
        )


def seat_price(world: World, leg: Leg, *, cabin: str, passengers: int) -> int:
    """Return today's price in cents of one seat on a flight that has room for all passengers.

    Raises:
        ToolError: ``not_available`` or ``no_seats``.
    """
    fare: Any = world.row(_FARE, leg.flight_number, leg.date, cabin)
    if leg.status != "available" or fare is None:
        raise ToolError("not_available", f"Flight {leg.flight_number} on {leg.date} cannot be booked.")
    seats_left, price = fare
    if seats_left < passengers:
        raise ToolError(
            "no_seats", f"Flight {leg.flight_number} on {leg.date} has {seats_left} seats left in {cabin}."
        )
    return int(price)


def take_seats(world: World, number: str, date: str, *, cabin: str, passengers: int) -> None:
    """Take seats that ``seat_price`` found free."""
    world.write(_TAKE, passengers, number, date, cabin)


def release_seats(world: World, number: str, date: str, *, cabin: str, passengers: int) -> None:
    """Give seats back, if the flight can still be booked."""
    world.write(_RELEASE, passengers, number, date, cabin)
