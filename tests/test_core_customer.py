"""Laws of the customer: what it says, what it keeps to itself, and when it leaves."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, dollars_text
from simenv.core.task import Card, Fact, Question, Wish
from simenv.core.trajectory import Event
from simenv.episodes.episode import Episode
from simenv.testing import Sample
from simenv.users.personas import PERSONAS
from simenv.users.reply import Talk, begin, hears_transfer, reply
from tests.library_domain.words import LEXICON

RENEW = Wish(
    goal="g1",
    says='I\'d like to renew "The Quiet Harbor".',
    words=["renew", "renewal", "extend"],
    tools=["renew_loan"],
    expects={"loan_id": ["L111111"], "title": ["The Quiet Harbor"]},
    exact=["loan_id", "title"],
)
FINES = Wish(
    goal="g2",
    says="How much do I owe in fines?",
    words=["fine", "fines"],
    question=Question(kind="money", about=["fine", "fines", "owe", "total"]),
)
CARD = Card(
    opening=f"Hello! {RENEW.says}",
    wishes=[RENEW, FINES],
    facts=[
        Fact(slot="member_id", said="my member ID is M12345", value="M12345"),
        Fact(
            slot="title",
            said='it\'s "The Quiet Harbor"',
            value="The Quiet Harbor",
            kind="title",
            goal="g1",
            opening=True,
        ),
        Fact(slot="loan_id", said="the loan number is L111111", value="L111111", kind="loan_id", goal="g1"),
    ],
    patience=4,
)
QUESTION = CARD.model_copy(
    update={"wishes": [FINES.model_copy(update={"goal": "g1"})], "opening": FINES.says}
)
AGREE = "I am going to renew loan L111111. Shall I go ahead?"
DONE = "I have renewed loan L111111."
lines = (
    AGREE,
    DONE,
    "Shall I renew loan L222222?",
    "I'm sorry, but I can't renew that loan.",
    "What is your member ID?",
    "Which loan is it?",
    "The total of your fines is $12.50.",
    "Correction: the total of your fines is $13.",
    "Is there anything else?",
    "One moment, please.",
    "Could you tell me more details?",
    "",
)
messages = st.lists(
    st.one_of(st.sampled_from(lines), st.text(st.characters(exclude_categories=()), max_size=60)), max_size=8
)
cards = st.sampled_from(
    [CARD, QUESTION, CARD.model_copy(update={"told": 2, "insists": 2, "persona": "terse"})]
)


def talk(card: Card, *said: str) -> tuple[Talk, list[str], list[Event]]:
    """Say messages until the customer has left; return its memory, its words and what happened."""
    state = begin(card)
    texts: list[str] = []
    events: list[Event] = []
    for message in said:
        if any(event["type"] == "ended" for event in events):
            break
        state, text, happened = reply(card, state, message, LEXICON)
        texts.append(text)
        events += happened
    return state, texts, events


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


@given(cards, messages)
def test_the_customer_is_a_pure_function_that_never_fails(card: Card, said: list[str]) -> None:
    before = canonical(card.model_dump(mode="json"))
    first, second = talk(card, *said), talk(card, *said)
    assert first == second
    assert canonical(card.model_dump(mode="json")) == before
    assert Talk.from_json(json.loads(json.dumps(first[0].to_json()))) == first[0]
    assert all(text.strip() for text in first[1])


@given(cards, messages)
def test_a_talk_ends_once_and_for_one_reason(card: Card, said: list[str]) -> None:
    state, _, events = talk(card, *said)
    ended = [event["why"] for event in events if event["type"] == "ended"]
    assert ended in ([], ["settled"], ["patience"])
    assert (ended == ["settled"]) == (len(state.settled) == len(card.wishes))
    assert set(state.agreed) <= {wish.goal for wish in card.wishes[: state.told]}
    assert {event["goal"] for event in events if "goal" in event} <= {
        wish.goal for wish in card.wishes[: state.told]
    }


@given(messages)
def test_a_wish_that_was_not_reached_is_never_named(said: list[str]) -> None:
    """Only once the first wish is settled may the second be told, and then by the customer's own words."""
    state = begin(CARD)
    for message in said:
        state, text, events = reply(CARD, state, message, LEXICON)
        if state.told == 1:
            assert FINES.says not in text
            assert "fine" not in text.lower().replace("fine.", "")
        elif "g1" in state.settled and FINES.says in text:
            break
        if "ended" in kinds(events):
            break


@given(st.sampled_from(["hm", "The weather is fine today, I think.", "", "Let me look into it."]))
def test_patience_ends_after_as_many_messages_without_progress(message: str) -> None:
    state, texts, events = talk(CARD, *[message] * 20)
    assert len(texts) == CARD.patience
    assert events[-1] == {"type": "ended", "why": "patience"}
    assert state.settled == ()


def test_progress_costs_no_patience() -> None:
    asked = ["What is your member ID?", "Which loan is it?", "What is your member ID?"]
    state, _, _ = talk(CARD, *asked)
    assert state.patience == CARD.patience - 1


@pytest.mark.parametrize("persona", PERSONAS)
def test_all_that_is_asked_in_one_turn_is_answered(persona: str) -> None:
    card = CARD.model_copy(update={"persona": persona})
    _, texts, events = talk(card, "Could you please tell me your member ID and your loan number?")
    assert "M12345" in texts[0]
    assert "L111111" in texts[0]
    assert [event["slot"] for event in events if event["type"] == "asked"] == ["member_id", "loan_id"]


