"""The lockstep sampler: rollouts do not depend on their batch, and what is trained on is what was sampled."""

import pytest

torch = pytest.importorskip("torch")

from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import Tensor  # noqa: E402

from simenv.core.errors import UsageError  # noqa: E402
from simenv.core.task import Task  # noqa: E402
from simenv.episodes.episode import Episode  # noqa: E402
from simenv.train.demos import demonstrate, demos, tokens_of  # noqa: E402
from simenv.train.guards import NotFiniteError  # noqa: E402
from simenv.train.maths.head import token_logps  # noqa: E402
from simenv.train.models.policy import Policy  # noqa: E402
from simenv.train.rollouts.batches import batch, by_length  # noqa: E402
from simenv.train.rollouts.rollout import Job, Rollout, Sampling  # noqa: E402
from simenv.train.rollouts.sampler import Sampler, uniforms  # noqa: E402
from simenv.train.rollouts.workers import EnvPool  # noqa: E402
from simenv.train.rollouts.worlds import PooledWorlds  # noqa: E402
from tests.train import small  # noqa: E402

SHORT = Sampling(room=700, turn_tokens=12, seed=3)


def tasks(count: int, start: int = 0) -> list[Task]:
    return [small.source().at(start + at) for at in range(count)]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return small.policy()


class Teacher:
    """A model that says what the oracle says: logits that all but force the demonstration's next token.

    With ``slips`` it is undecided between that and the token that ends the turn, so that rollouts differ.
    """

    room = 4096

    def __init__(self, told: Sequence[Sequence[int]], vocab: int, *, end: int, slips: bool = False) -> None:
        self.head = torch.eye(vocab)
        self.told, self.end, self.slips = [list(each) for each in told], end, slips

    def new_cache(self, lanes: int, room: int) -> "Teacher":
        self.read: dict[int, list[int]] = {}
        return self

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        for one, other in zip(source.tolist(), target.tolist(), strict=True):
            self.read[other] = self.read[one][:upto]

    def extend(
        self,
        ids: Tensor,
        lengths: Tensor,
        starts: Tensor,
        lanes: Tensor,
        cache: object,
    ) -> Tensor:
        rows = []
        for row, length, start, lane in zip(
            ids.tolist(), lengths.tolist(), starts.tolist(), lanes.tolist(), strict=True
        ):
            so_far = self.read.setdefault(lane, []) if start else []
            so_far += row[:length]
            self.read[lane] = so_far
            rows.append(self._next(so_far))
        stacked: Tensor = torch.stack(rows)
        return stacked

    def _next(self, so_far: list[int]) -> Tensor:
        logits: Tensor = torch.zeros(len(self.head))
        for told in self.told:
            if told[: len(so_far)] == so_far and len(told) > len(so_far):
                logits[told[len(so_far)]] = 40.0
                if self.slips and len(so_far) % 7 == 0:
                    logits[self.end] = 40.0
                return logits
        logits[self.end] = 40.0
        return logits


def taught(jobs: Sequence[Task], *, slips: bool = False) -> tuple[Sampler, list[Episode]]:
    family = small.policy().family
    played = [episode for episode in map(demonstrate, jobs) if episode is not None]
    told = [tokens_of(family, episode).ids for episode in played]
    model = Teacher(told, family.codec.vocab_size, end=min(family.stops), slips=slips)
    return Sampler(model, family), played


def test_a_model_that_says_what_the_oracle_says_earns_what_it_earns() -> None:
    jobs = tasks(6)
    sampler, played = taught(jobs)
    found = sampler.sample([Job(task, 0) for task in jobs], Sampling(room=1500))
    assert [rollout.reward for rollout in found] == [1.0] * 6
    assert [rollout.reason for rollout in found] == ["done"] * 6
    for rollout, episode in zip(found, played, strict=True):
        told = tokens_of(sampler.family, episode)
        assert rollout.tokens.ids == told.ids
        assert rollout.tokens.mask == told.mask
        assert rollout.verdict == episode.verdict().to_json()


def same(one: Sequence[Rollout], other: Sequence[Rollout]) -> None:
    assert [each.tokens.ids for each in one] == [each.tokens.ids for each in other]
    assert [each.reason for each in one] == [each.reason for each in other]
    assert [each.reward for each in one] == [each.reward for each in other]


@settings(max_examples=5)
@given(st.permutations(range(4)), st.integers(1, 4))
def test_a_rollout_does_not_depend_on_its_batch(order: list[int], size: int) -> None:
    sampler = Sampler(small.policy().model, small.policy().family)  # type: ignore[arg-type]
    jobs = [Job(task, number) for task in tasks(2) for number in range(2)]
    whole = sampler.sample(jobs, SHORT)
    mixed = [jobs[at] for at in order]
    parts = [each for at in range(0, 4, size) for each in sampler.sample(mixed[at : at + size], SHORT)]
    same([whole[at] for at in order], parts)


def test_sharing_lanes_changes_nothing(policy: Policy) -> None:
    jobs = [Job(task, number) for task in tasks(2) for number in range(4)]
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    shared = sampler.sample(jobs, SHORT)
    with_sharing = sampler.forwarded
    alone = sampler.sample(jobs, Sampling(room=700, turn_tokens=12, seed=3, share=False))
    same(shared, alone)
    assert with_sharing < (sampler.forwarded - with_sharing) / 2, "four rollouts read one opening four times"


