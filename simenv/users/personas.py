"""Every manner of speaking that a customer may have."""

from collections.abc import Mapping
from typing import Final

from simenv.core.errors import UnknownNameError
from simenv.users.personas_brisk import BUSINESSLIKE, FORMAL, GRUMPY, IMPATIENT
from simenv.users.personas_plain import CHATTY, PLAIN, POLITE, TERSE, Lines
from simenv.users.personas_warm import ANXIOUS, CHEERFUL, CONFUSED, ELDERLY

PERSONAS: Final[Mapping[str, Lines]] = {
    "plain": PLAIN,
    "terse": TERSE,
    "chatty": CHATTY,
    "polite": POLITE,
    "anxious": ANXIOUS,
    "impatient": IMPATIENT,
    "formal": FORMAL,
    "cheerful": CHEERFUL,
    "grumpy": GRUMPY,
    "elderly": ELDERLY,
    "businesslike": BUSINESSLIKE,
    "confused": CONFUSED,
}


def persona(name: str) -> Lines:
    """Return the lines of a persona.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in PERSONAS:
        raise UnknownNameError("persona", name, PERSONAS)
    return PERSONAS[name]
