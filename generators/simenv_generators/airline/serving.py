"""Customers with a complaint, a question, or two requests at once."""

from simenv.core.draws import Draws
from simenv.core.program import Act, Compute, Decline, Filter, If, Judge, Lookup, Node, Report
from simenv.core.task import Fact, Question
from simenv.domains.airline import policy
from simenv_generators.airline.changing import bags_draft, edit_allowed, name_draft
from simenv_generators.airline.drafts import Case, Draft, card_expects, identify, ref, slot_node, with_drafts
from simenv_generators.airline.scene import Booking, Leg, Scene, day

_COMPLAINTS = (
    "my flight from {start} to {end} on {date}, part of {trip}, was {what}. I want compensation.",
    "I'm upset: my flight on {date} from {start} to {end} was {what}. It belongs to {trip}. "
    "I'd like to be compensated.",
    "the flight from {start} to {end} on {date} of {trip} was {what}, and I expect compensation for that.",
    "I want a voucher because my flight from {start} to {end} on {date} was {what}. It's on {trip}.",
    "what compensation do I get? My flight from {start} to {end} on {date} was {what}; that's {trip}.",
)
_STATUS_SAYS = (
    "what is the status of my flight from {start} to {end} on {date}? It's on {trip}.",
    "could you check the status of the flight from {start} to {end} on {date} of {trip}?",
    "please tell me how it stands with my flight from {start} to {end} on {date} (it's {trip}): "
    "what's its status?",
    "I'd like to know the status of my {date} flight from {start} to {end}, which belongs to {trip}.",
)
_BALANCE_SAYS = (
    "how much money is left on my {things} in total?",
    "can you tell me the total balance of my {things}?",
    "I'd like to know what my {things} are worth altogether.",
    "what's the sum of the balances of all my {things}?",
    "please add up the balances of my {things} for me.",
)
_VOUCHER_WORDS = ("compensation", "compensate", "compensated", "certificate", "voucher")


def _leg_nodes(goal: str, leg: Leg) -> tuple[Node, ...]:
    """Find the flight that is talked about in the reservation and look its status up."""
    fact = Fact(
        slot="date", said=f"it's the flight on {day(leg.date)}", value=leg.date, goal=goal, opening=True
    )
    return (
        slot_node(goal, "date", leg.date, fact),
        Filter(
            id=f"{goal}_leg",
            of=ref("res.flights"),
            where=[
                ("date", "==", ref(f"{goal}_date")),
                ("origin", "==", leg.origin),
                ("destination", "==", leg.destination),
            ],
            one=True,
        ),
        Lookup(
            id=f"{goal}_status",
            tool="get_flight_status",
            args={"flight_number": ref(f"{goal}_leg.flight_number"), "date": ref(f"{goal}_date")},
        ),
    )


def _due(scene: Scene, booking: Booking, leg: Leg) -> bool:
    facts = {
        "membership": scene.customers[booking.user_id].membership,
        "insurance": booking.insurance,
        "flight_status": leg.status,
    }
    return policy.compensation_due(facts, scene.values)


def compensation(scene: Scene, draws: Draws, *, due: bool) -> Case | None:
    """Complain about a flight, with or without a right to compensation."""
    # A flat denial also covers customers whose flight was not late at all.
    honest = due or draws.chance(70)
    for booking in scene.shuffled(draws.at("booking")):
        for leg in booking.legs:
            late = leg.status in ("cancelled", "delayed")
            on_time = leg.status in ("landed", "on time", "flying", "available")
            if (late if honest else on_time) and _due(scene, booking, leg) == due:
                case = identify(scene, draws.at("point"), booking, scene.customers[booking.user_id])
                return with_drafts(case, [_complaint(scene, booking, leg, draws)])
    return None


