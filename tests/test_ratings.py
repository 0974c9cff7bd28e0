"""What people say of answers: kept in the log, told with trials, found again, written as labels."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from promptlab.main import create_app
from promptlab.services.git import author
from promptlab.services.reopening import this_user
from tests.cli_kit import write_project
from tests.look_kit import SCRIPT, folder_with_runs, record_one, trial
from tests.serving_kit import server_settings, signed_in


@dataclass(frozen=True, slots=True)
class Lab:
    """A server and two runs of one pipeline."""

    client: TestClient
    earlier: str
    later: str

    def rate(self, trial: str, *, run: str | None = None, **said: Any) -> Any:
        answer = self.client.post(f"/api/runs/{run or self.later}/trials/{trial}/ratings", json=said)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/runs/{self.later}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ratings_of(self, trial: str) -> list[tuple[str, str | None, str | None]]:
        """Give who says what, as the trial has it."""
        found = self.get(f"/trials/{trial}")["ratings"]
        return [(one["who"], one["thumb"], one["note"]) for one in found]

    def rows(self, **query: Any) -> list[int]:
        return [row["row"] for row in self.get("/trials", **query)["rows"]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A project with the runs that each test has for itself."""
    root = tmp_path_factory.mktemp("recorded")
    write_project(root)
    earlier, later, _, _ = folder_with_runs(root)
    return root, earlier, later


@pytest.fixture
def lab(recorded: tuple[Path, str, str], tmp_path: Path) -> Iterator[Lab]:
    project, earlier, later = recorded
    root = copytree(project, tmp_path / "rated")
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Lab(client, earlier, later)


def test_a_rating_is_kept_with_who_and_when(lab: Lab) -> None:
    """
    Given a trial,
    when it is rated without a name, and noted under one,
    then the log has both with who and when, the newest first, and each has an address.
    """
    anonymous = lab.rate("1-0-0", thumb="down")
    named = lab.rate("1-0-0", note="too long", who=" Ada ")

    listed = lab.get("/trials/1-0-0/ratings")["ratings"]
    assert listed == lab.get("/ratings")["ratings"] == [named, anonymous]
    assert anonymous["who"] == (author(lab.client.app.state.opened.project.root) or this_user())  # type: ignore[attr-defined]
    assert (named["who"], named["thumb"], named["note"], named["row_id"]) == ("Ada", None, "too long", "t0")
    assert named["at"].endswith("+00:00")
    assert lab.get(f"/ratings/{named['id']}") == named


def test_the_newest_of_a_person_counts_and_history_is_kept(lab: Lab) -> None:
    """
    Given a person who found an answer bad and noted why, then found it good,
    when the trial is read, and after that the newest is taken back,
    then it has the newest with the note, then the one before, and all were kept until then.
    """
    lab.rate("1-0-0", thumb="down", note="why", who="Ada")
    newest = lab.rate("1-0-0", thumb="up", who="Ada")
    same = lab.rate("1-0-0", thumb="up", who="Ada")
    before = lab.ratings_of("1-0-0")
    kept = len(lab.get("/ratings")["ratings"])

    taken = lab.client.delete(f"/api/runs/{lab.later}/ratings/{newest['id']}")

    assert (taken.json(), same, kept) == (newest, newest, 2)
    assert before == [("Ada", "up", "why")]
    assert lab.ratings_of("1-0-0") == [("Ada", "down", "why")]


def test_null_takes_away_what_was_said(lab: Lab) -> None:
    """
    Given a rating,
    when the same person says nothing any more,
    then the trial has none, and what was said before is still in the list.
    """
    lab.rate("1-0-0", thumb="down", note="why", who="Ada")

    lab.rate("1-0-0", thumb=None, note="", who="Ada")

    assert lab.ratings_of("1-0-0") == []
    assert len(lab.get("/ratings")["ratings"]) == 2


def test_the_same_answer_in_another_run_has_the_rating(lab: Lab) -> None:
    """
    Given a rated answer, and a later run that gives it again, in a row that has moved, and in another cell,
    when the later run is read, and the same person says something else there,
    then the same row and cell has the rating, with where it was said, another answer or cell has not; and
    what was said in the run itself goes before it.
    """
    log = lab.client.app.state.opened.log  # type: ignore[attr-defined]
    rated = trial(0, row_id="same")
    other, few_shot = (
        trial(0, row_id="same", output="shipping", repeat=1),
        trial(0, "few-shot", row_id="same"),
    )
    moved = [replace(one, key=replace(one.key, row=7)) for one in (rated, other, few_shot)]
    first = record_one(log, [rated])
    again = replace(lab, later=record_one(log, moved))
    lab.rate("0-0-0", run=first, thumb="down", note="why", who="Ada")

    found = again.get("/trials/7-0-0")["ratings"]
    listed = again.rows(rating="down")
    again.rate("7-0-0", thumb="up", who="Ada")

    assert [(one["who"], one["thumb"], one["note"], one["run"]) for one in found] == [
        ("Ada", "down", "why", first)
    ]
    assert listed == [7]
    assert again.ratings_of("7-0-0") == [("Ada", "up", None)]
    assert again.ratings_of("7-0-1") == again.ratings_of("7-1-0") == []


