"""The command between task sets and whoever writes paraphrases: phrases."""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simenv.cli.choose import pack_in
from simenv.cli.words import Commands, bar, command, emit, say
from simenv.core import catalog
from simenv.core.canonical import canonical, digest, parse_strict
from simenv.core.errors import DataError, UsageError
from simenv.core.lexicon import Lexicon
from simenv.core.pack import Pack
from simenv.synth.paraphrase import Line, check, delexicalise, write_line
from simenv.synth.wordlock import requests_of

_PARTS = ("fallback", "template")


def phrases(args: argparse.Namespace) -> int:
    """Write the requests of a task set as templates for paraphrasing, or lock the answers.

    Without --answers, writes one JSON line for each request: its text and its template, in which "⟦S1⟧"
    stands for the first value. Whoever paraphrases, a person or any model, changes the templates only. With
    --answers, checks those and writes the lockfile for `simenv synth --paraphrases`; what fails a check is
    left out and counted. The checks see values, negations and conditions, not verbs: that "call off" has not
    become "put off" is for whoever paraphrases to see to.

    Example:
      simenv phrases tasks.jsonl --out templates.jsonl
      simenv phrases tasks.jsonl --answers paraphrased.jsonl --out lock.jsonl
    """
    pack = pack_in(args.file)
    texts = _texts(pack)
    lexicon = catalog.domain(pack.domain).lexicon
    failed: Counter[str] = Counter()
    if args.answers:
        lines = list(_locked(args.answers, texts, lexicon, failed))
    else:
        lines = [
            canonical({"fallback": text, "template": delexicalise(text, lexicon).template}) + "\n"
            for text in texts
        ]
    try:
        Path(args.out).write_text("".join(lines), "utf-8", newline="\n")
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise DataError(args.out, 0, problem, "Name a file in a folder") from None
    emit({"out": args.out, "texts": len(texts), "lines": len(lines), "failed": dict(sorted(failed.items()))})
    say(f"{len(lines)} lines for {len(texts)} requests are in {args.out}.")
    for reason, number in failed.most_common():
        say(f"  {number:6}  {reason}")
    return 0


def _texts(pack: Pack) -> list[str]:
    """Return every request of a task set as the grammar wrote it, once."""
    found: dict[str, None] = {}
    with bar(len(pack), "tasks") as progress:
        for index, line in enumerate(pack.lines):
            if (line.get("certificate") or {}).get("phrases"):
                raise UsageError(f"{pack.place} is paraphrased already; name the set that was made without")
            found |= dict.fromkeys(requests_of(pack.at(index).card))
            progress.update(1)
    return list(found)


def _locked(path: str, texts: list[str], lexicon: Lexicon, failed: Counter[str]) -> Iterator[str]:
    """Yield a lock line for every answer that passes; the leak check waits for the task."""
    known, done = dict.fromkeys(texts), dict[str, None]()
    for number, answer in enumerate(_answers(path), 1):
        text, template = answer["fallback"], answer["template"]
        if text not in known:
            problem = f"{canonical(text)} is no request of this task set"
            raise DataError(path, number, problem, "Change the templates only")
        reason = "said as it was" if template == delexicalise(text, lexicon).template else ""
        reason = reason or ("a second paraphrase of one text" if text in done else "")
        reason = reason or check(text, template, lexicon, None, Line(digest(text), template, text))
        if reason:
            failed[reason] += 1
            continue
        done[text] = None
        yield write_line(text, template, lexicon)


def _answers(path: str) -> Iterator[dict[str, Any]]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(path, 0, error.strerror or "cannot be read", "Check the path") from None
    for number, raw in enumerate(filter(None, data.split(b"\n")), 1):
        try:
            value: Any = parse_strict(raw.decode())
        except ValueError:
            raise DataError(path, number, "not a JSON line", "Change the templates only") from None
        if not isinstance(value, dict) or not all(isinstance(value.get(part), str) for part in _PARTS):
            problem = f"not an object with {' and '.join(_PARTS)}"
            raise DataError(path, number, problem, "Change the templates only")
        yield value


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    each = command(commands, "phrases", phrases)
    each.add_argument("file", metavar="FILE", help="a task set that `simenv synth` made")
    each.add_argument("--answers", metavar="FILE", help="paraphrased templates to be checked and locked")
    each.add_argument("--out", required=True, metavar="FILE", help="templates, or the lockfile")
