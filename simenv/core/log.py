"""The crash-safe run log: append-only JSONL in which every line proves its place.

Line N is ``{"chain":C,"len":L,"n":N,"record":R}`` and a newline: R is the canonical JSON of a
record, L its length in bytes, C the blake2b-128 digest of the C before it (nothing before line
0) and R: ``printf %s "$PREVIOUS_C$R" | b2sum -l 128``. Line 0 is the header, which says what
the run is. What is promised:

* When ``append`` returns, the operating system holds the record: killing the process loses
  nothing. When ``flush`` returns, the device holds it. A sync is due at the first append after
  100 records or one second, and at the end: that much is what a power cut can lose.
* A torn, flipped, reordered, duplicated, dropped or spliced line is found on reading.
* Opening for append cuts off a last line that does not verify, and nothing else. Damage before
  the last line is an error, and then the file stays as it is.
* Whole lines cut off the end leave an earlier state of the same log, which no file can tell of
  itself. Keep ``LogWriter.tip`` elsewhere where that matters.
"""

# parse_strict is for what agents write: 64 KiB, decimals. A record is larger and its floats
# must come back as they were, so lines are read with json and held against canonical.
import json
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, Self

from simenv.core.canonical import canonical, digest
from simenv.core.errors import LogError, UsageError

if sys.platform != "win32":
    import fcntl

SYNC_RECORDS = 100
SYNC_S = 1.0
MAX_LINE_BYTES = 64 * 1024 * 1024

Record = dict[str, Any]
StrPath = str | os.PathLike[str]

_OWN: Record = {"kind": "header", "format": "simenv-run", "version": 1}
_LINE = re.compile(
    rb'\{"chain":"[0-9a-f]{32}","len":[0-9]{1,9},"n":([0-9]{1,15}),"record":(\{.*\})\}\n', re.DOTALL
)
# When a sync is due is all that time decides here; the bytes never depend on it.
_clock_s = time.monotonic
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class TornTailError(LogError):
    """The last line of a log does not verify; opening the log for append cuts it off."""


class _Place(NamedTuple):
    """A line boundary: lines and bytes before it, and the chain of the last line."""

    lines: int = 0
    end: int = 0
    chain: str = ""


def read_log(path: StrPath, *, allow_torn_tail: bool = False) -> Iterator[Record]:
    """Yield the records of a log in order, without its header, in constant memory.

    Args:
        path: The log.
        allow_torn_tail: End quietly at a last line that does not verify, which is how a
            killed or a still running writer may leave it.

    Raises:
        TornTailError: Behind the last whole record, if what follows does not verify.
        LogError: If the file cannot be read, is no log, or is damaged before its last line;
            the records before the damage come first.
    """
    quiet = [TornTailError] if allow_torn_tail else []
    with _telling(path, "read"), Path(path).open("rb") as file, suppress(*quiet):
        lines = _verified(file, path)
        _header(lines, path)
        for payload, after in lines:
            yield _decode(payload, after.lines, path)


def read_header(path: StrPath) -> Record:
    """Return the header of a log; a LogError says that there is no whole one."""
    with _telling(path, "read"), Path(path).open("rb") as file:
        return _header(_verified(file, path), path)


