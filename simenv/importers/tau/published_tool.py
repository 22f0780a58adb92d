"""A tool that takes its arguments as loosely as the published ones do.

The published tools are plain Python functions called with whatever JSON the agent wrote. A wrong
argument name is Python's own error, a wrong type fails where the code first minds it, if anywhere,
and every exception comes back as text. Nothing else in simenv may be this loose.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

from typing_extensions import override

from simenv.core.errors import ToolError
from simenv.core.tools import Effect, Result, Tool

PYTHON_ERRORS = (TypeError, LookupError, ValueError, AttributeError, ArithmeticError)
"""What values of a wrong type raise; the published benchmark shows them to the agent."""


class PublishedTool(Tool):
    """A tool whose arguments are checked by name only."""

    @override
    def check(self, arguments: Any) -> dict[str, Any]:
        """Return the arguments as plain JSON values.

        Raises:
            ToolError: ``bad_arguments`` if a name is unknown or missing, in Python's words.
        """
        place = "".join(part.capitalize() for part in self.name.split("_")) + ".invoke()"
        if not isinstance(arguments, dict):
            raise ToolError("bad_arguments", f"{place} argument after ** must be a mapping")
        for name in arguments:
            if name not in self.parameters:
                raise ToolError("bad_arguments", f"{place} got an unexpected keyword argument '{name}'")
        missing = [f"'{name}'" for name in self.parameters if name not in arguments]
        if missing:
            plural = "s" if len(missing) > 1 else ""
            listed = _listed(missing)
            raise ToolError(
                "bad_arguments",
                f"{place} missing {len(missing)} required positional argument{plural}: {listed}",
            )
        return {name: plain(value) for name, value in arguments.items()}


def published(*, effect: Effect, ends: bool = False) -> Callable[[Callable[..., Result]], PublishedTool]:
    """Make a published tool of a function, named after it."""

    def wrap(function: Callable[..., Result]) -> PublishedTool:
        @wraps(function)
        def run(*args: Any, **arguments: Any) -> Result:
            try:
                return function(*args, **arguments)
            except PYTHON_ERRORS as error:
                raise ToolError("python_error", str(error)) from None

        return PublishedTool(function.__name__, effect, run, ends)

    return wrap


def plain(value: Any) -> Any:
    """Return a copy with every ``Decimal`` as the float that the published reader makes of it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def _listed(names: list[str]) -> str:
    """Join names as Python does: a and b; a, b, and c."""
    if len(names) < 3:
        return " and ".join(names)
    return ", ".join(names[:-1]) + f", and {names[-1]}"
