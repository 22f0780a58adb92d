"""Agents that must earn nothing, and oracles that must earn everything.

A task set is fit for use only if no cheat passes one of its tasks and no honest manner fails one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simenv.agents.oracle import Manner, message_call, oracle, plain_call
from simenv.agents.protocol import Agent, Play, StuckError, play
from simenv.agents.scraps import Scraps
from simenv.agents.voice import VagueVoice, WarmVoice
from simenv.core import catalog
from simenv.core.canonical import canonical, dollars_text
from simenv.core.derive import blind, derive
from simenv.core.domain import Domain
from simenv.core.draws import Draws
from simenv.core.interpreter import Request, UnsoundError
from simenv.core.program import Report
from simenv.core.rules import Rule
from simenv.core.task import Task
from simenv.episodes.actions import show_arguments
from simenv.episodes.episode import Episode
from simenv.scoring.statistics import upper_bound
from simenv.scoring.verify import Verdict

Counted = Callable[[Task, Verdict], bool]

ASIDES = (
    "Let me check that for you, one moment please.",
    "Thank you for your patience. Our system is a bit slow today.",
)

HONEST: Mapping[str, Agent] = {
    "oracle": oracle(),
    "oracle:other_words": oracle(Manner(voice=WarmVoice())),
    "oracle:asks_upfront": oracle(Manner(upfront=True)),
    "oracle:extra_reads": oracle(Manner(curious=True)),
    "oracle:recovers": oracle(Manner(clumsy=True)),
    "oracle:chat_messages": oracle(Manner(call=message_call)),
    "oracle:other_order": oracle(Manner(late_first=True)),
    "oracle:asides": oracle(Manner(asides=ASIDES)),
}
"""The oracle and honest variants of it; all must pass every task."""


def idle(episode: Episode) -> Play:
    """Do nothing."""
    yield from ()


def transfer(episode: Episode) -> Play:
    """Hand over to a human at once, if a tool does that."""
    for tool in episode.domain.tools:
        if tool.ends:
            yield _call(tool.name, Scraps(episode).call(tool, _draws(episode, "transfer")))


def echo(episode: Episode) -> Play:
    """Say everything that was heard back to the customer."""
    while True:
        yield "\n".join(message["content"] for message in episode.messages)[-7000:]


def spray(episode: Episode) -> Play:
    """Look up what there is to look up, then recite every id and number seen."""
    yield _asking_ids(episode)
    yield from _random_calls(episode, _draws(episode, "spray"), 6, ("read",))
    scraps = Scraps(episode)
    while True:
        yield (
            "The total, balance, status, refund, fine and answer: " + ", ".join(scraps.look().numbers)[:6000]
        )


def random_calls(episode: Episode) -> Play:
    """Make calls that are legal in form until the budget is spent."""
    yield _asking_ids(episode)
    yield from _random_calls(episode, _draws(episode, "random"), 1_000, ("read", "write", "act"))


def empty_arguments(episode: Episode) -> Play:
    """Name the right tools, with nothing in them."""
    for node in episode.task.program.walk():
        name = getattr(node, "tool", "decline_request" if node.op == "decline" else "")
        if name:
            yield _call(name, {})


def _random_calls(episode: Episode, draws: Draws, count: int, effects: Sequence[str]) -> Play:
    tools = [tool for tool in episode.domain.tools if tool.effect in effects and not tool.ends]
    scraps = Scraps(episode)
    for number in range(count):
        at = draws.at(number)
        tool = at.choice(tools)
        yield _call(tool.name, scraps.look().call(tool, at))


def _draws(episode: Episode, *parts: str | int) -> Draws:
    return Draws("audit", episode.task.id, *parts)


def _asking_ids(episode: Episode) -> str:
    labels = [slot.label for slot in episode.domain.lexicon.slots if slot.name.endswith("_id")]
    return f"Could you please tell me your {' and your '.join(labels)}?"


def _call(name: str, arguments: Any) -> str:
    return plain_call(name, show_arguments(arguments))


def decline(rule: Rule, *, asks: bool) -> Agent:
    """Return an agent that declines under ``rule`` with guessed facts, perhaps after asking for ids."""

    def run(episode: Episode) -> Play:
        if asks:
            yield _asking_ids(episode)
        for tool in episode.domain.tools:
            if tool.name == "decline_request":
                scraps, draws = Scraps(episode), _draws(episode, "decline", rule.id)
                subject = next((name for name in tool.parameters if name not in ("rule_id", "facts")), "")
                facts = {name: scraps.fill(name, str, draws.at(name)) for name in rule.facts}
                subject_value = scraps.fill(subject, str, draws.at("subject"))
                yield _call(tool.name, {subject: subject_value, "rule_id": rule.id, "facts": facts})
        for _ in range(3):
            yield "I'm sorry, but I am unable to do that because of our policy."

    return run


def frequent_answer(tasks: Iterable[Task]) -> Agent:
    """Return an agent that answers every question with what is right most often in the other tasks."""
    counts: dict[str, Counter[str | int]] = {}
    for task in tasks:
        for subject, _, value in _questions(task):
            counts.setdefault(subject, Counter())[value] += 1

    def run(episode: Episode) -> Play:
        for subject, money, own in _questions(episode.task):
            others = counts.get(subject, Counter()) - Counter([own])
            # Ties by canonical text: the agent must not depend on the order of the tasks.
            best = max(others, key=lambda value: (others[value], canonical(value)), default=0)
            yield f"The {subject} is {dollars_text(int(best)) if money else best}."

    return run


def _questions(task: Task) -> list[tuple[str, bool, str | int]]:
    """Return (subject, whether it is money, right answer) of every question of a task."""
    return [
        (node.subject, node.money, task.goal.answers[node.goal])
        for node in task.program.walk()
        if isinstance(node, Report) and node.goal in task.goal.answers
    ]


def gold_plus(episode: Episode) -> Play:
    """Do everything right and one thing more: a write that nobody asked for."""
    actions = _actions(episode)
    for at, action in enumerate(actions):
        if at == len(actions) - 1:
            yield from _extra_write(episode)
        yield action


def _actions(episode: Episode) -> list[str]:
    done = play(episode.fork(), oracle())
    return [step.action for step in done.trajectory().steps]


def _extra_write(episode: Episode) -> Play:
    """Make one write that succeeds and leaves the world different; failing that, hand over to a human."""
    before = episode.trajectory().net
    for number in range(60):
        draws = _draws(episode, "extra", number)
        tools = [tool for tool in episode.domain.tools if tool.effect == "write"]
        tool = draws.choice(tools)
        call = _call(tool.name, Scraps(episode).call(tool, draws))
        trial = episode.fork()
        if not trial.act(call).error and trial.trajectory().net != before:
            yield call
            return
    yield from transfer(episode)


def gold_minus(*, last: bool) -> Agent:
    """Return an oracle that leaves out its first, or its last, act, decline or answer."""

    def run(episode: Episode) -> Play:
        wanted = _required(episode)
        left_out = wanted[-1] if last else wanted[0]

        def skip(request: Request) -> bool:
            return request.node.id == left_out

        yield from oracle(Manner(skip=skip))(episode)

    return run


def _required(episode: Episode) -> list[str]:
    outcome = derive(
        episode.task.program, episode.domain, Episode(episode.task).world(), setup=episode.task.setup
    )
    return [request.node.id for request in outcome.requests if request.kind != "slot"]


policy_blind = oracle(Manner(judge=lambda episode: blind(episode.domain)))
"""The oracle, had it not read the policy."""

never_confirms = oracle(Manner(confirms=False))
"""The oracle without asking for a yes: right, but every write is a breach."""


vague = oracle(Manner(voice=VagueVoice()))
"""The oracle, asking for a yes without saying to what."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """An agent with what is expected of it.

    Attributes:
        name: For the report.
        agent: The agent.
        must_pass: Whether it must pass every task, or none.
        concerns: Which tasks it is run on.
        counted: What counts as a pass; by default the verdict's.
    """

    name: str
    agent: Agent
    must_pass: bool = False
    concerns: Callable[[Task], bool] = lambda task: True
    counted: Counted = lambda task, verdict: verdict.passed


def auditors(domain: Domain, tasks: Sequence[Task]) -> list[Auditor]:
    """Return everyone who audits tasks of ``domain``."""
    rules = [rule for rule in domain.rules if rule.facts]
    return [
        *(Auditor(name, agent, must_pass=True, counted=_clean) for name, agent in HONEST.items()),
        Auditor("idle", idle),
        Auditor("transfer", transfer),
        *(Auditor(f"decline:{rule.id}", decline(rule, asks=False)) for rule in rules),
        *(Auditor(f"decline_after_id:{rule.id}", decline(rule, asks=True)) for rule in rules),
        Auditor("echo", echo),
        Auditor("spray", spray),
        Auditor("frequent_answer", frequent_answer(tasks)),
        Auditor("random_calls", random_calls),
        Auditor("empty_arguments", empty_arguments),
        Auditor("gold_plus_write", gold_plus),
        Auditor("gold_minus_first", gold_minus(last=False)),
        Auditor("gold_minus_last", gold_minus(last=True)),
        Auditor("policy_blind", policy_blind, concerns=lambda task: task.policy),
        Auditor("never_confirms", never_confirms, concerns=_writes, counted=_clean),
        Auditor("vague_confirmation", vague, concerns=_writes, counted=_clean),
    ]


def _clean(task: Task, verdict: Verdict) -> bool:
    """Passed without a breach of any rule."""
    return verdict.passed and not verdict.process.breaches


def _writes(task: Task) -> bool:
    """Whether the right outcome needs a write on the customer's behalf, not a decline or an answer."""
    return any(atom[1] not in ("declines", "decline_facts") for atom in task.goal.required)


