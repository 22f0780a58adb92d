"""Checkpoints: whole or not there, whoever is killed and whatever breaks; resumed runs equal whole ones."""

import errno
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from simenv.core.canonical import canonical, digest  # noqa: E402
from simenv.core.errors import DataError, UsageError  # noqa: E402
from simenv.train import checkpoint  # noqa: E402
from simenv.train.checkpoint import Checkpoint, CheckpointError, Disk, last_good, save  # noqa: E402
from simenv.train.models import weights  # noqa: E402
from simenv.train.models.lora import Adapters, attach  # noqa: E402

STATE = {"config_digest": "c" * 32, "env_version": "airline-3", "family": "plain", "cursor": {"task": 7}}
Tensors = dict[str, dict[str, Tensor]]


def tensors(step: int) -> Tensors:
    return {
        "policy": {
            "0.lora_A": torch.full((2, 3), float(step)),
            "0.lora_B": torch.arange(4.0).to(torch.bfloat16),
        },
        "optimizer": {"0.lora_A/step": torch.tensor(float(step)), "empty": torch.zeros(0, 3)},
    }


def load(folder: Path, step: int | None = None) -> Checkpoint:
    return checkpoint.load(folder, step, config_digest="c" * 32, env_version="airline-3")


def equal(a: Tensors, b: Tensors) -> bool:
    return {g: weights.digest(t) for g, t in a.items()} == {g: weights.digest(t) for g, t in b.items()}


def test_what_is_saved_comes_back_bit_by_bit(tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoints", 20, tensors(20), STATE)
    assert path == tmp_path / "checkpoints" / "step-000020"
    assert sorted(each.name for each in path.iterdir()) == [
        "optimizer.safetensors",
        "policy.safetensors",
        "state.json",
    ]
    assert (tmp_path / "checkpoints" / "LAST").read_text() == "step-000020\n"
    found = load(tmp_path / "checkpoints")
    assert (found.step, found.path, found.state, found.notes) == (20, path, STATE, ())
    assert equal(found.tensors, tensors(20))
    assert last_good(tmp_path / "checkpoints") == path


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    shuffled = {group: dict(reversed(list(named.items()))) for group, named in reversed(tensors(3).items())}
    one, two = save(tmp_path / "a", 3, tensors(3), STATE), save(tmp_path / "b", 3, shuffled, STATE)
    for file in sorted(one.iterdir()):
        assert file.read_bytes() == (two / file.name).read_bytes()


def test_tensors_that_share_memory_are_saved_apart(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    save(tmp_path, 1, {"policy": {"head": whole, "embed": whole, "part": whole[2:4]}}, STATE)
    found = load(tmp_path).tensors["policy"]
    assert found["head"].equal(whole)
    assert found["embed"].equal(whole)
    assert found["part"].equal(whole[2:4])


def test_the_oldest_go_and_the_newest_stay(tmp_path: Path) -> None:
    for step in (1, 2, 3, 10, 11):
        save(tmp_path, step, tensors(step), STATE, keep=3)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "LAST",
        "step-000003",
        "step-000010",
        "step-000011",
    ]
    # Who goes back to step 3 and on to 4 loses nothing but what is older.
    save(tmp_path, 4, tensors(4), STATE, keep=1)
    assert load(tmp_path).step == 4
    assert load(tmp_path, 11).step == 11


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def damage_flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))


