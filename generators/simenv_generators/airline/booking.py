"""Customers who want to book a trip."""

from collections.abc import Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.program import Compute, Extremum, Filter, Judge, Node, Search
from simenv.core.task import Fact, Scalar
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Job, Verb
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.changing import CHOICES, choose, flights_of
from simenv_generators.airline.stage import AirlineStage
from simenv_generators.airline.verbs import CARD, act, draw_card, paid_with

Args = Mapping[str, Any]


def found(stage: AirlineStage, args: Args, people: int, *, stops: int) -> list[Any]:
    """Return the flights, or the pairs of flights, that have seats for all."""
    tool = "search_onestop_flight" if stops else "search_direct_flight"
    listed = stage.read(tool, origin=args["from"], destination=args["to"], date=args["date"])
    cabin = args["cabin"]

    def seated(offer: Any) -> bool:
        legs = offer if stops else [offer]
        return all(leg["available_seats"].get(cabin, 0) >= people for leg in legs)

    return [offer for offer in listed if seated(offer)]


def could_sit(stage: AirlineStage, args: Args, cabin: str, *, stops: int) -> bool:
    """Whether what a booking comes to has seats for all in another cabin as well."""
    people = 1 + len(args["company"])
    offers = found(stage, args, people, stops=stops)
    if not offers:
        return False
    if stops:
        best = min(offers, key=lambda pair: sum(leg["prices"][args["cabin"]] for leg in pair))
        return all(leg["available_seats"].get(cabin, 0) >= people for leg in best)
    how = CHOICES[args["choice"]]
    pick = max if how["pick"] == "max" else min
    best = pick(offers, key=lambda offer: _compared(offer, how["by"], args["cabin"]))
    return bool(best["available_seats"].get(cabin, 0) >= people)


def _compared(offer: Any, by: str, cabin: str) -> Any:
    return offer["prices"][cabin] if by == "prices" else offer[by]


def _answer(stage: AirlineStage, args: Args, *, stops: int) -> Answer:
    people = 1 + len(args["company"])
    if people > stage.values["max_passengers"]:
        return ""
    return "yes" if found(stage, args, people, stops=stops) else ""


def _direct_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer, trip
    return _answer(stage, args, stops=0)


def _stop_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer, trip
    return _answer(stage, args, stops=1)


def _holdings(stage: AirlineStage, customer: str, draws: Draws) -> dict[str, Any]:
    user = stage.user(customer)
    own = (user["name"]["first_name"], user["name"]["last_name"])
    saved = [each for each in user["saved_passengers"] if (each["first_name"], each["last_name"]) != own]
    saved = [each for each in saved if " " not in each["first_name"] + each["last_name"]]
    others = draws.sample(saved, min(len(saved), draws.weighted([0, 1, 2], [6, 3, 1])))
    return {
        "cabin": draws.choice(CABINS),
        "bags": draws.weighted([0, 1, 2, 3, 4], [2, 3, 3, 2, 1]),
        "insurance": draws.choice(("yes", "no")),
        "company": [[f"{each['first_name']} {each['last_name']}", each["dob"]] for each in others],
        **draw_card(stage, customer, draws.at("card")),
    }


def _direct_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del trip
    for number in range(4):
        held = _holdings(stage, customer, draws.at(number))
        start, end = draws.choice(stage.routes)
        choice = draws.choice(tuple(CHOICES))
        if "card" in held and stage.days:
            yield {"from": start, "to": end, "date": draws.choice(stage.days), "choice": choice, **held}


def _stop_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del trip
    for number in range(6):
        held = _holdings(stage, customer, draws.at(number))
        start, middle = draws.choice(stage.routes)
        onward = [end for origin, end in stage.routes if origin == middle and end != start]
        if onward and "card" in held and stage.days:
            yield {"from": start, "to": draws.choice(onward), "date": draws.choice(stage.days), **held}


