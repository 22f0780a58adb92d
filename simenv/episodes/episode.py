"""One episode: an agent, a customer and a world. Every other face of simenv is a view of this.

The digest chain starts from task and world and takes in, per step, the action's bytes, every
result, the customer's words, the events and the state's hash. Equal chains mean equal episodes.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from typing_extensions import override

from simenv.core import catalog
from simenv.core.canonical import canonical, digest, quoted
from simenv.core.domain import Domain
from simenv.core.draws import Draws
from simenv.core.errors import ToolError, UnknownNameError, UsageError
from simenv.core.goal import atoms
from simenv.core.image import WorldImage
from simenv.core.rules import Values, read_now, read_values
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.core.trajectory import CallRecord, Event, StepRecord, Trajectory
from simenv.core.world import Change, World
from simenv.episodes import faces, pool
from simenv.episodes.actions import Action, Call, parse, show_arguments
from simenv.episodes.chat import Message, assistant, environment, printable, system, tool_result, user
from simenv.episodes.progress import Progress, Snapshot
from simenv.scoring.verify import Verdict, verify
from simenv.users.reply import Talk, begin, hears_transfer, reply


class Step(NamedTuple):
    """What one action brought.

    Attributes:
        observation: Text for the agent.
        chat: The same as chat messages, with the agent's own first.
        reward: 0.0 until the end, then the verdict's.
        terminated: Whether the conversation is over.
        truncated: Whether the budget cut it off.
        error: Code of the first mistake in the action, or "".
        digest: The digest chain after the step.
        results: What each call gave, in full whatever the face.
    """

    observation: str
    chat: tuple[Message, ...]
    reward: float
    terminated: bool
    truncated: bool
    error: str
    digest: str
    results: tuple[str, ...] = ()


_FIXED = ("task", "domain", "face", "_offered", "_image", "_setup", "_base", "_start")


class Episode:
    """One customer, one task, one stateful database.

    Args:
        task: What is played.
        face: ``"full"`` or ``"compact"``: how things are shown. It changes no world and no verdict.

    Raises:
        UsageError: If the task's setup, faults or extras do not fit its domain and world.
    """

    def __init__(self, task: Task, *, face: str = "full", progress: Progress | None = None) -> None:
        self.task = task
        self.domain: Domain = catalog.domain(task.domain)
        self.face = faces.face(face)
        self._offered = _offered(self.domain, task)
        self._image = pool.image(task.domain, tuple(task.world), task.size)
        self._setup = canonical(task.setup) if task.setup else ""
        self._base = pool.base(self._image, self._setup)
        # The id covers setup, faults and extras, so the chain does.
        self._start = digest(canonical([task.id, self._image.digest, self.domain.name, self.domain.version]))
        self._own = progress or self._fresh()
        self._verdict: Verdict | None = None

    def _fresh(self) -> Progress:
        card = self.task.card
        told = {fact.slot: str(fact.value or fact.said) for fact in card.facts if fact.opening}
        messages = [system(self.policy), user(card.opening)]
        state, faults = self._base.copy(), dict(self.task.faults)
        return Progress(state, begin(card), self._start, messages, told=told, faults=faults)

    @property
    def policy(self) -> str:
        """The domain's written rules with this world's numbers, as the face shows them."""
        return _policy(self.domain, self._image, self.face.name, self._setup, self._offered)

    def world(self) -> World:
        """Borrow a connection that plays this episode; valid until another episode acts."""
        return pool.borrow(self._image, self._own.state)

    def rules(self) -> tuple[Values, str]:
        """Return the numbers of the rules and the time, as they are now; for judges, not for agents."""
        fresh = self._own.state.row_hash == self._base.row_hash
        return _rules(self._image, self._setup) if fresh else _rules_of(self.world())

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Tool schemas in the OpenAI function format, the same for the whole episode."""
        return [tool.schema for tool in self._offered]

    @property
    def observation(self) -> str:
        """The first observation: the policy, then the customer's opening."""
        return f"{self.policy}\n\nCustomer: {self.task.card.opening}"

    @property
    def messages(self) -> list[Message]:
        """The chat so far; messages are only ever appended and never changed."""
        return self._own.messages

    @property
    def talk(self) -> Talk:
        """What the customer remembers; for judges, not for agents."""
        return self._own.talk

    @property
    def steps(self) -> Sequence[StepRecord]:
        """The record of what was done so far."""
        return self._own.steps

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return bool(self._own.why)

    @property
    def digest(self) -> str:
        """The digest chain so far."""
        return self._own.chain

    def act(self, action: str) -> Step:
        """Carry out one action.

        Raises:
            UsageError: If the episode is over, or ``action`` is not a string. What the string
                holds never raises.
        """
        if self._own.why:
            raise UsageError(f"the episode is over ({self._own.why}); reset it or open another")
        if not isinstance(action, str):
            raise UsageError(f"an action is a string, got {type(action).__name__}")
        parsed = parse(action)
        events: list[Event] = []
        calls: list[CallRecord] = []
        if parsed.calls:
            chat = self._call_all(parsed, calls, events)
        elif parsed.error:
            chat = [assistant(printable(action)), environment(f"error {parsed.error}: {parsed.problem}")]
        else:
            chat = [assistant(parsed.words), self._speak(parsed.words, events)]
        return self._close(action, parsed, calls, events, chat)

    def _close(
        self, action: str, parsed: Action, calls: list[CallRecord], events: list[Event], chat: list[Message]
    ) -> Step:
        """Advance the chain, record the step and see whether the episode is over."""
        own = self._own
        for event in events:
            if event["type"] == "ended":
                own.why = event["why"]
        if not own.why and len(own.steps) + 1 >= self.task.budget:
            own.why = "budget"
        state = f"{own.state.row_hash:032x}"
        own.chain = _link(own.chain, action, chat[1:], state, events)
        own.steps.append(StepRecord(action, tuple(calls), parsed.error, tuple(events), state, own.chain))
        wrote = any(call.versions for call in calls)
        shown = self.face.messages(chat, own.messages, domain=self.domain, wrote=wrote)
        own.messages.extend(shown)
        return Step(
            observation=self.face.observation(shown[1:]),
            chat=tuple(shown),
            reward=self.verdict().reward if own.why else 0.0,
            terminated=own.why not in ("", "budget"),
            truncated=own.why == "budget",
            error=parsed.error or next((call.error for call in calls if call.error), ""),
            digest=own.chain,
            results=tuple([message["content"] for message in chat if message["role"] == "tool"]),
        )

    def _call_all(self, parsed: Action, calls: list[CallRecord], events: list[Event]) -> list[Message]:
        number = len(self._own.steps)
        ids = [call.id or f"call_{number}_{at}" for at, call in enumerate(parsed.calls)]
        shown = [show_arguments(call.arguments) for call in parsed.calls]
        chat = [
            assistant(
                parsed.aside, [(i, c.name, s) for i, c, s in zip(ids, parsed.calls, shown, strict=True)]
            )
        ]
        for call_id, call, arguments in zip(ids, parsed.calls, shown, strict=True):
            record, text, ends = self._call(call, arguments)
            calls.append(record)
            chat.append(tool_result(call_id, call.name, text))
            if ends:
                self._own.talk, said, happened = hears_transfer(self.task.card, self._own.talk)
                events.extend(happened)
                chat.append(user(said))
                break
        return chat

    def _call(self, call: Call, shown: str) -> tuple[CallRecord, str, bool]:
        """Run one call; all of its writes happen or none."""
        tool = self._find(call.name)
        key = digest(f"{call.name} {shown}")
        if tool is None:
            problem = f"error unknown_tool: There is no tool {quoted(call.name)}."
            return CallRecord(call.name[:60], "", key, "unknown_tool"), problem, False
        if tool.effect == "read":
            text, error = self._read(tool, call.arguments, shown)
            return CallRecord(tool.name, "read", key, error), text, False
        world = self.world()
        breaches: tuple[str, ...] = ()
        goal = ""
        world.begin()
        try:
            arguments = tool.check(call.arguments)
            self._require_available(tool)
            if tool.effect == "write":
                breaches = self.domain.breaches(world, tool.name, arguments, self._own.told)
                goal = self._agreed(tool.name)
            result = tool.run(world, **arguments)
        except ToolError as error:
            world.undo()
            text = f"error {error.code}: {error}"
            return CallRecord(tool.name, tool.effect, key, error.code), text, False
        versions = world.commit()
        self._own.agreed.discard(goal)  # one yes covers one write
        text = result if isinstance(result, str) else canonical(result)
        record = CallRecord(tool.name, tool.effect, key, "", breaches, bool(goal), versions)
        return record, text, tool.ends

    def _find(self, name: str) -> Tool | None:
        """Return the offered tool of that name."""
        if name in self.task.extras:
            return self.domain.lookalike[name]
        return self.domain.toolbox.get(name)

    def _require_available(self, tool: Tool) -> None:
        """Count a call of a tool that is out of order.

        Raises:
            ToolError: ``unavailable``, as often as the task's faults say.
        """
        faults = self._own.faults
        if tool.name in faults:
            faults[tool.name] -= 1
            if not faults[tool.name]:
                del faults[tool.name]
            raise ToolError("unavailable", "The system is busy. Nothing was changed; try again.")

    def _read(self, tool: Tool, arguments: Any, shown: str) -> tuple[str, str]:
        """Return what a read tool gives, and the code of its refusal or ""."""
        # On rows that nobody has touched a read is looked up: the rollouts of a group ask the same.
        known = self._image.reads if not self._own.state.net else {}
        try:
            checked = tool.check(arguments)
            self._require_available(tool)
            found = known.get((tool.name, shown))
            if found is not None:
                return found, ""
            result = tool.run(self.world(), **checked)
        except ToolError as error:
            return f"error {error.code}: {error}", error.code
        text = result if isinstance(result, str) else canonical(result)
        pool.remember(known, (tool.name, shown), text)
        return text, ""

    def _agreed(self, tool: str) -> str:
        """Return the goal whose yes covers a write by ``tool``, or ""."""
        wishes = [wish for wish in self.task.card.wishes if tool in wish.tools]
        return next((wish.goal for wish in wishes if wish.goal in self._own.agreed), "")

    def _speak(self, words: str, events: list[Event]) -> Message:
        own, card = self._own, self.task.card
        own.talk, said, happened = reply(card, own.talk, words, self.domain.lexicon)
        events.extend(happened)
        own.agreed.update(event["goal"] for event in happened if event["type"] == "confirmed")
        for fact in card.facts:
            if f"{fact.goal}:{fact.slot}" in own.talk.given:
                own.told[fact.slot] = str(fact.value or fact.said)
        return user(said)

    def verdict(self) -> Verdict:
        """Return the verdict on the episode so far."""
        if not self._own.why:
            return verify(self.task, self.trajectory())
        if self._verdict is None:
            self._verdict = verify(self.task, self.trajectory())
        return self._verdict

    def trajectory(self) -> Trajectory:
        """Return the record of the episode so far."""
        own = self._own
        return Trajectory(
            task=self.task.id,
            start=self._start,
            steps=tuple(own.steps),
            net=tuple(atoms(own.state, self.domain.table, self._base)),
            terminated=own.why not in ("", "budget"),
            truncated=own.why == "budget",
            why=own.why,
        )

    def journal(self) -> tuple[Change, ...]:
        """Return every row version that the agent's calls have written, in order."""
        return tuple(self._own.state.journal)

    def fork(self) -> "Episode":
        """Return an independent copy that goes on from here."""
        other = Episode.__new__(Episode)  # what the task and the face fix is shared
        other.__dict__.update(self._fixed, _own=self._own.copy(), _verdict=None)
        return other

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in _FIXED}

    def snapshot(self) -> Snapshot:
        """Return the episode at rest; ``Snapshot.text`` is its canonical JSON."""
        return Snapshot(self.task, self.face.name, self._own.copy())

    @staticmethod
    def restore(snapshot: Snapshot | str) -> "Episode":
        """Return the episode that was put to rest.

        Raises:
            UsageError: If a text is not a snapshot of this version.
        """
        at = Snapshot.read(snapshot) if isinstance(snapshot, str) else snapshot
        return Episode(at.task, face=at.face, progress=at.progress.copy())

    @override
    def __getstate__(self) -> str:
        """Pickle as the snapshot's text: plain data, no connections."""
        return self.snapshot().text

    def __setstate__(self, text: str) -> None:
        """Unpickle from the snapshot's text."""
        self.__dict__.update(Episode.restore(text).__dict__)


