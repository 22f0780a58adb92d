"""Paraphrases made elsewhere, by any model, and what one must pass before a customer may say it.

A text is taken apart into a template and its values, "⟦S1⟧" standing for the first; the paraphrase is a
template with the same placeholders. A lockfile stores it beside the text it stands for, and each use checks
it again: where anything is in doubt the customer says the original. A task's goal follows from its program
and is never read from text, so a paraphrase can be unclear but cannot change what is asked for in the end.

The checks see values, markers and their places, not meaning. They do not see that "cancel, do not change"
became "change, do not cancel", nor a name in lower case that no lexicon knows.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from simenv.core.canonical import canonical, digest, parse_strict
from simenv.core.errors import DataError, UsageError
from simenv.core.lexicon import Lexicon
from simenv.synth.lockline import Line as Line
from simenv.synth.lockline import line_from, line_json
from simenv.users.mentions import mentions
from simenv.users.segments import LIMIT, folded, normalise

Leaks = Callable[[str], bool]
"""Whether a text says what the customer must not give away."""

_Span = tuple[int, int, str]
_WAY_OUT = "Write the line again with write_line(), or remove it"
_SLOT = re.compile("⟦S([1-9][0-9]{0,8})⟧")
_BRACKETS = re.compile("[⟦⟧]+")
_GLUED = re.compile(
    "[^\\s(\"'\u2018\u201c\u2014]⟦S[0-9]+⟧|⟦S[0-9]+⟧(?:['\u2019](?!s\\b)\\w|[^\\s.,:;!?)\"'\u2019\u201d\u2014])"
)
_BLANK = "|"
"""Stands for a placeholder where a template is read: no phrase goes across it."""
_TOKEN = re.compile(r"\S+")
_OPENING, _CLOSING = "([{<\"'\u2018\u201c", ".,:;!?)]}>\"'\u2019\u201d"
_SIGNS = re.compile(r"[\d_@$#%\u00a3\u20ac]")
_NAME = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_OWNER = re.compile(r"['\u2019]s$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'(\u2018\u201c]*$")
_COMMON = re.compile(r"I(?:['\u2019][a-z]{1,2})?|IDs?|OK")
_ENDING = re.compile(r"(?:n't|'[a-z]{1,2})$")
# What opens a sentence and is no name; "will", "may" and "mark" can be one, so they are left out.
_PLAIN = re.compile(
    r"a|about|actually|add|after|again|ah|all|alright|also|although|am|an|and|any|anyway|apologies|are|as|assuming|at"
    r"|basically|because|before|besides|book|both|but|by|ca|can|cancel|certainly|change|check|correct|could"
    r"|did|do|does|during|each|either|else|every|except|excuse|find|fine|first|fix|for|from|get|give|given"
    r"|good|greetings|had|has|have|he|hello|help|here|hey|hi|hoping|how|however|i|if|in|instead|is|its?|just"
    r"|kindly|last|lastly|let|listen|look|looking|make|maybe|might|more|moreover|move|my|need|next|not?"
    r"|nothing|now|of|oh|ok|okay|on|once|one|only|or|otherwise|our|perhaps|please|provided|put|regarding|remove"
    r"|requesting|right|seems|send|she|should|show|since|so|some|something|sorry|still|sure|switch|tell"
    r"|thanks?|that|the|their|then|there|these|they|this|those|to|trying|under|unfortunately|unless|until|up"
    r"|update|upgrade|use|using|want|was|we|well|were|what|when|where|which|while|who|why|wish|with|within"
    r"|without|wondering|would|yes|yet|you|your"
)
# "One" and, in lower case, "may" and "march" mostly mean something else.
_WORDED = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|couple|pair|twice|thrice"
    r"|double|half|quarter|second|third|fourth|fifth|sixth|today|tonight|tomorrow|yesterday|noon|midnight"
    r"|weeks?|weekend|months?|years?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?<!good )(?:mornings?"
    r"|afternoons?|evenings?)|january|february|april|june|july|august|september|october|november|december)\b"
)
_MARKERS = tuple(
    re.compile(rf"\b(?:{words})\b")
    for words in (
        r"not|no|never|none|nor|neither|nothing|nobody|cannot|without|unable|hardly|avoid|refrain|\w{1,6}n't"
        r"|(?:do|does|did|ca|wo|is|are|was|were|has|have|had|could|would|should)nt",
        "if|in case|provided|whether|assuming|as long as",
        "only|solely|exclusively|merely",
        "unless",
        "until|till",
        "before|prior to|earlier than",
        "after|afterwards|later than|following",
        "at least|no less than|no fewer than|minimum|or more",
        "at most|no more than|maximum|up to|or less|or fewer",
        "more than|over|above|exceeds?",
        "less than|fewer than|(?<!booked )under|below|within",
        "otherwise|or else",
        "except|excluding|apart from|other than|but not",
        "instead|rather than",
        "or|either",
        "all|every|each|both|everything",
    )
)
_TOWARDS = re.compile(r"(?i)\b(?:to|into|towards?)(?: the)?\s+⟦S([1-9][0-9]{0,8})⟧")
_PROPER = "name"
_TEMPLATE_CHARACTERS = re.compile("[ -~\u2013\u2014\u2018\u2019\u201c\u201d\u2026⟦⟧]*")


class Slots(NamedTuple):
    """A text taken apart.

    Attributes:
        template: The text with placeholders; equal values have the same one.
        values: What stands for "⟦S1⟧", "⟦S2⟧" and so on, as written.
        kinds: The kind of each value: of a mention, or ``name``, ``number`` or ``mark``.
    """

    template: str
    values: tuple[str, ...]
    kinds: tuple[str, ...]


def delexicalise(text: str, lexicon: Lexicon) -> Slots:
    """Take a text apart into its template and its values.

    Values are what ``mentions`` reads, words with a digit, names and codes (words with a capital, unless a
    plain word opens a sentence), numbers and days in words.

    Example:
        >>> slots = delexicalise("Fly me from Rome to Oslo on May 3, then to Rome.", Lexicon(slots=()))
        >>> slots.template
        '⟦S1⟧ me from ⟦S2⟧ to ⟦S3⟧ on ⟦S4⟧, then to ⟦S2⟧.'
        >>> slots.values
        ('Fly', 'Rome', 'Oslo', 'May 3')
    """
    numbers: dict[str, int] = {}
    kinds: list[str] = []
    pieces: list[str] = []
    end = 0
    for start, stop, kind in _spans(text, lexicon):
        value = text[start:stop]
        if value not in numbers:
            numbers[value] = len(numbers) + 1
            kinds.append(kind)
        pieces += [text[end:start], f"⟦S{numbers[value]}⟧"]
        end = stop
    return Slots("".join([*pieces, text[end:]]), tuple(numbers), tuple(kinds))


def relexicalise(template: str, values: Sequence[str]) -> str:
    """Put the values back into a template.

    Raises:
        UsageError: If the template has a placeholder that no value is for.

    Example:
        >>> relexicalise("To ⟦S2⟧ from ⟦S1⟧!", ["Rome", "Oslo"])
        'To Oslo from Rome!'
    """
    if any(int(number) > len(values) for number in _SLOT.findall(template)):
        raise UsageError(f"{canonical(template)} has a placeholder beyond its {len(values)} values")
    return _filled(template, values)


def check(
    original: str, template: str, lexicon: Lexicon, leaks: Leaks | None = None, line: Line | None = None
) -> str:
    """Return which check a paraphrase of ``original`` fails first, or "".

    The checks are, in this order: ``placeholders`` are the same, as often; there is no ``new value``;
    ``markers`` of negation, condition, time and bounds are as frequent; the ``length`` in words is between
    half and double; the final text has no ``leak``; the ``round trip`` reads the same values, none of them in
    the place of another; the ``lock`` line, if it is stored yet, is of this original and holds it.
    """
    return trial(original, template, lexicon, leaks, line).failed


def write_line(original: str, template: str, lexicon: Lexicon, leaks: Leaks | None = None) -> str:
    """Return the lockfile line of a paraphrase, ending in a newline.

    Raises:
        UsageError: If it fails a check.
    """
    line = Line(digest(original), template, original)
    failed = check(original, template, lexicon, leaks, line)
    if failed:
        raise UsageError(f"a paraphrase that fails the check {failed!r}: {canonical(template)}")
    return canonical(line_json(line)) + "\n"


def read_lock(path: Path) -> dict[str, Line]:
    """Return the lines of a lockfile by the digest of their originals.

    Raises:
        DataError: If it cannot be read, or a line is not whole or repeats an original.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, 0, error.strerror or "cannot be read", "Check the path") from None
    lock: dict[str, Line] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        if raw:
            line = _line(path, number, raw)
            if line.original in lock:
                raise DataError(path, number, "a second paraphrase of one text", "Keep one of the two")
            lock[line.original] = line
    return lock


