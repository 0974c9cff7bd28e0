"""Why a call of a trial was sent again, told from the log alone, on the page of the trial."""

from pathlib import Path
from shutil import copytree

import pytest
from lxml import html
from starlette.testclient import TestClient

from promptlab.cli.boundary import run
from promptlab.main import create_app
from tests.cli_kit import Cli, write_project
from tests.serving_kit import server_settings, signed_in

PIPELINE = """\
version: 1
model: echo/echo
params: {temperature: 0}
inputs: {word: string}
dataset:
  - {$id: a, word: one}
steps:
  - id: say
    prompt: prompts/say.j2
  - id: more
    messages: [{role: user, content: "{{ say.output }} and more"}]
"""
EDITS = {
    "template": ("prompts/say.j2", "Say", "Tell", ["template prompts/say.j2", "answer of say"]),
    "include": ("prompts/tone.j2", "kindly", "coldly", ["include prompts/tone.j2", "answer of say"]),
    "params": (
        "pipelines/said.yaml",
        "temperature: 0",
        "temperature: 1",
        ["params.temperature 0.0 → 1.0", "params.temperature 0.0 → 1.0"],
    ),
    "row": ("pipelines/said.yaml", "word: one", "word: two", ["row word", "row word"]),
    "recalled": ("pipelines/said.yaml", "version: 1", "version: 1\ntags: [new]", []),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline was run once."""
    root = tmp_path_factory.mktemp("ran")
    write_project(root, said=PIPELINE)
    (root / "prompts").mkdir()
    (root / "prompts" / "say.j2").write_text("Say {{ word }} {% include 'tone.j2' %}")
    (root / "prompts" / "tone.j2").write_text("kindly")
    assert run(["--project", str(root), "run", "said"]) == 0
    return root


@pytest.fixture
def lab(ran: Path, cli: Cli) -> Cli:
    copytree(ran, cli.folder, dirs_exist_ok=True)
    return cli


def whys(root: Path) -> list[str]:
    """Give what the page of the newest run's only trial says of its steps' calls."""
    with signed_in(create_app(server_settings(root))) as client:
        return _whys(client)


def _whys(client: TestClient) -> list[str]:
    page = html.document_fromstring(client.get("/runs/last/trials/0-0-0").text)
    said = page.xpath("//p[starts-with(normalize-space(), 'Called, not recalled')]/bdi")
    return [found.text_content() for found in said]


@pytest.mark.parametrize("edit", EDITS)
def test_a_trial_says_what_changed_since_its_run_before(lab: Cli, edit: str) -> None:
    """
    Given a run, and an edit that changes a template, an include, a parameter, the row, or nothing of these,
    when it is run again and the page of the trial is read,
    then each step that was called says what changed; what was recalled says nothing of it.
    """
    file, old, new, said = EDITS[edit]
    path = lab.folder / file
    path.write_text(path.read_text().replace(old, new))
    assert lab("run", "said").code == 0

    assert whys(lab.folder) == said


def test_first_and_fresh_runs_say_so(lab: Cli) -> None:
    """
    Given a first run, and one that was to recall nothing,
    when the page of its trial is read,
    then it says that.
    """
    first = whys(lab.folder)
    assert lab("run", "said", "--fresh").code == 0

    assert (first, whys(lab.folder)) == (["first run"] * 2, ["--fresh"] * 2)
