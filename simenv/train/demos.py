"""Demonstrations of the oracle as tokens: plain, with recovery, with refusals, with no call needed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simenv.agents.oracle import Manner, Oracle, oracle, plain_call
from simenv.agents.protocol import StuckError, play
from simenv.agents.voice import PlainVoice
from simenv.core.canonical import canonical
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.interpreter import UnsoundError
from simenv.core.task import Task
from simenv.episodes.actions import parse
from simenv.episodes.chat import Message, system, user
from simenv.episodes.context import RECALL, Memory, OpeningError
from simenv.episodes.episode import Episode
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.chat.transcript import Transcript
from simenv.train.tasks import Source

_TRIES = 40
_RECALLS = 4
"""What one turn names is recalled in so many calls at most; more would push each other out of view."""
_NAMED = re.compile(r"[A-Za-z_]*\d[\w-]*(?:[.,:]\d+)*")
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
    """Return a played episode as one sequence of tokens; a mistake is shown with weight 0.

    It ends with the last turn: what is heard after it teaches nothing.
    """
    return _told(family, episode, None, 0)[0]


def lessons_of(
    family: Family, episode: Episode, *, room: int, memory: Memory | None = None, turn_tokens: int = 0
) -> list[TokenEpisode]:
    """Return a played episode as sequences of at most ``room`` tokens; none where it does not fit.

    Args:
        family: Writes it.
        episode: What was played.
        room: Longest sequence, in tokens.
        memory: Where there is one, the episode is cut as it would be in sampling, and each sequence teaches
            what was said in it. What a turn names and a cut has taken out of view is recalled before it;
            where that cannot be, the turn is shown with weight 0. None for one sequence.
        turn_tokens: The longest turn in sampling; a memory keeps room for it.
    """
    try:
        told = _told(family, episode, memory, room - turn_tokens)
    except OpeningError:
        return []
    return told if max(map(len, told)) <= room else []


def _told(family: Family, episode: Episode, memory: Memory | None, budget_tokens: int) -> list[TokenEpisode]:
    messages = episode.messages
    turns = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    told = Transcript(family, messages[: turns[0]], episode.tools, memory=memory, budget_tokens=budget_tokens)
    for step, begin, end in zip(episode.steps, turns, [*turns[1:], 0], strict=True):
        turn = family.turn(step.action)
        failed = step.error or any(call.error for call in step.calls)
        weight = 0.0 if failed or not _recalled(told, family, step.action) else 1.0
        told.say(Segment("assistant", turn.ids, sampled=True, weight=weight))
        if end:
            told.hear(messages[begin:end])
    return told.spoken


def _recalled(told: Transcript, family: Family, action: str) -> bool:
    """Recall what an action names and a cut has taken out of view; return whether all of it is in view then.

    The oracle knows what it has read; a model that is shown less would be taught to make it up.
    """
    values = named_in(action)
    for _ in range(_RECALLS):
        places = told.missing(values).values()
        place = next((each for each in places if each is not None), None)
        if place is None or not told.can_recall:
            return not places
        step, part = place
        recall = plain_call(RECALL, canonical({"part": part, "step": step}))
        told.say(family.turn(recall))
        told.answer(recall)
    return not told.missing(values)


def named_in(action: str) -> list[str]:
    """Return what an action names that has to be known: every argument, and words that hold a digit.

    Example:
        >>> named_in('{"arguments":{"reservation_id":"4WQ150","bags":2},"name":"add_bags"}')
        ['4WQ150', '2']
        >>> named_in("It comes to $74, for 4WQ150.")
        ['74', '4WQ150']
    """
    parsed = parse(action)
    words = _NAMED.findall(f"{parsed.words} {parsed.aside}")
    return [*(leaf for call in parsed.calls for leaf in _leaves(call.arguments)), *words]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


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
    memory: Memory | None = None,
    turn_tokens: int = 0,
) -> Iterator[tuple[Task, TokenEpisode]]:
    """Yield demonstrations of tasks from ``start`` on; those longer than ``room`` are passed over.

    With a memory a long one is cut as it would be in sampling, where the longest turn has ``turn_tokens``;
    then each of its sequences is yielded.

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
            found = _one(family, task, kind, draws, face, room=room, memory=memory, turn_tokens=turn_tokens)
            if found:
                break
        else:
            tasks = [source.at(each) for each in range(at - _TRIES, at)]
            way_out = _way_out(family, tasks, face, memory if kind != "answer" else None, room, turn_tokens)
            raise UsageError(
                f"{_TRIES} tasks in a row gave no {kind} demonstration of {room} tokens; {way_out}"
            )
        yield from ((task, each) for each in found)


def _one(family: Family, task: Task, kind: str, draws: Draws, face: str, **fits: Any) -> list[TokenEpisode]:
    if kind == "answer":
        told = answer(task, family, draws, face)
        return [told] if len(told) <= fits["room"] else []
    episode = demonstrate(task, kind=kind, face=face)
    return lessons_of(family, episode, **fits) if episode is not None else []


def _way_out(
    family: Family, tasks: Sequence[Task], face: str, memory: Memory | None, room: int, turn_tokens: int
) -> str:
    """Return what would let demonstrations of tasks fit."""
    needed = []
    for task in tasks if memory is not None else ():
        episode = Episode(task, face=face)
        try:
            Transcript(
                family, episode.messages, episode.tools, memory=memory, budget_tokens=room - turn_tokens
            )
        except OpeningError as error:
            needed.append(error.needed + turn_tokens)
    if not needed:
        return "raise room"
    return (
        f"where a context is cut, an opening takes at most half of what room leaves beside turn_tokens = "
        f"{turn_tokens}, and in {len(needed)} of these tasks it takes more: give room={max(needed)} or more, "
        "or context=whole"
    )


def hint(episode: Episode) -> str:
    """Return what a guide tells: the calls that the oracle makes, in order, from the task's own program."""
    other = Episode(episode.task, face=episode.face.name)
    try:
        play(other, lambda fresh: Oracle(fresh, Manner()).run())
    except (StuckError, UnsoundError):
        return ""
    calls: Sequence[str] = [step.action for step in other.steps if step.calls]
    return "Hint: " + " then ".join(calls)