def _search(job: Job, tool: str) -> Search:
    args = {"origin": job.args["from"], "destination": job.args["to"], "date": job.args["date"]}
    return Search(id=job.id("found"), tool=tool, args=args)


def _select_one(job: Job) -> tuple[Node, ...]:
    cabin, people = job.values["cabin"], 1 + len(job.values["company"])
    return (
        _search(job, "search_direct_flight"),
        Filter(id=job.id("free"), of=job.ref("found"), where=[(f"available_seats.{cabin}", ">=", people)]),
        *choose(job, cabin),
        Extremum(
            id=job.id("best"),
            step=job.id("best"),
            of=job.ref("free"),
            by=job.ref("way.by"),
            pick=job.ref("way.pick"),
        ),
        Compute(id=job.id("fare"), fn="measure", args=[job.ref("best"), f"cents:prices.{cabin}"]),
    )


def _select_pair(job: Job) -> tuple[Node, ...]:
    cabin, people = job.values["cabin"], 1 + len(job.values["company"])
    seats = f"available_seats.{cabin}"
    price = f"cents:0.prices.{cabin}+cents:1.prices.{cabin}"
    return (
        _search(job, "search_onestop_flight"),
        Filter(
            id=job.id("free"),
            of=job.ref("found"),
            where=[(f"0.{seats}", ">=", people), (f"1.{seats}", ">=", people)],
        ),
        Extremum(id=job.id("best"), step=job.id("best"), of=job.ref("free"), by=price, pick="min"),
        Compute(id=job.id("fare"), fn="measure", args=[job.ref("best"), price]),
    )


def _price(job: Job, people: int) -> tuple[Node, ...]:
    """Add up the price by the rules."""
    return (
        Judge(
            id=job.id("allowance"),
            step=job.id("bag_gate"),
            rule="bag_allowance",
            facts={
                "membership": {"$": "me.membership"},
                "cabin": job.args["cabin"],
                "passengers": people,
            },
        ),
        Compute(id=job.id("over"), fn="above", args=[job.args["bags"], job.ref("allowance")]),
        Judge(id=job.id("bag_price"), rule="bag_fee", facts={"bags": job.ref("over")}),
        Judge(id=job.id("cover"), rule="insurance_fee", facts={"passengers": people}),
        Filter(id=job.id("insured"), of=[{"is": job.args["insurance"]}], where=[("is", "==", "yes")]),
        Compute(id=job.id("covers"), fn="len", args=[job.ref("insured")]),
        Compute(id=job.id("cover_price"), fn="mul", args=[job.ref("cover"), job.ref("covers")]),
        Compute(id=job.id("seats_price"), fn="mul", args=[job.ref("fare"), people]),
        Compute(
            id=job.id("total"),
            step=job.id("total"),
            fn="sum",
            args=[job.ref("seats_price"), job.ref("bag_price"), job.ref("cover_price")],
        ),
        Compute(id=job.id("amount"), fn="dollars", args=[job.ref("total")]),
    )


def _travellers(job: Job, people: int) -> tuple[list[Any], tuple[Node, ...]]:
    """Return the passengers, and the nodes that look companions up among the saved ones of the profile."""
    own = {
        "first_name": {"$": "me.name.first_name"},
        "last_name": {"$": "me.name.last_name"},
        "dob": {"$": "me.dob"},
    }
    nodes = []
    for at in range(people - 1):
        name = job.id(f"mate{at}")
        said = job.args["company"]["$"]
        nodes.append(Compute(id=f"{name}_last", fn="surname", args=[{"$": f"{said}.{at}.0"}]))
        where = [("last_name", "==", {"$": f"{name}_last"}), ("dob", "==", {"$": f"{said}.{at}.1"})]
        nodes.append(Filter(id=name, of={"$": "me.saved_passengers"}, where=where, one=True))  # type: ignore[arg-type]
    mates = [
        {key: job.ref(f"mate{at}.{key}") for key in ("first_name", "last_name", "dob")}
        for at in range(people - 1)
    ]
    return [own, *mates], tuple(nodes)


