"""The page of a watch in a real browser: it follows a real watch, and everybody can use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeProvider
from tests.lab import Lab
from tests.page_kit import Browser, Scheme, Window, expecting, needs_browser
from tests.serving_kit import TOKEN
from tests.watched_page_kit import ROWS, STRICT, WatchedPage, three_turns, watched_page

pytestmark = needs_browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedPage]:
    with three_turns(tmp_path_factory.mktemp("watched")) as site:
        yield site


def _open(window: Window, site: WatchedPage) -> None:
    window.page.goto(f"{site.address}/watch#token={TOKEN}")
    window.page.wait_for_selector("#turns article")
    window.page.wait_for_load_state("load")
    window.complaints.clear()  # of what was refused before it was signed in


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_page(browser: Browser, site: WatchedPage, scheme: Scheme, width: int) -> None:
    """
    Given the page of a watch with flips and problems,
    when axe looks at it, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window, no output became markup, and nothing was refused.
    """

    def act(window: Window) -> tuple[list[str], bool, str, list[str]]:
        _open(window, site)
        window.picture(f"watch-{scheme}-{width}")
        wide = window.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return window.faults(), wide, window.page.title(), window.complaints

    assert browser.look(act, scheme=scheme, width=width) == ([], False, "Watch – promptlab", [])


def test_a_page_follows_the_watch_and_does_what_its_keys_do(
    browser: Browser, tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given an open page of a watch,
    when a file is saved, what failed is run by a button, the watch is paused by a key, a file is saved,
    and the watch goes on,
    then each turn appears without a reload, the save waits while it is paused, and only what is new is sent.
    """
    expect = expecting()
    lab = Lab(tmp_path / "project", fake_provider.base_url)
    lab.write_pipeline(**STRICT)

    def act(window: Window) -> list[str]:
        page = window.page
        _open(window, own)
        page.evaluate("window.isTheSame = true")
        own.watched.save("prompts/say.j2", "Tell {{ word }}").turn()
        expect(page.locator("#turn-2 .flips li")).to_have_count(ROWS)
        expect(page.locator("#turn-2 del").first).to_have_text("Say")
        page.click("text=Failed only")
        causes = [own.watched.turn()["cause"]]
        expect(page.locator("#turn-3 .saved")).to_have_text("what failed")
        page.keyboard.press("p")
        expect(page.locator("h1 .badge")).to_have_text("paused")
        own.watched.save("prompts/say.j2", "Say {{ word }}")
        page.keyboard.press("a")  # once that has come, a save before it was seen to wait
        causes.append(own.watched.turn()["cause"])
        expect(page.locator("#turn-4")).to_be_visible()
        page.click("text=Go on")
        expect(page.locator("h1 .badge")).to_have_text("watching")
        assert page.evaluate("window.isTheSame")
        assert window.complaints == []
        return causes

    with watched_page(lab, fake_provider, "words") as own:
        own.watched.turn()
        causes = browser.look(act)
        code = own.watched.key("q").ended()

    assert (causes, code) == (["failed", "all"], 0)
    assert fake_provider.sent_count == 2 * ROWS
