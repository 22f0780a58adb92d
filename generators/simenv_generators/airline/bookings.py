"""Who has booked what, when, and how it was paid."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from simenv.core.draws import Draws
from simenv.core.world import Row
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS, TIERS
from simenv_generators.airline.days import CABIN_COUNT, Days
from simenv_generators.airline.ids import draw_reservation_ids
from simenv_generators.airline.network import Network
from simenv_generators.airline.people import Customer, Person, draw_companions
from simenv_generators.airline.trips import KINDS, USUAL, Segment, TripPlanner
from simenv_generators.airline.values import MINUTES_PER_DAY, Horizon

HOUR_S = 3600
RECENT_S = 60 * HOUR_S
"""Longer than every window that a policy may set."""
AGES: tuple[Literal["young", "between", "old"], ...] = ("young", "old", "between", "young", "old")
"""In both of the world's windows; around the longer one, below ``RECENT_S``; or far from both."""
OLDEST_S = 60 * 24 * HOUR_S
CLOSES_S = 2 * HOUR_S
"""Nothing is booked later than this before its first flight."""
OWN_TRIPS_WEIGHTS = (1, 2, 4, 6, 4, 3)
"""How often a customer has 1, 2, ... 6 reservations."""
MOST_BAGS_BEYOND = 2
MOST_FLIGHTS = 4
COMBINATIONS = 2 * CABIN_COUNT * len(AGES)


@dataclass(slots=True)
class Bookings:
    """Rows of every reservation, and the passengers who hold seats by place * 3 + cabin."""

    reservations: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    passengers: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    seats: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is settled about a reservation before its flights are.

    Attributes:
        owner: The customer's place.
        kind: A name in ``trips.KINDS``.
        cabin: An index into ``CABINS``.
        insured: Whether it is insured.
        age: One of ``AGES``.
    """

    owner: int
    kind: str
    cabin: int
    insured: bool
    age: Literal["young", "between", "old"]


@dataclass(frozen=True, slots=True)
class Setting:
    """The parts of a world that bookings are made in."""

    network: Network
    horizon: Horizon
    days: Days
    customers: tuple[Customer, ...]
    values: Mapping[str, int]


def draw_bookings(draws: Draws, setting: Setting, *, of_class: int) -> Bookings:
    """Return every customer's reservations."""
    plans = _plans(draws.at("plan"), setting.customers)
    planner = TripPlanner(setting.network, setting.days, setting.horizon)
    ids = draw_reservation_ids(draws.at("id"), count=len(plans), of_class=of_class)
    parties = _parties(draws.at("party"), setting.customers, plans)
    keys: dict[int, set[tuple[str, str, int]]] = {}
    positions: Counter[int] = Counter()
    all_lots = _lots(draws.at("lot"), len(plans))
    result = Bookings()
    for at, plan in enumerate(plans):
        known = keys.setdefault(plan.owner, set())
        trip = planner.draw(draws.at("trip", at), plan.kind, known)
        if not trip:
            # A quiet night leaves nobody delayed since yesterday, say.
            plan = replace(plan, kind=USUAL)
            trip = planner.draw(draws.at("usual trip", at), USUAL, known)
        known.add(planner.trip_key(trip))
        positions[plan.owner] += 1
        booking = _Booking(ids[at], plan, trip, parties[at], all_lots[at], setting)
        booking.write(result, planner.ends(trip), positions[plan.owner])
    return result


def _plans(draws: Draws, customers: tuple[Customer, ...]) -> list[Plan]:
    """Deal kinds, cabins, insurance and ages so that every tier gets its part of each combination."""
    numbers = [1 + number for number in _weighted(draws.at("count"), OWN_TRIPS_WEIGHTS, len(customers))]
    plans = []
    for tier in TIERS:
        own = draws.at(tier)
        owners = [
            at
            for at, customer in enumerate(customers)
            if customer.membership == tier
            for _ in range(numbers[at])
        ]
        deck = own.at("kinds").shuffled([name for name, kind in KINDS.items() for _ in range(kind.share)])
        combinations = {name: own.at("combination", name).below(COMBINATIONS) for name in KINDS}
        for turn, owner in enumerate(own.at("owners").shuffled(owners)):
            kind = deck[turn % len(deck)]
            dealt = combinations[kind]
            combinations[kind] += 1
            cabin, age = dealt // 2 % CABIN_COUNT, AGES[dealt // 6 % len(AGES)]
            plans.append(Plan(owner, kind, cabin, insured=dealt % 2 == 0, age=age))
    return plans


def _weighted(draws: Draws, weights: tuple[int, ...], count: int) -> list[int]:
    """Return ``count`` indices into ``weights``, each as often as its weight says."""
    lots = [at for at, weight in enumerate(weights) for _ in range(weight)]
    return [lots[lot] for lot in draws.column(len(lots), count)]


def _parties(draws: Draws, customers: tuple[Customer, ...], plans: list[Plan]) -> list[tuple[Person, ...]]:
    """Return who flies: usually the owner first, then saved passengers, then relatives."""
    sizes = [1 + size for size in _weighted(draws.at("size"), (9, 6, 3, 2), len(plans))]
    absent = draws.at("absent").column(100, len(plans))
    owners = [customers[plan.owner] for plan in plans]
    relatives = iter(
        draw_companions(draws.at("relative"), [owner.person.last_name for owner in owners for _ in range(4)])
    )
    parties = []
    for owner, size, lot in zip(owners, sizes, absent, strict=True):
        kin = [next(relatives) for _ in range(4)]
        own = [] if lot < 10 else [owner.person]
        party: dict[tuple[str, str], Person] = {}
        for person in [*own, *owner.saved[: 1 + lot % 3], *kin]:
            party.setdefault((person.first_name, person.last_name), person)
        parties.append(tuple(party.values())[:size])
    return parties


