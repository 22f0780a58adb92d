"""The chunked head: the same numbers as the plain one, with a bounded number of logits alive."""

import weakref
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from simenv.core.errors import UsageError
from simenv.train.maths.head import Scores, token_logps, token_scores

WIDTH = 6
WORDS = 37


def inputs(count: int, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, WIDTH, generator=generator, dtype=torch.float64)
    weight = torch.randn(WORDS, WIDTH, generator=generator, dtype=torch.float64)
    targets = torch.randint(WORDS, (count,), generator=generator)
    return hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_(), targets


def plain(hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float = 1.0) -> Scores:
    every = (hidden @ weight.T / temperature).log_softmax(-1)
    logp = every.gather(1, targets[:, None])[:, 0]
    return Scores(logp, -(every.exp() * every).sum(-1))


def slopes(scores: Scores, *leaves: Tensor) -> tuple[Tensor, ...]:
    count = torch.arange(1, len(scores.logp) + 1, dtype=scores.logp.dtype)
    return torch.autograd.grad((scores.logp * count - scores.entropy * count.sqrt()).sum(), leaves)


@given(st.integers(0, 20), st.integers(2, 24), st.sampled_from([0.5, 1.0, 1.7]), st.integers(0, 5))
@settings(max_examples=40)
def test_it_equals_the_plain_head_in_value_and_gradient(
    count: int, chunk: int, temperature: float, seed: int
) -> None:
    hidden, weight, targets = inputs(count, seed=seed)
    found = token_scores(hidden, weight, targets, chunk=chunk, temperature=temperature)
    expected = plain(hidden, weight, targets, temperature)
    assert_close(found, expected)
    assert_close(slopes(found, hidden, weight), slopes(expected, hidden, weight))
    assert_close(token_logps(hidden, weight, targets, chunk=chunk, temperature=temperature), expected.logp)


def test_gradients_by_finite_differences() -> None:
    hidden, weight, targets = inputs(5)
    for function in (token_scores, token_logps):
        assert torch.autograd.gradcheck(
            lambda h, w, f=function: (
                tuple(f(h, w, targets, chunk=4)) if f is token_scores else f(h, w, targets)
            ),
            (hidden, weight),
        )


def test_log_probs_alone_have_the_same_gradient() -> None:
    hidden, weight, targets = inputs(9)
    expected = torch.autograd.grad(plain(hidden, weight, targets).logp.sum(), (hidden, weight))
    for logp in (token_scores(hidden, weight, targets, chunk=4).logp, token_logps(hidden, weight, targets)):
        assert_close(torch.autograd.grad(logp.sum(), (hidden, weight)), expected)


def test_entropies_alone_have_the_same_gradient() -> None:
    hidden, weight, targets = inputs(9)
    expected = torch.autograd.grad(plain(hidden, weight, targets).entropy.sum(), (hidden, weight))
    found = token_scores(hidden, weight, targets, chunk=4).entropy
    assert_close(torch.autograd.grad(found.sum(), (hidden, weight)), expected)


@pytest.mark.parametrize("frozen", ["weight", "hidden"])
def test_a_side_without_gradient_gets_none(frozen: str) -> None:
    hidden, weight, targets = inputs(9)
    (weight if frozen == "weight" else hidden).requires_grad_(False)
    free, still = (hidden, weight) if frozen == "weight" else (weight, hidden)
    token_scores(hidden, weight, targets, chunk=4).logp.sum().backward()  # type: ignore[no-untyped-call]
    assert still.grad is None
    assert free.grad is not None
    assert_close(free.grad, torch.autograd.grad(plain(hidden, weight, targets).logp.sum(), free)[0])


def test_logits_that_would_overflow_do_not() -> None:
    hidden, weight, targets = inputs(6, dtype=torch.float32)
    found = token_scores(hidden * 1e4, weight, targets, chunk=4)
    assert bool(found.logp.isfinite().all())
    assert bool((found.entropy >= 0).all())
    for slope in slopes(found, hidden, weight):
        assert bool(slope.isfinite().all())


def test_small_floats_give_numbers_in_float32_and_gradients_in_their_own_type() -> None:
    hidden, weight, targets = inputs(8, dtype=torch.bfloat16)
    found = token_scores(hidden, weight, targets, chunk=4)
    assert found.logp.dtype == found.entropy.dtype == torch.float32
    expected = plain(hidden.float(), weight.float(), targets)
    assert_close(found, expected, atol=0.1, rtol=0.05)
    of_hidden, of_weight = slopes(found, hidden, weight)
    assert of_hidden.dtype == of_weight.dtype == torch.bfloat16


def test_autocast_changes_nothing() -> None:
    hidden, weight, targets = inputs(8, dtype=torch.float32)
    outside = token_scores(hidden, weight, targets, chunk=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = token_scores(hidden, weight, targets, chunk=4)
    assert torch.equal(inside.logp, outside.logp)
    assert_close(slopes(inside, hidden, weight), slopes(outside, hidden, weight))


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the numbers that are alive in tensors with one column per word, views counted once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[int, list[int]] = {}
        self.peak = 0

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, Tensor) and WORDS in tensor.shape and WIDTH not in tensor.shape:
                self._see(tensor)
        return out

    def _see(self, tensor: Tensor) -> None:
        place = tensor.untyped_storage().data_ptr()
        entry = self.alive.setdefault(place, [tensor.untyped_storage().nbytes() // tensor.itemsize, 0])
        entry[1] += 1
        weakref.finalize(tensor, self._forget, place)
        self.peak = max(self.peak, sum(numel for numel, _ in self.alive.values()))

    def _forget(self, place: int) -> None:
        entry = self.alive[place]
        entry[1] -= 1
        if not entry[1]:
            del self.alive[place]


def peak(count: int, chunk: int, *, entropy: bool, chunked: bool = True) -> int:
    hidden, weight, targets = inputs(count)
    watch = Watch()
    with watch:
        if not chunked:
            slopes(plain(hidden, weight, targets), hidden, weight)
        elif entropy:
            slopes(token_scores(hidden, weight, targets, chunk=chunk), hidden, weight)
        else:
            token_logps(hidden, weight, targets, chunk=chunk).sum().backward()  # type: ignore[no-untyped-call]
    return watch.peak


@pytest.mark.parametrize("entropy", [False, True])
def test_the_most_logits_alive_do_not_depend_on_the_number_of_tokens(entropy: bool) -> None:
    peaks = {count: peak(count, 8, entropy=entropy) for count in (8, 64, 250)}
    assert set(peaks.values()) == {8 * WORDS}
    assert peak(64, 16, entropy=entropy) == 16 * WORDS
    # The watch itself sees a head that keeps everything.
    assert peak(64, 8, entropy=entropy, chunked=False) >= 64 * WORDS


def test_shapes_and_numbers_out_of_range() -> None:
    hidden, weight, targets = inputs(4)
    with pytest.raises(UsageError, match=r"not \(4, 6\), \(37, 5\) and \(4,\)"):
        token_scores(hidden, weight[:, :5], targets)
    with pytest.raises(UsageError, match="targets"):
        token_logps(hidden, weight, targets[:3])
    with pytest.raises(UsageError, match="chunk is at least 2"):
        token_logps(hidden, weight, targets, chunk=1)
    with pytest.raises(UsageError, match="temperature"):
        token_logps(hidden, weight, targets, temperature=0)