def apply(
    text: str, lock: Mapping[str, Line], lexicon: Lexicon, leaks: Leaks | None = None
) -> tuple[str, str]:
    """Return what to say for ``text`` and why its paraphrase is not used.

    The reason is "" where it is used or the lock has none; then, as after every failed check, the text
    is said as it is.
    """
    line = lock.get(digest(text))
    if line is None:
        return text, ""
    tried = trial(text, line.template, lexicon, leaks, line)
    return (text, tried.failed) if tried.failed else (tried.final, "")


def _line(path: Path, number: int, raw: bytes) -> Line:
    try:
        value: Any = parse_strict(raw.decode())
    except ValueError:
        raise DataError(path, number, "not a JSON line", _WAY_OUT) from None
    try:
        return line_from(value)
    except ValueError as error:
        raise DataError(path, number, str(error), _WAY_OUT) from None


# Values


def _spans(text: str, lexicon: Lexicon) -> list[_Span]:
    """Return the values of a text from the left; those that overlap are one, of the kind of the first."""
    found = [(mention.start, mention.end, mention.kind) for mention in mentions(text, lexicon)]
    found += [(*match.span(), "mark") for match in _BRACKETS.finditer(text)]
    found += _numbers(text)
    found += _names(text)
    merged: list[_Span] = []
    for start, end, kind in sorted(found, key=lambda span: span[0]):
        if merged and start < merged[-1][1]:
            first, last, kept = merged[-1]
            merged[-1] = (first, max(end, last), kept)
        else:
            merged.append((start, end, kind))
    return merged


