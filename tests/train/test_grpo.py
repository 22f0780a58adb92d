"""GRPO: what a window holds, what moves, and what does not."""

import pytest

torch = pytest.importorskip("torch")

from collections.abc import Iterable, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from statistics import fmean, pstdev  # noqa: E402

from typing_extensions import override  # noqa: E402

from simenv.core.errors import UsageError  # noqa: E402
from simenv.core.task import Task  # noqa: E402
from simenv.train import config  # noqa: E402
from simenv.train.chat.tokens import Segment, TokenEpisode  # noqa: E402
from simenv.train.config import GrpoConfig, checked  # noqa: E402
from simenv.train.grpo import Grpo, Window  # noqa: E402
from simenv.train.maths.advantages import ADVANTAGES  # noqa: E402
from simenv.train.maths.corrections import CORRECTIONS  # noqa: E402
from simenv.train.maths.credit import CREDITS  # noqa: E402
from simenv.train.maths.filters import TRUNCATIONS  # noqa: E402
from simenv.train.maths.kl import KLS  # noqa: E402
from simenv.train.maths.losses import POLICY_LOSSES  # noqa: E402
from simenv.train.maths.window import AGGREGATIONS  # noqa: E402
from simenv.train.rollouts.batches import batch  # noqa: E402
from simenv.train.rollouts.rewards import reward_of  # noqa: E402
from simenv.train.rollouts.rollout import Job, Rollout, Sampling, without_hint  # noqa: E402
from simenv.train.rollouts.sampler import Sampler  # noqa: E402
from tests.train import small  # noqa: E402

CONFIG = GrpoConfig(groups=2, group=4, refills=1, rank=4, lr=0.01, room=900, turn_tokens=8, micro_tokens=4000)


class Judge(Sampler):
    """Samples as ever, but rewards and reasons are told: rollout ``n`` of a group earns ``rewards[n]``."""

    def __init__(self, inner: Sampler, rewards: Sequence[float], reasons: Sequence[str] = ()) -> None:
        super().__init__(inner.model, inner.family)
        self.rewards, self.reasons = rewards, reasons or ["done"] * len(rewards)
        self.asked: list[Job] = []

    @override
    def sample(self, jobs: Sequence[Job], how: Sampling) -> list[Rollout]:
        self.asked += jobs
        found = super().sample(jobs, how)
        for rollout, job in zip(found, jobs, strict=True):
            rollout.reward = 1.0 if job.hint else self.rewards[job.number % len(self.rewards)]
            rollout.reason = self.reasons[job.number % len(self.reasons)]
        return found


def trainer(rewards: Sequence[float], reasons: Sequence[str] = (), **changes: object) -> Grpo:
    policy = small.policy()
    sampler = Judge(Sampler(policy.model, policy.family), rewards, reasons)  # type: ignore[arg-type]
    return Grpo(policy, CONFIG.model_copy(update=changes), small.source(), sampler=sampler)


def test_a_step_moves_the_adapter_and_nothing_else() -> None:
    """Failures 2 and 5: the adapter changes, the base does not, and the sampler had the trainer's weights."""
    found = trainer([1.0, 0.0, 0.0, 1.0])
    base = {
        name: each.clone() for name, each in found.policy.model.state_dict().items() if "lora_" not in name
    }
    before, ref = found.adapters.digest(), found.adapters.digest("ref")
    row, _ = found.advance()
    assert found.adapters.digest() == row["adapter_digest"] != before
    assert found.adapters.digest("ref") == ref
    assert row["proof_sampler"] == row["proof_trainer"]
    after = found.policy.model.state_dict()
    assert all(torch.equal(each, after[name]) for name, each in base.items())
    assert float(row["mismatch_max"] or 0) < 1e-4


def test_what_was_rewarded_becomes_likelier() -> None:
    found = trainer([1.0, 0.0, 0.0, 0.0], steps=1, beta=0.0)

    def gap(window: Window) -> float:
        logps = []
        for rollout in window.rollouts:
            ids = torch.tensor([rollout.tokens.ids])
            hidden = found.policy.model(ids[:, :-1])
            logp = torch.log_softmax(hidden @ found.policy.model.head.T, -1)
            said = torch.tensor(rollout.tokens.mask)[1:].bool()
            logps.append(float(logp[0, said].gather(1, ids[0, 1:][said][:, None]).sum()))
        return sum(float(a) * logp for a, logp in zip(window.advantages, logps, strict=True))

    _, window = found.advance()
    with torch.no_grad():
        later = gap(window)
        found.adapters.load(found.adapters.state("ref"))
        assert later > gap(window)


