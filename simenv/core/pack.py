"""Task packs: JSON lines, a header first, gzipped or not; the same bytes from the same tasks.

A pack names its worlds by address and digest. Every task's id is the hash of the task, checked when
the task is first used.
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simenv.core import catalog
from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.core.task import Task

FORMAT = "simenv-pack"
VERSION = 1
CERTIFICATES = 1
"""The version of certificates."""
SPLITS = ("train", "test")
_BESIDE = ("id", "certificate")
"""What stands in a task's line beside the task."""
_WAY_OUT = "Make the pack again, or fetch a whole copy"


@dataclass(frozen=True, eq=False)
class Pack:
    """An ordered set of tasks.

    Attributes:
        place: Where it was read, for messages.
        header: Format, domain, split, worlds with digests, and how it was made.
        lines: The tasks as JSON-ready data, each with its id.
    """

    place: str
    header: dict[str, Any]
    lines: Sequence[dict[str, Any]]
    _tasks: dict[int, Task] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def domain(self) -> str:
        """The domain of every task."""
        return str(self.header["domain"])

    @property
    def certified(self) -> bool:
        """Whether every task carries a certificate of this version; `simenv verify` says if it is true."""
        return all(_is_certificate(line.get("certificate")) for line in self.lines)

    def trusted(self, *, uncertified: bool) -> "Pack":
        """Return the pack, if its tasks are certified or nobody minds.

        Raises:
            UsageError: If a task carries no certificate.
        """
        if not uncertified and not self.certified:
            raise UsageError(
                f"{self.place} holds tasks without a certificate of version {CERTIFICATES}: nothing proves "
                "that they can be solved and that cheats earn nothing. Make certified ones with "
                "`simenv synth`, or allow these (--uncertified, uncertified=True)"
            )
        return self

    def ids(self) -> list[str]:
        """Return the ids in order."""
        return [line["id"] for line in self.lines]

    def at(self, index: int) -> Task:
        """Return task ``index`` modulo the number of tasks.

        Raises:
            DataError: If the task is not what its id is the hash of.
        """
        index %= len(self.lines)
        if index not in self._tasks:
            self._tasks[index] = _task(self.place, index, self.lines[index])
        return self._tasks[index]

    def find(self, task_id: str) -> Task:
        """Return the task of that id.

        Raises:
            UnknownNameError: If the pack has none.
        """
        if task_id not in self._index:
            raise UnknownNameError("task", task_id, self._index)
        return self.at(self._index[task_id])

    @property
    def _index(self) -> dict[str, int]:
        if "_places" not in self.__dict__:
            self.__dict__["_places"] = {line["id"]: at for at, line in enumerate(self.lines)}
        places: dict[str, int] = self.__dict__["_places"]
        return places


def _is_certificate(data: Any) -> bool:
    """Whether something has the form of a certificate."""
    if not isinstance(data, dict) or data.get("version") != CERTIFICATES:
        return False
    proofs = data.get("proofs")
    return isinstance(proofs, dict) and all(
        isinstance(proof, list) and len(proof) == 2 and isinstance(proof[0], int) for proof in proofs.values()
    )


def _task(place: str, index: int, line: dict[str, Any]) -> Task:
    # The header is line 1 of the file and the first task line 2.
    try:
        task = Task.model_validate({key: value for key, value in line.items() if key not in _BESIDE})
    except ValidationError as error:
        raise DataError(place, index + 2, f"not a task: {error.errors()[0]['msg']}", _WAY_OUT) from None
    if task.id != line["id"]:
        raise DataError(place, index + 2, f"task {line['id']} is not what its id is the hash of", _WAY_OUT)
    return task


def write_pack(path: Path, header: dict[str, Any], tasks: Iterable[Task]) -> None:
    """Write a pack; the header gains format, version and the number of tasks."""
    listed = [{"id": task.id} | task.to_json() for task in tasks]
    head = {"format": FORMAT, "version": VERSION, "tasks": len(listed)} | header
    text = "".join(canonical(line) + "\n" for line in [head, *listed])
    if path.suffix != ".gz":
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    packed = io.BytesIO()
    # No name and no time in the gzip header: equal tasks give equal bytes.
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as out:
        out.write(text.encode())
    path.write_bytes(packed.getvalue())


def read_pack(path: Path) -> Pack:
    """Read a pack from a file.

    Raises:
        DataError: If it is not a whole pack of this version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, 0, error.strerror or "cannot be read", "Check the path") from None
    return parse_pack(str(path), data)


def parse_pack(place: str, data: bytes) -> Pack:
    """Return the pack that ``data`` holds; see ``read_pack``."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(place, 0, f"broken gzip: {error}", _WAY_OUT) from None
    lines = [_line(place, number, raw) for number, raw in enumerate(data.split(b"\n"), 1) if raw]
    if not lines or lines[0].get("format") != FORMAT:
        raise DataError(place, 1, "not a task pack of simenv", "Pass a file that `simenv` wrote")
    header, tasks = lines[0], lines[1:]
    if not isinstance(header.get("domain"), str):
        raise DataError(place, 1, "a pack that names no domain", _WAY_OUT)
    if header.get("version") != VERSION:
        raise DataError(place, 1, f"pack version {header.get('version')}, not {VERSION}", _WAY_OUT)
    if header.get("tasks") != len(tasks) or not tasks:
        raise DataError(place, len(lines), f"{len(tasks)} of {header.get('tasks')} tasks are there", _WAY_OUT)
    _check_header(place, header)
    for number, line in enumerate(tasks, 2):
        if not isinstance(line.get("id"), str):
            raise DataError(place, number, "a task without an id", _WAY_OUT)
    return Pack(place, header, tasks)


def _check_header(place: str, header: dict[str, Any]) -> None:
    """Check the form of what a header says of worlds and of making.

    Raises:
        DataError: If it is not as `simenv synth` writes it.
    """
    worlds, made = header.get("worlds", []), header.get("made", {})
    whole = isinstance(worlds, list) and isinstance(made, dict) and all(map(_is_world, worlds))
    if not whole or header.get("certified") is False:
        raise DataError(place, 1, "a header that is not as simenv writes it", _WAY_OUT)


def _is_world(data: Any) -> bool:
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("size", "digest")):
        return False
    address = data.get("address")
    return isinstance(address, list) and all(isinstance(part, str | int) for part in address)


def _line(place: str, number: int, raw: bytes) -> dict[str, Any]:
    try:
        value = parse_trusted(raw.decode())
    except (ValueError, RecursionError):
        raise DataError(place, number, "not a JSON line", _WAY_OUT) from None
    if not isinstance(value, dict):
        raise DataError(place, number, "not a JSON object", _WAY_OUT)
    return value


@lru_cache(maxsize=16)
def bundled(domain: str, split: str) -> Pack:
    """Return the pack that ships with simenv for a domain and a split.

    Raises:
        UnknownNameError: If there is no such split.
        UsageError: If the domain ships no packs.
    """
    entry = catalog.entry(domain)
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    if not entry.packs:
        raise UsageError(f"domain {domain!r} ships no packs; pass tasks=FILE")
    package, _, folder = entry.packs.partition(":")
    file = resources.files(package) / folder / f"{split}.jsonl.gz"
    return parse_pack(f"{domain}/{split}.jsonl.gz", file.read_bytes())
