"""An endless task set: certified tasks made on demand, such as ``"synth:depth=3,breadth=2"``."""

from functools import lru_cache
from typing import Any

from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.task import Task
from simenv.synth.forge import Order, one

PREFIX = "synth:"
_KEYS = ("depth", "breadth", "seed", "size", "operators")
_LENGTH = 1_000_000


def span(text: str, what: str) -> tuple[int, int]:
    """Read a range such as ``"1:4"`` or ``"3"``.

    Raises:
        UsageError: If it is none.

    Example:
        >>> span("1:4", "depth"), span("3", "depth")
        ((1, 4), (3, 3))
    """
    low, colon, high = text.partition(":")
    if not low.isdecimal() or (colon and not high.isdecimal()):
        raise UsageError(f"{what} is a number or a range such as 1:4, got {text!r}")
    return int(low), int(high if colon else low)


def read_spec(domain: str, spec: str, split: str) -> Order:
    """Return the order that a spec stands for.

    Raises:
        UnknownNameError: If it sets something unknown; it names the nearest.
        UsageError: If a value is malformed, or worlds cannot give it.

    Example:
        >>> read_spec("airline", "synth:depth=3,breadth=1:2", "train").breadth
        (1, 2)
    """
    order: dict[str, Any] = {"domain": domain, "split": split, "depth": (1, 5), "breadth": (1, 3)}
    seen: list[str] = []
    for part in filter(None, spec.removeprefix(PREFIX).split(",")):
        key, equals, value = part.partition("=")
        if key not in _KEYS:
            raise UnknownNameError("setting of synth", key, _KEYS)
        if not equals or not value:
            raise UsageError(
                f"a setting of synth is KEY=VALUE, got {part!r}; an example is synth:depth=3,breadth=2"
            )
        if key in seen:
            raise UsageError(f"{key} is set twice in {spec!r}; once is enough")
        seen.append(key)
        order[key] = _value(key, value)
    read = Order(**order, twins=False)
    read.check()
    return read


def _value(key: str, value: str) -> Any:
    if key in ("depth", "breadth"):
        return span(value, key)
    if key == "operators":
        return tuple(value.split("+"))
    if key == "size":
        return value
    if not value.isdecimal():
        raise UsageError(f"seed is a number of at least 0, got {value!r}")
    return int(value)


class Endless:
    """Tasks by number, like a pack of a million; the same number gives the same task everywhere.

    Args:
        order: What tasks are to be like.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.domain = order.domain
        self._known: dict[str, Task] = {}

    def __len__(self) -> int:
        """Return how many seeds give different tasks."""
        return _LENGTH

    def at(self, index: int) -> Task:
        """Return task ``index`` modulo the length.

        Raises:
            UsageError: If the worlds give no such task.
        """
        task = _one(self.order, index % _LENGTH)
        self._known[task.id] = task
        return task

    def find(self, task_id: str) -> Task:
        """Return a task that was made before.

        Raises:
            UnknownNameError: If none has that id.
        """
        if task_id not in self._known:
            raise UnknownNameError("task made so far", task_id, self._known)
        return self._known[task_id]


@lru_cache(maxsize=1024)
def _one(order: Order, index: int) -> Task:
    return one(order, index)
