"""The published airline database as rows: flights, customers, reservations, airports, the clock."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simenv.core.canonical import digest
from simenv.core.errors import DataError
from simenv.core.image import WorldImage, build_image
from simenv.core.world import Row
from simenv.domains.airline.schema import CABINS
from simenv.importers.tau.airline_records import TABLES, json_text, read_cents, reservation_rows, user_rows
from simenv.importers.tau.sources import PublishedTask, parse, read_bytes

DOMAIN = "airline+tau"
FILES = ("flights", "reservations", "users", "tasks")
NOW = "2024-05-15T15:00:00"

AIRPORTS = {
    "SFO": "San Francisco",
    "JFK": "New York",
    "LAX": "Los Angeles",
    "ORD": "Chicago",
    "DFW": "Dallas",
    "DEN": "Denver",
    "SEA": "Seattle",
    "ATL": "Atlanta",
    "MIA": "Miami",
    "BOS": "Boston",
    "PHX": "Phoenix",
    "IAH": "Houston",
    "LAS": "Las Vegas",
    "MCO": "Orlando",
    "EWR": "Newark",
    "CLT": "Charlotte",
    "MSP": "Minneapolis",
    "DTW": "Detroit",
    "PHL": "Philadelphia",
    "LGA": "LaGuardia",
}
"""The published tool answers these without looking at the flights, LaGuardia as a city of its own."""

DAY_TIMES = {
    "actual_departure_time_est": "departed_at",
    "actual_arrival_time_est": "arrived_at",
    "estimated_departure_time_est": "estimated_departure",
    "estimated_arrival_time_est": "estimated_arrival",
}
"""Published field of a flight's day to the column that holds it."""

_SCHEDULE = re.compile(r"(\d\d:\d\d:\d\d)(\+1)?")
_WAY_OUT = "Take the folder as published: flights.json, reservations.json, users.json, tasks.json."


class Source:
    """The four published files of one folder, checked.

    Attributes:
        digests: File name to the digest of its bytes.
        tasks: The tasks in published order.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder.

        Raises:
            DataError: If a file is missing, corrupt or foreign.
        """
        read = {}
        self.digests: dict[str, str] = {}
        for kind in FILES:
            path = folder / f"{kind}.json"
            data = read_bytes(path, f"the published {kind}.json")
            self.digests[path.name] = digest(data)
            read[kind] = parse(path, data, kind)
        self.folder = folder
        self.flights: dict[str, Any] = read["flights"]
        self.users: dict[str, Any] = read["users"]
        self.reservations: dict[str, Any] = read["reservations"]
        self.tasks: list[PublishedTask] = read["tasks"]
        self._check()

    def rows(self) -> dict[str, list[Row]]:
        """Return the rows of every table that has any."""
        rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        rows["clock"].append(("now", NOW))
        rows["airports"] = [(iata, city, at) for at, (iata, city) in enumerate(AIRPORTS.items())]
        for at, flight in enumerate(self.flights.values()):
            for table, row in _flight_rows(flight, at):
                rows[table].append(row)
        places = {
            reservation_id: at
            for user in self.users.values()
            for at, reservation_id in enumerate(user["reservations"])
        }
        parts = [user_rows(user_id, user, user["reservations"]) for user_id, user in self.users.items()]
        parts += [reservation_rows(each, places[name]) for name, each in self.reservations.items()]
        for part in parts:
            for table, listed in part.items():
                rows[table].extend(listed)
        return {table: listed for table, listed in rows.items() if listed}

    def _check(self) -> None:
        for kind, fault in self._faults():
            raise DataError(self.folder / f"{kind}.json", 0, fault, _WAY_OUT)

    def _faults(self) -> Iterator[tuple[str, str]]:
        yield from (("flights", fault) for each in self.flights.items() for fault in _flight_faults(*each))
        yield from (("users", fault) for fault in _method_faults(self.users))
        yield from (("users", fault) for fault in _profile_faults(self.users, self.reservations))
        yield from (
            ("reservations", fault)
            for each in self.reservations.items()
            for fault in _reservation_faults(*each, self.users)
        )
        if not self.tasks or [task["id"] for task in self.tasks] != list(range(len(self.tasks))):
            yield "tasks", "there are no tasks, or their ids are not 0, 1, 2, ..."


