"""A server as sampler: token ids go in, token ids and log-probabilities come back, and all of it is checked.

The server is one that speaks OpenAI's completions API as vLLM does: it takes a prompt of ids, and with
``return_token_ids`` gives the ids that it read and those that it sampled. No text is encoded on the way, and
an answer that does not prove it is an error, because training on other tokens than were sampled fails
silently. Log-probabilities are those of the model at temperature 1 without any cut; so is what is asked for.

An adapter that is refreshed should be loaded by the server under a new name each time, such as one with its
digest, and asked for with ``RemoteSampler.named``: a server that did not load it then has to refuse, and one
that answers as another model is found out.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from simenv.agents.concurrent import in_order
from simenv.agents.endpoint import Endpoint, MalformedError, RemoteError, TooLongError
from simenv.core.draws import Draws
from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.core.trajectory import Trajectory
from simenv.episodes.context import Memory, OpeningError
from simenv.episodes.episode import Episode
from simenv.scoring.verify import Verdict
from simenv.train.chat.families import Family
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.chat.transcript import Transcript

_SEEDS = 2**63
_ABOVE_ZERO = 1e-4
"""Rounding may lift a log-probability so far above 0; it is then taken for 0."""
_IMPOSSIBLE = -9999.0
"""vLLM writes minus infinity so, for JSON has no infinities."""
_ID = "token_id:"


class Sampled(NamedTuple):
    """What was sampled after one prompt.

    Attributes:
        ids: Token ids, the one that stopped it included; at least one.
        logps: The log-probability of each, at most 0.
        reason: ``"stop"`` at a token of ``stops``, ``"length"`` where it was cut off.
    """

    ids: tuple[int, ...]
    logps: tuple[float, ...]
    reason: str


class RemoteSampler:
    """A model on a server that samples from prompts of token ids.

    Args:
        base_url: Where the API is, such as ``"http://127.0.0.1:8000/v1"``.
        model: What the server calls the model, or the adapter.
        api_key: Is sent and never written anywhere; "" for none.
        concurrency: How many requests are under way at once; a server batches them.
        greedy: Take the likeliest token each time; for evaluation, not for training.
        retries: How often a request is repeated; see ``Endpoint``.
        timeout_s: Longest wait for one answer.
        sleep: Waits for so many seconds; tests give their own.

    Raises:
        UsageError: If one of them cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "",
        concurrency: int = 64,
        greedy: bool = False,
        retries: int = 5,
        timeout_s: float = 600.0,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if not model:
            raise UsageError("a model has a name; `GET BASE_URL/models` lists those of a server")
        if concurrency < 1:
            raise UsageError(f"at least one request is under way at a time, got {concurrency}")
        self.model = model
        self.concurrency = concurrency
        self._greedy = greedy
        self._endpoint = Endpoint(
            base_url, api_key=api_key, retries=retries, timeout_s=timeout_s, sleep=sleep
        )

    def named(self, model: str) -> "RemoteSampler":
        """Return the same sampler of another model of the server, such as a refreshed adapter."""
        other = RemoteSampler.__new__(RemoteSampler)
        other.__dict__.update(self.__dict__, model=model)
        return other

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        seeds: Sequence[int],
        max_tokens: int,
        stops: Collection[int],
    ) -> list[Sampled]:
        """Return one sample for each prompt, in their order.

        Args:
            prompts: Token ids, each at least one.
            seeds: One for each prompt, 0 <= seed < 2**63; members of a group need different ones.
            max_tokens: Most tokens of a sample.
            stops: Ids that end a sample.

        Raises:
            UsageError: If prompts and seeds do not fit, or the server refuses a request.
            TooLongError: If a prompt is longer than what the model can read.
            RemoteError: If there is no answer, or one of other tokens, or with missing log-probabilities.
        """
        if len(seeds) != len(prompts):
            raise UsageError(f"one seed for each prompt: got {len(seeds)} for {len(prompts)}")

        def one(item: tuple[Sequence[int], int]) -> Sampled:
            return self.sample_one(item[0], seed=item[1], max_tokens=max_tokens, stops=stops)

        pairs = zip(prompts, seeds, strict=True)
        return list(in_order(one, pairs, workers=self.concurrency, stop=self.stop))

    def sample_one(
        self, prompt: Sequence[int], *, seed: int, max_tokens: int, stops: Collection[int]
    ) -> Sampled:
        """Return one sample; see ``sample``."""
        if not prompt or min(prompt) < 0:
            raise UsageError("a prompt holds at least one token, and no id below 0")
        if not 0 <= seed < _SEEDS:
            raise UsageError(f"a seed is at least 0 and below 2**63, got {seed}")
        if max_tokens < 1 or not stops:
            raise UsageError("a sample has at least one token, and something has to stop it: give stops")
        body = self._request(prompt, seed, max_tokens, stops)
        read = partial(read_sample, model=self.model, prompt=prompt, max_tokens=max_tokens, stops=stops)
        return self._endpoint.post("/completions", body, read)

    def stop(self) -> None:
        """Give up every request that is under way; nothing can be sampled afterwards."""
        self._endpoint.stop()

    def _request(
        self, prompt: Sequence[int], seed: int, max_tokens: int, stops: Collection[int]
    ) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": list(prompt),
            "max_tokens": max_tokens,
            "seed": seed,
            "stop_token_ids": sorted(stops),
            # Only the family says what ends a turn.
            "ignore_eos": True,
            "logprobs": 1,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "add_special_tokens": False,
            "skip_special_tokens": False,
            # A server takes what is not given from the checkpoint's generation_config.json: such a cut of the
            # distribution would not show in the log-probabilities.
            "temperature": 0.0 if self._greedy else 1.0,
            "top_p": 1.0,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
        }


