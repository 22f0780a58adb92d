# ruff: noqa: D417 -- a docstring here is the agent's manual, and the world is no argument of the agent's
"""The published airline tools, whole. They replace native tools of the same name, and ``think`` is theirs.

What they check, in which order, and what they forget to check is the published behaviour; each way in
which that differs from the native tools is a row of ``quirks.QUIRKS``.
"""

from decimal import Decimal
from typing import Any

from typing_extensions import TypedDict

from simenv.core.errors import ToolError
from simenv.core.rules import read_now
from simenv.core.world import World
from simenv.domains.airline.schema import Cabin, FlightType, Insurance
from simenv.importers.tau.airline_records import Record, save_reservation, save_user
from simenv.importers.tau.airline_steps import (
    charge,
    check_payments,
    day,
    find_reservation,
    find_user,
    is_booked,
    legs,
    priced,
    spend,
    status,
    store_booking,
)
from simenv.importers.tau.arithmetic import calculate_text
from simenv.importers.tau.published_tool import PublishedTool, published

BOOKED_IDS = ("HATHAT", "HATHAU", "HATHAV")
CERTIFICATE_IDS = ("certificate_3221322", "certificate_3221323", "certificate_3221324")
INSURANCE_DOLLARS = 30
BAG_DOLLARS = 50


class FlightChoice(TypedDict):
    """A flight on a day."""

    flight_number: str
    date: str


class Passenger(TypedDict):
    """Who flies."""

    first_name: str
    last_name: str
    dob: str


class PaymentPart(TypedDict):
    """What one payment method pays."""

    payment_id: str
    amount: Decimal


@published(effect="write")
def book_reservation(
    world: World,
    user_id: str,
    origin: str,
    destination: str,
    flight_type: FlightType,
    cabin: Cabin,
    flights: list[FlightChoice],
    passengers: list[Passenger],
    payment_methods: list[PaymentPart],
    total_baggages: int,
    nonfree_baggages: int,
    insurance: Insurance,
) -> Any:
    """Book a reservation.

    Args:
        user_id: Customer, such as sara_doe_496.
        origin: Airport code, such as SFO.
        destination: Airport code, such as JFK.
        flight_type: One way or round trip.
        cabin: The same for every flight.
        flights: Every flight in order.
        passengers: Everyone who flies.
        payment_methods: Ids of the customer's profile and what each pays; together the total price.
        total_baggages: Checked bags.
        nonfree_baggages: Checked bags that are paid for.
        insurance: Travel insurance for everyone, yes or no.
    """
    user = find_user(world, user_id)
    reservation_id = next((each for each in BOOKED_IDS if not is_booked(world, each)), BOOKED_IDS[-1])
    segments = [priced(world, each, cabin, passengers) for each in flights]
    total: Any = sum(each["price"] * len(passengers) for each in segments)
    if insurance == "yes":
        total += INSURANCE_DOLLARS * len(passengers)
    total += BAG_DOLLARS * nonfree_baggages
    check_payments(user["payment_methods"], payment_methods, total)
    try:
        spend(user["payment_methods"], payment_methods)
    except KeyError as error:
        # A certificate named twice is gone at its second use, and what was spent so far stays spent.
        save_user(world, user_id, user)
        return f"Error: {error}"
    record = {
        "reservation_id": reservation_id,
        "user_id": user_id,
        "origin": origin,
        "destination": destination,
        "flight_type": flight_type,
        "cabin": cabin,
        "flights": _as_given(flights, segments),
        "passengers": passengers,
        "payment_history": payment_methods,
        "created_at": read_now(world),
        "total_baggages": total_baggages,
        "nonfree_baggages": nonfree_baggages,
        "insurance": insurance,
    }
    store_booking(world, user, record)
    return record


@published(effect="read")
def calculate(world: World, expression: str) -> str:
    """Calculate the value of an expression of numbers, + - * / and parentheses.

    Args:
        expression: Such as 2 * (350 - 122).
    """
    return calculate_text(expression)


@published(effect="write")
def cancel_reservation(world: World, reservation_id: str) -> Any:
    """Cancel a whole reservation.

    Args:
        reservation_id: Such as ZFA04Y.
    """
    record = find_reservation(world, reservation_id)
    history = record["payment_history"]
    history.extend([{"payment_id": paid["payment_id"], "amount": -paid["amount"]} for paid in history])
    record["status"] = "cancelled"
    save_reservation(world, record)
    return record


@published(effect="read")
def get_reservation_details(world: World, reservation_id: str) -> Any:
    """Get the details of a reservation.

    Args:
        reservation_id: Such as 8JX2WO.
    """
    # The published text does say user.
    return find_reservation(world, reservation_id, absent="user not found")


@published(effect="read")
def get_user_details(world: World, user_id: str) -> Any:
    """Get the details of a customer.

    Args:
        user_id: Such as sara_doe_496.
    """
    return find_user(world, user_id)


@published(effect="read")
def list_all_airports(world: World) -> Any:
    """List every airport and its city."""
    return dict(world.rows("SELECT iata, city FROM airports ORDER BY position"))  # type: ignore[arg-type]


@published(effect="read")
def search_direct_flight(world: World, origin: str, destination: str, date: str) -> Any:
    """Search direct flights between two airports on a day.

    Args:
        origin: Airport code, such as JFK.
        destination: Airport code, such as LAX.
        date: Day, such as 2024-05-01.
    """
    return [
        {**leg.published(), **day(world, leg.number, date)}
        for leg in legs(world, "origin", origin)
        if leg.destination == destination and status(world, leg.number, date) == "available"
    ]


