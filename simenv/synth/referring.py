"""Operators on references: the same element, to be found by more steps or by more conditions."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.growth import Operator, Scope, Spot
from simenv.core.interpreter import shift
from simenv.core.plan import Json, Plan, Ref
from simenv.core.selecting import ordered, value_in
from simenv.core.vocabulary import Element, Field

_COMPARED = ("count", "money", "day", "moment")
_LONGEST_SHIFT = 20
_DEEPEST_PLACE = 5


def _first(scope: Scope, draws: Draws, spots: Sequence[Spot], candidates: Any) -> Plan | None:
    """Return the plan with the first sayable candidate, over spots and candidates in a drawn order."""
    for number, spot in enumerate(draws.at("spot").shuffled(spots)):
        found = list(candidates(scope, spot))
        for ref in draws.at("ref", number).shuffled(found):
            if scope.says(ref, inner=spot.inner):
                return scope.with_ref(spot, ref)
    return None


def _own_place(scope: Scope, field: Field, element: Element, pick: str) -> int:
    """Return which place an element has among all by a field, 0 if it shares it."""
    key = element[scope.words.key]
    return scope.noted(lambda: _placed(field, scope.elements, element, pick), "place", field.name, pick, key)


def _placed(field: Field, elements: Sequence[Element], element: Element, pick: str) -> int:
    """Return which place an element has by a field, 0 if it shares it."""
    value = value_in(field, element)
    if sum(value_in(field, each) == value for each in elements) != 1:
        return 0
    return 1 + [
        each is element or value_in(field, each) == value for each in ordered(field, elements, pick)
    ].index(True)


def _extreme(field: Field, pick: str, place: int, where: list[Any]) -> Ref:
    return {"by": "extreme", "field": field.name, "pick": pick, "place": place, "where": where}


def _ranks(scope: Scope, spot: Spot) -> Iterator[tuple[Field, str, int]]:
    """Yield (field, pick, place) by which the element has a place of its own, the ends included."""
    for field in scope.fields(lambda each: each.ranks):
        for pick in ("min", "max"):
            place = _own_place(scope, field, spot.element, pick)
            if place:
                yield field, pick, place


def _superlatives(scope: Scope, spot: Spot) -> Iterator[Ref]:
    if len(scope.elements) >= 2:
        yield from (_extreme(field, pick, 1, []) for field, pick, place in _ranks(scope, spot) if place == 1)


def _nth(scope: Scope, spot: Spot) -> Iterator[Ref]:
    for field, pick, place in _ranks(scope, spot):
        # The middle of few can be said from both ends; from the far end it is no rank to speak of.
        if 2 <= place <= min(_DEEPEST_PLACE, len(scope.elements) - 1):
            yield _extreme(field, pick, place, [])


def superlative(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element as the one that is most or least."""
    return _first(scope, draws, scope.plain(), _superlatives)


def rank(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element as the second or third."""
    return _first(scope, draws, scope.plain(), _nth)


def _clauses_of(scope: Scope, element: Element) -> list[list[Json]]:
    """Return the clauses that an element meets and that can be said."""
    return scope.noted(lambda: list(_clauses(scope, element)), "clauses", element[scope.words.key])


def _clauses(scope: Scope, element: Element) -> Iterator[list[Json]]:
    for field in scope.fields(lambda each: each.points and each.join is None):
        value = value_in(field, element)
        for each in value if field.how == "has" else [value]:
            clause = [field.name, field.how, each]
            if scope.says_clause(clause):
                yield clause


def _meeting(scope: Scope, clauses: Sequence[Sequence[Json]]) -> list[Element]:
    """Return the elements that meet all of the clauses."""
    kept = [frozenset(_places_meeting(scope, clause)) for clause in clauses]
    return [each for at, each in enumerate(scope.elements) if all(at in places for places in kept)]


def _places_meeting(scope: Scope, clause: Sequence[Json]) -> list[int]:
    """Return which of the elements meet a clause, by their places."""
    return scope.noted(
        lambda: [at for at, each in enumerate(scope.elements) if scope.meets(each, clause)],
        "meeting",
        canonical(clause),
    )


def _scoped(scope: Scope, spot: Spot) -> Iterator[Ref]:
    """Yield superlatives that only hold among the elements that meet a clause."""
    for clause in _clauses_of(scope, spot.element):
        among = _meeting(scope, [clause])
        if not 2 <= len(among) < len(scope.elements):
            continue
        for field in scope.fields(lambda each: each.ranks):
            for pick in ("min", "max"):
                here = _placed(field, among, spot.element, pick) == 1
                top = value_in(field, ordered(field, scope.elements, pick)[0])
                if here and top != value_in(field, spot.element):
                    yield _extreme(field, pick, 1, [clause])


def constraint(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element as the most of those that meet a condition, of which another is more."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _scoped)


def _pairs(scope: Scope, spot: Spot, *, needs: str = "") -> Iterator[Ref]:
    """Yield two conditions of which neither alone tells the element."""
    for pair in combinations(_clauses_of(scope, spot.element), 2):
        names = [clause[0] for clause in pair]
        if needs and needs not in names:
            continue
        alone = [len(_meeting(scope, [clause])) for clause in pair]
        if min(alone) >= 2 and len(_meeting(scope, pair)) == 1:
            yield {"by": "clauses", "where": [list(clause) for clause in pair]}


def near_duplicate(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by two conditions, each of which another meets too."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _pairs)


def collision(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by a name that several share, and one condition more."""
    named = [each.name for each in scope.fields(lambda each: each.how == "has")]
    if not named:
        return None
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, lambda scope, spot: _pairs(scope, spot, needs=named[0]))


