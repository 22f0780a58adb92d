"""One task under proof: everything that several obligations look at, worked out once."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from simenv.agents.oracle import oracle
from simenv.agents.protocol import StuckError, play
from simenv.agents.trunk import Trunk
from simenv.core.assembly import Assembly
from simenv.core.derive import Bench, Outcome
from simenv.core.domain import Domain
from simenv.core.errors import UsageError
from simenv.core.goal import Atom, reaches
from simenv.core.growth import Scope
from simenv.core.interpreter import Request
from simenv.core.plan import Plan
from simenv.core.task import Task
from simenv.core.vocabulary import Stage, Vocabulary
from simenv.episodes.episode import Episode
from simenv.synth.certificate import Unproved
from simenv.synth.lockline import Line
from simenv.synth.measure import Measured, Recorder, Seen, measure_task


class Case:
    """One task under proof.

    Args:
        domain: Its domain.
        words: The domain's vocabulary.
        stage: Its world.
        task: The task, which has a plan.
        assembly: The task's plan, put together anew.
        phrases: Lock lines of the requests that the task says in other words.
    """

    def __init__(
        self,
        domain: Domain,
        words: Vocabulary,
        stage: Stage,
        task: Task,
        assembly: Assembly,
        phrases: Sequence[Line] = (),
    ) -> None:
        if task.plan is None:
            raise UsageError(
                f"task {task.id} has no plan, so nothing can be proved of it; make it with `simenv synth`"
            )
        self.domain, self.words, self.stage, self.task, self.assembly = domain, words, stage, task, assembly
        self.phrases = phrases
        self.plan: Plan = task.plan
        self.bench = assembly.bench if assembly.plan.setup == task.setup else self._bench()
        self.recorder = Recorder()

    def _bench(self) -> Bench:
        return Bench(self.domain, self.stage.world, setup=self.task.setup, reads=self.stage.reads)

    @cached_property
    def start(self) -> Episode:
        """An episode that nobody has played; agents play forks of it."""
        return Episode(self.task)

    @cached_property
    def outcome(self) -> Outcome:
        """What the program comes to, every value recorded."""
        found = self.bench.run(self.task.program, mind=self.recorder)
        if found.fault:
            raise Unproved("P1", "the program has no single outcome", found.fault)
        return found

    @property
    def seen(self) -> list[Seen]:
        """Every value that the program came to, in order."""
        return self.recorder.seen if self.outcome.requests else []

    @cached_property
    def done(self) -> frozenset[str]:
        """Ids of the nodes that were run."""
        return frozenset(self.recorder.done if self.outcome.requests else ())

    @cached_property
    def values(self) -> dict[str, Any]:
        """Node to its value."""
        return {each.node.id: each.value for each in self.seen}

    @cached_property
    def measured(self) -> Measured:
        """Depth, breadth and which steps matter."""
        return measure_task(self.task, self.bench, self.outcome)

    @cached_property
    def played(self) -> Trunk:
        """The episode that the oracle has played."""
        try:
            trunk = Trunk(self.start)
            play(trunk, oracle())
            return trunk
        except StuckError as error:
            raise Unproved("P1", "the oracle is stuck", str(error)[:300]) from None

    @cached_property
    def scope(self) -> Scope:
        """The plan in its world."""
        return Scope(self.domain, self.words, self.stage, self.plan)

    @cached_property
    def deeds(self) -> list[Request]:
        """Every write, decline and answer, in order."""
        return [each for each in self.outcome.requests if each.kind != "slot"]

    def replay(self, requests: Sequence[tuple[str, Any]]) -> list[Atom]:
        """Return what calls, made one after the other, leave different; a refused one changes nothing."""
        self.bench.fresh()
        for name, arguments in requests:
            try:
                self.bench.call(name, arguments)
            except UsageError:
                continue
        return self.bench.found()

    def reached(self, found: Sequence[Atom]) -> bool:
        """Whether these differences are what the goal asks for."""
        return reaches(self.task.goal, found)
