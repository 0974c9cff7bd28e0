"""Extras: what is told where one is not installed."""

import tomllib
from pathlib import Path

from promptlab.core.extras import MODULES, install_command

ROOT = Path(__file__).parent.parent


def test_the_extras_are_those_of_the_package() -> None:
    """
    Given the extras that the package declares,
    when they are compared with those whose modules are looked for,
    then none is missing, and the command names the package.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert set(MODULES) == set(project["optional-dependencies"])
    assert install_command("sql") == f"pip install '{project['name']}[sql]'"
