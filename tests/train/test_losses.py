"""Policy losses, aggregations and KL: golden figures and the laws that hold for any batch."""

from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, tensor
from torch.testing import assert_close

from simenv.core.errors import UnknownNameError, UsageError
from simenv.train.maths.kl import KLS, k1, k2, k3, k3_clamped, k3_plus, kl, reweighed
from simenv.train.maths.losses import POLICY_LOSSES, PolicyLoss, Tokens, objective, policy_loss, ppo
from simenv.train.maths.window import AGGREGATIONS, Window, row_mean, token_weights, window_of

ROW = tensor([0, 0, 0, 1, 1])
OLD = tensor([-1, -2, -0.5, -0.7, -1.5], dtype=torch.float64)
LOGP = tensor([-0.8, -2.4, -0.5, -0.2, -1.6], dtype=torch.float64)
REF = tensor([-0.9, -2.1, -0.6, -0.5, -1.5], dtype=torch.float64)
ADVANTAGE = tensor([0.8, 0.8, 0.8, -0.6, -0.6], dtype=torch.float64)
WINDOW = Window(tokens=5, rows=2, limit=4)


def golden() -> Tokens:
    return Tokens(LOGP.clone().requires_grad_(), OLD, ADVANTAGE, ROW, 2, mu=OLD)


def value(loss: Tensor, aggregation: str) -> float:
    return objective(loss, token_weights(aggregation, ROW, WINDOW, dtype=torch.float64)).item()


@st.composite
def batches(draw: st.DrawFn, *, spread: float = 1.5) -> Tokens:
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    row = torch.repeat_interleave(torch.arange(len(lengths)), tensor(lengths))
    size = st.lists(st.floats(-spread, spread), min_size=len(row), max_size=len(row))
    logp, old = (tensor(draw(size), dtype=torch.float64) - 2 * spread for _ in range(2))
    worth = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)
    advantage = tensor(
        draw(st.lists(worth, min_size=len(lengths), max_size=len(lengths))), dtype=torch.float64
    )
    return Tokens(logp.requires_grad_(), old, advantage[row], row, len(lengths), mu=old)


def gradient(tokens: Tokens, loss: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss.sum(), tokens.logp)
    return found


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("token_mean", -0.156249),
        ("seq_mean_token_mean", -0.002529),
        ("seq_mean_token_sum", -0.390622),
        ("dr_grpo", -0.097655),
    ],
)
def test_ppo_by_aggregation(aggregation: str, expected: float) -> None:
    assert value(ppo(golden(), low=0.2, high=0.28).loss, aggregation) == pytest.approx(expected, abs=1e-6)


def test_gradient_of_the_token_mean() -> None:
    tokens = golden()
    found = gradient(tokens, ppo(tokens).loss / 5)
    expected = tensor([-0.195424, -0.107251, -0.16, 0.197847, 0.10858], dtype=torch.float64)
    assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["gspo", "gspo_plain"])
def test_gspo_figures(name: str) -> None:
    tokens = golden()
    found = policy_loss(name, tokens, low=0.2, high=0.28)
    assert value(found.loss, "seq_mean_token_mean") == pytest.approx(-0.007782, abs=1e-6)
    ratios = row_mean(LOGP - OLD, ROW, 2).exp()
    assert_close(ratios, tensor([0.935507, 1.221403], dtype=torch.float64), atol=1e-6, rtol=0)
    assert_close(found.loss, -ratios[ROW] * ADVANTAGE)


def test_cispo_figures_under_both_names() -> None:
    upper, both = policy_loss("cispo_upper", golden(), cap=5.0), policy_loss("cispo_both", golden())
    assert value(upper.loss, "token_mean") == pytest.approx(0.280444, abs=1e-6)
    capped = policy_loss("cispo_upper", golden(), cap=1.3)
    assert_close(capped.loss.detach(), -(LOGP - OLD).exp().clamp(max=1.3) * ADVANTAGE * LOGP)
    assert capped.high.tolist() == [False, False, False, True, False]
    ratio = (LOGP - OLD).exp().clamp(0.8, 1.28)
    assert_close(both.loss.detach(), -ratio * ADVANTAGE * LOGP)
    assert not upper.low.any()
    assert not upper.high.any()
    assert both.low.tolist() == [False, True, False, False, False]
    assert both.high.tolist() == [False, False, False, True, False]