def test_rated_rows_are_found(lab: Lab) -> None:
    """
    Given answers that passed and failed, some of them rated,
    when rows are asked for by rating,
    then these come: rated in some way, found bad, or rated otherwise than they ended.
    """
    lab.rate("1-0-0", thumb="up", who="Ada")  # it failed
    lab.rate("2-0-0", thumb="up", who="Ada")  # it passed
    lab.rate("4-1-0", thumb="down", who="Ada")  # it passed
    lab.rate("5-0-0", note="hm", who="Ada")

    found = {mark: lab.rows(rating=mark) for mark in ("rated", "up", "down", "disagrees")}

    assert found == {"rated": [1, 2, 4, 5], "up": [1, 2], "down": [4], "disagrees": [1, 4]}
    assert lab.rows(rating=["up", "down"], sort="-row") == [4, 2, 1]
    assert lab.rows(rating="unrated", cell="base") == [0, 3, 4]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"thumb": "sideways"}, 422, "thumb"),
        ({"note": "é" * 2049}, 422, "4096 bytes"),
        ({"note": "x" * 5000}, 422, "note"),
        ({"thumb": "up", "who": "Ada\nBob"}, 422, "one line"),
        ({"thumb": "up", "who": "x" * 201}, 422, "who"),
        ({"thumb": "up", "run": "another"}, 422, "run"),
        ({}, 409, "a thumb, a note, or both"),
    ],
)
def test_what_is_no_rating_is_refused(lab: Lab, body: dict[str, Any], status: int, says: str) -> None:
    """
    Given a body that says nothing, or what cannot be meant,
    when it is sent,
    then it is refused with the reason, and nothing is kept.
    """
    answer = lab.client.post(f"/api/runs/{lab.later}/trials/1-0-0/ratings", json=body)

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert lab.get("/ratings")["ratings"] == []


def test_what_has_no_answer_is_not_rated(lab: Lab) -> None:
    """
    Given a trial that errored, one that is not there, and a rating of another run,
    when they are rated, or taken back,
    then it is said that there is no answer, no trial, no rating.
    """
    other = lab.rate("1-0-0", run=lab.earlier, thumb="up")
    rates = [
        lab.client.post(f"/api/runs/{lab.later}/trials/{trial}/ratings", json={"thumb": "up"})
        for trial in ("0-1-0", "99-0-0")
    ]

    taken = lab.client.delete(f"/api/runs/{lab.later}/ratings/{other['id']}")

    assert [answer.status_code for answer in (*rates, taken)] == [409, 404, 404]
    assert "has no answer to rate" in rates[0].text


