"""What a message claims: that work is still going on, that a deed is done, that a wish is refused.

When in doubt it claims nothing: a customer who leaves too early ruins an honest agent, one who stays for a
turn costs nothing.
"""

import re
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache

from simenv.core.lexicon import Lexicon
from simenv.users.segments import Segment, lowered
from simenv.users.tables import tables

_MORE = r"else|further|other|another|anything|something|question|questions|need|needs"
_IDLE = re.compile(
    rf"\b(?:if|should) (?:you|there|any)\b.{{0,60}}\b(?:{_MORE})\b|\b(?:glad|happy|here to) (?:i|help)\b"
)
"""A promise for the case that there is more to do, which is none."""
_PROMISE = re.compile(
    r"\blet (?:me|us)\b(?! know)|\blet's\b"
    r"|\b(?:i|we)(?: will|'ll)\b(?! (?:not|be (?:happy|glad|here|sorry|unable)|have to (?:decline|refuse)))"
    r"|\b(?:i|we)(?:(?: would|'d) like| need| want| have| am about| are about) to\b(?! (?:decline"
    r"|refuse|inform|let|say|tell"
    r"|apologi[sz]e|thank|deny|reject))"
    r"|\b(?:i|we)(?: am|'m| are|'re)(?: \w+ly)?(?: now| just| still| currently)? (?:going to|about to"
    r"|(?!declining|refusing|having|hoping|looking forward|being|letting|writing|pleased)\w{2,20}ing)\b"
    r"|\b(?:i|we) .{0,80}\band (?:will|am|are)\b"
    r"|\b(?:is|are) (?:now )?being \w+ed\b|\bbeing (?:processed|handled|done|made)\b"
    r"|^(?:now )?(?:processing|proceeding|trying|working|checking|making|correcting|retrying|looking)\b"
    r"|; (?:making|doing)\b"
    r"|\b(?:processing|proceeding)\b.{0,40}\bnow\b"
    r"|\b(?:one|a|another) (?:moment|minute|second|sec)\b|\b(?:bear with|hold on|hang on|stand by"
    r"|please (?:hold|wait))"
    r"|\b(?:almost|nearly|about to|in progress|underway|under way|working on)\b"
)
_WORD = re.compile(r"[a-z]+")
_HINT_WORDS = (
    "i we let being almost nearly about progress underway way moment minute second sec bear hold hang stand "
    "wait processing proceeding trying working checking making correcting retrying looking doing"
)
_HINTS = frozenset(_HINT_WORDS.split())
"""Words of which every promise has one; looking for them first is much cheaper."""
_SENTENCE = re.compile(r"[.!?](?=\s|$)|\n")
_ALLOWED_NO = re.compile(
    r"\b(?:nothing|no|not) (?:(?:else|further|more|other|additional|longer)\b|(?:issue|problem"
    r"|trouble)s?\b)"
    r"|\bisn not that\b"
)
_UNDONE = re.compile(
    r"\b(?:not|no|nothing|never|none|neither|yet|being|almost|nearly|mistake|mistakes|error|errors|fail"
    r"|failed|fails"
    r"|once|when|after|before|until|while|if|whether|will|would|going|shall|could|can|about|should)\b"
)
_TRAIL = re.compile(
    r"^[^,;:]{0,60}?\b(?:since|yet|except|almost|by the airline|shortly|soon|once|before|earlier|ago"
    r"|last \w{4,5})\b"
)
_NO_DEED = re.compile(
    r"\b(?:note|notes|noted|progress|attempt|attempts|start|queue|identity|profile|system"
    r"|details (?:and|are|have)|request to"
    r"|confirmation has"
    r"|check|checks|by the airline|payment was|payment has)\b"
)
_GREETS = re.compile(
    r"\b(?:hello|hi|welcome|contacting)\b(?! )|\b(?:contacting us)\b"
    r"|^how (?:can|may|could) i (?:help|assist)(?! (?:you )?(?:\w+ )?else)"
)
_LOOKED = re.compile(r"\b(?:retrieved|verified|located|received|reviewed|found)\b(?! (?:and|,))")
_STILL_TO_DO = re.compile(r"\b(?:before|while|yet|first|so far)\b")
_DONE_WORDS = (
    "added removed processed completed made applied sent credited submitted confirmed corrected handled "
    "fixed adjusted finished finalized finalised issued arranged"
)
_DONE = tuple(_DONE_WORDS.split())
_FAULT = re.compile(
    r"\b(?:went wrong|mistake|error|errors|failed|failure|did not go through|(?:was|system"
    r"|tool) rejected|try again"
    r"|retry)\b"
)
_CANNOT = (
    r"\b(?:can|could|may|must) not\b|\bcannot\b|\b(?:un|not )able to\b|\bunable\b|\bimpossible\b"
    r"|\bineligible\b"
    r"|\b(?:will|won) not be (?:able|possible|allowed|permitted|eligible|approved|granted"
    r"|covered)\b|\bnot (?:be )?(?:\w+ly )?(?:allowed|permitted|possible|eligible|entitled"
    r"|due|covered|owed"
    r"|refundable|available under|in a position|something)\b"
    r"|\bno longer (?:be )?(?:possible|allowed|eligible|permitted|changed|cancelled|canceled)\b"
    r"|\bnot (?:\w+ )?(?:qualify|allow|permit|meet|support|entitle|provide|give|grant|offer|have the"
    r" (?:ability|authority|right|option))\b"
    r"|\b(?:decline|declined|declining|rejected|denied|refused|refuse|reject)\b"
    r"|\bno (?:way|compensation|refund|exceptions?|possibility|grounds?)\b|\bnone of the\b"
    r"|\bno other ground\b"
    r"|\brules? out\b|\bprevents? (?:me|us)\b|\boff the table\b|\bunable to process\b|\bgives no\b"
    r"|\b(?:result )?: no\b"
)
_REFUSAL = re.compile(_CANNOT)
_UNSURE = re.compile(
    r"\b(?:if|whether|might|may (?:or may )?not|not sure|yet|most|some|usually|typically|generally"
    r"|normally|depends"
    r"|often|automatically|so far|at the moment)\b"
    r"|\b(?:without|until|unless|before) (?:i|you|your|we|knowing|having|verif\w{1,8}|first|that|this"
    r"|more|an|the"
    r" (?:id|name|number|details))\b"
    r"|\b(?:not|unable to|cannot|never) (?:\w+ )?(?:find|locate|see|read|verify|identify|access"
    r"|retrieve|register"
    r"|recogni[sz]e|confirm|waive|combine|guarantee|promise|tell|finish|hear|catch)\b(?! (?:a"
    r"|any) (?:way|reason|ground))"
    r"|\b(?:not|unable to|cannot) (?:\w+ )?(?:give|offer|refund|include|apply) (?:you )?(?:a|any"
    r"|the) (?:discount|insurance|fee)\b"
    r"|\b(?:payment|card|transaction|amount|amounts|method)\b.{0,40}\b(?:declined|rejected|refused"
    r"|denied)\b"
    r"|\bcould not be (?:completed|processed|made|done)\b|\bto another card\b|\bnot able to complete\b"
    r"|\bunable to complete\b|\bfree\b|\b(?:insurance|seats?|meals?|discounts?"
    r"|points) (?:can|cannot|is|are)\b"
)
_INSTEAD = re.compile(
    r"\bbut (?:there (?:is|are)|(?:i|we) (?:can|could)(?! (?:not|help|assist|transfer|connect)))\b"
    r"|\bhowever (?:, )?"
    r"(?:there (?:is|are) (?:a|an|one|two|several|other)|(?:i|we) (?:can|could)(?! (?:not|help|assist"
    r"|transfer)))\b"
)
_OFFER = re.compile(
    r"\b(?:shall|should|may|can|could) (?:i|we)\b|\b(?:like|want|prefer|need) (?:me|us) to\b"
    r"|\b(?:would|is) (?:that|it|this|a \w+ \w+ \w+ \w+) (?:be )?(?:ok|okay|fine|alright|all right|right)$"
)
_NO_OFFER = re.compile(
    rf"\b(?:{_MORE}|different|human|transfer|representative|agent|colleague|supervisor|look at|explain)\b"
)


