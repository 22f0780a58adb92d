"""Corrections for a sampler that is not quite the trainer."""

from math import exp, log

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, tensor
from torch.testing import assert_close

from simenv.core.errors import UnknownNameError, UsageError
from simenv.train.maths.corrections import (
    CORRECTIONS,
    Mismatch,
    correction,
    effective_share,
    mismatch,
    off_policy_mask,
)

NAN = float("nan")
ROW = tensor([0, 0, 1, 1, 1])
RATIOS = tensor([3.0, 0.5, 1.0, 1.01, 1.0], dtype=torch.float64)
MU = tensor([-1.0, -0.2, -3.0, -0.5, -2.0], dtype=torch.float64)
OLD = MU + RATIOS.log()

GAPS = st.lists(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=4), min_size=1, max_size=4)


def rows_of(gaps: list[list[float]]) -> tuple[Tensor, Tensor]:
    row = torch.repeat_interleave(torch.arange(len(gaps)), tensor([len(gap) for gap in gaps]))
    return tensor([x for gap in gaps for x in gap], dtype=torch.float64), row


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("token_truncate", {}, [2, 0.5, 1, 1.01, 1]),
        ("token_truncate", {"cap": 1.0}, [1, 0.5, 1, 1, 1]),
        ("sequence_truncate", {}, [1.5, 1.5, 1.01, 1.01, 1.01]),
        ("sequence_truncate", {"cap": 1.2}, [1.2, 1.2, 1.01, 1.01, 1.01]),
        ("sequence_mask", {}, [1.5, 1.5, 1.01, 1.01, 1.01]),
        ("sequence_mask", {"cap": 1.2}, [0, 0, 1.01, 1.01, 1.01]),
        ("icepop", {"low": 0.6}, [0, 0, 1, 1.01, 1]),
        ("geometric_mask", {}, [0, 0, 1, 1, 1]),
        ("none", {}, [1] * 5),
    ],
)
def test_figures(name: str, options: dict[str, float], expected: list[float]) -> None:
    found = correction(name, OLD, MU, ROW, 2, **options)
    assert_close(found, tensor(expected, dtype=torch.float64))


@given(GAPS, st.sampled_from(sorted(CORRECTIONS)))
def test_equal_log_probs_are_not_corrected(gaps: list[list[float]], name: str) -> None:
    mu, row = rows_of(gaps)
    assert correction(name, mu, mu, row, len(gaps)).tolist() == [1.0] * len(mu)


@given(GAPS, st.sampled_from(sorted(CORRECTIONS)))
def test_rows_do_not_see_each_other(gaps: list[list[float]], name: str) -> None:
    gap, row = rows_of(gaps)
    whole = correction(name, gap, torch.zeros_like(gap), row, len(gaps))
    for number, own in enumerate(gaps):
        alone, its_row = rows_of([own])
        found = correction(name, alone, torch.zeros_like(alone), its_row, 1)
        assert_close(whole[row == number], found)


@given(GAPS, st.floats(0.5, 3))
def test_truncation_bounds_weights_and_masking_leaves_the_rest_as_it_is(
    gaps: list[list[float]], cap: float
) -> None:
    gap, row = rows_of(gaps)
    zero = torch.zeros_like(gap)
    truncated = correction("sequence_truncate", gap, zero, row, len(gaps), cap=cap)
    masked = correction("sequence_mask", gap, zero, row, len(gaps), cap=cap)
    assert bool((truncated <= cap).all())
    assert_close(torch.where(masked > 0, masked, cap), truncated)


def test_user_failure_8_products_over_rows_drop_long_rows_and_geometric_means_do_not() -> None:
    # 0.012 per token is e**1.2 = 3.32 over 100 tokens: above the cap of 3, though no token is off by much.
    for length, is_dropped in ((50, False), (100, True), (2000, True)):
        old = torch.full((length,), 0.012)
        row = torch.zeros(length, dtype=torch.int64)
        zero = torch.zeros(length)
        found = correction("sequence_mask", old, zero, row, 1)
        assert bool((found == 0).all()) == is_dropped
        assert_close(correction("token_truncate", old, zero, row, 1), old.exp())
        assert correction("sequence_truncate", old, zero, row, 1).max() <= 5
        assert bool((correction("geometric_mask", old, zero, row, 1, high=1.02) == 1).all())
        assert bool((correction("geometric_mask", old, zero, row, 1) == 0).all())


