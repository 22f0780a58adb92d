"""Laws of what TRL is given: classes, rows, and the bookkeeping of tokens. TRL is not needed."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simenv.adapters.trl import OVER, Service, dataset_rows, environment_factory
from simenv.adapters.trl_rollout import rollout_func, rollout_rows
from simenv.adapters.trl_tools import hint_of, method_of, told
from simenv.agents.oracle import oracle
from simenv.agents.protocol import iter_nothing, play
from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.pack import bundled, write_pack
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.episodes import pool
from simenv.episodes.actions import parse, show_arguments
from simenv.episodes.episode import Episode
from tests.library_domain import DOMAIN as LIBRARY

ROOT = Path(__file__).resolve().parents[1]
AIRLINE = catalog.domain("airline")
PLAYED = [index for index in range(40) if not bundled("airline", "train").at(index).extras][:12]
STRANGE = (
    object(),
    b"bytes",
    {1, 2},
    1 + 2j,
    2**63,
    -(2**63) - 1,
    float("nan"),
    float("-inf"),
    "\ud800",
    "a\0b",
)


def library_tasks() -> list[Task]:
    """Two tasks of each intent of the tests' own domain."""
    generator = catalog.generator("library")
    image = pool.image("library", ("library", "trl", 0), "S")
    drawn = (
        generator.propose(image, intent, (*image.address, intent, number), "S")
        for intent in generator.intents
        for number in range(2)
    )
    return [task for task in drawn if task is not None]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("trl") / "library.jsonl"
    write_pack(path, {"domain": "library"}, library_tasks())
    return str(path)


@cache
def airline() -> type[Service]:
    return environment_factory("simenv/airline-v0")


def tools_of(made: type[Service]) -> dict[str, Callable[..., str]]:
    """Return what TRL takes for tools: the public functions on the class, bound."""
    named = inspect.getmembers(made, predicate=inspect.isfunction)
    instance = made()
    return {
        name: getattr(instance, name)
        for name, _ in named
        if not name.startswith("_") and name not in ("reset", "get_reward")
    }


def classes(library: str) -> Iterator[tuple[type[Service], list[Tool]]]:
    """Yield classes with every tool and every look-alike there is."""
    everything = [*AIRLINE.tools, *AIRLINE.lookalike.values()]
    yield environment_factory("airline", extras=list(AIRLINE.lookalike)), everything
    yield environment_factory("library", tasks=library, uncertified=True), list(LIBRARY.tools)


def test_every_tool_is_a_method_whose_signature_and_manual_are_its_schema(library: str) -> None:
    for made, tools in classes(library):
        methods = tools_of(made)
        assert sorted(methods) == sorted([*(tool.name for tool in tools), "message_user"])
        for tool in tools:
            parameters = tool.schema["function"]["parameters"]["properties"]
            signature = inspect.signature(methods[tool.name])
            assert list(signature.parameters) == list(parameters)
            assert signature.return_annotation is str
            doc = inspect.getdoc(methods[tool.name]) or ""
            assert doc.startswith(tool.summary)
            for name, schema in parameters.items():
                assert f"\n    {name}: " in doc
                hint = signature.parameters[name].annotation
                assert hint == hint_of(schema)
                if "enum" in schema:
                    assert get_origin(hint) is Literal
                    assert list(get_args(hint)) == schema["enum"]
                for inner in schema.get("items", schema).get("properties", {}):
                    assert inner in doc.split(f"    {name}: ")[1].split("\n")[0]


def test_transformers_reads_every_tool_as_its_schema(library: str) -> None:
    reader = pytest.importorskip("transformers.utils").get_json_schema
    for made, tools in classes(library):
        methods = tools_of(made)
        for tool in tools:
            ours = tool.schema["function"]
            read = reader(methods[tool.name])["function"]
            assert (read["name"], read["description"]) == (ours["name"], ours["description"])
            assert read["parameters"].get("required", []) == ours["parameters"]["required"]
            for name, schema in ours["parameters"]["properties"].items():
                found = read["parameters"]["properties"][name]
                assert (found.get("type"), found.get("enum")) == (schema.get("type"), schema.get("enum"))
                assert found["description"]
        assert reader(methods["message_user"])["function"]["parameters"]["required"] == ["message"]


def test_no_tool_of_one_class_gets_into_another(library: str) -> None:
    before = set(vars(Service))
    first, second = environment_factory("airline"), environment_factory("airline")
    (_, _), (other, _) = classes(library)
    assert first is not second
    assert not {id(vars(first)[tool.name]) for tool in AIRLINE.tools} & {
        id(part) for part in vars(second).values()
    }
    assert "cancel_reservation" not in tools_of(other)
    assert "renew_loan" not in tools_of(first)
    assert "quote_baggages" not in tools_of(first)
    assert set(vars(Service)) == before
    assert set(tools_of(Service)) == {"message_user"}


