"""Any model as an agent: chat completions of an OpenAI-compatible server, from the public face of an episode.

The agent reads ``episode.messages`` and ``episode.tools`` and nothing else of an episode; the id of the task
is used only to find a reply on a cassette again, and is not sent.

Whatever a model answers is an action and the environment judges it: tool calls go there as the model wrote
them, as a JSON message, so arguments that do not parse are ``bad_json``. Content without calls goes there as
the text it is, cut off or not; as everywhere, a text that begins with ``{`` or ``[`` is a call.

A run's log holds each action as it was sent, so ``simenv.episodes.replay`` gives back, from the log of any
agent and its pack, an episode with messages, tools, steps and verdict: all that a demonstration needs.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from typing_extensions import override

from simenv.agents.cassette import Cassette, Place
from simenv.agents.endpoint import Endpoint, MalformedError, TooLongError
from simenv.agents.protocol import Agent, Play
from simenv.agents.runs import Plan
from simenv.core.canonical import digest
from simenv.core.errors import UsageError
from simenv.episodes.chat import Message
from simenv.episodes.episode import Episode

NAME = "openai"
_KEPT = ("content", "tool_calls", "reasoning_content", "reasoning", "refusal")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_NAME_LETTERS = 64


@dataclass(frozen=True, slots=True)
class Model:
    """Which model is asked, and how.

    Attributes:
        name: What the server calls it.
        temperature: From 0 to 2, or None for the server's own.
        max_tokens: Most tokens of one reply, or None for the server's own.
        prompt: Text that is put before the policy, or "".

    Raises:
        UsageError: If one of them is out of range.
    """

    name: str
    temperature: float | None = None
    max_tokens: int | None = None
    prompt: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("a model has a name; `GET BASE_URL/models` lists those of a server")
        given = self.temperature
        if given is not None and not (math.isfinite(given) and 0 <= given <= 2):
            raise UsageError(f"a temperature is a number from 0 to 2, got {given}")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"a reply has at least one token, got max_tokens {self.max_tokens}")

    def header(self) -> dict[str, Any]:
        """Return what the header of a log says of the model: everything that decides its answers."""
        return {
            "max_tokens": self.max_tokens,
            "model": self.name,
            "prompt_digest": digest(self.prompt) if self.prompt else "",
            # As text: 1 and 1.0 are the same temperature and must be the same header.
            "temperature": "" if self.temperature is None else repr(float(self.temperature)),
        }

    def request(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the body that asks for what comes after ``messages``."""
        listed = wire(messages)
        if self.prompt:
            listed[0] = {"role": "system", "content": f"{self.prompt}\n\n{listed[0]['content']}"}
        body: dict[str, Any] = {"model": self.name, "messages": listed}
        if tools:
            body["tools"] = list(tools)
        if self.temperature is not None:
            body["temperature"] = float(self.temperature)
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        return body


@dataclass(frozen=True, slots=True)
class RemotePlan(Plan):
    """A plan whose header also says which model plays, so that another cannot go on with its log.

    Attributes:
        model: What ``Model.header`` gives.
    """

    model: Mapping[str, Any] = field(default_factory=dict)

    @override
    def header(self) -> dict[str, Any]:
        """Return what identifies the run."""
        return Plan.header(self) | dict(self.model)


