"""How hard the tasks of a set are: by their certificates, or by a calibration."""

from pathlib import Path

from simenv.cli.choose import Choice
from simenv.cli.words import say
from simenv.core.errors import UsageError
from simenv.core.pack import Pack
from simenv.scoring.calibration import Item, prior_items, read_items
from simenv.synth.recheck import certificate_of


def priors(pack: Pack) -> list[Item]:
    """Return an item for every task of a set, as hard as its certificate says.

    Raises:
        UsageError: If the tasks carry no certificates.
    """
    if not pack.certified:
        raise UsageError(
            f"{pack.place} says nothing of how hard its tasks are, as they carry no certificates; "
            "make certified ones with `simenv synth`"
        )
    return prior_items({name: certificate_of(pack, at).difficulty for at, name in enumerate(pack.ids())})


def items_of(chosen: Choice, calibration: str | None) -> list[Item]:
    """Return an item for every chosen task: of the calibration where it has one, else of its certificate.

    Raises:
        UsageError: If a task is in neither.
        DataError: If the calibration is none, or of another set.
    """
    ids = [task.id for task in chosen.tasks]
    found = read_items(Path(calibration), ids) if calibration else {}
    missing = [name for name in ids if name not in found]
    if missing and chosen.source is not None:
        found |= {item.id: item for item in priors(chosen.source) if item.id not in found}
        if calibration:
            say(f"{calibration} lacks {len(missing)} of {len(ids)} tasks; certificates speak for them.")
    return [found[name] for name in ids]
