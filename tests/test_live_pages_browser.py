"""Pages that move: a run and the list of runs while something is run, and what their buttons do."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeProvider
from tests.hosting_kit import lab_of
from tests.lab import Lab, asked_for, ended
from tests.page_kit import Browser, Scheme, Window, expecting, needs_browser
from tests.serving_kit import TOKEN
from tests.warm_kit import Forked

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = needs_browser

ROWS = 10
HELD = {"fault": "hold"}


@dataclass(frozen=True, slots=True)
class Site:
    """`promptlab serve` in a process of its own, over a lab whose pipeline was run with one row."""

    lab: Lab
    process: Forked
    port: int

    def open(self, window: Window, path: str) -> "Page":
        window.page.goto(f"http://127.0.0.1:{self.port}{path}#token={TOKEN}")
        window.page.wait_for_selector("header.top")
        window.page.wait_for_load_state("load")
        window.complaints.clear()  # of what was refused before it was signed in
        return window.page


@contextmanager
def serve(lab: Lab, port: int = 0) -> Iterator[Site]:
    process = lab.start("serve", "--port", str(port), "--token", TOKEN, "--json")
    try:
        process.until_said("}\n")
        address = json.loads(process.said)["url"]
        yield Site(lab, process, int(address.rstrip("/").rpartition(":")[2]))
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)


def lab_that_ran(folder: Path, fake: FakeProvider) -> Lab:
    """A lab whose pipeline was run in a terminal, and then given another prompt."""
    lab = lab_of(folder, fake)
    lab.command("run", "words", "--limit", str(ROWS), "--max-concurrency", "2")
    lab.write("prompts/say.j2", "Tell {{ word }}")
    return lab


def run_again(page: "Page") -> str:
    """Start the same once more by the button; give the id of the new run."""
    before = page.url
    page.click("text=Run again…")
    page.click("#ask .go")
    page.wait_for_url(lambda url: "/runs/" in url and url != before)
    page.wait_for_selector("h1 .badge")
    page.wait_for_load_state("load")
    found = re.search(r"/runs/(\w{26})", page.url)
    assert found is not None
    return found[1]


def test_a_run_that_was_begun_at_a_page_outlives_a_kill_of_the_server(
    browser: Browser, tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    h042
    Given a run that was begun at the page of another, by its button, and has two calls in flight,
    when the server is killed and started again, and the run is resumed by its button,
    then the page showed it interrupted, it passes before one's eyes, and no answer was asked for twice.
    """
    expect = expecting()
    lab = lab_that_ran(tmp_path, fake_provider)

    def begin(window: Window) -> str:
        page = site.open(window, "/runs/last")
        fake_provider.script(HELD)
        run_id = run_again(page)
        fake_provider.wait_for_requests(ROWS + 2)
        return run_id

    def go_on(window: Window) -> None:
        page = site.open(window, f"/runs/{run_id}")
        expect(page.locator("h1 .badge")).to_have_text(re.compile("interrupted"))
        page.click("text=Resume…")
        page.click("#ask .go")
        expect(page.locator("h1 .badge")).to_have_text(re.compile("passed"))
        expect(page.locator(".matrix .cell.passed")).to_have_count(ROWS)

    with serve(lab) as site:
        run_id = browser.look(begin)
        site.process.kill()
        fake_provider.script()  # what is held is answered
        ended(site.process)  # and its run, which held its stderr
    with serve(lab) as site:
        browser.look(go_on)

    told = [text for text in asked_for(fake_provider.requests()) if text.startswith("Tell")]
    assert sorted(told) == [f"Tell word-{row:04}." for row in range(ROWS)]
    assert lab.query("select status, passed from runs where id = ?", run_id) == [("passed", ROWS)]


def test_pages_move_while_a_run_goes_on(
    browser: Browser, tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given the list of runs in one window, and a run that is begun in another,
    when its calls are answered in two parts, and a third is cancelled,
    then list and run tell it without a reload: under way, its cells as they come, and how it ended.
    """
    expect = expecting()
    lab = lab_that_ran(tmp_path, fake_provider)

    def act(window: Window) -> list[str]:
        page, runs = site.open(window, "/runs/last"), window.page.context.new_page()
        runs.goto(f"http://127.0.0.1:{site.port}/runs")
        runs.wait_for_load_state("load")
        fake_provider.script({**HELD, "nth": list(range(6, 100))})
        run_again(page)
        for one in (page, runs):
            one.evaluate("window.isTheSame = true")
        expect(page.locator(".matrix .cell.passed")).to_have_count(5)
        expect(page.locator("h1 .badge")).to_have_text(re.compile("running"))
        expect(runs.locator("tbody tr")).to_have_count(2)
        expect(runs.locator("tbody tr").first).to_contain_text(f"5 of {ROWS}")
        window.picture("run-live")
        with page.expect_response("**/cancel"):
            page.click("#cancel")
        fake_provider.script(HELD)  # what was held is answered, and should more come, it is held
        expect(page.locator("h1 .badge")).to_have_text(re.compile("interrupted"))
        expect(page.locator("#onwards")).to_be_visible()
        expect(runs.locator("tbody tr .badge").first).to_have_text("interrupted")
        assert page.evaluate("isTheSame")
        assert runs.evaluate("isTheSame")
        return window.complaints

    with serve(lab) as site:
        complaints = browser.look(act)

    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_what_is_asked_before_a_run(
    browser: Browser, stood: Site, scheme: Scheme, width: int
) -> None:
    """
    Given the page of a run,
    when it is asked what running again, and deleting, would do,
    then it tells the worst cost and what goes, and axe finds nothing.
    """

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        page, faults, texts = stood.open(window, "/runs/last"), [], []
        for name in ("again", "away"):
            page.click(f"#{name}")
            page.wait_for_selector("#ask .go")
            faults += window.faults()
            texts.append(page.inner_text("#ask"))
            window.picture(f"ask-{name}-{scheme}-{width}")
            page.click("#ask [data-close]")
        return faults, texts, window.complaints

    faults, (again, away), complaints = browser.look(act, scheme=scheme, width=width)

    assert (faults, complaints) == ([], [])
    assert re.search(r"At worst\s+\$0\.\d+", again) is not None
    assert f"Deletes {ROWS} trials" in away


def test_a_run_is_deleted_by_its_button(
    browser: Browser, tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given the page of a run,
    when it is deleted by its button,
    then the list says that there is no run, and the log has none.
    """
    lab = lab_that_ran(tmp_path, fake_provider)

    def act(window: Window) -> str:
        page = site.open(window, "/runs/last")
        page.click("#away")
        page.click("#ask .go")
        page.wait_for_url("**/runs")
        return page.inner_text("#results")

    with serve(lab) as site:
        text = browser.look(act)

    assert "There is no run yet" in text
    assert lab.query("select count(*) from runs") == [(0,)]


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory, fake_provider_of_session: FakeProvider) -> Iterator[Site]:
    fake_provider_of_session.reset()
    lab = lab_that_ran(tmp_path_factory.mktemp("stood"), fake_provider_of_session)
    with serve(lab) as site:
        yield site
