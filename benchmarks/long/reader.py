"""A scripted agent for long tasks that reads only what it is shown, in the compact face.

Before every action it reads the messages anew and keeps nothing in between, like a model: what it needs must
stand in view, in a note, or behind a cut line that it can recall; else it has to ask the environment again.
"""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from simenv.agents.long import Shown
from simenv.agents.oracle import plain_call
from simenv.agents.protocol import StuckError
from simenv.core.canonical import canonical
from simenv.episodes.chat import Message
from simenv.episodes.episode import Step

NOTE_EVERY = 4
"""After so many reservations it notes what they came to."""
_USER = re.compile(r"\b[a-z]+(?:_[a-z]+)+_\d+\b")
_CUT = re.compile(
    r"^\[cut: (\w+) (\{.*?\}) gave \d+ characters(?:; call recall (\{.*?\}) to see it again)?\]$"
)
_SAID = re.compile(r'^\[step \d+: (you|customer): ("(?:[^"\\]|\\.)*")')
_COUNTED = re.compile(r"^(\d+) reservations counted, total \$(-?[\d.]+)$")
_PROFILE = re.compile(r"^the profile is step (\d+)$")
_WISH = re.compile(r"make it (\d+) checked bags in reservation (\w+)")
_CARD = re.compile(r"^(credit_card_\d+)\t.*\b(?:last_four=)?(\d{4})$", re.MULTILINE)


@dataclass(slots=True)
class View:
    """What stands in the messages.

    Attributes:
        policy: The numbers of the rules, as lines.
        customer: What the customer has said, the oldest first.
        own: What the agent has said.
        notes: The notes, the oldest first.
        profile: The customer's profile, or "" if it is not in view.
        reservations: Reservation id to its record, as far as they are in view.
        cut: (tool, argument) to the arguments that recall it, or None where there is no recall.
        whole: Whether nothing was cut so far.
        acted: How many actions of the environment are in view as messages.
        profile_step: Which of these gave the profile, from 1; 0 if none in view did.
        written: Whether the bags were booked.
    """

    policy: list[str] = field(default_factory=list)
    customer: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    profile: str = ""
    reservations: dict[str, str] = field(default_factory=dict)
    cut: dict[tuple[str, str], str] = field(default_factory=dict)
    whole: bool = True
    acted: int = 0
    profile_step: int = 0
    written: bool = False


def read(messages: Sequence[Message]) -> View:
    """Return what stands in the messages."""
    view = View(policy=messages[0]["content"].split("\n"))
    for message in messages[1:]:
        if message.get("name") == "environment":
            _read_memory(view, message["content"].split("\n"))
        elif message["role"] == "user":
            view.customer.append(message["content"])
        elif message["role"] == "assistant":
            _read_own(view, message)
        else:
            _read_result(view, message["name"], message["content"])
    return view


def _read_memory(view: View, lines: Sequence[str]) -> None:
    for line in lines:
        if line.startswith('- "'):
            view.notes.append(json.loads(line[2:]))
        elif found := _CUT.match(line):
            tool, arguments, again = found.groups()
            value = next(iter(json.loads(arguments).values()), "")
            view.cut[tool, str(value)] = again or ""
        elif said := _SAID.match(line):
            (view.own if said[1] == "you" else view.customer).append(json.loads(said[2]))
        view.written |= "update_reservation_baggages {" in line
        view.whole &= not line.startswith(("[cut: ", "[step "))


def _read_own(view: View, message: Message) -> None:
    calls = [call["function"] for call in message.get("tool_calls", ())]
    names = [call["name"] for call in calls]
    view.notes.extend(json.loads(call["arguments"])["text"] for call in calls if call["name"] == "note")
    view.acted += not {"note", "recall"} & set(names)
    if not calls:
        view.own.append(message["content"])
    view.written |= "update_reservation_baggages" in names
    if "get_user_details" in names:
        view.profile_step = view.acted


def _read_result(view: View, name: str, text: str) -> None:
    if text.startswith("error ") or name not in ("get_user_details", "get_reservation_details", "recall"):
        return
    if found := re.search(r"^reservation_id=(\w+)$", text, re.MULTILINE):
        view.reservations[found[1]] = text
    elif "\nreservations=" in text:
        view.profile = text


