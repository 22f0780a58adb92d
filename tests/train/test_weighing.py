"""Options of losses and corrections: refused before a run begins, and what they do in a step."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from simenv.cli import main  # noqa: E402
from simenv.core.errors import UsageError  # noqa: E402
from simenv.train.config import GrpoConfig, with_settings  # noqa: E402
from simenv.train.jobs import run_grpo  # noqa: E402
from simenv.train.loop.config import LoopConfig  # noqa: E402
from simenv.train.loop.rounds import Loop  # noqa: E402
from simenv.train.maths.advantages import advantages, reward_table  # noqa: E402
from simenv.train.maths.losses import Tokens  # noqa: E402
from simenv.train.weighing import check_options, teaching, trust_of  # noqa: E402
from tests.train.test_grpo import trainer  # noqa: E402

MISTAKES: list[tuple[dict[str, Any], str]] = [
    (
        {"options": {"cap": 9}},
        r"^options = cap:9: the policy loss 'ppo' has no option 'cap'; it has low, high",
    ),
    ({"options": {"low": 9}}, r"^options = low:9: a ratio is clipped to .* with low in \[0, 1\], not 9"),
    ({"options": {"name": 1}}, r"^options = name:1: the policy loss 'ppo' has no option 'name'"),
    ({"loss": "reinforce", "options": {"low": 0.2}}, "it has none"),
    ({"correction_options": {"cap": 2}}, "^correction_options = cap:2: the correction 'none' has no option"),
    (
        {"correction": "icepop", "correction_options": {"cap": 2}},
        "'icepop' has no option 'cap'; it has low, hi",
    ),
    ({"correction": "token_truncate", "correction_options": {"cap": 0}}, "cap is a ratio above 0, not 0"),
    ({"correction": "icepop", "correction_options": {"low": 2}}, r"low is in \[0, 1\]"),
]


@pytest.mark.parametrize(("values", "words"), MISTAKES)
def test_options_that_nothing_takes_are_refused_before_anything_is_loaded(
    values: dict[str, Any], words: str, tmp_path: Path
) -> None:
    config = GrpoConfig(**values)
    with pytest.raises(UsageError, match=words):
        run_grpo(config, tmp_path / "b", start=str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match=words):
        trainer([0.0] * 4, **values)
    with pytest.raises(UsageError, match=words):
        Loop(LoopConfig(**values), tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_the_command_line_ends_with_two_for_an_option_that_the_loss_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Found by a reader: a run in which no group had a signal ended well with such an option."""
    begins = ["train", "grpo", "--from", str(tmp_path / "nothing"), "--out", str(tmp_path / "b")]
    assert main([*begins, "--set", "options=cap:9"]) == 2
    assert "it has low, high, delta" in capsys.readouterr().err


def test_options_of_a_correction_can_be_set_and_are_used() -> None:
    settings = ["correction=token_truncate", "correction_options=cap:1.5", "off_policy_mask=0.1"]
    config = with_settings(GrpoConfig, settings)
    check_options(config)
    old, mu = torch.zeros(3), torch.tensor([-1.0, 0.0, 0.0])
    logp = torch.tensor([0.0, 0.0, -0.3])
    tokens = Tokens(logp, old, torch.tensor([1.0, 1.0, -1.0]), torch.tensor([0, 0, 1]), 2, mu)
    assert trust_of(config, tokens).tolist() == [1.5, 1.0, 0.0]
    unmasked = config.model_copy(update={"off_policy_mask": None})
    assert trust_of(unmasked, tokens).tolist() == [1.5, 1.0, 1.0]
    assert trust_of(GrpoConfig(), tokens).tolist() == [1.0] * 3


def test_a_mask_for_what_was_left_behind_is_off_by_default_and_changes_a_step() -> None:
    """With many passes at a high rate the policy leaves what did worse; the mask then drops it."""
    told: dict[str, Any] = {"updates": 3, "lr": 0.05, "beta": 0.0}
    plain, _ = trainer([1.0, 0.0, 0.0, 1.0], **told).advance()
    masked, _ = trainer([1.0, 0.0, 0.0, 1.0], off_policy_mask=1e-4, **told).advance()
    assert plain["ess"] == pytest.approx(1)
    assert float(masked["ess"] or 0) < 1
    assert masked["adapter_digest"] != plain["adapter_digest"]


def test_a_group_that_succeeded_whole_teaches_only_without_a_baseline() -> None:
    """What has a signal is what has an advantage: else a step trains on groups that move nothing."""
    rewards = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    assert teaching(GrpoConfig(), rewards) == [False, False, True]
    assert teaching(GrpoConfig(advantage="reinforce"), rewards) == [False, True, True]
    for name in ("rloo", "grpo", "dr_grpo", "maxrl", "reinforce", "batch"):
        config = GrpoConfig(advantage=name)
        for row, teaches in zip(rewards, teaching(config, rewards), strict=True):
            moves = bool((advantages(name, reward_table([row])) != 0).any())
            assert teaches == moves, (name, row)


@pytest.mark.parametrize("values", [{"negatives_only": True}, {"off_policy_mask": 0.1}])
def test_what_only_blames_is_refused_where_nothing_is_blamed(values: dict[str, Any]) -> None:
    """Found by a reader: every advantage was 0, and the run went on with nothing to learn from."""
    with pytest.raises(
        UsageError, match=rf"^{next(iter(values))} is about .* advantage=reinforce blames none"
    ):
        check_options(GrpoConfig(advantage="reinforce", **values))
    check_options(GrpoConfig(**values))
