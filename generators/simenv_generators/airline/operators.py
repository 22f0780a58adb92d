"""How the airline's plans grow by what only an airline knows: its rules, its bookings, its money."""

from collections.abc import Iterator, Sequence
from typing import Any

from simenv.core.draws import Draws
from simenv.core.growth import Operator, Scope, adopt
from simenv.core.plan import Plan, Ref, Want
from simenv.core.selecting import value_of
from simenv.core.vocabulary import Element
from simenv.domains.airline import policy
from simenv.domains.airline.schema import CABINS
from simenv_generators.airline.booking import BOOKED, CONNECT, could_sit
from simenv_generators.airline.changing import CABIN
from simenv_generators.airline.questions import CLAIM, PAID_ALL, REFUNDED
from simenv_generators.airline.stage import AirlineStage
from simenv_generators.airline.verbs import CANCEL, cancel_facts

_MOST_WANTS = 4
_MOST_AT_ONCE = 5
_OWED_FOR = ("cancelled", "delayed")
_MAKERS = tuple(verb.name for verb in BOOKED)


def _stage(scope: Scope) -> AirlineStage:
    stage: Any = scope.stage
    return stage  # type: ignore[no-any-return]


def _added(scope: Scope, want: Want, told: int) -> Plan | None:
    """Return the plan with one want more, of which the opening tells the first ``told``."""
    wants = [*scope.plan.wants, want]
    return scope.sayable(adopt(scope.plan.model_copy(update={"wants": wants}), told=told))


def _exchanged(scope: Scope, number: int, want: Want) -> Plan | None:
    """Return the plan with another want in that place; what the opening says of the old one is gone."""
    opened = [place for place in scope.plan.manner.opened if not place.startswith(f"g{number + 1}.")]
    return scope.sayable(adopt(scope.plan.with_want(number, want), opened=opened))


# Wants that build on the one before


def derived_write(scope: Scope, draws: Draws) -> Plan | None:
    """Put what was just booked into another cabin.

    More bags would not do: whoever books them at once comes to the same.
    """
    first = scope.plan.wants[0]
    # Only what the first want made has words of its own.
    if first.get("do") not in _MAKERS or len(scope.plan.wants) >= _MOST_WANTS or _points(scope, "new", "g1"):
        return None
    stage = _stage(scope)
    args = {name: value_of(scope, value) for name, value in first["args"].items()}
    for cabin in draws.at("cabin").shuffled(CABINS):
        if cabin != args["cabin"] and could_sit(stage, args, cabin, stops=first["do"] == CONNECT.name):
            card = draws.at("card").choice(stage.cards(scope.plan.customer))
            want = {
                "do": CABIN.name,
                "at": {"by": "new", "goal": "g1"},
                "args": {"cabin": cabin, "card": card},
            }
            # Told of later: a customer who has told of two cabins cannot be asked for the cabin.
            plan = _added(scope, want, 1)
            if plan is not None:
                return plan
    return None


def derived_answer(scope: Scope, draws: Draws) -> Plan | None:
    """Ask what a cancellation brought, which is known only once it is done."""
    if len(scope.plan.wants) >= _MOST_WANTS:
        return None
    for number, want in draws.at("want").shuffled(scope.deeds()):
        goal = f"g{number + 1}"
        if want["do"] != CANCEL.name or _points(scope, "same", goal):
            continue
        trip = scope.target(want)
        if trip is None or not _refund(scope, trip):
            continue
        if CANCEL.answer(scope.stage, scope.plan.customer, trip, want["args"]) == "yes":
            asked = {"do": REFUNDED.name, "at": {"by": "same", "goal": goal}, "args": {}}
            told = draws.at("told").choice((1, len(scope.plan.wants) + 1))
            plan = _added(scope, asked, told)
            if plan is not None:
                return plan
    return None


def _points(scope: Scope, by: str, goal: str) -> bool:
    """Whether a want is about an earlier goal already."""
    return any(want.get("at") == {"by": by, "goal": goal} for want in scope.plan.wants)


def _refund(scope: Scope, trip: Element) -> int:
    """Return the cents that cancelling a trip brings back."""
    paid: int = scope.value("price", trip)
    facts = {"paid_cents": paid, "passengers": len(trip["passengers"])}
    return paid - policy.cancel_fee(facts, _stage(scope).values)


# Deeds exchanged for others about which rules or sources differ


def _places(scope: Scope) -> Iterator[tuple[int, Want, list[tuple[Ref, Element]]]]:
    """Yield (number, deed, ways to point with what they point at) of the deeds that may be exchanged.

    A reference that has grown is kept; one by number may be exchanged for that of a trip of no other want.
    """
    for number, want in scope.deeds():
        if want.get("at", {"by": "none"})["by"] in ("none", "all", "new", "same", "it"):
            continue
        trip = scope.target(want)
        if trip is None or not scope.untouched(number, {"do": want["do"], "args": want["args"]}):
            continue
        ways = [(want["at"], trip)]
        if want["at"]["by"] == "number":
            ways += [({"by": "number", "id": each[scope.words.key]}, each) for each in _free(scope)]
        yield number, want, ways


