"""Chat templates of checkpoints: rendered as transformers renders them, without transformers.

A template is used twice here: for what it writes before the first turn, and to check what it would do to a
history. Turns are never rendered by one.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

from simenv.core.errors import UsageError
from simenv.episodes.chat import Message

_DAY = "26 Jul 2024"
"""What a template hears when it asks for today: an episode's own clock stands in its policy."""

BEGIN, END = "\ue000", "\ue001"
"""Stand where ``{% generation %}`` begins and ends, from Unicode's area for private use."""


class TemplateError(UsageError):
    """A template cannot be read, or refuses what it was asked to render."""


_RAISED = (
    jinja2.exceptions.TemplateError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
"""What the code of a template may raise: it computes, loops and calls itself."""


class _Generation(jinja2.ext.Extension):
    """``{% generation %} ... {% endgeneration %}``: marks what the model is meant to have written."""

    tags = {"generation"}  # noqa: RUF012  jinja2's own interface

    @override
    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Callable[[], str]) -> str:
        return f"{BEGIN}{caller()}{END}"


def _tojson(value: Any, indent: int | None = None, **ignored: Any) -> str:
    """Write JSON as transformers does: unescaped, in the order given."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> NoReturn:
    raise jinja2.exceptions.TemplateError(message)


@lru_cache(maxsize=32)
def _compiled(source: str) -> jinja2.Template:
    world = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    world.filters["tojson"] = _tojson
    world.globals["raise_exception"] = _raise
    world.globals["strftime_now"] = lambda pattern: _DAY
    try:
        return world.from_string(source)
    except (jinja2.exceptions.TemplateError, RecursionError) as error:
        raise TemplateError(f"the template cannot be read: {error}") from error


class ChatTemplate:
    """One chat template.

    Args:
        source: Jinja source.
        variables: What it may name, such as ``bos_token``.

    Raises:
        TemplateError: If the source is no template.
    """

    def __init__(self, source: str, variables: dict[str, str] | None = None) -> None:
        self._template = _compiled(source)
        self._variables = dict(variables or {})

    def render(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = (), *, header: bool = False
    ) -> str:
        """Return a conversation as the template writes it, generation markers left out.

        Args:
            messages: The conversation.
            tools: Schemas of the tools.
            header: Whether the header of the next turn is added.

        Raises:
            TemplateError: If the template refuses it.
        """
        return self.marked(messages, tools, header=header).replace(BEGIN, "").replace(END, "")

    def marked(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = (), *, header: bool = False
    ) -> str:
        """Like ``render``, with ``BEGIN`` and ``END`` around what is marked as the model's own."""
        try:
            return self._template.render(
                messages=list(messages),
                tools=list(tools) or None,
                documents=None,
                add_generation_prompt=header,
                **self._variables,
            )
        except _RAISED as error:
            raise TemplateError(f"the template refuses the conversation: {error}") from error


def plain_dicts(messages: Sequence[Message]) -> list[Message]:
    """Return messages as templates expect them: arguments of calls as mappings, not as text."""
    return [_plain(message) for message in messages]


def _plain(message: Message) -> Message:
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls} if calls else message
