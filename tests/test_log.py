"""Laws of the run log: nothing appended is lost or doubled, and nothing changed goes unseen."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import blake2b
from io import BytesIO
from itertools import combinations
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.core import log
from simenv.core.draws import Draws
from simenv.core.errors import LogError, UsageError
from simenv.core.log import LogWriter, TornTailError, read_header, read_log

ROOT = Path(__file__).resolve().parents[1]
IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
KILLS_PER_LOG = 10
LOGS = 20 if IS_DEEP else 1
# Each of these examples writes files and syncs them, so the deep profile takes fewer than elsewhere.
EXAMPLES = 1_000 if IS_DEEP else 100
HEADER = {"domain": "airline", "split": "test"}
RECORDS: list[dict[str, Any]] = [
    {"key": 0, "text": "next\u0085line\u2028and\u2029on", "half": "\ud800"},
    {"key": 1, "nested": {"list": [1, None, True, -0.5, 2**63]}},
    {"key": 2, "text": '"},\\n{"chain":', "nul": "\x00"},
    {"key": 3},
]

letters = st.text(st.characters(), max_size=20) | st.text('\n\r\u0085\u2028\x00\ud800\udfff\\"{}', max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | letters,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(letters, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "RUN.jsonl"


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the sync where a law opens thousands of logs and is not about power cuts."""
    monkeypatch.setattr(log, "_sync_data", lambda _: None)
    monkeypatch.setattr(log, "_sync_directory", lambda _: None)


def write(path: Path, records: list[dict[str, Any]] = RECORDS) -> bytes:
    with LogWriter(path, HEADER) as writer:
        for record in records:
            writer.append(record)
    return path.read_bytes()


def resume(path: Path, records: list[dict[str, Any]] = RECORDS) -> None:
    with LogWriter(path, HEADER) as writer:
        done = writer.keys()
        for record in records:
            if (record["key"],) not in done:
                writer.append(record)


def read_until_error(path: Path) -> tuple[list[dict[str, Any]], LogError | None]:
    got = []
    try:
        for record in read_log(path):
            got.append(record)
    except LogError as error:
        return got, error
    return got, None


def run_python(program: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    search = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", search + program, *arguments], stdout=subprocess.PIPE, text=True, **options
    )


# What goes in comes out


