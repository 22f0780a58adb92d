"""All that a customer takes in of one message before deciding what to say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from simenv.core.lexicon import Lexicon
from simenv.users.mentions import Mention, mentions
from simenv.users.segments import Segment, segments
from simenv.users.stance import alternative, faulty, promise_end, refuses, reports, unfinished
from simenv.users.understand import looks_back, understand
from simenv.users.wants import (
    Yes,
    again,
    asking,
    asks_leave,
    asks_which,
    begs,
    ended,
    goes_ahead,
    is_firm,
    labelled,
    listed_slots,
    mentioned_slots,
    named_slots,
    needs_first,
    offers_deed,
    planning,
    plans,
    seeks,
    wanted_yes,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message says and wants.

    Attributes:
        said: The values it states.
        words: Its words.
        slots: The facts it asks for.
        guessed: Whether they are only named, not grammatically asked for.
        named: Slots that it names in any way.
        given: Slots of which it states values itself.
        stated: Whether it states what a proposal to this customer would.
        yes: What it wants a yes for.
        firm: Whether that is said in so many words: "shall I proceed".
        bare: Whether it may be about what was talked of last: "shall I".
        offers: Whether the speaker, or the customer, would do something.
        planned: The words of the sentences that say what will be done.
        denies: Whether something is refused, for now or for good.
        refuses: Whether it is refused for good.
        seeks: Whether something could not be found.
        reports: Whether something is reported done.
        told: The words of the sentences in which the speaker tells of a deed of their own.
        closes: Whether it sounds like the end of a deed.
        ended: The words of the sentences that do.
        again: Whether something is to be said once more.
        waits: Whether it asks for patience.
    """

    said: tuple[Mention, ...]
    words: frozenset[str]
    slots: tuple[str, ...]
    guessed: bool
    named: frozenset[str]
    given: frozenset[str]
    stated: bool
    yes: Yes
    firm: bool
    bare: bool
    offers: bool
    planned: frozenset[str]
    denies: bool
    refuses: bool
    seeks: bool
    reports: bool
    told: frozenset[str]
    closes: bool
    ended: frozenset[str]
    again: bool
    waits: bool


def hear(
    message: str, before: str, lexicon: Lexicon, matters: Iterable[str] = (), deeds: Iterable[str] = ()
) -> Heard:
    """Take in a message.

    Args:
        message: Any text.
        before: What the customer said last.
        lexicon: The words of the domain.
        matters: Kinds of values that a proposal to this customer would state.
        deeds: Words of which one would stand in it.
    """
    if not message.strip():
        # Silence says the same whatever matters, and agents that have given up are silent again and again.
        return _silence(before, lexicon)
    # Most messages are read alike whatever was said before, and agents repeat each other.
    known = before if looks_back(message, lexicon) else ""
    return _hear(message, known, lexicon, frozenset(matters), frozenset(deeds))


def forget() -> None:
    """Forget the messages that were heard; for benchmarks."""
    _hear.cache_clear()
    _silence.cache_clear()


@lru_cache(maxsize=512)
def _silence(before: str, lexicon: Lexicon) -> Heard:
    return _hear("", before, lexicon, frozenset(), frozenset())


@lru_cache(maxsize=512)
def _hear(
    message: str, before: str, lexicon: Lexicon, matters: frozenset[str], deeds: frozenset[str]
) -> Heard:
    parts = segments(message)
    reading = understand(message, before, lexicon)
    acts = reading.acts
    said = mentions(message, lexicon)
    labels = labelled(parts, lexicon)
    kinds = {mention.kind for mention in said}
    given = labels | {slot.name for slot in lexicon.slots if not kinds.isdisjoint(slot.kinds)}
    words = frozenset(word for part in parts for word in part.words)
    # A price alone is a proposal only with a word of the deed: extras have prices, too.
    stated = any(kind in matters for kind in kinds) or (
        "money" in kinds and any(word in deeds for word in words)
    )
    covered = labels if reading.final_question == "wh" and not asks_leave(parts) else given
    settled = covered.issuperset(set(reading.slots) - {lexicon.other}) and "offer_choice" not in acts
    asked = asking(parts, reading, proposes=stated and settled)
    yes, firm = wanted_yes(asked), is_firm(asked)
    quiet = settled and not {"deny", "report_done", "wait", "ask_more", "transfer"}.intersection(acts)
    if yes != "go" and any(kind in matters for kind in kinds) and quiet and plans(parts, deeds):
        yes = "go"
    proposes = stated and settled and yes == "go"
    missed = seeks(parts)
    once_more = missed or again(message)
    denies = "deny" in acts and not needs_first(parts) and not (missed and again(message))
    slots = [slot for slot in reading.slots if slot not in labels]
    named = mentioned_slots(parts, lexicon) if slots else set[str]()
    if "report_done" not in acts and not (stated and yes == "go"):
        wanting = begs(parts) or once_more or needs_first(parts)
        guess, strict = named.isdisjoint(slots), denies and not missed
        found = _missed(parts, slots, acts, lexicon, guessed=guess, wanting=wanting, firm=firm, strict=strict)
        slots = found or slots
        if not said and set(slots) <= {lexicon.other} and asks_which(asked):
            yes, slots = "", [lexicon.other]
        elif wanting and not (slots or said or denies or firm):
            slots = [lexicon.other]
    ends = ended(parts, lexicon)
    going_on = promise_end(message) >= 0 or faulty(parts)
    refused = refuses(parts, message, deeds, lexicon) and not needs_first(parts)
    if refused and not begs(parts) and all(part.end != "?" for part in parts):
        slots = []
    other = not stated and alternative(parts)
    more = "ask_more" in acts and not unfinished(parts)
    told = [] if going_on else reports(parts, lexicon, own=True)
    return Heard(
        said=said,
        words=words,
        slots=tuple(slots),
        guessed=set(slots).isdisjoint(reading.slots),
        named=frozenset(named),
        given=frozenset(given),
        stated=stated,
        yes=yes,
        firm=firm,
        bare=not other and (proposes or goes_ahead(asked)),
        offers=not other and (proposes or offers_deed(asked)),
        planned=frozenset(word for part in planning(parts) for word in part.words),
        denies=denies,
        refuses=refused,
        seeks=missed,
        reports=not going_on and bool(reports(parts, lexicon, own=False)),
        told=frozenset(word for part in told for word in part.words),
        closes=not going_on and "wait" not in acts and (more or (bool(ends) and not begs(parts))),
        ended=ends,
        again=once_more,
        waits="wait" in acts or going_on,
    )


def _missed(
    parts: Sequence[Segment],
    slots: Sequence[str],
    acts: Sequence[str],
    lexicon: Lexicon,
    *,
    guessed: bool,
    wanting: bool,
    firm: bool,
    strict: bool,
) -> list[str]:
    """Return the facts that are named where facts are asked for, if none of them was read as asked for."""
    found = listed_slots(parts, lexicon)
    # Facts that only the talk before names are a guess; what the message itself names goes first.
    if not found and guessed:
        busy = firm or not {"deny", "ask_more", "wait", "transfer"}.isdisjoint(acts)
        if wanting or not (busy or set(slots) - {lexicon.other}):
            found = named_slots(parts, lexicon, strict=strict)
        if not found and slots and any(part.item for part in parts):
            return [lexicon.other]
    return found if set(found).isdisjoint(slots) else []
