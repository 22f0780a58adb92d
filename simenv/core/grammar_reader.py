"""The reading half of ``core/grammar.py``: a memoised recursive descent over the characters of a text."""

import re
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.grammar_templates import TIGHT, Leaf, Node, filled, fold, starts

DEEPEST = 50
"""Symbols inside symbols; what is nested deeper is refused when written and not understood when read."""
_KEPT = 16
"""Meanings that are kept of one stretch of text; a second one exists only where a grammar is ambiguous."""

# How a slot was reached and filled: the state before it, its symbol, if it is a filler, its start and end.
_State = list[tuple[Any, str, bool, int, int]]
_Way = tuple[Leaf, _State | None]
_Read = Callable[[str, Any], Any | None]


class _TooDeepError(Exception):
    """A text nests symbols deeper than this module follows."""


def _distinct(values: Iterable[Any], most: int) -> list[Any]:
    """Return the first ``most`` different values."""
    rest = iter(values)
    first = list(islice(rest, 2))
    if len(first) < 2:
        return first
    found: dict[str, Any] = {}
    for value in chain(first, rest):
        found.setdefault(canonical(value), value)
        if len(found) == most:
            break
    return list(found.values())


def _built(leaf: Leaf, values: tuple[Any, ...]) -> list[Any]:
    """Return the value of a wording whose holes stand for these values; none if a name has two values."""
    pattern, names = leaf
    bound = dict(zip(names, values, strict=True))
    if len(bound) < len(names):
        pairs = zip(names, values, strict=True)
        if any(canonical(bound[name]) != canonical(value) for name, value in pairs):
            return []
    return [filled(pattern, bound)]


class Reader:
    """One call of ``read``: first where each symbol can end, then what the stretches mean that count."""

    def __init__(
        self,
        terminals: dict[str, tuple[re.Pattern[str], _Read]],
        roots: dict[str, Node],
        text: str,
        context: Any,
        most: int,
    ) -> None:
        self._terminals = terminals
        self._roots = roots
        self._text = text
        self._low = fold(text)
        self._context = context
        self._kept = max(most, _KEPT)
        self._depth = 0
        self._charts: dict[tuple[str, int], dict[int, Any]] = {}
        self._values: dict[tuple[str, int, int], list[Any]] = {}
        self._tuples: dict[int, list[tuple[Any, ...]]] = {}

    def meanings(self, symbol: str) -> list[Any]:
        """Return what the whole text means."""
        try:
            found = len(self._text) in self._ends(symbol, 0)
        except _TooDeepError:
            return []
        return self._meanings(symbol, 0, len(self._text)) if found else []

    def _ends(self, symbol: str, start: int) -> dict[int, Any]:
        """Return where a symbol that starts here can end, each with the value or the ways there."""
        key = (symbol, start)
        ends = self._charts.get(key)
        if ends is None:
            if symbol in self._terminals:
                ends = self._terminal(*self._terminals[symbol], start)
            else:
                self._depth += 1
                if self._depth > DEEPEST:
                    raise _TooDeepError
                ends = self._walk(self._roots[symbol], start)
                self._depth -= 1
            self._charts[key] = ends
        return ends

    def _terminal(self, regex: re.Pattern[str], read: _Read, start: int) -> dict[int, Any]:
        match = regex.match(self._text, start)
        value = read(match.group(), self._context) if match else None
        if value is None and starts(self._text, start) and self._text[start : start + 1].isupper():
            text = f"{self._text[:start]}{self._low[start]}{self._text[start + 1 :]}"
            match = regex.match(text, start)
            value = read(match.group(), self._context) if match else None
        return {match.end(): value} if match and value is not None else {}

    def _walk(self, root: Node, start: int) -> dict[int, list[_Way]]:
        """Follow a symbol's wordings from here through the text.

        A state is the list of ways that lead to the place after a slot; ``None`` is the start.
        """
        low = self._low
        states: dict[tuple[Node, int], _State] = {}
        ends: dict[int, list[_Way]] = {}
        stack: list[tuple[Node, int, _State | None]] = [(root, start, None)]
        while stack:
            node, at, state = stack.pop()
            if node.leaf:
                ends.setdefault(at, []).append((node.leaf, state))
            edge = node.text.get(low[at : at + 1])
            if edge and low.startswith(edge[0], at):
                stack.append((edge[1], at + len(edge[0]), state))
            if node.gap and (after := self._after_gap(at)) >= 0:
                stack.append((node.gap, after, state))
            for symbol, filler, child in node.slots:
                for end in self._ends(symbol, at):
                    way = (state, symbol, filler, at, end)
                    if known := states.get((child, end)):
                        known.append(way)
                    else:
                        states[child, end] = fresh = [way]
                        stack.append((child, end, fresh))
        return ends

    def _after_gap(self, at: int) -> int:
        """Return where a template's space ends that starts here: it may have been left out, -1 if not."""
        text = self._text
        if at == len(text):
            return at
        if text[at] == " ":
            return at + 1
        return at if text[at] in TIGHT or at == 0 or text[at - 1] in " \n" else -1

    def _meanings(self, symbol: str, start: int, end: int) -> list[Any]:
        key = (symbol, start, end)
        if key not in self._values:
            found = self._charts[symbol, start][end]
            if symbol in self._terminals:
                self._values[key] = [found]
            else:
                every = (_built(leaf, values) for leaf, state in found for values in self._filled(state))
                self._values[key] = _distinct((value for one in every for value in one), self._kept)
        return self._values[key]

    def _filled(self, state: "_State | None") -> list[tuple[Any, ...]]:
        """Return what the holes on the ways to a state can stand for."""
        if state is None:
            return [()]
        if id(state) not in self._tuples:
            every = (
                (*before, *value)
                for earlier, symbol, filler, start, end in state
                for value in self._slot(symbol, start, end, filler=filler)
                for before in self._filled(earlier)
            )
            self._tuples[id(state)] = _distinct(every, self._kept)
        return self._tuples[id(state)]

    def _slot(self, symbol: str, start: int, end: int, *, filler: bool) -> list[tuple[Any, ...]]:
        values = self._meanings(symbol, start, end)
        if filler:
            return [()] if None in values else []
        return [(value,) for value in values]
