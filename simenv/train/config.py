"""What a training run is told: one frozen model per job; its digest stands in every row and checkpoint."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError, UsageError
from simenv.train.guards import GuardConfig


class Config(BaseModel):
    """What all jobs share.

    Attributes:
        env: The environment, such as ``"simenv/airline-v0"``.
        tasks: What is trained on: ``"train"``, a pack file, ``"synth:depth=1:2"``, or
            ``"simple:cancel+price_paid"`` for ungrown tasks of those intents.
        held_out: What success is measured on: as ``tasks``, in worlds of the test split.
        face: How things are shown.
        model: Folder of a transformers checkpoint or of a run; "" for a small decoder from nothing.
        size: Of the small decoder.
        vocab: Of its tokenizer.
        seed: Of every choice.
        device: ``"cpu"``, ``"cuda"`` or "" for what is there.
        dtype: Of weights and activations.
        checkpointing: Whether activations are computed again in the backward pass.
        room: Longest episode, in tokens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    env: str = "simenv/airline-v0"
    tasks: str = "train"
    held_out: str = "test"
    face: Literal["full", "compact"] = "compact"
    model: str = ""
    size: str = "1m"
    vocab: int = Field(default=2000, ge=264)
    seed: int = Field(default=0, ge=0)
    device: str = ""
    dtype: Literal["float32", "bfloat16"] = "float32"
    checkpointing: bool = False
    room: int = Field(default=1024, ge=64)

    @property
    def digest(self) -> str:
        """Digest of every field that decides results."""
        return digest(canonical({"job": type(self).__name__} | self.model_dump(mode="json")))


class SftConfig(Config):
    """Supervised fine-tuning on demonstrations of the oracle.

    Attributes:
        demos: How many demonstrations.
        kinds: Shares of the kinds: ``plain``, ``recovery`` (mistakes are shown, not taught), ``refusal`` (no
            is right), ``answer`` (no call is needed).
        validation: How many more, from held-out worlds, say when to stop.
        steps: Most optimizer steps.
        batch_tokens: Tokens of one step, padding included.
        lr: Of AdamW; of a small decoder's embeddings and norms.
        matrix_lr: Of Muon, on the matrices of a small decoder that is trained from nothing.
        context_weight: Weight of tokens that the model only reads, falling to 0 over the first two thirds.
        every: Steps between looks at the validation loss.
        patience: Looks without a new best before it stops; the best weights are kept.
        rank: Of rsLoRA; 0 trains every weight.
        alpha: Of rsLoRA.
    """

    demos: int = Field(default=1000, ge=1)
    kinds: dict[Literal["plain", "recovery", "refusal", "answer"], int] = {"plain": 1}
    validation: int = Field(default=64, ge=1)
    steps: int = Field(default=400, ge=1)
    batch_tokens: int = Field(default=2048, ge=64)
    lr: float = Field(default=3e-3, gt=0)
    matrix_lr: float = Field(default=0.02, gt=0)
    context_weight: float = Field(default=0.2, ge=0, le=1)
    every: int = Field(default=50, ge=1)
    patience: int = Field(default=3, ge=1)
    rank: int = Field(default=0, ge=0)
    alpha: float = Field(default=16.0, gt=0)


