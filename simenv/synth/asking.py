"""Operators on wants: conditions, fallbacks, values to be worked out, several wants, several elements."""

from collections.abc import Iterator, Sequence
from typing import Any

from simenv.core.draws import Draws
from simenv.core.growth import Operator, Scope, adopt
from simenv.core.interpreter import UnsoundError, shift
from simenv.core.plan import Plan, Ref, Want
from simenv.core.selecting import value_in
from simenv.core.vocabulary import Answer, Element, Field, Verb
from simenv.synth.referring import short

_IT: Ref = {"by": "it"}
_OWN: Ref = {"by": "own"}
_ROUND_CENTS = 5_000
_MOST_WANTS = 4
_MOST_AT_ONCE = 4


def _acts(scope: Scope, *, but: Sequence[str] = ()) -> list[Verb]:
    """Return the verbs that do something with one element."""
    return [
        verb
        for verb in scope.words.verbs
        if verb.over == "one" and not verb.question and verb.name not in but
    ]


def _plain_deeds(scope: Scope) -> list[tuple[int, Want, Verb, Element]]:
    """Return (number, want, verb, element) of the plain deeds that do something with one element."""
    found = []
    for number, want in scope.deeds():
        verb = scope.words.find_verb(want["do"])
        element = scope.target(want)
        if element is not None and not verb.question and want["at"]["by"] not in ("same", "new", "it"):
            found.append((number, want, verb, element))
    return found