class RemoteAgent:
    """A model behind a server, a cassette, or both. Threads may share one.

    Args:
        model: Which model.
        endpoint: The server, or None if everything is to be found on the cassette.
        cassette: Is looked at before the server is asked, and keeps what it answers.

    Raises:
        UsageError: If there is neither a server nor a cassette that is played offline.
    """

    def __init__(
        self, model: Model, *, endpoint: Endpoint | None = None, cassette: Cassette | None = None
    ) -> None:
        if endpoint is None and (cassette is None or not cassette.offline):
            raise UsageError(
                "a model needs a server to be asked: give --base-url, or --cassette and --offline"
            )
        self.model = model
        self._endpoint = endpoint
        self._cassette = cassette

    def agent(self, trial: int = 0) -> Agent:
        """Return the agent that plays a trial.

        It raises what ``Endpoint.post`` and ``Cassette.find`` raise. A conversation that has become too long
        for the model is a StuckError, so that one long episode does not end a run.
        """

        def start(episode: Episode) -> Play:
            tools = episode.tools
            for step in count():
                request = self.model.request(episode.messages, tools)
                yield self._act(Place(episode.task.id, trial, step), request)

        return start

    def stop(self) -> None:
        """Give up every request that is under way."""
        if self._endpoint is not None:
            self._endpoint.stop()

    def _act(self, place: Place, request: dict[str, Any]) -> str:
        reply = None if self._cassette is None else self._cassette.find(place, request)
        if reply is None:
            reply = self._asked(request)
            if self._cassette is not None:
                self._cassette.keep(place, request, reply)
        if "stuck" in reply:
            raise TooLongError(str(reply["stuck"]))
        # What came from the network takes the same way as what comes from a cassette.
        return action_of(json.loads(reply["message"]))

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._endpoint is None:  # a cassette that is offline has raised before
            raise UsageError("there is no server to be asked; give --base-url")
        try:
            return self._endpoint.post("/chat/completions", request, read_reply)
        except TooLongError as error:
            return {"stuck": str(error)}


def read_reply(answer: Any) -> dict[str, Any]:
    """Return what is kept of a chat completion: the message as JSON text, why it ended, the tokens used.

    As text, because a model's message may hold what no log can: NaN, or integers of any length.

    Raises:
        MalformedError: If it is no chat completion.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise MalformedError(f"the answer holds no choices[0].message: {str(answer)[:200]}")
    try:
        text = json.dumps({name: message[name] for name in _KEPT if message.get(name) is not None})
    except RecursionError:
        raise MalformedError("the message is nested too deep") from None
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counted = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
    tokens = {name: number for name, number in counted.items() if isinstance(number, int)}
    return {"message": text, "finish": str(choice.get("finish_reason") or ""), "usage": tokens}


def action_of(message: Mapping[str, Any]) -> str:
    """Return the action that a model's message is; the environment judges it.

    Example:
        >>> action_of({"content": "Good morning."})
        'Good morning.'
        >>> action_of({"tool_calls": [{"function": {"name": "f"}}]})
        '{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]}'
    """
    content, calls = _words(message.get("content")), message.get("tool_calls")
    if calls:
        return json.dumps({"role": "assistant", "content": content, "tool_calls": calls}, ensure_ascii=False)
    if content is None:
        return ""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _words(content: Any) -> Any:
    """Return content that some servers give in parts as one text."""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    whole = len(texts) == len(content) and all(isinstance(text, str) for text in texts)
    return "".join(map(str, texts)) if whole else content


def wire(messages: Sequence[Message]) -> list[Message]:
    """Return messages as servers take them: nothing of our own in them, whatever the agent has sent.

    What the environment says comes as the user's, marked as the environment's. Ids of calls are kept. Names
    of tools that no server would take, which only a model can have invented, are made fit to be shown again.
    """
    return [_WIRES[message["role"]](message) for message in messages]


def _heard(message: Message) -> Message:
    mark = "environment: " if message.get("name") == "environment" else ""
    return {"role": message["role"], "content": mark + message["content"]}


def _said(message: Message) -> Message:
    calls = message.get("tool_calls")
    if not calls:
        return {"role": "assistant", "content": message["content"]}
    shown = [
        {"id": call["id"], "type": "function", "function": call["function"] | {"name": _fit(call)}}
        for call in calls
    ]
    return {"role": "assistant", "content": message["content"] or None, "tool_calls": shown}


def _fit(call: Mapping[str, Any]) -> str:
    return _UNFIT.sub("_", call["function"]["name"])[:_NAME_LETTERS] or "unnamed"


def _result(message: Message) -> Message:
    return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": message["content"]}


_WIRES: dict[str, Callable[[Message], Message]] = {
    "system": _heard,
    "user": _heard,
    "assistant": _said,
    "tool": _result,
}
