"""What CI runs: the steps of action.yml and of the recipes, in bash, in git repositories of their own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import promptlab
from tests.affected_kit import Repository
from tests.cli_kit import Cli
from tests.markdown import ROOT, Document
from tests.warm_kit import orders_descriptor

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
RECIPES = [
    yaml.safe_load(block.text) for block in Document("docs/ci-recipes.md").blocks() if block.language == "yml"
]
WORKFLOW, RECORDING, GITLAB, PRE_COMMIT = RECIPES
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")  # as GitHub's `shell: bash`
EXPRESSION = re.compile(r"\$\{\{ (.*?) }}")
SAY = """\
version: 1
model: echo/echo
dataset: [{id: a, word: apple}, {id: b, word: apples}]
steps:
  - id: count
    python: tools/count.py:length
    with: {text: "{{ word }}"}
  - id: say
    messages: [{role: user, content: "{{ word }} {{ count.output }}"}]
    checks: [contains: apple]
"""
PYTHON = """\
from pathlib import Path


def length(text: str) -> int:
    (Path(__file__).parent.parent / "python-ran").touch()
    return len(text)
"""
PIP = """\
if [[ $1 == -m && $2 == pip ]]; then echo "$*" >> "$PIP_LOG"; else exec {python} "$@"; fi
"""
TOLD = 'echo "$(basename "$0") $*" >> "$PIP_LOG"\n'
WARM = """\
import json, os, socket, sys
told, ours = os.pipe()
order = {"root": os.getcwd(), "arguments": sys.argv[1:], "env": dict(os.environ)}
orders = socket.socket(fileno=int(os.environ["WARM_ORDERS"]))
socket.send_fds(orders, [json.dumps(order).encode() + b"\\n"], [0, 1, 2, ours])
os.close(ours)
with os.fdopen(told) as said:
    said.readline()
    sys.exit(int(said.readline()))
"""
PROGRAMS = {
    "python": f"#!/bin/bash\n{PIP.replace('{python}', sys.executable)}",
    "pip": f"#!/bin/bash\n{TOLD}",
    "gh": f"#!/bin/bash\n{TOLD}",
    "promptlab": f"#!{sys.executable} -IS\n{WARM}",  # the command, in a fork of what has imported it
}


@dataclass
class Ran:
    code: int = 0
    out: str = ""
    err: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    tools: str = ""


@dataclass
class Runner:
    """A machine of CI that has checked out `repository`; of pip and gh only what they were told is kept."""

    repository: Repository
    home: Path

    def __post_init__(self) -> None:
        (self.home / "bin").mkdir(parents=True)
        for name, script in PROGRAMS.items():
            (self.home / "bin" / name).write_text(script)
            (self.home / "bin" / name).chmod(0o755)

    def action(self, event: Mapping[str, Any] | None = None, **inputs: str) -> Ran:
        """Run the steps of action.yml with these inputs (`no_python` for no-python), until one fails."""
        said = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert said.keys() <= ACTION["inputs"].keys()
        context = {
            "inputs": {name: entry["default"] for name, entry in ACTION["inputs"].items()} | said,
            "github": {"action_path": "/the/action", "event": event or {}},
        }
        return self.steps(ACTION["runs"]["steps"], context)

    def steps(self, steps: list[dict[str, Any]], context: Mapping[str, Any]) -> Ran:
        ran = Ran()
        for step in steps:
            if "run" in step and not ran.code:
                assert not EXPRESSION.search(step["run"]), "an expression in a script is an injection"
                named = {name: filled(text, context) for name, text in step.get("env", {}).items()}
                self.run(step["run"], named, ran)
        return ran

    def run(self, script: str, named: Mapping[str, str], ran: Ran) -> None:
        """Run a script with the environment that GitHub sets, and these variables."""
        files = {name: self.home / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "PIP_LOG")}
        for file in files.values():
            file.touch()
        done = subprocess.run(
            [*BASH, script],
            cwd=self.repository.root,
            env={
                "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self.home),
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_RUN_ID": "7",
                "RUNNER_TEMP": str(self.home),
                "WARM_ORDERS": str(orders_descriptor()),
                **{name: str(file) for name, file in files.items()},
                **named,
            },
            stdin=subprocess.DEVNULL,
            pass_fds=[orders_descriptor()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        ran.code, ran.out, ran.err = done.returncode, ran.out + done.stdout, ran.err + done.stderr
        ran.summary, ran.tools = files["GITHUB_STEP_SUMMARY"].read_text(), files["PIP_LOG"].read_text()
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        ran.outputs = dict(line.split("=", 1) for line in lines)


def filled(text: str, context: Mapping[str, Any]) -> str:
    """Give a text with its expressions filled in: paths, of which the first that says anything counts."""
    return EXPRESSION.sub(lambda found: _value(found[1], context), text)


def _value(expression: str, context: Mapping[str, Any]) -> str:
    for path in expression.split(" || "):
        value: Any = context
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value:
            return "true" if value is True else str(value)
    return ""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose pipeline is recorded, committed on main."""
    files = {
        "pipelines/support_triage.yaml": SAY,
        "tools/count.py": PYTHON,
        ".gitignore": ".promptlab/\npython-ran\n",
    }
    repository = Repository(tmp_path_factory.mktemp("recorded")).start(files)
    promptlab.run("support_triage", project=repository.root, mode="record")
    repository.commit()
    shutil.rmtree(repository.root / ".promptlab")
    (repository.root / "python-ran").unlink()
    return repository.root


