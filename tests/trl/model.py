"""The tiny tokenizer and model; imported only where torch and transformers are."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from tests.trl.conftest import ANSWERS, CONTROLS, MARKS, Tiny

EAGER = 11.0
"""How much more likely the script's next token is, in nats: of a thousand tokens, about 98 times in 100."""


Qwen3: Any = Qwen3ForCausalLM  # transformers' own types fit no subclass
FastTokenizer: Any = PreTrainedTokenizerFast


class Scripted(Qwen3):  # type: ignore[misc]
    """A model whose every turn leans towards a script; it notes what it was asked to go on with.

    Attributes:
        script: Token ids of each turn.
        header: Ids that open a turn.
        stop: Id that ends one.
        sampled: For each row of each call of ``generate``: what it was given, what it sampled.
    """

    script: Sequence[Sequence[int]] = ()
    header: Sequence[int] = ()
    stop: int = 0

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.sampled: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def leaning(self, row: Sequence[int]) -> list[int]:
        """Return for each place of a row the token that the script has after it."""
        turn, within, next_ids = -1, 0, []
        for place in range(len(row)):
            if tuple(row[max(0, place + 1 - len(self.header)) : place + 1]) == tuple(self.header):
                turn, within = turn + 1, 0
            else:
                within += 1
            due = self.script[turn] if 0 <= turn < len(self.script) else ()
            next_ids.append(due[within] if within < len(due) else self.stop)
        return next_ids

    def forward(self, input_ids: Any = None, *arguments: Any, logits_to_keep: Any = 0, **named: Any) -> Any:
        out = super().forward(input_ids, *arguments, logits_to_keep=logits_to_keep, **named)
        due = torch.tensor([self.leaning(row) for row in input_ids.tolist()])
        lean = EAGER * torch.nn.functional.one_hot(due, out.logits.shape[-1])
        out.logits = out.logits + lean[:, -out.logits.shape[1] :]
        return out

    def generate(self, input_ids: Any, attention_mask: Any = None, **named: Any) -> Any:
        whole = super().generate(input_ids=input_ids, attention_mask=attention_mask, **named)
        for given, mask, row in zip(input_ids.tolist(), attention_mask.tolist(), whole.tolist(), strict=True):
            new = row[len(given) :]
            end = new.index(self.stop) + 1 if self.stop in new else len(new)
            kept = tuple(token for token, flag in zip(given, mask, strict=True) if flag)
            self.sampled.append((kept, tuple(new[:end])))
        return whole


def make(heard: Sequence[str], texts: Sequence[str], template: str) -> Tiny:
    """Return a tokenizer that has seen ``heard`` and has ``texts`` as tokens, and a maker of models."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner.train_from_iterator(
        heard, trainers.BpeTrainer(vocab_size=600, initial_alphabet=letters, show_progress=False)
    )
    # Texts as tokens that no merge leads to: the model can say them, and no text is encoded to them.
    data = json.loads(inner.to_str())
    spelled = {text: "".join(piece for piece, _ in _spelling(text)) for text in texts}
    for spelling in dict.fromkeys(spelled.values()):
        data["model"]["vocab"].setdefault(spelling, len(data["model"]["vocab"]))
    inner = Tokenizer.from_str(json.dumps(data))
    inner.add_tokens([AddedToken(mark, normalized=False) for mark in MARKS])
    tokenizer = FastTokenizer(
        tokenizer_object=inner, pad_token="<|pad|>", eos_token="<|im_end|>", padding_side="left"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": [CONTROLS[1]]})
    tokenizer.chat_template = template
    tokenizer.response_template = ANSWERS
    whole = {text: data["model"]["vocab"][spelling] for text, spelling in spelled.items()}
    return Tiny(tokenizer, lambda script: _model(tokenizer, script), whole)


def _spelling(text: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    ).pre_tokenize_str(text)
    return found


def _model(tokenizer: Any, script: Sequence[Sequence[int]]) -> Scripted:
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model = Scripted(config)
    model.script = script
    model.header = tokenizer.encode("<|im_start|>assistant\n", add_special_tokens=False)
    model.stop = tokenizer.eos_token_id
    return model
