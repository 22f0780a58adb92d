"""What stands where in the sentence that is being read, and what has been understood of it so far."""

from simenv.users.cues import Cue
from simenv.users.segments import Segment
from simenv.users.tables import ALL_CUES, BREAKS, SlotTables
from simenv.users.words import (
    BEING,
    DETERMINERS,
    HEAD_REACH,
    LINKS,
    MODIFIERS,
    NOUNLESS,
    PREFACES,
    PREPOSITIONS,
    SPEAKERS,
    STATED,
    TELLERS,
    VERBS,
)

_LINK_REACH = 6
_STATING = ("when", "where", "how")
_NOUNS = (Cue.HEAD, Cue.QUESTION, Cue.CHOICE, Cue.MANNER, Cue.BACK)


class Spots:
    """The state of a reading; what has been understood so far."""

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
        self.whether_to = -1
        self.resume = 0
        """Where reading goes on after a question that was read whole."""
        self.request_from = 0
        """Where the words of the request start, after its cue."""

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
            offered = Cue.OFFER in self.seen
            if following[-1:] == "s" and offered and self.tables.heads.at(words, start + 1) is None:
                return True
            return following in VERBS and bool(self.asked or self.conditional or offered or not self.question)
        return (
            start > 1
            and before in PREPOSITIONS
            and words[start - 2] not in BREAKS
            and not (before == "of" and words[start] != "which")
            and words[start - 2] not in ("along", "together")
        )

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

    def _names_manner(self, cue: Cue, start: int, end: int) -> bool:
        """Whether a question how to go on asks for a fact: "how do you want to proceed with the fee"."""
        whole = self.tables.heads.at(self.words, start) if cue is Cue.MANNER else None
        return whole is not None and whole[0] > end - start

    def _details_of(self, i: int) -> bool:
        """Whether what points back is the start of a fact at word ``i``: "the details of your trip"."""
        fact = self.tables.phrases.at(self.words, i) if self.asking and i > 0 else None
        return fact is not None and fact[0] > 1 and self.words[i - 1] in DETERMINERS

    def _leaves_noun(self, i: int) -> bool:
        """Whether "how many" before word ``i`` says no noun: "how many would you like"."""
        return i >= len(self.words) or self.words[i] in NOUNLESS


def _preface(words: tuple[str, ...]) -> int:
    """Return where the comma after an introduction stands, or 0."""
    if words[0] not in PREFACES or "," not in words or words[1] in ("which", "what", "whom", "where"):
        return 0
    return words.index(",")
