"""Customers who want to book."""

from typing import Literal

from simenv.core.draws import Draws
from simenv.core.program import Act, Compute, Extremum, Filter, Judge, Lookup, Node
from simenv.core.task import Fact, Scalar
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.changing import births, paid_with, payer, paying
from simenv_generators.airline.drafts import Case, Draft, ref, slot_node
from simenv_generators.airline.scene import Customer, Passenger, Scene, day

_SAYS = (
    "I'd like to book a flight from {start} to {end} on {date}.",
    "please book me a trip from {start} to {end} for {date}.",
    "I need to get from {start} to {end} on {date}, could you book that?",
    "I want to fly from {start} to {end} on {date}.",
    "can you help me book a one-way flight from {start} to {end} on {date}?",
)
_STOP_SAYS = (
    "I'd like to book a trip with one stop from {start} to {end} on {date}.",
    "please book me a one-stop connection from {start} to {end} for {date}.",
    "I want to fly from {start} to {end} on {date} and I want one stop on the way.",
    "can you book a connecting flight with one stop from {start} to {end} on {date}?",
)
_DIRECT_CHOICES: tuple[tuple[str, str, Literal["min", "max"]], ...] = (
    ("I'd like the cheapest one", "prices", "min"),
    ("I'd like the earliest one of the day", "scheduled_departure_time_est", "min"),
    ("I'd like the latest departure of that day", "scheduled_departure_time_est", "max"),
)


def direct(scene: Scene, draws: Draws) -> Case | None:
    """Book a direct flight, one way."""
    return _book(scene, draws, stops=0)


def one_stop(scene: Scene, draws: Draws) -> Case | None:
    """Book a connection with one stop, one way."""
    return _book(scene, draws, stops=1)


def _days_ahead(scene: Scene) -> list[str]:
    return sorted({leg.date for booking in scene.bookings for leg in booking.legs if leg.date > scene.today})


def _pair(scene: Scene, draws: Draws, stops: int) -> tuple[str, str]:
    """Draw a route; with a stop, two routes that meet."""
    if stops == 0:
        return draws.choice(scene.routes)
    start, middle = draws.choice(scene.routes)
    onward = [end for origin, end in scene.routes if origin == middle and end != start]
    return (start, draws.choice(onward)) if onward else (start, middle)


def _book(scene: Scene, draws: Draws, *, stops: int) -> Case | None:
    days = _days_ahead(scene)
    if not days:
        return None
    customer = draws.choice([scene.customers[key] for key in sorted(scene.customers)])
    start, end = _pair(scene, draws, stops)
    nodes, facts, extra, expects, others = _holdings(scene, draws, customer, start, end, draws.choice(days))
    people = 1 + len(others)
    cabin = str(expects["cabin"][0])
    if stops:
        choice_text, select = _select_pair(cabin, people)
    else:
        choice_text, select = _select_one(draws, cabin, people)
    choice = Fact(slot="flight_choice", said=choice_text, goal="g1", kind="flight_number")
    when = str(expects["date"][0])
    says = draws.choice(_STOP_SAYS if stops else _SAYS).format(
        start=_from(scene, start), end=_from(scene, end), date=day(when)
    )
    draft = Draft(
        nodes=(*nodes, slot_node("g1", "flight_choice", choice_text, choice), *select, *_pay(people, stops)),
        says=says,
        words=("book", "booking", "flight", "flights", "reservation", "trip"),
        facts=(*facts, choice, *extra),
        tools=("book_reservation",),
        expects=expects,
        known=births([Passenger(customer.first_name, customer.last_name, customer.dob), *others]),
        chooses=True,
    )
    return Case(customer, (draft,))


def _from(scene: Scene, iata: str) -> str:
    """Name an airport; by its code too where a city has several."""
    shared = [code for code, city in scene.cities.items() if city == scene.cities[iata]]
    return scene.cities[iata] if len(shared) == 1 else f"{scene.cities[iata]} ({iata})"


