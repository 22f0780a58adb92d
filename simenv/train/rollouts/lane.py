"""One lane of a sampler: rollouts that have said the same so far, and what the model has read of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from simenv.train.chat.tokens import Segment
from simenv.train.chat.transcript import Transcript


@dataclass(slots=True)
class Lane:
    """Rollouts that have said the same so far.

    Attributes:
        slot: Its place in the cache and among the worlds.
        members: Which rollouts.
        transcript: What was read and said.
        pending: Ids that the model has not read yet.
        read: How many ids of the present sequence it has read.
        turn: The turn that is being said.
        logps: The log-probability of each of its ids.
        actions: What was done in the world.
        turns: How many turns were taken, those about memory among them.
        calls: Tool calls in the world.
        refused: How many were refused.
    """

    slot: int
    members: list[int]
    transcript: Transcript
    pending: list[int]
    read: int = 0
    turn: list[int] = field(default_factory=list)
    logps: list[float] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    turns: int = 0
    calls: int = 0
    refused: int = 0

    def fork(self, slot: int, members: list[int]) -> "Lane":
        """Return a lane of some of the members that goes on from here in another place."""
        return Lane(
            slot, members, self.transcript.fork(), [], self.read, list(self.turn), list(self.logps),
            list(self.actions), self.turns, self.calls, self.refused,
        )  # fmt: skip

    def say(self, token: int, logp: float) -> None:
        """Go on with the turn."""
        self.turn.append(token)
        self.logps.append(logp)
        self.pending = [token]

    def end_turn(self) -> Segment:
        """Write the turn down and return it."""
        said = Segment("assistant", tuple(self.turn), sampled=True, logps=tuple(self.logps))
        self.transcript.say(said)
        self.turn, self.logps = [], []
        return said

    def hear(self, ids: Sequence[int]) -> bool:
        """Have ids read next; return whether the lane is read into from its beginning again."""
        if self.transcript.restarted:
            self.read, self.pending = 0, list(ids)
            return True
        # The token that ended the turn was drawn and not read yet.
        self.pending = [*self.pending, *ids]
        return False


__all__ = ["Lane"]
