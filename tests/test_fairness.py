"""Laws of fairness: an honest agent that thinks aloud loses nothing, and every real end still ends."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core import catalog
from simenv.core.pack import Pack
from simenv.core.task import Question, Task
from simenv.domains.airline.lexicon import LEXICON
from simenv.episodes import pool
from simenv.episodes.episode import Episode
from simenv.episodes.select import pack_of
from simenv.users.mentions import mentions
from simenv.users.proposals import answer_values
from simenv.users.stance import promise_end

DATA = Path(__file__).with_name("data")
ASIDES = DATA.joinpath("asides.txt").read_text(encoding="utf-8").splitlines()
"""What an honest agent may say at any time: nothing is settled, agreed to or over because of it."""
CLAIMS = json.loads(DATA.joinpath("claims.json").read_text(encoding="utf-8"))
"""What settles a wish, by the intent of the task: refusals, and reports of what was agreed to."""
MORE = "Is there anything else I can help you with?"
REFUND = Question(kind="money", about=["refund", "refunded", "back"])
TOTAL = Question(kind="money", about=["total", "sum", "altogether", "combined", "together"])
STATUS = Question(kind="status", about=["status", "flight", "currently"])


def claims(kind: str) -> list[tuple[str, str]]:
    """Return the claims of a kind, each with its intent."""
    return [(intent, line) for intent, said in CLAIMS[kind].items() for line in said]


@cache
def pack() -> Pack:
    """Return the tasks."""
    return pack_of("airline", split="train", tasks=None)


@cache
def by_intent() -> dict[str, list[Task]]:
    """Return simple tasks of every intent; cancellations that are refused, by the reason as well."""
    found: dict[str, list[Task]] = defaultdict(list)
    generator, address = catalog.generator("airline"), ("airline", "train", 0, 0)
    world = pool.image("airline", address, "S")
    for intent in generator.intents:
        for number in range(12):
            task = generator.propose(world, intent, (*address, "fair", intent, number), "S")
            if task is not None:
                found[intent].append(task)
    for task in found["cancel_denied"]:
        (rule,) = [atom[2][1] for atom in task.goal.required if atom[:2] == ["came", "declines"]]
        found[f"cancel_denied_{rule.removeprefix('cancel_')}"].append(task)
    return found


@cache
def by_operator() -> dict[str, list[Task]]:
    """Return tasks that grew by every operator."""
    found: dict[str, list[Task]] = defaultdict(list)
    for at, line in enumerate(pack().lines[:400]):
        for name in dict.fromkeys(line["certificate"]["lineage"]):
            found[name].append(pack().at(at))
    return found


@cache
def together() -> list[Task]:
    """Return tasks that name two deeds at once, to give bags and to correct a name."""
    both = ["update_reservation_baggages", "update_reservation_passengers"]
    tasks = [pack().at(at) for at in range(len(pack()))]
    two = [task for task in tasks if task.card.told == len(task.card.wishes) == 2]
    named = [task for task in two if sorted(tool for w in task.card.wishes for tool in w.tools) == both]
    return [task for task in named if not any("declines" in atom for atom in task.goal.required)]


_ACTS: dict[str, list[str]] = {}


def acts(task: Task) -> list[str]:
    """Return what the oracle does."""
    if task.id not in _ACTS:
        steps = play(Episode(task), oracle()).trajectory().steps
        _ACTS[task.id] = [step.action for step in steps]
    return _ACTS[task.id]


def interrupted(task: Task) -> Iterator[tuple[Episode, list[str]]]:
    """Yield the oracle's run before each of its acts, with the acts that are left."""
    episode, done = Episode(task), acts(task)
    for at, act in enumerate(done):
        yield episode.fork(), done[at:]
        episode.act(act)


@pytest.mark.parametrize("aside", ASIDES)
def test_an_aside_settles_nothing_and_costs_nothing(aside: str) -> None:
    """Whenever it is said, and the oracle's work goes on by hand afterwards."""
    number = ASIDES.index(aside)
    simple, grown = sorted(by_intent().items()), sorted(by_operator().items())
    for kind, tasks in (*simple[number % 2 :: 2], *grown[number % 8 :: 8]):
        for episode, left in interrupted(tasks[0]):
            before = episode.talk
            step = episode.act(aside)
            place = f"{kind}: {step.observation}"
            assert not step.terminated, place
            assert episode.talk.settled == before.settled, place
            assert episode.talk.agreed == before.agreed, place
            for act in left:
                if not episode.done:
                    episode.act(act)
            while not episode.done:
                episode.act(MORE)
            assert episode.verdict().passed, place


@pytest.mark.parametrize("kind", sorted({**by_intent(), **by_operator()}))
def test_the_customer_of_an_oracle_leaves_because_all_is_settled(kind: str) -> None:
    for task in ({**by_intent(), **by_operator()})[kind][:12]:
        episode = play(Episode(task), oracle())
        assert episode.verdict().passed
        assert episode.trajectory().why == "settled", task.id


@pytest.mark.parametrize(("intent", "refusal"), claims("refusals"))
def test_a_refusal_in_any_words_is_heard(intent: str, refusal: str) -> None:
    for task in by_intent()[intent][:3]:
        episode = Episode(task)
        for _ in range(task.card.insists + 1):
            assert not episode.done
            episode.act(refusal)
        assert episode.trajectory().why == "settled"


