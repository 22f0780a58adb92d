"""What a program comes to in a world: run at tool level, without any talk.

From this follow a task's goal, what a proposal must agree with, and whether the policy matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simenv.core.canonical import canonical, parse_trusted_exact
from simenv.core.domain import Domain
from simenv.core.errors import ToolError
from simenv.core.goal import Atom, Goal, atoms, in_order
from simenv.core.interpreter import Judgement, Request, UnsoundError, interpret
from simenv.core.program import Program
from simenv.core.rules import Values, read_now, read_values
from simenv.core.world import State, World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a program.

    Attributes:
        required: What differs in the world afterwards.
        answers: Goal id to the value reported; cents for money.
        requests: Everything that was done, in order, without reads.
        reads: How many reads it took.
    """

    required: list[Atom]
    answers: dict[str, str | int] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    reads: int = 0

    def goal(self) -> Goal:
        """Return the goal that asks for exactly this."""
        return Goal(required=self.required, answers=self.answers)


def informed(domain: Domain, values: Values, now: str) -> Judgement:
    """Return the judgement of someone who has read the policy."""

    def judge(rule: str, facts: Mapping[str, Any]) -> Any:
        return domain.rulebook[rule].judge({**facts, "now": now}, values)

    return judge


def blind(domain: Domain) -> Judgement:
    """Return the judgement of someone who has not."""
    return lambda rule, facts: domain.rulebook[rule].blind


def derive(program: Program, domain: Domain, world: World, judge: Judgement | None = None) -> Outcome:
    """Run ``program`` on a fresh state of ``world`` and return what came of it.

    Raises:
        UnsoundError: If the program has no single outcome or one of its calls is refused.
    """
    state = State()
    world.play(state)
    judge = judge or informed(domain, read_values(world), read_now(world))
    answers: dict[str, str | int] = {}
    done: list[Request] = []
    reads = 0
    steps = interpret(program, judge)
    result: Any = None
    while True:
        try:
            request = steps.send(result)
        except StopIteration:
            break
        result = None
        if request.kind == "report":
            answers[request.node.goal] = (request.arguments or {})["value"]  # type: ignore[union-attr]
        elif request.kind != "slot":
            result = _call(domain, world, request)
            reads += request.kind == "read"
        if request.kind != "read":
            done.append(request)
    return Outcome(in_order(atoms(state, domain.table)), answers, tuple(done), reads)


def _call(domain: Domain, world: World, request: Request) -> Any:
    world.begin()
    try:
        tool = domain.toolbox[request.name]
        # Through JSON and back: the program must see what an agent would.
        result = tool.call(world, parse_trusted_exact(canonical(request.arguments)))
    except ToolError as error:
        world.undo()
        raise UnsoundError(f"{request.name} was refused: {error.code}: {error}") from None
    world.commit()
    return result if isinstance(result, str) else parse_trusted_exact(canonical(result))


def needs_policy(program: Program, domain: Domain, world: World, outcome: Outcome) -> bool:
    """Whether someone who has not read the policy would come to another outcome."""
    try:
        guess = derive(program, domain, world, blind(domain))
    except UnsoundError:
        return True
    return (guess.required, guess.answers) != (outcome.required, outcome.answers)
