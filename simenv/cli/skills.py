"""What runs show of someone's skills, and the order of tasks that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simenv.cli.explain import table
from simenv.cli.runs import pack_of, planned
from simenv.cli.words import bar, say
from simenv.core import catalog
from simenv.core.canonical import digest
from simenv.core.errors import DataError, UsageError
from simenv.core.pack import Pack
from simenv.episodes.replay import read_episodes, replayed
from simenv.synth.attribute import Attribution, Cause, Profile, Tally, weaknesses
from simenv.synth.focus import bases_of, chosen_bases, focus_of
from simenv.synth.grow import operators
from simenv.synth.order import Order


@dataclass(slots=True)
class Study:
    """What runs come to, over all of them.

    Attributes:
        passes: Id of a task to whether each trial passed.
        known: Id of a task to what its failures are held against.
        causes: Of every failed episode.
        packs: The packs that were played.
    """

    passes: dict[str, list[bool]] = field(default_factory=dict)
    known: dict[str, Attribution] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    packs: dict[str, Pack] = field(default_factory=dict)

    def add(self, log: str, domain: str) -> None:
        """Play a run again and add its episodes.

        Raises:
            UsageError: If it is of another domain.
        """
        pack = pack_of(log, None)
        if pack.domain != domain:
            raise UsageError(f"{log} is a run of {pack.domain}; tasks of {domain} cannot be drawn by it")
        planned(log, pack)
        self.packs[pack.place] = pack
        episodes = list(read_episodes(log))
        with bar(len(episodes), "episodes") as progress:
            for recorded in episodes:
                episode = replayed(log, pack, recorded)
                attribution = self.known.setdefault(recorded.task, Attribution(episode.task))
                passed = episode.verdict().passed
                self.passes.setdefault(recorded.task, []).append(passed)
                if not passed:
                    self.causes.append(attribution.cause(episode.trajectory()))
                progress.update(1)

    def profile(self) -> Profile:
        """Return the skills that the runs show."""
        tallies = [
            Tally(self.known[task].exposures, len(found), sum(found)) for task, found in self.passes.items()
        ]
        return weaknesses(self.causes, tallies)


def focused(order: Order, logs: Sequence[str]) -> Order:
    """Return an order of tasks drawn by what runs show, and print the skills.

    Raises:
        UsageError: If a run is of another domain, or none of an episode.
    """
    study = Study()
    for log in logs:
        study.add(log, order.domain)
    if not study.passes:
        raise UsageError(f"there is no episode in {', '.join(logs)}; nothing can be drawn by it")
    profile = study.profile()
    generator = catalog.generator(order.domain)
    known = operators(generator.vocabulary, generator.domain)
    runs = [(Path(log).name, digest(_bytes(log))) for log in logs]
    focus, weights = focus_of(profile, runs, known, order.split)
    bases = [base for pack in study.packs.values() for base in bases_of(pack, study.passes, order)]
    focus = replace(focus, bases=chosen_bases(bases, focus, order.count))
    if profile.skills:
        say(table(profile))
    if focus.pair:
        say(f"The two weakest are {focus.pair[0]} and {focus.pair[1]}; some tasks bring them together.")
    if not weights:
        say("Nothing is learned from what always or never works, so no operator is preferred.")
    say(f"{len(bases)} solved tasks can be grown on.")
    return replace(order, focus=focus, weights=weights)


def _bytes(log: str) -> bytes:
    try:
        return Path(log).read_bytes()
    except OSError as error:
        raise DataError(log, 0, error.strerror or "cannot be read", "Check the path") from None
