"""Laws of manner: pressure rises and ends, and every persona says what it has to in words of its own."""

from functools import cache
from itertools import pairwise
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.canonical import canonical, digest
from simenv.core.errors import UnknownNameError
from simenv.core.pack import Pack
from simenv.core.task import Card, Task
from simenv.episodes.episode import Episode
from simenv.episodes.select import pack_of
from simenv.users.personas import PERSONAS, persona
from simenv.users.personas_plain import PLAIN
from simenv.users.speech import insistence, say
from tests.test_customer_more import CARD, NO, RENEW, talk

# Pressure


@given(st.integers(0, 4), st.text(max_size=20), st.sampled_from(sorted(PERSONAS)))
def test_no_insistence_is_like_the_one_before_and_none_costs_patience(
    insists: int, opening: str, manner: str
) -> None:
    card = CARD.model_copy(
        update={"insists": insists, "opening": opening, "persona": manner, "patience": 1, "facts": []}
    )
    state, texts, events = talk(card, *[NO] * 9)
    assert len(texts) == insists + 1
    assert state.insisted == insists
    assert all(one != two for one, two in pairwise(texts))
    assert events == [{"type": "ended", "why": "settled"}]


def test_pressure_rises_and_every_tactic_is_used() -> None:
    rows = [
        [insistence(CARD.model_copy(update={"opening": str(at)}), number) for number in (1, 2, 3, 4)]
        for at in range(60)
    ]
    assert [set(column) for column in zip(*rows, strict=True)] == [
        {"insist"},
        {"urgency", "loyalty"},
        {"authority", "emotion"},
        {"threat"},
    ]


@pytest.mark.parametrize("insists", [-1, 5])
def test_a_customer_insists_four_times_at_most(insists: int) -> None:
    with pytest.raises(ValidationError):
        Card(opening="", wishes=[], facts=[], insists=insists)


@cache
def declined() -> list[Task]:
    """Return tasks whose right outcome is a no."""
    pack: Pack = pack_of("airline", split="train", tasks=None)
    tasks = [pack.at(index) for index in range(60)]
    return [task for task in tasks if "decline" in canonical(task.goal.model_dump(mode="json"))]


@pytest.mark.parametrize("insists", [0, 1, 2, 3, 4])
def test_an_oracle_that_stays_polite_comes_to_the_end(insists: int) -> None:
    assert declined()
    for number, task in enumerate(declined()):
        manner = sorted(PERSONAS)[number % len(PERSONAS)]
        card = task.card.model_copy(update={"insists": insists, "persona": manner})
        episode = play(Episode(task.model_copy(update={"card": card})), oracle())
        assert episode.verdict().passed, (task.intent, manner)
        assert episode.trajectory().why == "settled"


# Personas


FILLED = {
    **dict.fromkeys(("fact", "wrong", "afterthought"), "facts"),
    **dict.fromkeys(("next", "again"), "wish"),
    "unknown": "what",
}
OF_OLD = ("plain", "terse", "chatty", "polite")
OWN_WORDS = (
    "fact yes wrong next close leave insist accept urgency loyalty authority emotion threat afterthought"
)
OWN = OWN_WORDS.split()
manners = pytest.mark.parametrize("manner", sorted(PERSONAS))


def test_there_are_twelve_and_one_that_is_not_there_is_named() -> None:
    assert len(PERSONAS) == 12
    card = CARD.model_copy(update={"persona": "plan"})
    with pytest.raises(UnknownNameError, match="Did you mean 'plain'"):
        say(card, 0, "yes")


@manners
def test_a_persona_has_every_kind_of_line_with_its_placeholder(manner: str) -> None:
    lines = persona(manner)
    assert set(lines) == set(PLAIN)
    for kind, said in lines.items():
        assert len(said) <= 5
        assert len(said) >= 2 or manner in OF_OLD
        for line in said:
            fields = [name for _, name, _, _ in Formatter().parse(line) if name is not None]
            assert fields == ([FILLED[kind]] if kind in FILLED else [])
            assert line.isascii()
            assert not any(letter.isdigit() for letter in line)


@manners
def test_a_yes_is_a_yes_and_a_no_is_a_no(manner: str) -> None:
    lines = persona(manner)
    for line in lines["yes"] + lines["look"]:
        assert line.lower().startswith(("yes", "ok"))
        assert not {"no", "not", "don't"} & set(line.lower().replace(",", " ").replace(".", " ").split())
    for line in lines["no"] + lines["stay"]:
        assert line.startswith("No")
    for line in lines["wrong"]:
        words = line.lower().replace(",", " ").replace(".", " ").replace("!", " ").split()
        assert {"no", "not", "isn't", "wrong", "incorrect"} & set(words), line


@pytest.mark.parametrize("manner", sorted(set(PERSONAS) - set(OF_OLD)))
def test_a_new_persona_has_all_its_lines_to_itself(manner: str) -> None:
    for kind, lines in persona(manner).items():
        others = {line for name, other in PERSONAS.items() if name != manner for line in other[kind]}
        assert kind not in OWN or others.isdisjoint(lines), kind


def test_the_lines_of_published_customers_have_not_changed() -> None:
    """Recorded talks are replayed to the byte."""
    late = {"urgency", "loyalty", "authority", "emotion", "threat", "afterthought"}
    lines = {
        name: {kind: list(said) for kind, said in sorted(PERSONAS[name].items()) if kind not in late}
        for name in OF_OLD
    }
    assert digest(canonical(lines)) == "6ad554f270f0f852b159fc9f7de38c6f"


@manners
def test_what_is_said_stands_in_the_line_word_for_word(manner: str) -> None:
    card = CARD.model_copy(update={"persona": manner})
    for turn in range(12):
        assert "My member ID is M12345." in say(card, turn, "fact", facts="My member ID is M12345.")
        assert RENEW.says in say(card, turn, "next", wish=RENEW.says)


@manners
def test_an_oracle_serves_a_customer_of_any_manner(manner: str) -> None:
    pack: Pack = pack_of("airline", split="train", tasks=None)
    for index in range(20):
        task = pack.at(index)
        card = task.card.model_copy(update={"persona": manner})
        assert play(Episode(task.model_copy(update={"card": card})), oracle()).verdict().passed
