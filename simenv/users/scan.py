"""Reading one sentence left to right: which cues open and close requests, and the facts named in them.

A cue opens a request, and the slot phrases after it are asked for; other cues close it again, as "so that I
can" does. A question word opens a request for the noun after it alone: "which order would you like to move to
Monday" asks for no day.
"""

from simenv.users.cues import Cue
from simenv.users.segments import Segment
from simenv.users.tables import ALL_CUES, BREAKS, SlotTables
from simenv.users.words import (
    BARE_CHOICES,
    BEING,
    CLAIMS,
    DETERMINERS,
    GO_AHEAD,
    HEAD_REACH,
    IMPERATIVES,
    LINKS,
    LISTED,
    MODIFIERS,
    PICKS,
    PREFACES,
    PREPOSITIONS,
    SPEAKERS,
    STATED,
    TELLERS,
    VERBS,
)

_LINK_REACH = 6
_JOINED = tuple((word,) for word in ("along", "together", "with", "plus"))
_FEW = ("one", "two", "from", "between")
_STATING = ("when", "where", "how")
_SHORT = 3
_US = (("me",), ("us",))
POINTED = "&"
"""Stands for what was named before and is asked for beside other facts: "send it along with your name"."""
CHOSEN = "?"
"""Stands among the slots of an ask for the slot of things that were named before: "which one"."""
_OPENERS = (Cue.ASK, Cue.CONDITION, Cue.IF_HAVE)
_CLOSERS = (Cue.CLAUSE, Cue.PURPOSE, Cue.WITHOUT, Cue.ELSEWHERE, Cue.CLOSING)
_NOUNS = (Cue.HEAD, Cue.QUESTION, Cue.CHOICE, Cue.MANNER, Cue.BACK)


