"""What an airline's agent can do, in the order of its manual.

A refused call carries one of these codes; scorers read the code, never the message.

* ``not_found``            no such user, reservation, flight, flight on that day, airport or payment method
* ``bad_value``            a number, date, name or expression that cannot be; or nothing would change
* ``bad_route``            the flights do not lead from origin to destination, or leave no time to connect
* ``not_available``        the flight cannot be booked that day in that cabin, or has left and must stay
* ``no_seats``             fewer seats are left in the cabin than there are passengers
* ``too_many_passengers``  more than one reservation may hold
* ``not_owner``            the payment method is in another customer's profile
* ``insufficient_funds``   a gift card or certificate holds less than it is to pay
* ``wrong_amount``         the payment amounts do not sum to the price
* ``bad_payment_method``   a certificate cannot settle a change
* ``already_cancelled``    a cancelled reservation cannot be cancelled again or changed
* ``unknown_rule``, ``bad_facts``  from ``decline_request``: not a rule that declines, not its facts

Beside these, ``bad_arguments`` from the check of types, and ``unavailable`` where a world lacks a counter
or the task lets a tool's first calls fail.
"""

# ruff: noqa: D417 -- a docstring is what the agent is told, and the world is not its argument.

from simenv.core.acts import record_decline, record_transfer
from simenv.core.tools import tool
from simenv.core.world import World
from simenv.domains.airline import reads, writes
from simenv.domains.airline.policy import RULES
from simenv.domains.airline.records import reservation_row

_RULES = {rule.id: rule for rule in RULES}


@tool(effect="act")
def decline_request(world: World, reservation_id: str, rule_id: str, facts: dict[str, str | int]) -> str:
    """Record that what the customer wants for a reservation is declined because a rule forbids it.

    Args:
        reservation_id: The reservation's id, such as "8JX2WO".
        rule_id: The id of the rule, as the policy writes it in brackets.
        facts: The facts that the policy names for the rule, each with its value as the tools returned it.
    """
    reservation_row(world, reservation_id)
    return record_decline(world, _RULES, subject=reservation_id, rule_id=rule_id, facts=facts)


@tool(effect="act", ends=True)
def transfer_to_human_agents(world: World, summary: str) -> str:
    """Hand the customer over to a human, which ends the conversation.

    Args:
        summary: What the customer wants, and why a human is needed.
    """
    return record_transfer(world, summary)


TOOLS = (
    reads.get_user_details,
    reads.get_reservation_details,
    reads.get_flight_status,
    reads.list_all_airports,
    reads.search_direct_flight,
    reads.search_onestop_flight,
    reads.calculate,
    writes.book_reservation,
    writes.update_reservation_flights,
    writes.update_reservation_baggages,
    writes.update_reservation_passengers,
    writes.cancel_reservation,
    writes.send_certificate,
    decline_request,
    transfer_to_human_agents,
)
