"""The limits of a run and of a day, judged by what came to the provider."""

import asyncio
import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from promptlab.cli.result import warnings
from promptlab.core.errors import UsageError
from promptlab.engine.call import Call
from promptlab.engine.call_log import Intent, MemoryCallLog
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.day_limit import DaySpend
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.live.recorder import Recorder
from promptlab.models import Attempt
from promptlab.schemas.pipeline import Limits
from promptlab.services.run_log import RunLog, open_run_log
from tests.chain_kit import Chain
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab, asked_for, ended, paid
from tests.run_log_kit import ANSWER, START, intent_of
from tests.scripted import ENDPOINT, PROFILE, ScriptedProvider, call, request, texts

WORST = (request().size * 1.0 + 100 * 2.0) / 1e6


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    return Lab(tmp_path, fake_provider.base_url)


def tokens(provider: FakeProvider) -> int:
    usages = [asked.usage for asked in provider.requests() if asked.usage is not None]
    return sum(usage["input_tokens"] + usage["output_tokens"] for usage in usages)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"requests": 7}, "the limit of 7 requests (limits.requests) is reached: 7 were sent"),
        ({"total_tokens": 280}, "the limit of 280 tokens (limits.total_tokens) is reached: "),
        ({"cost_usd": 0.0005}, "the limit of $0.00050 (limits.cost_usd) is reached: "),
        ({"errors": 3}, "the limit of 3 errored trials (limits.errors) is reached"),
        ({"seconds": 0.3}, "the limit of 0.3 seconds (limits.seconds) is reached"),
    ],
)
def test_a_limit_ends_the_run_and_leaves_nothing_open(
    lab: Lab, fake_provider: FakeProvider, limits: dict[str, float], says: str
) -> None:
    """
    Given a limit that forty rows do not fit in,
    when they run, and run again,
    then each ends with 4 and says which limit and what was reached, all that was sent was answered and is on
    record, and the second has a budget of its own and asks nothing twice that was answered.
    """
    lab.write_rows(40)
    lab.write_pipeline(limits=limits)
    fake_provider.configure(latency_ms=60)
    if "errors" in limits:
        fake_provider.script({"user": "00[1-4]", "status": 400})

    first = lab.run(max_concurrency=4)
    sent, answered = fake_provider.sent_count, len(lab.bought())
    second = lab.run(max_concurrency=4)

    assert (first.exit_code, first.status, second.exit_code) == (4, "limited", 4)
    assert says in (first.stopped or "")
    assert {answer.outcome for answer in fake_provider.answers()} <= {"sent"}
    assert fake_provider.sent_count == sum(lab.states().values()) >= sent
    assert set(lab.states()) <= {"received", "failed"}
    assert lab.states().get("received", 0) == len(lab.bought()) >= answered


