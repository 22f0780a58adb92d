"""The study of format collapse: what its figures mean, and that it is kept and not made again."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from benchmarks import collapse
from benchmarks.collapse import Run, collapsed, config_of, readable, study_of, summary
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.rollouts.rewards import completeness, reward_of
from simenv.train.rollouts.rollout import Rollout
from simenv.train.tasks import source_of


def rollout(task: Task, actions: Sequence[str], reason: str = "done") -> Rollout:
    """What a sampler would return for these actions."""
    episode = Episode(task)
    for action in actions:
        if not episode.done:
            episode.act(action)
    calls = [call for step in episode.steps for call in step.calls]
    refused = sum(bool(call.error) for call in calls) + sum(
        bool(step.error) and not step.calls for step in episode.steps
    )
    verdict = episode.verdict()
    return Rollout(
        task, 0, TokenEpisode([Segment("assistant", (1, 2), sampled=True)]), float(verdict.passed), reason,
        len(episode.steps), len(calls), refused, verdict.to_json(), [], tuple(actions),
    )  # fmt: skip


@pytest.fixture(scope="module")
def task() -> Task:
    return source_of("airline", "simple:change_passengers_denied").at(0)


def test_the_composite_pays_for_doing_nothing(task: Task) -> None:
    """Its known fault: to say goodbye at once earns two fifths, and more than an honest try that fails."""
    idle = rollout(task, ["Goodbye."])
    played = play(Episode(task), oracle())
    gold = rollout(task, [step.action for step in played.steps])
    tried = rollout(task, [*[step.action for step in played.steps if step.calls][:1], '{"name":'])
    assert reward_of("composite", idle) == pytest.approx(0.15 * 19 / 20 + 0.25)
    assert reward_of("binary", idle) == 0
    assert reward_of("binary", gold) == 1
    assert reward_of("composite", gold) > 0.9
    assert reward_of("composite", tried) < reward_of("composite", idle)


def test_completeness_is_the_share_of_what_had_to_change(task: Task) -> None:
    played = play(Episode(task), oracle())
    assert completeness(rollout(task, ["Goodbye."])) == 0
    assert completeness(rollout(task, [step.action for step in played.steps])) == 1


def test_readable_counts_words_and_calls_but_no_torn_ones(task: Task) -> None:
    actions = ["Hello.", '{"name":"get_user_details","arguments":{"user_id":"x"}}', '{"name":', "  "]
    assert readable([rollout(task, actions)]) == 0.5
    assert readable([rollout(task, actions, reason="max_tokens")]) == 0.4, "a turn that never ended"


def run_of(**last: float) -> Run:
    first = {"success": 0.4, "turns": 6.0, "calls": 3.0, "readable": 0.9}
    told = {"success": 0.4, "turns": 6.0, "calls": 3.0, "readable": 0.9, "n": 10.0} | last
    rows = [{name: first.get(name, 0.0) for name in collapse.SHOWN}] * 3
    return Run("naive", 0, rows=rows, stops={"turns": 2}, held_out=told)


def test_collapse_is_lost_success_lost_form_or_lost_turns() -> None:
    assert not collapsed(run_of())
    assert not collapsed(run_of(success=0.25, turns=4.0, readable=0.6))
    assert collapsed(run_of(success=0.1))
    assert collapsed(run_of(readable=0.4))
    assert collapsed(run_of(turns=1.0))
    assert collapsed(run_of(calls=1.0))


def test_a_summary_counts_tasks_of_all_seeds() -> None:
    found = summary([run_of(success=0.5), run_of(success=0.1)])
    assert found["held_out_success"]["share"] == pytest.approx(0.3)
    assert found["held_out_success"]["n"] == 20
    assert found["collapsed_seeds"] == 1
    assert found["guards"] == [{"turns": 2}, {"turns": 2}]


def test_arms_differ_from_the_defaults_in_what_they_say(tmp_path: Path) -> None:
    study, _ = study_of(["--out", str(tmp_path)])
    plain = config_of(study, "defaults", 1).model_dump()
    for arm, change in collapse.ARMS.items():
        config = config_of(study, arm, 1).model_dump()
        differing = {name for name in plain if config[name] != plain[name]}
        assert differing == {*change} - ({"lr"} if change.get("lr") == 1 else set()), arm
    assert (plain["reward"], plain["refills"], plain["seed"]) == ("binary", 1, 1)
    assert plain["mask_reasons"], "what was cut off is not blamed"


def test_a_small_study_runs_and_finished_runs_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["--tasks", "simple:change_passengers_denied", "--size", "0.3m", "--room", "900", "--steps-table"]
    small += ["--arms", "defaults;naive", "--seeds", "1", "--steps", "1", "--groups", "1", "--group", "2"]
    small += ["--demos", "6", "--sft-steps", "2", "--held-out", "1"]
    assert collapse.main([*small, "--out", str(tmp_path)]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["rollouts_per_run"] == 2
    assert {*first["arms"]} == {"defaults", "naive"}
    assert {*first["arms"]["naive"]["steps"][0]} == {*collapse.SHOWN}

    def again(*_: object) -> None:
        pytest.fail("a finished run was made again")

    monkeypatch.setattr(collapse, "run", again)
    assert collapse.main([*small, "--out", str(tmp_path)]) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["arms"] == first["arms"]
    assert second["start"] == first["start"]


def test_guards_watch_a_run_and_do_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step at which each would have stopped is kept, and all steps are made."""
    study, _ = study_of(["--out", str(tmp_path), "--steps", "4"])
    rows = iter(
        [{"turns": 5.0}, {"turns": 1.0}, {"turns": 1.0, "kl_ref": 9.0}, {"turns": 4.0, "kl_ref": 9.0}]
    )
    made = SimpleNamespace(
        task=0,
        adapters=SimpleNamespace(digest=lambda: ""),
        advance=lambda: (next(rows), SimpleNamespace(sampled=[], rewards=[])),
    )
    monkeypatch.setattr(collapse.Study, "start", lambda self: tmp_path)
    monkeypatch.setattr(collapse, "load_policy", lambda path: None)
    monkeypatch.setattr(collapse, "Grpo", lambda *_: made)
    monkeypatch.setattr(collapse, "figures", lambda *_: {})
    monkeypatch.setattr(collapse, "held_out", lambda *_: {"n": 1})
    done = collapse.run(study, "naive", 0)
    assert len(done.rows) == 4
    assert done.stops == {"turns": 1, "kl": 3}
