"""Rating in a real browser: thumbs and notes by keys and by clicks, on a matrix and on a trial."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli_kit import write_project
from tests.look_kit import SCRIPT, folder_with_runs
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.serving_kit import TOKEN, served

pytestmark = needs_browser

CELL = ".matrix a[href$='/trials/{}']"
FIRST_CELL = "td:has(a[href$='/trials/{}']) .cell"


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    later: str

    def open(self, window: Window, path: str = "") -> None:
        """Sign in at the page of the later run, or at one below it."""
        window.page.goto(f"{self.address}/runs/{self.later}{path}#token={TOKEN}")
        window.page.wait_for_selector("h1 .badge")
        window.page.wait_for_load_state("load")
        window.complaints.clear()  # of what was refused before it was signed in


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("rated")
    write_project(root)
    _, later, _, _ = folder_with_runs(root)
    with served(root) as server:
        yield Site(server.address, later)


def test_cells_of_a_matrix_are_rated_by_keys(browser: Browser, site: Site) -> None:
    """
    Given the matrix of a run,
    when an answer is gone to, found good, then bad, and noted, each by its key,
    then the cell says so, also after the page was loaded again, and the filter of bad ones finds it.
    """
    from playwright.sync_api import expect  # noqa: PLC0415 - who collects tests need not wait for it

    def act(window: Window) -> tuple[int, list[str]]:
        page = window.page
        site.open(window)
        link, cell = page.locator(CELL.format("1-0-0")), page.locator(FIRST_CELL.format("1-0-0"))
        link.focus()
        page.keyboard.press("+")
        expect(cell.locator("[data-rate=up]")).to_have_text("+1")
        page.keyboard.press("-")
        expect(cell.locator("[data-rate=down]")).to_have_text("−1")
        expect(cell.locator("[data-rate=up]")).to_have_text("+")
        page.keyboard.press("n")
        page.locator("#note textarea").fill(SCRIPT)
        page.locator("#note [name=who]").fill("Ada")
        page.locator("#note button[value=save]").click()
        expect(cell.locator("[data-note]")).to_have_text(f"Ada {SCRIPT}")
        page.reload()
        expect(cell.locator("[data-note]")).to_have_text(f"Ada {SCRIPT}")
        page.locator(".chip", has_text="thumbs down").click()
        expect(page.locator(".matrix tbody tr")).to_have_count(1)
        return page.locator(".cell script").count(), window.complaints

    assert browser.look(act) == (0, [])


def test_a_trial_is_rated_and_that_is_taken_back(browser: Browser, site: Site) -> None:
    """
    Given the page of a trial,
    when it is noted and found good by keys, and that is taken back,
    then the page tells who said what, and after it that nobody said anything.
    """
    from playwright.sync_api import expect  # noqa: PLC0415 - who collects tests need not wait for it

    def act(window: Window) -> list[str]:
        page = window.page
        site.open(window, "/trials/1-0-0")
        said = page.locator("#ratings li")
        page.locator("#ratings [name=who]").fill("Ada")
        page.keyboard.press("Tab")  # to the button: single keys work there
        page.keyboard.press("n")
        page.keyboard.type("too long")
        page.locator("#ratings form button:not([type])").click()
        expect(said).to_have_count(1)
        page.keyboard.press("+")
        expect(said.locator("b")).to_have_text("+ good")
        expect(said).to_contain_text("Ada")
        expect(said.locator(".said")).to_have_text("too long")
        page.locator("[data-take-back]").click()  # the thumb; the note stays, as it was said before
        expect(said.locator("b")).to_have_text("note")
        page.locator("[data-take-back]").click()
        expect(said).to_have_count(0)
        return window.complaints

    assert browser.look(act) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_rate(browser: Browser, site: Site, scheme: Scheme, width: int) -> None:
    """
    Given a run with a rating, its matrix with the columns to choose from, the note's dialog, and the trial,
    when axe looks at them, light and dark, wide and narrow,
    then it finds nothing, and nothing is wider than the window.
    """

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        page, faults, wide = window.page, list[str](), list[str]()

        def look(name: str) -> None:
            faults.extend(f"{name}: {fault}" for fault in window.faults())
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(name)
            window.picture(f"rating-{name}-{scheme}-{width}")

        site.open(window)
        page.locator(FIRST_CELL.format("1-0-0")).locator("[data-rate=down]").click()
        page.wait_for_selector(".rates .on")
        page.locator(".columns summary").click()
        look("matrix")
        page.locator(".columns summary").click()
        page.locator(CELL.format("1-0-0")).focus()
        page.keyboard.press("n")
        page.locator("#note textarea").fill("It is about the parcel, not the bill.")
        look("note")
        page.locator("#note button[value=save]").click()
        page.wait_for_selector("[data-note]")
        page.goto(f"{site.address}/runs/{site.later}/trials/1-0-0")
        page.wait_for_load_state("load")
        look("trial")
        return faults, wide, window.complaints

    assert browser.look(act, scheme=scheme, width=width) == ([], [], [])
