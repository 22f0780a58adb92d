"""Finding the values that a text states: money, dates, times, counts, ids and words of closed sets.

Positions are positions in the text as given. Every pattern has bounded repeats, so reading is linear in the
text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from simenv.core.lexicon import Lexicon
from simenv.users.phrases import Phrases
from simenv.users.segments import lowered, normalise


class Mention(NamedTuple):
    """A value stated in a text.

    Attributes:
        kind: ``money``, ``date``, ``time``, ``count:<noun>`` or a kind of the lexicon.
        value: Integer cents for money and an integer for counts. Dates are ``2024-05-20`` or, without a year,
            ``--05-20``; times are ``HH:MM``; other values are as written or as the lexicon names them.
        start: Where it starts in the text.
        end: Where it ends, exclusive.
        corrected: Whether it is introduced as the correction of another value.
        denied: Whether it is named as what is not so: "not $60".
    """

    kind: str
    value: str | int
    start: int
    end: int
    corrected: bool = False
    denied: bool = False


_MONTH_NAMES = (
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may",),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sept", "sep"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
)
_MONTHS: Final = {name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names}
_MONTH_STEMS = tuple(names[0][:3] for names in _MONTH_NAMES)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH = rf"({'|'.join(name for names in _MONTH_NAMES for name in names)})\b\.?"
_YEAR = r"(?:,? {1,3}((?:19|20)\d\d)\b)?"
_AMOUNT = r"(\d(?:\d{0,2}(?:,\d{3}){1,4}|\d{0,11}))(?:\.(\d{1,2}))?(?![\d]|\.\d|,\d{3})"
_DOLLARS = re.compile(rf"\$ {{0,2}}{_AMOUNT}")
_USD_BEFORE = re.compile(rf"usd ?\$? {{0,2}}{_AMOUNT}")
_USD_AFTER = re.compile(rf"{_AMOUNT} {{0,2}}(?:usd|us dollars|dollars?|bucks)\b")
_ISO = re.compile(r"([12]\d\d\d)([-/])(\d\d)\2(\d\d)(?!\d)")
_AMERICAN = re.compile(r"(\d\d?)/(\d\d?)/([12]\d\d\d)(?!\d)")
_MONTH_DAY = re.compile(rf"{_MONTH} {{1,3}}(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:\d){_YEAR}")
_DAY_MONTH = re.compile(rf"(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {{1,3}}{_MONTH}{_YEAR}")
_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::\d\d)?(?![\d:])(?: ?([ap])\.?m\b)?")
_HOUR = re.compile(r"(\d\d?) ?([ap])\.?m\b")
_WORD_TIME = re.compile(r"\b(?:noon|midnight)\b")
_TOKENS = re.compile(r"(\w+|[:,;.!?()|/])")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_CORRECTION = re.compile(
    r"\b(?:correction|correcting|i meant|i mean|misspoke|my mistake|made an? (?:mistake|error)|actually"
    r"|should be|should have been|should read|let me correct|i was wrong|scratch that"
    r"|(?:corrected|correct|revised) (?:total|amount|price|value|date|number|figure)"
    r"|(?:sorry|apologi[sz]e|apologies) (?:for|about) (?:the|my|that|any) (?:earlier |previous )?"
    r"(?:confusion|error|mistake|mix|misunderstanding))\b"
)
_NEGATIONS = ("not", "n't", "rather", "instead", "never", "neither", "no longer")
_CORRECTION_STEMS = (
    "correct",
    "i mean",
    "misspoke",
    "mistake",
    "error",
    "actually",
    "should",
    "wrong",
    "scratch",
    "revis",
    "confusion",
    "mix",
    "misunder",
)
_NOT = re.compile(
    r"\b(?:not|isn't|wasn't|rather than|instead of)(?: (?:the|a|an|on|at|in|for|from))?[ \"']{1,3}$"
)
_NO_CLAIM = re.compile(
    r"(?:n't|\b(?:not|never|neither|no longer))"
    r"(?: (?:be|been|being|the|a|an|currently|yet|now|marked|listed|shown|as|any|either|really)){0,4}"
    r"[ \"']{1,3}(?:\w{1,14},? (?:or|nor|and) (?:\w{1,14} )?[\"']?)?$"
)
"""What stands before a word of a closed set that is said not to hold: "has not been", "neither late nor"."""
_TURN = re.compile(
    r"[\s\"',;]*(?:but|it is|it's|rather|and)?[\s\"',;]*(?:rather |instead )?(?:the |on |at |for |a )?"
)
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS: Final = {word: number for number, word in enumerate(_NUMBER_WORDS.split(" "))}
_LINKS = "of or to and for is are was in on at the a an per from with your no not than each by that"
_NO_ADJECTIVE = frozenset(_LINKS.split(" "))
_COUNT_REACH = 3


@lru_cache(maxsize=2048)
def mentions(message: str, lexicon: Lexicon) -> tuple[Mention, ...]:
    """Return the values that ``message`` states, by position.

    Example:
        >>> from simenv.core.lexicon import Lexicon
        >>> [(m.kind, m.value) for m in mentions("$1,234.50 on May 20th at 3 pm", Lexicon(slots=()))]
        [('money', 123450), ('date', '--05-20'), ('time', '15:00')]
    """
    text = normalise(message)
    low = lowered(message).replace("*", " ")
    found: list[Mention] = []
    covered = bytearray(len(text))
    for mention in _values(text, low, lexicon):
        if 1 not in covered[mention.start : mention.end]:
            covered[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            found.append(mention)
    found += _worded(text, low, lexicon, covered)
    found.sort(key=lambda mention: (mention.start, mention.end, mention.kind))
    return _marked(low, found, _closed_kinds(lexicon)) if found else ()


@lru_cache(maxsize=64)
def _closed_kinds(lexicon: Lexicon) -> frozenset[str]:
    return frozenset(words.kind for words in lexicon.words)


@lru_cache(maxsize=64)
def _patterns(lexicon: Lexicon) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Return the kind, the hint and the compiled pattern of each open value of a lexicon."""
    return tuple((pattern.kind, pattern.hint, re.compile(pattern.regex)) for pattern in lexicon.patterns)