def test_kl_figures() -> None:
    means = [estimate(LOGP, REF).mean().item() for estimate in (k1, k2, k3)]
    assert means == pytest.approx([0.02, 0.021, 0.0211046], abs=1e-7)


def test_two_sided_and_dual_clip_bound_what_plain_clipping_does_not() -> None:
    logp = tensor([3.0, 3.0, -3.0, 1.3], dtype=torch.float64).requires_grad_()
    zero, advantage = torch.zeros(4, dtype=torch.float64), tensor([-1.0, 1, -1, -1], dtype=torch.float64)
    tokens = Tokens(logp, zero, advantage, torch.arange(4), 4)
    exploded = ppo(tokens, high=0.28)
    assert exploded.loss[0].item() == pytest.approx(20.0855, abs=1e-4)
    for bounded in (
        policy_loss("ppo", tokens, delta=4.0),
        policy_loss("dual_clip", tokens, c=4.0),
    ):
        assert_close(bounded.loss[:3].detach(), tensor([4.0, -1.28, 0.8], dtype=torch.float64))
        assert bounded.high.tolist() == [True, True, False, False]
        assert bounded.low.tolist() == [False, False, True, False]
        assert gradient(tokens, bounded.loss).tolist() == pytest.approx([0, 0, 0, 2.718281828**1.3], abs=1e-6)


def test_dppo_drops_by_probability_not_by_ratio() -> None:
    p, q = tensor([0.9, 0.04, 0.1, 0.9]).double(), tensor([0.6, 0.01, 0.5, 0.6]).double()
    advantage = tensor([1.0, 1.0, -1.0, -1.0]).double()
    tokens = Tokens(p.log().requires_grad_(), q.log(), advantage, torch.arange(4), 4, mu=q.log())
    found = policy_loss("dppo_tv", tokens, tau=0.5)
    assert found.high.tolist() == [True, False, False, False]
    assert found.low.tolist() == [False, False, True, False]
    gain = tensor([0.0, 4.0, 0.0, -1.5]).double()
    assert_close(found.loss.detach(), -gain + 0.5 * (p.log() - q.log()).square())


def test_sapo_is_a_soft_gate() -> None:
    tokens = golden()
    found = policy_loss("sapo", tokens, tau_positive=1.0, tau_negative=1.05)
    tau = tensor([1.0, 1.0, 1.0, 1.05, 1.05], dtype=torch.float64)
    ratio = (LOGP - OLD).exp()
    assert_close(found.loss.detach(), -ADVANTAGE * torch.sigmoid(tau * (ratio - 1)) * 4 / tau)
    assert not found.low.any()
    assert not found.high.any()


@given(batches(), st.sampled_from(sorted(POLICY_LOSSES)))
def test_at_ratio_one_every_loss_has_the_same_gradient(tokens: Tokens, name: str) -> None:
    same = Tokens(
        tokens.old.clone().requires_grad_(),
        tokens.old,
        tokens.advantage,
        tokens.row,
        tokens.rows,
        tokens.old,
    )
    count = len(same.logp)
    loss = policy_loss(name, same).loss / count
    assert_close(gradient(same, loss), -same.advantage / count)


@given(batches(), st.sampled_from(["ppo", "two_sided", "dual_clip"]), st.floats(0.05, 0.5))
def test_a_token_is_marked_exactly_where_its_gradient_is_gone(
    tokens: Tokens, name: str, bound: float
) -> None:
    options = {"low": bound, "high": bound + 0.05}
    if name == "two_sided":
        name, options = "ppo", options | {"delta": 2.0}
    found = policy_loss(name, tokens, **options)
    slope = gradient(tokens, found.loss)
    assert ((slope == 0) == (found.low | found.high)).all()


