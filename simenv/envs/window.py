"""A window of tokens on a Gymnasium environment of simenv."""

from collections.abc import Sequence
from typing import Any

import gymnasium
from typing_extensions import override

from simenv.core.errors import UsageError
from simenv.envs.service import Info, fresh
from simenv.episodes.chat import Message
from simenv.episodes.context import Context, Count, Memory


class ContextWindow(gymnasium.Wrapper[str, str, str, str]):
    """The environment with a memory; see ``simenv.episodes.context.Context``.

    Actions that call ``recall`` or ``note`` are answered here: reward 0.0, no step of the environment, the
    same digest. Observations are what is new, as without the wrapper.

    Truncated also when not even the last turn fits the budget; ``info["full"]`` is then True.

    Info, beside what the environment gives:
        view: All that the agent is to be shown now, as chat messages.
        epoch: How often the view was rewritten; while it stays the same, messages are only appended.
        tools: At reset; the memory's tools stand at the end.

    Args:
        env: An environment of simenv, such as ``gymnasium.make("simenv/airline-v0")``.
        budget_tokens: What the view may take, at most: the window less the longest answer.
        count: How many tokens a message takes in a prompt.
        memory: What the agent may do to remember.
    """

    def __init__(
        self, env: gymnasium.Env[str, str], budget_tokens: int, count: Count, *, memory: Memory | None = None
    ) -> None:
        super().__init__(env)
        self._settings = (budget_tokens, count, memory)
        self._context: Context | None = None
        self._digest = ""
        self._over = False

    @override
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Open an episode and a window on it."""
        observation, info = self.env.reset(seed=seed, options=options)
        budget_tokens, count, memory = self._settings
        context = self._context = Context(fresh(info["chat"]), budget_tokens, count, memory=memory)
        self._over = False
        return observation, {**self._seen(context, info), "tools": [*info["tools"], *context.tools]}

    @override
    def step(self, action: str) -> tuple[str, float, bool, bool, Info]:
        """Carry out one action, in the memory or in the environment."""
        context = self._context
        if context is None:
            raise UsageError("no episode is open; call reset() first")
        if self._over:
            raise UsageError("the episode is over; call reset()")
        if not isinstance(action, str):
            raise UsageError(f"an action is a string, got {type(action).__name__}")
        chat = context.answer(action)
        if chat is not None:
            self._over = context.full
            return _words(chat[1:]), 0.0, False, context.full, self._seen(context, {"chat": fresh(chat)})
        observation, reward, terminated, truncated, info = self.env.step(action)
        context.hear(fresh(info["chat"]))
        truncated = truncated or (context.full and not terminated)
        self._over = terminated or truncated
        return observation, float(reward), terminated, truncated, self._seen(context, info)

    def _seen(self, context: Context, info: Info) -> Info:
        self._digest = info.get("digest", self._digest)
        full = {"full": True} if context.full else {}
        return {**info, "digest": self._digest, "view": fresh(context.view), "epoch": context.epoch, **full}


def _words(heard: Sequence[Message]) -> str:
    return "\n".join(message["content"] for message in heard)
