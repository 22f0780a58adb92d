"""Customers who want a reservation changed: flights, cabin, bags, passengers."""

from collections.abc import Iterable, Iterator
from typing import Literal

from simenv.core.draws import Draws
from simenv.core.program import Act, Compute, Decline, Extremum, Filter, If, Judge, Lookup, Node
from simenv.core.task import Fact, Scalar
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.drafts import Case, Draft, card_expects, identify, ref, slot_node, with_drafts
from simenv_generators.airline.scene import Booking, Customer, Method, Passenger, Scene, day

BAG_WORDS = ("bag", "bags", "baggage", "luggage", "suitcase", "suitcases")
NAME_WORDS = ("passenger", "passengers", "name", "names", "spelled", "spelling")

_BAGS_SAYS = (
    "I want to have {bags} in total on {trip}.",
    "please make it {bags} altogether for {trip}.",
    "I need more luggage on {trip}, which makes {bags} in total.",
    "could you raise the number of checked bags on {trip} to {total}?",
    "we're bringing {bags} in total on {trip}, please add what's missing.",
)
_NAME_SAYS = (
    "a passenger's name is wrong on {trip}.",
    "I need to correct the name of a passenger on {trip}.",
    "there is a typo in a passenger's name on {trip}, please fix it.",
    "one of the passengers on {trip} is misspelled, can you correct the name?",
    "please correct how a passenger is spelled on {trip}.",
)
_CABIN_SAYS = (
    "I'd like to have {trip} in {cabin} instead.",
    "please move {trip} to {cabin}.",
    "can you change the cabin of {trip} to {cabin}?",
    "I want to fly {cabin} on {trip}.",
    "please switch everyone on {trip} to {cabin}.",
)
_FLIGHT_SAYS = (
    "I'd like to move {trip} to {date}.",
    "please change {trip} so that I fly on {date}.",
    "I need to travel on {date} instead: please change {trip}.",
    "can you rebook {trip} for {date}?",
    "something came up, so {trip} has to take place on {date}.",
)


def _future(scene: Scene, booking: Booking) -> bool:
    return all(leg.status == "available" and leg.date > scene.today for leg in booking.legs)


def payer(customer: Customer, draws: Draws) -> Method:
    """Choose a credit card of the customer."""
    return draws.choice([method for method in customer.methods if method.source == "credit_card"])


def paying(goal: str, method: Method) -> Fact:
    """Return the fact of how the customer wants to pay."""
    return Fact(
        slot="payment_method",
        said=f"please use {method.said().replace(method.brand, method.brand.capitalize())}",
        value=method.payment_id,
        goal=goal,
        kind="last_four",
    )


def paid_with(method: Method) -> dict[str, list[Scalar]]:
    """Return what a proposal must agree with where it names a card."""
    return {"last_four": [method.last_four], "payment_id": [method.payment_id]}


def _cases(scene: Scene, draws: Draws) -> Iterator[tuple[Booking, Customer, Case]]:
    for booking in scene.shuffled(draws.at("booking")):
        customer = scene.customers[booking.user_id]
        yield booking, customer, identify(scene, draws.at("point"), booking, customer)


def bags_draft(goal: str, booking: Booking, customer: Customer, draws: Draws) -> Draft:
    """Raise the number of bags; how many are free depends on the allowance."""
    total = booking.bags + draws.between(1, 4)
    bags = f"{total} checked bag{'' if total == 1 else 's'}"
    said = Fact(
        slot="bags",
        said=f"I want {bags} in total",
        value=total,
        goal=goal,
        opening=True,
        kind="count:bags",
    )
    method = payer(customer, draws)
    pay = paying(goal, method)
    nodes: tuple[Node, ...] = (
        slot_node(goal, "bags", total, said),
        slot_node(goal, "payment_method", method.payment_id, pay),
        Compute(id=f"{goal}_people", fn="len", args=[ref("res.passengers")]),
        Judge(
            id=f"{goal}_free",
            rule="bag_allowance",
            facts={
                "membership": ref("me.membership"),
                "cabin": ref("res.cabin"),
                "passengers": ref(f"{goal}_people"),
            },
        ),
        Compute(id=f"{goal}_over", fn="above", args=[total, ref(f"{goal}_free")]),
        Act(
            id=f"{goal}_do",
            tool="update_reservation_baggages",
            goal=goal,
            args={
                "reservation_id": ref("res.reservation_id"),
                "total_baggages": ref(f"{goal}_bags"),
                "nonfree_baggages": ref(f"{goal}_over"),
                "payment_id": ref(f"{goal}_payment_method"),
            },
        ),
    )
    return Draft(
        nodes=nodes,
        says=draws.choice(_BAGS_SAYS).replace("{bags}", bags).replace("{total}", str(total)),
        words=BAG_WORDS,
        facts=(said, pay),
        tools=("update_reservation_baggages",),
        expects={**card_expects(booking), "count:bags": [total], **paid_with(method)},
    )


