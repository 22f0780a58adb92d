"""What ``core/grammar.py`` does once per rule: templates become a tree to read by, patterns an index."""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import UsageError

SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*\Z")
TIGHT = ",.?!;\n"
"""No space is written before these."""

_HOLE = re.compile(r"\$[a-z_]\w*\Z")
_SLOT = re.compile(r"(?:([a-z_]\w*):)?([A-Z][A-Z0-9_]*)\Z")
_GROUPS = re.compile(r"\[([^\[\]]*)\]")
_BRACES = re.compile(r"\{([^{}]*)\}")
_SPARE_SPACE = re.compile(r"(?<=[ \n]) +| +(?=[,.?!;\n])")
_SENTENCE = re.compile(r"(?:(?<=[.!?] )|(?<=\n))[^\W\d_]")
_ENDS = frozenset((". ", "! ", "? "))
_MOST_EXPANSIONS = 10_000
_NESTED = (dict, list)


class Slot(NamedTuple):
    """A place in a template: the hole it writes ("" for a filler), how, and its part of an address."""

    name: str
    symbol: str
    part: str


Expansion = tuple[str | Slot, ...]
"""A template without alternatives: words and slots in turn."""
Needs = tuple[tuple[str, str], ...]
"""The holes of an expansion, each with the symbol that writes it."""
Leaf = tuple[Any, tuple[str, ...]]
"""What a wording means: a pattern, and which holes its slots write, in the order of the text."""


def fold(text: str) -> str:
    """Return ``text`` in lower case, as long as before."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def capital(text: str) -> str:
    """Return ``text`` with its first letter upper-cased, if lower case gives it back."""
    upper = text[0].upper()
    return upper + text[1:] if upper.lower() == text[0] else text


def starts(text: str, at: int) -> bool:
    """Whether a sentence starts at this place of ``text``."""
    return at == 0 or text[at - 1] == "\n" or text[at - 2 : at] in _ENDS


def is_hole(pattern: Any) -> bool:
    """Whether a pattern stands for any value."""
    return isinstance(pattern, str) and _HOLE.match(pattern) is not None


def plain(pattern: Any) -> Any:
    """Return a copy of a pattern that is JSON.

    Raises:
        UsageError: If it is not.
    """
    try:
        return parse_trusted(canonical(pattern))
    except (TypeError, ValueError) as fault:
        raise UsageError(f"a pattern is JSON, got {pattern!r}: {fault}") from fault


def holes_of(pattern: Any) -> set[str]:
    """Return the names of a pattern's holes."""
    if isinstance(pattern, dict):
        return {name for part in pattern.values() for name in holes_of(part)}
    if isinstance(pattern, list):
        return {name for part in pattern for name in holes_of(part)}
    return {pattern[1:]} if is_hole(pattern) else set()


def filled(pattern: Any, bound: dict[str, Any]) -> Any:
    """Return the value of a pattern whose holes stand for ``bound``."""
    if isinstance(pattern, dict):
        return {key: filled(part, bound) for key, part in pattern.items()}
    if isinstance(pattern, list):
        return [filled(part, bound) for part in pattern]
    return bound[pattern[1:]] if is_hole(pattern) else pattern


def bind(pattern: Any, value: Any, bound: dict[str, Any]) -> bool:
    """Whether ``value`` fits a pattern; adds to ``bound`` what its holes stand for."""
    if isinstance(pattern, str) and is_hole(pattern):
        known = bound.setdefault(pattern[1:], value)
        return known is value or canonical(known) == canonical(value)
    if type(pattern) is not type(value):
        return False
    if isinstance(pattern, dict):
        same = pattern.keys() == value.keys()
        return same and all(bind(part, value[key], bound) for key, part in pattern.items())
    if isinstance(pattern, list):
        same = len(pattern) == len(value)
        return same and all(bind(part, item, bound) for part, item in zip(pattern, value, strict=True))
    return bool(pattern == value)


