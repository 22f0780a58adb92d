"""Deterministic offline worlds for tool-using agents, exposed as Gymnasium environments.

Importing simenv registers its environments and loads nothing heavy; everything below resolves when
it is first used.

    import gymnasium, simenv
    env = gymnasium.make("simenv/airline-v0")
    episode = simenv.open("airline", seed=7)
"""

from typing import Any

from simenv.core.lazy import resolve
from simenv.envs.registration import register_all

__version__ = "0.1.0.dev0"

_PUBLIC = {
    "Agent": "simenv.agents.protocol:Agent",
    "Domain": "simenv.core.domain:Domain",
    "Episode": "simenv.episodes.episode:Episode",
    "ReplayError": "simenv.core.errors:ReplayError",
    "SimenvError": "simenv.core.errors:SimenvError",
    "Snapshot": "simenv.episodes.progress:Snapshot",
    "Step": "simenv.episodes.episode:Step",
    "Task": "simenv.core.task:Task",
    "ToolError": "simenv.core.errors:ToolError",
    "Trajectory": "simenv.core.trajectory:Trajectory",
    "UsageError": "simenv.core.errors:UsageError",
    "Verdict": "simenv.scoring.verify:Verdict",
    "open": "simenv.episodes.select:open_episode",
    "oracle": "simenv.agents.oracle:oracle",
    "play": "simenv.agents.protocol:play",
    "read_episodes": "simenv.episodes.replay:read_episodes",
    "read_pack": "simenv.core.pack:read_pack",
    "replay": "simenv.episodes.replay:replay",
    "restore": "simenv.episodes.episode:Episode.restore",
    "verify": "simenv.scoring.verify:verify",
}

__all__ = sorted([*_PUBLIC, "__version__"])


def __getattr__(name: str) -> Any:
    """Resolve a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'simenv' has no attribute {name!r}")
    value = resolve(_PUBLIC[name])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])


register_all()
