"""The pytest plugin, by real runs of pytest in projects of their own."""

import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import promptlab.testing.plugin
from promptlab.testing.sheets import Outcome, Sheet, Sheets
from tests.cli_kit import write_project

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
PIPELINE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset:
  - {id: a, word: apple}
  - {id: "p::[1]", word: "pear\\x1b[31m"}
  - {id: q, word: plum, $tags: [urgent]}
variants:
  plain: {}
  loud: {steps: {say: {messages: [{role: user, content: "{{ word | upper }}"}]}}}
steps:
  - id: say
    when: word != 'plum'
    messages: [{role: user, content: "{{ word }}"}]
    checks: [contains: apple]
gates:
  - {metric: pass_rate, min: 0.4, variant: plain}
  - {metric: pass_rate, min: 0.4, variant: loud}
"""
SMALL = """\
version: 1
model: echo/echo
dataset: [{id: a, word: apple}, {id: b, word: pear}]
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks: [contains: apple]
"""
IDS = [
    "pipelines/say.yaml::plain::a",
    "pipelines/say.yaml::plain::p%3A%3A%5B1]",
    "pipelines/say.yaml::plain::q",
    "pipelines/say.yaml::loud::a",
    "pipelines/say.yaml::loud::p%3A%3A%5B1]",
    "pipelines/say.yaml::loud::q",
    "pipelines/say.yaml::gates",
]
PLUGIN = ("-p", "promptlab.pytest_plugin")
LIVE = "--promptlab-mode=live"
TWICE = """\
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


class Lab:
    """pytest in a project."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path

    def __call__(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(*PLUGIN, "--promptlab", *arguments)

    def query(self, sql: str) -> list[Any]:
        path = self.folder / ".promptlab" / "lab.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()

    def trials_by_run(self) -> list[int]:
        """How many trials each run on record has, in order."""
        counted = "select count(trials.id) from runs left join trials on run_id = runs.id group by runs.id"
        return [count for (count,) in self.query(f"{counted} order by runs.id")]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose answers are recorded; making it imports what pytester would forget after each run."""
    folder = tmp_path_factory.mktemp("recorded")
    write_project(folder, say=PIPELINE)
    promptlab.run("say", project=folder, mode="record")
    shutil.rmtree(folder / ".promptlab")
    return folder


@pytest.fixture
def lab(pytester: pytest.Pytester, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(pytester.path / "settings-of-user"))
    shutil.copytree(recorded, pytester.path, dirs_exist_ok=True)
    return Lab(pytester)


def test_a_row_that_no_check_judged_has_not_passed(lab: Lab) -> None:
    """
    Given a pipeline without checks,
    when it is tested,
    then its rows are skipped, and the reason is said.
    """
    write_project(lab.folder, bare=SMALL.replace("    checks: [contains: apple]\n", ""))

    done = lab(LIVE, "-rs", "pipelines/bare.yaml")

    done.assert_outcomes(skipped=2)
    done.stdout.fnmatch_lines(["SKIPPED *nothing was checked: no check judged it"])


def test_each_row_in_each_variant_is_an_item(lab: Lab) -> None:
    """
    Given a pipeline with two variants, three rows and gates,
    when its items are listed,
    then each has an id that can be read and selected, and nothing ran.
    """
    done = lab("--collect-only", "-q", "pipelines")

    assert done.outlines[:7] == IDS
    assert lab.trials_by_run() == []


def test_a_pipeline_is_replayed_in_one_run(lab: Lab) -> None:
    """
    Given a pipeline with recordings,
    when pytest runs its folder,
    then items pass, fail with step, reason and output, or are skipped, and the log has one run of them all.
    """
    done = lab("pipelines", "-rs")

    done.assert_outcomes(passed=1, failed=4, skipped=2)
    done.stdout.fnmatch_lines(
        [
            "*plain::p%3A%3A%5B1]*",
            "say: contains failed: does not contain 'apple'",
            r"  say gave: pear\u001b[[]31m",
            r"  given word: pear\u001b[[]31m",
            "in row 1 (p::[[]1]), plain",
            "*gates*",
            "pass_rate at least 0.4 in loud: failed: pass_rate 0 is below 0.4",
            "SKIPPED * pipelines/say.yaml:1: every step was skipped",
        ]
    )
    assert lab.trials_by_run() == [6]
    assert lab.query("select note from runs") == [("pytest",)]