def _field(record: str, name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", record, re.MULTILINE)
    if found is None:
        raise StuckError(f"there is no {name} in {record!r}")
    return found[1]


def _table(record: str, name: str) -> Iterator[list[str]]:
    """Yield the rows of a table of a record."""
    lines = record.split("\n")
    if name in lines:
        for line in lines[lines.index(name) + 2 :]:
            if "=" in line or "\t" not in line:
                return
            yield line.split("\t")


def paid(record: str) -> Decimal:
    """Return what was paid for a reservation, in dollars."""
    return sum((Decimal(row[0]) for row in _table(record, "payment_history")), Decimal(0))


def reader(shown: Shown) -> Generator[str, Step, None]:
    """Play a long task."""
    while True:
        offered = frozenset(schema["function"]["name"] for schema in shown.tools)
        yield _Mind(read(shown.messages), offered).act()


class _Mind:
    """What to do next, from one view."""

    def __init__(self, view: View, offered: frozenset[str]) -> None:
        self.view, self.offered = view, offered

    def act(self) -> str:
        view = self.view
        user = next((found[0] for text in view.customer if (found := _USER.search(text))), "")
        if not user:
            return "Could you please tell me your user ID?"
        if not any(text.startswith("The total cost is") for text in view.own):
            return self._count(user)
        return self._book(user)

    def _fetch(self, tool: str, key: str, value: str) -> str:
        """Return the action that brings a record into view."""
        if "recall" in self.offered:
            if again := self.view.cut.get((tool, value)):
                return plain_call("recall", again)
            noted = next((found for text in self.view.notes if (found := _PROFILE.match(text))), None)
            if noted and tool == "get_user_details":
                return plain_call("recall", canonical({"step": int(noted[1])}))
        return plain_call(tool, canonical({key: value}))

    def _count(self, user: str) -> str:
        """Add up what every reservation cost."""
        view = self.view
        if not view.profile:
            return self._fetch("get_user_details", "user_id", user)
        noted = any(_PROFILE.match(text) for text in view.notes)
        if "note" in self.offered and view.whole and view.profile_step and not noted:
            return plain_call("note", canonical({"text": f"the profile is step {view.profile_step}"}))
        counted, total = 0, Decimal(0)
        for text in view.notes:
            if found := _COUNTED.match(text):
                counted, total = int(found[1]), Decimal(found[2])
        ids, before = _field(view.profile, "reservations").split(","), counted
        while counted < len(ids) and ids[counted] in view.reservations:
            total += paid(view.reservations[ids[counted]])
            counted += 1
        if counted == len(ids):
            return f"The total cost is ${total:,.2f}."
        if "note" in self.offered and counted - before >= NOTE_EVERY:
            return plain_call("note", canonical({"text": f"{counted} reservations counted, total ${total}"}))
        return self._fetch("get_reservation_details", "reservation_id", ids[counted])

    def _book(self, user: str) -> str:
        """Do what the customer wants besides."""
        view = self.view
        wish = next((found for text in view.customer if (found := _WISH.search(text))), None)
        four = next(
            (found[1] for text in view.customer if (found := re.search(r"ending in (\d{4})", text))), ""
        )
        if view.own[-1].startswith("I have updated") or wish is None:
            return "Is there anything else I can help you with?"
        if not four:
            return "Could you please tell me your payment method?"
        at = wish[2]
        if view.written:
            return f"I have updated the bags of reservation {at}."
        if not view.profile:
            return self._fetch("get_user_details", "user_id", user)
        if at not in view.reservations:
            return self._fetch("get_reservation_details", "reservation_id", at)
        card = next(card for card, digits in _CARD.findall(view.profile) if digits == four)
        arguments = self._bags(int(wish[1]), at, card)
        if not view.own[-1].endswith("Shall I go ahead?"):
            return (
                f"I am going to update the bags of reservation {at}:\n- reservation id: {at}\n"
                f"- bags: {wish[1]} checked bags\n- payment: {card}\nShall I go ahead?"
            )
        return plain_call("update_reservation_baggages", canonical(arguments))

    def _bags(self, bags: int, at: str, card: str) -> dict[str, Any]:
        record = self.view.reservations[at]
        people = len(list(_table(record, "passengers")))
        cabins = next(line for line in self.view.policy if line.startswith("free_bags")).split("\t")[1:]
        tier = _field(self.view.profile, "membership")
        row = next(line for line in self.view.policy if line.startswith(f"{tier}\t")).split("\t")[1:]
        free = int(row[cabins.index(_field(record, "cabin"))]) * people
        return {
            "nonfree_baggages": max(0, bags - free),
            "payment_id": card,
            "reservation_id": at,
            "total_baggages": bags,
        }
