"""Guards over metric rows: a run that has gone wrong stops, says why, and names what can be kept.

Each guard knows a way in which curves stay smooth while nothing is learned, or in which a policy falls apart
within a few steps. They read rows only, need no torch, and their memory is plain JSON that belongs in the
checkpoint: a resumed run stops at the step at which the whole one would have stopped.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from simenv.core.errors import SimenvError, UsageError

Row = Mapping[str, Any]

_NUMBERS = (
    "loss", "val_loss", "grad_norm", "kl_ref", "entropy",
    "mismatch_mean", "mismatch_max", "mismatch_k3", "update_ratio",
)  # fmt: skip
_REWARDS = ("reward_mean", "reward_std")
_COUNTS = ("mask_tokens", "tokens", "tokens_sampled")


class GuardConfig(BaseModel):
    """Where the guards stand; None turns one off, by name and in the config's digest.

    Attributes:
        equal_steps: Steps in a row in which no group had a signal: the rewards of each were equal, or with
            the advantage ``reinforce`` all 0.
        turns_from: The mean number of turns must have been above this for a fall to count.
        turns_to: A mean at or below this is a fall to one turn.
        unchanged_steps: Steps in a row after which the adapter was what it was before.
        mismatch: Largest mean of ``|sampler's - trainer's log-probability|`` and of its k3, in nats per
            token; bfloat16 may need more.
        repetition: Largest share of repeated n-grams, while the first steps were more than .25 below it.
        length_times: Largest mean length of a rollout, as a multiple of the first steps' median.
        length_of_cap: Largest mean length as a share of the cap, where the first steps were below half of it.
        kl: Largest mean k3 to the reference, in nats per token.
        first_steps: How many steps make the median that repetition and length are held against.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    equal_steps: int | None = Field(default=5, ge=1)
    turns_from: float | None = Field(default=2.0, ge=1)
    turns_to: float = Field(default=1.05, ge=1)
    unchanged_steps: int | None = Field(default=1, ge=1)
    mismatch: float | None = Field(default=0.015, gt=0)
    repetition: float | None = Field(default=0.5, gt=0, le=1)
    length_times: float | None = Field(default=3.0, gt=1)
    length_of_cap: float | None = Field(default=0.9, gt=0.5, le=1)
    kl: float | None = Field(default=1.0, gt=0)
    first_steps: int = Field(default=5, ge=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run has to stop.

    Attributes:
        guard: Name of the guard.
        reason: What was seen and where the limit is, with numbers, and what to try.
        step: The step of the row.
    """

    guard: str
    reason: str
    step: int


class NotFiniteError(SimenvError):
    """A policy gave no probabilities; where it happens in a training, the guard ``not_finite`` stops it."""


class TrainingStopped(SimenvError):
    """A guard stopped the run; its notes say which command goes on.

    Attributes:
        stop: Which guard and why.
        checkpoint: The last good checkpoint, or '' if there is none.
    """

    def __init__(self, stop: Stop, checkpoint: object = "", notes: Sequence[str] = ()) -> None:
        self.stop = stop
        self.checkpoint = "" if checkpoint is None else str(checkpoint)
        kept = (
            f"The last good checkpoint is {self.checkpoint}" if self.checkpoint else "There is no checkpoint"
        )
        super().__init__(
            f"training stopped at step {stop.step} by the guard {stop.guard!r}: {stop.reason}. {kept}."
        )
        for note in notes:
            self.add_note(note)


class Guards:
    """All guards with their memory.

    Args:
        config: Their limits.
        adapter_digest: Digest of the adapter before the first step; then a first step without effect shows.

    Example:
        >>> Guards(GuardConfig()).check({"step": 3, "loss": float("nan")}).guard
        'not_finite'
    """

    def __init__(self, config: GuardConfig, *, adapter_digest: str = "") -> None:
        self.config = config
        self._adapter = adapter_digest
        self._equal = self._unchanged = 0
        self._turns = 0.0
        self._first: dict[str, list[float]] = {"repetition": [], "length": []}

    def check(self, row: Row) -> Stop | None:
        """Return why the run has to stop after this row, or None.

        Call it once for every row, in order. A field that a row lacks, or that is None, says nothing.

        Args:
            row: The metrics of one step. Read are ``step``, ``loss``, ``val_loss``, ``grad_norm``,
                ``kl_ref``, ``entropy``, ``mismatch_mean``, ``mismatch_max``, ``mismatch_k3``,
                ``update_ratio``, ``reward_mean``, ``reward_std``, ``zero_variance`` (share of groups, 0 to
                1), ``turns``, ``adapter_digest``, ``lr``, ``proof_sampler``, ``proof_trainer``,
                ``repetition`` (0 to 1), ``length`` (mean sampled tokens of a rollout), ``length_cap``, and
                the counts ``mask_tokens``, ``tokens``, ``tokens_sampled``.
        """
        found: Stop | None = None
        for name, guard in self._guards().items():
            # Every guard sees every row, or the memory of one would depend on another.
            reason = guard(row)
            if reason and found is None:
                found = Stop(name, reason, int(row.get("step", 0)))
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all guards."""
        return tuple(self._guards())

    def _guards(self) -> dict[str, Callable[[Row], str]]:
        return {
            "reward_not_finite": _reward_not_finite,
            "not_finite": _not_finite,
            "mask_zero": _mask_zero,
            "stale_sampler": _stale_sampler,
            "mismatch": self._mismatch,
            "equal_groups": self._equal_groups,
            "adapter_unchanged": self._adapter_unchanged,
            "turns": self._turns_fell,
            "kl": self._kl,
            "repetition": self._repetition,
            "length": self._length,
        }

    def state(self) -> dict[str, Any]:
        """Return the memory as plain JSON."""
        return {
            "adapter": self._adapter,
            "equal": self._equal,
            "unchanged": self._unchanged,
            "turns": self._turns,
            "first": {name: list(seen) for name, seen in sorted(self._first.items())},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over the memory of another run's :meth:`state`.

        Raises:
            UsageError: If it is none.
        """
        if set(state) != set(self.state()):
            raise UsageError(f"the memory of guards has {sorted(self.state())}, got {sorted(state)}")
        self._adapter, self._turns = str(state["adapter"]), float(state["turns"])
        self._equal, self._unchanged = int(state["equal"]), int(state["unchanged"])
        self._first = {name: [float(each) for each in seen] for name, seen in state["first"].items()}

    def _mismatch(self, row: Row) -> str:
        limit = self.config.mismatch
        for name in ("mismatch_mean", "mismatch_k3"):
            seen = _number(row, name)
            if limit is not None and seen is not None and seen > limit:
                return (
                    f"{name} is {seen:.4g} nats per token, above {limit:g}: sampler and trainer do not "
                    "compute the same policy, so ratios mean nothing; compare their weights, dtype, masks "
                    "and positions"
                )
        return ""

    def _equal_groups(self, row: Row) -> str:
        share = _number(row, "zero_variance")
        if share is not None:
            self._equal = self._equal + 1 if share >= 1 else 0
        limit = self.config.equal_steps
        if limit is None or self._equal < limit:
            return ""
        return (
            f"the rewards of every group were equal for {self._equal} steps (mean reward "
            f"{row.get('reward_mean', 'unknown')}), so no gradient is left; where all fail go back to a "
            "checkpoint and lower the learning rate, where all succeed take harder tasks"
        )

    def _adapter_unchanged(self, row: Row) -> str:
        now, before = str(row.get("adapter_digest") or ""), self._adapter
        if not now:
            return ""
        self._adapter = now
        # Neither a warm-up step at rate 0 nor a step without any signal has to move weights.
        idle = _number(row, "lr") == 0 or (_number(row, "zero_variance") or 0) >= 1
        if idle:
            return ""
        self._unchanged = self._unchanged + 1 if now == before else 0
        limit = self.config.unchanged_steps
        if limit is None or self._unchanged < limit:
            return ""
        return (
            f"the adapter is {now} as it was {self._unchanged} step(s) ago, though there was something to "
            "learn: its parameters are frozen, not in the optimizer, or other than those that the model uses"
        )

    def _turns_fell(self, row: Row) -> str:
        now, limit = _number(row, "turns"), self.config.turns_from
        if now is None:
            return ""
        most = self._turns = max(self._turns, now)
        if limit is None or most <= limit or now > self.config.turns_to:
            return ""
        return (
            f"mean turns fell from {most:.4g} to {now:.4g}: the policy has stopped to call tools; reward "
            "what the turns achieve, or check that the masks of tool turns match what was sampled"
        )

    def _kl(self, row: Row) -> str:
        seen, limit = _number(row, "kl_ref"), self.config.kl
        if seen is None or limit is None or seen <= limit:
            return ""
        return (
            f"kl_ref is {seen:.4g} nats per token, above {limit:g}: the policy has left its reference; lower "
            "the learning rate, or refresh the reference more often"
        )

    def _repetition(self, row: Row) -> str:
        seen, limit = _number(row, "repetition"), self.config.repetition
        first = self._median("repetition", seen)
        if seen is None or limit is None or first is None or seen <= max(limit, first + 0.25):
            return ""
        return (
            f"{seen:.1%} of the n-grams in sampled text are repeated, above {limit:.1%} and more than 25 "
            f"points above the first steps ({first:.1%}): the policy repeats itself; lower the "
            "learning rate"
        )

    def _length(self, row: Row) -> str:
        seen, cap, config = _number(row, "length"), _number(row, "length_cap"), self.config
        first = self._median("length", seen)
        if seen is None or first is None:
            return ""
        if config.length_times is not None and seen > config.length_times * first:
            limit = f"{config.length_times:g} times the first steps' median of {first:.4g}"
        elif (
            config.length_of_cap is not None and cap and first < cap / 2 and seen > config.length_of_cap * cap
        ):
            limit = f"{config.length_of_cap:.0%} of the cap of {cap:g} (first steps' median {first:.4g})"
        else:
            return ""
        return (
            f"the mean length of a rollout is {seen:.4g} tokens, above {limit}: lengths explode; mask "
            "rollouts that were cut off, or lower the learning rate"
        )

    def _median(self, name: str, seen: float | None) -> float | None:
        """Return the median of the first steps before this one; remember this one if it is one of them."""
        kept = self._first[name]
        value = median(kept) if kept else None
        if seen is not None and len(kept) < self.config.first_steps:
            kept.append(seen)
        return value


def blind(row: Row) -> list[str]:
    """Return the fields of a GRPO row that guards read and the row lacks: what nothing watches over."""
    needed = (
        "loss", "grad_norm", "reward_mean", "zero_variance", "turns", "adapter_digest", "proof_sampler",
        "proof_trainer", "mismatch_mean", "mismatch_k3", "repetition", "length", "length_cap", "kl_ref",
        "tokens_sampled",
    )  # fmt: skip
    return [name for name in needed if row.get(name) is None]


def repetition(rollouts: Sequence[Sequence[int]], *, n: int = 4) -> float:
    """Return the share of n-grams of sampled token ids that repeat an earlier one of the same rollout.

    Args:
        rollouts: Sampled ids of each rollout; give turns one by one if calls alike are in order.
        n: Length of an n-gram, at least 1.

    Returns:
        0 to 1; 0 where no rollout has n ids.

    Example:
        >>> repetition([[1, 2, 1, 2, 1, 2]], n=2), repetition([[1, 2, 3, 4]], n=2)
        (0.6, 0.0)
    """
    if n < 1:
        raise UsageError(f"an n-gram has at least one token, got n={n}")
    total = distinct = 0
    for ids in rollouts:
        grams = [tuple(ids[at : at + n]) for at in range(len(ids) - n + 1)]
        total += len(grams)
        distinct += len(set(grams))
    return (total - distinct) / total if total else 0.0


def refuse_rewards(rewards: Sequence[float], names: Sequence[str]) -> None:
    """Refuse rewards of which one is not finite: a single NaN would become the whole group's advantage.

    Args:
        rewards: One per rollout.
        names: What each rollout is called in the error.

    Raises:
        UsageError: If one is NaN or infinite; the first is named.
    """
    for reward, name in zip(rewards, names, strict=True):
        if not math.isfinite(reward):
            raise UsageError(
                f"a reward is a finite number, got {reward} for {name}; the reward function has to return "
                "one, or end the rollout as not scorable"
            )


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _first_wild(row: Row, names: Sequence[str]) -> str:
    """Return the first of these fields that is not finite and what it is, or ""."""
    values = ((name, _number(row, name)) for name in names)
    return next((f"{name} is {v}" for name, v in values if v is not None and not math.isfinite(v)), "")


def _not_finite(row: Row) -> str:
    wild = _first_wild(row, _NUMBERS)
    return f"{wild}: lower the learning rate, clip gradients, or train in float32" if wild else ""


def _reward_not_finite(row: Row) -> str:
    wild = _first_wild(row, _REWARDS)
    return f"{wild}: a reward is not finite; look for the rollout in episodes.jsonl" if wild else ""


def _mask_zero(row: Row) -> str:
    # Where all rewards are equal no row may be left, which is another guard's matter.
    counts = _COUNTS[1:] if (_number(row, "zero_variance") or 0) >= 1 else _COUNTS
    for name in counts:
        if _number(row, name) == 0:
            return (
                f"{name} is 0: the mask is zero everywhere, so nothing is trained on; run simenv train doctor"
            )
    return ""


def _stale_sampler(row: Row) -> str:
    sampler, trainer = row.get("proof_sampler"), row.get("proof_trainer")
    if sampler is None or trainer is None or sampler == trainer:
        return ""
    return (
        f"the sampler used weights {sampler}, the trainer has {trainer}: rollouts came from another policy; "
        "send the adapter to the sampler before each step"
    )
