"""Acts of the agent that are rows: declining a request, handing over to a human.

A right outcome is sometimes "no"; it must be said by a typed act, never by silence. Acts are
rows, so they fork, are journalled, and a wrong or second one is collateral damage.
"""

from collections.abc import Mapping

from simenv.core.canonical import canonical, quoted
from simenv.core.errors import ToolError
from simenv.core.rules import Rule
from simenv.core.world import Table, World

CORE_TABLES = (
    Table("clock", {"name": "TEXT", "at": "TEXT"}, ("name",)),
    Table("counters", {"name": "TEXT", "value": "INTEGER"}, ("name",)),
    Table("policy_values", {"name": "TEXT", "value": "INTEGER"}, ("name",)),
    Table("declines", {"seq": "INTEGER", "subject": "TEXT", "rule_id": "TEXT"}, ("seq",), ordinal="seq"),
    Table(
        "decline_facts",
        {"seq": "INTEGER", "subject": "TEXT", "rule_id": "TEXT", "name": "TEXT", "value": "TEXT"},
        ("seq", "name"),
        ordinal="seq",
    ),
    Table("transfers", {"seq": "INTEGER", "summary": "TEXT"}, ("seq",), ordinal="seq"),
)
"""Tables that every domain's worlds have."""

FactValue = str | int | None


def _next(world: World, table: str) -> int:
    found = world.row(f'SELECT max(seq) FROM "{table}"')
    return 1 + int(found[0] or 0) if found else 1


def record_decline(
    world: World, rules: Mapping[str, Rule], *, subject: str, rule_id: str, facts: Mapping[str, object]
) -> str:
    """Record that a request about ``subject`` is declined because of a rule.

    Raises:
        ToolError: ``unknown_rule`` if the rule cannot be a reason to decline, ``bad_facts`` if
            the names of the facts are not the ones that the rule reads.
    """
    rule = rules.get(rule_id)
    if rule is None or not rule.facts:
        known = ", ".join(sorted(name for name, each in rules.items() if each.facts))
        raise ToolError("unknown_rule", f"No rule {quoted(rule_id)} can decline a request. Rules: {known}.")
    if set(facts) != set(rule.facts):
        raise ToolError("bad_facts", f"Rule {rule_id} needs exactly these facts: {', '.join(rule.facts)}.")
    seq = _next(world, "declines")
    world.insert("declines", seq, subject, rule_id)
    for name in rule.facts:
        world.insert("decline_facts", seq, subject, rule_id, name, canonical(facts[name]))
    return f"Declined under rule {rule_id}."


def record_transfer(world: World, summary: str) -> str:
    """Record that the customer was handed over to a human."""
    world.insert("transfers", _next(world, "transfers"), summary)
    return "Transfer successful"


def next_number(world: World, name: str) -> int:
    """Take the next number of the counter ``name``."""
    world.write("UPDATE counters SET value = value + 1 WHERE name = ?", name)
    found = world.row("SELECT value FROM counters WHERE name = ?", name)
    if found is None:
        raise ToolError("unavailable", "This cannot be done at the moment.")
    return int(found[0] or 0)
