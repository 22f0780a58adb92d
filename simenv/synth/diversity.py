"""How much the texts of a set differ: figures that go with a pack, computed without a model.

Each figure is a pure function of the texts. A word is a run of letters and digits with the apostrophes and
hyphens inside it and the marks inside a number, in lower case; every other mark is a word of its own.
"""

import re
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import exp, fsum, log
from typing import NamedTuple

from simenv.core.errors import UsageError

_RUN = r"[\w$]+(?:['\u2019-][\w$]+|(?<=\d)[.,:]\d[\w$]*)*"
_WORD = re.compile(rf"{_RUN}|[^\w\s]")
_PIECE = re.compile(rf"(?P<end>[.!?:\n]+)|(?P<word>{_RUN})|[^\w\s]")
_MASK = "#"
_EPSILON = 0.1

Gram = tuple[str, ...]


class _Peak(NamedTuple):
    """The two highest counts of an n-gram in one text, and which text has the highest."""

    best: int
    owner: int
    second: int


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, marks split off.

    Example:
        >>> words("Don't pay $1,234.50 (ever).")
        ["don't", 'pay', '$1,234.50', '(', 'ever', ')', '.']
    """
    return _WORD.findall(text.lower())


def distinct(texts: Sequence[str], n: int) -> float:
    """Return distinct n-grams over all n-grams of the set; 0 where there is none.

    It falls with the size of the set, so compare sets of one size.

    Source:
        Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models".

    Example:
        >>> distinct(["a b a b"], 1), distinct(["a b", "b a"], 2)
        (0.5, 1.0)
    """
    _check_order(n)
    listed = [gram for text in texts for gram in _grams(words(text), n)]
    return len(set(listed)) / len(listed) if listed else 0.0


def zlib_ratio(texts: Sequence[str]) -> float:
    """Return how many times smaller zlib makes the texts, one per line; more means more repetition.

    It depends a little on the order of the texts, and its last digits on the build of zlib.
    """
    data = "\n".join(texts).encode()
    return len(data) / len(zlib.compress(data, 9))


def self_bleu(texts: Sequence[str], n: int = 4, sample: int | None = None) -> float:
    """Return the mean BLEU of each text against all the others; 0 for fewer than two texts.

    Weights are uniform, the brevity penalty takes the closest length (of two the shorter), and an order
    without a match counts 0.1 matches, as method 1 of NLTK has it; a text that shares no word scores 0.
    The highest counts of every n-gram are found once, so the time is linear in the words.

    Args:
        texts: The set.
        n: The longest n-grams.
        sample: How many texts are scored, evenly spaced, always against all others; None for each.

    Source:
        Zhu et al. (2018), "Texygen"; Chen and Cherry (2014), "A Systematic Comparison of Smoothing Techniques
        for Sentence-Level BLEU".

    Example:
        >>> self_bleu(["a b c d", "a b c d"]), self_bleu(["a b", "c d"])
        (1.0, 0.0)
    """
    _check_order(n)
    if sample is not None and sample < 1:
        raise UsageError(f"a sample holds one text or more, got {sample}")
    if len(texts) < 2:
        return 0.0
    listed = [words(text) for text in texts]
    counts = [[Counter(_grams(each, order)) for order in range(1, n + 1)] for each in listed]
    peaks = [_peaks([of[order] for of in counts]) for order in range(n)]
    lengths = Counter(map(len, listed))
    ordered = sorted(lengths)
    scores: list[float] = []
    for at in _spaced(len(texts), sample):
        size = len(listed[at])
        fit = size if lengths[size] > 1 else _closest(ordered, size)
        scores.append(_bleu(at, size, fit, counts[at], peaks))
    return fsum(scores) / len(scores)


def masked_templates(texts: Sequence[str]) -> float:
    """Return the share of different texts after values are masked; 0 for no texts.

    Words with a digit or an underscore are masked, and words with a capital that do not open a sentence;
    "I" is kept, and neighbours are masked together.

    Example:
        >>> masked_templates(["Fly to San Diego on May 3.", "Fly to Boston on July 21.", "Go to Boston."])
        0.6666666666666666
    """
    return len({_masked(text) for text in texts}) / len(texts) if texts else 0.0


def summary(texts: Sequence[str]) -> dict[str, float]:
    """Return every figure of a set by name, and the number of its texts.

    Example:
        >>> sorted(summary(["a b c d", "a b c d"]))
        ['distinct_1', 'distinct_2', 'distinct_3', 'self_bleu4', 'texts', 'unique_templates', 'zlib']
    """
    figures: dict[str, float] = {f"distinct_{n}": distinct(texts, n) for n in (1, 2, 3)}
    return figures | {
        "zlib": zlib_ratio(texts),
        "self_bleu4": self_bleu(texts),
        "unique_templates": masked_templates(texts),
        "texts": len(texts),
    }


def _check_order(n: int) -> None:
    if n < 1:
        raise UsageError(f"n-grams have one word or more, got n={n}")


def _grams(listed: Sequence[str], n: int) -> Iterator[Gram]:
    return zip(*(islice(listed, start, None) for start in range(n)), strict=False)


def _spaced(total: int, sample: int | None) -> Iterator[int]:
    taken = total if sample is None else min(sample, total)
    return (i * total // taken for i in range(taken))


def _peaks(counts: Sequence[Mapping[Gram, int]]) -> dict[Gram, _Peak]:
    """Return the two highest counts of each n-gram over all texts."""
    found: dict[Gram, _Peak] = {}
    for owner, of in enumerate(counts):
        for gram, count in of.items():
            peak = found.get(gram)
            if peak is None:
                found[gram] = _Peak(count, owner, 0)
            elif count > peak.best:
                found[gram] = _Peak(count, owner, peak.best)
            elif count > peak.second:
                found[gram] = peak._replace(second=count)
    return found


def _closest(ordered: Sequence[int], size: int) -> int:
    """Return the length nearest to ``size`` that is not it, of two the shorter."""
    at = bisect_left(ordered, size)
    near = [*ordered[max(at - 1, 0) : at], *ordered[at + 1 : at + 2]]
    return min(near, key=lambda length: (abs(length - size), length))


def _bleu(
    at: int, size: int, fit: int, counts: Sequence[Mapping[Gram, int]], peaks: Sequence[Mapping[Gram, _Peak]]
) -> float:
    """Return the BLEU of text ``at``, of ``size`` words, where the closest other text has ``fit``."""
    logs: list[float] = []
    for of, table in zip(counts, peaks, strict=True):
        matches = 0
        for gram, count in of.items():
            peak = table[gram]
            matches += min(count, peak.second if peak.owner == at else peak.best)
        if not matches and not logs:
            return 0.0
        logs.append(log((matches or _EPSILON) / max(1, sum(of.values()))))
    return exp(fsum(logs) / len(logs) + min(0.0, 1 - fit / size))


def _masked(text: str) -> str:
    """Return a text with its values masked, in lower case."""
    kept: list[str] = []
    first = True
    for piece in _PIECE.finditer(text):
        word = piece["word"]
        if word is None:
            kept.append(piece[0])
        elif _is_value(word, first=first):
            if kept[-1:] != [_MASK]:
                kept.append(_MASK)
        else:
            kept.append(word.lower())
        first = piece["end"] is not None or (first and word is None)
    return " ".join(kept)


def _is_value(word: str, *, first: bool) -> bool:
    if any(letter.isdigit() or letter == "_" for letter in word):
        return True
    named = any(letter.isupper() for letter in word) and re.fullmatch(r"I(?:['\u2019]\w+)?", word) is None
    return named and not first