def read_sample(
    answer: Any, *, model: str, prompt: Sequence[int], max_tokens: int, stops: Collection[int]
) -> Sampled:
    """Return what a completion holds, if it proves what it must.

    Raises:
        MalformedError: If it is no completion, or an aborted one; the request is worth another try.
        RemoteError: If it is of another model, of other tokens than were sent, or ids and log-probabilities
            do not belong together. Another try would not help.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise MalformedError(f"the answer holds no choices[0]: {str(answer)[:200]}")
    reason = choice.get("finish_reason")
    if reason not in ("stop", "length"):
        raise MalformedError(f"the sample ended with {reason!r}, neither stop nor length")
    if answer.get("model") != model:
        raise RemoteError(
            f"{model!r} was asked for and {answer.get('model')!r} has answered. "
            "Load the adapter under that name, or ask for the model by the first of its names"
        )
    read = _ids(choice.get("prompt_token_ids", answer.get("prompt_token_ids")), "prompt_token_ids")
    if read != tuple(prompt):
        at = next((n for n, (a, b) in enumerate(zip(read, prompt, strict=False)) if a != b), len(prompt))
        raise RemoteError(
            f"the server read other tokens than were sent: {len(read)} for {len(prompt)}, "
            f"and they part at token {at}. It has to take ids as they are, and add none"
        )
    ids = _ids(choice.get("token_ids"), "token_ids")
    _check_end(ids, reason, max_tokens, stops)
    return Sampled(ids, _logps(choice.get("logprobs"), ids), reason)


def _ids(found: Any, name: str) -> tuple[int, ...]:
    fits = isinstance(found, list) and all(type(token) is int and token >= 0 for token in found)
    if not fits:
        raise RemoteError(
            f"the answer holds no {name}: the server does not know return_token_ids. "
            "vLLM does from 0.10.2 on; decoded text cannot be trained on"
        )
    return tuple(found)


def _check_end(ids: Sequence[int], reason: str, max_tokens: int, stops: Collection[int]) -> None:
    """Hold a sample's end against why it ended."""
    if not 1 <= len(ids) <= max_tokens:
        raise RemoteError(f"1 to {max_tokens} tokens were to be sampled, the answer holds {len(ids)}")
    at = next((at for at, token in enumerate(ids) if token in stops), len(ids))
    if reason == "stop" and at != len(ids) - 1:
        raise RemoteError(
            f"the sample ended with stop at token {ids[-1]}, which is none of {sorted(stops)}, or came after "
            "one. The server has to return the stop token, and to stop at no other"
        )
    if reason == "length" and at != len(ids):
        raise RemoteError(
            f"the sample holds stop token {ids[at]} and went on: the server ignores stop_token_ids"
        )


def _logps(found: Any, ids: Sequence[int]) -> tuple[float, ...]:
    """Return the log-probability of each id."""
    logps = found.get("token_logprobs") if isinstance(found, dict) else None
    if not isinstance(logps, list) or len(logps) != len(ids):
        told = f"{len(logps)} log-probabilities" if isinstance(logps, list) else "no log-probabilities"
        raise RemoteError(
            f"the answer holds {told} for {len(ids)} token ids; the server has to give one each"
        )
    for at, logp in enumerate(logps):
        number = type(logp) in (int, float) and math.isfinite(logp)
        if not number or not _IMPOSSIBLE < logp <= _ABOVE_ZERO:
            raise RemoteError(
                f"the log-probability of token {at} is {logp!r}, and one that was sampled has a finite one "
                "of at most 0. Check --logprobs-mode and the precision of the server"
            )
    named = found.get("tokens")
    tells = isinstance(named, list) and any(str(name).startswith(_ID) for name in named)
    if tells and named != [f"{_ID}{token}" for token in ids]:
        raise RemoteError("log-probabilities and token_ids of the answer are of other tokens")
    return tuple(min(0.0, float(logp)) for logp in logps)


