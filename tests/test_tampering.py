"""Whatever is changed in a task set, hashes mended or not, proving it again finds the lie."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from simenv.core.canonical import canonical, parse_trusted
from simenv.core.errors import DataError, UsageError
from simenv.core.pack import Pack, parse_pack
from simenv.core.plan import Plan
from simenv.synth import recheck as rechecking
from simenv.synth.certificate import OBLIGATIONS, VERSION, Certificate
from simenv.synth.forge import make_world
from simenv.synth.grow import belongs
from simenv.synth.order import Order
from tests.proved import Line, copy, file_of, find, lies, pack_of, signed

Change = Callable[[Line], object]


def wants(line: Line) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = line["plan"]["wants"]
    return found


def plain(line: Line) -> bool:
    """Whether a task is one deed that writes, without set-up."""
    return "do" in wants(line)[0] and bool(line["goal"]["required"]) and "setup" not in line


def asks(line: Line) -> bool:
    return bool(line["goal"].get("answers"))


def is_twin(line: Line) -> bool:
    return "setup" in line


def has_faults(line: Line) -> bool:
    return "faults" in line


def has_extras(line: Line) -> bool:
    return "extras" in line


def grown(line: Line) -> bool:
    return bool(line["certificate"]["lineage"])


def shift_answer(line: Line) -> None:
    for goal, value in line["goal"]["answers"].items():
        line["goal"]["answers"][goal] = value + 1 if isinstance(value, int) else f"{value}?"


def turn_deed(line: Line) -> None:
    """Let the program do its first deed to somebody else's, or tell another answer."""
    node = next(each for each in line["program"]["nodes"] if "value" in each and "said" in each)
    node["value"] = f"{node['value']}X"


def first(line: Line, *path: str | int) -> Any:
    part: Any = line
    for step in path:
        part = part[step]
    return part


def put(*path: str | int, to: Any) -> Change:
    def change(line: Line) -> None:
        first(line, *path[:-1])[path[-1]] = to

    return change


def more(*path: str | int, by: Any) -> Change:
    def change(line: Line) -> None:
        holder = first(line, *path[:-1])
        holder[path[-1]] = holder[path[-1]] + by

    return change


