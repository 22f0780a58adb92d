"""Laws of a domain's worlds, tools and rules."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from simenv.core import catalog
from simenv.core.canonical import StrictJsonError, canonical, parse_strict
from simenv.core.domain import Domain
from simenv.core.errors import ToolError
from simenv.core.image import WorldImage
from simenv.core.rules import read_now, read_values
from simenv.core.task import Task
from simenv.core.tools import Tool
from simenv.core.world import State, World
from simenv.episodes.actions import parse
from simenv.episodes.episode import Episode
from simenv.testing.sample import SIZE, Broken, Sample
from simenv.testing.strategies import actions, arguments, words_of

EXAMPLES = 100
"""How many calls a law tries; ``settings`` of the caller do not move it."""

_CHILD = """
import sys
sys.path[:0] = {path!r}
from simenv.core.catalog import Entry, register
register({name!r}, {entry!r})
from simenv.testing.sample import Sample
print(Sample.draw({name!r}, worlds={shape[0]}, tasks_per_intent={shape[1]}).fingerprint())
"""


def every_tool_has_a_manual(sample: Sample) -> Iterator[Broken]:
    """Every tool says what it does, and what each of its arguments is."""
    for tool in _all_tools(sample.domain):
        function = tool.schema["function"]
        if not function["description"]:
            yield Broken((tool.name,), "it has no description")
        for name, kind in function["parameters"]["properties"].items():
            if not kind.get("description"):
                yield Broken((tool.name, name), "the Args section of the docstring does not describe it")


def _all_tools(domain: Domain) -> tuple[Tool, ...]:
    """Every tool that a task of the domain may offer: its own, and those that look like them."""
    return (*domain.tools, *domain.lookalikes)


def rows_are_strict(sample: Sample) -> Iterator[Broken]:
    """Tables are STRICT, columns TEXT or INTEGER, and no part of a key is NULL."""
    for table in sample.domain.tables:
        odd = sorted(kind for kind in table.columns.values() if kind.rstrip("?") not in ("TEXT", "INTEGER"))
        if odd or any(table.columns[column].endswith("?") for column in table.key):
            yield Broken((table.name,), f"columns {table.columns} with key {table.key}")
    for image in sample.images:
        world = image.open()
        found: list[Any] = world.rows("SELECT name, strict FROM pragma_table_list ORDER BY schema, name")
        strict = dict(found)
        for table in sample.domain.tables:
            columns = world.rows("SELECT name, type FROM pragma_table_info(?) ORDER BY cid", table.name)
            told = [(name, kind.rstrip("?")) for name, kind in table.columns.items()]
            if strict.get(table.name) != 1 or columns != told:
                yield Broken(
                    (*image.address, table.name), f"strict {strict.get(table.name)}, columns {columns}"
                )
        world.close()


def rules_stand_in_the_text(sample: Sample) -> Iterator[Broken]:
    """Every rule's id stands in the policy, and every value of a world moves the policy and its table."""
    others = [_numbers(image)[0] for image in sample.images]
    for image in sample.images[:1]:
        values, now = _numbers(image)
        policy = sample.domain.policy(values, now)
        yield from (
            Broken(image.address, f"rule {rule.id!r} does not stand in the policy")
            for rule in sample.domain.rules
            if rule.id not in policy
        )
        for name, value in values.items():
            drawn = [each[name] for each in others] + [value + 1, value - 1]
            for face in (sample.domain.policy, sample.domain.compact):
                if all(face(values | {name: other}, now) == face(values, now) for other in drawn):
                    yield Broken(
                        image.address, f"value {name!r} could be {drawn} and the text stays the same"
                    )


def _numbers(image: WorldImage) -> tuple[dict[str, int], str]:
    with closing(image.open()) as world:
        return read_values(world), read_now(world)


def the_address_fixes_the_world(sample: Sample) -> Iterator[Broken]:
    """Built twice a world has one digest, and worlds of different addresses differ."""
    seen: dict[str, object] = {}
    for image in sample.images:
        again = sample.generator.build(image.address, SIZE)
        if again.digest != image.digest:
            yield Broken(image.address, f"built twice it is {image.digest} and {again.digest}")
        if image.digest in seen:
            yield Broken(image.address, f"it is the world of {seen[image.digest]}")
        seen[image.digest] = image.address
    for trial in sample.trials:
        intent = trial.task.intent
        again_task = sample.generator.propose(trial.image, intent, trial.address, SIZE)
        if again_task is None or again_task.id != trial.task.id:
            yield Broken(trial.address, "drawn twice it is two tasks")


