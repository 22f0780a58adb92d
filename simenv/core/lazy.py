"""Names of things in higher layers, resolved when they are first used."""

from importlib import import_module
from operator import attrgetter
from typing import Any

from simenv.core.errors import UsageError


def resolve(place: str) -> Any:
    """Return what ``"module:attribute"`` names.

    Raises:
        UsageError: If the module has no such attribute.
    """
    module, _, name = place.partition(":")
    try:
        return attrgetter(name)(import_module(module))
    except AttributeError:
        raise UsageError(f"module {module!r} has no attribute {name!r}") from None
