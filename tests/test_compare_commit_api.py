"""A commit beside the working tree over HTTP: from what is recorded alone, by a process of its own."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from promptlab.core.files import OWN_FOLDER
from promptlab.live.paired import commit_child
from promptlab.main import create_app
from promptlab.schemas.api.compare import ComparisonAnswer
from tests.ci_kit import ROWS, Review
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.serving_kit import server_settings, signed_in
from tests.test_against import worse


@pytest.fixture
def review(cli: Cli, fake_provider: FakeProvider) -> Review:
    """A branch on which six rows got worse, recorded."""
    made = Review.made(cli, fake_provider)
    made.branch("worse", worse(6))
    made.record()
    return made


def _files(root: Path) -> dict[str, bytes]:
    found = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    return {str(path): path.read_bytes() for path in found if ".promptlab" not in path.parts}


def test_a_commit_is_compared_with_the_working_tree(review: Review) -> None:
    """
    Given a branch that made six of eight rows worse, all recorded,
    when main is compared over HTTP, by a real process, and shown,
    then rows are paired and the flips come first, nothing is asked of the provider, run or written; the
    page names both sides and shows the words that differ.
    """
    before, runs = len(review.provider.requests()), review.lab.query("select count(*) from runs")
    files = _files(review.lab.root)

    with signed_in(create_app(server_settings(review.lab.root))) as client:
        answer = client.get("/api/compare?a=main&limit=3")
        page = client.get("/compare?a=main&pipeline=words", headers={"Accept": "text/html"}).text

    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert (found["a"]["pipeline"], found["b"]["git_commit"], found["missing"]) == ("words", None, [])
    assert found["cells"][0]["rows"]["paired"] == ROWS
    assert found["changes"]["worse"] == 6
    assert [pair["b"]["place"] for pair in found["pairs"]] == [None] * 3
    assert found["pairs"][0]["diff"]
    assert "the working tree" in page
    assert "<del>" in page
    assert "/runs/None" not in page
    assert len(review.provider.requests()) == before
    assert review.lab.query("select count(*) from runs") == runs
    assert _files(review.lab.root) == files


def _told(review: Review, **query: Any) -> Any:
    return commit_child.told({"root": str(review.lab.root), "ref": "main", "query": query})


def test_where_no_row_is_answered_it_is_a_problem(review: Review) -> None:
    """
    Given a prompt that nothing was ever answered to,
    when main is compared with it,
    then that is a problem with how many rows lack where, and what buys them.
    """
    review.lab.write("prompts/say.j2", "Please say {{ word }}")
    shutil.rmtree(review.lab.root / OWN_FOLDER)

    told = _told(review)

    assert told["error"] == "Conflict"
    assert f"{ROWS} rows in the working tree" in told["message"]
    assert "`promptlab run pipelines/words.yaml` buys them" in told["hint"]


def test_some_missing_rows_stay_out(review: Review) -> None:
    """
    Given a branch whose one answer to six rows is recorded nowhere, and no log,
    when main is compared with it,
    then the other rows are paired, and it is told how many lack at which side, and what buys them.
    """
    shutil.rmtree(review.lab.root / OWN_FOLDER)
    kept = review.repository.git("ls-tree", "-r", "--name-only", "main").split()
    new = [path for path in review.recordings if path.relative_to(review.lab.root).as_posix() not in kept]
    new[0].unlink()

    found = ComparisonAnswer.model_validate(_told(review)["answer"])

    (missing,) = found.missing
    assert (missing.side, missing.rows) == ("b", 6)
    assert missing.command == "promptlab run pipelines/words.yaml"
    assert found.cells[0].rows["paired"] == ROWS - 6


def test_what_is_no_commit_is_not_found(review: Review) -> None:
    """
    Given names that neither a run nor a commit has,
    when they are compared,
    then they are 404, without a process.
    """
    with signed_in(create_app(server_settings(review.lab.root))) as client:
        said = [client.get(f"/api/compare?a={name}") for name in ("no-branch", "-x")]

    assert [answer.status_code for answer in said] == [404, 404]
    assert "there is no run 'no-branch', and git knows no commit" in said[0].json()["detail"]


def test_a_pipeline_that_is_not_there_is_told(review: Review) -> None:
    """
    Given a project of one pipeline,
    when another is compared with main,
    then it is not found.
    """
    assert _told(review, pipeline="other")["error"] in ("NotFound", "UsageError")
