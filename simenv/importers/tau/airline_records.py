"""Published airline records as rows and back, losing nothing of what the published JSON says.

The published tools keep whatever an agent sent: extra keys, 55.0 for 55, a passenger without a birthday.
A row cannot hold that, so each field of a record that its rows do not give back exactly is also kept
as JSON text in ``verbatim``, and reading prefers that text. Records of the published data need none.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from simenv.core.canonical import INT64_MAX, INT64_MIN, dollars, text_problem
from simenv.core.world import Row, Table, World
from simenv.domains.airline import schema

VERBATIM = Table(
    "verbatim",
    {"kind": "TEXT", "id": "TEXT", "field": "TEXT", "text": "TEXT"},
    ("kind", "id", "field"),
)
TABLES = (*schema.TABLES, VERBATIM)

Record = dict[str, Any]
Rows = Mapping[str, Sequence[Row]]

_MOST_CENTS = 10**15


def json_text(value: Any) -> str:
    """Return JSON text in which 5 and 5.0 differ and the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


def read_cents(value: Any) -> int:
    """Return an amount of dollars in cents, or 0 if cents cannot say it."""
    if type(value) not in (int, float) or not abs(value) < _MOST_CENTS / 100:
        return 0
    cents = Fraction(str(value)) * 100
    return int(cents) if cents.denominator == 1 else 0


def read_user(world: World, user_id: Any) -> Record | None:
    """Return a customer's record as published, or None."""
    if not _text(user_id):
        return None
    rows = _stored(world, _USER_PARTS, user_id)
    if not rows["users"]:
        return None
    return _user(rows, _reservation_ids(world, user_id)) | _loose(world, "user", user_id)


def read_reservation(world: World, reservation_id: Any) -> Record | None:
    """Return a reservation's record as published, or None."""
    if not _text(reservation_id):
        return None
    rows = _stored(world, _RESERVATION_PARTS, reservation_id)
    if not rows["reservations"]:
        return None
    return _reservation(rows) | _loose(world, "reservation", reservation_id)


def user_rows(
    user_id: str,
    record: Record,
    reservation_ids: Sequence[str],
    *,
    positions: Mapping[str, int] | None = None,
    taken: Collection[str] = (),
) -> Rows:
    """Return a customer's rows.

    Args:
        user_id: The customer.
        record: The record as published.
        reservation_ids: What the table of reservations lists for the customer, in order.
        positions: Payment id to its place in the profile; by default the order of the record.
        taken: Payment ids whose row belongs to somebody else.
    """
    methods: Record = record["payment_methods"]
    places = positions or {payment_id: at for at, payment_id in enumerate(methods)}
    name, address = record["name"], record["address"]
    rows: dict[str, list[Row]] = {
        "users": [
            (
                user_id,
                *(name[part] for part in ("first_name", "last_name")),
                *(address.get(part) for part in ("address1", "address2", "city", "state", "zip", "country")),
                *(record[part] for part in ("email", "dob", "membership")),
            )
        ],
        "payment_methods": [
            (
                payment_id,
                user_id,
                places[payment_id],
                method["source"],
                method.get("brand"),
                method.get("last_four"),
                read_cents(method["amount"]) if "amount" in method else None,
            )
            for payment_id, method in methods.items()
            if payment_id not in taken
        ],
        "saved_passengers": [
            (user_id, at, *_person(each)) for at, each in enumerate(record["saved_passengers"])
        ],
    }
    rows["verbatim"] = _verbatim("user", user_id, record, _user(rows, list(reservation_ids)))
    return rows


def reservation_rows(record: Record, position: int) -> Rows:
    """Return a reservation's rows; ``position`` is its place in the customer's list."""
    reservation_id: str = record["reservation_id"]
    status = record.get("status")
    rows: dict[str, list[Row]] = {
        "reservations": [
            (
                reservation_id,
                record["user_id"],
                position,
                *(_text(record[part]) for part in ("origin", "destination", "flight_type", "cabin")),
                *(_integer(record[part]) for part in ("total_baggages", "nonfree_baggages")),
                _text(record["insurance"]),
                None if status is None else _text(status),
                record["created_at"],
            )
        ],
        "segments": [
            (
                reservation_id,
                at,
                *(_text(each.get(part)) for part in ("flight_number", "origin", "destination", "date")),
                read_cents(each.get("price")),
            )
            for at, each in enumerate(_objects(record["flights"]))
        ],
        "passengers": [
            (reservation_id, at, *_person(each)) for at, each in enumerate(_objects(record["passengers"]))
        ],
        "payments": [
            (reservation_id, at, _text(each.get("payment_id")), read_cents(each.get("amount")))
            for at, each in enumerate(_objects(record["payment_history"]))
        ],
    }
    rows["verbatim"] = _verbatim("reservation", reservation_id, record, _reservation(rows))
    return rows


def save_reservation(world: World, record: Record, position: int | None = None) -> None:
    """Write what differs between a reservation's rows and ``record``.

    Args:
        world: The world.
        record: The record as published.
        position: Its place in the customer's list; by default the one it has.
    """
    reservation_id = record["reservation_id"]
    old = _stored(world, _RESERVATION_PARTS, reservation_id)
    if position is None:
        position = int(old["reservations"][0][2] or 0)
    old["verbatim"] = _loose_rows(world, "reservation", reservation_id)
    _write(world, old, reservation_rows(record, position))