# Words of which every match of a pattern above has one.
_FAULT_HINT_WORDS = "wrong mistake error errors failed failure through rejected again retry"
_FAULT_HINTS = frozenset(_FAULT_HINT_WORDS.split())
_INSTEAD_HINTS = frozenset({"but", "however"})
_UNFINISHED_HINT_WORDS = "before while yet first far hello hi welcome contacting how"
_UNFINISHED_HINTS = frozenset(_UNFINISHED_HINT_WORDS.split())
_REFUSAL_HINT_WORDS = (
    "not cannot able unable impossible ineligible decline declined declining rejected denied refused refuse "
    "reject no none rule rules prevent prevents off gives"
)
_REFUSAL_HINTS = frozenset(_REFUSAL_HINT_WORDS.split())

_MATTER_WORDS = (
    "discount fee fees meal meals refund refunds refunded certificate certificates gift voucher vouchers "
    "points payment payments card cards cash email password"
)
_MATTERS = frozenset(_MATTER_WORDS.split())
"""What is talked of beside most wishes."""


@lru_cache(maxsize=64)
def _nouns(lexicon: Lexicon) -> tuple[frozenset[str], frozenset[str], str]:
    """Return the things of a domain, what is talked of beside them, and a pattern of those with an id."""
    known = tables(lexicon)
    found = ((word, known.choices.at((word,), 0)) for word in sorted(known.choices.starts))
    hits = [(word, hit[1]) for word, hit in found if hit is not None]
    hits += [(word[:-1], slot) for word, slot in hits if word.endswith("s")]
    kept = [word for word, slot in hits if slot.endswith("_id")]
    extras = {word for word in known.offers.starts if known.offers.at((word,), 0)}
    counted = {form for noun, _ in lexicon.counted for form in (noun, noun.removesuffix("s"))}
    things = frozenset(word for word, _ in hits) - _MATTERS
    return things, (_MATTERS | extras | counted) - things, "|".join(("request", *kept))


