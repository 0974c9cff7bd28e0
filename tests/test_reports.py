"""All reports: whole, readable by the tools of their format, inert, and in no need of all trials at once."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakValueDictionary

import pytest

from promptlab.reports import REPORTS, SUFFIXES
from promptlab.schemas.report import RunReport
from promptlab.schemas.run import TrialResult
from tests.cli_kit import Cli
from tests.markdown import Document
from tests.report_kit import HOSTILE, STATUSES, SUMMARY, ended, summary_of, trial_of, written

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ALIVE = 5  # of three hundred: the trials of a row


def test_every_suffix_has_a_report() -> None:
    """
    Given the suffixes that --out takes,
    when their reports are looked up,
    then each is in the table, and each of the table has one but for annotations, which are no file.
    """
    assert {*SUFFIXES.values(), "github"} == set(REPORTS.names())


@pytest.mark.parametrize("kind", REPORTS.names())
def test_a_report_can_be_written_and_shown(kind: str) -> None:
    """
    Given trials with control characters and lone surrogates,
    when any report is made,
    then it is UTF-8 and has no control character.
    """
    text = written(kind)

    assert text.encode()
    assert not CONTROL.search(text)


@pytest.mark.parametrize("kind", REPORTS.names())
def test_a_run_without_trials_has_a_report(kind: str) -> None:
    """
    Given a run that ended before its first trial,
    when any report is made,
    then it is made.
    """
    assert written(kind, []) or kind == "jsonl"


@pytest.mark.parametrize("kind", REPORTS.names())
def test_every_end_of_a_trial_is_in_every_report(kind: str) -> None:
    """
    Given trials that passed, failed, erred, were skipped and were left,
    when any report is made,
    then it says what failed and what broke.
    """
    trials = [ended(row, status) for row, status in enumerate(STATUSES)]

    text = written(kind, trials, summary=summary_of(trials))

    assert "got text 1" in text
    assert "it broke" in text


@pytest.mark.parametrize("kind", ["markdown", "html", "github", "junit"])
def test_a_report_of_a_replay_that_lacked_answers_says_what_records_them(kind: str) -> None:
    """
    Given a replay that ended because answers are not recorded,
    when a report for people is made,
    then it has the command that records them.
    """
    command = "promptlab recordings update pipelines/words.yaml"
    summary = replace(SUMMARY, planned=9, stopped="not recorded: 9 answers", command=command)

    assert command in written(kind, [], summary=summary)


@pytest.mark.parametrize("kind", REPORTS.names())
def test_a_report_never_has_all_trials_at_once(kind: str) -> None:
    """
    Given a run of three hundred trials as a stream,
    when any report is made,
    then only a few of them are ever in memory.
    """
    alive: WeakValueDictionary[int, TrialResult] = WeakValueDictionary()
    most = 0

    def stream() -> Iterator[TrialResult]:
        nonlocal most
        for row in range(300):
            trial = trial_of(row, f"text {row % 7}")
            alive[row] = trial
            most = max(most, len(alive))
            yield trial

    for _ in REPORTS.get(kind)(RunReport(SUMMARY, stream)):
        pass

    assert 0 < most < ALIVE


def test_csv_gives_each_trial_a_line_and_no_formula() -> None:
    """
    Given texts that spreadsheets take for formulas, quotes and line breaks,
    when CSV is read back,
    then each trial is a line with all columns, no cell of text begins a formula, numbers stay numbers.
    """
    rows = list(csv.DictReader(io.StringIO(written("csv")), strict=True))

    assert len(rows) == len(HOSTILE)
    for row, text in zip(rows, HOSTILE, strict=True):
        assert row["input.number"] == "-1"
        assert not [
            cell
            for name, cell in row.items()
            if name != "input.number" and cell[:1] in "=+-@\t\r\n＝＋－＠" and cell
        ]
        if not CONTROL.search(text) and "\ud800" not in text:
            assert row["output.answer"].removeprefix("'") == text


def test_jsonl_gives_each_trial_a_line_as_it_was() -> None:
    """
    Given trials with line ends of every kind in their texts,
    when JSONL is read back, by lines as Python splits them,
    then each line is a trial with its texts unchanged.
    """
    objects = [json.loads(line) for line in written("jsonl").splitlines()]

    assert [found["outputs"]["answer"] for found in objects] == HOSTILE
    assert objects[0]["axes"] == {"t": 0.7}
    assert objects[0]["steps"]["left"] == {
        "status": "skipped",
        "output": None,
        "recalled": False,
        "attempts": 0,
        "model": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "cost_usd": 0.0,
        "latency_ms": 0.0,
        "error": None,
    }
    assert objects[0]["checks"][0]["reason"] == "got =HYPERLINK(1)"


def test_json_is_one_document_with_the_summary() -> None:
    """
    Given a run,
    when its JSON report is read back,
    then it is what `run --json` prints, with the trials under `results`.
    """
    found = json.loads(written("json"))

    results = found.pop("results")
    assert found == json.loads(json.dumps(SUMMARY.as_json()))
    assert [result["outputs"]["answer"] for result in results] == HOSTILE


TOLD = """\
version: 1
model: echo/echo
dataset: [{word: hello}, {word: other}]
inputs: {word: string}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}!"}]
    checks:
      - python: judge.py:judge
      - contains: hello
"""
JUDGE = "def judge(output):\n    return True\n"
TRAP = "from pathlib import Path\nPath('ran').touch()\n" + JUDGE


def test_no_report_runs_code_of_the_project(cli: Cli) -> None:
    """
    Given a run with a check in Python, whose file leaves a trace now wherever it is imported,
    when each report is made of the stored run,
    then each is made, its checks in it, and there is no trace.
    """
    cli.write(told=TOLD)
    (cli.folder / "judge.py").write_text(JUDGE)
    cli("run", "told")
    (cli.folder / "judge.py").write_text(TRAP)

    said = {kind: cli("report", "last", "--format", kind) for kind in REPORTS.names()}

    assert {kind: one.code for kind, one in said.items()} == dict.fromkeys(REPORTS.names(), 0)
    assert all("hello" in one.out for one in said.values())
    assert not (cli.folder / "ran").exists()


SHOWN_BY = {"xml": "junit", "markdown": "markdown", "text": "github", "csv": "csv"}
CHANGING = re.compile(r"\b01[0-9a-z]{24}\b|in \d+\.\d s|time=\"[0-9.]+\"|(?<=,)\d+\.\d+(?=,$)")


def test_the_document_shows_what_reports_are(cli: Cli) -> None:
    """
    Given the pipeline and the examples of docs/reports.md,
    when it is run and reported in each format,
    then each line of an example is one of its report, but for ids and times.
    """
    examples = {block.language: block.text for block in Document("docs/reports.md").blocks()}
    cli.write(greet=examples["yaml"])
    cli("run", "greet")

    for language, kind in SHOWN_BY.items():
        said = CHANGING.sub("", cli("report", "last", "--format", kind).out).splitlines()
        shown = CHANGING.sub("", examples[language]).splitlines()

        assert [line for line in shown if line != "…" and line not in said] == []
