"""How customers of an airline say what they want: values that code reads, and the rules of ``wordings``."""

import re
from datetime import date, timedelta
from functools import cache
from typing import Any

from simenv.core.grammar import Grammar, Rule, Terminal
from simenv_corpora.lexicons import words
from simenv_generators.airline.scene import MONTHS
from simenv_generators.airline.stage import Context
from simenv_generators.airline.wordings import rules
from simenv_generators.wordings import generic, terminals

_CABINS = {"basic economy": "basic_economy", "economy": "economy", "business": "business"}
_NAME = r"[^\W\d_][\w'-]{0,30}"


def _write_day(value: Any, context: Context) -> str | None:
    if not isinstance(value, str) or len(value) != 10 or value.count("-") != 2:
        return None
    when = date.fromisoformat(value)
    near = abs((when - context.today).days) < 180
    return f"{MONTHS[when.month - 1]} {when.day}" if near else None


def _read_day(text: str, context: Context) -> str | None:
    """Return the nearest day of that name."""
    month, number = text.split(" ")
    found = []
    for year in (-1, 0, 1):
        try:
            found.append(date(context.today.year + year, MONTHS.index(month) + 1, int(number)))
        except ValueError:
            continue
    near = [day for day in found if abs(day - context.today) < timedelta(180)]
    return near[0].isoformat() if near else None


def _write_person(value: Any, context: Context) -> str | None:
    del context
    return value if isinstance(value, str) and value.count(" ") == 1 else None


def _birth(value: Any, context: Context) -> str | None:
    del context
    return value if isinstance(value, str) and len(value) == 10 else None


def _text(value: Any, context: Context) -> str | None:
    del context
    return value if isinstance(value, str) else None


def _cities() -> str:
    """Return every city that there is, as a pattern, the longest first."""
    names = {line.split("\t")[1] for line in words("airports")}
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))


def _terminals() -> list[Terminal]:
    months = "|".join(MONTHS)
    cabins = {key: text for text, key in _CABINS.items()}
    return [
        *terminals(),
        Terminal("DATE", rf"(?:{months}) \d{{1,2}}(?!\d)", _write_day, _read_day),
        Terminal(
            "CITY",
            rf"(?:{_cities()})(?: \([A-Z]{{3}}\))?",
            lambda value, context: context.cities.get(value) if isinstance(value, str) else None,
            lambda text, context: context.airports.get(text),
        ),
        Terminal(
            "CABIN",
            "basic economy|economy|business",
            lambda value, _: cabins.get(value) if isinstance(value, str) else None,
            lambda text, _: _CABINS[text],
        ),
        Terminal("PERSON", rf"{_NAME} {_NAME}", _write_person, lambda text, _: text),
        Terminal("BORN", r"\d{4}-\d{2}-\d{2}", _birth, lambda text, _: text),
        Terminal("RID", r"[A-Z0-9]{6}(?![A-Za-z0-9])", _text, lambda text, _: text),
        Terminal("UID", r"[a-z]{2,20}_[a-z]{2,20}_\d{3,5}", _text, lambda text, _: text),
        Terminal(
            "CARDNAME",
            r"[A-Z][a-z]{1,20} ending in \d{4}",
            lambda value, context: context.cards.get(value) if isinstance(value, str) else None,
            lambda text, context: context.methods.get(text),
        ),
    ]


@cache
def grammar() -> Grammar:
    """Return the airline's grammar."""
    # Who the customer is, is a sentence of its own in an opening and never one about a want.
    mine = [rule for rule in rules() if not (rule.symbol == "FACT" and rule.pattern["fact"] == "user")]
    it = Rule(
        "INNER", {"by": "it"}, ("it", "that trip", "this trip", "that reservation", "the trip in question")
    )
    return Grammar([*generic(), *mine, it], _terminals())
