"""Laws of tools: a signature is a schema, a docstring a manual, and nothing else is let in."""

from contextlib import suppress
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from simenv.core.canonical import canonical, parse_strict
from simenv.core.errors import ToolError, UsageError
from simenv.core.tools import Dollars, Tool, by_name, tool
from simenv.core.world import World
from simenv.domains.airline.tools import TOOLS as AIRLINE
from simenv.testing import arguments
from tests.library_domain.tools import TOOLS as LIBRARY
from tests.test_core_world import IMAGE

# ruff: noqa: D417 -- the world is not an argument


class Leg(TypedDict):
    """A part of a trip."""

    number: str
    seats: int


@tool(effect="write")
def every_type(
    world: World,
    text: str,
    count: int,
    sure: bool,
    amount: Dollars,
    kind: Literal["a", "b"],
    legs: list[Leg],
    facts: dict[str, str | int],
    maybe: str | None,
) -> str:
    """Take every type.

    A second paragraph is not for the agent.

    Args:
        text: A text,
            on two lines.
        count: A number.
        sure: A truth.
        amount: An amount.
        kind: A kind.
        legs: Legs.
        facts: Facts.
        maybe: Perhaps.
    """
    return f"{amount}"


GOOD: dict[str, Any] = {
    "text": "x",
    "count": 3,
    "sure": True,
    "amount": Decimal("12.34"),
    "kind": "a",
    "legs": [{"number": "1", "seats": 2}],
    "facts": {"a": 1, "b": "two"},
    "maybe": None,
}
WORLD = IMAGE.open()


def refusal(**changes: Any) -> str:
    with pytest.raises(ToolError) as caught:
        every_type.check(GOOD | changes)
    assert caught.value.code == "bad_arguments"
    return str(caught.value)


def test_the_schema_says_every_type_and_every_description() -> None:
    function = every_type.schema["function"]
    properties = function["parameters"]["properties"]
    assert function["description"] == "Take every type."
    assert {name: kind.get("type") or kind.get("anyOf") for name, kind in properties.items()} == {
        "text": "string",
        "count": "integer",
        "sure": "boolean",
        "amount": "number",
        "kind": "string",
        "legs": "array",
        "facts": "object",
        "maybe": [{"type": "string"}, {"type": "null"}],
    }
    assert properties["text"]["description"] == "A text, on two lines."
    assert properties["kind"]["enum"] == ["a", "b"]
    assert properties["legs"]["items"]["required"] == ["number", "seats"]
    assert function["parameters"]["required"] == list(GOOD)
    assert function["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": 7}, "text must be a string."),
        ({"count": "7"}, "count must be an integer."),
        ({"count": True}, "count must be an integer."),
        ({"count": Decimal(7)}, "count must be an integer."),
        ({"sure": 1}, "sure must be true or false."),
        ({"amount": "12"}, "amount must be a number of dollars."),
        ({"amount": True}, "amount must be a number of dollars."),
        ({"amount": Decimal("1.005")}, "amount must have at most two decimals."),
        ({"amount": 10**11}, "amount is too large."),
        ({"kind": "c"}, 'kind must be one of "a", "b".'),
        ({"legs": {}}, "legs must be a list."),
        ({"legs": [{"number": "1"}]}, "legs.0.seats is missing."),
        ({"legs": [{"number": "1", "seats": 1, "x": 1}]}, "legs.0.x is not an argument."),
        ({"facts": []}, "facts must be an object."),
        ({"more": 1}, "more is not an argument."),
    ],
)
def test_each_wrong_argument_is_named(changes: dict[str, Any], message: str) -> None:
    assert refusal(**changes) == message


def test_arguments_that_are_no_object_are_refused() -> None:
    listed: tuple[Any, ...] = ([], "x", None, 7)
    for each in listed:
        with pytest.raises(ToolError, match=r"^arguments must be an object"):
            every_type.check(each)


def test_a_flood_of_faults_is_cut_short() -> None:
    text = refusal(**{f"extra{number}" * 20: 1 for number in range(100)})
    assert text.endswith("; and 92 more.")
    assert len(text) < 1000


@given(st.integers(-(10**12), 10**12))
def test_dollars_arrive_as_exact_cents(cents: int) -> None:
    amount = parse_strict(f"{Decimal(cents) / 100:f}")
    assert every_type.check(GOOD | {"amount": amount})["amount"] == cents
    assert every_type.call(WORLD, GOOD | {"amount": amount}) == str(cents)


@pytest.mark.parametrize("each", [every_type, *AIRLINE, *LIBRARY], ids=lambda each: each.name)
@given(st.data())
def test_arguments_are_let_in_as_they_are_or_refused(each: Tool, data: st.DataObject) -> None:
    """Strictness: what is let in was not bent into shape, dollars to cents aside."""
    drawn = data.draw(arguments(each))
    with suppress(ToolError):
        let_in(each, drawn)


def let_in(each: Tool, drawn: dict[str, Any]) -> None:
    checked = each.check(drawn)
    assert checked.keys() == drawn.keys() == each.parameters.keys()
    same = [
        name
        for name, kind in each.parameters.items()
        if kind is not Dollars and "amount" not in canonical(drawn[name])
    ]
    assert {name: checked[name] for name in same} == {name: drawn[name] for name in same}


def test_a_tool_without_a_manual_or_with_an_unknown_type_cannot_be_made() -> None:
    def silent(world: World) -> str:
        return ""

    def odd(world: World, when: float) -> str:
        """Take a float."""
        return ""

    with pytest.raises(UsageError, match="silent needs a docstring"):
        tool(effect="read")(silent)
    with pytest.raises(UsageError, match="cannot have the type"):
        _ = tool(effect="read")(odd).schema
    assert by_name((every_type,)) == {"every_type": every_type}
