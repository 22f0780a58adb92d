"""From a plan to a whole task: its program, the words of its customer, the goal that follows.

Everything is a pure function of (plan, world, address), so whoever has a task makes it again and compares.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.derive import Bench, Outcome, needs_policy
from simenv.core.domain import Domain
from simenv.core.drafting import Drafter, Held, Sketch, deeds_of
from simenv.core.draws import Draws
from simenv.core.grammar import Grammar
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Json, Plan, Ref, Want, goals_of
from simenv.core.program import Program
from simenv.core.task import Card, Fact, Task, Wish
from simenv.core.vocabulary import Draft, Stage, Vocabulary

PERSONAS = (
    "plain",
    "terse",
    "chatty",
    "polite",
    "anxious",
    "impatient",
    "formal",
    "cheerful",
    "grumpy",
    "elderly",
    "businesslike",
    "confused",
)
Address = tuple[str | int, ...]
_UNSAID = frozenset({"limit"})
"""What is part of a request and never a sentence of its own."""


def assemble(
    domain: Domain,
    vocabulary: Vocabulary,
    stage: Stage,
    plan: Plan,
    address: Address,
    *,
    size: str,
    intent: str = "",
) -> Task:
    """Return the task that a plan is in a world.

    Args:
        domain: The domain.
        vocabulary: Its vocabulary.
        stage: The world.
        plan: What is wanted.
        address: Where wordings and manner of speaking are drawn.
        size: The world's size, which a task records beside the world's address.
        intent: Kind of request for statistics; by default the verbs.

    Raises:
        UnsoundError: If the plan has no single outcome, or a want of it comes to nothing.
        UsageError: If it names what the world does not have.
    """
    return Assembly(domain, vocabulary, stage, plan, address).task(size, intent)


class Assembly:
    """One task being put together."""

    def __init__(
        self, domain: Domain, vocabulary: Vocabulary, stage: Stage, plan: Plan, address: Address
    ) -> None:
        self.domain, self.words, self.stage, self.plan = domain, vocabulary, stage, plan
        self.grammar: Grammar = vocabulary.grammar()
        self.address = address
        self.draws = Draws(*address, "words")
        self._made: Task | None = None
        self.context = stage.context(plan.customer)
        self.sketch: Sketch = Drafter(vocabulary, stage, plan, self._say).run()

    @cached_property
    def bench(self) -> Bench:
        """The plan's world, where programs can be run."""
        return Bench(self.domain, self.stage.world, setup=self.plan.setup, reads=self.stage.reads)

    def made(self, size: str, intent: str) -> Task:
        """Return the task, put together once."""
        if self._made is None:
            self._made = self.task(size, intent)
        return self._made

    def task(self, size: str, intent: str) -> Task:
        """Return the task; see ``assemble``."""
        program = Program(nodes=self.sketch.nodes)
        outcome = self.bench.run(program)
        wishes = self._wishes(outcome)
        verbs = "+".join(dict.fromkeys(deed["do"] for _, _, deed in deeds_of(self.plan)))
        return Task(
            domain=self.domain.name,
            world=list(self.stage.image.address),
            size=size,
            intent=intent or verbs,
            policy=needs_policy(program, self.bench, outcome),
            program=program,
            card=self._card(wishes),
            goal=outcome.goal(),
            budget=2 * (outcome.reads + 6 * len(wishes) + self.plan.manner.insists + 8),
            setup=self.plan.setup,
            faults=self.plan.manner.faults,
            extras=self.plan.manner.extras,
            plan=self.plan,
        )

    def write(self, symbol: str, value: Json, *place: str | int) -> str:
        """Return ``value`` in words."""
        return self.grammar.write(symbol, value, self.draws.at(symbol, *place), self.context)

    def _say(self, held: Held) -> str:
        if held.fact in _UNSAID:
            return ""
        if held.fact == "user":
            return self.write("USER", held.value).rstrip(".")
        changed = held.place in self.plan.manner.first_said
        said = {"fact": held.fact, "value": held.value}
        # The same thing is always said in the same words, whichever request it is asked for.
        return self.write("MIND" if changed else "FACT", said, held.fact, canonical(held.value)).rstrip(".")

    def want_text(self, number: int) -> str:
        """Return how the customer asks for want ``number``, counted from 1."""
        return self.write("SAY", said_of(self.words, self.plan, number), number)

    def _wishes(self, outcome: Outcome) -> list[Wish]:
        """Return a wish for every deed that it comes to; a want without any is unsound."""
        found: list[Wish] = []
        for number, want in enumerate(self.plan.wants, 1):
            goals = [goal for goal, _, _ in goals_of(number, want)]
            reached = [goal for goal in self._reached(outcome) if goal.split("x")[0] in goals]
            if not reached:
                raise UnsoundError(f"want {number} comes to nothing in this world")
            says = self.want_text(number)
            found += [self._wish(goal, says, outcome) for goal in reached]
        return found

    def _reached(self, outcome: Outcome) -> list[str]:
        return list(
            dict.fromkeys(each.goal for each in outcome.requests if each.goal and each.kind != "slot")
        )

    def _draft(self, goal: str, outcome: Outcome) -> Draft:
        """Return the draft of the deed that goal came to."""
        drafts = self.sketch.drafts[goal]
        ids = [each.node.id for each in outcome.requests if each.goal == goal and each.kind != "slot"]
        return next(draft for prefix, draft in drafts if any(each.startswith(f"{prefix}_") for each in ids))

    def _wish(self, goal: str, says: str, outcome: Outcome) -> Wish:
        draft = self._draft(goal, outcome)
        expects = {kind: list(values) for kind, values in draft.expects.items()}
        exact = list(draft.exact)
        for request in outcome.requests:
            if request.kind == "write" and request.goal == goal and draft.settle is not None:
                more = draft.settle(request.arguments or {})
                expects |= {kind: list(values) for kind, values in more.items()}
                exact += [kind for kind in more if kind != "date"]
        return Wish(
            goal=goal,
            says=says,
            words=list(draft.words),
            tools=list(draft.tools),
            expects=expects,
            known={kind: list(values) for kind, values in draft.known.items()},
            exact=exact,
            question=draft.question,
        )

    def _card(self, wishes: Sequence[Wish]) -> Card:
        manner = self.plan.manner
        texts = list(dict.fromkeys(wish.says for wish in wishes))
        told_texts = texts[: manner.told]
        return Card(
            opening=self._opening(told_texts),
            wishes=list(wishes),
            told=sum(wish.says in told_texts for wish in wishes),
            facts=list(self._facts(wishes)),
            persona=self.draws.at("persona").choice(PERSONAS),
            patience=8,
            insists=manner.insists,
        )

    def _opening(self, texts: Sequence[str]) -> str:
        parts = [self.write("HELLO", None)]
        for number, text in enumerate(texts):
            parts += [self.write("ALSO", None, number)] * bool(number) + [text]
        opened = opening_of(self.words, self.plan)
        if "aside" in opened:
            parts.append(self.write("ASIDE", opened["aside"]))
        if "user" in opened:
            parts.append(self.write("USER", opened["user"]))
        parts.append(self.write("CLOSE", None))
        return " ".join(part for part in parts if part)

    def _facts(self, wishes: Sequence[Wish]) -> Iterable[Fact]:
        goals = [wish.goal for wish in wishes]
        for held in self.sketch.held:
            if held.fact in _UNSAID:
                continue
            mine = [
                goal
                for goal in goals
                if goal.split("x")[0].rstrip("b") == held.goal.split("x")[0].rstrip("b")
            ]
            for goal in mine if held.goal else [""]:
                yield self._fact(held, goal)
        for wish in wishes:
            yield from self._pointing(wish.goal)
            for _, draft in self.sketch.drafts[wish.goal]:
                yield from (fact.model_copy(update={"goal": wish.goal}) for fact in draft.facts)
        yield from self.words.own_facts(self.stage, self.plan.customer)

    def _fact(self, held: Held, goal: str) -> Fact:
        single = isinstance(held.value, str | int)
        return Fact(
            slot=held.slot,
            said=self._say(held),
            value=held.value if single else "",
            kind=held.kind,
            goal=goal,
            opening=held.visible,
            turn=self.plan.manner.late.get(held.place, 0),
        )

    def _pointing(self, goal: str) -> Iterable[Fact]:
        """What the customer says when asked for the number of what it points at otherwise."""
        form = self.sketch.pointing.get(goal)
        if form is not None and form["by"] not in ("number", "all"):
            shown = seen_ref(self.plan, goal, form)
            said = self.write("FACT", {"fact": "pointing", "value": shown}, goal).rstrip(".")
            yield Fact(slot=self.words.key_slot, said=said, goal=goal)