def _free(scope: Scope) -> list[Element]:
    """Return the trips at which nothing in the plan points."""
    key = scope.words.key
    taken = [spot.element[key] for spot in scope.spots()]
    taken += [place[1][key] for place in scope.places.values() if place[1]]
    return [each for each in scope.elements if each[key] not in taken]


def rule_exception(scope: Scope, draws: Draws) -> Plan | None:
    """Ask to cancel what only its insurance might allow, for a reason that it does not cover.

    The other side, where the reason is covered, is right for whoever has not read the rules as well: a rule
    that allows is no step, so it would make nothing deeper.
    """
    for number, _, ways in draws.at("deed").shuffled(list(_places(scope))):
        for at, trip in draws.at("trip").shuffled(ways):
            if not _hangs_on_insurance(_stage(scope), trip):
                continue
            for reason in draws.at("reason").shuffled(policy.REASONS):
                args = {"reason": reason}
                if CANCEL.answer(scope.stage, scope.plan.customer, trip, args) == "no":
                    plan = _exchanged(scope, number, {"do": CANCEL.name, "at": at, "args": args})
                    if plan is not None:
                        return plan
    return None


def _hangs_on_insurance(stage: AirlineStage, trip: Element) -> bool:
    """Whether a trip that has not left is insured and has no other ground to be cancelled."""
    left = stage.status(trip["flights"][0]) in ("flying", "landed")
    uninsured = cancel_facts(stage, trip, "") | {"insurance": "no"}
    return trip["insurance"] == "yes" and not left and not policy.cancel_ground(uninsured, stage.values)


def conflicting_evidence(scope: Scope, draws: Draws) -> Plan | None:
    """Complain about a flight as it was not: cancelled for delayed, either for one that was on time."""
    for number, want, ways in draws.at("deed").shuffled(list(_places(scope))):
        if want["do"] == CLAIM.name:
            continue
        for at, trip in draws.at("trip").shuffled(ways):
            for args in _untrue(scope, trip, draws.at("leg")):
                plan = _exchanged(scope, number, {"do": CLAIM.name, "at": at, "args": args})
                if plan is not None:
                    return plan
    return None


def _untrue(scope: Scope, trip: Element, draws: Draws) -> list[dict[str, Any]]:
    """Return complaints that the records contradict, first those where a gesture is owed all the same."""
    stage, customer = _stage(scope), scope.plan.customer
    owed, refused = [], []
    for args in CLAIM.propose(stage, customer, trip, draws):
        leg = next(each for each in trip["flights"] if each["date"] == args["leg"])
        status = stage.status(leg)
        other = next(each for each in _OWED_FOR if each != status)
        if CLAIM.answer(stage, customer, trip, args) == "yes":
            owed.append(args | {"what": other})
        elif status not in _OWED_FOR:
            refused.append(args)
    return [*owed, *refused]


# Questions about several trips


def set_total(scope: Scope, draws: Draws) -> Plan | None:
    """Ask what several trips cost together instead of one."""
    for number, want in draws.at("want").shuffled(scope.deeds()):
        if want["do"] != "paid" or not scope.untouched(number, want):
            continue
        for where in draws.at("where").shuffled(list(_sets(scope))):
            at = {"by": "all", "where": where, "besides": None}
            plan = _exchanged(scope, number, {"do": PAID_ALL.name, "at": at, "args": {}})
            if plan is not None:
                return plan
    return None


def _sets(scope: Scope) -> Iterator[list[list[Any]]]:
    """Yield conditions that some trips meet and others do not."""
    points = scope.fields(lambda field: field.points and field.join is None and field.how == "==")
    for field in points:
        values = [scope.value(field.name, each) for each in scope.elements]
        for value in dict.fromkeys(values):
            clause = [field.name, "==", value]
            if 2 <= values.count(value) < min(len(values), _MOST_AT_ONCE) and scope.says_clause(clause):
                yield [clause]


OPERATORS: Sequence[Operator] = (
    Operator("derived_write", "depth", derived_write, ("no_breadth",), weight=60),
    Operator("derived_answer", "depth", derived_answer, ("no_breadth",), weight=38),
    Operator("rule_exception", "depth", rule_exception, ("no_policy",), weight=22),
    Operator("conflicting_evidence", "depth", conflicting_evidence, ("no_policy",), weight=2),
    Operator("set_total", "breadth", set_total, ("no_aggregate",), weight=140),
)