def another_process_agrees(sample: Sample) -> Iterator[Broken]:
    """Worlds, tasks and episodes are the same under another hash seed, time zone and locale."""
    name = sample.domain.name
    child = _CHILD.format(path=sys.path, name=name, entry=catalog.entry(name), shape=sample.shape)
    moved = {"PYTHONHASHSEED": "20301", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", child],
        env={**os.environ, **moved},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout.strip() != sample.fingerprint():
        yield Broken((name, "law"), f"another process comes to {done.stdout.strip() or done.stderr[-500:]!r}")


def every_intent_gives_tasks(sample: Sample) -> Iterator[Broken]:
    """Every intent gives as many tasks as were asked for."""
    for intent in sample.generator.intents:
        count = sum(trial.task.intent == intent for trial in sample.trials)
        if count < sample.shape[1]:
            yield Broken(
                (sample.domain.name, "law", 0, intent), f"{count} of {sample.shape[1]} tasks are found"
            )


def queries_are_ordered(sample: Sample) -> Iterator[Broken]:
    """Every tool gives the same rows in the same order when SQLite walks its tables backwards."""
    known = {tool.name: tool for tool in _all_tools(sample.domain)}
    for image in sample.images:
        with closing(image.open()) as plain, closing(image.open()) as backwards:
            backwards.rows("PRAGMA reverse_unordered_selects = ON")
            for trial in (trial for trial in sample.trials if trial.image is image):
                plain.play(trial.start)
                backwards.play(trial.start)
                for call in (call for action in trial.actions for call in parse(action).calls):
                    tool = known[call.name]
                    if _differ(plain, backwards, tool, call.arguments):
                        yield Broken(trial.address, f"{tool.name} depends on it for {call.arguments}")
            for tool in known.values() if image is sample.images[0] else ():
                differ = partial(_differ, plain, backwards, tool)
                if found := _example(_given(image, tool), differ):
                    yield Broken(image.address, f"{tool.name} depends on it for {found[0]}")


def _differ(plain: World, backwards: World, tool: Tool, given: Any) -> bool:
    return _result(plain, tool, given) != _result(backwards, tool, given)


def _given(image: WorldImage, tool: Tool) -> st.SearchStrategy[Any]:
    """Arguments as they reach a tool: read from JSON, without those that no action can carry."""
    return arguments(tool, words=words_of(image)).map(canonical).filter(_arrives).map(parse_strict)


def _arrives(text: str) -> bool:
    with suppress(StrictJsonError):
        parse_strict(text)
        return True
    return False


def reads_change_nothing(sample: Sample) -> Iterator[Broken]:
    """A read tool writes no row, whether it succeeds or not."""
    for image in sample.images[:1]:
        with closing(image.open()) as world:
            for tool in _all_tools(sample.domain):
                if tool.effect == "read" and (
                    found := _example(_given(image, tool), partial(_writes, world, tool))
                ):
                    yield Broken(image.address, f"{tool.name} wrote rows for {found[0]}")


def _writes(world: World, tool: Tool, given: Any) -> bool:
    world.play(State())
    with suppress(ToolError):
        tool.call(world, given)
    return world.fold() > 0


def refused_calls_leave_no_trace(sample: Sample) -> Iterator[Broken]:
    """After a call that was refused, hash, journal, difference and rows are what they were."""
    for trial in sample.trials[:1]:
        words, offered = words_of(trial.image), trial.offering(sample.domain.lookalikes)
        for tool in _all_tools(sample.domain):
            calls = st.fixed_dictionaries(
                {"name": st.just(tool.name), "arguments": arguments(tool, words=words)}
            )
            if found := _example(calls.map(canonical), partial(_leaves_a_trace, offered)):
                yield Broken(trial.address, f"rows are left behind by {found[0]}")


def _leaves_a_trace(task: Task, action: str) -> bool:
    episode = Episode(task)
    step = episode.act(action)
    clean = not episode.journal() and not episode.trajectory().net and _untouched(episode)
    return bool(step.error) and not clean


def _untouched(episode: Episode) -> bool:
    """Whether every row is still as the task sets it up."""
    world, fresh = episode.world(), Episode(episode.task).snapshot().progress.state
    state = episode.snapshot().progress.state
    return world.fold() == 0 and (state.row_hash, state.net) == (fresh.row_hash, fresh.net)


def hostile_actions_are_answered(sample: Sample) -> Iterator[Broken]:
    """No string raises; a malformed one changes no row, is unheard by the customer, and costs one step."""
    for trial in sample.trials[:1]:
        listed = actions(sample.domain, words=words_of(trial.image))
        if found := _example(listed, partial(_harms, trial.task)):
            yield Broken(trial.address, f"the action {found[0][:200]!r}")


def _harms(task: Task, action: str) -> bool:
    episode = Episode(task)
    talk, chain = episode.talk, episode.digest
    step = episode.act(action)
    malformed = step.error in ("bad_json", "bad_text", "bad_call")
    moved = episode.talk != talk or not _untouched(episode)
    return step.digest == chain or len(episode.trajectory().steps) != 1 or (malformed and moved)


def _example(strategy: st.SearchStrategy[Any], broken: Callable[[Any], bool]) -> tuple[Any] | None:
    """Return the smallest value for which ``broken`` is true, or None if none of ``EXAMPLES`` is."""
    tried = settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        return (find(strategy, broken, settings=tried),)
    except NoSuchExample:
        return None


def _result(world: World, tool: Tool, given: Any) -> str:
    world.begin()
    try:
        result = tool.call(world, given)
    except ToolError as error:
        world.undo()
        return f"{error.code}: {error}"
    world.commit()
    return canonical(result)
