"""How many threads torch uses."""

import torch


def use_threads(count: int) -> None:
    """Let torch use so many threads on the CPU; with one, the same command gives the same bytes."""
    torch.set_num_threads(count)
