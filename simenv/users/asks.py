"""Finding what each sentence asks for: facts, a yes, or nothing.

A sentence is read once, left to right. A cue opens a request, and the slot phrases after it are asked for;
other
cues close it again, as "so that I can" does. A question word opens a request for the noun after it alone:
"which order would you like to move to Monday" asks for no day.
"""

from dataclasses import dataclass
from itertools import pairwise

from simenv.users.cues import (
    ADDING,
    BARE_CHOICES,
    CLAIMS,
    DESIRES,
    DETERMINERS,
    GO_AHEAD,
    HEAD_REACH,
    IMPERATIVES,
    LINKS,
    LISTED,
    MODIFIERS,
    PREPOSITIONS,
    SPEAKERS,
    YES_OPENERS,
    Cue,
)
from simenv.users.segments import Segment
from simenv.users.tables import ALL_CUES, BREAKS, SlotTables

_LINK_REACH = 6
CHOSEN = "?"
"""Stands among the slots of an ask for the slot of things that were named before: "which one"."""
_OPENERS = (Cue.ASK, Cue.CONDITION, Cue.IF_HAVE)
_CLOSERS = (Cue.CLAUSE, Cue.PURPOSE, Cue.WITHOUT, Cue.ELSEWHERE, Cue.CLOSING)
_NOUNS = (Cue.HEAD, Cue.QUESTION, Cue.CHOICE, Cue.MANNER, Cue.BACK)


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
    head: bool = False
    opens_list: bool = False
    courtesy: bool = False
    waits: bool = False
    instead: bool = False


_NOTHING = Ask()