def build(rows: Mapping[str, list[Row]], digests: Mapping[str, str]) -> WorldImage:
    """Freeze rows into the image of the variant."""
    return build_image((DOMAIN, digest(json_text(dict(digests)))), TABLES, rows)


def _flight_rows(flight: Mapping[str, Any], position: int) -> Iterator[tuple[str, Row]]:
    number = flight["flight_number"]
    arrives = flight["scheduled_arrival_time_est"]
    clock = _SCHEDULE.fullmatch(arrives)
    yield (
        "flights",
        (
            number,
            position,
            flight["origin"],
            flight["destination"],
            flight["scheduled_departure_time_est"],
            clock.group(1) if clock else arrives,
            int(arrives.endswith("+1")),
        ),
    )
    for date, day in flight["dates"].items():
        yield "flight_days", (number, date, day["status"], *(day.get(field) for field in DAY_TIMES))
        if "prices" in day:
            for cabin in CABINS:
                seats = day["available_seats"][cabin]
                yield "fares", (number, date, cabin, seats, seats, read_cents(day["prices"][cabin]))


def _flight_faults(name: str, flight: Mapping[str, Any]) -> Iterator[str]:
    if flight["flight_number"] != name:
        yield f"{name} has another flight number inside"
    departs, arrives = flight["scheduled_departure_time_est"], flight["scheduled_arrival_time_est"]
    if not _SCHEDULE.fullmatch(arrives) or not _SCHEDULE.fullmatch(departs) or departs.endswith("+1"):
        yield f"{name} has a schedule that is not HH:MM:SS, or HH:MM:SS+1 for an arrival"
    for date, day in flight["dates"].items():
        bookable = [day["status"] == "available", "prices" in day, "available_seats" in day]
        if len({*bookable}) != 1:
            yield f"{name} on {date} must have seats and prices exactly if it is available"
        if not all(map(_is_cents, day.get("prices", {}).values())):
            yield f"{name} on {date} has a price that is not whole cents"


def _method_faults(users: Mapping[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for user_id, user in users.items():
        for payment_id, method in user["payment_methods"].items():
            if payment_id != method["id"] or payment_id in seen:
                yield f"{user_id}: payment method {payment_id} has another id or two owners"
            if not _says_balance(method):
                yield f"{user_id}: payment method {payment_id} does not fit its source"
            seen.add(payment_id)


def _profile_faults(users: Mapping[str, Any], reservations: Mapping[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for user_id, user in users.items():
        for reservation_id in user["reservations"]:
            if reservation_id in seen:
                yield f"reservation {reservation_id} is listed twice"
            if reservation_id not in reservations:
                yield f"{user_id}: reservation {reservation_id} does not exist"
            seen.add(reservation_id)


def _reservation_faults(name: str, record: Mapping[str, Any], users: Mapping[str, Any]) -> Iterator[str]:
    if record["reservation_id"] != name:
        yield f"{name} has another id inside"
    if name not in users.get(record["user_id"], {"reservations": ()})["reservations"]:
        yield f"{name} is not in the profile of its customer"
    amounts = [each["amount"] for each in record["payment_history"]]
    if not all(map(_is_cents, [*amounts, *(each["price"] for each in record["flights"])])):
        yield f"{name} has an amount that is not whole cents"


def _says_balance(method: Mapping[str, Any]) -> bool:
    if method["source"] == "credit_card":
        return set(method) == {"source", "id", "brand", "last_four"}
    return set(method) == {"source", "id", "amount"} and _is_cents(method["amount"])


def _is_cents(amount: Any) -> bool:
    return amount == 0 or read_cents(amount) != 0