def test_groups_that_all_earned_the_same_are_refilled() -> None:
    found = trainer([0.0, 0.0, 0.0, 0.0], refills=3)
    before = found.adapters.digest()
    row, window = found.advance()
    assert (row["groups"], row["tasks"], row["zero_variance"]) == (0, 6, 1.0)
    assert window.tasks == 6
    assert found.adapters.digest() == before, "nothing to learn from must move nothing"
    assert found.task == 6


class Few:
    """A source of three tasks that come again and again."""

    domain = "airline"

    def at(self, index: int) -> Task:
        return small.source().at(index % 3)


def test_a_task_is_taken_once_in_a_window_whatever_the_refills() -> None:
    found = trainer([0.0, 0.0, 0.0, 0.0], refills=4)
    found.source = Few()
    row, window = found.advance()
    asked = [job.task.id for job in found.sampler.asked]  # type: ignore[attr-defined]
    assert sorted(asked.count(task) for task in dict.fromkeys(asked)) == [4, 4, 4]
    assert (row["tasks"], window.tried, window.tasks) == (3, 3, 8)
    assert len(window.sampled) == 12
    assert found.task == 8, "what was drawn again counts as drawn, or a resumed run would draw others"


def test_what_was_cut_off_and_did_worse_is_not_blamed() -> None:
    """Failure 9: it stays in the baseline, and neither gradient nor denominator has it."""
    reasons = ["done", "done", "max_tokens", "context"]
    masked, punished = (
        trainer([1.0, 0.0, 0.0, 1.0], reasons),
        trainer([1.0, 0.0, 0.0, 1.0], reasons, mask_reasons=()),
    )
    row, window = masked.advance()
    assert window.keep.tolist() == [True, True, False, True] * 2
    full, other = punished.advance()
    assert other.keep.all()
    assert torch.equal(window.advantages, other.advantages)
    lost = sum(rollout.tokens.sampled for rollout in window.rollouts if rollout.number == 2)
    assert int(full["mask_tokens"] or 0) - int(row["mask_tokens"] or 0) == lost


def test_micro_batches_add_up_to_the_window() -> None:
    """Failure 9: how a window is cut changes nothing."""
    whole, cut = trainer([1.0, 0.0, 0.0, 1.0]), trainer([1.0, 0.0, 0.0, 1.0], micro_tokens=900)
    one, other = whole.advance()[0], cut.advance()[0]
    assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)
    assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)


def test_a_second_pass_is_held_to_the_policy_before_the_first() -> None:
    row, _ = trainer([1.0, 0.0, 0.0, 1.0], updates=3, lr=0.3).advance()
    assert float(row["clip_low"] or 0) + float(row["clip_high"] or 0) > 0
    once, _ = trainer([1.0, 0.0, 0.0, 1.0]).advance()
    assert (once["clip_low"], once["clip_high"]) == (0.0, 0.0)


def test_rollouts_that_are_left_end_a_window_early() -> None:
    found = trainer([0.0, 0.0, 0.0, 0.0], refills=40)
    found.left = 4 * 5 + 3
    _, window = found.advance()
    assert len(window.sampled) == 4 * 5
    assert found.left == 3
    assert found.is_spent
    _, window = found.advance()
    assert not window.sampled, "three are no group of four"
    passed = trainer([1.0, 0.0, 0.0, 0.0], refills=40)
    passed.left = 100
    passed.advance()
    assert not passed.is_spent
    assert passed.left == 100 - 4 * passed.config.groups, "groups with a signal need no refill"


def test_a_guide_tells_groups_that_failed_whole() -> None:
    found = trainer([0.0, 0.0, 0.0, 0.0], guide=True)
    _, window = found.advance()
    asked = found.sampler.asked  # type: ignore[attr-defined]
    assert sum(bool(job.hint) for job in asked) == 8
    assert all("reservation" in job.hint for job in asked if job.hint)
    assert not window.groups, "hinted groups all passed here, so they have no signal either"


def test_a_hint_is_not_in_what_is_trained_on() -> None:
    found = trainer([0.0, 1.0, 0.0, 0.0])
    task: Task = found.source.at(0)
    plain, hinted = found.sampler.sample(
        [Job(task, 0), Job(task, 1, "Hint: zebra")], Sampling(room=900, turn_tokens=8)
    )
    said = [segment for segment in hinted.tokens.segments if segment.sampled]
    bare = without_hint(hinted, plain.tokens.segments)
    assert bare.guided
    assert "zebra" not in found.policy.family.codec.text(bare.tokens.ids)
    assert [segment for segment in bare.tokens.segments if segment.sampled] == said


def test_the_reference_is_refreshed_every_n_steps() -> None:
    """Failures 3 and 4."""
    found = trainer([1.0, 0.0, 0.0, 1.0], refresh=2)
    refs = []
    for _ in range(4):
        found.advance()
        refs.append(found.adapters.digest("ref"))
    assert refs[0] == refs[1] != refs[2] == refs[3]


