"""What a customer can ask to be done with a trip: cancel it, change it, add bags, correct names."""

from collections.abc import Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.program import (
    Act,
    Aggregate,
    Compute,
    Const,
    Decline,
    Extremum,
    Filter,
    If,
    Judge,
    Lookup,
    Node,
    Search,
)
from simenv.core.task import Fact, Scalar
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Job, Verb
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.stage import AirlineStage

Args = Mapping[str, Any]

BAG_WORDS = ("bag", "bags", "baggage", "luggage", "suitcase", "suitcases")
CARD = Arg("card", "payment_method", kind="last_four")
CHOICES = {
    "cheapest": {"by": "prices", "pick": "min"},
    "earliest": {"by": "scheduled_departure_time_est", "pick": "min"},
    "latest": {"by": "scheduled_departure_time_est", "pick": "max"},
}


def about(job: Job) -> dict[str, list[Scalar]]:
    """Return what any proposal about the target must agree with; a trip just made has no number yet."""
    return {"reservation_id": [target["reservation_id"]] for target in job.targets[:1] if target}


def paid_with(stage: AirlineStage, customer: str, payment_id: str) -> dict[str, list[Scalar]]:
    """Return what a proposal must agree with where it names a card."""
    method = stage.user(customer)["payment_methods"][payment_id]
    return {"last_four": [method["last_four"]], "payment_id": [payment_id]}


def births(trip: Element) -> dict[str, list[Scalar]]:
    """Return days that a proposal may name although nobody flies on them."""
    return {"date": [each["dob"] for each in trip.get("passengers", ())]}


def draw_card(stage: AirlineStage, customer: str, draws: Draws) -> dict[str, str]:
    """Draw how the customer pays; nothing if it has no credit card."""
    cards = stage.cards(customer)
    return {"card": draws.choice(cards)} if cards else {}


def decline(job: Job, rule: str, facts: Mapping[str, Any], name: str = "no") -> Decline:
    """Return the typed no to a request about the target."""
    args = {"reservation_id": job.target("reservation_id"), "rule_id": rule, "facts": dict(facts)}
    return Decline(id=job.id(name), step=job.id(name), rule=rule, args=args, goal=job.goal)


def act(job: Job, tool: str, args: Mapping[str, Any]) -> Act:
    """Return the write that a deed comes to."""
    return Act(id=job.id("do"), step=job.id("do"), tool=tool, args=dict(args), goal=job.goal)


# Cancelling


def _cancel_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer
    if trip is None:
        return ""
    if stage.status(trip["flights"][0]) in ("flying", "landed"):
        return "no"
    facts = {
        "created_at": trip["created_at"],
        "now": stage.now,
        "cabin": trip["cabin"],
        "insurance": trip["insurance"],
        "reason": args["reason"],
        "airline_cancelled": any(stage.status(leg) == "cancelled" for leg in trip["flights"]),
    }
    return "yes" if policy.cancel_ground(facts, stage.values) else "no"


def _cancel_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del stage, customer, trip
    yield from ({"reason": reason} for reason in draws.shuffled(policy.REASONS))


def _cancel_draft(job: Job) -> Draft:
    status = job.id("status")
    nodes: tuple[Node, ...] = (
        Lookup(
            id=status,
            tool="get_flight_status",
            each=job.target("flights"),
            args={"flight_number": {"$": "item.flight_number"}, "date": {"$": "item.date"}},
        ),
        Judge(
            id=job.id("unflown"),
            step=job.id("flown_gate"),
            rule="cancel_flown",
            facts={"first_flight_status": job.ref("status.0")},
        ),
        If(
            id=job.id("left"),
            step=job.id("flown_gate"),
            test=job.ref("unflown"),
            then=_grounds(job),
            orelse=[
                decline(
                    job,
                    "cancel_flown",
                    {
                        "first_flight_number": job.target("flights.0.flight_number"),
                        "first_flight_status": job.ref("status.0"),
                    },
                    "flown",
                )
            ],
        ),
    )
    return Draft(
        nodes=nodes,
        words=("cancel", "cancelling", "canceling", "cancellation", "cancelled", "canceled"),
        facts=(Fact(slot="other_reason", said="I simply want it cancelled"),),
        tools=("cancel_reservation",),
        expects=about(job),
        exact=("reservation_id",),
    )


