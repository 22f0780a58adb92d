"""Byte-pair tokenizers made from generated text: the same text gives the same bytes everywhere.

For small decoders. Spaces and line breaks do not split, so what agents say again and again becomes one or
few tokens. What has to be copied is cut alike wherever it stands: a digit, and a capital letter inside a
code, is always a token of its own, and no token reaches over the edge of a name or of a customer's id. The
letters of such an id go in pairs, since a rare token has to be seen often before it is copied.
Digits may also go in pairs, each with the dash, colon or point before it: dates and sums take half as many.
"""

from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from simenv.core.errors import UsageError
from simenv.episodes.actions import parse
from simenv.episodes.episode import Episode
from simenv.train.chat.family_plain import CONTROLS
from simenv.train.chat.writing import compact

_APART = "|".join(
    [
        r"DIGITS",
        r"\p{Lu}(?=[\p{Lu}\d])|(?<=[\p{Lu}\d])\p{Lu}",  # a capital beside another or a digit: 3W9XIO, JFK
        r"\p{Lu}\p{Ll}+",  # Samira
        r"[\p{Ll}_]{1,2}(?=[\p{Ll}_]*_\d{4}(?!\d))",  # sa mi ra _s il va of samira_silva_2888
        r"(?<![\p{Ll}_])\p{Ll}++(?:_\p{Ll}++)*+(?=_\d)",  # credit_card of credit_card_7435036
    ]
)
_BYTES = 256


def make_tokenizer(
    texts: Iterable[str],
    vocab_size: int,
    *,
    controls: Iterable[str] = CONTROLS,
    words: bool = False,
    pairs: bool = False,
) -> Tokenizer:
    """Make a tokenizer of at most ``vocab_size`` tokens, control tokens among them.

    Args:
        texts: Texts to learn merges from, such as those of ``texts_of``. Their order does not matter.
        vocab_size: At least 256 and the number of control tokens.
        controls: Texts of the control tokens; they get the lowest ids.
        pairs: Whether digits go in pairs.
        words: Whether to cut before every word as well, as tokenizers of large models do.

    Raises:
        UsageError: If ``vocab_size`` is too small for bytes and control tokens.
    """
    special = [AddedToken(token, special=True, normalized=False) for token in controls]
    if vocab_size < _BYTES + len(special):
        raise UsageError(
            f"a vocabulary holds 256 bytes and {len(special)} control tokens, "
            f"so at least {_BYTES + len(special)}; got {vocab_size}"
        )
    apart = _APART.replace("DIGITS", r"[-:.]?\d{1,2}" if pairs else r"\d")
    made = Tokenizer(models.BPE())
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(apart), "isolated"), spelled])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


def texts_of(episode: Episode) -> Iterator[str]:
    """Yield what the plain family encodes of a played episode: contents of messages, and calls."""
    for message in episode.messages:
        if message["role"] != "assistant":
            yield message["content"]
    for step in episode.steps:
        parsed = parse(step.action)
        yield from [f"{call.name} {compact(call.arguments)}" for call in parsed.calls] or [step.action]
