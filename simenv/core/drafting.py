"""From a plan to a program: what is said becomes slots, references become selections, verbs their drafts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simenv.core.errors import UsageError
from simenv.core.plan import Json, Plan, Ref, Want, goals_of, refs_in
from simenv.core.program import (
    Aggregate,
    Ask,
    Compare,
    Compute,
    Const,
    Each,
    Extremum,
    Filter,
    If,
    Join,
    Lookup,
    Node,
    Rank,
    Retry,
    Slot,
)
from simenv.core.selecting import elements_of, resolve, resolve_all, value_of
from simenv.core.soundness import refuse_fickle, refuse_unsound
from simenv.core.vocabulary import Draft, Element, Field, Job, Stage, Verb, Vocabulary


def ref(path: str) -> dict[str, str]:
    """Return a reference to an earlier node's value."""
    return {"$": path}


@dataclass(frozen=True, slots=True)
class Held:
    """A value that the customer holds.

    Attributes:
        place: Where in the plan it stands, see ``plan.Manner``.
        goal: The goal that it serves, or "".
        slot: The slot under which it is asked for.
        fact: What kind of thing it is, for its sentence.
        value: The value.
        kind: The mention kind by which proposals are checked against it, or "".
        visible: Whether the opening or the request says it.
        old: The outdated or passing value that the opening says in its place, or None.
    """

    place: str
    goal: str
    slot: str
    fact: str
    value: Json
    kind: str
    visible: bool
    old: Json = None

    @property
    def key(self) -> str:
        """The place as the id of its node."""
        return self.place.replace(".", "_")


@dataclass(slots=True)
class Sketch:
    """A compiled plan.

    Attributes:
        nodes: The program's nodes.
        held: What the customer holds, in order.
        drafts: Goal to (prefix, draft), for the deeds of either branch; what is not taken comes to nothing.
        pointing: Goal to the reference of its deed.
    """

    nodes: list[Node] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    drafts: dict[str, list[tuple[str, Draft]]] = field(default_factory=dict)
    pointing: dict[str, Ref] = field(default_factory=dict)


