"""What a library's facts, things, deeds and reasons are called in talk."""

from collections.abc import Mapping
from typing import Any

from simenv.core.domain import Description
from simenv.core.lexicon import Lexicon, SlotWords, ValuePattern
from simenv.core.rules import Values

LEXICON = Lexicon(
    slots=(
        SlotWords(
            "member_id", "member ID", ("{member|membership|library|library card|card|user} {id|number}",)
        ),
        SlotWords("loan_id", "loan ID", ("loan {id|number}",), heads=("{loan|loans}",), kinds=("loan_id",)),
        SlotWords(
            "title",
            "title",
            ("{|exact |full }{title|titles}{| of the book}", "name of the book"),
            heads=("{book|books|title}",),
            kinds=("title",),
        ),
        SlotWords("due_date", "due date", ("due {date|day}",)),
        SlotWords("name", "name", ("{|full |your |first |last }name",)),
        SlotWords("other", "details", ("{more|further} {details|information}",)),
    ),
    patterns=(
        ValuePattern("member_id", r"\b(M\d{5})\b"),
        ValuePattern("loan_id", r"\b(L\d{6})\b"),
        ValuePattern("book_id", r"\b(B\d{4})\b"),
        ValuePattern("title", r'"(The [A-Z][a-z]{1,12} [A-Z][a-z]{1,12})"', hint='"'),
    ),
    counted=(("days", ("{day|days}",)),),
    done=("renewed", "extended", "reserved"),
)


def describe(tool: str, arguments: Mapping[str, Any]) -> Description:
    """Return a write call in words."""
    if tool == "renew_loan":
        loan = str(arguments["loan_id"])
        return Description(f"renew loan {loan}", f"renewed loan {loan}", (("loan_id", loan),))
    book, days = str(arguments["book_id"]), f"{arguments['days']} days"
    return Description(
        f"reserve book {book} for you",
        f"reserved book {book} for you",
        (("book_id", book), ("held for", days)),
    )


def reason(rule: str, facts: Mapping[str, Any], values: Values) -> str:
    """Return why a request is declined, as a clause; ``renew_limit`` is the only rule that declines."""
    del rule
    return f"it was renewed {facts['renewals']} times, and {values['max_renewals']} times is the limit"
