"""One line of a lockfile of paraphrases, as it is stored beside a task or in a file."""

from typing import Any, NamedTuple

from simenv.core.canonical import canonical, digest

_PARTS = ("digest", "fallback", "original", "template")


class Line(NamedTuple):
    """A line of a lockfile: the digest of a text, the template of its paraphrase, and the text."""

    original: str
    template: str
    fallback: str


def line_json(line: Line) -> dict[str, str]:
    """Return a lock line with its digest as JSON-ready data."""
    data = line._asdict()
    return {**data, "digest": digest(canonical(data))}


def line_from(data: Any) -> Line:
    """Return the lock line that ``line_json`` described.

    Raises:
        ValueError: If it is none, or not what its digest is of.
    """
    if not isinstance(data, dict) or tuple(sorted(data)) != _PARTS:
        raise ValueError(f"not an object of {', '.join(_PARTS)}")
    if not all(isinstance(part, str) for part in data.values()):
        raise ValueError("a part that is not text")
    line = Line(*(data[name] for name in Line._fields))
    if line_json(line) != data:
        raise ValueError("a line that is not what its digest is of")
    return line
