"""A tool: a typed function whose signature is its schema and whose docstring is its manual."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict, is_typeddict

from simenv.core.canonical import canonical
from simenv.core.errors import ToolError, UsageError
from simenv.core.world import World

Effect = Literal["read", "write", "act"]
Result = Any

_MAX_CENTS = 10**12


def read_cents(value: Any) -> int:
    """Read a JSON number of dollars exactly into cents.

    Raises:
        PydanticCustomError: If it is not a number with at most two decimals below ten billion.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("money", "must be a number of dollars")
    cents = Decimal(value) * 100
    if cents != int(cents):
        raise PydanticCustomError("money", "must have at most two decimals")
    if abs(cents) > _MAX_CENTS:
        raise PydanticCustomError("money", "is too large")
    return int(cents)


Dollars = Annotated[int, BeforeValidator(read_cents)]
"""A tool argument in dollars; the tool receives integer cents."""


@dataclass(frozen=True, eq=False)
class Tool:
    """One thing that an agent can do.

    Attributes:
        name: What the agent calls it.
        effect: ``"read"`` never changes a row; ``"write"`` changes the world on the customer's behalf
            and wants the customer's confirmation; ``"act"`` records a decision of the agent as a row.
        run: The function; its first parameter is the world.
        ends: Whether the conversation is over once it has succeeded.
    """

    name: str
    effect: Effect
    run: Callable[..., Result]
    ends: bool = False

    @cached_property
    def summary(self) -> str:
        """The first paragraph of the docstring: what the agent is told."""
        return " ".join((inspect.getdoc(self.run) or "").split("\n\n")[0].split())

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The arguments' types by name, in order."""
        hints = get_type_hints(self.run, include_extras=True)
        return {name: hints[name] for name in list(inspect.signature(self.run).parameters)[1:]}

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The tool in the OpenAI function format."""
        manual = _argument_manual(inspect.getdoc(self.run) or "")
        properties = {
            name: {**json_schema(kind), **({"description": manual[name]} if name in manual else {})}
            for name, kind in self.parameters.items()
        }
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.summary,
                "parameters": {
                    "type": "object",
                    "properties": properties,
                    "required": list(properties),
                    "additionalProperties": False,
                },
            },
        }

    @cached_property
    def _validate(self) -> Callable[[Any], dict[str, Any]]:
        functional: Any = TypedDict
        arguments = functional(f"{self.name}_arguments", self.parameters)
        arguments.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
        validate: Callable[[Any], dict[str, Any]] = TypeAdapter(arguments).validator.validate_python
        return validate

    def check(self, arguments: Any) -> dict[str, Any]:
        """Return validated arguments.

        Raises:
            ToolError: ``bad_arguments``, with every fault by its place.
        """
        try:
            return self._validate(arguments)
        except ValidationError as error:
            raise ToolError("bad_arguments", _faults(error, self.parameters)) from None

    def call(self, world: World, arguments: Any) -> Result:
        """Check the arguments and run the tool, without opening a call on the world."""
        return self.run(world, **self.check(arguments))


def tool(*, effect: Effect, ends: bool = False) -> Callable[[Callable[..., Result]], Tool]:
    """Make a tool of a function, named after it."""

    def wrap(function: Callable[..., Result]) -> Tool:
        if not inspect.getdoc(function):
            raise UsageError(f"tool {function.__name__} needs a docstring: it is what the agent is told")
        return Tool(function.__name__, effect, function, ends)

    return wrap


def json_schema(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of an argument type.

    Our own few lines instead of pydantic's: the schema is part of what agents are trained on,
    so no library upgrade may move it.
    """
    if kind is Dollars:
        return {"type": "number", "multipleOf": 0.01}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if is_typeddict(kind):
        fields = get_type_hints(kind, include_extras=True)
        return {
            "type": "object",
            "properties": {name: json_schema(part) for name, part in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        }
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"type": "string", "enum": list(parts)}
    if origin is list:
        return {"type": "array", "items": json_schema(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": json_schema(parts[1])}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [json_schema(part) for part in parts]}
    raise UsageError(f"a tool argument cannot have the type {kind!r}")


_SCALARS: dict[Any, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    Decimal: "number",
    type(None): "null",
}

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not an argument",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "too_long": "is too long",
}


def _faults(error: ValidationError, parameters: Mapping[str, Any]) -> str:
    """Say every fault in our own words; pydantic's may change between versions."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in fault["loc"][:6]) or "arguments"
        if fault["type"] == "literal_error":
            text = f"must be one of {', '.join(_choices(parameters, fault['loc']))}"
        elif fault["type"] == "money":
            text = fault["msg"]
        else:
            text = _WORDS.get(fault["type"], "has the wrong type")
        faults.append(f"{place[:80]} {text}")
    listed = list(dict.fromkeys(faults))
    more = f"; and {len(listed) - 8} more" if len(listed) > 8 else ""
    return "; ".join(listed[:8]) + more + "."


def _choices(parameters: Mapping[str, Any], place: tuple[int | str, ...]) -> list[str]:
    """Return the words that the argument at ``place`` may be."""
    kind: Any = parameters[str(place[0])]
    for part in place[1:]:
        kind = get_args(kind)[0] if isinstance(part, int) else get_type_hints(kind, include_extras=True)[part]
    return [canonical(word) for word in get_args(kind)]


def _argument_manual(doc: str) -> dict[str, str]:
    """Read the ``Args:`` section of a Google docstring: argument to description."""
    manual: dict[str, str] = {}
    _, _, section = doc.partition("\nArgs:\n")
    name = ""
    for line in section.split("\n"):
        if not line.startswith("    "):
            break
        if line.startswith("        "):
            manual[name] += " " + line.strip()
        else:
            name, _, text = line.strip().partition(": ")
            manual[name] = text
    return manual


def by_name(tools: tuple[Tool, ...]) -> Mapping[str, Tool]:
    """Return the tools by their names."""
    return {each.name: each for each in tools}
