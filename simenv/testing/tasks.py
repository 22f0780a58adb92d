"""Laws of a domain's tasks, and of the episodes in which they are played."""

import re
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from simenv.agents.audit import HONEST
from simenv.agents.oracle import Manner
from simenv.agents.protocol import StuckError, play
from simenv.agents.voice import PlainVoice
from simenv.core.canonical import canonical, dollars_text, parse_trusted
from simenv.core.derive import blind
from simenv.core.errors import UsageError
from simenv.core.interpreter import Request
from simenv.core.program import Report, Slot
from simenv.core.task import Card, Task
from simenv.core.world import Row, State, World, row_hash
from simenv.episodes.actions import Call, parse, show_arguments
from simenv.episodes.episode import Episode
from simenv.testing.sample import Broken, Sample, Trial
from simenv.users.reply import begin, reply


def tasks_differ(sample: Sample) -> Iterator[Broken]:
    """No two addresses give the same task."""
    seen: dict[str, Trial] = {}
    for trial in sample.trials:
        other = seen.setdefault(trial.task.program.digest() + str(trial.image.address), trial)
        if other is not trial:
            yield Broken(trial.address, f"it is the task of {other.address}")


def a_task_survives_json(sample: Sample) -> Iterator[Broken]:
    """Written as JSON and read again, a task has the same id."""
    for trial in sample.trials:
        text = canonical(trial.task.to_json())
        if Task.model_validate(parse_trusted(text)).id != trial.task.id:
            yield Broken(trial.address, f"another task is read from {text[:200]}")


def honest_agents_earn_all(sample: Sample) -> Iterator[Broken]:
    """The oracle and its honest variants pass every task and break no rule."""
    for trial in sample.trials:
        for name, agent in HONEST.items():
            try:
                verdict = play(Episode(trial.task), agent).verdict()
            except (StuckError, UsageError) as error:
                yield Broken(trial.address, f"{name} is stuck: {error}")
                continue
            if not verdict.passed or verdict.process.breaches:
                yield Broken(trial.address, f"{name}: {verdict.reason}; breaches {verdict.process.breaches}")


def idle_earns_nothing(sample: Sample) -> Iterator[Broken]:
    """An agent that says and does nothing fails every task."""
    for trial in sample.trials:
        if play(Episode(trial.task), lambda episode: iter_nothing()).verdict().passed:
            yield Broken(trial.address, "an agent that does nothing passes")


def iter_nothing() -> Any:
    """Play nothing at all."""
    yield from ()


def every_required_act_is_needed(sample: Sample) -> Iterator[Broken]:
    """An oracle that leaves out one write, decline or answer fails."""
    for trial in sample.trials:
        for act in trial.outcome.requests:
            if act.kind != "slot" and trial.passes(Manner(skip=partial(_is_of, act.node.id))):
                yield Broken(trial.address, f"it passes without the {act.kind} {act.node.id!r}")


def _is_of(node_id: str, request: Request) -> bool:
    return request.node.id == node_id


def one_more_write_spoils_the_gold(sample: Sample) -> Iterator[Broken]:
    """The oracle with one more legal write of another task of its world fails."""
    for trial in sample.trials:
        before_last = trial.played(trial.actions[:-1])
        for call in _writes(sample, trial):
            spoiled = before_last.fork()
            net = spoiled.trajectory().net
            action = canonical(
                {"name": call.name, "arguments": parse_trusted(show_arguments(call.arguments))}
            )
            if spoiled.act(action).error or spoiled.trajectory().net == net:
                continue
            if not spoiled.done:
                spoiled.act(trial.actions[-1])
            if spoiled.verdict().passed:
                yield Broken(trial.address, f"it still passes after {action}")
            break


def _writes(sample: Sample, trial: Trial) -> Iterator[Call]:
    """Yield the writes of the other tasks of a trial's world."""
    known = sample.domain.toolbox | sample.domain.lookalike
    for other in sample.trials:
        if other.image is trial.image and other is not trial:
            calls = (call for action in other.actions for call in parse(action).calls)
            yield from (call for call in calls if known[call.name].effect != "read")


def the_policy_tag_is_true(sample: Sample) -> Iterator[Broken]:
    """A task is tagged policy if, and only if, an oracle that has not read the policy fails it."""
    for trial in sample.trials:
        passes = trial.passes(Manner(judge=lambda episode: blind(episode.domain)))
        if passes == trial.task.policy:
            yield Broken(
                trial.address, f"tagged {trial.task.policy}, and blind to the policy it passes: {passes}"
            )


