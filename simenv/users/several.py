"""Telling like wishes apart: which of two cancellations a message is about.

Wishes are alike if they share a word and no value of a kind that is exact for both, such as two
cancellations of different reservations. A message that names the value of one and not that of the other
is about the one.
"""

import re
from collections.abc import Iterable, Sequence

from simenv.core.task import Scalar, Wish
from simenv.users.mentions import Mention

_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\s|$)|\n|$|[.!?])")
_WORD = re.compile(r"\w+")


def alike(one: Wish, other: Wish) -> bool:
    """Whether two wishes share a word or a deed and differ in an exact value."""
    shared = not (set(one.words).isdisjoint(other.words) and set(one.tools).isdisjoint(other.tools))
    return one != other and shared and bool(_apart_by(one, other))


def _apart_by(one: Wish, other: Wish) -> list[str]:
    """Return the kinds that are exact for both wishes and of which they expect no value in common."""
    return [
        kind
        for kind in one.exact
        if kind in other.exact and set(one.expects.get(kind, ())).isdisjoint(other.expects.get(kind, ()))
    ]


def apart(
    wishes: Sequence[Wish], message: str, said: Sequence[Mention], *, denied: bool = False
) -> list[Wish]:
    """Return the wishes without those that a message leaves out by naming one that is like them.

    Args:
        wishes: What its words may be about.
        message: Its text.
        said: The values it states.
        denied: Whether values count that it says no to, as a refusal does.
    """
    return [
        wish
        for wish in wishes
        if not any(
            _names(other, kind, message, said, denied=denied)
            and not _names(wish, kind, message, said, denied=denied)
            for other in wishes
            if alike(wish, other)
            for kind in _apart_by(wish, other)
        )
    ]


def asked_apart(wishes: Sequence[Wish], message: str, said: Sequence[Mention]) -> list[Wish]:
    """Return what ``apart`` does by the questions of a message, or by all of it if they leave that open."""
    found = apart(wishes, *_asked(message, said))
    return found if len(found) < len(wishes) else apart(wishes, message, said)


def asked_for(wishes: Sequence[Wish], message: str, said: Sequence[Mention]) -> list[Wish]:
    """Return the wishes that questions ask for by word and by value, one like them being named elsewhere."""
    text, inside = _asked(message, said)
    words = _WORD.findall(text.lower())
    asked = [
        wish for wish in wishes if names_own(wish, text, inside) and not set(words).isdisjoint(wish.words)
    ]
    rest = [wish for wish in wishes if wish not in asked and names_own(wish, message, said)]
    return [wish for wish in asked if any(alike(wish, other) for other in rest)]


def _asked(message: str, said: Sequence[Mention]) -> tuple[str, list[Mention]]:
    """Return (the questions of a message, what is stated in them)."""
    spans = [match.span() for match in _SENTENCE.finditer(message) if match[0].endswith("?")]
    inside = [mention for mention in said if any(start <= mention.start < end for start, end in spans)]
    return "\n".join(message[start:end] for start, end in spans), inside


def names_own(wish: Wish, message: str, said: Sequence[Mention]) -> bool:
    """Whether a message names an exact value of a wish, be it to say no to it."""
    return any(_names(wish, kind, message, said, denied=True) for kind in wish.exact)


def ended_apart(wishes: Sequence[Wish], ended: frozenset[str]) -> list[Wish]:
    """Return the wishes without those that are like one of which the end is told, and not told of themselves.

    Args:
        wishes: What a message may report.
        ended: The words of its sentences that sound like the end of a deed.
    """
    over = [wish for wish in wishes if names_ended(wish, ended)]
    return [wish for wish in wishes if wish in over or not any(alike(wish, one) for one in over)]


def names_ended(wish: Wish, ended: frozenset[str]) -> bool:
    """Whether an exact value of a wish stands in the words of what has ended."""
    return any(
        ended.issuperset(_WORD.findall(str(value).lower()))
        for kind in wish.exact
        for value in wish.expects.get(kind, ())
    )


def _names(wish: Wish, kind: str, message: str, said: Iterable[Mention], *, denied: bool) -> bool:
    """Whether a message names a value that a wish expects, recognised as such or letter by letter."""
    of_kind = [mention for mention in said if mention.kind == kind]
    named = {mention.value for mention in of_kind if denied or not mention.denied}
    read = {mention.value for mention in of_kind}
    return any(
        value in named or (value not in read and _stands(value, message))
        for value in wish.expects.get(kind, ())
    )


def _stands(value: Scalar, message: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", message) is not None
