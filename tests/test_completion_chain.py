"""The completion chain: recalled, tried again, throttled, and on record before and after."""

import asyncio
from dataclasses import dataclass

import pytest

from promptlab.engine.call_log import Intent, MemoryCallLog
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.handlers.record import Record
from promptlab.engine.provider import (
    ConnectionFailed,
    InvalidRequest,
    ModelProfile,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
)
from promptlab.schemas.events import AttemptEnded, AttemptSent, CallRecalled, ModelClosed
from promptlab.schemas.pipeline import RetryPolicy
from tests.chain_kit import Chain, ask
from tests.scripted import ENDPOINT, PRICE, Heard, ScriptedProvider, call, texts
from tests.virtual_time import virtually


async def test_a_recorded_completion_is_not_bought_twice() -> None:
    """
    Given a completion already in the log,
    when the same request is made again,
    then it is answered from the log and the provider is not asked.
    """
    engine, provider = Chain(), ScriptedProvider("hello")

    first = await engine.complete(call(provider))
    second = await engine.complete(call(provider))

    assert isinstance(first, Completion)
    assert isinstance(second, Completion)
    assert (first.recalled, second.recalled) == (False, True)
    assert texts(provider.journal) == ["hi"]


async def test_identical_requests_in_flight_are_sent_once() -> None:
    """
    Given ten identical requests,
    when they are made at once,
    then one leaves and the nine others share its answer.
    """
    engine, provider = Chain(), ScriptedProvider("hello")

    answers = await asyncio.gather(*(engine.complete(call(provider)) for _ in range(10)))

    assert [answer.text for answer in answers if isinstance(answer, Completion)] == ["hello"] * 10
    assert len(provider.journal) == 1
    assert len(engine.heard.of(CallRecalled)) == 9


@virtually
async def test_a_waiter_that_gives_up_does_not_end_the_shared_call() -> None:
    """
    Given a call in flight,
    when the only waiter is cancelled,
    then the answer is received and recorded all the same.
    """
    engine, provider = Chain(), ScriptedProvider("hello")
    provider.gate = asyncio.Event()
    waiter = asyncio.create_task(engine.complete(call(provider)))
    await asyncio.sleep(0.01)

    waiter.cancel()
    await asyncio.sleep(0)
    provider.gate.set()
    await engine.recall.drain()

    assert [answer.text for answer in engine.log.completions.values()] == ["hello"]


async def test_a_fresh_call_recalls_only_what_its_own_run_recorded() -> None:
    """
    Given a log that hears whether it is asked for the run's own answers alone,
    when a call is made as usual, with `recall: false`, and in a fresh run,
    then the last two ask so.
    """
    provider = ScriptedProvider("hello")
    asked: list[bool] = []

    @dataclass
    class Listening(MemoryCallLog):
        async def recall(
            self, request: CompletionRequest, *, own_run_only: bool = False
        ) -> Completion | None:
            asked.append(own_run_only)
            return await super().recall(request)

    engine = Chain(log=Listening())
    await engine.complete(call(provider))
    await engine.complete(call(provider, recall=False))
    await Chain(log=engine.log, fresh=True).complete(call(provider))

    assert asked == [False, True, True]


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow down"),
        TimedOut("late", outcome="unknown"),
        ServerFault("oops"),
        ConnectionFailed("cut"),
    ],
)
async def test_what_may_pass_by_itself_is_tried_again(error: Exception) -> None:
    """
    Given a provider that fails once,
    when a call is made,
    then it is tried again after the first pause, and both attempts are on record.
    """
    engine, provider = Chain(), ScriptedProvider(error, "hello")  # type: ignore[arg-type]

    answer = await engine.complete(call(provider))

    assert isinstance(answer, Completion)
    assert answer.attempts == 2
    assert engine.clock.now() == pytest.approx(0.5)
    assert [attempt.number for attempt, _ in engine.log.attempts.values()] == [1, 2]
    assert [event.failure for event in engine.heard.of(AttemptEnded)][1] is None


async def test_a_failure_that_will_not_pass_is_not_repeated() -> None:
    """
    Given a provider that does not take the request,
    when a call is made,
    then it is sent once and fails.
    """
    engine, provider = Chain(), ScriptedProvider(InvalidRequest("no such parameter", status=400))

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.kind, answer.left, len(provider.journal)) == ("invalid_request", False, 1)


async def test_an_unknown_outcome_is_not_repeated_where_that_is_refused() -> None:
    """
    Given a request that left and was never answered,
    when --on-unknown is fail,
    then nothing is sent again.
    """
    engine = Chain(on_unknown="fail")
    provider = ScriptedProvider(TimedOut("late", outcome="unknown"), "hello")

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.outcome, len(provider.journal)) == ("unknown", 1)


async def test_a_retry_after_is_obeyed() -> None:
    """
    Given a provider that asks to wait 7 seconds,
    when the call is repeated,
    then 7 seconds have passed.
    """
    engine, provider = Chain(), ScriptedProvider(RateLimited("slow down", retry_after=7.0), "hello")

    await engine.complete(call(provider))

    assert engine.clock.now() >= 7.0


