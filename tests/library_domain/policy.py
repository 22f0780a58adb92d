"""The library's rules, once: tools, oracle, breach report and the agent's text read these."""

from simenv.core.rules import Facts, Rule, Values

VALUE_NAMES = ("max_renewals", "renew_days", "hold_days_regular", "hold_days_student")
"""Every number of a world's policy; they differ from world to world, so none can be learned by heart."""


def renew_limit(facts: Facts, values: Values) -> bool:
    """Whether a loan that was renewed ``renewals`` times may be renewed once more."""
    return int(facts["renewals"]) < values["max_renewals"]


def renew_days(_: Facts, values: Values) -> int:
    """Days by which a renewal moves the due date."""
    return values["renew_days"]


def hold_days(facts: Facts, values: Values) -> int:
    """Days for which a book is held for a member of that kind."""
    return values[f"hold_days_{facts['kind']}"]


RULES = (
    Rule("renew_limit", "agent", ("due_date", "renewals"), renew_limit),
    Rule("renew_days", "tool", (), renew_days, blind=14),
    Rule("hold_days", "agent", (), hold_days, blind=7),
)


def text(values: Values, now: str) -> str:
    """Return the policy that the agent reads, with this world's numbers."""
    return f"""\
# Library policy

You serve the members of a library. It is {now}.

- Ask for the member id first. Before you change anything, say exactly what you will do and get a yes.
- When a rule forbids what the member wants, record it with decline_request before you tell them: the loan, \
the rule's id and the facts that the rule names, exactly as the tools returned them.
- A loan may be renewed at most {values["max_renewals"]} times [renew_limit; facts: due_date, renewals]. \
Renewing moves its due date by {values["renew_days"]} days [renew_days, kept by the tools].
- A reserved book is held for {values["hold_days_regular"]} days for a regular member and for \
{values["hold_days_student"]} days for a student [hold_days].
- Hand over to a human only when a request is outside of all this.
"""


def compact(values: Values, now: str) -> str:
    """Return the policy as a table of its numbers, for small models."""
    return "\n".join([f"now={now}", *(f"{name}={values[name]}" for name in VALUE_NAMES)])
