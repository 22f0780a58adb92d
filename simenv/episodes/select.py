"""Which task an episode plays: by id, by seed, from a bundled pack or from a file."""

from pathlib import Path

from simenv.core.errors import UsageError
from simenv.core.pack import Pack, bundled, read_pack
from simenv.core.task import Task
from simenv.episodes.episode import Episode


def pack_of(
    domain: str, *, split: str = "train", tasks: str | Path | None = None, uncertified: bool = False
) -> Pack:
    """Return the pack of a split, or of a file of one's own.

    Raises:
        UsageError: If the file's tasks are of another domain, or carry no certificate and ``uncertified``
            is not set.
    """
    if tasks is None:
        return bundled(domain, split)
    pack = read_pack(Path(tasks))
    if pack.domain != domain:
        raise UsageError(f"{tasks} holds tasks of domain {pack.domain!r}, not of {domain!r}")
    return pack.trusted(uncertified=uncertified)


def choose(pack: Pack, *, seed: int | None = None, task: str | None = None) -> Task:
    """Return the task of that id, else task ``seed`` modulo the size of the pack.

    Raises:
        UsageError: If neither is given, or the seed is negative.
    """
    if task is not None:
        return pack.find(task)
    if not isinstance(seed, int) or seed < 0:
        raise UsageError(f"a seed is an integer >= 0, got {seed!r}; or give a task id")
    return pack.at(seed)


def open_episode(
    domain: str,
    *,
    seed: int | None = None,
    task: str | Task | None = None,
    split: str = "train",
    tasks: str | Path | None = None,
    face: str = "full",
    uncertified: bool = False,
) -> Episode:
    """Open one episode: the native face of simenv.

    Args:
        domain: Name of the domain.
        seed: Plays task ``seed`` modulo the size of the pack.
        task: A task, or the id of one; beats the seed.
        split: ``"train"`` or ``"test"``.
        tasks: A pack of one's own instead of the bundled ones.
        face: ``"full"`` or ``"compact"``.
        uncertified: Whether tasks of ``tasks`` may lack certificates.

    Raises:
        UsageError: If neither seed nor task is given.
        UnknownNameError: If domain, split, task or face is unknown; it names the nearest.
    """
    if isinstance(task, Task):
        return Episode(task, face=face)
    return Episode(
        choose(pack_of(domain, split=split, tasks=tasks, uncertified=uncertified), seed=seed, task=task),
        face=face,
    )
