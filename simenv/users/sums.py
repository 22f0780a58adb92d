"""Telling the result of a sum from what it is worked out of: "$12 - $2 = $10", "less the $2 fee"."""

import re
from collections.abc import Sequence

from simenv.users.mentions import Mention
from simenv.users.segments import lowered

_SENTENCE = re.compile(r"[.!?](?=\s|$)|\n")
_RESULT = re.compile(
    r"(?:=|\b(?:which|that|this) (?:is|comes to|makes|leaves|equals|totals|gives(?: you)?|would be"
    r"|adds up to)"
    r"|\b(?:comes to|adds up to|add up to|leaving(?: you)?(?: with)?|for a total of|in total(?: is)?:?"
    r"|equals"
    r"|makes))"
    r"\s{0,3}(?:exactly |a total of |a refund of )?[\s*_\"']{0,4}$"
)
_COPULA = re.compile(r"\b(?:is|be|are|was|to)\s{1,3}[*_\"']{0,4}$")
_BEFORE = re.compile(
    r"\b(?:paid|pay|minus|less|deduct\w{0,4}|subtract\w{0,4}|after|plus|price|cost|costs|charge|charged"
    r"|fee|fees)\b"
    r"[^.!?;]{0,30}$|[-+]\s{0,2}$"
)
_AFTER = re.compile(
    r"[\s*_\"')]{0,4}(?:was |were |is |as |in |of )?(?:a |the )?(?:\w{1,14} ){0,1}"
    r"(?:fee|fees|paid|charge|charges|deducted|minus|less|per (?:passenger|person"
    r"|bag))\b(?: per \w{1,12})?|\s{0,3}[-+]\s{0,2}(?=\$)"
)
_OPENED = re.compile(r"[*_]{0,4}:\s")
_NET = re.compile(
    r"\b(?:after|less|minus|deducting|without|of) (?:the |a )?(?:\w{1,14} )?(?:fee|fees"
    r"|charge)\b[, ]{0,2}[a-z' ]{0,20}$"
)
_FEE = re.compile(
    r"\b(?:paid|(?:fee|fees|charge|price)(?: is| are| of| was|:)?)\s{1,3}(?:a total of )?[*_\"']{0,4}$"
)
_WORD = re.compile(r"[a-z]+")
_ROWS = 40
"""The most rows that the heads of a table are looked for above."""
_PARTS = frozenset(("paid", "fee", "fees", "charge", "price", "cost", "deduction"))


def results(message: str, amounts: Sequence[Mention], words: frozenset[str]) -> list[Mention]:
    """Return the amounts of a message that nothing else is worked out of.

    Args:
        message: The text.
        amounts: Its amounts, by position.
        words: Words that name what is asked for, such as the heads of columns.
    """
    low = lowered(message)
    found: list[Mention] = []
    start = 0
    for end in [match.end() for match in _SENTENCE.finditer(low)] + [len(low)]:
        inside = [mention for mention in amounts if start <= mention.start < end]
        if inside:
            found += _of_sentence(low, start, end, inside, words)
        start = end
    return found


def _of_sentence(
    low: str, start: int, end: int, inside: Sequence[Mention], words: frozenset[str]
) -> list[Mention]:
    headed = _headed(low, start, inside, words) if "|" in low[start:end] else None
    if headed is not None:
        return headed
    gaps, tails = _around(low, start, end, inside)
    if len(inside) == 1:
        strong = _FEE.search(gaps[0]) is not None and _NET.search(gaps[0]) is None
        return [] if strong or "fee" in tails[0] or "per " in tails[0] else list(inside)
    marked = [m for m, gap in zip(inside, gaps, strict=True) if _RESULT.search(gap)]
    if marked:
        return marked[-1:]
    if _OPENED.match(gaps[1]):
        return [inside[0]]
    named = [_COPULA.search(gap) is not None for gap in gaps]
    if named[-1] and sum(named) == 1 and " or " not in gaps[-1]:
        return [inside[-1]]
    free = [
        mention
        for mention, gap, tail in zip(inside, gaps, tails, strict=True)
        if not tail and (_BEFORE.search(gap) is None or _NET.search(gap) is not None)
    ]
    return free or list(inside)


def _around(low: str, start: int, end: int, inside: Sequence[Mention]) -> tuple[list[str], list[str]]:
    """Return what stands before each amount, and what right after it tells what it is: " fee"."""
    gaps: list[str] = []
    tails: list[str] = []
    place = start
    for mention, after in zip(inside, [*(each.start for each in inside[1:]), end], strict=True):
        gaps.append(low[place : mention.start])
        tail = _AFTER.match(low, mention.end, after)
        tails.append(tail[0] if tail is not None else "")
        place = tail.end() if tail is not None else mention.end
    return gaps, tails


def _headed(low: str, start: int, inside: Sequence[Mention], words: frozenset[str]) -> list[Mention] | None:
    """Return the amounts of a table row by the heads of their columns, or None if the heads do not tell."""
    top = start
    for _ in range(_ROWS):
        before = low.rfind("\n", 0, max(top - 1, 0)) + 1
        if top == 0 or "|" not in low[before : top - 1]:
            break
        top = before
    if top == start:
        return None
    heads = low[top : low.find("\n", top)].split("|")
    named: list[tuple[Mention, set[str]]] = []
    for mention in inside:
        column = low.count("|", low.rfind("\n", 0, mention.start) + 1, mention.start)
        named.append((mention, set(_WORD.findall(heads[column])) if column < len(heads) else set()))
    wanted = [mention for mention, head in named if not words.isdisjoint(head)]
    if wanted:
        return wanted
    rest = [mention for mention, head in named if _PARTS.isdisjoint(head)]
    return rest if len(rest) < len(inside) else None
