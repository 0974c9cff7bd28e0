"""Runs in a real browser: filters as they are typed, keys, deep links, charts; and everybody can use them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli_kit import write_project
from tests.look_kit import folder_with_runs
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.serving_kit import TOKEN, served

pytestmark = needs_browser

ROWS = ".matrix tbody tr"
OWNED = "document.title === 'owned' || document.querySelector('pre script, bdi script') !== null"


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    later: str

    def open(self, window: Window, path: str = "") -> None:
        """Sign in at the page of the later run, or at one below it."""
        window.page.goto(f"{self.address}/runs/{self.later}{path}#token={TOKEN}")
        window.page.wait_for_selector("h1 .badge")
        window.page.wait_for_load_state("load")  # by then what is typed is listened to
        window.complaints.clear()  # of what was refused before it was signed in


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("browsed")
    write_project(root)
    _, later, _, _ = folder_with_runs(root)
    with served(root) as server:
        yield Site(server.address, later)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_pages(browser: Browser, site: Site, scheme: Scheme, width: int) -> None:
    """
    Given the list of runs, a run, its charts and a trial,
    when axe looks at them, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window, and the browser complains of nothing.
    """

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        faults, wide = [], []
        site.open(window)
        for name, path in (("run", ""), ("charts", "/charts"), ("trial", "/trials/1-0-0"), ("runs", "/..")):
            window.page.goto(f"{site.address}/runs/{site.later}{path}".replace(f"/{site.later}/..", ""))
            window.page.wait_for_load_state("load")
            faults += [f"{name}: {fault}" for fault in window.faults()]
            wide += (
                [name] if window.page.evaluate("document.documentElement.scrollWidth > innerWidth") else []
            )
            window.picture(f"{name}-{scheme}-{width}")
        return faults, wide, window.complaints

    assert browser.look(act, scheme=scheme, width=width) == ([], [], [])


def test_rows_are_filtered_as_is_typed_and_back_goes_back(browser: Browser, site: Site) -> None:
    """
    Given the page of a run,
    when a text is typed, then a filter's key is pressed, then the browser goes back twice,
    then each state has its rows and its address, and what was typed is still there to be typed on.
    """

    from playwright.sync_api import expect  # noqa: PLC0415 - who collects tests need not wait for it

    def act(window: Window) -> list[tuple[str, int]]:
        page, states = window.page, []

        def state(rows: int) -> None:
            expect(page.locator(ROWS)).to_have_count(rows)
            states.append((page.url.partition(site.later)[2], page.locator(ROWS).count()))

        site.open(window)
        state(6)
        page.fill("[name=text]", "billing")
        page.wait_for_url("**/*text=billing*")
        state(6)
        assert page.evaluate("document.activeElement.name") == "text"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("f")
        page.wait_for_url("**/*status=failed*")
        state(2)
        page.keyboard.press("f")
        page.wait_for_url("**/*?text=billing*")
        state(6)
        page.go_back()
        page.wait_for_url("**/*status=failed*")
        state(2)
        page.go_back()
        page.wait_for_url("**/*?text=billing*")
        state(6)
        assert window.complaints == []
        return states

    assert browser.look(act) == [
        ("", 6),
        ("?text=billing&sort=row", 6),
        ("?status=failed&text=billing&sort=row", 2),
        ("?text=billing&sort=row", 6),
        ("?status=failed&text=billing&sort=row", 2),
        ("?text=billing&sort=row", 6),
    ]


def test_keys_move_through_the_matrix_and_open_a_trial(browser: Browser, site: Site) -> None:
    """
    Given the page of a run,
    when down, down, right and enter are pressed, then next and up,
    then the trial of the second row and column is opened, the next one, and the run again.
    """

    def act(window: Window) -> list[str]:
        page, seen = window.page, []
        site.open(window)
        for keys, wanted in (
            ("jjl", None),
            (["Enter"], "**/trials/1-1-0"),
            ("j", "**/trials/2-0-0"),
            ("u", f"**/runs/{site.later}"),
        ):
            for key in keys:
                page.keyboard.press(key)
            if wanted is not None:
                page.wait_for_url(wanted)
                page.wait_for_load_state("load")
                seen.append(page.url.partition(site.later)[2])
        return seen

    assert browser.look(act) == ["/trials/1-1-0", "/trials/2-0-0", ""]


@pytest.mark.parametrize("path", ["", "/trials/1-0-0", "/trials/2-0-0", "/charts"])
def test_hostile_output_stays_text(browser: Browser, site: Site, path: str) -> None:
    """
    Given outputs that are scripts, or turn writing round,
    when pages with them are shown,
    then nothing of them ran or became an element, and the policy had nothing to refuse.
    """

    def act(window: Window) -> tuple[bool, list[str]]:
        site.open(window, path)
        window.page.wait_for_load_state("load")
        return window.page.evaluate(OWNED), window.complaints

    assert browser.look(act) == (False, [])


def test_charts_are_drawn(browser: Browser, site: Site) -> None:
    """
    Given the charts of a run,
    when they are shown and the scheme is switched,
    then there is one canvas each, before and after.
    """

    def act(window: Window) -> tuple[int, int]:
        site.open(window, "/charts")
        canvases = window.page.locator(".chart canvas")
        canvases.nth(2).wait_for()
        before = canvases.count()
        window.page.click("[data-switch-scheme]")
        return before, canvases.count()

    assert browser.look(act) == (3, 3)
