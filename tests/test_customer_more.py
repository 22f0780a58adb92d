"""Laws of the customer: what it adds unasked, and several wishes at once."""

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.task import Card, Fact, Question, Wish
from simenv.core.trajectory import Event
from simenv.domains.airline.lexicon import LEXICON as AIRLINE
from simenv.users.personas import PERSONAS
from simenv.users.recall import place
from simenv.users.reply import Talk, begin, reply
from tests.library_domain.words import LEXICON

OLD, NEW = '"The Loud Meadow"', '"The Quiet Harbor"'
RENEW = Wish(
    goal="g1",
    says=f"I'd like to renew {OLD}.",
    words=["renew", "renewal", "extend"],
    tools=["renew_loan"],
    expects={"title": ["The Quiet Harbor"]},
    exact=["title"],
)
FINES = Wish(
    goal="g2",
    says="How much do I owe in fines?",
    words=["fine", "fines"],
    question=Question(kind="money", about=["fine", "fines", "owe", "total"]),
)
MEMBER = Fact(slot="member_id", said="my member ID is M12345", value="M12345")
EARLY = Fact(slot="title", said=f"it's {OLD}", value="The Loud Meadow", kind="title", goal="g1", opening=True)
CHANGED = Fact(
    slot="title",
    said=f"actually, I've changed my mind: it's {NEW}",
    value="The Quiet Harbor",
    kind="title",
    goal="g1",
    turn=2,
)
CARD = Card(opening=f"Hello! {RENEW.says}", wishes=[RENEW], facts=[MEMBER, EARLY, CHANGED])
AGREE, DONE, NO = (
    "I am going to renew {}. Shall I go ahead?",
    "I have renewed {}.",
    "I'm sorry, but I can't renew that loan: it was renewed 3 times.",
)
LINES = (
    AGREE.format(OLD),
    AGREE.format(NEW),
    DONE.format(NEW),
    NO,
    "What is your member ID?",
    "Which book is it?",
    "The total of your fines is $12.50.",
    "Could you tell me more details?",
    "One moment, please.",
    "",
)
facts_later = st.lists(
    st.builds(
        Fact,
        slot=st.sampled_from(["title", "loan_id", "name", "other"]),
        said=st.integers(100, 199).map("I should say number {}".format),
        goal=st.sampled_from(["g1", "g2", ""]),
        turn=st.integers(1, 6),
    ),
    max_size=4,
    unique_by=(lambda fact: fact.said, lambda fact: (fact.goal, fact.slot, fact.turn)),
)
cards = st.builds(
    lambda late, told, patience, manner: CARD.model_copy(
        update={
            "wishes": [RENEW, FINES],
            "facts": [MEMBER, EARLY, *late],
            "told": told,
            "patience": patience,
            "persona": manner,
        }
    ),
    facts_later,
    st.integers(1, 2),
    st.integers(1, 4),
    st.sampled_from(sorted(PERSONAS)),
)
messages = st.lists(st.sampled_from(LINES), max_size=10)


def step(card: Card, state: Talk, message: str) -> tuple[Talk, str, list[Event]]:
    return reply(card, state, message, LEXICON)


def talk(card: Card, *said: str) -> tuple[Talk, list[str], list[Event]]:
    """Say messages until the customer has left; return its memory, its words and what happened."""
    state, texts, events = begin(card), list[str](), list[Event]()
    for message in said:
        state, text, happened = step(card, state, message)
        texts.append(text)
        events += happened
        if over(events):
            break
    return state, texts, events


def over(events: list[Event]) -> bool:
    return any(event["type"] == "ended" for event in events)


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


# Afterthoughts


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_fact_with_a_turn_is_said_unasked_in_that_reply_and_only_there(turn: int) -> None:
    card = CARD.model_copy(update={"facts": [MEMBER, EARLY, CHANGED.model_copy(update={"turn": turn})]})
    _, texts, _ = talk(card, *["One moment, please."] * 4)
    assert [NEW in text for text in texts] == [number == turn for number in (1, 2, 3, 4)]


def test_an_afterthought_is_progress_and_is_added_to_what_is_said_anyway() -> None:
    _, texts, _ = talk(CARD, "One moment, please.", "What is your member ID?")
    assert "M12345" in texts[1]
    assert texts[1].index("M12345") < texts[1].lower().index(CHANGED.said.lower())
    state, _, _ = talk(CARD, *["hm"] * 3)
    assert state.patience == CARD.patience - 2


def test_what_was_asked_for_before_its_turn_is_not_said_again() -> None:
    _, texts, _ = talk(CARD, "Which book is it?", "One moment, please.", "One moment, please.")
    assert [NEW in text for text in texts] == [True, False, False]


