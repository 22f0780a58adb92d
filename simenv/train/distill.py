"""Distillation: successful runs of any agent become demonstrations.

Each record of a log is played again, so what is taught is what happened and not what a log says. Its actions
are then acted in the face that the pupil reads, and written in the pupil's tokens.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from simenv.core import catalog
from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError, UsageError
from simenv.core.log import TornTailError, read_header
from simenv.core.pack import SPLITS, Pack, bundled, read_pack
from simenv.core.task import Task
from simenv.episodes.context import Memory
from simenv.episodes.episode import Episode
from simenv.episodes.replay import Recorded, read_episodes, replayed
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.demos import lessons_of


def demos_of_runs(
    logs: Sequence[str | Path],
    pack: Pack | None,
    family: Family,
    face: str,
    room: int,
    *,
    memory: Memory | None = None,
    turn_tokens: int = 0,
    tell: Callable[[str], object] = lambda said: None,
) -> list[tuple[Task, TokenEpisode]]:
    """Return what passed in runs as demonstrations, in the order of the logs; the same words twice are one.

    Calls that were refused are shown with weight 0, as mistakes are.

    Args:
        logs: Logs of ``simenv run``, of any agent. A torn last line is left out, and told.
        pack: What they were played on; by default the pack that each log names.
        family: Writes the tokens.
        face: How things are shown to the pupil, whatever the teacher was shown.
        room: Longest episode, in tokens; longer ones are left out, or cut where there is a memory.
        memory: See ``simenv.train.demos.lessons_of``.
        turn_tokens: See there.
        tell: Told what was left out because a log is damaged.

    Raises:
        UsageError: If nothing passed, or all of it is too long; it says how much of each.
        DataError: If a log is damaged, or the pack does not hold a task.
        ReplayError: If a record does not come out as it was recorded.
    """
    found: list[tuple[Task, TokenEpisode]] = []
    seen: set[str] = set()
    left: Counter[str] = Counter()
    for log in logs:
        tasks = pack or pack_of_log(log)
        for episode in _passed(log, tasks, left, tell):
            again = _shown_in(episode, face)
            if not again.verdict().passed:
                left["passed in the face of the log only"] += 1
                continue
            made = lessons_of(family, again, room=room, memory=memory, turn_tokens=turn_tokens)
            mark = digest(canonical([each.digest for each in made]))
            if not made:
                left[f"longer than {room} tokens"] += 1
            elif mark in seen:
                left["the same as another"] += 1
            else:
                seen.add(mark)
                found += [(again.task, each) for each in made]
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(left.items())) or "no episode at all"
        raise UsageError(f"{', '.join(map(str, logs))}: nothing to learn from: {why}")
    return found


def demos_of_logs(
    logs: Sequence[str | Path],
    family: Family,
    *,
    domain: str,
    face: str,
    room: int,
    memory: Memory | None = None,
    turn_tokens: int = 0,
    tell: Callable[[str], object] = lambda said: None,
) -> list[tuple[Task, TokenEpisode]]:
    """Return ``demos_of_runs`` of logs that must all be of one domain.

    Raises:
        UsageError: If a log is of another domain, or nothing passed.
    """
    for log in logs:
        if (other := read_header(log).get("domain")) != domain:
            raise UsageError(f"{log} is a run of domain {other!r}, and what is trained is of {domain!r}")
    return demos_of_runs(logs, None, family, face, room, memory=memory, turn_tokens=turn_tokens, tell=tell)


def pack_of_log(log: str | Path) -> Pack:
    """Return the pack that a log names.

    Raises:
        DataError: If it names none that is here.
    """
    header = read_header(log)
    domain, split, file = (header.get(name) for name in ("domain", "split", "pack"))
    if not isinstance(domain, str) or domain not in catalog.ENTRIES:
        raise DataError(log, 1, f"a run of domain {domain!r}, which is not here", "Give another log")
    version = catalog.domain(domain).version
    if header.get("env_version") != version:
        problem = f"recorded on version {header.get('env_version')} of {domain}, and this is {version}"
        raise DataError(log, 1, problem, "Record the run again with this simenv")
    if split in SPLITS:
        return bundled(domain, str(split))
    return read_pack(Path(str(file)))


def _passed(
    log: str | Path, pack: Pack, left: Counter[str], tell: Callable[[str], object]
) -> Iterator[Episode]:
    """Yield the episodes of a log that passed, played again."""
    for recorded in _whole(log, tell):
        if not recorded.verdict.passed:
            left["failed"] += 1
            continue
        yield replayed(log, pack, recorded)


def _whole(log: str | Path, tell: Callable[[str], object]) -> Iterable[Recorded]:
    """Yield the records before a torn tail."""
    try:
        yield from read_episodes(log)
    except TornTailError as error:
        tell(
            f"The last record of {log} (line {error.line}) is torn and was left out; the command that wrote "
            "the log writes it again."
        )


def _shown_in(episode: Episode, face: str) -> Episode:
    """Return the same actions in another face."""
    if episode.face.name == face:
        return episode
    again = Episode(episode.task, face=face)
    for step in episode.steps:
        again.act(step.action)
    return again
