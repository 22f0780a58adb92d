"""Laws of fairness: an honest agent that thinks aloud loses nothing, and every real end still ends."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.pack import Pack
from simenv.core.task import Question, Task
from simenv.domains.airline.lexicon import LEXICON
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
    """Return tasks of every intent."""
    found: dict[str, list[Task]] = defaultdict(list)
    for index in range(150):
        task = pack().at(index)
        found[task.intent].append(task)
    return found


@cache
def acts(task_id: str) -> list[str]:
    """Return what the oracle does."""
    return [step.action for step in play(Episode(pack().find(task_id)), oracle()).trajectory().steps]


def interrupted(task: Task) -> Iterator[tuple[Episode, list[str]]]:
    """Yield the oracle's run before each of its acts, with the acts that are left."""
    episode, done = Episode(task), acts(task.id)
    for at, act in enumerate(done):
        yield episode.fork(), done[at:]
        episode.act(act)


@pytest.mark.parametrize("aside", ASIDES)
def test_an_aside_settles_nothing_and_costs_nothing(aside: str) -> None:
    """Whenever it is said, and the oracle's work goes on by hand afterwards."""
    number = ASIDES.index(aside)
    intents = sorted(by_intent())
    for intent in intents[number % 2 :: 2]:
        task = by_intent()[intent][0]
        for episode, left in interrupted(task):
            before = episode.talk
            step = episode.act(aside)
            place = f"{intent}: {step.observation}"
            assert not step.terminated, place
            assert episode.talk.settled == before.settled, place
            assert episode.talk.agreed == before.agreed, place
            for act in left:
                if not episode.done:
                    episode.act(act)
            while not episode.done:
                episode.act(MORE)
            assert episode.verdict().passed, place


@pytest.mark.parametrize("intent", sorted(by_intent()))
def test_the_customer_of_an_oracle_leaves_because_all_is_settled(intent: str) -> None:
    for task in by_intent()[intent]:
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
        for act in acts(task.id)[:-1]:
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
    for tasks in by_intent().values():
        episode = Episode(tasks[0])
        episode.act(message)
        assert episode.talk.agreed == ()


def test_a_proposal_may_mention_what_another_wish_is_about() -> None:
    tasks = [task for task in by_intent()["two_requests"] if task.card.told == 2]
    assert tasks
    for task in tasks:
        names = next(w.goal for w in task.card.wishes if "update_reservation_passengers" in w.tools)
        proposal = next(act for act in acts(task.id) if act.startswith("I am going to correct"))
        episode = Episode(task)
        episode.act(proposal.replace("Shall", "The fare includes 1 free checked bag.\nShall"))
        assert episode.talk.agreed == (names,)


def test_of_two_deeds_that_were_agreed_to_the_first_alone_may_be_done() -> None:
    task = next(task for task in by_intent()["two_requests"] if task.card.told == 2)
    episode = Episode(task)
    for act in acts(task.id):
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
