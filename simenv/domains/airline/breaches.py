"""Which rules of its policy an agent would break with a write: judged before the call, never shown to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simenv.core.errors import ToolError
from simenv.core.rules import Values, read_now
from simenv.core.world import World
from simenv.domains.airline import policy
from simenv.domains.airline.records import Reservation, count_passengers, live_reservation
from simenv.domains.airline.values import LiveValues

_Arguments = Mapping[str, Any]
_Judge = Callable[[World, _Arguments, Mapping[str, Any], Values], tuple[str, ...]]

_DAYS = (
    "SELECT s.flight_number, s.date, d.status FROM segments s "
    "LEFT JOIN flight_days d ON d.flight_number = s.flight_number AND d.date = s.date "
    "WHERE s.reservation_id = ? ORDER BY s.seq"
)
_TROUBLED = (
    "SELECT r.insurance, d.status, "
    "(SELECT count(*) FROM passengers p WHERE p.reservation_id = r.reservation_id) "
    "FROM reservations r JOIN segments s ON s.reservation_id = r.reservation_id "
    "JOIN flight_days d ON d.flight_number = s.flight_number AND d.date = s.date "
    "WHERE r.user_id = ? ORDER BY r.position, r.reservation_id, s.seq"
)


def breaches(world: World, name: str, arguments: _Arguments, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the rules that the agent alone must keep and that this call would break.

    Args:
        world: The live world, before the call.
        name: The tool.
        arguments: Its arguments, as its check returned them.
        told: What the customer has said so far; ``cancel_reason`` is the stated reason to cancel.

    Returns:
        Rule ids in the order of the policy; empty for a call that changes nothing on a customer's
        behalf, and for ids that do not exist or a reservation that is cancelled already.
    """
    judge = _JUDGES.get(name)
    if judge is None:
        return ()
    try:
        return judge(world, arguments, told, LiveValues(world))
    except ToolError:  # the tool will refuse the same id
        return ()


def _booking(world: World, arguments: _Arguments, _: Mapping[str, Any], values: Values) -> tuple[str, ...]:
    facts = {
        "membership": _membership(world, arguments["user_id"]),
        "cabin": arguments["cabin"],
        "passengers": len(arguments["passengers"]),
    }
    needed = max(0, arguments["total_baggages"] - policy.bag_allowance(facts, values))
    certificates = _count_certificates(world, [part["payment_id"] for part in arguments["payment_methods"]])
    return _broken(
        bag_allowance=arguments["nonfree_baggages"] == needed,
        certificate_limit=policy.certificate_limit({"certificates": certificates}, values),
    )


def _cancelling(
    world: World, arguments: _Arguments, told: Mapping[str, Any], values: Values
) -> tuple[str, ...]:
    reservation = live_reservation(world, arguments["reservation_id"])
    days = world.rows(_DAYS, reservation.reservation_id)
    facts = {
        **_booked(world, reservation),
        "first_flight_status": days[0][2] if days else None,
        "insurance": reservation.insurance,
        "reason": told.get("cancel_reason"),
        "airline_cancelled": any(status == "cancelled" for _, _, status in days),
    }
    return _broken(
        cancel_flown=policy.cancel_flown(facts, values), cancel_ground=policy.cancel_ground(facts, values)
    )


def _changing(world: World, arguments: _Arguments, _: Mapping[str, Any], values: Values) -> tuple[str, ...]:
    reservation = live_reservation(world, arguments["reservation_id"])
    days = world.rows(_DAYS, reservation.reservation_id)
    asked = [(each["flight_number"], each["date"]) for each in arguments["flights"]]
    same = asked == [(number, date) for number, date, _ in days]
    return _broken(change_flights=same or policy.change_flights(_booked(world, reservation), values))


def _adding_bags(
    world: World, arguments: _Arguments, _: Mapping[str, Any], values: Values
) -> tuple[str, ...]:
    reservation = live_reservation(world, arguments["reservation_id"])
    facts = {
        "membership": _membership(world, reservation.user_id),
        "cabin": reservation.cabin,
        "passengers": count_passengers(world, reservation.reservation_id),
    }
    needed = arguments["total_baggages"] - policy.bag_allowance(facts, values)
    # Bags that were paid for stay paid for, even where the allowance has grown since.
    return _broken(bag_allowance=arguments["nonfree_baggages"] == max(reservation.nonfree_baggages, needed))


def _editing(world: World, arguments: _Arguments, _: Mapping[str, Any], values: Values) -> tuple[str, ...]:
    reservation = live_reservation(world, arguments["reservation_id"])
    days = world.rows(_DAYS, reservation.reservation_id)
    facts = {"first_flight_date": days[0][1], "now": read_now(world)} if days else {}
    return _broken(passenger_edit=not days or policy.passenger_edit(facts, values))


def _compensating(
    world: World, arguments: _Arguments, _: Mapping[str, Any], values: Values
) -> tuple[str, ...]:
    membership = _membership(world, arguments["user_id"])
    due = []
    for insurance, status, passengers in world.rows(_TROUBLED, arguments["user_id"]):
        facts = {
            "membership": membership,
            "insurance": insurance,
            "flight_status": status,
            "passengers": passengers,
        }
        if policy.compensation_due(facts, values):
            due.append(policy.compensation_amount(facts, values))
    return _broken(compensation_due=bool(due), compensation_amount=not due or arguments["amount"] in due)


_JUDGES: dict[str, _Judge] = {
    "book_reservation": _booking,
    "cancel_reservation": _cancelling,
    "update_reservation_flights": _changing,
    "update_reservation_baggages": _adding_bags,
    "update_reservation_passengers": _editing,
    "send_certificate": _compensating,
}


def _broken(**kept: bool) -> tuple[str, ...]:
    return tuple(rule_id for rule_id, is_kept in kept.items() if not is_kept)


def _booked(world: World, reservation: Reservation) -> dict[str, Any]:
    return {"created_at": reservation.created_at, "now": read_now(world), "cabin": reservation.cabin}


def _membership(world: World, user_id: str) -> str:
    found: Any = world.row("SELECT membership FROM users WHERE user_id = ?", user_id)
    if found is None:
        raise ToolError("not_found", "There is no such user.")
    return str(found[0])


def _count_certificates(world: World, payment_ids: Sequence[str]) -> int:
    sql = "SELECT 1 FROM payment_methods WHERE payment_id = ? AND source = 'certificate'"
    return sum(world.row(sql, payment_id) is not None for payment_id in payment_ids)
