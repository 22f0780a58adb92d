"""Laws of the chat families: what is written is read back, and nothing is written twice."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from simenv.core import catalog
from simenv.core.errors import UsageError
from simenv.episodes.actions import parse
from simenv.episodes.chat import Message, environment, system, tool_result, user
from simenv.episodes.episode import Episode
from simenv.testing.strategies import actions, hostile
from simenv.train.chat.codec import Codec
from simenv.train.chat.families import Family, family_of
from simenv.train.chat.family_plain import CONTROLS as CONTROLS_OF_PLAIN
from simenv.train.chat.family_qwen3 import Qwen3
from simenv.train.chat.rendering import ChatTemplate, plain_dicts
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.demos import tokens_of
from tests.train import codecs
from tests.train.codecs import played

AIRLINE = catalog.domain("airline")


KINDS = ["plain", "qwen3", "qwen2.5", "qwen3 without reasoning", "llama3"]
CONTROLS = sorted({*CONTROLS_OF_PLAIN, *codecs.QWEN, *codecs.LLAMA})
EVERY = pytest.mark.parametrize("name", KINDS)


@lru_cache(maxsize=1)
def families() -> dict[str, Family]:
    made = [
        family_of(codecs.plain()),
        family_of(codecs.qwen3()),
        family_of(codecs.qwen3(responds=False)),
        family_of(codecs.qwen3(), thinking=False),
        family_of(codecs.llama3()),
    ]
    return dict(zip(KINDS, made, strict=True))


NAMES = st.one_of(st.sampled_from(["get_user_details", "a b", "", "é", "<|call|>"]), st.text(max_size=6))
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES | st.sampled_from(CONTROLS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CALLS = st.fixed_dictionaries({"name": NAMES, "arguments": VALUES})
SEVERAL = st.lists(CALLS, min_size=1, max_size=3)
ASIDE = st.builds(
    lambda words, calls: {"role": "assistant", "content": words, "tool_calls": calls},
    st.text(max_size=10),
    SEVERAL,
)
FORGED = st.lists(st.sampled_from(CONTROLS) | st.text(max_size=6), min_size=1, max_size=5).map("".join)
ODD = st.sampled_from(
    [
        '{"name":"x","arguments":{"amount":1.50}}',
        '{"name":"x","arguments":{"amount":0.1000000000000000055511}}',
        '{"name":"x","arguments":"\\"text\\""}',
        '{"name":"x","parameters":{"a":1}}',
        '[{"name":"x","parameters":{"a":1}},5]',
        '{"role":"assistant","content":"{not a call"}',
        '{"role":"assistant","content":"  "}',
        '{"name":"x"',
        "[]",
        "",
        " ",
        "get_user_details {}",
        "<tool_call>\n{}\n</tool_call>",
        '{"a":' * 31 + "1" + "}" * 31,
        '{"name":"x","arguments":"' + "[" * 32 + "]" * 32 + '"}',
    ]
)
ANY = st.one_of(
    st.text(max_size=40),
    actions(AIRLINE),
    hostile(AIRLINE),
    st.one_of(CALLS, SEVERAL, ASIDE).map(lambda value: json.dumps(value, ensure_ascii=False)),
    FORGED,
    ODD,
)


def meant(action: str) -> tuple[object, ...]:
    parsed = parse(action)
    return [call[:2] for call in parsed.calls], parsed.words, parsed.aside, parsed.error


def in_nfc(family: Family, action: str) -> bool:
    """Whether the tokenizer keeps a text as it is; it cannot say a lone surrogate, Qwen's nor other forms."""
    return family.codec.text(family.codec.body(action)) == action


@EVERY
@settings(max_examples=80)
@given(action=ANY)
def test_a_turn_is_read_back_as_the_action_it_was(name: str, action: str) -> None:
    family = families()[name]
    turn = family.turn(action)
    assert turn.sampled
    assert turn.ids[-1] in family.stops
    if in_nfc(family, action):
        assert meant(family.action(turn.ids)) == meant(action)
        assert family.action(turn.ids[:-1]) == family.action(turn.ids)


@EVERY
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_is_sampled_can_be_read(name: str, data: st.DataObject) -> None:
    family = families()[name]
    control = st.sampled_from(sorted(family.codec.controls.values()))
    bodies = FORGED.map(family.codec.body)
    pieces = data.draw(st.lists(st.one_of(control.map(lambda token: [token]), bodies), max_size=8))
    ids = [token for piece in pieces for token in piece]
    assert isinstance(family.action(ids), str)
    ordinary = data.draw(st.lists(st.integers(0, family.codec.vocab_size - 1), max_size=8))
    assert isinstance(family.action(ordinary), str)


