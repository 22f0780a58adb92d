"""What an airline's agent can change on a customer's behalf.

Tools keep the physics: seats, money, routes, ownership. What the airline wants beyond that is the
agent's duty and is not checked here.
"""

# ruff: noqa: D417 -- a docstring is what the agent is told, and the world is not its argument.

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from simenv.core.canonical import dollars, quoted
from simenv.core.errors import ToolError
from simenv.core.rules import Values, read_now
from simenv.core.tools import Dollars, tool
from simenv.core.world import World
from simenv.domains.airline import ids, money, policy
from simenv.domains.airline.itinerary import (
    FlightOnDay,
    Leg,
    check_route,
    find_legs,
    iso_date,
    release_seats,
    seat_price,
    take_seats,
)
from simenv.domains.airline.money import PaymentPart
from simenv.domains.airline.records import (
    Record,
    Reservation,
    count_passengers,
    live_reservation,
    no_user,
    reservation_record,
)
from simenv.domains.airline.schema import Cabin, FlightType, Insurance
from simenv.domains.airline.values import LiveValues

MAX_BAGGAGES = 20

_SEGMENTS = (
    "SELECT seq, flight_number, origin, destination, date, price_cents FROM segments "
    "WHERE reservation_id = ? ORDER BY seq"
)


class Passenger(TypedDict):
    """One passenger, as agents name them."""

    first_name: str
    last_name: str
    dob: str


@tool(effect="write")
def book_reservation(
    world: World,
    user_id: str,
    origin: str,
    destination: str,
    flight_type: FlightType,
    cabin: Cabin,
    flights: list[FlightOnDay],
    passengers: list[Passenger],
    payment_methods: list[PaymentPart],
    total_baggages: int,
    nonfree_baggages: int,
    insurance: Insurance,
) -> Record:
    """Book a reservation and pay for it.

    Args:
        user_id: The customer's id, such as "sara_doe_496".
        origin: The airport where the trip begins, such as "SFO".
        destination: The airport that the trip goes to, such as "JFK".
        flight_type: "one_way", or "round_trip" that comes back to the origin.
        cabin: The cabin of all flights.
        flights: Every flight of the trip in order, each with its number and its date as YYYY-MM-DD.
        passengers: Every passenger with first name, last name and date of birth as YYYY-MM-DD.
        payment_methods: What each payment method pays in dollars; together exactly the total price.
        total_baggages: The number of checked bags in all.
        nonfree_baggages: How many of these bags are paid for.
        insurance: "yes" or "no".
    """
    if world.row("SELECT 1 FROM users WHERE user_id = ?", user_id) is None:
        raise no_user(user_id)
    values, count = LiveValues(world), len(passengers)
    _check_passengers(passengers, values)
    _check_baggages(total_baggages, nonfree_baggages)
    legs = find_legs(world, flights)
    check_route(legs, origin=origin, destination=destination, flight_type=flight_type)
    prices = [seat_price(world, leg, cabin=cabin, passengers=count) for leg in legs]
    total = sum(prices) * count + policy.bag_fee({"bags": nonfree_baggages}, values)
    if insurance == "yes":
        total += policy.insurance_fee({"passengers": count}, values)
    paying = money.check_payment(world, user_id, payment_methods, total)

    reservation = Reservation(
        reservation_id=ids.next_reservation_id(world),
        user_id=user_id,
        origin=origin,
        destination=destination,
        flight_type=flight_type,
        cabin=cabin,
        total_baggages=total_baggages,
        nonfree_baggages=nonfree_baggages,
        insurance=insurance,
        status=None,
        created_at=read_now(world),
    )
    _insert_reservation(world, reservation, legs, prices, passengers)
    for leg in legs:
        take_seats(world, leg.flight_number, leg.date, cabin=cabin, passengers=count)
    money.pay(world, reservation.reservation_id, paying)
    return reservation_record(world, reservation.reservation_id)


