"""Laws of templates and lockfiles, and an adversary for each check of a paraphrase."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError, UsageError
from simenv.core.lexicon import Lexicon
from simenv.core.pack import bundled
from simenv.domains.airline.lexicon import LEXICON
from simenv.synth.paraphrase import (
    CHECKS,
    Line,
    apply,
    check,
    delexicalise,
    read_lock,
    relexicalise,
    trial,
    write_line,
)

NOTHING = Lexicon(slots=())
MOVE = (
    "Hello, please move my trip from Boston to Salt Lake City on December 10 to December 12, but only if it"
    " isn't sold out. My user ID is ann_lee_1234."
)
"""S1 Boston, S2 Salt Lake City, S3 and S4 the dates, S5 the user id."""
FAIR = (
    "Hi! Provided the flight isn't sold out, and only then, could you take my ⟦S1⟧ to ⟦S2⟧ trip on ⟦S3⟧ and"
    " move it to ⟦S4⟧? I'm ⟦S5⟧."
)
REST = "but only if it isn't sold out. My user ID is ⟦S5⟧."
words = st.sampled_from(
    [
        *("please", "my", "Boston", "Salt Lake City", "December 10", "2036-12-10", "$1,234.50", "two", "7"),
        *("bags", "no", "insurance", "XTB5EU", "IAD", "ann_lee_1234", "I'm", "Zoë's", "(Ann)", "⟦S1⟧", "⟦"),
        *(".", ",", "?", "\n", "to", "İ", "not", "K", "a_b", "half", "today"),
    ]
)
texts = st.lists(words, max_size=14).map(" ".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=40
)


def failing(original: str, template: str, line: Line | None = None) -> list[str]:
    """Return every check that fails; the secret of the leak check is "sesame"."""
    tried = trial(original, template, LEXICON, lambda text: "sesame" in text, line)
    return [name for name, fails in CHECKS.items() if fails(tried)]


def locked(original: str, template: str) -> Line:
    return Line(digest(original), template, original)


# Templates


@pytest.mark.parametrize(
    ("text", "template", "values"),
    [
        ("Please cancel it.", "Please cancel it.", ()),
        ("I want 7 checked bags.", "I want ⟦S1⟧.", ("7 checked bags",)),
        ("Go from Boston to Boston.", "⟦S1⟧ from ⟦S2⟧ to ⟦S2⟧.", ("Go", "Boston")),
        ("To Washington (IAD), then.", "To ⟦S1⟧ (⟦S2⟧), then.", ("Washington", "IAD")),
        ("It's Zoë O'Neill's bag.", "It's ⟦S1⟧'s bag.", ("Zoë O'Neill",)),
        ("Paloma is my son. Hi Paloma!", "⟦S1⟧ is my son. Hi ⟦S1⟧!", ("Paloma",)),
        ("Will I'm or I'd call Will?", "⟦S1⟧ I'm or I'd call ⟦S1⟧?", ("Will",)),
        ("My ID is a_b_123, OK?", "My ID is ⟦S1⟧, OK?", ("a_b_123",)),
        ("On 2036-12-10 at 3:30 p.m.", "On ⟦S1⟧ at ⟦S2⟧.", ("2036-12-10", "3:30 p.m")),
        ("I paid $1,234.50, or 20%.", "I paid ⟦S1⟧, or ⟦S2⟧.", ("$1,234.50", "20%")),
        ("Good morning, go tomorrow morning", "Good morning, go ⟦S1⟧ ⟦S2⟧", ("tomorrow", "morning")),
        ("The two of us, twice", "The ⟦S1⟧ of us, ⟦S2⟧", ("two", "twice")),
        ("I pay with my Amex and no insurance", "I pay with my ⟦S1⟧ and ⟦S2⟧", ("Amex", "no insurance")),
        ("Call ⟦S1⟧, please", "⟦S1⟧ ⟦S2⟧, please", ("Call", "⟦S1⟧")),
    ],
)
def test_a_text_is_taken_apart(text: str, template: str, values: tuple[str, ...]) -> None:
    slots = delexicalise(text, LEXICON)
    assert (slots.template, slots.values) == (template, values)
    assert len(slots.kinds) == len(slots.values)
    assert relexicalise(slots.template, slots.values) == text


@given(text=texts)
def test_taking_apart_and_putting_together_change_nothing(text: str) -> None:
    for lexicon in (LEXICON, NOTHING):
        slots = delexicalise(text, lexicon)
        assert relexicalise(slots.template, slots.values) == text
        assert len(set(slots.values)) == len(slots.values) == len(slots.kinds)


@given(text=texts)
def test_a_template_has_no_digits_of_its_own(text: str) -> None:
    template, values, _ = delexicalise(text, LEXICON)
    bare = relexicalise(template, ["" for _ in values])
    assert not any(letter.isdecimal() or letter in "⟦⟧_$" for letter in bare)


@given(text=texts)
def test_a_text_is_its_own_paraphrase(text: str) -> None:
    assert check(text, delexicalise(text, LEXICON).template, LEXICON) == ""


def test_every_text_of_the_test_pack_is_its_own_paraphrase() -> None:
    for line in bundled("airline", "test").lines:
        card = line["card"]
        for text in (card["opening"], *(fact["said"] for fact in card["facts"])):
            assert check(text, delexicalise(text, LEXICON).template, LEXICON) == ""


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(UsageError, match="beyond its 1 values"):
        relexicalise("⟦S2⟧", ["one"])


# The checks


@pytest.mark.parametrize(
    ("original", "template"),
    [
        (MOVE, FAIR),
        ("Please cancel my trip to Boston.", "I'd like you to call off my trip to ⟦S1⟧, please."),
        ("I won't be able to fly.", "I cannot fly."),
        ("My trip, booked by Ann, is late.", "My trip, booked under ⟦S1⟧, is late."),
        ("Cancel XTB5EU. I'm ann_lee_1234.", "I'm ⟦S2⟧. Could you cancel ⟦S1⟧?"),
        ("Make it 7 checked bags altogether.", "I'd like ⟦S1⟧ in total."),
        ("Fly me to Boston on July 3.", "Fly me on ⟦S3⟧ to ⟦S2⟧."),
    ],
)
def test_a_fair_paraphrase_passes(original: str, template: str) -> None:
    template = template.replace("Fly", "⟦S1⟧") if original.startswith("Fly") else template
    assert failing(original, template, locked(original, template)) == []


ADVERSARIES = [
    # A value twice, left out, unknown or misspelt.
    ("Please call Ann.", "Please call ⟦S1⟧, call ⟦S1⟧.", ["placeholders"]),
    ("Please call Ann.", "Please call someone.", ["placeholders"]),
    ("Please call Ann.", "Please call ⟦S1⟧, ⟦S2⟧.", ["placeholders"]),
    # Digits, numbers, codes, names, days, foreign letters, letters joined to a value.
    ("Please call Ann.", "Please call ⟦S1⟧ at 42.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ from gate b4.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ twice.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ and Bob.", ["new value"]),
    ("Please call Ann.", "Bob, please call ⟦S1⟧.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ in Washington.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ ASAP.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ tomorrow.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ next week.", ["new value"]),
    ("Please call Ann.", "Please do n\u043et call ⟦S1⟧.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ now⟧.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧ ⟦S01⟧.", ["new value"]),
    ("Please call Ann.", "Please call ⟦S1⟧abel.", ["new value"]),
    ("Please call Ann.", "Please call mary-⟦S1⟧.", ["new value"]),
    # Each family of markers, come or gone.
    ("Please cancel it.", "Please don't cancel it.", ["markers"]),
    ("Please cancel it.", "Please dont cancel it.", ["markers"]),
    ("Please cancel it.", "Please don\u2019t cancel it.", ["markers"]),
    ("Please never cancel it.", "Please cancel it.", ["markers"]),
    ("Cancel it if it is late.", "Cancel it, it is late.", ["markers"]),
    ("Cancel it only on my word.", "Cancel it on my word.", ["markers"]),
    ("Cancel it unless I call.", "Cancel it when I call.", ["markers"]),
    ("I fly before Ann does.", "I fly after ⟦S1⟧ does.", ["markers"]),
    ("Find at least what I paid.", "Find at most what I paid.", ["markers"]),
    ("Give more than Ann does.", "Give less than ⟦S1⟧ does.", ["markers"]),
    ("Look until Ann calls.", "Look when ⟦S1⟧ calls.", ["markers"]),
    ("Change it, otherwise cancel it.", "Change it, then cancel it.", ["markers"]),
    ("Cancel it except for Ann.", "Cancel it for ⟦S1⟧.", ["markers"]),
    ("Change or cancel it.", "Change and cancel it.", ["markers"]),
    ("Change it instead.", "Change it please.", ["markers"]),
    ("Cancel every trip.", "Cancel the trip.", ["markers"]),
    # Less than half, more than double.
    ("Please, I would like you to cancel it.", "Cancel it.", ["length"]),
    ("Cancel it.", "Please could you cancel it?", ["length"]),
    # What only the leak check knows.
    ("Please open it.", "Please open sesame.", ["leak"]),
    # Read as another value, as one that is denied, or not read; one value in the place of another.
    ("I'm on flight 8, with bags.", "I'm on a flight with ⟦S1⟧ bags.", ["round trip"]),
    ("Cancel reservation QWERTY now.", "Cancel my trip ⟦S1⟧ now.", ["round trip"]),
    ("I'd fly in business, not in economy.", "I'd fly not in ⟦S1⟧, in ⟦S2⟧.", ["round trip"]),
    ("I want business, not economy.", "I want ⟦S2⟧, not ⟦S1⟧.", ["round trip"]),
    ("I go from Boston to Denver.", "I go from ⟦S2⟧ to ⟦S1⟧.", ["round trip"]),
    ("I go from Boston to Denver.", "I go to ⟦S1⟧ from ⟦S2⟧.", ["round trip"]),
    ("I go from Boston to Salt Lake City.", "I go from ⟦S2⟧ to ⟦S1⟧.", ["round trip"]),
    ("Move it from May 3 to May 5.", "Move it to ⟦S1⟧, it is on ⟦S2⟧.", ["round trip"]),
    ("It should be Lee and is Le.", "It should be ⟦S2⟧ and is ⟦S1⟧.", ["round trip"]),
]


@pytest.mark.parametrize(("original", "template", "caught_by"), ADVERSARIES)
def test_an_adversary_is_caught_by_one_check_alone(
    original: str, template: str, caught_by: list[str]
) -> None:
    assert failing(original, template, locked(original, template)) == caught_by
    reason = check(original, template, LEXICON, lambda text: "sesame" in text)
    assert [reason] == caught_by


@pytest.mark.parametrize(
    "changed",
    [{"original": digest("another")}, {"fallback": "another"}, {"fallback": ""}, {"template": "another"}],
)
def test_a_line_of_another_text_is_caught_by_the_lock_alone(changed: dict[str, str]) -> None:
    assert failing(MOVE, FAIR, locked(MOVE, FAIR)._replace(**changed)) == ["lock"]


def test_every_check_has_its_adversary() -> None:
    caught = {name for *_, names in ADVERSARIES for name in names} | {"lock"}
    assert caught == set(CHECKS)


def test_the_first_check_that_fails_is_named() -> None:
    assert failing("Call Ann.", "Never 42.") == ["placeholders", "new value", "markers"]
    assert check("Call Ann.", "Never 42.", LEXICON) == "placeholders"


def test_a_dropped_condition_of_the_example_is_caught() -> None:
    assert check(MOVE, f"Please move it from ⟦S1⟧ to ⟦S2⟧ on ⟦S3⟧ to ⟦S4⟧, {REST}", LEXICON) == ""
    assert check(MOVE, f"Please move it from ⟦S1⟧ to ⟦S2⟧ on ⟦S4⟧ to ⟦S3⟧, {REST}", LEXICON) == "round trip"
    assert check(MOVE, "Please move it from ⟦S1⟧ to ⟦S2⟧ on ⟦S3⟧ to ⟦S4⟧, thanks. I'm ⟦S5⟧.", LEXICON) == (
        "markers"
    )


def test_what_is_too_long_to_be_read_is_not_paraphrased() -> None:
    original = "please " * 1_200
    assert check(original, original[:-7], LEXICON) == "length"


@given(original=texts, template=texts)
def test_whatever_the_model_writes_the_values_stay(original: str, template: str) -> None:
    said, reason = apply(original, {digest(original): locked(original, template)}, LEXICON)
    if reason:
        assert said == original
    else:
        assert all(value in said for value in delexicalise(original, LEXICON).values)


# The lockfile


def save(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines), encoding="utf-8")
    return path


def signed(**data: object) -> str:
    """Return a line whose digest is right, whatever it says."""
    return canonical({**data, "digest": digest(canonical(data))}) + "\n"


def test_a_paraphrase_is_written_read_and_said(tmp_path: Path) -> None:
    lines = [write_line(MOVE, FAIR, LEXICON), write_line("Please go.", "Do go.", LEXICON)]
    lock = read_lock(save(tmp_path / "lock.jsonl", *lines))
    assert lock[digest(MOVE)] == Line(digest(MOVE), FAIR, MOVE)
    said, reason = apply(MOVE, lock, LEXICON)
    assert reason == ""
    assert said == (
        "Hi! Provided the flight isn't sold out, and only then, could you take my Boston to Salt Lake City"
        " trip on December 10 and move it to December 12? I'm ann_lee_1234."
    )
    assert apply("Please go.", lock, LEXICON) == ("Do go.", "")


def test_a_line_has_four_parts_and_the_same_bytes_each_time() -> None:
    line = write_line("Please go.", "Do go.", LEXICON)
    assert line == write_line("Please go.", "Do go.", LEXICON)
    data = json.loads(line)
    told = data.pop("digest")
    assert data == {"original": digest("Please go."), "template": "Do go.", "fallback": "Please go."}
    assert told == digest(canonical(data))


def test_a_text_without_a_line_is_said_as_it_is() -> None:
    assert apply(MOVE, {}, LEXICON) == (MOVE, "")


@pytest.mark.parametrize(("original", "template", "caught_by"), ADVERSARIES)
def test_the_original_is_said_where_a_check_fails(
    tmp_path: Path, original: str, template: str, caught_by: list[str]
) -> None:
    data = {"original": digest(original), "template": template, "fallback": original}
    lock = read_lock(save(tmp_path / "lock.jsonl", signed(**data)))
    assert apply(original, lock, LEXICON, lambda text: "sesame" in text) == (original, caught_by[0])
    with pytest.raises(UsageError, match=caught_by[0]):
        write_line(original, template, LEXICON, lambda text: "sesame" in text)


def test_a_line_with_another_fallback_is_not_used(tmp_path: Path) -> None:
    data = {"original": digest(MOVE), "template": FAIR, "fallback": "Please cancel it."}
    lock = read_lock(save(tmp_path / "lock.jsonl", signed(**data)))
    assert apply(MOVE, lock, LEXICON) == (MOVE, "lock")


GOOD = write_line("Please go.", "Do go.", LEXICON)
PARTS = {"original": "a", "template": "b", "fallback": "c"}


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("{\n", "not a JSON line"),
        ('{"a": NaN}\n', "not a JSON line"),
        ('{"template": "a", "template": "b"}\n', "not a JSON line"),
        ('{"template": "\\ud800"}\n', "not a JSON line"),
        ("[]\n", "not an object of digest, fallback, original, template"),
        (signed(original="a", template="b"), "not an object of"),
        (signed(**PARTS, model="c"), "not an object of"),
        (signed(**{**PARTS, "template": 7}), "not text"),
        (GOOD.replace("Do go", "Do stay"), "not what its digest is of"),
        (GOOD.replace("Please go", "Please stay"), "not what its digest is of"),
        (GOOD, "a second paraphrase"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: str, problem: str) -> None:
    path = save(tmp_path / "lock.jsonl", GOOD, "\n", broken)
    with pytest.raises(DataError, match=problem) as caught:
        read_lock(path)
    assert (caught.value.path, caught.value.line) == (str(path), 3)
    assert str(caught.value).endswith(("or remove it", "Keep one of the two"))


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock.jsonl"
    with pytest.raises(DataError, match="Check the path"):
        read_lock(path)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="not a JSON line"):
        read_lock(path)
    path.write_bytes(b"")
    assert read_lock(path) == {}
