"""Reading an agent's message as a customer does: what is asked for, whether a yes is wanted, what is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from simenv.core.lexicon import Lexicon
from simenv.users.acts import acts_of
from simenv.users.asks import Ask, ask_of
from simenv.users.meant import MARKS, meant
from simenv.users.mentions import Mention, mentions
from simenv.users.phrases import Phrases
from simenv.users.scan import CHOSEN, POINTED
from simenv.users.segments import ITEM, TOKEN, Segment, segments
from simenv.users.tables import SlotTables, tables
from simenv.users.words import DETERMINERS, LISTED, MODIFIERS, SEVERAL

_AMONG = frozenset(("between", "of", "among"))
_FIELD = 12
"""The most words of a label in a form."""
_WELCOMES = (
    ("you", "are", "welcome"),
    ("take", "your", "time"),
    ("thank", "you", "for", "your", "patience"),
)
"""How a message starts that says goodbye; "once you have it, let me know" in it asks for nothing."""
FinalQuestion = Literal["yes_no", "wh", "none"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message does.

    Attributes:
        acts: In the order of ``simenv.users.acts.ACTS``.
        slots: The facts asked for, in order, each once.
        final_question: ``yes_no`` if all that is wanted is a yes or a no, ``wh`` if a fact is wanted, else
            ``none``.
    """

    acts: tuple[str, ...]
    slots: tuple[str, ...]
    final_question: FinalQuestion


@lru_cache(maxsize=256)
def _asks(message: str, lexicon: Lexicon) -> tuple[Ask, ...]:
    """Return what each sentence of a message asks for by itself."""
    slot_tables = tables(lexicon)
    return tuple(ask_of(part, slot_tables) for part in segments(message))


def looks_back(message: str, lexicon: Lexicon) -> bool:
    """Whether what was said before a message may decide what it asks for."""
    return any(ask.back or not MARKS.isdisjoint(ask.slots) for ask in _asks(message, lexicon))


def understand(message: str, user_before: str, lexicon: Lexicon) -> Reading:
    """Read a message.

    Args:
        message: Any text; what is over ``segments.LIMIT`` characters is not read.
        user_before: The customer's last words before it; they decide only what "it" is where the message
            does not.
        lexicon: The words of the domain.
    """
    parts = segments(message)
    slot_tables = tables(lexicon)
    asks = meant(parts, _asks(message, lexicon), user_before, slot_tables)
    if any(ask.waits for ask in asks) and any(
        part.words[: len(start)] == start for part in parts for start in _WELCOMES
    ):
        asks = [Ask(courtesy=True) if ask.waits else ask for ask in asks]
    for i, ask in enumerate(asks):
        if ask.yes and parts[i].end == ":" and _asks_labels(parts, i, slot_tables):
            asks[i] = Ask(fact=True, opens_list=True)
        vague = ask.disjoint or (ask.either and ask.slots == (lexicon.other,))
        if vague and (slot := _most_stated(message, lexicon, " ".join(parts[i].words))):
            asks[i] = Ask(fact=True, slots=(slot,), either=True)
    listed = _listed(parts, asks, slot_tables)
    chosen = _chosen(parts, asks, slot_tables, message, lexicon)
    slots: dict[str, None] = {}
    for part, ask, listing, choice in zip(parts, asks, listed, chosen, strict=True):
        for slot in _item_slots(part, ask, slot_tables) if listing else ask.slots:
            if slot == POINTED:
                earlier = _pointed_at(parts[: parts.index(part)], slot_tables) if not slots else []
                slots.update(dict.fromkeys(earlier))
            else:
                slots[(choice if slot == CHOSEN else slot) or lexicon.other] = None
    facts = [ask.fact or listing for ask, listing in zip(asks, listed, strict=True)]
    if any(facts) and not slots:
        before: list[str] = []
        if any(ask.back for ask in asks):
            before = _pointed_at(parts, slot_tables) or _pointed_at(segments(user_before), slot_tables)[-1:]
        slots.update(dict.fromkeys(before or [lexicon.other]))
    found = tuple(slots)
    offered = [
        offer and not listing
        for offer, listing in zip(_offered(parts, asks, chosen, slot_tables), listed, strict=True)
    ]
    return Reading(acts_of(parts, asks, listed, offered, lexicon), found, _final(asks, facts, found))


def _listed(parts: Sequence[Segment], asks: Sequence[Ask], slot_tables: SlotTables) -> list[bool]:
    """Return for each part whether it belongs to a list of facts asked for."""
    listed: list[bool] = []
    listing = False
    for part, ask, field in zip(parts, asks, _fields(parts, asks, slot_tables), strict=True):
        listing = field or (listing and _continues(part, ask))
        listed.append(listing)
        listing = listing or ask.opens_list
    return listed


