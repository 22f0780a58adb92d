"""Making one value of a summary wrong, for customers to notice."""

import re

from simenv.core.domain import Description
from simenv.core.draws import Draws

_CABINS = ("basic economy", "economy", "business")
_PLACES = {
    "cabin": ("cabin", r".+"),
    "bags": ("bags", r"^\d+"),
    "flight_number": ("flights", r"(?<=\b[A-Z]{3})\d{3}\b"),
    "date": ("flights", r"(?<=-)\d\d\b(?!-)|(?<=[a-z] )\d\d?(?=, 20\d\d)"),
    "payment": ("payment", r"(?<=_)\d{4,9}\b|(?<=ending in )\d{4}"),
    "reservation_id": ("reservation_id", r"[A-Z0-9]{6}"),
}
"""What can be made wrong: the key of the summary and what of its value is exchanged."""
_NEXT = str.maketrans("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", "1234567890BCDEFGHJKLMNPQRSTUVWXYZA")


def corrupted(deed: Description, draws: Draws) -> tuple[str, Description] | None:
    """Return what is made wrong and a description in which one value is, or None if it states none."""
    for name in draws.at("spoilt").shuffled(sorted(_PLACES)):
        key, place = _PLACES[name]
        old = next((value for label, value in deed.summary if label == key), None)
        if old is None:
            continue
        new = _other_cabin(old, draws) if name == "cabin" else re.sub(place, _other, old, count=1)
        if new != old:
            summary = tuple((label, new if label == key else value) for label, value in deed.summary)
            return name, Description(deed.action.replace(old, new), deed.past.replace(old, new), summary)
    return None


def _other_cabin(cabin: str, draws: Draws) -> str:
    other = draws.choice([each for each in _CABINS if each != cabin.lower()])
    return other.title() if cabin.istitle() else other


def _other(match: re.Match[str]) -> str:
    """Return something of the same form that is not the same."""
    text = match[0]
    if len(text) > 2:
        return text[:-3] + text[-3:].translate(_NEXT)
    return f"{(int(text) + 3) % 28 + 1:0{len(text)}}"
