"""Single rows about a customer that, changed, may turn what is right: the raw material of twins."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from simenv.core.draws import Draws
from simenv.core.vocabulary import Element, Stage
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS, TABLES, TIERS
from simenv_generators.airline.stage import AirlineStage
from simenv_generators.airline.verbs import cancel_facts

_MOST = 12
_LONG_AGO_H = 24 * 14
_PLACES = {table.name: table.place for table in TABLES}
Change = list[Any]


def changes(stage: Stage, customer: str, draws: Draws) -> list[Change]:
    """Return changes of one row each, as in ``Task.setup``: what turns most about each trip comes first.

    Rows stay as a world has them: nothing is booked after it left, no status has times that it never has.
    """
    airline: Any = stage
    ranked: list[tuple[int, int, Change]] = []
    for number, group in enumerate(_groups(airline, customer, draws)):
        shuffled = draws.at("order", number).shuffled(group)
        scored = [(_turned(airline, customer, change), change) for change in shuffled]
        best = sorted(scored, key=lambda each: -each[0])
        ranked += [(place, -turned, change) for place, (turned, change) in enumerate(best)]
    ordered = sorted(ranked, key=lambda each: each[:2])
    return [change for _, _, change in ordered[:_MOST]]


def _groups(stage: AirlineStage, customer: str, draws: Draws) -> Iterator[list[Change]]:
    """Yield the changes that are about each trip, and those that are about the customer."""
    for trip in stage.elements(customer):
        row = _row(stage, "reservations", reservation_id=trip["reservation_id"])
        own = [*_of_trip(stage, customer, trip, row)]
        own += _rebooked(stage, trip, row, draws.at("booked", trip["reservation_id"]))
        yield own + [change for leg in trip["flights"] for change in _of_flight(stage, leg)]
    user = _row(stage, "users", user_id=customer)
    tiers = [tier for tier in TIERS if tier != _at("users", user, "membership")]
    yield [_with("users", user, membership=tier) for tier in tiers]


def _of_trip(stage: AirlineStage, customer: str, trip: Element, row: list[Any]) -> Iterator[Change]:
    """Yield another insurance, other cabins and one bag more; paid bags stay what the rules make of them."""
    membership = stage.user(customer)["membership"]

    def paid(cabin: str, bags: int) -> int:
        facts = {"membership": membership, "cabin": cabin, "passengers": len(trip["passengers"])}
        return max(0, bags - policy.bag_allowance(facts, stage.values))

    bags, cabin = trip["total_baggages"], trip["cabin"]
    yield _with("reservations", row, insurance="no" if trip["insurance"] == "yes" else "yes")
    for other in CABINS:
        if other != cabin:
            yield _with("reservations", row, cabin=other, nonfree_baggages=paid(other, bags))
    yield _with("reservations", row, total_baggages=bags + 1, nonfree_baggages=paid(cabin, bags + 1))


def _rebooked(stage: AirlineStage, trip: Element, row: list[Any], draws: Draws) -> Iterator[Change]:
    """Yield other moments of booking: in both windows, in the longer one only, in neither."""
    now = datetime.fromisoformat(stage.now)
    short, long = sorted((stage.values["cancel_window_h"], stage.values["change_window_h"]))
    for least, most in ((1, short), (short, long), (long, long + _LONG_AGO_H)):
        if most > least:
            minutes = draws.at(least, most).between(least * 60 + 1, most * 60 - 1)
            when = now - timedelta(minutes=minutes, seconds=draws.at("s", most).between(0, 59))
            if when.date().isoformat() < trip["flights"][0]["date"]:
                yield _with("reservations", row, created_at=when.isoformat())


def _of_flight(stage: AirlineStage, leg: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what else might have become of a flight.

    A day that is cancelled ahead has no fares, so it stays so; the times of one that flies are not made up.
    """
    row = _row(stage, "flight_days", flight_number=leg["flight_number"], date=leg["date"])
    status = _at("flight_days", row, "status")
    none = dict.fromkeys(("departed_at", "arrived_at", "estimated_departure", "estimated_arrival"))
    if status != "cancelled":
        yield _with("flight_days", row, status="cancelled", **none)
    elif leg["date"] > stage.today:
        return
    flight = _row(stage, "flights", flight_number=leg["flight_number"])
    day = datetime.fromisoformat(leg["date"])
    leaves, lands = (_moment(day, _at("flights", flight, name)) for name in ("departs", "arrives"))
    lands += timedelta(days=_at("flights", flight, "arrives_next_day"))
    now = datetime.fromisoformat(stage.now)
    flown = none | {"departed_at": leaves.isoformat(), "arrived_at": lands.isoformat()}
    if status == "cancelled" and lands <= now:
        yield _with("flight_days", row, status="landed", **flown)
    if status in ("cancelled", "delayed") and leaves > now:
        on_time = {"estimated_departure": leaves.isoformat(), "estimated_arrival": lands.isoformat()}
        yield _with("flight_days", row, status="on time", **none | on_time)
    if status in ("cancelled", "on time") and leg["date"] == stage.today and leaves > now:
        late = timedelta(minutes=90)
        waits = {
            "estimated_departure": (leaves + late).isoformat(),
            "estimated_arrival": (lands + late).isoformat(),
        }
        yield _with("flight_days", row, status="delayed", **none | waits)