def _asks_labels(parts: Sequence[Segment], i: int, slot_tables: SlotTables) -> bool:
    """Whether items that are bare names of facts follow "please confirm:", which then asks for the facts."""
    items = []
    for part in parts[i + 1 :]:
        if not part.item:
            break
        items.append([word for word in part.words if word not in DETERMINERS])
    for words in items:
        hit = slot_tables.items.at(words, 0) if words else None
        if hit is None or (hit[0] < len(words) and words[hit[0]] not in MODIFIERS):
            return False
    return len(items) > 1


def _fields(parts: Sequence[Segment], asks: Sequence[Ask], slot_tables: SlotTables) -> list[bool]:
    """Return for each part whether it is a field of a form: one of several labels in a row, all left blank.

    A label that items follow is the heading of those.
    """
    fields = [False] * len(parts)
    if sum(part.blank for part in parts) < 2:
        return fields
    start = 0
    for i, part in enumerate(parts):
        if not part.blank or asks[i].opens_list or len(part.words) > _FIELD:
            start = i + 1
        elif i == start or part.item != parts[i - 1].item:
            start = i + (_named(slot_tables.items, part.words) == [])
        following = parts[i + 1 : i + 2]
        if start < i and not (following and (following[0].blank or following[0].item)):
            fields[start : i + 1] = [True] * (i + 1 - start)
    return fields


def _continues(part: Segment, ask: Ask) -> bool:
    """Whether a part still belongs to a list of facts asked for."""
    return part.item or (len(part.words) <= 12 and part.end in ("", ":", "?") and not ask.courtesy)


def _item_slots(part: Segment, ask: Ask, slot_tables: SlotTables) -> list[str]:
    """Return the slots that a list item asks for: its label and its own requests, else all it names."""
    words = part.words
    label = words[: words.index(":")] if ":" in words else words
    found = _named(slot_tables.items, label)
    bare = tuple(word for word in label if word not in DETERMINERS)
    if not found and bare and (head := slot_tables.heads.at(bare, 0)) is not None and head[0] == len(bare):
        found.append(head[1])
    if found and slot_tables.closed.isdisjoint(found):
        found += _named(slot_tables.items, words[len(label) :], found)
    found += [slot for slot in ask.slots if slot and slot not in (CHOSEN, POINTED)]
    for table in (slot_tables.items, slot_tables.options):
        found = found or _named(table, words)
    return found or [""]


def _named(table: Phrases[str], words: Sequence[str], before_them: Sequence[str] = ()) -> list[str]:
    """Return the slots that words name, leaving out what only tells which fact: "names of all guests".

    The facts named ``before_them`` are not returned, but may be what is told more of.
    """
    named: list[str] = []
    for start, _, slot in table.among(words):
        before = start
        while before > 0 and words[before - 1] in DETERMINERS:
            before -= 1
        if not ((named or before_them) and before > 0 and words[before - 1] in MODIFIERS):
            named.append(slot)
    return named


def _chosen(
    parts: Sequence[Segment], asks: Sequence[Ask], slot_tables: SlotTables, message: str, lexicon: Lexicon
) -> list[str | None]:
    """Return for each "which one" the slot of the things last named before it, in sentences or else items.

    How to go on is a choice between things only where options were announced.
    """
    if all(ask.choice_from < 0 for ask in asks):
        return [None] * len(asks)
    chosen: list[str | None] = []
    several = in_sentence = in_item = None
    options = False
    for part, ask in zip(parts, asks, strict=True):
        own = slot_tables.choices.among(part.words[: ask.choice_from]) if ask.choice_from > 0 else []
        if ask.choice_from == 0 and not ask.head and not ask.manner and not _AMONG.isdisjoint(part.words):
            own = slot_tables.choices.among(part.words)
        known = own[-1][2] if own else several or in_item
        if not own and ask.choice_from >= 0 and not ask.manner:
            known = _bare_choice(message, lexicon, known, in_sentence)
        if known is None and ask.choice_from >= 0:
            known = _first_item(parts[len(chosen) + 1 :], slot_tables)
        chosen.append(None if ask.manner and not options else known)
        refers = not LISTED.isdisjoint(part.words)
        options = options or refers
        if (
            ask.choice_from < 0
            and not (ask.yes and refers)
            and (named := slot_tables.choices.among(part.words))
        ):
            if part.item and named[0][0] == 0:
                in_item = named[0][2]
            elif not part.item:
                in_sentence = named[-1][2]
                plural = [slot for _, end, slot in named if part.words[end - 1][-1] == "s"]
                several = plural[-1] if plural else several
    return chosen


@lru_cache(maxsize=8)
def _bare_choice(message: str, lexicon: Lexicon, named: str | None, in_sentence: str | None) -> str | None:
    """Return the slot of the values that list items state, unless the slot ``named`` has values here too."""
    stated = mentions(message, lexicon)
    if named is not None:
        kinds = next(slot.kinds for slot in lexicon.slots if slot.name == named)
        if not kinds or any(mention.kind in kinds for mention in stated):
            return named
        return _itemised(message, lexicon, stated, opens=False) or named
    return (
        _itemised(message, lexicon, stated, opens=False)
        or _itemised(message, lexicon, stated, opens=True)
        or _most_stated(message, lexicon)
        or in_sentence
    )


