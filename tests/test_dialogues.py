"""Laws of the customer: dialogues with free text complete, and it says no more and no less than it should."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.dialogues import PHRASINGS, Phrasings, results, spread, summary
from simenv.core import catalog
from simenv.core.pack import bundled
from simenv.core.task import Card, Fact, Question, Task, Wish
from simenv.domains.airline.lexicon import LEXICON
from simenv.users.reply import Talk, begin, hears_transfer, reply

PAID = Fact(
    slot="payment_method", said="please use my Visa ending in 1234", value="credit_card_1234567", goal="g1"
)
CARD = Card(
    opening="Hello, I want to have 3 checked bags in total on my trip from Boston to Denver on May 20.",
    wishes=[
        Wish(
            goal="g1",
            says="I want to have 3 checked bags in total on my trip from Boston to Denver on May 20.",
            words=["bag", "bags", "baggage", "luggage"],
            tools=["update_reservation_baggages"],
            expects={
                "reservation_id": ["AB1C2D"],
                "count:bags": [3],
                "last_four": ["1234"],
                "payment_id": ["credit_card_1234567"],
            },
            exact=["reservation_id"],
        ),
        Wish(
            goal="g2",
            says="What is the status of my flight on May 20?",
            words=["status"],
            question=Question(kind="status", about=["status", "flight"]),
        ),
    ],
    facts=[
        Fact(slot="user_id", said="my user ID is mia_li_3668", value="mia_li_3668"),
        Fact(slot="reservation_id", said="I don't have the reservation number at hand"),
        Fact(
            slot="bags",
            said="I want 3 checked bags in total",
            value=3,
            goal="g1",
            kind="count:bags",
            opening=True,
        ),
        PAID,
        Fact(slot="date_of_birth", said="I was born on 1980-01-02"),
    ],
)
CHOOSER = Card(
    opening="I'd like to book a flight from Boston to Denver on May 20.",
    wishes=[
        Wish(
            goal="g1",
            says="I'd like to book a flight from Boston to Denver on May 20.",
            words=["book", "booking", "flight", "flights"],
            tools=["book_reservation"],
            expects={"flight_number": ["HAT002"], "date": ["2030-05-20", "--05-20"], "cabin": ["economy"]},
            exact=["flight_number"],
        )
    ],
    facts=[
        Fact(slot="flight_choice", said="I'd like the cheapest one", goal="g1", kind="flight_number"),
        Fact(slot="cabin", said="I'd like to fly in economy", value="economy", goal="g1", kind="cabin"),
    ],
)
GOOD = (
    "I will update the bags of reservation AB1C2D:\n- bags: 3 checked bags\n"
    "- payment: {card}\nShall I go ahead?"
)
PROPOSAL = GOOD.format(card="credit_card_1234567")
GO_AHEADS = (
    "Is that correct?",
    "Would you like me to proceed?",
    "Reply YES to proceed.",
    "Please confirm (yes/no).",
    "Shall I go ahead?",
    "Let me know if you'd like me to go ahead with this.",
    "| Confirm? (yes/no) |",
)
OFFERS = (
    "1. Flight HAT001, 08:00, $120\n2. Flight HAT002, 12:00, $100\n\nWhich flight would you like to book?",
    "I found HAT001 for $120 and HAT002 for $100. Which one do you prefer?",
)
DENIALS = (
    "I'm sorry, but I can't add bags to this reservation.",
    "Unfortunately, I'm unable to add bags to this reservation. "
    "Would you like me to transfer you to a human agent?",
)


def hear(message: str, card: Card = CARD, talk: Talk | None = None) -> tuple[Talk, str, set[str]]:
    """Return the talk afterwards, the customer's words and the types of events."""
    after, text, events = reply(card, talk or begin(card), message, LEXICON)
    return after, text, {event["type"] for event in events}


def made(count: int) -> list[Task]:
    """Return tasks of every intent in one world."""
    generator = catalog.generator("airline")
    world = generator.build(("airline", "dialogues"), "S")
    proposed = (
        generator.propose(world, intent, ("airline", "dialogues", intent, at), "S")
        for at in range(2)
        for intent in generator.intents
    )
    return spread([task for task in proposed if task is not None], count)


def test_dialogues_complete_in_every_style_and_no_wrong_summary_is_agreed_to() -> None:
    figures = summary(list(results(made(17), Phrasings.read(PHRASINGS))))
    assert figures["share"] >= 0.95, figures
    assert min(figures["by_style"].values()) >= 0.85, figures
    assert not any("wrong summary" in reason for reason in figures["failures"]), figures


