"""`promptlab.testing`: pipelines in tests that are written in Python."""

import shutil
from pathlib import Path

import pytest

import promptlab
from promptlab.core.errors import UsageError
from promptlab.testing import NotRecorded, pipeline
from tests.cli_kit import write_project

SAY = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{id: a, word: apple, label: apple}, {id: b, word: pear, label: apple}]
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
checks: [{type: equals, value: "{{ label }}", path: label}]
outputs: {label: "{{ say.output }}"}
"""
LOUD = """\
version: 1
model: echo/echo
inputs: {word: string}
variants: {plain: {}, loud: {steps: {say: {messages: [{role: user, content: "{{ word | upper }}"}]}}}}
dataset: [{word: apple}]
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks: [contains: apple]
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    write_project(folder, say=SAY, loud=LOUD)
    promptlab.run("say", project=folder, mode="record")
    promptlab.run("loud", project=folder, mode="record")
    shutil.rmtree(folder / ".promptlab")
    return folder


@pytest.fixture
def project(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(recorded, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.usefixtures("project")
def test_rows_of_the_dataset_are_run_one_by_one() -> None:
    """
    Given a pipeline with recordings,
    when its rows are run from a test,
    then each result has what a test asserts, and one that failed says why.
    """
    say = pipeline("say")

    good, bad = (say.run(row) for row in say.rows())

    assert [row.id for row in say.rows()] == ["a", "b"]
    assert good.passed
    assert good.outputs == {"label": "apple"}
    assert good.steps["say"].output == "apple"
    assert [(check.name, check.status) for check in good.checks] == [("equals", "passed")]
    assert repr(good) == "<say row a base: passed>"
    assert not bad.passed
    assert repr(bad).startswith("<say row b base: failed: equals failed: ")
    with pytest.raises(AssertionError) as caught:
        bad.assert_passed()
    lines = str(caught.value).splitlines()
    assert lines[0] == "say: failed"
    assert lines[1].startswith("equals failed: ")
    assert lines[-3:] == ['  outputs: {"label": "pear"}', "  given word: pear", "in row 1 (b), base"]


async def test_inputs_make_a_row_of_their_own(project: Path) -> None:
    """
    Given a program with an event loop,
    when a variant of a pipeline is run live with inputs,
    then there is a result of that row, by the checks of the file.
    """
    loud = pipeline(project / "pipelines" / "loud.yaml", mode="live", variant="loud")

    result = await loud.run_async(word="pear")

    assert (result.status, result.outputs) == ("failed", "PEAR")
    with pytest.raises(UsageError, match="event loop"):
        loud.run(word="pear")


@pytest.mark.usefixtures("project")
def test_what_is_not_recorded_is_said_with_what_to_do() -> None:
    """
    Given a replay, in which nothing is called,
    when a row is run whose answer is not recorded,
    then the error says how it is recorded.
    """
    with pytest.raises(NotRecorded) as caught:
        pipeline("loud", variant="plain").run(word="plum")

    assert str(caught.value).splitlines() == [
        "pipelines/loud.yaml: no answer is recorded for say of echo/echo",
        "record it, with a key: promptlab recordings update pipelines/loud.yaml",
        'and commit recordings/; or call the model: mode="live"',
    ]


@pytest.mark.usefixtures("project")
def test_what_cannot_be_meant_is_refused() -> None:
    """
    Given a pipeline with two variants,
    when none of them is chosen, or a row is given with inputs,
    then the error says what to give.
    """
    with pytest.raises(UsageError, match=r"has 2 variants, .* say variant=; there are plain, loud"):
        pipeline("loud").run(word="apple")
    [row] = pipeline("loud").rows()
    with pytest.raises(UsageError, match="give the row, or inputs"):
        pipeline("loud", variant="plain").run(row, word="apple")
