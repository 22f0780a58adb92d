"""The documents are true: their code runs, and they name every command, tool, rule and error code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference import PATH, reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"<!-- test -->\n```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_readme_code_runs_and_prints_what_it_says(number: int) -> None:
    code = EXAMPLES[number]
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"print\(.*\)  # (.*)", code)
    assert done.stdout.splitlines() == promised


def test_there_are_readme_examples() -> None:
    assert len(EXAMPLES) == 3


def test_the_reference_is_what_the_code_says() -> None:
    assert PATH.read_text("utf-8") == reference(), "run: python -m tests.reference"
