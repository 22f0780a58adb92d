"""The words of a domain: what its facts, things and deeds are called, as data and without behaviour.

A phrase is a run of lower-case words. Braces expand: ``"{reservation|booking} {id|number}"`` stands for four
phrases, and an empty branch, as in ``"date{| of travel}"``, makes words optional. Phrases are matched word by
word, the longest first, after accents are folded and markdown, contractions and possessive 's are undone, so
they are written plainly: ``"passenger name"`` also reads "the passenger's name".
"""

import re
from dataclasses import dataclass
from itertools import product

from simenv.core.errors import UsageError

_BRACES = re.compile(r"\{([^{}]{0,2000})\}")


@dataclass(frozen=True, slots=True)
class SlotWords:
    """A fact that an agent may ask a customer for.

    Attributes:
        name: The slot, such as ``"user_id"``.
        label: What a customer calls it, such as ``"user ID"``.
        phrases: What names it in any request for facts.
        heads: What names it only directly after a question word ("which reservation ...").
        questions: Whole questions, from their question word on ("how would you like to pay").
        offers: What names it only in a yes-or-no question ("would you like to add any bags?").
        options: Its values, or kinds of them, as a question with "or" names them ("the window or the aisle").
        choices: Things that are listed for a customer to choose between; decides what "which one" asks for.
        kinds: Kinds of value patterns that decide it where no such thing is named.
        narrows: Another, vaguer slot whose names may mean this one.
        signs: Words of a sentence in which they do ("when was she born").
        echoes: Which of those names mean this one right after it was talked of ("the exact day").
    """

    name: str
    label: str
    phrases: tuple[str, ...]
    heads: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    narrows: str = ""
    signs: tuple[str, ...] = ()
    echoes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValuePattern:
    r"""How values of one kind are written.

    Attributes:
        kind: The kind of the mentions, such as ``"loan"``.
        regex: Matched against the text with curly quotes made straight and ``*`` and backquotes blank. Group
            1, if
            there is one, is the value. It has to be linear: bounded repeats, anchored with ``\b``, none
            nested.
        hint: What stands in every text that has such a value, such as ``"_"``; other texts are not searched.
    """

    kind: str
    regex: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class WordSet:
    """A closed set of values, each with the phrases that state it.

    Attributes:
        kind: The kind of the mentions, such as ``"cabin"``.
        values: Pairs of a value and its phrases; of phrases at one place the longest wins, over all sets of
            a lexicon.
        cased: Whether letters must match in case, as for codes; such phrases are single words.
    """

    kind: str
    values: tuple[tuple[str, tuple[str, ...]], ...]
    cased: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """Everything that reading a domain's talk needs to know about the domain. Compared by identity.

    Attributes:
        slots: The facts agents ask for.
        patterns: How ids and other open values are written; of two that match at one place the earlier wins.
        words: Closed sets of values.
        counted: Pairs of a noun and its phrases: "3 bags" is a mention of kind ``count:<noun>``.
        done: Past participles that report a completed deed: "has been cancelled".
        other: The slot of a request that names no known fact.
    """

    slots: tuple[SlotWords, ...]
    patterns: tuple[ValuePattern, ...] = ()
    words: tuple[WordSet, ...] = ()
    counted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    done: tuple[str, ...] = ()
    other: str = "other"

    def __post_init__(self) -> None:
        names = [slot.name for slot in self.slots]
        if len(set(names)) != len(names):
            raise UsageError(f"a slot is named once, got {names}")
        for pattern in self.patterns:
            try:
                re.compile(pattern.regex)
            except re.error as fault:
                raise UsageError(f"pattern {pattern.kind!r} is not a regular expression: {fault}") from fault


def spellings(phrase: str) -> tuple[str, ...]:
    """Return the phrases that ``phrase`` stands for, braces expanded and spaces made single.

    Raises:
        UsageError: If a brace is not closed or stands inside another.

    Example:
        >>> spellings("{user|member} id{|s}")
        ('user id', 'user ids', 'member id', 'member ids')
    """
    parts = _BRACES.split(phrase)
    if any(brace in part for part in parts for brace in "{}"):
        raise UsageError(f"braces in a phrase close and do not nest, got {phrase!r}")
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return tuple(" ".join("".join(branch).split()) for branch in product(*choices))
