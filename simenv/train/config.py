"""What a training run is told: one frozen model per job; its digest stands in every row and checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from typing_extensions import override

from simenv.core.canonical import canonical, digest, parse_trusted
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.episodes.context import Memory
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
        turn_tokens: Longest turn.
        context: What becomes of an episode that outgrows ``room``: ``"whole"`` cuts the episode off,
            ``"cut"`` cuts its older turns to a line each and goes on, in a new sequence of tokens.
        recalls: With ``"cut"``, how often an episode may see again what was cut.
        notes: With ``"cut"``, how many notes it may keep in view.
        temperature: Of sampling, in training and when success is measured.
        evaluations: How many held-out tasks success is measured on.
        validation: How many demonstrations of other held-out tasks say how well it predicts them; in
            supervised training also when to stop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
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
    turn_tokens: int = Field(default=160, ge=1)
    context: Literal["whole", "cut"] = "whole"
    recalls: int = Field(default=40, ge=0)
    notes: int = Field(default=60, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    evaluations: int = Field(default=100, ge=1)
    validation: int = Field(default=64, ge=1)

    @property
    def digest(self) -> str:
        """Digest of every field that decides what a step does."""
        told = self.model_dump(mode="json", exclude=set(self.free()))
        return digest(canonical({"job": type(self).__name__} | told))

    @property
    def memory(self) -> Memory | None:
        """How episodes that outgrow the room go on; None where they are cut off."""
        return Memory(recalls=self.recalls, notes=self.notes) if self.context == "cut" else None

    @classmethod
    def free(cls) -> tuple[str, ...]:
        """Return the fields that may change while a run goes on."""
        return ()


_C = TypeVar("_C", bound=Config)


class SftConfig(Config):
    """Supervised fine-tuning on demonstrations of the oracle.

    Attributes:
        demos: How many demonstrations.
        kinds: Shares of the kinds: ``plain``, ``recovery`` (mistakes are shown, not taught), ``refusal`` (no
            is right), ``answer`` (no call is needed).
        steps: Most optimizer steps.
        batch_tokens: Tokens of one step, padding included.
        lr: Of AdamW; of a small decoder's embeddings and norms.
        matrix_lr: Of Muon, on the matrices of a small decoder that is trained from nothing.
        context_weight: Weight of tokens that the model only reads, falling to 0 over the first two thirds.
        every: Steps between looks at the validation loss.
        patience: Looks without a new best before it stops; the best weights are kept.
        rank: Of rsLoRA; 0 trains every weight of a small decoder.
        alpha: Of rsLoRA.
        runs: Logs of ``simenv run`` whose successful episodes are the demonstrations instead of the oracle's.
        save_every: Steps between checkpoints.
    """

    demos: int = Field(default=1000, ge=1)
    kinds: dict[Literal["plain", "recovery", "refusal", "answer"], int] = {"plain": 1}
    steps: int = Field(default=400, ge=1)
    batch_tokens: int = Field(default=2048, ge=64)
    lr: float = Field(default=3e-3, gt=0)
    matrix_lr: float = Field(default=0.02, gt=0)
    context_weight: float = Field(default=0.2, ge=0, le=1)
    every: int = Field(default=50, ge=1)
    patience: int = Field(default=3, ge=1)
    rank: int = Field(default=0, ge=0)
    alpha: float = Field(default=16.0, gt=0)
    runs: tuple[str, ...] = ()
    save_every: int = Field(default=100, ge=1)

    @override
    @classmethod
    def free(cls) -> tuple[str, ...]:
        return ("save_every",)


_NAMES: Mapping[str, Sequence[str]] = {
    "advantage": (
        "batch", "dr_grpo", "grpo", "grpo_rllm", "grpo_verl", "maxrl", "reinforce", "rloo",
    ),
    "loss": (
        "cispo_both", "cispo_upper", "dppo_tv", "dual_clip", "gspo", "gspo_plain", "ppo", "reinforce", "sapo",
    ),
    "correction": (
        "geometric_mask", "icepop", "none", "sequence_mask", "sequence_truncate", "token_truncate",
    ),
    "kl": ("k1", "k2", "k3", "k3+", "k3_clamped"),
    "aggregation": ("dr_grpo", "seq_mean_token_mean", "seq_mean_token_sum", "token_mean"),
    "credit": ("gamma_step", "gamma_total", "outcome"),
    "mask_reasons": ("context", "env_error", "max_tokens", "max_turns", "timeout"),
}  # fmt: skip
"""The registries' names; they stand here because this module is read without torch."""


