"""Reading one sentence left to right: which cues open and close requests, and the facts named in them.

A cue opens a request, and the slot phrases after it are asked for; other cues close it again, as "so that I
can" does. A question word opens a request for the noun after it alone: "which order would you like to move to
Monday" asks for no day.
"""

from simenv.users.cues import Cue
from simenv.users.spots import Spots
from simenv.users.tables import ALL_CUES, BREAKS
from simenv.users.words import (
    BARE_CHOICES,
    BEING,
    CHECKS,
    CLAIMS,
    GO_AHEAD,
    IMPERATIVES,
    LINKS,
    LISTED,
    PARTICULAR,
    PICKS,
    YES_NOUNS,
)

_JOINED = tuple((word,) for word in ("along", "together", "with", "plus"))
_FEW = ("one", "two", "from", "between")
_SHORT = 3
_US = (("me",), ("us",))
POINTED = "&"
"""Stands for what was named before and is asked for beside other facts: "send it along with your name"."""
CHOSEN = "?"
"""Stands among the slots of an ask for the slot of things that were named before: "which one"."""
COUNTED = "#"
"""Stands among the slots of an ask for the number of things that were named before: "how many"."""
_UNNAMED = ("information", "details", "info")
_ORDERS = (Cue.ASK, Cue.WITHOUT, Cue.IF_HAVE, Cue.ELSEWHERE, Cue.CONFIRM, Cue.IF_YES)
_OPENERS = (Cue.ASK, Cue.CONDITION, Cue.IF_HAVE)
_CLOSERS = (Cue.CLAUSE, Cue.PURPOSE, Cue.WITHOUT, Cue.ELSEWHERE, Cue.CLOSING)