def _itemised(message: str, lexicon: Lexicon, stated: Sequence[Mention], *, opens: bool) -> str | None:
    """Return the slot of the values that several list items state first.

    Args:
        message: The text.
        lexicon: The words of the domain.
        stated: Its values.
        opens: Whether values of closed sets count, which have to open their items and be different ones; else
            ids and the like, anywhere in an item.
    """
    open_kinds = {pattern.kind for pattern in lexicon.patterns}
    slots = {
        kind: slot.name for slot in lexicon.slots for kind in slot.kinds if (kind in open_kinds) != opens
    }
    first: dict[int, Mention] = {}
    for mention in stated:
        start = message.rfind("\n", 0, mention.start) + 1
        head = ITEM.match(message, start, mention.start + 1) if mention.kind in slots else None
        if head is None or start in first:
            continue
        if not (opens and any(map(str.isalnum, message[head.end() : mention.start]))):
            first[start] = mention
    values = [(slots[mention.kind], mention.value) for mention in first.values()]
    if len(values) < 2 or len({slot for slot, _ in values}) > 1 or (opens and len(set(values)) < len(values)):
        return None
    return values[0][0]


def _first_item(parts: Sequence[Segment], slot_tables: SlotTables) -> str | None:
    """Return the slot of the thing that the first list item starts with: "which of these: - a red one"."""
    item = next((part for part in parts if part.item), None)
    hit = slot_tables.choices.at(item.words, 0) if item is not None else None
    return hit[1] if hit is not None else None


def _offered(
    parts: Sequence[Segment], asks: Sequence[Ask], chosen: Sequence[str | None], slot_tables: SlotTables
) -> list[bool]:
    """Return for each part whether it asks to choose between things that the message offers.

    It does where several were named before: items of a list, or things in a sentence that says there are
    several.
    """
    if not any(ask.choice_from >= 0 or ask.head or ask.either for ask in asks):
        return [False] * len(asks)
    offered: list[bool] = []
    heard: set[str] = set()
    items, several = 0, False
    for part, ask, choice in zip(parts, asks, chosen, strict=True):
        between = ask.choice_from >= 0 and (choice is not None or not ask.manner)
        named = ask.head and not heard.isdisjoint(ask.slots)
        offered.append(ask.either or ((between or named) and (items > 1 or several or part.end == ":")))
        items += part.item
        several = several or not SEVERAL.isdisjoint(part.words)
        heard.update(slot for _, _, slot in slot_tables.choices.among(part.words))
    return offered


def _most_stated(message: str, lexicon: Lexicon, words: str | None = None) -> str | None:
    """Return the slot of which the message states most values: what a bare "which one" is about.

    It states two at least. In a question of the ``words``, if those are given, one of them stands before its
    "or"; elsewhere words of closed sets are no more than what is said about the things.
    """
    counts: dict[str, int] = {}
    beside: set[str] = set()
    stated = {(mention.kind, mention.value): mention for mention in mentions(message, lexicon)}
    for (kind, _), mention in stated.items():
        text = " ".join(TOKEN.findall(message[mention.start : mention.end].lower()))
        if words is None or text in words:
            counts[kind] = counts.get(kind, 0) + 1
            if words is not None and (f"{text} or" in words or f"{text} , or" in words):
                beside.add(kind)
    open_kinds = {pattern.kind for pattern in lexicon.patterns}
    best, most = None, 1
    for slot in lexicon.slots:
        kinds = [kind for kind in slot.kinds if kind in (open_kinds if words is None else beside)]
        if (count := sum(counts.get(kind, 0) for kind in kinds)) > most:
            best, most = slot.name, count
    return best


def _pointed_at(parts: Sequence[Segment], slot_tables: SlotTables) -> list[str]:
    """Return the facts named in the last sentence that names any."""
    for part in reversed(parts):
        if not part.item and (named := slot_tables.phrases.among(part.words)):
            return [slot for _, _, slot in named]
    return []


def _final(asks: list[Ask], facts: list[bool], slots: tuple[str, ...]) -> FinalQuestion:
    """A fact outweighs a yes, unless the yes is wanted for another way that is offered after the fact.

    Several facts asked about with a yes or a no, such as extras, want more than one word.
    """
    last_fact = max((i for i, fact in enumerate(facts) if fact), default=-1)
    last_yes = max((i for i, ask in enumerate(asks) if ask.yes), default=-1)
    if last_fact < 0:
        return "none" if last_yes < 0 else "wh" if len(slots) > 1 else "yes_no"
    if last_yes > last_fact and any(ask.instead for ask in asks[last_fact + 1 : last_yes + 1]):
        return "yes_no"
    return "wh"
