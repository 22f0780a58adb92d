"""Where an airline flies, when, and for how much."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import isqrt
from operator import attrgetter

from simenv.core.draws import Draws
from simenv.core.world import Row
from simenv_corpora.lexicons import words
from simenv_generators.airline.values import MINUTES_PER_DAY, clock

MIN_CONNECTION_MIN = 40
MAX_CONNECTION_MIN = 300
SHORTEST_KM = 250
HUBS = 3
CLOSED_MIN = (6 * 60, 22 * 60 + 30)
"""First and last departure of a day, in minutes since midnight."""


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport; ``north`` and ``east`` are 1/100 degrees."""

    iata: str
    city: str
    north: int
    east: int


@dataclass(frozen=True, slots=True)
class Flight:
    """One scheduled flight; ``departs`` counts minutes since midnight, ``arrives`` on from there."""

    number: str
    origin: str
    destination: str
    departs: int
    arrives: int
    km: int


class Network:
    """The airports and flights of one world, and how flights connect between different cities.

    A flight is meant by its place in ``flights``, which is ordered by (departs, number).
    """

    def __init__(self, airports: tuple[Airport, ...], flights: tuple[Flight, ...]) -> None:
        self.airports = airports
        self.flights = flights
        self.city = {airport.iata: airport.city for airport in airports}
        self.from_airport: dict[str, list[int]] = {airport.iata: [] for airport in airports}
        self.on_route: dict[tuple[str, str], list[int]] = {}
        for at, flight in enumerate(flights):
            self.from_airport[flight.origin].append(at)
            self.on_route.setdefault((flight.origin, flight.destination), []).append(at)
        self._departs = {
            iata: [flights[at].departs for at in listed] for iata, listed in self.from_airport.items()
        }
        self._legs: dict[tuple[str, str], list[tuple[int, ...]]] = {}
        self._onward: dict[int, list[int]] = {}
        self._to_airport: dict[str, list[int]] = {airport.iata: [] for airport in airports}
        for at, flight in enumerate(flights):
            self._to_airport[flight.destination].append(at)

    def onward(self, at: int) -> list[int]:
        """Return the flights that a passenger of flight ``at`` can board on the same day."""
        if at not in self._onward:
            flight, flights = self.flights[at], self.flights
            departs, listed = self._departs[flight.destination], self.from_airport[flight.destination]
            low = bisect_left(departs, flight.arrives + MIN_CONNECTION_MIN)
            high = bisect_left(departs, flight.arrives + MAX_CONNECTION_MIN + 1)
            home = self.city[flight.origin]
            self._onward[at] = [to for to in listed[low:high] if self.city[flights[to].destination] != home]
        return self._onward[at]

    def inward(self, at: int) -> list[int]:
        """Return the flights whose passengers can board flight ``at`` on the same day."""
        flight, flights = self.flights[at], self.flights
        return [
            before
            for before in self._to_airport[flight.origin]
            if MIN_CONNECTION_MIN <= flight.departs - flights[before].arrives <= MAX_CONNECTION_MIN
            and self.city[flights[before].origin] != self.city[flight.destination]
        ]

    def legs(self, origin: str, destination: str) -> list[tuple[int, ...]]:
        """Return the ways from ``origin`` to ``destination`` within a day: direct first, then one stop."""
        route = (origin, destination)
        if route not in self._legs:
            direct: list[tuple[int, ...]] = [(at,) for at in self.on_route.get(route, ())]
            self._legs[route] = direct + [
                (at, to)
                for at in self.from_airport[origin]
                for to in self.onward(at)
                if self.flights[to].destination == destination
            ]
        return self._legs[route]

    def airport_rows(self) -> list[Row]:
        """Return the rows of ``airports``."""
        return [(airport.iata, airport.city, at) for at, airport in enumerate(self.airports)]

    def flight_rows(self) -> list[Row]:
        """Return the rows of ``flights``."""
        return [
            (
                flight.number,
                at,
                flight.origin,
                flight.destination,
                clock(flight.departs),
                clock(flight.arrives),
                flight.arrives // MINUTES_PER_DAY,
            )
            for at, flight in enumerate(self.flights)
        ]


@cache
def all_airports() -> tuple[Airport, ...]:
    """Return every airport that a world may have, by IATA code."""
    parts = (line.split("\t") for line in words("airports"))
    return tuple(Airport(iata, city, int(north), int(east)) for iata, city, _, north, east in parts)


