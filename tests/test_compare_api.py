"""`GET /api/compare`: two runs, or two variants, beside each other, flips first and a page at a time."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from promptlab.live.paired.lineup import Lineup
from promptlab.live.paired.paging import PairPages
from promptlab.live.paired.stored import AT_ONCE, Kept
from promptlab.main import create_app
from promptlab.models import Run
from promptlab.schemas.paired import PairFilter
from promptlab.schemas.run import TrialResult
from tests.cli_kit import write_project
from tests.compare_kit import SHOWN, folder_to_compare
from tests.look_kit import record_one, trial
from tests.run_log_kit import log_in
from tests.serving_kit import server_settings, signed_in


@dataclass(frozen=True, slots=True)
class Site:
    client: TestClient
    a: str
    b: str
    other: str

    def compare(self, query: str = "") -> Any:
        answer = self.client.get(f"/api/compare?a={self.a}&b={self.b}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("compared")
    write_project(root)
    a, b = folder_to_compare(root)
    with log_in(root) as log:
        other = record_one(log, [trial(0, row_id="elsewhere")])
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Site(client, a, b, other)


def _changes(found: Any) -> list[str]:
    return [pair["change"] for pair in found["pairs"]]


def test_flips_come_first_then_other_outputs_then_the_rest(site: Site) -> None:
    """
    Given two runs of twelve trials,
    when they are compared,
    then what passed and does not any more comes first, what did not change last, and all are counted.
    """
    found = site.compare()

    assert _changes(found) == [*SHOWN, *["same"] * 5]
    assert found["changes"] == {"worse": 3, "better": 1, "otherwise": 0, "changed": 3, "same": 5}
    assert found["flipped"] == [
        {"before": "passed", "after": "errored", "trials": 1},
        {"before": "passed", "after": "failed", "trials": 2},
        {"before": "failed", "after": "passed", "trials": 1},
    ]
    assert (found["trials"], found["outputs_changed"], found["next"]) == (12, 6, None)


def test_a_pair_has_both_sides_and_the_words_that_differ(site: Site) -> None:
    """
    Given the same,
    when the first pair is looked at,
    then it has how it ended at each side, the place of each trial, its checks, and old and new words.
    """
    pair = site.compare("&show=worse&limit=1")["pairs"][0]

    assert (pair["row_id"], pair["cell"], pair["tags"]) == ("t0", "base", ["hard"])
    assert (pair["a"]["status"], pair["b"]["status"]) == ("passed", "failed")
    assert (pair["a"]["place"], pair["b"]["place"]) == ("0-0-0", "0-0-0")
    assert pair["b"]["checks"][0]["reason"] == "is 'shipping'"
    assert pair["diff"] == [{"kind": "old", "text": "billing"}, {"kind": "new", "text": "shipping"}]


def test_metrics_have_intervals_tests_and_a_verdict(site: Site) -> None:
    """
    Given the same,
    when the metrics are looked at,
    then each has its means, interval, p and verdict, as `compare --json` has them.
    """
    (base, few_shot) = site.compare()["cells"]

    rate = base["metrics"][0]
    assert (base["a"], few_shot["b"], rate["metric"]) == ("base", "few-shot", "pass_rate")
    assert (rate["a"], rate["b"], rate["moved"], rate["verdict"]) == (1.0, 0.5, 3, "undecided")
    assert rate["interval"]["low"] <= -0.5 <= rate["interval"]["high"]
    assert base["rows"] == {"paired": 6, "only_a": [], "only_b": []}


def test_pages_follow_each_other(site: Site) -> None:
    """
    Given the same,
    when pages of two are followed to their end,
    then each pair came once, in order.
    """
    seen, cursor = [], ""
    while True:
        found = site.compare(f"&limit=2{cursor}")
        seen += found["pairs"]
        if found["next"] is None:
            break
        cursor = f"&cursor={found['next']}"

    assert [pair["change"] for pair in seen] == [*SHOWN, *["same"] * 5]
    assert len({(pair["row"], pair["cell"]) for pair in seen}) == 12


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("&show=better", ["t1"]),
        ("&show=flips", ["t0", "t1", "t2", "t1"]),
        ("&show=changed&show=better", ["t1", "t2", "t3", "t4"]),
        ("&tag=hard", ["t0", "t0"]),
        ("&check=equals&show=worse", ["t0", "t1", "t2"]),
        ("&check=nothing", []),
        ("&text=OF%20COURSE", ["t3"]),
        ("&variant=few-shot&show=flips", ["t1"]),
    ],
)
def test_pairs_are_filtered(site: Site, query: str, rows: list[str]) -> None:
    """
    Given the same,
    when pairs are asked for by how they changed, tag, check, text or variant,
    then those come that fit.
    """
    found = site.compare(query)

    assert [pair["row_id"] for pair in found["pairs"]] == rows


def test_two_variants_of_a_run_are_compared(site: Site) -> None:
    """
    Given a run of two variants,
    when one is held against the other,
    then rows of the run are paired across them.
    """
    answer = site.client.get(f"/api/compare?a={site.b}&variant=few-shot&against=base")

    found = answer.json()
    assert (found["cells"][0]["a"], found["cells"][0]["b"]) == ("base", "few-shot")
    assert (found["changes"]["better"], found["pairs"][0]["a"]["place"]) == (3, "0-0-0")


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("a=nobody&b={a}", 404, "there is no run 'nobody'"),
        ("a={a}&b=no/body", 404, "there is no run 'no/body'"),
        ("a=nobody", 404, "there is no run 'nobody', and git"),
        ("a=01&b={a}", 422, "more than one run begins with '01'"),
        ("a={a}&b={a}", 422, "A and B are the same run"),
        ("a={a}", 422, "there is nothing to compare it with"),
        ("a={a}&b={b}&variant=other", 422, "--variant other: neither run has such a variant"),
        ("a={a}&b={b}&pipeline=echo", 422, "it belongs to a comparison with a commit"),
        ("a={a}&b={b}&cursor=Wzk5OTk5XQ", 422, "cursor: it is none of this comparison"),
        ("a={a}&b={b}&cursor=%22", 422, "cursor"),
        ("a={a}&b={other}", 422, "no row is at both sides"),
        ("b={a}", 422, "the request is not as it should be"),
    ],
)
def test_what_cannot_be_compared_is_a_problem(site: Site, query: str, status: int, says: str) -> None:
    """
    Given runs,
    when something is compared that is not there, not one, or not to be held together,
    then the answer says so, as the command does.
    """
    answer = site.client.get(f"/api/compare?{query.format(a=site.a, b=site.b, other=site.other)}")

    assert answer.status_code == status
    assert says in answer.text


def test_more_comparisons_than_may_be_made_at_once_are_told_to_come_back(site: Site) -> None:
    """
    Given as many comparisons under way as may be,
    when another is asked for,
    then it is 429 and says when to come back; once there is room it is answered.
    """
    kept: Kept = site.client.app.state.opened.comparisons  # type: ignore[attr-defined]
    with ExitStack() as full:
        for _ in range(AT_ONCE):
            full.enter_context(kept.room())
        refused = site.client.get(f"/api/compare?a={site.a}&b={site.b}")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert site.compare()["trials"] == 12


def test_a_search_that_takes_too_long_goes_on_behind_its_cursor() -> None:
    """
    Given 120 pairs of which the last has a text, and a clock by which each look takes a second,
    when that is searched page by page,
    then pages that found nothing say how far they are, and the last one has it.
    """
    trials = {number: trial(number, output="wanted" if number == 119 else "other") for number in range(120)}

    def read(numbers: Sequence[int]) -> dict[int, TrialResult]:
        return {number: trials[number] for number in numbers}

    seconds = count()
    pages = PairPages(
        lineup=Lineup(array("q", range(120)), array("q", range(120)), {"changed": 120}),
        read_a=read,
        read_b=read,
        clock=lambda: float(next(seconds)),
    )

    first = pages.page(PairFilter(text="WANTED"))
    second = pages.page(PairFilter(text="WANTED"), cursor=first.next)
    last = pages.page(PairFilter(text="WANTED"), cursor=second.next)

    assert [page.searched for page in (first, second, last)] == [50, 50, 20]
    assert [len(page.pairs) for page in (first, second, last)] == [0, 0, 1]


def test_who_has_it_is_told_so_and_nothing_is_written(site: Site) -> None:
    """
    Given a comparison of two runs that ended,
    when it is asked for again with its tag,
    then nothing comes but that; another page has another tag, and the log has no more runs than before.
    """
    address = f"/api/compare?a={site.a}&b={site.b}"
    tag = site.client.get(address).headers["etag"]

    again = site.client.get(address, headers={"If-None-Match": tag})
    other = site.client.get(f"{address}&limit=1", headers={"If-None-Match": tag})

    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    root = site.client.app.state.opened.project.root  # type: ignore[attr-defined]
    with log_in(root) as log, log.reading() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 3
