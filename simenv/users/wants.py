"""What a message wants of the customer, where its grammar alone does not tell: which yes, which facts."""

import re
from collections.abc import Container, Iterable, Sequence
from itertools import pairwise
from typing import Literal

from simenv.core.lexicon import Lexicon
from simenv.users.segments import Segment
from simenv.users.stance import closing
from simenv.users.tables import tables
from simenv.users.understand import Reading

Yes = Literal["go", "human", "look", "more", ""]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES = _words(
    "yes approve approval consent authorise authorize authorisation authorization permission agreement"
)
"""Words with which an agent names the answer it waits for."""
_MAYBE_YES = _words("confirm agree")
_OPENERS = _words("yes ok okay alright fine")
_AGREEING = _YES | _MAYBE_YES | _words("ok okay happy fine alright proceed whether")
_GO = _AGREEING | _words(
    "go sound sounds deal approved confirmation ahead continue correct right submit complete finalize "
    "finalise process good match matches comfortable sure better ready accept it this that these so "
    "everything details cost"
)
"""Words of which one stands in a question that wants a go-ahead without saying for what."""
_FIRM = _words(
    "agree ok okay proceed ahead confirm correct right yes submit approve approval consent authorise "
    "authorize"
)
"""Words that make a question one for a go-ahead, whatever else stands in it."""
_GOING = _words("proceed ahead")
_LEAVE = re.compile(r"\blet (?:me|us) know (?:if|whether) (?:i|we) (?:should|may)\b")
_CONFIRMING = re.compile(
    r"\b(?:i|we)(?: will| can| could| would)?(?: not| cannot)?(?: \w{1,20})? confirm\b(?! (?:if|whether))"
    r"|^(?!.{0,200}\b(?:once|when|if|after|soon|until|before)\b).{0,60}\b(?:have|got|received) your"
    r" (?:approval|confirmation|consent|permission|agreement|authorization|authorisation|yes)\b"
)
_DOING = _words("i me we us like want wish agree")
_ENDED = _words(
    "done complete completed success successful successfully finished processed confirmed corrected "
    "sent added removed applied credited submitted handled adjusted fixed"
)
_FUTURE = _words("will would going ready about pending proposed")
_HUMAN = _words("human transfer transferred representative supervisor colleague specialist")
_MORE = _words(
    "else further additional anything something questions question help assist assistance different "
    "alternative alternatives instead otherwise"
)
_NO_REQUEST = _words("else further additional anything questions yes")
_LOOK = _words(
    "search check look find see show hear explain explained explanation detail browse explore view list "
    "suggest try wait breakdown break understand sense expected helps"
)
_NEEDS = _words(
    "need needed needs require required requires missing provide send resend share give tell state "
    "restate repeat remind reply fill caught catch register awaiting love supply enter specify input "
    "sending providing sharing giving telling repeating ask outstanding lacking lack start namely "
    "rejected indicate clarify unclear unreadable"
)
"""Words that a request for facts has in it, however it is built."""
_BEGGING = ("i", "please", "to", "we")
_WITHOUT = re.compile(
    r"\b(?:without|until|unless|before) (?:i|we|you|your|knowing|having|verif\w{1,8}|first|that|this|more|an?"
    r"|the(?! (?:first|flight|departure|trip)))\b"
    r"|\bneed\b.{0,40}\bfirst\b"
)
_SEEK = _words("find locate see read register retrieve verify access identify recognize recognise match pull")
_CANNOT = _words("unable not cannot couldn never")
_AGAIN = re.compile(
    r"\b(?:again|once more|one more time|repeat|resend|restate|remind|missed)\b"
    r"|(?:n't|not|no longer|never) (?:\w+ )?"
    r"(?:hear|heard|catch|caught|get|got|see|have|find|read|record|register|receive)\b"
)
_WH = _words("how which what why who when where")
_BEFORE_LABEL = 5
_THANKS = _words("thank thanks using")


