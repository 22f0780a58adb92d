"""An episode as tokens: what the model read and what it said, in the ids it read and said it in.

Nothing here is ever decoded and encoded again. The environment hears text that was decoded from sampled
ids; what goes back to the model and into the loss are those ids. Whether a token counts in the loss is
said once, where it came from: the model emitted it or it did not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override

from simenv.core.canonical import canonical, digest
from simenv.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Segment:
    """One contiguous run of tokens of one origin.

    Attributes:
        role: Who speaks: ``"system"``, ``"user"``, ``"tool"``, ``"environment"``, ``"assistant"``, or
            ``"header"`` for tokens that only open the next turn of the assistant.
        ids: Token ids, each at least 0.
        sampled: Whether the model emitted them, or is shown them as its own in a demonstration. Mask 1.
        logps: The sampler's log-probability of each id, or () where no model sampled.
        weight: Weight in the loss of a demonstration, at least 0. 0 shows a mistake without teaching it.

    Raises:
        UsageError: If log-probabilities do not match the ids one to one, or a number is out of range.
    """

    role: str
    ids: tuple[int, ...]
    sampled: bool
    logps: tuple[float, ...] = ()
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.logps and not self.sampled:
            raise UsageError(f"only sampled tokens have log-probabilities; this segment is {self.role}'s")
        if self.logps and len(self.logps) != len(self.ids):
            raise UsageError(
                f"one log-probability for each id: got {len(self.logps)} for {len(self.ids)} ids; "
                "count the ids that were sampled, not those of the decoded text"
            )
        if self.ids and min(self.ids) < 0:
            raise UsageError(f"a token id is at least 0, got {min(self.ids)}")
        if not self.weight >= 0:
            raise UsageError(f"a weight is at least 0, got {self.weight}")


class TokenEpisode:
    """Segments in the order in which they came; they are appended and never changed.

    Args:
        segments: What the episode starts with.
    """

    __slots__ = ("_segments",)

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self._segments: list[Segment] = []
        self.append(*segments)

    def append(self, *segments: Segment) -> None:
        """Add segments at the end.

        Raises:
            UsageError: If one is not a segment: raw ids do not say who emitted them.
        """
        for segment in segments:
            if not isinstance(segment, Segment):
                raise UsageError(f"an episode is made of segments, got {type(segment).__name__}")
        self._segments.extend(segments)

    def fork(self) -> "TokenEpisode":
        """Return an independent episode that goes on from here; the rollouts of a group share a start."""
        return TokenEpisode(self._segments)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What there is so far."""
        return tuple(self._segments)

    @property
    def ids(self) -> list[int]:
        """Every token id, in order."""
        return [token for segment in self._segments for token in segment.ids]

    @property
    def mask(self) -> list[int]:
        """1 for each token that the model emitted, 0 for all others; as long as ``ids``."""
        return [flag for segment in self._segments for flag in [int(segment.sampled)] * len(segment.ids)]

    @property
    def logps(self) -> list[float]:
        """The sampler's log-probability of each token, 0.0 where there is none; as long as ``ids``."""
        return [logp for segment in self._segments for logp in segment.logps or (0.0,) * len(segment.ids)]

    @property
    def weights(self) -> list[float]:
        """The weight of each token in a demonstration's loss, 0.0 where mask is 0; as long as ``ids``."""
        return [
            weight
            for segment in self._segments
            for weight in [segment.weight if segment.sampled else 0.0] * len(segment.ids)
        ]

    @property
    def sampled(self) -> int:
        """Number of tokens that the model emitted."""
        return sum(len(segment.ids) for segment in self._segments if segment.sampled)

    @property
    def digest(self) -> str:
        """Digest of all that the segments hold; floats by every bit."""
        return digest(
            canonical(
                [
                    [
                        segment.role,
                        list(segment.ids),
                        segment.sampled,
                        [float(logp).hex() for logp in segment.logps],
                        float(segment.weight).hex(),
                    ]
                    for segment in self._segments
                ]
            )
        )

    def __len__(self) -> int:
        return sum(len(segment.ids) for segment in self._segments)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenEpisode) and self._segments == other._segments

    __hash__ = None  # type: ignore[assignment]  # it grows

    @override
    def __repr__(self) -> str:
        return f"TokenEpisode({len(self._segments)} segments, {len(self)} tokens, {self.sampled} sampled)"


def said(episode: TokenEpisode) -> TokenEpisode:
    """Return an episode up to its last sampled token: what was heard after it teaches nothing.

    An episode that is cut off may have heard more than the model has room for.
    """
    end = max((at for at, each in enumerate(episode.segments, 1) if each.sampled), default=0)
    return TokenEpisode(episode.segments[:end])


def require_sampled(episodes: Iterable[TokenEpisode]) -> None:
    """Check that there is something to learn from in every episode.

    Raises:
        UsageError: If an episode has no token that counts: its mask, or every weight, is zero.
    """
    for at, episode in enumerate(episodes):
        if not any(episode.weights):
            raise UsageError(
                f"episode {at} teaches nothing: none of its {len(episode)} tokens was sampled with a weight; "
                "append what the model said as segments with sampled=True"
            )
