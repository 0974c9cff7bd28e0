"""promptlab from Python."""

import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import promptlab
from promptlab import InvalidPipeline, load, run, run_async, validate
from promptlab.core.errors import NothingToRun, UsageError

PIPELINE = """\
version: 1
model: echo/echo
dataset: [{word: apple}, {word: pear}]
steps:
  - id: say
    messages: [{role: user, content: "say {{ word }}"}]
    checks: [contains: apple]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "promptlab.yaml").write_text("version: 1\n")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "say.yaml").write_text(PIPELINE)
    return tmp_path


def test_a_run_gives_its_summary_and_its_trials(project: Path) -> None:
    """
    Given a pipeline of two rows, one of which passes,
    when it is run from Python by its name,
    then the report has the numbers, and the trials in order.
    """
    report = run("say", project=project)

    assert dict(report.summary.trials) == {"passed": 1, "failed": 1}
    assert [trial.outputs for trial in report.trials()] == ["say apple", "say pear"]
    assert report.summary.exit_code == 1


async def test_a_run_can_be_awaited(project: Path) -> None:
    """
    Given a program with an event loop,
    when it awaits a run of the first row with changes,
    then only that row ran, as it was changed.
    """
    seen: list[object] = []

    report = await run_async(
        "say", project=project, limit=1, set={"tags": ["x"]}, on_event=seen.append, inputs={"word": "plum"}
    )

    assert [trial.outputs for trial in report.trials()] == ["say plum"]
    assert seen


def test_only_the_trials_that_are_named_are_run(project: Path) -> None:
    """
    Given a pipeline of two rows in one cell,
    when it is run from Python with the second named by its id, cell and repeat,
    then that one alone ran.
    """
    _, pear = load("say", project=project).rows()

    report = run("say", project=project, trials={(pear.id, "base", 0)})

    assert [trial.outputs for trial in report.trials()] == ["say pear"]


def test_only_what_a_git_change_touches_is_run_where_that_is_asked(project: Path) -> None:
    """
    Given a committed project in which one row was edited since,
    when it is run from Python since that commit, and again since one that has the edit,
    then that row alone is run, and then there is nothing to run.
    """
    git = partial(subprocess.run, cwd=project, check=True, capture_output=True)
    commit = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qam", "x")
    for command in (("git", "init", "-q"), ("git", "add", "."), commit):
        git(command)
    (project / "pipelines" / "say.yaml").write_text(PIPELINE.replace("pear", "plum"))

    report = run("say", project=project, since="HEAD")
    git(commit)

    assert [trial.outputs for trial in report.trials()] == ["say plum"]
    with pytest.raises(NothingToRun, match="nothing of it changed since 'HEAD'"):
        run("say", project=project, since="HEAD")


def test_what_was_recorded_is_replayed_without_a_call(project: Path) -> None:
    """
    Given a pipeline whose answers were recorded as files, and another row since,
    when it is replayed from Python,
    then the recorded rows ended, and the new one lacks an answer, which is usage.
    """
    run("say", project=project, mode="record")
    (project / "pipelines" / "say.yaml").write_text(PIPELINE.replace("}]\n", "}, {word: plum}]\n", 1))

    report = run("say", project=project, mode="replay")

    assert [trial.outputs for trial in report.trials()] == ["say apple", "say pear"]
    assert (report.summary.exit_code, len(report.summary.unrecorded)) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be a whole number above 0, not 0"),
        ({"limit": -1}, "limit must be a whole number above 0, not -1"),
        ({"limit": "3"}, "limit must be a whole number above 0, not '3'"),
        ({"repeat": True}, "repeat must be a whole number above 0, not True"),
        ({"max_concurrency": 1001}, "max_concurrency must be a whole number from 1 to 1,000, not 1001"),
        ({"max_cost": 0}, "max_cost must be a number above 0, not 0"),
        ({"max_cost": float("nan")}, "max_cost must be a number above 0, not nan"),
        ({"on_unknown": "ask"}, "on_unknown must be 'retry' or 'fail', not 'ask'"),
        ({"mode": "test"}, "mode must be 'live', 'record' or 'replay', not 'test'"),
        ({"variants": "plain"}, "variants must be a list of names, not 'plain'"),
        ({"tags": [1]}, "tags must be a list of names, not [1]"),
        ({"note": 3}, "note must be text, not 3"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_before_the_run(
    project: Path, arguments: dict[str, Any], message: str
) -> None:
    """
    Given an argument whose value the command line would refuse,
    when a pipeline is run with it from Python,
    then it is refused with what is wanted, and nothing ran.
    """
    with pytest.raises(UsageError) as caught:
        run("say", project=project, **arguments)

    assert str(caught.value) == message
    assert not (project / ".promptlab" / "lab.db").exists()


def test_an_argument_that_there_is_not_is_refused(project: Path) -> None:
    """
    Given a misspelt argument, without which all rows would be paid for,
    when a pipeline is run or loaded with it,
    then it is a TypeError that says what was meant, and nothing ran.
    """
    wrong: dict[str, Any] = {"limt": 1}

    with pytest.raises(TypeError, match="there is no argument 'limt'; did you mean 'limit'"):
        run("say", project=project, **wrong)
    with pytest.raises(TypeError, match="there is no argument 'limt'"):
        load("say", project=project, **wrong)

    assert not (project / ".promptlab" / "lab.db").exists()


def test_all_problems_come_at_once(project: Path) -> None:
    """
    Given a pipeline with two faults,
    when it is validated and loaded,
    then both say where they are, and loading raises them.
    """
    broken = PIPELINE.replace("{{ word }}", "{{ wrd }}").replace("contains", "contans")
    path = project / "pipelines" / "say.yaml"
    path.write_text(broken)

    problems = validate(path)

    assert [(problem.line, problem.code) for problem in problems] == [(6, "undefined"), (7, "check")]
    with pytest.raises(InvalidPipeline):
        load(path)


def test_what_the_package_exports_is_there_and_sorted() -> None:
    """
    Given the package's __all__,
    when each name is looked up,
    then it is there; the list is sorted, and an unknown name is an AttributeError.
    """
    names = promptlab.__all__

    assert names == sorted(names)
    assert all(getattr(promptlab, name) is not None for name in names)
    assert not hasattr(promptlab, "nothing_of_this_name")


async def test_a_program_with_an_event_loop_is_told_to_await(project: Path) -> None:
    """
    Given a program that has an event loop,
    when it calls `run`,
    then the error says what to await instead.
    """
    with pytest.raises(promptlab.PromptlabError, match="event loop") as error:
        run("say", project=project)

    assert "run_async" in (error.value.hint or "")
