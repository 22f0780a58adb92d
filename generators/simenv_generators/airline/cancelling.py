"""Customers who want to cancel, or to know what cancelling would bring."""

from simenv.core.draws import Draws
from simenv.core.program import Act, Compute, Decline, If, Judge, Lookup, Node, Report
from simenv.core.task import Fact, Question
from simenv.domains.airline import policy
from simenv_generators.airline.drafts import Case, Draft, card_expects, identify, ref, slot_node, with_drafts
from simenv_generators.airline.scene import Booking, Scene

_REASONS = {
    "illness": (
        "I'm ill and can't travel",
        "I've fallen ill",
        "my doctor says I must not fly because of an illness",
    ),
    "weather": (
        "the weather is too bad to travel",
        "a storm is coming, so it's because of the weather",
        "it's because of the weather",
    ),
    "change of plan": (
        "my plans have changed",
        "it's simply a change of plan",
        "something came up and my plans changed",
    ),
}

_SAYS = (
    "I'd like to cancel {trip}.",
    "please cancel {trip}.",
    "I need to cancel {trip} and get my money back.",
    "I won't be able to take {trip}, so please cancel it.",
    "can you cancel {trip} for me?",
    "I want to call off {trip}.",
)

_ASKS = (
    "how much would I get back in total if I cancelled {trip}?",
    "I'm thinking about cancelling {trip}. What would the total refund be?",
    "could you tell me the total refund for {trip} in case I cancel it? I haven't decided yet.",
    "before I decide anything: what total refund would cancelling {trip} give me?",
    "what would be refunded in total if I gave up {trip}?",
)


def has_ground(scene: Scene, booking: Booking, reason: str) -> bool:
    """Whether there is a ground to cancel the reservation."""
    facts = {
        "created_at": booking.created_at,
        "now": scene.now,
        "cabin": booking.cabin,
        "insurance": booking.insurance,
        "reason": reason,
        "airline_cancelled": any(leg.status == "cancelled" for leg in booking.legs),
    }
    return policy.cancel_ground(facts, scene.values)


def forbidding(scene: Scene, booking: Booking, reason: str) -> list[str]:
    """Return the rules that forbid cancelling."""
    flown = booking.legs[0].status in ("flying", "landed")
    ground = has_ground(scene, booking, reason)
    return ["cancel_flown"] * flown + ["cancel_ground"] * (not ground)


def cancel(scene: Scene, draws: Draws, rules: list[str]) -> Case | None:
    """Cancel a reservation that exactly ``rules`` forbid to cancel; none if it is allowed."""
    for booking in scene.shuffled(draws.at("booking")):
        reason = draws.choice(policy.REASONS)
        if forbidding(scene, booking, reason) == rules:
            case = identify(scene, draws.at("point"), booking, scene.customers[booking.user_id])
            return with_drafts(case, [_draft(booking, draws, reason)])
    return None


def _draft(booking: Booking, draws: Draws, reason: str) -> Draft:
    fact = Fact(
        slot="cancel_reason",
        said=draws.choice(_REASONS[reason]),
        value=reason,
        goal="g1",
        opening=draws.chance(30),
    )
    says = draws.choice(_SAYS)
    if fact.opening:
        says = f"{says} {fact.said[:1].upper()}{fact.said[1:]}."
    return Draft(
        nodes=(slot_node("g1", "cancel_reason", reason, fact), *flown_nodes(), *_decide()),
        says=says,
        words=("cancel", "cancelling", "canceling", "cancellation", "cancelled", "canceled"),
        facts=(fact, Fact(slot="other_reason", said=fact.said, goal="g1")),
        tools=("cancel_reservation",),
        expects=card_expects(booking),
    )


def flown_nodes() -> tuple[Node, ...]:
    """Return the look-ups of every flight's status and whether the first has left."""
    return (
        Lookup(
            id="status",
            tool="get_flight_status",
            each=ref("res.flights"),
            args={"flight_number": ref("item.flight_number"), "date": ref("item.date")},
        ),
        Judge(id="unflown", rule="cancel_flown", facts={"first_flight_status": ref("status.0")}),
    )


def _decide() -> tuple[Node, ...]:
    act = Act(
        id="do", tool="cancel_reservation", args={"reservation_id": ref("res.reservation_id")}, goal="g1"
    )
    no_ground = Decline(
        id="no_ground",
        rule="cancel_ground",
        goal="g1",
        args={
            "reservation_id": ref("res.reservation_id"),
            "rule_id": "cancel_ground",
            "facts": {name: ref(f"res.{name}") for name in ("created_at", "cabin", "insurance")},
        },
    )
    flown = Decline(
        id="flown",
        rule="cancel_flown",
        goal="g1",
        args={
            "reservation_id": ref("res.reservation_id"),
            "rule_id": "cancel_flown",
            "facts": {
                "first_flight_number": ref("res.flights.0.flight_number"),
                "first_flight_status": ref("status.0"),
            },
        },
    )
    ground: tuple[Node, ...] = (
        Compute(id="by_airline", fn="has", args=[ref("status"), "cancelled"]),
        Judge(
            id="ground",
            rule="cancel_ground",
            facts={
                "created_at": ref("res.created_at"),
                "cabin": ref("res.cabin"),
                "insurance": ref("res.insurance"),
                "reason": ref("g1_cancel_reason"),
                "airline_cancelled": ref("by_airline"),
            },
        ),
        If(id="may", test=ref("ground"), then=[act], orelse=[no_ground]),
    )
    return (If(id="left", test=ref("unflown"), then=list(ground), orelse=[flown]),)


def refund_total(scene: Scene, draws: Draws) -> Case | None:
    """Ask what cancelling would bring, where that is allowed whatever the reason; nothing is changed."""
    for booking in scene.shuffled(draws.at("booking")):
        if not forbidding(scene, booking, "change of plan"):
            case = identify(scene, draws.at("point"), booking, scene.customers[booking.user_id])
            return with_drafts(case, [_question(draws)])
    return None


def _question(draws: Draws) -> Draft:
    nodes: tuple[Node, ...] = (
        Compute(id="amounts", fn="at", args=[ref("res.payment_history"), "amount"]),
        Compute(id="cents", fn="cents", args=[ref("amounts")]),
        Compute(id="paid", fn="sum", args=[ref("cents")]),
        Compute(id="people", fn="len", args=[ref("res.passengers")]),
        Judge(id="fee", rule="cancel_fee", facts={"paid_cents": ref("paid"), "passengers": ref("people")}),
        Compute(id="refund", fn="sub", args=[ref("paid"), ref("fee")]),
        Report(id="tell", subject="total refund", money=True, value=ref("refund"), goal="g1"),
    )
    return Draft(
        nodes=nodes,
        says=draws.choice(_ASKS),
        words=("refund", "refunded", "back"),
        question=Question(kind="money", about=["refund", "refunded", "back"]),
        facts=(
            Fact(
                slot="cancel_reason",
                said="I haven't decided to cancel, I only want to know the refund",
                goal="g1",
            ),
        ),
    )