def test_the_outdated_value_is_corrected_by_the_changed_mind_and_the_new_one_agreed_to() -> None:
    _, texts, events = talk(CARD, AGREE.format(OLD), "One moment, please.", AGREE.format(NEW))
    assert [NEW in text for text in texts] == [True, False, False]
    assert kinds(events) == ["corrected", "confirmed"]


def test_who_has_changed_their_mind_does_not_go_back_on_it() -> None:
    hidden = CARD.model_copy(
        update={"opening": "Hello!", "facts": [MEMBER, EARLY.model_copy(update={"opening": False}), CHANGED]}
    )
    asked = ["One moment, please.", "One moment, please.", "Which book is it?", "Any more details?"]
    _, texts, _ = talk(hidden, *asked)
    assert NEW in texts[1]
    assert NEW in texts[2]
    assert not any(OLD in text for text in texts)


def test_an_early_fact_is_remembered_apart_from_the_one_that_replaces_it() -> None:
    assert begin(CARD).given == ("g1.0:title",)
    assert place(CHANGED, CARD.facts) == "g1:title"
    assert place(EARLY, [MEMBER, EARLY]) == "g1:title"


def test_what_belongs_to_a_settled_wish_is_moot() -> None:
    _, texts, events = talk(CARD, NO)
    assert over(events)
    assert NEW not in texts[0]


def test_what_belongs_to_no_wish_is_said_before_leaving() -> None:
    card = CARD.model_copy(update={"facts": [MEMBER.model_copy(update={"turn": 7}), EARLY]})
    state, text, events = step(card, begin(card), NO)
    assert "M12345" in text
    assert not over(events)
    assert over(step(card, state, "Thank you.")[2])


@given(cards, messages)
def test_the_customer_never_leaves_before_its_afterthoughts_are_said(card: Card, said: list[str]) -> None:
    state, texts, events = talk(card, *said)
    told = [wish.goal for wish in card.wishes[: state.told]]
    for fact in card.facts:
        if not fact.turn or fact.goal in state.settled or fact.goal not in (*told, ""):
            continue
        later = [o for o in card.facts if (o.goal, o.slot) == (fact.goal, fact.slot) and o.turn > fact.turn]
        if over(events) and (fact.slot == "other" or not later):
            assert any(fact.said.lower() in text.lower() for text in texts), fact


@given(cards, messages)
def test_an_afterthought_comes_no_later_than_its_turn_and_never_before_its_wish(
    card: Card, said: list[str]
) -> None:
    state = begin(card)
    for message in said:
        reached = [wish.goal for wish in card.wishes[: state.told]]
        state, text, events = step(card, state, message)
        for fact in card.facts:
            shown = place(fact, card.facts) in state.given
            mine = [o for o in card.facts if (o.goal, o.slot) == (fact.goal, fact.slot)]
            due = 0 < fact.turn <= state.turn and fact.goal in (*reached, "") and len(mine) == 1
            assert shown or not due or fact.goal in state.settled
            if fact.turn and fact.goal not in (*reached, ""):
                assert not shown
                assert fact.said not in text
        if over(events):
            break


@given(cards, messages)
def test_a_customer_with_afterthoughts_is_pure_and_survives_json(card: Card, said: list[str]) -> None:
    first = talk(card, *said)
    assert first == talk(card, *said)
    assert Talk.from_json(first[0].to_json()) == first[0]
    assert all(text.strip() for text in first[1])


def test_what_is_not_set_is_not_dumped() -> None:
    assert "turn" not in EARLY.model_dump(exclude_defaults=True)
    assert CHANGED.model_dump(exclude_defaults=True)["turn"] == 2


# Several wishes at once


LOANS = ("L111111", "L222222", "L333333")


def loan(number: int) -> Wish:
    return Wish(
        goal=f"g{number}",
        says=f"I'd like to renew loan {LOANS[number - 1]}.",
        words=["renew", "renewed", "renewal"],
        tools=["renew_loan"],
        expects={"loan_id": [LOANS[number - 1]]},
        exact=["loan_id"],
    )


THREE = Card(
    opening="Please renew my loans L111111, L222222 and L333333.",
    wishes=[loan(number) for number in (1, 2, 3)],
    told=3,
    facts=[MEMBER],
    patience=4,
)


def listed(goals: tuple[str, ...]) -> str:
    ids = [LOANS[int(goal[1:]) - 1] for goal in goals]
    return f"loan {ids[0]}" if len(ids) == 1 else f"loans {', '.join(ids[:-1])} and {ids[-1]}"


@st.composite
def groupings(draw: st.DrawFn) -> list[tuple[str, ...]]:
    """The three goals in any order, cut into groups."""
    goals = draw(st.sampled_from(sorted(permutations(("g1", "g2", "g3")))))
    cuts = sorted({0, 3, *draw(st.sets(st.integers(1, 2)))})
    return [goals[start:end] for start, end in pairwise(cuts)]


