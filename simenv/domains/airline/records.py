"""Rows of an airline as the records that agents see: dollars, nested lists, published names."""

from typing import Any, NamedTuple

from simenv.core.canonical import dollars, quoted
from simenv.core.errors import ToolError
from simenv.core.world import World

Record = dict[str, Any]


class Reservation(NamedTuple):
    """A row of ``reservations`` without its position."""

    reservation_id: str
    user_id: str
    origin: str
    destination: str
    flight_type: str
    cabin: str
    total_baggages: int
    nonfree_baggages: int
    insurance: str
    status: str | None
    created_at: str


_RESERVATION = (
    "SELECT reservation_id, user_id, origin, destination, flight_type, cabin, total_baggages, "
    "nonfree_baggages, insurance, status, created_at FROM reservations WHERE reservation_id = ?"
)
_FLIGHTS = (
    "SELECT flight_number, origin, destination, date, price_cents FROM segments "
    "WHERE reservation_id = ? ORDER BY seq"
)
_PASSENGERS = "SELECT first_name, last_name, dob FROM passengers WHERE reservation_id = ? ORDER BY seq"
_PAYMENTS = "SELECT payment_id, amount_cents FROM payments WHERE reservation_id = ? ORDER BY seq"
_USER = (
    "SELECT first_name, last_name, address1, address2, city, country, state, zip, email, dob, membership "
    "FROM users WHERE user_id = ?"
)
_METHODS = (
    "SELECT payment_id, source, brand, last_four, balance_cents FROM payment_methods "
    "WHERE user_id = ? ORDER BY position, payment_id"
)
_SAVED = "SELECT first_name, last_name, dob FROM saved_passengers WHERE user_id = ? ORDER BY seq"
_RESERVED = "SELECT reservation_id FROM reservations WHERE user_id = ? ORDER BY position, reservation_id"


def reservation_row(world: World, reservation_id: str) -> Reservation:
    """Return a reservation's own row.

    Raises:
        ToolError: ``not_found``.
    """
    found: Any = world.row(_RESERVATION, reservation_id)
    if found is None:
        raise no_reservation(reservation_id)
    return Reservation(*found)


def live_reservation(world: World, reservation_id: str) -> Reservation:
    """Return the row of a reservation that can still be changed.

    Raises:
        ToolError: ``not_found`` or ``already_cancelled``.
    """
    found = reservation_row(world, reservation_id)
    if found.status == "cancelled":
        raise ToolError("already_cancelled", f"Reservation {reservation_id} is already cancelled.")
    return found


def count_passengers(world: World, reservation_id: str) -> int:
    """Return how many passengers a reservation has."""
    found: Any = world.row("SELECT count(*) FROM passengers WHERE reservation_id = ?", reservation_id)
    return int(found[0])


def reservation_record(world: World, reservation_id: str) -> Record:
    """Return a reservation as agents see it.

    Raises:
        ToolError: ``not_found``.
    """
    row: Any = world.row(_RESERVATION, reservation_id)
    if row is None:
        raise no_reservation(reservation_id)
    _, user_id, origin, destination, flight_type, cabin, total, nonfree, insurance, status, created_at = row
    flights: list[Any] = world.rows(_FLIGHTS, reservation_id)
    payments: list[Any] = world.rows(_PAYMENTS, reservation_id)
    return {
        "reservation_id": reservation_id,
        "user_id": user_id,
        "origin": origin,
        "destination": destination,
        "flight_type": flight_type,
        "cabin": cabin,
        "flights": [
            {
                "flight_number": number,
                "origin": leaves,
                "destination": arrives,
                "date": date,
                "price": dollars(price),
            }
            for number, leaves, arrives, date, price in flights
        ],
        "passengers": _people(world, _PASSENGERS, reservation_id),
        "payment_history": [
            {"payment_id": payment_id, "amount": dollars(cents)} for payment_id, cents in payments
        ],
        "created_at": created_at,
        "total_baggages": total,
        "nonfree_baggages": nonfree,
        "insurance": insurance,
        "status": status,
    }


def user_record(world: World, user_id: str) -> Record:
    """Return a customer's profile as agents see it.

    Raises:
        ToolError: ``not_found``.
    """
    row = world.row(_USER, user_id)
    if row is None:
        raise no_user(user_id)
    first, last, address1, address2, city, country, state, zip_code, email, dob, membership = row
    methods: list[Any] = world.rows(_METHODS, user_id)
    return {
        "user_id": user_id,
        "name": {"first_name": first, "last_name": last},
        "address": {
            "address1": address1,
            "address2": address2,
            "city": city,
            "country": country,
            "state": state,
            "zip": zip_code,
        },
        "email": email,
        "dob": dob,
        "payment_methods": {method[0]: _method_record(*method) for method in methods},
        "saved_passengers": _people(world, _SAVED, user_id),
        "membership": membership,
        "reservations": [found for (found,) in world.rows(_RESERVED, user_id)],
    }


def no_reservation(reservation_id: str) -> ToolError:
    """Return the error for a reservation that does not exist."""
    return ToolError("not_found", f"There is no reservation {quoted(reservation_id)}.")


def no_user(user_id: str) -> ToolError:
    """Return the error for a customer who does not exist."""
    return ToolError("not_found", f"There is no user {quoted(user_id)}.")


def _method_record(
    payment_id: str, source: str, brand: str | None, last_four: str | None, balance_cents: int | None
) -> Record:
    if source == "credit_card":
        return {"source": source, "brand": brand, "last_four": last_four, "id": payment_id}
    return {"source": source, "amount": dollars(balance_cents or 0), "id": payment_id}


def _people(world: World, sql: str, owner: str) -> list[Record]:
    return [
        {"first_name": first, "last_name": last, "dob": dob} for first, last, dob in world.rows(sql, owner)
    ]
