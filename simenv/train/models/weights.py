"""Weights and the state of optimizers under stable names, and digests that say in a word which they are."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from simenv.core.errors import UsageError

_CHUNK = 1 << 22
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# Odd constants of splitmix64, as signed 64-bit integers; products wrap around.
_STEP, _MIX = -0x61C8864680B583EB, -0x40A7B892E31B1A47


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the 128-bit blake2b digest of names, types, shapes and bytes, as 32 hex digits.

    The order of the mapping and the device of the tensors do not matter.
    """
    total = blake2b(digest_size=16)
    for name in sorted(tensors):
        total.update(_head(name, tensors[name]))
        total.update(_flat(tensors[name].cpu()).view(torch.uint8).numpy().data)
    return total.hexdigest()


def proof(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Return a digest like :func:`digest` that is folded where the tensors are, for large weights.

    Only eight bytes per tensor leave the device, and one tensor at a time has to exist. It tells weights
    apart that differ by accident; it is no shield against someone who looks for two that agree.

    Args:
        tensors: Names and tensors; equal ones must come in equal order.
    """
    total = blake2b(digest_size=16)
    for name, tensor in tensors:
        total.update(_head(name, tensor))
        total.update(fingerprint(tensor).to_bytes(8, "little", signed=True))
    return total.hexdigest()


@torch.no_grad()
def fingerprint(tensor: Tensor) -> int:
    """Return a 64-bit sum of the bits of every element times an odd number that its place fixes.

    Integers wrap and their sums have no order, so every device gives the same number. A change of one
    element always shows; two changes that cancel are about as likely as one in 2^32.
    """
    bits = _flat(tensor).view(_BITS[tensor.element_size()])
    total = torch.zeros((), dtype=torch.int64, device=bits.device)
    for start in range(0, len(bits), _CHUNK):
        part = bits[start : start + _CHUNK].to(torch.int64)
        place = torch.arange(start + 1, start + 1 + len(part), device=bits.device) * _STEP
        place = (place ^ (place >> 30)) * _MIX
        total += (part * ((place ^ (place >> 27)) | 1)).sum()
    return int(total)


def _flat(tensor: Tensor) -> Tensor:
    """Return the elements one behind the other, as they lie in memory."""
    flat = tensor.detach().contiguous().reshape(-1)
    # A single element counts as contiguous whatever its stride, but cannot be viewed as bytes then.
    return flat if flat.stride() == (1,) else flat.clone(memory_format=torch.contiguous_format)


def _head(name: str, tensor: Tensor) -> bytes:
    return f"{name}\n{tensor.dtype}\n{tuple(tensor.shape)}\n".encode()


def optimizer_tensors(optimizer: Optimizer, names: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Return an optimizer's state as tensors named ``PARAMETER/KEY``, such as ``0.q_proj.lora_A/exp_avg``.

    Learning rate, betas and weight decay are the config's and are not in it. A parameter without a step yet
    has no tensors.

    Args:
        optimizer: Such as AdamW.
        names: Name of every parameter of the optimizer.

    Raises:
        UsageError: If a parameter has no name, or a value is no tensor.
    """
    called = {id(parameter): name for name, parameter in names.items()}
    tensors: dict[str, Tensor] = {}
    for parameter in _parameters(optimizer):
        if id(parameter) not in called:
            raise UsageError(
                "the optimizer holds a parameter that has no name; give the names of all of them"
            )
        for key, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, Tensor):
                kind = type(value).__name__
                raise UsageError(f"the optimizer's state {key!r} is no tensor but a {kind}; use AdamW")
            tensors[f"{called[id(parameter)]}/{key}"] = value.detach().clone()
    return tensors


def load_optimizer(
    optimizer: Optimizer, names: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor]
) -> None:
    """Give an optimizer the state that :func:`optimizer_tensors` returned, bit by bit.

    Args:
        optimizer: Of the same kind, over the same parameters.
        names: Name of every parameter of the optimizer.
        tensors: The state.

    Raises:
        UsageError: If a tensor is of no parameter here, or of another shape than it.
    """
    index = {id(parameter): at for at, parameter in enumerate(_parameters(optimizer))}
    state: dict[int, dict[str, Tensor]] = {}
    for full in sorted(tensors):
        name, _, key = full.rpartition("/")
        parameter = names.get(name)
        if parameter is None or id(parameter) not in index:
            raise UsageError(
                f"the optimizer has no parameter {name!r}; the state is of another model or adapter"
            )
        value = tensors[full]
        if value.dim() and value.shape != parameter.shape:
            raise UsageError(
                f"{full} has shape {tuple(value.shape)}, the parameter {tuple(parameter.shape)}; the state "
                "is of another rank or model"
            )
        # A copy: the optimizer works in place, and what was read from the disk should stay what it is.
        state.setdefault(index[id(parameter)], {})[key] = value.clone()
    whole = optimizer.state_dict()
    whole["state"] = state
    optimizer.load_state_dict(whole)


def random_state() -> dict[str, Tensor]:
    """Return the state of torch's own generators: ``cpu``, and ``cuda0`` and so on where there are any.

    Only dropout draws from them; a run with dropout resumes exactly only if they are in its checkpoint.
    """
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state |= {f"cuda{at}": each for at, each in enumerate(torch.cuda.get_rng_state_all())}
    return state


def load_random_state(state: Mapping[str, Tensor]) -> None:
    """Set torch's own generators to what :func:`random_state` returned; absent devices are passed over."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available():
        for at in range(torch.cuda.device_count()):
            if f"cuda{at}" in state:
                torch.cuda.set_rng_state(state[f"cuda{at}"], at)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
