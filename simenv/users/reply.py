"""The customer: a pure function from what was said to what is said next.

It reads free text of any agent. It answers all that was asked in one turn, says yes only to what
agrees with its wish, corrects what does not, and ends the talk when its wishes are settled or its
patience is spent. It never names a wish that it was not brought to.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from simenv.core.lexicon import Lexicon
from simenv.core.task import Card, Wish
from simenv.core.trajectory import Event
from simenv.users.mentions import Mention, mentions
from simenv.users.proposals import about, answer_values, wrong_kinds
from simenv.users.speech import listed, say
from simenv.users.understand import Reading, understand

_WORD = re.compile(r"[a-z]+")
_HUMAN = frozenset({"human", "transfer", "representative", "supervisor", "colleague"})


@dataclass(frozen=True, slots=True)
class Talk:
    """What the customer remembers.

    Attributes:
        said: The customer's own last message.
        turn: Messages answered so far.
        patience: Messages without progress that are left.
        told: How many wishes have been brought up.
        settled: Goals that are done with, in the order they were settled.
        agreed: Goals to which the customer said yes.
        given: Slots already answered, as ``goal:slot``.
        insisted: How often a no was not taken.
        proposed: Goals of the last proposal.
    """

    said: str
    patience: int
    told: int
    turn: int = 0
    settled: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    insisted: int = 0
    proposed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Talk":
        """Return the talk that ``to_json`` described."""
        return Talk(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        )


def begin(card: Card) -> Talk:
    """Return what the customer remembers after the opening."""
    given = tuple(f"{fact.goal}:{fact.slot}" for fact in card.facts if fact.opening)
    return Talk(said=card.opening, patience=card.patience, told=card.told, given=given)


def reply(card: Card, talk: Talk, message: str, lexicon: Lexicon) -> tuple[Talk, str, list[Event]]:
    """Return (what the customer remembers now, what it says, what happened).

    An ``ended`` event says that the customer has left.
    """
    turn = _Turn(card, talk, message, lexicon)
    turn.listen()
    return turn.speak()


def hears_transfer(card: Card, talk: Talk) -> tuple[Talk, str, list[Event]]:
    """Return the customer's reaction to being handed over to a human."""
    text = say(card, talk.turn, "transfer")
    return replace(talk, said=text, turn=talk.turn + 1), text, [{"type": "ended", "why": "transfer"}]


