"""The airline's rules, once: tools, oracle, breach report, decline facts and the agent's text read these.

The numbers are rows of the world and differ from world to world, so none can be learned by heart.
"""

from datetime import datetime, timedelta

from simenv.core.canonical import dollars_text
from simenv.core.rules import Facts, Rule, Values
from simenv.domains.airline.schema import CABINS, TIERS

COVERED_REASONS = ("illness", "weather")
REASONS = ("illness", "weather", "change of plan")


def free_bags_name(membership: str, cabin: str) -> str:
    """Return the name of the value that holds a free allowance."""
    return f"free_bags_{membership}_{cabin}"


VALUE_NAMES = (
    *(free_bags_name(tier, cabin) for tier in TIERS for cabin in CABINS),
    "bag_fee_cents",
    "insurance_fee_cents",
    "max_passengers",
    "max_certificates",
    "cancel_window_h",
    "cancel_cabin_rank",
    "cancel_covers_illness",
    "cancel_covers_weather",
    "cancel_fee_cents",
    "change_window_h",
    "change_cabin_rank",
    "passenger_cutoff_days",
    "compensation_tier_rank",
    "compensation_cancelled_cents",
    "compensation_delayed_cents",
)
"""Every number of a world's policy; a rank is an index into CABINS or TIERS, one past the end means none."""


def _rank(words: tuple[str, ...], word: object) -> int:
    return words.index(str(word)) if word in words else -1


def within(created_at: str, now: str, hours: int) -> bool:
    """Whether at most ``hours`` have passed from ``created_at`` to ``now``."""
    return datetime.fromisoformat(now) - datetime.fromisoformat(created_at) <= timedelta(hours=hours)


def bag_allowance(facts: Facts, values: Values) -> int:
    """Free checked bags of a whole reservation; reads membership, cabin, passengers (a number)."""
    return values[free_bags_name(facts["membership"], facts["cabin"])] * int(facts["passengers"])


def bag_fee(facts: Facts, values: Values) -> int:
    """Cents for ``bags`` bags beyond the allowance."""
    return values["bag_fee_cents"] * int(facts["bags"])


def insurance_fee(facts: Facts, values: Values) -> int:
    """Cents for insuring ``passengers`` passengers."""
    return values["insurance_fee_cents"] * int(facts["passengers"])


def passenger_limit(facts: Facts, values: Values) -> bool:
    """Whether one reservation may hold ``passengers`` passengers."""
    return int(facts["passengers"]) <= values["max_passengers"]


def certificate_limit(facts: Facts, values: Values) -> bool:
    """Whether one booking may be paid with ``certificates`` certificates."""
    return int(facts["certificates"]) <= values["max_certificates"]


def cancel_flown(facts: Facts, _: Values) -> bool:
    """Whether the first flight has not left yet; reads first_flight_status."""
    return facts["first_flight_status"] not in ("flying", "landed")


def cancel_ground(facts: Facts, values: Values) -> bool:
    """Whether there is a ground to cancel.

    Reads created_at, now, cabin, insurance, reason and airline_cancelled.
    """
    reason = facts.get("reason")
    covered = reason in COVERED_REASONS and values[f"cancel_covers_{reason}"] == 1
    return (
        bool(facts.get("airline_cancelled"))
        or within(facts["created_at"], facts["now"], values["cancel_window_h"])
        or _rank(CABINS, facts["cabin"]) >= values["cancel_cabin_rank"]
        or (facts["insurance"] == "yes" and covered)
    )


def cancel_fee(facts: Facts, values: Values) -> int:
    """Cents kept back when ``passengers`` passengers cancel, at most what was ``paid_cents``."""
    return min(int(facts["paid_cents"]), values["cancel_fee_cents"] * int(facts["passengers"]))


def change_flights(facts: Facts, values: Values) -> bool:
    """Whether flights may be changed; reads created_at, now and cabin."""
    return _rank(CABINS, facts["cabin"]) >= values["change_cabin_rank"] or within(
        facts["created_at"], facts["now"], values["change_window_h"]
    )


def passenger_edit(facts: Facts, values: Values) -> bool:
    """Whether passengers may still be edited; reads first_flight_date and now."""
    first = datetime.fromisoformat(facts["first_flight_date"]).date()
    today = datetime.fromisoformat(facts["now"]).date()
    return (first - today).days >= values["passenger_cutoff_days"]


def compensation_due(facts: Facts, values: Values) -> bool:
    """Whether a gesture is owed; reads membership, insurance and flight_status."""
    loyal = _rank(TIERS, facts["membership"]) >= values["compensation_tier_rank"]
    return (loyal or facts["insurance"] == "yes") and facts["flight_status"] in ("cancelled", "delayed")


def compensation_amount(facts: Facts, values: Values) -> int:
    """Cents of the certificate; reads flight_status and passengers."""
    status = "cancelled" if facts["flight_status"] == "cancelled" else "delayed"
    return values[f"compensation_{status}_cents"] * int(facts["passengers"])


RULES = (
    Rule("bag_allowance", "agent", (), bag_allowance, blind=0),
    Rule("bag_fee", "tool", (), bag_fee, blind=0),
    Rule("insurance_fee", "tool", (), insurance_fee, blind=0),
    Rule("passenger_limit", "tool", (), passenger_limit),
    Rule("certificate_limit", "agent", (), certificate_limit),
    Rule("cancel_flown", "agent", ("first_flight_number", "first_flight_status"), cancel_flown),
    Rule("cancel_ground", "agent", ("created_at", "cabin", "insurance"), cancel_ground),
    Rule("cancel_fee", "tool", (), cancel_fee, blind=0),
    Rule("change_flights", "agent", ("created_at", "cabin"), change_flights),
    Rule("passenger_edit", "agent", ("first_flight_number", "first_flight_date"), passenger_edit),
    Rule(
        "compensation_due",
        "agent",
        ("membership", "insurance", "flight_number", "flight_status"),
        compensation_due,
    ),
    Rule("compensation_amount", "agent", (), compensation_amount, blind=10_000),
)


