"""Laws of token-level episodes."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simenv.core.errors import UsageError
from simenv.train.chat.tokens import Segment, TokenEpisode, require_sampled

IDS = st.lists(st.integers(0, 200_000), max_size=8).map(tuple)
ROLES = st.sampled_from(["system", "user", "tool", "environment", "assistant", "header"])


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    ids, sampled = draw(IDS), draw(st.booleans())
    known = sampled and draw(st.booleans())
    logps = tuple(draw(st.floats(-20, 0)) for _ in ids) if known else ()
    return Segment(draw(ROLES), ids, sampled, logps, draw(st.sampled_from([0.0, 0.5, 1.0])))


EPISODES = st.lists(segments(), max_size=6).map(TokenEpisode)


@given(EPISODES)
def test_ids_mask_logps_and_weights_are_equally_long(episode: TokenEpisode) -> None:
    lengths = {len(episode.ids), len(episode.mask), len(episode.logps), len(episode.weights), len(episode)}
    assert len(lengths) == 1
    assert sum(episode.mask) == episode.sampled


@given(EPISODES)
def test_only_what_the_model_emitted_counts(episode: TokenEpisode) -> None:
    at = 0
    for segment in episode.segments:
        span = slice(at, at := at + len(segment.ids))
        assert tuple(episode.ids[span]) == segment.ids
        assert set(episode.mask[span]) <= {int(segment.sampled)}
        assert tuple(episode.logps[span]) == (segment.logps or (0.0,) * len(segment.ids))
        assert set(episode.weights[span]) <= {segment.weight if segment.sampled else 0.0}


@given(EPISODES, st.lists(segments(), min_size=1, max_size=4))
def test_appending_leaves_what_was_there(episode: TokenEpisode, more: list[Segment]) -> None:
    ids, mask, logps, kept = episode.ids, episode.mask, episode.logps, episode.segments
    episode.append(*more)
    assert episode.segments == (*kept, *more)
    assert episode.ids[: len(ids)] == ids
    assert episode.mask[: len(mask)] == mask
    assert episode.logps[: len(logps)] == logps


@given(EPISODES)
def test_nothing_that_is_handed_out_can_change_an_episode(episode: TokenEpisode) -> None:
    before = episode.digest
    episode.ids.append(1)
    episode.mask.clear()
    fork = episode.fork()
    fork.append(Segment("user", (1,), sampled=False))
    assert episode.digest == before != fork.digest
    assert isinstance(episode.segments, tuple)
    with pytest.raises(FrozenInstanceError):
        Segment("user", (1,), sampled=False).ids = (2,)  # type: ignore[misc]


@given(EPISODES, EPISODES)
def test_equal_episodes_are_those_of_equal_digest(one: TokenEpisode, other: TokenEpisode) -> None:
    assert (one == other) == (one.digest == other.digest)
    assert one == TokenEpisode(one.segments) == pickle.loads(pickle.dumps(one))


_BASE = Segment("assistant", (5, 6), sampled=True, logps=(-1.0, -2.0))


@pytest.mark.parametrize(
    "other",
    [
        replace(_BASE, role="user"),
        replace(_BASE, ids=(5, 7)),
        replace(_BASE, logps=()),
        replace(_BASE, logps=(-1.0, -2.0000000000000004)),
        replace(_BASE, weight=0.5),
    ],
    ids=["role", "ids", "no logps", "last bit of a logp", "weight"],
)
def test_the_digest_sees_every_field(other: Segment) -> None:
    assert TokenEpisode([_BASE]).digest != TokenEpisode([other]).digest
    assert TokenEpisode([_BASE]) != TokenEpisode([other])


def test_the_digest_sees_whether_tokens_were_sampled() -> None:
    said, heard = (TokenEpisode([Segment("assistant", (1,), sampled=flag)]) for flag in (True, False))
    assert said.ids == heard.ids
    assert said.digest != heard.digest


def test_the_digest_sees_where_one_segment_ends() -> None:
    once = TokenEpisode([Segment("user", (1, 2), sampled=False)])
    twice = TokenEpisode([Segment("user", (1,), sampled=False), Segment("user", (2,), sampled=False)])
    assert once.ids == twice.ids
    assert once.digest != twice.digest


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Segment("assistant", (1, 2), sampled=True, logps=(-1.0,)), "got 1 for 2 ids"),
        (lambda: Segment("user", (1,), sampled=False, logps=(-1.0,)), "only sampled tokens"),
        (lambda: Segment("user", (1, -1), sampled=False), "at least 0, got -1"),
        (lambda: Segment("assistant", (1,), sampled=True, weight=-0.5), "at least 0, got -0.5"),
        (lambda: Segment("assistant", (1,), sampled=True, weight=float("nan")), "at least 0, got nan"),
        (lambda: TokenEpisode([[1, 2]]), "made of segments, got list"),  # type: ignore[list-item]
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make()


def test_user_failure_14_an_episode_without_sampled_tokens_is_not_trained_on() -> None:
    """An assistant mask of zeros trains on nothing, and curves look healthy."""
    heard = Segment("assistant", (1, 2), sampled=False)
    shown = Segment("assistant", (1, 2), sampled=True, weight=0.0)
    said = Segment("assistant", (1, 2), sampled=True)
    require_sampled([TokenEpisode([heard, said])])
    for empty in (TokenEpisode(), TokenEpisode([heard]), TokenEpisode([heard, shown])):
        with pytest.raises(UsageError, match="episode 1 teaches nothing"):
            require_sampled([TokenEpisode([said]), empty])
