"""What a message says about a wish: whether it is about it, agrees with it, or answers it."""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final

from simenv.core.task import Question, Scalar, Wish
from simenv.users.mentions import Mention
from simenv.users.stance import promise_end
from simenv.users.sums import results

_SENTENCE = re.compile(r"[.!?](?=\s)|\n")
_CLAUSE = re.compile(r"[.!?](?=\s)|\n|[,;](?=\s)|[()|]| - (?!\$)")
_WORD = re.compile(r"[a-z]+")
_AHEAD = re.compile(r"\b(?:will|would|to) be charged\b")
"""Says what something will cost, and not what somebody was charged."""
_ASIDE = re.compile(r"\([^()]*\)")
_PAIR_REACH = 120
_BARE_WORDS = (
    "it s its is that this these would will be comes come to the answer amount amounts value result "
    "results you re your get have looking at so here a an of in exactly just currently now ll d ok okay "
    "sure yes info query says shows us dollars usd flight"
)
_BARE = frozenset(_BARE_WORDS.split())
"""Words that say no more than that an answer follows."""
WORDS: Final = "words"
"""The kind of values looked for letter by letter: who names a known one has to name a wished one."""


def about(wishes: Sequence[Wish], words: frozenset[str], said: Sequence[Mention]) -> list[Wish]:
    """Return the wishes that a message is about: those of whose words one stands in it.

    Failing words, values tell: those one of whose own values is stated.
    """
    by_word = [wish for wish in wishes if not words.isdisjoint(wish.words)]
    if by_word:
        return by_word
    stated = {(mention.kind, mention.value) for mention in said}
    return [
        wish
        for wish in wishes
        if any((kind, value) in stated for kind, values in wish.expects.items() for value in values)
    ]


def planned(wishes: Sequence[Wish], words: frozenset[str], message: str) -> list[Wish]:
    """Return the wishes that a plan in ``words`` is about; what stands in brackets only details another."""
    outside = words & frozenset(_WORD.findall(_ASIDE.sub(" ", message.lower())))
    return about(wishes, outside, ()) or about(wishes, words, ())


def states(wish: Wish, message: str, said: Sequence[Mention], beside: Container[str]) -> bool:
    """Whether a message states a wished value of a kind that is not ``beside``."""
    stated = {(mention.kind, mention.value) for mention in said}
    return any(
        _worded(values, message) if kind == WORDS else any((kind, value) in stated for value in values)
        for kind, values in wish.expects.items()
        if kind not in beside
    )


def wrong_kinds(wish: Wish, message: str, said: Sequence[Mention], beside: Sequence[Wish] = ()) -> list[str]:
    """Return the kinds of values in which a proposal disagrees with ``wish``.

    A kind that the proposal does not mention agrees. One that it does must name a wished value; of
    an exact kind it must name all of them and none beside the known ones, if not in the whole message
    then where it asks: one of several things that were listed may be the one proposed. Of an exact kind
    it may also name what the wishes ``beside`` expect, which it proposes as well, but not that alone.
    """
    wrong = []
    for kind, wanted in wish.expects.items():
        if kind == WORDS:
            if not _worded(wanted, message) and _worded(wish.known.get(kind, ()), message):
                wrong.append(kind)
            continue
        known = set(wish.known.get(kind, ())).difference(wanted)
        named = {mention.value for mention in said if mention.kind == kind and not mention.denied} - known
        if not named:
            continue
        if kind not in wish.exact:
            bad = named.isdisjoint(wanted)
        else:
            theirs = {value for other in beside for value in other.expects.get(kind, ())}.difference(wanted)
            asked = _asked(kind, message, said)
            bad = set(wanted) not in (named - theirs, asked, asked - theirs)
        if bad or (kind == "date" and _misdated(wish, said)):
            wrong.append(kind)
    return wrong


def _worded(texts: Iterable[Scalar], message: str) -> bool:
    """Whether one of some texts stands in a message as whole words."""
    return any(re.search(rf"\b{re.escape(str(text))}\b", message, re.IGNORECASE) for text in texts)


