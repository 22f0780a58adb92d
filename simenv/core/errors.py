"""Every exception simenv raises, one tree for three readers.

* SimenvError
  * UsageError          the caller broke a documented rule; fix the call
    * UnknownNameError  a name that is not registered
  * DataError           a file is corrupt, forged or foreign; says file, line and way out
    * LogError          the same for a run log
  * ToolError           the agent's call was refused; the episode goes on
  * ReplayError         a recorded trajectory and the present world disagree
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SimenvError(Exception):
    """Base of every simenv exception; catch this to catch them all."""


class UsageError(SimenvError, ValueError):
    """The caller broke a documented rule."""


class UnknownNameError(UsageError):
    """A name that is not registered.

    Attributes:
        kind: What was looked up, such as ``"domain"``.
        name: The name that was asked for.
        known: Every registered name of that kind, sorted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        near = get_close_matches(name, self.known, n=1)
        listed = ", ".join(self.known[:12]) + (
            f", ... ({len(self.known)} in all)" if len(self.known) > 12 else ""
        )
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {listed or 'none'}."
        super().__init__(f"no {kind} is named {name!r}. {hint}")


class DataError(SimenvError):
    """A file is corrupt, forged, or not of this kind.

    Attributes:
        path: The file.
        line: Line number counted from 1, or 0 when the file as a whole is meant.
    """

    def __init__(self, path: object, line: int, problem: str, way_out: str) -> None:
        self.path = str(path)
        self.line = line
        place = f"{self.path}:{line}" if line else self.path
        super().__init__(f"{place}: {problem}. {way_out}")


class LogError(DataError):
    """A run log is corrupt, forged, foreign or cannot be written."""


class ToolError(SimenvError):
    """A tool refused the agent's call.

    The message is part of the observation, so it is written for the agent: it
    states the rule that was broken and never names a table, a class or a fix.

    Attributes:
        code: Stable machine-readable reason, such as ``"not_found"``. Scorers
            match on this, never on the message.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class ReplayError(SimenvError):
    """A recorded trajectory and the present world disagree.

    Attributes:
        step: Index of the first step that differs, counted from 0; -1 is the reset.
    """

    def __init__(self, step: int, *, expected: str, got: str) -> None:
        self.step = step
        self.expected = expected
        self.got = got
        super().__init__(f"replay diverged at step {step}: recorded {expected}, got {got}")
