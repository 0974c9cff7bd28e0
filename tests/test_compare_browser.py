"""Two runs beside each other in a real browser: filters, keys, deep links; and everybody can use the page."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli_kit import ECHO, write_project
from tests.compare_kit import folder_of_many, folder_to_compare
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.serving_kit import TOKEN, served

pytestmark = needs_browser

PAIRS = ".pair"


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    a: str
    b: str
    long: tuple[str, str]

    def open(self, window: Window, query: str = "") -> None:
        """Sign in at the page of both runs."""
        window.page.goto(f"{self.address}/compare?a={self.a}&b={self.b}{query}#token={TOKEN}")
        window.page.wait_for_selector("#metrics table")
        window.page.wait_for_load_state("load")  # by then what is typed is listened to
        window.complaints.clear()  # of what was refused before it was signed in


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("browsed")
    write_project(root, echo=ECHO)
    a, b = folder_to_compare(root)
    long = folder_of_many(root, 301)
    with served(root) as server:
        yield Site(server.address, a, b, long)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_page(browser: Browser, site: Site, scheme: Scheme, width: int) -> None:
    """
    Given a comparison with hostile outputs, and the page where runs are chosen,
    when axe looks at them, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window or acts, and the browser complains of nothing.
    """

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        faults, wide = [], []
        site.open(window)
        for name, path in (("compare", f"?a={site.a}&b={site.b}"), ("compare-choose", "")):
            window.page.goto(f"{site.address}/compare{path}")
            window.page.wait_for_load_state("load")
            faults += [f"{name}: {fault}" for fault in window.faults()]
            if window.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(name)
            if window.page.evaluate("document.title === 'owned'"):
                wide.append("owned")
            window.picture(f"{name}-{scheme}-{width}")
        return faults, wide, window.complaints

    assert browser.look(act, scheme=scheme, width=width) == ([], [], [])


def test_what_moved_comes_after_the_trials_of_long_runs(browser: Browser, site: Site) -> None:
    """
    Given two runs of 301 trials,
    when their page is opened,
    then their trials are there, and what moved is put in by the page itself.
    """

    def act(window: Window) -> tuple[int, str, list[str]]:
        a, b = site.long
        site.open(window)
        window.page.goto(f"{site.address}/compare?a={a}&b={b}")
        window.page.wait_for_selector("#metrics table")
        moved = window.page.locator("#metrics .moved-worse").first.inner_text()
        return window.page.locator(PAIRS).count(), moved, window.complaints

    assert browser.look(act) == (20, "▼ worse", [])


def test_trials_are_filtered_by_keys_and_back_goes_back(browser: Browser, site: Site) -> None:
    """
    Given a comparison,
    when the key of what got better is pressed, then a text is typed, then the browser goes back,
    then each state has its trials and its address.
    """
    from playwright.sync_api import expect  # noqa: PLC0415 - who collects tests need not wait for it

    def act(window: Window) -> list[tuple[str, int]]:
        page, states = window.page, []

        def state(pairs: int) -> None:
            expect(page.locator(PAIRS)).to_have_count(pairs)
            states.append((page.url.partition(site.b)[2], page.locator(PAIRS).count()))

        site.open(window)
        state(7)
        page.keyboard.press("b")
        page.wait_for_url("**/*show=better*")
        state(1)
        page.fill("[name=text]", "nothing-has-this")
        page.wait_for_url("**/*text=nothing*")
        state(0)
        page.go_back()
        page.wait_for_url("**/*show=better")
        state(1)
        assert window.complaints == []
        return states

    assert browser.look(act) == [
        ("", 7),
        ("&show=better", 1),
        ("&show=better&text=nothing-has-this", 0),
        ("&show=better", 1),
    ]


def test_keys_move_through_flips_and_open_a_trial(browser: Browser, site: Site) -> None:
    """
    Given a comparison,
    when down, down, up and enter are pressed,
    then the trial of the first flip at B is opened.
    """

    def act(window: Window) -> str:
        site.open(window)
        for key in ("j", "j", "k", "Enter"):
            window.page.keyboard.press(key)
        window.page.wait_for_url("**/trials/*")
        return window.page.url.partition(site.address)[2]

    assert browser.look(act) == f"/runs/{site.b}/trials/0-0-0"
