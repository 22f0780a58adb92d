"""The run report: whole, self-contained, the same bytes twice, escaped, and true to its data."""

import json
import re
import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from simenv.core.errors import DataError
from simenv.scoring.facts import Fact, TextLoss
from simenv.scoring.panel import Panel, Side
from simenv.train.report import words
from simenv.train.report.about import CHARTS
from simenv.train.report.charts import charts_of
from simenv.train.report.data import read_run
from simenv.train.report.write import write_report
from tests.train import fake_runs as fakes

_VOID = ("meta", "br", "link", "img", "hr", "input")
_ATTACK = '</p></div></section><script>alert("x")</script><img src=x onerror=alert(1)>&amp;'


class _Page(HTMLParser):
    """What a browser would see: tags in order, attributes, text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    @override
    def handle_data(self, data: str) -> None:
        kind = self.open[-1] if self.open else ""
        {"script": self.scripts, "style": self.styles}.get(kind, self.words).append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]


def _page(folder: Path) -> _Page:
    return _Page(write_report(folder, pictures=False).read_text("utf-8"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.write_full(tmp_path_factory.mktemp("runs") / "full")


def test_a_full_run_has_every_section_and_every_chart(full: Path) -> None:
    page = _page(full)
    sections = (
        "summary",
        "panel",
        "learning",
        "behaviour",
        "health",
        "speed",
        "skills",
        "episodes",
        "config",
    )
    learning = ("loss", "accuracy", "retention", "reward", "success", "families")
    behaviour = ("lengths", "turns", "truncation", "errors", "zero-variance")
    health = ("kl", "entropy", "clip", "gradient", "update", "mismatch", "ess")
    charts = (*learning, *behaviour, *health, "seconds", "throughput")
    assert [each for each in (*sections, *charts) if each not in page.ids] == []
    assert len(page.ids) == len(set(page.ids))
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert {str(link).removeprefix("#") for link in links} <= set(page.ids)
    assert sum(tag == "details" and attrs.get("class") == "pair" for tag, attrs in page.tags) == 10
    assert fakes.DIGEST in page.text
    assert "0.21.2" in page.text


def test_the_page_asks_nothing_of_anyone_else(full: Path) -> None:
    page = _page(full)
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag
        for name in ("src", "href", "action", "data", "srcset", "xlink:href"):
            assert str(attrs.get(name, "#")).startswith(("#", "data:"))
        assert not [name for name in attrs if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:|//[a-z]", "".join(page.styles))
    assert not re.search(r"https?:|fetch|XMLHttp|import", "".join(page.scripts))
    policy = next(attrs["content"] or "" for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_the_same_files_give_the_same_bytes(full: Path, tmp_path: Path) -> None:
    first = write_report(full, pictures=False).read_bytes()
    copied = Path(shutil.copytree(full, tmp_path / "elsewhere" / full.name))
    assert write_report(copied, pictures=False).read_bytes() == first
    assert not re.search(rb"20[0-9][0-9]-[01][0-9]-[0-3][0-9]|" + re.escape(str(full.parent).encode()), first)


def test_text_of_episodes_and_files_is_shown_and_never_run(tmp_path: Path) -> None:
    shown = fakes.episode(_ATTACK, _ATTACK, "after", passed=False, words=_ATTACK)
    shown["why"] = _ATTACK
    shown["messages"] += [
        {"role": _ATTACK, "content": _ATTACK},
        {"role": "tool", "name": _ATTACK, "content": {"value": [_ATTACK]}},
        {"role": "assistant", "tool_calls": [{"name": _ATTACK, "arguments": json.dumps({_ATTACK: _ATTACK})}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": _ATTACK}}]},
        {"role": "user", "content": _ATTACK * 90},
    ]
    rows = fakes.grpo_rows(3)
    for row in rows:
        row |= {f"success/{_ATTACK}": 0.5, f"truncated/{_ATTACK}": 0.1, f"seconds/{_ATTACK}": 1.0}
        row["config"] = _ATTACK
    folder = fakes.write_run(
        tmp_path / "run",
        rows,
        episodes=[shown, shown | {"stage": "before"}],
        config={_ATTACK: _ATTACK, "versions": {_ATTACK: _ATTACK}},
        panel={_ATTACK: [{"name": _ATTACK, _ATTACK: _ATTACK, "n": 3, "passed": 1}], "note": _ATTACK},
        skills={"after": [{"rung": _ATTACK, "ability": _ATTACK, "exposures": 9, "failures": 2}]},
        guards=[{"step": 2, "guard": _ATTACK, "reason": _ATTACK, "checkpoint": _ATTACK}],
        loop={
            "rounds": [
                {"round": _ATTACK, "success": 0.5, "regressions": [_ATTACK], "operators": {_ATTACK: 1}}
            ]
        },
    )
    page = _page(folder)
    assert len(page.scripts) == 1
    assert "alert" not in page.scripts[0]
    assert not [tag for tag, attrs in page.tags if tag == "img" or "onerror" in attrs]
    assert page.text.count("<script>alert") >= 20


@pytest.mark.parametrize(
    ("passed", "sentence"),
    [
        (252, "rose from .41 [.36, .46] to .63 [.58, .68]"),
        (80, "fell from .41 [.36, .46] to .20 [.16, .24]"),
        (170, "went from .41 [.36, .46] to .42 [.38, .47]"),
    ],
)
def test_the_verdict_states_the_figures_of_the_panel(tmp_path: Path, passed: int, sentence: str) -> None:
    panel = {
        "rows": [{"name": "before", "n": 400, "passed": 164}, {"name": "after", "n": 400, "passed": passed}]
    }
    page = _page(fakes.write_run(tmp_path / "run", fakes.grpo_rows(5), panel=panel))
    assert f"Success on held-out tasks {sentence}." in page.text


def _side(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "n": 40, "interval_95": [low, high]}


@pytest.mark.parametrize(("low", "high", "verb"), [(0.01, 0.19, "rose"), (-0.01, 0.21, "went")])
def test_the_panel_of_the_scorer_is_read_with_its_paired_change(
    tmp_path: Path, low: float, high: float, verb: str
) -> None:
    def score(rate: float) -> dict[str, Any]:
        spent = {"unit": "tokens", "per_success": 812.4}
        row = {"tasks": 40, "trials": 80, "passed": int(80 * rate), "rate": rate, "spent": spent}
        return row | {"interval_95": [rate - 0.1, rate + 0.1]}

    success = {
        "form": "percent",
        "of": "tasks",
        "before": _side(0.4, 0.3, 0.5),
        "after": _side(0.5, 0.4, 0.6),
    }
    success |= {"change": _side(0.1, low, high), "idle": _side(0, 0, 0.1)}
    one = {"before": score(0.4), "after": score(0.5), "idle": score(0.0), "measures": {"success": success}}
    for at, panel in enumerate((one | {"unit": "tokens"}, {"capability": one, "regression": one})):
        page = _page(fakes.write_run(tmp_path / str(at), fakes.grpo_rows(3), panel=panel))
        name = " (capability)" if at else ""
        assert f"Success on held-out tasks{name} {verb} from .40 [.30, .50] to .50 [.40, .60]." in page.text
        change = f"+.10 [{words.share(low) if low < 0 else '+' + words.share(low)}, +{words.share(high)}]"
        assert change in page.text
        assert (f"On the same tasks it changed by {change}." in page.text) is (at == 0)
        assert "tokens per success" in page.text
        assert "812" in page.text


def _scored() -> dict[str, Any]:
    """Return a panel as the scorer writes it, its figures as wide as they get."""

    def side(agent: str, passed: int) -> Side:
        facts = [Fact(f"t{at:03}", 0, at < passed, 900, 1234 * bool(passed), 7, 2, 1) for at in range(100)]
        hits = {f"v{at}": (6, 6 - at % (2 + passed % 3)) for at in range(32)} if passed else {}
        losses = [TextLoss(f"x{at}", 20.0 + at + passed, 30) for at in range(20)] if passed else []
        return Side(agent=agent, facts=facts, tools=hits, arguments=hits, validation=losses, retention=losses)

    return Panel(before=side("before", 33), after=side("after", 64), idle=side("idle", 0)).to_json()


def _widths(table: str) -> list[float]:
    """Return about how many pixels each column of a table takes; heads may wrap, cells may not."""
    wide: dict[int, float] = {}
    for row in re.findall(r"<tr.*?>(.*?)</tr>", table):
        for at, (tag, inside) in enumerate(re.findall(r"<(t[hd]).*?>(.*?)</t[hd]>", row)):
            text = re.sub(r"<.*?>", "", inside)
            longest = max((text.split() if tag == "th" else [text]), key=len, default="")
            drawn = 136 if 'class="span"' in inside else 0
            wide[at] = max(wide.get(at, 0), drawn, 7.8 * len(longest))
    return [each + 2 * 0.8 * 16 for each in wide.values()]


@pytest.mark.parametrize("sets", [False, True])
def test_the_tables_of_scores_fit_a_window_of_1200_pixels(tmp_path: Path, sets: bool) -> None:
    one = _scored()
    panel = {"capability": one, "regression": one, "held back": one} if sets else one
    folder = fakes.write_run(tmp_path / "run", fakes.grpo_rows(3), panel=panel)
    html = write_report(folder, pictures=False).read_text("utf-8")
    section = html[html.index('<section id="panel">') : html.index('<section id="learning">')]
    tables = re.findall(r"<table>(.*?)</table>", section)
    assert len(tables) == (5 if sets else 3)
    for table in tables:
        assert sum(_widths(table)) < 1200 - 2 * 20 - 2, table


def test_the_scores_say_of_how_many_and_what_their_measures_mean(tmp_path: Path) -> None:
    page = _page(fakes.write_run(tmp_path / "run", fakes.grpo_rows(3), panel=_scored()))
    assert "192 steps of 32 tasks" in page.text
    assert "steps of the known solution at which the model picks its tool" in page.text
    assert "what it passes, nobody has to learn" in page.text
    for insiders in ("paired change", "interval_95", "mean calls", "unit"):
        assert insiders not in page.text
    plain = _page(fakes.write_run(tmp_path / "plain", fakes.grpo_rows(3), panel=fakes.panel()))
    assert "What the measures mean" not in plain.text


def test_every_chart_says_what_it_shows(full: Path) -> None:
    page = _page(full)
    for chart in charts_of(read_run(full))[0]:
        assert CHARTS[chart.key] in page.text


def test_notes_of_a_run_are_looked_at_first(tmp_path: Path) -> None:
    said = "Success is measured on 12 tasks, not on 100 (evaluations = 100): x has no more different ones."
    notes = {"notes": [{"step": 0, "note": said}]}
    page = _page(fakes.write_run(tmp_path / "run", fakes.grpo_rows(3), notes=notes))
    assert page.text.count(said) == 2
    assert page.text.index(said) < page.text.index("Learning", page.text.index("Look at first"))


def test_sentences_change_with_the_data(tmp_path: Path) -> None:
    def reading(key: str, first: float, last: float) -> str:
        rows = [
            {
                "step": step,
                "success": first + (last - first) * step / 40,
                "episodes": 400,
                "kl_ref": step * last,
            }
            for step in (0, 10, 20, 30, 40)
        ]
        run = read_run(fakes.write_run(tmp_path / f"{first}-{last}", rows))
        return next(chart.reading for chart in charts_of(run)[0] if chart.key == key)

    assert reading("success", 0.41, 0.63) == (
        "Success rose from .41 [.36, .46] to .63 [.58, .68] between steps 0 and 40."
    )
    assert reading("success", 0.63, 0.41) == (
        "Success fell from .63 [.58, .68] to .41 [.36, .46] between steps 0 and 40."
    )
    assert reading("success", 0.41, 0.42).endswith("between steps 0 and 40: no clear change.")
    assert reading("kl", 0.4, 0.5) == "The KL to the reference rose from 0 to 20 between steps 0 and 40."


def test_every_reading_of_a_full_run_holds_its_last_figure(full: Path) -> None:
    charts, missing = charts_of(read_run(full))
    assert missing == {"learning": ["Reward by family"], "health": ["Learning rate"]}
    for chart in charts:
        assert chart.reading.endswith(".")
        assert re.search(r"\d", chart.reading), chart.key
    by_key = {chart.key: chart for chart in charts}
    for key in ("success", "kl", "entropy", "turns", "update"):
        assert f"to {by_key[key].series[0].last}" in by_key[key].reading


@pytest.mark.parametrize(
    ("rows", "kind", "there", "not_there"),
    [
        (
            fakes.sft_rows(30),
            "SFT",
            ["loss", "learning"],
            ["success", "behaviour", "panel", "skills", "loop"],
        ),
        (fakes.grpo_rows(5), "GRPO", ["success", "behaviour", "health"], ["loss", "panel", "episodes"]),
        ([{"step": 0, "loss": 2.0}], "SFT", ["loss"], ["health"]),
        ([{"step": 7, "note": "x"}], "Run", ["summary", "config"], ["learning"]),
        ([], "Run", ["summary"], ["learning"]),
    ],
)
def test_what_was_not_measured_is_left_out_and_told(
    tmp_path: Path, rows: list[dict[str, Any]], kind: str, there: Sequence[str], not_there: Sequence[str]
) -> None:
    page = _page(fakes.write_run(tmp_path / "run", rows))
    assert f"simenv, {kind}" in page.text
    assert set(there) <= set(page.ids)
    assert not set(not_there) & set(page.ids)
    assert "Not in this run: scores (panel.json)" in page.text
    if kind == "SFT":
        assert "Success by family" in page.text


def test_a_loop_lists_what_every_round_lost_and_won(tmp_path: Path) -> None:
    folder = fakes.write_run(tmp_path / "loop", fakes.grpo_rows(12), loop=fakes.rounds())
    page = _page(folder)
    assert "Success rose from .42 [.37, .47] to .64 [.59, .69] between rounds 0 and 2." in page.text
    assert "Over all rounds 27 tasks were won and 7 lost." in page.text
    assert "Round 2 lost 4 tasks and won 18." in page.text
    for task in [task for each in fakes.rounds()["rounds"] for task in each["regressions"]]:
        assert task in page.text


def test_guards_and_what_is_not_finite_come_first(tmp_path: Path) -> None:
    rows = fakes.grpo_rows(20)
    rows[-2] |= {"kl_ref": None, "not_finite": ["kl_ref"]}
    page = _page(fakes.write_run(tmp_path / "run", rows, guards=fakes.GUARDS))
    told = page.text
    assert "The guard mismatch fired at step 31: mean 0.019 above 0.015 for 3 steps." in told
    assert "The last good checkpoint is step-000020." in told
    assert told.index("Not finite: kl_ref, first at step 18.") < told.index(
        "Learning", told.index("Look at first")
    )
    assert "The KL to the reference was not finite at 1 step, first at 18." in told


def test_an_idle_agent_that_passes_is_pointed_out(tmp_path: Path) -> None:
    for passed in (0, 3):
        panel = {"rows": [{"name": "idle", "n": 50, "passed": passed}]}
        page = _page(fakes.write_run(tmp_path / str(passed), fakes.grpo_rows(3), panel=panel))
        assert ("The idle agent passes tasks" in page.text) is bool(passed)


def test_episodes_are_paired_by_task_and_outcomes_counted(tmp_path: Path) -> None:
    told = [
        fakes.episode("t1", "cancel", "before", passed=False),
        fakes.episode("t2", "seat", "after", passed=True),
        fakes.episode("t1", "cancel", "after", passed=True),
        fakes.episode("t3", "seat", "before", passed=True),
        fakes.episode("t3", "seat", "after", passed=False),
    ]
    page = _page(fakes.write_run(tmp_path / "run", fakes.grpo_rows(2), episodes=told))
    assert "Of 2 tasks played both times 1 passed only after training and 1 only before." in page.text
    assert page.text.index("t1") < page.text.index("t3") < page.text.index("t2")
    assert "reservations KX7T2M status: expected cancelled, found confirmed" in page.text
    assert "bad_json: not valid JSON" in page.text
    assert "reservation_id = KX7T2M" in page.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "[1]"),
        ("panel.json", "{"),
        ("skills.json", "3"),
        ("guards.json", "{}"),
        ("guards.json", "[3]"),
        ("notes.json", "[]"),
        ("loop.json", '{"rounds":{}}'),
        ("episodes.jsonl", "3\n"),
        ("episodes.jsonl", "{\n"),
        ("metrics.jsonl", "x\n"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    folder = fakes.write_run(tmp_path / "run", fakes.grpo_rows(2))
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=re.escape(name)):
        write_report(folder, pictures=False)


@pytest.mark.parametrize("value", [None, "many", {"a": 1}, [], True, -3])
def test_odd_values_in_free_form_files_do_no_harm(tmp_path: Path, value: object) -> None:
    folder = fakes.write_run(
        tmp_path / "run",
        fakes.grpo_rows(3),
        panel={"rows": [{"name": value, "n": value, "rate": value, "interval": [value, value]}], "x": value},
        skills={"before": [{"rung": value, "exposures": value, "failures": value}], "after": value},
        episodes=[{"task": value, "messages": [{"role": value, "content": value, "tool_calls": value}]}],
        loop={"rounds": [{"round": value, "success": value, "regressions": value, "operators": value}]},
        guards=[{"step": value, "guard": value, "reason": value, "checkpoint": value}],
    )
    _page(folder)


def test_torn_tails_and_a_missing_file_are_told(tmp_path: Path) -> None:
    folder = fakes.write_run(tmp_path / "run", fakes.grpo_rows(3), episodes=fakes.episodes(1))
    for name in ("metrics.jsonl", "episodes.jsonl"):
        with (folder / name).open("a") as file:
            file.write('{"step": 3, "succ')
    page = _page(folder)
    assert "The last line of metrics.jsonl was never finished (17 bytes); it is left out." in page.text
    assert "The last line of episodes.jsonl was never finished; it is left out." in page.text
    with pytest.raises(DataError, match=r"metrics\.jsonl: cannot be read"):
        write_report(tmp_path)


def test_plots_are_pictures_of_the_data(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    folder = fakes.write_run(
        tmp_path / "run",
        [
            {
                name: value
                for name, value in row.items()
                if name.startswith(("step", "success", "mismatch", "trunc"))
            }
            for row in fakes.grpo_rows(33)
        ],
        skills=fakes.skills(),
        loop=fakes.rounds(),
    )
    write_report(folder)
    first = {path.name: path.read_bytes() for path in sorted((folder / "plots").iterdir())}
    assert list(first) == [
        "families.png", "mismatch.png", "rounds.png", "skills.png", "success.png", "truncation.png",
    ]  # fmt: skip
    for name in first:
        with image.open(folder / "plots" / name) as picture:
            colours = picture.convert("RGB").getcolors(1 << 20)
            assert picture.width > 500, name
            assert len(colours) > 20, name
            inked = sum(number for number, colour in colours if colour != (255, 255, 255))
            assert inked > 0.01 * picture.width * picture.height, name
