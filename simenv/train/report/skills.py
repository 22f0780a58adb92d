"""The skill profile of a run report: which abilities held, before and after training."""

from dataclasses import dataclass
from html import escape

from simenv.train.report import parts, words
from simenv.train.report.data import Record, Run, number, records
from simenv.train.report.words import Estimate


@dataclass(frozen=True, slots=True)
class Ability:
    """How often an ability held: of the episodes that need it, the share that was not lost for lack of it.

    Attributes:
        rung: Its name on the ladder.
        words: The ability in words; the rung again where none are known.
        before: Before training, or None where it was not needed.
        after: After training, or None.
    """

    rung: str
    words: str
    before: Estimate | None
    after: Estimate | None


def abilities_of(run: Run) -> list[Ability]:
    """Return the abilities that were needed before or after training, in the order of the file."""
    before, after = (
        {str(each.get("rung")): each for each in records(run.skills.get(stage))}
        for stage in ("before", "after")
    )
    found = []
    for rung in dict.fromkeys([*before, *after]):
        pair = before.get(rung), after.get(rung)
        told = next((str(each["ability"]) for each in pair if each and each.get("ability")), rung)
        found.append(Ability(rung, told, _held(pair[0]), _held(pair[1])))
    return [each for each in found if each.before or each.after]


def _held(skill: Record | None) -> Estimate | None:
    n, failures = (number(skill, name) if skill else None for name in ("exposures", "failures"))
    return words.of_counts(max(0.0, n - failures), n) if n and failures is not None else None


def section(run: Run) -> str:
    """Return the bars of the profile and what they show, or nothing where there is none."""
    abilities = abilities_of(run)
    if not abilities:
        return ""
    told = (
        "Of the episodes that need an ability, the share that was not lost for lack of it; "
        "grey before, blue after, with 95 % intervals."
    )
    changes = [
        words.clear_change(each.before, each.after) for each in abilities if each.before and each.after
    ]
    if changes:
        number_of = words.counted(len(changes), "ability", "abilities")
        told += f" Of {number_of} {changes.count(1)} clearly rose and {changes.count(-1)} clearly fell."
    return f'<p class="lead">{told}</p><div class="skills">{"".join(map(_skill, abilities))}</div>'


def _skill(ability: Ability) -> str:
    rows = [
        f'<div class="row">{parts.bar(each, was=name == "before")}<em>{name} {escape(str(each))}</em></div>'
        for name, each in (("before", ability.before), ("after", ability.after))
        if each is not None
    ]
    small = f"<small>{escape(ability.rung)}</small>" if ability.words != ability.rung else ""
    return f'<div class="skill"><span>{escape(ability.words)}{small}</span><div>{"".join(rows)}</div></div>'
