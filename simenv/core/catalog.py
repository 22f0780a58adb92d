"""Which domains there are: one line each. Everything else finds them here, by name."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from simenv.core.domain import Domain
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.lazy import resolve


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the parts of a domain are, each as ``"module:attribute"``.

    Attributes:
        domain: A ``Domain``.
        generator: A module's attribute with ``build(address, size) -> WorldImage`` and
            ``propose(image, address, count) -> list[Task]``.
        packs: ``"package:folder"`` with ``<split>.jsonl.gz`` inside, or "".
    """

    domain: str
    generator: str
    packs: str = ""


ENTRIES: dict[str, Entry] = {
    "airline": Entry(
        "simenv.domains.airline:DOMAIN", "simenv_generators.airline:GENERATOR", "simenv_corpora:packs/airline"
    ),
}


def register(name: str, entry: Entry) -> None:
    """Add a domain of one's own.

    Raises:
        UsageError: If the name is taken by another entry.
    """
    if ENTRIES.setdefault(name, entry) != entry:
        raise UsageError(f"domain {name!r} is registered already, as {ENTRIES[name]}")


def entry(name: str) -> Entry:
    """Return where the domain's parts are.

    Raises:
        UnknownNameError: If there is no such domain.
    """
    if name not in ENTRIES:
        raise UnknownNameError("domain", name, ENTRIES)
    return ENTRIES[name]


@cache
def domain(name: str) -> Domain:
    """Return the domain of that name."""
    found: Domain = resolve(entry(name).domain)
    return found


def generator(name: str) -> Any:
    """Return the domain's generator."""
    return resolve(entry(name).generator)
