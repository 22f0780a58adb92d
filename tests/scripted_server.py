"""An OpenAI-compatible server on loopback that answers by a script; it counts, breaks and hangs as told."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

from typing_extensions import override

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.task import Task
from simenv.episodes.episode import Episode


class Asked(NamedTuple):
    """One request; ``number`` counts them from 0."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What is sent back: JSON, or raw text; or nothing, by cutting the line or by saying nothing for long."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: bool = False
    hang: bool = False
    wait_s: float = 0.0


Script = Callable[[Asked], Answer]


class ScriptedServer:
    """Serves a script while it is entered.

    Attributes:
        asked: Every request so far, in the order in which they came.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def take(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Answer:
        with self._lock:
            asked = Asked(len(self.asked), path, headers, body)
            self.asked.append(asked)
        return self.script(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    owner: ScriptedServer
    request_queue_size = 64

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is no error of a server's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.owner.take(self.path, dict(self.headers), body)
        if answer.hang or answer.wait_s:
            self.server.owner.over.wait(60 if answer.hang else answer.wait_s)
        if answer.cut:
            # Lingering for no time makes the system reset the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        data = json.dumps(answer.body).encode() if answer.raw is None else answer.raw
        if "Date" in answer.headers:
            self.send_response_only(answer.status)
        else:
            self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def completion(message: Mapping[str, Any], finish: str = "stop") -> Answer:
    """Return a chat completion that holds a message."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return Answer({"object": "chat.completion", "choices": [choice], "usage": usage})


def spoken(action: str, step: int) -> dict[str, Any]:
    """Return the message by which a model takes an action: tool calls with ids, or words."""
    if action[:1] not in ("{", "["):
        return {"content": action}
    found = json.loads(action)
    calls = [
        {
            "id": f"call-{step}-{at}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for at, call in enumerate(found if isinstance(found, list) else [found])
    ]
    return {"content": None, "tool_calls": calls}


def oracle_actions(task: Task) -> list[str]:
    """Return what the oracle does in a task."""
    return [step.action for step in play(Episode(task), oracle()).steps]


def oracle_script(tasks: Iterable[Task]) -> Script:
    """Return the script of a model that acts as the oracle; it tells tasks by their opening."""
    known = {task.card.opening: oracle_actions(task) for task in tasks}

    def script(asked: Asked) -> Answer:
        messages: Sequence[Mapping[str, Any]] = asked.body["messages"]
        step = sum(message["role"] == "assistant" for message in messages)
        return completion(spoken(known[messages[1]["content"]][step], step))

    return script
