"""Actions between the JSON that episodes take and the texts in which models write calls."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from simenv.core.canonical import StrictJsonError, canonical, parse_strict
from simenv.episodes.actions import Call, parse


def compact(value: Any) -> str:
    """Return canonical JSON in which decimals keep all digits, for ``parse_strict`` reads them so.

    Example:
        >>> compact({"b": Decimal("1.50"), "a": [1]})
        '{"a":[1],"b":1.50}'
    """
    return _written(value, ",", ":")


def spaced(value: Any) -> str:
    """Return JSON as ``json.dumps`` lays it out, which is what public checkpoints have read most of.

    Example:
        >>> spaced({"b": Decimal("1.50"), "a": [1, 2]})
        '{"a": [1, 2], "b": 1.50}'
    """
    return _written(value, ", ", ": ")


def _written(value: Any, comma: str, colon: str) -> str:
    if isinstance(value, dict):
        fields = [f"{canonical(key)}{colon}{_written(value[key], comma, colon)}" for key in sorted(value)]
        return f"{{{comma.join(fields)}}}"
    if isinstance(value, list):
        return f"[{comma.join([_written(part, comma, colon) for part in value])}]"
    return str(value) if isinstance(value, Decimal) else canonical(value)


def is_json(text: str) -> bool:
    """Whether a text is JSON in the strict sense."""
    try:
        parse_strict(text)
    except StrictJsonError:
        return False
    return True


def one_call(text: str) -> Call | None:
    """Return the one call that a text is, or None."""
    calls = parse(text).calls
    return calls[0] if len(calls) == 1 else None


def action_of(aside: str, calls: Sequence[str]) -> str:
    """Return the action that makes calls, each a JSON object, with words beside them.

    Args:
        aside: Text beside the calls, or "".
        calls: At least one call, as text that ``one_call`` reads.
    """
    if aside:
        return f'{{"content":{canonical(aside)},"role":"assistant","tool_calls":[{",".join(calls)}]}}'
    return calls[0] if len(calls) == 1 else f"[{','.join(calls)}]"


def refused(text: str) -> str:
    """Return what an episode refuses as ``bad_json``: a call that a model began and did not write well."""
    return f"{{malformed call}} {text}"
