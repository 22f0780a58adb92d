"""The benchmark by depth and breadth: its figures, its picture, its words."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import grid
from simenv.agents.ladder import RUNGS
from simenv.core.errors import UsageError

SCORES: grid.Scores = {
    (depth, breadth): (20 - 3 * depth - breadth, 20) for depth in (1, 5) for breadth in (1, 4)
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "DEPTHS", (1, 2))
    monkeypatch.setattr(grid, "BREADTHS", (1, 2))


@pytest.mark.usefixtures("small")
def test_it_prints_one_object_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "grid.svg"
    assert grid.main(["--tasks", "2", "--picture", str(place)]) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert set(result["agents"]) == {grid.NOISY, grid.MEAN, *RUNGS}
    for agent in result["agents"].values():
        assert [(cell["depth"], cell["breadth"]) for cell in agent["cells"]] == [
            (1, 1),
            (1, 2),
            (2, 1),
            (2, 2),
        ]
        for cell in agent["cells"]:
            low, high = cell["wilson"]
            assert 0 <= low <= cell["rate"] <= high <= 1
    assert all(cell["n"] == 2 for cell in result["agents"]["no_rank"]["cells"])
    assert "depth 1" in told.err
    maps = ElementTree.fromstring(place.read_text("utf-8"))
    assert len(maps.findall("{*}rect")) == 1 + 4 * (len(RUNGS) + 2)


def test_success_along_an_axis() -> None:
    along = grid.marginal(SCORES, 0)
    assert [(each["depth"], each["n"], each["rate"]) for each in along] == [(1, 40, 0.725), (5, 40, 0.125)]
    assert grid.trend(SCORES, 0) < -1.96
    assert -1.96 < grid.trend({cell: (10 + cell[0], 20) for cell in SCORES}, 1) < 1.96
    assert grid.trend(dict.fromkeys(SCORES, (20, 20)), 0) == 0


def test_tasks_have_exactly_the_depth_and_breadth_of_their_cell() -> None:
    made = grid.tasks_of("airline", (2, 1), 2, 0)
    assert len(made) == 2
    assert all(failing <= set(RUNGS) and failing for _, failing in made)


def test_a_picture_is_an_svg() -> None:
    with pytest.raises(UsageError, match=r"grid\.svg"):
        grid.draw(Path("grid.png"), {}, 1)
