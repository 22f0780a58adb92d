"""The wordings: what is written is read back as it was meant, in many different ways."""

from collections.abc import Iterator
from typing import Any

import pytest

from simenv.core.assembly import assemble, opening_of, said_of
from simenv.core.draws import Draws
from simenv.core.interpreter import UnsoundError
from simenv.core.plan import Manner, Plan
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.synth.diversity import summary
from simenv_generators.airline import GENERATOR
from simenv_generators.airline.vocabulary import VOCABULARY

WORLDS = 6
EACH = 50
OPERATORS = (
    "request",
    "superlative",
    "rank",
    "comparison",
    "for_each",
    "all_except",
    "clause",
    "nested",
    "temporal",
    "aggregate",
    "conditional",
    "coupled",
    "fallback",
    "changed_mind",
    "join_status",
    "aside",
    "cancel",
    "bags",
    "cabin",
    "rename",
    "move",
    "claim",
    "book",
    "connect",
    "refund",
    "refunded",
    "paid",
    "paid_all",
    "status",
    "balance",
)
DAY, OTHER_DAY = "2033-04-25", "2033-04-27"


def stage_of(world: int) -> Any:
    return VOCABULARY.stage(pool.image("airline", ("airline", "train", world), "S"))


def proposed(world: int) -> Iterator[Task]:
    image = pool.image("airline", ("airline", "train", world), "S")
    count = 0
    for number in range(10 * EACH):
        intent = GENERATOR.intents[number % len(GENERATOR.intents)]
        task = GENERATOR.propose(image, intent, ("airline", "train", world, "task", intent, number))
        if task is not None:
            yield task
            count += 1
        if count == EACH:
            return


@pytest.fixture(scope="module")
def tasks() -> list[tuple[int, Task]]:
    return [(world, task) for world in range(WORLDS) for task in proposed(world)]


@pytest.fixture(scope="module")
def context() -> Any:
    stage = stage_of(0)
    return stage.context(next(each for each in stage.customers if stage.cards(each)))


def check_task(task: Task, stage: Any) -> None:
    """Whether everything that the customer of a task may say means what it should."""
    plan = task.plan
    assert plan is not None
    grammar, context = VOCABULARY.grammar(), stage.context(plan.customer)
    assert grammar.read("OPENING", task.card.opening, context) == [opening_of(VOCABULARY, plan)]
    for number, says in enumerate(dict.fromkeys(wish.says for wish in task.card.wishes), 1):
        assert grammar.read("SAY", says, context) == [said_of(VOCABULARY, plan, number)], says
    for slot in task.program.slots():
        symbol = "USER" if slot.id == "uid" else "FACT" if slot.decoy is None else "MIND"
        said = f"{slot.said}." if symbol == "USER" else slot.said
        values = grammar.read(symbol, said, context) if slot.said else []
        meant = [each if symbol == "USER" else each["value"] for each in values]
        assert meant == [slot.value] * bool(slot.said), slot.said


def test_every_task_reads_back(tasks: list[tuple[int, Task]]) -> None:
    stages = [stage_of(world) for world in range(WORLDS)]
    for world, task in tasks:
        check_task(task, stages[world])


# Plans that grow


def extreme(field: str, pick: str, place: int = 1, *where: list[Any]) -> dict[str, Any]:
    return {"by": "extreme", "field": field, "pick": pick, "place": place, "where": list(where)}


