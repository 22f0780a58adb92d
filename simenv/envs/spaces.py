"""Spaces of text: any string up to a length, with samples that are worth sending.

Gymnasium's own ``Text`` walks every character, takes an ordinary sentence to be outside and samples
garbage.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from gymnasium import Space
from gymnasium.spaces import Tuple
from gymnasium.vector.utils import batch_differing_spaces
from typing_extensions import override

from simenv.core.canonical import MAX_BYTES, canonical
from simenv.core.domain import Domain
from simenv.core.errors import UsageError

ACTION_LENGTH = MAX_BYTES
OBSERVATION_LENGTH = 2**24
SENTENCES = (
    "Hello, how can I help you?",
    "Could you please tell me your user ID?",
    "One moment, please.",
    "Yes, that is right.",
    "I am sorry, that is not possible.",
    "Très bien, un instant — merci “beaucoup”.",
)


class Unicode(Space[str]):
    """Every string of at most ``max_length`` characters.

    Args:
        max_length: In characters; the empty string is always inside.
        examples: What ``sample`` picks from, evenly.
        seed: Of the samples.

    Raises:
        UsageError: If ``max_length`` is negative, there are no examples or one is outside.
    """

    def __init__(
        self, max_length: int, *, examples: Sequence[str] = SENTENCES, seed: int | None = None
    ) -> None:
        if max_length < 0:
            raise UsageError(f"max_length is an integer >= 0, got {max_length}")
        self.max_length = max_length
        self.examples = tuple(examples)
        if not self.examples or max(map(len, self.examples)) > max_length:
            raise UsageError(f"examples must be one or more strings of at most {max_length} characters")
        super().__init__(dtype=str, seed=seed)

    @property
    @override
    def is_np_flattenable(self) -> bool:
        """Text is no array."""
        return False

    @override
    def contains(self, x: Any) -> bool:
        """Whether ``x`` is a string that is not too long; takes the same time for every string."""
        return isinstance(x, str) and len(x) <= self.max_length

    @override
    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """Return one of the examples.

        Raises:
            UsageError: If a mask or probabilities are given; text has neither.
        """
        if mask is not None or probability is not None:
            raise UsageError("text has no mask and no probabilities; choose the examples instead")
        drawn = int(self.np_random.bit_generator.random_raw())
        return self.examples[drawn % len(self.examples)]

    @override
    def __eq__(self, other: object) -> bool:
        """Spaces are equal if they hold the same strings; the examples do not matter."""
        return type(other) is type(self) and self.max_length == getattr(other, "max_length", None)

    @override
    def __hash__(self) -> int:
        return hash((type(self), self.max_length))

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.max_length})"


# Everything else that vector environments need, Gymnasium does for any space. This it looks up by the
# type of the listed spaces, which its own types do not say.
@batch_differing_spaces.register(Unicode)
def _batch_differing(spaces: Sequence[Unicode]) -> Tuple[Any]:  # type: ignore[misc]
    return Tuple([deepcopy(space) for space in spaces])


def observation_space() -> Unicode:
    """Return the space of observations."""
    return Unicode(OBSERVATION_LENGTH)


def action_space(domain: Domain) -> Unicode:
    """Return the space of actions; samples are read calls of the domain and short sentences."""
    calls = [_call(tool.schema["function"]) for tool in domain.tools if tool.effect == "read"]
    return Unicode(ACTION_LENGTH, examples=(*calls, *SENTENCES))


def _call(function: dict[str, Any]) -> str:
    properties = function["parameters"]["properties"]
    arguments = {name: _value(schema) for name, schema in properties.items()}
    return canonical({"name": function["name"], "arguments": arguments})


def _value(schema: dict[str, Any]) -> Any:
    """Return a value of the schema; the example that a description gives, where it gives one."""
    if "anyOf" in schema:
        return _value(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [_value(schema["items"])]
    if schema["type"] == "object":
        return {name: _value(part) for name, part in schema.get("properties", {}).items()}
    return _text(schema.get("description", "")) if schema["type"] == "string" else _PLAIN[schema["type"]]


def _text(manual: str) -> str:
    given = re.search(r'such as "([^"]+)"', manual)
    return given[1] if given else "2024-05-20" if "YYYY-MM-DD" in manual else "text"


_PLAIN: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}
