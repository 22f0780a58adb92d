"""What an airline's rows look like: normalised, integers and text only, natural keys.

Money is integer cents. Dates are ``YYYY-MM-DD``, times ``HH:MM:SS`` in the airline's one time
zone, moments ``YYYY-MM-DDTHH:MM:SS``. A flight's status on a day is one of ``available``,
``on time``, ``delayed``, ``flying``, ``landed``, ``cancelled``; only ``available`` days have fares
and can be booked.
"""

from typing import Literal

from simenv.core.acts import CORE_TABLES
from simenv.core.world import Table

Cabin = Literal["basic_economy", "economy", "business"]
FlightType = Literal["one_way", "round_trip"]
Insurance = Literal["yes", "no"]

CABINS: tuple[Cabin, ...] = ("basic_economy", "economy", "business")
TIERS = ("regular", "silver", "gold")

TABLES = (
    *CORE_TABLES,
    Table("airports", {"iata": "TEXT", "city": "TEXT", "position": "INTEGER"}, ("iata",)),
    Table(
        "flights",
        {
            "flight_number": "TEXT",
            "position": "INTEGER",  # the order in which searches list flights
            "origin": "TEXT",
            "destination": "TEXT",
            "departs": "TEXT",
            "arrives": "TEXT",
            "arrives_next_day": "INTEGER",
        },
        ("flight_number",),
        index=("origin",),
    ),
    Table(
        "flight_days",
        {
            "flight_number": "TEXT",
            "date": "TEXT",
            "status": "TEXT",
            # What the airline knows beside the schedule; NULL where the status has no such time.
            "departed_at": "TEXT?",
            "arrived_at": "TEXT?",
            "estimated_departure": "TEXT?",
            "estimated_arrival": "TEXT?",
        },
        ("flight_number", "date"),
    ),
    Table(
        "fares",
        {
            "flight_number": "TEXT",
            "date": "TEXT",
            "cabin": "TEXT",
            "seats_total": "INTEGER",
            "seats_left": "INTEGER",
            "price_cents": "INTEGER",
        },
        ("flight_number", "date", "cabin"),
    ),
    Table(
        "users",
        {
            "user_id": "TEXT",
            "first_name": "TEXT",
            "last_name": "TEXT",
            "address1": "TEXT",
            "address2": "TEXT?",
            "city": "TEXT",
            "state": "TEXT",
            "zip": "TEXT",
            "country": "TEXT",
            "email": "TEXT",
            "dob": "TEXT",
            "membership": "TEXT",
        },
        ("user_id",),
    ),
    Table(
        "payment_methods",
        {
            "payment_id": "TEXT",
            "user_id": "TEXT",
            "position": "INTEGER",
            "source": "TEXT",  # credit_card, gift_card or certificate
            "brand": "TEXT?",
            "last_four": "TEXT?",
            "balance_cents": "INTEGER?",  # gift cards and certificates
        },
        ("payment_id",),
        index=("user_id",),
    ),
    Table(
        "saved_passengers",
        {"user_id": "TEXT", "seq": "INTEGER", "first_name": "TEXT", "last_name": "TEXT", "dob": "TEXT"},
        ("user_id", "seq"),
        ordinal="seq",
    ),
    Table(
        "reservations",
        {
            "reservation_id": "TEXT",
            "user_id": "TEXT",
            "position": "INTEGER",  # the order in which the customer's profile lists them
            "origin": "TEXT",
            "destination": "TEXT",
            "flight_type": "TEXT",
            "cabin": "TEXT",
            "total_baggages": "INTEGER",
            "nonfree_baggages": "INTEGER",
            "insurance": "TEXT",
            "status": "TEXT?",  # NULL or cancelled
            "created_at": "TEXT",
        },
        ("reservation_id",),
        index=("user_id",),
    ),
    Table(
        "segments",
        {
            "reservation_id": "TEXT",
            "seq": "INTEGER",
            "flight_number": "TEXT",
            "origin": "TEXT",
            "destination": "TEXT",
            "date": "TEXT",
            "price_cents": "INTEGER",  # per passenger
        },
        ("reservation_id", "seq"),
        ordinal="seq",
    ),
    Table(
        "passengers",
        {
            "reservation_id": "TEXT",
            "seq": "INTEGER",
            "first_name": "TEXT",
            "last_name": "TEXT",
            "dob": "TEXT",
        },
        ("reservation_id", "seq"),
        ordinal="seq",
    ),
    Table(
        "payments",
        {"reservation_id": "TEXT", "seq": "INTEGER", "payment_id": "TEXT", "amount_cents": "INTEGER"},
        ("reservation_id", "seq"),
        ordinal="seq",
    ),
)