def add_bags(scene: Scene, draws: Draws) -> Case | None:
    """Raise the number of bags of a reservation that lies ahead."""
    for booking, customer, case in _cases(scene, draws):
        if _future(scene, booking):
            return with_drafts(case, [bags_draft("g1", booking, customer, draws)])
    return None


def respelled(name: str, draws: Draws) -> str:
    """Return the name as it might truly be spelled: one letter doubled or dropped."""
    at = draws.between(min(2, len(name) - 1), len(name) - 1)
    return (
        name[:at] + name[at - 1] + name[at:]
        if draws.chance(60) or len(name) < 4
        else name[:at] + name[at + 1 :]
    )


def name_draft(goal: str, booking: Booking, draws: Draws) -> Draft:
    """Correct the spelling of one passenger."""
    at = draws.below(len(booking.passengers))
    old = booking.passengers[at]
    last = respelled(old.last_name, draws)
    new = Passenger(old.first_name, last, old.dob)
    said = Fact(
        slot="passengers",
        said=f"{old.name} should be spelled {new.name}",
        goal=goal,
        kind="words",
    )
    people = [
        {key: ref(f"res.passengers.{i}.{key}") for key in ("first_name", "last_name", "dob")}
        for i in range(len(booking.passengers))
    ]
    people[at] = people[at] | {"last_name": ref(f"{goal}_passengers.last_name")}
    act = Act(
        id=f"{goal}_do",
        tool="update_reservation_passengers",
        goal=goal,
        args={"reservation_id": ref("res.reservation_id"), "passengers": people},
    )
    first = {"first_flight_number": "res.flights.0.flight_number", "first_flight_date": "res.flights.0.date"}
    decline = Decline(
        id=f"{goal}_no",
        rule="passenger_edit",
        goal=goal,
        args={
            "reservation_id": ref("res.reservation_id"),
            "rule_id": "passenger_edit",
            "facts": {name: ref(path) for name, path in first.items()},
        },
    )
    nodes: tuple[Node, ...] = (
        slot_node(goal, "passengers", {"last_name": last}, said),
        Judge(
            id=f"{goal}_may", rule="passenger_edit", facts={"first_flight_date": ref("res.flights.0.date")}
        ),
        If(id=f"{goal}_if", test=ref(f"{goal}_may"), then=[act], orelse=[decline]),
    )
    return Draft(
        nodes=nodes,
        says=draws.choice(_NAME_SAYS),
        words=NAME_WORDS,
        facts=(
            said,
            Fact(slot="name", said=said.said, goal=goal),
            Fact(slot="other", said=said.said, goal=goal),
        ),
        tools=("update_reservation_passengers",),
        expects={**card_expects(booking), "words": [new.name]},
        known={"words": [old.name]},
    )


def edit_allowed(scene: Scene, booking: Booking) -> bool:
    """Whether passengers of the reservation may still be edited."""
    return policy.passenger_edit({"first_flight_date": booking.legs[0].date, "now": scene.now}, scene.values)


def passengers(scene: Scene, draws: Draws, *, may: bool) -> Case | None:
    """Correct a passenger's name, where that is allowed or where it is not."""
    for booking, _, case in _cases(scene, draws):
        if edit_allowed(scene, booking) == may:
            return with_drafts(case, [name_draft("g1", booking, draws)])
    return None


def cabin(scene: Scene, draws: Draws) -> Case | None:
    """Change the cabin of all flights."""
    for booking, customer, case in _cases(scene, draws):
        if not _future(scene, booking):
            continue
        wanted = draws.choice([each for each in CABINS if each != booking.cabin])
        return with_drafts(case, [_cabin_draft(booking, customer, wanted, draws)])
    return None


_KEEP = "I want to keep my flights as they are"


def births(people: Iterable[Passenger]) -> dict[str, list[Scalar]]:
    """Return days that a proposal may name although nobody flies on them."""
    return {"date": [each.dob for each in people]}


def _cabin_draft(booking: Booking, customer: Customer, wanted: str, draws: Draws) -> Draft:
    words = wanted.replace("_", " ")
    fact = Fact(
        slot="cabin", said=f"I want to fly in {words}", value=wanted, goal="g1", opening=True, kind="cabin"
    )
    method = payer(customer, draws)
    pay = paying("g1", method)
    return Draft(
        nodes=(
            slot_node("g1", "cabin", wanted, fact),
            slot_node("g1", "payment_method", method.payment_id, pay),
            Compute(id="same", fn="pick", args=[ref("res.flights"), ["flight_number", "date"]]),
            _change_act(ref("same")),
        ),
        says=draws.choice(_CABIN_SAYS).replace("{cabin}", words),
        words=("cabin", "class", "upgrade", "upgrading", "economy", "business"),
        facts=(fact, pay, Fact(slot="flight_choice", said=_KEEP, goal="g1", kind="flight_number")),
        tools=("update_reservation_flights",),
        expects={**card_expects(booking), "cabin": [wanted], **paid_with(method)},
        known=births(booking.passengers),
        chooses=True,
    )


