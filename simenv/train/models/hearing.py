"""What a small decoder is told with every token: who speaks, and what the customer has said so far.

A decoder that learns from some hundred episodes copies well and chooses badly: what was asked for stands in a
few words far back, and the tokens that depend on them are one in fifty. So the words of the customer are also
added up, in vectors of their own that no other gradient pulls at, and the sum stands beside every token that
the agent says to the customer and beside the one before its calls, where it is chosen what to do.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

CONTROLS = 8
"""How many of the lowest token ids are control tokens; see ``simenv.train.chat.family_plain``."""
USER, ASSISTANT = 3, 4
"""The control tokens before what the customer says, and before what the agent says or calls."""
WORD = 32
"""Width of the vector of a word."""


class Hearing(nn.Module):
    """Who speaks, and the words of the customer so far.

    Args:
        vocab: Number of token ids.
        width: Of what comes out.
    """

    def __init__(self, vocab: int, width: int) -> None:
        super().__init__()
        self.roles = nn.Embedding(CONTROLS, width)
        self.words = nn.Embedding(vocab, WORD)
        self.sense = nn.Parameter(torch.zeros(width, WORD))

    def nothing(self, rows: int) -> Tensor:
        """Return what was heard before the first token, [rows, heard]."""
        return torch.zeros(rows, WORD + 2, device=self.sense.device)

    def listen(self, ids: Tensor, before: Tensor) -> Tensor:
        """Return what was heard up to each of ids [n, tokens]: the sum of words, their number, who speaks.

        Args:
            ids: What comes next.
            before: What was heard before it, [n, heard].
        """
        columns = torch.arange(ids.shape[1], device=ids.device)
        at = torch.where(ids < CONTROLS, columns, -1).cummax(1).values
        speaker = torch.where(at < 0, before[:, -1:].long(), ids.gather(1, at.clamp(min=0)))
        is_word = (speaker == USER)[..., None]
        words = F.embedding(ids, self.words.weight.float()) * is_word
        heard = torch.cat((words, is_word), -1).cumsum(1) + before[:, None, :-1]
        return torch.cat((heard, speaker[..., None]), -1)

    @override
    def forward(self, heard: Tensor) -> Tensor:
        """Return what is added to tokens [n, tokens, width] of which that was heard."""
        speaker = heard[..., -1].long()
        bag = heard[..., :WORD] * heard[..., WORD:-1].clamp(min=1).rsqrt()
        sense = bag.to(self.sense.dtype) @ self.sense.T
        out: Tensor = self.roles(speaker) + sense * (speaker == ASSISTANT)[..., None]
        return out
