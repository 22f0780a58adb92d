"""How an address becomes a library: the clock, the numbers of its rules, its books, members and loans."""

from datetime import date, timedelta

from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.generator import Address, Generator
from simenv.core.image import WorldImage, build_image
from simenv.core.world import Row
from tests.library_domain import DOMAIN, policy
from tests.library_domain.schema import KINDS, TABLES
from tests.library_domain.vocabulary import VOCABULARY

SIZES = {"S": 12, "M": 120}
"""Members of a library; two to four loans come to each."""
_ADJECTIVES = "Quiet Amber Hidden Silver Broken Distant Gentle Hollow Late Narrow Open Pale Secret Tall Wild"
_NOUNS = (
    "Harbor Garden Letter Mountain Orchard Window River Bridge Island Lantern Mirror Road Season Tower Well"
)
_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ida", "Jon", "Kim", "Leo")


def populate(address: Address, size: str) -> dict[str, list[Row]]:
    """Return the rows of a library, by table."""
    if size not in SIZES:
        raise UnknownNameError("world size", size, SIZES)
    draws = Draws(*address, "world", size)
    titles = [f"The {adjective} {noun}" for adjective in _ADJECTIVES.split() for noun in _NOUNS.split()]
    numbers = draws.at("book ids").sample(range(1000, 10_000), len(titles))
    books = [f"B{number}" for number in numbers]
    members = [f"M{number}" for number in draws.at("member ids").sample(range(10_000, 100_000), SIZES[size])]
    loan_ids = iter(draws.at("loan ids").sample(range(100_000, 1_000_000), 4 * len(members)))
    today = date(draws.at("year").between(2025, 2039), 1, 1) + timedelta(draws.at("day").below(365))
    people: list[Row] = []
    loans: list[Row] = []
    for member in members:
        own = draws.at("member", member)
        people.append((member, own.choice(_NAMES), own.choice(KINDS)))
        for book in own.sample(books, own.between(2, 4)):
            due = (today + timedelta(own.between(-10, 20))).isoformat()
            loans.append((f"L{next(loan_ids)}", member, book, due, own.below(4), own.between(5, 2999)))
    return {
        "clock": [("now", f"{today.isoformat()}T10:00:00")],
        "policy_values": [*draw_values(draws.at("values")).items()],
        "members": people,
        "books": list(zip(books, titles, strict=True)),
        "loans": loans,
    }


def draw_values(draws: Draws) -> dict[str, int]:
    """Return a number for every name in ``policy.VALUE_NAMES``."""
    ranges = ((1, 3), (7, 28), (3, 9), (10, 21))
    return {
        name: draws.at(name).between(low, high)
        for name, (low, high) in zip(policy.VALUE_NAMES, ranges, strict=True)
    }


def build(address: Address, size: str = "S") -> WorldImage:
    """Return the library at ``address``, frozen."""
    return build_image(address, TABLES, populate(address, size))


GENERATOR = Generator(DOMAIN, build, VOCABULARY)
