"""Markdown as GitHub shows it: what failed first, within its sizes; no text is markup, mention or link."""

import re
from dataclasses import replace
from html import unescape

from promptlab.schemas.report import GateResult
from promptlab.schemas.run import StepResult, Verdict
from tests.report_kit import CELL, HOSTILE, SUMMARY, ended, summary_of, trial_of, written

COMMENT = 65_536
OURS = re.compile(r"</?(details|summary|pre|code)>|<!-- -->")


def test_texts_are_shown_as_they_are() -> None:
    """
    Given texts with HTML, links, images, code, mentions, references and cell borders,
    when Markdown is made,
    then all tags are ours and balanced, and outside of <pre> no character is left that is markup.
    """
    text = written("markdown")

    outside = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    foreign = "".join(re.findall(r"<code>(.*?)</code>", outside, flags=re.DOTALL))
    assert "<" not in OURS.sub("", text)
    assert all(
        text.count(f"<{tag}>") == text.count(f"</{tag}>") for tag in ("details", "summary", "pre", "code")
    )
    assert not re.search(r"[>`\[\]~*|\\$#@]|://|www\.", re.sub(r"<!-- -->|&#\d+;", "", foreign))
    assert not re.search(r"&#64;(?!<!-- -->)", foreign)
    assert unescape(foreign).count("@<!-- -->someone") == 5


def test_what_did_not_pass_comes_first_and_can_be_opened() -> None:
    """
    Given a run with a failed gate, a trial that passed, one that failed and one that erred,
    when Markdown is made,
    then gate and trials come before the tables, closed, with output and reasons; the pass is not told.
    """
    trials = [ended(0, "passed"), ended(1, "failed"), ended(2, "errored")]
    gate = GateResult(metric="pass_rate", cell=CELL, value=0.3, status="failed", min=0.9, reason="<i>low")

    text = written("markdown", trials, summary=summary_of(trials, gates=(gate,)))

    order = ["✗ gate <code>pass_rate</code>", "<details>", "text 1", "it broke", "| **pass rate** | 50.0 % |"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert "&#60;i&#62;low" in text
    assert "- ✗ <code>say/text 1&#124;check: got text 1</code>\n" in text
    assert "<pre>{&quot;answer&quot;: &quot;text 1&quot;}</pre>" in text
    assert "text 0" not in text


def test_means_and_what_is_left_are_told() -> None:
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

    text = written("markdown", summary=stopped)

    assert "| <code>mean brevity</code> | 0.250 | – |" in text
    assert "Stopped: <code>Ctrl-C</code>. 2 trials left: failures in every rate." in text


def test_at_most_fifty_trials_are_shown() -> None:
    """
    Given a run with a hundred trials that failed,
    when Markdown is made,
    then fifty are shown, and it says so.
    """
    trials = [trial_of(row, f"text {row}") for row in range(100)]

    text = written("markdown", trials, summary=summary_of(trials))

    assert text.count("<details>") == 50
    assert "Only the first 50 of 100 trials that did not pass are shown." in text


def test_it_fits_a_comment() -> None:
    """
    Given many cells, gates and checks with long names, and trials with long outputs and reasons,
    when Markdown is made,
    then it is no larger than a comment may be, whole, and says what is left out.
    """
    many = tuple(
        Verdict(step=None, name=f"check {n}", type="equals", status="failed", score=0.0, reason="€<" * 500)
        for n in range(100)
    )
    step = StepResult(id="say", status="passed")
    trials = [
        replace(trial_of(row, "€<" * 9_000, cell=f"{'cell ' * 30}{row}"), verdicts=many, steps=(step,))
        for row in range(300)
    ]
    gates = tuple(replace(SUMMARY.gates[0], reason="€" * 1_000) for _ in range(300))

    text = written("markdown", trials, summary=summary_of(trials, gates=gates))

    assert len(text.encode()) < COMMENT
    assert text.count("<details>") == text.count("</details>")
    assert re.search(r"Only the first \d+ of 300 trials that did not pass are shown", text)
    assert text.count("More is left out here; the JSON report has all.") == 2


def test_a_run_that_passed_is_short() -> None:
    """
    Given a run of which all passed,
    when Markdown is made,
    then it is the headline and the table.
    """
    text = written("markdown", [ended(0, "passed")], summary=replace(summary_of([]), cells={}))

    assert text.startswith("## <code>tri&#124;age &#60;b&#62;</code>: failed\n\n")
    assert "<details>" not in text