@lru_cache(maxsize=64)
def _word_tables(
    lexicon: Lexicon,
) -> tuple[Phrases[tuple[str, str]], Phrases[tuple[str, str, str]], Phrases[str], frozenset[str]]:
    """Return the phrases of closed sets, the cased words, the counted nouns, and all their first words."""
    entries = [
        (words.cased, phrase, words.kind, value)
        for words in lexicon.words
        for value, given in words.values
        for phrase in given
    ]
    plain = Phrases([(phrase, (kind, value)) for cased, phrase, kind, value in entries if not cased])
    codes = Phrases(
        [(phrase.lower(), (phrase, kind, value)) for cased, phrase, kind, value in entries if cased]
    )
    counted = Phrases([(phrase, noun) for noun, given in lexicon.counted for phrase in given])
    return plain, codes, counted, plain.starts | codes.starts | counted.starts


def _values(text: str, low: str, lexicon: Lexicon) -> Iterator[Mention]:
    """Yield what patterns find, the lexicon's own first."""
    for kind, hint, pattern in _patterns(lexicon):
        if hint not in text:
            continue
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            if match.group(group):
                yield Mention(kind, match.group(group), match.start(group), match.end(group))
    yield from _money(low)
    yield from _dates(low)
    yield from _times(low)


def _inside(low: str, start: int, marks: str = "") -> bool:
    """Whether a number that starts at ``start`` is the rest of a longer one."""
    before = low[start - 1 : start]
    return before.isalnum() or (before != "" and before in marks)


def _money(low: str) -> Iterator[Mention]:
    """Yield amounts of dollars."""
    if "$" in low:
        for match in _DOLLARS.finditer(low):
            yield _amount(match)
    if "usd" in low:
        for match in _USD_BEFORE.finditer(low):
            yield _amount(match)
    if "usd" in low or "dollar" in low or "buck" in low:
        for match in _USD_AFTER.finditer(low):
            if not _inside(low, match.start(), ".,$_"):
                yield _amount(match)


def _amount(match: re.Match[str]) -> Mention:
    cents = int(match[1].replace(",", "")) * 100 + int((match[2] or "0").ljust(2, "0"))
    return Mention("money", cents, match.start(), match.end())


def _dates(low: str) -> Iterator[Mention]:
    """Yield calendar dates; what is no day of any year is no date."""
    for match in _ISO.finditer(low):
        if not _inside(low, match.start(), "-"):
            yield from _date(match, match[1], int(match[3]), int(match[4]))
    if "/" in low:
        for match in _AMERICAN.finditer(low):
            if not _inside(low, match.start(), "/"):
                yield from _date(match, match[3], int(match[1]), int(match[2]))
    if any(name in low for name in _MONTH_STEMS):
        yield from _named_dates(low)


def _named_dates(low: str) -> Iterator[Mention]:
    """Yield the dates whose month is a word."""
    for match in _MONTH_DAY.finditer(low):
        if not _inside(low, match.start(), "_"):
            yield from _date(match, match[3], _MONTHS[match[1]], int(match[2]))
    for match in _DAY_MONTH.finditer(low):
        if not _inside(low, match.start(), "$.,-/"):
            yield from _date(match, match[3], _MONTHS[match[2]], int(match[1]))


def _date(match: re.Match[str], year: str | None, month: int, day: int) -> Iterator[Mention]:
    if 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]:
        yield Mention("date", f"{year or '-'}-{month:02}-{day:02}", match.start(), match.end())


def _times(low: str) -> Iterator[Mention]:
    """Yield clock times of one day."""
    if ":" in low:
        for match in _CLOCK.finditer(low):
            if not _inside(low, match.start(), ":.$"):
                yield from _time(match, int(match[1]), int(match[2]), match[3])
    for match in _HOUR.finditer(low):
        if not _inside(low, match.start(), ":.,$"):
            yield from _time(match, int(match[1]), 0, match[2])
    if "noon" in low or "midnight" in low:
        for match in _WORD_TIME.finditer(low):
            yield Mention("time", "12:00" if match[0] == "noon" else "00:00", match.start(), match.end())


