"""Proving a task set again: everything is recomputed from the plans, nothing stored is believed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simenv.core import catalog
from simenv.core.assembly import Assembly
from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.errors import DataError, SimenvError
from simenv.core.image import WorldImage
from simenv.core.pack import Pack
from simenv.core.plan import Plan, skeleton_digest
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.synth.certificate import Certificate, Unproved
from simenv.synth.certify import certify
from simenv.synth.forge import key_of
from simenv.synth.grow import Aim, Grower, held_out
from simenv.synth.order import agrees

_ODD = (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError)
"""What a plan of no known form may raise."""


@dataclass(frozen=True, slots=True)
class Lie:
    """Something that a task set says and that is not so.

    Attributes:
        task: Id of the task, or "" if it is said of the whole set.
        obligation: What it is about, ``"P1"`` to ``"P15"`` or ``"certificate"``.
        witness: What shows it.
    """

    task: str
    obligation: str
    witness: str


def certificate_of(pack: Pack, index: int) -> Certificate:
    """Return the certificate that task ``index`` carries.

    Raises:
        DataError: If it carries none, or one of another version.
    """
    # The header is line 1 of the file and the first task line 2.
    return Certificate.from_json(pack.lines[index].get("certificate"), pack.place, index + 2)


def recheck(pack: Pack, progress: Callable[[int], object] = lambda count: None) -> Iterator[Lie]:
    """Prove every task of a set again and yield what does not hold.

    Raises:
        DataError: If the file is broken, or carries no certificates.
    """
    yield from _worlds(pack)
    seen: dict[str, None] = {}
    for index in range(len(pack)):
        yield from _lies(pack, index, seen)
        progress(1)
    yield from _counts(pack)


def _worlds(pack: Pack) -> Iterator[Lie]:
    for world in pack.header.get("worlds", ()):
        image = pool.image(pack.domain, tuple(world["address"]), world["size"])
        if image.digest != world["digest"]:
            yield Lie("", "P14", f"world {world['address']} is not the one that the tasks were made for")
    named = [(world["address"], world["size"]) for world in pack.header.get("worlds", ())]
    for line in pack.lines:
        if (line.get("world"), line.get("size")) not in named:
            yield Lie(str(line["id"]), "P14", f"its world {line.get('world')} is not one of the set's")


def _counts(pack: Pack) -> Iterator[Lie]:
    """Compare what the head counts with the certificates."""
    absent: dict[str, int] = {}
    ways: dict[str, int] = {}
    for index in range(len(pack)):
        certificate = certificate_of(pack, index)
        for name, proof in certificate.proofs.items():
            if not proof.applies:
                absent[name] = absent.get(name, 0) + 1
        way = certificate.aim.get("way")
        if way:
            ways[str(way)] = ways.get(str(way), 0) + 1
    made = pack.header.get("made", {})
    if made.get("not_applicable") != absent:
        said = made.get("not_applicable")
        yield Lie("", "certificate", f"not applicable: the file says {said}, it is {absent}")
    if made.get("ways", {}) != ways:
        yield Lie("", "certificate", f"ways of drawing: the file says {made.get('ways')}, it is {ways}")


def _lies(pack: Pack, index: int, seen: dict[str, None]) -> Iterator[Lie]:
    name = str(pack.lines[index]["id"])
    certificate = certificate_of(pack, index)
    try:
        task = pack.at(index)
        again = prove_again(pack, task, certificate, seen)
        _refuse_answers(task, seen)
        _refuse_twin(pack, task, certificate)
    except Unproved as fault:
        yield Lie(name, fault.obligation, f"{fault.reason}. {fault.witness}".strip())
        return
    except DataError as fault:
        yield Lie(name, "P14", str(fault))
        return
    except (SimenvError, *_ODD) as fault:
        yield Lie(name, "P14", f"it cannot be made again: {type(fault).__name__}: {fault}")
        return
    found = list(_differences(name, certificate, again))
    yield from found
    if not found and canonical(again.to_json()) != canonical(pack.lines[index]["certificate"]):
        yield Lie(name, "certificate", "it is not written as certificates are")
    program, answers = key_of(task)
    seen.update(dict.fromkeys([program, *(f"answer {answer}" for answer in answers)]))


def _refuse_answers(task: Task, seen: dict[str, None]) -> None:
    """Refuse an answer that another question of the set has: whoever gives it always must pass nothing."""
    for answer in key_of(task)[1]:
        if f"answer {answer}" in seen:
            raise Unproved("P3", "another question has this answer", str(answer))


def _refuse_twin(pack: Pack, task: Task, certificate: Certificate) -> None:
    """Refuse a twin of nothing, and one that is not said in the same words or has the same outcome."""
    if bool(task.setup) != bool(certificate.twin):
        raise Unproved("P14", "its set-up and its twin do not agree", certificate.twin)
    if not certificate.twin:
        return
    if certificate.twin not in pack.ids():
        raise Unproved("P14", "its twin is not in the set", certificate.twin)
    other = pack.find(certificate.twin)
    plans = [_bare(each.plan) for each in (other, task) if each.plan is not None]
    same = len(plans) == 2 and plans[0] == plans[1] and not other.setup
    if not same or other.world != task.world or other.card.opening != task.card.opening:
        raise Unproved("P14", "its twin is another request", other.id)
    if (other.goal.required, other.goal.answers) == (task.goal.required, task.goal.answers):
        raise Unproved("P14", "its twin has the same outcome", other.id)


def _differences(name: str, stored: Certificate, again: Certificate) -> Iterator[Lie]:
    for obligation, proof in again.proofs.items():
        if stored.proofs.get(obligation) != proof:
            yield Lie(name, obligation, f"the file says {stored.proofs.get(obligation)}, it is {proof}")
    if stored.proofs.keys() != again.proofs.keys():
        yield Lie(name, "certificate", f"obligations {sorted(stored.proofs)}")
    for field in ("depth", "breadth", "ladder", "difficulty", "lineage", "aim"):
        if getattr(stored, field) != getattr(again, field):
            yield Lie(
                name,
                "certificate",
                f"{field}: the file says {getattr(stored, field)}, it is {getattr(again, field)}",
            )


@lru_cache(maxsize=4)
def _grower(domain: str, image: WorldImage) -> Grower:
    generator = catalog.generator(domain)
    return Grower(generator.domain, generator.vocabulary, generator.vocabulary.stage(image))


def prove_again(pack: Pack, task: Task, certificate: Certificate, seen: dict[str, None]) -> Certificate:
    """Return the certificate of a task, grown and proved anew.

    Raises:
        Unproved: At the first obligation that it does not meet.
    """
    split = str(pack.header.get("split", ""))
    generator = catalog.generator(task.domain)
    image = pool.image(task.domain, tuple(task.world), task.size)
    grower = _grower(task.domain, image)
    aim = _aim(certificate.aim, split)
    if aim.split != split:
        raise Unproved("P15", "it was grown for another split", aim.split)
    if not agrees(pack.header, aim):
        raise Unproved("P14", "its weights are not those of its set", aim.way or str(aim.weights))
    address = certificate.address
    if address[: len(task.world)] != tuple(task.world):
        raise Unproved("P14", "it was drawn in another world", str(address))
    grown = grower.grow(Draws(*address), aim)
    if grown is None or task.plan is None or _bare(grown.plan) != _bare(task.plan):
        raise Unproved("P14", "its plan does not grow from its address", str(address))
    if grown.lineage != certificate.lineage:
        raise Unproved("P14", "it grew by other operators", "+".join(grown.lineage))
    if task.plan.setup or certificate.twin:
        changes = generator.vocabulary.changes(grower.stage, task.plan.customer, Draws(*address, "twin"))
        if task.plan.setup not in [[change] for change in changes]:
            raise Unproved("P14", "its set-up is not one of its world's", str(task.plan.setup)[:200])
    if certificate.twin and not certificate.phrases:
        bare = Assembly(generator.domain, generator.vocabulary, grower.stage, _bare(task.plan), address)
        if bare.made(task.size, "").id != certificate.twin:
            raise Unproved("P14", "its twin is not the task without its set-up", certificate.twin)
    return certify(
        generator.domain,
        generator.vocabulary,
        grower.stage,
        task,
        Assembly(generator.domain, generator.vocabulary, grower.stage, task.plan, address),
        split=split,
        lineage=grown.lineage,
        aim=aim.to_json(),
        operators=grower.known,
        seen=lambda each: key_of(each)[0] in seen,
        twin=certificate.twin,
        phrases=certificate.phrases,
    )


def _bare(plan: Plan) -> Plan:
    return plan.model_copy(update={"setup": []})


def _aim(data: dict[str, Any], split: str) -> Aim:
    try:
        return Aim.from_json(data)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise Unproved("P14", "its aim cannot be read", f"{data} for {split}") from None


@dataclass(frozen=True, slots=True)
class Shared:
    """What two task sets have in common.

    Attributes:
        what: Kind of thing: worlds, entities, programs, shapes, or pairs kept for the test split.
        found: Up to three of them.
    """

    what: str
    found: tuple[str, ...]


def overlap(one: Pack, other: Pack) -> list[Shared]:
    """Return what two task sets share of what splits must not share; nothing if they are disjoint."""
    sides = [_traits(one), _traits(other)]
    shared = []
    for what in sides[0]:
        both = sorted(sides[0][what].keys() & sides[1][what].keys())
        if both:
            shared.append(Shared(what, tuple(both[:3])))
    for pack, traits in zip((one, other), sides, strict=True):
        if traits["odd"]:
            odd = tuple(list(traits["odd"])[:3])
            shared.append(
                Shared(f"no ground: tasks do not grow from their certificates, in {pack.place}", odd)
            )
        if pack.header.get("split") != "test":
            kept = [pair for pair in traits["pairs"] if held_out(*pair.split("+"))]
            if kept:
                shared.append(Shared(f"pairs kept for the test split, in {pack.place}", tuple(kept[:3])))
    return [each for each in shared if each.what not in ("pairs", "odd")]


def _lineage(pack: Pack, index: int, task: Task) -> tuple[str, ...] | None:
    """Return the operators by which a task grew, found by growing it again.

    Nothing, if its plan does not grow from the address that its certificate names.
    """
    certificate = certificate_of(pack, index)
    image = pool.image(task.domain, tuple(task.world), task.size)
    try:
        aim = _aim(certificate.aim, str(pack.header.get("split", "")))
        grown = _grower(task.domain, image).grow(Draws(*certificate.address), aim)
    except (SimenvError, Unproved, *_ODD):
        grown = None
    if grown is None or task.plan is None or _bare(grown.plan) != _bare(task.plan):
        return None
    return grown.lineage


def _traits(pack: Pack) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {
        "worlds": {},
        "customers": {},
        "programs": {},
        "shapes": {},
        "pairs": {},
        "odd": {},
    }
    for index in range(len(pack)):
        task = pack.at(index)
        found["worlds"][str(task.world)] = None
        found["programs"][key_of(task)[0]] = None
        if task.plan is not None:
            found["customers"][task.plan.customer] = None
            found["shapes"][skeleton_digest(task.plan)] = None
        grown, said = _lineage(pack, index, task), certificate_of(pack, index).lineage
        if grown is None:
            found["odd"][task.id] = None
        names = sorted(dict.fromkeys([*said, *(grown or ())]))
        for at, name in enumerate(names):
            found["pairs"].update({f"{name}+{other}": None for other in names[at + 1 :]})
    return found