@given(batches())
def test_beyond_the_bounds_there_is_no_gradient_and_within_there_is(tokens: Tokens) -> None:
    slope = gradient(tokens, ppo(tokens, low=0.2, high=0.28).loss)
    ratio = (tokens.logp - tokens.old).exp().detach()
    is_outside = ((tokens.advantage > 0) & (ratio > 1.28)) | ((tokens.advantage < 0) & (ratio < 0.8))
    assert_close(slope, torch.where(is_outside, 0.0, -ratio * tokens.advantage))


@given(batches(), st.sampled_from(sorted(POLICY_LOSSES)), st.sampled_from(sorted(AGGREGATIONS)), st.data())
@settings(max_examples=60)
def test_the_order_of_rows_does_not_matter(
    tokens: Tokens, name: str, aggregation: str, data: st.DataObject
) -> None:
    names = tensor(data.draw(st.permutations(range(tokens.rows))))
    order = torch.argsort(names[tokens.row], stable=True)
    moved = Tokens(
        tokens.logp[order], tokens.old[order], tokens.advantage[order],
        names[tokens.row][order], tokens.rows, tokens.old[order],
    )  # fmt: skip
    assert_close(_window_loss(moved, name, aggregation), _window_loss(tokens, name, aggregation))


@given(batches(), st.sampled_from(sorted(POLICY_LOSSES)), st.sampled_from(sorted(AGGREGATIONS)), st.data())
@settings(max_examples=60)
def test_micro_batches_add_up_to_the_window_however_it_is_cut(
    tokens: Tokens, name: str, aggregation: str, data: st.DataObject
) -> None:
    keep = tensor(data.draw(st.lists(st.booleans(), min_size=tokens.rows, max_size=tokens.rows)))[tokens.row]
    part = tensor(data.draw(st.lists(st.integers(0, 2), min_size=tokens.rows, max_size=tokens.rows)))
    window = window_of(tokens.row, keep=keep, limit=7)
    whole = _loss(tokens, name, aggregation, window, keep)
    expected = gradient(tokens, whole)
    total, slope = torch.zeros_like(whole), torch.zeros_like(expected)
    for number in range(3):
        mine = part[tokens.row] == number
        relabelled = torch.unique(tokens.row[mine], return_inverse=True)[1]
        micro = Tokens(
            tokens.logp[mine], tokens.old[mine], tokens.advantage[mine],
            relabelled, int(relabelled.max()) + 1 if len(relabelled) else 0, tokens.old[mine],
        )  # fmt: skip
        loss = _loss(micro, name, aggregation, window, keep[mine])
        total, slope = total + loss.detach(), slope + gradient(tokens, loss)
    assert_close(total, whole.detach(), atol=1e-12, rtol=1e-10)
    assert_close(slope, expected, atol=1e-12, rtol=1e-10)


@given(batches())
@settings(max_examples=40)
def test_both_readings_of_gspo_agree_where_a_row_shares_one_advantage(tokens: Tokens) -> None:
    weights = token_weights("seq_mean_token_mean", tokens.row, window_of(tokens.row), dtype=torch.float64)
    found = gradient(tokens, policy_loss("gspo_plain", tokens).loss * weights)
    other = gradient(tokens, policy_loss("gspo", tokens).loss * weights)
    assert_close(found, other)


@given(st.lists(st.tuples(st.floats(-9, 0), st.floats(-9, 0)), min_size=1, max_size=9))
def test_k3_is_never_negative_and_k3_plus_has_its_value_and_the_gradient_of_k2(
    pairs: list[tuple[float, float]],
) -> None:
    logp, ref = tensor(pairs, dtype=torch.float64).T.clone()
    logp.requires_grad_()
    assert bool((k3(logp, ref) >= 0).all())
    assert_close(k3_plus(logp, ref), k3(logp, ref))
    (half,) = torch.autograd.grad(k2(logp, ref).sum(), logp)
    (plus,) = torch.autograd.grad(k3_plus(logp, ref).sum(), logp)
    assert torch.equal(half, plus)
    assert_close(half, (logp - ref).detach())


