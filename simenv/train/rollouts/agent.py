"""A model in this process as an agent: token ids in, token ids out, and never through text and back.

What the model sampled is what it reads again. Which token it draws follows from (seed, task, trial, position)
alone, as for :class:`simenv.train.rollouts.sampler.Sampler`, so a run's log does not depend on interruptions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from simenv.agents.protocol import Agent, Play, StuckError
from simenv.core.canonical import digest
from simenv.core.errors import UsageError
from simenv.episodes.context import Memory, OpeningError
from simenv.episodes.episode import Episode
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import Family, family_of
from simenv.train.chat.tokens import Segment
from simenv.train.chat.transcript import Transcript
from simenv.train.models import weights
from simenv.train.models.checks import refuse_vocabulary
from simenv.train.models.hf import load_hf
from simenv.train.rollouts.sampler import Model, uniforms

PIECE = 2048
"""Tokens that are read in one pass at most, so that a long policy needs no mask of its length squared."""
_POLICY = "simenv.train.models.policy"


@dataclass(frozen=True, slots=True)
class Drawing:
    """How an agent's tokens are drawn.

    Attributes:
        temperature: Logits are divided by it; 0 takes the likeliest token.
        seed: Of every choice, at least 0.
        max_tokens: Longest turn. One that is cut off there is heard as far as it came, as from a server.
        window: Tokens that the model reads at most. Older turns are cut to a line each where they do not fit,
            and it has the tools of ``memory``; 0 for all that the model can read, and no memory.
        memory: What it may do to remember, in a window.

    Raises:
        UsageError: If one of them is out of range.
    """

    temperature: float = 1.0
    seed: int = 0
    max_tokens: int = 1024
    window: int = 0
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        if not (isfinite(self.temperature) and self.temperature >= 0):
            raise UsageError(f"a temperature is a number of at least 0, got {self.temperature}")
        if self.seed < 0 or self.max_tokens < 1:
            raise UsageError(
                f"a seed is at least 0 and max_tokens at least 1, got {self.seed} and {self.max_tokens}"
            )
        if self.window and self.window < 2 * self.max_tokens:
            raise UsageError(
                f"a window has room for two of the longest turns, of {self.max_tokens} tokens each; got "
                f"{self.window}. Give a smaller max_tokens or a larger window"
            )


class ModelAgent:
    """A model that plays in this process. It is an agent itself: that of the first trial.

    Args:
        model: Gives hidden states through a cache.
        family: Writes and reads turns.
        drawing: How tokens are drawn.
        name: What logs call the model.

    Raises:
        UsageError: If the tokenizer has ids that the model does not have.
    """

    def __init__(
        self, model: Model, family: Family, drawing: Drawing | None = None, *, name: str = "model"
    ) -> None:
        refuse_vocabulary(family.codec, model.head)
        self.model, self.family, self.name = model, family, name
        self.drawing = drawing or Drawing()
        if self.drawing.window > model.room:
            raise UsageError(f"the model reads {model.room} tokens, not a window of {self.drawing.window}")
        self._end = family.turn("").ids[-1]
        self._stopped = False

    def header(self) -> dict[str, Any]:
        """Return what the header of a log says of the model: everything that decides its answers."""
        codec = self.family.codec
        module = cast(nn.Module, self.model)
        return {
            "dtype": str(self.model.head.dtype).removeprefix("torch."),
            "max_tokens": self.drawing.max_tokens,
            "model": self.name,
            "seed": self.drawing.seed,
            # As text: 1 and 1.0 are the same temperature and must be the same header.
            "temperature": repr(float(self.drawing.temperature)),
            "tokenizer": digest(codec.tokenizer_json() + codec.template),
            "weights": weights.proof(sorted(module.state_dict().items())),
        } | self._window()

    def _window(self) -> dict[str, Any]:
        if not self.drawing.window:
            return {}
        memory = self.drawing.memory
        return {"window": self.drawing.window, "recalls": memory.recalls, "notes": memory.notes}

    def __call__(self, episode: Episode) -> Play:
        """Play the first trial."""
        return self.agent()(episode)

    def agent(self, trial: int = 0) -> Agent:
        """Return the agent that plays a trial.

        A conversation that has become too long for the model is a StuckError, so that one long episode does
        not end a run.
        """

        def start(episode: Episode) -> Play:
            lane, told = _Lane(self.model), self._transcript(episode)
            points = uniforms(self.drawing.seed, 0, episode.task.id, trial)
            unread: Sequence[int] = told.tokens.ids
            while not told.full:
                turn = self._turn(lane, unread, points)
                action = self.family.action(turn)
                # A turn that was cut off is closed for the model, or it would read on in the middle of one.
                closed = [] if turn[-1] in self.family.stops else [self._end]
                told.say(Segment("assistant", (*turn, *closed), sampled=True))
                heard = told.answer(action)
                if heard is None:
                    step = yield action
                    heard = told.hear(step.chat)
                if told.restarted:
                    lane, unread = _Lane(self.model), heard
                else:
                    unread = [turn[-1], *closed, *heard]
            raise StuckError(
                f"the last turn alone is more than a window of {self.drawing.window} tokens can show"
            )

        return start

    def _transcript(self, episode: Episode) -> Transcript:
        """Return what the model reads of an episode, from its opening on."""
        window, longest = self.drawing.window, self.drawing.max_tokens
        memory = self.drawing.memory if window else None
        try:
            return Transcript(
                self.family, episode.messages, episode.tools, memory=memory, budget_tokens=window - longest
            )
        except OpeningError as error:
            raise StuckError(
                f"a window of {window} tokens is too small beside turns of {longest}: {error}"
            ) from None

    def stop(self) -> None:
        """Give up every episode that is being played."""
        self._stopped = True

    def _turn(self, lane: "_Lane", unread: Sequence[int], points: Iterator[float]) -> list[int]:
        """Read what came and return the ids of the next turn, its stop token last."""
        turn: list[int] = []
        while True:
            grown, room = len(lane.ids) + len(unread), self.model.room
            if grown >= room:
                raise StuckError(
                    f"the conversation has {grown} tokens and the model reads at most {room}, so it stopped"
                )
            if self._stopped:
                raise StuckError("the run was stopped")
            turn.append(self._token(lane.read(unread), points))
            if turn[-1] in self.family.stops or len(turn) >= self.drawing.max_tokens:
                return turn
            unread = turn[-1:]

    @torch.no_grad()
    def _token(self, hidden: Tensor, points: Iterator[float]) -> int:
        # On the CPU: sums over a vocabulary come in one order there.
        logits = (hidden @ self.model.head.T).float().cpu()
        if not self.drawing.temperature:
            return int(logits.argmax())
        mass = torch.log_softmax(logits / self.drawing.temperature, -1).double().exp().cumsum(-1)
        point = next(points) * mass[-1:]
        return int(torch.searchsorted(mass, point, right=True).clamp(max=len(mass) - 1))


class _Lane:
    """What the model has read of one episode; its cache grows with it."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._room = 0
        self._cache: Any = None
        self._zero = torch.zeros(1, dtype=torch.long, device=model.head.device)
        self.ids: list[int] = []

    def read(self, unread: Sequence[int]) -> Tensor:
        """Read ids, at least one, and return the hidden state after the last, [width]."""
        ids = list(unread)
        if len(self.ids) + len(ids) > self._room:
            # A cache of all positions at once would take gigabytes; reading twice what is short takes little.
            ids, self.ids = [*self.ids, *ids], []
            self._room = min(self._model.room, 2 * len(ids))
            self._cache = self._model.new_cache(1, self._room)
        end = self._zero
        for begin in range(0, len(ids), PIECE):
            piece = ids[begin : begin + PIECE]
            read = torch.tensor([piece], device=self._zero.device)
            end = self._model.extend(
                read, self._zero + len(piece), self._zero + len(self.ids), self._zero, self._cache
            )
            self.ids += piece
        return end[0]


