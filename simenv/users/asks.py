"""Finding what each sentence asks for: facts, a yes, or nothing."""

from dataclasses import dataclass
from itertools import pairwise

from simenv.users.cues import Cue
from simenv.users.scan import Scan
from simenv.users.segments import Segment
from simenv.users.tables import ALL_CUES, SlotTables, may_ask
from simenv.users.words import (
    ADDED,
    ADDING,
    DEEDS,
    DESIRES,
    DETERMINERS,
    GO_AHEAD,
    KNOWN,
    OTHERS,
    TAKING,
    YES_OPENERS,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one sentence asks for.

    Attributes:
        fact: Whether it asks for facts, named or not.
        slots: The facts that it names, in order; ``""`` is one that the lexicon does not name, and ``CHOSEN``
            the one that the things named before decide.
        yes: Whether it asks for a yes.
        back: Whether the facts are only pointed at: "those details", "which one".
        choice_from: Where in the sentence it asks for one of several things named before, or -1.
        manner: Whether that is how to go on.
        either: Whether it leaves values open with "or".
        disjoint: Whether it asks for a yes or a no with an "or", which values may stand on both sides of.
        head: Whether a question word asks.
        opens_list: Whether the list items after it are facts asked for.
        courtesy: Whether it is a closing politeness.
        waits: Whether it only says to get in touch once a fact is at hand.
        instead: Whether it offers another way than what was asked before.
    """

    fact: bool = False
    slots: tuple[str, ...] = ()
    yes: bool = False
    back: bool = False
    choice_from: int = -1
    manner: bool = False
    either: bool = False
    disjoint: bool = False
    head: bool = False
    opens_list: bool = False
    courtesy: bool = False
    waits: bool = False
    instead: bool = False


EXTRA = "+"
"""Stands among the slots of an ask for the extra that was named before: "would you like to add it"."""
_NOTHING = Ask()
_DEED = frozenset((word,) for word in DEEDS)
_CLAUSES = frozenset((("would", "you"), ("should", "i"), ("shall", "i"), ("do", "you"), ("did", "you")))
_POLITE = frozenset(
    ("else", "anything", "something", "any", "more", "questions", "further", "assistance", "help")
)
_OPENERS = frozenset((word,) for word in YES_OPENERS)
_SHORT = 3
_BARE = 8
"""The most words of a question without a verb."""


def ask_of(segment: Segment, slot_tables: SlotTables) -> Ask:
    """Return what a sentence asks for."""
    if segment.end != "?" and not may_ask(segment.words):
        return _NOTHING
    scan = Scan(segment, slot_tables)
    scan.run()
    seen = scan.seen
    offered = _offered(segment, scan)
    slots = list(scan.asked)
    if _condition_counts(scan):
        slots = [*scan.conditional, *(slot for slot in slots if slot not in scan.conditional)]
    choice = scan.choice_from >= 0
    polite = Cue.CLOSING in seen or Cue.COURTESY in seen
    yes = Cue.ANOTHER not in seen and not seen.isdisjoint((Cue.CONFIRM, Cue.IF_YES, Cue.OFFER))
    bare = Cue.ASK in seen and not slots
    if bare and Cue.WANTED in seen:
        yes, bare = True, False
    either = _either(segment, scan) if not slots or scan.whether_from >= 0 else ()
    if either:
        slots, yes = list(dict.fromkeys((*slots, *either))), False
    if not slots and polite and not (yes and (Cue.INSTEAD in seen or _insists(segment))):
        return Ask(courtesy=True)
    if Cue.WHETHER in seen and not slots:
        yes = True
    fact = bool(slots) or bare
    asks_whether = scan.inquires or (segment.end == "?" and segment.words[0] in YES_OPENERS and not either)
    if asks_whether and Cue.HEAD not in seen and not slot_tables.extras.isdisjoint(slots):
        fact, yes = not slot_tables.extras.issuperset(slots), True
    if not fact and not yes and segment.words[-1] == "please":
        slots = _verbless(segment, slot_tables)
        fact = bool(slots)
    if segment.end == "?" and not fact and not yes:
        slots = _verbless(segment, slot_tables)
        fact, yes = not slot_tables.extras.issuperset(slots), slot_tables.extras.issuperset(slots)
    return Ask(
        fact=fact,
        slots=(*slots, *(slot for slot in offered if slot not in slots)),
        yes=yes,
        back=scan.back,
        choice_from=scan.choice_from,
        disjoint=yes and not fact and "or" in segment.words and _may_choose(segment),
        head=Cue.HEAD in seen,
        either=bool(either),
        manner=Cue.MANNER in seen,
        opens_list=Cue.ASK in seen
        and (Cue.MORE in seen or (segment.end == ":" and Cue.HEAD not in seen and not choice)),
        courtesy=polite,
        waits=Cue.CONDITION in seen and not scan.asked and not scan.insists,
        instead=Cue.INSTEAD in seen,
    )


def _condition_counts(scan: Scan) -> bool:
    """Whether facts named in a condition are asked for.

    "If you can find your card, tell me its number" asks for one only.
    """
    seen = scan.seen
    if Cue.CLOSING in seen or (
        Cue.IF_HAVE in seen and Cue.CONDITION not in seen and scan.asked and not scan.back
    ):
        return False
    return Cue.ASK in seen or (Cue.CONDITION in seen and Cue.ELSEWHERE not in seen)


def _insists(segment: Segment) -> bool:
    """Whether a sentence asks for a go-ahead ("would you like me to ...") although it names further help."""
    words = segment.words
    if not GO_AHEAD.isdisjoint(words):
        return True
    if segment.end == "?" and any(pair == ("me", "to") for pair in pairwise(words)):
        return True
    if "or" not in words:
        return False
    first = {cue for _, _, cue in ALL_CUES.among(words[: words.index("or")])}
    return first.isdisjoint((Cue.COURTESY, Cue.CLOSING)) and not first.isdisjoint((Cue.IF_YES, Cue.OFFER))


def _offered(segment: Segment, scan: Scan) -> tuple[str, ...]:
    """Return the slots that a yes-or-no question asks about: "would you like to add a warranty?"."""
    words = segment.words
    asks = (segment.end == "?" and Cue.HEAD not in scan.seen) or not scan.seen.isdisjoint(
        (Cue.IF_YES, Cue.CONFIRM, Cue.WHETHER)
    )
    if not asks or "proceed" in words or ("me", "to") in pairwise(words):
        return ()
    adding = not ADDING.isdisjoint(words)
    found = [
        (words[_before(words, start)], slot)
        for start, end, slot in scan.tables.offers.among(words)
        if start > scan.preface and not (words[start - 1] in KNOWN and words[end - 1][-1] == "s")
    ]
    named = [slot for word, slot in found if word in DESIRES or (adding and not word[0].isdigit())]
    if not named and not found and any(a in TAKING and b in ADDED for a, b in pairwise(words)):
        return (EXTRA,)
    return tuple(dict.fromkeys(named))


def _before(words: tuple[str, ...], i: int) -> int:
    """Return where the word before a noun at word ``i`` stands, its determiners left out."""
    i -= 1
    while i > 0 and (words[i] in ("optional", "our") or (words[i] in DETERMINERS and words[i] != "any")):
        i -= 1
    return i


def _either(segment: Segment, scan: Scan) -> tuple[str, ...]:
    """Return the slots that a question leaves open with "or": "would you like the window or the aisle?"."""
    words = segment.words
    if "or" not in words or not GO_AHEAD.isdisjoint(words):
        return ()
    if scan.whether_from >= 0:
        words = words[scan.whether_from :]
        named = scan.tables.options.among(words) if "or" in words and _POLITE.isdisjoint(words) else []
        return tuple(dict.fromkeys(slot for _, _, slot in named))
    if segment.end != "?":
        return ()
    middle = words.index("or")
    rest = words[middle + 1 : middle + 3]
    joined = rest in _CLAUSES
    opens = joined or rest[:1] in _OPENERS
    named = scan.tables.options.among(words[:middle]) if opens and _POLITE.isdisjoint(words[middle:]) else []
    if "me" in words or (opens and not named):
        return ()
    return _left_open(words, scan)


def _may_choose(segment: Segment) -> bool:
    """Whether what an "or" joins in a question may be things to choose between."""
    words = segment.words
    return segment.end == "?" and OTHERS.isdisjoint(words) and GO_AHEAD.isdisjoint(words)


def _left_open(words: tuple[str, ...], scan: Scan) -> tuple[str, ...]:
    """Return the slots that a question with "or" leaves open: of the options it names, or which deed."""
    if len(words) <= _SHORT and words[0] in DEEDS and words[-1] in DEEDS:
        return ("",)
    opened = Cue.OFFER in scan.seen or words[0] in YES_OPENERS
    if not opened and (len(words) > _BARE or scan.tables.options.at(words, 0) is None):
        return ()
    if words[0] in ("is", "are") and (
        subject := scan.tables.phrases.at(words, 1 + (words[1] in DETERMINERS))
    ):
        return (subject[1],)
    if found := dict.fromkeys(slot for _, _, slot in scan.tables.options.among(words)):
        return tuple(found)
    if not OTHERS.isdisjoint(words) or Cue.OFFER not in scan.seen:
        return ()
    middle = words.index("or")
    same = [slot for _, _, slot in scan.tables.choices.among(words[middle:])]
    if same and same[0] in [slot for _, _, slot in scan.tables.choices.among(words[:middle])]:
        return (same[0],)
    return ("",) if len(words) <= _SHORT and words[middle + 1 : middle + 2] in _DEED else ()


def _verbless(segment: Segment, slot_tables: SlotTables) -> list[str]:
    """Return the slots of a question without a verb in front, such as "user ID and date?"."""
    if segment.words[0] in YES_OPENERS:
        return []
    return list(dict.fromkeys(slot for _, _, slot in slot_tables.phrases.among(segment.words)))
