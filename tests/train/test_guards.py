"""Guards: each fires where it should, holds still beside that, and none fires on a healthy run."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import SimenvError, UsageError
from simenv.train.guards import GuardConfig, Guards, Stop, TrainingStopped, blind, refuse_rewards, repetition

Row = dict[str, Any]


def row(step: int, **fields: Any) -> Row:
    healthy: Row = {
        "step": step,
        "loss": 0.1,
        "grad_norm": 0.5,
        "lr": 1e-4,
        "reward_mean": 0.5,
        "reward_std": 0.5,
        "zero_variance": 0.25,
        "turns": 4.0,
        "adapter_digest": f"digest-{step}",
        "proof_sampler": f"proof-{step}",
        "proof_trainer": f"proof-{step}",
        "mismatch_mean": 1e-5,
        "mismatch_max": 2e-5,
        "mismatch_k3": 1e-9,
        "kl_ref": 0.01,
        "entropy": 0.7,
        "repetition": 0.1,
        "length": 100.0,
        "length_cap": 400,
        "tokens_sampled": 12_800,
        "mask_tokens": 12_800,
    }
    return healthy | fields


def run(rows: list[Row], **config: Any) -> Stop | None:
    guards = Guards(GuardConfig(**config), adapter_digest="digest-start")
    for each in rows:
        if stop := guards.check(each):
            return stop
    return None


def after(steps: int, **fields: Any) -> list[Row]:
    """Healthy steps and then one with other fields."""
    return [*(row(step) for step in range(steps)), row(steps, **fields)]


def steps_of(count: int, **fields: Any) -> list[Row]:
    return [row(step, **fields) for step in range(count)]


FIRES: list[tuple[str, list[Row], str]] = [
    ("not_finite", after(3, loss=math.nan), "loss is nan"),
    ("not_finite", after(3, grad_norm=math.inf), "grad_norm is inf"),
    ("not_finite", after(3, kl_ref=math.nan), "kl_ref is nan"),
    ("reward_not_finite", after(3, reward_mean=math.nan, loss=math.nan), "reward_mean is nan"),
    ("equal_groups", steps_of(5, zero_variance=1.0, reward_mean=0.0), "5 steps (mean reward 0.0)"),
    ("turns", after(3, turns=1.0), "from 4 to 1"),
    ("adapter_unchanged", after(3, adapter_digest="digest-2"), "digest-2"),
    ("adapter_unchanged", after(0, adapter_digest="digest-start"), "digest-start"),
    ("stale_sampler", after(3, proof_sampler="proof-0"), "proof-0"),
    ("mismatch", after(3, mismatch_mean=0.0151), "0.0151"),
    ("mismatch", after(3, mismatch_k3=0.02), "0.02"),
    ("kl", after(3, kl_ref=1.01), "1.01"),
    ("repetition", after(5, repetition=0.51), "51.0%"),
    ("length", after(5, length=301.0), "3 times the first steps' median of 100"),
    ("length", after(5, length=361.0, length_cap=400) , "90% of the cap"),
    ("mask_zero", after(3, mask_tokens=0), "mask_tokens is 0"),
    ("mask_zero", after(0, tokens=0), "tokens is 0"),
    ("mask_zero", after(3, tokens_sampled=0), "tokens_sampled is 0"),
]  # fmt: skip

NEAR: list[tuple[str, list[Row]]] = [
    ("not_finite", after(3, loss=1e30, grad_norm=0.0)),
    ("reward_not_finite", after(3, reward_mean=-5.0, reward_std=None)),
    ("equal_groups", [*steps_of(4, zero_variance=1.0), row(4), *(steps_of(9, zero_variance=1.0)[5:])]),
    ("equal_groups", steps_of(20, zero_variance=0.99)),
    ("turns", after(3, turns=1.06)),
    ("turns", [*steps_of(3, turns=2.0), row(3, turns=1.0)]),
    ("adapter_unchanged", after(3, adapter_digest="digest-2", lr=0.0)),
    ("adapter_unchanged", after(3, adapter_digest="digest-2", zero_variance=1.0)),
    ("stale_sampler", after(3, proof_sampler=None)),
    ("mismatch", after(3, mismatch_mean=0.015, mismatch_k3=0.015, mismatch_max=0.9)),
    ("kl", after(3, kl_ref=1.0)),
    ("repetition", after(5, repetition=0.5)),
    ("repetition", after(0, repetition=0.9)),
    ("repetition", [*steps_of(5, repetition=0.4), row(5, repetition=0.64)]),
    ("length", after(5, length=300.0)),
    ("length", [*steps_of(5, length=200.0), row(5, length=399.0)]),
    ("length", [*steps_of(5, length=121.0), row(5, length=360.0)]),
    ("mask_zero", after(3, mask_tokens=0, zero_variance=1.0)),
    ("mask_zero", after(3, mask_tokens=1, tokens=1, tokens_sampled=1)),
]  # fmt: skip


@pytest.mark.parametrize(("guard", "rows", "words"), FIRES)
def test_a_guard_fires_at_its_step_with_the_numbers(guard: str, rows: list[Row], words: str) -> None:
    config = {"length_times": None} if "cap" in words else {}
    stop = run(rows, **config)
    assert stop is not None
    assert (stop.guard, stop.step) == (guard, rows[-1]["step"])
    assert words in stop.reason


@pytest.mark.parametrize(("guard", "rows"), NEAR)
def test_a_near_miss_does_not_fire(guard: str, rows: list[Row]) -> None:
    assert run(rows) is None, guard


@pytest.mark.parametrize(
    ("field", "rows"),
    [
        ("equal_steps", FIRES[4][1]),
        ("turns_from", FIRES[5][1]),
        ("unchanged_steps", FIRES[6][1]),
        ("mismatch", FIRES[9][1]),
        ("kl", FIRES[11][1]),
        ("repetition", FIRES[12][1]),
        ("length_times", FIRES[13][1]),
    ],
)
def test_a_guard_is_off_only_by_its_name_in_the_config(field: str, rows: list[Row]) -> None:
    assert run(rows) is not None
    assert run(rows, **{field: None}) is None


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def healthy_runs(draw: st.DrawFn) -> list[Row]:
    # Whatever happens below the limits, in any order, with fields missing here and there.
    rows = []
    for step in range(draw(st.integers(1, 12))):
        fields = row(
            step,
            loss=draw(numbers),
            grad_norm=draw(st.floats(0, 1e6)),
            reward_mean=draw(st.floats(0, 1)),
            zero_variance=1.0 if step % 5 else draw(st.floats(0, 0.99)),
            turns=draw(st.floats(1.06, 30)),
            mismatch_mean=draw(st.floats(0, 0.015)),
            mismatch_k3=draw(st.floats(0, 0.015)),
            kl_ref=draw(st.floats(0, 1)),
            repetition=draw(st.floats(0, 0.5)),
            length=draw(st.floats(100, 300)),
            length_cap=draw(st.sampled_from([None, 600, 10_000])),
            mask_tokens=draw(st.integers(1, 10**6)),
        )
        dropped = draw(st.lists(st.sampled_from(sorted(set(fields) - {"step", "zero_variance"})), max_size=3))
        rows.append({name: value for name, value in fields.items() if name not in dropped})
    return rows


@given(healthy_runs())
def test_no_guard_fires_on_healthy_rows(rows: list[Row]) -> None:
    assert run(rows) is None


@pytest.mark.parametrize("rows", [case[1] for case in FIRES])
def test_user_failure_12_a_resumed_run_stops_where_the_whole_one_stops(rows: list[Row]) -> None:
    whole = Guards(GuardConfig(), adapter_digest="digest-start")
    seen = [whole.check(each) for each in rows]
    for at in range(len(rows) + 1):
        first, second = Guards(GuardConfig(), adapter_digest="digest-start"), Guards(GuardConfig())
        parts = [first.check(each) for each in rows[:at]]
        second.load(parse_trusted(canonical(first.state())))
        assert parts + [second.check(each) for each in rows[at:]] == seen
        assert second.state() == whole.state()


def test_a_foreign_memory_is_refused() -> None:
    with pytest.raises(UsageError, match="the memory of guards has"):
        Guards(GuardConfig()).load({"adapter": ""})


def test_user_failure_2_an_adapter_that_never_moves_stops_at_the_first_step() -> None:
    stop = run(steps_of(5, adapter_digest="digest-start"))
    assert stop is not None
    assert (stop.guard, stop.step) == ("adapter_unchanged", 0)
    assert "frozen" in stop.reason


def test_user_failure_5_a_sampler_without_the_adapter_stops_at_the_first_step() -> None:
    stop = run([row(step, proof_sampler="proof-0") for step in range(3)])
    assert stop is not None
    assert (stop.guard, stop.step) == ("stale_sampler", 1)


def test_user_failure_7_a_kl_that_explodes_stops() -> None:
    stop = run([row(step, kl_ref=0.01 * 4**step) for step in range(9)])
    assert stop is not None
    assert (stop.guard, stop.step) == ("kl", 4)


def test_the_error_names_reason_and_last_good_checkpoint() -> None:
    stop = Stop("kl", "kl_ref is 2", 7)
    error = TrainingStopped(stop, "runs/b/checkpoints/step-000005")
    assert isinstance(error, SimenvError)
    assert str(error) == (
        "training stopped at step 7 by the guard 'kl': kl_ref is 2. "
        "The last good checkpoint is runs/b/checkpoints/step-000005."
    )
    assert str(TrainingStopped(stop, None)).endswith("There is no checkpoint.")


def test_what_nothing_watches_over_is_listed() -> None:
    assert blind(row(1)) == []
    assert blind({"step": 1, "loss": 0.1, "turns": None})[:3] == ["grad_norm", "reward_mean", "zero_variance"]


def test_a_limit_is_a_finite_number() -> None:
    with pytest.raises(ValueError, match="finite number"):
        GuardConfig(kl=math.inf)


def test_unknown_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="mismatchh"):
        GuardConfig(mismatchh=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    refuse_rewards([1.0, 0.0, -3.5], ["a", "b", "c"])
    with pytest.raises(UsageError, match=r"got (nan|inf|-inf) for task-b/1"):
        refuse_rewards([1.0, bad, bad], ["task-a/0", "task-b/1", "task-c/2"])


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5))
def test_repetition_is_a_share_and_counts_only_repeats(ids: list[int], n: int) -> None:
    share = repetition([ids], n=n)
    assert 0 <= share < 1
    assert repetition([list(range(len(ids)))], n=n) == 0
    # Text alike in two rollouts is no repetition: a group answers one question.
    assert repetition([ids, ids], n=n) == pytest.approx(share)


def test_repetition_needs_a_length() -> None:
    with pytest.raises(UsageError, match="n=0"):
        repetition([[1]], n=0)
