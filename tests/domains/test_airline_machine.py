"""Any sequence of calls, sensible or not, keeps the airline's seats, money and rows in order."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simenv.core.canonical import canonical
from simenv.core.errors import ToolError
from simenv.core.world import State, World
from simenv.domains.airline.breaches import breaches
from simenv.domains.airline.policy import RULES
from simenv.domains.airline.schema import CABINS
from tests.domains.airline_world import BY_NAME, IMAGE, METHODS, RESERVATIONS, USERS, VALUES, call, dump

TRIPS = (
    ("SFO", "JFK", "one_way", (("SA008", 18),)),
    ("SFO", "JFK", "one_way", (("SA001", 18), ("SA002", 18))),
    ("SFO", "JFK", "one_way", (("SA001", 17), ("SA002", 19))),
    ("SFO", "JFK", "one_way", (("SA005", 16),)),
    ("SFO", "JFK", "one_way", (("SA008", 16),)),
    ("SFO", "JFK", "one_way", (("SA001", 18), ("SA003", 18))),
    ("SFO", "JFK", "round_trip", (("SA008", 17), ("SA004", 19))),
    ("SFO", "JFK", "round_trip", (("SA008", 17), ("SA004", 18))),
    ("SFO", "JFK", "round_trip", (("SA001", 17), ("SA002", 17), ("SA004", 19))),
    ("SFO", "DEN", "round_trip", (("SA001", 14), ("SA007", 19))),
    ("SFO", "DEN", "round_trip", (("SA005", 17), ("SA006", 18), ("SA007", 18))),
    ("SFO", "DEN", "one_way", (("SA001", 20),)),
    ("JFK", "SFO", "one_way", (("SA004", 18),)),
    ("JFK", "SFO", "one_way", (("SA006", 18), ("SA007", 18))),
    ("JFK", "SFO", "one_way", (("SA006", 18), ("SA007", 18), ("SA999", 18))),
)
trips = st.sampled_from(TRIPS)
cabins = st.sampled_from(CABINS)
users = st.sampled_from([*USERS, *USERS, "nobody"])
people = st.lists(
    st.fixed_dictionaries(
        {
            "first_name": st.sampled_from(["Pat1", "Pat2", "Mia", ""]),
            "last_name": st.sampled_from(["Doe", "Li"]),
            "dob": st.sampled_from(["1990-01-01", "1990-01-02", "1990-02-30"]),
        }
    ),
    max_size=5,
)
counts = st.sampled_from([1, 1, 2, 3])
bag_pairs = st.sampled_from([(0, 0), (1, 0), (2, 1), (3, 0), (3, 3), (1, 2), (1, -1), (21, 0)])
cents = st.sampled_from([-500_00, -1, 0, 1, 50_00, 99_99, 10**9])
picks = st.integers(0, 30)
READS = sorted(name for name, each in BY_NAME.items() if each.effect == "read")


def listed(trip: tuple[tuple[str, int], ...]) -> list[dict[str, str]]:
    return [{"flight_number": number, "date": f"2024-05-{day}"} for number, day in trip]


class AirlineMachine(RuleBasedStateMachine):
    """Plays one world and keeps its own books of what money must be where."""

    world: World

    @initialize()
    def open_world(self) -> None:
        self.world = WORLD
        self.world.play(State())
        self.owed = {payment_id: self.worth(payment_id) for payment_id in self.payment_ids()}
        self.fees = {key: 0 for key, each in RESERVATIONS.items() if each.get("status")}

    def one(self, sql: str, *values: Any) -> int:
        found: Any = self.world.row(sql, *values)
        return int(found[0] or 0) if found else 0

    def payment_ids(self) -> list[str]:
        found = self.world.rows(
            "SELECT payment_id FROM payment_methods WHERE source <> 'credit_card' UNION "
            "SELECT payment_id FROM payments WHERE payment_id NOT LIKE 'credit%' ORDER BY 1"
        )
        return [str(payment_id) for (payment_id,) in found]

    def worth(self, payment_id: str) -> int:
        """Return what a gift card or certificate holds and what it has paid, together."""
        paid = self.one("SELECT sum(amount_cents) FROM payments WHERE payment_id = ?", payment_id)
        return self.balance(payment_id) + paid

    def balance(self, payment_id: str) -> int:
        return self.one("SELECT balance_cents FROM payment_methods WHERE payment_id = ?", payment_id)

    def world_methods(self) -> list[str]:
        found = self.world.rows("SELECT payment_id FROM payment_methods ORDER BY payment_id")
        return [str(payment_id) for (payment_id,) in found]

    def try_call(self, name: str, **arguments: Any) -> Any:
        """Run a call and check the laws that hold for every call; None if it was refused."""
        before, rows = self.world.state.copy(), dump(self.world)
        refusal, result = "", None
        try:
            checked = BY_NAME[name].check(arguments)
            assert set(breaches(self.world, name, checked, {})) <= AGENT_RULES
            result = call(self.world, name, **arguments)
        except ToolError as error:
            refusal = f"{error.code}: {error}"
        if refusal:
            assert self.world.state == before, f"{name} was refused ({refusal}) and left a trace"
            assert dump(self.world) == rows, f"{name} was refused ({refusal}) and wrote"
            return None
        canonical(result)
        if BY_NAME[name].effect == "read":
            assert self.world.state == before, f"{name} reads and changed the state"
            assert dump(self.world) == rows, f"{name} reads and wrote"
        else:
            assert self.world.state.row_hash != before.row_hash, f"{name} succeeded and changed nothing"
        return result

    def reservation_id(self, pick: int) -> str:
        found = self.world.rows("SELECT reservation_id FROM reservations ORDER BY reservation_id")
        known = [str(each) for (each,) in found]
        return [*known, "ZZZZZZ"][pick % (len(known) + 1)]

    def card(self, reservation_id: str, pick: int) -> str:
        """Return a payment method, mostly one of the reservation's owner."""
        owner = self.world.row("SELECT user_id FROM reservations WHERE reservation_id = ?", reservation_id)
        found = self.world.rows(
            "SELECT payment_id FROM payment_methods WHERE user_id = ? ORDER BY payment_id", *(owner or ("",))
        )
        known = [str(each) for (each,) in found]
        return [*known, *known, str(METHODS[pick % len(METHODS)][0]), "none"][pick % (2 * len(known) + 2)]

    def price(self, trip: list[dict[str, str]], cabin: str, count: int, insurance: str, nonfree: int) -> int:
        sql = "SELECT price_cents FROM fares WHERE flight_number = ? AND date = ? AND cabin = ?"
        price = sum(self.one(sql, each["flight_number"], each["date"], cabin) for each in trip) * count
        insured = VALUES["insurance_fee_cents"] * count if insurance == "yes" else 0
        return price + insured + VALUES["bag_fee_cents"] * nonfree

    def split(self, user_id: str, total: int, pick: int) -> list[dict[str, Any]]:
        """Pay a total from some of the customer's methods, cards with a balance first."""
        found: list[Any] = self.world.rows(
            "SELECT payment_id, balance_cents FROM payment_methods WHERE user_id = ? "
            "ORDER BY balance_cents IS NULL, payment_id",
            user_id,
        )
        parts = []
        for at, (payment_id, balance) in enumerate(found):
            amount = total if balance is None else min(balance, total)
            if amount > 0 and (balance is None or pick >> at & 1):
                parts.append({"payment_id": payment_id, "amount": Decimal(amount) / 100})
                total -= amount
        return parts

    @rule(
        user_id=users,
        payer=st.sampled_from([None, None, None, *USERS]),
        trip=trips,
        cabin=cabins,
        count=counts,
        insurance=st.sampled_from(["yes", "no"]),
        bags=bag_pairs,
        pick=picks,
        wrong=st.sampled_from([0, 0, 0, 0, 0, 1, -100]),
    )
    def book(
        self,
        user_id: str,
        payer: str | None,
        trip: Any,
        cabin: str,
        count: int,
        insurance: str,
        bags: tuple[int, int],
        pick: int,
        wrong: int,
    ) -> None:
        origin, destination, flight_type, flights = trip
        price = self.price(listed(flights), cabin, count, insurance, bags[1]) + wrong
        parts = self.split(payer or user_id, price, pick)
        balances = {each["payment_id"]: self.balance(each["payment_id"]) for each in parts}
        found = self.try_call(
            "book_reservation",
            user_id=user_id,
            origin=origin,
            destination=destination,
            flight_type=flight_type,
            cabin=cabin,
            flights=listed(flights),
            passengers=[
                {"first_name": f"P{at}", "last_name": "Doe", "dob": "1990-01-01"} for at in range(count)
            ],
            payment_methods=parts,
            total_baggages=bags[0],
            nonfree_baggages=bags[1],
            insurance=insurance,
        )
        if found is None:
            return
        assert not wrong, "a wrong amount was accepted"
        assert payer in (None, user_id), "someone else has paid"
        for part in parts:
            if part["payment_id"].startswith("certificate"):  # what it is worth beyond its part is lost
                self.owed[part["payment_id"]] -= balances[part["payment_id"]] - int(part["amount"] * 100)
                assert part["payment_id"] not in self.world_methods(), "a used certificate remains"

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        key = self.reservation_id(pick)
        count = self.one("SELECT count(*) FROM passengers WHERE reservation_id = ?", key)
        paid = self.one("SELECT sum(amount_cents) FROM payments WHERE reservation_id = ?", key)
        if self.try_call("cancel_reservation", reservation_id=key) is not None:
            assert key not in self.fees, "a reservation was cancelled twice"
            self.fees[key] = min(paid, count * VALUES["cancel_fee_cents"])

    @rule(pick=picks, trip=picks, cabin=cabins, card=picks, fitting=st.booleans())
    def change(self, pick: int, trip: int, cabin: str, card: int, fitting: bool) -> None:
        key = self.reservation_id(pick)
        asked = self.world.row(
            "SELECT origin, destination, flight_type FROM reservations WHERE reservation_id = ?", key
        )
        among = [each for each in TRIPS if not fitting or each[:3] == asked] or TRIPS
        self.change_to(key, cabin, listed(among[trip % len(among)][3]), card)

    @rule(pick=picks, cabin=cabins, card=picks)
    def change_cabin(self, pick: int, cabin: str, card: int) -> None:
        key = self.reservation_id(pick)
        found = self.world.rows(
            "SELECT flight_number, date FROM segments WHERE reservation_id = ? ORDER BY seq", key
        )
        trip = [{"flight_number": str(number), "date": str(date)} for number, date in found]
        self.change_to(key, cabin, trip, card)

    def change_to(self, key: str, cabin: str, trip: list[dict[str, str]], card: int) -> None:
        found = self.try_call(
            "update_reservation_flights",
            reservation_id=key,
            cabin=cabin,
            flights=trip,
            payment_id=self.card(key, card),
        )
        if found is not None:
            assert key not in self.fees, "a cancelled reservation was changed"
            shown = [
                {"flight_number": each["flight_number"], "date": each["date"]} for each in found["flights"]
            ]
            assert (found["cabin"], shown) == (cabin, trip)

    @rule(pick=picks, more=bag_pairs, card=picks)
    def add_bags(self, pick: int, more: tuple[int, int], card: int) -> None:
        key = self.reservation_id(pick)
        sql = "SELECT total_baggages, nonfree_baggages FROM reservations WHERE reservation_id = ?"
        total, nonfree = self.world.row(sql, key) or (0, 0)
        self.try_call(
            "update_reservation_baggages",
            reservation_id=key,
            total_baggages=int(total or 0) + more[0],
            nonfree_baggages=int(nonfree or 0) + more[1],
            payment_id=self.card(key, card),
        )

    @rule(pick=picks, passengers=people)
    def edit_passengers(self, pick: int, passengers: list[dict[str, str]]) -> None:
        key = self.reservation_id(pick)
        self.try_call("update_reservation_passengers", reservation_id=key, passengers=passengers)

    @rule(user_id=users, amount=cents)
    def compensate(self, user_id: str, amount: int) -> None:
        text = self.try_call("send_certificate", user_id=user_id, amount=Decimal(amount) / 100)
        if text is not None:
            assert amount > 0, "a certificate that is worth nothing was sent"
            self.owed[text.split()[1]] = amount

    @rule(pick=picks, rule_id=st.sampled_from([each.id for each in RULES]), complete=st.booleans())
    def decline(self, pick: int, rule_id: str, complete: bool) -> None:
        facts = next(each.facts for each in RULES if each.id == rule_id)
        self.try_call(
            "decline_request",
            reservation_id=self.reservation_id(pick),
            rule_id=rule_id,
            facts=dict.fromkeys(facts if complete else facts[1:], "x"),
        )

    @rule(summary=st.text("ab ", max_size=5))
    def transfer(self, summary: str) -> None:
        assert self.try_call("transfer_to_human_agents", summary=summary) == "Transfer successful"

    @rule(name=st.sampled_from(READS), pick=picks, user_id=users, trip=trips, day=st.integers(10, 25))
    def read(self, name: str, pick: int, user_id: str, trip: Any, day: int) -> None:
        at = {
            "user_id": user_id,
            "reservation_id": self.reservation_id(pick),
            "flight_number": trip[3][0][0],
            "origin": trip[0],
            "destination": trip[1],
            "date": f"2024-05-{day}",
            "expression": f"{pick} / {day - 10} * (1 + {day})",
        }
        self.try_call(name, **{argument: at[argument] for argument in BY_NAME[name].parameters})

    @rule(name=st.sampled_from(sorted(BY_NAME)), junk=st.sampled_from([None, {}, {"x": 1}, [], "cancel"]))
    def talk_nonsense(self, name: str, junk: Any) -> None:
        before = self.world.state.copy()
        if name == "list_all_airports" and junk == {}:
            return
        with pytest.raises(ToolError) as refused:
            BY_NAME[name].check(junk)
        assert refused.value.code == "bad_arguments"
        assert self.world.state == before

    @precondition(lambda self: self.world.state.net)
    @rule()
    def lend_the_world_and_come_back(self) -> None:
        mine, rows = self.world.state, dump(self.world)
        self.world.play(State.from_json(State().to_json()))
        assert dump(self.world) == AT_REST
        call(self.world, "send_certificate", user_id="bob_ray_1002", amount=1)
        self.world.play(State.from_json(mine.to_json()))
        assert self.world.state == mine
        assert dump(self.world) == rows

    @invariant()
    def seats_are_conserved(self) -> None:
        """Every seat that is gone from a flight is held by a passenger of a live reservation."""
        found = self.world.rows(
            "SELECT f.flight_number, f.date, f.cabin, f.seats_total - f.seats_left, (SELECT count(*) "
            "FROM segments s JOIN reservations r ON r.reservation_id = s.reservation_id "
            "JOIN passengers p ON p.reservation_id = s.reservation_id WHERE r.status IS NULL "
            "AND r.cabin = f.cabin AND s.flight_number = f.flight_number AND s.date = f.date), f.seats_left "
            "FROM fares f ORDER BY f.flight_number, f.date, f.cabin"
        )
        assert [row for row in found if row[3] != row[4]] == [], "taken seats are not held by anyone"
        assert [row for row in found if int(row[5] or 0) < 0] == [], "a flight is overbooked"

    @invariant()
    def no_money_appears_or_is_lost(self) -> None:
        if not hasattr(self, "owed"):
            return
        assert {each: self.worth(each) for each in self.payment_ids()} == self.owed
        assert self.one("SELECT count(*) FROM payment_methods WHERE balance_cents < 0") == 0

    @invariant()
    def every_reservation_is_paid_exactly(self) -> None:
        of = "WHERE reservation_id = r.reservation_id"
        found: list[Any] = self.world.rows(
            f"SELECT reservation_id, (SELECT count(*) FROM passengers {of}), "
            f"(SELECT sum(price_cents) FROM segments {of}), nonfree_baggages, insurance, "
            f"(SELECT sum(amount_cents) FROM payments {of}), status FROM reservations r ORDER BY 1"
        )
        for key, count, price, nonfree, insurance, paid, status in found:
            insured = VALUES["insurance_fee_cents"] * count if insurance == "yes" else 0
            due = price * count + insured + VALUES["bag_fee_cents"] * nonfree
            assert paid == (self.fees[key] if status == "cancelled" else due), f"{key} is not paid exactly"
            assert (status == "cancelled") == (key in self.fees)


WORLD = IMAGE.open()
AT_REST = dump(WORLD)
AGENT_RULES = {each.id for each in RULES if each.enforced_by == "agent"}

TestAirlineMachine = AirlineMachine.TestCase
TestAirlineMachine.settings = settings(max_examples=60, stateful_step_count=25)