def test_rollouts_that_slip_apart_are_forked_with_their_worlds() -> None:
    jobs = tasks(3)
    sampler, _ = taught(jobs, slips=True)
    group = [Job(task, number) for task in jobs for number in range(6)]
    shared = sampler.sample(group, Sampling(room=1500, seed=1))
    alone = sampler.sample(group, Sampling(room=1500, seed=1, share=False))
    same(shared, alone)
    assert len({tuple(rollout.tokens.ids) for rollout in shared}) > 3, (
        "no rollout differed: nothing was tested"
    )
    for rollout in shared:
        episode = Episode(rollout.task, face="compact")
        for action in rollout.actions:
            episode.act(action)
        assert episode.messages == list(rollout.messages)
        assert episode.verdict().to_json() == rollout.verdict


def test_other_steps_seeds_and_numbers_draw_otherwise(policy: Policy) -> None:
    task = tasks(1)[0]
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    found = {
        tuple(
            sampler.sample([Job(task, number)], Sampling(seed, step, room=700, turn_tokens=12))[0].tokens.ids
        )
        for seed, step, number in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    }
    assert len(found) == 4


def test_the_sampler_thinks_what_the_trainer_thinks(policy: Policy) -> None:
    """Failure 8: log-probabilities of cached sampling and of training agree to 1e-4 nats."""
    jobs = [Job(task, number) for task in tasks(3) for number in range(2)]
    found = Sampler(policy.model, policy.family).sample(jobs, SHORT)  # type: ignore[arg-type]
    data = batch([rollout.tokens for rollout in found], range(len(found)))
    with torch.no_grad():
        hidden = policy.model(data.ids[:, :-1])[data.mask[:, 1:]]
        logp = token_logps(hidden, policy.model.head, data.flat("ids"))  # type: ignore[arg-type]
    assert (logp - data.flat("mu")).abs().max() < 1e-4


def test_greedy_takes_the_likeliest(policy: Policy) -> None:
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    rollout = sampler.sample([Job(tasks(1)[0], 0)], Sampling(temperature=0.0, room=700, turn_tokens=8))[0]
    ids = torch.tensor([rollout.tokens.ids])
    with torch.no_grad():
        best = (policy.model(ids) @ policy.model.head.T).argmax(-1)[0]
    said = [at for at, flag in enumerate(rollout.tokens.mask) if flag]
    assert [int(best[at - 1]) for at in said] == [rollout.tokens.ids[at] for at in said]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (Sampling(room=1024, turn_tokens=5), "max_tokens"),
        (Sampling(room=260, turn_tokens=200), "context"),
        (Sampling(room=20), "context"),
    ],
)
def test_what_is_cut_off_says_why_and_earns_nothing(policy: Policy, how: Sampling, reason: str) -> None:
    rollouts = Sampler(policy.model, policy.family).sample([Job(task, 0) for task in tasks(4)], how)  # type: ignore[arg-type]
    assert reason in {rollout.reason for rollout in rollouts}
    assert all(rollout.reward == 0.0 for rollout in rollouts)
    assert all(len(rollout.tokens) <= how.room for rollout in rollouts)


def test_a_group_member_has_draws_of_its_own() -> None:
    """Failure 12: no two members of a group are given the same numbers."""
    streams = [uniforms(0, 0, "task", number) for number in range(64)]
    assert len({next(stream) for stream in streams}) == 64


def test_worker_processes_give_the_same_rollouts(policy: Policy) -> None:
    jobs = [Job(task, number) for task in tasks(2) for number in range(2)]
    here = Sampler(policy.model, policy.family).sample(jobs, SHORT)  # type: ignore[arg-type]
    with EnvPool[int](1, face="compact") as pool:
        worlds = PooledWorlds(pool)
        there = Sampler(policy.model, policy.family, worlds=worlds).sample(jobs, SHORT)  # type: ignore[arg-type]
    same(here, there)
    assert [rollout.verdict for rollout in here] == [rollout.verdict for rollout in there]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_weights_that_give_no_probabilities_are_told_with_the_task(temperature: float) -> None:
    broken: Any = small.policy()
    with torch.no_grad():
        next(iter(broken.model.parameters())).fill_(torch.nan)
    task = tasks(1)[0]
    with pytest.raises(NotFiniteError, match=rf"no probabilities in the task {task.id}, rollout 2: .* nan"):
        Sampler(broken.model, broken.family).sample(
            [Job(task, 2)], Sampling(room=700, temperature=temperature)
        )


def test_more_room_than_the_model_has_is_refused(policy: Policy) -> None:
    with pytest.raises(UsageError, match="room for 1024"):
        Sampler(policy.model, policy.family).sample([Job(tasks(1)[0], 0)], Sampling(room=4000))  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(50, 200))
def test_batches_hold_everything_once_and_no_more_than_asked(lengths: list[int], most: int) -> None:
    groups = by_length(lengths, most)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    assert all(len(group) * max(lengths[at] for at in group) <= most for group in groups)


def test_demonstrations_show_mistakes_without_teaching_them() -> None:
    family = small.policy().family
    found = [
        each
        for _, each in demos(family, small.source(), 4, {"recovery": 1}, seed=0, face="compact", room=2000)
    ]
    for episode in found:
        weights = {segment.weight for segment in episode.segments if segment.sampled}
        assert weights == {0.0, 1.0}
    kinds = {"plain": 1, "refusal": 1, "answer": 1}
    mixed = list(demos(family, small.source(), 12, kinds, seed=0, face="compact", room=2000))
    assert any(sum(segment.sampled for segment in episode.segments) == 1 for _, episode in mixed)
    assert any(task.intent.endswith("denied") for task, _ in mixed)
