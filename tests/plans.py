"""Plans made by hand, of every form that ``core.plan`` names, about whatever a world has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

from simenv.core.assembly import assemble
from simenv.core.draws import Draws
from simenv.core.generator import Generator
from simenv.core.interpreter import UnsoundError, shift
from simenv.core.plan import Manner, Plan, Ref, Want
from simenv.core.program import measure
from simenv.core.selecting import resolve, value_in
from simenv.core.task import Task
from simenv.core.vocabulary import Element, Stage, Vocabulary

Named = tuple[str, Plan]
EVERY: Ref = {"by": "all", "where": [], "besides": None}
IT: Ref = {"by": "it"}
OWN: Ref = {"by": "own"}
SAME: Ref = {"by": "same", "goal": "g1"}
NEW: Ref = {"by": "new", "goal": "g1"}


@dataclass
class Seen:
    """A customer's elements as ``core.selecting`` wants them."""

    words: Vocabulary
    elements: Sequence[Element]
    places: Mapping[str, tuple[str, Element]] = field(default_factory=dict)
    own: tuple[str, Element] = ("", {})


def task_of(generator: Generator, stage: Stage, plan: Plan) -> Task:
    """Return the task of a plan, with words drawn from a fixed address."""
    return assemble(generator.domain, generator.vocabulary, stage, plan, ("plans", 0), size="S")


def only(sight: Seen, form: Ref) -> Element | None:
    """Return what a reference points at, None if that is not one element."""
    try:
        return resolve(sight, form)
    except UnsoundError:
        return None


def clauses(words: Vocabulary, element: Element) -> Iterator[list[Any]]:
    """Yield every clause with a plain value that an element meets."""
    for each in words.fields:
        if each.points:
            value = value_in(each, element)
            for one in value if each.how == "has" else [value]:
                yield [each.name, each.how, one]


def number(words: Vocabulary, element: Element) -> Ref:
    """Return the reference to an element by its id."""
    return {"by": "number", "id": measure(words.key, element)}


def refs(sight: Seen) -> Iterator[tuple[str, Ref]]:
    """Yield (form, reference); not all of them point at one element."""
    words = sight.words
    every = [clause for each in sight.elements for clause in clauses(words, each)]
    for each in sight.elements:
        yield "number", number(words, each)
        told = list(clauses(words, each))
        yield from ((f"clause {one[0]}", {"by": "clauses", "where": [one]}) for one in told)
        for pair in combinations(told, 2):
            yield "two clauses", {"by": "clauses", "where": list(pair)}
    for name in (each.name for each in words.fields if each.ranks):
        for pick in ("min", "max"):
            bare: Ref = {"by": "extreme", "field": name, "pick": pick, "place": 1, "where": []}
            yield f"extreme {name} {pick}", bare
            yield f"rank {name} {pick}", bare | {"place": 2}
            for one in every:
                yield "extreme among", bare | {"where": [one]}
                yield "rank among", bare | {"where": [one], "place": 2}
            for two in combinations(sight.elements, 2):
                both = [number(words, each) for each in two]
                yield f"either {name} {pick}", {"by": "either", "field": name, "pick": pick, "refs": both}
    yield from _nested(sight, every)


def _nested(sight: Seen, every: Sequence[Any]) -> Iterator[tuple[str, Ref]]:
    words = sight.words
    for each in words.fields:
        for of in words.fields if each.points and each.asks else ():
            for other in sight.elements if of.asks and of.kind == each.kind else ():
                value = {"of": of.name, "ref": number(words, other)}
                yield "value of another", {"by": "clauses", "where": [[each.name, "==", value]]}
                for one in every:
                    yield "value of another", {"by": "clauses", "where": [[each.name, "==", value], one]}
                for days in range(-9, 10) if each.kind == "day" else ():
                    later = value | {"shift": days}
                    yield "day of another, moved", {"by": "clauses", "where": [[each.name, "==", later]]}


