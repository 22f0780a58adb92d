"""One table of rules that writes a JSON value as English and reads the English back to that value.

A rule says how the values of one pattern are worded: ``Rule("REF", {"by": "$n"}, ("my {n:NTH} trip",))``.
The same rule writes and reads, so there is no wording that is not understood.

* In a pattern ``"$name"`` stands for any value; the same name twice stands for equal values.
* In a template ``{name:SYMBOL}`` writes a hole, ``{SYMBOL}`` is a filler, which means nothing and is written
  for None. ``[please|kindly|]`` are alternatives. Braces and brackets have no other use.
* Spaces need no care: doubled ones, and those before ``, . ? ! ;`` and line ends, are never written. What
  starts the text, or follows ``". "``, ``"! "``, ``"? "`` or a line end, has a capital, unless it is a code
  ("mia_li_3668") or the capital would make it another value ("polish", "Polish").

Reading keeps what it found for each symbol and position, so its time is polynomial in the text, whatever the
text. ``core/grammar_templates.py`` holds what is done once per rule, ``core/grammar_reader.py`` reads.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.grammar_reader import DEEPEST, Reader
from simenv.core.grammar_templates import (
    SYMBOL,
    TIGHT,
    Entry,
    Expansion,
    Index,
    Needs,
    Node,
    Slot,
    capital,
    expanded,
    filled,
    holes_of,
    is_hole,
    plain,
    shown,
    starts,
)

_PLAIN_WORD = re.compile(r"[^\W\d_]+(?=[ ,.?!;'-]|\Z)")
_Option = tuple[list[list[Expansion]], dict[str, Any]]
_Plan = str | list[_Option]


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of one pattern are worded.

    Attributes:
        symbol: What the wording is a kind of, such as ``"REF"``.
        pattern: JSON with holes; None is the pattern of fillers.
        templates: The wordings; each writes every hole of the pattern.
        family: The operator family under which ``Grammar.wordings`` counts them; "" is not counted.
    """

    symbol: str
    pattern: Any
    templates: tuple[str, ...]
    family: str = ""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Values that code writes and reads, such as dates.

    Attributes:
        symbol: Its name in templates.
        regex: What a written value looks like, the longest at a position; bounded and linear.
        write: From a value and the context to its text, None if the value is not of this kind.
        read: From a text that the regex matched and the context to the value, None if there is none.
    """

    symbol: str
    regex: str
    write: Callable[[Any, Any], str | None]
    read: Callable[[str, Any], Any | None]


_Terminals = dict[str, tuple[Terminal, re.Pattern[str]]]


def _compiled(terminal: Terminal) -> re.Pattern[str]:
    try:
        return re.compile(terminal.regex)
    except re.error as fault:
        raise UsageError(
            f"terminal {terminal.symbol}: {terminal.regex!r} is no regular expression: {fault}"
        ) from fault


def _refuse_cycle(graph: dict[str, list[str]], fault: str) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        raise UsageError(f"{found.args[1][0]} {fault}: {' > '.join(found.args[1][::-1])}") from None


class Grammar:
    """Rules and terminals as one writer and reader; it never changes after it is built.

    Raises:
        UsageError: If a rule is malformed, names an unknown symbol or hole, could go on for ever
            without reading text or reaching a smaller value, or shares a wording with another meaning.
    """

    def __init__(self, rules: Sequence[Rule], terminals: Sequence[Terminal]) -> None:
        self._terminals = {terminal.symbol: (terminal, _compiled(terminal)) for terminal in terminals}
        self._readers = {name: (regex, terminal.read) for name, (terminal, regex) in self._terminals.items()}
        self._roots: dict[str, Node] = {}
        self._indexes: dict[str, Index] = {}
        self._counts: dict[str, dict[tuple[str, str], None]] = {}
        seen: dict[tuple[str, str], tuple[str, str]] = {}
        same: dict[str, list[str]] = {}
        for rule in rules:
            self._add(rule, seen, same)
        names = [*self._roots, *(terminal.symbol for terminal in terminals)]
        for name in names:
            if not SYMBOL.match(name) or names.count(name) > 1:
                raise UsageError(f"a symbol is one terminal or has rules, and is in capitals, got {name!r}")
        self._check(same)

    def write(self, symbol: str, value: Any, draws: Draws, context: Any) -> str:
        """Return one wording of ``value``; each choice in it has an address of its own below ``draws``.

        Raises:
            UsageError: If no rule writes the value; the message says which part of it.
        """
        self._known(symbol)
        return _Writer(self._terminals, self._indexes, context).text(symbol, value, draws)

    def read(self, symbol: str, text: str, context: Any, most: int = 2) -> list[Any]:
        """Return the different values that the whole of ``text`` can mean, at most ``most``."""
        self._known(symbol)
        return Reader(self._readers, self._roots, text, context, most).meanings(symbol)[:most]

    def matches(self, symbol: str, value: Any, context: Any = None) -> bool:
        """Whether ``value`` can be written as ``symbol``."""
        self._known(symbol)
        return _Writer(self._terminals, self._indexes, context).plan(symbol, value) is not None

    def wordings(self) -> dict[str, int]:
        """Return how many different wordings each family has."""
        return {family: len(texts) for family, texts in sorted(self._counts.items())}

    def _known(self, symbol: str) -> None:
        if symbol not in self._roots and symbol not in self._terminals:
            raise UnknownNameError("symbol", symbol, [*self._roots, *self._terminals])

    def _add(
        self, rule: Rule, seen: dict[tuple[str, str], tuple[str, str]], same: dict[str, list[str]]
    ) -> None:
        """Add a rule; ``seen`` says what each wording means, ``same`` what is written for the same value."""
        entry = Entry(plain(rule.pattern))
        holes = holes_of(entry.pattern)
        meanings: dict[tuple[str, ...], str] = {}
        root = self._roots.setdefault(rule.symbol, Node())
        counted = self._counts.setdefault(rule.family, {}) if rule.family else {}
        follows = same.setdefault(rule.symbol, [])
        if not rule.templates:
            raise UsageError(f"{rule.symbol} {canonical(rule.pattern)} has no templates")
        for template in rule.templates:
            sources: dict[Needs, list[Expansion]] = {}
            for expansion in expanded(template, holes):
                slots = [part for part in expansion if isinstance(part, Slot)]
                names = tuple(slot.name for slot in slots if slot.name)
                if names not in meanings:
                    order = {name: f"${names.index(name)}" for name in names}
                    meanings[names] = canonical(filled(entry.pattern, order))
                key = (rule.symbol, shown(expansion))
                other, meant = seen.setdefault(key, (template, meanings[names]))
                if meant != meanings[names]:
                    both = f"{rule.symbol}: {other!r} and {template!r} both say {key[1]!r}"
                    raise UsageError(f"{both}, but mean {meant} and {meanings[names]}")
                counted[key] = None
                follows += [slot.symbol for slot in slots if not slot.name or is_hole(entry.pattern)]
                needs = tuple(dict.fromkeys((slot.name, slot.symbol) for slot in slots if slot.name))
                sources.setdefault(needs, []).append(expansion)
                node = root
                for part in expansion:
                    node = node.after(part)
                node.leaf = node.leaf or (entry.pattern, names)
            for needs, expansions in sources.items():
                entry.needs.setdefault(needs, []).append(expansions)
        self._indexes.setdefault(rule.symbol, Index()).add(entry)

    def _check(self, same: dict[str, list[str]]) -> None:
        """Refuse unknown symbols, fillers that mean something, and symbols that never end."""
        for name, root in self._roots.items():
            for used, filler, _ in root.all_slots():
                if used not in self._roots and used not in self._terminals:
                    raise UsageError(f"{name} uses {used}, which has no rule and is no terminal")
                if filler and not (used in self._indexes and any(self._indexes[used].fitting(None))):
                    raise UsageError(f"{name} uses {used} as a filler, but no rule of it is for None")
        empty = [name for name, (_, regex) in self._terminals.items() if regex.match("")]
        size = -1
        while size != len(empty):
            size = len(empty)
            empty += [n for n, root in self._roots.items() if n not in empty and root.front(empty)[1]]
        first = {name: root.front(empty)[0] for name, root in self._roots.items()}
        _refuse_cycle(first, "is left-recursive: reading it starts with reading it")
        _refuse_cycle(same, "is written by itself without a smaller value")


class _Writer:
    """One call of ``write``: what it found out about the parts of the value, and the text so far."""

    def __init__(self, terminals: _Terminals, indexes: dict[str, Index], context: Any) -> None:
        self._terminals = terminals
        self._indexes = indexes
        self._context = context
        self._plans: dict[tuple[str, int], _Plan | None] = {}
        self._depth = 0
        self._failed = ""
        self._text = ""
        self._soft = False

    def text(self, symbol: str, value: Any, draws: Draws) -> str:
        """Return a wording of the whole value."""
        if self.plan(symbol, value) is None:
            raise UsageError(f"no wording for {self._failed}, in {symbol} {canonical(value)}")
        self._draws = draws
        self._emit(symbol, value, symbol)
        return self._text[:-1] if self._soft else self._text

    def plan(self, symbol: str, value: Any) -> _Plan | None:
        """Return how the value can be written: a terminal's text, or templates with what fills them."""
        # The values are parts of one value that outlives this call, so their identity is a key.
        key = (symbol, id(value))
        if key in self._plans:
            return self._plans[key]
        found: _Plan | None = None
        if symbol in self._terminals:
            found = self._terminals[symbol][0].write(value, self._context)
        elif self._depth < DEEPEST:
            self._depth += 1
            found = self._options(symbol, value) or None
            self._depth -= 1
        if found is None and not self._failed:
            self._failed = f"{symbol} {canonical(value)}"
        self._plans[key] = found
        return found

    def _options(self, symbol: str, value: Any) -> list[_Option]:
        options: list[_Option] = []
        for entry, bound in self._indexes[symbol].fitting(value):
            for needs, sources in entry.needs.items():
                for name, used in needs:
                    if self.plan(used, bound[name]) is None:
                        break
                else:
                    options.append((sources, bound))
        return options

    def _emit(self, symbol: str, value: Any, path: str) -> None:
        plan = self.plan(symbol, value)
        if isinstance(plan, str):
            self._put_value(plan, *self._terminals[symbol])
            return
        if plan is None:
            raise UsageError(f"no wording for the filler {symbol}")
        wording, bound = self._chosen(plan, path)
        for part in wording:
            if type(part) is str:
                self._put(part)
            elif isinstance(part, Slot):
                self._emit(part.symbol, bound[part.name] if part.name else None, f"{path}/{part.part}")

    def _chosen(self, plan: list[_Option], path: str) -> tuple[Expansion, dict[str, Any]]:
        """Return a wording with what fills it: templates are equally likely, then their expansions."""
        sources, bound = plan[0]
        if len(plan) == 1 and len(sources) == 1 and len(sources[0]) == 1:
            return sources[0][0], bound
        # One word makes both choices: neither is off by more than 2**-40.
        word = self._draws.at(path).word()
        if len(plan) == 1:
            word, at = divmod(word, len(sources))
            source = sources[at]
        else:
            options = [(source, bound) for sources, bound in plan for source in sources]
            word, at = divmod(word, len(options))
            source, bound = options[at]
        return source[word % len(source)], bound

    def _put(self, piece: str) -> None:
        """Add a template's words."""
        text = self._text
        if piece[0] == " ":
            if text and text[-1] not in " \n":
                text += " "
                self._soft = True
            piece = piece[1:]
        elif self._soft and piece[0] in TIGHT:
            text = text[:-1]
        if piece:
            begins = not text or (text[-1] in " \n" and starts(text, len(text)))
            text += capital(piece) if begins else piece
            self._soft = piece[-1] == " "
        self._text = text

    def _put_value(self, piece: str, terminal: Terminal, regex: re.Pattern[str]) -> None:
        """Add a terminal's text, with a capital only where that cannot be taken for another value."""
        if not piece:
            return
        if starts(self._text, len(self._text)) and _PLAIN_WORD.match(piece):
            upper = capital(piece)
            match = regex.match(upper)
            read = terminal.read(match.group(), self._context) if match else None
            whole = match is not None and match.end() == len(upper)
            if read is None or (whole and canonical(read) == canonical(terminal.read(piece, self._context))):
                piece = upper
        self._text += piece
        self._soft = False
