"""What a policy can do on held-out tasks: success, tool selection, arguments, losses, skills, episodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from simenv.agents.audit import idle
from simenv.agents.runs import attempt
from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.episodes.context import Memory
from simenv.episodes.episode import Episode
from simenv.scoring.facts import Fact, accuracies, fact_of
from simenv.scoring.panel import Side
from simenv.synth.attribute import Attribution, Cause, Tally, weaknesses
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.forcing import as_text, calls_of, forced, text_losses
from simenv.train.models.policy import Policy
from simenv.train.rollouts.rollout import Job, Rollout, Sampling
from simenv.train.rollouts.sampler import Model, Sampler
from simenv.train.rollouts.worlds import Worlds
from simenv.train.tasks import Simple, Source

AT_ONCE = 64
"""Rollouts that are sampled side by side; what comes out does not depend on it."""
FORCED = 32
"""Demonstrations whose turns are tried one by one."""
SHOWN = 10
ATTRIBUTED = 60
"""Tasks whose failures are explained at most: each is held against every rung of the ladder."""
TEXT_TOKENS = 200


def evaluate(
    policy: Policy,
    tasks: Sequence[Task],
    *,
    seed: int = 0,
    trials: int = 1,
    temperature: float = 1.0,
    room: int = 1024,
    turn_tokens: int = 160,
    memory: Memory | None = None,
    face: str = "compact",
    worlds: Worlds | None = None,
) -> list[Rollout]:
    """Let a policy play tasks and return its rollouts, task by task.

    Args:
        policy: Plays, its adapter merged.
        tasks: Different ones.
        seed: Of what is drawn.
        trials: Rollouts of each task.
        temperature: Of sampling; 0 takes the likeliest token.
        room: Longest episode, in tokens.
        turn_tokens: Longest turn.
        memory: How an episode that outgrows the room goes on; None, and it is cut off.
        face: How things are shown.
        worlds: Where episodes are played; by default in this process.
    """
    sampler = Sampler(cast(Model, policy.model), policy.family, face=face, worlds=worlds)
    how = Sampling(seed=seed, temperature=temperature, room=room, turn_tokens=turn_tokens, memory=memory)
    jobs = [Job(task, trial) for task in tasks for trial in range(trials)]
    with policy.fast():
        parts = [sampler.sample(jobs[at : at + AT_ONCE], how) for at in range(0, len(jobs), AT_ONCE)]
    return [rollout for part in parts for rollout in part]


def first_tasks(source: Source, count: int, *, start: int = 0) -> list[Task]:
    """Return the first tasks of a source from ``start`` on, each once; a pack may have fewer.

    Raises:
        UsageError: If there is none.
    """
    found = {task.id: task for task in (source.at(start + at) for at in range(count))}
    if not found:
        raise UsageError("success is measured on one task or more")
    return list(found.values())


def played(rollout: Rollout, *, face: str) -> Episode:
    """Return the episode of a rollout, played again."""
    episode = Episode(rollout.task, face=face)
    for action in rollout.actions:
        episode.act(action)
    return episode


def world_of(task: Task) -> str:
    """Return what a task shares with others of its world."""
    return "/".join(map(str, (task.size, *task.world)))


def facts_of(rollouts: Sequence[Rollout]) -> list[Fact]:
    """Return what rollouts came to."""
    return [_fact(rollout) for rollout in rollouts]


def _fact(rollout: Rollout) -> Fact:
    process = rollout.verdict["process"]
    return Fact(
        task=rollout.task.id,
        trial=rollout.number,
        passed=rollout.reward > 0,
        characters=sum(map(len, rollout.actions)),
        tokens=rollout.sampled,
        calls=rollout.calls,
        errors=rollout.refused,
        breaches=sum(process["breaches"].values()),
        world=world_of(rollout.task),
    )


def idle_side(tasks: Sequence[Task]) -> Side:
    """Return what the agent that does nothing comes to."""
    records = [{"task": task.id, "trial": 0} | attempt(task, idle) for task in tasks]
    facts = [fact_of(each, world=world_of(task)) for each, task in zip(records, tasks, strict=True)]
    return Side(agent="idle", facts=facts)


def episodes_of(rollouts: Sequence[Rollout], stage: str, *, most: int = SHOWN) -> list[dict[str, Any]]:
    """Return rows for ``episodes.jsonl``: the first rollout of each of the first tasks.

    Args:
        rollouts: Of ``evaluate``.
        stage: ``"before"`` or ``"after"``.
        most: How many.
    """
    first = [rollout for rollout in rollouts if rollout.number == 0][:most]
    return [
        {
            "task": rollout.task.id,
            "intent": rollout.task.intent,
            "stage": stage,
            "passed": rollout.reward > 0,
            "why": _why(rollout),
            "messages": [dict(message) for message in rollout.messages],
            "tokens": rollout.sampled,
        }
        for rollout in first
    ]


def _why(rollout: Rollout) -> str:
    if rollout.reward > 0:
        return ""
    cut = "" if rollout.reason == "done" else f"cut off ({rollout.reason}); "
    return f"{cut}{rollout.verdict['reason']}"


def is_certified(source: Source) -> bool:
    """Whether a ladder of lacking abilities has been proved for the tasks of a source."""
    return not isinstance(source, Simple)


def skills_of(rollouts: Sequence[Rollout], *, face: str) -> list[dict[str, Any]]:
    """Return the skills that rollouts of certified tasks show, for ``skills.json``."""
    names = list(dict.fromkeys(rollout.task.id for rollout in rollouts))[:ATTRIBUTED]
    causes: list[Cause] = []
    tallies: list[Tally] = []
    for name in names:
        mine = [rollout for rollout in rollouts if rollout.task.id == name]
        found = Attribution(mine[0].task)
        failed = [rollout for rollout in mine if not rollout.reward]
        causes += [found.cause(played(rollout, face=face).trajectory()) for rollout in failed]
        tallies.append(Tally(found.exposures, len(mine), len(mine) - len(failed)))
    return [skill.to_json() for skill in weaknesses(causes, tallies).skills]


@dataclass(frozen=True, slots=True)
class Exam:
    """What a policy is asked before and after a training.

    Attributes:
        tasks: What it plays.
        shown: Demonstrations of other tasks, by id.
        texts: Text that has nothing to do with the training, by name.
        seed: Of what is drawn.
        temperature: Of sampling.
        room: Longest episode.
        turn_tokens: Longest turn.
        face: How things are shown.
        memory: How an episode that outgrows the room goes on; None, and it is cut off.
    """

    tasks: Sequence[Task]
    shown: Mapping[str, TokenEpisode]
    texts: Mapping[str, TokenEpisode]
    seed: int
    temperature: float
    room: int
    turn_tokens: int
    face: str
    memory: Memory | None = None

    def sit(self, policy: Policy, agent: str, *, worlds: Worlds | None = None) -> tuple[Side, list[Rollout]]:
        """Return what a policy comes to, and the rollouts of it."""
        rollouts = self.play(policy, worlds=worlds)
        some = {name: self.shown[name] for name in sorted(self.shown)[:FORCED]}
        tools, arguments = accuracies(forced(policy, some), calls_of)
        side = Side(
            agent=agent,
            facts=facts_of(rollouts),
            tools=tools,
            arguments=arguments,
            validation=text_losses(policy, self.shown),
            retention=text_losses(policy, self.texts),
        )
        return side, rollouts

    def play(self, policy: Policy, *, worlds: Worlds | None = None) -> list[Rollout]:
        """Return the rollouts of one trial of each task."""
        return evaluate(
            policy,
            self.tasks,
            seed=self.seed,
            temperature=self.temperature,
            room=self.room,
            turn_tokens=self.turn_tokens,
            memory=self.memory,
            face=self.face,
            worlds=worlds,
        )


def retention_texts(family: Family, tasks: Sequence[Task], *, room: int) -> dict[str, TokenEpisode]:
    """Return texts that no demonstration teaches: customers of other worlds, and the policy in words.

    The compact face has no policy in words. How well the texts are predicted tells what a training made a
    model forget.

    Args:
        family: Encodes them.
        tasks: Of other worlds than those of the training.
        room: Longest text, in tokens; at most 200 are taken.
    """
    texts: dict[str, TokenEpisode] = {}
    for task in tasks:
        episode = Episode(task, face="full")
        policy = episode.policy
        piece = max(1, len(policy) // max(1, len(tasks)))
        at = len(texts) * piece
        words = policy[at : at + piece]
        text = as_text(family.codec, f"{task.card.opening}\n{words}", room=min(room, TEXT_TOKENS))
        if text.sampled:
            texts[task.id] = text
    return texts
