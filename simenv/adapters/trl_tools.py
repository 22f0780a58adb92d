"""Making methods of tool schemas, as libraries want them that read signatures and docstrings.

Such a reader (``transformers.utils.get_json_schema``) knows the plain types, ``Literal``, ``list``, ``dict``
and unions of them, and wants every argument described in a Google docstring. A record inside of an argument
becomes a ``dict``, and what its fields are is said in the description.
"""

import inspect
import keyword
import re
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Any, Literal

from simenv.core.canonical import INT64_MAX, INT64_MIN, MAX_DEPTH
from simenv.core.errors import UsageError

Schema = Mapping[str, Any]
Method = Callable[..., str]
Taker = Callable[[Any, str, dict[str, Any]], str]
"""What a made method does: it is given the object, the tool's name and the arguments."""

_PLAIN: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
}
_SAID = {"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false"}
_SECTION = re.compile(r"\b(Args|Returns|Raises):|\(choices:", re.IGNORECASE)
"""What would end a description early, or be read as part of the schema."""


def hint_of(schema: Schema) -> Any:
    """Return the Python type of a JSON schema; a record becomes a ``dict`` of what its fields may be.

    Raises:
        UsageError: If the schema has a form that no tool of simenv has.
    """
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if "anyOf" in schema:
        return reduce(or_, [hint_of(part) for part in schema["anyOf"]])
    kind = schema.get("type")
    if kind == "array":
        return list[hint_of(schema["items"])]  # type: ignore[misc]
    if kind == "object":
        return dict[str, _values_of(schema)]  # type: ignore[misc]
    if kind in _PLAIN:
        return _PLAIN[kind]
    raise UsageError(f"a schema of the type {kind!r} has no Python type; tools have {', '.join(_PLAIN)}")


def _values_of(schema: Schema) -> Any:
    """Return the type of the values of a record or a mapping; the words of an enum are not told apart."""
    fields = schema.get("properties")
    parts = [schema["additionalProperties"]] if fields is None else list(fields.values())
    hints = [hint_of({key: value for key, value in part.items() if key != "enum"}) for part in parts]
    return reduce(or_, dict.fromkeys(hints)) if hints else str


def told(schema: Schema) -> str:
    """Say in words what a schema allows, so that nothing is lost where a type cannot say it."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        return " or ".join(told(part) for part in schema["anyOf"])
    if schema["type"] == "array":
        each = told(schema["items"])
        record = each.removeprefix("an object ")
        return f"a list, each of it {each}" if record == each else f"a list of objects, each {record}"
    if schema["type"] == "object":
        fields = schema.get("properties")
        if fields is None:
            return f"an object whose values are {told(schema['additionalProperties'])}"
        return f"an object with {', '.join(f'{name} ({told(part)})' for name, part in fields.items())}"
    if schema.get("multipleOf") == 0.01:
        return "a number with at most two decimals"
    return _SAID.get(schema["type"], str(schema["type"]))


def _description(name: str, schema: Schema) -> str:
    said = schema.get("description") or f"The {name.replace('_', ' ')}."
    text = " ".join(str(said).split())
    if schema.get("type") in ("array", "object") or "multipleOf" in schema:
        text = f"{text.rstrip('.')}: {told(schema)}."
    return text


def method_of(schema: Schema, take: Taker) -> Method:
    """Return a method of a tool's schema in the OpenAI function format.

    Its signature, annotations and docstring say what the schema says. Whatever it is called with, it hands
    on: arguments that the tool does not have or lacks are for the tool to refuse.

    Args:
        schema: The tool.
        take: What the method does.

    Raises:
        UsageError: If names cannot be Python's, or a description would be misread in a docstring.
    """
    function = schema["function"]
    name, described = function["name"], function["description"]
    properties = function["parameters"]["properties"]
    for each in (name, *properties):
        if not each.isidentifier() or keyword.iskeyword(each) or each.startswith("_") or each == "self":
            raise UsageError(
                f"the tool {name!r} cannot be a method: {each!r} is no name of Python's; rename it"
            )
    manual = {key: _description(key, part) for key, part in properties.items()}
    for text in (described, *manual.values()):
        if _SECTION.search(text):
            raise UsageError(
                f"the tool {name!r} cannot be a method: a docstring misreads {text!r}; say it otherwise"
            )
    hints = {key: hint_of(part) for key, part in properties.items()}

    def method(self: Any, /, *arguments: Any, **named: Any) -> str:
        given = dict(zip(properties, arguments, strict=False)) | named
        if len(arguments) > len(properties):
            given["*"] = list(arguments[len(properties) :])
        return take(self, name, given)

    lines = [f"    {key}: {text}" for key, text in manual.items()]
    method.__name__ = method.__qualname__ = name
    method.__doc__ = "\n".join([described, *(["", "Args:", *lines] if lines else []), "", *_RETURNS])
    method.__annotations__ = hints | {"return": str}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken = [inspect.Parameter(key, kind, annotation=hint) for key, hint in hints.items()]
    signature = inspect.Signature([inspect.Parameter("self", kind), *taken], return_annotation=str)
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


_RETURNS = ("Returns:", "    What came of it.")


def plain(value: Any, depth: int = 0) -> Any:
    """Return what a model has sent as data that canonical JSON can write; never raises.

    What is no JSON, or is nested too deep, keeps its place and becomes null. An integer beyond 64 bits
    becomes the first one that is, which is refused as such.
    """
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_key(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if INT64_MIN <= value <= INT64_MAX else INT64_MAX + 1
    return value if isinstance(value, float) and abs(value) < float("inf") else None


def _key(key: Any) -> str:
    return key if isinstance(key, str) else f"<{type(key).__name__}>"