def _link(chain: str, action: str, heard: list[Message], state: str, events: list[Event]) -> str:
    """Return the digest chain after one more step."""
    link = blake2b(chain.encode(), digest_size=16)
    link.update(action.encode("utf-8", "surrogatepass"))
    for message in heard:
        link.update(b"\x1f" + message["content"].encode())
    link.update(f"\x1e{state}{canonical(events) if events else ''}".encode())
    return link.hexdigest()


def _offered(domain: Domain, task: Task) -> tuple[Tool, ...]:
    """Return the tools that the agent may call, the task's extras each at a drawn place among them.

    Raises:
        UnknownNameError: If an extra is no look-alike of the domain, or a fault is of no offered tool.
        UsageError: If an extra is named twice.
    """
    listed = list(domain.tools)
    for name in task.extras:
        if name not in domain.lookalike:
            raise UnknownNameError("look-alike tool", name, domain.lookalike)
    if len(set(task.extras)) != len(task.extras):
        raise UsageError(f"an extra tool is named twice: {', '.join(task.extras)}")
    known = {*domain.toolbox, *task.extras}
    for name in task.faults:
        if name not in known:
            raise UnknownNameError("tool", name, known)
    if task.extras:
        draws = Draws("extras", task.id)
        for name in task.extras:
            listed.insert(draws.below(len(listed) + 1), domain.lookalike[name])
    return tuple(listed)


def _rules(image: WorldImage, setup: str) -> tuple[Values, str]:
    start = pool.base(image, setup)
    return pool.keep(image, ("rules", setup), lambda: _rules_of(pool.borrow(image, start)))


def _rules_of(world: World) -> tuple[Values, str]:
    return read_values(world), read_now(world)


def _policy(domain: Domain, image: WorldImage, face: str, setup: str, offered: tuple[Tool, ...]) -> str:
    def make() -> str:
        # A face lists the tools of the domain, and so those that are offered.
        return faces.face(face).policy(replace(domain, tools=offered), *_rules(image, setup))

    return pool.keep(image, ("policy", face, setup, offered), make)