class LogWriter:
    """The one writer of a log, new or resumed.

    Threads may share a writer: records stand in the order in which their appends came. The
    file is locked while it is open, and a forked child may not write to it.

    Args:
        path: The log; made if it does not exist.
        header: What identifies the run, as plain JSON. ``kind``, ``format`` and ``version``
            are added. A resume must give an equal header.

    Attributes:
        repaired_bytes: Length of the torn tail that opening cut off.

    Raises:
        LogError: If another writer has the log open, or it is damaged before its last line,
            or it cannot be opened or written.
        UsageError: If the header differs from the one in the file; the field is named.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with LogWriter(folder + "/RUN.jsonl", {"domain": "airline"}) as log:
        ...         log.append({"task": "a", "reward": 1})
        ...     with LogWriter(folder + "/RUN.jsonl", {"domain": "airline"}) as log:
        ...         log.keys("task")
        {('a',)}
    """

    def __init__(self, path: StrPath, header: Mapping[str, Any]) -> None:
        if taken := sorted(_OWN.keys() & header.keys()):
            raise UsageError(f"a log header sets {taken[0]!r} itself; give the field another name")
        payload = _checked_payload(_OWN | dict(header))
        self.repaired_bytes = 0
        self._path = Path(path).absolute()
        self._mutex = threading.Lock()
        self._pid = os.getpid()
        self._place = _Place()
        self._overhang = False
        self._unsynced = 0
        self._synced_at_s = _clock_s()
        with ExitStack() as on_failure, _telling(self._path, "opened"):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._fd = os.open(self._path, flags, 0o644)
            on_failure.callback(self._release)
            _claim(self._fd, self._path)
            self._recover(payload)
            on_failure.pop_all()

    def append(self, record: Record) -> None:
        """Write one record behind the others.

        Raises:
            UsageError: If the record would not read back equal, or its line is longer than
                64 MiB, or the log is closed.
            LogError: If the disk refuses. The earlier records are kept and nothing of this
                one is, so it may be appended again. If it is the sync that fails, the record
                is in the file, and the log is closed.
        """
        payload = _checked_payload(record)
        with self._mutex:
            self._require_open()
            self._put(payload)
            if self._unsynced >= SYNC_RECORDS or _clock_s() - self._synced_at_s >= SYNC_S:
                self._sync()

    def flush(self) -> None:
        """Make the device hold every record appended so far.

        Raises:
            LogError: If the device refuses; the log is then closed.
        """
        with self._mutex:
            self._require_open()
            self._sync()

    def close(self) -> None:
        """Flush, close the file and so release its lock. Closing twice is allowed."""
        with self._mutex, ExitStack() as always:
            always.callback(self._release)
            if self._fd >= 0 and self._pid == os.getpid():
                self._sync()

    @property
    def records(self) -> Iterator[Record]:
        """The records that the log holds now, streamed from the file."""
        return islice(read_log(self._path), len(self))

    def keys(self, *fields: str) -> set[tuple[Any, ...]]:
        """Return the values of ``fields`` in each record that has them all.

        A run resumes by skipping what is in this set, as in
        ``keys("task", "seed", "trial", "policy")``. Without fields, ``"key"`` is meant.

        Raises:
            UsageError: If a value is a list or an object.
        """
        wanted = fields or ("key",)
        try:
            return {tuple(map(record.get, wanted)) for record in self.records if record.keys() >= set(wanted)}
        except TypeError:
            raise UsageError(f"a resume key has plain values; one of {', '.join(wanted)} has not") from None

    @property
    def tip(self) -> str:
        """The chain of the last line: 32 hex digits that fix every byte up to it."""
        return self._place.chain

    def __len__(self) -> int:
        """Return the number of records, the header not counted."""
        return max(0, self._place.lines - 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _recover(self, header: bytes) -> None:
        """Verify what is there, cut off a torn tail, write the header if there is none."""
        start, _ = _envelope(header, _Place())
        with os.fdopen(self._fd, "rb", closefd=False) as file, suppress(TornTailError):
            found = file.read(len(start))
            file.seek(0)
            # A first line is cut only if it is this very header, torn: else the file is not ours.
            is_torn_header = len(found) < len(start) and start.startswith(found)
            for payload, after in () if is_torn_header else _verified(file, self._path):
                if after.lines == 1:
                    _require_equal(_decode(payload, 1, self._path), json.loads(header), self._path)
                self._place = after
        self.repaired_bytes = os.fstat(self._fd).st_size - self._place.end
        if self.repaired_bytes:
            os.ftruncate(self._fd, self._place.end)
            _sync_data(self._fd)
        if self._place.lines == 0:
            self._put(header)
            self._sync()
            _sync_directory(self._path)

    def _put(self, payload: bytes) -> None:
        """Write one line whole, or leave the log as it was."""
        line, after = _envelope(payload, self._place)
        if len(line) > MAX_LINE_BYTES:
            raise UsageError(f"a log line has at most {MAX_LINE_BYTES} bytes, this one has {len(line)}")
        try:
            self._trim()
            # An interrupt leaves this set, and the next append first removes what it left behind.
            self._overhang = True
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            with suppress(OSError):
                self._trim()
            way_out = "Every line before it is kept; make room, then append it again"
            problem = f"cannot be written: {error.strerror}"
            raise LogError(self._path, after.lines, problem, way_out) from error
        self._place = after
        self._overhang = False
        self._unsynced += 1

    def _trim(self) -> None:
        if self._overhang:
            os.ftruncate(self._fd, self._place.end)
            self._overhang = False

    def _sync(self) -> None:
        if self._unsynced:
            try:
                _sync_data(self._fd)
            except OSError as error:
                # The kernel may drop dirty pages after a failed sync: one that succeeds later
                # proves nothing, so this writer ends here.
                self._release()
                problem = f"the lines since the last sync may not be on the device: {error.strerror}"
                way_out = "The log is closed; open it anew, which keeps every whole line"
                raise LogError(self._path, 0, problem, way_out) from error
        self._unsynced = 0
        self._synced_at_s = _clock_s()

    def _require_open(self) -> None:
        if self._fd < 0 or self._pid != os.getpid():
            raise UsageError(f"{self._path} is not open in this process; open it with a new LogWriter")

    def _release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _envelope(payload: bytes, place: _Place) -> tuple[bytes, _Place]:
    """Return the line that holds ``payload`` at ``place``, and the place behind it."""
    chain = digest(place.chain.encode() + payload)
    form = b'{"chain":"%s","len":%d,"n":%d,"record":%s}\n'
    line = form % (chain.encode(), len(payload), place.lines, payload)
    return line, _Place(place.lines + 1, place.end + len(line), chain)


def _verified(file: BinaryIO, path: StrPath) -> Iterator[tuple[bytes, _Place]]:
    """Yield each record's bytes and the place behind its line, as long as lines verify.

    Only a newline byte ends a line: U+0085 and U+2028 are letters of a record.
    """
    place = _Place()
    while raw := file.readline(MAX_LINE_BYTES):
        match = _LINE.fullmatch(raw)
        line, after = _envelope(match[2] if match else b"", place)
        if match is None or line != raw:
            _reject(raw, int(match[1]) if match else None, place, path, is_last=not file.read(1))
        yield match[2], after
        place = after


def _reject(raw: bytes, n: int | None, place: _Place, path: StrPath, *, is_last: bool) -> NoReturn:
    """Say why ``raw``, which claims to be line ``n``, is not the line at ``place``."""
    if n is None:
        problem = "not the form of a log line" if raw.endswith(b"\n") else "an incomplete line"
    elif n != place.lines:
        problem = f"line {n} of a log where line {place.lines} belongs"
    else:
        problem = "a changed line, or one that followed another line"
    kind, way_out = LogError, f"Nothing was changed; `head -c {place.end}` gives the lines before it"
    if place.lines == 0:
        way_out = "Nothing was changed; without its header this is no log. Give another path"
    elif is_last:
        kind, way_out = TornTailError, "The command that wrote it goes on from there if it is run again"
    raise kind(path, place.lines + 1, f"found {problem}, at byte {place.end}", way_out)


def _header(lines: Iterator[tuple[bytes, _Place]], path: StrPath) -> Record:
    payload, _ = next(lines, (b"{}", None))
    header = _decode(payload, 1, path)
    if not header.items() >= _OWN.items():
        raise LogError(path, 1, "not the header of simenv-run version 1", "Give another path")
    return header


def _decode(payload: bytes, line: int, path: StrPath) -> Record:
    """Return the record of a line; a right chain over bad JSON is a forgery and is refused."""
    try:
        record: Record = json.loads(payload)
        if _payload(record) == payload:
            return record
        why = "not in canonical form"
    except (ValueError, RecursionError) as error:
        why = f"not JSON: {error}"
    raise LogError(path, line, f"the record is {why}", "No simenv wrote this line; get the log anew")


def _checked_payload(record: object) -> bytes:
    """Return the bytes of a record that will read back equal."""
    try:
        payload = _payload(record)
        if isinstance(record, dict) and json.loads(payload) == record:
            return payload
        why = "it must read back equal: a dict with string keys, no tuples, whole letters"
    except (TypeError, ValueError, RecursionError) as error:
        why = str(error)
    raise UsageError(f"a log record is plain JSON; {why}")


def _payload(record: object) -> bytes:
    # An agent may send half a surrogate pair. It can only stand inside a JSON string, and
    # there backslashreplace writes just its JSON escape.
    return canonical(record).encode(errors="backslashreplace")


def _require_equal(stored: Record, wanted: Record, path: StrPath) -> None:
    """Refuse to continue a run with another header, and name the field that differs."""
    for field in sorted(stored.keys() | wanted.keys()):
        was, now = (canonical(header[field])[:80] if field in header else None for header in (stored, wanted))
        if was != now:
            raise UsageError(
                f"{path} was started with {field} = {was}, this run has {now}. "
                f"Give the same {field} to resume it, or another path to start a new log"
            )


def _claim(fd: int, path: Path) -> None:
    """Lock the file against other writers until it is closed."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise LogError(path, 0, "not a regular file", "A log is repaired in place; give another path")
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            way_out = "Wait until it has closed the log, or give another path"
            raise LogError(path, 0, "another writer has this log open", way_out) from error


def _sync_directory(path: Path) -> None:
    """Make the name of a new file last, which syncing the file does not."""
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _telling(path: StrPath, doing: str) -> Iterator[None]:
    """Turn what the system says into a LogError."""
    try:
        yield
    except OSError as error:
        raise LogError(path, 0, f"cannot be {doing}: {error.strerror}", "Check path and disk") from error
