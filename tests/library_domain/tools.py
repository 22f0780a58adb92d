"""What a library's agent can do, and which of the rules that only the agent keeps a write would break."""

# ruff: noqa: D417 -- a docstring is what the agent is told, and the world is not its argument.

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from simenv.core.acts import record_decline, record_transfer
from simenv.core.canonical import dollars, quoted
from simenv.core.errors import ToolError
from simenv.core.rules import read_now, read_values
from simenv.core.tools import tool
from simenv.core.world import Row, World
from tests.library_domain import policy

MAX_HOLD_DAYS = 60
_RULES = {rule.id: rule for rule in policy.RULES}
_LOAN = "SELECT due_date, renewals FROM loans WHERE loan_id = ?"
_MEMBER = "SELECT name, kind FROM members WHERE member_id = ?"
_SHOWN = (
    "SELECT l.loan_id, l.member_id, b.title, l.due_date, l.renewals, l.fine_cents FROM loans l "
    "JOIN books b ON b.book_id = l.book_id WHERE l.{} = ? ORDER BY l.loan_id"
)


def _row(world: World, sql: str, name: str, key: str) -> Row:
    found = world.row(sql, key)
    if found is None:
        raise ToolError("not_found", f"There is no {name} {quoted(key)}.")
    return found


def _loans(world: World, column: str, key: str) -> list[dict[str, Any]]:
    keys = ("loan_id", "member_id", "title", "due_date", "renewals")
    found: list[Any] = world.rows(_SHOWN.format(column), key)
    return [dict(zip(keys, loan, strict=True)) | {"fine": dollars(cents)} for *loan, cents in found]


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


@tool(effect="read")
def get_member(world: World, member_id: str) -> dict[str, Any]:
    """Look up a member and every book on loan.

    Args:
        member_id: The member's id, such as "M20417".
    """
    name, kind = _row(world, _MEMBER, "member", member_id)
    return {
        "member_id": member_id,
        "name": name,
        "kind": kind,
        "loans": _loans(world, "member_id", member_id),
    }


@tool(effect="read")
def get_loan(world: World, loan_id: str) -> dict[str, Any]:
    """Look up one loan.

    Args:
        loan_id: The loan's id, such as "L104233".
    """
    _row(world, _LOAN, "loan", loan_id)
    return _loans(world, "loan_id", loan_id)[0]


@tool(effect="read")
def find_book(world: World, title: str) -> dict[str, Any]:
    """Look up a book by its title.

    Args:
        title: The whole title, without quotes.
    """
    (book_id,) = _row(world, "SELECT book_id FROM books WHERE title = ? ORDER BY book_id", "book", title)
    return {"book_id": book_id, "title": title}


@tool(effect="write")
def renew_loan(world: World, loan_id: str) -> str:
    """Renew a loan, which moves its due date.

    Args:
        loan_id: The loan's id, such as "L104233".
    """
    due_date, _ = _row(world, _LOAN, "loan", loan_id)
    due_date = _later(str(due_date), policy.renew_days({}, read_values(world)))
    world.write("UPDATE loans SET due_date = ?, renewals = renewals + 1 WHERE loan_id = ?", due_date, loan_id)
    return f"Loan {loan_id} is now due on {due_date}."


@tool(effect="write")
def reserve_book(world: World, member_id: str, book_id: str, days: int) -> str:
    """Reserve a book for a member.

    Args:
        member_id: The member's id, such as "M20417".
        book_id: The book's id, such as "B3051".
        days: For how many days it is held.
    """
    _row(world, _MEMBER, "member", member_id)
    _row(world, "SELECT title FROM books WHERE book_id = ?", "book", book_id)
    if not 1 <= days <= MAX_HOLD_DAYS:
        raise ToolError("bad_value", f"A book is held for 1 to {MAX_HOLD_DAYS} days, not {days}.")
    if world.row("SELECT 1 FROM holds WHERE book_id = ? AND member_id = ?", book_id, member_id):
        raise ToolError("already_held", f"Book {book_id} is reserved for {member_id} already.")
    until = _later(read_now(world)[:10], days)
    world.insert("holds", book_id, member_id, until)
    return f"Book {book_id} is held until {until}."


@tool(effect="act")
def decline_request(world: World, loan_id: str, rule_id: str, facts: dict[str, str | int]) -> str:
    """Record that what the member wants for a loan is declined because a rule forbids it.

    Args:
        loan_id: The loan's id, such as "L104233".
        rule_id: The id of the rule, as the policy writes it in brackets.
        facts: The facts that the policy names for the rule, each with its value as the tools returned it.
    """
    _row(world, _LOAN, "loan", loan_id)
    return record_decline(world, _RULES, subject=loan_id, rule_id=rule_id, facts=facts)


@tool(effect="act", ends=True)
def transfer_to_human(world: World, summary: str) -> str:
    """Hand the member over to a human, which ends the conversation.

    Args:
        summary: What the member wants, and why a human is needed.
    """
    return record_transfer(world, summary)


TOOLS = (get_member, get_loan, find_book, renew_loan, reserve_book, decline_request, transfer_to_human)


def breaches(world: World, name: str, arguments: Mapping[str, Any], _: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the rules that this call would break; none for ids that do not exist."""
    if name == "renew_loan":
        loan = world.row(_LOAN, arguments["loan_id"])
        kept = loan is None or policy.renew_limit({"renewals": loan[1]}, read_values(world))
        return () if kept else ("renew_limit",)
    if name == "reserve_book":
        member = world.row(_MEMBER, arguments["member_id"])
        kept = (
            member is None or policy.hold_days({"kind": member[1]}, read_values(world)) == arguments["days"]
        )
        return () if kept else ("hold_days",)
    return ()