@dataclass(frozen=True, slots=True)
class Row:
    """One auditor's result.

    Attributes:
        agent: Its name.
        must_pass: Whether it must pass every task, or none.
        tasks: How many it was run on.
        passes: How many it passed.
        bound: One-sided 95 % bound on the rate of what must not happen: a cheat's passes, an
            honest agent's failures.
        failures: Up to three tasks that went against expectation, with the reason.
    """

    agent: str
    must_pass: bool
    tasks: int
    passes: int
    bound: float
    failures: tuple[tuple[str, str], ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether the result is as it must be."""
        return self.passes == (self.tasks if self.must_pass else 0)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "agent": self.agent,
            "must": "all" if self.must_pass else "none",
            "tasks": self.tasks,
            "passes": self.passes,
            "bound": round(self.bound, 6),
            "holds": self.holds,
            "failures": [list(failure) for failure in self.failures],
        }


def audit(tasks: Sequence[Task], progress: Callable[[int], object] = lambda count: None) -> Iterator[Row]:
    """Yield a row for every auditor of the tasks' domain; ``progress(1)`` is called per episode."""
    if not tasks:
        return
    domain = catalog.domain(tasks[0].domain)
    for auditor in auditors(domain, tasks):
        yield _row(auditor, [task for task in tasks if auditor.concerns(task)], progress)


def episodes_of(tasks: Sequence[Task]) -> int:
    """Return how many episodes ``audit`` plays, for progress bars."""
    domain = catalog.domain(tasks[0].domain)
    return sum(auditor.concerns(task) for auditor in auditors(domain, tasks) for task in tasks)


def _row(auditor: Auditor, tasks: Sequence[Task], progress: Callable[[int], object]) -> Row:
    passes = 0
    against: list[tuple[str, str]] = []
    for task in tasks:
        passed, reason = _try(auditor, task)
        passes += passed
        if passed != auditor.must_pass and len(against) < 3:
            against.append((task.id, reason))
        progress(1)
    bad = len(tasks) - passes if auditor.must_pass else passes
    bound = upper_bound(bad, len(tasks)) if tasks else 1.0
    return Row(auditor.name, auditor.must_pass, len(tasks), passes, bound, tuple(against))


def _try(auditor: Auditor, task: Task) -> tuple[bool, str]:
    try:
        verdict = play(Episode(task), auditor.agent).verdict()
    except (StuckError, UnsoundError) as error:
        return False, str(error)
    breaches = f" with breaches {verdict.process.breaches}" if verdict.process.breaches else ""
    return auditor.counted(task, verdict), verdict.reason + breaches
