"""A hand-made airline of four airports and six reservations, small enough to check by eye.

Seats are conserved and every reservation has been paid exactly when it starts.
"""

from typing import Any

from simenv.core.errors import ToolError
from simenv.core.image import build_image
from simenv.core.tools import by_name
from simenv.core.world import Row, World
from simenv.domains.airline.policy import VALUE_NAMES
from simenv.domains.airline.schema import CABINS, TABLES
from simenv.domains.airline.tools import TOOLS

NOW = "2024-05-15T15:00:00"
DAYS = tuple(f"2024-05-{day}" for day in range(14, 21))
SEATS = {"basic_economy": 3, "economy": 5, "business": 2}

VALUES = dict.fromkeys(VALUE_NAMES, 1) | {
    "bag_fee_cents": 50_00,
    "insurance_fee_cents": 30_50,
    "max_passengers": 4,
    "cancel_window_h": 24,
    "cancel_cabin_rank": 2,
    "cancel_covers_weather": 0,
    "cancel_fee_cents": 25_25,
    "change_window_h": 24,
    "passenger_cutoff_days": 2,
    "compensation_cancelled_cents": 100_00,
    "compensation_delayed_cents": 50_00,
}

# number, origin, destination, departs, arrives, arrives next day
FLIGHTS = (
    ("SA001", "SFO", "DEN", "06:00:00", "09:00:00", 0),
    ("SA002", "DEN", "JFK", "09:40:00", "13:00:00", 0),
    ("SA003", "DEN", "JFK", "09:39:59", "12:30:00", 0),
    ("SA004", "JFK", "SFO", "18:00:00", "23:30:00", 0),
    ("SA005", "SFO", "JFK", "22:00:00", "05:30:00", 1),
    ("SA006", "JFK", "DEN", "06:10:00", "09:00:00", 0),
    ("SA007", "DEN", "SFO", "12:00:00", "14:00:00", 0),
    ("SA008", "SFO", "JFK", "07:00:00", "15:00:00", 0),
)
STATUS = {
    ("SA001", "2024-05-15"): "flying",
    ("SA002", "2024-05-15"): "on time",
    ("SA008", "2024-05-16"): "delayed",
    ("SA004", "2024-05-17"): "cancelled",
} | {(flight[0], "2024-05-14"): "landed" for flight in FLIGHTS}

PROFILE = (
    *("First", "Last", "1 Main St", None, "Denver", "CO", "80211", "USA"),
    *("someone@example.com", "1980-02-03"),
)
USERS = {"ann_lee_1001": "gold", "bob_ray_1002": "regular", "cy_oh_1003": "silver"}
METHODS: tuple[Row, ...] = (
    ("credit_card_1000001", "ann_lee_1001", 1, "credit_card", "visa", "1111", None),
    ("gift_card_1000002", "ann_lee_1001", 2, "gift_card", None, None, 300_50),
    ("certificate_1000003", "ann_lee_1001", 3, "certificate", None, None, 150_00),
    ("certificate_1000004", "ann_lee_1001", 4, "certificate", None, None, 80_00),
    ("gift_card_1000006", "bob_ray_1002", 1, "gift_card", None, None, 20_00),
    ("credit_card_1000005", "bob_ray_1002", 2, "credit_card", "mastercard", "2222", None),
    ("credit_card_1000007", "cy_oh_1003", 1, "credit_card", "visa", "3333", None),
)

# id: user, origin, destination, type, cabin, flights, passengers, bags, insurance, status, payments
RESERVATIONS: dict[str, dict[str, Any]] = {
    "AAAAA1": {
        "user": "ann_lee_1001",
        "trip": ("SFO", "JFK", "one_way", "economy"),
        "flights": (("SA001", "2024-05-18"), ("SA002", "2024-05-18")),
        "passengers": 2,
        "bags": (2, 0),
        "insurance": "yes",
        "created_at": "2024-05-01T10:00:00",
        "paid": (
            ("certificate_2000001", 100_00),
            ("gift_card_1000002", 50_00),
            ("credit_card_1000001", None),
        ),
    },
    "AAAAA2": {
        "user": "ann_lee_1001",
        "trip": ("SFO", "JFK", "round_trip", "business"),
        "flights": (("SA008", "2024-05-17"), ("SA004", "2024-05-19")),
        "passengers": 1,
        "bags": (2, 1),
        "insurance": "no",
        "created_at": "2024-05-02T10:00:00",
        "paid": (("credit_card_1000001", None),),
    },
    "BBBBB1": {
        "user": "bob_ray_1002",
        "trip": ("SFO", "JFK", "one_way", "basic_economy"),
        "flights": (("SA008", "2024-05-16"),),
        "passengers": 1,
        "bags": (0, 0),
        "insurance": "no",
        "created_at": "2024-05-15T09:00:00",
        "paid": (("gift_card_1000006", 10_00), ("credit_card_1000005", None)),
    },
    "BBBBB2": {
        "user": "bob_ray_1002",
        "trip": ("SFO", "DEN", "round_trip", "economy"),
        "flights": (("SA001", "2024-05-14"), ("SA007", "2024-05-18")),
        "passengers": 1,
        "bags": (0, 0),
        "insurance": "no",
        "created_at": "2024-05-03T09:00:00",
        "paid": (("credit_card_1000005", None),),
    },
    "BBBBB3": {
        "user": "bob_ray_1002",
        "trip": ("JFK", "SFO", "one_way", "economy"),
        "flights": (("SA004", "2024-05-17"),),
        "passengers": 2,
        "bags": (0, 0),
        "insurance": "yes",
        "created_at": "2024-05-03T09:00:00",
        "paid": (("credit_card_1000005", None),),
    },
    "BBBBB4": {
        "user": "bob_ray_1002",
        "trip": ("SFO", "DEN", "one_way", "basic_economy"),
        "flights": (("SA001", "2024-05-17"),),
        "passengers": 1,
        "bags": (0, 0),
        "insurance": "no",
        "created_at": "2024-05-03T09:00:00",
        "paid": (("credit_card_1000005", None),),
        "status": "cancelled",
    },
}


