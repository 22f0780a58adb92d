"""A server that speaks OpenAI's API: what fails is asked again, and what cannot work says what to change.

Only the standard library is used, one connection for each request. Nothing of the machine enters an answer:
waits grow by a fixed rule, or are those that the server names.
"""

import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from simenv.agents.protocol import StuckError
from simenv.core.canonical import digest
from simenv.core.draws import Draws
from simenv.core.errors import SimenvError, UsageError

T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
PATIENCE_S = 600.0
MAX_BYTES = 64 * 1024 * 1024
_SHOWN = 300
_SECRET_LETTERS = 12
_CHUNK = 64 * 1024
_AGAIN = (408, 429)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_TOO_LONG = ("context length", "context_length", "context window", "maximum context")


class RemoteError(SimenvError):
    """A server gave no usable answer, however often it was asked."""


class StoppedError(RemoteError):
    """A request was given up because the run stops."""


class TooLongError(StuckError):
    """The conversation has become longer than what the model can read."""


class MalformedError(ValueError):
    """An answer has not the form that the API promises; the request is worth another try."""


class _Again(Exception):
    """A fault that may pass.

    Attributes:
        after_s: How long the server asks to wait, or None.
    """

    def __init__(self, problem: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(problem)


class _Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str


class Endpoint:
    """A server, and how patiently it is asked. Threads may share one.

    Args:
        base_url: Where its API is, such as ``"http://127.0.0.1:8000/v1"``.
        api_key: Is sent with each request and never written anywhere; "" for none.
        retries: How often a request is repeated after a fault that may pass: 408, 429, 5xx, a timeout, a
            connection that breaks, an answer of no known form.
        timeout_s: Longest silence in seconds, and longest time that one answer may take to arrive.
        sleep: Waits for so many seconds; tests give their own. A stop cuts the default short.

    Raises:
        UsageError: If the URL, the key or a number cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        retries: int = 5,
        timeout_s: float = 120.0,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if retries < 0:
            raise UsageError(f"retries are at least 0, got {retries}")
        if not 0 < timeout_s <= threading.TIMEOUT_MAX:
            raise UsageError(f"a timeout is a number of seconds above 0, got {timeout_s}")
        if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise UsageError("the API key holds a blank or a character that no header can carry; set it anew")
        self._at = _checked_url(base_url)
        self._key = api_key
        self._retries = retries
        self._timeout_s = timeout_s
        self._stopping = threading.Event()
        self._sleep = sleep or self._stopping.wait
        self._lock = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}

    def url(self, path: str) -> str:
        """Return the address of one of its services."""
        at = self._at
        return at._replace(path=at.path.rstrip("/") + path).geturl()

    def post(self, path: str, body: dict[str, Any], read: Callable[[Any], T]) -> T:
        """Send ``body`` as JSON and return what ``read`` makes of the JSON that comes back.

        Args:
            path: The service, such as ``"/chat/completions"``.
            body: Plain JSON.
            read: Takes the parsed answer apart; it raises MalformedError where the form is wrong.

        Raises:
            UsageError: If the server refuses the request for what it is.
            TooLongError: If it refuses it because the conversation has become too long.
            RemoteError: If no try brought an answer; ``StoppedError`` after ``stop``.
        """
        data = json.dumps(body).encode()
        attempt = 0
        while True:
            if self._stopping.is_set():
                raise StoppedError(f"{self.url(path)} is not asked any more: the run stops")
            try:
                return read(self._ask(path, data))
            except (_Again, MalformedError) as fault:
                told = f"POST {self.url(path)}: {fault}"
                if attempt >= self._retries and not self._stopping.is_set():
                    raise RemoteError(
                        f"{told}. It was tried {attempt + 1} times; check that the server is up, "
                        "and run the same command again"
                    ) from None
                after_s = fault.after_s if isinstance(fault, _Again) else None
                self._wait(told, data, attempt, after_s)
            attempt += 1

    def stop(self) -> None:
        """Give up every request that is under way, and let no other begin."""
        self._stopping.set()
        with self._lock:
            live = list(self._sockets.values())
        for each in live:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _wait(self, told: str, data: bytes, attempt: int, after_s: float | None) -> None:
        if after_s is not None and after_s > PATIENCE_S:
            raise RemoteError(f"{told}. It asks to wait {after_s:.0f} s; run the same command again then")
        # Half of a wait is drawn, so that those who were refused together do not come back together.
        ceiling_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt, 20))
        drawn = Draws("backoff", digest(data), attempt).below(1001) / 1000
        self._sleep(ceiling_s * (1 + drawn) / 2 if after_s is None else after_s)

    def _ask(self, path: str, data: bytes) -> Any:
        """Ask once and return the parsed answer."""
        try:
            answer = self._exchange(path, data)
        except ssl.SSLCertVerificationError as error:
            raise UsageError(
                f"POST {self.url(path)}: the certificate is not trusted ({error.verify_message}). "
                "Check --base-url, or set SSL_CERT_FILE"
            ) from None
        except TimeoutError:
            raise _Again(f"no answer in {self._timeout_s:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise _Again(f"the connection failed ({str(error) or type(error).__name__})") from None
        # A server may repeat the key; what is so short is a placeholder, and may be a word of a reply.
        secret = self._key if len(self._key) >= _SECRET_LETTERS else ""
        text = answer.text.replace(secret, "[key]") if secret else answer.text
        if not 200 <= answer.status < 300:
            raise self._refusal(path, answer, text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise _Again(f"the answer is not JSON: {_cut(text)}") from None

    def _exchange(self, path: str, data: bytes) -> _Answer:
        """Send one request and receive one answer, whatever it is."""
        at = urlsplit(self.url(path))
        kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        with closing(kind(at.hostname or "", at.port, timeout=self._timeout_s)) as connection:
            connection.connect()
            with self._live(connection.sock):
                target = at.path + (f"?{at.query}" if at.query else "")
                connection.request("POST", target, body=data, headers=headers)
                with closing(connection.getresponse()) as response:
                    return _Answer(response.status, response.headers, self._received(response))

    def _received(self, response: http.client.HTTPResponse) -> str:
        """Read a body, however slowly it drips, within limits of time and size."""
        end_s = perf_counter() + self._timeout_s
        parts: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            parts.append(chunk)
            if size > MAX_BYTES:
                raise http.client.HTTPException(f"an answer longer than {MAX_BYTES} bytes")
            if perf_counter() > end_s:
                raise TimeoutError
        return b"".join(parts).decode("utf-8", "replace")

    @contextmanager
    def _live(self, open_socket: socket.socket) -> Iterator[None]:
        """Have ``stop`` know of a socket while it is in use."""
        with self._lock:
            self._sockets[id(open_socket)] = open_socket
        try:
            # A stop that came before the socket was known did not close it.
            if self._stopping.is_set():
                raise ConnectionAbortedError("the run stops")
            yield
        finally:
            with self._lock:
                del self._sockets[id(open_socket)]

    def _refusal(self, path: str, answer: _Answer, text: str) -> Exception:
        """Return what to raise for an answer that is no success."""
        message, code = _problem(text)
        told = f"status {answer.status}: {message}"
        if answer.status in _AGAIN or answer.status >= 500:
            return _Again(told, _retry_after_s(answer.headers))
        if any(words in f"{code} {message}".lower() for words in _TOO_LONG):
            return TooLongError(f"the conversation is too long for the model ({told})")
        way_out = "The server does not take such a request; check --model, --temperature and --max-tokens"
        if answer.status < 400:
            way_out = f"It points to {answer.headers.get('Location', 'nowhere')}; give that as --base-url"
        elif answer.status in (401, 403):
            way_out = "Name the environment variable that holds the right key with --api-key-env"
        elif answer.status in (404, 405):
            way_out = "Check --base-url, which usually ends in /v1, and --model"
        return UsageError(f"POST {self.url(path)}: {told}. {way_out}")


def _checked_url(base_url: str) -> SplitResult:
    """Return a base URL in parts.

    Raises:
        UsageError: If it cannot be one.
    """
    try:
        at = urlsplit(base_url)
        fits = at.scheme in ("http", "https") and bool(at.hostname) and at.port != 0
    except ValueError:
        fits, at = False, urlsplit("")
    if not fits or not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise UsageError(f"a base URL is like http://127.0.0.1:8000/v1, got {base_url[:200]!r}")
    if at.username or at.password:
        raise UsageError("a base URL holds no user or password; give the key with --api-key-env")
    return at._replace(fragment="")


def _problem(text: str) -> tuple[str, str]:
    """Return the message of an error's body, and its code or ""."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _cut(text) or "no message", ""
    found = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(found, dict):
        told = found.get("message") or found.get("detail") or json.dumps(found)
        return _cut(told if isinstance(told, str) else json.dumps(told)), str(found.get("code") or "")
    return _cut(found if isinstance(found, str) else text), ""


def _cut(text: str) -> str:
    """Return text as one line that fits into a message."""
    line = " ".join(text[: 4 * _SHOWN].split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in line)
    return (printable if len(printable) <= _SHOWN else f"{printable[:_SHOWN]}...").rstrip(".")


def _retry_after_s(headers: http.client.HTTPMessage) -> float | None:
    """Return how long to wait, by ``Retry-After`` as seconds or as a date beside the server's own."""
    told = str(headers.get("Retry-After", "")).strip()
    if _SECONDS.fullmatch(told):
        return float(told)
    try:
        until, now = (parsedate_to_datetime(when) for when in (told, str(headers.get("Date", ""))))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
