"""The wheel, installed where there is no checkout."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.wheel_kit import build_wheel, copy_sources

pytestmark = pytest.mark.thorough

JUDGED = """\
version: 1
model: echo/echo
dataset: [{word: apple}]
steps:
  - id: say
    messages: [{role: user, content: "{{ word | upper }}"}]
    checks: [python: judge.py:is_loud]
"""
JUDGE = "def is_loud(output):\n    return output.isupper()\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel, and with the packages of this one in reach."""
    sources, home = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("installed")
    copy_sources(sources)
    wheel = build_wheel(sources)
    venv.create(home / "venv", with_pip=False, symlinks=True)
    python = home / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    [packages] = (home / "venv").glob("lib/python*/site-packages")
    reach = [path for path in sys.path if path.endswith("-packages")]
    (packages / "reach.pth").write_text("\n".join(reach))
    return home


def run(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell, the installed commands first on its path."""
    environment = {"PATH": f"{home / 'venv' / 'bin'}:/usr/bin:/bin", "HOME": str(home), "NO_PROXY": "*"}
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_new_project_runs_from_the_wheel(installed: Path) -> None:
    """
    Given the wheel in an environment outside the checkout,
    when a project is begun and run, and its runs are listed,
    then all of it works, by the package that was installed.
    """
    script = """
        promptlab init x && cd x
        promptlab run pipelines/*.yaml
        promptlab runs list
        promptlab --version
        python -c 'import promptlab; print(promptlab.__file__)'
    """

    said = run(installed, script)

    assert said.returncode == 0, said.stderr
    assert "6 passed" in said.stdout
    assert "promptlab 0." in said.stdout
    assert str(installed / "venv") in said.stdout.splitlines()[-1]


def test_its_processes_and_migrations_start_from_the_wheel(installed: Path) -> None:
    """
    Given the wheel in an environment outside the checkout, and a project with a template and a function,
    when its log is made by the migrations, then the pipeline is run,
    then the template was rendered and the function has judged.
    """
    project = installed / "judged"
    (project / "pipelines").mkdir(parents=True)
    (project / "promptlab.yaml").write_text("version: 1\n")
    (project / "pipelines" / "judged.yaml").write_text(JUDGED)
    (project / "judge.py").write_text(JUDGE)

    said = run(installed, "cd judged; promptlab db upgrade; promptlab run judged --json")

    assert said.returncode == 0, said.stderr
    assert '"trials": {"passed": 1, "failed": 0, "errored": 0, "skipped": 0}' in said.stdout
