"""Tools that resemble an airline's own and mean something else; each says so to whoever reads its manual.

They look up and check, and leave every row as it is: an agent that takes one for the tool it resembles
fails by what it did not do.
"""

# ruff: noqa: D417 -- a docstring is what the agent is told, and the world is not its argument.

from typing import Any

from simenv.core.canonical import dollars_text
from simenv.core.tools import Tool, tool
from simenv.core.world import World
from simenv.domains.airline import reads, writes
from simenv.domains.airline.itinerary import FlightOnDay
from simenv.domains.airline.records import Record, user_record
from simenv.domains.airline.schema import Cabin
from simenv.domains.airline.writes import Passenger


@tool(effect="read")
def get_flight_schedule(world: World, flight_number: str, date: str) -> str:
    """Look up the planned status of a flight on a day, whatever has happened to the flight since.

    Args:
        flight_number: The flight, such as "HAT001".
        date: The day, as YYYY-MM-DD.
    """
    reads.get_flight_status.run(world, flight_number=flight_number, date=date)
    return "on time"


@tool(effect="read")
def preview_cancellation(world: World, reservation_id: str) -> str:
    """Say what cancelling a whole reservation would pay back; the reservation is not cancelled.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
    """
    paid = _payments_of(world, writes.cancel_reservation, reservation_id=reservation_id)
    parts = [f"{dollars_text(-cents)} to {payment_id}" for payment_id, cents in paid]
    return f"A cancellation would pay back {_listed(parts)}. Nothing was cancelled."


@tool(effect="read")
def quote_baggages(
    world: World, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
) -> str:
    """Say what adding checked bags to a reservation would cost; no bag is added and nothing is paid.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        total_baggages: The number of checked bags in all, the new ones included.
        nonfree_baggages: How many of these bags would be paid for, earlier ones included.
        payment_id: The customer's credit card or gift card that would pay.
    """
    paid = _payments_of(
        world,
        writes.update_reservation_baggages,
        reservation_id=reservation_id,
        total_baggages=total_baggages,
        nonfree_baggages=nonfree_baggages,
        payment_id=payment_id,
    )
    parts = [f"{dollars_text(cents)} from {payment_id}" for _, cents in paid]
    return f"These bags would cost {_listed(parts)}. No bag was added."


@tool(effect="read")
def draft_reservation_flights(
    world: World, reservation_id: str, cabin: Cabin, flights: list[FlightOnDay], payment_id: str
) -> str:
    """Check whether a reservation's flights or cabin could be changed; the reservation stays as it is.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        cabin: The cabin of all flights.
        flights: Every flight of the trip in order, also those that stay, each with its number and its
            date as YYYY-MM-DD.
        payment_id: The customer's credit card or gift card that would pay or get back the difference.
    """
    paid = _payments_of(
        world,
        writes.update_reservation_flights,
        reservation_id=reservation_id,
        cabin=cabin,
        flights=flights,
        payment_id=payment_id,
    )
    parts = [f"{dollars_text(abs(cents))} {'from' if cents > 0 else 'to'} {method}" for method, cents in paid]
    return f"The draft is valid and would move {_listed(parts)}. The reservation is unchanged."


@tool(effect="read")
def note_passenger_correction(world: World, reservation_id: str, passengers: list[Passenger]) -> str:
    """Leave a corrected list of passengers for the next agent; the reservation stays as it is.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        passengers: Every passenger with first name, last name and date of birth as YYYY-MM-DD, also
            those who stay.
    """
    _payments_of(
        world, writes.update_reservation_passengers, reservation_id=reservation_id, passengers=passengers
    )
    return "Noted for the next agent; the reservation is unchanged."


@tool(effect="read")
def get_user_summary(world: World, user_id: str) -> Record:
    """Look up a customer's profile in short, with the first payment method and the first reservation only.

    Args:
        user_id: The customer's id, such as "sara_doe_496".
    """
    record = user_record(world, user_id)
    methods = dict(list(record["payment_methods"].items())[:1])
    return {**record, "payment_methods": methods, "reservations": record["reservations"][:1]}


def _payments_of(
    world: World, write: Tool, *, reservation_id: str, **arguments: Any
) -> list[tuple[str, int]]:
    """Return (payment method, cents) of what a write would settle, by doing it and taking it back.

    So the checks are the write's own and cannot drift from them.

    Raises:
        ToolError: Whatever the write itself refuses.
    """
    before = len(_payments(world, reservation_id))
    world.begin()
    try:
        write.run(world, reservation_id=reservation_id, **arguments)
        return _payments(world, reservation_id)[before:]
    finally:
        world.undo()


def _payments(world: World, reservation_id: str) -> list[tuple[str, int]]:
    found: list[Any] = world.rows(
        "SELECT payment_id, amount_cents FROM payments WHERE reservation_id = ? ORDER BY seq", reservation_id
    )
    return found


def _listed(parts: list[str]) -> str:
    return ", ".join(parts) or "nothing"


LOOKALIKES = (
    get_flight_schedule,
    preview_cancellation,
    quote_baggages,
    draft_reservation_flights,
    note_passenger_correction,
    get_user_summary,
)

CONFUSABLE = {
    "get_flight_status": "get_flight_schedule",
    "cancel_reservation": "preview_cancellation",
    "update_reservation_baggages": "quote_baggages",
    "update_reservation_flights": "draft_reservation_flights",
    "update_reservation_passengers": "note_passenger_correction",
    "get_user_details": "get_user_summary",
}
"""A tool to the look-alike that might be taken for it."""
