"""The rank study: its measures on matrices that are known, its adapters against peft's, its words against data."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from benchmarks.rslora.__main__ import study  # noqa: E402
from benchmarks.rslora.cells import Edit, Plan, Store, cells  # noqa: E402
from benchmarks.rslora.data import WORDS, dialogue, facts, formatted, joined, style  # noqa: E402
from benchmarks.rslora.lanes import SCALINGS, adapted, known_lanes, scale_of, train_lanes  # noqa: E402
from benchmarks.rslora.spectra import Factors, energies, floor, updates, with_rank  # noqa: E402
from benchmarks.rslora.training import (  # noqa: E402
    answered,
    batches,
    edited_fully,
    generator,
    known,
    matrices,
    new_decoder,
)
from simenv.core.draws import Draws  # noqa: E402
from simenv.core.errors import DataError, UsageError  # noqa: E402
from simenv.train.lora import attach  # noqa: E402
from simenv.train.model import SHAPES, Decoder  # noqa: E402

TINY = Plan(
    size="0.3m",
    base_steps=3,
    seeds=2,
    full=(Edit("style", 1, 4, 2), Edit("facts", 4, 4, 2)),
    optimizers=(("adamw", 1e-3), ("sgd", 0.1)),
    ranks=(2, 8),
    rates=(1e-3, 1e-2),
    alpha=16,
    adapters=(Edit("facts", 4, 4, 4),),
)


def small(seed: int = 0) -> Decoder:
    shape = replace(SHAPES["0.3m"], layers=1, taps=0, copying=False, rotary=0)
    return Decoder(shape, len(WORDS), seed=seed, room=64)


# Measures


def test_energy_of_a_known_matrix() -> None:
    values = torch.linalg.svdvals(torch.diag(torch.tensor([1.0, 3.0, 2.0])))
    assert energies(values, (1, 2, 3, 64)) == pytest.approx([9 / 14, 13 / 14, 1, 1])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_an_update_of_rank_r_has_all_its_energy_in_r_values(rank: int, seed: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(9, rank, generator=draws, dtype=torch.float64) for _ in range(2))
    shares = energies(torch.linalg.svdvals(left @ right.T), range(1, 10))
    assert shares[rank - 1] == pytest.approx(1)
    assert all(a <= b + 1e-12 for a, b in zip(shares, shares[1:], strict=False))
    assert rank == 1 or shares[rank - 2] < 1 - 1e-9


def marchenko_pastur(rows: int, columns: int, rank: int) -> float:
    """Return the share of energy in the first singular values of a large Gaussian matrix, rows <= columns."""
    ratio = rows / columns
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    step, number, energy = (high - low) / 20_000, 0.0, 0.0
    for at in range(20_000):
        value = high - (at + 0.5) * step
        weight = math.sqrt((high - value) * (value - low)) / (2 * math.pi * ratio * value) * step
        number, energy = number + weight, energy + weight * value
        if number >= rank / rows:
            break
    return energy


@pytest.mark.parametrize("shape", [(64, 64), (176, 64), (64, 176)])
def test_the_random_floor_is_that_of_marchenko_and_pastur(shape: tuple[int, int]) -> None:
    ranks = (4, 8, 16, 32, 64)
    low, high = sorted(shape)
    expected = [marchenko_pastur(low, high, rank) for rank in ranks]
    assert floor(*shape, ranks) == pytest.approx(expected, abs=0.012)
    assert floor(*shape, ranks) == floor(*shape, ranks)


@pytest.mark.parametrize("rank", [1, 3])
def test_cutting_an_update_of_low_rank_to_its_rank_keeps_the_function(rank: int) -> None:
    before, after, draws = small(), small(), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in matrices(after).values():
            left, right = (torch.randn(size, rank, generator=draws) for size in weight.shape)
            weight += 0.02 * left @ right.T
    lines = formatted(8, "test")

    def logits(model: Decoder) -> torch.Tensor:
        with torch.no_grad():
            return answered(model, lines, lines.answer)[0]

    factors = updates(before, after)
    assert torch.allclose(logits(with_rank(before, factors, rank)), logits(after), atol=1e-4)
    assert not torch.allclose(logits(with_rank(before, factors, rank - 1)), logits(after), atol=1e-2)
    assert torch.equal(logits(with_rank(before, factors, 0)), logits(before))


def test_a_cut_is_the_nearest_matrix_of_its_rank() -> None:
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    factors = Factors(*torch.linalg.svd(matrix, full_matrices=False))
    lost = (matrix - factors.truncated(2)).square().sum()
    assert float(lost) == pytest.approx(float(factors.values[2:].square().sum()))


# Lines


def said(tokens: Any) -> list[str]:
    return [WORDS[token] for token in tokens]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([("fly well !",), ("fly well !", "is there more ?")]))
def test_the_style_edit_changes_closing_words_only(address: int, closings: tuple[str, ...]) -> None:
    old, new = dialogue(Draws(address)), dialogue(Draws(address), closings=closings)
    assert old.ids[: old.edited[0]] == new.ids[: new.edited[0]]
    assert old.edited[0] == new.edited[0]
    assert old.answer == new.answer
    assert " ".join(said(new.ids[slice(*new.edited)])) in closings
    assert said(new.ids[new.edited[1] :]) == ["<end>"]


def test_marks_stand_before_the_tokens_they_mean() -> None:
    lines = style(40, 3, "one")
    for ids, answer, edited in zip(lines.ids, lines.answer, lines.edited, strict=True):
        closing = said(ids[1:][edited])
        assert said(ids[1:][answer])[-len(closing) - 1 :] == [*closing, "<end>"]
        assert said(ids[:-1][answer])[0] == "<assistant>"
        assert closing[-1] == "!"


def test_facts_are_different_keys_with_four_digits() -> None:
    lines = facts(1000, 0)
    keys = {tuple(row[2:4].tolist()) for row in lines.ids}
    assert len(keys) == 1000
    assert set(lines.edited.sum(1).tolist()) == {4}
    assert all(WORDS[token].isdigit() for token in lines.ids[:, 1:][lines.edited])
    assert torch.equal(lines.ids, facts(1000, 0).ids)
    assert not torch.equal(lines.ids, facts(1000, 1).ids)
    with pytest.raises(UsageError, match="1 to 1296 facts"):
        facts(1297, 0)


def test_joined_lines_keep_what_is_learned() -> None:
    parts = [facts(3, 0), style(4, 1, "a"), formatted(5, "b")]
    whole = joined(parts)
    assert len(whole) == 12
    assert int(whole.answer.sum()) == sum(int(part.answer.sum()) for part in parts)
    tokens = torch.cat([part.ids[:, 1:][part.edited] for part in parts])
    assert torch.equal(whole.ids[:, 1:][whole.edited], tokens)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_every_line_comes_before_any_comes_again(size: int, epochs: int, seed: int) -> None:
    lines = facts(size * 3, 0)
    seen = Counter(
        tuple(row.tolist())
        for batch in batches(lines, size, 3 * epochs, generator("test", seed))
        for row in batch.ids
    )
    assert set(seen.values()) == {epochs}
    assert len(seen) == len(lines)


# Training


@pytest.mark.parametrize(
    ("scaling", "rank", "scale"),
    [
        ("alpha/r", 4, 4.0),
        ("alpha/r", 512, 1 / 32),
        ("alpha/sqrt(r)", 4, 8.0),
        ("alpha/sqrt(r)", 256, 1.0),
    ],
)
def test_scales(scaling: str, rank: int, scale: float) -> None:
    assert scale_of(scaling, 16, rank) == pytest.approx(scale)


def by_peft(model: Decoder, lines: Any, rate: float, **settings: Any) -> tuple[list[float], list[float]]:
    adapters = attach(model, **settings)
    optimizer = torch.optim.AdamW(adapters.parameters(), lr=rate, weight_decay=0.0)
    losses, norms = [], []
    for batch in lines:
        loss = torch.nn.functional.cross_entropy(*answered(model, batch, batch.answer))
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append(float(torch.nn.utils.get_total_norm([each.grad for each in adapters.parameters()])))
        optimizer.step()
    return losses, norms


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("rank", [4, 96])
def test_a_lane_is_the_adapter_of_the_trainer(scaling: str, rank: int) -> None:
    """Plain LoRA is rsLoRA with alpha / sqrt(rank) for alpha."""
    lanes, steps = [(0, 1e-3), (7, 5e-3)], 6
    lines = {seed: style(12, 1, seed) for seed, _ in lanes}

    def course(seed: int) -> Any:
        return batches(lines[seed], 3, steps, generator("test", seed))

    scale = scale_of(scaling, 16, rank)
    model = adapted(small(), rank=rank, scale=scale, seeds=[seed for seed, _ in lanes])
    found = train_lanes(model, [course(seed) for seed, _ in lanes], [rate for _, rate in lanes])
    ends = known_lanes(model, [lines[seed] for seed, _ in lanes])
    alpha = 16 if scaling == "alpha/sqrt(r)" else 16 / math.sqrt(rank)
    for (seed, rate), mine, end in zip(lanes, found, ends, strict=True):
        theirs = small()
        losses, norms = by_peft(theirs, course(seed), rate, rank=rank, alpha=alpha, seed=seed)
        assert mine.losses == pytest.approx(losses, rel=2e-3)
        assert mine.norms == pytest.approx(norms, rel=5e-3)
        assert mine.warm_norm == pytest.approx(sum(norms[4:]) / 2, rel=5e-3)
        assert end.loss == pytest.approx(known(theirs, lines[seed]).loss, rel=2e-3)


def test_a_lane_that_breaks_leaves_the_others_alone() -> None:
    lines = facts(4, 0)

    def losses(rates: Sequence[float]) -> list[list[float]]:
        model = adapted(small(), rank=4, scale=8.0, seeds=[0] * len(rates))
        return [each.losses for each in train_lanes(model, [[lines] * 4 for _ in rates], rates)]

    alone, (beside, broken) = losses([1e-3, 1e-3]), losses([1e-3, math.inf])
    assert beside == alone[0]
    assert not math.isfinite(broken[-1])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_full_edit_moves_every_matrix_and_nothing_else(optimizer: str) -> None:
    model, lines = small(), facts(4, 0)
    first = {name: each.clone() for name, each in model.named_parameters()}
    after, steps = edited_fully(
        model, [lines] * 3, optimizer=optimizer, rate=1e-2, until=lines, enough=math.inf
    )
    assert steps == 3  # the first look is after 25 steps
    assert all(torch.equal(each, first[name]) for name, each in model.named_parameters())
    moved = {name for name, each in after.named_parameters() if not torch.equal(each, first[name])}
    assert moved == set(matrices(model))


def test_knowledge_is_of_the_edited_tokens() -> None:
    model, lines = small(), style(8, 1, "x")
    with torch.no_grad():
        logits, targets = answered(model, lines, lines.edited)
    seen = known(model, lines)
    assert seen.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, targets)), rel=1e-5)
    assert seen.accuracy == float((logits.argmax(-1) == targets).double().mean())


# Cells


def run(folder: Path) -> dict[str, Any]:
    return {name: each for name, each in study(TINY, folder).items() if name != "cpu_seconds"}


def test_a_study_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = run(tmp_path / "a")
    store = Store(tmp_path / "a", TINY)
    assert list(store.done) == list(cells(TINY))
    half = tmp_path / "b"
    half.mkdir()
    lines = store.path.read_bytes().splitlines(keepends=True)
    (half / store.path.name).write_bytes(b"".join(lines[:3]) + lines[3][:40])
    assert len(Store(half, TINY).done) == 3
    assert json.dumps(run(half)) == json.dumps(whole)


def test_finished_cells_are_not_run_again(tmp_path: Path) -> None:
    store = Store(tmp_path, TINY)
    store.run("one", lambda _: [{"answer": 1}], new_decoder("0.3m"))

    def never(_: Decoder) -> list[dict[str, Any]]:
        raise AssertionError

    Store(tmp_path, TINY).run("one", never, new_decoder("0.3m"))
    assert Store(tmp_path, replace(TINY, alpha=8)).done == {}


def test_a_foreign_file_of_cells_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, TINY)
    store.path.write_text('{"other": 1}\n')
    with pytest.raises(DataError, match="is no finished cell"):
        Store(tmp_path, TINY)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="--out"):
        Store(tmp_path / "file", TINY)
