"""The page of two runs beside each other: what is in it, and that nothing in it acts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from promptlab.main import create_app
from tests.cli_kit import write_project
from tests.compare_kit import folder_of_many, folder_to_compare
from tests.serving_kit import server_settings, signed_in
from tests.test_runs_page import ATTRIBUTES, HEAVIEST, find, texts


@dataclass(frozen=True, slots=True)
class Site:
    """A browser without scripts, and the runs that it sees."""

    client: TestClient
    a: str
    b: str

    def page(self, query: str = "", path: str = "/compare") -> Any:
        answer = self.client.get(f"{path}?a={self.a}&b={self.b}{query}", headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text
        return html.document_fromstring(answer.text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("compared")
    write_project(root)
    a, b = folder_to_compare(root)
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Site(client, a, b)


@pytest.mark.parametrize(
    "path",
    [
        "/compare",
        "/compare?b={b}",
        "/compare?a={a}&b={b}",
        "/compare?a={a}&b={b}&show=same&limit=2",
        "/compare?a={a}&b={b}&text=nothing-has-this",
        "/compare?a={b}&variant=few-shot&against=base",
        "/compare/metrics?a={a}&b={b}",
    ],
)
def test_pages_hold_no_script_style_or_handler_of_others(site: Site, path: str) -> None:
    """
    Given runs with markup, hidden characters and a megabyte in outputs and reasons,
    when a page of them is read,
    then its only scripts are ours with the nonce, nothing has a handler or a style, what is hidden is
    seen, and it is light.
    """
    answer = site.client.get(path.format(a=site.a, b=site.b), headers={"Accept": "text/html"})
    page = html.document_fromstring(answer.text)

    nonce = re.search("'nonce-([^']+)'", answer.headers["content-security-policy"])
    assert answer.status_code == 200, answer.text
    assert nonce is not None
    assert all(script.get("nonce") == nonce[1] for script in find(page, "script"))
    assert all(script.get("src").startswith("/static/") for script in find(page, "script"))
    assert [name for found in page.iter() for name in found.attrib if ATTRIBUTES.match(name)] == []
    assert not re.search("[\u202e\x1b\ud800]", answer.text)
    assert len(answer.content) < HEAVIEST


def test_it_says_what_moved_in_words_and_pictures(site: Site) -> None:
    """
    Given two runs,
    when the page of them is read,
    then each cell has its metrics with interval, p and a verdict in words, and a picture where rows moved.
    """
    page = site.page()

    base = next(texts(row, "td") for row in find(page, "#metrics table tbody tr"))
    assert texts(page, "#metrics h2") == ["base", "few-shot"]
    assert base[:4] == ["undecided", "100.0 %", "50.0 %", "-50.0"]
    assert len(find(page, "#metrics svg")) >= 4


def test_flips_stand_first_with_words_reasons_and_links(site: Site) -> None:
    """
    Given the same,
    when the trials are read,
    then they stand by how they changed, each with the words that differ, the checks' reasons at both
    sides, and links to both trials; the unchanged are a link away.
    """
    page = site.page()

    first = find(page, ".pair")[0]
    assert [title.split(" ")[0] for title in texts(page, ".group h2")] == ["Passed,", "Passes", "Another"]
    assert (texts(first, "del"), texts(first, "ins")) == (["billing"], ["shipping"])
    assert texts(first, ".reason") == ["is 'billing'", "is 'shipping'"]
    assert [link.get("href") for link in find(first, "h4 a")] == [
        f"/runs/{site.a}/trials/0-0-0",
        f"/runs/{site.b}/trials/0-0-0",
    ]
    (same,) = [link for link in find(page, ".links a") if "unchanged" in link.text_content()]
    assert texts(html.document_fromstring(site.client.get(same.get("href")).text), ".group h2") == [
        "Unchanged 5 trials"
    ]


def test_all_pages_are_links_away(site: Site) -> None:
    """
    Given a filter and pages of one trial,
    when the next page is followed until there is none,
    then the filter stays, and each trial was there once.
    """
    seen = []
    page = site.page("&show=worse&show=better&limit=1")
    while True:
        seen += texts(page, ".pair h3 a bdi")
        following = [link.get("href") for link in find(page, "a[rel='next']")]
        if not following:
            break
        page = html.document_fromstring(site.client.get(following[0]).text)

    assert seen == ["t0", "t1", "t2", "t1"]


def test_long_runs_show_their_trials_before_what_moved(tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    Given runs of 301 trials,
    when their page is read before and after what moved was asked for,
    then at first that is only promised, then it is there.
    """
    root = tmp_path_factory.mktemp("long")
    write_project(root)
    a, b = folder_of_many(root, 301)
    with signed_in(create_app(server_settings(root))) as client:
        site = Site(client, a, b)
        first = site.page()
        promised = [found.get("hx-get") for found in find(first, "#metrics [hx-get]")]
        moved = texts(site.page(path="/compare/metrics"), "td .moved-worse")
        again = site.page()

    assert len(find(first, ".pair")) == 20
    assert promised == [f"/compare/metrics?a={a}&b={b}"]
    assert [text for text in moved if "worse" in text] == ["▼ worse"] * 2
    assert find(again, "#metrics [hx-get]") == []


def test_a_run_links_to_what_it_is_compared_with(site: Site) -> None:
    """
    Given a run with one before it,
    when its page is read,
    then a link compares it with that; without a second run there is something to choose from.
    """
    run = html.document_fromstring(site.client.get(f"/runs/{site.b}").text)
    choose = html.document_fromstring(site.client.get(f"/compare?b={site.b}").text)

    (link,) = [found for found in find(run, ".links a") if "Compare" in found.text_content()]
    assert link.get("href") == f"/compare?a={site.a}&b={site.b}"
    assert [found.get("value") for found in choose.xpath("//select[@name='b']/option[@selected]")] == [site.b]


def test_swapping_turns_it_round(site: Site) -> None:
    """
    Given a comparison,
    when its sides are swapped by the link,
    then what was worse is better.
    """
    page = site.page("&show=flips&cursor=")
    (link,) = [found for found in find(page, ".links a") if "swapped" in found.text_content()]

    swapped = html.document_fromstring(site.client.get(link.get("href")).text)

    assert texts(page, ".chip b")[:2] == ["3", "1"]
    assert texts(swapped, ".chip b")[:2] == ["1", "3"]
