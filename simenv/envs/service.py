"""The Gymnasium face of one episode."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import gymnasium
from typing_extensions import override

from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.pack import Pack
from simenv.core.task import Task
from simenv.envs.spaces import action_space, observation_space
from simenv.episodes import faces
from simenv.episodes.chat import Message
from simenv.episodes.episode import Episode, Step
from simenv.episodes.select import pack_of
from simenv.synth.stream import PREFIX, Endless, read_spec

Info = dict[str, Any]
_Nested = Sequence[tuple[Any, "_Nested"]]
OPTIONS = ("task",)


@dataclass(frozen=True)
class Source:
    """Where an environment takes its episodes from.

    Attributes:
        domain: Name of the domain.
        split: Name of the split.
        tasks: Path of a pack of one's own, ``"synth:..."`` for tasks made on demand, or None for the bundled
            pack of the split.
        face: How episodes are shown.
        uncertified: Whether tasks of a file may lack certificates.
    """

    domain: str
    split: str = "train"
    tasks: str | None = None
    face: str = "full"
    uncertified: bool = False

    def __post_init__(self) -> None:
        faces.face(self.face)
        if self.tasks is not None and not isinstance(self.tasks, str):
            raise UsageError(f"tasks is the path of a file or 'synth:...', got {type(self.tasks).__name__}")
        self.pack.at(0)

    @cached_property
    def pack(self) -> Pack | Endless:
        """The tasks; read again where a copy of the environment is unpickled."""
        if self.tasks is not None and self.tasks.startswith(PREFIX):
            return Endless(read_spec(self.domain, self.tasks, self.split))
        return pack_of(self.domain, split=self.split, tasks=self.tasks, uncertified=self.uncertified)

    def open(self, task: Task) -> Episode:
        """Return an episode of ``task``."""
        return Episode(task, face=self.face)

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "pack"}


def read_options(options: dict[str, Any] | None) -> Any:
    """Return what ``options`` say of the task, or None.

    Raises:
        UsageError: If they are no dict.
        UnknownNameError: If they hold anything else; it names the nearest option.
    """
    if options is None:
        return None
    if not isinstance(options, dict):
        raise UsageError(f"options is a dict such as {{'task': '<task id>'}}, got {type(options).__name__}")
    for key in options:
        if key not in OPTIONS:
            raise UnknownNameError("option", str(key), OPTIONS)
    return options.get("task")


def find_task(pack: Pack | Endless, task_id: Any) -> Task:
    """Return the task of that id.

    Raises:
        UsageError: If it is no string, or the pack has no such task; it names the nearest.
    """
    if not isinstance(task_id, str):
        raise UsageError(f"options['task'] is a task id, a string; got {type(task_id).__name__}")
    return pack.find(task_id)


def opening_info(episode: Episode, tools: list[dict[str, Any]]) -> Info:
    """Return the info of a reset; ``tools`` are those of the domain, to which a task may add look-alikes."""
    chat = fresh(episode.messages)
    if episode.task.extras:
        tools = deepcopy(episode.tools)
    return {"chat": chat, "tools": tools, "task_id": episode.task.id, "digest": episode.digest}


def step_info(episode: Episode, step: Step) -> Info:
    """Return the info of a step."""
    info: Info = {"chat": fresh(step.chat), "digest": step.digest}
    if step.error:
        info["error"] = step.error
    if step.terminated or step.truncated:
        info["verdict"] = episode.verdict().to_json()
    return info


def fresh(messages: Sequence[Message]) -> list[Message]:
    """Return copies that share nothing with the episode, so that callers may change them."""
    copies = [dict(message) for message in messages]
    for copy in copies:
        if "tool_calls" in copy:
            copy["tool_calls"] = [{**call, "function": dict(call["function"])} for call in copy["tool_calls"]]
    return copies


def fresh_tools(domain: str) -> list[dict[str, Any]]:
    """Return the domain's tool schemas, made anew."""
    schemas, nested = _schemas(domain)
    tools: list[dict[str, Any]] = _copy(schemas, nested)
    return tools


@lru_cache
def _schemas(domain: str) -> tuple[list[dict[str, Any]], _Nested]:
    schemas = [tool.schema for tool in catalog.domain(domain).tools]
    return schemas, _nested_in(schemas)


