"""The panel of a run report: free-form tables, or what ``simenv.scoring.panel`` writes, as tables."""

from simenv.train.report import words
from simenv.train.report.data import Record, number, records
from simenv.train.report.words import Estimate

_SIDES = ("before", "after", "idle")
_SCORES = ("tasks", "trials", "passed", "rate", "interval_95", "mean_calls", "mean_errors", "breaches")


def tables_of(panel: Record) -> tuple[dict[str, list[Record]], Record]:
    """Return the tables of a panel by name, that of scores as ``rows``, and what is no table.

    A panel of the scorer (with ``measures``), or several by the name of their task set, become a row of
    scores for before, after and idle and a table of measures; lists of records are tables as they are.
    """
    scored = {"": panel} if _is_scored(panel) else {}
    scored |= {str(name): each for name, each in panel.items() if isinstance(each, dict) and _is_scored(each)}
    tables: dict[str, list[Record]] = {}
    for name, each in scored.items():
        tables.setdefault("rows", []).extend(_scores(each, name))
        tables[f"measures {name}".strip()] = _measures(each["measures"])
    tables |= {str(name): rows for name, value in panel.items() if (rows := records(value))}
    known = {*tables, *scored} | ({*_SIDES, "measures"} if "" in scored else set())
    return tables, {name: value for name, value in panel.items() if name not in known}


def change_of(row: Record) -> Estimate | None:
    """Return the paired change that stands in a row of scores after training, if it has its interval."""
    change = row.get("paired_change")
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


def _scores(panel: Record, name: str) -> list[Record]:
    found = []
    success = panel["measures"].get("success")
    for side in _SIDES:
        row = panel.get(side)
        if not isinstance(row, dict):
            continue
        line: Record = {"name": side} | ({"set": name} if name else {})
        line |= {key: row[key] for key in _SCORES if key in row}
        spent = row.get("spent")
        if isinstance(spent, dict) and "per_success" in spent:
            line[f"{spent.get('unit', 'tokens')}_per_success"] = spent["per_success"]
        if side == "after" and isinstance(success, dict) and isinstance(success.get("change"), dict):
            line["paired_change"] = success["change"]
        found.append(line)
    return found


def _measures(measures: Record) -> list[Record]:
    found = []
    for name, each in measures.items():
        if not isinstance(each, dict):
            continue
        sides = {side: each.get(side) for side in ("before", "after", "change", "idle")}
        ns = [number(side, "n") for side in sides.values() if isinstance(side, dict)]
        line: Record = {"measure": name, "n": max((n for n in ns if n is not None), default=None)}
        line["of"] = each.get("of")
        found.append(line | {side: told(value) for side, value in sides.items()})
    return found


def told(value: object) -> str:
    """Return a figure with its interval as text."""
    estimate = measured(value) if isinstance(value, dict) else None
    if estimate is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return words.figure(estimate.rate)
    return f"{words.figure(estimate.rate)} [{words.figure(estimate.low)}, {words.figure(estimate.high)}]"