class RemoteRollout(NamedTuple):
    """One episode that a model played.

    Attributes:
        task: Id of the task.
        number: Which rollout of the task, from 0.
        tokens: What the model read and sampled; it ends with its last turn.
        reward: The verdict's, and 0.0 where the episode was cut off.
        reason: ``"done"``, or why it was cut off: ``"max_turns"``, ``"max_tokens"`` of a turn, ``"context"``.
        trajectory: What happened in the world.
        verdict: On the episode as it ended.
        turns: How many the model took, those about memory among them.
        earlier: Where its context was cut, the sequences of tokens before; ``tokens`` is the last one.
    """

    task: str
    number: int
    tokens: TokenEpisode
    reward: float
    reason: str
    trajectory: Trajectory
    verdict: Verdict
    turns: int
    earlier: tuple[TokenEpisode, ...] = ()


def sample_episodes(
    family: Family,
    sampler: RemoteSampler,
    tasks: Iterable[Task],
    *,
    seed: int,
    step: int = 0,
    rollouts: int = 1,
    max_tokens: int = 512,
    context_tokens: int = 32_768,
    face: str = "compact",
    memory: Memory | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> list[RemoteRollout]:
    """Let the model play each task ``rollouts`` times; a group stands together.

    Every sample's seed is drawn from (seed, step, task, rollout, turn), so it does not depend on what else is
    played; whether the same seed gives the same tokens is the server's promise, not ours.

    Args:
        family: The chat family of the model.
        sampler: The model.
        tasks: Are played ``sampler.concurrency`` at a time.
        seed: Of the training.
        step: Of the training.
        rollouts: Attempts at each task.
        max_tokens: Most tokens of one turn.
        context_tokens: Most tokens that the model can read and write together.
        face: How things are shown to the model.
        memory: How an episode that outgrows the context goes on; None, and it is cut off.
        progress: Is told how many more episodes have been played.

    Raises:
        UsageError, RemoteError: See ``RemoteSampler.sample``.
    """
    if rollouts < 1:
        raise UsageError(f"a task is played at least once, got {rollouts} rollouts")

    def one(item: tuple[Task, int]) -> RemoteRollout:
        task, number = item
        draws = Draws("remote", seed, step, task.id, number)
        episode, left = Episode(task, face=face), context_tokens
        budget = context_tokens - max_tokens
        try:
            told = Transcript(family, episode.messages, episode.tools, memory=memory, budget_tokens=budget)
        except OpeningError:
            told, left = Transcript(family, episode.messages, episode.tools), 0
        return _play(family, sampler, episode, told, draws, number, (max_tokens, left))

    items = ((task, number) for task in tasks for number in range(rollouts))
    played: list[RemoteRollout] = []
    for each in in_order(one, items, workers=sampler.concurrency, stop=sampler.stop):
        played.append(each)
        progress(1)
    return played


def _play(
    family: Family,
    sampler: RemoteSampler,
    episode: Episode,
    told: Transcript,
    draws: Draws,
    number: int,
    limits: tuple[int, int],
) -> RemoteRollout:
    """Play one episode to its end, or until a limit cuts it off."""
    max_tokens, context_tokens = limits
    reason, reward, turns = "", 0.0, 0
    while not reason:
        room = min(max_tokens, context_tokens - len(told.tokens))
        if room < 1 or told.full:
            reason = "context"
            break
        seed = draws.at(turns).below(_SEEDS)
        try:
            said = sampler.sample_one(told.tokens.ids, seed=seed, max_tokens=room, stops=family.stops)
        except TooLongError:
            reason = "context"
            break
        turns += 1
        told.say(Segment("assistant", said.ids, sampled=True, logps=said.logps))
        if said.reason == "length":
            reason = "max_tokens" if room == max_tokens else "context"
            break
        action = family.action(said.ids)
        if told.answer(action) is None:
            brought = episode.act(action)
            told.hear(brought.chat)
            if episode.done:
                reason, reward = ("max_turns" if brought.truncated else "done"), brought.reward
    *earlier, tokens = told.spoken
    return RemoteRollout(
        episode.task.id, number, tokens, reward, reason, episode.trajectory(), episode.verdict(), turns,
        tuple(earlier),
    )  # fmt: skip
