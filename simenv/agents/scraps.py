"""What an agent without understanding can pick up: every value it has seen, by the name it had."""

import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from simenv.core.canonical import parse_trusted
from simenv.core.draws import Draws
from simenv.core.lexicon import Lexicon
from simenv.core.tools import Dollars, Tool
from simenv.episodes.episode import Episode
from simenv.users.mentions import mentions

_OPENING = 2
"""How many messages an episode begins with: the policy and the customer's opening."""


class Scraps:
    """Values seen in an episode so far: the leaves of tool results by key, mentions by kind."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        texts = tuple(message["content"] for message in episode.messages[:_OPENING])
        values, numbers = _opened(texts, episode.domain.lexicon)
        self.values: dict[str, list[Any]] = {kind: list(seen) for kind, seen in values.items()}
        self.numbers: list[str] = list(numbers)
        self._known = {(kind, str(value)) for kind, seen in values.items() for value in seen}
        self._read = len(texts)
        self.look()

    def look(self) -> "Scraps":
        """Take in the messages that have come since the last look."""
        episode = self.episode
        fresh, self._read = episode.messages[self._read :], len(episode.messages)
        for message in fresh:
            text = message["content"]
            if message["role"] == "tool" and text[:1] in ("{", "["):
                self._take("", parse_trusted(text))
            elif message["role"] != "assistant":
                for mention in mentions(text, episode.domain.lexicon):
                    self._see(mention.kind, mention.value)
        return self

    def _take(self, key: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                self._see("key", name)
                self._take(name, part)
        elif isinstance(value, list):
            for part in value:
                self._take(key.removesuffix("s"), part)
        elif value is not None:
            self._see(key, value)

    def _see(self, key: str, value: Any) -> None:
        if (key, str(value)) not in self._known:
            self._known.add((key, str(value)))
            self.values.setdefault(key, []).append(value)
            self.numbers.append(str(value))

    def fill(self, name: str, kind: Any, draws: Draws) -> Any:
        """Return some value of that type, one seen under that name if there is any."""
        origin, parts = get_origin(kind), get_args(kind)
        if origin is Literal:
            return draws.choice(parts)
        if origin is list:
            return [self.fill(name.removesuffix("s"), parts[0], draws) for _ in range(draws.between(1, 2))]
        if origin is dict:
            return {str(key): self._one(draws) for key in self._some(draws)}
        if is_typeddict(kind):
            fields = _fields(kind)
            return {key: self.fill(key, part, draws) for key, part in fields.items()}
        if origin in (types.UnionType, typing.Union):
            return self.fill(name, parts[0], draws)
        seen = [value for value in self.values.get(name, ()) if _fits(value, kind)]
        if seen:
            return draws.choice(seen)
        return draws.between(0, 9) if kind in (int, Dollars, Decimal) else str(self._one(draws))

    def _some(self, draws: Draws) -> Iterator[Any]:
        for _ in range(draws.between(1, 3)):
            yield self._one(draws)

    def _one(self, draws: Draws) -> str:
        return draws.choice(self.numbers) if self.numbers else "x"

    def call(self, tool: Tool, draws: Draws) -> dict[str, Any]:
        """Return arguments for a call that is legal in form."""
        return {name: self.fill(name, kind, draws) for name, kind in tool.parameters.items()}


def _fits(value: Any, kind: Any) -> bool:
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool)


@lru_cache(maxsize=16)
def _opened(texts: tuple[str, ...], lexicon: Lexicon) -> tuple[dict[str, list[Any]], list[str]]:
    """Return the values that an opening states by kind, and all of them in order; agents begin alike."""
    known: dict[tuple[str, str], Any] = {}
    for text in texts:
        for mention in mentions(text, lexicon):
            known.setdefault((mention.kind, str(mention.value)), mention.value)
    values: dict[str, list[Any]] = {}
    for (kind, _), value in known.items():
        values.setdefault(kind, []).append(value)
    return values, [text for _, text in known]


@lru_cache(maxsize=256)
def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
