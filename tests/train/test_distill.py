"""Distillation: what passed in runs, and nothing else, in the pupil's face and tokens."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from simenv.cli import main
from simenv.core.errors import DataError, UsageError
from simenv.core.pack import bundled
from simenv.train.chat.families import family_of
from simenv.train.demos import demonstrate, tokens_of
from simenv.train.distill import demos_of_logs, demos_of_runs, pack_of_log
from tests.train import codecs

ROOM = 8000


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Logs of three agents in the full face."""
    folder = tmp_path_factory.mktemp("logs")
    found = {}
    for name in ("oracle", "oracle:recovers", "idle"):
        found[name] = str(folder / f"{name.replace(':', '-')}.jsonl")
        assert main(["run", "airline", "--agent", name, "--tasks", "3", "--out", found[name]]) == 0
    return found


def test_what_an_agent_did_in_the_full_face_is_shown_in_the_compact_one(logs: dict[str, str]) -> None:
    family = family_of(codecs.plain())
    found = demos_of_runs([logs["oracle"]], None, family, "compact", ROOM)
    for at, (task, tokens) in enumerate(found):
        assert task.id == bundled("airline", "train").at(at).id
        episode = demonstrate(task, face="compact")
        assert episode is not None
        assert tokens == tokens_of(family, episode)
    assert len(found) == 3
    full = demos_of_runs([logs["oracle"]], pack_of_log(logs["oracle"]), family, "full", ROOM * 4)
    assert all(len(mine) > len(short) for (_, mine), (_, short) in zip(full, found, strict=True))


def test_refused_calls_are_shown_and_not_taught(logs: dict[str, str]) -> None:
    found = demos_of_runs([logs["oracle:recovers"]], None, family_of(codecs.plain()), "compact", ROOM)
    mistakes = [each for _, tokens in found for each in tokens.segments if each.sampled and not each.weight]
    assert mistakes
    assert all(any(tokens.weights) for _, tokens in found)


def test_the_same_episode_twice_is_one_demonstration(logs: dict[str, str]) -> None:
    family = family_of(codecs.plain())
    assert len(demos_of_runs([logs["oracle"]] * 2, None, family, "compact", ROOM)) == 3


def test_where_nothing_is_to_be_learned_it_is_said_why(logs: dict[str, str]) -> None:
    family = family_of(codecs.plain())
    with pytest.raises(UsageError, match="nothing to learn from: 3 failed"):
        demos_of_runs([logs["idle"]], None, family, "compact", ROOM)
    with pytest.raises(UsageError, match="3 longer than 99 tokens"):
        demos_of_runs([logs["oracle"]], None, family, "compact", 99)
    with pytest.raises(UsageError, match="a run of domain 'airline', and what is trained is of 'shop'"):
        demos_of_logs([logs["oracle"]], family, domain="shop", face="compact", room=ROOM)


def test_a_torn_tail_is_left_out_and_a_forged_record_is_refused(logs: dict[str, str], tmp_path: Path) -> None:
    family = family_of(codecs.plain())
    whole = Path(logs["oracle"]).read_bytes()
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(whole[:-40])
    told: list[str] = []
    assert len(demos_of_runs([torn], None, family, "compact", ROOM, tell=told.append)) == 2
    assert told == [
        f"The last record of {torn} (line 4) is torn and was left out; the command that wrote the log writes "
        "it again."
    ]
    demos_of_runs([logs["oracle"]], None, family, "compact", ROOM, tell=told.append)
    assert len(told) == 1
    lines = whole.splitlines(keepends=True)
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(b"".join([lines[0], lines[1].replace(b"true", b"false", 1), *lines[2:]]))
    with pytest.raises(DataError):
        demos_of_runs([forged], None, family, "compact", ROOM)


def test_a_log_of_an_unknown_domain_or_version_is_refused(logs: dict[str, str], tmp_path: Path) -> None:
    assert json.loads(Path(logs["oracle"]).read_text().splitlines()[0])
    with pytest.raises(DataError):
        pack_of_log(tmp_path / "nothing.jsonl")
