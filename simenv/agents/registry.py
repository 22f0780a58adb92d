"""Agents by name: the oracle, its honest variants, all auditors, the rungs of the ladder, a noisy oracle."""

from collections.abc import Sequence

from simenv.agents.audit import auditors
from simenv.agents.ladder import RUNGS, rung_agent, slipping
from simenv.agents.protocol import Agent
from simenv.core.domain import Domain
from simenv.core.errors import UnknownNameError
from simenv.core.task import Task

_PERCENT = 5
"""How often the noisy oracle slips, of 100 steps of a request."""


def agents(domain: Domain, tasks: Sequence[Task] = ()) -> dict[str, Agent]:
    """Return every agent that simenv brings for a domain, by name.

    Args:
        domain: What is played.
        tasks: The tasks to be played; an agent that learns from the others' answers reads them.
    """
    return (
        {auditor.name: auditor.agent for auditor in auditors(domain, tasks)}
        | {f"rung:{name}": rung_agent(name) for name in RUNGS}
        | {f"noisy:{_PERCENT}": slipping(_PERCENT, "noisy")}
    )


def agent(name: str, domain: Domain, tasks: Sequence[Task] = ()) -> Agent:
    """Return the agent of that name; see ``agents``.

    Raises:
        UnknownNameError: If there is none.
    """
    known = agents(domain, tasks)
    if name not in known:
        raise UnknownNameError("agent", name, known)
    return known[name]