def _change_act(flights: object) -> Act:
    return Act(
        id="do",
        tool="update_reservation_flights",
        goal="g1",
        args={
            "reservation_id": ref("res.reservation_id"),
            "cabin": ref("g1_cabin") if flights == ref("same") else ref("res.cabin"),
            "flights": flights,
            "payment_id": ref("g1_payment_method"),
        },
    )


CHOICES: tuple[tuple[str, str, Literal["min", "max"]], ...] = (
    ("I'd like the cheapest flight", "prices", "min"),
    ("I'd like the earliest departure", "scheduled_departure_time_est", "min"),
    ("I'd like the last flight of that day", "scheduled_departure_time_est", "max"),
)


def flights(scene: Scene, draws: Draws, *, may: bool) -> Case | None:
    """Move a one-way trip to another day, where that is allowed or where it is not."""
    days = sorted({leg.date for booking in scene.bookings for leg in booking.legs if leg.date > scene.today})
    for booking, customer, case in _cases(scene, draws):
        facts = {"cabin": booking.cabin, "created_at": booking.created_at, "now": scene.now}
        lies_ahead = _future(scene, booking) and booking.flight_type == "one_way"
        if lies_ahead and policy.change_flights(facts, scene.values) == may:
            other = [each for each in days if each != booking.legs[0].date]
            if other:
                return with_drafts(case, [_flights_draft(booking, customer, draws.choice(other), draws)])
    return None


def _flights_draft(booking: Booking, customer: Customer, new_date: str, draws: Draws) -> Draft:
    date = Fact(
        slot="date",
        said=f"I want to fly on {day(new_date)}",
        value=new_date,
        goal="g1",
        opening=True,
        kind="date",
    )
    text, by, pick = draws.choice(CHOICES)
    choice = Fact(slot="flight_choice", said=text, goal="g1", kind="flight_number")
    words = booking.cabin.replace("_", " ")
    stay = Fact(slot="cabin", said=f"I want to stay in {words}", value=booking.cabin, goal="g1", kind="cabin")
    method = payer(customer, draws)
    pay = paying("g1", method)
    chosen: list[Node] = [
        Lookup(
            id="found",
            tool="search_direct_flight",
            args={
                "origin": ref("res.origin"),
                "destination": ref("res.destination"),
                "date": ref("g1_date"),
            },
        ),
        Compute(id="people", fn="len", args=[ref("res.passengers")]),
        Filter(id="free", of=ref("found"), where=[(f"available_seats.{booking.cabin}", ">=", ref("people"))]),
        Extremum(
            id="best", of=ref("free"), by=f"prices.{booking.cabin}" if by == "prices" else by, pick=pick
        ),
        _change_act([{"flight_number": ref("best.flight_number"), "date": ref("g1_date")}]),
    ]
    decline = Decline(
        id="no",
        rule="change_flights",
        goal="g1",
        args={
            "reservation_id": ref("res.reservation_id"),
            "rule_id": "change_flights",
            "facts": {"created_at": ref("res.created_at"), "cabin": ref("res.cabin")},
        },
    )
    judged = Judge(
        id="may",
        rule="change_flights",
        facts={"created_at": ref("res.created_at"), "cabin": ref("res.cabin")},
    )
    now: list[Scalar] = [leg.flight_number for leg in booking.legs]
    return Draft(
        nodes=(
            slot_node("g1", "date", new_date, date),
            judged,
            If(
                id="if",
                test=ref("may"),
                then=[
                    slot_node("g1", "flight_choice", text, choice),
                    slot_node("g1", "payment_method", method.payment_id, pay),
                    *chosen,
                ],
                orelse=[decline],
            ),
        ),
        says=draws.choice(_FLIGHT_SAYS).replace("{date}", day(new_date)),
        words=("flight", "flights", "change", "changing", "move", "rebook", "date"),
        facts=(date, choice, pay, stay),
        tools=("update_reservation_flights",),
        expects={
            **card_expects(booking),
            "date": [new_date, f"--{new_date[5:]}"],
            "cabin": [booking.cabin],
            **paid_with(method),
        },
        known={"flight_number": now, **births(booking.passengers)},
        chooses=True,
    )
