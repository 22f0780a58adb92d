"""The report of a run: one self-contained HTML file, and the same plots as PNG files.

The page is read without a network and without scripts, in light and dark, on paper too. It holds no date: the
same files give the same bytes.
"""

import os
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from simenv.core.errors import DataError
from simenv.train.report import episodes, parts, scores, skills, summary, words
from simenv.train.report.charts import SECTIONS, charts_of
from simenv.train.report.data import Run, read_run
from simenv.train.report.page_parts import page
from simenv.train.report.shapes import Chart

FILE = "report.html"


def write_report(run_folder: str | os.PathLike[str], *, pictures: bool = True) -> Path:
    """Write ``report.html`` into a run folder, and its plots into ``plots/``.

    Args:
        run_folder: Holds ``metrics.jsonl``; config.json, panel.json, skills.json, episodes.jsonl, loop.json
            and guards.json are shown where they are there.
        pictures: Whether PNG files are written too, which takes matplotlib and some seconds.

    Returns:
        The path of the page.

    Raises:
        DataError: If a file is damaged, or the page cannot be written.
    """
    folder = Path(run_folder)
    run = read_run(folder)
    shown, missing = charts_of(run)
    path = folder / FILE
    try:
        path.write_text(_page(run, shown, missing), "utf-8", errors="replace")
    except OSError as error:
        way_out = "Make room, then write the report again"
        raise DataError(path, 0, f"cannot be written ({error.strerror})", way_out) from None
    if pictures:
        # matplotlib takes a second to load; a page alone does without.
        from simenv.train.report.plots import write_plots

        write_plots(folder / "plots", run, shown)
    return path


def _page(run: Run, shown: Sequence[Chart], missing: dict[str, list[str]]) -> str:
    by_section = {key: [each for each in shown if each.section == key] for key in SECTIONS}
    possible = [
        ("loop", "Rounds", _loop(run), ""),
        ("panel", "Scores", scores.section(run), "scores (panel.json)"),
        *(
            (key, title, parts.charts(by_section[key], missing.get(key, [])), "")
            for key, title in SECTIONS.items()
        ),
        ("skills", "Skills", skills.section(run), "a profile of skills (skills.json)"),
        ("episodes", "Episodes", episodes.section(run.episodes), "episodes to read (episodes.jsonl)"),
        ("guards", "Guards", _guards(run), ""),
    ]
    sections = [(anchor, title, inside) for anchor, title, inside, _ in possible if inside]
    sections.append(("config", "Config and files", _config(run)))
    without = [name for _, _, inside, name in possible if name and not inside]
    without += [title for key in SECTIONS if not by_section[key] for title in missing.get(key, [])]
    anchors = {anchor for anchor, *_ in sections} | {chart.key for chart in shown}
    top = _summary(run, anchors) + (_without(without) if without else "")
    header = f'<p class="kicker">simenv, {escape(run.kind)}</p><h1>{escape(run.name)}</h1>'
    return page(f"{run.name}: {run.kind}", header, [("summary", "Summary", top), *sections])


def _link(anchor: str) -> str:
    return f' <a href="#{anchor}">Look</a>'


def _without(names: Sequence[str]) -> str:
    return f'<p class="note">Not in this run: {escape("; ".join(names))}.</p>'


def _summary(run: Run, anchors: Collection[str]) -> str:
    verdict = summary.verdict(run)
    items = "".join(
        f"<li>{escape(told)}{_link(anchor) if anchor in anchors else ''}</li>"
        for told, anchor in summary.pointers(run)
    )
    first = f'<h3>Look at first</h3><ol class="first">{items}</ol>' if items else ""
    return (
        f'<div class="verdict {verdict.tone}"><b>{escape(verdict.word)}</b>'
        f"<span>{escape(verdict.sentence)}</span></div>{summary.tiles(run)}{first}"
    )


def _guards(run: Run) -> str:
    """Return which guards fired and what goes on; nothing where none did."""
    if not run.guards:
        return ""
    shown = [{key: each[key] for key in each if key not in ("next", "command")} for each in run.guards]
    lead = '<p class="lead">A guard stops a run that has gone wrong, before more time is spent on it.</p>'
    ways = "".join(
        f"<p>{escape(parts.text_of(each['next']))}</p>"
        + (f"<pre><code>{escape(parts.text_of(each['command']))}</code></pre>" if each.get("command") else "")
        for each in run.guards
        if each.get("next")
    )
    return lead + parts.table(shown) + ways


def _loop(run: Run) -> str:
    """Return the rounds as a table, and the tasks that each won and lost; nothing where there are none."""
    if not run.rounds:
        return ""
    head = "<tr><th>round</th><th>success</th><th>0 to 1</th><th>lost</th><th>won</th></tr>"
    lines, lists = [], []
    for each in run.rounds:
        name, estimate = escape(parts.text_of(each.get("round"))), parts.estimate_of(each, "success")
        lost, won = (_names(each.get(key)) for key in ("regressions", "progressions"))
        lines.append(
            f"<tr><td>{name}</td><td>{escape(str(estimate or '-'))}</td><td>{parts.span(estimate)}</td>"
            f"<td>{len(lost)}</td><td>{len(won)}</td></tr>"
        )
        inside = _operators(each.get("operators")) + _task_list("Lost", lost) + _task_list("Won", won)
        counts = f'<span class="soft">{len(lost)} lost, {len(won)} won</span>'
        lists.append(parts.box(f"<b>Round {name}</b> {counts}", inside, is_open=each is run.rounds[-1]))
    return f'<div class="scroll"><table>{head}{"".join(lines)}</table></div>{"".join(lists)}'


def _names(value: object) -> list[str]:
    return [parts.text_of(each) for each in value] if isinstance(value, list) else []


def _task_list(title: str, tasks: Sequence[str]) -> str:
    if not tasks:
        return f'<p class="note">{title}: none.</p>'
    items = "".join(f"<li>{escape(task)}</li>" for task in tasks)
    return f'<h4>{title} ({len(tasks)})</h4><ul class="tasks">{items}</ul>'


def _operators(value: object) -> str:
    if not isinstance(value, dict) or not value:
        return ""
    told = ", ".join(f"{name} {parts.text_of(each)}" for name, each in value.items())
    return f"<p><b>Operators:</b> {escape(told)}</p>"


def _config(run: Run) -> str:
    """Return digests, versions, every value of the config, and what is wrong with the files."""
    config = dict(run.config)
    versions = config.pop("versions", None)
    digests = [
        ("digest" if first == run.rows[0]["step"] else f"digest from step {first:,}", digest)
        for digest, first in run.digests.items()
    ]
    blocks = ["".join(f'<p class="note">{escape(note)}</p>' for note in run.notes), parts.facts(digests)]
    if isinstance(versions, dict):
        blocks += ["<h4>Versions</h4>", parts.facts(parts.flattened(versions))]
    if config:
        values = parts.facts(parts.flattened(config))
        blocks.append(
            parts.box(f"<b>{words.counted(len(parts.flattened(config)), 'value')}</b>", values, is_open=True)
        )
    else:
        blocks.append('<p class="note">No config was kept with this run (config.json).</p>')
    return "".join(blocks)
