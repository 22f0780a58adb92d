"""Everything simenv needs to know about one domain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simenv.core.lexicon import Lexicon
from simenv.core.rules import Rule, Values
from simenv.core.tools import Tool
from simenv.core.world import Table, World

Breaches = Callable[[World, str, Mapping[str, Any], Mapping[str, str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Description:
    """A write call in words.

    Attributes:
        action: What will be done, as a verb phrase: "cancel reservation ABC123".
        past: The same when it is done: "cancelled reservation ABC123".
        summary: (label key, value as people write it) of everything that matters.
    """

    action: str
    past: str
    summary: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Domain:
    """One domain: its rows, tools, rules and words. Generators are reached through the catalog.

    Attributes:
        name: Also the name of its folder and of its environment, ``simenv/<name>-v<version>``.
        version: Moves when any recorded digest moves.
        tables: What the rows look like.
        tools: What the agent may call, in the order of a manual.
        rules: The written rules.
        policy: (values, now) to the text that the agent reads.
        compact: The same as a table of numbers, for small models.
        breaches: (world, tool, arguments, what the customer said by slot) to the ids of agent-kept
            rules that this write would break.
        lexicon: The words of the domain.
        describe: (tool, arguments) to words.
        reason: (rule id, facts, values) to why a request is declined, as a clause.
        spare: Fields of results that no rule, tool or task needs; the compact face leaves them out.
        lookalikes: Tools that resemble one of ``tools`` and mean something else; offered only in tasks
            that name them.
        confusable: Name of a tool to that of its look-alike.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    tools: tuple[Tool, ...]
    rules: tuple[Rule, ...]
    policy: Callable[[Values, str], str]
    compact: Callable[[Values, str], str]
    breaches: Breaches
    lexicon: Lexicon
    describe: Callable[[str, Mapping[str, Any]], Description]
    reason: Callable[[str, Mapping[str, Any], Values], str]
    spare: frozenset[str] = frozenset()
    lookalikes: tuple[Tool, ...] = ()
    confusable: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def toolbox(self) -> dict[str, Tool]:
        """The tools by name."""
        return {tool.name: tool for tool in self.tools}

    @cached_property
    def lookalike(self) -> dict[str, Tool]:
        """The look-alikes by name."""
        return {tool.name: tool for tool in self.lookalikes}

    @cached_property
    def rulebook(self) -> dict[str, Rule]:
        """The rules by id."""
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def table(self) -> dict[str, Table]:
        """The tables by name."""
        return {table.name: table for table in self.tables}
