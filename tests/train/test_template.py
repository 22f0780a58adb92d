"""Laws of the look at chat templates."""

import json
from pathlib import Path

import pytest

from simenv.core.errors import DataError, UsageError
from simenv.train.chat.codec import Codec
from simenv.train.chat.rendering import ChatTemplate, TemplateError, plain_dicts
from simenv.train.chat.template import TemplateReport, check_template, difference
from tests.train import codecs
from tests.train.codecs import TEMPLATES, played

APPENDS = {
    "a result after a call",
    "a result after reasoning and a call",
    "results after two calls",
    "a user turn after words",
    "a user turn after reasoning",
    "a user turn after a call, a result and words",
}


def look(name: str) -> TemplateReport:
    return check_template(TEMPLATES / f"{name}.jinja")


def at(report: TemplateReport, level: str) -> set[str]:
    return {finding.what for finding in report.findings if finding.level == level}


@pytest.mark.parametrize("name", ["qwen2_5", "llama3_1", "marked"])
def test_an_append_only_template_is_found_fit(name: str) -> None:
    report = look(name)
    assert report.ok
    assert at(report, "ok") >= {"calls and results", "a user turn after reasoning", "a result after a call"}
    assert report.lines()[-1].startswith("FIT for training: turns are only ever appended")
    assert ("needs one with generation markers" in report.lines()[-1]) is (name != "marked")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("qwen3", "it changes what it wrote before in 5 of 6 probes"),
        ("bad_leaves_results_out", "calls and results left out, so the model never reads them"),
        ("bad_empty_marks", "the mask is all zero, and nothing would be learned"),
    ],
)
def test_the_last_line_says_why_not_and_what_to_do(name: str, why: str) -> None:
    last = look(name).lines()[-1]
    assert last.startswith("NOT FIT for training through this template: ")
    assert why in last
    assert "Way out: `simenv train` writes the turns itself and does not use it" in last


def test_qwen3_drops_reasoning_and_the_report_shows_where() -> None:
    report = look("qwen3")
    assert not report.ok
    assert at(report, "fail") == APPENDS - {"a result after reasoning and a call"}
    found = next(finding for finding in report.findings if finding.what == "a user turn after reasoning")
    first, before, after, caret = found.picture
    assert first.startswith("first difference at character")
    place = caret.index("^")
    assert before[place:].startswith("<think>")
    assert after[place:].startswith("It is tomorrow.")


def test_a_template_that_rewrites_the_beginning_fails_every_case() -> None:
    assert at(look("bad_mutates"), "fail") >= APPENDS


def test_a_turn_that_its_header_did_not_announce_is_found(tmp_path: Path) -> None:
    source = codecs.template("marked").replace(
        "{{- '<|im_start|>assistant\\n' -}}", "{{- '<|im_start|>model\\n' -}}"
    )
    (tmp_path / "a.jinja").write_text(source, encoding="utf-8")
    report = check_template(tmp_path / "a.jinja")
    assert at(report, "fail") == APPENDS
    assert "not what its own header announced" in "\n".join(report.lines())


def test_a_template_that_refuses_several_calls_is_told_so_in_its_own_words() -> None:
    report = look("llama3_1")
    (found,) = [finding for finding in report.findings if finding.what == "results after two calls"]
    assert found.level == "note"
    assert "one call in a turn is all this model makes" in found.said


def test_a_template_that_leaves_results_out_is_not_fit() -> None:
    report = look("bad_leaves_results_out")
    assert at(report, "fail") == {"calls and results"}
    assert "tools" in at(report, "note")


def test_user_failure_14_markers_around_nothing_are_an_error_and_none_a_note() -> None:
    """marin#7237: without markers an assistant mask is all zero, and nothing says so."""
    assert at(look("bad_empty_marks"), "fail") == {"generation markers"}
    assert "the mask is all zero" in "\n".join(look("bad_empty_marks").lines())
    assert "generation markers" in at(look("qwen2_5"), "note")
    assert "generation markers" in at(look("marked"), "ok")


def test_a_stop_token_outside_the_markers_is_noted(tmp_path: Path) -> None:
    source = codecs.template("marked").replace(
        "{{- '<|im_end|>' -}}\n        {%- endgeneration -%}", "{%- endgeneration -%}{{- '<|im_end|>' -}}"
    )
    (tmp_path / "a.jinja").write_text(source, encoding="utf-8")
    report = check_template(tmp_path / "a.jinja")
    (found,) = [finding for finding in report.findings if finding.what == "generation markers"]
    assert (found.level, found.said) == (
        "note",
        "<|im_end|> is not marked, so the model does not learn to stop",
    )


def test_a_template_through_which_results_forge_turns_is_noted_and_one_that_escapes_is_not(
    tmp_path: Path,
) -> None:
    assert "control tokens in results" in at(look("qwen2_5"), "note")
    source = codecs.template("qwen2_5").replace(
        "message['content']", "message['content'] | replace('<|', '< |')"
    )
    (tmp_path / "a.jinja").write_text(source.replace("<tool_", "<|tool_"), encoding="utf-8")
    assert "control tokens in results" in at(check_template(tmp_path / "a.jinja"), "ok")


