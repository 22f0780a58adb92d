"""The parts of a task before it is put together: one draft for each thing the customer wants."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from simenv.core.draws import Draws
from simenv.core.program import Filter, Lookup, Node, Slot
from simenv.core.task import Fact, Question, Scalar
from simenv_generators.airline.scene import Booking, Customer, Scene, day


@dataclass(frozen=True, slots=True)
class Draft:
    """One thing the customer wants.

    Attributes:
        nodes: The part of the program that does it.
        says: How the customer asks for it; ``{trip}`` is the reservation.
        words: Words that stand in any message about it.
        facts: What can be asked of the customer about it.
        tools: The writes that would fulfil it.
        expects: What a proposal must agree with, by mention kind.
        known: What a proposal may name besides.
        question: What must be answered.
        chooses: Whether the flights of the write are the customer's choice, so a proposal is checked by them.
    """

    nodes: tuple[Node, ...]
    says: str
    words: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    tools: tuple[str, ...] = ()
    expects: dict[str, list[Scalar]] = field(default_factory=dict)
    known: dict[str, list[Scalar]] = field(default_factory=dict)
    question: Question | None = None
    chooses: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A draft or several, of one customer and perhaps one reservation."""

    customer: Customer
    drafts: tuple[Draft, ...]
    booking: Booking | None = None
    nodes: tuple[Node, ...] = ()
    facts: tuple[Fact, ...] = ()
    trip: str = ""


def slot_node(goal: str, name: str, value: object, fact: Fact) -> Slot:
    """Return the node of a fact that the customer holds."""
    return Slot(id=f"{goal}_{name}", name=name, value=value, said=fact.said, opening=fact.opening, goal=goal)


def ref(path: str) -> dict[str, str]:
    """Return a reference to an earlier node's value."""
    return {"$": path}


def identify(scene: Scene, draws: Draws, booking: Booking, customer: Customer) -> Case:
    """Let the customer point at a reservation: by its number, or by describing the trip.

    The program looks the description up among the customer's own reservations.
    """
    start, end = scene.city(booking.origin), scene.city(booking.destination)
    when = booking.legs[0].date
    described = f"my trip from {start} to {end} on {day(when)}"
    if draws.chance(50):
        return _by_description(booking, customer, when, described)
    trip = f"reservation {booking.reservation_id}"
    fact = Fact(
        slot="reservation_id",
        said=f"the reservation number is {booking.reservation_id}",
        value=booking.reservation_id,
        opening=draws.chance(50),
    )
    nodes = (
        Slot(
            id="rid",
            name="reservation_id",
            value=booking.reservation_id,
            said=fact.said,
            opening=fact.opening,
        ),
        Lookup(id="res", tool="get_reservation_details", args={"reservation_id": ref("rid")}),
    )
    facts = (fact, *_travel_facts(described, when, opening=not fact.opening))
    return Case(customer, (), booking, nodes, facts, trip if fact.opening else described)


def _by_description(booking: Booking, customer: Customer, when: str, described: str) -> Case:
    route = [booking.origin, booking.destination]
    nodes = (
        Slot(id="route", name="origin_destination", value=route, said=described, opening=True),
        Slot(id="when", name="date", value=when, said=f"it starts on {day(when)}", opening=True),
        Lookup(
            id="all",
            tool="get_reservation_details",
            each=ref("me.reservations"),
            args={"reservation_id": ref("item")},
        ),
        Filter(
            id="res",
            of=ref("all"),
            where=[
                ("origin", "==", ref("route.0")),
                ("destination", "==", ref("route.1")),
                ("flights.0.date", "==", ref("when")),
            ],
            one=True,
        ),
    )
    lost = Fact(
        slot="reservation_id", said=f"I don't have the reservation number at hand, but it's {described}"
    )
    return Case(
        customer, (), booking, nodes, (lost, *_travel_facts(described, when, opening=True)), described
    )


def _travel_facts(described: str, when: str, *, opening: bool) -> tuple[Fact, ...]:
    return (
        Fact(slot="origin_destination", said=f"it's {described}", opening=opening),
        Fact(slot="date", said=f"it starts on {day(when)}", value=when, opening=opening),
        Fact(slot="flight_choice", said=f"it's about {described}"),
    )


def card_expects(booking: Booking) -> dict[str, list[Scalar]]:
    """Return what any proposal about this reservation must agree with."""
    return {"reservation_id": [booking.reservation_id]}


def with_drafts(case: Case, drafts: Sequence[Draft]) -> Case:
    """Return the case with its drafts, the reservation filled into their words."""
    filled = tuple(replace(draft, says=draft.says.replace("{trip}", case.trip)) for draft in drafts)
    return replace(case, drafts=filled)