@pytest.fixture
def runner(recorded: Path, tmp_path: Path) -> Runner:
    return Runner(Repository(Path(shutil.copytree(recorded, tmp_path / "project"))), tmp_path / "home")


def edit(repository: Repository, before: str, after: str) -> None:
    path = repository.root / "pipelines" / "support_triage.yaml"
    path.write_text(path.read_text().replace(before, after))


def test_the_action_replays_and_reports(runner: Runner) -> None:
    """
    Given a repository whose pipeline is recorded,
    when the action runs as it is without inputs,
    then what is installed is the action's own commit, the step is green, and it leaves summary and reports.
    """
    ran = runner.action()

    assert ran.code == 0, ran.err
    assert ran.tools == "-m pip install --disable-pip-version-check --quiet /the/action\n"
    assert ran.summary.startswith("## <code>support_triage</code>: passed")
    reports = Path(ran.outputs.pop("reports"))
    assert ran.outputs == {"exit-code": "0"}
    assert sorted(path.name for path in reports.iterdir()) == ["support_triage.md", "support_triage.xml"]


def test_the_action_fails_where_a_branch_made_it_worse(runner: Runner, tmp_path: Path) -> None:
    """
    Given a shallow clone of a branch on which a check fails, and which has no main,
    when the action tests what changed, and holds it against main,
    then it fetched main, fails, annotates the check's line, and names the row in the summary.
    """
    origin = runner.repository
    origin.git("switch", "-q", "-c", "worse")
    edit(origin, "[contains: apple]", "[contains: apples]")
    origin.commit()
    (tmp_path / "clone").mkdir()
    origin.git("clone", "-q", "--depth=1", "--branch=worse", origin.root.as_uri(), str(tmp_path / "clone"))
    runner.repository = Repository(tmp_path / "clone")

    ran = runner.action(since="main", against="origin/main", version="1.2.3", extras="sql")

    assert ran.code == 1, ran.err
    assert ran.tools.endswith(" promptlab-pipelines[sql]==1.2.3\n")
    assert "::error file=pipelines/support_triage.yaml,line=10," in ran.out
    assert "apples" in ran.summary
    assert ran.outputs["exit-code"] == "1"


def test_a_change_that_touches_nothing_is_green(runner: Runner) -> None:
    """
    Given a branch that changed no pipeline,
    when the action tests what changed since main,
    then it is green and says so; without `since`, nothing to test is never green.
    """
    (runner.repository.root / "notes.txt").write_text("x")
    quiet = runner.action(since="main", pipelines="support_triage\n")
    edit(runner.repository, "{id: a, word: apple}, {id: b, word: apples}", "{id: a, word: apple}")
    edit(runner.repository, "    checks: [contains: apple]\n", "")
    unchecked = runner.action()

    assert quiet.code == 0, quiet.err
    assert "::notice title=promptlab::" in quiet.out
    assert unchecked.code == 5


@pytest.mark.thorough  # the exit codes are tested beside `test`; here it is how the script passes them on
def test_a_fault_in_a_file_is_annotated(runner: Runner) -> None:
    """
    Given a pipeline with a fault,
    when the action runs,
    then it ends with 2, and the fault is annotated at its line.
    """
    edit(runner.repository, "{{ word }} ", "{{ wrd }} ")

    ran = runner.action()

    assert ran.code == 2
    assert "::error file=pipelines/support_triage.yaml,line=9," in ran.out


