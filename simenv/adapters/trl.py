"""simenv for TRL's ``GRPOTrainer(environment_factory=...)``, made against TRL 1.16.

TRL calls the public methods of an environment as tools and appends what they return. It knows no end of an
episode and no words of a user in between, so the customer is a tool too, ``message_user``. Where a model
should speak freely, use ``simenv.adapters.trl_rollout``. TRL itself is not imported here.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from simenv.adapters.trl_tools import method_of, plain
from simenv.agents.protocol import iter_nothing, play
from simenv.core import catalog
from simenv.core.canonical import canonical
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.envs.registration import IDS
from simenv.envs.service import Source
from simenv.episodes.episode import Episode

OVER = "The conversation is over."
HOW = (
    "You serve one customer, and you act by calling tools. The customer hears only what you send with "
    "message_user; text outside of a tool call ends your work. Go on until you are told that the "
    "conversation is over.\n\n"
)
"""What the prompts of ``dataset_rows`` say; the policy and the customer's first words are put after it."""

_OWN = ("get_reward", "message_user", "reset")

_MESSAGE_USER = {
    "function": {
        "name": "message_user",
        "description": "Say something to the customer, and hear the answer. "
        "The customer hears nothing else of what you write.",
        "parameters": {"properties": {"message": {"type": "string", "description": "Your words."}}},
    }
}


class Service:
    """One customer as TRL sees it; ``environment_factory`` makes classes of this that have the tools."""

    _source: ClassVar[Source]
    _extras: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._open: Episode | None = None

    @property
    def episode(self) -> Episode:
        """The native episode of which this is a view: for judges, not for agents.

        Raises:
            UsageError: Before the first reset.
        """
        if self._open is None:
            raise UsageError("no episode is open; call reset(index=...) first")
        return self._open

    def reset(self, **row: Any) -> str | None:
        """Open the episode that a row of the data names, and return the policy and the customer's opening.

        Args:
            row: The row's columns. ``task``, a task id, or ``index``, a place in the pack modulo its size,
                says what is played; the id beats the place. Other columns are not looked at.

        Raises:
            UsageError: If the row names no task, or one that offers other tools than this class.
        """
        task = task_of(self._source, row)
        if sorted(task.extras) != sorted(self._extras):
            raise UsageError(
                f"task {task.id} offers the look-alike tools {list(task.extras)}, this class "
                f"{list(self._extras)}. TRL fixes tools before tasks are known: take rows from dataset_rows "
                "with the same extras, or make a class with environment_factory(..., extras=...)"
            )
        self._open = self._source.open(task)
        return self._open.observation

    def get_reward(self) -> float:
        """Return the verdict's reward, 0.0 or 1.0.

        An episode that is not over is brought to its end first: the agent says nothing more until the
        customer hangs up. So a model that stops early is paid for what it has done by then.

        Raises:
            UsageError: Before the first reset.
        """
        return play(self.episode, lambda episode: iter_nothing()).verdict().reward

    def _take(self, name: str, given: dict[str, Any]) -> str:
        return self._act(canonical({"name": name, "arguments": plain(given)}))

    def _say(self, name: str, given: dict[str, Any]) -> str:
        """Say words to the customer; in a message's form, for words may start like a call."""
        del name
        words = given.get("message")
        whole = isinstance(words, str) and len(given) == 1
        content = words if whole else {"arguments": plain(given)}
        heard = self._act(canonical({"role": "assistant", "content": content}))
        return (
            heard
            if whole or self.episode.done
            else "error bad_arguments: message_user takes one text, message."
        )

    def _act(self, action: str) -> str:
        if self.episode.done:
            return OVER
        step = self.episode.act(action)
        # Nothing else tells a model in TRL that nobody listens any more.
        return f"{step.observation}\n{OVER}" if step.terminated or step.truncated else step.observation

    message_user = method_of(_MESSAGE_USER, _say)


def source_of(
    env: str, *, split: str = "train", tasks: str | None = None, face: str = "full", uncertified: bool = False
) -> Source:
    """Return where the episodes of an environment come from.

    Args:
        env: An environment's id such as ``"simenv/airline-v0"``, or a domain's name.
        split: ``"train"`` or ``"test"``.
        tasks: Path of a pack file, or ``"synth:depth=3,breadth=2"``, instead of the bundled pack.
        face: ``"full"`` or ``"compact"``.
        uncertified: Whether tasks of a file may lack certificates.

    Raises:
        UnknownNameError: If there is no such environment, split or face; it names the nearest.
        DataError: If ``tasks`` is not a whole pack.
    """
    domain = IDS.get(env, env)
    if domain not in catalog.ENTRIES:
        raise UnknownNameError("environment", str(env), [*IDS, *catalog.ENTRIES])
    return Source(domain, split, tasks, face, uncertified)


