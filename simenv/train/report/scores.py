"""The scores of a run report: success before and after training, every other measure, and what they mean."""

from collections.abc import Mapping, Sequence
from html import escape

from simenv.train.report import about, parts, summary
from simenv.train.report.data import Record, Run
from simenv.train.report.panel import DETAILS, MEASURES, ROWS, change_of, tables_of, told


def section(run: Run) -> str:
    """Return the tables of the panel, and what it holds besides; nothing where there is no panel."""
    tables, rest = tables_of(run.panel)
    if not tables:
        return ""
    blocks = [_block(name, rows) for name, rows in tables.items()]
    return (
        _lead(run) + _note(tables) + "".join(blocks) + _meanings(tables) + parts.facts(parts.flattened(rest))
    )


def _lead(run: Run) -> str:
    sentences = [f"{(pair.name or 'Success').capitalize()} {pair.told}." for pair in summary.panel_pairs(run)]
    changes = [
        f"On the same tasks it changed by {told(row.get('_change'), 'change')}."
        for row in summary.score_rows(run)
        if change_of(row) is not None
    ]
    # With several sets of tasks the table of each has its change.
    text = " ".join(sentences + (changes if len(changes) == 1 else []))
    return f'<p class="lead">{escape(text)}</p>' if text else ""


def _note(tables: Mapping[str, Sequence[Record]]) -> str:
    words = ["A share is written .32 for 32 %, with its 95 % interval in brackets."]
    if any(map(parts.is_idle, tables.get(ROWS, ()))):
        words.append("The idle agent does nothing on the same tasks: what it passes, nobody has to learn.")
    sets = dict.fromkeys(str(row["set"]) for row in tables.get(ROWS, ()) if row.get("set"))
    words += [f"{name.capitalize()}: {about.SETS[name]}." for name in sets if name in about.SETS]
    return f'<p class="note">{escape(" ".join(words))}</p>'


def _block(name: str, rows: Sequence[Record]) -> str:
    """Return a table below its heading; what few readers ask for is folded away."""
    if name == DETAILS:
        return parts.box("<b>Calls, refused calls and breaches of policy</b>", parts.table(rows))
    if name == ROWS:
        return parts.table(rows)
    title = about.TABLES.get(name, name.replace("_", " "))
    if name.startswith(MEASURES):
        title = f"All measures{name.removeprefix(MEASURES).replace(' ', ', ', 1)}"
    return f"<h4>{escape(title)}</h4>{parts.table(rows)}"


def _meanings(tables: Mapping[str, Sequence[Record]]) -> str:
    """Return what the measures that are shown mean, folded away."""
    shown = dict.fromkeys(
        str(row.get("measure")) for name, rows in tables.items() if name.startswith(MEASURES) for row in rows
    )
    known = [(name, about.measure(name)) for name in shown if about.measure(name)]
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(meaning)}</li>" for name, meaning in known)
    return parts.box("<b>What the measures mean</b>", f"<ul>{items}</ul>") if items else ""
