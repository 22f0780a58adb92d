"""A server as sampler: what goes into the loss is what it sampled, or there is an error that says why not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("tokenizers")

from simenv.agents.endpoint import RemoteError
from simenv.agents.oracle import oracle
from simenv.agents.protocol import play
from simenv.core.errors import UsageError
from simenv.core.pack import bundled
from simenv.episodes.context import Memory
from simenv.episodes.episode import Episode
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import Family, family_of
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.demos import lessons_of, tokens_of
from simenv.train.rollouts.remote import RemoteSampler, Sampled, read_sample, sample_episodes
from simenv.train.rollouts.rollout import Job, Sampling
from simenv.train.rollouts.served import Served
from tests.scripted_server import Answer, Asked, Script, ScriptedServer

TASKS = [bundled("airline", "train").at(place) for place in range(4)]
STOP = 1
LONG = {"error": {"message": "This model's maximum context length is 99 tokens", "code": 400}}


@pytest.fixture(scope="module")
def shown() -> list[Episode]:
    """The oracle's episodes through the compact face."""
    return [play(Episode(task, face="compact"), oracle()) for task in TASKS]


@pytest.fixture(scope="module")
def family(shown: list[Episode]) -> Family:
    texts = [text for episode in shown for text in texts_of(episode)]
    return family_of(Codec(make_tokenizer(texts, 700)))


def completion(asked: Asked, ids: list[int], *, stopped: bool = True, **changed: Any) -> dict[str, Any]:
    """Return what vLLM answers to a prompt of ids; log-probabilities tell the places apart."""
    logps = [-0.125 * (at % 16) for at in range(len(ids))]
    choice = {
        "text": "?",
        "finish_reason": "stop" if stopped else "length",
        "prompt_token_ids": asked.body["prompt"],
        "token_ids": ids,
        "logprobs": {"token_logprobs": logps, "tokens": [f"token_id:{token}" for token in ids]},
    }
    return {"model": asked.body["model"], "choices": [choice | changed]}


def oracles(family: Family, shown: list[Episode], **fits: Any) -> Script:
    """Return the script of a model that says what the oracle said, told by all tokens so far."""
    turns = {}
    for episode in shown:
        for tokens in lessons_of(family, episode, **{"room": 10**6, **fits}):
            begun: list[int] = []
            for segment in tokens.segments:
                if segment.sampled:
                    turns[tuple(begun)] = list(segment.ids)
                begun += segment.ids

    def script(asked: Asked) -> Answer:
        ids = turns[tuple(asked.body["prompt"])]
        room = asked.body["max_tokens"]
        return Answer(completion(asked, ids[:room], stopped=len(ids) <= room))

    return script


