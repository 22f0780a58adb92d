"""Certified task sets, tasks under proof, and ways to spoil both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from json import loads
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simenv.core import catalog
from simenv.core.assembly import Assembly
from simenv.core.canonical import canonical
from simenv.core.generator import Generator
from simenv.core.pack import Pack, parse_pack
from simenv.core.plan import Plan
from simenv.core.task import Task
from simenv.core.vocabulary import Stage
from simenv.episodes import pool
from simenv.synth import certify as certifying
from simenv.synth.case import Case
from simenv.synth.certificate import Certificate, Proof, Unproved
from simenv.synth.forge import Order
from simenv.synth.recheck import Lie, certificate_of, recheck
from simenv.synth.store import produce
from tests.plans import AirlinePlans

Line = dict[str, Any]
Check = Callable[[Case], Proof]
TABLES: tuple[dict[str, Check], ...] = (vars(certifying)["_TOOL_LEVEL"], vars(certifying)["_PLAYED"])
"""The checks that certifying makes, as it makes them; P15 is made apart."""
FINE = Proof(3, "as it should be")


# Task sets


@cache
def data_of(split: str = "train", count: int = 25, seed: int = 7) -> bytes:
    """Return a small task set as bytes."""
    order = Order("airline", split=split, depth=(1, 3), breadth=(1, 3), count=count, seed=seed)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "tasks.jsonl"
        produce(order, out, command="made by a test")
        return out.read_bytes()


def pack_of(split: str = "train") -> Pack:
    """Return a small certified task set."""
    return parse_pack(split, data_of(split))


def find(wanted: Callable[[Line], Any], split: str = "train") -> Line:
    """Return a copy of the first line that is as wanted."""
    for line in map(copy, pack_of(split).lines):
        if wanted(line):
            return line
    raise AssertionError(f"the small set of {split} has no such task; let it have more")


def copy(line: Line) -> Line:
    """Return a copy that shares nothing."""
    found: Line = loads(canonical(line))
    return found


def signed(line: Line) -> Line:
    """Return the line with the id that it ought to have, as a forger would write it."""
    bare = {key: value for key, value in line.items() if key not in ("id", "certificate")}
    return line | {"id": Task.model_validate(bare).id}


def file_of(lines: Sequence[Line], like: str = "train", **head: Any) -> Pack:
    """Return a set of these lines, with a split's head that counts them right, written and read again."""
    absent: dict[str, int] = {}
    for line in lines:
        for name, proof in line.get("certificate", {}).get("proofs", {}).items():
            if not proof[0]:
                absent[name] = absent.get(name, 0) + 1
    made = pack_of(like).header["made"] | {"not_applicable": absent}
    header = pack_of(like).header | {"tasks": len(lines), "made": made} | head
    return parse_pack("forged", "".join(canonical(each) + "\n" for each in [header, *lines]).encode())


def lies(lines: Sequence[Line], like: str = "train", **head: Any) -> list[Lie]:
    """Return what does not hold of a task set of these lines."""
    return list(recheck(file_of(lines, like, **head)))


# Tasks under proof


@cache
def generator() -> Generator:
    """Return the airline's generator."""
    found: Generator = catalog.generator("airline")
    return found


@cache
def stage_of(*address: str | int) -> Stage:
    """Return an opened world."""
    return generator().vocabulary.stage(pool.image("airline", address, "S"))


def stage() -> Stage:
    """Return the world in which tasks under proof stand."""
    return stage_of("certified", 0)


def case_of(plan: Plan) -> Case:
    """Return the task of a plan under proof."""
    assembly = Assembly(generator().domain, generator().vocabulary, stage(), plan, ("certified", 0, "task"))
    task = assembly.made("S", "")
    return Case(generator().domain, generator().vocabulary, stage(), task, assembly)


def spoilt(case: Case, **changes: Any) -> Case:
    """Return the case with a task that was changed behind its plan's back."""
    task = case.task.model_copy(update=changes)
    return Case(case.domain, case.words, case.stage, task, case.assembly)


def stored(index: int, split: str = "train") -> tuple[Case, Certificate]:
    """Return a task of the small task set under proof, and its certificate."""
    pack = pack_of(split)
    task, certificate = pack.at(index), certificate_of(pack, index)
    scene = stage_of(*task.world)
    assert task.plan is not None
    assembly = Assembly(generator().domain, generator().vocabulary, scene, task.plan, certificate.address)
    return Case(generator().domain, generator().vocabulary, scene, task, assembly), certificate


def plans() -> Iterator[AirlinePlans]:
    """Yield what can be wanted by each customer with a credit card."""
    words = generator().vocabulary
    for customer in stage().customers:
        try:
            yield AirlinePlans(words, stage(), customer)
        except IndexError:
            continue


def checks() -> Mapping[str, Check]:
    """Return every check that needs nothing but the case, by obligation."""
    return {name: check for table in TABLES for name, check in table.items()}


def objections(make: Callable[[], Case]) -> set[str]:
    """Return the obligations that a task does not meet, each asked by itself about a fresh case."""
    return {name for name, check in checks().items() if objects(check, make())}


def objects(check: Check, case: Case) -> bool:
    """Whether a check finds fault."""
    try:
        check(case)
    except Unproved:
        return True
    return False