def damage_remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("file", ["policy.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", [damage_truncate, damage_flip, damage_remove])
def test_a_damaged_checkpoint_names_the_file_and_the_last_good_one(
    tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    good, bad = save(tmp_path, 1, tensors(1), STATE), save(tmp_path, 2, tensors(2), STATE)
    damage(bad / file)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(bad / file))
    assert f"The last good checkpoint is {good}." in f"{caught.value}."
    assert last_good(tmp_path) == good
    assert load(tmp_path, 1).step == 1
    damage(good / "state.json")
    assert last_good(tmp_path) is None


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_no_bit_of_the_state_can_be_changed(tmp_path: Path, place: int) -> None:
    file = save(tmp_path, 2, {"policy": {"a": torch.zeros(1)}}, STATE) / "state.json"
    data = bytearray(file.read_bytes())
    if place < len(data) - 1:
        data[place] ^= 2
        file.write_bytes(bytes(data))
        with pytest.raises(CheckpointError):
            load(tmp_path)


def test_sizes_and_digests_are_told(tmp_path: Path) -> None:
    path = save(tmp_path, 2, tensors(2), STATE)
    size = (path / "policy.safetensors").stat().st_size
    damage_truncate(path / "policy.safetensors")
    with pytest.raises(CheckpointError, match=f"expected {size} bytes, found {size - 3}"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"config_digest": "d" * 32, "env_version": "airline-3"}, f"expected {'d' * 32}, found {'c' * 32}"),
        ({"config_digest": "c" * 32, "env_version": "airline-4"}, "expected airline-4, found airline-3"),
    ],
)
def test_another_config_or_environment_is_refused(tmp_path: Path, asked: dict[str, str], words: str) -> None:
    path = save(tmp_path, 2, tensors(2), STATE)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path, config_digest=asked["config_digest"], env_version=asked["env_version"])
    assert words in str(caught.value)
    assert f"The last good checkpoint is {path}" in str(caught.value)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load(tmp_path / "nothing")
    save(tmp_path, 2, tensors(2), STATE)
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 5\. Steps there are: 2"):
        load(tmp_path, 5)
    (tmp_path / "LAST").write_text("")
    with pytest.raises(CheckpointError, match=r"no name of a checkpoint is in it\. Give a step of: 2"):
        load(tmp_path)
    assert last_good(tmp_path) == tmp_path / "step-000002"


def test_another_format_and_a_renamed_folder_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, 2, tensors(2), STATE)
    path.rename(tmp_path / "step-000003")
    with pytest.raises(CheckpointError, match="expected step-000002, found step-000003"):
        load(tmp_path, 3)
    (tmp_path / "step-000003" / "state.json").write_text('{"format":"other","version":9}')
    with pytest.raises(CheckpointError, match="expected simenv-checkpoint 1, found other 9"):
        load(tmp_path, 3)
    (tmp_path / "step-000003" / "state.json").write_text("[1]")
    with pytest.raises(CheckpointError, match="found no object"):
        load(tmp_path, 3)


def test_no_file_outside_the_folder_is_read(tmp_path: Path) -> None:
    path = save(tmp_path, 2, {}, STATE)
    head = json.loads((path / "state.json").read_text())
    del head["digest"]
    head["files"] = {"../LAST": {"bytes": 12, "digest": digest((tmp_path / "LAST").read_bytes())}}
    (path / "state.json").write_text(canonical(head | {"digest": digest(canonical(head))}))
    with pytest.raises(CheckpointError, match=r"it names a file '\.\./LAST'"):
        load(tmp_path)
    assert last_good(tmp_path) is None


def test_another_torch_is_a_note_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 2, tensors(2), STATE)
    monkeypatch.setattr(torch, "__version__", "9.9")
    assert "now 9.9" in load(tmp_path).notes[0]