def checkpoint(folder: Path, name: str) -> Path:
    codec = (
        codecs.llama3(name) if name.startswith("llama") else codecs.qwen3(name, responds=name != "qwen2_5")
    )
    (folder / "tokenizer.json").write_text(codec.tokenizer_json(), encoding="utf-8")
    config = {"chat_template": codec.template, **codec.variables}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "family"), [("qwen2_5", "qwen3"), ("qwen3", "qwen3"), ("llama3_1", "llama3")]
)
def test_a_checkpoint_is_compared_with_the_family_that_would_write_for_it(
    tmp_path: Path, name: str, family: str
) -> None:
    report = check_template(checkpoint(tmp_path, name))
    (found,) = [finding for finding in report.findings if finding.what == "simenv's family"]
    assert found.level == "ok"
    assert found.said.startswith(f"{family} writes the same ")
    assert report.findings == check_template(tmp_path / "tokenizer_config.json").findings
    forged = next(finding for finding in report.findings if finding.what == "control tokens in results")
    assert int(forged.said.split()[0]) >= 3


def test_where_family_and_template_differ_the_first_difference_is_drawn(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "qwen3")
    source = codecs.template("qwen3").replace("\\n</tool_response>", "</tool_response>")
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    found = check_template(folder).findings[-1]
    assert found.level == "note"
    assert "qwen3 differs from the template at token" in found.said
    assert [line.split()[0] for line in found.picture[1:3]] == ["template", "qwen3"]


@pytest.mark.parametrize("name", ["", "nothing.jinja", "tokenizer_config.json"])
def test_a_path_without_a_template_is_refused_with_the_kinds_that_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"give a .jinja file, a tokenizer_config.json or"):
        check_template(tmp_path / name)


def test_a_file_that_is_no_jinja_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jinja").write_text("{% for %}", encoding="utf-8")
    with pytest.raises(TemplateError, match="the template cannot be read"):
        check_template(tmp_path / "a.jinja")


@pytest.mark.parametrize("name", ["a.jinja", "chat_template.jinja"])
def test_a_template_that_is_not_text_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"caf\xe9 {{ messages }}")
    with pytest.raises(DataError, match=rf"{name}: not text in UTF-8"):
        check_template(tmp_path / name)


RECURSION = "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}"


@pytest.mark.parametrize(
    "source", ["{{ range(99999999) | list }}", "{{ 1 / messages[9:] | length }}", RECURSION]
)
def test_what_the_code_of_a_template_raises_is_a_refusal_of_the_template(source: str) -> None:
    with pytest.raises(TemplateError, match="the template refuses the conversation"):
        ChatTemplate(source).render([])


def test_of_several_named_templates_the_one_for_tools_is_read(tmp_path: Path) -> None:
    named = [
        {"name": "default", "template": codecs.template("bad_mutates")},
        {"name": "tool_use", "template": codecs.template("marked")},
    ]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}), encoding="utf-8")
    assert check_template(tmp_path).ok


def test_a_report_draws_the_same_difference_once() -> None:
    lines = look("bad_mutates").lines()
    assert sum("first difference" in line for line in lines) < sum(
        "not append-only" in line for line in lines
    )
    assert any(line.strip() == "as above" for line in lines)


@pytest.mark.parametrize(
    ("before", "after", "where"), [("ab", "ac", 1), ("ab", "abc", 2), ("", "a", 0), ("a\nb", "a\nc", 2)]
)
def test_the_caret_stands_under_the_first_difference(before: str, after: str, where: int) -> None:
    first, _, shown, caret = difference(before, after)
    assert first == f"first difference at character {where}"
    assert shown[caret.index("^") :] == after[where:]


def test_templates_are_rendered_as_transformers_renders_them() -> None:
    """And user failure 14 as it shows there: without markers the mask is all zero and only a log says so."""
    transformers = pytest.importorskip("transformers")
    episode = played("full")[0]
    messages = plain_dicts(episode.messages[:6])
    messages[1] = {**messages[1], "content": "Zoë wants \u20ac5"}
    blocks = "{% for message in messages %}\n  {% if true %}\n{{ message | tojson }}\n  {% endif %}\n"
    blocks += "{% endfor %}\n"
    for name in ("qwen2_5", "qwen3", "marked", ""):
        codec = Codec(codecs.tokenizer(codecs.QWEN), template=codecs.template(name) if name else blocks)
        fast = transformers.PreTrainedTokenizerFast(tokenizer_object=codecs.tokenizer(codecs.QWEN))
        fast.chat_template = codec.template
        theirs = fast.apply_chat_template(
            messages, tools=episode.tools, tokenize=False, add_generation_prompt=True
        )
        assert ChatTemplate(codec.template).render(messages, episode.tools, header=True) == theirs
        encoded = fast.apply_chat_template(
            messages, tools=episode.tools, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        assert any(encoded["assistant_masks"]) == (name == "marked")
        rendered = ChatTemplate(codec.template).render(messages, episode.tools)
        assert encoded["input_ids"] == codec.whole(rendered)