class Drafter:
    """One plan being compiled.

    Args:
        vocabulary: The words of the domain.
        stage: The world.
        plan: The plan.
        say: How the customer says a value that it holds.
    """

    def __init__(
        self, vocabulary: Vocabulary, stage: Stage, plan: Plan, say: Callable[["Held"], str]
    ) -> None:
        self.words, self.stage, self.plan, self.say = vocabulary, stage, plan, say
        self.sketch = Sketch()
        self.nodes = self.sketch.nodes
        self.places: dict[str, tuple[str, Element]] = {}
        self.own: tuple[str, Element] = ("", {})
        self.elements = elements_of(vocabulary, stage, plan)
        self.gone: list[Element] = []

    def run(self) -> Sketch:
        """Return the compiled plan.

        Raises:
            UsageError: If the plan names what the world does not have.
            UnsoundError: If it has no single outcome.
        """
        refuse_unsound(self.words, self.plan)
        self._head()
        for number, want in enumerate(self.plan.wants, 1):
            self._want(number, want)
        return self.sketch

    def _head(self) -> None:
        words, plan = self.words, self.plan
        self.nodes += [
            Retry(id=f"busy_{name}", tool=name, times=n) for name, n in sorted(plan.manner.faults.items())
        ]
        user = self._hold(
            "user", "", words.user_slot, "user", plan.customer, visible="user" in plan.manner.opened
        )
        self.nodes.append(user.model_copy(update={"id": "uid"}))
        self.nodes.append(Lookup(id="me", tool=words.user_tool, args={words.user_slot: ref("uid")}))
        forms = [each for want in plan.wants for each in refs_in(want)]
        if any(each["by"] in ("clauses", "extreme", "all") for each in forms):
            self._read_all(forms)

    def _read_all(self, forms: Sequence[Ref]) -> None:
        """Read every element of the customer's, with the joined values that a reference looks at."""
        words = self.words
        source = ref(f"me.{words.owned}")
        if not words.inline:
            self.nodes.append(Lookup(id="every", tool=words.tool, each=source, args={words.key: ref("item")}))
            source = ref("every")
        if words.live:
            self.nodes.append(Filter(id="live", of=source, where=[(by, how, v) for by, how, v in words.live]))  # type: ignore[misc]
            source = ref("live")
        looked = {name for form in forms for name in _fields_of(form)}
        for each in words.fields:
            if each.join is not None and each.name in looked:
                beside = Lookup(
                    id=f"{each.name}_beside", tool=each.join.tool, each=source, args=each.join.args
                )
                self.nodes.append(beside)
                joined = Join(
                    id=f"{each.name}_known",
                    step=f"join_{each.name}",
                    left=source,
                    right=ref(beside.id),
                    name=each.name,
                )
                self.nodes.append(joined)
                source = ref(joined.id)
        self.source = source

    def _hold(
        self, place: str, goal: str, slot: str, fact: str, value: Json, *, visible: bool, kind: str = ""
    ) -> Slot:
        """Note a value that the customer holds and return its node."""
        manner = self.plan.manner
        hidden = place in manner.asked or place in manner.late or not visible
        old = manner.first_said.get(place, manner.mentioned.get(place))
        held = Held(place, goal, slot, fact, value, kind, not hidden, old)
        self.sketch.held.append(held)
        node = Ask if hidden else Slot
        return node(
            id=held.key,
            name=slot,
            value=value,
            said=self.say(held),
            opening=not hidden,
            goal=goal,
            decoy=old,
        )

    def _want(self, number: int, want: Want) -> None:
        deeds = goals_of(number, want)
        self.places.pop("it", None)
        if "do" in want:
            self.nodes += self._deed(*deeds[0])
        elif "when" in want:
            self._when(number, want, deeds)
        else:
            self.nodes += self._fallback(deeds)

    def _when(self, number: int, want: Want, deeds: Sequence[tuple[str, str, Want]]) -> None:
        test, at = want["when"], f"g{number}_if"
        left = self._value(f"g{number}.if", f"g{number}", test["left"])
        if "ref" in test["left"]:
            self.places["it"] = (f"g{number}_if_of", resolve(self, test["left"]["ref"]))
        right = self._hold(f"g{number}.limit", f"g{number}", "other", "limit", test["right"], visible=True)
        holds = Compare(id=f"{at}_holds", step=at, left=left, how=test["how"], right=ref(right.id))
        self.nodes += [right, holds]
        split = len(want["then"])
        before = dict(self.places)
        then = [node for deed in deeds[:split] for node in self._deed(*deed)]
        taken, self.places = self.places, before
        other = [node for deed in deeds[split:] for node in self._deed(*deed)]
        # Later wants may point only at what the want is about whichever branch is taken.
        known = self.places if want["else"] else taken
        self.places = {goal: place for goal, place in known.items() if taken.get(goal) == place}
        self.nodes.append(If(id=at, step=at, test=ref(f"{at}_holds"), then=then, orelse=other))

    def _fallback(self, deeds: Sequence[tuple[str, str, Want]]) -> list[Node]:
        """Do the first; the other takes place where the first is declined."""
        main, gone = self._deed(*deeds[0]), self.gone
        self.gone = []
        found = _after_decline(main, self._deed(*deeds[1]))
        self.gone += gone
        if self.places.get(deeds[1][0]) != self.places.get(deeds[0][0]):
            self.places.pop(deeds[1][0], None)
        return found

    def _deed(self, goal: str, prefix: str, deed: Want) -> list[Node]:
        """Return the nodes of one deed; what it points at and is told stands before it."""
        verb = self.words.find_verb(deed["do"])
        outer, self.nodes = self.nodes, []
        at, targets, several = self._target(goal, prefix, deed, verb)
        goals = [f"{goal}x{i}" for i in range(1, len(targets) + 1)] if several else [goal]
        self.own = ("item" if several else at, targets[0] if targets else {})
        before, inside = len(self.nodes), list[Node]()
        args = {
            arg.name: self._arg(prefix, goals[0], arg, deed["args"][arg.name])
            for arg in verb.args
            if arg.name in deed["args"]
        }
        if several:
            # What depends on the element is worked out for each of them, what is said once stands before.
            inside = [node for node in self.nodes[before:] if not isinstance(node, Slot)]
            self.nodes[before:] = [node for node in self.nodes[before:] if isinstance(node, Slot)]
        for number, each in enumerate(goals):
            whom = targets[number : number + 1] if several else targets
            self.own = (self.own[0], whom[0] if whom else {})
            values = {name: value_of(self, value) for name, value in deed["args"].items()}
            job = Job(
                self.stage, self.plan.customer, each, prefix, "item" if several else at, whom, args, values
            )
            draft = verb.draft(job)
            self.sketch.drafts.setdefault(each, []).append((prefix, draft))
            if "at" in deed:
                self.sketch.pointing[each] = deed["at"]
            inside += draft.nodes if not number else ()
        if several:
            self.nodes.append(
                Each(id=f"{prefix}_each", step=f"{prefix}_each", of=ref(at), goals=goals, nodes=inside)
            )
        else:
            self.nodes += inside
        if {by for by, _, _ in self.words.live} & set(verb.writes):
            self.gone += targets
        found, self.nodes = self.nodes, outer
        return found

    def _target(self, goal: str, prefix: str, deed: Want, verb: Verb) -> tuple[str, list[Element], bool]:
        """Return (node of the target, its elements, whether each of them has a goal of its own)."""
        if "at" not in deed:
            return "", [], False
        at = f"{prefix}_at"
        if deed["at"]["by"] == "all":
            self._all(at, goal, f"{prefix}.at", deed["at"])
            return at, resolve_all(self, deed["at"]), verb.over == "one"
        found = resolve(self, deed["at"])
        if deed["at"]["by"] == "it":
            self.places[goal] = self.places["it"]
            return self.places["it"][0], [found], False
        self.point(at, goal, f"{prefix}.at", deed["at"])
        self.places[goal] = self.places["it"] = (at, found)
        return at, [found], False

    def _all(self, at: str, goal: str, place: str, form: Ref) -> None:
        refuse_fickle(self, form, self.gone)
        where = self._clauses(goal, place, form["where"])
        if form["besides"] is not None:
            self.point(f"{at}_not", goal, f"{place}.not", form["besides"])
            where.append((self.words.key, "!=", ref(f"{at}_not.{self.words.key}")))
        step = f"{at}_besides" if form["besides"] is not None else at
        self.nodes.append(Filter(id=at, step=step, of=self.source, where=where))

    def point(self, at: str, goal: str, place: str, form: Ref) -> None:
        """Add the nodes that find what a reference points at, the last of them ``at``."""
        words = self.words
        match form["by"]:
            case "number":
                slot, place = words.key_slot, f"{place}.number"
                known = self._hold(place, goal, slot, "number", form["id"], visible=True)
                self.nodes += [known, Lookup(id=at, tool=words.tool, args={words.key: ref(known.id)})]
            case "clauses":
                where = self._clauses(goal, place, form["where"])
                self.nodes.append(Filter(id=at, step=at, of=self.source, where=where, one=True))
            case "extreme":
                self._extreme(at, goal, place, form)
            case "either":
                for number, each in enumerate(form["refs"]):
                    self.point(f"{at}{number}", goal, f"{place}.{number}", each)
                by = words.find_field(form["field"]).by
                both = [ref(f"{at}0"), ref(f"{at}1")]
                self.nodes.append(Extremum(id=at, step=at, of=both, by=by, pick=form["pick"]))
            case "same":
                key = ref(f"{self.places[form['goal']][0]}.{words.key}")
                self.nodes.append(Lookup(id=at, tool=words.tool, args={words.key: key}))
            case "new":
                key = ref(f"{form['goal']}_do.{words.key}")
                self.nodes.append(Lookup(id=at, step=at, tool=words.tool, args={words.key: key}))
            case other:
                raise UsageError(f"a reference by {other!r} points at nothing")

    def _extreme(self, at: str, goal: str, place: str, form: Ref) -> None:
        refuse_fickle(self, form, self.gone)
        source = self.source
        if form["where"]:
            where = self._clauses(goal, place, form["where"])
            self.nodes.append(Filter(id=f"{at}_among", step=f"{at}_among", of=source, where=where))
            source = ref(f"{at}_among")
        by = self.words.find_field(form["field"]).by
        if form["place"] == 1:
            self.nodes.append(Extremum(id=at, step=at, of=source, by=by, pick=form["pick"]))
        else:
            rank = Rank(id=at, step=at, of=source, by=by, pick=form["pick"], place=form["place"])
            self.nodes.append(rank)

    def _clauses(self, goal: str, place: str, where: Sequence[Any]) -> list[tuple[str, Any, Any]]:
        found: list[tuple[str, Any, Any]] = []
        for name, how, value in where:
            each = self.words.find_field(name)
            if isinstance(value, dict):
                found.append((each.by, how, self._value(f"{place}.{name}", goal, value)))
                continue
            slot = each.slot or "other"
            node = self._hold(f"{place}.{name}", goal, slot, f"at.{name}", value, visible=True)
            self.nodes.append(node)
            found += _conditions(each, how, node.id)
        return found

    def _value(self, place: str, goal: str, value: Json) -> dict[str, str]:
        """Add the nodes of a value of other elements and return a reference to it."""
        at = place.replace(".", "_")
        if "sum" in value:
            for number, each in enumerate(value["refs"]):
                self.point(f"{at}_of{number}", goal, f"{place}.{number}", each)
            by = self.words.find_field(value["sum"]).by
            both = [ref(f"{at}_of{number}") for number in range(len(value["refs"]))]
            self.nodes.append(Aggregate(id=at, step=at, fn="sum", of=both, by=by))
            return ref(at)
        by, of = self.words.find_field(value["of"]).by, self.own[0]
        if value["ref"]["by"] != "own":
            of = f"{at}_of"
            self.point(of, goal, f"{place}.of", value["ref"])
        if "times" not in value and "shift" not in value:
            self.nodes.append(Compute(id=at, step=at, fn="measure", args=[ref(of), by]))
            return ref(at)
        fn, by_how = ("mul", value["times"]) if "times" in value else ("shift", value["shift"])
        self.nodes += [
            Compute(id=f"{at}_value", fn="measure", args=[ref(of), by]),
            Const(id=f"{at}_by", value=by_how),
            Compute(id=at, step=at, fn=fn, args=[ref(f"{at}_value"), ref(f"{at}_by")]),  # type: ignore[arg-type]
        ]
        return ref(at)

    def _arg(self, prefix: str, goal: str, arg: Any, value: Json) -> Any:
        place = f"{prefix}.{arg.name}"
        if isinstance(value, dict) and ("of" in value or "sum" in value):
            return self._value(place, goal, value)
        if arg.colour:
            return None
        seen = arg.core or place in self.plan.manner.opened
        node = self._hold(place, goal, arg.slot, arg.name, value, visible=seen, kind=arg.kind)
        self.nodes.append(node)
        return ref(node.id)


def _fields_of(form: Ref) -> list[str]:
    return [each[0] for each in form.get("where", ())] + ([form["field"]] if "field" in form else [])


def _conditions(each: Field, how: str, slot: str) -> list[tuple[str, Any, Any]]:
    """Return the conditions of one clause; a pair is two, as ``"origin+destination"`` measures them."""
    if each.kind != "pair":
        return [(each.by, how, ref(slot))]
    return [(by, how, ref(f"{slot}.{number}")) for number, by in enumerate(each.by.split("+"))]


def _after_decline(nodes: list[Node], second: list[Node]) -> list[Node]:
    """Return the nodes with ``second`` added to every branch that ends in a decline."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, If):
            then, other = _after_decline(node.then, second), _after_decline(node.orelse, second)
            node = node.model_copy(update={"then": then, "orelse": other})
        found.append(node)
        if node.op == "decline":
            found += second
    return found


def deeds_of(plan: Plan) -> list[tuple[str, str, Want]]:
    """Return (goal, prefix, deed) of every deed of a plan, in order."""
    return [each for number, want in enumerate(plan.wants, 1) for each in goals_of(number, want)]