class AirlinePlans:
    """Plans about the trips of one customer who has a credit card."""

    def __init__(self, words: Vocabulary, stage: Any, customer: str) -> None:
        self.words, self.stage, self.customer = words, stage, customer
        self.trips = stage.elements(customer)
        self.card = {"card": stage.cards(customer)[0]}

    def answer(self, verb: str, trip: Element, **args: Any) -> str:
        """Return whether a deed is allowed."""
        return self.words.find_verb(verb).answer(self.stage, self.customer, trip, args)

    def do(self, verb: str, at: Any, **args: Any) -> Want:
        """Return a deed about a trip or a reference."""
        return {"do": verb, "at": at if "by" in at else number(self.words, at), "args": args}

    def plan(self, *wants: Want, **manner: Any) -> Plan:
        """Return a plan of this customer."""
        return Plan(customer=self.customer, wants=list(wants), manner=Manner(**manner))

    def bags(self, at: Any, total: Any) -> Want:
        """Return the want of bags on a trip."""
        return self.do("bags", at, total=total, **self.card)

    def all(self) -> Iterator[Named]:
        """Yield (form, plan); most of them are sound."""
        yield from self._several()
        yield from self._made()
        for trip in self.trips:
            yield from self._values(trip)
            total = trip["total_baggages"] + 1
            if self.answer("bags", trip, total=total) == "yes":
                yield from self._manners(trip, total)
                yield from self._sequences(trip, self.bags(trip, total))
                for other in self.trips:
                    yield from self._conditions(trip, other, self.bags(trip, total))

    def _values(self, trip: Element) -> Iterator[Named]:
        for times in (1, 2, 3):
            value = {"times": times, "of": "people", "ref": OWN}
            if self.answer("bags", trip, total=times * len(trip["passengers"])) == "yes":
                yield "times own", self.plan(self.bags(trip, value))
        for one, two in permutations((each for each in self.trips if each is not trip), 2):
            both = [number(self.words, one), number(self.words, two)]
            if self.answer("bags", trip, total=one["total_baggages"] + two["total_baggages"]) == "yes":
                yield "sum", self.plan(self.bags(trip, {"sum": "bags", "refs": both}))
        for other in self.trips:
            of = OWN if other is trip else number(self.words, other)
            form = "own" if other is trip else "another"
            if self.answer("bags", trip, total=other["total_baggages"]) == "yes":
                yield "value of another", self.plan(self.bags(trip, {"of": "bags", "ref": of}))
            for days in (-2, -1, 1, 2, 3):
                day = shift(other["flights"][0]["date"], days)
                allowed = self.answer("move", trip, date=day)
                value = {"shift": days, "of": "start", "ref": of}
                if allowed:
                    move = self.do("move", trip, date=value, choice="latest", **self.card)
                    yield f"day of {form}, moved: {allowed}", self.plan(move)

    def _manners(self, trip: Element, total: int) -> Iterator[Named]:
        want, there = self.bags(trip, total), "g1.total"
        yield "opened", self.plan(want, opened=["g1.card", "user"])
        yield "asked", self.plan(want, asked=[there])
        yield "late", self.plan(want, late={there: 2})
        yield "changed mind", self.plan(want, first_said={there: total + 1}, late={there: 1})
        yield "mentioned", self.plan(want, asked=[there], mentioned={there: total + 1})
        yield "busy", self.plan(want, faults={"update_reservation_baggages": 2})
        where = [["origin", "==", trip["origin"]], ["start", "==", trip["flights"][0]["date"]]]
        yield (
            "asked clause",
            self.plan(self.bags({"by": "clauses", "where": where}, total), asked=["g1.at.start"]),
        )

    def _sequences(self, trip: Element, bags: Want) -> Iterator[Named]:
        again = bags | {"at": SAME}
        yield "same", self.plan(self.do("paid", trip), again, told=2)
        yield "same, one by one", self.plan(self.do("paid", trip), again)
        for reason in ("illness", "change of plan"):
            allowed = self.answer("cancel", trip, reason=reason)
            cancel = self.do("cancel", trip, reason=reason)
            yield f"instead: {allowed}", self.plan({"first": cancel, "instead": bags})
            yield f"instead of it: {allowed}", self.plan({"first": cancel, "instead": bags | {"at": IT}})
            if allowed == "yes":
                yield "asked afterwards", self.plan(cancel, self.do("refunded", SAME), told=2)

    def _conditions(self, trip: Element, other: Element, bags: Want) -> Iterator[Named]:
        price = value_in(self.words.find_field("price"), other) // 100 * 100
        left = {"of": "price", "ref": number(self.words, other)}
        cancel = self.do("cancel", other, reason="illness")
        for limit, holds in ((max(100, price - 5000), "yes"), (price + 5000, "no")):
            test = {"left": left, "how": ">", "right": limit}
            yield f"when: {holds}", self.plan({"when": test, "then": [bags], "else": [cancel]})
            yield (
                f"when it: {holds}",
                self.plan({"when": test, "then": [cancel | {"at": IT}], "else": [bags]}),
            )
            if holds == "yes":
                yield "when only", self.plan({"when": test, "then": [bags], "else": []})
                yield "when both", self.plan({"when": test, "then": [bags, cancel], "else": []})
        if other is not trip:
            both = {"sum": "price", "refs": [number(self.words, trip), number(self.words, other)]}
            test = {"left": both, "how": "<", "right": 2_000_000}
            yield "when sum", self.plan({"when": test, "then": [bags], "else": []})

    def _several(self) -> Iterator[Named]:
        dearest = {"by": "extreme", "field": "price", "pick": "max", "place": 1, "where": []}
        people = {"times": 2, "of": "people", "ref": OWN}
        balance: Want = {"do": "balance", "args": {"source": "gift_card"}}
        for name, ref in (
            ("all", EVERY),
            ("all besides", EVERY | {"besides": dearest}),
            ("all among", EVERY | {"where": [["cabin", "==", "economy"]]}),
        ):
            cancel = self.do("cancel", ref, reason="illness")
            yield f"{name}: cancel", self.plan(cancel)
            yield f"{name}: total", self.plan(self.do("paid_all", ref))
            yield f"{name}: bags", self.plan(self.bags(ref, 4))
            yield f"{name}: times own", self.plan(self.bags(ref, people))
            yield f"{name}, then another", self.plan(cancel, balance)
            yield f"{name} and another", self.plan(cancel, balance, told=2)

    def _made(self) -> Iterator[Named]:
        verb = self.words.find_verb("book")
        for args in verb.propose(self.stage, self.customer, None, Draws("plans", self.customer)):
            if verb.answer(self.stage, self.customer, None, args) == "yes":
                book: Want = {"do": "book", "args": args}
                yield "book", self.plan(book)
                yield "new: cancel", self.plan(book, self.do("cancel", NEW, reason="illness"), told=2)
                yield "new: paid", self.plan(book, self.do("paid", NEW))
                yield "new: bags", self.plan(book, self.bags(NEW, args["bags"] + 1))
