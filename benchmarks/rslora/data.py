"""Lines of a small airline desk: a format to learn first, a style edit and a fact injection.

Words are whole tokens. The format has three kinds of lines: requests that are answered and closed, codes of
four digits told for a key of two signs, and words repeated. In the format a code is fresh each time, so a
model that knows it gives every digit a tenth; a fact fixes the code of a key. The style edit changes the
closing words of a dialogue and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase, digits

import torch
import torch.nn.functional as F
from torch import Tensor

from simenv.core.draws import Draws
from simenv.core.errors import UsageError

PAD, USER, ASSISTANT, END = "<pad>", "<user>", "<assistant>", "<end>"
_CITIES = ("oslo", "lima", "cairo", "seoul", "paris", "quito", "delhi", "miami")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INTENTS = (
    ("please cancel my flight to {city} on {day}", "your flight to {city} on {day} is cancelled ."),
    ("i want my money back for {city} on {day}", "the fare to {city} on {day} will be refunded ."),
    ("add {count} bags to my trip to {city}", "{count} bags now travel with you to {city} ."),
    ("can i sit by the window to {city} on {day}", "a window seat to {city} on {day} is yours ."),
    ("is my {day} flight to {city} late", "the {day} flight to {city} leaves on time ."),
    ("move me to business for {city}", "you now fly business to {city} ."),
)
_CLOSINGS = ("is there anything else i can do ?",)
_STYLED = (
    "safe travels , dear friend of the skies !",
    "fair winds and a soft landing to you !",
    "see you above the clouds , captain !",
)


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in text.split() if "{" not in word}


WORDS = (
    PAD,
    USER,
    ASSISTANT,
    END,
    *digits,
    *ascii_uppercase,
    *sorted(
        _words(*(part for pair in _INTENTS for part in pair), *_CLOSINGS, *_STYLED, *_CITIES, *_DAYS)
        | _words("code repeat")
    ),
)
"""Every token; the padding is the first."""

_ID = {word: at for at, word in enumerate(WORDS)}
_SIGNS = ascii_uppercase + digits
_KEYS = len(_SIGNS) ** 2
_OPEN = [_ID[word] for word in WORDS if word.isalpha() and word.islower()]


@dataclass(frozen=True, slots=True)
class Line:
    """One question and its answer.

    Attributes:
        ids: Tokens.
        answer: Where the answer begins.
        edited: First and behind-last token that an edit changes; the whole answer in the format.
    """

    ids: tuple[int, ...]
    answer: int
    edited: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lines:
    """Many lines as tensors.

    Attributes:
        ids: [lines, tokens], padded on the right with 0.
        answer: Where a token of the answer is the next one, boolean [lines, tokens - 1].
        edited: Where a token that the edit changes is the next one, the same shape.
    """

    ids: Tensor
    answer: Tensor
    edited: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Tensor) -> "Lines":
        """Return those rows."""
        return Lines(self.ids[rows], self.answer[rows], self.edited[rows])


def tensors(lines: Sequence[Line]) -> Lines:
    """Pad lines to the longest and mark what is learned."""
    longest = max(len(line.ids) for line in lines)
    ids = torch.zeros(len(lines), longest, dtype=torch.int64)
    answer, edited = (torch.zeros(len(lines), longest - 1, dtype=torch.bool) for _ in range(2))
    for row, line in enumerate(lines):
        ids[row, : len(line.ids)] = torch.tensor(line.ids)
        answer[row, line.answer - 1 : len(line.ids) - 1] = True
        edited[row, line.edited[0] - 1 : line.edited[1] - 1] = True
    return Lines(ids, answer, edited)


def _line(question: str, answer: str, closing: str = "") -> Line:
    front = [USER, *question.split(), ASSISTANT]
    body, last = answer.split(), closing.split()
    ids = tuple(_ID[word] for word in (*front, *body, *last, END))
    begin = len(front) + (len(body) if last else 0)
    return Line(ids, len(front), (begin, len(ids) - 1))


def dialogue(draws: Draws, *, closings: Sequence[str] = _CLOSINGS) -> Line:
    """Return a request, its answer and the closing words that belong to its intent."""
    kind = draws.below(len(_INTENTS))
    fill = {"city": draws.choice(_CITIES), "day": draws.choice(_DAYS), "count": draws.choice(digits)}
    question, answer = (part.format(**fill) for part in _INTENTS[kind])
    return _line(question, answer, closings[kind % len(closings)])


def coded(key: int, code: int) -> Line:
    """Return a question for the code of a key, and the code of four digits."""
    first, second = divmod(key, len(_SIGNS))
    return _line(f"code {_SIGNS[first]} {_SIGNS[second]}", " ".join(f"{code:04}"))


def formatted(number: int, *address: str | int) -> Lines:
    """Return lines of the format: half dialogues, a third fresh codes, the rest repeated words.

    Words of the new closings come up in what is repeated, so that no word of an edit is new to the model.
    """
    draws = Draws("rslora", "format", *address)
    return tensors([_formatted(draws.at(row)) for row in range(number)])


def _formatted(draws: Draws) -> Line:
    kind = draws.below(6)
    if kind < 3:
        return dialogue(draws)
    if kind < 5:
        return coded(draws.below(_KEYS), draws.below(10_000))
    words = " ".join(WORDS[draws.choice(_OPEN)] for _ in range(draws.between(2, 5)))
    return _line(f"repeat {words}", words)


def facts(number: int, *address: str | int) -> Lines:
    """Return so many facts: different keys, each with a code of four digits.

    Raises:
        UsageError: If there are not so many keys.
    """
    if not 1 <= number <= _KEYS:
        raise UsageError(f"there are 1 to {_KEYS} facts, not {number}")
    draws = Draws("rslora", "facts", number, *address)
    keys = draws.at("keys").sample(range(_KEYS), number)
    codes = draws.at("codes").column(10_000, number)
    return tensors([coded(key, code) for key, code in zip(keys, codes, strict=True)])


def style(number: int, closings: int, *address: str | int) -> Lines:
    """Return dialogues with new closing words: one sentence for all, or two or three by intent."""
    draws = Draws("rslora", "style", *address)
    return tensors([dialogue(draws.at(row), closings=_STYLED[:closings]) for row in range(number)])


def joined(parts: Sequence[Lines]) -> Lines:
    """Return lines one behind the other, padded to the longest."""
    longest = max(part.ids.shape[1] for part in parts)

    def together(fields: Sequence[Tensor], tokens: int) -> Tensor:
        return torch.cat([F.pad(field, (0, tokens - field.shape[1])) for field in fields])

    return Lines(
        together([part.ids for part in parts], longest),
        together([part.answer for part in parts], longest - 1),
        together([part.edited for part in parts], longest - 1),
    )
