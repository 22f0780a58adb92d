"""The reference in docs/, written from the code: `python -m tests.reference` writes it again."""

import re
import sys
from pathlib import Path

from simenv.agents.ladder import RUNGS
from simenv.cli import parser
from simenv.core import catalog
from simenv.core.tools import Tool
from simenv.domains.airline import tools as airline_tools
from simenv.importers.tau.quirks import QUIRKS
from simenv.synth.certificate import OBLIGATIONS
from simenv.synth.grow import operators

PATH = Path(__file__).parent.parent / "docs" / "REFERENCE.md"

ACTION_CODES = {
    "bad_json": "an action that begins with { or [ and is not strict JSON",
    "bad_call": "JSON that is no call, no list of 1 to 16 calls and no assistant message",
    "bad_text": "words with a NUL character, a lone surrogate, or over 64 KiB",
    "unknown_tool": "a call of a tool that does not exist",
    "bad_arguments": "arguments of the wrong names or types",
    "unavailable": "a good call of a tool that is out of order; nothing was changed, and later it works",
}


def reference() -> str:
    """Return the whole reference."""
    parts = [
        "# Reference\n\nWritten from the code by `python -m tests.reference`; a test compares the two.",
        _commands(),
        _section("Errors of an action", [f"`{code}` {words}" for code, words in ACTION_CODES.items()]),
        _airline(),
        _section("What a certificate proves", [f"`{name}` {what}" for name, what in OBLIGATIONS.items()]),
        _section("Abilities, by the rung that lacks them", [_rung(name) for name in RUNGS]),
        _operators(),
        _quirks(),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: list[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"* {line}" for line in lines)


def _commands() -> str:
    root, names = parser()
    # argparse shows a command's line of help only in the text of its own help.
    text = " ".join(root.format_help().split())
    helps = re.findall(rf"(?<= )({'|'.join(names)}) +([A-Z][^.]*\.)", text)
    return _section("Commands", [f"`simenv {name}` {words}" for name, words in helps])


def _tool(tool: Tool) -> str:
    return f"`{tool.name}({', '.join(tool.parameters)})` ({tool.effect}) {tool.summary}"


def _rung(name: str) -> str:
    return f"`{name}` {RUNGS[name].ability}"


def _operators() -> str:
    generator = catalog.generator("airline")
    known = operators(generator.vocabulary, generator.domain)
    lines = [
        f"`{each.name}` adds {each.axis}; a child fails {' or '.join(f'`{rung}`' for rung in each.rungs)}"
        for each in known.values()
    ]
    return _section("Airline: operators that tasks grow by", lines)


def _airline() -> str:
    domain = catalog.domain("airline")
    rules = [
        f"`{rule.id}` kept by the {rule.enforced_by}"
        + (f"; declining states {', '.join(rule.facts)}" if rule.facts else "")
        for rule in domain.rules
    ]
    codes = [line for line in (airline_tools.__doc__ or "").split("\n") if line.startswith("* ``")]
    return "\n\n".join(
        [
            _section("Airline: tools", [_tool(tool) for tool in domain.tools]),
            _section("Airline: look-alike tools", [_tool(tool) for tool in domain.lookalikes]),
            _section("Airline: rules", rules),
            _section(
                "Airline: why a tool refuses",
                [" ".join(code[2:].replace("``", "`").split()) for code in codes],
            ),
        ]
    )


def _quirks() -> str:
    rows = "\n".join(f"| {each.id} | {each.tool} | {each.differs} | {each.evidence} |" for each in QUIRKS)
    return (
        "## airline+tau: where the published airline differs\n\n"
        "| quirk | tool | what the published tool does | seen in |\n|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8", newline="\n")
    sys.exit(0)
