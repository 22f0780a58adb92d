"""Obligations that are proved through the public episode: P1 to P3, P13 and the ladder."""

import re
from collections.abc import Callable, Iterator, Sequence

from simenv.agents.audit import decline, idle, transfer
from simenv.agents.ladder import RUNGS, climb, difficulty
from simenv.agents.oracle import plain_call
from simenv.agents.protocol import Agent, Play, earns
from simenv.agents.scraps import Scraps
from simenv.core.derive import needs_policy
from simenv.core.draws import Draws
from simenv.core.growth import Operator
from simenv.episodes.actions import show_arguments
from simenv.episodes.episode import Episode
from simenv.synth.case import Case
from simenv.synth.certificate import Proof, Unproved

_RANDOM_AGENTS = 2
_RANDOM_CALLS = 6
_AMOUNT = re.compile(r"\d+(\.\d\d)?")


def solvable(case: Case) -> Proof:
    """P1: the oracle passes through the public episode, within half the budget, without a breach."""
    episode = case.played
    verdict = episode.verdict()
    steps = len(episode.trajectory().steps)
    if not verdict.passed:
        raise Unproved("P1", "the oracle fails", verdict.reason)
    if verdict.process.breaches:
        raise Unproved("P1", "the oracle breaches a rule", str(verdict.process.breaches))
    if 2 * steps > case.task.budget:
        raise Unproved("P1", "the budget is too tight", f"{steps} steps of {case.task.budget}")
    return Proof(steps, episode.digest[:16])


def _refuses(case: Case) -> Agent:
    """Return an agent that declines at once, under the right rule if a rule forbids anything."""
    rules = {rule.id: rule for rule in case.domain.rules if rule.facts}
    named = [getattr(each.node, "rule", "") for each in case.deeds]
    right = next((rules[name] for name in named if name in rules), next(iter(rules.values())))
    return decline(right, asks=False)


def nothing_for_nothing(case: Case) -> Proof:
    """P2: doing nothing, handing over at once and declining at once earn nothing."""
    return _all_fail("P2", case, {"idle": idle, "transfer": transfer, "decline": _refuses(case)})


def _dump(episode: Episode) -> Play:
    """Look the customer up and recite what was seen."""
    scraps = Scraps(episode)
    for tool in episode.domain.tools[:2]:
        if tool.effect == "read":
            arguments = scraps.look().call(tool, Draws("dump", episode.task.id, tool.name))
            yield plain_call(tool.name, show_arguments(arguments))
    amounts = [number for number in scraps.look().numbers if _AMOUNT.fullmatch(number)]
    for about in _asked(episode):
        yield f"The {about} is {', '.join(f'${amount}' for amount in amounts)[:500]}."
    yield f"The total, balance, status and answer: {', '.join(scraps.numbers)[:500]}"


def _random(number: int) -> Callable[[Episode], Play]:
    def run(episode: Episode) -> Play:
        tools = [tool for tool in episode.domain.tools if not tool.ends]
        scraps = Scraps(episode)
        draws = Draws("random", episode.task.id, number)
        for at in range(_RANDOM_CALLS):
            tool = draws.choice(tools)
            yield plain_call(tool.name, show_arguments(scraps.look().call(tool, draws.at(at))))

    return run


def _constant(episode: Episode) -> Play:
    """Answer every question with nothing, in its own words."""
    for about in _asked(episode):
        yield f"The {about} is $0."
    yield "The answer to your question is $0."


def _asked(episode: Episode) -> list[str]:
    """Return a word of every question, without which no sentence answers it."""
    questions = [wish.question for wish in episode.task.card.wishes]
    return [question.about[0] for question in questions if question is not None]


def _echo_once(episode: Episode) -> Play:
    """Say the opening back."""
    yield episode.task.card.opening


def nothing_for_cheats(case: Case) -> Proof:
    """P3: reciting, echoing, guessing and random legal calls earn nothing."""
    cheats: dict[str, Agent] = {"dump": _dump, "echo": _echo_once, "constant": _constant}
    cheats |= {f"random {number}": _random(number) for number in range(_RANDOM_AGENTS)}
    return _all_fail("P3", case, cheats)


def _all_fail(name: str, case: Case, agents: dict[str, Agent]) -> Proof:
    for what, agent in agents.items():
        if earns(case.start.fork(), agent):
            raise Unproved(name, f"{what} passes", case.task.id)
    return Proof(len(agents), ", ".join(agents))


def policy_kept(case: Case) -> Proof:
    """P13: no rule is broken, and who has not read the policy fails just where the task says so."""
    if case.played.verdict().process.breaches:
        raise Unproved("P13", "the oracle breaches a rule", str(case.played.verdict().process.breaches))
    needs = needs_policy(case.task.program, case.bench, case.outcome)
    if needs != case.task.policy:
        raise Unproved("P13", "the policy tag is wrong", f"needs the policy: {needs}")
    return Proof(2, "needs the policy" if needs else "right for the blind too")


def ladder(case: Case, lineage: Sequence[str], operators: dict[str, Operator]) -> tuple[tuple[str, ...], int]:
    """Return (the rungs that fail, the prior difficulty in hundredths of a logit).

    Raises:
        Unproved: If an operator that the task grew by is missed by no rung.
    """
    passed = climb(case.task, case.played)
    failing = tuple(name for name in RUNGS if not passed.get(name, True))
    for name in dict.fromkeys(lineage):
        if name in operators and not set(operators[name].rungs) & set(failing):
            raise Unproved("ladder", f"{name} is vacuous", ", ".join(failing) or "no rung fails")
    return failing, round(100 * difficulty(case.task, case.bench))


def each(proofs: dict[str, Callable[[Case], Proof]], case: Case) -> Iterator[tuple[str, Proof]]:
    """Yield (obligation, proof), in order.

    Raises:
        Unproved: At the first that does not hold.
    """
    for name, prove in proofs.items():
        yield name, prove(case)