@published(effect="read")
def search_onestop_flight(world: World, origin: str, destination: str, date: str) -> Any:
    """Search connections with one stop between two airports on a day.

    Args:
        origin: Airport code, such as JFK.
        destination: Airport code, such as LAX.
        date: Day of the first flight, such as 2024-05-01.
    """
    found = []
    seconds = legs(world, "destination", destination)
    for first in legs(world, "origin", origin):
        for second in seconds:
            if second.origin != first.destination:
                continue
            # The next day loses its leading zero, and the second leg shows the first day's fares.
            then = f"2024-05-{int(date[-2:]) + 1}" if "+1" in first.arrives else date
            if first.arrives > second.departs:
                continue
            if {status(world, first.number, date), status(world, second.number, then)} == {"available"}:
                found.append(
                    [
                        {**first.published(), **day(world, first.number, date), "date": date},
                        {**second.published(), **day(world, second.number, date), "date": then},
                    ]
                )
    return found


@published(effect="write")
def send_certificate(world: World, user_id: str, amount: Decimal) -> Any:
    """Send a travel certificate to a customer. Be careful!

    Args:
        user_id: Such as sara_doe_496.
        amount: Its worth in dollars.
    """
    user = find_user(world, user_id)
    methods = user["payment_methods"]
    for payment_id in CERTIFICATE_IDS:
        if payment_id not in methods:
            methods[payment_id] = {"source": "certificate", "amount": amount, "id": payment_id}
            save_user(world, user_id, user)
            return f"Certificate {payment_id} added to user {user_id} with amount {amount}."
    return None


@published(effect="read")
def think(world: World, thought: str) -> str:
    """Think about something; this changes nothing and obtains nothing.

    Args:
        thought: What to think.
    """
    return ""


@published(effect="act", ends=True)
def transfer_to_human_agents(world: World, summary: str) -> str:
    """Transfer the customer to a human agent.

    Use it only if the customer asks for a human, or if no tool can settle the matter.

    Args:
        summary: What the customer wants.
    """
    return "Transfer successful"


@published(effect="write")
def update_reservation_baggages(
    world: World, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
) -> Any:
    """Change the bags of a reservation.

    Args:
        reservation_id: Such as ZFA04Y.
        total_baggages: Checked bags from now on.
        nonfree_baggages: Checked bags that are paid for, from now on.
        payment_id: Who pays for more paid bags.
    """
    record = find_reservation(world, reservation_id)
    more: Any = max(0, nonfree_baggages - record["nonfree_baggages"])
    charge(world, record, payment_id, BAG_DOLLARS * more)
    record |= {"total_baggages": total_baggages, "nonfree_baggages": nonfree_baggages}
    save_reservation(world, record)
    return record


@published(effect="write")
def update_reservation_flights(
    world: World, reservation_id: str, cabin: Cabin, flights: list[FlightChoice], payment_id: str
) -> Any:
    """Change the flights of a reservation.

    Args:
        reservation_id: Such as ZFA04Y.
        cabin: The same for every flight.
        flights: Every flight of the reservation from now on, also those that stay.
        payment_id: Who pays or is paid the difference.
    """
    record = find_reservation(world, reservation_id)
    segments = []
    cost: Any = 0
    for flight in flights:
        kept = [each for each in record["flights"] if _is_same(each, flight) and record["cabin"] == cabin]
        if kept:
            segment: Record = {**flight} | {
                part: kept[0][part] for part in ("price", "origin", "destination")
            }
        else:
            segment = priced(world, flight, cabin, record["passengers"])
        cost += segment["price"] * len(record["passengers"])
        segments.append(segment)
    cost -= sum(each["price"] for each in record["flights"]) * len(record["passengers"])
    charge(world, record, payment_id, cost)
    # The cabin of the record stays as it was.
    record["flights"] = _as_given(flights, segments)
    save_reservation(world, record)
    return record


@published(effect="write")
def update_reservation_passengers(world: World, reservation_id: str, passengers: list[Passenger]) -> Any:
    """Change the passengers of a reservation; their number stays.

    Args:
        reservation_id: Such as ZFA04Y.
        passengers: Everyone who flies.
    """
    record = find_reservation(world, reservation_id)
    if len(passengers) != len(record["passengers"]):
        raise ToolError("refused", "number of passengers does not match")
    record["passengers"] = passengers
    save_reservation(world, record)
    return record


def _is_same(segment: Record, flight: Any) -> bool:
    same: bool = segment["flight_number"] == flight["flight_number"] and segment["date"] == flight["date"]
    return same


def _as_given(flights: Any, segments: list[Record]) -> Any:
    """Return the new flights; nothing in place of a list stays what it was."""
    return segments if isinstance(flights, list) else flights


TAU_TOOLS: tuple[PublishedTool, ...] = (
    book_reservation,
    calculate,
    cancel_reservation,
    get_reservation_details,
    get_user_details,
    list_all_airports,
    search_direct_flight,
    search_onestop_flight,
    send_certificate,
    think,
    transfer_to_human_agents,
    update_reservation_baggages,
    update_reservation_flights,
    update_reservation_passengers,
)
"""Every tool of the published benchmark; a conversation that names another gets an error."""
