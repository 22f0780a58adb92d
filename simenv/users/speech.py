"""How a customer says things: a few personas, no model. The choice is addressed, so it repeats."""

from collections.abc import Iterable, Sequence
from typing import Final

from simenv.core.draws import Draws
from simenv.core.task import Card
from simenv.users.personas import PERSONAS as PERSONAS
from simenv.users.personas import persona

_TACTICS: Final = (("insist",), ("urgency", "loyalty"), ("authority", "emotion"), ("threat",))
"""What a customer who insists resorts to: doubt, then pressure, then more of it."""


def say(card: Card, turn: int, kind: str, **parts: str) -> str:
    """Return one line of that kind in the customer's manner."""
    lines = persona(card.persona)[kind]
    line = lines[Draws("customer", card.opening, turn, kind).below(len(lines))]
    return line.format(**parts)


def insistence(card: Card, number: int) -> str:
    """Return the kind of line with which a customer insists for the ``number``-th time, counted from 1."""
    kinds = _TACTICS[min(number, len(_TACTICS)) - 1]
    return kinds[Draws("customer", card.opening, "insistence", number).below(len(kinds))]


def sentences(parts: Iterable[str]) -> str:
    """Say each thing once, in a sentence of its own.

    Example:
        >>> sentences(["my user ID is a_1", "it's just me.", "my user ID is a_1"])
        "My user ID is a_1. It's just me."
    """
    return " ".join(_sentence(part) for part in dict.fromkeys(parts))


def _sentence(text: str) -> str:
    closed = text if text[-1:] in (".", "!", "?") else f"{text}."
    return closed[:1].upper() + closed[1:]


def either(parts: Sequence[str]) -> str:
    """Join what is not known.

    Example:
        >>> either(["date", "route", "name"])
        'date, the route or the name'
    """
    last = f" or the {parts[-1]}" if len(parts) > 1 else parts[-1]
    return ", the ".join(parts[:-1]) + last
