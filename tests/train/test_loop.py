"""The closed loop: its choice of tasks, its gate, its resume, its report."""

import json
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

torch = pytest.importorskip("torch")

from benchmarks import loop as bench  # noqa: E402
from simenv.agents.ladder import rung_agent  # noqa: E402
from simenv.agents.protocol import play as play_agent  # noqa: E402
from simenv.cli import main  # noqa: E402
from simenv.core import catalog  # noqa: E402
from simenv.core.errors import DataError, UsageError  # noqa: E402
from simenv.core.pack import read_pack  # noqa: E402
from simenv.core.task import Task  # noqa: E402
from simenv.episodes.episode import Episode  # noqa: E402
from simenv.synth.attribute import Attribution, Profile, Skill  # noqa: E402
from simenv.synth.focus import weights_of  # noqa: E402
from simenv.synth.grow import operators  # noqa: E402
from simenv.train.grpo import Grpo, Row, Window  # noqa: E402
from simenv.train.guards import Guards, Stop  # noqa: E402
from simenv.train.loop import rounds as module  # noqa: E402
from simenv.train.loop import train as loop_train  # noqa: E402
from simenv.train.loop.config import LoopConfig  # noqa: E402
from simenv.train.loop.rounds import KEPT, Loop, Round  # noqa: E402
from simenv.train.loop.study import Explainer, Played, Study, Topic, read_played, write_played  # noqa: E402
from simenv.train.loop.tasks import Grown, Lessons, lesson_weights, synthesizer_of  # noqa: E402
from simenv.train.models.policy import Policy, small  # noqa: E402
from simenv.train.tasks import source_of  # noqa: E402
from tests.train import parrot  # noqa: E402
from tests.train.codecs import plain  # noqa: E402

TWO = "simple:compensation_denied+change_passengers_denied"
NOTHING = Profile((), 0)


def study(*topics: tuple[str, int, int], profile: Profile = NOTHING) -> Study:
    """Return a study in which intents passed so many of so many trials."""
    found = [Topic(name, n, p, p * (n - p) / n**2) for name, p, n in topics]
    return Study(run=("round-00", "c0ffee"), profile=profile, topics=tuple(found))


# What is practised next


def test_lessons_go_by_weakness_times_learnability() -> None:
    weights = lesson_weights(study(("often", 18, 20), ("half", 10, 20), ("third", 7, 20), ("never", 0, 20)))
    # w p (1 - p): 3/22 .09 = .0123, 11/22 .25 = .125, 14/22 .2275 = .1448, and 0; the most of them is 24.
    assert weights == {"often": 2, "half": 21, "third": 24, "never": 1}
    assert lesson_weights(study(("never", 0, 20), ("always", 20, 20))) == {}


def test_one_fifth_of_the_lessons_is_uniform_and_a_control_is_all_uniform() -> None:
    lessons = Lessons("airline", ("cancel", "price_paid"), 500, 0)
    weighted = lessons.choose(study(("cancel", 10, 20), ("price_paid", 0, 20)), 1)
    share = weighted.intents.count("price_paid") / 500
    # .2 / 2 uniformly and .8 / 25 by weight: .132, with a standard error of .015.
    assert 0.08 < share < 0.19
    control = lessons.choose(None, 1)
    assert control.intents.count("price_paid") == 250
    assert control.weights == {"cancel": 4, "price_paid": 4}


def test_no_round_practises_what_another_did(tmp_path: Path) -> None:
    lessons = synthesizer_of(LoopConfig(tasks=TWO, made=6))
    for number in (1, 2):
        lessons.choose(None, number).write(tmp_path / f"{number}.jsonl")
        lessons.choose(None, number).write(tmp_path / f"again-{number}.jsonl")
        again = (tmp_path / f"again-{number}.jsonl").read_bytes()
        assert (tmp_path / f"{number}.jsonl").read_bytes() == again
    one, two = (read_pack(tmp_path / f"{number}.jsonl") for number in (1, 2))
    assert len(one) == 6
    assert not {*one.ids()} & {*two.ids()}
    assert {world["address"][1] for world in one.header["worlds"]} == {"train"}


