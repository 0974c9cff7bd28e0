"""The HTML report: one inert file, readable in any light; shown by a real browser where there is one."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from promptlab.reports.page_view import shown_rows
from promptlab.schemas.report import GateResult, Measured, Slice, Slices
from promptlab.schemas.run import Verdict
from tests.browser_kit import CHROMIUM, shown
from tests.report_kit import CELL, HOSTILE, STATUSES, SUMMARY, ended, summary_of, trial_of, written

STYLE = (files("promptlab.reports.page") / "report.css").read_text("utf-8")
COLOURS = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
VERDICTS = ("passed", "failed", "errored", "skipped")
BELOW = [f"{verdict}-bg" for verdict in VERDICTS]
PAIRS = [
    *product(("fg",), ("bg", "card", *BELOW)),
    *product(("muted",), ("bg", "card")),
    *product(VERDICTS, ("bg", *BELOW)),
]
AA = 4.5


class Page(HTMLParser):
    """What a page is made of: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]


def light(colour: str) -> float:
    """Give the relative luminance of a colour, as WCAG 2.2 defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(scheme: str) -> None:
    """
    Given the colours of the page in light and in dark,
    when those of texts are held against those below them,
    then each contrast is that of WCAG AA.
    """
    before, dark, after = STYLE.partition("@media (prefers-color-scheme: dark)")
    colours = dict(COLOURS.findall(before if scheme == "light" else after))

    assert dark
    assert [pair for pair in PAIRS if contrast(*(colours[name] for name in pair)) < AA] == []


def test_nothing_but_its_own_style_and_script_can_run() -> None:
    """
    Given a page of hostile texts,
    when its policy and elements are read,
    then style and script are those of the policy's hashes, nothing is loaded from anywhere, no element or
    attribute is a text's.
    """
    text = written("html")
    page = Page(text)

    [policy] = [one["content"] or "" for one in page.all("meta") if one.get("http-equiv")]
    for tag in ("style", "script"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}';" in policy
    assert policy.startswith("default-src 'none'; ")
    names = {name for _, attributes in page.elements for name in attributes}
    assert not names & {"src", "href", "style", "srcset", "action"}
    assert not any(name.startswith("on") for name in names)
    assert not {tag for tag, _ in page.elements} & {"img", "a", "link", "iframe", "form", "object", "base"}
    assert text.index("Content-Security-Policy") < text.index("<title>")


def test_rows_and_cells_are_a_matrix() -> None:
    """
    Given rows in two cells, with every end that a trial may have and one repeat,
    when the page is made,
    then each row is a line, each cell a column, and each trial has its verdict in words and its facts.
    """
    trials = [ended(row, status, cell=cell) for row, status in enumerate(STATUSES) for cell in ("one", "two")]
    trials.append(replace(trials[-1], key=replace(trials[-1].key, repeat=1)))

    page = Page(written("html", trials, summary=summary_of(trials)))

    found = page.all("details")
    drawn = [one["data-status"] for one in found if "data-status" in one]
    assert drawn == [status for status in STATUSES for _ in "12"] + ["left"]
    assert len({one.get("id") for one in found} - {None}) == len(trials)
    assert [one["data-status"] for one in page.all("tr") if "data-status" in one] == list(STATUSES)
    assert "say: it broke" in page.text
    assert "got text 1" in page.text
    assert "left for a later run" in page.text
    assert "repeat 2" in page.text


def test_metrics_and_gates_are_told() -> None:
    """
    Given a run with intervals, gates, a warning and trials that are left,
    when the page is made,
    then metrics stand with their intervals, gates with their reasons, and what is left is told.
    """
    gate = GateResult(metric="pass_rate", cell=CELL, value=0.5, status="failed", min=0.9, reason="<i>too low")
    measured = Measured(cell_intervals={CELL: {"pass_rate": {"low": 0.4, "high": 0.6}}})
    brief = Verdict(
        step=None, name="brief", type="x", status="failed", score=0.25, reason="long", severity="warn"
    )
    trials = [replace(ended(0, "passed"), verdicts=(brief,))]
    summary = replace(summary_of(trials, gates=(gate,)), measured=measured, planned=4, stopped="Ctrl-C")

    text = Page(written("html", trials, summary=summary)).text

    assert "50.0 % (40.0–60.0)" in text
    assert re.search(r"failed\s*pass_rate at least 0.9 in base t=0.7: <i>too low", text)
    assert "brief (warns): long (0.25)" in text
    assert "Stopped: Ctrl-C." in text
    assert "3 trials left: failures in every rate." in text


def test_classes_and_slices_are_tables() -> None:
    """
    Given a run with a classification, and metrics by a column with hostile values,
    when the page is made,
    then the confusion matrix and the slices are tables of text.
    """
    said = {"support": 2, "precision": 1.0, "recall": 0.5, "f1": 0.667}
    detail = {
        "type": "classification",
        "classes": {"<b>": said},
        "matrix": {"expected": ["<b>"], "actual": ["<b>"], "counts": [[2]]},
        "unlabelled": 0,
    }
    slices = Slices("<tier>", (Slice(CELL, "</td>free", 3, {"pass_rate": 0.5, "cost_usd": None}, {}),))
    summary = replace(
        summary_of([]), cells={CELL: {}}, slices=slices, measured=Measured(detail={CELL: {"f1": detail}})
    )

    page = Page(written("html", [], summary=summary))

    words = " ".join(page.text.split())
    assert "f1 in base t=0.7: expected down, actual across <b>" in words
    assert "<b>2" in words.replace("<b> 2", "<b>2")
    assert "By <tier>" in words
    assert "</td>free" in words
    assert "There is no trial to show." in words
    assert not page.all("b")


def test_a_large_run_is_cut_and_says_so() -> None:
    """
    Given more trials than a page can bear, of which the last failed,
    when the rows to show are chosen,
    then the failed is among them, they stand in order, and it is said what was cut.
    """
    trials = (trial_of(row, f"row {row}", passed=row < 20) for row in range(21))

    found = shown_rows(trials, [CELL], most=10)

    assert [row.number for row in found.rows] == [*range(9), 20]
    assert found.note == (
        "10 of 21 trials are shown (rows with a trial that did not pass go first). JSONL and CSV have all."
    )


def test_what_failed_and_is_cut_is_counted() -> None:
    """
    Given more failed trials than a page can bear,
    when the rows to show are chosen,
    then it is said how many of them are left out.
    """
    found = shown_rows((trial_of(row, "x") for row in range(17)), [CELL], most=10)

    assert [row.number for row in found.rows] == [*range(10)]
    assert "go first; 7 trials that did not pass left out" in (found.note or "")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to show the page")
def test_a_browser_shows_it_and_runs_nothing_of_the_texts(tmp_path: Path) -> None:
    """
    Given a page of hostile texts, and a trial named in the address,
    when a real browser shows it, without a network,
    then our script ran and opened that trial, nothing of the texts did, and the policy was not touched.
    """
    page = tmp_path / "page.html"
    page.write_text(written("html"), "utf-8")

    document, log = shown(page, "#t9-0-0")

    found = Page(document)
    assert f"{len(HOSTILE)} of {len(HOSTILE)} rows" in found.text
    assert "<title>tri|age &lt;b&gt;: failed</title>" in document
    assert [one["id"] for one in found.all("details") if "open" in one] == ["t9-0-0"]
    assert not {tag for tag, _ in found.elements} & {"img", "a", "iframe"}
    assert len(found.all("script")) == 1
    assert "Content Security Policy" not in log
    assert "CONSOLE" not in log
    assert SUMMARY.run_id in found.text
