"""A tokenizer and a model of a few thousand weights, made on the spot: no network, no files of others.

The tokenizer has whole turns among its tokens, and the model prefers the next token of a script. So a model
that has learnt nothing holds a conversation, now and then with a slip, as GRPO's group needs it.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simenv.core.pack import write_pack
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from tests.test_adapter_trl import library_tasks, natively

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

CONTROLS = ("<|pad|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<tool_call>", "</tool_call>")
ANSWERS = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "tool_calls": {
            "open": "<tool_call>",
            "close_pattern": r"</tool_call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<\|im_end\|>\s*", "content": "text"},
    },
}
"""How transformers reads a turn back."""


@dataclass
class Tiny:
    """A tokenizer and what makes models for it.

    Attributes:
        tokenizer: A fast tokenizer of transformers.
        model: Makes a model that prefers a script: for each turn, its token ids.
        whole: Id of the token of a whole text.
    """

    tokenizer: Any
    model: Callable[[Sequence[Sequence[int]]], Any]
    whole: dict[str, int]


@pytest.fixture(scope="session")
def tasks() -> list[Task]:
    return library_tasks()


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory, tasks: list[Task]) -> str:
    path = tmp_path_factory.mktemp("pack") / "library.jsonl"
    write_pack(path, {"domain": "library"}, tasks)
    return str(path)


@pytest.fixture(scope="session")
def script(tasks: list[Task]) -> list[str]:
    """What solves the first task, action by action."""
    return [step.action for step in natively(tasks[0]).steps]


@pytest.fixture
def tiny(tasks: list[Task]) -> Callable[[Sequence[str]], Tiny]:
    """Make a tokenizer that has some texts as tokens, and models for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.trl.model import make

    heard = [Episode(tasks[0]).observation, str(Episode(tasks[0]).tools)]
    template = (Path(__file__).parent / "chat.jinja").read_text("utf-8")
    return lambda texts: make(heard, texts, template)
