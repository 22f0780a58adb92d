"""What a customer can ask about trips, and what it can complain about."""

from collections.abc import Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.program import Aggregate, Compute, Filter, If, Judge, Lookup, Node, Report
from simenv.core.task import Fact, Question
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Job, Verb
from simenv.domains.airline import policy
from simenv_generators.airline.stage import AirlineStage
from simenv_generators.airline.verbs import CANCEL, about, act, decline

Args = Mapping[str, Any]
_REFUND = ["refund", "refunded", "back"]
_TOTAL = ["total", "sum", "altogether", "combined", "together"]
_PAID = ["paid", "cost", "price", "total", "charged"]


def _nothing(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del stage, customer, trip, draws
    yield {}


def _always(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del stage, customer, trip, args
    return "yes"


def _asked(job: Job, nodes: tuple[Node, ...], subject: str, value: str, about_words: list[str]) -> Draft:
    """Return the draft of a question for an amount."""
    told = Report(
        id=job.id("tell"),
        step=job.id("tell"),
        subject=subject,
        money=True,
        value=job.ref(value),
        goal=job.goal,
    )
    return Draft(
        nodes=(*nodes, told),
        words=tuple(about_words),
        question=Question(kind="money", about=about_words),
        facts=(Fact(slot="other", said="I only want to know the amount"),),
    )


# What cancelling would bring


def _refund_draft(job: Job) -> Draft:
    nodes: tuple[Node, ...] = (
        Compute(id=job.id("paid"), fn="measure", args=[{"$": job.at}, "sum:payment_history.amount"]),
        Aggregate(id=job.id("people"), fn="count", of=job.target("passengers")),
        Judge(
            id=job.id("fee"),
            step=job.id("fee_gate"),
            rule="cancel_fee",
            facts={"paid_cents": job.ref("paid"), "passengers": job.ref("people")},
        ),
        Compute(id=job.id("refund"), fn="sub", args=[job.ref("paid"), job.ref("fee")]),
    )
    draft = _asked(job, nodes, "total refund", "refund", _REFUND)
    undecided = Fact(slot="cancel_reason", said="I haven't decided to cancel, I only want to know the refund")
    return Draft(draft.nodes, draft.words, (undecided, *draft.facts), question=draft.question)


def _refund_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    """Only where cancelling is allowed whatever the reason, or the question would be a trap."""
    del args
    return "yes" if CANCEL.answer(stage, customer, trip, {"reason": "change of plan"}) == "yes" else ""


REFUND = Verb("refund", _refund_draft, _nothing, _refund_answer, question=True, steps=(2, 2))  # type: ignore[arg-type]


# What cancelling has brought, after it was done


def _refunded_draft(job: Job) -> Draft:
    back = job.id("back")
    nodes: tuple[Node, ...] = (
        Filter(id=back, of=job.target("payment_history"), where=[("amount", "<", 0)]),
        Aggregate(id=job.id("sum"), step=job.id("sum"), fn="sum", of={"$": back}, by="cents:amount"),
        Compute(id=job.id("refund"), fn="sub", args=[0, job.ref("sum")]),
    )
    return _asked(job, nodes, "total amount refunded", "refund", _REFUND)


def _refunded_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del stage, customer, args
    return "yes" if trip is not None else ""


REFUNDED = Verb("refunded", _refunded_draft, _nothing, _refunded_answer, question=True, steps=(2, 2))  # type: ignore[arg-type]


# What was paid


def _paid_draft(job: Job) -> Draft:
    paid = Compute(
        id=job.id("paid"),
        step=job.id("paid"),
        fn="measure",
        args=[{"$": job.at}, "sum:payment_history.amount"],
    )
    return _asked(job, (paid,), "total price that was paid", "paid", _PAID)


PAID = Verb("paid", _paid_draft, _nothing, _always, question=True, steps=(2, 2))  # type: ignore[arg-type]


def _paid_all_draft(job: Job) -> Draft:
    paid = Aggregate(
        id=job.id("paid"), step=job.id("paid"), fn="sum", of={"$": job.at}, by="sum:payment_history.amount"
    )
    return _asked(job, (paid,), "total price of these trips together", "paid", [*_PAID, *_TOTAL])


PAID_ALL = Verb("paid_all", _paid_all_draft, _nothing, _always, over="set", question=True, steps=(2, 2))  # type: ignore[arg-type]


# Balances


def _balance_draft(job: Job) -> Draft:
    source = job.values["source"]
    things = {"gift_card": "gift cards", "certificate": "travel certificates"}[source]
    nodes: tuple[Node, ...] = (
        Compute(id=job.id("methods"), fn="values", args=[{"$": "me.payment_methods"}]),
        Filter(
            id=job.id("mine"),
            step=job.id("mine"),
            of=job.ref("methods"),
            where=[("source", "==", job.args["source"])],
        ),
        Aggregate(id=job.id("sum"), step=job.id("sum"), fn="sum", of=job.ref("mine"), by="cents:amount"),
    )
    draft = _asked(job, nodes, f"total balance of your {things}", "sum", _TOTAL)
    words = ("balance", "balances", "gift", "certificates", "total", "sum")
    return Draft(
        draft.nodes, words, (Fact(slot="other", said=f"I mean all of my {things}"),), question=draft.question
    )


def _balance_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del trip
    methods = stage.user(customer)["payment_methods"].values()
    for source in draws.shuffled(("gift_card", "certificate")):
        if sum(method["source"] == source for method in methods) >= 2:
            yield {"source": source}


BALANCE = Verb(
    "balance",
    _balance_draft,
    _balance_propose,  # type: ignore[arg-type]
    _always,  # type: ignore[arg-type]
    args=(Arg("source", "other", core=True),),
    over="none",
    question=True,
    steps=(3, 3),
)


# The status of a flight


def _leg(job: Job) -> tuple[Node, ...]:
    """Find the flight that is talked about in the trip and look its status up."""
    return (
        Filter(
            id=job.id("flight"),
            of=job.target("flights"),
            where=[("date", "==", job.args["leg"])],
            one=True,
        ),
        Lookup(
            id=job.id("status"),
            step=job.id("status"),
            tool="get_flight_status",
            args={"flight_number": job.ref("flight.flight_number"), "date": job.ref("flight.date")},
        ),
    )


def _legs(trip: Element | None) -> list[Any]:
    """Return the flights of a trip that are alone on their day."""
    days = [leg["date"] for leg in trip["flights"]] if trip else []
    return [leg for leg in trip["flights"] if days.count(leg["date"]) == 1] if trip else []


def _status_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    del stage, customer
    yield from ({"leg": leg["date"]} for leg in draws.shuffled(_legs(trip)))


def _status_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    del stage, customer
    return "yes" if any(leg["date"] == args["leg"] for leg in _legs(trip)) else ""


def _status_draft(job: Job) -> Draft:
    tell = Report(
        id=job.id("tell"),
        step=job.id("tell"),
        subject="status of the flight",
        value=job.ref("status"),
        goal=job.goal,
    )
    return Draft(
        nodes=(*_leg(job), tell),
        words=("status",),
        question=Question(kind="status", about=["status", "flight", "currently"]),
    )


STATUS = Verb(
    "status",
    _status_draft,
    _status_propose,  # type: ignore[arg-type]
    _status_answer,  # type: ignore[arg-type]
    args=(Arg("leg", "date", kind="date", core=True),),
    question=True,
    steps=(2, 2),
)


# Compensation


def _due(stage: AirlineStage, customer: str, trip: Element, leg: Mapping[str, Any]) -> bool:
    facts = {
        "membership": stage.user(customer)["membership"],
        "insurance": trip["insurance"],
        "flight_status": stage.status(leg),
    }
    return policy.compensation_due(facts, stage.values)


def _claim_answer(stage: AirlineStage, customer: str, trip: Element | None, args: Args) -> Answer:
    legs = [leg for leg in _legs(trip) if leg["date"] == args.get("leg")]
    if trip is None or len(legs) != 1:
        return ""
    return "yes" if _due(stage, customer, trip, legs[0]) else "no"


def _claim_propose(
    stage: AirlineStage, customer: str, trip: Element | None, draws: Draws
) -> Iterator[dict[str, Any]]:
    """An honest complaint where a flight was late, an untrue one where it was not."""
    del customer
    for leg in draws.shuffled(_legs(trip)):
        status = stage.status(leg)
        late = status in ("cancelled", "delayed")
        yield {"leg": leg["date"], "what": status if late else draws.choice(("delayed", "cancelled"))}


def _claim_draft(job: Job) -> Draft:
    owed = {
        "membership": {"$": "me.membership"},
        "insurance": job.target("insurance"),
        "flight_status": job.ref("status"),
    }
    pay: list[Node] = [
        Aggregate(id=job.id("people"), fn="count", of=job.target("passengers")),
        Judge(
            id=job.id("amount"),
            step=job.id("amount"),
            rule="compensation_amount",
            facts={"flight_status": job.ref("status"), "passengers": job.ref("people")},
        ),
        Compute(id=job.id("worth"), fn="dollars", args=[job.ref("amount")]),
        act(job, "send_certificate", {"user_id": {"$": "uid"}, "amount": job.ref("worth")}),
    ]
    stated = {**owed, "flight_number": job.ref("flight.flight_number")}
    nodes: tuple[Node, ...] = (
        *_leg(job),
        Judge(id=job.id("due"), step=job.id("gate"), rule="compensation_due", facts=owed),
        If(
            id=job.id("if"),
            step=job.id("gate"),
            test=job.ref("due"),
            then=pay,
            orelse=[decline(job, "compensation_due", stated)],
        ),
    )
    return Draft(
        nodes=nodes,
        words=("compensation", "compensate", "compensated", "certificate", "voucher"),
        facts=(Fact(slot="other", said=f"the flight was {job.values['what']}"),),
        tools=("send_certificate",),
        expects=about(job),
        exact=("reservation_id",),
    )


CLAIM = Verb(
    "claim",
    _claim_draft,
    _claim_propose,  # type: ignore[arg-type]
    _claim_answer,  # type: ignore[arg-type]
    args=(Arg("leg", "date", kind="date", core=True), Arg("what", "other", core=True, colour=True)),
    steps=(3, 3),
)

ASKED = (REFUND, REFUNDED, PAID, PAID_ALL, BALANCE, STATUS, CLAIM)
