"""What a request means that does not name it: "how many", "add it", "the exact day"."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from simenv.users.asks import EXTRA, Ask
from simenv.users.scan import COUNTED
from simenv.users.segments import Segment, segments
from simenv.users.tables import SlotTables

MARKS = frozenset((COUNTED, EXTRA))
_REACH = 3
"""How many sentences a vague name or "add it" looks back, its own included."""
_FAR = 12
"""How many sentences "how many" looks back; also what is read of the customer's words, from their end."""


def meant(
    parts: Sequence[Segment], asks: Sequence[Ask], user_before: str, slot_tables: SlotTables
) -> list[Ask]:
    """Return the asks with the slots that what was said before decides."""
    found = list(asks)
    for i, ask in enumerate(asks):
        slots = ask.slots
        if slots and not MARKS.isdisjoint(slots):
            slots = tuple(
                known
                for slot in dict.fromkeys(slots)
                if (known := _decided(slot, parts[max(0, i - _FAR) : i + 1], user_before, slot_tables))
                is not None
            )
        if slots and not slot_tables.vague.isdisjoint(slots):
            slots = _narrowed(slots, parts[max(0, i - _REACH + 1) : i + 1], slot_tables)
        if slots != ask.slots:
            found[i] = replace(ask, slots=tuple(dict.fromkeys(slots)))
    return found


def _decided(slot: str, parts: Sequence[Segment], user_before: str, slot_tables: SlotTables) -> str | None:
    """Return the slot that a mark stands for; None is nothing asked for, and ``""`` an unknown fact."""
    if slot not in MARKS:
        return slot
    if slot == EXTRA:
        named = _extra(reversed(parts[-_REACH - 1 : -1]), slot_tables)
        return named or _extra(reversed(segments(user_before)[-_FAR:]), slot_tables)
    counted = _counted(reversed(parts), slot_tables)
    return counted or _counted(reversed(segments(user_before)[-_FAR:]), slot_tables) or ""


def _extra(parts: Iterable[Segment], slot_tables: SlotTables) -> str | None:
    """Return the extra that was last named."""
    for part in parts:
        if named := slot_tables.offers.among(part.words):
            return named[-1][2]
    return None


def _counted(parts: Iterable[Segment], slot_tables: SlotTables) -> str | None:
    """Return the slot for the number of the things that were last named."""
    for part in parts:
        for word in reversed(part.words):
            hit = slot_tables.heads.at(("how", "many", word), 0)
            if hit is not None and hit[0] == 3:
                return hit[1]
    return None


def _narrowed(slots: Sequence[str], parts: Sequence[Segment], slot_tables: SlotTables) -> tuple[str, ...]:
    """Return the slots of the last part, a vaguer one replaced where a narrower one is meant."""
    words = parts[-1].words
    signs = {slot for _, _, slot in slot_tables.signs.among(words)}
    echoes = {slot for _, _, slot in slot_tables.echoes.among(words)}
    if not signs and not echoes:
        return tuple(slots)
    talked = {
        slot
        for part in parts[:-1]
        for table in (slot_tables.signs, slot_tables.phrases)
        for _, _, slot in table.among(part.words)
    }
    meant_by = {
        vague: slot
        for slot, vague in slot_tables.narrows.items()
        if slot not in slots and (slot in signs or (slot in echoes and slot in talked))
    }
    return tuple(meant_by.get(slot, slot) for slot in slots)
