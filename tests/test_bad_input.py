"""No string that an agent sends raises, harms the world or reaches the customer by mistake."""

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core import catalog
from simenv.domains.airline import tools as airline_tools
from simenv.episodes.episode import Episode
from simenv.testing import HOSTILE, Sample, actions, hostile, words_of
from simenv.testing.sample import Trial
from tests.library_domain import DOMAIN as LIBRARY

MALFORMED = {"bad_json", "bad_text", "bad_call"}
REFUSED = {"unknown_tool", "bad_arguments", "unavailable", "unknown_rule", "bad_facts"}
CODES = {
    "library": MALFORMED | REFUSED | {"not_found", "bad_value", "already_held"},
    "airline": MALFORMED
    | REFUSED
    | set(re.findall(r"^\* ``(\w+)``", airline_tools.__doc__ or "", re.MULTILINE)),
}
UNTOUCHED = "0" * 32
domains = pytest.mark.parametrize("name", CODES)


@cache
def trial(name: str) -> Trial:
    return Sample.draw(name, worlds=1, tasks_per_intent=1).trials[0]


def answered(name: str, action: str) -> str:
    """Send one action to a fresh episode, check what every action brings, and return the error's code."""
    episode, twin = Episode(trial(name).task), Episode(trial(name).task)
    talk, chain = episode.talk, episode.digest
    step = episode.act(action)
    record = episode.trajectory().steps
    assert len(record) == 1
    assert step.digest not in ("", chain)
    assert step.digest == twin.act(action).digest
    assert step.error == "" or step.error in CODES[name], step.observation
    if step.error in MALFORMED:
        assert episode.talk == talk
        assert record[0].calls == ()
        assert record[0].events == ()
        assert step.chat[1]["name"] == "environment"
    if step.error:
        first_error = next((call for call in record[0].calls if call.error), None)
        assert first_error is None or first_error.versions == 0
    if step.error and len(record[0].calls) <= 1:
        assert record[0].state == UNTOUCHED
        assert episode.journal() == ()
        assert episode.trajectory().net == ()
        assert not step.terminated
    step.observation.encode()
    return step.error


@domains
@given(st.data())
def test_whatever_an_agent_sends_is_answered(name: str, data: st.DataObject) -> None:
    listed = actions(catalog.domain(name), words=words(name))
    answered(name, data.draw(listed))


@cache
def words(name: str) -> tuple[str, ...]:
    return words_of(trial(name).image)


@domains
@given(st.data())
def test_hostile_strings_change_no_row(name: str, data: st.DataObject) -> None:
    action = data.draw(hostile(catalog.domain(name)))
    episode = Episode(trial(name).task)
    episode.act(action)
    assert episode.trajectory().steps[0].state == UNTOUCHED
    assert episode.journal() == ()


EXPECTED = {
    '{"name":"get_member","name":"get_member"}': "bad_json",
    '{"name":"get_member","arguments":{"a":NaN}}': "bad_json",
    "[" * 10_000: "bad_json",
    "x" * 2**20: "bad_text",
    "{" + "x" * 2**20: "bad_json",
    "\x00": "bad_text",
    "\ud800": "bad_text",
    '{"name":"\ud800"}': "bad_json",
    f'{{"name":"get_member","arguments":{{"member_id":{2**70}}}}}': "bad_json",
    '{"name":"drop_table","arguments":{}}': "unknown_tool",
    '{"name":"get_member","arguments":{"member_id":7}}': "bad_arguments",
    '{"name":"get_member","arguments":{"member_id":"x","y":1}}': "bad_arguments",
    '{"name":"get_member","arguments":{"member_id":"\' OR 1=1 --"}}': "not_found",
    '{"name":"get_member"}': "bad_arguments",
    '[{"name":"get_member"}, 7]': "bad_call",
    "[]": "bad_call",
    "please": "",
    "": "",
}


@pytest.mark.parametrize(("action", "code"), EXPECTED.items(), ids=range(len(EXPECTED)))
def test_each_mistake_has_its_code(action: str, code: str) -> None:
    assert answered("library", action) == code


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_every_hostile_string_that_looks_like_a_call_is_an_error(text: str) -> None:
    code = answered("library", text.replace("TOOL", "get_member"))
    assert bool(code) == (text.lstrip()[:1] in ("{", "[") or code == "bad_text")


def test_an_error_in_a_list_leaves_the_calls_before_and_after_it() -> None:
    loans = [
        row[0] for row in trial("library").image.open().rows("SELECT loan_id FROM loans ORDER BY loan_id")
    ]
    calls = [
        f'{{"name":"renew_loan","arguments":{{"loan_id":"{loan}"}}}}' for loan in (loans[0], "none", loans[1])
    ]
    episode = Episode(trial("library").task)
    step = episode.act(f"[{','.join(calls)}]")
    assert step.error == "not_found"
    assert [call.versions for call in episode.trajectory().calls] == [1, 0, 1]
    assert {change.old[0] for change in episode.journal() if change.old} == set(loans[:2])


def test_the_codes_of_a_domain_are_the_ones_its_tools_document() -> None:
    assert {"not_found", "no_seats", "wrong_amount"} <= CODES["airline"]
    assert {tool.name for tool in LIBRARY.tools} >= {"decline_request", "transfer_to_human"}
