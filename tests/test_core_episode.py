"""Laws of the step API: what an action brings, what an episode owns, and what moves neither."""

import json
import pickle
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.canonical import canonical
from simenv.core.errors import ToolError, UnknownNameError, UsageError
from simenv.core.task import Task
from simenv.core.tools import tool
from simenv.core.world import World
from simenv.episodes import pool
from simenv.episodes.episode import Episode
from simenv.testing import Sample, actions, words_of
from simenv.testing.sample import Trial
from tests.library_domain import DOMAIN

UNTOUCHED = "0" * 32


@cache
def trials() -> tuple[Trial, ...]:
    return Sample.draw("library", worlds=2, tasks_per_intent=2).trials


def trial(intent: str) -> Trial:
    return next(each for each in trials() if each.task.intent == intent)


def call(name: str, **arguments: Any) -> str:
    return canonical({"name": name, "arguments": arguments})


def loans(task: Task) -> list[str]:
    world = pool.image(task.domain, tuple(task.world), task.size).open()
    found = [str(loan) for (loan,) in world.rows("SELECT loan_id FROM loans ORDER BY loan_id")]
    world.close()
    return found


some_actions = st.deferred(
    lambda: st.lists(
        st.one_of(
            actions(DOMAIN, words=words_of(trials()[0].image)),
            st.sampled_from([action for each in trials() for action in each.actions]),
        ),
        max_size=8,
    )
)


def act_all(episode: Episode, listed: list[str]) -> Episode:
    for action in listed:
        if not episode.done:
            episode.act(action)
    return episode


@given(some_actions, some_actions, st.integers(0, 8))
def test_a_copy_of_any_kind_goes_on_identically(before: list[str], after: list[str], at: int) -> None:
    task = trials()[at % len(trials())].task
    episode = act_all(Episode(task), before)
    digest = episode.digest
    copies = [
        episode.fork(),
        Episode.restore(episode.snapshot()),
        Episode.restore(episode.snapshot().text),
        pickle.loads(pickle.dumps(episode)),
    ]
    finished = [act_all(copy, after) for copy in copies]
    assert episode.digest == digest
    act_all(episode, after)
    for copy in finished:
        assert copy.digest == episode.digest
        assert copy.snapshot().text == episode.snapshot().text
        assert copy.verdict() == episode.verdict() or not episode.done


@given(st.lists(some_actions, min_size=2, max_size=4))
def test_episodes_that_take_turns_are_as_if_alone(scripts: list[list[str]]) -> None:
    task = trials()[0].task
    alone = [act_all(Episode(task), script).snapshot().text for script in scripts]
    together = [Episode(task) for _ in scripts]
    for turn in range(8):
        for episode, script in zip(together, scripts, strict=True):
            act_all(episode, script[turn : turn + 1])
    assert [episode.snapshot().text for episode in together] == alone


@given(some_actions)
def test_a_record_says_what_happened(script: list[str]) -> None:
    episode = Episode(trials()[0].task)
    shown = list(episode.messages)
    for action in script:
        if episode.done:
            break
        step = episode.act(action)
        shown += step.chat
        assert episode.messages == shown
        assert step.observation == "\n".join(message["content"] for message in step.chat[1:])
        assert step.digest == episode.digest == episode.trajectory().steps[-1].chain
        assert (step.reward == 0.0) or step.terminated
        assert step.terminated + step.truncated == episode.done
        json.dumps(step.chat).encode()
    record = episode.trajectory()
    assert [step.action for step in record.steps] == script[: len(record.steps)]
    assert sum(each.versions for each in record.calls) == len(episode.journal())
    assert (not record.net) >= (not episode.journal())


@given(some_actions)
def test_the_face_moves_no_digest_and_no_verdict(script: list[str]) -> None:
    task = trials()[0].task
    full, compact = (act_all(Episode(task, face=face), script) for face in ("full", "compact"))
    assert full.digest == compact.digest
    assert full.trajectory() == compact.trajectory()


def test_the_compact_face_shows_every_value_of_a_result() -> None:
    each = trial("renew")
    full, compact = (
        act_all(Episode(each.task, face=face), list(each.actions)) for face in ("full", "compact")
    )
    for told, shown in zip(full.messages[1:], compact.messages[1:], strict=True):
        assert told["role"] == shown["role"]
        if told["content"][:1] == "{":
            assert not [
                value for value in leaves(json.loads(told["content"])) if value not in shown["content"]
            ]
            assert len(shown["content"]) < len(told["content"])
    with pytest.raises(UnknownNameError, match="no face is named"):
        Episode(each.task, face="small")


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [leaf for part in parts for leaf in leaves(part)]
    return [str(value)]


def test_every_action_counts_and_the_budget_pays_nothing() -> None:
    each = trial("renew_denied")
    task = each.task.model_copy(update={"budget": len(each.actions)})
    short = act_all(Episode(task), list(each.actions[:-1]))
    last = short.act("{")
    assert (last.truncated, last.terminated, last.reward, short.verdict().passed) == (True, False, 0.0, False)
    assert short.verdict().truncated
    just = act_all(Episode(task), list(each.actions))
    assert just.verdict().passed
    tight = act_all(Episode(task.model_copy(update={"budget": len(each.actions) - 1})), list(each.actions))
    assert tight.verdict().reason == "the budget cut the episode off"


