"""Growing plans: from a simple want to the depth and breadth that are aimed at, one operator at a time."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from itertools import combinations
from typing import Any

from simenv.core.domain import Domain
from simenv.core.drafting import deeds_of
from simenv.core.draws import Draws
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.growth import Grown, Notes, Operator, Scope
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Plan, skeleton_digest
from simenv.core.vocabulary import Stage, Vocabulary
from simenv.synth import asking, manners, referring
from simenv.synth.aim import Aim as Aim
from simenv.synth.aim import Edit
from simenv.synth.measure import aimed_depth, extras

SPLITS = ("train", "validation", "test")
_SHARES = {"train": range(7), "validation": range(7, 8), "test": range(8, 10)}
_TEST_ONLY = 5
"""One in so many pairs of operators occurs in the test split only."""
_TRIES = 24
_REMEMBERED = 15
"""Plans of which it is kept how far they reach."""
_SEEDS = 16
_LED_SEEDS = 12
_SIMPLE = 24
"""Simple plans of each intent that a world has to begin with."""
_MOST_DEPTH, _MOST_BREADTH = 8, 8
GENERIC = (*referring.OPERATORS, *asking.OPERATORS, *manners.OPERATORS)


@cache
def operators_of(domain: str, own: tuple[tuple[str, Operator], ...] = ()) -> dict[str, Operator]:
    """Return every operator of a domain by name: those of any domain, then its own."""
    del domain
    return {each.name: each for each in GENERIC} | dict(own)


def operators(words: Vocabulary, domain: Domain) -> dict[str, Operator]:
    """Return every operator that can grow a domain's plans, by name."""
    return operators_of(domain.name, tuple(words.operators.items()))


def chosen(known: dict[str, Operator], names: Sequence[str]) -> dict[str, Operator]:
    """Return the operators of those names, all of them if none are named.

    Raises:
        UnknownNameError: If there is no such operator; it names the nearest.
    """
    for name in names:
        if name not in known:
            raise UnknownNameError("operator", name, known)
    return {name: known[name] for name in names} if names else known


@cache
def held_out(one: str, other: str) -> bool:
    """Whether a pair of operators is kept for the test split."""
    text = "+".join(sorted((one, other)))
    return blake2b(text.encode(), digest_size=8).digest()[0] % _TEST_ONLY == 0


def belongs(plan: Plan, split: str) -> bool:
    """Whether a plan's shape is one of the split's; shapes of an unnamed split are anybody's."""
    if split not in _SHARES:
        return True
    return int(skeleton_digest(plan)[:8], 16) % 10 in _SHARES[split]


def allowed(lineage: Sequence[str], split: str) -> bool:
    """Whether a lineage has no pair that is kept for the test split."""
    return split == "test" or not any(held_out(a, b) for a, b in combinations(lineage, 2) if a != b)


def check_range(what: str, low: int, high: int) -> None:
    """Check a range of depths or breadths.

    Raises:
        UsageError: If it is empty or goes beyond what worlds can give; it names the nearest possible value.
    """
    most = _MOST_DEPTH if what == "depth" else _MOST_BREADTH
    if not 1 <= low <= high:
        raise UsageError(
            f"--{what} {low}:{high} is no range; the smallest is 1:1 and the first number comes first"
        )
    if high > most:
        raise UsageError(f"--{what} {low}:{high} goes beyond what worlds can give; the most is {most}")


