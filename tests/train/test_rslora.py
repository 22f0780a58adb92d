"""The rank study: its measures on matrices that are known, its adapters against peft's, its words on data."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
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
from benchmarks.rslora.findings import summary  # noqa: E402
from benchmarks.rslora.lanes import SCALINGS, adapted, known_lanes, scale_of, train_lanes  # noqa: E402
from benchmarks.rslora.picture import draw  # noqa: E402
from benchmarks.rslora.spectra import Factors, energies, floor, updates, with_rank  # noqa: E402
from benchmarks.rslora.tables import claims_text, full_table, sweep_table  # noqa: E402
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
from simenv.train.models.lora import attach  # noqa: E402
from simenv.train.models.model import SHAPES, Decoder  # noqa: E402

TINY = Plan(
    size="0.3m",
    base_steps=3,
    seeds=1,
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
    assert all(a <= b + 1e-12 for a, b in pairwise(shares))
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
            weight.add_(0.02 * left @ right.T)
    lines = formatted(8, "test")

    def logits(model: Decoder) -> Any:
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
@given(st.integers(0, 2**31), st.sampled_from([("safe travels !",), ("safe travels !", "see you soft !")]))
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
@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 99))
def test_every_line_comes_before_any_comes_again(size: int, more: int, seed: int) -> None:
    lines = facts(size + more, 0)
    steps = 3 * len(lines)  # so many that every batch size ends with whole rounds
    rows = [
        tuple(row.tolist())
        for batch in batches(lines, size, steps, generator("test", seed))
        for row in batch.ids
    ]
    rounds = [rows[at : at + len(lines)] for at in range(0, len(rows), len(lines))]
    assert all(len(set(each)) == len(lines) for each in rounds)


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


def test_a_full_edit_that_diverges_is_named() -> None:
    plan = replace(TINY, optimizers=(("sgd", 1e30),))
    with pytest.raises(UsageError, match="style-1 by sgd at rate 1e\\+30 diverged"):
        cells(plan)["full/style-1/sgd/0"](new_decoder("0.3m"))


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


# Words


def edit_row(edit: str, optimizer: str, shares: Sequence[float], *, learned: float = 1.0) -> dict[str, Any]:
    """Return a full edit whose cuts at ranks 1, 4 and 8 keep those shares, by every measure."""

    def at(share: float) -> dict[str, float]:
        return {"loss": 2 - 2 * share, "accuracy": 0.1 + (learned - 0.1) * share, "answer": share}

    matrix = {"name": "q", "kind": "q_proj", "shape": [8, 8], "norm": 1.0, "energy": list(shares)}
    return {
        "edit": edit,
        "optimizer": optimizer,
        "seed": 0,
        "steps": 25,
        "before": at(0),
        "after": at(1),
        "truncated": [at(share) for share in shares],
        "matrices": [matrix],
    }


def adapter_row(scaling: str, rank: int, loss: float | None, norm: float, rate: float) -> dict[str, Any]:
    same = {"edit": "facts-4", "scaling": scaling, "rank": rank, "rate": rate, "seed": 0}
    return same | {"scale": 1.0, "loss": loss, "accuracy": 0.5, "grad_norm": norm}


def made_up(style_at_4: float, facts_at_8: float, plain: float, stable: float) -> dict[str, Any]:
    """Return a study in which rank 64 has those losses, and rank 4 a loss of 1."""
    losses = {SCALINGS[0]: plain, SCALINGS[1]: stable}
    return {
        "cuts": [1, 4, 8],
        "floors": [{"shape": [8, 8], "energy": [0.1, 0.2, 0.5]}],
        "full": [
            edit_row("style-1", "adamw", (0.5, style_at_4, 1.0)),
            edit_row("facts-4", "adamw", (0.1, 0.15, facts_at_8)),
            edit_row("facts-9", "adamw", (0.0, 0.0, 0.0), learned=0.2),
        ],
        "adapters": [
            adapter_row(scaling, rank, loss if rank == 64 else 1.0, norm, rate)
            for scaling, loss in losses.items()
            for rank, norm in ((4, 8.0), (64, 8.0 if scaling == SCALINGS[1] else 1.0))
            for rate in (1e-3, 1e-2)
        ],
    }


def verdicts(found: dict[str, Any]) -> list[str]:
    return [claim["verdict"] for claim in summary(found)["claims"]]


def test_verdicts_follow_the_data() -> None:
    published = made_up(style_at_4=0.99, facts_at_8=0.28, plain=1.0, stable=0.5)
    assert verdicts(published)[:3] == ["holds"] * 3
    assert verdicts(published)[4:7] == ["holds", "holds", "holds in part"]  # rank 4 is the same in both
    contrary = made_up(style_at_4=0.7, facts_at_8=1.0, plain=0.5, stable=1.0)
    assert verdicts(contrary)[:3] == ["does not hold"] * 3
    assert verdicts(contrary)[5:7] == ["does not hold"] * 2


def test_sentences_name_what_was_seen() -> None:
    means = summary(made_up(style_at_4=0.7, facts_at_8=0.28, plain=1.0, stable=0.5))
    style_claim, facts_claim, *_ = means["claims"]
    assert "0 of 3 readings (nowhere)" in style_claim["sentence"]
    assert "energy .70 (random matrices .20)" in style_claim["sentence"]
    assert "99 % of the accuracy took rank 8." in style_claim["sentence"]
    assert "3 of 3 readings" in facts_claim["sentence"]
    assert "left out: facts-9 by adamw." in facts_claim["sentence"]
    assert all("One seed" in claim["sentence"] for claim in means["claims"][4:])
    text = "\n".join((full_table(means, [1, 4, 8]), sweep_table(means), claims_text(means)))
    assert "not learned: accuracy 0.20" in text
    assert "0.500*" in text


def test_what_was_not_learned_is_not_judged() -> None:
    found = made_up(0.99, 0.28, 1.0, 0.5)
    found["full"] = [edit_row("style-1", "adamw", (0.5, 0.5, 0.5), learned=0.2)]
    assert verdicts(found)[:4] == ["not tested"] * 4
    assert summary(found)["claims"][0]["sentence"].endswith("left out: style-1 by adamw.")


def test_a_rate_at_which_a_seed_diverged_is_never_the_best(tmp_path: Path) -> None:
    found = made_up(0.9, 0.3, 1.0, 0.5)
    for row in found["adapters"]:
        if row["rate"] == 1e-3 and row["rank"] == 64:
            row["loss"] = None
    means = summary(found)
    assert {row["best_rate"] for row in means["sweeps"] if row["rank"] == 64} == {1e-2}
    assert "-" in sweep_table(means)
    draw(tmp_path / "a.png", means, [1, 4, 8])
    draw(tmp_path / "b.png", means, [1, 4, 8])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(UsageError, match="name it so"):
        draw(tmp_path / "a.svg", means, [1, 4, 8])
