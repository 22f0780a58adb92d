"""The panel of a run report: free-form tables, or what ``simenv.scoring.panel`` writes, as tables."""

from simenv.train.report import words
from simenv.train.report.data import Record, number, records
from simenv.train.report.words import Estimate

ROWS, DETAILS, MEASURES = "rows", "details", "measures"
"""Names of the tables: scores, what stands behind them, and every measure, here with its set of tasks."""
_SIDES = ("before", "after", "idle")
_SCORES = ("tasks", "trials", "passed", "rate", "interval_95")
_DETAILS = ("mean_calls", "mean_errors", "breaches")


def tables_of(panel: Record) -> tuple[dict[str, list[Record]], Record]:
    """Return the tables of a panel by name, that of scores as ``rows``, and what is no table.

    A panel of the scorer (with ``measures``), or several by the name of their task set, become a row of
    scores for before, after and idle and a table of measures; lists of records are tables as they are.
    """
    scored = {"": panel} if _is_scored(panel) else {}
    scored |= {str(name): each for name, each in panel.items() if isinstance(each, dict) and _is_scored(each)}
    tables: dict[str, list[Record]] = {}
    for name, each in scored.items():
        tables.setdefault(ROWS, []).extend(_scores(each, name))
        tables[f"{MEASURES} {name}".strip()] = _measures(each["measures"])
    details = [line for name, each in scored.items() for line in _details(each, name)]
    tables |= {DETAILS: details} if details else {}
    tables |= {str(name): rows for name, value in panel.items() if (rows := records(value))}
    # In what unit texts are counted is said by the names of the measures.
    known = {*tables, *scored} | ({*_SIDES, MEASURES, "unit"} if "" in scored else set())
    return tables, {name: value for name, value in panel.items() if name not in known}


def change_of(row: Record) -> Estimate | None:
    """Return the change over the same tasks that a row of scores after training has, if with its interval."""
    change = row.get("_change")
    found = measured(change) if isinstance(change, dict) else None
    return found if found is not None and found.low is not None else None


def measured(record: Record) -> Estimate | None:
    """Return ``{"value": V, "interval_95": [LOW, HIGH]}`` as an estimate."""
    value, ends = number(record, "value"), record.get("interval_95")
    if value is None:
        return None
    if not isinstance(ends, list) or len(ends) != 2:
        return Estimate(value)
    return Estimate(value, *(number({"end": end}, "end") for end in ends))


def _is_scored(panel: Record) -> bool:
    return isinstance(panel.get("measures"), dict)


def _line(side: str, name: str) -> Record:
    return {"name": side} | ({"set": name} if name else {})


def _scores(panel: Record, name: str) -> list[Record]:
    found = []
    success = panel[MEASURES].get("success")
    sides = {side: panel[side] for side in _SIDES if isinstance(panel.get(side), dict)}
    has_trials = any(row.get("trials") != row.get("tasks") for row in sides.values())
    for side, row in sides.items():
        line = _line(side, name)
        line |= {key: row[key] for key in _SCORES if key in row and (has_trials or key != "trials")}
        spent = row.get("spent")
        if isinstance(spent, dict) and "per_success" in spent:
            line[f"{spent.get('unit', 'tokens')}_per_success"] = spent["per_success"]
        if side == "after" and isinstance(success, dict) and isinstance(success.get("change"), dict):
            # It has its place among the measures; here it is kept for the verdict.
            line["_change"] = success["change"]
        found.append(line)
    return found


def _details(panel: Record, name: str) -> list[Record]:
    return [
        _line(side, name) | {key: row[key] for key in _DETAILS if key in row}
        for side in _SIDES
        if isinstance(row := panel.get(side), dict) and any(key in row for key in _DETAILS)
    ]


def _measures(measures: Record) -> list[Record]:
    found = []
    for name, each in measures.items():
        if not isinstance(each, dict):
            continue
        form = str(each.get("form", ""))
        line: Record = {"measure": name, "measured on": _counted(each)}
        line |= {side: told(each.get(side), form) for side in ("before", "after")}
        line["change"] = told(each.get("change"), "change" if form == "percent" else form)
        found.append(line | {"idle agent": told(each.get("idle"), form)})
    return found


def _counted(measure: Record) -> str:
    """Return of how many a measure is: both numbers where they differ before and after."""
    sides = [side for side in (measure.get("before"), measure.get("after")) if isinstance(side, dict)]
    ns = dict.fromkeys(f"{n:,}" for side in sides if (n := number(side, "n")))
    clusters = number(measure, "tasks")
    return f"{', '.join(ns) or 0} {measure.get('of') or ''}".strip() + (
        f" of {words.counted(clusters, 'task')}" if clusters else ""
    )


def told(value: object, form: str = "") -> str:
    """Return a figure with its interval as text.

    Args:
        value: As ``measured`` reads it.
        form: ``percent``, ``change`` of a share, ``loss`` or ``count``; by default three digits.
    """
    estimate = measured(value) if isinstance(value, dict) else None
    if estimate is None:
        return "-"
    ends = [end for end in (estimate.low, estimate.high) if end is not None]
    figure, *interval = (_figure(each, form) for each in (estimate.rate, *ends))
    return f"{figure} [{', '.join(interval)}]" if len(interval) == 2 else figure


def _figure(value: float, form: str) -> str:
    match form:
        case "percent":
            return words.share(value)
        case "change":
            return f"{'+' if value > 0 else ''}{words.share(value)}"
        case "loss":
            return f"{value:.3f}"
        case "count":
            return f"{value:,.0f}"
        case _:
            return words.figure(value)
