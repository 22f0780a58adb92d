"""Long episodes in training: contexts are cut in sampling, and every sequence is trained on once."""

import re
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from benchmarks.long.reader import reader  # noqa: E402
from benchmarks.long.tasks import long_tasks  # noqa: E402
from simenv.agents.protocol import act_out  # noqa: E402
from simenv.agents.runs import attempt  # noqa: E402
from simenv.core.errors import UsageError  # noqa: E402
from simenv.core.pack import bundled  # noqa: E402
from simenv.core.task import Task  # noqa: E402
from simenv.episodes.context import RECALL, Memory, OpeningError  # noqa: E402
from simenv.episodes.episode import Episode, Step  # noqa: E402
from simenv.episodes.window import Window  # noqa: E402
from simenv.train.chat.families import Family, family_of  # noqa: E402
from simenv.train.chat.tokens import TokenEpisode  # noqa: E402
from simenv.train.chat.transcript import Transcript, counter  # noqa: E402
from simenv.train.demos import demonstrate, demos, lessons_of, named_in, tokens_of  # noqa: E402
from simenv.train.evaluate import played  # noqa: E402
from simenv.train.grpo import Grpo  # noqa: E402
from simenv.train.guards import GuardConfig, Guards  # noqa: E402
from simenv.train.models.policy import Policy  # noqa: E402
from simenv.train.models.policy import small as make  # noqa: E402
from simenv.train.rollouts.agent import Drawing, ModelAgent  # noqa: E402
from simenv.train.rollouts.rollout import Job, Rollout, Sampling, turns_of, without_hint  # noqa: E402
from simenv.train.rollouts.sampler import Sampler  # noqa: E402
from simenv.train.rollouts.workers import EnvPool  # noqa: E402
from simenv.train.rollouts.worlds import PooledWorlds  # noqa: E402
from tests.train import codecs, small  # noqa: E402
from tests.train.tiny import grpo_config, some_reward  # noqa: E402

WINDOW, LONGEST = 4096, 200
ROOMS = {"plain": WINDOW, "qwen3": 16_000, "llama3": 16_000}
CUT = Sampling(room=WINDOW, turn_tokens=LONGEST, memory=Memory())


def deeds(task: Task, budget_tokens: int, family: Family) -> list[str]:
    """Return what a reader that knows only what it is shown does in a window, its memory calls among it."""
    episode = Episode(task, face="compact")
    count = counter(family, episode.messages, episode.tools)
    window = Window(
        episode, budget_tokens, lambda message: count(message) + 40 * (message["role"] == "assistant")
    )
    agent: Generator[str, Step, None] = reader(window)
    done = [next(agent)]
    while not (step := window.act(done[-1])).terminated:
        done.append(agent.send(step))
    assert episode.verdict().passed
    return done


def told(family: Family, task: Task, actions: Sequence[str], how: Sampling) -> Transcript:
    """Return the transcript of those actions."""
    episode = Episode(task, face="compact")
    budget = how.room - how.turn_tokens
    found = Transcript(family, episode.messages, episode.tools, memory=how.memory, budget_tokens=budget)
    for action in actions:
        found.say(family.turn(action))
        if found.answer(action) is None:
            found.hear(episode.act(action).chat)
    return found


class Follower:
    """A model that knows sequences of tokens by heart and says what comes next in the one that it reads."""

    room = 10**6

    def __init__(self, known: Sequence[Sequence[int]], vocab: int) -> None:
        self.head = 40 * torch.eye(vocab)
        self.known = [list(each) for each in known]
        self.longest = 0

    def new_cache(self, lanes: int, room: int) -> "Follower":
        self.read: list[list[int]] = [[] for _ in range(lanes)]
        return self

    def copy_lanes(self, source: Tensor, target: Tensor, upto: int) -> None:
        for one, other in zip(source.tolist(), target.tolist(), strict=True):
            self.read[other] = self.read[one][:upto]

    def clear_lanes(self, lanes: Tensor) -> None:
        for lane in lanes.tolist():
            self.read[lane] = []

    def extend(self, ids: Tensor, lengths: Tensor, starts: Tensor, lanes: Tensor, cache: object) -> Tensor:
        found: Tensor = torch.zeros(len(lanes), len(self.head))
        for at, (lane, count, start) in enumerate(
            zip(lanes.tolist(), lengths.tolist(), starts.tolist(), strict=True)
        ):
            read = self.read[lane]
            assert len(read) == start, "a lane is read into where it ends, or was cleared"
            read += ids[at, :count].tolist()
            self.longest = max(self.longest, len(read))
            token = next(
                each[len(read)] for each in self.known if each[: len(read)] == read and len(each) > len(read)
            )
            found[at, token] = 1.0
        return found


