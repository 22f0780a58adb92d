"""The program of a task as a picture: Graphviz DOT, the same bytes for the same task.

Every node has the shape and colour of its kind. Solid arrows carry values, dashed ones say what an ``if``
or an ``each`` decides. Nodes of one step stand together, with what is fetched for that step alone; what the
right run comes to is bold.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from simenv.agents.ladder import bench_of
from simenv.cli.showing import template
from simenv.core.program import Each, Extremum, Filter, If, Lookup, Node, Rank, Retry
from simenv.core.task import Task
from simenv.synth.certificate import Certificate
from simenv.synth.measure import Recorder, sources_of

_WIDE = 34
_LINES = 3


@dataclass(frozen=True, slots=True)
class _Look:
    """How nodes of a kind are drawn."""

    shape: str
    fill: str
    line: str
    style: str = "filled"


_SAYS = ("note", "#fff4cf", "#b58900")
_READS = ("cylinder", "#dcebfa", "#2f6fae")
_PICKS = ("box", "#dff3e4", "#2e8b57", "filled,rounded")
_WORKS = ("hexagon", "#efe6f9", "#7b52ab")
_DECIDES = ("diamond", "#ffe3d1", "#d2691e")
_LOOKS = {
    "const": _Look("plain", "transparent", "#888888"),
    "slot": _Look(*_SAYS),
    "ask": _Look(*_SAYS, style="filled,dashed"),
    "lookup": _Look(*_READS),
    "search": _Look(*_READS),
    "filter": _Look(*_PICKS),
    "extremum": _Look(*_PICKS),
    "rank": _Look(*_PICKS),
    "join": _Look(*_PICKS),
    "aggregate": _Look(*_WORKS),
    "compare": _Look(*_WORKS),
    "compute": _Look(*_WORKS),
    "rule": _Look("octagon", "#fde0e4", "#b5423a"),
    "if": _Look(*_DECIDES),
    "each": _Look("box3d", "#ffe3d1", "#d2691e"),
    "retry": _Look("box", "#eeeeee", "#777777", "filled,rounded,dotted"),
    "act": _Look("box", "#24507a", "#24507a"),
    "decline": _Look("box", "#9c2f2f", "#9c2f2f"),
    "report": _Look("box", "#23706b", "#23706b"),
}
_DARK = ("act", "decline", "report")
_TAKEN, _LEFT = "#222222", "#b8b8b8"
_HEAD = (
    "digraph program {",
    '  graph [fontname="Helvetica", fontsize=13, labelloc=t, nodesep=0.3, ranksep=0.45, pad=0.3];',
    '  node [fontname="Helvetica", fontsize=11, margin="0.14,0.07"];',
    '  edge [fontname="Helvetica", fontsize=9, arrowsize=0.7];',
)


@dataclass(slots=True)
class _Drawing:
    """What is known of a program before it is drawn.

    Attributes:
        nodes: Every node in order, by its name in the picture: its id, numbered where an id comes again.
        sources: Node to the nodes whose values it uses.
        above: Node to (the node that decides whether it is run, and on which branch).
        box: Node to the step that it is drawn with, or "".
        done: Ids of what the right run comes to.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    above: dict[str, tuple[str, str]] = field(default_factory=dict)
    box: dict[str, str] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    latest: dict[str, str] = field(default_factory=dict)

    def add(self, node: Node, above: tuple[str, str]) -> str:
        """Add a node, which takes the place of an earlier one of its id, and return its name."""
        name, number = node.id, 1
        while name in self.nodes:
            number += 1
            name = f"{node.id}#{number}"
        self.sources[name] = [self.latest[source] for source in sources_of(node) if source in self.latest]
        if _of_an_element(node):
            self.sources[name] += self.around(above)
        self.nodes[name], self.above[name], self.latest[node.id] = node, above, name
        return name

    def around(self, above: tuple[str, str]) -> list[str]:
        """Return the nearest ``each`` of those that decide about a branch, if there is one."""
        while above[0]:
            if above[1] == "each":
                return [above[0]]
            above = self.above[above[0]]
        return []

    def taken(self, name: str) -> bool:
        """Whether the right run comes to a node."""
        return self.nodes[name].id in self.done


