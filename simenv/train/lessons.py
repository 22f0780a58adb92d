"""What a job learns from and is held against: demonstrations of the oracle, or runs that passed."""

from collections.abc import Iterator
from typing import Any

from simenv.core.task import Task
from simenv.train.chat.families import Family
from simenv.train.chat.tokenizer import texts_of
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.config import Config, GrpoConfig, SftConfig
from simenv.train.course import Progress, Tell, nobody
from simenv.train.demos import demonstrate, demos
from simenv.train.distill import demos_of_logs
from simenv.train.tasks import Source

TOKENIZER_TASKS = 500
"""So many demonstrations give the text that a tokenizer is made from."""


def texts_for(config: SftConfig, source: Source, progress: Progress) -> Iterator[str]:
    """Yield the texts of a few demonstrations."""
    total = min(TOKENIZER_TASKS, config.demos)
    for at in range(total):
        episode = demonstrate(source.at(at), face=config.face)
        if episode is not None:
            yield from texts_of(episode)
        progress("texts", at + 1, total)


def lessons_for(
    family: Family, config: SftConfig, source: Source, progress: Progress, tell: Tell = nobody
) -> list[TokenEpisode]:
    """Return the demonstrations of the oracle, or those that successful runs make."""
    fits = _fits(config)
    if config.runs:
        found = demos_of_logs(config.runs, family, domain=source.domain, face=config.face, tell=tell, **fits)
        return [tokens for _, tokens in found]
    made = demos(family, source, config.demos, config.kinds, seed=config.seed, face=config.face, **fits)
    return [tokens for _, tokens in _counted(made, "demonstrations", config.demos, progress)]


def _fits(config: Config) -> dict[str, Any]:
    """Return what a demonstration has to fit into, as it has in sampling."""
    return {"room": config.room, "memory": config.memory, "turn_tokens": config.turn_tokens}


def shown_for(
    family: Family, config: SftConfig | GrpoConfig, held: Source, progress: Progress
) -> dict[str, TokenEpisode]:
    """Return held-out demonstrations by task; of other tasks than those that are played, where there are."""
    kinds = config.kinds if isinstance(config, SftConfig) else {"plain": 1}
    made = demos(
        family,
        held,
        config.validation,
        kinds,
        seed=config.seed,
        face=config.face,
        start=config.evaluations,
        **_fits(config),
    )
    shown: dict[str, TokenEpisode] = {}
    for task, tokens in _counted(made, "held-out demonstrations", config.validation, progress):
        cuts = sum(name.partition("#")[0] == task.id for name in shown)
        shown[f"{task.id}#{cuts}" if cuts else task.id] = tokens
    return shown


def _counted(
    made: Iterator[tuple[Task, TokenEpisode]], what: str, total: int, progress: Progress
) -> Iterator[tuple[Task, TokenEpisode]]:
    for at, each in enumerate(made, 1):
        # An episode whose context is cut gives more than one.
        progress(what, min(at, total), total)
        yield each
