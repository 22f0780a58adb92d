"""What the customer remembers of a talk."""

from dataclasses import asdict, dataclass
from typing import Any

from simenv.core.task import Card
from simenv.users.recall import place


@dataclass(frozen=True, slots=True)
class Talk:
    """What the customer remembers.

    Attributes:
        said: The customer's own last message.
        turn: Messages answered so far.
        patience: Messages without progress that are left.
        told: How many wishes have been brought up.
        settled: Goals that are done with, in the order they were settled.
        agreed: Goals to which the customer said yes.
        given: The places of facts already told, mostly ``goal:slot``.
        insisted: How often a no was not taken.
        proposed: Goals of the last proposal.
        objected: Goals of which a report was contradicted.
    """

    said: str
    patience: int
    told: int
    turn: int = 0
    settled: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    insisted: int = 0
    proposed: tuple[str, ...] = ()
    objected: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Talk":
        """Return the talk that ``to_json`` described."""
        fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
        return Talk(**fields)


def begin(card: Card) -> Talk:
    """Return what the customer remembers after the opening."""
    turned = [fact for fact in card.facts if fact.turn]
    given = tuple(place(fact, turned) for fact in card.facts if fact.opening)
    return Talk(said=card.opening, patience=card.patience, told=card.told, given=given)
