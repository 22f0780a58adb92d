"""Which flights a reservation holds: a trip around one flight-day whose fate gives it its kind."""

from dataclasses import dataclass

from simenv.core.draws import Draws
from simenv_generators.airline.days import Days
from simenv_generators.airline.network import Network
from simenv_generators.airline.values import Horizon

ATTEMPTS = 400
LONGEST_STAY = 6

Segment = tuple[int, int]
"""A flight's place in the network, and a day number."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trip.

    Attributes:
        share: How many reservations in 50 are of this kind.
        anchor: Statuses of the flight-day that the trip is built around.
        days: First and last day of the anchor, counted from today.
        others: Statuses that the trip's other flight-days may have.
        ahead: Whether the last flight must still be ahead.
        stands: Whether the reservation was never cancelled.
    """

    share: int
    anchor: tuple[str, ...]
    days: tuple[int, int]
    others: tuple[str, ...]
    ahead: bool = True
    stands: bool = True


_UNDISTURBED = ("available", "on time", "flying", "landed")
KINDS = {
    "future": Kind(16, ("available",), (1, 99), ("available",)),
    "future_cancelled": Kind(5, ("cancelled",), (1, 99), _UNDISTURBED, ahead=False),
    "today": Kind(3, ("on time",), (0, 0), _UNDISTURBED),
    "today_delayed": Kind(8, ("delayed",), (0, 0), _UNDISTURBED, ahead=False),
    "today_cancelled": Kind(3, ("cancelled",), (0, 0), _UNDISTURBED, ahead=False),
    "past_delayed": Kind(2, ("delayed",), (-99, -1), _UNDISTURBED, ahead=False),
    "past_cancelled": Kind(2, ("cancelled",), (-99, -1), _UNDISTURBED, ahead=False),
    "begun": Kind(5, ("landed", "flying"), (-4, 0), _UNDISTURBED),
    "past": Kind(4, ("landed",), (-99, -1), ("landed",), ahead=False),
    "dropped": Kind(2, ("available",), (1, 99), ("available",), stands=False),
}
USUAL = "future"
_FLOWN = {"landed": 0, "flying": 1}
_NOT_FLOWN = 2


class TripPlanner:
    """Draws trips in one world."""

    def __init__(self, network: Network, days: Days, horizon: Horizon) -> None:
        self._network = network
        self._days = days
        self._horizon = horizon
        self._anchors: dict[str, list[int]] = {name: [] for name in KINDS}
        by_fate: dict[tuple[str, int], list[list[int]]] = {}
        for place, status in enumerate(days.status):
            fate = (status, place % horizon.days)
            if fate not in by_fate:
                by_fate[fate] = [self._anchors[name] for name in self._kinds_of(*fate)]
            for anchors in by_fate[fate]:
                anchors.append(place)

    def _kinds_of(self, status: str, day: int) -> list[str]:
        from_today = day - self._horizon.today
        return [
            name
            for name, kind in KINDS.items()
            if status in kind.anchor and kind.days[0] <= from_today <= kind.days[1]
        ]

    def draw(self, draws: Draws, kind: str, taken: set[tuple[str, str, int]]) -> tuple[Segment, ...]:
        """Return a trip of one kind, or () if none was found.

        Args:
            draws: The trip's own stream.
            kind: A name in ``KINDS``.
            taken: What ``trip_key`` says of the customer's other trips.
        """
        anchors = self._anchors[kind]
        for _ in range(ATTEMPTS if anchors else 0):
            anchor = divmod(draws.choice(anchors), self._horizon.days)
            trip = self._attempt(draws, anchor)
            if trip and self.trip_key(trip) not in taken and self._fits(trip, anchor, KINDS[kind]):
                return trip
        return ()

    def trip_key(self, trip: tuple[Segment, ...]) -> tuple[str, str, int]:
        """Return what a customer would call the trip: from, to (as cities) and the first day."""
        origin, destination = self.ends(trip)
        city = self._network.city
        return (city[origin], city[destination], trip[0][1])

    def ends(self, trip: tuple[Segment, ...]) -> tuple[str, str]:
        """Return origin and destination; a trip that comes back has its destination half way."""
        flights = self._network.flights
        outward = [flight for flight, day in trip if day == trip[0][1]]
        return flights[outward[0]].origin, flights[outward[-1]].destination

    def _attempt(self, draws: Draws, anchor: Segment) -> tuple[Segment, ...]:
        """Return a trip through ``anchor``, or () where the draw leads nowhere."""
        day = anchor[1]
        leg = self._leg(draws, anchor[0])
        if not leg or draws.chance(45):
            return tuple((flight, day) for flight in leg)
        comes_back_on_anchor = draws.chance(30)
        other_day = day + draws.between(1, LONGEST_STAY) * (-1 if comes_back_on_anchor else 1)
        flights = self._network.flights
        ways = self._network.legs(flights[leg[-1]].destination, flights[leg[0]].origin)
        if not 0 <= other_day < self._horizon.days or not ways:
            return ()
        direct = [way for way in ways if len(way) == 1]
        other = draws.choice(direct if direct and draws.chance(60) else ways)
        trip = [*((flight, day) for flight in leg), *((flight, other_day) for flight in other)]
        return tuple(sorted(trip, key=lambda segment: segment[1]))

    def _leg(self, draws: Draws, anchor: int) -> tuple[int, ...]:
        shape = draws.below(10)
        if shape < 6:
            return (anchor,)
        near = self._network.onward(anchor) if shape < 8 else self._network.inward(anchor)
        if not near:
            return ()
        other = draws.choice(near)
        return (anchor, other) if shape < 8 else (other, anchor)

    def _fits(self, trip: tuple[Segment, ...], anchor: Segment, kind: Kind) -> bool:
        """Whether the fates of the trip's flights make sense for the kind and one after the other."""
        status = {
            segment: self._days.status[segment[0] * self._horizon.days + segment[1]] for segment in trip
        }
        stages = [_FLOWN.get(status[segment], _NOT_FLOWN) for segment in trip]
        undisturbed = all(status[segment] in kind.others for segment in trip if segment != anchor)
        return undisturbed and stages == sorted(stages) and (not kind.ahead or stages[-1] > 0)