def dot(task: Task, proved: Certificate | None = None) -> str:
    """Return the program of a task in the DOT language."""
    drawing = _Drawing()
    _place(drawing, task.program.nodes, ("", ""))
    drawing.done = _run(task)
    _group(drawing)
    shape = f", depth {proved.depth}, breadth {proved.breadth}" if proved is not None else ""
    lines = [*_HEAD, f"  label={_quoted(f'{task.id}: {task.intent}{shape}')};"]
    lines += _boxes(drawing)
    lines += _edges(drawing)
    return "\n".join([*lines, "}", ""])


def _of_an_element(node: Node) -> bool:
    """Whether a node uses the element of an ``each`` around it; a lookup may have elements of its own."""
    if isinstance(node, Lookup) and node.each is not None:
        return template(node.each).startswith("$item")
    return "item" in sources_of(node)


def _run(task: Task) -> frozenset[str]:
    recorder = Recorder()
    with bench_of(task) as bench:
        bench.run(task.program, mind=recorder)
    return frozenset(recorder.done)


def _place(drawing: _Drawing, nodes: Sequence[Node], above: tuple[str, str]) -> None:
    for node in nodes:
        name = drawing.add(node, above)
        if isinstance(node, If):
            _place(drawing, node.then, (name, "yes"))
            _place(drawing, node.orelse, (name, "no"))
        elif isinstance(node, Each):
            _place(drawing, node.nodes, (name, "each"))


def _group(drawing: _Drawing) -> None:
    """Draw a node that has no step with the step that alone uses it, if that is on the same branch."""
    users: dict[str, list[str]] = {name: [] for name in drawing.nodes}
    for name, sources in drawing.sources.items():
        for source in sources:
            users[source].append(name)
    for name in reversed(drawing.nodes):
        boxes = list(dict.fromkeys(drawing.box[user] for user in users[name]))
        alone = len(boxes) == 1 and all(drawing.above[user] == drawing.above[name] for user in users[name])
        drawing.box[name] = drawing.nodes[name].step or (boxes[0] if alone else "")


def _boxes(drawing: _Drawing) -> Iterator[str]:
    """Yield the nodes, those of one step in a box of their own."""
    members: dict[str, list[str]] = {}
    for name, box in drawing.box.items():
        members.setdefault(box, []).append(name)
    order = list(drawing.nodes)
    for box in sorted(members, key=lambda box: min(map(order.index, members[box]))):
        inside = sorted(members[box], key=order.index)
        if not box:
            yield from (f"  {_node(drawing, name)}" for name in inside)
            continue
        taken = any(map(drawing.taken, inside))
        colour = "#8aa0b5" if taken else "#d5d5d5"
        yield f"  subgraph {_quoted(f'cluster_{box}')} {{"
        yield (
            f'    label={_quoted(box)}; labeljust=l; fontsize=10; fontcolor="{colour}"; '
            f'color="{colour}"; style="rounded"; bgcolor="#fafbfc";'
        )
        yield from (f"    {_node(drawing, name)}" for name in inside)
        yield "  }"


def _node(drawing: _Drawing, name: str) -> str:
    node, look = drawing.nodes[name], _LOOKS[drawing.nodes[name].op]
    taken = drawing.taken(name)
    ink = ("#ffffff" if node.op in _DARK else "#1a1a1a") if taken else "#8c8c8c"
    fill = look.fill if taken else "#f4f4f4"
    line = look.line if taken else _LEFT
    attributes = {
        "shape": look.shape,
        "style": look.style,
        "fillcolor": fill,
        "color": line,
        "fontcolor": ink,
        "penwidth": "2" if taken else "1",
    }
    given = ", ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f"{_quoted(name)} [{given}, label={_label(node)}];"


def _label(node: Node) -> str:
    """Return an HTML-like label: the kind in bold, what the node says, its id in small."""
    said = [escape(line, quote=True) for line in _said(node)]
    parts = [f"<B>{escape(_title(node))}</B>", *said, f'<FONT POINT-SIZE="8">{escape(node.id)}</FONT>']
    return f"<{'<BR/>'.join(parts)}>"


