"""Cutting a message into sentences and list items of plain words."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LIMIT = 8_000
"""Characters of a message that are read; the rest is not."""


def _accents() -> dict[int, str]:
    """Letters with one accent or more, up to Latin Extended Additional, to the plain letter."""
    plain = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base != chr(code) and base.isascii():
            plain[code] = base
    return plain


_QUOTES = {
    ord(old): new
    for olds, new in (
        ("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
        ("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    )
    for old in olds
}
_DASHES = {
    ord(old): new
    for olds, new in (("\u2010\u2011\u2012\u2013\u2212", "-"), ("\u2014\u2015", ","))
    for old in olds
}
_SPACES = {ord(old): " " for old in "\t\v\f\r\u00a0\u2007\u2009\u202f\u200b\u2060\ufeff`"}
_LINES = {ord(old): "\n" for old in "\u0085\u2028\u2029"}
_PLAIN = {
    **_QUOTES,
    **_DASHES,
    **_SPACES,
    **_LINES,
    ord("\u2044"): "/",
    ord("\uff1f"): "?",
    ord("\uff1a"): ":",
    ord("\uff0c"): ",",
}
_FOLDED = _accents()

ITEM = re.compile(
    r"[ >#]{0,12}(?:[-*\u2022\u25e6\u25aa\u25cf\u00b7+|\u2610\u2713\u2714\u2192][ \uFE0F](?:\[ ?\])?"
    r"|\(?\d{1,2}[.)] ?|\(?[a-z][.)] |\d\uFE0F?\u20E3|[\u2460-\u2473]|\[ ?\])"
)
TOKEN = re.compile(r"\w+|'\w+|[?,:;()/|]|[.!](?![\w.!])|(?<= )-(?= )")
_ENDS = frozenset(".!?")
_CONTRACTED = {"'ll": "will", "'d": "would", "'re": "are", "'ve": "have", "'m": "am", "'t": "not"}
_POSSESSIVE = "'s"
_FILLERS = frozenset(("also", "just", "still", "simply", "quickly", "again", "already", "perhaps", "exactly"))
_PLEASE = frozenset(("please", "kindly", "pls", "plz"))
_FILL = " _.*[]()|\u2026"
_COLONS = frozenset(":=\u2192")
_INVERTED = frozenset(("do", "does", "did", "is", "are", "was", "were", "should", "shall", "may"))
_ASKERS = frozenset(("how", "what", "which", "when", "where"))
_SUBJECTS = frozenset(
    (
        "you",
        "i",
        "we",
        "he",
        "she",
        "it",
        "they",
        "there",
        "this",
        "that",
        "these",
        "those",
        "the",
        "any",
        "your",
    )
)
_SPECIAL = _FILLERS | _PLEASE | {"let", "-"}
_ABBREVIATIONS = frozenset(("e", "g", "i", "mr", "mrs", "ms", "dr", "vs", "etc", "approx", "incl"))


class Segment(NamedTuple):
    """A sentence, or a part of one that a line break or a table border ends.

    Attributes:
        words: Lower-case words and the marks ``, : ; ( ) / |``; fillers and a "please" in "you please" and
            "please let" left out.
        end: The mark that ends it: ``.``, ``!``, ``?``, ``:`` or nothing.
        item: Whether it opens a line that is a list item or a row of a table.
        line: The number of its line, counted from 0; empty lines count.
        blank: Whether it ends in a place left to fill: ``Name: ____``, ``Name:`` or ``[ ] Name``.
    """

    words: tuple[str, ...]
    end: str
    item: bool
    line: int
    blank: bool = False


@lru_cache(maxsize=8)
def _plain(message: str) -> str:
    """Return the message cut at ``LIMIT``, its quotes, dashes and spaces plain."""
    return message[:LIMIT].translate(_PLAIN)


@lru_cache(maxsize=8)
def lowered(message: str) -> str:
    """Return the message plain and folded, its marks kept; a message is mostly read more than once."""
    return folded(_plain(message))


def normalise(message: str) -> str:
    """Return the message cut at ``LIMIT``, its quotes, dashes and spaces plain, ``*`` and backquotes blank.

    Every character keeps its place, so that positions in the result are positions in the message.
    """
    return _plain(message).replace("*", " ")


def folded(text: str) -> str:
    """Return ``text`` in lower case without accents; every character keeps its place."""
    if text.isascii():
        return text.lower()
    return text.translate(_FOLDED).replace("\u0130", "i").lower()


@lru_cache(maxsize=8)
def segments(message: str) -> tuple[Segment, ...]:
    """Cut a message into its sentences and list items."""
    found: list[Segment] = []
    text = lowered(message).replace("(s)", "")
    for number, line in enumerate(text.split("\n")):
        if line:
            start = ITEM.match(line)
            cut = len(found)
            _cut_line(TOKEN.findall(line, start.end() if start else 0), number, found, item=start is not None)
            if len(found) > cut and _left_blank(line, start):
                found[-1] = found[-1]._replace(blank=True)
    return tuple(found)


def _left_blank(line: str, start: re.Match[str] | None) -> bool:
    """Whether a line ends in a place left to fill, or starts with an empty box."""
    label = line.rstrip(_FILL)
    return label[-1:] in _COLONS or "__" in line[len(label) :] or (start is not None and "[" in start[0])


def _clauses(words: list[str]) -> Iterator[list[str]]:
    """Cut a question where "and" joins a second one to it: "which day, and do you need a hotel?"."""
    start = 0
    for i, word in enumerate(words):
        if 0 < i < len(words) - 2 and (
            (word == "and" and _opens_question(words, i + 1, start))
            or (word == "," and words[i + 1] in _INVERTED and not _ASKERS.isdisjoint(words[start:i]))
        ):
            yield words[start : i - (words[i - 1] in ",;")]
            start = i + 1
    yield words[start:]


def _opens_question(words: list[str], i: int, start: int) -> bool:
    """Whether a question starts at word ``i``; after a choice with "or" a question word is enough."""
    if words[i] in _INVERTED:
        return words[i + 1] in _SUBJECTS
    if words[i] == "would" or words[i] == "will":
        return words[i + 1] == "you" and words[i + 2 : i + 3] != ["please"]
    return words[i] in _ASKERS and (start > 0 or "or" in words[start:i])


def _cut_line(tokens: list[str], number: int, found: list[Segment], *, item: bool) -> None:
    """Append the sentences of one line to ``found``."""
    words: list[str] = []
    for token in tokens:
        if token in _ENDS:
            if words and not (token == "." and words[-1] in _ABBREVIATIONS):
                if token == "?" and "and" in words:
                    *firsts, words = _clauses(words)
                    for first in filter(None, firsts):
                        found.append(Segment(tuple(first), token, item, number))
                        item = False
                found.append(Segment(tuple(words), token, item, number))
                words, item = [], False
        elif token in _SPECIAL or token[0] == "'":
            _take(token, words)
        else:
            words.append(token)
    end = ":" if words and words[-1] == ":" else ""
    while words and words[-1] in ",:;":
        words.pop()
    if words:
        found.append(Segment(tuple(words), end, item, number))


def _take(token: str, words: list[str]) -> None:
    """Append what a token stands for to ``words``: a contraction, a politeness, nothing."""
    if token[0] == "'":
        if token != _POSSESSIVE:
            words.append(_CONTRACTED.get(token, token[1:]))
    elif token in _PLEASE:
        if not (words and words[-1] in ("you", "please")):
            words.append("please")
    elif token == "let":
        if words and words[-1] == "please":
            words.pop()
        words.append(token)
    elif token == "-":
        words.append(":")
