"""What the recorder promises: committed before anybody sees it, and nobody waits for ever."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from promptlab.core.errors import StorageError
from promptlab.engine.completion import CallFailure
from promptlab.live.recorder import Recorder
from promptlab.schemas.events import CallRecalled, RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd
from promptlab.schemas.run import TrialStatus
from promptlab.services.run_log import RunLog, open_run_log
from promptlab.services.runs import RunService
from tests.run_log_kit import (
    ANSWER,
    START,
    asking,
    buy,
    intent_of,
    log_in,
    record_run,
    recording,
    run_in,
    trial_of,
    trials_in,
)

ODD_TEXTS = [
    "",
    "nul \0 inside",
    "lone \ud800 surrogate",
    "\x01json:",
    "é 日本 🎫",
    '{"a": 1}',
    "x" * 100_000,
]


@pytest.fixture
def log(log_location: str) -> Iterator[RunLog]:
    with open_run_log(log_location) as opened:
        yield opened


@pytest.fixture
def sqlite_log(tmp_path: Path) -> Iterator[RunLog]:
    with log_in(tmp_path) as opened:
        yield opened


def rows(log: RunLog, query: str) -> list[Any]:
    with log.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


async def test_a_recorded_answer_is_recalled_as_it_was_bought(log: RunLog) -> None:
    """
    Given an answer that an earlier run bought,
    when another run asks for the same,
    then it gets the answer with its first cost and latency, marked as recalled.
    """
    async with recording(log) as first:
        bought = await buy(first, "a")

    async with recording(log) as second:
        found = await second.recall(asking("a"))
        missing = await second.recall(asking("b"))

    assert found == replace(ANSWER, id=bought, recalled=True, raw=b"")
    assert missing is None


async def test_the_newest_answer_is_recalled(log: RunLog) -> None:
    """
    Given two answers to the same request,
    when it is asked for, in any run and in the first run alone,
    then any run gives the newest, and the first run its own.
    """
    async with recording(log) as first:
        await buy(first, "a")
        async with recording(log) as second:
            await buy(second, "a", replace(ANSWER, text="newer"))
        anywhere = await first.recall(asking("a"))
        own = await first.recall(asking("a"), own_run_only=True)
        nothing = await first.recall(asking("b"), own_run_only=True)

    assert (anywhere and anywhere.text, own and own.text, nothing) == ("newer", "billing", None)


async def test_many_look_ups_at_once_each_get_their_own(log: RunLog) -> None:
    """
    Given 100 recorded answers,
    when 200 requests, each twice, are looked up in the same turn,
    then the recorded ones get theirs and the others nothing.
    """
    async with recording(log) as recorder:
        await asyncio.gather(*(buy(recorder, str(n), replace(ANSWER, text=f"t{n}")) for n in range(100)))
        asked = [asking(str(n)) for n in range(200)] * 2
        found = await asyncio.gather(*map(recorder.recall, asked))

    texts = [answer.text if answer else None for answer in found]
    assert texts == [*(f"t{n}" for n in range(100)), *[None] * 100] * 2


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_any_text_comes_back_as_it_was(log: RunLog, text: str) -> None:
    """
    Given an answer of any text,
    when it is recorded, recalled and read in a trial,
    then not a character changed.
    """
    step = replace(
        trial_of(0).steps[0], output=text, error=text, messages=({"role": "user", "content": text},)
    )
    trial = replace(trial_of(0), steps=(step,), outputs={"text": text, "nothing": None})
    async with recording(log) as recorder:
        await buy(recorder, "a", replace(ANSWER, text=text, raw=text.encode(errors="surrogatepass")))
        recorder.emit(TrialFinished(trial))
        found = await recorder.recall(asking("a"))

    assert found is not None
    assert found.text == text
    assert trials_in(log, recorder.run_id) == [trial]


async def test_attempts_say_how_they_ended(log: RunLog) -> None:
    """
    Given an attempt that was answered, one that failed, one of unknown outcome and one that never ended,
    when the run ends,
    then each has its state, and what may have been paid counts as spent.
    """
    async with recording(log) as recorder:
        await buy(recorder, "answered")
        for outcome in ("failed", "unknown"):
            attempt = await recorder.intend(intent_of(outcome, number=2))
            assert attempt is not None
            failure = CallFailure(kind="server", message="no", status=500, outcome=outcome)
            await recorder.settle(attempt, intent_of(outcome), failure)
        await recorder.intend(intent_of("hanging", reserved=2.0))
        await recorder.end_run(RunEnd(status="errored"))

    states = rows(log, "SELECT state, spent_usd, status_code, completion_id FROM attempts ORDER BY id")
    run = run_in(log)
    assert states == [
        ("received", 0.5, None, 1),
        ("failed", 0.0, 500, None),
        ("unknown", 1.0, 500, None),
        ("unknown", 2.0, None, None),
    ]
    assert (run.attempts, run.sent, run.spent_usd) == (4, 2, 3.5)
    with log.reading() as session:
        unknown = RunService(session, is_running=log.is_running).unknown_attempts(run.id)
    assert [attempt.reserved_usd for attempt in unknown] == [1.0, 2.0]


async def test_a_cost_that_is_unknown_makes_the_sum_unknown(log: RunLog) -> None:
    """
    Given a run with an answer of known cost and one of unknown cost,
    when it ends,
    then what it spent is unknown.
    """
    async with recording(log) as recorder:
        await buy(recorder, "a")
        await buy(recorder, "b", replace(ANSWER, cost_usd=None))
        await recorder.end_run(RunEnd(status="passed"))

    assert run_in(log).spent_usd is None


async def test_an_intent_given_up_before_it_left_is_struck_out(log: RunLog) -> None:
    """
    Given an intent whose task is cancelled while it waits for the disk,
    when the run ends,
    then there is no attempt, and none is counted.
    """
    async with recording(log) as recorder:
        task = asyncio.create_task(recorder.intend(intent_of("a")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await recorder.flush()
        await recorder.end_run(RunEnd(status="interrupted"))

    assert rows(log, "SELECT * FROM attempts") == []
    assert rows(log, "SELECT sent, attempts, spent_usd FROM runs") == [(0, 0, 0.0)]


async def test_a_run_tells_what_happened(log: RunLog) -> None:
    """
    Given a run with trials of each status and a recalled call,
    when it ends,
    then its record counts them and has what it was started and ended with.
    """
    statuses: tuple[TrialStatus, ...] = ("passed", "passed", "failed", "errored", "skipped", "left")
    async with recording(log) as recorder:
        recorder.emit(RunStarted("triage", 6, ("base", "few-shot")))
        recorder.emit(CallRecalled("openai/gpt-4o-mini", shared=False))
        for row, status in enumerate(statuses):
            recorder.emit(TrialFinished(trial_of(row, status=status)))
        await recorder.flush()
        running = run_in(log)
        await recorder.end_run(
            RunEnd(status="failed", seconds=2.0, metrics={"pass_rate": 0.5}, gates=({"a": 1},))
        )

    run = run_in(log)
    assert (running.status, running.ended_at) == ("running", None)
    assert (run.status, run.seconds, run.metrics, run.gates) == (
        "failed",
        2.0,
        {"pass_rate": 0.5},
        ({"a": 1},),
    )
    assert (run.passed, run.failed, run.errored, run.skipped, run.left, run.done) == (2, 1, 1, 1, 1, 5)
    assert (run.planned, run.cells, run.recalled, run.cost_usd) == (6, ("base", "few-shot"), 1, 3.0)
    assert (run.pipeline, run.note, run.git_commit, run.git_dirty) == ("triage", "a try", "abc123", True)
    assert run.ended_at is not None
    assert run.started_at.tzinfo is not None
    assert run.started_at <= run.ended_at


async def test_trials_come_back_in_order(log: RunLog) -> None:
    """
    Given trials that ended in any order,
    when the run is read,
    then they come by row, cell as declared, and repeat, each as it was.
    """
    trials = [
        trial_of(row, cell=cell, repeat=repeat)
        for row in range(150)
        for cell in ("zero", "few")
        for repeat in (0, 1)
    ]

    run_id = await record_run(log, *sorted(trials, key=hash_of), cells=("zero", "few"))

    assert trials_in(log, run_id) == trials
    assert rows(log, "SELECT count(*) FROM rows") == [(150,)]


def hash_of(trial: Any) -> int:
    return hash((trial.key.row * 7919 % 31, trial.key.cell, trial.key.repeat))


async def test_a_failing_writer_fails_everything_that_waits_and_all_that_comes(log: RunLog) -> None:
    """
    Given a log whose tables vanish under a run,
    when it goes on,
    then what waits, each later call and event, the end and the close raise StorageError with the path.
    """
    recorder = await Recorder.begin_run(log, START)
    with log.writing() as session:
        session.execute(text("DROP TABLE attempts"))

    waiting = await asyncio.gather(
        *(recorder.intend(intent_of(str(n))) for n in range(10)), return_exceptions=True
    )

    assert {type(error) for error in waiting} == {StorageError}
    assert log.name in str(waiting[0])
    with pytest.raises(StorageError):
        await recorder.settle(1, intent_of("a"), ANSWER)
    with pytest.raises(StorageError):
        recorder.emit(TrialFinished(trial_of(0)))
    with pytest.raises(StorageError):
        await recorder.end_run(RunEnd(status="passed"))
    with pytest.raises(StorageError):
        await recorder.close()


async def test_events_wait_where_the_disk_is_far_behind(log: RunLog) -> None:
    """
    Given another process that holds the log, and a run that produces 60 MB meanwhile,
    when the log is free again,
    then the run had been made to wait, and nothing is lost.
    """
    big = replace(trial_of(0).steps[0], output="x" * 5_000_000)
    async with recording(log) as recorder:

        def produce() -> None:
            for row in range(12):
                recorder.emit(TrialFinished(replace(trial_of(row), steps=(big,))))

        producer = threading.Thread(target=produce)
        with log.writing() as other:
            other.execute(text("SELECT 1"))
            producer.start()
            await asyncio.sleep(0.3)
            waited = producer.is_alive()
        await asyncio.to_thread(producer.join)

    assert waited
    assert len(trials_in(log, recorder.run_id)) == 12


def child(location: str, program: str, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    prelude = """
        import asyncio, os, resource, signal, sys
        from pathlib import Path
        from dataclasses import replace
        from promptlab.schemas.events import TrialFinished
        from promptlab.schemas.log import RunEnd
        from tests.run_log_kit import *
        log = open_run_log(sys.argv[1])
    """
    program = textwrap.dedent(prelude) + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", program, location, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        **options,
    )


async def until_given_back(log: RunLog, run_id: str) -> None:
    """Wait for the server to see that a process is gone; a file system knows at once."""
    async with asyncio.timeout(60):
        while log.is_running(run_id):
            await asyncio.sleep(0.01)


async def test_a_killed_run_loses_no_committed_answer(log_location: str, log: RunLog) -> None:
    """
    Given a run with 16 calls in flight that says each answer once it is committed,
    when it is killed in the middle,
    then each answer it said is there, at most 16 attempts are unknown, and the run is an interrupted one.
    """
    process = child(
        log_location,
        """
        async def main():
            async with recording(log) as recorder:
                async def work(worker):
                    for n in range(10_000):
                        text = f"{worker}-{n}"
                        await buy(recorder, text)
                        os.write(1, (text + "\\n").encode())
                        recorder.emit(TrialFinished(trial_of(worker * 10_000 + n)))
                await asyncio.gather(*(work(worker) for worker in range(16)))
        asyncio.run(main())
        """,
    )
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(200)]
    alive = run_in(log)
    process.kill()
    rest, _ = process.communicate(timeout=60)
    said += rest.split()
    await until_given_back(log, alive.id)

    recorded = {fingerprint for (fingerprint,) in rows(log, "SELECT fingerprint FROM completions")}
    assert {asking(text).fingerprint for text in said} <= recorded
    assert (alive.status, run_in(log).status) == ("running", "interrupted")
    async with recording(log) as next_one:
        pass
    states = dict(rows(log, "SELECT state, count(*) FROM attempts GROUP BY state"))
    assert states.get("unknown", 0) <= 16
    assert states.get("intent", 0) == 0
    assert run_in(log).id == next_one.run_id
    assert log.lock_owners() == []
    assert rows(log, "SELECT reason FROM runs ORDER BY id LIMIT 1") == [("its process died",)]
    with log.reading() as session:
        assert log.store.fault(session) is None


def test_processes_that_write_at_once_lose_nothing(log_location: str, log: RunLog) -> None:
    """
    Given an empty log,
    when four processes run at once,
    then each ends well, and all that they recorded is there.
    """
    program = """
        async def main():
            async with recording(log) as recorder:
                async def work(n):
                    await buy(recorder, f"{os.getpid()}-{n}")
                    recorder.emit(TrialFinished(trial_of(n)))
                await asyncio.gather(*(work(n) for n in range(100)))
                await recorder.end_run(RunEnd(status="passed"))
        asyncio.run(main())
    """

    processes = [child(log_location, program) for _ in range(4)]
    ends = [(process.communicate(timeout=90)[1], process.returncode) for process in processes]

    assert ends == [("", 0)] * 4
    assert rows(log, "SELECT status, passed, sent FROM runs") == [("passed", 100, 100)] * 4
    assert rows(log, "SELECT count(DISTINCT fingerprint), count(*) FROM completions") == [(400, 400)]
    assert rows(log, "SELECT count(*) FROM attempts WHERE state = 'received'") == [(400,)]


def test_a_full_disk_stops_the_run_and_keeps_what_was_recorded(sqlite_log: RunLog) -> None:
    """
    Given a file system that takes no file beyond 1 MB,
    when a run records more,
    then it ends with a StorageError that names the log, and all that was committed is there.
    """
    process = child(
        sqlite_log.name,
        """
        from promptlab.core.errors import StorageError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        async def main():
            async with recording(log) as recorder:
                for n in range(1_000):
                    await buy(recorder, str(n), replace(ANSWER, text="x" * 20_000))
                    print(n, flush=True)
        try:
            asyncio.run(main())
        except StorageError as error:
            print(error, file=sys.stderr)
            sys.exit(error.exit_code)
        """,
    )
    said, message = process.communicate(timeout=60)

    recorded = {fingerprint for (fingerprint,) in rows(sqlite_log, "SELECT fingerprint FROM completions")}
    assert process.returncode == 3
    assert sqlite_log.name in message
    assert 5 < len(said.split()) < 100
    assert {asking(n).fingerprint for n in said.split()} <= recorded


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_small_disk_says_that_it_is_full(small_disk: Path) -> None:
    """
    Given a disk of 1 MB,
    when a run records more,
    then the error says that the disk is full, and what was recorded can be recalled.
    """
    with log_in(small_disk) as log:
        committed: list[str] = []
        with pytest.raises(StorageError, match="the disk is full"):
            await fill(log, committed)
        recorded = {fingerprint for (fingerprint,) in rows(log, "SELECT fingerprint FROM completions")}

    assert {asking(n).fingerprint for n in committed} <= recorded
    assert len(committed) > 10


async def fill(log: RunLog, committed: list[str]) -> None:
    async with recording(log) as recorder:
        for n in map(str, range(1_000)):
            await buy(recorder, n, replace(ANSWER, text="x" * 10_000))
            committed.append(n)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


async def test_a_read_only_log_is_said_to_be_so(small_disk: Path) -> None:
    """
    Given a log on a disk that has become read-only,
    when a run begins,
    then a StorageError says so.
    """
    log_in(small_disk).close()
    make_read_only(small_disk)

    with pytest.raises(StorageError, match=r"cannot be opened|read-only"), log_in(small_disk) as log:
        await Recorder.begin_run(log, START)
