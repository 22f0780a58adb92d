"""What a policy can do before and after its training, and the files that tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simenv.core.errors import DataError, UsageError
from simenv.scoring.panel import Panel, Side
from simenv.train import folder
from simenv.train.course import Progress, kept, silent
from simenv.train.evaluate import Exam, episodes_of, idle_side, skills_of
from simenv.train.models.policy import CHECKPOINTS, MODEL, Policy
from simenv.train.rollouts.rollout import Rollout
from simenv.train.rollouts.worlds import Worlds


@dataclass(slots=True)
class Measures:
    """Both measurements of a run.

    Attributes:
        out: The run folder.
        exam: What is asked.
        has_skills: Whether failures can be explained, because tasks are certified.
        progress: Told what is being done.
        worlds: Where episodes are played; by default in this process.
        was: What was before.
        first: The rollouts of that.
    """

    out: Path
    exam: Exam
    has_skills: bool
    progress: Progress = silent
    worlds: Worlds | None = None
    was: Side | None = None
    first: Sequence[Rollout] = ()

    def before(self, policy: Policy) -> None:
        """Measure before the training."""
        self.progress("measuring before", 0, 1)
        self.was, self.first = self.exam.sit(policy, "before", worlds=self.worlds)
        self.progress("measuring before", 1, 1)

    def success(self, policy: Policy) -> float:
        """Return the share of held-out tasks that a policy solves now."""
        rollouts = self.exam.play(policy, worlds=self.worlds)
        return sum(rollout.reward > 0 for rollout in rollouts) / len(rollouts)

    def after(self, policy: Policy, *, pictures: bool) -> None:
        """Measure again and write model, panel, skills, episodes and report."""
        was = self.was
        if was is None:
            raise UsageError("what was before is measured first")
        self.progress("measuring after", 0, 1)
        if policy.is_small:
            try:
                policy.save(self.out / MODEL)
            except DataError as error:
                error.add_note(kept(self.out / CHECKPOINTS))
                raise
        side, last = self.exam.sit(policy, "after", worlds=self.worlds)
        panel = Panel(before=was, after=side, idle=idle_side(self.exam.tasks))
        episodes = [*episodes_of(self.first, "before"), *episodes_of(last, "after")]
        skills: dict[str, Any] = {}
        if self.has_skills:
            stages = {"before": self.first, "after": last}
            skills = {name: skills_of(each, face=self.exam.face) for name, each in stages.items()}
        folder.finish(self.out, panel, episodes, skills, pictures=pictures)
        self.progress("measuring after", 1, 1)
