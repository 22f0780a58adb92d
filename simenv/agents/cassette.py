"""A cassette: what a model was asked and what it answered, so that a run can be played without it.

A cassette is a log (see ``simenv.core.log``), so it is only appended to and a torn tail is repaired. A record
is ``{"task", "trial", "step", "key", "request", "parts", "reply"}``: the place at which was asked, the digest
of the whole request, its outline, the messages that no earlier record holds, and the reply. In an outline
each message, and the list of tools, stands as its digest; so a conversation is written once and not once per
step. The place is part of the look-up: the same request may get another answer in another trial.

Keys of the API are sent in headers, and a cassette holds bodies only.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError, LogError, SimenvError
from simenv.core.log import LogWriter, Record, read_header, read_log

_HEADER = {"cassette": 1}
_PARTS = ("messages", "tools")
_SHOWN = 120


class NotRecordedError(SimenvError):
    """A cassette that is played without a network does not hold a request."""


class Place(NamedTuple):
    """Where something was asked: the attempt at a task, and how many requests came before."""

    task: str
    trial: int
    step: int


class Cassette:
    """Requests and their replies in a file. Threads may share one.

    Args:
        path: The file; made if it does not exist, unless ``offline``.
        offline: Play only: nothing is written, and a request that is not there is an error.

    Raises:
        LogError: If the file is damaged, in use, or not there to be played.
        UsageError: If the file is a log of something else.
        DataError: If a record is none of a cassette.
    """

    def __init__(self, path: str | PathLike[str], *, offline: bool = False) -> None:
        self.offline = offline
        self._path = Path(path)
        self._log = None if offline else LogWriter(path, _HEADER)
        self._lock = threading.Lock()
        self._replies: dict[tuple[Place, str], Record] = {}
        self._parts: dict[str, None] = {}
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            for record in self._records():
                self._replies[_place(record), record["key"]] = record["reply"]
                self._parts.update(dict.fromkeys(record["parts"]))
            on_failure.pop_all()

    def find(self, place: Place, request: Record) -> Record | None:
        """Return the reply to a request at a place, or None if it has to be asked.

        Raises:
            NotRecordedError: If there is none and nobody may be asked; it says what comes nearest.
        """
        key = _key(request)
        found = self._replies.get((place, key))
        if found is None and self.offline:
            raise NotRecordedError(self._miss(place, key, request))
        return found

    def keep(self, place: Place, request: Record, reply: Record) -> None:
        """Record a reply; the first one at a place stays.

        Raises:
            LogError: If the disk refuses; every earlier record is kept.
        """
        key = _key(request)
        outline, parts = _outline(request)
        with self._lock:
            if self._log is None or (place, key) in self._replies:
                return
            fresh = {name: part for name, part in parts.items() if name not in self._parts}
            record = {"key": key, "request": outline, "parts": fresh, "reply": reply}
            self._log.append(place._asdict() | record)
            self._replies[place, key] = reply
            self._parts.update(dict.fromkeys(fresh))

    def close(self) -> None:
        """Close the file. Closing twice is allowed."""
        if self._log is not None:
            self._log.close()

    def __len__(self) -> int:
        """Return the number of replies."""
        return len(self._replies)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _records(self) -> Iterator[Record]:
        """Yield what the file holds, each record of the right form."""
        if read_header(self._path).get("cassette") != _HEADER["cassette"]:
            problem, way_out = "a log, but no cassette", "Give the file that --cassette wrote"
            raise LogError(self._path, 1, problem, way_out)
        for line, record in enumerate(read_log(self._path, allow_torn_tail=self.offline), 2):
            if not _is_whole(record):
                raise DataError(self._path, line, "not a record of a cassette", "Record it again")
            yield record

    def _miss(self, place: Place, key: str, request: Record) -> str:
        """Say what of the cassette comes nearest to a request, and in what it differs."""
        outline, parts = _outline(request)
        told: Record = {}
        best: tuple[int, Place, Record] | None = None
        for record in self._records():
            told |= record["parts"]
            at = _place(record)
            likeness = _likeness(at, record, place, key, outline)
            if likeness and (best is None or likeness > best[0]):
                best = likeness, at, record
        asked = f"{self._path} does not hold request {place.step} of task {place.task}, trial {place.trial}"
        way_out = "Run without --offline to record it"
        if best is None:
            return f"{asked}, nor any like it. {way_out}"
        _, at, record = best
        if record["key"] == key:
            return f"{asked}; it holds the same for trial {at.trial}, request {at.step}. {way_out}"
        where = "there" if at == place else f"at request {at.step} of trial {at.trial}"
        return (
            f"{asked}. Recorded {where}: {_difference(record['request'], outline, told | parts)}. {way_out}"
        )


def _place(record: Record) -> Place:
    return Place(record["task"], record["trial"], record["step"])


def _is_whole(record: Record) -> bool:
    kinds = {
        "task": str,
        "trial": int,
        "step": int,
        "key": str,
        "request": dict,
        "parts": dict,
        "reply": dict,
    }
    return record.keys() == kinds.keys() and all(isinstance(record[name], kinds[name]) for name in kinds)


def _bytes(value: Any) -> bytes:
    # Half a surrogate pair, which an agent may have sent, has a digest too.
    return canonical(value).encode("utf-8", "surrogatepass")


def _key(request: Record) -> str:
    return digest(_bytes(request))


def _outline(request: Record) -> tuple[Record, Record]:
    """Return a request with digests for its messages and tools, and what they stand for."""
    messages = {digest(_bytes(each)): each for each in request["messages"]}
    tools = request.get("tools")
    outline = {name: value for name, value in request.items() if name not in _PARTS}
    outline["messages"] = [digest(_bytes(each)) for each in request["messages"]]
    outline["tools"] = digest(_bytes(tools)) if tools else ""
    return outline, messages | ({outline["tools"]: tools} if tools else {})


def _likeness(at: Place, record: Record, place: Place, key: str, outline: Record) -> int:
    """Return how near a record comes; 0 is not at all."""
    if at.task != place.task:
        return 0
    nearness = 1 + _shared(record["request"].get("messages", []), outline["messages"])
    for matters, weight in (
        (at.trial == place.trial, 10**3),
        (at == place, 10**4),
        (record["key"] == key, 10**5),
    ):
        nearness += weight if matters else 0
    return nearness


def _shared(left: list[Any], right: list[Any]) -> int:
    """Return how many items two lists have in common before they part."""
    return next(
        (n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(map(len, (left, right)))
    )


def _difference(recorded: Record, asked: Record, parts: Record) -> str:
    """Name the first thing in which two outlines differ, settings before messages."""
    for name in sorted((recorded.keys() | asked.keys()) - {"messages"}):
        was, now = recorded.get(name), asked.get(name)
        if was != now:
            return (
                "other tools"
                if name == "tools"
                else f"{name} = {_shown(was)}, and {_shown(now)} is asked for"
            )
    left, right = recorded.get("messages", []), asked["messages"]
    at = _shared(left, right)
    was, now = (_message(each[at], parts) if at < len(each) else "nothing" for each in (left, right))
    return f"message {at} is {was}, and {now} is asked for"


def _message(name: str, parts: Record) -> str:
    message = parts.get(name)
    if not isinstance(message, dict):
        return "one that is not kept"
    said = message.get("tool_calls") or message.get("content")
    return f"{message.get('role')} {_shown(said)}"


def _shown(value: Any) -> str:
    text = canonical(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