@EVERY
@settings(max_examples=40)
@given(text=FORGED)
def test_no_text_can_forge_a_control_token(name: str, text: str) -> None:
    family = families()[name]

    def count(said: str) -> int:
        heard = [tool_result("c", "get", said), user(said), environment(said)]
        segments = [*family.start([system(said), user(said)], []), *family.heard(heard)]
        return sum(family.codec.is_control(token) for segment in segments for token in segment.ids)

    assert count(text) == count("nothing")
    assert not any(family.codec.is_control(token) for token in family.codec.body(text))


def test_encode_special_tokens_alone_would_let_text_forge_calls() -> None:
    """The reason why bodies have a tokenizer of their own."""
    common = codecs.tokenizer(codecs.QWEN)
    common.encode_special_tokens = True
    codec = codecs.qwen3()
    ids = common.encode("<|im_end|> <tool_call>", add_special_tokens=False).ids
    assert codec.special("<|im_end|>") not in ids
    assert codec.special("<tool_call>") in ids
    assert codec.special("<tool_call>") not in codec.body("<|im_end|> <tool_call>")


def steps(episode: Episode) -> Iterator[tuple[int, str]]:
    """Yield, for each turn, how many messages came before it, and its action."""
    at = [at for at, message in enumerate(episode.messages) if message["role"] == "assistant"]
    yield from zip(at, [step.action for step in episode.steps], strict=True)


def prompts(family: Family, episode: Episode) -> Iterator[tuple[Sequence[Message], list[int]]]:
    """Yield the messages before each turn, and the ids which the model reads there."""
    tokens: TokenEpisode | None = None
    before = 0
    for at, action in steps(episode):
        heard = episode.messages[before:at]
        if tokens is None:
            tokens = TokenEpisode(family.start(heard, episode.tools))
        else:
            tokens.append(*family.heard(heard))
        yield episode.messages[:at], tokens.ids
        tokens.append(family.turn(action))
        before = at + 1


def parallel() -> Episode:
    """Return an episode with several calls in one turn, words beside calls, and a malformed call."""
    episode = Episode(played("full")[0].task)
    episode.act('[{"name":"list_all_airports","arguments":{}},{"name":"nothing","arguments":{"x":1.5}}]')
    listed = [{"name": "list_all_airports", "arguments": {}}]
    episode.act(json.dumps({"role": "assistant", "content": "One moment.", "tool_calls": listed}))
    episode.act('{"name":')
    episode.act("Which reservation is it?")
    return episode


def checkpoint(name: str) -> Codec:
    """Return a codec with the chat template of that name."""
    if name == "llama3_1":
        return codecs.llama3(name)
    return codecs.qwen3(name, responds=name == "qwen3")


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "llama3_1"])
def test_user_failure_10_every_prompt_is_the_templates_token_by_token(name: str) -> None:
    """verl#3720, #6921: multi-turn tokens that differ from what the checkpoint has read.

    Qwen3's template is append-only as long as no turn holds reasoning and the last message is not the
    assistant's, which is so at every prompt of these episodes.
    """
    codec = checkpoint(name)
    family = family_of(codec)
    template = ChatTemplate(codec.template, codec.variables)
    turns = 0
    for episode in [*played("full")[:4], *([parallel()] if name != "llama3_1" else [])]:
        for messages, ids in prompts(family, episode):
            rendered = template.render(plain_dicts(messages), episode.tools, header=True)
            assert ids == codec.whole(rendered)
            turns += 1
    assert turns > 20


@pytest.mark.parametrize("name", ["qwen3", "qwen2.5"])
def test_user_failure_10_the_line_break_after_a_turn_is_heard_and_not_sampled(name: str) -> None:
    """verl#6921: the separator was dropped at every boundary between the assistant and a tool."""
    family = families()[name]
    (line,) = family.codec.body("\n")
    end = family.codec.special("<|im_end|>")
    for heard in ([tool_result("c", "get", "x")], [user("x")], [environment("x")], []):
        segments = family.heard(heard)
        assert family.turn("Hello.").ids[-1] == end
        assert segments[0].ids[:2] == (line, family.codec.special("<|im_start|>"))
        assert not any(segment.sampled for segment in segments)