def _companions(draws: Draws, customer: Customer) -> list[Passenger]:
    own = (customer.first_name, customer.last_name)
    others = [each for each in customer.saved if (each.first_name, each.last_name) != own]
    return draws.sample(others, min(len(others), draws.weighted([0, 1, 2], [6, 3, 1])))


def _holdings(
    scene: Scene, draws: Draws, customer: Customer, start: str, end: str, when: str
) -> tuple[tuple[Node, ...], tuple[Fact, ...], tuple[Fact, ...], dict[str, list[Scalar]], list[Passenger]]:
    """Return what the customer holds: nodes, facts, more facts, what proposals must agree with, company."""
    cabin, bags = draws.choice(CABINS), draws.weighted([0, 1, 2, 3, 4], [2, 3, 3, 2, 1])
    insurance = draws.choice(("yes", "no"))
    others = _companions(draws, customer)
    method = payer(customer, draws)
    words = cabin.replace("_", " ")
    company = "".join(f" and {each.name}, born on {each.dob}," for each in others).rstrip(",")
    held = {
        "origin_destination": (
            [start, end],
            Fact(
                slot="origin_destination",
                said=f"I want to fly from {_from(scene, start)} to {_from(scene, end)}",
                goal="g1",
                opening=True,
            ),
        ),
        "date": (
            when,
            Fact(
                slot="date",
                said=f"I want to fly on {day(when)}",
                value=when,
                goal="g1",
                opening=True,
                kind="date",
            ),
        ),
        "cabin": (
            cabin,
            Fact(slot="cabin", said=f"I'd like to fly in {words}", value=cabin, goal="g1", kind="cabin"),
        ),
        "passengers": (
            [each.__class__(each.first_name, each.last_name, each.dob).name for each in others],
            Fact(slot="passengers", said=f"it's {'just me' if not others else 'me'}{company}", goal="g1"),
        ),
        "bags": (
            bags,
            Fact(
                slot="bags",
                said=f"I have {bags or 'no'} checked bag{'' if bags == 1 else 's'}"
                + " in total" * bool(bags),
                value=bags,
                goal="g1",
                kind="count:bags",
            ),
        ),
        "insurance": (
            insurance,
            Fact(
                slot="insurance",
                said="I'd like travel insurance" if insurance == "yes" else "I don't want travel insurance",
                value=insurance,
                goal="g1",
                kind="insurance",
            ),
        ),
        "payment_method": (method.payment_id, paying("g1", method)),
    }
    nodes = tuple(slot_node("g1", name, value, fact) for name, (value, fact) in held.items())
    expects: dict[str, list[Scalar]] = {
        "cabin": [cabin],
        "date": [when, f"--{when[5:]}"],
        "insurance": [insurance],
        "count:bags": [bags],
        **paid_with(method),
    }
    extra = _extra_facts(customer, others)
    travellers: tuple[Node, ...] = tuple(_saved_nodes(customer, others))
    return (*nodes, *travellers), tuple(fact for _, fact in held.values()), extra, expects, others


def _extra_facts(customer: Customer, others: list[Passenger]) -> tuple[Fact, ...]:
    names = " and ".join([f"{customer.first_name} {customer.last_name}", *(each.name for each in others)])
    born = " and ".join([f"I was born on {customer.dob}", *(f"{each.name} on {each.dob}" for each in others)])
    return (
        Fact(slot="name", said=f"the name{'s are' if others else ' is'} {names}", goal="g1"),
        Fact(slot="date_of_birth", said=born, goal="g1"),
        Fact(slot="other", said="it's a one-way trip", goal="g1"),
    )


def _saved_nodes(customer: Customer, others: list[Passenger]) -> list[Node]:
    """Look companions up among the saved passengers of the profile."""
    return [
        Filter(
            id=f"mate{at}",
            of=ref("me.saved_passengers"),
            where=[
                ("first_name", "==", each.first_name),
                ("last_name", "==", each.last_name),
                ("dob", "==", each.dob),
            ],
            one=True,
        )
        for at, each in enumerate(others)
    ]


