"""Played episodes, and codecs shaped like those of known checkpoints, for the tests of this folder."""

from functools import lru_cache
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from simenv.agents.oracle import Manner, oracle
from simenv.agents.protocol import play
from simenv.episodes.episode import Episode
from simenv.synth.stream import Endless, read_spec
from simenv.train.chat.codec import Codec
from simenv.train.chat.tokenizer import make_tokenizer, texts_of

TEMPLATES = Path(__file__).parent / "templates"

# As large models cut text: words with what stands before them, digits alone, marks with line breaks.
_CUT = r"\s*[\r\n]+|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"

QWEN = {
    "<|endoftext|>": True,
    "<|im_start|>": True,
    "<|im_end|>": True,
    "<tool_call>": False,  # added, but not called special: the trap
    "</tool_call>": False,
    "<tool_response>": False,
    "</tool_response>": False,
    "<think>": False,
    "</think>": False,
}
LLAMA = dict.fromkeys(
    [
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|python_tag|>",
    ],
    True,
)


def template(name: str) -> str:
    """Return one of the templates beside this file."""
    return (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


@lru_cache(maxsize=2)
def played(face: str = "compact") -> tuple[Episode, ...]:
    """Return episodes of the oracle, every third of them clumsy: malformed calls, unknown tools."""
    tasks = Endless(read_spec("airline", "synth:depth=1,breadth=1", "train"))
    return tuple(
        play(Episode(tasks.at(at), face=face), oracle(Manner(clumsy=at % 3 == 0))) for at in range(8)
    )


@lru_cache(maxsize=1)
def plain() -> Codec:
    """Return a codec of the plain family."""
    return Codec(make_tokenizer([text for episode in played() for text in texts_of(episode)], 1000))


@lru_cache(maxsize=1)
def _common() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    cut = pre_tokenizers.Split(Regex(_CUT), "isolated")
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([cut, spelled])
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, show_progress=False)
    texts = [text for episode in played("full") for text in texts_of(episode)]
    tags = ['<tool_response>\n</tool_response> user\n\nassistant {"name": "get", "arguments": {""}}'] * 20
    made.train_from_iterator([*texts, *tags], trainer)
    return made


def tokenizer(added: dict[str, bool]) -> Tokenizer:
    """Return a tokenizer with added tokens; True where they are called special."""
    made = Tokenizer.from_str(_common().to_str())
    made.add_tokens([AddedToken(text, special=special, normalized=False) for text, special in added.items()])
    return made


@lru_cache(maxsize=8)
def qwen3(chat_template: str = "", *, responds: bool = True) -> Codec:
    """Return a codec like Qwen3's; Qwen2.5's spells out responses and reasoning."""
    added = {text: special for text, special in QWEN.items() if responds or "respon" not in text}
    return Codec(tokenizer(added), template=chat_template and template(chat_template))


@lru_cache(maxsize=8)
def llama3(chat_template: str = "") -> Codec:
    """Return a codec like Llama 3.1's."""
    variables = {"bos_token": "<|begin_of_text|>"}
    return Codec(tokenizer(LLAMA), template=chat_template and template(chat_template), variables=variables)