def _asked(kind: str, message: str, said: Sequence[Mention]) -> set[str | int]:
    """Return the values of a kind that stand in questions."""
    asking = [(start, end) for start, end in _pieces(_SENTENCE, message) if "?" in message[start:end]]
    return {
        mention.value
        for mention in said
        if mention.kind == kind and any(start <= mention.start < end for start, end in asking)
    }


def _misdated(wish: Wish, said: Sequence[Mention]) -> bool:
    """Whether a wished flight is named with a day that is not wished."""
    flights = wish.expects.get("flight_number", ())
    flight: Mention | None = None
    for mention in said:
        if mention.kind == "flight_number":
            flight = mention if mention.value in flights else None
        elif mention.kind == "date" and flight is not None and mention.start - flight.end <= _PAIR_REACH:
            if mention.value not in wish.expects["date"]:
                return True
            flight = None
    return False


def answer_values(
    question: Question, message: str, said: Sequence[Mention], *, alone: bool
) -> tuple[list[Scalar], bool]:
    """Return (values that ``message`` gives as an answer, whether as a correction of earlier ones).

    Values count that stand in a clause with one of the question's words, failing those in such a
    sentence; failing those and if ``alone``, the only one of a message with such a word, or in a clause that
    says nothing else, "it's $11". Of a sum that is worked out, "$5 + $6 = $11", the result counts. What
    stands in a question, or before a promise to go on working, is no answer.
    """
    of_kind = [mention for mention in said if mention.kind == question.kind and not mention.denied]
    of_kind = [mention for mention in of_kind if not _questioned(message, mention)]
    if not of_kind or promise_end(message) >= of_kind[-1].start:
        return [], False
    words = frozenset(question.about)
    if question.kind == "money":
        of_kind = results(message, of_kind, words)
    near = _near(_CLAUSE, message, words, of_kind) or _near(_SENTENCE, message, words, of_kind)
    if not near and alone:
        single = len({mention.value for mention in of_kind}) == 1
        named = not words.isdisjoint(_WORD.findall(_plain(message)))
        near = of_kind if single and named else _bare(message, of_kind)
    corrected = [mention for mention in near if mention.corrected]
    chosen = corrected or near
    return list(dict.fromkeys(mention.value for mention in chosen)), bool(corrected)


def _questioned(message: str, mention: Mention) -> bool:
    """Whether a value stands in a question."""
    end = _SENTENCE.search(message, mention.end)
    return (message[end.start()] if end is not None else message.rstrip()[-1:]) == "?"


def _near(
    cut: re.Pattern[str], message: str, words: frozenset[str], said: Sequence[Mention]
) -> list[Mention]:
    """Return what is said in the pieces in which one of ``words`` stands."""
    found: list[Mention] = []
    low = _plain(message)
    for start, end in _pieces(cut, message):
        inside = [mention for mention in said if start <= mention.start < end]
        if inside and not words.isdisjoint(_WORD.findall(low, start, end)):
            found += inside
    return found


def _plain(message: str) -> str:
    """Return a message in small letters, as long as it is, without what is said of a later price."""
    return _AHEAD.sub(lambda match: " " * len(match[0]), message.lower())


def _bare(message: str, said: Sequence[Mention]) -> list[Mention]:
    """Return what is said in clauses that say nothing else."""
    found: list[Mention] = []
    low = message.lower()
    for start, end in _pieces(_CLAUSE, message):
        inside = [mention for mention in said if start <= mention.start < end]
        if inside:
            rest = _WORD.findall(low, start, inside[0].start) + _WORD.findall(low, inside[-1].end, end)
            found += inside if _BARE.issuperset(rest) else []
    return found


def _pieces(cut: re.Pattern[str], message: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in cut.finditer(message)]
    return list(zip([0, *ends], [*ends, len(message)], strict=True))
