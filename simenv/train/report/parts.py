"""Pieces of a run report as HTML: tables, intervals, bars, charts, facts. All text is escaped here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from simenv.train.report import words
from simenv.train.report.about import CHARTS
from simenv.train.report.data import Record, number
from simenv.train.report.panel import told
from simenv.train.report.shapes import Chart, has_log_axis
from simenv.train.report.svg import COLOURS, DASHES, small_svg, svg
from simenv.train.report.words import Estimate

_FIRST = ("name", "set", "stage", "round", "n", "tasks", "trials", "passed", "rate", "interval")
_HEADS = {
    "name": "agent",
    "interval": "95 % interval",
    "rate": "success",
    "mean_calls": "calls per episode",
    "mean_errors": "refused calls per episode",
}
_SHARES = ("rate", "success", "accuracy", "share")


def text_of(value: object) -> str:
    """Return any JSON value as plain text."""
    match value:
        case None:
            return "-"
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return words.figure(value)
        case list() if all(isinstance(each, str | int | float) for each in value):
            return ", ".join(map(text_of, value))
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)


def estimate_of(record: Mapping[str, Any], rate: str = "rate") -> Estimate | None:
    """Return the rate of a record with the interval that stands beside it, or the one of its n."""
    value = number(record, rate)
    low_high = record.get("interval", record.get("interval_95"))
    n, passed = number(record, "n"), number(record, "passed")
    if value is None and n and passed is not None:
        value = passed / n
    if value is None:
        return None
    if isinstance(low_high, list) and len(low_high) == 2:
        low, high = (number({"end": end}, "end") for end in low_high)
        return Estimate(value, low, high)
    return words.of_counts(value * n, n) if n and 0 <= value <= 1 else Estimate(value)


def span(estimate: Estimate | None) -> str:
    """Return a dot with its interval on a line from 0 to 1."""
    if estimate is None:
        return ""
    whisker = ""
    if estimate.low is not None and estimate.high is not None:
        whisker = f'<i style="left:{_at(estimate.low)};width:{_at(estimate.high - estimate.low)}"></i>'
    dot = f'<b style="left:{_at(estimate.rate)}"></b>'
    return f'<div class="span" title="{escape(str(estimate))}">{whisker}{dot}</div>'


def bar(estimate: Estimate, *, was: bool = False) -> str:
    """Return a bar from 0 with the whisker of its interval."""
    whisker = ""
    if estimate.low is not None and estimate.high is not None:
        whisker = f'<i style="left:{_at(estimate.low)};width:{_at(estimate.high - estimate.low)}"></i>'
    kind = "bar was" if was else "bar"
    return f'<div class="{kind}"><u style="width:{_at(estimate.rate)}"></u>{whisker}</div>'


def _at(part: float) -> str:
    return f"{100 * min(1.0, max(0.0, part)):.1f}%"


def table(rows: Sequence[Record]) -> str:
    """Return free-form records as a table: known columns first, then the others as they come.

    Keys that begin with ``_`` are for sentences and have no column.
    """
    names = dict.fromkeys(key for row in rows for key in row)
    keys = [key for key in names if key != "interval_95" and not key.startswith("_")]
    keys += [key for key in ("rate", "interval") if key not in keys and any(map(estimate_of, rows))]
    keys = [key for key in _FIRST if key in keys] + [key for key in keys if key not in _FIRST]
    texts = [key for key in keys if all(isinstance(row.get(key), str | None) for row in rows)]
    left = [key for key in texts if any(row.get(key) for row in rows)]
    lines = [f"<tr>{''.join(_head(key, side=_side(key, left)) for key in keys)}</tr>"]
    for row in rows:
        idle = ' class="idle"' if is_idle(row) else ""
        cells = "".join(f"<td{_side(key, left)}>{_cell(row, key)}</td>{_drawn(row, key)}" for key in keys)
        lines.append(f"<tr{idle}>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _head(key: str, *, side: str) -> str:
    title = f"<th{side}>{escape(_HEADS.get(key, str(key).replace('_', ' ')))}</th>"
    return f"{title}<th>0 to 1</th>" if key == "interval" else title


def _drawn(row: Record, key: str) -> str:
    """Return the cell that draws an interval, beside the one that tells it."""
    return f"<td>{span(estimate_of(row))}</td>" if key == "interval" else ""


def _side(key: str, left: Sequence[str]) -> str:
    return ' class="l"' if key in left else ""


def _cell(row: Record, key: str) -> str:
    if key == "interval":
        estimate = estimate_of(row)
        if estimate is None or estimate.low is None or estimate.high is None:
            return "-"
        return f"{words.share(estimate.low)} to {words.share(estimate.high)}"
    if key == "rate":
        estimate = estimate_of(row)
        return "-" if estimate is None else words.share(estimate.rate)
    inner = row.get(key)
    if isinstance(inner, dict) and "value" in inner:
        return escape(told(inner))
    value = number(row, key)
    if value is not None and key.endswith(_SHARES) and 0 <= value <= 1:
        return words.share(value)
    if value is not None and key.endswith("_per_success"):
        return f"{value:,.0f}"
    return escape(text_of(row.get(key)))


def is_idle(row: Record) -> bool:
    """Whether a row is that of the agent that does nothing."""
    return "idle" in str(row.get("name", "")).casefold()


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Return names with their values as a table of two columns."""
    lines = [
        f'<tr><td class="l">{escape(name)}</td><td class="l"><code>{escape(_exact(value))}</code></td></tr>'
        for name, value in pairs
    ]
    return f'<div class="scroll facts"><table>{"".join(lines)}</table></div>' if lines else ""


