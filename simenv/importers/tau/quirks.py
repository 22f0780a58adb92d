"""Where the published airline tools differ from the native ones, one row each; docs and tests read this."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """One difference.

    Attributes:
        id: Stable name.
        tool: The tool that shows it, or ``"*"``.
        differs: What the published tool does that a native tool does not.
        evidence: Where that is seen: a recorded conversation as ``task/trial``, ``hash`` for digests of
            end states that the benchmark published, or ``source`` for its code.
    """

    id: str
    tool: str
    differs: str
    evidence: str


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        "loose_arguments",
        "*",
        "Arguments are checked by name only. Extra keys and numbers like 55.0 are stored and come back; a "
        "wrong type is an error only where the code minds it, in Python's words.",
        "source",
    ),
    Quirk(
        "booking_ids",
        "book_reservation",
        "Bookings are HATHAT, HATHAU, HATHAV; a fourth takes the place of the third and is listed twice.",
        "0/3",
    ),
    Quirk(
        "booking_keeps_seats", "book_reservation", "Booking takes no seats off a flight.", "hash of task 0"
    ),
    Quirk(
        "certificate_spent_whole",
        "book_reservation",
        "A certificate leaves the profile whatever part of it was used, and two may pay together.",
        "0/1",
    ),
    Quirk(
        "certificate_named_twice",
        "book_reservation",
        "A certificate named twice is an error after it was spent: it is gone and nothing is booked.",
        "source",
    ),
    Quirk(
        "balance_checked_per_payment",
        "book_reservation",
        "A gift card named twice is checked against its full balance each time and may end below zero.",
        "source",
    ),
    Quirk(
        "negative_amounts",
        "book_reservation",
        "Negative payments and bags are accepted, so a booking can pay the customer.",
        "source",
    ),
    Quirk(
        "unchecked_words",
        "book_reservation",
        "Trip type, insurance, route and passengers are stored as sent; only the cabin must have a price.",
        "source",
    ),
    Quirk(
        "cancel_repeats",
        "cancel_reservation",
        "A cancelled reservation can be cancelled again, and the refunds are refunded as well.",
        "source",
    ),
    Quirk(
        "cancel_pays_nobody",
        "cancel_reservation",
        "Refund rows are written, but no gift card is credited, no certificate returns and no seat is freed.",
        "hash of task 1",
    ),
    Quirk(
        "cabin_not_stored",
        "update_reservation_flights",
        "Flights get the fares of the new cabin while the record keeps the old one.",
        "2/0",
    ),
    Quirk(
        "kept_flight_unchecked",
        "update_reservation_flights",
        "A flight of the same day and cabin as before keeps its price; its status and seats are not checked.",
        "3/3",
    ),
    Quirk(
        "cheaper_flights_credit",
        "update_reservation_flights",
        "A cheaper choice credits the gift card that is named, whoever paid; seats stay as they were.",
        "6/0",
    ),
    Quirk(
        "payment_needed_for_nothing",
        "update_reservation_baggages",
        "The payment method is checked when nothing is to pay, and a certificate is refused then as well.",
        "source",
    ),
    Quirk(
        "bags_go_down",
        "update_reservation_baggages",
        "Paid bags can be taken off, even below zero, without a refund.",
        "source",
    ),
    Quirk(
        "nobody_is_checked",
        "update_reservation_passengers",
        "Any passengers are accepted if their number stays.",
        "source",
    ),
    Quirk(
        "any_certificate",
        "send_certificate",
        "Any amount is accepted, also below zero or no number at all.",
        "source",
    ),
    Quirk(
        "fourth_certificate",
        "send_certificate",
        "A customer gets at most three; the fourth call does nothing and returns nothing.",
        "source",
    ),
    Quirk(
        "overnight_date",
        "search_onestop_flight",
        "After a night the second flight's day has no leading zero, so no such connection arrives before "
        "the tenth.",
        "source",
    ),
    Quirk(
        "overnight_fares",
        "search_onestop_flight",
        "After a night the second flight shows seats and prices of the day before.",
        "source",
    ),
    Quirk(
        "wrong_not_found",
        "get_reservation_details",
        "An unknown reservation is reported as an unknown user.",
        "source",
    ),
    Quirk("airports_as_object", "list_all_airports", "The answer is one object from code to city.", "source"),
    Quirk(
        "calculator_text",
        "calculate",
        "The answer is text with a decimal point, and powers are allowed. Unlike the published tool, ours "
        "always ends: numbers beyond 16,384 bits are an error.",
        "0/0",
    ),
    Quirk("think", "think", "There is a tool that does nothing and answers with empty text.", "0/0"),
    Quirk("transfer_leaves_no_row", "transfer_to_human_agents", "A transfer changes no row.", "4/0"),
)
"""Every difference. A native tool never reads this table."""