def _draft(job: Job, *, stops: int) -> Draft:
    people = 1 + len(job.values["company"])
    passengers, looked = _travellers(job, people)
    flights: Any = [{"flight_number": job.ref("best.flight_number"), "date": job.args["date"]}]
    if stops:
        flights = [
            {"flight_number": job.ref(f"best.{at}.flight_number"), "date": job.ref(f"best.{at}.date")}
            for at in (0, 1)
        ]
    args = {
        "user_id": {"$": "uid"},
        "origin": job.args["from"],
        "destination": job.args["to"],
        "flight_type": "one_way",
        "cabin": job.args["cabin"],
        "flights": flights,
        "passengers": passengers,
        "payment_methods": [{"payment_id": job.args["card"], "amount": job.ref("amount")}],
        "total_baggages": job.args["bags"],
        "nonfree_baggages": job.ref("over"),
        "insurance": job.args["insurance"],
    }
    select = _select_pair(job) if stops else _select_one(job)
    return Draft(
        nodes=(*looked, *select, *_price(job, people), act(job, "book_reservation", args)),
        words=("book", "booking", "booked", "buy", "purchase"),
        facts=_facts(job, stops=stops),
        tools=("book_reservation",),
        expects=_expects(job),
        known={"date": [_birth(job), *(born for _, born in job.values["company"])]},
        settle=flights_of,
    )


def _birth(job: Job) -> str:
    return str(job.stage.user(job.customer)["dob"])


def _expects(job: Job) -> dict[str, list[Scalar]]:
    values = job.values
    return {
        "cabin": [values["cabin"]],
        "date": [values["date"], f"--{values['date'][5:]}"],
        "insurance": [values["insurance"]],
        "count:bags": [values["bags"]],
        **paid_with(job.stage, job.customer, values["card"]),  # type: ignore[arg-type]
    }


def _facts(job: Job, *, stops: int) -> tuple[Fact, ...]:
    name = job.stage.user(job.customer)["name"]
    own = f"{name['first_name']} {name['last_name']}"
    others = job.values["company"]
    names = " and ".join([own, *(each for each, _ in others)])
    born = " and ".join([f"I was born on {_birth(job)}", *(f"{who} on {day}" for who, day in others)])
    cheapest = Fact(
        slot="flight_choice", said="I'd like the cheapest connection in total", kind="flight_number"
    )
    return (
        *([cheapest] if stops else []),
        Fact(slot="name", said=f"the name{'s are' if others else ' is'} {names}"),
        Fact(slot="date_of_birth", said=born),
        Fact(slot="other", said="it's a one-way trip"),
    )


_HELD = (
    Arg("from", "origin_destination", core=True),
    Arg("to", "origin_destination", core=True),
    Arg("date", "date", kind="date", core=True, measures="day"),
    Arg("cabin", "cabin", kind="cabin"),
    Arg("company", "passengers"),
    Arg("bags", "bags", kind="count:bags"),
    Arg("insurance", "insurance", kind="insurance"),
    CARD,
)

BOOK = Verb(
    "book",
    lambda job: _draft(job, stops=0),
    _direct_propose,  # type: ignore[arg-type]
    _direct_answer,  # type: ignore[arg-type]
    args=(*_HELD, Arg("choice", "flight_choice", kind="flight_number")),
    over="none",
    makes=True,
    steps=(3, 3),
)

CONNECT = Verb(
    "connect",
    lambda job: _draft(job, stops=1),
    _stop_propose,  # type: ignore[arg-type]
    _stop_answer,  # type: ignore[arg-type]
    args=_HELD,
    over="none",
    makes=True,
    steps=(3, 3),
)

BOOKED = (BOOK, CONNECT)
