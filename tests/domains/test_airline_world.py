"""Laws about the airline's worlds: what rows agree on, and what every world has enough of."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.world import Row
from simenv.domains.airline import policy
from simenv.domains.airline.itinerary import MIN_CONNECTION_MINUTES
from simenv.domains.airline.money import refunds_of
from simenv.domains.airline.schema import CABINS, TABLES, TIERS
from simenv_corpora.lexicons import words
from simenv_generators.airline.bookings import Setting, draw_bookings
from simenv_generators.airline.days import draw_days
from simenv_generators.airline.ids import CLASSES, fold
from simenv_generators.airline.network import (
    all_airports,
    block_minutes,
    distance_km,
    draw_network,
    economy_cents,
)
from simenv_generators.airline.people import draw_people
from simenv_generators.airline.values import WINDOWS_H, draw_horizon, draw_values
from simenv_generators.airline.world import build, digest_of, populate

WORLDS = (
    *((("airline", "train", seed), "S") for seed in range(6)),
    (("airline", "validation", 0), "S"),
    (("airline", "test", 3), "S"),
    (("airline", "train", 0), "M"),
    (("elsewhere", 1), "M"),
)
GOLDEN = {
    (("airline", "train", 0), "S"): "4e06e1916dfcf4f283d10285377fd6dd",
    (("airline", "test", 1), "S"): "36a9cfba00392594f3387a9891e08670",
    (("airline", "train", 0), "M"): "0891916c5f8d721897e74277fa882eb2",
}


class World:
    """Rows of a world as records, with the look-ups that the laws share."""

    def __init__(self, address: tuple[str | int, ...], size: str) -> None:
        self.rows = populate(address, size)
        self.tables: dict[str, list[Any]] = {}
        for table in TABLES:
            record = NamedTuple(table.name, [(column, Any) for column in table.columns])  # type: ignore[misc]
            self.tables[table.name] = [record(*row) for row in self.rows.get(table.name, ())]
        self.now = str(self.rows["clock"][0][1])
        self.values: dict[str, int] = dict(self.rows["policy_values"])  # type: ignore[arg-type]
        self.flights = {row.flight_number: row for row in self.tables["flights"]}
        self.days = {(row.flight_number, row.date): row for row in self.tables["flight_days"]}
        self.users = {row.user_id: row for row in self.tables["users"]}
        self.of_user = {name: self.group(name, "user_id") for name in ("reservations", "payment_methods")}
        self.of_reservation = {
            name: self.group(name, "reservation_id") for name in ("segments", "passengers", "payments")
        }

    def group(self, table: str, column: str) -> dict[str, list[Any]]:
        found = defaultdict(list)
        for row in self.tables[table]:
            found[getattr(row, column)].append(row)
        return found

    def statuses(self, reservation_id: str) -> list[str]:
        segments = self.of_reservation["segments"][reservation_id]
        return [self.days[each.flight_number, each.date].status for each in segments]

    def standing(self) -> list[Any]:
        return [row for row in self.tables["reservations"] if row.status is None]


@cache
def world_of(address: tuple[str | int, ...], size: str) -> World:
    return World(address, size)


@cache
def thirty_worlds() -> tuple[dict[str, list[Row]], ...]:
    return tuple(populate(("airline", "train", seed)) for seed in range(30))


@pytest.fixture(params=WORLDS, ids=lambda param: "-".join(map(str, param[0])) + "-" + param[1])
def world(request: pytest.FixtureRequest) -> World:
    return world_of(*request.param)


def minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:5])


def departure(world: World, segment: Any) -> datetime:
    return datetime.fromisoformat(f"{segment.date}T{world.flights[segment.flight_number].departs}")


def arrival(world: World, segment: Any) -> datetime:
    flight = world.flights[segment.flight_number]
    day = datetime.fromisoformat(f"{segment.date}T{flight.arrives}")
    return day + timedelta(days=flight.arrives_next_day)


# --- shape


def test_rows_have_the_schemas_columns_types_and_keys(world: World) -> None:
    kinds = {"TEXT": str, "INTEGER": int}
    for table in TABLES:
        rows = world.rows.get(table.name, [])
        for at, (column, kind) in enumerate(table.columns.items()):
            allowed = {kinds[kind.rstrip("?")], *([type(None)] if kind.endswith("?") else [])}
            assert {type(row[at]) for row in rows} <= allowed, (table.name, column)
        places = [list(table.columns).index(column) for column in table.key]
        assert len({tuple(row[at] for at in places) for row in rows}) == len(rows), table.name


def test_every_reference_leads_somewhere(world: World) -> None:
    airports = {row.iata for row in world.tables["airports"]}
    assert {row.origin for row in world.flights.values()} == airports
    for segment in world.tables["segments"]:
        flight = world.flights[segment.flight_number]
        assert (segment.origin, segment.destination) == (flight.origin, flight.destination)
        assert (segment.flight_number, segment.date) in world.days
    methods = {row.payment_id: row.user_id for row in world.tables["payment_methods"]}
    for row in world.tables["reservations"]:
        assert row.user_id in world.users
        payments = world.of_reservation["payments"][row.reservation_id]
        assert {methods[payment.payment_id] for payment in payments} == {row.user_id}


def test_a_world_has_about_the_rows_of_its_size() -> None:
    small, middle = (Counter({k: len(v) for k, v in world_of(*WORLDS[at]).rows.items()}) for at in (0, 8))
    assert (small["users"], small["flights"], small["flight_days"]) == (60, 120, 120 * 14)
    assert (middle["users"], middle["flights"], middle["flight_days"]) == (500, 300, 300 * 30)
    assert 200 <= small["reservations"] <= 280
    assert 1800 <= middle["reservations"] <= 2200
    assert len(build(("airline", "train", 0), "S").data) < 2**20


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="world size"):
        populate(("airline", 0), "XL")


# --- network, days and fares


def test_fares_and_block_times_follow_distance(world: World) -> None:
    place = {airport.iata: airport for airport in all_airports()}
    fares = defaultdict(list)
    for fare in world.tables["fares"]:
        fares[fare.flight_number].append(fare)
    for flight in world.flights.values():
        km = distance_km(place[flight.origin], place[flight.destination])
        block = minutes(flight.arrives) + 1440 * flight.arrives_next_day - minutes(flight.departs)
        assert -5 <= block - block_minutes(km) <= 15
        for fare in fares[flight.flight_number]:
            if fare.cabin == "economy":
                assert 76 * economy_cents(km) <= 100 * fare.price_cents <= 127 * economy_cents(km)


def test_longer_flights_usually_take_longer_and_cost_more() -> None:
    assert block_minutes(4000) > block_minutes(2000) > block_minutes(500)
    assert economy_cents(4000) > economy_cents(2000) > economy_cents(500)
    place = {airport.iata: airport for airport in all_airports()}
    # Great-circle distances in km, from any atlas; the integer formula is within three percent.
    for one, other, km in (
        ("JFK", "LAX", 3983),
        ("SEA", "MIA", 4386),
        ("BOS", "DCA", 642),
        ("ORD", "DEN", 1429),
    ):
        assert abs(distance_km(place[one], place[other]) - km) * 100 <= 3 * km
        assert distance_km(place[one], place[other]) == distance_km(place[other], place[one])


def test_a_better_cabin_costs_more_and_every_price_is_a_multiple_of_five_cents(world: World) -> None:
    prices: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fare in sorted(world.tables["fares"], key=lambda fare: CABINS.index(fare.cabin)):
        prices[fare.flight_number, fare.date].append(fare.price_cents)
        assert fare.price_cents % 5 == 0
    assert all(basic < economy < business for basic, economy, business in prices.values())
    assert all(segment.price_cents % 5 == 0 for segment in world.tables["segments"])


def test_only_days_that_can_be_booked_have_fares(world: World) -> None:
    available = {place for place, day in world.days.items() if day.status == "available"}
    assert Counter((fare.flight_number, fare.date) for fare in world.tables["fares"]) == dict.fromkeys(
        available, 3
    )


def test_seats_sold_are_the_passengers_who_hold_them(world: World) -> None:
    held: Counter[tuple[str, str, str]] = Counter()
    for row in world.standing():
        for segment in world.of_reservation["segments"][row.reservation_id]:
            passengers = len(world.of_reservation["passengers"][row.reservation_id])
            held[segment.flight_number, segment.date, row.cabin] += passengers
    for fare in world.tables["fares"]:
        sold = fare.seats_total - fare.seats_left
        assert sold == held[fare.flight_number, fare.date, fare.cabin]
        assert fare.seats_left >= 0
        assert fare.seats_total >= 1


def test_some_cabins_are_full_and_some_almost(world: World) -> None:
    left = Counter(min(fare.seats_left, 4) for fare in world.tables["fares"])
    assert all(left[seats] >= len(world.tables["fares"]) // 200 for seats in range(4))


def test_flights_are_listed_by_departure_and_number(world: World) -> None:
    listed = sorted(world.tables["flights"], key=lambda flight: flight.position)
    assert listed == sorted(listed, key=lambda flight: (flight.departs, flight.flight_number))
    assert [flight.position for flight in listed] == list(range(len(listed)))


def test_a_days_status_agrees_with_the_time(world: World) -> None:
    today = world.now[:10]
    for (number, date), day in world.days.items():
        scheduled = f"{date}T{world.flights[number].departs}"
        known = (day.departed_at, day.arrived_at, day.estimated_departure, day.estimated_arrival)
        given = tuple(time is not None for time in known)
        if date > today:
            assert day.status in ("available", "cancelled")
        if day.status in ("available", "cancelled"):
            assert not any(given)
            assert day.status == "cancelled" or date > today
        elif day.status == "landed":
            assert given == (True, True, False, False)
            assert scheduled[:10] <= day.departed_at < day.arrived_at <= world.now
        elif day.status == "flying":
            assert given == (True, False, False, True)
            assert scheduled <= day.departed_at <= world.now < day.estimated_arrival
        else:
            assert given == (False, False, True, True)
            assert max(world.now, scheduled) <= day.estimated_departure < day.estimated_arrival
            assert (day.status == "delayed") == (day.estimated_departure > scheduled)


def test_every_status_occurs_today_and_cancellations_before_and_after(world: World) -> None:
    today = world.now[:10]
    seen = Counter((day.status, (day.date > today) - (day.date < today)) for day in world.days.values())
    assert all(seen[status, 0] >= 3 for status in ("on time", "delayed", "flying", "landed", "cancelled"))
    assert all(seen["cancelled", when] >= 5 for when in (-1, 1))
    dates = sorted({date for _, date in world.days})
    assert 3 <= dates.index(today) <= len(dates) - 7


def test_two_cities_have_both_airports_and_routes_fly_both_ways(world: World) -> None:
    cities = Counter(row.city for row in world.tables["airports"])
    assert sum(count > 1 for count in cities.values()) >= 2
    routes = {(flight.origin, flight.destination) for flight in world.flights.values()}
    assert {(destination, origin) for origin, destination in routes} == routes


# --- reservations


def test_trips_are_flights_in_a_row_with_time_to_change(world: World) -> None:
    shapes: Counter[str] = Counter()
    for row in world.tables["reservations"]:
        segments = world.of_reservation["segments"][row.reservation_id]
        for one, other in pairwise(segments):
            assert one.destination == other.origin
            wait = departure(world, other) - arrival(world, one)
            assert wait >= timedelta(minutes=MIN_CONNECTION_MINUTES)
            shapes["one stop"] += one.date == other.date
        ends = segments[0].origin, segments[-1].destination
        if row.flight_type == "one_way":
            assert ends == (row.origin, row.destination)
            assert len({segment.date for segment in segments}) == 1
        else:
            assert ends == (row.origin, row.origin)
            assert row.destination in {segment.destination for segment in segments}
        shapes[row.flight_type] += 1
        shapes[row.cabin] += 1
        shapes[f"insured {row.insurance}"] += 1
        shapes[f"party of {len(world.of_reservation['passengers'][row.reservation_id])}"] += 1
    assert len(shapes) == 1 + 2 + 3 + 2 + 4
    assert min(shapes.values()) >= len(world.tables["reservations"]) // 20


def test_the_fates_of_a_trip_follow_each_other(world: World) -> None:
    stage = {"landed": 0, "flying": 1}
    for row in world.tables["reservations"]:
        stages = [stage.get(status, 2) for status in world.statuses(row.reservation_id)]
        assert stages == sorted(stages)


def test_payments_sum_to_the_price_or_to_the_fee_that_was_kept(world: World) -> None:
    for row in world.tables["reservations"]:
        payments = [
            (each.payment_id, each.amount_cents)
            for each in world.of_reservation["payments"][row.reservation_id]
        ]
        passengers = len(world.of_reservation["passengers"][row.reservation_id])
        prices = sum(each.price_cents for each in world.of_reservation["segments"][row.reservation_id])
        insurance = world.values["insurance_fee_cents"] if row.insurance == "yes" else 0
        price = passengers * (prices + insurance) + row.nonfree_baggages * world.values["bag_fee_cents"]
        assert sum(cents for _, cents in payments if cents > 0) == price
        if row.status is None:
            assert all(cents > 0 for _, cents in payments)
            continue
        fee = policy.cancel_fee({"paid_cents": price, "passengers": passengers}, world.values)
        assert sum(cents for _, cents in payments) == fee
        bought = [payment for payment in payments if payment[1] > 0]
        assert [(name, -cents) for name, cents in payments[len(bought) :]] == refunds_of(bought, fee)


def test_bags_beyond_the_allowance_are_the_ones_paid_for(world: World) -> None:
    for row in world.tables["reservations"]:
        facts = {
            "membership": world.users[row.user_id].membership,
            "cabin": row.cabin,
            "passengers": len(world.of_reservation["passengers"][row.reservation_id]),
        }
        free = policy.bag_allowance(facts, world.values)
        assert row.nonfree_baggages == max(0, row.total_baggages - free)


def test_bookings_come_before_departure_and_before_now(world: World) -> None:
    for row in world.tables["reservations"]:
        first = world.of_reservation["segments"][row.reservation_id][0]
        assert row.created_at < world.now
        assert datetime.fromisoformat(row.created_at) <= departure(world, first) - timedelta(hours=2)
    assert len({row.created_at[-2:] for row in world.tables["reservations"]}) >= 40


def test_two_trips_of_a_customer_differ_in_cities_or_first_day(world: World) -> None:
    city = {row.iata: row.city for row in world.tables["airports"]}
    for rows in world.of_user["reservations"].values():
        named = [
            (
                city[row.origin],
                city[row.destination],
                world.of_reservation["segments"][row.reservation_id][0].date,
            )
            for row in rows
        ]
        assert len(set(named)) == len(named)
        assert all(origin != destination for origin, destination, _ in named)


# --- people


def test_every_customer_has_what_a_customer_has(world: World) -> None:
    for user_id in world.users:
        reservations = world.of_user["reservations"][user_id]
        methods = world.of_user["payment_methods"][user_id]
        count = Counter(method.source for method in methods)
        assert 1 <= len(reservations) <= 6
        assert 1 <= count["credit_card"] <= 3
        assert count["gift_card"] <= 2
        assert count["certificate"] <= 2
        cards = [method.last_four for method in methods if method.source == "credit_card"]
        assert len(set(cards)) == len(cards)
        for method in methods:
            assert method.payment_id.startswith(method.source)
            card = method.source == "credit_card"
            assert (method.brand is not None, method.balance_cents is None) == (card, card)
            assert card or (method.balance_cents % 5 == 0 and 10_00 <= method.balance_cents <= 500_00)
        for rows in (reservations, methods):
            assert sorted(row.position for row in rows) == list(range(1, len(rows) + 1))
    assert max(Counter(row.user_id for row in world.tables["saved_passengers"]).values()) == 3
    assert {row.membership for row in world.users.values()} == set(TIERS)


def test_the_owner_usually_flies_and_no_party_has_two_of_one_name(world: World) -> None:
    flies = 0
    for row in world.tables["reservations"]:
        owner = world.users[row.user_id]
        party = world.of_reservation["passengers"][row.reservation_id]
        names = [(person.first_name, person.last_name) for person in party]
        assert len(set(names)) == len(names)
        flies += (owner.first_name, owner.last_name, owner.dob) == party[0][2:]
    assert 0.8 <= flies / len(world.tables["reservations"]) < 1


def test_some_customers_share_a_name_and_no_two_an_id(world: World) -> None:
    names = Counter((row.first_name, row.last_name) for row in world.users.values())
    assert sum(count > 1 for count in names.values()) >= len(world.users) // 20
    for user_id, row in world.users.items():
        first, last, digits = user_id.split("_")
        assert (first, last) == (fold(row.first_name), fold(row.last_name))
        assert len(digits) == 4
        assert user_id.isascii()


@pytest.mark.parametrize("name", ["first_names", "last_names"])
def test_every_name_folds_to_plain_letters(name: str) -> None:
    assert all(fold(word).isascii() and fold(word).isalpha() and fold(word).islower() for word in words(name))


# --- what tasks need


def test_every_tier_has_broken_flights_insured_and_not(world: World) -> None:
    found: Counter[tuple[str, ...]] = Counter()
    for row in world.standing():
        for status in {"cancelled", "delayed"} & set(world.statuses(row.reservation_id)):
            found[world.users[row.user_id].membership, row.insurance] += 1
            found[status, row.insurance] += 1
    assert len(found) == 6 + 4
    assert min(found.values()) >= 8, found


def test_every_cabin_is_booked_within_and_outside_every_window(world: World) -> None:
    """Of trips that have not begun, whose flights the airline has not cancelled."""
    found: Counter[tuple[Any, ...]] = Counter()
    windows = (world.values["cancel_window_h"], world.values["change_window_h"])
    for row in world.standing():
        statuses = world.statuses(row.reservation_id)
        if statuses[0] in ("flying", "landed") or "cancelled" in statuses:
            continue
        for hours in windows:
            found[row.cabin, policy.within(row.created_at, world.now, hours), hours] += 1
    assert len(found) == 3 * 2 * len(set(windows))
    assert min(found.values()) >= 5, found
    assert min(found["basic_economy", inside, hours] for inside in (True, False) for hours in windows) >= 5


def test_bookings_lie_on_both_sides_of_every_window_that_a_policy_may_set(world: World) -> None:
    for hours in (6, *WINDOWS_H):
        young = [policy.within(row.created_at, world.now, hours) for row in world.standing()]
        assert hours // 2 <= sum(young) <= len(young) * 2 // 3


def test_trips_that_have_begun_are_broken_or_lie_ahead_are_many(world: World) -> None:
    found: Counter[str] = Counter()
    for row in world.standing():
        statuses = world.statuses(row.reservation_id)
        begun = statuses[0] in ("flying", "landed")
        ahead = statuses[-1] not in ("flying", "landed")
        found["over"] += begun and not ahead
        found["begun"] += begun and ahead
        found["all ahead"] += set(statuses) == {"available"}
        found["cancelled ahead"] += "cancelled" in statuses and not begun
        found["delayed"] += "delayed" in statuses
    assert min(found.values()) >= 8, found
    assert sum(row.status == "cancelled" for row in world.tables["reservations"]) >= 4


def test_a_night_without_delays_costs_no_customer_a_trip() -> None:
    """Trips of a kind that a world has no flight for become usual trips."""
    draws = Draws("quiet")
    horizon = draw_horizon(draws, days=14, past_days=5)
    network = draw_network(draws, airports=17, flights=120)
    days = draw_days(draws, network, horizon)
    quiet = replace(days, status=["landed" if status == "delayed" else status for status in days.status])
    people = draw_people(draws, count=60, of_class=0)
    setting = Setting(network, horizon, days, people.customers, draw_values(draws))
    booked, booked_quietly = (
        draw_bookings(draws, each, of_class=0) for each in (setting, replace(setting, days=quiet))
    )
    assert len(booked_quietly.reservations) == len(booked.reservations)


def test_policy_values_are_complete_and_keep_their_ranges(world: World) -> None:
    values = world.values
    assert set(values) == set(policy.VALUE_NAMES)
    for tiers, cabins in ((TIERS, CABINS), (TIERS[1:], CABINS)):
        for tier, cabin in ((tier, cabin) for tier in tiers for cabin in cabins):
            assert 0 <= values[policy.free_bags_name(tier, cabin)] <= 4
    for cabin in CABINS:
        by_tier = [values[policy.free_bags_name(tier, cabin)] for tier in TIERS]
        assert by_tier == sorted(by_tier)
    for tier in TIERS:
        by_cabin = [values[policy.free_bags_name(tier, cabin)] for cabin in CABINS]
        assert by_cabin == sorted(by_cabin)
    assert 3000 <= values["compensation_delayed_cents"] < values["compensation_cancelled_cents"] <= 20_000


def test_every_number_of_the_policy_differs_between_worlds() -> None:
    seen = defaultdict(set)
    for rows in thirty_worlds():
        for name, value in rows["policy_values"]:
            seen[name].add(value)
    assert min(len(values) for values in seen.values()) >= 2


# --- ids and digests


def ids_of(rows: dict[str, list[Row]]) -> set[object]:
    return {row[0] for name in ("users", "reservations", "payment_methods") for row in rows[name]}


def test_worlds_share_no_user_and_no_reservation() -> None:
    """Payment ids have seven digits, so two worlds of one split may share a few of those."""
    for table in ("users", "reservations"):
        listed = [row[0] for rows in thirty_worlds() for row in rows[table]]
        assert len(set(listed)) == len(listed)


def test_splits_share_no_id_at_all() -> None:
    addresses: tuple[tuple[str, ...], ...] = (("train",), ("validation",), ("test",), ())
    splits = [
        {each for seed in range(4) for each in ids_of(populate(("airline", *split, seed)))}
        for split in addresses
    ]
    assert all(not one & other for one, other in combinations(splits, 2))
    # Chance would keep so few apart: their numbers are of different classes.
    for at, ids in enumerate(splits):
        digits = [str(each).rsplit("_", 1)[-1] for each in ids]
        assert {int(each, 10 if each.isdigit() else 36) % CLASSES for each in digits} == {at}


def test_ids_look_like_ids_and_leave_room_for_the_tools(world: World) -> None:
    for row in world.tables["reservations"]:
        made = row.reservation_id
        assert len(made) == 6
        assert made.isascii()
        assert made.isalnum()
        assert made.upper() == made
        assert not made.isdigit()
        assert not made.isalpha()
        assert not made.startswith("Z")
        assert made not in world.flights
    numbers = [
        int(row.payment_id.rsplit("_", 1)[1])
        for row in world.tables["payment_methods"]
        if row.source == "certificate"
    ]
    assert 1_000_000 <= min(numbers) <= max(numbers) < 5_000_000
    counters: dict[str, int] = dict(world.rows["counters"])  # type: ignore[arg-type]
    assert 5_000_000 <= counters["certificate"] <= 9_000_000
    assert 0 <= counters["reservation"] <= 10**6


def test_sizes_and_addresses_share_no_draws() -> None:
    digests = [digest_of(("airline", "train", seed)) for seed in range(3)]
    assert len({*digests, digest_of(("airline", "train", "0")), digest_of(("airline", "test", 0))}) == 5
    small, middle = (ids_of(populate(("airline", "train", 0), size)) for size in "SM")
    assert not {each for each in small & middle if str(each).count("_") == 2 and "card" not in str(each)}


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_a_world_is_the_same_in_every_process(hash_seed: str) -> None:
    root = Path(__file__).resolve().parents[2]
    paths = [str(root / part) for part in ("", "corpora", "generators")]
    program = (
        f"import sys; sys.path[:0] = {paths!r}\n"
        "from simenv_generators.airline.world import digest_of\n"
        f"print(*[digest_of(*place) for place in {list(GOLDEN)!r}])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Kathmandu"}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, env=environment
    )
    assert result.stdout.split() == list(GOLDEN.values())