def test_what_is_not_recorded_is_an_error_with_what_to_do(lab: Lab) -> None:
    """
    Given a pipeline of which one answer is not recorded any more,
    when pytest runs it,
    then the row that needs it and the gates are errors that say how to record it, and the rest is judged.
    """
    (lab.folder / "pipelines" / "say.yaml").write_text(PIPELINE.replace("word: apple", "word: apples"))

    done = lab(*IDS[:2], IDS[6])

    done.assert_outcomes(errors=2, failed=1)
    done.stdout.fnmatch_lines(
        [
            "no answer is recorded for say of echo/echo",
            "record it, with a key: promptlab recordings update pipelines/say.yaml",
            "and commit recordings/; or call the model: --promptlab-mode live",
        ]
    )


def test_a_step_that_errored_is_an_error_of_pytest(lab: Lab) -> None:
    """
    Given a row whose answer is not of the form that its step wants,
    when pytest runs it live,
    then that is an error, not a failure, and says why.
    """
    write_project(lab.folder, say=SMALL.replace("    checks", "    output: {enum: [apple]}\n    checks"))

    done = lab(LIVE)

    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["say errored: *pear*"])


@pytest.mark.parametrize(
    ("chosen", "outcomes", "trials"),
    [
        ([IDS[1]], {"failed": 1}, 1),
        (["-k", "loud", "pipelines"], {"failed": 2, "skipped": 1, "deselected": 4}, 3),
        (["-k", "urgent", "pipelines"], {"skipped": 2, "deselected": 5}, 2),
        ([IDS[6]], {"failed": 1}, 6),
    ],
)
def test_what_is_selected_is_run_and_no_more(
    lab: Lab, chosen: list[str], outcomes: dict[str, int], trials: int
) -> None:
    """
    Given a choice of items: one, those of a variant or a tag, or the gates, which judge all rows,
    when pytest runs them,
    then there is one run, of the trials that they need.
    """
    done = lab(*chosen)

    done.assert_outcomes(**outcomes)
    assert lab.trials_by_run() == [trials]


def test_the_last_failed_are_run_again(lab: Lab) -> None:
    """
    Given a run in which some rows failed,
    when pytest is run with --lf and without the gates,
    then only those rows are run.
    """
    lab("pipelines")

    done = lab("--lf", "--deselect", IDS[6])

    done.assert_outcomes(failed=3, deselected=4)
    assert lab.trials_by_run() == [6, 3]


@pytest.mark.parametrize(("mode", "bought"), [("replay", 0), ("live", 2)])
def test_an_item_that_is_rerun_is_run_by_itself(lab: Lab, mode: str, bought: int) -> None:
    """
    Given something that runs each item twice, as pytest-rerunfailures does with those that fail,
    when two rows are run,
    then the second time each has a run of its own, which live asks the model again.
    """
    lab.pytester.makeconftest(TWICE)
    write_project(lab.folder, small=SMALL)
    promptlab.run("small", project=lab.folder, mode="record")
    shutil.rmtree(lab.folder / ".promptlab")

    done = lab("pipelines/small.yaml", f"--promptlab-mode={mode}")

    done.assert_outcomes(passed=1, failed=1)
    assert lab.trials_by_run() == [2, 1, 1]
    assert lab.query("select count(*) from attempts") == [(bought,)]


def test_a_gate_that_only_warns_is_a_warning(lab: Lab) -> None:
    """
    Given a gate of severity warn that is not met,
    when pytest runs it, and again with these warnings as errors,
    then it passes with a warning, and fails.
    """
    gates = "gates: [{metric: pass_rate, min: 0.9, severity: warn}]\n"
    write_project(lab.folder, say=SMALL + gates)

    warned = lab(LIVE, "-k", "gates", "-W", "default")
    strict = lab(LIVE, "-k", "gates", "-W", "error::promptlab.testing.GateWarning")

    warned.assert_outcomes(passed=1, deselected=2, warnings=1)
    strict.assert_outcomes(failed=1, deselected=2)


def test_only_what_a_change_touches_is_run(lab: Lab) -> None:
    """
    Given a committed project in which one variant was edited since,
    when pytest runs it since that commit, and again once that is committed,
    then the rows of that variant are run, and then nothing.
    """
    git = partial(subprocess.run, cwd=lab.folder, check=True, capture_output=True)
    commit = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qam", "x")
    for command in (("git", "init", "-q"), ("git", "add", "."), commit):
        git(command)
    edited = PIPELINE.replace("{{ word | upper }}", "{{ word | title }}")
    (lab.folder / "pipelines" / "say.yaml").write_text(edited)

    touched = lab(LIVE, "--promptlab-since=HEAD", "pipelines")
    git(commit)
    untouched = lab(LIVE, "--promptlab-since=HEAD", "pipelines")

    touched.assert_outcomes(failed=3, deselected=4)
    untouched.assert_outcomes(deselected=7)
    assert lab.trials_by_run() == [2]


