"""What runs in a worker process: a desk of episodes behind a socket. No torch.

A worker ends when the socket does, even in the middle of a step, so that no worker outlives its pool
however that ends. Its progress stands in a small file that the pool reads when it has stopped or died.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from struct import Struct

from simenv.core.lazy import resolve
from simenv.train.rollouts.desk import Desk

LENGTH = Struct("<Q")
"""Before each message stands its length in bytes."""
MARK = Struct("<qq")
"""How many episodes were begun so far, and the number of the last one; (0, -1) before the first."""
NOTHING = -1


def read_message(sock: socket.socket) -> bytes:
    """Return the next message.

    Raises:
        EOFError: If the other side is gone.
        OSError: If the socket broke, or its timeout passed.
    """
    (length,) = LENGTH.unpack(_read(sock, LENGTH.size))
    return _read(sock, length)


def _read(sock: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = sock.recv(min(length - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def write_message(sock: socket.socket, data: bytes) -> None:
    """Send one message.

    Raises:
        OSError: If the socket broke, or its timeout passed.
    """
    sock.sendall(LENGTH.pack(len(data)) + data)


def main(arguments: Sequence[str]) -> None:
    """Serve until the pool is gone.

    Args:
        arguments: File number of the socket, file number of the progress file, and settings as JSON.
    """
    sock = socket.socket(fileno=int(arguments[0]))
    marks = int(arguments[1])
    settings = json.loads(arguments[2])
    if settings["prepare"]:
        resolve(settings["prepare"])()
    begun = 0

    def mark(at: int) -> None:
        nonlocal begun
        begun += 1
        os.pwrite(marks, MARK.pack(begun, at), 0)

    mark(NOTHING)
    desk = Desk(face=settings["face"], latency_s=settings["latency_s"], mark=mark)
    waiting: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sock, waiting), daemon=True).start()
    while True:
        request = waiting.get()
        # A fault of the environment ends the worker here, and its traceback is seen.
        reply = desk.serve(request)
        mark(NOTHING)
        try:
            write_message(sock, reply)
        except OSError:
            return


def _listen(sock: socket.socket, waiting: "SimpleQueue[bytes]") -> None:
    """Read ahead, so that the end of the pool is noticed while an episode is played."""
    while True:
        try:
            waiting.put(read_message(sock))
        except (EOFError, OSError):
            os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