class Scan:
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
        self.inquires = False
        """Whether all it asks for is whether the customer wants something."""
        self.aside = False
        """Whether this is what the facts are for; "and" goes on with it: "to see the date and the price"."""
        self.insists = False
        """Whether it says more than "let me know"."""
        self.item = segment.item
        self.preface = _preface(segment.words)
        """Where the comma after an introduction stands, or 0: "to see which one it is, ..."."""
        self.whether_from = -1
        """Where "whether you would like" starts, or -1."""
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
        if words[0] == "for" and Cue.ASK in self.seen and (whom := self.tables.phrases.at(words, 0)):
            self._add(whom[1])

    def _slot_at(self, i: int) -> tuple[int, str] | None:
        if self.head_from >= 0:
            near = i - self.head_from <= HEAD_REACH or self.head_found
            return (self.tables.heads if near else self.tables.phrases).at(self.words, i)
        return self.tables.phrases.at(self.words, i)

    def _modifies(self, i: int) -> bool:
        """Whether what stands at word ``i`` only says which fact is meant: "the names of all guests"."""
        if (self.head_from >= 0 and not self.head_found) or not (self.asked or self.conditional):
            return False
        if self.head_from >= 0 and self.words[i] in MODIFIERS:
            return True
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
            ordered = (
                not self.seen.isdisjoint((Cue.WITHOUT, Cue.IF_HAVE))
                or Cue.ASK in self.seen
                or Cue.ELSEWHERE in self.seen
                or i == self.preface
            )
            if ordered and follows in IMPERATIVES:
                self._open(Cue.ASK, i + 2)
            elif ordered and follows == "confirm":
                self._yes(Cue.CONFIRM, i + 2)
            elif (self.opened or self.head_found) and not self.asking:
                self.aside = self.aside and mark == "and"
                self.asking = not self.aside and self._names_fact(i + 1)
            elif Cue.IF_YES in self.seen and (hit := ALL_CUES.at(self.words, i + 1)):
                self.asking = hit[1] in (Cue.HEAD, Cue.QUESTION)
        elif (
            mark == ":" and not self.opened and self.words[i + 1 : i + 2] and self.words[i + 1] in IMPERATIVES
        ):
            self._open(Cue.ASK, i + 2)
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
        elif word == "how" and (topics := self.tables.phrases.among(self.words[:start])):
            self.asked.append(topics[-1][2])
        else:
            self.asked.append("")

    def _cue(self, cue: Cue, start: int, end: int) -> None:
        if Cue.CLOSING in self.seen:
            return
        if cue in _OPENERS:
            self._open(cue, end)
        elif cue is Cue.BACK:
            self._back(end)
        elif cue in (Cue.HEAD, Cue.QUESTION, Cue.ANOTHER):
            self._question_word(cue, start, end)
        elif cue is Cue.CHOICE or cue is Cue.MANNER:
            offered = Cue.OFFER in self.seen and GO_AHEAD.isdisjoint(self.words)
            offered = offered or (self.question and len(self.words) <= _SHORT)
            if self.asking or offered or (cue is Cue.MANNER and self.question):
                self._end_head()
                self.seen.add(cue)
                self.choice_from = 0
                self.asked.append(CHOSEN)
        elif cue is Cue.INTEREST:
            self.whether_from = start
            self.inquires = self.asking and not (self.asked or self.conditional)
            self.asking = self.asking or self.opened
            if not self.asking:
                self.seen.add(Cue.WANTED)
        elif cue in _CLOSERS:
            self._close(cue, start)
        else:
            self._yes(cue, end)

    def _back(self, end: int) -> None:
        """Take what was named before as what is asked for."""
        if self.head_from >= 0 and self.words[self.head_from : end] == ("what", "is", "it"):
            self.head_from = -1
            self.asking = self.back = True
            self.seen.add(Cue.ASK)
        self.back = self.back or self.asking
        joined = self.words[end : end + 1] in _JOINED and self.words[end + 1 : end + 2] not in _US
        if self.asking and joined:
            self.asked.append(POINTED)

    def _question_word(self, cue: Cue, start: int, end: int) -> None:
        if cue is Cue.ANOTHER and start == 0:
            self._close(Cue.CLOSING, start)
            return
        if cue is not Cue.ANOTHER and (
            self._relative(start) or not (self.asking or self.question or start == 0)
        ):
            self.asking = self.asking and start == 0
            return
        self._end_head()
        self.seen.update((Cue.HEAD, cue))
        self.in_question = True
        self.condition = None
        self.head_from, self.head_found = start if cue is not Cue.ANOTHER else end - 1, False
        if (whole := self.tables.heads.at(self.words, start)) is not None:
            self._add(whole[1])

    def _relative(self, start: int) -> bool:
        """Whether a question word asks nothing: "the day on which", "a code, which is", "what i do is"."""
        words = self.words
        following = words[start + 1] if start + 1 < len(words) else ""
        if start < self.preface:
            return True
        if start == 0:
            stated = following in STATED or (words[0] in _STATING and following == "you")
            return stated and not (self.question or self.item)
        if words[start] == "what" and words[0] in BEING and start == 2:
            return True
        before = words[start - 1]
        if words[start] in ("who", "whom"):
            return before not in TELLERS
        if before == "," and words[start] == "which":
            return following in VERBS and bool(self.asked or self.conditional)
        return (
            start > 1
            and before in PREPOSITIONS
            and words[start - 2] not in BREAKS
            and not (before == "of" and words[start] != "which")
        )

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
        if cue is Cue.ASK and self.words[end - 1] in PICKS:
            self._pick(end)
        elif cue is Cue.ASK:
            self._needed(end)

    def _needed(self, end: int) -> None:
        """Ask for what a sentence calls needed: "your name is required"."""
        words = self.words
        if (
            words[end - 1] in ("needed", "required")
            and words[end - 2] in BEING
            and words[0] in ("your", "the")
        ):
            for _, _, slot in self.tables.phrases.among(words[:end]):
                self._add(slot)

    def _pick(self, start: int) -> None:
        """Read what is to be chosen from word ``start`` on: "one of the two hotels", "one"."""
        words, i = self.words, start
        while i < len(words) and (words[i] in LINKS or words[i] in _FEW):
            i += 1
        if i < len(words) and (named := self.tables.heads.at(words, i)) is not None:
            self._add(named[1])
        elif words[start : start + 1] == ("one",) and self.tables.phrases.at(words, i - 1) is None:
            self.choice_from = 0
            self.asked.append(CHOSEN)

    def _close(self, cue: Cue, start: int) -> None:
        if cue is Cue.CLAUSE and not (
            self._opens_clause(start) if self.head_from < 0 else self._ends_noun(start)
        ):
            return
        self._end_head()
        if cue is Cue.PURPOSE or self.words[start] == "to":
            self.aside = self.aside or self.asking
        self.asking = False
        self.seen.add(cue)
        last = cue is Cue.PURPOSE and self.words[start] in ("and", "then", "i", "we")
        if last or cue is Cue.ELSEWHERE or cue is Cue.CLOSING:
            self.opened = False

    def _ends_noun(self, i: int) -> bool:
        """Whether word ``i`` ends the noun after a question word; not so in "what should the name be"."""
        words = self.words
        if i != self.head_from + 1 or words[i - 1] not in ("what", "which"):
            return True
        being = words[i] in BEING or words[i + 1 : i + 2] == ("be",)
        return not being and (words[i - 1] == "which" or DETERMINERS.isdisjoint(words[i + 1 : i + 2]))

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
            self.whether_from = end
            self._open(cue, end)
        elif cue is Cue.OFFER and self.in_question:
            self._end_head()
            self.asking = False
        elif cue is not Cue.OFFER or self.question:
            self.seen.add(cue)
            self.whether_from = end if cue is Cue.IF_YES else self.whether_from

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


def _preface(words: tuple[str, ...]) -> int:
    """Return where the comma after an introduction stands, or 0."""
    if words[0] not in PREFACES or "," not in words or words[1] in ("which", "what", "whom", "where"):
        return 0
    return words.index(",")
