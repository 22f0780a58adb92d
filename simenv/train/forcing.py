"""What a model would do at each turn of the oracle's path, and how well it predicts given texts."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from simenv.episodes.actions import parse
from simenv.scoring.facts import Forced, TextLoss
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokens import Segment, TokenEpisode
from simenv.train.chat.writing import compact
from simenv.train.maths.head import token_logps
from simenv.train.models.policy import Policy
from simenv.train.rollouts.batches import batch, by_length
from simenv.train.rollouts.sampler import Model

LANES = 32
"""Episodes that are forced side by side."""
_LONGER = 16
_TOKENS = 8192


def calls_of(action: str) -> Sequence[tuple[str, Hashable]]:
    """Return what an action calls: (tool, arguments) of each call; empty for words.

    One that cannot be read calls a tool that does not exist.

    Example:
        >>> calls_of('{"arguments":{"b":1,"a":2},"name":"find"}'), calls_of("Yes."), calls_of("{")
        ([('find', '{"a":2,"b":1}')], [], [('', '{')])
    """
    parsed = parse(action)
    if parsed.error:
        return [("", action)]
    return [(call.name, compact(call.arguments)) for call in parsed.calls]


@torch.no_grad()
def forced(policy: Policy, shown: Mapping[str, TokenEpisode]) -> list[Forced]:
    """Return what a policy would do at each turn of demonstrations, its likeliest tokens taken.

    A turn is given up where it is much longer than the oracle's: it can no longer be the same.

    Args:
        policy: Is asked.
        shown: Demonstration by id of its task; ``#`` and a number behind it name later parts of one that was
            cut, which are taken together.
    """
    names = sorted(shown)
    found: list[Forced] = []
    with policy.fast():
        for at in range(0, len(names), LANES):
            part = names[at : at + LANES]
            found += _Forcing(policy, [shown[name] for name in part]).forced(part)
    return found


class _Forcing:
    """Demonstrations side by side: one lane of each is led along its path, a second one tries each turn."""

    def __init__(self, policy: Policy, episodes: Sequence[TokenEpisode]) -> None:
        self.family, self.device = policy.family, policy.device
        self.model = cast(Model, policy.model)
        self.paths = [_path(each) for each in episodes]
        room = min(self.model.room, max(len(each) for each in episodes) + _LONGER + 1)
        self.cache: Any = self.model.new_cache(2 * len(episodes), room)
        self.read = [0] * len(episodes)

    def forced(self, names: Sequence[str]) -> list[Forced]:
        steps: list[list[tuple[str, str]]] = [[] for _ in names]
        for turn in range(max(map(len, self.paths))):
            lanes = [at for at, path in enumerate(self.paths) if turn < len(path)]
            tries = self._tried(lanes, turn)
            for at in lanes:
                due = self.family.action(self.paths[at][turn][1])
                steps[at].append((due, self.family.action(tries[at])))
        return [Forced(name.partition("#")[0], each) for name, each in zip(names, steps, strict=True)]

    def _tried(self, lanes: Sequence[int], turn: int) -> dict[int, list[int]]:
        """Read what comes before a turn and return what the model would say in its place."""
        logits = self._extend(lanes, [self.paths[at][turn][0] for at in lanes])
        tries: dict[int, list[int]] = {at: [] for at in lanes}
        second = len(self.paths)
        self._copied(lanes, [at + second for at in lanes])
        open_lanes, grown = list(lanes), {at: self.read[at] for at in lanes}
        while open_lanes:
            said = logits.argmax(-1).tolist()
            for at, token in zip(open_lanes, said, strict=True):
                tries[at].append(token)
            going = [at for at in open_lanes if not self._ended(at, turn, tries[at])]
            if going:
                starts = [grown[at] + len(tries[at]) - 1 for at in going]
                logits = self._logits(
                    [[tries[at][-1]] for at in going], starts, [at + second for at in going]
                )
            open_lanes = going
        return tries

    def _ended(self, at: int, turn: int, said: Sequence[int]) -> bool:
        return said[-1] in self.family.stops or len(said) >= len(self.paths[at][turn][1]) + _LONGER

    def _extend(self, lanes: Sequence[int], ids: Sequence[Sequence[int]]) -> Tensor:
        logits = self._logits(ids, [self.read[at] for at in lanes], lanes)
        for at, each in zip(lanes, ids, strict=True):
            self.read[at] += len(each)
        return logits

    def _logits(self, ids: Sequence[Sequence[int]], starts: Sequence[int], lanes: Sequence[int]) -> Tensor:
        width = max(map(len, ids))
        rows = [[*each, *[0] * (width - len(each))] for each in ids]

        def whole(numbers: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
            return torch.tensor(numbers, device=self.device)

        hidden = self.model.extend(
            whole(rows), whole([len(each) for each in ids]), whole(starts), whole(lanes), self.cache
        )
        return (hidden @ self.model.head.T).float()

    def _copied(self, source: Sequence[int], target: Sequence[int]) -> None:
        one, other = (torch.tensor(each, device=self.device) for each in (source, target))
        self.cache.copy_lanes(one, other, max(self.read[at] for at in source))


def _path(episode: TokenEpisode) -> list[tuple[list[int], list[int]]]:
    """Return for each turn what is read before it, the turn before included, and the turn itself."""
    path: list[tuple[list[int], list[int]]] = []
    before: list[int] = []
    for segment in episode.segments:
        if segment.sampled:
            path.append((before, list(segment.ids)))
            before = list(segment.ids)
        else:
            before = [*before, *segment.ids]
    return path


@torch.no_grad()
def text_losses(policy: Policy, texts: Mapping[str, TokenEpisode]) -> list[TextLoss]:
    """Return how well a policy predicts the tokens of mask 1 of each text."""
    names = sorted(texts)
    episodes = [texts[name] for name in names]
    nats, counts = [0.0] * len(names), [each.sampled for each in episodes]
    head: Tensor = policy.model.head  # type: ignore[assignment]
    with policy.fast():
        for places in by_length([len(each) for each in episodes], _TOKENS):
            data = batch(episodes, places, policy.device)
            hidden = policy.model(data.ids[:, :-1], data.mask[:, 1:])
            logps = token_logps(hidden, head, data.flat("ids"))
            for place, logp in zip(data.row_of.tolist(), logps.tolist(), strict=True):
                nats[place] -= logp
    return [TextLoss(*each) for each in zip(names, nats, counts, strict=True)]


def as_text(codec: Codec, text: str, *, room: int) -> TokenEpisode:
    """Return a text whose every token but the first counts, cut to ``room`` tokens."""
    ids = codec.body(text)[:room]
    first = Segment("user", tuple(ids[:1]), sampled=False)
    return TokenEpisode([first, Segment("assistant", tuple(ids[1:]), sampled=True)])
