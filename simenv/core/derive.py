"""What a program comes to in a world: run at tool level, without any talk.

From this follow a task's goal, what a proposal must agree with, and whether the policy matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simenv.core.canonical import canonical, parse_trusted_exact
from simenv.core.domain import Domain
from simenv.core.errors import ToolError, UsageError
from simenv.core.goal import Atom, Goal, atoms, in_order
from simenv.core.interpreter import SANE, Judgement, Mind, Request, UnsoundError, interpret
from simenv.core.program import Program
from simenv.core.rules import Values, read_now, read_values
from simenv.core.world import Setup, State, World, check_setup, set_up

_MOST_READS = 50_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a program.

    Attributes:
        required: What differs in the world afterwards.
        answers: Goal id to the value reported; cents for money.
        requests: Everything that was done, in order, without reads.
        reads: How many reads it took.
        fault: Why it went no further, or "".
    """

    required: list[Atom]
    answers: dict[str, str | int] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    reads: int = 0
    fault: str = ""

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


@dataclass(frozen=True, slots=True)
class _Called:
    """What a call came to: its result, the state that it left where that is another, why it was refused."""

    result: Any = None
    after: State | None = None
    refusal: str = ""
    reads: bool = False


class Bench:
    """Where programs are run at tool level, again and again, in one set-up world.

    Args:
        domain: Whose tools are called.
        world: The connection; its state is left behind by every run.
        setup: Rows that differ from the image; outcomes are what differs from them.
        reads: Results of reads on untouched rows, to be shared by benches of one image without set-up.

    Raises:
        UsageError: If ``setup`` is not one of this world.
    """

    def __init__(
        self, domain: Domain, world: World, *, setup: Setup = (), reads: dict[str, Any] | None = None
    ) -> None:
        if setup:
            check_setup(world, setup)
        self.domain, self.world = domain, world
        self.base = set_up(domain.table, setup)
        self._reads: dict[str, Any] = {} if setup or reads is None else reads
        # A call is a pure function of rows and arguments, and proofs make the same ones again and again.
        self._calls: dict[tuple[int, str], _Called] = {}
        self._found: dict[int, list[Atom]] = {}
        self.fresh()

    @cached_property
    def judge(self) -> Judgement:
        """The judgement of someone who has read this world's policy."""
        self.world.play(self.base.copy())
        return informed(self.domain, read_values(self.world), read_now(self.world))

    def fresh(self) -> None:
        """Put the world back to how it was set up."""
        self.state = self.base.copy()

    def run(self, program: Program, judge: Judgement | None = None, mind: Mind = SANE) -> Outcome:
        """Run ``program`` on a fresh state and return what came of it.

        Args:
            program: What is run.
            judge: Who says what the policy says; by default someone who has read it.
            mind: Who runs it. Of anyone but the sane, an unsound run is returned as far as it came.

        Raises:
            UnsoundError: If the program has no single outcome or one of its calls is refused.
        """
        self.fresh()
        answers: dict[str, str | int] = {}
        done: list[Request] = []
        reads, fault = 0, ""
        steps = interpret(program, judge or self.judge, mind)
        result: Any = None
        try:
            while True:
                request = steps.send(result)
                result = None
                if request.kind == "report":
                    answers[request.goal] = (request.arguments or {})["value"]
                elif request.kind != "slot":
                    result = self.call(request.name, request.arguments)
                    reads += request.kind == "read"
                if request.kind != "read":
                    done.append(request)
        except StopIteration:
            pass
        except (UsageError, TypeError, KeyError, ValueError, IndexError) as error:
            # A mind that sees things wrongly may compare a word with a number; whoever is sane must not.
            if mind is SANE:
                raise
            fault = str(error)
        return Outcome(self.found(), answers, tuple(done), reads, fault)

    def found(self) -> list[Atom]:
        """Return what differs now from the set-up world, in canonical order."""
        place = self.state.row_hash
        if place not in self._found:
            self._found[place] = in_order(atoms(self.state, self.domain.table, self.base))
        return list(self._found[place])

    def call(self, name: str, arguments: Any) -> Any:
        """Return what a tool gives, as a program sees it.

        Raises:
            UnsoundError: If it refuses.
        """
        key = canonical([name, arguments])
        untouched = self.state.row_hash == self.base.row_hash
        if untouched and key in self._reads:
            return self._reads[key]
        place = (self.state.row_hash, key)
        if place not in self._calls:
            self._calls[place] = self._made(name, arguments)
        called = self._calls[place]
        if called.refusal:
            raise UnsoundError(called.refusal)
        if called.after is not None:
            self.state = called.after.copy()
        elif untouched and called.reads and len(self._reads) < _MOST_READS:
            self._reads[key] = called.result
        return called.result

    def _made(self, name: str, arguments: Any) -> "_Called":
        """Make a call in the state at hand, which stays as it is."""
        tool, world = self.domain.toolbox.get(name) or self.domain.lookalike[name], self.world
        after = self.state.copy()
        world.play(after)
        world.begin()
        try:
            # Through JSON and back: the program must see what an agent would.
            result = tool.call(world, parse_trusted_exact(canonical(arguments)))
        except ToolError as error:
            world.undo()
            return _Called(refusal=f"{name} was refused: {error.code}: {error}")
        world.commit()
        result = result if isinstance(result, str) else parse_trusted_exact(canonical(result))
        changed = after.row_hash != self.state.row_hash
        return _Called(result, after if changed else None, reads=tool.effect == "read")


def derive(
    program: Program, domain: Domain, world: World, judge: Judgement | None = None, *, setup: Setup = ()
) -> Outcome:
    """Run ``program`` on a fresh state of ``world`` and return what came of it; see ``Bench``.

    Raises:
        UnsoundError: If the program has no single outcome or one of its calls is refused.
        UsageError: If ``setup`` is not one of this world.
    """
    return Bench(domain, world, setup=setup).run(program, judge)


def needs_policy(program: Program, bench: Bench, outcome: Outcome) -> bool:
    """Whether someone who has not read the policy would come to another outcome."""
    try:
        guess = bench.run(program, blind(bench.domain))
    except UnsoundError:
        return True
    return (guess.required, guess.answers) != (outcome.required, outcome.answers)