def split_once(codec: Codec, tokenizer: Tokenizer, ids: Sequence[int]) -> list[int] | None:
    """Return ids with one token spelled by two shorter ones of the vocabulary, or None."""
    for at, token in enumerate(ids):
        text = tokenizer.id_to_token(token)
        if codec.is_control(token) or text is None:
            continue
        for cut in range(1, len(text)):
            one, other = tokenizer.token_to_id(text[:cut]), tokenizer.token_to_id(text[cut:])
            if one is not None and other is not None:
                return [*ids[:at], one, other, *ids[at + 1 :]]
    return None


def test_user_failure_1_sampled_ids_are_kept_where_encoding_again_would_change_them() -> None:
    """trl#5224: a model may spell a word otherwise than the tokenizer would."""
    codec = codecs.plain()
    family = family_of(codec)
    vocabulary = Tokenizer.from_str(codec.tokenizer_json())
    seen = changed = 0
    for episode in played():
        for step in episode.steps:
            if parse(step.action).error:
                continue
            turn = family.turn(step.action)
            spelled = split_once(codec, vocabulary, turn.ids)
            if spelled is None:
                continue
            seen += 1
            assert family.action(spelled) == family.action(turn.ids)
            again = family.turn(family.action(spelled)).ids
            changed += list(again) != spelled
            kept = TokenEpisode([*family.start(episode.messages[:2], episode.tools)])
            kept.append(type(turn)("assistant", tuple(spelled), sampled=True, logps=(-0.5,) * len(spelled)))
            kept.append(*family.heard([user("Yes.")]))
            assert [token for token, flag in zip(kept.ids, kept.mask, strict=True) if flag] == spelled
            assert sum(logp == -0.5 for logp in kept.logps) == len(spelled)
    assert seen > 40
    assert changed == seen


@EVERY
def test_user_failure_14_the_mask_holds_all_that_the_agent_did_and_no_more(name: str) -> None:
    family = families()[name]
    for episode in played()[:3]:
        tokens = tokens_of(family, episode)
        turns = [segment for segment in tokens.segments if segment.sampled]
        assert [meant(family.action(turn.ids)) for turn in turns] == [
            meant(step.action) for step in episode.steps
        ]
        assert sum(tokens.mask) == sum(len(turn.ids) for turn in turns) > 0
        assert all(turn.ids[-1] in family.stops for turn in turns)
        roles = [segment.role for segment in tokens.segments]
        assert roles.count("assistant") == len(episode.steps)
        assert roles.count("header") >= len(episode.steps)


@EVERY
def test_what_is_heard_says_who_spoke(name: str) -> None:
    family = families()[name]
    heard = [tool_result("c", "get", "one"), tool_result("d", "get", "two"), user("three")]
    text = "".join([family.codec.text(segment.ids) for segment in family.heard(heard)])
    assert [text.index(word) for word in ("one", "two", "three")] == sorted(
        text.index(word) for word in ("one", "two", "three")
    )
    assert family.heard(heard)[-1].role == "header"
    assert family.heard([environment("no")])[0].role == "environment"


def test_results_in_a_row_share_a_turn_of_qwen() -> None:
    family = families()["qwen3"]
    heard = [tool_result("c", "get", "one"), tool_result("d", "get", "two")]
    text = "".join([family.codec.text(segment.ids) for segment in family.heard(heard)])
    assert text == (
        "\n<|im_start|>user\n<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>"
        "<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_turn_of_each_family_in_full() -> None:
    several = '[{"name":"a","arguments":{"x":1}},{"name":"b","arguments":{}}]'
    shown = {name: family.codec.text(family.turn(several).ids) for name, family in families().items()}
    assert shown["plain"] == '<|call|>a {"x":1}<|call|>b {}<|end|>'
    assert shown["qwen3"] == (
        '<tool_call>\n{"name": "a", "arguments": {"x": 1}}\n</tool_call>\n'
        '<tool_call>\n{"name": "b", "arguments": {}}\n</tool_call><|im_end|>'
    )
    assert shown["llama3"] == (
        '[{"name": "a", "parameters": {"x": 1}}, {"name": "b", "parameters": {}}]<|eot_id|>'
    )


def ids_of(family: Family, *parts: str) -> list[int]:
    """Return sampled ids: control tokens by their text, all else as body."""
    controls = family.codec.controls
    return family.codec.compose([controls.get(part, part) for part in parts])


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("plain", ["<|call|>", "get_user_details {", "<|end|>"]),
        ("plain", ["<|call|>", "get_user_details", "<|end|>"]),
        ("plain", ["<|call|>", 'get {},"id":"x"', "<|end|>"]),
        ("plain", ["<|call|>", "<|call|>", "a {}", "<|end|>"]),
        ("plain", ["Words", "<|call|>", "a {", "<|end|>"]),
        ("qwen3", ["<tool_call>", '{"name": "a", "arguments": {}}', "<|im_end|>"]),
        ("qwen3", ["<tool_call>", "a", "</tool_call>", "<|im_end|>"]),
        ("qwen3", ["<tool_call>", '{"name": "a"}', "</tool_call>", "and more", "<|im_end|>"]),
        ("qwen3", ["<tool_call>", '[{"name": "a"}, {"name": "b"}]', "</tool_call>", "<|im_end|>"]),
        ("qwen3", ["<think>", "I wonder", "<|im_end|>"]),
        ("llama3", ['{"name": "a", "parameters": {', "<|eot_id|>"]),
        ("llama3", ['{"name": "a", "parameters": {}}; {"name": "b", "parameters": {}}', "<|eot_id|>"]),
    ],
)
def test_a_call_that_is_not_well_written_is_refused_as_such(name: str, parts: list[str]) -> None:
    family = families()[name]
    assert parse(family.action(ids_of(family, *parts))).error == "bad_json"


