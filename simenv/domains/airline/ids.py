"""Ids that the tools issue: they look like any other and can never be one that a generator drew.

A generator draws reservation ids that do not start with ``Z`` and certificate numbers that do not
start with ``9``; the tools issue only such. Within those, number ``n`` of the counter goes
through a fixed affine permutation, so ids neither repeat nor count up visibly.
"""

from simenv.core.acts import next_number
from simenv.core.errors import UsageError
from simenv.core.world import World

ISSUED_RESERVATION = "Z"
"""The first character of every reservation id that tools issue, and of no other."""

ISSUED_CERTIFICATE = "certificate_9"
"""The beginning of every certificate id that tools issue, and of no other."""

_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_RESERVATIONS = 36**5
_CERTIFICATES = 10**6


def reservation_id(number: int) -> str:
    """Return the id of the ``number``-th reservation that is booked in a world.

    A bijection from 0 <= number < 36**5 to ``Z`` and five characters: 17382617 is coprime to 36.

    Example:
        >>> reservation_id(1), reservation_id(2)
        ('Z4MCZH', 'ZL4XBS')
    """
    left, symbols = (number * 17_382_617 + 12_820_163) % _RESERVATIONS, ""
    for _ in range(5):
        left, digit = divmod(left, 36)
        symbols += _SYMBOLS[digit]
    return ISSUED_RESERVATION + symbols


def certificate_id(number: int) -> str:
    """Return the id of the ``number``-th certificate that is sent in a world.

    A bijection from 0 <= number < 10**6 to ``certificate_9`` and six digits: 387413 is coprime to 10.

    Example:
        >>> certificate_id(1), certificate_id(2)
        ('certificate_9678970', 'certificate_9066383')
    """
    return f"{ISSUED_CERTIFICATE}{(number * 387_413 + 291_557) % _CERTIFICATES:06d}"


def next_reservation_id(world: World) -> str:
    """Take the next reservation id.

    Raises:
        UsageError: If the world already holds it: its generator broke the rule above.
    """
    issued = reservation_id(next_number(world, "reservation"))
    if world.row("SELECT 1 FROM reservations WHERE reservation_id = ?", issued):
        raise _collision(issued, ISSUED_RESERVATION)
    return issued


def next_certificate_id(world: World) -> str:
    """Take the next certificate id.

    Raises:
        UsageError: If the world already holds it: its generator broke the rule above.
    """
    issued = certificate_id(next_number(world, "certificate"))
    if world.row("SELECT 1 FROM payment_methods WHERE payment_id = ?", issued):
        raise _collision(issued, ISSUED_CERTIFICATE)
    return issued


def _collision(issued: str, start: str) -> UsageError:
    return UsageError(
        f"the world holds {issued!r}, which its tools issue. Draw ids that do not start with {start!r}."
    )