def status_of(number: str, date: str) -> str:
    return STATUS.get((number, date), "available")


def price_of(number: str, date: str, cabin: str) -> int:
    return (7_025 + 100 * int(number[2:]) + 50 * int(date[-2:])) * (1 + CABINS.index(cabin))


def total_of(reservation: dict[str, Any]) -> int:
    cabin = reservation["trip"][3]
    price = sum(price_of(number, date, cabin) for number, date in reservation["flights"])
    count = reservation["passengers"]
    fee = VALUES["insurance_fee_cents"] * count if reservation["insurance"] == "yes" else 0
    return int(price * count + fee + VALUES["bag_fee_cents"] * reservation["bags"][1])


def paid_for(reservation: dict[str, Any]) -> list[tuple[str, int]]:
    """Return what each method paid; the one without an amount paid the rest."""
    rest = total_of(reservation) - sum(amount or 0 for _, amount in reservation["paid"])
    rows = [(payment_id, rest if amount is None else amount) for payment_id, amount in reservation["paid"]]
    if reservation.get("status"):
        rows += [(payment_id, -amount) for payment_id, amount in rows]
    return rows


def reservation_rows() -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {"reservations": [], "segments": [], "passengers": [], "payments": []}
    flights = {flight[0]: flight for flight in FLIGHTS}
    for position, (key, each) in enumerate(RESERVATIONS.items(), 1):
        ends = (each["insurance"], each.get("status"), each["created_at"])
        rows["reservations"].append((key, each["user"], position, *each["trip"], *each["bags"], *ends))
        for seq, (number, date) in enumerate(each["flights"], 1):
            price = price_of(number, date, each["trip"][3])
            rows["segments"].append((key, seq, number, *flights[number][1:3], date, price))
        for seq in range(1, each["passengers"] + 1):
            rows["passengers"].append((key, seq, f"Pat{seq}", "Doe", f"1990-01-0{seq}"))
        for seq, paid in enumerate(paid_for(each), 1):
            rows["payments"].append((key, seq, *paid))
    return rows


def fare_rows() -> list[Row]:
    held: dict[tuple[str, str, str], int] = {}
    for each in RESERVATIONS.values():
        for number, date in () if each.get("status") else each["flights"]:
            place = (number, date, each["trip"][3])
            held[place] = held.get(place, 0) + each["passengers"]
    return [
        (*place, SEATS[cabin], SEATS[cabin] - held.get(place, 0), price_of(number, date, cabin))
        for number, *_ in FLIGHTS
        for date in DAYS
        if status_of(number, date) == "available"
        for cabin in CABINS
        for place in [(number, date, cabin)]
    ]


IMAGE = build_image(
    ("tests", "airline"),
    TABLES,
    {
        "clock": [("now", NOW)],
        "counters": [("certificate", 0), ("reservation", 0)],
        "policy_values": list(VALUES.items()),
        "airports": [
            ("SFO", "San Francisco", 1),
            ("DEN", "Denver", 2),
            ("JFK", "New York", 3),
            ("ORD", "Chicago", 4),
        ],
        "flights": [(each[0], position, *each[1:]) for position, each in enumerate(FLIGHTS, 1)],
        "flight_days": [
            (number, date, status_of(number, date), None, None, None, None)
            for number, *_ in FLIGHTS
            for date in DAYS
        ],
        "fares": fare_rows(),
        "users": [(user_id, *PROFILE, membership) for user_id, membership in USERS.items()],
        "payment_methods": METHODS,
        "saved_passengers": [("ann_lee_1001", 1, "Ann", "Lee", "1980-02-03")],
        **reservation_rows(),
    },
)

BY_NAME = by_name(TOOLS)


def call(world: World, name: str, **arguments: Any) -> Any:
    """Run one tool as an episode does: checked, atomic, folded."""
    checked = BY_NAME[name].check(arguments)
    world.begin()
    try:
        result = BY_NAME[name].run(world, **checked)
    except ToolError:
        world.undo()
        raise
    world.commit()
    return result


def dump(world: World) -> dict[str, list[Row]]:
    """Return every row of every table."""
    return {
        table.name: world.rows(f'SELECT * FROM "{table.name}" ORDER BY {", ".join(table.key)}')
        for table in TABLES
    }
