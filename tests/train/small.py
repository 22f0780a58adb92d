"""A tiny policy for tests: a tokenizer of generated text and a decoder with first weights."""

from functools import lru_cache

from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.demos import demonstrate
from simenv.train.models.policy import Policy, small
from simenv.train.tasks import Simple, source_of

INTENTS = ("cancel", "change_passengers_denied", "price_paid")


@lru_cache(maxsize=1)
def codec() -> Codec:
    """Return a codec that was made from a few demonstrations."""
    episodes = [demonstrate(source().at(at)) for at in range(24)]
    texts = [text for episode in episodes if episode is not None for text in texts_of(episode)]
    return Codec(make_tokenizer(texts, 600, pairs=True))


def source(split: str = "train") -> Simple:
    """Return simple tasks."""
    found = source_of("airline", f"simple:{'+'.join(INTENTS)}", split=split)
    assert isinstance(found, Simple)
    return found


def policy(*, seed: int = 0, room: int = 1024) -> Policy:
    """Return a policy that knows nothing."""
    return small("0.3m", codec(), seed=seed, room=room)