def _tests(scope: Scope, element: Element, at: Ref, draws: Draws) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield (test on the element, whether it holds), of amounts and counts, both ways."""
    for field in draws.shuffled(scope.fields(lambda each: each.asks and each.kind in ("money", "count"))):
        value = value_in(field, element)
        for how in draws.shuffled((">", "<")):
            for limit in draws.shuffled(_limits(field, value)):
                holds = value > limit if how == ">" else value < limit
                yield {"left": {"of": field.name, "ref": at}, "how": how, "right": limit}, holds


def _limits(field: Field, value: int) -> list[int]:
    """Return limits on both sides of a value, none of them equal to it."""
    if field.kind == "count":
        return [limit for limit in (value - 1, value + 1, value + 2) if limit >= 1]
    low = value // _ROUND_CENTS * _ROUND_CENTS
    return [
        limit for limit in (low - _ROUND_CENTS, low, low + 2 * _ROUND_CENTS) if limit > 0 and limit != value
    ]


def conditional(scope: Scope, draws: Draws) -> Plan | None:
    """Do it only if something holds; otherwise do something else."""
    for number, want, verb, element in draws.at("deed").shuffled(_plain_deeds(scope)):
        deed = want | {"at": _IT}
        others = list(scope.options("yes", draws.at("other"), element, _acts(scope, but=[verb.name])))
        for other, args in others[:3]:
            alternative = {"do": other.name, "at": _IT, "args": args}
            for test, holds in _tests(scope, element, want["at"], draws.at("test", number)):
                branches = (deed, alternative) if holds else (alternative, deed)
                grown = {"when": test, "then": [branches[0]], "else": [branches[1]]}
                plan = scope.sayable(_renamed(scope.plan, number, grown, moved=not holds))
                if plan is not None:
                    return plan
    return None


def _renamed(plan: Plan, number: int, want: Want, *, moved: bool) -> Plan:
    """Return the plan with another want; a deed that moved to the other branch has another name there."""
    main = f"g{number + 1}."
    there = f"g{number + 1}e." if moved else main

    def place(name: str) -> str:
        return there + name.removeprefix(main) if name.startswith(main) else name

    manner = plan.manner
    changes: dict[str, Any] = {
        "opened": [place(name) for name in manner.opened],
        "asked": [place(name) for name in manner.asked],
        "late": {place(name): turn for name, turn in manner.late.items()},
        "first_said": {place(name): value for name, value in manner.first_said.items()},
        "mentioned": {place(name): value for name, value in manner.mentioned.items()},
    }
    return adopt(plan.with_want(number, want), **changes)


def fallback(scope: Scope, draws: Draws) -> Plan | None:
    """Ask first for what a rule forbids, then for something else in its place."""
    for number, want, verb, element in draws.at("deed").shuffled(_plain_deeds(scope)):
        if not _exchangeable(scope, number, want):
            continue
        for denied, args in scope.options("no", draws.at("denied", number), element, _acts(scope)):
            others = _acts(scope, but=[denied.name])
            keep = denied is not verb and _answer(scope, verb, element, want) == "yes"
            found = (
                [(verb, want["args"])]
                if keep
                else list(scope.options("yes", draws.at("other"), element, others))
            )
            for other, more in found[:2]:
                first = {"do": denied.name, "at": want["at"], "args": args}
                second = {"do": other.name, "at": _IT, "args": more}
                plain = _forget(scope.plan, number)
                plan = scope.sayable(plain.with_want(number, {"first": first, "instead": second}))
                if plan is not None:
                    return plan
    return None


def _answer(scope: Scope, verb: Verb, element: Element, want: Want) -> Answer:
    """Return what a deed of plain values comes to; "" for one whose values have to be worked out."""
    if any(isinstance(value, dict) for value in want["args"].values()):
        return ""
    return verb.answer(scope.stage, scope.plan.customer, element, want["args"])


def _exchangeable(scope: Scope, number: int, want: Want) -> bool:
    """Whether the verb and arguments of a deed may be exchanged, its reference kept."""
    return scope.untouched(number, {key: part for key, part in want.items() if key != "at"})


def _forget(plan: Plan, number: int) -> Plan:
    """Return the plan without anything that its manner says of a want that is made anew."""
    own = f"g{number + 1}"

    def kept(name: str) -> bool:
        return not (name.startswith((f"{own}.", f"{own}b.", f"{own}e.")))

    manner = plan.manner
    return adopt(
        plan,
        opened=[name for name in manner.opened if kept(name)],
        asked=[name for name in manner.asked if kept(name)],
        late={name: turn for name, turn in manner.late.items() if kept(name)},
        first_said={name: value for name, value in manner.first_said.items() if kept(name)},
        mentioned={name: value for name, value in manner.mentioned.items() if kept(name)},
    )


def policy_gate(scope: Scope, draws: Draws) -> Plan | None:
    """Ask for what a rule forbids."""
    for number, want, verb, element in draws.at("deed").shuffled(_plain_deeds(scope)):
        if _answer(scope, verb, element, want) != "yes" or not _exchangeable(scope, number, want):
            continue
        for denied, args in scope.options("no", draws.at("denied", number), element, _acts(scope)):
            grown = {"do": denied.name, "at": want["at"], "args": args}
            plan = scope.sayable(_forget(scope.plan, number).with_want(number, grown))
            if plan is not None:
                return plan
    return None


def _worked_out(
    scope: Scope, verb: Verb, element: Element, kinds: Sequence[str], draws: Draws
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (argument, value to be worked out, what it is) for arguments of a kind."""
    others = [each for each in scope.elements if each is not element]
    for arg in verb.args:
        if arg.measures not in kinds:
            continue
        for field in draws.at("fields").shuffled(scope.fields(lambda each: each.asks)):
            if field.kind != arg.measures:
                continue
            mine = value_in(field, element)
            if arg.measures == "count" and field.name not in verb.writes:
                yield from (
                    (arg.name, {"times": k, "of": field.name, "ref": _OWN}, k * mine) for k in (3, 2, 1)
                )
            if arg.measures == "day":
                for days in draws.at("days").shuffled((1, 2, 3, 4, 5, 7, -1, -2, -3)):
                    yield arg.name, {"shift": days, "of": field.name, "ref": _OWN}, shift(mine, days)
            if field.name in verb.writes:
                yield from _taken_over(scope, arg.name, arg.measures, field, others, draws)


def _taken_over(
    scope: Scope, name: str, measures: str, field: Field, others: Sequence[Element], draws: Draws
) -> Iterator[tuple[str, Any, Any]]:
    for other in draws.at("others").shuffled(others):
        ref, theirs = (
            short(scope, other, draws.at("short", str(other[scope.words.key]))),
            value_in(field, other),
        )
        if measures == "day":
            for days in (1, -1, 2, 3):
                yield name, {"shift": days, "of": field.name, "ref": ref}, shift(theirs, days)
            continue
        yield name, {"of": field.name, "ref": ref}, theirs
        for third in others:
            if measures == "count" and third is not other:
                both = [ref, short(scope, third, draws.at("third"))]
                yield name, {"sum": field.name, "refs": both}, theirs + value_in(field, third)


