"""What growth is told: the depth and breadth of a task, and by which operators it comes to them."""

from dataclasses import dataclass
from typing import Any

Address = tuple[str | int, ...]
Weights = tuple[tuple[str, int], ...]
"""Operator to how much more often than 4 it is tried."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One more operator on a plan that has been grown before.

    Attributes:
        address: Where that plan was drawn.
        aim: What its growth was told.
        operator: Name of the operator; it is applied by draws at the address of the edited task.
    """

    address: Address
    aim: "Aim"
    operator: str


@dataclass(frozen=True, slots=True)
class Aim:
    """What a task is to be like.

    Attributes:
        depth: Steps of its longest chain.
        breadth: Goals, conditions and demands.
        split: Which shapes and pairs of operators are allowed.
        operators: What it may grow by, by name; empty for all.
        weights: Operator to how much more often than others it is tried.
        way: Why it was drawn so, where tasks are drawn by weakness: uniform, weighted, paired or edited.
        edit: The plan that it is one operator away from, if it was not grown from the beginning.
    """

    depth: int
    breadth: int
    split: str = "train"
    operators: tuple[str, ...] = ()
    weights: Weights = ()
    way: str = ""
    edit: Edit | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data without defaults."""
        data: dict[str, Any] = {"depth": self.depth, "breadth": self.breadth, "split": self.split}
        if self.operators:
            data["operators"] = list(self.operators)
        if self.weights:
            data["weights"] = [list(each) for each in self.weights]
        if self.way:
            data["way"] = self.way
        if self.edit is not None:
            data["edit"] = {
                "address": list(self.edit.address),
                "aim": self.edit.aim.to_json(),
                "operator": self.edit.operator,
            }
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Aim":
        """Return what ``to_json`` described.

        Raises:
            KeyError: If something is missing.
            TypeError: If something is of another kind.
            ValueError: If something is no number.
        """
        edit = data.get("edit")
        return Aim(
            depth=int(data["depth"]),
            breadth=int(data["breadth"]),
            split=str(data["split"]),
            operators=tuple(map(str, data.get("operators", ()))),
            weights=tuple((str(name), int(weight)) for name, weight in data.get("weights", ())),
            way=str(data.get("way", "")),
            edit=None
            if edit is None
            else Edit(tuple(edit["address"]), Aim.from_json(edit["aim"]), str(edit["operator"])),
        )