@lru_cache(maxsize=8)
def promise_end(message: str) -> int:
    """Return where in a message it is last said that work goes on, or -1.

    Example:
        >>> promise_end("You paid $5. Let me check the fee.")
        13
        >>> promise_end("It is done. Let me know if you need more.")
        -1
    """
    text = lowered(message).replace("*", " ")
    last, start = -1, 0
    for end in [match.end() for match in _SENTENCE.finditer(text)] + [len(text)]:
        sentence = text[start:end].lstrip()
        place = end - len(sentence) if start < end else start
        if not _HINTS.isdisjoint(_WORD.findall(sentence)) and _IDLE.search(sentence) is None:
            last = max((place + match.start() for match in _PROMISE.finditer(sentence)), default=last)
        start = end
    return last


def reports(parts: Sequence[Segment], lexicon: Lexicon, *, own: bool) -> list[Segment]:
    """Return the sentences that report a deed done.

    Args:
        parts: The sentences and list items of the message.
        lexicon: The words of the domain.
        own: Whether only those count that tell it of the speaker or the customer's reservation, as a deed
            that nobody agreed to would be told.
    """
    words, pattern = _reporting(lexicon, own)
    told = [part for part in parts if part.end != "?" and not words.isdisjoint(part.words)]
    return [part for part in told if _tells(part, pattern)]


