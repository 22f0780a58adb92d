"""Replay: recordings come out again to the byte, and nothing else passes for one.

``golden/record.sh`` records the golden replays anew; see README.md for when.
"""

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.agents.registry import agent
from simenv.agents.runs import attempt
from simenv.core import catalog
from simenv.core.errors import DataError, ReplayError
from simenv.core.log import LogWriter, read_header
from simenv.core.pack import Pack, bundled, read_pack
from simenv.core.task import Task
from simenv.envs.registration import IDS
from simenv.episodes.replay import Recorded, first_difference, read_episodes, replay

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
LAST_RESORT = "transfer_to_human_agents"
"""What no right outcome needs."""
NAMES = ("oracle", "oracle:recovers", "idle")


def pack_of(log: Path) -> Pack:
    return read_pack(log.parent / Path(read_header(log)["pack"]).name)


@pytest.mark.parametrize("log", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_episode_comes_out_as_it_was_recorded(log: Path) -> None:
    pack = pack_of(log)
    for recorded in read_episodes(log):
        replay(pack.find(recorded.task), recorded)


def test_there_are_golden_replays() -> None:
    assert GOLDEN, "no golden replays found: the test above passed without testing anything"


def test_every_domain_has_golden_replays_of_every_agent() -> None:
    found: dict[str, set[str]] = {}
    for log in GOLDEN:
        header, pack = read_header(log), pack_of(log)
        assert header["env_version"] == catalog.domain(header["domain"]).version
        assert [recorded.task for recorded in read_episodes(log)] == pack.ids()
        found.setdefault(header["domain"], set()).add(header["agent"])
    assert found == {domain: set(NAMES) for domain in IDS.values()}


def test_golden_replays_hold_a_call_of_every_tool_and_tasks_of_every_make() -> None:
    """So a change of any tool, of faults, look-alikes, set-ups or the customer's manners shows."""
    for log in GOLDEN:
        header, pack = read_header(log), pack_of(log)
        if header["agent"] != "oracle":
            continue
        domain = catalog.domain(header["domain"])
        steps = [step for each in read_episodes(log) for step in each.trajectory.steps]
        called = {call["name"] for step in steps for call in step.get("calls", ()) if not call.get("error")}
        assert {tool.name for tool in domain.tools if tool.effect != "read"} - called == {LAST_RESORT}
        assert called >= {"get_user_details", "get_reservation_details", "search_direct_flight"}
        tasks = [pack.at(at) for at in range(len(pack))]
        assert pack.certified
        for field in ("setup", "faults", "extras"):
            assert any(getattr(task, field) for task in tasks), field
        lineages = [line["certificate"]["lineage"] for line in pack.lines]
        assert len({name for lineage in lineages for name in lineage}) >= 20
        assert any(task.card.insists for task in tasks)
        assert any(fact.turn for task in tasks for fact in task.card.facts)


# Forgeries

Record = dict[str, Any]


@cache
def _attempt(place: int, name: str) -> Record:
    task = bundled("airline", "train").at(place)
    return {"task": task.id, "trial": 0} | attempt(task, agent(name, catalog.domain("airline")))


def record(place: int, name: str) -> tuple[Task, Record]:
    return bundled("airline", "train").at(place), deepcopy(_attempt(place, name))


def read_back(folder: Path, *records: Record) -> list[Recorded]:
    path = folder / "run.jsonl"
    path.unlink(missing_ok=True)
    with LogWriter(path, {"domain": "airline"}) as log:
        for each in records:
            log.append(each)
    return list(read_episodes(path))


def forge_start(record: Record, at: int) -> None:
    record["trajectory"]["start"] = "0" * 32


def forge_state(record: Record, at: int) -> None:
    record["trajectory"]["steps"][at]["state"] = "1" * 32


def forge_chain(record: Record, at: int) -> None:
    record["trajectory"]["steps"][at]["chain"] = "2" * 32


def forge_event(record: Record, at: int) -> None:
    step = record["trajectory"]["steps"][at]
    step["events"] = [*step.get("events", []), {"type": "confirmed", "goal": "g9"}]


def forge_call(record: Record, at: int) -> None:
    step = record["trajectory"]["steps"][at]
    step["calls"] = [*step.get("calls", []), {"name": "cancel_reservation", "effect": "write", "key": "x"}]


def forge_error(record: Record, at: int) -> None:
    record["trajectory"]["steps"][at]["error"] = "made_up"


def forge_field(record: Record, at: int) -> None:
    record["trajectory"]["steps"][at]["reward"] = 1


def forge_action(record: Record, at: int) -> None:
    record["trajectory"]["steps"][at]["action"] = "I have never said this."


def drop_action(record: Record, at: int) -> None:
    del record["trajectory"]["steps"][at]["action"]


def drop_step(record: Record, at: int) -> None:
    del record["trajectory"]["steps"][at]


def repeat_last_step(record: Record, at: int) -> None:
    record["trajectory"]["steps"].append(record["trajectory"]["steps"][-1])


def forge_end(record: Record, at: int) -> None:
    record["trajectory"]["why"] += "!"


def forge_truncation(record: Record, at: int) -> None:
    record["trajectory"]["truncated"] = not record["trajectory"]["truncated"]


def forge_verdict(record: Record, at: int) -> None:
    record["verdict"]["passed"] = not record["verdict"]["passed"]


def forge_process(record: Record, at: int) -> None:
    record["verdict"]["process"]["breaches"] = {"confirm_first": 9}


def forge_answers(record: Record, at: int) -> None:
    record["verdict"]["answers"]["g9"] = "right"


FORGERIES = [
    value for name, value in list(globals().items()) if name.startswith(("forge_", "drop_", "repeat_"))
]


@settings(max_examples=60)
@given(place=st.integers(0, 9), name=st.sampled_from(NAMES), forge=st.sampled_from(FORGERIES), data=st.data())
def test_a_forged_claim_is_a_replay_error_at_its_step(
    place: int, name: str, forge: Any, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    task, forged = record(place, name)
    steps = len(forged["trajectory"]["steps"])
    at = data.draw(st.integers(0, steps - 1))
    forge(forged, at)
    (recorded,) = read_back(tmp_path_factory.getbasetemp(), forged)
    with pytest.raises(ReplayError) as caught:
        replay(task, recorded)
    # A dropped step shows where the next one lands, and idle steps are alike in all but their digest.
    assert caught.value.step in {-1, at, steps - 1, steps}


@given(place=st.integers(0, 9), name=st.sampled_from(NAMES))
@settings(max_examples=20)
def test_what_was_played_comes_out_again(
    place: int, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    task, played = record(place, name)
    (recorded,) = read_back(tmp_path_factory.getbasetemp(), played)
    episode = replay(task, recorded)
    assert episode.trajectory().to_json() == played["trajectory"]
    assert first_difference(recorded.trajectory, recorded.trajectory) is None


@pytest.mark.parametrize(
    "action", ["\ud800", "a\x00b", "x" * 70_000, '{"name": 1}', "[]", "\u2028é", "\\udc00"]
)
def test_any_string_an_agent_sends_comes_out_again(action: str, tmp_path: Path) -> None:
    def odd(episode: Any) -> Any:
        yield action
        yield action

    task = bundled("airline", "train").at(0)
    (recorded,) = read_back(tmp_path, {"task": task.id, "trial": 0} | attempt(task, odd))
    assert replay(task, recorded).trajectory().steps[1].action == action


def test_a_forged_escape_differs_and_does_not_warn(tmp_path: Path) -> None:
    task, forged = record(0, "idle")
    step = forged["trajectory"]["steps"][0]
    step["action_escaped"] = "\\q \\x"
    (recorded,) = read_back(tmp_path, forged)
    with pytest.raises(ReplayError):
        replay(task, recorded)


@pytest.mark.parametrize(
    "change",
    [
        {"task": 7},
        {"trial": "0"},
        {"trial": True},
        {"trajectory": []},
        {"verdict": {"passed": 1}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_record_of_another_form_is_a_data_error_with_its_line(change: Record, tmp_path: Path) -> None:
    _, good = record(0, "idle")
    with pytest.raises(DataError) as caught:
        read_back(tmp_path, good, good | {"trial": 1} | change)
    assert caught.value.line == 3


def test_an_episode_that_stands_there_twice_is_a_data_error(tmp_path: Path) -> None:
    _, good = record(0, "idle")
    with pytest.raises(DataError, match="stands there twice"):
        read_back(tmp_path, good, good)


@given(place=st.integers(0, 9), at=st.integers(0, 100))
@settings(max_examples=20)
def test_the_first_difference_is_at_the_step_that_was_changed(
    place: int, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, played = record(place, "oracle")
    at %= len(played["trajectory"]["steps"])
    changed = deepcopy(played) | {"trial": 1}
    forge_action(changed, at)
    left, right = read_back(tmp_path_factory.getbasetemp(), played, changed)
    found = first_difference(left.trajectory, right.trajectory)
    assert found is not None
    assert (found.step, found.field) == (at, "action")
    shorter = replace(
        left, trajectory=left.trajectory.model_copy(update={"steps": left.trajectory.steps[:at]})
    )
    cut = first_difference(left.trajectory, shorter.trajectory)
    assert cut is not None
    assert (cut.step, cut.right) == (at, None)