def expanded(template: str, holes: set[str]) -> list[Expansion]:
    """Return the expansions of a template, each of which writes exactly ``holes``.

    Raises:
        UsageError: If braces or brackets are not in order, or the holes differ.
    """
    parts = _GROUPS.split(template)
    if any(mark in part for part in parts for mark in "[]"):
        raise UsageError(f"alternatives close and do not nest, got {template!r}")
    options = [part.split("|") if k % 2 else [part] for k, part in enumerate(parts)]
    if prod(len(option) for option in options) > _MOST_EXPANSIONS:
        raise UsageError(f"a template has at most {_MOST_EXPANSIONS} expansions, got {template!r}")
    pieces = [[_pieces(text, template) for text in option] for option in options]
    found = [_joined([piece for branch in chosen for piece in branch]) for chosen in product(*pieces)]
    for expansion in found:
        named = {part.name for part in expansion if isinstance(part, Slot) and part.name}
        if named != holes:
            missing, extra = sorted(holes - named), sorted(named - holes)
            raise UsageError(
                f"every wording writes every hole of its pattern: {template!r} lacks {missing}, adds {extra}"
            )
    return found


def _pieces(text: str, template: str) -> list[str | Slot]:
    parts: list[str | Slot] = []
    for k, part in enumerate(_BRACES.split(text)):
        slot = _SLOT.match(part) if k % 2 else None
        if slot:
            parts.append(Slot(slot[1] or "", slot[2], slot[1] or slot[2]))
        elif k % 2 or "{" in part or "}" in part:
            raise UsageError(f"a slot is {{name:SYMBOL}} or {{SYMBOL}}, got {template!r}")
        elif part:
            parts.append(part)
    return parts


def _joined(pieces: list[str | Slot]) -> Expansion:
    """Return pieces as an expansion: neighbouring words are one piece, slots have addresses of their own."""
    parts: list[str | Slot] = []
    used: dict[str, int] = {}
    for piece in pieces:
        if isinstance(piece, Slot):
            used[piece.part] = count = used.get(piece.part, 0) + 1
            parts.append(piece if count == 1 else piece._replace(part=f"{piece.part}#{count}"))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += piece
        else:
            parts.append(piece)
    return tuple(part if isinstance(part, Slot) else _tidy(part) for part in parts)


def _tidy(words: str) -> str:
    if "  " in words or any(mark in words for mark in TIGHT):
        words = _SPARE_SPACE.sub("", words)
        words = _SENTENCE.sub(lambda letter: capital(letter.group()), words)
    return words


def shown(expansion: Expansion) -> str:
    """Return the text that an expansion shares with its equals: slots without names, in lower case."""
    parts = [p if isinstance(p, str) else f"{{{':' * bool(p.name)}{p.symbol}}}" for p in expansion]
    return fold("".join(parts).strip(" "))