def save_user(world: World, user_id: str, record: Record) -> None:
    """Write what differs between a customer's rows and ``record``."""
    old = _stored(world, _USER_PARTS, user_id)
    old["verbatim"] = _loose_rows(world, "user", user_id)
    positions = {str(row[0]): int(row[2] or 0) for row in old["payment_methods"]}
    taken = set()
    for payment_id in record["payment_methods"]:
        owner = world.row("SELECT user_id FROM payment_methods WHERE payment_id = ?", payment_id)
        if owner not in (None, (user_id,)):
            taken.add(payment_id)
        positions.setdefault(payment_id, 1 + max(positions.values(), default=-1))
    listed = _reservation_ids(world, user_id)
    _write(world, old, user_rows(user_id, record, listed, positions=positions, taken=taken))


_USER_PARTS = {"users": "user_id", "payment_methods": "user_id", "saved_passengers": "user_id"}
_RESERVATION_PARTS = {
    "reservations": "reservation_id",
    "segments": "reservation_id",
    "passengers": "reservation_id",
    "payments": "reservation_id",
}
_ORDER = {"users": "user_id", "payment_methods": "position", "reservations": "reservation_id"}


def _stored(world: World, parts: Mapping[str, str], owner: str) -> dict[str, list[Row]]:
    return {
        table: world.rows(
            f'SELECT * FROM "{table}" WHERE "{column}" = ? ORDER BY {_ORDER.get(table, "seq")}', owner
        )
        for table, column in parts.items()
    }


def _reservation_ids(world: World, user_id: str) -> list[str]:
    sql = "SELECT reservation_id FROM reservations WHERE user_id = ? ORDER BY position, reservation_id"
    return [str(row[0]) for row in world.rows(sql, user_id)]


def _loose_rows(world: World, kind: str, owner: str) -> list[Row]:
    return world.rows("SELECT * FROM verbatim WHERE kind = ? AND id = ? ORDER BY field", kind, owner)


def _loose(world: World, kind: str, owner: str) -> Record:
    return {str(row[2]): json.loads(str(row[3])) for row in _loose_rows(world, kind, owner)}


def _user(rows: Rows, reservation_ids: list[str]) -> Record:
    _, first, last, address1, address2, city, state, zip_code, country, email, dob, tier = rows["users"][0]
    return {
        "name": {"first_name": first, "last_name": last},
        "address": {
            "address1": address1,
            "address2": address2,
            "city": city,
            "country": country,
            "state": state,
            "zip": zip_code,
        },
        "email": email,
        "dob": dob,
        "payment_methods": {str(row[0]): _method(row) for row in rows["payment_methods"]},
        "saved_passengers": [_passenger(row) for row in rows["saved_passengers"]],
        "membership": tier,
        "reservations": reservation_ids,
    }


def _method(row: Row) -> Record:
    payment_id, _, _, source, brand, last_four, balance = row
    if source == "credit_card":
        return {"source": source, "brand": brand, "last_four": last_four, "id": payment_id}
    return {"source": source, "amount": dollars(int(balance or 0)), "id": payment_id}


def _reservation(rows: Rows) -> Record:
    head = rows["reservations"][0]
    record: Record = {
        "reservation_id": head[0],
        "user_id": head[1],
        "origin": head[3],
        "destination": head[4],
        "flight_type": head[5],
        "cabin": head[6],
        "flights": [
            {
                "origin": origin,
                "destination": destination,
                "flight_number": number,
                "date": date,
                "price": dollars(int(cents or 0)),
            }
            for _, _, number, origin, destination, date, cents in rows["segments"]
        ],
        "passengers": [_passenger(row) for row in rows["passengers"]],
        "payment_history": [
            {"payment_id": payment_id, "amount": dollars(int(cents or 0))}
            for _, _, payment_id, cents in rows["payments"]
        ],
        "created_at": head[11],
        "total_baggages": head[7],
        "nonfree_baggages": head[8],
        "insurance": head[9],
    }
    return record if head[10] is None else {**record, "status": head[10]}


def _passenger(row: Row) -> Record:
    return {"first_name": row[2], "last_name": row[3], "dob": row[4]}


def _verbatim(kind: str, owner: str, record: Record, readable: Record) -> list[Row]:
    return [
        (kind, owner, field, json_text(value))
        for field, value in sorted(record.items())
        if field not in readable or json_text(readable[field]) != json_text(value)
    ]


def _person(value: Record) -> tuple[str, str, str]:
    return _text(value.get("first_name")), _text(value.get("last_name")), _text(value.get("dob"))


def _objects(value: Any) -> list[Record]:
    listed = value if isinstance(value, list) else []
    return [each if isinstance(each, dict) else {} for each in listed]


def _text(value: Any) -> str:
    return value if isinstance(value, str) and not text_problem(value) else ""


def _integer(value: Any) -> int:
    return value if type(value) is int and INT64_MIN <= value <= INT64_MAX else 0


def _write(world: World, old: Rows, new: Rows) -> None:
    """Turn the old rows of one record into the new ones, touching only rows that differ."""
    for name in new:
        table = world.tables[name]
        at = [list(table.columns).index(column) for column in table.key]
        before = {tuple(row[each] for each in at): row for row in old.get(name, ())}
        after = {tuple(row[each] for each in at): row for row in new[name]}
        where = " AND ".join(f'"{column}" = ?' for column in table.key)
        for key in before:
            if key not in after:
                world.write(f'DELETE FROM "{name}" WHERE {where}', *key)
        for key, row in after.items():
            if key not in before:
                world.insert(name, *row)
            elif row != before[key]:
                columns = ", ".join(f'"{column}" = ?' for column in table.columns)
                world.write(f'UPDATE "{name}" SET {columns} WHERE {where}', *row, *key)