def seen_ref(plan: Plan, prefix: str, form: Ref) -> Ref:
    """Return a reference as the request says it, without what has to be asked for."""
    form = deepcopy(form)
    for clause in list(form.get("where", ())):
        place = f"{prefix}.at.{clause[0]}"
        if place in plan.manner.asked or place in plan.manner.late:
            form["where"].remove(clause)
    return form


def seen(words: Vocabulary, plan: Plan, number: int) -> Want:
    """Return want ``number`` as it is brought up: what it leaves out is gone, what is outdated is old."""
    want = deepcopy(plan.wants[number - 1])
    manner = plan.manner
    for _, prefix, deed in goals_of(number, want):
        if "at" in deed:
            deed["at"] = seen_ref(plan, prefix, deed["at"])
        for name in list(deed["args"]):
            place = f"{prefix}.{name}"
            unsaid = not (words.find_verb(deed["do"]).find_arg(name).core or place in manner.opened)
            if place in manner.first_said:
                deed["args"][name] = manner.first_said[place]
            elif unsaid or place in manner.asked or place in manner.late:
                del deed["args"][name]
    return want


def said_of(words: Vocabulary, plan: Plan, number: int) -> Json:
    """Return all that the customer says with want ``number``: the request, and sentences of their own."""
    side = [place for place in plan.manner.opened if place != "user"]
    want, facts = seen(words, plan, number), []
    for _, prefix, deed in goals_of(number, want):
        for name in (arg.name for arg in words.find_verb(deed["do"]).args):
            if name in deed["args"] and f"{prefix}.{name}" in side:
                facts.append({"fact": name, "value": deed["args"].pop(name)})
    return {"want": want, "facts": facts}


def opening_of(words: Vocabulary, plan: Plan) -> dict[str, Any]:
    """Return all that the opening says."""
    manner = plan.manner
    says = [said_of(words, plan, number) for number in range(1, min(manner.told, len(plan.wants)) + 1)]
    opened: dict[str, Any] = {"says": says}
    for place, value in manner.mentioned.items():
        opened["aside"] = {"fact": slot_of(words, plan, place), "value": value}
    if "user" in manner.opened:
        opened["user"] = plan.customer
    return opened


def slot_of(words: Vocabulary, plan: Plan, place: str) -> str:
    """Return the slot under which the value at a place of a plan is asked for."""
    prefix, *path = place.split(".")
    if path[0] == "at":
        return words.key_slot if len(path) == 1 else words.find_field(path[-1]).slot
    deed = next(deed for _, own, deed in deeds_of(plan) if own == prefix)
    return words.find_verb(deed["do"]).find_arg(path[0]).slot
