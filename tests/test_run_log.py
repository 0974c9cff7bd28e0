"""The services over the log: runs found, deleted with a preview, exported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from promptlab.core.errors import UsageError
from promptlab.core.ids import new_id
from promptlab.schemas.events import TrialFinished
from promptlab.services.export import ExportService
from promptlab.services.removal import RemovalService
from promptlab.services.run_log import RunLog, open_run_log
from promptlab.services.runs import RunService
from promptlab.services.sliced_removal import SlicedRemoval
from promptlab.services.trials import TrialService
from tests.run_log_kit import START, asking, buy, log_in, record_run, recording, run_in, trial_of, trials_in


@pytest.fixture
def log(log_location: str) -> Iterator[RunLog]:
    with open_run_log(log_location) as opened:
        yield opened


@pytest.fixture
def sqlite_log(tmp_path: Path) -> Iterator[RunLog]:
    with log_in(tmp_path) as opened:
        yield opened


def newest(log: RunLog, **options: str | int) -> list[str]:
    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        return [run.id for run in runs.newest(**options)]  # type: ignore[arg-type]


def test_ids_sort_by_time() -> None:
    """
    Given ids made one after the other,
    when they are made,
    then each has 26 characters and none begins an earlier millisecond.
    """
    ids = [new_id() for _ in range(1_000)]

    assert {len(made) for made in ids} == {26}
    assert len(set(ids)) == 1_000
    assert [made[:10] for made in ids] == sorted(made[:10] for made in ids)


async def test_runs_are_listed_newest_first(log: RunLog) -> None:
    """
    Given three runs,
    when they are listed, a page at a time,
    then the newest comes first and the next page goes on where the first ended.
    """
    ids = [await record_run(log, trial_of(0)) for _ in range(3)]
    listed = sorted(ids, reverse=True)

    assert newest(log) == listed
    assert newest(log, limit=2) == listed[:2]
    assert newest(log, before=listed[1]) == listed[2:]
    assert newest(log, pipeline="other") == []


async def test_a_run_is_found_by_what_people_type(log: RunLog) -> None:
    """
    Given two runs,
    when one is asked for by its id, a unique start, `last`, capitals, or what fits none or both,
    then it is found, or a UsageError says why not.
    """
    ids = sorted([await record_run(log), await record_run(log)])
    unique = next(ids[1][:end] for end in range(1, 27) if not ids[0].startswith(ids[1][:end]))

    assert [run_in(log, text).id for text in (ids[0], unique, "last", ids[0].upper())] == [
        ids[0],
        ids[1],
        ids[1],
        ids[0],
    ]
    with pytest.raises(UsageError, match="no run 'zzz'"):
        run_in(log, "zzz")
    with pytest.raises(UsageError, match="more than one run begins with '0'"):
        run_in(log, "0")
    with pytest.raises(UsageError, match="no run ''"):
        run_in(log, "")


async def test_there_is_no_last_run_in_an_empty_log(log: RunLog) -> None:
    """
    Given a log without runs,
    when the last one is asked for,
    then a UsageError says that there is none.
    """
    with pytest.raises(UsageError, match="no run 'last'"):
        run_in(log)


async def test_a_run_keeps_its_sources(log: RunLog) -> None:
    """
    Given two runs from the same files,
    when the sources of one are read,
    then they are as they were, and kept once.
    """
    run_id = await record_run(log)
    await record_run(log)

    with log.reading() as session:
        files = RunService(session, is_running=log.is_running).files(run_id)
        kept = session.connection().exec_driver_sql("SELECT count(*) FROM snapshots").scalar()
    assert files == {"pipelines/triage.yaml": b"name: triage\n"}
    assert kept == 1


async def test_trials_can_be_narrowed(log: RunLog) -> None:
    """
    Given trials of two rows and two variants,
    when one row, one variant or one status is asked for,
    then only these come.
    """
    run_id = await record_run(
        log, trial_of(0, cell="a"), trial_of(0, cell="b", status="failed"), trial_of(1, cell="a")
    )

    with log.reading() as session:
        trials = TrialService(session)
        cells = [trial.key.cell for trial in trials.of_run(run_id, row=0)]
        row_numbers = [trial.key.row for trial in trials.of_run(run_id, cell="a")]
        failed = [trial.status for trial in trials.of_run(run_id, statuses=["failed", "errored"])]
    assert (cells, row_numbers, failed) == (["a", "b"], [0, 1], ["failed"])


async def test_deleting_says_first_what_goes(log: RunLog) -> None:
    """
    Given two runs with bought answers,
    when one is previewed, then deleted,
    then the preview took nothing, the deletion what was said, and the answers and the other run stay.
    """
    async with recording(log) as recorder:
        await buy(recorder, "row 0")
        recorder.emit(TrialFinished(trial_of(0)))
    other = await record_run(log, trial_of(1))

    with log.reading() as session:
        preview = RemovalService(session, is_running=log.is_running).preview([recorder.run_id])
    before = trials_in(log, recorder.run_id)
    removed = SlicedRemoval(log=log).remove([recorder.run_id])

    assert preview == removed
    assert (removed.runs, removed.trials, removed.verdicts, removed.answers) == ((recorder.run_id,), 1, 2, 0)
    assert removed.text_bytes > 50
    assert before == [trial_of(0)]
    assert newest(log) == [other]
    assert trials_in(log, recorder.run_id) == []
    assert trials_in(log, other) == [trial_of(1)]
    async with recording(log) as after:
        assert await after.recall(asking("row 0")) is not None


class WithOthers(RunLog):
    """A log to which another process writes before each transaction; the last of `most` never comes."""

    most: ClassVar[int]

    @contextmanager
    def writing(self) -> Iterator[Session]:
        type(self).most -= 1
        if not self.most:
            raise ConnectionAbortedError
        with super().writing() as other:
            other.execute(text("update runs set note = 'seen' where 1 = 0"))
        with super().writing() as session:
            yield session


async def test_a_long_run_is_deleted_in_slices_and_that_can_be_cut_off(log: RunLog) -> None:
    """
    Given a run of sixty trials, another run, and somebody who writes between any two transactions,
    when the first is deleted twenty at a time, that is cut off after two slices, and done again,
    then what was cut off is a run that is interrupted and says so, and after that only the other is there.
    """
    run_id = await record_run(log, *(trial_of(row) for row in range(60)))
    other = await record_run(log, trial_of(0))
    WithOthers.most = 4  # to note that it goes, and two slices

    with pytest.raises(ConnectionAbortedError):
        SlicedRemoval(log=WithOthers(log.store, log.engine), first=20, seconds=0).remove([run_id])
    with log.reading() as session:
        cut_off = RunService(session, is_running=log.is_running).find(run_id)
    left = len(trials_in(log, run_id))
    removed = SlicedRemoval(log=log).remove([run_id])

    assert (cut_off.status, "is being deleted" in (cut_off.reason or ""), left) == ("interrupted", True, 20)
    assert removed.trials == 20
    assert newest(log) == [other]
    assert trials_in(log, other) == [trial_of(0)]


async def test_pruning_answers_takes_those_that_no_run_needs(log: RunLog) -> None:
    """
    Given a run that bought two answers and another that recalled the first,
    when the buyer is removed with its answers,
    then the answer that is still used stays, the other goes.
    """
    async with recording(log) as buyer:
        await buy(buyer, "row 0")  # completion 1, which the trials of the kit refer to
        await buy(buyer, "unused")
    await record_run(log, trial_of(0))

    with log.reading() as session:
        old = RemovalService(session, is_running=log.is_running).older(keep=1)
    removed = SlicedRemoval(log=log).remove(old, answers=True)
    log.compact()

    async with recording(log) as after:
        used = await after.recall(asking("row 0"))
        unused = await after.recall(asking("unused"))
    assert (removed.runs, removed.answers) == ((buyer.run_id,), 1)
    assert used is not None
    assert unused is None


async def test_a_living_run_is_not_removed(log: RunLog) -> None:
    """
    Given a run that has not ended,
    when it is pruned by age or named,
    then pruning leaves it out, and naming it is a UsageError.
    """
    async with recording(log) as recorder:
        await recorder.flush()
        with log.reading() as session:
            removal = RemovalService(session, is_running=log.is_running)
            old = removal.older(before=datetime.now(UTC) + timedelta(days=1))
        with pytest.raises(UsageError, match="still running"):
            SlicedRemoval(log=log).remove([recorder.run_id])

    assert old == ()
    assert newest(log) == [recorder.run_id]


async def test_a_run_is_exported_as_one_document(log: RunLog) -> None:
    """
    Given a run with two trials,
    when it is exported,
    then the document has its facts, its files and each trial with steps and verdicts.
    """
    run_id = await record_run(log, trial_of(0), trial_of(1))

    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        document = json.loads("".join(ExportService(session, runs=runs).document(runs.find(run_id))))

    assert document["schema_version"] == 1
    assert (document["run"]["id"], document["run"]["pipeline"]) == (run_id, START.pipeline)
    assert document["files"] == {"pipelines/triage.yaml": "name: triage\n"}
    assert [trial["key"]["row"] for trial in document["trials"]] == [0, 1]
    assert document["trials"][0]["steps"][0]["verdicts"][0]["name"] == "equals"
    assert "output" not in document["trials"][0]["steps"][1]


def test_a_log_that_is_opened_twice_keeps_its_place_beside_another_process(sqlite_log: RunLog) -> None:
    """
    Given a log that a process has open, and opens once more,
    when another process opens and closes it, and the first goes on writing,
    then the other takes no file from under it, and reads what was written.
    """
    name = sqlite_log.name
    count = f"import sqlite3; print(*sqlite3.connect({name!r}).execute('select count(*) from runs'))"
    with sqlite_log.engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM runs").all()
        open_run_log(name).close()
        before = subprocess.check_output([sys.executable, "-c", count], text=True)
        connection.exec_driver_sql("INSERT INTO snapshots (digest, content) VALUES ('a', x'72')")
        connection.commit()
        had_wal = Path(name).with_name("lab.db-wal").exists()

    after = subprocess.check_output([sys.executable, "-c", count.replace("runs", "snapshots")], text=True)

    assert (before, had_wal, after) == ("(0,)\n", True, "(1,)\n")


def test_what_is_read_often_is_read_by_index(sqlite_log: RunLog) -> None:
    """
    Given the questions that a big log must answer at once,
    when their plans are asked for,
    then none scans a table that grows with trials.
    """
    questions = (
        "SELECT max(id) FROM completions WHERE fingerprint IN ('a', 'b') GROUP BY fingerprint",
        "SELECT * FROM runs ORDER BY id DESC LIMIT 50",
        "SELECT * FROM runs WHERE pipeline = 'a' ORDER BY id DESC LIMIT 50",
        "SELECT * FROM trials WHERE run_id = 'a' ORDER BY row, cell_index, repeat",
        "SELECT * FROM verdicts WHERE trial_id IN (1, 2) ORDER BY trial_id, position",
        "SELECT sum(spent_usd) FROM attempts WHERE sent_at >= '2026'",
    )

    with sqlite_log.engine.connect() as connection:
        plans = [
            [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}")]
            for question in questions
        ]

    assert [step for plan in plans for step in plan if "TEMP B-TREE" in step] == []
    assert [step for plan in plans for step in plan if step.startswith("SCAN") and "runs" not in step] == []
