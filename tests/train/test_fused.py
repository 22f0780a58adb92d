"""Parts with gradients of their own equal the plain formulas, in value and in gradient."""

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor  # noqa: E402

from simenv.train.models.fused import rms_norm, rotate, with_before  # noqa: E402


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    found: Tensor = torch.randn(shape, generator=generator, dtype=torch.float64)
    return found.requires_grad_()


def test_the_norm_is_that_of_torch() -> None:
    x, gain = drawn(2, 5, 6), drawn(6, seed=1)
    assert torch.allclose(rms_norm(x, gain, 1e-6), F.rms_norm(x, (6,), gain, 1e-6))
    assert torch.autograd.gradcheck(lambda a, b: rms_norm(a, b, 1e-2), (x, gain))
    frozen = gain.detach()
    assert torch.autograd.gradcheck(lambda a: rms_norm(a, frozen, 1e-2), (x,))


@pytest.mark.parametrize("own", [False, True])
def test_shares_of_the_tokens_before(own: bool) -> None:
    x, shares = drawn(2, 5, 3, 4), drawn(2, 3, 1, seed=1)
    mine = drawn(3, 1, seed=2) if own else None
    plain = x if mine is None else mine * x
    for back, share in enumerate(shares, 1):
        plain = plain + share * torch.cat((torch.zeros_like(x[:, :back]), x[:, :-back]), 1)
    assert torch.allclose(with_before(x, mine, shares), plain)
    inputs = (x, shares) if mine is None else (x, mine, shares)
    assert torch.autograd.gradcheck(
        lambda a, *rest: with_before(a, rest[0] if own else None, rest[-1]), inputs
    )


def test_few_tokens_have_nothing_before_them() -> None:
    x, shares = drawn(2, 1, 4), drawn(3, 4, seed=1)
    assert torch.equal(with_before(x, None, shares), x)


def test_turning_keeps_lengths_and_leaves_the_rest() -> None:
    x, angle = drawn(2, 5, 3, 8), torch.rand(1, 5, 1, 2, dtype=torch.float64)
    turned = rotate(x, angle.cos(), angle.sin())
    assert torch.equal(turned[..., 4:], x[..., 4:])
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1))
    a, b = x[..., :2], x[..., 2:4]
    assert torch.allclose(turned[..., :2], a * angle.cos() - b * angle.sin())
    assert torch.allclose(turned[..., 2:4], b * angle.cos() + a * angle.sin())
    assert torch.autograd.gradcheck(lambda each: rotate(each, angle.cos(), angle.sin()), (x,))