def grown() -> list[Task]:
    """Return a task of every operator."""
    pack, found = bundled("airline", "test"), dict[str, Task]()
    for at, line in enumerate(pack.lines):
        for name in line["certificate"]["lineage"]:
            found.setdefault(name, pack.at(at))
    return list({task.id: task for task in found.values()}.values())


def test_dialogues_about_grown_tasks_complete_as_well() -> None:
    """They are longer and harder to follow, so a few more may come to nothing; none may be misled."""
    figures = summary(list(results(grown(), Phrasings.read(PHRASINGS))))
    assert figures["share"] >= 0.9, figures
    assert min(figures["by_style"].values()) >= 0.75, figures
    assert not any("wrong summary" in reason for reason in figures["failures"]), figures


@given(st.text(max_size=300) | st.sampled_from((PROPOSAL, *OFFERS, *DENIALS, *GO_AHEADS)))
def test_a_reply_is_a_pure_function_that_no_message_breaks(message: str) -> None:
    talk = begin(CARD)
    assert reply(CARD, talk, message, LEXICON) == reply(CARD, talk, message, LEXICON)
    assert talk == begin(CARD)


@given(st.text(max_size=300))
def test_what_the_customer_remembers_survives_json(message: str) -> None:
    after, _, _ = hear(message)
    assert Talk.from_json(after.to_json()) == after


@given(
    st.lists(
        st.sampled_from(
            (PROPOSAL, *DENIALS[:1], *GO_AHEADS, "What is your user ID?", "Hello!", "Anything else?", "")
        ),
        max_size=4,
    )
)
def test_a_wish_is_not_named_before_those_before_it_are_settled(messages: list[str]) -> None:
    talk = begin(CARD)
    for message in messages:
        talk, text, _ = hear(message, talk=talk)
        assert ("status" in text) <= ("g1" in talk.settled)


def test_only_facts_that_were_asked_for_are_told() -> None:
    _, text, _ = hear("Could you please tell me your user ID?")
    assert "mia_li_3668" in text
    assert not re.search(r"1234|1980|reservation number", text)


def test_all_that_is_asked_in_one_turn_is_answered() -> None:
    _, text, _ = hear(
        "What's your user ID? Which payment method should I use, and what is your date of birth?"
    )
    assert all(fact in text for fact in ("mia_li_3668", "Visa ending in 1234", "1980-01-02"))


def test_every_fact_is_a_sentence_of_its_own() -> None:
    _, text, _ = hear("Please provide:\n1. Your user ID\n2. Your payment method")
    assert "My user ID is mia_li_3668. Please use my Visa ending in 1234." in text


def test_what_is_not_known_is_said_to_be_not_known() -> None:
    _, text, events = hear("Could you tell me the reason for cancelling?")
    assert "reason for cancelling" in text
    assert "asked" in events


@pytest.mark.parametrize("go_ahead", GO_AHEADS)
@pytest.mark.parametrize("card", ["credit_card_1234567", "Visa ending in 1234"])
def test_a_right_proposal_is_agreed_to(go_ahead: str, card: str) -> None:
    _, text, events = hear(GOOD.format(card=card).replace("Shall I go ahead?", go_ahead))
    assert "confirmed" in events, text


@pytest.mark.parametrize("go_ahead", GO_AHEADS)
@pytest.mark.parametrize(
    ("right", "wrong", "corrected"),
    [
        ("3 checked", "4 checked", "3 checked bags"),
        ("AB1C2D", "AB1C3D", "reservation number"),
        ("credit_card_1234567", "credit_card_7654321", "Visa ending in 1234"),
        ("credit_card_1234567", "Visa ending in 9999", "Visa ending in 1234"),
    ],
)
def test_a_wrong_proposal_is_corrected_and_not_agreed_to(
    right: str, wrong: str, corrected: str, go_ahead: str
) -> None:
    message = PROPOSAL.replace(right, wrong).replace("Shall I go ahead?", go_ahead)
    _, text, events = hear(message)
    assert "confirmed" not in events
    assert "corrected" in events
    assert corrected in text


@pytest.mark.parametrize("offer", OFFERS)
def test_the_right_one_of_what_is_offered_is_named(offer: str) -> None:
    _, text, events = hear(offer, CHOOSER)
    assert "I'd like the cheapest one. That's HAT002." in text
    assert "confirmed" not in events


