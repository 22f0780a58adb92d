"""Commands about runs: run, replay, diff, digest."""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import simenv
from simenv.agents.adaptive import STOP_SE, Measured, run_adaptive
from simenv.agents.concurrent import run_concurrently
from simenv.agents.oracle import oracle
from simenv.agents.protocol import Agent
from simenv.agents.remote import NAME
from simenv.agents.runs import Outcome, Plan, attempt, run
from simenv.cli import models
from simenv.cli.choose import ENV_HELP, Choice, add_split, add_uncertified, choose, domain_of, pack_in
from simenv.cli.difficulty import items_of
from simenv.cli.words import Commands, bar, command, count, emit, say
from simenv.core import catalog
from simenv.core.canonical import canonical, digest
from simenv.core.errors import LogError, UsageError
from simenv.core.log import read_header
from simenv.core.pack import Pack, bundled
from simenv.core.task import Task
from simenv.episodes.faces import FACES
from simenv.episodes.replay import Difference, Recorded, first_difference, read_episodes, replayed, shown
from simenv.scoring.report import score_table


def run_agent(args: argparse.Namespace) -> int:
    """Let an agent play tasks into a log; the same command resumes.

    A log that was begun with the same options is continued: what is committed stays, and the
    finished log is the same to the byte as that of a run without interruption.

    With --adaptive, the next task is the one that tells most about the agent, and the run stops when its
    ability is known to a standard error of 0.3. Difficulties are the certificates', or refitted ones
    (see `simenv tasks FILE --calibrate`).

    With --agent openai, any model behind an OpenAI-compatible server plays, several episodes at once. What
    fails is tried again; a run that broke off is continued by the same command. With --cassette FILE every
    reply is kept, and the run can be played again with --offline.

    With --agent hf, a transformers checkpoint on this machine, or what `simenv train` has made, plays in this
    process. Nothing is downloaded.

    Example:
      simenv run airline --agent oracle --tasks 20 --trials 1 --out oracle.jsonl
      simenv run airline --agent noisy:5 --tasks tasks.jsonl --adaptive --out noisy.jsonl
      simenv run airline --agent openai --base-url http://127.0.0.1:8000/v1 --model M --tasks 9 --out m.jsonl
      simenv run airline --agent hf --model checkpoints/qwen --tasks 9 --temperature 0 --out qwen.jsonl
    """
    chosen = choose(args.env, tasks=args.tasks, split=args.split, uncertified=args.uncertified)
    plan = Plan(
        agent=args.agent,
        tasks=chosen.tasks,
        trials=args.trials,
        face=args.face,
        split=chosen.split,
        pack=chosen.pack,
        simenv=simenv.__version__,
        twins=chosen.twins,
    )
    if args.calibration and not args.adaptive:
        raise UsageError("--calibration says which task an adaptive run asks next; add --adaptive")
    try:
        found = _PLAYS[models.kind_of(args)](args, plan, chosen)
    except KeyboardInterrupt as stop:
        stop.add_note("Every episode that was finished is in the log; the same command goes on from there.")
        raise
    emit(
        {"run": str(args.out)}
        | found.to_json()
        | {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version}
    )
    outcome = found.outcome if isinstance(found, Measured) else found
    if outcome.resumed:
        say(f"{outcome.resumed} of {outcome.episodes} episodes were there already.")
    if outcome.stuck:
        say(f"The agent gave up in {outcome.stuck} episodes; their records say why.")
    say(score_table([outcome.row]).rstrip())
    if isinstance(found, Measured):
        _tell_ability(found)
    return 0


def _play(args: argparse.Namespace, plan: Plan, chosen: Choice) -> Outcome | Measured:
    player = models.local(args.agent, plan.domain, chosen.tasks)
    if args.adaptive:
        return _ask_adaptively(args, plan, player, chosen)
    with bar(plan.episodes, "episodes") as progress:
        return run(plan, player, args.out, progress=progress.update)


def _play_remote(args: argparse.Namespace, plan: Plan, chosen: Choice) -> Outcome | Measured:
    model = models.model_of(args)
    plan = models.planned_for(plan, f"{NAME}:{model.name}", model.header())
    with models.opened(args, model) as remote:
        if args.adaptive:
            return _ask_adaptively(args, plan, remote.agent(), chosen)
        with bar(plan.episodes, "episodes") as progress:
            return run_concurrently(
                plan,
                remote.agent,
                args.out,
                workers=args.concurrency,
                stop=remote.stop,
                progress=progress.update,
            )


def _play_in_process(args: argparse.Namespace, plan: Plan, chosen: Choice) -> Outcome | Measured:
    model = models.in_process(args)
    plan = models.planned_for(plan, f"{models.HF}:{model.name}", model.header())
    if args.adaptive:
        return _ask_adaptively(args, plan, model, chosen)
    with bar(plan.episodes, "episodes") as progress:
        return run_concurrently(
            plan, model.agent, args.out, workers=1, stop=model.stop, progress=progress.update
        )