def _complaint(scene: Scene, booking: Booking, leg: Leg, draws: Draws) -> Draft:
    what = leg.status if leg.status in ("cancelled", "delayed") else draws.choice(("delayed", "cancelled"))
    pay: list[Node] = [
        Compute(id="people", fn="len", args=[ref("res.passengers")]),
        Judge(
            id="amount",
            rule="compensation_amount",
            facts={"flight_status": ref("g1_status"), "passengers": ref("people")},
        ),
        Compute(id="worth", fn="dollars", args=[ref("amount")]),
        Act(
            id="do",
            tool="send_certificate",
            goal="g1",
            args={"user_id": ref("uid"), "amount": ref("worth")},
        ),
    ]
    decline = Decline(
        id="no",
        rule="compensation_due",
        goal="g1",
        args={
            "reservation_id": ref("res.reservation_id"),
            "rule_id": "compensation_due",
            "facts": {
                "membership": ref("me.membership"),
                "insurance": ref("res.insurance"),
                "flight_number": ref("g1_leg.flight_number"),
                "flight_status": ref("g1_status"),
            },
        },
    )
    judged = Judge(
        id="due",
        rule="compensation_due",
        facts={
            "membership": ref("me.membership"),
            "insurance": ref("res.insurance"),
            "flight_status": ref("g1_status"),
        },
    )
    return Draft(
        nodes=(*_leg_nodes("g1", leg), judged, If(id="if", test=ref("due"), then=pay, orelse=[decline])),
        says=_placed(scene, draws.choice(_COMPLAINTS), leg).replace("{what}", what),
        words=_VOUCHER_WORDS,
        facts=(
            Fact(
                slot="date",
                said=f"it's the flight on {day(leg.date)}",
                value=leg.date,
                goal="g1",
                opening=True,
            ),
            Fact(slot="other", said=f"the flight was {what}", goal="g1"),
        ),
        tools=("send_certificate",),
        expects=card_expects(booking),
    )


def _placed(scene: Scene, text: str, leg: Leg) -> str:
    return (
        text.replace("{start}", scene.city(leg.origin))
        .replace("{end}", scene.city(leg.destination))
        .replace("{date}", day(leg.date))
    )


def _status_draft(scene: Scene, leg: Leg, draws: Draws) -> Draft:
    fact = Fact(
        slot="date", said=f"it's the flight on {day(leg.date)}", value=leg.date, goal="g1", opening=True
    )
    report = Report(id="tell", subject="status of the flight", value=ref("g1_status"), goal="g1")
    return Draft(
        nodes=(*_leg_nodes("g1", leg), report),
        says=_placed(scene, draws.choice(_STATUS_SAYS), leg),
        words=("status",),
        facts=(fact,),
        question=Question(kind="status", about=["status", "flight", "currently"]),
    )


def status_and_bags(scene: Scene, draws: Draws) -> Case | None:
    """Ask for a flight's status, then raise the number of bags."""
    for booking in scene.shuffled(draws.at("booking")):
        if not all(leg.date > scene.today for leg in booking.legs):
            continue
        customer = scene.customers[booking.user_id]
        case = identify(scene, draws.at("point"), booking, customer)
        drafts = [
            _status_draft(scene, draws.choice(booking.legs), draws),
            bags_draft("g2", booking, customer, draws.at("bags")),
        ]
        return with_drafts(case, drafts)
    return None


def two_requests(scene: Scene, draws: Draws) -> Case | None:
    """Raise the number of bags and correct a name, both in one call, in either order."""
    for booking in scene.shuffled(draws.at("booking")):
        ahead = all(leg.status == "available" and leg.date > scene.today for leg in booking.legs)
        if ahead and edit_allowed(scene, booking):
            customer = scene.customers[booking.user_id]
            case = identify(scene, draws.at("point"), booking, customer)
            if draws.chance(50):
                pair = [
                    bags_draft("g1", booking, customer, draws.at("bags")),
                    name_draft("g2", booking, draws),
                ]
            else:
                pair = [
                    name_draft("g1", booking, draws),
                    bags_draft("g2", booking, customer, draws.at("bags")),
                ]
            return with_drafts(case, pair)
    return None


def balance_total(scene: Scene, draws: Draws) -> Case | None:
    """Ask for the sum of the balances of all gift cards or certificates."""
    source = draws.choice(("gift_card", "certificate"))
    people = [scene.customers[key] for key in sorted(scene.customers)]
    several = [who for who in people if sum(method.source == source for method in who.methods) >= 2]
    if not several:
        return None
    things = {"gift_card": "gift cards", "certificate": "travel certificates"}[source]
    nodes: tuple[Node, ...] = (
        Compute(id="methods", fn="values", args=[ref("me.payment_methods")]),
        Filter(id="mine", of=ref("methods"), where=[("source", "==", source)]),
        Compute(id="worths", fn="at", args=[ref("mine"), "amount"]),
        Compute(id="cents", fn="cents", args=[ref("worths")]),
        Compute(id="sum", fn="sum", args=[ref("cents")]),
        Report(id="tell", subject=f"total balance of your {things}", money=True, value=ref("sum"), goal="g1"),
    )
    draft = Draft(
        nodes=nodes,
        says=draws.choice(_BALANCE_SAYS).replace("{things}", things),
        words=("balance", "balances", "gift", "certificates", "total", "sum"),
        question=Question(kind="money", about=["total", "sum", "altogether", "combined", "together"]),
        facts=(Fact(slot="other", said=f"I mean all of my {things}", goal="g1"),),
    )
    return Case(draws.choice(several), (draft,))
