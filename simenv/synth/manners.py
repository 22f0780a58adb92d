"""Operators on the manner of a plan: the same outcome, with one more thing that an agent can get wrong."""

from collections.abc import Iterator
from typing import Any

from simenv.core.drafting import Drafter, deeds_of
from simenv.core.draws import Draws
from simenv.core.growth import Operator, Scope, adopt
from simenv.core.interpreter import tool_of
from simenv.core.plan import Plan, Want
from simenv.core.program import Each, If
from simenv.core.vocabulary import Verb

_MIND_CHANGES_IN_REPLY = 1


def _core(scope: Scope) -> Iterator[tuple[str, Want, Verb, str]]:
    """Yield (place, deed, verb, argument) of the plain values in requests that nothing is said of yet."""
    manner = scope.plan.manner
    busy = [*manner.asked, *manner.late, *manner.first_said, *manner.mentioned]
    for number, want in scope.deeds():
        verb = scope.words.find_verb(want["do"])
        for arg in verb.args:
            place = f"g{number + 1}.{arg.name}"
            value = want["args"].get(arg.name)
            if arg.core and not arg.colour and place not in busy and not isinstance(value, dict | list):
                yield place, want, verb, arg.name


def hidden_slot(scope: Scope, draws: Draws) -> Plan | None:
    """Leave out of the request what has to be asked for."""
    for place, _, _, _ in draws.shuffled(list(_core(scope))):
        plan = scope.sayable(adopt(scope.plan, asked=[*scope.plan.manner.asked, place]))
        if plan is not None:
            return plan
    return None


def ambiguous(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by too little; the customer knows more."""
    manner = scope.plan.manner
    for goal, prefix, deed in draws.shuffled(deeds_of(scope.plan)):
        ref = deed.get("at", {})
        if ref.get("by") != "clauses" or len(ref["where"]) < 2:
            continue
        for clause in draws.at(goal).shuffled(ref["where"]):
            field = scope.words.find_field(clause[0])
            place = f"{prefix}.at.{clause[0]}"
            rest = [each for each in ref["where"] if each is not clause]
            others = [each for each in scope.elements if all(scope.meets(each, one) for one in rest)]
            # Of those that the words leave open, only the ones count that the request makes sense for.
            fits = sum(_makes_sense(scope, deed, each) for each in others)
            askable = field.slot not in ("", "other") and not isinstance(clause[2], dict)
            if fits >= 2 and askable and place not in manner.asked:
                plan = scope.sayable(adopt(scope.plan, asked=[*manner.asked, place]))
                if plan is not None:
                    return plan
    return None


def _makes_sense(scope: Scope, deed: Want, element: Any) -> bool:
    if any(isinstance(value, dict) for value in deed["args"].values()):
        return True
    verb = scope.words.find_verb(deed["do"])
    if verb.over != "one":
        return True
    return verb.answer(scope.stage, scope.plan.customer, element, deed["args"]) != ""


def _other_values(scope: Scope, place: str, want: Want, verb: Verb, name: str, draws: Draws) -> Iterator[Any]:
    """Yield other values that the argument might have."""
    del place
    target = scope.target(want)
    for args in verb.propose(scope.stage, scope.plan.customer, target, draws):
        if args.get(name) not in (None, want["args"][name]):
            yield args[name]


def changed_mind(scope: Scope, draws: Draws) -> Plan | None:
    """Say one thing first and another later."""
    manner = scope.plan.manner
    for place, want, verb, name in draws.shuffled(list(_core(scope))):
        if int(place[1 : place.index(".")]) > manner.told:
            continue
        for old in _other_values(scope, place, want, verb, name, draws.at("old", place)):
            late = {**manner.late, place: _MIND_CHANGES_IN_REPLY}
            plan = adopt(scope.plan, first_said={**manner.first_said, place: old}, late=late)
            if scope.says_plan(plan):
                return plan
    return None


def chatter(scope: Scope, draws: Draws) -> Plan | None:
    """Mention a value of another matter in passing."""
    manner = scope.plan.manner
    if manner.mentioned:
        return None
    for place, want, verb, name in draws.shuffled(list(_core(scope))):
        slot = verb.find_arg(name).slot
        if int(place[1 : place.index(".")]) > 1:
            continue
        for old in _other_values(scope, place, want, verb, name, draws.at("aside", place)):
            said = {"fact": slot, "value": old}
            if scope.grammar.matches("ASIDE", said, scope.context):
                return adopt(scope.plan, mentioned={place: old})
    return None


def _tools(scope: Scope) -> list[str]:
    nodes = Drafter(scope.words, scope.stage, scope.plan, lambda held: "").run().nodes
    return list(dict.fromkeys(_named(nodes)))


def _named(nodes: Any) -> Iterator[str]:
    for node in nodes:
        if (tool := tool_of(node)) and node.op != "retry":
            yield tool
        if isinstance(node, If):
            yield from _named(node.then)
            yield from _named(node.orelse)
        elif isinstance(node, Each):
            yield from _named(node.nodes)


def faults(scope: Scope, draws: Draws) -> Plan | None:
    """Let a tool be busy at first."""
    if scope.plan.manner.faults:
        return None
    certain = [scope.words.user_tool, *([] if scope.words.inline else [scope.words.tool])]
    known = [tool for tool in _tools(scope) if tool in certain]
    return adopt(scope.plan, faults={draws.choice(known): draws.between(1, 2)}) if known else None


def distractor_tools(scope: Scope, draws: Draws) -> Plan | None:
    """Offer tools that look like the right ones and are not."""
    if scope.plan.manner.extras:
        return None
    # A look-alike of the customer's own record often shows enough, so it is only offered beside another.
    tools = [tool for tool in _tools(scope) if tool != scope.words.user_tool]
    found = [scope.domain.confusable[tool] for tool in tools if tool in scope.domain.confusable]
    return (
        adopt(scope.plan, extras=draws.sample(found, draws.between(1, min(3, len(found))))) if found else None
    )


def pressure(scope: Scope, draws: Draws) -> Plan | None:
    """Do not take no for an answer."""
    if scope.plan.manner.insists > 1:
        return None
    for _, want in scope.deeds():
        verb = scope.words.find_verb(want["do"])
        plain = {name: value for name, value in want["args"].items() if not isinstance(value, dict)}
        if len(plain) < len(want["args"]) or want.get("at", {}).get("by") in ("all", "new"):
            continue
        if verb.answer(scope.stage, scope.plan.customer, scope.target(want), plain) == "no":
            return adopt(scope.plan, insists=draws.between(2, 4))
    return None


OPERATORS = (
    Operator("hidden_slot", "breadth", hidden_slot, ("no_asking",), weight=4),
    Operator("ambiguous", "breadth", ambiguous, ("no_asking",), weight=28),
    Operator("changed_mind", "breadth", changed_mind, ("stubborn",), weight=3),
    Operator("chatter", "breadth", chatter, ("stubborn",), weight=3),
    Operator("faults", "breadth", faults, ("no_retry",), weight=1),
    Operator("distractor_tools", "breadth", distractor_tools, ("look_alike",), weight=1),
    Operator("pressure", "breadth", pressure, ("yielding",), weight=3),
)
