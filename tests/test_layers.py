"""The architecture is a test: the import contracts of pyproject.toml hold."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as lint; lint()"


def test_imports_point_down_only() -> None:
    """
    Given the contracts in pyproject.toml,
    when import-linter reads every module of the package,
    then no contract is broken.
    """
    command = [sys.executable, "-c", LINT_IMPORTS, "--no-cache", "--no-logo"]

    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert lint.returncode == 0, lint.stdout + lint.stderr