def _exact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flattened(record: Mapping[str, Any], above: str = "") -> list[tuple[str, object]]:
    """Return the values of nested objects by dotted names.

    Example:
        >>> flattened({"model": {"layers": 4}, "seed": 7})
        [('model.layers', 4), ('seed', 7)]
    """
    found: list[tuple[str, object]] = []
    for key, value in record.items():
        name = f"{above}{key}"
        found += flattened(value, f"{name}.") if isinstance(value, dict) and value else [(name, value)]
    return found


def charts(shown: Sequence[Chart], missing: Sequence[str]) -> str:
    """Return charts side by side, and the line that names those not measured; nothing without charts."""
    if not shown:
        return ""
    figures = "".join(map(_figure, shown))
    left_out = (
        f'<p class="note">Not measured in this run: {escape("; ".join(missing))}.</p>' if missing else ""
    )
    return f'<div class="charts">{figures}</div>{left_out}'


def _figure(chart: Chart) -> str:
    wide = ' class="wide"' if chart.kind == "small" else ""
    log = " <small>logarithmic axis</small>" if has_log_axis(chart) else ""
    inside = _smalls(chart) if chart.kind == "small" else _legend(chart) + svg(chart)
    return (
        f'<figure id="{chart.key}"{wide}><h3>{escape(chart.title)}{log}</h3>'
        f'<p class="reading">{escape(chart.reading)}</p>{_about(chart)}{inside}</figure>'
    )


def _about(chart: Chart) -> str:
    meaning = CHARTS.get(chart.key)
    return f'<p class="about">{escape(meaning)}</p>' if meaning else ""


def _smalls(chart: Chart) -> str:
    cells = "".join(
        f"<div><b>{escape(each.name)}</b><i>{escape(each.last)}</i>{small_svg(chart, each, 0)}</div>"
        for each in chart.series
        if each.finite
    )
    return f'<div class="smalls">{cells}</div>'


def _legend(chart: Chart) -> str:
    """Return what the lines mean and their values at the end; a line alone needs no key."""
    if len(chart.series) == 1 and chart.kind != "stack":
        return ""
    keys = []
    for at, each in enumerate(chart.series):
        if chart.kind == "stack":
            mark = f'<rect class="f{at % COLOURS}" width="26" height="10" rx="2"/>'
        else:
            dash = DASHES[at % len(DASHES)]
            mark = f'<path class="ln s{at % COLOURS}" d="M1 6H27" stroke-dasharray="{dash}"/>'
        keys.append(
            f'<span><svg viewBox="0 0 28 10" aria-hidden="true">{mark}</svg>{escape(each.name)} '
            f"<b>{escape(each.last)}</b></span>"
        )
    return f'<p class="legend">{"".join(keys)}</p>'


def box(summary: str, inside: str, *, is_open: bool = False) -> str:
    """Return HTML that folds away under a summary, which is HTML too."""
    return f'<details class="box"{" open" if is_open else ""}><summary>{summary}</summary>{inside}</details>'