async def test_a_retry_after_beyond_the_cap_closes_the_model() -> None:
    """
    Given a provider that asks to wait an hour, and a cap of a minute,
    when calls are made,
    then the first closes the model and the second is not sent.
    """
    engine, provider = Chain(), ScriptedProvider(RateLimited("quota until noon", retry_after=3600.0))

    first = await engine.complete(call(provider, "one"))
    second = await engine.complete(call(provider, "two"))

    assert isinstance(first, CallFailure)
    assert isinstance(second, CallFailure)
    assert (first.left, second.kind, texts(provider.journal)) == (True, "closed", ["one"])
    assert engine.heard.of(ModelClosed) == [
        ModelClosed("scripted/m", "quota until noon; it asks to come back in 1 h 00 min")
    ]


async def test_a_refused_key_is_tried_by_no_more_calls_than_were_in_flight() -> None:
    """
    Given a provider that refuses the key,
    when a hundred calls are made with four at once,
    then at most four leave and all are left for a later run.
    """
    engine, provider = Chain(max_concurrency=4), ScriptedProvider(Refused("bad key", status=401))

    answers = await asyncio.gather(*(engine.complete(call(provider, str(number))) for number in range(100)))

    assert all(isinstance(answer, CallFailure) and answer.left for answer in answers)
    assert len(provider.journal) == 4


async def test_no_more_calls_are_in_flight_than_asked() -> None:
    """
    Given a limit of three at once,
    when twenty calls are made,
    then never more than three are in flight.
    """
    engine, provider = Chain(max_concurrency=3), ScriptedProvider("hello")

    await asyncio.gather(*(engine.complete(call(provider, str(number))) for number in range(20)))

    assert (provider.most_in_flight, len(provider.journal)) == (3, 20)


async def test_requests_a_minute_are_kept() -> None:
    """
    Given a model of 60 requests a minute,
    when eleven calls are made,
    then about ten seconds pass.
    """
    engine, provider = Chain(), ScriptedProvider("hello")
    profile = ModelProfile(endpoint=ENDPOINT, model="m", price=PRICE, requests_per_minute=60)

    await asyncio.gather(
        *(engine.complete(call(provider, str(number), profile=profile)) for number in range(11))
    )

    assert engine.clock.now() == pytest.approx(10, abs=0.5)


async def test_nothing_is_sent_after_the_brake() -> None:
    """
    Given a run that was interrupted,
    when a call is made,
    then it does not leave and no attempt is recorded.
    """
    engine, provider = Chain(), ScriptedProvider("hello")
    engine.brake.pull("interrupted", "Ctrl-C")

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.kind, answer.attempts, provider.journal, engine.log.attempts) == ("interrupted", 0, [], {})


async def test_an_interrupt_ends_a_pause() -> None:
    """
    Given a call that waits an hour to be tried again,
    when the run is interrupted,
    then it ends at once.
    """
    engine, provider = Chain(), ScriptedProvider(ServerFault("oops", retry_after=3600.0))
    patient = RetryPolicy(max=7200)
    waiting = asyncio.create_task(engine.complete(call(provider, retry=patient)))
    while not engine.heard.of(AttemptSent):
        await asyncio.sleep(0)

    engine.brake.pull("interrupted", "Ctrl-C")
    answer = await waiting

    assert isinstance(answer, CallFailure)
    assert len(provider.journal) == 1


async def test_every_attempt_is_on_record_before_it_leaves() -> None:
    """
    Given a provider that looks into the log when it is asked,
    when a call is made,
    then its intent is there already, without a result.
    """
    engine = Chain()
    seen: list[object] = []

    def look(_request: object) -> str:
        seen.extend(result for _, result in engine.log.attempts.values())
        return "hello"

    await engine.complete(call(ScriptedProvider(look)))

    assert seen == [None]


@virtually
async def test_a_cancelled_attempt_is_of_unknown_outcome() -> None:
    """
    Given a request in flight,
    when the whole flight is cancelled,
    then the attempt is recorded as unknown.
    """
    log, heard, provider = MemoryCallLog(), Heard(), ScriptedProvider("hello")
    provider.gate = asyncio.Event()
    flying = asyncio.create_task(Record(log, heard).handle(call(provider), ask))
    await asyncio.sleep(0.01)

    flying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flying

    ((_, result),) = log.attempts.values()
    assert isinstance(result, CallFailure)
    assert result.outcome == "unknown"


async def test_a_provider_that_answers_nobody_is_closed() -> None:
    """
    Given a provider that cannot be reached,
    when a hundred calls are made,
    then the model is closed once the first call has used up its attempts, and all are left.
    """
    engine, provider = Chain(max_concurrency=4), ScriptedProvider(ConnectionFailed("refused"))

    answers = await asyncio.gather(*(engine.complete(call(provider, str(number))) for number in range(100)))

    assert all(isinstance(answer, CallFailure) and answer.left for answer in answers)
    assert len(engine.heard.of(ModelClosed)) == 1


async def test_a_call_whose_intent_was_written_too_late_does_not_leave() -> None:
    """
    Given a log that takes its time to write an intent,
    when the run is interrupted meanwhile,
    then the call does not leave, and no attempt is on record.
    """
    provider = ScriptedProvider("hello")

    @dataclass
    class Interrupting(MemoryCallLog):
        async def intend(self, intent: Intent) -> int:
            engine.brake.pull("interrupted", "Ctrl-C")
            return await super().intend(intent)

    engine = Chain(log=Interrupting())

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.kind, answer.attempts, provider.journal) == ("interrupted", 0, [])
    assert engine.log.attempts == {}
    assert engine.heard.of(AttemptSent) == []
