"""The command that says why episodes of a run failed: explain."""

import argparse
from collections.abc import Sequence
from html import escape
from pathlib import Path

from simenv.cli.runs import pack_of, planned
from simenv.cli.words import Commands, bar, command, emit, say
from simenv.core.errors import DataError
from simenv.episodes.replay import Recorded, read_episodes, replayed
from simenv.synth.attribute import UNKNOWN, Attribution, Cause, Profile, Skill, Tally, weaknesses

_ROW, _LEFT, _WIDE, _RIGHT = 26, 290, 360, 190


def explain_run(args: argparse.Namespace) -> int:
    """Say of every failed episode of a run which ability was missing.

    Each failure is held against what its task comes to for agents that lack one ability, and against the
    steps of the task: the nearest such agent names the ability, the first step of which the run shows no
    sign the place. All episodes together give a profile of skills; its weights say what to practise next.

    Example:
      simenv explain oracle.jsonl --picture skills.svg
    """
    pack = pack_of(args.log, args.pack)
    planned(args.log, pack)
    known: dict[str, Attribution] = {}
    passes: dict[str, list[bool]] = {}
    causes: list[Cause] = []
    recorded_all = list(read_episodes(args.log))
    with bar(len(recorded_all), "episodes") as progress:
        for recorded in recorded_all:
            episode = replayed(args.log, pack, recorded)
            attribution = known.setdefault(recorded.task, Attribution(episode.task))
            verdict = episode.verdict()
            passes.setdefault(recorded.task, []).append(verdict.passed)
            if not verdict.passed:
                causes.append(attribution.cause(episode.trajectory()))
                _tell(recorded, verdict.reason, causes[-1])
            progress.update(1)
    tallies = [Tally(known[task].exposures, len(found), sum(found)) for task, found in passes.items()]
    profile = weaknesses(causes, tallies)
    for skill in profile.skills:
        emit({"skill": skill.rung} | skill.to_json())
    emit({"log": args.log, "episodes": len(recorded_all), "failed": len(causes), "unknown": profile.unknown})
    say(table(profile) if profile.skills else "No task of this run needs any ability of the ladder.")
    if args.picture:
        _write(args.picture, picture(profile))
    return 0


def _tell(recorded: Recorded, reason: str, cause: Cause) -> None:
    """Print one failed episode."""
    emit({"task": recorded.task, "trial": recorded.trial, "reason": reason} | cause.to_json())
    lacks = f"{cause.rung} ({cause.ability})" if cause.ability else cause.rung
    place = f"; first wrong at {cause.node}" if cause.node else ""
    say(f"{recorded.task}, trial {recorded.trial}: {reason}; lacks {lacks}{place}.")


def table(profile: Profile) -> str:
    """Return a profile as a table for people."""
    lines = [("ability", "needed", "failed", "passed", "weight")]
    lines += [
        (
            f"{skill.rung}: {skill.ability}",
            str(skill.exposures),
            str(skill.failures),
            f"{skill.pass_rate:.0%}",
            f"{skill.weight:.3f}",
        )
        for skill in profile.skills
    ]
    if profile.unknown:
        lines.append((UNKNOWN, "", str(profile.unknown), "", ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.rjust(width) if at else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def picture(profile: Profile) -> str:
    """Return a profile as an SVG bar chart: how often each ability was needed, and how often missing."""
    most = max((skill.exposures for skill in profile.skills), default=1)
    height = _ROW * (len(profile.skills) + 2)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDE + _RIGHT}" height="{height}" '
        'font-family="sans-serif" font-size="13">'
    )
    title = f'<text x="8" y="{_ROW - 8}" font-weight="bold">Episodes that need an ability, and lack it</text>'
    bars = [part for row, skill in enumerate(profile.skills, 1) for part in _bar(skill, row * _ROW, most)]
    return "\n".join([head, "<style>.n{fill:#b9c7d6}.f{fill:#b5423a}</style>", title, *bars, "</svg>", ""])


def _bar(skill: Skill, top: int, most: int) -> list[str]:
    needed, failed = (_WIDE * number // most for number in (skill.exposures, skill.failures))
    base, figures = top + _ROW - 8, f"{skill.failures}/{skill.exposures}, weight {skill.weight:.2f}"
    return [
        f'<text x="{_LEFT - 8}" y="{base}" text-anchor="end">{escape(skill.ability)}</text>',
        f'<rect class="n" x="{_LEFT}" y="{top + 4}" width="{needed}" height="{_ROW - 8}"/>',
        f'<rect class="f" x="{_LEFT}" y="{top + 4}" width="{failed}" height="{_ROW - 8}"/>',
        f'<text x="{_LEFT + needed + 8}" y="{base}">{figures}</text>',
    ]


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise DataError(path, 0, f"cannot be written ({error.strerror})", "Name a file in a folder") from None


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    each = command(commands, "explain", explain_run)
    each.add_argument("log", metavar="RUN.jsonl", help="a log that `simenv run` wrote")
    each.add_argument("--pack", metavar="FILE", help="the pack it was played on, if it has moved")
    each.add_argument("--picture", metavar="FILE.svg", help="where to draw the profile as a bar chart")
