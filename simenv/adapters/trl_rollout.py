"""simenv for TRL's ``GRPOTrainer(rollout_func=...)``: whole conversations, token by token.

Unlike an environment of TRL's, a model here speaks to the customer in plain words, and the conversation has
an end. What the model sampled goes into the loss in the ids it was sampled in; everything it heard is put
beside them by a chat family and never rendered again. Made against TRL 1.16; neither TRL nor torch is
imported: the trainer brings its own model and tokenizer.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simenv.adapters.trl import source_of, task_of
from simenv.agents.protocol import iter_nothing, play
from simenv.core.errors import UsageError
from simenv.envs.service import Source
from simenv.episodes.episode import Episode

if TYPE_CHECKING:
    from simenv.train.chat.families import Family
    from simenv.train.chat.tokens import TokenEpisode

Sampled = tuple[list[int], list[float]]
"""Ids of one turn, the stop token last if there is one, and the log-probability of each."""
Rollouts = Callable[[list[Any], Any], dict[str, list[Any]]]
_NAMED = "task "


def rollout_rows(
    env: str, n: int, *, split: str = "train", tasks: str | None = None, uncertified: bool = False
) -> list[dict[str, Any]]:
    """Return the first ``n`` rows of data for ``rollout_func`` with the same arguments.

    TRL hands a rollout function nothing but prompts, so the prompt of a row names its task, ``"task 7"``. No
    model ever reads it: it reads the episode's own messages.

    Raises:
        UsageError: If the pack has fewer tasks.
    """
    size = len(source_of(env, split=split, tasks=tasks, uncertified=uncertified).pack)
    if not 1 <= n <= size:
        raise UsageError(f"n is a number of rows from 1 to {size}, got {n!r}")
    return [{"prompt": [{"role": "user", "content": f"{_NAMED}{index}"}]} for index in range(n)]


def episode_reward(*, reward: Sequence[float], **others: Any) -> list[float]:
    """Return the rewards that ``rollout_func`` has found; for ``GRPOTrainer(reward_funcs=...)``."""
    del others
    return list(reward)


def rollout_func(
    env: str,
    *,
    split: str = "train",
    face: str = "full",
    tasks: str | None = None,
    uncertified: bool = False,
    turn_tokens: int = 512,
    family: "Callable[[Any], Family] | None" = None,
) -> Rollouts:
    """Return a function for ``GRPOTrainer(rollout_func=..., reward_funcs=episode_reward)``.

    It plays one episode per prompt, all in lockstep, with the trainer's model and sampling settings. A turn
    that has no stop token within ``turn_tokens``, or a conversation that outgrows the trainer's
    ``max_completion_length``, is cut off: an unfinished turn is never acted on, and the agent says nothing
    more until the customer hangs up. So every rollout has a verdict.

    The function returns ``prompt_ids``, ``completion_ids``, ``logprobs`` (at the trainer's temperature,
    before any cut by top-p or top-k; 0.0 where nothing was sampled), ``env_mask`` (1 on sampled tokens, 0 on
    all others) and for reward functions ``reward``, ``task`` (id), ``actions`` (with which an episode can be
    played again), ``digest`` and ``ended`` (why).

    Args:
        env: An environment's id such as ``"simenv/airline-v0"``, or a domain's name.
        split: ``"train"`` or ``"test"``.
        face: ``"full"`` or ``"compact"``: how things are shown.
        tasks: Path of a pack file, or ``"synth:depth=3,breadth=2"``, instead of the bundled pack.
        uncertified: Whether tasks of a file may lack certificates.
        turn_tokens: The most tokens of one turn, at least 1.
        family: Makes a chat family for the trainer's tokenizer; by default the one that its control tokens
            are of.

    Raises:
        UsageError: Here for unknown names. From the function: if the trainer samples with vLLM, a prompt
            names no task, the control tokens are no family's, or first messages leave no room for a turn.
        DataError: If ``tasks`` is not a whole pack.
    """
    source = source_of(env, split=split, tasks=tasks, face=face, uncertified=uncertified)
    if turn_tokens < 1:
        raise UsageError(f"turn_tokens is a number of tokens of at least 1, got {turn_tokens!r}")

    def rollouts(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        if getattr(trainer, "use_vllm", False):
            raise UsageError(
                "rollout_func samples with the trainer's own model; set use_vllm=False, or use "
                "simenv.adapters.trl.environment_factory"
            )
        written = (family or family_for)(_tokenizer(trainer))
        runs = [_started(source, prompt, written, trainer) for prompt in prompts]
        while live := [run for run in runs if run.room]:
            room = min(turn_tokens, max(run.room for run in live))
            turns = _sample(trainer, [run.tokens.ids for run in live], written.stops, room)
            for run, (ids, logps) in zip(live, turns, strict=True):
                run.take(ids, logps, written)
        return _gathered(runs)

    return rollouts


def family_for(tokenizer: Any) -> "Family":
    """Return the chat family of a fast tokenizer of transformers.

    Raises:
        UsageError: If it is not a fast one, or its control tokens are of no family.
    """
    # tokenizers is an extra; whoever comes here has it, whoever imports this module need not.
    from simenv.train.chat.codec import Codec
    from simenv.train.chat.families import family_of

    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        raise UsageError(
            f"a fast tokenizer is needed, got {type(tokenizer).__name__}; load it with use_fast=True"
        )
    named = {key: text for key, text in tokenizer.special_tokens_map.items() if isinstance(text, str)}
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    return family_of(Codec(inner, template=template, variables=named))


@dataclass(eq=False)
class _Run:
    """One episode on its way.

    Attributes:
        episode: The conversation.
        tokens: What the model has read and said.
        prompt: How many tokens it read before its first turn.
        room: How many more tokens it may be given; 0 once the rollout is over.
        actions: What the agent did.
    """

    episode: Episode
    tokens: "TokenEpisode"
    prompt: int
    room: int
    actions: list[str] = field(default_factory=list)

    def take(self, ids: list[int], logps: list[float], family: "Family") -> None:
        """Append a sampled turn, act on it, and append what was heard if there is room to answer."""
        from simenv.train.chat.tokens import Segment

        ids, logps = ids[: self.room], logps[: self.room]
        self.tokens.append(Segment("assistant", tuple(ids), sampled=True, logps=tuple(logps)))
        room, self.room = self.room - len(ids), 0
        if ids[-1] not in family.stops:
            return
        self.actions.append(family.action(ids))
        step = self.episode.act(self.actions[-1])
        if self.episode.done:
            return
        heard = family.heard(step.chat[1:])
        room -= sum(len(segment.ids) for segment in heard)
        if room > 0:
            self.tokens.append(*heard)
            self.room = room


def _tokenizer(trainer: Any) -> Any:
    return getattr(trainer.processing_class, "tokenizer", trainer.processing_class)


def _started(source: Source, prompt: Any, family: "Family", trainer: Any) -> _Run:
    from simenv.train.chat.tokens import TokenEpisode

    episode = source.open(task_of(source, {"index": _index(prompt)}))
    tokens = TokenEpisode(family.start(episode.messages, episode.tools))
    window = getattr(trainer.model.config, "max_position_embeddings", None)
    room = int(trainer.args.max_completion_length)
    if window is not None:
        room = min(room, window - len(tokens))
    if room < 1:
        raise UsageError(
            f"the first messages of task {episode.task.id} are {len(tokens)} tokens, and the model reads "
            f'{window}; face="compact" shows the same in fewer'
        )
    return _Run(episode, tokens, len(tokens), room)


def _index(prompt: Any) -> int:
    """Return the place in the pack that a prompt names.

    Raises:
        UsageError: If it names none.
    """
    text = prompt[-1].get("content") if isinstance(prompt, list) and prompt else prompt
    index = text.removeprefix(_NAMED) if isinstance(text, str) and text.startswith(_NAMED) else ""
    if not (index.isascii() and index.isdecimal()):
        raise UsageError(
            f"a prompt names its task, such as 'task 7'; got {text!r}. rollout_rows makes such prompts"
        )
    return int(index)


class _Listener:
    """Notes the log-probability of each sampled token while ``generate`` goes on.

    It is called with the scores of the next token, before temperature and cuts, and never changes them. So
    only one row of scores per rollout is held at a time, not one for each token.
    """

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature
        self.logps: list[list[float]] = []
        self._last: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Note the token sampled last, and keep the scores of the next."""
        self.hear(input_ids)
        self._last = (scores.float() / self.temperature).log_softmax(-1)
        return scores

    def hear(self, input_ids: Any) -> None:
        """Note the last token of each row."""
        if self._last is not None:
            self.logps.append(self._last.gather(-1, input_ids[:, -1:])[:, 0].tolist())


