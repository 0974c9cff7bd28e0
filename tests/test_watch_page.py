"""The page beside a watch: what it tells of a real watch, and when it ends."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.fakes import FakeProvider
from tests.lab import Lab
from tests.watched_page_kit import ROWS, WatchedPage, three_turns, watched_page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedPage]:
    with three_turns(tmp_path_factory.mktemp("watched")) as site:
        yield site


def test_without_a_watch_the_page_says_how_to_start_one(client: TestClient) -> None:
    """
    Given a server of its own,
    when the page of a watch, its turns and its events are asked for, and it is ordered something,
    then the page names the command, and the others are not there.
    """
    shown = client.get("/watch")
    others = [client.get("/api/watch/turns"), client.get("/api/watch/events")]
    others.append(client.post("/api/watch/orders", json={"do": "all"}))

    assert (shown.status_code, "promptlab watch --serve" in shown.text) == (200, True)
    assert [(one.status_code, "promptlab watch --serve" in one.text) for one in others] == [(404, True)] * 3


@pytest.mark.slow
def test_turns_are_told_as_the_terminal_tells_them(site: WatchedPage) -> None:
    """
    Given a watch after three turns,
    when its turns are read by pages of two,
    then each has its number, files, flips with their differences, and problems with their places.
    """
    _, newest = site.ask("GET", "/api/watch/turns?limit=2")
    _, oldest = site.ask("GET", f"/api/watch/turns?limit=2&before={newest['next']}")

    turns = [*newest["turns"], *oldest["turns"]]
    broken, flipped = turns[:2]
    assert [turn["turn"] for turn in turns] == [3, 2, 1]
    assert oldest["next"] is None
    assert "prompts/say.j2:1:9: error:" in broken["problems"][0]
    assert flipped["files"] == [{"path": "prompts/say.j2", "change": "changed"}]
    [run] = flipped["runs"]
    assert (run["flipped"], run["sent"], run["called"]) == (ROWS, ROWS, f"{ROWS} template prompts/say.j2")
    assert {"kind": "old", "text": "Say"} in run["flips"][0]["diff"]
    assert [metric["words"] for metric in run["metrics"] if metric["name"] == "pass_rate"] == [
        ["0.0 %", "-100.0 %", "-100.0 % since the start"]
    ]
    assert newest["status"]["ceiling_usd"] == 1.0


@pytest.mark.slow
def test_what_the_page_starts_may_not_spend_what_the_turns_may(site: WatchedPage) -> None:
    """
    Given a watch with a ceiling,
    when a run is started over HTTP,
    then it is refused, for the ceiling is that of the turns.
    """
    status, problem = site.ask("POST", "/api/runs", {"pipeline": "words"})

    assert (status, "--max-cost" in problem["detail"]) == (402, True)


@pytest.mark.slow
def test_the_options_of_the_page_want_the_page(tmp_path: Path) -> None:
    """
    Given a watch that serves no page,
    when it is told at which port,
    then that is refused, and nothing is run.
    """
    lab = Lab(tmp_path, "http://127.0.0.1:9/v1")

    ended = lab.command("watch", "--port", "8000")

    assert (ended.code, re.search("--port is about the page", ended.err) is not None) == (2, True)


@pytest.mark.slow
def test_the_page_ends_with_its_watch(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a watch with its page,
    when the watch is killed,
    then nobody listens at its port any more.
    """
    lab = Lab(tmp_path / "project", fake_provider.base_url)
    with watched_page(lab, fake_provider, "words") as site:
        site.watched.turn()
        site.until_told(lambda turns: len(turns) == 1)
        site.watched.child.process.kill()
        site.until_gone()
