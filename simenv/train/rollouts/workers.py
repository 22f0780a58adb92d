"""The environment side of rollouts: many episodes, spread over worker processes. No torch.

Workers hold nothing that is not known here as well: the pool keeps the actions of every open episode, so a
worker that dies or hangs is replaced and its episodes are played again, to the same bytes.
"""

import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

from simenv.core.errors import ReplayError, SimenvError, UsageError
from simenv.core.task import Task
from simenv.episodes import faces
from simenv.episodes.chat import Message
from simenv.train.rollouts.desk import Desk, decode, encode
from simenv.train.rollouts.seat import Seat

K = TypeVar("K", bound=Hashable)
RESTARTS = 3
"""How often one episode may cost a worker before the pool gives up on it."""


class WorkerError(SimenvError):
    """An episode, or the start of a worker, failed again and again."""


class Opening(NamedTuple):
    """How an episode begins.

    Attributes:
        task: Id of the task.
        chat: Policy and opening as chat messages.
        tools: Tool schemas in the OpenAI function format.
        digest: The digest chain at reset.
    """

    task: str
    chat: tuple[Message, ...]
    tools: list[dict[str, Any]]
    digest: str


class RemoteStep(NamedTuple):
    """What one action brought; see ``simenv.Step``.

    Attributes:
        chat: The agent's own message, then what was heard.
        reward: 0.0 until the end, then the verdict's.
        terminated: Whether the conversation is over.
        truncated: Whether the budget cut it off.
        why: Why the episode is over, or "".
        error: Code of the first mistake in the action, or "".
        digest: The digest chain after the step.
        calls: How many tool calls the action made.
        refused: How many of them were refused, or 1 for an action that could not be read.
        verdict: At the end the whole verdict, ready for JSON; before it None.
    """

    chat: tuple[Message, ...]
    reward: float
    terminated: bool
    truncated: bool
    why: str
    error: str
    digest: str
    calls: int
    refused: int
    verdict: dict[str, Any] | None

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


@dataclass(slots=True)
class _Life(Generic[K]):
    """An open episode: where it is played and all that is needed to play it again."""

    number: int
    key: K
    task: Task
    place: int
    digest: str = ""
    actions: list[str] = field(default_factory=list)
    restarts: int = 0