def _numbers(text: str) -> list[_Span]:
    """Return words that have a digit or a sign of one, and numbers and days in words."""
    found = [(*match.span(), "number") for match in _WORDED.finditer(folded(text))]
    for match in _TOKEN.finditer(text):
        if _SIGNS.search(match[0]):
            start = match.end() - len(match[0].lstrip(_OPENING))
            found.append((start, start + len(text[start : match.end()].rstrip(_CLOSING)), "number"))
    return found


def _names(text: str) -> list[_Span]:
    """Return names and codes; words side by side are one name."""
    found: list[_Span] = []
    for match in _NAME.finditer(text):
        word = _OWNER.sub("", match[0])
        start, end = match.start(), match.start() + len(word)
        if not _named(text, word, start):
            continue
        if found and text[found[-1][1] : start] == " ":
            start = found.pop()[0]
        found.append((start, end, _PROPER))
    return found


def _named(text: str, word: str, start: int) -> bool:
    """Whether a word is a name: it has a capital and is no plain word that opens a sentence."""
    if word == word.lower() or _COMMON.fullmatch(word):
        return False
    plain = _ENDING.sub("", word.replace("\u2019", "'").lower())
    simple = _PLAIN.fullmatch(plain) and word[1:] == word[1:].lower()
    return not (simple and _SENTENCE_START.search(text, max(0, start - 8), start))


# The checks


class Trial(NamedTuple):
    """One paraphrase before the checks, its values in place in ``final``."""

    original: str
    template: str
    lexicon: Lexicon
    leaks: Leaks | None
    line: Line | None
    slots: Slots
    final: str

    @property
    def failed(self) -> str:
        """The name of the first check that fails, or ""."""
        return next((name for name, fails in CHECKS.items() if fails(self)), "")


