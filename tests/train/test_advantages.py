"""Advantages, filters and credit: figures from the sources, and laws that hold for any reward."""

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, tensor
from torch.testing import assert_close

from simenv.core.errors import UnknownNameError, UsageError
from simenv.train.maths.advantages import ADVANTAGES, advantages, reward_table, rloo, zero_variance
from simenv.train.maths.credit import decayed_rewards, step_rewards, token_advantages
from simenv.train.maths.filters import (
    REASONS,
    TRUNCATIONS,
    mask_truncated_negatives,
    negatives_only,
    overlong_penalty,
)

NAN = float("nan")
GOLDEN = tensor([[1.0, 0, 0, 1, 1, 0, 0, 0]])

REWARDS = st.floats(-4, 4, width=32)
GROUPS = (
    st.integers(2, 6)
    .flatmap(
        lambda width: st.lists(st.lists(REWARDS, min_size=width, max_size=width), min_size=1, max_size=4)
    )
    .map(lambda rows: tensor(rows, dtype=torch.float64))
)
NAMES = st.sampled_from(sorted(ADVANTAGES))


@pytest.mark.parametrize(
    ("name", "won", "lost"),
    [
        ("grpo", 1.207381, -0.724429),
        ("grpo_verl", 1.207612, -0.724567),
        ("grpo_rllm", 1.290992, -0.774595),
        ("rloo", 0.714286, -0.428571),
        ("dr_grpo", 0.625, -0.375),
        ("maxrl", 1.666667, -1.0),
        ("reinforce", 1.0, 0.0),
        ("batch", 1.207381, -0.724429),
    ],
)
def test_figures_of_each_source(name: str, won: float, lost: float) -> None:
    expected = torch.where(GOLDEN > 0, won, lost)
    assert_close(advantages(name, GOLDEN), expected, atol=1e-6, rtol=0)


def test_batch_divides_by_the_spread_of_all_groups() -> None:
    rewards = tensor([[1.0, 0.0], [3.0, 2.0]])
    assert_close(advantages("batch", rewards), tensor([[0.5, -0.5]] * 2) / (rewards.std() + 1e-4))


def test_reinforce_takes_a_constant_baseline() -> None:
    assert advantages("reinforce", tensor([[1.0, 0.25]]), baseline=0.25).tolist() == [[0.75, 0.0]]


@given(GROUPS)
def test_leave_one_out_is_the_mean_of_the_others(rewards: Tensor) -> None:
    width = rewards.shape[1]
    others = (rewards.sum(1, keepdim=True) - rewards) / (width - 1)
    assert_close(rloo(rewards), rewards - others)
    assert_close(rloo(rewards), width / (width - 1) * (rewards - rewards.mean(1, keepdim=True)))


@given(GROUPS, st.sampled_from(["rloo", "dr_grpo", "grpo", "grpo_verl", "grpo_rllm", "batch"]))
def test_advantages_of_a_group_sum_to_zero(rewards: Tensor, name: str) -> None:
    found = advantages(name, rewards)
    assert bool((found.sum(1).abs() <= 1e-9 * (1 + found.abs().amax())).all())


@given(GROUPS, NAMES, st.randoms(use_true_random=False))
def test_the_order_of_rollouts_does_not_matter(rewards: Tensor, name: str, shuffle: object) -> None:
    order = list(range(rewards.shape[1]))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert_close(advantages(name, rewards[:, order]), advantages(name, rewards)[:, order])


@given(GROUPS, NAMES, st.integers(0, 5))
def test_an_unscorable_rollout_is_as_if_it_were_not_there(rewards: Tensor, name: str, place: int) -> None:
    place %= rewards.shape[1] + 1
    hole = torch.full((len(rewards), 1), NAN, dtype=rewards.dtype)
    found = advantages(name, torch.cat([rewards[:, :place], hole, rewards[:, place:]], dim=1))
    assert bool((found[:, place] == 0).all())
    rest = torch.cat([found[:, :place], found[:, place + 1 :]], dim=1)
    assert_close(rest, advantages(name, rewards))


