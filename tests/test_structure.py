"""Laws about the code itself: its size, its types, what it never does, what it ships.

A law reads one parsed file and yields what breaks it. Each law is run over every file of the
three packages, and once over code planted to break it: a law that cannot fail is no law.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

import simenv

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("simenv", "corpora/simenv_corpora", "generators/simenv_generators")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

LINES_PER_FILE = 400
STATEMENTS_PER_FUNCTION = 40
SERIALISERS_THAT_RUN_CODE = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
MAY_CATCH_EVERYTHING: frozenset[str] = frozenset()
"""Paths such as ``simenv/train/rollouts/sampler.py``; each with its reason in ARCHITECTURE.md."""

Law = Callable[[ast.Module], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def long_functions(tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        count = sum(isinstance(node, ast.stmt) for statement in body for node in ast.walk(statement))
        if count > STATEMENTS_PER_FUNCTION:
            yield f"line {function.lineno}: {function.name} has {count} statements"


def untyped_functions(tree: ast.Module) -> Iterator[str]:
    methods = {id(child) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body}
    for function in functions(tree):
        spec = function.args
        named = [*spec.posonlyargs, *spec.args]
        if id(function) in methods and not any(is_named(d, "staticmethod") for d in function.decorator_list):
            named = named[1:]
        rest = [spec.vararg, spec.kwarg]
        arguments = [*named, *spec.kwonlyargs, *(argument for argument in rest if argument is not None)]
        missing = [argument.arg for argument in arguments if argument.annotation is None]
        missing += ["return"] if function.returns is None else []
        if missing:
            yield f"line {function.lineno}: {function.name} has no type for {', '.join(missing)}"


def is_named(node: ast.expr | None, *names: str) -> bool:
    """Whether ``node`` is one of these names, bare or behind a module: ``set``, ``builtins.set``."""
    return (isinstance(node, ast.Name) and node.id in names) or (
        isinstance(node, ast.Attribute) and node.attr in names
    )


def broad_excepts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        caught: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and is_named(node.func, "suppress"):
            caught = list(node.args)
        for kind in caught:
            if kind is None or is_named(kind, "Exception", "BaseException"):
                yield f"line {getattr(node, 'lineno', 0)}: catches everything"


def code_from_data(tree: ast.Module) -> Iterator[str]:
    """Yield each place that may run text or bytes as code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = {alias.name.split(".")[0] for alias in node.names} & SERIALISERS_THAT_RUN_CODE
        elif isinstance(node, ast.ImportFrom):
            found = {(node.module or "").split(".")[0]} & SERIALISERS_THAT_RUN_CODE
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = {node.func.id} & {"eval", "exec", "__import__"}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"yaml.load", "yaml.unsafe_load"}:
            found = {ast.unparse(node.func)}
        else:
            continue
        yield from (f"line {node.lineno}: uses {name}" for name in sorted(found))


def is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_set(node.left) or is_set(node.right)
    return isinstance(node, ast.Set | ast.SetComp) or (
        isinstance(node, ast.Call) and is_named(node.func, "set", "frozenset")
    )


def loops_over_sets(tree: ast.Module) -> Iterator[str]:
    """Yield each loop whose order would be the hash's: sort the set first."""
    for node in ast.walk(tree):
        ordered: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor):
            ordered = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
            ordered = [generator.iter for generator in node.generators]
        elif isinstance(node, ast.Call) and is_named(node.func, "list", "tuple", "enumerate", "iter", "join"):
            ordered = node.args
        yield from (f"line {each.lineno}: loops over a set" for each in ordered if is_set(each))


PLANTED: dict[Law, tuple[str, ...]] = {
    long_functions: ("def f():\n" + "    x = 1\n" * 41, "def f():\n    if x:\n" + "        x = 1\n" * 40),
    untyped_functions: (
        "def f(x) -> int: ...",
        "def f(x: int): ...",
        "def f(*x) -> int: ...",
        "class A:\n    def __init__(self): ...",
        "class A:\n    @staticmethod\n    def f(x) -> int: ...",
        "async def f(*, x) -> int: ...",
    ),
    broad_excepts: (
        "try: f()\nexcept: g()",
        "try: f()\nexcept Exception as error: g()",
        "try: f()\nexcept (ValueError, BaseException): g()",
        "try: f()\nexcept* Exception: g()",
        "with contextlib.suppress(Exception): f()",
    ),
    code_from_data: (
        "eval('1')",
        "exec('1')",
        "import pickle",
        "from pickle import loads",
        "import marshal",
        "import yaml\nyaml.load(text)",
    ),
    loops_over_sets: (
        "for x in {1, 2}: f(x)",
        "for x in set(y): f(x)",
        "for x in set(y) - z: f(x)",
        "[f(x) for x in {g(y) for y in z}]",
        "sum(x for x in frozenset(y))",
        "list(set(y))",
        "', '.join(set(y))",
    ),
}
INNOCENT = """
from contextlib import suppress
class A:
    def f(self, *, x: int) -> set[int]:
        with suppress(ValueError):
            return {y for y in set(self.rows)}
        try:
            self.model.eval()
        except (KeyError, ValueError):
            return set()
        return set(sorted(set(self.rows)))
"""


