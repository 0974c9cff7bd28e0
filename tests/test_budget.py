"""The limits of a run: what is reserved, what is spent, and what is said when one is reached."""

import asyncio

import pytest

from promptlab.engine.completion import CallFailure, Completion, CompletionRequest, Usage
from promptlab.engine.handlers.budget import Purse
from promptlab.engine.provider import ModelProfile, ServerFault, TimedOut
from promptlab.schemas.pipeline import Limits, RetryPolicy
from tests.chain_kit import Chain
from tests.scripted import ENDPOINT, PRICE, ScriptedProvider, call, request, texts
from tests.virtual_time import virtually

WORST = (request().size * 1.0 + 100 * 2.0) / 1e6  # of one call: each byte a token, and the model's ceiling
REAL = (5 * 1.0 + 10 * 2.0) / 1e6
NO_CEILING = ModelProfile(endpoint=ENDPOINT, model="m", price=PRICE)


async def ask_many(engine: Chain, provider: ScriptedProvider, number: int, **changes: object) -> None:
    await asyncio.gather(*(engine.complete(call(provider, f"{n:02}", **changes)) for n in range(number)))


async def test_spend_comes_near_the_limit_and_never_passes_it() -> None:
    """
    Given room for two calls at their worst case but twenty at their real cost,
    when a hundred calls are made at once,
    then spend ends within one worst case of the limit, below it, and the run is stopped.
    """
    limit = 2.1 * WORST
    engine = Chain(limits=Limits(cost_usd=limit))
    provider = ScriptedProvider("hello", usage=Usage(5, 10))

    await ask_many(engine, provider, 100)

    assert limit - WORST - REAL < engine.budget.spent.usd <= limit
    assert provider.most_in_flight == 2
    assert engine.budget.spent.requests == len(provider.journal)
    assert engine.brake.stop is not None
    assert engine.brake.stop.kind == "limit"


@pytest.mark.parametrize("tokens", [0, 10**6])
async def test_what_is_reserved_is_more_than_any_answer_takes(tokens: int) -> None:
    """
    Given texts that take a token a byte, and an answer as long as it may be,
    when they are asked,
    then what was reserved covers what was used.
    """
    text = "é🎫" * (1 + tokens // 1000)
    used = Usage(len(text.encode()) + 20, 100)
    engine, provider = Chain(limits=Limits(total_tokens=10**9)), ScriptedProvider("hello", usage=used)

    await engine.complete(call(provider, text))

    ((intent, _),) = engine.log.attempts.values()
    assert intent.reserved_usd is not None
    assert intent.reserved_usd >= engine.budget.spent.usd


async def test_what_an_earlier_part_of_the_run_spent_counts() -> None:
    """
    Given a limit of which all but little is spent,
    when a call is made,
    then it does not leave.
    """
    engine, provider = Chain(limits=Limits(cost_usd=1.0)), ScriptedProvider("hello")
    engine.budget.spent = Purse(usd=1.0 - WORST / 2)

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.kind, answer.left, provider.journal) == ("limit", True, [])


async def test_an_unknown_outcome_keeps_its_reservation_as_spent() -> None:
    """
    Given a request of unknown outcome,
    when it ended,
    then its worst case counts as spent, and the answer says that nothing was paid for certain.
    """
    engine = Chain(limits=Limits(cost_usd=1.0), on_unknown="fail")
    provider = ScriptedProvider(TimedOut("late", outcome="unknown"))

    answer = await engine.complete(call(provider))

    assert engine.budget.spent.usd == pytest.approx(WORST)
    assert answer.spent_usd == 0.0
    assert engine.budget.reserved.requests == 0


async def test_the_limit_of_requests_counts_attempts() -> None:
    """
    Given a limit of three requests and a provider that always fails,
    when a call is made,
    then three attempts leave and the call is left.
    """
    engine, provider = Chain(limits=Limits(requests=3)), ScriptedProvider(ServerFault("oops", status=500))

    answer = await engine.complete(call(provider))

    assert isinstance(answer, CallFailure)
    assert (answer.left, answer.attempts, len(provider.journal)) == (True, 3, 3)


async def test_a_limit_of_requests_is_used_to_the_last() -> None:
    """
    Given a limit of seven requests,
    when twenty calls are made at once,
    then seven leave, though all but some had to wait.
    """
    engine, provider = Chain(limits=Limits(requests=7), max_concurrency=2), ScriptedProvider("hello")

    await ask_many(engine, provider, 20)

    assert len(provider.journal) == 7


