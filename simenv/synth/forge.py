"""Making task sets: plans are grown and proved world by world, the same bytes for any number of workers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

from simenv.core import catalog
from simenv.core.assembly import Assembly
from simenv.core.canonical import canonical, digest
from simenv.core.derive import Bench
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.growth import Grown
from simenv.core.interpreter import UnsoundError
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.synth.case import Case
from simenv.synth.certificate import Certificate, Unproved
from simenv.synth.certify import certify
from simenv.synth.focus import edits
from simenv.synth.grow import SPLITS, Aim, Grower
from simenv.synth.lockline import Line
from simenv.synth.order import EMPTY_WORLDS, Base, Order, impossible
from simenv.synth.wordlock import Phrased, phrased, read_locked

PER_WORLD = 50
_ATTEMPTS = 8
"""Draws per task that a world is asked for; a world that gives fewer tasks hands on to the next."""
_IN_VAIN = 60
"""Draws after which a world that has given nothing is given up."""
TWIN_EVERY = 5
Progress = Callable[[int], object]


@dataclass(slots=True)
class Made:
    """What one world gave.

    Attributes:
        number: Number of the world.
        address: Its address.
        digest: Its digest.
        lines: Tasks with their certificates, as canonical JSON.
        keys: For every line (hash of program and set-up, answers of a task that is nothing but questions).
        rejected: Reason to count.
        drawn: Plans that were grown to what was aimed at.
        proved: Of these, tasks that hold; twins are not counted.
        absent: For every line the obligations that do not apply to it.
        notes: For every line what else is counted: the way it was drawn, what became of paraphrases.
    """

    number: int
    address: list[str | int]
    digest: str
    lines: list[str] = field(default_factory=list)
    keys: list[tuple[str, list[str | int]]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    drawn: int = 0
    proved: int = 0
    absent: list[list[str]] = field(default_factory=list)
    notes: list[list[str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        # ``asdict`` makes a counter of (key, count) pairs of one.
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return plain | {"rejected": dict(self.rejected)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Made":
        """Return what ``to_json`` described."""
        keys = [(name, answers) for name, answers in data["keys"]]
        return Made(**{**data, "rejected": Counter(data["rejected"]), "keys": keys})


def key_of(task: Task) -> tuple[str, list[str | int]]:
    """Return (hash of program and set-up, answers of a task that is nothing but questions)."""
    name = task.program.digest() if not task.setup else digest(canonical([task.program.digest(), task.setup]))
    return name, [] if task.goal.required else list(task.goal.answers.values())


class Smith:
    """Makes the tasks of one world.

    Args:
        order: What is to be made.
        number: Number of the world.
    """

    def __init__(self, order: Order, number: int) -> None:
        self.order = order
        self.address, self.bases = order.world(number)
        self.lock = read_locked(*order.lock) if order.lock else {}
        generator = catalog.generator(order.domain)
        self.domain, self.words = generator.domain, generator.vocabulary
        self.image = pool.image(order.domain, self.address, order.size)
        self.stage = self.words.stage(self.image)
        self.grower = Grower(self.domain, self.words, self.stage)
        self.made = Made(number, list(self.address), self.image.digest)
        self._seen: dict[str, None] = {}
        self._notes: list[str] = []
        self._alone = self._paired = 0

    def run(self, most: int) -> Made:
        """Return up to ``most`` tasks of the world, or one more operator on each solved task of it."""
        for base in self.bases:
            self._edit(base)
        if self.bases:
            return self.made
        for number in range(_ATTEMPTS * most):
            if number >= _IN_VAIN and not self.made.lines:
                break
            if len(self.made.lines) >= most:
                break
            self._attempt((*self.address, "task", number), room=most - len(self.made.lines))
        return self.made

    def _attempt(self, address: tuple[str | int, ...], *, room: int) -> None:
        grown, aim = self.grow(address)
        if grown is None:
            self.made.rejected["nothing to grow here"] += 1
            return
        self.made.drawn += 1
        found = self.prove(grown, aim, address)
        if found is None:
            return
        task, certificate = found
        self._keep(task, certificate)
        self._alone += 1
        self.made.proved += 1
        # Where a fifth task has no twin, the next that has one makes up for it.
        if self.order.twins and room > 1 and self._alone >= TWIN_EVERY * (self._paired + 1):
            self._paired += self._twin(task, grown, aim, address)

    def grow(self, address: tuple[str | int, ...]) -> tuple[Grown | None, Aim]:
        """Return (the plan that grows at an address, what was aimed at)."""
        draws = Draws(*address)
        aim = self.order.aim(draws)
        return self.grower.grow(draws, aim), aim

    def _edit(self, base: Base) -> None:
        """Add what a solved task becomes by one more operator, if more is to be learned from it."""
        focus = self.order.focus
        for grown, aim, address in edits(self.grower, self.order, base):
            self.made.drawn += 1
            found = self.prove(grown, aim, address)
            if found is None or focus is None:
                continue
            if focus.learnability(found[1].ladder) > focus.learnability(base.ladder):
                self._keep(*found)
                return
            self.made.rejected["an edit with no more to learn from"] += 1

    def prove(
        self, grown: Grown, aim: Aim, address: tuple[str | int, ...], twin: str = ""
    ) -> tuple[Task, Certificate] | None:
        """Return the task with its certificate, or None; the reason is counted."""
        try:
            assembly = Assembly(self.domain, self.words, self.stage, grown.plan, address)
            task, certificate = self._certified(assembly, grown, aim, twin)
        except UnsoundError:
            self.made.rejected["no single outcome"] += 1
            return None
        except Unproved as fault:
            self.made.rejected[f"{fault.obligation}: {fault.reason}"] += 1
            return None
        if not self._fits(certificate):
            self.made.rejected["another depth or breadth than was ordered"] += 1
            return None
        return task, certificate

    def _certified(self, assembly: Assembly, grown: Grown, aim: Aim, twin: str) -> tuple[Task, Certificate]:
        """Return the task in locked words, if it can be proved so, else in its own."""
        task = assembly.made(self.order.size, "")
        locked = Phrased(task, (), ())
        if self.lock:
            locked = phrased(Case(self.domain, self.words, self.stage, task, assembly), self.lock)
        self._notes = [*locked.notes]
        if locked.lines:
            try:
                return locked.task, self._certify(locked.task, assembly, grown, aim, twin, locked.lines)
            except Unproved as fault:
                self._notes = [f"paraphrase: {fault.obligation}"]
        return task, self._certify(task, assembly, grown, aim, twin)

    def _certify(
        self,
        task: Task,
        assembly: Assembly,
        grown: Grown,
        aim: Aim,
        twin: str,
        phrases: tuple[Line, ...] = (),
    ) -> Certificate:
        return certify(
            self.domain,
            self.words,
            self.stage,
            task,
            assembly,
            split=self.order.split,
            lineage=grown.lineage,
            aim=aim.to_json(),
            operators=self.grower.known,
            seen=lambda each: key_of(each)[0] in self._seen,
            twin=twin,
            phrases=phrases,
        )

    def _fits(self, certificate: Certificate) -> bool:
        low, high = self.order.depth
        least, most = self.order.breadth
        return low <= certificate.depth <= high and least <= certificate.breadth <= most

    def _keep(self, task: Task, certificate: Certificate) -> None:
        key = key_of(task)
        self._seen[key[0]] = None
        self.made.lines.append(canonical(line_of(task, certificate)))
        self.made.keys.append(key)
        self.made.absent.append([name for name, proof in certificate.proofs.items() if not proof.applies])
        self.made.notes.append([str(certificate.aim.get("way", "")), *self._notes])

    def _twin(self, task: Task, grown: Grown, aim: Aim, address: tuple[str | int, ...]) -> bool:
        """Add the same request in a world with one row changed, in which another outcome is right."""
        before = self.made.rejected.copy()
        for change in self.words.changes(self.stage, grown.plan.customer, Draws(*address, "twin")):
            if not self._turns(task, change):
                continue
            plan = grown.plan.model_copy(update={"setup": [change]})
            found = self.prove(Grown(plan, grown.lineage), aim, address, twin=task.id)
            if found is not None and _differs(found[0], task):
                self.made.rejected = before
                self._keep(*found)
                return True
        self.made.rejected = before
        self.made.rejected["no twin here"] += 1
        return False

    def _turns(self, task: Task, change: list[Any]) -> bool:
        """Whether the same program comes to something else, and sound, with one row changed."""
        try:
            found = Bench(self.domain, self.stage.world, setup=[change]).run(task.program)
        except UsageError:
            return False
        return (found.required, found.answers) != (task.goal.required, task.goal.answers)


def _differs(twin: Task, task: Task) -> bool:
    """Whether two tasks are said in the same words and have different outcomes."""
    same = twin.card.opening == task.card.opening
    return same and (twin.goal.required, twin.goal.answers) != (task.goal.required, task.goal.answers)


def line_of(task: Task, certificate: Certificate) -> dict[str, Any]:
    """Return a task with its certificate as a line of a task set."""
    return {"id": task.id} | task.to_json() | {"certificate": certificate.to_json()}


def make_world(order: Order, number: int, most: int | None = None) -> Made:
    """Return what one world gives, by default little more than is ordered; a pure function."""
    # A few to spare, since some of them may repeat what another world gave.
    return Smith(order, number).run(most or min(PER_WORLD, order.count + order.count // 2 + 4))


def _make(job: tuple[Order, int]) -> Made:
    return make_world(*job)


@dataclass(slots=True)
class Forge:
    """An order being filled, world after world.

    Attributes:
        order: The order.
        worlds: What each world gave, without the lines.
        rejected: Reason to count.
        absent: Obligation to how many tasks it does not apply to.
        ways: Way of drawing to how many tasks were drawn so.
        phrases: What became of requests with a locked paraphrase, to how many.
        drawn: Plans that were grown to what was aimed at.
        proved: Of these, tasks that hold; twins are not counted.
        made: Tasks so far.
    """

    order: Order
    worlds: list[dict[str, Any]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    phrases: Counter[str] = field(default_factory=Counter)
    drawn: int = 0
    proved: int = 0
    made: int = 0
    _programs: dict[str, None] = field(default_factory=dict)
    _answers: dict[str | int, None] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether the order is filled."""
        return self.made >= self.order.count

    def take(self, made: Made) -> list[str]:
        """Take what the next world gave and return the lines that belong to the set."""
        self.rejected.update(made.rejected)
        self.drawn += made.drawn
        self.proved += made.proved
        lines = []
        each = zip(made.lines, made.keys, made.absent, made.notes, strict=True)
        for line, (program, answers), absent, (way, *phrases) in each:
            if self.full:
                break
            reason = "enough that are not uniform"
            if not self.order.room(way, self.ways) or (reason := self._repeats(program, answers)):
                self.rejected[reason] += 1
                continue
            lines.append(line)
            self.absent.update(absent)
            self.ways[way] += 1
            self.phrases.update(phrases)
            self.made += 1
        if lines:
            world = {"address": made.address, "size": self.order.size, "digest": made.digest}
            self.worlds.append(world)
        return lines

    def _repeats(self, program: str, answers: Sequence[str | int]) -> str:
        """Return what the set has already, or "": its most frequent answer must pass nothing."""
        if program in self._programs:
            return "P15: its program is in the pack already"
        if any(answer in self._answers for answer in answers):
            return "P3: another question has this answer"
        self._programs[program] = None
        self._answers.update(dict.fromkeys(answers))
        return ""

    def fill(self, workers: int = 1, *, skip: int = 0) -> Iterator[Made]:
        """Yield what world ``skip`` gives, and the next, until the order is full; ``take`` each as it comes.

        Raises:
            UsageError: If several worlds in a row give nothing: the order cannot be met.
        """
        empty = 0
        for made in _worlds(self.order, workers, skip):
            empty = 0 if made.lines or made.number < self.order.edit_worlds else empty + 1
            if empty >= EMPTY_WORLDS:
                raise UsageError(impossible(self.order, self.rejected))
            yield made
            if self.full:
                return


