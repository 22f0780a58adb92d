"""What a customer can tell, what was told, and what it still means to tell unasked.

A fact may come later than others: it belongs to a turn. Of the facts of one goal and slot the latest
holds; one that was told is not told again once another has come after it.
"""

from collections.abc import Iterable, Sequence

from simenv.core.task import Fact, Wish
from simenv.users.mentions import Mention


def place(fact: Fact, facts: Iterable[Fact]) -> str:
    """Return the mark by which a fact is remembered as given.

    It is ``goal:slot``; an earlier version of a fact that is told differently later has one of its own.

    Example:
        >>> early = Fact(slot="cabin", said="economy, please", goal="g1")
        >>> late = Fact(slot="cabin", said="actually, business", goal="g1", turn=2)
        >>> [place(fact, [early, late]) for fact in (early, late)]
        ['g1.0:cabin', 'g1:cabin']
    """
    if any(_follows(other, fact) for other in facts):
        return f"{fact.goal}.{fact.turn}:{fact.slot}"
    return f"{fact.goal}:{fact.slot}"


def _follows(later: Fact, fact: Fact) -> bool:
    return later.turn > fact.turn and (later.goal, later.slot) == (fact.goal, fact.slot)


def worded(fact: Fact, wishes: Iterable[Wish], said: Iterable[Mention]) -> str:
    """Return how a fact is said: with the right choice by name where the message offers it.

    Args:
        fact: What is told.
        wishes: The wishes at hand.
        said: The values that the message states.
    """
    stated = {mention.value for mention in said if mention.kind == fact.kind}
    for wish in wishes:
        values = wish.expects.get(fact.kind, []) if fact.goal == wish.goal else []
        if fact.value == "" and values and stated.issuperset(values):
            picked = " and ".join(str(value) for value in values)
            return f"{fact.said.rstrip('.')}. That's {picked}."
    return fact.said


class Recall:
    """The customer's facts during one reply.

    Args:
        facts: All facts of the card.
        given: The places of those that were given before.
        number: Which reply this is, counted from 1.
        other: The slot that names no particular fact; of its facts none replaces another.
    """

    def __init__(self, facts: Sequence[Fact], given: Iterable[str], number: int, other: str) -> None:
        self.facts, self.number, self.other = facts, number, other
        # Only these can follow another; nearly always there are none.
        self.turned = [fact for fact in facts if fact.turn]
        self.given = list(given)
        self.fresh = False
        """Whether something was given that had not been given before."""

    def give(self, facts: Iterable[Fact]) -> None:
        """Remember that facts are told."""
        for fact in facts:
            mark = place(fact, self.turned)
            if mark not in self.given:
                self.given.append(mark)
                self.fresh = True

    def was_given(self, fact: Fact) -> bool:
        """Whether a fact has been told."""
        return place(fact, self.turned) in self.given

    def final(self, facts: Iterable[Fact]) -> list[Fact]:
        """Return the facts that nothing will replace."""
        return [fact for fact in facts if not self._later(fact)]

    def current(self, facts: Iterable[Fact]) -> list[Fact]:
        """Return the facts that may be told now, without those that were replaced or are about to be."""
        return [
            fact
            for fact in facts
            if not any(
                self.was_given(later) or self.was_given(fact) or later.turn <= self.number
                for later in self._later(fact)
            )
        ]

    def at(self, goals: Sequence[str], slot: str) -> list[Fact]:
        """Return what is known of a slot, in the order of ``goals``."""
        found = [fact for goal in goals for fact in self.facts if fact.goal == goal and fact.slot == slot]
        return self.current(found)

    def next(self, goals: Sequence[str], *, again: bool) -> list[Fact]:
        """Return what a question of no known kind may be after: the next fact, or the last one once more."""
        places = {place(fact, self.turned): fact for fact in self.facts if fact.goal in (*goals, "")}
        given = [places[mark] for mark in self.given if mark in places]
        given = [fact for fact in given if not any(map(self.was_given, self._later(fact)))]
        said = {fact.said for fact in given}
        fresh = [fact for fact in self.current(places.values()) if fact.goal and fact.said not in said]
        if again or not fresh:
            return [fact for fact in given if not fact.opening][-1:]
        return sorted(fresh, key=lambda fact: fact.turn)[:1]

    def unsaid(self, goals: Iterable[str], *, ending: bool) -> list[Fact]:
        """Return what comes to the customer's mind now.

        Args:
            goals: The goals that are open; what belongs to others is moot, or not at hand yet.
            ending: Whether the customer would leave, so that what was meant for later is said now.
        """
        if not self.turned:
            return []
        told = {fact.said for fact in self.facts if self.was_given(fact)}
        open_goals = {*goals, ""}
        waiting = [
            fact
            for fact in self.facts
            if fact.turn and fact.goal in open_goals and not self.was_given(fact) and fact.said not in told
        ]
        if ending:
            return self.final(waiting)
        return [fact for fact in self.current(waiting) if fact.turn <= self.number]

    def _later(self, fact: Fact) -> list[Fact]:
        if fact.slot == self.other:
            return []
        return [later for later in self.turned if _follows(later, fact)]