def _grounds(job: Job) -> list[Node]:
    names = ("created_at", "cabin", "insurance")
    facts = {name: job.target(name) for name in names}
    return [
        Compute(id=job.id("by_airline"), fn="has", args=[job.ref("status"), "cancelled"]),
        Judge(
            id=job.id("ground"),
            step=job.id("ground_gate"),
            rule="cancel_ground",
            facts={**facts, "reason": job.args["reason"], "airline_cancelled": job.ref("by_airline")},
        ),
        If(
            id=job.id("may"),
            step=job.id("ground_gate"),
            test=job.ref("ground"),
            then=[act(job, "cancel_reservation", {"reservation_id": job.target("reservation_id")})],
            orelse=[decline(job, "cancel_ground", facts)],
        ),
    ]


CANCEL = Verb(
    name="cancel",
    draft=_cancel_draft,
    propose=_cancel_propose,  # type: ignore[arg-type]
    answer=_cancel_answer,  # type: ignore[arg-type]
    args=(Arg("reason", "cancel_reason"),),
    writes=("status",),
    spreads=True,
)


# Bags


def _bags_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    """Bags can be added to what lies ahead, up to 20, and none that were paid for become free."""
    if trip is None or not stage.ahead(trip) or not isinstance(args.get("total"), int):
        return ""
    facts = {
        "membership": stage.user(customer)["membership"],
        "cabin": trip["cabin"],
        "passengers": len(trip["passengers"]),
    }
    over = max(0, args["total"] - policy.bag_allowance(facts, stage.values))
    fits = trip["total_baggages"] < args["total"] <= 20 and over >= trip["nonfree_baggages"]
    return "yes" if fits else ""


def _bags_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    paying = draw_card(stage, customer, draws.at("card"))
    if trip is not None and paying:
        for more in draws.shuffled((1, 2, 3, 4)):
            yield {"total": trip["total_baggages"] + more, **paying}


def _bags_draft(job: Job) -> Draft:
    nodes: tuple[Node, ...] = (
        Aggregate(id=job.id("people"), fn="count", of=job.target("passengers")),
        Judge(
            id=job.id("free"),
            step=job.id("free_gate"),
            rule="bag_allowance",
            facts={
                "membership": {"$": "me.membership"},
                "cabin": job.target("cabin"),
                "passengers": job.ref("people"),
            },
        ),
        Compute(id=job.id("over"), fn="above", args=[job.args["total"], job.ref("free")]),
        act(
            job,
            "update_reservation_baggages",
            {
                "reservation_id": job.target("reservation_id"),
                "total_baggages": job.args["total"],
                "nonfree_baggages": job.ref("over"),
                "payment_id": job.args["card"],
            },
        ),
    )
    total = job.values["total"]
    paying = paid_with(job.stage, job.customer, job.values["card"])  # type: ignore[arg-type]
    return Draft(
        nodes=nodes,
        words=BAG_WORDS,
        tools=("update_reservation_baggages",),
        expects={**about(job), "count:bags": [total], **paying},
        exact=("reservation_id",),
    )


BAGS = Verb(
    name="bags",
    draft=_bags_draft,
    propose=_bags_propose,  # type: ignore[arg-type]
    answer=_bags_answer,  # type: ignore[arg-type]
    args=(Arg("total", "bags", kind="count:bags", core=True, measures="count"), CARD),
    writes=("bags",),
    spreads=True,
    steps=(2, 2),
)


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
    kept[people.index(old)] |= {"last_name": job.ref("last")}
    first = {
        "first_flight_number": job.target("flights.0.flight_number"),
        "first_flight_date": job.target("flights.0.date"),
    }
    nodes: tuple[Node, ...] = (
        Compute(id=job.id("last"), fn="surname", args=[_inside(job.args["name"], "1")]),
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
                act(
                    job,
                    "update_reservation_passengers",
                    {"reservation_id": job.target("reservation_id"), "passengers": kept},
                )
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

DEEDS = (CANCEL, BAGS, CABIN, RENAME, MOVE)
