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
    run = agent(episode)
    step: Step | None = None
    while not episode.done:
        try:
            action = next(run) if step is None else run.send(step)
        except StopIteration:
            break
        step = episode.act(action)
    run.close()
    while not episode.done:
        episode.act("")
    return episode
