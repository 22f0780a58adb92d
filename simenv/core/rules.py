"""A domain's written rules, each once: the agent reads its text and everyone else calls it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simenv.core.world import World

Facts = Mapping[str, Any]
"""Field values as tools return them, by the names that a rule gives them."""

Values = Mapping[str, int]
"""The numbers of a world's rules by name: allowances, windows, fees, compensation."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy.

    Attributes:
        id: Stable name that the agent reads, such as ``"cancel_window"``.
        enforced_by: ``"tool"`` refuses a breach; ``"agent"`` must keep the rule alone, the tool obeys and
            the process report flags the breach.
        facts: Names of the field values that declining under this rule must state, as tools return them.
            Empty for a rule that is never a reason to decline.
        judge: (facts, values) to whether the request is allowed, or to the allowance or amount in
            question. It may read more than ``facts``: the world's time, or what the customer said.
        blind: What someone who has not read the policy would take ``judge`` to say.
    """

    id: str
    enforced_by: Literal["tool", "agent"]
    facts: tuple[str, ...]
    judge: Callable[[Facts, Values], Any]
    blind: Any = True


def read_values(world: World) -> dict[str, int]:
    """Return the values of the world's rules."""
    return dict(world.rows("SELECT name, value FROM policy_values ORDER BY name"))  # type: ignore[arg-type]


def read_now(world: World) -> str:
    """Return the world's time as ``YYYY-MM-DDTHH:MM:SS``."""
    found = world.row("SELECT at FROM clock WHERE name = 'now'")
    return str(found[0]) if found else ""
