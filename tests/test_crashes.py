"""Runs that are killed, interrupted, or lose their disk: no answer is lost or bought again."""

import asyncio
import random
import resource
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from promptlab.core.errors import StorageError
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import Provider
from promptlab.engine.targets import Targets
from promptlab.live.project_log import open_log
from promptlab.live.running import RunRequest, run_loaded
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from tests.fakes import FakeProvider
from tests.lab import Lab, asked_for, ended, interrupt
from tests.resume_kit import killed

ROWS = 100
IN_FLIGHT = 16


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    found = Lab(tmp_path, fake_provider.base_url)
    found.write_rows(ROWS)
    return found


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_and_repeats_no_recorded_answer(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run of 200 rows that is killed at four random moments, each time a little further,
    when the same command is given once more,
    then no answer that was on record at a kill was lost or asked for again, all rows end, and the attempts of
    unknown outcome are at most those in flight.
    """
    rows = 200
    lab.write_rows(rows)
    fake_provider.configure(latency_ms=20, jitter_ms=40)
    fallen: list[set[str]] = []
    asked_before: list[int] = []
    for _ in range(4):
        killed(lab, fake_provider, random.randint(1, 50), "run", "words", in_flight=IN_FLIGHT)
        fallen.append(lab.bought())
        asked_before.append(fake_provider.sent_count)

    summary = lab.run()

    asked = asked_for(fake_provider.requests())
    for recorded, sent in zip(fallen, asked_before, strict=True):
        assert recorded <= lab.bought()
        assert recorded.isdisjoint(asked[sent:])
    assert (summary.exit_code, summary.trials) == (0, {"passed": rows})
    assert len(lab.bought()) == rows
    unknown = lab.query("select count(*) from attempts where state = 'unknown' group by run_id")
    assert all(count <= IN_FLIGHT for (count,) in unknown)
    assert lab.states().get("intent", 0) == 0
    attempts, (received,) = sum(lab.states().values()), lab.query("select count(*) from completions")[0]
    assert received == rows
    assert fake_provider.sent_count <= attempts <= fake_provider.sent_count + 4 * IN_FLIGHT
    statuses = Counter(status for (status,) in lab.query("select status from runs"))
    assert statuses == {"interrupted": 4, "passed": 1}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_lets_calls_in_flight_end(
    lab: Lab, fake_provider: FakeProvider, number: signal.Signals, code: int
) -> None:
    """
    Given a run with calls in flight, which are answered once it has heard a signal,
    when it is interrupted once,
    then no new call leaves, those in flight are answered and on record, it says how to go on, and going on
    sends only the rest.
    """
    fake_provider.script({"fault": "hold"})
    run = lab.start("run", "words", "--max-concurrency", str(IN_FLIGHT))
    fake_provider.wait_for_requests(IN_FLIGHT)

    interrupt(run, number)
    run.until_said("for the calls in flight")
    fake_provider.script()
    end = ended(run)
    sent = fake_provider.sent_count
    again = lab.run()

    assert end.code == code
    assert sent == IN_FLIGHT
    assert lab.query("select count(*) from attempts where state <> 'received'") == [(0,)]
    assert "this goes on: promptlab resume " in end.out
    assert "Traceback" not in end.err
    assert (again.exit_code, again.calls.sent) == (0, ROWS - sent)
    assert len(set(asked_for(fake_provider.requests()))) == fake_provider.sent_count == ROWS
    assert lab.query("select status, planned, passed, left from runs order by id") == [
        ("interrupted", ROWS, sent, ROWS - sent),
        ("passed", ROWS, ROWS, 0),
    ]


def test_the_second_signal_ends_it_at_once(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run whose calls are never answered,
    when it is interrupted twice,
    then it ends within a second, and what was in flight is on record as unknown, as dear as it may have been.
    """
    fake_provider.script({"fault": "hang"})
    run = lab.start("run", "words", "--max-concurrency", str(IN_FLIGHT))
    fake_provider.wait_for_requests(IN_FLIGHT)
    interrupt(run)
    run.until_said("for the calls in flight")

    moment = interrupt(run)
    end = ended(run)
    took = time.monotonic() - moment

    assert end.code == 130
    assert took < 8  # a first signal would wait 10 s for the calls in flight
    assert lab.states() == {"unknown": IN_FLIGHT}
    assert lab.query("select spent_usd > 0 from runs") == [(1,)]
    assert "16 attempts of unknown outcome" in end.out
    assert "Traceback" not in end.err


def test_a_full_disk_ends_the_run_and_keeps_what_was_recorded(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a log that may not grow beyond a size that is reached on the way,
    when a run reaches it,
    then it ends with 3 and one message that names the log, sends nothing after it, and going on with more
    room repeats no recorded answer.
    """
    lab.run(limit=1)
    room = lab.log_path.stat().st_size + 100_000

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    fake_provider.script({"answer": "word " + "x" * 4000})
    lab.write_pipeline(params={"max_tokens": 2000})

    end = lab.command("run", "words", preexec=shrink)
    sent, recorded = fake_provider.sent_count, lab.query("select count(*) from completions")[0][0]
    again = lab.run()

    assert end.code == 3
    assert str(lab.log_path) in end.err
    assert len([line for line in end.err.splitlines() if line.startswith("error")]) == 1
    assert "Traceback" not in end.err
    assert 1 < recorded < ROWS
    assert recorded <= sent <= recorded + 2 * IN_FLIGHT
    assert again.calls.sent == ROWS + 1 - recorded


def test_two_runs_at_once_lose_and_mix_nothing(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a pipeline,
    when it runs twice at once,
    then both pass with all their rows, and each request that came is an attempt in the log.
    """
    fake_provider.configure(latency_ms=10)

    runs = [lab.start("run", "words", "--json") for _ in range(2)]
    ends = [ended(run) for run in runs]

    assert [end.code for end in ends] == [0, 0]
    assert [end.summary["trials"]["passed"] for end in ends] == [ROWS, ROWS]
    assert lab.states() == {"received": fake_provider.sent_count}
    assert lab.query("select count(*) from trials group by run_id") == [(ROWS,), (ROWS,)]
    assert sum(end.summary["calls"]["sent"] for end in ends) == fake_provider.sent_count


class Breaking:
    """A provider with a bug in it after some answers."""

    def __init__(self, inner: object, after: int) -> None:
        self.inner = inner
        self.left = after

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def complete(self, request: CompletionRequest) -> Completion:
        self.left -= 1
        if self.left < 0:
            raise KeyError("a bug")
        answer: Completion = await self.inner.complete(request)  # type: ignore[attr-defined]
        return answer


def test_a_bug_ends_the_run_and_keeps_what_was_recorded(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that breaks down by a bug after twenty answers,
    when a pipeline runs,
    then the bug comes out as itself, what was answered is on record, and so is how the run ended.
    """
    lab.write(".env", "FAKE_KEY=fake-test-key\n")
    project = open_project(str(lab.root / "pipelines/words.yaml"))
    build = project.targets()
    targets = Targets(lambda name: cast("Provider", Breaking(build.provider(name), 20)))
    loaded = load_pipeline(project.files, "pipelines/words.yaml", targets)

    async def run() -> set[Any]:
        with open_log(project) as log, pytest.raises(KeyError, match="a bug"):
            await run_loaded(project, loaded, targets, RunRequest(), log=log)
        return asyncio.all_tasks() - {asyncio.current_task()}

    left = asyncio.run(run())

    assert left == set()
    assert len(lab.bought()) == fake_provider.sent_count == 20
    assert lab.query("select status, reason from runs") == [("errored", "a bug: KeyError")]
    assert lab.states()["received"] == 20


def test_a_log_that_cannot_be_made_is_said_before_anything_is_sent(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a project in which the place of the log is taken by a file,
    when a pipeline runs,
    then that is said by its path, and nothing was sent.
    """
    lab.write(".promptlab", "in the way")

    with pytest.raises(StorageError, match=r"\.promptlab"):
        lab.run()

    assert fake_provider.sent_count == 0
