"""A window on a long conversation: what is shown of it always fits a budget of tokens.

The view is the policy, the customer's opening, a memory, and the latest turns whole. When it outgrows its
budget, many older turns are cut at once, each to a line of the memory that says what it was and the call that
brings it back. Between cuts the view is only ever appended to; policy and opening never change. Everything
here is a function of what was heard.

Two calls are answered here and never reach the environment: ``recall`` shows again what was cut, ``note``
keeps words in view. Each has a limit; beyond it the call goes to the environment, where no such tool is
known and the mistake costs a step. So an agent cannot stay in its memory for ever.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from simenv.core.canonical import canonical
from simenv.core.errors import ToolError, UsageError
from simenv.episodes.actions import Call, parse, show_arguments
from simenv.episodes.chat import Message, assistant, environment, tool_result
from simenv.episodes.digests import Turn, lines_of, merged

Count = Callable[[Message], int]
"""How many tokens a message takes in a prompt, with what stands around it."""
RECALL, NOTE = "recall", "note"
_SCHEMAS: dict[str, dict[str, Any]] = {
    RECALL: {
        "name": RECALL,
        "description": "Show again, to the letter, what a step brought that was cut. Costs no step.",
        "parameters": {
            "type": "object",
            "properties": {
                "step": {
                    "type": "integer",
                    "description": "The number of the step, as the cut line gives it.",
                },
                "part": {
                    "type": "integer",
                    "description": "Which of several results, from 1; 0 for your own action. By default 1.",
                },
            },
            "required": ["step"],
            "additionalProperties": False,
        },
    },
    NOTE: {
        "name": NOTE,
        "description": "Write a short note that stays in view when older results are cut. Costs no step.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "One or two sentences."}},
            "required": ["text"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What an agent may do to remember.

    Attributes:
        recalls: How many ``recall`` calls are answered; 0 for none, and then the tool is not offered.
        notes: How many ``note`` calls are answered; 0 for none, and then the tool is not offered.
        note_characters: The length of one note, at most.
        note_share: The notes together take at most one part in so many of the budget; the oldest are dropped.
        keep_share: A cut goes down to one part in so many of the budget.
    """

    recalls: int = 40
    notes: int = 60
    note_characters: int = 240
    note_share: int = 8
    keep_share: int = 2

    def __post_init__(self) -> None:
        if min(self.recalls, self.notes) < 0:
            raise UsageError(f"recalls and notes are integers >= 0, got {self.recalls} and {self.notes}")
        if min(self.note_characters, self.note_share) < 1 or self.keep_share < 2:
            raise UsageError(
                "note_characters and note_share are integers >= 1 and keep_share >= 2, got "
                f"{self.note_characters}, {self.note_share} and {self.keep_share}"
            )

    @property
    def limits(self) -> dict[str, int]:
        """How many calls of each tool are answered."""
        return {RECALL: self.recalls, NOTE: self.notes}

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Schemas of the tools that are offered, in the OpenAI function format."""
        return [
            {"type": "function", "function": _SCHEMAS[name]} for name, most in self.limits.items() if most
        ]


class OpeningError(UsageError):
    """The opening of an episode alone takes too much of a window.

    Attributes:
        needed: The smallest budget that would do, in tokens.
    """

    def __init__(self, message: str, needed: int = 0) -> None:
        super().__init__(message)
        self.needed = needed


class Context:
    """The conversation as an agent is shown it.

    It is told the messages that open an episode and then, action by action, what was heard; it holds no
    episode, so the episode may be played elsewhere.

    Args:
        opening: The messages at reset, the policy first.
        budget_tokens: What ``view`` may take, at most: the window less the longest answer.
        count: How many tokens a message takes.
        memory: What the agent may do to remember.

    Raises:
        UsageError: If there is no system message.
        OpeningError: If the opening alone takes more than half of the budget.
    """

    def __init__(
        self, opening: Sequence[Message], budget_tokens: int, count: Count, *, memory: Memory | None = None
    ) -> None:
        if not opening or opening[0]["role"] != "system":
            raise UsageError("a conversation opens with the system message")
        self.budget_tokens, self.memory = budget_tokens, memory or Memory()
        self._count, self._policy, self._opening = count, opening[0], tuple(opening[1:])
        self._turns: list[Turn] = []
        self._costs: list[int] = []
        self._briefs: dict[int, tuple[list[str], int]] = {}
        self._notes: list[str] = []
        self._used = {RECALL: 0, NOTE: 0}
        self._first = 0
        self._steps: list[Turn] = []
        self.epoch = 0
        self._view = self._shown([])
        self._tokens = self._total(self._view)
        if 2 * self._tokens > budget_tokens:
            raise OpeningError(
                f"the opening alone takes {self._tokens} tokens; give a budget of at least "
                f"{2 * self._tokens}, got {budget_tokens}",
                2 * self._tokens,
            )

    @property
    def view(self) -> tuple[Message, ...]:
        """What the agent is shown now; append-only while ``epoch`` stays the same."""
        return tuple(self._view)

    @property
    def tokens(self) -> int:
        """What the view takes."""
        return self._tokens

    @property
    def full(self) -> bool:
        """Whether the view is beyond the budget though all that can be cut was: the agent cannot go on."""
        return self._tokens > self.budget_tokens

    @property
    def head(self) -> int:
        """How many messages of the view stand before the first turn that is shown whole."""
        return len(self._view) - sum(len(self._turns[at].messages) for at in self.whole)

    @property
    def whole(self) -> range:
        """Numbers of the turns that are shown whole; turns are counted from 0, memory calls among them."""
        return range(self._first, len(self._turns))

    @property
    def used(self) -> dict[str, int]:
        """How many calls of each memory tool were answered."""
        return dict(self._used)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes that are kept, the oldest first."""
        return tuple(self._notes)

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Schemas of the memory tools that are offered, in the OpenAI function format."""
        return self.memory.tools

    def shows(self, text: str) -> bool:
        """Whether a text stands in view, as words or in a call."""
        return any(text in part for message in self._view for part in _texts(message))

    def find(self, text: str) -> tuple[int, int] | None:
        """Return step and part of the last message that holds a text, as ``recall`` takes them."""
        for turn in reversed(self._steps):
            for part, message in enumerate(turn.messages):
                if any(text in each for each in _texts(message)):
                    return turn.step, part
        return None

    def fork(self) -> "Context":
        """Return an independent context that goes on from here."""
        other = copy(self)
        for name in ("_turns", "_costs", "_briefs", "_notes", "_used", "_steps", "_view"):
            setattr(other, name, copy(getattr(self, name)))
        return other

    def hear(self, chat: Sequence[Message], *, said: int | None = None) -> None:
        """Take in what an action of the environment brought, the agent's own message first.

        Args:
            chat: The messages.
            said: How many tokens the agent's own message took; by default it is counted.
        """
        turn = Turn(len(self._steps) + 1, tuple(chat))
        self._steps.append(turn)
        self._append(turn, said)

    def answer(self, action: str, *, said: int | None = None) -> tuple[Message, ...] | None:
        """Answer an action that is only about memory, as chat messages; None if it is for the environment.

        Args:
            action: What the agent did.
            said: How many tokens that took; by default it is counted.
        """
        calls = parse(action).calls
        limits = self.memory.limits
        mine = [call for call in calls if limits.get(call.name, 0)]
        if not mine or any(self._used[call.name] >= limits[call.name] for call in mine):
            return None
        for call in mine:
            self._used[call.name] = min(self._used[call.name] + 1, limits[call.name])
        number = len(self._turns)
        ids = [call.id or f"memory_{number}_{at}" for at, call in enumerate(calls)]
        shown = [(i, call.name, show_arguments(call.arguments)) for i, call in zip(ids, calls, strict=True)]
        alone = len(mine) == len(calls)
        results = [
            tool_result(call_id, call.name, self._result(call) if alone else _MIXED)
            for call_id, call in zip(ids, calls, strict=True)
        ]
        chat = (assistant(parse(action).aside, shown), *results)
        self._append(Turn(0, chat), said)
        return chat

    def _result(self, call: Call) -> str:
        try:
            arguments = _checked(call)
            if call.name == NOTE:
                return self._note(arguments["text"])
            return self._recall(arguments["step"], arguments.get("part", 1))
        except ToolError as error:
            return f"error {error.code}: {error}"

    def _recall(self, step: int, part: int) -> str:
        if not 1 <= step <= len(self._steps):
            raise ToolError("not_found", f"There is no step {step}; the last one is {len(self._steps)}.")
        messages = self._steps[step - 1].messages
        if not 0 <= part < len(messages):
            raise ToolError("not_found", f"Step {step} has the parts 0 to {len(messages) - 1}.")
        message = messages[part]
        calls = [call["function"] for call in message.get("tool_calls", ())]
        return canonical(calls) if calls else str(message["content"])

    def _note(self, text: str) -> str:
        if len(text) > self.memory.note_characters:
            raise ToolError("bad_value", f"A note holds at most {self.memory.note_characters} characters.")
        kept, room = [*self._notes, text], self.budget_tokens // self.memory.note_share
        while len(kept) > 1 and self._count(environment(_listed(kept))) > room:
            kept.pop(0)
        dropped = len(self._notes) + 1 - len(kept)
        self._notes = kept
        return "noted" if not dropped else f"noted; the oldest were dropped: {dropped}"

    def _append(self, turn: Turn, said: int | None) -> None:
        self._turns.append(turn)
        own = self._count(turn.messages[0]) if said is None else said
        self._costs.append(own + self._total(turn.messages[1:]))
        self._view.extend(turn.messages)
        self._tokens += self._costs[-1]
        if self._tokens > self.budget_tokens:
            self._cut()

    def _cut(self) -> None:
        """Rewrite the view: fewer whole turns, and lines for the others."""
        self.epoch += 1
        keep = self.budget_tokens // self.memory.keep_share
        last, costs = len(self._turns) - 1, self._costs
        base = self._total(self._shown([]))
        # Half of what is kept beside the opening is for lines, half for whole turns.
        room = max(keep - base, 0)
        lines = self._count(environment("\n".join(self._lines(last, room // 2))))
        first, spent = last, costs[last] + min(lines, room // 2)
        while first > self._first + 1 and spent + costs[first - 1] <= room:
            first -= 1
            spent += costs[first]
        self._first = first
        # The least that can be shown comes last; if that does not fit, the conversation is full.
        for room_of_lines in (room // 2, room // 4, 0):
            self._view = self._shown(self._lines(self._first, room_of_lines))
            self._view.extend(message for turn in self._turns[self._first :] for message in turn.messages)
            self._tokens = self._total(self._view[: self.head]) + sum(self._costs[self._first :])
            if not self.full:
                return
            self._first = last

    def _lines(self, end: int, room: int) -> list[str]:
        """Return a line for each part of the turns before ``end``; the oldest are merged until all fit."""
        cut = [turn for turn in self._turns[:end] if turn.step]
        again = RECALL if self.memory.recalls else ""
        spent, start = 0, len(cut)
        shown: list[str] = []
        while start and spent + self._brief(cut[start - 1], again)[1] <= room:
            start -= 1
            lines, cost = self._brief(cut[start], again)
            shown, spent = [*lines, *shown], spent + cost
        return [merged(cut[:start], again), *shown] if start else shown

    def _brief(self, turn: Turn, again: str) -> tuple[list[str], int]:
        """Return a turn's lines and what they take, worked out once."""
        if turn.step not in self._briefs:
            lines = lines_of(turn, again)
            self._briefs[turn.step] = lines, self._total(map(environment, lines))
        return self._briefs[turn.step]

    def _shown(self, lines: Sequence[str]) -> list[Message]:
        """Return what stands before the whole turns."""
        policy = {
            **self._policy,
            "content": "\n\n".join(filter(None, (self._policy["content"], self._manual()))),
        }
        told = [_listed(self._notes)] if self._notes else []
        if lines:
            told.append("\n".join(["Cut, the oldest first:", *lines]))
        # Not in the policy: what tools and customers have said must not gain its authority.
        memory = [environment("\n\n".join(told))] if told else []
        return [policy, *self._opening, *memory]

    def _manual(self) -> str:
        told = {
            RECALL: f'{RECALL} {{"step": 7}} shows a result again that was cut; {self.memory.recalls} times.',
            NOTE: f'{NOTE} {{"text": "..."}} keeps words in view; {self.memory.notes} times.',
        }
        return "\n".join(told[name] for name in self.memory.limits if self.memory.limits[name])

    def _total(self, messages: Iterable[Message]) -> int:
        return sum(map(self._count, messages))


_MIXED = "error bad_call: recall and note stand alone, without calls of other tools. Nothing was done."


def _checked(call: Call) -> dict[str, Any]:
    """Return the arguments of a memory call.

    Raises:
        ToolError: ``bad_arguments``.
    """
    parameters = _SCHEMAS[call.name]["parameters"]
    given, known = call.arguments, parameters["properties"]
    if not isinstance(given, dict) or set(given) - set(known) or set(parameters["required"]) - set(given):
        raise ToolError("bad_arguments", f"{call.name} takes {', '.join(known)}.")
    for name, value in given.items():
        kind = str if known[name]["type"] == "string" else int
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ToolError("bad_arguments", f"{name}: of type {known[name]['type']}.")
    return given


def _texts(message: Message) -> list[str]:
    """Return what a message says: its words, and names and arguments of its calls."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return [str(message["content"]), *(text for call in calls for text in (call["name"], call["arguments"]))]


def _listed(notes: Sequence[str]) -> str:
    return "\n".join(["Notes:", *(f"- {canonical(note)}" for note in notes)])
