"""Atomic tasks: what customers want, each a typed program with all that follows from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from simenv.core.derive import Outcome, derive, needs_policy
from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError
from simenv.core.image import WorldImage
from simenv.core.interpreter import UnsoundError
from simenv.core.program import Lookup, Node, Program, Slot
from simenv.core.task import Card, Fact, Task, Wish
from simenv.core.world import World
from simenv.domains.airline import DOMAIN
from simenv_generators.airline import buying, cancelling, changing, serving
from simenv_generators.airline.drafts import Case, Draft, ref
from simenv_generators.airline.scene import Customer, Scene, read_scene

Intent = Callable[[Scene, Draws], Case | None]

INTENTS: Mapping[str, Intent] = {
    "book_direct": buying.direct,
    "book_one_stop": buying.one_stop,
    "cancel": lambda scene, draws: cancelling.cancel(scene, draws, []),
    "cancel_denied_flown": lambda scene, draws: cancelling.cancel(scene, draws, ["cancel_flown"]),
    "cancel_denied_ground": lambda scene, draws: cancelling.cancel(scene, draws, ["cancel_ground"]),
    "change_flights": lambda scene, draws: changing.flights(scene, draws, may=True),
    "change_flights_denied": lambda scene, draws: changing.flights(scene, draws, may=False),
    "change_cabin": changing.cabin,
    "add_bags": changing.add_bags,
    "change_passengers": lambda scene, draws: changing.passengers(scene, draws, may=True),
    "change_passengers_denied": lambda scene, draws: changing.passengers(scene, draws, may=False),
    "compensation": lambda scene, draws: serving.compensation(scene, draws, due=True),
    "compensation_denied": lambda scene, draws: serving.compensation(scene, draws, due=False),
    "status_and_bags": serving.status_and_bags,
    "refund_total": cancelling.refund_total,
    "balance_total": serving.balance_total,
    "two_requests": serving.two_requests,
}
"""Intent to its writer; a writer returns nothing where the world has no such case."""

_GREETINGS = ("Hi, ", "Hello, ", "Good day, ", "Hey, ", "", "Hi there! ", "Hello! ")
_STYLES = ("plain", "terse", "chatty", "polite")


@dataclass(frozen=True, slots=True)
class _Stage:
    """What of an image is used again for every one of its tasks."""

    world: World
    scene: Scene


@lru_cache(maxsize=4)
def _stage(image: WorldImage) -> _Stage:
    world = image.open()
    return _Stage(world, read_scene(world))


def propose(image: WorldImage, intent: str, address: tuple[str | int, ...], size: str = "S") -> Task | None:
    """Return a task of that intent in that world, or None where the draw leads to none.

    Args:
        image: The world.
        intent: A name of ``INTENTS``.
        address: Where the task's choices are drawn.
        size: The world's size, which a task records beside the world's address.

    Raises:
        UnknownNameError: If there is no such intent.
    """
    if intent not in INTENTS:
        raise UnknownNameError("intent", intent, INTENTS)
    stage, draws = _stage(image), Draws(*address)
    case = INTENTS[intent](stage.scene, draws)
    if case is None:
        return None
    user = _user_fact(case.customer, draws.at("user"))
    program = Program(nodes=[*_head(user), *case.nodes, *_all_nodes(case)])
    try:
        outcome = derive(program, DOMAIN, stage.world)
    except UnsoundError:
        return None
    if not outcome.required and not outcome.answers:
        return None
    return Task(
        domain=DOMAIN.name,
        world=list(image.address),
        size=size,
        intent=intent,
        policy=needs_policy(program, DOMAIN, stage.world, outcome),
        program=program,
        card=_card(case, user, outcome, draws.at("card")),
        goal=outcome.goal(),
        budget=30 + 10 * len(case.drafts),
    )


def _all_nodes(case: Case) -> list[Node]:
    return [node for draft in case.drafts for node in draft.nodes]


def _user_fact(customer: Customer, draws: Draws) -> Fact:
    said = f"my user ID is {customer.user_id}"
    return Fact(slot="user_id", said=said, value=customer.user_id, opening=draws.chance(30))


def _head(user: Fact) -> tuple[Node, ...]:
    return (
        Slot(id="uid", name="user_id", value=user.value, said=user.said, opening=user.opening),
        Lookup(id="me", tool="get_user_details", args={"user_id": ref("uid")}),
    )


def _card(case: Case, user: Fact, outcome: Outcome, draws: Draws) -> Card:
    wishes = [_wish(f"g{at}", draft, outcome) for at, draft in enumerate(case.drafts, 1)]
    told = len(wishes) if len(wishes) > 1 and draws.chance(50) else 1
    greeting = draws.choice(_GREETINGS)
    asked = " Also, ".join(wish.says for wish in wishes[:told])
    first = asked if greeting.endswith(", ") else _sentence(asked)
    ending = f" {_sentence(user.said)}." if user.opening else ""
    own = f"{case.customer.first_name} {case.customer.last_name}"
    return Card(
        opening=f"{greeting}{first}{ending}",
        wishes=[wish.model_copy(update={"says": _sentence(wish.says)}) for wish in wishes],
        told=told,
        facts=[
            user,
            *case.facts,
            *(fact for draft in case.drafts for fact in draft.facts),
            Fact(slot="name", said=f"my name is {own}"),
            Fact(slot="date_of_birth", said=f"I was born on {case.customer.dob}"),
        ],
        persona=draws.choice(_STYLES),
        patience=8,
        insists=draws.weighted([0, 1], [3, 1]),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _wish(goal: str, draft: Draft, outcome: Outcome) -> Wish:
    expects = dict(draft.expects)
    exact = [kind for kind in ("reservation_id",) if kind in expects]
    flights = _flights(goal, outcome)
    if draft.chooses and flights:
        expects["flight_number"] = [leg["flight_number"] for leg in flights]
        expects["date"] = [day for leg in flights for day in (leg["date"], f"--{leg['date'][5:]}")]
        exact.append("flight_number")
    return Wish(
        goal=goal,
        says=draft.says,
        words=list(draft.words),
        tools=list(draft.tools),
        expects=expects,
        known=draft.known,
        exact=exact,
        question=draft.question,
    )


def _flights(goal: str, outcome: Outcome) -> list[dict[str, str]]:
    return [
        leg
        for request in outcome.requests
        if request.kind == "write" and getattr(request.node, "goal", "") == goal
        for leg in (request.arguments or {}).get("flights", ())
    ]