class Scan(Spots):
    """One left-to-right reading of a sentence."""

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
            else:
                i = self._read_cue(hit, i)
        self._end_head()
        if words[0] == "for" and Cue.ASK in self.seen and (whom := self.tables.phrases.at(words, 0)):
            self._add(whom[1])

    def _read_cue(self, hit: tuple[int, Cue] | None, i: int) -> int:
        """Read what may be a cue at word ``i``; return where reading goes on."""
        if hit is None:
            return i + 1
        length, cue = hit
        if cue is Cue.BACK and self._details_of(i + length - 1):
            return i + length - 1
        self._cue(cue, i, i + length)
        return max(i + length, self.resume)

    def _add(self, slot: str) -> None:
        self.head_found = True
        slots = self.conditional if self.condition is not None else self.asked
        if slot not in slots:
            slots.append(slot)

    def _mark(self, mark: str, i: int) -> None:
        if mark in (",", ";", "and"):
            self.in_question = self.in_question and mark == "and"
            if mark == "and" and self.head_from >= 0 and self.head_found:
                self._second_head(i + 1)
            self._end_head()
            if i + 1 == len(self.words):
                return
            follows = self.words[i + 1]
            ordered = i == self.preface or not self.seen.isdisjoint(_ORDERS)
            if ordered and follows in IMPERATIVES:
                self._open(Cue.ASK, i + 2)
            elif ordered and follows == "confirm":
                self._yes(Cue.CONFIRM, i + 2)
            elif (self.opened or self.head_found) and not self.asking:
                self.aside = self.aside and mark == "and"
                self.asking = not self.aside and self._names_fact(i + 1)
            elif Cue.IF_YES in self.seen:
                self._after_yes(i)
        elif (
            mark == ":" and not self.opened and self.words[i + 1 : i + 2] and self.words[i + 1] in IMPERATIVES
        ):
            self._open(Cue.ASK, i + 2)
        elif mark == ":" and self.opened:
            self._end_head()
            # What follows "your size:" are the sizes to choose from, not more facts.
            self.opened = self.asking = not (self.asked and self.asked[-1] in self.tables.closed)

    def _after_yes(self, i: int) -> None:
        """Go on after a request for a yes: "if so, and which ...", "your approval and the size"."""
        hit = ALL_CUES.at(self.words, i + 1)
        if hit is not None:
            self.asking = hit[1] in (Cue.HEAD, Cue.QUESTION)
        if self.words[i - 1] in YES_NOUNS and self._names_fact(i + 1):
            self._open(Cue.ASK, i + 1)

    def _second_head(self, i: int) -> None:
        """Add the noun at word ``i`` that "and" joins to that after a question word: "which size and hue"."""
        if i < len(self.words) and (hit := self.tables.heads.at(self.words, i)) is not None:
            self._add(hit[1])

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
        elif word == "how" and following == "many" and self._leaves_noun(start + 2):
            self.asked.append(COUNTED)
        elif word == "how" and (topics := self.tables.phrases.among(self.words[:start])):
            self.asked.append(topics[-1][2])
        else:
            self.asked.append("")

    def _cue(self, cue: Cue, start: int, end: int) -> None:
        if Cue.CLOSING in self.seen or (cue is Cue.ASK and self._is_deed(start)):
            return
        if cue is Cue.ASK and self.presents and self.words[end - 1] in CHECKS:
            self._yes(Cue.CONFIRM, end)
        elif cue in _OPENERS:
            self._open(cue, end)
        elif cue is Cue.BACK:
            self._back(end)
        elif cue in (Cue.HEAD, Cue.QUESTION, Cue.ANOTHER) or self._names_manner(cue, start, end):
            self._question_word(cue, start, end)
        elif cue is Cue.CHOICE or cue is Cue.MANNER:
            self._choice(cue)
        elif cue is Cue.INTEREST:
            self.whether_from, self.whether_to = start, end
            self.inquires = self.asking and not (self.asked or self.conditional)
            self.asking = self.asking or self.opened
            if not self.asking:
                self.seen.add(Cue.WANTED)
        elif cue in _CLOSERS:
            self._close(cue, start)
        else:
            self._yes(cue, end)

    def _is_deed(self, start: int) -> bool:
        """Whether an order after "or" is none: "i am unable to see or share it"."""
        if self.words[start] != "or":
            return False
        return Cue.OFFER in self.seen or self.seen.isdisjoint((*_ORDERS, Cue.ANOTHER))

    def _choice(self, cue: Cue) -> None:
        """Take one of the things named before as what is asked for."""
        offered = Cue.OFFER in self.seen and GO_AHEAD.isdisjoint(self.words)
        offered = offered or (self.question and len(self.words) <= _SHORT)
        if self.asking or offered or (cue is Cue.MANNER and self.question):
            self._end_head()
            self.seen.add(cue)
            self.choice_from = 0
            self.asked.append(CHOSEN)

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
        if cue is Cue.ANOTHER and start == 0 and self.words[0] in ("if", "whether"):
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
            self.resume = start + whole[0]
            if "you" in self.words[start : self.resume]:
                self._end_head()
                self.asking = False

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
        if cue is Cue.ASK and (self.words[end - 1] in PICKS or self.words[end - 1] in PARTICULAR):
            self._pick(end)
        elif cue is Cue.ASK and self.words[end - 1] in _UNNAMED:
            self._add("")
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
        if self.words[start] == "whether" and self.asking:
            self.whether_from = start
        if cue is Cue.CLAUSE and not (
            self._opens_clause(start) if self.head_from < 0 else self._ends_noun(start)
        ):
            return
        if start == self.whether_to and self.words[start] == "to":
            return
        self._end_head()
        if cue is Cue.PURPOSE or self.words[start] == "to":
            self.aside = self.aside or self.asking
        self.asking = False
        self.seen.add(cue)
        last = cue is Cue.PURPOSE and self.words[start] in ("and", "then", "i", "we")
        if last or cue is Cue.ELSEWHERE or cue is Cue.CLOSING:
            self.opened = False

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