TO, FROM, ON = (
    ["destination", "==", "DEN"],
    ["origin", "==", "AUS"],
    ["start", "==", DAY],
)
DENVER = {"by": "clauses", "where": [TO]}
NUMBER = {"by": "number", "id": "K2X9QD"}
DEAREST, SECOND = extreme("price", "max"), extreme("start", "min", 2)
RANKED = (
    ("price", "max"),
    ("price", "min"),
    ("start", "min"),
    ("start", "max"),
    ("booked", "max"),
    ("booked", "min"),
    ("people", "max"),
    ("bags", "max"),
)
REFS: list[dict[str, Any]] = [
    NUMBER,
    DENVER,
    {"by": "clauses", "where": [ON]},
    {"by": "clauses", "where": [TO, ON]},
    {"by": "clauses", "where": [TO, FROM]},
    {"by": "clauses", "where": [FROM, TO]},
    {"by": "clauses", "where": [ON, FROM]},
    {"by": "clauses", "where": [FROM, TO, ON]},
    {"by": "clauses", "where": [ON, FROM, TO]},
    {"by": "clauses", "where": [["cabin", "==", "basic_economy"], ["insurance", "==", "no"]]},
    {"by": "clauses", "where": [["kind", "==", "one_way"], ["people", "==", 1]]},
    {"by": "clauses", "where": [["kind", "==", "round_trip"], ["people", "==", 3]]},
    {"by": "clauses", "where": [["traveller", "has", "Mia Li"], ["insurance", "==", "yes"]]},
    {"by": "clauses", "where": [["origin", "==", {"of": "destination", "ref": DENVER}], ON]},
    {"by": "clauses", "where": [["destination", "==", {"of": "origin", "ref": SECOND}]]},
    *[
        {"by": "clauses", "where": [["start", "==", {"shift": days, "of": "start", "ref": ref}]]}
        for days, ref in ((1, NUMBER), (-1, DENVER), (4, DEAREST), (-12, SECOND))
    ],
    *[
        {"by": "clauses", "where": [["first_status", "==", status]]}
        for status in ("cancelled", "delayed", "landed", "flying", "on time")
    ],
    *[extreme(field, pick, place) for field, pick in RANKED for place in (1, 2, 3)],
    *[extreme(field, pick, place, TO, ON) for field, pick in RANKED for place in (1, 4)],
    *[
        {"by": "either", "field": field, "pick": pick, "refs": [DENVER, SECOND]}
        for field, pick in (("price", "max"), ("price", "min"), ("start", "min"))
    ],
    {"by": "same", "goal": "g1"},
    {"by": "same", "goal": "g2"},
    {"by": "new", "goal": "g1"},
    {"by": "all", "where": [], "besides": None},
    {"by": "all", "where": [FROM, ["cabin", "==", "economy"]], "besides": None},
    {"by": "all", "where": [], "besides": DEAREST},
    {"by": "all", "where": [TO], "besides": NUMBER},
]


def deed(verb: str, at: Any = NUMBER, **args: Any) -> dict[str, Any]:
    return {"do": verb, "at": at, "args": args}


