"""What the arguments ENV, PACK and --tasks mean: domains, packs and tasks of proven worlds."""

import argparse
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from simenv.core import catalog
from simenv.core.errors import DataError, UnknownNameError, UsageError
from simenv.core.pack import SPLITS, Pack, bundled, read_pack
from simenv.core.task import Task
from simenv.envs.registration import IDS
from simenv.episodes import pool

ENV_HELP = "an environment: simenv/airline-v0, or airline for short"


@dataclass(frozen=True, slots=True)
class Choice:
    """The tasks that a command is about.

    Attributes:
        tasks: In pack order.
        split: Of the bundled pack, or "".
        pack: The file of any other pack, or "".
        source: Where they come from, with what stands beside each task.
    """

    tasks: list[Task]
    split: str = ""
    pack: str = ""
    source: Pack | None = None

    @property
    def twins(self) -> dict[str, str]:
        """Id of each near twin to the id of its original, as the certificates say."""
        lines = self.source.lines if self.source is not None else ()
        proved = ((str(line["id"]), line.get("certificate")) for line in lines)
        return {
            name: str(each["twin"]) for name, each in proved if isinstance(each, dict) and each.get("twin")
        }


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses between the bundled packs."""
    parser.add_argument(
        "--split", choices=SPLITS, default="train", help="which bundled tasks (default: train)"
    )


def is_env(name: str) -> bool:
    """Whether ``name`` is an environment's."""
    return name in IDS or name in catalog.ENTRIES


def domain_of(name: str) -> str:
    """Return the domain of an environment.

    Raises:
        UnknownNameError: If there is no such environment.
    """
    if not is_env(name):
        raise UnknownNameError("environment", name, [*IDS, *catalog.ENTRIES])
    return IDS.get(name, name)


def add_uncertified(parser: argparse.ArgumentParser) -> None:
    """Add the option that allows tasks without certificates."""
    parser.add_argument(
        "--uncertified", action="store_true", help="allow a file whose tasks carry no certificates"
    )


def pack_in(path: str, *, uncertified: bool = True) -> Pack:
    """Return the pack in a file.

    Raises:
        UsageError: If its tasks carry no certificates and ``uncertified`` is not set.

    Raises:
        DataError: If it is not a whole pack, or of an unknown domain.
    """
    try:
        pack = read_pack(Path(path))
    except zlib.error as error:
        raise DataError(
            path, 0, f"broken gzip: {error}", "Make the pack again, or fetch a whole copy"
        ) from None
    domain = pack.header.get("domain")
    if not isinstance(domain, str) or domain not in catalog.ENTRIES:
        known = ", ".join(sorted(catalog.ENTRIES))
        raise DataError(path, 1, f"tasks of domain {domain!r}, which is not here", f"Known: {known}")
    return pack.trusted(uncertified=uncertified)


def choose(env: str, *, tasks: str, split: str, uncertified: bool = False) -> Choice:
    """Return the first N bundled tasks of an environment, or all tasks of a pack file.

    Raises:
        UsageError: If there are not that many, or the file's are of another domain.
        DataError: If the file is no pack, or a world is not the one that its tasks were made for.
    """
    domain = domain_of(env)
    if tasks.removeprefix("-").isdecimal():
        pack = bundled(domain, split)
        if not 1 <= int(tasks) <= len(pack):
            raise UsageError(f"{pack.place} has 1 to {len(pack)} tasks to play, not {tasks}")
        return Choice(proven(pack, range(int(tasks))), split=split, source=pack)
    pack = pack_in(tasks, uncertified=uncertified)
    if pack.domain != domain:
        raise UsageError(f"{tasks} holds tasks of domain {pack.domain!r}, not of {domain!r}")
    return Choice(proven(pack, range(len(pack))), pack=Path(tasks).as_posix(), source=pack)


def proven(pack: Pack, places: Iterable[int]) -> list[Task]:
    """Return tasks of a pack whose worlds are the ones they were made for.

    Raises:
        DataError: If the pack names no digest for a task's world, or another than the world has.
    """
    tasks = [pack.at(place) for place in places]
    digests = _digests(pack)
    for size, *address in sorted({(task.size, *task.world) for task in tasks}, key=str):
        key = (str(size), *address)
        name = "/".join(map(str, address))
        if key not in digests:
            raise DataError(pack.place, 1, f"world {name} is not listed", "Make the pack again")
        if pool.image(pack.domain, tuple(address), str(size)).digest != digests[key]:
            raise DataError(
                pack.place,
                1,
                f"world {name} is not the one its tasks were made for",
                "Make the pack again with this version of simenv, or use the version that made it",
            )
    return tasks


def _digests(pack: Pack) -> dict[tuple[str | int, ...], str]:
    try:
        return {(world["size"], *world["address"]): world["digest"] for world in pack.header["worlds"]}
    except (KeyError, TypeError):
        raise DataError(pack.place, 1, "the header lists no worlds", "Make the pack again") from None
