"""Who pays with what, and where refunds go. All amounts are cents."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from typing_extensions import TypedDict

from simenv.core.canonical import dollars_text, quoted
from simenv.core.errors import ToolError
from simenv.core.tools import Dollars
from simenv.core.world import World
from simenv.domains.airline.records import Reservation


class PaymentPart(TypedDict):
    """One payment method and what it pays, as agents name it."""

    payment_id: str
    amount: Dollars


class Method(NamedTuple):
    """A payment method of a customer; ``balance_cents`` is None for a credit card."""

    payment_id: str
    source: str
    balance_cents: int | None


def own_method(world: World, user_id: str, payment_id: str) -> Method:
    """Return a payment method of the customer.

    Raises:
        ToolError: ``not_found``, or ``not_owner`` if it is someone else's.
    """
    found: Any = world.row(
        "SELECT user_id, source, balance_cents FROM payment_methods WHERE payment_id = ?", payment_id
    )
    if found is None:
        raise ToolError("not_found", f"There is no payment method {quoted(payment_id)}.")
    owner, source, balance = found
    if owner != user_id:
        raise ToolError("not_owner", f"Payment method {payment_id} is not in the customer's profile.")
    return Method(payment_id, source, balance)


def check_payment(
    world: World, user_id: str, parts: Sequence[PaymentPart], total_cents: int
) -> list[tuple[Method, int]]:
    """Return the methods of a payment with what each pays, once they pay the total exactly.

    Raises:
        ToolError: ``bad_value`` for an amount that is not positive or a method used twice,
            ``not_found``, ``not_owner``, ``insufficient_funds`` or ``wrong_amount``.
    """
    if len({part["payment_id"] for part in parts}) != len(parts):
        raise ToolError("bad_value", "A payment method is used twice.")
    paying = []
    for part in parts:
        if part["amount"] <= 0:
            raise ToolError("bad_value", "Every payment amount must be positive.")
        method = own_method(world, user_id, part["payment_id"])
        _check_balance(method, part["amount"])
        paying.append((method, part["amount"]))
    paid = sum(amount for _, amount in paying)
    if paid != total_cents:
        raise ToolError(
            "wrong_amount",
            "The payment amounts do not add up: "
            f"the total price is {dollars_text(total_cents)}, but paid is {dollars_text(paid)}.",
        )
    return paying


def _check_balance(method: Method, cents: int) -> None:
    if method.balance_cents is not None and method.balance_cents < cents:
        raise ToolError(
            "insufficient_funds",
            f"Payment method {method.payment_id} holds {dollars_text(method.balance_cents)}, "
            f"less than {dollars_text(cents)}.",
        )


def pay(world: World, reservation_id: str, paying: Sequence[tuple[Method, int]]) -> None:
    """Charge the methods of a checked payment: a certificate is used up whole, whatever it is worth."""
    for method, cents in paying:
        if method.source == "certificate":
            world.write("DELETE FROM payment_methods WHERE payment_id = ?", method.payment_id)
        else:
            _credit_balance(world, method, -cents)
        _record(world, reservation_id, method.payment_id, cents)


def settle(world: World, reservation: Reservation, payment_id: str, cents: int) -> None:
    """Charge a change of a reservation to one card, or credit it where ``cents`` is negative.

    Raises:
        ToolError: ``not_found``, ``not_owner``, ``bad_payment_method`` for a certificate, or
            ``insufficient_funds``; also where nothing is to be paid.
    """
    method = own_method(world, reservation.user_id, payment_id)
    if method.source == "certificate":
        raise ToolError(
            "bad_payment_method", "A change is settled with a credit card or gift card, not a certificate."
        )
    _check_balance(method, cents)
    if cents:
        _credit_balance(world, method, -cents)
        _record(world, reservation.reservation_id, payment_id, cents)


def refund(world: World, reservation: Reservation, refunds: Sequence[tuple[str, int]]) -> None:
    """Pay back to where it came from; a certificate that was used up is issued again."""
    for payment_id, cents in refunds:
        found: Any = world.row(
            "SELECT source, balance_cents FROM payment_methods WHERE payment_id = ?", payment_id
        )
        if found is None:
            add_certificate(world, reservation.user_id, payment_id, cents)
        else:
            _credit_balance(world, Method(payment_id, *found), cents)
        _record(world, reservation.reservation_id, payment_id, -cents)


def refunds_of(payments: Sequence[tuple[str, int]], fee_cents: int) -> list[tuple[str, int]]:
    """Return what each payment gets back when all but the fee is refunded.

    What was already paid back counts against payments of the same method first. The rest of it, and
    the fee, are kept from the payments in their order. The refunds sum to the payments less the fee.

    Example:
        >>> refunds_of([("card", 300), ("gift", 50), ("card", -100)], 230)
        [('gift', 20)]
    """
    ids = [payment_id for payment_id, _ in payments]
    left = [max(0, cents) for _, cents in payments]
    keep = fee_cents
    for payment_id, cents in payments:
        if cents < 0:
            same = [at for at, other in enumerate(ids) if other == payment_id]
            keep += _keep_back(left, same, -cents)
    _keep_back(left, range(len(left)), keep)
    return [(payment_id, cents) for payment_id, cents in zip(ids, left, strict=True) if cents]


def _keep_back(left: list[int], places: Sequence[int], cents: int) -> int:
    """Take ``cents`` in all from ``left`` at ``places`` in order; return what they did not cover."""
    for at in places:
        kept = min(left[at], cents)
        left[at] -= kept
        cents -= kept
    return cents


def add_certificate(world: World, user_id: str, payment_id: str, cents: int) -> None:
    """Put a certificate at the end of the customer's payment methods."""
    found: Any = world.row("SELECT max(position) FROM payment_methods WHERE user_id = ?", user_id)
    position = 1 + (found[0] or 0)
    world.insert("payment_methods", payment_id, user_id, position, "certificate", None, None, cents)


def _credit_balance(world: World, method: Method, cents: int) -> None:
    if method.balance_cents is not None:
        world.write(
            "UPDATE payment_methods SET balance_cents = balance_cents + ? WHERE payment_id = ?",
            cents,
            method.payment_id,
        )


def _record(world: World, reservation_id: str, payment_id: str, cents: int) -> None:
    found: Any = world.row("SELECT max(seq) FROM payments WHERE reservation_id = ?", reservation_id)
    world.insert("payments", reservation_id, 1 + (found[0] or 0), payment_id, cents)
