"""What successes cost: how much an agent wrote, in tokens where they were counted, else in characters."""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

from simenv.core.errors import UsageError
from simenv.scoring.statistics import Z95, Interval

UNITS = ("tokens", "characters")


@dataclass(frozen=True, slots=True)
class Spent:
    """How much was written for how many successes.

    Attributes:
        unit: What is counted, ``tokens`` or ``characters``.
        tasks: Of each task, how much was written in all of its trials and how many of them passed.

    Example:
        >>> found = Spent("tokens", ((100, 1), (300, 1), (200, 0)))
        >>> found.per_success, [round(end) for end in found.interval or ()]
        (300.0, [97, 930])
    """

    unit: str
    tasks: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise UsageError(f"what is written is counted in {' or '.join(UNITS)}, not in {self.unit!r}")
        if any(amount < 0 or passed < 0 for amount, passed in self.tasks):
            raise UsageError(f"{self.unit} and successes are counts, none is negative")

    @property
    def amount(self) -> int:
        """How much was written in all, for failures too."""
        return sum(amount for amount, _ in self.tasks)

    @property
    def passed(self) -> int:
        """How many trials passed."""
        return sum(passed for _, passed in self.tasks)

    @property
    def per_success(self) -> float | None:
        """How much was written for one success, or None without any."""
        return self.amount / self.passed if self.passed else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of that, taking trials of one task together; None where it cannot be told.

        Source:
            Cochran (1977), "Sampling Techniques", section 2.11: a ratio of sums, here of its logarithm.
        """
        ratio, n = self.per_success, len(self.tasks)
        if not ratio or n < 2:
            return None
        square = sum((amount - ratio * passed) ** 2 for amount, passed in self.tasks)
        error = sqrt(square * n / (n - 1)) / self.passed
        return Interval(*(exp(log(ratio) + sign * Z95 * error / ratio) for sign in (-1, 1)))

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data, rounded to 1 decimal."""
        ends, ratio = self.interval, self.per_success
        return {
            "unit": self.unit,
            "amount": self.amount,
            "passed": self.passed,
            "per_success": None if ratio is None else round(ratio, 1),
            "interval_95": None if ends is None else [round(end, 1) for end in ends],
        }
