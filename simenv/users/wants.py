"""What a message wants of the customer, where its grammar alone does not tell: which yes, which facts."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from simenv.core.lexicon import Lexicon
from simenv.users.cues import DETERMINERS
from simenv.users.segments import Segment
from simenv.users.tables import tables
from simenv.users.understand import Reading

Yes = Literal["go", "human", "look", "more", ""]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES = _words("yes approve approval consent authorise authorize authorisation authorization permission agreement")
"""Words with which an agent names the answer it waits for."""
_MAYBE_YES = _words("confirm agree")
_GO = _YES | _MAYBE_YES | _words(
    "ok okay confirmation proceed ahead continue correct right submit complete finalize finalise process good match matches fine "
    "comfortable alright sure happy better ready accept it this that these so everything details cost"
)
"""Words of which one stands in a question that wants a go-ahead without saying for what."""
_FIRM = _words("proceed ahead confirm correct right yes submit approve approval consent authorise authorize")
"""Words that make a question one for a go-ahead, whatever else stands in it."""
_DOING = _words("i me we us like want wish agree")
_ENDED = _words("done complete completed success successful successfully finished through processed confirmed")
_LATER = _words("will going shall once when before after if would can could")
_HUMAN = _words("human transfer transferred representative supervisor colleague specialist")
_MORE = _words(
    "else further additional anything something questions question help assist assistance another other different "
    "alternative alternatives instead otherwise"
)
_LOOK = _words(
    "search check look find see show hear explain explained explanation detail know browse explore view list "
    "suggest try wait breakdown break understand sense expected helps"
)
_NEEDS = _words(
    "need needed needs require required requires missing without until before provide send resend share give tell "
    "state restate repeat remind reply fill received catch caught request requested record register please have "
    "unclear forgot unreadable read"
)
"""Words that a request for facts has in it, however it is built."""
_GIVE = _words(
    "need needed require required requires missing provide send resend share give tell state restate repeat remind "
    "supply fill received caught catch request love awaiting"
)
_WITHOUT = _words("without until unless before first")
_SEEK = _words("find locate see read register retrieve verify access identify recognize recognise match pull")
_CANNOT = _words("unable not cannot couldn never")
_SHORT = 8


def asking(parts: Sequence[Segment], reading: Reading) -> list[Segment]:
    """Return the parts of a message that ask for a yes."""
    asks = reading.final_question == "yes_no" or "request_confirmation" in reading.acts
    signs = _YES | _MAYBE_YES if asks or reading.final_question != "wh" else _YES
    return [
        part
        for part in parts
        if (part.end == "?" and (asks or not _FIRM.isdisjoint(part.words))) or _asks_yes(part.words, signs)
    ]


def wanted_yes(parts: Sequence[Segment], reading: Reading) -> Yes:
    """Return what a yes is wanted for: a deed (``go``), a transfer, a look-up, more help, or nothing.

    Where a message asks several things, the go-ahead counts.
    """
    kinds = {_kind(part.words) for part in asking(parts, reading)}
    order: tuple[Yes, ...] = ("go", "human", "look", "more")
    return next((kind for kind in order if kind in kinds), "")


def _asks_yes(words: Sequence[str], signs: frozenset[str]) -> bool:
    # "Yes, I've checked that" answers; it does not ask.
    return not signs.isdisjoint(words[1:] if words[0] == "yes" and words[1:2] == (",",) else words)


def _kind(words: Sequence[str]) -> Yes:
    if not _HUMAN.isdisjoint(words):
        return "human"
    if not _FIRM.isdisjoint(words):
        return "go"
    if not _MORE.isdisjoint(words):
        return "more"
    return "go" if _LOOK.isdisjoint(words) else "look"


def is_firm(asked: Iterable[Segment]) -> bool:
    """Whether a go-ahead is asked for in so many words."""
    return any(not _FIRM.isdisjoint(part.words) for part in asked)


def goes_ahead(asked: Iterable[Segment]) -> bool:
    """Whether a question for a yes can be about what was talked of last, not about a thing of its own."""
    return any(not _GO.isdisjoint(part.words) for part in asked)


def offers_deed(asked: Iterable[Segment]) -> bool:
    """Whether a question for a yes is about somebody doing something."""
    return any(not (_DOING | _GO).isdisjoint(part.words) for part in asked)


def closes(parts: Sequence[Segment], lexicon: Lexicon) -> bool:
    """Whether a message sounds like the end of a deed."""
    words = {word for part in parts for word in part.words}
    return _LATER.isdisjoint(words) and not words.isdisjoint(_ENDED | set(lexicon.done))


def seeks(parts: Sequence[Segment]) -> bool:
    """Whether a message says that something could not be found, which is a question and no refusal."""
    return any(not _SEEK.isdisjoint(p.words) and not _CANNOT.isdisjoint(p.words) for p in parts)


def needs_first(parts: Sequence[Segment]) -> bool:
    """Whether a refusal only says what is missing: "I can't without your user ID"."""
    return any(not _WITHOUT.isdisjoint(p.words) and not _CANNOT.isdisjoint(p.words) for p in parts)


def begs(parts: Sequence[Segment]) -> bool:
    """Whether a message asks to be given something, named or not."""
    return any(
        word in _GIVE and following != "you" for part in parts for word, following in pairwise((*part.words, ""))
    )


def listed_slots(parts: Sequence[Segment], lexicon: Lexicon) -> list[str]:
    """Return the facts that list items consist of, in a message that asks for something."""
    if all(_NEEDS.isdisjoint(part.words) for part in parts):
        return []
    table = tables(lexicon).items
    hits = ((part.words, *hit) for part in parts if part.item for hit in table.among(part.words))
    found = [slot for words, start, end, slot in hits if DETERMINERS.issuperset(words[:start]) and not _labels(words, end)]
    return list(dict.fromkeys(found))


def named_slots(parts: Sequence[Segment], lexicon: Lexicon, *, strict: bool) -> list[str]:
    """Return the facts that are named where facts are asked for: in lists and in sentences of need.

    Args:
        parts: The sentences and list items of the message.
        lexicon: The words of the domain.
        strict: Whether the message has to say that it needs something.
    """
    if strict and all(_NEEDS.isdisjoint(part.words) for part in parts):
        return []
    places = [part for part in parts if part.item or _asks_fact(part, strict=strict)]
    known = tables(lexicon)
    for table in (known.items, known.heads) if begs(parts) else (known.items,):
        hits = ((part.words, *hit) for part in places for hit in table.among(part.words))
        found = dict.fromkeys(slot for words, _, end, slot in hits if not _labels(words, end))
        if found:
            return list(found)
    return []


def _asks_fact(part: Segment, *, strict: bool) -> bool:
    return not _NEEDS.isdisjoint(part.words) or (not strict and (part.end == "?" or len(part.words) < _SHORT))


def _labels(words: Sequence[str], end: int) -> bool:
    """Whether what ends at word ``end`` is the label of a value that follows: "cabin class: economy"."""
    return words[end : end + 1] in ((":",), ("|",)) and len(words) > end + 1 and _NEEDS.isdisjoint(words[end:])


def labelled(parts: Iterable[Segment], lexicon: Lexicon) -> set[str]:
    """Return the slots that a message gives values for: "cabin class: economy"."""
    table = tables(lexicon).items
    return {
        slot for part in parts for _, end, slot in table.among(part.words) if _labels(part.words, end)
    }