@tool(effect="write")
def update_reservation_flights(
    world: World, reservation_id: str, cabin: Cabin, flights: list[FlightOnDay], payment_id: str
) -> Record:
    """Change the flights or the cabin of a reservation and settle the difference in price.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        cabin: The cabin of all flights.
        flights: Every flight of the trip in order, also those that stay, each with its number and its
            date as YYYY-MM-DD.
        payment_id: The customer's credit card or gift card that pays or gets back the difference.
    """
    reservation = live_reservation(world, reservation_id)
    old: list[Any] = world.rows(_SEGMENTS, reservation_id)
    asked = [(each["flight_number"], each["date"]) for each in flights]
    if cabin == reservation.cabin and asked == [(row[1], row[4]) for row in old]:
        raise _no_change()
    legs = find_legs(world, flights)
    check_route(
        legs,
        origin=reservation.origin,
        destination=reservation.destination,
        flight_type=reservation.flight_type,
    )
    _check_dropped(world, [(row[1], row[4]) for row in old if (row[1], row[4]) not in asked])
    count = count_passengers(world, reservation_id)
    kept = {(row[1], row[4]): row[5] for row in old if cabin == reservation.cabin}
    prices = [
        kept[leg[:2]] if leg[:2] in kept else seat_price(world, leg, cabin=cabin, passengers=count)
        for leg in legs
    ]
    difference = (sum(prices) - sum(row[5] for row in old)) * count
    money.settle(world, reservation, payment_id, difference)

    stays = {leg[:2] for leg in legs} & set(kept)
    for row in old:
        if (row[1], row[4]) not in stays:
            release_seats(world, row[1], row[4], cabin=reservation.cabin, passengers=count)
    for leg in legs:
        if leg[:2] not in stays:
            take_seats(world, leg.flight_number, leg.date, cabin=cabin, passengers=count)
    _replace_segments(world, reservation_id, old, legs, prices)
    if cabin != reservation.cabin:
        world.write("UPDATE reservations SET cabin = ? WHERE reservation_id = ?", cabin, reservation_id)
    return reservation_record(world, reservation_id)


@tool(effect="write")
def update_reservation_baggages(
    world: World, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
) -> Record:
    """Add checked bags to a reservation and pay for those that are not free.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        total_baggages: The number of checked bags in all, the new ones included.
        nonfree_baggages: How many of these bags are paid for, earlier ones included.
        payment_id: The customer's credit card or gift card that pays.
    """
    reservation = live_reservation(world, reservation_id)
    _check_baggages(total_baggages, nonfree_baggages)
    before = (reservation.total_baggages, reservation.nonfree_baggages)
    if (total_baggages, nonfree_baggages) == before:
        raise _no_change()
    if total_baggages < before[0] or nonfree_baggages < before[1]:
        raise ToolError(
            "bad_value",
            f"Bags can only be added: the reservation has {before[0]}, {before[1]} of them paid for.",
        )
    price = policy.bag_fee({"bags": nonfree_baggages - before[1]}, LiveValues(world))
    money.settle(world, reservation, payment_id, price)
    world.write(
        "UPDATE reservations SET total_baggages = ?, nonfree_baggages = ? WHERE reservation_id = ?",
        total_baggages,
        nonfree_baggages,
        reservation_id,
    )
    return reservation_record(world, reservation_id)


@tool(effect="write")
def update_reservation_passengers(world: World, reservation_id: str, passengers: list[Passenger]) -> Record:
    """Change the passengers of a reservation; their number stays.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        passengers: Every passenger with first name, last name and date of birth as YYYY-MM-DD, also
            those who stay.
    """
    live_reservation(world, reservation_id)
    old: list[Any] = world.rows(
        "SELECT seq, first_name, last_name, dob FROM passengers WHERE reservation_id = ? ORDER BY seq",
        reservation_id,
    )
    if len(passengers) != len(old):
        raise ToolError(
            "bad_value", f"The reservation has {len(old)} passengers, which cannot become {len(passengers)}."
        )
    _check_names(passengers)
    new = [(each["first_name"], each["last_name"], each["dob"]) for each in passengers]
    if sorted(new) == sorted(row[1:] for row in old):
        raise _no_change()
    for row, person in zip(old, new, strict=True):
        if row[1:] != person:
            world.write(
                "UPDATE passengers SET first_name = ?, last_name = ?, dob = ? "
                "WHERE reservation_id = ? AND seq = ?",
                *person,
                reservation_id,
                row[0],
            )
    return reservation_record(world, reservation_id)


@tool(effect="write")
def cancel_reservation(world: World, reservation_id: str) -> Record:
    """Cancel a whole reservation and pay back what was paid, less the fee.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
    """
    reservation = live_reservation(world, reservation_id)
    count = count_passengers(world, reservation_id)
    payments: list[Any] = world.rows(
        "SELECT payment_id, amount_cents FROM payments WHERE reservation_id = ? ORDER BY seq", reservation_id
    )
    paid = sum(cents for _, cents in payments)
    fee = policy.cancel_fee({"paid_cents": paid, "passengers": count}, LiveValues(world))
    money.refund(world, reservation, money.refunds_of(payments, fee))
    segments: list[Any] = world.rows(_SEGMENTS, reservation_id)
    for _, number, _, _, date, _ in segments:
        release_seats(world, number, date, cabin=reservation.cabin, passengers=count)
    world.write("UPDATE reservations SET status = 'cancelled' WHERE reservation_id = ?", reservation_id)
    return reservation_record(world, reservation_id)


