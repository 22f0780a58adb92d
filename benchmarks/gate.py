"""Whether the gate against regressions sees a planted loss, and how often it cries for nothing.

    python -m benchmarks.gate [--repetitions 2000] [--loss 5] [--noise 5] > benchmarks/results/gate.json

Prints one JSON object. Every task of the bundled training pack is played once by the oracle and once by an
agent that falls silent. A repetition draws as many tasks as the exact formula asks for, and of each task
which of the two episodes each of two agents has: both fail ``noise`` percent on their own, and the second
one further tasks, ``loss`` points in all. What is drawn is played through logs once, to see that logs give
the same. At the numbers for a power of 80 % the share that is caught lies about 80 %, so read its interval;
beside it stands the number for 90 %. It asserts that the oracle passes and silence does not.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from simenv.agents.audit import idle
from simenv.agents.oracle import oracle
from simenv.agents.protocol import Agent, Play
from simenv.agents.runs import Plan, attempt, run
from simenv.core.draws import Draws
from simenv.core.pack import bundled
from simenv.core.task import Task
from simenv.episodes.episode import Episode
from simenv.episodes.replay import read_episodes
from simenv.scoring.compare import WHOLE_SHARE, capability_groups, compare
from simenv.scoring.gate import gate_power, tasks_for_gate
from simenv.scoring.paired import loss_p
from simenv.scoring.statistics import wilson

ALPHA, POWER, MARGIN = 0.05, 0.8, 0.9
SHARE = WHOLE_SHARE[0] / WHOLE_SHARE[1]
MASKED = "cancel"
"""The intent of which much is lost while all others gain."""
MASKED_LOSS = 40

Fails = Callable[[str, int], bool]
"""(task, repetition) to whether an agent fails."""


def fails(who: str, percent: float) -> Fails:
    """Return an agent's failures: of each task and repetition on its own, so often."""
    limit = round(percent * 10_000)
    return lambda task, number: Draws("gate", who, number, task).below(1_000_000) < limit


def either(one: Fails, other: Fails) -> Fails:
    """Return the failures of both."""
    return lambda task, number: one(task, number) or other(task, number)


def planted(percent: float, noise: float) -> Fails:
    """Return further failures that cost so many points beside the noise."""
    return fails("planted", 100 * percent / (100 - noise))


def player(failing: Fails, number: int) -> Agent:
    """Return an agent that fails these tasks by silence and plays the others like the oracle."""
    able = oracle()

    def start(episode: Episode) -> Play:
        return idle(episode) if failing(episode.task.id, number) else able(episode)

    return start


def played(tasks: Sequence[Task]) -> dict[str, tuple[bool, bool]]:
    """Play every task; return of each whether the oracle and whether silence passes."""
    found = {}
    for task in tasks:
        found[task.id] = tuple(bool(attempt(task, who)["verdict"]["passed"]) for who in (oracle(), idle))
        if found[task.id] != (True, False):
            raise SystemExit(f"{task.id}: the oracle or silence does not do what it should")
    return {name: (able, silent) for name, (able, silent) in found.items()}


class Bench:
    """The bundled tasks, played, and what is asked of the gate."""

    def __init__(self, repetitions: int) -> None:
        self.pack = bundled("airline", "train")
        self.ids = self.pack.ids()
        self.outcomes = played([self.pack.at(at) for at in range(len(self.pack))])
        self.groups = capability_groups(self.pack.lines, "intent")
        self.worlds = {str(line["id"]): tuple(line["world"]) for line in self.pack.lines}
        self.repetitions = repetitions

    def passes(self, failing: Fails, number: int, tasks: Sequence[str]) -> dict[tuple[str, int], bool]:
        """Return what an agent passes in a repetition."""
        return {(task, 0): self.outcomes[task][failing(task, number)] for task in tasks}

    def tasks(self, count: int, number: int) -> list[str]:
        """Return the tasks of a repetition."""
        return Draws("gate", "tasks", number).sample(self.ids, count)

    def caught(self, count: int, before: Fails, after: Fails) -> dict[str, Any]:
        """Return how often the plain test and the gate say that the second agent lost something."""
        plain = gate = 0
        for number in range(self.repetitions):
            tasks = self.tasks(count, number)
            one, other = self.passes(before, number, tasks), self.passes(after, number, tasks)
            plain += loss_p([int(other[key]) - int(one[key]) for key in one]) <= ALPHA
            gate += compare(one, other, worlds=self.worlds, groups=self.groups, alpha=ALPHA).regressed
        return {"tasks": count, "mcnemar": _share(plain, self.repetitions)} | {
            "gate": _share(gate, self.repetitions)
        }

    def logs_agree(self, count: int, before: Fails, after: Fails) -> bool:
        """Whether the first repetition, played through run logs, gives the same outcomes."""
        names = self.tasks(count, 0)
        tasks = [self.pack.find(name) for name in names]
        with TemporaryDirectory() as folder:
            for who, failing in (("before", before), ("after", after)):
                path = Path(folder) / f"{who}.jsonl"
                run(Plan(agent=who, tasks=tasks), player(failing, 0), path)
                found = {each.key: each.verdict.passed for each in read_episodes(path)}
                if found != self.passes(failing, 0, names):
                    return False
        return True


