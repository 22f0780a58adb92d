"""The certificate that a task carries: fifteen obligations, each with how much was checked and a witness.

P1 solvable, P2 nothing for doing nothing, P3 nothing for cheats, P4 references are unique, P5 the order
does not matter, P6 every deed is necessary, P7 every value said is necessary, P8 every step is necessary, P9
the goal is precise, P10 nothing leaks, P11 no shortcut, P12 what is asked for must be asked for, P13 the
policy is kept, P14 the task is what its plan says, P15 it is new.
"""

from dataclasses import dataclass, field
from typing import Any

from simenv.core.errors import DataError
from simenv.core.pack import CERTIFICATES
from simenv.synth.lockline import Line, line_from, line_json

VERSION = CERTIFICATES
OBLIGATIONS = {
    "P1": "solvable",
    "P2": "nothing for doing nothing",
    "P3": "nothing for cheats",
    "P4": "references are unique",
    "P5": "the order does not matter",
    "P6": "every deed is necessary",
    "P7": "every value said is necessary",
    "P8": "every step is necessary",
    "P9": "the goal is precise",
    "P10": "nothing leaks",
    "P11": "no shortcut",
    "P12": "what is asked for must be asked for",
    "P13": "the policy is kept",
    "P14": "the task is what its plan says",
    "P15": "it is new",
}

ALWAYS = frozenset(OBLIGATIONS) - {"P4", "P5", "P7", "P10", "P11", "P12"}
"""Obligations of which every task has something to check."""


class Unproved(Exception):
    """A task does not meet an obligation.

    Attributes:
        obligation: ``"P1"`` to ``"P15"``, or ``"ladder"``.
        reason: Why not, in few words that reasons are counted by.
        witness: What shows it.
    """

    def __init__(self, obligation: str, reason: str, witness: str = "") -> None:
        super().__init__(
            f"{obligation} ({OBLIGATIONS.get(obligation, obligation)}): {reason}. {witness}".rstrip()
        )
        self.obligation, self.reason, self.witness = obligation, reason, witness


@dataclass(frozen=True, slots=True)
class Proof:
    """What one obligation rests on.

    Attributes:
        checks: How many checks were made; 0 only where it does not apply.
        witness: What was seen, short; where it does not apply, why.
    """

    checks: int
    witness: str

    @property
    def applies(self) -> bool:
        """Whether there was anything to check."""
        return self.checks > 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """All that is proved of one task.

    Attributes:
        proofs: Obligation to its proof.
        depth: As measured.
        breadth: As measured.
        ladder: Rungs that fail.
        difficulty: Prior difficulty, in logits.
        lineage: Operators by which it grew, in order.
        aim: What growth was told, so that it can be grown again: depth, breadth, split, operators, weights.
        address: Where all of it was drawn.
        twin: Id of the task whose near twin this is, or "".
        phrases: Lock lines of the requests that are said in other words.
    """

    proofs: dict[str, Proof]
    depth: int
    breadth: int
    ladder: tuple[str, ...]
    difficulty: int
    lineage: tuple[str, ...]
    aim: dict[str, Any]
    address: tuple[str | int, ...]
    twin: str = ""
    phrases: tuple[Line, ...] = ()
    version: int = field(default=VERSION)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        more: dict[str, Any] = {"twin": self.twin} if self.twin else {}
        if self.phrases:
            more["phrases"] = [line_json(each) for each in self.phrases]
        return {
            "version": self.version,
            "proofs": {name: [proof.checks, proof.witness] for name, proof in self.proofs.items()},
            "depth": self.depth,
            "breadth": self.breadth,
            "ladder": list(self.ladder),
            "difficulty": self.difficulty,
            "lineage": list(self.lineage),
            "aim": self.aim,
            "address": list(self.address),
        } | more

    @staticmethod
    def from_json(data: Any, place: str, line: int) -> "Certificate":
        """Return the certificate that ``to_json`` described.

        Raises:
            DataError: If it is none, or of another version.
        """
        way_out = "Make the tasks again with `simenv synth`"
        if not isinstance(data, dict) or not isinstance(data.get("proofs"), dict):
            raise DataError(place, line, "the task carries no certificate", way_out)
        if data.get("version") != VERSION:
            found = data.get("version")
            raise DataError(
                place, line, f"a certificate of version {found}, this simenv reads {VERSION}", way_out
            )
        try:
            return Certificate(
                proofs={
                    name: Proof(int(checks), str(seen)) for name, (checks, seen) in data["proofs"].items()
                },
                depth=int(data["depth"]),
                breadth=int(data["breadth"]),
                ladder=tuple(map(str, data["ladder"])),
                difficulty=int(data["difficulty"]),
                lineage=tuple(map(str, data["lineage"])),
                aim=dict(data["aim"]),
                address=tuple(data["address"]),
                twin=str(data.get("twin", "")),
                phrases=tuple(line_from(each) for each in data.get("phrases", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(place, line, f"a broken certificate: {error!r}", way_out) from None