def _title(node: Node) -> str:
    match node.op:
        case "lookup" | "search" | "act" | "retry":
            return f"{node.op} {node.tool}"
        case "rule" | "decline":
            return f"{node.op} {node.rule}"
        case "slot" | "ask":
            return f"{node.op} {node.name}"
        case "compute" | "aggregate":
            return f"{node.op} {node.fn}"
        case _:
            return str(node.op)


def _said(node: Node) -> list[str]:
    """Return what a node says in a few short lines."""
    lines = [_shortened(line) for line in _details(node) if line]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"and {len(lines) - _LINES + 1} more"]


def _details(node: Node) -> list[str]:
    match node.op:
        case "const" | "slot" | "ask":
            return [", ".join(node.value) if isinstance(node.value, dict) else _plain(node.value)]
        case "filter" | "extremum" | "rank":
            return _picking(node)
        case "compare":
            return [f"{template(node.left)} {node.how} {template(node.right)}"]
        case "if":
            return [template(node.test)]
        case "lookup" if node.each is not None:
            return [f"for each of {template(node.each)}"]
        case "each":
            return [f"for each of {template(node.of)}"]
        case "report":
            return [node.subject]
        case "retry":
            return [f"up to {node.times} time{'s' * (node.times > 1)}"]
        case _:
            return _settings(node)


def _picking(node: Filter | Extremum | Rank) -> list[str]:
    match node:
        case Filter():
            only = ["the only one"] * node.one
            return [*(f"{by} {how} {template(value)}" for by, how, value in node.where), *only]
        case Extremum():
            return [f"{_plain(node.pick)} {_plain(node.by)}"]
        case Rank():
            return [f"number {node.place} from {node.pick} {node.by}"]


def _settings(node: Any) -> list[str]:
    """Return the settings of a node that are plain values; what is worked out comes by arrows."""
    given = getattr(node, "args", None) or getattr(node, "facts", {})
    pairs = given.items() if isinstance(given, dict) else enumerate(given if node.op == "compute" else [])
    plain = {name: value for name, value in pairs if not isinstance(value, dict | list) and value is not None}
    return [
        f"{name} {_plain(value)}" if isinstance(name, str) else _plain(value)
        for name, value in plain.items()
        if name != "rule_id"
    ]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else template(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


def _edges(drawing: _Drawing) -> Iterator[str]:
    for name, sources in drawing.sources.items():
        for source in sources:
            yield _edge(drawing, source, name, "solid")
    for name, (above, branch) in drawing.above.items():
        if above and _led_to(drawing, name):
            yield _edge(drawing, above, name, "dashed", branch)
    for name, node in drawing.nodes.items():
        if isinstance(node, Retry):
            for other, called in drawing.nodes.items():
                if other != name and getattr(called, "tool", "") == node.tool:
                    yield _edge(drawing, name, other, "dotted")


def _led_to(drawing: _Drawing, name: str) -> bool:
    """Whether a condition's arrow leads to a node: to the deeds and conditions of its branch, else to all."""
    branch = [other for other, above in drawing.above.items() if above == drawing.above[name]]
    main = [other for other in branch if drawing.nodes[other].op in (*_DARK, "if", "each")]
    return name in (main or branch)


def _edge(drawing: _Drawing, source: str, target: str, style: str, label: str = "") -> str:
    taken = drawing.taken(source) and drawing.taken(target)
    given = [f'style="{style}"', f'color="{_TAKEN if taken else _LEFT}"', f"penwidth={1.8 if taken else 0.8}"]
    if label:
        given += [f"label={_quoted(label)}", f'fontcolor="{_TAKEN if taken else _LEFT}"']
    return f"  {_quoted(source)} -> {_quoted(target)} [{', '.join(given)}];"


def _quoted(text: str) -> str:
    """Return a DOT string: JSON's quoting of quotes; everything else as it is."""
    return json.dumps(text, ensure_ascii=False)