def test_the_gradient_of_k2_is_that_of_the_kl_and_those_of_k1_and_k3_are_not() -> None:
    scores = tensor([0.3, -0.2, 1.0], dtype=torch.float64).requires_grad_()
    reference = tensor([0.0, 0.5, 0.2], dtype=torch.float64).log_softmax(0)
    logp = scores.log_softmax(0)
    odds = logp.exp().detach()
    (truth,) = torch.autograd.grad((logp.exp() * (logp - reference)).sum(), scores, retain_graph=True)
    found = {
        name: torch.autograd.grad((odds * KLS[name](logp, reference)).sum(), scores, retain_graph=True)[0]
        for name in ("k1", "k2", "k3", "k3+")
    }
    assert_close(found["k2"], truth)
    assert_close(found["k3+"], truth)
    assert_close(found["k1"], torch.zeros_like(truth))
    assert (found["k3"] - truth).abs().max() > 1e-2
    for name in ("k1", "k3"):
        weighed = reweighed(KLS[name](logp, reference), logp, logp.detach())
        (slope,) = torch.autograd.grad((odds * weighed).sum(), scores, retain_graph=True)
        assert_close(slope, truth)


def test_k3_does_not_overflow() -> None:
    logp, ref = tensor([-200.0, -1.0]), tensor([-1.0, -200.0])
    assert bool(k3(logp, ref).isfinite().all())
    assert k3_clamped(logp, ref).tolist() == [10, 10]


def test_user_failure_8_a_small_mismatch_per_token_explodes_over_a_row() -> None:
    # 0.012 per token, 100 tokens: the ratio of a token is 1.012, of the row e**1.2, of 1,000 tokens e**12.
    for length, product in ((100, 3.3201), (1000, 162754.79)):
        gap = torch.full((length,), 0.012, dtype=torch.float64)
        row = torch.zeros(length, dtype=torch.int64)
        tokens = Tokens(gap.requires_grad_(), torch.zeros_like(gap), torch.ones_like(gap), row, 1)
        assert gap.sum().exp().item() == pytest.approx(product, rel=1e-4)
        per_token = ppo(tokens)
        assert per_token.loss.detach().tolist() == pytest.approx([-1.012072] * length, abs=1e-6)
        assert not per_token.high.any()
        # Over the row the ratio is a geometric mean: it does not grow with the length either.
        of_row = policy_loss("gspo", tokens, low=0.2, high=0.28)
        assert of_row.loss.detach().tolist() == pytest.approx([-1.012072] * length, abs=1e-6)


def test_user_failure_8_no_ratio_overflows() -> None:
    row = torch.zeros(3, dtype=torch.int64)
    for sign in (1.0, -1.0):
        for name in sorted(POLICY_LOSSES):
            logp = (sign * tensor([200.0, 1000.0, 0.0])).requires_grad_()
            tokens = Tokens(logp, torch.zeros(3), tensor([1.0, -1.0, 1.0]), row, 1, mu=torch.zeros(3))
            if name == "dppo_tv" and sign > 0:
                continue  # a probability above 1 does not occur
            found = policy_loss(name, tokens)
            assert bool(found.loss.isfinite().all()), name
            assert bool(gradient(tokens, found.loss).isfinite().all()), name


def test_user_failure_8_shapes_that_would_broadcast_are_refused() -> None:
    row = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(UsageError, match=r"old has shape \(1,\)"):
        Tokens(torch.zeros(4), torch.zeros(1), torch.zeros(4), row, 1)
    with pytest.raises(UsageError, match=r"mu has shape \(4, 1\)"):
        Tokens(torch.zeros(4), torch.zeros(4), torch.zeros(4), row, 1, mu=torch.zeros(4, 1))


