"""The customer: a pure function from what was said to what is said next.

It reads free text of any agent. It answers all that was asked in one turn, says yes only to what
agrees with its wish, corrects what does not, adds what has come to its mind, and ends the talk when its
wishes are settled or its patience is spent. It never names a wish that it was not brought to.
"""

from collections.abc import Iterable
from dataclasses import replace

from simenv.core.lexicon import Lexicon
from simenv.core.task import Card, Fact, Wish
from simenv.core.trajectory import Event
from simenv.users.hearing import Heard, hear
from simenv.users.proposals import about, answer_values, planned, states, wrong_kinds
from simenv.users.recall import Recall, worded
from simenv.users.several import (
    alike,
    apart,
    asked_apart,
    asked_for,
    ended_apart,
    names_ended,
    names_own,
)
from simenv.users.speech import either, insistence, say, sentences
from simenv.users.talk import Talk as Talk
from simenv.users.talk import begin as begin

_PARTLY = frozenset(("first", "second", "next", "remaining"))


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
        told = [wish for wish in card.wishes[: talk.told] if wish.tools and wish.goal not in talk.settled]
        matters = {kind for wish in told for kind in wish.expects}
        deeds = {word for wish in told for word in wish.words}
        self.heard: Heard = hear(message, talk.said, lexicon, matters, deeds)
        self.parts: list[str] = []
        self.events: list[Event] = []
        self.settled = list(talk.settled)
        self.agreed = list(talk.agreed)
        self.recall = Recall(card.facts, talk.given, talk.turn + 1, lexicon.other)
        self.objected = list(talk.objected)
        self.insisted = talk.insisted
        self.proposed: tuple[str, ...] = ()
        self.progress = False
        self.refused = False

    def open(self) -> list[Wish]:
        """The wishes that were brought up and are not settled."""
        told = self.card.wishes[: self.talk.told]
        return [wish for wish in told if wish.goal not in self.settled]

    def about(self, wishes: list[Wish]) -> list[Wish]:
        """Return which of them the message is about."""
        return about(wishes, self.heard.words, self.heard.said)

    def by_word(self, wishes: list[Wish]) -> list[Wish]:
        """Return those of whose words one stands in the message."""
        return about(wishes, self.heard.words, ())

    def meant(self) -> list[Wish]:
        """The open wishes that the message is about; those agreed to, or the first, if it names none."""
        agreed = [wish for wish in self.open() if wish.goal in self.agreed]
        meant = self.about(self.open()) or agreed or self.open()[:1]
        return apart(meant, self.message, self.heard.said, denied=True)

    def wrong(self, wish: Wish) -> list[str]:
        """Return the kinds of values in which the message disagrees with a wish.

        What it says of another wish that it is about as well is not wrong.
        """
        told = [other for other in self.card.wishes[: self.talk.told] if other.tools and other != wish]
        return wrong_kinds(wish, self.message, self.heard.said, beside=self.about(told))

    def listen(self) -> None:
        """Work through the message: answers, then a proposal, a report or a refusal, then questions."""
        self._hear_answers()
        proposed, done = self._proposed(), self._done()
        # Something could only not be found, and it is not a wish that was refused.
        lost = self.heard.seeks and not self.by_word(self.open())
        if proposed:
            self._settle(self._over_beside(proposed))
            self._hear_proposal(proposed)
        elif done:
            self._hear_done(done)
        elif self.heard.refuses and (self.heard.guessed or not self.heard.slots) and not lost:
            self._hear_no()
        elif self.heard.yes in ("human", "look") and self.open():
            self._say("stay" if self.heard.yes == "human" else "look")
        elif self._offered() and self.open():
            self.parts.append(f"{say(self.card, self.talk.turn, 'no')} {self.open()[0].says}")
        self._hear_questions(settling=bool(proposed or done))

    def _say(self, kind: str, **parts: str) -> None:
        self.parts.append(say(self.card, self.talk.turn, kind, **parts))

    def _offered(self) -> bool:
        """Whether a yes is wanted for something that was not asked for."""
        heard = self.heard
        return (
            heard.yes == "go"
            and heard.offers
            and not (heard.bare or heard.slots or heard.reports or heard.closes)
        )

    def _hear_answers(self) -> None:
        for wish in self.card.wishes[: self.talk.told]:
            if wish.question is None:
                continue
            fresh = wish.goal not in self.settled
            bare = fresh and set(self.heard.slots) <= {self.lexicon.other}
            # An amount in a proposal of something else, or in a report, is no answer.
            bare = bare and not (self._proposed() or self._done())
            values, correction = answer_values(wish.question, self.message, self.heard.said, alone=bare)
            if not values:
                continue
            self.events.append(
                {"type": "answered", "goal": wish.goal, "values": values}
                | ({"correction": True} if correction else {})
            )
            if fresh:
                self._settle([wish])

    def _settle(self, wishes: Iterable[Wish]) -> None:
        for wish in wishes:
            if wish.goal not in self.settled:
                self.settled.append(wish.goal)
                self.progress = True

    def _proposed(self) -> list[Wish]:
        """Return the wishes for whose fulfilment the message wants a yes."""
        return self._unreported(
            asked_apart(self._go_aheads() or self._instead(), self.message, self.heard.said)
        )

    def _instead(self) -> list[Wish]:
        """Return what is offered where something like it is refused: "A can't be done. Shall I do B?"."""
        if self.heard.yes != "go" or not self.heard.denies:
            return []
        return asked_for([wish for wish in self.open() if wish.tools], self.message, self.heard.said)

    def _go_aheads(self) -> list[Wish]:
        """Return the wishes that a message which wants a yes is about, like ones not told apart."""
        heard, wishes = self.heard, [wish for wish in self.open() if wish.tools]
        if heard.yes != "go" or not wishes or (heard.denies and not heard.firm):
            return []
        stated = heard.stated
        if heard.slots and not stated:
            return []
        agreed = all(wish.goal in self.agreed for wish in wishes)
        ends = heard.reports or (heard.closes and agreed)
        if ends and not heard.firm and (agreed or not stated):
            return []
        by_word = self.by_word(wishes)
        if by_word and heard.offers:
            return self._planned(by_word)
        if not heard.bare:
            return []
        # "Shall I go ahead?": with what was proposed last, if anything was.
        named = self.about(wishes) if heard.stated or heard.offers else []
        return named or [wish for wish in wishes if wish.goal in self.talk.proposed]

    def _unreported(self, proposed: list[Wish]) -> list[Wish]:
        """Leave out what is told done beside the proposal of something like it."""
        fresh = [wish for wish in proposed if wish.goal not in self.agreed]
        over = self._over_beside(fresh)
        return [wish for wish in proposed if wish not in over]

    def _over_beside(self, proposed: list[Wish]) -> list[Wish]:
        """Return what was agreed to and is told done beside the proposal of something like it."""
        agreed = [wish for wish in self.open() if wish.goal in self.agreed and wish not in proposed]
        over = [wish for wish in agreed if names_ended(wish, self.heard.ended)]
        return [wish for wish in over if any(alike(wish, one) for one in proposed)]

    def _planned(self, wishes: list[Wish]) -> list[Wish]:
        """Return those of several wishes named in a proposal that are proposed, not only touched upon.

        They are named where it says what will be done, or a value is stated that is theirs alone.
        """
        meant = planned(wishes, self.heard.planned, self.message)
        if not meant or len(meant) == len(wishes):
            return wishes
        shared, said = {kind for wish in meant for kind in wish.expects}, self.heard.said
        rest = [wish for wish in wishes if wish not in meant and states(wish, self.message, said, shared)]
        return meant + [wish for wish in rest if not self.wrong(wish)]

    def _hear_proposal(self, wishes: list[Wish]) -> None:
        if self._contradict(wishes):
            return
        self.proposed = tuple(wish.goal for wish in wishes)
        self._say("yes")
        for wish in wishes:
            self.events.append({"type": "confirmed", "goal": wish.goal})
            if wish.goal not in self.agreed:
                self.agreed.append(wish.goal)
                self.progress = True

    def _contradict(self, wishes: list[Wish]) -> bool:
        """Correct what the message gets wrong about the wishes; return whether there is anything."""
        said: list[str] = []
        for wish in wishes:
            for kind in self.wrong(wish):
                said.extend(self._right(wish, kind))
                self.events.append({"type": "corrected", "goal": wish.goal, "kind": kind})
        if said:
            self._say("wrong", facts=sentences(said))
        return bool(said)

    def _right(self, wish: Wish, kind: str) -> list[str]:
        """Return what the customer says about a kind of value that was wrong; its values stay untold."""
        own = self.recall.final(fact for fact in self.card.facts if fact.goal in (wish.goal, ""))
        wanted = wish.expects[kind]
        asked = {slot.name for slot in self.lexicon.slots if kind in slot.kinds}
        for matches in (
            [fact for fact in own if fact.kind == kind],
            [fact for fact in own if fact.value != "" and fact.value in wanted],
            [fact for fact in own if fact.slot in asked],
        ):
            if matches:
                self.recall.give(matches[:1])
                return [matches[0].said]
        return [wish.says]

    def _done(self) -> list[Wish]:
        """Return the wishes that the message reports fulfilled."""
        wishes = apart([wish for wish in self.open() if wish.tools], self.message, self.heard.said)
        agreed = [wish for wish in wishes if wish.goal in self.agreed]
        if len(agreed) > 1 and not _PARTLY.isdisjoint(self.heard.words):
            agreed = self._told_of(self.by_word(agreed))
        if self.heard.denies:
            agreed = ended_apart(agreed, self.heard.ended)
        if self.heard.reports:
            unasked = [wish for wish in wishes if not self.heard.told.isdisjoint(wish.words)]
            return self.about(agreed) or agreed or unasked
        if self.heard.denies or self.heard.firm or not self.heard.closes:
            return []
        ended = [wish for wish in agreed if not self.heard.ended.isdisjoint(wish.words)]
        return ended or (agreed if self.heard.guessed else [])

    def _told_of(self, wishes: list[Wish]) -> list[Wish]:
        """Leave out wishes that are like another and not named: of them "the first" may be either."""
        return [
            wish
            for wish in wishes
            if names_own(wish, self.message, self.heard.said) or not any(alike(wish, one) for one in wishes)
        ]

    def _hear_done(self, wishes: list[Wish]) -> None:
        fresh = [wish for wish in wishes if wish.goal not in self.objected]
        if self._contradict(fresh):
            self.objected.extend(wish.goal for wish in fresh)
            return
        self._settle(wishes)

    def _hear_no(self) -> None:
        meant = self._refused()
        if not meant:
            return
        if self.heard.yes == "human":
            self._say("no")
        if self.insisted < self.card.insists:
            self.insisted += 1
            self.progress = True
            self._say(insistence(self.card, self.insisted))
            return
        self._say("accept")
        self.refused = True
        self._settle(meant)

    def _refused(self) -> list[Wish]:
        """Return the wish that is refused, by number rather than words, and those like it named with it."""
        meant = self.meant()
        meant.sort(key=lambda wish: not names_own(wish, self.message, self.heard.said))
        named = [wish for wish in meant[1:] if names_own(wish, self.message, self.heard.said)]
        return meant[:1] + [wish for wish in named if alike(wish, meant[0])]

    def _hear_questions(self, *, settling: bool) -> None:
        said: list[str] = []
        unknown: list[str] = []
        for slot in self.heard.slots:
            if not self.open() and slot == self.lexicon.other:
                continue
            if settling and (
                self.heard.guessed
                or self.heard.ended
                or slot == self.lexicon.other
                or slot in self.heard.given
            ):
                continue
            self.events.append({"type": "asked", "slot": slot})
            facts = self._facts(self.lexicon.other if self._echoes(slot) else slot)
            said.extend(worded(fact, self.open(), self.heard.said) for fact in facts)
            if slot == self.lexicon.other and not facts:
                said.extend(wish.says for wish in self.meant()[:1])
            elif not facts:
                unknown.append(slot)
        if said:
            self._say("fact", facts=sentences(said))
        if unknown:
            self._say_unknown(unknown)

    def _echoes(self, slot: str) -> bool:
        """Whether a fact is only taken to be asked for because it was talked of just now, and was told."""
        told = any(place.endswith(f":{slot}") for place in self.talk.given)
        fresh = slot in self.heard.named or self.heard.guessed or self.heard.again
        return told and not fresh

    def _say_unknown(self, slots: list[str]) -> None:
        """Say no to extras that were offered, and that the rest is not known."""
        words = {each.name: each for each in self.lexicon.slots}
        if self.heard.yes and all(words[slot].offers for slot in slots):
            self._say("no")
        else:
            self._say("unknown", what=either([words[slot].label for slot in slots]))

    def _facts(self, slot: str) -> list[Fact]:
        """Return what the customer can say when asked for ``slot``."""
        meant = [wish.goal for wish in self.meant()]
        goals = [*meant, *(wish.goal for wish in self.open()), ""]
        if slot == self.lexicon.other:
            chosen = self.recall.next(goals, again=self.heard.again)
        else:
            found = self.recall.at(goals, slot)
            chosen = [fact for fact in found if fact.goal in meant] or found[:1]
        self.recall.give(chosen)
        return chosen

    def _afterthoughts(self) -> list[Fact]:
        """Return what the customer adds unasked; it does not leave with anything left to say."""
        open_goals = [wish.goal for wish in self.open()]
        ends = not open_goals and self.talk.told == len(self.card.wishes)
        spent = self.talk.patience <= 1 and not (self.progress or self.recall.fresh)
        facts = self.recall.unsaid(open_goals, ending=ends or spent)
        self.recall.give(facts)
        return facts

    def speak(self) -> tuple[Talk, str, list[Event]]:
        """Put the reply together and move on to the next wish or to the end."""
        card, talk = self.card, self.talk
        late = self._afterthoughts()
        told, patience = talk.told, talk.patience - (not (self.progress or self.recall.fresh))
        if not self.open() and told < len(card.wishes):
            told += 1
            self._say("next", wish=card.wishes[told - 1].says)
        elif not self.open() and not late:
            self._say("leave" if self.refused else "close")
            self.events.append({"type": "ended", "why": "settled"})
        elif patience <= 0:
            self._say("give_up")
            self.events.append({"type": "ended", "why": "patience"})
        elif not self.parts and not late:
            self._nudge()
        if late:
            said = [worded(fact, self.open(), self.heard.said) for fact in late]
            self._say("afterthought", facts=sentences(said))
        text = " ".join(self.parts)
        after = Talk(
            said=text,
            patience=patience,
            told=told,
            turn=talk.turn + 1,
            settled=tuple(self.settled),
            agreed=tuple(self.agreed),
            given=tuple(self.recall.given),
            insisted=self.insisted,
            proposed=self.proposed or talk.proposed,
            objected=tuple(self.objected),
        )
        return after, text, self.events

    def _nudge(self) -> None:
        """Say something to a message that asks for nothing."""
        waiting = [wish for wish in self.open() if wish.goal not in self.agreed]
        if not self.message.strip():
            self._say("unclear")
        elif self.heard.waits or not waiting:
            self._say("wait")
        else:
            self._say("again", wish=waiting[0].says)
