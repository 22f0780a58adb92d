"""How an oracle puts things to a customer."""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from simenv.core.domain import Description


class Voice(Protocol):
    """Everything that an oracle says in words."""

    def ask(self, labels: Sequence[str]) -> str:
        """Ask for facts."""

    def confirm(self, deeds: Sequence[Description]) -> str:
        """Say what will be done and ask for a yes."""

    def done(self, deeds: Sequence[Description]) -> str:
        """Report what was done."""

    def deny(self, reason: str, request: str = "") -> str:
        """Say that a request cannot be met, and why; which one, where there are several."""

    def answer(self, subject: str, value: str) -> str:
        """Answer a question."""

    def anything_else(self) -> str:
        """Ask whether there is more."""


class PlainVoice:
    """Short and polite."""

    def ask(self, labels: Sequence[str]) -> str:
        """Ask for facts."""
        return f"Could you please tell me {_and([f'your {label}' for label in labels])}?"

    def confirm(self, deeds: Sequence[Description]) -> str:
        """Say what will be done and ask for a yes."""
        lines = [f"- {_words(key)}: {value}" for deed in deeds for key, value in deed.summary]
        actions = _and([deed.action for deed in deeds])
        return "\n".join([f"I am going to {actions}:", *lines, "Shall I go ahead?"])

    def done(self, deeds: Sequence[Description]) -> str:
        """Report what was done."""
        return f"I have {_and([deed.past for deed in deeds])}."

    def deny(self, reason: str, request: str = "") -> str:
        """Say that a request cannot be met, and why; which one, where there are several."""
        what = f"what you asked for ({request})" if request else "that"
        return f"I'm sorry, but I can't do {what}: {reason}."

    def answer(self, subject: str, value: str) -> str:
        """Answer a question."""
        return f"The {subject} is {value}."

    def anything_else(self) -> str:
        """Ask whether there is more."""
        return "Is there anything else I can help you with?"


class WarmVoice:
    """The same in more and other words."""

    def ask(self, labels: Sequence[str]) -> str:
        """Ask for facts."""
        listed = "\n".join(f"{number}. Your {label}" for number, label in enumerate(labels, 1))
        return (
            f"I'd be happy to help you with that! To get started, please provide the following:\n\n{listed}"
        )

    def confirm(self, deeds: Sequence[Description]) -> str:
        """Say what will be done and ask for a yes."""
        lines = [
            f"- **{_words(key).capitalize()}**: {value}" for deed in deeds for key, value in deed.summary
        ]
        actions = _and([deed.action for deed in deeds])
        return "\n".join(
            [f"Thank you! Here is what I would do: {actions}.", "", *lines, "", "Do you confirm (yes/no)?"]
        )

    def done(self, deeds: Sequence[Description]) -> str:
        """Report what was done."""
        return f"All set! I have successfully {_and([deed.past for deed in deeds])}."

    def deny(self, reason: str, request: str = "") -> str:
        """Say that a request cannot be met, and why; which one, where there are several."""
        what = f"what you asked for ({request})" if request else "this"
        return f"I understand how you feel, but unfortunately I am unable to do {what}, because {reason}."

    def answer(self, subject: str, value: str) -> str:
        """Answer a question."""
        return f"Thanks for your patience. I have checked: the {subject} is **{value}**."

    def anything_else(self) -> str:
        """Ask whether there is more."""
        return "If there is anything else you need, just let me know!"


class TerseVoice:
    """As few words as will do, for the compact face."""

    def ask(self, labels: Sequence[str]) -> str:
        """Ask for facts."""
        return " ".join(f"{label[:1].upper()}{label[1:]}?" for label in labels)

    def confirm(self, deeds: Sequence[Description]) -> str:
        """Say what will be done and ask for a yes."""
        said = [f"{deed.action} ({', '.join(value for _, value in deed.summary)})" for deed in deeds]
        return f"Shall I {_and(said)}?"

    def done(self, deeds: Sequence[Description]) -> str:
        """Report what was done."""
        return f"Done: {_and([deed.past for deed in deeds])}."

    def deny(self, reason: str, request: str = "") -> str:
        """Say that a request cannot be met, and why; which one, where there are several."""
        what = f"that ({request})" if request else "that"
        return f"I can't do {what}: {reason}."

    def answer(self, subject: str, value: str) -> str:
        """Answer a question."""
        return f"The {subject} is {value}."

    def anything_else(self) -> str:
        """Ask whether there is more."""
        return "Anything else?"


class VagueVoice(PlainVoice):
    """Asks for a yes without saying to what: no customer should give it."""

    @override
    def confirm(self, deeds: Sequence[Description]) -> str:
        """Ask for a yes."""
        return "Are you sure?"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
