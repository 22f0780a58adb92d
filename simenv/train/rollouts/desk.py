"""The episodes of one process, served by messages of plain JSON.

The pool's workers and its in-process mode both go through here, so they give the same bytes. No torch.

A message is a dict with one field:

* ``open``: ``[[number, task id, [action, ...]], ...]`` with the tasks beside it in ``tasks``; actions are
  those of an earlier life, played again without delay. Gives openings.
* ``step``: ``[[number, action], ...]``. Gives steps.
* ``drop``: ``[number, ...]``. Gives the verdict so far of each.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from simenv.core.errors import SimenvError
from simenv.core.task import Task
from simenv.episodes.chat import Message
from simenv.episodes.episode import Episode, Step

Request = Mapping[str, Any]
Mark = Callable[[int], None]
"""Told the number of the episode that is about to be played."""


def encode(value: Any) -> bytes:
    """Return a message as bytes; lone surrogates and the order of fields survive."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def decode(data: bytes) -> Any:
    """Return the message that ``encode`` wrote."""
    return json.loads(data.decode("utf-8", "surrogatepass"))


class Desk:
    """The open episodes of one process, each under a number.

    Args:
        face: How episodes are shown.
        latency_s: Seconds to sleep before each step, to stand for a slow environment.
        mark: Called before each episode is touched, so that whoever watches knows which one is being played.
    """

    def __init__(self, *, face: str, latency_s: float, mark: Mark) -> None:
        self._face, self._latency_s, self._mark = face, latency_s, mark
        self._episodes: dict[int, Episode] = {}

    def serve(self, request: bytes) -> bytes:
        """Carry out one message and return what it gives as one message: ``{"done": [...]}``.

        A rule of simenv that was broken comes back as ``{"error": text}``. Anything else is raised.
        """
        try:
            return encode({"done": self._serve(decode(request))})
        except SimenvError as error:
            return encode({"error": str(error)})

    def _serve(self, asked: Request) -> list[dict[str, Any]]:
        if "open" in asked:
            tasks = {name: Task.model_validate(data) for name, data in asked["tasks"].items()}
            return [self._open(at, tasks[name], actions) for at, name, actions in asked["open"]]
        if "step" in asked:
            return [self._step(at, action) for at, action in asked["step"]]
        return [self._drop(at) for at in asked["drop"]]

    def _open(self, at: int, task: Task, actions: list[str]) -> dict[str, Any]:
        self._mark(at)
        episode = Episode(task, face=self._face)
        opening = {"chat": list(episode.messages), "tools": episode.tools, "digest": episode.digest}
        for action in actions:
            episode.act(action)
        self._episodes[at] = episode
        return {**opening, "now": episode.digest}

    def _step(self, at: int, action: str) -> dict[str, Any]:
        self._mark(at)
        if self._latency_s:
            time.sleep(self._latency_s)
        episode = self._episodes[at]
        step = episode.act(action)
        if episode.done:
            del self._episodes[at]
        return _written(episode, step)

    def _drop(self, at: int) -> dict[str, Any]:
        self._mark(at)
        return self._episodes.pop(at).verdict().to_json()


def _written(episode: Episode, step: Step) -> dict[str, Any]:
    calls = episode.steps[-1].calls
    refused = sum(bool(call.error) for call in calls) + bool(episode.steps[-1].error)
    chat: list[Message] = list(step.chat)
    return {
        "chat": chat,
        "reward": step.reward,
        "terminated": step.terminated,
        "truncated": step.truncated,
        "why": episode.trajectory().why if episode.done else "",
        "error": step.error,
        "digest": step.digest,
        "calls": len(calls),
        "refused": refused,
        "verdict": episode.verdict().to_json() if episode.done else None,
    }