def test_grown_tasks_take_the_weights_of_the_profile(tmp_path: Path) -> None:
    skills = (
        Skill("no_filter", "picks out", 20, 8, 9, 0.24, 0.9),
        Skill("no_policy", "applies rules", 20, 16, 2, 0.16, 0.1),
    )
    profile = Profile(skills, 0)
    config = LoopConfig(tasks="synth:depth=1:2,breadth=1", made=2)
    synthesizer = synthesizer_of(config)
    assert isinstance(synthesizer, Grown)
    practice = synthesizer.choose(study(profile=profile), 1)
    generator = catalog.generator("airline")
    known = operators(generator.vocabulary, generator.domain)
    expected = dict(weights_of(profile, known))
    assert expected
    assert {name: practice.weights[name] for name in expected} == expected
    assert {practice.weights[name] for name in known if name not in expected} <= {4}
    practice.write(tmp_path / "tasks.jsonl")
    pack = read_pack(tmp_path / "tasks.jsonl")
    assert pack.certified
    assert len(pack) == 2
    assert pack.header["focus"]["runs"] == [["round-00", "c0ffee"]]
    control = synthesizer.choose(None, 1)
    assert control.order.focus is None
    assert {*control.weights.values()} == {4}


def test_a_loop_refuses_tasks_that_it_cannot_make() -> None:
    with pytest.raises(UsageError, match="makes its tasks"):
        synthesizer_of(LoopConfig(tasks="train"))


# Why tasks failed


def test_a_failure_is_laid_at_the_ability_that_was_missing(tmp_path: Path) -> None:
    source = source_of("airline", "synth:depth=1:2,breadth=1", split="test")
    task = next(task for task in map(source.at, range(20)) if "no_filter" in Attribution(task).exposures)
    episode = play_agent(Episode(task, face="compact"), rung_agent("no_filter"))
    path = tmp_path / "run.jsonl"
    actions = tuple(step.action for step in episode.steps)
    write_played(path, [Played(task.id, 0, False, "done", actions, 40, 3, 0, 0)])
    explainer = Explainer({task.id: task}, "compact")
    found = explainer.study(path, "run")
    assert [cause.rung for cause in found.causes.values()] == ["no_filter"]
    assert {skill.rung: skill.failures for skill in found.profile.skills}["no_filter"] == 1
    assert not explainer.study(path, "run", leave_out=[task.id]).topics


# The gate


class Stage:
    """A loop whose policy is a parrot, which loses what is planted."""

    def __init__(self, out: Path, monkeypatch: pytest.MonkeyPatch, damage: dict[int, int]) -> None:
        config = LoopConfig(tasks=TWO, held=12, made=2, rounds=len(damage), room=parrot.ROOM, turn_tokens=120)
        self.damage = damage
        self.words: list[str] = []
        self.loop = Loop(config, out, say=self.words.append)
        monkeypatch.setattr(module, "begin", self.begin)
        monkeypatch.setattr(module, "fetch", self.fetch)
        monkeypatch.setattr(module, "train", self.train)

    def begin(self, config: LoopConfig, folder: Path, say: Any) -> None:
        folder.mkdir(parents=True)
        parrot.save(parrot.load(list(self.loop.tasks.values()), folder), folder)
        (folder / "trained.json").write_text("{}")

    def fetch(self, config: LoopConfig, folder: Path) -> Policy:
        return parrot.load(list(self.loop.tasks.values()), folder)

    def train(
        self, config: LoopConfig, start: Path, tasks: Path, number: int, folder: Path, say: Any
    ) -> None:
        """Damage the weights of so many tasks: from some place on, the model says nothing sensible."""
        policy = self.fetch(config, start)
        with torch.no_grad():
            parrot.memory(policy)[: self.damage[number], parrot.SURE + 50 :] = -1.0
        folder.mkdir(parents=True)
        parrot.save(policy, folder)
        (folder / "trained.json").write_text("{}")