def _sample(trainer: Any, rows: list[list[int]], stops: frozenset[int], most: int) -> list[Sampled]:
    """Sample one turn for each row of ids.

    Args:
        trainer: Whose model, device and sampling settings are used.
        rows: What each rollout has read and said.
        stops: Ids that end a turn.
        most: The most tokens of a turn.
    """
    tokenizer = _tokenizer(trainer)
    batch = tokenizer.pad({"input_ids": rows}, padding_side="left", return_tensors="pt")
    inputs = {key: batch[key].to(trainer.accelerator.device) for key in ("input_ids", "attention_mask")}
    settings = deepcopy(trainer.generation_config)
    settings.max_new_tokens = most
    settings.eos_token_id = sorted(stops)
    listener = _Listener(float(settings.temperature))
    model = trainer.accelerator.unwrap_model(trainer.model)
    was_training = model.training
    model.eval()
    try:
        whole = model.generate(**inputs, generation_config=settings, logits_processor=[listener])
    finally:
        model.train(was_training)
    listener.hear(whole)
    turns = []
    for at, row in enumerate(whole[:, inputs["input_ids"].shape[1] :].tolist()):
        end = next((place for place, token in enumerate(row, 1) if token in stops), len(row))
        turns.append((row[:end], [step[at] for step in listener.logps[:end]]))
    return turns


def _gathered(runs: Sequence[_Run]) -> dict[str, list[Any]]:
    for run in runs:
        play(run.episode, lambda episode: iter_nothing())
    return {
        "prompt_ids": [run.tokens.ids[: run.prompt] for run in runs],
        "completion_ids": [run.tokens.ids[run.prompt :] for run in runs],
        "logprobs": [run.tokens.logps[run.prompt :] for run in runs],
        "env_mask": [run.tokens.mask[run.prompt :] for run in runs],
        "reward": [run.episode.verdict().reward for run in runs],
        "task": [run.episode.task.id for run in runs],
        "actions": [run.actions for run in runs],
        "digest": [run.episode.digest for run in runs],
        "ended": [run.episode.trajectory().why for run in runs],
    }
