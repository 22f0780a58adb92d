"""What a customer wants, as an expression: the part of a task that text states and growth rewrites.

A plan is JSON, so that one grammar can write it as English and read it back. Its shapes:

*Wants*
    ``{"do": VERB, "at": REF, "args": {NAME: VALUE}}``; ``at`` is absent where a verb has no target
    ``{"when": TEST, "then": [DO], "else": [DO]}``; ``else`` may be empty
    ``{"first": DO, "instead": DO}`` do the first; where a rule forbids it, the other

*References* to one element of the customer's (a trip, a loan)
    ``{"by": "number", "id": ID}``
    ``{"by": "clauses", "where": [CLAUSE]}`` the only one that meets them
    ``{"by": "extreme", "field": F, "pick": "min" | "max", "place": 1.., "where": [CLAUSE]}``
    ``{"by": "either", "field": F, "pick": "min" | "max", "refs": [REF, REF]}`` whichever has less or more
    ``{"by": "same", "goal": GOAL}`` the target of an earlier goal
    ``{"by": "new", "goal": GOAL}`` what an earlier goal made
    ``{"by": "it"}`` what the test of the same want, or its first deed, is about
    ``{"by": "own"}`` inside a value: the target of the deed itself
    ``{"by": "all", "where": [CLAUSE], "besides": REF | null}`` every one of several

*Clauses* ``[FIELD, HOW, VALUE]`` and *tests* ``{"left": VALUE, "how": HOW, "right": VALUE}``

*Values*: plain JSON, or of other elements ``{"of": F, "ref": REF}``, ``{"times": N, "of": F, "ref": REF}``,
``{"shift": DAYS, "of": F, "ref": REF}``, ``{"sum": F, "refs": [REF, REF]}``
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from simenv.core.canonical import canonical, digest

Json = Any
Want = dict[str, Any]
Ref = dict[str, Any]


class Manner(BaseModel):
    """How a customer brings it up: nothing here changes what is right, all of it can be got wrong.

    A *place* names a value of the plan: ``"g1.cabin"`` an argument, ``"g1.at.start"`` a clause.

    Attributes:
        told: How many wants the opening states; the rest come one by one.
        opened: Places of what the opening says although the request would do without it.
        asked: Places of what the request itself leaves out, to be asked for.
        late: Places of what is said unasked in a later reply, with the number of that reply.
        first_said: Place to the outdated value that the opening states; the customer changes its mind.
        mentioned: Place to a value of another matter that the opening mentions in passing.
        insists: How often the customer does not take no for an answer.
        faults: Tool to how many of its first calls fail.
        extras: Look-alike tools that the agent is offered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    told: int = 1
    opened: list[str] = []
    asked: list[str] = []
    late: dict[str, int] = {}
    first_said: dict[str, Any] = {}
    mentioned: dict[str, Any] = {}
    insists: int = 0
    faults: dict[str, int] = {}
    extras: list[str] = []


class Plan(BaseModel):
    """What one customer wants, and how it brings it up.

    Attributes:
        customer: Id of the customer.
        wants: In the order in which they are said; see the module.
        manner: How they are said.
        setup: Rows that differ from the world's image; see ``Task.setup``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    customer: str
    wants: list[Want]
    manner: Manner = Manner()
    setup: list[list[Any]] = []

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data without defaults."""
        data: dict[str, Any] = {"customer": self.customer, "wants": self.wants}
        if self.setup:
            data["setup"] = self.setup
        manner = self.manner.model_dump(mode="json", exclude_defaults=True)
        return data | ({"manner": manner} if manner else {})

    def with_want(self, at: int, want: Want) -> "Plan":
        """Return the plan with another want in place of number ``at``."""
        return self.model_copy(update={"wants": [*self.wants[:at], want, *self.wants[at + 1 :]]})

    def with_manner(self, **changes: Any) -> "Plan":
        """Return the plan with a changed manner."""
        return self.model_copy(update={"manner": self.manner.model_copy(update=changes)})


def dos(want: Want) -> list[Want]:
    """Return every deed of a want, whether it comes to it or not, in the order said."""
    if "do" in want:
        return [want]
    if "when" in want:
        return [*want["then"], *want["else"]]
    return [want["first"], want["instead"]]


def goals_of(number: int, want: Want) -> list[tuple[str, str, Want]]:
    """Return (goal, prefix of its nodes, deed) of every deed of want ``number``, counted from 1.

    Deeds of which only one can come true share a goal.
    """
    main = f"g{number}"
    if "do" in want:
        return [(main, main, want)]
    if "when" in want:
        names = [main, f"{main}b"]
        then = [(name, name, deed) for name, deed in zip(names, want["then"], strict=False)]
        return [*then, *[(n, f"{n}e", deed) for n, deed in zip(names, want["else"], strict=False)]]
    return [(main, main, want["first"]), (f"{main}b", f"{main}b", want["instead"])]


def refs_in(value: Json) -> Iterator[Ref]:
    """Yield every reference inside a part of a plan, the outermost first."""
    if isinstance(value, dict):
        if "by" in value:
            yield value
        for part in value.values():
            yield from refs_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from refs_in(part)


def skeleton(plan: Plan) -> Json:
    """Return the shape of a plan: its wants and manner with every value of the world blanked."""
    manner = plan.manner.model_dump(mode="json", exclude_defaults=True)
    for key in ("first_said", "mentioned"):
        if key in manner:
            manner[key] = sorted(manner[key])
    return {"wants": [_blank(want) for want in plan.wants], "manner": manner}


_KEPT = frozenset({"do", "by", "field", "pick", "place", "goal", "how", "of", "sum"})


def _blank(value: Json, key: str = "") -> Json:
    if isinstance(value, dict):
        return {name: _blank(part, name) for name, part in value.items()}
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], str):
            return [value[0], value[1], _blank(value[2])]
        return [_blank(part) for part in value]
    return value if key in _KEPT else "_"


def skeleton_digest(plan: Plan) -> str:
    """Return the hash of a plan's shape; no two splits share one."""
    return digest(canonical(skeleton(plan)))