@pytest.mark.parametrize(("fork", "code"), [(True, 2), (False, 0)])
def test_a_fork_is_replayed_without_python(runner: Runner, *, fork: bool, code: int) -> None:
    """
    Given a workflow that is to run live, and a branch with a row that nobody recorded,
    when the action runs for a pull request from a fork, and for one of the repository's own,
    then the fork's is replayed without its python, and lacks the answer, while the other calls.
    """
    edit(runner.repository, "{id: b, word: apples}", "{id: c, word: crab apple}")
    event = {"pull_request": {"head": {"repo": {"fork": fork}}}}

    ran = runner.action(event, live="true", max_cost="1")

    assert ran.code == code, ran.err
    assert (runner.repository.root / "python-ran").exists() is not fork


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    """
    Given the documented workflow,
    when its jobs are read,
    then pull requests get no secret, and what the action is given are inputs that it has.
    """
    used = {
        name: step
        for name, job in WORKFLOW["jobs"].items()
        for step in job["steps"]
        if "promptlab" in step["uses"]
    }

    assert "secrets." not in str(WORKFLOW["jobs"]["replay"])
    assert all(step["with"].keys() <= ACTION["inputs"].keys() for step in used.values())
    assert used.keys() == {"replay", "live"}
    documented = set(
        re.findall(r"^\| (`[a-z].*?`) \| (?!yours)", Document("docs/ci-recipes.md").text, re.MULTILINE)
    )
    assert {name.strip("`") for row in documented for name in row.split(", ")} == ACTION["inputs"].keys()


def test_the_recording_workflow_opens_a_pull_request(runner: Runner, tmp_path: Path) -> None:
    """
    Given a repository with a row that is not recorded,
    when the steps of the recording workflow run,
    then there is a branch with the recording at its origin, and a pull request of it.
    """
    project = runner.repository
    edit(project, "{id: b, word: apples}", "{id: c, word: crab apple}")
    project.commit()
    project.git("clone", "-q", "--bare", str(project.root), str(tmp_path / "origin"))
    project.git("remote", "add", "origin", str(tmp_path / "origin"))

    ran = runner.steps(RECORDING["jobs"]["record"]["steps"], {"secrets": {}, "github": {}})

    assert ran.code == 0, ran.err
    assert ran.tools.splitlines() == ["pip install promptlab-pipelines", "gh pr create --fill"]
    changed = project.git("diff", "--name-only", "--diff-filter=A", "main", "origin/record/7").splitlines()
    assert len(changed) == 2
    assert all(name.startswith("recordings/support_triage/") for name in changed)


def test_the_recipe_for_gitlab_runs(runner: Runner, tmp_path: Path) -> None:
    """
    Given a clone of a recorded repository,
    when the script of the GitLab job runs for a merge request into main,
    then it passes, and leaves the JUnit report that the job hands on.
    """
    origin = runner.repository
    (tmp_path / "clone").mkdir()
    origin.git("clone", "-q", str(origin.root), str(tmp_path / "clone"))
    runner.repository = Repository(tmp_path / "clone")
    job, ran = GITLAB["prompts"], Ran()

    runner.run("\n".join(job["script"]), {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}, ran)

    assert ran.code == 0, ran.err
    assert [path.name for path in (tmp_path / "clone").glob(job["artifacts"]["reports"]["junit"])] == [
        "support_triage.xml"
    ]


@pytest.mark.parametrize(
    ("path", "is_checked"),
    [
        ("pipelines/support_triage.yaml", True),
        ("prompts/summarise.j2", True),
        ("data/tickets.jsonl", True),
        ("promptlab.yaml", True),
        ("pipelines/schemas/reply.yaml", False),
        ("tools/orders.py", False),
        ("docs/data/x.csv", False),
    ],
)
def test_pre_commit_hands_the_files_that_validate_takes(
    examples: Cli, path: str, *, is_checked: bool
) -> None:
    """
    Given the hook of pre-commit, and a file of a project,
    when the hook's pattern is asked, and its entry run with the files that it takes,
    then it takes those that `validate` knows, and these are sound.
    """
    hook = HOOKS["promptlab-validate"]

    assert bool(re.search(hook["files"], path)) is is_checked
    if is_checked:
        said = examples(*hook["entry"].split()[1:], path)
        assert said.code == 0, said.out


def test_the_documented_hook_is_there(examples: Cli) -> None:
    """
    Given the documented configuration of pre-commit, and the hook for all pipelines,
    when the first is looked up, and the second run without files,
    then it is there, and all examples are sound.
    """
    [repository] = PRE_COMMIT["repos"]

    said = examples(*HOOKS["promptlab-validate-all"]["entry"].split()[1:])

    assert {hook["id"] for hook in repository["hooks"]} <= HOOKS.keys()
    assert not HOOKS["promptlab-validate-all"]["pass_filenames"]
    assert re.search(HOOKS["promptlab-validate-all"]["files"], "tools/orders.py")
    assert said.code == 0, said.out
