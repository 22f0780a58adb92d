"""An airline with its flights, customers and reservations, drawn from an address."""

from dataclasses import dataclass

from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.image import WorldImage, build_image
from simenv.core.world import Row
from simenv.domains.airline.schema import TABLES
from simenv_generators.airline.bookings import Setting, draw_bookings
from simenv_generators.airline.days import draw_days, draw_fares
from simenv_generators.airline.ids import split_class
from simenv_generators.airline.network import draw_network
from simenv_generators.airline.people import draw_people
from simenv_generators.airline.values import draw_counters, draw_horizon, draw_values


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is; about four reservations come to each customer."""

    airports: int
    flights: int
    days: int
    past_days: int
    customers: int


SIZES = {
    "S": Size(airports=17, flights=120, days=14, past_days=5, customers=60),
    "M": Size(airports=26, flights=300, days=30, past_days=10, customers=500),
    "L": Size(airports=26, flights=3000, days=30, past_days=10, customers=5000),
}


def populate(address: tuple[str | int, ...], size: str = "S") -> dict[str, list[Row]]:
    """Return the rows of a world, by table, each with its values in the schema's column order.

    Args:
        address: What the world is drawn from; worlds of different splits share no id.
        size: ``"S"``, ``"M"`` or ``"L"``.

    Raises:
        UnknownNameError: If there is no such size.
    """
    if size not in SIZES:
        raise UnknownNameError("world size", size, SIZES)
    scale, draws = SIZES[size], Draws(*address, "world", size)
    values = draw_values(draws.at("values"))
    horizon = draw_horizon(draws.at("horizon"), days=scale.days, past_days=scale.past_days)
    network = draw_network(draws.at("network"), airports=scale.airports, flights=scale.flights)
    days = draw_days(draws.at("days"), network, horizon)
    people = draw_people(draws.at("people"), count=scale.customers, of_class=split_class(address))
    setting = Setting(network, horizon, days, people.customers, values)
    bookings = draw_bookings(draws.at("bookings"), setting, of_class=split_class(address))
    return {
        "clock": [("now", horizon.second(horizon.now_second))],
        "counters": [*draw_counters(draws.at("counters"))],
        "policy_values": [*values.items()],
        "airports": network.airport_rows(),
        "flights": network.flight_rows(),
        "flight_days": days.rows,
        "fares": draw_fares(draws.at("fares"), network, horizon, days=days, taken=bookings.seats),
        "users": people.user_rows,
        "payment_methods": people.payment_rows,
        "saved_passengers": people.saved_rows,
        "reservations": bookings.reservations,
        "segments": bookings.segments,
        "passengers": bookings.passengers,
        "payments": bookings.payments,
    }


def build(address: tuple[str | int, ...], size: str = "S") -> WorldImage:
    """Return the world at ``address``, frozen."""
    return build_image(address, TABLES, populate(address, size))


def digest_of(address: tuple[str | int, ...], size: str = "S") -> str:
    """Return the digest of the world at ``address``."""
    return build(address, size).digest
