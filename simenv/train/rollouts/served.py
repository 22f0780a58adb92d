"""A server in the place of the sampler: GRPO on rollouts that an OpenAI-compatible server has sampled.

What the server plays is up to whoever runs it: load each new adapter there under a new name and name that one
(``RemoteSampler.named``). The model that answers is checked by name; weights cannot be proved from here, so
watch ``mismatch_mean``.
"""

from collections.abc import Sequence

from simenv.core.errors import UsageError
from simenv.episodes.episode import Episode
from simenv.train.chat.families import Family
from simenv.train.rollouts.remote import RemoteRollout, RemoteSampler, sample_episodes
from simenv.train.rollouts.rollout import Job, Rollout, Sampling


class Served:
    """Samples what ``Grpo`` asks for on a server.

    Args:
        family: The chat family of the model.
        remote: The server; ``Grpo`` users replace it as adapters change.
        face: How things are shown.
    """

    def __init__(self, family: Family, remote: RemoteSampler, *, face: str = "compact") -> None:
        self.family, self.remote, self.face = family, remote, face

    def sample(self, jobs: Sequence[Job], how: Sampling) -> list[Rollout]:
        """Play every job to its end and return the rollouts in the order of the jobs.

        Raises:
            UsageError: If a job has a hint, which servers are not told, or the temperature is not 1, which is
                that of a server's log-probabilities.
            RemoteError: If the server fails.
        """
        if any(job.hint for job in jobs):
            raise UsageError("a server is told no hints; sample here, or set guide=false")
        if how.temperature != 1:
            raise UsageError(
                f"temperature = {how.temperature:g}, and a server samples at 1, which its "
                "log-probabilities are of; give temperature=1, or sample here"
            )
        found: dict[tuple[str, int], Rollout] = {}
        tasks = {job.task.id: job.task for job in jobs}
        for number in sorted({job.number for job in jobs}):
            asked = [task for name, task in tasks.items() if Job(task, number) in jobs]
            played = sample_episodes(
                self.family,
                self.remote,
                asked,
                seed=how.seed,
                # A rollout's seed follows from its number too, so every number is a step of its own.
                step=how.step * 1000 + number,
                max_tokens=how.turn_tokens,
                context_tokens=how.room,
                face=self.face,
                memory=how.memory,
            )
            for task, each in zip(asked, played, strict=True):
                found[task.id, number] = self._rollout(Job(task, number), each)
        return [found[job.task.id, job.number] for job in jobs]

    def _rollout(self, job: Job, played: RemoteRollout) -> Rollout:
        episode = Episode(job.task, face=self.face)
        steps = played.trajectory.steps
        for step in steps:
            episode.act(step.action)
        refused = sum(bool(call.error) for step in steps for call in step.calls)
        return Rollout(
            task=job.task,
            number=job.number,
            tokens=played.tokens,
            reward=played.reward,
            reason=played.reason,
            turns=played.turns,
            calls=sum(len(step.calls) for step in steps),
            refused=refused + sum(bool(step.error) for step in steps),
            verdict=played.verdict.to_json(),
            messages=list(episode.messages),
            actions=tuple(step.action for step in steps),
            earlier=played.earlier,
        )
