"""A `check` that is killed: what it had sent is of unknown outcome, listed, and asked again or not."""

import json
import threading
from pathlib import Path

import pytest

from promptlab.core.errors import UsageError
from promptlab.core.files import FileLock
from promptlab.live.recorder import Recorder
from promptlab.schemas.log import RunEnd
from promptlab.services.run_log import RunLog
from promptlab.services.sliced_removal import SlicedRemoval
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab, ended
from tests.resume_kit import killed
from tests.run_log_kit import START, intent_of, log_in

RUBRIC = {"llm-rubric": "is {{ word }}"}
GOOD = json.dumps({"reason": "Good.", "pass": True, "score": 1})
ROWS = 3


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    """A stored run of three rows, and a check of it that was killed with three calls in flight."""
    found = Lab(tmp_path, fake_provider.base_url)
    found.write_rows(ROWS)
    assert found.command("run", "words").code == 0
    step = {**PIPELINE["steps"][0], "checks": [RUBRIC]}
    found.write_pipeline(steps=[step], judge="fake/judge-1")
    fake_provider.script({"body": "judge-1", "fault": "hang"})
    check = found.start("check", "last")
    fake_provider.wait_for_requests(2 * ROWS)
    check.kill()
    ended(check)
    fake_provider.script({"body": "judge-1", "answer": GOOD})
    return found


def locks(lab: Lab) -> list[str]:
    return sorted(path.name for path in (lab.log_path.parent / "runs").iterdir())


def test_what_a_killed_check_had_sent_is_listed_and_asked_again_or_not(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a check that was killed with three calls in flight,
    when the run is checked with `--on-unknown fail`, then with `retry`, and once more,
    then the first two say what may have been paid for; the first asks nothing, the second asks again, and
    the third has nothing to tell or to ask.
    """
    refused = lab.command("check", "last", "--on-unknown", "fail", "--json")
    sent = fake_provider.sent_count
    states = lab.states()
    asked = lab.command("check", "last", "--json")
    again = lab.command("check", "last", "--json")

    said = "a check (or a run that is deleted) left 3 attempts of unknown outcome, at most $"
    assert said in refused.err
    assert "not asked again (--on-unknown fail):" in refused.err
    assert f"  judges, fake/judge-1: {ROWS} attempts, at most $" in refused.err
    assert (refused.code, refused.summary["trials"]["errored"], sent) == (1, ROWS, 2 * ROWS)
    assert states == {"received": ROWS, "unknown": ROWS}
    assert said in asked.err
    assert "asked again:" in asked.err
    assert (asked.code, asked.summary["calls"]["sent"], fake_provider.sent_count) == (0, ROWS, 3 * ROWS)
    assert "unknown outcome" not in again.err
    assert (again.code, again.summary["calls"]["recalled"], fake_provider.sent_count) == (0, ROWS, 3 * ROWS)
    assert locks(lab) == []


def test_a_run_gives_up_what_a_killed_check_had_sent(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a check that was killed with three calls in flight,
    when the pipeline is run with `--on-unknown fail`,
    then these are of unknown outcome, as dear as they may have been, and are not asked again.
    """
    end = lab.command("run", "words", "--on-unknown", "fail", "--json")

    assert (end.code, end.summary["trials"]["errored"], fake_provider.sent_count) == (1, ROWS, 2 * ROWS)
    assert lab.states() == {"received": ROWS, "unknown": ROWS}
    assert lab.query("select count(*) from attempts where spent_usd = reserved_usd") == [(ROWS,)]


async def test_a_check_that_lives_is_left_alone(tmp_path: Path) -> None:
    """
    Given calls aside that are under way,
    when a run begins, and one that never came on record has left its lock behind,
    then the calls stay open, and only the lock of the dead goes.
    """
    with log_in(tmp_path) as log:
        lock_left_by("dead", log)
        async with await Recorder.aside(log) as living:
            await living.intend(intent_of("a"))

            async with await Recorder.begin_run(log, START) as run:
                await run.end_run(RunEnd(status="passed"))

            with log.reading() as session:
                states = list(session.connection().exec_driver_sql("select state from attempts").scalars())
            left = [path.stem for path in (Path(log.name).parent / "runs").iterdir()]

    assert states == ["intent"]
    assert left == [living.run_id]


async def test_no_answers_are_pruned_while_a_check_is_running(tmp_path: Path) -> None:
    """
    Given a call aside that is under way,
    when answers are pruned,
    then that is refused, and the call stays on record.
    """
    with log_in(tmp_path) as log:
        async with await Recorder.aside(log) as living:
            await living.intend(intent_of("a"))

            with pytest.raises(UsageError, match="a check is still running"):
                SlicedRemoval(log=log).remove([], answers=True)

            with log.reading() as session:
                kept = session.connection().exec_driver_sql("select count(*) from attempts").scalar()

    assert kept == 1


def lock_left_by(name: str, log: RunLog) -> None:
    lock = log.lock_of(name)
    assert isinstance(lock, FileLock)
    assert lock.acquire()
    lock.release()


def test_the_calls_of_a_deleted_run_that_had_died_are_of_unknown_outcome(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run that was killed with three calls in flight,
    when it is deleted,
    then its attempts, which stay, are of unknown outcome.
    """
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, ROWS, "run", "words", "--fresh")
    before = lab.states()

    assert lab.command("runs", "delete", "last", "--yes").code == 0

    assert before["intent"] == ROWS
    assert lab.states() == {"received": ROWS, "unknown": 2 * ROWS}


def test_one_s_own_lock_is_waited_for(tmp_path: Path) -> None:
    """
    Given somebody who looks whether a lock is held, and takes its file away as that of a dead,
    when its owner takes it at that moment,
    then it has it, in a file that is there.
    """
    path = tmp_path / "x.lock"
    looking, own = FileLock(path), FileLock(path)
    assert looking.acquire()
    looker = threading.Timer(0.05, looking.remove)
    looker.start()

    own.wait()
    looker.join()

    assert path.exists()
    assert not FileLock(path).acquire()
