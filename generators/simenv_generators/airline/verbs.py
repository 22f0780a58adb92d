"""What a customer can ask to be done with a trip as it is: cancel it, add bags; and what all deeds share."""

from collections.abc import Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.program import Act, Aggregate, Compute, Decline, If, Judge, Lookup, Node
from simenv.core.task import Fact, Scalar
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Job, Verb
from simenv.domains.airline import policy
from simenv_generators.airline.stage import AirlineStage

Args = Mapping[str, Any]

BAG_WORDS = ("bag", "bags", "baggage", "luggage", "suitcase", "suitcases")
CARD = Arg("card", "payment_method", kind="last_four")


def about(job: Job) -> dict[str, list[Scalar]]:
    """Return what any proposal about the target must agree with; a trip just made has no number yet."""
    known = [target["reservation_id"] for target in job.targets[:1] if target]
    return {"reservation_id": known} if known else {}


def paid_with(stage: AirlineStage, customer: str, payment_id: str) -> dict[str, list[Scalar]]:
    """Return what a proposal must agree with where it names a card."""
    method = stage.user(customer)["payment_methods"][payment_id]
    return {"last_four": [method["last_four"]], "payment_id": [payment_id]}


def draw_card(stage: AirlineStage, customer: str, draws: Draws) -> dict[str, str]:
    """Return how the customer pays, the same for all it wants; nothing if it has no credit card."""
    del draws
    cards = stage.cards(customer)
    return {"card": Draws(*stage.image.address, "card", customer).choice(cards)} if cards else {}


def decline(job: Job, rule: str, facts: Mapping[str, Any], name: str = "no") -> Decline:
    """Return the typed no to a request about the target."""
    args = {"reservation_id": job.target("reservation_id"), "rule_id": rule, "facts": dict(facts)}
    return Decline(id=job.id(name), step=job.id(name), rule=rule, args=args, goal=job.goal)


def act(job: Job, tool: str, args: Mapping[str, Any]) -> Act:
    """Return the write that a deed comes to."""
    return Act(id=job.id("do"), step=job.id("do"), tool=tool, args=dict(args), goal=job.goal)


# Cancelling


def cancel_facts(stage: AirlineStage, trip: Element, reason: str) -> dict[str, Any]:
    """Return what decides whether a trip that has not left may be cancelled."""
    return {
        "created_at": trip["created_at"],
        "now": stage.now,
        "cabin": trip["cabin"],
        "insurance": trip["insurance"],
        "reason": reason,
        "airline_cancelled": any(stage.status(leg) == "cancelled" for leg in trip["flights"]),
    }


def _cancel_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del customer
    if trip is None:
        return ""
    if stage.status(trip["flights"][0]) in ("flying", "landed"):
        return "no"
    facts = cancel_facts(stage, trip, args["reason"])
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


def _free_bags(stage: AirlineStage, customer: str, trip: Element) -> int:
    facts = {
        "membership": stage.user(customer)["membership"],
        "cabin": trip["cabin"],
        "passengers": len(trip["passengers"]),
    }
    return policy.bag_allowance(facts, stage.values)


def _bags_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    """Bags can be added to what lies ahead, up to 20, and none that were paid for become free."""
    if trip is None or not stage.ahead(trip) or not isinstance(args.get("total"), int):
        return ""
    over = max(0, args["total"] - _free_bags(stage, customer, trip))
    fits = trip["total_baggages"] < args["total"] <= 20 and over >= trip["nonfree_baggages"]
    return "yes" if fits else ""


def _bags_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    """More bags, where the policy decides how many of them are paid for."""
    paying = draw_card(stage, customer, draws.at("card"))
    if trip is not None and paying and _free_bags(stage, customer, trip):
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


DEEDS = (CANCEL, BAGS)