def excused(law: Law, path: Path) -> bool:
    return law is broad_excepts and path.relative_to(ROOT).as_posix() in MAY_CATCH_EVERYTHING


@pytest.mark.parametrize("law", PLANTED, ids=lambda law: law.__name__)
def test_the_code_keeps_its_laws(law: Law) -> None:
    found = [
        f"{path.relative_to(ROOT)}, {break_}"
        for path in FILES
        if not excused(law, path)
        for break_ in law(ast.parse(path.read_text("utf-8")))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("law", "code"),
    [(law, code) for law, codes in PLANTED.items() for code in codes],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_each_law_can_fail(law: Law, code: str) -> None:
    assert list(law(ast.parse(code)))


@pytest.mark.parametrize("law", PLANTED, ids=lambda law: law.__name__)
def test_no_law_sends_back_innocent_code(law: Law) -> None:
    assert not list(law(ast.parse(INNOCENT)))


def test_every_file_fits_in_one_reading() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_PER_FILE} == {}


def test_the_laws_read_all_three_packages() -> None:
    assert all(ROOT / package / "__init__.py" in FILES for package in PACKAGES)


def test_every_room_has_its_layer() -> None:
    """A module that no layer names could import anything."""
    contract = next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    named = {name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")}
    rooms = {
        f"simenv.{path.stem}" for path in (ROOT / "simenv").iterdir() if path.suffix == ".py" or path.is_dir()
    }
    unnamed = rooms - named - {"simenv.__init__", "simenv.__main__", "simenv.__pycache__"}
    assert not unnamed, f"name these in the layers of pyproject.toml: {sorted(unnamed)}"


def test_the_version_is_told_once() -> None:
    assert simenv.__version__ == PYPROJECT["project"]["version"]


HEAVY = ("hypothesis", "peft", "pydantic", "sqlite_utils", "torch", "whoosh")


def loaded_by(program: str) -> list[str]:
    """Return which heavy packages a fresh interpreter has loaded after ``program``."""
    listing = f"{program}\nimport sys\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    paths = [ROOT, ROOT / "corpora", ROOT / "generators"]
    search = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
    result = subprocess.run(
        [sys.executable, "-c", search + listing], capture_output=True, check=True, text=True
    )
    return result.stdout.split()


def test_import_is_light() -> None:
    """Workers import simenv by the hundred; any of these alone would cost them seconds together."""
    assert loaded_by("import simenv") == []


@pytest.mark.parametrize("heavy", ["hypothesis", "pydantic", "sqlite_utils"])
def test_a_heavy_import_is_seen(heavy: str) -> None:
    assert heavy in loaded_by(f"import {heavy}\nimport simenv")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in a wheel of the tree with three files of data planted among the packs."""
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        copytree(ROOT / package, tree / package, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md", ".gitignore"):
        if (ROOT / name).exists():
            (tree / name).write_bytes((ROOT / name).read_bytes())
    packs = tree / "corpora/simenv_corpora/packs/planted"
    packs.mkdir(parents=True)
    for name in ("tasks.jsonl.gz", "names.txt", "PROVENANCE.toml"):
        (packs / name).write_bytes(b"")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "built", "."]
    result = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = (tree / "built").glob("*.whl")
    return ZipFile(built).namelist()


def test_a_wheel_installs_three_names(wheel: list[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {Path(p).name for p in PACKAGES}


def test_a_wheel_is_typed(wheel: list[str]) -> None:
    assert {f"{Path(package).name}/py.typed" for package in PACKAGES} <= set(wheel)


def test_a_wheel_holds_every_file_and_every_pack(wheel: list[str]) -> None:
    planted = {
        f"simenv_corpora/packs/planted/{name}" for name in ("tasks.jsonl.gz", "names.txt", "PROVENANCE.toml")
    }
    written = {
        path.relative_to((ROOT / package).parent).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert planted | written <= set(wheel)
