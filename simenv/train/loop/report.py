"""The report of a loop: what ``simenv.train.report.write`` shows, written from the rounds on disk."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simenv.core.canonical import canonical, nulled
from simenv.scoring.facts import Fact
from simenv.scoring.panel import Panel, Side
from simenv.scoring.statistics import wilson
from simenv.train.evaluate import idle_side, world_of
from simenv.train.folder import write
from simenv.train.loop.study import Played, retraced
from simenv.train.report.metrics import FILE, read_metrics
from simenv.train.report.write import write_report

if TYPE_CHECKING:
    from simenv.train.loop.rounds import Loop, Round

_EPISODES = 10


def report(loop: "Loop", rounds: Sequence["Round"], *, pictures: bool = True) -> Path:
    """Write every file of the report, and the page; return its path."""
    out, last = loop.out, rounds[-1].policy
    files = {
        "loop.json": {"rounds": [_round(loop, each) for each in rounds]},
        "panel.json": panel_of(loop, rounds),
        "skills.json": {
            stage: [skill.to_json() for skill in loop.study(number).profile.skills]
            for stage, number in (("before", 0), ("after", last))
        },
    }
    for name, value in files.items():
        write(out / name, json.dumps(nulled(value), ensure_ascii=False, indent=1) + "\n")
    write(out / "episodes.jsonl", "".join(canonical(each) + "\n" for each in _episodes(loop, last)))
    write(out / FILE, _metrics(loop, rounds))
    return write_report(out, pictures=pictures)


def _round(loop: "Loop", each: "Round") -> dict[str, Any]:
    """Return a round as the report shows it; its success is that of the policy that is kept."""
    played = loop.played(each.policy)
    passed = sum(one.passed for one in played)
    study = loop.study(each.policy)
    told = dict(each.told)
    return {
        "round": f"{each.number} (rejected)" if each.rejected else str(each.number),
        "success": passed / len(played),
        "interval": [round(end, 4) for end in wilson(passed, len(played))],
        "n": len(played),
        "passed": passed,
        "policy": each.policy,
        "rejected": each.rejected,
        "regressions": told.pop("regressions", []),
        "progressions": told.pop("progressions", []),
        "operators": told.pop("weights", {}),
        "topics": [topic.to_json() for topic in study.topics],
        "skills": [skill.to_json() for skill in study.profile.skills],
        "unexplained": study.profile.unknown,
        **told,
    }


def panel_of(loop: "Loop", rounds: Sequence["Round"]) -> dict[str, Any]:
    """Return before, after and idle on each set of tasks, and what the gate said of each round."""
    before, after = loop.played(0), loop.played(rounds[-1].policy)
    sets = {
        "capability": loop.sets.capability,
        "regression": loop.sets.regression,
        "held back": (*loop.sets.held_capability, *loop.sets.held_regression),
    }
    panels = {
        name: Panel(
            before=Side(agent="before", facts=_facts(loop, before, names)),
            after=Side(agent="after", facts=_facts(loop, after, names)),
            idle=idle_side([loop.tasks[each] for each in names]),
        ).to_json()
        for name, names in sets.items()
        if names
    }
    gates = [_gate(each) for each in rounds[1:]]
    return panels | ({"gate": gates} if gates else {})


def _gate(each: "Round") -> dict[str, Any]:
    found, trained = each.told["gate"], each.told["trained"]
    return {
        "round": str(each.number),
        "verdict": "REJECTED" if each.rejected else "kept",
        "why": each.rejected or trained["stopped"],
        "change": {"value": found["difference"], "interval_95": found["interval_95"]},
        "p of a loss": round(found["p_adjusted"], 4),
        "loss seen": found["loss_seen"],
        "demonstrations": trained["demos"],
        "rollouts": trained["rollouts"],
    }


def _facts(loop: "Loop", played: Sequence[Played], names: Sequence[str]) -> list[Fact]:
    return [each.fact(world_of(loop.tasks[each.task])) for each in played if each.task in names]


def _episodes(loop: "Loop", last: int) -> list[dict[str, Any]]:
    """Return readable episodes before and after, those first whose outcome changed."""
    pairs = list(zip(loop.played(0), loop.played(last), strict=True))
    changed = [pair for pair in pairs if pair[0].passed != pair[1].passed]
    same = [pair for pair in pairs if pair[0].passed == pair[1].passed]
    chosen = [*changed, *same][:_EPISODES]
    return [
        _episode(loop, each, stage)
        for pair in chosen
        for stage, each in zip(("before", "after"), pair, strict=True)
    ]


def _episode(loop: "Loop", played: Played, stage: str) -> dict[str, Any]:
    task = loop.tasks[played.task]
    episode = retraced(task, played.actions, loop.config.face)
    why = "" if played.passed else episode.verdict().reason
    if played.reason != "done":
        why = f"cut off: {played.reason}; {why}"
    return {
        "task": played.task,
        "intent": task.intent,
        "stage": stage,
        "passed": played.passed,
        "why": why,
        "messages": list(episode.messages),
        "tokens": played.tokens,
    }


def _metrics(loop: "Loop", rounds: Sequence["Round"]) -> str:
    """Return the rows of all rounds one behind the other, their steps counted on.

    Each has the digest of the loop's config; that of the round stands in the round's own file.
    """
    config = loop.config.digest
    lines: list[str] = []
    for each in rounds:
        for part in ("", "sft", "grpo"):
            path = loop.folder(each.number) / "model" / part / FILE
            rows = read_metrics(path).rows if path.exists() else ()
            lines += [
                json.dumps(row | {"step": len(lines) + at, "config": config, "round": each.number}) + "\n"
                for at, row in enumerate(rows)
            ]
    return "".join(lines)
