"""The numbers of a world's rules, its clock and its counters."""

from dataclasses import dataclass
from datetime import date, timedelta

from simenv.core.draws import Draws
from simenv.domains.airline.policy import VALUE_NAMES, free_bags_name
from simenv.domains.airline.schema import CABINS, TIERS

MINUTES_PER_DAY = 1440
CERTIFICATE_COUNTER = (5_000_000, 9_000_000)
"""Where the numbers of certificates that tools issue begin; drawn ones lie below."""
RESERVATION_COUNTER = (0, 10**6)
WINDOWS_H = (12, 18, 24, 36, 48)
PAST_DAYS_KEPT = 100

_CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}:00" for minute in range(MINUTES_PER_DAY))


def draw_values(draws: Draws) -> dict[str, int]:
    """Return a number for every name in ``policy.VALUE_NAMES``."""
    values = {
        "bag_fee_cents": 100 * draws.at("bag_fee").between(25, 80),
        "insurance_fee_cents": 100 * draws.at("insurance_fee").between(15, 45),
        "max_passengers": draws.at("max_passengers").between(4, 9),
        "max_certificates": draws.at("max_certificates").between(1, 3),
        "cancel_window_h": draws.at("cancel_window").choice(WINDOWS_H),
        "cancel_cabin_rank": draws.at("cancel_cabin").between(1, len(CABINS)),
        "cancel_covers_illness": draws.at("covers_illness").below(2),
        "cancel_covers_weather": draws.at("covers_weather").below(2),
        "cancel_fee_cents": 100 * draws.at("cancel_fee").between(0, 60),
        "change_window_h": draws.at("change_window").between(6, 48),
        "change_cabin_rank": draws.at("change_cabin").between(1, len(CABINS)),
        "passenger_cutoff_days": draws.at("passenger_cutoff").between(0, 3),
        # Rank 0 owes everyone and rank 3 only the insured: both make rarer tasks than the middle.
        "compensation_tier_rank": draws.at("compensation_tier").weighted((0, 1, 2, 3), (1, 3, 3, 2)),
        "compensation_delayed_cents": 1000 * draws.at("compensation_delayed").between(3, 11),
        **_free_bags(draws.at("free_bags")),
    }
    # A cancelled flight is always worth more than a delayed one, at most 200 dollars.
    more = 1000 * draws.at("compensation_cancelled").between(1, 9)
    values["compensation_cancelled_cents"] = values["compensation_delayed_cents"] + more
    return {name: values[name] for name in VALUE_NAMES}


def _free_bags(draws: Draws) -> dict[str, int]:
    """Return allowances from 0 to 4 that never fall with tier or cabin and rise with both somewhere."""
    steps = ((0, 1), (1, 0), (1, 1))
    least = draws.below(2)
    by_tier, by_cabin = draws.choice(steps), draws.choice(steps)
    return {
        free_bags_name(tier, cabin): min(4, least + sum(by_tier[:rank]) + sum(by_cabin[:grade]))
        for rank, tier in enumerate(TIERS)
        for grade, cabin in enumerate(CABINS)
    }


def draw_counters(draws: Draws) -> list[tuple[str, int]]:
    """Return the counters that tools take new numbers from."""
    return [
        ("certificate", draws.at("certificate").between(*CERTIFICATE_COUNTER)),
        ("reservation", draws.at("reservation").between(*RESERVATION_COUNTER)),
    ]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The days that a world knows.

    Attributes:
        first: The first day with flights; day numbers count from it.
        days: How many days have flights.
        today: Day number of the world's time.
        now_s: Seconds of that day gone by.
        dates: Day number to ``YYYY-MM-DD`` by ``date``, from 100 days before ``first`` on.
    """

    first: date
    days: int
    today: int
    now_s: int
    dates: tuple[str, ...]

    @property
    def now_minute(self) -> int:
        """Whole minutes from the start of the first day to the world's time."""
        return self.today * MINUTES_PER_DAY + self.now_s // 60

    @property
    def now_second(self) -> int:
        """Seconds from the start of the first day to the world's time."""
        return self.today * MINUTES_PER_DAY * 60 + self.now_s

    def date(self, day: int) -> str:
        """Return the date of a day number."""
        return self.dates[day + PAST_DAYS_KEPT]

    def moment(self, minute: int) -> str:
        """Return the moment ``minute`` minutes after the start of the first day."""
        day, rest = divmod(minute, MINUTES_PER_DAY)
        return f"{self.dates[day + PAST_DAYS_KEPT]}T{_CLOCK[rest]}"

    def second(self, second: int) -> str:
        """Return the moment ``second`` seconds after the start of the first day."""
        minute, rest = divmod(second, 60)
        return f"{self.moment(minute)[:-2]}{rest:02d}"


def clock(minute: int) -> str:
    """Return minutes since midnight as ``HH:MM:SS``; a time after midnight wraps."""
    return _CLOCK[minute % MINUTES_PER_DAY]


def draw_horizon(draws: Draws, *, days: int, past_days: int) -> Horizon:
    """Return a horizon whose present lies about ``past_days`` in, between 11:00 and 18:00."""
    first = date(draws.at("year").between(2025, 2039), 1, 1) + timedelta(draws.at("day").below(365))
    dates = tuple((first + timedelta(day)).isoformat() for day in range(-PAST_DAYS_KEPT, days + 3))
    today = past_days + draws.at("today").between(-1, 1)
    return Horizon(first, days, today, draws.at("now").between(11 * 3600, 18 * 3600), dates)