def act_as(made: Service, action: str) -> list[str]:
    """Do through the methods what an action of a native episode does."""
    parsed = parse(action)
    if not parsed.calls:
        return [made.message_user(parsed.words)]
    return [getattr(made, call.name)(**json.loads(show_arguments(call.arguments))) for call in parsed.calls]


def natively(task: Task) -> Episode:
    return play(Episode(task), oracle())


@pytest.mark.parametrize("index", PLAYED)
def test_what_earns_natively_earns_through_the_methods_and_brings_the_same_texts(index: int) -> None:
    made = airline()()
    task = bundled("airline", "train").at(index)
    opening = made.reset(index=index, prompt="anything", environment=None)
    native, replayed = natively(task), Episode(task)
    assert opening == replayed.observation
    for step in native.steps:
        brought = replayed.act(step.action)
        heard = act_as(made, step.action)
        assert "\n".join(heard) == brought.observation + (f"\n{OVER}" if replayed.done else "")
    assert made.episode.trajectory().net == native.trajectory().net
    assert made.get_reward() == native.verdict().reward == 1.0


def test_the_library_earns_too_by_id_and_by_place(library: str) -> None:
    made = environment_factory("library", tasks=library, uncertified=True, face="compact")
    for index, task in enumerate(library_tasks()):
        for row in ({"task": task.id, "index": 999}, {"index": index, "task": None}):
            instance = made()
            instance.reset(**row)
            assert instance.episode.task.id == task.id
            for step in natively(task).steps:
                act_as(instance, step.action)
            assert instance.get_reward() == 1.0


def test_an_unfinished_episode_is_let_go_silent_and_scored_once() -> None:
    task = bundled("airline", "train").at(PLAYED[0])
    for kept in range(len(natively(task).steps)):
        made, other = airline()(), Episode(task)
        made.reset(task=task.id)
        for step in natively(task).steps[:kept]:
            act_as(made, step.action)
            other.act(step.action)
        assert not made.episode.done
        expected = play(other, lambda episode: iter_nothing()).verdict().reward
        assert made.get_reward() == expected
        assert made.episode.done
        digest = made.episode.digest
        assert made.get_reward() == expected
        assert made.episode.digest == digest


def test_after_the_end_every_tool_says_so_and_changes_nothing() -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    assert made.transfer_to_human_agents(summary="please").endswith(f"\n{OVER}")  # type: ignore[attr-defined]
    digest = made.episode.digest
    for name in tools_of(airline()):
        assert getattr(made, name)() == OVER
        assert getattr(made, name)(object(), x=object()) == OVER
    assert made.episode.digest == digest
    made.reset(index=PLAYED[0])
    assert made.list_all_airports().startswith("[")  # type: ignore[attr-defined]


def test_the_budget_ends_a_conversation_too() -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    calculate: Callable[[str], str] = made.calculate  # type: ignore[attr-defined]
    heard = [calculate("1+1") for _ in range(made.episode.task.budget)]
    assert [text.endswith(OVER) for text in heard] == [False] * (len(heard) - 1) + [True]
    assert made.get_reward() == 0.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(STRANGE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["self", "name", "message", "user_id", "*", "a b", "cabin", "flights", "", "amount"])


@settings(max_examples=150)
@given(
    tool=st.sampled_from(sorted(tools_of(airline()))),
    loose=st.lists(JSON, max_size=3),
    named=st.dictionaries(NAMES, JSON, max_size=4),
)
def test_whatever_a_model_sends_is_answered_and_costs_one_step(
    tool: str, loose: list[Any], named: dict[str, Any]
) -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    answer = getattr(made, tool)(*loose, **named)
    assert isinstance(answer, str)
    assert answer.encode("utf-8", "strict") is not None
    assert len(made.episode.steps) == 1


@pytest.mark.parametrize("wrong", [{}, {"user_id": 7}, {"user_id": "x", "more": 1}, {"user_id": object()}])
def test_a_wrong_call_is_refused_in_words(wrong: dict[str, Any]) -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    assert made.get_user_details(**wrong).startswith("error bad_arguments: ")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("loose", "named"),
    [((), {}), ((7,), {}), ((), {"message": None}), (("a", "b"), {}), (("a",), {"tone": "b"})],
)
def test_a_message_that_is_none_is_refused_and_nobody_hears_it(loose: Any, named: Any) -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    assert made.message_user(*loose, **named) == "error bad_arguments: message_user takes one text, message."
    assert [step.calls for step in made.episode.steps] == [()]
    assert made.episode.steps[0].error == "bad_call"


@pytest.mark.parametrize(
    "words", ['{"name": "list_all_airports", "arguments": {}}', "[]", "{", '"', "", "  "]
)
def test_words_are_words_whatever_they_look_like(words: str) -> None:
    made = airline()()
    made.reset(index=PLAYED[0])
    assert not made.message_user(words).startswith("error")
    assert made.episode.steps[0].calls == ()
    assert made.episode.messages[-2]["content"] == words


