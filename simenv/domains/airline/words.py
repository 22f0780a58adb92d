"""The airline's deeds and reasons in words, for anyone who has to say them to a customer."""

from collections.abc import Callable, Mapping
from typing import Any

from simenv.core.canonical import dollars_text
from simenv.core.domain import Description
from simenv.core.errors import UnknownNameError
from simenv.core.program import read_cents
from simenv.core.rules import Values

Arguments = Mapping[str, Any]
Summary = tuple[tuple[str, str], ...]


def describe(tool: str, arguments: Arguments) -> Description:
    """Return a write call in words.

    Raises:
        UnknownNameError: If the tool is no write of this domain.
    """
    if tool not in _DEEDS:
        raise UnknownNameError("airline write", tool, _DEEDS)
    verb, past, thing, summary = _DEEDS[tool]
    named = thing(arguments)
    return Description(f"{verb} {named}", f"{past} {named}", summary(arguments))


def _cabin(arguments: Arguments) -> str:
    return str(arguments["cabin"]).replace("_", " ")


def _money(amount: Any) -> str:
    return dollars_text(read_cents(amount))


def _flights(arguments: Arguments) -> str:
    return ", ".join(f"{leg['flight_number']} on {leg['date']}" for leg in arguments["flights"])


def _people(arguments: Arguments) -> str:
    return ", ".join(f"{who['first_name']} {who['last_name']}" for who in arguments["passengers"])


def _payments(arguments: Arguments) -> str:
    return ", ".join(
        f"{_money(pay['amount'])} with {pay['payment_id']}" for pay in arguments["payment_methods"]
    )


def _reservation(arguments: Arguments) -> str:
    return f"reservation {arguments['reservation_id']}"


def _of_reservation(what: str) -> Callable[[Arguments], str]:
    return lambda arguments: f"the {what} of reservation {arguments['reservation_id']}"


def _booked(arguments: Arguments) -> Summary:
    return (
        ("route", f"{arguments['origin']} to {arguments['destination']}"),
        ("flights", _flights(arguments)),
        ("cabin", _cabin(arguments)),
        ("passengers", _people(arguments)),
        ("bags", f"{arguments['total_baggages']} checked bags"),
        ("insurance", str(arguments["insurance"])),
        ("payment", _payments(arguments)),
    )


def _changed(arguments: Arguments) -> Summary:
    return (
        ("reservation_id", str(arguments["reservation_id"])),
        ("flights", _flights(arguments)),
        ("cabin", _cabin(arguments)),
        ("payment", str(arguments["payment_id"])),
    )


def _bagged(arguments: Arguments) -> Summary:
    return (
        ("reservation_id", str(arguments["reservation_id"])),
        ("bags", f"{arguments['total_baggages']} checked bags"),
        ("payment", str(arguments["payment_id"])),
    )


def _renamed(arguments: Arguments) -> Summary:
    return (("reservation_id", str(arguments["reservation_id"])), ("passengers", _people(arguments)))


_DEEDS: dict[str, tuple[str, str, Callable[[Arguments], str], Callable[[Arguments], Summary]]] = {
    "book_reservation": (
        "book",
        "booked",
        lambda arguments: f"the trip from {arguments['origin']} to {arguments['destination']}",
        _booked,
    ),
    "cancel_reservation": (
        "cancel",
        "cancelled",
        _reservation,
        lambda arguments: (("reservation_id", str(arguments["reservation_id"])),),
    ),
    "update_reservation_flights": ("change", "changed", _of_reservation("flights and cabin"), _changed),
    "update_reservation_baggages": ("update", "updated", _of_reservation("bags"), _bagged),
    "update_reservation_passengers": ("correct", "corrected", _of_reservation("passenger names"), _renamed),
    "send_certificate": (
        "send",
        "sent",
        lambda arguments: f"you a travel certificate of {_money(arguments['amount'])} as compensation",
        lambda arguments: (("amount", _money(arguments["amount"])),),
    ),
}


def reason(rule: str, facts: Mapping[str, Any], values: Values) -> str:
    """Return why a request is declined, as a clause.

    Raises:
        UnknownNameError: If nothing is declined under that rule.
    """
    if rule not in _REASONS:
        raise UnknownNameError("rule to decline under", rule, _REASONS)
    return _REASONS[rule].format(**facts, **values)


_REASONS = {
    "cancel_flown": ("its first flight {first_flight_number} has left already (it is {first_flight_status})"),
    "cancel_ground": (
        "it was booked more than {cancel_window_h} hours ago and no other ground of our policy applies"
    ),
    "change_flights": (
        "flights of this cabin cannot be changed more than {change_window_h} hours after booking"
    ),
    "passenger_edit": (
        "its first flight {first_flight_number} is on {first_flight_date}, too soon to correct names"
    ),
    "compensation_due": "our policy gives no compensation in this case",
}
