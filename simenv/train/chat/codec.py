"""Text to tokens and back, so that no text can become a control token.

A tokenizer turns the words ``<|im_end|>`` in a tool's result into the very token that ends a turn. A codec
does not: bodies are encoded by a tokenizer that knows no control tokens, and these are put in by id.
``encode_special_tokens`` of tokenizers is not enough, for it spares tokens that are added without being
called special, such as Qwen's ``<tool_call>``.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from simenv.core.errors import DataError, UsageError

_AGAIN = "Copy it again from the checkpoint."

Part = str | int
"""A run of body text, or a token id."""


class Codec:
    """Encodes bodies, names control tokens, decodes.

    Args:
        tokenizer: A fast tokenizer, such as ``AutoTokenizer.from_pretrained(...).backend_tokenizer``.
        template: Source of the checkpoint's chat template, or "".
        variables: What its template may name, such as ``bos_token``.

    Attributes:
        controls: Id of every control token by its text: all that were added to the vocabulary.
        vocab_size: One more than the highest id.

    Raises:
        UsageError: If ordinary text can become a control token in spite of all.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, template: str = "", variables: dict[str, str] | None = None
    ) -> None:
        self.template = template
        self.variables = dict(variables or {})
        self._whole = Tokenizer.from_str(tokenizer.to_str())
        self._whole.no_truncation()
        self._whole.no_padding()
        self._plain, self.controls = _without_controls(self._whole)
        self.vocab_size: int = max(self._whole.get_vocab(with_added_tokens=True).values()) + 1
        self._ids = frozenset(self.controls.values())
        longest_first = sorted(self.controls, key=lambda token: (-len(token), token))
        self._split = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        for token in self.controls:
            if not self._ids.isdisjoint(self.body(token)):
                raise UsageError(
                    f"the tokenizer spells its control token {token!r} with control tokens; "
                    "take it out of the merges or out of the added tokens"
                )

    @classmethod
    def load(cls, path: str | Path) -> "Codec":
        """Read a tokenizer.json, or the folder of a checkpoint that has one.

        Raises:
            UsageError: If there is none.
            DataError: If a file is not what its name says.
        """
        given = Path(path)
        file = given / "tokenizer.json" if given.is_dir() else given
        if not file.is_file():
            raise UsageError(f"no tokenizer.json at {given}; save one with tokenizer.save_pretrained(FOLDER)")
        template, variables = read_template(file.parent)
        return cls(_read_tokenizer(file), template=template, variables=variables)

    def tokenizer_json(self) -> str:
        """Return the text of a tokenizer.json; the same codec gives the same bytes."""
        text: str = self._whole.to_str(pretty=True)
        return text

    def body(self, text: str) -> list[int]:
        """Return the ids of text that somebody wrote. Never the id of a control token.

        Lone surrogates, which no tokenizer takes, become question marks.
        """
        clean = text if text.isascii() else text.encode("utf-8", "replace").decode()
        ids: list[int] = self._plain.encode(clean, add_special_tokens=False).ids
        return ids

    def special(self, token: str) -> int:
        """Return the id of a control token.

        Raises:
            UsageError: If the tokenizer has none of that text.
        """
        if token not in self.controls:
            known = ", ".join(sorted(self.controls)[:12]) or "none"
            raise UsageError(f"the tokenizer has no control token {token!r}. It has: {known}.")
        return self.controls[token]

    def mark(self, token: str) -> Part:
        """Return the id of a control token, or its text where the tokenizer spells it out."""
        return self.controls.get(token, token)

    def is_control(self, token: int) -> bool:
        """Whether an id is a control token's."""
        return token in self._ids

    def compose(self, parts: Sequence[Part]) -> list[int]:
        """Return the ids of a mixture; neighbouring texts are encoded as one, as a template would."""
        ids: list[int] = []
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
                continue
            ids += self.body(text) if text else []
            ids.append(part)
            text = ""
        return ids + (self.body(text) if text else [])

    def parts(self, trusted: str) -> list[Part]:
        """Split text that the checkpoint's own template wrote at the control tokens in it."""
        if self._split is None:
            return [trusted]
        parts: list[Part] = []
        end = 0
        for found in self._split.finditer(trusted):
            parts += [trusted[end : found.start()], self.controls[found.group()]]
            end = found.end()
        return [part for part in [*parts, trusted[end:]] if part != ""]

    def whole(self, rendered: str) -> list[int]:
        """Return the ids of a rendered conversation as others encode it: any control token in it counts.

        For comparisons. A conversation with foreign text in it can forge turns here.
        """
        ids: list[int] = self._whole.encode(rendered, add_special_tokens=False).ids
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ids, control tokens visibly. For people and environments, never to encode."""
        text: str = self._whole.decode(list(ids), skip_special_tokens=False)
        return text


def _without_controls(tokenizer: Tokenizer) -> tuple[Tokenizer, dict[str, int]]:
    """Return the tokenizer of bodies, and the id of each control token by its text."""
    data = json.loads(tokenizer.to_str())
    # Runs of blanks, which some tokenizers add, are ordinary text.
    controls = {each["content"]: each["id"] for each in data["added_tokens"] if each["content"].strip()}
    data["added_tokens"] = [each for each in data["added_tokens"] if not each["content"].strip()]
    data["post_processor"] = None
    return Tokenizer.from_str(json.dumps(data)), controls


def _read_tokenizer(file: Path) -> Tokenizer:
    way_out = "Save the tokenizer again with save_pretrained."
    text, data = b"", None
    with suppress(OSError, ValueError):
        text = file.read_bytes()
        data = json.loads(text)
    if not isinstance(data, dict) or not {"model", "added_tokens"} <= data.keys():
        raise DataError(file, 0, "not a tokenizer.json", way_out)
    try:
        # from_str would raise an Exception of no kind for what it cannot read; this raises a ValueError.
        return Tokenizer.from_buffer(text)
    except ValueError as error:
        raise DataError(file, 0, f"not a tokenizer that can be read ({error})", way_out) from error


def read_template(folder: Path) -> tuple[str, dict[str, str]]:
    """Return a checkpoint's chat template, or "", and the special tokens that it may name.

    Raises:
        DataError: If a file cannot be read, or tokenizer_config.json is not what its name says.
    """
    file, alone = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    config: Any = {}
    if file.is_file():
        try:
            config = json.loads(read_words(file))
        except ValueError as error:
            raise DataError(file, 0, "not JSON", _AGAIN) from error
        if not isinstance(config, dict):
            raise DataError(file, 0, "not a JSON object", _AGAIN)
    template = read_words(alone) if alone.is_file() else _template(config.get("chat_template"), file)
    names = [name for name in sorted(config) if name.endswith("_token")]
    contents = {name: _content(config[name]) for name in names}
    return template, {name: text for name, text in contents.items() if text}


def read_words(file: Path) -> str:
    """Return the text of a file.

    Raises:
        DataError: If it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(file, 0, f"cannot be read ({error.strerror})", "Check its rights.") from error
    except UnicodeDecodeError as error:
        raise DataError(file, 0, "not text in UTF-8", _AGAIN) from error


def _template(value: Any, file: Path) -> str:
    """Return a chat template; of several by name that for tools, where there is one."""
    if isinstance(value, list):
        try:
            named = {each["name"]: each["template"] for each in value}
        except (KeyError, TypeError) as error:
            problem = "an entry of its chat_template has no name or no template"
            raise DataError(file, 0, problem, _AGAIN) from error
        value = named.get("tool_use") or named.get("default")
    if not isinstance(value, str | None):
        problem = f"its chat_template is of type {type(value).__name__}, not text"
        raise DataError(file, 0, problem, _AGAIN)
    return value or ""


def _content(value: Any) -> str:
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""