def test_nothing_can_be_done_once_it_is_over() -> None:
    episode = play(Episode(trial("renew").task), oracle())
    before = episode.digest
    with pytest.raises(UsageError, match=r"the episode is over \(settled\)"):
        episode.act("hello")
    assert episode.digest == before
    with pytest.raises(UsageError, match="an action is a string, got dict"):
        Episode(trial("renew").task).act({})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not a snapshot"):
        Episode.restore("{}")
    with pytest.raises(UsageError, match="this version reads"):
        Episode.restore(episode.snapshot().text.replace("simenv-snapshot-1", "simenv-snapshot-0"))


def test_calls_of_a_list_run_in_order_and_stop_where_the_talk_ends() -> None:
    task = trial("renew").task
    first, second = loans(task)[:2]
    episode = Episode(task)
    listed = [
        call("renew_loan", loan_id=first),
        call("transfer_to_human", summary="done"),
        call("renew_loan", loan_id=second),
    ]
    step = episode.act(f"[{','.join(listed)}]")
    assert [each.name for each in episode.trajectory().calls] == ["renew_loan", "transfer_to_human"]
    assert step.terminated
    assert episode.trajectory().why == "transfer"
    assert {change.table for change in episode.journal()} == {"loans", "transfers"}
    assert not episode.verdict().passed


@tool(effect="write")
def renew_loan(world: World, loan_id: str) -> str:
    """Write, and then refuse."""
    world.write("UPDATE loans SET renewals = 99 WHERE loan_id = ?", loan_id)
    world.insert("holds", "B0000", "M00000", "never")
    raise ToolError("not_found", "The second thought came late.")


def test_a_call_refused_after_it_has_written_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOMAIN.toolbox, "renew_loan", renew_loan)
    task = trial("renew").task
    episode = Episode(task)
    loan = loans(task)[0]
    assert episode.act(call("renew_loan", loan_id=loan)).error == "not_found"
    assert episode.trajectory().steps[0].state == UNTOUCHED
    assert episode.journal() == ()
    assert episode.world().row("SELECT renewals FROM loans WHERE loan_id = ?", loan) != (99,)
    assert episode.world().row("SELECT count(*) FROM holds") == (0,)
    assert episode.act(call("get_member", member_id="x")).error == "not_found"
    assert episode.journal() == ()


def test_a_write_without_a_yes_and_one_against_a_rule_are_noted_and_not_refused() -> None:
    each = trial("renew_denied")
    declined = next(request for request in each.outcome.requests if request.kind == "decline")
    loan = (declined.arguments or {})["loan_id"]
    episode = Episode(each.task)
    step = episode.act(call("renew_loan", loan_id=loan))
    record = episode.trajectory().calls[0]
    assert (step.error, record.breaches, record.confirmed) == ("", ("renew_limit",), False)
    assert episode.verdict().process.breaches == {"confirm_first": 1, "renew_limit": 1}
    confirmed = [record for record in trial("renew").run.trajectory().calls if record.effect == "write"]
    assert [record.confirmed for record in confirmed] == [True]
    assert trial("renew").run.verdict().process.breaches == {}


def test_the_chain_takes_in_task_world_action_and_order() -> None:
    one, other = trials()[0].task, trials()[-1].task
    starts = {
        Episode(one).digest,
        Episode(other).digest,
        Episode(one.model_copy(update={"world": other.world})).digest,
        Episode(one.model_copy(update={"budget": 31})).digest,
    }
    assert len(starts) == 4
    chains = {
        act_all(Episode(one), script).digest for script in (["a", "b"], ["b", "a"], ["ab"], ["a "], ["a"])
    }
    assert len(chains) == 5
    assert act_all(Episode(one), ["a"]).digest == act_all(Episode(one), ["a"]).digest


def test_the_agents_side_shows_nothing_of_the_gold() -> None:
    for each in trials():
        episode = Episode(each.task)
        shown = canonical([episode.messages, episode.tools, episode.observation])
        assert each.task.id not in shown
        assert each.task.program.digest() not in shown
        assert not [
            key for message in episode.messages for key in message if key in ("goal", "program", "policy")
        ]


def test_a_read_on_a_changed_world_sees_the_change() -> None:
    task = trial("renew").task
    episode, loan = Episode(task), loans(task)[0]
    owner = episode.world().row("SELECT member_id FROM loans WHERE loan_id = ?", loan)
    read = call("get_member", member_id=owner[0] if owner else "")
    before = episode.act(read).observation
    fork = episode.fork()
    episode.act(call("renew_loan", loan_id=loan))
    assert episode.act(read).observation != before
    assert fork.act(read).observation == before
    assert Episode(task).act(read).observation == before
