"""Names for customers, reservations and payment methods that no other split's world uses."""

from simenv.core.draws import Draws

SPLITS = ("train", "validation", "test")
CLASSES = 4
"""Every number in an id is drawn from the class of its split, modulo 4: splits cannot share an id."""

RESERVATION_SPAN = 35 * 36**5
"""Drawn reservation ids never begin with Z; the ids that tools make may."""
PAYMENT_LOW = 1_000_000
CERTIFICATE_HIGH = 5_000_000
PAYMENT_HIGH = 10_000_000

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLDED = str.maketrans(
    "áàâäãåąăćčçďđéèêëęěğíìîïıłñńňóòôöõøőřśšşťúùûüůűýÿźżž",
    "aaaaaaaacccddeeeeeegiiiiilnnnooooooorssstuuuuuuyyzzz",
    "'- ",
)


def fold(name: str) -> str:
    """Return a name in the letters a to z.

    Example:
        >>> fold("Łukasik"), fold("O'Brien"), fold("Sørensen")
        ('lukasik', 'obrien', 'sorensen')
    """
    return name.lower().translate(_FOLDED)


def split_class(address: tuple[str | int, ...]) -> int:
    """Return which numbers the ids of an address' worlds take, modulo ``CLASSES``."""
    return next((SPLITS.index(part) for part in address if part in SPLITS), len(SPLITS))


def draw_numbers(draws: Draws, *, low: int, high: int, count: int, of_class: int) -> list[int]:
    """Return ``count`` different integers of one class on ``low <= n < high``."""
    span = (high - low) // CLASSES
    seen: set[int] = set()
    numbers = []
    for drawn in draws.column(span, count):
        while drawn in seen:
            drawn = (drawn + 1) % span
        seen.add(drawn)
        numbers.append(low + CLASSES * drawn + (of_class - low) % CLASSES)
    return numbers


def draw_reservation_ids(draws: Draws, *, count: int, of_class: int) -> list[str]:
    """Return different ids of six characters, each with a letter and a digit, none like a flight number."""
    span = RESERVATION_SPAN // CLASSES
    seen: set[str] = set()
    ids = []
    for drawn in draws.column(span, count):
        while not _is_good(made := _base36(CLASSES * drawn + of_class)) or made in seen:
            drawn = (drawn + 1) % span
        seen.add(made)
        ids.append(made)
    return ids


def _base36(number: int) -> str:
    digits = []
    for _ in range(6):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _is_good(made: str) -> bool:
    """Whether an id can be mistaken for neither a word, a number nor a flight number."""
    return not (made.isalpha() or made.isdigit() or (made[:2].isalpha() and made[3:].isdigit()))
