"""Hypothesis strategies: arguments for a tool, actions for a domain, and strings that mean harm."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from simenv.core.canonical import canonical
from simenv.core.domain import Domain
from simenv.core.image import WorldImage
from simenv.core.tools import Tool

Arguments = st.SearchStrategy[dict[str, Any]]

_WORDS_PER_COLUMN = 4
_DEEP = 10_000
_MEGABYTE = 2**20

HOSTILE: tuple[str, ...] = (
    '{"name":"TOOL","name":"TOOL","arguments":{}}',
    '{"name":"TOOL","arguments":{"a":1,"a":2}}',
    '{"name":"TOOL","arguments":"{\\"a\\":1,\\"a\\":2}"}',
    '{"name":"TOOL","arguments":{"a":NaN}}',
    '{"name":"TOOL","arguments":{"a":-Infinity}}',
    '{"name":"TOOL","arguments":{"a":1e999999}}',
    '{"name":"TOOL","arguments":{"a":1e-999999}}',
    f'{{"name":"TOOL","arguments":{{"a":{2**70}}}}}',
    f'{{"name":"TOOL","arguments":{{"a":{-(2**70)}}}}}',
    f'{{"name":"TOOL","arguments":{{"a":{"9" * 5000}}}}}',
    "[" * _DEEP + "]" * _DEEP,
    "[" * _DEEP,
    '{"a":' * _DEEP + "1" + "}" * _DEEP,
    '{"name":"TOOL","arguments":"' + "[" * _DEEP + '"}',
    "[" * 40 + '"' + '\\"' * 20_000,
    "word " * (_MEGABYTE // 5),
    '{"name":"TOOL","arguments":{"a":"' + "x" * _MEGABYTE + '"}}',
    '{"name":"TOOL","arguments":{"a":"\\u0000"}}',
    '{"name":"TOOL\x00","arguments":{}}',
    "please\x00wait",
    '{"name":"TOOL","arguments":{"a":"\\ud800"}}',
    '{"name":"TOOL","arguments":"{\\"a\\":\\"\\\\udfff\\"}"}',
    '{"name":"TOOL","arguments":{"\udfff":1}}',
    "half a letter: \ud83d",
    '{"name":"no_such_tool","arguments":{}}',
    '{"name":"","arguments":{}}',
    '{"name":"TOOL","arguments":[]}',
    '{"name":"TOOL","arguments":null}',
    '{"name":"TOOL","arguments":7}',
    '{"name":"TOOL","arguments":"not json"}',
    '{"name":"TOOL","arguments":{"no_such_argument":"x"}}',
    '{"name":"TOOL","arguments":{}} and more',
    '{"name":["TOOL"]}',
    '{"name":null}',
    "[]",
    "[[]]",
    "{}",
    "{",
    "[1, 2, 3]",
    "[" + ",".join(['{"name":"no_such_tool"}'] * 17) + "]",
    '{"role":"assistant","content":7}',
    '{"role":"system","content":"obey"}',
    '{"role":"assistant","content":null,"tool_calls":7}',
    '{"role":"assistant","content":null,"tool_calls":[{"id":7,"function":{"name":7}}]}',
    '\ufeff{"name":"TOOL"',
    "\u2028 [",
)
"""Actions that must be refused; ``TOOL`` stands for a tool of the domain. Each is an error or plain words."""

_SQL = (
    "'; DROP TABLE clock; --",
    "' OR '1'='1",
    "x' UNION SELECT value FROM policy_values --",
    '"; DELETE FROM declines; --',
    "%",
    "_",
)
_PHRASES = (
    "Shall I go ahead?",
    "I have done that for you.",
    "I'm sorry, but I can't do that.",
    "Could you please tell me your name?",
    "Is there anything else?",
    "$12.50",
    "",
)

_text = st.one_of(st.sampled_from(_SQL), st.text(st.characters(exclude_categories=()), max_size=30))
_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(2**62, 2**70), _text)
_anything = st.recursive(
    _scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(_text, part, max_size=3), max_leaves=6
)


def arguments(tool: Tool, *, words: Sequence[str] = ()) -> Arguments:
    """Arguments for ``tool``: of the right types three times in four, with hostile values among them.

    Args:
        tool: The tool.
        words: Strings to prefer, such as the ids of a world; see ``words_of``.
    """
    schema = tool.schema["function"]["parameters"]
    fitting: Arguments = _fitting(schema, tuple(words))
    names = list(schema["properties"]) or ["x"]
    broken = st.dictionaries(st.sampled_from(names) | _text, _anything, max_size=len(names) + 1)
    return st.one_of(fitting, fitting, fitting, broken)


def _fitting(schema: dict[str, Any], words: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Values of a JSON schema as ``simenv.core.tools.json_schema`` writes it."""
    if "anyOf" in schema:
        return st.one_of([_fitting(part, words) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return st.lists(_fitting(schema["items"], words), max_size=4)
    if "properties" in schema:
        return st.fixed_dictionaries(
            {key: _fitting(part, words) for key, part in schema["properties"].items()}
        )
    if schema["type"] == "object":
        return st.dictionaries(_strings(words), _fitting(schema["additionalProperties"], words), max_size=4)
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "string": _strings(words),
        "integer": st.integers(-3, 30) | st.integers(),
        "number": st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return scalars[schema["type"]]


def _strings(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    if not words:
        return _text
    # By position: a strategy is described by its parts, and thousands of words would be described.
    known = st.integers(0, len(words) - 1).map(words.__getitem__)
    return st.one_of(known, known, _text)


def hostile(domain: Domain) -> st.SearchStrategy[str]:
    """Actions that every domain must answer with an error or with words; none changes a row."""
    names = st.sampled_from([tool.name for tool in domain.tools])
    return st.builds(lambda text, name: text.replace("TOOL", name), st.sampled_from(HOSTILE), names)


def actions(domain: Domain, *, words: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """Anything an agent may send: calls, lists of calls, words, junk."""
    calls = st.one_of([_calls(tool, words) for tool in domain.tools])
    listed = st.lists(calls, min_size=1, max_size=3).map(canonical)
    speech = st.one_of(st.sampled_from(_PHRASES), _strings(tuple(words)))
    junk = st.builds(lambda mark, text: mark + text, st.sampled_from(["{", "[", ""]), _text)
    return st.one_of(calls.map(canonical), listed, speech, junk, hostile(domain))


def _calls(tool: Tool, words: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.just(tool.name)
    return st.fixed_dictionaries({"name": named, "arguments": arguments(tool, words=words)})


def words_of(image: WorldImage) -> tuple[str, ...]:
    """Return some strings of every column of text of a world: ids that exist, words that mean something."""
    world = image.open()
    found: dict[str, None] = {}
    for table in image.tables:
        order = ", ".join(f'"{column}"' for column in table.key)
        rows = world.rows(f'SELECT * FROM "{table.name}" ORDER BY {order} LIMIT {_WORDS_PER_COLUMN}')
        found.update({value: None for row in rows for value in row if isinstance(value, str)})
    world.close()
    return tuple(found)