OWN = {"by": "own"}
FLIGHT = {"from": "AUS", "to": "DEN", "date": DAY}
BESIDE = {"shift": 2, "of": "start", "ref": DENVER}
CITY_LAST = {"by": "clauses", "where": [FROM, TO]}
DEEDS: list[dict[str, Any]] = [
    *[deed("cancel", ref) for ref in REFS],
    *[deed("move", ref, date=OTHER_DAY) for ref in REFS],
    deed("bags", DENVER, total=1),
    deed("bags", CITY_LAST, total=4),
    deed("bags", SECOND),
    *[deed("bags", DENVER, total={"times": count, "of": "people", "ref": OWN}) for count in (1, 2, 3)],
    deed("bags", NUMBER, total={"of": "bags", "ref": DEAREST}),
    deed("bags", CITY_LAST, total={"sum": "bags", "refs": [DENVER, SECOND]}),
    deed("cabin", CITY_LAST, cabin="business"),
    deed("cabin", DENVER),
    deed("cabin", DENVER, cabin={"of": "cabin", "ref": SECOND}),
    deed("rename", CITY_LAST),
    deed("move", DENVER),
    deed("move", CITY_LAST, date={"shift": -3, "of": "start", "ref": OWN}),
    deed("move", DENVER, date={"shift": 1, "of": "start", "ref": OWN}),
    deed("move", CITY_LAST, date=BESIDE),
    deed("claim", CITY_LAST, leg=DAY, what="delayed"),
    deed("claim", DENVER, leg=DAY, what="cancelled"),
    {"do": "book", "args": FLIGHT},
    {"do": "connect", "args": FLIGHT},
    {"do": "book", "args": FLIGHT | {"date": BESIDE}},
]
QUESTIONS: list[dict[str, Any]] = [
    *[deed(verb, ref) for verb in ("refund", "refunded", "paid", "paid_all") for ref in REFS[:8]],
    *[deed("paid_all", ref) for ref in REFS[-4:]],
    deed("status", CITY_LAST, leg=DAY),
    {"do": "balance", "args": {"source": "gift_card"}},
    {"do": "balance", "args": {"source": "certificate"}},
]
LEFTS: list[tuple[Any, str, Any]] = [
    ({"of": "price", "ref": CITY_LAST}, ">", 30000),
    ({"of": "price", "ref": DEAREST}, "<", 30000),
    ({"of": "people", "ref": DENVER}, ">", 1),
    ({"of": "people", "ref": CITY_LAST}, ">", 2),
    ({"of": "bags", "ref": SECOND}, "<", 3),
    ({"sum": "price", "refs": [DENVER, SECOND]}, ">", 80000),
    ({"sum": "price", "refs": [NUMBER, DEAREST]}, "<", 80000),
]
TESTS = [{"left": left, "how": how, "right": right} for left, how, right in LEFTS]
FIRST, THEN = deed("cancel", CITY_LAST), deed("move", DENVER, date=OTHER_DAY)
BRANCHES: list[dict[str, Any]] = [
    *[{"when": test, "then": [FIRST], "else": [THEN]} for test in TESTS],
    *[{"when": test, "then": [THEN], "else": []} for test in TESTS],
    *[{"when": test, "then": [FIRST, THEN], "else": []} for test in TESTS],
    {"first": FIRST, "instead": THEN},
    {"first": THEN, "instead": deed("cancel", {"by": "all", "where": [TO], "besides": SECOND})},
]
FACTS = [
    {"fact": fact, "value": value}
    for fact, values in (
        ("number", ["K2X9QD"]),
        ("pointing", REFS[:8]),
        ("at.origin", ["AUS"]),
        ("at.destination", ["DEN"]),
        ("at.start", [DAY]),
        ("at.cabin", ["economy", "basic_economy"]),
        ("at.insurance", ["yes", "no"]),
        ("at.kind", ["one_way", "round_trip"]),
        ("at.people", [1, 3]),
        ("at.traveller", ["Mia Li"]),
        ("at.first_status", ["cancelled", "delayed", "landed", "flying", "on time"]),
        ("reason", ["illness", "weather", "change of plan"]),
        ("total", [1, 4]),
        ("cabin", ["economy", "business"]),
        ("name", [["Mia Li", "Mia Lii"]]),
        ("date", [DAY]),
        ("choice", ["cheapest", "earliest", "latest"]),
        ("leg", [DAY]),
        ("what", ["delayed", "cancelled"]),
        ("from", ["AUS"]),
        ("to", ["DEN"]),
        ("source", ["gift_card", "certificate"]),
        ("company", [[], [["Mia Li", "1990-01-02"]], [["Mia Li", "1990-01-02"], ["Tom Fox", "1980-03-04"]]]),
        ("bags", [0, 1, 4]),
        ("insurance", ["yes", "no"]),
    )
    for value in values
]
ASIDES: list[dict[str, Any]] = [
    {"fact": fact, "value": value} for fact, value in (("date", DAY), ("bags", 3), ("cabin", "business"))
]
GROUPS: dict[str, tuple[str, list[Any]]] = {
    "references": ("REF", REFS),
    "deeds": ("SAY", [{"want": each, "facts": []} for each in DEEDS]),
    "questions": ("SAY", [{"want": each, "facts": []} for each in QUESTIONS]),
    "branches": ("SAY", [{"want": each, "facts": FACTS[:1]} for each in BRANCHES]),
    "facts": ("FACT", FACTS),
    "changes of mind": ("MIND", FACTS),
    "pairs of facts": ("SAY", [{"want": FIRST, "facts": FACTS[k : k + 2]} for k in range(len(FACTS) - 1)]),
    "openings": (
        "OPENING",
        [
            {"says": [{"want": want, "facts": [fact]}, {"want": FIRST, "facts": []}], "aside": aside}
            | ({"user": "mia_li_3668"} if fact["fact"] == "bags" else {})
            for want in (QUESTIONS[0], BRANCHES[0])
            for fact in FACTS
            for aside in ASIDES
        ],
    ),
}


