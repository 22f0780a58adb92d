"""Whether dialogues complete with an oracle that speaks freely: ``python -m benchmarks.dialogues``.

Every task is played once in every style of ``phrasings.json`` (``--phrasings FILE`` takes another file of
that form), with a disturbance drawn per dialogue: a wrong summary that the customer has to correct before it
says yes, a question for what was said already, several questions at once, a courtesy, a pause, an offer of
more help with a report. A dialogue completes if its verdict passes, every write was agreed to, and the
customer saw through the wrong summary.

Prints one JSON object: ``n``, ``completed``, ``share``, the shares ``by_style``, ``by_disturbance`` and
``by_intent``, and ``failures``, how often for each reason. ``--show K`` prints K failed talks on stderr.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from benchmarks.spoiling import corrupted
from simenv.agents.oracle import Manner, Oracle, Talk
from simenv.agents.protocol import Play, StuckError, play
from simenv.core.domain import Description
from simenv.core.draws import Draws
from simenv.core.interpreter import Request
from simenv.core.pack import SPLITS, bundled, read_pack
from simenv.core.program import Decline, Slot
from simenv.core.task import Task
from simenv.episodes.episode import Episode

PHRASINGS = Path(__file__).with_name("phrasings.json")
DISTURBANCES = {
    "none": 2,
    "wrong_summary": 6,
    "reask": 2,
    "three_questions": 2,
    "courtesy": 2,
    "anything_else": 2,
    "wait": 2,
}
"""What may happen in a dialogue, with its weight."""

_COURTESIES = (
    "You're welcome! I'm glad to be of help.",
    "Thank you for contacting us today.",
    "Thanks for your patience, I really appreciate it!",
)
_WAITS = (
    "Let me check that for you, one moment please.",
    "Please hold on while I look into this.",
    "Give me a second, I'm pulling up your details.",
)
_ODD_SLOTS = ("date_of_birth", "name", "insurance", "bags", "cabin", "payment_method", "cancel_reason")
_REFUSED = {
    "book_reservation": "book this trip",
    "cancel_reservation": "cancel {reservation}",
    "update_reservation_flights": "change the flights of {reservation}",
    "update_reservation_baggages": "update the bags of {reservation}",
    "update_reservation_passengers": "correct the passenger names of {reservation}",
    "send_certificate": "send you a certificate as compensation",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)\b")


class MisledError(StuckError):
    """The customer did not see through a wrong summary."""


@dataclass(frozen=True, slots=True)
class Phrasings:
    """How agents say things: templates by style and act, labels by slot and by summary key."""

    styles: Mapping[str, Mapping[str, Sequence[str]]]
    slots: Mapping[str, Sequence[str]]
    summary_labels: Mapping[str, Sequence[str]]

    @staticmethod
    def read(path: Path) -> "Phrasings":
        """Read a file of phrasings."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return Phrasings(data["styles"], data["slots"], data["summary_labels"])


@dataclass(frozen=True, slots=True)
class FreeVoice:
    """Speaks the templates of one style.

    Attributes:
        phrasings: Where they stand.
        style: Which.
        draws: Where choices are drawn.
        clock: How many messages there are so far; with the act it addresses a choice.
        refused: What it says no to, as a verb phrase.
        act: How it puts a summary: ``confirm`` or, for the second time, ``correct``.
    """

    phrasings: Phrasings
    style: str
    draws: Draws
    clock: Callable[[], int]
    refused: str = "do that"
    act: str = "confirm"

    def ask(self, labels: Sequence[str]) -> str:
        """Ask for facts."""
        return self._say("ask", _fields("slots", labels))

    def again(self, labels: Sequence[str]) -> str:
        """Ask for facts once more."""
        return self._say("reask", _fields("slots", labels))

    def confirm(self, deeds: Sequence[Description]) -> str:
        """Say what will be done and ask for a yes."""
        return self._say(self.act, self._deeds(deeds))

    def done(self, deeds: Sequence[Description]) -> str:
        """Report what was done."""
        return self._say("done", self._deeds(deeds))

    def deny(self, reason: str, request: str = "") -> str:
        """Say that the request cannot be met, and why; which one, where it does not say so anyway."""
        named = not request or any(part in self.refused for part in request.split(", "))
        action = self.refused if named else f"{self.refused} ({request})"
        return self._say("deny", {"action": action, "reason": reason})

    def answer(self, subject: str, value: str) -> str:
        """Answer a question."""
        return self._say("answer", {"subject": f"the {subject}", "value": value})

    def anything_else(self) -> str:
        """Ask whether there is more."""
        return self._say("anything_else", {})

    def label(self, slot: str, fallback: str) -> str:
        """Return what a fact is called this time."""
        return self._at("slot", slot).choice(self.phrasings.slots.get(slot, (fallback,)))

    def _deeds(self, deeds: Sequence[Description]) -> dict[str, str]:
        lines = [f"{self._key(key)}: {value}" for deed in deeds for key, value in deed.summary]
        named = {
            "action": " and ".join(deed.action for deed in deeds),
            "action_past": " and ".join(deed.past for deed in deeds),
        }
        return named | _fields("summary", lines)

    def _key(self, key: str) -> str:
        labels = self.phrasings.summary_labels.get(key, (key.replace("_", " "),))
        return self._at("summary", key).choice(labels)

    def _at(self, *parts: str) -> Draws:
        return self.draws.at(*parts, self.clock())

    def _say(self, act: str, fields: Mapping[str, str]) -> str:
        text = self._at(act).choice(self.phrasings.styles[self.style][act])
        for name, value in fields.items():
            text = text.replace(f"{{{name}}}", value)
        text = re.sub(r"(?:^|[.!?] |\n)[a-z]", lambda match: match[0].upper(), text)
        # An action that opens with a bracket is a call and would never be heard.
        return f"Message: {text}" if text[0] in "[{" else text