def test_the_gate_rejects_damaged_weights_and_keeps_an_equal_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, {1: 0, 2: 9, 3: 1})
    _, equal, damaged, last = stage.loop.run(pictures=False)
    assert len(stage.loop.sets.regression) + len(stage.loop.sets.held_regression) >= 10
    assert (equal.rejected, equal.policy) == ("", 1)
    assert (equal.told["gate"]["difference"], equal.told["gate"]["p_adjusted"]) == (0, 1)
    assert damaged.rejected
    assert damaged.policy == 1
    assert len(damaged.told["regressions"]) >= 7
    # The round after begins from the policy that was kept; what one task loses, chance may explain.
    assert (last.rejected, last.policy) == ("", 3)
    assert len(last.told["regressions"]) <= 1
    assert any("ROUND 2 IS REJECTED" in words for words in stage.words)
    told = json.loads((tmp_path / "loop.json").read_text())["rounds"]
    assert [each["round"] for each in told] == ["0", "1", "2 (rejected)", "3"]
    assert told[2]["success"] == told[1]["success"] > 0.8
    page = (tmp_path / "report.html").read_text()
    assert "2 (rejected)" in page
    assert "REJECTED" in page
    assert KEPT in damaged.rejected


def test_known_tasks_are_not_chosen_by_a_run_that_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch, {1: 0})
    draws: list[int] = []
    real = loop_train.play

    def noted(config: LoopConfig, policy: Policy, tasks: list[Task], *, draw: int = 0) -> list[Played]:
        draws.append(draw)
        return real(config, policy, tasks, draw=draw)

    monkeypatch.setattr(module, "play", noted)
    stage.begin(stage.loop.config, stage.loop.folder(0) / "model", None)
    known = stage.loop.sets
    assert len(known.capability + known.regression + known.held_capability + known.held_regression) == 12
    assert draws == [1]
    stage.loop.played(0)
    assert draws == [1, 0]
    path = stage.loop.folder(0) / "run.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(DataError, match="of other tasks than this version"):
        stage.loop.played(0)


# The whole loop, small


def tiny(model: Path, **given: Any) -> LoopConfig:
    values: dict[str, Any] = {
        "tasks": TWO, "model": str(model), "held": 4, "made": 3, "sft_steps": 2, "steps": 1, "groups": 1,
        "group": 2, "refills": 1, "room": 1000, "turn_tokens": 6, "batch_tokens": 1000, "validation": 1,
    }  # fmt: skip
    return LoopConfig(**values | given)


@pytest.fixture(scope="module")
def newborn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newborn")
    small("0.3m", plain(), seed=0, room=1000).save(folder)
    return folder


def bytes_of(out: Path) -> dict[str, bytes]:
    """Return what must not depend on how often a loop was interrupted; seconds may."""
    names = ["loop.json", "panel.json", "skills.json", "episodes.jsonl"]
    names += [str(path.relative_to(out)) for path in sorted(out.glob("rounds/*/*.jsonl"))]
    names += [str(path.relative_to(out)) for path in sorted(out.glob("rounds/*/model/*.safetensors"))]
    return {name: (out / name).read_bytes() for name in names}