@pytest.mark.parametrize("group", GROUPS)
def test_grown_plans_read_back(group: str, context: Any) -> None:
    symbol, values = GROUPS[group]
    grammar = VOCABULARY.grammar()
    for number, value in enumerate(values):
        for turn in range(3 if group == "openings" else 8):
            text = grammar.write(symbol, value, Draws("wordings", group, number, turn), context)
            assert grammar.read(symbol, text, context) == [value], text


def test_assembled_plans_read_back() -> None:
    stage = stage_of(1)
    made = 0
    wants: list[list[dict[str, Any]]] = [
        [deed("paid_all", {"by": "all", "where": [], "besides": DEAREST})],
        [deed("paid", DEAREST), deed("paid", {"by": "same", "goal": "g1"})],
        [deed("paid", {"by": "either", "field": "start", "pick": "min", "refs": [DEAREST, SECOND]})],
    ]
    for customer in [each for each in stage.customers if len(stage.elements(each)) >= 3][:12]:
        for number, want in enumerate(wants):
            plan = Plan(customer=customer, wants=want, manner=Manner(told=len(want), opened=["user"]))
            address = ("airline", "train", 1, "grown", customer, number)
            try:
                task = assemble(GENERATOR.domain, VOCABULARY, stage, plan, address, size="S")
            except UnsoundError:
                continue
            check_task(task, stage)
            made += 1
    assert made >= 12


# Variety


@pytest.mark.parametrize("family", OPERATORS)
def test_every_operator_has_many_wordings(family: str) -> None:
    assert VOCABULARY.grammar().wordings()[family] >= 30


def test_what_stands_around_requests_is_varied() -> None:
    counts = VOCABULARY.grammar().wordings()
    least = {"hello": 60, "request": 60, "also": 40, "close": 40, "user": 12, "fact_pointing": 8}
    assert {name: counts[name] for name in least if counts[name] < least[name]} == {}
    assert [name for name, count in counts.items() if name.startswith("fact_") and count < 4] == []


@pytest.mark.parametrize(("symbol", "least"), [("HELLO", 200), ("CLOSE", 100), ("ALSO", 100)])
def test_fillers_are_whole_sentences(symbol: str, least: int, context: Any) -> None:
    grammar = VOCABULARY.grammar()
    texts = {grammar.write(symbol, None, Draws("fillers", n), context) for n in range(600)}
    assert len(texts) >= least
    assert all(text[0] == text[0].upper() and text[-1] in ".!?" for text in texts if text)
    assert symbol == "CLOSE" or all(text[-1:] in (".", "!") for text in texts)


def test_facts_are_clauses_that_open_no_sentence_with_a_code(context: Any) -> None:
    grammar = VOCABULARY.grammar()
    for value in FACTS:
        for turn in range(8):
            text = grammar.write("FACT", value, Draws("clauses", turn), context)
            assert text[-1] not in ".!?"
    users = {grammar.write("USER", "mia_li_3668", Draws("users", turn), context) for turn in range(200)}
    assert len(users) >= 40
    assert all(text.endswith(".") and not text.startswith("mia_li") for text in users)


def test_openings_are_diverse(tasks: list[tuple[int, Task]]) -> None:
    figures = summary([task.card.opening for _, task in tasks])
    assert figures["texts"] == WORLDS * EACH
    assert figures["distinct_3"] >= 0.5
    assert figures["zlib"] <= 4.5
    assert figures["self_bleu4"] <= 0.66
    assert figures["unique_templates"] >= 0.99
