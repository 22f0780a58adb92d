"""What a message says about a wish: whether it is about it, agrees with it, or answers it."""

import re
from collections.abc import Sequence

from simenv.core.task import Question, Scalar, Wish
from simenv.users.mentions import Mention

_SENTENCE = re.compile(r"[.!?](?=\s)|\n")
_WORD = re.compile(r"[a-z]+")


def about(wishes: Sequence[Wish], message: str, said: Sequence[Mention]) -> list[Wish]:
    """Return the wishes that ``message`` is about: those of whose words one stands in it.

    Failing words, values tell: those one of whose own values is stated.
    """
    words = set(_WORD.findall(message.lower()))
    by_word = [wish for wish in wishes if not words.isdisjoint(wish.words)]
    if by_word:
        return by_word
    stated = {(mention.kind, mention.value) for mention in said}
    return [
        wish
        for wish in wishes
        if any((kind, value) in stated for kind, values in wish.expects.items() for value in values)
    ]


def wrong_kinds(wish: Wish, said: Sequence[Mention]) -> list[str]:
    """Return the kinds of values in which a proposal disagrees with ``wish``.

    A kind that the proposal does not mention agrees. One that it does must name a wished value; of
    an exact kind it must name all of them and none beside the known ones.
    """
    wrong = []
    for kind, wanted in wish.expects.items():
        named = {mention.value for mention in said if mention.kind == kind and not mention.denied}
        if not named:
            continue
        if kind not in wish.exact:
            bad = named.isdisjoint(wanted)
        else:
            bad = not named.issuperset(wanted) or not named <= {*wanted, *wish.known.get(kind, ())}
        if bad:
            wrong.append(kind)
    return wrong


def answer_values(
    question: Question, message: str, said: Sequence[Mention], *, alone: bool
) -> tuple[list[Scalar], bool]:
    """Return (values that ``message`` gives as an answer, whether as a correction of earlier ones).

    Values count that stand in a sentence with one of the question's words; failing those and if
    ``alone``, the only value of the kind in the whole message.
    """
    of_kind = [mention for mention in said if mention.kind == question.kind and not mention.denied]
    if not of_kind:
        return [], False
    near = [
        mention
        for start, end in _sentences(message)
        if not set(_WORD.findall(message[start:end].lower())).isdisjoint(question.about)
        for mention in of_kind
        if start <= mention.start < end
    ]
    if not near and alone and len({mention.value for mention in of_kind}) == 1:
        near = of_kind
    corrected = [mention for mention in near if mention.corrected]
    chosen = corrected or near
    return list(dict.fromkeys(mention.value for mention in chosen)), bool(corrected)


def _sentences(message: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE.finditer(message)]
    starts = [0, *ends]
    return list(zip(starts, [*ends, len(message)], strict=True))