@settings(max_examples=EXAMPLES)
@given(records=st.lists(st.dictionaries(letters, values, max_size=4), max_size=5))
def test_what_was_appended_is_read_or_was_refused(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "RUN.jsonl"
    kept = []
    with LogWriter(path, HEADER) as writer:
        for record in records:
            try:
                writer.append(record)
            except UsageError:
                assert json.loads(json.dumps(record)) != record, "only half letters side by side are refused"
            else:
                kept.append(record)
        assert list(writer.records) == kept
        assert len(writer) == len(kept)
    assert list(read_log(path)) == kept
    assert path.read_bytes().count(b"\n") == len(kept) + 1


def test_the_header_is_read_alone(path: Path) -> None:
    write(path)
    assert read_header(path) == {"kind": "header", "format": "simenv-run", "version": 1} | HEADER


def test_anyone_can_recompute_the_chain(path: Path) -> None:
    chain = ""
    for n, line in enumerate(write(path).split(b"\n")[:-1]):
        envelope = json.loads(line)
        payload = line[line.index(b'"record":') + len('"record":') : -1]
        chain = blake2b(chain.encode() + payload, digest_size=16).hexdigest()
        assert (envelope["chain"], envelope["n"], envelope["len"]) == (chain, n, len(payload))


@pytest.mark.parametrize(
    "record",
    [{"a": float("nan")}, {"a": (1,)}, {1: 2}, {"a": object()}, {"a": "\ud83d\ude00"}, {"a": {1: 1, "1": 2}}],
    ids=["nan", "tuple", "integer key", "object", "pair of halves", "keys that meet"],
)
def test_a_record_that_would_not_read_back_equal_is_refused(path: Path, record: dict[str, Any]) -> None:
    with LogWriter(path, HEADER) as writer:
        writer.append({"key": 0})
        with pytest.raises(UsageError, match="plain JSON"):
            writer.append(record)
        writer.append({"key": 1})
    assert [record["key"] for record in read_log(path)] == [0, 1]


def test_a_circle_is_refused(path: Path) -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    with LogWriter(path, HEADER) as writer, pytest.raises(UsageError, match="plain JSON"):
        writer.append(circle)


def test_a_record_over_the_line_limit_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_LINE_BYTES", 300)
    with LogWriter(path, HEADER) as writer:
        with pytest.raises(UsageError, match="at most 300 bytes"):
            writer.append({"text": "x" * 300})
        writer.append({"key": 1})
    assert list(read_log(path)) == [{"key": 1}]


def test_reading_takes_constant_memory(path: Path, unsynced: None) -> None:
    write(path, [{"key": n, "text": "x" * 1000} for n in range(3000)])
    tracemalloc.start()
    assert sum(1 for _ in read_log(path)) == 3000
    LogWriter(path, HEADER).close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300_000, "the file has 3.3 MB"


# Damage


def damaged(mutated: bytes, line: int) -> tuple[bytes, bool]:
    """Return the bytes before the damaged line, and whether it is the last one."""
    pieces = list(BytesIO(mutated))
    return b"".join(pieces[:line]), line == len(pieces) - 1


def check_damage(path: Path, mutated: bytes, line: int) -> None:
    """The documented fate of a log whose first damage is in ``line``, the header being line 0."""
    good, is_last = damaged(mutated, line)
    path.write_bytes(mutated)
    got, error = read_until_error(path)
    assert got == RECORDS[: max(0, line - 1)]
    assert error is not None
    assert error.line == line + 1
    assert isinstance(error, TornTailError) == (is_last and line > 0)
    if is_last and line > 0:
        with LogWriter(path, HEADER) as writer:
            assert writer.repaired_bytes == len(mutated) - len(good)
        assert path.read_bytes() == good
    else:
        with pytest.raises(LogError, match="Nothing was changed"):
            LogWriter(path, HEADER)
        assert path.read_bytes() == mutated


def test_every_flipped_bit_is_found(path: Path, unsynced: None) -> None:
    whole = write(path)
    for position in range(len(whole)):
        line = whole.count(b"\n", 0, position)
        for bit in range(8):
            mutated = bytearray(whole)
            mutated[position] ^= 1 << bit
            check_damage(path, bytes(mutated), line)


def test_a_log_cut_anywhere_resumes_to_the_same_bytes(path: Path, unsynced: None) -> None:
    whole = write(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        lines = whole.count(b"\n", 0, size)
        got, error = read_until_error(path)
        assert got == RECORDS[: max(0, lines - 1)]
        assert (error is None) == (size > 0 and whole[size - 1 : size] == b"\n")
        if lines > 0:
            assert list(read_log(path, allow_torn_tail=True)) == got
        resume(path)
        assert path.read_bytes() == whole


def test_swapped_doubled_dropped_and_spliced_lines_are_found(path: Path, unsynced: None) -> None:
    lines = write(path).splitlines(keepends=True)
    assert len(lines) == len(RECORDS) + 1
    for one, other in combinations(range(len(lines)), 2):
        swapped = list(lines)
        swapped[one], swapped[other] = lines[other], lines[one]
        check_damage(path, b"".join(swapped), one)
    for source in range(len(lines)):
        for target in range(1, len(lines) + 1):
            doubled = [*lines[:target], lines[source], *lines[target:]]
            check_damage(path, b"".join(doubled), target if target != source else target + 1)
        if source < len(lines) - 1:
            check_damage(path, b"".join(lines[:source] + lines[source + 1 :]), source)
    path.unlink()
    write(path, [{"key": -n} for n in range(1, 5)])
    foreign = path.read_bytes().splitlines(keepends=True)
    assert foreign[0] == lines[0]
    for cut in range(2, len(lines)):
        check_damage(path, b"".join([*lines[:cut], *foreign[cut:]]), cut)


@settings(max_examples=EXAMPLES)
@given(start=st.integers(0, 600), length=st.integers(0, 60), noise=st.binary(max_size=60))
def test_no_damage_invents_a_record(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("log") / "RUN.jsonl"
    whole = write(path)
    path.write_bytes(whole[:start] + noise + whole[start + length :])
    got, _ = read_until_error(path)
    assert got == RECORDS[: len(got)]


def test_zeros_that_a_power_cut_left_are_cut_off(path: Path) -> None:
    whole = write(path)
    path.write_bytes(whole + bytes(8192))
    with LogWriter(path, HEADER) as writer:
        assert (len(writer), writer.repaired_bytes) == (len(RECORDS), 8192)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("text", [b"dear diary", b"dear\ndiary\n", b'{"a":1}\n', b"\x00\x00", b"\n"])
def test_a_file_that_is_no_log_is_left_alone(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(LogError, match=r"RUN\.jsonl:1: found .* Nothing was changed"):
        LogWriter(path, HEADER)
    with pytest.raises(LogError):
        read_header(path)
    assert path.read_bytes() == text


def test_a_forged_line_with_a_right_chain_is_still_read_strictly(path: Path) -> None:
    for forged in (
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{ "a":1}',
        b'{"a":\xff}',
        b'{"a":' + b"[" * 90_000 + b"}",
    ):
        header, place = log._envelope(log._payload(log._OWN | HEADER), log._Place())  # noqa: SLF001
        line, _ = log._envelope(forged, place)  # noqa: SLF001
        path.write_bytes(header + line)
        with pytest.raises(LogError, match="No simenv wrote this line"):
            list(read_log(path))


def test_a_log_of_another_version_is_not_read(path: Path) -> None:
    line, _ = log._envelope(log._payload(log._OWN | {"version": 2}), log._Place())  # noqa: SLF001
    path.write_bytes(line)
    with pytest.raises(LogError, match="not the header of simenv-run version 1"):
        read_header(path)
    with pytest.raises(UsageError, match="version = 2, this run has 1"):
        LogWriter(path, {})


def test_the_error_says_where_and_what_next(path: Path) -> None:
    whole = write(path)
    path.write_bytes(whole.replace(b'"list":[1,', b'"list":[2,'))
    _, error = read_until_error(path)
    start = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    assert str(error) == (
        f"{path}:3: found a changed line, or one that followed another line, at byte {start}. "
        f"Nothing was changed; `head -c {start}` gives the lines before it"
    )


def test_a_missing_file_is_a_log_error(path: Path) -> None:
    for read in (read_header, lambda path: list(read_log(path))):
        with pytest.raises(LogError, match="No such file"):
            read(path)
    with pytest.raises(LogError, match="cannot be opened: No such file"):
        LogWriter(path / "deeper", HEADER)
    with pytest.raises(LogError, match="cannot be read: Is a directory"):
        read_header(path.parent)


# Resume


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (HEADER | {"domain": "retail"}, "domain"),
        (HEADER | {"seed": 1}, "seed"),
        ({"domain": "airline"}, "split"),
        (HEADER | {"split": 1}, "split"),
    ],
)
def test_another_run_cannot_continue_a_log(path: Path, header: dict[str, Any], field: str) -> None:
    whole = write(path)
    path.write_bytes(whole + b"torn")
    with pytest.raises(UsageError, match=f"was started with {field} = .* Give the same {field}"):
        LogWriter(path, header)
    assert path.read_bytes() == whole + b"torn"


def test_true_is_not_one(path: Path) -> None:
    LogWriter(path, {"seed": 1}).close()
    with pytest.raises(UsageError, match="seed = 1, this run has true"):
        LogWriter(path, {"seed": True})


def test_the_log_keeps_its_own_header_fields(path: Path) -> None:
    with pytest.raises(UsageError, match="sets 'version' itself"):
        LogWriter(path, {"version": 2})
    assert not path.exists()


def test_keys_are_the_records_that_have_every_field(path: Path) -> None:
    with LogWriter(path, HEADER) as writer:
        for record in ({"task": "a", "seed": 1}, {"task": "a"}, {"task": "b", "seed": None}):
            writer.append(record)
        assert writer.keys("task", "seed") == {("a", 1), ("b", None)}
        assert writer.keys() == set()
        writer.append({"key": []})
        with pytest.raises(UsageError, match="plain values"):
            writer.keys()


CHILD = """
from simenv.core.log import LogWriter
with LogWriter(sys.argv[1], {"domain": "airline", "split": "test"}) as writer:
    done = writer.keys()
    print("open", flush=True)
    for n in range(int(sys.argv[2])):
        if (n,) not in done:
            writer.append({"key": n, "text": "x" * (n * 37 % 900)})
            print(n, flush=True)
"""


def kill_at(path: Path, records: int, *, acknowledged: int, pause: int) -> set[int]:
    """Run the child, kill it after some records and some work, and return what it acknowledged."""
    child = run_python(CHILD, str(path), str(records))
    assert child.stdout is not None
    seen = []
    for line in child.stdout:
        seen.append(line)
        if len(seen) > acknowledged:
            break
    for _ in range(pause):
        pass
    os.kill(child.pid, signal.SIGKILL)
    seen += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    return {int(line) for line in seen if line.endswith("\n") and line.strip().isdigit()}


@pytest.mark.parametrize("number", range(LOGS))
def test_a_killed_run_loses_and_doubles_nothing(tmp_path: Path, number: int) -> None:
    records = 150 * KILLS_PER_LOG
    draws = Draws("test_log", "kill", number)
    acknowledged: set[int] = set()
    path, other = tmp_path / "RUN.jsonl", tmp_path / "WHOLE.jsonl"
    for _ in range(KILLS_PER_LOG):
        acknowledged |= kill_at(path, records, acknowledged=draws.below(250), pause=draws.below(100_000))
        keys = [record["key"] for record in read_log(path, allow_torn_tail=True)]
        assert keys == list(range(len(keys)))
        assert acknowledged <= set(keys)
    everything = [{"key": n, "text": "x" * (n * 37 % 900)} for n in range(records)]
    resume(path, everything)
    write(other, everything)
    assert path.read_bytes() == other.read_bytes()


# Disk


def test_a_full_disk_keeps_what_was_committed(path: Path) -> None:
    writer = LogWriter(path, HEADER)
    writer.append(RECORDS[0])
    before = path.read_bytes()
    disk, full = os.dup(writer._fd), os.open("/dev/full", os.O_WRONLY)  # noqa: SLF001
    os.dup2(full, writer._fd)  # noqa: SLF001
    with pytest.raises(LogError, match="Every line before it is kept; make room") as caught:
        writer.append(RECORDS[1])
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    os.dup2(disk, writer._fd)  # noqa: SLF001
    assert path.read_bytes() == before
    for record in RECORDS[1:]:
        writer.append(record)
    writer.close()
    assert list(read_log(path)) == RECORDS
    os.close(disk)
    os.close(full)


def test_a_device_is_no_log() -> None:
    with pytest.raises(LogError, match="not a regular file"):
        LogWriter("/dev/full", HEADER)


LIMITED = """
import os, resource
from simenv.core.errors import LogError
from simenv.core.log import LogWriter, read_log
path, hard = sys.argv[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1]
writer = LogWriter(path, {})
size, appended = os.path.getsize(path), 0
for extra in range(1, 900, 41):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + extra, hard))
    try:
        while True:
            writer.append({"key": appended, "text": "x" * 300})
            appended += 1
    except LogError as error:
        assert "File too large" in str(error), error
    assert [record["key"] for record in read_log(path)] == list(range(appended))
    assert len(writer) == appended
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    size = os.path.getsize(path)
writer.append({"key": appended})
writer.close()
print(appended, len(list(read_log(path))))
"""


def test_a_file_size_limit_leaves_no_part_of_a_line(path: Path) -> None:
    """The limit makes the system take only the first bytes of a line, then refuse the rest."""
    child = run_python(LIMITED, str(path))
    out, _ = child.communicate()
    assert child.returncode == 0
    appended, read = map(int, out.split())
    assert read == appended + 1 > 10


def test_a_short_write_is_finished(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write(path)
    path.unlink()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    assert write(path) == whole


def test_a_failed_sync_closes_the_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(path, HEADER)
    writer.append({"key": 0})

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(log, "_sync_data", fail)
        with pytest.raises(LogError, match="the lines since the last sync may not be on the device"):
            writer.flush()
    with pytest.raises(UsageError, match="not open"):
        writer.append({"key": 1})
    writer.close()
    assert list(read_log(path)) == [{"key": 0}]


def test_an_interrupted_append_leaves_no_trace(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def interrupt(fd: int, data: bytes) -> int:
        real(fd, data[:20])
        raise KeyboardInterrupt

    with LogWriter(path, HEADER) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", interrupt)
            with pytest.raises(KeyboardInterrupt):
                writer.append({"key": 0})
        writer.append({"key": 1})
    assert list(read_log(path)) == [{"key": 1}]


def ticks(*, step_s: float) -> Callable[[], float]:
    times: Iterator[float] = (step_s * n for n in range(10**9))
    return lambda: next(times)


@pytest.mark.parametrize(("step_s", "syncs"), [(0.0, 3), (0.001, 3), (0.3, 63), (5.0, 250)])
def test_time_decides_when_to_sync_and_never_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float, syncs: int
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(log, "_sync_data", counted.append)
    monkeypatch.setattr(log, "_clock_s", ticks(step_s=step_s))
    records = [{"key": n} for n in range(250)]
    with LogWriter(tmp_path / "log", HEADER) as writer:
        assert len(counted) == 1, "the header is synced at once"
        for record in records:
            writer.append(record)
    assert len(counted) == 1 + syncs
    monkeypatch.setattr(log, "_clock_s", ticks(step_s=0.0))
    assert (tmp_path / "log").read_bytes() == write(tmp_path / "other", records)


# Writers


def test_a_second_writer_is_refused(path: Path) -> None:
    program = "from simenv.core.log import LogWriter\nLogWriter(sys.argv[1], {})"
    with LogWriter(path, HEADER) as writer:
        writer.append({"key": 0})
        with pytest.raises(LogError, match="another writer has this log open"):
            LogWriter(path, HEADER)
        child = run_python(program, str(path), stderr=subprocess.PIPE)
        _, complaint = child.communicate()
        assert "another writer has this log open. Wait until it has closed the log" in complaint
        writer.append({"key": 1})
    LogWriter(path, HEADER).close()
    assert len(list(read_log(path))) == 2


def test_a_failed_opening_leaves_no_lock(path: Path) -> None:
    LogWriter(path, HEADER).close()
    with pytest.raises(UsageError):
        LogWriter(path, {})
    LogWriter(path, HEADER).close()


FORK = """
import os
from simenv.core.errors import LogError, UsageError
from simenv.core.log import LogWriter
with LogWriter(sys.argv[1], {"domain": "airline", "split": "test"}) as writer:
    writer.append({"key": 0})
    if os.fork() == 0:
        try:
            writer.append({"key": "child"})
        except UsageError:
            writer.close()
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    try:
        LogWriter(sys.argv[1], {})
    except LogError as error:
        print(error)
    writer.append({"key": 1})
"""


def test_a_forked_child_may_neither_write_nor_unlock(path: Path) -> None:
    child = run_python(FORK, str(path))
    out, _ = child.communicate()
    assert child.returncode == 0
    assert "another writer" in out
    assert list(read_log(path)) == [{"key": 0}, {"key": 1}]


def test_threads_do_not_interleave(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def write_a_part(fd: int, data: bytes) -> int:
        """Leave the line half written and let the other threads run."""
        done = real(fd, data[:200])
        sleep(0)
        return done

    monkeypatch.setattr(os, "write", write_a_part)
    with LogWriter(path, HEADER) as writer:

        def work(name: int) -> None:
            for n in range(100):
                writer.append({"key": [name, n], "text": "x" * 200})

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    got = [tuple(record["key"]) for record in read_log(path)]
    assert sorted(got) == [(name, n) for name in range(4) for n in range(100)]
    assert all([n for who, n in got if who == name] == list(range(100)) for name in range(4))


def test_a_closed_log_says_so(path: Path) -> None:
    writer = LogWriter(path, HEADER)
    writer.close()
    writer.close()
    for use in (writer.flush, lambda: writer.append({})):
        with pytest.raises(UsageError, match="open it with a new LogWriter"):
            use()
    assert len(writer) == 0
    assert list(writer.records) == []