def test_a_loop_that_was_interrupted_comes_to_the_same(tmp_path: Path, newborn: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    Loop(tiny(newborn, rounds=2), whole).run(pictures=False)
    Loop(tiny(newborn, rounds=1), parts).run(pictures=False)
    # Killed while the round was written down, and while the next one was being trained.
    (parts / "rounds/01/round.json").rename(parts / "rounds/01/round.json.part")
    (parts / "rounds/02/model.part").mkdir(parents=True)
    (parts / "rounds/02/model.part/model.safetensors").write_bytes(b"half")
    Loop(tiny(newborn, rounds=2), parts).run(pictures=False)
    assert bytes_of(whole) == bytes_of(parts)
    first, last = (whole / f"rounds/{number}/model/model.safetensors" for number in ("00", "02"))
    assert first.read_bytes() != last.read_bytes()


def test_a_folder_of_other_settings_is_refused(tmp_path: Path, newborn: Path) -> None:
    Loop(tiny(newborn, made=5), tmp_path)
    Loop(tiny(newborn), tmp_path).folder(0).joinpath("model").mkdir(parents=True)
    Loop(tiny(newborn, rounds=9), tmp_path)
    with pytest.raises(UsageError, match="was begun with made = 3"):
        Loop(tiny(newborn, made=4), tmp_path)


def test_a_guard_ends_the_training_of_a_round_and_drops_its_steps(
    tmp_path: Path, newborn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strict(Guards):
        @override
        def check(self, row: Any) -> Stop:
            return Stop("mismatch", "planted", 0)

    class Moving(Grpo):
        @override
        def advance(self) -> tuple[Row, Window]:
            found = super().advance()
            with torch.no_grad():
                for weight in self.adapters.parameters():
                    weight.add_(0.1)
            return found

    monkeypatch.setattr(loop_train, "Guards", Strict)
    monkeypatch.setattr(loop_train, "Grpo", Moving)
    loop = Loop(tiny(newborn, rounds=1, sft_steps=0), tmp_path)
    loop.run(pictures=False)
    assert loop_train.trained_in(loop.folder(1) / "model").stopped == "mismatch: planted"
    before, after = (loop.folder(at) / "model/model.safetensors" for at in (0, 1))
    assert before.read_bytes() == after.read_bytes()


def test_a_policy_that_falls_apart_ends_the_training_of_a_round(
    tmp_path: Path, newborn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(Grpo):
        @override
        def advance(self) -> tuple[Row, Window]:
            with torch.no_grad():
                self.adapters.parameters()[0].fill_(torch.nan)
            return super().advance()

    monkeypatch.setattr(loop_train, "Grpo", Breaking)
    loop = Loop(tiny(newborn, rounds=1, sft_steps=0), tmp_path)
    loop.run(pictures=False)
    found = loop_train.trained_in(loop.folder(1) / "model")
    assert found.stopped.startswith("not_finite: the weights gave no probabilities in the task")
    assert found.steps == 0
    before, after = (loop.folder(at) / "model/model.safetensors" for at in (0, 1))
    assert before.read_bytes() == after.read_bytes()


def test_episodes_of_a_loop_survive_the_disk(tmp_path: Path) -> None:
    played = [Played("t", 0, True, "done", ("a", "b"), 5, 1, 0, 0)]
    write_played(tmp_path / "run.jsonl", played)
    assert read_played(tmp_path / "run.jsonl") == played
    path = tmp_path / "run.jsonl"
    path.write_text(path.read_text() + '{"task": ')
    with pytest.raises(DataError, match=r"run\.jsonl:2"):
        read_played(path)


def test_a_round_that_is_no_round_is_named(tmp_path: Path) -> None:
    path = tmp_path / "round.json"
    path.write_text(json.dumps(Round(1, 1, "", {}).to_json()))
    assert module.read_round(path) == Round(1, 1, "", {})
    path.write_text('{"number": 1')
    with pytest.raises(DataError, match="not a round"):
        module.read_round(path)


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "loop")
    assert main(["loop", "--env", "airline", "--tasks", "train", "--out", out]) == 2
    assert main(["loop", "--env", "airline", "--set", "made=none", "--out", out]) == 2
    assert main(["loop", "--env", "nowhere", "--out", out]) == 2
    assert main(["loop", "--env", "airline", "--from", str(tmp_path / "gone"), "--out", out]) == 2
    told = capsys.readouterr().err
    for words in ("a loop makes its tasks", "made = 'none'", "no environment is named", "no folder"):
        assert words in told


def test_the_benchmark_gives_both_arms_the_same(tmp_path: Path) -> None:
    found = bench.measured(bench.QUICK, 1, 2, tmp_path)
    weak, uniform = found["weak"][0], found["uniform"][0]
    assert found["equal_rollouts"]
    assert (weak["rollouts"], weak["demonstrations"]) == (uniform["rollouts"], uniform["demonstrations"])
    assert found["weak_minus_uniform"]["each"] == [weak["success"] - uniform["success"]]
    # What is done is not done again.
    models = sorted(tmp_path.glob("**/model.safetensors"))
    times = [path.stat().st_mtime_ns for path in models]
    assert bench.measured(bench.QUICK, 1, 2, tmp_path)["weak_minus_uniform"] == found["weak_minus_uniform"]
    assert [path.stat().st_mtime_ns for path in models] == times


def test_the_interval_over_seeds_is_students() -> None:
    # By hand: mean .1, sd .1061, t with 4 degrees of freedom 2.776, so .1 -+ .1317.
    found = bench.student([-0.05, 0.05, 0.1, 0.2, 0.2])
    assert (found["mean"], found["sd"]) == (0.1, 0.1061)
    assert found["interval_95"] == [-0.0317, 0.2317]
