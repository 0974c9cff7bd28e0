"""The four reports of a run: whole, readable by the tools of their format, and inert."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from promptlab.reports import REPORTS, SUFFIXES
from promptlab.schemas.report import Calls, GateResult, RunReport, RunSummary
from promptlab.schemas.run import StepResult, TrialKey, TrialResult, Verdict

HOSTILE = [
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    'quote " comma , line\nbreak',
    "<script>alert(1)</script>",
    "[link](http://evil) ![image](http://evil) www.evil.example",
    "`code` *bold* _it_ | cell | ~~x~~ # h",
    "a\0b\x1b[31mred\x1b[0m\x9b2J\u2028\u202eolleh",
    "\ud800 lone",
    "x" * 10_000,
    "",
]
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def trial_of(row: int, text: str, *, passed: bool = False) -> TrialResult:
    verdict = Verdict(
        step="say",
        name=f"{text[:20]}|check",
        type="equals",
        status="passed" if passed else "failed",
        score=float(passed),
        reason=f"got {text}",
    )
    step = StepResult(id="say", status="passed", output=text, model="echo/echo", verdicts=(verdict,))
    key = TrialKey(row=row, row_id=text[:30] or "empty", cell="base t=0.7", axes={"t": 0.7})
    return TrialResult(
        key=key,
        status="passed" if passed else "failed",
        inputs={"word": text, "number": -1, "list": [text]},
        outputs={"answer": text},
        steps=(step, StepResult(id="left", status="skipped")),
    )


TRIALS = [trial_of(row, text) for row, text in enumerate(HOSTILE)]
SUMMARY = RunSummary(
    run_id="01m83",
    pipeline="tri|age <b>",
    status="failed",
    trials={"passed": 0, "failed": len(HOSTILE)},
    calls=Calls(sent=3, attempts=4, recalled=1),
    metrics={"pass_rate": 0.0},
    cells={"base t=0.7": {"pass_rate": 0.0, "cost_usd": None}},
    checks={"base t=0.7": {"say/a|b": 0.0}},
    gates=(
        GateResult(
            metric="pass_rate", cell="base t=0.7", value=0.0, status="failed", min=0.9, reason="<i>low"
        ),
    ),
    planned=len(HOSTILE),
)


def written(kind: str, trials: Iterable[TrialResult] = TRIALS) -> str:
    kept = list(trials)
    return "".join(REPORTS.get(kind)(RunReport(SUMMARY, lambda: kept)))


def test_every_suffix_has_a_report() -> None:
    """
    Given the suffixes that --out takes,
    when their reports are looked up,
    then each is in the table, and each of the table has one.
    """
    assert set(SUFFIXES.values()) == set(REPORTS.names())


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


def test_markdown_shows_texts_as_they_are() -> None:
    """
    Given texts with HTML, links, images, code and cell borders,
    when Markdown is made,
    then nothing of them is markup, no cell is added, and long ones are cut.
    """
    text = written("markdown")

    lines = text.split("\n")
    table = lines[lines.index("| row | cell | status | output | why |") :]
    unescaped = re.sub(r"\\.", "", text)
    rows = [re.sub(r"\\.", "", line) for line in table if line]
    assert {row.count("|") for row in rows} == {6}
    assert len(rows) == len(HOSTILE) + 2
    assert not re.search(r"[<>`\[\]~@]|http://|www\.", unescaped.replace("`01m83`", ""))
    assert max(map(len, lines)) < 3_000


def test_markdown_shows_gates_and_the_trials_that_did_not_pass() -> None:
    """
    Given a run with a failed gate and one trial that passed,
    when Markdown is made,
    then the gate is there with its mark, the rates, and not the trial.
    """
    text = written("markdown", [trial_of(0, "fine", passed=True), trial_of(1, "wrong")])

    assert "- ✗ gate pass\\_rate at least 0.9 in base t=0.7: \\<i\\>low" in text
    assert "| **pass rate** | 0.0 % |" in text
    assert "wrong" in text
    assert "fine" not in text


def test_markdown_shows_means_and_what_is_left() -> None:
    """
    Given a run with a metric of its own, in a cell that has no value of it too, that Ctrl-C ended,
    when Markdown is made,
    then the means are there, and how many trials are left and why.
    """
    cells: dict[str, dict[str, float | None]] = {
        "a": {"pass_rate": 0.5, "brevity": 0.25},
        "b": {"pass_rate": 0.5},
    }
    stopped = replace(SUMMARY, cells=cells, stopped="Ctrl-C", planned=len(HOSTILE) + 2)

    text = "".join(REPORTS.get("markdown")(RunReport(stopped, lambda: TRIALS)))

    assert "| mean brevity | 0.250 | – |" in text
    assert "Stopped: Ctrl\\-C. 2 trials left: failures in every rate." in text


def test_markdown_shows_at_most_fifty_trials() -> None:
    """
    Given a run with a hundred trials that failed,
    when Markdown is made,
    then fifty are shown, and it says so.
    """
    text = written("markdown", [trial_of(row, f"text {row}") for row in range(100)])

    assert text.count("| failed |") == 50
    assert "Only the first 50 are shown." in text