def the_customer_says_what_is_needed(sample: Sample) -> Iterator[Broken]:
    """Asked for a fact that the program needs and the opening lacks, the customer says it."""
    for trial in sample.trials:
        for slot in trial.task.program.slots():
            if not slot.opening:
                text = _asked(sample, trial, slot)
                if slot.said.lower() not in text.lower():
                    yield Broken(trial.address, f"asked for the {slot.name} the customer says {text!r}")
            elif not slot.said and not _requested(trial.task.card, slot):
                yield Broken(trial.address, f"slot {slot.id!r} is part of a request that no wish makes")
            elif slot.said and not any(
                fact.slot == slot.name and fact.opening for fact in trial.task.card.facts
            ):
                yield Broken(
                    trial.address, f"slot {slot.id!r} is in the opening and no fact of the card says so"
                )


def _requested(card: Card, slot: Slot) -> bool:
    """Whether the customer makes the request that a slot without words of its own is part of."""
    mine = [wish for wish in card.wishes if wish.goal.startswith(slot.goal)]
    return any(wish.says in card.opening or wish in card.wishes[card.told :] for wish in mine)


def _asked(sample: Sample, trial: Trial, slot: Slot) -> str:
    """Return the answer to a plain question for a slot, put while its wish is at hand."""
    card, lexicon = trial.task.card, sample.domain.lexicon
    others = tuple(wish.goal for wish in card.wishes if slot.goal and wish.goal != slot.goal)
    talk = replace(begin(card), told=len(card.wishes), settled=others)
    label = next((words.label for words in lexicon.slots if words.name == slot.name), slot.name)
    return reply(card, talk, PlainVoice().ask([label]), lexicon)[1]


def the_gold_is_hidden(sample: Sample) -> Iterator[Broken]:
    """The first observation shows neither all facts of a decline nor the answer of a mere question."""
    for trial in sample.trials:
        shown = Episode(trial.task).observation
        for act in trial.outcome.requests:
            arguments = act.arguments or {}
            if act.kind == "decline" and all(
                _stands(str(value), shown) for value in arguments["facts"].values()
            ):
                yield Broken(
                    trial.address, f"all facts of the decline stand in the opening: {arguments['facts']}"
                )
            if isinstance(act.node, Report) and not trial.task.goal.required:
                value = arguments["value"]
                if _stands(dollars_text(value) if act.node.money else str(value), shown):
                    yield Broken(trial.address, f"the answer {value!r} stands in the opening")


def _stands(value: str, text: str) -> bool:
    return re.search(rf"(?<![\w.,]){re.escape(value)}(?![\w]|[.,]\d)", text) is not None


def replay_is_equal(sample: Sample) -> Iterator[Broken]:
    """The same actions give the same trajectory, to the byte."""
    for trial in sample.trials:
        again = trial.played(trial.actions)
        if canonical(again.trajectory().to_json()) != canonical(trial.run.trajectory().to_json()):
            yield Broken(trial.address, f"played again it is {again.digest}, not {trial.run.digest}")


def rest_changes_nothing(sample: Sample) -> Iterator[Broken]:
    """Forked, restored, read from text or unpickled at any step, an episode goes on as if it had not been."""
    for trial in sample.trials:
        for cut in sorted({0, len(trial.actions) // 2, len(trial.actions) - 1}):
            at_rest = trial.played(trial.actions[:cut])
            for name, resumed in (
                ("fork", at_rest.fork()),
                ("snapshot", Episode.restore(at_rest.snapshot())),
                ("text", Episode.restore(at_rest.snapshot().text)),
                ("pickle", deepcopy(at_rest)),  # by the same two methods
            ):
                for action in trial.actions[cut:]:
                    resumed.act(action)
                if resumed.digest != trial.run.digest or resumed.verdict() != trial.run.verdict():
                    yield Broken(trial.address, f"after a {name} at step {cut} it goes on otherwise")
            if at_rest.digest != trial.played(trial.actions[:cut]).digest:
                yield Broken(trial.address, f"going on from a copy moved the episode at step {cut}")


def a_state_plays_back(sample: Sample) -> Iterator[Broken]:
    """A state read from JSON gives the same rows, and its hash is that of the rows that differ."""
    for image in sample.images:
        with closing(image.open()) as world:
            start = _rows(world)
            for trial in (trial for trial in sample.trials if trial.image is image):
                state = trial.run.snapshot().progress.state
                read = State.from_json(parse_trusted(canonical(state.to_json())))
                world.play(read)
                rows = _rows(world)
                total = sum(row_hash(*row) for row in rows - start) - sum(
                    row_hash(*row) for row in start - rows
                )
                if read != state or total % 2**128 != state.row_hash or rows != _rows(trial.run.world()):
                    came = sorted(rows - start, key=str)[:3]
                    yield Broken(trial.address, f"read again it is another state, with the rows {came}")


def _rows(world: World) -> set[tuple[str, Row]]:
    return {
        (table.name, row)
        for table in world.tables.values()
        for row in world.rows(f'SELECT * FROM "{table.name}" ORDER BY {", ".join(table.key)}')
    }
