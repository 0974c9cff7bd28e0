"""The HTML report in a real browser, from its file: filters, keys, deep links; inert, and for everybody."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from promptlab.schemas.run import TrialResult, TrialStatus
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.report_kit import HOSTILE, ended, summary_of, written

pytestmark = needs_browser

CELLS = ("one", "two")
ENDS: list[tuple[TrialStatus, TrialStatus]] = [
    ("passed", "passed"),
    ("failed", "passed"),
    ("passed", "errored"),
    ("failed", "errored"),
    ("skipped", "left"),
    ("passed", "passed"),
]
ROWS = [*range(len(ENDS))]
NOT_PASSED = ["t1-0-0", "t2-1-0", "t3-0-0", "t3-1-0", "t4-1-0"]
STATE = """() => ({
  rows: [...document.querySelectorAll('#rows > tr')].flatMap((row, at) => row.checkVisibility() ? [at] : []),
  pressed: document.querySelector('[aria-pressed=true]').dataset.show,
  count: document.getElementById('count').textContent,
  said: document.getElementById('none').checkVisibility(),
})"""
FOCUS = "document.activeElement.closest('.trial')?.id ?? document.activeElement.id"
OPEN = "[...document.querySelectorAll('.trial[open]')].map((trial) => trial.id)"
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
WIDE = "document.documentElement.scrollWidth > innerWidth"
FOREIGN = "document.querySelectorAll('img, a, iframe, object, form, link, script ~ script').length"


class State(NamedTuple):
    """Which rows are seen, which filter is pressed, what count is told, whether it is told that none fits."""

    rows: list[int]
    pressed: str
    told: str
    said_none: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A report as a file."""

    file: Path

    def open(self, window: Window, fragment: str = "") -> None:
        window.page.goto(f"{self.file.as_uri()}{fragment}")

    def complaints(self, window: Window) -> list[str]:
        """Give what the browser complained of, but for having asked for the file itself."""
        return [said for said in window.complaints if said != self.file.as_uri()]