def asking(parts: Sequence[Segment], reading: Reading, *, proposes: bool) -> list[Segment]:
    """Return the parts of a message that ask for a yes.

    Args:
        parts: The sentences and list items of the message.
        reading: What its grammar tells.
        proposes: Whether it states what matters to the customer and asks for no facts; a question in it
            then asks for a yes, and so does a word of agreement.
    """
    if proposes:
        return [
            part
            for part in parts
            if (part.end == "?" and not _begs(part)) or _asks_yes(part.words, _AGREEING)
        ]
    asks = reading.final_question == "yes_no" or "request_confirmation" in reading.acts
    signs = _YES | _MAYBE_YES if asks or reading.final_question != "wh" else _YES
    return [
        part
        for part in parts
        if (part.end == "?" and (asks or _firm(part.words))) or _asks_yes(part.words, signs)
    ]


def wanted_yes(asked: Iterable[Segment]) -> Yes:
    """Return what a yes is wanted for: a deed (``go``), a transfer, a look-up, more help, or nothing.

    Where a message asks several things, the go-ahead counts.
    """
    kinds = {_kind(part.words) for part in asked}
    order: tuple[Yes, ...] = ("go", "human", "look", "more")
    return next((kind for kind in order if kind in kinds), "")


def _asks_yes(words: Sequence[str], signs: frozenset[str]) -> bool:
    # "Okay, I've done it" and "I can confirm that" tell; they do not ask.
    told = words[1:] if words[0] in _OPENERS and words[1:2] in ((), (",",)) else words
    text = " ".join(told)
    asks = not signs.isdisjoint(told) and _CONFIRMING.search(text) is None
    return asks or _LEAVE.search(text) is not None


def _kind(words: Sequence[str]) -> Yes:
    if ("rather" in words and "or" in words) or ("not" in words and "yet" in words):
        return "more"
    if not _HUMAN.isdisjoint(words):
        return "human"
    if _firm(words):
        return "go"
    if not _MORE.isdisjoint(words):
        return "more"
    return "go" if _LOOK.isdisjoint(words) else "look"


def plans(parts: Sequence[Segment], deeds: Container[str]) -> bool:
    """Whether a message says what will be done: a future sentence with a word of the deed."""
    return any(
        not _FUTURE.isdisjoint(part.words)
        and (_LOOK | _MORE).isdisjoint(part.words)
        and any(word in deeds for word in part.words)
        for part in parts
    )


def planning(parts: Sequence[Segment]) -> list[Segment]:
    """Return the sentences that say what will be done, or ask for leave to do it."""
    return [
        part
        for part in parts
        if not part.item
        and (part.end == "?" or not _FUTURE.isdisjoint(part.words))
        and (_LOOK | _MORE).isdisjoint(part.words)
    ]


def asks_leave(parts: Sequence[Segment]) -> bool:
    """Whether a question, other than for a fact, has a word of agreement in it."""
    return any(
        part.end == "?" and _WH.isdisjoint(part.words) and not _GO.isdisjoint(part.words) and not _begs(part)
        for part in parts
    )


def is_firm(asked: Iterable[Segment]) -> bool:
    """Whether a go-ahead is asked for in so many words."""
    return any(_firm(part.words) for part in asked)


def _firm(words: Sequence[str]) -> bool:
    # What the speaker would do then is no question: "your name, so I can proceed".
    return not _FIRM.isdisjoint(words[: words.index("so", 3)] if "so" in words[3:] else words)


def goes_ahead(asked: Iterable[Segment]) -> bool:
    """Whether a question for a yes can be about what was talked of last, not about a thing of its own."""
    return any(not _GO.isdisjoint(part.words) for part in asked)


def offers_deed(asked: Iterable[Segment]) -> bool:
    """Whether a question for a yes is about somebody doing something."""
    return any(not (_DOING | _GO).isdisjoint(part.words) for part in asked)


def ended(parts: Sequence[Segment], lexicon: Lexicon) -> frozenset[str]:
    """Return the words of the sentences that sound like the end of a deed."""
    signs = _ENDED.union(lexicon.done)
    return frozenset(word for part in closing(parts, signs) for word in part.words)


