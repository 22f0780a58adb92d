"""Lists of words that worlds are written with, each a text file with one value per line."""

from functools import cache
from importlib.resources import files

from simenv.core.errors import UnknownNameError

NAMES = ("airports", "carriers", "cities", "first_names", "last_names", "streets")
"""Every list; where each comes from stands in ``PROVENANCE.toml``."""


@cache
def words(name: str) -> tuple[str, ...]:
    """Return the values of the list ``name`` in file order.

    A value of more than one part, such as an airport, has its parts separated by tabs.

    Raises:
        UnknownNameError: If no list has this name.
    """
    if name not in NAMES:
        raise UnknownNameError("lexicon", name, NAMES)
    # Bytes, so that no platform's newline or locale can change a value.
    data = files("simenv_corpora").joinpath("words", f"{name}.txt").read_bytes()
    return tuple(data.decode("utf-8").removesuffix("\n").split("\n"))
