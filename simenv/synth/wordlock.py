"""Locked paraphrases in tasks: a request in other words, where all seven checks hold, else as it was.

What is paraphrased is one request at a time, the text with which the customer asks for one want. It stands
word for word in the opening, or in a later message, so whoever listens for it hears the paraphrase in both.
The greeting, asides and answers stay as the grammar wrote them. The lock line is kept in the certificate:
there P14 reads the original back, runs the seven checks and finds the paraphrase where the original stood.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from simenv.core.canonical import digest
from simenv.core.errors import DataError
from simenv.core.task import Card, Task
from simenv.synth.case import Case
from simenv.synth.certificate import Unproved
from simenv.synth.lockline import Line
from simenv.synth.paraphrase import Leaks, apply, read_lock
from simenv.synth.shortcuts import leaked, secrets_of


class Phrased(NamedTuple):
    """A task with paraphrased requests.

    Attributes:
        task: The task; as it was, if no paraphrase is used.
        lines: The lock lines that are used.
        notes: What became of each request for which there is a paraphrase.
    """

    task: Task
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@lru_cache(maxsize=4)
def read_locked(path: str, told: str) -> Mapping[str, Line]:
    """Return the lines of a lockfile.

    Raises:
        DataError: If it cannot be read, or is not the file that was ordered.
    """
    lines = read_lock(Path(path))
    if digest(Path(path).read_bytes()) != told:
        raise DataError(path, 0, "the file has changed since the command began", "Start the command again")
    return lines


def requests_of(card: Card) -> list[str]:
    """Return the texts with which the customer asks for things."""
    return list(dict.fromkeys(wish.says for wish in card.wishes))


def leaks_of(case: Case) -> Leaks:
    """Return the leak check of a task: whether a text says what P10 keeps secret."""
    secrets, amounts = secrets_of(case)
    return lambda text: bool(leaked(text, secrets, amounts))


def phrased(case: Case, lock: Mapping[str, Line]) -> Phrased:
    """Return a task with its requests in locked words where all seven checks hold."""
    texts = [text for text in requests_of(case.task.card) if digest(text) in lock]
    if not texts:
        return Phrased(case.task, (), ())
    leaks, said, lines, notes = leaks_of(case), {}, [], []
    for text in texts:
        final, reason = apply(text, lock, case.domain.lexicon, leaks)
        notes.append(f"paraphrase: {reason or 'used'}")
        if not reason:
            said[text] = final
            lines.append(lock[digest(text)])
    card = reworded(case.task.card, said)
    return Phrased(case.task.model_copy(update={"card": card}), tuple(lines), tuple(notes))


def reworded(card: Card, said: Mapping[str, str]) -> Card:
    """Return a card with requests in other words, in the opening as in what is said later."""
    opening = card.opening
    for wish in card.wishes[: card.told]:
        if wish.says in said:
            opening = opening.replace(wish.says, said[wish.says], 1)
    wishes = [wish.model_copy(update={"says": said.get(wish.says, wish.says)}) for wish in card.wishes]
    return card.model_copy(update={"opening": opening, "wishes": wishes})


def unworded(original: Task, case: Case, lines: Sequence[Line]) -> Task:
    """Return what the original of a task becomes by its locked paraphrases, each of which passes all checks.

    Raises:
        Unproved: If one fails a check, or is of no request of the task.
    """
    requests, leaks, said = requests_of(original.card), leaks_of(case), {}
    for line in lines:
        if line.fallback not in requests:
            raise Unproved("P14", "a paraphrase of nothing that is said", line.fallback[:160])
        final, reason = apply(line.fallback, {line.original: line}, case.domain.lexicon, leaks)
        if reason or line.original != digest(line.fallback):
            raise Unproved("P14", "a paraphrase fails a check", reason or "lock")
        said[line.fallback] = final
    return original.model_copy(update={"card": reworded(original.card, said)})
