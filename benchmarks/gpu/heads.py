"""The memory of the loss at two sizes of the vocabulary."""

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from benchmarks.gpu.bench import WORDS, Bench
from simenv.train.maths.head import token_logps


def head(bench: Bench) -> dict[str, Any]:
    """Measure the memory of the loss at two sizes of the vocabulary.

    ``chunked`` takes as many tokens at a time as make the same number of logits, ``default`` the trainer's
    number of tokens, ``plain`` keeps the logits of all.
    """
    count, width = (64, 8) if bench.tiny else (8192, 1024)
    sizes = (320, 1519) if bench.tiny else (32_000, WORDS)
    logits = 6400 if bench.tiny else 2**25
    rows = {}
    for words in sizes:
        parts = {"chunked": logits // words, "default": 1024, "plain": 0}
        if bench.tiny:
            del parts["default"]  # more tokens than there are
        rows[str(words)] = {
            name: {"chunk": chunk, "peak": of_head(bench, count, width, words, chunk=chunk)}
            for name, chunk in parts.items()
        }
    chunked = [row["chunked"]["peak"] for row in rows.values()]
    return {
        "tokens": count,
        "width": width,
        "logits_at_once": logits,
        "unit": "GiB above what was held before" if bench.device == "cuda" else "logits alive at once",
        "by_words": rows,
        "chunked_large_over_small": chunked[1] / chunked[0],
    }


def of_head(bench: Bench, count: int, width: int, words: int, *, chunk: int) -> float:
    """Return the peak of one pass forward and backward; ``chunk`` 0 keeps all logits."""
    generator = torch.Generator().manual_seed(0)
    dtype = torch.bfloat16 if bench.device == "cuda" else torch.float32
    drawn = [torch.randn(size, width, generator=generator) for size in (count, words)]
    hidden, weight = (each.to(bench.device, dtype).requires_grad_() for each in drawn)
    weight = weight.detach()  # as with an adapter: the head is not trained
    targets = torch.randint(words, (count,), generator=generator).to(bench.device)

    def loss() -> Tensor:
        if chunk:
            return token_logps(hidden, weight, targets, chunk=chunk).sum()
        return (hidden @ weight.T).float().log_softmax(-1).gather(1, targets[:, None]).sum()

    if bench.device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        loss().backward()  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - held) / 2**30
    watch = Watch(words)
    with watch:
        loss().backward()  # type: ignore[no-untyped-call]
    return float(watch.peak)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the numbers that are alive in tensors with one column per word, but for the head's weight."""

    def __init__(self, words: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.words, self.peak = words, 0
        self._alive: dict[int, list[int]] = {}

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, tuple | list) else (out,):
            if isinstance(each, Tensor) and each.dim() == 2 and each.shape[1] == self.words:
                self._see(each)
        return out

    def _see(self, tensor: Tensor) -> None:
        if tensor.is_contiguous():  # the transposed weight is a view with a column per word too
            place = tensor.untyped_storage().data_ptr()
            size = tensor.untyped_storage().nbytes() // tensor.itemsize
            self._alive.setdefault(place, [size, 0])[1] += 1
            weakref.finalize(tensor, self._forget, place)
            self.peak = max(self.peak, sum(held for held, _ in self._alive.values()))

    def _forget(self, place: int) -> None:
        self._alive[place][1] -= 1
        if not self._alive[place][1]:
            del self._alive[place]
