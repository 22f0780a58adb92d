"""Who has a profile with the airline, and what they can pay with."""

from dataclasses import dataclass
from datetime import date, timedelta

from simenv.core.draws import Draws
from simenv.core.world import Row
from simenv.domains.airline.schema import TIERS
from simenv_corpora.lexicons import words
from simenv_generators.airline.ids import CERTIFICATE_HIGH, PAYMENT_HIGH, PAYMENT_LOW, draw_numbers, fold

BRANDS = ("visa", "mastercard", "amex")
SOURCES = ("credit_card", "gift_card", "certificate")
MOST_CARDS, MOST_GIFT_CARDS, MOST_CERTIFICATES, MOST_SAVED = 3, 2, 2, 3
NAMESAKES = 12
"""One customer in this many has a pair with the same first and last name."""
BALANCES = {"gift_card": (10_00, 300_00), "certificate": (50_00, 500_00)}
BORN = (1940, 2006)
_TIER_DECK = (*TIERS, *TIERS, *TIERS, "regular")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who flies."""

    first_name: str
    last_name: str
    dob: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with a profile.

    Attributes:
        user_id: Such as ``olga_nowak_4821``.
        person: The customer as a passenger.
        membership: One of ``TIERS``.
        cards: Payment ids of credit cards, one at least.
        gift_cards: Payment ids of gift cards.
        saved: Saved passengers.
    """

    user_id: str
    person: Person
    membership: str
    cards: tuple[str, ...]
    gift_cards: tuple[str, ...]
    saved: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class People:
    """Every customer of a world, and the rows that say so."""

    customers: tuple[Customer, ...]
    user_rows: list[Row]
    payment_rows: list[Row]
    saved_rows: list[Row]


def draw_people(draws: Draws, *, count: int, of_class: int) -> People:
    """Return ``count`` customers whose ids are of one class of numbers."""
    names = _names(draws.at("name"), count)
    dobs = draw_dobs(draws.at("dob"), count)
    digits = draw_numbers(
        draws.at("user_id"), low=1000, high=10_000, count=min(count, 2250), of_class=of_class
    )
    tiers = _tiers(draws.at("membership"), count)
    payments = _payments(draws.at("payment"), count, of_class)
    saved = _saved(draws.at("saved"), count)
    taken: set[str] = set()
    customers = []
    for at, (first, last) in enumerate(names):
        user_id = _user_id(first, last, digits, at, taken)
        methods = payments[at]
        cards, gift_cards = (
            tuple(str(row[0]) for row in methods if row[1] == source) for source in SOURCES[:2]
        )
        person = Person(first, last, dobs[at])
        customers.append(Customer(user_id, person, tiers[at], cards, gift_cards, saved[at]))
    return People(
        tuple(customers),
        _user_rows(draws.at("home"), customers),
        [
            (payment_id, customer.user_id, position, *rest)
            for customer, methods in zip(customers, payments, strict=True)
            for position, (payment_id, *rest) in enumerate(methods, 1)
        ],
        [
            (customer.user_id, seq, each.first_name, each.last_name, each.dob)
            for customer in customers
            for seq, each in enumerate(customer.saved, 1)
        ],
    )


def draw_dobs(draws: Draws, count: int) -> list[str]:
    """Return ``count`` dates of birth."""
    first = date(BORN[0], 1, 1)
    span = (date(BORN[1], 1, 1) - first).days
    return [(first + timedelta(day)).isoformat() for day in draws.column(span, count)]


def draw_companions(draws: Draws, last_names: list[str]) -> list[Person]:
    """Return one person for each last name."""
    firsts = words("first_names")
    picked = draws.at("first").column(len(firsts), len(last_names))
    dobs = draw_dobs(draws.at("dob"), len(last_names))
    return [Person(firsts[at], last, dob) for at, last, dob in zip(picked, last_names, dobs, strict=True)]


