"""An airline world as plans see it: customers, their trips as the tools show them, flights to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

from simenv.core.canonical import canonical, parse_trusted_exact
from simenv.core.image import WorldImage
from simenv.core.rules import read_now, read_values
from simenv.core.vocabulary import Element
from simenv.core.world import State, World, set_up
from simenv.domains.airline import DOMAIN


@dataclass(frozen=True, slots=True)
class Context:
    """What the grammar needs to read a customer's words.

    Attributes:
        today: The world's date; a day said without its year is the nearest one.
        cities: Airport code to the name by which customers call it.
        airports: The reverse.
        cards: Payment id to the words for it, of this customer.
        methods: The reverse.
    """

    today: date
    cities: Mapping[str, str]
    airports: Mapping[str, str]
    cards: Mapping[str, str]
    methods: Mapping[str, str]


class AirlineStage:
    """One world, opened; see ``core.vocabulary.Stage``."""

    def __init__(self, image: WorldImage) -> None:
        self.image, self.world = image, image.open()
        self.values, self.now = read_values(self.world), read_now(self.world)
        self.customers = [
            str(key) for (key,) in self.world.rows("SELECT user_id FROM users ORDER BY user_id")
        ]
        self._elements: dict[str, list[Element]] = {}
        self._users: dict[str, Any] = {}
        self.reads: dict[str, Any] = {}
        self._contexts: dict[str, Context] = {}

    @property
    def today(self) -> str:
        """The world's date."""
        return self.now[:10]

    def read(self, tool: str, **arguments: Any) -> Any:
        """Return what a read gives in the untouched world, as a program sees it."""
        key = canonical([tool, arguments])
        if key not in self.reads:
            self.world.play(State())
            self.reads[key] = _read(self.world, tool, arguments)
        return self.reads[key]

    def row(self, sql: str, *values: str) -> Sequence[Any]:
        """Return the one row of a query on the untouched world."""
        self.world.play(State())
        (found,) = self.world.rows(sql, *values)
        return found

    def user(self, customer: str) -> Mapping[str, Any]:
        """Return the customer's profile."""
        found: Mapping[str, Any] = self.read("get_user_details", user_id=customer)
        return found

    def elements(self, customer: str) -> Sequence[Element]:
        """Return the customer's live reservations, each with the status of its first flight."""
        if customer not in self._elements:
            self.world.play(State())
            self._elements[customer] = self._live(customer)
        return self._elements[customer]

    def elements_with(self, customer: str, setup: Sequence[Any]) -> Sequence[Element]:
        """Return the same in a world with some rows changed."""
        self.world.play(set_up(self.world.tables, setup))
        try:
            return self._live(customer)
        finally:
            self.world.play(State())

    def _live(self, customer: str) -> list[Element]:
        user = _read(self.world, "get_user_details", {"user_id": customer})
        trips = [
            _read(self.world, "get_reservation_details", {"reservation_id": key})
            for key in user["reservations"]
        ]
        return [
            trip | {"first_status": self._status(trip["flights"][0])}
            for trip in trips
            if trip["status"] is None
        ]

    def _status(self, leg: Mapping[str, Any]) -> str:
        arguments = {"flight_number": leg["flight_number"], "date": leg["date"]}
        return str(_read(self.world, "get_flight_status", arguments))

    def status(self, leg: Mapping[str, Any]) -> str:
        """Return the status of a flight on its day, in the untouched world."""
        return str(self.read("get_flight_status", flight_number=leg["flight_number"], date=leg["date"]))

    def ahead(self, trip: Element) -> bool:
        """Whether every flight of a trip can still be booked and lies in the future."""
        return all(leg["date"] > self.today and self.status(leg) == "available" for leg in trip["flights"])

    def cards(self, customer: str) -> list[str]:
        """Return the ids of the customer's credit cards."""
        methods = self.user(customer)["payment_methods"]
        return [key for key, method in methods.items() if method["source"] == "credit_card"]

    @cached_property
    def cities(self) -> dict[str, str]:
        """Airport code to the name by which customers call it; by its code too where a city has several."""
        found = [
            (str(a), str(b)) for a, b in self.world.rows("SELECT iata, city FROM airports ORDER BY iata")
        ]
        names = [city for _, city in found]
        return {iata: city if names.count(city) == 1 else f"{city} ({iata})" for iata, city in found}

    @cached_property
    def routes(self) -> list[tuple[str, str]]:
        """Pairs of airports with a direct flight."""
        rows = self.world.rows(
            "SELECT DISTINCT origin, destination FROM flights ORDER BY origin, destination"
        )
        return [(str(a), str(b)) for a, b in rows]

    @cached_property
    def days(self) -> list[str]:
        """Days after today on which somebody travels."""
        rows = self.world.rows("SELECT DISTINCT date FROM segments WHERE date > ? ORDER BY date", self.today)
        return [str(day) for (day,) in rows]

    def context(self, customer: str) -> Context:
        """Return what the grammar needs to read this customer's words."""
        if customer not in self._contexts:
            methods = self.user(customer)["payment_methods"]
            cards = {
                key: f"{method['brand'].capitalize()} ending in {method['last_four']}"
                for key, method in methods.items()
                if method["source"] == "credit_card"
            }
            self._contexts[customer] = Context(
                today=date.fromisoformat(self.today),
                cities=self.cities,
                airports={city: iata for iata, city in self.cities.items()},
                cards=cards,
                methods={text: key for key, text in cards.items()},
            )
        return self._contexts[customer]


def _read(world: World, tool: str, arguments: Mapping[str, Any]) -> Any:
    result = DOMAIN.toolbox[tool].call(world, dict(arguments))
    return result if isinstance(result, str) else parse_trusted_exact(canonical(result))


@lru_cache(maxsize=4)
def stage(image: WorldImage) -> AirlineStage:
    """Return a world, opened."""
    return AirlineStage(image)
