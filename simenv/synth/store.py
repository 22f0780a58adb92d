"""Task sets on disk: written world by world, so that nothing is lost, then put in a drawn order."""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simenv.core import catalog
from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.errors import DataError
from simenv.core.pack import FORMAT, VERSION
from simenv.synth.forge import Forge, Made, Order

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Produced:
    """What came of an order.

    Attributes:
        forge: The filled order with its counts.
        resumed: Worlds that were there already from an interrupted command.
    """

    forge: Forge
    resumed: int


def produce(
    order: Order, out: Path, *, command: str, workers: int = 1, progress: Progress = lambda count: None
) -> Produced:
    """Fill an order into a file; the same order continues one that was interrupted.

    Until it is filled, what the worlds gave stands beside it in ``OUT.part``.

    Args:
        order: What is to be made.
        out: The file; one that ends in ``.gz`` is packed.
        command: What makes the same file again, for its header.
        workers: Processes; any number gives the same bytes.
        progress: Called with the number of tasks that a world gave.

    Raises:
        UsageError: If the order cannot be met.
        DataError: If ``OUT.part`` is of another order.
    """
    order.check()
    part, body = out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.body")
    forge = Forge(order)
    offsets: list[tuple[int, int]] = []
    known = _recorded(part, order)
    with body.open("wb") as lines, part.open("ab") as record:
        for made in known:
            progress(_take(forge, made, lines, offsets))
        if not forge.full:
            for made in forge.fill(workers, skip=len(known)):
                record.write(json.dumps(made.to_json()).encode() + b"\n")
                record.flush()
                progress(_take(forge, made, lines, offsets))
    _write(out, header(forge, command), body, offsets, order)
    body.unlink()
    part.unlink()
    return Produced(forge, len(known))


def _take(forge: Forge, made: Made, lines: IO[bytes], offsets: list[tuple[int, int]]) -> int:
    taken = forge.take(made)
    for line in taken:
        data = line.encode() + b"\n"
        offsets.append((lines.tell(), len(data)))
        lines.write(data)
    return len(taken)


def _recorded(part: Path, order: Order) -> list[Made]:
    """Return what an interrupted command has made, and begin the record if there is none.

    Raises:
        DataError: If it was another order.
    """
    head = canonical(order.to_json())
    if not part.exists():
        part.write_bytes(head.encode() + b"\n")
        return []
    whole, _, torn = part.read_bytes().rpartition(b"\n")
    first, *rest = whole.split(b"\n")
    if first.decode("utf-8", "replace") != head:
        raise DataError(
            part, 1, "it was begun for another order", "Finish that one, delete it, or choose another --out"
        )
    if torn:
        with part.open("r+b") as record:
            record.truncate(len(whole) + 1)
    return [Made.from_json(json.loads(line)) for line in rest]


def header(forge: Forge, command: str) -> dict[str, Any]:
    """Return the head of a task set: its worlds with digests, how it was made, and what was turned away."""
    order = forge.order
    return {
        "format": FORMAT,
        "version": VERSION,
        "tasks": forge.made,
        "domain": order.domain,
        "split": order.split,
        "env_version": catalog.domain(order.domain).version,
        "worlds": forge.worlds,
        "command": command,
        "certified": True,
        "made": {
            "drawn": forge.drawn,
            "proved": forge.proved,
            "rejected": dict(sorted(forge.rejected.items())),
            "not_applicable": dict(sorted(forge.absent.items())),
        }
        | ({"ways": dict(sorted(forge.ways.items()))} if order.focus else {})
        | ({"paraphrases": dict(sorted(forge.phrases.items()))} if order.lock else {}),
    } | order.header()


def _write(out: Path, head: dict[str, Any], body: Path, offsets: list[tuple[int, int]], order: Order) -> None:
    """Write head and lines, the lines in a drawn order, and put the file in its place at once."""
    fresh = out.with_name(f"{out.name}.new")
    places = Draws(order.domain, order.split, order.seed, "order").shuffled(offsets)
    with body.open("rb") as lines, fresh.open("wb") as file:
        chunks = _chunks(head, lines, places)
        if out.suffix != ".gz":
            file.writelines(chunks)
        else:
            # No name and no time in the gzip header: equal tasks give equal bytes.
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=9, mtime=0) as packed:
                packed.writelines(chunks)
    fresh.replace(out)


def _chunks(head: dict[str, Any], lines: IO[bytes], places: Iterable[tuple[int, int]]) -> Iterable[bytes]:
    yield canonical(head).encode() + b"\n"
    for start, length in places:
        lines.seek(start)
        yield lines.read(length)