class Node:
    """A place in the tree of a symbol's wordings: what may come next, and what one ending here means.

    Words are edges by their first letter. A space next to a slot is an edge of its own: it may be left out.
    """

    __slots__ = ("gap", "leaf", "slots", "text")

    def __init__(self) -> None:
        self.text: dict[str, tuple[str, Node]] = {}
        self.gap: Node | None = None
        self.slots: list[tuple[str, bool, Node]] = []
        self.leaf: Leaf | None = None

    def after(self, part: str | Slot) -> "Node":
        """Return the place after a part of an expansion, which is added if it is new."""
        if isinstance(part, str):
            core = part.strip(" ")
            node = self.after_gap() if part[0] == " " else self
            node = node.after_text(fold(core)) if core else node
            return node.after_gap() if core and part[-1] == " " else node
        for symbol, filler, child in self.slots:
            if symbol == part.symbol and filler == (not part.name):
                return child
        self.slots.append((part.symbol, not part.name, Node()))
        return self.slots[-1][2]

    def after_gap(self) -> "Node":
        """Return the place after a space."""
        if self.gap is None:
            self.gap = Node()
        return self.gap

    def after_text(self, text: str) -> "Node":
        """Return the place after words."""
        if text[0] not in self.text:
            self.text[text[0]] = (text, Node())
            return self.text[text[0]][1]
        edge, child = self.text[text[0]]
        short = min(len(edge), len(text))
        same = next((k for k in range(1, short) if edge[k] != text[k]), short)
        if same < len(edge):
            middle = Node()
            middle.text[edge[same]] = (edge[same:], child)
            self.text[text[0]] = (edge[:same], middle)
            child = middle
        return child.after_text(text[same:]) if same < len(text) else child

    def all_slots(self) -> Iterator[tuple[str, bool, "Node"]]:
        """Yield every slot below this place."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield from node.slots
            stack += [child for _, child in node.text.values()]
            stack += [child for _, _, child in node.slots]
            stack += [node.gap] if node.gap else []

    def front(self, empty: Sequence[str]) -> tuple[list[str], bool]:
        """Return the symbols that can come first, and whether none has to; ``empty`` ones can be ""."""
        first: list[str] = []
        ends = False
        stack = [self]
        while stack:
            node = stack.pop()
            ends = ends or node.leaf is not None
            first += [symbol for symbol, _, _ in node.slots]
            stack += [child for symbol, _, child in node.slots if symbol in empty]
            stack += [node.gap] if node.gap else []
        return first, ends


class Entry:
    """A pattern with its wordings: by the holes that they write, then by template.

    Attributes:
        mask: The keys of the pattern's constants, which an index looks up.
        holes: The other keys with the holes there, if there is nothing else and no hole twice.
    """

    __slots__ = ("holes", "mask", "needs", "pattern")

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern
        self.needs: dict[Needs, list[list[Expansion]]] = {}
        keys: Sequence[Any] = ()
        if isinstance(pattern, dict | list):
            keys = sorted(pattern) if isinstance(pattern, dict) else range(len(pattern))
        rest = [key for key in keys if isinstance(pattern[key], dict | list) or is_hole(pattern[key])]
        self.mask = tuple(key for key in keys if key not in rest)
        flat = all(is_hole(pattern[key]) for key in rest) and len(rest) == len(holes_of(pattern))
        self.holes = [(key, pattern[key][1:]) for key in rest] if flat else None


class Index:
    """The patterns of a symbol by their shape and constants."""

    __slots__ = ("_any", "_none", "_shapes")

    def __init__(self) -> None:
        self._any: list[Entry] = []
        self._none: list[tuple[Entry, dict[str, Any]]] = []
        self._shapes: dict[Any, dict[tuple[Any, ...], dict[Any, list[Entry]]]] = {}

    def add(self, entry: Entry) -> None:
        """Add a pattern."""
        pattern = entry.pattern
        if is_hole(pattern):
            self._any.append(entry)
            return
        if pattern is None:
            self._none.append((entry, {}))
            return
        masks = self._shapes.setdefault(_shape(pattern), {})
        same = masks.setdefault(entry.mask, {})
        same.setdefault(_constants(pattern, entry.mask), []).append(entry)

    def fitting(self, value: Any) -> list[tuple[Entry, dict[str, Any]]]:
        """Return the patterns that ``value`` fits, with what their holes stand for."""
        if value is None and not self._any:
            return self._none
        found = list(self._none) if value is None else []
        for mask, entries in self._shapes.get(_shape(value), {}).items():
            for entry in entries.get(_constants(value, mask), ()):
                bound: dict[str, Any] = {}
                if entry.holes is not None:
                    found.append((entry, {name: value[key] for key, name in entry.holes}))
                elif bind(entry.pattern, value, bound):
                    found.append((entry, bound))
        found += [(entry, {entry.pattern[1:]: value}) for entry in self._any]
        return found


def _shape(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return frozenset(value)
    return len(value) if kind is list else (kind, value)


def _constants(value: Any, mask: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the scalars at the keys of ``mask``; what is not a scalar there equals none."""
    found = [value[key] for key in mask]
    return tuple([None if type(part) in _NESTED else (type(part), part) for part in found])
