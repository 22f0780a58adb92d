"""What is to be made: the order of a task set, and what it takes from runs that came before.

Everything that decides a task stands in the order and in the task's address, so any number of workers makes
the same set.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

from simenv.core import catalog
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.synth.aim import Address, Aim, Weights
from simenv.synth.grow import check_range, chosen, operators

UNIFORM, PAIRED, EDITED = 20, 20, 20
"""Of 100 tasks of a focused set: at least so many uniform, about so many paired, at most so many edited."""
_MORE_UNIFORM = 6
"""Edited tasks leave fewer to be drawn, so of those a few more in 100 are uniform."""
EMPTY_WORLDS = 8
"""So many worlds in a row that give nothing show that an order cannot be met."""
_UNMET = 500
"""The weakness that is assumed where an ability was never needed, in 1000."""


@dataclass(frozen=True, slots=True)
class Base:
    """A solved task that may be grown by one more operator.

    Attributes:
        world: Address of its world.
        address: Where it was drawn.
        aim: What its growth was told.
        ladder: Rungs that fail it.
    """

    world: Address
    address: Address
    aim: Aim
    ladder: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Focus:
    """What runs say about the tasks to be made next.

    Attributes:
        runs: (file name, digest) of every run.
        weakness: Rung to how likely its ability is what fails, in 1000.
        pair: The two rungs whose abilities are weakest, or nothing.
        paired: Weights of operators that bring those two together.
        bases: Solved tasks, by world.
    """

    runs: tuple[tuple[str, str], ...]
    weakness: tuple[tuple[str, int], ...]
    pair: tuple[str, ...] = ()
    paired: Weights = ()
    bases: tuple[Base, ...] = ()

    @property
    def worlds(self) -> list[tuple[Address, tuple[Base, ...]]]:
        """The worlds of the solved tasks, each with its tasks."""
        return [(world, tuple(each)) for world, each in groupby(self.bases, lambda base: base.world)]

    def way(self, draws: Draws) -> str:
        """Draw how the weights of one task are chosen."""
        number = draws.below(100) - UNIFORM - _MORE_UNIFORM
        if number < 0:
            return "uniform"
        return "paired" if self.pair and number < PAIRED else "weighted"

    def success(self, ladder: Iterable[str]) -> Fraction:
        """Return the chance to solve a task that needs those abilities: the product of ``1 - weakness``.

        Each ability counts once, since its weakness is counted per task, and failures are taken to be
        independent. An ability that no run needed has the weakness 1/2, by the same rule of succession.

        Example:
            >>> Focus((), (("no_rank", 250), ("no_join", 500))).success(["no_rank", "no_join"])
            Fraction(3, 8)
        """
        known = dict(self.weakness)
        chance = Fraction(1)
        for rung in ladder:
            chance *= 1 - Fraction(known.get(rung, _UNMET), 1000)
        return chance

    def learnability(self, ladder: Iterable[str]) -> Fraction:
        """Return the predicted variance of a trial, ``p(1 - p)`` for the predicted success ``p``."""
        chance = self.success(ladder)
        return chance * (1 - chance)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made.

    Attributes:
        domain: Name of the domain.
        split: train, validation, test, or a name of one's own.
        depth: Least and most.
        breadth: Least and most.
        count: How many tasks.
        seed: Of the worlds and of everything else.
        size: Of the worlds.
        operators: What tasks may grow by; empty for all.
        weights: Operator to how much more often than 4 it is tried.
        twins: Whether every fifth task has a near twin.
        focus: What runs say; the weights then come of it.
        lock: (path, digest) of a file of locked paraphrases, or nothing.
    """

    domain: str
    split: str = "train"
    depth: tuple[int, int] = (1, 5)
    breadth: tuple[int, int] = (1, 3)
    count: int = 100
    seed: int = 0
    size: str = "S"
    operators: tuple[str, ...] = ()
    weights: Weights = ()
    twins: bool = True
    focus: Focus | None = None
    lock: tuple[str, ...] = ()

    def check(self) -> None:
        """Check that it can be met.

        Raises:
            UsageError: If a range is empty or beyond what worlds give, or a number is too small.
            UnknownNameError: If domain or an operator is unknown.
        """
        check_range("depth", *self.depth)
        check_range("breadth", *self.breadth)
        if self.count < 1 or self.seed < 0:
            raise UsageError(f"--count is at least 1 and --seed at least 0, got {self.count} and {self.seed}")
        generator = catalog.generator(self.domain)
        named = chosen(operators(generator.vocabulary, generator.domain), self.operators)
        ranges = {"depth": self.depth, "breadth": self.breadth}
        if self.operators and all(ranges[each.axis][1] < 2 for each in named.values()):
            axis = next(iter(named.values())).axis
            raise UsageError(
                f"tasks of {axis} 1 have not grown by {self.operators[0]}; ask for --{axis} 1:2 or more"
            )

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    def aim(self, draws: Draws) -> Aim:
        """Return what is aimed at by the task that is drawn there."""
        way = self.focus.way(draws.at("way")) if self.focus else ""
        weights = self.weights
        if self.focus and way != "weighted":
            weights = self.focus.paired if way == "paired" else ()
        return Aim(
            depth=draws.at("depth").between(*_upper(self.depth, way)),
            breadth=draws.at("breadth").between(*_upper(self.breadth, way)),
            split=self.split,
            operators=self.operators,
            weights=weights,
            way=way,
        )

    @property
    def edit_worlds(self) -> int:
        """How many worlds of solved tasks come before the order's own."""
        return len(self.focus.worlds) if self.focus else 0

    def world(self, number: int) -> tuple[Address, tuple[Base, ...]]:
        """Return (address of world ``number``, the solved tasks to be grown there)."""
        if self.focus and number < self.edit_worlds:
            return self.focus.worlds[number]
        return (self.domain, self.split, self.seed, number - self.edit_worlds), ()

    def room(self, way: str, ways: dict[str, int]) -> bool:
        """Whether one more task of that way may enter a set that has so many of each."""
        if self.focus is None or way == "uniform":
            return True
        if way == "edited" and ways.get(way, 0) >= self.count * EDITED // 100:
            return False
        others = sum(number for each, number in ways.items() if each != "uniform")
        return others < self.count - -(-self.count * UNIFORM // 100)

    def header(self) -> dict[str, Any]:
        """Return what the head of a set says of runs and paraphrases."""
        head: dict[str, Any] = {}
        if self.focus is not None:
            head["focus"] = {
                "runs": [list(run) for run in self.focus.runs],
                "weakness": dict(self.focus.weakness),
                "weights": [list(each) for each in self.weights],
                "pair": list(self.focus.pair),
                "paired": [list(each) for each in self.focus.paired],
                "uniform": UNIFORM,
            }
        if self.lock:
            head["paraphrases"] = {
                "file": self.lock[0].replace("\\", "/").split("/")[-1],
                "digest": self.lock[1],
            }
        return head


def _upper(span: tuple[int, int], way: str) -> tuple[int, int]:
    """Return the upper half of a range for tasks that are to have room for two abilities, else all of it."""
    low, high = span
    return ((low + high + 1) // 2 if way == "paired" else low, high)


def agrees(header: dict[str, Any], aim: Aim) -> bool:
    """Whether an aim has the weights that the head of its set says; without a focus any will do."""
    focus = header.get("focus")
    if not isinstance(focus, dict):
        return not aim.way
    known: dict[str, Any] = {
        "uniform": [],
        "edited": [],
        "weighted": focus.get("weights"),
        "paired": focus.get("paired"),
    }
    return aim.way in known and [list(each) for each in aim.weights] == known[aim.way]


def nearest(order: Order) -> str:
    """Return ranges that worlds are known to give, as near to those ordered as can be told beforehand."""
    deep, broad = min(order.depth[1], 5), min(order.breadth[1], 4)
    return f"--depth {min(order.depth[0], deep)}:{deep} --breadth {min(order.breadth[0], broad)}:{broad}"


def impossible(order: Order, rejected: Counter[str]) -> str:
    """Return why an order cannot be met, and what can be had."""
    common = ", ".join(reason for reason, _ in rejected.most_common(3)) or "nothing grows to it"
    ask = f"depth {order.depth[0]}:{order.depth[1]} and breadth {order.breadth[0]}:{order.breadth[1]}"
    return (
        f"{EMPTY_WORLDS} worlds in a row gave no task of {ask}: {common}. Ask for less depth or breadth, "
        f"such as {nearest(order)}, or for other operators"
    )
