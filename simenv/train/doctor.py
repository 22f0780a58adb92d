"""``simenv train doctor``: does training work here, from a demonstration's mask to a model that plays.

Each check can fail for a defect that leaves every curve smooth: a mask of zeros, a sampler that has other
weights, an adapter that never moves, tokens of later turns that are not those of training.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from simenv.core.errors import UsageError
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.config import SftConfig
from simenv.train.defaults import lessons_of
from simenv.train.demos import demonstrate, tokens_of
from simenv.train.evaluate import evaluate
from simenv.train.forcing import calls_of
from simenv.train.maths.corrections import mismatch
from simenv.train.maths.head import token_logps
from simenv.train.models import weights
from simenv.train.models.lora import REF
from simenv.train.models.optim import adamw
from simenv.train.models.policy import Policy, chosen_device, load_policy, small
from simenv.train.rollouts.batches import batch
from simenv.train.rollouts.rollout import Rollout
from simenv.train.rollouts.sampler import Model
from simenv.train.sft import Sft, demo_loss, fit_of
from simenv.train.tasks import source_of

LESSONS = 4
"""Demonstrations that are learned by heart."""
STEPS = 240
LOOK = 20
LEARNED = 0.05
"""Nats per token below which a batch is learned."""
MISMATCH = {torch.float32: 1e-3, torch.bfloat16: 0.015}
"""Largest mean of ``|sampler's - trainer's log-probability|``, in nats per token."""
_SIZE, _VOCAB = "0.3m", 1200
_SHOWN = 70


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        ok: Whether it is as it should be.
        said: What was seen, with numbers.
        picture: Lines that show it, or "".
        figures: The numbers.
    """

    name: str
    ok: bool
    said: str
    picture: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {"check": self.name, "ok": self.ok, "said": self.said, **self.figures}


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks work on.

    Attributes:
        policy: The model.
        tasks: Lessons.
        episodes: As the oracle plays them.
        shown: The same as tokens.
        room: Longest episode.
    """

    policy: Policy
    tasks: Sequence[Task]
    episodes: Sequence[Episode]
    shown: Sequence[TokenEpisode]
    room: int


def examine(env: str, *, model: str = "", device: str = "") -> Iterator[Check]:
    """Yield every check as it is done; about half a minute on the small decoder.

    Args:
        env: The environment.
        model: A checkpoint or run; "" for a small decoder made here.
        device: Where; "" for what is there.

    Raises:
        UsageError: If there is no such environment, model or device.
    """
    case = case_of(env, model=model, device=chosen_device(device))
    yield masked(case)
    yield from learned(case)
    yield agrees(case)
    yield from adapted(case)


def case_of(
    env: str, *, model: str = "", device: str = "cpu", lessons: int = LESSONS, tried: int = 40
) -> Case:
    """Return the model and its lessons, the shortest of those that were tried."""
    source = source_of(env, lessons_of(env))
    played = [demonstrate(source.at(at)) for at in range(tried)]
    episodes = [episode for episode in played if episode is not None]
    if model:
        policy = load_policy(model, device=device)
    else:
        texts = (text for episode in episodes for text in texts_of(episode))
        policy = small(
            _SIZE, Codec(make_tokenizer(texts, _VOCAB, pairs=True)), seed=0, room=1024, device=device
        )
    pairs = [(tokens_of(policy.family, episode), episode) for episode in episodes]
    pairs.sort(key=lambda each: len(each[0]))
    chosen = pairs[:lessons]
    longest = max(len(tokens) for tokens, _ in chosen)
    room = cast(Model, policy.model).room
    if longest >= room:
        raise UsageError(f"the model has room for {room} tokens, and the shortest lessons take {longest}")
    return Case(
        policy,
        [episode.task for _, episode in chosen],
        [episode for _, episode in chosen],
        [tokens for tokens, _ in chosen],
        min(room, longest * 2),
    )


def masked(case: Case) -> Check:
    """Show what is trained of a demonstration, and hold it against what the oracle did."""
    family = case.policy.family
    wrong: list[str] = []
    for episode, tokens in zip(case.episodes, case.shown, strict=True):
        turns = [segment for segment in tokens.segments if segment.sampled]
        if any(segment.role != "assistant" for segment in turns):
            wrong.append("tokens of others are trained")
        if not any(tokens.weights):
            wrong.append("nothing is trained: the mask is zero everywhere")
        if any(segment.ids[-1] not in family.stops for segment in turns):
            wrong.append("a turn does not end with its stop token, so the model never learns to stop")
        said = [family.action(segment.ids) for segment in turns]
        if [_meant(each) for each in said] != [_meant(step.action) for step in episode.steps]:
            wrong.append("the trained turns do not mean what the oracle did")
    total, trained = sum(map(len, case.shown)), sum(tokens.sampled for tokens in case.shown)
    told = f"{trained} of {total} tokens are trained, {len(case.shown)} demonstrations"
    return Check(
        "mask", not wrong, "; ".join(dict.fromkeys(wrong)) or told, picture(case.policy, case.shown[0]),
        {"tokens": total, "trained": trained},
    )  # fmt: skip


def _meant(action: str) -> object:
    return calls_of(action) or action


def picture(policy: Policy, tokens: TokenEpisode) -> str:
    """Return an episode as lines, what is trained in double brackets; what is long is cut."""
    codec = policy.family.codec
    lines = []
    for segment in tokens.segments:
        text = codec.text(segment.ids).replace("\n", "\\n")
        is_trained = segment.sampled and segment.weight > 0
        if not is_trained and len(text) > _SHOWN:
            text = f"{text[:_SHOWN]} ... ({len(segment.ids)} tokens)"
        lines.append(f"  {segment.role:<11} {f'[[{text}]]' if is_trained else text}")
    return "\n".join(["What is trained stands in [[ ]]:", *lines])


def learned(case: Case, *, steps: int = STEPS) -> Iterator[Check]:
    """Learn the lessons by heart; then the first turn must be played right, and then whole episodes."""
    policy = case.policy
    if not policy.is_small:
        policy.adapt(rank=16, alpha=16.0, seed=0)
    lr = 0.006 if policy.is_small else 1e-3
    tokens = len(case.shown) * max(map(len, case.shown))
    config = SftConfig(steps=steps, lr=lr, batch_tokens=max(tokens, 64), every=steps, room=max(case.room, 64))
    sft = Sft(policy, config, case.shown, case.shown)
    first = loss = fit_of(policy.model, policy.device, case.shown).loss
    rungs: dict[str, int] = {}
    while not sft.over and (loss >= LEARNED or "every turn" not in rungs):
        sft.advance()
        if sft.step % LOOK == 0 or sft.over:
            loss = fit_of(policy.model, policy.device, case.shown).loss
            for name in _climbed(case):
                rungs.setdefault(name, sft.step)
    figures = {"loss_first": first, "loss_last": loss, "steps": sft.step}
    said = f"loss {first:.2f} to {loss:.4f} in {sft.step} steps, to be below {LEARNED}"
    yield Check("overfit one batch", loss < LEARNED, said, figures=figures)
    one, every = rungs.get("one turn"), rungs.get("every turn")
    yield Check(
        "one turn", one is not None, _rung(one, sft.step, "the first turn"), figures={"step": one or 0}
    )
    yield Check(
        "several turns", every is not None and one is not None and one <= every,
        _rung(every, sft.step, "every turn, and the verdict is passed"), figures={"step": every or 0},
    )  # fmt: skip


def _rung(step: int | None, steps: int, what: str) -> str:
    if step is None:
        return f"after {steps} steps the model that knows its lessons by heart does not play {what} right"
    return f"played right from step {step} on: {what}"


def _climbed(case: Case) -> list[str]:
    """Return which rungs the policy stands on when it plays its lessons itself."""
    rollouts = _played(case, temperature=0.0)
    due = [_meant(episode.steps[0].action) for episode in case.episodes]
    begun = [_meant(rollout.actions[0]) if rollout.actions else None for rollout in rollouts]
    found = ["one turn"] if begun == due else []
    return found + (["every turn"] if all(rollout.reward for rollout in rollouts) else [])


def _played(case: Case, *, temperature: float) -> list[Rollout]:
    longest = max(len(segment.ids) for tokens in case.shown for segment in tokens.segments if segment.sampled)
    return evaluate(
        case.policy, case.tasks, temperature=temperature, room=case.room, turn_tokens=longest + 16
    )


def agrees(case: Case) -> Check:
    """Hold the log-probabilities that the sampler saw against those of the trainer."""
    seen, largest, tokens = gap(case.policy, _played(case, temperature=1.0))
    limit = _limit(case.policy)
    said = f"mean {seen:.2g}, largest {largest:.2g} nats over {tokens} tokens, to be below {limit:g}"
    return Check("sampler and trainer agree", seen < limit, said, figures={"mean": seen, "max": largest})


def _limit(policy: Policy) -> float:
    return MISMATCH[cast(Tensor, policy.model.head).dtype]


@torch.no_grad()
def gap(policy: Policy, rollouts: Sequence[Rollout]) -> tuple[float, float, int]:
    """Return mean and largest distance between log-probabilities of sampler and trainer, and of how many."""
    episodes = [rollout.tokens for rollout in rollouts]
    data = batch(episodes, range(len(episodes)), policy.device)
    hidden = policy.model(data.ids[:, :-1], data.mask[:, 1:])
    logps = token_logps(hidden, cast(Tensor, policy.model.head), data.flat("ids"))
    found = mismatch(logps, data.flat("mu"))
    return float(found.mean), float(found.max), len(logps)


def adapted(case: Case) -> Iterator[Check]:
    """Take one step on an adapter: it moves, nothing else does, and the sampler has it."""
    policy = case.policy
    adapters = policy.adapt(rank=8, alpha=16.0, seed=0)
    before, held, base = adapters.digest(), adapters.digest(REF), _base(policy)
    was = adapters.proof()
    policy.model.train()
    optimizer = adamw(adapters.parameters(), lr=0.01)
    # Away from what is known by heart a single step shows; towards it none would.
    data = batch(case.shown, range(len(case.shown)), policy.device)
    (-demo_loss(policy.model, data)).backward()  # type: ignore[no-untyped-call]
    optimizer.step(1.0)
    after = adapters.digest()
    yield Check("a step changes the adapter", after != before, f"{before[:8]} to {after[:8]}")
    same = adapters.digest(REF) == held and _base(policy) == base
    said = f"reference {held[:8]} and base {base[:8]} stay" if same else "the reference or the base moved"
    yield Check("the reference stays", same, said)
    with policy.fast():
        sampler = adapters.proof()
    rollouts = _played(case, temperature=1.0)
    mine = gap(policy, rollouts)[0]
    with adapters.reference():
        other = gap(policy, rollouts)[0]
    ok = sampler == adapters.proof() != was and mine < _limit(policy) < other
    yield Check(
        "the sampler has the adapter", ok,
        f"weights {sampler[:8]} (before the step {was[:8]}); it is {mine:.2g} nats from the policy and "
        f"{other:.2g} from the reference",
        figures={"to_policy": mine, "to_reference": other},
    )  # fmt: skip


def _base(policy: Policy) -> str:
    """Return the digest of all weights below the adapters."""
    return weights.digest(
        {name: each for name, each in policy.model.state_dict().items() if "lora_" not in name}
    )
