"""Many episodes in lock-step in one process, as one Gymnasium vector environment."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from typing_extensions import override

from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.task import Task
from simenv.envs.service import Info, Source, find_task, fresh_tools, opening_info, read_options, step_info
from simenv.envs.spaces import action_space, observation_space
from simenv.episodes.episode import Episode

Seeds = int | Sequence[int | None] | None
Stepped = tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], Info]
_MODES = {mode.value: mode for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)}


class ServiceVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], NDArray[Any]]):
    """``num_envs`` episodes of ``ServiceEnv`` in lock-step, without an environment for each.

    It gives to the byte what a ``SyncVectorEnv`` of ``ServiceEnv`` gives. See ``ServiceEnv`` for
    what observations, actions, rewards and infos mean.

    Observation: a tuple of texts. Action: a list, tuple or array of texts, one for each episode.
    Rewards, terminations and truncations are arrays of shape ``(num_envs,)``.

    Infos: a column for each key, ``infos["chat"][i]``, with a mask ``infos["_chat"][i]``.

    Reset: ``seed=s`` plays task ``s + i`` in episode ``i``; a list gives each its own seed or None.
    ``options={"task": id}`` plays one task everywhere, ``{"task": [id, ...]}`` one for each.

    Autoreset: ``"NextStep"`` opens the next episode on the step after the end, whose action is
    ignored; ``"SameStep"`` opens it at once and leaves ``final_obs`` and ``final_info`` in the infos.
    The mode stands in ``metadata["autoreset_mode"]``. The next task is drawn from the seed of its place.

    Args:
        domain: Name of a domain.
        num_envs: How many episodes.
        split: ``"train"`` or ``"test"``.
        tasks: Path of a pack file to play instead of the bundled one, or ``"synth:..."``, see ``ServiceEnv``.
        uncertified: Whether tasks of a file may lack certificates.
        face: ``"full"`` or ``"compact"``.
        autoreset_mode: ``"NextStep"`` or ``"SameStep"``.
        render_mode: Only None.

    Raises:
        UsageError: As ``ServiceEnv``, and if there are not exactly ``num_envs`` seeds, tasks or
            actions. Actions are checked before any is carried out.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  Gymnasium declares it so
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        domain: str,
        *,
        num_envs: int = 1,
        split: str = "train",
        tasks: str | None = None,
        face: str = "full",
        uncertified: bool = False,
        autoreset_mode: str | AutoresetMode = "NextStep",
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None:
            raise UsageError(f"there is no render mode {render_mode!r}; the chat is in infos['chat']")
        if num_envs < 1:
            raise UsageError(f"num_envs is an integer >= 1, got {num_envs}")
        self.num_envs = num_envs
        self.source = Source(domain, split, tasks, face, uncertified)
        self._mode = _mode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self._mode}
        self.single_observation_space = observation_space()
        self.single_action_space = action_space(catalog.domain(domain))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._episodes: list[Episode] = []
        self._seeds: list[int | None] = [None] * num_envs
        self._chances: list[Any] = [None] * num_envs

    @property
    def episodes(self) -> Sequence[Episode]:
        """The native episodes in order: for judges and searchers, not for agents."""
        return tuple(self._episodes)

    @override
    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], Info]:
        """Open an episode in every place; see the class for what ``seed`` and ``options`` choose."""
        seeds = self._spread(seed)
        chosen = self._chosen(read_options(options))
        super().reset(seed=seed if isinstance(seed, int) else None)
        for place, own in enumerate(seeds):
            if own is not None:
                self._seeds[place], self._chances[place] = own, None
        self._episodes = [
            self.source.open(task or self._task(place, own))
            for place, (task, own) in enumerate(zip(chosen, seeds, strict=True))
        ]
        tools = fresh_tools(self.source.domain)
        infos = [opening_info(episode, tools) for episode in self._episodes]
        return tuple(episode.observation for episode in self._episodes), self._columns(infos)

    @override
    def step(self, actions: Sequence[str]) -> Stepped:
        """Carry out one action in every place; see the class."""
        texts = self._read(actions)
        rewards = np.zeros(self.num_envs)
        ended = np.zeros((2, self.num_envs), dtype=np.bool_)
        seen: list[str] = []
        infos: list[Info] = []
        for place, text in enumerate(texts):
            episode = self._episodes[place]
            if episode.done:
                observation, info = self._reopen(place)
            else:
                step = episode.act(text)
                observation, info = step.observation, step_info(episode, step)
                rewards[place] = step.reward
                ended[:, place] = step.terminated, step.truncated
                if episode.done and self._mode is AutoresetMode.SAME_STEP:
                    final = {"final_obs": observation, "final_info": info}
                    observation, info = self._reopen(place)
                    info |= final
            seen.append(observation)
            infos.append(info)
        return tuple(seen), rewards, ended[0], ended[1].copy(), self._columns(infos)

    def _reopen(self, place: int) -> tuple[str, Info]:
        episode = self._episodes[place] = self.source.open(self._task(place, None))
        return episode.observation, opening_info(episode, fresh_tools(self.source.domain))

    def _task(self, place: int, seed: int | None) -> Task:
        """Return the task of the seed, or without one the next that is drawn at ``place``."""
        if seed is not None:
            return self.source.pack.at(seed)
        chance = self._chances[place]
        if chance is None:
            # A generator costs more than a reset, so it is made when the first draw needs it.
            chance = self._chances[place] = seeding.np_random(self._seeds[place])[0]
        return self.source.pack.at(int(chance.bit_generator.random_raw()))

    def _spread(self, seed: Any) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            seed = range(seed, seed + self.num_envs)
        seeds = list(seed) if isinstance(seed, Iterable) else []
        if len(seeds) != self.num_envs or not all(own is None or _is_seed(own) for own in seeds):
            raise UsageError(f"seed is an integer >= 0 or a list of {self.num_envs} of them, got {seed!r}")
        return seeds

    def _chosen(self, asked: Any) -> list[Task | None]:
        if asked is None:
            return [None] * self.num_envs
        ids = asked if isinstance(asked, list | tuple) else [asked] * self.num_envs
        if len(ids) != self.num_envs:
            raise UsageError(f"options['task'] is one task id or a list of {self.num_envs}, got {len(ids)}")
        return [find_task(self.source.pack, task_id) for task_id in ids]

    def _read(self, actions: Any) -> list[str]:
        """Return the actions as a list of strings; none is carried out unless all are strings."""
        if not self._episodes:
            raise UsageError("no episode is open; call reset() first")
        if isinstance(actions, str) or len(actions) != self.num_envs:
            got = "one string" if isinstance(actions, str) else f"{len(actions)} actions"
            raise UsageError(f"step takes a list of {self.num_envs} strings, got {got}")
        texts = actions.tolist() if isinstance(actions, np.ndarray) else list(actions)
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise UsageError(f"an action is a string, got {type(text).__name__} at {place}")
        return texts

    def _columns(self, infos: Sequence[Info]) -> Info:
        columns: Info = {}
        for place, info in enumerate(infos):
            columns = self._add_info(columns, info, place)
        return columns


def _mode(name: str | AutoresetMode) -> AutoresetMode:
    value = name.value if isinstance(name, AutoresetMode) else name
    if value not in _MODES:
        raise UnknownNameError("autoreset mode", str(value), _MODES)
    return _MODES[value]


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and value >= 0
