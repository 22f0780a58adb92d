"""What a customer can ask to be changed about a trip: its cabin, the names on it, its day."""

from collections.abc import Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.interpreter import UnsoundError
from simenv.core.program import Aggregate, Compute, Const, Extremum, Filter, If, Judge, Node, Search
from simenv.core.task import Fact, Scalar
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Job, Verb
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.stage import AirlineStage
from simenv_generators.airline.verbs import CARD, about, act, decline, draw_card, paid_with

Args = Mapping[str, Any]

CHOICES = {
    "cheapest": {"by": "prices", "pick": "min"},
    "earliest": {"by": "scheduled_departure_time_est", "pick": "min"},
    "latest": {"by": "scheduled_departure_time_est", "pick": "max"},
}


def births(trip: Element) -> dict[str, list[Scalar]]:
    """Return days that a proposal may name although nobody flies on them."""
    return {"date": [each["dob"] for each in trip.get("passengers", ())]}


# Cabin


def _cabin_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer
    if trip is None or not stage.ahead(trip) or args.get("cabin") == trip["cabin"]:
        return ""
    people = len(trip["passengers"])
    seats = [_offer(stage, leg) for leg in trip["flights"]]
    return (
        "yes"
        if all(each and each["available_seats"].get(args["cabin"], 0) >= people for each in seats)
        else ""
    )