@given(groupings(), groupings())
def test_several_wishes_are_agreed_to_and_reported_in_any_order_and_grouping(
    proposals: list[tuple[str, ...]], reports: list[tuple[str, ...]]
) -> None:
    state = begin(THREE)
    for group in proposals:
        state, _, events = step(THREE, state, f"I will renew {listed(group)}. Shall I go ahead?")
        assert {event["goal"] for event in events} == set(group)
        assert set(kinds(events)) == {"confirmed"}
    assert set(state.agreed) == {"g1", "g2", "g3"}
    for group in reports:
        before = set(state.settled)
        state, _, events = step(THREE, state, f"I have renewed {listed(group)}.")
        assert set(state.settled) - before == set(group)
        assert over(events) == (len(state.settled) == 3)


@given(groupings())
def test_several_wishes_are_refused_in_any_order_and_grouping(groups: list[tuple[str, ...]]) -> None:
    state = begin(THREE)
    for group in groups:
        before = set(state.settled)
        state, _, _ = step(THREE, state, f"I'm sorry, but I can't renew {listed(group)}.")
        assert set(state.settled) - before == set(group)


@given(groupings(), st.booleans())
def test_a_foreign_thing_among_wished_ones_is_corrected(groups: list[tuple[str, ...]], first: bool) -> None:
    for group in groups:
        names = [LOANS[int(goal[1:]) - 1] for goal in group]
        names.insert(0 if first else len(names), "L999999")
        message = f"I will renew loans {' and '.join(names)}. Shall I go ahead?"
        _, _, events = step(THREE, begin(THREE), message)
        assert set(kinds(events)) == {"corrected"}
        assert {event["goal"] for event in events} == set(group)


@pytest.mark.parametrize(
    ("message", "agreed", "settled"),
    [
        ("I will renew loan L333333, not L111111. Shall I go ahead?", ("g2", "g3"), ()),
        ("You have L111111, L222222 and L999999. Shall I renew L111111?", ("g2", "g1"), ()),
        ("I have renewed L222222. Shall I renew L111111, too?", ("g2", "g1"), ("g2",)),
        (
            "I have renewed L222222. Next, I will renew L111111 and L333333. Shall I go ahead?",
            ("g2", "g1", "g3"),
            ("g2",),
        ),
        ("Loan L111111 can't be renewed, but L333333 can. Shall I renew L333333?", ("g2", "g3"), ()),
        ("I have renewed L222222. Unfortunately, L111111 could not be renewed.", ("g2",), ("g2",)),
        ("The renewal is done.", ("g2",), ("g2",)),
        ("Shall I renew L999999?", ("g2",), ()),
    ],
)
def test_of_like_wishes_the_named_ones_are_meant(
    message: str, agreed: tuple[str, ...], settled: tuple[str, ...]
) -> None:
    """The second one was agreed to before."""
    state, _, _ = step(THREE, begin(THREE), AGREE.format("loan L222222"))
    assert state.agreed == ("g2",)
    state, _, _ = step(THREE, state, message)
    assert set(state.agreed) == set(agreed)
    assert state.settled == settled


def test_all_of_several_are_settled_by_a_report_that_names_none() -> None:
    state, _, _ = step(THREE, begin(THREE), "I will renew L111111 and L222222. Shall I go ahead?")
    assert step(THREE, state, "The first one is renewed.")[0].settled == ()
    assert step(THREE, state, "Both have been renewed.")[0].settled == ("g1", "g2")


def test_each_of_several_has_facts_of_its_own() -> None:
    facts = [
        Fact(slot="title", said=f"{name} is the title", goal=f"g{number}")
        for number, name in enumerate("ABC", 1)
    ]
    card = THREE.model_copy(update={"facts": facts})
    assert step(card, begin(card), "What is the title of the book of loan L222222?")[1].count("title") == 1


def test_wishes_in_other_words_may_be_proposed_at_once_and_not_with_each_others_things() -> None:
    def wish(goal: str, words: list[str], tool: str, reservation: str) -> Wish:
        says = f"Please {words[0]} {reservation}."
        expects: dict[str, list[str | int]] = {"reservation_id": [reservation]}
        return Wish(
            goal=goal, says=says, words=words, tools=[tool], expects=expects, exact=["reservation_id"]
        )

    wishes = [
        wish("g1", ["cancel", "cancelled"], "cancel_reservation", "AB1C2D"),
        wish("g2", ["bags"], "update_reservation_baggages", "Z9Y8X7"),
    ]
    card = Card(opening="Hello!", wishes=wishes, told=2, facts=[])
    both = "I will cancel reservation {} and add the bags to reservation {}. Shall I go ahead?"
    after, _, events = reply(card, begin(card), both.format("AB1C2D", "Z9Y8X7"), AIRLINE)
    assert after.agreed == ("g1", "g2")
    _, _, events = reply(card, begin(card), both.format("AB1C2D", "AB1C2D"), AIRLINE)
    assert "confirmed" not in kinds(events)