def trial(
    original: str, template: str, lexicon: Lexicon, leaks: Leaks | None = None, line: Line | None = None
) -> Trial:
    """Return a paraphrase ready for the checks; see ``check``."""
    slots = delexicalise(original, lexicon)
    return Trial(original, template, lexicon, leaks, line, slots, _filled(template, slots.values))


def _filled(template: str, values: Sequence[str]) -> str:
    """Return a template with its values; placeholders of no value stay."""
    return _SLOT.sub(lambda slot: (*values, slot[0])[min(int(slot[1]) - 1, len(values))], template)


def _placeholders(tried: Trial) -> bool:
    return sorted(_SLOT.findall(tried.template)) != sorted(_SLOT.findall(tried.slots.template))


def _new_value(tried: Trial) -> bool:
    """Whether there is a value outside the placeholders, a letter joined to one, or a foreign letter."""
    before, after = tried.slots.template, tried.template
    foreign = set(_TEMPLATE_CHARACTERS.sub("", after)) - set(before)
    if foreign or Counter(_GLUED.findall(after)) - Counter(_GLUED.findall(before)):
        return True
    return bool(_loose(after, tried.lexicon) - _loose(before, tried.lexicon))


def _loose(template: str, lexicon: Lexicon) -> Counter[str]:
    text = _SLOT.sub(_BLANK, template)
    return Counter(text[start:end].lower() for start, end, _ in _spans(text, lexicon))


def _markers(tried: Trial) -> bool:
    before, after = (
        folded(normalise(_SLOT.sub(_BLANK, text))) for text in (tried.slots.template, tried.template)
    )
    return any(len(marker.findall(before)) != len(marker.findall(after)) for marker in _MARKERS)


def _length(tried: Trial) -> bool:
    before, after = len(tried.slots.template.split()), len(tried.template.split())
    # What lies beyond the limit is not read, so nothing could be said of it.
    return max(len(tried.final), len(tried.original)) > LIMIT or not before <= 2 * after <= 4 * before


def _leak(tried: Trial) -> bool:
    return tried.leaks is not None and tried.leaks(tried.final)


def _round_trip(tried: Trial) -> bool:
    """Whether other values are read, or one of several of a kind stands where another stood."""
    if _read(tried.final, tried.lexicon) != _read(tried.original, tried.lexicon):
        return True
    return _places(tried.template, tried) != _places(tried.slots.template, tried)


def _read(text: str, lexicon: Lexicon) -> Counter[tuple[str, str | int, bool, bool]]:
    return Counter((each.kind, each.value, each.corrected, each.denied) for each in mentions(text, lexicon))


def _places(template: str, tried: Trial) -> dict[str, tuple[list[int], list[int]]]:
    """Return, for each kind with several values, their order, and those that "to" stands before."""
    closed = {words.kind for words in tried.lexicon.words}
    # All that is written as a name is of one kind, whether the lexicon knows it or not.
    kinds = [
        _PROPER if kind in closed and value[:1] != value[:1].lower() else kind
        for value, kind in zip(tried.slots.values, tried.slots.kinds, strict=True)
    ]
    places: dict[str, tuple[list[int], list[int]]] = {}
    for kind in [kind for kind, count in Counter(kinds).items() if count > 1]:
        own = {number for number, each in enumerate(kinds, 1) if each == kind}
        order, towards = (
            [int(number) for number in pattern.findall(template) if int(number) in own]
            for pattern in (_SLOT, _TOWARDS)
        )
        places[kind] = order, sorted(towards)
    return places


def _lock(tried: Trial) -> bool:
    kept = Line(digest(tried.original), tried.template, tried.original)
    return tried.line is not None and tried.line != kept


CHECKS: Final[Mapping[str, Callable[[Trial], bool]]] = {
    "placeholders": _placeholders,
    "new value": _new_value,
    "markers": _markers,
    "length": _length,
    "leak": _leak,
    "round trip": _round_trip,
    "lock": _lock,
}
"""The seven checks by name, in order; each says whether it fails."""
