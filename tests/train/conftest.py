"""One torch thread: two threads on a busy machine spin at barriers, and sums would come in another order."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    try:
        import torch
    except ImportError:
        yield
        return
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