@given(REWARDS, st.integers(2, 8), st.sampled_from(sorted(set(ADVANTAGES) - {"reinforce"})))
def test_equal_rewards_teach_exactly_nothing(reward: float, width: int, name: str) -> None:
    rewards = torch.full((1, width), reward)
    assert advantages(name, rewards).tolist() == [[0.0] * width]
    assert zero_variance(rewards).tolist() == [True]


@given(GROUPS, st.floats(-3, 3))
def test_a_constant_on_all_rewards_changes_nothing(rewards: Tensor, constant: float) -> None:
    assert_close(rloo(rewards + constant), rloo(rewards), atol=1e-9, rtol=1e-9)


def test_a_lone_rollout_by_trainer() -> None:
    alone = tensor([[0.5, NAN, NAN]])
    assert advantages("grpo", alone).tolist() == [[0, 0, 0]]
    assert advantages("rloo", alone).tolist() == [[0, 0, 0]]
    assert_close(advantages("grpo_verl", alone), tensor([[0.5, 0, 0]]), atol=1e-6, rtol=0)
    assert_close(advantages("grpo_rllm", alone), tensor([[0.5, 0, 0]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_a_group_that_nobody_could_score_is_all_zero(name: str) -> None:
    found = advantages(name, tensor([[NAN, NAN], [1.0, 0.0]]))
    assert found[0].tolist() == [0, 0]
    assert bool(found.isfinite().all())


def test_maxrl_is_zero_where_nothing_was_earned() -> None:
    assert advantages("maxrl", tensor([[-1.0, 0.5]])).tolist() == [[0, 0]]


def test_zero_variance_looks_at_scored_rewards_only() -> None:
    table = reward_table([[1, None, 1], [0, None, 1], [None, None, 1], [None, None, None]])
    assert zero_variance(table).tolist() == [True, False, True, True]


def test_a_reward_that_is_not_finite_names_its_rollout() -> None:
    with pytest.raises(UsageError, match=r"the reward of rollout airline-3/5 is nan, which is not finite"):
        reward_table([[1.0, NAN]], [["airline-3/4", "airline-3/5"]])
    with pytest.raises(UsageError, match=r"rollout 1 of group 2 is -?inf"):
        reward_table([[1], [1], [0, float("inf")]])
    with pytest.raises(UsageError, match="rollout 1 of group 0 is -inf"):
        advantages("rloo", tensor([[0.0, -float("inf")]]))


def test_a_table_fills_short_groups_with_unscorable_ones() -> None:
    assert_close(reward_table([[1], [0, 2]]), tensor([[1.0, NAN], [0.0, 2.0]]), equal_nan=True)
    assert reward_table([]).shape == (0, 0)


def test_names_and_options_that_are_unknown() -> None:
    with pytest.raises(UnknownNameError, match=r"no advantage is named 'rlo'\. Did you mean 'rloo'"):
        advantages("rlo", GOLDEN)
    with pytest.raises(UsageError, match="the advantage 'rloo' has no option 'eps'; it has none"):
        advantages("rloo", GOLDEN, eps=1)
    with pytest.raises(UnknownNameError, match="GRPO variant"):
        ADVANTAGES["grpo"](GOLDEN, variant="ours")
    with pytest.raises(UsageError, match="shape"):
        rloo(tensor([1.0, 0.0]))


def test_cut_off_negatives_are_masked_and_still_count_in_the_baseline() -> None:
    rewards = tensor([[1.0, 0, 0, 0]])
    advantage = rloo(rewards)[0]
    keep = mask_truncated_negatives(advantage, ["max_turns", "max_turns", "done", "timeout"])
    assert keep.tolist() == [True, False, True, False]
    # The winner's baseline is that of all four rollouts, not of the two that are kept.
    assert advantage[0] == 1
    assert_close(advantage[2], tensor(-1 / 3))


def test_only_the_named_reasons_mask() -> None:
    advantage = torch.full((len(REASONS),), -1.0)
    assert mask_truncated_negatives(advantage, REASONS).tolist() == [reason == "done" for reason in REASONS]
    assert mask_truncated_negatives(advantage, REASONS, ["timeout"]).sum() == len(REASONS) - 1
    assert bool(mask_truncated_negatives(advantage, REASONS, []).all())
    for better in (-advantage, 0 * advantage):
        assert bool(mask_truncated_negatives(better, REASONS, TRUNCATIONS).all())


def test_a_reason_that_does_not_exist_masks_nothing_silently_never() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'max_turns'"):
        mask_truncated_negatives(tensor([-1.0]), ["done"], ["max_turn"])
    with pytest.raises(UnknownNameError, match="termination reason"):
        mask_truncated_negatives(tensor([-1.0]), ["budget"])
    with pytest.raises(UsageError, match="2 reasons"):
        mask_truncated_negatives(tensor([-1.0]), ["done", "done"])


def test_negatives_only_zeroes_what_did_better() -> None:
    assert negatives_only(tensor([2.0, -1.0, 0.0])).tolist() == [0, -1, 0]


def test_overlong_penalty_figures() -> None:
    lengths = tensor([70, 80, 85, 95, 100, 110])
    assert_close(overlong_penalty(lengths, 100, 20), tensor([0.0, 0.0, -0.25, -0.75, -1.0, -1.0]))
    assert overlong_penalty(tensor([95]), 100, 20, factor=2).tolist() == [-1.5]
    with pytest.raises(UsageError, match="cushion"):
        overlong_penalty(lengths, 100, 0)


def test_gamma_decay_in_both_readings() -> None:
    rewards, turns = tensor([1.0, 1.0, 0.0]), tensor([4, 2, 3])
    step = step_rewards("gamma_step", rewards, turns, 0.9)
    expected = tensor([[0.729, 0.81, 0.9, 1.0], [0.9, 1.0, NAN, NAN], [0.0, 0.0, 0.0, NAN]])
    assert_close(step, expected, equal_nan=True)
    total = step_rewards("gamma_total", rewards, turns, 0.9)
    expected = tensor([[0.729] * 4, [0.9, 0.9, NAN, NAN], [0.0, 0.0, 0.0, NAN]])
    assert_close(total, expected, equal_nan=True)
    assert_close(step_rewards("outcome", rewards, turns)[:, 0], rewards)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.floats(0.5, 0.99))
def test_the_two_readings_differ_in_what_they_prefer(lengths: list[int], gamma: float) -> None:
    turns = tensor(lengths)
    rewards = torch.ones(len(lengths))
    short = decayed_rewards("gamma_total", rewards, turns, gamma)
    assert short.argmax() == turns.argmin()
    assert bool((decayed_rewards("gamma_step", rewards, turns, gamma) == 1).all())
    assert bool((decayed_rewards("outcome", rewards, turns, gamma) == 1).all())


def test_tokens_get_the_advantage_of_their_turn() -> None:
    advantage, turns = tensor([1.0, -0.5]), tensor([2, 3])
    row, turn = tensor([0, 0, 0, 1, 1]), tensor([1, 1, 2, 1, 3])
    found = token_advantages("gamma_step", advantage, row, turn, turns, 0.9)
    assert_close(found, tensor([0.9, 0.9, 1.0, -0.5, -0.5]))
    for name in ("outcome", "gamma_total"):
        assert token_advantages(name, advantage, row, turn, turns).tolist() == [1, 1, 1, -0.5, -0.5]


def test_a_decay_out_of_range_is_an_error() -> None:
    with pytest.raises(UsageError, match="gamma is in"):
        step_rewards("outcome", tensor([1.0]), tensor([1]), 0)
    with pytest.raises(UnknownNameError, match="no credit is named 'gamma'"):
        step_rewards("gamma", tensor([1.0]), tensor([1]))