def test_a_pipeline_that_does_not_load_is_an_error_of_the_collection(lab: Lab) -> None:
    """
    Given a pipeline with a fault,
    when pytest collects it,
    then the error is the problem at its place.
    """
    write_project(lab.folder, say=SMALL.replace("{{ word }}", "{{ wrd }}"))

    done = lab()

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["pipelines/say.yaml:6:*: error: *wrd*"])


def test_only_pipelines_that_run_by_themselves_are_collected(lab: Lab) -> None:
    """
    Given a pipeline that needs what its callers give it, and other YAML,
    when pytest collects the project, and when it is told that pipeline by name,
    then neither is an item, and then it is an error.
    """
    called = SMALL.replace("dataset: [{id: a, word: apple}, {id: b, word: pear}]", "inputs: {word: string}")
    write_project(lab.folder, called=called)
    for other in ("data/rows.yaml", "pipelines/schemas/reply.yaml"):
        (lab.folder / other).parent.mkdir()
        (lab.folder / other).write_text("[]")

    swept = lab("--collect-only", "-q")
    named = lab("--collect-only", "-q", "pipelines/called.yaml")

    assert swept.outlines[:8] == [*IDS, ""]
    named.assert_outcomes(errors=1)


def test_python_is_not_run_where_that_is_forbidden(lab: Lab) -> None:
    """
    Given a pipeline with a check in python,
    when pytest runs it live with --promptlab-no-python,
    then its rows are errors that name the file.
    """
    (lab.folder / "judge.py").write_text("def is_it(output):\n    return True\n")
    write_project(lab.folder, say=SMALL.replace("contains: apple", "python: judge.py:is_it"))

    done = lab(LIVE, "--promptlab-no-python")

    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(["--no-python, but pipelines/say.yaml runs judge.py"])


def test_an_error_says_what_helps(lab: Lab) -> None:
    """
    Given a limit on the cost, and a model of which nobody knows the price,
    when pytest runs the pipeline live,
    then its rows are errors with a hint on a line of its own.
    """
    write_project(lab.folder, say=SMALL.replace("echo/echo", "openai/unheard-of") + "limits: {cost_usd: 1}\n")

    done = lab(LIVE)

    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(
        ["there is a cost limit, but the price of openai/unheard-of*", "hint: *prices*"]
    )


def test_repeats_are_one_item(lab: Lab) -> None:
    """
    Given rows that are repeated,
    when pytest runs them,
    then each is one item, which tells of each repeat that failed.
    """
    write_project(lab.folder, say=SMALL + "repeat: 2\n")

    done = lab(LIVE)

    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["in row 1 (b), base, repeat 0", "in row 1 (b), base, repeat 1"])
    assert lab.trials_by_run() == [4]


def test_without_its_flag_the_plugin_imports_nothing(tmp_path: Path) -> None:
    """
    Given an empty folder,
    when pytest collects it with the plugin but without its flag,
    then of promptlab nothing but the plugin's small module was imported.
    """
    script = """if True:
        import pytest, sys
        pytest.main(["--co", "-q", "-p", "promptlab.pytest_plugin"])
        print(*sorted(name for name in sys.modules if name.partition(".")[0] == "promptlab"))
    """
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "promptlab promptlab.pytest_plugin"


def test_the_plugin_is_an_entry_point() -> None:
    """
    Given the package's metadata,
    when the entry points of pytest are read,
    then the plugin is there.
    """
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())

    points = metadata["project"]["entry-points"]["pytest11"]

    assert points == {"promptlab": "promptlab.pytest_plugin"}


def test_processes_share_what_the_first_of_them_ran(tmp_path: Path) -> None:
    """
    Given two processes of a session that share a folder,
    when both ask how a pipeline did,
    then the first runs it, and the other gets the same.
    """
    made: list[Sheet] = []
    path = tmp_path / "x.yaml"
    outcome = Outcome("failed", "why\ud800", ("beware",))

    def make() -> Sheet:
        made.append(Sheet({("a", "base"): outcome}, gates=Outcome("passed")))
        return made[-1]

    first = Sheets(tmp_path).sheet(path, make)
    second = Sheets(tmp_path).sheet(path, make)

    assert len(made) == 1
    assert second == first
    assert (second.of(("a", "base")), second.of(None).status) == (outcome, "passed")
    assert second.of(("b", "base")).status == "errored"


@pytest.mark.thorough  # three interpreters are started
def test_several_processes_make_one_run(lab: Lab) -> None:
    """
    Given two processes of pytest-xdist,
    when they run a pipeline,
    then all items are judged, and the log has one run of them all.
    """
    done = lab.pytester.runpytest_subprocess(*PLUGIN, "-p", "xdist", "-n2", "--promptlab", "pipelines")

    done.assert_outcomes(passed=1, failed=4, skipped=2)
    assert lab.trials_by_run() == [6]