@lru_cache(maxsize=1)
def long_play() -> tuple[Family, Task, list[str]]:
    family = family_of(codecs.plain())
    task = next(long_tasks("test", 60))
    return family, task, deeds(task, WINDOW - LONGEST, family)


def follow(
    how: Sampling, worlds: PooledWorlds | None = None, actions: Sequence[str] = ()
) -> tuple[Rollout, Transcript, Follower]:
    family, task, done = long_play()
    expected = told(family, task, actions or done, how)
    model = Follower([each.ids for each in expected.sequences], family.codec.vocab_size)
    sampler = Sampler(model, family, worlds=worlds)
    return sampler.sample([Job(task, 0)], replace(how, temperature=0.0))[0], expected, model


def test_sixty_calls_succeed_in_the_sampler_where_they_overflow_without_a_memory() -> None:
    rollout, expected, model = follow(CUT)
    assert (rollout.reason, rollout.reward) == ("done", 1.0)
    assert rollout.calls >= 60
    assert len(rollout.earlier) >= 2
    assert model.longest <= WINDOW
    assert rollout.turns == len(long_play()[2]) > len(rollout.actions), (
        "calls of the memory are turns as well"
    )
    assert played(rollout, face="compact").verdict().passed
    assert [each.ids for each in rollout.sequences] == [each.ids for each in expected.spoken]
    plain, _, _ = follow(replace(CUT, memory=None), actions=rollout.actions)
    assert (plain.reason, plain.reward, plain.earlier) == ("context", 0.0, ())


def test_worker_processes_play_cut_episodes_alike() -> None:
    here, _, _ = follow(CUT)
    with EnvPool[int](2) as pool:
        there, _, _ = follow(CUT, PooledWorlds(pool))
    assert there.sequences == here.sequences
    assert (there.reward, there.calls, there.verdict) == (here.reward, here.calls, here.verdict)


def test_an_agent_in_a_window_of_tokens_does_what_the_sampler_does() -> None:
    family, task, actions = long_play()
    known = [each.ids for each in told(family, task, actions, CUT).sequences]
    agent = ModelAgent(
        Follower(known, family.codec.vocab_size),
        family,
        Drawing(temperature=0, max_tokens=LONGEST, window=WINDOW),
    )
    episode = Episode(task, face="compact")
    act_out(episode, agent)
    assert episode.verdict().passed
    rollout, _, _ = follow(CUT)
    assert [step.action for step in episode.steps] == list(rollout.actions)
    unwise = replace(agent.drawing, window=400)
    small_window = ModelAgent(agent.model, family, unwise)
    assert "window of 400 tokens is too small" in attempt(task, small_window, face="compact")["stuck"]
    with pytest.raises(UsageError, match="two of the longest turns"):
        Drawing(max_tokens=LONGEST, window=399)


def test_each_turn_is_taught_once_in_the_ids_it_was_said_in() -> None:
    family, task, actions = long_play()
    found = told(family, task, actions, CUT)
    turns = [segment.ids for each in found.spoken for segment in each.segments if segment.sampled]
    assert turns == [family.turn(action).ids for action in actions]
    for before, after in zip(found.sequences, found.sequences[1:], strict=False):
        whole = [segment for segment in after.segments if segment.role == "assistant" and not segment.sampled]
        assert whole, "the last turn is always shown"
        said = [segment.ids for segment in before.segments if segment.role == "assistant"]
        assert [segment.ids for segment in whole] == said[-len(whole) :]


@pytest.mark.parametrize("name", ["plain", "qwen3", "llama3"])
def test_a_transcript_is_never_longer_than_its_context_counts(name: str) -> None:
    family = family_of({"plain": codecs.plain, "qwen3": codecs.qwen3, "llama3": codecs.llama3}[name]())
    _, task, actions = long_play()
    found = told(family, task, actions, replace(CUT, room=ROOMS[name]))
    assert found.earlier
    for each in found.sequences:
        assert len(each) <= ROOMS[name], "with the turn that was cut after, it fills the room at most"
        *before, last = each.segments
        read = len(TokenEpisode(before)) if last.sampled else len(each)
        assert read <= ROOMS[name] - LONGEST, "what is read leaves room for a turn"