def _from_cabin(rank: int) -> str:
    names = [cabin.replace("_", " ") for cabin in CABINS[rank:]]
    return " and ".join(names) if names else ""


def _bag_lines(values: Values) -> str:
    lines = []
    for tier in TIERS:
        allowed = [f"{values[free_bags_name(tier, cabin)]} in {cabin.replace('_', ' ')}" for cabin in CABINS]
        lines.append(f"  - {tier} members: {', '.join(allowed)}")
    return "\n".join(lines)


def _cancel_grounds(values: Values) -> str:
    grounds = [
        f"it was booked at most {values['cancel_window_h']} hours ago",
        "the airline has cancelled one of its flights",
    ]
    if cabins := _from_cabin(values["cancel_cabin_rank"]):
        grounds.append(f"its cabin is {cabins.replace(' and ', ' or ')}")
    covered = [reason for reason in COVERED_REASONS if values[f"cancel_covers_{reason}"]]
    if covered:
        grounds.append(f"it is insured and the customer's reason is {' or '.join(covered)}")
    return "; or ".join(grounds)


def _change_line(values: Values) -> str:
    window = f"within {values['change_window_h']} hours of booking in any cabin"
    cabins = _from_cabin(values["change_cabin_rank"])
    return f"in {cabins} at any time, and {window}" if cabins else f"only {window}"


def _owed(values: Values) -> str:
    tiers = TIERS[values["compensation_tier_rank"] :]
    if len(tiers) == len(TIERS):
        return "Every customer may be owed compensation"
    who = f"{' and '.join(tiers)} members and " if tiers else ""
    return f"Only {who}customers with insurance on that reservation may be owed compensation"


def _cutoff(values: Values) -> str:
    days = values["passenger_cutoff_days"]
    if days == 0:
        return "on the day of the first flight at the latest"
    return f"{days} day{'' if days == 1 else 's'} before the date of the first flight at the latest"


def text(values: Values, now: str) -> str:
    """Return the policy that the agent reads, with this world's numbers."""
    return f"""\
# Airline policy

You serve customers of an airline. It is {now} (all times are the airline's local time). Help with \
booking, changing and cancelling reservations, with bags, passengers, compensation and questions about them.

## Conduct
- Find out who the customer is first: ask for the user id.
- Before you change anything for a customer (booking, cancelling, changing, certificates), say exactly what \
you will do and get a yes.
- Do one thing at a time: either call tools or write to the customer.
- Say only what tools or the customer told you. When the answer to a question is one amount, state that amount \
once and no other amount beside it.
- When a rule below forbids what the customer wants, record it with decline_request before you tell them: the \
reservation, the rule's id and the facts that the rule names, exactly as the tools returned them. Decline only \
what was asked, once; if several rules forbid it, under the first one written here.
- Hand over to a human only when a request is outside of all this.

## Booking
- A reservation has one cabin for all flights and at most {values["max_passengers"]} passengers \
[passenger_limit, kept by the tools]. Every passenger flies all flights.
- Paying: at most {values["max_certificates"]} travel certificates for a booking [certificate_limit]; what a \
certificate is worth beyond the price is lost. Methods must be in the customer's profile.
- Insurance costs {dollars_text(values["insurance_fee_cents"])} for each passenger [insurance_fee, kept by \
the tools].
- Free checked bags for each passenger, by the membership of the customer and the cabin [bag_allowance]:
{_bag_lines(values)}
- Each bag beyond that costs {dollars_text(values["bag_fee_cents"])} [bag_fee, kept by the tools]. Do not add \
bags that the customer did not ask for.

## Changing
- Flights may be changed {_change_line(values)} [change_flights; facts: created_at, cabin]. Origin, \
destination and type of trip stay. The cabin alone may always be changed, for all flights together and as long \
as all of them can still be booked.
- Bags may be added, not taken away.
- Passengers' names may be corrected, their number stays, {_cutoff(values)} \
[passenger_edit; facts: first_flight_number, first_flight_date].
- Price differences are paid with, or paid back to, one card or gift card of the profile.

## Cancelling
- Nothing can be cancelled once its first flight has left (status flying or landed) \
[cancel_flown; facts: first_flight_number, first_flight_status].
- A reservation may be cancelled if {_cancel_grounds(values)} \
[cancel_ground; facts: created_at, cabin, insurance]. \
Ask for the reason: illness, weather or a change of plan.
- Cancelling costs {dollars_text(values["cancel_fee_cents"])} for each passenger, never more than was paid; the \
rest goes back to what it was paid with [cancel_fee, kept by the tools].

## Compensation
- Offer none of your own accord. {_owed(values)}, and only if the flight complained about was \
cancelled or delayed; check it \
[compensation_due; facts: membership, insurance, flight_number, flight_status].
- It is a certificate of {dollars_text(values["compensation_cancelled_cents"])} for each passenger of the \
reservation if the flight was cancelled, {dollars_text(values["compensation_delayed_cents"])} if it was \
delayed [compensation_amount].
"""


def compact(values: Values, now: str) -> str:
    """Return the numbers of the policy as a table, for small models; amounts are cents."""
    bags = [
        "\t".join([tier, *(str(values[free_bags_name(tier, cabin)]) for cabin in CABINS)]) for tier in TIERS
    ]
    rest = [f"{name}\t{values[name]}" for name in VALUE_NAMES if not name.startswith("free_bags_")]
    return "\n".join([f"now\t{now}", "\t".join(["free_bags", *CABINS]), *bags, *rest])