class GrpoConfig(Config):
    """Group-relative policy optimization with rsLoRA.

    Attributes:
        steps: Optimizer windows.
        groups: Groups with a signal per window: their rewards differ; with ``reinforce`` they may all be 1.
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
        correction_options: Its bounds.
        off_policy_mask: By how many nats per token, on average, a rollout may have become unlikelier since it
            was sampled before it is left out, if it did worse than its group; None for no limit.
        beta: Weight of the KL to the reference.
        kl: A name of the estimators.
        refresh: Steps after which the reference becomes the policy; 0 for never.
        entropy: Weight of the entropy; below 0 it is punished, so that what is drawn comes closer to what is
            likeliest.
        aggregation: A name of ``AGGREGATIONS``.
        credit: A name of ``CREDITS``.
        gamma: Of the credit.
        mask_reasons: Why an episode that did worse than its group and was cut off is masked; () punishes all.
            Nothing is blamed with ``reinforce``.
        negatives_only: Whether only negative advantages train.
        guide: Whether a group that failed whole is tried again with a hint from the task's own program.
        reward: ``"binary"``, or ``"composite"``, which pays for form too and is here to be studied only.
        clip_norm: Largest norm of the gradient.
        workers: Processes of the environment; 0 for none.
        save_every: Steps between checkpoints.
        evaluate_every: Steps between looks at held-out tasks; 0 for the end only.
        guards: Where training stops itself.
    """

    steps: int = Field(default=20, ge=0)
    groups: int = Field(default=8, ge=1)
    group: int = Field(default=8, ge=2)
    refills: int = Field(default=3, ge=1, le=40)
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=16.0, gt=0)
    lr: float = Field(default=1e-3, gt=0)
    updates: int = Field(default=1, ge=1)
    micro_tokens: int = Field(default=8192, ge=64)
    advantage: str = "rloo"
    loss: str = "ppo"
    options: dict[str, float] = {}
    correction: str = "none"
    correction_options: dict[str, float] = {}
    off_policy_mask: float | None = Field(default=None, gt=0)
    beta: float = Field(default=0.001, ge=0)
    kl: str = "k3+"
    refresh: int = Field(default=100, ge=0)
    entropy: float = 0.0
    aggregation: str = "token_mean"
    credit: str = "outcome"
    gamma: float = Field(default=0.9, gt=0, le=1)
    mask_reasons: tuple[str, ...] = ("context", "env_error", "max_tokens", "max_turns", "timeout")
    negatives_only: bool = False
    guide: bool = False
    reward: Literal["binary", "composite"] = "binary"
    clip_norm: float = Field(default=1.0, gt=0)
    workers: int = Field(default=0, ge=0)
    save_every: int = Field(default=10, ge=1)
    evaluate_every: int = Field(default=0, ge=0)
    guards: GuardConfig = GuardConfig()

    @field_validator("advantage", "loss", "correction", "kl", "aggregation", "credit", "mask_reasons")
    @classmethod
    def _known(cls, value: Any, about: ValidationInfo) -> Any:
        """Refuse a name that no registry has; a group without signal would never look it up."""
        names = _NAMES[str(about.field_name)]
        for each in value if isinstance(value, tuple) else (value,):
            if each not in names:
                raise ValueError(f"no such name: {each!r}; known: {', '.join(names)}")
        return value

    @override
    @classmethod
    def free(cls) -> tuple[str, ...]:
        # A window is the same however many are to come and wherever its episodes are played.
        return ("steps", "save_every", "workers")


def with_settings(config: type[_C], settings: Sequence[str], **given: Any) -> _C:
    """Return a config from keyword arguments and ``KEY=VALUE`` texts, which win.

    A field of several values takes ``a,b``, a field of named values ``a:1,b:2``; the fields of guards are
    ``guards.NAME``, and ``none`` is no value.

    Raises:
        UsageError: If a setting is unknown, malformed or out of range; it names the field.

    Example:
        >>> with_settings(SftConfig, ["kinds=plain:3,recovery:1"]).kinds
        {'plain': 3, 'recovery': 1}
    """
    values = dict(given)
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"a setting is KEY=VALUE, got {text!r}; an example is lr=0.001")
        outer, dot, inner = key.partition(".")
        if dot:
            values[outer] = {**values.get(outer, {}), inner: None if value == "none" else value}
        else:
            values[key] = _read_value(config, key, value)
    return checked(config, values)


def _read_value(config: type[Config], key: str, value: str) -> Any:
    field = config.model_fields.get(key)
    default = field.default if field else None
    if isinstance(default, tuple):
        return [each for each in value.split(",") if each]
    if isinstance(default, dict):
        return dict(each.partition(":")[::2] for each in value.split(",") if each)
    return value


def checked(config: type[_C], values: Mapping[str, Any]) -> _C:
    """Return the config of those values.

    Raises:
        UsageError: If one is unknown or out of range.
    """
    try:
        return config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise UnknownNameError(f"setting of {config.__name__}", field, config.model_fields) from None
        problem = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{field} = {first.get('input')!r}: {problem[:1].lower()}{problem[1:]}") from None


NOTES = ("job", "start", "versions")
"""What ``config.json`` of a run folder holds besides the config."""


def read_config(path: Path, config: type[_C]) -> _C:
    """Return the config that the ``config.json`` of a run folder holds.

    Raises:
        DataError: If it cannot be read, or is not one of this kind.
    """
    told = read_notes(path)
    try:
        return config.model_validate({key: told[key] for key in told if key not in NOTES})
    except ValidationError as error:
        problem = f"not a {config.__name__}: {error.errors()[0]['msg']}"
        raise DataError(path, 0, problem, "Give another folder") from None


def read_notes(path: Path) -> dict[str, Any]:
    """Return all that the ``config.json`` of a run folder holds.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        told = parse_trusted(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, 0, f"cannot be read ({error})", "Give another folder") from None
    if not isinstance(told, dict):
        raise DataError(path, 0, "not a JSON object", "Give another folder")
    return told


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