class Lots(NamedTuple):
    """What a reservation draws once its flights are settled: words of 32 bits."""

    bags: int
    age: int
    method: int
    card: int
    gift_card: int
    part: int
    drifts: tuple[int, ...]

    @staticmethod
    def of(word: int, limit: int) -> int:
        """Return an integer on ``0 <= n < limit``."""
        return word * limit >> 32


def _lots(draws: Draws, count: int) -> list[Lots]:
    columns = (draws.at(name).column(2**32, count) for name in Lots._fields[:-1])
    drifts = draws.at("drifts").column(2**32, MOST_FLIGHTS * count)
    drift = (tuple(drifts[at : at + MOST_FLIGHTS]) for at in range(0, len(drifts), MOST_FLIGHTS))
    return [Lots(*row) for row in zip(*columns, drift, strict=True)]


@dataclass(frozen=True, slots=True)
class _Booking:
    """One reservation on its way into the rows."""

    reservation_id: str
    plan: Plan
    trip: tuple[Segment, ...]
    party: tuple[Person, ...]
    lots: Lots
    setting: Setting

    def write(self, into: Bookings, ends: tuple[str, str], position: int) -> None:
        """Add this reservation's rows and seats to ``into``."""
        setting, plan = self.setting, self.plan
        owner, stands = setting.customers[plan.owner], KINDS[plan.kind].stands
        total, beyond = self._bags(owner.membership)
        prices = list(self._prices())
        paid = len(self.party) * sum(prices) + self._fees(beyond)
        flights = setting.network.flights
        into.reservations.append(
            (
                self.reservation_id,
                owner.user_id,
                position,
                *ends,
                "one_way" if ends[1] == flights[self.trip[-1][0]].destination else "round_trip",
                CABINS[plan.cabin],
                total,
                beyond,
                "yes" if plan.insured else "no",
                None if stands else "cancelled",
                self._created_at(),
            )
        )
        for seq, ((at, day), price) in enumerate(zip(self.trip, prices, strict=True), 1):
            flight, date = flights[at], setting.horizon.date(day)
            into.segments.append(
                (self.reservation_id, seq, flight.number, flight.origin, flight.destination, date, price)
            )
            if stands:
                cell = (at * setting.horizon.days + day) * CABIN_COUNT + plan.cabin
                into.seats[cell] = into.seats.get(cell, 0) + len(self.party)
        into.passengers += [
            (self.reservation_id, seq, person.first_name, person.last_name, person.dob)
            for seq, person in enumerate(self.party, 1)
        ]
        into.payments += [
            (self.reservation_id, seq, *payment) for seq, payment in enumerate(self._payments(owner, paid), 1)
        ]

    def _bags(self, membership: str) -> tuple[int, int]:
        """Return checked bags and how many of them the allowance does not cover."""
        facts = {"membership": membership, "cabin": CABINS[self.plan.cabin], "passengers": len(self.party)}
        free = policy.bag_allowance(facts, self.setting.values)
        total = Lots.of(self.lots.bags, free + MOST_BAGS_BEYOND + 1)
        return total, max(0, total - free)

    def _prices(self) -> Iterator[int]:
        """Yield each flight's price per passenger: what a seat cost on the day of booking."""
        for (at, day), drift in zip(self.trip, self.lots.drifts, strict=False):
            price = self.setting.days.prices[
                (at * self.setting.horizon.days + day) * CABIN_COUNT + self.plan.cabin
            ]
            yield price * (900 + Lots.of(drift, 201)) // 5000 * 5

    def _fees(self, beyond: int) -> int:
        values, insured = self.setting.values, self.plan.insured
        insurance = policy.insurance_fee({"passengers": len(self.party)}, values) if insured else 0
        return insurance + policy.bag_fee({"bags": beyond}, values)

    def _created_at(self) -> str:
        horizon = self.setting.horizon
        at, day = self.trip[0]
        departs = day * MINUTES_PER_DAY + self.setting.network.flights[at].departs
        latest = min(horizon.now_second, departs * 60 - CLOSES_S)
        return horizon.second(latest - self._age_s())

    def _age_s(self) -> int:
        """Return the booking's age in seconds, counted from the latest possible moment."""
        lot, values = self.lots.age, self.setting.values
        short, long = sorted(values[name] * HOUR_S for name in ("cancel_window_h", "change_window_h"))
        youngest, oldest = {
            "young": (60, short),
            "between": (short, long) if lot % 2 else (long, RECENT_S),
            "old": (RECENT_S, OLDEST_S),
        }[self.plan.age]
        return youngest + Lots.of(lot, oldest - youngest)

    def _payments(self, owner: Customer, paid: int) -> Iterator[tuple[str, int]]:
        """Yield what was paid with what, and what a cancellation gave back."""
        lots = self.lots
        payments = [(owner.cards[Lots.of(lots.card, len(owner.cards))], paid)]
        method = Lots.of(lots.method, 10)
        if owner.gift_cards and method < 4:
            part = paid if method < 2 else paid * (10 + Lots.of(lots.part, 51)) // 500 * 5
            gift_card = owner.gift_cards[Lots.of(lots.gift_card, len(owner.gift_cards))]
            payments = [(gift_card, part), (payments[0][0], paid - part)]
        payments = [payment for payment in payments if payment[1]]
        yield from payments
        if not KINDS[self.plan.kind].stands:
            facts = {"paid_cents": paid, "passengers": len(self.party)}
            kept = policy.cancel_fee(facts, self.setting.values)
            for payment_id, amount in payments:
                kept, back = max(0, kept - amount), amount - min(kept, amount)
                if back:
                    yield payment_id, -back
