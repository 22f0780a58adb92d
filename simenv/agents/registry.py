"""Agents by name: the oracle, its honest variants, the idle agent and all other auditors."""

from collections.abc import Sequence

from simenv.agents.audit import auditors
from simenv.agents.protocol import Agent
from simenv.core.domain import Domain
from simenv.core.errors import UnknownNameError
from simenv.core.task import Task


def agents(domain: Domain, tasks: Sequence[Task] = ()) -> dict[str, Agent]:
    """Return every agent that simenv brings for a domain, by name.

    Args:
        domain: What is played.
        tasks: The tasks to be played; an agent that learns from the others' answers reads them.
    """
    return {auditor.name: auditor.agent for auditor in auditors(domain, tasks)}


def agent(name: str, domain: Domain, tasks: Sequence[Task] = ()) -> Agent:
    """Return the agent of that name; see ``agents``.

    Raises:
        UnknownNameError: If there is none.
    """
    known = agents(domain, tasks)
    if name not in known:
        raise UnknownNameError("agent", name, known)
    return known[name]
