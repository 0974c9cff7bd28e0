"""The playground as its page tells it: the prompt, the row, what is sent, and what came of a run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from promptlab.main import create_app
from tests.hosting_kit import read_events
from tests.serving_kit import server_settings, signed_in

SCRIPT = "<script>owned</script>"
PAGE = "/pipelines/notes/playground"
PIPELINE: dict[str, Any] = {
    "version": 1,
    "model": "echo/echo",
    "inputs": {"note": "string"},
    "dataset": "data/notes.jsonl",
    "variants": {"short": {}, "long": {"steps": {"sum": {"prompt": "prompts/long.j2"}}}},
    "steps": [
        {"id": "sum", "prompt": "prompts/short.j2"},
        {
            "id": "parts",
            "foreach": "[1, 2]",
            "steps": [
                {"id": "part", "prompt": "prompts/part.j2", "with": {"of": "{{ sum.output }}{{ item }}"}}
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("notes")
    rows = [{"id": f"n{row}", "note": f"note {row}"} for row in range(5)] + [{"id": "x", "note": SCRIPT}]
    files = {
        "promptlab.yaml": "version: 1\n",
        "pipelines/notes.yaml": json.dumps(PIPELINE),
        "pipelines/inline.yaml": json.dumps(
            {**PIPELINE, "variants": {}, "steps": [{"id": "a", "messages": []}]}
        ),
        "data/notes.jsonl": "\n".join(map(json.dumps, rows)),
        "prompts/short.j2": "\nShort {{ note }}",
        "prompts/long.j2": "Long {{ note }}</textarea>",
        "prompts/part.j2": "Part {{ of }}",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture(scope="module")
def pages(root: Path) -> Iterator[TestClient]:
    with signed_in(create_app(server_settings(root))) as client:
        yield client


def test_a_prompt_is_shown_with_what_it_sends(pages: TestClient) -> None:
    """
    Given a prompt that begins with an empty line,
    when its page is read without saying which row,
    then its text, the first row, what is sent and the way to the next row are there; nothing is kept.
    """
    read = pages.get(PAGE)

    assert (read.status_code, read.headers["cache-control"]) == (200, "no-store")
    assert ">\n\nShort {{ note }}</textarea>" in read.text
    assert "Short note 0</pre>" in read.text
    assert 'href="/pipelines/notes/playground?step=sum&amp;variant=short&amp;row=1"' in read.text


def test_each_variant_shows_its_own_prompt(pages: TestClient) -> None:
    """
    Given a variant whose prompt holds what would end the editor, and a row of markup,
    when its page is read,
    then both are text.
    """
    read = pages.get(PAGE, params={"variant": "long", "row": 5}).text

    assert "Long {{ note }}&lt;/textarea&gt;</textarea>" in read
    assert SCRIPT not in read
    assert "prompts/long.j2" in read


@pytest.mark.parametrize(("find", "row"), [("n3", 3), ("note 4", 4), ("SCRIPT", 5)])
def test_a_row_is_found(pages: TestClient, find: str, row: int) -> None:
    """
    Given rows with ids and texts,
    when one is looked for by its id or by what is in it, in whichever case,
    then the page of that row is gone to.
    """
    answer = pages.get(PAGE, params={"find": find}, follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"&row={row}")


def test_a_row_that_is_not_there_is_told(pages: TestClient) -> None:
    """
    Given rows,
    when one is looked for that is not there, or a number that none has,
    then it is said.
    """
    found, numbered = pages.get(PAGE, params={"find": "nowhere"}), pages.get(PAGE, params={"row": 6})

    assert "No row has <bdi>nowhere</bdi> in it." in found.text
    assert (numbered.status_code, "there is no row 6" in numbered.text) == (422, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pipelines/nothing/playground", 404),
        ("/pipelines/inline/playground", 422),
        (f"{PAGE}?step=none", 422),
        (f"{PAGE}?template=x", 422),
        ("/playground/answers/01kb3s9y7m8f4v2q6x0c5d1e3g", 404),
        ("/playground/answers/last", 422),
        ("/playground/rendered", 405),
    ],
)
def test_what_cannot_be_meant_is_a_problem(pages: TestClient, path: str, status: int) -> None:
    """
    Given addresses of what is not there, or cannot be tried,
    when they are read,
    then each is a problem with its status.
    """
    assert pages.get(path).status_code == status


def test_a_step_inside_another_is_tried_with_all_around_it(pages: TestClient, root: Path) -> None:
    """
    Given a prompt of a step that runs for each item of a list, behind another step,
    when it is edited and run, and its answer read twice, with and without an earlier try,
    then each item's answer is there, beside that of the try before; another run's answer is not read so.
    """
    order = {"pipeline": "notes", "step": "parts.part", "variant": "short", "row": 2}
    runs = []
    for text in ("Piece {{ of }}", "Bit {{ of }}"):
        begun = pages.post("/api/playground/run", json={**order, "template": text}).json()
        runs.append(begun["run"])
        assert read_events(pages.get(begun["events"]).text)[-1]["event"] == "ended"

    first = pages.get(f"/playground/answers/{runs[0]}").text
    second = pages.get(f"/playground/answers/{runs[1]}?earlier={runs[0]}").text

    assert "Piece Short note 21\nPiece Short note 22" in first
    assert "There is no earlier answer" in first
    assert "<del>Piece</del>" in second
    assert "<ins>Bit</ins>" in second
    assert (root / "prompts/part.j2").read_text() == "Part {{ of }}"
