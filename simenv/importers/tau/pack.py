"""The published benchmark in one file: a header, the rows of its world, its tasks.

A pack is gzip around canonical JSON lines. Equal sources give equal bytes: no file name, no time,
and rows in the order of the source. The header says the digest of every part, and loading checks each.
"""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError
from simenv.core.image import WorldImage
from simenv.core.world import Row
from simenv.importers.tau.airline_records import TABLES
from simenv.importers.tau.airline_rows import DOMAIN, Source, build
from simenv.importers.tau.sources import PublishedTask, check, read_bytes

FORMAT = "simenv-tau-pack"
VERSION = 1
ROWS_PER_LINE = 500
MAX_TEXT_BYTES = 512 * 1024 * 1024

_WAY_OUT = "Make it again with `simenv import tau`."


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A published benchmark, loaded.

    Attributes:
        header: Format, version, domain, digests and counts.
        image: The world that every conversation starts from.
        tasks: The tasks; a task's place is its id.
    """

    header: Mapping[str, Any]
    image: WorldImage
    tasks: tuple[PublishedTask, ...]


def import_pack(data_dir: str | Path, out: str | Path) -> dict[str, Any]:
    """Write the pack of a folder of published files and return its header.

    Raises:
        DataError: If a file is missing, corrupt or foreign, or ``out`` cannot be written.
    """
    source = Source(Path(data_dir))
    rows = source.rows()
    lines = [canonical(part) for part in _row_lines(rows)]
    tasks = [canonical(task) for task in source.tasks]
    header = {
        "format": FORMAT,
        "version": VERSION,
        "domain": DOMAIN,
        "counts": {"tasks": len(tasks), **{table: len(listed) for table, listed in rows.items()}},
        "digests": {
            "sources": source.digests,
            "rows": digest("\n".join(lines)),
            "tasks": digest("\n".join(tasks)),
            "world": build(rows, source.digests).digest,
        },
    }
    packed = _packed("\n".join([canonical(header), *lines, *tasks, ""]))
    path = Path(out)
    try:
        path.write_bytes(packed)
    except OSError as error:
        raise DataError(
            path, 0, f"cannot be written ({error.strerror})", "Name a file in a folder."
        ) from None
    return header


def load_pack(path: str | Path) -> Pack:
    """Return the pack in a file.

    Raises:
        DataError: If it is missing, corrupt, forged, foreign or of another version.
    """
    path = Path(path)
    lines = _unpack(path).split("\n")
    header = _object(path, 1, lines[0])
    if header.get("format") != FORMAT or header.get("domain") != DOMAIN:
        raise DataError(path, 1, "is not a pack of the published airline benchmark", _WAY_OUT)
    if header.get("version") != VERSION:
        raise DataError(path, 1, f"has version {header.get('version')!r}, not {VERSION}", _WAY_OUT)
    digests, count = _digests(path, header)
    first_task = len(lines) - 1 - count
    if lines[-1] or first_task < 1:
        raise DataError(path, len(lines), "is cut off", _WAY_OUT)
    for part, listed in (("rows", lines[1:first_task]), ("tasks", lines[first_task:-1])):
        if digest("\n".join(listed)) != digests[part]:
            raise DataError(path, 0, f"the {part} do not have the digest that the header says", _WAY_OUT)
    tasks = [_object(path, at + 1, lines[at]) for at in range(first_task, len(lines) - 1)]
    check(path, 0, tasks, "tasks", _WAY_OUT)
    image = _image(path, lines[1:first_task], digests)
    if image.digest != digests["world"]:
        raise DataError(path, 0, "the world does not have the digest that the header says", _WAY_OUT)
    return Pack(header, image, tuple(tasks))  # type: ignore[arg-type]


def _row_lines(rows: Mapping[str, list[Row]]) -> Iterator[dict[str, Any]]:
    for table, listed in rows.items():
        for start in range(0, len(listed), ROWS_PER_LINE):
            yield {"table": table, "rows": listed[start : start + ROWS_PER_LINE]}


def _packed(text: str) -> bytes:
    buffer = BytesIO()
    # No file name and no time: the bytes depend on nothing but the text.
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def _unpack(path: Path) -> str:
    data = read_bytes(path, "a pack")
    inflate = zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(data, MAX_TEXT_BYTES)
        if not inflate.eof or inflate.unused_data:
            raise DataError(path, 0, "is cut off, too large or followed by something else", _WAY_OUT)
        return text.decode()
    except (zlib.error, UnicodeDecodeError):
        raise DataError(path, 0, "is not a pack: gzip around UTF-8 text", _WAY_OUT) from None


def _object(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(path, line, "is not JSON", _WAY_OUT) from None
    if not isinstance(value, dict):
        raise DataError(path, line, "is not an object", _WAY_OUT)
    return value


def _digests(path: Path, header: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    digests, counts = header.get("digests"), header.get("counts")
    complete = isinstance(digests, dict) and {"sources", "rows", "tasks", "world"} <= set(digests)
    count = counts.get("tasks") if isinstance(counts, dict) else None
    if not isinstance(digests, dict) or not complete or type(count) is not int or count < 0:
        raise DataError(path, 1, "the header lacks digests or counts", _WAY_OUT)
    return digests, count


def _image(path: Path, lines: list[str], digests: Mapping[str, Any]) -> WorldImage:
    widths = {table.name: len(table.columns) for table in TABLES}
    rows: dict[str, list[Row]] = {}
    for at, line in enumerate(lines, start=2):
        part = _object(path, at, line)
        table, listed = part.get("table"), part.get("rows")
        if (
            table not in widths
            or not isinstance(listed, list)
            or not all(isinstance(row, list) for row in listed)
        ):
            raise DataError(path, at, "is not rows of a table", _WAY_OUT)
        if any(len(row) != widths[table] for row in listed):
            raise DataError(path, at, f"has a row of {table} with another width", _WAY_OUT)
        rows.setdefault(table, []).extend(map(tuple, listed))
    try:
        return build(rows, digests["sources"])
    except (TypeError, ValueError, OverflowError, sqlite3.Error) as error:
        raise DataError(path, 0, f"has rows that cannot be stored ({error})", _WAY_OUT) from None