async def test_recalled_answers_take_nothing_of_a_limit() -> None:
    """
    Given recorded answers and a limit of one request,
    when they are asked for again, with one more,
    then all are answered.
    """
    first, provider = Chain(), ScriptedProvider("hello")
    await ask_many(first, provider, 10)

    engine = Chain(limits=Limits(requests=1), log=first.log.new_run())
    await ask_many(engine, provider, 11)

    assert len(provider.journal) == 11
    assert engine.brake.stop is None


async def test_the_limit_of_tokens_is_kept() -> None:
    """
    Given a limit of tokens,
    when many calls are made,
    then no more than that are used.
    """
    engine = Chain(limits=Limits(total_tokens=1000))
    provider = ScriptedProvider("hello", usage=Usage(50, 100))

    await ask_many(engine, provider, 50)

    assert 700 <= engine.budget.spent.tokens <= 1000
    assert engine.brake.stop is not None
    assert "1000 tokens" in engine.brake.stop.reason


@virtually
async def test_a_call_that_fits_no_more_waits_for_those_in_flight() -> None:
    """
    Given room for one call at its worst, and one in flight that will be cheap,
    when another is made,
    then it waits, and leaves when the first has settled.
    """
    engine, provider = Chain(limits=Limits(cost_usd=WORST * 1.5)), ScriptedProvider("hello")
    provider.gate = asyncio.Event()
    first = asyncio.create_task(engine.complete(call(provider, "aa")))
    second = asyncio.create_task(engine.complete(call(provider, "bb")))
    await asyncio.sleep(0.01)
    before = texts(provider.journal)

    provider.gate.set()
    answers = await asyncio.gather(first, second)

    assert before == ["aa"]
    assert all(isinstance(answer, Completion) for answer in answers)


async def test_without_a_known_ceiling_the_limit_is_soft_and_says_so() -> None:
    """
    Given a model of which nobody knows how long its answers get,
    when calls are made with and without `max_tokens`, and without any limit,
    then the limit is soft only where there is one and no ceiling, and passed by no more than is in flight.
    """
    provider = ScriptedProvider("hello", usage=Usage(5, 1000))
    soft, stated, free = Chain(limits=Limits(cost_usd=0.01), max_concurrency=2), Chain(), Chain()
    stated.budget.limits = Limits(cost_usd=1)
    bounded = CompletionRequest(ENDPOINT, "m", request().messages, {"max_tokens": 10})

    await ask_many(soft, provider, 20, profile=NO_CEILING)
    await stated.complete(call(provider, request=bounded, profile=NO_CEILING))
    await free.complete(call(provider, profile=NO_CEILING))

    assert (soft.budget.soft, stated.budget.soft, free.budget.soft) == (True, False, False)
    assert soft.budget.spent.usd <= 0.01 + 2 * 0.002005


@virtually
async def test_waiting_calls_end_with_the_run() -> None:
    """
    Given a call that waits for another's reservation,
    when the run is interrupted and the other ends,
    then it does not leave, and nothing hangs.
    """
    engine, provider = Chain(limits=Limits(requests=1)), ScriptedProvider("hello")
    provider.gate = asyncio.Event()
    asked = [asyncio.create_task(engine.complete(call(provider, text))) for text in ("aa", "bb")]
    await asyncio.sleep(0.01)

    engine.brake.pull("interrupted", "Ctrl-C")
    provider.gate.set()
    _, second = await asyncio.wait_for(asyncio.gather(*asked), timeout=5)

    assert isinstance(second, CallFailure)
    assert (second.kind, texts(provider.journal)) == ("interrupted", ["aa"])


async def test_a_failed_attempt_costs_a_request_and_no_money() -> None:
    """
    Given a provider that fails once,
    when a call is made,
    then two requests and one answer's cost are spent.
    """
    engine = Chain(limits=Limits(cost_usd=1))
    provider = ScriptedProvider(ServerFault("oops", status=500), "hello", usage=Usage(5, 10))

    await engine.complete(call(provider, retry=RetryPolicy(initial=0)))

    assert engine.budget.spent.requests == 2
    assert engine.budget.spent.usd == pytest.approx(REAL)