def test_nothing_overflows_and_no_gradient_flows() -> None:
    old = tensor([100.0, -100.0, 60.0]).requires_grad_()
    for name in sorted(CORRECTIONS):
        found = correction(name, old, torch.zeros(3), tensor([0, 1, 2]), 3)
        assert bool(found.isfinite().all())
        assert not found.requires_grad


def test_a_token_without_a_sampler_log_prob_is_not_corrected() -> None:
    mu = MU.clone()
    mu[0] = NAN
    assert correction("token_truncate", OLD, mu, ROW, 2)[0] == 1
    assert correction("sequence_mask", OLD, mu, ROW, 2)[0] == pytest.approx(0.5)
    assert mismatch(OLD, mu).max == pytest.approx(log(2))


def test_mismatch_figures() -> None:
    found = mismatch(tensor([-1.0, -2.0]), tensor([-1.1, -1.7]))
    assert found.mean == pytest.approx(0.2)
    assert found.max == pytest.approx(0.3)
    assert found.k3 == pytest.approx((exp(0.1) - 0.1 - 1 + exp(-0.3) + 0.3 - 1) / 2)
    assert mismatch(torch.zeros(0), torch.zeros(0)) == Mismatch(0, 0, 0)


def test_the_k3_of_a_mismatch_is_the_kl_from_the_sampler() -> None:
    sampler, trainer = tensor([0.7, 0.2, 0.1]).double(), tensor([0.5, 0.3, 0.2]).double()
    counts = (sampler * 10).round().long()
    drawn = torch.repeat_interleave(torch.arange(3), counts)
    truth = (sampler * (sampler / trainer).log()).sum().item()
    assert mismatch(trainer.log()[drawn], sampler.log()[drawn]).k3 == pytest.approx(truth)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=20))
def test_the_effective_share(values: list[float]) -> None:
    weights = tensor(values)
    found = effective_share(weights)
    assert 1 / len(values) - 1e-6 <= found <= 1 + 1e-6
    assert effective_share(torch.full_like(weights, 0.7)) == pytest.approx(1)
    assert effective_share(weights * 3) == pytest.approx(found, rel=1e-5)


def test_the_effective_share_of_one_weight_in_four_is_a_quarter() -> None:
    assert effective_share(tensor([0.0, 0, 5, 0])) == pytest.approx(0.25)
    assert effective_share(torch.zeros(4)) == effective_share(torch.zeros(0)) == 0


def test_the_off_policy_mask_drops_only_negatives_that_were_left_behind() -> None:
    mu = torch.zeros(6)
    logp = tensor([-1.0, -0.2, -1.0, -0.2, 0.0, 0.1])
    advantage, row = tensor([-1.0, -1, 1, 1, -1, -1]), tensor([0, 0, 1, 1, 2, 2])
    found = off_policy_mask(logp, mu, advantage, row, 3, threshold=0.5)
    assert found.tolist() == [0, 0, 1, 1, 1, 1]
    assert off_policy_mask(logp, mu, advantage, row, 3, threshold=0.7).tolist() == [1] * 6


def test_unknown_names_options_and_shapes() -> None:
    with pytest.raises(UnknownNameError, match="no correction is named 'tis'"):
        correction("tis", OLD, MU, ROW, 2)
    with pytest.raises(UsageError, match="'icepop' has no option 'cap'; it has low, high"):
        correction("icepop", OLD, MU, ROW, 2, cap=2)
    with pytest.raises(UsageError, match=r"old \(5,\), mu \(1,\)"):
        correction("icepop", OLD, MU[:1], ROW, 2)
    with pytest.raises(UsageError, match="shape"):
        mismatch(OLD[None], MU[None])
