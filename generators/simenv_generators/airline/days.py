"""What becomes of each flight on each day, and what a seat on it costs."""

from dataclasses import dataclass
from typing import Literal

from simenv.core.draws import Draws
from simenv.core.world import Row
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.network import Network, economy_cents
from simenv_generators.airline.values import MINUTES_PER_DAY, Horizon

Status = Literal["available", "on time", "delayed", "flying", "landed", "cancelled"]

CABIN_COUNT = len(CABINS)
CANCELLED_PAST, CANCELLED_TODAY, CANCELLED_FUTURE = 40, 80, 22
"""Flights that the airline cancels, in a thousand."""
DELAYED = 170
"""Flights of today, and of yesterday evening, that still wait, in a thousand."""
EVENING = 17 * 60
LONGEST_WAIT_MIN = 150
SEATS = ((4, 15), (6, 20), (3, 10))
"""Fewest and most seats on sale in a usual cabin; a few cabins have fewer, down to one."""


@dataclass(frozen=True, slots=True)
class Days:
    """What is known about every flight on every day; place is flight * horizon.days + day.

    Attributes:
        status: Status by place.
        prices: Cents by place * 3 + cabin: multiples of 5 that rise with the cabin.
        rows: The rows of ``flight_days``.
    """

    status: list[Status]
    prices: list[int]
    rows: list[Row]


def draw_days(draws: Draws, network: Network, horizon: Horizon) -> Days:
    """Return status, times and prices of every flight on every day."""
    status: list[Status] = []
    rows: list[Row] = []
    count = len(network.flights) * horizon.days
    fates = draws.at("fate").column(1000, count)
    waits = draws.at("wait").column(1000, count)
    dates = [horizon.date(day) for day in range(horizon.days)]
    place = 0
    for flight in network.flights:
        for day, date in enumerate(dates):
            departs = day * MINUTES_PER_DAY + flight.departs
            fate = fates[place]
            if day > horizon.today:
                now_is: Status = "cancelled" if fate < CANCELLED_FUTURE else "available"
                times: Row = (None, None, None, None)
            else:
                block = flight.arrives - flight.departs
                now_is, times = _known(horizon, departs, block, fate, waits[place])
            status.append(now_is)
            rows.append((flight.number, date, now_is, *times))
            place += 1
    return Days(status, _prices(draws.at("price"), network, horizon.days), rows)


def _known(horizon: Horizon, departs: int, block: int, fate: int, wait: int) -> tuple[Status, Row]:
    """Return status and times of a flight of today or before, ``departs`` counted from the first day."""
    now = horizon.now_minute
    day, minute = divmod(departs, MINUTES_PER_DAY)
    cancelled = CANCELLED_TODAY if day == horizon.today else CANCELLED_PAST
    if fate < cancelled:
        return "cancelled", (None, None, None, None)
    recent = departs > now - LONGEST_WAIT_MIN or (day == horizon.today - 1 and minute >= EVENING)
    if recent and fate < cancelled + DELAYED:
        leaves = max(departs, now) + 30 + wait * 270 // 5000 * 5
        return "delayed", (None, None, horizon.moment(leaves), horizon.moment(leaves + block))
    if departs > now:
        return "on time", (None, None, horizon.moment(departs), horizon.moment(departs + block))
    # One flight in eight left late; nobody waits for it any more.
    late = wait % 100 + 45 if wait % 8 == 0 and departs + 145 < now else wait % 16
    left = min(departs + late, now)
    arrival = left + block + wait % 11 - 5
    if arrival <= now:
        return "landed", (horizon.moment(left), horizon.moment(arrival), None, None)
    return "flying", (horizon.moment(left), None, None, horizon.moment(arrival))


def _prices(draws: Draws, network: Network, days: int) -> list[int]:
    flights = network.flights
    by_flight = draws.at("flight").column(31, len(flights))
    by_day, basic, business = (
        draws.at(name).column(limit, len(flights) * days)
        for name, limit in (("day", 201), ("basic", 151), ("business", 801))
    )
    prices: list[int] = []
    place = 0
    for at, flight in enumerate(flights):
        usual = economy_cents(flight.km) * (85 + by_flight[at])
        for _ in range(days):
            economy = usual * (900 + by_day[place]) // 500_000 * 5
            prices += (
                economy * (650 + basic[place]) // 5000 * 5,
                economy,
                economy * (2000 + business[place]) // 5000 * 5,
            )
            place += 1
    return prices


def draw_fares(
    draws: Draws, network: Network, horizon: Horizon, *, days: Days, taken: dict[int, int]
) -> list[Row]:
    """Return the rows of ``fares``: three for each day that can be booked.

    Args:
        draws: Where seats are drawn.
        network: The flights.
        horizon: The days.
        days: Status and prices.
        taken: Passengers of reservations that stand, by place * 3 + cabin.
    """
    future = range(horizon.today + 1, horizon.days)
    lots = draws.column(2**32, len(network.flights) * len(future) * CABIN_COUNT)
    rows: list[Row] = []
    lot = 0
    for at, flight in enumerate(network.flights):
        for day in future:
            place = at * horizon.days + day
            lot += CABIN_COUNT
            if days.status[place] != "available":
                continue
            date = horizon.date(day)
            for cabin, name in enumerate(CABINS):
                cell = place * CABIN_COUNT + cabin
                booked = taken.get(cell, 0)
                left = _seats_left(cabin, lots[lot + cabin - CABIN_COUNT], booked)
                rows.append((flight.number, date, name, booked + left, left, days.prices[cell]))
    return rows


def _seats_left(cabin: int, lot: int, booked: int) -> int:
    """Return free seats: where somebody has booked, one cabin in three is full and some are almost."""
    kind, size = lot * 100 >> 32, lot % 65_536
    if booked and kind < 58:
        return 0 if kind < 34 else 1 + (kind >= 48)
    if kind >= 90:
        return 1 + kind % 3
    least, most = SEATS[cabin]
    return max(1, least + (size * (most - least + 1) >> 16) - booked)