@pytest.mark.parametrize("aggregation", sorted(AGGREGATIONS))
def test_user_failure_9_masked_tokens_are_in_no_denominator(aggregation: str) -> None:
    tokens = golden()
    keep = tensor([True, True, True, False, False])
    window = window_of(ROW, keep=keep, limit=4)
    assert window == Window(tokens=3, rows=1, limit=4)
    masked = _loss(tokens, "ppo", aggregation, window, keep)
    alone = Tokens(tokens.logp[:3], OLD[:3], ADVANTAGE[:3], ROW[:3], 1)
    assert_close(masked, _loss(alone, "ppo", aggregation, window_of(ROW[:3], limit=4), None))
    assert gradient(tokens, masked)[3:].tolist() == [0, 0]


@pytest.mark.parametrize("aggregation", sorted(AGGREGATIONS))
def test_a_window_that_is_masked_altogether_has_loss_zero(aggregation: str) -> None:
    keep = torch.zeros(5, dtype=torch.bool)
    tokens = golden()
    loss = _loss(tokens, "ppo", aggregation, window_of(ROW, keep=keep, limit=4), keep)
    assert loss.item() == 0
    assert gradient(tokens, loss).tolist() == [0.0] * 5


def test_the_objective_weighs_its_parts() -> None:
    loss, weights = tensor([1.0, 2.0]), tensor([0.5, 0.25])
    found = objective(
        loss, weights, correction=tensor([2.0, 0.0]), kl=tensor([1.0, 4.0]), beta=0.1,
        entropy=tensor([3.0, 1.0]), entropy_coef=0.01,
    )  # fmt: skip
    assert found.item() == pytest.approx(0.5 * (2 + 0.1 - 0.03) + 0.25 * (0.4 - 0.01))


def test_what_is_masked_does_not_reach_the_objective_even_if_it_is_not_finite() -> None:
    assert objective(tensor([float("inf"), 1.0]), tensor([0.0, 1.0])).item() == 1


def test_unknown_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match=r"no policy loss is named 'pppo'\. Did you mean 'ppo'"):
        policy_loss("pppo", golden())
    with pytest.raises(UnknownNameError, match="no policy loss is named 'cispo'"):
        policy_loss("cispo", golden())
    with pytest.raises(UsageError, match="'gspo' has no option 'delta'; it has low, high"):
        policy_loss("gspo", golden(), delta=3)
    with pytest.raises(UnknownNameError, match="aggregation"):
        token_weights("mean", ROW, WINDOW)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'k3\+'|Did you mean 'k3'"):
        kl("k33")
    assert kl("k3+") is k3_plus


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ppo(golden(), low=1.5), "low in"),
        (lambda: ppo(golden(), delta=1.1), "delta is above"),
        (lambda: policy_loss("dual_clip", golden(), c=1.0), "c is above"),
        (lambda: policy_loss("cispo_upper", golden(), cap=0), "cap is a ratio"),
        (lambda: policy_loss("sapo", golden(), tau_positive=0), "temperatures"),
        (lambda: policy_loss("dppo_tv", Tokens(LOGP, OLD, ADVANTAGE, ROW, 2)), "mu="),
        (lambda: token_weights("dr_grpo", ROW, Window(5, 2)), "limit is 0"),
        (lambda: token_weights("token_mean", ROW, WINDOW, keep=tensor([True])), "keep has shape"),
    ],
)
def test_bounds_out_of_range_are_refused(call: Callable[[], PolicyLoss | Tensor], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def _loss(tokens: Tokens, name: str, aggregation: str, window: Window, keep: Tensor | None) -> Tensor:
    weights = token_weights(aggregation, tokens.row, window, keep=keep, dtype=torch.float64)
    return objective(policy_loss(name, tokens).loss, weights)


def _window_loss(tokens: Tokens, name: str, aggregation: str) -> Tensor:
    return _loss(tokens, name, aggregation, window_of(tokens.row, limit=7), None)
