"""One worker process as the pool sees it: started, asked, watched, stopped. No torch.

A worker is a fresh interpreter that runs ``worker`` and nothing of the program that started it:
``multiprocessing`` would import that program's main module again, and with it perhaps torch.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from simenv.core.errors import UsageError
from simenv.train.rollouts.worker import MARK, NOTHING, read_message, write_message

START_S = 60.0
"""A worker may take so long, in seconds, until it begins; a busy machine imports slowly."""
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from simenv.train.rollouts.worker import main; main(sys.argv[1:])"
)


class Seat:
    """A place for one worker, which may be started again as often as it dies.

    Args:
        settings: What the worker is told: ``face``, ``latency_s`` and ``prepare``.
        timeout_s: A worker that begins no other episode for so long is taken to hang.
    """

    def __init__(self, settings: dict[str, Any], timeout_s: float) -> None:
        self._settings, self._timeout_s = json.dumps(settings), timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._marks, path = tempfile.mkstemp()
        Path(path).unlink()
        self.reason = ""
        """Why the last worker was lost."""

    @property
    def alive(self) -> bool:
        """Whether a worker is there; it may have died a moment ago."""
        return self._sock is not None

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start a worker; returns before it is ready."""
        self.stop()
        os.ftruncate(self._marks, 0)
        ours, its = socket.socketpair()
        with its:
            passed = (its.fileno(), self._marks)
            command = [sys.executable, "-c", _BOOT, json.dumps(sys.path), *map(str, passed), self._settings]
            # A group of its own: Ctrl-C at the terminal is for the pool, which ends its workers itself.
            self._process = subprocess.Popen(
                command, pass_fds=passed, stdin=subprocess.DEVNULL, stdout=2, process_group=0
            )
        ours.settimeout(self._timeout_s)
        self._sock = ours

    def mark(self) -> tuple[int, int]:
        """Return how many episodes the worker has begun, and the number of the one it plays, or -1."""
        found = os.pread(self._marks, MARK.size, 0)
        if len(found) < MARK.size:
            return 0, NOTHING
        begun, at = MARK.unpack(found)
        return begun, at

    def send(self, data: bytes) -> None:
        """Send a message; whether it arrived shows when the answer is read.

        Raises:
            UsageError: If no worker was started.
        """
        try:
            write_message(self._socket(), data)
        except TimeoutError:
            self._lose(f"took no message for {self._timeout_s:g} s")
        except OSError:
            self._lose("")

    def receive(self) -> bytes | None:
        """Return the answer, or None if the worker died or hangs; then it is stopped and ``reason`` says why.

        Raises:
            UsageError: If no worker was started.
        """
        if self._sock is None and self.reason:
            return None
        sock = self._socket()
        seen = self.mark()
        while True:
            limit = self._timeout_s if seen[0] else max(self._timeout_s, START_S)
            if wait([sock], limit):
                break
            now = self.mark()
            if now == seen:
                self._lose(f"gave no sign of life for {limit:g} s")
                return None
            seen = now
        try:
            return read_message(sock)
        except TimeoutError:
            self._lose(f"stopped in the middle of an answer for {self._timeout_s:g} s")
        except (EOFError, OSError):
            self._lose("")
        return None

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise UsageError("no worker was started here; start() it first")
        return self._sock

    def _lose(self, reason: str) -> None:
        code = None
        if not reason and self._process:
            try:
                code = self._process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                reason = "closed its socket"
        self.stop()
        self.reason = reason or (
            f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
        )

    def stop(self) -> None:
        """End the worker, whatever it does; nothing happens if there is none."""
        self.reason = ""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End the worker and give back its progress file."""
        self.stop()
        os.close(self._marks)