def test_demonstrations_are_cut_as_sampling_cuts() -> None:
    source, family, forgetful = small.source(), talkative().family, Memory(recalls=0, notes=0)
    cuts = []
    for at in range(4):
        episode = demonstrate(source.at(at))
        assert episode is not None
        whole = tokens_of(family, episode)
        assert lessons_of(family, episode, room=len(whole) - 1) == []
        assert lessons_of(family, episode, room=len(whole)) == [whole]
        parts = lessons_of(family, episode, room=600, memory=forgetful, turn_tokens=60)
        assert sum(each.sampled for each in parts) == whole.sampled
        assert max(map(len, parts)) <= 600
        cuts.append(len(parts) - 1)
    assert sum(cuts) >= 2
    fits: dict[str, Any] = {"seed": 0, "face": "compact", "room": 600, "memory": forgetful, "turn_tokens": 60}
    made = [task.id for task, _ in demos(family, source, 4, {"plain": 1}, **fits)]
    assert sorted(set(made)) == sorted(source.at(at).id for at in range(4))
    assert len(made) == 4 + sum(cuts)


@pytest.mark.parametrize("recalls", [40, 1, 0])
def test_a_demonstration_names_nothing_that_is_not_in_view(recalls: int) -> None:
    """What the oracle remembers and the model is not shown is recalled, or it would learn to make it up."""
    family, seen = family_of(codecs.plain()), Counter[str]()
    for at in range(24):
        episode = demonstrate(bundled("airline", "train").at(at))
        assert episode is not None
        parts = lessons_of(family, episode, room=1700, memory=Memory(recalls=recalls), turn_tokens=200)
        for part in parts[1:]:
            shown = ""
            for segment in part.segments:
                if segment.sampled:
                    action = family.action(segment.ids)
                    gone = [value for value in named_in(action) if value not in shown]
                    assert not (gone and segment.weight), (at, action, gone)
                    seen["recalled"] += RECALL in action
                    seen["not taught"] += bool(gone)
                shown += family.codec.text(segment.ids)
    assert (seen["recalled"] >= 5, seen["recalled"] > 0) == (recalls == 40, recalls > 0), seen
    assert (seen["not taught"] >= 3) == (recalls < 2), seen


def test_an_opening_that_leaves_no_room_ends_the_episode_at_once() -> None:
    policy = small.policy()
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    found = sampler.sample(
        [Job(small.source().at(0), 0)], Sampling(room=300, turn_tokens=20, memory=Memory())
    )[0]
    assert (found.reason, found.turns, len(found.tokens)) == ("context", 0, 0)


def cramped(family: Family, budget_tokens: int) -> int:
    """Return how many of the first tasks open with too much for a budget."""
    count = 0
    for at in range(40):
        opening = Episode(small.source().at(at), face="compact")
        try:
            Transcript(family, opening.messages, opening.tools, memory=Memory(), budget_tokens=budget_tokens)
        except OpeningError:
            count += 1
    return count


def test_a_room_that_openings_outgrow_is_told_with_one_that_does() -> None:
    """Found by a reader: it was said to raise room, and not that the cuts of the context need it."""
    source, family = small.source(), small.policy().family
    fits: dict[str, Any] = {"seed": 0, "face": "compact", "memory": Memory(), "turn_tokens": 40}
    with pytest.raises(
        UsageError, match=r"no plain demonstration of 300 tokens; where a context is"
    ) as error:
        next(demos(family, source, 1, {"plain": 1}, room=300, **fits))
    found = re.search(
        r"turn_tokens = 40, and in 40 of these tasks .* give room=(\d+) or more", str(error.value)
    )
    assert found
    enough = int(found[1])
    assert len(list(demos(family, source, 40, {"plain": 1}, room=enough, **fits))) >= 40
    assert cramped(family, enough - 40) == 0 < cramped(family, enough - 41)
    with pytest.raises(UsageError, match=r"no plain demonstration of 300 tokens; raise room$"):
        next(demos(family, source, 1, {"plain": 1}, room=300, **fits | {"memory": None}))


def talkative() -> Policy:
    """Return an untrained policy that ends its turns: every eighth token does."""
    policy = make("0.3m", codecs.plain(), seed=0, room=1024)
    policy.family.stops = frozenset(range(0, policy.family.codec.vocab_size, 8))
    return policy


def test_every_sequence_is_trained_on_as_it_was_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    config = grpo_config(
        context="cut", recalls=0, notes=0, room=700, turn_tokens=60, groups=2, group=4, credit="gamma_step"
    )
    row, window = Grpo(talkative(), config, small.source()).advance()
    assert float(row["cuts"] or 0) >= 0.5
    assert max(map(len, window.sequences)) <= 700
    assert len(window.sequences) == len(window.owner) > len(window.rollouts)
    assert row["mask_tokens"] == sum(rollout.sampled for rollout in window.rollouts)
    assert float(row["mismatch_max"] or 0) < 1e-4, "each sequence was read from its own beginning"
    turns = [_turns(rollout) for rollout in window.rollouts]
    assert all(found == sorted(found) and found[0] == 1 for found in turns)
    assert [found[-1] for found in turns] == [rollout.turns for rollout in window.rollouts]


