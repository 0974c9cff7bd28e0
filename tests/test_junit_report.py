"""JUnit XML, read back by a parser of JUnit and held to the schema of those who read it."""

from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from lxml import etree

from promptlab.reports import junit
from promptlab.schemas.report import GateResult, Origin
from promptlab.schemas.run import TrialResult, Verdict
from tests.cli_kit import ECHO, Cli
from tests.report_kit import CELL, HOSTILE, STATUSES, SUMMARY, TRIALS, ended, summary_of, written

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
ALL = [ended(row, status) for row, status in enumerate(STATUSES)]


def suites(text: str) -> list[TestSuite]:
    """Hold a report to the schema, and give its suites as junitparser reads them."""
    SCHEMA.assertValid(etree.fromstring(text.encode()))
    return list(JUnitXml.fromstring(text.encode()))


def cases(suite: TestSuite) -> list[TestCase]:
    return list(suite)


@pytest.mark.parametrize("trials", [[], TRIALS, ALL], ids=["none", "hostile", "all"])
def test_it_is_valid(trials: list[TrialResult]) -> None:
    """
    Given a run without trials, with hostile texts, or with every end that a trial may have,
    when its JUnit XML is held to the schema,
    then it is valid, and its counts are those of its cases.
    """
    found = suites(written("junit", trials))

    for suite in found:
        assert suite.tests == len(cases(suite))
    assert found[0].tests == len(trials)


def test_each_end_of_a_trial_is_an_element() -> None:
    """
    Given trials that passed, failed, erred, were skipped and were left,
    when JUnit XML is made,
    then each is what a reader takes it for; what was left is no pass.
    """
    [cell, _] = suites(written("junit", ALL, summary=summary_of(ALL)))

    assert [[type(result) for result in case.result] for case in cell] == [
        [],
        [Failure],
        [Error],
        [Skipped],
        [Error],
    ]
    failed, errored = cases(cell)[1].result[0], cases(cell)[2].result[0]
    assert (failed.message, failed.type) == ("say/text 1|check: got text 1", "equals")
    assert (errored.message, errored.type, errored.text) == ("say: it broke", "server", "say: it broke")
    assert (cell.tests, cell.failures, cell.errors, cell.skipped) == (5, 1, 2, 1)


def test_a_case_says_where_it_is_from() -> None:
    """
    Given a run of a pipeline in a project that is a folder of its repository,
    when JUnit XML is made,
    then cases have name, class, time and the file as GitLab links it; a full stop splits no class.
    """
    text = written("junit", ALL[:1], origin=Origin("pipelines/triage.yaml", "prompts/"))

    [case] = suites(text)[0]
    assert (case.name, case.classname, case.time) == ("text 0", "tri|age <b>.base t=0․7", 0.0)
    assert case._elem.get("file") == "prompts/pipelines/triage.yaml"


def test_names_stay_apart() -> None:
    """
    Given rows with ids that look alike once they are cut and cleaned, and repeats,
    when JUnit XML is made,
    then no two cases have the same name: GitLab would drop one of them.
    """
    ids = ["a\tb", "a b", "x" * 300, "x" * 301, "y", "y (repeat 2)"]
    trials = [
        replace(trial, key=replace(trial.key, row_id=name)) for trial, name in zip(TRIALS, ids, strict=False)
    ]
    again = [replace(trial, key=replace(trial.key, repeat=1)) for trial in trials]

    names = [case.name for case in suites(written("junit", [*trials, *again]))[0]]

    assert len(set(names)) == 12
    assert {"a b", "y", "y (repeat 2)"} < set(names)


def test_cells_are_suites_with_their_metrics() -> None:
    """
    Given a run of two cells, its trials in order of rows,
    when JUnit XML is made,
    then each cell is a suite with its own trials and metrics.
    """
    trials = [ended(row, "passed", cell=cell) for row in range(200) for cell in ("one", "two")]

    one, two, _ = suites(written("junit", trials, summary=summary_of(trials)))

    assert [one.name, two.name] == ["tri|age <b> one", "tri|age <b> two"]
    assert [case.name for case in one] == [case.name for case in two] == [f"text {row}" for row in range(200)]
    said = two.properties()  # type: ignore[no-untyped-call]
    assert {(one.name, one.value) for one in said} == {("pass_rate", "0.5"), ("cost_usd", "0.01")}