class _Scan:
    """One left-to-right reading of a sentence. The fields are what has been understood so far."""

    def __init__(self, segment: Segment, slot_tables: SlotTables) -> None:
        self.words = segment.words
        self.question = segment.end == "?"
        self.presents = segment.end == ":"
        self.tables = slot_tables
        self.asked: list[str] = []
        self.conditional: list[str] = []
        """Slots named in a condition only: "once you have the number"."""
        self.asking = False
        """Whether a slot phrase here is asked for."""
        self.opened = False
        """Whether the request goes on after a comma."""
        self.condition: Cue | None = None
        """The condition that the next slots stand in, if they do."""
        self.in_question = False
        """Whether a question word has opened this clause."""
        self.head_from = -1
        """Where the noun after a question word starts, or -1 outside of one."""
        self.head_found = False
        self.choice_from = -1
        """Where a question word starts whose noun has to be looked for further up, or -1."""
        self.seen: set[Cue] = set()
        self.back = False
        self.aside = False
        """Whether this is what the facts are for; "and" goes on with it: "to see the date and the price"."""
        self.insists = False
        """Whether it says more than "let me know"."""
        self.request_from = 0
        """Where the words of the request start, after its cue."""

    def run(self) -> None:
        """Read the sentence."""
        if self.words[0] in IMPERATIVES:
            self._open(Cue.ASK, 1)
        words, i = self.words, 0
        idle, active = self.tables.idle_starts, self.tables.starts
        while i < len(words):
            word = words[i]
            if word not in (active if self.opened or self.asking or self.head_from >= 0 else idle):
                i += 1
                continue
            if word in BREAKS:
                self._mark(word, i)
                if word != "and":
                    i += 1
                    continue
            slot = self._slot_at(i) if self.asking or self.head_from >= 0 else None
            hit = ALL_CUES.at(words, i)
            if slot is not None and (hit is None or slot[0] >= hit[0]):
                if not self._modifies(i):
                    self._add(slot[1])
                i += slot[0]
            elif hit is not None:
                i += hit[0]
                self._cue(hit[1], i - hit[0], i)
            else:
                i += 1
        self._end_head()

    def _slot_at(self, i: int) -> tuple[int, str] | None:
        if self.head_from >= 0:
            near = i - self.head_from <= HEAD_REACH or self.head_found
            return (self.tables.heads if near else self.tables.phrases).at(self.words, i)
        return self.tables.phrases.at(self.words, i)

    def _modifies(self, i: int) -> bool:
        """Whether what stands at word ``i`` only says which fact is meant: "the names of all guests"."""
        if (self.head_from >= 0 and not self.head_found) or not (self.asked or self.conditional):
            return False
        while i > self.request_from and self.words[i - 1] in DETERMINERS:
            i -= 1
        return i > self.request_from and self.words[i - 1] in MODIFIERS

    def _add(self, slot: str) -> None:
        self.head_found = True
        slots = self.conditional if self.condition is not None else self.asked
        if slot not in slots:
            slots.append(slot)

    def _mark(self, mark: str, i: int) -> None:
        if mark in (",", ";", "and"):
            self.in_question = self.in_question and mark == "and"
            self._end_head()
            if i + 1 == len(self.words):
                return
            follows = self.words[i + 1]
            ordered = Cue.ASK in self.seen or Cue.ELSEWHERE in self.seen
            if ordered and follows in IMPERATIVES:
                self._open(Cue.ASK, i + 2)
            elif ordered and follows == "confirm":
                self._yes(Cue.CONFIRM, i + 2)
            elif (self.opened or self.head_found) and not self.asking:
                self.aside = self.aside and mark == "and"
                self.asking = not self.aside and self._names_fact(i + 1)
            elif Cue.IF_YES in self.seen and (hit := ALL_CUES.at(self.words, i + 1)):
                self.asking = hit[1] in (Cue.HEAD, Cue.QUESTION)
        elif mark == ":" and self.opened:
            self._end_head()
            # What follows "your size:" are the sizes to choose from, not more facts.
            self.opened = self.asking = not (self.asked and self.asked[-1] in self.tables.closed)

    def _end_head(self) -> None:
        """Leave the noun after a question word; note a choice or an unknown fact if it named nothing."""
        start, self.head_from = self.head_from, -1
        if start < 0 or self.head_found:
            return
        following = self.words[start + 1] if start + 1 < len(self.words) else "one"
        word = self.words[start]
        if (word == "which" and following in BARE_CHOICES) or (word == "what" and following in LISTED):
            self.choice_from = start
            self.asked.append(CHOSEN)
        else:
            self.asked.append("")

    def _cue(self, cue: Cue, start: int, end: int) -> None:
        if Cue.CLOSING in self.seen:
            return
        if cue in _OPENERS:
            self._open(cue, end)
        elif cue in (Cue.HEAD, Cue.QUESTION, Cue.ANOTHER):
            self._question_word(cue, start, end)
        elif cue is Cue.CHOICE or cue is Cue.MANNER:
            offered = Cue.OFFER in self.seen and GO_AHEAD.isdisjoint(self.words)
            if self.asking or offered or (cue is Cue.MANNER and self.question):
                self._end_head()
                self.seen.add(cue)
                self.choice_from = 0
                self.asked.append(CHOSEN)
        elif cue is Cue.BACK:
            self.back = self.back or self.asking
        elif cue is Cue.INTEREST:
            self.asking = self.asking or self.opened
            if not self.asking:
                self.seen.add(Cue.WANTED)
        elif cue in _CLOSERS:
            self._close(cue, start)
        else:
            self._yes(cue, end)

    def _question_word(self, cue: Cue, start: int, end: int) -> None:
        relative = start > 1 and self.words[start - 1] in PREPOSITIONS
        if cue is not Cue.ANOTHER and (relative or not (self.asking or self.question or start == 0)):
            return
        self._end_head()
        self.seen.update((Cue.HEAD, cue))
        self.in_question = True
        self.condition = None
        self.head_from, self.head_found = start if cue is not Cue.ANOTHER else end - 1, False
        if (whole := self.tables.heads.at(self.words, start)) is not None:
            self._add(whole[1])

    def _open(self, cue: Cue, end: int) -> None:
        if cue is Cue.ASK and self.words[end : end + 1] == ("to",):
            return
        self._end_head()
        self.request_from = end
        self.insists = self.insists or (cue is Cue.ASK and self.words[end - 1] != "know")
        self.seen.add(cue)
        self.condition = None if cue is Cue.ASK else cue
        self.asking = self.opened = True
        self.aside = False

    def _close(self, cue: Cue, start: int) -> None:
        if cue is Cue.CLAUSE and self.head_from < 0 and not self._opens_clause(start):
            return
        self._end_head()
        if cue is Cue.PURPOSE or self.words[start] == "to":
            self.aside = self.aside or self.asking
        self.asking = False
        self.seen.add(cue)
        last = cue is Cue.PURPOSE and self.words[start] in ("and", "then", "i", "we")
        if last or cue is Cue.ELSEWHERE or cue is Cue.CLOSING:
            self.opened = False

    def _opens_clause(self, i: int) -> bool:
        """Whether word ``i`` begins what is said about a fact: "the date you like", "the id to see it"."""
        if self.words[i] == "to":
            following = self.words[i + 1 : i + 2]
            return i > self.request_from and DETERMINERS.isdisjoint(following)
        return self.words[i] in SPEAKERS

    def _yes(self, cue: Cue, end: int) -> None:
        claims = self.presents or not CLAIMS.isdisjoint(self.words[end : end + 1])
        if cue is Cue.CONFIRM and not claims and self._names_fact(end):
            self._open(Cue.ASK, end)
        elif cue is Cue.WHETHER:
            self._open(cue, end)
        elif cue is Cue.OFFER and self.in_question:
            self._end_head()
            self.asking = False
        elif cue is not Cue.OFFER or self.question:
            self.seen.add(cue)

    def _names_fact(self, i: int) -> bool:
        """Whether a question word, a choice or a slot phrase stands at word ``i``, links aside."""
        words = self.words
        end = min(len(words), i + _LINK_REACH)
        while i < end and words[i] in LINKS:
            i += 1
        if i >= end:
            return False
        hit = ALL_CUES.at(words, i)
        return (hit is not None and hit[1] in _NOUNS) or self.tables.phrases.at(words, i) is not None


