"""Pipelines, their history and prompts as people look at them: what is in the pages, and that none acts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from promptlab.main import create_app
from tests.pipeline_site import KEY, Shown, folder_with_pipelines
from tests.serving_kit import server_settings, signed_in
from tests.test_runs_page import ATTRIBUTES, HEAVIEST, find, texts


@dataclass(frozen=True, slots=True)
class Site:
    """A browser without scripts, and what it sees."""

    client: TestClient
    shown: Shown

    def page(self, path: str, expected: int = 200) -> Any:
        answer = self.client.get(self.address(path), headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (expected, "text/html; charset=utf-8")
        return html.document_fromstring(answer.text)

    def address(self, path: str) -> str:
        first, _, last = self.shown.runs
        return path.format(first=first, last=last, old=self.shown.commits[0])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    shown = folder_with_pipelines(tmp_path_factory.mktemp("pipelines-site"))
    with signed_in(create_app(server_settings(shown.root, rate=1e6))) as client:
        yield Site(client, shown)


PAGES = (
    "/pipelines",
    "/pipelines/greet",
    "/pipelines/greet?cell=terse&line=3",
    "/pipelines/greet_people",
    "/pipelines/inner",
    "/pipelines/broken",
    "/pipelines/greet/history",
    "/pipelines/greet/history?metric=latency_ms&variant=base",
    "/pipelines/greet/history?from={first}&to={last}",
    "/pipelines/greet/history?from={last}&to={first}&view=unified",
    "/pipelines/greet_people/history",
    "/pipelines/inner/history",
    "/prompts",
    "/prompts/greet.j2",
    "/prompts/prompts/greet.j2",
    "/prompts/slip.j2",
    "/prompts/unused.j2",
    "/prompts/greet.j2?version={old}",
    "/prompts/greet.j2?from={old}",
    "/prompts/greet.j2?from=working&to={old}&view=unified",
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_script_style_or_handler_of_others(site: Site, path: str) -> None:
    """
    Given pipelines, prompts and notes with markup and keys in them,
    when a page of them is read,
    then its only scripts are ours with the nonce, nothing has a handler or a style, no key is told, every
    place that a link in it leads to is there, and it is light.
    """
    answer = site.client.get(site.address(path))
    page = html.document_fromstring(answer.text)

    nonce = re.search("'nonce-([^']+)'", answer.headers["content-security-policy"])
    scripts = find(page, "script")
    assert answer.status_code == 200
    assert nonce is not None
    assert all(script.get("nonce") == nonce[1] for script in scripts)
    assert [name for found in page.iter() for name in found.attrib if ATTRIBUTES.match(name)] == []
    assert KEY not in answer.text
    assert "<i>" not in answer.text
    assert len(answer.content) < HEAVIEST
    ids = [found.get("id") for found in find(page, "[id]")]
    assert len(ids) == len(set(ids))
    inside = [link.get("href")[1:] for link in find(page, "[href]") if link.get("href").startswith("#")]
    assert set(inside) <= set(ids)


def test_pipelines_are_listed_with_how_they_went(site: Site) -> None:
    """
    Given pipelines that were run, are only called, or are broken,
    when they are listed,
    then each says so, and one that was run links to its last run and has the course of its pass rate.
    """
    page = site.page("/pipelines")

    rows = {row[0]: row[1:] for row in ([*map(_text, line)] for line in find(page, "tbody tr"))}
    assert [*rows] == [
        "broken pipelines/broken.yaml",
        "greet demo Greet <i> people.",
        "inner pipelines/inner.yaml",
    ]
    assert rows["broken pipelines/broken.yaml"][:2] == ["✗ 2 problems", "–"]
    assert rows["greet demo Greet <i> people."][:2] == ["✓ loads", "2 × 2"]
    assert rows["inner pipelines/inner.yaml"][0] == "– called by others"
    assert rows["greet demo Greet <i> people."][3] == "75.0 %"
    assert f"/runs/{site.shown.runs[-1]}" in [link.get("href") for link in find(page, "tbody a")]
    assert [found.get("aria-label") for found in find(page, ".spark")] == [
        "the last 3 runs: 37.5 % to 75.0 %"
    ]


def _text(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_a_graph_leads_to_the_source_and_is_told_in_words(site: Site) -> None:
    """
    Given a pipeline with a branch, a loop and another pipeline inside,
    when its page is read,
    then each node leads to the line where its step begins, in the file that has it, and a list says the same
    in words.
    """
    page = site.page("/pipelines/greet")

    links = [link.get("href") for link in find(page, "svg a")]
    assert links == [
        "/pipelines/greet_people#L10",
        "/pipelines/greet_people#L19",
        "/pipelines/inner#L4",
        "/pipelines/greet_people#L13",
        "/pipelines/greet_people#L17",
    ]
    assert [*map(_text, find(page, ".words li"))][3:] == [
        "loud , for each [1, 2] , after say, only when say.output != 'x'",
        "shout , messages, asks echo/echo",
    ]
    assert find(page, "#L13")[0].text_content() == "13  - id: loud"
    assert [link.get("href") for link in find(page, ".source code a")] == [
        "/prompts/terse.j2",
        "/prompts/greet.j2",
        "/pipelines/inner",
    ]


def test_each_cell_has_its_graph(site: Site) -> None:
    """
    Given a pipeline with variants,
    when the page of one is read,
    then the graph is its own, and of a cell that there is not there is no page.
    """
    page = site.page("/pipelines/greet?cell=terse")

    assert "prompts/terse.j2" in texts(page, "text.says")
    assert texts(page, "a.chip.on") == ["terse"]
    assert "no cell" in _text(site.page("/pipelines/greet?cell=none", expected=404))


def test_problems_stand_under_their_lines(site: Site) -> None:
    """
    Given a pipeline with a slip of its own and one in its prompt,
    when its page is read,
    then its own stands under its line with a caret and what was meant, and the other leads to the prompt.
    """
    page = site.page("/pipelines/broken")

    assert [link.get("href") for link in find(page, ".problems a")] == [
        "/pipelines/broken#L9",
        "/prompts/slip.j2?line=2#L2",
    ]
    (under,) = find(page, ".under")
    assert under.getprevious().get("id") == "L9"
    (caret,) = [found.text for found in find(page, ".caret")]
    line = find(page, "#L9")[0].text_content().lstrip("9")
    assert line[caret.index("^") :].startswith("wrod")
    assert "did you mean 'word'?" in _text(under)
    assert find(page, "svg") == []


def test_a_pipeline_that_others_call_says_where_it_is_drawn(site: Site) -> None:
    """
    Given a pipeline that has no rows and no model of its own,
    when its page is read,
    then it leads to the pipeline that calls it.
    """
    page = site.page("/pipelines/inner")

    assert [link.get("href") for link in find(page, ".note a")] == ["/pipelines/greet_people"]


def test_a_history_has_a_chart_and_a_table_of_a_metric(site: Site) -> None:
    """
    Given three runs at two commits,
    when the history of a metric is read, of one cell,
    then the chart has the oldest first, the table the newest, both with commits.
    """
    page = site.page("/pipelines/greet/history?metric=pass_rate&variant=base")

    first, second = (commit[:7] for commit in site.shown.commits)
    data = find(page, "#charts")[0].text
    assert '"series": {"all": [0.375, 0.5, 0.75], "base": [0.25, 0.5, 1.0]}' in data
    assert f'"commits": ["{first}", "{second}", "{second}"]' in data
    rows = [[*map(_text, row)][3:6] for row in find(page, "tbody tr")]
    assert rows == [
        [site.shown.commits[1][:10], "75.0 %", "100.0 %"],
        [site.shown.commits[1][:10], "50.0 %", "50.0 %"],
        [site.shown.commits[0][:10], "37.5 %", "25.0 %"],
    ]


@pytest.mark.parametrize("ends", ["from={first}&to={last}", "from={last}&to={first}"])
def test_two_runs_are_held_against_each_other(site: Site, ends: str) -> None:
    """
    Given runs before and after an edit of a prompt,
    when two of them are picked, in either order,
    then the page says what became of each metric, and what words of the prompt changed.
    """
    page = site.page(f"/pipelines/greet/history?{ends}")

    moved = [[*map(_text, row)] for row in find(page, ".moved tbody tr")]
    assert moved[0] == [
        "pass_rate",
        "37.5 % → 75.0 %",
        "+37.5 pp better",
        "25.0 % → 100.0 %",
        "+75.0 pp better",
        "50.0 % → 50.0 %",
        "±0",
    ]
    assert moved[1][3:5] == ["400 ms → 100 ms", "−300 ms better"]
    assert texts(page, ".file h3 code") == ["prompts/greet.j2", "data/rows.jsonl"]
    assert texts(page, ".diff-table del") == ["them"]
    assert texts(page, ".diff-table ins") == ["your friend"]


def test_runs_of_others_are_not_held_against_these(site: Site) -> None:
    """
    Given runs that are of no such pipeline, or are not there,
    when they are picked,
    then there is no such page.
    """
    run = site.shown.runs[0]

    assert _text(site.page(f"/pipelines/inner/history?from={run}&to={run}", expected=404))
    assert _text(site.page("/pipelines/greet/history?from=none&to=none", expected=404))


def test_prompts_are_listed_with_who_uses_them(site: Site) -> None:
    """
    Given prompts that steps and variants use, and one that nobody does,
    when they are listed,
    then each says so.
    """
    page = site.page("/prompts")

    rows = [[*map(_text, row)][:2] for row in find(page, "tbody tr")]
    assert rows == [
        ["greet.j2 Greet <i>.", "greet say"],
        ["slip.j2", "broken say"],
        ["terse.j2", "greet say"],
        ["unused.j2", "nobody"],
    ]


def test_a_prompt_shows_its_text_and_its_versions(site: Site) -> None:
    """
    Given a prompt with two commits that three runs used,
    when its page is read,
    then its text is there, and versions by git and by use, of which two can be picked.
    """
    page = site.page("/prompts/greet.j2")

    assert find(page, "#L4")[0].text_content() == "4Say {{ word }} to your friend."
    versions = [_text(head) for head in find(page, ".versions tbody th")]
    assert versions == [
        "on disk",
        site.shown.commits[1][:10],
        site.shown.commits[0][:10],
        "used by 2 runs",
        "used by 1 run",
    ]
    assert len(find(page, "[type]")) >= 2 * len(versions)


def test_a_slip_stands_under_its_line_in_the_prompt(site: Site) -> None:
    """
    Given a prompt that names what none of its users has,
    when its page is read,
    then the slip stands under its line.
    """
    page = site.page("/prompts/slip.j2")

    (under,) = find(page, ".under")
    assert under.getprevious().get("id") == "L2"


@pytest.mark.parametrize("view", ["split", "unified"])
def test_two_versions_of_a_prompt_are_held_against_each_other(site: Site, view: str) -> None:
    """
    Given a prompt that was edited,
    when two of its versions are picked,
    then the page shows the lines that changed with their words, and which two were picked.
    """
    page = site.page(f"/prompts/greet.j2?from={{old}}&to=working&view={view}")

    assert texts(page, ".diff-table del") == ["them"]
    assert texts(page, ".diff-table ins") == ["your friend"]
    picked = [found.get("value") for found in find(page, "input[checked]")]
    assert sorted(picked) == sorted([site.shown.commits[0], "working"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pipelines/none", 404),
        ("/pipelines/..%2fx", 404),
        ("/pipelines/none/history", 404),
        ("/pipelines/greet?line=0", 422),
        ("/pipelines/greet?cells=base", 422),
        ("/pipelines/greet/history?cursor=broken", 422),
        ("/pipelines/greet/history?from=%00&to=last", 422),
        ("/prompts/none.j2", 404),
        ("/prompts/../promptlab.yaml", 404),
        ("/prompts/%2e%2e%2fpromptlab.yaml", 404),
        ("/prompts/greet.j2?version=none", 422),
        ("/prompts/greet.j2?from=--all", 422),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(site: Site, path: str, status: int) -> None:
    """
    Given addresses of nothing, or that cannot be meant,
    when a browser opens them,
    then it gets a page that says what is wrong.
    """
    page = site.page(path, expected=status)

    assert texts(page, "h1") != [""]


def test_looking_writes_nothing_and_runs_no_code(site: Site) -> None:
    """
    Given a project,
    when its pages are read,
    then its files are as they were.
    """

    def files() -> list[Path]:
        found = (path.relative_to(site.shown.root) for path in site.shown.root.rglob("*") if path.is_file())
        return sorted(path for path in found if path.parts[0] not in (".git", ".promptlab"))

    before = files()
    for path in PAGES[::4]:
        site.page(path)

    assert files() == before