def _short(scope: Scope, element: Element) -> list[Ref]:
    """Return short ways to point at an element in the middle of a sentence."""
    return scope.noted(lambda: _all_short(scope, element), "short", element[scope.words.key])


def _all_short(scope: Scope, element: Element) -> list[Ref]:
    key = scope.words.key
    found: list[Ref] = [{"by": "number", "id": element[key]}]
    for clause in _clauses_of(scope, element):
        if len(_meeting(scope, [clause])) == 1:
            found.append({"by": "clauses", "where": [clause]})
    return [ref for ref in found if scope.says(ref, inner=True)]


def short(scope: Scope, element: Element, draws: Draws) -> Ref:
    """Return one short way to point at an element."""
    return draws.choice(_short(scope, element))


def _others(scope: Scope, element: Element) -> list[Element]:
    return [
        each
        for each in scope.elements
        if each is not element and each[scope.words.key] != element[scope.words.key]
    ]


def _either(scope: Scope, spot: Spot) -> Iterator[Ref]:
    for field in scope.fields(lambda each: each.ranks):
        mine = value_in(field, spot.element)
        for other in _others(scope, spot.element):
            theirs = value_in(field, other)
            if theirs != mine:
                pick = "max" if mine > theirs else "min"
                # The order in which the two are said must not tell which it is.
                both = sorted([spot.element, other], key=lambda each: str(each[scope.words.key]))
                yield {
                    "by": "either",
                    "field": field.name,
                    "pick": pick,
                    "refs": [_short(scope, e)[-1] for e in both],
                }


def comparison(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element as whichever of two has more or less."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _either)


def _nested(scope: Scope, spot: Spot) -> Iterator[Ref]:
    """Yield clauses whose value is that of a field of another element."""
    spoken = scope.fields(lambda each: each.asks and each.kind == "word")
    for field in spoken:
        value = value_in(field, spot.element)
        if sum(value_in(field, each) == value for each in scope.elements) != 1:
            continue
        for other in _others(scope, spot.element):
            for source in spoken:
                if value_in(source, other) == value:
                    yield _where([field.name, "==", {"of": source.name, "ref": _short(scope, other)[-1]}])


def _where(*clauses: list[Json]) -> Ref:
    return {"by": "clauses", "where": list(clauses)}


def nested(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by what it shares with another."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _nested)


def _later(scope: Scope, spot: Spot) -> Iterator[Ref]:
    for field in scope.fields(lambda each: each.points and each.kind == "day"):
        mine = value_in(field, spot.element)
        if sum(value_in(field, each) == mine for each in scope.elements) != 1:
            continue
        for other in _others(scope, spot.element):
            theirs = value_in(field, other)
            for days in range(-_LONGEST_SHIFT, _LONGEST_SHIFT + 1):
                if days and shift(theirs, days) == mine:
                    value = {"shift": days, "of": field.name, "ref": _short(scope, other)[-1]}
                    yield _where([field.name, "==", value])


def temporal(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by how many days it lies before or after another."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _later)


def _joined(scope: Scope, spot: Spot) -> Iterator[Ref]:
    for field in scope.fields(lambda each: each.join is not None):
        clause = [field.name, "==", value_in(field, spot.element)]
        if len(scope.elements) < 2:
            continue
        if len(_meeting(scope, [clause])) == 1:
            yield _where(clause)
            continue
        for more in _clauses_of(scope, spot.element):
            if len(_meeting(scope, [more])) >= 2 and len(_meeting(scope, [clause, more])) == 1:
                yield _where(more, clause)


def join(scope: Scope, draws: Draws) -> Plan | None:
    """Point at an element by what only another look-up shows."""
    outer = [spot for spot in scope.plain() if not spot.inner]
    return _first(scope, draws, outer, _joined)


OPERATORS = (
    Operator("superlative", "depth", superlative, ("no_extremum",), weight=5),
    Operator("rank", "depth", rank, ("no_rank",), weight=3),
    Operator("comparison", "depth", comparison, ("no_compare", "no_extremum"), weight=3),
    Operator("nested", "depth", nested, ("no_filter",), weight=16),
    Operator("temporal", "depth", temporal, ("no_arithmetic", "no_filter"), weight=5),
    Operator("join", "depth", join, ("no_join", "no_filter"), weight=18),
    Operator("constraint", "breadth", constraint, ("no_filter",), weight=8),
    Operator("near_duplicate", "breadth", near_duplicate, ("no_filter",), weight=5),
    Operator("collision", "breadth", collision, ("no_filter",), weight=11),
)