FORGED: dict[str, tuple[Callable[[Line], Any], Change, set[str]]] = {
    "a required change is gone": (plain, lambda line: line["goal"]["required"].pop(), {"P2", "P6", "P9"}),
    "another change is required": (
        plain,
        more("goal", "required", by=[["set", "users", ["x"], "membership", "gold"]]),
        {"P9"},
    ),
    "more is allowed": (plain, put("goal", "allowed", to=[["gone", "users", ["x"]]]), {"P14"}),
    "another answer is right": (asks, shift_answer, {"P9"}),
    "no answer is asked for": (asks, lambda line: line["goal"].pop("answers"), {"P2", "P6"}),
    "the program is told something else": (plain, turn_deed, {"P1", "P4", "P15"}),
    "the program does no deed": (plain, lambda line: line["program"]["nodes"].pop(), {"P1", "P2", "P9"}),
    "the opening says more": (plain, more("card", "opening", by=" Thanks."), {"P14"}),
    "the opening is a number": (plain, put("card", "opening", to="42"), {"P1", "P14"}),
    "a wish is said otherwise": (plain, more("card", "wishes", 0, "says", by=" today"), {"P1", "P14"}),
    "a wish expects something else": (plain, put("card", "wishes", 0, "expects", to={"bags": [7]}), {"P14"}),
    "a fact is said otherwise": (plain, more("card", "facts", 0, "said", by=" indeed"), {"P14", "P1"}),
    "the customer waits for ever": (plain, put("card", "patience", to=99), {"P14"}),
    "the customer insists more": (plain, put("card", "insists", to=4), {"P14"}),
    "the customer is another kind": (plain, put("card", "persona", to="robotic"), {"P14"}),
    "the plan is another customer's": (plain, put("plan", "customer", to="nobody_1234"), {"P14"}),
    "the plan wants it twice": (
        plain,
        lambda line: line["plan"].update(wants=[*wants(line), *wants(line)]),
        {"P14"},
    ),
    "the plan wants nonsense": (plain, put("plan", "wants", 0, to={"do": "fly"}), {"P14"}),
    "the plan is gone": (plain, lambda line: line.pop("plan"), {"P14"}),
    "the set-up is gone": (is_twin, lambda line: line.pop("setup"), {"P14", "P1", "P9"}),
    "the set-up is of another task": (
        is_twin,
        lambda line: line["plan"].update(setup=[["users", None, ["x"]]]),
        {"P14"},
    ),
    "nothing fails any more": (has_faults, lambda line: line.pop("faults"), {"P14"}),
    "another tool fails": (plain, put("faults", to={"get_user_details": 3}), {"P1", "P14"}),
    "no look-alike is offered": (has_extras, lambda line: line.pop("extras"), {"P14"}),
    "a look-alike is offered": (plain, put("extras", to=["draft_cancellation"]), {"P14"}),
    "the policy tag is turned": (plain, lambda line: line.update(policy=not line["policy"]), {"P13"}),
    "the budget is tight": (plain, put("budget", to=7), {"P1"}),
    "the budget is wide": (plain, put("budget", to=999), {"P14"}),
    "it is of another kind": (plain, put("intent", to="upgrade"), {"P14"}),
    "it is in another world": (plain, put("world", 3, to=5), {"P14"}),
    "it is in a world of the test split": (plain, put("world", 1, to="test"), {"P14"}),
    "it is in a greater world": (plain, put("size", to="M"), {"P14"}),
    "it is nobody's twin": (is_twin, put("certificate", "twin", to=""), {"P14"}),
    "it is the twin of another": (
        is_twin,
        put("certificate", "twin", to="airline/0123456789abcdef"),
        {"P14"},
    ),
    "it is a twin without a set-up": (
        plain,
        put("certificate", "twin", to="airline/0123456789abcdef"),
        {"P14"},
    ),
    "the depth is greater": (plain, more("certificate", "depth", by=1), {"certificate"}),
    "the breadth is greater": (plain, more("certificate", "breadth", by=1), {"certificate"}),
    "one more rung fails": (plain, put("certificate", "ladder", to=["no_rank"]), {"certificate"}),
    "it is harder": (plain, more("certificate", "difficulty", by=1), {"certificate"}),
    "the lineage is shorter": (grown, put("certificate", "lineage", to=[]), {"P14"}),
    "the lineage is longer": (plain, more("certificate", "lineage", by=["superlative"]), {"P14"}),
    "it was aimed deeper": (plain, more("certificate", "aim", "depth", by=1), {"P14"}),
    "it was aimed at another split": (plain, put("certificate", "aim", "split", to="test"), {"P15"}),
    "the aim says more": (plain, put("certificate", "aim", "luck", to=1), {"certificate", "P14"}),
    "the aim says nothing": (plain, put("certificate", "aim", to={}), {"P14"}),
    "it was drawn next door": (plain, more("certificate", "address", -1, by=1), {"P14"}),
    "it was drawn nowhere": (plain, put("certificate", "address", to=[]), {"P14"}),
    "a proof is missing": (
        plain,
        lambda line: line["certificate"]["proofs"].pop("P3"),
        {"P3", "certificate"},
    ),
    "there is a sixteenth proof": (
        plain,
        put("certificate", "proofs", "P16", to=[1, "trust me"]),
        {"certificate"},
    ),
    "a count is a word": (plain, put("certificate", "proofs", "P13", 0, to="2"), {"certificate"}),
    "the certificate says more": (plain, put("certificate", "signed", to="me"), {"certificate"}),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_task_is_found(name: str) -> None:
    """Every hash of the forged line is right."""
    chosen, change, fitting = FORGED[name]
    line = find(chosen)
    change(line)
    forged = signed(line)
    found = lies([forged])
    assert found
    assert {lie.task for lie in found} == {forged["id"]}
    assert {lie.obligation for lie in found} <= fitting


@pytest.mark.parametrize("what", ["count", "witness"])
@pytest.mark.parametrize("obligation", OBLIGATIONS)
def test_a_forged_proof_is_found_by_its_obligation(obligation: str, what: str) -> None:
    line = find(lambda line: line["certificate"]["proofs"][obligation][0] and not is_twin(line))
    proof = line["certificate"]["proofs"][obligation]
    proof[0 if what == "count" else 1] += 1 if what == "count" else " and more"
    assert [(lie.task, lie.obligation) for lie in lies([line])] == [(line["id"], obligation)]


@pytest.mark.parametrize("obligation", OBLIGATIONS)
def test_a_proof_that_is_excused_from_checking_is_found(obligation: str) -> None:
    line = find(lambda line: line["certificate"]["proofs"][obligation][0] and not is_twin(line))
    line["certificate"]["proofs"][obligation] = [0, "n/a: not here"]
    assert [(lie.task, lie.obligation) for lie in lies([line])] == [(line["id"], obligation)]


def test_a_task_that_is_not_its_hash_is_found() -> None:
    line = find(plain)
    line["budget"] = 2 + line.get("budget", 40)
    assert [lie.obligation for lie in lies([line])] == ["P14"]


def test_what_is_not_forged_holds() -> None:
    lines = [copy(line) for line in pack_of().lines]
    assert lies(lines) == []
    assert lies([signed(line) for line in reversed(lines)]) == []
    assert len(lines) == 25


# The set as a whole


def test_the_same_task_twice_is_found() -> None:
    line = find(plain)
    assert [(lie.task, lie.obligation) for lie in lies([line, copy(line)])] == [(line["id"], "P15")]


def test_the_same_answer_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever always gives the most frequent answer must pass nothing."""
    numbers = count()
    monkeypatch.setattr(rechecking, "key_of", lambda task: (str(next(numbers)), [4200]))
    one, other = [copy(line) for line in pack_of().lines if not is_twin(line)][:2]
    assert [(lie.task, lie.obligation) for lie in lies([one, other])] == [(other["id"], "P3")]


def test_another_split_is_found() -> None:
    """The head calls the set another split's."""
    lines = [copy(line) for line in pack_of().lines]
    for split in ("test", "validation", "mine"):
        found = lies(lines, split=split)
        assert {lie.task: lie.obligation for lie in found} == {line["id"]: "P15" for line in lines}


def test_a_shape_of_another_split_is_no_proof() -> None:
    shapes = [Plan.model_validate(line["plan"]) for line in pack_of().lines]
    assert all(belongs(plan, "train") and not belongs(plan, "test") for plan in shapes)
    assert all(belongs(plan, "mine") for plan in shapes)


def test_another_world_is_found() -> None:
    line = find(plain)
    world = pack_of().header["worlds"][0]
    found = lies([line], worlds=[world | {"digest": "0" * 32}])
    assert [(lie.task, lie.obligation) for lie in found] == [("", "P14")]


@pytest.mark.parametrize("worlds", [[], [{"address": ["airline", "train", 8, 0], "size": "S"}]])
def test_a_world_that_the_head_does_not_name_is_found(worlds: list[Any]) -> None:
    line = find(plain)
    named = [each | {"digest": pack_of("train").header["worlds"][0]["digest"]} for each in worlds]
    found = lies([line], worlds=named)
    assert (line["id"], "P14") in [(lie.task, lie.obligation) for lie in found]


def test_counts_of_the_head_are_compared() -> None:
    line = find(plain)
    found = lies([line], made={"not_applicable": {"P1": 1}})
    assert [(lie.task, lie.obligation) for lie in found] == [("", "certificate")]
    assert "P1" in found[0].witness


# Certificates that cannot be read

BROKEN: dict[str, Any] = {
    "none": None,
    "a word": "certified",
    "no proofs": {"version": VERSION},
    "another version": {"version": VERSION + 1, "proofs": {}},
    "no version": {"proofs": {}},
    "nothing else": {"version": VERSION, "proofs": {}},
    "a proof of three": {"version": VERSION, "proofs": {"P1": [1, 2, 3]}},
    "a proof without a count": {"version": VERSION, "proofs": {"P1": ["x", "y"]}},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_certificate_is_named_with_value_and_way_out(name: str) -> None:
    data = BROKEN[name]
    with pytest.raises(DataError) as fault:
        Certificate.from_json(data, "tasks.jsonl", 3)
    text = str(fault.value)
    assert text.startswith("tasks.jsonl:3: ")
    assert "certificate" in text
    assert "Make the tasks again with `simenv synth`" in text
    if isinstance(data, dict) and data.get("version") != VERSION and "proofs" in data:
        assert f"version {data.get('version')}" in text
        assert f"reads {VERSION}" in text


@pytest.mark.parametrize("name", BROKEN)
def test_a_set_with_a_broken_certificate_is_not_proved_again(name: str) -> None:
    line = find(plain)
    line["certificate"] = BROKEN[name]
    pack = file_of([find(plain)])
    pack.lines[0]["certificate"] = BROKEN[name]
    with pytest.raises(DataError, match=r"forged:2: .*certificate"):
        list(rechecking.recheck(pack))


def test_every_field_of_a_certificate_is_needed() -> None:
    whole = find(plain)["certificate"]
    for field in sorted(whole.keys() - {"twin", "phrases"}):
        part = {name: value for name, value in whole.items() if name != field}
        with pytest.raises(DataError, match="certificate"):
            Certificate.from_json(part, "tasks.jsonl", 2)


# What a file must look like before anyone plays it


def test_a_twin_without_its_original_is_found() -> None:
    line = find(is_twin)
    assert [(lie.task, lie.obligation) for lie in lies([line])] == [(line["id"], "P14")]


@pytest.mark.parametrize(
    "spoil",
    [put("certificate", "version", to=7), put("certificate", "proofs", to=[1]), put("certificate", to=5)],
)
def test_certificates_of_another_form_are_none(spoil: Callable[[Line], Any]) -> None:
    line = find(lambda line: not is_twin(line))
    spoil(line)
    pack = written(line)
    with pytest.raises(UsageError, match="certificate"):
        pack.trusted(uncertified=False)
    assert pack.trusted(uncertified=True)


def written(line: Line, **head: Any) -> Pack:
    """Return a set of one line as it is read from a file."""
    header = pack_of().header | {"tasks": 1} | head
    return parse_pack("forged", "".join(canonical(each) + "\n" for each in [header, line]).encode())


@pytest.mark.parametrize(
    "head",
    [
        {"worlds": [{}]},
        {"worlds": "x"},
        {"worlds": [{"address": [{}], "size": "S", "digest": ""}]},
        {"made": 5},
    ],
)
def test_a_header_of_another_form_is_a_broken_file(head: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="header"):
        written(find(plain), **head)


# What is asked for is what is made


def test_operators_that_are_named_are_used_or_refused() -> None:
    made = make_world(Order("airline", depth=(2, 3), breadth=(1, 1), operators=("rank",), twins=False), 0, 3)
    assert made.lines
    assert all(parse_trusted(line)["certificate"]["lineage"] == ["rank"] for line in made.lines)
    with pytest.raises(UsageError, match="--depth 1:2"):
        Order("airline", depth=(1, 1), breadth=(1, 1), operators=("rank",)).check()