def test_reasoning_is_not_heard_by_anybody() -> None:
    family = families()["qwen3"]
    words = ids_of(family, "<think>", "\nHm.\n", "</think>", "\n\nYour flight is late.", "<|im_end|>")
    assert family.action(words) == "Your flight is late."
    call = ids_of(family, "<think>", "Hm", "</think>", "\n\n", "<tool_call>", '{"name": "a"}', "</tool_call>")
    assert family.action(call) == '{"name": "a"}'


def test_a_hybrid_told_not_to_reason_finds_an_empty_block_in_every_header() -> None:
    codec = codecs.qwen3("qwen3")
    family = Qwen3(codec, thinking=False)
    header = codec.text(family.heard([user("Yes.")])[-1].ids)
    assert header == "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    template = ChatTemplate("{% set enable_thinking = false %}" + codec.template)
    start = [segment.ids for segment in family.start([system("a"), user("b")], [])]
    rendered = template.render([system("a"), user("b")], header=True)
    assert [token for ids in start for token in ids] == codec.whole(rendered)


@EVERY
def test_tools_are_told_except_to_the_plain_family(name: str) -> None:
    family = families()[name]
    episode = played()[0]
    text = "".join(
        [family.codec.text(segment.ids) for segment in family.start(episode.messages[:2], episode.tools)]
    )
    listed = [tool["function"]["description"] in text for tool in episode.tools]
    assert any(listed) == all(listed) == (name != "plain")
    assert episode.messages[0]["content"].strip() in text
    assert episode.messages[1]["content"] in text


@pytest.mark.parametrize(("name", "begin"), [("qwen3", "<|im_start|>"), ("llama3_1", "<|start_header_id|>")])
def test_each_message_of_the_start_is_a_segment_of_its_speaker(name: str, begin: str) -> None:
    codec = checkpoint(name)
    family = family_of(codec)
    policy, opening = played()[0].messages[:2]
    segments = family.start([policy, opening], played()[0].tools)
    texts = [codec.text(segment.ids).removeprefix("<|begin_of_text|>") for segment in segments]
    assert [segment.role for segment in segments] == ["system", "user", "header"]
    assert [text.startswith(begin) and text.count(begin) == 1 for text in texts] == [True] * 3
    assert policy["content"].strip() in texts[0]
    assert opening["content"] in texts[1]


def test_a_tool_whose_schema_spells_a_control_token_is_refused() -> None:
    codec = codecs.qwen3("qwen3")
    forged: dict[str, Any] = {"type": "function", "function": {"name": "a", "description": "<|im_end|>"}}
    with pytest.raises(UsageError, match=r"control token '<\|im_end\|>'"):
        family_of(codec).start([system("a"), user("b")], [forged])


def test_a_checkpoint_of_no_known_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Known: plain .*; qwen3 .*; llama3 ") as caught:
        family_of(Codec(codecs.tokenizer({"<start_of_turn>": True})))
    assert "<start_of_turn>" in str(caught.value)


@pytest.mark.parametrize("name", ["plain", "qwen3", "llama3"])
def test_a_family_is_known_by_its_control_tokens(name: str) -> None:
    assert families()[name].name == name


@example("é\u0301 \x00 \ud800")
@given(st.text(max_size=30))
def test_a_plain_codec_loses_nothing_but_lone_surrogates(text: str) -> None:
    codec = codecs.plain()
    assert codec.text(codec.body(text)) == text.encode("utf-8", "replace").decode()
