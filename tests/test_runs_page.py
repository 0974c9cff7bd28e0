"""Runs, a run and a trial as people look at them: what is in the pages, and that nothing in them acts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from promptlab.core.config import ProviderSettings
from promptlab.main import create_app
from promptlab.reports.copies import curl, yaml_row
from promptlab.web.texts import told
from tests.cli_kit import write_project
from tests.look_kit import BIDI, folder_with_runs, trial
from tests.serving_kit import server_settings, signed_in

STATIC = files("promptlab.web") / "static"
ATTRIBUTES = re.compile(r"^(?:on|style$|hx-on|srcdoc$)")
HEAVIEST = 200_000


@dataclass(frozen=True, slots=True)
class Site:
    """A browser without scripts, and the runs that it sees."""

    client: TestClient
    earlier: str
    later: str

    def text(self, path: str) -> str:
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        return answer.text

    def page(self, path: str) -> Any:
        return html.document_fromstring(self.text(path))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    write_project(root)
    earlier, later, _, _ = folder_with_runs(root)
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Site(client, earlier, later)


def find(page: Any, selector: str) -> list[Any]:
    """Give the elements that a simple selector means: tags, classes, ids, attributes, one inside another."""
    found: list[Any] = page.xpath("." + "".join(map(_step, selector.split(" "))))
    return found


def _step(selector: str) -> str:
    tag = re.match(r"[a-z0-9]*", selector)
    parts = [
        *(f"contains(concat(' ', @class, ' '), ' {name} ')" for name in re.findall(r"\.([\w-]+)", selector)),
        *(f"@id='{name}'" for name in re.findall(r"#([\w-]+)", selector)),
        *(f"@{name}" for name in re.findall(r"\[([^\]]+)\]", selector)),
    ]
    return f"//{(tag and tag[0]) or '*'}" + "".join(f"[{part}]" for part in parts)


def texts(page: Any, selector: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in find(page, selector)]


PAGES = (
    "/runs",
    "/runs?pipeline=triage&limit=1",
    "/runs?text=nothing-has-this",
    "/runs/{later}",
    "/runs/{later}?flipped=true&sort=-cost&cell=base",
    "/runs/{later}?regex=^b&limit=1",
    "/runs/{later}?text=nothing-has-this",
    "/runs/{later}/charts",
    "/runs/last",
    *(f"/runs/{{later}}/trials/{row}-{cell}-0" for row in range(4) for cell in range(2)),
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_script_style_or_handler_of_others(site: Site, path: str) -> None:
    """
    Given runs with markup, hidden characters and a megabyte in rows, outputs, reasons and notes,
    when a page of them is read,
    then its only scripts are ours with the nonce, nothing has a handler or a style, what is hidden is
    seen, and it is light.
    """
    answer = site.client.get(path.format(later=site.later))
    page = html.document_fromstring(answer.text)

    nonce = re.search("'nonce-([^']+)'", answer.headers["content-security-policy"])
    scripts = find(page, "script")
    assert nonce is not None
    assert all(script.get("nonce") == nonce[1] for script in scripts)
    assert all(
        (script.get("src") or "").startswith("/static/") or script.get("id") == "charts" for script in scripts
    )
    assert [name for found in page.iter() for name in found.attrib if ATTRIBUTES.match(name)] == []
    assert not re.search("[\u202e\x1b\ud800]", answer.text)
    assert len(answer.content) < HEAVIEST
    assert find(page, "title")[0].text_content() != "owned"


def test_the_list_links_to_runs_with_their_course(site: Site) -> None:
    """
    Given runs,
    when they are listed,
    then each is linked, and one with runs of its pipeline before it has a line that says so in words.
    """
    page = site.page("/runs?pipeline=triage")

    links = [found.get("href") for found in find(page, "tbody .step-to")]
    assert links == [f"/runs/{site.later}", f"/runs/{site.earlier}"]
    assert [found.get("aria-label") for found in find(page, ".spark")] == [
        "the last 2 runs: 100.0 % to 50.0 %"
    ]
    assert "first <b>" in texts(page, "tbody .muted")


def test_a_list_of_runs_goes_on_by_links_alone(site: Site) -> None:
    """
    Given a list with filters,
    when its next page is followed until there is none,
    then the filters stay, and each run was there once.
    """
    seen, path = [], "/runs?pipeline=triage&limit=1&text="
    while path:
        page = site.page(path)
        seen += [found.get("href") for found in find(page, "tbody .step-to")]
        path = next((found.get("href") for found in find(page, "a[rel='next']")), "")

    assert seen == [f"/runs/{site.later}", f"/runs/{site.earlier}"]


def test_a_matrix_has_a_row_a_row_and_a_column_a_cell(site: Site) -> None:
    """
    Given a run of six rows in two cells,
    when it is looked at,
    then each trial is a link in its colour, with its check, its facts, and how it ended before.
    """
    page = site.page(f"/runs/{site.later}")

    assert texts(page, ".matrix thead th") == ["row", "base", "few-shot"]
    assert len(find(page, ".matrix tbody tr")) == 6
    (cell,) = find(page, f"a[href='/runs/{site.later}/trials/1-0-0']")
    said = " ".join(cell.getparent().text_content().split())
    assert cell.getparent().get("class") == "cell failed"
    assert "was passed" in said
    assert "<script>document.title='owned'</script>" in said
    assert "0/1 checks · 10→2 tok · $0.10 · 12 ms" in said
    assert "it broke" in texts(page, ".cell.errored")[0]


def test_filters_are_a_form_with_counts(site: Site) -> None:
    """
    Given a run,
    when its page is read with filters in the address,
    then the form has them ticked, and says how much each would find.
    """
    page = site.page(f"/runs/{site.later}?flipped=true&status=failed&sort=-cost&cell=base")

    assert texts(page, ".chip") == ["✓ passed 9", "✗ failed 2", "! errored 1", "flipped 2", "disagreeing 3"]
    ticked = [found.get("value") for found in find(page, "#filters input[checked]")]
    chosen = [found.get("value") for found in find(page, "#filters option[selected]")]
    assert (ticked, chosen) == (["failed", "true", "base"], ["-cost"])
    assert texts(page, ".matrix thead th") == ["row", "base"]


def test_a_trial_shows_what_was_said_and_judged(site: Site) -> None:
    """
    Given a trial whose output turns writing round,
    when it is looked at,
    then its inputs, messages by role and checks are there, and what is hidden in them is seen.
    """
    page = site.page(f"/runs/{site.later}/trials/2-0-0")

    assert texts(page, ".step .role") == ["user", "assistant"]
    assert "admin\\u202egnippihs\\u001b[31m\\ud800" in texts(page, ".message pre")[1]
    assert texts(page, ".checks b") == ["equals"]
    assert [found.get("href").rsplit("/")[-1] for found in find(page, "a[rel]")] == ["1-1-0", "2-1-0"]


def test_a_call_is_shown_as_it_was_recorded_and_as_a_command(site: Site) -> None:
    """
    Given a trial with a call,
    when its link to request and answer is followed,
    then both are there, and a command that names the key by its variable.
    """
    (link,) = find(site.page(f"/runs/{site.later}/trials/0-0-0"), ".calls a")

    page = site.page(link.get("href"))

    (command,) = texts(page, "#curl")
    assert command.startswith('curl "https://api.openai.com/v1/chat/completions"')
    assert '-H "Authorization: Bearer $OPENAI_API_KEY"' in command
    assert '"content": "row 0"' in command


def test_charts_come_with_tables_and_their_data_cannot_leave_it(site: Site) -> None:
    """
    Given a run,
    when its charts are looked at,
    then the data is in an element of JSON, and each is a table too.
    """
    page = site.page(f"/runs/{site.later}/charts")

    (data,) = find(page, "#charts")
    assert data.get("type") == "application/json"
    assert "<" not in data.text
    assert [found.get("data-chart") for found in find(page, "[data-chart]")] == [
        "score",
        "latency_ms",
        "cost_usd",
    ]
    assert len(find(page, "details table")) == 3


def test_a_row_is_copied_as_the_loader_reads_it() -> None:
    """
    Given a trial with texts that YAML would take for something else,
    when its row is written,
    then it is an item of a list that reads as what it was.
    """
    import yaml  # noqa: PLC0415 - of this test alone

    one = trial(0, tags=("a: b",))
    columns = {
        "no": "on",
        "a b": "1.10",
        "text": BIDI[:-1] + '"\n- x: &y',
        "n": 1.5,
        "l": [1, {"k": None}],
        "true": "~",
    }
    object.__setattr__(one, "columns", columns)

    (row,) = yaml.safe_load(yaml_row(one).replace("no:", '"no":'))

    assert row == {"$id": "t0", **columns, "$tags": ["a: b"]}


@pytest.mark.parametrize(
    ("provider", "endpoint", "begins", "key"),
    [
        ("openai", "openai", "https://api.openai.com/v1/chat/completions", "Bearer $OPENAI_API_KEY"),
        ("anthropic", "anthropic", "https://api.anthropic.com/v1/messages", "x-api-key: $ANTHROPIC_API_KEY"),
        (
            "vllm",
            "http://10.0.0.1:8000/v1",
            "http://10.0.0.1:8000/v1/chat/completions",
            "Bearer $OPENAI_API_KEY",
        ),
        ("mine", 'http://x/"$(id)', "$BASE_URL/chat/completions", "Bearer $OPENAI_API_KEY"),
    ],
)
def test_a_command_goes_where_the_call_went(provider: str, endpoint: str, begins: str, key: str) -> None:
    """
    Given recorded requests to several vendors, with quotes in them,
    when they are written as commands,
    then each has its address, its headers and no key, and its text stays inside its quotes.
    """
    content = [
        {"type": "text", "text": "it's $(id)"},
        {"type": "image", "media_type": "image/png", "sha256": "0"},
    ]
    request = {
        "endpoint": endpoint,
        "api": "chat",
        "model": "m",
        "params": {"max_tokens": 5},
        "messages": [{"role": "user", "content": content}],
        "schema": None,
    }

    command = curl(provider, request)

    assert command is not None
    assert command.startswith(f'curl "{begins}"')
    assert key in command
    assert "it'\"'\"'s $(id)<image/png was attached here>" in command


def test_a_command_speaks_as_the_projects_own_provider_does() -> None:
    """
    Given a recorded request to a provider of the project that speaks as Anthropic does, with its own key,
    when it is written as a command,
    then it has that path, that header, and the variable of that key.
    """
    request = {
        "endpoint": "http://10.0.0.1:9000",
        "api": "chat",
        "model": "m",
        "params": {"max_tokens": 5},
        "messages": [{"role": "user", "content": "hello"}],
        "schema": None,
    }

    command = curl("gate", request, own=ProviderSettings(type="anthropic", api_key="${GATE_KEY}"))

    assert command is not None
    assert command.startswith('curl "http://10.0.0.1:9000/v1/messages"')
    assert '"x-api-key: $GATE_KEY"' in command


def test_a_recorded_function_is_no_command() -> None:
    """
    Given what a python step was given,
    when a command is asked for,
    then there is none.
    """
    assert curl("python", {"endpoint": "python", "api": "python"}) is None


def test_outputs_are_told_without_their_json() -> None:
    """
    Given outputs as JSON, cut or not,
    when a cell tells them,
    then a map that is whole is told as words.
    """
    assert told('{"label": "a", "n": 1}') == "label: a · n: 1"
    assert [told(text) for text in ('{"label": "a', "{}x", "text")] == ['{"label": "a', "{}x", "text"]