class Grower:
    """Grows the plans of one world.

    Args:
        domain: The domain.
        words: Its vocabulary.
        stage: The world.
    """

    def __init__(self, domain: Domain, words: Vocabulary, stage: Stage) -> None:
        self.domain, self.words, self.stage = domain, words, stage
        self.known = operators(words, domain)
        self.steps = {verb.name: verb.steps for verb in words.verbs}
        self.tried: Counter[str] = Counter()
        self.notes: Notes = {}
        self._seeds: dict[tuple[str, int], tuple[Plan | None, int, int]] = {}
        self._reached: list[tuple[Plan, tuple[int, int]]] = []
        self.least = {intent: self._least(intent) for intent in words.intents}

    def _least(self, intent: str) -> int:
        """Return how deep plans of an intent are at least, as far as a few draws in this world tell."""
        plans = [self._simple(intent, number) for number in range(3)]
        return min([depth for plan, depth, _ in plans if plan is not None], default=_MOST_DEPTH + 1)

    def scope(self, plan: Plan) -> Scope:
        """Return a plan in this world."""
        return Scope(self.domain, self.words, self.stage, plan, self.notes)

    def grow(self, draws: Draws, aim: Aim) -> Grown | None:
        """Return a plan of about that depth and breadth, or None where this draw leads to none."""
        if aim.edit is not None:
            return self._edited(draws, aim, aim.edit)
        names = chosen(self.known, aim.operators)
        lead = self._lead(draws.at("lead"), aim, names)
        for number in range(_SEEDS):
            # Operators that seldom fit would hardly occur, so one is chosen first and a seed for it.
            found = self._grow(draws.at(number), aim, names, lead if number < _LED_SEEDS else None)
            if found is not None:
                return found
        return None

    def _edited(self, draws: Draws, aim: Aim, edit: Edit) -> Grown | None:
        """Return the plan that an edit leads to from the plan that it begins with, grown again."""
        operator, begun = self.known.get(edit.operator), len(edit.address)
        if operator is None or draws.address[:begun] != edit.address:
            return None
        base = self.grow(Draws(*edit.address), edit.aim)
        grown = self.edit(base, operator, draws, aim.split) if base is not None else None
        fits = grown is not None and self.reach(grown.plan) == (aim.depth, aim.breadth)
        return grown if fits else None

    def edit(self, base: Grown, operator: Operator, draws: Draws, split: str) -> Grown | None:
        """Return a plan grown by one more operator, or None where it does not lead on."""
        lineage = (*base.lineage, operator.name)
        if not allowed(lineage, split):
            return None
        scope = Scope(self.domain, self.words, self.stage, base.plan)
        child = self._apply(operator, scope, draws.at(operator.name))
        most = Aim(_MOST_DEPTH, _MOST_BREADTH)
        if child is None or not self._nearer(base.plan, child, most, operator.axis):
            return None
        return self._placed(Grown(child, lineage), draws.at("place"), split)

    def _lead(self, draws: Draws, aim: Aim, names: dict[str, Operator]) -> Operator | None:
        """Draw the operator that a plan is to grow by first."""
        axes = ["depth"] * (aim.depth > 1) + ["breadth"] * (aim.breadth > 1)
        pool = [each for each in names.values() if each.axis in axes]
        more = dict(aim.weights)
        return draws.weighted(pool, [one.weight * more.get(one.name, 4) for one in pool]) if pool else None

    def _grow(
        self, draws: Draws, aim: Aim, names: dict[str, Operator], lead: Operator | None
    ) -> Grown | None:
        seed = self._seed(draws.at("seed"), aim)
        if seed is None:
            return None
        grown = Grown(seed)
        if lead is not None:
            scope = self.scope(seed)
            child = self._apply(lead, scope, draws.at("lead"))
            if child is None or not self._nearer(seed, child, aim, lead.axis):
                return None
            grown = Grown(child, (lead.name,))
        for number in range(_TRIES):
            depth, breadth = self.reach(grown.plan)
            if (depth, breadth) == (aim.depth, aim.breadth):
                # Whoever names operators wants tasks that grew by them.
                if aim.operators and not grown.lineage:
                    return None
                return self._placed(grown, draws.at("place"), aim.split)
            axis = self._axis(depth, breadth, aim, draws.at("axis", number))
            if axis is None:
                return None
            further = self._step(grown, axis, draws.at("step", number), aim, names)
            if further is None:
                return None
            grown = further
        return None

    def _seed(self, draws: Draws, aim: Aim) -> Plan | None:
        """Draw a simple plan that is no deeper than what is aimed at."""
        fitting = [intent for intent, least in self.least.items() if least <= aim.depth]
        for _ in range(4 if fitting else 0):
            plan, depth, breadth = self._simple(draws.choice(fitting), draws.below(_SIMPLE))
            if plan is not None and depth <= aim.depth and breadth <= aim.breadth:
                return plan
        return None

    def _simple(self, intent: str, number: int) -> tuple[Plan | None, int, int]:
        """Return one of the world's simple plans of an intent with its depth and breadth, drawn once."""
        key = (intent, number)
        if key not in self._seeds:
            plan = self.words.intents[intent](self.stage, Draws(*self.stage.image.address, "seed", *key))
            self._seeds[key] = (plan, *(self.reach(plan) if plan is not None else (0, 0)))
        return self._seeds[key]

    def _axis(self, depth: int, breadth: int, aim: Aim, draws: Draws) -> str | None:
        wanting = ["depth"] * (depth < aim.depth) + ["breadth"] * (breadth < aim.breadth)
        return draws.choice(wanting) if wanting and depth <= aim.depth and breadth <= aim.breadth else None

    def _step(
        self, grown: Grown, axis: str, draws: Draws, aim: Aim, names: dict[str, Operator]
    ) -> Grown | None:
        """Return a child that brings the plan nearer to the aim along one axis and not beyond it."""
        scope = self.scope(grown.plan)
        more = dict(aim.weights)
        pool = [each for each in names.values() if each.axis == axis]
        for number in range(len(pool)):
            each = draws.at("pick", number).weighted(
                pool, [one.weight * more.get(one.name, 4) for one in pool]
            )
            pool.remove(each)
            lineage = (*grown.lineage, each.name)
            if not allowed(lineage, aim.split):
                continue
            child = self._apply(each, scope, draws.at(each.name))
            if child is not None and self._nearer(grown.plan, child, aim, axis):
                return Grown(child, lineage)
        return None

    def _apply(self, operator: Operator, scope: Scope, draws: Draws) -> Plan | None:
        self.tried[operator.name] += 1
        try:
            return operator.apply(scope, draws)
        except UnsoundError:
            return None

    def _nearer(self, parent: Plan, child: Plan, aim: Aim, axis: str) -> bool:
        try:
            before, after = self.reach(parent), self.reach(child)
        except UnsoundError:
            return False
        gained = after[0] > before[0] if axis == "depth" else after[1] > before[1]
        return gained and after[0] <= aim.depth and after[1] <= aim.breadth

    def reach(self, plan: Plan) -> tuple[int, int]:
        """Return about how deep and how broad a plan is, from its shape."""
        # A plan is asked about again for each of its children, and for the best of them right after.
        for each, found in self._reached:
            if each is plan:
                return found
        found = self._reach(plan)
        self._reached = [(plan, found), *self._reached[:_REMEMBERED]]
        return found

    def _reach(self, plan: Plan) -> tuple[int, int]:
        scope = self.scope(plan)
        denied = self.denied(scope)
        goals = sum(self._goals(scope, want, number, denied) for number, want in enumerate(plan.wants, 1))
        return aimed_depth(plan, self.steps, denied), goals + extras(plan)

    def denied(self, scope: Scope) -> list[str]:
        """Return the prefixes of the deeds that a rule forbids."""
        found = []
        for _, prefix, deed in deeds_of(scope.plan):
            verb, at = self.words.find_verb(deed["do"]), deed.get("at", {"by": "none"})
            plain = not any(isinstance(value, dict) for value in deed["args"].values())
            if not plain or at["by"] in ("all", "new", "same", "it"):
                continue
            if verb.answer(self.stage, scope.plan.customer, scope.target(deed), deed["args"]) == "no":
                found.append(prefix)
        return found

    def _goals(self, scope: Scope, want: Any, number: int, denied: Sequence[str]) -> int:
        if "when" in want:
            return max(1, len(want["then"])) if not want["else"] else 1
        if "first" in want:
            return 1 + (f"g{number}" in denied)
        at = want.get("at", {"by": "none"})
        if at["by"] != "all" or self.words.find_verb(want["do"]).over == "set":
            return 1
        among = [each for each in scope.elements if all(scope.meets(each, clause) for clause in at["where"])]
        return len(among) - (at["besides"] is not None)

    def _placed(self, grown: Grown, draws: Draws, split: str) -> Grown | None:
        """Return the plan, with other things said unasked where its shape belongs to another split."""
        if belongs(grown.plan, split):
            return grown
        side = [
            f"{prefix}.{arg.name}"
            for _, prefix, deed in deeds_of(grown.plan)
            for arg in self.words.find_verb(deed["do"]).args
            # What proposals are not checked by may not matter, and would only pad the opening.
            if not arg.core and prefix == "g1" and arg.kind
        ]
        side.append("user")
        for number in range(12):
            at = draws.at(number)
            opened = [place for place in side if at.chance(30)]
            plan = grown.plan.with_manner(opened=opened)
            if belongs(plan, split) and self.scope(plan).says_plan(plan):
                return Grown(plan, grown.lineage)
        return None