def test_lists_come_a_page_at_a_time(lab: Lab) -> None:
    """
    Given five ratings of a run,
    when they are read two at a time,
    then each comes once, the newest first.
    """
    ids = [lab.rate(f"{row}-0-0", thumb="up")["id"] for row in range(1, 6)]

    pages, cursor = list[list[int]](), None
    while not pages or cursor:
        found = lab.get("/ratings", limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append([one["id"] for one in found["ratings"]])
        cursor = found["next"]

    assert pages == [ids[:-3:-1], ids[2:0:-1], ids[:1]]


def test_labels_are_what_most_say(lab: Lab) -> None:
    """
    Given answers of which all say the same, most say one thing, and as many one as the other,
    when the labels are written as JSON lines and as CSV,
    then each has what most say, or none, who said it and why, and the columns of its row.
    """
    for who in ("Ada", "Bob", "Eve"):
        lab.rate("1-0-0", thumb="down" if who == "Eve" else "up", who=who)
    lab.rate("2-0-0", thumb="down", note="=1+1", who="Ada")
    lab.rate("5-0-0", thumb="down", who="Ada")
    lab.rate("5-0-0", thumb="up", who="Bob")
    lab.rate("4-0-0", note="only a note")

    address = f"/api/runs/{lab.later}/labels"
    lines = [json.loads(line) for line in lab.client.get(address).text.splitlines()]
    table = list(csv.DictReader(io.StringIO(lab.client.get(address, params={"format": "csv"}).text)))

    assert [(one["row_id"], one["human"]) for one in lines] == [("t0", "pass"), ("t1", "fail"), ("t4", None)]
    assert lines[0]["human_who"] == "Ada, Bob, Eve"
    assert (lines[0]["ticket"], lines[0]["label"], lines[0]["cell"]) == ("ticket 1", "billing", "base")
    assert [one["human"] for one in table] == ["pass", "fail", ""]
    assert table[1]["human_note"] == "'=1+1"


def test_reports_have_ratings_only_where_there_are_some(lab: Lab) -> None:
    """
    Given a run,
    when its reports are written, one of its answers is rated, and they are written again,
    then all but the line of that answer, and in CSV its column, is as it was.
    """
    address = f"/api/runs/{lab.later}/report"
    before = {
        kind: lab.client.get(address, params={"format": kind}).text for kind in ("jsonl", "csv", "json")
    }

    lab.rate("1-0-0", thumb="down", note="why", who="Ada")

    after = {kind: lab.client.get(address, params={"format": kind}).text for kind in before}
    changed = [
        new
        for old, new in zip(before["jsonl"].splitlines(), after["jsonl"].splitlines(), strict=True)
        if old != new
    ]
    (line,) = map(json.loads, changed)
    assert [(one["who"], one["thumb"], one["note"]) for one in line["ratings"]] == [("Ada", "down", "why")]
    assert "ratings" not in before["csv"]
    assert "ratings" in after["csv"].splitlines()[0]
    assert after["json"].count('"ratings"') == 1


def test_tags_know_of_ratings(lab: Lab) -> None:
    """
    Given a trial that was read with its tag,
    when it is rated,
    then whoever has that tag is given the trial anew, and before that was not.
    """
    address = f"/api/runs/{lab.later}/trials/1-0-0"
    known = {"If-None-Match": lab.client.get(address).headers["etag"]}
    before = lab.client.get(address, headers=known).status_code

    lab.rate("1-0-0", thumb="down")

    assert (before, lab.client.get(address, headers=known).status_code) == (304, 200)


def test_deleting_a_run_says_how_many_ratings_go(lab: Lab) -> None:
    """
    Given a run with two ratings, one of them replaced,
    when it is asked what deleting it takes away, and it is deleted,
    then both say two, and they are gone.
    """
    lab.rate("1-0-0", thumb="down", who="Ada")
    lab.rate("1-0-0", thumb="up", who="Ada")

    said = lab.get("/removal")
    done = lab.client.delete(f"/api/runs/{lab.later}").json()

    assert (said["ratings"], done) == (2, said)
    assert lab.client.get(f"/api/runs/{lab.later}/ratings").status_code == 404


def test_pages_show_ratings_as_text(lab: Lab) -> None:
    """
    Given an answer that is noted with markup by a name of markup,
    when the pages of its run and of itself are read,
    then both have it as text, no element is made of it, and the filters count it.
    """
    lab.rate("1-0-0", thumb="down", note=SCRIPT, who=SCRIPT)

    pages = [
        html.document_fromstring(lab.client.get(path, headers={"Accept": "text/html"}).text)
        for path in (f"/runs/{lab.later}", f"/runs/{lab.later}/trials/1-0-0")
    ]

    notes = [page.xpath("//*[@data-note]")[0].text_content() for page in pages]
    assert all(SCRIPT in note for note in notes)
    assert not any("owned" in script for page in pages for script in page.xpath("//script/text()"))
    chips = [
        " ".join(chip.text_content().split()) for chip in pages[0].xpath("//label[contains(@class, 'chip')]")
    ]
    assert {"rated 1", "thumbs down 1"} <= set(chips)
    assert "rating disagrees 1" not in chips


def test_facts_can_be_left_out(lab: Lab) -> None:
    """
    Given a run,
    when its page is asked for without some facts,
    then the cells and rows lack these, and the address is the state of the page.
    """

    def shown(query: str) -> tuple[str, str]:
        page = html.document_fromstring(lab.client.get(f"/runs/{lab.later}{query}").text)
        (facts,) = page.xpath("//a[contains(@href, '/trials/5-0-0')]/../div[@class='facts']/text()")
        return facts, page.xpath("//th[@scope='row']")[-1].text_content()

    all_of_it, some = shown(""), shown("?hide=cost&hide=latency&hide=inputs&hide=checks")

    assert all_of_it[0] == "1/1 checks · 10→2 tok · $0.50 · 12 ms"
    assert some[0] == "10→2 tok"
    assert ("ticket 5" in all_of_it[1], "ticket 5" in some[1]) == (True, False)
