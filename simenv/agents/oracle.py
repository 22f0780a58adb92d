"""The oracle: it runs the task's program through the public episode, like an honest agent.

It looks things up with tools, asks the customer for what only the customer knows and checks that
it is told, says what it will do and waits for a yes, records a decline before it tells, and
answers what was asked. Variants differ in manner and must earn as much.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simenv.agents.parts import late_first, want_of
from simenv.agents.protocol import Play, StuckError
from simenv.agents.voice import PlainVoice, Voice
from simenv.core.canonical import canonical, dollars_text, parse_trusted_exact
from simenv.core.derive import informed
from simenv.core.domain import Description
from simenv.core.interpreter import SANE, Judgement, Mind, Request, interpret
from simenv.core.program import Decline, Program, Report, Slot
from simenv.core.task import Wish
from simenv.episodes.actions import show_arguments
from simenv.episodes.episode import Episode, Step

Talk = Generator[str, Step, Any]


def plain_call(name: str, arguments: str) -> str:
    """Write a call as the simplest JSON object; ``arguments`` is canonical JSON."""
    return f'{{"arguments":{arguments},"name":{canonical(name)}}}'


def message_call(name: str, arguments: str) -> str:
    """Write a call as an OpenAI-style assistant message."""
    function = {"name": name, "arguments": arguments}
    call = {"id": "call-1", "type": "function", "function": function}
    return canonical({"role": "assistant", "content": None, "tool_calls": [call]})


def does_all(request: Request) -> bool:
    """Leave no request out."""
    del request
    return False


@dataclass(frozen=True, slots=True)
class Manner:
    """How an oracle goes about it; every manner must earn 1.

    Attributes:
        voice: How it speaks.
        call: How it writes a call.
        upfront: Whether it asks for everything it will need in its first message.
        curious: Whether it makes reads that nobody needs, the first time it uses a tool.
        clumsy: Whether it makes mistakes the first time: a malformed call, wrong arguments, an unknown tool.
        late_first: Whether it serves the last of several wishes first, where the customer has told them all.
        asides: What it says beside the matter, one sentence before each act.
        confirms: Whether it asks for a yes before it writes. An oracle that does not breaches the rules.
        judge: What it takes the policy to say; by default what the policy says.
        mind: How it sees what it finds; by default as it is.
        skip: Requests it leaves out, for auditors.
    """

    voice: Voice = field(default_factory=PlainVoice)
    call: Callable[[str, str], str] = plain_call
    upfront: bool = False
    curious: bool = False
    clumsy: bool = False
    late_first: bool = False
    asides: tuple[str, ...] = ()
    confirms: bool = True
    judge: Callable[[Episode], Judgement] | None = None
    mind: Callable[[Episode], Mind] = lambda episode: SANE
    skip: Callable[[Request], bool] = does_all


def oracle(manner: Manner | None = None) -> Callable[[Episode], Play]:
    """Return an oracle of that manner."""
    return lambda episode: Oracle(episode, manner or Manner()).run()


def well_informed(episode: Episode) -> Judgement:
    """Return the judgement of someone who has read the policy of this world."""
    return informed(episode.domain, *episode.rules())


class Oracle:
    """One run of the oracle."""

    def __init__(self, episode: Episode, manner: Manner) -> None:
        self.episode, self.manner, self.voice = episode, manner, manner.voice
        self.card = episode.task.card
        self.labels = {words.name: words.label for words in episode.domain.lexicon.slots}
        self.deeds: list[Description] = []
        self.goal = ""
        self.fumbled: set[str] = set()
        self.doubted: set[str] = set()
        self.asides = list(manner.asides)

    def run(self) -> Play:
        """Yield the oracle's actions."""
        mind = self.manner.mind(self.episode)
        if self.manner.upfront:
            yield from self._ask(self._needed())
        try:
            yield from self._serve(mind)
        except (TypeError, KeyError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
            # A mind that sees things wrongly may compare a word with a number, and what was left out may be
            # needed later; whoever is sane and does it all must not fail so.
            if mind is SANE and self.manner.skip is does_all:
                raise
            raise StuckError(f"{type(error).__name__}: {error}") from error
        yield from self._report_done()
        for _ in range(3):
            if self.episode.done:
                return
            yield self.voice.anything_else()

    def _serve(self, mind: Mind) -> Talk:
        """Do what the program asks for, request by request."""
        judge = (self.manner.judge or well_informed)(self.episode)
        steps = interpret(self._program(), judge, mind)
        result: Any = None
        while True:
            try:
                request = steps.send(result)
            except StopIteration:
                return
            result = None if self.manner.skip(request) else (yield from self._meet(request))

    def _program(self) -> Program:
        program, card = self.episode.task.program, self.card
        several = card.told == len(card.wishes) > 1
        return late_first(program) if self.manner.late_first and several else program

    def _meet(self, request: Request) -> Talk:
        goal = request.goal
        if goal and goal != self.goal:
            yield from self._report_done()
            self.goal = goal
        if request.kind in ("write", "decline", "report") and self.asides and not self.episode.done:
            yield self.asides.pop(0)
        match request.kind:
            case "slot":
                yield from self._learn(request.node)  # type: ignore[arg-type]
            case "read":
                return (yield from self._read(request))
            case "write":
                return (yield from self._write(request))
            case "decline":
                yield from self._decline(request)
            case "report":
                yield from self._answer(request)
        return None

    def heard(self) -> list[str]:
        """Everything that the customer has said."""
        return [
            message["content"]
            for message in self.episode.messages
            if message["role"] == "user" and "name" not in message
        ]

    def _knows(self, slot: Slot) -> bool:
        if slot.opening:
            return self._of_first(slot) or self._raised(slot.goal)
        return any(slot.said.lower() in text.lower() for text in self.heard())

    def _of_first(self, slot: Slot) -> bool:
        """Whether a fact is about the customer or the first want."""
        return not slot.goal or want_of(slot.goal) == want_of(self.card.wishes[0].goal)

    def _wish(self, goal: str) -> Wish:
        """Return the wish of a goal, or one that was brought up with it."""
        mine = [wish for wish in self.card.wishes if want_of(wish.goal) == want_of(goal)]
        return next((wish for wish in mine if wish.goal == goal), mine[0])

    def _raised(self, goal: str) -> bool:
        """Whether the customer has brought this wish up."""
        says = self._wish(goal).says.lower()
        return any(says in text.lower() for text in self.heard())

    def _needed(self) -> list[Slot]:
        """What is not known yet of what the first wish needs."""
        slots = self.episode.task.program.slots()
        return [slot for slot in slots if self._of_first(slot) and not self._knows(slot)]

    def _ask(self, slots: Sequence[Slot]) -> Talk:
        labels = list(dict.fromkeys(self.labels[slot.name] for slot in slots))
        if labels:
            yield self.voice.ask(labels)

    def _learn(self, slot: Slot) -> Talk:
        for _ in range(2):
            if self._knows(slot):
                return
            yield from self._ask([slot])
        if not self._knows(slot):
            raise StuckError(f"the customer never said {slot.said!r} when asked for the {slot.name}")

    def _call(self, name: str, arguments: Any, retries: int = 0) -> Talk:
        """Make one call, again where the tool is busy, and return its result as an agent reads it."""
        step = yield self.manner.call(name, show_arguments(arguments))
        while step.error == "unavailable" and retries:
            retries -= 1
            step = yield self.manner.call(name, show_arguments(arguments))
        text = step.results[0]
        if step.error:
            raise StuckError(f"{name} was refused: {text}")
        return parse_trusted_exact(text) if text[:1] in ("{", "[") else text

    def _read(self, request: Request) -> Talk:
        if self.manner.clumsy and request.name not in self.fumbled:
            self.fumbled.add(request.name)
            yield '{"name": "' + request.name
            yield plain_call(f"{request.name}s", "{}")
            yield plain_call(request.name, '{"nonsense":1}')
        result = yield from self._call(request.name, request.arguments, request.retries)
        if self.manner.curious and request.name not in self.doubted:
            self.doubted.add(request.name)
            yield from self._call(request.name, request.arguments)
            for tool in self.episode.domain.tools:
                if tool.effect == "read" and not tool.parameters:
                    yield plain_call(tool.name, "{}")
        return result

    def _write(self, request: Request) -> Talk:
        # Whoever takes a look-alike for the tool says what the tool would do.
        meant = getattr(request.node, "tool", request.name)
        deed = self.episode.domain.describe(meant, request.arguments or {})
        if self.manner.confirms:
            yield from self._agree(deed)
        result = yield from self._call(request.name, request.arguments, request.retries)
        self.deeds.append(deed)
        return result

    def _agree(self, deed: Description) -> Talk:
        """Ask for a yes until it is given; a customer who never agrees is a fault of the task."""
        for _ in range(3):
            yield self.voice.confirm([deed])
            events = self.episode.steps[-1].events
            if any(event["type"] == "confirmed" for event in events):
                return
            if self.episode.done:
                break
        raise StuckError(f"the customer did not agree to {deed.action!r}: {self.heard()[-1]!r}")

    def _decline(self, request: Request) -> Talk:
        node = request.node
        yield from self._call(request.name, request.arguments, request.retries)
        if not isinstance(node, Decline) or request.arguments is None:
            return
        values, _ = self.episode.rules()
        reason = self.episode.domain.reason(node.rule, request.arguments["facts"], values)
        which = self._which(request)
        for _ in range(self.card.insists + 2):
            if self.episode.done or self._settled(request.goal):
                return
            yield self.voice.deny(reason, which)

    def _which(self, request: Request) -> str:
        """Return which of several open requests is declined, "" if there is only one."""
        talk = self.episode.talk
        others = [wish for wish in self.card.wishes[: talk.told] if wish.goal not in talk.settled]
        if len(others) < 2:
            return ""
        subject = next(
            (str(value) for value in (request.arguments or {}).values() if isinstance(value, str)), ""
        )
        return f"{self._wish(request.goal).words[0]}, {subject}"

    def _answer(self, request: Request) -> Talk:
        node = request.node
        if isinstance(node, Report) and request.arguments is not None:
            value = request.arguments["value"]
            yield self.voice.answer(node.subject, dollars_text(value) if node.money else str(value))

    def _settled(self, goal: str) -> bool:
        """Whether the customer has moved on from this wish: said so, or brought up the next."""
        return goal in self.episode.talk.settled

    def _report_done(self) -> Talk:
        if self.deeds:
            deeds, self.deeds = self.deeds, []
            yield self.voice.done(deeds)
