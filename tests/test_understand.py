"""Laws of reading free text: what agents ask for, and the values that they state."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding import Example, examples_of, joined, main, scores
from simenv.core.errors import UsageError
from simenv.core.lexicon import Lexicon, SlotWords, ValuePattern, WordSet, spellings
from simenv.domains.airline.lexicon import LEXICON
from simenv.users.mentions import Mention, mentions
from simenv.users.segments import LIMIT, folded, normalise, segments
from simenv.users.understand import Reading, understand

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SIMENV_DATA", ROOT.parent / "shared" / "data")) / "tau_airline"

TALKED = (
    "please provide your user id reservation date which one what when how many let me know if you would like"
    " to proceed confirm $1,234.50 May 20 11:00 AM - * | : , ? ! . \n 1. not but sorry i meant gift card and"
)
WORDS = TALKED.split(" ")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
TALK = st.lists(st.sampled_from(WORDS), max_size=120).map(" ".join)
TEXT = st.one_of(st.text(max_size=400), TALK)

LIBRARY = Lexicon(
    slots=(
        SlotWords(
            "loan_id",
            "loan number",
            phrases=("loan {id|number}",),
            heads=("{loan|loans}",),
            choices=("loans",),
        ),
        SlotWords(
            "title", "title", phrases=("{book |}title",), heads=("{book|books}",), choices=("{book|books}",)
        ),
        SlotWords("branch", "branch", phrases=("{pick up |}branch",), questions=("where",)),
        SlotWords("other", "details", phrases=("{more|additional} details",)),
    ),
    patterns=(
        ValuePattern("loan", r"\b(L-\d{5})\b", hint="L-"),
        ValuePattern("title", r"\"([^\"\n]{2,80})\"", hint='"'),
    ),
    words=(WordSet("state", (("overdue", ("overdue", "past due")), ("due", ("due",)))),),
    counted=(("books", ("{book|books}",)),),
    done=("renewed", "returned"),
)


def read(message: str, before: str = "", lexicon: Lexicon = LEXICON) -> Reading:
    return understand(message, before, lexicon)


def values(message: str, kind: str, lexicon: Lexicon = LEXICON) -> list[str | int]:
    return [mention.value for mention in mentions(message, lexicon) if mention.kind == kind]


# Laws for all texts.


@given(TEXT, TEXT)
def test_no_text_is_refused_and_what_is_read_is_well_formed(message: str, before: str) -> None:
    reading = understand(message, before, LEXICON)
    known = {slot.name for slot in LEXICON.slots} | {LEXICON.other}
    assert set(reading.slots) <= known
    assert len(set(reading.slots)) == len(reading.slots)
    assert len(set(reading.acts)) == len(reading.acts)
    assert reading.slots == () or reading.final_question != "none"


@given(TEXT)
def test_reading_is_a_function_of_the_text(message: str) -> None:
    assert read(message) == read(message)
    assert mentions(message, LEXICON) == mentions(message, LEXICON)


@given(TEXT)
def test_mentions_lie_in_the_text_in_order(message: str) -> None:
    found = mentions(message, LEXICON)
    assert all(0 <= mention.start < mention.end <= len(message) for mention in found)
    assert list(found) == sorted(found, key=lambda mention: (mention.start, mention.end, mention.kind))
    assert not any(mention.corrected and mention.denied for mention in found)


@given(st.text(max_size=300))
def test_normalising_keeps_every_place_and_twice_is_once(text: str) -> None:
    once = normalise(text)
    assert len(once) == len(text)
    assert normalise(once) == once
    assert len(folded(once)) == len(once)


@given(TALK)
def test_quotes_accents_and_bold_do_not_change_the_reading(message: str) -> None:
    dressed = message.replace("'", "\u2019").replace("e", "é").replace("user id", "**user id**")
    assert read(dressed) == read(message)


@given(TALK, st.text(max_size=50))
def test_what_is_over_the_limit_is_not_read(message: str, more: str) -> None:
    full = message.ljust(LIMIT, " ")
    assert read(full + more) == read(full)
    assert mentions(full + more, LEXICON) == mentions(full, LEXICON)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "which one? ",
            "and ",
            "$1 ",
            "not $1 ",
            "could you ",
            ".",
            "1",
            "a_",
            "may ",
            "1,111",
            "\n- ",
        ),
        *("'", "12:", " ", "i need ", "actually $1. ", "one bag ", "please confirm ", "it's $1, not $2 "),
        *("once you have ", "?", "let me know ", '"', "if you "),
        *("how many? ", "how many, ", "would you like to add it? ", "or provide ", "Which one?\n- HAT001\n"),
    ],
)
def test_hostile_texts_of_full_length_are_read(unit: str) -> None:
    text = unit * (LIMIT // len(unit))
    understand(text, text, LEXICON)
    mentions(text, LEXICON)


def test_another_process_reads_the_same() -> None:
    code = (
        "from simenv.users.understand import understand; from simenv.users.mentions import mentions;"
        "from simenv.domains.airline.lexicon import LEXICON;"
        "t = 'Your user ID, date and cabin? $5, not $6, on May 20 for 2 bags in economy. Which flight?';"
        "print(understand(t, '', LEXICON), mentions(t, LEXICON))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert runs[0] == runs[1] != ""


# Values written in several ways are the same values.


@given(
    st.integers(0, 10**11),
    st.sampled_from(["${:,}.{:02}", "$ {}.{:02}", "USD {}.{:02}", "{}.{:02} dollars", "{:,}.{:02} USD"]),
)
def test_money_is_read_back_in_cents(cents: int, form: str) -> None:
    assert values(f"That is {form.format(*divmod(cents, 100))}.", "money") == [cents]


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_dates_are_read_back(day: date) -> None:
    month = MONTHS[day.month - 1]
    full = [day.isoformat(), f"{month[:3]} {day.day}th, {day.year}", f"{day.day}th of {month} {day.year}"]
    full.append(f"{day.month:02}/{day.day:02}/{day.year}")
    assert [values(f"You fly on {written}.", "date") for written in full] == [[day.isoformat()]] * 4
    short = [f"{month} {day.day}", f"{day.day} {month}", f"{month[:3]}. {day.day}th"]
    assert [values(f"You fly on {written}.", "date") for written in short] == [[f"--{day:%m-%d}"]] * 3


@given(st.integers(0, 23), st.integers(0, 59))
def test_clock_times_are_read_back(hour: int, minute: int) -> None:
    wanted = f"{hour:02}:{minute:02}"
    half = f"{(hour + 11) % 12 + 1}:{minute:02} {'AM' if hour < 12 else 'p.m.'}"
    assert values(f"at {wanted} EST", "time") == [wanted]
    assert values(f"at {half}", "time") == [wanted]


@given(
    st.integers(0, 9999),
    st.sampled_from(
        ["{} bags", "{} checked bags", "{} extra **checked** bags", "bags: {}", "Total baggage: {}"]
    ),
)
def test_counts_are_read_back(number: int, form: str) -> None:
    assert values(form.format(number), "count:bags") == [number]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("two passengers and one bag", "count:passengers", [2]),
        ("2 one-stop flights", "count:flights", [2]),
        ("a one-way flight", "count:flights", []),
        ("one of the bags", "count:bags", []),
        ("flights HAT001 and HAT266", "flight_number", ["HAT001", "HAT266"]),
        ("reservation **FQ8APE** and HATHAT", "reservation_id", ["FQ8APE"]),
        ("Your reservation ID is **HATHAT**.", "reservation_id", ["HATHAT"]),
        ("user `mia_li_3668`", "user_id", ["mia_li_3668"]),
        ("with gift_card_7480005", "payment_id", ["gift_card_7480005"]),
        ("Visa ending in 7447", "last_four", ["7447"]),
        (
            "from Basic Economy to business class or economy",
            "cabin",
            ["basic_economy", "business", "economy"],
        ),
        ("JFK to SEA at 10:00 EST, yes", "airport", ["JFK", "SEA"]),
        ("a sea view", "airport", []),
        ("**Travel Insurance:** No", "insurance", ["no"]),
        ("with travel insurance", "insurance", ["yes"]),
        ("February 30 or 2024-13-01", "date", []),
        ("25:00, 3:75, 13 pm", "time", []),
        ("noon to midnight", "time", ["12:00", "00:00"]),
        ("$12.345", "money", []),
    ],
)
def test_values_are_found_as_written(text: str, kind: str, expected: list[str | int]) -> None:
    assert values(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The total is $5.", [(500, False, False)]),
        ("It is not $60 but $50.", [(6000, False, True), (5000, True, False)]),
        ("It's $50, not $60.", [(5000, True, False), (6000, False, True)]),
        ("The total is $60. Sorry, I meant $50.", [(6000, False, False), (5000, True, False)]),
        ("Correction: $50. That leaves $10.", [(5000, True, False), (1000, False, False)]),
        ("My mistake. The total is $7. Then $8", [(700, True, False), (800, False, False)]),
        ("I apologize for the confusion. It comes to $7", [(700, True, False)]),
        ("I'm sorry, but it costs $7", [(700, False, False)]),
    ],
)
def test_corrections_are_marked(text: str, expected: list[tuple[int, bool, bool]]) -> None:
    assert [(m.value, m.corrected, m.denied) for m in mentions(text, LEXICON)] == expected


# What is asked for.


@pytest.mark.parametrize(
    ("message", "slots", "final"),
    [
        ("User ID?", ["user_id"], "wh"),
        ("Your user ID, please?", ["user_id"], "wh"),
        ("First name / last name / DOB please.", ["name", "date_of_birth"], "wh"),
        ("Kindly share your reservation number.", ["reservation_id"], "wh"),
        ("I\u2019ll need your **user ID** and the date to continue.", ["user_id", "date"], "wh"),
        ("May I have your full name and date of birth, please?", ["name", "date_of_birth"], "wh"),
        ("What date would you like to depart? And how many passengers?", ["date", "passengers"], "wh"),
        (
            "Where are you flying from, and how would you like to pay?",
            ["origin_destination", "payment_method"],
            "wh",
        ),
        ("Which reservation would you like to move to economy?", ["reservation_id"], "wh"),
        (
            "Please share:\n* **Name** \u2013 as on your passport\n* **DOB**\n* **Payment**",
            ["name", "date_of_birth", "payment_method"],
            "wh",
        ),
        (
            "1) What's your user ID?\n2) Which reservation?\n3) Why are you cancelling?",
            ["user_id", "reservation_id", "cancel_reason"],
            "wh",
        ),
        (
            "Options:\n- HAT001 at 10:00, $120\n- HAT002 at 15:30, $99\n\nWhich one works best?",
            ["flight_choice"],
            "wh",
        ),
        ("| Flight | Price |\n|---|---|\n| HAT001 | $100 |\n\nShall I book this for you?", [], "yes_no"),
        ("Once you have the reservation ID, please let me know.", ["reservation_id"], "wh"),
        ("Feel free to reach out when you have the reservation ID!", [], "none"),
        ("Reply YES to proceed with the cancellation.", [], "yes_no"),
        ("If you'd like to proceed, please let me know.", [], "yes_no"),
        ("Would you like to proceed, or is there anything else I can do?", [], "yes_no"),
        ("Is there anything else I can help you with today?", [], "none"),
        ("Please confirm:\n- Name: Mia Li\n- Payment method: Visa ending in 7447", [], "yes_no"),
        ("Shall I go ahead? Also, please provide the passenger's date of birth.", ["date_of_birth"], "wh"),
        (
            "I need the airport code. Alternatively, I can transfer you. Would you like that?",
            ["origin_destination"],
            "yes_no",
        ),
        ("Would you like to add travel insurance for $30?", ["insurance"], "yes_no"),
        ("Would you like economy or business class?", ["cabin"], "wh"),
        ("Let me know what you'd like to do.", ["other"], "wh"),
        ("If you'd like to proceed, tell me which payment method to use.", ["payment_method"], "wh"),
        ("If you don't have the booking ID, that's fine - just give me your user ID.", ["user_id"], "wh"),
        ("The user ID is incomplete. Please check it again and send the complete ID.", ["user_id"], "wh"),
        ("I can find it with your user ID. What is it?", ["user_id"], "wh"),
        ("If you find your user ID, send it along with your full name.", ["user_id", "name"], "wh"),
        ("Please provide the reservation ID, which is in your email.", ["reservation_id"], "wh"),
        ("To decide which booking to keep, could you tell me the date?", ["date"], "wh"),
        ("Please fill in:\nUser ID: ____\nTravel date: ____", ["user_id", "date"], "wh"),
        ("Still to do:\n[ ] Checked bags\n[ ] Payment method", ["bags", "payment_method"], "wh"),
        ("Flight 1:\nDetails:\n- JFK to SEA\n- 10:00 AM", [], "none"),
        ("Economy or business, and how many people will fly?", ["cabin", "passengers"], "wh"),
        ("Which day, and do you have a particular flight in mind?", ["date", "flight_choice"], "wh"),
        ("Where would you like to go, from which city?", ["origin_destination"], "wh"),
        ("How many bags, and do you want insurance?", ["bags", "insurance"], "wh"),
        ("May I ask whether you need travel insurance?", ["insurance"], "yes_no"),
        ("Please let me know if you would like travel insurance.", ["insurance"], "yes_no"),
        ("Would you like to cancel the trip or keep it?", [], "yes_no"),
        ("Cancel or change?", ["other"], "wh"),
        ("Would you like me to go ahead and cancel ABC123, which is eligible?", [], "yes_no"),
        ("Would you like me to book HAT271, which departs at 3 PM?", [], "yes_no"),
        ("If you agree, please confirm and specify the payment method.", ["payment_method"], "wh"),
        ("I need your confirmation and the cabin class.", ["cabin"], "wh"),
        ("May I have your confirmation to proceed?", [], "yes_no"),
        ("Kindly inform me of the payment method.", ["payment_method"], "wh"),
        ("If you're able to locate the email, please share the booking ID.", ["reservation_id"], "wh"),
        ("Let me know if you'd like another cabin, or if you have any other questions!", [], "yes_no"),
        ("Would you like to be transferred to a human agent for further assistance?", [], "yes_no"),
        ("Please verify the order:\n- Flight: HAT176\n- Fee: $104\nReply \"yes\".", [], "yes_no"),
        ("Please confirm:\n1. Cancellation reason\n2. Payment method", ["cancel_reason", "payment_method"],
         "wh"),
        ("Round trips:\n1. SEA: HAT069\n2. SFO: HAT091\nWhich of these?", ["flight_choice"], "wh"),
        ("For flight HAT130:\n- Basic economy: $62\n- Economy: $115\nWhich one?", ["cabin"], "wh"),
        ("Tell me which flight and class you'd like.", ["flight_choice", "cabin"], "wh"),
        ("The number of the flight you've chosen, please.", ["flight_choice"], "wh"),
        ("You may check 3 bags. Please specify how many.", ["bags"], "wh"),
        ("How many guests would you like to bring?", ["other"], "wh"),
        ("Travel insurance is $30. Would you like to include it?", ["insurance"], "yes_no"),
        ("HAT069 costs $30. Would you like to add it?", [], "yes_no"),
        ("Noted. Insurance?", ["insurance"], "yes_no"),
        ("I need the date of birth. Could you please provide the exact day?", ["date_of_birth"], "wh"),
        ("When was Mia born?", ["date_of_birth"], "wh"),
        ("Thanks for your date of birth. What date will you fly?", ["date"], "wh"),
        ("Could you tell me why the name needs replacing?", ["other_reason"], "wh"),
        ("It's limited, which is why I need to ask: what's the reason?", ["cancel_reason"], "wh"),
        ("I need to know which cabin you'd like, and whether you wish to have travel insurance.",
         ["cabin", "insurance"], "wh"),
        ("May I know who travels and whether you'd like to check any bags?", ["passengers", "bags"], "wh"),
        ("Thank you, I have everything I need. I will now search.", [], "none"),
        ("Do you have a preference for the cabin class?", ["cabin"], "wh"),
        ("Please provide the details of the new trip.", ["other"], "wh"),
        ("How would you like to proceed with the payment?", ["payment_method"], "wh"),
        ("Would you like to leave on May 20 or May 21?", ["date"], "wh"),
        ("Only one certificate fits a booking. Which one?\n- certificate_1144620\n- certificate_9027711",
         ["payment_method"], "wh"),
        ("The name of the passenger and his date of birth, please.", ["name", "date_of_birth"], "wh"),
        ("What I can do is check the fare. Should I do that?", [], "yes_no"),
        ("Should you change your mind, just let me know.", [], "none"),
        ("Please give me a moment while I check.", [], "none"),
        ("What a lovely trip!", [], "none"),
        ("Your reservation has been cancelled.", [], "none"),
        (", and is it?", [], "yes_no"),
        ("If you have any other details, such as the date, let me know.", ["other", "date"], "wh"),
        ("If you have any questions, please let me know.", [], "none"),
        ("I'm unable to access or provide information about your card.", [], "none"),
        ("Please let me know if you have a specific airport in mind.", ["origin_destination"], "wh"),
        ("Please confirm if this is correct, or provide the correct user ID.", ["user_id"], "wh"),
        ("", [], "none"),
    ],
)  # fmt: skip
def test_a_message_asks_for(message: str, slots: list[str], final: str) -> None:
    reading = read(message)
    assert (list(reading.slots), reading.final_question) == (slots, final)


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("Your flight has been successfully booked.", "report_done"),
        ("I'm unable to change the destination.", "deny"),
        ("You are being transferred to a human agent.", "transfer"),
        ("One moment please.", "wait"),
        ("The two flights together cost $300 in economy.", "inform"),
        ("Feel free to ask if you need further assistance!", "ask_more"),
        ("I found two reservations: ABC123 and XYZ789. Which one is it?", "offer_choice"),
        ("What is your user ID?", "ask_slot"),
        ("Would you like me to proceed?", "request_confirmation"),
    ],
)
def test_a_message_does(message: str, act: str) -> None:
    assert act in read(message).acts


def test_it_is_what_the_customer_named_where_the_message_does_not_say() -> None:
    assert read("Could you send it?", "I have my reservation ID somewhere.").slots == ("reservation_id",)
    assert read("Could you send it?").slots == ("other",)
    assert read("Happy to help! How many do you need?", "I have 2 suitcases.").slots == ("bags",)
    assert read("Would you like to add it?", "What about insurance?").slots == ("insurance",)


def test_another_domain_brings_its_own_words() -> None:
    message = 'Loans: L-12345 ("The Sea, the Sea", overdue), L-23456. Which one would you renew, and where?'
    assert read(message, lexicon=LIBRARY).slots == ("loan_id", "branch")
    assert [(m.kind, m.value) for m in mentions(message, LIBRARY)] == [
        ("loan", "L-12345"),
        ("title", "The Sea, the Sea"),
        ("state", "overdue"),
        ("loan", "L-23456"),
    ]
    assert "report_done" in read("Both loans have been renewed.", lexicon=LIBRARY).acts
    assert read("Please provide the book title and 2 books", lexicon=LIBRARY).slots == ("title",)
    assert mentions("2 books", LIBRARY) == (Mention("count:books", 2, 0, 7),)


# The lexicon.


def test_braces_expand() -> None:
    assert spellings("{user|member} id{|s}") == ("user id", "user ids", "member id", "member ids")


@pytest.mark.parametrize("phrase", ["a {b", "a}", "{a {b|c}}"])
def test_a_brace_that_does_not_close_is_refused(phrase: str) -> None:
    with pytest.raises(UsageError, match="braces"):
        spellings(phrase)


def test_a_lexicon_refuses_what_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="named once"):
        Lexicon(slots=(SlotWords("a", "a", ()), SlotWords("a", "a", ())))
    with pytest.raises(UsageError, match="regular expression"):
        Lexicon(slots=(), patterns=(ValuePattern("loan", "("),))


def test_items_are_told_from_sentences() -> None:
    parts = segments("Hello.\n\n- one\n2) two\n**Three**: x")
    assert [(part.words, part.item) for part in parts] == [
        (("hello",), False),
        (("one",), True),
        (("two",), True),
        (("three", ":", "x"), False),
    ]


# Recorded conversations of a real model.


def _needed(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is absent; set SIMENV_DATA to the folder with tau_airline/")
    return path


def _shares(examples: list[Example]) -> tuple[float, float]:
    found = scores(
        examples, [understand(example.agent, example.user_before, LEXICON) for example in examples]
    )
    return found["final_question"], found["slots_exact"]


def test_recorded_messages_are_read_as_labelled() -> None:
    examples = examples_of(_needed(DATA / "agent_acts_dev.jsonl"))
    assert min(_shares(examples)) >= 0.95


def test_more_recorded_messages_are_read_as_labelled() -> None:
    labels = _needed(Path(__file__).parent / "data" / "agent_acts_dev2.jsonl")
    assert min(_shares(joined(labels, _needed(DATA / "trajectories_dev.json")))) >= 0.95


@pytest.mark.parametrize("name", ["agent_acts_written", "agent_acts_written_heldout"])
def test_written_messages_are_read_as_labelled(name: str) -> None:
    examples = examples_of(Path(__file__).parent / "data" / f"{name}.jsonl")
    assert min(_shares(examples)) >= 0.95


def test_the_benchmark_names_file_and_line_of_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(
        '{"agent": "Hi", "user_before": "", "acts": [], "slots": [], "final_question": "none"}\n{"agent"\n'
    )
    assert main([str(broken)]) == 2
    assert f"{broken}:2: not JSON" in capsys.readouterr().err
    broken.write_text(
        '{"agent": "Hi", "user_before": "", "acts": [], "slots": [], "final_question": "maybe"}\n'
    )
    assert main([str(broken)]) == 2
    assert f"{broken}:1: final_question is yes_no, wh or none" in capsys.readouterr().err
    assert main([str(tmp_path / "absent")]) == 2


def test_the_benchmark_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.jsonl"
    record = {"agent": "User ID?", "user_before": "", "slots": ["user_id"], "final_question": "wh"}
    good.write_text(json.dumps({**record, "acts": ["ask_slot"]}))
    assert main([str(good)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["final_question"], found["slots_exact"]) == (1, 1.0, 1.0)
    assert found["acts"]["ask_slot"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