_PLAYS = {"": _play, NAME: _play_remote, models.HF: _play_in_process}


def _ask_adaptively(args: argparse.Namespace, plan: Plan, player: Agent, chosen: Choice) -> Measured:
    items = items_of(chosen, args.calibration)
    with bar(plan.episodes, "tasks at most") as progress:
        return run_adaptive(plan, player, items, args.out, progress=progress.update)


def _tell_ability(found: Measured) -> None:
    ability, played = found.ability, len(found.tasks)
    say(
        f"Ability {ability.theta:+.2f}, standard error {ability.se:.2f}, from {played} of {found.size} tasks."
    )
    say(f"On the whole set it would pass {ability.accuracy:.1%}, as far as one can tell.")
    if ability.se >= STOP_SE:
        say(f"After all tasks the error is still not below {STOP_SE}; a larger set tells more.")
    first = zip(found.tasks[:3], ability.responses, strict=False)
    told = ", ".join(f"{name} ({'passed' if right else 'failed'})" for name, right in first)
    say(f"First asked: {told}.")


def replay_run(args: argparse.Namespace) -> int:
    """Play a run log again and compare every step.

    Every digest, event, state and verdict must come out as it was recorded; at the first that does
    not, it stops with exit code 1.

    Example:
      simenv replay oracle.jsonl
    """
    pack = pack_of(args.log, args.pack)
    ids = planned(args.log, pack)
    free = "adaptive" in read_header(args.log)
    episodes = steps = 0
    with bar(_episodes(args.log), "episodes") as progress:
        for recorded in read_episodes(args.log):
            _check_place(args.log, recorded, [recorded.task] if free else ids, 0 if free else episodes)
            steps += len(replayed(args.log, pack, recorded).trajectory().steps)
            episodes += 1
            progress.update(1)
    emit({"log": args.log, "episodes": episodes, "steps": steps, "equal": True})
    missing = _episodes(args.log) - episodes
    say(f"All {episodes} episodes came out again, step by step ({steps} steps).")
    if free:
        say(f"The run was adaptive: it asked {episodes} of {len(ids)} tasks.")
    elif missing:
        say(f"The run is not finished: {missing} episodes are not in the log yet.")
    return 0


def planned(log: str, pack: Pack, *, way_out: str = "Name its pack with --pack") -> list[str]:
    """Return the ids of the tasks that the run's header stands for.

    Args:
        log: The run.
        pack: The tasks that it should be of.
        way_out: What to do if it is of others.

    Raises:
        LogError: If the header says what no run writes, or means other tasks than the pack's.
    """
    header = read_header(log)
    tasks, trials = header.get("tasks"), header.get("trials")
    counts = isinstance(tasks, int) and isinstance(trials, int) and 1 <= tasks <= len(pack) and trials >= 1
    if not counts or header.get("face") not in [face.name for face in FACES]:
        raise LogError(log, 1, "the header is not one that simenv writes", "Record the run again")
    ids = pack.ids()[:tasks]
    if header.get("tasks_digest") != digest(canonical(ids)):
        problem = f"the run is of other tasks than those of {pack.place}"
        raise LogError(log, 1, problem, way_out)
    return ids


def _check_place(log: str, recorded: Recorded, ids: list[str], number: int) -> None:
    """Hold a record against the plan: all tasks once, in order, then all again."""
    trial, at = divmod(number, len(ids))
    if (recorded.task, recorded.trial) != (ids[at], trial):
        problem = (
            f"record {number} is task {recorded.task}, trial {recorded.trial}; {ids[at]}, {trial} was due"
        )
        raise LogError(log, recorded.line, problem, "Record the run again")


def _episodes(log: str) -> int:
    """Return how many episodes the finished log will hold."""
    header = read_header(log)
    tasks, trials = header.get("tasks"), header.get("trials")
    return tasks * trials if isinstance(tasks, int) and isinstance(trials, int) else 0


def pack_of(log: str, given: str | None) -> Pack:
    """Return the pack that a run was played on: the one given, else the one that its header names."""
    header = read_header(log)
    domain, version = header.get("domain"), header.get("env_version")
    if not isinstance(domain, str) or domain not in catalog.ENTRIES:
        raise LogError(log, 1, f"a run of domain {domain!r}, which is not here", "Give another path")
    if version != catalog.domain(domain).version:
        raise UsageError(
            f"{log} was recorded on simenv/{domain}-v{version}, and this is "
            f"simenv/{domain}-v{catalog.domain(domain).version}; replay it with the simenv that recorded it"
        )
    if given:
        return pack_in(given)
    split, pack = header.get("split"), header.get("pack")
    if isinstance(split, str) and split:
        return bundled(domain, split)
    if not isinstance(pack, str) or not pack:
        raise LogError(log, 1, "the header names no pack", "Name one with --pack")
    beside = Path(log).parent / Path(pack).name
    return pack_in(pack if Path(pack).exists() or not beside.exists() else str(beside))


