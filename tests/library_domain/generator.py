"""How an address becomes a library, its members and what they want."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date, timedelta
from typing import Any, NamedTuple

from simenv.core.derive import blind, derive
from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.generator import Address, Generator
from simenv.core.image import WorldImage, build_image
from simenv.core.program import Act, Compute, Decline, Filter, If, Judge, Lookup, Node, Program, Report, Slot
from simenv.core.rules import read_values
from simenv.core.task import Card, Fact, Question, Task, Wish
from simenv.core.world import Row, World
from tests.library_domain import DOMAIN, policy
from tests.library_domain.schema import KINDS, TABLES

SIZES = {"S": 12, "M": 120}
"""Members of a library; two to four loans come to each."""
_ADJECTIVES = "Quiet Amber Hidden Silver Broken Distant Gentle Hollow Late Narrow Open Pale Secret Tall Wild"
_NOUNS = (
    "Harbor Garden Letter Mountain Orchard Window River Bridge Island Lantern Mirror Road Season Tower Well"
)
_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ida", "Jon", "Kim", "Leo")


def ref(path: str) -> dict[str, str]:
    """Return a reference to an earlier node's value."""
    return {"$": path}


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


class Draft(NamedTuple):
    """What a member wants: the part of the program that does it, and how the member sees it."""

    member_id: str
    nodes: tuple[Node, ...]
    wish: Wish
    facts: tuple[Fact, ...] = ()


def _titled(title: str) -> tuple[Slot, Fact]:
    said = f'it\'s "{title}"'
    fact = Fact(slot="title", said=said, value=title, kind="title", goal="g1", opening=True)
    return Slot(id="title", name="title", value=title, said=said, opening=True, goal="g1"), fact


def _renew(world: World, draws: Draws, *, may: bool) -> Draft | None:
    values = read_values(world)
    loans: list[Any] = world.rows(
        "SELECT l.loan_id, l.member_id, l.renewals, b.title FROM loans l "
        "JOIN books b ON b.book_id = l.book_id ORDER BY l.loan_id"
    )
    fitting = [loan for loan in loans if policy.renew_limit({"renewals": loan[2]}, values) == may]
    if not fitting:
        return None
    loan_id, member_id, _, title = draws.choice(fitting)
    slot, fact = _titled(title)
    facts = {"due_date": ref("loan.due_date"), "renewals": ref("loan.renewals")}
    args = {"loan_id": ref("loan.loan_id")}
    declined = args | {"rule_id": "renew_limit", "facts": facts}
    nodes = (
        slot,
        Filter(id="loan", of=ref("me.loans"), where=[("title", "==", ref("title"))], one=True),
        Judge(id="may", rule="renew_limit", facts=facts),
        If(
            id="if",
            test=ref("may"),
            then=[Act(id="do", tool="renew_loan", args=args, goal="g1")],
            orelse=[Decline(id="no", rule="renew_limit", args=declined, goal="g1")],
        ),
    )
    says = draws.choice(("I'd like to renew", "Please extend my loan of", "Please renew my loan of"))
    wish = Wish(
        goal="g1",
        says=f'{says} "{title}".',
        words=["renew", "renewal", "extend", "loan"],
        tools=["renew_loan"],
        expects={"loan_id": [loan_id], "title": [title]},
        exact=["loan_id", "title"],
    )
    lost = Fact(slot="loan_id", said=f"I don't know the loan number, {fact.said}", goal="g1")
    return Draft(member_id, nodes, wish, (fact, lost))


def _reserve(world: World, draws: Draws) -> Draft | None:
    members: list[Any] = world.rows("SELECT member_id FROM members ORDER BY member_id")
    books: list[Any] = world.rows("SELECT book_id, title FROM books ORDER BY book_id")
    (member_id,), (book_id, title) = draws.choice(members), draws.choice(books)
    slot, fact = _titled(title)
    nodes = (
        slot,
        Lookup(id="book", tool="find_book", args={"title": ref("title")}),
        Judge(id="days", rule="hold_days", facts={"kind": ref("me.kind")}),
        Act(
            id="do",
            tool="reserve_book",
            args={"member_id": ref("uid"), "book_id": ref("book.book_id"), "days": ref("days")},
            goal="g1",
        ),
    )
    wish = Wish(
        goal="g1",
        says=f'Please {draws.choice(("reserve", "put aside"))} "{title}" for me.',
        words=["reserve", "reserved", "hold", "book"],
        tools=["reserve_book"],
        expects={"book_id": [book_id], "title": [title]},
        exact=["book_id", "title"],
    )
    return Draft(member_id, nodes, wish, (fact,))


def _fine_total(world: World, draws: Draws) -> Draft | None:
    members: list[Any] = world.rows("SELECT member_id FROM members ORDER BY member_id")
    nodes = (
        Compute(id="fines", fn="at", args=[ref("me.loans"), "fine"]),
        Compute(id="cents", fn="cents", args=[ref("fines")]),
        Compute(id="sum", fn="sum", args=[ref("cents")]),
        Report(id="tell", subject="total of your fines", money=True, value=ref("sum"), goal="g1"),
    )
    wish = Wish(
        goal="g1",
        says=draws.choice(("How much do I owe in fines altogether?", "What do my fines come to in total?")),
        words=["fine", "fines", "total"],
        question=Question(kind="money", about=["fine", "fines", "total", "owe"]),
    )
    return Draft(draws.choice(members)[0], nodes, wish)


INTENTS: Mapping[str, Callable[[World, Draws], Draft | None]] = {
    "renew": lambda world, draws: _renew(world, draws, may=True),
    "renew_denied": lambda world, draws: _renew(world, draws, may=False),
    "reserve": _reserve,
    "fine_total": _fine_total,
}


def propose(image: WorldImage, intent: str, address: Address, size: str = "S") -> Task | None:
    """Return a task of that intent in that world, or None where the draw leads to none."""
    draws = Draws(*address)
    with closing(image.open()) as world:
        draft = INTENTS[intent](world, draws)
        if draft is None:
            return None
        me = _member(draft, draws)
        program = Program(nodes=[*me, *draft.nodes])
        outcome, guess = derive(program, DOMAIN, world), derive(program, DOMAIN, world, blind(DOMAIN))
    return Task(
        domain=DOMAIN.name,
        world=list(image.address),
        size=size,
        intent=intent,
        policy=(guess.required, guess.answers) != (outcome.required, outcome.answers),
        program=program,
        card=_card(draft, me[0], draws),
        goal=outcome.goal(),
        budget=30,
    )


def _member(draft: Draft, draws: Draws) -> tuple[Slot, Lookup]:
    said = f"my member ID is {draft.member_id}"
    return (
        Slot(id="uid", name="member_id", value=draft.member_id, said=said, opening=draws.chance(30)),
        Lookup(id="me", tool="get_member", args={"member_id": ref("uid")}),
    )


def _card(draft: Draft, me: Slot, draws: Draws) -> Card:
    return Card(
        opening=f"Hello! {draft.wish.says}" + (f" M{me.said[1:]}." if me.opening else ""),
        wishes=[draft.wish],
        facts=[Fact(slot=me.name, said=me.said, value=me.value, opening=me.opening), *draft.facts],
        insists=draws.below(2),
    )


GENERATOR = Generator(build=build, intents=tuple(INTENTS), propose=propose)