class GrpoConfig(Config):
    """Group-relative policy optimization with rsLoRA.

    Attributes:
        steps: Optimizer windows.
        groups: Groups with a signal per window.
        group: Rollouts per group.
        refills: How many times ``groups`` are sampled at most to find groups that have a signal.
        rank: Of rsLoRA; at least 1.
        alpha: Of rsLoRA.
        lr: Of AdamW on the adapter.
        updates: Passes over a window.
        micro_tokens: Tokens of one forward pass, padding included.
        advantage: A name of ``ADVANTAGES``.
        loss: A name of ``POLICY_LOSSES``.
        options: Bounds of the loss.
        correction: A name of ``CORRECTIONS`` for what sampler and trainer disagree in.
        beta: Weight of the KL to the reference.
        kl: A name of the estimators.
        refresh: Steps after which the reference becomes the policy; 0 for never.
        entropy: Weight of the entropy.
        aggregation: A name of ``AGGREGATIONS``.
        credit: A name of ``CREDITS``.
        gamma: Of the credit.
        mask_reasons: Why an episode that did worse than its group and was cut off is masked; () punishes all.
        negatives_only: Whether only negative advantages train.
        guide: Whether a group that failed whole is tried again with a hint from the task's own program.
        reward: ``"binary"``, or ``"composite"``, which pays for form too and is here to be studied only.
        temperature: Of sampling.
        turn_tokens: Longest turn.
        clip_norm: Largest norm of the gradient.
        workers: Processes of the environment; 0 for none.
        save_every: Steps between checkpoints.
        evaluate_every: Steps between looks at held-out tasks; 0 for the end only.
        evaluations: How many held-out tasks.
        guards: Where training stops itself.
    """

    steps: int = Field(default=20, ge=0)
    groups: int = Field(default=8, ge=1)
    group: int = Field(default=8, ge=2)
    refills: int = Field(default=3, ge=1)
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=16.0, gt=0)
    lr: float = Field(default=1e-3, gt=0)
    updates: int = Field(default=1, ge=1)
    micro_tokens: int = Field(default=8192, ge=64)
    advantage: str = "rloo"
    loss: str = "ppo"
    options: dict[str, float] = {}
    correction: str = "none"
    beta: float = Field(default=0.001, ge=0)
    kl: str = "k3+"
    refresh: int = Field(default=100, ge=0)
    entropy: float = Field(default=0.0, ge=0)
    aggregation: str = "token_mean"
    credit: str = "outcome"
    gamma: float = Field(default=0.9, gt=0, le=1)
    mask_reasons: tuple[str, ...] = ("context", "env_error", "max_tokens", "max_turns", "timeout")
    negatives_only: bool = False
    guide: bool = False
    reward: Literal["binary", "composite"] = "binary"
    temperature: float = Field(default=1.0, gt=0)
    turn_tokens: int = Field(default=160, ge=1)
    clip_norm: float = Field(default=1.0, gt=0)
    workers: int = Field(default=0, ge=0)
    save_every: int = Field(default=10, ge=1)
    evaluate_every: int = Field(default=0, ge=0)
    evaluations: int = Field(default=100, ge=1)
    guards: GuardConfig = GuardConfig()


def with_settings(config: type[Config], settings: list[str], **given: Any) -> Config:
    """Return a config from keyword arguments and ``KEY=VALUE`` texts, which win.

    Raises:
        UsageError: If a setting is unknown, malformed or out of range; it names the field.
    """
    values = dict(given)
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"a setting is KEY=VALUE, got {text!r}; an example is lr=0.001")
        values[key] = value.split(",") if key == "mask_reasons" else value
    return checked(config, values)


def checked(config: type[Config], values: dict[str, Any]) -> Config:
    """Return the config of those values.

    Raises:
        UsageError: If one is unknown or out of range.
    """
    try:
        return config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        known = ", ".join(sorted(config.model_fields))
        raise UsageError(
            f"{field} = {first.get('input')!r}: {first['msg'].lower()}. "
            f"Settings of {config.__name__}: {known}"
        ) from None


def read_config(path: Path, config: type[Config]) -> Config:
    """Return the config that a run folder holds.

    Raises:
        DataError: If it is not one of this kind.
    """
    try:
        return config.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise DataError(
            path, 0, f"not a {config.__name__}: {error.errors()[0]['msg']}", "Start anew"
        ) from None


class Cursor(BaseModel):
    """Where a run stands: all of its state that is no tensor.

    Attributes:
        step: Steps that are done.
        task: Tasks that were drawn.
    """

    model_config = ConfigDict(extra="forbid")
    step: int = 0
    task: int = 0

    def advanced(self, tasks: int) -> Self:
        """Return the cursor after one more step."""
        return self.model_copy(update={"step": self.step + 1, "task": self.task + tasks})
