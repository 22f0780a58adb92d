"""What no plan may say, whatever the world: it would have no single outcome.

A later deed does not look at what an earlier one changes: whoever reads everything first and whoever reads as
they go would come to different things.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Json, Plan, Ref, Want, dos, goals_of, refs_in
from simenv.core.selecting import Sight, resolve, resolve_all
from simenv.core.vocabulary import Element, Vocabulary


def refuse_unsound(words: Vocabulary, plan: Plan) -> None:
    """Refuse a plan that has no single outcome in any world.

    Raises:
        UnsoundError: If it has none; the message says where.
    """
    written: set[str] = set()
    makers: set[str] = set()
    for number, want in enumerate(plan.wants, 1):
        for form in refs_in(want):
            if form["by"] == "new" and form["goal"] not in makers:
                raise UnsoundError(f"want {number} is about what {form['goal']} made, and it makes nothing")
        for deed in dos(want):
            _refuse_misuse(words, deed)
        if want.get("first", {}).get("at", {}).get("by") == "all":
            raise UnsoundError(f"want {number}: where some of several are allowed, nothing is done instead")
        if any(len(branch) > 2 for branch in branches(want)):
            raise UnsoundError(f"want {number}: a branch has two deeds at most")
        written = _after(words, number, want, written)
        makers |= {goal for goal, _, deed in goals_of(number, want) if words.find_verb(deed["do"]).makes}


def _refuse_misuse(words: Vocabulary, deed: Want) -> None:
    """Refuse what a verb is not told, one element for a verb about several, and several for one about one."""
    verb = words.find_verb(deed["do"])
    if unknown := sorted(set(deed["args"]) - {arg.name for arg in verb.args}):
        raise UnsoundError(f"{verb.name!r} is told no {unknown[0]!r}")
    several = deed.get("at", {}).get("by") == "all"
    if several != (verb.over == "set") and not (several and verb.spreads):
        raise UnsoundError(f"{verb.name!r} cannot be asked for {'several' if several else 'one'}")


def branches(want: Want) -> Sequence[Sequence[Want]]:
    """Return the deeds of a want that are done one after the other, for each way it can go."""
    if "do" in want:
        return [[want]]
    return [want["then"], want["else"]] if "when" in want else [[want["first"]], [want["instead"]]]


def _after(words: Vocabulary, number: int, want: Want, written: set[str]) -> set[str]:
    """Return the fields that are changed once a want is done; none of them may be looked at before."""
    _refuse_stale(number, want.get("when", {}).get("left"), written)
    after = set(written)
    for branch in branches(want):
        known = set(written)
        for deed in branch:
            _refuse_stale(number, deed, known)
            known |= set(words.find_verb(deed["do"]).writes)
        after |= known
    return after


def _refuse_stale(number: int, part: Json, written: set[str]) -> None:
    for name in looked_at(part):
        if name in written:
            raise UnsoundError(f"want {number} looks at {name!r}, which an earlier deed changes")


def looked_at(part: Json) -> Iterator[str]:
    """Yield the fields at which the references and values inside a part of a plan look."""
    if isinstance(part, dict):
        yield from (part[key] for key in ("field", "of", "sum") if isinstance(part.get(key), str))
        yield from (clause[0] for clause in part.get("where", ()))
        for each in part.values():
            yield from looked_at(each)
    elif isinstance(part, list):
        for each in part:
            yield from looked_at(each)


@dataclass(frozen=True)
class _Later:
    """What can be resolved once some elements are gone."""

    words: Vocabulary
    elements: Sequence[Element]
    places: Mapping[str, tuple[str, Element]]
    own: tuple[str, Element]


def refuse_fickle(sight: Sight, form: Ref, gone: Sequence[Element]) -> None:
    """Refuse a choice among all elements that comes out otherwise once some are gone.

    Raises:
        UnsoundError: If it does.
    """
    rest = [each for each in sight.elements if each not in gone]
    later = _Later(sight.words, rest, sight.places, sight.own)
    if form["by"] == "all":
        steady = resolve_all(sight, form) == resolve_all(later, form)
    else:
        steady = resolve(sight, form) == resolve(later, form)
    if not steady:
        raise UnsoundError(f"the reference {form!r} finds something else once earlier deeds are done")