def test_what_it_does_not_know_it_says_it_does_not_know() -> None:
    _, texts, events = talk(CARD, "What is your full name?")
    assert "name" in texts[0]
    assert kinds(events) == ["asked"]


@pytest.mark.parametrize(
    ("message", "agreed"),
    [
        (AGREE, True),
        ('I would renew "The Quiet Harbor" (loan L111111). Do you confirm?', True),
        ("I would renew your loan. Is that okay?", True),
        ("Shall I renew loan L222222?", False),
        ('Shall I renew "The Loud Harbor"?', False),
        ("Shall I renew loans L111111 and L222222?", False),
    ],
)
def test_a_yes_is_given_to_what_is_wished_and_to_nothing_else(message: str, agreed: bool) -> None:
    state, texts, events = talk(CARD, message)
    assert ("confirmed" in kinds(events)) == agreed
    assert ("corrected" in kinds(events)) == (not agreed)
    assert state.agreed == (("g1",) if agreed else ())
    if not agreed:
        assert "L111111" in texts[0] or "The Quiet Harbor" in texts[0]


def test_a_correction_does_not_stand_in_the_way_of_the_right_proposal() -> None:
    _, _, events = talk(CARD, "Shall I renew loan L222222?", AGREE)
    assert kinds(events) == ["corrected", "confirmed"]


def test_what_is_done_is_settled_and_the_next_wish_comes_up() -> None:
    state, texts, events = talk(CARD, AGREE, DONE)
    assert state.settled == ("g1",)
    assert FINES.says in texts[1]
    assert kinds(events) == ["confirmed"]
    _, texts, events = talk(CARD, AGREE, DONE, "The total of your fines is $12.50.")
    assert events[-2:] == [
        {"type": "answered", "goal": "g2", "values": [1250]},
        {"type": "ended", "why": "settled"},
    ]


def answers(*said: str) -> list[tuple[Any, bool]]:
    two = CARD.model_copy(update={"wishes": [FINES, RENEW], "told": 2})
    _, _, events = talk(two, *said)
    return [(event["values"], "correction" in event) for event in events if event["type"] == "answered"]


def test_every_value_told_about_a_question_is_on_record() -> None:
    """The verdict takes one value; a second one voids it unless it corrects the first."""
    assert answers("Your fines are $12.50.") == [([1250], False)]
    assert answers("Your fines are $12.50 or $13.") == [([1250, 1300], False)]
    assert answers("Your fines are $12.50.", "Your fines are $13.") == [([1250], False), ([1300], False)]
    assert answers("Your fines are $12.50.", "Correction: your fines are $13.") == [
        ([1250], False),
        ([1300], True),
    ]
    assert answers("Your fines are not $12.50.") == []
    assert answers("Your fines are high.") == []


@pytest.mark.parametrize("insists", [0, 1, 2, 3, 4])
def test_a_no_is_taken_after_as_many_repetitions(insists: int) -> None:
    card = CARD.model_copy(update={"insists": insists, "wishes": [RENEW]})
    no = "I'm sorry, but I can't renew that loan: it was renewed 3 times."
    state, texts, events = talk(card, *[no] * 9)
    assert len(texts) == insists + 1
    assert state.settled == ("g1",)
    assert events[-1] == {"type": "ended", "why": "settled"}


def test_a_handover_ends_the_talk_whatever_is_open() -> None:
    state, text, events = hears_transfer(CARD, begin(CARD))
    assert events == [{"type": "ended", "why": "transfer"}]
    assert state.said == text
    assert state.settled == ()


@cache
def sample() -> Sample:
    return Sample.draw("library", worlds=2, tasks_per_intent=2)


def test_every_persona_brings_every_task_to_its_end() -> None:
    """Manner is not substance: events differ in no persona."""
    for trial in sample().trials:
        seen = set()
        for persona in PERSONAS:
            card = trial.task.card.model_copy(update={"persona": persona})
            said = [action for action in trial.actions if action[:1] not in ("{", "[")]
            seen.add(canonical(talk(card, *said)[2]))
        assert len(seen) == 1


def test_what_is_beyond_the_limit_is_not_read() -> None:
    _, _, events = talk(CARD, "x " * 4000 + AGREE)
    assert events == []


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("The total of your fines is {right}.", "right"),
        ("The total of your fines is $1.", "wrong"),
        ("The total of your fines is {right} or $1.", "several"),
        ("The total of your fines is $1. Correction: the total of your fines is {right}.", "right"),
        ("The total of your fines is {right}. Correction: the total of your fines is $1.", "wrong"),
        ("I have looked at your fines.", "none"),
    ],
)
def test_an_answer_counts_if_it_is_one_value_and_right(message: str, answer: str) -> None:
    trial = next(each for each in sample().trials if each.task.intent == "fine_total")
    said = message.format(right=dollars_text(int(trial.task.goal.answers["g1"])))
    episode = Episode(trial.task)
    episode.act(said)
    while not episode.done:
        episode.act("")
    assert episode.verdict().answers == {"g1": answer}
    assert episode.verdict().passed == (answer == "right")
