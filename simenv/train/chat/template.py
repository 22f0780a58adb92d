"""What a checkpoint's chat template does to a history: ``simenv train check-template``.

A template that changes what it has written before makes tokens that nobody sampled; one without markers
makes a mask of zeros. simenv's families render turns once and need neither, but other tools use templates.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simenv.core.errors import UsageError
from simenv.episodes.chat import Message, assistant, tool_result
from simenv.train.chat import probes
from simenv.train.chat.codec import Codec, read_template, read_words
from simenv.train.chat.families import family_of
from simenv.train.chat.probes import Case
from simenv.train.chat.rendering import BEGIN, END, ChatTemplate, TemplateError, plain_dicts
from simenv.train.chat.tokens import TokenEpisode
from simenv.train.chat.writing import compact

_CONTROL = re.compile(r"<\|[\w ]+\|>|\[/?[A-Z_]+\]|</?(?:s|tool_call|tool_response|(?:start|end)_of_turn)>")
FAMILY, MARKS = "simenv's family", "generation markers"
_WORDS = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``"fail"`` if training through this template would go wrong.
        what: What was looked at.
        said: What was found.
        picture: Lines that show it.
    """

    level: Literal["ok", "note", "fail"]
    what: str
    said: str
    picture: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateReport:
    """What was found of one template.

    Attributes:
        path: Where it was read from.
        findings: All that was looked at, in order.
    """

    path: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether histories can be appended to and nothing is left out of them."""
        return all(finding.level != "fail" for finding in self.findings)

    def lines(self) -> list[str]:
        """Return the report for a reader."""
        lines = [f"chat template of {self.path}"]
        drawn: set[tuple[str, ...]] = set()
        for finding in self.findings:
            lines.append(f"  {_WORDS[finding.level]}  {finding.what}: {finding.said}")
            picture = ("as above",) if finding.picture in drawn else finding.picture
            lines += [f"        {line}" for line in picture]
            drawn.update([finding.picture] if finding.picture else [])
        return [*lines, self.verdict]

    @property
    def verdict(self) -> str:
        """Whether to train through it, why, and the way out, in one line."""
        ours = next((f" {each.what}: {each.said}." for each in self.findings if each.what == FAMILY), "")
        if not self.ok:
            return (
                f"NOT FIT for training through this template: {'; '.join(self._reasons())}. Way out: "
                "`simenv train` writes the turns itself and does not use it; another trainer needs a "
                f"template that only appends.{ours}"
            )
        unmarked = any(each.what == MARKS and each.level != "ok" for each in self.findings)
        but = " A trainer that takes its mask from a template needs one with generation markers, though."
        return (
            "FIT for training: turns are only ever appended, and calls and results are written."
            f"{but if unmarked else ''}{ours}"
        )

    def _reasons(self) -> Iterator[str]:
        """Yield why it is not fit; the probes of histories in one."""
        failed = [each for each in self.findings if each.level == "fail"]
        cases = {case.name for case in probes.CASES}
        if changed := sum(each.what in cases for each in failed):
            yield (
                f"it changes what it wrote before in {changed} of {len(cases)} probes, so that tokens would "
                "be trained on which nobody sampled"
            )
        yield from (f"{each.what}: {each.said}" for each in failed if each.what not in cases)


def check_template(path: str | Path) -> TemplateReport:
    """Look at a chat template: a Jinja file, a tokenizer_config.json or the folder of a checkpoint.

    Raises:
        UsageError: If there is no template at ``path``.
        TemplateError: If it cannot be read as Jinja.
        DataError: If it is not text, or the tokenizer beside it is corrupt.
    """
    given = Path(path)
    if given.suffix == ".jinja" and given.is_file():
        source, variables = read_words(given), {"bos_token": "<s>", "eos_token": "</s>"}
    else:
        source, variables = read_template(given if given.is_dir() else given.parent)
    if not source:
        raise UsageError(
            f"no chat template at {given}; "
            "give a .jinja file, a tokenizer_config.json or the folder of a checkpoint"
        )
    template = ChatTemplate(source, variables)
    folder = given if given.is_dir() else given.parent
    has_tokenizer = given.suffix != ".jinja" and (folder / "tokenizer.json").is_file()
    codec = Codec.load(folder) if has_tokenizer else None
    findings = [
        *_renders(template),
        *(_appends(template, case) for case in probes.CASES),
        _marks(template, source),
        _escapes(template, codec),
        *([_family(template, codec)] if codec else []),
    ]
    return TemplateReport(str(given), tuple(findings))


def _renders(template: ChatTemplate) -> Iterator[Finding]:
    """Yield whether tools, calls and results are written at all."""
    try:
        text = template.render(probes.LOOKED, probes.TOOLS, header=True)
    except TemplateError as error:
        yield Finding("fail", "calls and results", str(error))
        return
    listed = "Look up a reservation." in text
    how = "written" if listed else "left out; name them in the policy, as the compact face does"
    yield Finding("ok" if listed else "note", "tools", how)
    missing = [name for name, sign in (("calls", "YIBQN0"), ("results", probes.RESULT)) if sign not in text]
    yield Finding(
        "fail" if missing else "ok",
        "calls and results",
        f"{' and '.join(missing)} left out, so the model never reads them" if missing else "written",
    )


def _appends(template: ChatTemplate, case: Case) -> Finding:
    """Return whether a turn and what follows it are appended to what was written before."""
    try:
        history = list(case.history)
        if case.reasons:
            written = template.render(_reasoned(case.history, inline=False), probes.TOOLS)
            history = _reasoned(case.history, inline=probes.THOUGHT not in written)
        prompt = template.render(history[:-1], probes.TOOLS, header=True)
        turn = template.render(history, probes.TOOLS)
        after = template.render([*history, *case.heard], probes.TOOLS, header=True)
    except TemplateError as error:
        return Finding("note", case.name, str(error))
    for what, before, later in (
        ("the turn is not what its own header announced", prompt, turn),
        ("what follows changes the turn", turn, after),
    ):
        if not later.startswith(before):
            return Finding("fail", case.name, f"not append-only: {what}", difference(before, later))
    return Finding("ok", case.name, "append-only")


def _reasoned(history: Sequence[Message], *, inline: bool) -> list[Message]:
    return [
        probes.thought(message, inline=inline) if message["role"] == "assistant" else message
        for message in history
    ]


def _marks(template: ChatTemplate, source: str) -> Finding:
    """Return whether a mask made from the template holds what the model says."""
    what = MARKS
    if not re.search(r"\{%[-+]?\s*generation\b", source):
        return Finding(
            "note", what, "none: a mask made from this template is all zero. simenv's is not made so"
        )
    try:
        text = template.marked((*probes.START, probes.WORDS), probes.TOOLS)
    except TemplateError as error:
        return Finding("note", what, str(error))
    marked = "".join(re.findall(f"{BEGIN}(.*?){END}", text, re.DOTALL))
    if probes.ANSWER not in marked:
        problem = (
            "nothing is marked: the mask is all zero"
            if not marked
            else "the assistant's words are not marked"
        )
        return Finding("fail", what, f"{problem}, and nothing would be learned", (_visible(text[-100:]),))
    stop = _CONTROL.match(text.rpartition(END)[2].lstrip())
    if stop:
        return Finding("note", what, f"{stop.group()} is not marked, so the model does not learn to stop")
    return Finding("ok", what, f"{len(marked)} of {len(text)} characters of a probe are marked")


def _escapes(template: ChatTemplate, codec: Codec | None) -> Finding:
    """Return whether a result can forge control tokens through the template."""
    what = "control tokens in results"
    try:
        clean = template.render(probes.LOOKED, probes.TOOLS)
        known = codec.controls if codec else sorted({found.group() for found in _CONTROL.finditer(clean)})
        forged = "".join([token for token in known if token in clean])
        text = template.render([*probes.LOOKED[:-1], probes.result(probes.ONE, forged)], probes.TOOLS)
    except TemplateError as error:
        return Finding("note", what, str(error))
    if not forged:
        return Finding("note", what, "the template writes none that could be forged")
    if forged not in text:
        return Finding("ok", what, "escaped")
    count = _count(codec, text) - _count(codec, clean) if codec else len(_CONTROL.findall(forged))
    return Finding(
        "note", what, f"{count} forged by a result that spells them. simenv encodes results apart", (forged,)
    )


def _count(codec: Codec, text: str) -> int:
    return sum(map(codec.is_control, codec.whole(text)))


def _family(template: ChatTemplate, codec: Codec) -> Finding:
    """Return whether simenv's family for this checkpoint writes the tokens that the template writes."""
    what = FAMILY
    try:
        family = family_of(codec)
    except UsageError as error:
        return Finding("note", what, str(error))
    arguments = compact({"reservation_id": "YIBQN0"})
    call = assistant("", [(probes.ONE, probes.NAME, arguments)])
    heard = tool_result(probes.ONE, probes.NAME, probes.RESULT)
    try:
        ours = TokenEpisode(family.start(probes.START, probes.TOOLS))
        ours.append(
            family.turn(f'{{"arguments":{arguments},"name":"{probes.NAME}"}}'), *family.heard([heard])
        )
        theirs = codec.whole(
            template.render(plain_dicts([*probes.START, call, heard]), probes.TOOLS, header=True)
        )
    except TemplateError as error:
        return Finding("note", what, str(error))
    if ours.ids == theirs:
        return Finding("ok", what, f"{family.name} writes the same {len(theirs)} tokens as the template")
    same = _same(ours.ids, theirs)
    picture = difference(codec.text(theirs), codec.text(ours.ids), names=("template", family.name))
    return Finding(
        "note", what, f"{family.name} differs from the template at token {same} of {len(theirs)}", picture
    )


def difference(before: str, after: str, *, names: tuple[str, str] = ("before", "after")) -> tuple[str, ...]:
    r"""Return lines that show where two texts first differ.

    Example:
        >>> print("\n".join(difference("He said no.", "He said yes.")))
        first difference at character 8
        before  He said no.
        after   He said yes.
                        ^
    """
    at = _same(before, after)
    begin, end = max(0, at - 48), at + 48
    width = max(map(len, names)) + 2
    caret = " " * (width + len(_visible(before[begin:at])))
    return (
        f"first difference at character {at}",
        f"{names[0]:<{width}}{_visible(before[begin:end])}",
        f"{names[1]:<{width}}{_visible(after[begin:end])}",
        f"{caret}^",
    )


def _same(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many items at the beginning are equal."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (here, there) in pairs if here != there), min(len(one), len(other)))


def _visible(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t").replace(BEGIN, "[[").replace(END, "]]")
