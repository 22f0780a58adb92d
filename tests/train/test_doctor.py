"""The doctor: all is well on the small decoder, and each planted defect is found by its check."""

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from simenv.scoring.facts import accuracies  # noqa: E402
from simenv.train import doctor  # noqa: E402
from simenv.train.chat.tokens import Segment, TokenEpisode  # noqa: E402
from simenv.train.doctor import Case, Check, adapted, agrees, case_of, learned, masked  # noqa: E402
from simenv.train.forcing import calls_of, forced  # noqa: E402
from simenv.train.models.lora import Adapters  # noqa: E402


@pytest.fixture(scope="module")
def examined() -> tuple[Case, dict[str, Check]]:
    """One case and every check of it."""
    case = case_of("airline", lessons=2, tried=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "LOOK", 10)
        found = [masked(case), *learned(case), agrees(case), *adapted(case)]
    return case, {check.name: check for check in found}


def test_everything_works_on_the_small_decoder(examined: tuple[Case, dict[str, Check]]) -> None:
    failed = {name: check.said for name, check in examined[1].items() if not check.ok}
    assert not failed
    assert len(examined[1]) == 8


def test_one_turn_is_learned_before_several(examined: tuple[Case, dict[str, Check]]) -> None:
    checks = examined[1]
    assert 0 < checks["one turn"].figures["step"] <= checks["several turns"].figures["step"]
    assert (
        checks["overfit one batch"].figures["loss_last"]
        < 0.05
        < 5
        < checks["overfit one batch"].figures["loss_first"]
    )


def test_the_picture_brackets_what_the_agent_says_and_nothing_else(
    examined: tuple[Case, dict[str, Check]],
) -> None:
    case, checks = examined
    lines = checks["mask"].picture.splitlines()[1:]
    assert [("[[" in line) for line in lines] == [each.sampled for each in case.shown[0].segments]
    assert all(line.split()[0] == "assistant" for line in lines if "[[" in line)
    assert all(line.endswith("<|end|>]]") for line in lines if "[[" in line)


def damaged(case: Case, change: Any) -> Case:
    shown = [TokenEpisode([change(segment) for segment in each.segments]) for each in case.shown]
    return Case(case.policy, case.tasks, case.episodes, shown, case.room)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda each: Segment(each.role, each.ids, sampled=False), "mask is zero"),
        (
            lambda each: Segment(each.role, each.ids[:-1], sampled=True) if each.sampled else each,
            "never learns to stop",
        ),
        (lambda each: Segment(each.role, each.ids, sampled=True), "tokens of others are trained"),
        (
            lambda each: Segment(each.role, each.ids[::-1], sampled=True) if each.sampled else each,
            "do not mean what the oracle did",
        ),
    ],
)
def test_user_failure_14_a_wrong_mask_is_found(
    examined: tuple[Case, dict[str, Check]], change: Any, told: str
) -> None:
    check = masked(damaged(examined[0], change))
    assert not check.ok
    assert told in check.said


def test_user_failure_5_a_sampler_without_the_adapter_is_found(
    examined: tuple[Case, dict[str, Check]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The adapter of the fixture has taken a step already; without merging, the sampler has the base.
    from contextlib import contextmanager

    @contextmanager
    def forgotten(adapters: Adapters) -> Iterator[None]:
        with adapters.reference():
            yield

    monkeypatch.setattr(Adapters, "merged", forgotten)
    monkeypatch.setattr(Adapters, "refresh_ref", lambda *_: None)
    checks = {check.name: check.ok for check in adapted(examined[0])}
    assert not checks["the sampler has the adapter"]


def test_user_failure_2_an_adapter_that_never_moves_is_found(
    examined: tuple[Case, dict[str, Check]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simenv.train.models.optim.Optimizers.step", lambda *_: None)
    checks = {check.name: check.ok for check in adapted(examined[0])}
    assert not checks["a step changes the adapter"]


def test_what_is_known_by_heart_is_forced_without_a_mistake(
    examined: tuple[Case, dict[str, Check]],
) -> None:
    case = examined[0]
    adapters = case.policy.adapters
    assert adapters is not None
    adapters.begin(0)
    shown = dict(zip([task.id for task in case.tasks], case.shown, strict=True))
    for hits in accuracies(forced(case.policy, shown), calls_of):
        assert hits
        assert all(tries == found for tries, found in hits.values())