def _fields(name: str, parts: Sequence[str]) -> dict[str, str]:
    """Return a list in the forms that templates ask for."""
    joint = " and " if name == "slots" else ", "
    inline = ", ".join(parts[:-1]) + (joint if len(parts) > 1 else "") + parts[-1] if parts else ""
    return {
        f"{name}_inline": inline,
        f"{name}_bullets": "\n".join(f"- {part}" for part in parts),
        f"{name}_numbered": "\n".join(f"{number}. {part}" for number, part in enumerate(parts, 1)),
    }


class FreeOracle(Oracle):
    """An oracle that speaks freely and is disturbed once."""

    def __init__(self, episode: Episode, voice: FreeVoice, disturbance: str) -> None:
        super().__init__(episode, Manner(voice=voice))
        self.free, self.disturbance = voice, disturbance
        self.draws = voice.draws.at("disturbance")
        self.happened = False

    def _due(self, disturbance: str) -> bool:
        """Whether this is the place for the dialogue's disturbance."""
        due = self.disturbance == disturbance and not self.happened
        self.happened = self.happened or due
        return due

    @override
    def run(self) -> Play:
        """Yield the oracle's actions."""
        if self._due("wait"):
            yield self.draws.choice(_WAITS)
        if self._due("courtesy"):
            yield self.draws.choice(_COURTESIES)
        yield from super().run()

    @override
    def _ask(self, slots: Sequence[Slot]) -> Talk:
        names = list(dict.fromkeys(slot.name for slot in slots))
        if names and self._due("three_questions"):
            others = [name for name in _ODD_SLOTS if name not in names]
            names = self.draws.shuffled([*names, *self.draws.sample(others, 2)])
        if names:
            yield self.free.ask([self.free.label(name, self.labels[name]) for name in names])

    @override
    def _learn(self, slot: Slot) -> Talk:
        yield from super()._learn(slot)
        if not slot.opening and self._due("reask"):
            yield self.free.again([self.free.label(slot.name, self.labels[slot.name])])
            if slot.said.lower() not in self.heard()[-1].lower():
                raise StuckError(f"the customer did not repeat the {slot.name}")

    @override
    def _agree(self, deed: Description) -> Talk:
        shown = self._shown(deed)
        if self.disturbance == "wrong_summary" and not self.happened:
            wrong = corrupted(shown, self.draws)
            if wrong is not None:
                self.happened = True
                yield self.free.confirm([wrong[1]])
                self._check(wrong[0])
                self.free = self.voice = replace(self.free, act="correct")
        yield from super()._agree(shown)
        self.free = self.voice = replace(self.free, act="confirm")

    def _check(self, what: str) -> None:
        """See whether the customer corrected the last message."""
        kinds = {event["type"] for event in self.episode.trajectory().steps[-1].events}
        if "confirmed" in kinds:
            raise MisledError(f"agreed to a wrong summary: {what}")
        if "corrected" not in kinds:
            raise MisledError(f"did not correct a wrong summary: {what}")

    @override
    def _decline(self, request: Request) -> Talk:
        node = request.node
        if isinstance(node, Decline) and request.arguments is not None:
            reservation = f"reservation {request.arguments['reservation_id']}"
            deed = next(
                (_REFUSED[tool] for tool in self._wish(node.goal).tools if tool in _REFUSED), "do that"
            )
            refused = deed.format(reservation=reservation)
            self.free = self.voice = replace(self.free, refused=refused)
        yield from super()._decline(request)

    @override
    def _report_done(self) -> Talk:
        if self.deeds and self._due("anything_else"):
            deeds, self.deeds = self.deeds, []
            yield f"{self.voice.done(deeds)}\n\n{self.voice.anything_else()}"
        yield from super()._report_done()

    def _shown(self, deed: Description) -> Description:
        """Write values as agents write them: dates in words, cards by their last four digits."""
        in_words, by_card, cased = (
            self.draws.at("shown", key).chance(50) for key in ("date", "card", "case")
        )
        cards = {str(row[0]): f"{row[1]} ending in {row[2]}" for row in self.episode.world().rows(_CARDS)}

        def show(key: str, value: str) -> tuple[str, str]:
            if in_words:
                value = _ISO.sub(lambda m: f"{_MONTHS[int(m[2]) - 1]} {int(m[3])}, {m[1]}", value)
            if by_card:
                value = re.sub(r"credit_card_\d+", lambda m: cards.get(m[0], m[0]), value)
            return key, value.title() if cased and key == "cabin" else value

        return replace(deed, summary=tuple(show(key, value) for key, value in deed.summary))