def hf_agent(
    source: str | Path | Model,
    family: Family | None = None,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    max_tokens: int = 1024,
    window: int = 0,
    memory: Memory | None = None,
    device: str = "",
    dtype: str = "",
) -> ModelAgent:
    """Return a model as an agent.

    Args:
        source: A folder as :func:`load` takes it, or a model, such as one that is being trained.
        family: Of a model that is given; a folder brings its own.
        temperature: See :class:`Drawing`.
        seed: See :class:`Drawing`.
        max_tokens: See :class:`Drawing`.
        window: See :class:`Drawing`.
        memory: See :class:`Drawing`.
        device: See :func:`load`.
        dtype: See :func:`load`.

    Raises:
        UsageError: If a number is out of range, or there is no such model.
        DataError: If a file is damaged.
    """
    drawing = Drawing(temperature, seed, max_tokens, window, memory or Memory())
    if isinstance(source, str | Path):
        model, own = load(source, device=device, dtype=dtype)
        return ModelAgent(model, family or own, drawing, name=Path(source).resolve().name)
    if family is None:
        raise UsageError(
            "a model needs a family, which writes its turns; see simenv.train.chat.families.family_of"
        )
    return ModelAgent(source, family, drawing)


def load(path: str | Path, *, device: str = "", dtype: str = "") -> tuple[Model, Family]:
    """Return the model in a folder and its chat family.

    Args:
        path: A transformers checkpoint with its tokenizer, or the folder of a run of ``simenv train``.
        device: Such as ``"cpu"`` or ``"cuda"``; "" for what is there.
        dtype: ``"float32"``, ``"bfloat16"``, or "" for float32 on a CPU and bfloat16 elsewhere.

    Raises:
        UsageError: If there is no such checkpoint, or it is of a kind or chat family that is not known.
        DataError: If a file is damaged.
    """
    folder = Path(path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"there is no CUDA device for {device!r}; use --device cpu")
    dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
    if (folder / "checkpoints").is_dir() or (folder / "model").is_dir():
        return _policy(folder, device, dtype)
    model = load_hf(folder, device=device, dtype=dtype)
    return model, family_of(Codec.load(folder))


def _policy(folder: Path, device: str, dtype: str) -> tuple[Model, Family]:
    """Return what a run of ``simenv train`` has learned."""
    try:
        module = import_module(_POLICY)
    except ModuleNotFoundError as error:
        if error.name != _POLICY:
            raise
        raise UsageError(
            f"{folder} is the folder of a training run; this simenv plays transformers checkpoints only"
        ) from None
    policy = module.load_policy(folder, device=device, dtype=dtype)
    return policy.model, policy.family