def test_negatives_only_zeroes_what_did_better() -> None:
    _, window = trainer([1.0, 0.0, 0.0, 1.0], negatives_only=True).advance()
    assert sorted(set(window.advantages.tolist())) == pytest.approx([-2 / 3, 0.0])


def test_credit_decays_from_the_last_turn_back() -> None:
    found = trainer([1.0, 0.0, 0.0, 0.0], credit="gamma_step", gamma=0.5)
    _, window = found.advance()
    said = [Segment("assistant", (9, 9), sampled=True, logps=(-1.0, -1.0)) for _ in range(3)]
    for rollout in window.rollouts:
        rollout.tokens, rollout.turns = TokenEpisode([Segment("user", (8,), sampled=False), *said]), 3
    worth = found._token_worth(batch([each.tokens for each in window.rollouts], [0, 1]), window)  # noqa: SLF001
    first, second = (float(window.advantages[at]) for at in (0, 1))
    expected = [first / 4, first / 4, first / 2, first / 2, first, first, *[second] * 6]
    assert first > 0 > second
    assert worth.tolist() == pytest.approx(expected)


def test_a_composite_pays_for_form() -> None:
    rollout = Rollout(
        small.source().at(0),
        0,
        TokenEpisode([Segment("assistant", (1,), sampled=True)]),
        0.0,
        "done",
        2,
        1,
        0,
        {"missing": [1]},
        [],
    )
    assert reward_of("binary", rollout) == 0.0
    assert reward_of("composite", rollout) > reward_of("composite", replace(rollout, refused=2)) >= 0


def test_reward_of_a_row_is_the_one_that_is_trained_on_over_all_that_was_sampled() -> None:
    """Found by a reader: the mean was of the verdict and the spread of the composite of kept groups."""
    found = trainer([0.0, 0.0, 0.0, 0.0], reward="composite")
    row, window = found.advance()
    earned = [reward_of("composite", rollout) for rollout in window.sampled]
    assert row["success"] == 0
    assert row["reward_mean"] == pytest.approx(fmean(earned))
    assert fmean(earned) > 0
    assert row["reward_std"] == pytest.approx(pstdev(earned))
    row, window = trainer([1.0, 0.0, 0.0, 1.0]).advance()
    assert (row["success"], row["reward_mean"], row["reward_std"]) == (0.5, 0.5, 0.5)


def test_flat_groups_count_in_mean_and_spread_alike() -> None:
    found = trainer([0.0, 1.0, 1.0, 1.0])
    ids = [found.source.at(at).id for at in range(2)]
    judge = found.sampler.sample

    def sample(jobs: Sequence[Job], how: Sampling) -> list[Rollout]:
        played = judge(jobs, how)
        for rollout in played:
            rollout.reward = 0.0 if rollout.task.id == ids[1] else rollout.reward
        return played

    found.sampler.sample = sample  # type: ignore[method-assign]
    row, window = found.advance()
    assert (row["groups"], len(window.sampled)) == (1, 8)
    assert row["reward_mean"] == 3 / 8
    assert row["reward_std"] == pytest.approx((15 / 64) ** 0.5)


def test_two_processes_would_end_alike() -> None:
    one, other = trainer([1.0, 0.0, 0.0, 1.0]), trainer([1.0, 0.0, 0.0, 1.0])
    assert [one.advance()[0]["adapter_digest"] for _ in range(2)] == [
        other.advance()[0]["adapter_digest"] for _ in range(2)
    ]


def test_a_guide_leaves_groups_alone_where_there_is_no_room() -> None:
    found = trainer([0.0, 0.0, 0.0, 0.0], guide=True, room=64)
    row, window = found.advance()
    assert not window.groups
    assert row["guided"] == 0


@pytest.mark.parametrize("name", ["advantage", "loss", "correction", "kl", "aggregation", "credit"])
def test_a_misspelled_name_is_refused_before_anything_is_sampled(name: str) -> None:
    with pytest.raises(UsageError, match="no such name: 'bogus'"):
        checked(GrpoConfig, {name: "bogus"})


def test_the_config_knows_the_registries() -> None:
    registries: dict[str, Iterable[str]] = {
        "advantage": ADVANTAGES,
        "loss": POLICY_LOSSES,
        "correction": CORRECTIONS,
        "kl": KLS,
        "aggregation": AGGREGATIONS,
        "credit": CREDITS,
        "mask_reasons": TRUNCATIONS,
    }
    assert {name: sorted(each) for name, each in registries.items()} == {
        name: list(each)
        for name, each in config._NAMES.items()  # noqa: SLF001
    }