def _time(match: re.Match[str], hour: int, minute: int, half: str | None) -> Iterator[Mention]:
    if half is not None and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif half is not None and match.re is _HOUR:
        return
    if hour <= 23 and minute <= 59:
        yield Mention("time", f"{hour:02}:{minute:02}", match.start(), match.end())


def _worded(text: str, low: str, lexicon: Lexicon, covered: bytearray) -> list[Mention]:
    """Return the words of closed sets and the counts."""
    phrases, cased, counted, starting = _word_tables(lexicon)
    pieces: list[str] = _TOKENS.split(low)
    words = pieces[1::2]
    spots = [i for i, word in enumerate(words) if word in starting]
    if not spots:
        return []
    places = list(accumulate(map(len, pieces)))
    starts, ends = places[::2], places[1::2]
    found: list[Mention] = []
    taken: set[int] = set()
    for first, last, (kind, value) in phrases.among(words, spots):
        taken.update(range(first, last))
        found.append(Mention(kind, value, starts[first], ends[last - 1]))
    for first, _, (code, kind, value) in cased.among(words, spots):
        if text[starts[first] : ends[first]] == code:
            found.append(Mention(kind, value, starts[first], ends[first]))
    for first, last, noun in counted.among(words, spots):
        at = _number_at(words, first, last, low, ends)
        if at >= 0 and at not in taken and not covered[starts[at]]:
            number = _NUMBERS.get(words[at])
            count = int(words[at]) if number is None else number
            found.append(Mention(f"count:{noun}", count, starts[min(first, at)], ends[max(last - 1, at)]))
    return found


def _number_at(words: list[str], first: int, last: int, low: str, ends: list[int]) -> int:
    """Return where the number of a counted noun at ``first:last`` stands, or -1: "3 new books", "books: 3".

    A number that a hyphen joins to an adjective counts something else: "2 one-page letters".
    """
    for i in range(first - 1, max(first - 1 - _COUNT_REACH, -1), -1):
        if _is_number(words[i]) and (i == first - 1 or low[ends[i] : ends[i] + 1] != "-"):
            return i
        if not words[i][0].isalpha() or words[i] in _NO_ADJECTIVE:
            break
    if last + 1 < len(words) and words[last] == ":" and _is_number(words[last + 1]):
        return last + 1
    return -1


def _is_number(word: str) -> bool:
    return word in _NUMBERS or (len(word) <= 4 and word.isascii() and word.isdigit())


def _marked(low: str, found: list[Mention], closed: frozenset[str]) -> tuple[Mention, ...]:
    """Mark the values that are corrections and those that are denied."""
    fresh = _fresh_ranges(low, found)
    fresh_starts = [start for start, _ in fresh]
    negated = any(word in low for word in _NEGATIONS)
    before: Mention | None = None
    marked: list[Mention] = []
    for mention in found:
        denied = negated and _NOT.search(low, max(0, mention.start - 24), mention.start) is not None
        if negated and not denied and mention.kind in closed:
            denied = _NO_CLAIM.search(low, max(0, mention.start - 60), mention.start) is not None
        at = bisect_right(fresh_starts, mention.start) - 1
        corrected = not denied and at >= 0 and mention.start < fresh[at][1]
        if before is not None and before.kind == mention.kind and mention.start >= before.end:
            gap = low[before.end : mention.start]
            if before.denied and not denied and len(gap) <= 40 and _TURN.fullmatch(gap) is not None:
                corrected = True
            elif denied and len(gap) <= 24 and not before.denied and not _SENTENCE_END.search(gap):
                marked[-1] = marked[-1]._replace(corrected=True)
        before = mention._replace(corrected=corrected, denied=denied) if corrected or denied else mention
        marked.append(before)
    return tuple(marked)


def _fresh_ranges(low: str, found: list[Mention]) -> list[tuple[int, int]]:
    """Return the stretches of text that introduce corrections.

    One runs from its cue to the end of the sentence or, where no value follows there, of the next one.
    """
    if not any(stem in low for stem in _CORRECTION_STEMS):
        return []
    cues = [match.end() for match in _CORRECTION.finditer(low)]
    if not cues:
        return []
    ends = [match.end() for match in _SENTENCE_END.finditer(low)]
    ends += [len(low)] * 2
    starts = [mention.start for mention in found]
    ranges: list[tuple[int, int]] = []
    for cue in cues:
        if ranges and cue < ranges[-1][1]:
            continue
        at = bisect_right(ends, cue)
        at = min(at, len(ends) - 2)
        end = ends[at]
        if bisect_right(starts, end) == bisect_right(starts, cue):
            end = ends[at + 1]
        ranges.append((cue, end))
    return ranges
