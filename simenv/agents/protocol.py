"""What an agent is: something that is shown observations and gives strings."""

from collections.abc import Callable, Generator

from simenv.core.errors import SimenvError
from simenv.episodes.episode import Episode, Step

Play = Generator[str, Step, None]
"""A run of an agent: it yields actions and is sent what they brought."""

Agent = Callable[[Episode], Play]
"""An agent starts a run when it is given a fresh episode. Honest agents read only ``messages`` and
``tools`` of it; the oracle and the auditors also read the task, which is what makes them judges."""


class StuckError(SimenvError):
    """An agent that should be able to solve the task could not go on."""


def play(episode: Episode, agent: Agent) -> Episode:
    """Let ``agent`` play until the episode is over; one that stops early falls silent.

    A silent agent sends empty messages until the customer hangs up.
    """
    act_out(episode, agent)
    while not episode.done:
        episode.act("")
    return episode


def act_out(episode: Episode, agent: Agent) -> None:
    """Let ``agent`` play until it or the episode is over."""
    run = agent(episode)
    step: Step | None = None
    while not episode.done:
        try:
            action = next(run) if step is None else run.send(step)
        except StopIteration:
            break
        step = episode.act(action)
    run.close()


def earns(episode: Episode, agent: Agent) -> bool:
    """Whether ``agent`` passes; one that stops early falls silent, as in ``play``.

    Silence changes no row and answers nothing, so whoever falls silent without having reached the goal is
    not waited for.
    """
    act_out(episode, agent)
    verdict = episode.verdict()
    wrong = any(found != "right" for found in verdict.answers.values())
    if not episode.done and not (verdict.missing or verdict.collateral or wrong):
        verdict = play(episode, lambda episode: iter_nothing()).verdict()
    return verdict.passed


def iter_nothing() -> Play:
    """Play nothing at all."""
    yield from ()