def test_requests_of_http_steps_keep_no_run_from_going_on(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given rows that each ask a service and then a model, under a limit of fewer requests than rows,
    when the command runs again until it is done,
    then each run sends no more to the model than the limit says, and all rows end with one answer each.
    """
    url = f"{fake_provider.url}/v1/models?w={{{{ word }}}}"
    fetch = {"id": "fetch", "http": {"url": url}}
    say = {"id": "say", "messages": [{"role": "user", "content": "{{ word }} {{ fetch.output | length }}"}]}
    lab.write_pipeline(limits={"requests": 4}, steps=[fetch, say])

    runs = [lab.run() for _ in range(3)]

    asked = [request for request in fake_provider.requests() if request.method == "POST"]
    assert [run.exit_code for run in runs] == [4, 4, 0]
    assert "(limits.requests) is reached: 4 were sent to models" in (runs[0].stopped or "")
    assert len(asked_for(asked)) == len(set(asked_for(asked))) == 10


def test_the_command_that_goes_on_is_said(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run with options that a limit ended,
    when the command runs that it said, as often as there is one,
    then the last ends well, and each row was asked for once.
    """
    arguments = ["run", "words", "--set", "description=a 'b'", "--tag", "words", "--fresh"]
    lab.write_pipeline(limits={"requests": 6}, tags=["words"])
    said = []

    end = lab.command(*arguments)
    for line in end.out.splitlines():
        if "goes on" in line:
            said.append(line)
            end = lab.command(*shlex.split(line.partition("recalled: promptlab ")[2]))

    assert len(said) == 1
    assert "a run with limits of its own goes on, what was answered is recalled" in said[0]
    assert end.code == 0
    assert sorted(asked_for(fake_provider.requests())) == sorted(f"Say word-{n:04}." for n in range(10))


def test_no_more_tokens_are_used_than_the_limit_says(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit of tokens that some thirty of a hundred calls fit in,
    when they run with many at once,
    then the provider counted near the limit and no more.
    """
    lab.write_rows(100)
    lab.write_pipeline(limits={"total_tokens": 1000})
    fake_provider.configure(latency_ms=2, jitter_ms=10)

    summary = lab.run(max_concurrency=32)

    assert summary.exit_code == 4
    assert 500 < tokens(fake_provider) <= 1000


@pytest.mark.parametrize("max_cost", [1.0, None])
def test_neither_pipeline_nor_flag_raises_the_ceiling_of_the_project(
    tmp_path: Path, fake_provider: FakeProvider, max_cost: float | None
) -> None:
    """
    Given a ceiling on cost in promptlab.yaml, and a pipeline and a flag that say more,
    when a hundred rows run,
    then the ceiling holds, and is named.
    """
    lab = Lab(tmp_path, fake_provider.base_url, settings={"limits": {"cost_usd": 0.0005}})
    lab.write_rows(100)
    lab.write_pipeline(limits={"cost_usd": 0.9})

    summary = lab.run(max_cost=max_cost)

    assert summary.exit_code == 4
    assert 0.0002 < paid(fake_provider) <= 0.0005
    assert "$0.00050 (limits.cost_usd of promptlab.yaml)" in (summary.stopped or "")


def test_a_limit_that_no_call_fits_in_must_be_raised(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit below the worst case of one call,
    when a run is asked for,
    then nothing is sent, and it says that the limit must be raised rather than to go on.
    """
    summary = lab.run(max_cost=0.00001)
    said = " ".join(warnings(summary))

    assert (summary.exit_code, fake_provider.sent_count) == (4, 0)
    assert "(--max-cost) is reached: $0 is spent, and the next call may cost $0.00028" in said
    assert "the limit leaves no room for a call: raise it" in said
    assert "goes on" not in said


@pytest.mark.parametrize("script", [{"status": 500}, {"status": 429, "retry_after": {"ms": 1}}])
def test_a_run_that_no_call_was_answered_in_does_not_say_that_it_goes_on(
    lab: Lab, fake_provider: FakeProvider, script: dict[str, Any]
) -> None:
    """
    Given a limit of requests that calls which fail use up,
    when the run is stopped by it,
    then it says that another run begins where this one did.
    """
    retry = {"initial": 0}
    lab.write_pipeline(limits={"requests": 4}, steps=[{**PIPELINE["steps"][0], "retry": retry}])
    fake_provider.script(script)

    said = " ".join(warnings(lab.run(max_concurrency=1)))

    assert "no call was answered, so a run with limits of its own begins where this one did" in said
    assert "goes on" not in said


def test_after_fail_fast_a_resume_goes_on(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a row whose answer fails its check, and --fail-fast,
    when the command runs that the run says,
    then it stops there no more, and every row is done.
    """
    fake_provider.script({"user": "0000", "answer": "no"})

    first = lab.command("run", "words", "--fail-fast", "--max-concurrency", "1")
    (said,) = [line for line in first.out.splitlines() if "goes on" in line]
    again = lab.command(*shlex.split(said.partition("goes on: promptlab ")[2]), "--json")

    assert "promptlab resume" in said
    assert sum(again.summary["trials"].values()) == 10


def test_a_pipeline_that_others_left_no_room_for_goes_on_alone(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a `--max-cost` that the first of two pipelines uses up,
    when both run in one command,
    then the second says the command that goes on, as its JSON does, and with that it runs.
    """
    lab.write_rows(6)
    lab.write("pipelines/more.yaml", {**PIPELINE, "name": "more", "params": {"max_tokens": 51}})
    cost = "0.0003"

    both = lab.command("run", "words", "more", "--max-cost", cost, "--json", "--max-concurrency", "1")
    first, second = (json.loads(line) for line in both.out.splitlines())
    alone = lab.command(*shlex.split(second["command"])[1:], "--json")

    assert (both.code, first["stopped"] is None, second["calls"]["sent"]) == (4, False, 0)
    assert "raise it" not in both.err
    assert "pipelines/more.yaml" in second["command"]
    assert (alone.summary["stopped"] is None) == (alone.summary["command"] is None)
    assert alone.summary["calls"]["sent"] > 0
    assert fake_provider.sent_count == first["calls"]["sent"] + alone.summary["calls"]["sent"]


@pytest.mark.parametrize("where", ["flag", "pipeline", "promptlab.yaml", "a day"])
def test_a_limit_of_cost_needs_a_price(tmp_path: Path, fake_provider: FakeProvider, where: str) -> None:
    """
    Given a model without a price, and a limit of cost, wherever it is said,
    when a run is asked for,
    then it is refused, naming the model and what mends it, and nothing was sent or recorded.
    """
    ceilings = {"promptlab.yaml": {"cost_usd": 1}, "a day": {"cost_usd_per_day": 1}}
    settings: dict[str, Any] = {"prices": {}, "limits": ceilings.get(where, {})}
    lab = Lab(tmp_path, fake_provider.base_url, settings=settings)
    if where == "pipeline":
        lab.write_pipeline(limits={"cost_usd": 1})

    with pytest.raises(UsageError, match=r"price of fake/model-1 is unknown") as refused:
        lab.run(max_cost=1.0 if where == "flag" else None)

    assert "prices" in (refused.value.hint or "")
    assert fake_provider.sent_count == 0
    assert lab.query("select count(*) from runs") == [(0,)]


def test_a_limit_that_cannot_be_kept_exactly_says_so(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model without a known ceiling of output tokens and no `max_tokens`,
    when it runs under a limit of cost, and without one,
    then only the first says that its limit is soft.
    """
    lab.write_pipeline(params={})

    limited = lab.run(max_cost=1.0)
    free = lab.run(fresh=True)

    assert (limited.is_soft, free.is_soft) == (True, False)
    assert [line for line in warnings(limited) if "soft" in line]
    assert fake_provider.sent_count == 20


def test_the_day_has_one_limit_for_runs_at_once(
    tmp_path: Path, fake_provider: FakeProvider, database: str | None
) -> None:
    """
    Given a limit of a day that neither of two pipelines fits in,
    when both run at the same time in processes of their own,
    then together they cost no more than it, hardly less, and each ends with 4 and names it.
    """
    limit = 0.0006
    settings = {"limits": {"cost_usd_per_day": limit}}
    lab = Lab(tmp_path, fake_provider.base_url, settings=settings, database=database)
    lab.write_rows(100)
    lab.write("pipelines/more.yaml", {**PIPELINE, "name": "more", "params": {"max_tokens": 49}})
    fake_provider.configure(latency_ms=20, jitter_ms=30)

    runs = [lab.start("run", name, "--max-concurrency", "8") for name in ("words", "more")]
    ends = [ended(run) for run in runs]

    assert {end.code for end in ends} == {4}
    assert all("$0.00060 a day (limits.cost_usd_per_day of promptlab.yaml)" in end.out for end in ends)
    assert all("a new day begins at 00:00 UTC" in end.out for end in ends)
    assert all("goes on from 00:00 UTC on, or once the limit is raised" in end.out for end in ends)
    assert 0.4 * limit < paid(fake_provider) <= limit
    assert lab.states().keys() == {"received"}


@pytest.fixture
def log(log_location: str) -> Any:
    with open_run_log(log_location) as found:
        yield found


async def begin(log: RunLog, limit: float = 2.5) -> Recorder:
    return await Recorder.begin_run(log, START, cost_usd_per_day=limit)


async def test_the_log_refuses_what_would_pass_the_limit_of_the_day(log: RunLog) -> None:
    """
    Given two runs on a log with a limit that two and a half reservations fit in,
    when each reserves one, both ask for another, and then one's call ends at half of its reservation,
    then both are refused at first, nothing is recorded of that, and afterwards there is room for one.
    """
    async with await begin(log) as one, await begin(log) as other:
        first = await one.intend(intent_of("a"))
        held = await other.intend(intent_of("b"))
        refused = [await run.intend(intent_of("c")) for run in (one, other)]
        before = await other.today()
        assert first is not None
        await one.settle(first, intent_of("a"), ANSWER)
        admitted = await other.intend(intent_of("c"))
        again = await one.intend(intent_of("d"))

    assert None not in (held, admitted)
    assert [*refused, again] == [None, None, None]
    assert before == DaySpend(own=0.0, elsewhere=1.0, held=True)


async def test_what_was_sent_yesterday_counts_no_more(log: RunLog) -> None:
    """
    Given a log in which yesterday used the whole limit,
    when a run begins today,
    then it has the whole limit.
    """
    async with await begin(log) as yesterday:
        for text in "ab":
            await yesterday.intend(intent_of(text))
    day_before = datetime.now(UTC) - timedelta(days=1)
    with log.writing() as session:
        session.execute(update(Attempt).values(sent_at=day_before))

    async with await begin(log) as today:
        admitted = [await today.intend(intent_of(text)) for text in "cd"]
        spend = await today.today()

    assert None not in admitted
    assert spend == DaySpend(own=0.0, elsewhere=0.0, held=False)


class Diary:
    """What other runs spent, as a log would say it."""

    def __init__(self, *spends: DaySpend) -> None:
        self.spends = list(spends)

    async def today(self) -> DaySpend:
        return self.spends.pop(0) if len(self.spends) > 1 else self.spends[0]


async def test_a_run_waits_for_what_others_hold() -> None:
    """
    Given other runs that hold all of the day's limit, and give it back after a while,
    when a call is made,
    then it waits, leaves, and the run is not stopped.
    """
    held, free = DaySpend(elsewhere=1.0, held=True), DaySpend(elsewhere=0.2)
    engine, provider = Chain(day=(1.0, Diary(held, held, held, free))), ScriptedProvider("hello")

    await engine.complete(call(provider))

    assert len(provider.journal) == 1
    assert engine.clock.now() == pytest.approx(0.5)
    assert engine.brake.stop is None


async def test_a_day_without_room_stops_the_run() -> None:
    """
    Given a day whose limit other runs have spent but for less than a call's worst case,
    when many calls are made,
    then none leaves, and the reason has what was spent by all.
    """
    spent = DaySpend(elsewhere=1.0 - WORST / 2)
    engine, provider = Chain(day=(1.0, Diary(spent))), ScriptedProvider("hello")

    await asyncio.gather(*(engine.complete(call(provider, str(number))) for number in range(50)))

    assert provider.journal == []
    assert engine.brake.stop is not None
    assert "$1.00 a day" in engine.brake.stop.reason
    assert "$1.00 is spent by all runs" in engine.brake.stop.reason


async def test_a_new_day_goes_on_by_itself() -> None:
    """
    Given a run that has used up its day, and a midnight that passes,
    when it makes another call,
    then that leaves.
    """
    diary = Diary(DaySpend(), DaySpend(own=2 * WORST), DaySpend())
    engine, provider = Chain(day=(1.5 * WORST, diary)), ScriptedProvider("hello")
    engine.budget.spent.usd = 0.0

    answers = [await engine.complete(call(provider, text)) for text in ("aa", "bb", "cc")]

    assert texts(provider.journal) == ["aa", "bb", "cc"]
    assert len(answers) == 3


class Crowded(MemoryCallLog):
    """Has no room the first time."""

    async def intend(self, intent: Intent) -> int | None:  # type: ignore[override]
        number = next(self._ids)
        return await super().intend(intent) if number > 1 else None


async def test_a_call_that_the_log_refuses_is_made_when_it_has_room() -> None:
    """
    Given a log that has no room for an attempt when its turn comes, as another run was quicker,
    when a call is made,
    then it waits until there is room and is answered, with one attempt on record.
    """
    diary = Diary(DaySpend(), DaySpend(elsewhere=1.0, held=True), DaySpend())
    engine, provider = Chain(day=(1.0, diary), log=Crowded()), ScriptedProvider("hello")

    answer = await engine.complete(call(provider))

    assert (answer.attempts, len(engine.log.attempts), len(provider.journal)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("params", "most"),
    [
        ({}, 100),
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ({"max_output_tokens": 20}, 20),
        ({"max_tokens": 7, "n": 3}, 21),
        ({"n": 2}, 200),
    ],
)
def test_the_most_that_an_answer_may_take(params: dict[str, int], most: int) -> None:
    """
    Given what a request says of the length and number of its answers,
    when its worst case is asked for,
    then it has the longest of each, as often as there are choices.
    """
    ceiling = output_ceiling(params, PROFILE)

    assert ceiling == most


async def test_a_worst_case_with_several_choices_holds_the_limit() -> None:
    """
    Given a limit that one call with three choices does not fit in, while one choice would,
    when it is made,
    then it does not leave.
    """
    engine, provider = Chain(limits=Limits(total_tokens=250)), ScriptedProvider("hello")
    several: Call = call(
        provider, request=CompletionRequest(ENDPOINT, "m", request().messages, {"max_tokens": 50, "n": 5})
    )

    await engine.complete(several)

    assert provider.journal == []
