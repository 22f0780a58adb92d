"""Registering the environments with Gymnasium; the classes are loaded when one is made."""

from gymnasium.envs.registration import register, registry

IDS = {"simenv/airline-v0": "airline"}
"""Environment id to domain. The number moves when any recorded digest of the domain moves."""


def register_all() -> None:
    """Register every environment that simenv ships; doing it twice changes nothing."""
    for env_id, domain in IDS.items():
        if env_id not in registry:
            # No max_episode_steps: the budget belongs to the task, and cutting it off pays nothing.
            register(
                id=env_id,
                entry_point="simenv.envs.service:ServiceEnv",
                vector_entry_point="simenv.envs.vector:ServiceVectorEnv",
                kwargs={"domain": domain},
            )
