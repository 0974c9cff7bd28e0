"""Pipelines, their history and prompts in a real browser: everybody can use them; what is picked counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

import pytest

from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.pipeline_site import Shown, folder_with_pipelines
from tests.serving_kit import TOKEN, served

pytestmark = needs_browser


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    shown: Shown

    def open(self, window: Window, path: str) -> None:
        """Sign in at the list of pipelines, then go on to a page."""
        window.page.goto(f"{self.address}/pipelines#token={TOKEN}")
        window.page.wait_for_selector(".list")
        window.page.wait_for_load_state("load")
        window.complaints.clear()  # of what was refused before it was signed in
        window.page.goto(self.address + path)
        window.page.wait_for_load_state("load")

    @property
    def compared(self) -> str:
        first, _, last = self.shown.runs
        return f"/pipelines/greet/history?metric=pass_rate&from={first}&to={last}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    shown = folder_with_pipelines(tmp_path_factory.mktemp("pipelines-browsed"))
    with served(shown.root) as server:
        yield Site(server.address, shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_pages(browser: Browser, site: Site, scheme: Scheme, width: int) -> None:
    """
    Given pipelines, one that is broken, a history with two runs picked, and prompts,
    when axe looks at their pages, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window, and the browser complains of nothing.
    """
    pages = {
        "pipelines": "/pipelines",
        "pipeline": "/pipelines/greet",
        "pipeline-broken": "/pipelines/broken",
        "history": site.compared,
        "prompts": "/prompts",
        "prompt": "/prompts/greet.j2",
        "prompt-diff": f"/prompts/greet.j2?from={site.shown.commits[0]}&view=unified",
    }

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        faults, wide = [], []
        site.open(window, "/pipelines")
        for name, path in pages.items():
            window.page.goto(site.address + path)
            window.page.wait_for_load_state("load")
            faults += [f"{name}: {fault}" for fault in window.faults()]
            if window.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(name)
            window.picture(f"{name}-{scheme}-{width}")
        return faults, wide, window.complaints

    assert browser.look(act, scheme=scheme, width=width) == ([], [], [])


def test_a_node_leads_to_its_place_in_the_source(browser: Browser, site: Site) -> None:
    """
    Given the graph of a pipeline,
    when a node is clicked,
    then the line where its step begins is shown and marked.
    """

    def act(window: Window) -> tuple[str, str]:
        site.open(window, "/pipelines/greet_people")
        window.page.click("svg a[href$='#L13'] text.title")
        window.page.wait_for_url("**#L13")
        return window.page.inner_text(":target code"), window.page.evaluate(
            "getComputedStyle(document.querySelector(':target')).boxShadow"
        )

    text, mark = browser.look(act)
    assert text.strip() == "- id: loud"
    assert mark != "none"


def test_two_clicks_in_the_chart_show_what_changed(browser: Browser, site: Site) -> None:
    """
    Given the history of a metric,
    when the first and the last point of its chart are clicked,
    then the address names both runs, and the page shows what words of the prompt changed between them.
    """

    def act(window: Window) -> tuple[str, str]:
        site.open(window, "/pipelines/greet/history")
        page = window.page
        page.wait_for_selector("#chart .u-over")
        for share in (0.1, 0.9):
            box = page.locator("#chart .u-over").bounding_box()
            assert box is not None
            page.locator("#chart .u-over").click(position={"x": box["width"] * share, "y": box["height"] / 2})
        page.wait_for_selector(".diff-table ins")
        assert window.complaints == []
        return page.url.partition("?")[2], page.inner_text(".diff-table ins")

    first, _, last = site.shown.runs
    address, words = browser.look(act)
    assert dict(parse_qsl(address)) == {"metric": "pass_rate", "from": first, "to": last}
    assert words == "your friend"


def test_a_metric_is_chosen_and_its_chart_drawn_anew(browser: Browser, site: Site) -> None:
    """
    Given the history of a metric,
    when another metric is chosen, then the scheme is switched,
    then the address has the metric, and there is one chart, before and after.
    """

    def act(window: Window) -> tuple[str, int, int]:
        site.open(window, "/pipelines/greet/history")
        page = window.page
        page.select_option("[name=metric]", "latency_ms")
        page.wait_for_url("**metric=latency_ms*")
        page.wait_for_selector("#chart canvas")
        before = page.locator("#chart canvas").count()
        page.click("[data-switch-scheme]")
        return page.url.partition("?")[2], before, page.locator("#chart canvas").count()

    assert browser.look(act) == ("metric=latency_ms", 1, 1)
