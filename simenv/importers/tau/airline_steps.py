"""The steps that the published airline tools share: finding, pricing, paying, storing.

Values come from agents unchecked. Where a wrong type fails, Python's own exception leaves this
module, as it leaves the published tools.
"""

from typing import Any, Literal, NamedTuple

from simenv.core.canonical import dollars, text_problem
from simenv.core.errors import ToolError
from simenv.core.world import World
from simenv.importers.tau.airline_records import (
    Record,
    read_reservation,
    read_user,
    save_reservation,
    save_user,
)
from simenv.importers.tau.airline_rows import DAY_TIMES


class Leg(NamedTuple):
    """A flight's schedule; ``arrives`` ends in +1 if that is the next day."""

    number: str
    origin: str
    destination: str
    departs: str
    arrives: str

    def published(self) -> Record:
        """Return the schedule with its published field names."""
        return {
            "flight_number": self.number,
            "origin": self.origin,
            "destination": self.destination,
            "scheduled_departure_time_est": self.departs,
            "scheduled_arrival_time_est": self.arrives,
        }


def find_user(world: World, user_id: Any) -> Record:
    """Return a customer's record, or refuse."""
    record = read_user(world, _name(user_id))
    if record is None:
        raise ToolError("not_found", "user not found")
    return record


def find_reservation(world: World, reservation_id: Any, *, absent: str = "reservation not found") -> Record:
    """Return a reservation's record, or refuse with the text ``absent``."""
    record = read_reservation(world, _name(reservation_id))
    if record is None:
        raise ToolError("not_found", absent)
    return record


def legs(world: World, end: Literal["origin", "destination"], airport: Any) -> list[Leg]:
    """Return the flights that start or end at an airport, in published order."""
    sql = (
        "SELECT flight_number, origin, destination, departs,"
        " arrives || CASE arrives_next_day WHEN 1 THEN '+1' ELSE '' END"
        f" FROM flights WHERE {end} = ? ORDER BY position"
    )
    return [Leg(*map(str, row)) for row in world.rows(sql, _storable(airport))]


def status(world: World, number: str, date: Any) -> str:
    """Return the status of a flight on a day, or "" if it does not fly."""
    sql = "SELECT status FROM flight_days WHERE flight_number = ? AND date = ?"
    found = world.row(sql, number, _name(date))
    return str(found[0]) if found else ""


def day(world: World, number: str, date: str) -> Record:
    """Return what is published of a flight on a day: its status, and seats and prices or times."""
    columns = ", ".join(DAY_TIMES.values())
    found = world.row(
        f"SELECT status, {columns} FROM flight_days WHERE flight_number = ? AND date = ?", number, date
    )
    if found is None:
        raise KeyError(date)
    times = {field: time for field, time in zip(DAY_TIMES, found[1:], strict=True) if time is not None}
    fares = _fares(world, number, date)
    if not fares:
        return {"status": found[0], **times}
    return {
        "status": found[0],
        "available_seats": {cabin: seats for cabin, (seats, _) in fares.items()},
        "prices": {cabin: price for cabin, (_, price) in fares.items()},
    }


def priced(world: World, flight: Any, cabin: Any, passengers: Any) -> Record:
    """Return a chosen flight with ends and today's price, or refuse; other keys of it stay."""
    number = _name(flight["flight_number"])
    leg = world.row("SELECT origin, destination FROM flights WHERE flight_number = ?", number)
    if leg is None:
        raise ToolError("not_found", f"flight {flight['flight_number']} not found")
    date = flight["date"]
    state = status(world, number, date)
    if not state:
        raise ToolError("not_found", f"flight {number} not found on date {date}")
    if state != "available":
        raise ToolError("refused", f"flight {number} not available on date {date}")
    seats, price = _fares(world, number, date)[cabin]
    if seats < len(passengers):
        raise ToolError("refused", f"not enough seats on flight {number}")
    return {**flight, "price": price, "origin": leg[0], "destination": leg[1]}


def check_payments(methods: Record, payments: Any, total: Any) -> None:
    """Refuse payments that are not the customer's, not covered one by one, or not the total."""
    for part in payments:
        payment_id, amount = part["payment_id"], part["amount"]
        if payment_id not in methods:
            raise ToolError("not_found", f"payment method {payment_id} not found")
        method = methods[payment_id]
        if method["source"] != "credit_card" and method["amount"] < amount:
            raise ToolError("refused", f"not enough balance in payment method {payment_id}")
    paid = sum(part["amount"] for part in payments)
    if paid != total:
        raise ToolError("refused", f"payment amount does not add up, total price is {total}, but paid {paid}")


def spend(methods: Record, payments: Any) -> None:
    """Take what is paid out of ``methods``, in place; a certificate goes whole.

    Raises:
        KeyError: If a certificate is named twice; what came before is spent.
    """
    for part in payments:
        method = methods[part["payment_id"]]
        if method["source"] == "gift_card":
            method["amount"] -= part["amount"]
        elif method["source"] == "certificate":
            del methods[part["payment_id"]]


def charge(world: World, record: Record, payment_id: Any, amount: Any) -> None:
    """Charge a change of a reservation, or refuse; below zero pays back.

    The payment row goes into ``record``, the gift card's new balance into the world.
    """
    owner = record["user_id"]
    user = find_user(world, owner)
    if payment_id not in user["payment_methods"]:
        raise ToolError("not_found", "payment method not found")
    method = user["payment_methods"][payment_id]
    if method["source"] == "certificate":
        raise ToolError("refused", "certificate cannot be used to update reservation")
    if method["source"] == "gift_card":
        if method["amount"] < amount:
            raise ToolError("refused", "gift card balance is not enough")
        method["amount"] -= amount
        save_user(world, owner, user)
    if amount != 0:
        record["payment_history"].append({"payment_id": payment_id, "amount": amount})


def is_booked(world: World, reservation_id: str) -> bool:
    """Return whether a reservation has that id."""
    return world.row("SELECT 1 FROM reservations WHERE reservation_id = ?", reservation_id) is not None


def store_booking(world: World, user: Record, record: Record) -> None:
    """Store a new reservation, or put it in the place of the one that has its id."""
    reservation_id, owner = record["reservation_id"], record["user_id"]
    replaced = read_reservation(world, reservation_id)
    former = replaced["user_id"] if replaced else owner
    former_user = find_user(world, former)
    listed = user["reservations"]
    listed.append(reservation_id)
    save_reservation(world, record, listed.index(reservation_id))
    save_user(world, owner, user)
    if former != owner:
        save_user(world, former, former_user)


def _fares(world: World, number: str, date: str) -> dict[str, tuple[int, int | float]]:
    sql = (
        "SELECT cabin, seats_left, price_cents FROM fares WHERE flight_number = ? AND date = ? ORDER BY cabin"
    )
    return {
        str(cabin): (int(seats or 0), dollars(int(cents or 0)))
        for cabin, seats, cents in world.rows(sql, number, date)
    }


def _name(value: Any) -> str:
    """Return a text that may be a key, "" for what cannot be one; a list or object is a TypeError."""
    hash(value)
    return _storable(value)


def _storable(value: Any) -> str:
    return value if isinstance(value, str) and not text_problem(value) else ""