def _derived(scope: Scope, draws: Draws, kinds: Sequence[str], test: Any) -> Plan | None:
    for number, want, verb, element in draws.at("deed").shuffled(_plain_deeds(scope)):
        for name, value, is_now in _worked_out(scope, verb, element, kinds, draws.at(number)):
            args = want["args"] | {name: is_now}
            if not test(value) or not _exchangeable(scope, number, want):
                continue
            if verb.answer(scope.stage, scope.plan.customer, element, args) != "yes":
                continue
            plain = _forget(scope.plan, number)
            plan = scope.sayable(plain.with_want(number, want | {"args": want["args"] | {name: value}}))
            if plan is not None:
                return plan
    return None


def aggregate(scope: Scope, draws: Draws) -> Plan | None:
    """Give a number as so many for each of something, or as the sum over two elements."""
    return _derived(scope, draws, ("count",), lambda value: "times" in value or "sum" in value)


def taken_over(scope: Scope, draws: Draws) -> Plan | None:
    """Give a value as that of another element."""
    return _derived(scope, draws, ("count", "word"), lambda value: set(value) == {"of", "ref"})


def shifted(scope: Scope, draws: Draws) -> Plan | None:
    """Give a day as so many days before or after another."""
    return _derived(scope, draws, ("day",), lambda value: "shift" in value)


# Several wants, several elements


def _added(scope: Scope, want: Want, draws: Draws) -> Plan | None:
    wants = [*scope.plan.wants, want]
    told = draws.at("told").choice((1, len(wants), len(wants)))
    return scope.sayable(adopt(scope.plan.model_copy(update={"wants": wants}), told=told))


def _another(scope: Scope, draws: Draws, wanted: Answer) -> Plan | None:
    """Add a want about an element that no other want is about."""
    if len(scope.plan.wants) >= _MOST_WANTS:
        return None
    key = scope.words.key
    taken = [spot.element[key] for spot in scope.spots()] + _listed(scope)
    free = [each for each in scope.elements if each[key] not in taken]
    # Two requests of one kind are hard to tell apart in talk, for people too.
    fresh = _acts(scope, but=sorted(scope.used()))
    for element in draws.at("element").shuffled(free):
        for verb, args in scope.options(wanted, draws.at(str(element[key])), element, fresh):
            want = {"do": verb.name, "at": short(scope, element, draws.at("short")), "args": args}
            plan = _added(scope, want, draws)
            if plan is not None:
                return plan
    return None


def _listed(scope: Scope) -> list[Any]:
    """Return the keys of elements that a want is about in other ways."""
    try:
        return [place[1][scope.words.key] for place in scope.places.values() if place[1]]
    except UnsoundError:
        return [each[scope.words.key] for each in scope.elements]


def parallel(scope: Scope, draws: Draws) -> Plan | None:
    """Want something else besides."""
    return _another(scope, draws, "yes")


def partly_infeasible(scope: Scope, draws: Draws) -> Plan | None:
    """Want something besides that a rule forbids."""
    return _another(scope, draws, "no")


def coupled(scope: Scope, draws: Draws) -> Plan | None:
    """Make two deeds depend on what both their elements come to together."""
    money = [each.name for each in scope.fields(lambda each: each.asks and each.kind == "money")]
    for number, want, verb, element in draws.at("deed").shuffled(_plain_deeds(scope)):
        if not money or not scope.untouched(number, want):
            continue
        others = [each for each in scope.elements if each is not element]
        for other in draws.at("other").shuffled(others):
            for second, args in scope.options("yes", draws.at("args"), other, _acts(scope, but=[verb.name])):
                refs = [
                    short(scope, each, draws.at("short", str(each[scope.words.key])))
                    for each in (element, other)
                ]
                field = scope.words.find_field(money[0])
                total = value_in(field, element) + value_in(field, other)
                limit = draws.choice([each for each in _limits(field, total) if each < total] or [0])
                test = {"left": {"sum": field.name, "refs": refs}, "how": ">", "right": limit}
                then = [want | {"at": refs[0]}, {"do": second.name, "at": refs[1], "args": args}]
                grown = {"when": test, "then": then, "else": []}
                plan = scope.sayable(_forget(scope.plan, number).with_want(number, grown)) if limit else None
                if plan is not None:
                    return plan
    return None


