"""Random choices with an address instead of an order."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Any, TypeVar

from simenv.core.errors import UsageError

T = TypeVar("T")

_WORDS = Struct("<8Q")
_SPAN = 2**64


def _encoded(parts: Sequence[str | int]) -> bytes:
    """Return the bytes of a part of an address."""
    # Lengths make the encoding injective: ("a", "b") and ("a\x1fb",) cannot meet.
    text = "".join([f"{'s' if isinstance(part, str) else 'i'}{len(str(part))}:{part}" for part in parts])
    return text.encode("utf-8", "surrogatepass")


class Draws:
    """A stream of random choices named by an address.

    The address fixes every choice: ``Draws("airline", 7, "fares")`` gives the same stream
    whatever was drawn before it and in whichever process. Streams with different addresses
    are independent, so adding a draw in one place never moves another place's draws.

    Word k of an address is word k % 8 of blake2b(address, block k // 8), read as
    little-endian 64-bit integers; the integer distributions below are this class's own, so
    no library upgrade can move them.

    Args:
        *address: Strings and integers, from general to particular. ``1`` and ``"1"`` are
            different parts.
    """

    __slots__ = ("_block", "_key", "_left", "address")

    def __init__(self, *address: str | int) -> None:
        self.address = address
        self._key = blake2b(_encoded(address), digest_size=64)
        self._block = 0
        self._left: list[int] = []

    def at(self, *parts: str | int) -> "Draws":
        """Return the stream at this address extended by ``parts``."""
        # The encoding of an address begins with that of every shorter one, so hashing goes on from there.
        child = Draws.__new__(Draws)
        child.extend(parts, self)
        return child

    def extend(self, parts: Sequence[str | int], parent: "Draws") -> None:
        """Become the stream at the address of ``parent`` extended by ``parts``."""
        self.address = (*parent.address, *parts)
        self._key = parent.key()
        self._key.update(_encoded(parts))
        self._block = 0
        self._left = []

    def key(self) -> Any:
        """Return a copy of the hash of the address."""
        return self._key.copy()

    def word(self) -> int:
        """Return the next 64-bit word."""
        if not self._left:
            self._left = list(self._words(self._block))[::-1]
            self._block += 1
        return self._left.pop()

    def _words(self, block: int) -> tuple[int, ...]:
        state = self._key.copy()
        state.update(b"#%d" % block)
        return _WORDS.unpack(state.digest())

    def below(self, limit: int) -> int:
        """Return an integer, uniform on ``0 <= n < limit``.

        Raises:
            UsageError: If ``limit`` is less than 1 or more than 2**64.
        """
        if not 1 <= limit <= _SPAN:
            raise UsageError(f"below() needs 1 <= limit <= 2**64, got {limit}")
        # Rejection keeps the choice exactly uniform when limit does not divide 2**64.
        ceiling = _SPAN - _SPAN % limit
        while (raw := self.word()) >= ceiling:
            pass
        return raw % limit

    def between(self, low: int, high: int) -> int:
        """Return an integer, uniform on ``low <= n <= high``."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return true ``percent`` times in 100."""
        return self.below(100) < percent

    def choice(self, options: Sequence[T]) -> T:
        """Return one of ``options``, each as likely as the others.

        Raises:
            UsageError: If there are no options.
        """
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[int]) -> T:
        """Return one of ``options`` with probability proportional to its integer weight."""
        at = self.below(sum(weights))
        for option, weight in zip(options, weights, strict=True):
            at -= weight
            if at < 0:
                return option
        raise UsageError("weighted() needs non-negative weights")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a uniformly drawn order."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different items in drawn order."""
        if not 0 <= count <= len(items):
            raise UsageError(f"sample() needs 0 <= count <= {len(items)}, got {count}")
        pool = list(items)
        for first in range(count):
            other = first + self.below(len(pool) - first)
            pool[first], pool[other] = pool[other], pool[first]
        return pool[:count]

    def column(self, limit: int, rows: int) -> list[int]:
        """Return ``rows`` integers on ``0 <= n < limit``: row i takes word i by multiply-shift.

        Row i does not depend on how many rows are asked for. The words are the ones that
        ``word()`` gives from the start, so give every column an address of its own. The bias
        is below limit / 2**64.

        Raises:
            UsageError: If ``limit`` is not between 1 and 2**32.
        """
        if not 1 <= limit <= 2**32:
            raise UsageError(f"column() needs 1 <= limit <= 2**32, got {limit}")
        return [(word * limit) >> 64 for word in self._column_words(rows)]

    def _column_words(self, rows: int) -> Iterator[int]:
        for block in range((rows + 7) // 8):
            yield from self._words(block)[: rows - 8 * block]
