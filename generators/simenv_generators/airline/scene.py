"""A world as a task writer sees it: customers, their reservations and today's flights, as records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from simenv.core.draws import Draws
from simenv.core.rules import read_now, read_values
from simenv.core.world import World

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True)
class Leg:
    """One segment of a reservation with what happened to its flight."""

    flight_number: str
    origin: str
    destination: str
    date: str
    status: str


@dataclass(frozen=True, slots=True)
class Passenger:
    """One traveller."""

    first_name: str
    last_name: str
    dob: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Method:
    """One payment method of a customer."""

    payment_id: str
    source: str
    brand: str
    last_four: str
    balance_cents: int

    def said(self) -> str:
        """How a customer names it."""
        if self.source == "credit_card":
            return f"my {self.brand} ending in {self.last_four}"
        return f"my {self.source.replace('_', ' ')} {self.payment_id}"


@dataclass(frozen=True, slots=True)
class Booking:
    """One reservation."""

    reservation_id: str
    user_id: str
    origin: str
    destination: str
    flight_type: str
    cabin: str
    bags: int
    nonfree: int
    insurance: str
    status: str | None
    created_at: str
    legs: tuple[Leg, ...]
    passengers: tuple[Passenger, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """One user with all that belongs to them."""

    user_id: str
    first_name: str
    last_name: str
    dob: str
    membership: str
    methods: tuple[Method, ...]
    saved: tuple[Passenger, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that task writers choose from.

    Attributes:
        now: The world's time.
        values: The numbers of its policy.
        cities: Airport code to city.
        customers: By user id.
        bookings: Live reservations in a fixed order.
    """

    now: str
    values: dict[str, int]
    cities: dict[str, str]
    customers: dict[str, Customer]
    bookings: tuple[Booking, ...]
    routes: tuple[tuple[str, str], ...] = field(default=())

    @property
    def today(self) -> str:
        """The world's date."""
        return self.now[:10]

    def city(self, iata: str) -> str:
        """Return the city of an airport."""
        return self.cities[iata]

    def shuffled(self, draws: Draws) -> list[Booking]:
        """Return the live reservations in a drawn order."""
        return draws.shuffled(self.bookings)


def day(iso: str) -> str:
    """Say a date as people do.

    Example:
        >>> day("2031-05-09")
        'May 9'
    """
    when = date.fromisoformat(iso)
    return f"{MONTHS[when.month - 1]} {when.day}"


def read_scene(world: World) -> Scene:
    """Return the scene of a world."""
    legs = _grouped(
        world.rows(
            "SELECT s.reservation_id, s.flight_number, s.origin, s.destination, s.date, d.status "
            "FROM segments s JOIN flight_days d ON d.flight_number = s.flight_number AND d.date = s.date "
            "ORDER BY s.reservation_id, s.seq"
        )
    )
    travellers = _grouped(
        world.rows(
            "SELECT reservation_id, first_name, last_name, dob FROM passengers ORDER BY reservation_id, seq"
        )
    )
    found: list[Any] = world.rows(
        "SELECT reservation_id, user_id, origin, destination, flight_type, cabin, total_baggages, "
        "nonfree_baggages, insurance, status, created_at FROM reservations WHERE status IS NULL "
        "ORDER BY reservation_id"
    )
    bookings = tuple(
        Booking(
            *[
                *row,
                tuple(Leg(*leg) for leg in legs[row[0]]),
                tuple(Passenger(*who) for who in travellers[row[0]]),
            ]
        )
        for row in found
    )
    routes = world.rows("SELECT DISTINCT origin, destination FROM flights ORDER BY origin, destination")
    return Scene(
        now=read_now(world),
        values=read_values(world),
        cities={
            str(iata): str(city) for iata, city in world.rows("SELECT iata, city FROM airports ORDER BY iata")
        },
        customers=_customers(world),
        bookings=bookings,
        routes=tuple((str(a), str(b)) for a, b in routes),
    )


def _customers(world: World) -> dict[str, Customer]:
    methods = _grouped(
        world.rows(
            "SELECT user_id, payment_id, source, coalesce(brand, ''), coalesce(last_four, ''), "
            "coalesce(balance_cents, 0) FROM payment_methods ORDER BY user_id, position, payment_id"
        )
    )
    saved = _grouped(
        world.rows("SELECT user_id, first_name, last_name, dob FROM saved_passengers ORDER BY user_id, seq")
    )
    found: list[Any] = world.rows(
        "SELECT user_id, first_name, last_name, dob, membership FROM users ORDER BY user_id"
    )
    return {
        row[0]: Customer(
            *[
                *row,
                tuple(Method(*method) for method in methods.get(row[0], ())),
                tuple(Passenger(*each) for each in saved.get(row[0], ())),
            ]
        )
        for row in found
    }


def _grouped(rows: Sequence[tuple[Any, ...]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for key, *rest in rows:
        groups.setdefault(key, []).append(tuple(rest))
    return groups
