"""Asking a server: how long is waited, how waiting ends, and what is refused before anything is asked."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from simenv.agents.concurrent import in_order
from simenv.agents.endpoint import Endpoint, RemoteError
from simenv.agents.remote import Model, RemoteAgent, read_reply
from simenv.core.errors import UsageError
from tests.scripted_server import Answer, Asked, ScriptedServer

BROKEN = Answer("oops", status=500)


def test_waits_grow_and_are_bounded() -> None:
    waits: list[float] = []
    with (
        pytest.raises(RemoteError, match="status 500: oops"),
        ScriptedServer(lambda asked: BROKEN) as server,
    ):
        Endpoint(server.url, retries=12, sleep=waits.append).post("/chat/completions", {}, read_reply)
    assert len(waits) == 12
    assert all(low / 2 <= wait <= low for wait, low in zip(waits, [0.5, 1, 2, 4, 8, 16], strict=False))
    assert all(15 <= wait <= 30 for wait in waits[6:])


def test_a_wait_can_be_told_as_a_date() -> None:
    told = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:28:09 GMT"}
    later = Answer("later", status=429, headers=told)
    waits: list[float] = []
    with pytest.raises(RemoteError), ScriptedServer(lambda asked: later) as server:
        Endpoint(server.url, retries=1, sleep=waits.append).post("/chat/completions", {}, read_reply)
    assert waits == [9.0]


def test_a_server_that_is_not_there_is_named() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/v1", retries=1, sleep=lambda wait: None)
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:1/v1/chat/completions: the connection failed"):
        endpoint.post("/chat/completions", {}, read_reply)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Endpoint("ftp://host/v1"),
        lambda: Endpoint("http:///v1"),
        lambda: Endpoint("http://user:word@host/v1"),
        lambda: Endpoint("http://host:99999/v1"),
        lambda: Endpoint("http://host/v1", retries=-1),
        lambda: Endpoint("http://host/v1", timeout_s=float("nan")),
        lambda: Endpoint("http://host/v1", api_key="a\nb"),
        lambda: Model(""),
        lambda: Model("m", temperature=float("nan")),
        lambda: Model("m", max_tokens=0),
        lambda: RemoteAgent(Model("m")),
        lambda: in_order(str, [], workers=0),
    ],
)
def test_options_that_cannot_work_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


def test_a_stop_wakes_whoever_waits_for_a_server() -> None:
    asked = threading.Event()

    def script(request: Asked) -> Answer:
        asked.set()
        return Answer(hang=True)

    with ScriptedServer(script) as server, ThreadPoolExecutor(1) as threads:
        endpoint = Endpoint(server.url, timeout_s=60)
        waiting = threads.submit(endpoint.post, "/chat/completions", {}, read_reply)
        assert asked.wait(10)
        endpoint.stop()
        with pytest.raises(RemoteError, match="the run stops"):
            waiting.result(timeout=10)
