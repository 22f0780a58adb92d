"""Airline tasks made long: a bundled task about bags, a customer with many reservations who first asks a sum.

World, customer and goal are those of the bundled task; its words are made plain, for what is hard here is
the length. The reservations are those of the world, handed to this customer by the task's setup. What they
cost in total can only be said by whoever has read them all, and the bags only be booked by whoever knows
the profile and a reservation that were read long before.
"""

from collections.abc import Iterator
from typing import Any

from simenv.core.goal import Goal
from simenv.core.pack import bundled
from simenv.core.task import Fact, Question, Task, Wish
from simenv.episodes import pool

SPARE_STEPS = 6
"""Steps beside the calls and words that are needed; so an agent cannot read everything twice."""
_WORDS = 6
_SAYS = "First of all, what did all of my reservations cost in total?"
_FACTS = ("user_id", "payment_method", "name", "date_of_birth")
_ABOUT = ["cost", "total", "paid", "price", "altogether"]


def long_tasks(split: str, calls: int) -> Iterator[Task]:
    """Yield tasks that take ``calls`` tool calls: the profile, every reservation, and one write.

    Args:
        split: Whose bundled tasks are made long.
        calls: How many calls, from 10 on.
    """
    pack = bundled("airline", split)
    for place in range(len(pack)):
        task = pack.at(place)
        if _is_plain(task):
            made = _lengthened(task, calls)
            if made is not None:
                yield made


def _is_plain(task: Task) -> bool:
    """Whether the task is one wish that comes to bags on one reservation, with something to pay."""
    if len(task.card.wishes) != 1 or task.setup or task.faults or task.extras:
        return False
    wish = task.card.wishes[0]
    written = [atom[3] if atom[0] == "set" else atom[1] for atom in task.goal.required]
    kinds = ("count:bags", "reservation_id", "payment_id", "last_four")
    single = all(len(wish.expects.get(kind, ())) == 1 for kind in kinds)
    return single and sorted(written) == ["nonfree_baggages", "payments", "total_baggages"]


def _lengthened(task: Task, calls: int) -> Task | None:
    image = pool.image(task.domain, tuple(task.world), task.size)
    world = image.open()
    wish = task.card.wishes[0]
    at = str(wish.expects["reservation_id"][0])
    rows: list[Any] = world.rows("SELECT * FROM reservations ORDER BY reservation_id")
    owner = next(row[1] for row in rows if row[0] == at)
    own = [row[0] for row in rows if row[1] == owner]
    others = [row for row in rows if row[1] != owner][: calls - 2 - len(own)]
    if len(own) + len(others) != calls - 2:
        return None
    moved = [["reservations", list(row), [row[0], owner, 100 + n, *row[3:]]] for n, row in enumerate(others)]
    ids = [*own, *(row[0] for row in others)]
    paid: list[Any] = world.rows("SELECT reservation_id, amount_cents FROM payments")
    total = sum(cents for reservation_id, cents in paid if reservation_id in ids)
    return _asked_first(task, wish, total, calls, moved)


def _asked_first(task: Task, wish: Wish, total: int, calls: int, setup: list[list[Any]]) -> Task:
    """Return the task with a question before its wish."""
    asks = Wish(goal="g0", says=_SAYS, words=_ABOUT, question=Question(kind="money", about=_ABOUT))
    at, total_bags = wish.expects["reservation_id"][0], wish.expects["count:bags"][0]
    plain = wish.model_copy(update={"says": f"Please make it {total_bags} checked bags in reservation {at}."})
    known = [fact.model_copy(update={"opening": False, "turn": 0}) for fact in task.card.facts]
    facts = [fact for fact in known if fact.slot in _FACTS]
    facts.append(Fact(slot="other", said="I only want to know the amount", goal="g0"))
    card = task.card.model_copy(
        update={
            "opening": f"Hello! {_SAYS}",
            "wishes": [asks, plain],
            "told": 1,
            "facts": facts,
            "insists": 0,
        }
    )
    goal = Goal(required=task.goal.required, allowed=task.goal.allowed, answers={"g0": total})
    budget = calls + _WORDS + SPARE_STEPS
    return task.model_copy(update={"card": card, "goal": goal, "setup": setup, "budget": budget})