def trial_of(row: int, column: int, status: TrialStatus) -> TrialResult:
    """Give a trial whose id, input, output and reason each have a word of their own."""
    found = ended(row, status, cell=CELLS[column])
    output = found.outputs and f"answer{row}"
    return replace(
        found, key=replace(found.key, row_id=f"id{row}"), inputs={"word": f"asked{row}"}, outputs=output
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    trials = [trial_of(row, column, end) for row, ends in enumerate(ENDS) for column, end in enumerate(ends)]
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(written("html", trials, summary=summary_of(trials)), "utf-8")
    return Report(file)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    file = tmp_path_factory.mktemp("hostile") / "report.html"
    file.write_text(written("html"), "utf-8")
    return Report(file)


def state_of(window: Window) -> State:
    return State(*window.page.evaluate(STATE).values())


def of(shown: int) -> str:
    return f"{shown} of {len(ROWS)} rows"


def press(window: Window, keys: str) -> None:
    for key in keys.split():
        window.page.keyboard.press(key)


def test_keys_and_buttons_choose_rows_by_how_trials_ended(browser: Browser, report: Report) -> None:
    """
    Given a report with rows that ended in every way,
    when the key of each filter is pressed, then each button,
    then those rows are seen that have such a trial, the button is pressed, and the count is told.
    """

    def act(window: Window) -> dict[str, State]:
        report.open(window)
        found = {"at first": state_of(window)}
        for key in "fea":
            press(window, key)
            found[key] = state_of(window)
        for name in ("failed", "errored", "all"):
            window.page.get_by_role("button", name=name).click()
            found[name] = state_of(window)
        assert report.complaints(window) == []
        return found

    everything = State(ROWS, "", of(6), said_none=False)
    failed = State([1, 3], "failed", of(2), said_none=False)
    errored = State([2, 3], "errored", of(2), said_none=False)
    assert browser.look(act) == {
        "at first": everything,
        "f": failed,
        "e": errored,
        "a": everything,
        "failed": failed,
        "errored": errored,
        "all": everything,
    }


def test_a_search_finds_what_rows_say(browser: Browser, report: Report) -> None:
    """
    Given a report,
    when the search is gone to by its key and an id, an input, an output, a reason or an error is typed,
    then the rows that say it are seen.
    """
    wanted = {"ID2": [2], "asked4": [4], " answer5 ": [5], "got text 1": [1], "it broke": [2, 3]}

    def act(window: Window) -> dict[str, list[int]]:
        report.open(window)
        return dict(_found(window, words) for words in wanted)

    assert browser.look(act) == wanted


def _found(window: Window, words: str) -> tuple[str, list[int]]:
    press(window, "/")
    window.page.keyboard.type(words)
    rows = state_of(window).rows
    press(window, "Escape")
    return words, rows


def test_a_search_and_a_filter_go_together_and_escape_ends_the_search(
    browser: Browser, report: Report
) -> None:
    """
    Given a report of which the failed rows are shown,
    when something is searched that one of them says, then what none says, then escape is pressed, and a key,
    then what is typed is no key, it is said that none fits, and the failed are seen until the key acts.
    """

    def act(window: Window) -> Iterator[tuple[State, str]]:
        report.open(window)
        for keys in ("f /", "j a k e", "Escape", "/", "a n s w e r 3", "f", "Escape", "a"):
            press(window, keys)
            yield state_of(window), window.page.input_value("#search")

    failed = State([1, 3], "failed", of(2), said_none=False)
    none = State([], "failed", of(0), said_none=True)
    one = State([3], "failed", of(1), said_none=False)
    everything = State(ROWS, "", of(6), said_none=False)
    assert browser.look(lambda window: [*act(window)]) == [
        *[(failed, ""), (none, "jake"), (failed, ""), (failed, "")],
        *[(one, "answer3"), (none, "answer3f"), (failed, ""), (everything, "")],
    ]


def test_keys_with_control_or_alt_are_the_browsers(browser: Browser, report: Report) -> None:
    """
    Given a report,
    when keys of filters are pressed with control or alt,
    then all rows are still seen.
    """

    def act(window: Window) -> State:
        report.open(window)
        press(window, "Control+e Alt+f")
        return state_of(window)

    assert browser.look(act) == State(ROWS, "", of(6), said_none=False)


def test_keys_go_to_trials_that_did_not_pass(browser: Browser, report: Report) -> None:
    """
    Given a report, with or without a filter,
    when next or previous is pressed again and again,
    then one after the other of the trials that are seen and did not pass has the focus, round and round.
    """
    wanted = {
        "j j j j j j": [*NOT_PASSED, NOT_PASSED[0]],
        "k k": [NOT_PASSED[-1], NOT_PASSED[-2]],
        "f j j j k": ["", "t1-0-0", "t3-0-0", "t3-1-0", "t3-0-0"],
        "j f j e j": ["t1-0-0", "t1-0-0", "t3-0-0", "t3-0-0", "t3-1-0"],
    }

    def act(window: Window) -> dict[str, list[str]]:
        return {keys: _focused(report, window, keys) for keys in wanted}

    assert browser.look(act) == wanted


def _focused(report: Report, window: Window, keys: str) -> list[str]:
    report.open(window)
    window.page.reload()
    return [_pressed(window, key) for key in keys.split()]


def _pressed(window: Window, key: str) -> str:
    press(window, key)
    found: str = window.page.evaluate(FOCUS)
    return found


def test_keys_go_on_from_where_the_focus_is(browser: Browser, report: Report) -> None:
    """
    Given the focus on a trial that passed or was skipped, amid others, or on the id of a row,
    when next or previous is pressed,
    then the nearest one after, or before, that did not pass has the focus.
    """
    row = "#rows > tr:nth-child(3) th summary"
    wanted = {
        ("#t2-0-0 > summary", "j"): "t2-1-0",
        ("#t2-0-0 > summary", "k"): "t1-0-0",
        ("#t4-0-0 > summary", "k"): "t3-1-0",
        ("#t5-1-0 > summary", "j"): "t1-0-0",
        ("#t0-0-0 > summary", "k"): "t4-1-0",
        (row, "j"): "t2-1-0",
        (row, "k"): "t1-0-0",
    }

    def act(window: Window) -> dict[tuple[str, str], str]:
        report.open(window)
        return {(place, key): _pressed_at(window, place, key) for place, key in wanted}

    assert browser.look(act) == wanted


def _pressed_at(window: Window, place: str, key: str) -> str:
    window.page.focus(place)
    return _pressed(window, key)


def test_enter_opens_and_closes(browser: Browser, report: Report) -> None:
    """
    Given the focus on a trial that did not pass,
    when enter is pressed twice,
    then its whole output is seen, and is no more.
    """

    def act(window: Window) -> list[list[str]]:
        report.open(window)
        return [_opened(window, keys) for keys in ("j", "Enter", "Enter")]

    assert browser.look(act) == [[], ["t1-0-0"], []]


def _opened(window: Window, keys: str) -> list[str]:
    press(window, keys)
    found: list[str] = window.page.evaluate(OPEN)
    return found


def test_an_address_opens_its_trial(browser: Browser, report: Report) -> None:
    """
    Given a report opened with the id of a trial behind its address,
    when it is shown, then another trial is gone to,
    then each of them is opened.
    """

    def act(window: Window) -> list[str]:
        report.open(window, "#t2-0-0")
        assert window.page.evaluate(OPEN) == ["t2-0-0"]
        report.open(window, "#t3-1-0")
        window.page.wait_for_selector("#t3-1-0[open]")
        return [*window.page.evaluate(OPEN), *report.complaints(window)]

    assert browser.look(act) == ["t2-0-0", "t3-1-0"]


def test_an_address_of_nothing_does_nothing(browser: Browser, report: Report) -> None:
    """
    Given a report opened with something behind its address that names no trial,
    when it is shown,
    then it is as it is without, and the browser complains of nothing.
    """

    def act(window: Window) -> list[tuple[State, list[str], list[str]]]:
        return [_opened_at(report, window, fragment) for fragment in ("#t99-0-0", "#rows", "#", "#%ff<b>")]

    assert browser.look(act) == [(State(ROWS, "", of(6), said_none=False), [], [])] * 4


def _opened_at(report: Report, window: Window, fragment: str) -> tuple[State, list[str], list[str]]:
    report.open(window, fragment)
    window.page.reload()
    return state_of(window), window.page.evaluate(OPEN), report.complaints(window)


def test_hostile_texts_stay_text(browser: Browser, hostile: Report) -> None:
    """
    Given a report of texts that are scripts, images, links, or turn writing round,
    when it is shown, all of it is opened, and it is searched for one of them,
    then nothing of them ran or became an element, and no dialog, request or refusal came of them.
    """

    def act(window: Window) -> tuple[str, int, list[int], list[str]]:
        page, dialogs = window.page, list[str]()

        def dismiss(dialog: Any) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismiss)
        hostile.open(window, "#t9-0-0")
        page.evaluate(OPEN_ALL)
        _, rows = _found(window, "<img src=x")
        title, foreign = page.title(), page.evaluate(FOREIGN)
        return title, foreign, rows, [*dialogs, *hostile.complaints(window)]

    row = next(at for at, text in enumerate(HOSTILE) if "<img" in text)
    assert browser.look(act) == ("tri|age <b>: failed", 0, [row], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_report(
    browser: Browser, report: Report, hostile: Report, scheme: Scheme, width: int
) -> None:
    """
    Given reports, one with rows that ended in every way, one of hostile texts,
    when axe looks at them with everything opened, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window, and the browser complains of nothing.
    """

    def act(window: Window) -> list[str]:
        faults = []
        for name, shown in (("ended", report), ("hostile", hostile)):
            shown.open(window)
            window.picture(f"report-{name}-{scheme}-{width}")
            window.page.evaluate(OPEN_ALL)
            faults += [f"{name}: {fault}" for fault in window.faults()]
            faults += [f"{name} is too wide"] * window.page.evaluate(WIDE)
            window.picture(f"report-{name}-opened-{scheme}-{width}")
        allowed = {report.file.as_uri(), hostile.file.as_uri()}
        return faults + [said for said in window.complaints if said not in allowed]

    assert browser.look(act, scheme=scheme, width=width) == []