def _moment(day: datetime, clock: str) -> datetime:
    return datetime.combine(day.date(), datetime.fromisoformat(f"2000-01-01T{clock}").time())


# What a change turns


def _turned(stage: AirlineStage, customer: str, change: Change) -> int:
    """Return how many answers of the rules are others once a row is changed."""
    name, _, new = change
    membership = stage.user(customer)["membership"]
    if name == "users":
        membership = _at(name, new, "membership")
    turned = 0
    for trip in stage.elements(customer):
        same = _answers(stage, trip, stage.user(customer)["membership"], {})
        other, days = trip, dict[tuple[str, str], str]()
        if name == "reservations" and trip["reservation_id"] == _at(name, new, "reservation_id"):
            other = trip | {key: _at(name, new, key) for key in ("insurance", "cabin", "created_at")}
        if name == "flight_days":
            place = (_at(name, new, "flight_number"), _at(name, new, "date"))
            days = {place: _at(name, new, "status")}
        found = _answers(stage, other, membership, days)
        turned += sum(one != two for one, two in zip(same, found, strict=True))
    return turned


def _answers(
    stage: AirlineStage, trip: Element, membership: str, days: Mapping[tuple[str, str], str]
) -> list[bool]:
    """Return what the rules say of a trip where some flights have another status."""
    legs = [days.get((leg["flight_number"], leg["date"]), "") or stage.status(leg) for leg in trip["flights"]]
    flown = legs[0] in ("flying", "landed")
    facts = cancel_facts(stage, trip, "") | {"airline_cancelled": "cancelled" in legs}
    grounds = [
        not flown and policy.cancel_ground(facts | {"reason": reason}, stage.values)
        for reason in policy.REASONS
    ]
    owed = [
        policy.compensation_due(
            {"membership": membership, "insurance": trip["insurance"], "flight_status": leg}, stage.values
        )
        for leg in legs
    ]
    return [*grounds, policy.change_flights(facts, stage.values), *owed]


# Rows


def _row(stage: AirlineStage, table: str, **key: str) -> list[Any]:
    """Return a row of the untouched world."""
    where = " AND ".join(f'"{name}" = ?' for name in key)
    found = stage.row(f'SELECT * FROM "{table}" WHERE {where}', *key.values())
    return list(found)


def _at(table: str, row: list[Any], column: str) -> Any:
    return row[_PLACES[table][column]]


def _with(table: str, row: list[Any], **values: Any) -> Change:
    """Return the change of a row to other values."""
    new = list(row)
    for name, value in values.items():
        new[_PLACES[table][name]] = value
    return [table, row, new]
