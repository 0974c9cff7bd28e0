"""Chromium for whole tests: pages of a served application, looked at, used, and held against WCAG."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.browser_kit import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
PICTURES = os.environ.get("PROMPTLAB_TEST_PICTURES")
MOST_MILLISECONDS = 60_000
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

type Scheme = Literal["light", "dark"]

needs_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to show the page"),
]
"""The marks of a module, or test, that looks at pages: `pytestmark = needs_browser`."""


@dataclass(frozen=True, slots=True)
class Window:
    """A page, and what the browser complained of: errors, refused scripts, requests that went elsewhere."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Give what axe finds: rule and elements of each violation."""
        from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

        found = Axe().run(self.page, options={**WCAG, "resultTypes": ["violations"]}).response["violations"]
        return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]

    def picture(self, name: str) -> None:
        """Keep what is seen in the folder that PROMPTLAB_TEST_PICTURES names, if it names one."""
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


class Browser:
    """Runs what looks at pages in a thread of its own: Playwright keeps an event loop in its thread."""

    def __init__(self, thread: ThreadPoolExecutor, chromium: "Chromium") -> None:
        self._thread = thread
        self._chromium = chromium

    def look[T](
        self, act: Callable[[Window], T], *, scheme: Scheme = "light", width: int = 1280, height: int = 800
    ) -> T:
        """Give what `act` makes of a new window, which shares nothing with others and is closed after."""
        return self._thread.submit(self._look, act, scheme, width, height).result()

    def _look[T](self, act: Callable[[Window], T], scheme: Scheme, width: int, height: int) -> T:
        context = self._chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        context.set_default_timeout(MOST_MILLISECONDS)
        try:
            window = Window(context.new_page())
            _listen(window)
            return act(window)
        finally:
            context.close()


def expecting() -> Any:
    """Give what waits for a state of a page, for as long as all else is waited for."""
    from playwright.sync_api import expect  # noqa: PLC0415

    expect.set_options(timeout=MOST_MILLISECONDS)
    return expect


def _listen(window: Window) -> None:
    page, complaints = window.page, window.complaints
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if _is_here(asked.url) else complaints.append(asked.url))


def _is_here(url: str) -> bool:
    return re.match(r"(?:http://(?:127\.0\.0\.1|localhost):\d+/|data:|blob:)", url) is not None


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start Chromium."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - who collects need not wait for it

    expect.set_options(timeout=MOST_MILLISECONDS)
    with ThreadPoolExecutor(1) as thread:
        manager = sync_playwright()
        playwright = thread.submit(manager.start).result()
        launch = playwright.chromium.launch
        try:
            chromium = thread.submit(launch, executable_path=CHROMIUM, args=FLAGS).result()
            yield Browser(thread, chromium)
            thread.submit(chromium.close).result()
        finally:
            thread.submit(playwright.stop).result()