def _names(draws: Draws, count: int) -> list[tuple[str, str]]:
    firsts, lasts = words("first_names"), words("last_names")
    chosen = zip(
        draws.at("first").column(len(firsts), count), draws.at("last").column(len(lasts), count), strict=True
    )
    names = [(firsts[first], lasts[last]) for first, last in chosen]
    # An id, a date of birth or a reservation must tell namesakes apart: a name does not.
    pairs = draws.at("namesakes").sample(range(count), 2 * (count // NAMESAKES))
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        names[one] = names[other]
    return names


def _user_id(first: str, last: str, digits: list[int], at: int, taken: set[str]) -> str:
    start = f"{fold(first)}_{fold(last)}_"
    turn = at
    while (made := f"{start}{digits[turn % len(digits)]}") in taken:
        turn += 1
    taken.add(made)
    return made


def _tiers(draws: Draws, count: int) -> list[str]:
    deck = [_TIER_DECK[at % len(_TIER_DECK)] for at in range(count)]
    return draws.shuffled(deck)


def _payments(draws: Draws, count: int, of_class: int) -> list[list[Row]]:
    """Return each customer's (payment_id, source, brand, last_four, balance_cents)."""
    wanted = {
        "credit_card": [1 + extra for extra in draws.at("cards").column(MOST_CARDS, count)],
        "gift_card": draws.at("gift_cards").column(MOST_GIFT_CARDS + 1, count),
        "certificate": draws.at("certificates").column(MOST_CERTIFICATES + 1, count),
    }
    result: list[list[Row]] = [[] for _ in range(count)]
    for source, numbers in wanted.items():
        total, column = sum(numbers), draws.at(source)
        high = CERTIFICATE_HIGH if source == "certificate" else PAYMENT_HIGH
        ids = draw_numbers(column.at("id"), low=PAYMENT_LOW, high=high, count=total, of_class=of_class)
        details = (
            _card_details(column, total) if source == "credit_card" else _balances(column, source, total)
        )
        rows = iter(
            [(f"{source}_{number}", source, *rest) for number, rest in zip(ids, details, strict=True)]
        )
        for at, number in enumerate(numbers):
            result[at] += [next(rows) for _ in range(number)]
    return result


def _card_details(draws: Draws, count: int) -> list[Row]:
    """Return (brand, last_four, None); neighbours' last four digits differ, so one customer's do."""
    brands = draws.at("brand").column(len(BRANDS), count)
    # A step below a third of the range from row to row never meets one of the next two.
    steps = draws.at("last_four").column(3333, count)
    rows: list[Row] = []
    four = 0
    for brand, step in zip(brands, steps, strict=True):
        four = (four + 1 + step) % 10_000
        rows.append((BRANDS[brand], f"{four:04d}", None))
    return rows


def _balances(draws: Draws, source: str, count: int) -> list[Row]:
    least, most = BALANCES[source]
    return [
        (None, None, least + 5 * step) for step in draws.at("balance").column((most - least) // 5 + 1, count)
    ]


def _saved(draws: Draws, count: int) -> list[tuple[Person, ...]]:
    numbers = draws.at("count").column(MOST_SAVED + 1, count)
    lasts = words("last_names")
    picked = draws.at("last").column(len(lasts), sum(numbers))
    everyone = iter(draw_companions(draws, [lasts[at] for at in picked]))
    return [tuple(next(everyone) for _ in range(number)) for number in numbers]


def _user_rows(draws: Draws, customers: list[Customer]) -> list[Row]:
    count = len(customers)
    cities = [line.split("\t") for line in words("cities")]
    streets = words("streets")
    column = {
        name: draws.at(name).column(limit, count)
        for name, limit in (
            ("city", len(cities)),
            ("street", len(streets)),
            ("house", 990),
            ("zip", 100),
            ("suite", 2700),
        )
    }
    rows: list[Row] = []
    for at, customer in enumerate(customers):
        city, state, prefix = cities[column["city"][at]]
        suite = column["suite"][at]
        rows.append(
            (
                customer.user_id,
                customer.person.first_name,
                customer.person.last_name,
                f"{10 + column['house'][at]} {streets[column['street'][at]]}",
                f"Suite {100 + suite}" if suite < 900 else None,
                city,
                state,
                f"{prefix}{column['zip'][at]:02d}",
                "USA",
                f"{customer.user_id.replace('_', '.')}@example.com",
                customer.person.dob,
                customer.membership,
            )
        )
    return rows