class _Turn:
    """One message being answered; lives no longer than the call."""

    def __init__(self, card: Card, talk: Talk, message: str, lexicon: Lexicon) -> None:
        self.card, self.talk, self.message, self.lexicon = card, talk, message, lexicon
        self.reading: Reading = understand(message, talk.said, lexicon)
        self.mentions: tuple[Mention, ...] = mentions(message, lexicon)
        self.parts: list[str] = []
        self.events: list[Event] = []
        self.settled = list(talk.settled)
        self.agreed = list(talk.agreed)
        self.given = list(talk.given)
        self.insisted = talk.insisted
        self.proposed: tuple[str, ...] = ()
        self.progress = False

    def open(self) -> list[Wish]:
        """The wishes that were brought up and are not settled."""
        told = self.card.wishes[: self.talk.told]
        return [wish for wish in told if wish.goal not in self.settled]

    def meant(self) -> list[Wish]:
        """The open wishes that the message is about; all that are agreed or open if it names none."""
        named = about(self.open(), self.message, self.mentions)
        agreed = [wish for wish in self.open() if wish.goal in self.agreed]
        return named or agreed or self.open()[:1]

    def listen(self) -> None:
        """Work through the message: answers, deeds, proposals, refusals, questions."""
        self._hear_answers()
        acts = self.reading.acts
        asks_yes = self.reading.final_question == "yes_no" or "request_confirmation" in acts
        if "report_done" in acts:
            self._hear_done()
        if asks_yes and self.open():
            self._hear_proposal()
        if "deny" in acts and not self.reading.slots and "report_done" not in acts and not self.agreed_now():
            self._hear_no()
        self._hear_questions()

    def agreed_now(self) -> bool:
        """Whether this message was answered by a yes or a correction."""
        return bool(self.proposed) or any(event["type"] == "corrected" for event in self.events)

    def _hear_answers(self) -> None:
        for wish in self.card.wishes[: self.talk.told]:
            if wish.question is None:
                continue
            fresh = wish.goal not in self.settled
            values, correction = answer_values(wish.question, self.message, self.mentions, alone=fresh)
            if not values:
                continue
            self.events.append(
                {"type": "answered", "goal": wish.goal, "values": values}
                | ({"correction": True} if correction else {})
            )
            if fresh:
                self._settle([wish])

    def _hear_done(self) -> None:
        self._settle([wish for wish in self.meant() if wish.tools])

    def _settle(self, wishes: Iterable[Wish]) -> None:
        for wish in wishes:
            if wish.goal not in self.settled:
                self.settled.append(wish.goal)
                self.progress = True

    def _hear_proposal(self) -> None:
        wishes = [wish for wish in self.open() if wish.tools]
        named = about(wishes, self.message, self.mentions)
        if not named and not self._elsewhere():
            # "Shall I go ahead?": with what was proposed last, or with the wish at hand.
            named = [wish for wish in wishes if wish.goal in self.talk.proposed] or wishes[:1]
        if not named:
            if "report_done" not in self.reading.acts and not self.reading.slots:
                self.parts.append(say(self.card, self.talk.turn, "no"))
            return
        faults = [(wish, kind) for wish in named for kind in wrong_kinds(wish, self.mentions)]
        if faults:
            self._correct(faults)
            return
        self.proposed = tuple(wish.goal for wish in named)
        self.parts.append(say(self.card, self.talk.turn, "yes"))
        for wish in named:
            self.events.append({"type": "confirmed", "goal": wish.goal})
            if wish.goal not in self.agreed:
                self.agreed.append(wish.goal)
                self.progress = True

    def _elsewhere(self) -> bool:
        """Whether a yes-or-no question is about something else than doing what is wished."""
        words = set(_WORD.findall(self.message.lower()))
        acts = self.reading.acts
        return (
            bool(self.reading.slots) or "deny" in acts or "transfer" in acts or not words.isdisjoint(_HUMAN)
        )

    def _correct(self, faults: list[tuple[Wish, str]]) -> None:
        said = []
        for wish, kind in faults:
            facts = [fact.said for fact in self.card.facts if fact.goal == wish.goal and fact.kind == kind]
            said.extend(facts or [wish.says])
            self.events.append({"type": "corrected", "goal": wish.goal, "kind": kind})
        self.parts.append(say(self.card, self.talk.turn, "wrong", facts=listed(list(dict.fromkeys(said)))))

    def _hear_no(self) -> None:
        meant = self.meant()[:1]
        if not meant:
            return
        if self.insisted < self.card.insists:
            self.insisted += 1
            self.progress = True
            self.parts.append(say(self.card, self.talk.turn, "insist"))
            return
        self.parts.append(say(self.card, self.talk.turn, "accept"))
        self._settle(meant)

    def _hear_questions(self) -> None:
        said = []
        for slot in self.reading.slots:
            self.events.append({"type": "asked", "slot": slot})
            said.extend(self._facts(slot))
        if said:
            self.parts.append(say(self.card, self.talk.turn, "fact", facts=listed(list(dict.fromkeys(said)))))

    def _facts(self, slot: str) -> list[str]:
        """Return what the customer says when asked for ``slot``."""
        goals = [wish.goal for wish in self.meant()] + [wish.goal for wish in self.open()] + [""]
        found = [
            fact for goal in goals for fact in self.card.facts if fact.goal == goal and fact.slot == slot
        ]
        wanted = {goal for goal in goals[: len(self.meant())]}
        chosen = [fact for fact in found if fact.goal in wanted] or found[:1]
        if slot == self.lexicon.other:
            chosen = [fact for fact in chosen if f"{fact.goal}:{slot}" not in self.given]
        for fact in chosen:
            if f"{fact.goal}:{slot}" not in self.given:
                self.given.append(f"{fact.goal}:{slot}")
                self.progress = True
        if chosen:
            return [fact.said for fact in chosen]
        if slot == self.lexicon.other:
            return self._next_fact() or [wish.says for wish in self.meant()[:1]]
        label = next((words.label for words in self.lexicon.slots if words.name == slot), slot)
        return [say(self.card, self.talk.turn, "unknown", what=label)]

    def _next_fact(self) -> list[str]:
        """Return the first thing not said yet about the wish at hand, for a question of no known kind."""
        goals = {wish.goal for wish in self.meant()}
        for fact in self.card.facts:
            place = f"{fact.goal}:{fact.slot}"
            if fact.goal in goals and place not in self.given:
                self.given.append(place)
                self.progress = True
                return [fact.said]
        return []

    def speak(self) -> tuple[Talk, str, list[Event]]:
        """Put the reply together and move on to the next wish or to the end."""
        card, talk = self.card, self.talk
        told, patience = talk.told, talk.patience - (not self.progress)
        if not self.open() and told < len(card.wishes) and not self.reading.slots:
            told += 1
            self.parts.append(say(card, talk.turn, "next", wish=card.wishes[told - 1].says))
        elif not self.open() and told == len(card.wishes):
            self.parts.append(say(card, talk.turn, "close"))
            self.events.append({"type": "ended", "why": "settled"})
        elif patience <= 0:
            self.parts.append(say(card, talk.turn, "give_up"))
            self.events.append({"type": "ended", "why": "patience"})
        elif not self.parts:
            self.parts.append(self._nudge())
        text = " ".join(part[:1].upper() + part[1:] for part in self.parts)
        after = Talk(
            said=text,
            patience=patience,
            told=told,
            turn=talk.turn + 1,
            settled=tuple(self.settled),
            agreed=tuple(self.agreed),
            given=tuple(self.given),
            insisted=self.insisted,
            proposed=self.proposed or talk.proposed,
        )
        return after, text, self.events

    def _nudge(self) -> str:
        if not self.message.strip():
            return say(self.card, self.talk.turn, "unclear")
        if "wait" in self.reading.acts:
            return say(self.card, self.talk.turn, "wait")
        return say(self.card, self.talk.turn, "again", wish=self.open()[0].says)
