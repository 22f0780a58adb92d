"""The documents are true: their code runs, and they name every command, tool, rule and error code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = re.findall(r"<!-- test -->\n```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_readme_code_runs_and_prints_what_it_says(number: int) -> None:
    code = EXAMPLES[number]
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"print\(.*\)  # (.*)", code)
    assert done.stdout.splitlines() == promised


def test_there_are_readme_examples() -> None:
    assert len(EXAMPLES) == 2