def _exact(n: int, loss: float, discordance: float, alpha: float) -> float:
    return round(gate_power(n, loss=loss, discordance=discordance, alpha=alpha), 4)


def _share(hits: int, of: int) -> dict[str, Any]:
    return {"share": hits / of, "interval_95": [round(end, 4) for end in wilson(hits, of)]}


def masked(bench: Bench, count: int, noise: float) -> dict[str, Any]:
    """Return how often a loss of one intent is seen that gains of all others hide."""
    inside = set(bench.groups[MASKED])
    gain = MASKED_LOSS * len(inside) / (len(bench.ids) - len(inside))
    lost, won = planted(MASKED_LOSS, noise), fails("won", 100 * gain / (100 - noise))
    before = either(fails("a", noise), lambda task, number: task not in inside and won(task, number))
    after = either(fails("b", noise), lambda task, number: task in inside and lost(task, number))
    found = bench.caught(count, before, after)
    return {
        "intent": MASKED,
        "points_lost_there": MASKED_LOSS,
        "share_of_tasks": len(inside) / len(bench.ids),
    } | found


def measured(bench: Bench, loss: float, noise: float) -> dict[str, Any]:
    """Return the power and the false alarms at the numbers of tasks that the formula says."""
    rate, lost = noise / 100, loss / 100
    discordance = (1 - rate) * (rate + lost) + rate * (1 - rate - lost)
    quiet = 2 * rate * (1 - rate)
    before, same = fails("a", noise), fails("b", noise)
    after = either(same, planted(loss, noise))
    found: dict[str, Any] = {"discordance": round(discordance, 4)}
    designs = (
        ("mcnemar", ALPHA, POWER),
        ("gate", ALPHA * SHARE, POWER),
        ("gate_with_margin", ALPHA * SHARE, MARGIN),
    )
    for name, alpha, power in designs:
        needed = tasks_for_gate(lost, discordance, alpha, power)
        found[f"tasks_for_{name}"] = {
            "power_asked": power,
            "tasks_needed": needed,
            "alpha_of_the_whole": round(alpha, 4),
            "exact_power_of_the_whole": _exact(needed, lost, discordance, alpha),
            "exact_false_alarms_of_the_whole": _exact(needed, 0, quiet, alpha),
            "exact_power_of_mcnemar": _exact(needed, lost, discordance, ALPHA),
            "caught": bench.caught(needed, before, after),
            "false_alarms": bench.caught(needed, before, same),
        }
    needed = found["tasks_for_gate"]["tasks_needed"]
    found["logs_agree"] = bench.logs_agree(needed, before, after)
    return found | {"masked": masked(bench, needed, noise)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--loss", type=float, default=5.0, help="points")
    parser.add_argument("--noise", type=float, default=5.0, help="percent of tasks that each fails by chance")
    args = parser.parse_args(arguments)
    start = process_time()
    bench = Bench(args.repetitions)
    found: Mapping[str, Any] = measured(bench, args.loss, args.noise)
    head = {"alpha": ALPHA, "power": POWER, "loss_points": args.loss, "noise_percent": args.noise}
    seconds = {"cpu_seconds": round(process_time() - start, 1)}
    print(json.dumps(head | {"repetitions": args.repetitions} | dict(found) | seconds, indent=2))


if __name__ == "__main__":
    main()
