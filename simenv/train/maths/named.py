"""Tables of named functions: one error for an unknown name, one for an unknown option."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any, TypeVar

from simenv.core.errors import UnknownNameError, UsageError

T = TypeVar("T")


def choose(
    kind: str, table: Mapping[str, Callable[..., T]], name: str, options: Mapping[str, Any] | None = None
) -> Callable[..., T]:
    """Return the function of that name with its options bound.

    Args:
        kind: What the table holds, in the singular, such as ``"policy loss"``.
        table: Functions by name.
        name: The name asked for.
        options: Keyword-only arguments to bind.

    Raises:
        UnknownNameError: If no function has that name.
        UsageError: If the function has no such option.
    """
    if name not in table:
        raise UnknownNameError(kind, name, table)
    function = table[name]
    if not options:
        return function
    keywords = [
        parameter.name
        for parameter in signature(function).parameters.values()
        if parameter.kind is Parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in keywords:
            raise UsageError(
                f"the {kind} {name!r} has no option {option!r}; it has {', '.join(keywords) or 'none'}"
            )
    return partial(function, **options)