@lru_cache(maxsize=64)
def _reporting(lexicon: Lexicon, own: bool) -> tuple[frozenset[str], re.Pattern[str]]:  # noqa: FBT001  cached
    """Return the participles of done deeds, and the pattern of a report; see ``reports``."""
    words = tuple(dict.fromkeys((*_DONE, *lexicon.done)))
    done = "|".join(words)
    things = rf"(?:your|the|this) (?:\w+ )?(?:{_nouns(lexicon)[2]}) (?:has|have)"
    subject = rf"(?:i|we)(?: have| went ahead and)?|{things}"
    pattern = (
        rf"\b(?:{subject})(?: now)?(?: been)?(?: successfully)?(?: now)? (?:{done})\b"
        if own
        else rf"\b(?:(?:has|have) (?:now )?been|(?:i|we)(?: have)?|(?:is|are) now|was|were)"
        rf"(?: now| successfully)* (?:{done})\b|\bsuccessfully (?:{done})\b"
    )
    return frozenset(words), re.compile(pattern)


def _tells(part: Segment, pattern: re.Pattern[str]) -> bool:
    text = _ALLOWED_NO.sub("", " ".join(part.words))
    match = pattern.search(text)
    return match is not None and not (
        _UNDONE.search(text[: match.end()]) or _TRAIL.search(text[match.end() :]) or _NO_DEED.search(text)
    )


def closing(parts: Sequence[Segment], signs: frozenset[str]) -> list[Segment]:
    """Return the sentences that sound like the end of a deed: those with a sign of it and no doubt."""
    return [
        part
        for part in parts
        if part.end != "?" and not signs.isdisjoint(part.words) and not _doubted(" ".join(part.words))
    ]


def _with(hints: frozenset[str], parts: Iterable[Segment]) -> list[str]:
    """Return the sentences in which one of the words stands: cheaper to ask than any pattern."""
    return [" ".join(part.words) for part in parts if not hints.isdisjoint(part.words)]


def _doubted(words: str) -> bool:
    text = _ALLOWED_NO.sub("", words)
    return any(pattern.search(text) is not None for pattern in (_UNDONE, _NO_DEED, _LOOKED))


def faulty(parts: Iterable[Segment]) -> bool:
    """Whether a message tells of a failure, or that something comes before the end."""
    return any(_FAULT.search(text) for text in _with(_FAULT_HINTS, parts))


def unfinished(parts: Iterable[Segment]) -> bool:
    """Whether an offer of more help comes before the deed: "anything else before I do that?"."""
    marked = [part for part in parts if not _UNFINISHED_HINTS.isdisjoint(part.words)]
    texts = [(part.end, " ".join(part.words)) for part in marked]
    return any(
        (end == "?" and _STILL_TO_DO.search(text)) or text.startswith("before ") or _GREETS.search(text)
        for end, text in texts
    )


def alternative(parts: Iterable[Segment]) -> bool:
    """Whether a message says what can be had instead: "but I can"."""
    return any(_INSTEAD.search(text) for text in _with(_INSTEAD_HINTS, parts))


def _beside(text: str, deeds: Container[str], lexicon: Lexicon) -> bool:
    """Whether a sentence is about matters that nobody wished for."""
    words = text.split()
    things, matters, _ = _nouns(lexicon)
    return not matters.isdisjoint(words) and not any(word in deeds for word in words if word not in things)


def refuses(parts: Sequence[Segment], message: str, deeds: Container[str], lexicon: Lexicon) -> bool:
    """Whether a message refuses something for good, with no promise and no way out in it.

    Args:
        parts: Its sentences and list items.
        message: The text.
        deeds: Words of what the customer wishes; what is refused of other matters does not count.
        lexicon: The words of the domain.
    """
    texts = [" ".join(part.words) for part in parts]
    if promise_end(message) >= 0 or alternative(parts) or faulty(parts):
        return False
    refusals = [text for text in _with(_REFUSAL_HINTS, parts) if _REFUSAL.search(text)]
    if all(_UNSURE.search(text) or _beside(text, deeds, lexicon) for text in refusals):
        return False
    asked = [text for part, text in zip(parts, texts, strict=True) if part.end == "?"]
    return not (asked and _OFFER.search(asked[-1]) and not _NO_OFFER.search(asked[-1]))