class EnvPool(Generic[K]):
    """Episodes under keys, stepped in batches: one message to each worker and back.

    Results depend on tasks and actions only: not on the number of workers, not on which worker plays what,
    not on workers that die. A new episode goes to the worker with the fewest, the first of them, so that
    the place follows from the order of the calls alone. A step that raises has not happened.

    Workers start when they are first needed; they end with ``close``, with the pool, and with the process of
    the pool however that ends. Use it as a context manager.

    Args:
        workers: How many processes; 0 plays everything in this one, with the same results.
        face: ``"full"`` or ``"compact"``.
        latency_s: Seconds that each step sleeps in its worker, one after the other, to stand for an
            environment that is slow. Replays do not sleep.
        timeout_s: A worker that begins no other episode's step for so long is killed and replaced.
        prepare: ``"module:function"`` that every worker calls before anything else, such as one that
            registers a domain of one's own; "" for nothing. In process it is not called.

    Raises:
        UsageError: If a number is out of range, or the face is unknown.
    """

    def __init__(
        self,
        workers: int,
        *,
        face: str = "compact",
        latency_s: float = 0.0,
        timeout_s: float = 60.0,
        prepare: str = "",
    ) -> None:
        if workers < 0:
            raise UsageError(f"workers is an integer >= 0, got {workers}")
        if latency_s < 0 or timeout_s <= latency_s:
            raise UsageError(f"0 <= latency_s < timeout_s is needed, got {latency_s:g} and {timeout_s:g}")
        faces.face(face)
        settings = {"face": face, "latency_s": latency_s, "prepare": prepare}
        self._seats = [Seat(settings, timeout_s) for _ in range(workers)]
        self._face, self._latency_s = face, latency_s
        self._desk: Desk | None = None
        self._lives: dict[K, _Life[K]] = {}
        self._faults = [0] * workers
        self._next = 0
        self.restarts = 0
        """How many workers were replaced so far."""
        self._end = weakref.finalize(self, _close, self._seats)

    @property
    def pids(self) -> list[int | None]:
        """Process id of each worker, None where it has not been started."""
        return [seat.pid for seat in self._seats]

    def __len__(self) -> int:
        """How many episodes are open."""
        return len(self._lives)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker. The pool is of no use afterwards."""
        self._lives.clear()
        self._end()

    def open(self, jobs: Iterable[tuple[K, Task]]) -> dict[K, Opening]:
        """Start an episode of each task and return how it begins, in the order of ``jobs``.

        Raises:
            UsageError: If a key is open already or given twice, or a task does not fit its world.
            WorkerError: If the task ends every worker that touches it.
        """
        self._require_open()
        fresh: dict[K, Task] = {}
        for key, task in jobs:
            if key in self._lives or key in fresh:
                raise UsageError(f"a key names one open episode; {key!r} is given twice")
            fresh[key] = task
        lives = {key: self._begin(key, task) for key, task in fresh.items()}
        requests = {
            place: _opening([life for life in lives.values() if life.place == place])
            for place in sorted({life.place for life in lives.values()})
        }
        found = self._exchange(requests, new=lives)
        for key, life in lives.items():
            life.digest = found[key]["digest"]
        return {
            key: Opening(life.task.id, tuple(found[key]["chat"]), found[key]["tools"], life.digest)
            for key, life in lives.items()
        }

    def step(self, actions: Mapping[K, str]) -> dict[K, RemoteStep]:
        """Carry out one action in each of these episodes; finished ones are closed.

        Raises:
            UsageError: If a key is not open, or an action is no string; nothing is carried out then.
            WorkerError: If one of them ends every worker that plays it; it names the task.
        """
        for key, action in actions.items():
            self._life(key)
            if not isinstance(action, str):
                raise UsageError(f"an action is a string, got {type(action).__name__} for {key!r}")
        found = self._exchange(self._spread("step", actions))
        steps = {key: RemoteStep(**{**found[key], "chat": tuple(found[key]["chat"])}) for key in actions}
        for key, step in steps.items():
            life = self._lives[key]
            life.actions.append(actions[key])
            life.digest = step.digest
            if step.done:
                del self._lives[key]
        return steps

    def drop(self, keys: Iterable[K]) -> dict[K, dict[str, Any]]:
        """Close episodes before their end and return the verdict as it stands, ready for JSON.

        Raises:
            UsageError: If a key is not open.
        """
        named = list(dict.fromkeys(keys))
        for key in named:
            self._life(key)
        found = self._exchange(self._spread("drop", named))
        for key in named:
            del self._lives[key]
        return {key: found[key] for key in named}

    def _begin(self, key: K, task: Task) -> _Life[K]:
        loads = [0] * max(len(self._seats), 1)
        for life in self._lives.values():
            loads[life.place] += 1
        life = self._lives[key] = _Life(self._next, key, task, loads.index(min(loads)))
        self._next += 1
        return life

    def _life(self, key: K) -> _Life[K]:
        if key not in self._lives:
            raise UsageError(f"no episode is open under {key!r}; it has ended, or open() it first")
        return self._lives[key]

    def _spread(self, field: str, asked: Mapping[K, str] | Sequence[K]) -> dict[int, dict[str, Any]]:
        """Return one message for each place that is concerned."""
        requests: dict[int, dict[str, Any]] = {}
        for key in asked:
            life = self._lives[key]
            entry = [life.number, asked[key]] if isinstance(asked, Mapping) else life.number
            requests.setdefault(life.place, {field: []})[field].append(entry)
        return requests

    def _require_open(self) -> None:
        if not self._end.alive:
            raise UsageError("the pool is closed; make another")

    def _exchange(
        self, requests: Mapping[int, dict[str, Any]], new: Mapping[K, _Life[K]] | None = None
    ) -> dict[K, dict[str, Any]]:
        """Ask every place at once and return what each episode gave; all of it or nothing."""
        self._require_open()
        fresh = frozenset(life.number for life in (new or {}).values())
        is_done = False
        try:
            written = {place: encode(asked) for place, asked in requests.items()}
            replies = self._gather(written, fresh) if self._seats else self._serve(written, fresh)
            results = {place: _result(reply) for place, reply in replies.items()}
            is_done = True
        finally:
            if not is_done:
                self._forget(requests, new or {})
        numbers = {life.number: life.key for life in self._lives.values()}
        return {
            numbers[number]: result
            for place, asked in requests.items()
            for number, result in zip(_numbers(asked), results[place], strict=True)
        }

    def _forget(self, requests: Mapping[int, Any], new: Mapping[K, _Life[K]]) -> None:
        """Make those anew who did an unknown part of what was asked, and drop what was to be opened."""
        self._desk = None
        for place in requests if self._seats else ():
            self._seats[place].stop()
        for key in new:
            del self._lives[key]

    def _serve(self, requests: Mapping[int, bytes], fresh: frozenset[int]) -> dict[int, bytes]:
        """Serve in this process."""
        if self._desk is None:
            desk = Desk(face=self._face, latency_s=self._latency_s, mark=lambda at: None)
            self._resume(desk.serve, 0, fresh)
            self._desk = desk
        return {place: self._desk.serve(data) for place, data in requests.items()}

    def _gather(self, requests: Mapping[int, bytes], fresh: frozenset[int]) -> dict[int, bytes]:
        for place, data in requests.items():
            self._send(place, data, fresh)
        replies = {}
        for place, data in requests.items():
            while (reply := self._seats[place].receive()) is None:
                self._blame(place)
                self._send(place, data, fresh)
            self._faults[place] = 0
            replies[place] = reply
        return replies

    def _send(self, place: int, data: bytes, fresh: frozenset[int]) -> None:
        """Send a message to a place; a worker that is missing is made first, up to where it was."""
        seat = self._seats[place]
        while not seat.alive:
            seat.start()
            if not self._resume(lambda message: _ask(seat, message), place, fresh):
                self._blame(place)
        seat.send(data)

    def _resume(self, ask: Callable[[bytes], bytes | None], place: int, fresh: frozenset[int]) -> bool:
        """Play the episodes of a place again up to where they were; return whether there was an answer.

        Raises:
            ReplayError: If one comes out otherwise.
        """
        lives = [life for life in self._lives.values() if life.place == place and life.number not in fresh]
        reply = ask(encode(_opening(lives))) if lives else encode({"done": []})
        for life, opened in zip(lives, _result(reply), strict=True) if reply is not None else ():
            if opened["now"] != life.digest:
                raise ReplayError(len(life.actions), expected=life.digest, got=opened["now"])
        return reply is not None

    def _blame(self, place: int) -> None:
        """Count the loss of a worker against the episode that it was playing.

        Raises:
            WorkerError: If that has happened too often.
        """
        seat = self._seats[place]
        self.restarts += 1
        _, number = seat.mark()
        life = next((life for life in self._lives.values() if life.number == number), None)
        if life is None:
            self._faults[place] += 1
            if self._faults[place] > RESTARTS:
                raise WorkerError(
                    f"worker {place} {seat.reason} before it played anything, {self._faults[place]} times in "
                    "a row; what it wrote to standard error says why"
                )
            return
        life.restarts += 1
        if life.restarts > RESTARTS:
            raise WorkerError(
                f"task {life.task.id}, episode {life.key!r}: at action {len(life.actions)}, counted from 0, "
                f"the worker {seat.reason}, and so after each of {RESTARTS} restarts. Play the task with "
                "workers=0 to see why, or leave it out"
            )


def _ask(seat: Seat, message: bytes) -> bytes | None:
    seat.send(message)
    return seat.receive()


def _opening(lives: Sequence[_Life[Any]]) -> dict[str, Any]:
    """Return the message that opens these episodes and plays their actions; each task stands in it once."""
    tasks = {life.task.id: life.task for life in lives}
    return {
        "tasks": {name: task.to_json() for name, task in tasks.items()},
        "open": [[life.number, life.task.id, life.actions] for life in lives],
    }


def _numbers(asked: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the episodes that a message is about."""
    if "drop" in asked:
        return list(asked["drop"])
    return [entry[0] for entry in asked.get("step") or asked["open"]]


def _result(reply: bytes) -> list[dict[str, Any]]:
    found = decode(reply)
    if "error" in found:
        raise UsageError(found["error"])
    results: list[dict[str, Any]] = found["done"]
    return results


def _close(seats: Sequence[Seat]) -> None:
    for seat in seats:
        seat.close()