_CARDS = "SELECT payment_id, brand, last_four FROM payment_methods WHERE source = 'credit_card'"


@dataclass(frozen=True, slots=True)
class Result:
    """How one dialogue went; ``reason`` is empty if it completed."""

    task: Task
    style: str
    disturbance: str
    reason: str
    talk: str


def dialogue(task: Task, style: str, phrasings: Phrasings) -> Result:
    """Play one dialogue."""
    episode = Episode(task)
    draws = Draws("dialogues", task.id, style)
    disturbance = draws.at("which").weighted(list(DISTURBANCES), list(DISTURBANCES.values()))
    voice = FreeVoice(phrasings, style, draws, lambda: len(episode.messages))
    agent = FreeOracle(episode, voice, disturbance)
    try:
        play(episode, lambda _: agent.run())
        reason = _judged(episode)
    except StuckError as fault:
        reason = _short(str(fault))
    happened = disturbance if agent.happened else "none"
    lines = [
        f"{m['role']}: {m['content']}" for m in episode.messages[1:] if m["role"] in ("user", "assistant")
    ]
    return Result(task, style, happened, reason, "\n".join(lines))


def _judged(episode: Episode) -> str:
    verdict = episode.verdict()
    if not verdict.passed:
        why = episode.trajectory().why
        return f"the customer hung up ({why})" if why == "patience" else _short(verdict.reason)
    return ", ".join(f"breach of {rule}" for rule in verdict.process.breaches)


def _short(text: str) -> str:
    """Leave out what differs from task to task."""
    return re.sub(r"['\"].*['\"]|, first .*", "...", text, flags=re.DOTALL)


def spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """Return ``count`` tasks, of every intent as many as of any other."""
    by_intent: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_intent[task.intent].append(task)
    rounds = max((len(group) for group in by_intent.values()), default=0)
    order = [group[at] for at in range(rounds) for _, group in sorted(by_intent.items()) if at < len(group)]
    return order[:count]


def results(tasks: Sequence[Task], phrasings: Phrasings) -> Iterator[Result]:
    """Play every task in every style."""
    for task in tasks:
        for style in phrasings.styles:
            yield dialogue(task, style, phrasings)


def summary(played: Sequence[Result]) -> dict[str, Any]:
    """Return the printed object."""

    def shares(key: Callable[[Result], str]) -> dict[str, float]:
        groups: dict[str, list[bool]] = defaultdict(list)
        for result in played:
            groups[key(result)].append(not result.reason)
        return {name: round(sum(hits) / len(hits), 4) for name, hits in sorted(groups.items())}

    completed = sum(not result.reason for result in played)
    return {
        "n": len(played),
        "completed": completed,
        "share": round(completed / len(played), 4) if played else 0.0,
        "by_style": shares(lambda result: result.style),
        "by_disturbance": shares(lambda result: result.disturbance),
        "by_intent": shares(lambda result: result.task.intent),
        "failures": dict(Counter(result.reason for result in played if result.reason).most_common()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dialogues", description="Do dialogues complete?"
    )
    parser.add_argument("--tasks", type=int, default=68, help="how many tasks, spread over all intents")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which bundled pack")
    parser.add_argument("--pack", type=Path, help="another pack")
    parser.add_argument("--phrasings", type=Path, default=PHRASINGS, help="another file of phrasings")
    parser.add_argument("--show", type=int, default=0, help="how many failed talks to print on stderr")
    options = parser.parse_args(arguments)
    pack = read_pack(options.pack) if options.pack else bundled("airline", options.split)
    tasks = spread([pack.at(index) for index in range(len(pack))], options.tasks)
    played = list(results(tasks, Phrasings.read(options.phrasings)))
    failed = [result for result in played if result.reason]
    for result in failed[: options.show]:
        place = f"{result.task.intent}, {result.style}, {result.disturbance}"
        print(f"\n##### {result.reason} ({place})\n{result.talk}", file=sys.stderr)
    print(json.dumps(summary(played)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
