"""How well agents' messages are read: ``python -m benchmarks.understanding FILE``.

FILE holds one JSON object per line with ``agent``, ``user_before`` (the inputs) and ``acts``, ``slots``,
``final_question`` (the labels). Labels without texts are joined with the conversations they were made from:
``--labels LABELS.jsonl --conversations TRAJECTORIES.json``; an id ``t4-r3-m22`` is message 22 of task 4,
trial 3.

Prints one JSON object: ``n``; ``final_question`` and ``slots_exact``, the shares of messages whose final
question and
whose set of slots are read as labelled; ``acts``, precision, recall, F1 and support of each act.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simenv.domains.airline.lexicon import LEXICON
from simenv.users.acts import ACTS
from simenv.users.understand import Reading, understand

_ID = re.compile(r"t(\d+)-r(\d+)-m(\d+)")


class InputError(ValueError):
    """A file that does not hold what it should; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled message."""

    id: str
    agent: str
    user_before: str
    acts: frozenset[str]
    slots: frozenset[str]
    final_question: str


def examples_of(path: Path) -> list[Example]:
    """Read full records. Raises InputError with file and line."""
    return [_example(record, record, where) for where, record in _records(path)]


def joined(labels: Path, conversations: Path) -> list[Example]:
    """Read labels and take their texts from the conversations. Raises InputError with file and line."""
    talks = _talks(conversations)
    found = []
    for where, record in _records(labels):
        if isinstance(record.get("agent"), str):
            found.append(_example(record, record, where))
            continue
        parts = _ID.fullmatch(str(record.get("id")))
        if parts is None:
            raise InputError(f"{where}: an id reads t<task>-r<trial>-m<message>, got {record.get('id')!r}")
        task, trial, index = map(int, parts.groups())
        talk = talks.get((task, trial))
        if talk is None or index >= len(talk) or talk[index].get("role") != "assistant":
            raise InputError(f"{where}: {record['id']} is no agent's message in {conversations}")
        before = next((str(m.get("content")) for m in reversed(talk[:index]) if m.get("role") == "user"), "")
        found.append(_example(record, {"agent": talk[index].get("content"), "user_before": before}, where))
    return found


def _records(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return each line's place and object."""
    records = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as fault:
            raise InputError(f"{where}: not JSON: {fault}") from fault
        if not isinstance(record, dict):
            raise InputError(f"{where}: a line holds one JSON object, got {type(record).__name__}")
        records.append((where, record))
    if not records:
        raise InputError(f"{path}:1: no records")
    return records


def _talks(path: Path) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Return the messages of each (task, trial)."""
    try:
        return {(talk["task_id"], talk["trial"]): talk["traj"] for talk in json.loads(_text(path))}
    except (ValueError, TypeError, KeyError) as fault:
        raise InputError(
            f"{path}:1: not a list of conversations with task_id, trial and traj: {fault!r}"
        ) from fault


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}:1: cannot be read: {fault}") from fault


def _example(labels: dict[str, Any], texts: dict[str, Any], where: str) -> Example:
    """Check and build one example."""
    agent, before = texts.get("agent"), texts.get("user_before")
    if not isinstance(agent, str) or not isinstance(before, str):
        raise InputError(f"{where}: agent and user_before are texts, got {agent!r:.40} and {before!r:.40}")
    for key in ("acts", "slots"):
        if not isinstance(labels.get(key), list) or not all(isinstance(name, str) for name in labels[key]):
            raise InputError(f"{where}: {key} is a list of names, got {labels.get(key)!r:.40}")
    if labels.get("final_question") not in ("yes_no", "wh", "none"):
        raise InputError(
            f"{where}: final_question is yes_no, wh or none, got {labels.get('final_question')!r:.40}"
        )
    return Example(
        str(labels.get("id", where)),
        agent,
        before,
        frozenset(labels["acts"]),
        frozenset(labels["slots"]),
        labels["final_question"],
    )


def scores(examples: Sequence[Example], readings: Sequence[Reading]) -> dict[str, Any]:
    """Return the printed object."""
    pairs = list(zip(examples, readings, strict=True))
    return {
        "n": len(pairs),
        "final_question": _share([e.final_question == r.final_question for e, r in pairs]),
        "slots_exact": _share([e.slots == frozenset(r.slots) for e, r in pairs]),
        "acts": {act: _act_scores([(act in e.acts, act in r.acts) for e, r in pairs]) for act in ACTS},
    }


def _act_scores(pairs: Sequence[tuple[bool, bool]]) -> dict[str, float | int]:
    """Return precision, recall, F1 and support of (labelled, read) pairs; a share of nothing is 0."""
    both = sum(labelled and read for labelled, read in pairs)
    support, found = sum(labelled for labelled, _ in pairs), sum(read for _, read in pairs)
    precision, recall = both / found if found else 0.0, both / support if support else 0.0
    f1 = 2 * both / (support + found) if support + found else 0.0
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
        "support": support,
    }


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 4)


def _show_errors(examples: Sequence[Example], readings: Sequence[Reading]) -> None:
    """List misread messages on stderr."""
    for example, reading in zip(examples, readings, strict=True):
        want = (example.final_question, sorted(example.slots))
        got = (reading.final_question, sorted(reading.slots))
        if want != got:
            print(
                f"## {example.id}\n   labelled {want}\n   read     {got}\n{example.agent}\n", file=sys.stderr
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, or 2 where an input is bad."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.understanding", description="How well agents are read."
    )
    parser.add_argument("file", nargs="?", type=Path, help="full records, one JSON object per line")
    parser.add_argument("--labels", type=Path, help="labels without texts, one JSON object per line")
    parser.add_argument("--conversations", type=Path, help="the conversations that the labels were made from")
    parser.add_argument("--errors", action="store_true", help="list misread messages on stderr")
    options = parser.parse_args(arguments)
    if (options.labels is None) != (options.conversations is None) or (options.file is None) == (
        options.labels is None
    ):
        parser.error("give FILE, or --labels with --conversations")
    try:
        examples = (
            examples_of(options.file) if options.file else joined(options.labels, options.conversations)
        )
    except InputError as fault:
        print(f"understanding: {fault}", file=sys.stderr)
        return 2
    readings = [understand(example.agent, example.user_before, LEXICON) for example in examples]
    print(json.dumps(scores(examples, readings)))
    if options.errors:
        _show_errors(examples, readings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