def _offer(stage: AirlineStage, leg: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = stage.read(
        "search_direct_flight", origin=leg["origin"], destination=leg["destination"], date=leg["date"]
    )
    return next((each for each in found if each["flight_number"] == leg["flight_number"]), None)


def _cabin_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    paying = draw_card(stage, customer, draws.at("card"))
    if trip is not None and paying:
        yield from ({"cabin": each, **paying} for each in draws.shuffled(CABINS) if each != trip["cabin"])


def flights_of(arguments: Args) -> dict[str, list[Scalar]]:
    """Return the flights of a write, and their days, which a proposal must agree with."""
    legs = arguments["flights"]
    return {
        "flight_number": [leg["flight_number"] for leg in legs],
        "date": [day for leg in legs for day in (leg["date"], f"--{leg['date'][5:]}")],
    }


def _cabin_draft(job: Job) -> Draft:
    paying = paid_with(job.stage, job.customer, job.values["card"])  # type: ignore[arg-type]
    nodes: tuple[Node, ...] = (
        Compute(id=job.id("same"), fn="pick", args=[job.target("flights"), ["flight_number", "date"]]),
        act(job, "update_reservation_flights", change(job, job.args["cabin"], job.ref("same"))),
    )
    return Draft(
        nodes=nodes,
        words=("cabin", "class", "upgrade", "upgrading", "economy", "business"),
        facts=(
            Fact(slot="flight_choice", said="I want to keep my flights as they are", kind="flight_number"),
        ),
        tools=("update_reservation_flights",),
        expects={**about(job), "cabin": [job.values["cabin"]], **paying},
        known=births(job.targets[0]),
        exact=("reservation_id",),
        settle=flights_of,
    )


def change(job: Job, cabin: Any, flights: Any) -> dict[str, Any]:
    """Return the arguments of a change of flights or cabin."""
    return {
        "reservation_id": job.target("reservation_id"),
        "cabin": cabin,
        "flights": flights,
        "payment_id": job.args["card"],
    }


CABIN = Verb(
    name="cabin",
    draft=_cabin_draft,
    propose=_cabin_propose,  # type: ignore[arg-type]
    answer=_cabin_answer,  # type: ignore[arg-type]
    args=(Arg("cabin", "cabin", kind="cabin", core=True, measures="word"), CARD),
    writes=("cabin", "price"),
    spreads=True,
)


# Names


def _rename_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer
    names = [f"{each['first_name']} {each['last_name']}" for each in trip["passengers"]] if trip else []
    if trip is None or names.count(args["name"][0]) != 1:
        return ""
    facts = {"first_flight_date": trip["flights"][0]["date"], "now": stage.now}
    return "yes" if policy.passenger_edit(facts, stage.values) else "no"


def respelled(name: str, draws: Draws) -> str:
    """Return the name as it might truly be spelled: one letter doubled or dropped."""
    at = draws.between(min(2, len(name) - 1), len(name) - 1)
    doubled = draws.chance(60) or len(name) < 4
    return name[:at] + name[at - 1] + name[at:] if doubled else name[:at] + name[at + 1 :]


def _rename_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del stage, customer
    for each in draws.shuffled(trip["passengers"]) if trip else ():
        old = f"{each['first_name']} {each['last_name']}"
        new = f"{each['first_name']} {respelled(each['last_name'], draws.at('spelling', old))}"
        if " " not in each["first_name"] and " " not in each["last_name"]:
            yield {"name": [old, new]}


def _rename_draft(job: Job) -> Draft:
    old, new = job.values["name"]
    trip = job.targets[0]
    people = [f"{each['first_name']} {each['last_name']}" for each in trip["passengers"]]
    kept = [
        {key: job.target(f"passengers.{at}.{key}") for key in ("first_name", "last_name", "dob")}
        for at in range(len(people))
    ]
    if people.count(old) != 1:
        raise UnsoundError(f"{old} is {people.count(old)} times on reservation {trip['reservation_id']}")
    kept[people.index(old)] |= {"last_name": job.ref("last")}
    first = {
        "first_flight_number": job.target("flights.0.flight_number"),
        "first_flight_date": job.target("flights.0.date"),
    }
    nodes: tuple[Node, ...] = (
        Judge(
            id=job.id("may"),
            step=job.id("gate"),
            rule="passenger_edit",
            facts={"first_flight_date": job.target("flights.0.date")},
        ),
        If(
            id=job.id("if"),
            step=job.id("gate"),
            test=job.ref("may"),
            then=[
                Compute(id=job.id("last"), fn="surname", args=[_inside(job.args["name"], "1")]),
                act(
                    job,
                    "update_reservation_passengers",
                    {"reservation_id": job.target("reservation_id"), "passengers": kept},
                ),
            ],
            orelse=[decline(job, "passenger_edit", first)],
        ),
    )
    spelled = f"{old} should be spelled {new}"
    return Draft(
        nodes=nodes,
        words=("passenger", "passengers", "name", "names", "spelled", "spelling"),
        facts=(Fact(slot="name", said=spelled), Fact(slot="other", said=spelled)),
        tools=("update_reservation_passengers",),
        expects={**about(job), "words": [new]},
        known={"words": [old]},
        exact=("reservation_id",),
    )


def _inside(template: Any, path: str) -> dict[str, str]:
    return {"$": f"{template['$']}.{path}"}


RENAME = Verb(
    name="rename",
    draft=_rename_draft,
    propose=_rename_propose,  # type: ignore[arg-type]
    answer=_rename_answer,  # type: ignore[arg-type]
    args=(Arg("name", "passengers", kind="words"),),
    writes=("traveller",),
)


# Another day


def options(stage: AirlineStage, trip: Element, day: Any) -> list[Any]:
    """Return the direct flights of a trip's route on a day that have seats for all in its cabin."""
    if not isinstance(day, str) or day <= stage.today:
        return []
    found = stage.read(
        "search_direct_flight", origin=trip["origin"], destination=trip["destination"], date=day
    )
    people, cabin = len(trip["passengers"]), trip["cabin"]
    return [each for each in found if each["available_seats"].get(cabin, 0) >= people]


def _move_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer
    if trip is None or trip["flight_type"] != "one_way" or not stage.ahead(trip):
        return ""
    if args.get("date") == trip["flights"][0]["date"] or not options(stage, trip, args.get("date")):
        return ""
    facts = {"cabin": trip["cabin"], "created_at": trip["created_at"], "now": stage.now}
    return "yes" if policy.change_flights(facts, stage.values) else "no"


def _move_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    paying = draw_card(stage, customer, draws.at("card"))
    if trip is not None and paying:
        for day in draws.sample(stage.days, min(4, len(stage.days))):
            yield {"date": day, "choice": draws.choice(tuple(CHOICES)), **paying}


def choose(job: Job, cabin: str) -> tuple[Node, ...]:
    """Return the nodes that turn the customer's preference into what to compare flights by."""
    table = {
        name: how | {"by": f"prices.{cabin}"} if how["by"] == "prices" else how
        for name, how in CHOICES.items()
    }
    return (
        Const(id=job.id("ways"), value=table),
        Compute(id=job.id("way"), fn="get", args=[job.ref("ways"), job.args["choice"]]),
    )


def _move_draft(job: Job) -> Draft:
    trip = job.targets[0]
    paying = paid_with(job.stage, job.customer, job.values["card"])  # type: ignore[arg-type]
    facts = {name: job.target(name) for name in ("created_at", "cabin")}
    flight = [{"flight_number": job.ref("best.flight_number"), "date": job.args["date"]}]
    chosen: list[Node] = [
        Search(
            id=job.id("found"),
            tool="search_direct_flight",
            args={
                "origin": job.target("origin"),
                "destination": job.target("destination"),
                "date": job.args["date"],
            },
        ),
        Aggregate(id=job.id("people"), fn="count", of=job.target("passengers")),
        Filter(
            id=job.id("free"),
            of=job.ref("found"),
            where=[(f"available_seats.{trip['cabin']}", ">=", job.ref("people"))],
        ),
        *choose(job, trip["cabin"]),
        Extremum(
            id=job.id("best"),
            step=job.id("best"),
            of=job.ref("free"),
            by=job.ref("way.by"),
            pick=job.ref("way.pick"),
        ),
        act(job, "update_reservation_flights", change(job, job.target("cabin"), flight)),
    ]
    nodes: tuple[Node, ...] = (
        Judge(id=job.id("may"), step=job.id("gate"), rule="change_flights", facts=facts),
        If(
            id=job.id("if"),
            step=job.id("gate"),
            test=job.ref("may"),
            then=chosen,
            orelse=[decline(job, "change_flights", facts)],
        ),
    )
    cabin = trip["cabin"].replace("_", " ")
    day = job.values["date"]
    return Draft(
        nodes=nodes,
        words=("flight", "flights", "change", "changing", "move", "rebook", "date"),
        facts=(Fact(slot="cabin", said=f"I want to stay in {cabin}", value=trip["cabin"], kind="cabin"),),
        tools=("update_reservation_flights",),
        expects={**about(job), "date": [day, f"--{day[5:]}"], "cabin": [trip["cabin"]], **paying},
        known={"flight_number": [leg["flight_number"] for leg in trip["flights"]], **births(trip)},
        exact=("reservation_id",),
        settle=flights_of,
    )


MOVE = Verb(
    name="move",
    draft=_move_draft,
    propose=_move_propose,  # type: ignore[arg-type]
    answer=_move_answer,  # type: ignore[arg-type]
    args=(
        Arg("date", "date", kind="date", core=True, measures="day"),
        Arg("choice", "flight_choice", kind="flight_number"),
        CARD,
    ),
    writes=("start", "price"),
    steps=(2, 2),
)

CHANGES = (CABIN, RENAME, MOVE)