def _search(tool: str) -> Lookup:
    return Lookup(
        id="found",
        tool=tool,
        args={
            "origin": ref("g1_origin_destination.0"),
            "destination": ref("g1_origin_destination.1"),
            "date": ref("g1_date"),
        },
    )


def _select_one(draws: Draws, cabin: str, people: int) -> tuple[str, tuple[Node, ...]]:
    text, by, pick = draws.choice(_DIRECT_CHOICES)
    return text, (
        _search("search_direct_flight"),
        Filter(id="free", of=ref("found"), where=[(f"available_seats.{cabin}", ">=", people)]),
        Extremum(id="best", of=ref("free"), by=f"prices.{cabin}" if by == "prices" else by, pick=pick),
        Compute(id="fare", fn="cents", args=[ref(f"best.prices.{cabin}")]),
    )


def _select_pair(cabin: str, people: int) -> tuple[str, tuple[Node, ...]]:
    seats = f"available_seats.{cabin}"
    return "I'd like the cheapest connection in total", (
        _search("search_onestop_flight"),
        Filter(
            id="free", of=ref("found"), where=[(f"0.{seats}", ">=", people), (f"1.{seats}", ">=", people)]
        ),
        Extremum(id="best", of=ref("free"), by=f"0.prices.{cabin}+1.prices.{cabin}", pick="min"),
        Compute(id="fares", fn="at", args=[ref("best"), f"prices.{cabin}"]),
        Compute(id="fare_list", fn="cents", args=[ref("fares")]),
        Compute(id="fare", fn="sum", args=[ref("fare_list")]),
    )


def _pay(people: int, stops: int) -> tuple[Node, ...]:
    """Add up the price by the rules and book."""
    travellers: list[object] = [
        {
            "first_name": ref("me.name.first_name"),
            "last_name": ref("me.name.last_name"),
            "dob": ref("me.dob"),
        },
        *(
            {key: ref(f"mate{at}.{key}") for key in ("first_name", "last_name", "dob")}
            for at in range(people - 1)
        ),
    ]
    flights: object = (
        [{"flight_number": ref(f"best.{at}.flight_number"), "date": ref(f"best.{at}.date")} for at in (0, 1)]
        if stops
        else [{"flight_number": ref("best.flight_number"), "date": ref("g1_date")}]
    )
    return (
        Judge(
            id="allowance",
            rule="bag_allowance",
            facts={"membership": ref("me.membership"), "cabin": ref("g1_cabin"), "passengers": people},
        ),
        Compute(id="over", fn="above", args=[ref("g1_bags"), ref("allowance")]),
        Judge(id="bag_price", rule="bag_fee", facts={"bags": ref("over")}),
        Judge(id="cover", rule="insurance_fee", facts={"passengers": people}),
        Filter(id="insured", of=[{"is": ref("g1_insurance")}], where=[("is", "==", "yes")]),
        Compute(id="covers", fn="len", args=[ref("insured")]),
        Compute(id="cover_price", fn="mul", args=[ref("cover"), ref("covers")]),
        Compute(id="seats_price", fn="mul", args=[ref("fare"), people]),
        Compute(id="total", fn="sum", args=[ref("seats_price"), ref("bag_price"), ref("cover_price")]),
        Compute(id="amount", fn="dollars", args=[ref("total")]),
        Act(
            id="do",
            tool="book_reservation",
            goal="g1",
            args={
                "user_id": ref("uid"),
                "origin": ref("g1_origin_destination.0"),
                "destination": ref("g1_origin_destination.1"),
                "flight_type": "one_way",
                "cabin": ref("g1_cabin"),
                "flights": flights,
                "passengers": travellers,
                "payment_methods": [{"payment_id": ref("g1_payment_method"), "amount": ref("amount")}],
                "total_baggages": ref("g1_bags"),
                "nonfree_baggages": ref("over"),
                "insurance": ref("g1_insurance"),
            },
        ),
    )
