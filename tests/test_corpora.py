"""Laws about the lists of words that worlds are written with."""

import tomllib
from hashlib import blake2b
from pathlib import Path

import pytest

from simenv.core.errors import UnknownNameError
from simenv_corpora.lexicons import NAMES, words

ROOM = Path(__file__).resolve().parents[1] / "corpora/simenv_corpora"
FILES = tomllib.loads((ROOM / "PROVENANCE.toml").read_text("utf-8"))["file"]


def test_every_data_file_is_named_in_the_provenance() -> None:
    written = {path.relative_to(ROOM).as_posix() for path in ROOM.glob("words/*")}
    assert written == {entry["path"] for entry in FILES} == {f"words/{name}.txt" for name in NAMES}


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"])
def test_every_data_file_is_the_one_that_the_provenance_describes(entry: dict[str, object]) -> None:
    data = (ROOM / str(entry["path"])).read_bytes()
    assert blake2b(data, digest_size=16).hexdigest() == entry["blake2b"]
    assert len(words(Path(str(entry["path"])).stem)) == entry["count"]
    assert {"holds", "licence", "source"} <= set(entry)
    assert b"\r" not in data
    assert data.endswith(b"\n")
    assert not data.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", NAMES)
def test_a_list_holds_each_value_once_and_none_is_blank(name: str) -> None:
    values = words(name)
    assert len(set(values)) == len(values)
    assert all(value and value == value.strip() for value in values)


def test_an_unknown_list_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="first_names"):
        words("first_name")
