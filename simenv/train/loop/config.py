"""What a closed loop is told: everything that GRPO is, and how its rounds go."""

from pathlib import Path

from pydantic import Field
from typing_extensions import override

from simenv.core.canonical import canonical
from simenv.core.errors import UsageError
from simenv.train.config import GrpoConfig, SftConfig, read_config
from simenv.train.folder import write
from simenv.train.models.policy import CONFIG
from simenv.train.tasks import SIMPLE

LESSONS = SIMPLE + "+".join(
    (
        "compensation_denied",
        "change_passengers_denied",
        "refund_total",
        "price_paid",
        "cancel",
        "cancel_denied",
    )
)
"""Intents that a decoder of a million weights can learn in minutes."""


class LoopConfig(GrpoConfig):
    """A closed loop: run, score, explain, synthesize, train, test, round after round.

    Attributes:
        tasks: What tasks are made of: ``"synth:..."`` for certified tasks that are grown, their operators
            chosen by abilities, or ``"simple:A+B"`` for lessons, ungrown tasks chosen by intent.
        held_out: What is played before and after; "" for the same kind of tasks in worlds of the test split.
        rounds: How many; more may be asked for later.
        held: How many held-out tasks are played in every round.
        made: How many tasks are made in every round.
        uniform: Whether weaknesses are left aside: the control.
        steps: GRPO steps of a round, at most.
        rollouts: Rollouts of a round, at most; 0 for any number. With ``refills`` a step takes as many as it
            needs to find groups that teach something, so tasks at the right level buy more steps.
        sft_steps: Steps on the oracle's demonstrations of the made tasks before them; a small decoder needs
            some.
        sft_lr: Of these steps.
        sft_matrix_lr: Of Muon in these steps.
        batch_tokens: Tokens of one step on demonstrations.
        validation: Demonstrations in other worlds that say when to stop.
        start_demos: Demonstrations that a decoder from nothing begins with, where no model is given.
        start_steps: Steps on them.
        start_lr: Of these steps.
        false_alarm: The chance that the gate rejects a round that lost nothing.
        held_back: Of 100 held-out tasks, those that are tested but explain nothing and choose nothing.
    """

    tasks: str = LESSONS
    held_out: str = ""
    steps: int = Field(default=6, ge=0)
    rollouts: int = Field(default=0, ge=0)
    rounds: int = Field(default=3, ge=1)
    held: int = Field(default=96, ge=2)
    made: int = Field(default=96, ge=1)
    uniform: bool = False
    sft_steps: int = Field(default=40, ge=0)
    sft_lr: float = Field(default=2e-3, gt=0)
    sft_matrix_lr: float = Field(default=0.01, gt=0)
    batch_tokens: int = Field(default=2048, ge=64)
    validation: int = Field(default=48, ge=1)
    start_demos: int = Field(default=600, ge=1)
    start_steps: int = Field(default=360, ge=1)
    start_lr: float = Field(default=6e-3, gt=0)
    false_alarm: float = Field(default=0.05, gt=0, lt=1)
    held_back: int = Field(default=20, ge=0, lt=100)

    @override
    @classmethod
    def free(cls) -> tuple[str, ...]:
        return ("rounds", "workers", "save_every")

    @property
    def tested(self) -> str:
        """The spec of the held-out tasks."""
        return self.held_out or self.tasks

    def of_grpo(self, number: int, tasks: Path) -> GrpoConfig:
        """Return what GRPO is told in a round."""
        values = {name: getattr(self, name) for name in GrpoConfig.model_fields}
        return GrpoConfig(**values | {"tasks": str(tasks), "seed": self.seed * 1000 + number})

    def of_sft(self, number: int) -> SftConfig:
        """Return what SFT is told in a round; round 0 is the beginning."""
        own = {name: getattr(self, name) for name in _OF_BOTH}
        # A step must hold the longest demonstration, and those are as long as an episode may be.
        own["batch_tokens"] = max(self.batch_tokens, self.room)
        first = {"steps": self.start_steps, "lr": self.start_lr, "every": max(1, self.start_steps // 4)}
        later = {
            "steps": max(1, self.sft_steps),
            "lr": self.sft_lr,
            "matrix_lr": self.sft_matrix_lr,
            "context_weight": 0.0,
            "every": max(1, self.sft_steps // 2),
        }
        return SftConfig(**own | (later if number else first) | {"seed": self.seed * 1000 + number})


_OF_BOTH = ("env", "face", "room", "turn_tokens", "context", "recalls", "notes", "rank", "alpha")
FIRST = Path("rounds", "00", "model")
"""The policy that a loop begins with."""


def kept_config(config: LoopConfig, folder: Path) -> None:
    """Write the config of a loop, or see that it is the one that the folder was begun with.

    Until there is a policy, nothing was begun, and another config may take its place.

    Raises:
        UsageError: If it is another one; ``rounds`` may differ.
    """
    path = folder / CONFIG
    if path.exists() and (folder / FIRST).exists():
        before = read_config(path, LoopConfig)
        ours, theirs = config.model_dump(), before.model_dump()
        other = [name for name in ours if ours[name] != theirs[name] and name not in config.free()]
        if other:
            raise UsageError(
                f"{folder} was begun with {other[0]} = {theirs[other[0]]!r}, not {ours[other[0]]!r}; give "
                "the same settings to go on, or another --out"
            )
    write(path, canonical(config.model_dump(mode="json")) + "\n")
