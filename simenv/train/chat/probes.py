"""Short conversations that show what a chat template does to a history."""

from typing import Any, NamedTuple

from simenv.episodes.chat import Message

POLICY = "Reservations are cancelled on request."
QUESTION = "What is the date of my flight?"
ANSWER = "It is tomorrow."
THANKS = "Then please cancel it."
THOUGHT = "The customer asks for a date."
RESULT = "date=2025-01-19"
NAME = "get_reservation"

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": NAME,
            "description": "Look up a reservation.",
            "parameters": {
                "type": "object",
                "properties": {"reservation_id": {"type": "string", "description": "Its id."}},
                "required": ["reservation_id"],
            },
        },
    }
]


class Case(NamedTuple):
    """A conversation up to a turn of the assistant, and what that turn brings.

    Attributes:
        name: What is appended to what.
        history: Messages, the assistant's turn last.
        heard: Messages that follow.
        reasons: Whether the turns hold reasoning.
    """

    name: str
    history: tuple[Message, ...]
    heard: tuple[Message, ...]
    reasons: bool = False


def said(role: str, text: str) -> Message:
    """Return a message of words."""
    return {"role": role, "content": text}


def called(*ids: str) -> Message:
    """Return a turn which makes one call for each call id."""
    function = {"name": NAME, "arguments": {"reservation_id": "YIBQN0"}}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(call_id: str, text: str = RESULT) -> Message:
    """Return what a call gave."""
    return {"role": "tool", "tool_call_id": call_id, "name": NAME, "content": text}


def thought(message: Message, *, inline: bool) -> Message:
    """Return a turn with reasoning before it, in a field of its own or in the text."""
    if inline:
        return {**message, "content": f"<think>\n{THOUGHT}\n</think>\n\n{message['content']}"}
    return {**message, "reasoning_content": THOUGHT}


START = (said("system", POLICY), said("user", QUESTION))
ONE, TWO = "call00001", "call00002"  # nine letters and digits: some templates take no others
WORDS = said("assistant", ANSWER)
LOOKED = (*START, called(ONE), result(ONE))

CASES = (
    Case("a result after a call", (*START, called(ONE)), (result(ONE),)),
    Case("a result after reasoning and a call", (*START, called(ONE)), (result(ONE),), reasons=True),
    Case("results after two calls", (*START, called(ONE, TWO)), (result(ONE), result(TWO))),
    Case("a user turn after words", (*START, WORDS), (said("user", THANKS),)),
    Case("a user turn after reasoning", (*START, WORDS), (said("user", THANKS),), reasons=True),
    Case(
        "a user turn after a call, a result and words",
        (*LOOKED, WORDS),
        (said("user", THANKS),),
        reasons=True,
    ),
)
