"""Certifying asks every check, takes no empty proof for one, and keeps what is new to its split."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from simenv.synth import certify as certifying
from simenv.synth.case import Case
from simenv.synth.certificate import ALWAYS, OBLIGATIONS, Certificate, Proof, Unproved
from simenv.synth.certify import certify, new, refuse_empty
from simenv.synth.grow import held_out, operators
from tests.proved import TABLES, generator, spoilt, stored

# P15 is about a set as well


def novel(split: str, lineage: tuple[str, ...] = (), *, seen: bool = False, address: str = "train") -> Proof:
    case = stored(0)[0]
    moved = spoilt(case, world=["airline", address, 7, 0])
    return new(moved, split, lineage, lambda task: seen)


REASONS = {
    "belongs to another split": lambda: novel("test", address="test"),
    "kept for the test split": lambda: novel("train", kept_pair()),
    "world belongs": lambda: novel("train", address="test"),
    "in the pack already": lambda: novel("train", seen=True),
}


def kept_pair() -> tuple[str, str]:
    """Return the first two operators that only tasks of the test split may both have."""
    names = sorted(certifying_operators())
    return next((one, other) for one in names for other in names if one < other and held_out(one, other))


def certifying_operators() -> Mapping[str, Any]:
    return operators(generator().vocabulary, generator().domain)


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_not_new_is_no_proof(reason: str) -> None:
    assert novel("train").checks == 4
    with pytest.raises(Unproved, match=reason) as fault:
        REASONS[reason]()
    assert fault.value.obligation == "P15"


def test_the_order_of_operators_does_not_free_a_pair_that_is_kept() -> None:
    one, other = kept_pair()
    for lineage in ((one, other), (other, one), (one, "superlative", other)):
        with pytest.raises(Unproved, match="kept for the test split"):
            novel("train", lineage)


# Certifying asks them all


def certified(case: Case, lineage: tuple[str, ...], **more: Any) -> Certificate:
    return certify(
        case.domain,
        case.words,
        case.stage,
        case.task,
        case.assembly,
        split="train",
        lineage=lineage,
        aim={},
        operators=dict(certifying_operators()),
        **more,
    )


def complaint(obligation: str) -> Callable[..., Proof]:
    def check(case: Case, *more: Any) -> Proof:
        raise Unproved(obligation, "so it is")

    return check


@pytest.mark.parametrize("obligation", OBLIGATIONS)
def test_certifying_asks_every_check(obligation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, certificate = stored(0)
    assert certified(case, certificate.lineage).proofs == certificate.proofs
    if obligation == "P15":
        monkeypatch.setattr(certifying, "new", complaint(obligation))
    else:
        table = next(table for table in TABLES if obligation in table)
        monkeypatch.setitem(table, obligation, complaint(obligation))
    with pytest.raises(Unproved, match="so it is") as fault:
        certified(stored(0)[0], certificate.lineage)
    assert fault.value.obligation == obligation


@pytest.mark.parametrize("obligation", OBLIGATIONS)
def test_a_proof_without_a_check_is_none(obligation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unproved, match="nothing was checked"):
        refuse_empty({obligation: Proof(0, "all is well")})
    excused = {obligation: Proof(0, "n/a: there is no such thing")}
    if obligation in ALWAYS:
        with pytest.raises(Unproved, match="nothing was checked"):
            refuse_empty(excused)
    else:
        refuse_empty(excused)
    # Certifying looks at them, whatever check they come from.
    table = next((table for table in TABLES if obligation in table), None)
    if table is not None:
        monkeypatch.setitem(table, obligation, lambda case: Proof(0, "all is well"))
        case, certificate = stored(0)
        with pytest.raises(Unproved, match="nothing was checked"):
            certified(case, certificate.lineage)


def test_an_operator_that_no_rung_misses_is_vacuous() -> None:
    case, certificate = stored(0)
    missed = [
        name for name, each in certifying_operators().items() if not {*each.rungs} & {*certificate.ladder}
    ]
    with pytest.raises(Unproved, match="vacuous"):
        certified(case, (missed[0],))