def _nested_in(value: Any) -> _Nested:
    """Return where in a dict or list others lie, so that copying need not look at every leaf."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return [(key, _nested_in(part)) for key, part in parts if isinstance(part, dict | list)]


def _copy(value: Any, nested: _Nested) -> Any:
    copy = value.copy()
    for key, inner in nested:
        copy[key] = _copy(value[key], inner) if inner else value[key].copy()
    return copy


class ServiceEnv(gymnasium.Env[str, str]):
    """One customer, one task, one stateful database; a view of ``simenv.Episode``.

    Observation: text. After ``reset`` the policy and the customer's opening; after ``step`` the
    results of the tool calls, one on a line, each ``error <code>: <message>`` if it was refused, or
    the customer's reply. ``face="compact"`` shows the same in fewer tokens and changes nothing else.

    Action: text. ``{"name": ..., "arguments": {...}}`` calls a tool, a list of up to 16 of them calls
    several, an OpenAI-style assistant message is either; anything that does not start with ``{`` or
    ``[`` is said to the customer. No string raises; a mistake costs a step and is answered.

    Reward: 0.0 until the end; then 1.0 if what the customer is due was done, and nothing else, else 0.0.

    Terminated when the conversation ends: settled, given up by the customer, or handed to a human.

    Truncated when the task's budget of steps is spent; this pays 0.0 and the verdict says so. There
    is no ``max_episode_steps``.

    Info:
        chat: What is new as chat messages: at reset policy and opening, then the agent's own message
            and what came of it. Append-only over an episode: role, content, ``sampled`` (whether the
            agent wrote it), ``tool_calls`` and ``tool_call_id``.
        digest: The digest chain; equal digests mean equal episodes to the byte.
        tools, task_id: At reset: the tool schemas in the OpenAI function format, and what is played.
        error: Code of the first mistake in the action, only if there was one.
        verdict: At the end: ``passed``, ``reason``, ``missing``, ``collateral``, ``answers``,
            ``truncated`` and ``process``, ready for JSON.

    All of it is the caller's own, no call returns an object that another call returns; only ``tools`` is
    the same list at every reset of one environment, but where a task offers look-alike tools besides.

    Reset: ``seed=s`` plays task ``s`` modulo the size of the pack. ``options={"task": id}`` plays that
    task and beats the seed. A bare ``reset()`` draws the next task from ``np_random``. A process keeps
    the last 64 world images, so going back to a world costs microseconds.

    Versions: ``v<N>`` moves when the digest of any recorded episode moves.

    In Gymnasium's ``AsyncVectorEnv`` pass ``shared_memory=False``: text has no fixed size.

    Args:
        domain: Name of a domain.
        split: ``"train"`` or ``"test"``.
        tasks: Path of a pack file to play instead of the bundled one, or ``"synth:depth=3,breadth=2"`` for
            certified tasks that are made on reset.
        face: ``"full"`` or ``"compact"``.
        uncertified: Whether tasks of a file may lack certificates.
        render_mode: Only None; the chat is in ``info``.

    Raises:
        UsageError: From the constructor for unknown names; from ``reset`` for unknown options or
            tasks; from ``step`` before ``reset``, after the end, or if the action is no string.
        DataError: If ``tasks`` is not a whole pack.

    Example:
        >>> import gymnasium, simenv
        >>> env = gymnasium.make("simenv/airline-v0")
        >>> observation, info = env.reset(seed=7)
        >>> observation, reward, terminated, truncated, info = env.step("What is your user ID?")
        >>> [message["role"] for message in info["chat"]]
        ['assistant', 'user']
        >>> _ = env.step('{"name": "get_user_details", "arguments": {"user_id": "sara_doe_496"}}')
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  Gymnasium declares it so

    def __init__(
        self,
        domain: str,
        *,
        split: str = "train",
        tasks: str | None = None,
        face: str = "full",
        uncertified: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None:
            raise UsageError(f"there is no render mode {render_mode!r}; the chat is in info['chat']")
        self.source = Source(domain, split, tasks, face, uncertified)
        self.observation_space = observation_space()
        self.action_space = action_space(catalog.domain(domain))
        self._tools = fresh_tools(domain)
        self._episode: Episode | None = None

    @property
    def episode(self) -> Episode:
        """The native episode of which this is a view: for judges and searchers, not for agents.

        Raises:
            UsageError: Before the first reset.
        """
        if self._episode is None:
            raise UsageError("no episode is open; call reset() first")
        return self._episode

    @override
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Open an episode; see the class for what ``seed`` and ``options`` choose."""
        pack, asked = self.source.pack, read_options(options)
        task = None if asked is None else find_task(pack, asked)
        super().reset(seed=seed)
        if task is None:
            task = pack.at(int(self.np_random.bit_generator.random_raw()) if seed is None else seed)
        self._episode = self.source.open(task)
        return self._episode.observation, opening_info(self._episode, self._tools)

    @override
    def step(self, action: str) -> tuple[str, float, bool, bool, Info]:
        """Carry out one action; see the class."""
        episode = self.episode
        step = episode.act(action)
        return step.observation, step.reward, step.terminated, step.truncated, step_info(episode, step)