@tool(effect="write")
def send_certificate(world: World, user_id: str, amount: Dollars) -> str:
    """Send a travel certificate to a customer.

    Args:
        user_id: The customer's id, such as "sara_doe_496".
        amount: What it is worth in dollars.
    """
    if world.row("SELECT 1 FROM users WHERE user_id = ?", user_id) is None:
        raise no_user(user_id)
    if amount <= 0:
        raise ToolError("bad_value", "The amount of a certificate must be positive.")
    payment_id = ids.next_certificate_id(world)
    money.add_certificate(world, user_id, payment_id, amount)
    return f"Certificate {payment_id} added to user {user_id} with amount {dollars(amount)}."


def _no_change() -> ToolError:
    return ToolError("bad_value", "Nothing would change: the reservation is already like this.")


def _check_passengers(passengers: Sequence[Passenger], values: Values) -> None:
    if not passengers:
        raise ToolError("bad_value", "A reservation has at least one passenger.")
    if not policy.passenger_limit({"passengers": len(passengers)}, values):
        raise ToolError(
            "too_many_passengers", f"A reservation has at most {values['max_passengers']} passengers."
        )
    _check_names(passengers)


def _check_names(passengers: Sequence[Passenger]) -> None:
    for each in passengers:
        if not each["first_name"].strip() or not each["last_name"].strip():
            raise ToolError("bad_value", "A passenger's first and last name must not be empty.")
        if iso_date(each["dob"]) is None:
            raise ToolError(
                "bad_value", f"The date of birth {quoted(each['dob'])} is not one like 1990-04-05."
            )


def _check_baggages(total: int, nonfree: int) -> None:
    if not 0 <= nonfree <= total <= MAX_BAGGAGES:
        raise ToolError(
            "bad_value",
            f"Bags must be 0 to {MAX_BAGGAGES} in all, and at most as many paid for as there are.",
        )


def _check_dropped(world: World, dropped: Sequence[tuple[str, str]]) -> None:
    """Check that no flight leaves the trip which its passengers have flown or are on.

    Raises:
        ToolError: ``not_available``.
    """
    for number, date in dropped:
        found = world.row("SELECT status FROM flight_days WHERE flight_number = ? AND date = ?", number, date)
        if found is not None and found[0] in ("flying", "landed"):
            raise ToolError("not_available", f"Flight {number} on {date} has left and must stay in the trip.")


def _insert_reservation(
    world: World,
    reservation: Reservation,
    legs: Sequence[Leg],
    prices: Sequence[int],
    passengers: Sequence[Passenger],
) -> None:
    found: Any = world.row("SELECT max(position) FROM reservations WHERE user_id = ?", reservation.user_id)
    reservation_id, user_id = reservation[:2]
    position = 1 + (found[0] or 0)
    world.insert("reservations", reservation_id, user_id, position, *reservation[2:])
    _replace_segments(world, reservation_id, [], legs, prices)
    for seq, each in enumerate(passengers, 1):
        world.insert("passengers", reservation_id, seq, each["first_name"], each["last_name"], each["dob"])


def _replace_segments(
    world: World, reservation_id: str, old: Sequence[Any], legs: Sequence[Leg], prices: Sequence[int]
) -> None:
    """Write the flights of a trip over its old segments, and add or remove segments as needed."""
    new = [
        (leg.flight_number, leg.origin, leg.destination, leg.date, price)
        for leg, price in zip(legs, prices, strict=True)
    ]
    for row, segment in zip(old, new, strict=False):
        if row[1:] != segment:
            world.write(
                "UPDATE segments SET flight_number = ?, origin = ?, destination = ?, date = ?, "
                "price_cents = ? WHERE reservation_id = ? AND seq = ?",
                *segment,
                reservation_id,
                row[0],
            )
    for row in old[len(new) :]:
        world.write("DELETE FROM segments WHERE reservation_id = ? AND seq = ?", reservation_id, row[0])
    for seq, segment in enumerate(new[len(old) :], 1 + (old[-1][0] if old else 0)):
        world.insert("segments", reservation_id, seq, *segment)