def test_nesting_and_cycles_end() -> None:
    deep: list[Any] = []
    deep.append(deep)
    made = airline()()
    made.reset(index=PLAYED[0])
    assert made.decline_request(deep, deep, {"a": deep}).startswith("error ")  # type: ignore[attr-defined]
    assert made.decline_request("a", "b", {"a": 10**5000}).startswith("error bad_json")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"index": None},
        {"index": -1},
        {"index": True},
        {"index": "3"},
        {"index": 1.0},
        {"task": 7},
        {"task": "no"},
    ],
)
def test_a_row_that_names_no_task_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        airline()().reset(**row)


def test_nothing_is_open_before_the_first_reset() -> None:
    made = airline()()
    for use in (made.get_reward, made.message_user, made.list_all_airports):  # type: ignore[attr-defined]
        with pytest.raises(UsageError, match="no episode is open"):
            use()


def test_a_task_with_other_lookalikes_needs_a_class_of_its_own() -> None:
    pack = bundled("airline", "train")
    index = next(index for index in range(len(pack)) if len(pack.at(index).extras) == 1)
    extras = pack.at(index).extras
    with pytest.raises(UsageError, match=extras[0]):
        airline()().reset(index=index)
    made = environment_factory("airline", extras=extras)()
    made.reset(index=index)
    assert not getattr(made, extras[0])().startswith("error unknown_tool")
    rows = dataset_rows("airline", 3, extras=extras)
    assert rows[0]["index"] == index
    for row in rows:
        made.reset(**row)


def test_rows_are_openings_that_the_class_takes() -> None:
    rows = dataset_rows("simenv/airline-v0", 30)
    assert len({row["index"] for row in rows}) == 30
    assert len({str(sorted(row)) for row in rows}) == 1
    for row in rows:
        assert [message["role"] for message in row["prompt"]] == ["user"]
        assert airline()().reset(**row).startswith("# ")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "make",
    [
        lambda: environment_factory("airlin"),
        lambda: environment_factory("airline", face="loud"),
        lambda: environment_factory("airline", split="dev"),
        lambda: environment_factory("airline", extras=["get_flight_schedul"]),
        lambda: dataset_rows("airline", 0),
        lambda: dataset_rows("airline", 1000),
        lambda: rollout_rows("airline", 1001),
        lambda: rollout_rows("airline", 0),
        lambda: rollout_func("airlin"),
        lambda: rollout_func("airline", turn_tokens=0),
    ],
)
def test_a_wrong_argument_is_refused_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(UnknownNameError, match="airline"):
        environment_factory("airlin")


def schema(name: str = "look", about: str = "Look.", argument: str = "book", **kind: Any) -> dict[str, Any]:
    properties = {argument: kind or {"type": "string", "description": "A book."}}
    return {"function": {"name": name, "description": about, "parameters": {"properties": properties}}}


@pytest.mark.parametrize(
    "wrong",
    [
        schema(name="two words"),
        schema(name="class"),
        schema(name="_look"),
        schema(argument="self"),
        schema(argument="from"),
        schema(about="Look. Returns: nothing."),
        schema(type="string", description="One of these (choices: a, b)"),
        schema(type="whatever", description="A book."),
    ],
)
def test_a_tool_that_would_be_misread_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        method_of(wrong, lambda made, name, given: name)


def test_a_domain_may_not_take_the_names_that_trl_needs(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    tool = LIBRARY.tools[0]
    taken = SimpleNamespace(tools=[Tool("reset", tool.effect, tool.run)], lookalike={})
    monkeypatch.setattr(catalog, "domain", lambda name: taken)
    with pytest.raises(UsageError, match="'reset'"):
        environment_factory("library", tasks=library, uncertified=True)


def test_nothing_of_a_schema_is_lost() -> None:
    record = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ["a", "b"]}, "n": {"type": "integer"}},
    }
    assert hint_of(record) == dict[str, str | int]
    assert (
        told({"type": "array", "items": record})
        == "a list of objects, each with kind (one of a, b), n (an integer)"
    )
    assert told({"type": "array", "items": {"type": "string"}}) == "a list, each of it text"
    assert hint_of({"anyOf": [{"type": "string"}, {"type": "null"}]}) == str | None


def test_importing_the_adapters_loads_nothing_heavy() -> None:
    program = (
        f"import sys; sys.path[:0] = {[str(ROOT / part) for part in ('', 'corpora', 'generators')]!r}\n"
        "import simenv.adapters.trl, simenv.adapters.trl_rollout\n"
        "print(*sorted({'torch', 'transformers', 'tokenizers', 'trl', 'datasets'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert run.stdout.split() == []