def diff(args: argparse.Namespace) -> int:
    """Show the first step in which two run logs differ.

    Exit code 1 if there is one.

    Example:
      simenv diff yesterday.jsonl today.jsonl
    """
    same = 0
    for left, right in _pairs(read_episodes(args.left), read_episodes(args.right)):
        either = left or right
        if either is None:
            continue
        where = {"equal": False, "task": either.task, "trial": either.trial}
        if left is None or right is None:
            emit(where | {"only_in": args.right if left is None else args.left})
            say(f"{either.task}, trial {either.trial}: only in {args.right if left is None else args.left}.")
            return 1
        if found := first_difference(left.trajectory, right.trajectory):
            emit(where | {"step": found.step, "field": found.field, "left": found.left, "right": found.right})
            _explain(left, right, found)
            return 1
        same += 1
    emit({"equal": True, "episodes": same})
    say(f"All {same} episodes are equal, step by step.")
    return 0


def _pairs(
    left: Iterator[Recorded], right: Iterator[Recorded]
) -> Iterator[tuple[Recorded | None, Recorded | None]]:
    """Join two logs by task and trial; only what stands elsewhere in the other is kept in memory."""
    mine: dict[tuple[str, int], Recorded] = {}
    yours: dict[tuple[str, int], Recorded] = {}
    for one, other in zip_longest(left, right):
        if one:
            mine[one.key] = one
        if other:
            yours[other.key] = other
        for key in {each.key: each for each in (one, other) if each}:
            if key in mine and key in yours:
                yield mine.pop(key), yours.pop(key)
    yield from ((one, None) for one in mine.values())
    yield from ((None, other) for other in yours.values())


def _explain(left: Recorded, right: Recorded, found: Difference) -> None:
    """Say in words what the two did at the step and what differs."""
    moment = "at the reset" if found.step < 0 else f"at step {found.step}"
    say(f"{left.task}, trial {left.trial}: the first difference is {moment}, in {found.field}.")
    for name, recorded, value in (("left ", left, found.left), ("right", right, found.right)):
        steps = recorded.trajectory.steps
        if 0 <= found.step < len(steps) and not found.field.startswith("action"):
            step = steps[found.step]
            say(f"  {name} does {shown(step.get('action', step.get('action_escaped')))}")
        say(f"  {name} has {found.field} {shown(value)}")


def digests(args: argparse.Namespace) -> int:
    """Print digests of the oracle's episodes, to compare machines.

    Plays the first N tasks of a split.

    Example:
      simenv digest airline --count 3
    """
    chosen = choose(domain_of(args.env), tasks=str(args.count), split=args.split)
    lines = [_digest(task) for task in chosen.tasks]
    say(f"All {len(lines)} together: {digest(' '.join(lines))}")
    return 0


def _digest(task: Task) -> str:
    """Print the digest of one episode and return it; where the oracle gives up, that is told too."""
    record = attempt(task, oracle())
    chain = str(record["trajectory"]["steps"][-1]["chain"])
    stuck = {"stuck": record["stuck"]} if "stuck" in record else {}
    emit({"task": task.id, "digest": chain, "reward": float(record["verdict"]["passed"])} | stuck)
    return chain


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    each = command(commands, "run", run_agent)
    each.add_argument("env", metavar="ENV", help=ENV_HELP)
    each.add_argument(
        "--agent",
        required=True,
        metavar="NAME",
        help="oracle, idle, openai, hf, ...; a wrong name lists them",
    )
    each.add_argument("--tasks", required=True, metavar="N|FILE", help="the first N tasks, or all of a pack")
    each.add_argument(
        "--trials", type=count, default=1, metavar="K", help="attempts at each task (default: 1)"
    )
    each.add_argument("--out", required=True, metavar="RUN.jsonl", help="the log; made, or continued")
    each.add_argument(
        "--face",
        choices=[face.name for face in FACES],
        default=FACES[0].name,
        help="how things are shown to the agent (default: full)",
    )
    each.add_argument(
        "--adaptive", action="store_true", help="ask what tells most, and stop when the ability is known"
    )
    each.add_argument(
        "--calibration",
        metavar="FILE",
        help="refitted difficulties, for --adaptive (default: certified ones)",
    )
    add_split(each)
    add_uncertified(each)
    models.add_model(each)

    each = command(commands, "replay", replay_run)
    each.add_argument("log", metavar="RUN.jsonl", help="a log that `simenv run` wrote")
    each.add_argument("--pack", metavar="FILE", help="the pack it was played on, if it has moved")

    each = command(commands, "diff", diff)
    each.add_argument("left", metavar="A", help="a run log")
    each.add_argument("right", metavar="B", help="another")

    each = command(commands, "digest", digests)
    each.add_argument("env", metavar="ENV", help=ENV_HELP)
    each.add_argument("--count", type=count, default=10, metavar="N", help="how many tasks (default: 10)")
    add_split(each)