@pytest.mark.parametrize(("intent", "report"), claims("reports"))
def test_a_report_in_any_words_is_heard(intent: str, report: str) -> None:
    for task in by_intent()[intent][:3]:
        episode = Episode(task)
        for act in acts(task)[:-1]:
            episode.act(act)
        for said in (report, MORE):
            if not episode.done:
                episode.act(said)
        assert episode.trajectory().why == "settled"
        assert episode.verdict().passed


@pytest.mark.parametrize(
    "message", ["Are you sure?", "Shall I go ahead?", "I'll confirm once it is done.", "Is that okay?"]
)
def test_a_yes_without_a_proposal_agrees_to_nothing(message: str) -> None:
    for tasks in (*by_intent().values(), *by_operator().values()):
        episode = Episode(tasks[0])
        episode.act(message)
        assert episode.talk.agreed == ()


def test_a_proposal_may_mention_what_another_wish_is_about() -> None:
    assert together()
    for task in together():
        names = next(w.goal for w in task.card.wishes if "update_reservation_passengers" in w.tools)
        proposal = next(act for act in acts(task) if act.startswith("I am going to correct"))
        episode = Episode(task)
        episode.act(proposal.replace("Shall", "The fare includes 1 free checked bag.\nShall"))
        assert episode.talk.agreed == (names,)


def test_of_two_deeds_that_were_agreed_to_the_first_alone_may_be_done() -> None:
    task = together()[0]
    episode = Episode(task)
    for act in acts(task):
        if act.startswith("I am going to"):
            episode.act(act)
    assert len(episode.talk.agreed) == 2
    for message in ("I have made the first change.", "The first one is done."):
        fork = episode.fork()
        fork.act(message)
        assert fork.talk.settled == ()
    episode.act("Both changes have been made.")
    assert episode.done


def values(question: Question, message: str) -> list[str | int]:
    """Return the values that answer a question."""
    return answer_values(question, message, mentions(message, LEXICON), alone=True)[0]


@pytest.mark.parametrize(
    "message",
    [
        "Your total refund: $8,107.25 - $59.00 = $8,048.25.",
        "Your total refund would be $8,107.25 minus $59.00, which is $8,048.25.",
        "You paid $8,107.25. The cancellation fee is $59.00. Your total refund would be $8,048.25.",
        "You would get back $8,048.25 in total, after a $59.00 fee.",
        "After deducting the $59 fee you would get $8,048.25 back.",
        "You'd get $8,048.25 back: $8,107.25 paid, less the $59.00 cancellation fee.",
        "The refund is the amount paid ($8,107.25) less the fee ($59.00): $8,048.25",
        "- Amount paid: $8,107.25\n- Cancellation fee: -$59.00\n- **Refund: $8,048.25**",
        "| Paid | Fee | Refund |\n|---|---|---|\n| $8,107.25 | $59.00 | $8,048.25 |",
        "| Item | Amount |\n|---|---|\n| Paid | $8,107.25 |\n| Fee | $59.00 |\n| Refund | $8,048.25 |",
        "The refund would be $8,048.25 ($8,107.25 minus the $59.00 fee).",
        "Your refund will be $8,048.25, i.e. the $8,107.25 you paid minus a fee of $59.00.",
        "The refund after the fee is $8,048.25.",
        "It's $8,048.25.",
    ],
)
def test_of_a_sum_that_is_worked_out_the_result_is_the_answer(message: str) -> None:
    assert values(REFUND, message) == [804825]


@pytest.mark.parametrize(
    "message",
    [
        "The total of $100, $50 and $20 is $170.",
        "$100.00 + $50.00 + $20.00 = $170.00 in total.",
        "You have $100, $50 and $20, which adds up to $170 altogether.",
        "In total you have $170.00: $100.00 on one, $50.00 and $20.00 on the others.",
        "- $100\n- $50\n- $20\n\n**Total: $170**",
    ],
)
def test_of_amounts_that_are_added_up_the_total_is_the_answer(message: str) -> None:
    assert values(TOTAL, message) == [17000]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (REFUND, "You paid $8,107.25 for this trip. Let me work out the refund."),
        (REFUND, "The fee is $59 per passenger and the rest is refunded."),
        (REFUND, "The fee is $59 per passenger and the rest is refunded. Let me look up what you paid."),
        (REFUND, "Your refund may be about $500? I'll check."),
        (TOTAL, "You have three certificates: $100.00, $50.00 and $20.00. I'll add them up for you now."),
        (STATUS, "Your flight has not been delayed."),
        (STATUS, "Your flight is no longer delayed."),
        (STATUS, "Your flight was never cancelled."),
        (STATUS, "It isn't cancelled or delayed."),
        (STATUS, "I see a flight from Boston that is delayed; is that the one?"),
        (STATUS, "I see that your flight has been cancelled by the airline. Let me check what you are owed."),
    ],
)
def test_what_is_no_answer_is_taken_for_none(question: Question, message: str) -> None:
    assert values(question, message) == []


@pytest.mark.parametrize(
    "message",
    [
        "Your flight isn't cancelled or delayed; it is available.",
        "Its status is 'available', meaning it is neither delayed nor cancelled.",
        "Status: available",
    ],
)
def test_a_status_is_what_is_said_to_hold(message: str) -> None:
    assert values(STATUS, message) == ["available"]


def test_several_answers_stay_several() -> None:
    assert values(REFUND, "Your refund is $440 or $500.") == [44000, 50000]


@pytest.mark.parametrize(
    "message",
    [
        "It is done. Let me know if you need more.",
        "If you have any other requests, list them here and I'll go through them.",
        "I have cancelled it. I'm glad I could help.",
        "",
    ],
)
def test_an_offer_of_more_help_is_no_promise(message: str) -> None:
    assert promise_end(message) == -1
