"""The phrase tables of a lexicon, built once and looked up word by word."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from simenv.core.lexicon import Lexicon
from simenv.users.cues import CUES, Cue
from simenv.users.phrases import Phrases
from simenv.users.words import IMPERATIVES

ALL_CUES = Phrases(CUES)
BREAKS = frozenset((",", ";", ":", "and"))
"""Words that may end one fact of a request and begin the next."""
_OPENING = (
    *(Cue.ASK, Cue.CONDITION, Cue.CONFIRM, Cue.IF_YES, Cue.WHETHER, Cue.INTEREST),
    *(Cue.ANOTHER, Cue.COURTESY, Cue.CLOSING, Cue.INSTEAD),
)
"""Cues one of which a request that is no question has, unless a question word opens it."""
_ASKERS = (Cue.HEAD, Cue.QUESTION)
_SINGLES, _PAIRS = Phrases(cue for cue in CUES if cue[1] in _OPENING).openings
_ORDERS = _SINGLES | IMPERATIVES | {"please"}
_FIRSTS = Phrases(cue for cue in CUES if cue[1] in _ASKERS).starts
_INNER = (Cue.PURPOSE, Cue.CLAUSE, Cue.BACK, Cue.MORE)


@dataclass(frozen=True, slots=True)
class SlotTables:
    """The slot phrases of a lexicon, by where they count."""

    phrases: Phrases[str]
    heads: Phrases[str]
    items: Phrases[str]
    offers: Phrases[str]
    options: Phrases[str]
    choices: Phrases[str]
    signs: Phrases[str]
    echoes: Phrases[str]
    narrows: dict[str, str]
    """The slots that a vaguer one may mean, each with that one."""
    vague: frozenset[str]
    closed: frozenset[str]
    """The slots whose values are a few known ones."""
    extras: frozenset[str]
    """The slots that a yes-or-no question may ask about."""
    starts: frozenset[str]
    """Every word that may matter inside a request."""
    idle_starts: frozenset[str]
    """Every word that may matter outside of one."""


@lru_cache(maxsize=64)
def tables(lexicon: Lexicon) -> SlotTables:
    """Return the phrase tables of a lexicon, built once."""
    slots = lexicon.slots
    phrases = [(phrase, slot.name) for slot in slots for phrase in slot.phrases]
    heads = [(phrase, slot.name) for slot in slots for phrase in slot.heads]
    questions = [(phrase, slot.name) for slot in slots for phrase in slot.questions]
    offers = [(phrase, slot.name) for slot in slots for phrase in slot.offers]
    idle = IMPERATIVES | {"please"} | Phrases(cue for cue in CUES if cue[1] not in _INNER).starts
    in_heads = Phrases(heads + questions + phrases)
    return SlotTables(
        phrases=Phrases(phrases),
        heads=in_heads,
        starts=BREAKS | ALL_CUES.starts | in_heads.starts,
        signs=Phrases([(phrase, slot.name) for slot in slots for phrase in slot.signs]),
        echoes=Phrases([(phrase, slot.name) for slot in slots for phrase in slot.echoes]),
        vague=frozenset(slot.narrows for slot in slots),
        narrows={slot.name: slot.narrows for slot in slots if slot.narrows},
        closed=frozenset(slot.name for slot in slots if slot.options),
        extras=frozenset(slot for _, slot in offers),
        idle_starts=idle | BREAKS,
        items=Phrases(questions + phrases),
        offers=Phrases(offers),
        options=Phrases([(phrase, slot.name) for slot in slots for phrase in slot.options]),
        choices=Phrases([(phrase, slot.name) for slot in slots for phrase in slot.choices]),
    )


def may_ask(words: tuple[str, ...]) -> bool:
    """Whether a sentence that is no question may ask for something; quickly, most do not."""
    return words[0] in _FIRSTS or not _ORDERS.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))
