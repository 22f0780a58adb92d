"""Laws of near twins: both must be solved, and a wrong no is told from a missing one."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.agents.registry import agent
from simenv.agents.runs import run
from simenv.core import catalog
from simenv.core.errors import UsageError
from simenv.core.goal import Atom, Goal
from simenv.scoring.report import ScoreRow, score_table
from simenv.scoring.statistics import wilson
from simenv.scoring.twins import Played, TwinScore, over_refused, twin_score, under_refused
from tests.certified import plan_of, run_of

DEED: Atom = ["set", "reservations", ["R1"], "status", "cancelled"]
OTHER: Atom = ["set", "reservations", ["R2"], "status", "cancelled"]
NO: Atom = ["came", "declines", ["R1", "cancel_ground"]]
FACT: Atom = ["came", "decline_facts", ["R1", "cancel_ground", "cabin", '"economy"']]
WRONG_NO: Atom = ["came", "declines", ["R1", "cancel_flown"]]
ALLOWED, FORBIDDEN = Goal(required=[DEED]), Goal(required=[NO, FACT])
BOTH = Goal(required=[OTHER, NO, FACT])
GOALS = {"may": ALLOWED, "may_not": FORBIDDEN, "lone": BOTH}
TWINS = {"may_not": "may"}


def played(
    task: str, *, trial: int = 0, missing: Iterable[Atom] = (), collateral: Iterable[Atom] = ()
) -> Played:
    left, more = list(missing), list(collateral)
    return Played(task, trial, not left and not more, left, more)


def scored(*episodes: Played) -> TwinScore:
    found = twin_score(TWINS, GOALS, episodes)
    assert found is not None
    return found


def test_who_does_as_is_right_solves_the_pair() -> None:
    found = scored(played("may"), played("may_not"), played("lone"))
    assert found == TwinScore(pairs=1, tried=1, together=1, deeds=1, declined=0, refusals=1, done=0)
    assert (found.rate, found.over_refusal, found.under_refusal) == (1.0, 0.0, 0.0)
    assert found.interval == wilson(1, 1)


def test_who_always_declines_refuses_too_much() -> None:
    found = scored(played("may", missing=[DEED], collateral=[NO, FACT]), played("may_not"))
    assert (found.together, found.over_refusal, found.under_refusal) == (0, 1.0, 0.0)


def test_who_never_declines_refuses_too_little() -> None:
    found = scored(played("may"), played("may_not", missing=[NO, FACT], collateral=[DEED]))
    assert (found.together, found.over_refusal, found.under_refusal) == (0, 0.0, 1.0)


def test_silence_is_neither() -> None:
    found = scored(played("may", missing=[DEED]), played("may_not", missing=[NO, FACT]))
    assert (found.rate, found.over_refusal, found.under_refusal) == (0.0, 0.0, 0.0)


def test_the_wrong_reason_for_a_right_no_is_neither() -> None:
    episode = played("may_not", missing=[NO, FACT], collateral=[WRONG_NO])
    assert not under_refused(episode)
    assert not over_refused(FORBIDDEN, episode)


def test_a_no_to_one_of_two_requests_is_wrong_only_for_the_other() -> None:
    other_no: Atom = ["came", "declines", ["R2", "cancel_ground"]]
    assert over_refused(BOTH, played("lone", missing=[OTHER], collateral=[other_no]))
    assert not over_refused(BOTH, played("lone"))


def test_a_pair_counts_in_the_trials_in_which_both_were_played() -> None:
    found = scored(
        played("may"), played("may", trial=1), played("may_not", trial=1), played("may_not", trial=2)
    )
    assert (found.pairs, found.tried, found.together, found.deeds, found.refusals) == (1, 1, 1, 1, 1)


def test_an_original_with_two_twins_counts_once() -> None:
    goals = GOALS | {"may_too": ALLOWED}
    episodes = [played("may"), played("may_not"), played("may_too")]
    found = twin_score({"may_not": "may", "may_too": "may"}, goals, episodes)
    assert found is not None
    assert (found.pairs, found.together, found.deeds, found.refusals) == (2, 2, 2, 1)


def test_a_set_without_pairs_has_no_score() -> None:
    assert twin_score({}, GOALS, [played("may")]) is None
    assert twin_score({"elsewhere": "may"}, GOALS, [played("may")]) is None
    none_played = twin_score(TWINS, GOALS, [])
    assert none_played is not None
    assert (none_played.rate, none_played.over_refusal, none_played.under_refusal) == (None, None, None)


@given(
    st.permutations([("may", 0), ("may_not", 0), ("may", 1), ("may_not", 1), ("lone", 0)]), st.integers(0, 31)
)
def test_the_order_of_episodes_does_not_matter(order: list[tuple[str, int]], failed: int) -> None:
    def episodes(places: Iterable[tuple[str, int]]) -> list[Played]:
        bad = {place for bit, place in enumerate(sorted(order)) if failed >> bit & 1}
        return [
            played(task, trial=trial, missing=[DEED] if (task, trial) in bad else [])
            for task, trial in places
        ]

    assert twin_score(TWINS, GOALS, episodes(order)) == twin_score(TWINS, GOALS, episodes(sorted(order)))


@pytest.mark.parametrize(
    "counts",
    [
        {"pairs": 2, "tried": 1, "together": 0},
        {"pairs": 1, "tried": 1, "together": 2},
        {"pairs": 1, "tried": 1, "together": 0, "deeds": 1, "declined": 2},
        {"pairs": 1, "tried": 1, "together": 0, "refusals": 0, "done": 1},
        {"pairs": -1, "tried": 1, "together": 0},
    ],
    ids=str,
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="more than the whole"):
        TwinScore(**counts)


def test_the_table_has_a_row_for_twins_where_there_are_any() -> None:
    twins = TwinScore(pairs=4, tried=8, together=2, deeds=12, declined=3, refusals=4, done=4)
    plain = ScoreRow(agent="idle", counts=((2, 0),) * 9)
    both = ScoreRow(agent="rung", counts=((2, 1),) * 9, calls=18, twins=twins)
    assert "twin" not in score_table([plain])
    lines = score_table([plain, both]).splitlines()
    assert [line.split()[0] for line in lines] == ["agent", "idle", "rung", "twin", "rung,"]
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[3].split()[:6] == ["twin", "pairs", "4", "8", "2", "25.0%"]
    assert "declined wrongly in 3 of 12 (25.0%)" in lines[4]
    assert "had to decline in 4 of 4 (100.0%)" in lines[4]
    assert "twins" not in plain.to_json()
    assert both.to_json()["twins"]["rate"] == 0.25


def test_real_twins_are_solved_by_the_oracle_and_by_no_one_who_has_not_read_the_policy(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    scores = {}
    for name in ("oracle", "rung:no_policy", "idle"):
        plan = plan_of(tmp_path_factory, name)
        outcome = run(
            plan, agent(name, catalog.domain("airline"), plan.tasks), run_of(tmp_path_factory, name)
        )
        assert outcome.row.twins is not None
        assert outcome.resumed == len(plan.tasks)
        scores[name] = outcome.row.twins
    oracle, blind, idle = scores.values()
    assert oracle.pairs == oracle.together >= 1
    assert (oracle.over_refusal, oracle.done) == (0.0, 0)
    assert blind.done == blind.refusals
    assert (idle.together, idle.declined, idle.done) == (0, 0, 0)
