"""All that a customer takes in of one message before deciding what to say."""

from collections.abc import Sequence
from dataclasses import dataclass

from simenv.core.lexicon import Lexicon
from simenv.users.mentions import Mention, mentions
from simenv.users.segments import Segment, segments
from simenv.users.understand import understand
from simenv.users.wants import (
    Yes,
    asking,
    begs,
    closes,
    goes_ahead,
    is_firm,
    labelled,
    listed_slots,
    named_slots,
    needs_first,
    offers_deed,
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
        given: Slots of which it states values itself.
        yes: What it wants a yes for.
        firm: Whether that is said in so many words: "shall I proceed".
        bare: Whether it may be about what was talked of last: "shall I".
        offers: Whether the speaker, or the customer, would do something.
        denies: Whether something is refused.
        seeks: Whether something could not be found.
        reports: Whether something is reported done.
        closes: Whether it sounds like the end of a deed, without a report of one.
        waits: Whether it asks for patience.
    """

    said: tuple[Mention, ...]
    words: frozenset[str]
    slots: tuple[str, ...]
    given: frozenset[str]
    yes: Yes
    firm: bool
    bare: bool
    offers: bool
    denies: bool
    seeks: bool
    reports: bool
    closes: bool
    waits: bool


def hear(message: str, before: str, lexicon: Lexicon) -> Heard:
    """Take in a message; ``before`` is what the customer said last."""
    parts = segments(message)
    reading = understand(message, before, lexicon)
    acts = reading.acts
    asked = asking(parts, reading)
    firm = is_firm(asked)
    said = mentions(message, lexicon)
    labels = labelled(parts, lexicon)
    kinds = {mention.kind for mention in said}
    given = labels | {slot.name for slot in lexicon.slots if not kinds.isdisjoint(slot.kinds)}
    denies = "deny" in acts and not needs_first(parts)
    slots = [slot for slot in reading.slots if slot not in labels]
    if "report_done" not in acts:
        slots = _missed(parts, slots, acts, lexicon, firm=firm) or slots
        if not (slots or said or denies or firm) and "ask_more" not in acts and begs(parts):
            slots = [lexicon.other]
    return Heard(
        said=said,
        words=frozenset(word for part in parts for word in part.words),
        slots=tuple(slots),
        given=frozenset(given),
        yes=wanted_yes(parts, reading),
        firm=firm,
        bare=goes_ahead(asked),
        offers=offers_deed(asked),
        denies=denies,
        seeks=seeks(parts),
        reports="report_done" in acts,
        closes="wait" not in acts and ("ask_more" in acts or closes(parts, lexicon)),
        waits="wait" in acts,
    )


def _missed(parts: Sequence[Segment], slots: Sequence[str], acts: Sequence[str], lexicon: Lexicon, *, firm: bool) -> list[str]:
    """Return the facts that are named where facts are asked for, if none of them was read as asked for."""
    found = listed_slots(parts, lexicon)
    if not found and not firm and set(slots) <= {lexicon.other}:
        strict = bool(slots) or not {"deny", "ask_more", "wait"}.isdisjoint(acts)
        found = named_slots(parts, lexicon, strict=strict)
    return found if set(found).isdisjoint(slots) else []
