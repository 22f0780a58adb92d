"""The top of a run report: what came of the run, and what to look at first. Both follow from the data."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import fsum

from simenv.train.report import words
from simenv.train.report.data import Record, Run, number, records
from simenv.train.report.panel import change_of, tables_of
from simenv.train.report.parts import estimate_of, is_idle, text_of
from simenv.train.report.readings import MISMATCH_LIMIT, Rated, rated
from simenv.train.report.words import Estimate

_STAGE = re.compile(r"[\s,:()/_-]*\b(before|after)\b[\s,:()/_-]*", re.IGNORECASE)
_POINTERS = 7


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run.

    Attributes:
        tone: ``"good"``, ``"bad"``, ``"warn"`` or ``""``.
        word: In a word or two.
        sentence: The same with its figures.
    """

    tone: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A measurement before and after training."""

    name: str
    before: Estimate
    after: Estimate
    paired: Estimate | None = None

    @property
    def change(self) -> int:
        """1 or -1 where it clearly rose or fell, else 0; by tasks played both times where that is known."""
        if self.paired is not None and self.paired.low is not None and self.paired.high is not None:
            return int(self.paired.low > 0) - int(self.paired.high < 0)
        return words.clear_change(self.before, self.after)

    @property
    def told(self) -> str:
        """What it did, without a full stop."""
        return f"{words.verb(self.change)} from {self.before} to {self.after}"


def score_rows(run: Run) -> list[Record]:
    """Return the rows of scores of the panel."""
    return tables_of(run.panel)[0].get("rows", [])


def panel_pairs(run: Run) -> list[Compared]:
    """Return rows of the panel that measure the same before and after.

    A row says which by its ``stage``, or by the word before or after in its ``name``.
    """
    found: dict[str, dict[str, Estimate]] = {}
    paired: dict[str, Estimate | None] = {}
    for row in score_rows(run):
        name, estimate = str(row.get("name", "")), estimate_of(row)
        match = _STAGE.search(name)
        stage = str(row.get("stage") or (match[1] if match else "")).casefold()
        if estimate is None or stage not in ("before", "after"):
            continue
        rest = " ".join(filter(None, [_STAGE.sub(" ", name).strip(), str(row.get("set") or "")]))
        found.setdefault(rest, {}).setdefault(stage, estimate)
        paired[rest] = change_of(row) or paired.get(rest)
    return [
        Compared(name, stages["before"], stages["after"], paired[name])
        for name, stages in found.items()
        if len(stages) == 2
    ]


def verdict(run: Run) -> Verdict:
    """Return what came of a run: a guard first, then the best measurement that there is."""
    if run.guards:
        first = run.guards[0]
        kept = first.get("checkpoint")
        last = f" The last good checkpoint is {text_of(kept)}." if kept else ""
        reason = str(first.get("reason") or "no reason given").rstrip(".")
        told = (
            f"The guard {text_of(first.get('guard'))} fired at step {text_of(first.get('step'))}: {reason}."
        )
        return Verdict("bad", "Stopped", told + last)
    for found in (_of_loop(run), _of_panel(run), _of_success(run), _of_loss(run)):
        if found is not None:
            return found
    return Verdict("", "No result", "Neither success nor a loss was measured.")


def _judged(change: int, sentence: str) -> Verdict:
    tone, word = {1: ("good", "Better"), 0: ("warn", "No clear change"), -1: ("bad", "Worse")}[change]
    return Verdict(tone, word, sentence)


def _of_loop(run: Run) -> Verdict | None:
    results = [(each.get("round"), estimate_of(each, "success")) for each in run.rounds]
    known = [(name, estimate) for name, estimate in results if estimate is not None]
    if len(known) < 2:
        return None
    (first, before), (last, after) = known[0], known[-1]
    compared = Compared("", before, after)
    told = f"Success {compared.told} between rounds {text_of(first)} and {text_of(last)}."
    lost = sum(len(_tasks(each, "regressions")) for each in run.rounds)
    won = sum(len(_tasks(each, "progressions")) for each in run.rounds)
    return _judged(compared.change, f"{told} Over all rounds {won} tasks were won and {lost} lost.")


def _of_panel(run: Run) -> Verdict | None:
    pairs = panel_pairs(run)
    if not pairs:
        return None
    first = pairs[0]
    name = f" ({first.name})" if first.name else ""
    return _judged(first.change, f"Success on held-out tasks{name} {first.told}.")


def _of_success(run: Run) -> Verdict | None:
    points = rated(run, "success")
    if len(points) < 2:
        return None
    return _judged(words.rate_ends(points)[2], words.rate_trend("Success in training", points))


def _of_loss(run: Run) -> Verdict | None:
    for name, label in (("val_loss", "The validation loss"), ("loss", "The training loss")):
        points = [(float(step), value) for step, value in run.series(name) if value is not None]
        if len(points) >= 2:
            return _judged(-words.noticeable(points), words.trend(label, points))
    return None


def _tasks(record: Record, name: str) -> list[object]:
    value = record.get(name)
    return list(value) if isinstance(value, list) else []


def tiles(run: Run) -> str:
    """Return the key figures."""
    cells = "".join(
        f'<div class="tile"><small>{escape(name)}</small><b>{escape(value)}</b><i>{escape(more)}</i></div>'
        for name, value, more in _tiles(run)
    )
    return f'<div class="tiles">{cells}</div>' if cells else ""


def _tiles(run: Run) -> Iterator[tuple[str, str, str]]:
    points = rated(run, "success")
    if len(points) > 1:
        before, after, _ = words.rate_ends(points)
        spread = f"{str(after).partition(' ')[2]} at the end" if after.low is not None else "at the end"
        yield "Success in training", f"{words.share(before.rate)} → {words.share(after.rate)}", spread
    for name, label in (("val_loss", "Validation loss"), ("kl_ref", "KL to the reference")):
        values = [(float(step), value) for step, value in run.series(name) if value is not None]
        if values:
            yield label, words.figure(words.ends(values)[1]), "at the end"
    costs = [row for row in score_rows(run) if number(row, "tokens_per_success") is not None]
    after_rows = [row for row in costs if "after" in f"{row.get('name')} {row.get('stage')}"]
    if after_rows:
        cost = number(after_rows[0], "tokens_per_success") or 0.0
        yield "Tokens per success", f"{cost:,.0f}", text_of(after_rows[0].get("name"))
    yield from _amounts(run)


def _amounts(run: Run) -> Iterator[tuple[str, str, str]]:
    if run.rows:
        first, last = run.rows[0]["step"], run.rows[-1]["step"]
        yield "Steps", words.figure_of_step(len(run.rows)), f"{first:,} to {last:,}"
    for name, label in (("tokens_sampled", "Tokens sampled"), ("tokens", "Tokens trained on")):
        values = [value for _, value in run.series(name) if value is not None]
        if values:
            yield label, f"{fsum(values):,.0f}", "in all steps"
    seconds = fsum(value for each in run.names("seconds/") for _, value in run.series(each) if value)
    if seconds:
        yield "Time in all phases", _duration(seconds), "as measured"


def _duration(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> _duration(42.4), _duration(754), _duration(8000)
        ('42 s', '12 min 34 s', '2 h 13 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def pointers(run: Run) -> list[tuple[str, str]]:
    """Return what to look at first, gravest first: (sentence, anchor)."""
    fallen = list(_fallen(run))
    # Of families that fell, the weakest is most likely one.
    weak = [each for each in _weak(run) if each[1] not in {anchor for _, anchor in fallen}]
    return [*_broken(run), *fallen, *_unhealthy(run), *weak][:_POINTERS]


def _broken(run: Run) -> Iterator[tuple[str, str]]:
    for guard in run.guards[:2]:
        way = "; there is the command that goes on" if guard.get("command") else ""
        name, step = text_of(guard.get("guard")), text_of(guard.get("step"))
        yield f"The guard {name} fired at step {step}{way}.", "guards"
    if bad := run.not_finite():
        names = words.listed(list(bad)[:4])
        first = min(steps[0] for steps in bad.values())
        yield f"Not finite: {names}, first at step {words.figure_of_step(first)}.", "health"
    if len(run.digests) > 1:
        yield f"The rows were written under {len(run.digests)} different configs.", "config"
    for note in run.notes:
        yield note, "config"


def _fallen(run: Run) -> Iterator[tuple[str, str]]:
    for row in score_rows(run):
        if is_idle(row) and (number(row, "passed") or number(row, "rate")):
            yield "The idle agent passes tasks: success here is not all the agent's own.", "panel"
            break
    for pair in panel_pairs(run):
        if pair.change < 0:
            yield f"On held-out tasks {pair.name or 'success'} {pair.told}.", "panel"
    if run.rounds and (lost := _tasks(run.rounds[-1], "regressions")):
        name, won = text_of(run.rounds[-1].get("round")), len(_tasks(run.rounds[-1], "progressions"))
        yield f"Round {name} lost {words.counted(len(lost), 'task')} and won {won}.", "loop"
    for name in run.names("success/"):
        before, after, change = words.rate_ends(points) if (points := rated(run, name)) else (None, None, 0)
        if change < 0:
            yield f"The family {name.partition('/')[2]} fell from {before} to {after}.", "families"


def _unhealthy(run: Run) -> Iterator[tuple[str, str]]:
    for name, limit, told, anchor in (
        ("mismatch_mean", MISMATCH_LIMIT, "Sampler and trainer differ by {} nats a token", "mismatch"),
        (
            "zero_variance",
            0.5,
            "{:.0%} of the groups teach nothing: all their rollouts earn the same",
            "zero-variance",
        ),
    ):
        values = _finite(run, name)
        if values and (end := words.ends(values)[1]) > limit:
            figure = told.format(end if "%" in told else words.figure(end))
            yield f"{figure} at the end; the limit is {words.figure(limit)}.", anchor
    cut = [words.ends(points)[1] for name in run.names("truncated/") if (points := _finite(run, name))]
    if sum(cut) > 0.2:
        yield f"{words.per_cent(sum(cut))} of the episodes are cut off at the end.", "truncation"
    turns = _finite(run, "turns")
    if len(turns) > 1 and words.ends(turns)[1] < 1.5 < words.ends(turns)[0]:
        yield f"Episodes have shrunk to {words.figure(words.ends(turns)[1])} turns.", "turns"
    losses = _finite(run, "val_loss")
    if losses and losses[-1][1] > 1.05 * min(value for _, value in losses):
        step = min(losses, key=lambda point: point[1])[0]
        yield (
            f"The validation loss was lowest at step {words.figure_of_step(step)} and has risen since.",
            "loss",
        )


def _finite(run: Run, name: str) -> list[words.Point]:
    return [(float(step), value) for step, value in run.series(name) if value is not None]


def _weak(run: Run) -> Iterator[tuple[str, str]]:
    held = [
        (1 - (number(each, "failures") or 0.0) / n, str(each.get("ability") or each.get("rung")))
        for each in records(run.skills.get("after") or run.skills.get("before"))
        if (n := number(each, "exposures")) and n >= 5
    ]
    if held:
        rate, name = min(held)
        yield f"The weakest ability is {name}: it held in {words.share(rate)} of the episodes.", "skills"
    ended: list[tuple[float, str, Sequence[Rated]]] = [
        (words.rate_ends(points)[1].rate, name.partition("/")[2], points)
        for name in run.names("success/")
        if (points := rated(run, name))
    ]
    if len(ended) > 1:
        _, name, weakest = min(ended)
        yield f"The weakest family is {name}: {words.rate_ends(weakest)[1]} at the end.", "families"
