"""Refitting how hard tasks are from runs that were played on them."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from simenv.cli.difficulty import priors
from simenv.cli.runs import planned
from simenv.cli.tables import table
from simenv.cli.words import bar, emit, say
from simenv.core.errors import UsageError
from simenv.core.log import read_header
from simenv.core.pack import Pack
from simenv.episodes.replay import read_episodes
from simenv.scoring.calibration import Calibrated, calibrate, write_items
from simenv.scoring.irt import TWO_PL_FROM

_OTHER = "Name runs of this file, played with `simenv run ENV --tasks FILE`"


def calibrate_set(args: argparse.Namespace, pack: Pack) -> int:
    """Refit the difficulties of a set from runs and say what came of it."""
    guessed = {item.id: item.b for item in priors(pack)}
    respondents = respondents_of(args.calibrate, pack)
    fitted, items = calibrate(guessed, respondents)
    if args.out:
        write_items(Path(args.out), [each.item for each in items])
    for each in items:
        emit(each.to_json())
    result = {
        "model": fitted.model,
        "respondents": len(respondents),
        "tasks": len(items),
        "of": len(pack),
        "converged": fitted.converged,
    }
    emit(result | ({"out": args.out} if args.out else {}))
    say(_shown(items))
    what = "one discrimination for all tasks" if fitted.model == "1pl" else "a discrimination for each task"
    say(f"{len(items)} of {len(pack)} tasks were played by {len(respondents)} respondents.")
    say(f"The model is {fitted.model}: {what}.")
    if fitted.model == "1pl":
        say(f"From {TWO_PL_FROM} respondents on, discriminations are told apart.")
    if not fitted.converged:
        say("The fit had not settled after the last round; take its figures with care.")
    return 0


def respondents_of(logs: Sequence[str], pack: Pack) -> list[Mapping[str, bool]]:
    """Return for every trial of every run which of its tasks were passed.

    Raises:
        UsageError: If a run is named twice.
        LogError: If a run is damaged, or of other tasks.
    """
    places = [Path(log).resolve() for log in logs]
    twice = next((log for at, log in enumerate(logs) if places[at] in places[:at]), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; each run counts once")
    for log in logs:
        planned(log, pack, way_out=_OTHER)
    found: list[Mapping[str, bool]] = []
    with bar(len(logs), "runs") as progress:
        for log in logs:
            trials: dict[int, dict[str, bool]] = {}
            for episode in read_episodes(log):
                trials.setdefault(episode.trial, {})[episode.task] = episode.verdict.passed
            if not trials:
                say(f"{log} ({read_header(log).get('agent')}) holds no episode yet.")
            found.extend(trials[trial] for trial in sorted(trials))
            progress.update(1)
    return found


def _shown(items: Sequence[Calibrated]) -> str:
    """Return the table of a calibration, the hardest task first."""
    rows = [
        [
            each.item.id,
            f"{each.prior:+.2f}",
            f"{each.item.b:+.2f}",
            f"{each.item.se:.2f}",
            f"{each.item.a:.2f}",
            str(each.taken),
            str(each.passed),
        ]
        for each in sorted(items, key=lambda each: (-each.item.b, each.item.id))
    ]
    return table([["task", "prior b", "b", "se", "a", "n", "passed"], *rows])