def _worlds(order: Order, workers: int, skip: int) -> Iterator[Made]:
    numbers = (number for number in range(skip, 10**9))
    if workers <= 1:
        yield from (make_world(order, number) for number in numbers)
        return
    # Spawned, not forked: a database connection does not survive a fork.
    with get_context("spawn").Pool(workers) as crew:
        yield from crew.imap(_make, _ahead(order, numbers))


def _ahead(order: Order, numbers: Iterator[int]) -> Iterator[tuple[Order, int]]:
    """Yield jobs; a pool takes them all at once, so no more than the order can need."""
    most = order.edit_worlds + 40 + 4 * (order.count // PER_WORLD)
    for _, number in zip(range(most), numbers, strict=False):
        yield order, number


@lru_cache(maxsize=64)
def _smith(order: Order, number: int) -> Smith:
    return Smith(order, number)


def one(order: Order, index: int) -> Task:
    """Return task ``index`` of an endless set: certified, made on demand, the same in every process.

    Raises:
        UsageError: If the worlds give no such task.
    """
    for number in range(20):
        world, place = divmod(index, PER_WORLD)
        smith = _smith(order, world)
        address = (*smith.address, "task", place, number)
        grown, aim = smith.grow(address)
        found = smith.prove(grown, aim, address) if grown is not None else None
        if found is not None:
            return found[0]
    raise UsageError(impossible(order, Counter()))


__all__ = ["SPLITS", "Forge", "Made", "Order", "Smith", "line_of", "make_world", "one"]
