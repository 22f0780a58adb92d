"""Finding phrases in a run of words, longest first, in time linear in the words."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from simenv.core.lexicon import spellings

T = TypeVar("T")


@lru_cache(maxsize=4096)
def _runs(phrase: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of each spelling of a phrase; those of a lexicon go into several tables."""
    return tuple(words for spelling in spellings(phrase) if (words := tuple(spelling.split(" "))) != ("",))


class Phrases(Generic[T]):
    """A table of phrases, each with what it means.

    A word costs one dictionary access; where a phrase may start, so does each length that phrases with that
    first
    word have. A phrase that is given twice keeps its first meaning.

    Args:
        entries: Pairs of a phrase, braces allowed, and its meaning.
    """

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        meanings: dict[tuple[str, ...], T] = {}
        for phrase, meaning in entries:
            for words in _runs(phrase):
                meanings.setdefault(words, meaning)
        self._meanings = meanings
        self._lengths: dict[str, tuple[int, ...]] = {}
        for words in sorted(meanings, key=len):
            lengths = self._lengths.get(words[0], ())
            if len(words) not in lengths:
                self._lengths[words[0]] = (len(words), *lengths)

    @property
    def starts(self) -> frozenset[str]:
        """The words that phrases start with."""
        return frozenset(self._lengths)

    @property
    def openings(self) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        """The phrases of one word, and the first two words of the others."""
        return (
            frozenset(words[0] for words in self._meanings if len(words) == 1),
            frozenset((words[0], words[1]) for words in self._meanings if len(words) > 1),
        )

    def at(self, words: Sequence[str], i: int) -> tuple[int, T] | None:
        """Return the length and the meaning of the longest phrase that starts at word ``i``, if one does."""
        lengths = self._lengths.get(words[i])
        if lengths is not None:
            meanings = self._meanings
            for length in lengths:
                phrase = tuple(words[i : i + length])
                if phrase in meanings:
                    return len(phrase), meanings[phrase]
        return None

    def among(self, words: Sequence[str], spots: Sequence[int] | None = None) -> list[tuple[int, int, T]]:
        """Return (start, end, meaning) of the phrases from the left, longest first, none overlapping.

        Those that start at one of ``spots``, rising, if these are given.
        """
        found: list[tuple[int, int, T]] = []
        starts = self._lengths
        if spots is None:
            if starts.keys().isdisjoint(words):
                return found
            spots = [i for i, word in enumerate(words) if word in starts]
        end = 0
        for i in spots:
            if i >= end and words[i] in starts and (hit := self.at(words, i)) is not None:
                end = i + hit[0]
                found.append((i, end, hit[1]))
        return found
