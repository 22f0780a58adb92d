"""What every command shares: results for programs, words for people, help with an example."""

import argparse
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

from simenv.core.canonical import nulled

Commands = Any
"""What ``ArgumentParser.add_subparsers`` gives; its class is private."""

WIDTH = 100
_BULLET = re.compile(r" *- ")


def emit(result: Mapping[str, Any]) -> None:
    """Print a result as one JSON line on standard output."""
    print(json.dumps(nulled(result)), flush=True)


def say(text: str = "") -> None:
    """Print words for people on standard error."""
    print(text, file=sys.stderr, flush=True)


def bar(total: int, unit: str) -> "tqdm[Any]":
    """Return a progress bar on standard error; it shows only where a person looks on."""
    return tqdm(total=total, unit=f" {unit}", disable=None, leave=False, file=sys.stderr, dynamic_ncols=True)


def wrapped(label: str, text: str, *, width: int = WIDTH) -> str:
    """Return ``text`` behind a label, its lines wrapped and indented to stand under each other."""
    indent = " " * len(label)
    lines = [part for line in text.splitlines() or [""] for part in _wrap(line, width - len(indent))]
    return "\n".join(f"{indent if at else label}{line}".rstrip() for at, line in enumerate(lines))


def _wrap(line: str, width: int) -> list[str]:
    """Wrap one line; what goes on after a bullet stands under its text."""
    bullet = _BULLET.match(line)
    hang = " " * bullet.end() if bullet else ""
    return textwrap.wrap(line, width, subsequent_indent=hang) or [""]


def command(
    commands: Commands, name: str, function: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a command; its help is its function's docstring, the example included."""
    doc = inspect.getdoc(function) or ""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=doc.splitlines()[0],
        description=doc.replace("Example:\n", "example:\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser


def count(text: str) -> int:
    """Read an option that counts something: an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def seed(text: str) -> int:
    """Read a seed: an integer of at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number
