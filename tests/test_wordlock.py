"""Locked paraphrases in tasks: used where all checks hold, proved with the task, and played as well."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from simenv.agents.audit import auditors
from simenv.agents.ladder import solves
from simenv.cli import main
from simenv.core import catalog
from simenv.core.assembly import Assembly
from simenv.core.canonical import canonical, digest
from simenv.core.errors import DataError
from simenv.core.pack import Pack, read_pack
from simenv.core.task import Task
from simenv.episodes import pool
from simenv.synth import wordlock
from simenv.synth.case import Case
from simenv.synth.paraphrase import Line, read_lock
from simenv.synth.recheck import recheck
from simenv.synth.wordlock import phrased, read_locked, requests_of

COUNT = 8
SYNTH = ["synth", "airline", "--count", str(COUNT), "--seed", "5", "--depth", "1:3", "--breadth", "2:3"]


def answer(template: str, number: int) -> str:
    """Return what a model might give: mostly a fair paraphrase, sometimes one with a new value."""
    return f"Hello again: {template}" if number % 4 else f"{template} There are 3 of us."


@cache
def folder() -> Path:
    """Return a folder with a set, its templates, the answers, the lockfile and the paraphrased set."""
    place = Path(mkdtemp())
    plain, templates, answers, lock, said = (
        str(place / f"{name}.jsonl") for name in ("plain", "templates", "answers", "lock", "said")
    )
    assert main([*SYNTH, "--out", plain]) == 0
    assert main(["phrases", plain, "--out", templates]) == 0
    given = [json.loads(line) for line in Path(templates).read_text("utf-8").splitlines()]
    changed = [each | {"template": answer(each["template"], at)} for at, each in enumerate(given)]
    Path(answers).write_text("".join(canonical(each) + "\n" for each in changed), "utf-8")
    assert main(["phrases", plain, "--answers", answers, "--out", lock]) == 0
    assert main([*SYNTH, "--paraphrases", lock, "--out", said]) == 0
    return place


def packs() -> tuple[Pack, Pack]:
    return read_pack(folder() / "plain.jsonl"), read_pack(folder() / "said.jsonl")


def lock_of() -> dict[str, Line]:
    return read_lock(folder() / "lock.jsonl")


def case_of(task: Task, address: list[Any]) -> Case:
    generator = catalog.generator(task.domain)
    stage = generator.vocabulary.stage(pool.image(task.domain, tuple(task.world), task.size))
    assert task.plan is not None
    assembly = Assembly(generator.domain, generator.vocabulary, stage, task.plan, tuple(address))
    return Case(generator.domain, generator.vocabulary, stage, task, assembly)


def first_case() -> Case:
    """Return the first task of the plain set for which there is a paraphrase."""
    plain, _ = packs()
    for index, line in enumerate(plain.lines):
        task = plain.at(index)
        if any(digest(text) in lock_of() for text in requests_of(task.card)):
            return case_of(task, line["certificate"]["address"])
    raise AssertionError("no task has a paraphrase")


def programs(pack: Pack) -> dict[str, Task]:
    tasks = [pack.at(index) for index in range(len(pack))]
    return {canonical([task.program.digest(), task.setup]): task for task in tasks}


def test_the_tasks_are_the_same_and_say_it_otherwise() -> None:
    plain, said = map(programs, packs())
    assert plain.keys() == said.keys()
    others = [name for name in plain if plain[name].card.opening != said[name].card.opening]
    assert len(others) > COUNT // 2
    for name in plain:
        one, other = plain[name], said[name]
        assert (one.goal, one.budget, one.card.facts) == (other.goal, other.budget, other.card.facts)
        assert [wish.goal for wish in one.card.wishes] == [wish.goal for wish in other.card.wishes]


def test_what_is_told_stands_in_the_opening_word_for_word() -> None:
    for task in programs(packs()[1]).values():
        assert all(wish.says in task.card.opening for wish in task.card.wishes[: task.card.told])


def test_the_head_counts_what_became_of_them() -> None:
    _, said = packs()
    used = sum(len(line["certificate"].get("phrases", ())) for line in said.lines)
    assert said.header["made"]["paraphrases"] == {"paraphrase: used": used}
    assert said.header["paraphrases"]["file"] == "lock.jsonl"
    assert said.header["command"].endswith("--paraphrases lock.jsonl")


def test_a_paraphrased_set_holds_without_its_lockfile() -> None:
    _, said = packs()
    assert list(recheck(said)) == []


def test_whoever_is_honest_passes_paraphrased_tasks() -> None:
    tasks = list(programs(packs()[1]).values())
    honest = [each for each in auditors(catalog.domain("airline"), tasks) if each.name.startswith("oracle")]
    assert len(honest) == 8
    for each in honest:
        failed = [task.id for task in tasks if not solves(task, each.agent)]
        assert failed == [], each.name


def test_a_paraphrase_that_leaks_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    case = first_case()
    assert phrased(case, lock_of()).lines
    monkeypatch.setattr(wordlock, "secrets_of", lambda case: (["Hello again"], []))
    kept = phrased(case, lock_of())
    assert (kept.task, kept.lines) == (case.task, ())
    assert set(kept.notes) == {"paraphrase: leak"}


def test_a_task_without_a_paraphrase_stays_as_it_is() -> None:
    case = first_case()
    assert phrased(case, {}) == (case.task, (), ())


def edited(change: Callable[[dict[str, Any]], object]) -> Pack:
    """Return the paraphrased set with the first lock line of a task changed."""
    _, said = packs()
    lines = json.loads(json.dumps(list(said.lines)))
    changed = next(line for line in lines if "phrases" in line["certificate"])
    change(changed["certificate"]["phrases"][0])
    return Pack(said.place, said.header, lines)


def sealed(line: dict[str, Any], **parts: str) -> None:
    line.update(parts)
    rest: Mapping[str, Any] = {key: value for key, value in line.items() if key != "digest"}
    line["digest"] = digest(canonical(rest))


def test_another_paraphrase_than_is_said_is_a_lie() -> None:
    lies = list(recheck(edited(lambda line: sealed(line, template=f"Right: {line['template']}"))))
    assert [lie.obligation for lie in lies] == ["P14"]
    assert "card" in lies[0].witness


def test_a_paraphrase_that_fails_a_check_is_a_lie() -> None:
    lies = list(recheck(edited(lambda line: sealed(line, template=f"{line['template']} At 7."))))
    assert [lie.obligation for lie in lies] == ["P14"]
    assert "check" in lies[0].witness


def test_a_paraphrase_of_another_text_is_a_lie() -> None:
    lies = list(recheck(edited(lambda line: sealed(line, original=digest("Hi"), fallback="Hi"))))
    assert [lie.obligation for lie in lies] == ["P14"]
    assert "nothing that is said" in lies[0].witness


def test_a_broken_seal_is_a_broken_certificate() -> None:
    with pytest.raises(DataError, match="digest"):
        list(recheck(edited(lambda line: line.update(template="Hi"))))


def test_a_lockfile_that_changes_in_between_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "lock.jsonl"
    place.write_bytes((folder() / "lock.jsonl").read_bytes())
    with pytest.raises(DataError, match="changed"):
        read_locked(str(place), "another")


# The command


def test_answers_of_another_set_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = tmp_path / "answers.jsonl"
    for text, problem in [
        (canonical({"fallback": "Hi", "template": "Hi"}), "no request of this task set"),
        (canonical({"fallback": "Hi"}), "fallback and template"),
        ("{", "not a JSON line"),
    ]:
        answers.write_text(text + "\n", "utf-8")
        plain, out = str(folder() / "plain.jsonl"), str(tmp_path / "lock.jsonl")
        assert main(["phrases", plain, "--answers", str(answers), "--out", out]) == 2
        assert problem in capsys.readouterr().err


def test_a_paraphrased_set_gives_no_templates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phrases", str(folder() / "said.jsonl"), "--out", str(tmp_path / "t.jsonl")]) == 2
    assert "paraphrased already" in capsys.readouterr().err
