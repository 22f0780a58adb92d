"""Laws of the byte-pair tokenizers that are made from generated text, and of codecs."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from simenv.core.errors import DataError, UsageError
from simenv.train.chat.codec import Codec, read_template
from simenv.train.chat.families import family_of
from simenv.train.chat.family_plain import CONTROLS
from simenv.train.chat.tokenizer import make_tokenizer, texts_of
from simenv.train.demos import tokens_of
from tests.train import codecs
from tests.train.codecs import played

CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8)
AROUND = st.sampled_from(
    ["{}", "reservation {}.", '{{"reservation_id":"{}"}}', "\t{}\t", "={},{}\n", "I am in {}, {} and {}!"]
)


def shown(codec: Codec, text: str) -> list[str]:
    return [codec.text([token]) for token in codec.body(text)]


@example(code="3W9XIO", around="{}")
@example(code="ZNQ478", around="reservation {}.")
@example(code="JFK", around='{{"reservation_id":"{}"}}')
@given(CODES, AROUND)
def test_a_code_is_spelled_character_by_character_wherever_it_stands(code: str, around: str) -> None:
    codec = codecs.plain()
    text = around.format(code, code, code)
    spelled = codec.body(code)
    assert len(spelled) == len(code)
    ids = codec.body(text)
    found = [at for at in range(len(ids)) if ids[at : at + len(spelled)] == spelled]
    assert len(found) >= around.count("{}") - around.count("{{}}")


def test_no_token_holds_more_than_a_digit_two_capitals_or_more_than_a_name() -> None:
    tokenizer = Tokenizer.from_str(codecs.plain().tokenizer_json())
    made = [token for token in tokenizer.get_vocab(with_added_tokens=False) if token not in CONTROLS]
    texts = [tokenizer.decoder.decode([token]) for token in made]
    assert len(texts) > 900
    for text in texts:
        assert text.isdecimal() == any(letter.isdecimal() for letter in text) or len(text) == 1
        assert not any(one.isupper() and other.isupper() for one, other in pairwise(text))
        named = any(one.isupper() and other.islower() for one, other in pairwise(text))
        assert not named or (text.isalpha() and text[1:].islower())


def test_no_letter_of_a_code_merges_with_what_often_stands_beside_it() -> None:
    codec = Codec(make_tokenizer(["\tJFK\t", "origin=JFK\n", "3W9XIO,ZNQ478."] * 50, 400))
    assert shown(codec, "\tJFK\t") == ["\t", "J", "F", "K", "\t"]
    assert shown(codec, "3W9XIO,ZNQ478.") == [*"3W9XIO,ZNQ478."]


def test_what_agents_say_again_and_again_becomes_few_tokens() -> None:
    codec = codecs.plain()
    said = "Could you please tell me your user ID?"
    assert len(shown(codec, said)) <= 6
    policy = played()[0].messages[0]["content"]
    assert len(codec.body(policy)) < len(policy) / 12
    assert any(token.count("\n") > 3 and token.count(" ") > 3 for token in shown(codec, policy))


def test_names_and_ids_are_cut_alike_wherever_they_stand() -> None:
    codec = codecs.plain()
    texts = "\n".join([message["content"] for episode in played() for message in episode.messages])
    values = sorted(set(re.findall(r"[a-z]+(?:_[a-z]+)*_\d+|(?<=_name=)[A-Z][a-z]+", texts)))
    assert len(values) > 30
    for value in values:
        spelled = codec.body(value)
        for around in (
            "user_id={}\n",
            '{{"last_name":"{}"}}',
            "Look me up under {}.",
            "\tlast_name={}\n",
            "\t{}",
        ):
            ids = codec.body(around.format(value))
            assert any(ids[at : at + len(spelled)] == spelled for at in range(len(ids)))


def test_a_smaller_vocabulary_needs_more_tokens_and_words_need_most() -> None:
    texts = [text for episode in played() for text in texts_of(episode)]
    counts = []
    for size, words in ((2000, False), (1000, False), (1000, True)):
        family = family_of(Codec(make_tokenizer(texts, size, words=words)))
        assert family.codec.vocab_size <= size
        counts.append(sum(len(tokens_of(family, episode)) for episode in played()))
    assert counts == sorted(counts)
    assert counts[0] < counts[2] * 0.7


_SCRIPT = """
import sys
from simenv.train.chat.tokenizer import make_tokenizer
texts = sys.stdin.read().split("\\0")
sys.stdout.write(make_tokenizer(texts, 700).to_str())
"""


def test_the_same_texts_give_the_same_bytes_in_another_process() -> None:
    texts = [text for episode in played()[:4] for text in texts_of(episode)]
    here = make_tokenizer(texts, 700).to_str()
    for seed, order in (("1", texts), ("2", texts[::-1])):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}
        there = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input="\0".join(order).encode(),
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env=environment,
        )
        assert there.stdout.decode() == here


def test_control_tokens_come_first_and_in_order() -> None:
    assert [codecs.plain().special(token) for token in CONTROLS] == list(range(len(CONTROLS)))


def test_a_vocabulary_too_small_for_bytes_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 264; got 200"):
        make_tokenizer(["a"], 200)


def test_a_codec_written_and_read_encodes_alike(tmp_path: Path) -> None:
    codec = codecs.qwen3("qwen3")
    (tmp_path / "tokenizer.json").write_text(codec.tokenizer_json(), encoding="utf-8")
    (tmp_path / "chat_template.jinja").write_text(codec.template, encoding="utf-8")
    config = {"bos_token": None, "eos_token": {"content": "<|im_end|>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    text = "A result with <|im_end|> and <tool_call>."
    for read in (Codec.load(tmp_path), Codec.load(tmp_path / "tokenizer.json")):
        assert read.body(text) == codec.body(text)
        assert read.controls == codec.controls
        assert read.tokenizer_json() == codec.tokenizer_json()
        assert read.template == codec.template
        assert read.variables == {"eos_token": "<|im_end|>"}


def test_a_folder_without_a_tokenizer_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no tokenizer.json at"):
        Codec.load(tmp_path)
    for text in ("{", "[]", '{"model": {}}'):
        (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"not a tokenizer.json"):
            Codec.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", {"type": "Nonsense"}), ("model", None), ("version", "9"), ("added_tokens", [1])],
)
def test_a_tokenizer_of_no_known_kind_is_told(tmp_path: Path, name: str, value: Any) -> None:
    told = json.loads(codecs.plain().tokenizer_json()) | {name: value}
    (tmp_path / "tokenizer.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer.json: not a tokenizer that can be read"):
        Codec.load(tmp_path)


def test_a_tokenizer_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b'{"model": "\xff"}')
    with pytest.raises(DataError, match=r"not a tokenizer.json"):
        Codec.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"[]", "not a JSON object"),
        (b'{"chat_template": [{"name": "default"}]}', "has no name or no template"),
        (b'{"chat_template": [1]}', "has no name or no template"),
        (b'{"chat_template": [{"name": ["a"], "template": "a"}]}', "has no name or no template"),
        (b'{"chat_template": 5}', "of type int, not text"),
        (b'{"chat_template": "\xff"}', "not text in UTF-8"),
    ],
)
def test_a_tokenizer_config_that_is_none_is_told(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "tokenizer_config.json").write_bytes(text)
    with pytest.raises(DataError, match=rf"tokenizer_config.json: .*{told}"):
        read_template(tmp_path)


def test_a_control_token_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no control token '<\|x\|>'. It has: .*<\|call\|>"):
        codecs.plain().special("<|x|>")


def test_a_tokenizer_that_spells_its_control_tokens_is_refused() -> None:
    data = json.loads(codecs.plain().tokenizer_json())
    data["model"]["ignore_merges"] = True  # a whole piece of text is then looked up in the vocabulary
    data["pre_tokenizer"] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    with pytest.raises(UsageError, match="spells its control token"):
        Codec(Tokenizer.from_str(json.dumps(data)))


def test_a_rendered_conversation_is_encoded_with_its_control_tokens() -> None:
    codec = codecs.qwen3()
    text = "<|im_start|>user\nHello<|im_end|>\n"
    assert codec.whole(text) == codec.compose(codec.parts(text))
    assert codec.text(codec.whole(text)) == text
    assert codec.body(text) != codec.whole(text)
