"""What a model must be before it is trained or sampled: numbers in every weight, a head for every token."""

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from simenv.core.errors import DataError, UsageError
from simenv.train.chat.codec import Codec


def refuse_wild(named: Iterable[tuple[str, Tensor]], path: str | Path) -> None:
    """Refuse weights of which one is NaN or infinite: whatever is computed from it is no number either.

    Args:
        named: Weights by name.
        path: Where they were read.

    Raises:
        DataError: If one is not finite; the first is named.
    """
    for name, weight in named:
        wild = weight.numel() - int(weight.isfinite().sum())
        if wild:
            problem = (
                f"the weight {name} is not finite (NaN or infinite) in {wild} of {weight.numel()} places"
            )
            way_out = "Train it again from an earlier checkpoint, or copy the checkpoint again"
            raise DataError(path, 0, problem, way_out)


def refuse_vocabulary(codec: Codec, head: Tensor) -> None:
    """Refuse a tokenizer with ids that a model has no embedding for.

    Args:
        codec: The tokenizer.
        head: The weight of the model's head, [vocab, width].

    Raises:
        UsageError: If there are more ids than rows.
    """
    if codec.vocab_size > len(head):
        raise UsageError(
            f"the tokenizer has {codec.vocab_size} ids and the model {len(head)}; they are not of the same "
            "checkpoint"
        )
