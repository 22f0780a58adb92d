"""What plans of the airline are made of: the fields of a trip, the verbs, the simple kinds of tasks."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from simenv.core.draws import Draws
from simenv.core.plan import Manner, Plan, Ref, Want
from simenv.core.task import Fact
from simenv.core.vocabulary import Answer, Element, Field, Join, Stage, Verb, Vocabulary
from simenv_generators.airline.booking import BOOKED
from simenv_generators.airline.changing import CHANGES
from simenv_generators.airline.grammar import grammar
from simenv_generators.airline.operators import OPERATORS
from simenv_generators.airline.questions import ASKED
from simenv_generators.airline.stage import stage
from simenv_generators.airline.twins import changes
from simenv_generators.airline.verbs import DEEDS

_FIRST = {"flight_number": {"$": "item.flights.0.flight_number"}, "date": {"$": "item.flights.0.date"}}

FIELDS = (
    Field("origin", "origin", "word", slot="origin_destination", points=True, asks=True),
    Field("destination", "destination", "word", slot="origin_destination", points=True, asks=True),
    Field("start", "flights.0.date", "day", slot="date", points=True, ranks=True, asks=True),
    Field("cabin", "cabin", "word", slot="cabin", points=True, asks=True),
    Field("insurance", "insurance", "word", slot="insurance", points=True),
    Field("kind", "flight_type", "word", slot="other", points=True),
    Field("people", "len:passengers", "count", slot="passengers", points=True, ranks=True, asks=True),
    Field("bags", "total_baggages", "count", ranks=True, asks=True),
    Field("price", "sum:payment_history.amount", "money", ranks=True, asks=True),
    Field("booked", "created_at", "moment", ranks=True),
    Field("traveller", "words:passengers.first_name,last_name", "names", slot="name", how="has", points=True),
    Field(
        "first_status",
        "first_status",
        "word",
        slot="other",
        points=True,
        join=Join("get_flight_status", _FIRST),
    ),
)

VERBS: tuple[Verb, ...] = (*DEEDS, *CHANGES, *ASKED, *BOOKED)
_BARE = ("cancel", "cabin", "paid")
_BY_NAME = {verb.name: verb for verb in VERBS}


def _own_facts(stage: Stage, customer: str) -> tuple[Fact, ...]:
    user = stage.user(customer)
    name = user["name"]
    return (
        Fact(slot="name", said=f"my name is {name['first_name']} {name['last_name']}"),
        Fact(slot="date_of_birth", said=f"I was born on {user['dob']}"),
    )


def pointed(trip: Element, trips: Any, draws: Draws) -> Ref:
    """Return a plain way to point at a trip: its number, or the fewest of route and day that tell it."""
    number: Ref = {"by": "number", "id": trip["reservation_id"]}
    if draws.chance(40) or len(trips) < 2:
        return number
    facts = {
        "destination": trip["destination"],
        "start": trip["flights"][0]["date"],
        "origin": trip["origin"],
    }
    theirs = [
        {"destination": each["destination"], "start": each["flights"][0]["date"], "origin": each["origin"]}
        for each in trips
    ]
    for size in (1, 2):
        for names in draws.at(size).shuffled(list(combinations(facts, size))):
            if sum(all(each[name] == facts[name] for name in names) for each in theirs) == 1:
                return {"by": "clauses", "where": [[name, "==", facts[name]] for name in names]}
    return number


def offers(
    stage: Stage, verb: Verb, wanted: Answer, draws: Draws
) -> Iterator[tuple[str, Element | None, dict[str, Any]]]:
    """Yield (customer, trip, arguments) with which a verb gets the answer wanted, in a drawn order."""
    for customer in draws.at("customers").shuffled(stage.customers):
        trips = stage.elements(customer) if verb.over == "one" else [None]
        for trip in draws.at("trips", customer).shuffled(trips):
            at = draws.at("args", customer, trip["reservation_id"] if trip else "")
            for args in verb.propose(stage, customer, trip, at):
                if verb.answer(stage, customer, trip, args) == wanted:
                    yield customer, trip, args


def want(
    stage: Stage, verb: Verb, customer: str, trip: Element | None, args: dict[str, Any], draws: Draws
) -> Want:
    """Return the want of a verb with a plain reference."""
    if trip is None:
        return {"do": verb.name, "args": args}
    return {"do": verb.name, "at": pointed(trip, stage.elements(customer), draws.at("point")), "args": args}


def opened(verb: Verb, args: dict[str, Any], draws: Draws) -> list[str]:
    """Return what the opening says of its own accord, of the first want and of the customer.

    A reason is told only when asked: often it does not matter, and then the opening would be padded. That
    nobody comes along is not said, and what takes no more than a number leaves the customer to be asked for.
    """
    side = [f"g1.{arg.name}" for arg in verb.args if not arg.core and arg.name != "reason"]
    told = [place for place in side if args.get(place[3:]) not in (None, []) and draws.at(place).chance(15)]
    return told + ["user"] * (draws.at("user").chance(30) and verb.name not in _BARE)


def _simple(
    name: str, wanted: Answer = "yes", *, when: Callable[[Any], bool] = lambda args: True
) -> Callable[[Stage, Draws], Plan | None]:
    verb = _BY_NAME[name]

    def draw(stage: Stage, draws: Draws) -> Plan | None:
        for customer, trip, args in offers(stage, verb, wanted, draws):
            if when(args):
                wants = [want(stage, verb, customer, trip, args, draws)]
                manner = Manner(
                    opened=opened(verb, args, draws.at("opened")), insists=int(draws.at("insists").chance(25))
                )
                return Plan(customer=customer, wants=wants, manner=manner)
        return None

    return draw


INTENTS: dict[str, Callable[[Stage, Draws], Plan | None]] = {
    "book_direct": _simple("book"),
    "book_one_stop": _simple("connect"),
    "cancel": _simple("cancel"),
    "cancel_denied": _simple("cancel", "no"),
    "change_flights": _simple("move"),
    "change_flights_denied": _simple("move", "no"),
    "change_cabin": _simple("cabin"),
    "add_bags": _simple("bags"),
    "change_passengers": _simple("rename"),
    "change_passengers_denied": _simple("rename", "no"),
    "compensation": _simple("claim"),
    "compensation_denied": _simple("claim", "no"),
    "refund_total": _simple("refund"),
    "price_paid": _simple("paid"),
    "balance_total": _simple("balance"),
}

VOCABULARY = Vocabulary(
    key="reservation_id",
    tool="get_reservation_details",
    key_slot="reservation_id",
    user_slot="user_id",
    user_tool="get_user_details",
    owned="reservations",
    fields=FIELDS,
    verbs=VERBS,
    grammar=grammar,
    stage=stage,
    intents=INTENTS,
    operators={each.name: each for each in OPERATORS},
    live=(("status", "==", None),),
    own_facts=_own_facts,
    changes=changes,
)