def task_of(source: Source, row: Mapping[str, Any]) -> Task:
    """Return the task that a row of data names by ``task`` or ``index``.

    Raises:
        UsageError: If it names none.
        UnknownNameError: If the pack has no task of that id.
    """
    name, index = row.get("task"), row.get("index")
    if isinstance(name, str):
        return source.pack.find(name)
    if name is not None:
        raise UsageError(f"a row's task is a task id, a string; got {type(name).__name__}")
    try:
        place = operator.index(index) if not isinstance(index, bool) else -1  # type: ignore[arg-type]
    except TypeError:
        place = -1
    if place < 0:
        raise UsageError(
            f"a row names its task by task, an id, or index, an integer >= 0; it has index {index!r} and the "
            f"columns {sorted(map(str, row))}. dataset_rows makes such rows"
        )
    return source.pack.at(place)


def environment_factory(
    env: str,
    *,
    split: str = "train",
    face: str = "full",
    tasks: str | None = None,
    uncertified: bool = False,
    extras: Sequence[str] = (),
) -> type[Service]:
    """Return a new class for ``GRPOTrainer(environment_factory=...)``.

    It has one method per tool of the domain, ``message_user`` for the customer, ``reset(**row)`` and
    ``get_reward()``. What a model calls them with never raises; a mistake costs a step and is answered in
    words that begin with "error". After the end every tool answers ``OVER``. Every call of this function
    makes a class of its own, so that no tool of one gets into another.

    Args:
        env: An environment's id such as ``"simenv/airline-v0"``, or a domain's name.
        split: ``"train"`` or ``"test"``.
        face: ``"full"`` or ``"compact"``: how things are shown.
        tasks: Path of a pack file, or ``"synth:depth=3,breadth=2"``, instead of the bundled pack.
        uncertified: Whether tasks of a file may lack certificates.
        extras: Names of look-alike tools that the tasks of this class offer besides. TRL shows a class's
            tools in every prompt, so tasks with other look-alikes need a class of their own; TRL takes a
            dict of classes and a column ``environment``.

    Raises:
        UnknownNameError: If a name is unknown; it names the nearest.
        UsageError: If a tool's name is one that TRL needs itself.
        DataError: If ``tasks`` is not a whole pack.

    Example:
        >>> from simenv.adapters.trl import environment_factory
        >>> made = environment_factory("simenv/airline-v0")()
        >>> made.reset(index=0).startswith("# ")
        True
        >>> made.get_user_details(user_id="nobody")
        'error not_found: There is no user "nobody".'
        >>> made.get_reward()
        0.0
    """
    source = source_of(env, split=split, tasks=tasks, face=face, uncertified=uncertified)
    domain = catalog.domain(source.domain)
    for name in extras:
        if name not in domain.lookalike:
            raise UnknownNameError("look-alike tool", name, domain.lookalike)
    offered: list[Tool] = [*domain.tools, *(domain.lookalike[name] for name in extras)]
    for tool in offered:
        if tool.name in _OWN:
            raise UsageError(f"the tool {tool.name!r} has a name that TRL's environments need; rename it")
    methods = {tool.name: method_of(tool.schema, Service._take) for tool in offered}  # noqa: SLF001
    name = f"{source.domain.title().replace('_', '')}Service"
    made = {
        "__doc__": f"One customer of the {source.domain}.",
        "_source": source,
        "_extras": tuple(extras),
        **methods,
    }
    return type(name, (Service,), made)


def dataset_rows(
    env: str,
    n: int,
    *,
    split: str = "train",
    tasks: str | None = None,
    uncertified: bool = False,
    extras: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return the first ``n`` rows of data for a class of ``environment_factory`` with the same arguments.

    A row is ``{"prompt": [a user message], "index": place in the pack}``; ``datasets.Dataset.from_list``
    takes them. The message says how to work (``HOW``); policy and opening are put after it on ``reset``.
    Tasks that offer other look-alike tools than ``extras`` are passed over.

    Raises:
        UsageError: If the pack has fewer such tasks.
    """
    source = source_of(env, split=split, tasks=tasks, uncertified=uncertified)
    if n < 1:
        raise UsageError(f"n is a number of rows of at least 1, got {n!r}")
    rows: list[dict[str, Any]] = []
    for index in range(len(source.pack)):
        if sorted(source.pack.at(index).extras) == sorted(extras):
            rows.append({"prompt": [{"role": "user", "content": HOW}], "index": index})
        if len(rows) == n:
            return rows
    raise UsageError(f"{n} rows were asked for; {len(rows)} tasks offer the look-alike tools {list(extras)}")
