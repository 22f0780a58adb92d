"""Demonstrations of the oracle as tokens: plain, with recovery, with refusals, with no call needed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simenv.agents.oracle import Manner, Oracle, oracle
from simenv.agents.protocol import StuckError, play
from simenv.agents.voice import PlainVoice
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.interpreter import UnsoundError
from simenv.core.task import Task
from simenv.episodes.chat import Message, system, user
from simenv.episodes.episode import Episode
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.tasks import Source

_TRIES = 40
_MANNERS = {"plain": Manner(), "refusal": Manner(), "recovery": Manner(voice=PlainVoice(), clumsy=True)}


def demonstrate(task: Task, *, kind: str = "plain", face: str = "compact") -> Episode | None:
    """Return an episode that the oracle has played in that manner, or None where it is none of that kind."""
    episode = Episode(task, face=face)
    try:
        play(episode, oracle(_MANNERS[kind]))
    except (StuckError, UnsoundError):
        return None
    if kind == "refusal" and not any(call.effect == "act" for step in episode.steps for call in step.calls):
        return None
    return episode if episode.verdict().passed else None


def tokens_of(family: Family, episode: Episode) -> TokenEpisode:
    """Return a played episode as tokens; a mistake is shown with weight 0.

    It ends with the last turn: what is heard after it teaches nothing.
    """
    messages = episode.messages
    turns = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    tokens = TokenEpisode(family.start(messages[: turns[0]], episode.tools))
    for step, begin, end in zip(episode.steps, turns, [*turns[1:], 0], strict=True):
        turn = family.turn(step.action)
        failed = step.error or any(call.error for call in step.calls)
        weight = 0.0 if failed else 1.0
        tokens.append(Segment("assistant", turn.ids, sampled=True, weight=weight))
        if end:
            tokens.append(*family.heard(messages[begin + 1 : end]))
    return tokens


def answer(task: Task, family: Family, draws: Draws, face: str) -> TokenEpisode:
    """Return a talk that needs no call: what a rule's number is stands in the policy already."""
    episode = Episode(task, face=face)
    values, _ = episode.rules()
    name = draws.choice(sorted(values))
    words = name.replace("_", " ")
    asked = f"Just a question about your rules: what is the {words}?"
    told: list[Message] = [system(episode.policy), user(asked)]
    tokens = TokenEpisode(family.start(told, episode.tools))
    tokens.append(family.turn(f"The {words} is {values[name]}."))
    return tokens


def demos(
    family: Family,
    source: Source,
    count: int,
    kinds: Mapping[Any, int],
    *,
    seed: int,
    face: str,
    room: int,
    start: int = 0,
) -> Iterator[tuple[Task, TokenEpisode]]:
    """Yield demonstrations of tasks from ``start`` on; those longer than ``room`` are passed over.

    Raises:
        UsageError: If the source gives none of a kind.
    """
    names, shares = list(kinds), list(kinds.values())
    at = start
    for number in range(count):
        draws = Draws("demo", seed, start, number)
        kind = draws.weighted(names, shares)
        for _ in range(_TRIES):
            task = source.at(at)
            at += 1
            found = _one(family, task, kind, draws, face)
            if found is not None and len(found) <= room:
                break
        else:
            raise UsageError(
                f"{_TRIES} tasks in a row gave no {kind} demonstration of {room} tokens; raise room"
            )
        yield task, found


def _one(family: Family, task: Task, kind: str, draws: Draws, face: str) -> TokenEpisode | None:
    if kind == "answer":
        return answer(task, family, draws, face)
    episode = demonstrate(task, kind=kind, face=face)
    return tokens_of(family, episode) if episode is not None else None


def hint(episode: Episode) -> str:
    """Return what a guide tells: the calls that the oracle makes, in order, from the task's own program."""
    other = Episode(episode.task, face=episode.face.name)
    try:
        play(other, lambda fresh: Oracle(fresh, Manner()).run())
    except (StuckError, UnsoundError):
        return ""
    calls: Sequence[str] = [step.action for step in other.steps if step.calls]
    return "Hint: " + " then ".join(calls)