def ask_of(segment: Segment, slot_tables: SlotTables) -> Ask:
    """Return what a sentence asks for."""
    if segment.end != "?" and slot_tables.openers.isdisjoint(segment.words):
        return _NOTHING
    scan = _Scan(segment, slot_tables)
    scan.run()
    seen = scan.seen
    offered = _offered(segment, scan)
    slots = list(scan.asked)
    if _condition_counts(seen):
        slots = [*scan.conditional, *(slot for slot in slots if slot not in scan.conditional)]
    choice = scan.choice_from >= 0
    polite = Cue.CLOSING in seen or Cue.COURTESY in seen
    yes = Cue.ANOTHER not in seen and not seen.isdisjoint((Cue.CONFIRM, Cue.IF_YES, Cue.OFFER))
    bare = Cue.ASK in seen and not slots
    if bare and Cue.WANTED in seen:
        yes, bare = True, False
    if not slots and (either := _either(segment, scan)):
        slots, yes = list(either), False
    else:
        either = ()
    if not slots and polite and not (yes and _insists(segment)):
        return Ask(courtesy=True)
    if Cue.WHETHER in seen and not slots:
        yes = True
    fact = bool(slots) or bare
    if not fact and not yes and segment.words[-1] == "please":
        slots = _verbless(segment, slot_tables)
        fact = bool(slots)
    if segment.end == "?" and not fact and not yes:
        slots = _verbless(segment, slot_tables)
        fact, yes = bool(slots), not slots
    return Ask(
        fact=fact,
        slots=(*slots, *(slot for slot in offered if slot not in slots)),
        yes=yes,
        back=scan.back,
        choice_from=scan.choice_from,
        head=Cue.HEAD in seen,
        either=bool(either),
        manner=Cue.MANNER in seen,
        opens_list=Cue.ASK in seen
        and (Cue.MORE in seen or (segment.end == ":" and Cue.HEAD not in seen and not choice)),
        courtesy=polite,
        waits=Cue.CONDITION in seen and not scan.asked and not scan.insists,
        instead=Cue.INSTEAD in seen,
    )


def _condition_counts(seen: set[Cue]) -> bool:
    """Whether facts named in a condition are asked for."""
    if Cue.CLOSING in seen:
        return False
    return Cue.ASK in seen or (Cue.CONDITION in seen and Cue.ELSEWHERE not in seen)


def _insists(segment: Segment) -> bool:
    """Whether a sentence asks for a go-ahead ("would you like me to ...") although it names further help."""
    words = segment.words
    if not GO_AHEAD.isdisjoint(words):
        return True
    return segment.end == "?" and any(pair == ("me", "to") for pair in pairwise(words))


def _offered(segment: Segment, scan: _Scan) -> tuple[str, ...]:
    """Return the slots that a yes-or-no question asks about: "would you like to add a warranty?"."""
    words = segment.words
    asks = segment.end == "?" or not scan.seen.isdisjoint((Cue.IF_YES, Cue.CONFIRM, Cue.WHETHER))
    if not asks or "proceed" in words or "me" in words:
        return ()
    adding = not ADDING.isdisjoint(words)
    found = [(words[start - 1], slot) for start, _, slot in scan.tables.offers.among(words)]
    named = [slot for word, slot in found if word in DESIRES or (adding and not word[0].isdigit())]
    return tuple(dict.fromkeys(named))


def _either(segment: Segment, scan: _Scan) -> tuple[str, ...]:
    """Return the slots that a question leaves open with "or": "would you like the window or the aisle?"."""
    words = segment.words
    if segment.end != "?" or "or" not in words or "me" in words or not GO_AHEAD.isdisjoint(words):
        return ()
    if any(one == "or" and two in YES_OPENERS for one, two in pairwise(words)):
        return ()
    if Cue.OFFER not in scan.seen and words[0] not in YES_OPENERS:
        return ()
    if words[0] in ("is", "are") and (
        subject := scan.tables.phrases.at(words, 1 + (words[1] in DETERMINERS))
    ):
        return (subject[1],)
    return tuple(dict.fromkeys(slot for _, _, slot in scan.tables.options.among(words)))


def _verbless(segment: Segment, slot_tables: SlotTables) -> list[str]:
    """Return the slots of a question without a verb in front, such as "user ID and date?"."""
    if segment.words[0] in YES_OPENERS:
        return []
    return list(dict.fromkeys(slot for _, _, slot in slot_tables.phrases.among(segment.words)))