@pytest.fixture
def sampler_of() -> Iterator[Callable[..., RemoteSampler]]:
    """Return what makes a sampler of a script's server."""
    servers: list[ScriptedServer] = []

    def make(script: Script, **options: Any) -> RemoteSampler:
        servers.append(ScriptedServer(script).__enter__())
        return RemoteSampler(servers[-1].url, "m", sleep=lambda wait: None, **options)

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def test_episodes_hold_the_ids_that_were_sampled(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    known: list[int] = []
    found = sample_episodes(
        family, sampler_of(oracles(family, shown)), TASKS, seed=1, rollouts=2, progress=known.append
    )
    assert [(each.task, each.number) for each in found] == [(task.id, k) for task in TASKS for k in range(2)]
    assert sum(known) == 8
    for each, episode in zip(found, [episode for episode in shown for _ in range(2)], strict=True):
        expected = tokens_of(family, episode)
        assert each.tokens.ids == expected.ids
        assert each.tokens.mask == expected.mask
        assert (each.reward, each.reason, each.verdict.passed) == (1.0, "done", True)
        for segment in each.tokens.segments:
            places = [-0.125 * (at % 16) for at in range(len(segment.ids))]
            assert segment.logps == (tuple(places) if segment.sampled else ())


def test_rollouts_do_not_depend_on_concurrency_and_faults(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    script = oracles(family, shown)

    def faulty(asked: Asked) -> Answer:
        fault = Answer({}, status=503) if asked.number % 2 else Answer(cut=True)
        return script(asked) if asked.number % 3 == 2 else fault

    alone = sample_episodes(family, sampler_of(script, concurrency=1), TASKS, seed=1)
    together = sample_episodes(family, sampler_of(faulty, concurrency=8, retries=40), TASKS, seed=1)
    assert [each.tokens.digest for each in alone] == [each.tokens.digest for each in together]


def test_every_sample_has_a_seed_of_its_own_address(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    def seeds(**options: Any) -> list[int]:
        asked: list[int] = []
        script = oracles(family, shown)

        def noting(request: Asked) -> Answer:
            asked.append(request.body["seed"])
            return script(request)

        sample_episodes(family, sampler_of(noting), TASKS[:2], rollouts=3, **options)
        return sorted(asked)

    first = seeds(seed=1)
    assert len(set(first)) == len(first)
    assert first == seeds(seed=1)
    assert not set(first) & {*seeds(seed=2), *seeds(seed=1, step=1)}


def test_a_cut_off_episode_says_why_and_earns_nothing(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    script = oracles(family, shown)
    first = len(family.start(shown[0].messages[:2], shown[0].tools)[0].ids)

    def reason(script: Script = script, **options: Any) -> str:
        found = sample_episodes(family, sampler_of(script), TASKS[:1], seed=1, **options)[0]
        assert found.reward == 0.0
        assert len(found.tokens) <= options.get("context_tokens", 10**9) or found.tokens.sampled == 0
        return found.reason

    assert reason(max_tokens=3) == "max_tokens"
    assert reason(context_tokens=first // 2) == "context"
    assert reason(context_tokens=len(tokens_of(family, shown[0])) - 2) == "context"
    assert reason(lambda asked: Answer(LONG, status=400)) == "context"
    stop = min(family.stops)
    assert reason(lambda asked: Answer(completion(asked, [*family.codec.body("no"), stop]))) in (
        "done",
        "max_turns",
    )


def test_samples_come_in_the_order_of_prompts(sampler_of: Callable[..., RemoteSampler]) -> None:
    sampler = sampler_of(
        lambda asked: Answer(completion(asked, [asked.body["prompt"][0], STOP]), wait_s=0.001)
    )
    found = sampler.sample([[n + 5] for n in range(30)], seeds=list(range(30)), max_tokens=4, stops={STOP})
    assert [each.ids for each in found] == [(n + 5, STOP) for n in range(30)]
    assert found[0] == Sampled((5, STOP), (0.0, -0.125), "stop")


def test_the_request_asks_for_the_whole_distribution(sampler_of: Callable[..., RemoteSampler]) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer(completion(asked, [STOP]))

    sampler = sampler_of(script).named("adapter-7")
    sampler.sample([[3, 4]], seeds=[9], max_tokens=5, stops={STOP})
    body = seen[0].body
    assert (seen[0].path, body["model"], body["prompt"]) == ("/v1/completions", "adapter-7", [3, 4])
    assert (body["seed"], body["stop_token_ids"], body["ignore_eos"]) == (9, [STOP], True)
    assert (body["temperature"], body["top_p"], body["top_k"], body["min_p"]) == (1.0, 1.0, 0, 0.0)
    assert body["return_token_ids"] is body["return_tokens_as_token_ids"] is True
    assert body["repetition_penalty"] == body["logprobs"] == 1


FLAT = {"token_logprobs": [-1.0, -1.0], "tokens": ["a", "b"]}
FAULTS: list[tuple[dict[str, Any], str]] = [
    # Failures 1 and 5 of the research note: other tokens than were sampled, another model than was trained.
    ({"prompt_token_ids": [8, 6]}, "read other tokens than were sent: 2 for 2, and they part at token 1"),
    ({"prompt_token_ids": [0, 8, 7]}, "3 for 2, and they part at token 0"),
    ({"prompt_token_ids": [8, 7, 7]}, "3 for 2, and they part at token 2"),
    ({"prompt_token_ids": None}, "no prompt_token_ids: the server does not know return_token_ids"),
    ({"token_ids": None}, "no token_ids"),
    ({"token_ids": ["5", STOP]}, "no token_ids"),
    ({"token_ids": [True, STOP]}, "no token_ids"),
    ({"token_ids": [6, STOP]}, "are of other tokens"),
    # Failure 8: log-probabilities of another shape, or none.
    ({"token_ids": [5, 5, STOP]}, "2 log-probabilities for 3 token ids"),
    ({"logprobs": None}, "no log-probabilities for 2 token ids"),
    ({"logprobs": FLAT | {"token_logprobs": [-1.0, None]}}, "token 1 is None"),
    ({"logprobs": FLAT | {"token_logprobs": [float("nan"), -1.0]}}, "token 0 is nan"),
    ({"logprobs": FLAT | {"token_logprobs": [float("-inf"), -1.0]}}, "token 0 is -inf"),
    ({"logprobs": FLAT | {"token_logprobs": [-9999.0, -1.0]}}, r"token 0 is -9999\.0"),
    ({"logprobs": FLAT | {"token_logprobs": [0.5, -1.0]}}, r"token 0 is 0\.5"),
    ({"token_ids": []}, "1 to 9 tokens were to be sampled, the answer holds 0"),
    ({"token_ids": [5] * 10}, "the answer holds 10"),
    ({"token_ids": [5, 5]}, "ended with stop at token 5"),
    ({"token_ids": [STOP, STOP]}, "or came after"),
    ({"finish_reason": "length"}, "ignores stop_token_ids"),
]


@pytest.mark.parametrize(("changed", "told"), FAULTS)
def test_an_answer_that_proves_nothing_is_an_error_at_once(
    changed: dict[str, Any], told: str, sampler_of: Callable[..., RemoteSampler]
) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer(completion(asked, [5, STOP], **changed))

    with pytest.raises(RemoteError, match=told):
        sampler_of(script).sample([[8, 7]], seeds=[0], max_tokens=9, stops={STOP})
    assert len(seen) == 1


def test_another_model_that_answers_is_found_out(sampler_of: Callable[..., RemoteSampler]) -> None:
    sampler = sampler_of(lambda asked: Answer(completion(asked, [5, STOP]) | {"model": "base"}))
    with pytest.raises(RemoteError, match="'m' was asked for and 'base' has answered"):
        sampler.sample([[8]], seeds=[0], max_tokens=9, stops={STOP})


def test_an_aborted_sample_is_asked_for_again(sampler_of: Callable[..., RemoteSampler]) -> None:
    def script(asked: Asked) -> Answer:
        fresh: dict[str, Any] = {} if asked.number else {"finish_reason": "abort"}
        return Answer(completion(asked, [5, STOP], **fresh))

    found = sampler_of(script).sample([[8]], seeds=[0], max_tokens=9, stops={STOP})
    assert found[0].ids == (5, STOP)


def test_a_tiny_rounding_above_zero_is_zero() -> None:
    asked = Asked(0, "", {}, {"prompt": [8], "model": "m"})
    answer = completion(asked, [5, STOP], logprobs=FLAT | {"token_logprobs": [1e-6, -1.0]})
    found = read_sample(answer, model="m", prompt=[8], max_tokens=9, stops={STOP})
    assert found.logps == (0.0, -1.0)


@pytest.mark.parametrize(
    "options",
    [
        {"seeds": [1, 2]},
        {"seeds": [-1]},
        {"seeds": [2**63]},
        {"prompts": [[]]},
        {"prompts": [[-1]]},
        {"max_tokens": 0},
        {"stops": set()},
    ],
)
def test_requests_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    sampler = RemoteSampler("http://127.0.0.1:1/v1", "m", retries=0)
    prompts = options.pop("prompts", [[8]])
    given: dict[str, Any] = {"seeds": [0], "max_tokens": 9, "stops": {STOP}}
    with pytest.raises(UsageError):
        sampler.sample(prompts, **given | options)


def test_what_is_sampled_follows_the_budget_of_the_task(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    short = TASKS[0].model_copy(update={"budget": 2})
    script = oracles(family, shown)
    found = sample_episodes(family, sampler_of(script), [short], seed=1)
    assert (found[0].reason, found[0].reward) == ("max_turns", 0.0)


def test_grpo_is_given_rollouts_by_a_server(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    served = Served(family, sampler_of(oracles(family, shown)))
    jobs = [Job(task, number) for task in TASKS[:2] for number in range(2)]
    found = served.sample(jobs, Sampling(room=32_768, turn_tokens=512))
    assert [(each.task, each.number) for each in found] == [(job.task, job.number) for job in jobs]
    for rollout, episode in zip(found, [shown[0], shown[0], shown[1], shown[1]], strict=True):
        assert rollout.tokens.ids == tokens_of(family, episode).ids
        assert (rollout.reward, rollout.reason) == (1.0, "done")
        assert rollout.turns == len(rollout.actions) == len(episode.steps)
        assert list(rollout.messages) == episode.messages
    with pytest.raises(UsageError, match="no hints"):
        served.sample([Job(TASKS[0], 0, "Hint: do it")], Sampling())


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.3])
def test_a_server_samples_at_temperature_one_only(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler], temperature: float
) -> None:
    """Found by a reader: it sampled at 1 whatever the config said, and was trained as if from that."""
    served = Served(family, sampler_of(oracles(family, shown)))
    with pytest.raises(UsageError, match=f"temperature = {temperature:g}, and a server samples at 1"):
        served.sample([Job(TASKS[0], 0)], Sampling(temperature=temperature))


def test_a_server_is_shown_a_context_that_is_cut(
    family: Family, shown: list[Episode], sampler_of: Callable[..., RemoteSampler]
) -> None:
    longest = max(len(segment.ids) for each in shown for segment in tokens_of(family, each).segments)
    fits: dict[str, Any] = {"memory": Memory(recalls=0, notes=0), "turn_tokens": longest + 1}
    room = max(len(tokens_of(family, each)) for each in shown) + longest - 100
    served = Served(family, sampler_of(oracles(family, shown, room=room, **fits)))
    found = served.sample([Job(task, 0) for task in TASKS], Sampling(room=room, **fits))
    assert [(rollout.reward, rollout.reason) for rollout in found] == [(1.0, "done")] * len(TASKS)
    assert sum(len(rollout.earlier) for rollout in found) >= 1
    for rollout, episode in zip(found, shown, strict=True):
        expected = lessons_of(family, episode, room=room, **fits)
        assert [each.ids for each in rollout.sequences] == [each.ids for each in expected]
        assert rollout.turns == len(episode.steps)