@pytest.mark.parametrize("offer", OFFERS)
def test_what_was_not_offered_is_never_named(offer: str) -> None:
    _, text, _ = hear(offer.replace("HAT002", "HAT003"), CHOOSER)
    assert "I'd like the cheapest one" in text
    assert "HAT" not in text


def test_a_wrong_flight_is_corrected_without_telling_the_right_one() -> None:
    message = "I will book flight HAT001 on 2030-05-20 in economy. Shall I go ahead?"
    _, text, events = hear(message, CHOOSER)
    assert "corrected" in events
    assert "I'd like the cheapest one" in text
    assert "HAT002" not in text


def test_a_flight_on_a_wrong_day_is_not_agreed_to() -> None:
    message = "Outward on 2030-05-20. I will book flight HAT002 on 2030-05-21 in economy. Shall I go ahead?"
    assert "confirmed" not in hear(message, CHOOSER)[2]
    assert "confirmed" in hear(message.replace("05-21", "05-20"), CHOOSER)[2]


@pytest.mark.parametrize(
    "message",
    [
        "Would you like me to upgrade you to business class for $100?",
        "Would you like me to transfer you to a human agent?",
        "Would you like to add travel insurance for $30?",
        "Is there anything else I can help you with?",
        "Would you like me to search for other flights?",
    ],
)
def test_what_was_not_wished_is_never_agreed_to(message: str) -> None:
    _, _, events = hear(message)
    assert "confirmed" not in events
    assert "ended" not in events


@pytest.mark.parametrize("denial", DENIALS)
def test_a_no_is_accepted_at_once_or_after_insisting_once(denial: str) -> None:
    assert "g1" in hear(denial)[0].settled
    stubborn = CARD.model_copy(update={"insists": 1})
    talk, _, _ = hear(denial, stubborn)
    assert "g1" not in talk.settled
    assert "g1" in hear(denial, stubborn, talk)[0].settled


def test_a_refusal_that_only_says_what_is_missing_is_a_question() -> None:
    talk, text, _ = hear("Unfortunately, I'm unable to help without your user ID. Could you provide it?")
    assert "mia_li_3668" in text
    assert not talk.settled


def test_a_report_settles_what_was_agreed_to_and_brings_up_the_next_wish() -> None:
    talk, _, _ = hear(PROPOSAL)
    talk, text, _ = hear("I have updated the bags of reservation AB1C2D.", talk=talk)
    assert talk.settled == ("g1",)
    assert CARD.wishes[1].says in text


def test_a_report_of_something_else_is_objected_to_once() -> None:
    talk, _, _ = hear(PROPOSAL)
    wrong = "I have updated the bags of reservation AB1C2D to 5 checked bags."
    talk, text, _ = hear(wrong, talk=talk)
    assert not talk.settled
    assert "3 checked bags" in text
    assert hear(wrong, talk=talk)[0].settled == ("g1",)


def test_an_answer_given_twice_differently_is_reported_twice() -> None:
    talk = replace(begin(CARD), settled=("g1",), told=2)
    talk, _, events = hear("The status of your flight is delayed.", talk=talk)
    assert {"answered", "ended"} <= events
    assert "answered" in hear("The status of your flight is cancelled.", talk=talk)[2]


def test_a_price_named_in_passing_is_no_answer() -> None:
    asker = CARD.model_copy(
        update={
            "wishes": [
                Wish(
                    goal="g1",
                    says="What would the total refund be?",
                    words=["refund"],
                    question=Question(kind="money", about=["refund", "refunded", "back"]),
                )
            ]
        }
    )
    assert "answered" not in hear("There is a fee of $60 per passenger. What is your user ID?", asker)[2]
    _, _, events = reply(
        asker, begin(asker), "You paid $500, the fee is $60, so your refund is $440.", LEXICON
    )
    assert {"type": "answered", "goal": "g1", "values": [44000]} in events
    assert "answered" in hear("It's $440.", asker)[2]


def test_patience_ends_and_a_transfer_ends_the_talk() -> None:
    talk = begin(CARD)
    for _ in range(CARD.patience - 1):
        talk, _, events = hear("", talk=talk)
        assert "ended" not in events
    assert "ended" in hear("", talk=talk)[2]
    assert hears_transfer(CARD, begin(CARD))[2] == [{"type": "ended", "why": "transfer"}]


def test_a_long_message_is_read_no_further_than_its_limit() -> None:
    _, text, _ = hear("x " * 4_000 + "What is your user ID?")
    assert "mia_li_3668" not in text