def seeks(parts: Sequence[Segment]) -> bool:
    """Whether a message says that something could not be found, which is a question and no refusal."""
    return any(not _SEEK.isdisjoint(p.words) and not _CANNOT.isdisjoint(p.words) for p in parts)


def needs_first(parts: Sequence[Segment]) -> bool:
    """Whether a refusal only says what is missing: "I can't without your user ID"."""
    return any(
        not _CANNOT.isdisjoint(part.words) and _WITHOUT.search(" ".join(part.words)) is not None
        for part in parts
    )


def _begs(part: Segment) -> bool:
    """Whether a sentence asks to be given something, named or not: "give me", not "give you"."""
    if _NEEDS.isdisjoint(part.words) and "request" not in part.words:
        return False
    pairs = pairwise((*part.words, ""))
    return _NO_REQUEST.isdisjoint(part.words) and any(
        (one in _NEEDS and two != "you") or (one in _BEGGING and two == "request") for one, two in pairs
    )


def begs(parts: Sequence[Segment]) -> bool:
    """Whether a message asks to be given something, named or not."""
    return any(_begs(part) for part in parts)


def again(message: str) -> bool:
    """Whether a message wants something said once more."""
    return _AGAIN.search(message.lower()) is not None


def asks_which(asked: Iterable[Segment]) -> bool:
    """Whether what is to be confirmed is open: "please confirm how you would like to pay"."""
    return any(
        not _WH.isdisjoint(part.words) and _GOING.isdisjoint(part.words)
        for part in asked
        if "confirm" in part.words
    )


def listed_slots(parts: Sequence[Segment], lexicon: Lexicon) -> list[str]:
    """Return the facts that the list of a message consists of, if it asks for something."""
    items = [part.words for part in parts if part.item]
    if not items or not any(part.end in ("?", ":") or _begs(part) for part in parts):
        return []
    table = tables(lexicon).items
    found: dict[str, None] = {}
    facts = 0
    for words in items:
        hits = [
            slot
            for start, end, slot in table.among(words)
            if start <= _BEFORE_LABEL and not _labels(words, end)
        ]
        hits = [] if any(word.isdigit() for word in words) else hits
        facts += bool(hits)
        found.update(dict.fromkeys(hits))
    return list(found) if 2 * facts >= len(items) else []


def named_slots(parts: Sequence[Segment], lexicon: Lexicon, *, strict: bool) -> list[str]:
    """Return the facts that are named where facts are asked for: in lists and in sentences of need.

    Args:
        parts: The sentences and list items of the message.
        lexicon: The words of the domain.
        strict: Whether only items and sentences count that say what is needed.
    """
    places = [part for part in parts if part.item or _begs(part)] if strict else parts
    places = [part for part in places if _THANKS.isdisjoint(part.words)]
    table = tables(lexicon).items
    hits = ((part.words, *hit) for part in places for hit in table.among(part.words))
    return list(dict.fromkeys(slot for words, _, end, slot in hits if not _labels(words, end)))


def mentioned_slots(parts: Sequence[Segment], lexicon: Lexicon) -> set[str]:
    """Return every fact that a message names anywhere, in any way."""
    known = tables(lexicon)
    return {
        slot
        for table in (known.heads, known.offers, known.options)
        for part in parts
        for _, _, slot in table.among(part.words)
    }


def _labels(words: Sequence[str], end: int) -> bool:
    """Whether what ends at word ``end`` is the label of a value that follows: "cabin class: economy"."""
    value = words[end + 1 :]
    return words[end : end + 1] in ((":",), ("|",)) and bool(value) and _NEEDS.isdisjoint(value)


def labelled(parts: Iterable[Segment], lexicon: Lexicon) -> set[str]:
    """Return the slots that a message gives values for: "cabin class: economy"."""
    table = tables(lexicon).items
    marked = [part.words for part in parts if ":" in part.words or "|" in part.words]
    return {slot for words in marked for _, end, slot in table.among(words) if _labels(words, end)}