def test_a_rollout_whose_context_was_cut_may_say_more_than_one_room_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found by a reader: the guard of lengths took the room of one sequence for the cap of them all."""
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    config = grpo_config(context="cut", recalls=0, notes=0, room=700, turn_tokens=60, groups=2, group=4)
    row, window = Grpo(talkative(), config, small.source()).advance()
    sequences = sum(len(rollout.sequences) for rollout in window.sampled)
    cap = float(row["length_cap"] or 0)
    assert cap == pytest.approx(700 * sequences / len(window.sampled))
    first = [{"step": at, "length": 300.0, "length_cap": 700.0} for at in range(5)]
    for told, stops in ((cap, False), (700.0, True)):
        guards = Guards(GuardConfig())
        later = {"step": 5, "length": 650.0, "length_cap": told}
        found = [guards.check(each) for each in (*first, later)]
        assert [each is not None for each in found] == [False] * 5 + [stops]


def test_a_cut_rollout_moves_the_policy_by_all_of_its_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sequences of one rollout weigh as two rollouts of one sequence and the same advantage would."""
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    config = grpo_config(context="cut", recalls=0, notes=0, room=700, turn_tokens=60, groups=2, group=4)
    moved = []
    for apart in (False, True):
        trainer = Grpo(talkative(), config, small.source())
        window = trainer._window()  # noqa: SLF001
        if apart:
            parts = [
                [replace(each, tokens=one, earlier=()) for one in each.sequences] for each in window.rollouts
            ]
            counts = torch.tensor([len(each) for each in parts])
            window.groups = [[one for each in parts for one in each]]
            window.advantages = window.advantages.repeat_interleave(counts)
            window.keep = window.keep.repeat_interleave(counts)
        trainer._update(window)  # noqa: SLF001
        moved.append(trainer.adapters.digest())
    assert moved[0] == moved[1]


@pytest.mark.parametrize("change", [{"aggregation": "seq_mean_token_mean"}, {"loss": "gspo"}])
def test_a_rollout_weighs_the_same_however_often_it_was_cut(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    """Leave-one-out advantages of a group add up to 0, and so do its rollouts if each weighs alike."""
    monkeypatch.setattr("simenv.train.grpo.reward_of", some_reward)
    config = grpo_config(
        context="cut", recalls=0, notes=0, room=700, turn_tokens=60, groups=3, group=5, micro_tokens=64,
        **{"aggregation": "seq_mean_token_mean", **change},
    )  # fmt: skip
    row, window = Grpo(talkative(), config, small.source()).advance()
    counts = [len(rollout.sequences) for rollout in window.rollouts]
    unequal = sum(float(worth) * count for worth, count in zip(window.advantages, counts, strict=True))
    assert abs(unequal) > 0.5, "weighing by sequences would show"
    assert abs(float(row["loss"] or 0)) < 1e-5


def test_lanes_that_are_shared_are_cut_alike() -> None:
    policy = talkative()
    how = Sampling(room=700, turn_tokens=60, memory=Memory(recalls=1, notes=1), seed=4)
    jobs = [Job(small.source().at(at), number) for at in range(2) for number in range(3)]
    sampler = Sampler(policy.model, policy.family)  # type: ignore[arg-type]
    shared, alone = sampler.sample(jobs, how), sampler.sample(jobs, replace(how, share=False))
    assert sum(len(each.earlier) for each in shared) >= 2
    assert [[one.ids for one in each.sequences] for each in shared] == [
        [one.ids for one in each.sequences] for each in alone
    ]


def test_a_hint_leaves_every_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = talkative()
    how = Sampling(room=800, turn_tokens=60, memory=Memory(recalls=0, notes=0), seed=4)
    jobs = [Job(small.source().at(1), at, hint) for at in range(4) for hint in ("", "Hint: zebra")]
    found = Sampler(policy.model, policy.family).sample(jobs, how)  # type: ignore[arg-type]
    plain, hinted = found[0], [each for each, job in zip(found, jobs, strict=True) if job.hint]
    assert any(each.earlier for each in hinted)
    for each in hinted:
        before = [segment for one in each.sequences for segment in one.segments if segment.sampled]
        assert all("zebra" in policy.family.codec.text(one.ids) for one in each.sequences)
        bare = without_hint(each, plain.sequences[0].segments)
        assert not any("zebra" in policy.family.codec.text(one.ids) for one in bare.sequences)
        after = [segment for one in bare.sequences for segment in one.segments if segment.sampled]
        assert after == before


def _turns(rollout: Rollout) -> list[int]:
    return [number for each in turns_of(rollout) for number in each]