def test_gates_are_cases() -> None:
    """
    Given gates that passed, failed, failed as a warning and could not tell,
    when JUnit XML is made,
    then one fails alone; the warning and the open one are skipped, with the reason.
    """
    made = GateResult(metric="pass_rate", cell=CELL, value=0.8, status="failed", min=0.9, reason="too low")
    gates = (
        replace(made, status="passed", min=0.5),
        made,
        replace(made, severity="warn"),
        replace(made, status="inconclusive", against="main", min=None),
    )

    gated = suites(written("junit", ALL[:1], summary=summary_of(ALL[:1], gates=gates)))[-1]

    assert [[type(result) for result in case.result] for case in gated] == [
        [],
        [Failure],
        [Skipped],
        [Skipped],
    ]
    assert [case.result[0].message for case in cases(gated)[1:]] == [
        "too low",
        "warning: too low",
        "inconclusive: too low",
    ]
    assert cases(gated)[1].name == "gate pass_rate at least 0.9"


def test_a_run_that_was_stopped_is_never_green() -> None:
    """
    Given a run that a limit stopped after trials that all passed,
    when JUnit XML is made,
    then there is an error that says so.
    """
    stopped = replace(summary_of(ALL[:1]), stopped="the limit of $1 is reached", planned=7)

    last = suites(written("junit", ALL[:1], summary=stopped))[-1]

    [error] = cases(last)[0].result
    assert isinstance(error, Error)
    assert error.message == "6 trials left: the limit of $1 is reached"


def test_outputs_are_text_and_open_no_file() -> None:
    """
    Given outputs with markup, control characters and the marker by which CI servers attach files,
    when JUnit XML is read back,
    then they are there as text, what hides is spelt out, long ones are cut, and the marker is none.
    """
    by_name = {text: case.system_out for text, case in zip(HOSTILE, suites(written("junit"))[0], strict=True)}

    assert by_name["<script>alert(1)</script>"] == '{"answer": "<script>alert(1)</script>"}'
    assert by_name["[[ATTACHMENT|/etc/passwd]]"] == '{"answer": "[ [ATTACHMENT|/etc/passwd]]"}'
    assert "\\u202e" in by_name[HOSTILE[18]]
    assert len(by_name["x" * 10_000]) < 2_100
    assert not any(
        "[[ATTACHMENT" in (element.text or "")
        for element in etree.fromstring(written("junit").encode()).iter()
    )


def test_warnings_fail_no_case() -> None:
    """
    Given a trial that passed with a failed check that only warns,
    when JUnit XML is made,
    then its case passes and its text says the warning.
    """
    warning = Verdict(
        step=None,
        name="brief",
        type="word-count",
        status="failed",
        score=0.0,
        reason="too long",
        severity="warn",
    )
    trial = replace(ALL[0], verdicts=(warning,))

    [case] = suites(written("junit", [trial]))[0]

    assert not case.result
    assert case.system_out.endswith("warning: brief: too long")


def test_outputs_give_way_where_the_file_would_be_too_large() -> None:
    """
    Given room for two outputs,
    when three come, and one that is small enough,
    then the third is left out and counted.
    """
    outputs = junit.Outputs(room=200)

    taken = [outputs.take("x" * 90), outputs.take("é" * 45), outputs.take("x" * 90), outputs.take("x")]

    assert [bool(text) for text in taken] == [True, True, False, True]
    assert outputs.left_out == 1


def test_run_writes_it_by_its_suffix(cli: Cli) -> None:
    """
    Given a pipeline of which a row fails,
    when it is run with `--out results.xml`,
    then the file is JUnit XML with the failed row, its reason and the pipeline's file.
    """
    cli.write(echo=ECHO)

    cli("run", "echo", "--out", "results.xml")

    first, _ = suites((cli.folder / "results.xml").read_text())
    [failed] = [case for case in first if case.result]
    assert failed.result[0].message == "say/contains: does not contain 'hello'"
    assert failed._elem.get("file") == "pipelines/echo.yaml"
    assert SUMMARY.run_id not in first.name