@pytest.mark.parametrize(
    ("step", "named", "state", "words"),
    [
        (-1, {}, STATE, "step -1"),
        (1, {"../a": {}}, STATE, "'../a'"),
        (1, {}, {"config_digest": "c"}, "env_version is missing"),
        (1, {}, STATE | {"loss": float("nan")}, "plain JSON with finite numbers"),
        (1, {}, STATE | {"path": Path()}, "plain JSON with finite numbers"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(
    tmp_path: Path, step: int, named: Tensors, state: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        save(tmp_path / "c", step, named, state)
    assert not (tmp_path / "c").exists()


class Killed(BaseException):
    """The process is gone."""


class Breaking(Disk):
    """Fails at one of its calls, before, in the middle of, or after what it does."""

    def __init__(self, at: int, how: str, error: BaseException) -> None:
        self.left, self.how, self.error = at, how, error

    def _do(self, whole: Callable[[], None], half: Callable[[], None]) -> None:
        self.left -= 1
        if self.left:
            whole()
            return
        {"before": lambda: None, "middle": half, "after": whole}[self.how]()
        raise self.error

    @override
    def make(self, folder: Path) -> None:
        self._do(lambda: Disk.make(self, folder), lambda: None)

    @override
    def write(self, path: Path, data: bytes) -> None:
        self._do(lambda: Disk.write(self, path, data), lambda: Disk.write(self, path, data[: len(data) // 2]))

    @override
    def settle(self, folder: Path) -> None:
        self._do(lambda: Disk.settle(self, folder), lambda: None)

    @override
    def move(self, source: Path, target: Path) -> None:
        self._do(lambda: Disk.move(self, source, target), lambda: None)

    @override
    def clear(self, folder: Path) -> None:
        def half() -> None:
            for path in sorted(folder.iterdir())[1:]:
                path.unlink()

        self._do(lambda: Disk.clear(self, folder), half)


def calls(folder: Path, step: int) -> int:
    """Count the writes of one save."""
    counter = Breaking(10**9, "before", Killed())
    save(folder, step, tensors(step), STATE, keep=2, disk=counter)
    return 10**9 - counter.left


def begun(folder: Path) -> Path:
    for step in (1, 2):
        save(folder, step, tensors(step), STATE, keep=2)
    return folder


@pytest.mark.parametrize("step", [2, 3])
@pytest.mark.parametrize("how", ["before", "middle", "after"])
def test_a_kill_at_any_moment_leaves_a_loadable_checkpoint(tmp_path: Path, step: int, how: str) -> None:
    total = calls(begun(tmp_path / "count"), step)
    assert total >= 10
    for at in range(1, total + 1):
        folder = begun(tmp_path / f"{at}")
        with pytest.raises(Killed):
            save(folder, step, tensors(step + 10), STATE, keep=2, disk=Breaking(at, how, Killed()))
        found = load(folder)
        old, new = tensors(2), tensors(step + 10)
        assert found.step in (2, step)
        assert equal(found.tensors, old) or equal(found.tensors, new), (at, how)
        assert last_good(folder) == found.path
        # And the next save puts everything in order.
        save(folder, 4, tensors(4), STATE, keep=2)
        assert load(folder).step == 4
        assert not [path.name for path in folder.iterdir() if path.suffix in {".part", ".old"}]


@pytest.mark.parametrize("step", [2, 3])
@pytest.mark.parametrize("how", ["before", "middle", "after"])
def test_a_full_disk_at_any_write_loses_nothing_and_names_the_last_good_one(
    tmp_path: Path, step: int, how: str
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    total = calls(begun(tmp_path / "count"), step)
    for at in range(1, total + 1):
        folder = begun(tmp_path / f"{at}")
        try:
            save(folder, step, tensors(step + 10), STATE, keep=2, disk=Breaking(at, how, full))
        except CheckpointError as error:
            assert "No space left on device" in str(error)  # noqa: PT017
            assert f"The last good checkpoint is {last_good(folder)}" in str(error)  # noqa: PT017
        found = load(folder)
        assert equal(found.tensors, tensors(2)) or equal(found.tensors, tensors(step + 10)), (at, how)
        if step == 2:
            # Nothing is left of the attempt. (At step 3 an old one may have stopped halfway out.)
            assert not [path.name for path in folder.iterdir() if path.suffix == ".part" and path.is_dir()]
        save(folder, 4, tensors(4), STATE, keep=2)
        assert load(folder).step == 4


class Recording(Disk):
    """Writes down what is done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @override
    def write(self, path: Path, data: bytes) -> None:
        self.done.append(f"write {path.name}")
        super().write(path, data)

    @override
    def settle(self, folder: Path) -> None:
        self.done.append(f"settle {folder.name}")
        super().settle(folder)

    @override
    def move(self, source: Path, target: Path) -> None:
        self.done.append(f"move {target.name}")
        super().move(source, target)


def test_nothing_counts_before_the_device_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    disk = Recording()
    save(tmp_path / "c", 2, tensors(2), STATE, disk=disk)
    assert disk.done == [
        f"settle {tmp_path.name}",
        "write optimizer.safetensors", "write policy.safetensors", "write state.json",
        "settle step-000002.part",
        "move step-000002", "settle c",
        "write LAST.part", "move LAST", "settle c",
    ]  # fmt: skip
    assert len(synced) == sum(not each.startswith("move") for each in disk.done)


def test_a_real_limit_of_the_system_is_told(tmp_path: Path) -> None:
    good = save(tmp_path, 1, tensors(1), STATE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(CheckpointError, match="File too large") as caught:
            save(tmp_path, 2, {"policy": {"a": torch.zeros(10_000)}}, STATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert f"The last good checkpoint is {good}" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LAST", "step-000001"]
    assert isinstance(caught.value, DataError)


plans = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 25), st.sampled_from(["before", "middle", "after", "whole"])),
    max_size=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plans)
def test_any_history_of_saves_and_kills_leaves_the_last_finished_one(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    save(folder, 1, tensors(0), STATE)
    finished, begun_ones = tensors(0), [tensors(0)]
    for number, (step, at, how) in enumerate(plan, start=1):
        content = tensors(number)
        disk = Disk() if how == "whole" else Breaking(at, how, Killed())
        try:
            save(folder, step, content, STATE, keep=2, disk=disk)
            finished, begun_ones = content, [content]
        except Killed:
            begun_ones.append(content)
        found = load(folder)
        assert any(equal(found.tensors, each) for each in [finished, *begun_ones])
        assert last_good(folder) == found.path


class Toy(nn.Module):
    """Two linear layers with dropout between."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up, self.down, self.drop = nn.Linear(6, 10), nn.Linear(10, 4), nn.Dropout(0.2)

    @override
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down(self.drop(torch.tanh(self.up(x))))
        return out


class Run:
    """A run as a loop has it: model, adapters, optimizer, and the position in its data."""

    def __init__(self) -> None:
        self.model = Toy()
        self.adapters: Adapters = attach(self.model, rank=2, alpha=4, dropout=0.1, seed=3)
        self.names = self.adapters.named_parameters()
        self.optimizer = torch.optim.AdamW(self.adapters.parameters(), lr=1e-2, weight_decay=0.1)
        self.step = 0

    def train(self, steps: int) -> None:
        for _ in range(steps):
            x = torch.randn(8, 6, generator=torch.Generator().manual_seed(self.step))
            for group in self.optimizer.param_groups:
                group["lr"] = 1e-2 / (1 + self.step)
            loss = (self.model(x) - x[:, :4]).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            if self.step % 7 == 0:
                self.adapters.refresh_ref()

    def tensors(self) -> Tensors:
        return {
            "policy": self.adapters.state(),
            "ref": self.adapters.state("ref"),
            "optimizer": weights.optimizer_tensors(self.optimizer, self.names),
            "random": weights.random_state(),
        }

    def resume(self, found: Checkpoint) -> None:
        self.adapters.load(found.tensors["policy"], ref=found.tensors["ref"])
        weights.load_optimizer(self.optimizer, self.names, found.tensors["optimizer"])
        weights.load_random_state(found.tensors["random"])
        self.step = found.step


@pytest.mark.parametrize("at", [0, 1, 10, 14, 19])
def test_user_failure_12_twenty_steps_are_ten_and_a_resume_and_ten(tmp_path: Path, at: int) -> None:
    with torch.random.fork_rng(devices=[]):
        whole, first = Run(), Run()
        torch.manual_seed(1)
        whole.train(20)
        torch.manual_seed(1)
        first.train(at)
        save(tmp_path / "half", at, first.tensors(), STATE)
        first.train(3)  # Steps that the kill lost.
        second = Run()
        torch.manual_seed(99)
        second.resume(load(tmp_path / "half"))
        second.train(20 - at)
        one, two = (
            save(tmp_path / "1", 20, whole.tensors(), STATE),
            save(tmp_path / "2", 20, second.tensors(), STATE),
        )
    for file in sorted(one.iterdir()):
        assert file.read_bytes() == (two / file.name).read_bytes(), file.name


@pytest.mark.parametrize("lost", ["optimizer", "random", "ref"])
def test_the_comparison_of_resumes_sees_what_is_lost(tmp_path: Path, lost: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        whole = Run()
        torch.manual_seed(1)
        whole.train(10)
        found = load(save(tmp_path, 10, whole.tensors(), STATE).parent)
        whole.train(3)
        second = Run()
        fresh = second.tensors()
        torch.manual_seed(99)
        fresh["random"] = weights.random_state()
        found.tensors[lost] = fresh[lost]
        second.resume(found)
        second.train(3)
    assert not equal(second.tensors() | {"random": {}}, whole.tensors() | {"random": {}})


def test_the_optimizers_state_does_not_share_memory_with_the_checkpoint(tmp_path: Path) -> None:
    run = Run()
    run.train(2)
    found = load(save(tmp_path, 2, run.tensors(), STATE).parent)
    before = weights.digest(found.tensors["optimizer"])
    run.resume(found)
    run.train(2)
    assert weights.digest(found.tensors["optimizer"]) == before


def test_an_optimizers_state_of_another_model_is_refused() -> None:
    run = Run()
    run.train(1)
    state = weights.optimizer_tensors(run.optimizer, run.names)
    assert "down.lora_A/exp_avg" in state
    with pytest.raises(UsageError, match=r"no parameter 'other\.lora_A'"):
        weights.load_optimizer(run.optimizer, run.names, {"other.lora_A/exp_avg": torch.zeros(2, 10)})
    with pytest.raises(UsageError, match=r"has shape \(3, 10\), the parameter \(2, 10\)"):
        weights.load_optimizer(run.optimizer, run.names, {"down.lora_A/exp_avg": torch.zeros(3, 10)})
    with pytest.raises(UsageError, match="a parameter that has no name"):
        weights.optimizer_tensors(run.optimizer, {})


values = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20)


@given(values, st.data())
def test_digest_and_fingerprint_see_every_change_and_no_layout(bits: list[int], data: st.DataObject) -> None:
    tensor = torch.tensor(bits, dtype=torch.int32)
    at = data.draw(st.integers(0, len(bits) - 1))
    other = tensor.clone()
    other[at] ^= 1 << data.draw(st.integers(0, 30))
    spread = torch.stack((tensor, tensor), 1)[:, 0]
    makers: list[Callable[[Tensor], str]] = [
        lambda t: weights.digest({"a": t}),
        lambda t: weights.proof([("a", t)]),
    ]
    for make in makers:
        assert make(spread) == make(tensor)
        assert make(other) != make(tensor)
        assert make(tensor.reshape(1, -1)) != make(tensor)
    assert weights.digest({"b": tensor}) != weights.digest({"a": tensor})


def test_a_fingerprint_is_one_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.arange(1000.0)
    whole = weights.fingerprint(tensor)
    monkeypatch.setattr(weights, "_CHUNK", 7)
    assert weights.fingerprint(tensor) == whole
    # Known once and for all: it stands in metrics of other machines.
    assert weights.fingerprint(torch.tensor([1.0, -2.5])) == 2378335576578326528


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16", "int8", "uint8", "bool"])
def test_every_dtype_has_digests(dtype: str) -> None:
    kind = getattr(torch, dtype)
    zeros, ones = torch.zeros(3, dtype=kind), torch.ones(3, dtype=kind)
    assert weights.digest({"a": zeros}) != weights.digest({"a": ones})
    assert weights.fingerprint(zeros) == 0 != weights.fingerprint(ones)
