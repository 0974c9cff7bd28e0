"""What people look at, read from a log page by page: runs, the matrix of one, one trial."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound, UsageError
from promptlab.models import Completion
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import MatrixPage, RunFilter, Sort, TrialFilter
from promptlab.services.cursors import cursor_of
from promptlab.services.distributions import DistributionService
from promptlab.services.matrix_cells import LONGEST_OUTPUT, cut_output
from promptlab.services.matrix_pages import SEARCHED_AT_ONCE, MatrixPages
from promptlab.services.one_trial import OneTrialService
from promptlab.services.run_log import RunLog, open_run_log
from promptlab.services.run_pages import RunPages
from tests.look_kit import record, record_one, run_of, trial
from tests.run_log_kit import ANSWER, log_in

SORTS: tuple[Sort, ...] = get_args(Sort.__value__)
NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Looked:
    """A log to look at, and the runs in it: `dead` is one whose process died."""

    log: RunLog
    earlier: str
    later: str
    other: str
    dead: str
    long: str

    def names(self, ids: list[str]) -> list[str]:
        known = {getattr(self, name): name for name in ("earlier", "later", "other", "dead", "long")}
        return [known[run_id] for run_id in ids]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("looked") / "lab.db")
        return
    with request.getfixturevalue("postgres_server").with_database() as url:
        yield url


@pytest.fixture(scope="module")
def looked(location: str) -> Iterator[Looked]:
    with open_run_log(location) as log:
        rows = (trial(row, row_id=f"r{row}", output=f"answer {row}") for row in range(2 * SEARCHED_AT_ONCE))
        long = record_one(log, rows)
        earlier, later, other, dead = record(log)
        yield Looked(log, earlier, later, other, dead, long)


@pytest.fixture
def session(looked: Looked) -> Iterator[Session]:
    with looked.log.reading() as session:
        yield session


@pytest.fixture
def runs(session: Session) -> RunPages:
    return RunPages(session, is_running=lambda _: False)


@pytest.fixture
def later(looked: Looked) -> RunRecord:
    return run_of(looked.log, looked.later)


@pytest.fixture
def matrix(session: Session, looked: Looked, later: RunRecord) -> MatrixPages:
    return MatrixPages(session, later, against=looked.earlier)


def rows(page: MatrixPage) -> list[int]:
    return [row.row for row in page.rows]


def test_runs_come_in_pages_the_newest_first(runs: RunPages, looked: Looked) -> None:
    """
    Given five runs,
    when pages of two are asked for until there is no next,
    then each run is on one of them, the newest first.
    """
    pages, cursor = [], None
    for _ in range(3):
        page = runs.page(RunFilter(), cursor=cursor, limit=2)
        pages.append(looked.names([line.run.id for line in page.runs]))
        cursor = page.next

    assert pages == [["dead", "other"], ["later", "earlier"], ["long"]]
    assert cursor is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(pipeline="other"), ["other"]),
        (RunFilter(git_commit="FFE"), ["later"]),
        (RunFilter(git_commit="%"), []),
        (RunFilter(text="FIRST <B>"), ["earlier"]),
        (RunFilter(text="100% _"), ["other"]),
        (RunFilter(text="a_try"), []),
        (RunFilter(status="passed"), ["other", "earlier"]),
        (RunFilter(status="interrupted"), ["dead"]),
        (RunFilter(status="running"), []),
        (RunFilter(user="nobody"), []),
        (RunFilter(until=NOW - timedelta(days=1)), []),
        (RunFilter(since=NOW - timedelta(days=1), pipeline="triage"), ["later", "earlier", "long"]),
    ],
)
def test_runs_are_filtered(runs: RunPages, looked: Looked, wanted: RunFilter, found: list[str]) -> None:
    """
    Given runs of several pipelines, commits and ends,
    when some are asked for,
    then these come; what a pattern of the database would mean stands for itself.
    """
    page = runs.page(wanted)

    assert looked.names([line.run.id for line in page.runs]) == found


def test_a_run_that_lives_is_running(session: Session, looked: Looked) -> None:
    """
    Given a run that has not ended and whose process is alive,
    when running and interrupted runs are asked for,
    then it is among the first.
    """
    runs = RunPages(session, is_running=lambda _: True)

    found = {status: runs.page(RunFilter(status=status)) for status in ("running", "interrupted")}

    assert [line.run.id for line in found["running"].runs] == [looked.dead]
    assert found["interrupted"].runs == ()


def test_a_run_has_the_course_of_its_pipeline(runs: RunPages) -> None:
    """
    Given three runs of a pipeline, one of which said no rate,
    when they are listed,
    then each has the rates up to its own, the oldest first.
    """
    page = runs.page(RunFilter(pipeline="triage"))

    assert [line.history for line in page.runs] == [(1.0, 1.0, 0.5), (1.0, 1.0), (1.0,)]


def test_a_run_is_held_against_the_one_before_of_its_pipeline(runs: RunPages, looked: Looked) -> None:
    """
    Given a run with an earlier one of its pipeline, and one without,
    when the earlier ones are asked for,
    then the first has one.
    """
    before = [runs.before(run_of(looked.log, run_id)) for run_id in (looked.later, looked.other)]

    assert [one.id if one else None for one in before] == [looked.earlier, None]


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "ä", encoded([]), encoded([True]), encoded(["a", 1]), encoded([2**70]), encoded([1.5]),
     encoded({"0": 1}), "[" * 5000, encoded([None]), encoded("1")],
)  # fmt: skip
def test_a_broken_cursor_is_refused(runs: RunPages, matrix: MatrixPages, cursor: str) -> None:
    """
    Given a cursor that no page gave,
    when a page after it is asked for,
    then that is refused.
    """
    with pytest.raises(UsageError, match="cursor"):
        runs.page(RunFilter(), cursor=cursor)
    for sort in ("row", "-score"):
        with pytest.raises(UsageError, match="cursor"):
            matrix.page(TrialFilter(), sort=sort, cursor=cursor)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_a_matrix_hold_each_row_once(matrix: MatrixPages, sort: Sort) -> None:
    """
    Given a run of six rows,
    when it is read two rows at a time in some order,
    then the pages are those rows of one page in that order.
    """
    pages, cursor = [], None
    for _ in range(3):
        page = matrix.page(TrialFilter(), sort=sort, cursor=cursor, limit=2)
        pages += rows(page)
        cursor = page.next

    assert cursor is None
    assert sorted(pages) == [0, 1, 2, 3, 4, 5]
    assert pages == rows(matrix.page(TrialFilter(), sort=sort))


def test_a_matrix_is_sorted_with_what_is_unknown_last(matrix: MatrixPages) -> None:
    """
    Given rows with scores, costs and latencies, one of which cost what nobody knows,
    when they are sorted,
    then the worst comes first where that is asked for.
    """
    first = {sort: rows(matrix.page(TrialFilter(), sort=sort, limit=2)) for sort in SORTS}

    assert first == {
        "row": [0, 1],
        "-row": [5, 4],
        "score": [0, 1],
        "-score": [2, 4],
        "cost": [0, 1],
        "-cost": [5, 4],
        "latency": [1, 2],
        "-latency": [0, 5],
    }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (TrialFilter(statuses=("failed",)), [1, 3]),
        (TrialFilter(statuses=("failed", "errored")), [0, 1, 3]),
        (TrialFilter(flipped=True), [1, 3]),
        (TrialFilter(disagreeing=True), [0, 1, 3]),
        (TrialFilter(check="equals"), [0, 1, 3]),
        (TrialFilter(check="equals", statuses=("errored",)), [0]),
        (TrialFilter(check="x' OR '1'='1"), []),
        (TrialFilter(tag="hard"), [0]),
        (TrialFilter(tag="har%"), []),
        (TrialFilter(cells=("few-shot",), statuses=("failed",)), []),
        (TrialFilter(text="TICKET 4"), [4]),
        (TrialFilter(text="<script>"), [1]),
        (TrialFilter(text="\u202e"), [2]),
        (TrialFilter(regex="^t[34]$"), [4, 5]),
        (TrialFilter(regex="^billing 2", cells=("base",)), []),
        (TrialFilter(text="ticket", statuses=("failed",), flipped=True), [1, 3]),
    ],
    ids=str,
)
def test_rows_of_a_matrix_are_filtered(matrix: MatrixPages, wanted: TrialFilter, found: list[int]) -> None:
    """
    Given a run in two cells after an earlier one, in which its rows had other numbers,
    when some of its rows are asked for,
    then these come.
    """
    page = matrix.page(wanted)

    assert rows(page) == found


def test_a_cell_tells_how_its_trial_ended_before(matrix: MatrixPages) -> None:
    """
    Given rows that had other numbers in the earlier run,
    when a page is read,
    then each trial says how the one of the same id, cell and repeat ended there.
    """
    page = matrix.page(TrialFilter())

    told = [(cell.before, cell.flipped) for row in page.rows for cell in row.trials if cell.cell == "base"]
    assert told == [
        (None, False),
        ("passed", True),
        ("passed", False),
        ("passed", True),
        *[("passed", False)] * 2,
    ]


def test_counts_are_what_filters_find(matrix: MatrixPages) -> None:
    """
    Given a run,
    when what each filter finds is counted,
    then it is as many trials, or rows that disagree, as there are.
    """
    counts = matrix.counts()

    assert counts.statuses == {"passed": 9, "failed": 2, "errored": 1}
    assert (counts.flipped, counts.disagreeing) == (2, 3)
    assert (counts.checks, counts.tags) == ({"equals": 3}, {"hard": 1})


def test_what_is_long_is_cut(matrix: MatrixPages) -> None:
    """
    Given a trial with an output of a megabyte,
    when its page is read,
    then so much of it is there as a cell may show.
    """
    (row,) = matrix.page(TrialFilter(statuses=("failed",), text="t2")).rows

    assert [(len(cell.output or ""), cell.is_cut) for cell in row.trials] == [
        (LONGEST_OUTPUT, True),
        (9, False),
    ]


@pytest.mark.parametrize("beginning", ["", '"', "\\", "\n", "é", "\u2028", "\x01"])
def test_a_text_that_is_cut_inside_an_escape_is_read(beginning: str) -> None:
    """
    Given the JSON of a long text, cut at any place,
    when it is read,
    then its beginning is there as it was.
    """
    text = (beginning or "x") * 2_000
    written = json.dumps(text)[: LONGEST_OUTPUT * 6 + 2]

    found, is_cut = cut_output(written)

    assert is_cut
    assert found == text[: len(found or "")]
    assert len(found or "") == LONGEST_OUTPUT


def test_an_expression_that_never_ends_matches_nothing(tmp_path: Path) -> None:
    """
    Given an expression that takes for ever on some text,
    when rows are searched by it,
    then that text counts as not matching, and is counted.
    """
    with log_in(tmp_path) as log:
        run = run_of(log, record_one(log, [trial(0, output="a" * 60 + "!"), trial(1, output="aaa")]))
        with log.reading() as session:
            page = MatrixPages(session, run).page(TrialFilter(regex="^(a|aa)+$"))

    assert (rows(page), page.slow) == ([1], 1)


def test_a_bad_expression_is_refused(matrix: MatrixPages) -> None:
    """
    Given an expression that is none,
    when rows are searched by it,
    then that is refused.
    """
    with pytest.raises(UsageError, match="regex: not a regular expression"):
        matrix.page(TrialFilter(regex="("))


def test_a_long_search_goes_on_on_the_next_page(session: Session, looked: Looked) -> None:
    """
    Given a search whose time is up after its first rows,
    when the next page is asked for,
    then it goes on where the first ended, and nothing is missed.
    """
    ticks = count(0, 10)
    pages = MatrixPages(session, run_of(looked.log, looked.long), clock=lambda: next(ticks))
    wanted = TrialFilter(text="answer 150")

    first = pages.page(wanted)
    second = pages.page(wanted, cursor=first.next)

    assert (rows(first), first.searched) == ([], SEARCHED_AT_ONCE)
    assert (rows(second), second.searched) == ([150], SEARCHED_AT_ONCE)


def test_a_trial_is_found_by_its_place_and_its_number(
    session: Session, later: RunRecord, looked: Looked
) -> None:
    """
    Given a trial,
    when it is read by row, cell and repeat, and by its number,
    then it is the same, with its answers, its neighbours, and how it ended before.
    """
    service = OneTrialService(session, later)

    placed = service.read("1-0-0", against=looked.earlier)
    numbered = service.read(str(placed.id))

    assert numbered.trial == placed.trial
    assert (placed.place, placed.before, placed.after, placed.then) == ("1-0-0", "0-1-0", "1-1-0", "passed")
    assert service.read("0-0-0").before is None
    assert service.read("5-1-0").after is None


@pytest.mark.parametrize(
    "name", ["", "x", "0", "-1", "99-0-0", "0-0", "0-0-0-0", "9" * 40, "0-0-0 ", "٣-0-0", "../"]
)
def test_a_trial_that_is_not_there_is_not_found(session: Session, later: RunRecord, name: str) -> None:
    """
    Given a name that no trial has,
    when it is asked for,
    then it is said that there is none.
    """
    with pytest.raises(NotFound, match="has no trial"):
        OneTrialService(session, later).read(name)


def test_a_trial_of_another_run_is_not_found(session: Session, later: RunRecord, looked: Looked) -> None:
    """
    Given the number of a trial of one run,
    when another run is asked for it,
    then it has none.
    """
    number = OneTrialService(session, later).read("0-0-0").id

    with pytest.raises(NotFound):
        OneTrialService(session, run_of(looked.log, looked.earlier)).read(str(number))


def test_a_call_is_told_as_it_was_recorded(session: Session, later: RunRecord) -> None:
    """
    Given a trial with a call,
    when the call is read, and by a trial that did not ask it,
    then its request and its bytes are there, and not for the other.
    """
    service = OneTrialService(session, later)
    (answer,) = service.read("0-0-0").answers.values()

    call = service.call("0-0-0", answer.id)

    assert (call.text, call.raw, call.answer) == (ANSWER.text, ANSWER.raw.decode(), answer)
    assert call.request["messages"] == [{"role": "user", "content": "row 0"}]  # type: ignore[index,call-overload]
    with pytest.raises(NotFound, match="no answer"):
        service.call("1-0-0", answer.id)


def test_a_pruned_answer_is_missed_by_nobody(looked: Looked, later: RunRecord) -> None:
    """
    Given a trial whose answer was pruned,
    when it is read,
    then it is there without that.
    """
    with Session(looked.log.engine) as session:
        session.execute(delete(Completion))
        one = OneTrialService(session, later).read("0-0-0")

    assert (one.answers, one.trial.steps[0].output) == ({}, "billing")


def test_distributions_count_each_trial_once(session: Session, later: RunRecord) -> None:
    """
    Given a run,
    when its distributions are made,
    then the bins of each cell add up to its trials, but for what is not known.
    """
    found = DistributionService(session).of(later)

    assert found.pass_rates == {"base": 4 / 6, "few-shot": 5 / 6}
    sums = {
        name: {cell: sum(bins) for cell, bins in spread.counts.items()}
        for name in ("score", "latency_ms", "cost_usd")
        if (spread := getattr(found, name)) is not None
    }
    assert sums == {
        "score": {"base": 6, "few-shot": 6},
        "latency_ms": {"base": 6, "few-shot": 6},
        "cost_usd": {"base": 6, "few-shot": 5},
    }


def test_a_cursor_is_opaque_and_comes_back() -> None:
    """
    Given keys of pages,
    when cursors are made of them,
    then they are texts that an address takes as they are.
    """
    cursors = [cursor_of("01abc"), cursor_of(3), cursor_of(0.1 + 0.2, 7)]

    assert all(cursor.replace("-", "").replace("_", "").isalnum() for cursor in cursors)