def distance_km(one: Airport, other: Airport) -> int:
    """Return the distance of two airports: equirectangular, with Bhaskara's cosine, in integers."""
    doubled = one.north + other.north
    square = (doubled // 2) ** 2
    straight = 90_00 * 90_00 * 4
    cosine = 10_000 * (straight - 4 * square) // (straight + square)
    north = (one.north - other.north) * 11_119
    east = (one.east - other.east) * 11_119 * cosine // 10_000
    return isqrt(north * north + east * east) // 10_000


def block_minutes(km: int) -> int:
    """Return the usual minutes from gate to gate."""
    return 40 + km * 3 // 40


def economy_cents(km: int) -> int:
    """Return the usual fare in economy."""
    return 45_00 + km * 9


def draw_network(draws: Draws, *, airports: int, flights: int) -> Network:
    """Return a network of about ``airports`` airports around a few hubs, both ways on every route."""
    drawn = _airports(draws.at("airports"), airports)
    routes = list(_routes(draws.at("routes"), drawn))
    # Two flights a day or more on a route leave a choice; a small airline flies fewer routes for it.
    routes = routes[: max(1, flights * 2 // 9)]
    numbers = _numbers(draws, flights)
    openings = draws.at("departs").column(2**32, flights)
    delays = draws.at("block").column(4, flights)
    listed = []
    for at in range(flights):
        lap, way = divmod(at, 2 * len(routes))
        one, other = routes[way // 2] if way % 2 else routes[way // 2][::-1]
        laps = -(-(flights - way) // (2 * len(routes)))
        departs = _departure(openings[at], lap, laps)
        km = distance_km(one, other)
        arrives = departs + (block_minutes(km) // 5 + delays[at]) * 5
        listed.append(Flight(numbers[at], one.iata, other.iata, departs, arrives, km))
    listed.sort(key=attrgetter("departs", "number"))
    served = {flight.origin for flight in listed}
    return Network(tuple(airport for airport in drawn if airport.iata in served), tuple(listed))


def _airports(draws: Draws, count: int) -> tuple[Airport, ...]:
    """Draw airports, among them both airports of two cities."""
    known = all_airports()
    cities = sorted({a.city for a in known if sum(b.city == a.city for b in known) > 1})
    twins = set(draws.at("twins").sample(cities, 2))
    first = [airport for airport in known if airport.city in twins]
    rest = draws.at("rest").shuffled([airport for airport in known if airport not in first])
    chosen = [*first, *rest][:count]
    return tuple(sorted(chosen, key=attrgetter("iata")))


def _routes(draws: Draws, airports: tuple[Airport, ...]) -> Iterator[tuple[Airport, Airport]]:
    """Yield pairs of airports, the most important first."""
    order = draws.at("hubs").shuffled(airports)
    # One hub to a city: an airport is too near to its own city's hub to be served from it.
    hubs = list({airport.city: airport for airport in order}.values())[:HUBS]
    spokes = [airport for airport in order if airport not in hubs]
    firsts = draws.at("first_hub").column(HUBS, len(spokes))
    yield from _far(combinations(hubs, 2))
    reachable = [
        list(_far((hubs[(first + turn) % HUBS], spoke) for turn in range(HUBS)))
        for first, spoke in zip(firsts, spokes, strict=True)
    ]
    for turn in range(HUBS):
        yield from (routes[turn] for routes in reachable if turn < len(routes))
    yield from _far(draws.at("spokes").shuffled(list(combinations(spokes, 2))))


def _far(pairs: Iterable[tuple[Airport, Airport]]) -> Iterator[tuple[Airport, Airport]]:
    return (pair for pair in pairs if distance_km(*pair) >= SHORTEST_KM)


def _numbers(draws: Draws, count: int) -> list[str]:
    """Draw flight numbers such as KQL123; a big airline flies under more than one prefix."""
    prefixes = draws.at("prefix").sample(words("carriers"), 1 + count // 700)
    each = -(-count // len(prefixes))
    digits = [draws.at("number", prefix).sample(range(100, 1000), each) for prefix in prefixes]
    numbers = [
        f"{prefix}{number}"
        for together in zip(*digits, strict=True)
        for prefix, number in zip(prefixes, together, strict=True)
    ]
    return numbers[:count]


def _departure(word: int, lap: int, laps: int) -> int:
    """Return a departure in the ``lap``-th of ``laps`` equal parts of the day, on five minutes."""
    first, last = CLOSED_MIN
    part = (last - first) // laps
    return first + part * lap + (part * word >> 32) // 5 * 5