def _groups(scope: Scope) -> Iterator[tuple[list[Any], list[Element]]]:
    """Yield (clauses, elements that meet them) of everything that can be called "all my ..."."""
    elements = list(scope.elements)
    if 2 <= len(elements) <= _MOST_AT_ONCE + 1:
        yield [], elements
    for field in scope.fields(lambda each: each.points and each.join is None and each.how == "=="):
        for value in dict.fromkeys(value_in(field, each) for each in elements):
            members = [each for each in elements if value_in(field, each) == value]
            if 2 <= len(members) < len(elements) and scope.says_clause([field.name, "==", value]):
                yield [[field.name, "==", value]], members


def _spread(scope: Scope, draws: Draws, *, spare: bool) -> Plan | None:
    verbs = [verb for verb in scope.words.verbs if verb.spreads or verb.over == "set"]
    for number, want in draws.at("want").shuffled(scope.deeds()):
        if "at" not in want or not scope.untouched(number, want):
            continue
        for where, members in draws.at("group").shuffled(list(_groups(scope))):
            for verb in draws.at("verb").shuffled(verbs):
                grown = _over(scope, verb, where, members, draws.at(number, verb.name), spare=spare)
                plain = _forget(scope.plan, number)
                plan = scope.sayable(plain.with_want(number, grown)) if grown else None
                if plan is not None:
                    return plan
    return None


def _over(
    scope: Scope, verb: Verb, where: list[Any], members: Sequence[Element], draws: Draws, *, spare: bool
) -> Want | None:
    """Return the want of a verb over all members, or over all but one of them."""
    customer = scope.plan.customer
    for left_out in draws.at("spare").shuffled(members) if spare else [None]:
        rest = [each for each in members if each is not left_out]
        if not 2 <= len(rest) <= _MOST_AT_ONCE:
            continue
        besides = short(scope, left_out, draws.at("short")) if left_out is not None else None
        at = {"by": "all", "where": where, "besides": besides}
        if verb.over == "set":
            return {"do": verb.name, "at": at, "args": {}}
        for args in verb.propose(scope.stage, customer, rest[0], draws.at("args")):
            if all(verb.answer(scope.stage, customer, each, args) == "yes" for each in rest):
                return {"do": verb.name, "at": at, "args": args}
    return None


def for_each(scope: Scope, draws: Draws) -> Plan | None:
    """Want it for several elements at once."""
    return _spread(scope, draws, spare=False)


def all_except(scope: Scope, draws: Draws) -> Plan | None:
    """Want it for all elements but one."""
    return _spread(scope, draws, spare=True)


OPERATORS = (
    Operator("conditional", "depth", conditional, ("no_branch", "no_compare"), weight=11),
    Operator("fallback", "depth", fallback, ("no_fallback", "no_policy"), weight=14),
    Operator("policy_gate", "depth", policy_gate, ("no_policy",), weight=7),
    Operator("aggregate", "depth", aggregate, ("no_arithmetic", "no_aggregate"), weight=32),
    Operator("taken_over", "depth", taken_over, ("no_filter",), weight=40),
    Operator("shifted", "depth", shifted, ("no_arithmetic",), weight=28),
    Operator("parallel", "breadth", parallel, ("no_breadth",), weight=1),
    Operator("partly_infeasible", "breadth", partly_infeasible, ("no_breadth", "no_policy"), weight=1),
    Operator("coupled", "breadth", coupled, ("no_compare", "no_breadth"), weight=26),
    Operator("for_each", "breadth", for_each, ("no_breadth", "no_aggregate"), weight=10),
    Operator("all_except", "breadth", all_except, ("no_exception",), weight=16),
)
